//! Bootstraps of models: the short roads against the long one, and against what theory says.

use ndarray::{Array1, Array2, Axis};

use super::super::{
    Cells, Family, GlmOptions, GlmmOptions, Link, LmmAlgebra, LmmData, LmmFit, LmmOptions, OlsData, OlsOptions,
    RandomTerm, Stop, bootstrap_glm, bootstrap_glmm, bootstrap_lmm, bootstrap_ols, fit_glm, fit_glmm, fit_lmm, fit_ols,
};
use super::*;

/// Something between −½ and ½ that looks like chance.
fn spread(k: usize) -> f64 {
    let x = (k as f64 + 1.0).sin() * 43_758.545_3;
    x - x.floor() - 0.5
}

/// Pupils with two to five years in schools.
struct Years {
    y: Array1<f64>,
    x: Array2<f64>,
    one: Array2<f64>,
    pupil: Vec<u32>,
    school: Vec<u32>,
    schools: usize,
}

impl Years {
    fn new(schools: usize) -> Self {
        let mut rows = Vec::new();
        for pupil in 0..6 * schools as u32 {
            (0..2 + pupil % 4).for_each(|year| rows.push((pupil, pupil / 6, f64::from(year))));
        }
        let n = rows.len();
        let y = |(i, &(pupil, school, year)): (usize, &(u32, u32, f64))| {
            let of_school = 3.0 * spread(school as usize * 3 + 1) + 1.2 * spread(school as usize * 5 + 2) * year;
            20.0 + 0.8 * year + of_school + 2.0 * spread(900 + pupil as usize) + 2.5 * spread(7000 + 11 * i)
        };
        Self {
            y: rows.iter().enumerate().map(y).collect(),
            x: Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 1.0 } else { rows[i].2 }),
            one: Array2::ones((n, 1)),
            pupil: rows.iter().map(|r| r.0).collect(),
            school: rows.iter().map(|r| r.1).collect(),
            schools,
        }
    }

    /// A slope for schools; with an intercept for pupils if asked for.
    fn with<T>(&self, pupils: bool, f: impl FnOnce(&LmmData) -> T) -> T {
        let school = RandomTerm { z: self.x.view().into(), level: &self.school, n_levels: self.schools, blocks: &[2] };
        let pupil =
            RandomTerm { z: self.one.view().into(), level: &self.pupil, n_levels: 6 * self.schools, blocks: &[1] };
        let terms = if pupils { vec![pupil, school] } else { vec![school] };
        f(&LmmData { y: self.y.view(), x: self.x.view().into(), terms: &terms, weights: None, offset: None })
    }
}

fn options(kind: BootstrapKind, replicates: u32) -> BootstrapOptions {
    BootstrapOptions { kind, replicates, seed: 20, keep_modes: true }
}

fn close(what: &str, a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>, tolerance: f64) {
    for (a, b) in a.into_iter().zip(b) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{what}: {a} {b}");
    }
}

/// The same replicates by two roads.
fn assert_equal(what: &str, a: &Replicates, b: &Replicates, tolerance: f64) {
    assert_eq!((&a.number, a.failed.len()), (&b.number, b.failed.len()), "{what}");
    close(what, a.beta.iter().copied(), b.beta.iter().copied(), tolerance);
    close(what, a.theta.iter().copied(), b.theta.iter().copied(), tolerance);
    close(what, a.sigma.iter().flatten().copied(), b.sigma.iter().flatten().copied(), tolerance);
    for (a, b) in a.modes.iter().zip(&b.modes) {
        close(what, a.iter().copied(), b.iter().copied(), 10.0 * tolerance);
    }
}

fn by_lmm(data: &LmmData, algebra: LmmAlgebra, boot: &BootstrapOptions) -> (LmmFit, Replicates) {
    let opt = LmmOptions { algebra, ..LmmOptions::default() };
    let fit = fit_lmm(data, &opt).unwrap();
    let all = bootstrap_lmm(data, &fit, &opt, boot).unwrap();
    (fit, all)
}

