//! What the routes use of the statistical core.

pub(super) use crate::stats::{
    Cells, Family, GlmOptions, GlmmOptions, Link, LmmData, LmmOptions, OlsData, OlsOptions, RandomTerm, StatsError,
    Stop, TermFit, binomial_constant, fit_glm, fit_glmm, fit_lmm, fit_ols, glmm_at, independent_columns, lmm_at_theta,
    normal_quantile, poisson_constant, t_quantile, t_two_sided,
};
