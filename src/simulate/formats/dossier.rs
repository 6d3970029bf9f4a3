//! Exports of a school's loopbaandossier: registrations as CSV in Windows-1252 with Dutch names and days and a totals row, or as
//! a workbook with one sheet per class; scores of the competentiescan.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use std::collections::BTreeMap;

use super::File;
use super::person::{Person, unlisted};
use super::text::{Lines, comma, dutch, school_year};
use crate::simulate::activity::Event;

/// Code and name in the export of each activity type, in the order of `ACTIVITIES`.
pub const NAMES: [(&str, &str); 18] = [
    ("GESPR", "Gesprek mentor"),
    ("DRIEH", "Driehoeksgesprek"),
    ("STAGE", "Beroepsoriënterende stage"),
    ("STAGE_B", "Bliksemstage"),
    ("INTSTG", "Interne stage"),
    ("BEDR", "Bedrijfsbezoek"),
    ("GAST", "Gastles"),
    ("BEURS", "Beroepenmarkt"),
    ("PPO", "Praktische profieloriëntatie"),
    ("OPEND", "Open dag mbo"),
    ("MEEL", "Meeloopdag mbo"),
    ("TEST", "Interessetest"),
    ("REFL", "Reflectieverslag"),
    ("KEUZE", "Profiel- of studiekeuze"),
    ("LES", "LOB-les"),
    ("PROJ", "LOB-opdracht"),
    ("DDD", "Doorstroomdossier"),
    ("OVERIG", "Overig"),
];

/// Columns of the export, in both forms.
pub(super) const COLUMNS: [&str; 9] =
    ["Vestiging", "Leerlingnr", "Naam", "Klas", "Datum", "Activiteit", "Duur (min)", "Systeem", "Ingevoerd op"];

/// The day that Excel counts as 0 (with its leap day in 1900), in days since 1970-01-01, negated.
const EXCEL_EPOCH: i32 = 25_569;

/// One row of the export.
struct Row<'a> {
    number: String,
    class: &'a str,
    event: &'a Event,
}

impl Row<'_> {
    fn name(&self) -> &'static str {
        NAMES[usize::from(self.event.kind)].1
    }
}

/// The rows of a school: its pupils in order, then registrations of pupils that are in no list.
fn rows<'a>(persons: &'a [Person<'a>]) -> Vec<Row<'a>> {
    let Some(school) = persons.first().map(|p| p.school) else { return Vec::new() };
    let known = persons.iter().flat_map(|p| {
        let row = |event| Row { number: p.number.clone(), class: &p.class, event };
        school.activities.of_pupil[p.at].iter().map(row)
    });
    let stray = school.activities.unknown.iter();
    let stray = stray.map(|(key, event)| Row { number: unlisted(*key), class: "", event });
    known.chain(stray).collect()
}

/// The export of a school as CSV.
pub(super) fn csv(persons: &[Person<'_>]) -> Option<File> {
    let school = &persons.first()?.school.school.key;
    let rows = rows(persons);
    let mut lines = Lines::default();
    lines.plain(';', &COLUMNS);
    for row in &rows {
        let (day, entered) = (dutch(row.event.day), dutch(row.event.entered));
        // A whole number of minutes, written as the tool does: with a decimal comma.
        let minutes = row.event.minutes.map(|m| format!("{m},0")).unwrap_or_default();
        lines
            .plain(';', &[school, &row.number, "X", row.class, &day, row.name(), &minutes, row.event.source, &entered]);
    }
    let minutes: i64 = rows.iter().filter_map(|r| r.event.minutes).map(i64::from).sum();
    lines.plain(';', &["Totaal", "", "", "", "", &rows.len().to_string(), &format!("{minutes},0"), "", ""]);
    let n = rows.len() as u64;
    Some(File { name: format!("dossier/dossier_{school}.csv"), rows: n, bytes: lines.windows_1252() })
}

/// The export of a school as a workbook: one sheet per exam year and class, each with a title above its header; registrations of
/// pupils without a class on the last sheet. `None` without pupils.
///
/// # Panics
/// Never: names of sheets are short and unique, and a class has fewer rows than a sheet.
pub(super) fn xlsx(persons: &[Person<'_>]) -> Option<File> {
    let school = &persons.first()?.school.school.key;
    let rows = rows(persons);
    let year: BTreeMap<&str, i16> = persons.iter().map(|p| (p.number.as_str(), p.exam_year())).collect();
    let mut sheets: BTreeMap<String, Vec<&Row<'_>>> = BTreeMap::new();
    for row in &rows {
        let sheet = match year.get(row.number.as_str()) {
            Some(year) => format!("{} {}", school_year(*year), row.class),
            None => "zonder klas".to_string(),
        };
        sheets.entry(sheet).or_default().push(row);
    }
    let bytes = workbook(school, &sheets).expect("short unique sheet names and fewer rows than a sheet has");
    Some(File { name: format!("dossier/dossier_{school}.xlsx"), rows: rows.len() as u64, bytes })
}

fn workbook(school: &str, sheets: &BTreeMap<String, Vec<&Row<'_>>>) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // A fixed day, so that the same region gives the same bytes.
    let made = ExcelDateTime::from_ymd(2024, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let date = Format::new().set_num_format("dd-mm-yyyy");
    for (name, rows) in sheets {
        let sheet = book.add_worksheet();
        sheet.set_name(name)?;
        sheet.write_string(0, 0, format!("Loopbaandossier {name}"))?;
        for (column, header) in (0..).zip(COLUMNS) {
            sheet.write_string(1, column, header)?;
        }
        for (at, row) in (2..).zip(rows) {
            write_row(sheet, at, school, row, &date)?;
        }
    }
    book.save_to_buffer()
}

fn write_row(sheet: &mut Worksheet, at: u32, school: &str, row: &Row<'_>, date: &Format) -> Result<(), XlsxError> {
    let texts = [(0, school), (1, &row.number), (2, "X"), (3, row.class), (5, row.name()), (7, row.event.source)];
    for (column, text) in texts {
        if !text.is_empty() {
            sheet.write_string(at, column, text)?;
        }
    }
    for (column, day) in [(4, row.event.day), (8, row.event.entered)] {
        sheet.write_number_with_format(at, column, f64::from(day + EXCEL_EPOCH), date)?;
    }
    if let Some(minutes) = row.event.minutes {
        sheet.write_number(at, 6, minutes)?;
    }
    Ok(())
}

/// Scores of the competentiescan of a school, in Windows-1252 with decimal commas.
pub(super) fn scores(persons: &[Person<'_>]) -> Option<File> {
    let school = persons.first()?.school;
    let mut lines = Lines::default();
    lines.plain(';', &["Vestiging", "Leerlingnr", "Afnamedatum", "Schaal", "Score"]);
    for score in &school.scores {
        let number = &persons[score.pupil].number;
        lines.plain(';', &[&school.school.key, number, &dutch(score.day), "loopbaanreflectie", &comma(score.value)]);
    }
    let rows = lines.rows() - 1;
    Some(File { name: format!("dossier/scan_{}.csv", school.school.key), rows, bytes: lines.windows_1252() })
}