#[test]
fn drawn_groups_by_their_sums_are_drawn_groups_by_their_rows() {
    let years = Years::new(15);
    for pupils in [false, true] {
        years.with(pupils, |data| {
            let boot = options(BootstrapKind::Cluster, 12);
            let (_, sums) = by_lmm(data, LmmAlgebra::Auto, &boot);
            let (_, rows) = by_lmm(data, LmmAlgebra::Blocked, &boot);
            // Both searches end within 1e-8 standard errors of the optimum.
            assert_equal("cluster", &sums, &rows, 1e-6);
            assert_eq!(sums.modes[0].dim().0, sums.len());
        });
    }
}

#[test]
fn drawn_outcomes_by_units_are_those_by_levels() {
    Years::new(10).with(true, |data| {
        let boot = options(BootstrapKind::Parametric, 10);
        let (_, units) = by_lmm(data, LmmAlgebra::Auto, &boot);
        let (_, levels) = by_lmm(data, LmmAlgebra::Blocked, &boot);
        assert_equal("parametric", &units, &levels, 1e-6);
        close("effects", units.drawn[1].iter().copied(), levels.drawn[1].iter().copied(), 1e-9);
    });
}

#[test]
fn outcomes_from_products_are_outcomes_from_rows_in_distribution() {
    Years::new(40).with(false, |data| {
        let boot = options(BootstrapKind::Parametric, 400);
        let (fit, products) = by_lmm(data, LmmAlgebra::Auto, &boot);
        let (_, rows) = by_lmm(data, LmmAlgebra::Blocked, &boot);
        let sd = |all: &Array2<f64>, k: usize| std_error(&all.column(k).to_vec());
        for all in [&products, &rows] {
            for k in 0..2 {
                let analytic = fit.vcov_beta[[k, k]].sqrt();
                // A standard deviation of 400 normal numbers has a standard error of 3.5 %.
                assert!((sd(&all.beta, k) / analytic - 1.0).abs() < 0.14, "{k}: {} {analytic}", sd(&all.beta, k));
                let mean = all.beta.column(k).mean().unwrap();
                assert!((mean - fit.beta[k]).abs() < 4.0 * analytic / 20.0);
            }
            let sigma = all.sigma.as_ref().unwrap().to_vec();
            let analytic = fit.vcov_theta_sigma[[3, 3]].sqrt();
            assert!((std_error(&sigma) / analytic - 1.0).abs() < 0.15, "{} {analytic}", std_error(&sigma));
        }
        for k in 0..3 {
            let (a, b) = (sd(&products.theta, k), sd(&rows.theta, k));
            assert!((a / b - 1.0).abs() < 0.2, "theta {k}: {a} {b}");
            let (a, b) = (products.theta.column(k).mean().unwrap(), rows.theta.column(k).mean().unwrap());
            assert!((a - b).abs() < 4.0 * sd(&rows.theta, k) * (2.0f64 / 400.0).sqrt(), "theta {k}: {a} {b}");
        }
        // Errors of prediction are as large as the fit says.
        let error = &products.modes[0] - &products.drawn[0];
        let squared = error.mapv(|e| e * e).mean_axis(Axis(0)).unwrap();
        let stated: f64 = (0..40).map(|j| fit.terms[0].mode_mse[[j, 0, 0]]).sum();
        assert!((squared.column(0).sum() / stated - 1.0).abs() < 0.1, "{} {stated}", squared.column(0).sum());
    });
}

#[test]
fn groups_that_are_alike_have_the_errors_of_the_model() {
    Years::new(60).with(false, |data| {
        let (fit, all) = by_lmm(data, LmmAlgebra::Auto, &options(BootstrapKind::Cluster, 300));
        for k in 0..2 {
            let ratio = all.vcov_beta()[[k, k]].sqrt() / fit.vcov_beta[[k, k]].sqrt();
            // Monte-Carlo 4 %, and the sample of 60 schools itself about 9 %.
            assert!((ratio - 1.0).abs() < 0.3, "{k}: {ratio}");
        }
    });
}

