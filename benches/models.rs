//! The mixed models: seconds, evaluations, criterion and memory of one fit of each kind.
//!
//! `cargo bench --bench models` measures all cases, each in a process of its own. `benches/models_peers.sh` runs R and
//! Python beside them on the same rows and writes the table of `benches/RESULTS.md`; it calls this binary with
//! `cases`, `fit CASE` (a line of JSON) or `write CASE DIR` (files; prints family and formula).

#[path = "models_data.rs"]
mod data;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use data::Rows;
use lob_effect::design::Design;
use lob_effect::ingest::Silence;
use lob_effect::models;
use lob_effect::run::compute;
use lob_effect::stats::{
    Cells, Family, GlmmFit, GlmmOptions, Link, LmmData, LmmFit, LmmObjective, LmmOptions, RandomTerm, Stop, fit_glmm,
    fit_lmm,
};
use lob_effect::study::Study;
use serde_json::{Value, json};

/// A thing to measure.
struct Case {
    name: &'static str,
    about: &'static str,
    rows: fn(Size) -> Option<Rows>,
    /// Seconds it may take.
    bar: f64,
}

/// A test runs the same code on few rows.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    Full,
    Tiny,
}

impl Size {
    fn of(self, full: usize, tiny: usize) -> usize {
        if self == Size::Full { full } else { tiny }
    }
}

const CASES: [Case; 9] = [
    Case {
        name: "oulad",
        about: "OULAD hazard, intercept and slope: 222,184 rows in 7,985 cells, 22 groups, logit",
        rows: oulad,
        bar: 0.1,
    },
    Case {
        name: "growth",
        about: "growth: 160,000 rows, 40,000 pupils in 200 schools, slopes at both levels, REML",
        rows: |size| Some(data::growth(size.of(200, 8), size.of(200, 5))),
        bar: 0.3,
    },
    Case {
        name: "ratings",
        about: "crossed ratings: 73,421 rows, 2,972 × 1,128 × 14 levels, REML",
        rows: |size| Some(data::ratings(size.of(73_421, 300), size.of(2_972, 30), size.of(1_128, 12), size.of(14, 3))),
        bar: 2.0,
    },
    Case {
        name: "schools-linear",
        about: "10⁶ rows, 1,300 schools, 8 covariates, intercept and slope, REML",
        rows: |size| Some(data::schools(size.of(1_000_000, 400), size.of(1_300, 10), false, false)),
        bar: 0.5,
    },
    Case {
        name: "schools-linear-mixed",
        about: "the same, rows in no order",
        rows: |size| Some(data::schools(size.of(1_000_000, 400), size.of(1_300, 10), false, true)),
        bar: 0.5,
    },
    Case {
        name: "schools-logit",
        about: "10⁶ rows, 1,300 schools, 8 covariates, intercept and slope, logit by Laplace",
        rows: |size| Some(data::schools(size.of(1_000_000, 400), size.of(1_300, 10), true, false)),
        bar: 1.5,
    },
    Case {
        name: "schools-logit-mixed",
        about: "the same, rows in no order",
        rows: |size| Some(data::schools(size.of(1_000_000, 400), size.of(1_300, 10), true, true)),
        bar: 1.5,
    },
    Case {
        name: "pupils-10",
        about: "growth in 2,000 schools with 10 pupils each",
        rows: |size| Some(data::growth(size.of(2_000, 8), size.of(10, 5))),
        bar: f64::INFINITY,
    },
    Case {
        name: "pupils-100",
        about: "growth in 2,000 schools with 100 pupils each",
        rows: |size| Some(data::growth(size.of(2_000, 8), size.of(100, 10))),
        bar: f64::INFINITY,
    },
];

