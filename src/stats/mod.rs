//! Arrays in, arrays out: regression for binary outcomes and repeated scores, with and without random effects, and what
//! is inferred from it.
//!
//! Knows rows, columns and group codes. Nothing here reads a file or knows what a group is.

mod bootstrap;
pub mod causal;
mod cells;
mod chunks;
mod compare;
mod did;
mod dist;
mod error;
mod family;
mod glm;
mod glmm;
mod lambda;
mod levels;
pub mod linalg;
mod link;
mod lmm;
mod matrix;
mod meta;
mod multinomial;
mod multiplicity;
mod ols;
mod optimize;
mod profile;
mod qr;
mod quadrature;
mod robust;
mod search;
mod sensitivity;
mod separation;
mod shrinkage;
mod sparse;
mod terms;
mod two_way;

pub use bootstrap::{
    BootstrapKind, BootstrapOptions, Replicates, basic_interval, percentile_interval, std_error as bootstrap_std_error,
};
pub use cells::{Cells, binomial_constant, poisson_constant};
pub use compare::{Likelihood, LikelihoodRatio, likelihood_ratio};
pub use did::{
    Aggregate, Aggregation, AttCell, AttSkipped, Band, DidControls, DidData, DidEstimator, DidFit, DidOptions, Imputed,
    WaldTest, fit_did, impute_did,
};
pub use dist::{chi2_quantile, chi2_survival, f_survival, normal_cdf, normal_quantile, t_quantile, t_two_sided};
pub use error::StatsError;
pub use family::Family;
pub use glm::{GlmFit, GlmOptions, bootstrap_glm, fit_glm, std_errors};
pub use glmm::{
    GlmmFit, GlmmOptions, LaplaceCheck, LaplaceVerdict, bootstrap_glmm, fit_glmm, fit_glmm_priors, glmm_at,
    profile_glmm,
};
pub use link::{CellTerms, Link};
pub use lmm::{
    Combination, Contrast, KenwardRoger, LmmAlgebra, LmmCriterion, LmmData, LmmFit, LmmObjective, LmmOptions,
    Predicted, RandomWeight, bootstrap_lmm, fit_lmm, kenward_roger, lmm_at_theta, lmm_cluster_vcov, lmm_deviance,
    lmm_prediction, lmm_predictions, outermost_term, profile_lmm,
};
pub use matrix::{Matrix, Packed, PackedColumns, Packer, Store};
pub use meta::{Limits, MetaData, MetaFit, MetaOptions, MetaPrediction, Tau2Method, fit_meta};
pub use multinomial::{
    CumulativeIncidence, MultinomialCells, MultinomialFit, MultinomialMixedFit, MultinomialOptions, RandomCovariance,
    category_probabilities, cumulative_incidence, fit_multinomial, fit_multinomial_mixed, integrated_incidence,
    multinomial_mixed_log_lik,
};
pub use multiplicity::{benjamini_hochberg, holm};
pub use ols::{OlsData, OlsFit, OlsOptions, OlsProducts, bootstrap_ols, fit_ols, fit_ols_products};
pub use optimize::Stop;
pub use profile::{CorrelationProfile, ProfileIntervals, TermProfile};
pub use qr::{Independent, independent_columns};
pub use quadrature::{GaussHermite, gauss_hermite};
pub use robust::{ClusterVcov, CrType, glm_cluster_vcov, ols_cluster_vcov};
pub use sensitivity::{
    BenchmarkBound, benchmark_bound, confounding_bias, e_value, e_value_of_interval, partial_r2, robustness_value,
    robustness_value_of_interval,
};
pub use shrinkage::{
    CriticalValue, MomentCorrection, Moments, ShrinkageOptions, Shrunken, ShrunkenUnit, UnitEstimates, cva, shrink,
    worst_noncoverage,
};
pub use terms::{RandomTerm, TermFit};
pub use two_way::{TwoWayData, TwoWayFit, fit_two_way, two_way_cluster_vcov};
