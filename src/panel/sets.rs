//! The built panel and its analysis sets: who belongs to which, with which dose.

use std::collections::BTreeMap;
use std::ops::Range;

use super::doses::Doses;
use super::flow::{Flow, Step};
use super::occasions::{LastPeriod, Scored};
use super::plan::{DoseFrom, Plan};
use super::pupils::{NO_DAY, Pupils};
use crate::ingest::Rejects;
use crate::vocab::ids::Ix;
use crate::vocab::{IdVec, PupilIx};

/// Everything the models need, and no activity row.
pub struct Panel<'s> {
    /// The plan that was executed.
    pub plan: Plan<'s>,
    /// The pupils.
    pub pupils: Pupils,
    /// The doses that count activities; `None` when the study has no activities.
    pub doses: Option<Doses>,
    /// One entry per outcome, by its position in the plan.
    pub outcomes: BTreeMap<usize, OutcomeData>,
    /// Who fell out where and why, up to the analysis sets.
    pub flow: Flow,
    /// Rows that could not be read.
    pub rejects: Rejects,
}

/// An outcome of all pupils.
pub enum OutcomeData {
    /// Known to be so, known not to be so, or why it is unknown.
    Binary(IdVec<PupilIx, Result<bool, Step>>),
    /// A dated event.
    Event(IdVec<PupilIx, Result<LastPeriod, Step>>),
    /// A value of the pupil; NaN is missing.
    Value(IdVec<PupilIx, f64>),
    /// Scores by pupil and period.
    Scores(Vec<Scored>),
}

/// When a dose is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoseAt {
    /// Known before this period starts.
    Period(u16),
    /// Known before the pupil's landmark.
    Landmark,
}

/// One row of an analysis set.
#[derive(Clone, Copy)]
pub struct SetRow {
    /// The pupil.
    pub pupil: PupilIx,
    /// The period; 0 in landmark sets.
    pub period: u16,
    /// The dose known before it.
    pub dose: f64,
    /// Outcome: 0 or 1, a value or a score.
    pub y: f64,
}

impl Panel<'_> {
    /// Dose of exposure `e` at a time; NaN when it is a missing column of the pupil.
    pub fn dose(&self, e: usize, p: PupilIx, at: DoseAt) -> f64 {
        match (&self.plan.exposures[e].from, &self.doses) {
            (DoseFrom::Column(_), _) => self.pupils.given_doses[&e][p],
            (DoseFrom::Activities { .. }, Some(doses)) => match at {
                DoseAt::Period(k) => doses.before_period(e, p, k),
                DoseAt::Landmark => doses.before_landmark(e, p),
            },
            (DoseFrom::Activities { .. }, None) => f64::NAN,
        }
    }

    /// The rows of the analysis set of outcome `o` with exposure `e`, by pupil and period, and the pupils
    /// who fell out of it. Each pupil of the study is in exactly one of the two.
    pub fn rows(&self, o: usize, e: usize) -> (Vec<SetRow>, Vec<(PupilIx, Step)>) {
        self.rows_of(o, e, 0..self.pupils.len())
    }

    /// As [`Panel::rows`], of the pupils at some positions only.
    pub(super) fn rows_of(&self, o: usize, e: usize, pupils: Range<usize>) -> (Vec<SetRow>, Vec<(PupilIx, Step)>) {
        let (mut rows, mut out) = (Vec::new(), Vec::new());
        let counts_activities = matches!(self.plan.exposures[e].from, DoseFrom::Activities { .. });
        let measured = |p: PupilIx| {
            let silent = counts_activities && self.silent_is_missing() && !self.is_registered(p);
            if silent { Err(Step::NoRegistration) } else { Ok(()) }
        };
        match &self.outcomes[&o] {
            OutcomeData::Event(at_risk) => {
                for p in pupils.map(PupilIx::from_position) {
                    match at_risk[p].and_then(|last| measured(p).map(|()| last)) {
                        Err(step) => out.push((p, step)),
                        Ok(last) => rows.extend((0..=last.period).map(|period| SetRow {
                            pupil: p,
                            period,
                            dose: self.dose(e, p, DoseAt::Period(period)),
                            y: f64::from(u8::from(last.event && period == last.period)),
                        })),
                    }
                }
            }
            OutcomeData::Scores(scores) => {
                let mut next = scores.partition_point(|s| s.pupil.at() < pupils.start);
                for p in pupils.map(PupilIx::from_position) {
                    let first = next;
                    while scores.get(next).is_some_and(|s| s.pupil == p) {
                        next += 1;
                    }
                    let mine = &scores[first..next];
                    match if mine.is_empty() { Err(Step::NoOutcome) } else { measured(p) } {
                        Err(step) => out.push((p, step)),
                        Ok(()) => rows.extend(mine.iter().map(|s| SetRow {
                            pupil: p,
                            period: s.period,
                            dose: self.dose(e, p, DoseAt::Period(s.period)),
                            y: s.value,
                        })),
                    }
                }
            }
            OutcomeData::Binary(values) => {
                for p in pupils.map(PupilIx::from_position) {
                    let y = self.at_landmark(p).and_then(|()| values[p]);
                    match y.and_then(|y| measured(p).map(|()| y)) {
                        Err(step) => out.push((p, step)),
                        Ok(y) => rows.push(self.landmark_row(e, p, f64::from(u8::from(y)))),
                    }
                }
            }
            OutcomeData::Value(values) => {
                for p in pupils.map(PupilIx::from_position) {
                    let value = values[p];
                    let here = if self.plan.pupils.landmark.is_some() { self.at_landmark(p) } else { Ok(()) };
                    let y = here.and_then(|()| if value.is_nan() { Err(Step::NoOutcome) } else { Ok(value) });
                    match y.and_then(|y| measured(p).map(|()| y)) {
                        Err(step) => out.push((p, step)),
                        Ok(y) => rows.push(self.landmark_row(e, p, y)),
                    }
                }
            }
        }
        (rows, out)
    }

    fn landmark_row(&self, e: usize, p: PupilIx, y: f64) -> SetRow {
        SetRow { pupil: p, period: 0, dose: self.dose(e, p, DoseAt::Landmark), y }
    }

    /// Present at the landmark: still enrolled on the day before it.
    ///
    /// # Errors
    /// The step in which the pupil fell out.
    pub fn at_landmark(&self, p: PupilIx) -> Result<(), Step> {
        let days = self.pupils.days[p];
        if days.landmark == NO_DAY {
            return Err(Step::NoLandmark);
        }
        let left = days.to != NO_DAY && days.to < days.landmark - 1;
        if left { Err(Step::LeftBeforeLandmark) } else { Ok(()) }
    }

    /// Whether a school and cohort without registrations is not measured, instead of zero.
    pub fn silent_is_missing(&self) -> bool {
        self.plan.activities.is_some_and(|a| a.silent == crate::study::file::Silent::Exclude)
    }

    fn is_registered(&self, p: PupilIx) -> bool {
        self.doses.as_ref().is_some_and(|d| d.is_registered(&self.pupils, p))
    }
}
