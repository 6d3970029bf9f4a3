//! The canonical table `pupil`: one row per pupil, with the days of the cohort where the lists do not give them.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{Cell, ColumnDef, Kind};
use super::join::{Link, link, shares};
use super::known::Known;
use super::ledger::{Fate, Ledger};
use super::source::{Reading, Wanted};
use super::successors::Successors;
use crate::ingest::{As, InputError};
use crate::vocab::{Day, OutcomeRule};

/// Canonical name of the table.
pub(super) const TABLE: &str = "pupil";

/// A pupil on the way to the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pupil {
    pub school: String,
    pub cohort: String,
    pub year: Option<i16>,
    pub track: Option<String>,
    /// Clock start and end, landmark, enrolled from and to.
    pub days: [Option<i32>; 5],
    pub extras: Vec<Cell>,
}

const DAYS: [&str; 5] = ["clock_start", "clock_end", "landmark", "enrolled_from", "enrolled_to"];
const FROM: usize = 3;
const TO: usize = 4;

/// Columns of the pupils that the study names and that are not canonical: covariates, given doses, values, dated events.
pub(super) fn extras(reading: &Reading<'_>) -> Vec<Wanted> {
    let study = reading.study;
    let mut all: BTreeMap<String, As> = BTreeMap::new();
    for c in &study.covariates {
        let as_ = if c.recode.is_empty() && c.levels.is_empty() { As::Number } else { As::Text };
        all.insert(c.column.clone().unwrap_or_else(|| c.id.clone()), as_);
    }
    let p = &study.pupils;
    let traits = [(&p.leerweg, As::Text), (&p.sector, As::Text), (&p.birth, As::Day), (&p.age, As::Number)];
    all.extend(traits.into_iter().filter_map(|(name, as_)| Some((name.clone()?, as_))));
    all.extend(study.exposures.iter().filter_map(|e| Some((e.column.clone()?, As::Number))));
    for o in study.outcomes.iter().filter(|o| o.source.is_none()) {
        all.extend(o.date.clone().map(|name| (name, As::Day)));
        all.extend(o.cause.clone().map(|name| (name, As::Text)));
        let is_value = study.definition(o).rule == OutcomeRule::Column;
        all.extend(o.column.clone().filter(|_| is_value).map(|name| (name, As::Number)));
    }
    let ours = ["school", "school_name", "school_then", "cohort", "track", "link_status", "known_until"];
    let is_ours =
        |name: &str| ours.contains(&name) || DAYS.contains(&name) || reading.ingest.key.0.iter().any(|k| k == name);
    all.into_iter().filter(|(name, _)| !is_ours(name)).map(|(name, as_)| Wanted::must(&name, as_)).collect()
}

/// Columns that are not the study's own.
const OWN: usize = 10;

/// Columns of a pupil list, the study's own behind the others.
pub(super) fn wanted(reading: &Reading<'_>) -> Vec<Wanted> {
    let mut wanted = vec![
        Wanted::must("school", As::Text),
        Wanted::may("cohort", As::Text).or(&["school_year"]),
        Wanted::may("school_year", As::Text).or(&["cohort"]),
        Wanted::may("track", As::Text).or(&["study"]),
        Wanted::may("study", As::Text).or(&["track"]),
    ];
    // Of the days the calendar gives the first three, see `with_calendar`.
    let day = |(k, name): (usize, &&str)| {
        Wanted::may(name, As::Day).or(if k < FROM { &["cohort", "school_year"] } else { &[] })
    };
    wanted.extend(DAYS.iter().enumerate().map(day));
    debug_assert_eq!(wanted.len(), OWN);
    wanted.extend(extras(reading));
    wanted
}

/// What the pupil lists say.
pub(super) struct Listed {
    pub pupils: BTreeMap<String, Pupil>,
    /// Where the study has the schools of pupils who move made of the lists.
    pub stays: Vec<ListedStay>,
}

/// From a day on at a school, as a list of a year says it.
pub(super) struct ListedStay {
    key: String,
    from: i32,
    school: String,
    year: Option<i16>,
    source: String,
}

