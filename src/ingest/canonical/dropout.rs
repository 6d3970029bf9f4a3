//! Lists of dropouts and of those who could drop out (`formats.md` §7 and §14, rule 9): definitive ones replace provisional
//! ones, a rate has one year and one status, and who is on no list and in no register is unknown.

use std::collections::{BTreeMap, BTreeSet};

use super::periods::Period;
use crate::vocab::Day;

/// How final a list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// A monthly report: when and why, never whether.
    #[default]
    Monthly,
    /// V, in February or March.
    Provisional,
    /// D, in October or November.
    Definitive,
}

impl Status {
    /// The word in the tables.
    pub fn word(self) -> &'static str {
        match self {
            Status::Monthly => "monthly",
            Status::Provisional => "provisional",
            Status::Definitive => "definitive",
        }
    }

    /// Reads the word, or DUO's letter.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "monthly" => Some(Status::Monthly),
            "provisional" | "V" | "v" => Some(Status::Provisional),
            "definitive" | "D" | "d" => Some(Status::Definitive),
            _ => None,
        }
    }
}

/// A person on a list: of dropouts (`dropout`) or of the start population (`start_pop`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Pseudonym of the pupil.
    pub pupil: String,
    /// Institution.
    pub brin: String,
    /// Year in which the school year ends.
    pub year: i16,
    /// How final the list is.
    pub status: Status,
    /// Location within the institution; empty where the list does not say so.
    pub location: String,
    /// Year and month of a monthly report, `2025-01`; empty for other lists.
    pub report: String,
    /// What else the list says.
    pub more: More,
}

/// What a list says of a person besides being on it; nothing of it decides who dropped out.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct More {
    /// Level 1 to 4, or the part of vo.
    pub level: Option<String>,
    /// `BOL`, `BBL`.
    pub track: Option<String>,
    /// Programme.
    pub crebo: Option<String>,
    /// Where (RIO).
    pub place: Option<String>,
    /// Month since which the person is gone, `202411`; monthly reports only.
    pub since_month: Option<String>,
    /// Why (`formats.md` §13), two digits; monthly reports only.
    pub reason: Option<String>,
}

/// Whom a list is of: institution, location (empty: all of them), year.
pub type Owner = (String, String, i16);

/// What remains of lists when definitive ones have replaced provisional ones of the same institution and year.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Rows that count, in order, each once.
    pub rows: Vec<Listed>,
    /// Rows of provisional lists that a definitive list replaced.
    pub replaced: u64,
    /// Rows of a person who is on the same list already.
    pub copies: u64,
    /// Rows of monthly reports that a newer one of their institution and year replaced.
    pub older: u64,
}

/// Definitive lists replace provisional ones, and of monthly reports, which say when and why and never whether, the newest one of an
/// institution and year stays: it holds everyone of those before who has not come back. `has` tells the institutions
/// and years of which a definitive list was delivered: an empty one has no rows to tell it by. A list of one location replaces
/// that location's only. Where no list is known for an institution and year, a definitive row stands for a list of all of it.
pub fn replace_provisional(rows: Vec<Listed>, has: &BTreeSet<Owner>) -> Replaced {
    let named: BTreeSet<(&str, i16)> = has.iter().map(|(brin, _, year)| (brin.as_str(), *year)).collect();
    let unnamed = rows.iter().filter(|r| r.status == Status::Definitive && !named.contains(&(r.brin.as_str(), r.year)));
    let mut definitive = has.clone();
    definitive.extend(unnamed.map(|r| (r.brin.clone(), String::new(), r.year)));
    let of = |r: &Listed, location: &str| definitive.contains(&(r.brin.clone(), location.to_string(), r.year));
    let mut newest: BTreeMap<(String, i16), String> = BTreeMap::new();
    for r in rows.iter().filter(|r| r.status == Status::Monthly) {
        let report = newest.entry((r.brin.clone(), r.year)).or_default();
        if *report < r.report {
            report.clone_from(&r.report);
        }
    }
    let mut all = Replaced::default();
    for row in rows {
        if row.status == Status::Monthly && newest[&(row.brin.clone(), row.year)] != row.report {
            all.older += 1;
        } else if row.status == Status::Provisional && (of(&row, "") || of(&row, &row.location)) {
            all.replaced += 1;
        } else {
            // One person of two locations is on the institution's list once.
            all.rows.push(Listed { location: String::new(), ..row });
        }
    }
    all.rows.sort();
    let n = all.rows.len();
    all.rows.dedup_by(|a, b| (&a.pupil, &a.brin, a.year, a.status) == (&b.pupil, &b.brin, b.year, b.status));
    all.copies = (n - all.rows.len()) as u64;
    all
}

