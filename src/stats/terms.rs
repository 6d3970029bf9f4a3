//! Random-effects terms, and how their grouping factors lie to each other.

use std::ops::Range;

use ndarray::{Array1, Array2, Array3};
use rayon::prelude::*;

use super::cells::check_finite;
use super::chunks::ROWS;
use super::error::StatsError;
use super::lambda::{ThetaLayout, block_positions, n_theta};
use super::matrix::Matrix;

/// Random effects of one grouping factor: level j of it has b_j = Λu_j, u_j standard normal, and row i gets zᵢᵀb of its
/// level. Terms of the same factor are one term with several blocks.
#[derive(Clone, Copy, Debug)]
pub struct RandomTerm<'a> {
    /// Columns of the term (n×q, q ≥ 1).
    pub z: Matrix<'a>,
    /// Level of each row, 0..n_levels, in any order.
    pub level: &'a [u32],
    /// Number of levels; one may be without rows.
    pub n_levels: usize,
    /// Sizes of the blocks of correlated columns, in the order of the columns: `[q]` for `(x | g)`, `[1, 1, …]` for
    /// `(x || g)`. Their sum is q.
    pub blocks: &'a [usize],
}

impl RandomTerm<'_> {
    /// Columns, q.
    pub fn q(&self) -> usize {
        self.z.ncols()
    }

    /// The same term with a shorter life: views of arrays can't be shortened in place.
    pub(super) fn reborrow(&self) -> RandomTerm<'_> {
        RandomTerm { z: self.z.view(), level: self.level, n_levels: self.n_levels, blocks: self.blocks }
    }

    /// Adds zᵢᵀb of each row's level to `eta` (n); `modes` is J×q.
    pub(super) fn add_random(&self, modes: &Array2<f64>, eta: &mut Array1<f64>) {
        let add = |(first, eta): (usize, &mut [f64])| {
            let rows = first * ROWS..first * ROWS + eta.len();
            for ((z, row), eta) in self.z.piece(rows.clone()).rows().into_iter().zip(rows).zip(eta) {
                let b = modes.row(self.level[row] as usize);
                *eta += z.iter().zip(b).map(|(z, b)| z * b).sum::<f64>();
            }
        };
        let eta = eta.as_slice_mut().expect("a linear predictor is contiguous");
        eta.par_chunks_mut(ROWS).enumerate().for_each(add);
    }

    /// Elements of θ: Σ k(k+1)/2 over the blocks.
    pub fn n_theta(&self) -> usize {
        self.blocks.iter().map(|&k| n_theta(k)).sum()
    }
}

/// What is found for one term with q columns and J levels.
#[derive(Clone, Debug)]
pub struct TermFit {
    /// Λ (q×q), lower triangular. The covariance of a level's effects is ΛΛᵀ, in a linear model σ²ΛΛᵀ.
    pub lambda: Array2<f64>,
    /// Predicted effects b̂_j (J×q): conditional modes, in a linear model also means; zero for a level without rows.
    pub modes: Array2<f64>,
    /// Covariance of b_j around its mode for known parameters (J×q×q); in lme4 `condVar`.
    pub cond_var: Array3<f64>,
    /// Mean squared error of b̂_j (J×q×q): the conditional one, and what the uncertainty of fixed effects and variances
    /// adds.
    pub mode_mse: Array3<f64>,
    /// Covariance of the fixed effects and b̂_j − b_j (J×p×q), for known variances in a linear model.
    pub cov_beta_mode: Array3<f64>,
    /// Levels that have rows.
    pub n_levels: usize,
}

/// Refuses terms whose lengths, codes or blocks do not fit `n` rows.
pub(super) fn check_terms(terms: &[RandomTerm], n: usize) -> Result<(), StatsError> {
    for term in terms {
        if term.z.nrows() != n || term.level.len() != n {
            return Err(StatsError::Shape("a random-effects term differs in length from the rows"));
        }
        if term.q() == 0 || term.blocks.contains(&0) || term.blocks.iter().sum::<usize>() != term.q() {
            return Err(StatsError::Shape("the blocks of a random-effects term do not add up to its columns"));
        }
        if term.level.iter().any(|&level| level as usize >= term.n_levels) {
            return Err(StatsError::Shape("a level code is not below n_levels"));
        }
        check_finite("z", term.z.view())?;
        let levels = levels_with_rows(term);
        if levels < 2 {
            return Err(StatsError::TooFewGroups { groups: levels });
        }
    }
    Ok(())
}

/// Levels that have rows.
pub(super) fn levels_with_rows(term: &RandomTerm) -> usize {
    let mut seen = vec![false; term.n_levels];
    term.level.iter().for_each(|&level| seen[level as usize] = true);
    seen.into_iter().filter(|&s| s).count()
}

/// Where the terms' θ lie behind `offset` other parameters.
pub(super) fn theta_layout(terms: &[RandomTerm], offset: usize) -> ThetaLayout {
    ThetaLayout { offset, sizes: terms.iter().flat_map(|t| t.blocks.iter().copied()).collect() }
}

