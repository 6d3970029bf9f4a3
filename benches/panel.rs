//! The panel of pupils × periods: rows per second in memory and written as Parquet.
//!
//! `cargo bench --bench panel` measures 2 million activities. `benches/panel_peers.sh` measures 20 million
//! against DuckDB and Polars; it runs this binary with a verb: `generate`, `wide` or `memory`, on the folder
//! in `LOB_BENCH_DIR`.

#[path = "panel_data.rs"]
mod data;

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput};
use lob_effect::ingest::Silence;
use lob_effect::models;
use lob_effect::panel::{self, Panel, Plan};
use lob_effect::run::write_panel;
use lob_effect::study::Study;

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
    match std::env::args().nth(1).as_deref() {
        Some("generate") => data::generate(&dir, rows.unwrap_or(20_000_000)),
        Some("wide") => println!("{} rows", write(&study(), &dir)),
        Some("memory") => println!("{} pupils", build(&study(), &dir).pupils.len()),
        // Without `--bench` this is a test that the benchmark runs.
        _ if !std::env::args().any(|a| a == "--bench") => measure(20_000),
        _ => measure(rows.unwrap_or(2_000_000)),
    }
}
