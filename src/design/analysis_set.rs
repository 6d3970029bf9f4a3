//! The analysis set of a model, read a school at a time: nothing of the size of the study is held.
//!
//! A model's pupils with all they need, in order of school, pupil and period. They are gone through three or four times: for the
//! means of the dose, for what the columns are and who falls out, and to fill the columns.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::centre::{Centred, DosesOfSchool};
use super::contrast::{Factor, is_out, without_contrast};
use super::{Counts, covariates_of};
use crate::panel::sets::SetRow;
use crate::panel::{Flow, Panel, Step};
use crate::study::file::ModelEntry;
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, ExitKind, IdVec, PupilIx, SchoolIx};

/// What a row's `y` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The outcome: who is of a level in which some have it and some have not.
    Binary,
    /// A value or a score.
    Value,
    /// The way out in the period, by its position among these, from 1 on; 0 stays.
    Exits(Vec<ExitKind>),
}

/// The largest share of the pupils that is left out for levels without contrast: beyond it the model would be of other pupils
/// than were asked for, and is refused.
const MOST_LEFT_OUT: f64 = 0.2;

/// Schools at a time for each thread, where something large is made of each.
const AT_A_TIME: usize = 4;

/// See the module.
pub(super) struct AnalysisSet<'a, 's> {
    pub(super) panel: &'a Panel<'s>,
    outcome: usize,
    exposure: usize,
    y: Outcome,
    /// Covariates of the model.
    used: Vec<usize>,
    /// The pupils of each school, in their order.
    by_school: IdVec<SchoolIx, Vec<PupilIx>>,
    left_out: Option<LeftOut>,
    /// Means of the dose.
    pub(super) doses: Centred,
    pub(super) flow: Flow,
    pub(super) counts: IdVec<SchoolIx, Counts>,
    /// What a reader should know of who was left out.
    pub(super) notes: Vec<String>,
    /// What occurs in the rows.
    pub(super) seen: Seen,
}

/// Who of a school was dropped, and who is left.
struct OfSchool {
    school: SchoolIx,
    steps: Steps,
    events: u64,
}

/// Pupils by the school of their start and the step in which they ended.
type Steps = BTreeMap<(SchoolIx, Step), u64>;

impl<'a, 's> AnalysisSet<'a, 's> {
    pub(super) fn new(panel: &'a Panel<'s>, entry: &ModelEntry, y: Outcome) -> Self {
        let (outcome, exposure) = (panel.plan.outcome(&entry.outcome), panel.plan.exposure(&entry.exposure));
        let mut set = Self {
            panel,
            outcome,
            exposure,
            y,
            used: covariates_of(panel, entry),
            by_school: panel.ever_by_school(),
            left_out: None,
            doses: Centred::default(),
            flow: Flow::default(),
            counts: Vec::new().into(),
            notes: Vec::new(),
            seen: Seen::default(),
        };
        let mut steps = Steps::new();
        panel.everyone().for_each(|(p, n)| set.note(&mut steps, p, Step::Read, n));
        // The means that split the dose are those of everyone in the analysis set: a pupil with an unknown
        // postcode was still a classmate.
        let doses = set.some_schools_at_a_time(|s| {
            let (rows, out) = set.in_set(s);
            let mut reasons = Steps::new();
            out.iter().for_each(|(p, step)| set.note(&mut reasons, *p, *step, panel.number(*p)));
            (DosesOfSchool::of(panel, entry, &rows), reasons)
        });
        let doses: Vec<_> = doses.collect();
        doses.iter().for_each(|(_, (_, reasons))| add(&mut steps, reasons));
        set.doses = Centred::new(panel, entry, doses.into_iter().map(|(s, (doses, _))| (s, doses)));
        let (mut seen, mut of_schools) = set.look();
        if set.y == Outcome::Binary
            && let Some(left_out) = LeftOut::of(panel, &set.used, &seen.levels)
        {
            set.notes.push(left_out.note.clone());
            set.left_out = Some(left_out);
            (seen, of_schools) = set.look();
        }
        set.seen = seen;
        let mut counts = vec![Counts::default(); panel.pupils.schools.len()];
        for own in of_schools {
            add(&mut steps, &own.steps);
            counts[own.school.at()].events = own.events;
        }
        for ((school, step), n) in &steps {
            counts[school.at()].pupils += if *step == Step::Analysed { *n } else { 0 };
        }
        set.counts = counts.into();
        let name = format!("model {}", entry.id);
        steps.iter().for_each(|((s, step), n)| set.flow.add(&name, Some(*s), *step, *n));
        set
    }

