//! The multinomial logit with a random intercept per group and category: Laplace approximation, exact gradient.
//!
//! Model: counts of cell i in group j ~ Multinomial(m_i, softmax(0, η_i1, …, η_iC)), η_ic = x_iᵀβ_c + b_jc,
//! b_j = Λu_j ∈ R^C, u_j ~ N(0, I). Each group's part of the likelihood is in [`super::group`]; here the groups are
//! summed and the search is led.
//!
//! Variances come out low where groups or their rows are few, as in any mixed model by maximum likelihood. Simulated
//! with 60 groups and Λ = (0.6; 0.3, 0.4): with 72 rows per group the mean estimates are 0.588, 0.302, 0.384 (± 0.004);
//! with 12 rows 0.56, 0.29, 0.27 (± 0.014), and a quarter of the fits end on the boundary. β is right within two
//! Monte-Carlo errors in both.
//! [`MultinomialOptions::variance_prior`] is there for predictions of single groups.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use rayon::prelude::*;

use super::super::error::StatsError;
use super::super::glm::add_outer;
use super::super::lambda::{ThetaLayout, n_theta, positions};
use super::super::linalg::{Cholesky, symmetrised};
use super::super::optimize::{Optimum, Start, Stop, ValueGrad, minimise};
use super::group::{AtMode, GroupCells, Parameters};
use super::logit::{MultinomialFit, fit_multinomial};
use super::{CellRows, MultinomialCells, MultinomialOptions};

/// Form of the covariance of the random intercepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RandomCovariance {
    /// Any covariance: Λ lower triangular, nθ = C(C+1)/2.
    Full,
    /// Independent over categories: Λ diagonal, nθ = C.
    Diagonal,
}

impl RandomCovariance {
    /// (row, column) in Λ of each element of θ.
    fn places(self, c: usize) -> Vec<(usize, usize)> {
        match self {
            RandomCovariance::Full => positions(c).collect(),
            RandomCovariance::Diagonal => (0..c).map(|k| (k, k)).collect(),
        }
    }

    /// Sizes of the blocks of Λ that are triangular.
    fn blocks(self, c: usize) -> Vec<usize> {
        match self {
            RandomCovariance::Full => vec![c],
            RandomCovariance::Diagonal => vec![1; c],
        }
    }
}

/// A fitted multinomial logit with random intercepts: p columns, C categories besides the reference, J groups,
/// φ = (β₁, …, β_C, θ) with nφ = C·p + nθ elements.
#[derive(Clone, Debug)]
pub struct MultinomialMixedFit {
    /// Coefficients (p×C): column c is the log odds of category c + 1 against the reference.
    pub beta: Array2<f64>,
    /// Lower triangle of Λ by columns, or its diagonal; diagonal ≥ 0 (nθ).
    pub theta: Array1<f64>,
    /// Λ (C×C); the random intercepts have covariance ΛΛᵀ.
    pub lambda: Array2<f64>,
    /// Laplace log-likelihood of the separate rows: without multinomial coefficients.
    pub log_lik: f64,
    /// Covariance of φ̂ (nφ×nφ): inverse Hessian of −log L, the Hessian by differences of the exact gradient.
    /// Rows and columns of elements of θ that are zero (see `stop`) are zero: the rest is taken as if they were known.
    pub vcov: Array2<f64>,
    /// Group sandwich H⁻¹ (Σ_j s_j s_jᵀ) H⁻¹ over φ, s_j the group's gradient of log L_j; no small-sample factor.
    pub vcov_sandwich: Array2<f64>,
    /// b̂_j = Λû_j (J×C); zero for a group without rows.
    pub modes: Array2<f64>,
    /// ΛM_j⁻¹Λᵀ (C×C each): variance of b_j around its mode for known φ.
    pub cond_var: Vec<Array2<f64>>,
    /// ∂b̂_j/∂φ (C×nφ each).
    pub mode_jac: Vec<Array2<f64>>,
    /// ∂ log L_j/∂φ (J×nφ).
    pub scores: Array2<f64>,
    /// How the search ended. A fit that ended with [`Stop::Budget`] is not an optimum.
    pub stop: Stop,
    /// Evaluations of log-likelihood and gradient, those for the Hessian included.
    pub evaluations: u32,
    /// Largest absolute gradient component in the scaled parameters of the search (β in standard errors of the model
    /// without random effects).
    pub grad_max: f64,
    /// Σ counts.
    pub n_obs: f64,
    /// Groups with rows.
    pub n_groups: usize,
    /// Log-likelihood of the same model without random effects.
    pub log_lik_plain: f64,
}

