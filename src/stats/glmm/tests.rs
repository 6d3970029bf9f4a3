//! Identities of mixed models for counts on small made-up data, for every family and structure of random effects.

use super::super::link::Link;
use super::*;

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
    x: Array2<f64>,
    trials: Array1<f64>,
    successes: Array1<f64>,
    offset: Option<Array1<f64>>,
    terms: Vec<Term>,
    family: Family,
}

const FAMILIES: [Family; 4] =
    [Family::Binomial(Link::Logit), Family::Binomial(Link::Probit), Family::Binomial(Link::Cloglog), Family::Poisson];

/// Something between 0 and 1 that looks like chance.
fn spread(k: usize) -> f64 {
    let x = (k as f64 + 1.0).sin() * 43_758.545_3;
    x - x.floor()
}

/// Rows of `groups` groups of unequal size, and the terms asked for.
struct Rows {
    group: Vec<u32>,
}

impl Rows {
    fn new(groups: u32) -> Self {
        Self { group: (0..groups).flat_map(|j| vec![j; 8 + (j as usize * 5) % 7]).collect() }
    }

    fn column(i: usize, k: usize) -> f64 {
        if k == 0 { 1.0 } else { 2.0 * spread(i * (k + 2) + 7 * k) - 1.0 }
    }

    fn term(&self, level: impl Fn(usize) -> u32, blocks: &[usize]) -> Term {
        let n = self.group.len();
        let level: Vec<u32> = (0..n).map(level).collect();
        let q = blocks.iter().sum();
        let z = Array2::from_shape_fn((n, q), |(i, k)| Self::column(i, k) * (k as f64 + 1.0));
        Term { z, n_levels: level.iter().max().map_or(0, |&m| m as usize + 1), level, blocks: blocks.to_vec() }
    }

    fn data(&self, name: &'static str, family: Family, terms: Vec<Term>) -> Data {
        let n = self.group.len();
        let x = Array2::from_shape_fn((n, 3), |(i, k)| Self::column(i, k));
        let trials = Array1::from_shape_fn(n, |i| 1.0 + (i % 4) as f64);
        let offset = Array1::from_shape_fn(n, |i| 0.3 * spread(i * 17));
        let successes = Array1::from_shape_fn(n, |i| {
            let mut eta = -0.4 + 0.6 * x[[i, 1]] + offset[i];
            for (t, term) in terms.iter().enumerate() {
                for k in 0..term.z.ncols() {
                    eta += 1.5 * (spread(term.level[i] as usize * (3 + k) + 40 * t) - 0.5) * term.z[[i, k]];
                }
            }
            let mean = trials[i] * family.mean(eta);
            let most = if family == Family::Poisson { f64::INFINITY } else { trials[i] };
            (mean + 1.6 * spread(i * 11 + 3) - 0.8).round().clamp(0.0, most)
        });
        Data { name, x, trials, successes, offset: Some(offset), terms, family }
    }

    fn group(&self, blocks: &[usize]) -> Term {
        self.term(|i| self.group[i], blocks)
    }
}

fn one_factor(family: Family) -> Vec<Data> {
    let rows = Rows::new(9);
    vec![
        rows.data("intercept", family, vec![rows.group(&[1])]),
        rows.data("correlated", family, vec![rows.group(&[2])]),
        rows.data("uncorrelated", family, vec![rows.group(&[1, 1])]),
        rows.data("three", family, vec![rows.group(&[3])]),
        rows.data("blocks", family, vec![rows.group(&[1, 2])]),
    ]
}

fn several_factors(family: Family) -> Vec<Data> {
    let rows = Rows::new(12);
    let unit = |i: usize| rows.group[i] * 3 + (i as u32) % 3;
    let crossed = |i: usize| (i as u32 * 7 + 3) % 5;
    vec![
        rows.data("four", family, vec![rows.group(&[4])]),
        rows.data("nested", family, vec![rows.term(unit, &[1]), rows.group(&[2])]),
        rows.data("crossed", family, vec![rows.group(&[1, 1]), rows.term(crossed, &[1])]),
        rows.data("three", family, vec![rows.term(unit, &[1]), rows.group(&[1]), rows.term(crossed, &[2])]),
    ]
}

