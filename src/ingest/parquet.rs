//! Parquet: only the wanted columns of a row group are read, and repeated texts stay codes.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;

use super::{InputError, InputFile};

const BATCH: usize = 32_768;

/// Entry of a Parquet footer with the id of the key behind the pseudonyms in the file.
pub const KEY_ID: &str = "lob_key_id";

/// What the footer of a Parquet file says under a name.
///
/// # Errors
/// A file that can't be opened or is no Parquet.
pub fn footer_entry(file: &InputFile, key: &str) -> Result<Option<String>, InputError> {
    Ok(Footer::read(file)?.entry(key))
}

/// Row groups below which they are read in pieces, so that all threads have work, and about how many pieces of each.
const FEW_GROUPS: usize = 8;
/// A piece is not worth its start with fewer rows: what stands before it is passed over, and its dictionaries are read again.
const FEWEST_ROWS: u64 = 65_536;

/// Some rows of a row group.
pub(super) struct Piece {
    row_group: usize,
    /// Its first row in the row group.
    start: u64,
    pub(super) rows: u64,
    is_last: bool,
}

/// The footer of a file, read once and shared by its row groups.
pub(super) struct Footer {
    meta: ArrowReaderMetadata,
    pub(super) header: Vec<String>,
}

impl Footer {
    pub(super) fn read(file: &InputFile) -> Result<Self, InputError> {
        let handle = file.open()?;
        let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(false);
        assert_ends(file, &handle)?;
        let meta = guarded(file, || ArrowReaderMetadata::load(&handle, options()))?;
        if let Some(codec) = unknown_packing(&meta) {
            return Err(unsupported(file, &format!("{codec} packing")));
        }
        assert_budget(file, &meta)?;
        let coded = coded_schema(&meta);
        let meta =
            guarded(file, || ArrowReaderMetadata::load(&handle, options().with_schema(coded.clone()))).unwrap_or(meta);
        let header = meta.schema().fields().iter().map(|f| f.name().clone()).collect();
        Ok(Self { meta, header })
    }

    /// Id of the key behind the pseudonyms, where the file records one.
    pub(super) fn key_id(&self) -> Option<String> {
        self.entry(KEY_ID)
    }

    fn entry(&self, key: &str) -> Option<String> {
        let pairs = self.meta.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.clone()
    }

    fn row_groups(&self) -> Vec<u64> {
        let groups = self.meta.metadata().row_groups();
        groups.iter().map(|g| u64::try_from(g.num_rows()).unwrap_or(0)).collect()
    }

