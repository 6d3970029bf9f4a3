//! `lob check`: all faults of all files at once, without a value; who falls out where; what changed; a mapping to paste.

mod small;

use std::fs;

use serde_json::Value;
use small::{Folder, Study};

fn json(folder: &Folder) -> Value {
    serde_json::from_slice(&fs::read(folder.path().join("check/validation.json")).expect("validation.json"))
        .expect("JSON")
}

fn page(folder: &Folder) -> String {
    fs::read_to_string(folder.path().join("check/validatie.html")).expect("validatie.html")
}

/// Codes of the findings of a severity.
fn codes(v: &Value, severity: &str) -> Vec<String> {
    let issues = v["issues"].as_array().expect("issues").iter();
    issues.filter(|i| i["severity"] == severity).map(|i| i["code"].as_str().expect("a code").to_string()).collect()
}

#[test]
fn a_good_study_is_valid_and_its_road_is_counted() {
    let folder = Folder::with(&Study::small());
    let ran = folder.lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let v = json(&folder);
    assert_eq!((v["valid"].as_bool(), v["pupils"].as_u64(), v["schools"].as_u64()), (Some(true), Some(320), Some(8)));
    assert!(codes(&v, "error").is_empty());
    let files = v["files"].as_array().expect("files");
    assert_eq!(files.iter().map(|f| f["rows"].as_u64().expect("rows")).max(), files[0]["rows"].as_u64());
    let flow = v["flow"].as_array().expect("flow");
    let of = |set: &str, school: &Value| flow.iter().find(|f| f["set"] == set && f["school"] == *school).is_some();
    assert!(of("pupils", &Value::Null) && of("model uitval", &Value::String("90AA00".into())));
    assert_eq!(v["coverage"].as_array().expect("coverage").len(), 16, "8 schools with 2 cohorts");
    assert!(page(&folder).contains("Alle bestanden zijn gelezen"));
    let english = folder.lob(&["check", "study.toml", "--lang", "en", "--out", "elsewhere"]);
    assert_eq!(english.code, 0);
    let text = fs::read_to_string(folder.path().join("elsewhere/validatie.html")).expect("a page");
    assert!(text.contains("All files were read") && text.contains("Content-Security-Policy"));
}

#[test]
fn no_outcome_stands_in_a_check() {
    let change = |s: &mut Study| {
        for row in 0..s.inschrijving.rows.len() {
            s.inschrijving.set(row, "eind", if row % 2 == 0 { "2021-09-01" } else { "2031-07-31" });
        }
    };
    let (mut one, mut other) = (Study::small(), Study::small());
    change(&mut one);
    other.inschrijving.rows.iter_mut().for_each(|r| r[2] = "2030-07-31".into());
    let read = |study: &Study| {
        let folder = Folder::with(study);
        assert_eq!(folder.lob(&["check", "study.toml"]).code, 0);
        let mut v = json(&folder);
        // The files differ in size only where their cells do.
        v["files"] = Value::Null;
        v
    };
    assert_eq!(read(&one), read(&other), "what became of pupils changed the check");
}

#[test]
fn all_faults_of_all_files_are_said_at_once() {
    let mut study = Study::small();
    study.activiteit.header[1] = "datums";
    study.leerling.header[9] = "leeftyd";
    let folder = Folder::with(&study);
    fs::remove_file(folder.path().join("inschrijving.csv")).expect("removes");
    fs::write(folder.path().join("school.csv"), "").expect("writes");
    let ran = folder.lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    for words in
        ["LOB-E0105", "`datum`", "`datums`", "`leeftyd`", "LOB-E0101", "inschrijving.csv", "LOB-E0104", "school.csv"]
    {
        assert!(ran.err.contains(words), "no `{words}` in {}", ran.err);
    }
    let v = json(&folder);
    assert_eq!(v["valid"].as_bool(), Some(false));
    let mut found = codes(&v, "error");
    found.sort();
    assert_eq!(found, ["LOB-E0101", "LOB-E0104", "LOB-E0105", "LOB-E0105"]);
    let first = &v["issues"][0];
    assert!(first["hint_nl"].as_str().is_some_and(|h| !h.is_empty()) && first["type"].is_string());
    assert!(page(&folder).contains("Los eerst de fouten op"));
}

#[test]
fn a_bad_cell_is_said_with_its_place_and_shape() {
    let mut study = Study::small();
    study.activiteit.set(4, "datum", "31-02-2021");
    study.leerling.set(7, "leeftijd", "veertien");
    let folder = Folder::with(&study);
    let ran = folder.lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let v = json(&folder);
    let find = |file: &str| v["issues"].as_array().expect("issues").iter().find(|i| i["file"] == file).cloned();
    let cell = find("leerling.csv").expect("a finding");
    assert_eq!(
        (cell["row"].as_u64(), cell["column"].as_str(), cell["found"].as_str()),
        (Some(9), Some("leeftijd"), Some("aaaaaaaa"))
    );
    assert_eq!(cell["type"], "type-error");
    assert!(find("activiteit.csv").is_some(), "{v:#}");
    assert!(
        !ran.err.contains("veertien") && !page(&folder).contains("veertien") && !v.to_string().contains("veertien")
    );
}

