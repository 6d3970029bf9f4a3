//! Gradients against central differences, values against sums by hand, and coverage by simulation.

use std::borrow::Cow;

use ndarray::{Array1, Array2, arr1, arr2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::conditional::{Own, Unsure};
use super::integrated::{Curve, Spread};
use super::lever::{Lever, ranges};
use super::reference::reference_pupils;
use super::risk::{Errors, Graded};
use super::*;
use crate::design::{BinaryDesign, CohortLevels, ModelColumns};
use crate::models::{self, Fit, LinearFit};
use crate::panel::Flow;
use crate::stats::{Link, LmmData, LmmOptions, RandomTerm, Stop, fit_lmm, gauss_hermite, normal_quantile};
use crate::vocab::ids::Ix;

fn head(doses: Vec<(DosePart, usize)>, terms: &[&str], groups: usize, counts: Vec<Counts>) -> Head {
    Head {
        terms: terms.iter().map(ToString::to_string).collect(),
        slope: doses.first().map(|(part, _)| *part),
        doses,
        slope_on_cohort: false,
        groups: (0..groups).map(SchoolIx::from_position).collect(),
        counts: counts.into(),
        flow: Flow::default(),
        step: 1.5,
        notes: Vec::new(),
    }
}

/// Three cells in two periods.
fn tiny() -> BinaryDesign {
    let x = arr2(&[[1.0, -0.5], [1.0, 0.25], [1.0, 2.0]]);
    BinaryDesign {
        head: head(vec![(DosePart::Total, 1)], &["(Intercept)", "dose"], 1, vec![Counts { pupils: 4, events: 1 }]),
        columns: ModelColumns::of(x.view(), x.view()),
        dose: x.column(1).iter().copied().collect(),
        cells: 3,
        trials: arr1(&[3.0, 1.0, 2.0]),
        successes: arr1(&[1.0, 0.0, 2.0]),
        group: vec![0; 3],
        period: vec![0, 0, 1],
        cohorts: None,
    }
}

const LEVER: Lever = Lever { column: 1, slope: true };

/// Of what is only evaluated nobody asks for errors.
static NO_ERRORS: std::sync::LazyLock<Array2<f64>> = std::sync::LazyLock::new(|| Array2::zeros((0, 0)));

fn curve<'d>(d: &'d BinaryDesign, beta: &'d Array1<f64>, phi: &[f64], link: Link) -> Curve<'d> {
    Curve::new(
        d,
        Cow::Borrowed(beta),
        Spread { lambda: arr2(&[[phi[2], 0.0], [phi[3], phi[4]]]), cohort_sd: phi.get(5).copied() },
        link,
        Errors::of_model(&NO_ERRORS),
    )
}

/// What `of` makes of risks at φ has the gradient of its central differences.
fn assert_gradient(phi: &[f64], of: impl Fn(&[f64]) -> Graded) {
    let exact = of(phi).gradient;
    for k in 0..phi.len() {
        let h = 1e-5;
        let moved = |by: f64| {
            let mut at = phi.to_vec();
            at[k] += by;
            of(&at).value
        };
        let difference = (moved(h) - moved(-h)) / (2.0 * h);
        assert!((exact[k] - difference).abs() < 1e-8, "{k}: {} {difference}", exact[k]);
    }
}

/// E1, E2, E3 and E6 are differences or levels of the same risks, moved by a step, to a dose, or not.
#[test]
fn integrated_gradients_equal_central_differences() {
    let d = tiny();
    for link in [Link::Logit, Link::Cloglog, Link::Probit] {
        // The last one has levels of cohorts too.
        for phi in [vec![-1.2, -0.4, 0.6, 0.1, 0.3], vec![-0.3, 0.5, 0.2, -0.1, 0.05, 0.4]] {
            let at = |phi: &[f64], moves: &[&(dyn Fn(usize) -> f64 + Sync)]| -> Vec<Graded> {
                let beta = arr1(&phi[..2]);
                let curve = curve(&d, &beta, phi, link);
                moves.iter().map(|m| curve.everybody(LEVER, m).total()).collect()
            };
            let to = |dose: f64| move |i: usize| dose - [-0.5, 0.25, 2.0][i];
            assert_gradient(&phi, |phi| {
                let risks = at(phi, &[&|_| 1.5, &|_| 0.0]);
                risks[0].minus(&risks[1])
            });
            assert_gradient(&phi, |phi| {
                let risks = at(phi, &[&to(1.0), &to(-0.2)]);
                risks[0].minus(&risks[1])
            });
            assert_gradient(&phi, |phi| {
                let beta = arr1(&phi[..2]);
                curve(&d, &beta, phi, link).everybody(LEVER, to(0.7)).until(0)
            });
        }
    }
}

#[test]
fn gradients_at_a_schools_own_effects_equal_central_differences() {
    let d = tiny();
    for slope in [true, false] {
        assert_gradient(&[-1.2, -0.4, 0.3, -0.2], |phi| {
            let (beta, b) = (arr1(&phi[..2]), arr1(&phi[2..]));
            let own = Own { design: &d, link: Link::Logit, beta: &beta, b: b.view(), cohorts: None, unsure: None };
            let moved = own.risks(0..3, Lever { slope, ..LEVER }, |_| 1.5).total();
            moved.minus(&own.risks(0..3, LEVER, |_| 0.0).total())
        });
    }
}

/// Over what b may be: the gradient, and the risk beside a fine sum.
#[test]
fn the_risk_over_what_b_may_be_is_the_expected_one() {
    let d = tiny();
    let covariance = arr2(&[[0.3, 0.05], [0.05, 0.1]]);
    let nodes = gauss_hermite(7).standard_normal();
    let risk = |phi: &[f64]| {
        let (beta, b) = (arr1(&phi[..2]), arr1(&phi[2..]));
        let unsure = Some(Unsure { covariance: covariance.view(), nodes: &nodes });
        let own = Own { design: &d, link: Link::Logit, beta: &beta, b: b.view(), cohorts: None, unsure };
        own.risks(1..2, LEVER, |_| 0.0).total()
    };
    let phi = [-1.2, -0.4, 0.3, -0.2];
    assert_gradient(&phi, risk);
    let (x, z) = (d.x().select(&[1]), d.z().select(&[1]));
    let (x, z) = (x.row(0), z.row(0));
    let sd = z.dot(&covariance.dot(&z)).sqrt();
    let eta = x.dot(&arr1(&phi[..2])) + z.dot(&arr1(&phi[2..]));
    let n = 100_000;
    let quantile = |k: u32| normal_quantile((f64::from(k) + 0.5) / f64::from(n));
    let fine = (0..n).map(|k| 1.0 / (1.0 + (-eta - sd * quantile(k)).exp())).sum::<f64>() / f64::from(n);
    assert!((risk(&phi).value - fine).abs() < 1e-6, "{} {fine}", risk(&phi).value);
}

#[test]
fn without_spread_a_risk_is_the_plain_mean() {
    let d = tiny();
    let phi = [-1.2, -0.4, 0.0, 0.0, 0.0];
    let beta = arr1(&phi[..2]);
    let curve = curve(&d, &beta, &phi, Link::Logit);
    let change = curve.everybody(LEVER, |_| 1.5).total().minus(&curve.everybody(LEVER, |_| 0.0).total());
    let p = |x: f64| 1.0 / (1.0 + (1.2 + 0.4 * x).exp());
    let stay = |first: f64, second: f64, last: f64| (1.0 - (3.0 * p(first) + p(second)) / 4.0) * (1.0 - p(last));
    let plain = stay(-0.5, 0.25, 2.0) - stay(1.0, 1.75, 3.5);
    assert!((change.value - plain).abs() < 1e-14);
}

/// Few nodes where schools differ little, many where they differ much: both near a fine sum.
#[test]
fn the_quadrature_has_enough_nodes() {
    let d = tiny();
    for sd in [0.3, 0.59, 0.61, 1.2] {
        let phi = [-2.0, 0.0, sd, 0.0, 0.0];
        let beta = arr1(&phi[..2]);
        let risk = curve(&d, &beta, &phi, Link::Logit).everybody(LEVER, |_| 0.0).until(0).value;
        let n = 400_000;
        let quantile = |k: usize| normal_quantile((k as f64 + 0.5) / f64::from(n));
        let fine = (0..n as usize).map(|k| 1.0 / (1.0 + (2.0 - sd * quantile(k)).exp())).sum::<f64>() / f64::from(n);
        assert!((risk - fine).abs() < 1e-6, "{sd}: {risk} {fine}");
    }
}

#[test]
fn reference_pupils_stand_for_everybody() {
    let world = World::draw(11, &[120; 30], -2.0);
    let beta = world.beta();
    let reference = reference_pupils(&world.design, &beta);
    assert!(reference.len() <= 1_001 && world.design.trials.len() > 2_000);
    let mean = |rows: &[(usize, f64)]| {
        let eta = world.design.x().dot(&beta);
        let risk = |i: usize| 1.0 / (1.0 + (-eta[i]).exp());
        rows.iter().map(|(i, w)| w * risk(*i)).sum::<f64>() / rows.iter().map(|(_, w)| w).sum::<f64>()
    };
    let everybody: Vec<(usize, f64)> = (0..world.design.trials.len()).map(|i| (i, world.design.trials[i])).collect();
    assert!((mean(&reference) - mean(&everybody)).abs() < 1e-4, "less than a hundredth of a percentage point");
}

/// Schools with a known truth: `logit P = β₀ + β₁·(D − D̄_s) + β₂·(D̄_s − D̄) + β₃·x + b₀ + b₁·(D − D̄_s)`.
struct World {
    design: BinaryDesign,
    intercept: f64,
    b: Array2<f64>,
}

const SD: [f64; 2] = [0.35, 0.12];
const SLOPES: [f64; 3] = [-0.15, -0.05, 0.5];

impl World {
    fn draw(seed: u64, sizes: &[usize], intercept: f64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let n: usize = sizes.iter().sum();
        let groups = sizes.len();
        let b = Array2::from_shape_fn((groups, 2), |(_, k)| SD[k] * normal());
        let (mut dose, mut covariate, mut group) = (Vec::new(), Vec::new(), Vec::new());
        for (g, size) in sizes.iter().enumerate() {
            let level = 6.0 + 1.5 * normal();
            for _ in 0..*size {
                dose.push((level + 2.0 * normal()).round().max(0.0));
                covariate.push(f64::from(u8::from(normal() > 0.0)));
                group.push(u32::try_from(g).unwrap());
            }
        }
        let mut mean = vec![0.0; groups];
        for (d, g) in dose.iter().zip(&group) {
            mean[*g as usize] += d / sizes[*g as usize] as f64;
        }
        let all = dose.iter().sum::<f64>() / n as f64;
        let x = Array2::from_shape_fn((n, 4), |(i, k)| {
            let of_school = mean[group[i] as usize];
            [1.0, dose[i] - of_school, of_school - all, covariate[i]][k]
        });
        let z = Array2::from_shape_fn((n, 2), |(i, k)| x[[i, k]]);
        let beta = arr1(&[intercept, SLOPES[0], SLOPES[1], SLOPES[2]]);
        let mut counts = vec![Counts::default(); groups];
        let successes: Array1<f64> = (0..n)
            .map(|i| {
                let g = group[i] as usize;
                let eta = x.row(i).dot(&beta) + z.row(i).dot(&b.row(g));
                let y = rng.random::<f64>() < 1.0 / (1.0 + (-eta).exp());
                counts[g].pupils += 1;
                counts[g].events += u64::from(y);
                f64::from(u8::from(y))
            })
            .collect();
        let parts = vec![(DosePart::Within, 1), (DosePart::School, 2)];
        let terms = ["(Intercept)", "dose_within", "dose_school", "x"];
        let design = BinaryDesign {
            head: head(parts, &terms, groups, counts),
            columns: ModelColumns::of(x.view(), z.view()),
            cells: n,
            trials: Array1::ones(n),
            successes,
            group,
            period: vec![0; n],
            dose: dose.into_iter().collect(),
            cohorts: None,
        };
        Self { design, intercept, b }
    }

    fn beta(&self) -> Array1<f64> {
        arr1(&[self.intercept, SLOPES[0], SLOPES[1], SLOPES[2]])
    }

    fn fitted(&self) -> Fitted {
        let text = "id = \"m\"\nkind = \"landmark\"\noutcome = \"y\"\nexposure = \"d\"";
        let mut fitted = Fitted {
            entry: toml::from_str(text).expect("a model entry"),
            design: Design::Binary(self.design.clone()),
            fit: Err(RefusalReason::NotConverged),
        };
        fitted.fit = models::model(&fitted.entry).fit(&fitted.design, &fitted.entry);
        fitted
    }

    /// True E1, and E3, E4, E5 and the own association per school, in percentage points.
    fn truth(&self) -> (f64, Vec<[f64; 4]>) {
        let (d, beta) = (&self.design, self.beta());
        let lambda = arr2(&[[SD[0], 0.0], [0.0, SD[1]]]);
        let curve = Curve::new(
            d,
            Cow::Borrowed(&beta),
            Spread { lambda, cohort_sd: None },
            Link::Logit,
            Errors::of_model(&NO_ERRORS),
        );
        let (step, doses) = (d.head.step, Doses::of(&Design::Binary(d.clone()), None));
        let e1 = curve.everybody(LEVER, |_| step).total().minus(&curve.everybody(LEVER, |_| 0.0).total()).value;
        let reference = d.some(&reference_pupils(d, &beta));
        let everyone = 0..reference.trials.len();
        let anywhere = curve.over(&reference).of(everyone.clone(), LEVER, |_| 0.0).total().value;
        let school = |g: usize| {
            let rows = || ranges(&d.group, self.b.nrows())[g].clone();
            let e3 = curve.of(rows(), LEVER, |_| 0.0).total().value
                - curve
                    .of(rows(), Lever { slope: false, ..LEVER }, |i| doses.to_reference(g, d.period[i]))
                    .total()
                    .value;
            let own = Own { design: d, link: Link::Logit, beta: &beta, b: self.b.row(g), cohorts: None, unsure: None };
            let risk = |slope, by: f64| own.risks(rows(), Lever { slope, ..LEVER }, |_| by).total().value;
            let at_reference = Own { design: &reference, ..own };
            let e5 = at_reference.risks(everyone.clone(), LEVER, |_| 0.0).total().value - anywhere;
            [e3, risk(true, step) - risk(false, step), e5, risk(true, step) - risk(true, 0.0)].map(|p| 100.0 * p)
        };
        (100.0 * e1, (0..self.b.nrows()).map(school).collect())
    }
}

#[derive(Default)]
struct Held {
    inside: u32,
    of: u32,
    error: f64,
}

impl Held {
    fn add(&mut self, finding: &Finding, truth: f64) {
        let Finding::Estimate(e) = finding else { panic!("no estimate: {finding:?}") };
        self.inside += u32::from(e.interval.contains(truth));
        self.error += e.quantity.value - truth;
        self.of += 1;
    }

    fn share(&self) -> f64 {
        f64::from(self.inside) / f64::from(self.of)
    }
}

/// 150 worlds of 40 schools with 20 to 80 pupils: what the intervals promise, and no bias. The standard error of a share
/// over worlds is about 1.8 points for E1, and less for the schools, who share a world.
#[test]
fn intervals_hold_the_truth() {
    let sizes: Vec<usize> = (0..40).map(|g| 20 + 60 * g / 39).collect();
    let mut held: [Held; 5] = Default::default();
    let mut flagged = 0;
    for seed in 1..=150 {
        let world = World::draw(seed, &sizes, -1.6);
        let (e1, schools) = world.truth();
        let found = of(&world.fitted());
        held[0].add(&found.nation, e1);
        for ((school, own), truth) in found.by_school.iter().zip(found.schools.iter()).zip(&schools) {
            for (k, finding) in [&school.contribution, &school.deviation, &school.adjusted, own].into_iter().enumerate()
            {
                held[k + 1].add(finding, truth[k]);
            }
            flagged += u32::from(school.worth.is_some_and(|w| w.flagged()));
        }
    }
    for (name, h) in ["E1", "E3", "E4", "E5", "own"].iter().zip(&held) {
        println!("{name:4} {} of {} = {:.3}, bias {:+.3}", h.inside, h.of, h.share(), h.error / f64::from(h.of));
    }
    println!("flagged {flagged} of {}", held[1].of);
    assert!(held[0].share() >= 0.90 && held[1].share() >= 0.90);
    for h in &held[2..] {
        assert!((0.93..=0.985).contains(&h.share()), "{:.3}", h.share());
    }
    // Schools truly differ here, and yet nearly none can be told apart.
    assert!(flagged < held[1].of / 20);
}

/// Cohorts of a school that differ by more than their pupils: with a level of their own they are seen, and E1 says so in
/// its interval.
#[test]
fn levels_of_cohorts_are_found_and_carried() {
    let mut world = World::draw(8, &[90; 30], -1.2);
    let d = &mut world.design;
    let n = d.trials.len();
    let code: Vec<u32> = (0..n).map(|i| d.group[i] * 3 + (i % 3) as u32).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let levels: Vec<f64> = (0..90)
        .map(|_| {
            0.7 * {
                let z: f64 = StandardNormal.sample(&mut rng);
                z
            }
        })
        .collect();
    let (beta, b) = (world.beta(), world.b.clone());
    let d = &mut world.design;
    let mut counts = vec![Counts::default(); 30];
    let (fixed, z) = (d.x().dot(&beta), d.z().to_held().into_owned());
    for i in 0..n {
        let g = d.group[i] as usize;
        let eta = fixed[i] + z.row(i).dot(&b.row(g)) + levels[code[i] as usize];
        d.successes[i] = f64::from(u8::from(rng.random::<f64>() < 1.0 / (1.0 + (-eta).exp())));
        counts[g].pupils += 1;
        counts[g].events += d.successes[i] as u64;
    }
    d.head.counts = counts.into();
    let plain = world.fitted();
    world.design.cohorts = Some(CohortLevels { code, n_levels: 90 });
    let with = world.fitted();
    let Ok(Fit::Mixed(fit)) = &with.fit else { panic!("a fit: {:?}", with.fit) };
    let sd = fit.ml.terms[1].lambda[[0, 0]];
    assert!((sd - 0.7).abs() < 0.25, "{sd}");
    let Ok(Fit::Mixed(one)) = &plain.fit else { panic!("a fit") };
    assert!(fit.ml.log_lik > one.ml.log_lik + 10.0, "the levels are seen");
    let found = of(&with);
    assert!(matches!(found.nation, Finding::Estimate(_)));
    assert!(found.by_school.iter().all(|s| matches!(s.adjusted, Finding::Estimate(_))));
}

/// 400 draws know a standard error to about 1/√800 = 3.5 %; four of those, and what the delta method's line leaves out.
#[test]
fn draws_agree_with_the_delta_method() {
    let sizes: Vec<usize> = (0..30).map(|g| 25 + 4 * g).collect();
    let world = World::draw(5, &sizes, -1.4);
    let mut fitted = world.fitted();
    fitted.entry.replicates = 400;
    let found = of(&fitted);
    let drawn = found.drawn.as_ref().expect("draws");
    let error = |f: &Finding| if let Finding::Estimate(e) = f { e.std_error } else { panic!("an estimate") };
    for (finding, (_, level)) in found.parts.iter().zip(&drawn.parts) {
        assert!((level.std_error / error(finding) - 1.0).abs() < 0.16, "{} {}", level.std_error, error(finding));
    }
    let ratios: Vec<f64> = found
        .by_school
        .iter()
        .zip(&drawn.contributions)
        .filter(|(school, _)| error(&school.contribution) > 0.05)
        .map(|(school, level)| level.std_error / error(&school.contribution))
        .collect();
    assert!(ratios.len() > 15);
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    assert!((mean - 1.0).abs() < 0.16, "{mean}: {ratios:?}");
    // A draw is its own: fewer of them are the first ones, and threads leave no trace.
    let again = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| of(&fitted));
    assert_eq!(again.drawn.unwrap().parts, drawn.parts);
}