/// Dropouts of an institution and year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Persons of the start population who are on the list of dropouts.
    pub dropouts: u64,
    /// The start population.
    pub start: u64,
    /// On the list of dropouts and not in the start population: a warning, never part of the rate.
    pub unmatched: u64,
    /// Status of both lists.
    pub status: Status,
}

/// Dropouts per institution and year, of pairs of lists of one status. A list without the other of its status gives no rate.
pub fn rates(dropouts: &[Listed], start: &[Listed]) -> BTreeMap<(String, i16), Rate> {
    let of = |rows: &[Listed]| {
        let mut by: BTreeMap<(String, i16, Status), BTreeSet<String>> = BTreeMap::new();
        for r in rows.iter().filter(|r| r.status != Status::Monthly) {
            by.entry((r.brin.clone(), r.year, r.status)).or_default().insert(r.pupil.clone());
        }
        by
    };
    let out = of(dropouts);
    let rate = |((brin, year, status), start): ((String, i16, Status), BTreeSet<String>)| {
        let none = BTreeSet::new();
        let out = out.get(&(brin.clone(), year, status)).unwrap_or(&none);
        let dropouts = out.intersection(&start).count() as u64;
        let unmatched = out.len() as u64 - dropouts;
        ((brin, year), Rate { dropouts, start: start.len() as u64, unmatched, status })
    };
    of(start).into_iter().map(rate).collect()
}

/// Whether a pupil dropped out in a school year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// On a list of dropouts and in its start population.
    Yes,
    /// In a start population and on no list of dropouts, or enrolled at the end of the year.
    No,
    /// In no supplied list and no supplied register: nothing is known, and least of all dropout.
    Unknown,
}

/// The label of a pupil for the school year that ends in `year`. `own` are the pupil's rows of each list, `periods` the pupil's
/// enrolments. A pupil of the start population who is enrolled on the last count date did not drop out, whatever a list says;
/// [`contradictions`] counts those.
pub fn label(dropouts: &[Listed], start: &[Listed], periods: &[Period], year: i16) -> Label {
    let on = |rows: &[Listed]| rows.iter().any(|r| r.year == year && r.status != Status::Monthly);
    if is_enrolled(periods, year) {
        return Label::No;
    }
    match (on(dropouts), on(start)) {
        (true, true) => Label::Yes,
        (false, true) => Label::No,
        (_, false) => Label::Unknown,
    }
}

fn is_enrolled(periods: &[Period], year: i16) -> bool {
    Day::ymd(year, 10, 1).is_some_and(|on| periods.iter().any(|p| p.is_candidate() && p.is_on(on)))
}

/// Rows of definitive lists of dropouts whose pupil is enrolled on the last count date according to the registers.
pub fn contradictions(dropouts: &[Listed], periods: &[Period]) -> u64 {
    let mut by_pupil: BTreeMap<&str, Vec<Period>> = BTreeMap::new();
    let listed: BTreeSet<&str> = dropouts.iter().map(|r| r.pupil.as_str()).collect();
    for p in periods.iter().filter(|p| listed.contains(p.pupil.as_str())) {
        by_pupil.entry(&p.pupil).or_default().push(p.clone());
    }
    let is_both = |r: &&Listed| by_pupil.get(r.pupil.as_str()).is_some_and(|own| is_enrolled(own, r.year));
    dropouts.iter().filter(|r| r.status == Status::Definitive).filter(is_both).count() as u64
}
