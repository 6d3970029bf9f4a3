//! Many-to-one look-ups: a small table held in memory, found by its composite key.

use std::collections::HashMap;

use arrow::array::UInt32Array;

use super::batch::{As, Batch, Column, Want};
use super::{InputError, Rejects, Table};
use crate::study::file::Lookup;

/// A loaded look-up table.
pub(super) struct Loaded {
    rows: HashMap<Vec<u8>, u32>,
    columns: Vec<Column>,
}

impl Loaded {
    /// Reads `table`: first the `on` columns as text, then the `taken` ones as wanted. Rows that say the same of a key are one;
    /// of others the first counts where `any` of them will do.
    pub(super) fn read(
        table: &Table<'_>,
        source_name: &str,
        lookup: &Lookup,
        taken: usize,
        any: bool,
        rejects: &mut Rejects,
    ) -> Result<Self, InputError> {
        let n_on = lookup.on.0.len();
        let mut rows: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut parts: Vec<Vec<Column>> = vec![Vec::new(); taken];
        let (mut count, mut again, mut key) = (0u32, Vec::new(), Vec::new());
        rejects.merge(table.for_each(&super::Silence, |batch: &Batch| {
            for row in 0..batch.rows {
                if batch.key(0..n_on, row, &mut key) {
                    let first = *rows.entry(key.clone()).or_insert(count);
                    again.extend((first != count).then_some((first as usize, count as usize)));
                }
                count += 1;
            }
            for (part, column) in parts.iter_mut().zip(&batch.columns[n_on..]) {
                part.push(column.clone());
            }
        })?);
        let columns: Option<Vec<Column>> = parts.iter().map(|p| Column::concat(p)).collect();
        let differ = |(a, b): &&(usize, usize)| columns.iter().flatten().any(|c| !c.has_equal(*a, *b));
        let repeated = again.iter().filter(differ).count() as u64;
        if repeated > 0 && !any {
            return Err(InputError::NotUnique {
                source_name: source_name.to_string(),
                table: lookup.table.clone(),
                on: lookup.on.0.join(", "),
                rows: repeated,
            });
        }
        columns.map(|columns| Self { rows, columns }).ok_or_else(|| InputError::NoPupils {
            source_name: lookup.table.clone(),
            why: "the look-up table has no rows".into(),
        })
    }

    /// The row of each key of `batch` (columns `on`), null where there is none.
    pub(super) fn find(&self, batch: &Batch, on: std::ops::Range<usize>) -> UInt32Array {
        let mut key = Vec::new();
        (0..batch.rows)
            .map(|row| batch.key(on.clone(), row, &mut key).then(|| self.rows.get(&key).copied()).flatten())
            .collect()
    }

    /// Column `i` of `take`, at the found rows.
    pub(super) fn take(&self, i: usize, found: &UInt32Array) -> Column {
        self.columns[i].take(found)
    }
}

/// What the look-up table must hand over: its key, then the columns that are `taken`.
pub(super) fn wants_of(lookup: &Lookup, taken: &[Want]) -> Vec<Want> {
    let on = lookup.on.0.iter().map(|n| Want::new(n, As::Text));
    on.chain(taken.iter().cloned()).collect()
}
