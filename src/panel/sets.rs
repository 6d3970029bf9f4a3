//! The built panel and its analysis sets: who belongs to which, with which dose.

use std::collections::BTreeMap;
use std::ops::Range;

use super::doses::Doses;
use super::flow::{Flow, Step};
use super::occasions::{LastPeriod, Scores};
use super::patterns::Patterns;
use super::plan::{DoseFrom, Plan};
use super::pupils::{NO_DAY, Pupils};
use super::scale;
use crate::ingest::Rejects;
use crate::vocab::ids::Ix;
use crate::vocab::{Coded, Day, ExitKind, IdVec, OutcomeRule, PupilIx};

/// Everything the models need, and no activity row.
///
/// A panel that was read from pattern cells has patterns where others have pupils: pupils of one set who are equal in all that
/// a model without pupils sees. What counts pupils asks [`Panel::everyone`] and [`SetRow::n`] how many they are.
pub struct Panel<'s> {
    /// The plan that was executed.
    pub plan: Plan<'s>,
    /// The pupils, or the patterns.
    pub pupils: Pupils,
    /// The doses that count activities; `None` when the study has no activities, and in a panel of patterns.
    pub doses: Option<Doses>,
    /// One entry per outcome, by its position in the plan.
    pub outcomes: BTreeMap<usize, OutcomeData>,
    /// Who fell out where and why, up to the analysis sets.
    pub flow: Flow,
    /// Rows that could not be read.
    pub rejects: Rejects,
    /// The largest dose of each exposure that counts as it is; `None` without a cap.
    pub(super) caps: Vec<Option<f64>>,
    /// See [`Panel::unit`].
    pub(super) units: Vec<f64>,
    /// What the patterns are, in a panel that was read from cells.
    pub(super) patterns: Option<Patterns>,
}

/// An outcome of all pupils.
pub enum OutcomeData {
    /// Known to be so, known not to be so, or why it is unknown.
    Binary(IdVec<PupilIx, Result<bool, Step>>),
    /// A dated event.
    Event(IdVec<PupilIx, Result<LastPeriod, Step>>),
    /// A value of the pupil; NaN is missing.
    Value(Coded<PupilIx, f64>),
    /// Scores by pupil and period.
    Scores(Scores),
    /// Patterns at these positions.
    Patterns(Range<usize>),
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
    /// The dose known before it, in units of the exposure.
    pub dose: f64,
    /// Outcome: 0 or 1, a value or a score.
    pub y: f64,
    /// Pupils for whom the row stands: 1, or more in a panel of patterns.
    pub n: f64,
}

