//! The columns of a table of numbers per school, leerweg and cohort.

use super::{As, Want};
use crate::study::file::Counts;

/// The columns that `[counts]` asks of its source: school, cohort, the leerweg where it is told, then the numbers.
pub fn count_wants(counts: &Counts) -> Vec<Want> {
    let texts = [Some(&counts.school), Some(&counts.cohort), counts.leerweg.as_ref()];
    let numbers = [Some(&counts.n), Some(&counts.events), counts.n_hi.as_ref(), counts.events_hi.as_ref()];
    let texts = texts.into_iter().flatten().map(|name| Want::new(name, As::Text));
    texts.chain(numbers.into_iter().flatten().map(|name| Want::new(name, As::Count))).collect()
}
