//! Pupils who change schools: which row counts where, and until when a pupil is followed.

#[path = "common/tables.rs"]
mod tables;

use std::fs;
use std::path::Path;

use lob_effect::design::{self, Start};
use lob_effect::models::kinds;
use lob_effect::panel::{Panel, Step};
use lob_effect::simulate::{RegionSpec, simulate_to};
use lob_effect::study::Study;
use lob_effect::study::template::TEMPLATE;
use tables::{Sheet, panel, study, write_table};

const STUDY: &str = r#"
[study]
id = "moves"
title = "Moves"

[sources.leerling]
files = "leerling.csv"
[sources.verblijf]
files = "verblijf.csv"
[sources.activiteit]
files = "activiteit.csv"
[sources.score]
files = "score.csv"

[time]
axis = "calendar"
period = { months = 6 }
periods = 4

[pupils]
source = "leerling"
key = "id"
school = ["brin", "vestiging"]
origin = "begin"
end = "einde"
landmark = "peildatum"

[stays]
source = "verblijf"
key = "id"
school = ["brin", "vestiging"]
from = "vanaf"

[activities]
source = "activiteit"
key = "id"
date = "datum"

[[exposures]]
id = "lob"

[[outcomes]]
id = "uitval"
definition = "event"
date = "weg"

[[outcomes]]
id = "waarde"
definition = "value"
column = "waarde"

[[outcomes]]
id = "reflectie"
definition = "score"
source = "score"
key = "id"
date = "datum"
column = "score"

[[models]]
id = "uitval"
kind = "hazard"
outcome = "uitval"
exposure = "lob"
dose = "total"

[[models]]
id = "reflectie"
kind = "growth"
outcome = "reflectie"
exposure = "lob"
dose = "total"
"#;

/// Periods start on 1 October 2019, 1 April 2020, 1 October 2020 and 1 April 2021; the landmark is 1 August 2021. Nobody registers at
/// school C.
const PUPILS: &str = "\
id,brin,vestiging,begin,einde,peildatum,weg,waarde
p1,A,00,2019-10-01,2021-07-31,2021-08-01,,1
p2,A,00,2019-10-01,2021-07-31,2021-08-01,2020-05-01,2
p3,A,00,2019-10-01,2021-07-31,2021-08-01,2020-05-01,3
p4,B,00,2019-10-01,2021-07-31,2021-08-01,,4
p5,A,00,2019-10-01,2021-07-31,2021-08-01,,5
p6,A,00,2019-10-01,2021-07-31,2021-08-01,2021-05-01,6
p7,A,00,2019-10-01,2021-07-31,2021-08-01,2020-11-01,7
p8,C,00,2019-10-01,2021-07-31,2021-08-01,,8
p9,A,00,2019-10-01,2021-07-31,2021-08-01,,9
q1,C,00,2019-10-01,2021-07-31,2021-08-01,,10
q2,A,00,2019-10-01,2021-07-31,2021-08-01,,11
q3,A,00,2019-10-01,2021-07-31,2021-08-01,2020-05-20,12
q4,A,00,2019-10-01,2021-07-31,2021-08-01,2020-04-20,13
q5,E,00,2019-10-01,2021-07-31,2021-08-01,,14
q6,A,00,2019-10-01,2021-07-31,2021-08-01,,15
";

const STAYS: &str = "\
id,brin,vestiging,vanaf
p2,B,00,2020-04-01
p3,B,00,2020-04-02
p3,B,00,2020-04-02
p5,B,00,2019-08-01
p6,Z,99,2020-07-01
p7,C,00,2020-06-01
p9,Z,99,2018-08-01
p9,A,00,2019-11-01
niemand,A,00,2019-11-01
p1,,00,2019-11-01
p1,B,00,
,A,00,2019-11-01
q1,B,00,2020-09-01
q2,Z,99,2018-01-01
q2,B,00,2019-09-01
q3,Z,99,2020-05-01
q4,Z,99,2020-05-01
q5,A,00,2019-01-01
q6,E,00,2020-04-01
";

