//! The fast roads against the obvious one: V built densely, for few rows.

use super::super::cells::check_finite;
use super::super::linalg::Cholesky;
use super::route::Held;
use super::*;

/// Something between −½ and ½ that looks like chance.
fn spread(k: usize) -> f64 {
    let x = (k as f64 + 1.0).sin() * 43_758.545_3;
    x - x.floor() - 0.5
}

/// One random-effects term that owns its columns.
#[derive(Clone)]
struct Term {
    z: Array2<f64>,
    level: Vec<u32>,
    n_levels: usize,
    blocks: Vec<usize>,
}

#[derive(Clone)]
struct Data {
    name: &'static str,
    y: Array1<f64>,
    x: Array2<f64>,
    weights: Option<Array1<f64>>,
    offset: Option<Array1<f64>>,
    terms: Vec<Term>,
}

/// 24 units of up to 6 rows with yearly occasions, some missing, in 7 groups in 3 regions; 5 others cross them.
struct Rows(Vec<(u32, u32, f64)>);

impl Rows {
    fn new() -> Self {
        let all = (0..24u32).flat_map(|unit| (0..6u32).map(move |year| (unit * 7 / 24, unit, year)));
        // Several occasion patterns, each in more than one unit.
        Self(all.filter(|(_, unit, year)| (unit + 3 * year) % 5 != 0).map(|(g, u, y)| (g, u, f64::from(y))).collect())
    }

    fn term(&self, level: impl Fn(usize) -> u32, blocks: &[usize]) -> Term {
        let level: Vec<u32> = (0..self.0.len()).map(level).collect();
        let q = blocks.iter().sum();
        let z = Array2::from_shape_fn((self.0.len(), q), |(i, k)| match k {
            0 => 1.0,
            1 => self.0[i].2,
            _ => 2.0 * spread(3 * i + k),
        });
        Term { z, n_levels: level.iter().max().map_or(0, |&m| m as usize + 1), level, blocks: blocks.to_vec() }
    }

    fn data(&self, name: &'static str, terms: Vec<Term>) -> Data {
        let n = self.0.len();
        let x = Array2::from_shape_fn((n, 3), |(i, k)| match k {
            0 => 1.0,
            1 => self.0[i].2,
            _ => 2.0 * spread(3 * i + k),
        });
        let mut y = Array1::from_shape_fn(n, |i| 100.0 + 4.0 * self.0[i].2 + 3.0 * spread(i * 13 + 5));
        for (t, term) in terms.iter().enumerate() {
            for i in 0..n {
                for k in 0..term.z.ncols() {
                    y[i] += 6.0 * spread(term.level[i] as usize * (7 + 4 * k) + t + 1) * term.z[[i, k]];
                }
            }
        }
        Data { name, y, x, weights: None, offset: None, terms }
    }
}

fn cases() -> Vec<Data> {
    let rows = Rows::new();
    let outer = |blocks: &[usize]| rows.term(|i| rows.0[i].0, blocks);
    let unit = |blocks: &[usize]| rows.term(|i| rows.0[i].1, blocks);
    let region = |blocks: &[usize]| rows.term(|i| rows.0[i].0 / 3, blocks);
    let crossed = |blocks: &[usize]| rows.term(|i| (i as u32 * 7 + 3) % 5, blocks);
    let mut all = vec![
        rows.data("one intercept", vec![outer(&[1])]),
        rows.data("correlated slopes", vec![outer(&[2])]),
        rows.data("three effects", vec![outer(&[3])]),
        rows.data("uncorrelated slopes", vec![outer(&[1, 1])]),
        rows.data("blocks", vec![outer(&[1, 2])]),
        rows.data("nested", vec![unit(&[1]), outer(&[1])]),
        rows.data("nested slopes, outer first", vec![outer(&[2]), unit(&[2])]),
        rows.data("nested, uncorrelated", vec![unit(&[1, 1]), outer(&[1, 2])]),
        rows.data("three levels", vec![unit(&[1]), outer(&[2]), region(&[1])]),
        rows.data("crossed", vec![outer(&[1]), crossed(&[1])]),
        rows.data("crossed slopes", vec![unit(&[1]), outer(&[2]), crossed(&[1, 1])]),
    ];
    let n = rows.0.len();
    for base in [1, 6, 9] {
        let mut weighted = all[base].clone();
        weighted.name = "weights and offset";
        weighted.weights = Some(Array1::from_shape_fn(n, |i| 1.0 + 1.5 * (0.5 + spread(i * 5 + 2))));
        weighted.offset = Some(Array1::from_shape_fn(n, |i| 8.0 * spread(i * 11)));
        all.push(weighted);
    }
    all
}