/// Reads the pupil lists.
pub(super) fn read(reading: &Reading<'_>, ledger: &mut Ledger) -> Result<Listed, InputError> {
    let wanted = wanted(reading);
    let mut listed: BTreeMap<String, Vec<(Pupil, String)>> = BTreeMap::new();
    let mut unread = 0;
    for source in &reading.ingest.pupil.0 {
        reading.rows(TABLE, source, true, &wanted, ledger, |row, ledger| {
            let Some(key) = row.key() else { return ledger.add(TABLE, source, Fate::NoKey, 1) };
            let Some(school) = row.text(0) else { return ledger.add(TABLE, source, Fate::Incomplete, 1) };
            let year = row.text(1).as_deref().and_then(year_of).or_else(|| row.text(2).as_deref().and_then(year_of));
            let cohort = row.text(1).filter(|c| year_of(c).is_none()).or_else(|| year.map(|y| y.to_string()));
            let track = row.text(3).or_else(|| row.text(4).as_deref().and_then(track_of).map(str::to_string));
            unread += u64::from(track.is_none() && row.text(4).is_some());
            let given = std::array::from_fn(|k| row.day(5 + k));
            let extra = |(k, w): (usize, &Wanted)| row.cell(k, w.as_);
            let extras = wanted.iter().enumerate().skip(OWN).map(extra).collect();
            let days = with_calendar(given, year);
            let pupil = Pupil { school, cohort: cohort.unwrap_or_default(), year, track, days, extras };
            let rows = listed.entry(key).or_default();
            if rows.iter().any(|(before, _)| *before == pupil) {
                return ledger.add(TABLE, source, Fate::Copy, 1);
            }
            rows.push((pupil, source.clone()));
        })?;
    }
    let (mut stays, mut spans) = (Vec::new(), BTreeMap::new());
    for (key, rows) in listed.iter().filter(|_| reading.study.makes_stays()) {
        spans.extend(span(rows.iter().map(|(pupil, _)| pupil)).map(|span| (key.clone(), span)));
        for (pupil, source) in rows {
            let stay = |from| ListedStay {
                key: key.clone(),
                from,
                school: pupil.school.clone(),
                year: pupil.year,
                source: source.clone(),
            };
            stays.extend(pupil.days[FROM].map(stay));
        }
    }
    let mut pupils = attribute(listed, ledger)?;
    for (key, (from, to)) in spans {
        if let Some(pupil) = pupils.get_mut(&key) {
            (pupil.days[FROM], pupil.days[TO]) = (Some(from), to);
        }
    }
    ledger.note(unread, "pupils have a study (`study`) in which no leerweg can be read; their `track` is empty");
    Ok(Listed { pupils, stays })
}

/// From the first day at any school to the last one at the school where the pupil came last.
fn span<'p>(rows: impl Iterator<Item = &'p Pupil> + Clone) -> Option<(i32, Option<i32>)> {
    let first = rows.clone().filter_map(|p| p.days[FROM]).min()?;
    let last = rows.max_by_key(|p| (p.days[FROM], p.year, p.days[TO]))?;
    Some((first, last.days[TO]))
}

/// Columns of the schools of pupils who move.
pub(super) fn stay_columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::must("pupil_key", Kind::Text),
        ColumnDef::must("school", Kind::Text),
        ColumnDef::must("enrolled_from", Kind::Day),
    ]
}

/// Rows of that table: schools under their newest number, and only where it is not that of the stay before.
///
/// # Errors
/// A pupil at two schools from one day on.
pub(super) fn stay_rows(stays: &[ListedStay], successors: &Successors) -> Result<Vec<Vec<Cell>>, InputError> {
    let mut schools: BTreeMap<(&str, i32), String> = BTreeMap::new();
    for stay in stays {
        let school = successors.newest(&stay.school, on_first_october(stay.year));
        let known = schools.entry((&stay.key, stay.from)).or_insert_with(|| school.clone());
        if *known != school {
            return Err(InputError::ConflictingStays { source_name: stay.source.clone(), rows: 1 });
        }
    }
    let mut rows = Vec::new();
    let mut last = None;
    for ((key, from), school) in schools {
        if last.replace((key, school.clone())) != Some((key, school.clone())) {
            rows.push(vec![Cell::Text(key.to_string()), Cell::Text(school), Cell::day(Some(from))]);
        }
    }
    Ok(rows)
}

