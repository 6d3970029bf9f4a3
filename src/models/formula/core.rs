//! What the routes use of the statistical core, and what they need beside it.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

pub(super) use crate::stats::{
    Cells, Family, GlmOptions, GlmmOptions, Link, LmmData, LmmFit, LmmOptions, RandomTerm, StatsError, Stop,
    TermFit, binomial_constant, fit_glm, fit_glmm, fit_lmm, glmm_at, lmm_at_theta, normal_quantile, poisson_constant,
    t_quantile, t_two_sided,
};
use crate::stats::linalg::Cholesky;

/// Least squares with prior weights.
pub(super) struct Ols {
    pub(super) beta: Array1<f64>,
    /// σ²(XᵀWX)⁻¹.
    pub(super) vcov: Array2<f64>,
    /// Weighted residual sum of squares.
    pub(super) rss: f64,
}

/// Minimises Σ w(y − offset − xᵀβ)².
pub(super) fn fit_ols(
    y: ArrayView1<f64>,
    x: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
    offset: Option<ArrayView1<f64>>,
) -> Result<Ols, StatsError> {
    let (n, p) = x.dim();
    let mut y = y.to_owned();
    if let Some(offset) = offset {
        y -= &offset;
    }
    let mut x = x.to_owned();
    if let Some(weights) = weights {
        let root = weights.mapv(f64::sqrt);
        y *= &root;
        x *= &root.insert_axis(ndarray::Axis(1));
    }
    let cross = |x: &Array2<f64>| {
        Cholesky::factor(x.t().dot(x).view()).map_err(|failed| StatsError::RankDeficient { column: failed.column })
    };
    let factor = cross(&x)?;
    let mut beta = factor.solve(x.t().dot(&y).view());
    // One step of refinement: normal equations lose the square of the condition number, the residual gives it back.
    let residual = &y - &x.dot(&beta);
    beta += &factor.solve(x.t().dot(&residual).view());
    let residual = &y - &x.dot(&beta);
    let rss = residual.dot(&residual);
    let df = n as f64 - p as f64;
    Ok(Ols { beta, vcov: factor.inverse() * (rss / df), rss })
}

/// For each column whether it is independent of the kept columns before it, with the tolerance of R's `qr()`.
pub(super) fn independent_columns(x: ArrayView2<f64>) -> Vec<bool> {
    const TOLERANCE: f64 = 1e-7;
    let scales: Vec<f64> = x.columns().into_iter().map(|c| c.dot(&c).sqrt()).collect();
    let mut cross = x.t().dot(&x);
    for ((i, j), value) in cross.indexed_iter_mut() {
        *value /= (scales[i] * scales[j]).max(f64::MIN_POSITIVE);
    }
    // Gaussian elimination of the correlations: what is left on the diagonal is the share of the column that is new.
    let mut keep = vec![false; scales.len()];
    for k in 0..scales.len() {
        keep[k] = scales[k] > 0.0 && cross[[k, k]] > TOLERANCE * TOLERANCE * 10.0;
        if !keep[k] {
            continue;
        }
        for i in k + 1..scales.len() {
            let factor = cross[[i, k]] / cross[[k, k]];
            for j in k + 1..scales.len() {
                cross[[i, j]] -= factor * cross[[k, j]];
            }
        }
    }
    keep
}

/// Satterthwaite's degrees of freedom of coefficient `k`: 2V²/(gᵀAg), V its variance, g its slope over the variance
/// parameters (θ, σ) and A their covariance.
pub(super) fn satterthwaite(fit: &LmmFit, k: usize) -> Option<f64> {
    let slope: Array1<f64> = fit.vcov_beta_slopes.iter().map(|v| v[[k, k]]).collect();
    let spread = slope.dot(&fit.vcov_theta_sigma.dot(&slope));
    let df = 2.0 * fit.vcov_beta[[k, k]].powi(2) / spread;
    df.is_finite().then_some(df)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn dependent_columns_are_the_later_ones() {
        let x = array![[1.0, 1.0, 0.0, 2.0, 5.0], [1.0, 0.0, 1.0, 3.0, 1.0], [1.0, 0.0, 1.0, 4.0, 0.0], [1.0, 1.0, 0.0, 1.0, 2.0]];
        assert_eq!(independent_columns(x.view()), [true, true, false, true, true]);
        let zero = array![[0.0, 1.0], [0.0, 2.0]];
        assert_eq!(independent_columns(zero.view()), [false, true]);
    }

    #[test]
    fn least_squares_are_those_of_r() {
        // lm(c(1,3,2,5) ~ c(0,1,2,3), weights = c(1,2,1,1)), R 4.2.2: coef 1.181818 1.090909, rss 2.363636.
        let x = array![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]];
        let (y, w) = (array![1.0, 3.0, 2.0, 5.0], array![1.0, 2.0, 1.0, 1.0]);
        let fit = fit_ols(y.view(), x.view(), Some(w.view()), None).expect("a fit");
        let residual = &y - &x.dot(&fit.beta);
        assert!(x.t().dot(&(&residual * &w)).iter().all(|g| g.abs() < 1e-12));
        assert!((fit.rss - residual.mapv(|r| r * r).dot(&w)).abs() < 1e-12);
    }
}
