//! An analysis set and a model entry → numbers for `stats`: outcome, columns, groups, compressed where rows
//! repeat. After this room nobody needs the pupils.

mod analysis_set;
mod centre;
mod columns;
mod compress;
pub mod contrast;
pub mod formula;
mod model_columns;

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{Array1, Array2};

use crate::ingest::Aside;
use crate::panel::{Flow, Panel};
use crate::stats::{Matrix, Packer, Store};
use crate::study::file::ModelEntry;
use crate::vocab::ids::Ix;
use crate::vocab::{Coded, Coder, DosePart, ExitKind, IdVec, OutcomeRule, SchoolIx};
use analysis_set::{AnalysisSet, Outcome};
use columns::{Columns, Spine};
use compress::RowsOfSchools;
pub use model_columns::ModelColumns;

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
    /// Pupils who began there.
    pub pupils: u64,
    /// Pupils with the event, or with outcome 1, while they were there.
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
    /// Columns of the cells: x, and 0, 1 or 2 that vary between schools.
    pub columns: ModelColumns,
    /// Number of cells, known also when they have been let go.
    pub cells: usize,
    /// Rows of the analysis set in each cell.
    pub trials: Array1<f64>,
    /// Rows with outcome 1.
    pub successes: Array1<f64>,
    /// Group code of each cell, non-decreasing.
    pub group: Vec<u32>,
    /// Period of each cell; 0 in landmark designs.
    pub period: Vec<u16>,
    /// Dose of each cell, not split, in units of the exposure.
    pub dose: Coded<usize, f64>,
    /// Cohorts of schools with a level of their own, where the model asks for them.
    pub cohorts: Option<CohortLevels>,
}

impl BinaryDesign {
    /// Columns (cells × terms).
    pub fn x(&self) -> Matrix<'_> {
        self.columns.x()
    }

    /// Columns that vary between schools.
    pub fn z(&self) -> Matrix<'_> {
        self.columns.z()
    }

    /// Some of the cells, each standing for so many rows; without successes.
    pub fn some(&self, cells: &[(usize, f64)]) -> Self {
        let rows: Vec<usize> = cells.iter().map(|(row, _)| *row).collect();
        let cohorts = self
            .cohorts
            .as_ref()
            .map(|c| CohortLevels { code: rows.iter().map(|&row| c.code[row]).collect(), n_levels: c.n_levels });
        Self {
            head: self.head.clone(),
            columns: self.columns.select(&rows),
            cells: rows.len(),
            trials: cells.iter().map(|(_, n)| *n).collect(),
            successes: Array1::zeros(rows.len()),
            group: rows.iter().map(|&row| self.group[row]).collect(),
            period: rows.iter().map(|&row| self.period[row]).collect(),
            dose: rows.iter().map(|&row| self.dose[row]).collect(),
            cohorts,
        }
    }
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
    /// Columns of the rows: x, what varies between schools and, in growth models, between pupils.
    pub columns: ModelColumns,
    /// Group code of each row, non-decreasing.
    pub group: Vec<u32>,
    /// Dose of each row, not split, in units of the exposure.
    pub dose: Coded<usize, f64>,
    /// Growth models: the pupil of each row.
    pub pupil: Option<Vec<u32>>,
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
    pub dose: Coded<usize, f64>,
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

    /// Lets the rows go, which are nearly all of a design. What is counted and named stays.
    pub fn forget_rows(&mut self) {
        match self {
            Design::Binary(d) => {
                (d.columns, d.dose) = (ModelColumns::empty(), Coded::default());
                (d.trials, d.successes) = (Array1::zeros(0), Array1::zeros(0));
                (d.group, d.period) = (Vec::new(), Vec::new());
            }
            Design::Linear(d) => {
                (d.columns, d.y, d.dose) = (ModelColumns::empty(), Array1::zeros(0), Coded::default());
                d.group = Vec::new();
                d.pupil = d.pupil.take().map(|_| Vec::new());
            }
        }
    }
}

/// Where the columns of a model go that are too much to be held.
fn store(panel: &Panel<'_>, entry: &ModelEntry) -> Option<Arc<dyn Store>> {
    // Packed, they are about a quarter.
    let aside = panel.plan.memory.aside(bytes(panel, entry) as u64 / 4)?;
    Some(aside)
}