    /// Pieces that can be read side by side: the row groups, divided where there are few of them.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let groups = self.row_groups();
        let parts = if groups.len() < FEW_GROUPS { FEW_GROUPS as u64 } else { 1 };
        let divided = |(row_group, rows): (usize, u64)| {
            let step = rows.div_ceil(parts).max(FEWEST_ROWS);
            let starts = (0..rows.div_ceil(step).max(1)).map(move |i| i * step);
            starts.map(move |start| Piece {
                row_group,
                start,
                rows: step.min(rows - start),
                is_last: start + step >= rows,
            })
        };
        groups.into_iter().enumerate().flat_map(divided).collect()
    }

    /// Whether a piece may hold one of these texts in a column, as far as the least and largest value of its row group tell.
    pub(super) fn may_hold(&self, piece: &Piece, column: usize, texts: &BTreeSet<Vec<u8>>) -> bool {
        let meta = self.meta.metadata();
        let kind = self.meta.schema().field(column).data_type();
        // In nested data a column has no one place.
        let is_flat = self.header.len() == meta.file_metadata().schema_descr().num_columns();
        let Some(known) = meta.row_group(piece.row_group).columns().get(column).and_then(|c| c.statistics()) else {
            return true;
        };
        // Older files order texts in another way.
        if !is_flat || known.is_min_max_deprecated() {
            return true;
        }
        let is_text =
            matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..));
        let between = |least: Option<i64>, largest: Option<i64>| {
            let (Some(least), Some(largest)) = (least, largest) else { return true };
            let number = |text: &Vec<u8>| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
            texts.iter().filter_map(number).any(|n| least <= n && n <= largest)
        };
        match known {
            // Of long texts only the beginning is known: of the least one rounded down, of the largest one rounded up.
            Statistics::ByteArray(known) if is_text => match (known.min_bytes_opt(), known.max_bytes_opt()) {
                (Some(least), Some(largest)) => texts.iter().any(|t| least <= &t[..] && &t[..] <= largest),
                _ => true,
            },
            Statistics::Int32(known) if kind.is_signed_integer() => {
                between(known.min_opt().copied().map(i64::from), known.max_opt().copied().map(i64::from))
            }
            Statistics::Int64(known) if kind.is_signed_integer() => {
                between(known.min_opt().copied(), known.max_opt().copied())
            }
            _ => true,
        }
    }

    /// Sees that the pages of each column hold the rows of the row group, as their heads count them.
    fn assert_pages(&self, file: &InputFile, row_group: usize, columns: &[usize]) -> Result<(), ParquetError> {
        let handle = file.open().map_err(|e| ParquetError::External(Box::new(e)))?;
        let reader = SerializedFileReader::new(handle)?;
        let group = reader.get_row_group(row_group)?;
        let rows = self.row_groups().get(row_group).copied().unwrap_or_default();
        let schema = self.meta.metadata().file_metadata().schema_descr();
        let wanted = ProjectionMask::roots(schema, columns.iter().copied());
        // In nested columns a row may have any number of values.
        let is_flat = |leaf: &usize| wanted.leaf_included(*leaf) && schema.column(*leaf).max_rep_level() == 0;
        for leaf in (0..schema.num_columns()).filter(is_flat) {
            let mut pages = group.get_column_page_reader(leaf)?;
            let mut found = 0;
            while let Some(page) = pages.peek_next_page()? {
                found += page.num_rows.or(page.num_levels).filter(|_| !page.is_dict).unwrap_or_default() as u64;
                pages.skip_next_page()?;
            }
            if found != rows {
                let detail = format!("row group {row_group} holds {found} rows in a column, its footer says {rows}");
                return Err(ParquetError::General(detail));
            }
        }
        Ok(())
    }

    /// Streams the batches of one piece with `columns` (positions in `header`).
    pub(super) fn batches<'f>(
        &self,
        file: &'f InputFile,
        piece: &Piece,
        columns: &[usize],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, InputError>> + 'f, InputError> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.open()?, self.meta.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let row_group = piece.row_group;
        let mut builder = builder.with_row_groups(vec![row_group]).with_projection(mask).with_batch_size(BATCH);
        if piece.start > 0 {
            builder = builder.with_offset(usize::try_from(piece.start).unwrap_or(usize::MAX));
        }
        if !piece.is_last {
            builder = builder.with_limit(usize::try_from(piece.rows).unwrap_or(usize::MAX));
        } else if piece.start > 0 {
            // From an offset on a reader stops where the footer says, and would not find rows that it does not know of.
            guarded(file, || self.assert_pages(file, row_group, columns))?;
        }
        let mut reader = guarded(file, move || builder.build())?;
        let mut left = piece.rows;
        let mut failed = false;
        Ok(std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let next = guarded(file, || reader.next().transpose()).transpose();
            let next = next.map(|batch| {
                let batch = batch?;
                // A decoder that goes on and on would never come to an end.
                left = left.checked_sub(batch.num_rows() as u64).ok_or_else(|| {
                    corrupt(file, format!("row group {row_group} holds more rows than its footer says"))
                })?;
                Ok(batch)
            });
            failed = matches!(next, Some(Err(_)));
            next
        }))
    }
}

/// The first packing of a column that is not built in.
fn unknown_packing(meta: &ArrowReaderMetadata) -> Option<String> {
    let columns = meta.metadata().row_groups().iter().flat_map(|g| g.columns());
    let unknown = columns
        .map(|c| c.compression())
        .find(|packing| !matches!(packing, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_)))?;
    Some(unknown.to_string().split('(').next().unwrap_or_default().to_string())
}

/// Asks for dictionary codes where a text column takes less than 3 bytes a value: there the file itself holds
/// codes, and reading them back as texts would cost more than all the rest.
fn coded_schema(meta: &ArrowReaderMetadata) -> Arc<Schema> {
    let groups = meta.metadata().row_groups();
    let is_coded = |column: usize| {
        groups.iter().all(|g| {
            g.columns().get(column).is_some_and(|c| {
                c.dictionary_page_offset().is_some() && c.uncompressed_size() < 3 * c.num_values().max(1)
            })
        })
    };
    let flat = meta.schema().fields().len() == meta.metadata().file_metadata().schema_descr().num_columns();
    let field = |(i, f): (usize, &Arc<Field>)| {
        if flat && *f.data_type() == DataType::Utf8 && is_coded(i) {
            let codes = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(f.as_ref().clone().with_data_type(codes))
        } else {
            f.clone()
        }
    };
    Arc::new(Schema::new(meta.schema().fields().iter().enumerate().map(field).collect::<Vec<_>>()))
}