impl Data {
    fn with<T>(&self, f: impl FnOnce(&Cells, &[RandomTerm]) -> T) -> T {
        let terms: Vec<RandomTerm> = self
            .terms
            .iter()
            .map(|t| RandomTerm { z: t.z.view().into(), level: &t.level, n_levels: t.n_levels, blocks: &t.blocks })
            .collect();
        let cells = Cells {
            x: self.x.view().into(),
            trials: self.trials.view(),
            successes: self.successes.view(),
            offset: self.offset.as_ref().map(|o| o.view()),
        };
        f(&cells, &terms)
    }

    fn fit(&self, opt: &GlmmOptions) -> Result<GlmmFit, StatsError> {
        self.with(|cells, terms| fit_glmm(cells, terms, self.family, opt))
    }

    /// Calls `f` with the likelihood in scaled coordinates, by levels or by blocks.
    fn likelihood<T>(&self, blocks: bool, f: impl FnOnce(&mut dyn Likelihood) -> T) -> T {
        self.with(|cells, terms| {
            let glm = fit_glm(cells, self.family, &GlmOptions::default()).unwrap();
            let scaling = Scaling::new(cells, terms, &glm).unwrap();
            match single_effects(terms).filter(|_| !blocks) {
                Some(1) => f(&mut Single::<1>::new(cells, &terms[0], self.family, &scaling)),
                Some(2) => f(&mut Single::<2>::new(cells, &terms[0], self.family, &scaling)),
                Some(3) => f(&mut Single::<3>::new(cells, &terms[0], self.family, &scaling)),
                _ => f(&mut Blocked::new(cells, terms, self.family, &scaling).unwrap()),
            }
        })
    }

    fn phi(&self) -> Array1<f64> {
        let theta: usize = self.terms.iter().flat_map(|t| &t.blocks).map(|k| k * (k + 1) / 2).sum();
        (0..3 + theta).map(|k| if k < 3 { 0.4 * spread(k) } else { 0.5 + 0.4 * spread(k * 3) }).collect()
    }

    fn select(&self, rows: &[usize]) -> Self {
        let axis = ndarray::Axis(0);
        let mut out = self.clone();
        out.x = self.x.select(axis, rows);
        out.trials = self.trials.select(axis, rows);
        out.successes = self.successes.select(axis, rows);
        out.offset = self.offset.as_ref().map(|o| o.select(axis, rows));
        for (to, from) in out.terms.iter_mut().zip(&self.terms) {
            to.z = from.z.select(axis, rows);
            to.level = rows.iter().map(|&i| from.level[i]).collect();
        }
        out
    }
}

/// What is done once for several priors leaves no trace in any of the fits.
#[test]
fn fits_with_several_priors_are_those_with_each() {
    for data in
        one_factor(FAMILIES[0]).into_iter().take(2).chain(several_factors(FAMILIES[0]).into_iter().skip(1).take(1))
    {
        let both = data.with(|cells, terms| {
            fit_glmm_priors(cells, terms, data.family, &GlmmOptions::default(), [0.0, 1.0]).unwrap()
        });
        for (fit, variance_prior) in both.iter().zip([0.0, 1.0]) {
            let alone = data.fit(&GlmmOptions { variance_prior, ..GlmmOptions::default() }).unwrap();
            assert_eq!((&fit.beta, &fit.theta, &fit.vcov), (&alone.beta, &alone.theta, &alone.vcov), "{}", data.name);
        }
        assert_ne!(both[0].theta, both[1].theta, "{}", data.name);
    }
}

/// Rows that come by level are read where they stand, others are gathered: that moves nothing but the order of sums.
#[test]
fn the_order_of_rows_moves_rounding_only() {
    let data = &one_factor(FAMILIES[0])[1];
    let (even, odd): (Vec<usize>, Vec<usize>) = (0..data.trials.len()).rev().partition(|i| i % 2 == 0);
    let shuffled = [even, odd].concat();
    let [sorted, mixed] = [data.clone(), data.select(&shuffled)].map(|d| d.fit(&GlmmOptions::default()).unwrap());
    assert!((sorted.log_lik - mixed.log_lik).abs() < 1e-10);
    assert!((&sorted.beta - &mixed.beta).iter().chain(&(&sorted.vcov - &mixed.vcov)).all(|d| d.abs() < 1e-6));
}

