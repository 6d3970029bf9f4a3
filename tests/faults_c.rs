//! Faults C, keys and meaning, as far as reading and keys go; the rest stands in `faults.rs`. A test that begins with `f`
//! and a number is about that fault of the list.

mod small;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use lob_effect::ingest::{KEY_ID, eleven_test};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use small::{Csv, Folder, Study, lob};

/// A table as Parquet that records the key of its pseudonyms.
fn with_key_id(table: &Csv, id: &str) -> Vec<u8> {
    let column = |c: usize| -> ArrayRef {
        let cell = |row: &Vec<String>| Some(row[c].clone()).filter(|v| !v.is_empty());
        Arc::new(table.rows.iter().map(cell).collect::<StringArray>())
    };
    let columns = table.header.iter().enumerate().map(|(c, name)| (*name, column(c), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a table");
    let pair = KeyValue::new(KEY_ID.to_string(), id.to_string());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![pair])).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("writes");
    writer.into_inner().expect("closes")
}

fn keyed(dir: &Path, ids: [&str; 2]) {
    let study = Study::small();
    fs::write(dir.join("activiteit.parquet"), with_key_id(&study.activiteit, ids[0])).expect("writes");
    fs::write(dir.join("inschrijving.parquet"), with_key_id(&study.inschrijving, ids[1])).expect("writes");
    let text =
        study.text.replace("activiteit.csv", "activiteit.parquet").replace("inschrijving.csv", "inschrijving.parquet");
    fs::write(dir.join("study.toml"), text).expect("writes");
}

#[test]
fn f29_deliveries_of_two_keys_are_refused_before_nobody_matches() {
    let folder = Folder::with(&Study::small());
    keyed(folder.path(), ["0123456789abcdef", "0123456789abcdef"]);
    folder.run_well();
    keyed(folder.path(), ["0123456789abcdef", "fedcba9876543210"]);
    for command in [&["run", "study.toml", "--out", "out"][..], &["check", "study.toml"]] {
        let ran = folder.lob(command);
        assert_eq!(ran.code, 2, "{}", ran.err);
        for words in ["LOB-E0706", "inschrijving.parquet", "fedcba9876543210", "0123456789abcdef"] {
            assert!(ran.err.contains(words), "no `{words}` in {}", ran.err);
        }
    }
}

/// Person numbers with a zero in front in the pupil list; a spreadsheet took it in the dossier.
#[test]
fn f28_numbers_that_lost_their_zeros_meet_again() {
    let mut study = Study::small();
    let passing = (10_000_000_u32..100_000_000).map(|n| format!("0{n}")).filter(|n| eleven_test(n.as_bytes()));
    let numbers: Vec<String> = passing.take(320).collect();
    let at = |id: &str| id.rsplit('-').next().expect("a number").parse::<usize>().expect("digits");
    study.leerling.rows.iter_mut().for_each(|r| r[0] = numbers[at(&r[0])].clone());
    study.activiteit.rows.iter_mut().for_each(|r| r[0] = numbers[at(&r[0])][1..].to_string());
    study.inschrijving.rows.iter_mut().for_each(|r| r[0] = format!(" {} ", numbers[at(&r[0])]));
    for table in ["leerling", "activiteit", "inschrijving"] {
        let file = format!("files = \"{table}.csv\"");
        study.text = study.text.replace(&file, &format!("{file}\nids = {{ id = \"pgn\" }}"));
    }
    study.text += "\n[privacy]\nkey_file = \"p.key\"\n";
    let plain = Folder::with(&Study::small());
    plain.run_well();
    let folder = Folder::with(&study);
    assert_eq!(lob(folder.path(), &["key", "new", "p.key", "--project", "klein"]).code, 0);
    folder.run_well();
    for step in ["used", "unknown_pupil"] {
        assert_eq!(folder.flow("activities", step), plain.flow("activities", step), "{step}");
    }
    assert_eq!(folder.flow("model uitval", "analysed"), plain.flow("model uitval", "analysed"));
}

#[test]
fn f09_an_id_that_a_spreadsheet_made_a_number_of_is_rejected_with_its_shape() {
    let mut study = Study::small();
    study.text = study.text.replace("files = \"activiteit.csv\"", "files = \"activiteit.csv\"\nids = { id = \"pgn\" }")
        + "\n[privacy]\nkey_file = \"p.key\"\n";
    study.activiteit.rows.iter_mut().for_each(|r| r[0] = "1.23E+08".into());
    let folder = Folder::with(&study);
    assert_eq!(lob(folder.path(), &["key", "new", "p.key", "--project", "klein"]).code, 0);
    let ran = folder.run();
    assert_eq!(ran.code, 3, "{}", ran.err);
    for words in ["LOB-E0108", "sources.activiteit", "column `id`", "9.99a+99", "import the column as text"] {
        assert!(ran.err.contains(words), "no `{words}` in {}", ran.err);
    }
}

