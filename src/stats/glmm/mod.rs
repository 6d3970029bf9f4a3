//! Mixed models for counts, η = Xβ + ΣZ_t b_t with any grouping factors: binomial (Bernoulli or grouped) and Poisson, by
//! Laplace's approximation, or by adaptive Gauss–Hermite quadrature for one factor; always with the exact gradient of what
//! is maximised.
//!
//! One factor with up to three effects is split by level ([`single`]); anything else is one sparse problem over all
//! levels ([`blocked`]). The log-likelihood is that of the Σ trials separate rows: constants that hold no parameter
//! ([`super::binomial_constant`], [`super::poisson_constant`]) are the caller's to add.

mod blocked;
mod bootstrap;
mod check;
mod group;
mod profile;
mod scaling;
mod single;
mod start;

use ndarray::{Array1, Array2, Array3, ArrayView1, s};
use rayon::prelude::*;

use super::cells::Cells;
use super::error::StatsError;
use super::family::Family;
use super::glm::{GlmFit, GlmOptions, fit_glm};
use super::lambda::from_blocks;
use super::linalg::symmetrised;
use super::optimize::{Optimum, Start, Stop, ValueGrad, minimise};
use super::quadrature::{GaussHermite, gauss_hermite};
use super::terms::{
    RandomTerm, TermFit, check_terms, diagonal_theta, inverse_curvature, levels_with_rows, theta_layout, theta_ranges,
};
use blocked::Blocked;
pub use bootstrap::bootstrap_glmm;
pub use check::{LaplaceCheck, LaplaceVerdict};
pub use profile::profile_glmm;
use scaling::Scaling;
use single::Single;

/// What to maximise, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct GlmmOptions {
    /// Nodes of the adaptive quadrature in each dimension; 1 is Laplace. More need one factor with at most three effects.
    pub nodes: usize,
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
        Self { nodes: 1, max_evaluations: 2000, glm: GlmOptions::default(), variance_prior: 0.0 }
    }
}

/// A fitted mixed model: p fixed effects, nθ variance parameters, φ = (β, θ).
#[derive(Clone, Debug)]
pub struct GlmmFit {
    /// Fixed effects (p).
    pub beta: Array1<f64>,
    /// Λ of all terms in their order, each block's lower triangle by columns; diagonals ≥ 0 (nθ).
    pub theta: Array1<f64>,
    /// Log-likelihood of the Σ trials separate rows, by the approximation asked for.
    pub log_lik: f64,
    /// Covariance of φ̂: inverse Hessian of −log L, the Hessian by differences of the exact gradient. Rows
    /// and columns of elements of θ that are zero (see `stop`) are zero: the rest is taken as if they were known.
    pub vcov: Array2<f64>,
    /// Group sandwich H⁻¹ (Σ_j s_j s_jᵀ) H⁻¹ over φ, s_j the level's gradient of log L_j; no small-sample factor. With
    /// several factors the levels of none are independent, and there is none.
    pub vcov_sandwich: Option<Array2<f64>>,
    /// The terms, in the caller's order.
    pub terms: Vec<TermFit>,
    /// ∂b̂_j/∂φ of each term (J×q×(p+nθ)).
    pub mode_jac: Vec<Array3<f64>>,
    /// ∂ log L_j/∂φ (J×(p+nθ)), for one factor.
    pub scores: Option<Array2<f64>>,
    /// How the search ended. A fit that ended with [`Stop::Budget`] is not an optimum.
    pub stop: Stop,
    /// Evaluations of log-likelihood and gradient, those for the Hessian included.
    pub evaluations: u32,
    /// Largest absolute gradient component in the scaled parameters of the search (β in standard errors of the model
    /// without random effects, θ per root mean square of its column of z).
    pub grad_max: f64,
    /// Σ trials.
    pub n_obs: f64,
    /// Log-likelihood of the same model without random effects.
    pub log_lik_glm: f64,
    /// Whether Laplace's approximation will do.
    pub laplace: LaplaceCheck,
    /// The step by which adaptive quadrature with 7 nodes would move φ̂, to first order (one Newton step from Laplace's
    /// optimum); `None` where it was not computed.
    pub quadrature_step: Option<Array1<f64>>,
}

