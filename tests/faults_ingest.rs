//! Faults of deliveries, as `lob ingest` meets them: schools with other numbers, pupils who move, repeat or are gone, days at the
//! ends of school years, reports that say when and never whether. A test that begins with `f` and a number is about that
//! fault of the list.

mod deliveries;
#[path = "common/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::fs;

use deliveries::{STUDY, files, ingested, lines, put, run, values};
use lob_effect::ingest::canonical::Fate;
use lob_effect::ingest::canonical::periods::{Period, end_periods};
use lob_effect::panel::Step;
use lob_effect::vocab::Day;
use proptest::prelude::*;
use tempfile::TempDir;

type Files = BTreeMap<&'static str, Vec<&'static str>>;

fn with(more: &[(&'static str, &'static str)]) -> Files {
    let mut files = files();
    more.iter().for_each(|(file, line)| files.get_mut(file).expect("a file").push(line));
    files
}

// --- F30: schools under other numbers ------------------------------------------------------------------------------

#[test]
fn f30_a_school_goes_on_under_its_new_number_and_a_split_one_stays_a_group_of_its_own() {
    let more = [
        ("lijst.csv", "p6,96AA01,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31"),
        ("lijst.csv", "p7,96BB00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31"),
        ("kruis.csv", "p7"),
        // One location goes over to another institution, whose location has a name; one institution is split.
        ("over.csv", "96AA01,98VA00,2023-08-01,J,A"),
        ("over.csv", "96BB,96CC,2023-08-01,N,A"),
        ("over.csv", "96BB,96DD,2023-08-01,N,A"),
        // The school of the outcome has another number than the school of the lessons.
        ("register.csv", "p6,99ZA,C6,2023-08-01,,25001,BOL,,J,2024-12-01"),
    ];
    let (dir, done) = ingested(&with(&more));
    let of = lines(&dir, "pupil", &["pupil_key", "school", "school_then", "school_name", "link_status"]);
    assert_eq!(of[0], "p1 98VA00 97VB00 Nieuw linked", "a merger");
    assert_eq!(of[5], "p6 98VA00 96AA01 Nieuw linked", "a location that was renumbered");
    assert_eq!(of[6], "p7 96BB00 96BB00 - not_found", "a split is not followed");
    let told = "1 institutions were split; their schools keep the number they had";
    assert!(done.ledger.notes.iter().any(|n| n == told), "{:?}", done.ledger.notes);
    let school = lines(&dir, "school", &["school", "valid_from", "valid_to", "successor"]);
    for row in ["96AA01 - 2023-07-31 98VA00", "98VA00 2023-08-01 - -", "96BB00 - - -"] {
        assert!(school.contains(&row.to_string()), "{row} in {school:?}");
    }
}

#[test]
fn f30_a_number_of_a_later_year_is_not_followed_back() {
    // In the list of the year after the merger the old number is another school.
    let (dir, _) = ingested(&with(&[("lijst.csv", "p6,97VB00,2023-2024,vmbo-tl 4,0,2020-08-01,2024-07-31")]));
    assert_eq!(lines(&dir, "pupil", &["pupil_key", "school"])[5], "p6 97VB00");
}

// --- F31: pupils who move, repeat, are in two places or are gone ----------------------------------------------------

#[test]
fn f31_a_pupil_who_changes_school_counts_for_the_school_of_1_october() {
    let spring = [
        ("lijst.csv", "p6,97VB00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-01-31"),
        ("lijst.csv", "p6,98VA01,2022-2023,vmbo-kb 4,0,2023-02-01,2023-07-31"),
    ];
    let (dir, done) = ingested(&with(&spring));
    let of = |dir: &TempDir| lines(dir, "pupil", &["pupil_key", "school_then", "track", "enrolled_to"])[5].clone();
    assert_eq!(of(&dir), "p6 97VB00 TL 2023-01-31");
    assert_eq!(done.ledger.total("pupil", Fate::OtherEnrolment), 1);
    assert!(done.ledger.notes.iter().any(|n| n.starts_with("1 pupils changed school in their last school year")));
    let summer = [
        ("lijst.csv", "p6,97VB00,2022-2023,vmbo-tl 4,0,2019-08-01,2022-09-15"),
        ("lijst.csv", "p6,98VA01,2022-2023,vmbo-kb 4,0,2022-09-16,2023-07-31"),
    ];
    assert_eq!(of(&ingested(&with(&summer)).0), "p6 98VA01 KB 2023-07-31");
    // The order of the lists leaves no trace.
    let turned = [summer[1], summer[0]];
    assert_eq!(of(&ingested(&with(&turned)).0), "p6 98VA01 KB 2023-07-31");
}

