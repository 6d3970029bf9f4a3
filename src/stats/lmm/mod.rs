//! Linear mixed models of repeated scores: one outer factor (school), and inside it optionally one inner level
//! (pupil), each with its own random effects; maximum likelihood or REML, β and σ profiled out.

mod objective;

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use super::cells::{check_codes, check_finite, group_ranges, root_mean_square};
use super::crossprod::{CrossProducts, Units};
use super::error::StatsError;
use super::lambda::{ThetaLayout, n_theta, positions};
use super::linalg::{Cholesky, symmetrised};
use super::optimize::{Optimum, Stop, minimise};
use objective::{AtTheta, Objective};

/// Rows of a linear mixed model: y = Xβ + Z₂b_group + Z₁b_unit + ε.
#[derive(Clone, Copy, Debug)]
pub struct LmmData<'a> {
    /// Outcome (n).
    pub y: ArrayView1<'a, f64>,
    /// Fixed-effect columns (n×p).
    pub x: ArrayView2<'a, f64>,
    /// Random-effect columns of the outer factor (n×q₂, q₂ ≥ 1).
    pub z_outer: ArrayView2<'a, f64>,
    /// Outer group of each row, 0..n_outer, non-decreasing.
    pub outer: &'a [u32],
    /// Number of outer codes; a group may be empty.
    pub n_outer: usize,
    /// Units inside the groups, if they have random effects of their own.
    pub inner: Option<InnerLevel<'a>>,
}

/// The inner level of a nested model.
#[derive(Clone, Copy, Debug)]
pub struct InnerLevel<'a> {
    /// Random-effect columns (n×q₁, q₁ ≥ 1).
    pub z: ArrayView2<'a, f64>,
    /// Unit of each row, non-decreasing within an outer group. The same code in two groups means two units.
    pub unit: &'a [u32],
}

/// What to maximise, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct LmmOptions {
    /// Restricted maximum likelihood instead of maximum likelihood.
    pub reml: bool,
    /// Evaluations of objective and gradient before [`Stop::Budget`].
    pub max_evaluations: u32,
}

impl Default for LmmOptions {
    fn default() -> Self {
        Self { reml: true, max_evaluations: 2000 }
    }
}

/// A fitted linear mixed model with p fixed effects and J outer groups.
#[derive(Clone, Debug)]
pub struct LmmFit {
    /// Fixed effects (p).
    pub beta: Array1<f64>,
    /// σ²(XᵀV⁻¹X)⁻¹ (p×p), θ taken as known.
    pub vcov_beta: Array2<f64>,
    /// Lower triangles by columns of Λ₂, then Λ₁; diagonals ≥ 0.
    pub theta: Array1<f64>,
    /// Λ₂ (q₂×q₂): outer random effects have covariance σ²Λ₂Λ₂ᵀ.
    pub lambda_outer: Array2<f64>,
    /// Λ₁ (q₁×q₁), 0×0 without an inner level.
    pub lambda_inner: Array2<f64>,
    /// Residual standard deviation.
    pub sigma: f64,
    /// Log-likelihood, or restricted log-likelihood: −`deviance`/2.
    pub log_lik: f64,
    /// −2 log L, or the REML criterion.
    pub deviance: f64,
    /// Predicted outer random effects b̂_j (J×q₂); zero for a group without rows.
    pub modes: Array2<f64>,
    /// Mean squared error of b̂_j (q₂×q₂ each), σ²P_j + P_jZᵀXV_βXᵀZP_j: with the uncertainty of β, θ as known.
    pub mode_mse: Vec<Array2<f64>>,
    /// Cov(β̂, b̂_j − b_j) = −V_βXᵀZP_j (p×q₂ each), cross-products weighted by the inner V⁻¹.
    pub cov_beta_mode: Vec<Array2<f64>>,
    /// How the search ended; positions count within `theta`. A fit that ended with [`Stop::Budget`] is not an optimum.
    pub stop: Stop,
    /// Evaluations of objective and gradient, those for the Hessian included.
    pub evaluations: u32,
    /// Largest absolute component of ∂(d/2)/∂θ in the scaled θ of the search (columns of Z at root mean square 1).
    pub grad_max: f64,
    /// Rows.
    pub n_obs: usize,
    /// Outer groups with rows.
    pub n_groups: usize,
    /// Inner units; 0 without an inner level.
    pub n_units: usize,
}

