//! The tables against the spec and the truth. `recompute` reads nothing but the emitted tables, so that a
//! slip in the drawing of an outcome, in the dose or in the truth shows.

mod recompute;

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;

use super::calendar::CohortDates;
use super::{
    Hidden, LandmarkPupil, LandmarkSet, PlantedEffect, RegionSpec, Scenario, landmark_set, simulate, simulate_to,
    write_region,
};
use recompute::{Recomputed, Row, Truth, ame, dates, hazard, ids, landmark, rows, texts, z};

/// Every SES-WOA is shown, so that the linear predictors can be recomputed from the tables.
fn complete(pupils: u32) -> RegionSpec {
    RegionSpec { pupils, missing_ses: 0.0, ..RegionSpec::default() }
}

#[test]
fn outcomes_follow_the_planted_models() {
    let region = simulate(&complete(24_000));
    let (truth, rows) = (Truth::of(&region), rows(&region));
    let mut sets: Vec<_> = ["uitval_jr1", "doorstroom_mbo", "gestart_en_gebleven"]
        .map(|outcome| (outcome, landmark(&truth, &rows, outcome)))
        .into();
    sets.push(("uitval_vmbo", hazard(&truth, &rows)));
    for (outcome, units) in &sets {
        // 3.5 standard deviations: one seed in 270 would miss one of the eight.
        assert!(z(units, |_| 1.0).abs() < 3.5, "{outcome}: level {}", z(units, |_| 1.0));
        assert!(z(units, |u| u.within).abs() < 3.5, "{outcome}: dose {}", z(units, |u| u.within));
        let nation = truth.get(outcome, "nation", "", "ame_within_5");
        assert!((ame(units.iter()) - nation).abs() < 1e-9, "{outcome}: nation");
        for school in units.iter().map(|u| u.school).collect::<HashSet<_>>() {
            let own = truth.get(outcome, "school", school, "ame_within_5");
            let again = ame(units.iter().filter(|u| u.school == school));
            assert!((again - own).abs() < 1e-9, "{outcome}: {school}");
        }
    }
    let cut = truth.get("gestart_en_gebleven", "parameter", "", "cut_probabilities");
    assert!(cut / (rows.len() as f64) < 0.005, "{cut} probabilities cut");
}

#[test]
fn levels_are_realistic() {
    let region = simulate(&complete(24_000));
    let (truth, rows) = (Truth::of(&region), rows(&region));
    let share = |units: &[Recomputed]| units.iter().map(|u| u.y).sum::<f64>() / units.len() as f64;
    let between = |x: f64, lo: f64, hi: f64, what: &str| assert!(lo < x && x < hi, "{what}: {x}");
    between(share(&landmark(&truth, &rows, "uitval_jr1")), 0.09, 0.14, "uitval_jr1");
    between(share(&landmark(&truth, &rows, "doorstroom_mbo")), 0.89, 0.95, "doorstroom_mbo");
    between(share(&landmark(&truth, &rows, "gestart_en_gebleven")), 0.67, 0.77, "gestart_en_gebleven");
    between(share(&hazard(&truth, &rows)), 0.008, 0.017, "hazard");
    between(truth.get("uitval_jr1", "nation", "", "ame_within_5"), -1.8, -1.1, "effect");
    let per_year = region.activiteit.num_rows() as f64 / rows.len() as f64 / 4.0;
    between(per_year, 10.0, 15.0, "activities per pupil and year");
}

#[test]
fn the_score_is_the_growth_model_plus_noise() {
    let region = simulate(&complete(24_000));
    let (truth, rows) = (Truth::of(&region), rows(&region));
    let by_id: HashMap<&str, &Row> = rows.iter().map(|r| (r.id, r)).collect();
    let p = |term: &str| truth.get("loopbaanreflectie", "parameter", "", term);
    let score = region.competentie["score"].as_primitive::<Float64Type>().values();
    let (mut residuals, mut with_dose) = (BTreeMap::<&str, (f64, f64)>::new(), (0.0, 0.0));
    for (i, id) in ids(&region.competentie).into_iter().enumerate() {
        let row = by_id[id];
        let date = dates(&region.competentie, "datum")[i];
        let periods = CohortDates::new(row.year as i16).period;
        let k = periods.partition_point(|start| *start <= date) - 1;
        let dose = row.dose(periods[k]);
        let x: f64 = row.x.iter().map(|(term, v)| p(term) * v).sum();
        let fixed =
            p("intercept") + p("period") * k as f64 + p("dose") * dose + x - p("leeftijd") * p("leeftijd_centre");
        let sum = residuals.entry(row.school).or_default();
        *sum = (sum.0 + score[i] - fixed, sum.1 + 1.0);
        with_dose = (with_dose.0 + (score[i] - fixed) * (dose - 30.0), with_dose.1 + (dose - 30.0).powi(2));
        assert!(row.left_vmbo.is_none_or(|left| date < left));
    }
    // School means of the residuals have SD 0.12 to 0.15; 12 of them average to within 4 standard errors of 0.
    let mean = residuals.values().map(|(s, n)| s / n).sum::<f64>() / residuals.len() as f64;
    assert!(mean.abs() < 4.0 * 0.15 / 12_f64.sqrt(), "{mean}");
    // A wrong dose coefficient (0.005 a activity) would show here in full.
    assert!((with_dose.0 / with_dose.1).abs() < 0.002, "{}", with_dose.0 / with_dose.1);
}