/// With `[stays]` a move is no matter of one school or the other: the lists say where the pupil was when.
#[test]
fn f31_the_schools_of_a_pupil_who_moves_are_a_table() {
    let stays = "[stays]\nsource = \"stay\"\nkey = \"pupil_key\"\nschool = \"school\"\nfrom = \"enrolled_from\"\n\n[activities]";
    let text = STUDY.replacen("[activities]", stays, 1);
    assert_ne!(text, STUDY);
    let more = [
        // A year later under the number of the merger: the same school. In the year of leaving to another one.
        ("lijst.csv", "p6,97VB00,2021-2022,vmbo-tl 3,0,2019-08-01,"),
        ("lijst.csv", "p6,98VA00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-01-31"),
        ("lijst.csv", "p6,98VA01,2022-2023,vmbo-kb 4,0,2023-02-01,2023-07-31"),
    ];
    let made = |files: &Files| {
        let dir = TempDir::new().expect("a folder");
        put(dir.path(), files);
        let done = run(&text, dir.path(), &dir.path().join("tables"));
        (dir, done)
    };
    let (dir, done) = made(&with(&more));
    done.unwrap_or_else(|e| panic!("{e}"));
    let stays = lines(&dir, "stay", &["pupil_key", "school", "enrolled_from"]);
    let of_p6: Vec<_> = stays.iter().filter(|row| row.starts_with("p6")).collect();
    assert_eq!(of_p6, ["p6 98VA00 2019-08-01", "p6 98VA01 2023-02-01"], "{stays:?}");
    let pupils = lines(&dir, "pupil", &["pupil_key", "school", "enrolled_from", "enrolled_to"]);
    assert_eq!(pupils[5], "p6 98VA00 2019-08-01 2023-07-31", "all that is registered from the first day on counts");
    let study = tables::study(&text);
    let panel = tables::panel(&study, &dir.path().join("tables"));
    let steps = [Step::Used, Step::OtherSchool].map(|step| panel.flow.total("stays", step));
    assert_eq!(steps, [stays.len() as u64 - 1, 1], "nobody began at 98VA01");
    let clash = [more[1], ("lijst.csv", "p6,98VA01,2021-2022,vmbo-kb 3,0,2019-08-01,2023-07-31")];
    let (_, done) = made(&with(&clash));
    let said = done.expect_err("two schools on one day").to_string();
    assert!(said.contains("LOB-E0114 sources.lijst") && !said.contains("p6"), "{said}");
    // Where nobody asks for it there is no such table.
    assert!(!ingested(&with(&more)).0.path().join("tables/stay.parquet").exists());
}

