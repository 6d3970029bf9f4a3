//! From a study with `[ingest]` to canonical tables, one after another, handed to whoever writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::aliases::Aliases;
use super::cells::{Cell, ColumnDef, Kind, batch, schema};
use super::known::{Known, Own};
use super::ledger::{Fate, Ledger};
use super::source::{Reading, Wanted};
use super::successors::{ChainError, Successors, Transition};
use super::{activity, dropout, later, pupils};
use crate::ingest::{As, InputError, Progress, count_wants};
use crate::study::Study;
use crate::study::file::{Counts, Ingest, STAY};
use crate::vocab::{Day, OutcomeRule};

/// Takes the tables.
pub trait Sink {
    /// Why a table can't be taken.
    type Error: From<InputError>;

    /// A table begins.
    ///
    /// # Errors
    /// It can't be taken.
    fn begin(&mut self, name: &str, columns: &[ColumnDef], schema: SchemaRef) -> Result<(), Self::Error>;

    /// Rows of the table that began last.
    ///
    /// # Errors
    /// They can't be taken.
    fn rows(&mut self, rows: &RecordBatch) -> Result<(), Self::Error>;

    /// The table that began last is complete.
    ///
    /// # Errors
    /// It can't be taken.
    fn end(&mut self) -> Result<(), Self::Error>;
}

/// Builds all tables of a study and hands them to `sink`, in the order `pupil`, `stay`, `enrolment`, `diploma`, `dropout`,
/// `start_pop`, `school`, others, the numbers of `[counts]` by the name of their source, `activity`.
///
/// # Errors
/// Unreadable input, repeated keys, more rejected rows than the study allows; or the sink's own.
pub fn build<S: Sink>(
    study: &Study,
    ingest: &Ingest,
    base: &Path,
    progress: &dyn Progress,
    sink: &mut S,
) -> Result<Ledger, S::Error> {
    let mut ledger = Ledger::default();
    let none = Aliases::default();
    let aliases = Aliases::read(&Reading { study, ingest, base, progress, aliases: &none }, &mut ledger)?;
    let reading = Reading { study, ingest, base, progress, aliases: &aliases };
    let pupils::Listed { pupils: all, stays } = pupils::read(&reading, &mut ledger)?;
    let programmes = later::Programmes {
        funding: later::funding(&reading, &mut ledger)?,
        register: later::register(&reading, &mut ledger)?,
    };
    let register = &programmes.register;
    let enrolled = later::enrolments(&reading, &all, &programmes, &mut ledger)?;
    let mut diplomas = later::diplomas(&reading, &all, register, &mut ledger)?;
    diplomas.extend(enrolled.diplomas);
    let out = later::lists(&reading, "dropout", &ingest.dropout.0, &all, &mut ledger)?;
    let start = later::lists(&reading, "start_pop", &ingest.start_pop.0, &all, &mut ledger)?;
    ledger.note(
        dropout::contradictions(&out, &enrolled.periods),
        "rows of definitive lists of dropouts are of pupils whom the registers show as enrolled on that 1 October",
    );
    let unmatched = dropout::rates(&out, &start).values().map(|r| r.unmatched).sum();
    if !ingest.start_pop.0.is_empty() {
        ledger.note(unmatched, "persons on lists of dropouts are not in the start population of their list");
    }
    let successors = successors(&reading, &mut ledger)?;
    let names = school_names(&reading, &mut ledger)?;
    let crosswalk = crosswalk(&reading, &mut ledger)?;
    let own = Own::by_pupil(&enrolled.periods, &diplomas, &out, &start);
    let known = known(study, &all, &own);
    let around =
        pupils::Around { successors: &successors, school_names: &names, crosswalk: crosswalk.as_ref(), known: &known };
    let extras = pupils::extras(&reading);
    let rows = pupils::rows(&all, &around, &mut ledger);
    assert_schools_linked(&ledger)?;
    whole(sink, "pupil", &pupils::columns(&extras), &rows)?;
    if study.makes_stays() {
        whole(sink, STAY, &pupils::stay_columns(), &pupils::stay_rows(&stays, &successors)?)?;
    }
    if !ingest.enrolment.0.is_empty() {
        let rows = later::period_rows(&enrolled.periods, &diplomas, register);
        whole(sink, "enrolment", &later::period_columns(), &rows)?;
    }
    if !diplomas.is_empty() || !ingest.diploma.0.is_empty() {
        whole(sink, "diploma", &later::diploma_columns(), &later::diploma_rows(&diplomas))?;
    }
    for (name, sources, listed) in [("dropout", &ingest.dropout, &out), ("start_pop", &ingest.start_pop, &start)] {
        if !sources.0.is_empty() {
            let is_dropout = name == "dropout";
            whole(sink, name, &later::listed_columns(is_dropout), &later::listed_rows(listed, is_dropout))?;
        }
    }
    whole(sink, "school", &school_columns(), &school_rows(&all, &names, &successors))?;
    for (name, sources) in &ingest.other {
        let (columns, rows) = other(&reading, name, &sources.0, &all, &mut ledger)?;
        whole(sink, name, &columns, &rows)?;
    }
    if let Some(counts) = &study.counts {
        let (columns, rows) = count_rows(&reading, counts, &mut ledger)?;
        whole(sink, &counts.source, &columns, &rows)?;
    }
    if !ingest.activity.0.is_empty() {
        let columns = activity::columns();
        sink.begin("activity", &columns, schema(&columns))?;
        activity::stream(&reading, &all, &mut ledger, |rows| sink.rows(&rows))?;
        sink.end()?;
    }
    assert_sources_met(&ledger)?;
    let max = study.study.max_reject;
    if ledger.rejects.count() > max {
        let (count, list) = (ledger.rejects.count(), ledger.rejects.to_string());
        return Err(InputError::Rejects { count, max, list }.into());
    }
    Ok(ledger)
}

