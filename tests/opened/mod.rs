//! Files read through their adapter, as rows of text: what a format gives before pseudonyms, filters and types.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use lob_effect::ingest::adapters::{self, Options};
use lob_effect::ingest::{Dialect, InputError, find_files};
use lob_effect::study::file::{Names, Source};

/// A table as texts; an empty text is no value.
#[derive(Debug)]
pub struct Opened {
    pub header: Vec<String>,
    pub rows: Vec<BTreeMap<String, String>>,
    /// Row or line of the file.
    pub places: Vec<u64>,
    pub dialect: Dialect,
    pub ids: Vec<String>,
}

impl Opened {
    /// One column.
    pub fn column(&self, name: &str) -> Vec<&str> {
        assert!(self.header.iter().any(|h| h == name), "no column {name} in {:?}", self.header);
        self.rows.iter().map(|r| r[name].as_str()).collect()
    }

    /// The only row in which `column` is `value`.
    pub fn only(&self, column: &str, value: &str) -> &BTreeMap<String, String> {
        let found: Vec<_> = self.rows.iter().filter(|r| r[column] == value).collect();
        assert_eq!(found.len(), 1, "{column} = {value}");
        found[0]
    }

    /// Rows per value of a column.
    pub fn counts(&self, name: &str) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        self.column(name).into_iter().for_each(|v| *counts.entry(v).or_default() += 1);
        counts
    }
}

/// Source of one file.
pub fn source(file: &str, change: impl FnOnce(&mut Source)) -> Source {
    let mut source = Source { files: Names(vec![file.to_string()]), ..Source::default() };
    change(&mut source);
    source
}

/// Reads all files of a source.
pub fn read(folder: &Path, source: &Source) -> Result<Opened, InputError> {
    let mut opened: Option<Opened> = None;
    for file in find_files(folder, "bron", source)? {
        let reader = adapters::open(&file, source.format, &Options::of(source))?;
        let header = reader.header().to_vec();
        let all: Vec<usize> = (0..header.len()).collect();
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        for part in 0..reader.parts() {
            for raw in reader.read(part, &all)? {
                let raw = raw?;
                let texts: Vec<_> =
                    raw.batch.columns().iter().map(|c| cast(c, &DataType::Utf8).expect("a text")).collect();
                for i in 0..raw.batch.num_rows() {
                    let cell = |c: usize| {
                        let text = texts[c].as_string::<i32>();
                        if text.is_valid(i) { text.value(i).to_string() } else { String::new() }
                    };
                    rows.push(header.iter().enumerate().map(|(c, h)| (h.clone(), cell(c))).collect());
                    places.push(raw.rows.at(i));
                }
            }
        }
        let ids = reader.ids().into_keys().collect();
        let next = Opened { header, rows, places, dialect: reader.dialect(), ids };
        match &mut opened {
            None => opened = Some(next),
            Some(first) => {
                first.rows.extend(next.rows);
                first.places.extend(next.places);
            }
        }
    }
    Ok(opened.expect("find_files gives at least one file"))
}

/// Writes `bytes` as `name` into a folder of its own and reads it.
pub fn read_bytes(name: &str, bytes: &[u8], change: impl FnOnce(&mut Source)) -> Result<Opened, InputError> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(name), bytes).expect("writes");
    read(folder.path(), &source(name, change))
}

/// What a refusal says.
#[track_caller]
pub fn refusal(read: Result<Opened, InputError>) -> String {
    match read {
        Ok(opened) => panic!("{} rows were read", opened.rows.len()),
        Err(error) => error.to_string(),
    }
}

/// Every word stands in the message.
#[track_caller]
pub fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "no `{word}` in: {message}");
    }
}