/// Each school gives its own number; the crosswalk has both under one person number (E0107 stopped here once).
#[test]
fn f31_two_numbers_of_one_person_are_one_pupil() {
    let more = [
        ("lijst.csv", "p7,97VB00,2022-2023,vmbo-tl 4,0,2019-08-01,2022-09-15"),
        ("lijst.csv", "p6,98VA01,2022-2023,vmbo-kb 4,0,2022-09-16,2023-07-31"),
        ("dossier-2.csv", "p7,2022-02-01,Gesprek mentor,"),
    ];
    let mut files = with(&more);
    files.insert("kruis.csv", vec!["id,pgn", "p1,g1", "p2,g2", "p3,g3", "p4,g4", "p5,g5", "p7,g6", "p6,g6", "p6,g6"]);
    let register = vec![
        "pgn,brin,enrol_no,period_start,enrol_end,crebo,track,route_phase,funded,snapshot",
        "g1,99ZA,C1,2023-08-01,,25001,BOL,,J,2024-12-01",
        "g6,99ZA,C1,2023-08-01,,25002,BOL,,J,2024-12-01",
    ];
    files.insert("register.csv", register);
    let lookup = "files = \"register.csv\"\nlookup = [{ table = \"kruis\", on = \"pgn\", take = \"id\" }]";
    let text = STUDY.replace("files = \"register.csv\"", lookup);
    let made = |files: &Files| {
        let dir = TempDir::new().expect("a folder");
        put(dir.path(), files);
        let done = run(&text, dir.path(), &dir.path().join("tables")).unwrap_or_else(|e| panic!("{e}"));
        (dir, done)
    };
    let (dir, done) = made(&files);
    let of = lines(&dir, "pupil", &["pupil_key", "school_then", "track", "link_status"]);
    assert_eq!((of.len(), of[5].as_str()), (6, "p6 98VA01 KB linked"));
    assert_eq!(lines(&dir, "enrolment", &["pupil_key", "crebo"]), ["p1 25001", "p6 25002"]);
    assert!(lines(&dir, "activity", &["pupil_key", "date"]).contains(&"p6 2022-02-01".to_string()));
    assert!(done.ledger.notes.iter().any(|n| n.starts_with("1 numbers in the crosswalk are a pupil's second one")));
    // The order of the crosswalk leaves no trace.
    files.get_mut("kruis.csv").expect("a file")[6..].reverse();
    let (other, _) = made(&files);
    assert_eq!(lines(&other, "enrolment", &["pupil_key", "crebo"]), ["p1 25001", "p6 25002"]);
}

#[test]
fn f31_two_schools_without_days_are_a_conflict() {
    let both = [
        ("lijst.csv", "p6,97VB00,2022-2023,vmbo-tl 4,0,,"),
        ("lijst.csv", "p6,98VA01,2022-2023,vmbo-kb 4,0,2023-02-01,2023-07-31"),
    ];
    let dir = TempDir::new().expect("a folder");
    put(dir.path(), &with(&both));
    let said = run(STUDY, dir.path(), &dir.path().join("tables")).expect_err("nothing tells which").to_string();
    assert!(said.starts_with("LOB-E0109 sources.lijst: 1 rows") && !said.contains("p6"), "{said}");
}

#[test]
fn f31_a_repeated_year_counts_once_with_the_last_exam_year() {
    let both = [
        ("lijst.csv", "p6,98VA00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31"),
        ("lijst.csv", "p6,98VA00,2023-2024,vmbo-tl 4,0,2019-08-01,2024-07-31"),
        ("register.csv", "p6,99ZA,C6,2024-08-01,,25001,BOL,,J,2024-12-01"),
    ];
    let (dir, done) = ingested(&with(&both));
    let row = lines(&dir, "pupil", &["pupil_key", "cohort", "landmark", "link_status"])[5].clone();
    assert_eq!(row, "p6 2024 2024-08-01 linked");
    assert_eq!(done.ledger.total("pupil", Fate::EarlierYear), 1);
    let share = done.ledger.linked["98VA00"];
    assert_eq!((share.pupils, share.linked), (6, 4), "one pupil");
}

#[test]
fn f31_two_enrolments_count_once_and_who_died_or_emigrated_is_unknown_and_no_dropout() {
    let more = [
        ("lijst.csv", "p6,98VA00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31"),
        ("lijst.csv", "p7,98VA00,2022-2023,vmbo-tl 4,0,2019-08-01,2023-07-31"),
        // p6 is at two institutions at once; p7 was gone within the year, for a reason that no register knows.
        ("register.csv", "p6,99ZA,C6,2023-08-01,,25001,BOL,,J,2024-12-01"),
        ("register.csv", "p6,99ZB,C6,2023-08-01,,25002,BOL,,J,2024-12-01"),
        ("register.csv", "p7,99ZA,C7,2023-08-01,2024-02-01,25001,BOL,,J,2024-12-01"),
    ];
    let (dir, done) = ingested(&with(&more));
    let arrived = values(&dir, &done, 0);
    assert_eq!((arrived["p6"].as_str(), arrived["p7"].as_str()), ("1.0", "1.0"));
    assert!(done.ledger.notes.iter().any(|n| n.starts_with("1 pupils are enrolled at two institutions at once")));
    let dropouts = values(&dir, &done, 1);
    assert_eq!(dropouts.get("p6").map(String::as_str), Some("0.0"));
    assert_eq!(dropouts.get("p7"), None, "gone is unknown: no list says dropout");
    assert!(lines(&dir, "pupil", &["pupil_key", "known_until"]).contains(&"p7 2024-09-30".to_string()));
}