/// Calls `f` with the view of a case.
fn with_view<T>(data: &Data, f: impl FnOnce(&LmmData) -> T) -> T {
    let terms: Vec<RandomTerm> = data
        .terms
        .iter()
        .map(|t| RandomTerm { z: t.z.view().into(), level: &t.level, n_levels: t.n_levels, blocks: &t.blocks })
        .collect();
    f(&LmmData {
        y: data.y.view(),
        x: data.x.view().into(),
        terms: &terms,
        weights: data.weights.as_ref().map(|w| w.view()),
        offset: data.offset.as_ref().map(|o| o.view()),
    })
}

fn options(reml: bool, algebra: LmmAlgebra) -> LmmOptions {
    LmmOptions { reml, algebra, ..LmmOptions::default() }
}

fn fit(data: &Data, opt: &LmmOptions) -> Result<LmmFit, StatsError> {
    with_view(data, |view| fit_lmm(view, opt))
}

const BOTH: [LmmAlgebra; 2] = [LmmAlgebra::Auto, LmmAlgebra::Blocked];

fn some_theta(data: &Data) -> Array1<f64> {
    let n: usize = data.terms.iter().flat_map(|t| &t.blocks).map(|&k| k * (k + 1) / 2).sum();
    (0..n).map(|k| 0.6 + 0.8 * spread(k * 4 + 1)).collect()
}

/// Objective and gradient with the scaled θ, optionally with aᵀγ held.
fn evaluate(data: &Data, opt: &LmmOptions, theta: &Array1<f64>, held: Option<&Held>) -> (f64, Array1<f64>) {
    with_view(data, |view| {
        let rows = ScaledRows::new(view).unwrap();
        let at = match nested(&rows, opt) {
            Some(route) => problem(&rows, route, opt).evaluate(theta, held),
            None => problem(&rows, Blocked::new(&rows).unwrap(), opt).evaluate(theta, held),
        };
        let at = at.unwrap();
        (at.value, at.grad)
    })
}

#[test]
fn the_gradient_is_exact() {
    for data in cases() {
        for (reml, algebra) in [(false, BOTH[0]), (true, BOTH[0]), (false, BOTH[1]), (true, BOTH[1])] {
            let opt = options(reml, algebra);
            let theta = some_theta(&data);
            for held in [None, Some(Held { direction: ndarray::array![0.3, -1.0, 0.4], value: 2.0 })] {
                let exact = evaluate(&data, &opt, &theta, held.as_ref()).1;
                for k in 0..theta.len() {
                    let value = |h: f64| {
                        let mut moved = theta.clone();
                        moved[k] += h;
                        evaluate(&data, &opt, &moved, held.as_ref()).0
                    };
                    let h = 1e-3;
                    let slope = (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h);
                    // Truncation h⁴·f⁽⁵⁾ and rounding 1e-14·|f|/h are both near 1e-9 of the size of f.
                    let off = (slope - exact[k]).abs() / (1.0 + exact[k].abs());
                    assert!(off < 1e-8, "{} {reml} {algebra:?} {k}: {slope} {}", data.name, exact[k]);
                }
            }
        }
    }
}

/// The textbook formulas with V = W⁻¹ + ZΩZᵀ (relative to σ²) as an n×n matrix.
struct Dense {
    deviance: f64,
    beta: Array1<f64>,
    vcov_beta: Array2<f64>,
    sigma: f64,
    /// All terms' effects, level by level.
    modes: Array1<f64>,
    cond_var: Array2<f64>,
    /// Cov of (b̂ − b) and of (β̂ − β, b̂ − b) from the joint covariance of (y, b).
    mse: Array2<f64>,
    cov: Array2<f64>,
}

