//! The canonical tables of later education: `enrolment`, `diploma`, `dropout`, `start_pop`.

use std::collections::{BTreeMap, BTreeSet};

use super::build::replaced;
use super::cells::{Cell, ColumnDef, Kind};
use super::diplomas::{Diploma, diplomas_of};
use super::dropout::{Listed, More, Owner, Status, replace_provisional};
use super::ledger::{Fate, Ledger};
use super::periods::{
    Delivery, Period, Programme, Register, end_periods, level_of, long_overlaps, merge_equal, newest_deliveries,
    set_levels,
};
use super::pupils::Pupil;
use super::source::{Reading, Wanted};
use crate::ingest::{As, InputError, Table};

type Pupils = BTreeMap<String, Pupil>;

/// Counts why a row has no pupil; the key of those that have one.
fn known(key: Option<String>, table: &str, source: &str, pupils: &Pupils, ledger: &mut Ledger) -> Option<String> {
    let Some(key) = key else {
        ledger.add(table, source, Fate::NoKey, 1);
        return None;
    };
    if !pupils.contains_key(&key) {
        ledger.add(table, source, Fate::UnknownPupil, 1);
        return None;
    }
    Some(key)
}

/// Columns of a register of programmes.
pub(super) fn programme_columns() -> [Wanted; 4] {
    let may = |name| Wanted::may(name, As::Text);
    [Wanted::must("crebo", As::Text), may("niveau"), may("dossier_crebo"), may("domein")]
}

/// Columns of funding data.
pub(super) fn funding_columns() -> [Wanted; 2] {
    ["crebo", "level"].map(|name| Wanted::must(name, As::Text))
}

/// The register of programmes.
pub(super) fn register(reading: &Reading<'_>, ledger: &mut Ledger) -> Result<Register, InputError> {
    let Some(source) = &reading.ingest.programmes else { return Ok(Register::new()) };
    let mut register = Register::new();
    reading.rows("programme", source, false, &programme_columns(), ledger, |row, ledger| {
        let Some(crebo) = row.text(0) else { return ledger.add("programme", source, Fate::Incomplete, 1) };
        let level = row.text(1).as_deref().and_then(level_of);
        let programme = Programme { level, dossier: row.text(2), domain: row.text(3) };
        ledger.add("programme", source, replaced(register.insert(padded(&crebo), programme)), 1);
    })?;
    Ok(register)
}

/// Levels of programmes in funding data (TBGI, BID): by crebo, where all rows agree.
pub(super) fn funding(reading: &Reading<'_>, ledger: &mut Ledger) -> Result<BTreeMap<String, u8>, InputError> {
    const TABLE: &str = "funding";
    let wanted = funding_columns();
    let mut said: BTreeMap<String, BTreeSet<u8>> = BTreeMap::new();
    for source in &reading.ingest.funding.0 {
        reading.rows(TABLE, source, false, &wanted, ledger, |row, ledger| {
            let fate = match (row.text(0), row.text(1).as_deref().and_then(level_of)) {
                (Some(crebo), Some(level)) => {
                    [Fate::Copy, Fate::Kept][usize::from(said.entry(padded(&crebo)).or_default().insert(level))]
                }
                _ => Fate::Incomplete,
            };
            ledger.add(TABLE, source, fate, 1);
        })?;
    }
    let several = said.values().filter(|levels| levels.len() > 1).count() as u64;
    ledger.note(several, "programmes have several levels in the funding data, which then say nothing of them");
    let only = |(crebo, levels): (String, BTreeSet<u8>)| Some((crebo, *levels.first().filter(|_| levels.len() == 1)?));
    Ok(said.into_iter().filter_map(only).collect())
}

/// A crebo with its leading zeros.
fn padded(crebo: &str) -> String {
    if crebo.len() < 5 && crebo.bytes().all(|b| b.is_ascii_digit()) {
        format!("{crebo:0>5}")
    } else {
        crebo.to_string()
    }
}

fn flag(text: Option<String>) -> Option<bool> {
    match text?.to_lowercase().as_str() {
        "j" | "1" | "true" | "ja" => Some(true),
        "n" | "0" | "false" | "nee" => Some(false),
        _ => None,
    }
}

