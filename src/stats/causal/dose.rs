//! Doses instead of treatments: partially linear regression, and means by bins of the dose.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::folds::Folds;
use super::influence::InfluenceEstimate;
use super::nuisance::Learner;
use super::weighting::Truncation;
use crate::stats::error::StatsError;

/// A partially linear fit.
#[derive(Clone, Debug)]
pub struct PartiallyLinear {
    /// θ of `y = θd + g(x) + e`, per unit of d.
    pub slope: InfluenceEstimate,
    /// Share of the dose's variance that is left after x: `1 − R²`.
    pub dose_left: f64,
}

/// Double machine learning for `y = θd + g(x) + e`, `d = m(x) + v`: `θ = Σ v̂(y − ĝ)/Σ v̂²`, with ĝ and m̂ from other folds
/// (Robinson 1988; Chernozhukov et al. 2018). `ψ = v̂(y − ĝ − θv̂)/mean(v̂²)`.
///
/// # Errors
/// Those of [`Learner::cross_fit`]; [`StatsError::NoVariation`] when x determines the dose.
pub fn partially_linear(
    y: ArrayView1<f64>,
    dose: ArrayView1<f64>,
    x: ArrayView2<f64>,
    outcome: Learner,
    folds: &Folds,
) -> Result<PartiallyLinear, StatsError> {
    let u = &y - &outcome.cross_fit(x, y, folds, |_| true)?;
    let v = &dose - &Learner::Linear.cross_fit(x, dose, folds, |_| true)?;
    let (n, squares) = (y.len() as f64, v.dot(&v));
    let mean = dose.sum() / n;
    let total: f64 = dose.iter().map(|d| (d - mean).powi(2)).sum();
    if total <= 0.0 || squares <= 1e-10 * total {
        return Err(StatsError::NoVariation);
    }
    let value = v.dot(&u) / squares;
    let influence = Array1::from_shape_fn(y.len(), |i| v[i] * (u[i] - value * v[i]) * n / squares);
    Ok(PartiallyLinear { slope: InfluenceEstimate { value, influence }, dose_left: squares / total })
}

/// Doubly robust means of the outcome by bin of the dose.
#[derive(Clone, Debug)]
pub struct BinnedDose {
    /// Mean dose of each bin (k).
    pub dose: Vec<f64>,
    /// Mean outcome if everybody had a dose of that bin (k).
    pub mean: Vec<InfluenceEstimate>,
    /// Slope of the means over the doses, per unit: `Σ (d_b − d̄)μ_b / Σ (d_b − d̄)²`.
    pub slope: InfluenceEstimate,
    /// Rows whose score was moved, over all bins.
    pub truncated: usize,
}

/// AIPW means of `bins` equally large bins of the dose: `μ_b = mean[m_b + 1(bin = b)(y − m_b)/e_b]`, e_b by logistic
/// regression of each bin against the others, brought to the sum 1.
///
/// # Errors
/// [`StatsError::NoVariation`] when the dose has fewer different values than bins; those of [`Learner::cross_fit`].
pub fn binned_dose(
    y: ArrayView1<f64>,
    dose: ArrayView1<f64>,
    x: ArrayView2<f64>,
    bins: usize,
    outcome: Learner,
    folds: &Folds,
    truncation: Truncation,
) -> Result<BinnedDose, StatsError> {
    let n = y.len();
    let bin = quantile_bins(dose, bins)?;
    let mut scores = Array2::zeros((n, bins));
    for b in 0..bins {
        let inside: Array1<f64> = bin.iter().map(|&own| f64::from(u8::from(own == b))).collect();
        scores.column_mut(b).assign(&Learner::Logistic.cross_fit(x, inside.view(), folds, |_| true)?);
    }
    let (mut truncated, mut means, mut doses) = (0, Vec::new(), Vec::new());
    for b in 0..bins {
        let predicted = outcome.cross_fit(x, y, folds, |i| bin[i] == b)?;
        let own = Array1::from_shape_fn(n, |i| {
            let raw = scores[[i, b]] / scores.row(i).sum();
            let score = truncation.apply(raw);
            truncated += usize::from(raw != score);
            predicted[i] + if bin[i] == b { (y[i] - predicted[i]) / score } else { 0.0 }
        });
        let value = own.sum() / n as f64;
        means.push(InfluenceEstimate { value, influence: own - value });
        let inside: Vec<f64> = (0..n).filter(|&i| bin[i] == b).map(|i| dose[i]).collect();
        doses.push(inside.iter().sum::<f64>() / inside.len() as f64);
    }
    let centre = doses.iter().sum::<f64>() / bins as f64;
    let squares: f64 = doses.iter().map(|d| (d - centre).powi(2)).sum();
    let mut slope = InfluenceEstimate { value: 0.0, influence: Array1::zeros(n) };
    for (d, mean) in doses.iter().zip(&means) {
        let weight = (d - centre) / squares;
        slope.value += weight * mean.value;
        slope.influence.scaled_add(weight, &mean.influence);
    }
    Ok(BinnedDose { dose: doses, mean: means, slope, truncated })
}

/// The bin of each row: equally many rows, equal doses in one bin.
fn quantile_bins(dose: ArrayView1<f64>, bins: usize) -> Result<Vec<usize>, StatsError> {
    let mut sorted = dose.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cuts: Vec<f64> = (1..bins).map(|b| sorted[(b * sorted.len() / bins).min(sorted.len() - 1)]).collect();
    let bin: Vec<usize> = dose.iter().map(|d| cuts.iter().filter(|cut| d >= cut).count()).collect();
    let all_have_rows = (0..bins).all(|b| bin.contains(&b));
    if all_have_rows { Ok(bin) } else { Err(StatsError::NoVariation) }
}
