//! `manifest.json` (what is there, with hashes), `run_results.json` (what came out) and `run_info.json` (when and
//! where; the only file whose bytes differ between two equal runs).

use serde::{Deserialize, Serialize};

use super::stages::{Stages, peak_memory};
use super::{Computed, Job, RunError, VERSION};
use crate::disclosure::zone::{Output, Zone};
use crate::effects::Finding;
use crate::ingest::{Dialect, InputFile, describe};

/// One file of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path below the run's folder.
    pub path: String,
    /// Folder of its zone; `meta` for the run's own folder.
    pub zone: String,
    /// Size.
    pub bytes: u64,
    /// BLAKE3 hash.
    pub blake3: String,
}

impl FileEntry {
    pub(super) fn of<Z: Zone>(output: &Output<Z>) -> Self {
        let zone = if Z::DIR.is_empty() { "meta" } else { Z::DIR };
        Self {
            path: output.path(),
            zone: zone.into(),
            bytes: output.bytes().len() as u64,
            blake3: blake3::hash(output.bytes()).to_hex().to_string(),
        }
    }

    pub(super) fn matches(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.bytes && blake3::hash(bytes).to_hex().as_str() == self.blake3
    }
}

/// The part of a manifest that verification needs.
#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) files: Vec<FileEntry>,
}

#[derive(Serialize)]
struct Manifest<'m> {
    run_id: &'m str,
    engine: &'static str,
    engine_version: &'static str,
    engine_source: &'static str,
    study: &'m str,
    lang: &'static str,
    study_blake3: String,
    /// Id of the key behind the pseudonyms of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'m str>,
    inputs: Vec<Input<'m>>,
    files: &'m [FileEntry],
}

#[derive(Serialize)]
struct Input<'m> {
    source: &'m str,
    file: &'m str,
    bytes: u64,
    blake3: &'m str,
    dialect: Dialect,
}

pub(super) fn manifest(
    job: &Job<'_>,
    run_id: &str,
    inputs: &[(String, InputFile, String)],
    files: &[FileEntry],
    key_id: Option<&str>,
) -> Result<Vec<u8>, RunError> {
    let input = |(source, file, blake3): &'_ (String, InputFile, String)| {
        let dialect = describe(file, &job.study.sources[source])?;
        Ok((source.clone(), file.name.clone(), file.bytes, blake3.clone(), dialect))
    };
    let inputs = inputs.iter().map(input).collect::<Result<Vec<_>, RunError>>()?;
    json(&Manifest {
        run_id,
        engine: "lob-effect",
        engine_version: VERSION,
        engine_source: super::SOURCE,
        study: &job.study.study.id,
        lang: job.lang.pick("nl", "en"),
        study_blake3: blake3::hash(job.text.as_bytes()).to_hex().to_string(),
        key_id,
        inputs: inputs
            .iter()
            .map(|(source, file, bytes, blake3, dialect)| Input {
                source,
                file,
                bytes: *bytes,
                blake3,
                dialect: dialect.clone(),
            })
            .collect(),
        files,
    })
}

#[derive(Serialize)]
struct Results<'r> {
    run_id: &'r str,
    models: Vec<ModelResult>,
    rejected_rows: u64,
}

#[derive(Serialize)]
struct ModelResult {
    model_id: String,
    status: &'static str,
    schools: usize,
    schools_estimated: usize,
}

pub(super) fn results(computed: &Computed<'_>, run_id: &str) -> Result<Vec<u8>, RunError> {
    let models = computed.models.iter().map(|(fitted, findings)| ModelResult {
        model_id: fitted.entry.id.clone(),
        status: super::tables::status(fitted),
        schools: findings.schools.len(),
        schools_estimated: findings.schools.iter().filter(|f| matches!(f, Finding::Estimate(_))).count(),
    });
    let rejected_rows = computed.panel.rejects.count();
    json(&Results { run_id, models: models.collect(), rejected_rows })
}

#[derive(Serialize)]
struct Info {
    finished: String,
    seconds: f64,
    /// Seconds of each stage, in the order of the stages.
    stages: serde_json::Map<String, serde_json::Value>,
    peak_memory_bytes: Option<u64>,
    threads: usize,
    os: &'static str,
    arch: &'static str,
}

pub(super) fn info(stages: &Stages<'_>) -> Result<Vec<u8>, RunError> {
    let (all, of_stage) = stages.times();
    json(&Info {
        finished: finished(),
        seconds: all.as_secs_f64(),
        stages: of_stage.iter().map(|(stage, took)| (stage.to_string(), took.as_secs_f64().into())).collect(),
        peak_memory_bytes: peak_memory(),
        threads: rayon::current_num_threads(),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    })
}

/// Seconds since 1970 as text; `SOURCE_DATE_EPOCH` goes before the clock.
fn finished() -> String {
    let clock = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|s| s.parse().ok()).unwrap_or_else(clock);
    i64::try_from(seconds)
        .ok()
        .and_then(|s| jiff::Timestamp::from_second(s).ok())
        .map_or_else(String::new, |t| t.to_string())
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, RunError> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| RunError::Encode { table: "json".into(), reason: e.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}
