//! Separated text. Every column is read as text; types come later, so that a cell that can't be read is a counted
//! reject with its place, not the reader's failure.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::adapters::{Batches, Options, Raw, Reader, Rows};
use super::files::InputFile;
use super::records::Records;
use super::text::{self, Survey};
use super::{Dialect, Fault, InputError, Issue, Issues, masked};
use crate::study::file::Format;

const BATCH: usize = 16_384;

/// What a format says of its text files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) format: Format,
    /// `"` encloses cells.
    pub(super) quoting: bool,
    /// Rows that hold totals are taken off.
    pub(super) totals: bool,
}

/// A text file whose form is known.
pub(super) struct TextFile {
    pub(super) file: InputFile,
    pub(super) survey: Survey,
    pub(super) delimiter: u8,
    pub(super) header: Vec<String>,
    form: Form,
    skip: u32,
    has_separator_line: bool,
    found: Mutex<Found>,
}

/// What a whole pass found out.
#[derive(Clone, Debug, Default)]
struct Found {
    blank: u64,
    totals: u64,
    like_totals: Option<u64>,
    rows: u64,
    /// Rows with empty cells behind the last column, and the first of them.
    longer: u64,
    first_longer: Option<u64>,
}

impl TextFile {
    /// Decides encoding and separator and reads the header.
    ///
    /// # Errors
    /// See [`text::survey`]; a separator that is not the declared one; a file without names of columns.
    pub(super) fn open(file: &InputFile, options: &Options, form: Form) -> Result<Self, InputError> {
        let survey = text::survey(file, options.encoding)?;
        let separator = separator_line(&survey.head);
        let first = survey.head.lines().skip(usize::from(separator.is_some())).find(|l| !l.trim().is_empty());
        let skipped = survey.head.lines().filter(|l| !l.trim().is_empty()).nth(options.skip_rows as usize);
        let line = if options.skip_rows > 0 { skipped } else { first }.unwrap_or_default();
        let delimiter = match (options.delimiter, separator) {
            (Some(declared), _) => agreed(file, declared, line)?,
            (None, Some(stated)) => stated,
            (None, None) => delimiter_of(line),
        };
        let mut this = Self {
            file: file.clone(),
            survey,
            delimiter,
            header: Vec::new(),
            form,
            skip: options.skip_rows,
            has_separator_line: separator.is_some(),
            found: Mutex::default(),
        };
        let mut records = this.records()?;
        for _ in 0..=this.skip {
            if !records.next().map_err(|e| this.corrupt(&e))? {
                return Err(InputError::Empty { file: file.name.clone() });
            }
        }
        this.header = records.cells().map(|c| c.trim().to_string()).collect();
        if this.header.iter().all(String::is_empty) {
            return Err(InputError::Empty { file: file.name.clone() });
        }
        Ok(this)
    }

    /// All records, from the first line on.
    pub(super) fn records(&self) -> Result<Records, InputError> {
        let mut records = Records::new(text::open(&self.file, &self.survey)?, self.delimiter, self.form.quoting);
        if self.has_separator_line {
            records.next().map_err(|e| self.corrupt(&e))?;
        }
        Ok(records)
    }

    /// The records below the header.
    pub(super) fn body(&self) -> Result<Records, InputError> {
        let mut records = self.records()?;
        for _ in 0..=self.skip {
            records.next().map_err(|e| self.corrupt(&e))?;
        }
        Ok(records)
    }

    pub(super) fn corrupt(&self, reason: &io::Error) -> InputError {
        corrupt(&self.file, reason)
    }
}

