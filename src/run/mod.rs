//! Plans the jobs, runs them in parallel, keeps their order, and publishes. The only room that writes results.
//!
//! [`run`] is the road of one run: hash inputs → build the panel → fit all models → findings → tables and
//! pages → staging → rename.

#![allow(clippy::disallowed_methods, reason = "the door through which results go out")]

mod canonical;
pub mod certify;
mod counts;
mod effect_tables;
mod egress;
pub mod engine;
mod error;
mod files;
mod manifest;
mod pages;
pub mod power;
mod programme_table;
mod publish;
mod stages;
mod status;
mod tables;
pub mod validation;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use canonical::{Ingested, ingest};
pub use counts::{CountsResult, counts};
pub use engine::Engine;
pub use error::RunError;
pub use files::{
    create_private_folder, write_cells, write_json, write_page, write_panel, write_pattern_cells, write_table,
};
pub use manifest::FileEntry;

use crate::design;
use crate::disclosure::suppress::Profile;
use crate::disclosure::zone::{Meta, Output, Research, School, SchoolFolder};
use crate::effects::comparable::{Comparison, NEIGHBOURS, comparable};
use crate::effects::robustness::{self, Effort, Robustness};
use crate::effects::{self, ModelFindings};
use crate::ingest::{
    InputFile, Memory, MemorySize, Progress, ProjectKey, assert_one_key, find_files, hash_file, key_of,
};
use crate::models::{self, Fitted};
use crate::panel::{self, Flow, Panel, Plan};
use crate::report;
use crate::study::Study;
use crate::study::file::{Format, Names, ProfileName, Source};
use crate::vocab::{Lang, RefusalReason};
use stages::Stages;

/// Version of the engine.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Fingerprint of the source, part of every run id: two builds may give different numbers.
const SOURCE: &str = env!("LOB_SOURCE");

/// An input: its source, the file, and its hash.
type Input = (String, InputFile, String);

/// One run of one study.
#[derive(Clone, Copy)]
pub struct Job<'j> {
    /// The checked study.
    pub study: &'j Study,
    /// Its text, part of the run id.
    pub text: &'j str,
    /// Folder of the study file.
    pub base: &'j Path,
    /// Output folder.
    pub out: &'j Path,
    /// Language of the reports.
    pub lang: Lang,
    /// Whether to run the checks of robustness and falsification, and how much.
    pub robustness: Option<Effort>,
    /// About how much memory it may take; `None`: what it takes. What does not fit is put in a file without a name in the output
    /// folder. Results are the same.
    pub memory: Option<MemorySize>,
}

impl Job<'_> {
    /// Its memory, with what does not fit in the folder of `store`.
    fn memory(&self, store: &publish::Store) -> Memory {
        self.memory.map_or_else(Memory::unlimited, |size| Memory::limited(size, store.folder()))
    }
}

/// What a run rests on.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'o> {
    /// The rows of the study's sources.
    Rows,
    /// Pattern cells in files.
    Cells(CellFiles<'o>),
    /// Pattern cells that another engine makes of the study's sources.
    Engine(&'o Engine),
}

/// Files of pattern cells: absolute paths or globs.
#[derive(Clone, Copy, Debug)]
pub struct CellFiles<'o> {
    /// The cells.
    pub cells: &'o [String],
    /// What an engine wrote beside them, to which they must add up; none: they are taken as they are.
    pub check: &'o [String],
}

impl CellFiles<'_> {
    fn read<'s>(&self, plan: Plan<'s>, base: &Path, progress: &dyn Progress) -> Result<Panel<'s>, RunError> {
        let expected = match self.check {
            [] => None,
            check => Some(panel::patterns::Tally::written(plan.study, check, base)?),
        };
        Ok(panel::patterns::read(plan, self.cells, base, expected, progress)?)
    }
}

/// What a run ends with.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Run id.
    pub run_id: String,
    /// Folder of the run.
    pub dir: PathBuf,
    /// True when the same run was there already and nothing was done.
    pub unchanged: bool,
    /// One line per model.
    pub models: Vec<ModelLine>,
    /// School reports, relative to `dir`.
    pub reports: Vec<String>,
    /// What is odd about the input.
    pub notes: Vec<String>,
    /// Pupils and activity rows read and used.
    pub counts: Vec<(String, u64)>,
}

/// One model of a run.
#[derive(Clone, Debug)]
pub struct ModelLine {
    /// Model id.
    pub id: String,
    /// Label of the outcome.
    pub outcome: String,
    /// Label of the exposure.
    pub exposure: String,
    /// The national finding.
    pub nation: effects::Finding,
    /// Why there is no fit.
    pub refused: Option<RefusalReason>,
    /// The term that the refusal is about.
    pub refused_term: Option<String>,
}

