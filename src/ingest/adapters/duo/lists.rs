//! Lists of persons with a header: NenR, NRSP, A04, A05, A14. One column map for all (`formats.md` §7, §8); columns are
//! found by name, never by position. The school year and the status come from the file name.

use std::collections::BTreeMap;

use super::super::build::{Build, Cell};
use super::super::canonical::{
    BIRTH, BRIN, CREBO, ENROL_NO, FUNDED, GEMEENTE, ID_KIND, LEVEL, LOCATION, PC4, PROVIDER, RMC, SCHOOL_YEAR, SEX,
    SOURCE, TRACK, VESTIGING, key, may, must,
};
use super::super::faults::Faults;
use super::super::{Adapter, Batches, ColumnSpec, Head, Kind, Options, Reader, TableSpec, table_of};
use super::table::batches;
use super::values::{Date, date, is_brin, is_pgn, level, padded, pc4, person, region, track, whole_number};
use crate::ingest::csv::{Form, TextFile};
use crate::ingest::files::InputFile;
use crate::ingest::records::Records;
use crate::ingest::{Dialect, Fault, InputError};
use crate::study::file::{Format, IdKind};

const STATUS: ColumnSpec = must(
    "status",
    Kind::Text,
    "status (monthly, provisional, definitive)",
    "status (monthly, provisional, definitive)",
);
const REPORT: ColumnSpec =
    may("report", Kind::Text, "rapport (maand in de bestandsnaam)", "report (month in the file name)");
const MONTH: ColumnSpec = may("report_month", Kind::Text, "rapportagemaand", "month of the report");

/// Columns of both tables, in the order in which [`Listed::cells`] gives them.
const COMMON: [ColumnSpec; 22] = [
    key(IdKind::Pgn),
    ID_KIND,
    SCHOOL_YEAR,
    STATUS,
    BRIN,
    VESTIGING,
    PROVIDER,
    LOCATION,
    LEVEL,
    TRACK,
    CREBO,
    ENROL_NO,
    REPORT,
    MONTH,
    BIRTH,
    SEX,
    PC4,
    GEMEENTE,
    RMC,
    FUNDED,
    may("exam", Kind::Text, "alleen examen (J)", "exam only (J)"),
    SOURCE,
];

static DROPOUT: [ColumnSpec; 28] = join(
    COMMON,
    [
        may("since_month", Kind::Text, "vanaf welke maand", "since which month"),
        may("leave_date", Kind::Date, "datum van uitschrijving", "date of leaving"),
        may("reason_text", Kind::Text, "reden", "reason in words"),
        may("reason", Kind::Text, "reden van uitstroom", "code of the reason"),
        may("truancy_legal", Kind::Text, "verzuim gemeld, wettelijk (J/N)", "truancy reported, legal (J/N)"),
        may("truancy_other", Kind::Text, "verzuim gemeld, niet wettelijk (J/N)", "truancy reported, not legal (J/N)"),
    ],
);
static START: [ColumnSpec; 23] =
    join(COMMON, [may("startkwalificatie", Kind::Text, "startkwalificatie (J/N)", "basic qualification (J/N)")]);
static DROPOUTS: [TableSpec; 1] = [TableSpec { name: "dropout", columns: &DROPOUT }];
static STARTS: [TableSpec; 1] = [TableSpec { name: "start_pop", columns: &START }];

const fn join<const A: usize, const B: usize, const N: usize>(
    a: [ColumnSpec; A],
    b: [ColumnSpec; B],
) -> [ColumnSpec; N] {
    assert!(A + B == N, "as many columns as both have");
    let mut all = [a[0]; N];
    let mut i = 0;
    while i < N {
        all[i] = if i < A { a[i] } else { b[i - A] };
        i += 1;
    }
    all
}