fn check_gradient(data: &Data, blocks: bool, nodes: usize) {
    let rule = (nodes > 1).then(|| gauss_hermite(nodes));
    data.likelihood(blocks, |likelihood| {
        let at = data.phi();
        let exact = likelihood.evaluate(&at, rule.as_ref()).unwrap().grad;
        for k in 0..at.len() {
            let mut value = |h: f64| {
                let mut moved = at.clone();
                moved[k] += h;
                likelihood.evaluate(&moved, rule.as_ref()).unwrap().value
            };
            // Fourth-order difference: truncation h⁴ ≈ 1e-12; modes are right to 1e-12, which over h leaves 1e-9 and more.
            let h = 1e-3;
            let slope = (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h);
            let off = (slope - exact[k]).abs() / (1.0 + exact[k].abs());
            assert!(off < 2e-8, "{} {:?} {nodes} nodes, {k}: {slope} {}", data.name, data.family, exact[k]);
        }
    });
}

#[test]
fn the_gradient_is_exact_for_every_family_structure_and_rule() {
    for family in FAMILIES {
        for data in one_factor(family) {
            for nodes in [1, 2, 3, 7] {
                check_gradient(&data, false, nodes);
            }
            check_gradient(&data, true, 1);
        }
        for data in several_factors(family) {
            check_gradient(&data, true, 1);
        }
    }
}

#[test]
fn by_levels_and_by_blocks_are_the_same() {
    for family in FAMILIES {
        for data in one_factor(family) {
            let [a, b] = [false, true].map(|blocks| {
                data.likelihood(blocks, |l| {
                    (l.evaluate(&data.phi(), None).unwrap(), l.detail(&data.phi(), None).unwrap())
                })
            });
            assert!((a.0.value / b.0.value - 1.0).abs() < 1e-12, "{} {family:?}", data.name);
            assert!((&a.0.grad - &b.0.grad).iter().all(|d| d.abs() < 1e-8));
            let (a, b) = (&a.1.terms[0], &b.1.terms[0]);
            assert!((&a.modes - &b.modes).iter().all(|d| d.abs() < 1e-9));
            assert!((&a.cond_var - &b.cond_var).iter().all(|d| d.abs() < 1e-9));
            assert!((&a.jacobian - &b.jacobian).iter().all(|d| d.abs() < 1e-9), "{} {family:?}", data.name);
        }
    }
}

#[test]
fn the_modes_move_as_their_jacobian_says() {
    let mut all = one_factor(FAMILIES[2]);
    all.extend(several_factors(FAMILIES[3]));
    for data in all {
        data.likelihood(false, |likelihood| {
            let at = data.phi();
            let here = likelihood.detail(&at, None).unwrap();
            for k in 0..at.len() {
                let h = 1e-5;
                let (mut up, mut down) = (at.clone(), at.clone());
                up[k] += h;
                down[k] -= h;
                let (up, down) = (likelihood.detail(&up, None).unwrap(), likelihood.detail(&down, None).unwrap());
                for (t, term) in here.terms.iter().enumerate() {
                    let slope = (&up.terms[t].modes - &down.terms[t].modes) / (2.0 * h);
                    let exact = term.jacobian.index_axis(ndarray::Axis(2), k);
                    assert!((&slope - &exact).iter().all(|d| d.abs() < 1e-7), "{} {k}", data.name);
                }
            }
        });
    }
}

#[test]
fn one_node_is_laplace_and_many_are_the_integral() {
    for family in FAMILIES {
        let data = &one_factor(family)[0];
        let at = data.phi();
        data.likelihood(false, |likelihood| {
            let mut value = |nodes: usize| likelihood.evaluate(&at, Some(&gauss_hermite(nodes))).unwrap().value;
            let (one, many, more) = (value(1), value(40), value(60));
            assert!((many - more).abs() < 1e-9, "{family:?}");
            let laplace = likelihood.evaluate(&at, None).unwrap().value;
            assert!((one - laplace).abs() < 1e-10);
            assert!((one - many).abs() > 1e-5, "the two are told apart");
        });
    }
}

