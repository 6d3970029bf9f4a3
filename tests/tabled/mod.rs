//! One source of a small study, read the way the panel reads it: types, rejects and what was found out about the file.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::path::Path;

use lob_effect::ingest::{As, Batch, Dialect, InputError, Rejects, Silence, Table, Want};
use lob_effect::models;
use lob_effect::study::Study;

use crate::small;

/// What came out of a source.
#[derive(Debug)]
pub struct Tabled {
    pub batches: Vec<Batch>,
    pub rejects: Rejects,
    pub dialects: Vec<(String, Dialect)>,
}

impl Tabled {
    /// Texts of a wanted column.
    pub fn texts(&self, column: usize) -> Vec<Option<String>> {
        self.batches.iter().flat_map(|b| (0..b.rows).map(|row| b.columns[column].text().get(row))).collect()
    }

    /// Numbers of a wanted column.
    pub fn numbers(&self, column: usize) -> Vec<Option<f64>> {
        self.batches.iter().flat_map(|b| b.columns[column].number().iter().collect::<Vec<_>>()).collect()
    }

    /// Days of a wanted column, as dates.
    pub fn dates(&self, column: usize) -> Vec<String> {
        let date = |day: Option<i32>| {
            day.and_then(|d| lob_effect::vocab::Day(d).date()).map_or_else(String::new, |d| d.to_string())
        };
        self.batches.iter().flat_map(|b| b.columns[column].day().iter().map(date).collect::<Vec<_>>()).collect()
    }

    /// Rows that were read.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(|b| b.rows).sum()
    }
}

/// A study whose source `leerling` is `files` with further keys.
pub fn study(files: &str, keys: &str) -> Study {
    let pupils = "files = \"leerling.csv\"\nlookup = [{ table = \"school\", on = \"school\", take = \"naam\" }]";
    let text = small::STUDY.replace(pupils, &format!("files = \"{files}\"\n{keys}"));
    Study::parse(&text, &models::kinds()).unwrap_or_else(|e| panic!("{}", e[0]))
}

/// Reads the source `leerling` of `folder`.
pub fn read(folder: &Path, files: &str, keys: &str, wants: &[(&str, As)]) -> Result<Tabled, InputError> {
    let study = study(files, keys);
    let wants: Vec<Want> = wants.iter().map(|(name, as_)| Want::new(name, *as_)).collect();
    let table = Table::open(&study, folder, "leerling", &wants)?;
    let mut batches = Vec::new();
    let rejects = table.for_each(&Silence, |batch: &Batch| batches.push(batch.clone()))?;
    Ok(Tabled { batches, rejects, dialects: table.dialects() })
}

/// Writes `bytes` as `name` and reads it.
pub fn read_bytes(name: &str, bytes: &[u8], keys: &str, wants: &[(&str, As)]) -> Result<Tabled, InputError> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(name), bytes).expect("writes");
    read(folder.path(), name, keys, wants)
}
