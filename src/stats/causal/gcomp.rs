//! G-computation: predict everybody's outcome under both treatments, and average.

use ndarray::{Array1, ArrayView2};

use super::folds::Folds;
use super::nuisance::Learner;
use super::{Target, TreatedRows};
use crate::stats::error::StatsError;
use crate::stats::link::Link;

/// Mean difference of predictions of one model per arm: right if the models of the outcome are.
///
/// # Errors
/// Those of [`TreatedRows::check`] and [`Learner::cross_fit`].
pub fn g_computation(
    rows: &TreatedRows<'_>,
    outcome: Learner,
    folds: &Folds,
    target: Target,
) -> Result<f64, StatsError> {
    rows.check()?;
    let arm = |treated: f64| outcome.cross_fit(rows.x, rows.y, folds, |i| rows.treated[i] == treated);
    let (one, zero) = (arm(1.0)?, arm(0.0)?);
    let (mut sum, mut count) = (0.0, 0.0);
    for i in (0..rows.y.len()).filter(|&i| target == Target::All || rows.treated[i] == 1.0) {
        sum += one[i] - zero[i];
        count += 1.0;
    }
    Ok(sum / count)
}

/// A mean difference of predictions of one model.
#[derive(Clone, Debug)]
pub struct MarginalEffect {
    /// `mean[g⁻¹(x₁ᵀβ) − g⁻¹(x₀ᵀβ)]`.
    pub value: f64,
    /// Its standard error by the delta method.
    pub std_error: f64,
}

/// Average marginal effect of a model g(E y) = xᵀβ: columns of all rows with the treatment (`with`, n×p) and without
/// (`without`, n×p), coefficients (p) and their covariance (p×p).
pub fn marginal_effect(
    link: Link,
    beta: &Array1<f64>,
    vcov: ArrayView2<f64>,
    with: ArrayView2<f64>,
    without: ArrayView2<f64>,
) -> MarginalEffect {
    let n = with.nrows() as f64;
    let (mut value, mut gradient) = (0.0, Array1::zeros(beta.len()));
    for (one, zero) in with.rows().into_iter().zip(without.rows()) {
        let (eta1, eta0) = (one.dot(beta), zero.dot(beta));
        value += (link.mean(eta1) - link.mean(eta0)) / n;
        gradient.scaled_add(link.mean_d1(eta1) / n, &one);
        gradient.scaled_add(-link.mean_d1(eta0) / n, &zero);
    }
    MarginalEffect { value, std_error: gradient.dot(&vcov.dot(&gradient)).max(0.0).sqrt() }
}
