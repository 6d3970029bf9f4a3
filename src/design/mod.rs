//! An analysis set and a model entry → numbers for `stats`: outcome, columns, groups, compressed where rows
//! repeat. After this room nobody needs the pupils.

mod centre;
mod columns;
mod compress;
pub mod contrast;
pub mod formula;

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayViewMut1, Axis};
use rayon::prelude::*;

use crate::panel::sets::SetRow;
use crate::panel::{Flow, Panel, Step};
use crate::study::file::{DoseForm, ModelEntry, Random, SlopeOn};
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, DosePart, ExitKind, IdVec, OutcomeRule, PupilIx, SchoolIx};
use centre::Centred;
use columns::{Columns, Spine};
use contrast::{Factor, is_out, without_contrast};

/// What all designs have.
#[derive(Clone, Debug)]
pub struct Head {
    /// Name of each column of x.
    pub terms: Vec<String>,
    /// The columns that hold the dose or its parts.
    pub doses: Vec<(DosePart, usize)>,
    /// The part of the dose on which the schools' slopes are; `None` without random slopes.
    pub slope: Option<DosePart>,
    /// Whether those slopes are on the part between cohorts as well (`slope_on = "cohort_within"`).
    pub slope_on_cohort: bool,
    /// The school of each group code.
    pub groups: Vec<SchoolIx>,
    /// Pupils and pupils with the event (or outcome 1), by school of the study.
    pub counts: IdVec<SchoolIx, Counts>,
    /// Who fell out of this model's analysis set, and who is in it, per school.
    pub flow: Flow,
    /// The step whose association is reported.
    pub step: f64,
    /// What a reader should know of how this design was made.
    pub notes: Vec<String>,
}

/// Pupils behind a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pupils.
    pub pupils: u64,
    /// Pupils with the event, or with outcome 1.
    pub events: u64,
}

impl Head {
    /// Whether the schools' slopes are on this part of the dose.
    pub fn has_slope_on(&self, part: DosePart) -> bool {
        self.slope == Some(part) || (self.slope.is_some() && self.slope_on_cohort && part == DosePart::Cohort)
    }

    /// Column of a part of the dose.
    pub fn column(&self, part: DosePart) -> Option<usize> {
        self.doses.iter().find(|(p, _)| *p == part).map(|(_, c)| *c)
    }

    /// Pupils and events over all schools.
    pub fn total(&self) -> Counts {
        self.counts
            .iter()
            .fold(Counts::default(), |a, c| Counts { pupils: a.pupils + c.pupils, events: a.events + c.events })
    }
}

/// Binary outcomes in cells: equal rows of a school stand once, with their number.
#[derive(Clone, Debug)]
pub struct BinaryDesign {
    /// Names, groups, counts.
    pub head: Head,
    /// Columns (cells × terms).
    pub x: Array2<f64>,
    /// Columns that vary between schools (cells × 0, 1 or 2).
    pub z: Array2<f64>,
    /// Rows of the analysis set in each cell.
    pub trials: Array1<f64>,
    /// Rows with outcome 1.
    pub successes: Array1<f64>,
    /// Group code of each cell, non-decreasing.
    pub group: Vec<u32>,
    /// Period of each cell; 0 in landmark designs.
    pub period: Vec<u16>,
    /// Dose of each cell, not split, in units of the exposure.
    pub dose: Array1<f64>,
    /// Cohorts of schools with a level of their own, where the model asks for them.
    pub cohorts: Option<CohortLevels>,
}

/// The cohorts of schools as groups.
#[derive(Clone, Debug)]
pub struct CohortLevels {
    /// Group code of each cell; nested in schools.
    pub code: Vec<u32>,
    /// Number of codes.
    pub n_levels: usize,
}

