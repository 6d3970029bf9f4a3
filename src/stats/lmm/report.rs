//! From the optimum in scaled coordinates to the fit in the caller's.
//!
//! Differences go along the columns of C with V_θ = CCᵀ, that is in steps of standard errors: steps along single elements of
//! θ would be far too long where these nearly depend on each other, as with a slope over calendar years.
//!
//! What the uncertainty of θ adds to a prediction is G V_θ Gᵀ with G = ∂b̂/∂θ, β profiled; G and the slopes of the
//! covariance of β̂ are central differences. Degrees of freedom need the covariance of (θ̂, σ̂) jointly: with
//! σ̂(θ) = r(θ)/√dof,
//!
//! ```text
//! Cov(θ̂, σ̂) = V_θ ∂σ̂        Var(σ̂) = σ²/(2 dof) + ∂σ̂ᵀV_θ∂σ̂
//! ```

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, s};

use super::super::error::StatsError;
use super::super::lambda::from_blocks;
use super::super::linalg::symmetrised;
use super::super::optimize::{Optimum, Stop};
use super::super::terms::{RandomTerm, TermFit, levels_with_rows, theta_ranges};
use super::route::{Predictions, Problem, Route, Solved};
use super::rows::{ScaledRows, unscale_both, unscale_rows};
use super::{LmmFit, theta_scales};

/// Step of the central differences, in standard errors: truncation about 1e-7, rounding about 1e-11.
pub(super) const STEP: f64 = 1e-3;

/// Where θ came from.
pub(super) struct Found {
    theta: Array1<f64>,
    /// Covariance of θ̂; zero where θ was given, and so is known.
    vcov: Array2<f64>,
    stop: Stop,
    evaluations: u32,
    grad_max: f64,
}

impl Found {
    pub fn at(optimum: Optimum) -> Self {
        Self {
            theta: optimum.x,
            vcov: optimum.inverse_hessian,
            stop: optimum.stop,
            evaluations: optimum.evaluations,
            grad_max: optimum.grad_max,
        }
    }

    pub fn given(theta: Array1<f64>) -> Self {
        let n = theta.len();
        let vcov = Array2::zeros((n, n));
        Self { theta, vcov, stop: Stop::Given, evaluations: 1, grad_max: f64::NAN }
    }
}

/// What moves with an element of θ.
struct Slope {
    /// ∂(XᵀV⁻¹X)⁻¹ (p×p).
    a_inverse: Array2<f64>,
    r2: f64,
    /// ∂b̂ of each term (J×q).
    modes: Vec<Array2<f64>>,
}

pub(super) fn report<R: Route>(rows: &ScaledRows, problem: &Problem<R>, found: Found) -> Result<LmmFit, StatsError> {
    let lost = || StatsError::NotConverged { evaluations: found.evaluations, grad_max: found.grad_max };
    let theta = found.theta.to_vec();
    let solved = problem.solve(&theta, None).ok_or_else(lost)?;
    let dof = problem.dof();
    let sigma2 = solved.fixed.r2 / dof;
    let v_gamma = solved.fixed.a.inverse() * sigma2;
    let to_beta = rows.to_beta();
    let slopes = slopes(problem, &found, &solved).ok_or_else(lost)?;
    let scales = theta_scales(rows);
    let predictions = problem.route.predictions(&solved.at, &solved.fixed.gamma);
    let ranges = theta_ranges(rows.terms());
    let terms = predictions.iter().enumerate().map(|(t, prediction)| {
        let lambda = from_blocks(rows.terms()[t].blocks, &theta[ranges[t].clone()]);
        let scaled = ScaledTerm { term: &rows.terms()[t], scales: &rows.z_scales[t], prediction };
        let by_theta: Vec<&Array2<f64>> = slopes.iter().map(|s| &s.modes[t]).collect();
        scaled.report(&lambda, sigma2, &v_gamma, &to_beta, &Spread { by_theta, vcov: &found.vcov })
    });
    let vcov_beta = symmetrised(&to_beta.dot(&v_gamma).dot(&to_beta.t()));
    let by_theta = slopes.iter().zip(&scales).map(|(slope, scale)| {
        // θ_scaled = scale·θ, so ∂/∂θ = scale·∂/∂θ_scaled.
        to_beta.dot(&slope.a_inverse).dot(&to_beta.t()) * (sigma2 * scale)
    });
    let by_sigma = &vcov_beta * (2.0 / sigma2.sqrt());
    let shift = if problem.reml { rows.cross.log_det() } else { 0.0 } - rows.log_weights;
    let deviance = solved.deviance + shift;
    Ok(LmmFit {
        beta: &rows.beta_wls + &to_beta.dot(&solved.fixed.gamma),
        vcov_beta_slopes: by_theta.chain([by_sigma]).collect(),
        vcov_theta_sigma: joint_covariance(&found.vcov, &slopes, sigma2, dof, &scales),
        terms: terms.collect(),
        vcov_beta,
        sigma: sigma2.sqrt(),
        log_lik: -0.5 * deviance,
        deviance,
        theta: &found.theta / &scales,
        stop: found.stop,
        evaluations: found.evaluations,
        grad_max: found.grad_max,
        n_obs: rows.n(),
    })
}

