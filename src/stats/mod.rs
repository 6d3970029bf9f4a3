//! Arrays in, arrays out: regression for binary outcomes and repeated scores, with and without random effects.
//!
//! Knows rows, columns and group codes. Nothing here reads a file or knows what a group is.

mod cells;
mod chunks;
mod crossprod;
mod dist;
mod error;
mod family;
mod glm;
mod glmm;
mod lambda;
pub mod linalg;
mod link;
mod lmm;
mod ols;
mod optimize;
mod qr;
mod quadrature;
mod robust;
mod separation;
mod two_way;

pub use cells::{BinomialCells, Cells, binomial_constant, poisson_constant};
pub use dist::{chi2_survival, f_survival, normal_quantile, t_quantile, t_two_sided};
pub use error::StatsError;
pub use family::Family;
pub use glm::{GlmFit, GlmOptions, fit_glm, std_errors};
pub use glmm::{GlmmFit, GlmmOptions, fit_glmm, glmm_log_lik};
pub use link::{CellTerms, Link};
pub use lmm::{InnerLevel, LmmData, LmmFit, LmmOptions, fit_lmm, lmm_deviance};
pub use ols::{OlsData, OlsFit, OlsOptions, OlsProducts, fit_ols, fit_ols_products};
pub use optimize::Stop;
pub use qr::{Independent, independent_columns};
pub use quadrature::{GaussHermite, gauss_hermite};
pub use robust::{ClusterVcov, CrType, glm_cluster_vcov, ols_cluster_vcov};
pub use two_way::{TwoWayData, TwoWayFit, fit_two_way, two_way_cluster_vcov};