#[test]
fn f55_person_numbers_in_a_column_that_no_study_names_are_refused() {
    let mut study = Study::small();
    let passing = (100_000_000_u32..).map(|n| n.to_string()).filter(|n| lob_effect::ingest::eleven_test(n.as_bytes()));
    let numbers: Vec<String> = passing.take(40).collect();
    study.school.header.push("contact");
    for (i, row) in study.school.rows.iter_mut().enumerate() {
        row.push(format!("Tel. en nummer: {}", numbers[i]));
    }
    let folder = Folder::with(&study);
    let ran = folder.lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("LOB-E0132") && ran.err.contains("school.csv, column `contact`"), "{}", ran.err);
    assert!(numbers.iter().all(|n| !ran.err.contains(n) && !page(&folder).contains(n)));
}

#[test]
fn f55_a_person_number_in_a_file_name_is_refused_and_not_repeated() {
    let mut study = Study::small();
    study.text = study.text.replace("\"activiteit.csv\"", "\"activ*.csv\"");
    let folder = Folder::with(&study);
    fs::rename(folder.path().join("activiteit.csv"), folder.path().join("activ_123456782.csv")).expect("renames");
    for command in [&["check", "study.toml"][..], &["run", "study.toml", "--out", "out"]] {
        let ran = folder.lob(command);
        assert!(
            ran.code == 3 && ran.err.contains("LOB-E0131") && ran.err.contains("sources.activiteit"),
            "{}",
            ran.err
        );
        assert!(!ran.err.contains("123456782"));
    }
}

#[test]
fn personal_columns_that_are_not_read_are_pointed_at() {
    let mut study = Study::small();
    study.leerling.header.extend(["Achternaam", "mail"]);
    study.leerling.rows.iter_mut().for_each(|r| r.extend(["Xx".to_string(), "a@b.nl".to_string()]));
    let folder = Folder::with(&study);
    let ran = folder.lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(codes(&json(&folder), "warning"), ["LOB-E0133", "LOB-E0133"]);
    assert!(!ran.out.contains("a@b.nl"));
}

#[test]
fn f22_what_jumped_since_the_last_check_is_said() {
    let folder = Folder::with(&Study::small());
    assert_eq!(folder.lob(&["check", "study.toml"]).code, 0);
    assert!(json(&folder)["drift"].as_array().expect("drift").is_empty());
    let mut study = Study::small();
    let half = study.activiteit.rows.len() / 2;
    study.activiteit.rows.truncate(half);
    study.leerling.rows.iter_mut().step_by(2).for_each(|r| r[9] = String::new());
    study.write(folder.path());
    let ran = folder.lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let drift = json(&folder)["drift"].clone();
    let what: Vec<&str> =
        drift.as_array().expect("drift").iter().map(|d| d["what"].as_str().expect("a word")).collect();
    assert_eq!(what, ["rows", "missing"], "{drift:#}");
    assert!(ran.out.contains("LOB-E0151"));
}

#[test]
fn f22_another_unit_of_a_number_is_said() {
    let folder = Folder::with(&Study::small());
    assert_eq!(folder.lob(&["check", "study.toml"]).code, 0);
    let mut study = Study::small();
    let age = study.leerling.column("leeftijd");
    // Years become months.
    for row in &mut study.leerling.rows {
        row[age] = format!("{:.1}", 12.0 * row[age].parse::<f64>().expect("a number"));
    }
    study.write(folder.path());
    assert_eq!(folder.lob(&["check", "study.toml"]).code, 0);
    let drift = json(&folder)["drift"].clone();
    let said: Vec<String> =
        drift.as_array().expect("drift").iter().map(|d| format!("{} {}", d["what"], d["now"])).collect();
    assert!(said.contains(&"\"range\" \"mostly 100 to 200\"".to_string()), "{said:?}");
}

