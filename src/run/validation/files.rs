//! The files of a source: is each there, has it its columns, what do its columns hold, can every cell be read?

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Found, Severity, findings_of};
use crate::ingest::{
    As, Batch, ColumnProfile, Dialect, FileProfile, InputError, InputFile, Progress, Range, RejectEntry, Table, Want,
    find_files, may_be_named, profile, shown_name,
};
use crate::study::file::{Names, Source};
use crate::study::{Study, near};

/// One file in the report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileReport {
    /// Source in the study.
    pub source: String,
    /// File name.
    pub file: String,
    /// Size.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// How it is written.
    pub dialect: serde_json::Value,
    /// Its columns.
    pub columns: Vec<ColumnReport>,
}

/// One column in the report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColumnReport {
    /// Its name, or the shape of it where the name may be a value.
    pub name: String,
    /// Whether the study reads it.
    pub read: bool,
    /// Type in the file.
    pub kind: String,
    /// Rows without a value.
    pub missing: u64,
    /// Shape that most cells have.
    pub shape: Option<String>,
    /// How large nearly all of its numbers are, of a column that is read as numbers.
    #[serde(default)]
    pub range: Option<Range>,
}

/// What reading a source gave.
#[derive(Default)]
pub(super) struct Read {
    pub(super) issues: Vec<Found>,
    pub(super) files: Vec<FileReport>,
    pub(super) profiles: Vec<(String, FileProfile)>,
    pub(super) is_study: bool,
    pub(super) is_environment: bool,
}

impl Read {
    fn refuse(&mut self, source: &str, error: &InputError) {
        self.is_study |= error.is_study();
        self.is_environment |= error.is_environment();
        let named = findings_of(error).into_iter();
        self.issues.extend(named.map(|f| if f.source.is_none() { f.of_source(source) } else { f }));
    }
}

/// Reads all files of a source in full.
pub(super) fn read(name: &str, source: &Source, wants: &[Want], base: &Path, progress: &dyn Progress) -> Read {
    let mut read = Read::default();
    for file in found(name, source, base, &mut read) {
        match profile(&file, source, progress) {
            Ok(mut p) => {
                let wanted = in_file(source, wants);
                p.forget_words(|column| wanted.contains(column));
                missing(name, &p, &wanted, &mut read.issues);
                watch(name, &p, &wanted, &mut read.issues);
                let numbers: Vec<Want> = wants.iter().filter(|w| w.as_ == As::Number).cloned().collect();
                read.files.push(report(name, &p, &wanted, &in_file(source, &numbers)));
                read.profiles.push((name.to_string(), p));
            }
            Err(e) => read.refuse(name, &e),
        }
    }
    read
}

/// The files of every pattern; a pattern without files does not hide the others.
fn found(name: &str, source: &Source, base: &Path, read: &mut Read) -> Vec<InputFile> {
    let mut files: Vec<InputFile> = Vec::new();
    for pattern in &source.files.0 {
        let one = Source { files: Names(vec![pattern.clone()]), ..source.clone() };
        match find_files(base, name, &one) {
            Ok(more) => files.extend(more),
            Err(e) => read.refuse(name, &e),
        }
    }
    files.sort_by(|a, b| (&a.path, &a.name).cmp(&(&b.path, &b.name)));
    files.dedup_by(|a, b| a.path == b.path && a.name == b.name);
    files
}

/// Names in the files of the columns that the study wants.
fn in_file(source: &Source, wants: &[Want]) -> BTreeSet<String> {
    let name = |w: &Want| source.rename.get(&w.name).unwrap_or(&w.name).clone();
    wants.iter().map(name).chain(source.id_school.0.iter().cloned()).collect()
}

fn missing(name: &str, p: &FileProfile, wanted: &BTreeSet<String>, issues: &mut Vec<Found>) {
    let header: Vec<String> = p.columns.iter().map(|c| c.name.clone()).collect();
    for column in wanted {
        let times = header.iter().filter(|h| *h == column).count();
        let (code, message) = match times {
            1 => continue,
            0 => {
                let help = near(column, &header).map_or_else(
                    || format!("none of its {} columns has a name like it", header.len()),
                    |n| format!("did you mean `{}`?", shown_name(n)),
                );
                ("LOB-E0105", format!("there is no column `{column}`; {help}"))
            }
            _ => ("LOB-E0115", format!("the column name `{column}` stands in it {times} times")),
        };
        issues.push(Found::new(Severity::Error, code, message).of_source(name).of_file(&p.name).of_column(column));
    }
}

/// Parts of names of columns that do not belong in a study.
const PERSONAL_NAMES: &[&str] = &[
    "achternaam",
    "voornaam",
    "roepnaam",
    "tussenv",
    "voorletters",
    "adres",
    "straat",
    "huisnummer",
    "telefoon",
    "mobiel",
    "email",
    "e-mail",
    "bsn",
    "burgerservice",
    "geboorteplaats",
    "geboorteland",
    "nationaliteit",
    "opmerking",
    "notitie",
    "toelichting",
    "reflectietekst",
    "gebruikersnaam",
    "loginaccount",
    "surname",
    "firstname",
    "first_name",
    "last_name",
];

