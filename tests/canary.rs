//! No personal value anywhere: names, person numbers, e-mail addresses and birth dates are planted in the inputs, also in
//! rows that are rejected and in columns that no study names. Then every command runs, and every byte that it prints or
//! writes is searched for them, also inside Parquet.

mod small;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use lob_effect::ingest::{eleven_test, nine_digit_numbers};
use small::{Csv, Study, files, read_parquet};
use tempfile::TempDir;

const NAME: &str = "Kanariesma";
const MAIL: &str = "kanarie@vogel.example";
const BIRTH: &str = "2006-11-17";
const TEXT: &str = "Wil later heel graag bij Kanarievrees in de buurt gaan werken";
const PLANTED: [&str; 5] = [NAME, MAIL, BIRTH, "Kanarievrees", "KANARIE"];

/// Numbers that pass the 11-test, in the range that is used for tests.
fn numbers() -> Vec<String> {
    let all = (999_000_000..1_000_000_000_u32).map(|n| n.to_string());
    all.filter(|n| eleven_test(n.as_bytes())).take(320).collect()
}

/// The small study with person numbers in the place of pseudonyms, and personal columns that it does not name.
fn planted(max_reject: u32) -> Study {
    let mut study = Study::small();
    let numbers = numbers();
    let number = |id: &str| numbers[id.rsplit('-').next().expect("a number").parse::<usize>().expect("digits")].clone();
    for table in [&mut study.leerling, &mut study.activiteit, &mut study.inschrijving] {
        table.rows.iter_mut().for_each(|row| row[0] = number(&row[0]));
    }
    add(&mut study.leerling, "achternaam", NAME);
    add(&mut study.leerling, "email", MAIL);
    add(&mut study.leerling, "geboortedatum", BIRTH);
    add(&mut study.activiteit, "toelichting", TEXT);
    // Rows that are rejected, with a name where a date or a number should stand.
    study.activiteit.set(3, "datum", NAME);
    study.leerling.set(5, "leeftijd", MAIL);
    study.text = study
        .text
        .replace("[study]", &format!("[study]\nmax_reject = {max_reject}"))
        .replace("files = \"leerling.csv\"", "files = \"leerling.csv\"\nids = { id = \"pgn\" }")
        .replace("files = \"activiteit.csv\"", "files = \"activiteit.csv\"\nids = { id = \"pgn\" }")
        .replace("files = \"inschrijving.csv\"", "files = \"inschrijving.csv\"\nids = { id = \"pgn\" }")
        + "\n[privacy]\nkey_file = \"p.key\"\n";
    study
}

fn add(table: &mut Csv, column: &'static str, value: &str) {
    table.header.push(column);
    table.rows.iter_mut().for_each(|row| row.push(value.to_string()));
}

fn parquet(table: &Csv) -> Vec<u8> {
    let column = |c: usize| -> ArrayRef {
        let cell = |row: &Vec<String>| Some(row[c].clone()).filter(|v| !v.is_empty());
        Arc::new(table.rows.iter().map(cell).collect::<StringArray>())
    };
    let columns = table.header.iter().enumerate().map(|(c, name)| (*name, column(c)));
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).expect("a table");
    lob_effect::run::write_table(&batch).expect("Parquet")
}

/// Writes the study with its tables in a format.
fn write(study: &Study, dir: &Path, format: &str) {
    study.write(dir);
    if format == "parquet" {
        for (name, table) in
            [("leerling", &study.leerling), ("activiteit", &study.activiteit), ("inschrijving", &study.inschrijving)]
        {
            fs::write(dir.join(format!("{name}.parquet")), parquet(table)).expect("writes");
            fs::remove_file(dir.join(format!("{name}.csv"))).expect("removes");
        }
        let text =
            study.text.replace("leerling.csv", "leerling.parquet").replace("activiteit.csv", "activiteit.parquet");
        fs::write(dir.join("study.toml"), text.replace("inschrijving.csv", "inschrijving.parquet")).expect("writes");
    }
}

/// What is in `text` that may not be there.
fn leak(text: &[u8], numbers: &BTreeSet<String>) -> Option<String> {
    if let Some(word) = PLANTED.iter().find(|w| text.windows(w.len()).any(|window| window == w.as_bytes())) {
        return Some((*word).to_string());
    }
    let mut found = None;
    nine_digit_numbers(text, |digits| {
        let number = String::from_utf8_lossy(&digits).into_owned();
        if numbers.contains(&number) {
            found = Some("a person number".to_string());
        }
    });
    found
}

fn lob(dir: &Path, args: &[&str], said: &mut Vec<u8>) -> i32 {
    let output = Command::new(env!("CARGO_BIN_EXE_lob"))
        .current_dir(dir)
        .args(args)
        .env("RUST_BACKTRACE", "full")
        .env("RUST_LOG", "trace")
        .output()
        .expect("it starts");
    said.extend(output.stdout);
    said.extend(output.stderr);
    output.status.code().unwrap_or(-1)
}