fn dense(data: &Data, fit: &LmmFit, reml: bool) -> Dense {
    let (n, p) = data.x.dim();
    let size: usize = data.terms.iter().map(|t| t.n_levels * t.z.ncols()).sum();
    let (mut z, mut omega) = (Array2::zeros((n, size)), Array2::zeros((size, size)));
    let mut first = 0;
    for (term, found) in data.terms.iter().zip(&fit.terms) {
        let q = term.z.ncols();
        let of_level = found.lambda.dot(&found.lambda.t());
        for j in 0..term.n_levels {
            omega
                .slice_mut(ndarray::s![first + j * q..first + (j + 1) * q, first + j * q..first + (j + 1) * q])
                .assign(&of_level);
        }
        for i in 0..n {
            let at = first + term.level[i] as usize * q;
            z.slice_mut(ndarray::s![i, at..at + q]).assign(&term.z.row(i));
        }
        first += term.n_levels * q;
    }
    let weights = data.weights.clone().unwrap_or_else(|| Array1::ones(n));
    let v = z.dot(&omega).dot(&z.t()) + Array2::from_diag(&weights.mapv(|w| 1.0 / w));
    let y = &data.y - &data.offset.clone().unwrap_or_else(|| Array1::zeros(n));
    let factor = Cholesky::factor(v.view()).unwrap();
    let vi = factor.inverse();
    let a = Cholesky::factor(data.x.t().dot(&vi).dot(&data.x).view()).unwrap();
    let to_beta = a.inverse().dot(&data.x.t()).dot(&vi);
    let beta = to_beta.dot(&y);
    let residual = &y - &data.x.dot(&beta);
    let dof = if reml { n - p } else { n } as f64;
    let sigma2 = residual.dot(&vi.dot(&residual)) / dof;
    let restricted = if reml { a.log_det() } else { 0.0 };
    // b̂ = Ky and β̂ = By are linear: Var(b̂−b) = KVKᵀ − KC − CᵀKᵀ + Ω with C = Cov(y,b); Cov(β̂, b̂−b) = BVKᵀ − BC.
    let c = z.dot(&omega);
    let k = c.t().dot(&vi).dot(&(Array2::<f64>::eye(n) - data.x.dot(&to_beta)));
    let kc = k.dot(&c);
    Dense {
        deviance: factor.log_det() + restricted + dof * (1.0 + (2.0 * std::f64::consts::PI * sigma2).ln()),
        beta,
        vcov_beta: a.inverse() * sigma2,
        sigma: sigma2.sqrt(),
        modes: c.t().dot(&vi).dot(&residual),
        cond_var: (&omega - &c.t().dot(&vi).dot(&c)) * sigma2,
        mse: (k.dot(&v).dot(&k.t()) - &kc - kc.t() + &omega) * sigma2,
        cov: (to_beta.dot(&v).dot(&k.t()) - to_beta.dot(&c)) * sigma2,
    }
}

#[test]
fn both_routes_agree_with_dense_matrices() {
    for data in cases() {
        for (reml, algebra) in [(false, BOTH[0]), (true, BOTH[0]), (false, BOTH[1]), (true, BOTH[1])] {
            let opt = options(reml, algebra);
            let best = fit(&data, &opt).unwrap();
            let found = with_view(&data, |view| lmm_at_theta(view, &opt, best.theta.view())).unwrap();
            let plain = dense(&data, &found, reml);
            let near = |what: &str, a: f64, b: f64, scale: f64| {
                assert!((a - b).abs() < 1e-9 * (1.0 + scale), "{} {reml} {algebra:?} {what}: {a} {b}", data.name);
            };
            assert!((found.deviance / plain.deviance - 1.0).abs() < 1e-12, "{} {reml} {algebra:?}", data.name);
            assert!((best.deviance / found.deviance - 1.0).abs() < 1e-13);
            near("sigma", found.sigma, plain.sigma, plain.sigma);
            for k in 0..3 {
                near("beta", found.beta[k], plain.beta[k], plain.beta[k].abs());
                for l in 0..3 {
                    near("vcov", found.vcov_beta[[k, l]], plain.vcov_beta[[k, l]], plain.vcov_beta[[0, 0]]);
                    near("vcov at optimum", best.vcov_beta[[k, l]], plain.vcov_beta[[k, l]], plain.vcov_beta[[0, 0]]);
                }
            }
            let mut first = 0;
            for term in &found.terms {
                let (levels, q) = term.modes.dim();
                for (j, k) in (0..levels).flat_map(|j| (0..q).map(move |k| (j, k))) {
                    let at = first + j * q + k;
                    near("mode", term.modes[[j, k]], plain.modes[at], plain.modes[at].abs());
                    for l in 0..q {
                        let other = first + j * q + l;
                        near("cond_var", term.cond_var[[j, k, l]], plain.cond_var[[at, other]], 1.0);
                        near("mse", term.mode_mse[[j, k, l]], plain.mse[[at, other]], 1.0);
                    }
                    for b in 0..3 {
                        near("cov", term.cov_beta_mode[[j, b, k]], plain.cov[[b, at]], 1.0);
                    }
                }
                first += levels * q;
            }
        }
    }
}

