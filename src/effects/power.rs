//! What a study can see before anybody looks at an outcome: expected width of intervals, smallest visible association and
//! reliability per school (`statistics.md` §5.7).
//!
//! For an outcome that a share p of the pupils has, and doses whose variance within school and cohort is V, the error of a
//! school's unshrunken slope is about `SE = step·√(p(1 − p)/(n·V))`: the linear probability model, whose slope the average
//! marginal effect is near to. From it: half width `1.96·SE`, smallest association that is seen with 80 % power at the 5 %
//! level `2.80·SE`, and reliability `λ = τ²/(τ² + SE²)` if slopes of schools truly differ by a standard deviation of τ.
//! Only pupils, schools, cohorts and doses are read.

use std::collections::{BTreeMap, BTreeSet};

use crate::effects::VISIBLE;
use crate::panel::Panel;
use crate::panel::sets::DoseAt;
use crate::vocab::{CohortIx, IdVec, PupilIx, SchoolIx};

/// True standard deviations of schools' slopes for which reliability is computed, in percentage points per step.
pub const SPREADS: [f64; 2] = [0.5, 1.0];

/// What is to be expected of a school, or of all schools together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Pupils with a dose.
    pub n_pupils: u64,
    /// Cohorts with pupils.
    pub n_cohorts: u64,
    /// Variance of the dose within school and cohort, in squared units of the exposure; `None` without two pupils in one.
    pub dose_variance: Option<f64>,
    /// Expected pupils with the outcome.
    pub n_events: f64,
    /// What can be seen; `None` where doses do not vary.
    pub precision: Option<Precision>,
}

/// How much can be seen, in percentage points per step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Standard error of the unshrunken slope.
    pub std_error: f64,
    /// Half width of a 95 % interval.
    pub half_width: f64,
    /// Smallest visible association: 80 % power at the 5 % level.
    pub smallest_visible: f64,
    /// Reliability of the slope for each of [`SPREADS`].
    pub reliability: [f64; 2],
}

/// Sums of doses, from which everything follows for any share p.
#[derive(Clone, Debug)]
pub struct DoseCounts {
    cohorts: u64,
    schools: IdVec<SchoolIx, Sums>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n: u64,
    cohorts: u64,
    /// Sum of squares around the means of school and cohort.
    squares: f64,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    n: f64,
    mean: f64,
    squares: f64,
}

impl DoseCounts {
    /// Of exposure `e` in its unit, as the models have it, at the landmark or, in a study without one, before the last
    /// period.
    pub fn of(panel: &Panel<'_>, e: usize) -> Self {
        let pupils = &panel.pupils;
        let has_landmark = panel.plan.pupils.landmark.is_some();
        let at = if has_landmark { DoseAt::Landmark } else { DoseAt::Period(panel.plan.periods - 1) };
        let counted = panel.plan.exposures[e].counts_activities() && panel.silent_is_missing();
        let dose = |p: PupilIx| {
            let here = !has_landmark || panel.at_landmark(p).is_ok();
            let silent = counted && panel.doses.is_some() && !panel.is_registered(p, Some(at));
            (here && !silent).then(|| panel.dose(e, p, at) / panel.unit(e)).filter(|d| !d.is_nan())
        };
        let mut cells: BTreeMap<(SchoolIx, CohortIx), Cell> = BTreeMap::new();
        for p in pupils.school.ids() {
            if let Some(dose) = dose(p) {
                cells.entry((pupils.school[p], pupils.cohort[p])).or_default().add(dose);
            }
        }
        let mut schools: IdVec<SchoolIx, Sums> = vec![Sums::default(); pupils.schools.len()].into();
        let cohorts = cells.keys().map(|(_, c)| c).collect::<BTreeSet<_>>().len() as u64;
        for ((s, _), cell) in cells {
            let sums = &mut schools[s];
            sums.n += cell.n as u64;
            sums.cohorts += 1;
            sums.squares += cell.squares;
        }
        Self { cohorts, schools }
    }

    /// Expectations of every school and of all together, for an outcome that a share `p` has.
    pub fn expect(&self, p: f64, step: f64) -> (Expected, IdVec<SchoolIx, Expected>) {
        let all = self.schools.iter().fold(Sums::default(), |a, s| Sums {
            n: a.n + s.n,
            cohorts: a.cohorts + s.cohorts,
            squares: a.squares + s.squares,
        });
        let schools: Vec<Expected> = self.schools.iter().map(|s| s.expect(p, step)).collect();
        // Variance within takes a mean per school and cohort; a reader wants to know how many cohorts there are.
        (Expected { n_cohorts: self.cohorts, ..all.expect(p, step) }, schools.into())
    }
}

impl Cell {
    /// Welford's update.
    fn add(&mut self, x: f64) {
        self.n += 1.0;
        let before = x - self.mean;
        self.mean += before / self.n;
        self.squares += before * (x - self.mean);
    }
}

impl Sums {
    fn expect(&self, p: f64, step: f64) -> Expected {
        let df = self.n.saturating_sub(self.cohorts) as f64;
        let precision = (self.squares > 0.0).then(|| {
            // n·V is the sum of squares; p(1 − p) is the variance of the outcome.
            let std_error = 100.0 * step * (p * (1.0 - p) / self.squares).sqrt();
            Precision {
                std_error,
                half_width: 1.96 * std_error,
                smallest_visible: VISIBLE * std_error,
                reliability: SPREADS.map(|tau| tau * tau / (tau * tau + std_error * std_error)),
            }
        });
        Expected {
            n_pupils: self.n,
            n_cohorts: self.cohorts,
            dose_variance: (df > 0.0).then(|| self.squares / df),
            n_events: p * self.n as f64,
            precision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statistics.md §5.7: p = 6 %, variance 0.8 of a dose in standard deviations.
    #[test]
    fn the_table_of_the_design() {
        for (n, se, mde, half, one) in
            [(91, 2.8, 7.8, 0.03, 0.11), (273, 1.6, 4.5, 0.09, 0.28), (910, 0.9, 2.5, 0.24, 0.56)]
        {
            let sums = Sums { n, cohorts: 1, squares: 0.8 * n as f64 };
            let seen = sums.expect(0.06, 1.0).precision.unwrap();
            assert!((seen.std_error - se).abs() < 0.06, "{n}: {seen:?}");
            assert!((seen.smallest_visible - mde).abs() < 0.06, "{n}: {seen:?}");
            assert!((seen.reliability[0] - half).abs() < 0.011, "{n}: {seen:?}");
            assert!((seen.reliability[1] - one).abs() < 0.011, "{n}: {seen:?}");
        }
    }

    #[test]
    fn equal_doses_say_nothing() {
        let nothing = Sums { n: 50, cohorts: 1, squares: 0.0 }.expect(0.06, 1.0);
        assert_eq!((nothing.precision, nothing.n_events), (None, 3.0));
        assert_eq!(Sums::default().expect(0.06, 1.0).dose_variance, None);
    }
}
