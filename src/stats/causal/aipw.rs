//! Augmented inverse probability weights: right if the model of the treatment or the model of the outcome is.

use ndarray::Array1;

use super::folds::Folds;
use super::influence::InfluenceEstimate;
use super::nuisance::Learner;
use super::weighting::Truncation;
use super::{Target, TreatedRows};
use crate::stats::error::StatsError;

/// A doubly robust estimate.
#[derive(Clone, Debug)]
pub struct AipwFit {
    /// The effect with its influence values.
    pub effect: InfluenceEstimate,
    /// Propensity scores (n), truncated.
    pub score: Array1<f64>,
    /// Rows whose score was moved.
    pub truncated: usize,
}

/// AIPW with nuisances by `folds`: propensity by logistic regression, outcome by `outcome` in each arm.
///
/// ```text
/// all:      θ = mean of  m₁ − m₀ + t(y − m₁)/e − (1−t)(y − m₀)/(1−e)
/// treated:  θ = Σ [t(y − m₀) − (1−t)(y − m₀)e/(1−e)] / Σ t
/// ```
///
/// # Errors
/// Those of [`TreatedRows::check`] and [`Learner::cross_fit`].
pub fn aipw(
    rows: &TreatedRows<'_>,
    outcome: Learner,
    folds: &Folds,
    truncation: Truncation,
    target: Target,
) -> Result<AipwFit, StatsError> {
    rows.check()?;
    let n = rows.y.len();
    let (y, t) = (rows.y, rows.treated);
    let raw = Learner::Logistic.cross_fit(rows.x, t, folds, |_| true)?;
    let score = raw.mapv(|p| truncation.apply(p));
    let truncated = raw.iter().zip(&score).filter(|(raw, score)| raw != score).count();
    let untreated = outcome.cross_fit(rows.x, y, folds, |i| t[i] == 0.0)?;
    let effect = match target {
        Target::All => {
            let treated = outcome.cross_fit(rows.x, y, folds, |i| t[i] == 1.0)?;
            let own = Array1::from_shape_fn(n, |i| {
                let (e, m1, m0) = (score[i], treated[i], untreated[i]);
                m1 - m0 + t[i] * (y[i] - m1) / e - (1.0 - t[i]) * (y[i] - m0) / (1.0 - e)
            });
            let value = own.sum() / n as f64;
            InfluenceEstimate { value, influence: own - value }
        }
        Target::Treated => {
            let share = t.sum() / n as f64;
            let own = Array1::from_shape_fn(n, |i| {
                let left = y[i] - untreated[i];
                t[i] * left - (1.0 - t[i]) * left * score[i] / (1.0 - score[i])
            });
            let value = own.sum() / n as f64 / share;
            let influence = Array1::from_shape_fn(n, |i| (own[i] - t[i] * value) / share);
            InfluenceEstimate { value, influence }
        }
    };
    Ok(AipwFit { effect, score, truncated })
}
