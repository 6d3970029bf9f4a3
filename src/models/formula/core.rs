//! What the routes use of the statistical core.

pub(super) use crate::stats::{
    BootstrapKind, BootstrapOptions, Cells, ClusterVcov, CrType, Family, GlmOptions, GlmmOptions, LaplaceCheck,
    LaplaceVerdict, Link, LmmData, LmmOptions, OlsData, OlsOptions, ProfileIntervals, RandomTerm, Replicates,
    StatsError, Stop, TermFit, binomial_constant, bootstrap_glm, bootstrap_glmm, bootstrap_lmm, bootstrap_ols,
    bootstrap_std_error, fit_glm, fit_glmm, fit_lmm, fit_ols, glm_cluster_vcov, glmm_at, independent_columns,
    kenward_roger, lmm_at_theta, normal_quantile, ols_cluster_vcov, percentile_interval, poisson_constant,
    profile_glmm, profile_lmm, t_quantile, t_two_sided,
};