/// What is known of each pupil, up to the day up to which the study says its enrolments are complete.
fn known(study: &Study, all: &BTreeMap<String, pupils::Pupil>, own: &BTreeMap<String, Own>) -> BTreeMap<String, Known> {
    let until = study.enrolments.as_ref().and_then(|e| Day::parse(&e.known_until)).map_or(i32::MIN, |day| day.0);
    let of = |(key, own): (&String, &Own)| {
        let [_, _, landmark, _, left] = all.get(key)?.days;
        Some((key.clone(), landmark.map_or(Known::Nothing, |landmark| own.known(landmark, left, until))))
    };
    own.iter().filter_map(of).collect()
}

/// From how many pupils on a school of which nobody is found can't be chance.
const MANY: u64 = 10;

fn assert_schools_linked(ledger: &Ledger) -> Result<(), InputError> {
    if ledger.linked.values().all(|share| share.linked == 0) {
        return Ok(());
    }
    match ledger.linked.iter().find(|(_, share)| share.pupils >= MANY && share.linked == 0) {
        Some((school, share)) => Err(InputError::SchoolNotLinked { school: school.clone(), pupils: share.pupils }),
        None => Ok(()),
    }
}

/// A source of which no row belongs to a pupil has keys that are written differently.
fn assert_sources_met(ledger: &Ledger) -> Result<(), InputError> {
    for ((table, source, fate), rows) in &ledger.rows {
        let of = |fate| ledger.rows.get(&(table.clone(), source.clone(), fate)).copied().unwrap_or(0);
        if *fate == Fate::Read && of(Fate::NoKey) + of(Fate::UnknownPupil) == *rows {
            return Err(InputError::NoMatch { source_name: source.clone(), rows: *rows });
        }
    }
    Ok(())
}