/// Columns that an enrolment can have, in this order.
pub(super) fn enrolment_columns() -> Vec<Wanted> {
    let mut wanted = vec![Wanted::must("period_start", As::Day)];
    let days =
        ["period_end", "enrol_start", "enrol_planned_end", "enrol_end", "snapshot", "snapshot_until", "diploma_date"];
    wanted.extend(days.map(|name| Wanted::may(name, As::Day)));
    let texts = [
        "brin",
        "enrol_no",
        "end_reason",
        "crebo",
        "level",
        "track",
        "route_phase",
        "provider",
        "location",
        "funded",
        "sector",
    ];
    wanted.extend(texts.map(|name| Wanted::may(name, As::Text)));
    wanted
}

/// What is known of programmes.
pub(super) struct Programmes {
    /// Levels by which they were funded.
    pub funding: BTreeMap<String, u8>,
    pub register: Register,
}

/// Enrolments and the diplomas that their own rows carry.
pub(super) struct Enrolled {
    pub periods: Vec<Period>,
    pub diplomas: Vec<Diploma>,
}

/// Reads the enrolments and brings them to merged periods.
pub(super) fn enrolments(
    reading: &Reading<'_>,
    pupils: &Pupils,
    programmes: &Programmes,
    ledger: &mut Ledger,
) -> Result<Enrolled, InputError> {
    const TABLE: &str = "enrolment";
    let wanted = enrolment_columns();
    let (mut rows, mut diplomas): (Vec<(Delivery, Period)>, _) = (Vec::new(), Vec::new());
    for source in &reading.ingest.enrolment.0 {
        let sector = reading.ingest.sector.get(source).map_or("mbo", String::as_str);
        reading.rows(TABLE, source, true, &wanted, ledger, |row, ledger| {
            let Some(pupil) = known(row.key(), TABLE, source, pupils, ledger) else { return };
            let Some(start) = row.day(0) else { return ledger.add(TABLE, source, Fate::Incomplete, 1) };
            let period = Period {
                pupil: pupil.clone(),
                brin: row.text(8).unwrap_or_default(),
                // Without a number every first day is an enrolment of its own.
                number: row.text(9).unwrap_or_else(|| format!("@{start}")),
                start,
                end: row.day(1),
                enrol_start: row.day(2),
                enrol_planned_end: row.day(3),
                enrol_end: row.day(4),
                reason: row.text(10).map(|r| format!("{r:0>2}")),
                crebo: row.text(11).map(|c| padded(&c)),
                level: row.text(12).as_deref().and_then(level_of),
                track: row.text(13),
                phase: row.text(14),
                provider: row.text(15),
                location: row.text(16),
                funded: flag(row.text(17)),
                sector: row.text(18).unwrap_or_else(|| sector.to_string()),
                source: source.clone(),
            };
            if let Some(date) = row.day(7) {
                let (brin, number) = (period.brin.clone(), format!("@{date}"));
                let (enrolment, crebo) = (Some(period.number.clone()), period.crebo.clone());
                diplomas.push(Diploma { pupil, brin, number, enrolment, crebo, level: period.level, date });
            }
            let delivery = Delivery { created: row.day(5).unwrap_or(0), from: 0, to: row.day(6).unwrap_or(0) };
            rows.push((delivery, period));
        })?;
    }
    let of_all = reading.ingest.enrolment.0.join("+");
    let mut all = newest(rows, &of_all, ledger);
    let copies = end_periods(&mut all).map_err(|e| InputError::RepeatedPeriod {
        source_names: reading.ingest.enrolment.0.join(", "),
        rows: e.rows,
    })?;
    let merged = merge_equal(&mut all);
    ledger.add(TABLE, &of_all, Fate::Copy, copies);
    ledger.add(TABLE, &of_all, Fate::MergedPeriod, merged);
    ledger.add(TABLE, &of_all, Fate::Kept, all.len() as u64);
    ledger.levels = set_levels(&mut all, &programmes.funding, &programmes.register);
    let overlaps = long_overlaps(&all);
    ledger.note(
        overlaps,
        "pupils are enrolled at two institutions at once for more than 31 days; both enrolments are kept",
    );
    Ok(Enrolled { periods: all, diplomas })
}

