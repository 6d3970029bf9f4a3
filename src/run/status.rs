//! How final the outcomes behind the numbers are.

use arrow::record_batch::RecordBatch;

use super::tables::Table;
use super::{Computed, RunError};
use crate::panel::status::CohortStatus;
use crate::vocab::CohortIx;

/// `outcome_status`: one row per outcome and cohort in which it is known of anyone.
pub(super) fn outcome_status(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let panel = &computed.panel;
    let of = |o: usize| panel.status(o).into_iter().map(move |(cohort, status)| (o, cohort, status));
    let rows: Vec<(usize, CohortIx, CohortStatus)> = (0..panel.plan.outcomes.len()).flat_map(of).collect();
    let planned = || rows.iter().map(|(o, ..)| &panel.plan.outcomes[*o]);
    Table::new("outcome_status")
        .text("outcome", planned().map(|o| Some(o.entry.id.clone())))
        .text("definition", planned().map(|o| Some(o.def.id.to_string())))
        .text("definition_version", planned().map(|o| Some(o.def.version.to_string())))
        .text("cohort", rows.iter().map(|(_, c, _)| Some(panel.pupils.cohorts[*c].clone())))
        .count("n_known", rows.iter().map(|(.., s)| Some(s.known)))
        .text("status", rows.iter().map(|(.., s)| Some(s.status.code().to_string())))
        .finish()
}
