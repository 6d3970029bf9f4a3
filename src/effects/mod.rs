//! Accepted fits and estimands → findings per school and nation.

pub mod finding;

pub use finding::{EffectEstimate, Finding, Refusal, RefusalReason, SmallCell};
