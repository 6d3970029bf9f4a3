//! The fast path against the obvious one: V built densely, for few rows.

use super::objective::Objective;
use super::*;

/// 7 groups, units of 1 to 4 rows with yearly occasions, some missing.
struct Data {
    y: Array1<f64>,
    x: Array2<f64>,
    z_outer: Array2<f64>,
    z_inner: Array2<f64>,
    outer: Vec<u32>,
    unit: Vec<u32>,
}

fn spread(k: usize) -> f64 {
    (0.5 + k as f64 * 0.618_033_988_749_894_9).fract() - 0.5
}

impl Data {
    fn new(q_outer: usize, q_inner: usize) -> Self {
        let mut rows = Vec::new();
        for unit in 0..18u32 {
            for year in 0..4u32 {
                // Occasion patterns 1111, 1110, 1011, 0110 and so on.
                if (unit + 3 * year) % 5 != 0 {
                    rows.push((unit * 7 / 18, unit, f64::from(year)));
                }
            }
        }
        let n = rows.len();
        let column = |i: usize, k: usize| match k {
            0 => 1.0,
            1 => rows[i].2,
            _ => 2.0 * spread(3 * i + k),
        };
        let y = Array1::from_shape_fn(n, |i| {
            let (outer, unit) = (rows[i].0 as usize, rows[i].1 as usize);
            100.0
                + 4.0 * rows[i].2
                + 6.0 * spread(outer * 2 + 1)
                + 5.0 * spread(unit * 3 + 1)
                + 3.0 * spread(outer * 7) * rows[i].2
                + 2.0 * spread(unit * 11) * rows[i].2
                + 3.0 * spread(i * 13 + 5)
        });
        Self {
            y,
            x: Array2::from_shape_fn((n, 3), |(i, k)| column(i, k)),
            z_outer: Array2::from_shape_fn((n, q_outer), |(i, k)| column(i, k)),
            z_inner: Array2::from_shape_fn((n, q_inner), |(i, k)| column(i, k)),
            outer: rows.iter().map(|r| r.0).collect(),
            unit: rows.iter().map(|r| r.1).collect(),
        }
    }

    fn view(&self) -> LmmData<'_> {
        let inner = InnerLevel { z: self.z_inner.view(), unit: &self.unit };
        LmmData {
            y: self.y.view(),
            x: self.x.view(),
            z_outer: self.z_outer.view(),
            outer: &self.outer,
            n_outer: 7,
            inner: (self.z_inner.ncols() > 0).then_some(inner),
        }
    }

    fn objective(&self, reml: bool) -> Objective {
        let view = self.view();
        Scaling::new(&view).unwrap().objective(&view, &Rows::new(&view).unwrap(), reml)
    }
}

const SIZES: [(usize, usize); 6] = [(1, 0), (2, 0), (3, 0), (1, 1), (2, 2), (3, 2)];

fn some_theta(sizes: (usize, usize)) -> Array1<f64> {
    let n = n_theta(sizes.0) + n_theta(sizes.1);
    (0..n).map(|k| 0.6 + 0.8 * spread(k * 4 + 1)).collect()
}

#[test]
fn the_gradient_is_exact() {
    for sizes in SIZES {
        for reml in [false, true] {
            let objective = Data::new(sizes.0, sizes.1).objective(reml);
            let theta = some_theta(sizes);
            let exact = objective.evaluate(&theta).unwrap().grad;
            for k in 0..theta.len() {
                let value = |h: f64| {
                    let mut moved = theta.clone();
                    moved[k] += h;
                    objective.evaluate(&moved).unwrap().value
                };
                let h = 1e-3;
                let slope = (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h);
                // Truncation h⁴·f⁽⁵⁾ and rounding 1e-14·|f|/h are both near 1e-9.
                assert!((slope - exact[k]).abs() < 1e-8, "{sizes:?} {reml} {k}: {slope} {}", exact[k]);
            }
        }
    }
}

/// The textbook formulas with V = I + Z₂Ω₂Z₂ᵀ + Z₁Ω₁Z₁ᵀ (relative to σ²) as an n×n matrix.
struct Dense {
    deviance: f64,
    beta: Array1<f64>,
    vcov_beta: Array2<f64>,
    sigma: f64,
    modes: Array2<f64>,
    /// Cov of (β̂ − β, b̂ − b) from the joint covariance of (y, b).
    mse_first: Array2<f64>,
    cov_first: Array2<f64>,
}

