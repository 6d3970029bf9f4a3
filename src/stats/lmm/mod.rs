//! Linear mixed models of repeated scores, y = Xβ + ΣZ_t b_t + ε with any grouping factors, nested or crossed; maximum
//! likelihood or REML, β and σ profiled out.
//!
//! Two routes to the same numbers: [`nested`] from cross-products and occasion patterns, [`blocked`] from a sparse
//! factorisation over the levels. The cost of neither depends on the number of rows, once these have been read.

mod blocked;
mod bootstrap;
mod cluster;
mod contrast;
mod crossprod;
mod kenward_roger;
mod nested;
mod objective;
mod predict;
mod profile;
mod report;
mod route;
mod rows;

use ndarray::{Array1, Array2, ArrayView1};

use super::error::StatsError;
use super::lambda::block_positions;
use super::matrix::Matrix;
use super::optimize::{Start, Stop, ValueGrad, minimise};
use super::terms::{RandomTerm, TermFit, diagonal_theta, inverse_curvature, is_nested, theta_layout};
use blocked::Blocked;
pub use bootstrap::bootstrap_lmm;
pub use cluster::{lmm_cluster_vcov, outermost_term};
pub use contrast::Contrast;
pub use predict::{Combination, Predicted, RandomWeight, lmm_prediction, lmm_predictions};

use crossprod::Levels;
pub use kenward_roger::{KenwardRoger, kenward_roger};
use nested::Nested;
pub use objective::{LmmCriterion, LmmObjective};
pub use profile::profile_lmm;
use report::{Found, report};
use route::{Problem, Route};
use rows::ScaledRows;

/// Rows of a linear mixed model.
#[derive(Clone, Copy, Debug)]
pub struct LmmData<'a> {
    /// Outcome (n).
    pub y: ArrayView1<'a, f64>,
    /// Fixed-effect columns (n×p).
    pub x: Matrix<'a>,
    /// Random effects, one term per grouping factor.
    pub terms: &'a [RandomTerm<'a>],
    /// Weights w > 0 (n): row i has residual variance σ²/wᵢ. All 1 without.
    pub weights: Option<ArrayView1<'a, f64>>,
    /// Known part of the mean (n).
    pub offset: Option<ArrayView1<'a, f64>>,
}

/// What to maximise, how, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct LmmOptions {
    /// Restricted maximum likelihood instead of maximum likelihood.
    pub reml: bool,
    /// Evaluations of objective and gradient before [`Stop::Budget`].
    pub max_evaluations: u32,
    /// The algebra.
    pub algebra: LmmAlgebra,
    /// Adds `variance_prior · log|Λ|` of every term to the log-likelihood that is maximised; 0 is none. With 1 it keeps a
    /// variance that the data can't tell from 0 about one standard error away from 0, as
    /// [`super::GlmmOptions::variance_prior`] does. What is reported of the likelihood is without it.
    pub variance_prior: f64,
    /// Whether the effects of units inside groups (pupils in schools) are predicted. There may be a million of them, whose
    /// covariances take more memory than all the rest: without them the arrays of their [`super::TermFit`] have no levels. Has no
    /// meaning where factors are not nested.
    pub predict_units: bool,
}

/// How the random effects are taken out; the numbers are the same to rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LmmAlgebra {
    /// Cross-products where at most two factors are nested and occasions repeat, blocks elsewhere.
    Auto,
    /// Sparse factorisation over levels, whatever the factors.
    Blocked,
}

impl Default for LmmOptions {
    fn default() -> Self {
        Self { reml: true, max_evaluations: 2000, algebra: LmmAlgebra::Auto, variance_prior: 0.0, predict_units: true }
    }
}

