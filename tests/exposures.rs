//! Doses and the quality of registration, on activities that are written out.

#[path = "common/studies.rs"]
#[allow(dead_code, reason = "other test files use the rest")]
mod studies;
#[path = "common/tables.rs"]
mod tables;

use std::fs;
use std::path::Path;

use lob_effect::effects::power::DoseCounts;
use lob_effect::models::kinds;
use lob_effect::panel::Panel;
use lob_effect::panel::sets::DoseAt;
use lob_effect::simulate::{RegionSpec, simulate_to};
use lob_effect::study::Study;
use lob_effect::study::template::TEMPLATE;
use lob_effect::vocab::PupilIx;
use lob_effect::vocab::ids::Ix;
use tables::{Sheet, panel, study, write_table};

/// A study with one exposure, whose keys stand in for EXPOSURE.
const STUDY: &str = r#"
[study]
id = "doses"
title = "Doses"

[sources.leerling]
files = "leerling.csv"
[sources.activiteit]
files = "activiteit.csv"

[time]
axis = "calendar"
period = { months = 12 }
periods = 2

[pupils]
source = "leerling"
key = "id"
school = "school"
cohort = "cohort"
origin = "begin"
end = "einde"
landmark = "peildatum"
enrolled_from = "van"
enrolled_to = "tot"

[activities]
source = "activiteit"
key = "id"
date = "datum"
type = "code"
entered = "ingevoerd"
system = "systeem"

[[exposures]]
id = "dosis"
EXPOSURE

[[outcomes]]
id = "waarde"
definition = "value"
column = "waarde"

[[models]]
id = "model"
kind = "linear"
outcome = "waarde"
exposure = "dosis"
"#;

/// Enrolled since 1 August 2018; the clock starts on 1 October 2019, the landmark is 1 August 2021.
const PUPILS: &str = "\
id,school,cohort,begin,einde,peildatum,van,tot,waarde
p1,A,2021,2019-10-01,2021-07-31,2021-08-01,2018-08-01,2021-07-31,1
p2,A,2021,2019-10-01,2021-07-31,2021-08-01,2020-08-01,2021-07-31,2
p3,A,2022,2019-10-01,2021-07-31,2021-08-01,2018-08-01,2021-07-31,3
p4,B,2021,2019-10-01,2021-07-31,2021-08-01,2018-08-01,2021-07-31,4
";

const ACTIVITIES: &str = "\
id,datum,code,ingevoerd,systeem
p1,2020-03-02,STAGE,2020-03-02,Oud
p1,2020-03-02,STAGE,2020-03-02,Oud
p1,2020-03-03,STAGE,2020-06-30,Oud
p1,2020-03-10,GESPR,2020-03-10,Oud
p1,2020-03-20,REFL,2020-03-01,Nieuw
p1,2020-11-02,OPEND,2020-11-02,Oud
p1,2020-11-09,GESPR,2020-11-10,Oud
p1,2021-07-31,REFL,2021-07-31,Oud
p2,2021-05-03,BEDR,2021-05-03,Oud
p2,2021-05-10,GESPR,2021-05-10,Oud
p2,2021-08-01,REFL,2021-08-01,Oud
p3,2020-03-20,GAST,,Nieuw
";

fn write(dir: &Path) {
    fs::write(dir.join("leerling.csv"), PUPILS).unwrap();
    fs::write(dir.join("activiteit.csv"), ACTIVITIES).unwrap();
}

fn text(exposure: &str) -> String {
    STUDY.replace("EXPOSURE", exposure)
}

