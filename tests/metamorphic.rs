//! What must not matter, does not: the order of rows, how they are split over files, the number of threads.
//! Identical bytes of the panel's table, for each outcome.

#[path = "common/tables.rs"]
mod tables;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use lob_effect::ingest::Silence;
use lob_effect::panel::{Plan, build};
use lob_effect::simulate::{RegionSpec, simulate_to};
use lob_effect::study::template::TEMPLATE;
use parquet::arrow::ArrowWriter;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tables::{Sheet, panel, study, write_table};

/// The bytes of all tables of the template's study over CSV files in `dir`, and the flow.
fn tables_of(dir: &Path, threads: usize) -> (Vec<Vec<u8>>, panelflow::Rows) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let text = TEMPLATE.replace(".parquet\"", "*.csv\"");
    let study = study(&text);
    pool.install(|| {
        let panel = panel(&study, dir);
        let bytes = |o: usize| {
            let file = tempfile::NamedTempFile::new().unwrap();
            assert!(write_table(&panel, o, file.path()) > 100);
            std::fs::read(file.path()).unwrap()
        };
        let tables = (0..panel.plan.outcomes.len()).map(bytes).collect();
        (tables, panelflow::rows(&panel))
    })
}

mod panelflow {
    use lob_effect::panel::{Panel, Step};
    use lob_effect::vocab::ids::Ix;

    /// Set, position of the school, step, count.
    pub type Rows = Vec<(String, Option<usize>, Step, u64)>;

    /// The flow of a panel.
    pub fn rows(panel: &Panel<'_>) -> Rows {
        panel.flow.iter().map(|(set, school, step, n)| (set.to_string(), school.map(Ix::at), step, n)).collect()
    }
}

const TABLES: [&str; 6] = ["leerling", "school", "activiteit", "inschrijving", "uitval", "competentie"];

/// Simulates a region and writes its tables as CSV: as they are, or shuffled and split over three files.
fn write(dir: &Path, shuffled: bool) {
    let spec = RegionSpec { schools: 6, cohorts: 2, pupils: 700, seed: 21, ..RegionSpec::default() };
    simulate_to(&spec, dir).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    for table in TABLES {
        let mut sheet = Sheet::read(&dir.join(format!("{table}.parquet")));
        if !shuffled {
            sheet.write(&dir.join(format!("{table}.csv")), ',');
            continue;
        }
        sheet.rows.shuffle(&mut rng);
        let third = sheet.rows.len().div_ceil(3);
        for (i, rows) in sheet.rows.chunks(third).enumerate() {
            let part = Sheet { header: sheet.header.clone(), rows: rows.to_vec() };
            part.write(&dir.join(format!("{table}-{i}.csv")), ',');
        }
    }
}

#[test]
fn rows_in_any_order_files_and_threads_give_the_same_bytes() {
    let (plain, shuffled) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(plain.path(), false);
    write(shuffled.path(), true);
    let expected = tables_of(plain.path(), 1);
    for (what, found) in [
        ("three threads", tables_of(plain.path(), 3)),
        ("shuffled and split", tables_of(shuffled.path(), 1)),
        ("shuffled, split and three threads", tables_of(shuffled.path(), 3)),
    ] {
        assert!(found.0 == expected.0, "{what}: other bytes of a table");
        assert_eq!(found.1, expected.1, "{what}: another flow");
    }
}

