//! The command line, as clap reads it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::ingest::MemorySize;
use crate::models::formula::Integration;
use crate::panel::sql::Dialect;
use crate::simulate::Scenario;
use crate::simulate::formats::Form;
use crate::vocab::Lang;

/// What LOB (career guidance) on vmbo schools is associated with: progression to mbo and dropout, per school,
/// in percentage points, with honest intervals.
#[derive(Debug, Parser)]
#[command(
    name = "lob",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        lob demo                     a small region of invented pupils, from data to reports\n  \
        lob init study.toml          a commented study file to start from\n  \
        lob check study.toml         is the study file right, and is the data readable?\n  \
        lob run study.toml           estimate, and write the reports to runs/\n\n\
        Exit codes: 0 done, 1 some models did not converge, 2 wrong flags or study file, 3 input rejected,\n\
        4 disk, permission or busy (try again), 5 no model converged, 6 something private would have left,\n70 internal error. `lob explain CODE` explains an error."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,

    /// Print nothing but errors.
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,

    /// Threads to use; all by default. Results do not depend on it.
    #[arg(long, global = true, env = "LOB_THREADS", value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,

    /// Language of the reports; the study file's by default.
    #[arg(long, global = true, value_name = "nl|en")]
    pub(super) lang: Option<LangArg>,
}

/// `--nagq`.
#[derive(Clone, Copy, Debug)]
pub(super) struct NagqArg(pub(super) Integration);

impl FromStr for NagqArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(nodes @ 1..=101) => Ok(Self(Integration::Nodes(nodes))),
            _ if text == "auto" => Ok(Self(Integration::Auto)),
            _ => Err("a number from 1 to 101, or auto".into()),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LangArg {
    Nl,
    En,
}

impl From<LangArg> for Lang {
    fn from(lang: LangArg) -> Self {
        match lang {
            LangArg::Nl => Lang::Nl,
            LangArg::En => Lang::En,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Simulate a small region and run the whole job on it.
    #[command(after_help = "Example:\n  lob demo --out demo --lang en")]
    Demo(Demo),
    /// Write a commented study file.
    #[command(after_help = "Examples:\n  lob init study.toml && $EDITOR study.toml && lob check study.toml\n  \
        lob init study.toml --from leerlingen.csv dossier.xlsx mbo.csv")]
    Init(Init),
    /// Check a study file and read all its data, without looking at any result.
    #[command(
        after_help = "Examples:\n  lob check study.toml             all faults of all files, and check/validatie.html\n  \
        lob check study.toml --fix-plan  a mapping that may be meant, to read and paste\n  \
        lob check --power study.toml     can it be seen with our numbers? no outcome is read"
    )]
    Check(Check),
    /// Bring files as they come to canonical tables, with a codebook and a study that runs on them.
    #[command(after_help = "Example:\n  lob ingest study.toml --out tables && lob run tables/study.toml")]
    Ingest(Ingest),
    /// Run a study: panel, models, effects, tables and school reports.
    #[command(after_help = "Examples:\n  lob run study.toml\n  lob run study.toml --out results --lang en --threads 4")]
    Run(Run),
    /// Run many studies, one summary: a study that fails stops no other.
    #[command(after_help = "Example:\n  lob batch studies/*.toml --out results")]
    Batch(Batch),
    /// Write the panel as pattern cells, from which every model that needs no pupil can be fitted.
    #[command(
        after_help = "Examples:\n  lob cells study.toml --out cells.parquet && lob run study.toml --from cells.parquet\n  \
        lob cells study.toml --engine duckdb --out cells.parquet\n  \
        lob cells study.toml --from north.parquet south.parquet --out all.parquet\n  \
        lob cells study.toml --sql spark --to s3a://bucket/cells > cells.sql"
    )]
    Cells(Cells),
    /// Write the panel of an outcome as Parquet, or print the plan as SQL.
    #[command(after_help = "Examples:\n  lob panel study.toml --outcome uitval_jr1 --out panel.parquet\n  \
        lob panel study.toml --outcome uitval_jr1 --sql duckdb > panel.sql")]
    Panel(Panel),
    /// Outcomes that come as counts per school, leerweg and cohort, beside mean doses of the same cells.
    #[command(after_help = "Example:\n  lob counts study.toml --to counts")]
    Counts(Counts),
    /// Write only the school reports of a study, in either language, to a folder.
    #[command(after_help = "Example:\n  lob report study.toml --lang en --school 90AA00 --to reports")]
    Report(Report),
    /// Simulate many regions with known truths and table what the engine promises and does.
    #[command(
        after_help = "Examples:\n  lob certify --level quick\n  lob certify --level full --to certificate --lang en"
    )]
    Certify(Certify),
    /// Simulate a region of any size, with its truth beside it.
    #[command(
        after_help = "Examples:\n  lob simulate --schools 40 --cohorts 4 --pupils 15000 --seed 7 --to region\n  \
        lob simulate --preset national --to country\n  lob simulate --as duo,las,dossier-csv --to files"
    )]
    Simulate(Simulate),
    /// Fit one model to one table: formulas in lme4's notation, with or without random effects.
    #[command(after_long_help = FIT_HELP, after_help = "Examples: lob fit --help")]
    Fit(Box<Fit>),
    /// Make, name, replace or destroy the project key that turns personal ids into pseudonyms.
    #[command(after_help = KEY_HELP)]
    Key(Key),
    /// Explain an error code: what it means, why, and what to do.
    #[command(after_help = "Examples:\n  lob explain LOB-E0108\n  lob explain --list --lang nl")]
    Explain(Explain),
    /// Print the JSON Schema of study files, or the outcomes, activities and models that are known.
    #[command(after_help = "Examples:\n  lob schema > study.schema.json\n  lob schema --list")]
    Schema(Schema),
    /// Print shell completions.
    #[command(after_help = "Example:\n  lob completions bash > ~/.local/share/bash-completion/completions/lob")]
    Completions(Completions),
}