/// The definition of the likelihood by a fine trapezoidal sum, which for such integrands converges like quadrature.
#[test]
fn quadrature_is_the_integral_of_the_definition() {
    let data = &one_factor(FAMILIES[0])[0];
    let sd = 0.8;
    let term = &data.terms[0];
    let mut expected = 0.0;
    for j in 0..term.n_levels {
        let rows: Vec<usize> = (0..term.level.len()).filter(|&i| term.level[i] as usize == j).collect();
        let integrand = |u: f64| {
            let of_row = |&i: &usize| {
                let eta = 0.1 * data.x[[i, 0]] + 0.3 * data.x[[i, 1]] + data.offset.as_ref().unwrap()[i];
                data.family.cell(eta + sd * u * term.z[[i, 0]], data.trials[i], data.successes[i]).log_lik
            };
            (rows.iter().map(of_row).sum::<f64>() - 0.5 * u * u).exp()
        };
        let h = 0.01;
        let sum: f64 = (-1200..=1200).map(|k| integrand(f64::from(k) * h)).sum();
        expected += (sum * h / (2.0 * std::f64::consts::PI).sqrt()).ln();
    }
    let opt = GlmmOptions { nodes: 30, ..GlmmOptions::default() };
    let beta = ndarray::array![0.1, 0.3, 0.0];
    let found = data.with(|cells, terms| {
        glmm_at(cells, terms, data.family, &opt, Some(beta.view()), ndarray::array![sd].view()).unwrap()
    });
    assert!((found.log_lik - expected).abs() < 1e-9, "{} {expected}", found.log_lik);
}

#[test]
fn grouped_and_separate_rows_give_the_same_fit() {
    let data = &several_factors(FAMILIES[0])[1];
    let mut rows = Vec::new();
    let mut successes = Vec::new();
    for i in 0..data.x.nrows() {
        for k in 0..data.trials[i] as usize {
            rows.push(i);
            successes.push(if (k as f64) < data.successes[i] { 1.0 } else { 0.0 });
        }
    }
    let mut separate = data.select(&rows);
    separate.trials = Array1::ones(rows.len());
    separate.successes = successes.into();
    let opt = GlmmOptions::default();
    let (one, two) = (data.fit(&opt).unwrap(), separate.fit(&opt).unwrap());
    assert!((one.log_lik - two.log_lik).abs() < 1e-10);
    assert!((&one.beta - &two.beta).iter().all(|d| d.abs() < 1e-7));
    assert!((&one.terms[0].modes - &two.terms[0].modes).iter().all(|d| d.abs() < 1e-7));
    assert!((&one.vcov - &two.vcov).iter().all(|d| d.abs() < 1e-6));
    assert_eq!(one.n_obs, two.n_obs);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let mut all = several_factors(FAMILIES[1]);
    all.push(one_factor(FAMILIES[2]).remove(1));
    for data in all {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| data.fit(&GlmmOptions::default()).unwrap())
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            let many = with(threads);
            assert_eq!(one.beta, many.beta);
            assert_eq!(one.theta, many.theta);
            assert_eq!(one.vcov, many.vcov);
            assert_eq!(one.terms[0].modes, many.terms[0].modes);
            assert_eq!(one.log_lik.to_bits(), many.log_lik.to_bits());
        }
    }
}

#[test]
fn the_order_of_rows_and_names_of_levels_do_not_matter() {
    let data = &several_factors(FAMILIES[0])[2];
    let n = data.x.nrows();
    let shuffled: Vec<usize> = (0..n).map(|i| (i * 29 + 5) % n).collect();
    let mut moved = data.select(&shuffled);
    for term in &mut moved.terms {
        let levels = term.n_levels as u32;
        term.level.iter_mut().for_each(|l| *l = levels - 1 - *l);
    }
    let opt = GlmmOptions::default();
    let (a, b) = (data.fit(&opt).unwrap(), moved.fit(&opt).unwrap());
    assert!((a.log_lik - b.log_lik).abs() < 1e-10);
    assert!((&a.beta - &b.beta).iter().all(|d| d.abs() < 1e-7));
    let last = a.terms[0].modes.nrows() - 1;
    assert!((a.terms[0].modes[[0, 0]] - b.terms[0].modes[[last, 0]]).abs() < 1e-7);
}

