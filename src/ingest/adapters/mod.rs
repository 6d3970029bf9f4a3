//! Input formats. One adapter is one file here and one line in [`SOURCES`].
//!
//! An adapter turns a file into batches of named columns; everything after that (renaming, filters, look-ups, types,
//! rejects) is the same for all formats. A format of DUO or of a standard has tables with fixed columns
//! ([`TableSpec`], canonical names); `csv`, `xlsx`, `las`, `dossier` and `parquet` have the columns of the file.

mod build;
mod canonical;
mod ceda;
mod duo;
mod edexml;
mod faults;
mod held;
mod plain;
mod school;
mod xapi;
mod xlsx;
mod xml;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use arrow::record_batch::RecordBatch;
pub use duo::Bounds;
pub(crate) use duo::count;
pub use school::may_be_named;

use super::files::InputFile;
use super::{Dialect, InputError, csv, packing};
use crate::study::file::{Decimal, Encoding, Format, IdKind, Source};
use crate::study::nearest;

/// All formats. The first that knows a content reads it.
pub static SOURCES: &[&dyn Adapter] = &[
    &plain::Parquet,
    &xlsx::Workbook,
    &duo::Ro,
    &duo::Grondslag,
    &duo::Obo,
    &duo::Tbgi,
    &duo::A05,
    &duo::A04,
    &duo::A14,
    &duo::Nenr,
    &duo::Nrsp,
    &duo::Exams,
    &duo::Voins,
    &duo::Vsv,
    &duo::Vestigingen,
    &duo::Overgangen,
    &edexml::Edexml,
    &xapi::Xapi,
    &school::Las,
    &school::Dossier,
    &ceda::Ceda,
    &plain::Csv,
];

/// What an adapter may be told about a file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which table of a format that has several.
    pub table: Option<String>,
    /// Separator of columns.
    pub delimiter: Option<u8>,
    /// Encoding of a text file.
    pub encoding: Option<Encoding>,
    /// Decimal sign.
    pub decimal: Option<Decimal>,
    /// Form of dates in text; date cells of a workbook that stand among texts are written so.
    pub date_format: Option<String>,
    /// Rows above the header.
    pub skip_rows: u32,
    /// Sheets of a workbook.
    pub sheets: Vec<String>,
    /// Kinds of the columns that hold identifiers.
    pub ids: BTreeMap<String, IdKind>,
    /// Accept control totals that do not fit.
    pub incomplete: bool,
    /// xAPI: home pages whose accounts are pupils.
    pub homepages: Vec<String>,
}

impl Options {
    /// What the study says about a source.
    pub fn of(source: &Source) -> Self {
        Self {
            table: source.table.clone(),
            delimiter: source.delimiter.as_ref().and_then(|d| d.as_bytes().first().copied()),
            encoding: source.encoding,
            decimal: source.decimal,
            date_format: source.date_format.clone(),
            skip_rows: source.skip_rows,
            sheets: source.sheets.0.clone(),
            ids: source.ids.clone(),
            incomplete: source.incomplete,
            homepages: source.homepages.0.clone(),
        }
    }
}

/// What a column of a fixed table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A day.
    Date,
    /// A number.
    Number,
    /// An identifier; it becomes a pseudonym before anything else sees it.
    Id(IdKind),
}

/// A column of a fixed table.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSpec {
    /// Name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Every row has a value.
    pub required: bool,
    /// Label in Dutch.
    pub label_nl: &'static str,
    /// Label in English.
    pub label_en: &'static str,
}

/// A table that a format holds.
#[derive(Clone, Copy, Debug)]
pub struct TableSpec {
    /// Canonical name, such as `enrolment`.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [ColumnSpec],
}

impl TableSpec {
    /// Names of the columns.
    pub fn header(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.to_string()).collect()
    }

    /// Columns with identifiers.
    pub fn ids(&self) -> BTreeMap<String, IdKind> {
        let id = |c: &ColumnSpec| match c.kind {
            Kind::Id(kind) => Some((c.name.to_string(), kind)),
            _ => None,
        };
        self.columns.iter().filter_map(id).collect()
    }
}