impl Store for Aside {
    fn put(&self, bytes: &[u8]) -> Option<u64> {
        self.put(bytes)
    }
    fn get(&self, at: u64, bytes: &mut [u8]) {
        self.get(at, bytes);
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

/// Cells for a binary outcome.
pub fn binary(panel: &Panel<'_>, entry: &ModelEntry, start: Start) -> BinaryDesign {
    let set = AnalysisSet::new(panel, entry, Outcome::Binary);
    let columns = Columns::new(&set, entry, start);
    let cells = compress::cells(&set, &columns, 2, entry.cohort_intercept, store(panel, entry));
    let (head, group) = (head(panel, entry, &columns, cells.rows.schools, &set), cells.rows.group);
    let cohorts = entry.cohort_intercept.then(|| cohort_levels(&group, &cells.cohorts)).flatten();
    let mut counts = cells.counts.into_iter().map(Array1::from);
    let (mut trials, successes) = (counts.next().expect("two categories"), counts.next().expect("two categories"));
    trials += &successes;
    let (columns, period, dose) = (cells.columns, cells.period, cells.dose);
    BinaryDesign { head, columns, cells: group.len(), trials, successes, group, period, dose, cohorts }
}

/// Cells for competing exits of an event with causes, one column per period: for `stats::fit_multinomial` and its mixed form.
pub fn multinomial(panel: &Panel<'_>, entry: &ModelEntry) -> MultinomialDesign {
    let exits = panel.plan.outcomes[panel.plan.outcome(&entry.outcome)].exits();
    let set = AnalysisSet::new(panel, entry, Outcome::Exits(exits.clone()));
    let columns = Columns::new(&set, entry, Start::Periods);
    let cells = compress::cells(&set, &columns, 1 + exits.len(), false, None);
    let (head, group) = (head(panel, entry, &columns, cells.rows.schools, &set), cells.rows.group);
    let x = cells.columns.x().to_held().into_owned();
    let counts = Array2::from_shape_fn((group.len(), cells.counts.len()), |(i, k)| cells.counts[k][i]);
    MultinomialDesign { head, x, counts, exits, group, period: cells.period, dose: cells.dose }
}

/// Rows for a Gaussian outcome; `Start::Time` adds the pupils' own intercepts and slopes.
pub fn linear(panel: &Panel<'_>, entry: &ModelEntry, start: Start) -> LinearDesign {
    let set = AnalysisSet::new(panel, entry, Outcome::Value);
    let columns = Columns::new(&set, entry, start);
    let mut packer = Packer::new(columns.width(), store(panel, entry));
    let most = set.seen.rows;
    let has_pupils = start == Start::Time;
    let (mut rows, mut y, mut dose) = (RowsOfSchools::with_capacity(most), Vec::with_capacity(most), Coder::default());
    let mut pupil = Vec::with_capacity(if has_pupils { most } else { 0 });
    let of_school = |school: SchoolIx| {
        let rows = set.rows(school);
        let spines: Vec<Spine> = rows.iter().map(|row| Spine::of(panel, row)).collect();
        (compress::filled(&set, &columns, &spines), rows)
    };
    for (school, (numbers, own)) in set.some_schools_at_a_time(of_school) {
        packer.push(&numbers);
        rows.push(school, own.len());
        y.extend(own.iter().map(|r| r.y));
        own.iter().for_each(|r| dose.push(r.dose));
        if has_pupils {
            pupil.extend(own.iter().map(|r| u32::try_from(r.pupil.at()).expect("a pupil index has 32 bits")));
        }
    }
    LinearDesign {
        head: head(panel, entry, &columns, rows.schools, &set),
        y: y.into(),
        columns: columns.of(packer.finish()),
        group: rows.group,
        dose: dose.finish(),
        pupil: has_pupils.then_some(pupil),
    }
}

/// Positions of the covariates of a model.
pub(crate) fn covariates_of(panel: &Panel<'_>, entry: &ModelEntry) -> Vec<usize> {
    match &entry.covariates {
        Some(names) => names.0.iter().map(|id| panel.plan.covariate(id)).collect(),
        None => (0..panel.plan.covariates.len()).collect(),
    }
}

fn head(
    panel: &Panel<'_>,
    entry: &ModelEntry,
    columns: &Columns,
    groups: Vec<SchoolIx>,
    set: &AnalysisSet<'_, '_>,
) -> Head {
    let exposure = &panel.plan.exposures[panel.plan.exposure(&entry.exposure)];
    Head {
        terms: columns.terms.clone(),
        doses: columns.doses.clone(),
        slope: columns.slope,
        slope_on_cohort: columns.slope_on_cohort,
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