fn dense(data: &Data, fit: &LmmFit, reml: bool) -> Dense {
    let (n, p, q) = (data.y.len(), data.x.ncols(), data.z_outer.ncols());
    let omega = fit.lambda_outer.dot(&fit.lambda_outer.t());
    let omega_inner = fit.lambda_inner.dot(&fit.lambda_inner.t());
    let v = Array2::from_shape_fn((n, n), |(i, j)| {
        let mut value = if i == j { 1.0 } else { 0.0 };
        if data.outer[i] == data.outer[j] {
            value += data.z_outer.row(i).dot(&omega.dot(&data.z_outer.row(j)));
            if data.unit[i] == data.unit[j] && data.z_inner.ncols() > 0 {
                value += data.z_inner.row(i).dot(&omega_inner.dot(&data.z_inner.row(j)));
            }
        }
        value
    });
    let factor = Cholesky::factor(v.view()).unwrap();
    let vi = factor.inverse();
    let a = data.x.t().dot(&vi).dot(&data.x);
    let a_factor = Cholesky::factor(a.view()).unwrap();
    let to_beta = a_factor.inverse().dot(&data.x.t()).dot(&vi);
    let beta = to_beta.dot(&data.y);
    let residual = &data.y - &data.x.dot(&beta);
    let r2 = residual.dot(&vi.dot(&residual));
    let dof = if reml { n - p } else { n } as f64;
    let restricted = if reml { a_factor.log_det() } else { 0.0 };
    // Z_j with zeros outside group j, so that Cov(y, b_j) = σ² Z_j Ω.
    let z_of = |group: u32| {
        Array2::from_shape_fn((n, q), |(i, k)| if data.outer[i] == group { data.z_outer[[i, k]] } else { 0.0 })
    };
    let mut modes = Array2::zeros((7, q));
    for j in 0..7 {
        modes.row_mut(j as usize).assign(&omega.dot(&z_of(j).t()).dot(&vi).dot(&residual));
    }
    // b̂₀ = K y and β̂ = B y are linear: Var(b̂−b) = KVKᵀ − KC − CᵀKᵀ + Ω with C = Cov(y,b); Cov(β̂, b̂−b) = BVKᵀ − BC.
    let sigma2 = r2 / dof;
    let project = Array2::<f64>::eye(n) - data.x.dot(&to_beta);
    let k = omega.dot(&z_of(0).t()).dot(&vi).dot(&project);
    let c = z_of(0).dot(&omega);
    let kc = k.dot(&c);
    Dense {
        deviance: factor.log_det() + restricted + dof * (1.0 + (2.0 * std::f64::consts::PI * sigma2).ln()),
        beta,
        vcov_beta: a_factor.inverse() * sigma2,
        sigma: sigma2.sqrt(),
        modes,
        mse_first: (k.dot(&v).dot(&k.t()) - &kc - kc.t() + &omega) * sigma2,
        cov_first: (to_beta.dot(&v).dot(&k.t()) - to_beta.dot(&c)) * sigma2,
    }
}

#[test]
fn the_fit_agrees_with_dense_matrices() {
    for sizes in SIZES {
        for reml in [false, true] {
            let data = Data::new(sizes.0, sizes.1);
            let fit = fit_lmm(&data.view(), &LmmOptions { reml, ..LmmOptions::default() }).unwrap();
            let plain = dense(&data, &fit, reml);
            let near = |what: &str, a: &Array2<f64>, b: &Array2<f64>| {
                let worst = (a - b).iter().fold(0.0_f64, |m, d| m.max(d.abs()));
                assert!(worst < 1e-8, "{sizes:?} {reml} {what}: {worst}");
            };
            assert!((fit.deviance / plain.deviance - 1.0).abs() < 1e-11, "{sizes:?} {reml}");
            let at_theta = lmm_deviance(&data.view(), reml, fit.theta.view()).unwrap();
            assert!((fit.deviance / at_theta - 1.0).abs() < 1e-13);
            assert!((fit.sigma / plain.sigma - 1.0).abs() < 1e-10);
            assert!((&fit.beta - &plain.beta).iter().all(|d| d.abs() < 1e-9));
            near("vcov_beta", &fit.vcov_beta, &plain.vcov_beta);
            near("modes", &fit.modes, &plain.modes);
            near("mode_mse", &fit.mode_mse[0], &plain.mse_first);
            near("cov_beta_mode", &fit.cov_beta_mode[0], &plain.cov_first);
        }
    }
}

