//! How one file is written, as it was decided when it was read: part of the manifest of a run.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::study::file::{Decimal, Encoding, Format};

/// How a file is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dialect {
    /// Format by which it was read.
    pub format: Option<Format>,
    /// Table of a format that has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// `gzip`, `zip` or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packed: Option<&'static str>,
    /// Encoding of a text file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// It starts with a byte order mark.
    #[serde(skip_serializing_if = "is_false")]
    pub byte_order_mark: bool,
    /// Separator of columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// `"` is an ordinary letter, not a quote.
    #[serde(skip_serializing_if = "is_false")]
    pub unquoted: bool,
    /// Decimal sign per column in which it was looked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub decimals: BTreeMap<String, Decimal>,
    /// Form of dates per column in which it was looked for (strftime).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dates: BTreeMap<String, String>,
    /// Sheets that were read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sheets: Vec<String>,
    /// Rows at the end that hold totals and were taken off.
    #[serde(skip_serializing_if = "is_zero")]
    pub footers: u64,
    /// Control totals: what the file says and what it holds, by kind of record.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub control: BTreeMap<String, Control>,
    /// Id of the key by which the pseudonyms in it were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Records that were read and left out, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// What a reader should know, in English and without values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A control total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// What the file says.
    pub stated: u64,
    /// What it holds.
    pub found: u64,
}

impl Dialect {
    /// True when a control total does not fit: results must say "incomplete source".
    pub fn is_incomplete(&self) -> bool {
        self.control.values().any(|c| c.stated != c.found)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