/// Maximises the (restricted) likelihood over θ.
///
/// # Errors
/// [`StatsError::Shape`], [`StatsError::NotFinite`], [`StatsError::RankDeficient`] (also with fewer rows than columns),
/// [`StatsError::NoVariation`] when the columns of x fit y exactly, [`StatsError::TooFewGroups`],
/// [`StatsError::NotConverged`] where the Hessian is not positive definite (θ is not identified).
pub fn fit_lmm(data: &LmmData, opt: &LmmOptions) -> Result<LmmFit, StatsError> {
    let rows = Rows::new(data)?;
    let scaling = Scaling::new(data)?;
    let objective = scaling.objective(data, &rows, opt.reml);
    let n_groups = rows.groups.iter().filter(|r| !r.is_empty()).count();
    if n_groups < 2 {
        return Err(StatsError::TooFewGroups { groups: n_groups });
    }
    let sizes = vec![objective.q_outer, objective.q_inner];
    let start = |sd: f64| diagonal_theta(&sizes, sd, sd);
    // About one unit of information per group and per unit.
    let curvature = diagonal_and_rest(&sizes, 1.0 / n_groups as f64, 1.0 / rows.n_units().max(1) as f64);
    let layout = ThetaLayout { offset: 0, sizes: sizes.clone() };
    let optimum = minimise(
        |theta| objective.evaluate(theta),
        &[start(0.3), start(1.0)],
        &Array2::from_diag(&curvature),
        &layout,
        opt.max_evaluations,
    )?;
    let at = objective
        .at(&optimum.x)
        .ok_or(StatsError::NotConverged { evaluations: optimum.evaluations, grad_max: optimum.grad_max })?;
    Ok(scaling.report(&objective, at, optimum, Counts { groups: n_groups, units: rows.n_units() }))
}

/// Groups and units that have rows.
struct Counts {
    groups: usize,
    units: usize,
}

/// −2 log L or the REML criterion at a given θ = (outer, inner), in the units of [`LmmFit::theta`], with the best β and
/// σ for it: what [`fit_lmm`] minimises.
///
/// # Errors
/// As [`fit_lmm`] for the data; [`StatsError::Shape`] where θ has another length; [`StatsError::NotConverged`] where
/// it is so extreme that the deviance is not finite.
pub fn lmm_deviance(data: &LmmData, reml: bool, theta: ArrayView1<f64>) -> Result<f64, StatsError> {
    let rows = Rows::new(data)?;
    let scaling = Scaling::new(data)?;
    let objective = scaling.objective(data, &rows, reml);
    if theta.len() != n_theta(objective.q_outer) + n_theta(objective.q_inner) {
        return Err(StatsError::Shape("theta does not fit the columns of the random effects"));
    }
    let not_found = StatsError::NotConverged { evaluations: 1, grad_max: f64::INFINITY };
    let at = objective.at(&(&theta * &scaling.theta_scales())).ok_or(not_found)?;
    Ok(at.deviance + scaling.restricted_shift(reml))
}

fn diagonal_theta(sizes: &[usize], outer: f64, inner: f64) -> Array1<f64> {
    let mut theta = diagonal_and_rest(sizes, outer, inner);
    let places = sizes.iter().flat_map(|&q| positions(q));
    theta.iter_mut().zip(places).filter(|(_, (row, column))| row != column).for_each(|(t, _)| *t = 0.0);
    theta
}