impl Reader for TextFile {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn read<'r>(&'r self, _: usize, columns: &[usize]) -> Result<Batches<'r>, InputError> {
        let fields: Vec<Field> = columns.iter().map(|&c| Field::new(&self.header[c], DataType::Utf8, true)).collect();
        Ok(Box::new(TextBatches {
            source: self,
            records: self.body()?,
            schema: Arc::new(Schema::new(fields)),
            columns: columns.to_vec(),
            issues: Issues::default(),
            found: Found::default(),
            ended: false,
        }))
    }

    fn is_text(&self) -> bool {
        true
    }

    fn dialect(&self) -> Dialect {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut dialect = Dialect {
            format: Some(self.form.format),
            packed: self.file.packing.word(),
            encoding: Some(self.survey.encoding),
            byte_order_mark: self.survey.marks > 0,
            delimiter: Some(char::from(self.delimiter)),
            unquoted: !self.form.quoting,
            footers: found.totals,
            ..Dialect::default()
        };
        if found.blank > 0 {
            dialect.left_out.insert("blank lines".into(), found.blank);
        }
        if self.survey.mojibake > 0 {
            let note = format!(
                "{} letters look like UTF-8 that an earlier program read as Windows-1252 (`Ã©` for `é`); names with them \
                 will not equal the same names elsewhere",
                self.survey.mojibake
            );
            dialect.notes.push(note);
        }
        if let Some(row) = found.like_totals {
            dialect.notes.push(format!("row {row} looks like a total; a filter can leave it out"));
        }
        dialect
    }
}

struct TextBatches<'r> {
    source: &'r TextFile,
    records: Records,
    schema: Arc<Schema>,
    columns: Vec<usize>,
    issues: Issues,
    found: Found,
    ended: bool,
}

impl Iterator for TextBatches<'_> {
    type Item = Result<Raw, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.batch();
        self.ended |= batch.is_err();
        batch.transpose()
    }
}

impl TextBatches<'_> {
    fn batch(&mut self) -> Result<Option<Raw>, InputError> {
        let mut builders: Vec<StringBuilder> =
            self.columns.iter().map(|_| StringBuilder::with_capacity(BATCH, BATCH * 8)).collect();
        let mut rows = Vec::with_capacity(BATCH);
        while rows.len() < BATCH {
            if !self.records.next().map_err(|e| self.source.corrupt(&e))? {
                self.end()?;
                break;
            }
            if !self.is_row() {
                continue;
            }
            rows.push(self.records.row());
            if self.source.survey.replaced > 0 {
                self.lost_letters();
            }
            for (builder, &column) in builders.iter_mut().zip(&self.columns) {
                match self.records.cell(column) {
                    "" => builder.append_null(),
                    cell => builder.append_value(cell),
                }
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let arrays: Vec<ArrayRef> = builders.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
        let count = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &count)
            .map_err(|e| corrupt(&self.source.file, &io::Error::other(e.to_string())))?;
        Ok(Some(Raw { batch, rows: Rows::Each(rows) }))
    }

    /// False for a row of totals and for a row that is not as long as the header.
    fn is_row(&mut self) -> bool {
        let (records, width) = (&self.records, self.source.header.len());
        if is_total(records) {
            if self.source.form.totals {
                self.found.totals += 1;
                return false;
            }
            self.found.like_totals.get_or_insert(records.row());
        }
        let cells = records.len();
        self.found.rows += 1;
        if cells == width {
            return true;
        }
        if cells > width && (width..cells).all(|i| records.cell(i).trim().is_empty()) {
            self.found.longer += 1;
            self.found.first_longer.get_or_insert(records.row());
            return true;
        }
        let fault = if cells < width { Fault::MissingCell } else { Fault::ExtraCell };
        self.issues.add(Issue {
            fault,
            file: self.source.file.name.clone(),
            row: Some(records.row()),
            column: self.source.header.get(cells).filter(|_| cells < width).cloned(),
            found: None,
            expected: format!("the row has {cells} cells, the header {width}"),
        });
        false
    }

    /// Notes cells in which an earlier program replaced a letter: they equal no other text.
    fn lost_letters(&mut self) {
        for &column in &self.columns {
            let cell = self.records.cell(column);
            if cell.contains('\u{fffd}') {
                self.issues.add(Issue {
                    fault: Fault::LostCharacter,
                    file: self.source.file.name.clone(),
                    row: Some(self.records.row()),
                    column: self.source.header.get(column).cloned(),
                    found: Some(masked(cell)),
                    expected: "it must be the letter itself, not the sign U+FFFD for a lost one".into(),
                });
            }
        }
    }

    fn end(&mut self) -> Result<(), InputError> {
        self.ended = true;
        self.found.blank = self.records.blank;
        let Found { rows, longer, first_longer, .. } = self.found;
        // A spreadsheet pads every row. A separator inside a number shifts the cells of one, and its last is empty.
        if longer > 0 && longer < rows {
            self.issues.add(Issue {
                fault: Fault::ExtraCell,
                file: self.source.file.name.clone(),
                row: first_longer,
                column: None,
                found: None,
                expected: format!("{longer} of {rows} rows have more cells than the header, the others have not"),
            });
        }
        *self.source.found.lock().unwrap_or_else(PoisonError::into_inner) = self.found.clone();
        if self.issues.is_empty() {
            return Ok(());
        }
        let (file, issues) = (self.source.file.name.clone(), std::mem::take(&mut self.issues));
        Err(InputError::Issues { file, issues })
    }
}