// --- F34: days ------------------------------------------------------------------------------------------------------

#[test]
fn f34_the_school_year_ends_on_31_july_and_leap_days_are_days() {
    let more = [
        ("lijst.csv", "p6,98VA00,2023-2024,vmbo-tl 4,0,2020-08-01,2024-07-31"),
        ("dossier-2.csv", "p6,2024-02-29,Gesprek mentor,"),
        ("dossier-2.csv", "p6,2024-07-31,Gesprek mentor,"),
        ("dossier-2.csv", "p6,2024-08-01,Gesprek mentor,"),
        ("register.csv", "p6,99ZA,C6,2024-08-01,,25001,BOL,,J,2024-12-01"),
    ];
    let (dir, done) = ingested(&with(&more));
    assert_eq!(
        lines(&dir, "pupil", &["pupil_key", "clock_start", "clock_end", "landmark"])[5],
        "p6 2022-10-01 2024-07-31 2024-08-01"
    );
    let kept: Vec<String> = lines(&dir, "activity", &["pupil_key", "date"]);
    assert!(kept.contains(&"p6 2024-02-29".to_string()), "{kept:?}");
    // What happens on the landmark or later is no exposure; the last day before it is one.
    let text = fs::read_to_string(&done.study).expect("study.toml");
    let ready = tables::study(&text);
    let panel = tables::panel(&ready, &dir.path().join("tables"));
    let path = dir.path().join("outcome.parquet");
    tables::write_table(&panel, 0, &path);
    let sheet = tables::Sheet::read(&path);
    let dose = sheet.at("dose_lob");
    let own = sheet.rows.iter().find(|row| row[0].as_deref() == Some("p6")).expect("p6 is there");
    assert_eq!(own[dose].as_deref(), Some("2.0"));
}

#[test]
fn f34_a_day_that_no_calendar_has_and_an_end_before_the_start_are_told() {
    let dir = TempDir::new().expect("a folder");
    put(dir.path(), &with(&[("dossier-2.csv", "p1,2023-02-29,Gesprek mentor,")]));
    let said = run(STUDY, dir.path(), &dir.path().join("tables")).expect_err("no such day").to_string();
    assert!(said.starts_with("LOB-E0108") && said.contains("9999-99-99") && !said.contains("2023-02-29"), "{said}");
}

proptest! {
    /// Whatever days periods have, each ends before the next one of its enrolment begins, and on no day are two of them on.
    #[test]
    fn f34_on_every_day_an_enrolment_has_one_period_at_most(
        starts in proptest::collection::btree_set(19_500..20_300_i32, 1..6),
        length in 0..900_i32,
    ) {
        let end = *starts.first().expect("one") + length;
        let period = |start: &i32| Period {
            pupil: "p".into(),
            brin: "99ZA".into(),
            number: "C1".into(),
            start: *start,
            enrol_end: Some(end),
            ..Period::default()
        };
        let mut periods: Vec<Period> = starts.iter().map(period).collect();
        end_periods(&mut periods).expect("different first days");
        for (a, b) in periods.iter().zip(periods.iter().skip(1)) {
            prop_assert!(a.end.is_some_and(|day| day < b.start));
        }
        for day in 19_400..21_300 {
            prop_assert!(periods.iter().filter(|p| p.is_on(Day(day))).count() <= 1);
        }
    }

    /// A school year has one 1 October, and the count date of a day is never before it.
    #[test]
    fn f34_count_dates_follow_their_day(day in 15_000..25_000_i32, years in 0..5_i16) {
        let on = Day(day).first_october(years).expect("a day");
        let date = on.date().expect("a date");
        prop_assert_eq!((date.month(), date.day()), (10, 1));
        let own = Day(day).date().expect("a date");
        prop_assert_eq!(date.year(), own.year() + years);
        let next = Day(day).first_october(years + 1).expect("a day");
        prop_assert!([365, 366].contains(&(next.0 - on.0)));
    }
}

