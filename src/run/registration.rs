//! Tables about the data behind the numbers: quality of registration, and how final outcomes are.

use arrow::record_batch::RecordBatch;

use super::tables::Table;
use super::{Computed, RunError};
use crate::panel::Registration;
use crate::panel::registration::{Lag, Systems};
use crate::panel::status::CohortStatus;
use crate::vocab::CohortIx;

/// `registration`: one row per school and cohort; no rows in a study without activities.
pub(super) fn quality(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let pupils = &computed.panel.pupils;
    let rows: &[Registration] = computed.panel.doses.as_ref().map_or(&[], |d| &d.registration);
    let lag = |of: fn(&Lag) -> u64| rows.iter().map(move |r| r.lag.as_ref().map(of));
    let systems = || rows.iter().map(|r| r.systems.as_ref());
    Table::new("registration")
        .text("school", rows.iter().map(|r| Some(pupils.schools[r.school].clone())))
        .text("cohort", rows.iter().map(|r| Some(pupils.cohorts[r.cohort].clone())))
        .count("n_pupils", rows.iter().map(|r| Some(r.pupils)))
        .count("n_registered", rows.iter().map(|r| Some(r.registered)))
        .number("coverage", rows.iter().map(|r| Some(r.coverage())))
        .count("n_registrations", rows.iter().map(|r| Some(r.registrations)))
        .count("n_entered", lag(|l| l.known))
        .number("mean_lag_days", rows.iter().map(|r| r.lag.map(|l| l.mean_days)))
        .count("n_over_30_days", lag(|l| l.over_30))
        .count("n_over_90_days", lag(|l| l.over_90))
        .count("n_before_activity", lag(|l| l.before))
        .number("busiest_day_share", rows.iter().map(|r| r.busiest_day))
        .text("main_system", systems().map(|s| s.map(|s| s.main.clone())))
        .number("main_system_share", systems().map(|s| s.map(|s| s.share)))
        .count("n_systems", systems().map(|s| s.map(|s: &Systems| s.in_use)))
        .flag("system_switched", systems().map(|s| s.is_some_and(|s| s.switched)))
        .text("status", rows.iter().map(|r| Some(if r.registered == 0 { "not_measured" } else { "ok" }.to_string())))
        .finish()
}

/// `outcome_status`: one row per outcome and cohort in which it is known of anyone.
pub(super) fn status(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
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