/// Values or scores, one row each, by school and pupil.
#[derive(Clone, Debug)]
pub struct LinearDesign {
    /// Names, groups, counts.
    pub head: Head,
    /// Outcome.
    pub y: Array1<f64>,
    /// Columns (rows × terms).
    pub x: Array2<f64>,
    /// Columns that vary between schools.
    pub z: Array2<f64>,
    /// Group code of each row, non-decreasing.
    pub group: Vec<u32>,
    /// Dose of each row, not split, in units of the exposure.
    pub dose: Array1<f64>,
    /// Growth models: columns that vary between pupils, and the pupil of each row.
    pub inner: Option<(Array2<f64>, Vec<u32>)>,
}

/// Competing exits in cells: rows that stay, and rows that leave by each way out.
#[derive(Clone, Debug)]
pub struct MultinomialDesign {
    /// Names, groups, counts; the events of its counts are those of the first way out.
    pub head: Head,
    /// Columns (cells × terms).
    pub x: Array2<f64>,
    /// Rows that stay and rows that leave by each of `exits` (cells × (1 + exits)).
    pub counts: Array2<f64>,
    /// The ways out.
    pub exits: Vec<ExitKind>,
    /// Group code of each cell, non-decreasing.
    pub group: Vec<u32>,
    /// Period of each cell.
    pub period: Vec<u16>,
    /// Dose of each cell as it is, in no parts.
    pub dose: Array1<f64>,
}

/// A design of either kind.
#[derive(Clone, Debug)]
pub enum Design {
    /// For binomial models.
    Binary(BinaryDesign),
    /// For Gaussian models.
    Linear(LinearDesign),
}

impl Design {
    /// What all designs have.
    pub fn head(&self) -> &Head {
        match self {
            Design::Binary(d) => &d.head,
            Design::Linear(d) => &d.head,
        }
    }

    /// See [`Self::head`].
    pub(crate) fn head_mut(&mut self) -> &mut Head {
        match self {
            Design::Binary(d) => &mut d.head,
            Design::Linear(d) => &mut d.head,
        }
    }

    /// Lets the columns go, which are most of a design. What is counted and named stays.
    pub fn forget_rows(&mut self) {
        let none = || Array2::zeros((0, 0));
        match self {
            Design::Binary(d) => {
                (d.x, d.z, d.dose) = (none(), none(), Array1::zeros(0));
                (d.group, d.period) = (Vec::new(), Vec::new());
            }
            Design::Linear(d) => {
                (d.x, d.z, d.y, d.dose) = (none(), none(), Array1::zeros(0), Array1::zeros(0));
                d.group = Vec::new();
                d.inner = d.inner.take().map(|_| (none(), Vec::new()));
            }
        }
    }
}

/// About how many bytes the columns of a model take, before equal rows are counted together.
pub fn bytes(panel: &Panel<'_>, entry: &ModelEntry) -> usize {
    let rows = match panel.plan.outcomes[panel.plan.outcome(&entry.outcome)].rule() {
        OutcomeRule::Event | OutcomeRule::Score => panel.pupils.len() * usize::from(panel.plan.periods),
        _ => panel.pupils.len(),
    };
    let levels: usize = panel.pupils.levels.iter().map(|levels| levels.len().max(1)).sum();
    rows * (levels + panel.pupils.cohorts.len() + usize::from(panel.plan.periods)) * size_of::<f64>()
}

/// The columns every model of a kind starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// One column per period, no intercept: the baseline hazard.
    Periods,
    /// An intercept.
    Intercept,
    /// An intercept and the period as a number: growth.
    Time,
}

/// Rows of the analysis set that have all they need, in order of school, pupil and period.
struct Complete {
    rows: Vec<SetRow>,
    doses: Centred,
    flow: Flow,
    counts: IdVec<SchoolIx, Counts>,
    /// What a reader should know of who was left out.
    notes: Vec<String>,
}

/// Which levels of categories stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Levels {
    All,
    /// Those in which some have the outcome and some have not.
    WithContrast,
}

/// The largest share of the pupils that is left out for levels without contrast: beyond it the model would be of other pupils
/// than were asked for, and is refused.
const MOST_LEFT_OUT: f64 = 0.2;

