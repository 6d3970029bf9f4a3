//! Do the intervals hold the truth? Ten regions with a planted truth are simulated and run; the 95 % intervals of the
//! national effect and of every school's own effect are compared with the effects that were planted.
//!
//! The regions are without unknown postcodes, so that the model of the analysis is the model of the truth. Of
//! `gestart_en_gebleven` a few planted probabilities don't fit the joint draw and are cut; its truth is the uncut one.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use lob_effect::effects::{Finding, ModelFindings};
use lob_effect::ingest::Silence;
use lob_effect::models;
use lob_effect::run::compute;
use lob_effect::simulate::{Region, RegionSpec, simulate, write_region};
use lob_effect::study::Study;
use lob_effect::study::template::TEMPLATE;

const TERM: &str = "ame_within_5";
const OUTCOMES: [&str; 5] = ["doorstroom_mbo", "uitval_jr1", "gestart_en_gebleven", "uitval_vmbo", "loopbaanreflectie"];

/// Planted effects in percentage points: of the nation (no school) and of each school.
fn truth(region: &Region, outcome: &str) -> BTreeMap<Option<String>, f64> {
    let batch = &region.truth;
    let text = |name: &str| batch.column_by_name(name).expect("a column of truth").as_string::<i32>().clone();
    let (outcomes, levels, schools, terms) = (text("outcome"), text("level"), text("school"), text("term"));
    let values = batch.column_by_name("value").expect("a column of truth").as_primitive::<Float64Type>();
    (0..batch.num_rows())
        .filter(|&i| outcomes.value(i) == outcome && terms.value(i) == TERM && levels.value(i) != "parameter")
        .map(|i| (schools.is_valid(i).then(|| schools.value(i).to_string()), values.value(i)))
        .collect()
}

#[derive(Clone, Copy, Debug, Default)]
struct Covered {
    inside: u32,
    of: u32,
    error: f64,
}

impl Covered {
    fn add(&mut self, finding: &Finding, truth: f64) {
        let Finding::Estimate(e) = finding else { panic!("no estimate: {finding:?}") };
        self.inside += u32::from(e.interval.contains(truth));
        self.of += 1;
        self.error += e.quantity.value - truth;
    }

    fn share(&self) -> f64 {
        f64::from(self.inside) / f64::from(self.of)
    }
}

fn run_region(seed: u64, nation: &mut BTreeMap<&str, Covered>, schools: &mut BTreeMap<&str, Covered>) {
    let spec = RegionSpec { schools: 40, cohorts: 3, pupils: 12_000, seed, missing_ses: 0.0, ..RegionSpec::default() };
    let region = simulate(&spec);
    let dir = tempfile::tempdir().expect("a temporary folder");
    write_region(&region, dir.path()).expect("the region is written");
    let study = Study::parse(TEMPLATE, &models::kinds()).expect("the template is a study");
    let computed = compute(&study, dir.path(), &Silence).expect("the region can be read");
    for outcome in OUTCOMES {
        let truth = truth(&region, outcome);
        let of_outcome = |(f, _): &&(models::Fitted, ModelFindings)| f.entry.outcome == outcome;
        let (_, found) = computed.models.iter().find(of_outcome).expect("a model of the outcome");
        nation.entry(outcome).or_default().add(&found.nation, truth[&None]);
        if outcome == "loopbaanreflectie" {
            continue; // one dose slope for all schools: no school has a number of its own
        }
        for (s, finding) in found.schools.enumerate() {
            let key = Some(computed.panel.pupils.schools[s].clone());
            schools.entry(outcome).or_default().add(finding, truth[&key]);
        }
    }
}

#[test]
fn intervals_hold_the_planted_effects() {
    let regions = std::env::var("LOB_REGIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let (mut nation, mut schools) = (BTreeMap::new(), BTreeMap::new());
    for seed in 1..=regions {
        run_region(seed, &mut nation, &mut schools);
    }
    let mut all = [Covered::default(); 2];
    for (level, (covered, all)) in ["nation", "schools"].iter().zip([&nation, &schools].into_iter().zip(&mut all)) {
        for (outcome, c) in covered {
            let bias = c.error / f64::from(c.of);
            println!("{level:8} {outcome:20} {:4} of {:4} = {:.3}, bias {bias:+.3} pp", c.inside, c.of, c.share());
            all.inside += c.inside;
            all.of += c.of;
        }
        println!("{level:8} all                  {:4} of {:4} = {:.3}", all.inside, all.of, all.share());
    }
    let [nation, schools] = all;
    // 50 national intervals: with 95 % coverage fewer than 42 come in 1 of 1 000 draws. The school intervals of a
    // region hang together (they share the national effect), so the bounds are wider than the binomial error of 1 600.
    assert!(nation.share() >= 42.0 / 50.0, "national intervals hold {:.3}", nation.share());
    assert!((0.928..=0.985).contains(&schools.share()), "school intervals hold {:.3}", schools.share());
}