/// Everything that was computed, before it is written.
pub struct Computed<'s> {
    /// The panel.
    pub panel: Panel<'s>,
    /// Fitted models with their findings, in the study's order.
    pub models: Vec<(Fitted, ModelFindings)>,
    /// Schools alike in intake and size, with whose doses each school's are compared; `None` where there are too few schools
    /// to choose from, and each is compared with all.
    pub comparable: Option<Comparison>,
    /// The checks of each model, in the same order; empty unless they were asked for.
    pub checks: Vec<Robustness>,
}

impl Computed<'_> {
    /// The flow of the panel and of all models.
    pub fn flow(&self) -> Flow {
        let mut flow = self.panel.flow.clone();
        for (fitted, _) in &self.models {
            flow.extend(fitted.design.head().flow.clone());
        }
        flow
    }
}

/// Builds the panel and fits all models of a study, in parallel and in a fixed order.
///
/// # Errors
/// Unreadable input. A model that can't be fitted is a result, not an error.
pub fn compute<'s>(study: &'s Study, base: &Path, progress: &dyn Progress) -> Result<Computed<'s>, RunError> {
    compute_with(study, base, None, progress)
}

/// What becomes of the rows of a design once its effects are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Kept,
    Forgotten,
}

/// Bytes of all designs below which models are fitted side by side. Above it they come one after another, each on all
/// threads, so that memory holds the rows of one.
const SIDE_BY_SIDE: usize = 256 << 20;

fn fit<'s>(study: &'s Study, panel: Panel<'s>, effort: Option<Effort>, rows: Rows) -> Computed<'s> {
    let comparable = (panel.pupils.schools.len() > NEIGHBOURS).then(|| comparable(&panel, NEIGHBOURS));
    let peers = comparable.as_ref().map(Comparison::schools);
    let one = |entry| {
        let mut fitted = models::fit(&panel, entry);
        let mut findings = effects::of_compared(&fitted, peers.as_ref());
        effects::compete(&panel, &mut fitted, &mut findings);
        let checks = effort.map(|effort| robustness::of(&panel, &fitted, &findings, effort));
        if rows == Rows::Forgotten && fitted.fit.is_ok() {
            fitted.design.forget_rows();
        }
        ((fitted, findings), checks)
    };
    let size: usize = study.models.iter().map(|entry| design::bytes(&panel, entry)).sum();
    let most = panel.plan.memory.limit().map_or(SIDE_BY_SIDE, |limit| SIDE_BY_SIDE.min(limit as usize / 4));
    let done: Vec<_> = match size < most {
        true => study.models.par_iter().map(one).collect(),
        false => study.models.iter().map(one).collect(),
    };
    let (models, checks): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    Computed { panel, models, comparable, checks: checks.into_iter().flatten().collect() }
}

/// As [`compute`], with the checks of every model where `effort` says so.
///
/// # Errors
/// As [`compute`].
pub fn compute_with<'s>(
    study: &'s Study,
    base: &Path,
    effort: Option<Effort>,
    progress: &dyn Progress,
) -> Result<Computed<'s>, RunError> {
    Ok(fit(study, panel::build(Plan::of(study), base, progress)?, effort, Rows::Kept))
}

/// Runs a job and publishes its results, or finds that the same run is there already.
///
/// # Errors
/// Unreadable input, a busy or unwritable output folder.
pub fn run(job: &Job<'_>, progress: &dyn Progress) -> Result<Summary, RunError> {
    let mut stages = Stages::new("hashing inputs", progress);
    let inputs = hash_inputs(job)?;
    let run_id = run_id(job, &inputs);
    let key = key_of(job.study, job.base)?;
    assert_one_key(job.study, job.base, key.as_ref())?;
    let store = publish::Store::open(job.out)?;
    store.assert_key(key.as_ref())?;
    stages.next("panel");
    let memory = job.memory(&store);
    let mut panel = panel::build(Plan::of(job.study).within(memory.clone()), job.base, progress)?;
    panel.pupils.forget_sources();
    assert_room(&memory)?;
    stages.next("models and effects");
    let computed = fit(job.study, panel, job.robustness, Rows::Forgotten);
    assert_room(&memory)?;
    publish(job, &store, stages, (run_id, &inputs), key, &computed)
}

