//! Aggregate mode: counts per school, leerweg and cohort beside mean doses of the same cells, published as a run is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::stages::Stages;
use super::{Job, RunError, VERSION, egress, hash_inputs, manifest, profile, publish, run_id};
use crate::disclosure::suppress::Profile;
use crate::disclosure::zone::{Meta, Output, Research};
use crate::effects::ecological::{Ecological, ecological, part_label};
use crate::ingest::{Progress, assert_one_key, key_of};
use crate::panel::counts::CountDrop;
use crate::panel::{self, Plan};
use crate::report::counts::{CountsPage, Part, counts_page};
use crate::vocab::Lang;

/// Results and where they come from; `research/counts.json` is this.
#[derive(Clone, Debug, Serialize)]
pub struct CountsResult {
    /// Version of the engine.
    pub version: &'static str,
    /// Id of the study.
    pub study: String,
    /// Always `cell`: nothing here is about pupils.
    pub level: &'static str,
    /// Exposure.
    pub exposure: String,
    /// The step of the exposure that associations are per.
    pub step: f64,
    /// Cells left out, by reason.
    #[serde(serialize_with = "by_id")]
    pub drops: BTreeMap<CountDrop, u64>,
    /// The associations.
    pub result: Ecological,
}

/// Reasons by their words in files, in their order.
fn by_id<S: Serializer>(drops: &BTreeMap<CountDrop, u64>, to: S) -> Result<S::Ok, S::Error> {
    drops.iter().map(|(why, n)| (why.id(), *n)).collect::<BTreeMap<_, _>>().serialize(to)
}

/// Runs the `[counts]` of a study and publishes `aantallen.html` (Dutch), `counts.html` (English) and `research/counts.json`
/// as a run of `job.out`; with the folder of that run. `None` when the study has no `[counts]`.
///
/// # Errors
/// Input that can't be used, a busy or unwritable folder, or a page that holds what may not leave.
pub fn counts(job: &Job<'_>, progress: &dyn Progress) -> Result<Option<(CountsResult, PathBuf)>, RunError> {
    let Some(entry) = &job.study.counts else { return Ok(None) };
    let mut stages = Stages::new("hashing inputs", progress);
    let inputs = hash_inputs(job)?;
    // The same study may have a run of pupils, which is another one.
    let run_id = run_id(&Job { text: &format!("counts\0{}", job.text), ..*job }, &inputs);
    let key = key_of(job.study, job.base)?;
    assert_one_key(job.study, job.base, key.as_ref())?;
    stages.next("panel");
    let panel = panel::build(Plan::of(job.study), job.base, progress)?;
    let cells = panel.count_cells(entry, job.base, progress)?;
    stages.next("associations");
    let exposure = job.study.exposures.iter().find(|e| e.id == entry.exposure).expect("a checked study");
    let result = CountsResult {
        version: VERSION,
        study: job.study.study.id.clone(),
        level: "cell",
        exposure: exposure.id.clone(),
        step: exposure.step,
        result: ecological(&cells.cells, exposure.step),
        drops: cells.drops,
    };
    stages.next("pages");
    inputs.iter().try_for_each(|(_, file, _)| file.assert_unchanged())?;
    let store = publish::Store::open(job.out)?;
    store.assert_key(key.as_ref())?;
    let gate = egress::Gate::new(key, &[job.base, job.out]);
    let mut staging = store.stage(&run_id, &gate)?;
    for (lang, name) in [(Lang::Nl, "aantallen.html"), (Lang::En, "counts.html")] {
        let html = counts_page(&page(job, &result, &run_id, lang), lang);
        staging.write(&Output::<Meta>::new(name, html.into_bytes())?)?;
    }
    staging.write(&Output::<Research>::new("counts.json", manifest::json(&result)?)?)?;
    let manifest = manifest::manifest(job, &run_id, &inputs, staging.files(), gate.key_id())?;
    let (dir, _) = staging.publish(manifest, manifest::info(&stages)?)?;
    Ok(Some((result, dir)))
}

fn page(job: &Job<'_>, counts: &CountsResult, run_id: &str, lang: Lang) -> CountsPage {
    let study = job.study;
    let entry = study.counts.as_ref().expect("a study with counts");
    let exposure = study.exposures.iter().find(|e| e.id == entry.exposure).expect("a checked study");
    let of = |nl: Option<&String>, en: Option<&String>, id: &str| {
        let text = if lang == Lang::En { en.or(nl) } else { nl };
        text.map_or_else(|| id.to_string(), String::clone)
    };
    let found = &counts.result;
    let has_leerweg = entry.leerweg.is_some();
    let label = |(nl, en): (&'static str, &'static str)| lang.pick(nl, en);
    CountsPage {
        title: study.study.title.clone(),
        outcome: of(Some(&entry.label), entry.label_en.as_ref(), ""),
        exposure: of(exposure.label.as_ref(), exposure.label_en.as_ref(), &exposure.id),
        step: exposure.step,
        has_leerweg,
        schools: found.schools,
        cells: found.cells,
        masked: found.masked,
        drops: counts.drops.iter().map(|(why, n)| (label(why.label()), *n)).collect(),
        share: is_shown(found, &profile(study)).then(|| found.share.map(|s| 100.0 * s)),
        parts: (found.parts.iter())
            .map(|p| Part {
                between: label(part_label(p.at, has_leerweg)),
                points: p.points,
                interval: p.points_interval,
            })
            .collect(),
        refused: found.refused.clone(),
        run_id: run_id.to_string(),
    }
}

/// Whether the share rests on enough pupils, with and without the event, whatever masked counts are.
fn is_shown(found: &Ecological, profile: &Profile) -> bool {
    let without = found.pupils[0].saturating_sub(found.events[1]);
    found.pupils[0] >= profile.min_pupils && found.events[0].min(without) >= profile.min_cell
}