/// Columns C over θ with V_θ = CCᵀ: its Cholesky factor over the elements that have a variance; the others, at the boundary
/// or given, have zero rows. A pivot that rounding has eaten is replaced by a small one: any C that can be inverted serves.
pub(super) fn directions(vcov: ArrayView2<f64>) -> Array2<f64> {
    let free = free_elements(vcov);
    let mut out = Array2::<f64>::zeros((vcov.nrows(), free.len()));
    for (column, &j) in free.iter().enumerate() {
        let explained: f64 = (0..column).map(|k| out[[j, k]] * out[[j, k]]).sum();
        let root = (vcov[[j, j]] - explained).max(1e-14 * vcov[[j, j]]).sqrt();
        out[[j, column]] = root;
        for &i in &free[column + 1..] {
            let explained: f64 = (0..column).map(|k| out[[i, k]] * out[[j, k]]).sum();
            out[[i, column]] = (vcov[[i, j]] - explained) / root;
        }
    }
    out
}

fn free_elements(vcov: ArrayView2<f64>) -> Vec<usize> {
    (0..vcov.nrows()).filter(|&k| vcov[[k, k]] > 0.0).collect()
}

/// Slopes over each element of θ from central differences along C; zero at the boundary, where all is even in θ.
fn slopes<'s, R: Route>(problem: &'s Problem<R>, found: &Found, solved: &Solved<R::At<'s>>) -> Option<Vec<Slope>> {
    let modes_at = |at: &Solved<R::At<'s>>| problem.route.modes(&at.at, &at.fixed.gamma);
    let p = solved.fixed.gamma.len();
    let nothing = || -> Slope {
        let modes = modes_at(solved).iter().map(|m| Array2::zeros(m.raw_dim())).collect();
        Slope { a_inverse: Array2::zeros((p, p)), r2: 0.0, modes }
    };
    let directions = directions(found.vcov.view());
    let along = |direction: ArrayView1<f64>| {
        let moved = |by: f64| problem.solve(&(&found.theta + &(&direction * by)).to_vec(), None);
        let (up, down) = (moved(STEP)?, moved(-STEP)?);
        let difference = |a: Array2<f64>, b: Array2<f64>| (a - b) / (2.0 * STEP);
        Some(Slope {
            a_inverse: difference(up.fixed.a.inverse(), down.fixed.a.inverse()),
            r2: (up.fixed.r2 - down.fixed.r2) / (2.0 * STEP),
            modes: modes_at(&up).into_iter().zip(modes_at(&down)).map(|(a, b)| difference(a, b)).collect(),
        })
    };
    let along: Vec<Slope> = directions.columns().into_iter().map(along).collect::<Option<_>>()?;
    // ∂f/∂θ = C⁻ᵀ ∂f/∂(Cᵀ direction), over the free elements.
    let free = free_elements(found.vcov.view());
    let mut all: Vec<Slope> = (0..found.theta.len()).map(|_| nothing()).collect();
    let inverse = lower_inverse(&directions.select(Axis(0), &free));
    for (place, &k) in free.iter().enumerate() {
        let to = &mut all[k];
        for (slope, along) in inverse.column(place).iter().zip(&along).skip(place) {
            to.a_inverse.scaled_add(*slope, &along.a_inverse);
            to.r2 += slope * along.r2;
            to.modes.iter_mut().zip(&along.modes).for_each(|(to, from)| to.scaled_add(*slope, from));
        }
    }
    Some(all)
}

