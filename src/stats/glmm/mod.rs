//! Binomial mixed models with one grouping factor, by Laplace approximation with an exact gradient.
//!
//! Model: successes of cell i in group j ~ Binomial(mᵢ, μ(xᵢᵀβ + zᵢᵀb_j)), b_j = Λu_j, u_j ~ N(0, I_q). Each group's
//! part of the likelihood is in [`group`]; here the groups are summed and the search is led.

mod group;

use ndarray::{Array1, Array2, ArrayView1, s};
use rayon::prelude::*;
use std::ops::Range;

use super::cells::{BinomialCells, root_mean_square};
use super::error::StatsError;
use super::family::Family;
use super::glm::{GlmFit, GlmOptions, add_outer, fit_glm};
use super::lambda::{ThetaLayout, from_theta, n_theta, positions};
use super::linalg::{Cholesky, symmetrised};
use super::link::Link;
use super::optimize::{Optimum, Stop, ValueGrad, minimise};
use group::{AtMode, GroupCells, Parameters};

/// Limits of the search.
#[derive(Clone, Copy, Debug)]
pub struct GlmmOptions {
    /// Evaluations of log-likelihood and gradient before [`Stop::Budget`].
    pub max_evaluations: u32,
    /// Options of the model without random effects, from which the search starts.
    pub glm: GlmOptions,
    /// Adds `variance_prior · log|Λ|` to the log-likelihood that is maximised; 0 is maximum likelihood.
    ///
    /// With 1 it is the Wishart prior with q + 2 degrees of freedom and infinite scale on the covariance of the random
    /// effects (Chung, Rabe-Hesketh, Dorie, Gelman & Liu 2013, Psychometrika 78:685; Chung et al. 2015, J. Educ.
    /// Behav. Stat. 40:136). It keeps a variance that the data can't tell from 0 about one standard error away from 0,
    /// and changes little where the data are informative. Predictions of single groups need it: at an estimate of
    /// exactly 0 every group would be equal to the mean, with an interval that leaves out how unsure that 0 is.
    pub variance_prior: f64,
}

impl Default for GlmmOptions {
    fn default() -> Self {
        Self { max_evaluations: 2000, glm: GlmOptions::default(), variance_prior: 0.0 }
    }
}

/// A fitted binomial mixed model: p fixed effects, q random effects, J groups, nθ = q(q+1)/2, φ = (β, θ).
#[derive(Clone, Debug)]
pub struct GlmmFit {
    /// Fixed effects (p).
    pub beta: Array1<f64>,
    /// Lower triangle of Λ by columns, diagonal ≥ 0 (nθ).
    pub theta: Array1<f64>,
    /// Λ (q×q); the random effects have covariance ΛΛᵀ.
    pub lambda: Array2<f64>,
    /// Laplace log-likelihood of the Σ trials separate rows (no binomial constant).
    pub log_lik: f64,
    /// Covariance of φ̂: inverse Hessian of −log L, the Hessian by central differences of the exact gradient. Rows
    /// and columns of elements of θ that are zero (see `stop`) are zero: the rest is taken as if they were known.
    pub vcov: Array2<f64>,
    /// Group sandwich H⁻¹ (Σ_j s_j s_jᵀ) H⁻¹ over φ, s_j the group's gradient of log L_j; no small-sample factor.
    pub vcov_sandwich: Array2<f64>,
    /// b̂_j = Λû_j (J×q); zero for a group without rows.
    pub modes: Array2<f64>,
    /// ΛM_j⁻¹Λᵀ (q×q each): variance of b_j around its mode for known φ.
    pub cond_var: Vec<Array2<f64>>,
    /// ∂b̂_j/∂φ (q×(p+nθ) each).
    pub mode_jac: Vec<Array2<f64>>,
    /// ∂ log L_j/∂φ (J×(p+nθ)).
    pub scores: Array2<f64>,
    /// How the search ended. A fit that ended with [`Stop::Budget`] is not an optimum.
    pub stop: Stop,
    /// Evaluations of log-likelihood and gradient, those for the Hessian included.
    pub evaluations: u32,
    /// Largest absolute gradient component in the scaled parameters of the search (β in standard errors of the model
    /// without random effects, θ per root mean square of its column of z).
    pub grad_max: f64,
    /// Σ trials.
    pub n_obs: f64,
    /// Groups with rows.
    pub n_groups: usize,
    /// Log-likelihood of the same model without random effects.
    pub log_lik_glm: f64,
}

