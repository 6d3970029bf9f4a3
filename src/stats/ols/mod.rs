//! Ordinary and weighted least squares: from rows by orthogonal triangles, or from cross-products where these suffice.

mod bootstrap;
mod refine;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use super::cells::check_finite;
use super::error::StatsError;
use super::linalg::{Cholesky, symmetric_eigen};
use super::qr::{DEPENDENT, back_substitute, independent_in, inverse_gram, triangle};
pub use bootstrap::bootstrap_ols;

/// Rows of a linear model: n outcomes on p columns.
#[derive(Clone, Copy, Debug)]
pub struct OlsData<'a> {
    /// Outcomes (n).
    pub y: ArrayView1<'a, f64>,
    /// Columns (n×p); an intercept is the caller's business.
    pub x: ArrayView2<'a, f64>,
    /// Precision weights (n), above 0: Var(yᵢ) = σ²/wᵢ. None: all 1.
    pub weights: Option<ArrayView1<'a, f64>>,
    /// Known part of the mean (n).
    pub offset: Option<ArrayView1<'a, f64>>,
}

/// How strict a fit is.
#[derive(Clone, Copy, Debug)]
pub struct OlsOptions {
    /// A column is refused as dependent if its part orthogonal to the columns before it is shorter than this fraction
    /// of it.
    ///
    /// The default 1e-7 is that of R's `lm`. It protects against columns that differ only by how they were rounded
    /// when they were made, such as a sum of percentages. It also refuses polynomials of high degree (NIST's Filip has a
    /// column with a fraction of 6e-10) that can be fitted: who knows that the columns are exact may ask for 1e-14.
    pub tolerance: f64,
}

impl Default for OlsOptions {
    fn default() -> Self {
        Self { tolerance: DEPENDENT }
    }
}

/// A fitted linear model with p columns.
#[derive(Clone, Debug)]
pub struct OlsFit {
    /// Coefficients (p).
    pub beta: Array1<f64>,
    /// (XᵀWX)⁻¹ (p×p).
    pub unscaled: Array2<f64>,
    /// Covariance σ̂²(XᵀWX)⁻¹ (p×p).
    pub vcov: Array2<f64>,
    /// Residual standard deviation √(RSS/(n−p)), of a row with weight 1.
    pub sigma: f64,
    /// Σ wᵢ(yᵢ − offsetᵢ − xᵢᵀβ)².
    pub rss: f64,
    /// Gaussian log-likelihood at σ² = RSS/n, as R's `logLik(lm)`.
    pub log_lik: f64,
    /// n − p.
    pub df_residual: f64,
    /// Rows n.
    pub n_obs: f64,
    /// Condition number of the columns brought to equal length; 1/ε-like values only say "very large".
    pub condition: f64,
}

impl OlsData<'_> {
    fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[i])
    }

    /// yᵢ − offsetᵢ − xᵢᵀβ (n).
    pub fn residuals(&self, beta: ArrayView1<f64>) -> Array1<f64> {
        let mut residuals = &self.y - &self.x.dot(&beta);
        if let Some(offset) = self.offset {
            residuals -= &offset;
        }
        residuals
    }

    /// Checks lengths, finiteness and weights.
    ///
    /// # Errors
    /// [`StatsError::Shape`] (also when there are no more rows than columns), [`StatsError::NotFinite`],
    /// [`StatsError::Weight`].
    pub fn check(&self) -> Result<(), StatsError> {
        let (n, p) = self.x.dim();
        let fits = |v: Option<ArrayView1<f64>>| v.is_none_or(|v| v.len() == n);
        if self.y.len() != n || !fits(self.weights) || !fits(self.offset) {
            return Err(StatsError::Shape("y, x, weights and offset differ in length"));
        }
        if p == 0 || n <= p {
            return Err(StatsError::Shape("x needs a column, and more rows than columns"));
        }
        check_finite("x", self.x)?;
        let first_bad = |v: ArrayView1<f64>| v.iter().position(|v| !v.is_finite());
        if let Some(row) = first_bad(self.y) {
            return Err(StatsError::NotFinite { array: "y", row });
        }
        if let Some(row) = self.offset.and_then(first_bad) {
            return Err(StatsError::NotFinite { array: "offset", row });
        }
        match self.weights.and_then(|w| w.iter().position(|v| !(v.is_finite() && *v > 0.0))) {
            Some(row) => Err(StatsError::Weight { row }),
            None => Ok(()),
        }
    }
}

/// Condition number above which digits are bought back by refinement: below it, errors of κ²ε are under 1e-12.
const REFINE_ABOVE: f64 = 100.0;

