//! `lob check`: is everything there and readable, who falls out where, and what changed since the last check? All faults
//! of all files are collected. No outcome is set beside any dose.
//!
//! Written are `validation.json` for machines and `validatie.html` for people. Neither holds a value of the data: what
//! was found is a shape, counts of pupils pass disclosure control.

mod drift;
mod files;
mod linkage;
mod page;
mod plan;
mod wants;

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use drift::Drift;
pub use files::{ColumnReport, FileReport};
pub use linkage::{CoverageRow, FlowReport, FlowStep};

use super::egress::Gate;
use super::{RunError, files as output, profile};
use crate::ingest::canonical::{self, Ledger};
use crate::ingest::{InputError, Progress, assert_one_key, key_of};
use crate::models;
use crate::panel::counts::CountCells;
use crate::panel::{self, Plan};
use crate::study::Study;
use crate::vocab::Lang;
use crate::vocab::codes::code;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The study can't run.
    Error,
    /// It runs, and somebody should look.
    Warning,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// Error or warning.
    pub severity: Severity,
    /// Stable code.
    pub code: String,
    /// Type in frictionless' words.
    #[serde(rename = "type")]
    pub kind: String,
    /// Source in the study.
    pub source: Option<String>,
    /// File name.
    pub file: Option<String>,
    /// Row of the file.
    pub row: Option<u64>,
    /// Column, where it may be named.
    pub column: Option<String>,
    /// How often.
    pub count: u64,
    /// Masked shape of what was found.
    pub found: Option<String>,
    /// In words, in English.
    pub message: String,
    /// What to do, in Dutch.
    pub hint_nl: String,
    /// What to do, in English.
    pub hint_en: String,
}

impl Found {
    /// A finding with the explanation of its code.
    pub(super) fn new(severity: Severity, id: &str, message: impl Into<String>) -> Self {
        let known = code(id);
        let hint = |lang: Lang| known.map_or("", |c| c.explanation(lang).todo).to_string();
        Self {
            severity,
            code: id.to_string(),
            kind: known.map_or("error", |c| c.kind).to_string(),
            source: None,
            file: None,
            row: None,
            column: None,
            count: 1,
            found: None,
            message: message.into(),
            hint_nl: hint(Lang::Nl),
            hint_en: hint(Lang::En),
        }
    }

    fn of_source(mut self, source: &str) -> Self {
        self.source = Some(source.to_string());
        self
    }

    fn of_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_string());
        self
    }

    fn of_column(mut self, column: &str) -> Self {
        self.column = Some(column.to_string());
        self
    }
}

/// What stands in an input error, one finding per faulty place.
fn findings_of(error: &InputError) -> Vec<Found> {
    if let InputError::Issues { file, issues } = error {
        let one = |issue: &crate::ingest::Issue| Found {
            kind: issue.fault.frictionless().to_string(),
            row: issue.row,
            column: issue.column.as_deref().map(crate::ingest::shown_name),
            found: issue.found.clone(),
            hint_nl: issue.fault.hint(Lang::Nl).to_string(),
            hint_en: issue.fault.hint(Lang::En).to_string(),
            ..Found::new(Severity::Error, issue.fault.code(), issue.expected.clone()).of_file(file)
        };
        return issues.first().iter().map(one).collect();
    }
    let text = error.to_string();
    // Every message begins with its code.
    let (id, message) = text.split_once(' ').unwrap_or(("", text.as_str()));
    let found = Found::new(Severity::Error, id, message);
    vec![match error {
        InputError::NoFile { source_name, .. } | InputError::BsnInName { source_name } => found.of_source(source_name),
        InputError::LooksLikeBsn { source_name, column, .. } | InputError::NotReal { source_name, column, .. } => {
            found.of_source(source_name).of_column(column)
        }
        InputError::NoColumn { source_name, file, column, .. } => {
            found.of_source(source_name).of_file(file).of_column(column)
        }
        InputError::WrongType { file, column, .. } | InputError::RepeatedColumn { file, column } => {
            found.of_file(file).of_column(column)
        }
        InputError::Io { file, .. } | InputError::Corrupt { file, .. } | InputError::Empty { file } => {
            found.of_file(file)
        }
        _ => found,
    }]
}

