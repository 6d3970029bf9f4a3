//! Equal rows of a school stand once, with the number of rows and of successes: exact for every binomial
//! model, and what makes a fit cost nothing in the number of pupils.

use std::sync::Arc;

use super::analysis_set::AnalysisSet;
use super::centre::cohort_code;
use super::columns::{Columns, Spine};
use super::model_columns::ModelColumns;
use crate::panel::sets::SetRow;
use crate::stats::{Packer, Store};
use crate::vocab::{Coded, Coder, SchoolIx};

pub(super) struct Cells {
    pub(super) rows: RowsOfSchools,
    pub(super) period: Vec<u16>,
    pub(super) columns: ModelColumns,
    /// Rows with outcome 0, 1, … (categories × cells).
    pub(super) counts: Vec<Vec<f64>>,
    pub(super) dose: Coded<usize, f64>,
    /// Empty where cohorts are not kept apart.
    pub(super) cohorts: Vec<u32>,
}

/// Rows whose schools stand in order.
pub(super) struct RowsOfSchools {
    /// The schools that have rows.
    pub(super) schools: Vec<SchoolIx>,
    /// The position of each row's school among them.
    pub(super) group: Vec<u32>,
}

impl RowsOfSchools {
    /// Room for so many rows: a longer column would be held twice while it grows.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { schools: Vec::new(), group: Vec::with_capacity(rows) }
    }

    /// Adds the rows of the next school.
    pub(super) fn push(&mut self, school: SchoolIx, rows: usize) {
        if rows > 0 {
            let code = u32::try_from(self.schools.len()).expect("a school index has 32 bits");
            self.schools.push(school);
            self.group.extend(std::iter::repeat_n(code, rows));
        }
    }
}

/// What rows of a school must share to be one cell, but for the covariates. Sorting by it, and by these, gives the canonical
/// order of cells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    cohort: u32,
    period: u16,
    /// Order-preserving bits of the dose.
    dose: u64,
}

/// The cells of a school, in their order.
struct OfSchool {
    spines: Vec<Spine>,
    /// Rows of each outcome (cells × categories).
    counts: Vec<f64>,
    cohorts: Vec<u32>,
    /// Numbers of the columns (cells × width).
    columns: Vec<f64>,
}

/// Cells of a set whose outcome is a whole number below `categories`; `by_cohort` keeps cohorts apart also where x does not need
/// them.
pub(super) fn cells(
    set: &AnalysisSet<'_, '_>,
    columns: &Columns,
    categories: usize,
    by_cohort: bool,
    store: Option<Arc<dyn Store>>,
) -> Cells {
    let needs_cohort = by_cohort || columns.needs_cohort();
    let most = set.seen.rows;
    let mut packer = Packer::new(columns.width(), store);
    let mut rows = RowsOfSchools::with_capacity(most);
    let (mut period, mut dose, mut cohorts) = (Vec::with_capacity(most), Coder::default(), Vec::new());
    let mut counts = vec![Vec::with_capacity(most); categories];
    for (school, own) in set.some_schools_at_a_time(|s| of_school(set, columns, categories, needs_cohort, s)) {
        packer.push(&own.columns);
        rows.push(school, own.spines.len());
        period.extend(own.spines.iter().map(|spine| spine.period));
        own.spines.iter().for_each(|spine| dose.push(spine.dose));
        for cell in own.counts.chunks_exact(categories) {
            counts.iter_mut().zip(cell).for_each(|(of_category, n)| of_category.push(*n));
        }
        if by_cohort {
            cohorts.extend(own.cohorts);
        }
    }
    Cells { rows, period, columns: columns.of(packer.finish()), counts, dose: dose.finish(), cohorts }
}

fn of_school(
    set: &AnalysisSet<'_, '_>,
    columns: &Columns,
    categories: usize,
    by_cohort: bool,
    school: SchoolIx,
) -> OfSchool {
    let panel = set.panel;
    let rows = set.rows(school);
    let used = columns.covariates();
    let cohort = |row: &SetRow| if by_cohort { cohort_code(panel.pupils.cohort[row.pupil]) } else { 0 };
    let key = |row: &SetRow| Key { cohort: cohort(row), period: row.period, dose: ordered_bits(row.dose) };
    let covariates =
        |row: &SetRow| used.iter().map(|&c| ordered_bits(panel.pupils.covariates[c][row.pupil])).collect::<Vec<_>>();
    let mut keyed: Vec<(Key, usize)> = rows.iter().enumerate().map(|(i, row)| (key(row), i)).collect();
    keyed.sort_unstable();
    let mut out = OfSchool { spines: Vec::new(), counts: Vec::new(), cohorts: Vec::new(), columns: Vec::new() };
    let mut push = |cell: &[(Vec<u64>, usize)]| {
        let first = &rows[cell[0].1];
        let mut counts = vec![0.0; categories];
        cell.iter().map(|(_, i)| &rows[*i]).for_each(|row| counts[row.y as usize] += row.n);
        out.counts.extend(counts);
        out.cohorts.push(cohort(first));
        out.spines.push(Spine::of(panel, first));
    };
    for equal in keyed.chunk_by(|a, b| a.0 == b.0) {
        let mut told_apart: Vec<(Vec<u64>, usize)> = match equal {
            // Most cells are one row, and nothing tells it apart.
            [(_, one)] => vec![(Vec::new(), *one)],
            many => many.iter().map(|(_, i)| (covariates(&rows[*i]), *i)).collect(),
        };
        told_apart.sort_unstable();
        told_apart.chunk_by(|a, b| a.0 == b.0).for_each(&mut push);
    }
    out.columns = filled(set, columns, &out.spines);
    out
}

/// The columns of these rows, row-major.
pub(super) fn filled(set: &AnalysisSet<'_, '_>, columns: &Columns, spines: &[Spine]) -> Vec<f64> {
    let mut all = vec![0.0; spines.len() * columns.width()];
    let rows = all.chunks_exact_mut(columns.width());
    rows.zip(spines).for_each(|(row, spine)| columns.fill(set.panel, spine, &set.doses, row));
    all
}

/// Bits that sort as the numbers do (IEEE 754 total order).
pub(super) fn ordered_bits(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

#[cfg(test)]
mod tests {
    use super::ordered_bits;

    #[test]
    fn bits_sort_as_numbers_and_zero_has_one_form() {
        let numbers = [f64::NEG_INFINITY, -2.5, -1e-300, 0.0, 1e-300, 1.0, 7.25, f64::INFINITY];
        assert!(numbers.windows(2).all(|w| ordered_bits(w[0]) < ordered_bits(w[1])));
        assert_eq!(ordered_bits(0.0), ordered_bits(-0.0));
    }
}
