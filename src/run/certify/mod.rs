//! `lob certify`: regions with a known truth are simulated, the engine is asked, and what its intervals and tests promise is
//! compared with what they did. Nothing is read from disk; the result is a table of guarantees.
//!
//! What is certified is the road from the design on: the model, its effects and the checks. That tables become that design
//! is the matter of other tests (`tests/recovery.rs` goes the whole road).

mod design;
mod grid;
mod planted;
mod replicate;
mod table;

use rayon::prelude::*;

pub use grid::{Level, Setting, Size, settings};
pub use table::{Guarantee, Metric, batch};

use crate::report::certificate::certificate_page;
use crate::study::Study;
use crate::study::file::ModelEntry;
use crate::study::template::TEMPLATE;
use crate::vocab::Lang;

/// The model that is certified: the template's for `uitval_jr1`.
fn entry() -> ModelEntry {
    let study = Study::parse(TEMPLATE, &crate::models::kinds()).expect("the template is a study, by its own test");
    let of_uitval = |m: &&ModelEntry| m.outcome == "uitval_jr1";
    study.models.iter().find(of_uitval).expect("the template has a model of uitval_jr1").clone()
}

/// The table as a page.
pub fn html(rows: &[Guarantee], replicates: u32, seed: u64, lang: Lang) -> String {
    certificate_page(&table::page(rows, replicates, seed), lang)
}

/// Simulates and asks. `replicates` of each setting, all in parallel; equal seeds give equal tables on any number of threads.
/// `done` is told of each setting that is finished.
pub fn certify(replicates: u32, seed: u64, done: &(dyn Fn(&Setting) + Sync)) -> Vec<Guarantee> {
    let of_setting = |setting: &Setting| {
        let all: Vec<_> = (0..replicates).into_par_iter().map(|k| replicate::replicate(setting, seed, k)).collect();
        done(setting);
        table::guarantees(setting, &all)
    };
    settings().iter().flat_map(of_setting).collect()
}
