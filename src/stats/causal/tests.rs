use ndarray::{Array1, Array2, array};

use super::*;

/// Numbers that look random, uniform on (0, 1).
fn noise(seed: u64, n: usize) -> Vec<f64> {
    (0..n as u64).map(|i| (folds::scrambled(seed << 40, i) >> 11) as f64 / (1_u64 << 53) as f64).collect()
}

struct Case {
    y: Array1<f64>,
    t: Array1<f64>,
    x: Array2<f64>,
    clusters: Vec<u32>,
}

/// Treatment and outcome both depend on x₀; the effect is 2.
fn case(n: usize) -> Case {
    let (u, v, w, e) = (noise(1, n), noise(2, n), noise(3, n), noise(4, n));
    let x = Array2::from_shape_fn((n, 2), |(i, j)| [4.0 * (u[i] - 0.5), v[i]][j]);
    let t = Array1::from_shape_fn(n, |i| f64::from(u8::from(w[i] < 1.0 / (1.0 + (-1.2 * x[[i, 0]]).exp()))));
    let y = Array1::from_shape_fn(n, |i| 1.0 + 2.0 * t[i] + 1.5 * x[[i, 0]] + x[[i, 1]] + e[i] - 0.5);
    Case { y, t, x, clusters: (0..n).map(|i| (i * 40 / n) as u32).collect() }
}

impl Case {
    fn rows(&self) -> TreatedRows<'_> {
        TreatedRows { y: self.y.view(), treated: self.t.view(), x: self.x.view() }
    }
}

#[test]
fn all_estimators_find_the_effect_that_a_plain_difference_misses() {
    let c = case(4000);
    let rows = c.rows();
    let folds = Folds::by_cluster(&c.clusters, 5, 1).expect("40 clusters");
    let mean = |arm: f64| {
        let own: Vec<f64> = (0..c.y.len()).filter(|&i| c.t[i] == arm).map(|i| c.y[i]).collect();
        own.iter().sum::<f64>() / own.len() as f64
    };
    assert!((mean(1.0) - mean(0.0) - 2.0).abs() > 0.5);
    // Weights alone leave all of the outcome's variance in the error.
    let near = |name: &str, value: f64| {
        let tolerance = if name == "ipw" { 0.2 } else { 0.08 };
        assert!((value - 2.0).abs() < tolerance, "{name}: {value}");
    };
    let propensity = fit_propensity(&rows, Truncation::USUAL).expect("overlap");
    for target in [Target::All, Target::Treated] {
        near("ipw", ipw(&rows, &propensity, target).expect("weights").effect.value);
        near("g", g_computation(&rows, Learner::Linear, &folds, target).expect("models"));
        near("aipw", aipw(&rows, Learner::Linear, &folds, Truncation::USUAL, target).expect("models").effect.value);
    }
}

/// With a model of the outcome without the confounder, AIPW still is right by its propensity; g-computation is not.
#[test]
fn aipw_is_doubly_robust() {
    let c = case(4000);
    let folds = Folds::none(c.y.len());
    let squares = c.x.mapv(|v| v * v);
    let wrong = TreatedRows { x: squares.view(), ..c.rows() };
    assert!((g_computation(&wrong, Learner::Linear, &folds, Target::All).expect("models") - 2.0).abs() > 0.5);
    // Outcome by x, propensity by x²: the outcome's model is right.
    let (y, t) = (&c.y, &c.t);
    let score = Learner::Logistic.cross_fit(squares.view(), t.view(), &folds, |_| true).expect("a fit");
    let arm = |a: f64| Learner::Linear.cross_fit(c.x.view(), y.view(), &folds, |i| t[i] == a).expect("a fit");
    let (m1, m0) = (arm(1.0), arm(0.0));
    let value: f64 = (0..y.len())
        .map(|i| m1[i] - m0[i] + t[i] * (y[i] - m1[i]) / score[i] - (1.0 - t[i]) * (y[i] - m0[i]) / (1.0 - score[i]))
        .sum::<f64>()
        / y.len() as f64;
    assert!((value - 2.0).abs() < 0.08, "{value}");
}

#[test]
fn weights_balance_what_they_were_made_of() {
    let c = case(4000);
    let rows = c.rows();
    let propensity = fit_propensity(&rows, Truncation::NONE).expect("overlap");
    let fit = ipw(&rows, &propensity, Target::Treated).expect("weights");
    let (raw, weighted) = (balance(&rows, None), balance(&rows, Some(fit.weights.view())));
    assert_eq!(raw[0].class, BalanceClass::Fails);
    assert!(weighted.iter().all(|b| b.difference.abs() < 0.1), "{weighted:?}");
    let all = effective_size(fit.weights.view(), |_| true);
    assert!(all > 100.0 && all < 4000.0);
    assert_eq!(effective_size(array![2.0, 2.0, 2.0].view(), |_| true), 3.0);
}

