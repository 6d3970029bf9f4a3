//! What must not matter, does not: the order of rows, how they are split over files, the number of threads.
//! Identical bytes of the panel's table, for each outcome.

#[path = "common/tables.rs"]
mod tables;

use std::path::Path;

use lob_effect::simulate::{RegionSpec, simulate_to};
use lob_effect::study::template::TEMPLATE;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tables::{Sheet, panel, study, write_table};

/// The bytes of all tables of the template's study over CSV files in `dir`, and the flow.
fn tables_of(dir: &Path, threads: usize) -> (Vec<Vec<u8>>, panelflow::Rows) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
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
        panel
            .flow
            .iter()
            .map(|(set, school, step, n)| (set.to_string(), school.map(Ix::at), step, n))
            .collect()
    }
}

const TABLES: [&str; 6] = [
    "leerling",
    "school",
    "activiteit",
    "inschrijving",
    "uitval",
    "competentie",
];

/// Simulates a region and writes its tables as CSV: as they are, or shuffled and split over three files.
fn write(dir: &Path, shuffled: bool) {
    let spec = RegionSpec {
        schools: 6,
        cohorts: 2,
        pupils: 700,
        seed: 21,
        ..RegionSpec::default()
    };
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
            let part = Sheet {
                header: sheet.header.clone(),
                rows: rows.to_vec(),
            };
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
        (
            "shuffled, split and three threads",
            tables_of(shuffled.path(), 3),
        ),
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
