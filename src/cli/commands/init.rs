//! `lob init`: the commented template, or a proposal from files that are there.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::args::Init;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::ingest::{ColumnProfile, FileProfile, find_files, profile};
use crate::study::file::{Format, Names, Source};
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
            seen.push(seen_file(&relative(path, base), &profile(&file, &source, &bar)?));
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

fn seen_file(path: &str, p: &FileProfile) -> SeenFile {
    let column = |c: &ColumnProfile| SeenColumn {
        name: c.name.clone(),
        shape: c.shape().map(|(shape, _)| shape.to_string()),
        is_bsn: c.bsn.real().is_some(),
        words: c.categories(FEWEST).into_iter().map(|(word, n)| (word.to_string(), n)).collect(),
    };
    let format = p.dialect.format.filter(|f| *f != Format::of_name(path)).map(Format::word);
    SeenFile { path: path.to_string(), format, columns: p.columns.iter().map(column).collect(), rows: p.rows }
}