/// What a column means, and how headers name it (folded).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Bsn,
    Onr,
    Birth,
    Sex,
    Postcode,
    Gemeente,
    Rmc,
    Brin,
    BrinAgain,
    Vestiging,
    Level,
    Track,
    Crebo,
    Exam,
    Funded,
    Provider,
    Location,
    EnrolNo,
    Month,
    Since,
    Leave,
    ReasonText,
    Reason,
    TruancyLegal,
    TruancyOther,
    Startkwalificatie,
}

use Column as C;

const NAMES: &[(Column, &[&str])] = &[
    (C::Bsn, &["BURGERSERVICENUMMER", "PERSOONSGEBONDENNUMMER", "BSN_ONDERWIJSNR"]),
    (C::Onr, &["ONDERWIJSNUMMER"]),
    (C::Birth, &["GEBOORTEDATUM"]),
    (C::Sex, &["GESLACHT"]),
    (C::Postcode, &["POSTCODE", "POSTCODE_CIJFERS"]),
    (C::Gemeente, &["GEMEENTECODE", "GEMCODE"]),
    (C::Rmc, &["RMC_REGIO"]),
    (C::Brin, &["BRIN"]),
    (C::BrinAgain, &["BRIN_NR"]),
    (C::Vestiging, &["BRIN_VOLGNUMMER", "BRIN_VOLGNR"]),
    (C::Level, &["NIVEAU"]),
    (C::Track, &["LEERWEG", "ONDERWIJSSOORT"]),
    (C::Crebo, &["ONDERWIJSCODE", "ILT/CREBO", "CREBO"]),
    (C::Exam, &["EXAMEN"]),
    (C::Funded, &["IND_BEKOSTIGING"]),
    (C::Provider, &["ONDERWIJSAANBIEDERCODE", "ONDERWIJSAANBIEDER_CODE"]),
    (C::Location, &["ONDERWIJSLOCATIECODE", "ONDERWIJSLOCATIE_CODE"]),
    (C::EnrolNo, &["INSCHRIJVINGSVOLGNUMMER", "INSCHR_VLGNR"]),
    (C::Month, &["RAPPORTAGEMAAND", "RAPPORTAGE_MAAND"]),
    (C::Since, &["VANAF_WANNEER"]),
    (C::Leave, &["DATUM_UITSCHRIJVING"]),
    (C::ReasonText, &["REDEN"]),
    (C::Reason, &["REDEN_UITSTROOM"]),
    (C::TruancyLegal, &["MELDING_VERZUIM_WETTELIJK"]),
    (C::TruancyOther, &["MELDING_VERZUIM_NIET_WETTELIJK"]),
    (C::Startkwalificatie, &["INDICATIE_STARTKWALIFICATIE"]),
];

/// A name of a header as it is compared: without `#`, spaces and line ends, in capitals.
pub(in super::super) fn folded(name: &str) -> String {
    name.trim().trim_start_matches('#').split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()
}

/// School year and status that a file name tells.
struct Period {
    school_year: String,
    status: &'static str,
    /// Year and month of a monthly report: of several the newest one holds.
    report: String,
}

fn school_year(end: i32) -> String {
    format!("{}-{end}", end - 1)
}

/// `NenR2023DI27GZ.csv` and `NRSP2023V…`: the year is the end of the school year.
fn year_of_list(name: &str) -> Option<Period> {
    let name = name.to_lowercase();
    let rest = name.find("nenr").or_else(|| name.find("nrsp")).map(|at| &name[at + 4..])?;
    let year: i32 = rest.get(..4)?.parse().ok()?;
    let status = match rest.get(4..5) {
        Some("v") => "provisional",
        Some("d") => "definitive",
        _ => "unknown",
    };
    Some(Period { school_year: school_year(year), status, report: String::new() })
}