impl MultinomialMixedFit {
    /// Mean squared error of b̂_j (C×C): ΛM_j⁻¹Λᵀ + G_j V_φ G_jᵀ with G_j = ∂b̂_j/∂φ.
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
/// Those of [`fit_multinomial`], which is fitted first (columns that separate the outcome do so with random effects
/// too); [`StatsError::TooFewGroups`]; [`StatsError::NotConverged`] where not even a Hessian can be had.
pub fn fit_multinomial_mixed(
    cells: &MultinomialCells,
    covariance: RandomCovariance,
    opt: &MultinomialOptions,
) -> Result<MultinomialMixedFit, StatsError> {
    let plain = fit_multinomial(cells, opt)?;
    match cells.categories() {
        1 => fit::<1>(cells, covariance, &plain, opt),
        2 => fit::<2>(cells, covariance, &plain, opt),
        3 => fit::<3>(cells, covariance, &plain, opt),
        _ => fit::<4>(cells, covariance, &plain, opt),
    }
}

/// Laplace log-likelihood at given β (p×C) and Λ (C×C, lower triangular): what [`fit_multinomial_mixed`] maximises.
///
/// # Errors
/// Those of [`MultinomialCells::check`]; [`StatsError::Shape`] where `beta` or `lambda` has the wrong size or Λ has
/// elements above its diagonal; [`StatsError::NotConverged`] where the parameters are so extreme that a mode cannot be
/// found.
pub fn multinomial_mixed_log_lik(
    cells: &MultinomialCells,
    beta: ArrayView2<f64>,
    lambda: ArrayView2<f64>,
) -> Result<f64, StatsError> {
    cells.check()?;
    let c = cells.categories();
    if beta.dim() != (cells.x.ncols(), c) || lambda.dim() != (c, c) {
        return Err(StatsError::Shape("beta must be p×C and lambda C×C"));
    }
    if lambda.indexed_iter().any(|((row, column), v)| column > row && *v != 0.0) {
        return Err(StatsError::Shape("lambda must be lower triangular"));
    }
    let theta = positions(c).map(|at| lambda[at]);
    let phi: Array1<f64> = beta.t().iter().copied().chain(theta).collect();
    let value = match c {
        1 => Problem::<1>::new(cells, RandomCovariance::Full).evaluate(&phi),
        2 => Problem::<2>::new(cells, RandomCovariance::Full).evaluate(&phi),
        3 => Problem::<3>::new(cells, RandomCovariance::Full).evaluate(&phi),
        _ => Problem::<4>::new(cells, RandomCovariance::Full).evaluate(&phi),
    };
    value.map(|at| -at.value).ok_or(StatsError::NotConverged { evaluations: 1, grad_max: f64::INFINITY })
}

fn fit<const C: usize>(
    cells: &MultinomialCells,
    covariance: RandomCovariance,
    plain: &MultinomialFit,
    opt: &MultinomialOptions,
) -> Result<MultinomialMixedFit, StatsError> {
    let mut problem = Problem::<C>::new(cells, covariance);
    let groups = problem.rows.ranges.iter().filter(|range| !range.is_empty()).count();
    if groups < 2 {
        return Err(StatsError::TooFewGroups { groups });
    }
    let scaling = Scaling::new(plain, problem.places.len())?;
    let optimum = search(&mut problem, &scaling, plain, covariance, groups, opt)?;
    problem.finish(&scaling, optimum, plain, groups)
}

/// Units of the search: β in standard errors of the model without random effects, φ = Tφ_scaled.
struct Scaling {
    t: Array2<f64>,
    t_inverse: Array2<f64>,
}

impl Scaling {
    /// T = L of vcov = LLᵀ for β; θ stays as it is, on the scale of η.
    fn new(plain: &MultinomialFit, n_theta: usize) -> Result<Self, StatsError> {
        let p = plain.beta.nrows();
        let factor = Cholesky::factor(plain.vcov.view())
            .map_err(|failed| StatsError::RankDeficient { column: failed.column % p })?;
        let n = plain.vcov.nrows();
        let whole = |beta: ArrayView2<f64>| {
            let mut all = Array2::eye(n + n_theta);
            all.slice_mut(s![..n, ..n]).assign(&beta);
            all
        };
        Ok(Self { t: whole(factor.lower()), t_inverse: whole(factor.forward_columns(Array2::eye(n).view()).view()) })
    }
}

/// Searches from the model without random effects and a few sizes of the random effects.
fn search<const C: usize>(
    problem: &mut Problem<C>,
    scaling: &Scaling,
    plain: &MultinomialFit,
    covariance: RandomCovariance,
    groups: usize,
    opt: &MultinomialOptions,
) -> Result<Optimum, StatsError> {
    let places = problem.places.clone();
    let n_beta = plain.vcov.nrows();
    let start = |sd: f64| {
        let theta = places.iter().map(|(row, column)| if row == column { sd } else { 0.0 });
        let phi: Array1<f64> = plain.beta.t().iter().copied().chain(theta).collect();
        // Curvature: the plain model's information, 1 in scaled β, and 2J/θ² in θ for J groups.
        let mut inverse_hessian = Array2::eye(phi.len());
        inverse_hessian.slice_mut(s![n_beta.., n_beta..]).mapv_inplace(|v| v * sd * sd / (2.0 * groups as f64));
        Start { x: scaling.t_inverse.dot(&phi), inverse_hessian }
    };
    let layout = ThetaLayout { offset: n_beta, sizes: covariance.blocks(C) };
    debug_assert_eq!(layout.sizes.iter().map(|&q| n_theta(q)).sum::<usize>(), places.len());
    let diagonal: Vec<usize> =
        (n_beta..).zip(&places).filter(|(_, (row, column))| row == column).map(|(k, _)| k).collect();
    let objective = |scaled: &Array1<f64>| {
        let mut at = problem.evaluate(&scaling.t.dot(scaled))?;
        at.grad = scaling.t.t().dot(&at.grad);
        // θ is not scaled, so the prior is the same in the units of the search.
        for &k in diagonal.iter().filter(|_| opt.variance_prior > 0.0) {
            at.value -= opt.variance_prior * scaled[k].abs().ln();
            at.grad[k] -= opt.variance_prior / scaled[k];
        }
        // At θ = 0 the prior is infinite, and `minimise` takes the point as one where nothing can be computed.
        Some(at)
    };
    minimise(objective, &[start(0.2), start(0.5), start(1.0)], &layout, opt.max_evaluations)
}

/// The cells with the modes of the last evaluation as starts of the next.
pub(super) struct Problem<const C: usize> {
    rows: CellRows<C>,
    places: Vec<(usize, usize)>,
    warm: Vec<[f64; C]>,
}

/// One group's share of an evaluation.
struct Share<const C: usize> {
    u: [f64; C],
    log_lik: f64,
    grad: Array1<f64>,
}

/// What is reported of a group.
pub(super) struct Detail {
    pub score: Array1<f64>,
    pub mode: Array1<f64>,
    pub cond_var: Array2<f64>,
    pub jacobian: Array2<f64>,
    pub log_lik: f64,
}

impl<const C: usize> Problem<C> {
    pub fn new(cells: &MultinomialCells, covariance: RandomCovariance) -> Self {
        Self { rows: CellRows::new(cells), places: covariance.places(C), warm: vec![[0.0; C]; cells.n_groups] }
    }