/// Influence values of weights that know their scores were estimated: leaving out a row moves the estimate by −ψ/(n−1).
#[test]
fn influence_values_are_what_leaving_out_a_row_does() {
    let c = case(400);
    let estimate = |skip: Option<usize>, target| {
        let keep: Vec<usize> = (0..c.y.len()).filter(|i| Some(*i) != skip).collect();
        let (y, t) = (c.y.select(ndarray::Axis(0), &keep), c.t.select(ndarray::Axis(0), &keep));
        let x = c.x.select(ndarray::Axis(0), &keep);
        let rows = TreatedRows { y: y.view(), treated: t.view(), x: x.view() };
        let propensity = fit_propensity(&rows, Truncation::NONE).expect("overlap");
        ipw(&rows, &propensity, target).expect("weights").effect
    };
    for target in [Target::All, Target::Treated] {
        let all = estimate(None, target);
        let largest = all.influence.iter().fold(0.0_f64, |m, v| v.abs().max(m));
        for i in [0, 7, 123, 399] {
            let left_out = (all.value - estimate(Some(i), target).value) * 399.0;
            assert!((left_out - all.influence[i]).abs() < 0.04 * largest, "{i}: {left_out} {}", all.influence[i]);
        }
    }
}

#[test]
fn a_dose_is_found_by_residuals_and_by_bins() {
    let c = case(6000);
    let extra = noise(9, 6000);
    let dose = Array1::from_shape_fn(6000, |i| 5.0 + 0.25 * c.x[[i, 0]] + 4.0 * extra[i]);
    let y = Array1::from_shape_fn(6000, |i| 0.3 * dose[i] + 2.0 * c.x[[i, 0]] + c.x[[i, 1]]);
    let folds = Folds::by_cluster(&c.clusters, 4, 7).expect("clusters");
    let plr = partially_linear(y.view(), dose.view(), c.x.view(), Learner::Linear, &folds).expect("a fit");
    assert!((plr.slope.value - 0.3).abs() < 0.01, "{}", plr.slope.value);
    let fit = binned_dose(y.view(), dose.view(), c.x.view(), 3, Learner::Linear, &folds, Truncation::USUAL);
    let binned = fit.expect("three bins");
    // Doses differ a little within a bin by x: 0.293 is what bins can find here.
    assert!((binned.slope.value - 0.3).abs() < 0.03, "{}", binned.slope.value);
    assert!(binned.dose.windows(2).all(|w| w[0] < w[1]));
}

#[test]
fn folds_keep_clusters_whole_and_do_not_see_the_order_of_rows() {
    let clusters: Vec<u32> = (0..100).map(|i| (i * 7 % 13) as u32).collect();
    let folds = Folds::by_cluster(&clusters, 4, 3).expect("13 clusters");
    let mut seen = vec![0; clusters.len()];
    for piece in folds.pieces() {
        assert!(piece.test.iter().all(|&i| piece.train.iter().all(|&j| clusters[i] != clusters[j])));
        piece.test.iter().for_each(|&i| seen[i] += 1);
    }
    assert!(seen.iter().all(|n| *n == 1));
    let backwards: Vec<u32> = clusters.iter().rev().copied().collect();
    let again = Folds::by_cluster(&backwards, 4, 3).expect("13 clusters");
    let of = |folds: &Folds, codes: &[u32], code: u32| {
        let row = codes.iter().position(|c| *c == code).expect("a row");
        folds.pieces().position(|p| p.test.contains(&row))
    };
    assert!((0..13).all(|code| of(&folds, &clusters, code) == of(&again, &backwards, code)));
    assert_eq!(Folds::by_cluster(&[0, 0, 1], 3, 1), Err(StatsError::TooFewGroups { groups: 2 }));
}

#[test]
fn clusters_of_one_row_give_the_error_of_independent_rows() {
    let estimate = InfluenceEstimate { value: 0.0, influence: array![1.0, -2.0, 0.5, 0.5] };
    let own: Vec<u32> = vec![4, 1, 0, 9];
    let clustered = estimate.cluster_std_error(&own).expect("four clusters");
    assert!((clustered - estimate.std_error()).abs() < 1e-15);
    assert_eq!(estimate.cluster_std_error(&[1; 4]), Err(StatsError::TooFewGroups { groups: 1 }));
}

#[test]
fn what_can_not_be_compared_is_refused() {
    let c = case(200);
    let all = Array1::ones(200);
    let rows = TreatedRows { treated: all.view(), ..c.rows() };
    assert_eq!(rows.check(), Err(StatsError::NoVariation));
    // Who is treated is known from x₀ alone.
    let certain = c.x.column(0).mapv(|v| f64::from(u8::from(v > 0.0)));
    let rows = TreatedRows { treated: certain.view(), ..c.rows() };
    assert!(matches!(fit_propensity(&rows, Truncation::USUAL), Err(StatsError::Separated { .. })));
    let folds = Folds::none(200);
    let dose = c.x.column(0).mapv(|v| 3.0 * v);
    let refused = partially_linear(c.y.view(), dose.view(), c.x.view(), Learner::Linear, &folds);
    assert!(matches!(refused, Err(StatsError::NoVariation)));
}
