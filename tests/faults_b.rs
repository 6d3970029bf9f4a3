//! Faults of Parquet (list B): claims that can't be true are refused before memory grows, what is not supported is
//! named with a remedy, and files of one delivery fit by the names of their columns. Those that need a whole run, and the
//! sweeps over every byte, stand in `faults.rs`.

mod opened;
mod small;
mod tabled;

use std::fs;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray,
};
use arrow::datatypes::Int32Type;
use lob_effect::ingest::As;
use opened::{read_bytes, refusal, says};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let settings = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(settings)).expect("a writer");
    writer.write(&batch).expect("writes");
    writer.into_inner().expect("closes")
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// The file with `from` replaced by `to` everywhere in its footer.
fn with_footer(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let length = |b: &[u8]| u32::from_le_bytes(b[b.len() - 8..b.len() - 4].try_into().expect("four bytes")) as usize;
    let start = bytes.len() - 8 - length(bytes);
    let footer = &bytes[start..bytes.len() - 8];
    let mut changed = Vec::new();
    let (mut at, mut times) = (0, 0);
    while at < footer.len() {
        if footer[at..].starts_with(from) {
            changed.extend_from_slice(to);
            at += from.len();
            times += 1;
        } else {
            changed.push(footer[at]);
            at += 1;
        }
    }
    assert!(times > 0, "the footer does not hold the bytes");
    let size = u32::try_from(changed.len()).expect("a small footer").to_le_bytes();
    [&bytes[..start], &changed, &size, b"PAR1"].concat()
}

/// A Thrift number: zigzag, seven bits to a byte.
fn thrift(number: i64) -> Vec<u8> {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

#[test]
fn f16_a_file_without_its_end_is_said_to_be_cut_off() {
    let bytes = parquet(vec![("id", texts(&["a", "b"]))]);
    assert_eq!(read_bytes("a.parquet", &bytes, |_| {}).expect("a sound file").rows.len(), 2);
    says(&refusal(read_bytes("a.parquet", &bytes[..bytes.len() - 4], |_| {})), &["LOB-E0103 a.parquet", "cut off"]);
    says(&refusal(read_bytes("a.parquet", b"PAR1", |_| {})), &["LOB-E0103 a.parquet", "cut off"]);
}

#[test]
fn f17_pages_that_hold_more_than_the_footer_says_do_not_go_on_for_ever() {
    // 37 rows are written, the footer claims 5.
    let bytes = parquet(vec![("id", Arc::new(Int32Array::from_iter_values(0..37)) as ArrayRef)]);
    let field = |n: i64| [&[0x16][..], &thrift(n)].concat();
    let less = with_footer(&bytes, &field(37), &field(5));
    match read_bytes("a.parquet", &less, |_| {}) {
        Ok(read) => assert!(read.rows.len() <= 5, "{} rows", read.rows.len()),
        Err(error) => says(&error.to_string(), &["LOB-E0103 a.parquet"]),
    }
}

#[test]
fn f18_absurd_claims_are_refused_from_the_footer() {
    let bytes = parquet(vec![("id", Arc::new(Int32Array::from_iter_values(0..37)) as ArrayRef)]);
    let field = |n: i64| [&[0x16][..], &thrift(n)].concat();
    let absurd = with_footer(&bytes, &field(37), &field(4_000_000_000_000_000));
    says(&refusal(read_bytes("a.parquet", &absurd, |_| {})), &["LOB-E0125 a.parquet", "claimt 4000000000000000 rijen"]);
    let negative = with_footer(&bytes, &field(37), &field(-1));
    says(&refusal(read_bytes("a.parquet", &negative, |_| {})), &["a.parquet"]);
    let one: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let names: Vec<String> = (0..10_001).map(|i| format!("c{i}")).collect();
    let wide = parquet(names.iter().map(|n| (n.as_str(), one.clone())).collect());
    says(&refusal(read_bytes("a.parquet", &wide, |_| {})), &["LOB-E0125 a.parquet", "10001 columns"]);
    // A million equal rows take little room and are no bomb.
    let many = parquet(vec![("id", Arc::new(Int32Array::from(vec![7; 1_000_000])) as ArrayRef)]);
    assert_eq!(read_bytes("a.parquet", &many, |_| {}).expect("a sound file").rows.len(), 1_000_000);
}

#[test]
fn f19_what_is_not_supported_is_named_with_a_remedy() {
    let bytes = parquet(vec![("id", texts(&["a", "b"]))]);
    // Codec 0 (none) becomes codec 3 (LZO), which nothing reads.
    let lzo = with_footer(&bytes, &[0x15, 0x00], &[0x15, 0x06]);
    let said = refusal(read_bytes("a.parquet", &lzo, |_| {}));
    says(&said, &["LOB-E0126 a.parquet", "LZO", "niet ondersteund", "DuckDB", "COMPRESSION zstd"]);
    let encrypted = [&bytes[..bytes.len() - 4], b"PARE"].concat();
    says(&refusal(read_bytes("a.parquet", &encrypted, |_| {})), &["LOB-E0126 a.parquet", "encryption", "DuckDB"]);
}

#[test]
fn f21_files_fit_by_the_names_of_their_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).expect("writes");
    put(
        "a1.parquet",
        parquet(vec![("id", texts(&["1", "2"])), ("leeftijd", Arc::new(Float64Array::from(vec![14.5, 15.0])))]),
    );
    // Reordered, retyped without loss, one more column.
    let more: ArrayRef = texts(&["x"]);
    put(
        "a2.parquet",
        parquet(vec![
            ("meer", more),
            ("leeftijd", Arc::new(Int32Array::from(vec![16])) as ArrayRef),
            ("id", Arc::new(Int64Array::from(vec![3])) as ArrayRef),
        ]),
    );
    let wants = [("id", As::Text), ("leeftijd", As::Number)];
    let read = tabled::read(folder.path(), "a*.parquet", "", &wants).expect("reads");
    assert_eq!(read.texts(0), ["1", "2", "3"].map(|t| Some(t.to_string())));
    assert_eq!(read.numbers(1), [Some(14.5), Some(15.0), Some(16.0)]);
    put("a3.parquet", parquet(vec![("id", texts(&["4"])), ("leeftijden", texts(&["16"]))]));
    let error = tabled::read(folder.path(), "a*.parquet", "", &wants).expect_err("a column is missing");
    says(&error.to_string(), &["LOB-E0105 a3.parquet", "`leeftijd`", "did you mean `leeftijden`?"]);
}

