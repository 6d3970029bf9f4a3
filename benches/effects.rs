//! What the effects of a study cost beside its fits: 1,300 schools with 210 pupils each over three cohorts, four outcomes,
//! E1 to E8 of three parts of the dose, and 200 draws of the parameters.
//!
//! `cargo bench --bench effects`; the data are those of `lob simulate`. `LOB_BENCH_SCHOOLS` asks for another size.

use std::time::{Duration, Instant};

use lob_effect::effects;
use lob_effect::ingest::Silence;
use lob_effect::models::{self, Fitted};
use lob_effect::panel::{self, Plan};
use lob_effect::simulate::{RegionSpec, simulate_to};
use lob_effect::study::Study;
use lob_effect::study::template::TEMPLATE;

const OUTCOMES: [&str; 4] = ["doorstroom_mbo", "uitval_jr1", "gestart_en_gebleven", "uitval_vmbo"];
const PUPILS_PER_SCHOOL: u32 = 210;

fn measure(schools: u32) {
    let dir = tempfile::tempdir().unwrap();
    let spec = RegionSpec { schools, cohorts: 3, pupils: schools * PUPILS_PER_SCHOOL, ..RegionSpec::default() };
    simulate_to(&spec, dir.path()).unwrap();
    let study = Study::parse(TEMPLATE, &models::kinds()).unwrap();
    let panel = panel::build(Plan::of(&study), dir.path(), &Silence).unwrap();
    println!("{schools} schools, {} pupils, {} threads", panel.pupils.len(), rayon::current_num_threads());
    let mut total = [Duration::ZERO; 3];
    for entry in study.models.iter().filter(|m| OUTCOMES.contains(&m.outcome.as_str())) {
        let timed = |fitted: &mut dyn FnMut()| {
            let start = Instant::now();
            fitted();
            start.elapsed()
        };
        let mut fit: Option<Fitted> = None;
        let fitting = timed(&mut || fit = Some(models::fit(&panel, entry)));
        let mut fitted = fit.unwrap();
        let plain = timed(&mut || assert!(effects::of(&fitted).comparison.is_some(), "a fit"));
        fitted.entry.replicates = 200;
        let drawn = timed(&mut || assert!(effects::of(&fitted).drawn.is_some(), "draws"));
        println!(
            "{:<22} fit {:>7.2} s   effects {:>6.2} s   with 200 draws {:>6.2} s",
            entry.outcome,
            fitting.as_secs_f64(),
            plain.as_secs_f64(),
            drawn.as_secs_f64()
        );
        [fitting, plain, drawn].iter().zip(&mut total).for_each(|(one, sum)| *sum += *one);
    }
    let ratio = |k: usize| total[k].as_secs_f64() / total[0].as_secs_f64();
    println!("effects cost {:.2} times the fits, with draws {:.2} times", ratio(1), ratio(2));
}

fn main() {
    let schools = std::env::var("LOB_BENCH_SCHOOLS").ok().and_then(|n| n.parse().ok());
    let asked = |word: &str| std::env::args().any(|a| a == word);
    // What nextest asks a binary of tests.
    if asked("--list") {
        if !asked("--ignored") {
            println!("effects: test");
        }
        return;
    }
    // Without `--bench` this is a test that the benchmark runs.
    let is_bench = asked("--bench");
    measure(schools.unwrap_or(if is_bench { 1_300 } else { 12 }));
}