/// The newest delivery of each enrolment, whatever source it is in.
fn newest(rows: Vec<(Delivery, Period)>, source: &str, ledger: &mut Ledger) -> Vec<Period> {
    let read = rows.len() as u64;
    let (kept, filled) = newest_deliveries(rows);
    ledger.add("enrolment", source, Fate::OlderDelivery, read - kept.len() as u64);
    ledger.note(
        filled,
        &format!("periods of sources.{source} come from older deliveries: newer ones lack their enrolment"),
    );
    kept
}

/// Columns of a list of diplomas.
pub(super) fn result_columns() -> Vec<Wanted> {
    let mut wanted = vec![Wanted::must("date", As::Day)];
    wanted.extend(["brin", "result_no", "enrol_no", "crebo", "level"].map(|name| Wanted::may(name, As::Text)));
    wanted
}

/// Reads the diplomas.
pub(super) fn diplomas(
    reading: &Reading<'_>,
    pupils: &Pupils,
    register: &Register,
    ledger: &mut Ledger,
) -> Result<Vec<Diploma>, InputError> {
    const TABLE: &str = "diploma";
    let wanted = result_columns();
    let mut all: BTreeSet<Diploma> = BTreeSet::new();
    for source in &reading.ingest.diploma.0 {
        reading.rows(TABLE, source, true, &wanted, ledger, |row, ledger| {
            let Some(pupil) = known(row.key(), TABLE, source, pupils, ledger) else { return };
            let Some(date) = row.day(0) else { return ledger.add(TABLE, source, Fate::Incomplete, 1) };
            let crebo = row.text(4).map(|c| padded(&c));
            let of_register = || register.get(crebo.as_deref()?)?.level;
            let level = row.text(5).as_deref().and_then(level_of).or_else(of_register);
            let (brin, number) = (row.text(1).unwrap_or_default(), row.text(2).unwrap_or_default());
            let is_new = all.insert(Diploma { pupil, brin, number, enrolment: row.text(3), crebo, level, date });
            ledger.add(TABLE, source, if is_new { Fate::Kept } else { Fate::Copy }, 1);
        })?;
    }
    Ok(all.into_iter().collect())
}

/// Columns of `diploma`.
pub(super) fn diploma_columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::must("pupil_key", Kind::Text),
        ColumnDef::must("brin", Kind::Text),
        ColumnDef::must("result_no", Kind::Text),
        ColumnDef::may("enrol_no", Kind::Text),
        ColumnDef::may("crebo", Kind::Text),
        ColumnDef::may("level", Kind::Int),
        ColumnDef::must("date", Kind::Day),
    ]
}

/// Rows of `diploma`, each once.
pub(super) fn diploma_rows(diplomas: &[Diploma]) -> Vec<Vec<Cell>> {
    let unique: BTreeSet<&Diploma> = diplomas.iter().collect();
    let row = |d: &Diploma| {
        vec![
            Cell::Text(d.pupil.clone()),
            Cell::Text(d.brin.clone()),
            Cell::Text(d.number.clone()),
            Cell::text(d.enrolment.clone()),
            Cell::text(d.crebo.clone()),
            Cell::int(d.level),
            Cell::Day(d.date),
        ]
    };
    unique.into_iter().map(row).collect()
}

/// Columns of `enrolment`.
pub(super) fn period_columns() -> Vec<ColumnDef> {
    let mut all = vec![
        ColumnDef::must("pupil_key", Kind::Text),
        ColumnDef::must("brin", Kind::Text),
        ColumnDef::must("enrol_no", Kind::Text),
        ColumnDef::must("period_start", Kind::Day),
    ];
    all.extend(["period_end", "enrol_start", "enrol_planned_end", "enrol_end"].map(|n| ColumnDef::may(n, Kind::Day)));
    all.extend(["end_reason", "crebo"].map(|n| ColumnDef::may(n, Kind::Text)));
    all.push(ColumnDef::may("level", Kind::Int));
    let texts = ["dossier", "domain", "track", "route_phase", "provider", "location"];
    all.extend(texts.map(|n| ColumnDef::may(n, Kind::Text)));
    all.push(ColumnDef::may("funded", Kind::Flag));
    all.push(ColumnDef::must("sector", Kind::Text));
    all.push(ColumnDef::may("diploma_date", Kind::Day));
    all.push(ColumnDef::must("source", Kind::Text));
    all
}

