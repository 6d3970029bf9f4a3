//! Identities of the binomial mixed model on small made-up data.

use super::*;
use ndarray::Array2;

/// Small data from a fixed recurrence: J groups of unequal size, p = 3, q columns of z.
pub(super) struct Data {
    x: Array2<f64>,
    z: Array2<f64>,
    trials: Array1<f64>,
    successes: Array1<f64>,
    group: Vec<u32>,
    n_groups: usize,
}

/// A Weyl sequence: spread-out numbers in (0, 1) without a random generator.
fn spread(k: usize) -> f64 {
    (0.5 + k as f64 * 0.618_033_988_749_894_9).fract()
}

impl Data {
    pub(super) fn new(n_groups: usize, q: usize, grouped: bool) -> Self {
        let group: Vec<u32> = (0..n_groups as u32).flat_map(|j| vec![j; 8 + (j as usize * 5) % 7]).collect();
        let n = group.len();
        let column = |i: usize, k: usize| {
            if k == 0 { 1.0 } else { 2.0 * spread(i * (k + 2) + 7 * k) - 1.0 }
        };
        let x = Array2::from_shape_fn((n, 3), |(i, k)| column(i, k));
        let z = Array2::from_shape_fn((n, q), |(i, k)| column(i, k) * (k as f64 + 1.0));
        let trials = Array1::from_shape_fn(n, |i| if grouped { 1.0 + (i % 4) as f64 } else { 1.0 });
        let successes = Array1::from_shape_fn(n, |i| {
            let j = group[i] as usize;
            let shift = 1.4 * (spread(j * 3 + 1) - 0.5) + 1.2 * (spread(j * 5 + 2) - 0.5) * x[[i, 1]];
            let mean = Link::Logit.mean(-0.4 + 0.6 * x[[i, 1]] + 2.0 * shift);
            (trials[i] * mean + spread(i * 11 + 3) - 0.5).round().clamp(0.0, trials[i])
        });
        Self { x, z, trials, successes, group, n_groups }
    }

    pub(super) fn cells(&self) -> BinomialCells<'_> {
        BinomialCells {
            x: self.x.view(),
            z: self.z.view(),
            trials: self.trials.view(),
            successes: self.successes.view(),
            group: &self.group,
            n_groups: self.n_groups,
        }
    }
}

fn phi(q: usize) -> Array1<f64> {
    let theta = [0.7, -0.3, 0.2, 0.5, 0.15, 0.4];
    let picked: Vec<f64> = positions(3).zip(theta).filter(|((r, c), _)| *r < q && *c < q).map(|(_, t)| t).collect();
    [-0.4, 0.6, 0.1].into_iter().chain(picked).collect()
}

fn gradient_error<const Q: usize>(link: Link) -> f64 {
    let data = Data::new(9, Q, true);
    let mut problem = Problem::<Q>::new(&data.cells(), link);
    let at = phi(Q);
    let exact = problem.evaluate(&at).unwrap().grad;
    let mut worst = 0.0_f64;
    for k in 0..at.len() {
        let mut value = |h: f64| {
            let mut moved = at.clone();
            moved[k] += h;
            problem.evaluate(&moved).unwrap().value
        };
        // Fourth-order difference: truncation h⁴ ≈ 1e-12, rounding 1e-14/h ≈ 1e-11.
        let h = 1e-3;
        let slope = (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h);
        worst = worst.max((slope - exact[k]).abs());
    }
    worst
}

#[test]
fn the_gradient_is_exact() {
    for link in [Link::Logit, Link::Cloglog] {
        let errors = [gradient_error::<1>(link), gradient_error::<2>(link), gradient_error::<3>(link)];
        assert!(errors.iter().all(|&e| e < 2e-9), "{link:?} {errors:?}");
    }
}