/// A fitted linear mixed model with p fixed effects and nθ variance parameters θ.
#[derive(Clone, Debug)]
pub struct LmmFit {
    /// Fixed effects (p).
    pub beta: Array1<f64>,
    /// σ²(XᵀV⁻¹X)⁻¹ (p×p), θ taken as known.
    pub vcov_beta: Array2<f64>,
    /// Λ of all terms in their order, each block's lower triangle by columns; diagonals ≥ 0 (nθ).
    pub theta: Array1<f64>,
    /// Covariance of (θ̂, σ̂) (nθ+1 × nθ+1): the inverse Hessian of the (restricted) log-likelihood, zero for elements
    /// of θ at the boundary.
    pub vcov_theta_sigma: Array2<f64>,
    /// ∂`vcov_beta`/∂(θ, σ) (nθ+1 of p×p), for degrees of freedom.
    pub vcov_beta_slopes: Vec<Array2<f64>>,
    /// Residual standard deviation.
    pub sigma: f64,
    /// Log-likelihood, or restricted log-likelihood: −`deviance`/2, with all constants.
    pub log_lik: f64,
    /// −2 log L, or the REML criterion.
    pub deviance: f64,
    /// The terms, in the caller's order.
    pub terms: Vec<TermFit>,
    /// How the search ended; positions count within `theta`. A fit that ended with [`Stop::Budget`] is not an optimum.
    pub stop: Stop,
    /// Evaluations of objective and gradient, those for the Hessian included.
    pub evaluations: u32,
    /// Largest absolute component of ∂(d/2)/∂θ in the scaled θ of the search (columns of Z at root mean square 1).
    pub grad_max: f64,
    /// Rows.
    pub n_obs: usize,
}

/// Maximises the (restricted) likelihood over θ.
///
/// # Errors
/// [`StatsError::Shape`], [`StatsError::NotFinite`], [`StatsError::RankDeficient`] (also with fewer rows than columns),
/// [`StatsError::NoVariation`] when the columns of x fit y exactly, [`StatsError::TooFewGroups`],
/// [`StatsError::NotConverged`] where the Hessian is not positive definite (θ is not identified).
pub fn fit_lmm(data: &LmmData, opt: &LmmOptions) -> Result<LmmFit, StatsError> {
    let rows = ScaledRows::new(data)?;
    match nested(&rows, opt) {
        Some(route) => search(&rows, route, opt),
        None => search(&rows, Blocked::new(&rows)?, opt),
    }
}

/// The model at a given θ, in the units and order of [`LmmFit::theta`], with the best β and σ for it. Nothing is
/// searched: θ counts as known, its covariance is zero.
///
/// # Errors
/// As [`fit_lmm`] for the data; [`StatsError::Shape`] where θ has another length; [`StatsError::NotConverged`] where
/// it is so extreme that the deviance is not finite.
pub fn lmm_at_theta(data: &LmmData, opt: &LmmOptions, theta: ArrayView1<f64>) -> Result<LmmFit, StatsError> {
    let rows = ScaledRows::new(data)?;
    if theta.len() != data.terms.iter().map(RandomTerm::n_theta).sum::<usize>() {
        return Err(StatsError::Shape("theta does not fit the columns of the random effects"));
    }
    let found = Found::given(&theta * &theta_scales(&rows));
    match nested(&rows, opt) {
        Some(route) => report(&rows, &problem(&rows, route, opt), found),
        None => report(&rows, &problem(&rows, Blocked::new(&rows)?, opt), found),
    }
}

/// −2 log L or the REML criterion at a given θ: what [`fit_lmm`] minimises.
///
/// # Errors
/// As [`lmm_at_theta`].
pub fn lmm_deviance(data: &LmmData, opt: &LmmOptions, theta: ArrayView1<f64>) -> Result<f64, StatsError> {
    lmm_at_theta(data, opt, theta).map(|fit| fit.deviance)
}

/// A model with known residual variance 1, by maximum likelihood.
pub(super) struct UnitVariance {
    pub beta: Array1<f64>,
    /// (XᵀV⁻¹X)⁻¹ (p×p).
    pub vcov_beta: Array2<f64>,
    pub theta: Array1<f64>,
    /// Covariance of θ̂ (nθ×nθ).
    pub vcov_theta: Array2<f64>,
    /// b̂ of each term (J×q).
    pub modes: Vec<Array2<f64>>,
}

/// Fits it; [`super::glmm`] begins with such models.
pub(super) fn fit_unit_variance(data: &LmmData) -> Result<UnitVariance, StatsError> {
    let rows = ScaledRows::new(data)?;
    let opt = LmmOptions { reml: false, ..LmmOptions::default() };
    match nested(&rows, &opt) {
        Some(route) => search_unit_variance(&rows, &problem(&rows, route, &opt)),
        None => search_unit_variance(&rows, &problem(&rows, Blocked::new(&rows)?, &opt)),
    }
}

