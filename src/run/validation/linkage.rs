//! The road from file to analysis, per school, and who has any registration: counts that passed disclosure control.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::disclosure::page::{FlowRow, Shown};
use crate::disclosure::suppress::{self, FlowCount, Profile};
use crate::panel::plan::DoseFrom;
use crate::panel::sets::DoseAt;
use crate::panel::{Flow, Panel, Step};
use crate::vocab::{CohortIx, SchoolIx};

/// The road of one table or model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlowReport {
    /// Table or model.
    pub set: String,
    /// School; none for all schools together.
    pub school: Option<String>,
    /// Steps in order.
    pub steps: Vec<FlowStep>,
}

/// One step of the road.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlowStep {
    /// In Dutch.
    pub nl: String,
    /// In English.
    pub en: String,
    /// A subtotal, not a reason to fall out.
    pub is_total: bool,
    /// Rows or pupils; none where the number is too small to be shown.
    pub n: Option<u64>,
}

/// How many pupils of a school and cohort have any registration that counts for an exposure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CoverageRow {
    /// School.
    pub school: String,
    /// Cohort.
    pub cohort: String,
    /// Pupils; none where there are too few to be shown.
    pub pupils: Option<u64>,
    /// Percentage of them; none where it may not be shown.
    pub percent: Option<f64>,
}

/// Totals of all sets and steps, as they are.
pub(super) fn totals(flow: &Flow) -> Vec<(String, &'static str, u64)> {
    let keys: BTreeSet<(&str, Step)> = flow.iter().map(|(set, _, step, _)| (set, step)).collect();
    keys.into_iter().map(|(set, step)| (set.to_string(), step.label().1, flow.total(set, step))).collect()
}

/// The road of every set: all schools together, then each school.
pub(super) fn flow(panel: &Panel<'_>, flow: &Flow, profile: &Profile) -> Vec<FlowReport> {
    let mut sets: BTreeMap<(&str, Option<SchoolIx>), BTreeMap<Step, u64>> = BTreeMap::new();
    for (set, school, step, n) in flow.iter() {
        *sets.entry((set, None)).or_default().entry(step).or_default() += n;
        if school.is_some() {
            *sets.entry((set, school)).or_default().entry(step).or_default() += n;
        }
    }
    let report = |((set, school), steps): ((&str, Option<SchoolIx>), BTreeMap<Step, u64>)| FlowReport {
        set: set.to_string(),
        school: school.map(|s| panel.pupils.schools[s].clone()),
        steps: suppress::flow(counts(&steps), profile).iter().map(step_of).collect(),
    };
    sets.into_iter().map(report).collect()
}

fn counts(steps: &BTreeMap<Step, u64>) -> Vec<FlowCount> {
    let row = |(step, n): (&Step, &u64)| {
        let (nl, en) = step.label();
        FlowCount { nl: nl.into(), en: en.into(), is_total: step.is_total(), n: *n }
    };
    steps.iter().map(row).collect()
}

fn step_of(row: &FlowRow) -> FlowStep {
    let n = match row.n {
        Shown::Value(n) => Some(n),
        Shown::Suppressed { .. } | Shown::Missing => None,
    };
    FlowStep { nl: row.nl.clone(), en: row.en.clone(), is_total: row.is_total, n }
}

/// Share of pupils with any registration, per school and cohort. An outcome is not looked at.
pub(super) fn coverage(panel: &Panel<'_>, profile: &Profile) -> Vec<CoverageRow> {
    let plan = &panel.plan;
    let counted: Vec<usize> = (0..plan.exposures.len())
        .filter(|&e| matches!(plan.exposures[e].from, DoseFrom::Activities { .. }))
        .collect();
    if counted.is_empty() {
        return Vec::new();
    }
    let at = if plan.pupils.landmark.is_some() { DoseAt::Landmark } else { DoseAt::Period(plan.periods - 1) };
    let mut cells: BTreeMap<(SchoolIx, CohortIx), (u64, u64)> = BTreeMap::new();
    for (p, school) in panel.pupils.school.enumerate() {
        let cell = cells.entry((*school, panel.pupils.cohort[p])).or_default();
        cell.0 += 1;
        cell.1 += u64::from(counted.iter().any(|&e| panel.dose(e, p, at) > 0.0));
    }
    let row = |((school, cohort), (n, with)): ((SchoolIx, CohortIx), (u64, u64))| CoverageRow {
        school: panel.pupils.schools[school].clone(),
        cohort: panel.pupils.cohorts[cohort].clone(),
        pupils: match suppress::count(n, profile) {
            Shown::Value(n) => Some(n),
            _ => None,
        },
        percent: match suppress::share(with, n, profile) {
            Shown::Value(s) => Some(s.percent),
            _ => None,
        },
    };
    cells.into_iter().map(row).collect()
}