#[test]
fn nothing_happens_after_dropout_or_without_a_link() {
    let region = simulate(&RegionSpec::default());
    let rows = rows(&region);
    assert!(rows.iter().any(|r| r.left_vmbo.is_some()) && rows.iter().any(|r| !r.linked));
    for row in &rows {
        let end = row.left_vmbo.unwrap_or(row.landmark);
        assert!(row.activities.iter().all(|&d| d < end));
        assert!(row.enrolments.is_empty() || (row.linked && row.left_vmbo.is_none()));
        assert!(row.enrolments.iter().all(|e| e.0 < e.1));
    }
    let entered = dates(&region.activiteit, "invoer_datum").iter().zip(dates(&region.activiteit, "datum"));
    let late = entered.map(|(e, d)| e - d).inspect(|lag| assert!(*lag >= 0)).filter(|lag| *lag >= 90).count();
    let share = late as f64 / region.activiteit.num_rows() as f64;
    assert!((share - 0.1).abs() < 0.005, "{share}");
}

#[test]
fn keys_are_unique_and_sizes_close_to_the_spec() {
    let spec = RegionSpec { schools: 40, pupils: 6000, ..RegionSpec::default() };
    let region = simulate(&spec);
    let pupils: HashSet<&str> = ids(&region.leerling).into_iter().collect();
    assert_eq!(pupils.len(), region.leerling.num_rows());
    assert!((pupils.len() as f64 - 6000.0).abs() < 40.0);
    let schools: HashSet<_> = texts(&region.school, "school").into_iter().flatten().collect();
    assert_eq!(schools.len(), 40);
    for school in schools {
        let (digits, letters, last) = (&school[..2], &school[2..4], &school[4..]);
        assert!(school.len() == 6 && digits.parse::<u8>().is_ok() && last.parse::<u8>().is_ok());
        assert!(letters.bytes().all(|b| b.is_ascii_uppercase()));
    }
    let dropouts = ids(&region.uitval);
    assert_eq!(dropouts.iter().collect::<HashSet<_>>().len(), dropouts.len());
    let unknown = ids(&region.activiteit).into_iter().filter(|id| !pupils.contains(id)).count();
    let share = unknown as f64 / region.activiteit.num_rows() as f64;
    assert!((share - 0.002).abs() < 0.0005, "{share}");
}

#[test]
fn the_seed_decides_and_the_threads_do_not() {
    let spec = RegionSpec { schools: 20, pupils: 1500, ..RegionSpec::default() };
    let with_threads = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a small pool");
        pool.install(|| simulate(&spec))
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(2));
    let other = simulate(&RegionSpec { seed: 2, ..spec.clone() });
    for ((name, a), (_, b)) in one.tables().into_iter().zip(other.tables()) {
        assert_ne!(a, b, "{name}");
    }
}

#[test]
fn a_null_effect_keeps_the_pupils_and_has_no_effect() {
    let spec = RegionSpec { pupils: 1500, ..RegionSpec::default() };
    let (some, none) = (simulate(&spec), simulate(&RegionSpec { effect: PlantedEffect::null(), ..spec }));
    assert_eq!(ids(&some.leerling), ids(&none.leerling));
    for ((outcome, _, _, term), value) in Truth::of(&none).0 {
        assert!(!term.starts_with("ame_") || value == 0.0, "{outcome} {term} {value}");
    }
}

#[test]
fn files_are_equal_byte_by_byte_and_streaming_writes_the_same_rows() {
    let spec = RegionSpec { schools: 20, pupils: 800, ..RegionSpec::default() };
    let dirs: Vec<_> = (0..4).map(|_| tempfile::tempdir().expect("a temporary directory")).collect();
    let written = write_region(&simulate(&spec), dirs[0].path()).expect("writes");
    write_region(&simulate(&spec), dirs[1].path()).expect("writes");
    let streamed = simulate_to(&spec, dirs[2].path()).expect("writes");
    simulate_to(&spec, dirs[3].path()).expect("writes");
    assert_eq!(written, streamed);
    assert_eq!(written.len(), 7);
    for file in &written {
        let bytes = |i: usize| std::fs::read(dirs[i].path().join(&file.name)).expect("was written");
        assert!(file.rows > 0);
        assert_eq!(bytes(0), bytes(1), "{}", file.name);
        assert_eq!(bytes(2), bytes(3), "{}", file.name);
        let read = |i: usize| -> Vec<RecordBatch> {
            let bytes = std::fs::File::open(dirs[i].path().join(&file.name)).expect("was written");
            let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes);
            reader
                .and_then(|r| r.with_batch_size(1 << 20).build())
                .expect("is Parquet")
                .map(|b| b.expect("reads"))
                .collect()
        };
        assert_eq!(read(0), read(2), "{}", file.name);
    }
}

