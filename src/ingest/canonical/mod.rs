//! Canonical tables: what the adapters read, brought to one row per pupil, period, diploma and list, by the linkage rules of
//! `formats.md` §14. The rules are pure functions on rows; `tests/linkage.rs` has a case for each.
//!
//! | file | rules |
//! |---|---|
//! | `periods.rs` | where a period ends, which ones are the same, deliveries, levels, overlaps |
//! | `diplomas.rs` | the period of each diploma |
//! | `known.rs` | up to which day a pupil's later education is known |
//! | `dropout.rs` | lists of dropouts: definitive before provisional, rates, "unknown" |
//! | `successors.rs` | schools that go on under another number |
//! | `aliases.rs` | pupils with a number of each of their schools |
//! | `join.rs` | who was found and who was not, per school |
//!
//! `build.rs` walks a study's `[ingest]`: `source.rs` reads, `pupils.rs`, `later.rs` and `activity.rs` make the tables, `cells.rs`
//! gives them one order, `codebook.rs` says what their columns mean, `ledger.rs` what became of every row. `wants.rs` says beforehand which columns
//! are asked for.

mod activity;
mod aliases;
mod build;
mod cells;
pub mod codebook;
pub mod diplomas;
pub mod dropout;
pub mod join;
pub mod known;
mod later;
mod ledger;
pub mod periods;
mod pupils;
mod source;
pub mod successors;
mod wants;

pub use build::{Sink, build};
pub use cells::{ColumnDef, Kind};
pub use ledger::{Fate, Ledger};
pub use wants::wants;
