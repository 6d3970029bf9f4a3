//! `lob panel`.

use super::load;
use crate::cli::args::{Panel, SqlArg};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::ingest::{ProjectKey, key_of};
use crate::panel::sql::{self, Dialect};
use crate::panel::{self, Plan};
use crate::run::write_panel;
use crate::study::nearest;

pub(in crate::cli) fn execute(command: &Panel, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = load(&command.study)?;
    let plan = Plan::of(&loaded.study);
    let ids: Vec<String> = plan.outcomes.iter().map(|o| o.entry.id.clone()).collect();
    let wanted = command.outcome.as_ref().or(ids.first()).ok_or_else(|| Failure::usage("the study has no outcome"))?;
    let outcome = ids.iter().position(|id| id == wanted).ok_or_else(|| {
        let help = nearest(wanted, &ids).unwrap_or_default();
        Failure::usage(format!("the study has no outcome `{wanted}`; {help}"))
    })?;
    if let Some(dialect) = command.sql {
        let dialect = match dialect {
            SqlArg::Duckdb => Dialect::DuckDb,
            SqlArg::Spark => Dialect::Spark,
        };
        screen.print(&sql::print(&plan, outcome, dialect, &loaded.base));
        return Ok(Exit::Success);
    }
    let Some(out) = &command.out else { return Err(Failure::usage("give --out FILE or --sql DIALECT")) };
    let bar = screen.rows("reading");
    let built = panel::build(plan, &loaded.base, &bar);
    bar.finish();
    let key = key_of(&loaded.study, &loaded.base)?;
    let rows = write_panel(&built?, outcome, out, key.as_ref().map(ProjectKey::id))?;
    screen.say(&format!("Wrote {} rows to {}", grouped(rows), out.display()));
    Ok(Exit::Success)
}