/// True for a row whose first cell that is not empty says that it adds up others.
fn is_total(records: &Records) -> bool {
    let first = records.cells().map(str::trim).find(|c| !c.is_empty());
    first.is_some_and(says_total)
}

/// True for the words that stand before totals.
pub(super) fn says_total(cell: &str) -> bool {
    // Nearly every row is another one, and begins with a digit.
    if !cell.starts_with(['t', 'T', 'e', 'E', 's', 'S', 'g', 'G']) {
        return false;
    }
    let word: String = cell.chars().take_while(|c| c.is_alphabetic()).take(12).collect::<String>().to_lowercase();
    matches!(word.as_str(), "totaal" | "eindtotaal" | "subtotaal" | "total" | "grandtotal" | "subtotal")
}

/// Separators, in the order in which they win when the first line has as many of each.
const DELIMITERS: [u8; 4] = [b';', b',', b'\t', b'|'];

fn count_outside_quotes(line: &str) -> [usize; 4] {
    let (mut quoted, mut counts) = (false, [0; 4]);
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        for (count, delimiter) in counts.iter_mut().zip(DELIMITERS) {
            *count += usize::from(!quoted && byte == delimiter);
        }
    }
    counts
}

/// The separator that `line` has most of, outside quotes; a comma where it has none.
pub(super) fn delimiter_of(line: &str) -> u8 {
    let counts = count_outside_quotes(line);
    let most = counts.into_iter().max().unwrap_or_default();
    let first = counts.iter().position(|c| *c == most && most > 0);
    first.map_or(b',', |i| DELIMITERS[i])
}

/// The declared separator, where the line does not have another one instead.
fn agreed(file: &InputFile, declared: u8, line: &str) -> Result<u8, InputError> {
    let found = delimiter_of(line);
    let has = |d: u8| line.bytes().any(|b| b == d);
    if has(declared) || !has(found) {
        return Ok(declared);
    }
    let (declared, found) = (char::from(declared), char::from(found));
    Err(InputError::Delimiter { file: file.name.clone(), declared, found })
}

/// The separator that Excel's line `sep=;` states.
fn separator_line(head: &str) -> Option<u8> {
    let line = head.lines().next()?.trim_matches('"');
    match line.to_ascii_lowercase().strip_prefix("sep=")?.as_bytes() {
        [one] => Some(*one),
        _ => None,
    }
}

fn corrupt(file: &InputFile, reason: &io::Error) -> InputError {
    InputError::Corrupt { file: file.name.clone(), format: "CSV", detail: reason.to_string() }
}
