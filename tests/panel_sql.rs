//! The plan printed as SQL and run by DuckDB gives the engine's table, cell by cell.
//!
//! `LOB_PYTHON` names a Python with the package `duckdb` (default `python3`); without it the comparison
//! is skipped.

#[path = "common/studies.rs"]
mod studies;
#[path = "common/tables.rs"]
mod tables;

use std::path::Path;
use std::process::Command;

use lob_effect::panel::sql::{Dialect, print, print_cells, print_registration};
use lob_effect::run::{write_cells, write_table as write_table_bytes};
use lob_effect::simulate::{RegionSpec, simulate_to};
use lob_effect::study::Study;
use lob_effect::study::template::TEMPLATE;
use tables::{Sheet, panel, study, write_table};

/// A Python that has DuckDB, or `None` with a line that says so.
fn python() -> Option<String> {
    let python = std::env::var("LOB_PYTHON").unwrap_or_else(|_| "python3".into());
    let has_duckdb = Command::new(&python).args(["-c", "import duckdb"]).output().is_ok_and(|o| o.status.success());
    if !has_duckdb {
        println!("skipped: {python} has no duckdb (LOB_PYTHON names a Python that has it)");
    }
    has_duckdb.then_some(python)
}

/// Compares all outcomes of a study whose files stand in `base`; `rows` is the fewest rows that each must
/// have, so that two empty tables are no agreement.
fn compare(study: &Study, base: &Path, rows: u64) {
    let Some(python) = python() else { return };
    let panel = panel(study, base);
    let dir = tempfile::tempdir().unwrap();
    for (o, outcome) in panel.plan.outcomes.iter().enumerate() {
        let table = dir.path().join("panel.parquet");
        let written = write_table(&panel, o, &table);
        assert!(written >= rows, "{}: only {written} rows", outcome.entry.id);
        agree(&python, &print(&panel.plan, o, Dialect::DuckDb, base), &table, &outcome.entry.id);
    }
}

/// Runs a query in DuckDB and compares the result with a table.
fn agree(python: &str, sql: &str, table: &Path, outcome: &str) {
    let query = table.with_extension("sql");
    std::fs::write(&query, sql).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/duckdb_compare.py");
    let output = Command::new(python).arg(script).args([query.as_path(), table]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{outcome}: {said}");
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        panic!("outcome {outcome}\n{said}{error}\n{sql}");
    }
}

fn region(pupils: u32, seed: u64) -> RegionSpec {
    RegionSpec { schools: 8, cohorts: 3, pupils, seed, ..RegionSpec::default() }
}

#[test]
fn three_regions_agree_with_duckdb() {
    let specs = [
        region(1500, 11),
        RegionSpec { schools: 20, missing_links: 0.3, missing_ses: 0.2, ..region(900, 12) },
        RegionSpec { cohorts: 1, unknown_keys: 0.2, late_registrations: 0.9, ..region(600, 13) },
    ];
    for spec in specs {
        let dir = tempfile::tempdir().unwrap();
        simulate_to(&spec, dir.path()).unwrap();
        compare(&study(TEMPLATE), dir.path(), 300);
    }
}

#[test]
fn dutch_csv_with_composite_keys_agrees_with_duckdb() {
    let dir = tempfile::tempdir().unwrap();
    studies::write_csv_study(dir.path());
    compare(&study(studies::CSV), dir.path(), 100);
}

#[test]
fn every_outcome_after_vmbo_agrees_with_duckdb() {
    let dir = tempfile::tempdir().unwrap();
    studies::write_outcomes_study(dir.path());
    compare(&study(studies::OUTCOMES), dir.path(), 100);
    let until = studies::OUTCOMES.replace("age = \"leeftijd\"", "age = \"leeftijd\"\nknown_until = \"bekend_tot\"");
    assert_ne!(until, studies::OUTCOMES);
    compare(&study(&until), dir.path(), 100);
    let by_birth = studies::OUTCOMES.replace("age = \"leeftijd\"", "birth = \"geboren\"");
    compare(&study(&by_birth), dir.path(), 100);
}

#[test]
fn doses_of_every_kind_agree_with_duckdb() {
    let dir = tempfile::tempdir().unwrap();
    simulate_to(&region(900, 18), dir.path()).unwrap();
    compare(&study(&studies::with_doses(TEMPLATE)), dir.path(), 300);
    studies::write_csv_study(dir.path());
    compare(&study(&studies::with_doses(studies::CSV)), dir.path(), 100);
    studies::write_days_study(dir.path());
    compare(&study(&studies::with_doses(studies::DAYS)), dir.path(), 300);
}

#[test]
fn pupils_who_move_agree_with_duckdb() {
    let dir = tempfile::tempdir().unwrap();
    let moving = |text: &str, least: u64| {
        let text = studies::with_stays(&studies::with_doses(text));
        studies::write_stays(&text, dir.path());
        let silent = |how: &str| {
            let text = text.replace("silent = \"exclude\"", "").replace("silent = \"zero\"", "");
            text.replace("[activities]\n", &format!("[activities]\nsilent = \"{how}\"\n"))
        };
        for how in ["exclude", "zero"] {
            compare(&study(&silent(how)), dir.path(), least);
        }
    };
    simulate_to(&region(900, 23), dir.path()).unwrap();
    moving(TEMPLATE, 300);
    studies::write_csv_study(dir.path());
    moving(studies::CSV, 100);
    studies::write_days_study(dir.path());
    moving(studies::DAYS, 200);
}

