//! R7: quadrature in place of Laplace's approximation, other links, and schools whose effects have heavier tails.

use ndarray::Axis;

use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict, rows};
use crate::design::{BinaryDesign, Design};
use crate::effects::national;
use crate::models::{Fit, Fitted, MixedFit};
use crate::stats::linalg::Cholesky;
use crate::stats::{Cells, Family, GlmmFit, GlmmOptions, Link, RandomTerm, fit_glmm, t_quantile};

pub(super) const CHECK: Check = Check {
    id: "R7",
    nl: "Blijft het zo met een andere rekenwijze?",
    en: "Does it stay with another way of computing?",
    rule_nl: "De schatting verandert minder dan 0,1 procentpunt.",
    rule_en: "The estimate changes by less than 0.1 percentage points.",
    run,
};

/// In percentage points.
const TOLERANCE: f64 = 0.1;
/// Nodes per dimension.
const NODES: usize = 7;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let ways = [
        (
            "quadrature",
            "Zeven knopen per dimensie in plaats van Laplace.",
            "Seven nodes per dimension instead of Laplace.",
            Link::Logit,
            NODES,
        ),
        ("probit", "Met een probit-model.", "With a probit model.", Link::Probit, 1),
        ("cloglog", "Met een cloglog-model.", "With a cloglog model.", Link::Cloglog, 1),
    ];
    let one = |(code, nl, en, link, nodes): (&str, &str, &str, Link, usize)| {
        Specification::new("R7", code, nl, en).with(refitted(subject, link, nodes))
    };
    let heavy = Specification::new(
        "R7",
        "t_effects",
        "Met scholen die sterker van elkaar mogen afwijken (t-verdeling).",
        "With schools that may differ more strongly (t distribution).",
    );
    ways.into_iter().map(one).chain([heavy.with(heavy_tails(subject))]).collect()
}

/// Degrees of freedom of schools' effects: few, so that some may lie far out.
const TAIL: f64 = 5.0;
/// Rounds of weights and fit.
const ROUNDS: usize = 4;

/// `b_s ~ t_ν(0, Σ)` as `N(0, w_s Σ)` with `ν/w_s ~ χ²_ν`: w_s is put at what it is expected to be given b_s, the model fitted with
/// columns `√w_s z`, and again (Lange, Little & Taylor 1989, JASA 84:881). E1 integrates over a normal of the same variance, `Σ ν/(ν − 2)`.
fn heavy_tails(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    let (_, primary) = subject.ready()?;
    let Design::Binary(design) = &subject.fitted.design else { return Err(Obstacle::NotLandmark) };
    let mut weights = vec![1.0_f64; design.head.groups.len()];
    let (mut fitted, mut scaled) = (None, design.clone());
    for _ in 0..ROUNDS {
        let mut z = design.z().to_held().into_owned();
        for (mut z, group) in z.rows_mut().into_iter().zip(&design.group) {
            z *= weights[*group as usize].sqrt();
        }
        scaled.columns = design.columns.with_z(z.view());
        let found = refit(subject.fitted, &scaled, design.successes.view(), Link::Logit, 1)?;
        let Ok(Fit::Mixed(mixed)) = found.fit else { return Err(Obstacle::OutOfRange) };
        weights = expected_weights(&mixed.ml);
        fitted = Some(mixed);
    }
    let mut mixed = fitted.ok_or(Obstacle::OutOfRange)?;
    mixed.ml.terms[0].lambda *= (TAIL / (TAIL - 2.0)).sqrt();
    let fitted = Fitted {
        entry: subject.fitted.entry.clone(),
        design: subject.fitted.design.clone(),
        fit: Ok(Fit::Mixed(mixed)),
    };
    let found = nation(&fitted, subject, Link::Logit)?;
    Ok((found, Verdict::of((found.value - primary.value).abs() < TOLERANCE)))
}

