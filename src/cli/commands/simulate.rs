//! `lob simulate`.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use super::files_study;
use crate::cli::args::{Preset, Simulate};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::simulate::formats::Form;
use crate::simulate::{EmitError, RegionSpec, Scenario, Written, simulate_to, write_files};
use crate::study::template::TEMPLATE;

pub(in crate::cli) fn execute(command: &Simulate, screen: &Screen) -> Result<Exit, Failure> {
    let preset = match command.preset {
        Preset::Region => RegionSpec::default(),
        Preset::National => RegionSpec::national(),
    };
    let spec = RegionSpec {
        schools: command.schools.unwrap_or(preset.schools),
        cohorts: command.cohorts.unwrap_or(preset.cohorts),
        pupils: command.pupils.unwrap_or(preset.pupils),
        seed: command.seed,
        ..preset
    };
    if spec.schools == 0 || spec.cohorts == 0 || spec.pupils < spec.schools {
        return Err(Failure::usage("a region has at least one school, one cohort and one pupil per school"));
    }
    let scenario = if command.null { Scenario::Null } else { command.scenario };
    let spec = scenario.plant(spec);
    if command.forms.as_slice() == [Form::Parquet] {
        write(&spec, &command.to, screen)?;
        let study = command.to.join("study.toml");
        screen.say(&format!("Run it with: lob run {}", study.display()));
        return Ok(Exit::Success);
    }
    let written = write_files(&spec, &command.forms, &command.to)
        .map_err(|e| Failure { exit: emit_exit(&e), message: e.to_string() })?;
    screen.say(&format!("Simulated in {}: {}", command.to.display(), by_folder(&written).join(", ")));
    studies(&spec, &command.forms, &command.to, screen)?;
    Ok(Exit::Success)
}

/// Writes `study.toml`: of the files, or of the Parquet tables; where both are there, the files' study is `study-files.toml`.
fn studies(spec: &RegionSpec, forms: &[Form], dir: &Path, screen: &Screen) -> Result<(), Failure> {
    let put = |name: &str, text: &str| {
        fs::write(dir.join(name), text).map_err(|e| Failure::write(name, &e))?;
        let (study, folder) = (dir.join(name), dir.join("counts"));
        screen.say(&if text.contains("\n[counts]\n") {
            format!("Run it with: lob counts {} --to {}", study.display(), folder.display())
        } else {
            format!("Run it with: lob run {}", study.display())
        });
        Ok(())
    };
    let has_tables = forms.contains(&Form::Parquet);
    if has_tables {
        put("study.toml", &study_of(spec))?;
    }
    match files_study::of(forms, &known_until(spec), exam_years(spec)) {
        Some(text) => {
            screen.say(&format!("First make its key: lob key new {} --project lob", dir.join("sleutel.key").display()));
            put(if has_tables { "study-files.toml" } else { "study.toml" }, &text)
        }
        None => {
            screen.say(
                "The files alone make no study: that takes `las`, one of `dossier-csv`, `dossier-xlsx`, and `duo` or \
                 `counts`.",
            );
            Ok(())
        }
    }
}

fn emit_exit(error: &EmitError) -> Exit {
    if matches!(error, EmitError::TooManyPupils { .. }) { Exit::Usage } else { Exit::Environment }
}

/// "24 files in duo/ with 12 345 rows".
fn by_folder(written: &[Written]) -> Vec<String> {
    let mut folders: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for file in written {
        let folder = file.name.split_once('/').map_or("", |(folder, _)| folder);
        let sums = folders.entry(folder).or_default();
        *sums = (sums.0 + 1, sums.1 + file.rows);
    }
    let line = |(folder, (files, rows)): (&str, (u64, u64))| {
        let place = if folder.is_empty() { "the folder itself".to_string() } else { format!("{folder}/") };
        format!("{} file{} with {} rows in {place}", grouped(files), if files == 1 { "" } else { "s" }, grouped(rows))
    };
    folders.into_iter().map(line).collect()
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
    TEMPLATE.replace("2024-12-31", &known_until(spec))
}

fn known_until(spec: &RegionSpec) -> String {
    format!("{}-12-31", exam_years(spec).end() + 1)
}

fn exam_years(spec: &RegionSpec) -> RangeInclusive<i64> {
    let first = i64::from(spec.first_exam_year);
    first..=first + i64::from(spec.cohorts.max(1)) - 1
}
