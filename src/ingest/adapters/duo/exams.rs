//! Exam candidates and passes per vo location: one wide line per location and programme → one row per school year and
//! sex. Printed pass rates are not read: beside two hidden counts they can reveal them.

use super::super::canonical::{BRIN, GEMEENTE, SCHOOL, SCHOOL_YEAR, SOURCE, may, must};
use super::super::faults::Faults;
use super::super::{Adapter, ColumnSpec, Head, Kind, Options, Reader, TableSpec};
use super::counts::{Bounds, count};
use super::table::{Line, Lines, Rows, open};
use super::values::is_brin;
use crate::ingest::files::InputFile;
use crate::ingest::{Fault, InputError};
use crate::study::file::Format;

static COLUMNS: [ColumnSpec; 15] = [
    SCHOOL,
    BRIN,
    GEMEENTE,
    must("onderwijstype", Kind::Text, "onderwijstype", "type of education"),
    must("inspectiecode", Kind::Text, "inspectiecode", "inspectorate's code of the programme"),
    may("leerweg", Kind::Text, "leerweg (BB, KB, GL, TL)", "vmbo track (BB, KB, GL, TL)"),
    may("variant", Kind::Text, "variant (leerwerktraject)", "variant (work-learning track)"),
    may("sector", Kind::Text, "sector", "sector"),
    SCHOOL_YEAR,
    must("sex", Kind::Text, "geslacht (M, V, T = totaal)", "sex (M, V, T = total)"),
    may("count_lo", Kind::Number, "kandidaten, ten minste", "candidates, at least"),
    may("count_hi", Kind::Number, "kandidaten, ten hoogste", "candidates, at most"),
    may("passed_lo", Kind::Number, "geslaagden, ten minste", "passed, at least"),
    may("passed_hi", Kind::Number, "geslaagden, ten hoogste", "passed, at most"),
    SOURCE,
];
static TABLES: [TableSpec; 1] = [TableSpec { name: "outcome", columns: &COLUMNS }];

/// Exam candidates and passes.
pub(in super::super) struct Exams;

impl Adapter for Exams {
    fn format(&self) -> Format {
        Format::DuoExamens
    }

    fn tables(&self) -> &'static [TableSpec] {
        &TABLES
    }

    fn detect(&self, head: &Head) -> bool {
        head.header.iter().any(|h| h.starts_with("EXAMENKANDIDATEN SCHOOLJAAR"))
    }

    fn claims_name(&self, name: &str) -> bool {
        name.starts_with("examenkandidaten-en-geslaagden")
    }

    fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
        open::<Wide>(&TABLES, file, options)
    }
}

/// The columns of one school year and sex.
struct Group {
    school_year: String,
    sex: &'static str,
    candidates: usize,
    passed: Option<usize>,
}

struct Wide(Vec<Group>);

/// Measure, school year and sex in a header such as `GESLAAGDEN SCHOOLJAAR 2019-2020 - MAN`.
fn measure(name: &str) -> Option<(&str, String, &'static str)> {
    let (measure, rest) = name.split_once(" SCHOOLJAAR ")?;
    let (year, sex) = rest.split_at_checked(9)?;
    let sex = match sex.trim_matches([' ', '-']) {
        "MAN" => "M",
        "VROUW" => "V",
        "ONBEKEND" => "O",
        "TOTAAL" => "T",
        _ => return None,
    };
    Some((measure, year.to_string(), sex))
}

impl Lines for Wide {
    const FORMAT: Format = Format::DuoExamens;
    const NEEDS: &'static [&'static [&'static str]] = &[
        &["INSTELLINGSCODE", "BRIN NUMMER"],
        &["VESTIGINGSCODE", "VESTIGINGSNUMMER"],
        &["INSPECTIECODE"],
        &["ONDERWIJSTYPE VO"],
    ];

    fn of(_: &InputFile, header: &[String]) -> Result<Self, InputError> {
        let find = |wanted: &str, year: &str, sex: &str| {
            header.iter().position(|h| measure(h).is_some_and(|(m, y, s)| m == wanted && y == year && s == sex))
        };
        let group = |(at, name): (usize, &String)| {
            let (measure, school_year, sex) = measure(name).filter(|m| m.0 == "EXAMENKANDIDATEN")?;
            let passed = find("GESLAAGDEN", &school_year, sex);
            debug_assert_eq!(measure, "EXAMENKANDIDATEN");
            Some(Group { school_year, sex, candidates: at, passed })
        };
        Ok(Self(header.iter().enumerate().filter_map(group).collect()))
    }

