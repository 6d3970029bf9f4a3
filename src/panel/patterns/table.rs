//! The table of `cells.parquet`, the same whoever made it: this engine, DuckDB or Spark.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;

use super::Pattern;
use crate::panel::flow::{Flow, Step};
use crate::panel::plan::Plan;
use crate::panel::sets::Panel;
use crate::panel::table::{coded, labels_type, numbers};
use crate::vocab::ids::Ix;
use crate::vocab::{IdVec, SchoolIx};

/// Entry of the footer that says by which study the cells were made.
pub const CELLS: &str = "lob_cells";
/// Entry of the footer with the rows that were read and fell out before there were sets.
pub const FLOW: &str = "lob_flow";

/// Columns of every table of cells; after `provisional` come `dose_<exposure>` and `covariate_<covariate>`.
///
/// In studies that know of moves `school_start` is the school of the start, and `school` that of the row.
///
/// `outcome` is empty in the set of the pupils themselves. `fell_out` is the reason of pupils who are in no analysis of the
/// outcome; an engine that does not tell reasons leaves those rows out.
pub const COLUMNS: [&str; 11] = [
    "outcome",
    "fell_out",
    "school",
    "school_name",
    "cohort",
    "period",
    "registered",
    "provisional",
    "n",
    "y",
    "y_squares",
];

/// See [`COLUMNS`].
pub(in crate::panel) const SCHOOL_START: &str = "school_start";

/// A panel as cells, with what their file says of itself.
pub struct Cells<'p> {
    panel: &'p Panel<'p>,
    /// The schema of the table.
    pub schema: SchemaRef,
    /// Entries of the footer.
    pub entries: Vec<(&'static str, String)>,
}

impl<'p> Cells<'p> {
    /// The cells of a panel: columns of [`COLUMNS`].
    pub fn of(panel: &'p Panel<'p>) -> Self {
        let flow = serde_json::to_string(&listed(&panel.flow, &panel.pupils.schools)).unwrap_or_default();
        let entries = vec![(CELLS, definition(&panel.plan)), (FLOW, flow)];
        Self { panel, schema: batch(panel, &[]).schema(), entries }
    }

    /// The table in pieces, rows in canonical order.
    pub fn batches(&self) -> impl Iterator<Item = RecordBatch> + '_ {
        let pieces = self.panel.some_patterns_at_a_time().filter(|piece| !piece.is_empty());
        pieces.map(|patterns| batch(self.panel, &patterns))
    }
}

fn batch(panel: &Panel<'_>, patterns: &[Pattern]) -> RecordBatch {
    let (plan, pupils) = (&panel.plan, &panel.pupils);
    let id = |o: usize| plan.outcomes[o].entry.id.as_str();
    let name = |p: &Pattern| pupils.school_names[p.school].as_deref().filter(|_| p.outcome.is_none());
    let pupils_of = |p: &Pattern| i64::try_from(p.n).expect("fewer pupils than 2^63");
    let mut columns: Vec<(String, Make<'_>)> = vec![
        ("outcome".into(), each::<StringArray, _>(patterns, move |p| p.outcome.map(id))),
        ("fell_out".into(), each::<StringArray, _>(patterns, |p| p.fell_out.map(Step::code))),
        (
            "school".into(),
            Box::new(|| coded(pupils.schools.iter().map(String::as_str), patterns.iter().map(|p| p.at.at()))),
        ),
        ("school_name".into(), each::<StringArray, _>(patterns, name)),
        (
            "cohort".into(),
            Box::new(|| coded(pupils.cohorts.iter().map(String::as_str), patterns.iter().map(|p| p.cohort.at()))),
        ),
        ("period".into(), each::<Int32Array, _>(patterns, |p| Some(i32::from(p.period)))),
        ("registered".into(), each::<BooleanArray, _>(patterns, |p| Some(p.registered))),
        ("provisional".into(), each::<BooleanArray, _>(patterns, |p| Some(p.provisional))),
    ];
    if plan.study.stays.is_some() {
        let schools = || coded(pupils.schools.iter().map(String::as_str), patterns.iter().map(|p| p.school.at()));
        columns.push((SCHOOL_START.into(), Box::new(schools)));
    }
    for (k, name) in number_columns(plan).into_iter().enumerate() {
        columns.push((name, Box::new(move || numbers(patterns.iter().map(|p| p.numbers[k])))));
    }
    columns.push(("n".into(), each::<Int64Array, _>(patterns, move |p| Some(pupils_of(p)))));
    columns.push(("y".into(), each::<Float64Array, _>(patterns, |p| Some(p.sum))));
    columns.push(("y_squares".into(), each::<Float64Array, _>(patterns, |p| Some(p.squares))));
    let columns: Vec<(String, ArrayRef)> = columns.into_par_iter().map(|(name, make)| (name, make())).collect();
    let field = |(name, array): &(String, ArrayRef)| {
        let kind = if matches!(array.data_type(), DataType::Dictionary(..)) {
            labels_type()
        } else {
            array.data_type().clone()
        };
        Field::new(name, kind, true)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), arrays).expect("columns made for this schema")
}