/// Everything that a check found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Validation {
    /// No errors.
    pub valid: bool,
    /// Study id.
    pub study: String,
    /// Title of the study.
    pub title: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Id of the key behind the pseudonyms.
    pub key_id: Option<String>,
    /// Schools, and pupils that can be used; none where the data could not be read.
    pub schools: Option<u64>,
    /// Pupils that can be used.
    pub pupils: Option<u64>,
    /// Errors and warnings, errors first.
    pub issues: Vec<Found>,
    /// The files with their columns.
    pub files: Vec<FileReport>,
    /// Who fell out where, per table or model and school.
    pub flow: Vec<FlowReport>,
    /// Share of pupils with a registration, per school and cohort.
    pub coverage: Vec<CoverageRow>,
    /// What changed since the last check.
    pub drift: Vec<Drift>,
    /// Exact totals for the terminal of whoever has the data: table or model, step, rows.
    #[serde(skip)]
    pub totals: Vec<(String, &'static str, u64)>,
    /// A mapping that may be meant, as TOML.
    #[serde(skip)]
    pub fix_plan: String,
    /// The study or the key is wrong, not the data.
    #[serde(skip)]
    pub is_study: bool,
    /// Trying again may help.
    #[serde(skip)]
    pub is_environment: bool,
}

impl Validation {
    /// Number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.issues.iter().filter(|i| i.severity == severity).count()
    }
}

/// Checks all data of a study.
pub fn validate(study: &Study, base: &Path, before: Option<&Validation>, progress: &dyn Progress) -> Validation {
    let mut v = Validation {
        valid: false,
        study: study.study.id.clone(),
        title: study.study.title.clone(),
        engine_version: super::VERSION.to_string(),
        key_id: None,
        schools: None,
        pupils: None,
        issues: Vec::new(),
        files: Vec::new(),
        flow: Vec::new(),
        coverage: Vec::new(),
        drift: Vec::new(),
        totals: Vec::new(),
        fix_plan: String::new(),
        is_study: false,
        is_environment: false,
    };
    match key_of(study, base).map_err(InputError::from) {
        Ok(key) => {
            v.key_id = key.as_ref().map(|k| k.id().to_string());
            // A file that can't be opened is said where the files are read.
            if let Err(e @ InputError::Key(_)) = assert_one_key(study, base, key.as_ref()) {
                v.refuse(&e);
            }
        }
        Err(e) => v.refuse(&e),
    }
    let made = study.canonical_tables();
    let wanted = wants::of(study, base);
    let mut profiles = Vec::new();
    for (name, source) in study.sources.iter().filter(|(name, _)| !made.contains(&name.as_str())) {
        let read = files::read(name, source, wanted.get(name).map_or(&[], Vec::as_slice), base, progress);
        v.is_environment |= read.is_environment;
        v.is_study |= read.is_study;
        v.issues.extend(read.issues);
        v.files.extend(read.files);
        profiles.extend(read.profiles);
    }
    if v.count(Severity::Error) == 0 {
        for (name, wants) in &wanted {
            if let Err(e) = files::convert(study, base, name, wants, &mut v.issues, progress) {
                v.refuse(&e);
            }
        }
    }
    if let (Some(ingest), 0) = (&study.ingest, v.count(Severity::Error)) {
        match canonical::build(study, ingest, base, progress, &mut linkage::Nothing) {
            Ok(ledger) => v.ledger(study, &ledger),
            Err(e) => v.refuse(&e),
        }
    } else if v.count(Severity::Error) == 0 {
        match panel::build(Plan::of(study), base, progress) {
            Ok(panel) => {
                v.panel(study, &panel);
                if let Some(counts) = &study.counts {
                    match panel.count_cells(counts, base, progress) {
                        Ok(cells) => v.counts(&cells),
                        Err(e) => v.refuse(&e),
                    }
                }
            }
            Err(e) => v.refuse(&e),
        }
    }
    v.fix_plan = plan::of(study, &wanted, &profiles);
    v.drift = before.map(|b| drift::between(b, &v)).unwrap_or_default();
    let changes: Vec<Found> = v.drift.iter().map(Drift::finding).collect();
    v.issues.extend(changes);
    v.issues.sort();
    v.issues.dedup();
    v.valid = v.count(Severity::Error) == 0;
    v
}