    fn rows(&self, line: &Line<'_>, faults: &mut Faults, to: &mut Rows<'_>) {
        let brin = line.cell(&["INSTELLINGSCODE", "BRIN NUMMER"]);
        let school = location(brin, line.cell(&["VESTIGINGSCODE", "VESTIGINGSNUMMER"]));
        let Some(school) = school else {
            faults.add(
                Fault::UnknownCode,
                line.row(),
                "VESTIGINGSCODE",
                brin,
                "it must be a BRIN and two digits: 98VA00",
            );
            return;
        };
        let code = line.cell(&["INSPECTIECODE"]);
        let (leerweg, variant, sector) = programme(code);
        let source = Format::DuoExamens.word();
        for group in &self.0 {
            let mut read = |at: usize, what: &str| {
                count(line.at(at)).unwrap_or_else(|()| {
                    let expected = "it must be a whole number, or `<5`";
                    faults.add(Fault::BadNumber, line.row(), what, line.at(at), expected);
                    None
                })
            };
            let candidates = read(group.candidates, "EXAMENKANDIDATEN");
            let passed = group.passed.and_then(|at| read(at, "GESLAAGDEN"));
            // Nobody took the exam: that is no pass rate of 0 %.
            let passed = passed.filter(|_| candidates.is_some_and(|c| c.hi > 0));
            to.push(&[
                (&school).into(),
                brin.into(),
                line.cell(&["GEMEENTENAAM", "GEMEENTENAAM VESTIGING"]).into(),
                line.cell(&["ONDERWIJSTYPE VO"]).into(),
                code.into(),
                leerweg.into(),
                variant.into(),
                sector.into(),
                (&group.school_year).into(),
                group.sex.into(),
                candidates.map(Bounds::lo).into(),
                candidates.map(Bounds::hi).into(),
                passed.map(Bounds::lo).into(),
                passed.map(Bounds::hi).into(),
                (&source).into(),
            ]);
        }
    }
}

/// BRIN and location number as one key; the location may or may not repeat the BRIN.
pub(super) fn location(brin: &str, location: &str) -> Option<String> {
    let number = location.strip_prefix(brin).unwrap_or(location);
    let number = if number.len() == 1 { format!("0{number}") } else { number.to_string() };
    let is_number = number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit());
    (is_brin(brin) && is_number).then(|| format!("{brin}{number}"))
}

/// Track, variant and sector of an inspectorate's code of vmbo.
fn programme(code: &str) -> (&'static str, &'static str, &'static str) {
    const SECTORS: [&str; 4] = ["techniek", "zorg_en_welzijn", "economie", "landbouw"];
    let Ok(number) = code.parse::<usize>() else { return ("", "", "") };
    let sector = |first: usize| SECTORS[number - first];
    match number {
        30..=33 => ("BB", "leerwerktraject", sector(30)),
        34..=37 => ("BB", "", sector(34)),
        38..=41 => ("KB", "", sector(38)),
        42..=45 => ("GL", "", sector(42)),
        46 => ("TL", "", ""),
        90..=93 => ("TL", "", sector(90)),
        _ => ("", "", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_old_and_new_files_are_understood() {
        let new = measure("GESLAAGDEN SCHOOLJAAR 2019-2020 - MAN");
        assert_eq!(new, Some(("GESLAAGDEN", "2019-2020".into(), "M")));
        let old = measure("EXAMENKANDIDATEN SCHOOLJAAR 2011-2012 TOTAAL");
        assert_eq!(old, Some(("EXAMENKANDIDATEN", "2011-2012".into(), "T")));
        assert_eq!(measure("OPLEIDINGSNAAM"), None);
    }

    #[test]
    fn locations_have_one_key() {
        assert_eq!(location("98VA", "98VA00").as_deref(), Some("98VA00"));
        assert_eq!(location("98VA", "01").as_deref(), Some("98VA01"));
        assert_eq!(location("98VA", "1").as_deref(), Some("98VA01"));
        assert_eq!((location("9VA", "01"), location("98VA", "x")), (None, None));
    }
}
