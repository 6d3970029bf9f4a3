//! Tests of combinations of fixed effects with degrees of freedom that know how uncertain the variances are.
//!
//! Satterthwaite's approximation (Giesbrecht & Burns 1985; Kuznetsova, Brockhoff & Christensen 2017, J. Stat. Softw.
//! 82:13, lmerTest): V̂ = cᵀV_βc is taken for V·χ²_ν/ν, whose variance is 2V²/ν, and Var(V̂) for gᵀAg by the delta
//! method over the variance parameters,
//!
//! ```text
//! ν = 2V²/(gᵀAg)        g_k = cᵀ(∂V_β/∂(θ,σ)_k)c        A = Cov(θ̂, σ̂)
//! ```

use ndarray::{Array1, ArrayView1};

use super::super::compare::Likelihood;
use super::super::dist::t_two_sided;
use super::LmmFit;

/// A combination cᵀβ of fixed effects, tested against 0.
#[derive(Clone, Copy, Debug)]
pub struct Contrast {
    /// cᵀβ̂.
    pub estimate: f64,
    /// √(cᵀV_βc).
    pub std_error: f64,
    /// Satterthwaite's degrees of freedom ν.
    pub df: f64,
    /// Estimate over standard error.
    pub statistic: f64,
    /// P(|T| > |statistic|) for Student's t with `df`.
    pub p_value: f64,
}

impl LmmFit {
    /// Satterthwaite's degrees of freedom of cᵀβ̂, for REML fits as in lmerTest.
    ///
    /// Elements of θ at the boundary, or given, count as known: where all are, ν is n − p (REML) or n (ML), as in least
    /// squares. ∞ would mean that V̂ is known; NaN for a contrast of zeros, which has no variance.
    ///
    /// # Panics
    /// If `contrast` has not length p.
    pub fn satterthwaite_df(&self, contrast: ArrayView1<f64>) -> f64 {
        let variance = contrast.dot(&self.vcov_beta.dot(&contrast));
        let slope: Array1<f64> = self.vcov_beta_slopes.iter().map(|v| contrast.dot(&v.dot(&contrast))).collect();
        2.0 * variance * variance / slope.dot(&self.vcov_theta_sigma.dot(&slope))
    }

    /// cᵀβ with its t test.
    ///
    /// # Panics
    /// If `contrast` has not length p.
    pub fn contrast(&self, contrast: ArrayView1<f64>) -> Contrast {
        let estimate = contrast.dot(&self.beta);
        let std_error = contrast.dot(&self.vcov_beta.dot(&contrast)).sqrt();
        let df = self.satterthwaite_df(contrast);
        let statistic = estimate / std_error;
        Contrast { estimate, std_error, df, statistic, p_value: t_two_sided(statistic, df) }
    }

    /// What a comparison of models needs: p + nθ + 1 parameters, elements of θ at the boundary included.
    pub fn likelihood(&self) -> Likelihood {
        let parameters = self.beta.len() + self.theta.len() + 1;
        Likelihood { log_lik: self.log_lik, parameters, n: self.n_obs as f64 }
    }
}
