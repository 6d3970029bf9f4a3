//! `study.toml` as it is written. Every table and key a study can have stands here once: serde reads it,
//! and `lob schema` prints the JSON Schema of the same types. Meaning is checked in `check.rs`.

mod counts;
mod exposure;
mod outcome;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::vocab::{Lang, PeriodLength};

pub use counts::Counts;
pub use exposure::{Exposure, KnownBy, Measure, Transform, Triple};
pub use outcome::{AfterEnd, Causes, Enrolments, Outcome};

/// One name or a list of names: `key = "id"` or `key = ["brin", "leerlingnummer"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "OneOrMany", into = "Vec<String>")]
#[schemars(with = "OneOrMany")]
pub struct Names(pub Vec<String>);

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Names {
    fn from(names: OneOrMany) -> Self {
        match names {
            OneOrMany::One(one) => Names(vec![one]),
            OneOrMany::Many(many) => Names(many),
        }
    }
}

impl From<Names> for Vec<String> {
    fn from(names: Names) -> Self {
        names.0
    }
}

/// A whole study.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StudyFile {
    /// Name and title.
    pub study: StudyHead,
    /// The files, by a name of your choice.
    pub sources: BTreeMap<String, Source>,
    /// How files as they come become canonical tables (`lob ingest`); the rest of the study then names those as its sources.
    #[serde(default)]
    pub ingest: Option<Ingest>,
    /// The time axis and the periods of the panel.
    pub time: Time,
    /// One row per pupil.
    pub pupils: Pupils,
    /// The schools of pupils who move, one row per pupil and school.
    #[serde(default)]
    pub stays: Option<Stays>,
    /// One row per registered activity.
    #[serde(default)]
    pub activities: Option<Activities>,
    /// One row per enrolment after vmbo.
    #[serde(default)]
    pub enrolments: Option<Enrolments>,
    /// Doses: what is counted of the activities.
    #[serde(default)]
    pub exposures: Vec<Exposure>,
    /// Pupil characteristics that are held equal.
    #[serde(default)]
    pub covariates: Vec<Covariate>,
    /// What the dose may hang together with.
    #[serde(default)]
    pub outcomes: Vec<Outcome>,
    /// Outcomes as counts per school, leerweg and cohort (`lob counts`), where nobody gives them per pupil.
    #[serde(default)]
    pub counts: Option<Counts>,
    /// The models to fit.
    #[serde(default)]
    pub models: Vec<ModelEntry>,
    /// What may be shown.
    #[serde(default)]
    pub privacy: Privacy,
    /// The school reports.
    #[serde(default)]
    pub report: Report,
}

/// The canonical table of the schools of pupils who move.
pub const STAY: &str = "stay";

impl StudyFile {
    /// The canonical tables that `lob ingest` makes, by the names that they have as sources of the study.
    pub fn canonical_tables(&self) -> Vec<&str> {
        let Some(ingest) = &self.ingest else { return Vec::new() };
        let stay = self.makes_stays().then_some(STAY);
        ingest.tables().into_iter().chain(stay).collect()
    }

    /// Whether the schools of pupils who move are made of the pupil lists.
    pub fn makes_stays(&self) -> bool {
        let is_made = |ingest: &Ingest| !ingest.other.contains_key(STAY);
        self.stays.as_ref().is_some_and(|s| s.source == STAY) && self.ingest.as_ref().is_some_and(is_made)
    }
}

/// Name and title.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StudyHead {
    /// Short id, letters, digits, - and _.
    pub id: String,
    /// Title as reports print it.
    pub title: String,
    /// Rows that may be unreadable before the run stops; default 0.
    #[serde(default)]
    pub max_reject: u64,
}

