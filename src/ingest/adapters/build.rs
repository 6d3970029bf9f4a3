//! Batches of a table with fixed columns, built row by row. Only the wanted columns are kept.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Builder, Float64Builder, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::{Kind, Raw, Rows, TableSpec};
use crate::vocab::Day;

/// Rows of one batch.
pub(super) const BATCH: usize = 16_384;

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'c> {
    None,
    Text(&'c str),
    Day(Day),
    Number(f64),
}

impl<'c> From<&'c str> for Cell<'c> {
    fn from(text: &'c str) -> Self {
        if text.is_empty() { Cell::None } else { Cell::Text(text) }
    }
}

impl<'c> From<&'c String> for Cell<'c> {
    fn from(text: &'c String) -> Self {
        text.as_str().into()
    }
}

impl<'c, T: Into<Cell<'c>>> From<Option<T>> for Cell<'c> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::None, Into::into)
    }
}

impl From<Day> for Cell<'_> {
    fn from(day: Day) -> Self {
        Cell::Day(day)
    }
}

impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        Cell::Number(number)
    }
}

enum Column {
    Text(StringBuilder),
    Day(Date32Builder),
    Number(Float64Builder),
}

/// A batch that grows.
pub(super) struct Build {
    spec: &'static TableSpec,
    wanted: Vec<usize>,
    columns: Vec<Column>,
    rows: Vec<u64>,
}

impl Build {
    /// An empty batch of `wanted` columns (positions in the table).
    pub(super) fn new(spec: &'static TableSpec, wanted: &[usize]) -> Self {
        let column = |&c: &usize| match spec.columns[c].kind {
            Kind::Text | Kind::Id(_) => Column::Text(StringBuilder::new()),
            Kind::Date => Column::Day(Date32Builder::new()),
            Kind::Number => Column::Number(Float64Builder::new()),
        };
        Self { spec, wanted: wanted.to_vec(), columns: wanted.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row that stands at `row` of the file, with one cell per column of the table. A cell of another kind than
    /// its column counts as missing; the tests of each adapter see that none is.
    pub(super) fn push(&mut self, row: u64, cells: &[Cell<'_>]) {
        debug_assert_eq!(cells.len(), self.spec.columns.len(), "{}", self.spec.name);
        for (column, &c) in self.columns.iter_mut().zip(&self.wanted) {
            match (column, cells[c]) {
                (Column::Text(b), Cell::Text(text)) => b.append_value(text),
                (Column::Text(b), _) => b.append_null(),
                (Column::Day(b), Cell::Day(day)) => b.append_value(day.0),
                (Column::Day(b), _) => b.append_null(),
                (Column::Number(b), Cell::Number(number)) => b.append_value(number),
                (Column::Number(b), _) => b.append_null(),
            }
        }
        self.rows.push(row);
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The batch, and an empty one in its place.
    pub(super) fn take(&mut self) -> Result<Raw, ArrowError> {
        let fresh = Self::new(self.spec, &self.wanted);
        std::mem::replace(self, fresh).finish()
    }

    fn finish(self) -> Result<Raw, ArrowError> {
        let kind = |c: &usize| match self.spec.columns[*c].kind {
            Kind::Text | Kind::Id(_) => DataType::Utf8,
            Kind::Date => DataType::Date32,
            Kind::Number => DataType::Float64,
        };
        let field = |c: &usize| Field::new(self.spec.columns[*c].name, kind(c), true);
        let schema = Arc::new(Schema::new(self.wanted.iter().map(field).collect::<Vec<_>>()));
        let array = |column: Column| -> ArrayRef {
            match column {
                Column::Text(mut b) => Arc::new(b.finish()),
                Column::Day(mut b) => Arc::new(b.finish()),
                Column::Number(mut b) => Arc::new(b.finish()),
            }
        };
        let count = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        let arrays = self.columns.into_iter().map(array).collect();
        let batch = RecordBatch::try_new_with_options(schema, arrays, &count)?;
        Ok(Raw { batch, rows: Rows::Each(self.rows) })
    }
}