fn with<T>(exposure: &str, read: impl FnOnce(&Panel<'_>) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let study = study(&text(exposure));
    read(&panel(&study, dir.path()))
}

/// Doses of the first pupils at a time.
fn doses(exposure: &str, at: DoseAt) -> [f64; 3] {
    with(exposure, |panel| [0, 1, 2].map(|p| panel.dose(0, PupilIx::from_position(p), at)))
}

#[test]
fn days_triples_and_competences_are_counted_up_to_the_landmark() {
    let at = |exposure: &str| doses(exposure, DoseAt::Landmark);
    assert_eq!(at("measure = \"count\""), [8.0, 2.0, 1.0], "an activity on the day of the landmark is not before it");
    assert_eq!(at("measure = \"days\"\ntypes = [\"STAGE\"]"), [2.0, 0.0, 0.0]);
    assert_eq!(at("competence = \"WE\""), [4.0, 1.0, 0.0]);
    // Two days of stage end in one reflection; the open day's reflection comes after more than 60 days; the reflection of the
    // second pupil comes on the landmark.
    assert_eq!(at("measure = \"triples\""), [1.0, 0.0, 0.0]);
    assert_eq!(at("measure = \"triples\"\ntriple = { within_days = 300 }"), [2.0, 0.0, 0.0]);
    let own = "measure = \"triples\"\ntriple = { experience = \"GESPR\", conversation = \"REFL\", reflection = \"OPEND\", \
               within_days = 366 }";
    assert_eq!(at(own), [1.0, 0.0, 0.0]);
}

#[test]
fn a_dose_before_a_period_knows_nothing_of_it() {
    let before = |k: u16| doses("measure = \"triples\"\ntriple = { within_days = 300 }", DoseAt::Period(k));
    assert_eq!([before(0), before(1)], [[0.0; 3], [1.0, 0.0, 0.0]]);
    assert_eq!(doses("measure = \"days\"", DoseAt::Period(1)), [4.0, 0.0, 1.0]);
}

#[test]
fn a_window_moves_along_with_the_periods_and_the_landmark() {
    let before = |exposure: &str, k: u16| doses(exposure, DoseAt::Period(k));
    assert_eq!(doses("window = { months = 12 }", DoseAt::Landmark), [3.0, 2.0, 0.0], "since 1 August 2020");
    // The second period starts on 1 October 2020.
    assert_eq!(before("window = { months = 6 }", 1), [0.0; 3], "since 1 April");
    assert_eq!(before("window = { months = 7 }", 1), [5.0, 0.0, 1.0], "since 1 March");
    assert_eq!(before("window = { days = 195 }", 1), [1.0, 0.0, 1.0], "the first day of a window belongs to it");
    assert_eq!(before("window = { days = 194 }", 1), [0.0; 3]);
    assert_eq!(before("measure = \"days\"\ntypes = \"STAGE\"\nwindow = { months = 7 }", 1), [2.0, 0.0, 0.0]);
    let triples = "measure = \"triples\"\ntriple = { within_days = 300 }\n";
    assert_eq!(doses(triples, DoseAt::Landmark), [2.0, 0.0, 0.0]);
    assert_eq!(doses(&format!("{triples}window = {{ months = 12 }}"), DoseAt::Landmark), [1.0, 0.0, 0.0]);
    let all = "measure = \"count\"";
    for at in [DoseAt::Landmark, DoseAt::Period(0), DoseAt::Period(1)] {
        assert_eq!(doses("window = { months = 120 }", at), doses(all, at), "a window longer than all there is");
    }
}

#[test]
fn intensity_is_per_school_year_of_enrolment_so_far() {
    assert_eq!(doses("measure = \"intensity\"", DoseAt::Landmark), [8.0 / 3.0, 2.0, 1.0 / 3.0]);
    assert_eq!(doses("per_year = true", DoseAt::Period(1)), [5.0 / 3.0, 0.0, 1.0 / 3.0]);
}

#[test]
fn caps_logarithms_and_standard_deviations_follow_each_other() {
    let capped = "cap = 0.6";
    // Of 8, 2 and 1 at the landmark the smallest that 60 % do not exceed is 2; school B registers nothing and is not measured.
    assert_eq!(doses(capped, DoseAt::Landmark), [2.0, 2.0, 1.0]);
    let logs = [3.0_f64.ln(), 3.0_f64.ln(), 2.0_f64.ln()];
    let scaled = "cap = 0.6\ntransform = \"log1p\"\nunit_sd = true";
    assert_eq!(doses(scaled, DoseAt::Landmark), logs, "the table of the panel keeps the natural unit");
    with(scaled, |panel| {
        let (rows, _) = panel.rows(0, 0);
        let mean = logs.iter().sum::<f64>() / 3.0;
        let sd = (logs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
        assert!((panel.unit(0) - sd).abs() < 1e-14);
        for (row, log) in rows.iter().zip(logs) {
            assert!((row.dose - log / sd).abs() < 1e-14, "models see standard deviations");
        }
    });
}

/// What can be seen is said per step of the unit that the models have.
#[test]
fn power_is_in_the_unit_of_the_models() {
    let seen = |exposure: &str| {
        with(exposure, |panel| {
            let (all, _) = DoseCounts::of(panel, 0).expect(0.5, 1.0);
            let error = all.precision.expect("doses vary").std_error;
            (all.dose_variance.expect("a variance"), error, panel.unit(0))
        })
    };
    let (natural, scaled) = (seen("measure = \"count\""), seen("measure = \"count\"\nunit_sd = true"));
    let sd = scaled.2;
    assert!(natural.2 == 1.0 && sd > 1.5, "{sd}");
    assert!((scaled.0 * sd * sd / natural.0 - 1.0).abs() < 1e-12, "{natural:?} {scaled:?}");
    assert!((scaled.1 / sd / natural.1 - 1.0).abs() < 1e-12, "{natural:?} {scaled:?}");
}

/// The panel's tables, and what was seen of registrations.
fn everything(text: &str, dir: &Path) -> (Vec<Vec<u8>>, Vec<lob_effect::panel::Registration>) {
    let study = study(text);
    let panel = panel(&study, dir);
    let file = dir.join("panel.out");
    let tables = (0..panel.plan.outcomes.len()).map(|o| {
        write_table(&panel, o, &file);
        fs::read(&file).unwrap()
    });
    (tables.collect(), panel.doses.as_ref().unwrap().registration.clone())
}

#[test]
fn the_order_of_rows_and_the_number_of_threads_do_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let spec = RegionSpec { schools: 5, cohorts: 2, pupils: 400, seed: 21, ..RegionSpec::default() };
    simulate_to(&spec, dir.path()).unwrap();
    let mut rows = Sheet::read(&dir.path().join("activiteit.parquet"));
    let half = rows.rows.len() / 2;
    let text = studies::with_doses(TEMPLATE).replace("activiteit.parquet", "activiteit-*.csv");
    let write = |rows: &Sheet| {
        let part =
            |range: std::ops::Range<usize>| Sheet { header: rows.header.clone(), rows: rows.rows[range].to_vec() };
        part(0..half).write(&dir.path().join("activiteit-1.csv"), ',');
        part(half..rows.rows.len()).write(&dir.path().join("activiteit-2.csv"), ',');
    };
    let with_threads = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| everything(&text, dir.path()))
    };
    write(&rows);
    let (one, eight) = (with_threads(1), with_threads(8));
    rows.rows.sort_by_key(|row| blake3::hash(format!("{row:?}").as_bytes()).to_hex().to_string());
    write(&rows);
    let shuffled = with_threads(8);
    assert!(one == eight, "threads");
    assert!(one == shuffled, "order of rows");
}

