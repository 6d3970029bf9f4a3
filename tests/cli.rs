//! The command line as people and schedulers meet it: files, permissions, exit codes, and what is printed.

mod small;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::Value;
use small::{Folder, Study, files, lob, read_parquet, tree};
use tempfile::TempDir;

/// One demo for all tests that only look at it.
fn demo() -> &'static Path {
    static DEMO: OnceLock<TempDir> = OnceLock::new();
    let dir = DEMO.get_or_init(|| {
        let dir = TempDir::new().expect("a temporary folder");
        let ran = lob(dir.path(), &["demo", "--out", "demo", "--threads", "3"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("12 schools"), "{}", ran.out);
        dir
    });
    dir.path()
}

fn demo_run() -> PathBuf {
    let out = demo().join("demo");
    out.join("runs").join(fs::read_to_string(out.join("CURRENT")).expect("CURRENT").trim())
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

#[test]
fn demo_writes_a_report_for_each_of_its_twelve_schools() {
    let index = fs::read_to_string(demo_run().join("index.html")).expect("index.html");
    let schools: Vec<String> = fs::read_dir(demo_run().join("school"))
        .expect("school/")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(schools.len(), 12);
    for school in schools {
        let page = fs::read_to_string(demo_run().join("school").join(&school).join("rapport.html")).expect("a page");
        assert!(page.contains("procentpunt") && page.contains(&school), "{school}");
        assert!(index.contains(&format!("school/{school}/rapport.html")), "the overview misses {school}");
    }
}

#[test]
fn tables_have_the_columns_of_the_conventions() {
    let table = |name: &str| read_parquet(&demo_run().join("research").join(format!("{name}.parquet")));
    let expected: [(&str, &[&str]); 5] = [
        (
            "tidy",
            &[
                "model_id",
                "outcome",
                "effect",
                "group",
                "term",
                "scale",
                "estimate",
                "std_error",
                "statistic",
                "df",
                "p_value",
                "conf_low",
                "conf_high",
                "conf_level",
                "method",
                "status",
            ],
        ),
        (
            "glance",
            &[
                "model_id",
                "formula",
                "family",
                "link",
                "nobs",
                "n_groups",
                "n_events",
                "log_lik",
                "aic",
                "bic",
                "deviance",
                "df_residual",
                "sigma",
                "estimation",
                "converged",
                "singular",
                "separated",
                "grad_max",
                "iterations",
                "software_version",
                "status",
            ],
        ),
        (
            "ran_vals",
            &[
                "model_id",
                "group",
                "level",
                "term",
                "estimate",
                "std_error",
                "conf_low",
                "conf_high",
                "n_obs",
                "status",
            ],
        ),
        (
            "school_effect",
            &[
                "school_id",
                "cohort",
                "outcome",
                "contrast",
                "estimate",
                "conf_low",
                "conf_high",
                "reference_value",
                "n_pupils",
                "evidence_level",
                "status",
            ],
        ),
        ("flow", &["table", "school_id", "step", "n"]),
    ];
    for (name, columns) in expected {
        let batch = table(name);
        for column in columns {
            let there = batch.column_by_name(column);
            assert!(there.is_some_and(|c| !c.is_empty()), "{name} has no column {column}");
        }
    }
    let effects = small::Rows(table("school_effect"));
    assert_eq!(effects.rows_with("level", "school").len(), 12 * 5 * 5, "five estimands per school and model");
    for estimand in ["E3", "E4", "E4_own", "E5", "E8"] {
        assert_eq!(effects.rows_with("estimand", estimand).len(), 12 * 5, "one row per school and model");
    }
    // Every number has its unit, interval, method, n, status and reading; every other row its reason.
    let estimates = effects.numbers("estimate");
    for (row, estimate) in estimates.iter().enumerate() {
        let there: &[&str] = match estimate {
            Some(_) => &["unit", "conf_low", "conf_high", "conf_level", "method", "n_pupils", "status", "reading"],
            None => &["reason", "status", "reading"],
        };
        for column in there {
            assert!(!effects.text(column, row).is_empty(), "row {row} has no {column}");
        }
    }
}

#[test]
fn the_manifest_lists_every_file_with_its_hash_and_size() {
    let run = demo_run();
    let manifest = json(&run.join("manifest.json"));
    let listed = manifest["files"].as_array().expect("files");
    let mut names: Vec<PathBuf> = Vec::new();
    for file in listed {
        let path = PathBuf::from(file["path"].as_str().expect("a path"));
        let bytes = fs::read(run.join(&path)).expect("a listed file");
        assert_eq!(file["bytes"].as_u64(), Some(bytes.len() as u64));
        assert_eq!(file["blake3"].as_str(), Some(blake3::hash(&bytes).to_hex().as_str()), "{}", path.display());
        names.push(path);
    }
    names.extend(["manifest.json", "run_info.json"].map(PathBuf::from));
    names.sort();
    assert_eq!(names, tree(&run).into_keys().collect::<Vec<_>>());
    for input in manifest["inputs"].as_array().expect("inputs") {
        let name = input["file"].as_str().expect("a name");
        let bytes = fs::read(demo().join("demo/data").join(name)).expect("an input, named without folders");
        assert_eq!(input["blake3"].as_str(), Some(blake3::hash(&bytes).to_hex().as_str()));
    }
}

#[test]
fn the_same_run_again_changes_nothing() {
    let folder = Folder::with(&Study::small());
    folder.run_well();
    let out = folder.path().join("out");
    let state = || -> Vec<_> {
        let times = files(&out).into_iter().filter(|p| !p.ends_with(".lock"));
        times
            .map(|p| (fs::metadata(&p).expect("a file").modified().expect("a time"), fs::read(&p).expect("bytes")))
            .collect()
    };
    let before = state();
    let ran = folder.run_well();
    assert!(ran.out.contains("nothing was changed"), "{}", ran.out);
    assert!(before == state(), "a file was touched");
}

#[test]
fn a_damaged_run_is_replaced_and_old_runs_stay() {
    let folder = Folder::with(&Study::small());
    folder.run_well();
    let first = folder.current();
    let page = first.join("index.html");
    let good = fs::read(&page).expect("bytes");
    fs::write(&page, "damaged").expect("writes");
    assert!(!folder.run_well().out.contains("nothing was changed"));
    assert!(fs::read(&page).expect("bytes") == good);
    let before = tree(&first);
    let english = folder.lob(&["run", "study.toml", "--out", "out", "--lang", "en"]);
    assert_eq!(english.code, 0, "{}", english.err);
    assert_ne!(folder.current(), first, "CURRENT names the newest run");
    assert!(before == tree(&first));
}

#[test]
fn a_national_preset_can_be_made_smaller() {
    let dir = TempDir::new().expect("a temporary folder");
    let small =
        ["simulate", "--preset", "national", "--schools", "3", "--cohorts", "2", "--pupils", "120", "--to", "n"];
    let made = lob(dir.path(), &small);
    assert_eq!(made.code, 0, "{}", made.err);
    let plain = lob(dir.path(), &["simulate", "--schools", "3", "--cohorts", "2", "--pupils", "120", "--to", "r"]);
    assert_eq!(plain.code, 0, "{}", plain.err);
    let activities = |folder: &str| {
        let path = dir.path().join(folder).join("activiteit.parquet");
        std::fs::metadata(path).expect("activities").len() as f64
    };
    // About a hundred registrations of a pupil where a region has about fifty.
    let ratio = activities("n") / activities("r");
    assert!(ratio > 1.6 && ratio < 2.4, "{ratio}");
    assert!(dir.path().join("n/truth.parquet").is_file());
}

#[test]
fn results_do_not_depend_on_threads_or_place() {
    let dir = TempDir::new().expect("a temporary folder");
    let made = lob(dir.path(), &["simulate", "--schools", "6", "--cohorts", "2", "--pupils", "900", "--to", "a"]);
    assert_eq!(made.code, 0, "{}", made.err);
    for (threads, out) in [("1", "one"), ("3", "three")] {
        let ran = lob(dir.path(), &["run", "a/study.toml", "--out", out, "--threads", threads]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
    let published = |out: &str| {
        let mut files = tree(&dir.path().join(out));
        // The only file that may differ: when, how long, and with how many threads.
        files.retain(|path, _| !path.ends_with("run_info.json"));
        files
    };
    let (one, three) = (published("one"), published("three"));
    assert!(one.len() > 15 && one.keys().eq(three.keys()));
    for (path, bytes) in &one {
        assert!(bytes == &three[path], "{} differs", path.display());
    }
}

#[test]
fn a_study_with_unequal_schools_gives_the_same_bytes_for_shuffled_rows() {
    let folder = Folder::with(&Study::small());
    let mut shuffled = Study::small();
    for table in [&mut shuffled.leerling, &mut shuffled.activiteit, &mut shuffled.inschrijving, &mut shuffled.school] {
        table.rows.sort_by_key(|row| blake3::hash(row.join("|").as_bytes()).to_hex().to_string());
    }
    let other = Folder::with(&shuffled);
    folder.run_well();
    other.run_well();
    for table in ["tidy", "glance", "ran_vals", "school_effect", "flow"] {
        assert_eq!(folder.table(table).0, other.table(table).0, "{table}");
    }
}

#[cfg(unix)]
#[test]
fn zones_have_their_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let run = demo_run();
    assert_eq!(mode(&run.join("school")), 0o700);
    assert_eq!(mode(&run.join("research")), 0o750);
    for path in files(&run.join("school")) {
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700), "{}", path.display());
    }
    for path in files(&run.join("research")) {
        assert_eq!(mode(&path), 0o640, "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn panel_writes_a_file_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with(&Study::small());
    let path = folder.path().join("panel.parquet");
    // Also where a file of that name stood open to everybody.
    fs::write(&path, "old").expect("writes");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("sets");
    let ran = folder.lob(&["panel", "study.toml", "--outcome", "uitval_jr1", "--out", "panel.parquet"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let panel = small::Rows(read_parquet(&path));
    assert_eq!(panel.len(), 320);
    let unknown = folder.lob(&["panel", "study.toml", "--outcome", "uitval_jr2", "--out", "x.parquet"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean `uitval_jr1`?"), "{}", unknown.err);
}

#[test]
fn init_writes_a_study_that_the_schema_knows_and_never_overwrites() {
    let dir = TempDir::new().expect("a temporary folder");
    assert_eq!(lob(dir.path(), &["init", "study.toml"]).code, 0);
    let text = fs::read_to_string(dir.path().join("study.toml")).expect("study.toml");
    lob_effect::study::Study::parse(&text, &lob_effect::models::kinds()).expect("the template is a right study");
    fs::write(dir.path().join("study.toml"), "mine").expect("writes");
    let again = lob(dir.path(), &["init", "study.toml"]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("exists already"), "{}", again.err);
    assert_eq!(fs::read_to_string(dir.path().join("study.toml")).expect("study.toml"), "mine");
}

#[test]
fn check_counts_who_falls_out_and_looks_at_no_result() {
    let ran = Folder::with(&Study::small()).lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("8 schools, 320 pupils") && ran.out.contains("activities"), "{}", ran.out);
    assert!(!ran.out.contains("procentpunt") && !ran.out.contains("percentage points"));
}

#[test]
fn report_writes_one_school_in_either_language() {
    let folder = Folder::with(&Study::small());
    let report = |lang: &str, school: &str, to: &str| {
        folder.lob(&["report", "study.toml", "--lang", lang, "--school", school, "--to", to])
    };
    assert_eq!(report("en", "90AB00", "english").code, 0);
    assert_eq!(report("nl", "90AB00", "dutch").code, 0);
    let page = |to: &str| fs::read_to_string(folder.path().join(to).join("90AB00.html")).expect("a page");
    assert!(page("english").contains("lang=\"en\"") && page("dutch").contains("lang=\"nl\""));
    assert_eq!(files(&folder.path().join("english")).len(), 1);
    let unknown = report("nl", "90AB01", "dutch");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("90AB01") && unknown.err.contains("did you mean"), "{}", unknown.err);
}

#[test]
fn schema_is_json_and_names_every_table_of_the_template() {
    let dir = TempDir::new().expect("a temporary folder");
    let ran = lob(dir.path(), &["schema"]);
    assert_eq!(ran.code, 0);
    let schema: Value = serde_json::from_str(&ran.out).expect("JSON");
    let template: toml::Table = lob_effect::study::template::TEMPLATE.parse().expect("TOML");
    for table in template.keys() {
        assert!(schema["properties"][table].is_object(), "the schema has no {table}");
    }
    let list = lob(dir.path(), &["schema", "--list"]).out;
    assert!(list.contains("uitval_jr1") && list.contains("hazard") && list.contains("GESPR"), "{list}");
}

#[test]
fn completions_are_written_for_every_shell() {
    let dir = TempDir::new().expect("a temporary folder");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = lob(dir.path(), &["completions", shell]);
        assert!(ran.code == 0 && ran.out.contains("simulate"), "{shell}");
    }
}

#[test]
fn every_help_has_an_example() {
    let dir = TempDir::new().expect("a temporary folder");
    let mut commands = vec![vec!["--help"]];
    for name in ["demo", "init", "check", "run", "panel", "report", "simulate", "schema", "completions"] {
        commands.push(vec![name, "--help"]);
    }
    for args in commands {
        let ran = lob(dir.path(), &args);
        assert!(ran.code == 0 && ran.out.contains("Example"), "{args:?}: {}", ran.out);
    }
}

#[test]
fn wrong_flags_end_with_2() {
    let dir = TempDir::new().expect("a temporary folder");
    for args in [
        vec!["run", "study.toml", "--ouput", "x"],
        vec!["run"],
        vec!["rum"],
        vec!["demo", "--threads", "0"],
        vec!["panel", "study.toml"],
        vec!["simulate", "--schools", "0"],
        vec!["run", "there-is-no-study.toml"],
    ] {
        let ran = lob(dir.path(), &args);
        assert!(ran.code == 2 && ran.err.contains("error"), "{args:?}: {} {}", ran.code, ran.err);
    }
}

#[test]
fn quiet_prints_nothing_and_no_colour_reaches_a_pipe() {
    let folder = Folder::with(&Study::small());
    let ran = folder.lob(&["run", "study.toml", "--out", "out", "--quiet"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    for value in ["", "1"] {
        let output = Command::new(env!("CARGO_BIN_EXE_lob"))
            .current_dir(folder.path())
            .env("NO_COLOR", value)
            .args(["run", "missing.toml"])
            .output()
            .expect("it starts");
        assert!(!output.stderr.contains(&0x1b) && !output.stderr.is_empty());
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    // Enough output that a closed pipe is met while writing.
    for args in [&["schema"][..], &["completions", "zsh"], &["--help"]] {
        let mut child = Process::new(env!("CARGO_BIN_EXE_lob"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        let code = child.wait().expect("it ends").code();
        assert_eq!((code, said.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_busy_output_folder_ends_with_4() {
    let folder = Folder::with(&Study::small());
    folder.run_well();
    let lock = fs::File::options().write(true).open(folder.path().join("out/.lock")).expect("a lock file");
    lock.lock().expect("locks");
    let ran = folder.run();
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("LOB-E0402"), "{}", ran.err);
    drop(lock);
    folder.run_well();
}

#[test]
fn what_a_killed_run_left_in_staging_is_swept() {
    let folder = Folder::with(&Study::small());
    let left = folder.path().join("out/.staging-0123456789abcdef");
    fs::create_dir_all(left.join("school/90AA00")).expect("makes");
    fs::write(left.join("school/90AA00/rapport.html"), "half a page").expect("writes");
    folder.run_well();
    assert!(!left.exists());
    assert!(
        fs::read_dir(folder.path().join("out"))
            .expect("out/")
            .all(|e| { !e.expect("an entry").file_name().to_string_lossy().starts_with(".staging") })
    );
}

#[cfg(unix)]
#[test]
fn an_output_folder_that_can_not_be_written_ends_with_4() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with(&Study::small());
    let out = folder.path().join("out");
    // A file in the place of the folder stops everybody; permissions do not stop root.
    fs::write(&out, "a file").expect("writes");
    let ran = folder.run();
    assert!(ran.code == 4 && ran.err.contains("LOB-E0401"), "{} {}", ran.code, ran.err);
    fs::remove_file(&out).expect("removes");
    fs::create_dir(&out).expect("makes");
    fs::set_permissions(&out, PermissionsExt::from_mode(0o500)).expect("sets");
    if fs::write(out.join("probe"), "").is_ok() {
        println!("skipped: this user writes where nobody may");
        return;
    }
    let ran = folder.run();
    fs::set_permissions(&out, PermissionsExt::from_mode(0o700)).expect("sets");
    assert!(ran.code == 4 && ran.err.contains("LOB-E0401"), "{} {}", ran.code, ran.err);
}

#[test]
fn messages_name_no_folder_of_this_machine() {
    let folder = Folder::with(&Study::small());
    folder.run_well();
    let place = folder.path().to_string_lossy().into_owned();
    for (path, bytes) in tree(&folder.path().join("out")) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&place), "{} holds an absolute path", path.display());
    }
}

/// In a study of few schools a number over all of them tells about the others: neither that number nor what is made of it
/// stands on a page.
#[test]
fn pages_of_a_study_of_few_schools_say_nothing_of_the_others() {
    let folder = Folder::with(&Study::small());
    folder.run_well();
    let pages: Vec<String> = tree(&folder.path().join("out"))
        .iter()
        .filter(|(path, _)| path.file_name().is_some_and(|name| name == "rapport.html"))
        .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
        .collect();
    assert_eq!(pages.len(), 8);
    for page in &pages {
        assert!(page.contains("Niet getoond: minder dan 10 scholen, of vooral één school."), "{page}");
        for said in
            ["dan de middelste school", "evenveel", "Referentiewaarde", "Bij gelijke leerlingen", "naar schatting"]
        {
            assert!(!page.contains(said), "{said}: {page}");
        }
    }
}

/// Every column and table of outcomes is poisoned; a check of power reads none of them, a run stops at them.
#[test]
fn power_is_known_without_an_outcome() {
    let power = |folder: &Folder, to: &str| {
        let ran = folder.lob(&["check", "--power", "study.toml", "--share", "uitval_jr1=0.2", "--to", to]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        (ran.out, fs::read(folder.path().join(to)).expect("power.json"))
    };
    let whole = Folder::with(&Study::small());
    let (said, clean) = power(&whole, "power.json");
    assert!(said.contains("all schools") && said.contains("90AH00") && said.contains("No outcome was read"), "{said}");
    let mut study = Study::small();
    study.leerling.set_all("vertrek", "VERGIFTIGD");
    study.inschrijving.rows.iter_mut().for_each(|row| row.iter_mut().for_each(|cell| *cell = "VERGIFTIGD".into()));
    let poisoned = Folder::with(&study);
    assert!(power(&poisoned, "power.json").1 == clean, "an outcome changed what can be seen");
    fs::remove_file(poisoned.path().join("inschrijving.csv")).expect("a file");
    assert!(power(&poisoned, "again.json").1 == clean, "the table of outcomes was opened");
    assert_ne!(poisoned.run().code, 0, "the poison works");
    let found: serde_json::Value = serde_json::from_slice(&clean).expect("JSON");
    let first = &found["models"][0];
    assert_eq!((first["share"].as_f64(), first["share_from"].as_str()), (Some(0.2), Some("given")));
    assert_eq!(first["schools"].as_array().map(Vec::len), Some(8));
    // 40 pupils of whom 0.2 · 40 = 8 have the outcome: fewer than the 10 that an estimate needs.
    assert_eq!(first["schools"][0]["will_be"], "few_events");
    assert_eq!(first["nation"]["n_pupils"], 320);
    let wrong = whole.lob(&["check", "--power", "study.toml", "--share", "nergens=0.2"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("no outcome `nergens`"), "{}", wrong.err);
}
