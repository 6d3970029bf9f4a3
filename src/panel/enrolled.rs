//! Outcomes that are read off enrolments on a count date (1 October), in one pass over the enrolment table.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::flow::{Flow, Step};
use super::plan::Plan;
use super::pupils::{NO_DAY, Pupils, day_at};
use crate::ingest::{As, Batch, InputError, Progress, Rejects, Table, Want};
use crate::vocab::ids::Ix;
use crate::vocab::{Day, IdVec, OutcomeRule, PupilIx};

/// Name of the enrolment table in the flow.
pub(super) const SET: &str = "enrolments";

/// A question to the enrolment table: is the pupil in `sector` (any, when `None`) on 1 October of year `k`?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    sector: Option<&'static str>,
    k: u8,
}

/// Answer to a probe: the smallest programme code among the active enrolments, so that a pupil with two
/// enrolments at once counts once and the order of rows does not matter.
const INACTIVE: u32 = u32::MAX;

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
    let asked: Vec<(usize, OutcomeRule, Vec<Probe>)> = plan
        .outcomes
        .iter()
        .enumerate()
        .map(|(i, o)| (i, o.rule(), probes(o.rule())))
        .filter(|(_, _, probes)| !probes.is_empty())
        .collect();
    let Some(e) = plan.enrolments.filter(|_| !asked.is_empty()) else { return Ok(BTreeMap::new()) };

    let mut all: Vec<Probe> = Vec::new();
    for probe in asked.iter().flat_map(|(_, _, probes)| probes) {
        if !all.contains(probe) {
            all.push(*probe);
        }
    }
    let keys = e.key.0.len();
    let mut wants: Vec<Want> = e.key.0.iter().map(|n| Want::new(n, As::Text)).collect();
    wants.extend([Want::new(&e.from, As::Day), Want::new(&e.to, As::Day), Want::new(&e.sector, As::Text)]);
    wants.extend(e.programme.iter().map(|n| Want::new(n, As::Text)));
    let table = Table::open(plan.study, base, &e.source, &wants)?;

    let known_until = Day::parse(&e.known_until).map_or(NO_DAY, |d| d.0);
    let mut seen = Answers::new(pupils, all);
    rejects.merge(table.for_each(progress, |batch| seen.batch(batch, keys, e.programme.is_some(), flow))?);

    let answer = |(i, rule, probes): (usize, OutcomeRule, Vec<Probe>)| {
        let one = |p: PupilIx| {
            seen.is_known(p, &probes, known_until).map(|()| rule_holds(rule, &seen.of(p, &probes), &seen.programmes))
        };
        (i, pupils.school.ids().map(one).collect::<Vec<_>>().into())
    };
    Ok(asked.into_iter().map(answer).collect())
}

fn probes(rule: OutcomeRule) -> Vec<Probe> {
    match rule {
        OutcomeRule::ActiveOn { sector, k } => vec![Probe { sector: Some(sector), k }],
        OutcomeRule::NotEnrolledOn { k } => vec![Probe { sector: None, k }],
        OutcomeRule::SameProgramme { sector, k } => {
            vec![Probe { sector: Some(sector), k: 0 }, Probe { sector: Some(sector), k }]
        }
        OutcomeRule::Event | OutcomeRule::Column | OutcomeRule::Score => Vec::new(),
    }
}

/// A programme without a code is never the same programme.
fn rule_holds(rule: OutcomeRule, answers: &[u32], programmes: &[String]) -> bool {
    match rule {
        OutcomeRule::NotEnrolledOn { .. } => answers[0] == INACTIVE,
        OutcomeRule::SameProgramme { .. } => {
            answers[0] != INACTIVE && answers[0] == answers[1] && !programmes[answers[0] as usize].is_empty()
        }
        _ => answers[0] != INACTIVE,
    }
}

struct Answers<'p> {
    pupils: &'p Pupils,
    probes: Vec<Probe>,
    /// Pupils × probes: position in `programmes`, or `INACTIVE`.
    answers: Vec<u32>,
    programmes: Vec<String>,
    index: HashMap<String, u32>,
    dates: HashMap<(i32, u8), i32>,
}