impl Validation {
    fn refuse(&mut self, error: &InputError) {
        self.is_study |= error.is_study();
        self.is_environment |= error.is_environment();
        let known: BTreeSet<(String, Option<u64>, Option<String>)> =
            self.issues.iter().map(|i| (i.code.clone(), i.row, i.column.clone())).collect();
        let new = findings_of(error).into_iter();
        self.issues
            .extend(new.filter(|i| i.row.is_none() || !known.contains(&(i.code.clone(), i.row, i.column.clone()))));
    }

    fn ledger(&mut self, study: &Study, ledger: &Ledger) {
        self.schools = Some(ledger.linked.len() as u64);
        self.pupils = Some(ledger.linked.values().map(|s| s.pupils).sum());
        self.flow = linkage::of_deliveries(ledger, &profile(study));
        self.issues.extend(ledger.notes.iter().map(|n| Found::new(Severity::Warning, "LOB-E0150", n.clone())));
    }

    fn panel(&mut self, study: &Study, panel: &panel::Panel<'_>) {
        self.schools = Some(panel.pupils.schools.len() as u64);
        self.pupils = Some(panel.pupils.len() as u64);
        let mut flow = panel.flow.clone();
        for entry in &study.models {
            flow.extend(models::model(entry).design(panel, entry).head().flow.clone());
        }
        self.totals = linkage::totals(&flow);
        self.flow = linkage::flow(panel, &flow, &profile(study));
        self.coverage = linkage::coverage(panel, &profile(study));
        let notes = panel::matched::notes(panel);
        self.issues.extend(notes.into_iter().map(|note| Found::new(Severity::Warning, "LOB-E0150", note)));
    }

    /// Cells of counts are no pupils: their numbers hide nothing.
    fn counts(&mut self, cells: &CountCells) {
        let set = "counts";
        let used = (("cellen die in beide staan", "cells on both sides"), cells.cells.len() as u64, true);
        let drops = cells.drops.iter().map(|(why, n)| (why.label(), *n, false));
        let steps = std::iter::once(used).chain(drops);
        self.totals.extend(steps.clone().map(|((_, en), n, _)| (set.to_string(), en, n)));
        let step = |((nl, en), n, is_total): ((&str, &str), u64, bool)| FlowStep {
            nl: nl.to_string(),
            en: en.to_string(),
            is_total,
            n: Some(n),
        };
        self.flow.push(FlowReport { set: set.to_string(), school: None, steps: steps.map(step).collect() });
    }
}

/// What the last check in `folder` wrote, if it can still be read.
pub fn previous(folder: &Path) -> Option<Validation> {
    serde_json::from_slice(&std::fs::read(folder.join(JSON)).ok()?).ok()
}

const JSON: &str = "validation.json";
const PAGE: &str = "validatie.html";

/// Writes `validation.json` and `validatie.html` into `folder`, readable by their owner only.
///
/// # Errors
/// A folder that can't be written; something in the two files that may not leave.
pub fn write(v: &Validation, folder: &Path, lang: Lang) -> Result<(), RunError> {
    let failed = |reason| RunError::Write { what: "the folder of the check".into(), reason };
    output::create_private_folder(folder).map_err(failed)?;
    let mut json =
        serde_json::to_vec_pretty(v).map_err(|e| RunError::Encode { table: JSON.into(), reason: e.to_string() })?;
    json.push(b'\n');
    let gate = Gate::new(None, &[folder]);
    for (name, bytes) in [(JSON, json), (PAGE, page::html(v, lang).into_bytes())] {
        gate.pass(name, &bytes)?;
        let failed = |reason| RunError::Write { what: name.into(), reason };
        output::write_private(&folder.join(name), &bytes).map_err(failed)?;
    }
    Ok(())
}
