//! Excel workbooks. Size, columns and cells are capped before and while they are parsed; formulas are never evaluated.
//!
//! The header is the first row with two filled cells or more (a title fills one). Sheets lie under each other and
//! are matched by the names of their columns; the column `blad` names the sheet. A column of dates becomes dates, of
//! whole numbers whole numbers, of numbers numbers; anything else is text. Memory is proportional to the sheets.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use calamine::{DataRef, Reader as _, SheetVisible, Xlsx};

use super::super::csv::says_total;
use super::super::files::InputFile;
use super::super::{Dialect, Fault, InputError};
use super::faults::Faults;
use super::held::columns;
use super::{Adapter, Batches, Head, Options, Raw, Reader, Rows};
use crate::study::file::Format;
use crate::vocab::Day;

/// Unpacked bytes of a workbook.
const MOST_BYTES: u64 = 1 << 30;
/// Unpacked bytes for each packed one, above [`FREE`].
const MOST_RATIO: u64 = 200;
/// Unpacked bytes that are always allowed.
const FREE: u64 = 32 << 20;
const MOST_COLUMNS: u32 = 1_000;
const MOST_CELLS: usize = 50_000_000;
const BATCH: usize = 16_384;

/// Name of the column that holds the sheet's name.
const SHEET: &str = "blad";

/// Excel workbook.
pub(super) struct Workbook;

impl Adapter for Workbook {
    fn format(&self) -> Format {
        Format::Xlsx
    }

    fn detect(&self, head: &Head) -> bool {
        head.bytes.starts_with(b"PK\x03\x04") || head.bytes.starts_with(OLD)
    }

    fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
        Ok(Box::new(open_workbook(file, options, Format::Xlsx)?))
    }
}

/// Start of an old or an encrypted workbook.
const OLD: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0];

/// True when the content is a workbook.
pub(super) fn is_workbook(file: &InputFile) -> Result<bool, InputError> {
    let head = super::head(file)?;
    Ok(Workbook.detect(&head))
}

/// Reads the sheets that are asked for.
pub(super) fn open_workbook(file: &InputFile, options: &Options, format: Format) -> Result<Sheets, InputError> {
    let error = |detail: &str| InputError::Workbook { file: file.name.clone(), detail: detail.to_string() };
    check_archive(file)?;
    let parse = || -> Result<Sheets, InputError> {
        let damaged = |e: calamine::XlsxError| error(&format!("damaged or not a workbook: {}", shown(&e)));
        let mut book: Xlsx<_> = Xlsx::new(BufReader::new(file.open()?)).map_err(damaged)?;
        let mut dialect = Dialect { format: Some(format), ..Dialect::default() };
        let names = chosen(&book, options, file, &mut dialect)?;
        let mut table = Table::new(file, options, format == Format::Dossier, names.len() > 1);
        for (number, name) in names.iter().enumerate() {
            let merged = book.merge_cells_by_sheet_name(name).map_err(damaged)?;
            let mut cells = book.worksheet_cells_reader(name).map_err(damaged)?;
            let mut sheet = table.sheet(name, number + 1);
            while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(damaged)? {
                sheet.cell(cell.pos, &cell.value, cell.formula.is_some())?;
            }
            sheet.end(merged.iter().map(|d| d.end.0))?;
        }
        dialect.sheets = names;
        dialect.footers = table.totals;
        table.finish(dialect)
    };
    // A damaged workbook has made parsers panic: that must be an error that names the file.
    catch_unwind(AssertUnwindSafe(parse)).unwrap_or_else(|_| Err(error("damaged: the parser gave up on it")))
}

