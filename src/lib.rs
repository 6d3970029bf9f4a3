//! What career guidance (LOB) on Dutch vmbo schools is associated with: progression to mbo and dropout, per
//! school, in percentage points, with intervals.
//!
//! # The rooms
//!
//! Data flows from left to right. Imports point to the left, towards the data's source, or down to the two
//! foundations, which import nothing of ours; `tests/architecture.rs` holds them to it.
//!
//! ```text
//! study → ingest → panel → design → models → effects → disclosure → report → run → cli → main.rs
//! ────────────────────────── foundations: vocab · stats ──────────────────────────
//! simulate stands beside ingest: it makes the same tables, from a known truth
//! ```
//!
//! | room | what it does | imports |
//! |---|---|---|
//! | [`vocab`] | the words: ids, days, activities, outcomes, estimands, units | – |
//! | [`stats`] | arrays in, arrays out: mixed models, robust variance, quadrature, optimiser | – |
//! | [`study`] | `study.toml` → a checked study: sources, time, doses, outcomes, models, privacy | vocab |
//! | [`ingest`] | files → typed columns and a ledger of rejects; the only reader of data | vocab, study |
//! | [`simulate`] | synthetic regions with known truth, in the tables that `ingest` reads | vocab |
//! | [`panel`] | tables → one row per pupil × period: dose known before, outcome, covariates, flow; one plan, executed or printed as SQL | vocab, study, ingest |
//! | [`design`] | panel rows and a model entry, or a table and a formula → outcome, columns, groups, compressed where rows repeat | vocab, stats, study, ingest, panel |
//! | [`models`] | named longitudinal models and those written as formulas; each builds its design, calls `stats` and returns a fit or a reason | vocab, stats, study, panel, design |
//! | [`effects`] | accepted fits → findings (estimate or refusal) per school and nation | vocab, stats, panel, design, models |
//! | [`disclosure`] | what may leave: thresholds, secondary suppression, rounding, zones | vocab, effects |
//! | [`report`] | controlled findings → sentences, tables, charts; computes no statistic, opens no file | vocab, disclosure |
//! | [`run`] | plans the jobs, runs them in parallel and in a fixed order, publishes; the only writer of results | all above but simulate |
//! | [`cli`] | flags → commands, messages, exit codes | vocab, study, simulate, ingest, panel, models, effects, run |
//!
//! # How a row walks
//!
//! A row of a dossier export (`pupil key; 07-10-2024; loopbaangesprek`) is parsed in `ingest`, which keeps its
//! place in case it can't be read. `panel` turns the key into a [`vocab::PupilIx`] and adds the activity to the
//! dose known *before* each period; enrolments and dropout dates of later education become the outcome; `flow`
//! counts who fell out, where and why. `design` splits the dose within school and cohort and lets equal rows
//! stand once. A model of [`models::MODELS`] calls `stats`; [`models::Fitted::accept`] lets only a converged
//! fit through. `effects` turns it into percentage points for one school, with an interval; `disclosure` lets
//! it pass because enough pupils stand behind it; `report` writes one sentence, whose verb comes from
//! [`vocab::Reading`] and whose unit from [`vocab::Quantity`]; `run` writes page, table and manifest and
//! renames the whole run into place.

// `forbid` would refuse the `s![]` macro of ndarray, which expands to an `allow` and to safe code;
// tests/architecture.rs sees to it that nothing of ours says `unsafe`.
#![deny(unsafe_code)]
#![warn(missing_docs)]
// Doors allow these methods at their top (`clippy.toml`); unit tests read back what they wrote.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

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
