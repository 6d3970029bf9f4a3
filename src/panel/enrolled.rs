//! Outcomes that are read off enrolments on a count date (1 October), in one pass over the enrolment table.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::entries::{Columns, Entries, INACTIVE};
use super::flow::{Ended, Flow, Step};
use super::plan::{OutcomePlan, Plan};
use super::pupils::{NO_DAY, Pupils};
use super::question::{Probe, Question, Test};
use crate::ingest::{InputError, Progress, Rejects, Table};
use crate::study::file::Enrolments;
use crate::vocab::ids::Ix;
use crate::vocab::{Day, IdVec, Need, PupilIx, Trait, leerwegen};

/// Name of the enrolment table in the flow.
pub(super) const SET: &str = "enrolments";

/// An outcome of each pupil: true, false, or why it is unknown.
pub(super) type Known = IdVec<PupilIx, Result<bool, Step>>;

/// For each outcome that rests on enrolments (by position): true, false, or why it is unknown. Unknown is never dropout.
pub(super) fn outcomes(
    plan: &Plan<'_>,
    base: &Path,
    pupils: &Pupils,
    progress: &dyn Progress,
    flow: &mut Flow,
    rejects: &mut Rejects,
) -> Result<BTreeMap<usize, Known>, InputError> {
    let with_question = |(i, o): (usize, &OutcomePlan<'_>)| Question::of(o.rule()).map(|q| (i, q));
    let asked: Vec<(usize, Question)> = plan.outcomes.iter().enumerate().filter_map(with_question).collect();
    let Some(e) = plan.enrolments.filter(|_| !asked.is_empty()) else { return Ok(BTreeMap::new()) };

    let columns = Columns::new(e);
    let table = Table::open(plan.study, base, &e.source, &columns.wants)?;
    let mut entries = Entries::new(pupils, asked.iter().map(|(_, question)| question));
    let mut ended = Ended::new(pupils.schools.len());
    rejects.merge(table.for_each(progress, |batch| entries.batch(batch, &columns, &mut ended))?);
    ended.hand_over(flow, SET);
    let outcome = |(i, question): (usize, Question)| {
        let reading = Reading::new(&plan.outcomes[i], e, pupils, &entries, &question);
        let all = (0..pupils.len()).into_par_iter().map(|p| reading.outcome(PupilIx::from_position(p)));
        (i, all.collect::<Vec<_>>().into())
    };
    Ok(asked.into_iter().map(outcome).collect())
}

/// One outcome, read off what was found.
struct Reading<'r> {
    question: &'r Question,
    pupils: &'r Pupils,
    entries: &'r Entries<'r>,
    needs: Vec<Need>,
    known_until: i32,
    /// First and last day on which the definition holds.
    valid: Option<(i32, i32)>,
    /// Position of each probe among those that were asked.
    at: Vec<usize>,
    enrolments: &'r Enrolments,
}

impl<'r> Reading<'r> {
    fn new(
        o: &OutcomePlan<'_>,
        enrolments: &'r Enrolments,
        pupils: &'r Pupils,
        entries: &'r Entries<'r>,
        question: &'r Question,
    ) -> Self {
        let day = |text: &str| Day::parse(text).map_or(NO_DAY, |d| d.0);
        Self {
            question,
            pupils,
            entries,
            needs: o.rule().needs(),
            known_until: day(&enrolments.known_until),
            valid: o.def.valid.map(|(from, to)| (day(from), day(to))),
            at: question.probes.iter().map(|probe: &Probe| entries.position(*probe)).collect(),
            enrolments,
        }
    }

    fn outcome(&self, p: PupilIx) -> Result<bool, Step> {
        self.is_known(p)?;
        self.is_comparable(p)?;
        if self.question.is_new && self.question.diplomas.iter().any(|d| self.had_before(p, d.of)) {
            return Err(Step::HadBefore);
        }
        let leaf = |test: &Test| self.leaf(p, test);
        if let Some(among) = &self.question.among {
            match among.eval(&leaf) {
                Some(true) => {}
                Some(false) => return Err(Step::NotStarted),
                None => return Err(Step::NoOutcome),
            }
        }
        self.question.holds.eval(&leaf).ok_or(Step::NoOutcome)
    }