/// The sector of a period in the table: enrolments that aim at no diploma, exam-only ones and those that are still part of vmbo
/// are told apart, so that no outcome takes them for progression to mbo.
fn sector(p: &Period) -> &str {
    match (p.sector.as_str(), p.track.as_deref(), p.phase.as_deref()) {
        ("mbo", _, Some("VO")) => "vo",
        ("mbo", Some("EX"), _) => "mbo_extranei",
        ("mbo", Some("OVO" | "ODT"), _) => "mbo_other",
        (sector, ..) => sector,
    }
}

/// Rows of `enrolment`, with the programme's dossier and domein and the diploma of each period.
pub(super) fn period_rows(periods: &[Period], diplomas: &[Diploma], register: &Register) -> Vec<Vec<Cell>> {
    let own = diplomas_of(periods, diplomas);
    let row = |(k, p): (usize, &Period)| {
        let programme = p.crebo.as_ref().and_then(|c| register.get(c));
        let mut row = vec![
            Cell::Text(p.pupil.clone()),
            Cell::Text(p.brin.clone()),
            Cell::Text(p.number.clone()),
            Cell::Day(p.start),
        ];
        row.extend([p.end, p.enrol_start, p.enrol_planned_end, p.enrol_end].map(Cell::day));
        row.extend([Cell::text(p.reason.clone()), Cell::text(p.crebo.clone()), Cell::int(p.level)]);
        row.push(Cell::text(programme.and_then(|r| r.dossier.clone())));
        row.push(Cell::text(programme.and_then(|r| r.domain.clone())));
        row.extend([&p.track, &p.phase, &p.provider, &p.location].map(|t| Cell::text(t.clone())));
        row.push(Cell::flag(p.funded));
        row.push(Cell::Text(sector(p).to_string()));
        row.push(Cell::day(own.get(&k).map(|d| d.date)));
        row.push(Cell::Text(p.source.clone()));
        row
    };
    periods.iter().enumerate().map(row).collect()
}

/// Columns of a list of persons.
pub(super) fn list_columns() -> Vec<Wanted> {
    let mut wanted = ["brin", "school_year", "status"].map(|name| Wanted::must(name, As::Text)).to_vec();
    let more = ["vestiging", "report", "level", "track", "crebo", "location", "since_month", "reason"];
    wanted.extend(more.map(|name| Wanted::may(name, As::Text)));
    wanted
}

/// A list of `dropout` or `start_pop`.
pub(super) fn lists(
    reading: &Reading<'_>,
    table: &str,
    sources: &[String],
    pupils: &Pupils,
    ledger: &mut Ledger,
) -> Result<Vec<Listed>, InputError> {
    let wanted = list_columns();
    let (mut all, mut definitive) = (Vec::new(), BTreeSet::new());
    for source in sources {
        reading.rows(table, source, true, &wanted, ledger, |row, ledger| {
            let Some(pupil) = known(row.key(), table, source, pupils, ledger) else { return };
            let year = row.text(1).and_then(|y| y.rsplit(['-', '/']).next().and_then(|y| y.parse().ok()));
            let listed = row.text(0).zip(year).zip(row.text(2).as_deref().and_then(Status::parse));
            let Some(((brin, year), status)) = listed else { return ledger.add(table, source, Fate::Incomplete, 1) };
            let more = More {
                level: row.text(5),
                track: row.text(6),
                crebo: row.text(7).map(|c| padded(&c)),
                place: row.text(8),
                since_month: row.text(9),
                reason: row.text(10).map(|r| format!("{r:0>2}")),
            };
            let text = |k: usize| row.text(k).unwrap_or_default();
            all.push(Listed { pupil, brin, year, status, location: text(3), report: text(4), more });
        })?;
        let files = Table::open(reading.study, reading.base, source, &[])?.dialects();
        definitive.extend(files.iter().filter_map(|(name, _)| definitive_list(name)));
    }
    let of_all = sources.join("+");
    let replaced = replace_provisional(all, &definitive);
    ledger.add(table, &of_all, Fate::ReplacedByDefinitive, replaced.replaced);
    ledger.add(table, &of_all, Fate::OlderReport, replaced.older);
    ledger.add(table, &of_all, Fate::Copy, replaced.copies);
    ledger.add(table, &of_all, Fate::Kept, replaced.rows.len() as u64);
    Ok(replaced.rows)
}

