//! What the routes use of the statistical core, and what they need beside it.

use ndarray::Array1;

pub(super) use crate::stats::{
    Cells, ClusterVcov, CrType, Family, GlmOptions, GlmmOptions, LaplaceCheck, LaplaceVerdict, Link, LmmData, LmmFit,
    LmmOptions, OlsData, OlsOptions, RandomTerm, StatsError, Stop, TermFit, binomial_constant, fit_glm, fit_glmm,
    fit_lmm, fit_ols, glm_cluster_vcov, glmm_at, independent_columns, lmm_at_theta, normal_quantile, ols_cluster_vcov,
    poisson_constant, t_quantile, t_two_sided,
};

/// Satterthwaite's degrees of freedom of coefficient `k`: 2V²/(gᵀAg), V its variance, g its slope over the variance
/// parameters (θ, σ) and A their covariance.
pub(super) fn satterthwaite(fit: &LmmFit, k: usize) -> Option<f64> {
    let slope: Array1<f64> = fit.vcov_beta_slopes.iter().map(|v| v[[k, k]]).collect();
    let spread = slope.dot(&fit.vcov_theta_sigma.dot(&slope));
    let df = 2.0 * fit.vcov_beta[[k, k]].powi(2) / spread;
    df.is_finite().then_some(df)
}