fn diagonal_and_rest(sizes: &[usize], outer: f64, inner: f64) -> Array1<f64> {
    let blocks = sizes.iter().zip([outer, inner]);
    blocks.flat_map(|(&q, value)| std::iter::repeat_n(value, n_theta(q))).collect()
}

/// Row ranges of groups and units.
struct Rows {
    groups: Vec<Range<usize>>,
    units: Vec<Vec<Range<usize>>>,
}

impl Rows {
    fn new(data: &LmmData) -> Result<Self, StatsError> {
        let n = data.y.len();
        if n == 0 || data.x.ncols() == 0 || data.z_outer.ncols() == 0 {
            return Err(StatsError::Shape("y is empty, or x or z_outer has no columns"));
        }
        if data.x.nrows() != n || data.z_outer.nrows() != n || data.outer.len() != n {
            return Err(StatsError::Shape("y, x, z_outer and outer differ in length"));
        }
        check_codes(data.outer, data.n_outer)?;
        check_finite("y", data.y.insert_axis(ndarray::Axis(1)))?;
        check_finite("x", data.x)?;
        check_finite("z_outer", data.z_outer)?;
        let groups = group_ranges(data.outer, data.n_outer);
        let Some(inner) = data.inner else {
            return Ok(Self { groups, units: Vec::new() });
        };
        if inner.z.nrows() != n || inner.unit.len() != n || inner.z.ncols() == 0 {
            return Err(StatsError::Shape("the inner level differs in length from y, or has no columns"));
        }
        check_finite("the inner z", inner.z)?;
        let units = groups.iter().map(|rows| unit_ranges(inner.unit, rows.clone())).collect::<Result<_, _>>()?;
        Ok(Self { groups, units })
    }

    fn n_units(&self) -> usize {
        self.units.iter().map(Vec::len).sum()
    }
}

fn unit_ranges(unit: &[u32], rows: Range<usize>) -> Result<Vec<Range<usize>>, StatsError> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for row in rows {
        match ranges.last_mut() {
            Some(last) if unit[row] == unit[last.start] => last.end = row + 1,
            Some(last) if unit[row] < unit[last.start] => {
                return Err(StatsError::Shape("unit codes must not decrease within a group"));
            }
            _ => ranges.push(row..row + 1),
        }
    }
    Ok(ranges)
}

/// Coordinates in which the cross-products are well conditioned: x whitened by XᵀX, y less its least-squares fit (the
/// sum of squares that is left is what the model explains, so no digits cancel), z divided by its root mean square.
struct Scaling {
    /// XᵀX = LLᵀ; x in these coordinates is L⁻¹x, and β = β_ols + L⁻ᵀγ.
    cross: Cholesky,
    beta_ols: Array1<f64>,
    outer: Array1<f64>,
    inner: Array1<f64>,
}

impl Scaling {
    fn new(data: &LmmData) -> Result<Self, StatsError> {
        let cross = Cholesky::factor(data.x.t().dot(&data.x).view())
            .map_err(|failed| StatsError::RankDeficient { column: failed.column })?;
        let beta_ols = cross.solve(data.x.t().dot(&data.y).view());
        let residual = &data.y - &data.x.dot(&beta_ols);
        // Least squares leaves about 1e-16 of the size of y where the fit is exact.
        if residual.dot(&residual) <= 1e-24 * data.y.dot(&data.y) {
            return Err(StatsError::NoVariation);
        }
        let inner = data.inner.map_or_else(|| Ok(Array1::zeros(0)), |level| column_scales(level.z))?;
        Ok(Self { cross, beta_ols, outer: column_scales(data.z_outer)?, inner })
    }

