//! A table that was parsed whole when its file was opened: formats whose records refer to each other.

use std::collections::BTreeMap;

use arrow::error::ArrowError;

use super::super::files::InputFile;
use super::super::{Dialect, InputError};
use super::build::{BATCH, Build, Cell};
use super::{Batches, Raw, Reader, TableSpec};
use crate::study::file::IdKind;

/// Rows of one table; memory is proportional to them.
pub(super) struct Held {
    file: String,
    spec: &'static TableSpec,
    header: Vec<String>,
    batches: Vec<Raw>,
    dialect: Dialect,
}

/// Rows of a table while its file is parsed.
pub(super) struct Holding {
    file: String,
    spec: &'static TableSpec,
    build: Build,
    batches: Vec<Raw>,
}

impl Holding {
    pub(super) fn new(file: &InputFile, spec: &'static TableSpec) -> Self {
        let all: Vec<usize> = (0..spec.columns.len()).collect();
        Self { file: file.name.clone(), spec, build: Build::new(spec, &all), batches: Vec::new() }
    }

    /// Adds a row; one cell per column of the table.
    pub(super) fn push(&mut self, row: u64, cells: &[Cell<'_>]) -> Result<(), InputError> {
        self.build.push(row, cells);
        if self.build.len() == BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), InputError> {
        let raw = self.build.take().map_err(|e| columns(&self.file, &e))?;
        self.batches.push(raw);
        Ok(())
    }

    pub(super) fn finish(mut self, dialect: Dialect) -> Result<Held, InputError> {
        if self.build.len() > 0 {
            self.flush()?;
        }
        Ok(Held { file: self.file, spec: self.spec, header: self.spec.header(), batches: self.batches, dialect })
    }
}

/// Columns of one batch that do not fit each other; a mistake of an adapter, said as damage.
pub(super) fn columns(file: &str, error: &ArrowError) -> InputError {
    InputError::Corrupt { file: file.to_string(), format: "a table", detail: error.to_string() }
}

impl Reader for Held {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn read<'r>(&'r self, _: usize, wanted: &[usize]) -> Result<Batches<'r>, InputError> {
        let wanted = wanted.to_vec();
        Ok(Box::new(self.batches.iter().map(move |raw| {
            let batch = raw.batch.project(&wanted).map_err(|e| columns(&self.file, &e))?;
            Ok(Raw { batch, rows: raw.rows.clone() })
        })))
    }

    fn ids(&self) -> BTreeMap<String, IdKind> {
        self.spec.ids()
    }

    fn dialect(&self) -> Dialect {
        self.dialect.clone()
    }
}
