//! Equal rows of a school stand once, with the number of rows and of successes: exact for every binomial
//! model, and what makes a fit cost nothing in the number of pupils.

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

use super::centre::{Centred, cohort_code};
use super::columns::{Columns, Spine};
use crate::panel::Panel;
use crate::panel::sets::SetRow;
use crate::vocab::SchoolIx;

pub(super) struct Cells {
    pub(super) schools: Vec<SchoolIx>,
    pub(super) period: Vec<u16>,
    pub(super) x: Array2<f64>,
    /// Rows with outcome 0, 1, … (cells × categories).
    pub(super) counts: Array2<f64>,
    pub(super) dose: Array1<f64>,
    pub(super) cohorts: Vec<u32>,
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

/// The rows of a school in the order of its cells.
struct Order {
    /// Positions among all rows.
    rows: Vec<u32>,
    /// Where in `rows` each cell ends.
    ends: Vec<u32>,
}

/// Cells of rows that stand by school, whose outcome is a whole number below `categories`; `by_cohort` keeps cohorts apart
/// also where x does not need them.
pub(super) fn cells(
    panel: &Panel<'_>,
    rows: &[SetRow],
    doses: &Centred,
    columns: &Columns,
    categories: usize,
    by_cohort: bool,
) -> Cells {
    let used = columns.covariates();
    let by_cohort = by_cohort || columns.needs_cohort();
    let cohort = |row: &SetRow| if by_cohort { cohort_code(panel.pupils.cohort[row.pupil]) } else { 0 };
    let key = |row: &SetRow| Key { cohort: cohort(row), period: row.period, dose: ordered_bits(row.dose) };
    let covariates =
        |row: &SetRow| used.iter().map(|&c| ordered_bits(panel.pupils.covariates[c][row.pupil])).collect::<Vec<_>>();
    let order = |range: &std::ops::Range<usize>| {
        let keyed = range.clone().map(|i| (key(&rows[i]), u32::try_from(i).expect("a set of 32 bits of rows")));
        let mut keyed: Vec<(Key, u32)> = keyed.collect();
        keyed.sort_unstable();
        let mut order = Order { rows: Vec::with_capacity(keyed.len()), ends: Vec::new() };
        for equal in keyed.chunk_by(|a, b| a.0 == b.0) {
            let mut told_apart: Vec<(Vec<u64>, u32)> = match equal {
                // Most cells are one row, and nothing tells it apart.
                [(_, one)] => vec![(Vec::new(), *one)],
                many => many.iter().map(|(_, i)| (covariates(&rows[*i as usize]), *i)).collect(),
            };
            told_apart.sort_unstable();
            for cell in told_apart.chunk_by(|a, b| a.0 == b.0) {
                order.rows.extend(cell.iter().map(|(_, i)| *i));
                order.ends.push(u32::try_from(order.rows.len()).expect("a set of 32 bits of rows"));
            }
        }
        order
    };
    let schools = by_school(panel, rows);
    let orders: Vec<Order> = schools.par_iter().map(order).collect();
    let n: usize = orders.iter().map(|order| order.ends.len()).sum();
    let mut out = Cells {
        schools: Vec::with_capacity(n),
        period: Vec::with_capacity(n),
        x: Array2::zeros((n, columns.terms.len())),
        counts: Array2::zeros((n, categories)),
        dose: Array1::zeros(n),
        cohorts: Vec::with_capacity(n),
    };
    let mut spines = Vec::with_capacity(n);
    for order in &orders {
        let mut start = 0;
        for &end in &order.ends {
            let cell = &order.rows[start..end as usize];
            let first = &rows[cell[0] as usize];
            let mut counts = out.counts.row_mut(spines.len());
            cell.iter().map(|&i| &rows[i as usize]).for_each(|row| counts[row.y as usize] += row.n);
            spines.push(Spine::of(panel, first));
            out.cohorts.push(cohort(first));
            start = end as usize;
        }
    }
    drop(orders);
    let fill = |(x, spine)| columns.fill(panel, spine, doses, x);
    out.x.axis_iter_mut(Axis(0)).into_par_iter().zip(&spines).for_each(fill);
    out.dose.iter_mut().zip(&spines).for_each(|(dose, spine)| *dose = spine.dose);
    out.schools.extend(spines.iter().map(|spine| spine.school));
    out.period.extend(spines.iter().map(|spine| spine.period));
    out
}

/// The rows of each school.
fn by_school(panel: &Panel<'_>, rows: &[SetRow]) -> Vec<std::ops::Range<usize>> {
    let school = |row: &SetRow| panel.pupils.school[row.pupil];
    let mut start = 0;
    let range = |of_school: &[SetRow]| {
        start += of_school.len();
        start - of_school.len()..start
    };
    rows.chunk_by(|a, b| school(a) == school(b)).map(range).collect()
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
