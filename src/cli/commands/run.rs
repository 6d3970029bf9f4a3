//! `lob run`.

use std::path::Path;

use super::cells::Chosen;
use super::{Loaded, ingest, load};
use crate::cli::args::{Args, Run};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::effects::Finding;
use crate::effects::robustness::Effort;
use crate::ingest::MemorySize;
use crate::run::{self, Job, Origin, Summary};
use crate::vocab::{Lang, RefusalReason, Unit};

pub(in crate::cli) fn execute(command: &Run, args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = load(&command.study)?;
    let out = command.out.clone().unwrap_or_else(|| loaded.base.clone());
    let origin = Chosen::of(&command.origin)?;
    // Cells are made of the tables already.
    let loaded = if command.origin.from.is_empty() { ingest::prepared(loaded, &out, screen)? } else { loaded };
    let how = How { robustness: command.robustness.then(Effort::default), memory: command.memory };
    run_on(&loaded, &out, (origin.as_origin(), how), args, screen)
}

/// Runs a loaded study on its rows and prints its summary.
pub(super) fn run_study(loaded: &Loaded, out: &Path, args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    run_on(loaded, out, (Origin::Rows, How::default()), args, screen)
}

/// What else was asked of a run.
#[derive(Default)]
struct How {
    robustness: Option<Effort>,
    memory: Option<MemorySize>,
}

fn run_on(
    loaded: &Loaded,
    out: &Path,
    (origin, How { robustness, memory }): (Origin<'_>, How),
    args: &Args,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let Loaded { study, text, base } = loaded;
    let lang = args.lang.map_or(study.report.lang, Lang::from);
    let bar = screen.rows("reading");
    let done = run::run_from(&Job { study, text, base, out, lang, robustness, memory }, origin, &bar);
    bar.finish();
    let summary = done?;
    print(&summary, lang, screen);
    Ok(exit(&summary))
}

/// Only a search that did not end is a failure; an outcome that does not vary is a result.
pub(super) fn exit(summary: &Summary) -> Exit {
    let failed = |m: &&run::ModelLine| m.refused == Some(RefusalReason::NotConverged);
    match summary.models.iter().filter(failed).count() {
        0 => Exit::Success,
        n if n == summary.models.len() => Exit::Numerical,
        _ => Exit::Findings,
    }
}

fn print(summary: &Summary, lang: Lang, screen: &Screen) {
    let counts: Vec<String> = summary.counts.iter().map(|(what, n)| format!("{} {what}", grouped(*n))).collect();
    screen.say(&counts.join(", "));
    screen.say("");
    for model in &summary.models {
        screen.say(&format!("  {:<14} {}", model.id, line(model, lang)));
    }
    screen.say("");
    for note in &summary.notes {
        screen.say(&format!("Note: {note}."));
    }
    if summary.unchanged {
        screen.say("The same run was there already; nothing was changed.");
    }
    screen.say(&format!("Run      {}", summary.run_id));
    screen.say(&format!("Tables   {}", summary.dir.join("research").display()));
    screen.say(&format!("Reports  {} ({} schools)", summary.dir.join("index.html").display(), summary.reports.len()));
    if let Some(first) = summary.reports.first() {
        screen.say(&format!("         {}", summary.dir.join(first).display()));
    }
}

/// "dropout: −1.4 percentage points per 5 activities (−2.6 to −0.2)".
fn line(model: &run::ModelLine, lang: Lang) -> String {
    let Finding::Estimate(e) = &model.nation else {
        let reason = model.refused.map_or("refused", RefusalReason::code);
        let term = model.refused_term.as_ref().map_or_else(String::new, |term| format!(" ({term})"));
        return format!("{}: {} {reason}{term}", model.outcome, lang.pick("geen schatting,", "no estimate,"));
    };
    let unit = match e.quantity.unit {
        Unit::PercentagePoint => lang.pick("procentpunt", "percentage points"),
        Unit::ScorePoint => lang.pick("punten", "points"),
    };
    let number = |x: f64| {
        let text = format!("{x:+.2}").replace('-', "−");
        if lang == Lang::Nl { text.replace('.', ",") } else { text }
    };
    format!(
        "{}: {} {unit} {} {} {} ({} {} {})",
        model.outcome,
        number(e.quantity.value),
        lang.pick("per", "per"),
        e.quantity.per,
        model.exposure,
        number(e.interval.lo),
        lang.pick("tot", "to"),
        number(e.interval.hi),
    )
}