    fn group(&self, j: usize) -> GroupCells<'_, C> {
        let (range, p) = (self.rows.ranges[j].clone(), self.rows.p);
        GroupCells {
            x: &self.rows.x[range.start * p..range.end * p],
            p,
            counts: &self.rows.counts[range.clone()],
            trials: &self.rows.trials[range],
        }
    }

    /// −log L and its gradient. Groups run in parallel; their shares are added in group order, so the number of
    /// threads leaves no trace.
    pub fn evaluate(&mut self, phi: &Array1<f64>) -> Option<ValueGrad> {
        let phi = phi.to_vec();
        let at = Parameters::<C>::split(&phi, &self.places);
        let shares: Vec<Option<Share<C>>> = (0..self.rows.ranges.len())
            .into_par_iter()
            .map(|j| {
                let cells = self.group(j);
                let mode = cells.mode(&at, self.warm[j])?;
                Some(Share { u: mode.u, log_lik: mode.log_lik, grad: cells.gradient(&at, &mode) })
            })
            .collect();
        let shares: Vec<Share<C>> = shares.into_iter().collect::<Option<_>>()?;
        let mut total = ValueGrad { value: 0.0, grad: Array1::zeros(phi.len()) };
        for (share, warm) in shares.iter().zip(&mut self.warm) {
            total.value -= share.log_lik;
            total.grad -= &share.grad;
            *warm = share.u;
        }
        Some(total)
    }

