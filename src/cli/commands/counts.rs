//! `lob counts`.

use super::load_tables;
use crate::cli::args::Counts;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::run;

pub(in crate::cli) fn execute(command: &Counts, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = load_tables(&command.study)?;
    let bar = screen.rows("reading");
    let done = run::counts(&loaded.study, &loaded.base, &command.to, &bar);
    bar.finish();
    let Some(done) = done? else {
        return Err(Failure::usage(
            "the study has no [counts]: which table has numbers per school, leerweg and cohort?",
        ));
    };
    let (cells, masked) = (done.result.cells, done.result.masked);
    let left_out: u64 = done.drops.values().sum();
    screen.say(&format!(
        "{cells} cells of {} schools, {masked} with a masked number; {left_out} left out. At the level of schools, not about pupils.",
        done.result.schools
    ));
    if let Some(why) = &done.result.refused {
        screen.say(&format!("No association is told: {why}"));
    }
    screen.say(&format!("Wrote {}", command.to.display()));
    Ok(Exit::Success)
}
