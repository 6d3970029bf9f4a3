//! LOB effect engine.
pub mod disclosure;
pub mod effects;
pub mod simulate;
pub mod stats;
pub mod vocab;
