//! The tables against the spec and the truth. `Recomputed` reads nothing but the emitted tables, so that a
//! slip in the drawing of an outcome, in the dose or in the truth shows.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Float64Type, Int32Type};

use super::calendar::{CohortDates, day};
use super::{PlantedEffect, Region, RegionSpec, simulate, simulate_to, write_region};

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    batch[name].as_string::<i32>().iter().collect()
}

fn ids(batch: &RecordBatch) -> Vec<&str> {
    texts(batch, "pseudo_id")
        .into_iter()
        .map(|id| id.expect("ids aren't null"))
        .collect()
}

fn dates<'a>(batch: &'a RecordBatch, name: &str) -> &'a [i32] {
    batch[name].as_primitive::<Date32Type>().values()
}

/// True values by (outcome, level, school or "", term).
struct Truth(BTreeMap<(String, String, String, String), f64>);

impl Truth {
    fn of(region: &Region) -> Self {
        let t = &region.truth;
        let value = t["value"].as_primitive::<Float64Type>().values();
        let column = |name| -> Vec<String> {
            texts(t, name)
                .into_iter()
                .map(|x| x.unwrap_or("").to_owned())
                .collect()
        };
        let keys = [
            column("outcome"),
            column("level"),
            column("school"),
            column("term"),
        ];
        let key = |i: usize| {
            let [a, b, c, d] = &keys;
            (a[i].clone(), b[i].clone(), c[i].clone(), d[i].clone())
        };
        Self((0..t.num_rows()).map(|i| (key(i), value[i])).collect())
    }

    fn get(&self, outcome: &str, level: &str, school: &str, term: &str) -> f64 {
        let key = (outcome.into(), level.into(), school.into(), term.into());
        *self
            .0
            .get(&key)
            .unwrap_or_else(|| panic!("no truth row {key:?}"))
    }
}

/// A pupil as the tables show it.
struct Row<'a> {
    id: &'a str,
    school: &'a str,
    year: i32,
    /// Terms of the background with their values.
    x: [(&'static str, f64); 7],
    landmark: i32,
    left_vmbo: Option<i32>,
    linked: bool,
    activities: Vec<i32>,
    /// Begin, end, sector, crebo.
    enrolments: Vec<(i32, i32, &'a str, Option<&'a str>)>,
}

impl Row<'_> {
    fn dose(&self, before: i32) -> f64 {
        self.activities.iter().filter(|&&d| d < before).count() as f64
    }

    fn active(&self, day: i32) -> impl Iterator<Item = &(i32, i32, &str, Option<&str>)> {
        self.enrolments
            .iter()
            .filter(move |e| e.0 <= day && day <= e.1)
    }

    fn outcome(&self, outcome: &str) -> bool {
        let year = self.year as i16;
        let (first, second) = (day(year, 10, 1), day(year + 1, 10, 1));
        match outcome {
            "uitval_jr1" => self.active(second).next().is_none(),
            "doorstroom_mbo" => self.active(first).any(|e| e.2 == "mbo"),
            "gestart_en_gebleven" => self
                .active(first)
                .any(|e| e.2 == "mbo" && self.active(second).any(|l| l.2 == "mbo" && l.3 == e.3)),
            _ => panic!("no rule for {outcome}"),
        }
    }
}

