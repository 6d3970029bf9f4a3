//! Pattern cells: the panel with equal pupils counted instead of listed. Pupils of a school and cohort with the same doses
//! and covariates are one pattern, with their number and the moments of the outcome (Σy, Σy²). Every model that needs no
//! pupil can be fitted from them, and gives the same numbers.
//!
//! There is one set of patterns per outcome, and one of the pupils themselves, in which every pupil stands once: it holds what
//! is described rather than modelled (reach, intake, size), and on it caps and units of doses are measured. Doses are those
//! before cap and logarithm, so that cells of several sources can be put together.
//!
//! Scores by pupil and period have no patterns: growth models need the pupil.
//!
//! | file | what it does |
//! |---|---|
//! | `make.rs` | a panel → its patterns |
//! | `table.rs` | patterns ↔ the table of `cells.parquet` |
//! | `read.rs` | files of cells → a panel of patterns |

mod make;
mod read;
mod table;

use std::ops::Range;

pub use read::{Tally, read};
pub use table::{CELLS, COLUMNS, Cells, FLOW};
pub(super) use table::{SCHOOL_START, number_columns};

use super::flow::Step;
use super::sets::{OutcomeData, Panel, SetRow};
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, IdVec, OutcomeRule, PupilIx, SchoolIx};

/// Pupils, or rows of pupils in one period, that are equal in all that stands here.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Position of the outcome; `None` in the set of the pupils themselves.
    pub outcome: Option<usize>,
    /// Why these pupils are in no analysis of the outcome, or have no dose to describe.
    pub fell_out: Option<Step>,
    /// The school of the start.
    pub school: SchoolIx,
    /// The school at which the rows count: of pupils who move another one in later periods.
    pub at: SchoolIx,
    /// The cohort.
    pub cohort: CohortIx,
    /// The period; 0 at a landmark.
    pub period: u16,
    /// Whether the school and cohort registers activities.
    pub registered: bool,
    /// Whether the outcome is counted after the day up to which enrolments are final.
    pub provisional: bool,
    /// Doses of the exposures, before cap and logarithm, and then the covariates; NaN is missing.
    pub numbers: Vec<f64>,
    /// Pupils.
    pub n: u64,
    /// Σy; for a yes or no the pupils who had it.
    pub sum: f64,
    /// Σy².
    pub squares: f64,
}

/// What the patterns of a panel are, in their canonical order.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    all: Vec<Pattern>,
    /// Patterns of the pupils themselves, which stand first.
    everyone: usize,
}

impl Patterns {
    /// The pattern at a position.
    pub(super) fn at(&self, p: PupilIx) -> &Pattern {
        &self.all[p.at()]
    }

    /// Number of patterns in which every pupil stands once.
    pub(super) fn everyone(&self) -> usize {
        self.everyone
    }

    /// Patterns of the first period in the analysis set of an outcome: every pupil of whom it is known stands once.
    pub(super) fn known(&self, o: usize) -> impl Iterator<Item = (PupilIx, &Pattern)> {
        self.of(o).filter(|(_, one)| one.fell_out.is_none() && one.period == 0)
    }

    /// Patterns of an outcome.
    fn of(&self, o: usize) -> impl Iterator<Item = (PupilIx, &Pattern)> {
        let range = self.range(o);
        let first = range.start;
        self.all[range].iter().enumerate().map(move |(i, one)| (PupilIx::from_position(first + i), one))
    }

    fn range(&self, o: usize) -> Range<usize> {
        let below = |limit: usize| self.all.partition_point(|one| one.outcome.is_none_or(|of| of < limit));
        below(o)..below(o + 1)
    }
}