/// Cells for a binary outcome.
pub fn binary(panel: &Panel<'_>, entry: &ModelEntry, start: Start) -> BinaryDesign {
    let rows = panel.rows(panel.plan.outcome(&entry.outcome), panel.plan.exposure(&entry.exposure));
    let set = complete(panel, entry, rows, Levels::WithContrast);
    let columns = Columns::new(panel, entry, start, &set.rows, &set.doses);
    let cells = compress::cells(panel, &set.rows, &set.doses, &columns, 2, entry.cohort_intercept);
    let head = head(panel, entry, &columns, &cells.schools, &set);
    let group = codes(&cells.schools);
    let z = random_columns(entry, &head, &cells.x, None);
    let cohorts = entry.cohort_intercept.then(|| cohort_levels(&group, &cells.cohorts)).flatten();
    let (trials, successes) = (cells.counts.sum_axis(Axis(1)), cells.counts.column(1).to_owned());
    BinaryDesign { head, x: cells.x, z, trials, successes, group, period: cells.period, dose: cells.dose, cohorts }
}

/// Cells for competing exits of an event with causes, one column per period: for `stats::fit_multinomial` and its mixed form.
pub fn multinomial(panel: &Panel<'_>, entry: &ModelEntry) -> MultinomialDesign {
    let (o, e) = (panel.plan.outcome(&entry.outcome), panel.plan.exposure(&entry.exposure));
    let exits = panel.plan.outcomes[o].exits();
    let set = complete(panel, entry, panel.exit_rows(o, e), Levels::All);
    let columns = Columns::new(panel, entry, Start::Periods, &set.rows, &set.doses);
    let cells = compress::cells(panel, &set.rows, &set.doses, &columns, 1 + exits.len(), false);
    let head = head(panel, entry, &columns, &cells.schools, &set);
    let group = codes(&cells.schools);
    MultinomialDesign { head, x: cells.x, counts: cells.counts, exits, group, period: cells.period, dose: cells.dose }
}

/// Rows for a Gaussian outcome; `Start::Time` adds the pupils' own intercepts and slopes.
pub fn linear(panel: &Panel<'_>, entry: &ModelEntry, start: Start) -> LinearDesign {
    let rows = panel.rows(panel.plan.outcome(&entry.outcome), panel.plan.exposure(&entry.exposure));
    let set = complete(panel, entry, rows, Levels::All);
    let columns = Columns::new(panel, entry, start, &set.rows, &set.doses);
    let schools: Vec<SchoolIx> = set.rows.iter().map(|r| panel.pupils.school[r.pupil]).collect();
    let mut x = Array2::zeros((set.rows.len(), columns.terms.len()));
    let fill = |x: ArrayViewMut1<'_, f64>, row: &SetRow| columns.fill(panel, &Spine::of(panel, row), &set.doses, x);
    x.axis_iter_mut(Axis(0)).into_par_iter().zip(&set.rows).for_each(|(x, row)| fill(x, row));
    let head = head(panel, entry, &columns, &schools, &set);
    let time: Option<Array1<f64>> =
        (start == Start::Time).then(|| set.rows.iter().map(|r| f64::from(r.period)).collect());
    let z = random_columns(entry, &head, &x, time.as_ref());
    let inner = time.map(|time| {
        let z = ndarray::stack![Axis(1), Array1::ones(time.len()), time];
        (z, set.rows.iter().map(|r| u32::try_from(r.pupil.at()).expect("a pupil index has 32 bits")).collect())
    });
    let group = codes(&schools);
    let dose = set.rows.iter().map(|r| r.dose).collect();
    LinearDesign { y: set.rows.iter().map(|r| r.y).collect(), head, x, z, group, dose, inner }
}