    /// Something of every school that has pupils, in their order: of a few at a time, as it may be too much to be held of all.
    pub(super) fn some_schools_at_a_time<T: Send>(
        &self,
        of: impl Fn(SchoolIx) -> T + Sync,
    ) -> impl Iterator<Item = (SchoolIx, T)> {
        let schools: Vec<SchoolIx> = self.schools().collect();
        let at_a_time = AT_A_TIME * rayon::current_num_threads();
        let some: Vec<Vec<SchoolIx>> = schools.chunks(at_a_time).map(<[SchoolIx]>::to_vec).collect();
        some.into_iter().flat_map(move |some| some.into_par_iter().map(|s| (s, of(s))).collect::<Vec<_>>())
    }

    /// Schools that have pupils.
    fn schools(&self) -> impl Iterator<Item = SchoolIx> + '_ {
        self.by_school.enumerate().filter(|(_, pupils)| !pupils.is_empty()).map(|(s, _)| s)
    }

    /// The rows of a school by pupil and period, and who is not among them.
    fn in_set(&self, s: SchoolIx) -> (Vec<SetRow>, Vec<(PupilIx, Step)>) {
        let pupils = &self.by_school[s];
        match &self.y {
            Outcome::Exits(exits) => self.panel.exit_rows_at((self.outcome, exits), self.exposure, s, pupils),
            Outcome::Binary | Outcome::Value => self.panel.rows_at(self.outcome, self.exposure, s, pupils),
        }
    }

    fn note(&self, steps: &mut Steps, p: PupilIx, step: Step, n: u64) {
        if n > 0 {
            *steps.entry((self.panel.pupils.school[p], step)).or_default() += n;
        }
    }

    /// The rows of a school that have all they need, by pupil and period.
    pub(super) fn rows(&self, s: SchoolIx) -> Vec<SetRow> {
        self.complete(s).0
    }

    /// Those, and which of its pupils ended where.
    fn complete(&self, s: SchoolIx) -> (Vec<SetRow>, Steps) {
        let mut rows = self.in_set(s).0;
        let mut steps = Steps::new();
        rows.retain(|row| {
            let reason = self.reason(row);
            self.note(&mut steps, row.pupil, reason.unwrap_or(Step::Analysed), pupils_of(row));
            reason.is_none()
        });
        (rows, steps)
    }

    /// Why a row of the set can't be used.
    fn reason(&self, row: &SetRow) -> Option<Step> {
        let covariates = &self.panel.pupils.covariates;
        if row.dose.is_nan() || self.used.iter().any(|&c| covariates[c][row.pupil].is_nan()) {
            return Some(Step::MissingCovariate);
        }
        let is_out = self.left_out.as_ref().is_some_and(|out| out.has(self.panel, row.pupil));
        is_out.then_some(Step::RareLevel)
    }

    /// What occurs in the rows, and of each school who was dropped and who is left.
    fn look(&self) -> (Seen, Vec<OfSchool>) {
        let all = self.some_schools_at_a_time(|s| {
            let (rows, steps) = self.complete(s);
            let events = rows.iter().filter(|row| row.y == 1.0).map(|row| row.n as u64).sum();
            (Seen::of(self, &rows), steps, events)
        });
        let mut seen = Seen::default();
        let of_school = |(school, (own, steps, events))| {
            seen.merge(own);
            OfSchool { school, steps, events }
        };
        let of_schools = all.map(of_school).collect();
        (seen, of_schools)
    }
}

fn add(to: &mut Steps, from: &Steps) {
    from.iter().for_each(|(of, n)| *to.entry(*of).or_default() += n);
}

/// Pupils for whom a row counts: each in its first row. What is missing there is missing in the others.
fn pupils_of(row: &SetRow) -> u64 {
    if row.is_first { row.n as u64 } else { 0 }
}

