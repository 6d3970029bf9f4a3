//! F5: a truth of our own planted into the customer's pupils, covariates and doses: no effect, and one of 1 percentage
//! point per step. The engine must find it back.
//!
//! Outcomes are drawn from the fitted model with every part of the dose taken out, with new school effects, and (second
//! truth) with a slope on the main part that makes about 1 percentage point per step. The truth of a replicate is the
//! exact mean change of the risks that were drawn from.

use ndarray::{Array1, Array2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use super::likelihood::{nation, refit};
use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict};
use crate::design::{BinaryDesign, Design};
use crate::models::Fit;
use crate::stats::{Link, normal_quantile};

pub(super) const CHECK: Check = Check {
    id: "F5",
    nl: "Vinden we een waarheid terug die we zelf in deze gegevens stoppen?",
    en: "Do we find back a truth that we planted in these data?",
    rule_nl: "Gemiddelde fout onder 0,1 procentpunt; 93 tot 97 van de 100 marges bevatten de waarheid (plus toeval).",
    rule_en: "Mean error under 0.1 percentage points; 93 to 97 in 100 margins hold the truth (plus chance).",
    run,
};

/// Size of the planted effect, as a probability per step.
const EFFECT: f64 = 0.01;

/// Rows above which each truth is planted [`FEW`] times at most: a fit then takes long, and is precise.
const MANY: f64 = 200_000.0;
const FEW: u32 = 12;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let null =
        Specification::new("F5", "null", "Geen effect geplant: gemiddelde fout.", "No effect planted: mean error.");
    let one = Specification::new(
        "F5",
        "one_point",
        "Een effect van 1 procentpunt geplant: gemiddelde fout.",
        "An effect of 1 percentage point planted: mean error.",
    );
    vec![judged(subject, null, 0.0, 0), judged(subject, one, EFFECT, 1)]
}

fn judged(subject: &Subject<'_>, spec: Specification, effect: f64, truth: u64) -> Specification {
    match planted(subject, effect, truth) {
        Ok(found) => found.judge(spec),
        Err(obstacle) => spec.impossible(obstacle),
    }
}

struct Recovered {
    errors: Vec<f64>,
    inside: usize,
}

