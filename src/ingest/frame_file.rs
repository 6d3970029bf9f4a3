//! One CSV or Parquet file → a [`Frame`] of the columns that are wanted.
//!
//! A CSV column is numeric when every value is a number, else text; `Inf` and `-Inf` are numbers, as in R. Missing are the
//! empty cell, `NA` and `NaN`. Dates of Parquet are days since 1970, with a note. Whole
//! numbers beyond 2⁵³, as long keys are, stay text: as numbers they would run into each other. The separator is the
//! one of comma, semicolon and tab that the header has most of; with semicolons a comma in a number is its decimal sign.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, TimeUnit, TimestampMillisecondType};
use arrow::record_batch::RecordBatch;

use super::adapters::{self, Options, Reader};
use super::files::InputFile;
use super::frame::{Coder, Frame, MISSING, Values};
use super::{InputError, Progress};
use crate::study::file::Format;

/// A table in one file, of which the header has been read.
pub struct FrameFile {
    file: InputFile,
    reader: Box<dyn Reader>,
}

impl FrameFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// Missing, empty or damaged files.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let file = InputFile::new(path.to_path_buf())?;
        let reader = adapters::open(&file, Some(Format::of_name(&file.name)), &Options::default())?;
        Ok(Self { file, reader })
    }

    /// Names of the columns.
    pub fn header(&self) -> &[String] {
        self.reader.header()
    }

    /// Reads columns whole; memory is proportional to them.
    ///
    /// # Errors
    /// Columns that are missing or stand there twice, damaged files, types without a number or a text.
    pub fn read(&self, wanted: &[String], progress: &dyn Progress) -> Result<Frame, InputError> {
        for name in wanted {
            if self.header().iter().filter(|h| *h == name).count() > 1 {
                return Err(InputError::RepeatedColumn { file: self.file.name.clone(), column: name.clone() });
            }
        }
        let mut columns: Vec<Building> = wanted.iter().map(|_| Building::Open).collect();
        let notes = self.pass(wanted, &mut columns, progress)?;
        // A column that turned out to be text after numbers were read is read once more, as text.
        let again: Vec<usize> = (0..columns.len()).filter(|&k| matches!(columns[k], Building::NotNumbers)).collect();
        if !again.is_empty() {
            let names: Vec<String> = again.iter().map(|&k| wanted[k].clone()).collect();
            let mut texts: Vec<Building> = names.iter().map(|_| Building::Text(Coder::default())).collect();
            self.pass(&names, &mut texts, progress)?;
            again.into_iter().zip(texts).for_each(|(k, text)| columns[k] = text);
        }
        self.file.assert_unchanged()?;
        let columns: Vec<(String, Values)> =
            wanted.iter().cloned().zip(columns.into_iter().map(Building::finish)).collect();
        let rows = columns.first().map_or(0, |(_, values)| values.len());
        Ok(Frame { rows, columns: columns.into_iter().collect(), notes })
    }

    /// Reads columns; returns what a reader should know of them.
    fn pass(
        &self,
        names: &[String],
        columns: &mut [Building],
        progress: &dyn Progress,
    ) -> Result<Vec<String>, InputError> {
        let mut notes = BTreeSet::new();
        let position = |name: &String| self.header().iter().position(|h| h == name);
        let mut places: Vec<usize> = names.iter().filter_map(position).collect();
        places.sort_unstable();
        let decimal_comma = self.reader.dialect().delimiter == Some(';');
        let mut each = |batch: RecordBatch| -> Result<(), InputError> {
            for (name, column) in names.iter().zip(columns.iter_mut()) {
                let array = batch.column_by_name(name).expect("a column of the header");
                notes.extend(note(name, array.data_type()));
                column.push(array, decimal_comma).map_err(|wanted| InputError::WrongType {
                    file: self.file.name.clone(),
                    column: name.clone(),
                    found: array.data_type().to_string(),
                    wanted,
                })?;
            }
            progress.rows(batch.num_rows() as u64);
            Ok(())
        };
        for part in 0..self.reader.parts() {
            for raw in self.reader.read(part, &places)? {
                each(raw?.batch)?;
            }
        }
        Ok(notes.into_iter().collect())
    }
}

/// A column while it is read.
enum Building {
    /// Nothing but missing values yet would be numbers; the first batch decides.
    Open,
    Numbers(Vec<f64>),
    Text(Coder),
    /// Numbers at first, then a text: to be read again.
    NotNumbers,
}