/// Makes a column.
type Make<'m> = Box<dyn FnOnce() -> ArrayRef + Send + 'm>;

/// The column of what `of` says of each pattern.
fn each<'m, A, T>(patterns: &'m [Pattern], of: impl Fn(&Pattern) -> Option<T> + Send + 'm) -> Make<'m>
where
    A: FromIterator<Option<T>> + Array + 'static,
{
    Box::new(move || Arc::new(patterns.iter().map(of).collect::<A>()))
}

/// Names of the columns of [`Pattern::numbers`].
pub(in crate::panel) fn number_columns(plan: &Plan<'_>) -> Vec<String> {
    let doses = plan.exposures.iter().map(|e| format!("dose_{}", e.entry.id));
    doses.chain(plan.covariates.iter().map(|c| format!("covariate_{}", c.id))).collect()
}

/// Hash of all in a study that decides what stands in its cells: labels, steps, caps and models may change afterwards.
pub(super) fn definition(plan: &Plan<'_>) -> String {
    let study = plan.study;
    let mut parts = serde_json::json!([
        study.time,
        study.pupils,
        study.activities,
        study.enrolments,
        study.exposures,
        study.covariates,
        study.outcomes
    ]);
    // Studies that know of no moves keep the definition that they had before there were any.
    if let (Some(stays), Some(parts)) = (&study.stays, parts.as_array_mut()) {
        parts.push(serde_json::json!(stays));
    }
    strip(&mut parts);
    let hash = blake3::hash(parts.to_string().as_bytes()).to_hex();
    format!("1 {}", &hash[..32])
}

/// Takes away what is applied to cells when they are read, or is only said.
fn strip(value: &mut serde_json::Value) {
    const LATER: [&str; 8] = ["label", "label_en", "step", "cap", "transform", "unit_sd", "status", "source"];
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
        serde_json::Value::Object(entries) => {
            entries.retain(|key, _| !LATER.contains(&key.as_str()));
            entries.values_mut().for_each(strip);
        }
        _ => {}
    }
}

/// Set, school, step and number.
pub(super) type Listed = Vec<(String, Option<String>, String, u64)>;

fn listed(flow: &Flow, schools: &IdVec<SchoolIx, String>) -> Listed {
    let key = |s: SchoolIx| schools[s].clone();
    flow.iter().map(|(set, school, step, n)| (set.to_string(), school.map(key), step.code().to_string(), n)).collect()
}

/// The flow that a footer holds; what it does not know is left out.
pub(super) fn flow_of(text: &str, school: impl Fn(&str) -> Option<SchoolIx>) -> Flow {
    let mut flow = Flow::default();
    for (set, key, step, n) in serde_json::from_str::<Listed>(text).unwrap_or_default() {
        let known = key.as_deref().map(&school);
        if let (Some(step), false) = (Step::of_code(&step), known == Some(None)) {
            flow.add(&set, known.flatten(), step, n);
        }
    }
    flow
}