/// Runs a job on what it rests on. Cells hold no identifiers, so no key is asked for.
///
/// # Errors
/// As [`run`]; cells that don't fit the study, an engine that fails.
pub fn run_from(job: &Job<'_>, origin: Origin<'_>, progress: &dyn Progress) -> Result<Summary, RunError> {
    if matches!(origin, Origin::Rows) {
        return run(job, progress);
    }
    let mut stages = Stages::new("cells", progress);
    let store = publish::Store::open(job.out)?;
    let made = match origin {
        Origin::Engine(engine) => {
            Some(engine::cells(&Plan::of(job.study), engine, job.base, store.folder(), progress)?)
        }
        _ => None,
    };
    let written = match &made {
        Some(made) => {
            let file = made.folder().join("cells.parquet");
            write_pattern_cells(&made.panel, &file)?;
            vec![file.to_string_lossy().into_owned()]
        }
        None => Vec::new(),
    };
    let files = match origin {
        Origin::Cells(files) => files,
        Origin::Rows | Origin::Engine(_) => CellFiles { cells: &written, check: &[] },
    };
    let source = Source { files: Names(files.cells.to_vec()), format: Some(Format::Parquet), ..Source::default() };
    let study = job.study.on_source("cells", source);
    let job = &Job { study: &study, ..*job };
    let inputs = hash_inputs(job)?;
    let run_id = run_id(job, &inputs);
    let memory = job.memory(&store);
    let panel = files.read(Plan::of(job.study).within(memory.clone()), job.base, progress)?;
    stages.next("models and effects");
    let computed = fit(job.study, panel, None, Rows::Forgotten);
    assert_room(&memory)?;
    publish(job, &store, stages, (run_id, &inputs), None, &computed)
}

/// Whether more memory was taken than was asked for: pupils, doses and what is sought in a fit are always held.
fn above_limit(job: &Job<'_>) -> Option<String> {
    let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
    let (limit, peak) = (job.memory?.0, stages::peak_memory()?);
    (peak > limit).then(|| {
        format!(
            "the run took {} MB of memory at most, more than the {} MB asked for",
            megabytes(peak),
            megabytes(limit)
        )
    })
}

/// Fails when something had no room aside: nothing was lost, but more memory was taken than may be.
fn assert_room(memory: &Memory) -> Result<(), RunError> {
    let failed = |e: &std::io::Error| RunError::Write {
        what: "the file for what does not fit in memory".into(),
        reason: std::io::Error::new(e.kind(), e.to_string()),
    };
    memory.assert_room().map_err(failed)
}

/// Writes pattern cells of a study to `to` and says how many.
///
/// # Errors
/// Unreadable input or cells, an engine that fails, a file that can't be written.
pub fn cells(
    study: &Study,
    base: &Path,
    origin: Origin<'_>,
    to: &Path,
    progress: &dyn Progress,
) -> Result<u64, RunError> {
    let plan = Plan::of(study);
    let panel = match origin {
        Origin::Rows => panel::build(plan, base, progress)?,
        Origin::Cells(files) => files.read(plan, base, progress)?,
        Origin::Engine(engine) => {
            let home = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let made = engine::cells(&plan, engine, base, home, progress)?;
            return write_pattern_cells(&made.panel, to);
        }
    };
    write_pattern_cells(&panel, to)
}

fn publish(
    job: &Job<'_>,
    store: &publish::Store,
    mut stages: Stages<'_>,
    (run_id, inputs): (String, &[Input]),
    key: Option<ProjectKey>,
    computed: &Computed<'_>,
) -> Result<Summary, RunError> {
    stages.next("tables and pages");
    // What was read must be what was hashed.
    inputs.iter().try_for_each(|(_, file, _)| file.assert_unchanged())?;
    let pages = pages::pages(computed, &run_id, profile(job.study), report_outcomes(job.study));
    let gate = egress::Gate::new(key, &[job.base, job.out]);
    let mut staging = store.stage(&run_id, &gate)?;
    let reports = staging.write_each(&pages, |page| {
        let html = report::school_page(page, job.lang);
        Ok(Output::<School>::of_school(&SchoolFolder::new(&page.school), "rapport.html", html.into_bytes())?)
    })?;
    let index = pages.iter().zip(&reports).map(|(page, href)| pages::entry(page, href)).collect();
    let index = report::index_page(&pages::index(job.study, &run_id, index), job.lang);
    staging.write(&Output::<Meta>::new("index.html", index.into_bytes())?)?;
    staging.write_each(&tables::all(computed)?, |(name, batch)| {
        gate.pass_table(name, batch)?;
        Ok(Output::<Research>::new(&format!("{name}.parquet"), files::write_table(batch)?)?)
    })?;
    let results = manifest::results(computed, &run_id)?;
    staging.write(&Output::<Meta>::new("run_results.json", results)?)?;
    let manifest = manifest::manifest(job, &run_id, inputs, staging.files(), gate.key_id())?;
    let info = manifest::info(&stages)?;
    let (dir, unchanged) = staging.publish(manifest, info)?;
    Ok(summary(job, computed, run_id, dir, unchanged, reports))
}