/// Least squares from the triangle of [X y], refined where the columns are ill-conditioned.
///
/// # Errors
/// Those of [`OlsData::check`]; [`StatsError::RankDeficient`] with the first column that depends on those before it
/// (ask [`super::independent_columns`] for all of them).
pub fn fit_ols(data: &OlsData, opt: &OlsOptions) -> Result<OlsFit, StatsError> {
    data.check()?;
    let (n, p) = data.x.dim();
    let r = triangle(n, p + 1, |i, to| {
        let root = data.weight(i).sqrt();
        to.iter_mut().zip(data.x.row(i)).for_each(|(to, x)| *to = root * x);
        to[p] = root * (data.y[i] - data.offset.map_or(0.0, |offset| offset[i]));
    });
    let columns = r.slice(s![..p, ..p]);
    if let Some(&column) = independent_in(columns, opt.tolerance).dropped.first() {
        return Err(StatsError::RankDeficient { column });
    }
    let condition = condition_number(columns.t().dot(&columns).view());
    let (beta, rss) = if condition > REFINE_ABOVE {
        let refined = refine::refine(data, &r);
        (refined.beta, refined.rss)
    } else {
        (back_substitute(columns, &r.slice(s![..p, p]).to_vec()), r[[p, p]] * r[[p, p]])
    };
    let log_weights = data.weights.map_or(0.0, |weights| weights.iter().map(|w| w.ln()).sum());
    Ok(finish(Array1::from(beta), inverse_gram(columns), rss, n as f64, log_weights, condition))
}

fn finish(beta: Array1<f64>, unscaled: Array2<f64>, rss: f64, n: f64, log_weights: f64, condition: f64) -> OlsFit {
    let df_residual = n - beta.len() as f64;
    let variance = rss / df_residual;
    OlsFit {
        vcov: &unscaled * variance,
        unscaled,
        sigma: variance.sqrt(),
        rss,
        log_lik: 0.5 * (log_weights - n * (std::f64::consts::TAU.ln() + 1.0 + (rss / n).ln())),
        df_residual,
        n_obs: n,
        condition,
        beta,
    }
}

/// √ of the ratio of extreme eigenvalues of a cross-product matrix with its diagonal scaled to 1.
fn condition_number(cross: ArrayView2<f64>) -> f64 {
    let scaled = Array2::from_shape_fn(cross.dim(), |(i, j)| cross[[i, j]] / (cross[[i, i]] * cross[[j, j]]).sqrt());
    let values = symmetric_eigen(scaled.view()).values;
    let (least, most) = values.iter().fold((f64::INFINITY, 0.0_f64), |(l, m), v| (l.min(*v), m.max(*v)));
    // An eigenvalue within rounding of 0 says no more than that.
    (most / least.max(f64::EPSILON * most)).sqrt()
}

/// Sums over the rows of a linear model, for those who no longer have the rows.
#[derive(Clone, Copy, Debug)]
pub struct OlsProducts<'a> {
    /// XᵀWX (p×p).
    pub xx: ArrayView2<'a, f64>,
    /// XᵀWy (p).
    pub xy: ArrayView1<'a, f64>,
    /// yᵀWy.
    pub yy: f64,
    /// Rows.
    pub n: f64,
    /// Σ log wᵢ, 0 without weights.
    pub log_weights: f64,
}

/// Condition number of X above which its cross-products are refused: they carry κ²ε ≈ 2e-6 of relative error then, and
/// a result should have six digits.
pub const WORST_CONDITION: f64 = 1e5;

/// Share of the sum of squares under which a residual sum of squares is rounding: it is a difference of numbers with
/// 1e-16 of error, and should have six digits.
const LEAST_RESIDUAL: f64 = 1e-10;

/// Least squares from cross-products; refuses what they cannot carry, instead of returning digits that mean nothing.
///
/// # Errors
/// [`StatsError::Shape`], [`StatsError::NotFinite`]; [`StatsError::IllConditioned`] when the columns are too nearly
/// dependent, or the fit too nearly perfect, for cross-products: fit from the rows, or centre and scale the columns
/// before summing.
pub fn fit_ols_products(products: &OlsProducts) -> Result<OlsFit, StatsError> {
    let p = products.xy.len();
    if products.xx.dim() != (p, p) || p == 0 || products.n <= p as f64 {
        return Err(StatsError::Shape("xx and xy differ in size, or there are no more rows than columns"));
    }
    check_finite("xx", products.xx)?;
    check_finite("xy", products.xy.insert_axis(ndarray::Axis(1)))?;
    let refused = |condition| Err(StatsError::IllConditioned { condition });
    if products.xx.diag().iter().any(|d| *d <= 0.0) {
        return refused(f64::INFINITY);
    }
    let condition = condition_number(products.xx);
    if condition > WORST_CONDITION {
        return refused(condition);
    }
    let Ok(factor) = Cholesky::factor(products.xx) else { return refused(condition) };
    let beta = factor.solve(products.xy);
    let explained = factor.forward(products.xy);
    let rss = products.yy - explained.dot(&explained);
    let distinct = rss > LEAST_RESIDUAL * products.yy;
    if !distinct {
        return refused(condition);
    }
    Ok(finish(beta, factor.inverse(), rss, products.n, products.log_weights, condition))
}

#[cfg(test)]
mod tests;
