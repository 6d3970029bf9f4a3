//! Estimators for the effect of a treatment or a dose that lean on a model of who gets it, on a model of the outcome, or on
//! both: inverse probability weights, g-computation, augmented weights (doubly robust), partially linear regression.
//!
//! Each estimate comes with its influence values ψ_i, so that its error can be that of independent rows or be robust to
//! clusters: `Var = Σ_g (Σ_{i∈g} ψ_i)² / n²`, times G/(G−1). Models of nuisances ([`Learner`]) are trained on other clusters
//! than those they predict for ([`Folds`]): a school never helps to predict itself (Chernozhukov et al. 2018, Econometrics
//! Journal 21:C1; Hirano, Imbens & Ridder 2003, Econometrica 71:1161; Robins, Rotnitzky & Zhao 1994, JASA 89:846).
//!
//! "Effect" is the word of the literature. What an estimate may be called is decided by who uses it.

mod aipw;
mod balance;
mod dose;
mod folds;
mod gcomp;
mod influence;
mod nuisance;
mod weighting;

pub use aipw::{AipwFit, aipw};
pub use balance::{BalanceClass, Imbalance, balance, effective_size};
pub use dose::{BinnedDose, PartiallyLinear, binned_dose, partially_linear};
pub use folds::Folds;
pub use gcomp::{MarginalEffect, g_computation, marginal_effect};
pub use influence::{InfluenceEstimate, cluster_std_error};
pub use nuisance::Learner;
pub use weighting::{Propensity, Truncation, WeightedFit, fit_propensity, ipw};

use ndarray::{ArrayView1, ArrayView2};

use super::error::StatsError;

/// Rows of a comparison of treated and untreated units.
#[derive(Clone, Copy, Debug)]
pub struct TreatedRows<'a> {
    /// Outcomes (n).
    pub y: ArrayView1<'a, f64>,
    /// Who is treated (n): 1 or 0.
    pub treated: ArrayView1<'a, f64>,
    /// What is held equal (n×p), without an intercept.
    pub x: ArrayView2<'a, f64>,
}

impl TreatedRows<'_> {
    /// Checks lengths, finiteness, and that both arms have rows.
    ///
    /// # Errors
    /// [`StatsError::Shape`], [`StatsError::NotFinite`], [`StatsError::NoVariation`].
    pub fn check(&self) -> Result<(), StatsError> {
        let n = self.y.len();
        if self.treated.len() != n || self.x.nrows() != n {
            return Err(StatsError::Shape("y, treated and x differ in length"));
        }
        if let Some(row) = self.y.iter().position(|v| !v.is_finite()) {
            return Err(StatsError::NotFinite { array: "y", row });
        }
        super::cells::check_finite("x", self.x)?;
        if self.treated.iter().any(|t| *t != 0.0 && *t != 1.0) {
            return Err(StatsError::Shape("treated must be 0 or 1"));
        }
        let treated = self.treated.sum();
        if treated == 0.0 || treated == n as f64 { Err(StatsError::NoVariation) } else { Ok(()) }
    }
}

/// Over whom an effect is averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All units: the average treatment effect.
    All,
    /// The treated: the average treatment effect on the treated.
    Treated,
}

#[cfg(test)]
mod tests;