/// θ with `sd` on the diagonals of Λ and zero beside them.
pub(super) fn diagonal_theta(terms: &[RandomTerm], sd: f64) -> Array1<f64> {
    let diagonal = |term: &RandomTerm| block_positions(term.blocks).into_iter().map(|(row, column)| row == column);
    terms.iter().flat_map(diagonal).map(|on| if on { sd } else { 0.0 }).collect()
}

/// About the inverse curvature of −log L in θ where Λ has `sd` on its diagonal: with J levels that are known well,
/// log L ≈ −J log θ − Σb²/2θ², whose curvature at its optimum is 2J/θ².
pub(super) fn inverse_curvature(terms: &[RandomTerm], sd: f64) -> Array1<f64> {
    let per_term = |term: &RandomTerm| std::iter::repeat_n(sd * sd / (2.0 * term.n_levels as f64), term.n_theta());
    terms.iter().flat_map(per_term).collect()
}

/// A standard deviation that came out as zero starts here, because zero is stationary.
const LEAST_SD: f64 = 0.05;

/// Zero is stationary: moves standard deviations away from it, and gives curvature where there is none.
pub(super) fn leave_zero(terms: &[RandomTerm], p: usize, x: &mut Array1<f64>, inverse_hessian: &mut Array2<f64>) {
    let (diagonal, curvature) = (diagonal_theta(terms, 1.0), inverse_curvature(terms, LEAST_SD));
    for k in 0..diagonal.len() {
        if diagonal[k] > 0.0 && x[p + k].abs() < LEAST_SD {
            x[p + k] = LEAST_SD;
        }
        if inverse_hessian[[p + k, p + k]] <= 0.0 {
            inverse_hessian[[p + k, p + k]] = curvature[k];
        }
    }
}

/// Range of each term's elements within θ.
pub(super) fn theta_ranges(terms: &[RandomTerm]) -> Vec<Range<usize>> {
    let mut start = 0;
    let next = |term: &RandomTerm| {
        let range = start..start + term.n_theta();
        start = range.end;
        range
    };
    terms.iter().map(next).collect()
}

/// Whether every level of `inner` lies in one level of `outer`.
pub(super) fn is_nested(inner: &RandomTerm, outer: &RandomTerm) -> bool {
    const UNSEEN: u32 = u32::MAX;
    let mut home = vec![UNSEEN; inner.n_levels];
    inner.level.iter().zip(outer.level).all(|(&level, &above)| {
        let home = &mut home[level as usize];
        if *home == UNSEEN {
            *home = above;
        }
        *home == above
    })
}

/// Rows in order of their level; rows of a level keep their order.
pub(super) struct ByLevel {
    /// The rows.
    pub order: Vec<u32>,
    /// The range of each level in that order.
    pub ranges: Vec<Range<usize>>,
}

impl ByLevel {
    /// A counting sort of `rows`.
    pub fn new(rows: impl Iterator<Item = u32> + Clone, level: impl Fn(u32) -> u32, n_levels: usize) -> Self {
        let mut ends = vec![0usize; n_levels + 1];
        let mut n = 0;
        for row in rows.clone() {
            ends[level(row) as usize + 1] += 1;
            n += 1;
        }
        for j in 0..n_levels {
            ends[j + 1] += ends[j];
        }
        let ranges = ends.windows(2).map(|w| w[0]..w[1]).collect();
        let mut next = ends;
        let mut order = vec![0; n];
        for row in rows {
            let at = &mut next[level(row) as usize];
            order[*at] = row;
            *at += 1;
        }
        Self { order, ranges }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term<'a>(z: &'a Array2<f64>, level: &'a [u32], n_levels: usize) -> RandomTerm<'a> {
        RandomTerm { z: z.view().into(), level, n_levels, blocks: &[1] }
    }

    #[test]
    fn nesting_is_seen_and_crossing_too() {
        let z = Array2::ones((4, 1));
        let (pupil, school, college) = ([0, 0, 1, 2], [1, 1, 1, 0], [0, 1, 1, 0]);
        assert!(is_nested(&term(&z, &pupil, 3), &term(&z, &school, 2)));
        assert!(!is_nested(&term(&z, &pupil, 3), &term(&z, &college, 2)));
    }

    #[test]
    fn rows_are_sorted_stably() {
        let level = [2, 0, 2, 0, 3];
        let sorted = ByLevel::new(0..5, |row| level[row as usize], 4);
        assert_eq!(sorted.order, vec![1, 3, 0, 2, 4]);
        assert_eq!(sorted.ranges, vec![0..2, 2..2, 2..4, 4..5]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let z = Array2::ones((3, 1));
        assert!(matches!(check_terms(&[term(&z, &[0, 1, 2], 2)], 3), Err(StatsError::Shape(_))));
        assert!(matches!(check_terms(&[term(&z, &[0, 1], 2)], 3), Err(StatsError::Shape(_))));
        assert!(matches!(check_terms(&[term(&z, &[1, 1, 1], 2)], 3), Err(StatsError::TooFewGroups { groups: 1 })));
        let wide = RandomTerm { blocks: &[1, 1], ..term(&z, &[0, 1, 1], 2) };
        assert!(matches!(check_terms(&[wide], 3), Err(StatsError::Shape(_))));
        assert!(check_terms(&[term(&z, &[0, 1, 1], 2)], 3).is_ok());
    }
}
