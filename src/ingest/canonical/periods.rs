//! Periods of enrolments: where one ends, which ones are the same, which delivery counts, which level a programme has
//! (`formats.md` §14, rules 6, 10 and 11).

use std::collections::{BTreeMap, BTreeSet};

use crate::vocab::Day;

/// One row of the canonical table `enrolment`: a period of an enrolment in one programme.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// Pseudonym of the pupil.
    pub pupil: String,
    /// Institution.
    pub brin: String,
    /// Number of the enrolment, unique per pupil and institution only.
    pub number: String,
    /// First day of the period.
    pub start: i32,
    /// Last day; `None` while it runs.
    pub end: Option<i32>,
    /// First day of the enrolment.
    pub enrol_start: Option<i32>,
    /// Day on which the enrolment is planned to end: never an end by itself.
    pub enrol_planned_end: Option<i32>,
    /// Last valid day of the enrolment.
    pub enrol_end: Option<i32>,
    /// Why it ended (`formats.md` §13), two digits.
    pub reason: Option<String>,
    /// Programme.
    pub crebo: Option<String>,
    /// Level 1 to 4.
    pub level: Option<u8>,
    /// `BOL`, `BBL`, `OVO`, `EX`, `ODT`.
    pub track: Option<String>,
    /// `VO` while the pupil is still in vmbo, `MBO`.
    pub phase: Option<String>,
    /// Part of the institution that teaches.
    pub provider: Option<String>,
    /// Where.
    pub location: Option<String>,
    /// Funded; `None` where the source does not say.
    pub funded: Option<bool>,
    /// `mbo`, `havo`, …
    pub sector: String,
    /// Name of the source in the study.
    pub source: String,
}

impl Period {
    /// Pupil, institution and number: an enrolment.
    pub fn enrolment(&self) -> (&str, &str, &str) {
        (&self.pupil, &self.brin, &self.number)
    }

    /// Active on that day.
    pub fn is_on(&self, day: Day) -> bool {
        self.start <= day.0 && self.end.is_none_or(|end| day.0 <= end)
    }

    /// An enrolment that can follow vmbo: with a diploma as its aim and not itself part of vmbo. In other sectors than mbo every
    /// enrolment is.
    pub fn is_candidate(&self) -> bool {
        let aims = self.track.as_deref().is_none_or(|t| ["BOL", "BBL", "BOL_DT"].contains(&t));
        self.sector != "mbo" || (aims && self.phase.as_deref() != Some("VO"))
    }

    /// Equal, whatever source it was read from.
    fn is_copy_of(&self, other: &Period) -> bool {
        *self == Period { source: self.source.clone(), ..other.clone() }
    }

    fn is_same_education(&self, other: &Period) -> bool {
        let of = |p: &Period| (p.crebo.clone(), p.track.clone(), p.phase.clone(), p.level, p.sector.clone());
        of(self) == of(other)
    }
}

/// Periods that share their pupil, institution, number and first day with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatedStart {
    /// Rows.
    pub rows: u64,
}

/// Orders periods and ends each: on the day before the next period of the same enrolment, else on the enrolment's last day, else
/// not at all. An end that the source gives stays, unless the next period starts before it. Exact copies of a row go first.
/// Returns the number of copies.
///
/// # Errors
/// Two different periods of one enrolment that start on one day: which one is right can't be known.
pub fn end_periods(periods: &mut Vec<Period>) -> Result<u64, RepeatedStart> {
    let read = periods.len();
    periods.sort();
    periods.dedup_by(|a, b| a.is_copy_of(b));
    let copies = (read - periods.len()) as u64;
    let starts = |w: &&[Period]| w[0].enrolment() == w[1].enrolment() && w[0].start == w[1].start;
    let rows = periods.windows(2).filter(starts).count() as u64;
    if rows > 0 {
        return Err(RepeatedStart { rows });
    }
    for at in 0..periods.len() {
        let next = periods.get(at + 1).filter(|n| n.enrolment() == periods[at].enrolment()).map(|n| n.start - 1);
        let own = periods[at].end.or(periods[at].enrol_end);
        periods[at].end = match (next, own) {
            (Some(next), Some(own)) => Some(next.min(own)),
            (next, own) => next.or(own),
        };
    }
    Ok(copies)
}

/// Joins periods of one enrolment that follow each other without a gap and differ in nothing but funding or place; takes
/// [`end_periods`]' order. Returns how many were joined to the one before.
pub fn merge_equal(periods: &mut Vec<Period>) -> u64 {
    let mut merged = 0;
    let mut kept: Vec<Period> = Vec::with_capacity(periods.len());
    for period in periods.drain(..) {
        match kept.last_mut() {
            Some(last)
                if last.enrolment() == period.enrolment()
                    && last.is_same_education(&period)
                    && last.end == Some(period.start - 1) =>
            {
                last.end = period.end;
                merged += 1;
            }
            _ => kept.push(period),
        }
    }
    *periods = kept;
    merged
}

