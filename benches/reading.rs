//! Reading separated text as the panel does: keys, days and numbers of an export of activities, in megabytes per second.
//!
//! `cargo bench --bench reading` reads 100 MB in four files with two threads and in one file with one;
//! `LOB_BENCH_MB` changes the size. The binary with the verb `memory` reads that size once and prints the highest
//! resident memory (Linux), to be compared between sizes.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput};
use lob_effect::ingest::{As, Batch, Silence, Table, Want};
use lob_effect::models;
use lob_effect::study::Study;

const STUDY: &str = include_str!("reading.toml");

fn study() -> Study {
    Study::parse(STUDY, &models::kinds()).unwrap_or_else(|errors| panic!("{}", errors[0]))
}

/// Writes `files` files of `bytes` together: semicolons, Dutch dates, decimal commas, quoted names of activities.
fn generate(dir: &Path, name: &str, files: u64, bytes: u64) -> u64 {
    let mut total = 0;
    for file in 0..files {
        let mut text = String::from("Leerlingnr;Datum;Activiteit;Minuten;Uitvoerder\r\n");
        let mut i = file * 1_000_003;
        while (text.len() as u64) < bytes / files {
            let (day, month) = (1 + i * 7 % 28, 1 + i * 5 % 12);
            let kind = ["Gesprek mentor", "\"Open dag; mbo\"", "Stage", "Bedrijfsbezoek"][(i % 4) as usize];
            let _ = write!(text, "{:08};{day:02}-{month:02}-2023;{kind};{},5;mentor\r\n", i % 50_021, i % 90);
            i += 1;
        }
        fs::write(dir.join(format!("{name}{file}.csv")), &text).unwrap();
        total += text.len() as u64;
    }
    total
}

fn read(study: &Study, dir: &Path, source: &str) -> f64 {
    let wants = [
        Want::new("id", As::Text),
        Want::new("datum", As::Day),
        Want::new("soort", As::Text),
        Want::new("minuten", As::Number),
    ];
    let table = Table::open(study, dir, source, &wants).unwrap_or_else(|e| panic!("{e}"));
    let minutes = |sum: &mut f64, batch: &Batch| *sum += batch.columns[3].number().iter().flatten().sum::<f64>();
    let (sum, rejects) = table.fold(&Silence, || 0.0, minutes, |a, b| a + b).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(rejects.count(), 0);
    sum
}

fn measure(bytes: u64) {
    let dir = tempfile::tempdir().unwrap();
    let study = study();
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let mut group = criterion.benchmark_group("reading");
    for (source, files, threads) in [("vier", 4, 2), ("een", 1, 1)] {
        let bytes = generate(dir.path(), source, files, bytes);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(format!("csv, {files} files, {threads} threads"), |b| {
            b.iter(|| pool.install(|| black_box(read(&study, dir.path(), source))));
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Highest resident memory of this process, as Linux tells it.
fn highest_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("VmHWM: unknown").to_string()
}

fn main() {
    let megabytes = std::env::var("LOB_BENCH_MB").ok().and_then(|n| n.parse::<u64>().ok()).unwrap_or(100);
    let is_bench = std::env::args().any(|a| a == "--bench");
    match std::env::args().nth(1).as_deref() {
        Some("generate") => println!("{} bytes", generate(Path::new("."), "een", 1, megabytes << 20)),
        Some("memory") => println!("{} minutes, {}", read(&study(), Path::new("."), "een"), highest_memory()),
        // Without `--bench` this is a test that the benchmark runs.
        _ => measure(if is_bench { megabytes << 20 } else { 1 << 20 }),
    }
}
