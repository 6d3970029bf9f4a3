//! Rows of canonical tables on their way to Arrow: cells that can be ordered, so that a table has one order whatever the order of
//! the input was.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;

use crate::ingest::As;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Int,
    /// A day.
    Day,
    /// True or false.
    Flag,
}

impl Kind {
    /// What a column holds that is read so.
    pub fn of(as_: As) -> Self {
        match as_ {
            As::Text | As::Count => Kind::Text,
            As::Number => Kind::Number,
            As::Day => Kind::Day,
        }
    }
}

/// A column of a canonical table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDef {
    /// Name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Every row has a value.
    pub required: bool,
}

impl ColumnDef {
    /// A column that may be empty.
    pub fn may(name: &str, kind: Kind) -> Self {
        Self { name: name.into(), kind, required: false }
    }

    /// A column that every row has.
    pub fn must(name: &str, kind: Kind) -> Self {
        Self { name: name.into(), kind, required: true }
    }
}

/// One cell; nothing goes before any value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    None,
    Text(String),
    /// Bits that order as the numbers do.
    Number(i64),
    Int(i32),
    Day(i32),
    Flag(bool),
}

impl Cell {
    pub fn text(value: Option<impl Into<String>>) -> Self {
        value.map_or(Cell::None, |v| Cell::Text(v.into()))
    }

    pub fn day(value: Option<i32>) -> Self {
        value.map_or(Cell::None, Cell::Day)
    }

    pub fn int(value: Option<impl Into<i32>>) -> Self {
        value.map_or(Cell::None, |v| Cell::Int(v.into()))
    }

    pub fn flag(value: Option<bool>) -> Self {
        value.map_or(Cell::None, Cell::Flag)
    }

    pub fn number(value: Option<f64>) -> Self {
        value.map_or(Cell::None, |v| Cell::Number(ordered(v)))
    }

    fn as_text(&self) -> Option<&str> {
        if let Cell::Text(text) = self { Some(text) } else { None }
    }
}

/// The bits of a number, turned so that they order as `total_cmp` does.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

fn number_of(bits: i64) -> f64 {
    f64::from_bits((bits ^ ((bits >> 63) as u64 >> 1) as i64) as u64)
}

/// The Arrow schema of columns.
pub(super) fn schema(columns: &[ColumnDef]) -> SchemaRef {
    let field = |c: &ColumnDef| {
        let kind = match c.kind {
            Kind::Text => DataType::Utf8,
            Kind::Number => DataType::Float64,
            Kind::Int => DataType::Int32,
            Kind::Day => DataType::Date32,
            Kind::Flag => DataType::Boolean,
        };
        Field::new(&c.name, kind, !c.required)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Rows as a batch. Every row has as many cells as there are columns, each of the column's kind.
pub(super) fn batch(columns: &[ColumnDef], rows: &[Vec<Cell>]) -> RecordBatch {
    let array = |(at, column): (usize, &ColumnDef)| -> ArrayRef {
        let cells = rows.iter().map(|row| &row[at]);
        match column.kind {
            Kind::Text => Arc::new(cells.map(Cell::as_text).collect::<StringArray>()),
            Kind::Number => Arc::new(
                cells
                    .map(|c| if let Cell::Number(n) = c { Some(number_of(*n)) } else { None })
                    .collect::<Float64Array>(),
            ),
            Kind::Int => {
                Arc::new(cells.map(|c| if let Cell::Int(n) = c { Some(*n) } else { None }).collect::<Int32Array>())
            }
            Kind::Day => {
                Arc::new(cells.map(|c| if let Cell::Day(n) = c { Some(*n) } else { None }).collect::<Date32Array>())
            }
            Kind::Flag => {
                Arc::new(cells.map(|c| if let Cell::Flag(b) = c { Some(*b) } else { None }).collect::<BooleanArray>())
            }
        }
    };
    let arrays = columns.iter().enumerate().map(array).collect();
    RecordBatch::try_new(schema(columns), arrays).expect("required cells are filled, and all columns have every row")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_bits_and_their_order() {
        let numbers = [f64::NEG_INFINITY, -2.5, -0.1, -0.0, 0.0, 1e-300, 0.1, 15.42, f64::INFINITY];
        let bits: Vec<i64> = numbers.iter().map(|n| ordered(*n)).collect();
        assert!(bits.is_sorted());
        assert!(numbers.iter().zip(&bits).all(|(n, b)| n.to_bits() == number_of(*b).to_bits()));
    }
}