/// File format of a source. A named format has tables and columns of its own (`lob schema --list`); `csv`, `xlsx`,
/// `las`, `dossier` and `parquet` have those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Text with a separator.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// Excel workbook (`.xlsx`).
    Xlsx,
    /// Pupil list of a school's administration (Magister, Somtoday), as text or workbook.
    Las,
    /// Export of a career guidance tool, as text or workbook; totals rows at the end are taken off and counted.
    Dossier,
    /// DUO, Registratieoverzicht of an mbo institution.
    DuoRo,
    /// DUO, bekostigingsgrondslag (register delivery).
    DuoGrondslag,
    /// DUO, TBGI (XML).
    DuoTbgi,
    /// DUO, onderwijsbekostigingsoverzicht.
    DuoObo,
    /// DUO, NenR: persons who dropped out in a school year.
    DuoNenr,
    /// DUO, NRSP: start population of a school year.
    DuoNrsp,
    /// DUO, monthly workload.
    DuoA04,
    /// DUO, monthly start set.
    DuoA05,
    /// DUO, corrections after the year.
    DuoA14,
    /// DUO open data, exam candidates and passes per location.
    DuoExamens,
    /// DUO open data, pupils per location.
    #[serde(rename = "duo-01voins")]
    Duo01voins,
    /// DUO open data, dropouts per vo institution (until about 2014).
    DuoVsv,
    /// DUO open data, vo locations.
    DuoVestigingen,
    /// DUO open data, transitions between institutions.
    DuoOvergangen,
    /// CEDA's prepared Parquet of RO or GRONDSLAG.
    Ceda,
    /// xAPI statements (JSON).
    Xapi,
    /// EDEXML or UWLR (XML).
    Edexml,
}

impl Format {
    /// The format that a file name or glob tells when no adapter knows its content: `.parquet` or `.pq`, `.xlsx`,
    /// else CSV.
    pub fn of_name(name: &str) -> Self {
        let name = name.to_lowercase();
        let file = name.rsplit('/').next().unwrap_or_default();
        if file.contains(".parquet") || file.ends_with(".pq") {
            Format::Parquet
        } else if file.ends_with(".xlsx") || file.ends_with(".xlsm") {
            Format::Xlsx
        } else {
            Format::Csv
        }
    }

    /// The word in a study file.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default()
    }
}

/// What kind of identifier a column holds. Numbers of different kinds never meet without a crosswalk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdKind {
    /// Persoonsgebonden nummer: BSN or onderwijsnummer.
    Pgn,
    /// Person number of a bekostigingsgrondslag, renumbered by DUO: it meets no other file.
    PgnIp,
    /// Number of a pupil in the administration of one school.
    Leerlingnummer,
    /// ECK iD.
    Eckid,
    /// Account name in xAPI statements.
    Xapi,
    /// Already a pseudonym: it stays as it is.
    Pseudonym,
}

/// Encoding of a text file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// Windows-1252, what older Dutch programs write.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// UTF-16, little end first.
    Utf16le,
    /// UTF-16, big end first.
    Utf16be,
}

/// The sign before the decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Decimal {
    /// `1.5`; a comma separates thousands.
    #[serde(rename = ".")]
    Point,
    /// `1,5`; a point separates thousands.
    #[serde(rename = ",")]
    Comma,
}

