//! Text with a separator and Parquet: the columns are those of the file.

use std::collections::BTreeSet;

use super::super::csv::{Form, TextFile};
use super::super::files::InputFile;
use super::super::parquet::{Footer, Piece};
use super::super::{Dialect, InputError};
use super::{Adapter, Batches, Head, Options, Raw, Reader, Rows};
use crate::study::file::Format;

/// Text with a separator.
pub(super) struct Csv;

impl Adapter for Csv {
    fn format(&self) -> Format {
        Format::Csv
    }

    fn detect(&self, _: &Head) -> bool {
        true
    }

    fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
        let form = Form { format: Format::Csv, quoting: true, totals: false };
        Ok(Box::new(TextFile::open(file, options, form)?))
    }
}

/// Apache Parquet.
pub(super) struct Parquet;

impl Adapter for Parquet {
    fn format(&self) -> Format {
        Format::Parquet
    }

    fn detect(&self, head: &Head) -> bool {
        head.bytes.starts_with(b"PAR1")
    }

    fn open(&self, file: &InputFile, _: &Options) -> Result<Box<dyn Reader>, InputError> {
        Ok(Box::new(ParquetReader::open(file)?))
    }
}

/// A Parquet file whose footer is known.
pub(super) struct ParquetReader {
    file: InputFile,
    footer: Footer,
    /// Each with the number of its first row.
    pieces: Vec<(u64, Piece)>,
}

impl ParquetReader {
    /// Reads the footer.
    pub(super) fn open(file: &InputFile) -> Result<Self, InputError> {
        let footer = Footer::read(file)?;
        let mut next = 1;
        let numbered = |piece: Piece| {
            let first = next;
            next += piece.rows;
            (first, piece)
        };
        let pieces = footer.pieces().into_iter().map(numbered).collect();
        Ok(Self { file: file.clone(), footer, pieces })
    }
}

impl Reader for ParquetReader {
    fn header(&self) -> &[String] {
        &self.footer.header
    }

    fn parts(&self) -> usize {
        self.pieces.len()
    }

    fn rows(&self) -> u64 {
        self.pieces.iter().map(|(_, piece)| piece.rows).sum()
    }

    fn may_hold(&self, part: usize, column: usize, texts: &BTreeSet<Vec<u8>>) -> bool {
        self.footer.may_hold(&self.pieces[part].1, column, texts)
    }

    fn read<'r>(&'r self, part: usize, columns: &[usize]) -> Result<Batches<'r>, InputError> {
        let (first, piece) = &self.pieces[part];
        let mut row = *first;
        let batches = self.footer.batches(&self.file, piece, columns)?;
        Ok(Box::new(batches.map(move |batch| {
            let batch = batch?;
            let rows = Rows::From(row);
            row += batch.num_rows() as u64;
            Ok(Raw { batch, rows })
        })))
    }

    fn dialect(&self) -> Dialect {
        Dialect { format: Some(Format::Parquet), key_id: self.footer.key_id(), ..Dialect::default() }
    }
}