// --- What registers say besides ---------------------------------------------------------------------------------------

#[test]
fn funding_data_are_trusted_most_for_levels() {
    let text = STUDY
        .replace("programmes = \"crebo\"", "programmes = \"crebo\"\nfunding = \"tbgi\"")
        .replace("[sources.crebo]", "[sources.tbgi]\nfiles = \"tbgi.csv\"\n\n[sources.crebo]");
    let mut files = files();
    files.insert("tbgi.csv", vec!["crebo,level", "25001,MBO-4", "25001,MBO-4", "25002,MBO-2", "25002,MBO-3", "25009,"]);
    let dir = TempDir::new().expect("a folder");
    put(dir.path(), &files);
    let done = run(&text, dir.path(), &dir.path().join("tables")).unwrap_or_else(|e| panic!("{e}"));
    let of = lines(&dir, "enrolment", &["pupil_key", "crebo", "level"]);
    assert_eq!(of[..2], ["p1 25001 4", "p1 25002 3"], "25002 has two levels there: the register says it");
    let total = |fate| done.ledger.total("funding", fate);
    assert_eq!([Fate::Read, Fate::Kept, Fate::Copy, Fate::Incomplete].map(total), [5, 3, 1, 1]);
    let levels = done.ledger.levels;
    assert_eq!((levels.funding, levels.register, levels.conflicts), (3, 1, 3));
    assert!(done.ledger.notes.iter().any(|n| n.starts_with("1 programmes have several levels in the funding data")));
}

#[test]
fn monthly_reports_say_when_and_why_and_never_whether() {
    let mut files = files();
    let header = "id,brin,school_year,status,report,level,track,crebo,since_month,reason";
    files.insert(
        "uit.csv",
        vec![
            header,
            "p4,98VA,2022-2023,D,,vmbo-bovenbouw,,,,",
            "p2,99ZA,2023-2024,monthly,2024-02,2,BBL,25001,202401,4",
            "p1,99ZA,2023-2024,monthly,2024-03,2,BOL,25001,202402,04",
        ],
    );
    files.get_mut("start.csv").expect("a file").extend(["p1,99ZA,2023-2024,D", "p2,99ZA,2023-2024,D"]);
    let (dir, done) = ingested(&files);
    let columns = ["pupil_key", "school_year", "status", "level", "track", "crebo", "since_month", "reason"];
    assert_eq!(
        lines(&dir, "dropout", &columns),
        ["p1 2023-2024 monthly 2 BOL 25001 202402 04", "p4 2022-2023 definitive vmbo-bovenbouw - - - -"]
    );
    assert_eq!(done.ledger.total("dropout", Fate::OlderReport), 1);
    assert_eq!(values(&dir, &done, 1).get("p1").map(String::as_str), Some("0.0"), "who is enrolled did not drop out");
    assert_eq!(lines(&dir, "start_pop", &["pupil_key", "level", "crebo"])[0], "p1 - -");
}