#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Folder for the data and the results.
    #[arg(long, default_value = "demo", value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Seed of the simulation.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
}

#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// Where to write it; an existing file is left alone.
    #[arg(default_value = "study.toml", value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Files of yours: the study is proposed from their columns, and says what was guessed and what is missing.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(super) from: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The study file.
    #[arg(value_name = "STUDY")]
    pub(super) study: PathBuf,
    /// Instead: what can be seen with these numbers, per school, before any outcome is read.
    #[arg(long)]
    pub(super) power: bool,
    /// With --power: the share of pupils who have an outcome, as `uitval_jr1=0.06`; national levels by default.
    #[arg(long, value_name = "ID=SHARE", requires = "power", value_parser = share)]
    pub(super) share: Vec<(String, f64)>,
    /// With --power: where to write all numbers as JSON.
    #[arg(long, value_name = "FILE", requires = "power", default_value = "power.json")]
    pub(super) to: PathBuf,
    /// Folder for validation.json and validatie.html. Default: check/ beside the study file.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Print a mapping of columns and activity names that may be meant, as TOML. Nothing is changed.
    #[arg(long)]
    pub(super) fix_plan: bool,
}

fn share(text: &str) -> Result<(String, f64), String> {
    let wrong = || "an outcome and a share between 0 and 1, as `uitval_jr1=0.06`".to_string();
    let (id, share) = text.split_once('=').ok_or_else(wrong)?;
    let share: f64 = share.parse().map_err(|_| wrong())?;
    if share > 0.0 && share < 1.0 && !id.is_empty() { Ok((id.to_string(), share)) } else { Err(wrong()) }
}

