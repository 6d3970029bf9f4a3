//! A small study as text: 320 pupils in 8 schools, in CSV files that a test can damage one cell at a time.
//!
//! Every pseudonym holds [`CANARY`]. Whatever the program prints and publishes is searched for it.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatchReader};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use assert_cmd::Command;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// Stands in every pseudonym and may stand in nothing that is printed or published.
pub const CANARY: &str = "KANARIE";

/// Schools of the small study.
pub const SCHOOLS: [&str; 8] = ["90AA00", "90AB00", "90AC00", "90AD00", "90AE00", "90AF00", "90AG00", "90AH00"];

const PUPILS_PER_SCHOOL: usize = 40;

/// The study file: one landmark model and one hazard model.
pub const STUDY: &str = r#"
[study]
id = "klein"
title = "Kleine studie"

[sources.leerling]
files = "leerling.csv"
lookup = [{ table = "school", on = "school", take = "naam" }]
[sources.school]
files = "school.csv"
[sources.activiteit]
files = "activiteit.csv"
[sources.inschrijving]
files = "inschrijving.csv"

[time]
axis = "calendar"
period = { months = 6 }
periods = 4

[pupils]
source = "leerling"
key = "id"
school = "school"
school_name = "naam"
cohort = "cohort"
origin = "begin"
end = "einde"
landmark = "peildatum"
enrolled_from = "van"
enrolled_to = "tot"
linked = { column = "koppeling", is = "ja" }

[activities]
source = "activiteit"
key = "id"
date = "datum"
type = "soort"

[enrolments]
known_until = "2030-12-31"
source = "inschrijving"
key = "id"
from = "begin"
to = "eind"
sector = "sector"
programme = "crebo"

[[exposures]]
id = "lob"
label = "LOB-activiteiten"
step = 5

[[covariates]]
id = "leeftijd"
label = "leeftijd"

[[outcomes]]
id = "uitval_jr1"

[[outcomes]]
id = "vertrek"
definition = "event"
label = "vertrek van school"
date = "vertrek"

[[models]]
id = "uitval"
kind = "landmark"
outcome = "uitval_jr1"
exposure = "lob"
random = "intercept"

[[models]]
id = "vertrek"
kind = "hazard"
outcome = "vertrek"
exposure = "lob"
random = "intercept"
"#;

/// A table as text.
#[derive(Clone)]
pub struct Csv {
    pub header: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

impl Csv {
    fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    fn push(&mut self, cells: &[&str]) {
        assert_eq!(cells.len(), self.header.len());
        self.rows.push(cells.iter().map(ToString::to_string).collect());
    }

    pub fn column(&self, name: &str) -> usize {
        self.header.iter().position(|h| *h == name).expect("a column of the small study")
    }

    /// Writes `value` into one cell.
    pub fn set(&mut self, row: usize, column: &str, value: &str) {
        let c = self.column(column);
        self.rows[row][c] = value.to_string();
    }

    /// Writes `value` into a whole column.
    pub fn set_all(&mut self, column: &str, value: &str) {
        (0..self.rows.len()).for_each(|row| self.set(row, column, value));
    }

    pub fn text(&self) -> String {
        let lines = self.rows.iter().map(|r| r.join(","));
        let mut text = self.header.join(",") + "\n";
        lines.for_each(|line| text = format!("{text}{line}\n"));
        text
    }
}

/// The study file and its tables.
#[derive(Clone)]
pub struct Study {
    pub text: String,
    pub leerling: Csv,
    pub school: Csv,
    pub activiteit: Csv,
    pub inschrijving: Csv,
}

/// A number in 0..1 that is fixed for these arguments (splitmix64).
fn chance(of: usize, what: u64) -> f64 {
    let mut z = (of as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(what.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as f64 / u64::MAX as f64
}

impl Study {
    /// Two cohorts of 20 pupils at each of 8 schools; more activities go with less dropout.
    pub fn small() -> Self {
        let mut study = Self {
            text: STUDY.to_string(),
            leerling: Csv::new(&[
                "id",
                "school",
                "cohort",
                "begin",
                "einde",
                "peildatum",
                "van",
                "tot",
                "koppeling",
                "leeftijd",
                "vertrek",
            ]),
            school: Csv::new(&["school", "naam"]),
            activiteit: Csv::new(&["id", "datum", "soort"]),
            inschrijving: Csv::new(&["id", "begin", "eind", "sector", "crebo"]),
        };
        for (s, school) in SCHOOLS.iter().enumerate() {
            study.school.push(&[school, &format!("School {school}")]);
            for i in 0..PUPILS_PER_SCHOOL {
                study.pupil(s, s * PUPILS_PER_SCHOOL + i);
            }
        }
        study
    }

    fn pupil(&mut self, school: usize, p: usize) {
        let id = format!("{CANARY}-{p:04}");
        let start = 2020 + p % 2;
        let cohort = format!("{}", start + 2);
        let activities = (chance(p, 1) * 12.0) as usize;
        let drops_out = chance(p, 2) < 0.40 - 0.02 * activities as f64 + 0.02 * school as f64;
        let leaves = chance(p, 3) < 0.15 - 0.005 * activities as f64;
        let day = |year: usize, rest: &str| format!("{year}-{rest}");
        let leaving = [day(start, "12-10"), day(start + 1, "05-10"), day(start + 1, "11-10"), day(start + 2, "04-10")];
        self.leerling.push(&[
            &id,
            SCHOOLS[school],
            &cohort,
            &day(start, "10-01"),
            &day(start + 2, "07-31"),
            &day(start + 2, "05-01"),
            &day(start, "08-01"),
            &day(start + 2, "07-31"),
            "ja",
            &format!("{:.1}", 14.0 + chance(p, 4)),
            &if leaves { leaving[p / 3 % 4].clone() } else { String::new() },
        ]);
        for a in 0..activities {
            let month = 1 + (a * 5 + p) % 12;
            self.activiteit.push(&[
                &id,
                &day(start + 1, &format!("{month:02}-15")),
                if a % 3 == 0 { "GESPR" } else { "OPEND" },
            ]);
        }
        let until = if drops_out { day(start + 3, "02-01") } else { day(start + 5, "07-31") };
        self.inschrijving.push(&[&id, &day(start + 2, "08-01"), &until, "mbo", "25180"]);
    }

    /// Writes study.toml and the tables into `dir`.
    pub fn write(&self, dir: &Path) {
        let put = |name: &str, text: &str| fs::write(dir.join(name), text).expect("a writable folder");
        put("study.toml", &self.text);
        put("leerling.csv", &self.leerling.text());
        put("school.csv", &self.school.text());
        put("activiteit.csv", &self.activiteit.text());
        put("inschrijving.csv", &self.inschrijving.text());
    }
}

/// What a command ended with.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs `lob` in `dir`; nothing it prints may hold a pseudonym.
pub fn lob(dir: &Path, args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_lob")).current_dir(dir).args(args).output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8 on the terminal");
    let ran = Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) };
    assert!(!ran.out.contains(CANARY) && !ran.err.contains(CANARY), "a pseudonym was printed: {}{}", ran.out, ran.err);
    assert_ne!(ran.code, 70, "internal error: {}", ran.err);
    ran
}

