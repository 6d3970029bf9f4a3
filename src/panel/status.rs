//! Whether an outcome is final or provisional, per cohort.

use std::collections::BTreeMap;

use super::enrolled::count_date;
use super::question::Question;
use super::sets::{OutcomeData, Panel};
use crate::vocab::{CohortIx, Day, OutcomeStatus, PupilIx};

/// An outcome of a cohort: how many pupils it is known of, and how final that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CohortStatus {
    /// Pupils of whom the outcome is known.
    pub known: u64,
    /// The least final of them.
    pub status: OutcomeStatus,
}

impl Panel<'_> {
    /// The status of outcome `o` in each cohort in which it is known of anyone: what the study says of the outcome, else by
    /// `enrolments.definitive_until` and the day on which the outcome is counted, else final.
    pub fn status(&self, o: usize) -> BTreeMap<CohortIx, CohortStatus> {
        let planned = &self.plan.outcomes[o];
        let fixed = planned.entry.status;
        let mut cohorts: BTreeMap<CohortIx, CohortStatus> = BTreeMap::new();
        let mut count = |p: PupilIx, n: u64, late: bool| {
            let by_day = if late { OutcomeStatus::Voorlopig } else { OutcomeStatus::Definitief };
            let status = fixed.unwrap_or(by_day);
            let cohort = cohorts.entry(self.pupils.cohort[p]).or_insert(CohortStatus { known: 0, status });
            cohort.known += n;
            cohort.status = cohort.status.max(status);
        };
        match &self.patterns {
            Some(patterns) => patterns.known(o).for_each(|(p, one)| count(p, one.n, one.provisional)),
            None => {
                let is_provisional = self.is_provisional(o);
                for p in self.pupils.school.ids().filter(|p| self.is_outcome_known(o, *p)) {
                    count(p, 1, is_provisional(p));
                }
            }
        }
        cohorts
    }

    /// Which pupils have an outcome that is counted on a day after `enrolments.definitive_until`.
    pub(super) fn is_provisional(&self, o: usize) -> impl Fn(PupilIx) -> bool + '_ {
        let until = self.plan.enrolments.and_then(|e| e.definitive_until.as_deref()).and_then(Day::parse);
        let last_year = Question::of(self.plan.outcomes[o].rule()).map(|q| q.years().1);
        let asked = last_year.zip(until);
        move |p| asked.is_some_and(|(k, until)| count_date(self.pupils.days[p].landmark, k) > until.0)
    }

    /// Of pupils who are there at the landmark, where the study has one.
    fn is_outcome_known(&self, o: usize, p: PupilIx) -> bool {
        let here = || self.plan.pupils.landmark.is_none() || self.at_landmark(p).is_ok();
        match &self.outcomes[&o] {
            OutcomeData::Binary(values) => values[p].is_ok() && here(),
            OutcomeData::Event(at_risk) => at_risk[p].is_ok(),
            OutcomeData::Value(values) => !values[p].is_nan() && here(),
            OutcomeData::Scores(scores) => scores.of(p).next().is_some(),
            OutcomeData::Patterns(_) => {
                self.patterns.as_ref().is_some_and(|patterns| patterns.at(p).fell_out.is_none())
            }
        }
    }
}