/// Everything below `dir` but the inputs, searched to the last cell.
fn assert_clean(dir: &Path, inputs: &[PathBuf], numbers: &BTreeSet<String>) -> usize {
    let mut searched = 0;
    for path in files(dir).into_iter().filter(|p| !inputs.contains(p)) {
        searched += 1;
        let name = path.display().to_string();
        assert_eq!(leak(name.as_bytes(), numbers), None, "{name}");
        assert_eq!(leak(&fs::read(&path).expect("a file"), numbers), None, "{name}");
        if path.extension().is_some_and(|e| e == "parquet") {
            for column in read_parquet(&path).columns() {
                let text = cast(column, &DataType::Utf8).expect("has a text");
                for cell in text.as_string::<i32>().iter().flatten() {
                    assert_eq!(leak(cell.as_bytes(), numbers), None, "{name}");
                }
            }
        }
    }
    searched
}

#[test]
fn f61_nothing_personal_is_printed_or_written_by_any_command() {
    let known: BTreeSet<String> = numbers().into_iter().collect();
    for format in ["csv", "parquet"] {
        for (max_reject, good) in [(5, true), (0, false)] {
            let dir = TempDir::new().expect("a folder");
            let study = planted(max_reject);
            write(&study, dir.path(), format);
            let inputs: Vec<PathBuf> = files(dir.path());
            let mut said = Vec::new();
            assert_eq!(lob(dir.path(), &["key", "new", "p.key", "--project", "klein"], &mut said), 0);
            let commands: [&[&str]; 5] = [
                &["check", "study.toml", "--fix-plan"],
                &["run", "study.toml", "--out", "out"],
                &["panel", "study.toml", "--outcome", "uitval_jr1", "--out", "panel.parquet"],
                &["panel", "study.toml", "--outcome", "uitval_jr1", "--sql", "duckdb"],
                &["report", "study.toml", "--to", "reports"],
            ];
            for command in commands {
                let code = lob(dir.path(), command, &mut said);
                let expected = if good || command.contains(&"--sql") { 0 } else { 3 };
                assert_eq!(code, expected, "{format} {command:?}: {}", String::from_utf8_lossy(&said));
            }
            assert_eq!(leak(&said, &known), None, "{format}: something personal was printed");
            let mut inputs = inputs;
            inputs.push(dir.path().join("p.key"));
            let searched = assert_clean(dir.path(), &inputs, &known);
            assert!(searched >= if good { 20 } else { 2 }, "only {searched} files");
            if good {
                // The pseudonyms are there, so the search had something to miss.
                let panel = small::Rows(read_parquet(&dir.path().join("panel.parquet")));
                assert!((0..panel.len()).all(|i| panel.text("pupil", i).len() == 32));
            }
        }
    }
}

#[test]
fn the_search_finds_what_is_planted() {
    let known: BTreeSet<String> = numbers().into_iter().collect();
    let number = known.iter().next().expect("a number").clone();
    for text in [format!("x {number} y"), format!("<p>{NAME}</p>"), format!("\"{BIRTH}\"")] {
        assert!(leak(text.as_bytes(), &known).is_some(), "{text}");
    }
    assert_eq!(leak(b"123456782 iets anders", &known), None);
}

/// One pupil has one pseudonym in every file and format, so that tables still meet.
#[test]
fn pseudonyms_of_two_formats_are_the_same() {
    let panels: Vec<RecordBatch> = ["csv", "parquet"]
        .iter()
        .map(|format| {
            let dir = TempDir::new().expect("a folder");
            write(&planted(5), dir.path(), format);
            // One key for both: made once, written by hand into each folder is what `lob key` forbids, so it is copied.
            let key = key_file();
            fs::copy(&key, dir.path().join("p.key")).expect("copies");
            let mut said = Vec::new();
            let args = ["panel", "study.toml", "--outcome", "uitval_jr1", "--out", "panel.parquet"];
            assert_eq!(lob(dir.path(), &args, &mut said), 0, "{}", String::from_utf8_lossy(&said));
            read_parquet(&dir.path().join("panel.parquet"))
        })
        .collect();
    assert_eq!(panels[0].num_rows(), 319);
    assert_eq!(panels[0], panels[1]);
}

fn key_file() -> PathBuf {
    use std::sync::OnceLock;
    static KEY: OnceLock<TempDir> = OnceLock::new();
    let dir = KEY.get_or_init(|| {
        let dir = TempDir::new().expect("a folder");
        assert_eq!(lob(dir.path(), &["key", "new", "p.key", "--project", "klein"], &mut Vec::new()), 0);
        dir
    });
    dir.path().join("p.key")
}
