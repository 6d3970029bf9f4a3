//! Pattern cells: a run from them gives the numbers of a run from rows, cells of several sources add up to those of all, and
//! what can't be true is refused.

#[path = "common/tables.rs"]
mod tables;

#[path = "common/studies.rs"]
#[allow(dead_code, reason = "other test files use the rest")]
mod studies;

mod small;

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::record_batch::RecordBatch;
use lob_effect::simulate::{RegionSpec, simulate_to};
use lob_effect::study::template::TEMPLATE;
use small::{Folder, Study, lob, read_parquet};
use tables::Sheet;
use tempfile::TempDir;

const TABLES: [&str; 8] =
    ["tidy", "glance", "ran_vals", "school_effect", "decomposition", "vcov", "flow", "outcome_status"];

/// The template with doses on other scales and a value of the pupils in the place of scores, which need the pupil.
fn study() -> String {
    let scores = TEMPLATE.find("[[outcomes]]\nid = \"loopbaanreflectie\"").expect("the template has scores");
    let models = TEMPLATE[scores..].find("# --- Models").expect("models stand after outcomes") + scores;
    let growth = TEMPLATE.find("[[models]]\nid = \"reflectie\"").expect("the template has a growth model");
    let privacy = TEMPLATE[growth..].find("[privacy]").expect("privacy stands last") + growth;
    let value =
        "[[outcomes]]\nid = \"verzuim\"\ndefinition = \"value\"\ncolumn = \"verzuim_lj2\"\nlabel = \"verzuim\"\n\n";
    let fits = "[[models]]\nid = \"verzuim\"\nkind = \"linear\"\noutcome = \"verzuim\"\nexposure = \"lob\"\n\n\
                [[models]]\nid = \"geschaald\"\nkind = \"landmark\"\noutcome = \"uitval_jr1\"\nexposure = \"geschaald\"\n\n";
    let dose = "[[exposures]]\nid = \"geschaald\"\nlabel = \"LOB op schaal\"\ntransform = \"log1p\"\nunit_sd = true\ncap = 0.9\n\n";
    let text = [&TEMPLATE[..scores], value, &TEMPLATE[models..growth], fits, &TEMPLATE[privacy..]].concat();
    text.replacen("[[covariates]]", &format!("{dose}[[covariates]]"), 1)
}

fn region() -> TempDir {
    region_of(&study())
}

fn region_of(study: &str) -> TempDir {
    let dir = TempDir::new().expect("a temporary folder");
    let spec =
        RegionSpec { schools: 10, cohorts: 3, pupils: 1500, seed: 41, missing_links: 0.1, ..RegionSpec::default() };
    simulate_to(&spec, dir.path()).expect("a region");
    fs::write(dir.path().join("study.toml"), study).expect("study.toml");
    dir
}

fn succeeds(dir: &Path, args: &[&str]) -> String {
    let ran = lob(dir, args);
    assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
    ran.out
}

fn current(out: &Path) -> PathBuf {
    out.join("runs").join(fs::read_to_string(out.join("CURRENT")).expect("CURRENT").trim())
}

fn table(run: &Path, name: &str) -> RecordBatch {
    read_parquet(&run.join("research").join(format!("{name}.parquet")))
}

/// Text of each cell; numbers of Gaussian models, whose sums are taken in another order, to nine digits.
fn cells(batch: &RecordBatch) -> Vec<String> {
    let linear: Vec<bool> = match batch.column_by_name("model_id") {
        Some(ids) => {
            let ids = cast(ids, &DataType::Utf8).expect("texts");
            ids.as_string::<i32>().iter().map(|id| id == Some("verzuim")).collect()
        }
        None => vec![false; batch.num_rows()],
    };
    let mut all = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let texts = cast(column, &DataType::Utf8).expect("texts");
        let texts = texts.as_string::<i32>();
        let numbers = column.as_primitive_opt::<Float64Type>();
        for (row, &is_linear) in linear.iter().enumerate() {
            // An adjusted p is that of a family, in which models of both kinds stand.
            let is_summed = is_linear || field.name() == "p_adjusted";
            let text = match numbers.filter(|n| is_summed && n.is_valid(row)) {
                // A gradient at the optimum is nothing but rounding, and the search may take a step more.
                Some(_) if field.name() == "grad_max" => "about 0".to_string(),
                Some(n) => {
                    let x = n.value(row);
                    if x.abs() < 1e-9 { "0".into() } else { format!("{x:.6e}") }
                }
                None if is_linear && field.name() == "iterations" => "some".into(),
                None if texts.is_null(row) => "-".into(),
                None => texts.value(row).to_string(),
            };
            all.push(format!("{} {row}: {text}", field.name()));
        }
    }
    all
}

