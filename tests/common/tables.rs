//! Tables for tests of the panel: simulated files as sheets of text that can be changed and written as CSV,
//! and the panel's own table as Parquet.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use lob_effect::ingest::Silence;
use lob_effect::models;
use lob_effect::panel::{self, Panel, Plan};
use lob_effect::run::write_panel;
use lob_effect::study::Study;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// The folder `shared` with data of other people: `$LOB_SHARED`, else beside or above the repository.
///
/// `None`, with a line that says so, when there is none: the comparison is then skipped.
#[allow(dead_code, reason = "not every test file reads it")]
pub fn shared_dir() -> Option<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = ["../shared", "../../shared"].map(|relative| manifest.join(relative));
    let found = std::env::var_os("LOB_SHARED")
        .map(PathBuf::from)
        .into_iter()
        .chain(beside)
        .find(|dir| dir.join("data").is_dir());
    if found.is_none() {
        println!("skipped: no shared data (set LOB_SHARED to the folder that holds data/)");
    }
    found
}

/// A checked study.
#[allow(dead_code, reason = "not every test file checks one itself")]
pub fn study(text: &str) -> Study {
    Study::parse(text, &models::kinds()).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(|e| format!("{} {}", e.path, e.message)).collect();
        panic!("{}", errors.join("\n"))
    })
}

/// The panel of a study whose files stand in `base`.
#[allow(dead_code, reason = "not every test file builds one")]
pub fn panel<'s>(study: &'s Study, base: &Path) -> Panel<'s> {
    panel::build(Plan::of(study), base, &Silence).unwrap_or_else(|e| panic!("{e}"))
}

/// Writes the table of outcome `o` as Parquet and says how many rows it has.
#[allow(dead_code, reason = "not every test file writes tables")]
pub fn write_table(panel: &Panel<'_>, o: usize, path: &Path) -> u64 {
    write_panel(panel, o, path, None).unwrap_or_else(|e| panic!("{e}"))
}

/// A table as text; no value is `None`.
#[derive(Clone)]
pub struct Sheet {
    /// Column names.
    pub header: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<Option<String>>>,
}

#[allow(dead_code, reason = "not every test file changes sheets")]
impl Sheet {
    /// A Parquet file.
    pub fn read(path: &Path) -> Self {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        let header = reader.schema().fields().iter().map(|f| f.name().clone()).collect();
        let mut rows = Vec::new();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let columns: Vec<_> = batch.columns().iter().map(|c| cast(c, &DataType::Utf8).unwrap()).collect();
            for row in 0..batch.num_rows() {
                let cell = |c: &arrow::array::ArrayRef| {
                    let text = c.as_string::<i32>();
                    text.is_valid(row).then(|| text.value(row).to_string())
                };
                rows.push(columns.iter().map(cell).collect());
            }
        }
        Self { header, rows }
    }

    /// Position of a column.
    pub fn at(&self, name: &str) -> usize {
        self.header.iter().position(|h| h == name).unwrap_or_else(|| panic!("no column {name}"))
    }

    /// Gives a column another name.
    pub fn rename(&mut self, from: &str, to: &str) {
        let at = self.at(from);
        self.header[at] = to.into();
    }

    /// Rewrites every cell of a column.
    pub fn map(&mut self, name: &str, change: impl Fn(Option<String>) -> Option<String>) {
        let at = self.at(name);
        for row in &mut self.rows {
            row[at] = change(row[at].take());
        }
    }

    /// Adds a column.
    pub fn add(&mut self, name: &str, value: impl Fn(usize, &[Option<String>]) -> Option<String>) {
        self.header.push(name.into());
        for (i, row) in self.rows.iter_mut().enumerate() {
            let cell = value(i, row);
            row.push(cell);
        }
    }

    /// Writes CSV with `delimiter`; cells that need it stand in quotes.
    pub fn write(&self, path: &Path, delimiter: char) {
        let quoted = |cell: &Option<String>| {
            let cell = cell.as_deref().unwrap_or_default();
            let plain = !cell.contains([delimiter, '"', '\n']);
            if plain { cell.to_string() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
        };
        let line = |cells: &mut dyn Iterator<Item = String>| {
            let cells: Vec<String> = cells.collect();
            cells.join(&delimiter.to_string()) + "\n"
        };
        let mut text = line(&mut self.header.iter().cloned());
        for row in &self.rows {
            text += &line(&mut row.iter().map(quoted));
        }
        std::fs::write(path, text).unwrap();
    }
}

/// Day number of an ISO date.
#[allow(dead_code, reason = "not every test file counts days")]
pub fn day_number(iso: &str) -> i32 {
    let mut parts = iso.split('-').map(|p| p.parse::<i16>().unwrap());
    let (year, month, day) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    lob_effect::vocab::Day::ymd(year, month as i8, day as i8).unwrap().0
}