/// Where the rows of a batch stand in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// One after another, from this one.
    From(u64),
    /// Row or line of each.
    Each(Vec<u64>),
}

impl Rows {
    /// Row or line of the file, counted from 1, of row `i` of the batch.
    pub fn at(&self, i: usize) -> u64 {
        match self {
            Rows::From(first) => first + i as u64,
            Rows::Each(rows) => rows[i],
        }
    }
}

/// A batch as it comes out of a file.
#[derive(Clone, Debug)]
pub struct Raw {
    /// Columns by their names in the file (or of the fixed table).
    pub batch: RecordBatch,
    /// Where its rows stand.
    pub rows: Rows,
}

/// Batches of one part of a file. After an error there is nothing more.
pub type Batches<'r> = Box<dyn Iterator<Item = Result<Raw, InputError>> + Send + 'r>;

/// A file of which the header is known.
pub trait Reader: Send + Sync {
    /// Names of the columns.
    fn header(&self) -> &[String];

    /// Parts that can be read side by side.
    fn parts(&self) -> usize {
        1
    }

    /// Rows of all parts, where the file says it beforehand: a hint for making room, which a damaged file may have wrong.
    fn rows(&self) -> u64 {
        0
    }

    /// Whether a part may hold one of these texts in a column (position in the header), as far as can be told without reading it.
    fn may_hold(&self, _part: usize, _column: usize, _texts: &BTreeSet<Vec<u8>>) -> bool {
        true
    }

    /// Streams the batches of one part with `columns` (positions in the header, ascending) and no others.
    ///
    /// # Errors
    /// What can be seen before the first batch.
    fn read<'r>(&'r self, part: usize, columns: &[usize]) -> Result<Batches<'r>, InputError>;

    /// Columns with identifiers that the format itself declares.
    fn ids(&self) -> BTreeMap<String, IdKind> {
        BTreeMap::new()
    }

    /// True when cells are text that a person typed: forms of dates and numbers have to be found out.
    fn is_text(&self) -> bool {
        false
    }

    /// How the file is written.
    fn dialect(&self) -> Dialect;
}

/// The beginning of a file.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// File name in lower case.
    pub name: String,
    /// First bytes, unpacked and decoded as far as they are text.
    pub text: String,
    /// First bytes as they are, unpacked.
    pub bytes: Vec<u8>,
    /// Folded names of the first line's cells, for formats with a header.
    pub header: Vec<String>,
}

/// An input format.
pub trait Adapter: Sync {
    /// Which one.
    fn format(&self) -> Format;

    /// Tables with fixed columns; none where the file's own header names them.
    fn tables(&self) -> &'static [TableSpec] {
        &[]
    }

    /// True when the content is of this format.
    fn detect(&self, head: &Head) -> bool;

    /// True when a file of this name must be of this format.
    fn claims_name(&self, _name: &str) -> bool {
        false
    }

    /// Opens a file.
    ///
    /// # Errors
    /// Damage, a missing header, a table that the format does not have.
    fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError>;
}

/// The adapter of a format.
pub fn adapter(format: Format) -> Option<&'static dyn Adapter> {
    SOURCES.iter().copied().find(|a| a.format() == format)
}

/// Opens a file by its declared format, or else by what its content and name show.
///
/// # Errors
/// As [`Adapter::open`]; a content that is not of the declared format; a name that promises another format.
pub fn open(file: &InputFile, declared: Option<Format>, options: &Options) -> Result<Box<dyn Reader>, InputError> {
    find(file, declared)?.open(file, options)
}

/// How a file of a source is written, as far as opening it shows.
///
/// # Errors
/// As [`open`].
pub fn describe(file: &InputFile, source: &Source) -> Result<Dialect, InputError> {
    Ok(open(file, source.format, &Options::of(source))?.dialect())
}

/// Bytes of the head.
const HEAD: u64 = 1 << 16;

