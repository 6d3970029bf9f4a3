//! The rows of a linear mixed model in coordinates in which cross-products are well conditioned.
//!
//! x is whitened by XᵀWX, y (less its offset) is its residual from weighted least squares, so that no digits cancel in
//! the sum of squares that the model explains, the columns of z are divided by their root mean square, and every row is
//! multiplied by the root of its weight. Rows are made when asked for: nothing of the size of the data is copied.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::super::cells::check_finite;
use super::super::chunks::{map_rows, sum_rows};
use super::super::error::StatsError;
use super::super::linalg::Cholesky;
use super::super::matrix::RowReader;
use super::super::terms::{RandomTerm, check_terms, levels_with_rows};
use super::LmmData;

/// See the module.
pub(super) struct ScaledRows<'d, 'a> {
    data: &'d LmmData<'a>,
    /// XᵀWX = LLᵀ; x in these coordinates is L⁻¹x, and β = β_wls + L⁻ᵀγ.
    pub cross: Cholesky,
    pub beta_wls: Array1<f64>,
    /// Root mean squares of the columns of each term.
    pub z_scales: Vec<Array1<f64>>,
    /// Σ log w.
    pub log_weights: f64,
}

impl<'d, 'a> ScaledRows<'d, 'a> {
    pub fn new(data: &'d LmmData<'a>) -> Result<Self, StatsError> {
        check(data)?;
        let p = data.x.ncols();
        let raw = || {
            let mut x = RowReader::new(data.x.view());
            move |row: usize, out: &mut [f64]| {
                let w = root_weight(data, row);
                out.iter_mut().zip(x.row(row)).for_each(|(to, x)| *to = w * x);
                out[p] = w * (data.y[row] - data.offset.map_or(0.0, |o| o[row]));
            }
        };
        let products = cross_products(data.y.len(), p + 1, raw);
        let cross = Cholesky::factor(products.slice(s![..p, ..p]))
            .map_err(|failed| StatsError::RankDeficient { column: failed.column })?;
        let beta_wls = cross.solve(products.slice(s![..p, p]));
        let rows = Self {
            cross,
            beta_wls,
            z_scales: data.terms.iter().map(|t| column_scales(t, data)).collect::<Result<_, _>>()?,
            log_weights: data.weights.map_or(0.0, |w| sum_rows(w.len(), |i| w[i].ln())),
            data,
        };
        // Least squares leaves about 1e-16 of the size of y where the fit is exact.
        let residual = || {
            let mut read = rows.read();
            move |row: usize, out: &mut [f64]| out[0] = read.residual(row)
        };
        let left = cross_products(rows.n(), 1, residual)[[0, 0]];
        if left <= 1e-24 * products[[p, p]] {
            return Err(StatsError::NoVariation);
        }
        Ok(rows)
    }

    pub fn n(&self) -> usize {
        self.data.y.len()
    }

    pub fn p(&self) -> usize {
        self.data.x.ncols()
    }

    pub fn terms(&self) -> &'d [RandomTerm<'a>] {
        self.data.terms
    }

    /// Goes through the rows.
    pub fn read(&self) -> ReadRows<'_, 'd, 'a> {
        let z = self.data.terms.iter().map(|t| RowReader::new(t.z.view())).collect();
        ReadRows { rows: self, x: RowReader::new(self.data.x.view()), z }
    }

    /// [x y]ᵀ[x y] over all rows.
    pub fn fixed_products(&self) -> Array2<f64> {
        let fixed = || {
            let mut read = self.read();
            move |row: usize, out: &mut [f64]| read.fixed(row, out)
        };
        cross_products(self.n(), self.p() + 1, fixed)
    }

    /// L⁻ᵀ (p×p): from γ to β − β_wls.
    pub fn to_beta(&self) -> Array2<f64> {
        self.cross.backward_columns(Array2::eye(self.p()).view())
    }
}

/// √w of a row.
fn root_weight(data: &LmmData, row: usize) -> f64 {
    data.weights.map_or(1.0, |w| w[row].sqrt())
}

/// The rows one by one, best in order.
pub(super) struct ReadRows<'r, 'd, 'a> {
    rows: &'r ScaledRows<'d, 'a>,
    x: RowReader<'r>,
    z: Vec<RowReader<'r>>,
}