#[test]
fn quality_of_registration_is_counted_per_school_and_cohort() {
    with("measure = \"count\"", |panel| {
        let all = &panel.doses.as_ref().unwrap().registration;
        let of = |school: usize, cohort: usize| {
            all.iter().find(|r| r.school.at() == school && r.cohort.at() == cohort).unwrap()
        };
        assert_eq!(all.len(), 3, "school B has one cohort");
        let first = of(0, 0);
        assert_eq!((first.pupils, first.registered, first.registrations, first.coverage()), (2, 2, 10, 1.0));
        let lag = first.lag.unwrap();
        assert_eq!((lag.known, lag.over_30, lag.over_90, lag.before), (10, 1, 1, 1));
        assert!((lag.mean_days - f64::from(119 - 19 + 1) / 10.0).abs() < 1e-12, "{}", lag.mean_days);
        assert_eq!(first.busiest_day, Some(0.2));
        let systems = first.systems.as_ref().unwrap();
        assert_eq!((systems.main.as_str(), systems.share, systems.in_use, systems.switched), ("Oud", 0.9, 2, false));
        let second = of(0, 1);
        assert_eq!((second.registered, second.busiest_day), (1, None), "no day of entry");
        assert!(second.systems.as_ref().unwrap().switched);
        let silent = of(1, 0);
        assert_eq!((silent.pupils, silent.registered, silent.coverage()), (1, 0, 0.0));
        assert!(silent.systems.is_none());
    });
}

/// The messages of a study with this exposure.
fn errors(text: &str) -> Vec<String> {
    match Study::parse(text, &kinds()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|e| format!("{}: {}", e.path, e.message)).collect(),
    }
}

#[test]
fn exposures_that_can_not_be_are_refused_in_words() {
    let refused = |exposure: &str, word: &str| {
        let found = errors(&text(exposure));
        assert!(found.iter().any(|e| e.contains(word)), "{exposure}: {found:?}");
    };
    refused("competence = \"XX\"", "no loopbaancompetentie `XX`");
    refused("types = \"GESPR\"\ncompetence = \"WE\"", "either `types` or `competence`");
    refused("measure = \"triples\"\ntypes = \"GESPR\"", "have their types in `triple`");
    refused("measure = \"count\"\ntriple = { within_days = 30 }", "belongs to measure");
    refused(
        "measure = \"triples\"\ntriple = { conversation = \"REFL\", reflection = \"REFL\" }",
        "two parts of a triple",
    );
    refused("transform = \"log1p\"", "add unit_sd = true");
    refused("cap = 99.0", "between 0 and 1");
    refused("known_by = \"landmark\"", "belongs to a `column`");
    refused("window = { months = 0 }", "at least one day or month");
    refused("measure = \"intensity\"\nwindow = { months = 12 }", "take one of the two");
    refused("column = \"waarde\"\nwindow = { days = 30 }", "no `window`");
    let without = text("measure = \"intensity\"").replace("enrolled_from = \"van\"\n", "");
    assert!(errors(&without).iter().any(|e| e.contains("needs `pupils.enrolled_from`")));
}

#[test]
fn a_dose_that_leavers_can_not_have_is_refused_where_it_explains_leaving() {
    let hazard = |known_by: &str| {
        let study = text(&format!("column = \"waarde\"\n{known_by}"));
        let event = "[[outcomes]]\nid = \"uitval\"\ndefinition = \"event\"\ndate = \"einde\"\n\n[[models]]";
        let study = study.replacen("[[models]]", event, 1);
        errors(&study.replace("kind = \"linear\"\noutcome = \"waarde\"", "kind = \"hazard\"\noutcome = \"uitval\""))
    };
    assert_eq!(hazard(""), [] as [String; 0]);
    let found = hazard("known_by = \"landmark\"");
    assert!(found.iter().any(|e| e.contains("immortal time")), "{found:?}");
}