impl Panel<'_> {
    /// Every pupil of the study once, or patterns that hold every pupil once, each with its number of pupils.
    pub fn everyone(&self) -> impl Iterator<Item = (PupilIx, u64)> + '_ {
        let last = self.patterns.as_ref().map_or(self.pupils.len(), Patterns::everyone);
        (0..last).map(PupilIx::from_position).map(|p| (p, self.number(p)))
    }

    /// Pupils of a pattern; 1 of a pupil.
    pub fn number(&self, p: PupilIx) -> u64 {
        self.patterns.as_ref().map_or(1, |patterns| patterns.at(p).n)
    }

    /// Whether the rows of outcome `o` are there; scores of pupils are not among cells.
    pub fn has_rows(&self, o: usize) -> bool {
        !self.is_of_patterns() || self.plan.outcomes[o].rule() != OutcomeRule::Score
    }

    /// Whether this panel was read from cells, so that no pupil can be told from another.
    pub fn is_of_patterns(&self) -> bool {
        self.patterns.is_some()
    }

    /// Dose of exposure `e` at a time, per school year, capped and on a log scale where the study says so, in its natural unit;
    /// NaN when it is missing.
    pub fn dose(&self, e: usize, p: PupilIx, at: DoseAt) -> f64 {
        scale::transformed(&self.plan.exposures[e], self.uncapped(e, p, at), self.caps[e])
    }

    /// The dose before cap and logarithm.
    pub(super) fn uncapped(&self, e: usize, p: PupilIx, at: DoseAt) -> f64 {
        if let Some(patterns) = &self.patterns {
            return patterns.at(p).numbers[e];
        }
        let exposure = &self.plan.exposures[e];
        let sum = match (&exposure.from, &self.doses) {
            (DoseFrom::Column(_), _) => self.pupils.given_doses[&e][p],
            (_, Some(doses)) => match at {
                DoseAt::Period(k) => doses.before_period(e, p, k),
                DoseAt::Landmark => doses.before_landmark(e, p),
            },
            (_, None) => f64::NAN,
        };
        if exposure.per_year { sum / self.school_years(p, at) } else { sum }
    }

    /// School years in which the pupil was enrolled before a time, the one of that time included; NaN without a first day.
    fn school_years(&self, p: PupilIx, at: DoseAt) -> f64 {
        let days = self.pupils.days[p];
        let before = match at {
            DoseAt::Landmark => days.landmark,
            DoseAt::Period(k) => self.plan.period.start(Day(days.origin), k).map_or(NO_DAY, |d| d.0),
        };
        if days.from == NO_DAY || before == NO_DAY {
            return f64::NAN;
        }
        let years = Day(before - 1).school_year().zip(Day(days.from).school_year());
        years.map_or(f64::NAN, |(last, first)| f64::from((last - first + 1).max(1)))
    }

    /// What one of the unit of exposure `e` is in its natural unit: 1, or a standard deviation of the pupils.
    pub fn unit(&self, e: usize) -> f64 {
        self.units[e]
    }

    /// The rows of the analysis set of outcome `o` with exposure `e`, by pupil and period, and the pupils
    /// who fell out of it. Each pupil of the study is in exactly one of the two.
    pub fn rows(&self, o: usize, e: usize) -> (Vec<SetRow>, Vec<(PupilIx, Step)>) {
        self.rows_of(o, e, (0..self.pupils.len()).map(PupilIx::from_position))
    }

    /// As [`Panel::rows`], of some of the pupils, which come in order.
    pub fn rows_of(
        &self,
        o: usize,
        e: usize,
        pupils: impl Iterator<Item = PupilIx>,
    ) -> (Vec<SetRow>, Vec<(PupilIx, Step)>) {
        let (mut rows, mut out) = (Vec::new(), Vec::new());
        let counts_activities = self.plan.exposures[e].counts_activities();
        let measured =
            |p: PupilIx| if counts_activities && !self.is_measured(p) { Err(Step::NoRegistration) } else { Ok(()) };
        match &self.outcomes[&o] {
            OutcomeData::Event(at_risk) => {
                for p in pupils {
                    match at_risk[p].and_then(|last| measured(p).map(|()| last)) {
                        Err(step) => out.push((p, step)),
                        Ok(last) => rows.extend((0..=last.period).map(|period| SetRow {
                            pupil: p,
                            period,
                            dose: self.in_units(e, p, DoseAt::Period(period)),
                            n: 1.0,
                            y: f64::from(u8::from(last.event && period == last.period)),
                        })),
                    }
                }
            }
            OutcomeData::Scores(scores) => {
                for p in pupils {
                    match if scores.of(p).next().is_none() { Err(Step::NoOutcome) } else { measured(p) } {
                        Err(step) => out.push((p, step)),
                        Ok(()) => rows.extend(scores.of(p).map(|(period, y)| SetRow {
                            pupil: p,
                            period,
                            dose: self.in_units(e, p, DoseAt::Period(period)),
                            y,
                            n: 1.0,
                        })),
                    }
                }
            }
            OutcomeData::Binary(values) => {
                for p in pupils {
                    let y = self.at_landmark(p).and_then(|()| values[p]);
                    match y.and_then(|y| measured(p).map(|()| y)) {
                        Err(step) => out.push((p, step)),
                        Ok(y) => rows.push(self.landmark_row(e, p, f64::from(u8::from(y)))),
                    }
                }
            }
            OutcomeData::Patterns(set) => {
                return self.rows_of_patterns(o, e, pupils.filter(|p| set.contains(&p.at())));
            }
            OutcomeData::Value(values) => {
                for p in pupils {
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

    /// The rows of the hazard set of outcome `o` with, for `y`, the way out in the period: 0 stays, else 1 + its position in `exits`.
    /// A way out that is not among them ends the pupil's rows as censoring does. As [`Panel::rows_of`], of some of the pupils.
    pub fn exit_rows_of(
        &self,
        o: usize,
        e: usize,
        exits: &[ExitKind],
        pupils: impl Iterator<Item = PupilIx>,
    ) -> (Vec<SetRow>, Vec<(PupilIx, Step)>) {
        let (mut rows, out) = self.rows_of(o, e, pupils);
        for row in &mut rows {
            let exit = self.exit_in(o, row).and_then(|exit| exits.iter().position(|x| *x == exit));
            row.y = exit.map_or(0.0, |position| (position + 1) as f64);
        }
        (rows, out)
    }

    /// The way out in the period of a row.
    pub(super) fn exit_in(&self, o: usize, row: &SetRow) -> Option<ExitKind> {
        match &self.outcomes[&o] {
            OutcomeData::Event(at_risk) => {
                at_risk[row.pupil].ok().filter(|last| last.period == row.period).and_then(|last| last.exit)
            }
            _ => None,
        }
    }

    fn landmark_row(&self, e: usize, p: PupilIx, y: f64) -> SetRow {
        SetRow { pupil: p, period: 0, dose: self.in_units(e, p, DoseAt::Landmark), y, n: 1.0 }
    }

    /// A dose in units of the exposure.
    pub(super) fn in_units(&self, e: usize, p: PupilIx, at: DoseAt) -> f64 {
        let (dose, unit) = (self.dose(e, p, at), self.units[e]);
        if unit == 1.0 { dose } else { dose / unit }
    }

    /// Present at the landmark: still enrolled on the day before it.
    ///
    /// # Errors
    /// The step in which the pupil fell out.
    pub fn at_landmark(&self, p: PupilIx) -> Result<(), Step> {
        if let Some(patterns) = &self.patterns {
            return patterns.at(p).fell_out.map_or(Ok(()), Err);
        }
        let days = self.pupils.days[p];
        if days.landmark == NO_DAY {
            return Err(Step::NoLandmark);
        }
        let left = days.to != NO_DAY && days.to < days.landmark - 1;
        if left { Err(Step::LeftBeforeLandmark) } else { Ok(()) }
    }

    /// Whether the pupil's school and cohort registers, or the study takes silence for zero.
    pub(super) fn is_measured(&self, p: PupilIx) -> bool {
        !self.silent_is_missing() || self.is_registered(p)
    }

    /// Whether a school and cohort without registrations is not measured, instead of zero.
    pub fn silent_is_missing(&self) -> bool {
        self.plan.activities.is_some_and(|a| a.silent == crate::study::file::Silent::Exclude)
    }

    /// Whether there is a day up to which doses are summed: a landmark, or a start from which periods follow.
    pub fn has_day(&self, p: PupilIx) -> bool {
        match &self.patterns {
            Some(patterns) => !matches!(patterns.at(p).fell_out, Some(Step::NoLandmark | Step::NoOrigin)),
            None if self.plan.pupils.landmark.is_some() => self.pupils.days[p].has_landmark(),
            None => self.pupils.days[p].has_origin(),
        }
    }

    /// The time to which describing doses belong: the landmark, or the last period where the study has no landmark.
    pub fn last_dose(&self) -> DoseAt {
        if self.plan.pupils.landmark.is_some() { DoseAt::Landmark } else { DoseAt::Period(self.plan.periods - 1) }
    }

    /// Whether anyone of the pupil's school and cohort has a registration that counts.
    pub fn is_registered(&self, p: PupilIx) -> bool {
        if let Some(patterns) = &self.patterns {
            return patterns.at(p).registered;
        }
        self.doses.as_ref().is_some_and(|d| d.is_registered(&self.pupils, p))
    }
}
