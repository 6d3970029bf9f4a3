//! Each outcome on pupils whose paths are written out: who has it, who has it not, and of whom it is unknown.

#[path = "common/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lob_effect::panel::Step;
use tables::{Sheet, panel, study, write_table};

const STUDY: &str = include_str!("../fixtures/studies/uitkomsten.toml");

/// Pupils with what is theirs: pseudonym, leerweg, sector, age at the origin, link.
const PUPILS: &str = "\
pseudo_id,school,cohort,begin_lj3,landmark,ingeschreven_van,ingeschreven_tot,koppelstatus,leerweg,sector,leeftijd
blijft,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,gekoppeld,KB,techniek,15
wisselt,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,gekoppeld,KB,techniek,15
nergens,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,gekoppeld,KB,techniek,15
vertrekt,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,gekoppeld,KB,techniek,15
havo,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,gekoppeld,TL,techniek,15
onbekend,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,niet_gevonden,KB,techniek,15
oud,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,gekoppeld,BB/KB,intersectoraal,21.5
eerder,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,gekoppeld,BB,techniek,15
entree,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,gekoppeld,BB,techniek,15
dubbel,A,2021,2019-10-01,2021-08-01,2018-08-01,2021-07-31,gekoppeld,TL,economie,15
";

const ENROLMENTS: &str = "\
pseudo_id,begin,eind,sector,crebo,domein,instelling,niveau,leerweg_mbo,diploma_datum
blijft,2021-08-01,2023-07-31,mbo,25001,Bouw en infra,30AA,3,BOL,2023-07-01
wisselt,2021-08-01,2022-03-01,mbo,25001,Bouw en infra,30AA,2,BOL,
wisselt,2022-03-02,,mbo,25002,Economie en administratie,30BB,2,BOL,
vertrekt,2021-08-01,2022-02-01,mbo,25003,Bouw en infra,30AA,3,BBL,
havo,2021-08-01,2023-07-31,havo,,,20AA,,,2023-07-01
onbekend,2021-08-01,,mbo,25001,Bouw en infra,30AA,3,BOL,
oud,2021-08-01,2022-02-01,mbo,25001,Bouw en infra,30AA,3,BOL,
eerder,2021-08-01,,mbo,25001,Bouw en infra,30AA,2,BOL,2021-07-01
entree,2021-08-01,2022-07-31,mbo,25004,Bouw en infra,30AA,1,BOL,2022-07-01
dubbel,2021-08-01,,mbo,25001,Bouw en infra,30AA,2,BOL,
dubbel,2021-08-01,,havo,,,20AA,,,
";

/// By outcome, in the order of the pupils: 1, 0, or unknown.
const EXPECTED: &str = "\
                      blijft wisselt nergens vertrekt havo onbekend oud eerder entree dubbel
doorstroom_mbo        1 1 0 1 0 ? 1 1 1 1
zomeruitval           0 0 1 0 0 ? 0 0 0 0
uitval_jr1            0 0 1 1 0 ? 1 0 1 0
gestart_en_gebleven   1 0 0 0 0 ? 0 1 0 1
gebleven_domein       1 0 0 0 0 ? 0 1 0 1
gebleven_instelling   1 0 0 0 0 ? 0 1 0 1
op_niveau             1 0 0 1 1 ? ? 1 0 0
verwant               1 1 0 1 0 ? ? 1 1 0
vsv_ocw               0 0 1 1 0 ? ? 0 1 0
startkwalificatie     1 0 0 0 1 ? 0 ? 0 0
diploma_mbo           1 0 0 0 0 ? 0 ? 1 0
switch_jr1            0 1 0 0 0 ? 0 0 0 0
switch_crebo          0 1 0 0 0 ? 0 0 0 0
switch_inst           0 1 0 0 0 ? 0 0 0 0
uitval_jr1_starters   0 0 ? 1 ? ? 1 0 1 0
switch_jr1_starters   0 1 ? ? ? ? 0 0 ? 0
switch_crebo_starters 0 1 ? 0 ? ? 0 0 0 0
switch_inst_starters  0 1 ? 0 ? ? 0 0 0 0
op_niveau_starters    1 0 ? 1 ? ? ? 1 0 0
verwant_starters      1 1 ? 1 ? ? ? 1 1 0
vsv_ocw_ingeschreven  0 0 ? 1 0 ? ? 0 1 0
";

