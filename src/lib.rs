//! LOB effect engine.
pub mod cli;
pub mod design;
pub mod disclosure;
pub mod effects;
pub mod ingest;
pub mod models;
pub mod panel;
pub mod report;
pub mod run;
pub mod simulate;
pub mod stats;
pub mod study;
pub mod vocab;
