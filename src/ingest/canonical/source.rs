//! Reading one source for one canonical table: the columns it has of those that are wanted, row by row.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::Array;

use super::aliases::Aliases;
use super::cells::Cell;
use super::ledger::{Fate, Ledger};
use crate::ingest::{As, Batch, InputError, Progress, Table, Want};
use crate::study::Study;
use crate::study::file::Ingest;

/// A column that a canonical table takes from its sources.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub name: String,
    pub as_: As,
    pub required: bool,
    /// Columns of which each says it too: where one is there, nobody misses this one.
    pub instead: &'static [&'static str],
}

impl Wanted {
    pub fn may(name: &str, as_: As) -> Self {
        Self { name: name.into(), as_, required: false, instead: &[] }
    }

    pub fn must(name: &str, as_: As) -> Self {
        Self { name: name.into(), as_, required: true, instead: &[] }
    }

    /// A column that `instead` can stand for.
    pub fn or(self, instead: &'static [&'static str]) -> Self {
        Self { instead, ..self }
    }
}

/// Column in which formats of DUO say whether a person number is one.
const ID_KIND: &str = "id_kind";

/// What reading needs.
pub(super) struct Reading<'a> {
    pub study: &'a Study,
    pub ingest: &'a Ingest,
    pub base: &'a Path,
    pub progress: &'a dyn Progress,
    /// Keys that are another key's pupil.
    pub aliases: &'a Aliases,
}

/// A row with its columns in the order in which they were wanted.
pub(super) struct Row<'b> {
    batch: &'b Batch,
    row: usize,
    at: &'b [Option<usize>],
    aliases: &'b Aliases,
    /// Columns of the key, first in the batch.
    keys: usize,
}

impl Row<'_> {
    /// The pupil's key: its parts with a colon between them.
    pub fn key(&self) -> Option<String> {
        let part = |k: usize| self.batch.columns[k].text().get(self.row).map(|t| t.trim().replace(':', "%3A"));
        let parts: Option<Vec<String>> = (0..self.keys).map(|k| part(k).filter(|p| !p.is_empty())).collect();
        parts.map(|p| self.aliases.of(p.join(":")))
    }

    /// Wanted text `k`, trimmed; none when it is empty.
    pub fn text(&self, k: usize) -> Option<String> {
        let text = self.batch.columns[self.at[k]?].text().get(self.row)?;
        Some(text.trim().to_string()).filter(|t| !t.is_empty())
    }

    /// Wanted number `k`.
    pub fn number(&self, k: usize) -> Option<f64> {
        let column = self.batch.columns[self.at[k]?].number();
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    /// Wanted day `k`.
    pub fn day(&self, k: usize) -> Option<i32> {
        let column = self.batch.columns[self.at[k]?].day();
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    /// Wanted column `k`, which is read as `as_`.
    pub fn cell(&self, k: usize, as_: As) -> Cell {
        match as_ {
            As::Text | As::Count => Cell::text(self.text(k)),
            As::Number => Cell::number(self.number(k)),
            As::Day => Cell::day(self.day(k)),
        }
    }
}

impl Reading<'_> {
    /// Streams `source` with what it has of `wanted`; required columns it must have. Rows are counted as read.
    pub fn rows(
        &self,
        table: &str,
        source: &str,
        is_keyed: bool,
        wanted: &[Wanted],
        ledger: &mut Ledger,
        mut each: impl FnMut(&Row<'_>, &mut Ledger),
    ) -> Result<(), InputError> {
        let known = Table::names(self.study, self.base, source)?;
        let key = if is_keyed { &self.ingest.key.0[..] } else { &[] };
        let mut wants: Vec<Want> = key.iter().map(|n| Want::new(n, As::Text)).collect();
        let mut at = Vec::new();
        for w in wanted {
            let is_there = w.required || is_there(&known, &w.name, source)?;
            at.push(is_there.then_some(wants.len()));
            if is_there {
                wants.push(Want::new(&w.name, w.as_));
            }
        }
        let has = |name: &&str| wanted.iter().zip(&at).any(|(w, at)| w.name == **name && at.is_some());
        let is_missed = |w: &Wanted, at: Option<usize>| at.is_none() && !w.instead.iter().any(&has);
        let lacks: Vec<&str> =
            wanted.iter().zip(&at).filter(|(w, at)| is_missed(w, **at)).map(|(w, _)| w.name.as_str()).collect();
        let what = format!("columns that `{table}` can have are not in sources.{source}: {}", lacks.join(", "));
        ledger.note(lacks.len() as u64, &what);
        let has_kind = is_keyed && known.iter().all(|(_, words)| words.contains(ID_KIND));
        let kind_at = has_kind.then_some(wants.len());
        wants.extend(has_kind.then(|| Want::new(ID_KIND, As::Text)));
        let opened = Table::open(self.study, self.base, source, &wants)?;
        let (mut read, mut masked) = (0, 0);
        let rejects = opened.for_each(self.progress, |batch| {
            read += batch.rows as u64;
            let kind = |row: usize| batch.columns[kind_at?].text().get(row);
            masked += (0..batch.rows).filter(|row| kind(*row).as_deref() == Some("pseudo")).count() as u64;
            for row in 0..batch.rows {
                each(&Row { batch, row, at: &at, aliases: self.aliases, keys: key.len() }, ledger);
            }
        })?;
        ledger.add(table, source, Fate::Read, read);
        let what = format!("rows of sources.{source} have a masked person number, which meets no other source");
        ledger.note(masked, &what);
        ledger.rejects.merge(rejects);
        Ok(())
    }
}

/// Whether the files have a column.
///
/// # Errors
/// Some have it and another one has not: what it says would be lost for some of the rows.
pub(super) fn is_there(files: &[(String, BTreeSet<String>)], column: &str, source: &str) -> Result<bool, InputError> {
    let has = files.iter().filter(|(_, words)| words.contains(column)).count();
    let lacking = files.iter().find(|(_, words)| !words.contains(column));
    match lacking {
        Some((file, _)) if has > 0 => Err(InputError::NoColumn {
            source_name: source.to_string(),
            file: file.clone(),
            column: column.to_string(),
            help: format!("{has} other files of this source have it"),
        }),
        lacking => Ok(lacking.is_none()),
    }
}
