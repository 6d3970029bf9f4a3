//! One ATT(g,t): two periods, one group, its comparison units.
//!
//! D = 1 in the group; w the weights, X an intercept and the covariates, Δ the change, m̂ = Xγ̂ from least squares over D = 0, p̂
//! from a logit of D on X. With ω₁ = wD and ω₀ the weights of the comparison,
//!
//! ```text
//! regression      ω₀ = wD, of m̂                η₁ − η₀ = E[ω₁Δ]/E ω₁ − E[ω₀m̂]/E ω₀
//! weighting       ω₀ = w p̂(1−D)/(1−p̂)          E[ω₁Δ]/E ω₁ − E[ω₀Δ]/E ω₀
//! doubly robust   the same                      E[ω₁(Δ−m̂)]/E ω₁ − E[ω₀(Δ−m̂)]/E ω₀
//! ```
//!
//! and ψ of each is that of the two ratios plus what the estimation of γ̂ and p̂ adds, by their own influence functions
//! (Sant'Anna & Zhao 2020, eq. 3.1–3.4 and theorem A.1; `reg_did_panel`, `std_ipw_did_panel`, `drdid_panel`).

use ndarray::{Array1, Array2, Axis};

use super::super::cells::Cells;
use super::super::error::StatsError;
use super::super::family::Family;
use super::super::glm::{GlmOptions, fit_glm};
use super::super::link::Link;
use super::super::ols::{OlsData, OlsOptions, fit_ols};
use super::{DidControls, DidData, DidEstimator};

/// Comparison units with a probability of the group above this have no counterpart in it: their odds would carry all
/// the weight (DRDID's `trim.level`).
const TRIM: f64 = 0.995;

/// Two periods of the units of a group and of those they are compared with.
pub(super) struct Comparison {
    /// Position among the used units.
    units: Vec<usize>,
    /// 1 in the group.
    d: Array1<f64>,
    change: Array1<f64>,
    /// With an intercept.
    x: Array2<f64>,
    weights: Array1<f64>,
}

/// What is found.
pub(super) struct Estimate {
    pub estimate: f64,
    /// ψ of all used units.
    pub influence: Array1<f64>,
    pub treated: usize,
    pub controls: usize,
}

impl Comparison {
    /// Group g in the period at place `at`.
    pub fn new(
        data: &DidData,
        used: &[usize],
        first: &[Option<f64>],
        weights: &Array1<f64>,
        group: f64,
        at: usize,
        controls: DidControls,
    ) -> Self {
        let time = data.periods[at];
        let before_group = data.periods.iter().rposition(|&t| t < group).expect("groups begin after the first period");
        let base = if time < group { at - 1 } else { before_group };
        let compares = |first: Option<f64>| match (first, controls) {
            (None, _) => true,
            (Some(_), DidControls::Never) => false,
            (Some(g), DidControls::NotYet) => g != group && g > time,
        };
        let units: Vec<usize> = (0..used.len()).filter(|&i| first[i] == Some(group) || compares(first[i])).collect();
        let rows: Vec<usize> = units.iter().map(|&i| used[i]).collect();
        let one = Array2::ones((rows.len(), 1));
        let x = match data.x {
            None => one,
            Some(x) => ndarray::concatenate![Axis(1), one, x.select(Axis(0), &rows)],
        };
        Self {
            d: units.iter().map(|&i| f64::from(u8::from(first[i] == Some(group)))).collect(),
            change: rows.iter().map(|&i| data.y[[i, at]] - data.y[[i, base]]).collect(),
            weights: units.iter().map(|&i| weights[i]).collect(),
            x,
            units,
        }
    }

    fn n(&self) -> f64 {
        self.units.len() as f64
    }

    /// m̂ and the influence function of γ̂ (rows of ψ_γ).
    fn outcome_model(&self) -> Result<Nuisance, StatsError> {
        let rows: Vec<usize> = (0..self.units.len()).filter(|&i| self.d[i] == 0.0).collect();
        let (y, x) = (self.change.select(Axis(0), &rows), self.x.select(Axis(0), &rows));
        let weights = self.weights.select(Axis(0), &rows);
        if rows.len() < x.ncols() {
            return Err(StatsError::TooFewGroups { groups: rows.len() });
        }
        // As many units as columns fit exactly, and leave nothing to learn an error from.
        let data = OlsData { y: y.view(), x: x.view(), weights: Some(weights.view()), offset: None };
        let fit = fit_ols(&data, &OlsOptions::default())?;
        let fitted = self.x.dot(&fit.beta);
        let score = (&self.change - &fitted) * &self.weights * self.d.mapv(|d| 1.0 - d);
        let influence = (&self.x * &score.insert_axis(Axis(1))).dot(&fit.unscaled) * self.n();
        Ok(Nuisance { fitted, influence })
    }