/// One row for each pupil (F31). A pupil with several counts in the last school year, that of leaving vmbo: a year that was
/// repeated is one row more. Of several in that year the one counts that is enrolled on its 1 October, as funding has it, else
/// the one that began last.
fn attribute(
    listed: BTreeMap<String, Vec<(Pupil, String)>>,
    ledger: &mut Ledger,
) -> Result<BTreeMap<String, Pupil>, InputError> {
    let mut conflicts = BTreeMap::<String, u64>::new();
    let (mut repeated, mut moved) = (0, 0);
    let mut pupils = BTreeMap::new();
    for (key, mut rows) in listed {
        // The order of the files must not matter.
        rows.sort_by(|(a, s), (b, t)| (a.year, a.days[FROM], &a.school, s).cmp(&(b.year, b.days[FROM], &b.school, t)));
        let last = rows.iter().map(|(p, _)| p.year).max().flatten();
        let is_last = |p: &Pupil| p.year == last;
        let in_last: Vec<usize> = (0..rows.len()).filter(|k| is_last(&rows[*k].0)).collect();
        let Some(at) = counted(&in_last.iter().map(|k| &rows[*k].0).collect::<Vec<_>>()) else {
            *conflicts.entry(rows[in_last[in_last.len() - 1]].1.clone()).or_default() += in_last.len() as u64 - 1;
            continue;
        };
        let at = in_last[at];
        repeated += u64::from(in_last.len() < rows.len());
        moved += u64::from(in_last.len() > 1);
        for (k, (pupil, source)) in rows.iter().enumerate() {
            let fate = match (k == at, is_last(pupil)) {
                (true, _) => Fate::Kept,
                (_, true) => Fate::OtherEnrolment,
                (_, false) => Fate::EarlierYear,
            };
            ledger.add(TABLE, source, fate, 1);
        }
        pupils.insert(key, rows.swap_remove(at).0);
    }
    if let Some((source_name, rows)) = conflicts.into_iter().next() {
        return Err(InputError::ConflictingPupils { source_name, rows });
    }
    ledger.note(repeated, "pupils are in lists of several school years; the last one counts");
    ledger.note(moved, "pupils changed school in their last school year; each counts for the school of 1 October");
    Ok(pupils)
}

/// Place of the row that counts among rows of one school year; none where nothing tells which: rows without a first day, or two
/// that begin on the same one.
fn counted(rows: &[&Pupil]) -> Option<usize> {
    if let [_] = rows {
        return Some(0);
    }
    let from: Option<Vec<i32>> = rows.iter().map(|p| p.days[FROM]).collect();
    let from = from?;
    if from.iter().collect::<BTreeSet<_>>().len() < rows.len() {
        return None;
    }
    let on = rows[0].year.and_then(|y| Day::ymd(y - 1, 10, 1)).map(|d| d.0);
    let is_there = |k: &usize| on.is_some_and(|on| from[*k] <= on && rows[*k].days[TO].is_none_or(|to| on <= to));
    (0..rows.len()).max_by_key(|k| (is_there(k), from[*k]))
}

/// `2024` of `2024` and of `2023-2024`.
fn year_of(text: &str) -> Option<i16> {
    let year = |t: &str| t.parse::<i16>().ok().filter(|y| t.len() == 4 && (1900..=2200).contains(y));
    match text.split_once(['-', '/']) {
        Some((first, second)) => year(second).filter(|y| year(first) == Some(y - 1)),
        None => year(text),
    }
}

/// The leerweg in the name of a study: `vmbo-kb 4` → KB. Never from the name of a class.
fn track_of(study: &str) -> Option<&'static str> {
    let rest = study.trim().to_lowercase();
    let rest = rest.strip_prefix("vmbo")?.trim_start_matches(['-', ' ', '_']);
    let word: String = rest.chars().take_while(|c| c.is_alphabetic()).collect();
    [
        ("bb", "BB"),
        ("b", "BB"),
        ("bl", "BB"),
        ("kb", "KB"),
        ("k", "KB"),
        ("kl", "KB"),
        ("gl", "GL"),
        ("tl", "TL"),
        ("t", "TL"),
    ]
    .into_iter()
    .find(|(name, _)| *name == word)
    .map(|(_, code)| code)
}