#[derive(Debug, clap::Args)]
pub(super) struct Ingest {
    /// The study file, with an [ingest] part.
    #[arg(value_name = "STUDY")]
    pub(super) study: PathBuf,
    /// Folder for the tables, datapackage.json and study.toml. Only you can read it.
    #[arg(long, default_value = "tables", value_name = "DIR")]
    pub(super) out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// The study file.
    #[arg(value_name = "STUDY")]
    pub(super) study: PathBuf,
    /// Output folder; runs are written to DIR/runs/<run id>. Default: the study file's folder.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Also run the checks of robustness and falsification: the same question asked in other ways, and questions whose
    /// answer is known.
    #[arg(long, conflicts_with_all = ["from", "engine", "engine_command"])]
    pub(super) robustness: bool,
    /// About how much memory to take, such as 512MB; what does not fit goes to a file in the output folder, which is gone when the
    /// run ends. Slower; results are the same.
    #[arg(long, value_name = "SIZE")]
    pub(super) memory: Option<MemorySize>,
    #[command(flatten)]
    pub(super) origin: OriginArgs,
}

/// Where cells come from, instead of the rows of the study's sources.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct OriginArgs {
    /// Files of pattern cells (`lob cells`) to start from; of several files, every pupil must stand in one only.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["engine", "engine_command"])]
    pub(super) from: Vec<String>,
    /// What an engine wrote beside those cells (its folder `check`): fail unless they add up to it.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "from")]
    pub(super) check: Vec<String>,
    /// Engine that makes the cells; `native` is this program.
    #[arg(long, value_name = "NAME")]
    pub(super) engine: Option<EngineArg>,
    /// Command that starts the engine: {sql} is the file with the statements, {out} the folder they write to.
    #[arg(long, value_name = "COMMAND")]
    pub(super) engine_command: Option<String>,
    /// Folder through which cells come back, if workers of the engine can't reach the output folder.
    #[arg(long, value_name = "DIR")]
    pub(super) engine_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EngineArg {
    Native,
    Duckdb,
    Spark,
}

