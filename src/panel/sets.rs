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
use crate::vocab::{Coded, Day, ExitKind, IdVec, OutcomeRule, PupilIx, SchoolIx};

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
    /// The school at which it counts.
    pub school: SchoolIx,
    /// The period; 0 in landmark sets.
    pub period: u16,
    /// Whether it is the first of its pupil in the set.
    pub is_first: bool,
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
        let (from, before) = (self.pupils.days[p].from, self.day(p, at));
        if from == NO_DAY || before == NO_DAY {
            return f64::NAN;
        }
        let years = Day(before - 1).school_year().zip(Day(from).school_year());
        years.map_or(f64::NAN, |(last, first)| f64::from((last - first + 1).max(1)))
    }

    /// The day before which a dose is known: the first day of the period, or the landmark; [`NO_DAY`] where there is none.
    fn day(&self, p: PupilIx, at: DoseAt) -> i32 {
        let days = self.pupils.days[p];
        match at {
            DoseAt::Landmark => days.landmark,
            DoseAt::Period(_) if days.origin == NO_DAY => NO_DAY,
            DoseAt::Period(k) => self.plan.period.start(Day(days.origin), k).map_or(NO_DAY, |d| d.0),
        }
    }

    /// The last day on which it matters where the pupil was: the first day of the period, or the day before the landmark.
    fn last_day(&self, p: PupilIx, at: DoseAt) -> i32 {
        match at {
            DoseAt::Landmark => self.day(p, at).saturating_sub(1),
            DoseAt::Period(_) => self.day(p, at),
        }
    }

    /// The school at which a row of the pupil counts.
    pub(super) fn school_at(&self, p: PupilIx, at: DoseAt) -> SchoolIx {
        let home = self.pupils.school[p];
        match at {
            DoseAt::Period(_) if self.pupils.moves(p) => self.pupils.school_on(p, self.last_day(p, at)).unwrap_or(home),
            _ => home,
        }
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

    /// As [`Panel::rows`], of the rows that count at a school; `pupils` are those of [`Panel::ever_by_school`].
    pub fn rows_at(&self, o: usize, e: usize, s: SchoolIx, pupils: &[PupilIx]) -> (Vec<SetRow>, Vec<(PupilIx, Step)>) {
        let (mut rows, mut out) = self.rows_of(o, e, pupils.iter().copied());
        if self.plan.study.stays.is_some() {
            rows.retain(|row| row.school == s);
            out.retain(|(p, _)| self.pupils.school[*p] == s);
        }
        (rows, out)
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
        let measured = |p: PupilIx, at: DoseAt| {
            if counts_activities && !self.is_measured(p, at) { Err(Step::NoRegistration) } else { Ok(()) }
        };
        // Who goes to a school that registers nothing has no dose from then on.
        let still_measured = |p: PupilIx, k: u16| !self.pupils.moves(p) || measured(p, DoseAt::Period(k)).is_ok();
        match &self.outcomes[&o] {
            OutcomeData::Event(at_risk) => {
                for p in pupils {
                    match at_risk[p].and_then(|last| measured(p, DoseAt::Period(0)).map(|()| last)) {
                        Err(step) => out.push((p, step)),
                        Ok(last) => {
                            let periods = (0..=last.period).take_while(|k| still_measured(p, *k));
                            rows.extend(periods.map(|k| {
                                let y = f64::from(u8::from(last.event && k == last.period));
                                self.set_row(e, p, (k, DoseAt::Period(k)), k == 0, y)
                            }));
                        }
                    }
                }
            }
            OutcomeData::Scores(scores) => {
                for p in pupils {
                    let first = scores.of(p).next().map(|(k, _)| k).ok_or(Step::NoOutcome);
                    match first.and_then(|first| measured(p, DoseAt::Period(first)).map(|()| first)) {
                        Err(step) => out.push((p, step)),
                        Ok(first) => {
                            let scores = scores.of(p).take_while(|(k, _)| still_measured(p, *k));
                            rows.extend(scores.map(|(k, y)| self.set_row(e, p, (k, DoseAt::Period(k)), k == first, y)));
                        }
                    }
                }
            }
            OutcomeData::Binary(values) => {
                for p in pupils {
                    let y = self.at_landmark(p).and_then(|()| values[p]);
                    match y.and_then(|y| measured(p, DoseAt::Landmark).map(|()| y)) {
                        Err(step) => out.push((p, step)),
                        Ok(y) => rows.push(self.set_row(e, p, (0, DoseAt::Landmark), true, f64::from(u8::from(y)))),
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
                    match y.and_then(|y| measured(p, DoseAt::Landmark).map(|()| y)) {
                        Err(step) => out.push((p, step)),
                        Ok(y) => rows.push(self.set_row(e, p, (0, DoseAt::Landmark), true, y)),
                    }
                }
            }
        }
        (rows, out)
    }

    /// The rows of the hazard set of outcome `o` with, for `y`, the way out in the period: 0 stays, else 1 + its position in `exits`.
    /// A way out that is not among them ends the pupil's rows as censoring does. As [`Panel::rows_at`].
    pub fn exit_rows_at(
        &self,
        (o, exits): (usize, &[ExitKind]),
        e: usize,
        s: SchoolIx,
        pupils: &[PupilIx],
    ) -> (Vec<SetRow>, Vec<(PupilIx, Step)>) {
        let (mut rows, out) = self.rows_at(o, e, s, pupils);
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

    fn set_row(&self, e: usize, p: PupilIx, (period, at): (u16, DoseAt), is_first: bool, y: f64) -> SetRow {
        SetRow { pupil: p, school: self.school_at(p, at), period, is_first, dose: self.in_units(e, p, at), y, n: 1.0 }
    }

    /// A dose in units of the exposure.
    pub(super) fn in_units(&self, e: usize, p: PupilIx, at: DoseAt) -> f64 {
        let (dose, unit) = (self.dose(e, p, at), self.units[e]);
        if unit == 1.0 { dose } else { dose / unit }
    }

    /// Present at the landmark: still enrolled on the day before it, and always at schools of the study.
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
        if days.to != NO_DAY && days.to < days.landmark - 1 {
            return Err(Step::LeftBeforeLandmark);
        }
        if self.pupils.is_outside(p, days.landmark - 1) { Err(Step::OtherSchool) } else { Ok(()) }
    }

    /// Whether a dose is known: see [`Panel::is_registered`]; or the study takes silence for zero.
    pub fn is_measured(&self, p: PupilIx, at: DoseAt) -> bool {
        !self.silent_is_missing() || self.is_registered(p, Some(at))
    }

    /// Whether a school and cohort without registrations is not measured, instead of zero.
    pub fn silent_is_missing(&self) -> bool {
        self.plan.activities.is_some_and(|a| a.silent == crate::study::file::Silent::Exclude)
    }

    /// Whether there is a day up to which doses are summed: a landmark, or a start from which periods follow at schools of the
    /// study.
    pub fn has_day(&self, p: PupilIx) -> bool {
        if let Some(patterns) = &self.patterns {
            return match patterns.at(p).fell_out {
                Some(Step::NoLandmark | Step::NoOrigin) => false,
                Some(Step::OtherSchool) => self.plan.pupils.landmark.is_some(),
                _ => true,
            };
        }
        match self.last_dose() {
            DoseAt::Landmark => self.pupils.days[p].has_landmark(),
            last => self.pupils.days[p].has_origin() && !self.pupils.is_outside(p, self.last_day(p, last)),
        }
    }

    /// The time to which describing doses belong: the landmark, or the last period where the study has no landmark.
    pub fn last_dose(&self) -> DoseAt {
        if self.plan.pupils.landmark.is_some() { DoseAt::Landmark } else { DoseAt::Period(self.plan.periods - 1) }
    }

    /// Whether anyone of the cohort has a registration that counts, at the pupil's school; of a pupil who moves at all of them until
    /// then. Without a time: at the school of the start.
    pub fn is_registered(&self, p: PupilIx, at: Option<DoseAt>) -> bool {
        if let Some(patterns) = &self.patterns {
            return patterns.at(p).registered;
        }
        let until = at.filter(|_| self.pupils.moves(p)).map_or(NO_DAY, |at| self.last_day(p, at));
        self.doses.as_ref().is_some_and(|d| d.is_registered(&self.pupils, p, until))
    }
}
