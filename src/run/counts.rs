//! Aggregate mode: counts per school, leerweg and cohort beside mean doses of the same cells.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{RunError, VERSION, create_private_folder, files, write_json};
use crate::effects::ecological::{Ecological, ecological};
use crate::ingest::Progress;
use crate::panel::{self, Plan};
use crate::report::counts::{Facts, Part, page};
use crate::study::Study;
use crate::vocab::Lang;

/// Results and where they come from; `counts.json` is this.
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
    pub drops: BTreeMap<&'static str, u64>,
    /// The associations.
    pub result: Ecological,
}

/// Runs the `[counts]` of a study and writes `counts.json`, `aantallen.md` (Dutch) and `counts.md` (English) to `out`. `None`
/// when the study has no `[counts]`.
///
/// # Errors
/// Input that can't be used, or a folder that can't be written.
pub fn counts(
    study: &Study,
    base: &Path,
    out: &Path,
    progress: &dyn Progress,
) -> Result<Option<CountsResult>, RunError> {
    let Some(entry) = &study.counts else { return Ok(None) };
    let panel = panel::build(Plan::of(study), base, progress)?;
    let cells = panel.count_cells(entry, base, progress)?;
    let exposure = study.exposures.iter().find(|e| e.id == entry.exposure).expect("a checked study");
    let result = CountsResult {
        version: VERSION,
        study: study.study.id.clone(),
        level: "cell",
        exposure: exposure.id.clone(),
        step: exposure.step,
        drops: cells.drops.iter().map(|(why, n)| (why.id(), *n)).collect(),
        result: ecological(&cells.cells, exposure.step),
    };
    let failed = |reason| RunError::Write { what: "counts".into(), reason };
    create_private_folder(out).map_err(failed)?;
    write_json(&result, &out.join("counts.json"))?;
    for (lang, name) in [(Lang::Nl, "aantallen.md"), (Lang::En, "counts.md")] {
        let of = |nl: &Option<String>, en: &Option<String>, id: &str| {
            let text = if lang == Lang::En { en.as_ref().or(nl.as_ref()) } else { nl.as_ref() };
            text.cloned().unwrap_or_else(|| id.to_string())
        };
        let facts = Facts {
            title: study.study.title.clone(),
            outcome: of(&Some(entry.label.clone()), &entry.label_en, ""),
            exposure: of(&exposure.label, &exposure.label_en, &exposure.id),
            step: exposure.step,
            schools: result.result.schools,
            cells: result.result.cells,
            masked: result.result.masked,
            drops: result.drops.iter().map(|(why, n)| (*why, *n)).collect(),
            share: result.result.share.map(|s| 100.0 * s),
            parts: (result.result.parts.iter())
                .map(|p| Part { id: p.part, points: p.points, interval: p.points_interval })
                .collect(),
            refused: result.result.refused.clone(),
        };
        files::write_private(&out.join(name), page(&facts, lang).as_bytes()).map_err(failed)?;
    }
    Ok(Some(result))
}
