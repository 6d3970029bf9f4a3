//! Cells that DuckDB and Spark make are those that this program makes, and an engine that fails, lies or is killed leaves
//! nothing half.
//!
//! `LOB_PYTHON` names a Python with the packages `duckdb` and `pyspark` (Spark needs Java 17); what is missing there is
//! skipped with a line that says so.

#![cfg(unix)]

#[path = "common/studies.rs"]
mod studies;
#[path = "common/tables.rs"]
mod tables;

mod small;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lob_effect::ingest::Silence;
use lob_effect::panel::patterns::{Pattern, read};
use lob_effect::panel::sql::{Dialect, script};
use lob_effect::panel::{self, Panel, Plan};
use lob_effect::simulate::{RegionSpec, simulate_to};
use lob_effect::study::template::TEMPLATE;
use lob_effect::vocab::OutcomeRule;
use rand::seq::index::sample;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use small::{Folder, Study, read_parquet};
use tables::study;
use tempfile::TempDir;

fn python_with(module: &str) -> Option<String> {
    let python = std::env::var("LOB_PYTHON").unwrap_or_else(|_| "python3".into());
    let has =
        Command::new(&python).args(["-c", &format!("import {module}")]).output().is_ok_and(|o| o.status.success());
    if !has {
        println!("skipped: {python} has no {module} (LOB_PYTHON names a Python that has it)");
    }
    has.then_some(python)
}

/// PySpark's folder.
fn spark_home() -> Option<PathBuf> {
    let python = python_with("pyspark")?;
    if !Command::new("java").arg("-version").output().is_ok_and(|o| o.status.success()) {
        println!("skipped: there is no Java for Spark");
        return None;
    }
    let find = "import os, pyspark; print(os.path.dirname(pyspark.__file__))";
    let output = Command::new(python).args(["-c", find]).output().expect("Python");
    Some(PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim()))
}

/// What a panel's patterns are, by labels, without the reasons that engines don't tell: sorted lines and their hash.
fn fingerprint(panel: &Panel<'_>) -> (String, Vec<String>) {
    let bits = |x: &f64| if x.is_nan() { "-".to_string() } else { format!("{:x}", (x + 0.0).to_bits()) };
    let line = |p: &Pattern| {
        let numbers: Vec<String> = p.numbers.iter().map(bits).collect();
        format!(
            "{:?} {:?} {} {} {} {} {} {} {} | {} {:.9e} {:.9e}",
            p.outcome.map(|o| panel.plan.outcomes[o].entry.id.as_str()),
            p.fell_out,
            panel.pupils.schools[p.school],
            panel.pupils.schools[p.at],
            panel.pupils.cohorts[p.cohort],
            p.period,
            p.registered,
            p.provisional,
            numbers.join(" "),
            p.n,
            p.sum,
            p.squares
        )
    };
    let is_told = |p: &&Pattern| p.outcome.is_none() || p.fell_out.is_none();
    let mut lines: Vec<String> = panel.patterns().iter().filter(is_told).map(line).collect();
    lines.sort();
    let names = panel.pupils.school_names.iter().map(|name| format!("{name:?}"));
    lines.extend(names);
    (blake3::hash(lines.join("\n").as_bytes()).to_hex().to_string(), lines)
}

/// A study's text with the folder of its files.
struct Drawn {
    text: String,
    dir: TempDir,
    seed: u64,
}

