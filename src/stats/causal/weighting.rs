//! Propensity scores by logistic regression, and inverse probability weights made of them.

use ndarray::{Array1, ArrayView1, ArrayView2};

use super::influence::InfluenceEstimate;
use super::nuisance::with_intercept;
use super::{Target, TreatedRows};
use crate::stats::cells::Cells;
use crate::stats::error::StatsError;
use crate::stats::family::Family;
use crate::stats::glm::{GlmFit, GlmOptions, fit_glm};
use crate::stats::link::Link;

/// Bounds into which propensity scores are moved, so that no single row weighs like a hundred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truncation {
    /// Lowest score, above 0.
    pub lo: f64,
    /// Highest score, below 1.
    pub hi: f64,
}

impl Truncation {
    /// Scores as they are.
    pub const NONE: Truncation = Truncation { lo: 0.0, hi: 1.0 };
    /// 0.01 to 0.99: the usual choice.
    pub const USUAL: Truncation = Truncation { lo: 0.01, hi: 0.99 };

    pub(super) fn apply(self, p: f64) -> f64 {
        p.clamp(self.lo, self.hi)
    }
}

/// Estimated probabilities of being treated.
#[derive(Clone, Debug)]
pub struct Propensity {
    /// The scores (n), truncated.
    pub score: Array1<f64>,
    /// The scores (n) as the model has them.
    pub raw: Array1<f64>,
    /// The logistic regression on (1, x). It is ours and not linfa's: its coefficients and their covariance are reported
    /// and enter the error of the weights.
    pub model: GlmFit,
    /// Rows whose score was moved.
    pub truncated: usize,
    /// Lowest and highest score before truncation.
    pub range: (f64, f64),
}

/// Fits the propensity score on all rows.
///
/// # Errors
/// Those of [`TreatedRows::check`] and [`fit_glm`]; separation means that somebody is treated for certain, and that there
/// is nobody to compare with.
pub fn fit_propensity(rows: &TreatedRows<'_>, truncation: Truncation) -> Result<Propensity, StatsError> {
    rows.check()?;
    let (x, ones) = (with_intercept(rows.x), Array1::ones(rows.y.len()));
    let cells = Cells { x: x.view().into(), trials: ones.view(), successes: rows.treated.view(), offset: None };
    let model = fit_glm(&cells, Family::Binomial(Link::Logit), &GlmOptions::default())?;
    let raw = x.dot(&model.beta).mapv(|eta| Link::Logit.mean(eta));
    let range = raw.iter().fold((1.0_f64, 0.0_f64), |(lo, hi), p| (lo.min(*p), hi.max(*p)));
    let score = raw.mapv(|p| truncation.apply(p));
    let truncated = raw.iter().zip(&score).filter(|(raw, score)| raw != score).count();
    Ok(Propensity { score, raw, model, truncated, range })
}

/// A weighted comparison.
#[derive(Clone, Debug)]
pub struct WeightedFit {
    /// `Σ w₁y/Σ w₁ − Σ w₀y/Σ w₀` (Hájek), with influence values that know that the scores were estimated.
    pub effect: InfluenceEstimate,
    /// Weights (n): all `1/e` and `1/(1−e)`; treated 1 and `e/(1−e)`.
    pub weights: Array1<f64>,
}

/// Inverse probability weighting. With m the mean of an arm, `ψ = w(y − m)/w̄`, plus `(∂m/∂γ)ᵀ I⁻¹ s_i` of the propensity's
/// coefficients γ, their information I (per row) and scores s (Lunceford & Davidian 2004, Statistics in Medicine 23:2937).
///
/// # Errors
/// Those of [`TreatedRows::check`].
pub fn ipw(rows: &TreatedRows<'_>, propensity: &Propensity, target: Target) -> Result<WeightedFit, StatsError> {
    rows.check()?;
    let n = rows.y.len();
    let weights = Array1::from_shape_fn(n, |i| weight(rows.treated[i], propensity.score[i], target));
    let x = with_intercept(rows.x);
    let arm = |treated: f64| Arm::of(rows, &weights, x.view(), propensity, target, treated);
    let (one, zero) = (arm(1.0), arm(0.0));
    let by_score = propensity.model.vcov.dot(&(&one.by_gamma - &zero.by_gamma)) * n as f64;
    let influence = Array1::from_shape_fn(n, |i| {
        // The score equations of the regression hold at its own probabilities, not at truncated ones.
        let left = rows.treated[i] - propensity.raw[i];
        one.influence[i] - zero.influence[i] + left * x.row(i).dot(&by_score)
    });
    Ok(WeightedFit { effect: InfluenceEstimate { value: one.mean - zero.mean, influence }, weights })
}

fn weight(treated: f64, e: f64, target: Target) -> f64 {
    match (target, treated == 1.0) {
        (Target::All, true) => 1.0 / e,
        (Target::All, false) => 1.0 / (1.0 - e),
        (Target::Treated, true) => 1.0,
        (Target::Treated, false) => e / (1.0 - e),
    }
}

/// ∂ weight/∂η, η the propensity's linear predictor: `∂e/∂η = e(1−e)`.
fn weight_d1(treated: f64, e: f64, target: Target) -> f64 {
    match (target, treated == 1.0) {
        (Target::All, true) => -(1.0 - e) / e,
        (Target::Treated, true) => 0.0,
        (_, false) => e / (1.0 - e),
    }
}

/// The weighted mean of an arm.
struct Arm {
    mean: f64,
    influence: Array1<f64>,
    by_gamma: Array1<f64>,
}

impl Arm {
    fn of(
        rows: &TreatedRows<'_>,
        weights: &Array1<f64>,
        x: ArrayView2<f64>,
        propensity: &Propensity,
        target: Target,
        treated: f64,
    ) -> Self {
        let n = rows.y.len();
        let inside = |i: usize| rows.treated[i] == treated;
        let total: f64 = (0..n).filter(|&i| inside(i)).map(|i| weights[i]).sum();
        let mean = (0..n).filter(|&i| inside(i)).map(|i| weights[i] * rows.y[i]).sum::<f64>() / total;
        let scale = n as f64 / total;
        let influence =
            Array1::from_shape_fn(n, |i| if inside(i) { scale * weights[i] * (rows.y[i] - mean) } else { 0.0 });
        let mut by_gamma = Array1::zeros(x.ncols());
        // A score at a bound stays there when γ moves a little.
        for i in (0..n).filter(|&i| inside(i) && propensity.score[i] == propensity.raw[i]) {
            let d1 = weight_d1(treated, propensity.score[i], target);
            by_gamma.scaled_add(d1 * (rows.y[i] - mean) / total, &x.row(i));
        }
        Self { mean, influence, by_gamma }
    }
}

/// Means of columns by arm with weights; helper of the balance table.
pub(super) fn weighted_mean(column: ArrayView1<f64>, weights: ArrayView1<f64>, keep: impl Fn(usize) -> bool) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for i in (0..column.len()).filter(|&i| keep(i)) {
        sum += weights[i] * column[i];
        total += weights[i];
    }
    sum / total
}