/// Maximises the log-likelihood over (β, θ).
///
/// # Errors
/// Those of [`fit_glm`], which is fitted first (columns that separate the outcome do so with random effects too);
/// [`StatsError::Shape`] for terms that do not fit, or quadrature where it can't be; [`StatsError::TooFewGroups`];
/// [`StatsError::NotConverged`] where not even a Hessian can be had.
pub fn fit_glmm(cells: &Cells, terms: &[RandomTerm], family: Family, opt: &GlmmOptions) -> Result<GlmmFit, StatsError> {
    let [fit] = fit_glmm_priors(cells, terms, family, opt, [opt.variance_prior])?;
    Ok(fit)
}

/// One fit for each [`GlmmOptions::variance_prior`], side by side: what does not depend on it is done once.
///
/// # Errors
/// As [`fit_glmm`]; of several the first.
pub fn fit_glmm_priors<const N: usize>(
    cells: &Cells,
    terms: &[RandomTerm],
    family: Family,
    opt: &GlmmOptions,
    priors: [f64; N],
) -> Result<[GlmmFit; N], StatsError> {
    let problem = Problem { cells, terms, family, opt };
    match single_effects(terms) {
        Some(1) => problem.fit(|scaling| Ok(Single::<1>::new(cells, &terms[0], family, scaling)), priors),
        Some(2) => problem.fit(|scaling| Ok(Single::<2>::new(cells, &terms[0], family, scaling)), priors),
        Some(3) => problem.fit(|scaling| Ok(Single::<3>::new(cells, &terms[0], family, scaling)), priors),
        _ => problem.fit(|scaling| Blocked::new(cells, terms, family, scaling), priors),
    }
}

/// The model at given φ in the units and order of [`GlmmFit`]; without `beta` at the β that is best for θ. Nothing else
/// is searched: the covariance is that of β with θ known, and not a number where β was given.
///
/// # Errors
/// As [`fit_glmm`]; [`StatsError::Shape`] where lengths differ; [`StatsError::NotConverged`] where the parameters are so
/// extreme that a mode cannot be found.
pub fn glmm_at(
    cells: &Cells,
    terms: &[RandomTerm],
    family: Family,
    opt: &GlmmOptions,
    beta: Option<ArrayView1<f64>>,
    theta: ArrayView1<f64>,
) -> Result<GlmmFit, StatsError> {
    let p = cells.x.ncols();
    let n_theta: usize = terms.iter().map(RandomTerm::n_theta).sum();
    if theta.len() != n_theta || beta.is_some_and(|beta| beta.len() != p) {
        return Err(StatsError::Shape("beta and theta do not fit the columns of x and the random effects"));
    }
    let problem = Problem { cells, terms, family, opt };
    match single_effects(terms) {
        Some(1) => problem.at(|scaling| Ok(Single::<1>::new(cells, &terms[0], family, scaling)), beta, theta),
        Some(2) => problem.at(|scaling| Ok(Single::<2>::new(cells, &terms[0], family, scaling)), beta, theta),
        Some(3) => problem.at(|scaling| Ok(Single::<3>::new(cells, &terms[0], family, scaling)), beta, theta),
        _ => problem.at(|scaling| Blocked::new(cells, terms, family, scaling), beta, theta),
    }
}

/// Random effects per level, where there is one factor with at most three.
fn single_effects(terms: &[RandomTerm]) -> Option<usize> {
    match terms {
        [term] if term.q() <= 3 => Some(term.q()),
        _ => None,
    }
}

/// A log-likelihood of φ in scaled coordinates.
trait Likelihood: Sync {
    /// b̂ of every term (J×q) at φ, columns of z scaled.
    fn modes(&self, phi: &Array1<f64>) -> Option<Vec<Array2<f64>>>;

    /// The same cells with other successes, in the caller's order of cells.
    fn with_successes(&self, successes: &Array1<f64>) -> Self
    where
        Self: Sized;

    /// Every level counted so often; `None` where levels are not independent pieces.
    fn with_copies(&self, copies: &[f64]) -> Option<Self>
    where
        Self: Sized;

    /// −log L and its gradient; Laplace without a rule. `None` where no mode can be found.
    fn evaluate(&mut self, phi: &Array1<f64>, rule: Option<&GaussHermite>) -> Option<ValueGrad>;