#[test]
fn a_check_of_deliveries_says_every_bad_cell_with_its_place_and_every_missing_column() {
    let check = |files: &Files| {
        let dir = TempDir::new().expect("a folder");
        put(dir.path(), files);
        fs::write(dir.path().join("study.toml"), STUDY).expect("writes");
        let mut command = assert_cmd::Command::cargo_bin("lob").expect("the binary");
        let done = command.current_dir(dir.path()).args(["check", "study.toml"]).output().expect("runs");
        let json = fs::read(dir.path().join("check/validation.json")).expect("validation.json");
        let found: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        (done.status.code(), found["issues"].as_array().expect("issues").clone())
    };
    assert_eq!(check(&files()).0, Some(0));
    let (code, issues) = check(&with(&[
        ("dossier-2.csv", "p1,31-02-2022,Gesprek mentor,20"),
        ("dossier-2.csv", "p1,2022-02-01,Gesprek mentor,dertig"),
        ("register.csv", "p1,99ZA,C7,2024-13-01,,25002,BOL,,J,2024-12-01"),
    ]));
    assert_eq!(code, Some(3));
    let at = |file: &str, column: &str| {
        let is_it = |i: &&serde_json::Value| i["file"] == file && i["column"] == column && i["severity"] == "error";
        let issue = issues.iter().find(is_it).unwrap_or_else(|| panic!("nothing of {file} {column} in {issues:#?}"));
        (issue["row"].as_u64(), issue["found"].as_str().map(String::from), issue["code"].as_str().map(String::from))
    };
    let said = |row, shape: &str| (Some(row), Some(shape.to_string()), Some("LOB-E0108".to_string()));
    assert_eq!(at("dossier-2.csv", "date"), said(4, "99-99-9999"));
    assert_eq!(at("dossier-2.csv", "minutes"), said(5, "aaaaaa"));
    assert_eq!(at("register.csv", "period_start"), said(9, "9999-99-99"));
    let mut lacking = files();
    lacking.insert("brin.csv", vec!["school,naam_school", "98VA00,Nieuw"]);
    let (code, issues) = check(&lacking);
    assert_eq!(code, Some(3));
    assert!(issues.iter().any(|i| i["code"] == "LOB-E0105" && i["column"] == "school_name"), "{issues:#?}");
}

/// A register of which one person was masked by others: that person meets nobody, is told, and stops nothing.
#[test]
fn masked_person_numbers_are_told_and_stop_nothing() {
    let ro = [
        "VLP|99ZA|2023-08-01|2024-07-31|2024-12-01",
        "PER|999990020||2006-11-02|M",
        "PER|BSN1||2006-11-02|M",
        "ISG|999990020||C1|2023-08-01|2026-07-31||",
        "ISG|BSN1||C1|2023-08-01|2026-07-31||",
        "ISP|999990020||C1|2023-08-01|25001|BOL||J||||",
        "ISP|BSN1||C1|2023-08-01|25001|BOL||J||||",
        "SLR|2|2|2|0|0|0|0|0|0",
    ];
    let study = r#"
[study]
id = "klein"
title = "Klein"
[privacy]
key_file = "p.key"
[sources.lijst]
files = "lijst.csv"
ids = { pupil_key = "pgn" }
[sources.register]
files = "RO_99ZA_20230801_20240731.csv"
table = "enrolment"
[ingest]
key = "pupil_key"
pupil = "lijst"
enrolment = "register"
"#;
    let rest = &STUDY[STUDY.find("[time]").expect("a part")..STUDY.find("[activities]").expect("a part")];
    let after = &STUDY[STUDY.find("[enrolments]").expect("a part")..];
    let exposure = "[[exposures]]\nid = \"lob\"\ncolumn = \"lob\"\n";
    let dir = TempDir::new().expect("a folder");
    let put = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("writes");
    put("study.toml", &format!("{study}{rest}{exposure}{after}"));
    put("RO_99ZA_20230801_20240731.csv", &ro.join("\r\n"));
    put("lijst.csv", "pupil_key,school,school_year,lob\n999990020,98VA00,2022-2023,3\n999990044,98VA00,2022-2023,1\n");
    let lob = |args: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("lob").expect("the binary");
        let done = command.current_dir(dir.path()).args(args).output().expect("runs");
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(0), "{said}");
        said
    };
    lob(&["key", "new", "p.key", "--project", "klein"]);
    let said = lob(&["ingest", "study.toml", "--out", "tables"]);
    let told = "1 rows of sources.register have a masked person number, which meets no other source";
    assert!(said.contains(told) && !said.contains("BSN1"), "{said}");
    assert_eq!(lines(&dir, "pupil", &["link_status"]).iter().filter(|l| *l == "linked").count(), 1);
}