impl Building {
    fn push(&mut self, array: &ArrayRef, decimal_comma: bool) -> Result<(), &'static str> {
        match array.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let text = cast(array, &DataType::Utf8).map_err(|_| "text")?;
                let cells = text.as_string::<i32>();
                self.push_cells(|| cells.iter(), decimal_comma);
                Ok(())
            }
            DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8 => {
                self.push_codes(array);
                Ok(())
            }
            DataType::Boolean => {
                let cells = array.as_boolean();
                let text = |value: Option<bool>| value.map(|v| if v { "TRUE" } else { "FALSE" });
                self.as_text(|coder| cells.iter().for_each(|v| coder.push(text(v))));
                Ok(())
            }
            kind if kind.is_numeric() => {
                if has_long_whole_numbers(array) {
                    return self.push_as_text(array);
                }
                let numbers = cast(array, &DataType::Float64).map_err(|_| "numbers or text")?;
                if matches!(self, Building::Text(_)) {
                    return self.push_as_text(array);
                }
                self.push_numbers(numbers.as_primitive::<Float64Type>().iter());
                Ok(())
            }
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
                self.push_numbers(days(array).ok_or("a number, a date or text")?.iter());
                Ok(())
            }
            _ => self.push_as_text(array),
        }
    }

    /// Numbers of a column of one type.
    fn push_numbers(&mut self, values: impl Iterator<Item = Option<f64>>) {
        if let Building::Open = self {
            *self = Building::Numbers(Vec::new());
        }
        if let Building::Numbers(own) = self {
            own.extend(values.map(|v| v.unwrap_or(f64::NAN)));
        }
    }

    fn push_as_text(&mut self, array: &ArrayRef) -> Result<(), &'static str> {
        let text = cast(array, &DataType::Utf8).map_err(|_| "numbers or text")?;
        self.as_text(|coder| text.as_string::<i32>().iter().for_each(|v| coder.push(v.filter(|v| !is_missing(v)))));
        Ok(())
    }

    /// Hands over the coder, where this column is text or has only begun.
    fn as_text(&mut self, push: impl FnOnce(&mut Coder)) {
        match self {
            Building::Open => {
                let mut coder = Coder::default();
                push(&mut coder);
                *self = Building::Text(coder);
            }
            Building::Text(coder) => push(coder),
            Building::Numbers(_) | Building::NotNumbers => *self = Building::NotNumbers,
        }
    }

    fn push_cells<'c, I: Iterator<Item = Option<&'c str>>>(&mut self, cells: impl Fn() -> I, decimal_comma: bool) {
        if let Building::Open = self {
            *self = Building::Numbers(Vec::new());
        }
        if let Building::Numbers(numbers) = self {
            let before = numbers.len();
            let all = cells().all(|cell| match number(cell, decimal_comma) {
                Some(x) => {
                    numbers.push(x);
                    true
                }
                None => false,
            });
            if all {
                return;
            }
            *self = if before == 0 { Building::Text(Coder::default()) } else { Building::NotNumbers };
        }
        if let Building::Text(coder) = self {
            cells().for_each(|cell| coder.push(cell.map(str::trim).filter(|c| !is_missing(c))));
        }
    }

    fn push_codes(&mut self, array: &ArrayRef) {
        let dictionary = array.as_dictionary::<Int32Type>();
        let texts = dictionary.values().as_string::<i32>();
        self.as_text(|coder| {
            let text = |k: usize| texts.is_valid(k).then(|| texts.value(k)).filter(|t| !is_missing(t));
            // Only texts that a row has become levels.
            let mut codes = vec![None; texts.len()];
            let of = |key: Option<i32>, coder: &mut Coder| {
                let Some(k) = key.and_then(|k| usize::try_from(k).ok()) else { return MISSING };
                *codes[k].get_or_insert_with(|| text(k).map_or(MISSING, |t| coder.code(t)))
            };
            let mut of = of;
            let rows: Vec<u32> = dictionary.keys().iter().map(|key| of(key, coder)).collect();
            coder.extend(rows.into_iter());
        });
    }

    fn finish(self) -> Values {
        match self {
            Building::Open | Building::NotNumbers => Values::Number(Vec::new()),
            Building::Numbers(numbers) => Values::Number(numbers),
            Building::Text(coder) => Values::Text(coder.finish()),
        }
    }
}

/// What is said of a column of dates.
fn note(name: &str, kind: &DataType) -> Option<String> {
    match kind {
        DataType::Date32 | DataType::Date64 => Some(format!("`{name}` holds dates: read as days since 1970-01-01")),
        DataType::Timestamp(..) => {
            Some(format!("`{name}` holds points in time: read as days since 1970-01-01, with fractions"))
        }
        _ => None,
    }
}

