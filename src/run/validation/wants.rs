//! Which columns a study asks for of each source, and as what. What the panel asks besides is met when it is built; here
//! all that is missing can be said at once.

use std::collections::BTreeMap;
use std::path::Path;

use crate::ingest::canonical;
use crate::ingest::{As, Want, count_wants};
use crate::study::Study;
use crate::study::file::Names;
use crate::vocab::OutcomeRule;

/// Wanted columns by source, those that a look-up brings left out and those that it needs added. Canonical tables are made of the
/// deliveries: of a study with `[ingest]` those are the sources, with the columns that the tables ask for.
pub(super) fn of(study: &Study, base: &Path) -> BTreeMap<String, Vec<Want>> {
    let all = match &study.ingest {
        Some(ingest) => canonical::wants(study, ingest, base),
        None => of_tables(study),
    };
    with_lookups(study, all)
}

fn of_tables(study: &Study) -> BTreeMap<String, Vec<Want>> {
    let mut all = Wants::default();
    pupils(study, &mut all);
    if let Some(s) = &study.stays {
        all.names(&s.source, &s.key, As::Text);
        all.names(&s.source, &s.school, As::Text);
        all.one(&s.source, Some(&s.from), As::Day);
    }
    if let Some(a) = &study.activities {
        all.names(&a.source, &a.key, As::Text);
        all.one(&a.source, Some(&a.date), As::Day);
        all.one(&a.source, a.kind.as_ref(), As::Text);
        all.one(&a.source, a.amount.as_ref(), As::Number);
        all.one(&a.source, a.entered.as_ref(), As::Day);
        all.one(&a.source, a.system.as_ref(), As::Text);
    }
    if let Some(e) = &study.enrolments {
        all.names(&e.source, &e.key, As::Text);
        [&e.from, &e.to].into_iter().for_each(|c| all.one(&e.source, Some(c), As::Day));
        all.one(&e.source, Some(&e.sector), As::Text);
        for text in [&e.programme, &e.domain, &e.institution, &e.track] {
            all.one(&e.source, text.as_ref(), As::Text);
        }
        all.one(&e.source, e.level.as_ref(), As::Number);
        all.one(&e.source, e.diploma.as_ref(), As::Day);
    }
    for o in &study.outcomes {
        let source = o.source.as_ref().unwrap_or(&study.pupils.source);
        all.names(source, &o.key, As::Text);
        if matches!(study.definition(o).rule, OutcomeRule::Event | OutcomeRule::Score) {
            all.one(source, o.date.as_ref(), As::Day);
        }
        all.one(source, o.column.as_ref(), As::Number);
    }
    if let Some(counts) = &study.counts {
        all.0.entry(counts.source.clone()).or_default().extend(count_wants(counts));
    }
    all.0
}

fn with_lookups(study: &Study, mut all: BTreeMap<String, Vec<Want>>) -> BTreeMap<String, Vec<Want>> {
    let made = study.canonical_tables();
    for (name, source) in study.sources.iter().filter(|(name, _)| !made.contains(&name.as_str())) {
        let mut taken = Vec::new();
        for lookup in &source.lookup {
            taken.extend(lookup.take.0.iter().cloned());
        }
        let own = all.entry(name.clone()).or_default();
        let moved: Vec<Want> = own.iter().filter(|w| taken.contains(&w.name)).cloned().collect();
        own.retain(|w| !taken.contains(&w.name));
        let needed = source.filter.iter().map(|f| &f.column).chain(source.lookup.iter().flat_map(|l| &l.on.0));
        own.extend(needed.map(|n| Want::new(n, As::Text)));
        for lookup in &source.lookup {
            let there = all.entry(lookup.table.clone()).or_default();
            there.extend(lookup.on.0.iter().map(|n| Want::new(n, As::Text)));
            there.extend(moved.iter().filter(|w| lookup.take.0.contains(&w.name)).cloned());
        }
    }
    for wants in all.values_mut() {
        wants.sort_by(|a, b| (&a.name, a.as_).cmp(&(&b.name, b.as_)));
        wants.dedup();
    }
    all
}

fn pupils(study: &Study, all: &mut Wants) {
    let p = &study.pupils;
    all.names(&p.source, &p.key, As::Text);
    all.names(&p.source, &p.school, As::Text);
    all.names(&p.source, p.cohort.as_ref().unwrap_or(&Names::default()), As::Text);
    all.one(&p.source, p.school_name.as_ref(), As::Text);
    for day in [&p.origin, &p.end, &p.landmark, &p.enrolled_from, &p.enrolled_to] {
        all.one(&p.source, day.as_ref(), As::Day);
    }
    all.one(&p.source, p.length.as_ref(), As::Number);
    all.one(&p.source, p.linked.as_ref().map(|l| &l.column), As::Text);
    for c in &study.covariates {
        let is_text = !c.recode.is_empty() || !c.levels.is_empty();
        all.one(&p.source, Some(c.column.as_ref().unwrap_or(&c.id)), if is_text { As::Text } else { As::Number });
    }
    for e in &study.exposures {
        all.one(&p.source, e.column.as_ref(), As::Number);
    }
}

#[derive(Default)]
struct Wants(BTreeMap<String, Vec<Want>>);

impl Wants {
    fn one(&mut self, source: &str, name: Option<&String>, as_: As) {
        self.0.entry(source.to_string()).or_default().extend(name.map(|n| Want::new(n, as_)));
    }

    fn names(&mut self, source: &str, names: &Names, as_: As) {
        names.0.iter().for_each(|n| self.one(source, Some(n), as_));
    }
}
