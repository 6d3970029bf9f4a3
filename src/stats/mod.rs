//! Arrays in, arrays out: regression for binary outcomes and repeated scores, with and without random effects.
//!
//! Knows rows, columns and group codes. Nothing here reads a file or knows what a group is.

mod cells;
mod crossprod;
mod dist;
mod error;
mod glm;
mod glmm;
mod lambda;
pub mod linalg;
mod link;
mod lmm;
mod meta;
mod multinomial;
mod optimize;
mod quadrature;
mod search;
mod shrinkage;

pub use cells::BinomialCells;
pub use dist::{chi2_quantile, chi2_survival, f_survival, normal_cdf, normal_quantile, t_quantile, t_two_sided};
pub use error::StatsError;
pub use glm::{GlmFit, GlmOptions, fit_glm, std_errors};
pub use glmm::{GlmmFit, GlmmOptions, fit_glmm, glmm_log_lik};
pub use link::{CellTerms, Link};
pub use lmm::{InnerLevel, LmmData, LmmFit, LmmOptions, fit_lmm, lmm_deviance};
pub use meta::{Limits, MetaData, MetaFit, MetaOptions, MetaPrediction, Tau2Method, fit_meta};
pub use multinomial::{
    CumulativeIncidence, MultinomialCells, MultinomialFit, MultinomialMixedFit, MultinomialOptions, RandomCovariance,
    category_probabilities, cumulative_incidence, fit_multinomial, fit_multinomial_mixed, integrated_incidence,
    multinomial_mixed_log_lik,
};
pub use optimize::Stop;
pub use quadrature::{GaussHermite, gauss_hermite};
pub use shrinkage::{
    CriticalValue, MomentCorrection, Moments, ShrinkageOptions, Shrunken, ShrunkenUnit, UnitEstimates, cva, shrink,
    worst_noncoverage,
};
