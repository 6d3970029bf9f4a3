//! `lob ingest` on small deliveries: what stands in the canonical tables, what is left out and counted, and that the order of rows
//! and the number of threads leave no trace.

mod deliveries;
#[path = "common/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use deliveries::{STUDY, files, ingested, lines, put, run, values};
use lob_effect::ingest::InputError;
use lob_effect::ingest::canonical::Fate;
use lob_effect::run::RunError;
use sha2::{Digest, Sha256};
use tables::{panel, study};
use tempfile::TempDir;

#[test]
fn pupils_have_the_days_of_their_cohort_their_newest_school_and_how_they_were_found() {
    let (dir, done) = ingested(&files());
    let columns = [
        "pupil_key",
        "school",
        "school_then",
        "school_name",
        "cohort",
        "track",
        "clock_start",
        "landmark",
        "link_status",
        "ses_woa",
    ];
    assert_eq!(
        lines(&dir, "pupil", &columns),
        [
            "p1 98VA00 97VB00 Nieuw 2023 KB 2021-10-01 2023-08-01 linked 0.25",
            "p2 98VA00 97VB00 Nieuw 2023 TL 2021-10-01 2023-08-01 linked -",
            "p3 98VA00 98VA00 Nieuw 2023 TL 2021-10-01 2023-08-01 not_found -0.5",
            "p4 98VA00 98VA00 Nieuw 2023 TL 2021-10-01 2023-08-01 linked 0.0",
            "p5 98VA00 98VA00 Nieuw 2023 TL 2021-10-01 2023-08-01 not_found 0.0",
        ]
    );
    let share = done.ledger.linked["98VA00"];
    assert_eq!((share.pupils, share.linked, share.not_found, share.no_number), (5, 3, 2, 0));
    let school = ["school", "valid_from", "valid_to", "successor"];
    assert_eq!(
        lines(&dir, "school", &school),
        ["97VB - 2023-07-31 98VA", "97VB00 - - -", "98VA 2023-08-01 - -", "98VA00 - - -"]
    );
}

#[test]
fn periods_are_ended_merged_and_filled_and_carry_level_domain_and_diploma() {
    let (dir, done) = ingested(&files());
    let columns =
        ["pupil_key", "enrol_no", "period_start", "period_end", "crebo", "level", "domain", "sector", "diploma_date"];
    assert_eq!(
        lines(&dir, "enrolment", &columns),
        [
            "p1 C1 2023-08-01 2024-07-31 25001 2 Afbouw mbo -",
            "p1 C1 2024-08-01 - 25002 3 Afbouw mbo -",
            "p2 C1 2023-08-01 2024-06-20 25001 2 Afbouw mbo 2024-06-20",
            "p3 C1 2023-08-01 2024-03-01 25001 2 Afbouw mbo_extranei -",
        ]
    );
    let total = |fate| done.ledger.total("enrolment", fate);
    let counts = [Fate::Read, Fate::Kept, Fate::MergedPeriod, Fate::OlderDelivery, Fate::UnknownPupil].map(total);
    assert_eq!(counts, [7, 4, 1, 1, 1]);
    assert!(
        done.ledger.notes.iter().any(|n| n.starts_with("1 periods of sources.register come from older deliveries"))
    );
    assert_eq!(lines(&dir, "diploma", &["pupil_key", "level", "date"]), ["p2 2 2024-06-20"]);
}

#[test]
fn definitive_lists_replace_provisional_ones() {
    let (dir, done) = ingested(&files());
    assert_eq!(lines(&dir, "dropout", &["pupil_key", "school_year", "status"]), ["p4 2022-2023 definitive"]);
    assert_eq!(done.ledger.total("dropout", Fate::ReplacedByDefinitive), 2);
}

#[test]
fn activities_stand_in_order_with_their_codes_and_every_row_is_accounted_for() {
    let (dir, done) = ingested(&files());
    let columns = ["pupil_key", "date", "kind", "minutes"];
    assert_eq!(
        lines(&dir, "activity", &columns),
        [
            "p1 2021-11-01 GESPR 30.0",
            "p1 2021-11-01 GESPR 30.0",
            "p1 2022-11-01 STAGE -",
            "p2 2022-11-01 GESPR 20.0",
            "p3 2022-01-10 Overig -",
        ]
    );
    let total = |fate| done.ledger.total("activity", fate);
    let counts = [Fate::Read, Fate::Kept, Fate::UnknownPupil, Fate::NoKey, Fate::Incomplete].map(total);
    assert_eq!(counts, [8, 5, 1, 1, 1]);
    for table in
        ["pupil", "activity", "enrolment", "dropout", "start_pop", "diploma", "school", "programme", "crosswalk"]
    {
        let all = done.ledger.rows.iter().filter(|((t, _, fate), _)| t == table && *fate != Fate::Read);
        let (read, rest) = (done.ledger.total(table, Fate::Read), all.map(|(_, n)| n).sum::<u64>());
        assert_eq!(read, rest, "{table}: every row read has one fate");
    }
}