fn whole<S: Sink>(sink: &mut S, name: &str, columns: &[ColumnDef], rows: &[Vec<Cell>]) -> Result<(), S::Error> {
    sink.begin(name, columns, schema(columns))?;
    sink.rows(&batch(columns, rows))?;
    sink.end()
}

/// Columns of a register of transitions.
pub(super) fn transition_columns() -> Vec<Wanted> {
    let mut wanted = ["from", "to", "whole"].map(|name| Wanted::must(name, As::Text)).to_vec();
    wanted.extend([Wanted::must("date", As::Day), Wanted::may("current", As::Text)]);
    wanted
}

/// Columns of a list of schools.
pub(super) fn name_columns() -> [Wanted; 2] {
    ["school", "school_name"].map(|name| Wanted::must(name, As::Text))
}

fn successors(reading: &Reading<'_>, ledger: &mut Ledger) -> Result<Successors, InputError> {
    let Some(source) = &reading.ingest.successors else { return Ok(Successors::default()) };
    let wanted = transition_columns();
    let mut transitions = Vec::new();
    reading.rows("school", source, false, &wanted, ledger, |row, ledger| {
        let (Some(from), Some(to), Some(date)) = (row.text(0), row.text(1), row.day(3)) else {
            return ledger.add("school", source, Fate::Incomplete, 1);
        };
        // A record that was replaced by a later one is no transition.
        if row.text(4).is_some_and(|state| state != "A") {
            return ledger.add("school", source, Fate::NotCurrent, 1);
        }
        ledger.add("school", source, Fate::Kept, 1);
        transitions.push(Transition { from, to, date, whole: row.text(2).as_deref() == Some("J") });
    })?;
    let chains = Successors::of(&transitions).map_err(|e| match e {
        ChainError::Cycle { number } => InputError::SuccessorCycle { source_name: source.clone(), number },
        ChainError::Two { number } => InputError::TwoSuccessors { source_name: source.clone(), number },
    })?;
    ledger.note(chains.split.len() as u64, "institutions were split; their schools keep the number they had");
    Ok(chains)
}

fn school_names(reading: &Reading<'_>, ledger: &mut Ledger) -> Result<BTreeMap<String, String>, InputError> {
    let wanted = name_columns();
    let mut names = BTreeMap::new();
    for source in &reading.ingest.school.0 {
        reading.rows("school", source, false, &wanted, ledger, |row, ledger| {
            let fate = match (row.text(0), row.text(1)) {
                (Some(school), Some(name)) => replaced(names.insert(school, name)),
                _ => Fate::Incomplete,
            };
            ledger.add("school", source, fate, 1);
        })?;
    }
    Ok(names)
}

/// The fate to count for a row after which the one `before` it counts no more: as many rows are kept as there are numbers.
pub(super) fn replaced<T>(before: Option<T>) -> Fate {
    if before.is_some() { Fate::ReplacedByLater } else { Fate::Kept }
}

/// Keys that the crosswalk knows; `None` without one.
fn crosswalk(reading: &Reading<'_>, ledger: &mut Ledger) -> Result<Option<BTreeSet<String>>, InputError> {
    let Some(source) = &reading.ingest.crosswalk else { return Ok(None) };
    let mut keys = BTreeSet::new();
    reading.rows("crosswalk", source, true, &[], ledger, |row, ledger| {
        let fate = match row.key() {
            Some(key) => [Fate::Copy, Fate::Kept][usize::from(keys.insert(key))],
            None => Fate::NoKey,
        };
        ledger.add("crosswalk", source, fate, 1);
    })?;
    Ok(Some(keys))
}

fn school_columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::must("school", Kind::Text),
        ColumnDef::may("school_name", Kind::Text),
        ColumnDef::may("valid_from", Kind::Day),
        ColumnDef::may("valid_to", Kind::Day),
        ColumnDef::may("successor", Kind::Text),
    ]
}