/// What occurs in some rows: it decides which columns there are.
#[derive(Default)]
pub(super) struct Seen {
    /// The rows.
    pub(super) rows: usize,
    /// Rows with outcome 1 and others, by period.
    pub(super) by_period: BTreeMap<u16, (f64, f64)>,
    pub(super) cohorts: BTreeSet<CohortIx>,
    /// Of each part of the dose.
    pub(super) parts: Vec<Span>,
    /// Of each covariate of the model.
    pub(super) covariates: Vec<Values>,
    levels: BTreeMap<Vec<usize>, LevelCounts>,
}

/// The first, least and largest value.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) first: f64,
    pub(super) least: f64,
    pub(super) largest: f64,
}

impl Span {
    /// Of no values, nothing varies.
    const NONE: Span = Span { first: f64::NAN, least: f64::INFINITY, largest: f64::NEG_INFINITY };

    fn add(&mut self, value: f64) {
        self.merge(&Span { first: value, least: value, largest: value });
    }

    fn merge(&mut self, later: &Span) {
        if self.first.is_nan() {
            self.first = later.first;
        }
        (self.least, self.largest) = (self.least.min(later.least), self.largest.max(later.largest));
    }
}

/// Values of a covariate.
#[derive(Clone)]
pub(super) enum Values {
    Numbers(Span),
    /// Levels that occur.
    Levels(BTreeSet<u64>),
}

/// Rows and pupils of one combination of levels.
#[derive(Clone, Copy, Default)]
struct LevelCounts {
    /// Rows without and with the event.
    rows: [f64; 2],
    /// Pupils: rows of the first period.
    pupils: f64,
}

impl Seen {
    fn of(set: &AnalysisSet<'_, '_>, rows: &[SetRow]) -> Self {
        let (panel, pupils) = (set.panel, &set.panel.pupils);
        let mut seen = Self {
            parts: vec![Span::NONE; set.doses.parts().len()],
            covariates: set.used.iter().map(|&c| Values::none(!pupils.levels[c].is_empty())).collect(),
            ..Self::default()
        };
        let categories = if set.y == Outcome::Binary { categories(panel, &set.used) } else { Vec::new() };
        let mut levels = Vec::new();
        seen.rows = rows.len();
        for row in rows {
            let (school, cohort) = (row.school, pupils.cohort[row.pupil]);
            let (events, others) = seen.by_period.entry(row.period).or_default();
            if row.y == 1.0 {
                *events += row.n
            } else {
                *others += row.n
            }
            seen.cohorts.insert(cohort);
            for (part, span) in set.doses.parts().iter().zip(&mut seen.parts) {
                span.add(set.doses.part(*part, row.dose, row.period, school, cohort));
            }
            for (values, &c) in seen.covariates.iter_mut().zip(&set.used) {
                values.add(pupils.covariates[c][row.pupil]);
            }
            if set.y == Outcome::Binary {
                levels_of(panel, &categories, row.pupil, &mut levels);
                if !seen.levels.contains_key(&levels) {
                    seen.levels.insert(levels.clone(), LevelCounts::default());
                }
                let counts = seen.levels.get_mut(&levels).expect("as it is there");
                counts.rows[usize::from(row.y == 1.0)] += row.n;
                counts.pupils += pupils_of(row) as f64;
            }
        }
        seen
    }

    /// Adds what occurs in later rows.
    fn merge(&mut self, later: Self) {
        self.rows += later.rows;
        for (period, (events, others)) in later.by_period {
            let own = self.by_period.entry(period).or_default();
            *own = (own.0 + events, own.1 + others);
        }
        self.cohorts.extend(later.cohorts);
        if self.parts.is_empty() {
            (self.parts, self.covariates) = (later.parts, later.covariates);
        } else {
            self.parts.iter_mut().zip(&later.parts).for_each(|(own, later)| own.merge(later));
            self.covariates.iter_mut().zip(later.covariates).for_each(|(own, later)| own.merge(later));
        }
        for (levels, counts) in later.levels {
            let own = self.levels.entry(levels).or_default();
            own.rows = [own.rows[0] + counts.rows[0], own.rows[1] + counts.rows[1]];
            own.pupils += counts.pupils;
        }
    }
}

impl Values {
    fn none(has_levels: bool) -> Self {
        if has_levels { Values::Levels(BTreeSet::new()) } else { Values::Numbers(Span::NONE) }
    }

    fn add(&mut self, value: f64) {
        match self {
            Values::Numbers(span) => span.add(value),
            Values::Levels(levels) => {
                levels.insert(value as u64);
            }
        }
    }

