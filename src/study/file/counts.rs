//! `[counts]`: outcomes as numbers per school, leerweg and cohort.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Outcomes that come as numbers per school, leerweg (where the file has it) and cohort, where nobody gives them per pupil. `lob counts` sets them
/// beside mean doses of the same cells.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Source with one row per cell.
    pub source: String,
    /// What the events are, as reports say it: `niet in onderwijs na een jaar`.
    pub label: String,
    /// The same in English; default `label`.
    #[serde(default)]
    pub label_en: Option<String>,
    /// Column with the school, written as in the pupil table.
    pub school: String,
    /// Column with the leerweg; without it a cell is all of a school and cohort.
    #[serde(default)]
    pub leerweg: Option<String>,
    /// Column with the cohort.
    pub cohort: String,
    /// Column with the pupils of the cell: a whole number or masked, `<5`. With `n_hi`: at least so many.
    pub n: String,
    /// Column with the pupils at most, where the file gives bounds.
    #[serde(default)]
    pub n_hi: Option<String>,
    /// Column with the pupils who had the event. With `events_hi`: at least so many.
    pub events: String,
    /// Column with the events at most.
    #[serde(default)]
    pub events_hi: Option<String>,
    /// Rows of one cell are added up, such as the sectors of a leerweg; default false: a cell that stands there twice is an
    /// error.
    #[serde(default)]
    pub sum: bool,
    /// Words of the file for schools, leerwegen and cohorts of the study: `recode = { "VMBO BB" = "BB", "2019-2020" = "2019" }`.
    #[serde(default)]
    pub recode: BTreeMap<String, String>,
    /// Covariate that is the leerweg of a pupil; default `leerweg`. It must be a category with `levels`.
    #[serde(default = "leerweg")]
    pub covariate: String,
    /// Exposure whose mean is taken.
    pub exposure: String,
}

fn leerweg() -> String {
    "leerweg".into()
}
