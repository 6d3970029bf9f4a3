//! Bands that hold all estimates at once, by a multiplier bootstrap of the influence functions, and the joint test of the
//! periods before treatment.
//!
//! ```text
//! R*_k = Σ_c v_c ψ_ck/√n,  v_c = ±1 with equal chance          s_k = (Q₃ − Q₁ of R*_k)/(z.75 − z.25)
//! band: estimate ± c s_k/√n,  c the `level` quantile of max_k |R*_k|/s_k
//! ```
//!
//! Callaway & Sant'Anna 2021, algorithm 1 and eq. (4.4); v are Rademacher weights, one per cluster (unit without clusters).

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::Rng;
use rayon::prelude::*;

use super::super::bootstrap::{Part, stream};
use super::super::dist::{chi2_survival, normal_quantile};
use super::super::error::StatsError;
use super::super::linalg::{Cholesky, symmetrised};
use super::DidFit;

/// A simultaneous band for k estimates.
#[derive(Clone, Debug)]
pub struct Band {
    /// Multiplier c of the standard errors.
    pub critical: f64,
    /// Standard errors by bootstrap (k); 0 where an estimate has no variance.
    pub std_errors: Array1<f64>,
    /// Probability with which all estimates are held at once.
    pub level: f64,
}

/// A joint test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaldTest {
    /// θᵀV⁻¹θ.
    pub statistic: f64,
    /// Number of estimates.
    pub df: usize,
    /// Of χ² with `df` degrees of freedom.
    pub p_value: f64,
}

impl DidFit {
    /// The band of estimates with influence functions ψ (n×k), such as [`DidFit::influence`] or
    /// [`super::Aggregate::influence`].
    ///
    /// # Errors
    /// [`StatsError::Shape`] for ψ of other units, fewer than 100 replicates or a level outside (0, 1).
    pub fn band(&self, influence: ArrayView2<f64>, level: f64, replicates: u32, seed: u64) -> Result<Band, StatsError> {
        if influence.nrows() != self.n_units || influence.ncols() == 0 {
            return Err(StatsError::Shape("the influence functions are not of these units"));
        }
        if replicates < 100 || !(level > 0.0 && level < 1.0) {
            return Err(StatsError::Shape("a band needs 100 replicates or more, and a level between 0 and 1"));
        }
        let summed = self.summed(influence);
        let root_n = (self.n_units as f64).sqrt();
        let one = |r: u32| {
            let mut rng = stream(seed, Part::Errors, r, 0);
            let signs: Array1<f64> =
                (0..summed.nrows()).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect();
            summed.t().dot(&signs) / root_n
        };
        let draws: Vec<Array1<f64>> = (0..replicates).into_par_iter().map(one).collect();
        let spread: Vec<f64> = (0..summed.ncols())
            .map(|k| {
                let mut values: Vec<f64> = draws.iter().map(|d| d[k]).collect();
                values.sort_by(f64::total_cmp);
                (ordered(&values, 0.75) - ordered(&values, 0.25)) / (normal_quantile(0.75) - normal_quantile(0.25))
            })
            .collect();
        let largest = |draw: &Array1<f64>| {
            let relative = |(value, s): (&f64, &f64)| if *s > 0.0 { (value / s).abs() } else { 0.0 };
            draw.iter().zip(&spread).map(relative).fold(0.0, f64::max)
        };
        let mut maxima: Vec<f64> = draws.iter().map(largest).collect();
        maxima.sort_by(f64::total_cmp);
        let std_errors = spread.into_iter().map(|s| s / root_n).collect();
        Ok(Band { critical: ordered(&maxima, level), std_errors, level })
    }

    /// Tests that all averages before treatment are 0; `None` where there are none, or their covariance is singular.
    pub fn pre_trends(&self) -> Option<WaldTest> {
        let before: Vec<usize> = (0..self.cells.len()).filter(|&k| self.cells[k].time < self.cells[k].group).collect();
        let summed = self.summed(self.influence.select(Axis(1), &before).view());
        let n = self.n_units as f64;
        let vcov = symmetrised(&(summed.t().dot(&summed) / (n * n)));
        let theta: Array1<f64> = before.iter().map(|&k| self.cells[k].estimate).collect();
        let factor = Cholesky::factor(vcov.view()).ok()?;
        let half = factor.forward(theta.view());
        let statistic = half.dot(&half);
        let df = before.len();
        (df > 0).then(|| WaldTest { statistic, df, p_value: chi2_survival(statistic, df as f64) })
    }

    /// ψ summed by cluster.
    fn summed(&self, influence: ArrayView2<f64>) -> Array2<f64> {
        let columns: Vec<Array1<f64>> =
            influence.columns().into_iter().map(|c| self.by_cluster(&c.to_owned())).collect();
        let rows = columns.first().map_or(0, Array1::len);
        Array2::from_shape_fn((rows, columns.len()), |(i, k)| columns[k][i])
    }
}

/// The smallest value with at least that share at or below it (R's quantile type 1).
fn ordered(sorted: &[f64], share: f64) -> f64 {
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}