fn watch(name: &str, p: &FileProfile, wanted: &BTreeSet<String>, issues: &mut Vec<Found>) {
    for (at, c) in p.columns.iter().enumerate() {
        let is_replaced = c.id.is_some_and(|k| k.is_personal());
        let place = |found: Found| found.of_source(name).of_file(&p.name).of_column(&column_name(p, at, wanted));
        if let Some(share) = c.bsn.real().filter(|_| !is_replaced) {
            let is_read = wanted.contains(&c.name);
            let (code, which) = if is_read {
                ("LOB-E0110", "a column")
            } else {
                ("LOB-E0132", "a column that the study does not name")
            };
            let message =
                format!("{which} holds BSN or onderwijsnummers ({share} % of its 9-digit numbers pass the 11-test)");
            issues.push(place(Found { count: c.bsn.passing_cells(), ..Found::new(Severity::Error, code, message) }));
        } else if !is_replaced && !wanted.contains(&c.name) {
            issues.extend(
                personal(c)
                    .map(|(n, what)| place(Found { count: n, ..Found::new(Severity::Warning, "LOB-E0133", what) })),
            );
        }
    }
}

/// Why a column that is not read may hold personal data.
fn personal(c: &ColumnProfile) -> Option<(u64, String)> {
    let name = c.name.to_lowercase();
    let filled = c.rows - c.missing;
    if c.emails > 0 {
        Some((c.emails, "cells look like e-mail addresses".into()))
    } else if c.sentences > 0 {
        Some((c.sentences, "cells look like free text".into()))
    } else if c.kind == "text" && c.bsn.passing_cells() > 0 {
        Some((c.bsn.passing_cells(), "cells hold a number that passes the 11-test".into()))
    } else if filled > 0 && PERSONAL_NAMES.iter().any(|word| name.contains(word)) {
        Some((filled, "its name says that it holds personal data".into()))
    } else {
        None
    }
}

/// Of pupil lists and dossiers only columns that the study names or that every such export has are told by name and shape.
fn is_told(p: &FileProfile, at: usize, wanted: &BTreeSet<String>) -> bool {
    let name = &p.columns[at].name;
    wanted.contains(name) || may_be_named(p.dialect.format, name)
}

/// A column's name as it may be shown: where no wanted column is there, the first line may be a pupil.
fn column_name(p: &FileProfile, at: usize, wanted: &BTreeSet<String>) -> String {
    let name = &p.columns[at].name;
    let has_header = p.columns.iter().any(|c| wanted.contains(&c.name));
    if wanted.contains(name) {
        name.clone()
    } else if has_header && is_told(p, at, wanted) {
        shown_name(name)
    } else {
        format!("column {}", at + 1)
    }
}

fn report(name: &str, p: &FileProfile, wanted: &BTreeSet<String>, numbers: &BTreeSet<String>) -> FileReport {
    let column = |(at, c): (usize, &ColumnProfile)| ColumnReport {
        name: column_name(p, at, wanted),
        read: wanted.contains(&c.name),
        kind: c.kind.clone(),
        missing: c.missing,
        shape: c.shape().filter(|_| is_told(p, at, wanted)).map(|(shape, _)| shape.to_string()),
        range: c.sizes.range().filter(|_| numbers.contains(&c.name)),
    };
    FileReport {
        source: name.to_string(),
        file: p.name.clone(),
        bytes: p.bytes,
        rows: p.rows,
        dialect: json_of(&p.dialect),
        columns: p.columns.iter().enumerate().map(column).collect(),
    }
}

fn json_of(dialect: &Dialect) -> serde_json::Value {
    serde_json::to_value(dialect).unwrap_or_default()
}

/// Reads every wanted cell as what it must be.
pub(super) fn convert(
    study: &Study,
    base: &Path,
    name: &str,
    wants: &[Want],
    issues: &mut Vec<Found>,
    progress: &dyn Progress,
) -> Result<(), InputError> {
    if wants.is_empty() {
        return Ok(());
    }
    let table = Table::open(study, base, name, wants)?;
    let rejects = table.for_each(progress, |_: &Batch| {})?;
    let severity = if rejects.count() > study.study.max_reject { Severity::Error } else { Severity::Warning };
    for ((source, column, problem), RejectEntry { count, first }) in &rejects.0 {
        for (i, (file, row, shape)) in first.iter().enumerate() {
            let message = format!("the value {problem}; {count} rows of this column");
            issues.push(Found {
                row: Some(*row),
                found: Some(shape.clone()),
                count: if i == 0 { *count } else { 1 },
                ..Found::new(severity, "LOB-E0108", message).of_source(source).of_file(file).of_column(column)
            });
        }
    }
    Ok(())
}
