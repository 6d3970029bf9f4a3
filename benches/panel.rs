//! The panel of pupils × periods: rows per second in memory and written as Parquet.
//!
//! `cargo bench --bench panel` measures 2 million activities. `benches/panel_peers.sh` measures 20 million
//! against DuckDB and Polars; it runs this binary with a verb: `generate`, `wide` or `memory`, on the folder
//! in `LOB_BENCH_DIR`. `benches/national.sh` runs `panel DIR` (the panel of a study, in memory) and `decode DIR` (its
//! columns read and let go: what no panel can be faster than).

#[path = "panel_data.rs"]
mod data;

use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema};
use criterion::{Criterion, Throughput};
use lob_effect::ingest::Silence;
use lob_effect::models;
use lob_effect::panel::{self, Panel, Plan};
use lob_effect::run::write_panel;
use lob_effect::study::Study;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use rayon::prelude::*;

fn study() -> Study {
    Study::parse(data::STUDY, &models::kinds()).unwrap_or_else(|errors| {
        let first = errors.first().map(|e| format!("{}: {}", e.path, e.message));
        panic!("{}", first.unwrap_or_default())
    })
}

fn build<'s>(study: &'s Study, dir: &Path) -> Panel<'s> {
    panel::build(Plan::of(study), dir, &Silence).unwrap_or_else(|e| panic!("{e}"))
}

fn write(study: &Study, dir: &Path) -> u64 {
    let panel = build(study, dir);
    write_panel(&panel, 0, &dir.join("wide.parquet"), None).unwrap_or_else(|e| panic!("{e}"))
}

/// Reads the columns of the tables of a study and lets them go, row groups side by side; texts stay codes, as the engine reads them.
/// Returns the rows.
fn decode(dir: &Path) -> usize {
    const TABLES: [(&str, &[&str]); 3] = [
        ("activiteit", &["pseudo_id", "datum", "code"]),
        ("inschrijving", &["pseudo_id", "begin", "eind", "sector"]),
        (
            "leerling",
            &[
                "pseudo_id",
                "school",
                "cohort",
                "begin_lj3",
                "einde",
                "landmark",
                "ingeschreven_van",
                "ingeschreven_tot",
                "koppelstatus",
                "leerweg",
            ],
        ),
    ];
    let codes = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let coded = |f: &FieldRef| match f.data_type() {
        DataType::Utf8 => f.as_ref().clone().with_data_type(codes.clone()),
        _ => f.as_ref().clone(),
    };
    let table = |(name, columns): &(&str, &[&str])| -> usize {
        let open = || File::open(dir.join(format!("{name}.parquet"))).unwrap();
        let plain = ArrowReaderMetadata::load(&open(), ArrowReaderOptions::new()).unwrap();
        let schema = Arc::new(Schema::new(plain.schema().fields().iter().map(coded).collect::<Vec<_>>()));
        let meta = ArrowReaderMetadata::load(&open(), ArrowReaderOptions::new().with_schema(schema)).unwrap();
        let group = |group: usize| -> usize {
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(open(), meta.clone());
            let mask = ProjectionMask::columns(reader.parquet_schema(), columns.iter().copied());
            let reader = reader.with_row_groups(vec![group]).with_projection(mask).with_batch_size(32_768);
            reader.build().unwrap().map(|batch| black_box(batch.unwrap()).num_rows()).sum()
        };
        (0..meta.metadata().num_row_groups()).into_par_iter().map(group).sum()
    };
    TABLES.iter().map(table).sum()
}

/// The panel of the study of a folder, in memory.
fn of_folder(dir: &Path) -> usize {
    let text = std::fs::read_to_string(dir.join("study.toml")).unwrap();
    let study = Study::parse(&text, &models::kinds()).unwrap_or_else(|errors| panic!("{} errors", errors.len()));
    build(&study, dir).pupils.len()
}

fn measure(rows: u64) {
    let dir = tempfile::tempdir().unwrap();
    data::generate(dir.path(), rows);
    let study = study();
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let mut group = criterion.benchmark_group("panel");
    group.throughput(Throughput::Elements(rows));
    group.bench_function("memory", |b| b.iter(|| black_box(build(&study, dir.path()).pupils.len())));
    group.bench_function("wide", |b| b.iter(|| black_box(write(&study, dir.path()))));
    group.finish();
    criterion.final_summary();
}

fn main() {
    let rows = std::env::var("LOB_BENCH_ROWS").ok().and_then(|n| n.parse().ok());
    let dir = std::env::var("LOB_BENCH_DIR").map_or_else(|_| PathBuf::from("."), PathBuf::from);
    let folder = || std::env::args().nth(2).map(PathBuf::from).expect("a folder");
    match std::env::args().nth(1).as_deref() {
        Some("decode") => println!("{} rows", decode(&folder())),
        Some("panel") => println!("{} pupils", of_folder(&folder())),
        Some("generate") => data::generate(&dir, rows.unwrap_or(20_000_000)),
        Some("wide") => println!("{} rows", write(&study(), &dir)),
        Some("memory") => println!("{} pupils", build(&study(), &dir).pupils.len()),
        // Without `--bench` this is a test that the benchmark runs.
        _ if !std::env::args().any(|a| a == "--bench") => measure(20_000),
        _ => measure(rows.unwrap_or(2_000_000)),
    }
}
