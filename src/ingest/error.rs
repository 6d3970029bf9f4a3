//! What can be wrong with input, each with the file, what was found and what would be right.
//! No message holds a value from the data.

use std::io;

use super::Issues;

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
    /// A pupil goes to two schools on one day.
    #[error(
        "LOB-E0114 sources.{source_name}: {rows} rows say that a pupil is from the same day on at another school than \
         another row says; from a day on a pupil is at one school"
    )]
    ConflictingStays {
        /// Source in the study.
        source_name: String,
        /// Rows in conflict with the one before.
        rows: u64,
    },
    /// A column holds citizen service numbers.
    #[error(
        "LOB-E0110 sources.{source_name}: column `{column}` holds BSN or onderwijsnummers ({share} % pass the \
         11-test); let them be replaced by pseudonyms with `ids = {{ \"{column}\" = \"pgn\" }}`, or leave the column out"
    )]
    LooksLikeBsn {
        /// Source in the study.
        source_name: String,
        /// The column.
        column: String,
        /// Percentage that passes.
        share: u64,
    },
    /// Faults inside a file.
    #[error("LOB-E0120 {file}: {} faults in it:\n{issues}", issues.count())]
    Issues {
        /// File name.
        file: String,
        /// The faults.
        issues: Issues,
    },
    /// Content, name and declared format do not fit each other.
    #[error("LOB-E0121 {file}: {detail}")]
    WrongFormat {
        /// File name.
        file: String,
        /// What promises what.
        detail: String,
    },
    /// An archive that can't or may not be unpacked.
    #[error("LOB-E0122 {file}: can't be unpacked: {detail}")]
    Packed {
        /// File name.
        file: String,
        /// Why.
        detail: String,
    },
    /// Counts of cells that can't be so.
    #[error("LOB-E0152 sources.{source_name}: {detail}")]
    BadCounts {
        /// Source in the study.
        source_name: String,
        /// The first fault, with its cell.
        detail: String,
    },
    /// Counts and dossier have no cell in common.
    #[error("LOB-E0153 sources.{source_name}: no cell of the counts meets pupils of the dossier ({why})")]
    NoCells {
        /// Source in the study.
        source_name: String,
        /// Reasons with numbers of cells.
        why: String,
    },
    /// Bytes that no encoding explains.
    #[error("LOB-E0123 {file}: {detail}")]
    Encoding {
        /// File name.
        file: String,
        /// What was found where, and what would be right.
        detail: String,
    },
    /// A format has several tables, or not the one that is asked for.
    #[error("LOB-E0124 {file}: {detail}")]
    NoTable {
        /// File name.
        file: String,
        /// What there is.
        detail: String,
    },
    /// A file that claims more than it can hold or than a reader may take.
    #[error("LOB-E0125 {file}: {detail}; it was not read")]
    TooLarge {
        /// File name.
        file: String,
        /// What it claims and what is allowed.
        detail: String,
    },
    /// Something that is right in itself and that the engine does not read.
    #[error("LOB-E0126 {file}: {what} is not supported")]
    Unsupported {
        /// File name.
        file: String,
        /// What, and how to write the file anew.
        what: String,
    },
    /// The separator of the study is not that of the file.
    #[error(
        "LOB-E0127 {file}: the study says the columns are separated by `{declared}`, the file's first line has `{found}`"
    )]
    Delimiter {
        /// File name.
        file: String,
        /// In the study.
        declared: char,
        /// In the file.
        found: char,
    },
    /// A workbook that can't be read safely.
    #[error("LOB-E0128 {file}: {detail}")]
    Workbook {
        /// File name.
        file: String,
        /// What is wrong and what to do.
        detail: String,
    },
    /// A column that is declared to hold person numbers holds others.
    #[error(
        "LOB-E0130 sources.{source_name}: column `{column}` is declared to hold person numbers, and only {share} % pass the \
         11-test (99 % must); is it another column or kind of id? Invented numbers need `synthetic = true` in [privacy]"
    )]
    NotReal {
        /// Source in the study.
        source_name: String,
        /// The column.
        column: String,
        /// Percentage that passes.
        share: u64,
    },
    /// A file name holds a citizen service number; so it is not repeated here.
    #[error(
        "LOB-E0131 sources.{source_name}: the name of one of its files holds a number that passes the 11-test of citizen \
         service numbers; give the file another name"
    )]
    BsnInName {
        /// Source in the study.
        source_name: String,
    },
    /// Two ids have one pseudonym.
    #[error("LOB-E0709 sources.{source_name}: two ids of column `{column}` have one pseudonym; make a new key")]
    Collision {
        /// Source in the study.
        source_name: String,
        /// The column.
        column: String,
    },
    /// Dates whose day and month nobody can tell apart.
    #[error(
        "LOB-E0129 {file}: column `{column}` has dates like 99/99/9999 that can be day and month or month and day; say \
         date_format = \"%d/%m/%Y\" (or \"%m/%d/%Y\") for the source"
    )]
    Ambiguous {
        /// File name.
        file: String,
        /// The column.
        column: String,
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
    /// No stay is at a school of the pupil table.
    #[error(
        "LOB-E0118 sources.{source_name}: none of the {rows} stays of pupils is at a school that the pupil table has; the \
         schools are written differently (with or without the location, zeros, spaces)"
    )]
    NoKnownSchool {
        /// Source in the study.
        source_name: String,
        /// Stays.
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
    /// Two different periods of one enrolment start on one day.
    #[error(
        "LOB-E0140 ingest.enrolment ({source_names}): {rows} periods start on the day on which another period of the same \
         pupil, institution and enrolment number starts, and differ from it; take one of the deliveries out"
    )]
    RepeatedPeriod {
        /// Sources in the study.
        source_names: String,
        /// Periods.
        rows: u64,
    },
    /// Following the transitions of institutions leads back.
    #[error("LOB-E0141 sources.{source_name}: the transitions from `{number}` lead back to a number before")]
    SuccessorCycle {
        /// Source in the study.
        source_name: String,
        /// A number on the cycle.
        number: String,
    },
    /// One institution goes over as a whole to two others.
    #[error("LOB-E0142 sources.{source_name}: `{number}` goes over as a whole to two other numbers")]
    TwoSuccessors {
        /// Source in the study.
        source_name: String,
        /// The number.
        number: String,
    },
    /// No pupil of a school was found in later education, though pupils of others were.
    #[error(
        "LOB-E0143 school `{school}`: none of its {pupils} pupils is found in later education, while pupils of other schools \
         are; its keys are written differently, or its rows of the crosswalk are missing"
    )]
    SchoolNotLinked {
        /// The school.
        school: String,
        /// Its pupils.
        pupils: u64,
    },
    /// Cells that can't be what they say.
    #[error("LOB-E0160 cells: {detail}")]
    Cells {
        /// What is wrong and what to do, without values.
        detail: String,
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
    /// True when the study says something of a file or key that is not so: the study or the key has to change, not the
    /// file.
    pub fn is_study(&self) -> bool {
        matches!(
            self,
            InputError::Delimiter { .. }
                | InputError::NoTable { .. }
                | InputError::WrongFormat { .. }
                | InputError::Key(_)
        )
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