impl GlmmFit {
    /// Mean squared error of b̂_j (q×q): ΛM_j⁻¹Λᵀ + G_j V_φ G_jᵀ with G_j = ∂b̂_j/∂φ, so that the uncertainty of β
    /// and θ is in it.
    ///
    /// # Panics
    /// If `j` is not a group code.
    pub fn mode_mse(&self, j: usize) -> Array2<f64> {
        let jac = &self.mode_jac[j];
        &self.cond_var[j] + &symmetrised(&jac.dot(&self.vcov).dot(&jac.t()))
    }
}

/// Maximises the Laplace log-likelihood over (β, θ).
///
/// # Errors
/// Those of [`fit_glm`], which is fitted first (columns that separate the outcome do so with random effects too);
/// [`StatsError::Shape`] unless z has 1 to 3 columns, none of them zero; [`StatsError::TooFewGroups`];
/// [`StatsError::NotConverged`] where not even a Hessian can be had.
pub fn fit_glmm(cells: &BinomialCells, link: Link, opt: &GlmmOptions) -> Result<GlmmFit, StatsError> {
    match cells.z.ncols() {
        1 => fit::<1>(cells, link, opt),
        2 => fit::<2>(cells, link, opt),
        3 => fit::<3>(cells, link, opt),
        _ => Err(StatsError::Shape("z must have 1 to 3 columns")),
    }
}

/// Laplace log-likelihood at given parameters, in the units of [`GlmmFit`]: what [`fit_glmm`] maximises. `theta` has
/// q(q+1)/2 elements.
///
/// # Errors
/// Those of [`BinomialCells::check`]; [`StatsError::Shape`] where lengths differ or z has not 1 to 3 columns;
/// [`StatsError::NotConverged`] where the parameters are so extreme that a mode cannot be found.
pub fn glmm_log_lik(
    cells: &BinomialCells,
    link: Link,
    beta: ArrayView1<f64>,
    theta: ArrayView1<f64>,
) -> Result<f64, StatsError> {
    cells.check()?;
    if beta.len() != cells.x.ncols() || theta.len() != n_theta(cells.z.ncols()) {
        return Err(StatsError::Shape("beta and theta do not fit the columns of x and z"));
    }
    let phi: Array1<f64> = beta.iter().chain(theta.iter()).copied().collect();
    let found = match cells.z.ncols() {
        1 => Problem::<1>::new(cells, link).evaluate(&phi),
        2 => Problem::<2>::new(cells, link).evaluate(&phi),
        3 => Problem::<3>::new(cells, link).evaluate(&phi),
        _ => return Err(StatsError::Shape("z must have 1 to 3 columns")),
    };
    let not_found = StatsError::NotConverged { evaluations: 1, grad_max: f64::INFINITY };
    found.map(|at| -at.value).ok_or(not_found)
}

fn fit<const Q: usize>(cells: &BinomialCells, link: Link, opt: &GlmmOptions) -> Result<GlmmFit, StatsError> {
    cells.check()?;
    let glm = fit_glm(&cells.cells(), Family::Binomial(link), &opt.glm)?;
    let groups = n_groups_with_rows(&cells.ranges());
    if groups < 2 {
        return Err(StatsError::TooFewGroups { groups });
    }
    let original = Problem::<Q>::new(cells, link);
    let scaling = Scaling::new(cells, &glm)?;
    let optimum = search(original.scaled(&scaling), &scaling, &glm, opt)?;
    original.finish(&scaling, optimum, &glm)
}

fn n_groups_with_rows(ranges: &[Range<usize>]) -> usize {
    ranges.iter().filter(|range| !range.is_empty()).count()
}