/// Twenty studies with everything switched on, each with outcomes and doses of its own. What the studies have in common is
/// drawn from five kinds: Parquet, Dutch CSV with composite keys and look-ups, days from each pupil's start, official
/// outcomes, competing exits.
fn drawn() -> Vec<Drawn> {
    (0..20_u64)
        .map(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(1000 + seed);
            let dir = TempDir::new().expect("a temporary folder");
            // Dutch CSV and days are the widest tables, and Spark's time goes by statements and rows.
            let kind = [0, 1, 2, 3, 4, 0, 3, 4, 0, 3, 4, 0, 2, 3, 4, 0, 3, 4, 0, 4][seed as usize];
            let text = match kind {
                0 => {
                    region(dir.path(), &mut rng);
                    studies::with_doses(TEMPLATE)
                }
                1 => {
                    studies::write_csv_study(dir.path());
                    studies::with_doses(studies::CSV)
                }
                2 => {
                    studies::write_days_study(dir.path());
                    let days = rng.random_range(20..90);
                    studies::with_doses(studies::DAYS).replace("days = 45", &format!("days = {days}"))
                }
                3 => {
                    studies::write_outcomes_study(dir.path());
                    studies::OUTCOMES.to_string()
                }
                _ => {
                    region(dir.path(), &mut rng);
                    studies::write_causes(dir.path());
                    studies::with_causes(TEMPLATE)
                }
            };
            let text = if kind != 3 && rng.random_bool(0.7) {
                let moving = studies::with_stays(&text);
                studies::write_stays(&moving, dir.path());
                moving
            } else {
                text
            };
            let months = [3, 6, 12][rng.random_range(0..3)];
            let silent = ["exclude", "zero"][rng.random_range(0..2)];
            let until = ["2021-12-31", "2022-12-31", "2024-12-31"][rng.random_range(0..3)];
            let text = text
                .replace("period = { months = 6 }", &format!("period = {{ months = {months} }}"))
                .replace("silent = \"exclude\"", &format!("silent = \"{silent}\""))
                .replace(
                    "known_until = \"2024-12-31\"",
                    &format!("definitive_until = \"{until}\"\nknown_until = \"2024-12-31\""),
                );
            Drawn { text, dir, seed }
        })
        .collect()
}

fn region(dir: &Path, rng: &mut ChaCha8Rng) {
    let spec = RegionSpec {
        schools: rng.random_range(2..7),
        cohorts: rng.random_range(1..4),
        pupils: rng.random_range(120..300),
        seed: rng.random_range(0..u64::MAX),
        missing_links: rng.random_range(0.0..0.3),
        missing_ses: rng.random_range(0.0..0.3),
        unknown_keys: rng.random_range(0.0..0.2),
        ..RegionSpec::default()
    };
    simulate_to(&spec, dir).expect("a region");
}

/// Keeps two outcomes and at most four doses of a plan, drawn.
fn thinned(mut plan: Plan<'_>, seed: u64) -> Plan<'_> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let with_cells: Vec<usize> =
        (0..plan.outcomes.len()).filter(|o| plan.outcomes[*o].rule() != OutcomeRule::Score).collect();
    let kept: Vec<usize> =
        sample(&mut rng, with_cells.len(), 2.min(with_cells.len())).iter().map(|i| with_cells[i]).collect();
    let doses = sample(&mut rng, plan.exposures.len(), 4.min(plan.exposures.len())).into_vec();
    let mut at = 0..;
    plan.outcomes.retain(|_| kept.contains(&at.next().expect("endless")));
    let mut at = 0..;
    plan.exposures.retain(|_| doses.contains(&at.next().expect("endless")));
    plan
}

/// Makes the cells of all drawn studies by an engine and compares them with ours.
fn compare(dialect: Dialect, engine: &str, python: &str) {
    let drawn = drawn();
    let studies: Vec<_> = drawn.iter().map(|d| study(&d.text)).collect();
    let plan = |i: usize| thinned(Plan::of(&studies[i]), drawn[i].seed);
    let place = |d: &Drawn| d.dir.path().canonicalize().expect("a folder");
    let mut files = Vec::new();
    for (i, d) in drawn.iter().enumerate() {
        let (base, to) = (place(d), place(d).join("made"));
        fs::create_dir(&to).expect("a folder");
        let script = script(&plan(i), dialect, &base, &to.to_string_lossy());
        let statements: Vec<&str> = script.statements.iter().map(|s| s.sql.as_str()).collect();
        let file = base.join("script.json");
        fs::write(&file, serde_json::to_vec(&statements).expect("JSON")).expect("a script");
        files.push(file);
    }
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine_scripts.py");
    let ran = Command::new(python).arg(runner).arg(engine).args(&files).output().expect("Python");
    let said = String::from_utf8_lossy(&ran.stderr);
    let last: Vec<&str> = said.lines().filter(|l| !l.trim_start().starts_with("at ")).rev().take(30).collect();
    assert!(ran.status.success(), "{}\n{last:#?}", String::from_utf8_lossy(&ran.stdout));
    println!("{}", String::from_utf8_lossy(&ran.stdout));
    for (i, d) in drawn.iter().enumerate() {
        let ours = panel::build(plan(i), d.dir.path(), &Silence).unwrap_or_else(|e| panic!("study {i}: {e}"));
        let pattern = if dialect == Dialect::DuckDb { "made/cells_*.parquet" } else { "made/cells_*/*.parquet" };
        let theirs =
            read(plan(i), &[pattern.into()], &place(d), None, &Silence).unwrap_or_else(|e| panic!("study {i}: {e}"));
        let ((hash, lines), (other, other_lines)) = (fingerprint(&ours), fingerprint(&theirs));
        let only =
            |a: &[String], b: &[String]| a.iter().filter(|l| !b.contains(l)).take(3).cloned().collect::<Vec<_>>();
        assert!(lines.len() > 30, "study {i}: only {} cells", lines.len());
        assert_eq!(
            hash,
            other,
            "study {i}, {} and {} lines; ours: {:#?} theirs: {:#?}",
            lines.len(),
            other_lines.len(),
            only(&lines, &other_lines),
            only(&other_lines, &lines)
        );
    }
}