/// A second model of a confirmatory outcome is no second confirmatory test, and E2 no test of its own.
#[test]
fn each_question_is_tested_once() {
    let found: Vec<ModelFindings> = [3, 4, 5].map(|seed| of(&World::draw(seed, &[40; 12], -1.0).fitted())).into();
    let definitions = ["uitval_jr1", "uitval_jr1", "doorstroom_mbo"];
    let models: Vec<_> = found.iter().zip(definitions).collect();
    let tests = families::adjusted(&models);
    let family: Vec<&str> = tests.iter().map(|t| t.parts[0].family).collect();
    assert_eq!(family, ["confirmatory", "exploratory", "confirmatory"]);
    assert!(tests.iter().all(|t| t.quartiles == t.parts[0] && t.parts[1].family == "exploratory"));
    let p = |k: usize| tests[k].parts[0].p_value;
    let low = if p(0) < p(2) { 0 } else { 2 };
    assert!((tests[low].parts[0].p_adjusted - (2.0 * p(low)).min(1.0)).abs() < 1e-15, "Holm over two models");
    // Four exploratory tests: the second part of each model, and the first of the second one.
    let least = tests.iter().flat_map(|t| &t.parts).filter(|t| t.family == "exploratory").map(|t| t.p_adjusted);
    let plain = tests.iter().flat_map(|t| &t.parts).filter(|t| t.family == "exploratory").map(|t| t.p_value);
    let plain: Vec<f64> = plain.collect();
    assert_eq!(least.collect::<Vec<_>>(), crate::stats::benjamini_hochberg(&plain));
}

