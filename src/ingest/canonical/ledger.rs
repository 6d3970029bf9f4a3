//! What was read, kept and left out, with its reason; counts, never values.

use std::collections::BTreeMap;

use serde::Serialize;

use super::join::Share;
use super::periods::Levels;
use crate::ingest::Rejects;

/// What became of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Read, after filters.
    Read,
    /// In the table.
    Kept,
    /// An exact copy of another row.
    Copy,
    /// No key: empty, or not in the crosswalk.
    NoKey,
    /// The key belongs to no pupil of the table `pupil`.
    UnknownPupil,
    /// No day, school or other value without which the row says nothing.
    Incomplete,
    /// A period that goes on from the one before with nothing but another funding or place.
    MergedPeriod,
    /// A period of an older delivery of an enrolment that a newer one has.
    OlderDelivery,
    /// A row of a provisional list that a definitive one replaced.
    ReplacedByDefinitive,
    /// A row of a monthly report that a newer one of the same school year replaced.
    OlderReport,
    /// A row of a pupil list for an earlier school year than the pupil's last one.
    EarlierYear,
    /// Another enrolment of a pupil in the last school year, who counts for the school of 1 October.
    OtherEnrolment,
    /// A transition that a later record replaced.
    NotCurrent,
    /// Another row of the same number was read after it, and that one counts.
    ReplacedByLater,
}

/// Counts and findings of one `lob ingest`.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Rows by table, source and fate.
    pub rows: BTreeMap<(String, String, Fate), u64>,
    /// Rows that could not be read.
    pub rejects: Rejects,
    /// Pupils found in later education, per school.
    pub linked: BTreeMap<String, Share>,
    /// How levels of programmes were found.
    pub levels: Levels,
    /// What a user should know: counts, in English.
    pub notes: Vec<String>,
}

impl Ledger {
    /// Counts `n` rows.
    pub(super) fn add(&mut self, table: &str, source: &str, fate: Fate, n: u64) {
        if n > 0 {
            *self.rows.entry((table.to_string(), source.to_string(), fate)).or_default() += n;
        }
    }

    /// Notes `n` of something, when there is any.
    pub(super) fn note(&mut self, n: u64, what: &str) {
        let note = format!("{n} {what}");
        // A source that is read twice says it once.
        if n > 0 && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Rows of a fate over all sources of a table.
    pub fn total(&self, table: &str, fate: Fate) -> u64 {
        self.rows.iter().filter(|((t, _, f), _)| t == table && *f == fate).map(|(_, n)| n).sum()
    }

    /// As JSON: rows, linked shares, levels, notes.
    pub fn json(&self) -> serde_json::Value {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|((table, source, fate), n)| serde_json::json!({"table": table, "source": source, "fate": fate, "rows": n}))
            .collect();
        let linked: Vec<_> = self
            .linked
            .iter()
            .map(|(school, s)| {
                serde_json::json!({"school": school, "pupils": s.pupils, "linked": s.linked,
                    "not_found": s.not_found, "no_number": s.no_number})
            })
            .collect();
        let l = self.levels;
        serde_json::json!({
            "rows": rows,
            "rejected": self.rejects.count(),
            "linked": linked,
            "levels": {"funding": l.funding, "own": l.own, "register": l.register, "unknown": l.unknown,
                "conflicts": l.conflicts},
            "notes": self.notes,
        })
    }
}