/// Searches in scaled parameters, from the model without random effects and a few sizes of the random effects.
fn search<const Q: usize>(
    mut problem: Problem<Q>,
    scaling: &Scaling,
    glm: &GlmFit,
    opt: &GlmmOptions,
) -> Result<Optimum, StatsError> {
    let p = glm.beta.len();
    let start = |sd: f64| {
        let mut phi = Array1::zeros(p + n_theta(Q));
        phi.slice_mut(s![..p]).assign(&scaling.beta_to_scaled(&glm.beta));
        for (k, (row, column)) in positions(Q).enumerate() {
            phi[p + k] = if row == column { sd } else { 0.0 };
        }
        phi
    };
    // Curvature: the GLM's information, 1 in scaled β, and about one unit per group in θ.
    let mut inverse_hessian = Array2::eye(p + n_theta(Q));
    inverse_hessian.slice_mut(s![p.., p..]).mapv_inplace(|v| v / n_groups_with_rows(&problem.ranges) as f64);
    let layout = ThetaLayout { offset: p, sizes: vec![Q] };
    let log_prior = |phi: &Array1<f64>, mut at: ValueGrad| {
        let diagonal = positions(Q).enumerate().filter(|(_, (row, column))| row == column);
        for (k, _) in diagonal.filter(|_| opt.variance_prior > 0.0) {
            let theta = phi[p + k];
            if theta == 0.0 {
                return None;
            }
            at.value -= opt.variance_prior * theta.abs().ln();
            at.grad[p + k] -= opt.variance_prior / theta;
        }
        Some(at)
    };
    minimise(
        |phi| problem.evaluate(phi).and_then(|at| log_prior(phi, at)),
        &[start(0.2), start(0.5), start(1.0)],
        &inverse_hessian,
        &layout,
        opt.max_evaluations,
    )
}

/// Units of the search: β whitened by the GLM's information, z divided by its root mean square.
struct Scaling {
    /// Factor of the GLM information, I = LLᵀ; scaled β is Lᵀβ and scaled x is L⁻¹x.
    information: Cholesky,
    /// Root mean squares of the columns of z.
    z: Vec<f64>,
}

impl Scaling {
    fn new(cells: &BinomialCells, glm: &GlmFit) -> Result<Self, StatsError> {
        let positive = |failed: super::linalg::NotPositive| StatsError::RankDeficient { column: failed.column };
        let information = Cholesky::factor(glm.vcov.view()).map_err(positive)?.inverse();
        let z: Vec<f64> =
            cells.z.columns().into_iter().map(|c| root_mean_square(c, cells.trials.iter().copied())).collect();
        if z.contains(&0.0) {
            return Err(StatsError::Shape("a column of z is zero everywhere"));
        }
        Ok(Self { information: Cholesky::factor(information.view()).map_err(positive)?, z })
    }

    fn beta_to_scaled(&self, beta: &Array1<f64>) -> Array1<f64> {
        self.information.lower().t().dot(beta)
    }

    /// φ and its covariance's factor T in original units: φ = Tφ_scaled.
    fn to_original(&self) -> Array2<f64> {
        let (p, q) = (self.information.lower().nrows(), self.z.len());
        let mut t = Array2::zeros((p + n_theta(q), p + n_theta(q)));
        let beta = self.information.backward_columns(Array2::eye(p).view());
        t.slice_mut(s![..p, ..p]).assign(&beta);
        for (k, (row, _)) in positions(q).enumerate() {
            t[[p + k, p + k]] = 1.0 / self.z[row];
        }
        t
    }
}

/// The cells in the form that the innermost loops want, with the modes of the last evaluation as starts of the next.
struct Problem<const Q: usize> {
    x: Array2<f64>,
    z: Vec<[f64; Q]>,
    trials: Vec<f64>,
    successes: Vec<f64>,
    ranges: Vec<Range<usize>>,
    link: Link,
    warm: Vec<[f64; Q]>,
}

/// One group's share of an evaluation.
struct Share<const Q: usize> {
    u: [f64; Q],
    log_lik: f64,
    grad: Array1<f64>,
}

/// What is reported of a group.
struct Detail {
    score: Array1<f64>,
    mode: Array1<f64>,
    cond_var: Array2<f64>,
    jacobian: Array2<f64>,
    log_lik: f64,
}

impl<const Q: usize> Problem<Q> {
    fn new(cells: &BinomialCells, link: Link) -> Self {
        let row = |z: ArrayView1<f64>| std::array::from_fn(|k| z[k]);
        Self {
            x: cells.x.as_standard_layout().into_owned(),
            z: cells.z.rows().into_iter().map(row).collect(),
            trials: cells.trials.to_vec(),
            successes: cells.successes.to_vec(),
            ranges: cells.ranges(),
            link,
            warm: vec![[0.0; Q]; cells.n_groups],
        }
    }

    fn scaled(&self, scaling: &Scaling) -> Self {
        let divided = |z: &[f64; Q]| std::array::from_fn(|k| z[k] / scaling.z[k]);
        Self {
            x: scaling.information.whiten_rows(self.x.view()),
            z: self.z.iter().map(divided).collect(),
            trials: self.trials.clone(),
            successes: self.successes.clone(),
            ranges: self.ranges.clone(),
            link: self.link,
            warm: self.warm.clone(),
        }
    }