#[test]
fn no_theta_nearby_is_better() {
    for sizes in SIZES {
        let data = Data::new(sizes.0, sizes.1);
        let fit = fit_lmm(&data.view(), &LmmOptions::default()).unwrap();
        assert!(!matches!(fit.stop, Stop::Budget { .. }), "{sizes:?} {:?}", fit.stop);
        assert!(fit.grad_max < 1e-6);
        let objective = data.objective(true);
        let at = &fit.theta * &Scaling::new(&data.view()).unwrap().theta_scales();
        let best = objective.evaluate(&at).unwrap().value;
        for k in 0..at.len() {
            for h in [-0.05, 0.05] {
                let mut moved = at.clone();
                moved[k] += h;
                assert!(objective.evaluate(&moved).unwrap().value >= best - 1e-10, "{sizes:?} {k} {h}");
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let data = Data::new(2, 2);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit_lmm(&data.view(), &LmmOptions::default()).unwrap())
    };
    let (one, three) = (with(1), with(3));
    assert_eq!(one.beta, three.beta);
    assert_eq!(one.theta, three.theta);
    assert_eq!(one.modes, three.modes);
    assert_eq!(one.deviance.to_bits(), three.deviance.to_bits());
}

#[test]
fn shifting_and_rescaling_move_the_answer_as_they_should() {
    let data = Data::new(2, 2);
    let mut moved = Data::new(2, 2);
    moved.y.mapv_inplace(|y| 10.0 * y + 5000.0);
    moved.x.column_mut(1).mapv_inplace(|v| v / 12.0);
    let ml = LmmOptions { reml: false, ..LmmOptions::default() };
    let (a, b) = (fit_lmm(&data.view(), &ml).unwrap(), fit_lmm(&moved.view(), &ml).unwrap());
    let n = data.y.len() as f64;
    // −2 log L of 10y is that of y plus 2n log 10.
    assert!((b.deviance - a.deviance - 2.0 * n * 10f64.ln()).abs() < 1e-8);
    assert!((b.beta[1] / a.beta[1] / 120.0 - 1.0).abs() < 1e-9);
    assert!((b.beta[0] - 10.0 * a.beta[0] - 5000.0).abs() < 1e-6);
    assert!((&a.theta - &b.theta).iter().all(|d| d.abs() < 1e-6));
    assert!((&b.modes - &(&a.modes * 10.0)).iter().all(|d| d.abs() < 1e-6));
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let opt = LmmOptions::default();
    let mut twins = Data::new(1, 0);
    let second = twins.x.column(1).to_owned();
    twins.x.column_mut(2).assign(&(&second - 1.0));
    assert_eq!(fit_lmm(&twins.view(), &opt).unwrap_err(), StatsError::RankDeficient { column: 2 });
    let mut exact = Data::new(1, 0);
    exact.y = exact.x.dot(&ndarray::array![1.0, 2.0, 3.0]);
    assert_eq!(fit_lmm(&exact.view(), &opt).unwrap_err(), StatsError::NoVariation);
    let mut missing = Data::new(1, 0);
    missing.y[4] = f64::NAN;
    assert_eq!(fit_lmm(&missing.view(), &opt).unwrap_err(), StatsError::NotFinite { array: "y", row: 4 });
    let mut one = Data::new(1, 0);
    one.outer.fill(2);
    assert_eq!(fit_lmm(&one.view(), &opt).unwrap_err(), StatsError::TooFewGroups { groups: 1 });
    let mut unsorted = Data::new(1, 1);
    unsorted.unit.reverse();
    assert!(matches!(fit_lmm(&unsorted.view(), &opt), Err(StatsError::Shape(_))));
}