    /// What quadrature by `rule` adds to Laplace's −log L and gradient at φ; `None` where there is no quadrature.
    fn beyond_laplace(&self, phi: &Array1<f64>, rule: &GaussHermite) -> Option<ValueGrad>;

    /// What is reported at φ.
    fn detail(&self, phi: &Array1<f64>, rule: Option<&GaussHermite>) -> Option<Detail>;
}

/// What is reported of one φ, in scaled coordinates.
struct Detail {
    log_lik: f64,
    scores: Option<Array2<f64>>,
    terms: Vec<TermDetail>,
}

/// A term of it: J levels, q effects.
struct TermDetail {
    /// J×q.
    modes: Array2<f64>,
    /// J×q×q.
    cond_var: Array3<f64>,
    /// ∂b̂/∂φ (J×q×(p+nθ)).
    jacobian: Array3<f64>,
}

struct Problem<'d, 'c, 't> {
    cells: &'d Cells<'c>,
    terms: &'d [RandomTerm<'t>],
    family: Family,
    opt: &'d GlmmOptions,
}

/// Where φ came from, in scaled coordinates.
struct Found {
    phi: Array1<f64>,
    vcov: Array2<f64>,
    stop: Stop,
    evaluations: u32,
    grad_max: f64,
}

impl From<Optimum> for Found {
    fn from(optimum: Optimum) -> Self {
        Self {
            phi: optimum.x,
            vcov: optimum.inverse_hessian,
            stop: optimum.stop,
            evaluations: optimum.evaluations,
            grad_max: optimum.grad_max,
        }
    }
}

