//! The command line, as clap reads it.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
        4 disk, permission or busy (try again), 5 no model converged, 70 internal error."
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
    #[command(after_help = "Example:\n  lob init study.toml && $EDITOR study.toml && lob check study.toml")]
    Init(Init),
    /// Check a study file and read all its data, without looking at any result.
    #[command(after_help = "Example:\n  lob check study.toml")]
    Check(StudyArg),
    /// Run a study: panel, models, effects, tables and school reports.
    #[command(after_help = "Examples:\n  lob run study.toml\n  lob run study.toml --out results --lang en --threads 4")]
    Run(Run),
    /// Write the panel of an outcome as Parquet, or print the plan as SQL.
    #[command(after_help = "Examples:\n  lob panel study.toml --outcome uitval_jr1 --out panel.parquet\n  \
        lob panel study.toml --outcome uitval_jr1 --sql duckdb > panel.sql")]
    Panel(Panel),
    /// Write only the school reports of a study, in either language, to a folder.
    #[command(after_help = "Example:\n  lob report study.toml --lang en --school 90AA00 --to reports")]
    Report(Report),
    /// Simulate a region of any size, with its truth beside it.
    #[command(after_help = "Example:\n  lob simulate --schools 40 --cohorts 4 --pupils 15000 --seed 7 --to region")]
    Simulate(Simulate),
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
}

#[derive(Debug, clap::Args)]
pub(super) struct StudyArg {
    /// The study file.
    #[arg(value_name = "STUDY")]
    pub(super) study: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// The study file.
    #[arg(value_name = "STUDY")]
    pub(super) study: PathBuf,
    /// Output folder; runs are written to DIR/runs/<run id>. Default: the study file's folder.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SqlArg {
    Duckdb,
    Spark,
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
    /// Number of schools.
    #[arg(long, default_value_t = 12)]
    pub(super) schools: u32,
    /// Number of cohorts (exam years).
    #[arg(long, default_value_t = 4)]
    pub(super) cohorts: u32,
    /// Number of pupils, about.
    #[arg(long, default_value_t = 4_000)]
    pub(super) pupils: u32,
    /// Seed: the same seed gives the same files.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// No association at all between LOB and outcomes.
    #[arg(long)]
    pub(super) null: bool,
    /// Folder for the tables, truth.parquet and study.toml.
    #[arg(long, default_value = "region", value_name = "DIR")]
    pub(super) to: PathBuf,
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
