//! The table `programme`: E7, where a run checks robustness.

use arrow::record_batch::RecordBatch;

use super::tables::Table;
use super::{Computed, RunError};
use crate::effects::programme::{Event, Programme};
use crate::effects::robustness as checks;
use crate::models::Fitted;
use crate::vocab::Level;

/// A number of E7.
struct ProgrammeRow<'c> {
    fitted: &'c Fitted,
    /// `overall`, `per_step` or `event`.
    term: &'static str,
    event_time: Option<f64>,
    estimate: Option<f64>,
    std_error: Option<f64>,
    interval: Option<[f64; 2]>,
    /// `pointwise`, or `simultaneous` over the years of a model.
    coverage: Option<&'static str>,
    found: Result<&'c Programme, checks::Obstacle>,
}

/// E7: what changed at schools that extended their programme; a row with its reason where that can't be told.
pub(super) fn programme(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let all = computed.models.iter().zip(&computed.checks);
    let rows: Vec<ProgrammeRow<'_>> = all.flat_map(|((fitted, _), checks)| programme_rows(fitted, checks)).collect();
    let found = |of: fn(&Programme) -> f64| rows.iter().map(move |r| r.found.ok().map(of));
    let n = |of: fn(&Programme) -> u32| rows.iter().map(move |r| r.found.ok().map(|p| u64::from(of(p))));
    let end = |k: usize| rows.iter().map(move |r| r.interval.map(|i| i[k]));
    Table::new("programme")
        .text("model_id", rows.iter().map(|r| Some(r.fitted.entry.id.clone())))
        .text("outcome", rows.iter().map(|r| Some(r.fitted.entry.outcome.clone())))
        .text("exposure", rows.iter().map(|r| Some(r.fitted.entry.exposure.clone())))
        .text("estimand", rows.iter().map(|_| Some("E7".into())))
        .text("term", rows.iter().map(|r| Some(r.term.into())))
        .number("event_time", rows.iter().map(|r| r.event_time))
        .text("unit", rows.iter().map(|r| r.estimate.map(|_| "per100".into())))
        .number("estimate", rows.iter().map(|r| r.estimate))
        .number("std_error", rows.iter().map(|r| r.std_error))
        .number("conf_low", end(0))
        .number("conf_high", end(1))
        .number("conf_level", rows.iter().map(|r| r.interval.map(|_| Level::P95.get())))
        .text("coverage", rows.iter().map(|r| r.coverage.map(str::to_string)))
        .number("rise", found(|p| p.rise))
        .number("pre_trends_p", rows.iter().map(|r| r.found.ok().and_then(|p| p.pre_trends).map(|t| t.p_value)))
        .count("n_changed", n(|p| p.changed))
        .count("n_unchanged", n(|p| p.unchanged))
        .count("n_left_out", n(|p| p.left_out))
        .text("status", rows.iter().map(|r| Some(if r.found.is_ok() { "ok" } else { "not_possible" }.into())))
        .text("reason", rows.iter().map(|r| r.found.err().map(|o| o.code().into())))
        .finish()
}

fn programme_rows<'c>(fitted: &'c Fitted, checks: &'c checks::Robustness) -> Vec<ProgrammeRow<'c>> {
    let row = |term, found| ProgrammeRow {
        fitted,
        term,
        event_time: None,
        estimate: None,
        std_error: None,
        interval: None,
        coverage: None,
        found,
    };
    let found = match &checks.programme {
        Ok(found) => found,
        Err(obstacle) => return vec![row("overall", Err(*obstacle))],
    };
    let average = |term, e: &checks::Estimated| ProgrammeRow {
        estimate: Some(e.value),
        interval: e.lo.zip(e.hi).map(|(lo, hi)| [lo, hi]),
        coverage: Some("pointwise"),
        ..row(term, Ok(found))
    };
    let event = |e: &Event| ProgrammeRow {
        event_time: Some(f64::from(e.at)),
        estimate: Some(e.estimate),
        std_error: Some(e.std_error),
        interval: Some(e.band),
        coverage: Some("simultaneous"),
        ..row("event", Ok(found))
    };
    let mut rows = vec![average("overall", &found.overall), average("per_step", &found.per_step)];
    rows.extend(found.events.iter().map(event));
    rows
}