fn write(dir: &Path) {
    fs::write(dir.join("leerling.csv"), PUPILS).unwrap();
    fs::write(dir.join("inschrijving.csv"), ENROLMENTS).unwrap();
    fs::write(dir.join("activiteit.csv"), "pseudo_id,datum,code\nblijft,2020-11-02,GESPR\n").unwrap();
}

fn text() -> String {
    STUDY.replace("activiteit.parquet", "activiteit.csv")
}

/// The outcome of each pupil who has one.
fn values(dir: &Path, text: &str, outcome: &str) -> BTreeMap<String, String> {
    let study = study(text);
    let panel = panel(&study, dir);
    let file = dir.join("panel.parquet");
    let o = panel.plan.outcome(outcome);
    write_table(&panel, o, &file);
    let sheet = Sheet::read(&file);
    let (pupil, y) = (sheet.at("pupil"), sheet.at(outcome));
    sheet.rows.iter().map(|row| (row[pupil].clone().unwrap(), row[y].clone().unwrap())).collect()
}

#[test]
fn every_outcome_is_read_off_the_paths_as_its_definition_says() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let mut lines = EXPECTED.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let pupils = lines.next().unwrap();
    let mut seen = 0;
    for line in lines {
        let found = values(dir.path(), &text(), line[0]);
        for (pupil, expected) in pupils.iter().zip(&line[1..]) {
            let found = found.get(*pupil).map_or("?", |y| if y == "1.0" { "1" } else { "0" });
            assert_eq!(found, *expected, "{} of `{pupil}`", line[0]);
        }
        seen += 1;
    }
    let asked = study(&text()).outcomes.len();
    assert_eq!(seen, asked, "every outcome of the study has a line");
}

#[test]
fn who_has_no_outcome_is_counted_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let text = text();
    let study = study(&text);
    let panel = panel(&study, dir.path());
    let reasons = |outcome: &str| {
        let (_, out) = panel.rows(panel.plan.outcome(outcome), 0);
        let mut counts: BTreeMap<Step, usize> = BTreeMap::new();
        out.iter().for_each(|(_, step)| *counts.entry(*step).or_default() += 1);
        counts.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(reasons("vsv_ocw"), [(Step::NotLinked, 1), (Step::OutsideAge, 1)]);
    assert_eq!(reasons("startkwalificatie"), [(Step::NotLinked, 1), (Step::HadBefore, 1)]);
    assert_eq!(reasons("op_niveau"), [(Step::NotLinked, 1), (Step::MissingCovariate, 1)]);
    assert_eq!(reasons("verwant"), [(Step::NotLinked, 1), (Step::NotComparable, 1)]);
    assert_eq!(reasons("switch_jr1_starters"), [(Step::NotLinked, 1), (Step::NotStarted, 4)]);
}

#[test]
fn a_count_date_under_another_law_is_another_definition() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let shift = |name: &str, text: &str| {
        // Four years later the second count date is 1 October 2026.
        let years: [(&str, &str); 4] = [("2023-", "2027-"), ("2022-", "2026-"), ("2021-", "2025-"), ("2019-", "2023-")];
        let text = years.iter().fold(text.to_string(), |t, (from, to)| t.replace(from, to));
        fs::write(dir.path().join(name), text).unwrap();
    };
    shift("leerling.csv", PUPILS);
    shift("inschrijving.csv", ENROLMENTS);
    let text = text().replace("2024-12-31", "2028-12-31");
    assert!(values(dir.path(), &text, "uitval_jr1").len() == 9);
    assert!(values(dir.path(), &text, "vsv_ocw").is_empty());
}