/// `202211A04I27GZ.csv`: the name's month is the newest reporting month + 1. A14 corrects the year before.
fn year_of_month(name: &str) -> Option<Period> {
    let (year, month) = month_of(name)?;
    let report = format!("{year:04}-{month:02}");
    // The month that is reported, one before: October to December begin a school year.
    let (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
    let is_correction = name.to_lowercase().get(6..9) == Some("a14");
    let end = if month >= 10 && !is_correction { year + 1 } else { year };
    Some(Period { school_year: school_year(end), status: "monthly", report })
}

fn month_of(name: &str) -> Option<(i32, i32)> {
    let stamp = name.get(..6).filter(|s| s.bytes().all(|b| b.is_ascii_digit()))?;
    let month = stamp[4..].parse().ok().filter(|m| (1..=12).contains(m))?;
    Some((stamp[..4].parse().ok()?, month))
}

/// The file's own name, also inside an archive.
fn own(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Names of the columns and their places in a file.
struct Places(BTreeMap<Column, usize>);

impl Places {
    fn of(file: &InputFile, header: &[String]) -> Result<Self, InputError> {
        let header: Vec<String> = header.iter().map(|h| folded(h)).collect();
        let place = |(column, names): &(Column, &[&str])| {
            let at = header.iter().position(|h| names.contains(&h.as_str()))?;
            Some((*column, at))
        };
        let places = Self(NAMES.iter().filter_map(place).collect());
        for (column, names) in NAMES {
            let has_other_brin = *column == C::Brin && places.0.contains_key(&C::BrinAgain);
            let is_required = matches!(column, C::Bsn | C::Birth | C::Brin | C::Level);
            if is_required && !places.0.contains_key(column) && !has_other_brin {
                return Err(InputError::NoColumn {
                    source_name: "the format".into(),
                    file: file.name.clone(),
                    column: names[0].to_string(),
                    help: format!("none of its {} columns is called so", header.len()),
                });
            }
        }
        Ok(places)
    }

    fn cell<'r>(&self, records: &'r Records, column: Column) -> &'r str {
        self.0.get(&column).map_or("", |at| records.cell(*at).trim())
    }
}

/// A list whose header is known.
struct Listed {
    text: TextFile,
    format: Format,
    spec: &'static TableSpec,
    header: Vec<String>,
    places: Places,
    period: Period,
}

/// What a row says, in canonical form.
struct Row<'r> {
    person: String,
    is_masked: bool,
    brin: String,
    vestiging: &'r str,
    level: &'static str,
    track: String,
    birth: String,
    reason: String,
    leave: Option<crate::vocab::Day>,
}