const ACTIVITIES: &str = "\
id,datum
p1,2019-11-01
p2,2019-11-01
p2,2020-04-20
p4,2019-11-01
p7,2020-05-01
q1,2020-10-05
q6,2020-05-01
";

const SCORES: &str = "\
id,datum,score
p1,2019-11-01,1
p2,2020-05-01,2
p2,2020-11-01,3
p3,2019-11-01,4
p3,2020-11-01,5
p6,2019-11-01,6
p6,2021-05-01,7
p7,2019-11-01,8
p7,2020-11-01,9
";

fn write(dir: &Path, stays: &str) {
    for (name, text) in [("leerling", PUPILS), ("verblijf", stays), ("activiteit", ACTIVITIES), ("score", SCORES)] {
        fs::write(dir.join(format!("{name}.csv")), text).unwrap();
    }
}

/// Pupil (1 is p1), period, school and outcome of the rows of an outcome.
fn rows(panel: &Panel<'_>, outcome: &str) -> Vec<(usize, u16, String, f64)> {
    use lob_effect::vocab::ids::Ix;
    let (rows, _) = panel.rows(panel.plan.outcome(outcome), 0);
    rows.iter().map(|r| (r.pupil.at() + 1, r.period, panel.pupils.schools[r.school].clone(), r.y)).collect()
}

fn expected(rows: &[(usize, u16, &str, f64)]) -> Vec<(usize, u16, String, f64)> {
    rows.iter().map(|(p, k, s, y)| (*p, *k, format!("{s} 00"), *y)).collect()
}

/// Pupils who fell out of an outcome's set, with the reason.
fn out(panel: &Panel<'_>, outcome: &str) -> Vec<(usize, Step)> {
    use lob_effect::vocab::ids::Ix;
    let (_, out) = panel.rows(panel.plan.outcome(outcome), 0);
    out.iter().map(|(p, step)| (p.at() + 1, *step)).collect()
}

#[test]
fn a_period_counts_where_the_pupil_was_on_its_first_day() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), STAYS);
    let study = study(STUDY);
    let panel = panel(&study, dir.path());
    let all = |p: usize, school: &'static str| (0..4).map(move |k| (p, k, school, 0.0));
    let mut hazard: Vec<_> = all(1, "A").collect();
    hazard.extend([(2, 0, "A", 0.0), (2, 1, "B", 1.0)]);
    // The move came a day after the period began.
    hazard.extend([(3, 0, "A", 0.0), (3, 1, "A", 1.0)]);
    hazard.extend(all(4, "B"));
    // The stays say where the pupil was at the start, whatever the pupil table says.
    hazard.extend(all(5, "B"));
    // Outside the study from July 2020 on, and at a school that registers nothing from June 2020 on: the events later do not count.
    hazard.extend([(6, 0, "A", 0.0), (6, 1, "A", 0.0), (7, 0, "A", 0.0), (7, 1, "A", 0.0)]);
    // q2 came from outside before the start; q3 left after going outside and q4 before; nobody began at E, where q6 goes.
    hazard.extend(all(11, "B"));
    hazard.extend([(12, 0, "A", 0.0), (12, 1, "A", 0.0), (13, 0, "A", 0.0), (13, 1, "A", 1.0)]);
    hazard.extend(all(14, "A"));
    hazard.extend([(15, 0, "A", 0.0), (15, 1, "E", 0.0), (15, 2, "E", 0.0), (15, 3, "E", 0.0)]);
    assert_eq!(rows(&panel, "uitval"), expected(&hazard));
    // q1 began where nobody registers: the dose stays unknown at any later school.
    let fell_out = [(8, Step::NoRegistration), (9, Step::OtherSchool), (10, Step::NoRegistration)];
    assert_eq!(out(&panel, "uitval"), fell_out);

    let landmark = [
        (1, 0, "A", 1.0),
        (2, 0, "A", 2.0),
        (3, 0, "A", 3.0),
        (4, 0, "B", 4.0),
        (5, 0, "B", 5.0),
        (11, 0, "B", 11.0),
        (14, 0, "A", 14.0),
        (15, 0, "A", 15.0),
    ];
    assert_eq!(rows(&panel, "waarde"), expected(&landmark));
    let fell_out = [
        (6, Step::OtherSchool),
        (7, Step::NoRegistration),
        (8, Step::NoRegistration),
        (9, Step::OtherSchool),
        (10, Step::NoRegistration),
        (12, Step::OtherSchool),
        (13, Step::OtherSchool),
    ];
    assert_eq!(out(&panel, "waarde"), fell_out);

    let scores = [
        (1, 0, "A", 1.0),
        (2, 1, "B", 2.0),
        (2, 2, "B", 3.0),
        (3, 0, "A", 4.0),
        (3, 2, "B", 5.0),
        (6, 0, "A", 6.0),
        (7, 0, "A", 8.0),
    ];
    assert_eq!(rows(&panel, "reflectie"), expected(&scores));
    assert_eq!(panel.flow.total("scores reflectie", Step::OtherSchool), 1, "p6 in 2021");
}

