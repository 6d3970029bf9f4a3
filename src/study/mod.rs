//! `study.toml` → a checked [`Study`]: sources, time axis, pupils, doses, outcomes, models, privacy.

mod check;
mod error;
pub mod file;
pub mod guess;
pub mod propose;
mod shape;
pub mod template;

pub use check::{ModelKind, Study};
pub use error::{Place, StudyError, near, nearest};

/// JSON Schema of a study file, from the same types that read it.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(file::StudyFile).to_value()
}