#[test]
fn the_ready_study_runs_on_the_tables() {
    let (dir, done) = ingested(&files());
    let text = fs::read_to_string(&done.study).expect("study.toml");
    let ready = study(&text);
    assert!(ready.ingest.is_none());
    let panel = panel(&ready, &dir.path().join("tables"));
    assert_eq!((panel.pupils.len(), panel.pupils.schools.len()), (5, 1));
}

#[test]
fn the_package_says_what_every_column_means_and_has_right_hashes() {
    let (dir, _) = ingested(&files());
    let tables = dir.path().join("tables");
    let package: serde_json::Value =
        serde_json::from_slice(&fs::read(tables.join("datapackage.json")).expect("a package")).expect("JSON");
    let resources = package["resources"].as_array().expect("resources");
    for resource in resources {
        let bytes = fs::read(tables.join(resource["path"].as_str().expect("a path"))).expect("a file");
        let hash: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(resource["hash"], format!("sha256:{hash}"));
        assert_eq!(resource["bytes"], bytes.len());
    }
    let named = |name: &str| resources.iter().find(|r| r["name"] == name).expect("a resource");
    let field = |table: &str, column: &str| {
        let fields = named(table)["schema"]["fields"].as_array().expect("fields");
        fields.iter().find(|f| f["name"] == column).cloned().expect("a field")
    };
    assert_eq!(field("enrolment", "level")["constraints"]["enum"], serde_json::json!([1, 2, 3, 4]));
    assert_eq!(field("pupil", "pupil_key")["labels"]["nl"], "leerling (pseudoniem)");
    assert_eq!(named("pupil")["schema"]["primaryKey"], serde_json::json!(["pupil_key"]));
    assert_eq!(named("activity")["rows"], 5);
}

#[test]
fn f64_footers_of_canonical_tables_hold_no_pseudonym() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let (dir, done) = ingested(&files());
    let mut seen = 0;
    for (name, _) in &done.tables {
        let path = dir.path().join("tables").join(format!("{name}.parquet"));
        let reader = SerializedFileReader::new(fs::File::open(&path).expect("a table")).expect("Parquet");
        for column in reader.metadata().row_groups().iter().flat_map(|g| g.columns()) {
            if column.column_path().string() == "pupil_key" {
                seen += 1;
                let stats = column.statistics();
                assert!(stats.is_none_or(|s| s.min_bytes_opt().is_none() && s.max_bytes_opt().is_none()), "{name}");
                assert!(column.bloom_filter_offset().is_none(), "{name}");
            }
        }
    }
    assert!(seen >= 3, "{seen} tables with pupils");
}

#[cfg(unix)]
#[test]
fn tables_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, _) = ingested(&files());
    let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    let tables = dir.path().join("tables");
    assert_eq!(mode(&tables), 0o700);
    for entry in fs::read_dir(&tables).expect("a folder") {
        assert_eq!(mode(&entry.expect("an entry").path()), 0o600);
    }
}

#[test]
fn the_order_of_rows_and_the_number_of_threads_leave_no_trace() {
    let (one, _) = ingested(&files());
    let mut turned = files();
    for lines in turned.values_mut() {
        lines[1..].reverse();
    }
    let two = TempDir::new().expect("a folder");
    put(two.path(), &turned);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("a small pool");
    pool.install(|| run(STUDY, two.path(), &two.path().join("tables"))).unwrap_or_else(|e| panic!("{e}"));
    for entry in fs::read_dir(one.path().join("tables")).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let bytes = |dir: &TempDir| fs::read(dir.path().join("tables").join(&name)).expect("is there");
        assert!(bytes(&one) == bytes(&two), "{}", name.display());
    }
}

#[test]
fn two_different_periods_on_one_day_stop_with_a_count() {
    let mut files = files();
    files.get_mut("register.csv").expect("a file").push("p1,99ZA,C1,2024-08-01,,25003,BOL,,J,2024-12-01");
    let dir = TempDir::new().expect("a folder");
    put(dir.path(), &files);
    let error = run(STUDY, dir.path(), &dir.path().join("tables")).expect_err("a conflict");
    assert!(matches!(error, RunError::Input(InputError::RepeatedPeriod { rows: 1, .. })), "{error}");
    assert!(error.to_string().starts_with("LOB-E0140 ") && !error.to_string().contains("p1"), "{error}");
    assert!(!dir.path().join("tables/datapackage.json").exists(), "no package without all tables");
}

