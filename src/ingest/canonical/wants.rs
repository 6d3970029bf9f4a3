//! Which columns the canonical tables ask for of each source, so that a check can look at every cell of them.

use std::collections::BTreeMap;
use std::path::Path;

use super::aliases::Aliases;
use super::source::{Reading, Wanted, is_there};
use super::{activity, build, later, pupils};
use crate::ingest::{As, Silence, Table, Want};
use crate::study::Study;
use crate::study::file::{Ingest, Names};

/// Wanted columns by source: the pupil's key where rows have one, the columns that must be there, and of those that may be there
/// the ones that all files of the source have. A source whose files can't be opened wants what must be there.
pub fn wants(study: &Study, ingest: &Ingest, base: &Path) -> BTreeMap<String, Vec<Want>> {
    let none = Aliases::default();
    let reading = Reading { study, ingest, base, progress: &Silence, aliases: &none };
    let mut all = All { reading: &reading, wants: BTreeMap::new() };
    all.of(&ingest.pupil, true, &pupils::wanted(&reading));
    all.of(&ingest.activity, true, &activity::wanted());
    all.of(&ingest.enrolment, true, &later::enrolment_columns());
    all.of(&ingest.diploma, true, &later::result_columns());
    all.of(&ingest.dropout, true, &later::list_columns());
    all.of(&ingest.start_pop, true, &later::list_columns());
    all.of(&ingest.school, false, &build::name_columns());
    all.of(&ingest.funding, false, &later::funding_columns());
    for (name, sources) in &ingest.other {
        all.of(sources, true, &build::other_columns(study, name));
    }
    let one = |source: &Option<String>| Names(source.iter().cloned().collect());
    all.of(&one(&ingest.crosswalk), true, &[]);
    all.of(&one(&ingest.programmes), false, &later::programme_columns());
    all.of(&one(&ingest.successors), false, &build::transition_columns());
    if let Some(counts) = &study.counts {
        all.of(&one(&Some(counts.source.clone())), false, &build::count_columns(counts));
    }
    all.wants
}

struct All<'r> {
    reading: &'r Reading<'r>,
    wants: BTreeMap<String, Vec<Want>>,
}

impl All<'_> {
    fn of(&mut self, sources: &Names, is_keyed: bool, wanted: &[Wanted]) {
        let Reading { study, ingest, base, .. } = *self.reading;
        for source in &sources.0 {
            let known = Table::names(study, base, source).unwrap_or_default();
            let is_there = |w: &&Wanted| w.required || is_there(&known, &w.name, source).is_ok_and(|there| there);
            let own = self.wants.entry(source.clone()).or_default();
            let key = if is_keyed { &ingest.key.0[..] } else { &[] };
            own.extend(key.iter().map(|name| Want::new(name, As::Text)));
            own.extend(wanted.iter().filter(is_there).map(|w| Want::new(&w.name, w.as_)));
        }
    }
}