/// A temporary folder with a study in it; results go to `out/`.
pub struct Folder(TempDir);

impl Folder {
    pub fn with(study: &Study) -> Self {
        let folder = Self(TempDir::new().expect("a temporary folder"));
        study.write(folder.path());
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn lob(&self, args: &[&str]) -> Ran {
        lob(self.path(), args)
    }

    /// `lob run study.toml --out out`.
    pub fn run(&self) -> Ran {
        self.lob(&["run", "study.toml", "--out", "out", "--threads", "2"])
    }

    /// A run that must end with 0.
    pub fn run_well(&self) -> Ran {
        let ran = self.run();
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert_no_canary(&self.path().join("out"));
        ran
    }

    /// The folder of the current run.
    pub fn current(&self) -> PathBuf {
        let out = self.path().join("out");
        let id = fs::read_to_string(out.join("CURRENT")).expect("CURRENT");
        out.join("runs").join(id.trim())
    }

    /// A table of the current run.
    pub fn table(&self, name: &str) -> Rows {
        Rows(read_parquet(&self.current().join("research").join(format!("{name}.parquet"))))
    }

    /// Count of a step in the flow of `table` over all schools.
    pub fn flow(&self, table: &str, step: &str) -> i64 {
        let flow = self.table("flow");
        let n = flow.numbers("n");
        let of = |i: &usize| flow.text("table", *i) == table && flow.text("step", *i) == step;
        (0..flow.len()).filter(of).map(|i| n[i].expect("a count") as i64).sum()
    }

    /// A school's page of the current run.
    pub fn page(&self, school: &str) -> String {
        fs::read_to_string(self.current().join("school").join(school).join("rapport.html")).expect("a page")
    }
}

/// A table that was read back.
#[derive(Debug)]
pub struct Rows(pub RecordBatch);

impl Rows {
    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    /// A cell as text; missing is empty.
    pub fn text(&self, column: &str, row: usize) -> String {
        let array = cast(self.0.column_by_name(column).expect("a column"), &DataType::Utf8).expect("has a text");
        let array = array.as_string::<i32>();
        if array.is_null(row) { String::new() } else { array.value(row).to_string() }
    }

    /// A column of numbers.
    pub fn numbers(&self, column: &str) -> Vec<Option<f64>> {
        let array = cast(self.0.column_by_name(column).expect("a column"), &DataType::Float64).expect("numbers");
        array.as_primitive::<arrow::datatypes::Float64Type>().iter().collect()
    }

    /// Rows whose `column` is `value`.
    pub fn rows_with(&self, column: &str, value: &str) -> Vec<usize> {
        (0..self.len()).filter(|&i| self.text(column, i) == value).collect()
    }

    pub fn names(&self) -> Vec<String> {
        self.0.schema().fields().iter().map(|f| f.name().clone()).collect()
    }
}

pub fn read_parquet(path: &Path) -> RecordBatch {
    let file = fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(|b| b.expect("a batch")).collect();
    concat_batches(&schema, &batches).expect("batches of one schema")
}

/// Every file below `dir` with its bytes.
pub fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in files(dir) {
        let bytes = fs::read(&path).expect("a file of ours");
        found.insert(path.strip_prefix(dir).expect("below").to_path_buf(), bytes);
    }
    found
}

/// Every file below `dir`.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// No file below `dir` holds a pseudonym: not in its bytes, not in its name, not in the cells of a table.
pub fn assert_no_canary(dir: &Path) {
    for path in files(dir) {
        let bytes = fs::read(&path).expect("a file of ours");
        let name = path.display();
        assert!(!name.to_string().contains(CANARY), "{name}");
        assert!(!holds(&bytes, CANARY.as_bytes()), "{name} holds a pseudonym");
        if path.extension().is_some_and(|e| e == "parquet") {
            let table = read_parquet(&path);
            for (column, field) in table.columns().iter().zip(table.schema().fields()) {
                let text = cast(column, &DataType::Utf8).expect("has a text");
                let leak = text.as_string::<i32>().iter().flatten().any(|cell| cell.contains(CANARY));
                assert!(!leak, "{name}: column {} holds a pseudonym", field.name());
            }
        }
    }
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|w| w == word)
}