/// Days since 1970-01-01.
fn days(array: &ArrayRef) -> Option<Float64Array> {
    const MILLISECONDS: f64 = 86_400_000.0;
    let milliseconds = cast(array, &DataType::Timestamp(TimeUnit::Millisecond, None)).ok()?;
    let values = milliseconds.as_primitive::<TimestampMillisecondType>();
    Some(values.iter().map(|v| v.map(|v| v as f64 / MILLISECONDS)).collect())
}

fn is_missing(cell: &str) -> bool {
    matches!(cell, "" | "NA" | "NaN")
}

/// The number in a cell; NaN where it is missing, `None` where it is text.
fn number(cell: Option<&str>, decimal_comma: bool) -> Option<f64> {
    let Some(cell) = cell.map(str::trim).filter(|c| !is_missing(c)) else { return Some(f64::NAN) };
    if let Some(infinite) = infinity(cell) {
        return Some(infinite);
    }
    let starts = cell.bytes().find(|b| !matches!(b, b'+' | b'-'));
    if !starts.is_some_and(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')) {
        // What Rust reads as numbers and R does not.
        return None;
    }
    let value: f64 = match cell.parse() {
        Ok(value) => value,
        Err(_) if decimal_comma => cell.replacen(',', ".", 1).parse().ok()?,
        Err(_) => return None,
    };
    let is_key = value.abs() > LARGEST_WHOLE && cell.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-'));
    (!is_key).then_some(value)
}