/// `1/E[1/w_s] = (ν + b'Σ⁻¹b + tr Σ⁻¹C)/(ν + q)` in the scale of u = b/√w, which has Σ; of the intercepts alone where Σ is singular.
fn expected_weights(ml: &GlmmFit) -> Vec<f64> {
    let term = &ml.terms[0];
    let sigma = term.lambda.dot(&term.lambda.t());
    let inverse = Cholesky::factor(sigma.view()).map(|factor| factor.inverse()).ok();
    let of_school = |g: usize| {
        let (u, spread) = (term.modes.row(g), term.cond_var.index_axis(Axis(0), g));
        let (distance, q) = match &inverse {
            Some(inverse) => (u.dot(&inverse.dot(&u)) + (inverse * &spread).sum(), u.len() as f64),
            None if sigma[[0, 0]] > 0.0 => ((u[0] * u[0] + spread[[0, 0]]) / sigma[[0, 0]], 1.0),
            None => return 1.0,
        };
        (TAIL + distance) / (TAIL + q)
    };
    (0..term.modes.nrows()).map(of_school).collect()
}

fn refitted(subject: &Subject<'_>, link: Link, nodes: usize) -> Result<(Estimated, Verdict), Obstacle> {
    let (_, primary) = subject.ready()?;
    let Design::Binary(design) = &subject.fitted.design else { return Err(Obstacle::NotLandmark) };
    let fitted = refit(subject.fitted, design, design.successes.view(), link, nodes)?;
    let found = nation(&fitted, subject, link)?;
    Ok((found, Verdict::of((found.value - primary.value).abs() < TOLERANCE)))
}

/// The model once more: with other outcomes, another link or other nodes. Maximum likelihood only, which is what national
/// numbers rest on.
pub(super) fn refit(
    fitted: &Fitted,
    design: &BinaryDesign,
    successes: ndarray::ArrayView1<'_, f64>,
    link: Link,
    nodes: usize,
) -> Result<Fitted, Obstacle> {
    let q = design.z().ncols();
    if q == 0 {
        return Err(Obstacle::OutOfRange);
    }
    let blocks = [q];
    let cells = Cells { x: design.x(), trials: design.trials.view(), successes: successes.view(), offset: None };
    let schools =
        RandomTerm { z: design.z(), level: &design.group, n_levels: design.head.groups.len(), blocks: &blocks };
    let ones = ndarray::Array2::ones((design.trials.len(), 1));
    let cohorts = design.cohorts.as_ref().map(|c| RandomTerm {
        z: ones.view().into(),
        level: &c.code,
        n_levels: c.n_levels,
        blocks: &[1],
    });
    // Quadrature in each dimension is for one grouping factor.
    if cohorts.is_some() && nodes > 1 {
        return Err(Obstacle::OutOfRange);
    }
    let terms: Vec<RandomTerm<'_>> = std::iter::once(schools).chain(cohorts).collect();
    let options = GlmmOptions { nodes, ..GlmmOptions::default() };
    let ml = fit_glmm(&cells, &terms, Family::Binomial(link), &options).map_err(rows::obstacle)?;
    let fit = Fit::Mixed(Box::new(MixedFit { schools: ml.clone(), ml }));
    Ok(Fitted { entry: fitted.entry.clone(), design: Design::Binary(design.clone()), fit: Ok(fit) })
}

/// The national number of a refit, in percentage points per step.
pub(super) fn nation(fitted: &Fitted, subject: &Subject<'_>, link: Link) -> Result<Estimated, Obstacle> {
    let accepted = fitted.accept().map_err(Obstacle::Fit)?;
    let (point, df) = national::of_refit(&accepted, subject.part, link).ok_or(Obstacle::NoPrimary)?;
    let (value, half) = (100.0 * point.value, 100.0 * t_quantile(0.975, df) * point.variance.sqrt());
    Ok(Estimated { value, lo: Some(value - half), hi: Some(value + half) })
}