#[test]
fn a_directory_that_can_not_be_made_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("taken");
    std::fs::write(&file, "").expect("writes");
    let error = simulate_to(&RegionSpec { pupils: 50, ..RegionSpec::default() }, &file).expect_err("is a file");
    assert!(error.to_string().contains("taken"), "{error}");
}

#[test]
fn scenarios_hide_what_they_say_and_leave_the_rest() {
    let plain = RegionSpec { schools: 20, pupils: 3000, ..RegionSpec::default() };
    assert_eq!(simulate(&Scenario::Plain.plant(plain.clone())), simulate(&plain));
    for scenario in Scenario::ALL.into_iter().skip(1) {
        let region = simulate(&scenario.plant(plain.clone()));
        assert_eq!(ids(&region.leerling), ids(&simulate(&plain).leerling), "{}", scenario.code());
        let truth = Truth::of(&region);
        assert_eq!(truth.get("scenario", "parameter", "", scenario.code()), 1.0);
    }
}

/// Mean of `f` over the pupils of the landmark set.
fn mean(set: &LandmarkSet, f: impl Fn(&LandmarkPupil) -> f64) -> f64 {
    set.pupils.iter().map(f).sum::<f64>() / set.pupils.len() as f64
}

#[test]
fn motivation_moves_dose_outcome_and_absence_together() {
    let plain = RegionSpec { schools: 20, pupils: 6000, ..RegionSpec::default() };
    let set = landmark_set(&Scenario::ConfoundedMotivation.plant(plain));
    let tie = |f: &dyn Fn(&LandmarkPupil) -> f64| {
        let centre = mean(&set, f);
        mean(&set, |p| p.motivation * (f(p) - centre))
    };
    assert!(tie(&|p| p.dose) > 3.0, "{}", tie(&|p| p.dose));
    assert!(tie(&|p| f64::from(u8::from(p.uitval))) < -0.02);
    assert!(tie(&|p| f64::from(p.absence)) < -0.5);
    let effects = set.truth.iter().filter(|r| r.term.starts_with("ame_"));
    assert!(effects.clone().count() > 0 && effects.clone().all(|r| r.value == 0.0));
}

#[test]
fn registrations_get_lost_while_the_truth_stays() {
    let plain = RegionSpec { schools: 20, pupils: 3000, ..RegionSpec::default() };
    let of = |scenario: Scenario| landmark_set(&scenario.plant(plain.clone()));
    let dose = |set: &LandmarkSet| mean(set, |p| p.dose);
    let whole = of(Scenario::Plain);
    let (switched, late) = (of(Scenario::ToolSwitch), of(Scenario::LateRegistration));
    assert!(dose(&switched) < 0.97 * dose(&whole) && dose(&late) < 0.97 * dose(&whole));
    let paths = |set: &LandmarkSet| set.pupils.iter().map(|p| (p.uitval, p.gebleven)).collect::<Vec<_>>();
    assert!(paths(&switched) == paths(&whole));
    let lost = of(Scenario::InformativeRegistration);
    let high = |set: &LandmarkSet, is: bool| {
        let own: Vec<f64> = set.pupils.iter().filter(|p| (p.motivation > 0.0) == is).map(|p| p.dose).collect();
        own.iter().sum::<f64>() / own.len() as f64
    };
    assert!(high(&lost, true) > 1.1 * high(&lost, false));
}

/// The rows without tables are those of the tables.
#[test]
fn the_landmark_set_is_that_of_the_tables() {
    let spec = complete(1200);
    let (set, region) = (landmark_set(&spec), simulate(&spec));
    let (truth, rows) = (Truth::of(&region), rows(&region));
    let units = landmark(&truth, &rows, "uitval_jr1");
    assert_eq!(set.pupils.len(), units.len());
    let events = |all: &mut dyn Iterator<Item = bool>| all.filter(|y| *y).count();
    assert_eq!(events(&mut set.pupils.iter().map(|p| p.uitval)), events(&mut units.iter().map(|u| u.y == 1.0)));
    let within = |p: &LandmarkPupil| p.dose;
    let total: f64 = set.pupils.iter().map(within).sum();
    let of_tables: f64 = rows.iter().filter(|r| r.linked && r.left_vmbo.is_none()).map(|r| r.dose(r.landmark)).sum();
    assert_eq!(total, of_tables);
    let nation =
        set.truth.iter().find(|r| r.outcome == "uitval_jr1" && r.level == "nation" && r.term == "ame_within_5");
    assert_eq!(nation.map(|r| r.value), Some(truth.get("uitval_jr1", "nation", "", "ame_within_5")));
}

#[test]
fn a_rare_outcome_is_rare() {
    let plain = RegionSpec { schools: 20, pupils: 6000, ..RegionSpec::default() };
    let hidden = Hidden { risk_shift: -1.85, ..Hidden::default() };
    let share = mean(&landmark_set(&RegionSpec { hidden, ..plain }), |p| f64::from(u8::from(p.uitval)));
    assert!((0.013..0.03).contains(&share), "{share}");
}