impl<'p> Answers<'p> {
    fn new(pupils: &'p Pupils, probes: Vec<Probe>) -> Self {
        let answers = vec![INACTIVE; pupils.len() * probes.len()];
        Self { pupils, probes, answers, programmes: Vec::new(), index: HashMap::new(), dates: HashMap::new() }
    }

    fn of(&self, p: PupilIx, probes: &[Probe]) -> Vec<u32> {
        let at = |probe: &Probe| self.probes.iter().position(|q| q == probe).expect("every probe was asked");
        probes.iter().map(|probe| self.answers[p.at() * self.probes.len() + at(probe)]).collect()
    }

    /// Known: linked, not counted before the landmark, and not after the day up to which enrolments are known.
    fn is_known(&self, p: PupilIx, probes: &[Probe], known_until: i32) -> Result<(), Step> {
        let landmark = self.pupils.days[p].landmark;
        if landmark == NO_DAY {
            return Err(Step::NoLandmark);
        }
        let on = |k: u8| count_date(landmark, k);
        let first = probes.iter().map(|probe| on(probe.k)).min().unwrap_or(NO_DAY);
        let last = probes.iter().map(|probe| on(probe.k)).max().unwrap_or(NO_DAY);
        match (self.pupils.linked[p], landmark > first, last > known_until) {
            (false, ..) => Err(Step::NotLinked),
            (_, true, _) => Err(Step::LandmarkAfterOutcome),
            (.., true) => Err(Step::NotKnownYet),
            _ => Ok(()),
        }
    }

    fn batch(&mut self, batch: &Batch, keys: usize, has_programme: bool, flow: &mut Flow) {
        let mut key = Vec::new();
        for row in 0..batch.rows {
            let pupil = if batch.key(0..keys, row, &mut key) { self.pupils.find(&key) } else { None };
            let school = pupil.map(|p| self.pupils.school[p]);
            flow.add(SET, school, Step::Read, 1);
            let Some(p) = pupil else {
                flow.add(SET, None, Step::UnknownPupil, 1);
                continue;
            };
            flow.add(SET, school, if day_at(batch, keys, row) == NO_DAY { Step::NoDate } else { Step::Used }, 1);
            let (from, to) = (day_at(batch, keys, row), day_at(batch, keys + 1, row));
            let landmark = self.pupils.days[p].landmark;
            if from == NO_DAY || landmark == NO_DAY {
                continue;
            }
            let sector = batch.columns[keys + 2].text().get(row);
            let programme = if has_programme { batch.columns[keys + 3].text().get(row) } else { None };
            let programme = self.programme(programme.unwrap_or_default());
            for i in 0..self.probes.len() {
                let probe = self.probes[i];
                let on = self.count_date(landmark, probe.k);
                let is_active = from <= on && (to == NO_DAY || on <= to);
                if is_active && probe.sector.is_none_or(|s| sector.as_deref() == Some(s)) {
                    let at = p.at() * self.probes.len() + i;
                    self.answers[at] = self.smaller(self.answers[at], programme);
                }
            }
        }
    }

    fn programme(&mut self, text: String) -> u32 {
        if let Some(&code) = self.index.get(&text) {
            return code;
        }
        let code = u32::try_from(self.programmes.len()).expect("fewer programmes than enrolments");
        self.index.insert(text.clone(), code);
        self.programmes.push(text);
        code
    }

    fn smaller(&self, a: u32, b: u32) -> u32 {
        if a == INACTIVE || self.programmes[b as usize] < self.programmes[a as usize] { b } else { a }
    }

    fn count_date(&mut self, landmark: i32, k: u8) -> i32 {
        *self.dates.entry((landmark, k)).or_insert_with(|| count_date(landmark, k))
    }
}

/// 1 October, `k` years after the landmark's year.
fn count_date(landmark: i32, k: u8) -> i32 {
    Day(landmark).first_october(i16::from(k)).map_or(NO_DAY, |d| d.0)
}