#[test]
fn crossed_factors_have_no_clusters() {
    let years = Years::new(8);
    let other: Vec<u32> = (0..years.school.len() as u32).map(|i| i % 5).collect();
    let terms = [
        RandomTerm { z: years.one.view().into(), level: &years.school, n_levels: 8, blocks: &[1] },
        RandomTerm { z: years.one.view().into(), level: &other, n_levels: 5, blocks: &[1] },
    ];
    let data = LmmData { y: years.y.view(), x: years.x.view().into(), terms: &terms, weights: None, offset: None };
    let opt = LmmOptions::default();
    let fit = fit_lmm(&data, &opt).unwrap();
    let refused = bootstrap_lmm(&data, &fit, &opt, &options(BootstrapKind::Cluster, 5));
    assert!(matches!(refused, Err(StatsError::Shape(_))));
    let all = bootstrap_lmm(&data, &fit, &opt, &options(BootstrapKind::Parametric, 5)).unwrap();
    assert_eq!(all.len(), 5);
}

/// 50 groups of 4 cells.
struct Counts {
    x: Array2<f64>,
    trials: Array1<f64>,
    successes: Array1<f64>,
    level: Vec<u32>,
}

impl Counts {
    fn new() -> Self {
        let n = 200;
        let x = Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 1.0 } else { 2.0 * spread(i) });
        let eta = |i: usize| -0.4 + 0.7 * x[[i, 1]] + 2.2 * spread(400 + i / 4);
        let trials = Array1::from_elem(n, 15.0);
        let successes = Array1::from_shape_fn(n, |i| {
            let mean = 15.0 / (1.0 + (-eta(i)).exp());
            (mean + 3.0 * spread(i * 9 + 4)).round().clamp(0.0, 15.0)
        });
        Self { x, trials, successes, level: (0..n as u32).map(|i| i / 4).collect() }
    }

    fn cells(&self) -> Cells<'_> {
        Cells { x: self.x.view().into(), trials: self.trials.view(), successes: self.successes.view(), offset: None }
    }
}

const LOGIT: Family = Family::Binomial(Link::Logit);

#[test]
fn bootstraps_of_counts_have_the_errors_of_the_model() {
    let counts = Counts::new();
    let one = Array2::ones((200, 1));
    let terms = [RandomTerm { z: one.view().into(), level: &counts.level, n_levels: 50, blocks: &[1] }];
    let opt = GlmmOptions::default();
    let fit = fit_glmm(&counts.cells(), &terms, LOGIT, &opt).unwrap();
    // The outcomes spread less than binomial ones do, so clusters must have the errors of the sandwich.
    let sandwich = fit.vcov_sandwich.as_ref().expect("one factor");
    for (kind, vcov) in [(BootstrapKind::Parametric, &fit.vcov), (BootstrapKind::Cluster, sandwich)] {
        let all = bootstrap_glmm(&counts.cells(), &terms, LOGIT, &opt, &fit, &options(kind, 300)).unwrap();
        assert_eq!(all.failed.len(), 0);
        let theta = std_error(&all.theta.column(0).to_vec());
        let found = [all.vcov_beta()[[0, 0]].sqrt(), all.vcov_beta()[[1, 1]].sqrt(), theta];
        for (k, found) in found.iter().enumerate() {
            // Monte-Carlo error 4 %; the sandwich of 50 groups is a few per cent too small.
            let ratio = found / vcov[[k, k]].sqrt();
            assert!((ratio - 1.0).abs() < 0.18, "{kind:?} {k}: {ratio}");
        }
        assert_eq!(
            (all.modes[0].dim(), all.drawn.len()),
            ((300, 50, 1), usize::from(kind == BootstrapKind::Parametric))
        );
    }
}