impl Problem<'_, '_, '_> {
    fn rule(&self) -> Result<Option<GaussHermite>, StatsError> {
        match self.opt.nodes {
            0 => Err(StatsError::Shape("quadrature needs at least one node")),
            1 => Ok(None),
            2..=101 if single_effects(self.terms).is_some() => Ok(Some(gauss_hermite(self.opt.nodes))),
            2..=101 => Err(StatsError::Shape("quadrature needs one grouping factor with at most three effects")),
            _ => Err(StatsError::Shape("quadrature has at most 101 nodes")),
        }
    }

    fn glm(&self) -> Result<GlmFit, StatsError> {
        check_terms(self.terms, self.cells.x.nrows())?;
        if self.terms.is_empty() {
            return Err(StatsError::Shape("there is no random-effects term"));
        }
        fit_glm(self.cells, self.family, &self.opt.glm)
    }

    fn fit<L: Likelihood + Clone + Send, const N: usize>(
        &self,
        make: impl FnOnce(&Scaling) -> Result<L, StatsError>,
        priors: [f64; N],
    ) -> Result<[GlmmFit; N], StatsError> {
        let rule = self.rule()?;
        let glm = self.glm()?;
        let scaling = Scaling::new(self.cells, self.terms, &glm)?;
        let mut likelihood = make(&scaling)?;
        let near = start::quasi_likelihood(self, &scaling, &glm.beta);
        let near = near.filter(|start| likelihood.evaluate(&start.x, None).is_some());
        let starts = near.map_or_else(|| self.plain_starts(&scaling, &glm.beta).to_vec(), |start| vec![start]);
        let with = |&variance_prior: &f64| {
            let opt = GlmmOptions { variance_prior, ..*self.opt };
            let (problem, mut likelihood) = (Problem { opt: &opt, ..*self }, likelihood.clone());
            let found = Found::from(problem.search(&mut likelihood, &starts, glm.beta.len(), rule.as_ref())?);
            problem.report(&mut likelihood, &scaling, &glm, found, rule.as_ref())
        };
        let fits: Vec<Result<GlmmFit, StatsError>> = priors.par_iter().map(with).collect();
        let fits: Vec<GlmmFit> = fits.into_iter().collect::<Result<_, _>>()?;
        Ok(fits.try_into().expect("as many fits as priors"))
    }

    /// Searches in scaled parameters from `starts`; with quadrature, from Laplace's optimum.
    fn search<L: Likelihood>(
        &self,
        likelihood: &mut L,
        starts: &[Start],
        p: usize,
        rule: Option<&GaussHermite>,
    ) -> Result<Optimum, StatsError> {
        let layout = theta_layout(self.terms, p);
        let mut minimise_from = |starts: &[Start], rule: Option<&GaussHermite>| {
            minimise(
                |phi| likelihood.evaluate(phi, rule).and_then(|at| self.with_prior(p, phi, at)),
                starts,
                &layout,
                self.opt.max_evaluations,
            )
        };
        let laplace = minimise_from(starts, None)?;
        if rule.is_none() {
            return Ok(laplace);
        }
        let from = start::at_optimum(self.terms, &laplace, p);
        let mut optimum = minimise_from(&[from], rule)?;
        optimum.evaluations += laplace.evaluations;
        Ok(optimum)
    }

    /// From the model without random effects, with a few sizes of them.
    fn plain_starts(&self, scaling: &Scaling, beta: &Array1<f64>) -> [Start; 3] {
        let p = beta.len();
        [0.2, 0.5, 1.0].map(|sd| {
            let theta = diagonal_theta(self.terms, sd);
            // Curvature: the GLM's information, 1 in scaled β.
            let mut inverse_hessian = Array2::eye(p + theta.len());
            inverse_hessian.slice_mut(s![p.., p..]).diag_mut().assign(&inverse_curvature(self.terms, sd));
            let beta = scaling.to_scaled(beta.view(), Array1::zeros(theta.len()).view());
            Start { x: beta.into_iter().take(p).chain(theta).collect(), inverse_hessian }
        })
    }

    /// Adds the prior on the variances to −log L; `None` where it is infinite.
    fn with_prior(&self, p: usize, phi: &Array1<f64>, mut at: ValueGrad) -> Option<ValueGrad> {
        if self.opt.variance_prior > 0.0 {
            for (k, _) in diagonal_theta(self.terms, 1.0).iter().enumerate().filter(|(_, on)| **on > 0.0) {
                let theta = phi[p + k];
                if theta == 0.0 {
                    return None;
                }
                at.value -= self.opt.variance_prior * theta.abs().ln();
                at.grad[p + k] -= self.opt.variance_prior / theta;
            }
        }
        Some(at)
    }

    fn at<L: Likelihood>(
        &self,
        make: impl FnOnce(&Scaling) -> Result<L, StatsError>,
        beta: Option<ArrayView1<f64>>,
        theta: ArrayView1<f64>,
    ) -> Result<GlmmFit, StatsError> {
        let rule = self.rule()?;
        let glm = self.glm()?;
        let scaling = Scaling::new(self.cells, self.terms, &glm)?;
        let mut likelihood = make(&scaling)?;
        let start = scaling.to_scaled(beta.as_ref().map_or(glm.beta.view(), |beta| beta.view()), theta);
        let k = start.len();
        let (phi, vcov) = match beta {
            // Nothing is known of a point that is no optimum.
            Some(_) => (start, Array2::from_elem((k, k), f64::NAN)),
            None => {
                let found = profile_beta(&mut likelihood, start, glm.beta.len(), rule.as_ref())?;
                (found.phi, found.vcov)
            }
        };
        let found = Found { phi, vcov, stop: Stop::Given, evaluations: 1, grad_max: f64::NAN };
        self.report(&mut likelihood, &scaling, &glm, found, rule.as_ref())
    }

    /// From scaled coordinates to the caller's.
    fn report<L: Likelihood>(
        &self,
        likelihood: &mut L,
        scaling: &Scaling,
        glm: &GlmFit,
        found: Found,
        rule: Option<&GaussHermite>,
    ) -> Result<GlmmFit, StatsError> {
        let lost = StatsError::NotConverged { evaluations: found.evaluations, grad_max: found.grad_max };
        let detail = likelihood.detail(&found.phi, rule).ok_or(lost)?;
        let (to_original, from_original) = (scaling.to_original(), scaling.inverse());
        let phi = to_original.dot(&found.phi);
        let p = glm.beta.len();
        let theta = phi.slice(s![p..]).to_owned();
        let vcov = symmetrised(&to_original.dot(&found.vcov).dot(&to_original.t()));
        let scores = detail.scores.map(|scores| scores.dot(&from_original));
        let sandwich = |scores: &Array2<f64>| symmetrised(&vcov.dot(&scores.t().dot(scores)).dot(&vcov));
        let mut terms = Vec::new();
        let mut mode_jac = Vec::new();
        for (t, (term, range)) in detail.terms.iter().zip(theta_ranges(self.terms)).enumerate() {
            let jacobian = original_jacobian(&term.jacobian, &scaling.z[t], &from_original);
            let lambda = from_blocks(self.terms[t].blocks, &theta.slice(s![range]).to_vec());
            terms.push(term_fit(&self.terms[t], lambda, term, &jacobian, &scaling.z[t], &vcov, p));
            mode_jac.push(jacobian);
        }
        let checked = check::laplace(likelihood, self.terms, &found, rule);
        Ok(GlmmFit {
            laplace: checked.check,
            quadrature_step: checked.step.map(|step| to_original.dot(&step)),
            beta: phi.slice(s![..p]).to_owned(),
            theta,
            log_lik: detail.log_lik,
            vcov_sandwich: scores.as_ref().map(sandwich),
            vcov,
            terms,
            mode_jac,
            scores,
            stop: found.stop,
            evaluations: found.evaluations,
            grad_max: found.grad_max,
            n_obs: glm.n_obs,
            log_lik_glm: glm.log_lik,
        })
    }
}