/// The design of the study's second mixed model, which has the slopes; `None` without the shared data.
fn oulad(_: Size) -> Option<Rows> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let from_variable = std::env::var_os("LOB_SHARED").map(PathBuf::from);
    let shared = from_variable.into_iter().chain(["../shared", "../../shared"].map(|at| root.join(at)));
    let shared = shared.into_iter().find(|at| at.join("data/oulad").is_dir())?;
    let text = std::fs::read_to_string(root.join("fixtures/studies/oulad.toml")).unwrap();
    let text = text.replace("../../../shared", &shared.display().to_string());
    let study = Study::parse(&text, &models::kinds()).unwrap_or_else(|e| panic!("{e:?}"));
    let computed = compute(&study, Path::new("."), &Silence).unwrap_or_else(|e| panic!("{e}"));
    let (fitted, _) = computed.models.iter().find(|(f, _)| f.entry.id == "slope").unwrap();
    let Design::Binary(d) = &fitted.design else { panic!("a binary design") };
    let groups =
        data::Groups { name: "school", level: d.group.clone(), n_levels: d.head.groups.len(), q: d.z().ncols() };
    let (y, trials) = (d.successes.clone(), Some(d.trials.clone()));
    Some(Rows {
        y,
        trials,
        x: d.x().to_held().into_owned(),
        z: Some(d.z().to_held().into_owned()),
        groups: vec![groups],
    })
}

/// What the bench needs of a fit of either kind.
struct Fitted {
    /// −2 log L or the REML criterion.
    deviance: f64,
    evaluations: u32,
    stop: Stop,
    theta: Vec<f64>,
}

/// A fit and what it took.
struct Timed {
    wall: f64,
    cpu: f64,
    fitted: Fitted,
}

impl From<LmmFit> for Fitted {
    fn from(fit: LmmFit) -> Self {
        Self { deviance: fit.deviance, evaluations: fit.evaluations, stop: fit.stop, theta: fit.theta.to_vec() }
    }
}

impl From<GlmmFit> for Fitted {
    fn from(fit: GlmmFit) -> Self {
        let theta = fit.theta.to_vec();
        Self { deviance: -2.0 * fit.log_lik, evaluations: fit.evaluations, stop: fit.stop, theta }
    }
}

/// Seconds on a processor of one evaluation of the criterion of a linear model, the rows read; `None` for counts.
fn evaluation(rows: &Rows, theta: &[f64]) -> Option<f64> {
    const TIMES: u32 = 40;
    if rows.trials.is_some() {
        return None;
    }
    with_terms(rows, |rows, terms| {
        let data = LmmData { y: rows.y.view(), x: rows.x.view().into(), terms, weights: None, offset: None };
        let objective = LmmObjective::new(&data, &LmmOptions::default()).unwrap();
        let used = processor();
        for k in 0..TIMES {
            // Never the same twice.
            let theta: Vec<f64> = theta.iter().map(|t| t * (1.0 + f64::from(k) * 1e-4)).collect();
            assert!(objective.at(ndarray::ArrayView1::from(&theta)).is_some());
        }
        Some((processor() - used) / f64::from(TIMES))
    })
}

fn with_terms<T>(rows: &Rows, f: impl for<'t> FnOnce(&'t Rows, &'t [RandomTerm<'t>]) -> T) -> T {
    let blocks: Vec<[usize; 1]> = rows.groups.iter().map(|g| [g.q]).collect();
    let term = |(g, blocks)| RandomTerm { z: rows.z(g).into(), level: &g.level, n_levels: g.n_levels, blocks };
    let terms: Vec<RandomTerm> = rows.groups.iter().zip(blocks.iter().map(|b| &b[..])).map(term).collect();
    f(rows, &terms)
}

fn fit(rows: &Rows) -> Fitted {
    with_terms(rows, |rows, terms| match &rows.trials {
        Some(trials) => {
            let (x, successes) = (rows.x.view(), rows.y.view());
            let cells = Cells { x: x.into(), trials: trials.view(), successes, offset: None };
            fit_glmm(&cells, terms, Family::Binomial(Link::Logit), &GlmmOptions::default()).unwrap().into()
        }
        None => {
            let data = LmmData { y: rows.y.view(), x: rows.x.view().into(), terms, weights: None, offset: None };
            fit_lmm(&data, &LmmOptions::default()).unwrap().into()
        }
    })
}

