//! A region written as DUO's, the schools' and the dossier's own files (Windows-1252, semicolons, Dutch days, decimal commas,
//! totals, one sheet per class), ingested again, gives the panel of the simulator's own tables: row for row, up to the pupils' labels.

#[path = "common/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use lob_effect::panel::Panel;
use lob_effect::study::Study;
use tables::{Sheet, panel, study, write_table};
use tempfile::TempDir;

/// A row of the panel without the pupil's label.
type Row = Vec<Option<String>>;

/// Rows of an outcome's table without the pupils' labels.
struct Rows {
    header: Vec<String>,
    /// One entry per pupil, with all rows of that pupil; sorted.
    pupils: Vec<Vec<Row>>,
}

fn rows(panel: &Panel<'_>, outcome: usize, dir: &Path) -> Rows {
    let path = dir.join(format!("outcome-{outcome}.parquet"));
    write_table(panel, outcome, &path);
    let sheet = Sheet::read(&path);
    assert_eq!(sheet.header[0], "pupil");
    let mut by_pupil: BTreeMap<Option<String>, Vec<Row>> = BTreeMap::new();
    for mut row in sheet.rows {
        let pupil = row.remove(0);
        by_pupil.entry(pupil).or_default().push(row);
    }
    let mut pupils: Vec<Vec<Row>> = by_pupil.into_values().collect();
    pupils.sort();
    Rows { header: sheet.header[1..].to_vec(), pupils }
}

fn lob(dir: &Path, args: &[&str]) -> String {
    let run = Command::cargo_bin("lob").expect("the binary").current_dir(dir).args(args).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(run.status.success(), "lob {args:?}: {}{}", text(&run.stdout), text(&run.stderr));
    text(&run.stdout)
}

fn read(path: &Path) -> Study {
    study(&fs::read_to_string(path).expect("a study file"))
}

/// Simulates both ways, ingests the files, and compares the panels of all outcomes.
fn compare(dossier: &str) {
    let dir = TempDir::new().expect("a folder");
    let region = ["simulate", "--schools", "14", "--cohorts", "2", "--pupils", "1200", "--seed", "5"];
    lob(dir.path(), &[&region[..], &["--to", "eigen"]].concat());
    lob(dir.path(), &[&region[..], &["--as", &format!("duo,las,{dossier}"), "--to", "bestanden"]].concat());
    lob(dir.path(), &["key", "new", "bestanden/sleutel.key", "--project", "lob"]);
    let said = lob(dir.path(), &["ingest", "bestanden/study.toml", "--out", "tabellen"]);
    assert!(said.contains("pupils were found in later education"), "{said}");
    // Monthly reports stand beside the lists of a year, each person once, with since when and why.
    for (table, column) in [("dropout", "since_month"), ("start_pop", "crebo")] {
        let sheet = Sheet::read(&dir.path().join("tabellen").join(format!("{table}.parquet")));
        let (status, more) = (sheet.at("status"), sheet.at(column));
        let monthly: Vec<_> = sheet.rows.iter().filter(|row| row[status].as_deref() == Some("monthly")).collect();
        assert!(monthly.len() > 5 && monthly.iter().all(|row| row[more].is_some()), "{table}: {}", monthly.len());
        assert!(sheet.rows.len() > monthly.len() + 5, "{table}");
    }
    let (own, files) = (read(&dir.path().join("eigen/study.toml")), read(&dir.path().join("tabellen/study.toml")));
    let (own, files) = (panel(&own, &dir.path().join("eigen")), panel(&files, &dir.path().join("tabellen")));
    assert_eq!(own.pupils.len(), files.pupils.len());
    assert_eq!(own.outcomes.len(), files.outcomes.len());
    for o in 0..own.plan.outcomes.len() {
        let id = &own.plan.outcomes[o].entry.id;
        let (left, right) = (rows(&own, o, dir.path()), rows(&files, o, dir.path()));
        assert_eq!(left.header, right.header, "{id}");
        assert!(left.pupils.len() > 100, "{id}: {} pupils", left.pupils.len());
        let missing =
            |from: &Rows, of: &Rows| from.pupils.iter().find(|pupil| of.pupils.binary_search(pupil).is_err()).cloned();
        assert_eq!((missing(&left, &right), missing(&right, &left)), (None, None), "{id}");
        assert!(left.pupils == right.pupils, "{id}: the same rows, another number of times");
    }
}

#[test]
fn the_panel_of_duo_las_and_dossier_csv_is_the_panel_of_the_simulators_tables() {
    compare("dossier-csv");
}

#[test]
fn the_panel_of_workbooks_with_a_sheet_per_class_is_the_same() {
    compare("dossier-xlsx");
}
