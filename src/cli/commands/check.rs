//! `lob check`: is the study file right, is the data readable, and who falls out where? No outcome is compared
//! with any dose.

mod power;

use std::collections::BTreeSet;

use super::load;
use crate::cli::args::Check;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::models;
use crate::panel::{self, Plan, Step};

pub(in crate::cli) fn execute(command: &Check, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = load(&command.study)?;
    if command.power {
        return power::execute(command, &loaded, screen);
    }
    let bar = screen.rows("reading");
    let built = panel::build(Plan::of(&loaded.study), &loaded.base, &bar);
    bar.finish();
    let panel = built?;
    screen.say(&format!(
        "The study file is right, and all data can be read: {} schools, {} pupils.",
        grouped(panel.pupils.schools.len() as u64),
        grouped(panel.pupils.len() as u64),
    ));
    let mut flow = panel.flow.clone();
    for entry in &loaded.study.models {
        flow.extend(models::model(entry).design(&panel, entry).head().flow.clone());
    }
    let sets: BTreeSet<&str> = flow.iter().map(|(set, ..)| set).collect();
    for set in sets {
        screen.say(&format!("\n{set}"));
        let steps: BTreeSet<Step> = flow.iter().filter(|(s, ..)| *s == set).map(|(_, _, step, _)| step).collect();
        for step in steps {
            screen.say(&format!("  {:>14}  {}", grouped(flow.total(set, step)), step.label().1));
        }
    }
    for note in panel::matched::notes(&panel) {
        screen.say(&format!("\nNote: {note}."));
    }
    if panel.rejects.count() > 0 {
        screen.say(&format!("\nRows that can't be read (within study.max_reject)\n{}", panel.rejects));
    }
    Ok(Exit::Success)
}