/// The beginning of a file, unpacked, and decoded where it is text.
pub(super) fn head(file: &InputFile) -> Result<Head, InputError> {
    let mut bytes = Vec::new();
    let own = file.name.rsplit('/').next().unwrap_or_default().to_lowercase();
    let mut start = packing::content(file)?.take(HEAD);
    // A damaged archive is reported by the reader that meets it; what came before the damage tells the format.
    let _ = start.read_to_end(&mut bytes);
    let text = decoded(&bytes);
    let line = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
    let delimiter = char::from(csv::delimiter_of(line));
    let header = line.split(delimiter).map(|cell| duo::folded(cell.trim().trim_matches('"'))).collect();
    Ok(Head { name: own, text, bytes, header })
}

fn decoded(bytes: &[u8]) -> String {
    let (encoding, marks) = match bytes {
        [0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, ..] => (encoding_rs::UTF_8, 6),
        [0xef, 0xbb, 0xbf, ..] => (encoding_rs::UTF_8, 3),
        [0xff, 0xfe, ..] => (encoding_rs::UTF_16LE, 2),
        [0xfe, 0xff, ..] => (encoding_rs::UTF_16BE, 2),
        _ => (encoding_rs::UTF_8, 0),
    };
    encoding.decode_without_bom_handling(&bytes[marks..]).0.into_owned()
}

/// The adapter that reads a file.
pub(super) fn find(file: &InputFile, declared: Option<Format>) -> Result<&'static dyn Adapter, InputError> {
    let wrong = |detail: String| InputError::WrongFormat { file: file.name.clone(), detail };
    let head = head(file)?;
    let fits = |a: &&&dyn Adapter| a.detect(&head);
    if let Some(format) = declared {
        let adapter = adapter(format).ok_or_else(|| wrong(format!("there is no format `{}`", format.word())))?;
        if !adapter.tables().is_empty() && !adapter.detect(&head) {
            return Err(wrong(format!("the study says it is {}, its content is not", format.word())));
        }
        return Ok(adapter);
    }
    let own = |f: Format| SOURCES.iter().copied().find(|a| a.format() == f);
    let promised = SOURCES.iter().copied().find(|a| a.claims_name(&head.name));
    if let Some(promised) = promised {
        if promised.detect(&head) {
            return Ok(promised);
        }
        let word = promised.format().word();
        return Err(wrong(format!(
            "its name promises {word}, its content is not; give `format` in the study if the name is wrong"
        )));
    }
    let by_name = Format::of_name(&head.name);
    match SOURCES.iter().find(fits).copied() {
        // A damaged Parquet file may have lost its first bytes: its own reader says so best.
        Some(found) if found.format() == Format::Csv => Ok(own(by_name).unwrap_or(found)),
        Some(found) if by_name == Format::Parquet && found.format() != Format::Parquet => {
            Ok(own(by_name).unwrap_or(found))
        }
        Some(found) => Ok(found),
        None => Err(wrong("no format fits its content".into())),
    }
}

/// Turns a function that gives batches into an iterator that ends at the first error.
fn until_error<'r>(mut next: impl FnMut() -> Result<Option<Raw>, InputError> + Send + 'r) -> Batches<'r> {
    let mut failed = false;
    Box::new(std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let item = next();
        failed = item.is_err();
        item.transpose()
    }))
}

/// The table that is asked for; a format with one table needs no word.
///
/// # Errors
/// No such table, or several and none named.
pub fn table_of(
    tables: &'static [TableSpec],
    file: &InputFile,
    options: &Options,
) -> Result<&'static TableSpec, InputError> {
    let names: Vec<String> = tables.iter().map(|t| t.name.to_string()).collect();
    let error = |detail: String| InputError::NoTable { file: file.name.clone(), detail };
    match (&options.table, tables) {
        (None, [only]) => Ok(only),
        (None, _) => Err(error(format!("add `table = \"…\"` to the source: {}", names.join(", ")))),
        (Some(name), _) => tables.iter().find(|t| t.name == name).ok_or_else(|| {
            let near = nearest(name, &names).unwrap_or_else(|| format!("it has {}", names.join(", ")));
            error(format!("there is no table `{name}`; {near}"))
        }),
    }
}