/// Drops rows without a covariate or dose, or of a level without contrast, counts everyone, and splits the dose.
fn complete(
    panel: &Panel<'_>,
    entry: &ModelEntry,
    set: (Vec<SetRow>, Vec<(PupilIx, Step)>),
    levels: Levels,
) -> Complete {
    let (mut rows, out) = set;
    let pupils = &panel.pupils;
    let mut steps: BTreeMap<(SchoolIx, Step), u64> = BTreeMap::new();
    let mut count = |p: PupilIx, step, n| *steps.entry((pupils.school[p], step)).or_default() += n;
    panel.everyone().for_each(|(p, n)| count(p, Step::Read, n));
    out.into_iter().for_each(|(p, step)| count(p, step, panel.number(p)));
    rows.par_sort_by_key(|r| (pupils.school[r.pupil], r.pupil, r.period));
    // The means that split the dose are those of everyone in the analysis set: a pupil with an unknown
    // postcode was still a classmate.
    let doses = Centred::new(panel, entry, &rows);
    let used = covariates_of(panel, entry);
    let missing = |r: &SetRow| r.dose.is_nan() || used.iter().any(|&c| pupils.covariates[c][r.pupil].is_nan());
    // Scores of a pupil may begin in any period; in all other sets a pupil has a row in the first, and what is missing there
    // is missing in the others.
    let has_first = panel.plan.outcomes[panel.plan.outcome(&entry.outcome)].rule() != OutcomeRule::Score;
    let pupils_of = || {
        let mut last: Option<PupilIx> = None;
        move |r: &SetRow| {
            let is_first = if has_first { r.period == 0 } else { last != Some(r.pupil) };
            last = Some(r.pupil);
            if is_first { r.n as u64 } else { 0 }
        }
    };
    let mut n = pupils_of();
    rows.retain(|r| {
        let (keep, n) = (!missing(r), n(r));
        count(r.pupil, Step::MissingCovariate, if keep { 0 } else { n });
        keep
    });
    let mut notes = Vec::new();
    if levels == Levels::WithContrast
        && let Some(left_out) = LeftOut::of(panel, &used, &rows)
    {
        notes.push(left_out.note);
        let (mut n, mut row) = (pupils_of(), 0..);
        rows.retain(|r| {
            let (out, n) = (left_out.rows[row.next().expect("a row")], n(r));
            count(r.pupil, Step::RareLevel, if out { n } else { 0 });
            !out
        });
    }
    let mut counts: IdVec<SchoolIx, Counts> = vec![Counts::default(); pupils.schools.len()].into();
    let mut n = pupils_of();
    for r in &rows {
        let c = &mut counts[pupils.school[r.pupil]];
        c.pupils += n(r);
        c.events += if r.y == 1.0 { r.n as u64 } else { 0 };
    }
    let mut flow = Flow::default();
    let set = format!("model {}", entry.id);
    steps.into_iter().for_each(|((school, step), n)| flow.add(&set, Some(school), step, n));
    counts.enumerate().for_each(|(school, c)| flow.add(&set, Some(school), Step::Analysed, c.pupils));
    Complete { rows, doses, flow, counts, notes }
}

/// The rows of levels without contrast.
struct LeftOut {
    /// Whether each row is one.
    rows: Vec<bool>,
    /// Which levels they are.
    note: String,
}