    /// Known: linked, not counted before the landmark, not after the day up to which enrolments are known, and counted on
    /// days on which the definition holds.
    fn is_known(&self, p: PupilIx) -> Result<(), Step> {
        let landmark = self.pupils.days[p].landmark;
        if landmark == NO_DAY {
            return Err(Step::NoLandmark);
        }
        let (first, last) = self.question.years();
        let (first, last) = (count_date(landmark, first), count_date(landmark, last));
        let outside = self.valid.is_some_and(|(from, to)| first < from || last > to);
        let own = self.pupils.days[p].known_until;
        let known_until = if own == NO_DAY { self.known_until } else { own.min(self.known_until) };
        match (self.pupils.linked[p], landmark > first, last > known_until) {
            (false, ..) => Err(Step::NotLinked),
            (_, true, _) => Err(Step::LandmarkAfterOutcome),
            (.., true) => Err(Step::NotKnownYet),
            _ if outside => Err(Step::OtherDefinition),
            _ => Ok(()),
        }
    }

    /// Has the traits that the outcome compares with.
    fn is_comparable(&self, p: PupilIx) -> Result<(), Step> {
        let traits = &self.pupils.traits;
        for need in &self.needs {
            match need {
                Need::Leerweg if traits.expected_level(p).is_none() => return Err(Step::MissingCovariate),
                Need::Sector => {
                    let sector = traits.sector(p).ok_or(Step::MissingCovariate)?;
                    if !self.enrolments.related.values().any(|names| names.0.iter().any(|s| s == sector)) {
                        return Err(Step::NotComparable);
                    }
                }
                _ => {}
            }
        }
        let Some(below) = self.question.below else { return Ok(()) };
        let days = self.pupils.days[p];
        let is_younger = traits.is_younger(p, below, days.origin, count_date(days.landmark, 0));
        if is_younger.ok_or(Step::MissingCovariate)? { Ok(()) } else { Err(Step::OutsideAge) }
    }

    fn had_before(&self, p: PupilIx, of: crate::vocab::DiplomaKind) -> bool {
        let day = self.entries.diploma(p, of).day;
        day != NO_DAY && day < self.pupils.days[p].landmark
    }

    fn leaf(&self, p: PupilIx, test: &Test) -> Option<bool> {
        let code = |probe: usize| self.entries.answer(p, self.at[probe]);
        let entry = |probe: usize| self.entries.entry(code(probe));
        let text =
            |probe: usize, by: Trait| entry(probe).map(|e| e.text(by)).filter(|code| !self.entries.is_blank(*code));
        match *test {
            Test::In(i) => Some(code(i) != INACTIVE),
            Test::Same(i, j, by) => Some(text(i, by).is_some_and(|one| Some(one) == text(j, by))),
            Test::Differs(i, j, by) => text(i, by).zip(text(j, by)).map(|(one, other)| one != other),
            Test::AtLevel(i) => {
                let Some(entry) = entry(i) else { return Some(false) };
                let sector = self.entries.word(entry.sector);
                if leerwegen::ABOVE_MBO.contains(&sector) {
                    return Some(true);
                }
                let level = if sector == leerwegen::MBO { entry.level() } else { return Some(false) };
                level.zip(self.pupils.traits.expected_level(p)).map(|(level, expected)| level >= expected)
            }
            Test::Related(i) => {
                let domain = self.entries.word(entry(i)?.text(Trait::Domain));
                let sectors = self.enrolments.related.get(domain)?;
                self.pupils.traits.sector(p).map(|own| sectors.0.iter().any(|s| s == own))
            }
            Test::Bol2(i) => {
                let entry = entry(i)?;
                let track = self.entries.word(entry.track);
                let is_bol = if track.is_empty() { None } else { Some(track == leerwegen::BOL) };
                match (is_bol, entry.level().map(|level| level >= 2)) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                }
            }
            Test::Obtained(d) => {
                let asked = self.question.diplomas[d];
                let by = count_date(self.pupils.days[p].landmark, asked.k);
                let found = self.entries.diploma(p, asked.of);
                let is_by = |day: i32| day != NO_DAY && day <= by;
                match (is_by(found.day), is_by(found.unclear)) {
                    (true, _) => Some(true),
                    (false, true) => None,
                    (false, false) => Some(false),
                }
            }
            Test::Not(_) | Test::All(_) | Test::Any(_) => None,
        }
    }
}

/// 1 October, `k` years after the landmark's year.
pub(super) fn count_date(landmark: i32, k: u8) -> i32 {
    Day(landmark).first_october(i16::from(k)).map_or(NO_DAY, |d| d.0)
}