#[test]
fn the_fit_is_stationary_and_its_parts_agree() {
    let rows = Rows::new(25);
    for nodes in [1, 5] {
        let data = rows.data("slopes", FAMILIES[0], vec![rows.group(&[2])]);
        let fit = data.fit(&GlmmOptions { nodes, ..GlmmOptions::default() }).unwrap();
        assert_eq!(fit.stop, Stop::Interior);
        assert!(fit.log_lik > fit.log_lik_glm);
        assert!(fit.theta[0] > 0.0 && fit.theta[2] > 0.0);
        let scores = fit.scores.as_ref().unwrap();
        assert!(scores.sum_axis(ndarray::Axis(0)).iter().all(|s| s.abs() < 1e-6));
        assert!(fit.vcov.diag().iter().all(|&v| v > 0.0));
        let term = &fit.terms[0];
        assert!((0..2).all(|k| term.mode_mse[[3, k, k]] > term.cond_var[[3, k, k]]));
        let verdict = fit.laplace.verdict;
        assert_eq!(verdict == LaplaceVerdict::Quadrature, nodes > 1);
        let given = data.with(|cells, terms| {
            glmm_at(cells, terms, data.family, &GlmmOptions { nodes, ..GlmmOptions::default() }, None, fit.theta.view())
        });
        assert!((given.unwrap().log_lik - fit.log_lik).abs() < 1e-9);
    }
}

#[test]
fn pupils_with_few_answers_ask_for_quadrature() {
    let rows = Rows { group: (0..60u32).flat_map(|j| [j; 4]).collect() };
    let mut data = rows.data("pupils", FAMILIES[0], vec![rows.group(&[1])]);
    data.trials.fill(1.0);
    data.successes =
        (0..240).map(|i| if spread(i / 4) + 1.2 * (spread(i * 3) - 0.5) > 0.5 { 1.0 } else { 0.0 }).collect();
    let fit = data.fit(&GlmmOptions::default()).unwrap();
    assert_eq!(fit.laplace.verdict, LaplaceVerdict::NotEnough, "{:?}", fit.laplace);
    let better = data.fit(&GlmmOptions { nodes: 25, ..GlmmOptions::default() }).unwrap();
    assert!((better.theta[0] - fit.theta[0]).abs() > 0.1 * fit.vcov[[3, 3]].sqrt());
    // One step towards quadrature ends nearer to it than where it began.
    let step = fit.quadrature_step.expect("one factor");
    let off = |moved: f64| better.theta[0] - fit.theta[0] - moved;
    assert!(off(step[3]).abs() < 0.5 * off(0.0).abs(), "{} {}", off(step[3]), off(0.0));
    assert!(
        (0..3).all(|k| (better.beta[k] - fit.beta[k] - step[k]).abs() <= (better.beta[k] - fit.beta[k]).abs() + 1e-3)
    );
}

#[test]
fn a_level_without_rows_changes_nothing() {
    for base in [one_factor(FAMILIES[0]).remove(1), several_factors(FAMILIES[3]).remove(1)] {
        let mut more = base.clone();
        more.terms[0].n_levels += 1;
        let (few, many) = (base.fit(&GlmmOptions::default()).unwrap(), more.fit(&GlmmOptions::default()).unwrap());
        assert!((few.log_lik - many.log_lik).abs() < 1e-9);
        let last = more.terms[0].n_levels - 1;
        assert_eq!(many.terms[0].modes[[last, 0]], 0.0);
        let prior = many.terms[0].lambda.dot(&many.terms[0].lambda.t())[[0, 0]];
        assert!((many.terms[0].cond_var[[last, 0, 0]] - prior).abs() < 1e-12);
    }
}

#[test]
fn rescaling_columns_rescales_the_answer() {
    let rows = Rows::new(25);
    let data = &rows.data("slopes", FAMILIES[0], vec![rows.group(&[2])]);
    let mut scaled = data.clone();
    scaled.x.column_mut(1).mapv_inplace(|v| v * 1000.0);
    scaled.terms[0].z.column_mut(1).mapv_inplace(|v| v * 0.01);
    let opt = GlmmOptions::default();
    let (a, b) = (data.fit(&opt).unwrap(), scaled.fit(&opt).unwrap());
    assert!((a.log_lik - b.log_lik).abs() < 1e-9);
    assert!((a.beta[1] / b.beta[1] / 1000.0 - 1.0).abs() < 1e-6);
    assert!((a.terms[0].lambda[[1, 0]] / b.terms[0].lambda[[1, 0]] - 0.01).abs() < 1e-7);
    assert!((a.vcov[[1, 1]] / b.vcov[[1, 1]] / 1e6 - 1.0).abs() < 1e-5);
    assert!((a.terms[0].modes[[2, 1]] / b.terms[0].modes[[2, 1]] - 0.01).abs() < 1e-7);
}