#[test]
fn columns_that_no_list_names_are_told_by_their_number() {
    let mut study = Study::small();
    study.text = study.text.replace("files = \"activiteit.csv\"", "files = \"activiteit.csv\"\nformat = \"dossier\"");
    study.activiteit.header.extend(["minuten", "Coach van Kanariesma"]);
    study.activiteit.rows.iter_mut().for_each(|r| r.extend(["20".to_string(), "x".to_string()]));
    let folder = Folder::with(&study);
    let ran = folder.lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let v = json(&folder);
    let file =
        v["files"].as_array().expect("files").iter().find(|f| f["file"] == "activiteit.csv").expect("the dossier");
    let columns: Vec<(&str, bool)> = file["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|c| (c["name"].as_str().expect("a name"), c["shape"].is_string()))
        .collect();
    assert_eq!(columns, [("id", true), ("datum", true), ("soort", true), ("minuten", true), ("column 5", false)]);
    assert!(!v.to_string().contains("Kanariesma") && !page(&folder).contains("Kanariesma"));
}

#[test]
fn a_fix_plan_is_toml_that_mends_the_study() {
    let mut study = Study::small();
    study.activiteit.header[1] = "Datum activiteit";
    study.activiteit.rows.iter_mut().for_each(|r| {
        if r[2] == "GESPR" {
            r[2] = "Gesprek met mentor".into();
        }
    });
    let folder = Folder::with(&study);
    let before = fs::read(folder.path().join("activiteit.csv")).expect("bytes");
    let ran = folder.lob(&["check", "study.toml", "--fix-plan"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    for words in ["# in [sources.activiteit]", "\"datum\" = \"Datum activiteit\"", "\"Gesprek met mentor\" = \"GESPR\""]
    {
        assert!(ran.out.contains(words), "no `{words}` in {}", ran.out);
    }
    assert!(ran.out.parse::<toml::Table>().is_ok(), "{}", ran.out);
    assert!(before == fs::read(folder.path().join("activiteit.csv")).expect("bytes"), "data were changed");
    // Pasted where it says, the study is right.
    let text = study.text.replace(
        "files = \"activiteit.csv\"",
        "files = \"activiteit.csv\"\nrename = { \"datum\" = \"Datum activiteit\" }",
    );
    fs::write(folder.path().join("study.toml"), text).expect("writes");
    assert_eq!(folder.lob(&["check", "study.toml"]).code, 0);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_a_check() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with(&Study::small());
    assert_eq!(folder.lob(&["check", "study.toml"]).code, 0);
    let mode = |name: &str| fs::metadata(folder.path().join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("check"), mode("check/validation.json"), mode("check/validatie.html")), (0o700, 0o600, 0o600));
}

#[test]
fn a_check_gives_the_same_bytes_for_any_number_of_threads() {
    let folder = Folder::with(&Study::small());
    for (threads, out) in [("1", "one"), ("3", "three")] {
        let ran = folder.lob(&["check", "study.toml", "--out", out, "--threads", threads]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    for name in ["validation.json", "validatie.html"] {
        let read = |out: &str| fs::read(folder.path().join(out).join(name)).expect("bytes");
        assert!(read("one") == read("three"), "{name}");
    }
}

/// A stranger's files: a pupil list, a dossier and an enrolment list with columns that nobody here named.
#[test]
fn init_proposes_a_study_from_files_and_check_leads_to_a_run() {
    let study = Study::small();
    let folder = Folder::with(&study);
    let dir = folder.path();
    let rewrite = |from: &str, to: &str, renames: &[(&str, &str)]| {
        let text = fs::read_to_string(dir.join(from)).expect("text");
        let (header, rows) = text.split_once('\n').expect("a header");
        let mut header = header.to_string();
        renames.iter().for_each(|(a, b)| header = header.replace(a, b));
        fs::write(dir.join(to), format!("{header}\n{rows}").replace(',', ";")).expect("writes");
    };
    rewrite(
        "leerling.csv",
        "llg.csv",
        &[("id,", "Pseudoniem,"), ("school", "BRIN"), ("begin", "Startdatum"), ("einde", "Eindmoment")],
    );
    rewrite("activiteit.csv", "dossier.csv", &[("id,", "Pseudoniem,"), ("datum", "Wanneer"), ("soort", "Onderdeel")]);
    rewrite("inschrijving.csv", "mbo.csv", &[("id,", "Pseudoniem,"), ("begin", "DatumBegin"), ("eind", "DatumEind")]);
    let ran = folder.lob(&["init", "new.toml", "--from", "llg.csv", "dossier.csv", "mbo.csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = fs::read_to_string(dir.join("new.toml")).expect("a proposal");
    for words in [
        "key = \"Pseudoniem\"",
        "date = \"Wanneer\"",
        "type = \"Onderdeel\"",
        "school = \"BRIN\"",
        "sector = \"sector\"",
        "landmark = \"peildatum\"",
        "GUESS",
        "FILL IN",
    ] {
        assert!(text.contains(words), "no `{words}` in {text}");
    }
    let ran = folder.lob(&["check", "new.toml"]);
    assert!(ran.code == 2 && ran.err.contains("pupils.linked"), "{}{}", ran.out, ran.err);
    // What the messages ask for.
    let filled = text
        .replace(
            "# linked = { column = \"…\", is = \"gekoppeld\" }",
            "linked = { column = \"koppeling\", is = \"ja\" }",
        )
        .replace("2024-12-31", "2030-12-31");
    fs::write(dir.join("new.toml"), filled).expect("writes");
    let ran = folder.lob(&["check", "new.toml"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let ran = folder.lob(&["run", "new.toml", "--out", "uit"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}