/// 1 October of a school year, by the year in which it ends; before all days where the year is not known.
fn on_first_october(year: Option<i16>) -> i32 {
    year.and_then(|y| Day::ymd(y - 1, 10, 1)).map_or(i32::MIN, |d| d.0)
}

/// Days that the list does not give, from the exam year: the clock runs from 1 October of leerjaar 3 to 31 July after the exam;
/// the landmark is the day after.
fn with_calendar(given: [Option<i32>; 5], year: Option<i16>) -> [Option<i32>; 5] {
    let on = |years: i16, month, day| Day::ymd(year? + years, month, day).map(|d| d.0);
    let [start, end, landmark, from, to] = given;
    [start.or(on(-2, 10, 1)), end.or(on(0, 7, 31)), landmark.or(on(0, 8, 1)), from, to]
}

/// Columns of the table.
pub(super) fn columns(extras: &[Wanted]) -> Vec<ColumnDef> {
    let mut all = vec![
        ColumnDef::must("pupil_key", Kind::Text),
        ColumnDef::must("school", Kind::Text),
        ColumnDef::must("school_then", Kind::Text),
        ColumnDef::may("school_name", Kind::Text),
        ColumnDef::may("cohort", Kind::Text),
        ColumnDef::may("track", Kind::Text),
    ];
    all.extend(DAYS.map(|name| ColumnDef::may(name, Kind::Day)));
    all.push(ColumnDef::must("link_status", Kind::Text));
    all.push(ColumnDef::may("known_until", Kind::Day));
    all.extend(extras.iter().map(|w| ColumnDef::may(&w.name, Kind::of(w.as_))));
    all
}

/// What other tables say of pupils.
pub(super) struct Around<'a> {
    pub successors: &'a Successors,
    pub school_names: &'a BTreeMap<String, String>,
    pub crosswalk: Option<&'a BTreeSet<String>>,
    pub known: &'a BTreeMap<String, Known>,
}

/// Rows of the table, in order; shares linked go to the ledger.
pub(super) fn rows(pupils: &BTreeMap<String, Pupil>, around: &Around<'_>, ledger: &mut Ledger) -> Vec<Vec<Cell>> {
    let mut links: Vec<(String, Link)> = Vec::with_capacity(pupils.len());
    let mut rows = Vec::with_capacity(pupils.len());
    for (key, p) in pupils {
        let then = on_first_october(p.year);
        let school = around.successors.newest(&p.school, then);
        let known = around.known.get(key).copied().unwrap_or(Known::Nothing);
        let how = link(key, around.crosswalk, known);
        links.push((school.clone(), how));
        let name = around.school_names.get(&school).or_else(|| around.school_names.get(&p.school));
        let mut row = vec![
            Cell::Text(key.clone()),
            Cell::Text(school),
            Cell::Text(p.school.clone()),
            Cell::text(name.cloned()),
            Cell::text(Some(p.cohort.clone()).filter(|c| !c.is_empty())),
            Cell::text(p.track.clone()),
        ];
        row.extend(p.days.map(Cell::day));
        row.push(Cell::Text(how.word().to_string()));
        row.push(Cell::day(match known {
            Known::Until(day) => Some(day),
            Known::Nothing | Known::All => None,
        }));
        row.extend(p.extras.iter().cloned());
        rows.push(row);
    }
    ledger.linked = shares(links.iter().map(|(school, how)| (school.as_str(), *how)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_and_tracks_are_read_or_left_empty() {
        assert_eq!(["2024", "2023-2024", "2023/2024"].map(year_of), [Some(2024); 3]);
        assert_eq!(["2023-2025", "24", "x"].map(year_of), [None; 3]);
        let found = ["vmbo-kb 4", "VMBO TL", "vmbo-bl3", "vmbo-b", "4kb1", "havo 4", "vmbo-kader"].map(track_of);
        assert_eq!(found, [Some("KB"), Some("TL"), Some("BB"), Some("BB"), None, None, None]);
    }
}
