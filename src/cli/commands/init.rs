//! `lob init`: the commented template, or a proposal from files that are there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::args::Init;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::ingest::{ColumnProfile, FileProfile, InputError, InputFile, Progress, find_files, profile, recognise};
use crate::study::file::{Format, Names, Source};
use crate::study::guess::{Role, role};
use crate::study::propose::{SeenColumn, SeenFile, propose};
use crate::study::template::TEMPLATE;

/// A word of a column is proposed only when so many rows have it: a name of one pupil is none.
const FEWEST: u64 = 10;

pub(in crate::cli) fn execute(command: &Init, screen: &Screen) -> Result<Exit, Failure> {
    let name = command.file.display().to_string();
    let text = if command.from.is_empty() { TEMPLATE.to_string() } else { proposal(command, screen)? };
    // `create_new` fails on an existing file, so that nobody's study is overwritten.
    let mut file = File::create_new(&command.file).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::usage(format!("{name} exists already; it was left alone")),
        _ => Failure::write(&name, &e),
    })?;
    file.write_all(text.as_bytes()).map_err(|e| Failure::write(&name, &e))?;
    match command.from.is_empty() {
        true => screen.say(&format!("Wrote {name}. Fill in your files and columns, then: lob check {name}")),
        false => screen.say(&format!("Wrote {name}. Read the lines with GUESS and FILL IN, then: lob check {name}")),
    }
    Ok(Exit::Success)
}

fn proposal(command: &Init, screen: &Screen) -> Result<String, Failure> {
    let base = command.file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let bar = screen.rows("reading");
    let mut seen = Vec::new();
    for path in &command.from {
        let source = Source { files: Names(vec![path.to_string_lossy().into_owned()]), ..Source::default() };
        for file in find_files(Path::new(""), "from", &source)? {
            seen.extend(seen_in(&relative(path, base), &file, &bar)?);
        }
    }
    bar.finish();
    Ok(propose(&seen))
}

/// `path` as seen from the folder of the study file, when that is clear; else as it is.
fn relative(path: &Path, base: &Path) -> String {
    let clear = |p: &Path| std::fs::canonicalize(p).ok();
    let below = clear(path).zip(clear(base)).and_then(|(p, b)| p.strip_prefix(b).map(PathBuf::from).ok());
    below.unwrap_or_else(|| path.to_path_buf()).to_string_lossy().replace('\\', "/")
}

/// What is in a file: as one table, or for a fixed format with several tables one for each.
fn seen_in(path: &str, file: &InputFile, bar: &dyn Progress) -> Result<Vec<SeenFile>, InputError> {
    let source = Source::default();
    match profile(file, &source, bar) {
        Ok(p) => Ok(vec![seen_file(path, &p)]),
        // It has to be told which table, sheets or home pages are meant.
        Err(InputError::NoTable { .. }) => {
            let (format, tables) = recognise(file)?;
            if tables.is_empty() {
                let sheets = Source { sheets: Names(vec!["*".to_string()]), ..source };
                let seen = seen_file(path, &profile(file, &sheets, bar)?);
                return Ok(vec![SeenFile { all_sheets: true, ..seen }]);
            }
            let of = |table: &&str| SeenFile {
                path: path.to_string(),
                format: Some(format.word()),
                table: Some((*table).to_string()),
                ..SeenFile::default()
            };
            Ok(tables.iter().map(of).collect())
        }
        Err(e) => Err(e),
    }
}

fn seen_file(path: &str, p: &FileProfile) -> SeenFile {
    // A table without pupils has no words of one.
    let has_pupils = p.columns.iter().any(|c| role(&c.name) == Some(Role::Pupil) || c.bsn.real().is_some());
    let fewest = if has_pupils { FEWEST } else { 1 };
    let column = |c: &ColumnProfile| SeenColumn {
        name: c.name.clone(),
        shape: c.shape().map(|(shape, _)| shape.to_string()),
        is_bsn: c.bsn.real().is_some(),
        words: match role(&c.name) {
            // Words of other columns are nobody's business.
            Some(Role::Activity | Role::Leerweg | Role::Cohort) => {
                c.categories(fewest).into_iter().map(|(word, n)| (word.to_string(), n)).collect()
            }
            _ => BTreeMap::new(),
        },
    };
    let format = p.dialect.format.filter(|f| *f != Format::of_name(path)).map(Format::word);
    SeenFile {
        path: path.to_string(),
        format,
        columns: p.columns.iter().map(column).collect(),
        rows: p.rows,
        ..SeenFile::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Silence;

    fn proposed(name: &str, bytes: &[u8]) -> toml::Table {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), bytes).expect("writes");
        let source = Source { files: Names(vec![name.to_string()]), ..Source::default() };
        let files = find_files(folder.path(), "from", &source).expect("a file");
        let seen = seen_in(name, &files[0], &Silence).expect("is recognised");
        propose(&seen).parse().expect("TOML")
    }

    #[test]
    fn a_workbook_with_a_sheet_for_each_class_is_proposed_whole() {
        let mut book = rust_xlsxwriter::Workbook::new();
        for class in ["4a", "4b"] {
            let sheet = book.add_worksheet().set_name(class).expect("a name");
            for (c, name) in ["Stamnr", "Wanneer", "Onderdeel"].iter().enumerate() {
                sheet.write_string(0, u16::try_from(c).expect("few"), *name).expect("a cell");
                sheet.write_string(1, u16::try_from(c).expect("few"), "x").expect("a cell");
            }
        }
        let toml = proposed("dossier.xlsx", &book.save_to_buffer().expect("a workbook"));
        let sources = toml["sources"].as_table().expect("sources");
        assert!(sources.values().all(|s| s["sheets"].as_str() == Some("*")), "{sources:?}");
    }

    #[test]
    fn statements_are_proposed_with_the_home_pages_to_fill_in() {
        let toml = proposed("xapi.json", br#"[{"actor": {}, "verb": {}}]"#);
        assert_eq!(toml["sources"]["xapi_lob_event"]["table"].as_str(), Some("lob_event"));
    }
}