fn search_unit_variance<R: Route>(rows: &ScaledRows, problem: &Problem<R>) -> Result<UnitVariance, StatsError> {
    let optimum = minimise(
        |theta| problem.evaluate_unit_variance(theta),
        &starts(rows.terms()),
        &theta_layout(rows.terms(), 0),
        LmmOptions::default().max_evaluations,
    )?;
    let lost = StatsError::NotConverged { evaluations: optimum.evaluations, grad_max: optimum.grad_max };
    let solved = problem.solve(&optimum.x.to_vec(), None).ok_or(lost)?;
    let (to_beta, scales) = (rows.to_beta(), theta_scales(rows));
    let modes = problem.route.modes(&solved.at, &solved.fixed.gamma);
    let mut vcov_theta = optimum.inverse_hessian;
    vcov_theta.indexed_iter_mut().for_each(|((i, j), v)| *v /= scales[i] * scales[j]);
    Ok(UnitVariance {
        beta: &rows.beta_wls + &to_beta.dot(&solved.fixed.gamma),
        vcov_beta: to_beta.dot(&solved.fixed.a.inverse()).dot(&to_beta.t()),
        theta: &optimum.x / &scales,
        vcov_theta,
        modes: modes.into_iter().zip(&rows.z_scales).map(|(b, scales)| b / scales).collect(),
    })
}

/// Numbers in the cross-products of all groups beyond which they are not kept: half a gigabyte, and several times that at
/// work. The other route needs levels × columns numbers where this one needs groups × columns².
const MOST_PRODUCTS: usize = 1 << 26;

/// The route by cross-products, where the factors and the memory allow it.
fn nested(rows: &ScaledRows, opt: &LmmOptions) -> Option<Nested> {
    let levels = match (opt.algebra, rows.terms()) {
        (LmmAlgebra::Blocked, _) => return None,
        (LmmAlgebra::Auto, [_]) => Levels { outer: 0, inner: None },
        (LmmAlgebra::Auto, [a, b]) if is_nested(a, b) => Levels { outer: 1, inner: Some(0) },
        (LmmAlgebra::Auto, [a, b]) if is_nested(b, a) => Levels { outer: 0, inner: Some(1) },
        (LmmAlgebra::Auto, _) => return None,
    };
    let outer = &rows.terms()[levels.outer];
    let columns = outer.q() + rows.p() + 1;
    if outer.n_levels.saturating_mul(columns * columns) > MOST_PRODUCTS {
        return None;
    }
    Nested::new(rows, levels, opt.predict_units)
}

fn problem<R: Route>(rows: &ScaledRows, route: R, opt: &LmmOptions) -> Problem<R> {
    Problem { route, n: rows.n() as f64, p: rows.p(), reml: opt.reml }
}

fn search<R: Route>(rows: &ScaledRows, route: R, opt: &LmmOptions) -> Result<LmmFit, StatsError> {
    let problem = problem(rows, route, opt);
    let diagonal = diagonal_theta(rows.terms(), 1.0);
    let optimum = minimise(
        |theta| with_prior(problem.evaluate(theta, None)?, theta, &diagonal, opt.variance_prior),
        &starts(rows.terms()),
        &theta_layout(rows.terms(), 0),
        opt.max_evaluations,
    )?;
    report(rows, &problem, Found::at(optimum))
}

/// Adds `prior` times the logarithms of Λ's diagonals to the log-likelihood; `None` where that is infinite.
fn with_prior(mut at: ValueGrad, theta: &Array1<f64>, diagonal: &Array1<f64>, prior: f64) -> Option<ValueGrad> {
    for (k, _) in diagonal.iter().enumerate().filter(|(_, on)| prior > 0.0 && **on > 0.0) {
        if theta[k] == 0.0 {
            return None;
        }
        at.value -= prior * theta[k].abs().ln();
        at.grad[k] -= prior / theta[k];
    }
    Some(at)
}

/// Two sizes of all random effects.
fn starts(terms: &[RandomTerm]) -> [Start; 2] {
    [0.3, 1.0].map(|sd| Start {
        x: diagonal_theta(terms, sd),
        inverse_hessian: Array2::from_diag(&inverse_curvature(terms, sd)),
    })
}

/// Factor from the caller's θ to that of the search.
fn theta_scales(rows: &ScaledRows) -> Array1<f64> {
    let term = |(term, scales): (&RandomTerm, &Array1<f64>)| {
        block_positions(term.blocks).into_iter().map(|(row, _)| scales[row]).collect::<Vec<_>>()
    };
    rows.terms().iter().zip(&rows.z_scales).flat_map(term).collect()
}

#[cfg(test)]
mod tests;