    fn group(&self, j: usize) -> GroupCells<'_, Q> {
        let range = self.ranges[j].clone();
        let p = self.x.ncols();
        let x = self.x.as_slice().expect("made in standard layout by `new` and `scaled`");
        GroupCells {
            x: &x[range.start * p..range.end * p],
            z: &self.z[range.clone()],
            trials: &self.trials[range.clone()],
            successes: &self.successes[range],
            link: self.link,
        }
    }

    /// −log L and its gradient. Groups run in parallel; their shares are added in group order, so the number of
    /// threads leaves no trace.
    fn evaluate(&mut self, phi: &Array1<f64>) -> Option<ValueGrad> {
        let phi = phi.as_standard_layout();
        let at = Parameters::<Q>::split(phi.as_slice().expect("standard layout"));
        let shares: Vec<Option<Share<Q>>> = (0..self.ranges.len())
            .into_par_iter()
            .map(|j| {
                let cells = self.group(j);
                let mode = cells.mode(&at, self.warm[j])?;
                Some(Share { u: mode.u, log_lik: mode.log_lik, grad: cells.gradient(&at, &mode) })
            })
            .collect();
        let shares: Vec<Share<Q>> = shares.into_iter().collect::<Option<_>>()?;
        let mut total = ValueGrad { value: 0.0, grad: Array1::zeros(phi.len()) };
        for (share, warm) in shares.iter().zip(&mut self.warm) {
            total.value -= share.log_lik;
            total.grad -= &share.grad;
            *warm = share.u;
        }
        Some(total)
    }

    fn detail(&self, j: usize, at: &Parameters<Q>) -> Option<Detail> {
        let cells = self.group(j);
        let mode: AtMode<Q> = cells.mode(at, [0.0; Q])?;
        Some(Detail {
            score: cells.gradient(at, &mode),
            mode: Array1::from_vec(at.effects(&mode.u).to_vec()),
            cond_var: at.conditional_variance(&mode),
            jacobian: cells.mode_jacobian(at, &mode),
            log_lik: mode.log_lik,
        })
    }

    /// Reports the optimum in original units, with a last evaluation that starts from nothing.
    fn finish(&self, scaling: &Scaling, optimum: Optimum, glm: &GlmFit) -> Result<GlmmFit, StatsError> {
        let to_original = scaling.to_original();
        let phi = to_original.dot(&optimum.x);
        let at = Parameters::<Q>::split(phi.as_slice().expect("a product is in standard layout"));
        let details: Option<Vec<Detail>> =
            (0..self.ranges.len()).into_par_iter().map(|j| self.detail(j, &at)).collect();
        let details =
            details.ok_or(StatsError::NotConverged { evaluations: optimum.evaluations, grad_max: optimum.grad_max })?;
        let vcov = symmetrised(&to_original.dot(&optimum.inverse_hessian).dot(&to_original.t()));
        let mut meat = Array2::zeros(vcov.raw_dim());
        let mut scores = Array2::zeros((details.len(), phi.len()));
        let mut modes = Array2::zeros((details.len(), Q));
        for (j, detail) in details.iter().enumerate() {
            add_outer(&mut meat, 1.0, detail.score.view());
            scores.row_mut(j).assign(&detail.score);
            modes.row_mut(j).assign(&detail.mode);
        }
        let p = phi.len() - n_theta(Q);
        let theta = phi.slice(s![p..]).to_owned();
        Ok(GlmmFit {
            beta: phi.slice(s![..p]).to_owned(),
            lambda: from_theta(Q, &theta.to_vec()),
            theta,
            log_lik: details.iter().map(|d| d.log_lik).sum(),
            vcov_sandwich: symmetrised(&vcov.dot(&meat).dot(&vcov)),
            vcov,
            modes,
            scores,
            cond_var: details.iter().map(|d| d.cond_var.clone()).collect(),
            mode_jac: details.into_iter().map(|d| d.jacobian).collect(),
            stop: optimum.stop,
            evaluations: optimum.evaluations,
            grad_max: optimum.grad_max,
            n_obs: glm.n_obs,
            n_groups: n_groups_with_rows(&self.ranges),
            log_lik_glm: glm.log_lik,
        })
    }
}

#[cfg(test)]
mod tests;