/// One or more files with the same columns.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Paths or globs, relative to the study file. Their rows are read as one table.
    pub files: Names,
    /// Format; by default what the content shows, else what the file name tells.
    #[serde(default)]
    pub format: Option<Format>,
    /// Named formats with several tables: which one, such as `enrolment`.
    #[serde(default)]
    pub table: Option<String>,
    /// Text: the column separator; by default the one that the first line has most of.
    #[serde(default)]
    pub delimiter: Option<String>,
    /// Text: the encoding; by default UTF-8 where the bytes allow it, else Windows-1252.
    #[serde(default)]
    pub encoding: Option<Encoding>,
    /// Text: the decimal sign, `.` or `,`; by default the one that the column itself proves.
    #[serde(default)]
    pub decimal: Option<Decimal>,
    /// Text: how dates are written (strftime), in place of `time.date_format`; by default the form that the column
    /// itself proves.
    #[serde(default)]
    pub date_format: Option<String>,
    /// Text and workbook: rows above the header, such as a title; default 0.
    #[serde(default)]
    pub skip_rows: u32,
    /// Workbook: names of sheets, `*` for all visible ones; by default the only visible one.
    #[serde(default)]
    pub sheets: Names,
    /// What kind of identifier a column of the file holds: `ids = { "Leerlingnummer" = "leerlingnummer" }`.
    #[serde(default)]
    pub ids: BTreeMap<String, IdKind>,
    /// Columns of the file that together name the school of a `leerlingnummer`: two schools give the same numbers to
    /// different pupils.
    #[serde(default)]
    pub id_school: Names,
    /// Instead of `id_school`, for a file of one school: its key.
    #[serde(default)]
    pub id_school_is: Option<String>,
    /// Accept a delivery whose control totals do not fit; every result says "incomplete source". Default false.
    #[serde(default)]
    pub incomplete: bool,
    /// xAPI: home pages whose accounts are pupils.
    #[serde(default)]
    pub homepages: Names,
    /// CSV: texts that mean "no value", besides the empty cell.
    #[serde(default)]
    pub null: Vec<String>,
    /// Other names for columns: `rename = { id = "Leerlingnr" }` lets the study say `id`.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Rows to keep: all conditions must hold.
    #[serde(default)]
    pub filter: Vec<Filter>,
    /// Columns taken from other sources, many rows here to one row there.
    #[serde(default)]
    pub lookup: Vec<Lookup>,
}

/// Sources of the canonical tables `pupil`, `activity`, `enrolment`, `diploma`, `dropout`, `start_pop`, `school` and of others. A
/// source has the columns of its table by their canonical names, from its format or by `rename` and `lookup`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// Columns that together name a pupil, in every source of a table of pupils; they become `pupil_key`.
    pub key: Names,
    /// Pupil lists: `school`, `cohort` or `school_year`, `track` or `study`, `enrolled_from`, `enrolled_to`, and the
    /// columns that the study's covariates name.
    pub pupil: Names,
    /// Registrations: `date`, `kind`, `minutes`, `system`, `entered`.
    #[serde(default)]
    pub activity: Names,
    /// Enrolments after vmbo: `period_start` and what else formats of registers give.
    #[serde(default)]
    pub enrolment: Names,
    /// Diplomas: `date`, `brin`, `result_no`, `enrol_no`, `crebo`, `level`.
    #[serde(default)]
    pub diploma: Names,
    /// Lists of dropouts: `brin`, `school_year`, `status`; of monthly reports (A04, A14) the newest one of a school year is kept,
    /// with `since_month` and `reason`, and decides nothing.
    #[serde(default)]
    pub dropout: Names,
    /// Lists of those who could drop out (NRSP, A05).
    #[serde(default)]
    pub start_pop: Names,
    /// Names of schools: `school`, `school_name`.
    #[serde(default)]
    pub school: Names,
    /// Dated events, scores and the schools of pupils by table, with the columns that the study's outcomes and `stays` name.
    #[serde(default)]
    pub other: BTreeMap<String, Names>,
    /// Source with the keys of the pupils whose person number is known.
    #[serde(default)]
    pub crosswalk: Option<String>,
    /// Register of programmes: `crebo`, `niveau`, `dossier_crebo`, `domein`.
    #[serde(default)]
    pub programmes: Option<String>,
    /// Funding data (TBGI, GRONDSLAG's diplomas): `crebo`, `level`. They are trusted most where the level of a programme is asked.
    #[serde(default)]
    pub funding: Names,
    /// Register of institutions' transitions: `from`, `to`, `date`, `whole`.
    #[serde(default)]
    pub successors: Option<String>,
    /// Sector of the enrolments of a source that does not say it; default `mbo`.
    #[serde(default)]
    pub sector: BTreeMap<String, String>,
}

impl Ingest {
    /// The canonical tables that it names.
    fn tables(&self) -> Vec<&str> {
        let own = [
            ("activity", &self.activity),
            ("enrolment", &self.enrolment),
            ("diploma", &self.diploma),
            ("dropout", &self.dropout),
            ("start_pop", &self.start_pop),
        ];
        let own = own.into_iter().filter(|(_, sources)| !sources.0.is_empty()).map(|(name, _)| name);
        ["pupil", "school"].into_iter().chain(own).chain(self.other.keys().map(String::as_str)).collect()
    }

