//! Tables as Parquet with pinned settings: the same table gives the same bytes.

use std::fs::{File, OpenOptions};
use std::path::Path;

use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::RunError;
use crate::panel::Panel;

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("lob-effect".into())
        // Smallest and largest pseudonym would stand in the footer.
        .set_column_statistics_enabled(ColumnPath::from("pupil"), EnabledStatistics::None)
        .build()
}

/// A table as Parquet bytes.
///
/// # Errors
/// A type that Parquet can't hold: a mistake in our code.
pub fn write_table(batch: &RecordBatch) -> Result<Vec<u8>, RunError> {
    let encode = |e: parquet::errors::ParquetError| RunError::Encode { table: "table".into(), reason: e.to_string() };
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties())).map_err(encode)?;
    writer.write(batch).map_err(encode)?;
    writer.into_inner().map_err(encode)
}

/// Writes the panel table of outcome `o` to `path`. It holds pseudonyms: only the owner can read it.
///
/// # Errors
/// When the file can't be written.
pub fn write_panel(panel: &Panel<'_>, o: usize, path: &Path) -> Result<u64, RunError> {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let failed = |reason: std::io::Error| RunError::Write { what: name.clone(), reason };
    let encode = |e: parquet::errors::ParquetError| failed(std::io::Error::other(e.to_string()));
    let file = create_private(path).map_err(failed)?;
    let mut writer = ArrowWriter::try_new(file, panel.schema(o), Some(properties())).map_err(encode)?;
    let mut rows = 0;
    for batch in panel.batches(o) {
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(encode)?;
    }
    writer.close().map_err(encode)?;
    Ok(rows)
}

/// A file that only its owner reads, also when it was there before with other permissions.
fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}