/// Size, ratio, macros and encryption, before anything is parsed.
fn check_archive(file: &InputFile) -> Result<(), InputError> {
    let error = |detail: String| InputError::Workbook { file: file.name.clone(), detail };
    if super::head(file)?.bytes.starts_with(OLD) {
        return Err(error(
            "it is protected with a password, or an old .xls; save it as .xlsx without a password".into(),
        ));
    }
    let damaged = |_| error("damaged or not a workbook (.xlsx)".into());
    let mut zip = zip::ZipArchive::new(BufReader::new(file.open()?)).map_err(damaged)?;
    let mut total = 0u64;
    for i in 0..zip.len() {
        let member = zip.by_index_raw(i).map_err(damaged)?;
        total = total.saturating_add(member.size());
        if member.name().map_err(damaged)?.ends_with("vbaProject.bin") {
            return Err(error("it holds macros; save it as .xlsx".into()));
        }
    }
    if total > MOST_BYTES || total > FREE.max(file.bytes.saturating_mul(MOST_RATIO)) {
        let detail = format!("it claims to unpack to {} MB from {} kB", total >> 20, file.bytes >> 10);
        return Err(InputError::TooLarge { file: file.name.clone(), detail });
    }
    Ok(())
}

/// The parser's error without names or values of the file.
fn shown(error: &calamine::XlsxError) -> &'static str {
    match error {
        calamine::XlsxError::Io(_) | calamine::XlsxError::Zip(_) => "it is cut off or changed",
        calamine::XlsxError::Password => "it is protected with a password",
        calamine::XlsxError::WorksheetNotFound(_) => "a sheet is missing",
        _ => "a sheet is not well formed",
    }
}

fn chosen<R: std::io::Read + std::io::Seek>(
    book: &Xlsx<R>,
    options: &Options,
    file: &InputFile,
    dialect: &mut Dialect,
) -> Result<Vec<String>, InputError> {
    let sheets = book.sheets_metadata();
    let visible: Vec<String> =
        sheets.iter().filter(|s| s.visible == SheetVisible::Visible).map(|s| s.name.clone()).collect();
    let hidden = sheets.len() - visible.len();
    if hidden > 0 {
        dialect.notes.push(format!("{hidden} hidden sheets were not read"));
    }
    let error = |detail: String| InputError::NoTable { file: file.name.clone(), detail };
    if options.sheets.iter().any(|s| s == "*") || (options.sheets.is_empty() && visible.len() == 1) {
        return Ok(visible);
    }
    if options.sheets.is_empty() {
        let n = visible.len();
        return Err(error(format!("it has {n} visible sheets; add `sheets = \"*\"` for all, or their names")));
    }
    for name in &options.sheets {
        if !sheets.iter().any(|s| s.name == *name) {
            return Err(error(format!("there is no sheet `{name}`; it has {} sheets", sheets.len())));
        }
    }
    Ok(options.sheets.clone())
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Number(f64),
    Day(Day),
}

/// All sheets under each other.
struct Table<'t> {
    file: &'t InputFile,
    options: &'t Options,
    takes_totals: bool,
    names_sheets: bool,
    header: Vec<String>,
    columns: Vec<Vec<Option<Value>>>,
    rows: Vec<u64>,
    cells: usize,
    totals: u64,
    faults: Faults,
}

impl<'t> Table<'t> {
    fn new(file: &'t InputFile, options: &'t Options, takes_totals: bool, names_sheets: bool) -> Self {
        let faults = Faults::of(file);
        let (header, columns, rows) = (Vec::new(), Vec::new(), Vec::new());
        Self { file, options, takes_totals, names_sheets, header, columns, rows, cells: 0, totals: 0, faults }
    }

    fn sheet<'s>(&'s mut self, name: &'s str, number: usize) -> Sheet<'s, 't> {
        Sheet { table: self, name, number, row: None, current: BTreeMap::new(), places: Vec::new(), header_row: None }
    }

    fn column(&mut self, name: &str) -> usize {
        if let Some(at) = self.header.iter().position(|h| h == name) {
            return at;
        }
        self.header.push(name.to_string());
        self.columns.push(vec![None; self.rows.len()]);
        self.header.len() - 1
    }

    fn finish(mut self, dialect: Dialect) -> Result<Sheets, InputError> {
        self.faults.end()?;
        if self.header.is_empty() {
            return Err(InputError::Empty { file: self.file.name.clone() });
        }
        let form = self.options.date_format.as_deref().unwrap_or("%Y-%m-%d");
        let arrays: Vec<ArrayRef> = self.columns.into_iter().map(|c| array(c, form)).collect();
        let field = |(name, array): (&String, &ArrayRef)| Field::new(name, array.data_type().clone(), true);
        let schema = Arc::new(Schema::new(self.header.iter().zip(&arrays).map(field).collect::<Vec<_>>()));
        let count = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        let batch =
            RecordBatch::try_new_with_options(schema, arrays, &count).map_err(|e| columns(&self.file.name, &e))?;
        Ok(Sheets { file: self.file.name.clone(), header: self.header, batch, rows: self.rows, dialect })
    }
}