/// Rows for each byte of a file; equal values take least, and still more than this.
const MOST_ROWS_PER_BYTE: u64 = 10_000;
/// Columns of a file.
const MOST_COLUMNS: usize = 10_000;
/// Names above a column, in nested data.
const MOST_DEPTH: usize = 32;
/// Unpacked bytes for each packed one in a part of a column that takes more than [`FREE`].
const MOST_RATIO: i64 = 2_000;
const FREE: i64 = 256 << 20;

/// Refuses what a file claims and can't hold, before a decoder makes room for it.
fn assert_budget(file: &InputFile, meta: &ArrowReaderMetadata) -> Result<(), InputError> {
    let too_large = |detail: String| InputError::TooLarge { file: file.name.clone(), detail };
    let meta = meta.metadata();
    let schema = meta.file_metadata().schema_descr();
    if schema.num_columns() > MOST_COLUMNS {
        return Err(too_large(format!("it has {} columns, at most {MOST_COLUMNS} are read", schema.num_columns())));
    }
    let deepest = schema.columns().iter().map(|c| c.path().parts().len()).max().unwrap_or_default();
    if deepest > MOST_DEPTH {
        return Err(too_large(format!("its columns are nested {deepest} deep, at most {MOST_DEPTH} are read")));
    }
    let mut rows = 0u64;
    for (i, group) in meta.row_groups().iter().enumerate() {
        let claimed = u64::try_from(group.num_rows())
            .map_err(|_| corrupt(file, format!("row group {i} says it has {} rows", group.num_rows())))?;
        rows = rows.saturating_add(claimed);
        for column in group.columns() {
            let (packed, unpacked) = (column.compressed_size(), column.uncompressed_size());
            let name = column.column_path().string();
            if packed < 0 || unpacked < 0 {
                return Err(corrupt(file, format!("row group {i}, column `{name}` says it has a size below 0")));
            }
            if unpacked > FREE && unpacked / MOST_RATIO > packed {
                let detail = format!("row group {i}, column `{name}` claims {} MB from {packed} bytes", unpacked >> 20);
                return Err(too_large(detail));
            }
        }
    }
    if rows / MOST_ROWS_PER_BYTE > file.bytes {
        return Err(too_large(format!("it claims {rows} rows (claimt {rows} rijen) in {} bytes", file.bytes)));
    }
    Ok(())
}

/// Sees that the file begins and ends as Parquet does; a file that is still being written has no end.
fn assert_ends(file: &InputFile, mut handle: &std::fs::File) -> Result<(), InputError> {
    let io = |reason| InputError::Io { file: file.name.clone(), reason };
    let short = || corrupt(file, "it is cut off: its last bytes are missing".into());
    if file.bytes < 12 {
        return Err(short());
    }
    let mut ends = [0; 4];
    handle.seek(SeekFrom::End(-4)).map_err(io)?;
    handle.read_exact(&mut ends).map_err(io)?;
    match &ends {
        b"PAR1" => Ok(()),
        b"PARE" => Err(unsupported(file, "encryption")),
        _ => Err(short()),
    }
}

fn corrupt(file: &InputFile, detail: String) -> InputError {
    InputError::Corrupt { file: file.name.clone(), format: "Parquet", detail }
}

fn unsupported(file: &InputFile, what: &str) -> InputError {
    let what = format!(
        "{what} (niet ondersteund; write the file anew with DuckDB: COPY (SELECT * FROM 'old.parquet') TO 'new.parquet' \
         (COMPRESSION zstd))"
    );
    InputError::Unsupported { file: file.name.clone(), what }
}

/// Runs the decoder with a net under it: damaged files have made decoders panic, and that must be an error
/// that names the file.
fn guarded<T, E: std::fmt::Display>(file: &InputFile, decode: impl FnOnce() -> Result<T, E>) -> Result<T, InputError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(|e| {
            let said = e.to_string();
            let codec = said.split_once("Disabled feature at compile time: ").map(|(_, codec)| codec);
            let codec = codec.or_else(|| said.split_once("codec type ")?.1.split_whitespace().next());
            match codec {
                Some(codec) => unsupported(file, &format!("compression {codec}")),
                None => corrupt(file, said),
            }
        }),
        Err(_) => Err(corrupt(file, "the decoder gave up on it".into())),
    }
}
