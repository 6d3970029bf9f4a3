//! The door: writes a simulated region as Parquet, one file per table, `truth.parquet` beside the data.
//! Writer settings are pinned and nothing carries a time, so equal specs give equal bytes.

#![allow(clippy::disallowed_methods, reason = "the door through which simulated regions go out")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};
use rayon::prelude::*;

use super::formats::{self, Form};
use super::region::{Plan, Region};
use super::spec::RegionSpec;
use super::tables;

/// Rows per row group.
const ROW_GROUP: usize = 1 << 20;
/// Rows per data page at most.
const PAGE: usize = 20_000;

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// File name, such as `leerling.parquet`.
    pub name: String,
    /// Rows in it.
    pub rows: u64,
}

/// Why a region could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The directory can't be made.
    #[error("cannot make the directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file can't be made.
    #[error("cannot create {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file can't be written to its end.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the Parquet writer said.
        source: ParquetError,
    },
    /// There are not enough test numbers for so many pupils.
    #[error(
        "{pupils} pupils are more than the {most} person numbers of the test range; simulate fewer, or --as parquet"
    )]
    TooManyPupils {
        /// Pupils of the region.
        pupils: usize,
        /// Test numbers.
        most: usize,
    },
}

/// Writes a region into `dir`, which is made when it isn't there; files of the same names are replaced.
///
/// # Errors
/// [`EmitError`] names the directory or file that failed; files before it are complete.
pub fn write_region(region: &Region, dir: &Path) -> Result<Vec<Written>, EmitError> {
    make(dir)?;
    let write = |(name, batch): &(&str, &RecordBatch)| {
        let mut table = Table::create(dir, name, batch)?;
        table.write(batch)?;
        table.close()
    };
    region.tables().iter().map(write).collect()
}

/// Simulates and writes a region a few schools at a time, so that memory doesn't grow with the region. The
/// files hold the same rows as [`write_region`] of [`super::simulate`].
///
/// # Errors
/// As [`write_region`]; but a failure may leave any of the files incomplete.
pub fn simulate_to(spec: &RegionSpec, dir: &Path) -> Result<Vec<Written>, EmitError> {
    make(dir)?;
    let plan = Plan::new(spec);
    let mut files: Vec<Table> = Vec::new();
    let mut truths = Vec::new();
    let mut chunks = plan.chunks();
    let mut next = chunks.next();
    while let Some(chunk) = next {
        if files.is_empty() {
            let create = |(name, batch): (&&str, _)| Table::create(dir, name, batch);
            files = tables::NAMES.iter().zip(&chunk.tables).map(create).collect::<Result<_, _>>()?;
        }
        let write = || {
            let tables = files.par_iter_mut().zip(&chunk.tables);
            tables.try_for_each(|(file, batch)| file.write(batch))
        };
        // The next schools are drawn while these are packed.
        let (written, drawn) = rayon::join(write, || chunks.next());
        written?;
        next = drawn;
        truths.extend(chunk.truths);
    }
    let truth = plan.truth(&truths);
    let mut file = Table::create(dir, "truth", &truth)?;
    file.write(&truth)?;
    files.push(file);
    files.into_iter().map(Table::close).collect()
}

/// Simulates a region and writes it as the files that schools and institutions have, with `truth.parquet` beside them. Memory holds
/// the schools of one region and the files that list all schools. `Form::Parquet` adds the files of [`simulate_to`].
///
/// # Errors
/// [`EmitError`]; a failure may leave files unwritten.
pub fn write_files(spec: &RegionSpec, forms: &[Form], dir: &Path) -> Result<Vec<Written>, EmitError> {
    let mut written = if forms.contains(&Form::Parquet) { simulate_to(spec, dir)? } else { Vec::new() };
    if forms.iter().all(|form| *form == Form::Parquet) {
        return Ok(written);
    }
    make(dir)?;
    let plan = Plan::new(spec);
    let (pupils, most) = (plan.pupils(), formats::most_pupils());
    if pupils > most {
        return Err(EmitError::TooManyPupils { pupils, most });
    }
    let mut writer = formats::Writer::new(forms, plan.cohorts());
    let mut truths = Vec::new();
    for schools in plan.regions() {
        for file in writer.region(&schools) {
            written.push(put(dir, file)?);
        }
        truths.extend(schools.into_iter().map(|s| s.truth));
    }
    for file in writer.finish() {
        written.push(put(dir, file)?);
    }
    if !forms.contains(&Form::Parquet) {
        let truth = plan.truth(&truths);
        let mut file = Table::create(dir, "truth", &truth)?;
        file.write(&truth)?;
        written.push(file.close()?);
    }
    Ok(written)
}

/// Writes one file whole.
fn put(dir: &Path, file: formats::File) -> Result<Written, EmitError> {
    let path = dir.join(&file.name);
    if let Some(folder) = path.parent() {
        make(folder)?;
    }
    fs::write(&path, &file.bytes).map_err(|source| EmitError::Create { path, source })?;
    Ok(Written { name: file.name, rows: file.rows })
}

fn make(dir: &Path) -> Result<(), EmitError> {
    fs::create_dir_all(dir).map_err(|source| EmitError::Directory { path: dir.to_owned(), source })
}

/// A Parquet file that is being written.
struct Table {
    name: String,
    path: PathBuf,
    rows: u64,
    writer: ArrowWriter<File>,
}

impl Table {
    /// Opens `dir/name.parquet` for batches like `like`.
    fn create(dir: &Path, name: &str, like: &RecordBatch) -> Result<Self, EmitError> {
        let name = format!("{name}.parquet");
        let path = dir.join(&name);
        let file = File::create(&path).map_err(|source| EmitError::Create { path: path.clone(), source })?;
        let writer = ArrowWriter::try_new(file, like.schema(), Some(properties()))
            .map_err(|source| EmitError::Write { path: path.clone(), source })?;
        Ok(Self { name, path, rows: 0, writer })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), EmitError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|source| EmitError::Write { path: self.path.clone(), source })
    }

    fn close(self) -> Result<Written, EmitError> {
        let Self { name, path, rows, writer } = self;
        writer.close().map_err(|source| EmitError::Write { path, source })?;
        Ok(Written { name, rows })
    }
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by("lob simulate".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_data_page_row_count_limit(PAGE)
        .build()
}