/// One sheet while it is read.
struct Sheet<'s, 't> {
    table: &'s mut Table<'t>,
    name: &'s str,
    number: usize,
    row: Option<u32>,
    current: BTreeMap<u32, Value>,
    /// Place in the table of each column of the sheet.
    places: Vec<(u32, usize)>,
    header_row: Option<u32>,
}

impl Sheet<'_, '_> {
    fn cell(&mut self, (row, column): (u32, u32), value: &DataRef<'_>, is_formula: bool) -> Result<(), InputError> {
        if self.row != Some(row) {
            self.flush();
            self.row = Some(row);
        }
        self.table.cells += 1;
        let file = || self.table.file.name.clone();
        if column >= MOST_COLUMNS {
            let detail = format!("a cell stands in column {} (at most {MOST_COLUMNS} are read)", column + 1);
            return Err(InputError::TooLarge { file: file(), detail });
        }
        if self.table.cells > MOST_CELLS {
            return Err(InputError::TooLarge { file: file(), detail: format!("it has over {MOST_CELLS} cells") });
        }
        let place = format!("sheet {}, column {}", self.number, column + 1);
        let number = u64::from(row) + 1;
        let value = match value {
            DataRef::Empty if is_formula => {
                self.table.faults.add(Fault::NoResult, number, &place, "", "a formula has no stored result");
                return Ok(());
            }
            DataRef::Empty => return Ok(()),
            DataRef::Int(n) => Value::Number(*n as f64),
            DataRef::Float(x) => Value::Number(*x),
            DataRef::Bool(b) => Value::Text(if *b { "TRUE" } else { "FALSE" }.into()),
            DataRef::String(s) => Value::Text(s.trim().to_string()),
            DataRef::SharedString(s) => Value::Text(s.trim().to_string()),
            DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => iso(s),
            DataRef::DateTime(t) => match day(t) {
                Some(day) => Value::Day(day),
                None => Value::Number(t.as_f64()),
            },
            DataRef::Error(_) => {
                self.table.faults.add(Fault::NoResult, number, &place, "", "the cell holds an error (#N/A, #REF!)");
                return Ok(());
            }
        };
        if value != Value::Text(String::new()) {
            self.current.insert(column, value);
        }
        Ok(())
    }

    /// Takes over a row that is complete.
    fn flush(&mut self) {
        let (Some(row), cells) = (self.row, std::mem::take(&mut self.current)) else { return };
        if cells.is_empty() || row < self.table.options.skip_rows {
            return;
        }
        let Some(_) = self.header_row else {
            if cells.len() > 1 {
                self.header_row = Some(row);
                for (column, value) in &cells {
                    let at = self.table.column(&text(value, "%Y-%m-%d"));
                    if self.places.iter().any(|(_, p)| *p == at) {
                        let place = format!("sheet {}, column {}", self.number, column + 1);
                        let expected = "the header has this name twice; give one of them another name";
                        self.table.faults.add(Fault::Repeated, u64::from(row) + 1, &place, "", expected);
                    }
                    self.places.push((*column, at));
                }
            }
            return;
        };
        if cells.values().next().is_some_and(|v| matches!(v, Value::Text(t) if says_total(t)))
            && self.table.takes_totals
        {
            self.table.totals += 1;
            return;
        }
        if let Some((column, _)) = cells.iter().find(|(c, _)| !self.places.iter().any(|(p, _)| p == *c)) {
            let place = format!("sheet {}, column {}", self.number, column + 1);
            self.table.faults.add(
                Fault::ExtraCell,
                u64::from(row) + 1,
                &place,
                "",
                "the header has no name above the cell",
            );
            return;
        }
        let n = self.table.rows.len();
        self.table.rows.push(u64::from(row) + 1);
        for (column, value) in cells {
            if let Some((_, at)) = self.places.iter().find(|(p, _)| *p == column) {
                let cells = &mut self.table.columns[*at];
                cells.resize(n, None);
                cells.push(Some(value));
            }
        }
        if self.table.names_sheets {
            let at = self.table.column(SHEET);
            self.table.columns[at].resize(n, None);
            self.table.columns[at].push(Some(Value::Text(self.name.to_string())));
        }
        self.table.columns.iter_mut().for_each(|c| c.resize(n + 1, None));
    }

