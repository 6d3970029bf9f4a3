//! One file per command.

pub(super) mod batch;
pub(super) mod cells;
pub(super) mod certify;
pub(super) mod check;
pub(super) mod completions;
pub(super) mod counts;
pub(super) mod demo;
pub(super) mod explain;
mod files_study;
pub(super) mod fit;
pub(super) mod ingest;
pub(super) mod init;
pub(super) mod key;
pub(super) mod panel;
pub(super) mod report;
pub(super) mod run;
pub(super) mod schema;
pub(super) mod simulate;

use std::path::{Path, PathBuf};

use super::exit::Failure;
use crate::models;
use crate::study::Study;

/// A study file that was read and checked.
struct Loaded {
    study: Study,
    text: String,
    base: PathBuf,
}

/// Reads and checks a study file.
fn load(path: &Path) -> Result<Loaded, Failure> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|e| Failure::usage(format!("{name}: can't read the study file: {e}")))?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{name}: the study file is not UTF-8")))?;
    let study = Study::parse(&text, &models::kinds()).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|e| format!("  {name}:{e}")).collect();
        let s = if errors.len() == 1 { "" } else { "s" };
        Failure::usage(format!("LOB-E0001 {} error{s} in the study file\n{}", errors.len(), lines.join("\n")))
    })?;
    let base = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
    Ok(Loaded { study, text, base })
}

/// Reads and checks a study whose sources are tables already.
fn load_tables(path: &Path) -> Result<Loaded, Failure> {
    let loaded = load(path)?;
    if loaded.study.ingest.is_some() {
        let name = path.display();
        return Err(Failure::usage(format!(
            "{name}: its [ingest] makes the tables that this command reads; first `lob ingest {name}`, then use the \
             study.toml beside the tables"
        )));
    }
    Ok(loaded)
}