#[test]
fn counts_of_groups_counted_are_counts_of_drawn_rows() {
    let counts = Counts::new();
    let opt = GlmmOptions::default();
    // A pair of cells as units of their own: several factors, so the cells of drawn levels are taken; their variance is
    // next to nothing, so the rest is as with one factor.
    let one = Array2::ones((200, 1));
    let pair: Vec<u32> = (0..200).map(|i| i / 2).collect();
    let group = RandomTerm { z: one.view().into(), level: &counts.level, n_levels: 50, blocks: &[1] };
    let nested = [RandomTerm { z: one.view().into(), level: &pair, n_levels: 100, blocks: &[1] }, group];
    let boot = options(BootstrapKind::Cluster, 8);
    let fit = fit_glmm(&counts.cells(), &nested, LOGIT, &opt).unwrap();
    let several = bootstrap_glmm(&counts.cells(), &nested, LOGIT, &opt, &fit, &boot).unwrap();
    let one_factor = fit_glmm(&counts.cells(), &nested[1..], LOGIT, &opt).unwrap();
    let single = bootstrap_glmm(&counts.cells(), &nested[1..], LOGIT, &opt, &one_factor, &boot).unwrap();
    let mut compared = 0;
    for (k, number) in several.number.iter().enumerate() {
        let at = single.number.iter().position(|n| n == number).unwrap();
        if several.theta[[k, 0]] == 0.0 {
            close("beta", several.beta.row(k).to_vec(), single.beta.row(at).to_vec(), 1e-6);
            close("theta", [several.theta[[k, 1]]], [single.theta[[at, 0]]], 1e-6);
            close(
                "modes",
                several.modes[1].index_axis(Axis(0), k).to_owned(),
                single.modes[0].index_axis(Axis(0), at).to_owned(),
                1e-5,
            );
            compared += 1;
        }
    }
    assert!(compared >= 2, "{compared} replicates without a variance of pairs");
}

#[test]
fn plain_models_have_their_errors_too() {
    let counts = Counts::new();
    let cells = counts.cells();
    let fit = fit_glm(&cells, LOGIT, &GlmOptions::default()).unwrap();
    let parametric =
        bootstrap_glm(&cells, LOGIT, &GlmOptions::default(), &fit, None, &options(BootstrapKind::Parametric, 400));
    let ratio = parametric.unwrap().vcov_beta()[[1, 1]].sqrt() / fit.vcov[[1, 1]].sqrt();
    assert!((ratio - 1.0).abs() < 0.14, "{ratio}");
    let clusters = Some((counts.level.as_slice(), 50));
    let cluster =
        bootstrap_glm(&cells, LOGIT, &GlmOptions::default(), &fit, clusters, &options(BootstrapKind::Cluster, 400));
    let robust =
        crate::stats::glm_cluster_vcov(&cells, LOGIT, &fit, &counts.level, 50, crate::stats::CrType::Cr2).unwrap();
    let ratio = cluster.unwrap().vcov_beta()[[0, 0]].sqrt() / robust.vcov[[0, 0]].sqrt();
    assert!((ratio - 1.0).abs() < 0.16, "{ratio}");
    let y = counts.successes.clone();
    let data = OlsData { y: y.view(), x: counts.x.view(), weights: None, offset: None };
    let fit = fit_ols(&data, &OlsOptions::default()).unwrap();
    let all =
        bootstrap_ols(&data, &OlsOptions::default(), &fit, None, &options(BootstrapKind::Parametric, 400)).unwrap();
    let ratio = all.vcov_beta()[[1, 1]].sqrt() / fit.vcov[[1, 1]].sqrt();
    assert!((ratio - 1.0).abs() < 0.14, "{ratio}");
    let all =
        bootstrap_ols(&data, &OlsOptions::default(), &fit, clusters, &options(BootstrapKind::Cluster, 400)).unwrap();
    assert!(all.vcov_beta()[[0, 0]] > 2.0 * fit.vcov[[0, 0]], "groups that differ make the mean less sure");
}

