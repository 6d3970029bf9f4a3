//! Coordinates of the search.

use ndarray::{Array1, Array2, ArrayView1, s};
use rayon::prelude::*;

use super::super::cells::Cells;
use super::super::chunks::ROWS;
use super::super::error::StatsError;
use super::super::glm::GlmFit;
use super::super::lambda::block_positions;
use super::super::linalg::{Cholesky, NotPositive, symmetrised};
use super::super::matrix::Matrix;
use super::super::terms::RandomTerm;

/// Units of the search: β whitened by the GLM's information, z divided by its root mean square.
pub(super) struct Scaling {
    /// Factor of the GLM information, I = LLᵀ; scaled β is Lᵀβ and scaled x is L⁻¹x.
    pub information: Cholesky,
    /// Root mean squares of the columns of z, by term.
    pub z: Vec<Array1<f64>>,
    /// From θ to scaled θ.
    pub theta: Array1<f64>,
}

impl Scaling {
    pub fn new(cells: &Cells, terms: &[RandomTerm], glm: &GlmFit) -> Result<Self, StatsError> {
        let positive = |failed: NotPositive| StatsError::RankDeficient { column: failed.column };
        let information = Cholesky::factor(glm.vcov.view()).map_err(positive)?.inverse();
        let z: Vec<Array1<f64>> = terms.iter().map(|t| t.z.root_mean_squares(Some(cells.trials))).collect();
        if z.iter().flatten().any(|&scale| scale == 0.0) {
            return Err(StatsError::Shape("a column of z is zero everywhere"));
        }
        let places = |(t, z): (&RandomTerm, &Array1<f64>)| {
            block_positions(t.blocks).into_iter().map(|(row, _)| z[row]).collect::<Vec<f64>>()
        };
        let theta = terms.iter().zip(&z).flat_map(places).collect();
        Ok(Self { information: Cholesky::factor(information.view()).map_err(positive)?, z, theta })
    }

    /// φ in the coordinates of the search.
    pub fn to_scaled(&self, beta: ArrayView1<f64>, theta: ArrayView1<f64>) -> Array1<f64> {
        let beta = self.information.lower().t().dot(&beta);
        beta.into_iter().chain(&theta * &self.theta).collect()
    }

    /// The covariance of (β, θ), uncorrelated, in the coordinates of the search.
    pub fn covariance_to_scaled(&self, beta: &Array2<f64>, theta: &Array2<f64>) -> Array2<f64> {
        let p = beta.nrows();
        let mut all = Array2::zeros((p + theta.nrows(), p + theta.nrows()));
        all.slice_mut(s![..p, ..p]).assign(beta);
        all.slice_mut(s![p.., p..]).assign(theta);
        let t = self.inverse();
        symmetrised(&t.dot(&all).dot(&t.t()))
    }

    /// T with φ = Tφ_scaled.
    pub fn to_original(&self) -> Array2<f64> {
        let (p, k) = (self.information.lower().nrows(), self.theta.len());
        let mut t = Array2::zeros((p + k, p + k));
        t.slice_mut(s![..p, ..p]).assign(&self.to_beta());
        t.slice_mut(s![p.., p..]).diag_mut().assign(&self.theta.mapv(|s| 1.0 / s));
        t
    }

    /// From scaled β to β (p×p).
    pub fn to_beta(&self) -> Array2<f64> {
        self.information.backward_columns(Array2::eye(self.information.lower().nrows()).view())
    }

    /// T⁻¹.
    pub fn inverse(&self) -> Array2<f64> {
        let (p, k) = (self.information.lower().nrows(), self.theta.len());
        let mut t = Array2::zeros((p + k, p + k));
        t.slice_mut(s![..p, ..p]).assign(&self.information.lower().t());
        t.slice_mut(s![p.., p..]).diag_mut().assign(&self.theta);
        t
    }

    /// The rows of x that `order` names, in coordinates in which the information is the identity.
    pub fn whiten(&self, x: Matrix, order: &[usize]) -> Array2<f64> {
        let (p, lower) = (x.ncols(), self.information.lower());
        let mut out = x.select(order);
        let values = out.as_slice_mut().expect("a fresh array is in standard layout");
        values.par_chunks_mut(p * ROWS).for_each(|rows| {
            for row in rows.chunks_exact_mut(p) {
                for i in 0..p {
                    let done: f64 = row[..i].iter().zip(lower.row(i)).map(|(a, b)| a * b).sum();
                    row[i] = (row[i] - done) / lower[[i, i]];
                }
            }
        });
        out
    }
}
