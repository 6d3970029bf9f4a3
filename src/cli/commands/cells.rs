//! `lob cells`: the panel as pattern cells, made here, by another engine, or of other cells.

use std::path::PathBuf;

use super::load_tables;
use crate::cli::args::{Cells, EngineArg, OriginArgs};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::panel::Plan;
use crate::panel::sql::{self, Dialect};
use crate::run::{self, CellFiles, Engine, Origin};

pub(in crate::cli) fn execute(command: &Cells, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = load_tables(&command.study)?;
    if let (Some(dialect), Some(to)) = (command.sql, &command.to) {
        let plan = Plan::of(&loaded.study);
        sql::assert_readable(&plan).map_err(Failure::usage)?;
        screen.print(&sql::script(&plan, dialect.into(), &loaded.base, to.trim_end_matches('/')).text());
        return Ok(Exit::Success);
    }
    let Some(out) = &command.out else { return Err(Failure::usage("give --out FILE or --sql DIALECT")) };
    let origin = Chosen::of(&command.origin)?;
    let bar = screen.rows("reading");
    let done = run::cells(&loaded.study, &loaded.base, origin.as_origin(), out, &bar);
    bar.finish();
    screen.say(&format!("Wrote {} cells to {}", grouped(done?), out.display()));
    Ok(Exit::Success)
}

/// What the flags choose.
pub(super) enum Chosen {
    Rows,
    Cells { cells: Vec<String>, check: Vec<String> },
    Engine(Engine),
}

impl Chosen {
    pub(super) fn of(args: &OriginArgs) -> Result<Self, Failure> {
        if !args.from.is_empty() {
            // A path on the command line is one of the folder in which one stands, not of the study's.
            let here = std::env::current_dir().map_err(|e| Failure::write("the current folder", &e))?;
            let full = |file: &String| here.join(PathBuf::from(file)).to_string_lossy().into_owned();
            let [cells, check] = [&args.from, &args.check].map(|files| files.iter().map(full).collect());
            return Ok(Chosen::Cells { cells, check });
        }
        let mut engine = match (args.engine, &args.engine_command) {
            (None | Some(EngineArg::Native), None) => return Ok(Chosen::Rows),
            (Some(EngineArg::Native), Some(_)) => {
                return Err(Failure::usage("--engine native is this program; --engine-command starts another one"));
            }
            (Some(EngineArg::Duckdb), None) => Engine::duckdb(),
            (Some(EngineArg::Spark), None) => Engine::spark(),
            (Some(EngineArg::Duckdb), Some(command)) => Engine::new(Dialect::DuckDb, command),
            (Some(EngineArg::Spark), Some(command)) => Engine::new(Dialect::Spark, command),
            (None, Some(command)) => {
                let dialect = if command.contains("duckdb") { Dialect::DuckDb } else { Dialect::Spark };
                Engine::new(dialect, command)
            }
        };
        if !engine.command.contains("{sql}") {
            return Err(Failure::usage(
                "--engine-command must hold {sql}, where the file with the statements is named",
            ));
        }
        engine.exchange.clone_from(&args.engine_dir);
        Ok(Chosen::Engine(engine))
    }

    pub(super) fn as_origin(&self) -> Origin<'_> {
        match self {
            Chosen::Rows => Origin::Rows,
            Chosen::Cells { cells, check } => Origin::Cells(CellFiles { cells, check }),
            Chosen::Engine(engine) => Origin::Engine(engine),
        }
    }
}
