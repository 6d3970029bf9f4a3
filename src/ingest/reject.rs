//! The ledger of rejected rows: how many, why, and where the first ones stand. Never a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Why a row can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// The text is no number.
    NotANumber,
    /// The number is not finite (NaN, ∞).
    NotFinite,
    /// The text is no date of the declared format, or no such date exists.
    NotADate,
    /// The text is no whole number of days.
    NotADay,
    /// The text is no identifier of the declared kind.
    NotAnId,
    /// The number can be read in two ways (`1.234`), and no other number of the column tells which.
    TwoNumbers,
    /// A whole number where a date is expected: Excel's count of days.
    SerialDay,
    /// A code that a spreadsheet turned into a number or a date.
    SpreadsheetDamage,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Problem::NotANumber => "is not a number (one decimal sign per column)",
            Problem::NotFinite => "is not a finite number",
            Problem::NotADate => "is not a date of the form time.date_format",
            Problem::NotADay => "is not a whole number of days",
            Problem::NotAnId => {
                "is no identifier of its kind (a person number has 9 digits; import the column as text)"
            }
            Problem::TwoNumbers => "can be read as thousands or as decimals; say `decimal` for the source",
            Problem::SerialDay => "is Excel's count of days (Excel-datumgetal), not a date; export the column as dates",
            Problem::SpreadsheetDamage => {
                "was changed by a spreadsheet; import the column as text (importeer als tekst)"
            }
        })
    }
}

/// How many rows one problem of one column took, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RejectEntry {
    /// Rows.
    pub count: u64,
    /// The first places: file name, row, masked shape of what was found.
    pub first: BTreeSet<(String, u64, String)>,
}

/// Rejected rows by source, column and problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejects(pub BTreeMap<(String, String, Problem), RejectEntry>);

const FIRST: usize = 5;

impl Rejects {
    /// Notes one rejected row.
    pub fn add(&mut self, source: &str, column: &str, problem: Problem, file: &str, row: u64, found: &str) {
        let entry = self.0.entry((source.to_string(), column.to_string(), problem)).or_default();
        entry.count += 1;
        // Rows come in order within a file, so only a place before the last kept one can enter.
        if entry.first.len() < FIRST || entry.first.last().is_some_and(|l| (l.0.as_str(), l.1) > (file, row)) {
            entry.first.insert((file.to_string(), row, masked(found)));
            if entry.first.len() > FIRST {
                entry.first.pop_last();
            }
        }
    }

    /// Adds another ledger; the result does not depend on the order of merging.
    pub fn merge(&mut self, other: Rejects) {
        for (key, entry) in other.0 {
            let mine = self.0.entry(key).or_default();
            mine.count += entry.count;
            mine.first.extend(entry.first);
            while mine.first.len() > FIRST {
                mine.first.pop_last();
            }
        }
    }

    /// All rejected rows.
    pub fn count(&self) -> u64 {
        self.0.values().map(|e| e.count).sum()
    }
}

impl fmt::Display for Rejects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((source, column, problem), entry) in &self.0 {
            writeln!(f, "  sources.{source}, column `{column}`: {} rows: the value {problem}", entry.count)?;
            for (file, row, shape) in &entry.first {
                writeln!(f, "    {file} row {row}: found the form `{shape}`")?;
            }
        }
        Ok(())
    }
}

/// The shape of a value: digits become 9, letters a, the rest stays; at most 24 characters.
///
/// ```
/// assert_eq!(lob_effect::ingest::masked("7-10-2024"), "9-99-9999");
/// ```
pub fn masked(value: &str) -> String {
    value
        .chars()
        .take(24)
        .map(|c| match c {
            c if c.is_numeric() => '9',
            c if c.is_alphabetic() => 'a',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}