    /// p̂ and the influence function of its coefficients.
    fn membership(&self) -> Result<Nuisance, StatsError> {
        let successes = &self.weights * &self.d;
        let cells =
            Cells { x: self.x.view().into(), trials: self.weights.view(), successes: successes.view(), offset: None };
        let family = Family::Binomial(Link::Logit);
        let fit = fit_glm(&cells, family, &GlmOptions::default())?;
        let fitted = self.x.dot(&fit.beta).mapv(|eta| family.mean(eta).min(1.0 - 1e-6));
        let score = (&self.d - &fitted) * &self.weights;
        let influence = (&self.x * &score.insert_axis(Axis(1))).dot(&fit.vcov) * self.n();
        Ok(Nuisance { fitted, influence })
    }

    /// Odds of the group for comparison units, 0 for the trimmed and for the group.
    fn odds(&self, membership: &Nuisance) -> Array1<f64> {
        let odds = |(&p, &d): (&f64, &f64)| if d == 0.0 && p < TRIM { p / (1.0 - p) } else { 0.0 };
        membership.fitted.iter().zip(&self.d).map(odds).collect::<Array1<f64>>() * &self.weights
    }
}

/// A fitted nuisance model.
struct Nuisance {
    fitted: Array1<f64>,
    /// ψ of the coefficients (units × columns).
    influence: Array2<f64>,
}

/// E[ωv]/E ω with its influence function, but for the estimation of v and ω.
struct Ratio {
    value: f64,
    mean_weight: f64,
    influence: Array1<f64>,
}

impl Ratio {
    fn new(weights: &Array1<f64>, values: &Array1<f64>) -> Self {
        let n = weights.len() as f64;
        let mean_weight = weights.sum() / n;
        let value = weights.dot(values) / n / mean_weight;
        Self { value, mean_weight, influence: (values - value) * weights / mean_weight }
    }

    /// E[ωX]/E ω.
    fn mean_x(&self, weights: &Array1<f64>, x: &Array2<f64>) -> Array1<f64> {
        x.t().dot(weights) / (weights.len() as f64 * self.mean_weight)
    }
}

/// ATT(g,t) by `estimator`, with ψ over `n` units.
pub(super) fn estimate(c: &Comparison, n: usize, estimator: DidEstimator) -> Result<Estimate, StatsError> {
    let treated = c.d.iter().filter(|&&d| d == 1.0).count();
    let controls = c.units.len() - treated;
    if treated == 0 || controls == 0 {
        return Err(StatsError::TooFewGroups { groups: usize::from(treated > 0) + usize::from(controls > 0) });
    }
    let in_group = &c.weights * &c.d;
    let (value, influence) = match estimator {
        DidEstimator::Regression => {
            let model = c.outcome_model()?;
            let (own, other) = (Ratio::new(&in_group, &c.change), Ratio::new(&in_group, &model.fitted));
            let by_model = model.influence.dot(&other.mean_x(&in_group, &c.x));
            (own.value - other.value, own.influence - other.influence - by_model)
        }
        DidEstimator::Weighting => {
            let model = c.membership()?;
            let odds = c.odds(&model);
            let (own, other) = (Ratio::new(&in_group, &c.change), Ratio::new(&odds, &c.change));
            let by_model = model.influence.dot(&other.mean_x(&(&odds * &(&c.change - other.value)), &c.x));
            (own.value - other.value, own.influence - other.influence - by_model)
        }
        DidEstimator::DoublyRobust => {
            let (outcome, membership) = (c.outcome_model()?, c.membership()?);
            let odds = c.odds(&membership);
            let rest = &c.change - &outcome.fitted;
            let (own, other) = (Ratio::new(&in_group, &rest), Ratio::new(&odds, &rest));
            let by_outcome = outcome.influence.dot(&(own.mean_x(&in_group, &c.x) - other.mean_x(&odds, &c.x)));
            let by_membership = membership.influence.dot(&other.mean_x(&(&odds * &(&rest - other.value)), &c.x));
            (own.value - other.value, own.influence - other.influence - by_outcome - by_membership)
        }
    };
    if !value.is_finite() {
        return Err(StatsError::NotConverged { evaluations: 1, grad_max: f64::NAN });
    }
    let mut all = Array1::zeros(n);
    // ψ of a mean over some of the units as one over all of them.
    let share = n as f64 / c.n();
    c.units.iter().zip(&influence).for_each(|(&i, v)| all[i] = v * share);
    Ok(Estimate { estimate: value, influence: all, treated, controls })
}
