//! Small deliveries as schools and institutions make them, the study that reads them, and what `lob ingest` makes of them.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lob_effect::ingest::Silence;
use lob_effect::run::{Ingested, RunError, ingest};
use tempfile::TempDir;

use super::tables::{self, Sheet, panel, study};

/// A study with a source for each canonical table.
pub const STUDY: &str = r#"
[study]
id = "klein"
title = "Klein"

[sources.lijst]
files = "lijst.csv"

[sources.dossier]
files = "dossier*.csv"

[sources.register]
files = "register.csv"

[sources.resultaat]
files = "resultaat.csv"

[sources.uit]
files = "uit.csv"

[sources.start]
files = "start.csv"

[sources.brin]
files = "brin.csv"

[sources.crebo]
files = "crebo.csv"

[sources.kruis]
files = "kruis.csv"

[sources.over]
files = "over.csv"

[ingest]
key = "id"
pupil = "lijst"
activity = "dossier"
enrolment = "register"
diploma = "resultaat"
dropout = "uit"
start_pop = "start"
school = "brin"
crosswalk = "kruis"
programmes = "crebo"
successors = "over"

[time]
axis = "calendar"
period = { months = 6 }
periods = 4

[pupils]
source = "pupil"
key = "pupil_key"
school = "school"
school_name = "school_name"
cohort = "cohort"
origin = "clock_start"
end = "clock_end"
landmark = "landmark"
enrolled_from = "enrolled_from"
enrolled_to = "enrolled_to"
linked = { column = "link_status", is = "linked" }

[activities]
source = "activity"
key = "pupil_key"
date = "date"
type = "kind"
recode = { "Gesprek mentor" = "GESPR" }

[[exposures]]
id = "lob"

[[covariates]]
id = "leerweg"
column = "track"
levels = ["TL", "KB"]

[[covariates]]
id = "ses_woa"

[enrolments]
source = "enrolment"
key = "pupil_key"
from = "period_start"
to = "period_end"
sector = "sector"
programme = "crebo"
known_until = "2024-12-31"

[[outcomes]]
id = "doorstroom_mbo"

[[outcomes]]
id = "uitval_jr1"

[[models]]
id = "m"
kind = "landmark"
outcome = "doorstroom_mbo"
exposure = "lob"
"#;

