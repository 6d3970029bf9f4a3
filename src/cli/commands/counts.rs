//! `lob counts`.

use super::{Loaded, ingest, load};
use crate::cli::args::{Args, Counts};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::run::{self, Job};
use crate::vocab::Lang;

pub(in crate::cli) fn execute(command: &Counts, args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    let Loaded { study, text, base } = &ingest::prepared(load(&command.study)?, &command.to, screen)?;
    let lang = args.lang.map_or(study.report.lang, Lang::from);
    let job = Job { study, text, base, out: &command.to, lang, robustness: None, memory: None };
    let bar = screen.rows("reading");
    let done = run::counts(&job, &bar);
    bar.finish();
    let Some((done, dir)) = done? else {
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
    for (why, n) in &done.drops {
        screen.say(&format!("  {n:>14}  {}", why.label().1));
    }
    if let Some(why) = &done.result.refused {
        screen.say(&format!("No association is told: {why}"));
    }
    let page = dir.join(lang.pick("aantallen.html", "counts.html"));
    screen.say(&format!("Page     {}", page.display()));
    Ok(Exit::Success)
}
