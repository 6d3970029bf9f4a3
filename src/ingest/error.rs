//! What can be wrong with input, each with the file, what was found and what would be right.
//! No message holds a value from the data.

use std::io;

/// Input that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// No usable key for the pseudonyms.
    #[error(transparent)]
    Key(#[from] super::KeyError),
    /// A path or glob names no file.
    #[error("LOB-E0101 sources.{source_name}: no file `{pattern}` (paths are relative to the study file)")]
    NoFile {
        /// Source in the study.
        source_name: String,
        /// Path or glob as written.
        pattern: String,
    },
    /// The file can't be opened or read.
    #[error("LOB-E0102 {file}: can't be read: {reason}")]
    Io {
        /// File name.
        file: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// The bytes are not what the format asks for (truncated Parquet, ragged CSV, not UTF-8).
    #[error("LOB-E0103 {file}: damaged or not {format}: {detail}")]
    Corrupt {
        /// File name.
        file: String,
        /// `Parquet` or `CSV`.
        format: &'static str,
        /// The reader's words, without values.
        detail: String,
    },
    /// The file is empty.
    #[error("LOB-E0104 {file}: is empty")]
    Empty {
        /// File name.
        file: String,
    },
    /// A column is missing.
    #[error("LOB-E0105 {file}: has no column `{column}` (asked for by sources.{source_name}); {help}")]
    NoColumn {
        /// Source in the study.
        source_name: String,
        /// File name.
        file: String,
        /// The column.
        column: String,
        /// Nearest name, or what else may be wrong.
        help: String,
    },
    /// A wanted column stands in the file twice, and nobody can tell which is meant.
    #[error("LOB-E0115 {file}: the column name `{column}` stands in it twice; give one of them another name")]
    RepeatedColumn {
        /// File name.
        file: String,
        /// The column.
        column: String,
    },
    /// A column has a type that can't be read as asked.
    #[error("LOB-E0106 {file}: column `{column}` is {found}, it must be {wanted}")]
    WrongType {
        /// File name.
        file: String,
        /// The column.
        column: String,
        /// Type in the file.
        found: String,
        /// What is needed.
        wanted: &'static str,
    },
    /// A look-up table has several rows for one key.
    #[error(
        "LOB-E0107 sources.{table}: {rows} rows share their `{on}` with another row, so sources.{source_name} \
         can't look one up; keep one row per key (a filter may help)"
    )]
    NotUnique {
        /// The source that looks up.
        source_name: String,
        /// The looked-up source.
        table: String,
        /// Key columns.
        on: String,
        /// Rows whose key was seen before.
        rows: u64,
    },
    /// More unreadable rows than `study.max_reject`.
    #[error("LOB-E0108 {count} rows can't be read ({max} are allowed by study.max_reject):\n{list}")]
    Rejects {
        /// Rejected rows.
        count: u64,
        /// Allowed.
        max: u64,
        /// One line per source and column.
        list: String,
    },
    /// Two rows of the pupil table have one key and different content.
    #[error(
        "LOB-E0109 sources.{source_name}: {rows} rows have the key of another row but differ from it; \
         a pupil is one row (exact duplicates are dropped and counted)"
    )]
    ConflictingPupils {
        /// Source in the study.
        source_name: String,
        /// Rows in conflict with an earlier one.
        rows: u64,
    },
    /// The pupil key looks like a citizen service number.
    #[error(
        "LOB-E0110 sources.{source_name}: column `{column}` holds BSN or onderwijsnummers ({share} % pass the \
         11-test); replace them by a pseudonym first"
    )]
    LooksLikeBsn {
        /// Source in the study.
        source_name: String,
        /// The column.
        column: String,
        /// Percentage that passes.
        share: u64,
    },
    /// A file changed while it was read.
    #[error("LOB-E0111 {file}: changed while it was read; wait until it is complete and run again")]
    Changed {
        /// File name.
        file: String,
    },
    /// No pupil is left.
    #[error("LOB-E0112 sources.{source_name}: no pupil can be used: {why}")]
    NoPupils {
        /// Source in the study.
        source_name: String,
        /// Counts per reason.
        why: String,
    },
    /// No row of a table belongs to a pupil.
    #[error(
        "LOB-E0116 sources.{source_name}: none of its {rows} rows belongs to a pupil of the pupil table; the keys are \
         written differently (leading zeros, spaces, another pseudonym) or the file is of other pupils"
    )]
    NoMatch {
        /// Source in the study.
        source_name: String,
        /// Rows read.
        rows: u64,
    },
    /// No pupil of a school is in the enrolment table, though they are said to be linked.
    #[error(
        "LOB-E0117 sources.{source_name}: none of the {pupils} linked pupils of school `{school}` is in it, while pupils \
         of other schools are; that school's keys are written differently, or its pupils are not linked"
    )]
    SchoolNotMatched {
        /// Source in the study.
        source_name: String,
        /// The school.
        school: String,
        /// Its linked pupils.
        pupils: u64,
    },
    /// A dose got too large for its store.
    #[error(
        "LOB-E0113 exposure `{exposure}`: a pupil's dose in one period is over 4 294 967; check the unit of the amounts"
    )]
    DoseTooLarge {
        /// Exposure id.
        exposure: String,
    },
}

impl InputError {
    /// True when the study file or the key must change, not the data.
    pub fn is_usage(&self) -> bool {
        matches!(self, InputError::Key(_))
    }

    /// True when a retry may help (disk, permission, a file still being written); a missing file, or a folder
    /// in its place, stays what it is.
    pub fn is_environment(&self) -> bool {
        match self {
            InputError::Changed { .. } => true,
            InputError::Io { reason, .. } => {
                !matches!(reason.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)
            }
            _ => false,
        }
    }
}