#[test]
fn threads_leave_no_trace() {
    let years = Years::new(12);
    let counts = Counts::new();
    let one = Array2::ones((200, 1));
    let terms = [RandomTerm { z: one.view().into(), level: &counts.level, n_levels: 50, blocks: &[1] }];
    let fit = fit_glmm(&counts.cells(), &terms, LOGIT, &GlmmOptions::default()).unwrap();
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut out = Vec::new();
            for kind in [BootstrapKind::Parametric, BootstrapKind::Cluster] {
                for pupils in [false, true] {
                    out.push(years.with(pupils, |data| by_lmm(data, LmmAlgebra::Auto, &options(kind, 9)).1));
                }
                let opt = GlmmOptions::default();
                out.push(bootstrap_glmm(&counts.cells(), &terms, LOGIT, &opt, &fit, &options(kind, 9)).unwrap());
            }
            out
        })
    };
    assert_eq!(all(1), all(8));
}

#[test]
fn replicates_without_an_estimate_are_counted() {
    // Three events among the first ten rows: some replicates have none at all, or none in one half.
    let x = Array2::from_shape_fn((20, 2), |(i, k)| if k == 0 { 1.0 } else { f64::from(u8::from(i < 10)) });
    let trials = Array1::ones(20);
    let successes = Array1::from_shape_fn(20, |i| f64::from(u8::from(i < 3 || i == 15)));
    let cells = Cells { x: x.view().into(), trials: trials.view(), successes: successes.view(), offset: None };
    let fit = fit_glm(&cells, LOGIT, &GlmOptions::default()).unwrap();
    let all = bootstrap_glm(&cells, LOGIT, &GlmOptions::default(), &fit, None, &options(BootstrapKind::Parametric, 60));
    let all = all.unwrap();
    assert_eq!(all.len() + all.failed.len(), 60);
    assert!(all.failed.iter().any(|(_, why)| matches!(why, StatsError::Separated { .. })), "{:?}", all.failed);
}

#[test]
fn a_variance_of_zero_can_come_back() {
    // Schools that do not differ: estimated at 0, and half of the replicates above it.
    let years = Years::new(12);
    let y = Array1::from_shape_fn(years.y.len(), |i| 3.0 + spread(i * 17 + 3));
    let terms = [RandomTerm { z: years.one.view().into(), level: &years.school, n_levels: 12, blocks: &[1] }];
    let data = LmmData { y: y.view(), x: years.x.view().into(), terms: &terms, weights: None, offset: None };
    let opt = LmmOptions::default();
    let fit = fit_lmm(&data, &opt).unwrap();
    assert!(matches!(fit.stop, Stop::Boundary { .. }), "{}", fit.theta);
    let all = bootstrap_lmm(&data, &fit, &opt, &options(BootstrapKind::Parametric, 60)).unwrap();
    let above = all.theta.iter().filter(|t| **t > 0.0).count();
    assert_eq!(above + all.singular as usize, all.len());
    assert!((10..50).contains(&above), "{above} of 60");
}

#[test]
fn failures_are_counted_and_leave_a_gap() {
    let one = |r: u32| match r {
        1 | 3 => Err(StatsError::NoVariation),
        r => Ok(Replicate::plain(ndarray::array![f64::from(r), 2.0], None)),
    };
    let all = run(&options(BootstrapKind::Cluster, 6), one).unwrap();
    assert_eq!((all.number.clone(), all.asked), (vec![0, 2, 4, 5], 6));
    assert_eq!(all.failed, vec![(1, StatsError::NoVariation), (3, StatsError::NoVariation)]);
    // Variance of 0, 2, 4, 5.
    assert!((all.vcov_beta()[[0, 0]] - 59.0 / 12.0).abs() < 1e-12 && all.vcov_beta()[[1, 1]] == 0.0);
    let fails = |r: u32| {
        if r == 0 { Ok(Replicate::plain(ndarray::array![1.0], None)) } else { Err(StatsError::NoVariation) }
    };
    assert_eq!(run(&options(BootstrapKind::Cluster, 5), fails).unwrap_err(), StatsError::NoVariation);
    assert!(matches!(run(&options(BootstrapKind::Cluster, 1), fails), Err(StatsError::Shape(_))));
}