#[test]
fn equal_groups_end_on_the_boundary_with_the_pooled_answer() {
    // Every group holds the same cells, so the groups vary less than chance would have them: θ = 0.
    let rows = Rows::new(2);
    let one = rows.data("equal", FAMILIES[0], vec![rows.group(&[1])]);
    let n = one.x.nrows();
    let mut data = one.select(&(0..6 * n).map(|i| i % n).collect::<Vec<_>>());
    data.terms[0].level = (0..6 * n).map(|i| (i / n) as u32).collect();
    data.terms[0].n_levels = 6;
    let fit = data.fit(&GlmmOptions::default()).unwrap();
    let glm = data.with(|cells, _| fit_glm(cells, data.family, &GlmOptions::default())).unwrap();
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
    let base = &one_factor(FAMILIES[0])[0];
    let mut one = base.clone();
    one.terms[0].level.fill(0);
    assert_eq!(one.fit(&opt).unwrap_err(), StatsError::TooFewGroups { groups: 1 });
    let mut twins = base.clone();
    let second = twins.x.column(1).to_owned();
    twins.x.column_mut(2).assign(&(&second * 2.0 + 1.0));
    assert_eq!(twins.fit(&opt).unwrap_err(), StatsError::RankDeficient { column: 2 });
    let nodes = GlmmOptions { nodes: 5, ..opt };
    assert!(matches!(several_factors(FAMILIES[0])[1].fit(&nodes), Err(StatsError::Shape(_))));
}

#[test]
fn many_rows_begin_with_few_and_end_where_their_cells_end() {
    const ROWS: usize = 48_000;
    const LEVELS: usize = 20;
    let (level, step) = (|i: usize| i % LEVELS, |i: usize| (i / LEVELS) % 10);
    let value = |step: usize| step as f64 / 5.0 - 0.9;
    let data = |cells: &[(usize, usize)], trials: Array1<f64>, successes: Array1<f64>| {
        let x = Array2::from_shape_fn((cells.len(), 2), |(c, k)| if k == 0 { 1.0 } else { value(cells[c].1) });
        let level = cells.iter().map(|c| c.0 as u32).collect();
        let terms = vec![Term { z: x.clone(), level, n_levels: LEVELS, blocks: vec![2] }];
        Data { name: "many", x, trials, successes, offset: None, terms, family: FAMILIES[0] }
    };
    let event = |i: usize| {
        let (b, c) = (spread(3 * level(i)) - 0.5, spread(3 * level(i) + 1) - 0.5);
        let eta = -1.0 + b + (0.5 + c) * value(step(i));
        f64::from(u8::from(spread(100 + i) < FAMILIES[0].mean(eta)))
    };
    let rows: Vec<(usize, usize)> = (0..ROWS).map(|i| (level(i), step(i))).collect();
    let cells: Vec<(usize, usize)> = (0..LEVELS).flat_map(|j| (0..10).map(move |s| (j, s))).collect();
    let mut successes = Array1::zeros(cells.len());
    (0..ROWS).for_each(|i| successes[level(i) * 10 + step(i)] += event(i));
    let many = data(&rows, Array1::ones(ROWS), (0..ROWS).map(event).collect());
    let few = data(&cells, Array1::from_elem(cells.len(), (ROWS / cells.len()) as f64), successes);
    let opt = GlmmOptions::default();
    let (many, few) = (many.fit(&opt).unwrap(), few.fit(&opt).unwrap());
    assert_eq!((&many.stop, &few.stop), (&Stop::Interior, &Stop::Interior));
    assert!((many.log_lik / few.log_lik - 1.0).abs() < 1e-12);
    // 1e-8 standard errors is where a search ends.
    assert!((&many.beta - &few.beta).iter().all(|d| d.abs() < 1e-7));
    assert!((&many.theta - &few.theta).iter().all(|d| d.abs() < 1e-7));
}