    /// Every source that it names, with the key of the study file that names it.
    pub fn sources(&self) -> Vec<(String, &str)> {
        let lists = [
            ("pupil", &self.pupil),
            ("activity", &self.activity),
            ("enrolment", &self.enrolment),
            ("diploma", &self.diploma),
            ("dropout", &self.dropout),
            ("start_pop", &self.start_pop),
            ("school", &self.school),
            ("funding", &self.funding),
        ];
        let lists = lists.into_iter().map(|(key, names)| (key.to_string(), names));
        let lists = lists.chain(self.other.iter().map(|(name, names)| (format!("other.{name}"), names)));
        let singles =
            [("crosswalk", &self.crosswalk), ("programmes", &self.programmes), ("successors", &self.successors)];
        let singles = singles.into_iter().filter_map(|(key, name)| Some((key.to_string(), name.as_deref()?)));
        lists.flat_map(|(key, names)| names.0.iter().map(move |n| (key.clone(), n.as_str()))).chain(singles).collect()
    }
}

/// One condition on a column; name exactly one of `is`, `is_not`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The column.
    pub column: String,
    /// Keep rows with one of these values.
    #[serde(default)]
    pub is: Option<Names>,
    /// Drop rows with one of these values; rows without a value are kept.
    #[serde(default)]
    pub is_not: Option<Names>,
}

/// A many-to-one look-up in another source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The other source.
    pub table: String,
    /// Columns that both sources have; together they name one row of `table`.
    pub on: Names,
    /// Columns to take from it.
    pub take: Names,
}

/// What a day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// A date.
    Calendar,
    /// A whole number: days since the pupil's own start.
    Days,
}

/// The time axis and the periods.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// `calendar`: dates; `days`: whole days from each pupil's own start (day 0).
    pub axis: Axis,
    /// Length of a period: `{ months = 6 }` or `{ days = 30 }`.
    pub period: PeriodLength,
    /// Number of periods that are followed, counted from the pupil's origin.
    pub periods: u16,
    /// How dates are written in text columns (strftime), default `%Y-%m-%d`; Dutch files often `%d-%m-%Y`.
    #[serde(default)]
    pub date_format: Option<String>,
}

/// Where pupils, schools and cohorts are found.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pupils {
    /// The source with one row per pupil.
    pub source: String,
    /// Columns that together name a pupil. Without it every row is a pupil and nothing can be joined to it.
    #[serde(default)]
    pub key: Names,
    /// Columns that together name the school (BRIN + vestiging).
    pub school: Names,
    /// Column with the school's name, for the report.
    #[serde(default)]
    pub school_name: Option<String>,
    /// Columns that together name the cohort.
    #[serde(default)]
    pub cohort: Option<Names>,
    /// Axis `calendar`: column with the day on which the pupil's clock starts.
    #[serde(default)]
    pub origin: Option<String>,
    /// Column with the pupil's last day of observation (day number on the axis `days`).
    #[serde(default)]
    pub end: Option<String>,
    /// Instead of `end`: column with the number of days of observation (the last day is the first + n − 1).
    #[serde(default)]
    pub length: Option<String>,
    /// Column with the day on which the dose of landmark models is frozen.
    #[serde(default)]
    pub landmark: Option<String>,
    /// Column with the first day of enrolment; activities before it are dropped and counted.
    #[serde(default)]
    pub enrolled_from: Option<String>,
    /// Column with the last day of enrolment; activities after it are dropped and counted.
    #[serde(default)]
    pub enrolled_to: Option<String>,
    /// Which pupils could be linked to later education; the others have unknown outcomes, never dropout.
    #[serde(default)]
    pub linked: Option<Linked>,
    /// Column with the day up to which the pupil's later education is known, where that is before `enrolments.known_until`; empty
    /// means no earlier day. `lob ingest` makes it: who leaves without a diploma and is on no list of dropouts is unknown then.
    #[serde(default)]
    pub known_until: Option<String>,
    /// Column with the leerweg (BB, KB, GL, TL, GT, LWT), for `op_niveau`.
    #[serde(default)]
    pub leerweg: Option<String>,
    /// Column with the vmbo sector, in the words of `enrolments.related`, for `verwant`.
    #[serde(default)]
    pub sector: Option<String>,
    /// Column with the day of birth, or the first of the month, for outcomes with an age.
    #[serde(default)]
    pub birth: Option<String>,
    /// Instead of `birth`: column with the age in years on the day of `origin`.
    #[serde(default)]
    pub age: Option<String>,
}