#[test]
fn twenty_studies_have_the_same_cells_in_duckdb() {
    let Some(python) = python_with("duckdb") else { return };
    compare(Dialect::DuckDb, "duckdb", &python);
}

#[test]
fn twenty_studies_have_the_same_cells_in_spark() {
    let (Some(python), Some(_)) = (python_with("pyspark"), spark_home()) else { return };
    compare(Dialect::Spark, "spark", &python);
}

/// Runs the small study by an engine and compares what comes out with a run from our own cells.
fn assert_same_run(folder: &Folder) {
    let ran = folder.lob(&["cells", "study.toml", "--out", "own.parquet"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = folder.lob(&["run", "study.toml", "--from", "own.parquet", "--out", "own"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let table = |out: &str, name: &str| {
        let out = folder.path().join(out);
        let id = fs::read_to_string(out.join("CURRENT")).expect("CURRENT");
        read_parquet(&out.join("runs").join(id.trim()).join("research").join(format!("{name}.parquet")))
    };
    for name in ["tidy", "glance", "school_effect", "ran_vals", "vcov", "outcome_status"] {
        let ours = table("own", name);
        assert!(ours.num_rows() > 1, "{name}");
        assert_eq!(ours, table("out", name), "{name}");
    }
    assert_eq!(leftovers(&folder.path().join("out")), Vec::<String>::new());
}

/// What stands in an output folder and is neither a run nor what belongs to all runs.
fn leftovers(out: &Path) -> Vec<String> {
    let names = fs::read_dir(out).expect("the output folder").map(|e| e.expect("an entry").file_name());
    let own = ["runs", "CURRENT", ".lock", "KEY_ID"];
    names.map(|n| n.to_string_lossy().into_owned()).filter(|n| !own.contains(&n.as_str())).collect()
}

#[test]
fn a_run_by_duckdb_is_the_run_from_our_cells() {
    if python_with("duckdb").is_none() {
        return;
    }
    let folder = Folder::with(&Study::small());
    let ran = folder.lob(&["run", "study.toml", "--engine", "duckdb", "--out", "out"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_same_run(&folder);
}

#[test]
fn an_engine_that_fails_is_an_error_without_values() {
    if python_with("duckdb").is_none() {
        return;
    }
    let mut damaged = Study::small();
    damaged.leerling.set(7, "leeftijd", "KANARIE-veertien");
    let folder = Folder::with(&damaged);
    let ran = folder.lob(&["run", "study.toml", "--engine", "duckdb", "--out", "out"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("LOB-E0404 duckdb: ended with exit code 1"), "{}", ran.err);
    assert!(ran.err.contains("Could not convert string '…'"), "{}", ran.err);
    // The whole log may hold values, so it is its owner's; the folder of the engine is gone.
    use std::os::unix::fs::PermissionsExt;
    let log = folder.path().join("out/engine.log");
    assert_eq!(fs::metadata(&log).expect("engine.log").permissions().mode() & 0o077, 0);
    assert_eq!(leftovers(&folder.path().join("out")), ["engine.log"]);
    assert!(folder.path().join("out/runs").read_dir().expect("runs/").next().is_none(), "a run was published");
}

#[test]
fn what_sql_can_not_read_and_wrong_commands_are_said_at_once() {
    let mut study = Study::small();
    study.text =
        study.text.replace("files = \"leerling.csv\"", "files = \"leerling.csv\"\nids = { \"id\" = \"eckid\" }");
    let folder = Folder::with(&study);
    let ran = folder.lob(&["cells", "study.toml", "--sql", "spark", "--to", "s3a://bucket/cells"]);
    assert!(ran.code == 2 && ran.err.contains("become pseudonyms while they are read"), "{} {}", ran.code, ran.err);
    let folder = Folder::with(&Study::small());
    let failed = |args: &[&str], words: &str| {
        let ran = folder.lob(&[&["run", "study.toml", "--out", "out"], args].concat());
        assert!(ran.code != 0 && ran.err.contains(words), "{} {}", ran.code, ran.err);
    };
    failed(&["--engine-command", "true"], "must hold {sql}");
    failed(&["--engine-command", "true {sql}"], "ended without writing its tables");
    failed(&["--engine-command", "there-is-no-such-program {sql}"], "could not be found");
    failed(&["--engine-command", "kill -9 $$ {sql}"], "LOB-E0404");
    let ran = folder.lob(&["cells", "study.toml", "--sql", "spark", "--to", "s3a://bucket/cells"]);
    assert!(
        ran.code == 0 && ran.out.contains("INSERT OVERWRITE DIRECTORY 's3a://bucket/cells/cells_0'"),
        "{}",
        ran.err
    );
}

#[test]
fn cells_that_are_not_what_the_engine_says_it_wrote_are_refused() {
    if python_with("duckdb").is_none() {
        return;
    }
    let folder = Folder::with(&Study::small());
    // An engine whose second table is lost after it was counted, as by a store that forgets a part.
    let python = std::env::var("LOB_PYTHON").unwrap_or_else(|_| "python3".into());
    let loses = "import sys, duckdb\ndb = duckdb.connect()\ndb.execute(open(sys.argv[1]).read())\nout = sys.argv[2]\n\
                 db.execute(f\"COPY (SELECT * FROM read_parquet('{out}/cells_1.parquet') LIMIT 30) TO '{out}/cells_1.parquet'\")\n";
    fs::write(folder.path().join("loses.py"), loses).expect("a script");
    let command = format!("{python} {}/loses.py {{sql}} {{out}}", folder.path().display());
    let ran = folder.lob(&["run", "study.toml", "--engine", "duckdb", "--engine-command", &command, "--out", "out"]);
    assert!(ran.code == 3 && ran.err.contains("a file is missing, old or damaged"), "{} {}", ran.code, ran.err);
    assert_eq!(leftovers(&folder.path().join("out")), Vec::<String>::new());
}

#[test]
fn cells_carried_by_hand_are_checked_against_what_the_engine_wrote_beside_them() {
    let Some(python) = python_with("duckdb") else { return };
    let folder = Folder::with(&Study::small());
    let made = folder.path().join("made");
    fs::create_dir(&made).expect("a folder");
    let ran = folder.lob(&["cells", "study.toml", "--sql", "duckdb", "--to", &made.to_string_lossy()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    fs::write(folder.path().join("cells.sql"), &ran.out).expect("statements");
    let execute = "import sys, duckdb; duckdb.connect().execute(open(sys.argv[1]).read())";
    // Printed paths are those of the folder in which one stands, as the study's was.
    let mut engine = Command::new(&python);
    let ran = engine.current_dir(folder.path()).args(["-c", execute, "cells.sql"]).output().expect("Python");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let run = |cells: &str| {
        folder.lob(&["run", "study.toml", "--from", cells, "--check", "made/check*.parquet", "--out", "out"])
    };
    let ran = run("made/cells_*.parquet");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_same_run(&folder);
    // A file that stayed behind.
    let ran = run("made/cells_[01].parquet");
    assert!(ran.code == 3 && ran.err.contains("a file is missing, old or damaged"), "{} {}", ran.code, ran.err);
    let ran = folder.lob(&["run", "study.toml", "--check", "made/check*.parquet"]);
    assert!(ran.code == 2 && ran.err.contains("--from"), "{} {}", ran.code, ran.err);
}

/// Processes whose command line holds `mark`, by /proc.
fn processes(mark: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let id = |e: fs::DirEntry| e.file_name().to_string_lossy().parse::<u32>().ok();
    let holds = |id: &u32| {
        fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(mark))
    };
    entries.flatten().filter_map(id).filter(holds).collect()
}

/// Waits until something holds, for a minute at most.
fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("a minute passed without {what}");
}

fn kill(id: u32, signal: &str) {
    let killed = Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status();
    assert!(killed.is_ok_and(|s| s.success()), "process {id} could not be killed");
}

#[test]
fn the_engine_ends_with_us_and_its_folder_with_the_next_start() {
    if !Path::new("/proc/self/cmdline").exists() {
        println!("skipped: there is no /proc");
        return;
    }
    let folder = Folder::with(&Study::small());
    for signal in ["KILL", "TERM"] {
        // Half a second more than any other sleep, to be known by.
        let mark = format!("{}.25", 9000 + std::process::id() % 1000 + u32::from(signal == "TERM") * 1000);
        let command = format!("sleep {mark} & sleep {mark}; : {{sql}}");
        let mut run = Command::new(env!("CARGO_BIN_EXE_lob"))
            .current_dir(folder.path())
            .args(["run", "study.toml", "--out", "out", "--engine-command", &command])
            .stderr(Stdio::null())
            .spawn()
            .expect("lob starts");
        let sleeping = format!("sleep\0{mark}");
        wait_for("the engine's processes", || (processes(&sleeping).len() == 2).then_some(()));
        kill(run.id(), signal);
        run.wait().expect("lob ends");
        wait_for("the end of the engine's processes", || processes(&sleeping).is_empty().then_some(()));
        assert_eq!(leftovers(&folder.path().join("out")).len(), 1, "what the killed run left");
    }
    let ran = folder.run();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(leftovers(&folder.path().join("out")), Vec::<String>::new());
}

#[test]
fn a_spark_cluster_that_loses_a_worker_gives_the_same_run() {
    let Some(home) = spark_home() else { return };
    let folder = Folder::with(&Study::small());
    // A master and two workers with a process each, on the loopback interface.
    let command = format!(
        "SPARK_LOCAL_IP=127.0.0.1 SPARK_HOME='{0}' exec '{0}/bin/spark-sql' --master 'local-cluster[2,1,1024]' \
         --driver-java-options -XX:TieredStopAtLevel=1 --conf spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=1 \
         --conf spark.executor.memory=512m --conf spark.sql.catalogImplementation=in-memory --conf spark.ui.enabled=false \
         --conf spark.sql.shuffle.partitions=2 --conf spark.sql.codegen.wholeStage=false \
         --conf spark.sql.codegen.factoryMode=NO_CODEGEN --conf spark.sql.adaptive.enabled=false -f {{sql}}",
        home.display()
    );
    let run = Command::new(env!("CARGO_BIN_EXE_lob"))
        .current_dir(folder.path())
        .args(["run", "study.toml", "--out", "out", "--engine-command", &command])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lob starts");
    let out = folder.path().join("out").canonicalize();
    let in_folder = |id: &u32| {
        let cwd = fs::read_link(format!("/proc/{id}/cwd")).unwrap_or_default();
        let out = out.as_ref().map_or_else(|_| folder.path().join("out"), Clone::clone);
        cwd.starts_with(folder.path()) || cwd.starts_with(out) || cwd.starts_with(&home)
    };
    let workers = || -> Vec<u32> {
        processes("CoarseGrainedExecutorBackend")
            .into_iter()
            .filter(|id| descends(*id, run.id()) || in_folder(id))
            .collect()
    };
    // The first table is being made when both workers are there.
    let both = wait_for("two workers", || Some(workers()).filter(|w| w.len() >= 2));
    kill(both[0], "KILL");
    let done = run.wait_with_output().expect("lob ends");
    let err = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{err}");
    assert_same_run(&folder);
}

/// Whether a process is a child of a child … of another.
fn descends(id: u32, of: u32) -> bool {
    let parent = |id: u32| -> Option<u32> {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        status.lines().find_map(|l| l.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let mut at = id;
    while let Some(next) = parent(at).filter(|p| *p > 1) {
        if next == of {
            return true;
        }
        at = next;
    }
    false
}