    fn merge(&mut self, later: Self) {
        match (self, later) {
            (Values::Numbers(own), Values::Numbers(later)) => own.merge(&later),
            (Values::Levels(own), Values::Levels(later)) => own.extend(later),
            _ => unreachable!("a covariate is the same in every school"),
        }
    }
}

/// The covariates that are categories, with their number of levels.
fn categories(panel: &Panel<'_>, used: &[usize]) -> Vec<(usize, usize)> {
    used.iter().filter_map(|&c| Some((c, number_of_levels(panel, c)?))).collect()
}

/// Levels of a covariate that is a category: named ones, or 0 and 1.
fn number_of_levels(panel: &Panel<'_>, c: usize) -> Option<usize> {
    let named = panel.pupils.levels[c].len();
    let recode = &panel.plan.covariates[c].recode;
    let is_flag = !recode.is_empty() && recode.values().all(|v| *v == 0.0 || *v == 1.0);
    if named > 0 { Some(named) } else { is_flag.then_some(2) }
}

/// Puts the cohort of a pupil, and its level of each category, in `levels`.
fn levels_of(panel: &Panel<'_>, categories: &[(usize, usize)], p: PupilIx, levels: &mut Vec<usize>) {
    levels.clear();
    levels.push(panel.pupils.cohort[p].at());
    levels.extend(categories.iter().map(|&(c, _)| panel.pupils.covariates[c][p] as usize));
}

/// The levels without contrast.
struct LeftOut {
    categories: Vec<(usize, usize)>,
    /// By factor (cohorts first) and level.
    out: Vec<Vec<bool>>,
    /// Which levels they are.
    note: String,
}

impl LeftOut {
    /// Of cohorts and the covariates that are categories; `None` where every level has contrast, and where too many pupils are
    /// of those that have none.
    fn of(panel: &Panel<'_>, used: &[usize], seen: &BTreeMap<Vec<usize>, LevelCounts>) -> Option<Self> {
        let pupils = &panel.pupils;
        let categories = categories(panel, used);
        // Each combination of levels without and with the event.
        let combinations: Vec<(&Vec<usize>, bool, f64)> =
            seen.iter().flat_map(|(l, c)| [(l, false, c.rows[0]), (l, true, c.rows[1])]).collect();
        let sizes = std::iter::once(pupils.cohorts.len()).chain(categories.iter().map(|(_, levels)| *levels));
        let factor = |(f, levels): (usize, usize)| {
            let combinations = &combinations;
            Factor { levels, of: Box::new(move |row: usize| combinations[row].0[f]) }
        };
        let factors: Vec<Factor<'_>> = sizes.enumerate().map(factor).collect();
        let out = without_contrast(combinations.len(), &factors, |row| combinations[row].1, |row| combinations[row].2);
        if !out.iter().flatten().any(|out| *out) {
            return None;
        }
        let all: f64 = seen.values().map(|c| c.pupils).sum();
        let lost = combinations.iter().enumerate().filter(|(row, c)| !c.1 && is_out(&out, &factors, *row));
        let lost: f64 = lost.map(|(_, c)| seen[c.0].pupils).sum();
        if lost > MOST_LEFT_OUT * all {
            return None;
        }
        let name = |factor: usize, level: usize| match factor {
            0 => format!("cohort {}", pupils.cohorts[CohortIx::from_position(level)]),
            _ => {
                let c = categories[factor - 1].0;
                let text = pupils.levels[c].get(level).map_or_else(|| level.to_string(), String::clone);
                format!("{} {text}", panel.plan.covariates[c].id)
            }
        };
        let levels = out
            .iter()
            .enumerate()
            .flat_map(|(f, out)| out.iter().enumerate().filter(|(_, out)| **out).map(move |(level, _)| (f, level)));
        let names: Vec<String> = levels.map(|(factor, level)| name(factor, level)).collect();
        let note = format!("left out, too rare to be compared: {}", names.join(", "));
        drop(factors);
        Some(Self { categories, out, note })
    }

    fn has(&self, panel: &Panel<'_>, p: PupilIx) -> bool {
        let of_category = |(&(c, _), out): (&(usize, usize), &Vec<bool>)| out[panel.pupils.covariates[c][p] as usize];
        self.out[0][panel.pupils.cohort[p].at()] || self.categories.iter().zip(&self.out[1..]).any(of_category)
    }
}