#[test]
fn one_pupil_with_two_contents_and_transitions_in_a_circle_stop() {
    let stopped = |file: &str, line: &'static str| {
        let mut files = files();
        files.get_mut(file).expect("a file").push(line);
        let dir = TempDir::new().expect("a folder");
        put(dir.path(), &files);
        run(STUDY, dir.path(), &dir.path().join("tables")).expect_err("stops").to_string()
    };
    assert!(stopped("lijst.csv", "p1,97VB00,2022-2023,vmbo-tl 4,0.25,2019-08-01,2023-07-31").starts_with("LOB-E0109"));
    assert!(stopped("over.csv", "98VA,97VB,2024-08-01,J,A").starts_with("LOB-E0141"));
    assert!(stopped("over.csv", "97VB,90XX,2024-08-01,J,A").starts_with("LOB-E0142"));
}

#[test]
fn names_that_do_not_exist_or_are_taken_are_errors_of_the_study_file() {
    let errors = |text: &str| -> Vec<String> {
        let errors = lob_effect::study::Study::parse(text, &lob_effect::models::kinds()).expect_err("is wrong");
        errors.iter().map(|e| format!("{} {}", e.path, e.message)).collect()
    };
    let unknown = errors(&STUDY.replace("pupil = \"lijst\"", "pupil = \"lijsten\""));
    assert!(unknown.iter().any(|e| e.starts_with("ingest.pupil there is no source `lijsten`")), "{unknown:?}");
    let taken = errors(&STUDY.replace("[sources.lijst]", "[sources.pupil]\nfiles = \"x.csv\"\n\n[sources.lijst]"));
    assert!(taken.iter().any(|e| e.starts_with("sources.pupil ")), "{taken:?}");
}

#[test]
fn what_reads_tables_only_says_that_they_have_to_be_made_first() {
    let dir = TempDir::new().expect("a folder");
    put(dir.path(), &files());
    fs::write(dir.path().join("study.toml"), STUDY).expect("writes");
    let lob = |args: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("lob").expect("the binary");
        command.current_dir(dir.path()).args(args).output().expect("runs")
    };
    let panel = lob(&["panel", "study.toml", "--out", "panel.parquet"]);
    assert_eq!(panel.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&panel.stderr).contains("first `lob ingest study.toml`"));
    assert_eq!(lob(&["ingest", "study.toml", "--out", "tables"]).status.code(), Some(0));
    assert_eq!(lob(&["panel", "tables/study.toml", "--out", "panel.parquet"]).status.code(), Some(0));
}

#[test]
fn who_moves_to_an_institution_that_delivered_nothing_is_unknown_and_no_dropout() {
    let mut moved = files();
    moved.get_mut("lijst.csv").expect("a file").push("p6,98VA00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31");
    moved.get_mut("register.csv").expect("a file").push("p6,99ZA,C6,2023-08-01,2024-06-15,25001,BOL,,J,2024-12-01");
    let mut left = moved.clone();
    for file in ["uit.csv", "start.csv"] {
        left.get_mut(file).expect("a file").push("p6,99ZA,2023-2024,D");
    }
    let (dir, done) = ingested(&moved);
    let columns = ["pupil_key", "link_status", "known_until"];
    assert!(lines(&dir, "pupil", &columns).contains(&"p6 linked 2024-09-30".to_string()));
    assert_eq!(values(&dir, &done, 0).get("p6").map(String::as_str), Some("1.0"), "arrived in mbo");
    let dropouts = values(&dir, &done, 1);
    assert_eq!((dropouts.get("p1").map(String::as_str), dropouts.get("p6")), (Some("0.0"), None));
    let (dir, done) = ingested(&left);
    assert!(lines(&dir, "pupil", &columns).contains(&"p6 linked -".to_string()));
    assert_eq!(values(&dir, &done, 1).get("p6").map(String::as_str), Some("1.0"), "the list says so");
}