fn assert_same(a: &RecordBatch, b: &RecordBatch, what: &str) {
    assert_eq!(a.schema(), b.schema(), "{what}");
    let (a, b) = (cells(a), cells(b));
    let different: Vec<_> = a.iter().zip(&b).filter(|(a, b)| a != b).take(5).collect();
    assert!(a.len() == b.len() && different.is_empty(), "{what}: {} and {} cells, {different:?}", a.len(), b.len());
}

#[test]
fn a_run_from_cells_gives_the_numbers_of_a_run_from_rows() {
    assert_same_run(&region());
}

#[test]
fn so_it_does_where_pupils_move() {
    let text = studies::with_stays(&study());
    let dir = region_of(&text);
    studies::write_stays(&text, dir.path());
    assert_same_run(&dir);
    let flow = table(&current(&dir.path().join("rows")), "flow");
    let steps = cast(flow.column_by_name("step").expect("step"), &DataType::Utf8).expect("texts");
    assert!(steps.as_string::<i32>().iter().any(|s| s == Some("other_school")), "some leave the study");
}

fn assert_same_run(dir: &TempDir) {
    succeeds(dir.path(), &["run", "study.toml", "--out", "rows"]);
    succeeds(dir.path(), &["cells", "study.toml", "--out", "cells.parquet"]);
    let said = succeeds(dir.path(), &["run", "study.toml", "--from", "cells.parquet", "--out", "cells"]);
    assert!(said.contains("activities used"), "{said}");
    let (rows, cells) = (current(&dir.path().join("rows")), current(&dir.path().join("cells")));
    for name in TABLES {
        let of_rows = table(&rows, name);
        assert!(of_rows.num_rows() > 3, "{name}");
        assert_same(&of_rows, &table(&cells, name), name);
    }
    let glance = table(&rows, "glance");
    let status = cast(glance.column_by_name("status").expect("status"), &DataType::Utf8).expect("texts");
    let good = status.as_string::<i32>().iter().filter(|s| matches!(s, Some("ok" | "singular"))).count();
    assert!(good >= 5, "models that were fitted, so that equal refusals are no agreement: {status:?}");
    let id = |run: &Path| run.file_name().expect("an id").to_string_lossy().into_owned();
    let mut pages = 0;
    for school in fs::read_dir(rows.join("school")).expect("school/") {
        let name = school.expect("a folder").file_name();
        let page = |run: &Path| {
            let text = fs::read_to_string(run.join("school").join(&name).join("rapport.html")).expect("a page");
            text.replace(&id(run), "RUN")
        };
        assert_eq!(page(&rows), page(&cells), "the page of {name:?}");
        pages += 1;
    }
    assert_eq!(pages, 10);
    // The same cells again: nothing to do. And nobody else may read them.
    let again = succeeds(dir.path(), &["run", "study.toml", "--from", "cells.parquet", "--out", "cells"]);
    assert!(again.contains("nothing was changed"), "{again}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(dir.path().join("cells.parquet")).expect("cells").permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[test]
fn cells_of_two_sources_add_up_to_those_of_all() {
    let dir = region();
    succeeds(dir.path(), &["cells", "study.toml", "--out", "all.parquet"]);
    let mut halves = Vec::new();
    for half in 0..2 {
        let folder = dir.path().join(format!("half{half}"));
        fs::create_dir(&folder).expect("a folder");
        for file in ["activiteit", "inschrijving", "school", "uitval"] {
            let name = format!("{file}.parquet");
            fs::copy(dir.path().join(&name), folder.join(&name)).expect("a copy");
        }
        // Pupils of a school stand in both halves, so that equal patterns meet.
        let mut pupils = Sheet::read(&dir.path().join("leerling.parquet"));
        let mut at = 0;
        pupils.rows.retain(|_| {
            at += 1;
            at % 2 == half
        });
        pupils.write(&folder.join("leerling.csv"), ',');
        let text =
            study().replace("leerling.parquet", "leerling.csv").replace("silent = \"exclude\"", "silent = \"zero\"");
        fs::write(folder.join("study.toml"), text).expect("study.toml");
        let file = format!("half{half}.parquet");
        succeeds(dir.path(), &["cells", &format!("half{half}/study.toml"), "--out", &file]);
        halves.push(file);
    }
    // Whether anyone of a school and cohort registers may differ between halves, where silence is no zero.
    let whole = study().replace("silent = \"exclude\"", "silent = \"zero\"");
    fs::write(dir.path().join("study.toml"), whole).expect("study.toml");
    succeeds(dir.path(), &["cells", "study.toml", "--out", "all.parquet"]);
    succeeds(dir.path(), &["cells", "study.toml", "--from", &halves[0], &halves[1], "--out", "sum.parquet"]);
    let (all, sum) = (read_parquet(&dir.path().join("all.parquet")), read_parquet(&dir.path().join("sum.parquet")));
    assert!(all.num_rows() > 1000);
    assert_same(&all, &sum, "cells");
}

#[test]
fn growth_needs_pupils_and_says_so() {
    let dir = TempDir::new().expect("a temporary folder");
    simulate_to(&RegionSpec { schools: 6, cohorts: 2, pupils: 600, ..RegionSpec::default() }, dir.path())
        .expect("a region");
    fs::write(dir.path().join("study.toml"), TEMPLATE).expect("study.toml");
    succeeds(dir.path(), &["cells", "study.toml", "--out", "cells.parquet"]);
    let said = succeeds(dir.path(), &["run", "study.toml", "--from", "cells.parquet", "--out", "out", "--lang", "en"]);
    assert!(said.contains("no estimate, needs_pupils"), "{said}");
    let page = current(&dir.path().join("out")).join("school/90AA00/rapport.html");
    assert!(fs::read_to_string(page).expect("a page").contains("this model needs rows of pupils"));
}

#[test]
fn cells_that_can_not_be_are_refused() {
    let folder = Folder::with(&Study::small());
    succeeds(folder.path(), &["cells", "study.toml", "--out", "cells.parquet"]);
    let refused = |args: &[&str], words: &str| {
        let ran = folder.lob(args);
        assert!(ran.code == 3 && ran.err.contains("LOB-E0160") && ran.err.contains(words), "{} {}", ran.code, ran.err);
        assert!(
            !folder.path().join("out/runs").read_dir().is_ok_and(|mut d| d.next().is_some()),
            "a run was published"
        );
    };
    let from = |file: &'static str| ["run", "study.toml", "--out", "out", "--from", file];
    // The same file twice is one file; a copy has every pupil twice in the outcomes and in the pupils, which can be.
    let mut other = Study::small();
    other.text = other.text.replace("months = 6", "months = 12");
    fs::write(folder.path().join("study.toml"), &other.text).expect("study.toml");
    refused(&from("cells.parquet"), "made by a study with other pupils");
    fs::write(folder.path().join("study.toml"), &Study::small().text).expect("study.toml");
    // A later label, step or cap is no other study.
    fs::write(folder.path().join("labels.toml"), Study::small().text.replace("step = 5", "step = 3")).expect("a study");
    succeeds(folder.path(), &["run", "labels.toml", "--out", "labels", "--from", "cells.parquet"]);

    let sheet = Sheet::read(&folder.path().join("cells.parquet"));
    let change = |change: &dyn Fn(&mut Sheet), words: &str| {
        let mut changed = sheet.clone();
        change(&mut changed);
        write_sheet(&changed, &folder.path().join("changed.parquet"));
        refused(&from("changed.parquet"), words);
    };
    let (outcome, n, y, school) = (sheet.at("outcome"), sheet.at("n"), sheet.at("y"), sheet.at("school"));
    let of_outcome = sheet.rows.iter().position(|r| r[outcome].is_some()).expect("an outcome");
    change(
        &|s| s.rows[of_outcome][outcome] = Some("KANARIE".into()),
        "`outcome` names one that the study does not have",
    );
    change(&|s| s.rows[of_outcome][n] = Some("-3".into()), "`n` is no whole number");
    change(&|s| s.rows[of_outcome][y] = Some("7.0".into()), "no number of its pupils");
    change(&|s| s.rows[of_outcome][school] = None, "a row has no `school`");
    change(&|s| s.rows.retain(|r| r[outcome].is_some()), "more pupils of a school than the school has");
    change(&|s| s.rows.clear(), "no rows of the pupils themselves");
}

/// A sheet as Parquet with the types of cells.
fn write_sheet(sheet: &Sheet, path: &Path) {
    let kind = |name: &str| match name {
        "outcome" | "fell_out" | "school" | "school_name" | "cohort" => DataType::Utf8,
        "period" => DataType::Int32,
        "registered" | "provisional" => DataType::Boolean,
        "n" => DataType::Int64,
        _ => DataType::Float64,
    };
    let columns = sheet.header.iter().enumerate().map(|(c, name)| {
        let texts: arrow::array::StringArray = sheet.rows.iter().map(|r| r[c].clone()).collect();
        (name.as_str(), cast(&texts, &kind(name)).expect("a cell of its type"), true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    fs::write(path, lob_effect::run::write_table(&batch).expect("a table")).expect("a file");
}
