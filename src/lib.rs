//! LOB effect engine.
pub mod disclosure;
pub mod effects;
pub mod ingest;
pub mod stats;
pub mod study;
pub mod vocab;
