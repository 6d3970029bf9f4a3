//! The road from file to analysis, per school, and who has any registration: counts that passed disclosure control.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use crate::disclosure::margins;
use crate::disclosure::page::{Bound, FlowRow, Shown};
use crate::disclosure::suppress::{self, FlowCount, Profile};
use crate::ingest::InputError;
use crate::ingest::canonical::join::Share;
use crate::ingest::canonical::{ColumnDef, Ledger, Sink};
use crate::panel::{Flow, Panel, Registration, Step};
use crate::vocab::SchoolIx;

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

/// How well a school registers the activities of a cohort.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CoverageRow {
    /// School.
    pub school: String,
    /// Cohort.
    pub cohort: String,
    /// Pupils; none where there are too few to be shown.
    pub pupils: Option<u64>,
    /// Percentage of them with a registration that counts; none where it may not be shown.
    pub percent: Option<f64>,
    /// Percentage of the registrations that were entered more than 30 days later.
    pub late_percent: Option<f64>,
    /// Percentage of the registrations that were entered on the busiest day.
    pub busiest_percent: Option<f64>,
    /// Whether another system was in use in the school's cohort before.
    pub switched: bool,
}

/// Takes canonical tables and keeps none of them.
pub(super) struct Nothing;

impl Sink for Nothing {
    type Error = InputError;

    fn begin(&mut self, _: &str, _: &[ColumnDef], _: SchemaRef) -> Result<(), InputError> {
        Ok(())
    }

    fn rows(&mut self, _: &RecordBatch) -> Result<(), InputError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), InputError> {
        Ok(())
    }
}

/// Of deliveries: how many pupils of each school were found in later education or on a list.
pub(super) fn of_deliveries(ledger: &Ledger, profile: &Profile) -> Vec<FlowReport> {
    let step = |nl: &str, en: &str, is_total: bool, n: u64| FlowCount { nl: nl.into(), en: en.into(), is_total, n };
    let road = |s: Share| {
        let counts = vec![
            step("leerlingen", "pupils", true, s.pupils),
            step("niet in de koppeltabel", "not in the crosswalk", false, s.no_number),
            step("nergens gevonden: vervolg onbekend", "found nowhere: later education unknown", false, s.not_found),
            step("gekoppeld", "linked", true, s.linked),
        ];
        suppress::flow(counts, profile)
    };
    let add = |a: Share, b: &Share| Share {
        pupils: a.pupils + b.pupils,
        linked: a.linked + b.linked,
        not_found: a.not_found + b.not_found,
        no_number: a.no_number + b.no_number,
    };
    let all = ledger.linked.values().fold(Share::default(), add);
    let schools = ledger.linked.iter().map(|(school, s)| (Some(school.clone()), road(*s)));
    reports("deliveries", road(all), schools.collect(), profile)
}

/// The roads of a set: all together, of what its parts show, then each school. A part without a name is of no school.
fn reports(
    set: &str,
    mut all: Vec<FlowRow>,
    parts: Vec<(Option<String>, Vec<FlowRow>)>,
    profile: &Profile,
) -> Vec<FlowReport> {
    let shown: Vec<&[FlowRow]> = parts.iter().map(|(_, rows)| rows.as_slice()).collect();
    margins::over_schools(&mut all, &shown, profile.min_pupils);
    let report = |(school, rows): (Option<String>, Vec<FlowRow>)| FlowReport {
        set: set.to_string(),
        school,
        steps: rows.iter().map(step_of).collect(),
    };
    let schools = parts.into_iter().filter(|(school, _)| school.is_some());
    std::iter::once((None, all)).chain(schools).map(report).collect()
}

/// Totals of all sets and steps, as they are.
pub(super) fn totals(flow: &Flow) -> Vec<(String, &'static str, u64)> {
    let keys: BTreeSet<(&str, Step)> = flow.iter().map(|(set, _, step, _)| (set, step)).collect();
    keys.into_iter().map(|(set, step)| (set.to_string(), step.label().1, flow.total(set, step))).collect()
}

/// The road of every set: all schools together, then each school.
pub(super) fn flow(panel: &Panel<'_>, flow: &Flow, profile: &Profile) -> Vec<FlowReport> {
    let mut sets: BTreeMap<&str, BTreeMap<Option<SchoolIx>, BTreeMap<Step, u64>>> = BTreeMap::new();
    for (set, school, step, n) in flow.iter() {
        *sets.entry(set).or_default().entry(school).or_default().entry(step).or_default() += n;
    }
    let of_set = |(set, parts): (&str, BTreeMap<Option<SchoolIx>, BTreeMap<Step, u64>>)| {
        let steps: BTreeSet<Step> = parts.values().flat_map(BTreeMap::keys).copied().collect();
        let all = steps.into_iter().map(|step| (step, flow.total(set, step))).collect();
        let road = |steps: &BTreeMap<Step, u64>| suppress::flow(counts(steps), profile);
        let name = |school: &SchoolIx| panel.pupils.schools[*school].clone();
        let parts = parts.iter().map(|(school, steps)| (school.as_ref().map(name), road(steps))).collect();
        reports(set, road(&all), parts, profile)
    };
    sets.into_iter().flat_map(of_set).collect()
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
        Shown::Suppressed { .. } | Shown::FewSchools { .. } | Shown::Missing => None,
    };
    FlowStep { nl: row.nl.clone(), en: row.en.clone(), is_total: row.is_total, n }
}

/// Quality of registration per school and cohort. An outcome is not looked at.
pub(super) fn coverage(panel: &Panel<'_>, profile: &Profile) -> Vec<CoverageRow> {
    panel.doses.iter().flat_map(|doses| &doses.registration).map(|r| row(panel, r, profile)).collect()
}

fn row(panel: &Panel<'_>, r: &Registration, profile: &Profile) -> CoverageRow {
    let pupils = match suppress::count(r.pupils, profile) {
        Shown::Value(n) => Some(n),
        Shown::Suppressed { .. } | Shown::FewSchools { .. } | Shown::Missing => None,
    };
    // What was registered of a handful of pupils says something about each of them.
    let is_shown = pupils.is_some() && r.registered >= profile.min_pupils;
    let percent = |share: f64| Some((100.0 * share).round()).filter(|_| is_shown);
    CoverageRow {
        school: panel.pupils.schools[r.school].clone(),
        cohort: panel.pupils.cohorts[r.cohort].clone(),
        pupils,
        percent: match suppress::share(r.registered, r.pupils, profile) {
            Shown::Value(s) if s.bound == Bound::Exact => Some(s.percent),
            _ => None,
        },
        late_percent: r.lag.filter(|l| l.known > 0).and_then(|l| percent(l.over_30 as f64 / l.known as f64)),
        busiest_percent: r.busiest_day.and_then(percent),
        switched: r.systems.as_ref().is_some_and(|s| s.switched),
    }
}
