//! The files that the panel's benchmark reads: pupils of 500 schools in three cohorts, twenty activities a
//! pupil over three school years, in the order in which they were registered. That order is the hard one:
//! every row is of another pupil.

use std::fs::{File, create_dir_all};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Ten doses, three covariates, six half-years, one event.
pub const STUDY: &str = include_str!("panel.toml");

const TYPES: [&str; 10] = [
    "GESPR", "STAGE", "BEDR", "GAST", "BEURS", "OPEND", "MEEL", "TEST", "REFL", "LES",
];
const SCHOOLS: usize = 500;
const YEARS: i32 = 3;
/// 1 August 2021 in days since 1970.
const START: i32 = 18_840;
const CHUNK: usize = 1 << 20;

/// Writes `leerling.parquet` and one file of activities per school year.
pub fn generate(dir: &Path, activities: u64) {
    create_dir_all(dir).unwrap();
    let activities = usize::try_from(activities).unwrap();
    let n = activities / 20;
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    // Distinct ids without an order: multiplication by an odd number permutes the low 40 bits.
    let ids: Vec<i64> = (0..n as i64)
        .map(|i| (i * 0x5_DEEC_E66D) & 0xFF_FFFF_FFFF)
        .collect();
    let origins: Vec<i32> = (0..n).map(|_| START + 7 * rng.random_range(0..3)).collect();
    write_pupils(&dir.join("leerling.parquet"), &ids, &origins, &mut rng);
    for year in 0..YEARS {
        let rows =
            activities / YEARS as usize + usize::from(year == 0) * (activities % YEARS as usize);
        write_year(
            &dir.join(format!("activiteit-{}.parquet", 2021 + year)),
            &ids,
            START + 365 * year,
            rows,
            &mut rng,
        );
    }
}

fn write_pupils(path: &Path, ids: &[i64], origins: &[i32], rng: &mut ChaCha8Rng) {
    let n = ids.len();
    let schools: Vec<String> = (0..SCHOOLS)
        .map(|s| format!("{:02}AB{:02}", s / 10, s % 10))
        .collect();
    let school = coded(
        &schools,
        (0..n)
            .map(|_| rng.random_range(0..SCHOOLS as i32))
            .collect(),
    );
    let cohort = coded(
        &["2021".into(), "2022".into(), "2023".into()],
        (0..n).map(|_| rng.random_range(0..3)).collect(),
    );
    let leerweg = coded(
        &["BB", "KB", "GL", "TL"].map(String::from),
        (0..n).map(|_| rng.random_range(0..4)).collect(),
    );
    let sex = coded(
        &["M", "V"].map(String::from),
        (0..n).map(|_| rng.random_range(0..2)).collect(),
    );
    let ses = (0..n).map(|_| {
        (rng.random::<f64>() < 0.95).then(|| (rng.random::<f64>() * 1000.0).round() / 1000.0)
    });
    let ses: Float64Array = ses.collect();
    let event: Date32Array = origins
        .iter()
        .map(|o| (rng.random::<f64>() < 0.06).then(|| o + rng.random_range(1..1095)))
        .collect();
    let end = Date32Array::from_iter_values(origins.iter().map(|o| o + 1094));
    write(
        path,
        [RecordBatch::try_from_iter_with_nullable([
            (
                "id",
                Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef,
                false,
            ),
            ("school", school, false),
            ("cohort", cohort, false),
            (
                "begin",
                Arc::new(Date32Array::from(origins.to_vec())),
                false,
            ),
            ("einde", Arc::new(end), false),
            ("leerweg", leerweg, false),
            ("geslacht", sex, false),
            ("ses", Arc::new(ses), true),
            ("uitval", Arc::new(event), true),
        ])
        .unwrap()]
        .into_iter(),
    );
}

fn write_year(path: &Path, ids: &[i64], first: i32, rows: usize, rng: &mut ChaCha8Rng) {
    let types = TYPES.map(String::from);
    let batches = (0..rows).step_by(CHUNK).map(|start| {
        let n = CHUNK.min(rows - start);
        let id: Int64Array = (0..n)
            .map(|_| Some(ids[rng.random_range(0..ids.len())]))
            .collect();
        // Registered day by day.
        let date = (0..n).map(|i| Some(first + ((start + i) as u64 * 365 / rows as u64) as i32));
        let date: Date32Array = date.collect();
        let kind = coded(&types, (0..n).map(|_| rng.random_range(0..10)).collect());
        RecordBatch::try_from_iter([
            ("id", Arc::new(id) as ArrayRef),
            ("datum", Arc::new(date)),
            ("code", kind),
        ])
        .unwrap()
    });
    write(path, batches);
}

fn coded(texts: &[String], codes: Vec<i32>) -> ArrayRef {
    let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(codes), texts).unwrap())
}

fn write(path: &Path, mut batches: impl Iterator<Item = RecordBatch>) {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let first = batches.next().unwrap();
    let mut writer = ArrowWriter::try_new(
        File::create(path).unwrap(),
        first.schema(),
        Some(properties),
    )
    .unwrap();
    writer.write(&first).unwrap();
    for batch in batches {
        writer.write(&batch).unwrap();
    }
    writer.close().unwrap();
}
