//! Input formats. One adapter is one file here and one line in [`SOURCES`].
//!
//! An adapter turns a file into batches of named columns; everything after that (renaming, filters, look-ups, types,
//! rejects) is the same for all formats. A format of DUO or of a standard has tables with fixed columns
//! ([`TableSpec`], canonical names); `csv`, `xlsx`, `las`, `dossier` and `parquet` have the columns of the file.

mod plain;

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;

use super::files::InputFile;
use super::{Dialect, InputError};
use crate::study::file::{Decimal, Encoding, Format, IdKind, Source};
use crate::study::nearest;

/// All formats. The first that knows a content reads it.
pub static SOURCES: &[&dyn Adapter] = &[&plain::Parquet, &plain::Csv];

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
    let format = declared.unwrap_or_else(|| Format::of_name(&file.name));
    let Some(adapter) = adapter(format) else {
        return Err(InputError::Unsupported { file: file.name.clone(), what: format!("format {}", format.word()) });
    };
    adapter.open(file, options)
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
