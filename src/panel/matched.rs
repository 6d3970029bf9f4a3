//! Whether the tables speak of the same pupils. A key that is written differently in one file must not read as "nobody
//! dropped out", so a table of which no row matches stops the run, and what is odd is said.

use super::flow::{Flow, Step};
use super::plan::Plan;
use super::pupils::Pupils;
use super::sets::Panel;
use super::{enrolled, stays};
use crate::ingest::InputError;
use crate::vocab::{OutcomeRule, PupilIx, SchoolIx};

/// From how many linked pupils on a school without any enrolment can't be chance.
const MANY: u64 = 10;
/// From which share of rows that belong to nobody on a run says so.
const ODD_SHARE: f64 = 0.05;

/// The tables that are joined to pupils: name in the flow, and the source.
fn joined(plan: &Plan<'_>) -> Vec<(String, String)> {
    let mut sets = Vec::new();
    sets.extend(plan.study.stays.iter().map(|s| (stays::SET.to_string(), s.source.clone())));
    sets.extend(plan.activities.map(|a| ("activities".to_string(), a.source.clone())));
    sets.extend(plan.enrolments.map(|e| (enrolled::SET.to_string(), e.source.clone())));
    for o in &plan.outcomes {
        let name = match o.rule() {
            OutcomeRule::Event => "events",
            OutcomeRule::Score => "scores",
            _ => continue,
        };
        sets.extend(o.entry.source.clone().map(|source| (format!("{name} {}", o.entry.id), source)));
    }
    sets
}

/// Rows of a set that belong to no pupil.
fn unmatched(flow: &Flow, set: &str) -> u64 {
    flow.total(set, Step::UnknownPupil) + flow.total(set, Step::NoKey)
}

/// Stops at a table of which no row belongs to a pupil, at stays of which none is at a school of the pupils, and at a school whose linked pupils are all missing from the
/// enrolments of the others.
pub(super) fn assert_matched(plan: &Plan<'_>, pupils: &Pupils, flow: &Flow) -> Result<(), InputError> {
    for (set, source_name) in joined(plan) {
        let rows = flow.total(&set, Step::Read);
        if rows > 0 && unmatched(flow, &set) == rows {
            return Err(InputError::NoMatch { source_name, rows });
        }
    }
    if let Some(s) = &plan.study.stays {
        let (known, rows) = (flow.total(stays::SET, Step::Used), flow.total(stays::SET, Step::OtherSchool));
        if known == 0 && rows > 0 {
            return Err(InputError::NoKnownSchool { source_name: s.source.clone(), rows });
        }
    }
    let Some(e) = plan.enrolments.filter(|_| flow.total(enrolled::SET, Step::Used) > 0) else { return Ok(()) };
    let mut linked = vec![0; pupils.schools.len()];
    for (school, _) in pupils.school.iter().zip(pupils.linked.iter()).filter(|(_, linked)| **linked) {
        linked[crate::vocab::ids::Ix::at(*school)] += 1;
    }
    let found: std::collections::BTreeSet<SchoolIx> =
        flow.iter().filter(|(set, ..)| *set == enrolled::SET).filter_map(|(_, school, ..)| school).collect();
    for ((school, key), n) in pupils.schools.enumerate().zip(linked) {
        if n >= MANY && !found.contains(&school) {
            let source_name = e.source.clone();
            return Err(InputError::SchoolNotMatched { source_name, school: key.clone(), pupils: n });
        }
    }
    Ok(())
}

/// What is odd about the input and does not stop a run: for `lob check` and the end of `lob run`.
pub fn notes(panel: &Panel<'_>) -> Vec<String> {
    let (plan, flow) = (&panel.plan, &panel.flow);
    let mut notes = Vec::new();
    // Cells that another engine made don't say which rows were read.
    let tables = if flow.total("pupils", Step::Read) > 0 { joined(plan) } else { Vec::new() };
    for (set, source) in tables {
        let (rows, none) = (flow.total(&set, Step::Read), unmatched(flow, &set));
        if none as f64 > ODD_SHARE * rows as f64 {
            notes.push(format!(
                "{none} of {rows} rows of sources.{source} ({set}) belong to no pupil; if that file holds only this \
                 study's pupils, their keys are written differently"
            ));
        }
        if rows == 0 {
            notes.push(format!("sources.{source} ({set}) has no rows"));
        }
    }
    if let Some(s) = &plan.study.stays {
        let (rows, other) = (flow.total(stays::SET, Step::Read), flow.total(stays::SET, Step::OtherSchool));
        if other as f64 > ODD_SHARE * rows as f64 {
            notes.push(format!(
                "{other} of {rows} rows of sources.{} (stays) are at a school that no pupil of the pupil table has, and the \
                 pupils are followed until then; if those are schools of the study, they are written differently",
                s.source
            ));
        }
    }
    for c in plan.covariates {
        let n = flow.total(&format!("covariate {}", c.id), Step::UnlistedValue);
        if n > 0 {
            let list = if c.levels.is_empty() { "recode" } else { "levels" };
            notes.push(format!(
                "covariate `{}`: {n} rows hold a value that `{list}` does not list; those pupils are left out of models",
                c.id
            ));
        }
    }
    for (i, e) in plan.exposures.iter().enumerate() {
        let is_counted = e.counts_activities() && flow.total("activities", Step::Used) > 0;
        let has_dose = |(p, _): (PupilIx, u64)| panel.has_day(p) && panel.dose(i, p, panel.last_dose()) > 0.0;
        if is_counted && !panel.everyone().any(has_dose) {
            notes.push(format!(
                "exposure `{}`: no activity counts for it; are its `types` written as in the data?",
                e.entry.id
            ));
        }
    }
    notes
}
