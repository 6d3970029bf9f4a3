//! What the routes use of the statistical core.

pub(super) use crate::stats::{
    Cells, ClusterVcov, CrType, Family, GlmOptions, GlmmOptions, LaplaceCheck, LaplaceVerdict, Link, LmmData,
    LmmOptions, OlsData, OlsOptions, RandomTerm, StatsError, Stop, TermFit, binomial_constant, fit_glm, fit_glmm,
    fit_lmm, fit_ols, glm_cluster_vcov, glmm_at, independent_columns, lmm_at_theta, normal_quantile, ols_cluster_vcov,
    poisson_constant, t_quantile, t_two_sided,
};