    fn objective(&self, data: &LmmData, rows: &Rows, reml: bool) -> Objective {
        let (n, p, q) = (data.x.nrows(), data.x.ncols(), data.z_outer.ncols());
        let mut w = Array2::zeros((n, q + p + 1));
        w.slice_mut(s![.., ..q]).assign(&(&data.z_outer / &self.outer));
        w.slice_mut(s![.., q..q + p]).assign(&self.cross.whiten_rows(data.x));
        w.slice_mut(s![.., q + p]).assign(&(&data.y - &data.x.dot(&self.beta_ols)));
        let z_inner = data.inner.map(|level| &level.z / &self.inner);
        let units = z_inner.as_ref().map(|z| Units { z: z.view(), rows: rows.units.clone() });
        Objective {
            products: CrossProducts::new(w.view(), &rows.groups, units.as_ref()),
            q_outer: q,
            q_inner: self.inner.len(),
            p,
            n: n as f64,
            reml,
        }
    }

    /// Factor from the caller's θ to that of the search.
    fn theta_scales(&self) -> Array1<f64> {
        let blocks = [&self.outer, &self.inner];
        blocks.into_iter().flat_map(|scales| positions(scales.len()).map(|(row, _)| scales[row])).collect()
    }

    /// What the REML criterion gains by going back to the caller's columns: the change of log|XᵀV⁻¹X|.
    fn restricted_shift(&self, reml: bool) -> f64 {
        if reml { self.cross.log_det() } else { 0.0 }
    }

    /// Back to the caller's units.
    fn report(&self, objective: &Objective, at: AtTheta, optimum: Optimum, counts: Counts) -> LmmFit {
        let sigma2 = at.r2 / objective.dof();
        let v_beta = at.a.inverse() * sigma2;
        let to_beta = self.cross.backward_columns(Array2::eye(objective.p).view());
        let q = objective.q_outer;
        let mut modes = Array2::zeros((at.groups.len(), q));
        let (mut mode_mse, mut cov_beta_mode) = (Vec::new(), Vec::new());
        for (j, group) in at.groups.iter().enumerate() {
            modes.row_mut(j).assign(&(group.mode(&at.beta) / &self.outer));
            let pzx = group.p.dot(&group.zx());
            let mse = &group.p * sigma2 + pzx.dot(&v_beta).dot(&pzx.t());
            mode_mse.push(symmetrised(&unscale(unscale(mse, &self.outer).reversed_axes(), &self.outer)));
            let cov = -pzx.dot(&v_beta).dot(&to_beta.t());
            cov_beta_mode.push(unscale(cov, &self.outer).reversed_axes());
        }
        let lambda_outer = unscale(at.lambdas.outer, &self.outer);
        let lambda_inner = unscale(at.lambdas.inner, &self.inner);
        let theta = [&lambda_outer, &lambda_inner].into_iter().flat_map(|l| super::lambda::to_theta(l.view()));
        let deviance = at.deviance + self.restricted_shift(objective.reml);
        LmmFit {
            beta: &self.beta_ols + &to_beta.dot(&at.beta),
            vcov_beta: symmetrised(&to_beta.dot(&v_beta).dot(&to_beta.t())),
            theta: theta.collect(),
            lambda_outer,
            lambda_inner,
            sigma: sigma2.sqrt(),
            log_lik: -0.5 * deviance,
            deviance,
            modes,
            mode_mse,
            cov_beta_mode,
            stop: optimum.stop,
            evaluations: optimum.evaluations,
            grad_max: optimum.grad_max,
            n_obs: objective.n as usize,
            n_groups: counts.groups,
            n_units: counts.units,
        }
    }
}

fn column_scales(z: ArrayView2<f64>) -> Result<Array1<f64>, StatsError> {
    let scales: Array1<f64> = z.columns().into_iter().map(|c| root_mean_square(c, std::iter::repeat(1.0))).collect();
    if scales.iter().any(|&s| s == 0.0) {
        return Err(StatsError::Shape("a random-effect column is zero everywhere"));
    }
    Ok(scales)
}

/// Divides row k by `scales[k]`.
fn unscale(mut a: Array2<f64>, scales: &Array1<f64>) -> Array2<f64> {
    a.rows_mut().into_iter().zip(scales).for_each(|(mut row, s)| row /= *s);
    a
}

#[cfg(test)]
mod tests;