/// Largest resident memory of this process so far, in MB of 10⁶ bytes; NaN where the system has no such file.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib * 1024.0 / 1e6)
}

/// Seconds on a processor of all threads of this process so far; NaN where the system does not tell. Threads of the
/// pool live on, so differences are what lay between.
fn processor() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return f64::NAN };
    let of_task = |task: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    tasks.filter_map(of_task).sum::<f64>() * 1e-9
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Fits once for the memory and then again for the median. `None` where the data are missing.
fn measure(case: &Case, size: Size, times: usize) -> Option<Value> {
    let rows = (case.rows)(size)?;
    let before = peak();
    let timed = || {
        let (start, used) = (Instant::now(), processor());
        let fitted = fit(&rows);
        Timed { wall: start.elapsed().as_secs_f64(), cpu: processor() - used, fitted }
    };
    let first = timed();
    let after = peak();
    let fits: Vec<Timed> = (1..times).map(|_| timed()).chain([first]).collect();
    let (n, p) = (rows.n() as f64, rows.x.ncols() as f64);
    let Fitted { deviance, evaluations, stop, theta } = &fits[0].fitted;
    Some(json!({
        "case": case.name, "tool": "engine", "about": case.about, "bar": case.bar.is_finite().then_some(case.bar),
        "rows": rows.persons(), "seconds": median(fits.iter().map(|f| f.wall).collect()),
        "cpu": median(fits.iter().map(|f| f.cpu).collect()), "deviance": deviance, "evaluations": evaluations,
        "stop": format!("{stop:?}"), "mb_data": before, "evaluation": evaluation(&rows, theta), "mb": after, "mb_bar": n * (p + 3.0) * 8.0 / 1e6 + 200.0,
    }))
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
}

fn repeats() -> usize {
    std::env::var("LOB_BENCH_TIMES").ok().and_then(|n| n.parse().ok()).unwrap_or(7)
}

fn skipped(case: &Case) -> String {
    format!("skipped {}: no shared data (set LOB_SHARED to the folder that holds data/oulad)", case.name)
}

/// Every case in a fresh process.
fn all() {
    println!(
        "{:22} {:>9} {:>9} {:>6} {:>8} {:>9} {:>18}",
        "case", "seconds", "bar", "evals", "MB", "MB bar", "deviance"
    );
    for case in &CASES {
        let output = Command::new(std::env::current_exe().unwrap()).args(["fit", case.name]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let Ok(line) = serde_json::from_str::<Value>(&text) else {
            println!("{}{}", text, String::from_utf8_lossy(&output.stderr));
            continue;
        };
        let number = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:22} {:9.4} {:9.4} {:9} {:9} {:9.0} {:9.0} {:18.6}",
            case.name,
            number("seconds"),
            number("cpu"),
            number("bar"),
            number("evaluations"),
            number("mb"),
            number("mb_bar"),
            number("deviance")
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["cases"] => CASES.iter().for_each(|case| println!("{}", case.name)),
        ["fit", name] => match measure(case(name), Size::Full, repeats()) {
            Some(line) => println!("{line}"),
            None => println!("{}", skipped(case(name))),
        },
        ["write", name, dir] => match (case(name).rows)(Size::Full) {
            Some(rows) => {
                let family = if rows.trials.is_some() { "binomial" } else { "gaussian" };
                println!("{family} {}", rows.formula());
                rows.write(&Path::new(dir).join(format!("{name}.csv")), true);
                if rows.persons() > rows.n() {
                    rows.write(&Path::new(dir).join(format!("{name}-cells.csv")), false);
                }
            }
            None => println!("{}", skipped(case(name))),
        },
        words if words.contains(&"--bench") => all(),
        // What nextest asks a binary of tests.
        words if words.contains(&"--list") => {
            if !words.contains(&"--ignored") {
                println!("models: test");
            }
        }
        // Without `--bench` this is a test that every case runs.
        _ => {
            for case in CASES.iter().filter(|case| case.name != "oulad") {
                println!("{}", measure(case, Size::Tiny, 1).unwrap());
            }
        }
    }
}