impl Listed {
    fn row<'r>(&self, records: &'r Records, faults: &mut Faults) -> Option<Row<'r>> {
        let row = records.row();
        let cell = |column: Column| self.places.cell(records, column);
        let Some(number) = person(cell(C::Bsn), cell(C::Onr)) else {
            faults.add(Fault::PersonNumber, row, "BURGERSERVICENUMMER", "", "every row has a person number");
            return None;
        };
        let (first, again) = (cell(C::Brin).to_uppercase(), cell(C::BrinAgain).to_uppercase());
        let brin = if first.is_empty() { again.clone() } else { first };
        if !is_brin(&brin) {
            faults.add(Fault::UnknownCode, row, "BRIN", &brin, "it must be a BRIN like 99ZA");
        } else if !again.is_empty() && again != brin {
            faults.add(Fault::Contradiction, row, "BRIN_NR", &again, "both columns with the BRIN must be equal");
        }
        let words = cell(C::Level);
        let known = level(words);
        if known.is_none() || words.is_empty() {
            let fault = if words.is_empty() { Fault::Required } else { Fault::UnknownCode };
            faults.add(fault, row, "NIVEAU", words, "it must be a level such as `Mbo niveau 4` or `VMBO bovenbouw`");
        }
        let level = known.unwrap_or_default();
        let (track, digit) = track(cell(C::Track));
        if digit.is_some_and(|d| !level.is_empty() && !level.starts_with(d)) {
            faults.add(Fault::Contradiction, row, "ONDERWIJSSOORT", cell(C::Track), "its digit must be the level");
        }
        Some(Row {
            person: whole_number(number),
            is_masked: !is_pgn(number),
            vestiging: vestiging(cell(C::Vestiging), &brin),
            brin,
            level,
            track,
            birth: self.date(records, C::Birth, "GEBOORTEDATUM", faults).map(Date::year_month).unwrap_or_default(),
            reason: padded(cell(C::Reason), 2),
            leave: self.date(records, C::Leave, "DATUM_UITSCHRIJVING", faults).and_then(Date::full),
        })
    }

    fn date(&self, records: &Records, column: Column, name: &str, faults: &mut Faults) -> Option<Date> {
        let cell = self.places.cell(records, column);
        let found = date(cell);
        if found.is_none() && (!cell.is_empty() || column == C::Birth) {
            let fault = if cell.is_empty() { Fault::Required } else { Fault::BadDate };
            faults.add(fault, records.row(), name, cell, "it must be a date like 02-11-2006 or 20061102");
        }
        found
    }

    fn push(&self, build: &mut Build, records: &Records, row: &Row<'_>, source: &str) {
        let cell = |column: Column| self.places.cell(records, column);
        let mut cells: Vec<Cell<'_>> = vec![
            (&row.person).into(),
            if row.is_masked { "pseudo" } else { "pgn" }.into(),
            (&self.period.school_year).into(),
            self.period.status.into(),
            (&row.brin).into(),
            row.vestiging.into(),
            cell(C::Provider).into(),
            cell(C::Location).into(),
            row.level.into(),
            (&row.track).into(),
            cell(C::Crebo).into(),
            cell(C::EnrolNo).into(),
            (&self.period.report).into(),
            cell(C::Month).into(),
            (&row.birth).into(),
            cell(C::Sex).into(),
            pc4(cell(C::Postcode)).into(),
            cell(C::Gemeente).into(),
            region(cell(C::Rmc)).into(),
            cell(C::Funded).into(),
            cell(C::Exam).into(),
            source.into(),
        ];
        if self.spec.name == "dropout" {
            let own: [Cell<'_>; 6] = [
                cell(C::Since).into(),
                row.leave.into(),
                cell(C::ReasonText).into(),
                (&row.reason).into(),
                cell(C::TruancyLegal).into(),
                cell(C::TruancyOther).into(),
            ];
            cells.extend(own);
        } else {
            cells.push(cell(C::Startkwalificatie).into());
        }
        build.push(records.row(), &cells);
    }
}

/// Two digits name a vo location; `0`, nothing or the BRIN itself name none.
fn vestiging<'c>(cell: &'c str, brin: &str) -> &'c str {
    let number = cell.strip_prefix(brin).unwrap_or(cell);
    if number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit()) { number } else { "" }
}

impl Reader for Listed {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn read<'r>(&'r self, _: usize, wanted: &[usize]) -> Result<Batches<'r>, InputError> {
        let (source, width) = (self.format.word(), self.text.header.len());
        batches(&self.text, self.spec, wanted, move |records, faults, build| {
            if records.len() < width {
                let expected = format!("the row has {} cells, the header {width}", records.len());
                faults.add(Fault::MissingCell, records.row(), "", "", expected);
            } else if let Some(row) = self.row(records, faults) {
                self.push(build, records, &row, &source);
            }
        })
    }

    fn ids(&self) -> BTreeMap<String, IdKind> {
        self.spec.ids()
    }

    fn dialect(&self) -> Dialect {
        Dialect { table: Some(self.spec.name.into()), ..Reader::dialect(&self.text) }
    }
}

fn open(
    format: Format,
    tables: &'static [TableSpec],
    year: fn(&str) -> Option<Period>,
    file: &InputFile,
    options: &Options,
) -> Result<Box<dyn Reader>, InputError> {
    let spec = table_of(tables, file, options)?;
    let text = TextFile::open(file, options, Form { format, quoting: false, totals: false })?;
    let Some(period) = year(own(&file.name)) else {
        let detail = format!(
            "the school year of a {} file stands in its name (NenR2023DI99ZA.csv, 202211A04I99ZA.csv); give it back its name",
            format.word()
        );
        return Err(InputError::WrongFormat { file: file.name.clone(), detail });
    };
    let places = Places::of(file, &text.header)?;
    Ok(Box::new(Listed { text, format, spec, header: spec.header(), places, period }))
}