#[test]
fn ids_without_a_key_are_refused_with_the_command_that_makes_one() {
    let mut study = Study::small();
    study.text = study
        .text
        .replace("files = \"activiteit.csv\"", "files = \"activiteit.csv\"\nids = { id = \"leerlingnummer\" }");
    let ran = Folder::with(&study).run();
    assert_eq!(ran.code, 2, "{}", ran.err);
    for words in ["LOB-E0701", "sources.activiteit", "`id`", "lob key new FILE --project klein", "LOB_KEY_FILE"] {
        assert!(ran.err.contains(words), "no `{words}` in {}", ran.err);
    }
}

#[test]
fn numbers_that_are_said_to_be_real_must_pass() {
    let mut study = Study::small();
    let number = |id: &str| 100_000_000 + 37 * id.rsplit('-').next().expect("a number").parse::<u32>().expect("digits");
    for table in [&mut study.leerling, &mut study.activiteit, &mut study.inschrijving] {
        table.rows.iter_mut().for_each(|r| r[0] = number(&r[0]).to_string());
    }
    for table in ["leerling", "activiteit", "inschrijving"] {
        let file = format!("files = \"{table}.csv\"");
        study.text = study.text.replace(&file, &format!("{file}\nids = {{ id = \"pgn\" }}"));
    }
    study.text += "\n[privacy]\nkey_file = \"p.key\"\n";
    let folder = Folder::with(&study);
    assert_eq!(lob(folder.path(), &["key", "new", "p.key", "--project", "klein"]).code, 0);
    let ran = folder.run();
    assert!(ran.code == 3 && ran.err.contains("LOB-E0130") && ran.err.contains("synthetic"), "{}", ran.err);
    fs::write(folder.path().join("study.toml"), study.text.clone() + "synthetic = true\n").expect("writes");
    folder.run_well();
}

/// Two schools give the same number to different pupils; a crosswalk joins them to their person numbers.
#[test]
fn a_crosswalk_joins_numbers_of_schools_to_person_numbers() {
    let mut study = Study::small();
    let passing = (999_000_000_u32..).map(|n| n.to_string()).filter(|n| eleven_test(n.as_bytes()));
    let numbers: Vec<String> = passing.take(320).collect();
    let at = |id: &str| id.rsplit('-').next().expect("a number").parse::<usize>().expect("digits");
    let school = |p: usize| small::SCHOOLS[p / 40];
    let mut crosswalk = String::from("leerlingnummer;pgn;brin;vestiging\n");
    for (p, number) in numbers.iter().enumerate() {
        // Numbers repeat: every school counts from 100.
        crosswalk += &format!("{};{number};{};{}\n", 100 + p % 40, &school(p)[..4], &school(p)[4..]);
    }
    study.leerling.rows.iter_mut().for_each(|r| r[0] = numbers[at(&r[0])].clone());
    study.inschrijving.rows.iter_mut().for_each(|r| r[0] = numbers[at(&r[0])].clone());
    study.activiteit.header = vec!["leerlingnummer", "datum", "soort", "vestigingscode"];
    study.activiteit.rows.iter_mut().for_each(|r| {
        let p = at(&r[0]);
        r[0] = (100 + p % 40).to_string();
        r.push(school(p).to_string());
    });
    study.text = study
        .text
        .replace("files = \"leerling.csv\"", "files = \"leerling.csv\"\nids = { id = \"pgn\" }")
        .replace("files = \"inschrijving.csv\"", "files = \"inschrijving.csv\"\nids = { id = \"pgn\" }")
        .replace(
            "files = \"activiteit.csv\"",
            "files = \"activiteit.csv\"\nids = { leerlingnummer = \"leerlingnummer\" }\nid_school = \"vestigingscode\"\n\
             lookup = [{ table = \"koppeltabel\", on = \"leerlingnummer\", take = \"pgn\" }]\n\
             [sources.koppeltabel]\nfiles = \"koppeltabel.csv\"\ndelimiter = \";\"\n\
             ids = { leerlingnummer = \"leerlingnummer\", pgn = \"pgn\" }\nid_school = [\"brin\", \"vestiging\"]",
        )
        .replace("source = \"activiteit\"\nkey = \"id\"", "source = \"activiteit\"\nkey = \"pgn\"")
        + "\n[privacy]\nkey_file = \"p.key\"\n";
    let plain = Folder::with(&Study::small());
    plain.run_well();
    let folder = Folder::with(&study);
    fs::write(folder.path().join("koppeltabel.csv"), crosswalk).expect("writes");
    assert_eq!(lob(folder.path(), &["key", "new", "p.key", "--project", "klein"]).code, 0);
    folder.run_well();
    assert_eq!(folder.flow("activities", "used"), plain.flow("activities", "used"));
    assert_eq!(folder.flow("activities", "unknown_pupil"), 0);
    // Without the school, numbers of two schools are one: refused, not mixed.
    let text =
        study.text.replace("id_school = [\"brin\", \"vestiging\"]", "").replace("id_school = \"vestigingscode\"", "");
    fs::write(folder.path().join("study.toml"), text).expect("writes");
    let ran = folder.run();
    assert!(ran.code == 3 && ran.err.contains("LOB-E0107") && ran.err.contains("koppeltabel"), "{}", ran.err);
}