#[test]
fn a_changed_activity_changes_the_bytes() {
    let (plain, changed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(plain.path(), false);
    write(changed.path(), false);
    let path = changed.path().join("activiteit.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("GESPR", "REFL", 40)).unwrap();
    assert!(tables_of(plain.path(), 1).0 != tables_of(changed.path(), 1).0);
}

/// Rows in one row group: enough to be read in several pieces.
const MANY: usize = 200_000;

const OF_PUPILS: &str = r#"
[study]
id = "many"
title = "Een rijgroep"
[sources.leerling]
files = "leerling.parquet"
[time]
axis = "calendar"
period = { months = 12 }
periods = 1
[pupils]
source = "leerling"
key = "id"
school = "school"
origin = "begin"
[[exposures]]
id = "dosis"
column = "dosis"
[[outcomes]]
id = "score"
definition = "value"
column = "score"
[[models]]
id = "score"
kind = "linear"
outcome = "score"
exposure = "dosis"
"#;

/// Pupils in a Parquet file of one row group; row `bad` (from 1) has no date in the place of one.
fn one_row_group(dir: &Path, bad: Option<usize>) {
    let rows = 1..=MANY;
    let texts = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(rows.clone().map(|row| Some(of(row))).collect::<StringArray>())
    };
    let day = |row: usize| if Some(row) == bad { "gisteren".into() } else { "2020-10-01".to_string() };
    let columns = [
        ("id", texts(&|row| format!("leerling-{row:06}"))),
        ("school", texts(&|row| format!("S{}", row % 3))),
        ("begin", texts(&day)),
        ("dosis", Arc::new(rows.clone().map(|row| (row % 70_000) as f64).collect::<Float64Array>()) as ArrayRef),
        ("score", Arc::new(rows.clone().map(|row| (row % 300) as f64).collect::<Float64Array>()) as ArrayRef),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(dir.join("leerling.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    assert_eq!(writer.close().unwrap().num_row_groups(), 1);
}

#[test]
fn a_large_row_group_is_read_in_pieces_and_every_row_is_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    one_row_group(dir.path(), None);
    let text = study(OF_PUPILS);
    let read = panel(&text, dir.path());
    assert_eq!(read.pupils.len(), MANY);
    for row in [1, 65_535, 65_536, 65_537, 131_072, 131_073, MANY] {
        let p = read.pupils.find(format!("leerling-{row:06}").as_bytes()).expect("a pupil");
        assert_eq!(read.pupils.schools[read.pupils.school[p]], format!("S{}", row % 3));
        // More different doses than there are codes, and scores that take two bytes.
        assert_eq!(read.pupils.given_doses[&0][p], (row % 70_000) as f64, "row {row}");
        assert_eq!(read.pupils.values[&0][p], (row % 300) as f64, "row {row}");
    }
    one_row_group(dir.path(), Some(150_001));
    let said = build(Plan::of(&text), dir.path(), &Silence).err().expect("a date that is none").to_string();
    assert!(said.contains("150001"), "{said}");
}

/// A row group that holds more rows than the footer says would lose them without a word, as a piece is read from an offset on.
#[test]
fn rows_that_the_footer_does_not_know_of_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    one_row_group(dir.path(), None);
    let path = dir.path().join("leerling.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    // 200,000 and 140,000 as the footer writes numbers (zigzag, seven bits a byte): rows of the group, values of its columns.
    let (many, fewer) = ([0x80, 0xb5, 0x18], [0xc0, 0x8b, 0x11]);
    let length = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    let footer = bytes.len() - 8 - length;
    let places: Vec<usize> = (footer..bytes.len() - 8).filter(|at| bytes[*at..].starts_with(&many)).collect();
    assert!(places.len() > 5);
    places.into_iter().for_each(|at| bytes[at..at + 3].copy_from_slice(&fewer));
    std::fs::write(&path, bytes).unwrap();
    let study = study(OF_PUPILS);
    let said = build(Plan::of(&study), dir.path(), &Silence).err().expect("a damaged file").to_string();
    assert!(said.contains("leerling.parquet") && said.contains("200000 rows"), "{said}");
}

/// Pupils of four years, each in a row group of its own; with `damaged` some of the groups can't be read.
fn four_row_groups(dir: &Path, damaged: &[usize]) {
    let path = dir.join("leerling.parquet");
    let group = |year: i64| {
        let texts = |of: &dyn Fn(usize) -> String| -> ArrayRef {
            Arc::new((0..50).map(|row| Some(of(row))).collect::<StringArray>())
        };
        let numbers = || Arc::new((0..50).map(f64::from).collect::<Float64Array>()) as ArrayRef;
        let columns = [
            ("id", texts(&|row| format!("{year}-{row}"))),
            ("school", texts(&|row| format!("S{}", row % 3))),
            ("begin", texts(&|_| "2020-10-01".into())),
            ("jaar", Arc::new(Int64Array::from(vec![year; 50])) as ArrayRef),
            (
                "status",
                texts(&|row| format!("{}{}", ["actief", "concept", "oud", "weg"][(year - 2018) as usize], row % 2)),
            ),
            ("dosis", numbers()),
            ("score", numbers()),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), group(2018).schema(), None).unwrap();
    for year in 2018..2022 {
        writer.write(&group(year)).unwrap();
        writer.flush().unwrap();
    }
    let meta = writer.close().unwrap();
    assert_eq!(meta.num_row_groups(), 4);
    let mut bytes = std::fs::read(&path).unwrap();
    for at in damaged {
        let ids = meta.row_group(*at).column(0).byte_range();
        bytes[ids.0 as usize..(ids.0 + ids.1) as usize].fill(0xff);
    }
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn row_groups_in_which_no_row_can_pass_the_filter_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let read = |filter: &str| {
        let text = OF_PUPILS.replace("\"leerling.parquet\"", &format!("\"leerling.parquet\"\nfilter = [{filter}]"));
        let study = study(&text);
        let built = build(Plan::of(&study), dir.path(), &Silence);
        built.map(|panel| panel.pupils.len()).map_err(|e| e.to_string())
    };
    let filters = [
        ("{ column = \"jaar\", is = \"2019\" }", 50),
        ("{ column = \"jaar\", is = [\"2019\", \"jaar\", \"02018\"] }", 50),
        ("{ column = \"status\", is = [\"concept1\"] }", 25),
        (
            "{ column = \"status\", is = [\"concept1\", \"concept0\"] }, { column = \"jaar\", is = [\"2019\", \"2021\"] }",
            50,
        ),
    ];
    four_row_groups(dir.path(), &[]);
    for (filter, rows) in filters {
        assert_eq!(read(filter), Ok(rows), "{filter}");
    }
    assert_eq!(read("{ column = \"status\", is_not = \"concept1\" }"), Ok(175));
    four_row_groups(dir.path(), &[0, 2, 3]);
    for (filter, rows) in filters {
        if !filter.contains("02018") {
            assert_eq!(read(filter), Ok(rows), "{filter}");
        }
    }
    for filter in ["{ column = \"jaar\", is = [\"2019\", \"2021\"] }", "{ column = \"status\", is_not = \"concept1\" }"]
    {
        assert!(
            read(filter).unwrap_err().contains("leerling.parquet"),
            "a group that is needed can't be read: {filter}"
        );
    }
}
