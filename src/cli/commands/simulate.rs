//! `lob simulate`.

use std::fs;
use std::path::Path;

use crate::cli::args::Simulate;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::simulate::{PlantedEffect, RegionSpec, simulate_to};
use crate::study::template::TEMPLATE;

pub(in crate::cli) fn execute(command: &Simulate, screen: &Screen) -> Result<Exit, Failure> {
    if command.schools == 0 || command.cohorts == 0 || command.pupils < command.schools {
        return Err(Failure::usage("a region has at least one school, one cohort and one pupil per school"));
    }
    let spec = RegionSpec {
        schools: command.schools,
        cohorts: command.cohorts,
        pupils: command.pupils,
        seed: command.seed,
        effect: if command.null { PlantedEffect::null() } else { PlantedEffect::default() },
        ..RegionSpec::default()
    };
    write(&spec, &command.to, screen)?;
    let study = command.to.join("study.toml");
    screen.say(&format!("Run it with: lob run {}", study.display()));
    Ok(Exit::Success)
}

/// Writes the tables of a region, its truth and its study file.
pub(super) fn write(spec: &RegionSpec, dir: &Path, screen: &Screen) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::write("the region's folder", &e);
    fs::create_dir_all(dir).map_err(failed)?;
    let written = simulate_to(spec, dir).map_err(|e| Failure { exit: Exit::Environment, message: e.to_string() })?;
    fs::write(dir.join("study.toml"), study_of(spec)).map_err(failed)?;
    let tables: Vec<String> = written.iter().map(|w| format!("{} {}", grouped(w.rows), w.name)).collect();
    screen.say(&format!("Simulated in {}: {}", dir.display(), tables.join(", ")));
    Ok(())
}

/// The template, with enrolments known up to the end of the year in which the last outcome is counted.
fn study_of(spec: &RegionSpec) -> String {
    let last_exam = i64::from(spec.first_exam_year) + i64::from(spec.cohorts.max(1)) - 1;
    TEMPLATE.replace("2024-12-31", &format!("{}-12-31", last_exam + 1))
}