impl Recovered {
    fn judge(&self, spec: Specification) -> Specification {
        let n = self.errors.len() as f64;
        let bias = self.errors.iter().sum::<f64>() / n;
        let spread = (self.errors.iter().map(|e| (e - bias).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        let (half, covered) = (2.0 * spread / n.sqrt(), self.inside as f64 / n);
        let unbiased = bias.abs() - half <= 100.0 * EFFECT / 10.0;
        let holds = (covered - 0.95).abs() <= 0.02 + 2.0 * (0.95 * 0.05 / n).sqrt();
        let share = format!("{:.0}", 100.0 * covered);
        let spec = Specification {
            nl: format!("{} Van {n} marges bevatten {share} % de waarheid.", spec.nl),
            en: format!("{} Of {n} margins {share} % hold the truth.", spec.en),
            ..spec
        };
        let estimate = Estimated { value: bias, lo: Some(bias - half), hi: Some(bias + half) };
        spec.found(estimate, Verdict::of(unbiased && holds))
    }
}

fn planted(subject: &Subject<'_>, effect: f64, truth: u64) -> Result<Recovered, Obstacle> {
    subject.ready()?;
    let Design::Binary(design) = &subject.fitted.design else { return Err(Obstacle::NotLandmark) };
    let accepted = subject.fitted.accept().map_err(Obstacle::Fit)?;
    let Fit::Mixed(mixed) = accepted.fit() else { return Err(Obstacle::OutOfRange) };
    if mixed.ml.terms.len() != 1 || mixed.ml.beta.len() != design.x().ncols() {
        return Err(Obstacle::OutOfRange);
    }
    let column = design.head.column(subject.part).ok_or(Obstacle::NoPrimary)?;
    let world = World::of(design, &mixed.ml.beta, &mixed.ml.terms[0].lambda, accepted.link(), column, effect);
    let replicates =
        if design.trials.sum() > MANY { subject.effort.replicates.min(FEW) } else { subject.effort.replicates };
    let found: Vec<Option<(f64, bool)>> = (0..replicates)
        .into_par_iter()
        .map(|k| {
            let drawn = world.draw(subject.effort.seed, 2 * u64::from(k) + truth);
            let fitted = refit(subject.fitted, design, drawn.successes.view(), world.link, 1).ok()?;
            let estimate = nation(&fitted, subject, world.link).ok()?;
            Some((estimate.value - drawn.truth, estimate.covers(drawn.truth)))
        })
        .collect();
    let found: Vec<(f64, bool)> = found.into_iter().flatten().collect();
    // Replicates that could not be fitted say nothing of bias; too many of them say that the data are too thin.
    if found.len() < 10 || 10 * found.len() < 9 * replicates as usize {
        return Err(Obstacle::Fit(crate::vocab::RefusalReason::NotConverged));
    }
    let inside = found.iter().filter(|(_, inside)| *inside).count();
    Ok(Recovered { errors: found.into_iter().map(|(error, _)| error).collect(), inside })
}

/// What outcomes are drawn from.
struct World<'d> {
    design: &'d BinaryDesign,
    /// x'β without doses (cells).
    eta: Array1<f64>,
    /// The part of the dose that has an effect.
    dose: Array1<f64>,
    z: Array2<f64>,
    lambda: &'d Array2<f64>,
    link: Link,
    slope: f64,
}

/// One drawn world.
struct Drawn {
    successes: Array1<f64>,
    /// In percentage points per step.
    truth: f64,
}

impl<'d> World<'d> {
    fn of(
        design: &'d BinaryDesign,
        beta: &Array1<f64>,
        lambda: &'d Array2<f64>,
        link: Link,
        column: usize,
        effect: f64,
    ) -> Self {
        let mut beta = beta.clone();
        for (_, c) in &design.head.doses {
            beta[*c] = 0.0;
        }
        let x = design.x();
        let eta = x.dot(&beta);
        let mut only = Array1::zeros(beta.len());
        only[column] = 1.0;
        let (dose, z) = (x.dot(&only), design.z().to_held().into_owned());
        let rows = design.trials.sum();
        let mean_d1: f64 = eta.iter().zip(&design.trials).map(|(eta, m)| m * link.mean_d1(*eta)).sum::<f64>() / rows;
        let slope = effect / (design.head.step * mean_d1);
        Self { design, eta, dose, z, lambda, link, slope }
    }

    fn draw(&self, seed: u64, stream: u64) -> Drawn {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xF5);
        rng.set_stream(stream);
        let d = self.design;
        let (groups, q) = (d.head.groups.len(), self.lambda.ncols());
        let effects = Array2::from_shape_simple_fn((groups, q), || normal(&mut rng)).dot(&self.lambda.t());
        let own_slope = d.head.slope.is_some() && q == 2;
        let mut successes = Array1::zeros(d.trials.len());
        let (mut change, mut rows) = (0.0, 0.0);
        for i in 0..d.trials.len() {
            let own = effects.row(d.group[i] as usize);
            let eta = self.eta[i] + self.slope * self.dose[i] + own.dot(&self.z.row(i));
            let slope = self.slope + if own_slope { own[1] } else { 0.0 };
            let (risk, moved) = (self.link.mean(eta), self.link.mean(eta + d.head.step * slope));
            let trials = d.trials[i].round() as usize;
            successes[i] = (0..trials).filter(|_| uniform(&mut rng) < risk).count() as f64;
            change += d.trials[i] * (moved - risk);
            rows += d.trials[i];
        }
        Drawn { successes, truth: 100.0 * change / rows }
    }
}

/// A number in (0, 1).
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    normal_quantile(uniform(rng))
}