impl Panel<'_> {
    /// The pupils, or patterns, who began or were later at each school, in their order.
    pub fn ever_by_school(&self) -> IdVec<SchoolIx, Vec<PupilIx>> {
        let mut pupils: IdVec<SchoolIx, Vec<PupilIx>> = vec![Vec::new(); self.pupils.schools.len()].into();
        for (p, start) in self.pupils.school.enumerate() {
            let of_pattern = self.patterns.as_ref().map(|patterns| patterns.at(p).at);
            let stays = self.pupils.stays(p).iter().filter_map(|stay| stay.school);
            for school in std::iter::once(*start).chain(of_pattern).chain(stays) {
                if pupils[school].last() != Some(&p) {
                    pupils[school].push(p);
                }
            }
        }
        pupils
    }

    /// Pupils of whom outcome `o` is known and those who had it, by pattern: school, pupils, pupils who had it. `None` for an
    /// outcome that is no yes or no, and in a panel of pupils.
    pub fn counted(&self, o: usize) -> Option<impl Iterator<Item = (SchoolIx, u64, u64)> + '_> {
        let is_binary = !matches!(self.plan.outcomes[o].rule(), OutcomeRule::Score | OutcomeRule::Column);
        let patterns = self.patterns.as_ref().filter(|_| is_binary)?;
        let in_set = patterns.of(o).filter(|(_, one)| one.fell_out.is_none());
        Some(in_set.map(|(_, one)| (one.school, if one.period == 0 { one.n } else { 0 }, one.sum as u64)))
    }

    /// The rows of a set of patterns, and the patterns that fell out of it: as [`Panel::rows`].
    pub(super) fn rows_of_patterns(
        &self,
        o: usize,
        e: usize,
        set: impl Iterator<Item = PupilIx>,
    ) -> (Vec<SetRow>, Vec<(PupilIx, Step)>) {
        let counts_activities = self.plan.exposures[e].counts_activities();
        let is_value = self.plan.outcomes[o].rule() == OutcomeRule::Column;
        let (mut rows, mut out) = (Vec::new(), Vec::new());
        for p in set {
            let Some(one) = self.patterns.as_ref().map(|patterns| patterns.at(p)) else { continue };
            let unmeasured = counts_activities && !self.is_measured(p, self.last_dose());
            match one.fell_out.or(unmeasured.then_some(Step::NoRegistration)) {
                // A pupil falls out once, not in every period.
                Some(step) => out.extend((one.period == 0).then_some((p, step))),
                None => {
                    let dose = self.in_units(e, p, self.last_dose());
                    let (school, period, is_first) = (one.at, one.period, one.period == 0);
                    let row = |y: f64, n: f64| SetRow { pupil: p, school, period, is_first, dose, y, n };
                    if is_value {
                        rows.extend(like(one).map(|y| row(y, 1.0)));
                    } else {
                        let (had, all) = (one.sum, one.n as f64);
                        rows.extend([row(0.0, all - had), row(1.0, had)].into_iter().filter(|r| r.n > 0.0));
                    }
                }
            }
        }
        (rows, out)
    }
}

/// As many values as the pattern has pupils, with its mean and its sum of squares: a Gaussian likelihood knows no more of
/// rows that are equal in all columns.
fn like(one: &Pattern) -> impl Iterator<Item = f64> {
    let n = one.n as f64;
    let mean = one.sum / n;
    // Rounding may leave less than nothing where all values are equal.
    let within = (one.squares - one.sum * mean).max(0.0);
    let apart = if one.n < 2 || within <= 1e-14 * one.squares { 0.0 } else { (within / 2.0).sqrt() };
    (0..one.n).map(move |i| match i {
        0 => mean + apart,
        1 => mean - apart,
        _ => mean,
    })
}

/// The sets of outcomes, by their positions.
fn outcome_sets(plan: &super::Plan<'_>, patterns: &Patterns) -> std::collections::BTreeMap<usize, OutcomeData> {
    (0..plan.outcomes.len()).map(|o| (o, OutcomeData::Patterns(patterns.range(o)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_like_those_of_a_pattern_have_its_moments() {
        let values = [3.0_f64, 4.5, 4.5, 9.0];
        let one = Pattern {
            outcome: Some(0),
            fell_out: None,
            school: SchoolIx::from_position(0),
            at: SchoolIx::from_position(0),
            cohort: CohortIx::from_position(0),
            period: 0,
            registered: true,
            provisional: false,
            numbers: Vec::new(),
            n: 4,
            sum: values.iter().sum(),
            squares: values.iter().map(|v| v * v).sum(),
        };
        let like: Vec<f64> = like(&one).collect();
        assert_eq!(like.len(), 4);
        assert!((like.iter().sum::<f64>() - one.sum).abs() < 1e-12);
        assert!((like.iter().map(|v| v * v).sum::<f64>() - one.squares).abs() < 1e-12);
    }
}
