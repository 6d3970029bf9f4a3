//! `lob panel`.

use super::load_tables;
use crate::cli::args::Panel;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::ingest::{ProjectKey, key_of};
use crate::panel::sql;
use crate::panel::{self, Plan};
use crate::run::{write_cells, write_panel};
use crate::study::nearest;

pub(in crate::cli) fn execute(command: &Panel, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = load_tables(&command.study)?;
    let plan = Plan::of(&loaded.study);
    let ids: Vec<String> = plan.outcomes.iter().map(|o| o.entry.id.clone()).collect();
    let wanted = command.outcome.as_ref().or(ids.first()).ok_or_else(|| Failure::usage("the study has no outcome"))?;
    let outcome = ids.iter().position(|id| id == wanted).ok_or_else(|| {
        let help = nearest(wanted, &ids).unwrap_or_default();
        Failure::usage(format!("the study has no outcome `{wanted}`; {help}"))
    })?;
    if command.cells && !plan.outcomes[outcome].has_landmark() {
        return Err(Failure::usage(format!(
            "`{wanted}` has no cells: only an outcome after the landmark is one per pupil"
        )));
    }
    if let Some(dialect) = command.sql {
        let print = if command.cells { sql::print_cells } else { sql::print };
        screen.print(&print(&plan, outcome, dialect.into(), &loaded.base));
        return Ok(Exit::Success);
    }
    let Some(out) = &command.out else { return Err(Failure::usage("give --out FILE or --sql DIALECT")) };
    let bar = screen.rows("reading");
    let built = panel::build(plan, &loaded.base, &bar);
    bar.finish();
    let key = key_of(&loaded.study, &loaded.base)?;
    let built = built?;
    let rows = match command.cells {
        true => write_cells(&built, outcome, out)?.unwrap_or(0),
        false => write_panel(&built, outcome, out, key.as_ref().map(ProjectKey::id))?,
    };
    screen.say(&format!("Wrote {} rows to {}", grouped(rows), out.display()));
    Ok(Exit::Success)
}