/// As R spells it.
fn infinity(cell: &str) -> Option<f64> {
    match cell {
        "Inf" | "+Inf" | "inf" => Some(f64::INFINITY),
        "-Inf" | "-inf" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// Above 2⁵³ neighbouring whole numbers are one f64.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

fn has_long_whole_numbers(array: &ArrayRef) -> bool {
    if !matches!(array.data_type(), DataType::Int64 | DataType::UInt64) {
        return false;
    }
    let numbers = cast(array, &DataType::Float64).ok();
    numbers.is_some_and(|n| n.as_primitive::<Float64Type>().iter().flatten().any(|v| v.abs() > LARGEST_WHOLE))
}

#[cfg(test)]
mod tests {
    use super::super::Silence;
    use super::*;
    use std::io::Write;

    fn read(name: &str, bytes: &[u8], wanted: &[&str]) -> Result<Frame, InputError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        let wanted: Vec<String> = wanted.iter().map(|w| w.to_string()).collect();
        FrameFile::open(&path)?.read(&wanted, &Silence)
    }

    fn numbers(frame: &Frame, name: &str) -> Vec<f64> {
        match &frame.columns[name] {
            Values::Number(n) => n.clone(),
            Values::Text(t) => panic!("{name} is text: {:?}", t.levels),
        }
    }

    fn levels(frame: &Frame, name: &str) -> Vec<String> {
        match &frame.columns[name] {
            Values::Number(_) => panic!("{name} is numbers"),
            Values::Text(t) => t.levels.clone(),
        }
    }

    #[test]
    fn kinds_are_found_and_missing_is_missing() {
        let csv = b"\"a\",b,c,d\n1,x,1e-3,NA\nNA,,\"2\",3\n-2.5,y,NaN,4\n";
        let frame = read("t.csv", csv, &["a", "b", "c", "d"]).expect("a frame");
        let a = numbers(&frame, "a");
        assert!(a[0] == 1.0 && a[1].is_nan() && a[2] == -2.5);
        assert_eq!(levels(&frame, "b"), ["x", "y"]);
        assert!(numbers(&frame, "c")[2].is_nan() && numbers(&frame, "d")[0].is_nan());
        assert_eq!(frame.rows, 3);
    }

    #[test]
    fn separators_are_found_and_decimal_commas_read() {
        let frame = read("t.csv", b"a;\"b,c\"\n0,5;k\n1;m\n", &["a", "b,c"]).expect("a frame");
        assert_eq!(numbers(&frame, "a"), [0.5, 1.0]);
        assert_eq!(levels(&frame, "b,c"), ["k", "m"]);
        let frame = read("t.tsv", b"a\tb\n1\t2\n", &["b"]).expect("a frame");
        assert_eq!(numbers(&frame, "b"), [2.0]);
    }

    #[test]
    fn long_keys_and_late_texts_are_text() {
        let frame = read("t.csv", b"k\n90071992547409931\n90071992547409930\n", &["k"]).expect("a frame");
        assert_eq!(levels(&frame, "k").len(), 2);
        let mut csv = String::from("k\n");
        (0..40_000).for_each(|i| csv.push_str(&format!("{}\n", i % 7)));
        csv.push_str("x\n");
        let frame = read("t.csv", csv.as_bytes(), &["k"]).expect("a frame");
        assert_eq!(levels(&frame, "k"), ["0", "1", "2", "3", "4", "5", "6", "x"]);
        assert_eq!(frame.rows, 40_001);
    }

    #[test]
    fn infinities_are_numbers_and_words_beside_them_text() {
        let frame = read("t.csv", b"a,b\n1,Inf\n-Inf,x\nInf,2\n", &["a", "b"]).expect("a frame");
        assert_eq!(numbers(&frame, "a"), [1.0, f64::NEG_INFINITY, f64::INFINITY]);
        assert_eq!(levels(&frame, "b"), ["2", "Inf", "x"]);
    }

    #[test]
    fn dates_are_days_and_the_note_says_so() {
        use arrow::array::{Date32Array, TimestampMicrosecondArray};
        use arrow::datatypes::{Field, Schema};
        let day = Date32Array::from(vec![Some(20_000), None]);
        let moment = TimestampMicrosecondArray::from(vec![Some(43_200_000_000), Some(-86_400_000_000)]);
        let fields = vec![
            Field::new("day", day.data_type().clone(), true),
            Field::new("moment", moment.data_type().clone(), true),
        ];
        let schema = std::sync::Arc::new(Schema::new(fields));
        let columns: Vec<ArrayRef> = vec![std::sync::Arc::new(day), std::sync::Arc::new(moment)];
        let batch = RecordBatch::try_new(schema.clone(), columns).expect("a batch");
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, None).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a file");
        let frame = read("t.parquet", &bytes, &["day", "moment"]).expect("a frame");
        let days = numbers(&frame, "day");
        assert!(days[0] == 20_000.0 && days[1].is_nan());
        assert_eq!(numbers(&frame, "moment"), [0.5, -1.0]);
        assert_eq!(frame.notes.len(), 2);
        assert!(frame.notes[0].contains("`day`") && frame.notes[0].contains("1970-01-01"), "{:?}", frame.notes);
    }

    /// A file with snappy pages whose footer says gzip: codec 1 (0x02 as thrift writes it) behind the column's path is
    /// made 2.
    #[test]
    fn packed_pages_that_are_not_built_in_are_named() {
        use arrow::array::Float64Array;
        use arrow::datatypes::{Field, Schema};
        use parquet::basic::Compression;
        use parquet::file::properties::WriterProperties;
        let schema = std::sync::Arc::new(Schema::new(vec![Field::new("zeta", DataType::Float64, false)]));
        let column: ArrayRef = std::sync::Arc::new(Float64Array::from(vec![1.0, 2.0]));
        let batch = RecordBatch::try_new(schema.clone(), vec![column]).expect("a batch");
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, Some(properties)).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a file");
        assert_eq!(numbers(&read("t.parquet", &bytes, &["zeta"]).expect("a frame"), "zeta"), [1.0, 2.0]);
        let place = bytes.windows(6).rposition(|w| w == b"zeta\x15\x02").expect("the codec behind the path");
        bytes[place + 5] = 4;
        let refused = read("t.parquet", &bytes, &["zeta"]).expect_err("gzip pages");
        assert!(matches!(&refused, InputError::Unsupported { what, .. } if what.starts_with("GZIP")), "{refused}");
    }

    #[test]
    fn gzip_is_read() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(b"a,b\n1,u\n").expect("bytes");
        let frame = read("t.csv.gz", &gz.finish().expect("bytes"), &["a", "b"]).expect("a frame");
        assert_eq!((numbers(&frame, "a"), levels(&frame, "b")), (vec![1.0], vec!["u".to_string()]));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert!(matches!(read("t.csv", b"a,a\n1,2\n", &["a"]), Err(InputError::RepeatedColumn { .. })));
        assert!(matches!(read("t.csv", b"", &["a"]), Err(InputError::Empty { .. })));
        assert!(matches!(read("t.csv", b"a,b\n1\n", &["a"]), Err(InputError::Issues { .. })));
        assert!(matches!(read("t.parquet", b"nonsense", &["a"]), Err(InputError::Corrupt { .. })));
    }
}