macro_rules! lists {
    ($($(#[doc = $doc:literal])* $name:ident: $format:ident, $tables:ident, $year:ident, $detect:expr, $claims:expr;)*) => {$(
        $(#[doc = $doc])*
        pub(in super::super) struct $name;

        impl Adapter for $name {
            fn format(&self) -> Format {
                Format::$format
            }

            fn tables(&self) -> &'static [TableSpec] {
                &$tables
            }

            fn detect(&self, head: &Head) -> bool {
                let has = |name: &str| head.header.iter().any(|h| h == name);
                let detect: fn(&dyn Fn(&str) -> bool) -> bool = $detect;
                detect(&has)
            }

            fn claims_name(&self, name: &str) -> bool {
                let claims: fn(&str) -> bool = $claims;
                claims(name)
            }

            fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
                open(Format::$format, &$tables, $year, file, options)
            }
        }
    )*};
}

fn is_monthly(name: &str, code: &str) -> bool {
    month_of(name).is_some() && name.get(6..9) == Some(code)
}

lists! {
    /// Persons who dropped out in a school year.
    Nenr: DuoNenr, DROPOUTS, year_of_list,
        |has| has("BURGERSERVICENUMMER") && has("EXAMEN") && has("CREBO"), |name| name.starts_with("nenr");
    /// Start population of a school year.
    Nrsp: DuoNrsp, STARTS, year_of_list,
        |has| has("BURGERSERVICENUMMER") && !has("EXAMEN") && has("CREBO"), |name| name.starts_with("nrsp");
    /// Monthly start set.
    A05: DuoA05, STARTS, year_of_month, |has| has("BSN_ONDERWIJSNR"), |name| is_monthly(name, "a05");
    /// Monthly workload.
    A04: DuoA04, DROPOUTS, year_of_month,
        |has| has("PERSOONSGEBONDENNUMMER") && has("RAPPORTAGEMAAND"), |name| is_monthly(name, "a04");
    /// Corrections after the year.
    A14: DuoA14, DROPOUTS, year_of_month,
        |has| has("PERSOONSGEBONDENNUMMER") && has("RAPPORTAGEMAAND"), |name| is_monthly(name, "a14");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn school_years_come_from_the_name() {
        let month = |name| year_of_month(name).map(|p| p.school_year);
        assert_eq!(month("202211A04I99ZA.csv").as_deref(), Some("2022-2023"));
        assert_eq!(month("202310A04I99ZA.csv").as_deref(), Some("2022-2023"));
        assert_eq!(month("202301A04I99ZA.csv").as_deref(), Some("2022-2023"));
        for name in ["202311A14I99ZA.csv", "202312A14I99ZA.csv"] {
            assert_eq!(month(name).as_deref(), Some("2022-2023"), "{name}");
        }
        let list = |name| year_of_list(name).map(|p| (p.school_year, p.status));
        assert_eq!(list("NenR2023DI99ZA.csv"), Some(("2022-2023".into(), "definitive")));
        assert_eq!(list("NRSP2018.csv"), Some(("2017-2018".into(), "unknown")));
        assert!(month("lijst.csv").is_none() && list("lijst.csv").is_none());
        // `A04` in a folder or elsewhere in the name is no claim.
        assert!(!is_monthly("overzicht_a04.csv", "a04") && is_monthly("202211a04i99za.csv", "a04"));
    }

    #[test]
    fn a_location_is_two_digits() {
        assert_eq!(["01", "0", "", "99ZA", "99ZA02"].map(|c| vestiging(c, "99ZA")), ["01", "", "", "", "02"]);
    }
}
