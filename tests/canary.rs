//! No personal value anywhere: names, person numbers, e-mail addresses and birth dates are planted in the inputs, also in
//! rows that are rejected and in columns that no study names. Then every command runs, and every byte that it prints or
//! writes is searched for them, also inside Parquet.

mod deliveries;
mod small;
#[path = "common/tables.rs"]
mod tables;

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

fn workbook(table: &Csv) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let header = table.header.iter().map(ToString::to_string).collect();
    for (r, row) in std::iter::once(&header).chain(&table.rows).enumerate() {
        for (c, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let (r, c) = (u32::try_from(r).expect("few rows"), u16::try_from(c).expect("few columns"));
            sheet.write_string(r, c, cell).expect("a cell");
        }
    }
    book.save_to_buffer().expect("a workbook")
}

/// Writes the study with its tables in a format.
fn write(study: &Study, dir: &Path, format: &str) {
    study.write(dir);
    if format == "csv" {
        return;
    }
    let mut text = study.text.clone();
    let tables =
        [("leerling", &study.leerling), ("activiteit", &study.activiteit), ("inschrijving", &study.inschrijving)];
    for (name, table) in tables {
        let bytes = if format == "parquet" { parquet(table) } else { workbook(table) };
        fs::write(dir.join(format!("{name}.{format}")), bytes).expect("writes");
        fs::remove_file(dir.join(format!("{name}.csv"))).expect("removes");
        text = text.replace(&format!("{name}.csv"), &format!("{name}.{format}"));
    }
    fs::write(dir.join("study.toml"), text).expect("writes");
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
    for format in ["csv", "parquet", "xlsx"] {
        for (max_reject, good) in [(5, true), (0, false)] {
            let dir = TempDir::new().expect("a folder");
            let study = planted(max_reject);
            write(&study, dir.path(), format);
            let inputs: Vec<PathBuf> = files(dir.path());
            let mut said = Vec::new();
            assert_eq!(lob(dir.path(), &["key", "new", "p.key", "--project", "klein"], &mut said), 0);
            let tables = ["leerling", "activiteit", "inschrijving"].map(|t| format!("{t}.{format}"));
            let init = ["init", "proposed.toml", "--from", &tables[0], &tables[1], &tables[2]];
            let commands: [&[&str]; 6] = [
                &init,
                &["check", "study.toml", "--fix-plan"],
                &["run", "study.toml", "--out", "out"],
                &["panel", "study.toml", "--outcome", "uitval_jr1", "--out", "panel.parquet"],
                &["panel", "study.toml", "--outcome", "uitval_jr1", "--sql", "duckdb"],
                &["report", "study.toml", "--to", "reports"],
            ];
            for command in commands {
                let code = lob(dir.path(), command, &mut said);
                let expected = if good || command.contains(&"--sql") || command[0] == "init" { 0 } else { 3 };
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

/// The deliveries of `lob ingest` with person numbers for keys, personal columns that nobody names, and cells that are rejected.
fn planted_deliveries(dir: &Path, max_reject: u32) -> Vec<PathBuf> {
    let numbers = numbers();
    let mut all = deliveries::files();
    all.get_mut("dossier-2.csv").expect("a file").push("p2,Kanariesma,Gesprek mentor,30");
    for (name, lines) in all {
        let is_keyed = lines[0].split(',').next() == Some("id");
        let more = match name {
            "lijst.csv" => Some((",achternaam,email,geboortedatum", format!(",{NAME},{MAIL},{BIRTH}"))),
            _ if name.starts_with("dossier") => Some((",toelichting", format!(",{TEXT}"))),
            _ => None,
        };
        let line = |(k, line): (usize, &&str)| {
            let (id, rest) = line.split_once(',').unwrap_or((line, ""));
            let id = match id.strip_prefix('p').and_then(|n| n.parse::<usize>().ok()) {
                Some(n) if is_keyed && k > 0 => numbers[n].as_str(),
                _ => id,
            };
            let own = if rest.is_empty() { id.to_string() } else { format!("{id},{rest}") };
            let more = more.as_ref().map_or("", |(name, cell)| if k == 0 { name } else { cell.as_str() });
            format!("{own}{more}\n")
        };
        fs::write(dir.join(name), lines.iter().enumerate().map(line).collect::<String>()).expect("writes");
    }
    let keyed = ["lijst.csv", "dossier*.csv", "register.csv", "resultaat.csv", "uit.csv", "start.csv", "kruis.csv"];
    let mut text = deliveries::STUDY.replace("[study]", &format!("[study]\nmax_reject = {max_reject}"));
    for file in keyed {
        text = text.replace(&format!("files = \"{file}\""), &format!("files = \"{file}\"\nids = {{ id = \"pgn\" }}"));
    }
    text += "\n[privacy]\nkey_file = \"p.key\"\n";
    fs::write(dir.join("study.toml"), text).expect("writes");
    files(dir)
}

#[test]
fn f61_nothing_personal_is_printed_or_written_by_ingest() {
    let known: BTreeSet<String> = numbers().into_iter().collect();
    for (max_reject, good) in [(1, true), (0, false)] {
        let dir = TempDir::new().expect("a folder");
        let mut inputs = planted_deliveries(dir.path(), max_reject);
        let mut said = Vec::new();
        assert_eq!(lob(dir.path(), &["key", "new", "p.key", "--project", "klein"], &mut said), 0);
        inputs.push(dir.path().join("p.key"));
        let commands: [&[&str]; 3] = [
            &["check", "study.toml", "--fix-plan"],
            &["ingest", "study.toml", "--out", "tables"],
            &["run", "study.toml", "--out", "out"],
        ];
        for command in commands {
            let code = lob(dir.path(), command, &mut said);
            // Five pupils are too few for a model: the run says so with its code.
            let expected: &[i32] = if good { &[0, 1, 5] } else { &[3] };
            assert!(expected.contains(&code), "{command:?}: {code} {}", String::from_utf8_lossy(&said));
        }
        assert_eq!(leak(&said, &known), None, "something personal was printed");
        let searched = assert_clean(dir.path(), &inputs, &known);
        assert!(searched >= if good { 12 } else { 2 }, "only {searched} files");
        if good {
            let pupils = small::Rows(read_parquet(&dir.path().join("tables/pupil.parquet")));
            assert_eq!(pupils.len(), 5);
            assert!((0..5).all(|i| pupils.text("pupil_key", i).len() == 32), "the search had something to miss");
            let rejects = small::Rows(read_parquet(&dir.path().join("tables/rejects.parquet")));
            assert_eq!(rejects.text("shape", 0), "aaaaaaaaaa");
        }
    }
}

/// The page of a school that is called by a person number: no way out lets it pass.
#[test]
fn pages_without_a_run_pass_the_gate_too() {
    let dir = TempDir::new().expect("a folder");
    let mut study = Study::small();
    study.school.set(0, "naam", "School 123456782");
    study.write(dir.path());
    for command in [["report", "study.toml", "--to", "reports"], ["run", "study.toml", "--out", "out"]] {
        let mut said = Vec::new();
        assert_eq!(lob(dir.path(), &command, &mut said), 6, "{}", String::from_utf8_lossy(&said));
        assert!(String::from_utf8_lossy(&said).contains("LOB-E0601"));
    }
    assert!(!dir.path().join("reports").exists());
}

/// A model names the levels of its groups: pupils are none by their person numbers.
#[test]
fn a_model_does_not_group_by_person_numbers() {
    let dir = TempDir::new().expect("a folder");
    let rows: Vec<String> =
        numbers().iter().take(40).enumerate().map(|(i, n)| format!("{n},{},{}", i % 7, i % 3)).collect();
    fs::write(dir.path().join("a.csv"), format!("bsn,y,x\n{0}\n{0}\n", rows.join("\n"))).expect("writes");
    let mut said = Vec::new();
    let code =
        lob(dir.path(), &["fit", "--data", "a.csv", "--formula", "y ~ x + (1|bsn)", "--json", "fit.json"], &mut said);
    assert_eq!(code, 3, "{}", String::from_utf8_lossy(&said));
    assert!(!dir.path().join("fit.json").exists() && leak(&said, &numbers().into_iter().collect()).is_none());
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
fn pseudonyms_of_all_formats_are_the_same() {
    let panels: Vec<RecordBatch> = ["csv", "parquet", "xlsx"]
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
    assert_eq!(panels[0], panels[2]);
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