    pub fn detail(&self, j: usize, phi: ArrayView1<f64>) -> Option<Detail> {
        let phi = phi.to_vec();
        let at = Parameters::<C>::split(&phi, &self.places);
        let cells = self.group(j);
        let mode: AtMode<C> = cells.mode(&at, [0.0; C])?;
        Some(Detail {
            score: cells.gradient(&at, &mode),
            mode: Array1::from_vec(at.effects(&mode.u).to_vec()),
            cond_var: mode.conditional_variance(&at),
            jacobian: cells.mode_jacobian(&at, &mode),
            log_lik: mode.log_lik,
        })
    }

    /// Reports the optimum in original units, with a last evaluation that starts from nothing.
    fn finish(
        &self,
        scaling: &Scaling,
        optimum: Optimum,
        plain: &MultinomialFit,
        groups: usize,
    ) -> Result<MultinomialMixedFit, StatsError> {
        let phi = scaling.t.dot(&optimum.x);
        let details: Option<Vec<Detail>> =
            (0..self.rows.ranges.len()).into_par_iter().map(|j| self.detail(j, phi.view())).collect();
        let details =
            details.ok_or(StatsError::NotConverged { evaluations: optimum.evaluations, grad_max: optimum.grad_max })?;
        let vcov = symmetrised(&scaling.t.dot(&optimum.inverse_hessian).dot(&scaling.t.t()));
        let mut meat = Array2::zeros(vcov.raw_dim());
        let mut scores = Array2::zeros((details.len(), phi.len()));
        let mut modes = Array2::zeros((details.len(), C));
        for (j, detail) in details.iter().enumerate() {
            add_outer(&mut meat, 1.0, detail.score.view());
            scores.row_mut(j).assign(&detail.score);
            modes.row_mut(j).assign(&detail.mode);
        }
        let p = self.rows.p;
        let theta = phi.slice(s![C * p..]).to_owned();
        let mut lambda = Array2::zeros((C, C));
        self.places.iter().zip(&theta).for_each(|(at, value)| lambda[*at] = *value);
        Ok(MultinomialMixedFit {
            beta: Array2::from_shape_fn((p, C), |(k, c)| phi[c * p + k]),
            theta,
            lambda,
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
            n_obs: plain.n_obs,
            n_groups: groups,
            log_lik_plain: plain.log_lik,
        })
    }
}