/// Single schools are read off the second fit of a linear model, so that must have ended too.
#[test]
fn a_linear_model_is_accepted_only_when_both_its_fits_ended() {
    let x = Array2::from_shape_fn((40, 2), |(i, k)| if k == 0 { 1.0 } else { (i % 7) as f64 });
    let y: Array1<f64> = (0..40).map(|i| ((i * 37) % 11) as f64 + (i / 5) as f64).collect();
    let level: Vec<u32> = (0..40).map(|i| i / 5).collect();
    let ones = Array2::ones((40, 1));
    let terms = [RandomTerm { z: ones.view().into(), level: &level, n_levels: 8, blocks: &[1] }];
    let data = LmmData { y: y.view(), x: x.view().into(), terms: &terms, weights: None, offset: None };
    let ml = fit_lmm(&data, &LmmOptions::default()).expect("a fit");
    let mut fitted = World::draw(3, &[30; 4], -1.0).fitted();
    let mut accepted = |schools| {
        fitted.fit = Ok(Fit::Linear(Box::new(LinearFit { ml: ml.clone(), schools })));
        fitted.accept().map(|_| ())
    };
    assert_eq!(accepted(None), Ok(()));
    assert_eq!(accepted(Some(ml.clone())), Ok(()));
    let mut stopped = ml.clone();
    stopped.stop = Stop::Budget { evaluations: 3 };
    assert_eq!(accepted(Some(stopped)), Err(RefusalReason::NotConverged));
}

