//! How alike the arms are: standardised differences, and what weights cost.

use ndarray::{Array1, ArrayView1};

use super::TreatedRows;
use super::weighting::weighted_mean;

/// Baseline equivalence in the classes of the What Works Clearinghouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BalanceClass {
    /// |d| ≤ 0.05: nothing to do.
    Satisfied,
    /// |d| ≤ 0.25: equivalent if it is adjusted for.
    Adjust,
    /// |d| > 0.25: not equivalent.
    Fails,
}

/// Difference of a column between the arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Imbalance {
    /// Mean of the treated minus mean of the others, over √((s₁² + s₀²)/2) of the unweighted rows, so that weights do not
    /// change the yardstick.
    pub difference: f64,
    /// Its class.
    pub class: BalanceClass,
}

impl BalanceClass {
    /// The class of a standardised difference.
    pub fn of(difference: f64) -> Self {
        match difference.abs() {
            d if d <= 0.05 => BalanceClass::Satisfied,
            d if d <= 0.25 => BalanceClass::Adjust,
            _ => BalanceClass::Fails,
        }
    }
}

/// Standardised differences of each column of x (p), with weights (n) or without.
pub fn balance(rows: &TreatedRows<'_>, weights: Option<ArrayView1<f64>>) -> Vec<Imbalance> {
    let n = rows.y.len();
    let ones = Array1::ones(n);
    let w = weights.as_ref().map_or(ones.view(), |w| w.view());
    let treated = |i: usize| rows.treated[i] == 1.0;
    let one = |column: ArrayView1<f64>| {
        let (m1, m0) = (weighted_mean(column, w, treated), weighted_mean(column, w, |i| !treated(i)));
        let variance = |arm: bool| {
            let plain = weighted_mean(column, ones.view(), |i| treated(i) == arm);
            let own = (0..n).filter(|&i| treated(i) == arm);
            let (squares, count) = own.fold((0.0, 0.0), |s, i| (s.0 + (column[i] - plain).powi(2), s.1 + 1.0));
            squares / (count - 1.0_f64)
        };
        let sd = (0.5 * (variance(true) + variance(false))).sqrt();
        let difference = if sd > 0.0 { (m1 - m0) / sd } else { 0.0 };
        Imbalance { difference, class: BalanceClass::of(difference) }
    };
    rows.x.columns().into_iter().map(one).collect()
}

/// Kish's effective number of rows of those for which `keep` holds: `(Σw)²/Σw²`.
pub fn effective_size(weights: ArrayView1<f64>, keep: impl Fn(usize) -> bool) -> f64 {
    let (mut sum, mut squares) = (0.0, 0.0);
    for (_, w) in weights.iter().enumerate().filter(|(i, _)| keep(*i)) {
        sum += w;
        squares += w * w;
    }
    sum * sum / squares
}
