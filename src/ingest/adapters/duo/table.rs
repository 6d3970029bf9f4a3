//! Tables of open data: columns by folded name, one or more canonical rows per line.

use std::collections::BTreeMap;

use super::super::build::{BATCH, Build, Cell};
use super::super::faults::Faults;
use super::super::held::columns;
use super::super::{Batches, Options, Raw, Reader, TableSpec, table_of, until_error};
use super::lists::folded;
use crate::ingest::csv::{Form, TextFile};
use crate::ingest::files::InputFile;
use crate::ingest::records::Records;
use crate::ingest::{Dialect, InputError};
use crate::study::file::{Format, IdKind};

/// One line, by the folded names of its columns.
pub(super) struct Line<'r> {
    pub(super) records: &'r Records,
    places: &'r BTreeMap<String, usize>,
}

impl<'r> Line<'r> {
    /// The cell below the first of `names` that the file has.
    pub(super) fn cell(&self, names: &[&str]) -> &'r str {
        let at = names.iter().find_map(|name| self.places.get(*name));
        at.map_or("", |at| self.records.cell(*at).trim())
    }

    /// The cell at a place.
    pub(super) fn at(&self, place: usize) -> &'r str {
        self.records.cell(place).trim()
    }

    pub(super) fn row(&self) -> u64 {
        self.records.row()
    }
}

/// Where a line's rows go.
pub(super) struct Rows<'b> {
    build: &'b mut Build,
    row: u64,
}

impl Rows<'_> {
    pub(super) fn push(&mut self, cells: &[Cell<'_>]) {
        self.build.push(self.row, cells);
    }
}

/// How a format turns lines into rows.
pub(super) trait Lines: Send + Sync + Sized + 'static {
    /// The format.
    const FORMAT: Format;
    /// Columns without which a file is not of this format: one of each group must be there.
    const NEEDS: &'static [&'static [&'static str]];

    /// What the header and the name tell.
    ///
    /// # Errors
    /// A header or name that does not tell it.
    fn of(file: &InputFile, header: &[String]) -> Result<Self, InputError>;

    /// Turns one line into rows.
    fn rows(&self, line: &Line<'_>, faults: &mut Faults, to: &mut Rows<'_>);
}

struct OpenTable<L> {
    text: TextFile,
    spec: &'static TableSpec,
    header: Vec<String>,
    places: BTreeMap<String, usize>,
    lines: L,
}

/// Opens a file of open data.
pub(super) fn open<L: Lines>(
    tables: &'static [TableSpec],
    file: &InputFile,
    options: &Options,
) -> Result<Box<dyn Reader>, InputError> {
    let spec = table_of(tables, file, options)?;
    let text = TextFile::open(file, options, Form { format: L::FORMAT, quoting: true, totals: false })?;
    let names: Vec<String> = text.header.iter().map(|h| folded(h)).collect();
    if let Some(missing) = L::NEEDS.iter().find(|group| !group.iter().any(|n| names.iter().any(|h| h == n))) {
        return Err(InputError::NoColumn {
            source_name: "the format".into(),
            file: file.name.clone(),
            column: missing[0].to_string(),
            help: format!("none of its {} columns is called so", names.len()),
        });
    }
    let lines = L::of(file, &names)?;
    // Of two columns with one name the first counts.
    let places = names.into_iter().enumerate().rev().map(|(i, name)| (name, i)).collect();
    Ok(Box::new(OpenTable { text, spec, header: spec.header(), places, lines }))
}

impl<L: Lines> Reader for OpenTable<L> {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn read<'r>(&'r self, _: usize, wanted: &[usize]) -> Result<Batches<'r>, InputError> {
        batches(&self.text, self.spec, wanted, |records, faults, build| {
            let line = Line { records, places: &self.places };
            let row = line.row();
            self.lines.rows(&line, faults, &mut Rows { build, row });
        })
    }

    fn ids(&self) -> BTreeMap<String, IdKind> {
        self.spec.ids()
    }

    fn dialect(&self) -> Dialect {
        Dialect { table: Some(self.spec.name.into()), ..Reader::dialect(&self.text) }
    }
}

/// Streams the rows that `step` makes of each record below the header; faults are said at the end of the file.
pub(super) fn batches<'r>(
    text: &'r TextFile,
    spec: &'static TableSpec,
    wanted: &[usize],
    mut step: impl FnMut(&Records, &mut Faults, &mut Build) + Send + 'r,
) -> Result<Batches<'r>, InputError> {
    let mut records = text.body()?;
    let mut build = Build::new(spec, wanted);
    let mut faults = Faults::of(&text.file);
    let mut ended = false;
    Ok(until_error(move || -> Result<Option<Raw>, InputError> {
        while !ended && build.len() < BATCH {
            if !records.next().map_err(|e| text.corrupt(&e))? {
                ended = true;
                faults.end()?;
                break;
            }
            step(&records, &mut faults, &mut build);
        }
        if build.len() == 0 {
            return Ok(None);
        }
        build.take().map(Some).map_err(|e| columns(&text.file.name, &e))
    }))
}