/// How a linked pupil is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Linked {
    /// The column.
    pub column: String,
    /// Its values that mean "linked".
    pub is: Names,
}

/// The schools of pupils who move. Periods count at the school where the pupil is on their first day; outcomes at the landmark and all
/// that is said of a pupil at the school of the start, the day of `pupils.origin`. Pupils without a row by then are at
/// `pupils.school`. With `[ingest]` the source `stay` (`key = "pupil_key"`, `school = "school"`, `from = "enrolled_from"`) is made of
/// the pupil lists.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stays {
    /// The source with one row per pupil and school.
    pub source: String,
    /// Columns that together name the pupil, in the order of `pupils.key`.
    pub key: Names,
    /// Columns that together name the school, as `pupils.school` does. A school that no pupil of the pupil table has lies outside the
    /// study: a pupil is followed until the day of going there.
    pub school: Names,
    /// Column with the first day at the school; it lasts until the next row of the pupil.
    pub from: String,
}

/// Unit of `amount`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AmountUnit {
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days.
    Days,
    /// Any other number, such as clicks or points.
    Points,
}

/// What to do with a school and cohort of which no activity was ever registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Silent {
    /// Not measured: its pupils are left out and counted as such.
    #[default]
    Exclude,
    /// Measured, and nobody did anything.
    Zero,
}

/// Where activities are found.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activities {
    /// The source with one row per activity.
    pub source: String,
    /// Columns that together name the pupil, in the order of `pupils.key`.
    pub key: Names,
    /// Column with the day of the activity.
    pub date: String,
    /// Column with the type of activity.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// The codes that exposures use, by the texts in the file: `recode = { "Gesprek mentor" = "GESPR" }`.
    #[serde(default)]
    pub recode: BTreeMap<String, String>,
    /// Column with the amount (minutes, days) of the activity.
    #[serde(default)]
    pub amount: Option<String>,
    /// Unit of `amount`.
    #[serde(default)]
    pub unit: Option<AmountUnit>,
    /// Column with the day on which the activity was entered, for the quality of registration.
    #[serde(default)]
    pub entered: Option<String>,
    /// Column with the system in which the activity was entered, for the quality of registration.
    #[serde(default)]
    pub system: Option<String>,
    /// A school and cohort without any registration: `exclude` (not measured, default) or `zero`.
    #[serde(default)]
    pub silent: Silent,
}

/// A pupil characteristic that is held equal.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Covariate {
    /// Short id; becomes a column of the panel.
    pub id: String,
    /// Label in Dutch.
    #[serde(default)]
    pub label: Option<String>,
    /// Label in English.
    #[serde(default)]
    pub label_en: Option<String>,
    /// The column, default the id.
    #[serde(default)]
    pub column: Option<String>,
    /// Numbers by the texts in the file: `recode = { M = 0, V = 1 }`. Other texts count as missing.
    #[serde(default)]
    pub recode: BTreeMap<String, f64>,
    /// The categories of a text column; the first is the reference. Other texts count as missing.
    #[serde(default)]
    pub levels: Vec<String>,
    /// Values below this become this.
    #[serde(default)]
    pub min: Option<f64>,
    /// Values above this become this.
    #[serde(default)]
    pub max: Option<f64>,
}

/// Link function of a binary model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkName {
    /// Log odds.
    #[default]
    Logit,
    /// Complementary log-log: proportional hazards in grouped time.
    Cloglog,
}