/// β with its covariance at a known θ.
struct AtKnownTheta {
    phi: Array1<f64>,
    vcov: Array2<f64>,
}

/// The β that maximises the likelihood at a given θ.
fn profile_beta<L: Likelihood>(
    likelihood: &mut L,
    start: Array1<f64>,
    p: usize,
    rule: Option<&GaussHermite>,
) -> Result<AtKnownTheta, StatsError> {
    let theta = start.slice(s![p..]).to_owned();
    let joined = |beta: &Array1<f64>| beta.iter().chain(&theta).copied().collect::<Array1<f64>>();
    let found = minimise(
        |beta| {
            let mut at = likelihood.evaluate(&joined(beta), rule)?;
            at.grad = at.grad.slice(s![..p]).to_owned();
            Some(at)
        },
        &[Start { x: start.slice(s![..p]).to_owned(), inverse_hessian: Array2::eye(p) }],
        &super::lambda::ThetaLayout { offset: p, sizes: Vec::new() },
        GlmmOptions::default().max_evaluations,
    )?;
    let mut vcov = Array2::zeros((start.len(), start.len()));
    vcov.slice_mut(s![..p, ..p]).assign(&found.inverse_hessian);
    Ok(AtKnownTheta { phi: joined(&found.x), vcov })
}

/// ∂b̂/∂φ in the caller's units (J×q×(p+nθ)).
fn original_jacobian(scaled: &Array3<f64>, z: &Array1<f64>, from_original: &Array2<f64>) -> Array3<f64> {
    let (levels, q, k) = scaled.dim();
    let flat = scaled.to_shape((levels * q, k)).expect("the same number of elements").dot(from_original);
    let mut out = flat.into_shape_with_order((levels, q, k)).expect("the same number of elements");
    out.outer_iter_mut().for_each(|mut level| {
        level.rows_mut().into_iter().zip(z).for_each(|(mut row, z)| row /= *z);
    });
    out
}

fn term_fit(
    term: &RandomTerm,
    lambda: Array2<f64>,
    detail: &TermDetail,
    jacobian: &Array3<f64>,
    z: &Array1<f64>,
    vcov: &Array2<f64>,
    p: usize,
) -> TermFit {
    let (levels, q, _) = jacobian.dim();
    let mut out = TermFit {
        lambda,
        modes: &detail.modes / z,
        cond_var: detail.cond_var.clone(),
        mode_mse: Array3::zeros((levels, q, q)),
        cov_beta_mode: Array3::zeros((levels, p, q)),
        n_levels: levels_with_rows(term),
    };
    for j in 0..levels {
        let mut conditional = out.cond_var.slice_mut(s![j, .., ..]);
        conditional.indexed_iter_mut().for_each(|((k, l), v)| *v /= z[k] * z[l]);
        let jac = jacobian.slice(s![j, .., ..]);
        let spread = vcov.dot(&jac.t());
        out.mode_mse.slice_mut(s![j, .., ..]).assign(&(&conditional + &symmetrised(&jac.dot(&spread))));
        out.cov_beta_mode.slice_mut(s![j, .., ..]).assign(&spread.slice(s![..p, ..]));
    }
    out
}

#[cfg(test)]
mod tests;