#[test]
fn competing_exits_agree_with_duckdb() {
    let dir = tempfile::tempdir().unwrap();
    simulate_to(&region(1200, 19), dir.path()).unwrap();
    studies::write_causes(dir.path());
    compare(&study(&studies::with_causes(TEMPLATE)), dir.path(), 300);
}

#[test]
fn cells_of_schools_and_cohorts_agree_with_duckdb() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    simulate_to(&region(1200, 20), dir.path()).unwrap();
    let study = study(TEMPLATE);
    let panel = panel(&study, dir.path());
    let file = dir.path().join("cells.parquet");
    for outcome in ["doorstroom_mbo", "uitval_jr1"] {
        let o = panel.plan.outcome(outcome);
        assert!(write_cells(&panel, o, &file).unwrap().is_some_and(|rows| rows > 10));
        agree(&python, &print_cells(&panel.plan, o, Dialect::DuckDb, dir.path()), &file, outcome);
    }
    let event = panel.plan.outcome("uitval_vmbo");
    assert_eq!(write_cells(&panel, event, &file).unwrap(), None, "an event has no landmark");
}

#[test]
fn quality_of_registration_agrees_with_duckdb() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    simulate_to(&RegionSpec { missing_links: 0.1, ..region(900, 22) }, dir.path()).unwrap();
    let both = "entered = \"invoer_datum\"          # for the quality of registration, as the next one\n\
                system = \"bron_systeem\"\n";
    assert!(TEMPLATE.contains(both));
    let file = dir.path().join("registration.parquet");
    let moving = studies::with_stays(TEMPLATE);
    studies::write_stays(&moving, dir.path());
    for text in [TEMPLATE.to_string(), TEMPLATE.replace(both, ""), moving] {
        let study = study(&text);
        let panel = panel(&study, dir.path());
        let table = panel.registration_table();
        assert!(table.num_rows() >= 24, "8 schools of 3 cohorts");
        std::fs::write(&file, write_table_bytes(&table).unwrap()).unwrap();
        let sql = print_registration(&panel.plan, Dialect::DuckDb, dir.path()).unwrap();
        agree(&python, &sql, &file, "registration");
    }
}

#[test]
fn days_from_each_pupils_own_start_agree_with_duckdb() {
    let dir = tempfile::tempdir().unwrap();
    studies::write_days_study(dir.path());
    compare(&study(studies::DAYS), dir.path(), 300);
}

#[test]
fn pupils_without_a_key_agree_with_duckdb() {
    let dir = tempfile::tempdir().unwrap();
    simulate_to(&region(700, 15), dir.path()).unwrap();
    let sheet = Sheet::read(&dir.path().join("leerling.parquet"));
    assert!(sheet.rows.len() > 255, "row numbers of more than one byte");
    compare(&study(studies::KEYLESS), dir.path(), 400);
}

#[test]
fn open_university_agrees_with_duckdb() {
    let Some(shared) = tables::shared_dir() else {
        return;
    };
    let text = include_str!("../fixtures/studies/oulad.toml");
    let text = text.replace("../../../shared", &shared.to_string_lossy());
    compare(&study(&text), Path::new(""), 100_000);
}

#[test]
fn spark_dialect_prints_views_and_the_same_query() {
    let study = study(studies::CSV);
    let plan = lob_effect::panel::Plan::of(&study);
    insta::assert_snapshot!("spark", print(&plan, plan.outcome("vertrek"), Dialect::Spark, Path::new("data")));
    insta::assert_snapshot!("duckdb", print(&plan, plan.outcome("vertrek"), Dialect::DuckDb, Path::new("data")));
}

/// E6 of an event with causes is told for each way out, as they compete.
#[test]
fn ways_out_of_an_event_with_causes_have_their_incidence() {
    let dir = tempfile::tempdir().expect("a folder");
    let spec = RegionSpec { schools: 12, cohorts: 2, pupils: 2_400, seed: 7, ..RegionSpec::default() };
    simulate_to(&spec, dir.path()).expect("the region is written");
    studies::write_causes(dir.path());
    let study = study(&studies::with_causes(TEMPLATE));
    let computed =
        lob_effect::run::compute(&study, dir.path(), &lob_effect::ingest::Silence).expect("the region can be read");
    let (_, found) = computed.models.iter().find(|(m, _)| m.entry.kind == "hazard").expect("a hazard model");
    let of = |multiple: f64| found.incidence.iter().filter(move |i| i.multiple == multiple);
    let exits: std::collections::BTreeSet<_> = of(1.0).map(|i| i.exit.expect("a way out").code()).collect();
    assert_eq!(exits.into_iter().collect::<Vec<_>>(), ["diploma", "overstap", "uitval"]);
    let last = of(1.0).map(|i| i.period).max().expect("periods");
    let all: f64 = of(1.0).filter(|i| i.period == last).map(|i| i.level.value).sum();
    assert!(all > 1.0 && all < 100.0, "{all} % have left");
    assert!(of(1.0).all(|i| i.level.std_error > 0.0));
}