/// The deliveries: header and rows of each file.
pub fn files() -> BTreeMap<&'static str, Vec<&'static str>> {
    BTreeMap::from([
        (
            "lijst.csv",
            vec![
                "id,school,school_year,study,ses_woa,enrolled_from,enrolled_to",
                "p1,97VB00,2022-2023,vmbo-kb 4,0.25,2019-08-01,2023-07-31",
                "p2,97VB00,2022-2023,vmbo-tl 4,,2019-08-01,2023-07-31",
                "p3,98VA00,2022-2023,vmbo-tl 4,-0.5,2019-08-01,2023-07-31",
                "p3,98VA00,2022-2023,vmbo-tl 4,-0.5,2019-08-01,2023-07-31",
                "p4,98VA00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31",
                "p5,98VA00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31",
                ",98VA00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31",
            ],
        ),
        (
            "dossier-1.csv",
            vec![
                "id,date,kind,minutes",
                "p2,2022-11-01,Gesprek mentor,20",
                "p1,2022-11-01,STAGE,",
                "p1,2021-11-01,Gesprek mentor,30",
                "p9,2021-11-01,Gesprek mentor,30",
                ",2021-11-01,Gesprek mentor,30",
                "p1,,Gesprek mentor,30",
            ],
        ),
        ("dossier-2.csv", vec!["id,date,kind,minutes", "p1,2021-11-01,Gesprek mentor,30", "p3,2022-01-10,Overig,"]),
        (
            "register.csv",
            vec![
                "id,brin,enrol_no,period_start,enrol_end,crebo,track,route_phase,funded,snapshot",
                "p1,99ZA,C1,2023-08-01,,25001,BOL,,J,2024-12-01",
                "p1,99ZA,C1,2024-02-01,,25001,BOL,,N,2024-12-01",
                "p1,99ZA,C1,2024-08-01,,25002,BOL,,J,2024-12-01",
                // An older delivery knows an enrolment that the newer one lacks, and p1's as it was.
                "p1,99ZA,C1,2023-08-01,,25009,BOL,,J,2024-02-01",
                "p2,99ZA,C1,2023-08-01,2024-06-20,25001,BBL,,J,2024-02-01",
                "p3,99ZA,C1,2023-08-01,2024-03-01,25001,EX,,J,2024-12-01",
                "p8,99ZA,C1,2023-08-01,,25001,BOL,,J,2024-12-01",
            ],
        ),
        ("resultaat.csv", vec!["id,brin,result_no,enrol_no,crebo,date", "p2,99ZA,700001,C1,25001,2024-06-20"]),
        (
            "uit.csv",
            vec!["id,brin,school_year,status", "p4,98VA,2022-2023,D", "p4,98VA,2022-2023,V", "p5,98VA,2022-2023,V"],
        ),
        ("start.csv", vec!["id,brin,school_year,status", "p4,98VA,2022-2023,D", "p5,98VA,2022-2023,D"]),
        ("brin.csv", vec!["school,school_name", "98VA00,Nieuw", "97VB00,Oud"]),
        ("crebo.csv", vec!["crebo,niveau,dossier_crebo,domein", "25001,2,23001,Afbouw", "25002,3,23001,Afbouw"]),
        ("kruis.csv", vec!["id", "p1", "p2", "p3", "p4", "p5"]),
        ("over.csv", vec!["from,to,date,whole,current", "97VB,98VA,2023-08-01,J,A", "97VB,90XX,2024-08-01,J,H"]),
    ])
}

/// Writes the files.
pub fn put(dir: &Path, files: &BTreeMap<&str, Vec<&str>>) {
    for (name, lines) in files {
        fs::write(dir.join(name), lines.join("\n") + "\n").expect("writes");
    }
}

/// Makes the tables of the study `text`.
pub fn run(text: &str, dir: &Path, out: &Path) -> Result<Ingested, RunError> {
    let study = study(text);
    let parts = study.ingest.clone().expect("an [ingest] part");
    ingest(&study, &parts, text, dir, out, &Silence)
}

/// Makes the tables of [`STUDY`] from these files.
pub fn ingested(files: &BTreeMap<&str, Vec<&str>>) -> (TempDir, Ingested) {
    let dir = TempDir::new().expect("a folder");
    put(dir.path(), files);
    let done = run(STUDY, dir.path(), &dir.path().join("tables")).unwrap_or_else(|e| panic!("{e}"));
    (dir, done)
}

/// The table as lines of cells with a space between them; nothing is `-`.
pub fn lines(dir: &TempDir, table: &str, columns: &[&str]) -> Vec<String> {
    let sheet = Sheet::read(&dir.path().join("tables").join(format!("{table}.parquet")));
    let at: Vec<usize> = columns.iter().map(|c| sheet.header.iter().position(|h| h == c).expect("a column")).collect();
    let cell = |row: &Vec<Option<String>>, k: usize| row[k].clone().unwrap_or_else(|| "-".into());
    sheet.rows.iter().map(|row| at.iter().map(|&k| cell(row, k)).collect::<Vec<_>>().join(" ")).collect()
}

/// The table of outcome `o` of the ready study as pairs of pupil and value.
pub fn values(dir: &TempDir, done: &Ingested, o: usize) -> BTreeMap<String, String> {
    let ready = study(&fs::read_to_string(&done.study).expect("study.toml"));
    let panel = panel(&ready, &dir.path().join("tables"));
    let path = dir.path().join("outcome.parquet");
    tables::write_table(&panel, o, &path);
    let sheet = Sheet::read(&path);
    let of = |row: Vec<Option<String>>| Some((row[0].clone()?, row.last().cloned().flatten()?));
    sheet.rows.into_iter().filter_map(of).collect()
}
