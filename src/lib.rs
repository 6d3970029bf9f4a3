//! LOB effect engine.
pub mod disclosure;
pub mod effects;
pub mod report;
pub mod stats;
pub mod vocab;