#[test]
fn every_row_and_pupil_ends_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), STAYS);
    let study = study(STUDY);
    let panel = panel(&study, dir.path());
    let stays = |step| panel.flow.total("stays", step);
    let steps = [Step::Used, Step::OtherSchool, Step::Duplicate, Step::UnknownPupil, Step::NoSchool, Step::NoDate];
    assert_eq!(steps.map(stays), [9, 5, 1, 1, 1, 1]);
    assert_eq!([Step::NoKey, Step::Read].map(stays), [1, 19]);
    let notes = lob_effect::panel::matched::notes(&panel);
    assert!(
        notes.iter().any(|n| n.starts_with("5 of 19 rows of sources.verblijf (stays) are at a school")),
        "{notes:?}"
    );
    // Registrations count at the school of their day, and pupils at that of their start.
    let school = |name: &str| panel.pupils.schools.enumerate().find(|(_, s)| *s == name).unwrap().0;
    let found = |set: &str, name: &str, step: Step| -> u64 {
        let of = panel.flow.iter().filter(|(s, at, t, _)| (*s, *at, *t) == (set, Some(school(name)), step));
        of.map(|(.., n)| n).sum()
    };
    assert_eq!(["A 00", "B 00", "C 00"].map(|s| found("activities", s, Step::Used)), [3, 3, 0]);
    let hazard = design::binary(&panel, &study.models[0], Start::Periods);
    for (of_model, analysed) in
        [(&hazard.head, [9, 3, 0]), (&design::linear(&panel, &study.models[1], Start::Time).head, [5, 0, 0])]
    {
        let set = of_model.flow.iter().next().unwrap().0.to_string();
        let steps = |s: &str, step: Step| -> u64 {
            let of = of_model.flow.iter().filter(|(_, at, t, _)| (*at, *t) == (Some(school(s)), step));
            of.map(|(.., n)| n).sum()
        };
        assert_eq!(["A 00", "B 00", "C 00"].map(|s| steps(s, Step::Analysed)), analysed, "{set}");
        for s in ["A 00", "B 00", "C 00"] {
            let ended: u64 = Step::ALL.into_iter().filter(|t| *t != Step::Read).map(|t| steps(s, t)).sum();
            assert_eq!(ended, steps(s, Step::Read), "{set}: {s}");
        }
    }
    // A school registers when someone does there, wherever its pupils do; E has registrations and nobody who began there.
    let registration = |s: &str| {
        let all = &panel.doses.as_ref().unwrap().registration;
        let of = all.iter().find(|r| r.school == school(s)).unwrap();
        (of.pupils, of.registered, of.registrations)
    };
    assert_eq!([registration("C 00"), registration("E 00")], [(2, 1, 0), (0, 0, 1)]);
    // Pupils of a school are those who began there; an event counts where it came.
    let counts = ["A 00", "B 00"].map(|s| hazard.head.counts[school(s)]);
    assert_eq!(counts.map(|c| (c.pupils, c.events)), [(9, 2), (3, 1)]);
}

/// The bytes of the tables of all outcomes.
fn bytes(text: &str, dir: &Path) -> Vec<Vec<u8>> {
    let study = study(text);
    let panel = panel(&study, dir);
    let file = dir.join("panel.out");
    let one = |o| {
        assert!(write_table(&panel, o, &file) > 100);
        fs::read(&file).unwrap()
    };
    (0..panel.plan.outcomes.len()).map(one).collect()
}