/// Every school of a pupil or a name, and every number that takes part in a transition.
fn school_rows(
    all: &BTreeMap<String, pupils::Pupil>,
    names: &BTreeMap<String, String>,
    successors: &Successors,
) -> Vec<Vec<Cell>> {
    let mut keys: BTreeSet<&String> = all.values().map(|p| &p.school).collect();
    keys.extend(names.keys());
    keys.extend(successors.schools().keys());
    let row = |key: &String| {
        let v = successors.schools().get(key).cloned().unwrap_or_default();
        vec![
            Cell::Text(key.clone()),
            Cell::text(names.get(key).cloned()),
            Cell::day(v.from),
            Cell::day(v.to),
            Cell::text(v.successor),
        ]
    };
    keys.into_iter().map(row).collect()
}

/// Columns of a table of numbers of pupils.
pub(super) fn count_columns(counts: &Counts) -> Vec<Wanted> {
    count_wants(counts).iter().map(|want| Wanted::must(&want.name, want.as_)).collect()
}

/// A table of numbers of pupils, as it is: `lob counts` reads it beside the others.
fn count_rows(
    reading: &Reading<'_>,
    counts: &Counts,
    ledger: &mut Ledger,
) -> Result<(Vec<ColumnDef>, Vec<Vec<Cell>>), InputError> {
    let (name, wanted) = (&counts.source, count_columns(counts));
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    reading.rows(name, name, false, &wanted, ledger, |row, ledger| {
        rows.push(wanted.iter().enumerate().map(|(k, w)| row.cell(k, w.as_)).collect());
        ledger.add(name, name, Fate::Kept, 1);
    })?;
    Ok((wanted.iter().map(|w| ColumnDef::may(&w.name, Kind::of(w.as_))).collect(), rows))
}

/// Columns of another table: those that the study's outcomes and `stays` name.
pub(super) fn other_columns(study: &Study, name: &str) -> Vec<Wanted> {
    let mut wanted: BTreeMap<String, As> = BTreeMap::new();
    for o in study.outcomes.iter().filter(|o| o.source.as_deref() == Some(name)) {
        wanted.extend(o.date.clone().map(|n| (n, As::Day)));
        let is_number = matches!(study.definition(o).rule, OutcomeRule::Score | OutcomeRule::Column);
        wanted.extend(o.column.clone().map(|n| (n, if is_number { As::Number } else { As::Text })));
    }
    for s in study.stays.iter().filter(|s| s.source == name) {
        wanted.extend(s.school.0.iter().map(|n| (n.clone(), As::Text)));
        wanted.insert(s.from.clone(), As::Day);
    }
    wanted.into_iter().map(|(n, as_)| Wanted::must(&n, as_)).collect()
}

/// A table of dated events or scores, or of the schools of pupils.
fn other(
    reading: &Reading<'_>,
    name: &str,
    sources: &[String],
    all: &BTreeMap<String, pupils::Pupil>,
    ledger: &mut Ledger,
) -> Result<(Vec<ColumnDef>, Vec<Vec<Cell>>), InputError> {
    let wanted = other_columns(reading.study, name);
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for source in sources {
        reading.rows(name, source, true, &wanted, ledger, |row, ledger| {
            let Some(key) = row.key() else { return ledger.add(name, source, Fate::NoKey, 1) };
            if !all.contains_key(&key) {
                return ledger.add(name, source, Fate::UnknownPupil, 1);
            }
            let cell = |(k, w): (usize, &Wanted)| row.cell(k, w.as_);
            let mut cells = vec![Cell::Text(key)];
            cells.extend(wanted.iter().enumerate().map(cell));
            rows.push(cells);
            ledger.add(name, source, Fate::Kept, 1);
        })?;
    }
    rows.sort_unstable();
    let mut columns = vec![ColumnDef::must("pupil_key", Kind::Text)];
    columns.extend(wanted.iter().map(|w| ColumnDef::may(&w.name, Kind::of(w.as_))));
    Ok((columns, rows))
}
