//! The canonical table `activity`, in order of pupil and day whatever the order of the files was, without holding it: the rows
//! are counted per pupil first, then read once for each group of pupils whose rows fit in memory.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;

use super::cells::{Cell, ColumnDef, Kind, batch};
use super::ledger::{Fate, Ledger};
use super::pupils::Pupil;
use super::source::{Reading, Row, Wanted};
use crate::ingest::{As, InputError};

const TABLE: &str = "activity";
/// Rows that are held at once, of about 150 bytes.
const HELD: u64 = 4_000_000;
/// Rows of a batch.
const BATCH: usize = 65_536;

/// Columns of the table.
pub(super) fn columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::must("pupil_key", Kind::Text),
        ColumnDef::must("date", Kind::Day),
        ColumnDef::may("kind", Kind::Text),
        ColumnDef::may("minutes", Kind::Number),
        ColumnDef::may("system", Kind::Text),
        ColumnDef::may("entered", Kind::Day),
    ]
}

/// Columns of a dossier.
pub(super) fn wanted() -> [Wanted; 5] {
    [
        Wanted::must("date", As::Day),
        Wanted::may("kind", As::Text),
        Wanted::may("minutes", As::Number),
        Wanted::may("system", As::Text),
        Wanted::may("entered", As::Day),
    ]
}

/// Streams the table in batches to `each`.
pub(super) fn stream<E: From<InputError>>(
    reading: &Reading<'_>,
    pupils: &BTreeMap<String, Pupil>,
    ledger: &mut Ledger,
    mut each: impl FnMut(RecordBatch) -> Result<(), E>,
) -> Result<(), E> {
    let recode = reading.study.activities.as_ref().map(|a| &a.recode);
    let mut counts: BTreeMap<&str, u64> = pupils.keys().map(|k| (k.as_str(), 0)).collect();
    let wanted = wanted();
    for source in &reading.ingest.activity.0 {
        reading.rows(TABLE, source, true, &wanted, ledger, |row, ledger| {
            let fate = match (row.key(), row.day(0)) {
                (None, _) => Fate::NoKey,
                (Some(key), day) => match (counts.get_mut(key.as_str()), day) {
                    (None, _) => Fate::UnknownPupil,
                    (_, None) => Fate::Incomplete,
                    (Some(n), Some(_)) => {
                        *n += 1;
                        Fate::Kept
                    }
                },
            };
            ledger.add(TABLE, source, fate, 1);
        })?;
    }
    let columns = columns();
    let mut copies = 0;
    for (first, last) in groups(&counts, HELD) {
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        // What is read again was counted the first time.
        let mut again = Ledger::default();
        for source in &reading.ingest.activity.0 {
            reading.rows(TABLE, source, true, &wanted, &mut again, |row, _| {
                let key = row.key().filter(|k| (first..=last).contains(&k.as_str()) && pupils.contains_key(k));
                rows.extend(key.and_then(|key| cells(key, row, recode)));
            })?;
        }
        rows.sort_unstable();
        copies += rows.windows(2).filter(|w| w[0] == w[1]).count() as u64;
        for part in rows.chunks(BATCH) {
            each(batch(&columns, part))?;
        }
    }
    ledger.note(
        copies,
        "rows of `activity` equal another row in everything; they are kept, as a pupil can do a thing twice a day",
    );
    Ok(())
}

fn cells(key: String, row: &Row<'_>, recode: Option<&BTreeMap<String, String>>) -> Option<Vec<Cell>> {
    let day = row.day(0)?;
    let kind = row.text(1).map(|kind| recode.and_then(|r| r.get(&kind)).cloned().unwrap_or(kind));
    Some(vec![
        Cell::Text(key),
        Cell::Day(day),
        Cell::text(kind),
        Cell::number(row.number(2)),
        Cell::text(row.text(3)),
        Cell::day(row.day(4)),
    ])
}

/// Groups of pupils that follow each other, first and last, each with at most `held` rows (or one pupil).
fn groups<'k>(counts: &BTreeMap<&'k str, u64>, held: u64) -> Vec<(&'k str, &'k str)> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    let mut rows = 0;
    for (key, n) in counts.iter().filter(|(_, n)| **n > 0) {
        match all.last_mut() {
            Some(group) if rows + n <= held => {
                group.1 = key;
                rows += n;
            }
            _ => {
                all.push((key, key));
                rows = *n;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_what_they_may_and_every_pupil_with_rows_once() {
        let counts = BTreeMap::from([("a", 3), ("b", 0), ("c", 2), ("d", 9), ("e", 1)]);
        assert_eq!(groups(&counts, 5), [("a", "c"), ("d", "d"), ("e", "e")]);
        assert_eq!(groups(&counts, 100), [("a", "e")]);
        assert!(groups(&BTreeMap::from([("a", 0)]), 5).is_empty());
    }
}
