//! CSV, plain or gzip. Every column is read as text; types come later, so that a cell that can't be read is
//! a counted reject with its place, not the reader's failure.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format as CsvFormat;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use flate2::read::MultiGzDecoder;

use super::{InputError, InputFile};

const BATCH: usize = 16_384;

/// Column names of the file.
pub(super) fn header(file: &InputFile, delimiter: u8) -> Result<Vec<String>, InputError> {
    let format = CsvFormat::default().with_header(true).with_delimiter(delimiter);
    let (schema, _) = format.infer_schema(open(file)?, Some(0)).map_err(|e| corrupt(file, &e))?;
    let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    if names.iter().all(String::is_empty) {
        return Err(InputError::Empty { file: file.name.clone() });
    }
    Ok(names)
}

/// The one of comma, semicolon and tab that the first line has most of, outside quotes; a comma where it has none.
pub(super) fn delimiter_of(file: &InputFile) -> Result<u8, InputError> {
    let mut line = Vec::new();
    BufReader::new(open(file)?).read_until(b'\n', &mut line).map_err(|e| corrupt(file, &e))?;
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for &byte in &line {
        quoted ^= byte == b'"';
        counts.iter_mut().filter(|(b, _)| !quoted && *b == byte).for_each(|(_, n)| *n += 1);
    }
    // The first of equals.
    let best = counts.iter().rev().max_by_key(|(_, n)| *n).expect("three candidates");
    Ok(best.0)
}

/// Streams the batches of `columns` (positions in `header`).
pub(super) fn batches<'f>(
    file: &'f InputFile,
    delimiter: u8,
    header: &[String],
    columns: &[usize],
) -> Result<impl Iterator<Item = Result<RecordBatch, InputError>> + 'f, InputError> {
    let fields: Vec<Field> = header.iter().map(|n| Field::new(n, DataType::Utf8, true)).collect();
    let reader = ReaderBuilder::new(Arc::new(Schema::new(fields)))
        .with_header(true)
        .with_delimiter(delimiter)
        .with_batch_size(BATCH)
        .with_projection(columns.to_vec())
        .build(Quotes { inner: open(file)?, delimiter, at: At::FieldStart })
        .map_err(|e| corrupt(file, &e))?;
    Ok(reader.map(move |batch| batch.map_err(|e| corrupt(file, &e))))
}

fn open(file: &InputFile) -> Result<Box<dyn Read + Send>, InputError> {
    let raw = BufReader::with_capacity(1 << 16, file.open()?);
    let plain: Box<dyn Read + Send> = if file.gzip { Box::new(MultiGzDecoder::new(raw)) } else { Box::new(raw) };
    without_bom(file, plain)
}

/// Drops a UTF-8 byte order mark; refuses UTF-16, which would be read as nonsense.
fn without_bom(file: &InputFile, mut reader: Box<dyn Read + Send>) -> Result<Box<dyn Read + Send>, InputError> {
    let mut start = Vec::with_capacity(3);
    reader.by_ref().take(3).read_to_end(&mut start).map_err(|e| corrupt(file, &e))?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(corrupt(file, &"the file is UTF-16; save it as CSV UTF-8"));
    }
    if start == [0xef, 0xbb, 0xbf] {
        start.clear();
    }
    Ok(Box::new(std::io::Cursor::new(start).chain(reader)))
}

/// Passes bytes on and fails at the end of a file in which a quote was opened and never closed: the parser takes
/// all rows after it for one field, and they would be lost without a word.
struct Quotes<R> {
    inner: R,
    delimiter: u8,
    at: At,
}

/// Where in a record the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote inside quotes: the end of the field, or the first half of a doubled quote.
    Quote,
}

impl<R> Quotes<R> {
    fn next(&self, byte: u8) -> At {
        match (self.at, byte) {
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) | (At::FieldStart | At::Quote, b'"') => At::Quoted,
            (_, b'\n' | b'\r') => At::FieldStart,
            (_, b) if b == self.delimiter => At::FieldStart,
            _ => At::Plain,
        }
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let new = &buffer[..n];
        // Most files hold no quote at all; then only the last byte tells where we are.
        let all_plain = self.at != At::Quoted && !new.contains(&b'"');
        for &byte in if all_plain { &new[n.saturating_sub(1)..] } else { new } {
            self.at = self.next(byte);
        }
        if n == 0 && !buffer.is_empty() && self.at == At::Quoted {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a quote (\") is opened and never closed"));
        }
        Ok(n)
    }
}

fn corrupt(file: &InputFile, detail: &dyn std::fmt::Display) -> InputError {
    InputError::Corrupt { file: file.name.clone(), format: "CSV (UTF-8)", detail: detail.to_string() }
}
