//! Relative covariance factors: b = Λu with u standard normal, Λ lower triangular, θ its lower triangle by columns.
//!
//! θ is searched without bounds: flipping the sign of a column of Λ, or rotating its columns, leaves ΛΛᵀ as it is.
//! [`canonical`] picks the one Λ with a non-negative diagonal, and finds directions without variance by inspection.

use ndarray::{Array2, ArrayView2};

/// Length of θ for q random effects.
pub fn n_theta(q: usize) -> usize {
    q * (q + 1) / 2
}

/// (row, column) of each element of θ, in order.
pub fn positions(q: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..q).flat_map(move |column| (column..q).map(move |row| (row, column)))
}

/// Λ from θ.
pub fn from_theta(q: usize, theta: &[f64]) -> Array2<f64> {
    let mut lambda = Array2::zeros((q, q));
    for ((row, column), value) in positions(q).zip(theta) {
        lambda[[row, column]] = *value;
    }
    lambda
}

/// (row, column) in Λ (q×q) of each element of θ for a term whose columns correlate in blocks of the given sizes.
pub fn block_positions(blocks: &[usize]) -> Vec<(usize, usize)> {
    let mut first = 0;
    let mut out = Vec::new();
    for &size in blocks {
        out.extend(positions(size).map(|(row, column)| (first + row, first + column)));
        first += size;
    }
    out
}

/// Λ of a term with blocks, from its θ.
pub fn from_blocks(blocks: &[usize], theta: &[f64]) -> Array2<f64> {
    let q = blocks.iter().sum();
    let mut lambda = Array2::zeros((q, q));
    for (at, value) in block_positions(blocks).into_iter().zip(theta) {
        lambda[at] = *value;
    }
    lambda
}

/// θ from Λ.
pub fn to_theta(lambda: ArrayView2<f64>) -> Vec<f64> {
    positions(lambda.nrows()).map(|at| lambda[at]).collect()
}

/// Where blocks of θ sit in a parameter vector: after `offset` other parameters, one block per random-effects term.
#[derive(Clone, Debug)]
pub struct ThetaLayout {
    /// Parameters before the first block.
    pub offset: usize,
    /// Number of random effects of each block.
    pub sizes: Vec<usize>,
}

impl ThetaLayout {
    /// (start, q) of each block in the parameter vector.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, usize)> {
        self.sizes.iter().scan(self.offset, |start, &q| {
            let block = (*start, q);
            *start += n_theta(q);
            Some(block)
        })
    }

    /// Whether `position` of the parameter vector is a diagonal element of some Λ.
    pub fn is_diagonal(&self, position: usize) -> bool {
        self.blocks()
            .any(|(start, q)| positions(q).enumerate().any(|(k, (row, column))| start + k == position && row == column))
    }
}

/// Λ in canonical form.
#[derive(Clone, Debug)]
pub struct Canonical {
    /// Lower triangular, diagonal ≥ 0, columns without variance exactly zero.
    pub lambda: Array2<f64>,
    /// Columns that are zero.
    pub zero_columns: Vec<usize>,
}

/// The Λ with non-negative diagonal that has the covariance of `lambda`; a column whose diagonal comes out below
/// `tolerance` has no variance of its own and is set to zero.
///
/// This is a Cholesky factorisation of ΛΛᵀ that passes over zero pivots. A pivot of (1e-4)² = 1e-8 stands well above
/// the rounding of ΛΛᵀ when Λ is of order one, which is why θ is searched in scaled units.
pub fn canonical(lambda: ArrayView2<f64>, tolerance: f64) -> Canonical {
    let q = lambda.nrows();
    let omega = lambda.dot(&lambda.t());
    let mut out = Array2::<f64>::zeros((q, q));
    let mut zero_columns = Vec::new();
    for j in 0..q {
        let explained: f64 = (0..j).map(|k| out[[j, k]] * out[[j, k]]).sum();
        let pivot = omega[[j, j]] - explained;
        if pivot <= tolerance * tolerance {
            zero_columns.push(j);
            continue;
        }
        out[[j, j]] = pivot.sqrt();
        for i in j + 1..q {
            let explained: f64 = (0..j).map(|k| out[[i, k]] * out[[j, k]]).sum();
            out[[i, j]] = (omega[[i, j]] - explained) / out[[j, j]];
        }
    }
    Canonical { lambda: out, zero_columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn theta_runs_down_the_columns() {
        let lambda = from_theta(3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(lambda, array![[1.0, 0.0, 0.0], [2.0, 4.0, 0.0], [3.0, 5.0, 6.0]]);
        assert_eq!(to_theta(lambda.view()), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn blocks_lie_on_the_diagonal() {
        let lambda = from_blocks(&[1, 2], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(lambda, array![[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 3.0, 4.0]]);
        assert_eq!(block_positions(&[1, 2]), vec![(0, 0), (1, 1), (2, 1), (2, 2)]);
        assert_eq!(from_blocks(&[3], &[1.0; 6]), from_theta(3, &[1.0; 6]));
    }

    #[test]
    fn canonical_keeps_the_covariance_and_flips_signs() {
        let lambda = array![[-0.5, 0.0], [0.2, -0.3]];
        let c = canonical(lambda.view(), 1e-4);
        assert!(c.zero_columns.is_empty());
        let expected = array![[0.5, 0.0], [-0.2, 0.3]];
        assert!((&c.lambda - &expected).iter().all(|d| d.abs() < 1e-14));
    }

    #[test]
    fn variance_left_in_a_dead_column_moves_to_its_own() {
        let lambda = array![[0.0, 0.0], [0.3, 0.4]];
        let c = canonical(lambda.view(), 1e-4);
        assert_eq!(c.zero_columns, vec![0]);
        assert!((c.lambda[[1, 1]] - 0.5).abs() < 1e-14 && c.lambda[[1, 0]] == 0.0);
    }

    #[test]
    fn blocks_follow_each_other() {
        let layout = ThetaLayout { offset: 4, sizes: vec![2, 1] };
        assert_eq!(layout.blocks().collect::<Vec<_>>(), vec![(4, 2), (7, 1)]);
        let diagonal: Vec<usize> = (0..8).filter(|&k| layout.is_diagonal(k)).collect();
        assert_eq!(diagonal, vec![4, 6, 7]);
    }
}