fn rows(region: &Region) -> Vec<Row<'_>> {
    let l = &region.leerling;
    let mut activities: HashMap<&str, Vec<i32>> = HashMap::new();
    for (id, day) in ids(&region.activiteit)
        .into_iter()
        .zip(dates(&region.activiteit, "datum"))
    {
        activities.entry(id).or_default().push(*day);
    }
    let i = &region.inschrijving;
    let end = i["eind"].as_primitive::<Date32Type>();
    let (sector, crebo) = (texts(i, "sector"), texts(i, "crebo"));
    let mut enrolments: HashMap<&str, Vec<_>> = HashMap::new();
    for (r, id) in ids(i).into_iter().enumerate() {
        let end = if end.is_null(r) {
            i32::MAX
        } else {
            end.value(r)
        };
        let row = (
            dates(i, "begin")[r],
            end,
            sector[r].expect("not null"),
            crebo[r],
        );
        enrolments.entry(id).or_default().push(row);
    }
    let dropout: HashMap<&str, i32> = ids(&region.uitval)
        .into_iter()
        .zip(dates(&region.uitval, "datum").iter().copied())
        .collect();
    let text = |name| -> Vec<&str> {
        texts(l, name)
            .into_iter()
            .map(|t| t.expect("not null"))
            .collect()
    };
    let (schools, leerweg, sex, link) = (
        text("school"),
        text("leerweg"),
        text("geslacht"),
        text("koppelstatus"),
    );
    let (ses, age) = (
        l["ses_woa"].as_primitive::<Float64Type>(),
        l["leeftijd"].as_primitive::<Float64Type>(),
    );
    let (lwoo, cohort) = (
        l["lwoo"].as_boolean(),
        l["cohort"].as_primitive::<Int32Type>(),
    );
    let landmark = dates(l, "landmark");
    let flag = |b: bool| f64::from(u8::from(b));
    ids(l)
        .into_iter()
        .enumerate()
        .map(|(r, id)| Row {
            id,
            school: schools[r],
            year: cohort.value(r),
            x: [
                ("leerweg_KB", flag(leerweg[r] == "KB")),
                ("leerweg_GL", flag(leerweg[r] == "GL")),
                ("leerweg_TL", flag(leerweg[r] == "TL")),
                ("geslacht_V", flag(sex[r] == "V")),
                ("ses_woa", ses.value(r)),
                ("leeftijd", age.value(r)),
                ("lwoo", flag(lwoo.value(r))),
            ],
            landmark: landmark[r],
            left_vmbo: dropout.get(id).copied().filter(|&d| d < landmark[r]),
            linked: link[r] == "gekoppeld",
            activities: activities.remove(id).unwrap_or_default(),
            enrolments: enrolments.remove(id).unwrap_or_default(),
        })
        .collect()
}

/// A unit of analysis: a pupil at the landmark, or a pupil in a period.
struct Recomputed<'a> {
    school: &'a str,
    within: f64,
    slope: f64,
    eta: f64,
    y: f64,
}

fn expit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Linear predictors of `members` (row, dose, outcome) from the truth's parameters; `intercept` names α.
fn recompute<'a>(
    truth: &Truth,
    outcome: &str,
    centre: &str,
    members: &[(&Row<'a>, f64, bool)],
    intercept: impl Fn(&Row) -> String,
) -> Vec<Recomputed<'a>> {
    let mut sums: HashMap<(&str, Option<i32>), (f64, f64)> = HashMap::new();
    for (row, dose, _) in members {
        for key in [(row.school, Some(row.year)), (row.school, None)] {
            let s = sums.entry(key).or_default();
            *s = (s.0 + dose, s.1 + 1.0);
        }
    }
    let mean = |key| sums[&key].0 / sums[&key].1;
    let p = |term: &str| truth.get(outcome, "parameter", "", term);
    let members = members.iter().map(|(row, dose, y)| {
        let (cohort, school) = (mean((row.school, Some(row.year))), mean((row.school, None)));
        let u = |term| truth.get(outcome, "school", row.school, term);
        let slope = p("dose_within") + u("ranef_slope");
        let x: f64 = row.x.iter().map(|(term, v)| p(term) * v).sum();
        let eta = p(&intercept(row)) + x - p("leeftijd") * p("leeftijd_centre")
            + u("ranef_intercept")
            + slope * (dose - cohort)
            + p("dose_cohort") * (cohort - school)
            + p("dose_school") * (school - p(centre));
        Recomputed {
            school: row.school,
            within: dose - cohort,
            slope,
            eta,
            y: f64::from(u8::from(*y)),
        }
    });
    members.collect()
}

fn landmark<'a>(truth: &Truth, rows: &[Row<'a>], outcome: &str) -> Vec<Recomputed<'a>> {
    let members: Vec<_> = rows
        .iter()
        .filter(|r| r.linked && r.left_vmbo.is_none())
        .map(|r| (r, r.dose(r.landmark), r.outcome(outcome)))
        .collect();
    recompute(truth, outcome, "centre", &members, |r| {
        format!("cohort_{}", r.year)
    })
}

fn hazard<'a>(truth: &Truth, rows: &[Row<'a>]) -> Vec<Recomputed<'a>> {
    let of_period = |k: usize| {
        let members: Vec<_> = rows
            .iter()
            .filter_map(|r| {
                let dates = CohortDates::new(r.year as i16);
                let (start, end) = (dates.period[k], dates.period_end(k));
                let at_risk = r.left_vmbo.is_none_or(|d| d >= start);
                at_risk.then(|| (r, r.dose(start), r.left_vmbo.is_some_and(|d| d < end)))
            })
            .collect();
        recompute(truth, "uitval", &format!("centre_{k}"), &members, |_| {
            format!("period_{k}")
        })
    };
    (0..4).flat_map(of_period).collect()
}