impl LeftOut {
    /// Cohorts and the covariates that are categories; `None` where every level has contrast, and where too many pupils are of
    /// those that have none.
    fn of(panel: &Panel<'_>, used: &[usize], rows: &[SetRow]) -> Option<Self> {
        let pupils = &panel.pupils;
        let cohorts = Factor { levels: pupils.cohorts.len(), of: Box::new(|i| pupils.cohort[rows[i].pupil].at()) };
        let categories: Vec<(usize, usize)> =
            used.iter().filter_map(|&c| Some((c, number_of_levels(panel, c)?))).collect();
        let of_covariate = |&(c, levels): &(usize, usize)| Factor {
            levels,
            of: Box::new(move |i| pupils.covariates[c][rows[i].pupil] as usize),
        };
        let factors: Vec<Factor<'_>> = std::iter::once(cohorts).chain(categories.iter().map(of_covariate)).collect();
        let out = without_contrast(rows.len(), &factors, |i| rows[i].y == 1.0, |i| rows[i].n);
        if !out.iter().flatten().any(|out| *out) {
            return None;
        }
        let is_left_out: Vec<bool> = (0..rows.len()).map(|i| is_out(&out, &factors, i)).collect();
        // Each pupil once: in the first of its periods.
        let first = || rows.iter().zip(&is_left_out).filter(|(r, _)| r.period == 0);
        let n = |only: bool| first().filter(|(_, o)| !only || **o).map(|(r, _)| r.n).sum::<f64>();
        if n(true) > MOST_LEFT_OUT * n(false) {
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
        Some(Self { rows: is_left_out, note })
    }
}

/// Levels of a covariate that is a category: named ones, or 0 and 1.
fn number_of_levels(panel: &Panel<'_>, c: usize) -> Option<usize> {
    let named = panel.pupils.levels[c].len();
    let recode = &panel.plan.covariates[c].recode;
    let is_flag = !recode.is_empty() && recode.values().all(|v| *v == 0.0 || *v == 1.0);
    if named > 0 { Some(named) } else { is_flag.then_some(2) }
}

/// Positions of the covariates of a model.
pub(crate) fn covariates_of(panel: &Panel<'_>, entry: &ModelEntry) -> Vec<usize> {
    match &entry.covariates {
        Some(names) => names.0.iter().map(|id| panel.plan.covariate(id)).collect(),
        None => (0..panel.plan.covariates.len()).collect(),
    }
}

fn head(panel: &Panel<'_>, entry: &ModelEntry, columns: &Columns, schools: &[SchoolIx], set: &Complete) -> Head {
    let mut groups = schools.to_vec();
    groups.dedup();
    let exposure = &panel.plan.exposures[panel.plan.exposure(&entry.exposure)];
    let part = if entry.dose == DoseForm::Split { DosePart::Within } else { DosePart::Total };
    let slope = (entry.random == Random::Slope).then_some(part).filter(|p| columns.doses.iter().any(|(q, _)| q == p));
    Head {
        terms: columns.terms.clone(),
        doses: columns.doses.clone(),
        slope,
        slope_on_cohort: entry.slope_on == SlopeOn::CohortWithin && part == DosePart::Within,
        groups,
        counts: set.counts.clone(),
        flow: set.flow.clone(),
        step: exposure.entry.step,
        notes: set.notes.iter().chain(&columns.notes).cloned().collect(),
    }
}

/// Codes of the cohorts of schools; `None` where no school has two, and a cohort would be its school.
fn cohort_levels(group: &[u32], cohort: &[u32]) -> Option<CohortLevels> {
    let pairs = || group.iter().copied().zip(cohort.iter().copied());
    let all: std::collections::BTreeSet<(u32, u32)> = pairs().collect();
    let schools = all.iter().map(|(g, _)| g).collect::<std::collections::BTreeSet<_>>().len();
    let code: BTreeMap<(u32, u32), u32> = all.iter().copied().zip(0..).collect();
    (all.len() > schools).then(|| CohortLevels { code: pairs().map(|p| code[&p]).collect(), n_levels: all.len() })
}

/// Group codes of rows whose schools stand in order.
fn codes(schools: &[SchoolIx]) -> Vec<u32> {
    let of_school = schools.chunk_by(|a, b| a == b).zip(0..);
    of_school.flat_map(|(rows, code)| std::iter::repeat_n(code, rows.len())).collect()
}

/// What varies between schools: nothing, an intercept, or an intercept and a slope — of the dose, or of time
/// in a growth model.
fn random_columns(entry: &ModelEntry, head: &Head, x: &Array2<f64>, time: Option<&Array1<f64>>) -> Array2<f64> {
    let ones = Array1::ones(x.nrows());
    match (entry.random, time, head.slope.and_then(|part| head.column(part))) {
        (Random::None, _, _) => Array2::zeros((x.nrows(), 0)),
        (Random::Slope, Some(time), _) => ndarray::stack![Axis(1), ones, *time],
        (Random::Slope, None, Some(c)) => {
            let mut slope = x.column(c).to_owned();
            if let Some(cohort) = head.column(DosePart::Cohort).filter(|_| head.slope_on_cohort) {
                slope += &x.column(cohort);
            }
            ndarray::stack![Axis(1), ones, slope]
        }
        _ => ones.insert_axis(Axis(1)),
    }
}