/// What varies between schools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Random {
    /// Nothing: one line for all, with errors that are robust for schools.
    None,
    /// The level.
    Intercept,
    /// The level and the slope of the dose; of time in growth models.
    #[default]
    Slope,
}

/// Whether the dose enters as it is or split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DoseForm {
    /// As it is.
    Total,
    /// Within school and cohort, cohort within school, school.
    #[default]
    Split,
}

/// On which parts of a split dose schools have slopes of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlopeOn {
    /// The part within school and cohort.
    #[default]
    Within,
    /// The parts within school and cohort and between cohorts together: everything but the mean of the school.
    CohortWithin,
}

/// What counts as the mean dose of a school and cohort when the dose is split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CohortMean {
    /// The mean; of fewer than 30 pupils it is drawn towards the school's mean as far as chance makes it vary.
    #[default]
    Reliable,
    /// The mean of the pupil's mates, without the pupil.
    LeaveOneOut,
    /// The mean as it is.
    Plain,
}

/// A model to fit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// Short id; names the model in every table.
    pub id: String,
    /// Kind of model: `hazard`, `landmark`, `linear` or `growth`.
    pub kind: String,
    /// The outcome.
    pub outcome: String,
    /// The exposure.
    pub exposure: String,
    /// Covariates, default all.
    #[serde(default)]
    pub covariates: Option<Names>,
    /// Link of a binary model.
    #[serde(default)]
    pub link: LinkName,
    /// What varies between schools: `none`, `intercept`, or `slope` (intercept and dose slope, default).
    #[serde(default)]
    pub random: Random,
    /// The dose in three parts (`split`: within school and cohort, between cohorts, between schools;
    /// default) or as it is (`total`).
    #[serde(default)]
    pub dose: DoseForm,
    /// A split dose: the parts on which schools have slopes of their own, `within` (default) or `cohort_within`.
    #[serde(default)]
    pub slope_on: SlopeOn,
    /// A split dose: the mean of a school and cohort is `reliable` (default), `leave_one_out` or `plain`.
    #[serde(default)]
    pub cohort_mean: CohortMean,
    /// Hazard and landmark models with `random` other than `none`: a level of each cohort of a school as well, default
    /// false. It costs the errors robust to schools and the check by quadrature.
    #[serde(default)]
    pub cohort_intercept: bool,
    /// Binary models: draws of the parameters for a second interval of E1 and E3 (`conf_low_draws`), default none; 200 are
    /// enough to see whether it differs.
    #[serde(default)]
    pub replicates: u32,
    /// Linear and growth models: restricted maximum likelihood (default) or plain.
    #[serde(default = "yes")]
    pub reml: bool,
}

fn yes() -> bool {
    true
}

/// Disclosure profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileName {
    /// For publication: groups under 10 pupils are not shown.
    #[default]
    SchoolExtern,
    /// For the school itself: groups under 5 pupils are not shown.
    SchoolIntern,
}

/// What may be shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// `school-extern` (n < 10 is not shown, default) or `school-intern` (n < 5).
    #[serde(default)]
    pub profile: ProfileName,
    /// File with the project key, relative to the study file; else the one that the environment variable
    /// `LOB_KEY_FILE` names. Needed when a source declares personal ids (`ids`).
    #[serde(default)]
    pub key_file: Option<String>,
    /// Project of the key, default `study.id`: studies of one project share their pupils' pseudonyms.
    #[serde(default)]
    pub project: Option<String>,
    /// Id of the key (`lob key id`) by which pseudonyms that come in were made; another key is refused.
    #[serde(default)]
    pub key_id: Option<String>,
    /// The person numbers are invented: they need not pass the 11-test. Default false.
    #[serde(default)]
    pub synthetic: bool,
}

/// The school reports.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Language: `nl` (default) or `en`; `--lang` goes before it.
    #[serde(default)]
    pub lang: Lang,
    /// Outcomes on the page, default all binary and event outcomes.
    #[serde(default)]
    pub outcomes: Option<Names>,
}
