//! Writes canonical tables: Parquet with pinned settings, a codebook with hashes, the ledger, and a study that runs on them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::RunError;
use super::files::{create_private, create_private_folder, private_properties, write_private, write_table};
use crate::ingest::canonical::codebook::{field, primary_key, title};
use crate::ingest::canonical::{ColumnDef, Ledger, Sink, build};
use crate::ingest::{Progress, Rejects, assert_one_key, key_of};
use crate::study::Study;
use crate::study::file::Ingest;

/// What `lob ingest` wrote.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// Tables and their rows.
    pub tables: Vec<(String, u64)>,
    /// What became of every row.
    pub ledger: Ledger,
    /// The study that runs on the tables.
    pub study: PathBuf,
}

/// Builds the canonical tables of a study into `out`: `<table>.parquet`, `rejects.parquet`, `ledger.json`, `study.toml`, and last
/// `datapackage.json`, whose presence means that all is there. Files that hold pupils are readable by their owner only.
///
/// # Errors
/// Unreadable input, or a file that can't be written.
pub fn ingest(
    study: &Study,
    ingest: &Ingest,
    text: &str,
    base: &Path,
    out: &Path,
    progress: &dyn Progress,
) -> Result<Ingested, RunError> {
    let failed = |what: &str| {
        let what = what.to_string();
        move |reason: io::Error| RunError::Write { what, reason }
    };
    create_private_folder(out).map_err(failed("the folder of the tables"))?;
    let package = out.join("datapackage.json");
    match fs::remove_file(&package) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed("datapackage.json")(e)),
        _ => {}
    }
    let key = key_of(study, base)?;
    assert_one_key(study, base, key.as_ref())?;
    let key_id = key.map(|k| k.id().to_string());
    let mut folder = Folder { out, key_id, resources: Vec::new(), tables: Vec::new(), open: None };
    let ledger = build(study, ingest, base, progress, &mut folder)?;
    let Folder { mut resources, tables, .. } = folder;
    let mut put = |name: &str, bytes: &[u8], more: Value| -> Result<(), RunError> {
        write_private(&out.join(name), bytes).map_err(failed(name))?;
        let mut resource = json!({"name": name.split('.').next(), "path": name, "bytes": bytes.len(),
            "hash": format!("sha256:{}", hex(&Sha256::digest(bytes)))});
        merge(&mut resource, more);
        resources.push(resource);
        Ok(())
    };
    put("rejects.parquet", &write_table(&rejects(&ledger.rejects))?, json!({"format": "parquet"}))?;
    let ledger_text = pretty(&ledger.json());
    put("ledger.json", ledger_text.as_bytes(), json!({"format": "json"}))?;
    let ready = ready_study(text, &tables).map_err(|e| failed("study.toml")(io::Error::other(e)))?;
    put("study.toml", ready.as_bytes(), json!({"format": "toml"}))?;
    let package_json = json!({
        "profile": "data-package",
        "name": study.study.id.to_lowercase(),
        "title": study.study.title,
        "resources": resources,
    });
    write_private(&package, pretty(&package_json).as_bytes()).map_err(failed("datapackage.json"))?;
    Ok(Ingested { tables, ledger, study: out.join("study.toml") })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The study without its files: the tables are its sources.
fn ready_study(text: &str, tables: &[(String, u64)]) -> Result<String, String> {
    let mut study: toml::Table = text.parse().map_err(|e: toml::de::Error| e.message().to_string())?;
    study.remove("ingest");
    let source = |name: &String| {
        let mut source = toml::Table::new();
        source.insert("files".into(), format!("{name}.parquet").into());
        (name.clone(), toml::Value::Table(source))
    };
    let sources: toml::Table = tables.iter().map(|(name, _)| source(name)).collect();
    study.insert("sources".into(), sources.into());
    // Whose enrolments end without a diploma or a list that says so is unknown from then on.
    let is_ours = |p: &toml::Table| p.get("source").and_then(toml::Value::as_str) == Some("pupil");
    if let Some(pupils) = study.get_mut("pupils").and_then(toml::Value::as_table_mut).filter(|p| is_ours(p)) {
        pupils.insert("known_until".into(), "known_until".into());
    }
    if let Some(privacy) = study.get_mut("privacy").and_then(toml::Value::as_table_mut) {
        // The tables hold pseudonyms: the key is not needed any more.
        privacy.remove("key_file");
    }
    let head = "# Made by `lob ingest` from the study file of the deliveries; it runs on the tables beside it.\n\n";
    Ok(format!("{head}{}", toml::to_string(&study).map_err(|e| e.to_string())?))
}

