//! Files outside the publish protocol, and tables as Parquet with pinned settings: the same table gives the same bytes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::{LoosePage, RunError};
use crate::ingest::KEY_ID;
use crate::panel::{Panel, patterns};

fn properties(key_id: Option<&str>) -> WriterProperties {
    private_properties("pupil", key_id)
}

/// Settings of a table whose column `key` holds pseudonyms. The id of the key by which they were made is recorded, so that a
/// later study with another key is refused instead of finding nobody.
pub(super) fn private_properties(key: &str, key_id: Option<&str>) -> WriterProperties {
    let record = key_id.map(|id| vec![KeyValue::new(KEY_ID.to_string(), id.to_string())]);
    WriterProperties::builder()
        .set_key_value_metadata(record)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("lob-effect".into())
        // Smallest and largest pseudonym would stand in the footer.
        .set_column_statistics_enabled(ColumnPath::from(key), EnabledStatistics::None)
        .build()
}

/// A table as Parquet bytes.
///
/// # Errors
/// A type that Parquet can't hold: a mistake in our code.
pub fn write_table(batch: &RecordBatch) -> Result<Vec<u8>, RunError> {
    let encode = |e: parquet::errors::ParquetError| RunError::Encode { table: "table".into(), reason: e.to_string() };
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties(None))).map_err(encode)?;
    writer.write(batch).map_err(encode)?;
    writer.into_inner().map_err(encode)
}

/// Writes the panel table of outcome `o` to `path`. It holds pseudonyms, made with the key `key_id`: only the owner can
/// read it.
///
/// # Errors
/// When the file can't be written.
pub fn write_panel(panel: &Panel<'_>, o: usize, path: &Path, key_id: Option<&str>) -> Result<u64, RunError> {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let failed = |reason: std::io::Error| RunError::Write { what: name.clone(), reason };
    let encode = |e: parquet::errors::ParquetError| failed(std::io::Error::other(e.to_string()));
    let file = create_private(path).map_err(failed)?;
    let writer = ArrowWriter::try_new(file, panel.schema(o), Some(properties(key_id))).map_err(encode)?;
    write_side_by_side(writer, panel.batches(o)).map_err(encode)
}

/// Writes the school × cohort cells of outcome `o` to `path`, readable by its owner only: `None` when the outcome has no landmark.
///
/// # Errors
/// When the file can't be written.
pub fn write_cells(panel: &Panel<'_>, o: usize, path: &Path) -> Result<Option<u64>, RunError> {
    let Some(table) = panel.cells_table(o) else { return Ok(None) };
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let bytes = write_table(&table)?;
    let written = create_private(path).and_then(|mut file| file.write_all(&bytes));
    written.map_err(|reason| RunError::Write { what: name, reason })?;
    Ok(Some(table.num_rows() as u64))
}

/// Writes the pattern cells of a panel to `path`, readable by its owner only: a small cell tells as much of its pupils as
/// their own row would.
///
/// # Errors
/// When the file can't be written.
pub fn write_pattern_cells(panel: &Panel<'_>, path: &Path) -> Result<u64, RunError> {
    let cells = patterns::Cells::of(panel);
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let failed = |reason: std::io::Error| RunError::Write { what: name.clone(), reason };
    let encode = |e: ParquetError| failed(std::io::Error::other(e.to_string()));
    let entries = cells.entries.iter().map(|(key, value)| KeyValue::new((*key).to_string(), value.clone())).collect();
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(entries))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("lob-effect".into())
        .build();
    let file = create_private(path).map_err(failed)?;
    let writer = ArrowWriter::try_new(file, cells.schema.clone(), Some(properties)).map_err(encode)?;
    write_side_by_side(writer, cells.batches()).map_err(encode)
}

/// Writes batches with the columns of a row group side by side, and says how many rows.
fn write_side_by_side(
    writer: ArrowWriter<File>,
    batches: impl Iterator<Item = RecordBatch>,
) -> Result<u64, ParquetError> {
    let (mut writer, groups) = writer.into_serialized_writer()?;
    let (mut rows, mut group) = (0, RowGroup::default());
    for batch in batches {
        if group.columns.is_empty() {
            group.columns = groups.create_column_writers(writer.flushed_row_groups().len())?;
        }
        group.write(&batch)?;
        rows += batch.num_rows() as u64;
        if group.rows >= ROW_GROUP {
            group.close(&mut writer)?;
        }
    }
    group.close(&mut writer)?;
    writer.close()?;
    Ok(rows)
}

/// A row group is full at this many rows; it ends with the batch.
const ROW_GROUP: usize = 1 << 20;

/// A row group that is being written: its columns are encoded by the threads of the pool, each column by one
/// of them at a time, so that the bytes don't depend on the number of threads.
#[derive(Default)]
struct RowGroup {
    rows: usize,
    columns: Vec<ArrowColumnWriter>,
}

impl RowGroup {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let schema = batch.schema();
        self.rows += batch.num_rows();
        let columns = self.columns.par_iter_mut().zip(batch.columns()).zip(schema.fields().par_iter());
        columns.try_for_each(|((writer, array), field)| {
            compute_leaves(field, array)?.iter().try_for_each(|leaf| writer.write(leaf))
        })
    }

    fn close(&mut self, file: &mut SerializedFileWriter<File>) -> Result<(), ParquetError> {
        let RowGroup { rows, columns } = std::mem::take(self);
        if rows == 0 {
            return Ok(());
        }
        let chunks: Vec<_> = columns.into_par_iter().map(ArrowColumnWriter::close).collect();
        let mut group = file.next_row_group()?;
        for chunk in chunks {
            chunk?.append_to_row_group(&mut group)?;
        }
        group.close().map(drop)
    }
}

/// Writes a school's page outside a run, readable by its owner only.
///
/// # Errors
/// When the file can't be written.
pub fn write_page(page: &LoosePage, folder: &Path) -> Result<PathBuf, RunError> {
    let failed = |reason: std::io::Error| RunError::Write { what: page.file.clone(), reason };
    let path = folder.join(&page.file);
    let mut file = create_private(&path).map_err(failed)?;
    file.write_all(page.html.as_bytes()).map_err(failed)?;
    Ok(path)
}

/// Writes `value` as one JSON object, readable by its owner only: it may name levels of the data. Numbers have all their
/// digits; what is not a number is null.
///
/// # Errors
/// When the file can't be written.
pub fn write_json(value: &impl serde::Serialize, path: &Path) -> Result<(), RunError> {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let failed = |reason: std::io::Error| RunError::Write { what: name.clone(), reason };
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| failed(e.into()))?;
    text.push(b'\n');
    create_private(path).and_then(|mut file| file.write_all(&text)).map_err(failed)
}

/// Writes a file that only its owner reads.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    create_private(path)?.write_all(bytes)
}

/// A folder that only its owner enters, when it is not there yet.
///
/// # Errors
/// When it can't be made.
pub fn create_private_folder(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path)?;
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// A file that only its owner reads, also when it was there before with other permissions.
pub(super) fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}