/// L⁻¹ of a lower triangular L.
fn lower_inverse(lower: &Array2<f64>) -> Array2<f64> {
    let n = lower.nrows();
    let mut out = Array2::<f64>::zeros((n, n));
    for column in 0..n {
        for row in column..n {
            let done: f64 = (column..row).map(|k| lower[[row, k]] * out[[k, column]]).sum();
            let right = if row == column { 1.0 } else { 0.0 };
            out[[row, column]] = (right - done) / lower[[row, row]];
        }
    }
    out
}

/// Covariance of (θ̂, σ̂) in the caller's units.
fn joint_covariance(
    scaled: &Array2<f64>,
    slopes: &[Slope],
    sigma2: f64,
    dof: f64,
    scales: &Array1<f64>,
) -> Array2<f64> {
    let k = slopes.len();
    let sigma = sigma2.sqrt();
    let mut out = Array2::zeros((k + 1, k + 1));
    let by_theta: Array1<f64> = slopes.iter().map(|s| s.r2 / (2.0 * dof * sigma)).collect();
    let with_sigma = scaled.dot(&by_theta);
    for i in 0..k {
        for j in 0..k {
            out[[i, j]] = scaled[[i, j]] / (scales[i] * scales[j]);
        }
        out[[i, k]] = with_sigma[i] / scales[i];
        out[[k, i]] = out[[i, k]];
    }
    out[[k, k]] = sigma2 / (2.0 * dof) + by_theta.dot(&with_sigma);
    out
}

/// How predictions move with θ, and how uncertain θ is.
struct Spread<'a> {
    by_theta: Vec<&'a Array2<f64>>,
    vcov: &'a Array2<f64>,
}

impl Spread<'_> {
    /// G_j V_θ G_jᵀ (q×q).
    fn of_level(&self, j: usize, q: usize) -> Array2<f64> {
        let k = self.by_theta.len();
        let g = Array2::from_shape_fn((q, k), |(column, t)| self.by_theta[t][[j, column]]);
        symmetrised(&g.dot(self.vcov).dot(&g.t()))
    }
}

/// A term in scaled coordinates.
struct ScaledTerm<'a, 't> {
    term: &'a RandomTerm<'t>,
    scales: &'a Array1<f64>,
    prediction: &'a Predictions,
}

impl ScaledTerm<'_, '_> {
    fn report(
        &self,
        lambda: &Array2<f64>,
        sigma2: f64,
        v_gamma: &Array2<f64>,
        to_beta: &Array2<f64>,
        spread: &Spread,
    ) -> TermFit {
        let (levels, q, p) = self.prediction.pzx.dim();
        let mut out = TermFit {
            lambda: unscale_rows(lambda.clone(), self.scales),
            modes: &self.prediction.modes / self.scales,
            cond_var: Array3::zeros((levels, q, q)),
            mode_mse: Array3::zeros((levels, q, q)),
            cov_beta_mode: Array3::zeros((levels, p, q)),
            n_levels: levels_with_rows(self.term),
        };
        for j in 0..levels {
            let pzx = self.prediction.pzx.index_axis(Axis(0), j);
            let conditional = &self.prediction.p.index_axis(Axis(0), j) * sigma2;
            let by_gamma = pzx.dot(v_gamma);
            let mse = &conditional + &by_gamma.dot(&pzx.t()) + spread.of_level(j, q);
            let cov = unscale_rows(-by_gamma.dot(&to_beta.t()), self.scales);
            out.cond_var.slice_mut(s![j, .., ..]).assign(&unscale_both(conditional.view(), self.scales));
            out.mode_mse.slice_mut(s![j, .., ..]).assign(&symmetrised(&unscale_both(mse.view(), self.scales)));
            out.cov_beta_mode.slice_mut(s![j, .., ..]).assign(&cov.t());
        }
        out
    }
}