#[test]
fn the_modes_move_as_their_jacobian_says() {
    for link in [Link::Logit, Link::Cloglog] {
        let data = Data::new(5, 2, true);
        let problem = Problem::<2>::new(&data.cells(), link);
        let mode_of =
            |phi: &Array1<f64>, j: usize| problem.detail(j, &Parameters::split(phi.as_slice().unwrap())).unwrap();
        let at = phi(2);
        for j in 0..5 {
            let jacobian = mode_of(&at, j).jacobian;
            for k in 0..at.len() {
                let h = 1e-5;
                let (mut up, mut down) = (at.clone(), at.clone());
                up[k] += h;
                down[k] -= h;
                let slope = (mode_of(&up, j).mode - mode_of(&down, j).mode) / (2.0 * h);
                assert!((&slope - &jacobian.column(k)).iter().all(|d| d.abs() < 1e-8));
            }
        }
    }
}

/// The definition, without its algebra: mode by crude search of the integrand, curvature by differences.
#[test]
fn one_group_agrees_with_the_definition() {
    let data = Data::new(2, 1, true);
    let problem = Problem::<1>::new(&data.cells(), Link::Cloglog);
    let at = phi(1);
    let integrand = |u: f64| {
        let cells = problem.group(0);
        let eta = |i: usize| (0..3).map(|k| data.x[[i, k]] * at[k]).sum::<f64>() + data.z[[i, 0]] * at[3] * u;
        let rows = 0..cells.z.len();
        rows.map(|i| Link::Cloglog.cell(eta(i), data.trials[i], data.successes[i]).log_lik).sum::<f64>() - 0.5 * u * u
    };
    let (mut low, mut high) = (-5.0, 5.0);
    for _ in 0..200 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if integrand(a) < integrand(b) { low = a } else { high = b }
    }
    let (u, h) = (0.5 * (low + high), 1e-4);
    let curvature = -(integrand(u + h) - 2.0 * integrand(u) + integrand(u - h)) / (h * h);
    let expected = integrand(u) - 0.5 * curvature.ln();
    let found = problem.detail(0, &Parameters::split(at.as_slice().unwrap())).unwrap().log_lik;
    // The second difference carries about 1e-14/h² = 1e-6 of rounding.
    assert!((found - expected).abs() < 1e-5, "{found} {expected}");
}

#[test]
fn grouped_and_separate_rows_give_the_same_fit() {
    let data = Data::new(12, 2, true);
    let mut rows: Vec<(usize, f64)> = Vec::new();
    for i in 0..data.group.len() {
        for k in 0..data.trials[i] as usize {
            rows.push((i, if (k as f64) < data.successes[i] { 1.0 } else { 0.0 }));
        }
    }
    let index: Vec<usize> = rows.iter().map(|r| r.0).collect();
    let separate = Data {
        x: data.x.select(ndarray::Axis(0), &index),
        z: data.z.select(ndarray::Axis(0), &index),
        trials: Array1::ones(rows.len()),
        successes: rows.iter().map(|r| r.1).collect(),
        group: index.iter().map(|&i| data.group[i]).collect(),
        n_groups: data.n_groups,
    };
    let opt = GlmmOptions::default();
    let one = fit_glmm(&data.cells(), Link::Logit, &opt).unwrap();
    let two = fit_glmm(&separate.cells(), Link::Logit, &opt).unwrap();
    assert!((one.log_lik - two.log_lik).abs() < 1e-10);
    assert!((&one.beta - &two.beta).iter().all(|d| d.abs() < 1e-8));
    assert!((&one.modes - &two.modes).iter().all(|d| d.abs() < 1e-8));
    assert!((&one.vcov - &two.vcov).iter().all(|d| d.abs() < 1e-7));
    assert_eq!(one.n_obs, two.n_obs);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let data = Data::new(15, 2, false);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit_glmm(&data.cells(), Link::Cloglog, &GlmmOptions::default()).unwrap())
    };
    let (one, three) = (with(1), with(3));
    assert_eq!(one.beta, three.beta);
    assert_eq!(one.theta, three.theta);
    assert_eq!(one.vcov, three.vcov);
    assert_eq!(one.modes, three.modes);
    assert_eq!(one.log_lik.to_bits(), three.log_lik.to_bits());
}

