//! LOB effect engine.
pub mod design;
pub mod disclosure;
pub mod effects;
pub mod ingest;
pub mod models;
pub mod panel;
pub mod simulate;
pub mod stats;
pub mod study;
pub mod vocab;
