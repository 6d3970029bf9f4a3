//! Parquet: only the wanted columns of a row group are read, and repeated texts stay codes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::{InputError, InputFile};

const BATCH: usize = 32_768;

/// Entry of a Parquet footer with the id of the key behind the pseudonyms in the file.
pub const KEY_ID: &str = "lob_key_id";

/// The footer of a file, read once and shared by its row groups.
pub(super) struct Footer {
    meta: ArrowReaderMetadata,
    pub(super) header: Vec<String>,
}

impl Footer {
    pub(super) fn read(file: &InputFile) -> Result<Self, InputError> {
        let handle = file.open()?;
        let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(false);
        let meta = guarded(file, || ArrowReaderMetadata::load(&handle, options()))?;
        let coded = coded_schema(&meta);
        let meta =
            guarded(file, || ArrowReaderMetadata::load(&handle, options().with_schema(coded.clone()))).unwrap_or(meta);
        let header = meta.schema().fields().iter().map(|f| f.name().clone()).collect();
        Ok(Self { meta, header })
    }

    /// Id of the key behind the pseudonyms, where the file records one.
    pub(super) fn key_id(&self) -> Option<String> {
        let pairs = self.meta.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == KEY_ID)?.value.clone()
    }

    pub(super) fn row_groups(&self) -> Vec<u64> {
        let groups = self.meta.metadata().row_groups();
        groups.iter().map(|g| u64::try_from(g.num_rows()).unwrap_or(0)).collect()
    }

    /// Streams the batches of one row group with `columns` (positions in `header`).
    pub(super) fn batches<'f>(
        &self,
        file: &'f InputFile,
        row_group: usize,
        columns: &[usize],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, InputError>> + 'f, InputError> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.open()?, self.meta.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let builder = builder.with_row_groups(vec![row_group]).with_projection(mask).with_batch_size(BATCH);
        let mut reader = guarded(file, move || builder.build())?;
        let mut failed = false;
        Ok(std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let next = guarded(file, || reader.next().transpose()).transpose();
            failed = matches!(next, Some(Err(_)));
            next
        }))
    }
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

/// Runs the decoder with a net under it: damaged files have made decoders panic, and that must be an error
/// that names the file.
fn guarded<T, E: std::fmt::Display>(file: &InputFile, decode: impl FnOnce() -> Result<T, E>) -> Result<T, InputError> {
    let corrupt = |detail: String| InputError::Corrupt { file: file.name.clone(), format: "Parquet", detail };
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(|e| corrupt(e.to_string())),
        Err(_) => Err(corrupt("the decoder gave up on it".into())),
    }
}