/// Institution, location (all without one) and year of a definitive list, by its name (`NenR2024DI99ZA.csv`,
/// `NenR2024DI99ZA02.csv`): an empty one has no row to tell it by.
fn definitive_list(name: &str) -> Option<Owner> {
    let name = name.rsplit('/').next().unwrap_or(name).to_uppercase();
    let rest = name.strip_prefix("NENR").or_else(|| name.strip_prefix("NRSP"))?;
    let (year, rest) = rest.split_at_checked(4)?;
    let rest = rest.strip_prefix("DI")?;
    let location = rest.get(4..6).filter(|l| l.bytes().all(|b| b.is_ascii_digit())).unwrap_or_default();
    Some((rest.get(..4)?.to_string(), location.to_string(), year.parse().ok()?))
}

/// Columns of `dropout` and `start_pop`.
pub(super) fn listed_columns(is_dropout: bool) -> Vec<ColumnDef> {
    let mut all = ["pupil_key", "brin", "school_year", "status"].map(|name| ColumnDef::must(name, Kind::Text)).to_vec();
    all.extend(["location", "level", "track", "crebo"].map(|name| ColumnDef::may(name, Kind::Text)));
    if is_dropout {
        all.extend(["since_month", "reason"].map(|name| ColumnDef::may(name, Kind::Text)));
    }
    all
}

/// Rows of `dropout` and `start_pop`.
pub(super) fn listed_rows(listed: &[Listed], is_dropout: bool) -> Vec<Vec<Cell>> {
    let row = |l: &Listed| {
        let year = format!("{}-{}", l.year - 1, l.year);
        let mut row = [&l.pupil, &l.brin, &year, l.status.word()].map(|t: &str| Cell::Text(t.to_string())).to_vec();
        let More { level, track, crebo, place, since_month, reason } = &l.more;
        row.extend([place, level, track, crebo].map(|t| Cell::text(t.clone())));
        if is_dropout {
            row.extend([since_month, reason].map(|t| Cell::text(t.clone())));
        }
        row
    };
    listed.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitive_lists_are_known_by_name() {
        assert_eq!(definitive_list("NenR2024DI99ZA.csv"), Some(("99ZA".into(), String::new(), 2024)));
        assert_eq!(definitive_list("pack.zip/NRSP2024DI99ZA.csv"), Some(("99ZA".into(), String::new(), 2024)));
        assert_eq!(definitive_list("NRSP2024DI99ZA02.csv"), Some(("99ZA".into(), "02".into(), 2024)));
        assert_eq!(["NenR2024VI99ZA.csv", "x.csv", "NenR2024D"].map(definitive_list), [None, None, None]);
    }

    #[test]
    fn what_is_no_progression_to_mbo_has_another_sector() {
        let of = |track: &str, phase: Option<&str>| {
            let p = Period {
                sector: "mbo".into(),
                track: Some(track.into()),
                phase: phase.map(str::to_string),
                ..Period::default()
            };
            sector(&p).to_string()
        };
        assert_eq!([of("BOL", None), of("BBL", Some("MBO")), of("EX", None)], ["mbo", "mbo", "mbo_extranei"]);
        assert_eq!([of("BOL", Some("VO")), of("ODT", None), of("OVO", None)], ["vo", "mbo_other", "mbo_other"]);
    }
}
