//! Canonical tables: what the adapters read, brought to one row per pupil, period, diploma and list, by the linkage rules of
//! `formats.md` §14. The rules are pure functions on rows; `tests/linkage.rs` has a case for each.
//!
//! | file | rules |
//! |---|---|
//! | `periods.rs` | where a period ends, which ones are the same, deliveries, levels, overlaps |
//! | `after.rs` | arrived, late, still there, switched, diploma, gone |
//! | `dropout.rs` | lists of dropouts: definitive before provisional, rates, "unknown" |
//! | `successors.rs` | schools that go on under another number |
//! | `join.rs` | how many rows may meet, and who was not met |

pub mod after;
pub mod dropout;
pub mod join;
pub mod periods;
pub mod successors;