#[derive(Debug, clap::Args)]
pub(super) struct Batch {
    /// The study files.
    #[arg(value_name = "STUDY", required = true)]
    pub(super) studies: Vec<PathBuf>,
    /// Output folder; each study gets a folder in it, named as its id. Default: the folder of the study file.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Studies that run at the same time; by default one for every four threads, since a study uses all threads that are free.
    #[arg(long, value_name = "N")]
    pub(super) at_once: Option<NonZeroUsize>,
    /// About how much memory to take in all, such as 2GB: as `lob run --memory`, in equal parts for the studies that run at the same
    /// time.
    #[arg(long, value_name = "SIZE")]
    pub(super) memory: Option<MemorySize>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Cells {
    /// The study file.
    #[arg(value_name = "STUDY")]
    pub(super) study: PathBuf,
    /// Parquet file to write. Small cells tell of single pupils: only you can read it.
    #[arg(long, value_name = "FILE", required_unless_present = "sql", conflicts_with = "sql")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) origin: OriginArgs,
    /// Print the statements that make the cells instead, for an engine that is started elsewhere.
    #[arg(long, value_name = "DIALECT", requires = "to", conflicts_with_all = ["from", "engine", "engine_command"])]
    pub(super) sql: Option<SqlArg>,
    /// Folder that printed statements write to, as the engine calls it.
    #[arg(long, value_name = "FOLDER", requires = "sql")]
    pub(super) to: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SqlArg {
    Duckdb,
    Spark,
}

impl From<SqlArg> for Dialect {
    fn from(arg: SqlArg) -> Self {
        match arg {
            SqlArg::Duckdb => Dialect::DuckDb,
            SqlArg::Spark => Dialect::Spark,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Panel {
    /// The study file.
    #[arg(value_name = "STUDY")]
    pub(super) study: PathBuf,
    /// Outcome whose analysis set is wanted; the first one by default.
    #[arg(long, value_name = "ID")]
    pub(super) outcome: Option<String>,
    /// Parquet file to write. It holds pseudonyms: only you can read it.
    #[arg(long, value_name = "FILE", required_unless_present = "sql", conflicts_with = "sql")]
    pub(super) out: Option<PathBuf>,
    /// Print the plan as SQL instead.
    #[arg(long, value_name = "DIALECT")]
    pub(super) sql: Option<SqlArg>,
    /// One row per school and cohort instead of one per pupil: pupils, sum of the outcome, mean doses at the landmark.
    #[arg(long)]
    pub(super) cells: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Counts {
    /// The study file, with a table `[counts]`.
    #[arg(value_name = "STUDY")]
    pub(super) study: PathBuf,
    /// Output folder: its runs/ gets a run with the page in both languages and all numbers as JSON.
    #[arg(long, value_name = "FOLDER", default_value = "counts")]
    pub(super) to: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct Report {
    /// The study file.
    #[arg(value_name = "STUDY")]
    pub(super) study: PathBuf,
    /// Folder for the pages.
    #[arg(long, default_value = "reports", value_name = "DIR")]
    pub(super) to: PathBuf,
    /// Only this school (its key in the study).
    #[arg(long, value_name = "KEY")]
    pub(super) school: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Simulate {
    /// A size with a name; the next three change it.
    #[arg(long, value_enum, default_value = "region")]
    pub(super) preset: Preset,
    /// Number of schools.
    #[arg(long, value_name = "N")]
    pub(super) schools: Option<u32>,
    /// Number of cohorts (exam years).
    #[arg(long, value_name = "N")]
    pub(super) cohorts: Option<u32>,
    /// Number of pupils, about.
    #[arg(long, value_name = "N")]
    pub(super) pupils: Option<u32>,
    /// Seed: the same seed gives the same files.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// No association at all between LOB and outcomes: short for `--scenario null`.
    #[arg(long, conflicts_with = "scenario")]
    pub(super) null: bool,
    /// The truth that is planted, and what is hidden from the tables.
    #[arg(long, default_value = "plain", value_parser = scenarios(), value_name = "NAME")]
    pub(super) scenario: Scenario,
    /// The forms in which it is written: `parquet` (the simulator's own tables), `duo` (RO, NenR, NRSP, A04, A05), `las`
    /// (pupil lists and crosswalk), `dossier-csv`, `dossier-xlsx`, `counts` (published counts, small ones masked).
    #[arg(long = "as", value_name = "FORM,…", value_delimiter = ',', default_value = "parquet")]
    pub(super) forms: Vec<Form>,
    /// Folder for the files, truth.parquet and study.toml.
    #[arg(long, default_value = "region", value_name = "DIR")]
    pub(super) to: PathBuf,
}

/// How large a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Preset {
    /// 12 schools, 4 cohorts, 4 000 pupils, 190 000 activities.
    Region,
    /// A country: 1 200 schools, 10 cohorts, 1 000 000 pupils, 100 million activities; 0.6 GB, under a minute.
    National,
}

/// How much `lob certify` simulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LevelArg {
    /// Under a minute.
    Quick,
    /// A thousand regions of each setting.
    Full,
}

#[derive(Debug, clap::Args)]
pub(super) struct Certify {
    /// How much is simulated.
    #[arg(long, value_enum, default_value = "quick")]
    pub(super) level: LevelArg,
    /// Regions of each setting, in place of the level's number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub(super) replicates: Option<u32>,
    /// Seed: the same seed gives the same table.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Folder for guarantees.parquet and guarantees.html.
    #[arg(long, default_value = "certificate", value_name = "DIR")]
    pub(super) to: PathBuf,
}

/// The names of [`Scenario::ALL`].
fn scenarios() -> impl TypedValueParser<Value = Scenario> {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::code)).map(|name| {
        let named = Scenario::ALL.into_iter().find(|s| s.code() == name);
        named.expect("clap lets only these names through")
    })
}

const KEY_HELP: &str = "\
Examples:
  lob key new regio.key --project regio-west     256 bits of chance in a file that only you read
  lob key id regio.key                           its id: all of it that is ever printed or written
  lob key rotate regio.key                       a new key; the old one is kept beside it
  lob key destroy regio.key --yes                overwritten and removed

Name the file in the study ([privacy] key_file) or in the environment variable LOB_KEY_FILE. Keep it apart from the
data, with a copy in a safe place: without it no new delivery can be linked to an old one.";

#[derive(Debug, clap::Args)]
pub(super) struct Key {
    #[command(subcommand)]
    pub(super) action: KeyAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyAction {
    /// Make a key in a new file that only its owner reads.
    New {
        /// The file; an existing one is left alone.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Project of the key: the `id` of its study, or its [privacy] `project`.
        #[arg(long, value_name = "ID")]
        project: String,
    },
    /// Print the id of a key.
    Id {
        /// The key file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Put a new key in the place of the old one, which is kept beside it.
    Rotate {
        /// The key file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Overwrite a key and remove its file.
    Destroy {
        /// The key file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Yes, this can't be undone.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The code, as LOB-E0108 or 0108.
    #[arg(value_name = "CODE", required_unless_present = "list")]
    pub(super) code: Option<String>,
    /// List all codes instead.
    #[arg(long, conflicts_with = "code")]
    pub(super) list: bool,
}

const FIT_HELP: &str = "\
Formulas
  y ~ x + z              an intercept, x and z; y ~ 0 + x has no intercept
  a*b                    a + b + a:b;  (a + b + c)^2 has all pairs;  - a:b takes one out
  I(x^2), I(x*z)         arithmetic of columns; also log, log2, log10, log1p, exp, expm1, sqrt, abs
  factor(x)              a numeric column as a factor (or --factor x, or --levels x=1,2,3)
  offset(log(pupils))    a known part of the linear predictor
  (1 | school)           an intercept for each school
  (x | school)           and a slope, correlated with it;  (x || school) uncorrelated;  (0 + x | school) alone
  (1 | school/class)     schools, and classes in schools;  (1 | a:b) combinations of a and b
  cbind(yes, n - yes)    successes and failures, with --family binomial

Factors
  Text columns are factors with levels in the order of their bytes; the first level is the reference (treatment
  contrasts, named as R names them: sectorCatholic, period2, meanses:cses). A two-level outcome takes its second level
  as success. Levels that no used row has are left out.

Rows
  Rows with a missing value (empty, NA, NaN) in a column that is used are dropped and counted. The others are sorted
  before fitting, so that the order of the file does not matter to the last bit: by level of the first grouping factor,
  then of the others, then by the predictors' columns in the order in which the formula names them, then by weight and
  outcome.

Examples
  lob fit --data exam.csv --formula 'normexam ~ standLRT + (standLRT | school)' --method ml
  lob fit --data hsb82.csv --formula 'mAch ~ meanses*cses + sector*cses + (cses | school)' \\
      --levels sector=Public,Catholic --json hsb82.json
  lob fit --data cbpp.csv --formula 'cbind(incidence, size - incidence) ~ period + (1 | herd)' \\
      --family binomial --factor period --nagq 9
  lob fit --data exam.csv --formula 'normexam ~ standLRT + schgend' --vcov cr2 --cluster school
  lob fit --data exam.csv --formula 'normexam ~ standLRT + (1 | school)' --bootstrap parametric --replicates 999 --seed 7

The JSON holds the tables of R's broom.mixed (snake_case): glance, tidy, ran_vals; and groups, drops, notes.
Exit codes: 0 done, 2 wrong flags or formula, 3 data that can't be read or fitted, 4 disk, 5 no optimum found.";

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FamilyArg {
    Gaussian,
    Binomial,
    Poisson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LinkArg {
    Identity,
    Logit,
    Probit,
    Cloglog,
    Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum MethodArg {
    Ml,
    Reml,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum VcovArg {
    Cr0,
    Cr1,
    Cr1s,
    Cr2,
    Cr3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CiArg {
    Wald,
    Profile,
    Percentile,
    Basic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BootstrapArg {
    Parametric,
    Cluster,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DfArg {
    Satterthwaite,
    KenwardRoger,
}

#[derive(Debug, clap::Args)]
pub(super) struct Fit {
    /// Table to read: CSV (also .gz; comma, semicolon or tab) or Parquet.
    #[arg(long, value_name = "FILE")]
    pub(super) data: PathBuf,
    /// Model in lme4's notation; --help shows it.
    #[arg(long, value_name = "FORMULA")]
    pub(super) formula: String,
    /// Distribution of the outcome.
    #[arg(long, value_enum, default_value = "gaussian", value_name = "NAME")]
    pub(super) family: FamilyArg,
    /// Link; by default identity, logit or log.
    #[arg(long, value_enum, value_name = "NAME")]
    pub(super) link: Option<LinkArg>,
    /// Criterion of a linear mixed model; by default REML, as in lme4.
    #[arg(long, value_enum, value_name = "ml|reml")]
    pub(super) method: Option<MethodArg>,
    /// The same as --method reml.
    #[arg(long, conflicts_with = "method")]
    pub(super) reml: bool,
    /// Nodes of the adaptive quadrature of a binomial or Poisson mixed model; 1 is Laplace, `auto` is Laplace and then
    /// quadrature if a check finds that Laplace is not enough.
    #[arg(long, default_value = "1", value_name = "K|auto")]
    pub(super) nagq: NagqArg,
    /// Column of prior weights; for shares of successes, the trials.
    #[arg(long, value_name = "COLUMN")]
    pub(super) weights: Option<String>,
    /// Numeric columns that are factors.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(super) factor: Vec<String>,
    /// Levels of a factor in order, the first being the reference; rows with another value are dropped.
    #[arg(long, value_name = "COLUMN=A,B,…")]
    pub(super) levels: Vec<String>,
    /// Cluster-robust covariance instead of the model's, for formulas without random effects.
    #[arg(long, value_enum, value_name = "KIND", requires = "cluster")]
    pub(super) vcov: Option<VcovArg>,
    /// Column whose rows belong together, for --vcov or --bootstrap cluster.
    #[arg(long, value_name = "COLUMN")]
    pub(super) cluster: Option<String>,
    /// Errors and intervals by bootstrap: `parametric` draws random effects and outcomes from the fitted model, `cluster`
    /// draws levels of the outermost grouping factor (or of --cluster) with all their rows.
    #[arg(long, value_enum, value_name = "KIND")]
    pub(super) bootstrap: Option<BootstrapArg>,
    /// Replicates of --bootstrap.
    #[arg(long, default_value_t = 999, value_name = "N", requires = "bootstrap",
          value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(super) replicates: u32,
    /// Seed of --bootstrap: the same seed gives the same numbers, with any number of threads.
    #[arg(long, default_value_t = 1, value_name = "S", requires = "bootstrap")]
    pub(super) seed: u64,
    /// Kind of the intervals: wald (default), profile (also of standard deviations and correlations), or, with --bootstrap,
    /// percentile (its default) and basic.
    #[arg(long, value_enum, value_name = "KIND")]
    pub(super) ci: Option<CiArg>,
    /// Degrees of freedom of a linear mixed model; kenward-roger corrects standard errors too, and needs REML and one
    /// grouping factor.
    #[arg(long, value_enum, default_value = "satterthwaite", value_name = "METHOD")]
    pub(super) df: DfArg,
    /// Level of the intervals.
    #[arg(long, default_value_t = 0.95, value_name = "P")]
    pub(super) level: f64,
    /// Evaluate at these variance parameters (lme4's theta and order; for binomial and poisson the fixed effects may follow)
    /// instead of searching.
    #[arg(long, value_name = "T1,T2,…", value_delimiter = ',', allow_hyphen_values = true)]
    pub(super) theta: Option<Vec<f64>>,
    /// Write everything as one JSON object to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Schema {
    /// List outcomes, activity types and kinds of models instead.
    #[arg(long)]
    pub(super) list: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(super) shell: Shell,
}