#[test]
fn a_school_of_which_nobody_is_found_and_a_file_of_other_pupils_stop() {
    let stopped = |files: &BTreeMap<&str, Vec<&str>>| {
        let dir = TempDir::new().expect("a folder");
        put(dir.path(), files);
        run(STUDY, dir.path(), &dir.path().join("tables")).expect_err("stops").to_string()
    };
    let rows: Vec<String> =
        (0..10).map(|k| format!("q{k},96XX00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31")).collect();
    let mut school = files();
    school.get_mut("lijst.csv").expect("a file").extend(rows.iter().map(String::as_str));
    let said = stopped(&school);
    assert!(said.starts_with("LOB-E0143 ") && said.contains("96XX00") && said.contains("10 pupils"), "{said}");
    school.get_mut("lijst.csv").expect("a file").pop();
    let (_, done) = ingested(&school);
    assert_eq!(done.ledger.linked["96XX00"].linked, 0, "nine may be chance");
    let mut other = files();
    other.insert("resultaat.csv", vec!["id,brin,result_no,enrol_no,crebo,date", "P2,99ZA,700001,C1,25001,2024-06-20"]);
    let said = stopped(&other);
    assert!(said.starts_with("LOB-E0116 sources.resultaat"), "{said}");
}

#[test]
fn two_diplomas_of_one_enrolment_stand_in_two_periods() {
    let mut two = files();
    let diplomas = two.get_mut("resultaat.csv").expect("a file");
    diplomas.push("p1,99ZA,700002,C1,25001,2024-07-10");
    diplomas.push("p1,99ZA,700003,C1,25002,2024-12-01");
    let (dir, _) = ingested(&two);
    let of = lines(&dir, "enrolment", &["pupil_key", "crebo", "level", "diploma_date"]);
    assert_eq!(of[..2], ["p1 25001 2 2024-07-10", "p1 25002 3 2024-12-01"]);
}

#[test]
fn a_column_that_one_file_lacks_stops_and_one_that_all_lack_is_told() {
    let mut files = files();
    files.insert("dossier-2.csv", vec!["id,date,kind", "p1,2021-11-01,Gesprek mentor"]);
    let dir = TempDir::new().expect("a folder");
    put(dir.path(), &files);
    let said = run(STUDY, dir.path(), &dir.path().join("tables")).expect_err("stops").to_string();
    assert!(said.contains("dossier-2.csv") && said.contains("`minutes`"), "{said}");
    let (_, done) = ingested(&self::files());
    let told = "2 columns that `activity` can have are not in sources.dossier: system, entered";
    assert_eq!(done.ledger.notes.iter().filter(|n| *n == told).count(), 1, "{:?}", done.ledger.notes);
}

#[test]
fn one_enrolment_in_two_sources_is_the_one_of_the_newest_delivery() {
    let mut files = files();
    let header = "id,brin,enrol_no,period_start,enrol_end,crebo,track,route_phase,funded,snapshot";
    files.insert("later.csv", vec![header, "p1,99ZA,C1,2023-08-01,2025-01-31,25001,BOL,,J,2025-02-01"]);
    let two = STUDY
        .replace("enrolment = \"register\"", "enrolment = [\"register\", \"later\"]")
        .replace("[sources.resultaat]", "[sources.later]\nfiles = \"later.csv\"\n\n[sources.resultaat]");
    let dir = TempDir::new().expect("a folder");
    put(dir.path(), &files);
    run(&two, dir.path(), &dir.path().join("tables")).unwrap_or_else(|e| panic!("{e}"));
    let of = lines(&dir, "enrolment", &["pupil_key", "crebo", "period_start", "period_end", "source"]);
    assert_eq!(of[0], "p1 25001 2023-08-01 2025-01-31 later");
    assert!(of[1].starts_with("p2 "), "{of:?}");
}

#[test]
fn the_ready_study_has_the_columns_that_pupils_are_compared_by() {
    let mut files = files();
    for (k, line) in files.get_mut("lijst.csv").expect("a file").iter_mut().enumerate() {
        *line = if k == 0 { "id,school,school_year,study,ses_woa,enrolled_from,enrolled_to,leeftijd" } else { line };
    }
    let rows: Vec<String> = files["lijst.csv"][1..].iter().map(|line| format!("{line},15")).collect();
    let mut lines_of = vec![files["lijst.csv"][0]];
    lines_of.extend(rows.iter().map(String::as_str));
    files.insert("lijst.csv", lines_of);
    let text = STUDY.replace("landmark = \"landmark\"", "landmark = \"landmark\"\nage = \"leeftijd\"");
    let dir = TempDir::new().expect("a folder");
    put(dir.path(), &files);
    run(&text, dir.path(), &dir.path().join("tables")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(lines(&dir, "pupil", &["pupil_key", "leeftijd"])[0], "p1 15.0");
}
