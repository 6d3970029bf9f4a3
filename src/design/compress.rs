//! Equal rows of a school stand once, with the number of rows and of successes: exact for every binomial
//! model, and what makes a fit cost nothing in the number of pupils.

use std::collections::HashMap;

use ndarray::{Array1, Array2};

use super::centre::{Centred, cohort_code};
use super::columns::{Columns, Spine};
use crate::panel::Panel;
use crate::panel::sets::SetRow;
use crate::vocab::{ExitKind, SchoolIx};

/// Staying, and as many ways out as there are.
const MOST_CATEGORIES: usize = 1 + ExitKind::ALL.len();

pub(super) struct Cells {
    pub(super) schools: Vec<SchoolIx>,
    pub(super) period: Vec<u16>,
    pub(super) x: Array2<f64>,
    /// Rows with outcome 0, 1, … (cells × categories).
    pub(super) counts: Array2<f64>,
    pub(super) dose: Array1<f64>,
    pub(super) cohorts: Vec<u32>,
}

/// What rows must share to be one cell. Sorting by it gives the canonical order of cells.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    school: SchoolIx,
    cohort: u32,
    period: u16,
    /// Order-preserving bits of the dose.
    dose: u64,
    pattern: u32,
}

/// Cells of rows whose outcome is a whole number below `categories`; `by_cohort` keeps cohorts apart also where x does not
/// need them.
pub(super) fn cells(
    panel: &Panel<'_>,
    rows: &[SetRow],
    doses: &Centred,
    columns: &Columns,
    categories: usize,
    by_cohort: bool,
) -> Cells {
    let patterns = patterns(panel, columns, rows);
    let by_cohort = by_cohort || columns.needs_cohort();
    let mut counted: HashMap<Key, ([f64; MOST_CATEGORIES], Spine)> = HashMap::new();
    for (row, pattern) in rows.iter().zip(patterns) {
        let spine = Spine::of(panel, row);
        let cohort = if by_cohort { cohort_code(spine.cohort) } else { 0 };
        let key = Key { school: spine.school, cohort, period: row.period, dose: ordered_bits(row.dose), pattern };
        let cell = counted.entry(key).or_insert(([0.0; MOST_CATEGORIES], spine));
        cell.0[row.y as usize] += row.n;
    }
    let mut keys: Vec<&Key> = counted.keys().collect();
    keys.sort_unstable();
    let mut x = Array2::zeros((keys.len(), columns.terms.len()));
    let mut counts = Array2::zeros((keys.len(), categories));
    let mut dose = Array1::zeros(keys.len());
    for (i, key) in keys.iter().enumerate() {
        let (of_cell, spine) = &counted[*key];
        columns.fill(panel, spine, doses, x.row_mut(i));
        counts.row_mut(i).iter_mut().zip(of_cell).for_each(|(count, n)| *count = *n);
        dose[i] = spine.dose;
    }
    let period = keys.iter().map(|k| k.period).collect();
    let cohorts = keys.iter().map(|k| k.cohort).collect();
    Cells { schools: keys.iter().map(|k| k.school).collect(), period, x, counts, dose, cohorts }
}

/// Number of each row's combination of covariate values, in order of the values.
fn patterns(panel: &Panel<'_>, columns: &Columns, rows: &[SetRow]) -> Vec<u32> {
    let used = columns.covariates();
    let values =
        |r: &SetRow| -> Vec<u64> { used.iter().map(|&c| ordered_bits(panel.pupils.covariates[c][r.pupil])).collect() };
    let mut of: HashMap<Vec<u64>, u32> = HashMap::new();
    let mut seen: Vec<u32> = Vec::with_capacity(rows.len());
    for (i, row) in rows.iter().enumerate() {
        // Rows come by pupil, and a pupil's covariates don't change.
        if i > 0 && rows[i - 1].pupil == row.pupil {
            seen.push(seen[i - 1]);
            continue;
        }
        let next = u32::try_from(of.len()).expect("fewer patterns than rows");
        seen.push(*of.entry(values(row)).or_insert(next));
    }
    let mut order: Vec<(&Vec<u64>, u32)> = of.iter().map(|(k, v)| (k, *v)).collect();
    order.sort_unstable();
    let mut rank = vec![0; order.len()];
    for (new, (_, old)) in order.iter().enumerate() {
        rank[*old as usize] = u32::try_from(new).expect("fewer patterns than rows");
    }
    seen.into_iter().map(|old| rank[old as usize]).collect()
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