    fn end(&mut self, merged_until: impl Iterator<Item = u32>) -> Result<(), InputError> {
        self.flush();
        let Some(header) = self.header_row else { return Ok(()) };
        for row in merged_until.filter(|row| *row >= header) {
            let place = format!("sheet {}", self.number);
            let expected = "merged cells: only the first of their rows and columns has the value";
            self.table.faults.add(Fault::Merged, u64::from(row) + 1, &place, "", expected);
        }
        Ok(())
    }
}

/// The day of a date cell; its serial number counts from the workbook's own epoch.
fn day(cell: &calamine::ExcelDateTime) -> Option<Day> {
    if cell.is_duration() {
        return None;
    }
    let (year, month, day, ..) = cell.to_ymd_hms_milli();
    // A time without a date is day 0.
    if cell.as_f64() < 1.0 {
        return None;
    }
    Day::ymd(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
}

fn iso(text: &str) -> Value {
    match text.get(..10).and_then(Day::parse) {
        Some(day) => Value::Day(day),
        None => Value::Text(text.to_string()),
    }
}

fn text(value: &Value, form: &str) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(x) => format!("{x}"),
        Value::Day(day) => day.date().map_or_else(String::new, |d| d.strftime(form).to_string()),
    }
}

/// Whole numbers up to 2⁵³ are exact.
fn whole(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && x.abs() <= 9_007_199_254_740_992.0).then_some(x as i64)
}

/// A column in the narrowest type that holds all its cells.
fn array(cells: Vec<Option<Value>>, form: &str) -> ArrayRef {
    let some = || cells.iter().flatten();
    if some().next().is_some() && some().all(|v| matches!(v, Value::Day(_))) {
        let day = |v: &Option<Value>| v.as_ref().and_then(|v| if let Value::Day(d) = v { Some(d.0) } else { None });
        return Arc::new(cells.iter().map(day).collect::<Date32Array>());
    }
    let number = |v: &Option<Value>| v.as_ref().and_then(|v| if let Value::Number(x) = v { Some(*x) } else { None });
    if some().next().is_some() && some().all(|v| matches!(v, Value::Number(_))) {
        if cells.iter().filter_map(number).all(|x| whole(x).is_some()) {
            return Arc::new(cells.iter().map(|v| number(v).and_then(whole)).collect::<Int64Array>());
        }
        return Arc::new(cells.iter().map(number).collect::<Float64Array>());
    }
    Arc::new(cells.iter().map(|v| v.as_ref().map(|v| text(v, form))).collect::<StringArray>())
}

/// The sheets of a workbook as one table.
pub(super) struct Sheets {
    file: String,
    header: Vec<String>,
    batch: RecordBatch,
    rows: Vec<u64>,
    dialect: Dialect,
}

impl Reader for Sheets {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn read<'r>(&'r self, _: usize, wanted: &[usize]) -> Result<Batches<'r>, InputError> {
        let all = self.batch.project(wanted).map_err(|e| columns(&self.file, &e))?;
        Ok(Box::new((0..self.rows.len()).step_by(BATCH).map(move |from| {
            let n = BATCH.min(self.rows.len() - from);
            Ok(Raw { batch: all.slice(from, n), rows: Rows::Each(self.rows[from..from + n].to_vec()) })
        })))
    }

    fn is_text(&self) -> bool {
        true
    }

    fn dialect(&self) -> Dialect {
        self.dialect.clone()
    }
}
