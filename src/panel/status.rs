//! Whether an outcome is final or provisional, per cohort.

use std::collections::BTreeMap;

use super::enrolled::count_date;
use super::question::Question;
use super::sets::{OutcomeData, Panel};
use crate::vocab::{CohortIx, Day, OutcomeStatus};

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
        let definitive_until =
            self.plan.enrolments.and_then(|e| e.definitive_until.as_deref()).and_then(Day::parse).map(|day| day.0);
        let last_year = Question::of(planned.rule()).map(|q| q.years().1);
        let mut cohorts: BTreeMap<CohortIx, CohortStatus> = BTreeMap::new();
        for p in self.pupils.school.ids().filter(|p| self.is_outcome_known(o, *p)) {
            let is_late = || {
                let counted = last_year.map(|k| count_date(self.pupils.days[p].landmark, k));
                counted.zip(definitive_until).is_some_and(|(counted, until)| counted > until)
            };
            let by_day = || if is_late() { OutcomeStatus::Voorlopig } else { OutcomeStatus::Definitief };
            let status = fixed.unwrap_or_else(by_day);
            let cohort = cohorts.entry(self.pupils.cohort[p]).or_insert(CohortStatus { known: 0, status });
            cohort.known += 1;
            cohort.status = cohort.status.max(status);
        }
        cohorts
    }

    fn is_outcome_known(&self, o: usize, p: crate::vocab::PupilIx) -> bool {
        match &self.outcomes[&o] {
            OutcomeData::Binary(values) => values[p].is_ok(),
            OutcomeData::Event(at_risk) => at_risk[p].is_ok(),
            OutcomeData::Value(values) => !values[p].is_nan(),
            OutcomeData::Scores(scores) => scores.binary_search_by_key(&p, |s| s.pupil).is_ok(),
        }
    }
}
