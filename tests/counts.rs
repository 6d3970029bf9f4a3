//! Aggregate mode from end to end: counts of a simulated region beside its dossier, faults in counts, and DUO's own file.

mod small;
#[path = "common/tables.rs"]
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use small::lob;
use tempfile::TempDir;

const COUNTS: &str = r#"
[counts]
source = "uitkomsten"
label = "Niet in onderwijs na een jaar"
label_en = "In no education a year later"
school = "VESTIGINGSCODE"
leerweg = "LEERWEG"
cohort = "SCHOOLJAAR"
n = "LEERLINGEN"
events = "NIET IN ONDERWIJS"
exposure = "lob"
recode = { "VMBO BB" = "BB", "VMBO KB" = "KB", "VMBO GL" = "GL", "VMBO TL" = "TL", "2019-2020" = "2020", "2020-2021" = "2021", "2021-2022" = "2022" }
"#;

/// A region of tables and its counts, with `[counts]` and neither outcomes nor models of pupils.
fn region(schools: &str, pupils: &str) -> TempDir {
    let dir = TempDir::new().expect("a folder");
    let of = ["simulate", "--schools", schools, "--cohorts", "2", "--pupils", pupils, "--seed", "5"];
    for more in [&["--to", "regio"][..], &["--as", "counts", "--to", "open"]] {
        let ran = lob(dir.path(), &[&of[..], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let text = fs::read_to_string(dir.path().join("regio/study.toml")).expect("a study");
    let (head, rest) = text.split_once("[[outcomes]]").expect("outcomes");
    let (_, privacy) = rest.split_once("\n[privacy]").expect("privacy");
    let source = "\n[sources.uitkomsten]\nfiles = \"uitkomsten.csv\"\n";
    let study = format!("{head}{source}{COUNTS}\n[privacy]{privacy}");
    fs::write(dir.path().join("regio/study.toml"), study).expect("written");
    fs::copy(dir.path().join("open/open/uitkomsten_per_leerweg.csv"), dir.path().join("regio/uitkomsten.csv"))
        .expect("copied");
    dir
}

fn change(dir: &Path, file: &str, change: impl Fn(&str) -> String) {
    let path = dir.join("regio").join(file);
    let text = fs::read_to_string(&path).expect("a file");
    let changed = change(&text);
    assert_ne!(text, changed, "{file} stays as it was");
    fs::write(path, changed).expect("written");
}

/// The study with other lines in its source of counts, and another `[counts]`.
fn with_counts(dir: &TempDir, source: &str, counts: &str) {
    change(dir.path(), "study.toml", |t| {
        let (head, rest) = t.split_once("[counts]").expect("counts");
        let (_, privacy) = rest.split_once("\n[privacy]").expect("privacy");
        let head = head.replace("files = \"uitkomsten.csv\"\n", &format!("files = \"uitkomsten.csv\"\n{source}\n"));
        format!("{head}[counts]\nsource = \"uitkomsten\"\nexposure = \"lob\"\n{counts}\n\n[privacy]{privacy}")
    });
}

fn json(dir: &Path) -> Value {
    serde_json::from_str(&published(dir, "research/counts.json")).expect("JSON")
}

/// A file of the run that `CURRENT` names.
fn published(dir: &Path, file: &str) -> String {
    let out = dir.join("uit");
    let current = fs::read_to_string(out.join("CURRENT")).expect("a run");
    fs::read_to_string(out.join("runs").join(current.trim()).join(file)).expect("a file")
}

const RUN: [&str; 4] = ["counts", "regio/study.toml", "--to", "uit"];

#[test]
fn a_region_with_masked_counts_is_told_at_the_level_of_schools() {
    let dir = region("40", "9000");
    let ran = lob(dir.path(), &RUN);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let found = json(dir.path());
    assert_eq!((found["level"].as_str(), found["result"]["schools"].as_u64()), (Some("cell"), Some(40)));
    assert!(found["result"]["masked"].as_u64() > Some(10));
    let parts = found["result"]["parts"].as_array().expect("parts");
    assert!(!parts.is_empty(), "{}", found["result"]["refused"]);
    for part in parts {
        let at = |key: &str, end: usize| part[key][end].as_f64().expect("a number");
        assert!(at("interval", 0) < at("log_odds", 0) && at("log_odds", 0) < at("log_odds", 1));
        assert!(at("log_odds", 1) < at("interval", 1));
    }
    // Counts only carry what lies between schools and between cohorts; the region's truth for both is inside.
    let truth = tables::Sheet::read(&dir.path().join("regio/truth.parquet"));
    let planted = |term: &str| -> f64 {
        let has = |row: &[Option<String>], name: &str, value: &str| row[truth.at(name)].as_deref() == Some(value);
        let is_it = |row: &&Vec<Option<String>>| has(row, "outcome", "uitval_jr1") && has(row, "term", term);
        let row = truth.rows.iter().find(is_it).expect("a planted coefficient");
        row[truth.at("value")].as_ref().expect("a value").parse().expect("a number")
    };
    for (id, term) in [("between_schools", "dose_school"), ("between_cohorts", "dose_cohort")] {
        let part = parts.iter().find(|p| p["part"] == id).unwrap_or_else(|| panic!("{id}"));
        let (at, truth) = (|end: usize| part["interval"][end].as_f64().expect("a number"), 5.0 * planted(term));
        assert!(at(0) < truth && truth < at(1), "{id}: {truth} not in {} to {}", at(0), at(1));
    }
    let page = |name: &str| published(dir.path(), name);
    assert!(page("aantallen.html").contains("Dit gaat op schoolniveau, niet over leerlingen."));
    assert!(page("counts.html").contains("This is at the level of schools, not about pupils."));
    // The same counts again are the same run, with the same bytes.
    let before = (page("manifest.json"), page("aantallen.html"));
    assert_eq!(lob(dir.path(), &RUN).code, 0);
    assert!(before == (page("manifest.json"), page("aantallen.html")));
    assert_eq!(fs::read_dir(dir.path().join("uit/runs")).expect("runs").count(), 1);
}

/// Files as schools have them: pupil lists and dossiers become tables, the counts go with them.
#[test]
fn pupil_lists_a_dossier_and_counts_are_enough() {
    let dir = TempDir::new().expect("a folder");
    let of = ["--schools", "14", "--cohorts", "2", "--pupils", "1600", "--seed", "5", "--as", "las,dossier-csv,counts"];
    let ran = lob(dir.path(), &[&["simulate", "--to", "regio"][..], &of].concat());
    assert_eq!((ran.code, ran.out.contains("lob counts ")), (0, true), "{}{}", ran.out, ran.err);
    assert_eq!(lob(dir.path(), &["key", "new", "regio/sleutel.key", "--project", "lob"]).code, 0);
    let ran = lob(dir.path(), &["check", "regio/study.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = lob(dir.path(), &RUN);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let found = json(dir.path());
    let rows =
        fs::read_to_string(dir.path().join("regio/open/uitkomsten_per_leerweg.csv")).expect("counts").lines().count();
    assert_eq!(found["result"]["cells"].as_u64(), Some(rows as u64 - 1), "every cell meets: {found}");
    assert_eq!(found["drops"], serde_json::json!({}));
    assert!(
        found["result"]["masked"].as_u64() > Some(0) && !found["result"]["parts"].as_array().expect("parts").is_empty()
    );
}

/// Without a study: what `lob init` proposes of the same files, with the label that it asks for.
#[test]
fn a_study_of_counts_is_proposed_from_the_files() {
    let dir = TempDir::new().expect("a folder");
    let of = ["--schools", "12", "--cohorts", "2", "--pupils", "1400", "--seed", "6", "--as", "las,dossier-csv,counts"];
    assert_eq!(lob(dir.path(), &[&["simulate", "--to", "regio"][..], &of].concat()).code, 0);
    fs::remove_file(dir.path().join("regio/study.toml")).expect("a study");
    let lists = |folder: &str, with: &str| -> Vec<String> {
        let all = fs::read_dir(dir.path().join("regio").join(folder)).expect("a folder");
        let names = all.map(|f| f.expect("a file").file_name().to_string_lossy().into_owned());
        let mut paths: Vec<String> =
            names.filter(|n| n.starts_with(with)).map(|n| format!("regio/{folder}/{n}")).collect();
        paths.sort();
        paths
    };
    let files = [lists("las", "magister"), lists("las", "somtoday"), lists("dossier", "dossier"), lists("open", "")];
    let files = files.concat();
    let init: Vec<&str> =
        ["init", "regio/study.toml", "--from"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let ran = lob(dir.path(), &init);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = lob(dir.path(), &["check", "regio/study.toml"]);
    assert!(ran.code == 2 && ran.err.contains("counts.label"), "{}", ran.err);
    change(dir.path(), "study.toml", |t| t.replace("label = \"…\"", "label = \"Niet in onderwijs\""));
    assert_eq!(lob(dir.path(), &["key", "new", "regio/project.key", "--project", "studie"]).code, 0);
    let ran = lob(dir.path(), &["check", "regio/study.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = lob(dir.path(), &RUN);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let found = json(dir.path());
    assert_eq!((found["result"]["schools"].as_u64(), &found["drops"]), (Some(12), &serde_json::json!({})), "{found}");
}

#[test]
fn a_person_number_stops_the_page_and_the_old_one_stays() {
    let dir = region("12", "1200");
    assert_eq!(lob(dir.path(), &RUN).code, 0);
    let before = published(dir.path(), "aantallen.html");
    change(dir.path(), "study.toml", |t| t.replace("Niet in onderwijs na een jaar", "Uitkomst van 123456782"));
    let ran = lob(dir.path(), &RUN);
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert!(ran.err.contains("LOB-E0601") && !ran.err.contains("123456782"), "{}", ran.err);
    assert_eq!(published(dir.path(), "aantallen.html"), before);
    assert_eq!(fs::read_dir(dir.path().join("uit/runs")).expect("runs").count(), 1);
}

/// With few pupils the share of all is not shown either.
#[test]
fn a_share_of_few_pupils_is_not_on_the_page() {
    let dir = region("3", "60");
    change(dir.path(), "uitkomsten.csv", |t| {
        let few = |line: &str| if line.contains("\"2019-2020\"") { format!("{line}\n") } else { String::new() };
        let header = t.lines().next().expect("a header");
        std::iter::once(format!("{header}\n")).chain(t.lines().skip(1).map(few)).collect()
    });
    let ran = lob(dir.path(), &RUN);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let result = &json(dir.path())["result"];
    assert!(result["events"][0].as_u64() < Some(10), "{result}");
    let page = published(dir.path(), "aantallen.html");
    assert!(page.contains("te weinig leerlingen om een aandeel te tonen") && !page.contains(" % van de"), "{page}");
    assert!(page.contains("te weinig scholen om een samenhang te noemen"));
}

#[test]
fn faults_in_counts_are_said_with_their_cell() {
    let dir = region("12", "1200");
    let counts = fs::read_to_string(dir.path().join("regio/uitkomsten.csv")).expect("counts");
    let row = |cells: &str| format!("{}{cells}\n", counts);
    let faults = [
        (
            row("\"90AA00\";\"VMBO BB\";\"2019-2020\";\"12\";\"9\";\"3\""),
            "LOB-E0152 sources.uitkomsten: 90AA00 · BB · 2020 stands there twice; add up such rows with `sum = true`",
        ),
        (
            row("\"90AA00\";\"VMBO TL\";\"2025-2026\";\"12\";\"9\";\"13\""),
            "LOB-E0152 sources.uitkomsten: 90AA00 · TL · 2025-2026: more events than pupils",
        ),
        (
            row("\"90AA00\";\"VMBO TL\";\"2025-2026\";\"12\";\"9\";\"-1\""),
            "LOB-E0152 sources.uitkomsten: 90AA00 · TL · 2025-2026: `NIET IN ONDERWIJS` is no count; it must be a whole \
             number, or masked as `<5`",
        ),
    ];
    for (text, message) in faults {
        fs::write(dir.path().join("regio/uitkomsten.csv"), text).expect("written");
        let ran = lob(dir.path(), &RUN);
        assert_eq!((ran.code, ran.err.contains(message)), (3, true), "{message}\n{}", ran.err);
        assert!(!dir.path().join("uit").exists(), "nothing is written");
    }
    // A school that only the counts know is left out, and said.
    fs::write(dir.path().join("regio/uitkomsten.csv"), row("\"99ZZ00\";\"VMBO TL\";\"2019-2020\";\"12\";\"9\";\"3\""))
        .expect("written");
    let ran = lob(dir.path(), &RUN);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(json(dir.path())["drops"]["unknown_school"], 1);
    let page = published(dir.path(), "counts.html");
    assert!(
        page.contains(
            "<th scope=\"row\">counts of a school that the dossier does not have</th><td class=\"num\">1</td>"
        ),
        "{page}"
    );
    // Cohorts of other names meet nobody.
    change(dir.path(), "study.toml", |t| t.replace("\"2019-2020\" = \"2020\", \"2020-2021\" = \"2021\", ", ""));
    let ran = lob(dir.path(), &RUN);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("LOB-E0153 sources.uitkomsten: no cell of the counts meets"), "{}", ran.err);
}

#[test]
fn the_exam_file_of_duo_is_read_as_counts() {
    let Some(shared) = tables::shared_dir() else { return };
    let file = shared.join("data/duo/open/examenkandidaten_geslaagden_2019-2024_vmbo.csv");
    let text = fs::read_to_string(&file).expect("DUO's file");
    let dir = region("12", "1200");
    let own: BTreeSet<String> = column(&dir, 0);
    // The first of DUO's locations with many programmes take the keys of the simulated schools, so that something meets.
    let mut keys = BTreeMap::new();
    let mut free = own.iter();
    let lines_of = |l: &str| text.lines().filter(|line| line.contains(&format!("\"{l}\""))).count();
    let with_our_keys: Vec<String> = (text.lines().enumerate())
        .map(|(at, line)| {
            let location = line.split(';').nth(1).unwrap_or_default().trim_matches('"');
            let key = if at == 0 || lines_of(location) < 9 {
                None
            } else {
                keys.entry(location.to_string()).or_insert_with(|| free.next()).as_ref()
            };
            key.map_or(line.to_string(), |key| line.replace(location, key).replacen(&location[..4], &key[..4], 1))
        })
        .collect();
    fs::write(dir.path().join("regio/uitkomsten.csv"), with_our_keys.join("\n")).expect("written");
    with_counts(
        &dir,
        "format = \"duo-examens\"\nfilter = [{ column = \"sex\", is = \"T\" }]",
        "label = \"Geslaagd\"\nschool = \"school_key\"\nleerweg = \"leerweg\"\ncohort = \"school_year\"\nn = \"count_lo\"\nn_hi = \
         \"count_hi\"\nevents = \"passed_lo\"\nevents_hi = \"passed_hi\"\nsum = true\nrecode = { \"2019-2020\" = \"2020\", \
         \"2020-2021\" = \"2021\" }",
    );
    let ran = lob(dir.path(), &RUN);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let found = json(dir.path());
    let result = &found["result"];
    assert!(result["cells"].as_u64() > Some(10) && result["masked"].as_u64() > Some(0), "{result}");
    let [lo, hi] = [0, 1].map(|end| result["pupils"][end].as_u64().expect("pupils"));
    assert!(lo < hi, "a masked number of candidates stays an interval: {lo} to {hi}");
    assert!(found["drops"]["unknown_school"].as_u64() > Some(5000), "{found}");
}

/// Old vsv tables have no leerweg and name institutions: cells are of a school and cohort, and `recode` says which school is meant.
#[test]
fn the_vsv_table_of_duo_is_read_as_counts_without_leerweg() {
    let dir = region("12", "1200");
    let schools = column(&dir, 0);
    let mut text = String::from(
        "JAAR;BRIN NUMMER;ONDERWIJSSTRUCTUUR EN LEERJAAR;PROFIEL;AANTAL DEELNEMERS;AANTAL VSV ERS;AANTAL VSV ERS MET VMBO \
         DIPLOMA;AANTAL VSV ERS MET MBO1 DIPLOMA;AANTAL VSV ERS ZONDER DIPLOMA\n",
    );
    for (at, school) in schools.iter().enumerate() {
        for year in [2020, 2021] {
            let brin = &school[..4];
            let (all, gone) = (1_100 + at, 20 + at % 3);
            text += &format!("{year};{brin};VMBO BOVENBOUW;NVT;1.{:03};{gone};9;0;{}\n", all - 1000, gone - 9);
            text += &format!("{year};{brin};VMBO ONDERBOUW;NVT;900;3;0;0;3\n");
        }
    }
    fs::write(dir.path().join("regio/uitkomsten.csv"), text).expect("written");
    let recode: Vec<String> = schools.iter().map(|s| format!("{:?} = {s:?}", &s[..4])).collect();
    let counts =
        "label = \"Voortijdig gestopt\"\nschool = \"brin\"\ncohort = \"year\"\nn = \"count\"\nevents = \"dropouts\"";
    let source = "filter = [{ column = \"group\", is = \"VMBO BOVENBOUW\" }]";
    with_counts(&dir, source, &format!("{counts}\nrecode = {{ {} }}", recode.join(", ")));
    let ran = lob(dir.path(), &RUN);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let result = &json(dir.path())["result"];
    assert_eq!((result["schools"].as_u64(), result["cells"].as_u64()), (Some(12), Some(24)), "{result}");
    let pupils: u64 = (0..12).map(|at| 2 * (1_100 + at)).sum();
    assert_eq!(result["pupils"][0].as_u64(), Some(pupils), "the other rows are left out");
    let page = published(dir.path(), "counts.html");
    assert!(page.contains("counts per school and cohort.") && !page.contains("leerweg and cohort"), "{page}");
}

#[test]
fn a_check_reads_the_counts_and_says_which_cells_meet() {
    let dir = region("12", "1200");
    let check = ["check", "regio/study.toml"];
    let ran = lob(dir.path(), &check);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("cells on both sides"), "{}", ran.out);
    let page = fs::read_to_string(dir.path().join("regio/check/validatie.html")).expect("a page");
    assert!(page.contains("cellen die in beide staan"), "{page}");
    // What is wrong is said at once: two cells here, a column there.
    change(dir.path(), "uitkomsten.csv", |t| {
        format!(
            "{t}\"90AA00\";\"VMBO TL\";\"2025-2026\";\"12\";\"9\";\"13\"\n\"90AB00\";\"VMBO TL\";\"2025-2026\";\"x\";\"9\";\"3\"\n"
        )
    });
    let ran = lob(dir.path(), &check);
    assert_eq!(ran.code, 3, "{}", ran.err);
    for said in
        ["90AA00 · TL · 2025-2026: more events than pupils", "90AB00 · TL · 2025-2026: `LEERLINGEN` is no count"]
    {
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    change(dir.path(), "uitkomsten.csv", |t| t.replace("LEERLINGEN", "LLN"));
    let ran = lob(dir.path(), &check);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("LEERLINGEN"), "{}", ran.err);
}

/// What stands in a column of the counts.
fn column(dir: &TempDir, at: usize) -> BTreeSet<String> {
    let text = fs::read_to_string(dir.path().join("regio/uitkomsten.csv")).expect("counts");
    let cell = |line: &str| line.split(';').nth(at).unwrap_or_default().trim_matches('"').to_string();
    text.lines().skip(1).map(cell).collect()
}
