//! Competing exits: the cause-specific hazard, the categorical exit, its cells, and how final outcomes are.

#[path = "common/tables.rs"]
mod tables;

use std::fs;
use std::path::Path;

use lob_effect::design;
use lob_effect::models::kinds;
use lob_effect::panel::Step;
use lob_effect::panel::sets::SetRow;
use lob_effect::study::Study;
use lob_effect::vocab::ids::Ix;
use lob_effect::vocab::{ExitKind, OutcomeStatus};
use tables::{panel, study};

const STUDY: &str = r#"
[study]
id = "exits"
title = "Vertrek"

[sources.leerling]
files = "leerling.csv"
[sources.activiteit]
files = "activiteit.csv"
[sources.vertrek]
files = "vertrek.csv"

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

[activities]
source = "activiteit"
key = "id"
date = "datum"
silent = "zero"

[[exposures]]
id = "lob"

[[outcomes]]
id = "uitval"
definition = "event"
source = "vertrek"
key = "id"
date = "datum"
cause = "reden"
causes = { uitval = ["03", "05"], overstap = "04", diploma = "06" }
status = "voorlopig"

[[models]]
id = "uitval"
kind = "hazard"
outcome = "uitval"
exposure = "lob"
dose = "total"
"#;

const PUPILS: &str = "\
id,school,cohort,begin,einde
p1,A,2021,2019-10-01,2021-07-31
p2,A,2021,2019-10-01,2021-07-31
p3,A,2021,2019-10-01,2021-07-31
p4,B,2021,2019-10-01,2021-07-31
p5,B,2022,2019-10-01,2021-07-31
p6,B,2022,2019-10-01,2021-07-31
";

/// p1 drops out; p2 transfers, and drops out later elsewhere; p3 stays; p4 leaves with the diploma on the day on which a
/// dropout is noted too; p5 leaves in a way that the study does not name; p6 leaves after the last day of observation.
const LEAVERS: &str = "\
id,datum,reden
p1,2020-03-01,05
p2,2021-02-01,03
p2,2020-11-01,04
p4,2021-07-15,03
p4,2021-07-15,06
p5,2020-12-01,99
p6,2021-09-01,03
";

fn write(dir: &Path) {
    fs::write(dir.join("leerling.csv"), PUPILS).unwrap();
    fs::write(dir.join("vertrek.csv"), LEAVERS).unwrap();
    fs::write(dir.join("activiteit.csv"), "id,datum\np1,2019-11-01\np2,2019-11-01\n").unwrap();
}

fn found(rows: &[SetRow]) -> Vec<(usize, u16, f64)> {
    rows.iter().map(|r| (r.pupil.at() + 1, r.period, r.y)).collect()
}

#[test]
fn another_way_out_censors_and_the_first_one_counts() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let study = study(STUDY);
    let panel = panel(&study, dir.path());
    let (rows, out) = panel.rows(0, 0);
    assert!(out.is_empty());
    let stayed =
        [(3, 0, 0.0), (3, 1, 0.0), (4, 0, 0.0), (4, 1, 0.0), (5, 0, 0.0), (5, 1, 0.0), (6, 0, 0.0), (6, 1, 0.0)];
    let mut expected = vec![(1, 0, 1.0), (2, 0, 0.0), (2, 1, 0.0)];
    expected.extend(stayed);
    assert_eq!(found(&rows), expected);

    // 1 diploma, 2 overstap, 3 uitval: the order of `exits`.
    assert_eq!(panel.plan.outcomes[0].exits(), ExitKind::ALL);
    let pupils = panel.ever_by_school();
    let of_schools = pupils.enumerate().map(|(s, own)| panel.exit_rows_at((0, &ExitKind::ALL), 0, s, own).0);
    let rows: Vec<_> = of_schools.flatten().collect();
    let mut exits: Vec<_> = found(&rows).into_iter().filter(|(_, _, y)| *y > 0.0).collect();
    exits.sort_by_key(|(pupil, ..)| *pupil);
    assert_eq!(exits, [(1, 0, 3.0), (2, 1, 2.0), (4, 1, 1.0)]);
    assert_eq!(panel.flow.total("causes uitval", Step::UnlistedValue), 1, "said, for p5");
}

#[test]
fn the_multinomial_design_counts_ways_out_in_cells() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let study = study(STUDY);
    let panel = panel(&study, dir.path());
    let d = design::multinomial(&panel, &study.models[0]);
    assert_eq!(d.exits, ExitKind::ALL);
    let totals: Vec<f64> = d.counts.columns().into_iter().map(|c| c.sum()).collect();
    assert_eq!(totals, [8.0, 1.0, 1.0, 1.0], "eleven rows at risk, three ways out");
    assert_eq!(d.x.nrows(), d.counts.nrows());
    let cells = lob_effect::stats::MultinomialCells {
        x: d.x.view(),
        counts: d.counts.view(),
        group: &d.group,
        n_groups: d.head.groups.len(),
    };
    cells.check().expect("what the statistical core asks of cells");
}

#[test]
fn status_is_what_the_study_says_or_follows_from_the_count_date() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let study = study(STUDY);
    let panel = panel(&study, dir.path());
    let status: Vec<_> = panel.status(0).into_values().map(|s| (s.known, s.status)).collect();
    assert_eq!(status, [(4, OutcomeStatus::Voorlopig), (2, OutcomeStatus::Voorlopig)]);
}

#[test]
fn causes_that_do_not_fit_are_refused_in_words() {
    let refused = |from: &str, to: &str, word: &str| {
        let text = STUDY.replace(from, to);
        let errors = Study::parse(&text, &kinds()).expect_err("a mistake");
        assert!(errors.iter().any(|e| e.message.contains(word)), "{to}: {}", errors[0]);
    };
    refused("cause = \"reden\"\n", "", "belong together");
    refused("overstap = \"04\"", "overstap = \"03\"", "two ways out");
    refused("uitval = [\"03\", \"05\"], ", "", "no text means `uitval`");
    refused("status = \"voorlopig\"", "status = \"half\"", "definitief");
}