/// Σ w(y − p) in its standard deviations: standard normal when the outcomes were drawn with the p's.
fn z(units: &[Recomputed], weight: impl Fn(&Recomputed) -> f64) -> f64 {
    let (mut sum, mut var) = (0.0, 0.0);
    for u in units {
        let p = expit(u.eta);
        sum += weight(u) * (u.y - p);
        var += weight(u).powi(2) * p * (1.0 - p);
    }
    sum / var.sqrt()
}

fn ame<'a>(units: impl Iterator<Item = &'a Recomputed<'a>>) -> f64 {
    let change: Vec<f64> = units
        .map(|u| expit(u.eta + 5.0 * u.slope) - expit(u.eta))
        .collect();
    100.0 * change.iter().sum::<f64>() / change.len() as f64
}

/// Every SES-WOA is shown, so that the linear predictors can be recomputed from the tables.
fn complete(pupils: u32) -> RegionSpec {
    RegionSpec {
        pupils,
        missing_ses: 0.0,
        ..RegionSpec::default()
    }
}

#[test]
fn outcomes_follow_the_planted_models() {
    let region = simulate(&complete(24_000));
    let (truth, rows) = (Truth::of(&region), rows(&region));
    let mut sets: Vec<_> = ["uitval_jr1", "doorstroom_mbo", "gestart_en_gebleven"]
        .map(|outcome| (outcome, landmark(&truth, &rows, outcome)))
        .into();
    sets.push(("uitval", hazard(&truth, &rows)));
    for (outcome, units) in &sets {
        // 3.5 standard deviations: one seed in 270 would miss one of the eight.
        assert!(
            z(units, |_| 1.0).abs() < 3.5,
            "{outcome}: level {}",
            z(units, |_| 1.0)
        );
        assert!(
            z(units, |u| u.within).abs() < 3.5,
            "{outcome}: dose {}",
            z(units, |u| u.within)
        );
        let nation = truth.get(outcome, "nation", "", "ame_within_5");
        assert!(
            (ame(units.iter()) - nation).abs() < 1e-9,
            "{outcome}: nation"
        );
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
    between(
        share(&landmark(&truth, &rows, "uitval_jr1")),
        0.09,
        0.14,
        "uitval_jr1",
    );
    between(
        share(&landmark(&truth, &rows, "doorstroom_mbo")),
        0.89,
        0.95,
        "doorstroom_mbo",
    );
    between(
        share(&landmark(&truth, &rows, "gestart_en_gebleven")),
        0.67,
        0.77,
        "gestart_en_gebleven",
    );
    between(share(&hazard(&truth, &rows)), 0.008, 0.017, "hazard");
    between(
        truth.get("uitval_jr1", "nation", "", "ame_within_5"),
        -1.8,
        -1.1,
        "effect",
    );
    let per_year = region.activiteit.num_rows() as f64 / rows.len() as f64 / 4.0;
    between(per_year, 10.0, 15.0, "activities per pupil and year");
}

#[test]
fn the_score_is_the_growth_model_plus_noise() {
    let region = simulate(&complete(24_000));
    let (truth, rows) = (Truth::of(&region), rows(&region));
    let by_id: HashMap<&str, &Row> = rows.iter().map(|r| (r.id, r)).collect();
    let p = |term: &str| truth.get("competentie", "parameter", "", term);
    let score = region.competentie["score"]
        .as_primitive::<Float64Type>()
        .values();
    let (mut residuals, mut with_dose) = (BTreeMap::<&str, (f64, f64)>::new(), (0.0, 0.0));
    for (i, id) in ids(&region.competentie).into_iter().enumerate() {
        let row = by_id[id];
        let date = dates(&region.competentie, "datum")[i];
        let periods = CohortDates::new(row.year as i16).period;
        let k = periods.partition_point(|start| *start <= date) - 1;
        let dose = row.dose(periods[k]);
        let x: f64 = row.x.iter().map(|(term, v)| p(term) * v).sum();
        let fixed = p("intercept") + p("period") * k as f64 + p("dose") * dose + x
            - p("leeftijd") * p("leeftijd_centre");
        let sum = residuals.entry(row.school).or_default();
        *sum = (sum.0 + score[i] - fixed, sum.1 + 1.0);
        with_dose = (
            with_dose.0 + (score[i] - fixed) * (dose - 30.0),
            with_dose.1 + (dose - 30.0).powi(2),
        );
        assert!(row.left_vmbo.is_none_or(|left| date < left));
    }
    // School means of the residuals have SD 0.12 to 0.15; 12 of them average to within 4 standard errors of 0.
    let mean = residuals.values().map(|(s, n)| s / n).sum::<f64>() / residuals.len() as f64;
    assert!(mean.abs() < 4.0 * 0.15 / 12_f64.sqrt(), "{mean}");
    // A wrong dose coefficient (0.005 a activity) would show here in full.
    assert!(
        (with_dose.0 / with_dose.1).abs() < 0.002,
        "{}",
        with_dose.0 / with_dose.1
    );
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
    let entered = dates(&region.activiteit, "invoer_datum")
        .iter()
        .zip(dates(&region.activiteit, "datum"));
    let late = entered
        .map(|(e, d)| e - d)
        .inspect(|lag| assert!(*lag >= 0))
        .filter(|lag| *lag >= 90)
        .count();
    let share = late as f64 / region.activiteit.num_rows() as f64;
    assert!((share - 0.1).abs() < 0.005, "{share}");
}

#[test]
fn keys_are_unique_and_sizes_close_to_the_spec() {
    let spec = RegionSpec {
        schools: 40,
        pupils: 6000,
        ..RegionSpec::default()
    };
    let region = simulate(&spec);
    let pupils: HashSet<&str> = ids(&region.leerling).into_iter().collect();
    assert_eq!(pupils.len(), region.leerling.num_rows());
    assert!((pupils.len() as f64 - 6000.0).abs() < 40.0);
    let schools: HashSet<_> = texts(&region.school, "school")
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(schools.len(), 40);
    for school in schools {
        let (digits, letters, last) = (&school[..2], &school[2..4], &school[4..]);
        assert!(school.len() == 6 && digits.parse::<u8>().is_ok() && last.parse::<u8>().is_ok());
        assert!(letters.bytes().all(|b| b.is_ascii_uppercase()));
    }
    let dropouts = ids(&region.uitval);
    assert_eq!(
        dropouts.iter().collect::<HashSet<_>>().len(),
        dropouts.len()
    );
    let unknown = ids(&region.activiteit)
        .into_iter()
        .filter(|id| !pupils.contains(id))
        .count();
    let share = unknown as f64 / region.activiteit.num_rows() as f64;
    assert!((share - 0.002).abs() < 0.0005, "{share}");
}

#[test]
fn the_seed_decides_and_the_threads_do_not() {
    let spec = RegionSpec {
        schools: 20,
        pupils: 1500,
        ..RegionSpec::default()
    };
    let with_threads = |n| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .expect("a small pool");
        pool.install(|| simulate(&spec))
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(2));
    let other = simulate(&RegionSpec {
        seed: 2,
        ..spec.clone()
    });
    for ((name, a), (_, b)) in one.tables().into_iter().zip(other.tables()) {
        assert_ne!(a, b, "{name}");
    }
}

#[test]
fn a_null_effect_keeps_the_pupils_and_has_no_effect() {
    let spec = RegionSpec {
        pupils: 1500,
        ..RegionSpec::default()
    };
    let (some, none) = (
        simulate(&spec),
        simulate(&RegionSpec {
            effect: PlantedEffect::null(),
            ..spec
        }),
    );
    assert_eq!(ids(&some.leerling), ids(&none.leerling));
    for ((outcome, _, _, term), value) in Truth::of(&none).0 {
        assert!(
            !term.starts_with("ame_") || value == 0.0,
            "{outcome} {term} {value}"
        );
    }
}

#[test]
fn files_are_equal_byte_by_byte_and_streaming_writes_the_same_rows() {
    let spec = RegionSpec {
        schools: 20,
        pupils: 800,
        ..RegionSpec::default()
    };
    let dirs: Vec<_> = (0..4)
        .map(|_| tempfile::tempdir().expect("a temporary directory"))
        .collect();
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
            let reader =
                parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes);
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
    let error = simulate_to(
        &RegionSpec {
            pupils: 50,
            ..RegionSpec::default()
        },
        &file,
    )
    .expect_err("is a file");
    assert!(error.to_string().contains("taken"), "{error}");
}
