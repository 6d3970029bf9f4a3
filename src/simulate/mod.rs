//! Synthetic vmbo regions with a planted truth: the same tables that `ingest` reads, from models whose
//! coefficients and random effects are known, so that bias and coverage of the engine can be measured.
//!
//! | file | what it holds |
//! |---|---|
//! | `spec.rs` | what to simulate: sizes, seed, planted effects |
//! | `calendar.rs` | the dates of a cohort (1 October of leerjaar 3, periods, landmark, count dates) |
//! | `model.rs` | the true models and their coefficients |
//! | `school.rs`, `pupil.rs`, `activity.rs` | who there is and what they did |
//! | `scenario.rs` | truths with a name, and what they hide from the tables |
//! | `dose.rs` | the dose split into its within, cohort and school part |
//! | `dropout.rs`, `landmark.rs`, `score.rs` | the outcomes, drawn from the true models |
//! | `after.rs` | enrolments after vmbo that show those outcomes |
//! | `region.rs` | one school, one chunk of schools, the whole region |
//! | `truth.rs`, `tables.rs` | the truth rows; everything as Arrow batches |
//! | `analysis.rs` | the landmark set as rows, without tables |
//! | `formats/` | the region as DUO's, the schools' and the tools' own files |
//! | `emit.rs` | the only file that touches the disk |

mod activity;
mod after;
pub mod analysis;
mod calendar;
mod dose;
mod dropout;
pub mod emit;
pub mod formats;
mod landmark;
mod model;
mod pupil;
pub mod region;
mod scenario;
mod school;
mod score;
mod spec;
mod stream;
mod tables;
pub mod truth;

#[cfg(test)]
mod tests;

pub use analysis::{LandmarkPupil, LandmarkSet, landmark_set};
pub use emit::{EmitError, Written, simulate_to, write_files, write_region};
pub use region::{Region, simulate};
pub use scenario::{Hidden, Scenario};
pub use spec::{PlantedEffect, RegionSpec};