#[test]
fn who_never_moves_is_where_the_stay_says_and_stays_change_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let spec = RegionSpec { schools: 6, cohorts: 2, pupils: 500, seed: 31, ..RegionSpec::default() };
    simulate_to(&spec, dir.path()).unwrap();
    let without = bytes(TEMPLATE, dir.path());
    let stays =
        "[stays]\nsource = \"verblijf\"\nkey = \"pseudo_id\"\nschool = \"school\"\nfrom = \"vanaf\"\n\n[activities]";
    let text = TEMPLATE.replacen("[time]", "[sources.verblijf]\nfiles = \"verblijf.csv\"\n\n[time]", 1).replacen(
        "[activities]",
        stays,
        1,
    );
    let mut pupils = Sheet::read(&dir.path().join("leerling.parquet"));
    let (id, school) = (pupils.at("pseudo_id"), pupils.at("school"));
    let row = |row: &Vec<Option<String>>| vec![row[id].clone(), row[school].clone(), Some("2000-01-01".into())];
    let header = ["pseudo_id", "school", "vanaf"].map(String::from).to_vec();
    Sheet { header, rows: pupils.rows.iter().map(row).collect() }.write(&dir.path().join("verblijf.csv"), ',');
    assert!(bytes(&text, dir.path()) == without, "a stay at the own school");
    // All pupils stand in the pupil table at the school of another one.
    let mut schools: Vec<_> = pupils.rows.iter().map(|row| row[school].clone()).collect();
    schools.rotate_left(100);
    pupils.rows.iter_mut().zip(schools).for_each(|(row, other)| row[school] = other);
    pupils.write(&dir.path().join("leerling.csv"), ',');
    let text = text.replace("leerling.parquet", "leerling.csv");
    assert!(bytes(&text, dir.path()) == without, "the school of the stays");
    let none = text.replace("\"verblijf.csv\"", "\"leeg.csv\"");
    fs::write(dir.path().join("leeg.csv"), "pseudo_id,school,vanaf\n").unwrap();
    assert!(bytes(&none, dir.path()) != without, "without them the pupil table counts");
}

#[test]
fn two_schools_on_one_day_and_stays_of_nobody_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |stays: &str| {
        write(dir.path(), stays);
        let study = study(STUDY);
        let plan = lob_effect::panel::Plan::of(&study);
        let built = lob_effect::panel::build(plan, dir.path(), &lob_effect::ingest::Silence);
        built.map(|_| ()).unwrap_err().to_string()
    };
    let found = refused(&format!("{STAYS}p2,A,00,2020-04-01\n"));
    assert!(found.contains("LOB-E0114 sources.verblijf: 1 rows") && !found.contains("p2"), "{found}");
    let found = refused("id,brin,vestiging,vanaf\np1,A,0,2019-01-01\np2,A,0,2019-01-01\n");
    assert!(found.contains("LOB-E0118 sources.verblijf: none of the 2 stays"), "{found}");
    let found = refused("id,brin,vestiging,vanaf\n0001,A,00,2020-01-01\n");
    assert!(found.contains("sources.verblijf") && !found.contains("0001"), "{found}");
}

#[test]
fn what_stays_need_is_said() {
    let errors = |text: &str| {
        let found = Study::parse(text, &kinds()).unwrap_err();
        found.iter().map(|e| format!("{}: {}", e.path, e.message)).collect::<Vec<_>>().join("\n")
    };
    let found = errors(&STUDY.replace("school = [\"brin\", \"vestiging\"]\nfrom", "school = \"brin\"\nfrom"));
    assert!(found.contains("stays.school: names 1 columns, `pupils.school` has 2 (brin, vestiging)"), "{found}");
    let found = errors(&STUDY.replace("source = \"verblijf\"", "source = \"verblijven\""));
    assert!(found.contains("stays.source: there is no source `verblijven`"), "{found}");
    let found = errors(&STUDY.replace("origin = \"begin\"\n", ""));
    assert!(found.contains("need `pupils.origin`"), "{found}");
}