impl ReadRows<'_, '_, '_> {
    fn residual(&mut self, row: usize) -> f64 {
        let ScaledRows { data, beta_wls, .. } = self.rows;
        let offset = data.offset.map_or(0.0, |o| o[row]);
        let fitted = ArrayView1::from(self.x.row(row)).dot(beta_wls);
        (data.y[row] - offset - fitted) * root_weight(data, row)
    }

    /// [x y] of a row (p+1).
    pub fn fixed(&mut self, row: usize, out: &mut [f64]) {
        let p = self.rows.p();
        let (weight, x, lower) = (root_weight(self.rows.data, row), self.x.row(row), self.rows.cross.lower());
        for i in 0..p {
            let l = lower.row(i);
            let done: f64 = out[..i].iter().zip(l).map(|(o, l)| o * l).sum();
            out[i] = (weight * x[i] - done) / l[i];
        }
        out[p] = self.residual(row);
    }

    /// z of a row (q) for one term.
    pub fn random(&mut self, term: usize, row: usize, out: &mut [f64]) {
        let weight = root_weight(self.rows.data, row);
        let z = self.z[term].row(row);
        for ((to, z), scale) in out.iter_mut().zip(z).zip(&self.rows.z_scales[term]) {
            *to = weight * z / scale;
        }
    }
}

/// Σ rowᵀrow over `n` rows of `m` numbers, in chunks that are added in order; `reader` makes what reads a row.
fn cross_products<R: FnMut(usize, &mut [f64])>(n: usize, m: usize, reader: impl Fn() -> R + Sync) -> Array2<f64> {
    let parts = map_rows(n, |rows| {
        let mut sum = Array2::zeros((m, m));
        gram(&mut sum, rows, reader());
        sum
    });
    parts.iter().fold(Array2::zeros((m, m)), |all, part| all + part)
}

/// Adds Σ rowᵀrow over `rows`, whose numbers are made a few rows at a time.
pub(super) fn gram(sum: &mut Array2<f64>, rows: std::ops::Range<usize>, mut row: impl FnMut(usize, &mut [f64])) {
    const AT_ONCE: usize = 256;
    let m = sum.ncols();
    let mut buffer = Array2::zeros((AT_ONCE.min(rows.len()), m));
    let mut start = rows.start;
    while start < rows.end {
        let end = rows.end.min(start + AT_ONCE);
        for (i, mut out) in (start..end).zip(buffer.rows_mut()) {
            row(i, out.as_slice_mut().expect("rows of a fresh array are contiguous"));
        }
        let filled = buffer.slice(s![..end - start, ..]);
        general_mat_mul(1.0, &filled.t(), &filled, 1.0, sum);
        start = end;
    }
}

fn check(data: &LmmData) -> Result<(), StatsError> {
    let n = data.y.len();
    if n == 0 || data.x.ncols() == 0 || data.terms.is_empty() {
        return Err(StatsError::Shape("y is empty, x has no columns, or there is no random-effects term"));
    }
    let lengths = [data.weights.map_or(n, |w| w.len()), data.offset.map_or(n, |o| o.len()), data.x.nrows()];
    if lengths.iter().any(|&length| length != n) {
        return Err(StatsError::Shape("y, x, weights and offset differ in length"));
    }
    check_terms(data.terms, n)?;
    // As many effects as rows can't be told from the residuals.
    if let Some(term) = data.terms.iter().position(|t| levels_with_rows(t) * t.q() >= n) {
        return Err(StatsError::TooManyLevels { term });
    }
    check_finite("y", data.y.insert_axis(Axis(1)))?;
    check_finite("x", data.x.view())?;
    if let Some(offset) = data.offset {
        check_finite("offset", offset.insert_axis(Axis(1)))?;
    }
    if let Some(weights) = data.weights {
        check_finite("weights", weights.insert_axis(Axis(1)))?;
        if weights.iter().any(|&w| w <= 0.0) {
            return Err(StatsError::Shape("weights must be above zero"));
        }
    }
    Ok(())
}

/// Root mean squares of the columns as they stand in the weighted rows, so that the unit of the weights does not matter.
fn column_scales(term: &RandomTerm, data: &LmmData) -> Result<Array1<f64>, StatsError> {
    let mean_weight = data.weights.map_or(1.0, |w| w.sum() / w.len() as f64);
    let scales = term.z.root_mean_squares(data.weights) * mean_weight.sqrt();
    if scales.iter().any(|&s| s == 0.0) {
        return Err(StatsError::Shape("a random-effect column is zero everywhere"));
    }
    Ok(scales)
}

/// Divides row k by `scales[k]`.
pub(super) fn unscale_rows(mut a: Array2<f64>, scales: &Array1<f64>) -> Array2<f64> {
    a.rows_mut().into_iter().zip(scales).for_each(|(mut row, s)| row /= *s);
    a
}

/// Divides element (k, l) by `scales[k]·scales[l]`.
pub(super) fn unscale_both(a: ArrayView2<f64>, scales: &Array1<f64>) -> Array2<f64> {
    unscale_rows(unscale_rows(a.to_owned(), scales).reversed_axes(), scales)
}
