//! `lob check`: is the study file right, is the data readable, and who falls out where? No outcome is compared
//! with any dose.

use super::load;
use crate::cli::args::{Args, Check};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::run::validation::{self, Found, Severity, Validation};
use crate::vocab::Lang;

/// Findings that are shown on the terminal; the page has them all.
const SHOWN: usize = 100;

pub(in crate::cli) fn execute(command: &Check, args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = load(&command.study)?;
    let folder = command.out.clone().unwrap_or_else(|| loaded.base.join("check"));
    let before = validation::previous(&folder);
    let bar = screen.rows("reading");
    let v = validation::validate(&loaded.study, &loaded.base, before.as_ref(), &bar);
    bar.finish();
    if command.fix_plan {
        // Nothing but TOML on standard output.
        screen.print(if v.fix_plan.is_empty() { "# nothing to propose" } else { &v.fix_plan });
    } else {
        say(&v, screen);
    }
    let lang = args.lang.map_or(loaded.study.report.lang, Lang::from);
    validation::write(&v, &folder, lang)?;
    if !command.fix_plan {
        screen.say(&format!("\nAll of it: {}", folder.join("validatie.html").display()));
    }
    if v.valid {
        return Ok(Exit::Success);
    }
    let exit = match () {
        () if v.is_environment => Exit::Environment,
        () if v.is_study => Exit::Usage,
        () => Exit::Input,
    };
    Err(Failure { exit, message: errors(&v) })
}

fn say(v: &Validation, screen: &Screen) {
    if let (Some(schools), Some(pupils)) = (v.schools, v.pupils) {
        screen.say(&format!(
            "The study file is right, and all data can be read: {} schools, {} pupils.",
            grouped(schools),
            grouped(pupils)
        ));
    }
    let mut last = "";
    for (set, step, n) in &v.totals {
        if set != last {
            screen.say(&format!("\n{set}"));
            last = set;
        }
        screen.say(&format!("  {:>14}  {step}", grouped(*n)));
    }
    for warning in v.issues.iter().filter(|i| i.severity == Severity::Warning).take(SHOWN) {
        screen.say(&format!("\nNote: {}", line(warning)));
    }
}

fn errors(v: &Validation) -> String {
    let n = v.count(Severity::Error);
    let all: Vec<String> = v.issues.iter().filter(|i| i.severity == Severity::Error).take(SHOWN).map(line).collect();
    let more = if n > SHOWN { format!("\n  and {} more", n - SHOWN) } else { String::new() };
    format!("{n} error{} in the data\n  {}{more}", if n == 1 { "" } else { "s" }, all.join("\n  "))
}

/// Code, place, what was found, what would be right.
fn line(i: &Found) -> String {
    let mut place = i.file.clone().or_else(|| i.source.as_ref().map(|s| format!("sources.{s}"))).unwrap_or_default();
    if let Some(row) = i.row {
        place += &format!(" row {row}");
    }
    if let Some(column) = &i.column {
        place += &format!(", column `{column}`");
    }
    let found = i.found.as_ref().map_or_else(String::new, |f| format!("found the form `{f}`: "));
    let separator = if place.is_empty() { "" } else { ": " };
    format!("{} {place}{separator}{found}{}", i.code, i.message)
}
