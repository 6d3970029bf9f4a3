//! The road from file to analysis, per school, and who has any registration: counts that passed disclosure control.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

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
    let road = |school: Option<String>, s: Share| {
        let counts = vec![
            step("leerlingen", "pupils", true, s.pupils),
            step("niet in de koppeltabel", "not in the crosswalk", false, s.no_number),
            step("nergens gevonden: vervolg onbekend", "found nowhere: later education unknown", false, s.not_found),
            step("gekoppeld", "linked", true, s.linked),
        ];
        Road::of("deliveries", school, counts, profile)
    };
    let add = |a: Share, b: &Share| Share {
        pupils: a.pupils + b.pupils,
        linked: a.linked + b.linked,
        not_found: a.not_found + b.not_found,
        no_number: a.no_number + b.no_number,
    };
    let all = ledger.linked.values().fold(Share::default(), add);
    let schools = ledger.linked.iter().map(|(school, s)| road(Some(school.clone()), *s));
    shown(std::iter::once(road(None, all)).chain(schools).collect(), profile)
}

/// A road with its numbers as they are.
struct Road {
    report: FlowReport,
    exact: Vec<u64>,
}

impl Road {
    fn of(set: &str, school: Option<String>, counts: Vec<FlowCount>, profile: &Profile) -> Self {
        let exact = counts.iter().map(|c| c.n).collect();
        let steps = suppress::flow(counts, profile).iter().map(step_of).collect();
        Self { report: FlowReport { set: set.to_string(), school, steps }, exact }
    }

    /// Its number of a step, and whether that is shown.
    fn step(&self, en: &str) -> Option<(u64, bool)> {
        let at = self.report.steps.iter().position(|s| s.en == en)?;
        Some((self.exact[at], self.report.steps[at].n.is_some()))
    }
}

/// The roads, so that no number of a school follows from that of all schools and those of the others: what is hidden of a
/// step must be of two schools or more, and together no small number. Until it is, the school with the smallest number
/// that is shown of it hides its whole road.
fn shown(mut roads: Vec<Road>, profile: &Profile) -> Vec<FlowReport> {
    let key = |r: &Road| r.report.steps.iter().map(|s| (r.report.set.clone(), s.en.clone())).collect::<Vec<_>>();
    let keys: BTreeSet<(String, String)> = roads.iter().flat_map(key).collect();
    while let Some(next) = keys.iter().find_map(|(set, en)| next_hidden(&roads, set, en, profile.min_pupils)) {
        roads[next].report.steps.iter_mut().for_each(|s| s.n = None);
    }
    roads.into_iter().map(|r| r.report).collect()
}

/// The road that must be hidden because of a step, if any.
fn next_hidden(roads: &[Road], set: &str, en: &str, min: u64) -> Option<usize> {
    let schools = || roads.iter().enumerate().filter(|(_, r)| r.report.set == set && r.report.school.is_some());
    let of_step = || schools().filter_map(|(i, r)| r.step(en).map(|(n, is_shown)| (i, n, is_shown)));
    let hidden: Vec<u64> = of_step().filter(|(.., is_shown)| !is_shown).map(|(_, n, _)| n).collect();
    let derivable = !hidden.is_empty() && (hidden.len() == 1 || hidden.iter().sum::<u64>() < min);
    let candidates = || of_step().filter(|(.., is_shown)| *is_shown);
    derivable.then(|| candidates().min_by_key(|(_, n, _)| (*n == 0, *n)).map(|(i, ..)| i)).flatten()
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
    let road = |((set, school), steps): ((&str, Option<SchoolIx>), BTreeMap<Step, u64>)| {
        Road::of(set, school.map(|s| panel.pupils.schools[s].clone()), counts(&steps), profile)
    };
    shown(sets.into_iter().map(road).collect(), profile)
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
    let registration = || panel.doses.iter().flat_map(|doses| &doses.registration);
    let mut rows: Vec<CoverageRow> = registration().map(|r| row(panel, r, profile)).collect();
    let pupils: Vec<u64> = registration().map(|r| r.pupils).collect();
    hide_second(&mut rows, &pupils, profile.min_pupils);
    rows
}

/// A school's pupils are known in all: a number of one cohort that is hidden alone takes the next smallest with it.
fn hide_second(rows: &mut [CoverageRow], pupils: &[u64], min: u64) {
    let schools: BTreeSet<String> = rows.iter().map(|r| r.school.clone()).collect();
    for school in &schools {
        loop {
            let own: Vec<usize> = (0..rows.len()).filter(|&i| rows[i].school == *school).collect();
            let hidden: Vec<u64> = own.iter().filter(|&&i| rows[i].pupils.is_none()).map(|&i| pupils[i]).collect();
            let derivable = !hidden.is_empty() && (hidden.len() == 1 || hidden.iter().sum::<u64>() < min);
            let next = own.into_iter().filter(|&i| rows[i].pupils.is_some()).min_by_key(|&i| pupils[i]);
            let Some(next) = next.filter(|_| derivable) else { break };
            let row = &mut rows[next];
            (row.pupils, row.percent, row.late_percent, row.busiest_percent) = (None, None, None, None);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: Profile = Profile::SCHOOL_EXTERN;

    fn road(school: Option<&str>, read: u64, lost: u64) -> Road {
        let step = |en: &str, is_total, n| FlowCount { nl: en.into(), en: en.into(), is_total, n };
        let counts = vec![step("read", true, read), step("lost", false, lost), step("analysed", true, read - lost)];
        Road::of("set", school.map(String::from), counts, &OUT)
    }

    /// 100 + 100 + 4 pupils in all: the third school's 4 would be the total less the others.
    #[test]
    fn a_small_school_is_not_the_total_less_the_others() {
        let roads =
            || vec![road(None, 204, 0), road(Some("A"), 100, 0), road(Some("B"), 120, 0), road(Some("C"), 4, 0)];
        assert_eq!(roads()[3].report.steps[0].n, None, "hidden for itself");
        let reports = shown(roads(), &OUT);
        assert!(reports[0].steps[0].n.is_some() && reports[2].steps[0].n.is_some());
        assert!(reports[1].steps.iter().all(|s| s.n.is_none()), "the smallest of the others is hidden with it");
        let clean = shown(vec![road(None, 220, 0), road(Some("A"), 100, 0), road(Some("B"), 120, 0)], &OUT);
        assert!(clean.iter().all(|r| r.steps.iter().all(|s| s.n.is_some())), "nothing small, nothing hidden");
    }

    #[test]
    fn a_small_cohort_is_not_the_school_less_the_others() {
        let row = |cohort: &str, pupils: u64| CoverageRow {
            school: "A".into(),
            cohort: cohort.into(),
            pupils: Some(pupils).filter(|n| *n >= OUT.min_pupils),
            percent: Some(50.0),
            late_percent: None,
            busiest_percent: None,
            switched: false,
        };
        let pupils = [40, 3, 60];
        let mut rows: Vec<CoverageRow> = ["1", "2", "3"].iter().zip(pupils).map(|(c, n)| row(c, n)).collect();
        hide_second(&mut rows, &pupils, OUT.min_pupils);
        assert_eq!(rows.iter().map(|r| r.pupils).collect::<Vec<_>>(), [None, None, Some(60)]);
        assert_eq!(rows[0].percent, None);
    }
}