#[test]
fn f23_numbers_that_are_none_are_rejected_and_times_become_days() {
    let number: ArrayRef = Arc::new(Float64Array::from(vec![14.0, f64::NAN, f64::INFINITY, -0.0, 1e308]));
    let time: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0, 86_399, 86_400, -1, 1]).with_timezone("UTC"));
    let bytes = parquet(vec![("leeftijd", number), ("tijd", time)]);
    let wants = [("leeftijd", As::Number), ("tijd", As::Day)];
    let read = tabled::read_bytes("a.parquet", &bytes, "", &wants).expect("reads");
    assert_eq!((read.rejects.count(), read.rows()), (2, 3));
    says(&read.rejects.to_string(), &["a.parquet row 2", "row 3", "is not a finite number"]);
    assert_eq!(read.dates(1), ["1970-01-01", "1969-12-31", "1970-01-01"]);
    let local: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0]).with_timezone("Europe/Amsterdam"));
    let error = tabled::read_bytes("a.parquet", &parquet(vec![("tijd", local)]), "", &[("tijd", As::Day)]);
    says(&error.expect_err("no certain day").to_string(), &["LOB-E0106 a.parquet", "named zone", "DATE"]);
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let error = tabled::read_bytes("a.parquet", &parquet(vec![("tijd", whole)]), "", &[("tijd", As::Day)]);
    says(&error.expect_err("no date").to_string(), &["LOB-E0106 a.parquet", "`tijd` is Int64", "dates"]);
}

#[test]
fn f24_codes_are_compared_by_their_texts() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, values) in [("a1.parquet", ["BB", "KB", "BB", "TL"]), ("a2.parquet", ["TL", "BB", "KB", "KB"])] {
        let codes: DictionaryArray<Int32Type> = values.into_iter().collect();
        fs::write(folder.path().join(name), parquet(vec![("leerweg", Arc::new(codes) as ArrayRef)])).expect("writes");
    }
    let keys = "filter = [{ column = \"leerweg\", is = [\"KB\", \"TL\"] }]";
    let read = tabled::read(folder.path(), "a*.parquet", keys, &[("leerweg", As::Text)]).expect("reads");
    assert_eq!(read.texts(0), ["KB", "TL", "TL", "KB", "KB"].map(|t| Some(t.to_string())));
}