#[test]
fn no_theta_nearby_is_better() {
    for data in cases() {
        let opt = LmmOptions::default();
        let best = fit(&data, &opt).unwrap_or_else(|e| panic!("{}: {e}", data.name));
        assert!(!matches!(best.stop, Stop::Budget { .. }), "{} {:?}", data.name, best.stop);
        assert!(best.grad_max < 1e-6);
        for k in 0..best.theta.len() {
            for h in [-0.03, 0.03] {
                let mut moved = best.theta.clone();
                moved[k] += h;
                let there = with_view(&data, |view| lmm_deviance(view, &opt, moved.view())).unwrap();
                assert!(there >= best.deviance - 1e-9, "{} {k} {h}", data.name);
            }
        }
    }
}

#[test]
fn the_routes_find_the_same_optimum() {
    for data in cases() {
        let (a, b) = (fit(&data, &options(true, BOTH[0])).unwrap(), fit(&data, &options(true, BOTH[1])).unwrap());
        assert!((a.deviance - b.deviance).abs() < 1e-9, "{}", data.name);
        assert!((&a.theta - &b.theta).iter().all(|d| d.abs() < 1e-5), "{} {} {}", data.name, a.theta, b.theta);
        assert!((&a.beta - &b.beta).iter().all(|d| d.abs() < 1e-7), "{}", data.name);
        let scale = a.vcov_theta_sigma.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        assert!((&a.vcov_theta_sigma - &b.vcov_theta_sigma).iter().all(|d| d.abs() < 1e-3 * scale), "{}", data.name);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let all = cases();
    for data in [&all[6], &all[10]] {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(data, &LmmOptions::default()).unwrap())
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            let many = with(threads);
            assert_eq!(one.beta, many.beta);
            assert_eq!(one.theta, many.theta);
            assert_eq!(one.terms[1].modes, many.terms[1].modes);
            assert_eq!(one.deviance.to_bits(), many.deviance.to_bits());
        }
    }
}

#[test]
fn shifting_and_rescaling_move_the_answer_as_they_should() {
    let data = &cases()[6];
    let mut moved = data.clone();
    moved.y.mapv_inplace(|y| 10.0 * y + 5000.0);
    moved.x.column_mut(1).mapv_inplace(|v| v / 12.0);
    let ml = options(false, LmmAlgebra::Auto);
    let (a, b) = (fit(data, &ml).unwrap(), fit(&moved, &ml).unwrap());
    let n = data.y.len() as f64;
    // −2 log L of 10y is that of y plus 2n log 10.
    assert!((b.deviance - a.deviance - 2.0 * n * 10f64.ln()).abs() < 1e-8);
    assert!((b.beta[1] / a.beta[1] / 120.0 - 1.0).abs() < 1e-9);
    assert!((b.beta[0] - 10.0 * a.beta[0] - 5000.0).abs() < 1e-6);
    assert!((&a.theta - &b.theta).iter().all(|d| d.abs() < 1e-6));
    assert!((&b.terms[0].modes - &(&a.terms[0].modes * 10.0)).iter().all(|d| d.abs() < 1e-6));
}

#[test]
fn a_weight_of_two_is_a_row_twice() {
    // With σ profiled, weights are relative: compare at the same θ through r² and |M|, not through the criterion.
    let data = &cases()[1];
    let n = data.y.len();
    let mut weighted = data.clone();
    weighted.weights = Some(Array1::from_shape_fn(n, |i| if i % 3 == 0 { 2.0 } else { 1.0 }));
    let twice: Vec<usize> = (0..n).flat_map(|i| std::iter::repeat_n(i, if i % 3 == 0 { 2 } else { 1 })).collect();
    let mut doubled = data.clone();
    doubled.y = twice.iter().map(|&i| data.y[i]).collect();
    doubled.x = data.x.select(ndarray::Axis(0), &twice);
    doubled.terms[0].z = data.terms[0].z.select(ndarray::Axis(0), &twice);
    doubled.terms[0].level = twice.iter().map(|&i| data.terms[0].level[i]).collect();
    let opt = options(false, LmmAlgebra::Auto);
    let theta = ndarray::array![0.9, 0.1, 0.4];
    let at = |data: &Data| with_view(data, |view| lmm_at_theta(view, &opt, theta.view())).unwrap();
    let (a, b) = (at(&weighted), at(&doubled));
    assert!((&a.beta - &b.beta).iter().all(|d| d.abs() < 1e-9));
    assert!((&a.terms[0].modes - &b.terms[0].modes).iter().all(|d| d.abs() < 1e-9));
    let r2 = |fit: &LmmFit| fit.sigma * fit.sigma * fit.n_obs as f64;
    assert!((r2(&a) / r2(&b) - 1.0).abs() < 1e-12);
}