#[test]
fn the_fit_is_stationary_and_its_parts_agree() {
    let data = Data::new(25, 2, true);
    let fit = fit_glmm(&data.cells(), Link::Logit, &GlmmOptions::default()).unwrap();
    assert_eq!(fit.stop, Stop::Interior);
    assert!(fit.log_lik > fit.log_lik_glm);
    assert!(fit.theta[0] > 0.0 && fit.theta[2] > 0.0);
    assert!(fit.scores.sum_axis(ndarray::Axis(0)).iter().all(|s| s.abs() < 1e-6));
    assert!(fit.vcov.diag().iter().all(|&v| v > 0.0));
    let extra = fit.mode_mse(3) - &fit.cond_var[3];
    assert!(extra[[0, 0]] > 0.0 && extra[[1, 1]] > 0.0);
}

#[test]
fn rescaling_columns_rescales_the_answer() {
    let data = Data::new(14, 2, true);
    let mut scaled = Data::new(14, 2, true);
    scaled.x.column_mut(1).mapv_inplace(|v| v * 1000.0);
    scaled.z.column_mut(1).mapv_inplace(|v| v * 0.01);
    let fit = |d: &Data| fit_glmm(&d.cells(), Link::Logit, &GlmmOptions::default()).unwrap();
    let (a, b) = (fit(&data), fit(&scaled));
    assert!((a.log_lik - b.log_lik).abs() < 1e-9);
    assert!((a.beta[1] / b.beta[1] / 1000.0 - 1.0).abs() < 1e-6);
    assert!((a.lambda[[1, 0]] / b.lambda[[1, 0]] - 0.01).abs() < 1e-7);
    assert!((a.vcov[[1, 1]] / b.vcov[[1, 1]] / 1e6 - 1.0).abs() < 1e-5);
}

#[test]
fn equal_groups_end_on_the_boundary_with_the_pooled_answer() {
    // Every group holds the same cells, so the groups vary less than chance would have them: θ = 0.
    let one = Data::new(1, 1, true);
    let (n, copies) = (one.group.len(), 6);
    let index: Vec<usize> = (0..copies * n).map(|i| i % n).collect();
    let data = Data {
        x: one.x.select(ndarray::Axis(0), &index),
        z: one.z.select(ndarray::Axis(0), &index),
        trials: one.trials.select(ndarray::Axis(0), &index),
        successes: one.successes.select(ndarray::Axis(0), &index),
        group: (0..copies * n).map(|i| (i / n) as u32).collect(),
        n_groups: copies,
    };
    let fit = fit_glmm(&data.cells(), Link::Logit, &GlmmOptions::default()).unwrap();
    let glm = fit_glm(&data.cells().cells(), Family::Binomial(Link::Logit), &GlmOptions::default()).unwrap();
    assert_eq!(fit.stop, Stop::Boundary { zero: vec![0] });
    assert!((&fit.beta - &glm.beta).iter().all(|d| d.abs() < 1e-8));
    assert!((fit.log_lik - glm.log_lik).abs() < 1e-9);
    assert!(fit.vcov.row(3).iter().all(|&v| v == 0.0));
    for k in 0..3 {
        assert!((fit.vcov[[k, k]] / glm.vcov[[k, k]] - 1.0).abs() < 1e-6);
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let opt = GlmmOptions::default();
    let data = Data::new(1, 1, true);
    assert_eq!(fit_glmm(&data.cells(), Link::Logit, &opt).unwrap_err(), StatsError::TooFewGroups { groups: 1 });
    let mut twins = Data::new(6, 1, true);
    let second = twins.x.column(1).to_owned();
    twins.x.column_mut(2).assign(&(&second * 2.0 + 1.0));
    assert_eq!(fit_glmm(&twins.cells(), Link::Logit, &opt).unwrap_err(), StatsError::RankDeficient { column: 2 });
}