/// Only what a gap of 0 goes with along the curve of all schools is known without error.
#[test]
fn a_number_without_error_is_refused() {
    let fitted = World::draw(3, &[30; 4], -1.0).fitted();
    let frame = Frame { fitted: &fitted, head: fitted.design.head(), main: DosePart::Within };
    let found = |step, value, method| {
        let estimand = frame.estimand(DosePart::Within, step, Population::School);
        let (point, kind) = (Some(Point { value, variance: 0.0 }), Kind { df: 3.0, method });
        matches!(frame.finding(estimand, Counts::default(), point, kind, Unit::PercentagePoint), Finding::Estimate(_))
    };
    use IntervalMethod::{EmpiricalBayes, Wald};
    assert!(found(0.0, 0.0, Wald), "E3 of a school that has what the middle school has");
    assert!(!found(1.5, 0.0, EmpiricalBayes), "E4 where the variance of slopes is 0");
    assert!(!found(0.0, 0.0, EmpiricalBayes), "E5 where the variance of schools is 0");
    assert!(!found(1.5, 0.0, Wald) && !found(0.0, 0.2, Wald));
}

#[test]
fn what_a_dose_goes_with_has_the_sign_of_its_gap_and_is_nothing_without_one() {
    let world = World::draw(3, &[30; 12], -1.0);
    let found = of(&world.fitted());
    let doses = Doses::of(&Design::Binary(world.design.clone()), None);
    for (g, school) in found.by_school.iter().enumerate() {
        let Finding::Estimate(e) = &school.contribution else { panic!("an estimate") };
        assert!((e.quantity.per - doses.gap(g)).abs() < 1e-12);
        // More dose goes with fewer events, in this world and in this estimate of it.
        let Finding::Estimate(nation) = &found.nation else { panic!("an estimate") };
        if doses.gap(g).abs() > 1.0 {
            assert_eq!((e.quantity.value * doses.gap(g)).signum(), nation.quantity.value.signum());
        }
    }
    // Compared with itself alone, a school's dose goes with nothing.
    let alone: Vec<Vec<SchoolIx>> = (0..12).map(|g| vec![SchoolIx::from_position(g)]).collect();
    for school in of_compared(&world.fitted(), Some(&alone.into())).by_school.iter() {
        let Finding::Estimate(e) = &school.contribution else { panic!("an estimate") };
        assert!(e.quantity.per.abs() < 1e-12 && e.quantity.value.abs() < 1e-12, "{e:?}");
    }
}