#[test]
fn the_unit_of_the_weights_does_not_matter() {
    let base = cases().into_iter().find(|d| d.weights.is_some()).unwrap();
    let opt = LmmOptions::default();
    let one = fit(&base, &opt).unwrap();
    for unit in [1e-10, 1e8] {
        let mut other = base.clone();
        other.weights = base.weights.as_ref().map(|w| w * unit);
        let many = fit(&other, &opt).unwrap();
        // The density of y is the same: σ² is in units of the weights, the effects are not.
        assert!((one.deviance - many.deviance).abs() < 1e-7, "{unit}");
        assert!((many.sigma / one.sigma / f64::sqrt(unit) - 1.0).abs() < 1e-6);
        let sd = |fit: &LmmFit| fit.sigma * fit.terms[0].lambda[[0, 0]];
        assert!((sd(&many) / sd(&one) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_level_without_rows_is_predicted_by_the_prior() {
    for base in [&cases()[1], &cases()[5]] {
        for algebra in BOTH {
            let mut more = base.clone();
            more.terms[0].n_levels += 1;
            let (few, many) =
                (fit(base, &options(true, algebra)).unwrap(), fit(&more, &options(true, algebra)).unwrap());
            assert!((few.deviance - many.deviance).abs() < 1e-9);
            let last = more.terms[0].n_levels - 1;
            let prior = many.terms[0].lambda.dot(&many.terms[0].lambda.t())[[0, 0]] * many.sigma.powi(2);
            assert_eq!(many.terms[0].modes[[last, 0]], 0.0);
            assert!((many.terms[0].cond_var[[last, 0, 0]] / prior - 1.0).abs() < 1e-9, "{} {algebra:?}", base.name);
        }
    }
}

#[test]
fn without_variance_between_groups_it_is_least_squares() {
    let data = &cases()[1];
    let at_zero = with_view(data, |view| lmm_at_theta(view, &LmmOptions::default(), Array1::zeros(3).view())).unwrap();
    let cross = Cholesky::factor(data.x.t().dot(&data.x).view()).unwrap();
    let beta = cross.solve(data.x.t().dot(&data.y).view());
    assert!((&at_zero.beta - &beta).iter().all(|d| d.abs() < 1e-10));
    assert!(at_zero.terms[0].modes.iter().all(|&b| b == 0.0));
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let opt = LmmOptions::default();
    let base = &cases()[0];
    check_finite("x", base.x.view()).unwrap();
    let mut twins = base.clone();
    let second = twins.x.column(1).to_owned();
    twins.x.column_mut(2).assign(&(&second - 1.0));
    assert_eq!(fit(&twins, &opt).unwrap_err(), StatsError::RankDeficient { column: 2 });
    let mut exact = base.clone();
    exact.y = exact.x.dot(&ndarray::array![1.0, 2.0, 3.0]);
    assert_eq!(fit(&exact, &opt).unwrap_err(), StatsError::NoVariation);
    let mut missing = base.clone();
    missing.y[4] = f64::NAN;
    assert_eq!(fit(&missing, &opt).unwrap_err(), StatsError::NotFinite { array: "y", row: 4 });
    let mut one = base.clone();
    one.terms[0].level.fill(2);
    assert_eq!(fit(&one, &opt).unwrap_err(), StatsError::TooFewGroups { groups: 1 });
    let mut own = base.clone();
    own.terms[0].level = (0..base.y.len() as u32).collect();
    own.terms[0].n_levels = base.y.len();
    assert_eq!(fit(&own, &opt).unwrap_err(), StatsError::TooManyLevels { term: 0 });
    let mut none = base.clone();
    none.weights = Some(Array1::zeros(base.y.len()));
    assert!(matches!(fit(&none, &opt), Err(StatsError::Shape(_))));
}

#[test]
fn combinations_have_the_error_of_dense_matrices() {
    for data in cases() {
        let opt = LmmOptions::default();
        let best = fit(&data, &opt).unwrap();
        let plain = dense(&data, &best, true);
        let sizes: Vec<(usize, usize)> = data.terms.iter().map(|t| (t.n_levels, t.z.ncols())).collect();
        // All terms at once: a pupil with its school, the difference of two levels, a level twice.
        let all: Vec<Combination> = (0..4)
            .map(|m| {
                let weights = |t: usize, q: usize| Array1::from_shape_fn(q, |k| 1.0 + 3.0 * spread(m + 5 * t + 11 * k));
                let part = |t: usize, level: usize| RandomWeight { term: t, level, weights: weights(t, sizes[t].1) };
                let random =
                    (0..sizes.len()).flat_map(|t| [part(t, m % sizes[t].0), part(t, (2 * m + 1) % sizes[t].0)]);
                Combination { beta: Array1::from_shape_fn(3, |k| 4.0 * spread(m + 7 * k)), random: random.collect() }
            })
            .collect();
        let found = with_view(&data, |view| lmm_predictions(view, &best, &all)).unwrap();
        for (what, found) in all.iter().zip(&found) {
            let mut d = Array1::<f64>::zeros(plain.modes.len());
            for part in &what.random {
                let first: usize = sizes[..part.term].iter().map(|(levels, q)| levels * q).sum();
                let q = sizes[part.term].1;
                (0..q).for_each(|k| d[first + part.level * q + k] += part.weights[k]);
            }
            let c = &what.beta;
            let estimate = |beta: &Array1<f64>, modes: &Array1<f64>| c.dot(beta) + d.dot(modes);
            let mse = c.dot(&plain.vcov_beta.dot(c)) + 2.0 * c.dot(&plain.cov.dot(&d)) + d.dot(&plain.mse.dot(&d));
            let near = |a: f64, b: f64| (a - b).abs() < 1e-8 * (1.0 + b.abs());
            assert!(near(found.estimate, estimate(&plain.beta, &plain.modes)), "{} {found:?}", data.name);
            assert!(near(found.std_error_theta_known, mse.sqrt()), "{} {found:?} {}", data.name, mse.sqrt());
            // What θ adds, from fits at moved θ.
            let k = best.theta.len();
            let at = |j: usize, h: f64| {
                let mut theta = best.theta.clone();
                theta[j] += h;
                let fit = with_view(&data, |view| lmm_at_theta(view, &opt, theta.view())).unwrap();
                let modes: Array1<f64> = fit.terms.iter().flat_map(|t| t.modes.iter().copied()).collect();
                estimate(&fit.beta, &modes)
            };
            let known = |j: usize| best.vcov_theta_sigma[[j, j]] == 0.0;
            let slope = |j: usize| if known(j) { 0.0 } else { (at(j, 1e-4) - at(j, -1e-4)) / 2e-4 };
            let g: Array1<f64> = (0..k).map(slope).collect();
            let added = g.dot(&best.vcov_theta_sigma.slice(ndarray::s![..k, ..k]).dot(&g));
            let total = (mse + added).sqrt();
            // Two differences with steps of different size, 1e-4 of θ each.
            assert!((found.std_error / total - 1.0).abs() < 1e-5, "{} {found:?} {total}", data.name);
        }
    }
}

#[test]
fn a_single_level_has_the_error_that_the_fit_reports() {
    let data = &cases()[6];
    let best = fit(data, &LmmOptions::default()).unwrap();
    for (t, term) in best.terms.iter().enumerate() {
        let weights = ndarray::array![1.0, 2.0];
        let expected = weights.dot(&term.mode_mse.index_axis(ndarray::Axis(0), 3).dot(&weights)).sqrt();
        let what = Combination { beta: Array1::zeros(3), random: vec![RandomWeight { term: t, level: 3, weights }] };
        let found = with_view(data, |view| lmm_prediction(view, &best, &what)).unwrap();
        assert!((found.std_error / expected - 1.0).abs() < 1e-8, "{found:?} {expected}");
    }
    let wrong = Combination {
        beta: Array1::zeros(3),
        random: vec![RandomWeight { term: 2, level: 0, weights: Array1::ones(2) }],
    };
    assert!(matches!(with_view(data, |view| lmm_prediction(view, &best, &wrong)), Err(StatsError::Shape(_))));
}

#[test]
fn clusters_may_not_cut_a_random_effect() {
    use super::super::robust::CrType;
    let all = cases();
    let of = |data: &Data, clusters: &Term, kind: CrType| {
        let best = fit(data, &LmmOptions::default()).unwrap();
        with_view(data, |view| lmm_cluster_vcov(view, &best, &clusters.level, clusters.n_levels, kind))
    };
    let three = &all[8];
    let outermost = with_view(three, |view| outermost_term(view.terms));
    assert_eq!(outermost, Some(2));
    assert!(of(three, &three.terms[2], CrType::Cr0).is_ok());
    assert!(matches!(of(three, &three.terms[1], CrType::Cr0), Err(StatsError::Shape(_))));
    assert_eq!(with_view(&all[9], |view| outermost_term(view.terms)), None);
    assert!(matches!(of(three, &three.terms[2], CrType::Cr2), Err(StatsError::Shape(_))));
    // CR0 by its definition, at the weighted nested case.
    let data = &all[12];
    let best = fit(data, &LmmOptions::default()).unwrap();
    let groups = &data.terms[0];
    let found = of(data, groups, CrType::Cr0).unwrap();
    assert!((&found - &dense_cr0(data, &best, groups)).iter().all(|d| d.abs() < 1e-9 * found[[0, 0]]), "{found}");
}

/// V_β (Σ_g X_gᵀV_g⁻¹e_ge_gᵀV_g⁻¹X_g) V_β with V = ZΩZᵀ + W⁻¹ as a matrix.
fn dense_cr0(data: &Data, fit: &LmmFit, groups: &Term) -> Array2<f64> {
    let n = data.y.len();
    let mut v = Array2::from_diag(&data.weights.as_ref().unwrap().mapv(|w| 1.0 / w));
    for (term, found) in data.terms.iter().zip(&fit.terms) {
        let zl = term.z.dot(&found.lambda);
        let same = |i: usize, j: usize| if term.level[i] == term.level[j] { zl.row(i).dot(&zl.row(j)) } else { 0.0 };
        v += &Array2::from_shape_fn((n, n), |(i, j)| same(i, j));
    }
    v *= fit.sigma * fit.sigma;
    let e = &data.y - data.offset.as_ref().unwrap() - data.x.dot(&fit.beta);
    let weighted = Cholesky::factor(v.view()).unwrap().solve(e.view());
    let mut scores = Array2::<f64>::zeros((groups.n_levels, 3));
    for i in 0..n {
        scores.row_mut(groups.level[i] as usize).scaled_add(weighted[i], &data.x.row(i));
    }
    fit.vcov_beta.dot(&scores.t().dot(&scores)).dot(&fit.vcov_beta)
}

#[test]
fn units_that_are_not_predicted_change_nothing_else() {
    let data = cases().into_iter().find(|d| d.terms.len() == 2).expect("a nested case");
    let all = fit(&data, &options(true, LmmAlgebra::Auto)).unwrap();
    let few = fit(&data, &LmmOptions { predict_units: false, ..options(true, LmmAlgebra::Auto) }).unwrap();
    assert_eq!((&all.beta, &all.theta, &all.vcov_beta), (&few.beta, &few.theta, &few.vcov_beta));
    let levels = |fit: &LmmFit| fit.terms.iter().map(|t| t.modes.nrows()).collect::<Vec<_>>();
    let (inner, outer) = if levels(&few)[0] == 0 { (0, 1) } else { (1, 0) };
    assert_eq!(levels(&few)[inner], 0);
    assert_eq!(few.terms[inner].n_levels, all.terms[inner].n_levels);
    assert_eq!(
        (&few.terms[outer].modes, &few.terms[outer].mode_mse),
        (&all.terms[outer].modes, &all.terms[outer].mode_mse)
    );
}

/// Groups that are more alike than chance: the variance is estimated at 0, and the prior keeps it away from there by no more
/// than what the data leave open.
#[test]
fn a_prior_keeps_a_variance_from_zero_and_leaves_a_clear_one() {
    let groups = 12_usize;
    let noise = |i: usize| ((i as f64 + 1.0).sin() * 43_758.545_3).fract();
    let fit = |spread: f64, prior: f64| {
        let n = groups * 20;
        let level: Vec<u32> = (0..n).map(|i| (i / 20) as u32).collect();
        let ones = Array2::<f64>::ones((n, 1));
        // The mean of each group is taken out of its noise, so that groups are equal but for `spread`.
        let mean = |g: usize| (0..20).map(|k| noise(g * 20 + k)).sum::<f64>() / 20.0;
        let y = Array1::from_shape_fn(n, |i| noise(i) - mean(i / 20) + spread * (i / 20) as f64);
        let terms = [RandomTerm { z: ones.view().into(), level: &level, n_levels: groups, blocks: &[1] }];
        let data = LmmData { y: y.view(), x: ones.view().into(), terms: &terms, weights: None, offset: None };
        fit_lmm(&data, &LmmOptions { variance_prior: prior, ..LmmOptions::default() }).unwrap()
    };
    assert_eq!(fit(0.0, 0.0).theta[0], 0.0);
    let kept = fit(0.0, 1.0);
    // A mean of 20 rows has an error of σ/√20 = 0.22σ.
    assert!(kept.theta[0] > 0.05 && kept.theta[0] < 0.25, "{}", kept.theta[0]);
    assert!(kept.terms[0].mode_mse[[3, 0, 0]] > 0.0);
    let (plain, with) = (fit(1.0, 0.0).theta[0], fit(1.0, 1.0).theta[0]);
    assert!((with / plain - 1.0).abs() < 0.15, "{plain} {with}");
}

#[test]
fn every_group_once_is_the_fit_itself() {
    for data in cases() {
        for reml in [false, true] {
            let opt = options(reml, LmmAlgebra::Auto);
            with_view(&data, |view| {
                let rows = ScaledRows::new(view).unwrap();
                let Some(route) = nested(&rows, &opt) else { return };
                let groups = view.terms[route.levels.outer].n_levels;
                let (plain, counted) = (search(&rows, route.clone(), &opt), route.with_copies(vec![1.0; groups]));
                assert_eq!(counted.n(), view.y.len() as f64);
                let (plain, counted) = (plain.unwrap(), search(&rows, counted, &opt).unwrap());
                let bits = |fit: &LmmFit| -> Vec<u64> {
                    let all = fit.beta.iter().chain(&fit.theta).chain([&fit.sigma, &fit.log_lik]);
                    all.map(|v| v.to_bits()).collect()
                };
                assert_eq!(bits(&plain), bits(&counted), "{}", data.name);
            });
        }
    }
}

/// Years as they stand in the calendar and years from their middle are one model: slopes and their degrees of freedom are
/// equal, and so is the level of the middle year.
#[test]
fn calendar_years_need_not_be_centred() {
    let (groups, years) = (30, 6);
    let n = groups * years;
    let year = |i: usize| (i % years) as f64 - 2.5;
    let level: Vec<u32> = (0..n as u32).map(|i| i / years as u32).collect();
    let y = Array1::from_shape_fn(n, |i| {
        let j = i / years;
        40.0 + year(i) * (0.6 + 1.5 * spread(j + 900)) + 5.0 * spread(j) + 3.0 * spread(2000 + 7 * i)
    });
    let fit_from = |middle: f64| {
        let x = Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 1.0 } else { middle + year(i) });
        let terms = [RandomTerm { z: x.view().into(), level: &level, n_levels: groups, blocks: &[2] }];
        let data = LmmData { y: y.view(), x: x.view().into(), terms: &terms, weights: None, offset: None };
        let fit = fit_lmm(&data, &LmmOptions::default()).unwrap();
        let ask = |c: [f64; 2]| {
            let what = Combination {
                beta: Array1::from(c.to_vec()),
                random: vec![RandomWeight { term: 0, level: 3, weights: Array1::from(c.to_vec()) }],
            };
            let predicted = lmm_prediction(&data, &fit, &what).unwrap();
            let contrast = fit.contrast(Array1::from(c.to_vec()).view());
            [contrast.estimate, contrast.std_error, contrast.df, predicted.estimate, predicted.std_error]
        };
        [ask([0.0, 1.0]), ask([1.0, middle])]
    };
    let centred = fit_from(0.0);
    // In the year 2019 the two columns share all but 7e-7 of their variance, and the criterion has that many digits less.
    for (middle, bound) in [(10.0, 1e-5), (2019.5, 1e-3)] {
        for (a, b) in fit_from(middle).iter().flatten().zip(centred.iter().flatten()) {
            assert!((a / b - 1.0).abs() < bound, "{middle}: {a} {b}");
        }
    }
}

#[test]
fn the_objective_is_that_of_the_fit_and_its_gradient_that_of_differences() {
    for data in cases() {
        for reml in [false, true] {
            let opt = options(reml, LmmAlgebra::Auto);
            with_view(&data, |view| {
                let (fit, objective) = (fit_lmm(view, &opt).unwrap(), LmmObjective::new(view, &opt).unwrap());
                let at = objective.at(fit.theta.view()).unwrap();
                assert!((at.deviance / fit.deviance - 1.0).abs() < 1e-12, "{}", data.name);
                let theta = some_theta(&data);
                let at = objective.at(theta.view()).unwrap();
                for k in 0..theta.len() {
                    let moved = |by: f64| {
                        let mut theta = theta.clone();
                        theta[k] += by;
                        objective.at(theta.view()).unwrap().deviance
                    };
                    let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!((at.gradient[k] - slope).abs() < 1e-5 * (1.0 + slope.abs()), "{} {k}", data.name);
                }
            });
        }
    }
}
