//! `lob check --power`: can this be seen with our numbers? ("Kan dit met onze aantallen?")

use crate::cli::args::Check;
use crate::cli::commands::Loaded;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::run::power::{Line, ModelPower, power};
use crate::run::write_json;

/// As many schools as fit on a screen; of more the table shows the quartiles of size.
const MOST_SCHOOLS: usize = 40;

pub(super) fn execute(command: &Check, loaded: &Loaded, screen: &Screen) -> Result<Exit, Failure> {
    for (id, _) in &command.share {
        if !loaded.study.outcomes.iter().any(|o| o.id == *id) {
            return Err(Failure::usage(format!("--share {id}: the study has no outcome `{id}`")));
        }
    }
    let bar = screen.rows("reading");
    let report = power(&loaded.study, &loaded.base, &command.share, &bar);
    bar.finish();
    let report = report?;
    write_json(&report, &command.to)?;
    screen.say("What can be seen with these numbers. No outcome was read.");
    screen.say("Width and smallest visible difference are in percentage points per step, of a school's own line;");
    screen.say(
        "reliability is the share of a school's own line that would be real, if lines truly differ by 0.5 or 1 point.",
    );
    for model in &report.models {
        screen.say(&format!("\n{}: {} by {}", model.model, model.outcome, model.exposure));
        say_model(model, screen);
    }
    screen.say(&format!("\nAll numbers: {}", command.to.display()));
    Ok(Exit::Success)
}

fn say_model(model: &ModelPower, screen: &Screen) {
    let (Some(share), Some(nation)) = (model.share, &model.nation) else {
        screen.say(&format!("  not possible: {}", model.refused.unwrap_or_default()));
        return;
    };
    let from = match model.share_from {
        "given" => "as given",
        "national" => "the national level",
        _ => "an assumption; give your own with --share",
    };
    screen.say(&format!("  step {}, share with the outcome {share} ({from})", model.step));
    screen.say(&format!(
        "  {:<14}{:>8} {:>8} {:>8} {:>9} {:>9}{:>7}{:>7}  {}",
        "school", "pupils", "cohorts", "events", "± width", "visible", "λ 0.5", "λ 1", "will be"
    ));
    screen.say(&row("all schools", nation));
    let shown: Vec<&Line> = if model.schools.len() <= MOST_SCHOOLS {
        model.schools.iter().collect()
    } else {
        let mut by_size: Vec<&Line> = model.schools.iter().collect();
        by_size.sort_by_key(|l| (l.n_pupils, l.school.clone()));
        screen.say("  smallest school, quartiles of size, largest school:");
        [0, 1, 2, 3, 4].map(|k| by_size[k * (by_size.len() - 1) / 4]).to_vec()
    };
    for line in shown {
        screen.say(&row(line.school.as_deref().unwrap_or_default(), line));
    }
    let count = |word: &str| model.schools.iter().filter(|l| l.will_be == word).count() as u64;
    screen.say(&format!(
        "  {} schools will be shown, {} have too few pupils, {} too few events, {} no differences in dose",
        grouped(count("shown")),
        grouped(count("few_pupils")),
        grouped(count("few_events")),
        grouped(count("no_dose_variation")),
    ));
}

fn row(name: &str, line: &Line) -> String {
    let one = |x: Option<f64>| x.map_or_else(|| "–".to_string(), |x| format!("{x:.1}"));
    let two = |k: usize| line.reliability.map_or_else(|| "–".to_string(), |r| format!("{:.2}", r[k]));
    let will_be = match line.will_be {
        "few_pupils" => "hidden: few pupils",
        "few_events" => "hidden: few events",
        "no_dose_variation" => "no differences in dose",
        _ => "shown",
    };
    format!(
        "  {name:<14}{:>8} {:>8} {:>8.0} {:>9} {:>9}{:>7}{:>7}  {will_be}",
        grouped(line.n_pupils),
        line.n_cohorts,
        line.n_events,
        one(line.half_width),
        one(line.smallest_visible),
        two(0),
        two(1),
    )
}