/// A delivery of one institution: the days it is about, and the day it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// Day on which it was made.
    pub created: i32,
    /// First day it is about.
    pub from: i32,
    /// Last day.
    pub to: i32,
}

/// Of several deliveries of one institution the newest counts; an older one only adds enrolments that no newer one has.
/// Returns the periods that count and how many came from older deliveries.
pub fn newest_deliveries(rows: Vec<(Delivery, Period)>) -> (Vec<Period>, u64) {
    let mut by_enrolment: BTreeMap<(String, String, String), Vec<(Delivery, Period)>> = BTreeMap::new();
    let mut newest: BTreeMap<String, Delivery> = BTreeMap::new();
    for (delivery, period) in rows {
        let of_brin = newest.entry(period.brin.clone()).or_insert(delivery);
        *of_brin = (*of_brin).max(delivery);
        let (pupil, brin, number) = period.enrolment();
        by_enrolment.entry((pupil.into(), brin.into(), number.into())).or_default().push((delivery, period));
    }
    let (mut kept, mut filled) = (Vec::new(), 0);
    for ((_, brin, _), rows) in by_enrolment {
        let last = rows.iter().map(|(d, _)| *d).max().expect("an enrolment has a row");
        let own = rows.into_iter().filter(|(d, _)| *d == last).map(|(_, p)| p);
        let before = kept.len();
        kept.extend(own);
        filled += if last < newest[&brin] { (kept.len() - before) as u64 } else { 0 };
    }
    (kept, filled)
}

/// Days for which two enrolments of a pupil at two institutions may overlap: a change of institution is not done in a day.
pub const OVERLAP: i32 = 31;

/// Pupils enrolled at two institutions at once for more than [`OVERLAP`] days. Both enrolments stay; an outcome counts once.
pub fn long_overlaps(periods: &[Period]) -> u64 {
    let mut by_pupil: BTreeMap<&str, Vec<&Period>> = BTreeMap::new();
    for period in periods.iter().filter(|p| p.sector == "mbo") {
        by_pupil.entry(&period.pupil).or_default().push(period);
    }
    let overlaps = |a: &Period, b: &Period| {
        let end = |p: &Period| p.end.unwrap_or(i32::MAX);
        a.brin != b.brin && i64::from(end(a).min(end(b))) - i64::from(a.start.max(b.start)) >= i64::from(OVERLAP)
    };
    let has = |own: &&Vec<&Period>| own.iter().enumerate().any(|(i, a)| own[i + 1..].iter().any(|b| overlaps(a, b)));
    by_pupil.values().filter(has).count() as u64
}

/// What a register says of a programme.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programme {
    /// Level 1 to 4; dossiers and domains have none.
    pub level: Option<u8>,
    /// Number of the dossier.
    pub dossier: Option<String>,
    /// Name of the domein; entree has none.
    pub domain: Option<String>,
}

/// Programmes by crebo.
pub type Register = BTreeMap<String, Programme>;

/// How levels were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Periods whose level came from funding data (TBGI, BID).
    pub funding: u64,
    /// From the enrolment itself.
    pub own: u64,
    /// From the register.
    pub register: u64,
    /// Mbo periods without a level: their crebo is in no source.
    pub unknown: u64,
    /// Periods of which two sources say different things; the more trusted one was taken.
    pub conflicts: u64,
}

/// Gives each mbo period its level. Funding data are trusted most, then the period itself, then the register; a crebo that nobody
/// knows has no level, it is never guessed.
pub fn set_levels(periods: &mut [Period], funding: &BTreeMap<String, u8>, register: &Register) -> Levels {
    let mut found = Levels::default();
    for period in periods.iter_mut().filter(|p| p.sector == "mbo") {
        let crebo = period.crebo.as_deref().unwrap_or_default();
        let said = [funding.get(crebo).copied(), period.level, register.get(crebo).and_then(|p| p.level)];
        let different: BTreeSet<u8> = said.into_iter().flatten().collect();
        found.conflicts += u64::from(different.len() > 1);
        match said {
            [Some(_), ..] => found.funding += 1,
            [None, Some(_), _] => found.own += 1,
            [None, None, Some(_)] => found.register += 1,
            _ => found.unknown += 1,
        }
        period.level = said.into_iter().flatten().next();
    }
    found
}

/// Level in a source's words: `MBO-3`, `Mbo3 opleidingen`, `Mbo3 opleidinge`, `Mbo niveau 3`, `3`.
pub fn level_of(text: &str) -> Option<u8> {
    let text = text.trim().to_lowercase();
    let rest = text.strip_prefix("mbo").unwrap_or(&text).trim_start_matches(['-', ' ']);
    let rest = rest.strip_prefix("niveau").unwrap_or(rest).trim_start();
    let mut letters = rest.chars();
    let level = letters.next()?.to_digit(10).filter(|n| (1..=4).contains(n))?;
    let is_end = letters.next().is_none_or(|c| !c.is_ascii_digit());
    is_end.then_some(level as u8)
}