/// One kept place of a reject.
struct Reject {
    /// Source, column, problem, file, shape.
    texts: [String; 5],
    /// Rows with this problem in this column.
    count: u64,
    row: u64,
}

/// Rejected rows with their places and shapes, never a value.
fn rejects(rejects: &Rejects) -> RecordBatch {
    let rows: Vec<Reject> = rejects
        .0
        .iter()
        .flat_map(|((source, column, problem), entry)| {
            let row = move |(file, row, shape): &(String, u64, String)| {
                let texts = [source, column, &problem.to_string(), file, shape].map(String::clone);
                Reject { texts, count: entry.count, row: *row }
            };
            entry.first.iter().map(row)
        })
        .collect();
    let text = |k: usize| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.texts[k]))) };
    let number = |of: fn(&Reject) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| i64::try_from(of(r)).unwrap_or(i64::MAX))))
    };
    RecordBatch::try_from_iter([
        ("source", text(0)),
        ("column", text(1)),
        ("problem", text(2)),
        ("rows", number(|r| r.count)),
        ("file", text(3)),
        ("row", number(|r| r.row)),
        ("shape", text(4)),
    ])
    .expect("columns of the same rows")
}

/// The folder that takes the tables.
struct Folder<'a> {
    out: &'a Path,
    /// Id of the key behind the pseudonyms.
    key_id: Option<String>,
    resources: Vec<Value>,
    tables: Vec<(String, u64)>,
    open: Option<OpenTable>,
}

struct OpenTable {
    name: String,
    columns: Vec<ColumnDef>,
    rows: u64,
    writer: ArrowWriter<Hashed>,
}

/// A file whose hash and size are taken while it is written.
struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hash.update(&bytes[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for Folder<'_> {
    type Error = RunError;

    fn begin(&mut self, name: &str, columns: &[ColumnDef], schema: SchemaRef) -> Result<(), RunError> {
        let failed = |reason| RunError::Write { what: format!("{name}.parquet"), reason };
        let file = create_private(&self.out.join(format!("{name}.parquet"))).map_err(failed)?;
        let hashed = Hashed { file, hash: Sha256::new(), bytes: 0 };
        let writer =
            ArrowWriter::try_new(hashed, schema, Some(private_properties("pupil_key", self.key_id.as_deref())))
                .map_err(|e| failed(io::Error::other(e.to_string())))?;
        self.open = Some(OpenTable { name: name.to_string(), columns: columns.to_vec(), rows: 0, writer });
        Ok(())
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<(), RunError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.rows += rows.num_rows() as u64;
        open.writer.write(rows).map_err(|e| RunError::Write {
            what: format!("{}.parquet", open.name),
            reason: io::Error::other(e.to_string()),
        })
    }

    fn end(&mut self) -> Result<(), RunError> {
        let Some(OpenTable { name, columns, rows, writer }) = self.open.take() else { return Ok(()) };
        let failed = |reason| RunError::Write { what: format!("{name}.parquet"), reason };
        let Hashed { hash, bytes, .. } = writer.into_inner().map_err(|e| failed(io::Error::other(e.to_string())))?;
        let (nl, en) = title(&name);
        let mut schema = json!({"fields": columns.iter().map(field).collect::<Vec<_>>()});
        let key = primary_key(&name);
        if !key.is_empty() {
            merge(&mut schema, json!({"primaryKey": key}));
        }
        self.resources.push(json!({
            "name": name, "path": format!("{name}.parquet"), "format": "parquet", "title": nl,
            "labels": {"nl": nl, "en": en}, "rows": rows, "bytes": bytes,
            "hash": format!("sha256:{}", hex(&hash.finalize())), "schema": schema,
        }));
        self.tables.push((name, rows));
        Ok(())
    }
}