/// A school's page that is not part of a published run.
pub struct LoosePage {
    /// School key.
    pub school: String,
    /// File name.
    pub file: String,
    /// The page.
    pub html: String,
}

/// The pages of a study, without publishing a run. They pass the same gate.
///
/// # Errors
/// Unreadable input, or a page that holds what may not leave.
pub fn pages_only(job: &Job<'_>, progress: &dyn Progress) -> Result<Vec<LoosePage>, RunError> {
    let run_id = run_id(job, &hash_inputs(job)?);
    let computed = compute_with(job.study, job.base, job.robustness, progress)?;
    let pages = pages::pages(&computed, &run_id, profile(job.study), report_outcomes(job.study));
    let gate = egress::Gate::new(key_of(job.study, job.base)?, &[job.base, job.out]);
    let one = |page: &crate::disclosure::page::SchoolPage| {
        let file = format!("{}.html", SchoolFolder::new(&page.school).as_str());
        let html = report::school_page(page, job.lang);
        gate.pass(&file, html.as_bytes())?;
        Ok(LoosePage { school: page.school.clone(), file, html })
    };
    pages.par_iter().map(one).collect()
}

fn profile(study: &Study) -> Profile {
    match study.privacy.profile {
        ProfileName::SchoolExtern => Profile::SCHOOL_EXTERN,
        ProfileName::SchoolIntern => Profile::SCHOOL_INTERN,
    }
}

fn report_outcomes(study: &Study) -> Vec<String> {
    let all = || study.outcomes.iter().map(|o| o.id.clone()).collect();
    study.report.outcomes.as_ref().map_or_else(all, |names| names.0.clone())
}

/// Hash and size of every input file, in order of source and path.
fn hash_inputs(job: &Job<'_>) -> Result<Vec<Input>, RunError> {
    let mut files = Vec::new();
    for (name, source) in &job.study.sources {
        files.extend(find_files(job.base, name, source)?.into_iter().map(|f| (name.clone(), f)));
    }
    files
        .into_par_iter()
        .map(|(name, file)| {
            let hash = hash_file(&file)?;
            Ok((name, file, hash))
        })
        .collect()
}

/// Hash over inputs, study, language and engine: the same run has the same id.
fn run_id(job: &Job<'_>, inputs: &[Input]) -> String {
    let mut hasher = blake3::Hasher::new();
    let lang = job.lang.pick("nl", "en");
    for part in [VERSION, SOURCE, lang, job.text] {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    if let Some(effort) = job.robustness {
        hasher.update(format!("{effort:?}").as_bytes());
    }
    for (name, file, hash) in inputs {
        for part in [name, &file.name, hash] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
    }
    hasher.finalize().to_hex()[..16].to_string()
}

fn summary(
    job: &Job<'_>,
    computed: &Computed<'_>,
    run_id: String,
    dir: PathBuf,
    unchanged: bool,
    reports: Vec<String>,
) -> Summary {
    let plan = &computed.panel.plan;
    let line = |(fitted, findings): &(Fitted, ModelFindings)| ModelLine {
        id: fitted.entry.id.clone(),
        outcome: pages::outcome_label(plan, plan.outcome(&fitted.entry.outcome), job.lang),
        exposure: pages::exposure_label(plan, plan.exposure(&fitted.entry.exposure), job.lang),
        nation: findings.nation.clone(),
        refused: fitted.accept().err(),
        refused_term: fitted.refused_term().map(String::from),
    };
    let flow = &computed.panel.flow;
    let count = |set: &str, step: panel::Step| (format!("{set} {}", step.code()), flow.total(set, step));
    let counts = vec![
        ("schools".to_string(), computed.panel.pupils.schools.len() as u64),
        count("pupils", panel::Step::Used),
        count("activities", panel::Step::Read),
        count("activities", panel::Step::Used),
    ];
    let mut notes = panel::matched::notes(&computed.panel);
    for (fitted, _) in &computed.models {
        notes.extend(fitted.design.head().notes.iter().map(|note| format!("model {}: {note}", fitted.entry.id)));
    }
    notes.extend(above_limit(job));
    Summary { notes, run_id, dir, unchanged, models: computed.models.iter().map(line).collect(), reports, counts }
}
