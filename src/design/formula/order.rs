//! The canonical order of rows, in which results don't depend on the order of the file.
//!
//! Rows stand by level of the first grouping factor (in the order of its levels), then of the next ones, then by the
//! columns that the predictors use, in the order in which the formula first names them (fixed effects, random
//! effects, offset; numbers by value, texts by their bytes), then by weight and outcome. Rows that are equal in all
//! of these are interchangeable, so any input with the same rows gives the same arrays, bit for bit.

use std::cmp::Ordering;

use rayon::prelude::*;

/// What rows are sorted by; values by row of the table.
#[derive(Clone, Copy)]
pub(super) enum Key<'a> {
    Number(&'a [f64]),
    Code(&'a [u32]),
}

impl Key<'_> {
    /// A whole number that sorts as the value does; −0 as 0.
    fn rank(&self, row: u32) -> u64 {
        match self {
            Key::Code(codes) => u64::from(codes[row as usize]),
            Key::Number(numbers) => {
                let bits = (numbers[row as usize] + 0.0).to_bits();
                // Negative numbers sort downwards by their bits.
                if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
            }
        }
    }

    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        self.rank(a).cmp(&self.rank(b))
    }
}

/// `rows` in order of the codes `first` (below `n_first`), then of `keys`.
pub(super) fn sorted(rows: &[u32], first: Option<(&[u32], usize)>, keys: &[Key<'_>]) -> Vec<u32> {
    let (placed, ends) = match first {
        Some((codes, n)) => by_code(rows, codes, n),
        None => (rows.to_vec(), vec![rows.len()]),
    };
    let Some((leading, rest)) = keys.split_first() else { return placed };
    // The leading key stands beside the row, so that most comparisons look at nothing else.
    let mut ranked: Vec<(u64, u32)> = placed.par_iter().map(|&row| (leading.rank(row), row)).collect();
    let mut slices = Vec::with_capacity(ends.len());
    let mut open = ranked.as_mut_slice();
    let mut start = 0;
    for end in ends {
        let (slice, others) = open.split_at_mut(end - start);
        slices.push(slice);
        (open, start) = (others, end);
    }
    slices.into_par_iter().for_each(|slice| {
        slice.par_sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| {
                rest.iter().map(|key| key.compare(a.1, b.1)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
            })
        });
    });
    ranked.into_iter().map(|(_, row)| row).collect()
}

/// A counting sort: the rows, and where each code's rows end.
fn by_code(rows: &[u32], codes: &[u32], n: usize) -> (Vec<u32>, Vec<usize>) {
    let mut next = vec![0; n + 1];
    rows.iter().for_each(|&row| next[codes[row as usize] as usize + 1] += 1);
    for k in 0..n {
        next[k + 1] += next[k];
    }
    let mut out = vec![0; rows.len()];
    for &row in rows {
        let slot = &mut next[codes[row as usize] as usize];
        out[*slot] = row;
        *slot += 1;
    }
    // Each slot has moved to the end of its code.
    next.truncate(n);
    (out, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_group_then_by_value() {
        let group = [1, 0, 1, 0, 1, 1];
        let x = [2.0, 5.0, -1.0, 3.0, 0.0, 2.0];
        let z = [7, 0, 0, 0, 0, 3];
        let order = sorted(&[0, 1, 2, 3, 4, 5], Some((&group, 2)), &[Key::Number(&x), Key::Code(&z)]);
        assert_eq!(order, [3, 1, 2, 4, 5, 0]);
        assert_eq!(sorted(&[5, 2, 0], None, &[Key::Number(&x), Key::Code(&z)]), [2, 5, 0]);
    }

    #[test]
    fn both_zeros_are_equal() {
        let x = [0.0, -0.0, -1e-300, 1e-300];
        let key = Key::Number(&x);
        assert!(key.compare(0, 1).is_eq() && key.compare(2, 1).is_lt() && key.compare(0, 3).is_lt());
    }
}
