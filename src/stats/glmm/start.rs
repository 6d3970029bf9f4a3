//! Where a search begins: two steps of penalised quasi-likelihood (Breslow & Clayton 1993, J. Am. Stat. Assoc. 88:9).
//!
//! The model is linearised where it stands: the working response η + r/w with weights w is a linear mixed model with σ = 1,
//! which costs nothing in the number of rows once its cross-products are there. Biased as an estimate, it is within a
//! standard error or so of the maximum, and its covariances are a good first curvature.

use ndarray::{Array1, Array2};

use super::super::lmm::{LmmData, UnitVariance, fit_unit_variance};
use super::super::optimize::Optimum;
use super::super::terms::{RandomTerm, diagonal_theta, inverse_curvature};
use super::{Problem, Scaling, Start};

/// Linearisations.
const STEPS: usize = 2;
/// Weights are kept above this share of a row's trials: beyond it the working response explodes.
const LEAST_WEIGHT: f64 = 1e-4;
/// A standard deviation that came out as zero starts here, because zero is stationary.
const LEAST_SD: f64 = 0.05;

/// `None` where no linearised model can be fitted.
pub(super) fn quasi_likelihood(problem: &Problem, scaling: &Scaling, beta: &Array1<f64>) -> Option<Start> {
    let cells = problem.cells;
    let mut linear = cells.x.dot(beta);
    let mut last = None;
    for _ in 0..STEPS {
        let fit = linearised(problem, &linear)?;
        linear = cells.x.dot(&fit.beta);
        for (term, modes) in problem.terms.iter().zip(&fit.modes) {
            term.add_random(modes, &mut linear);
        }
        last = Some(fit);
    }
    let fit = last?;
    let mut x = scaling.to_scaled(fit.beta.view(), fit.theta.view());
    let mut inverse_hessian = scaling.covariance_to_scaled(&fit.vcov_beta, &fit.vcov_theta);
    leave_zero(problem.terms, beta.len(), &mut x, &mut inverse_hessian);
    Some(Start { x, inverse_hessian })
}

/// Laplace's optimum as the start of a search by quadrature.
pub(super) fn at_optimum(terms: &[RandomTerm], optimum: &Optimum, p: usize) -> Start {
    let (mut x, mut inverse_hessian) = (optimum.x.clone(), optimum.inverse_hessian.clone());
    leave_zero(terms, p, &mut x, &mut inverse_hessian);
    Start { x, inverse_hessian }
}

/// Zero is stationary: moves standard deviations away from it, and gives curvature where there is none.
fn leave_zero(terms: &[RandomTerm], p: usize, x: &mut Array1<f64>, inverse_hessian: &mut Array2<f64>) {
    let (diagonal, curvature) = (diagonal_theta(terms, 1.0), inverse_curvature(terms, LEAST_SD));
    for k in 0..diagonal.len() {
        if diagonal[k] > 0.0 && x[p + k].abs() < LEAST_SD {
            x[p + k] = LEAST_SD;
        }
        if inverse_hessian[[p + k, p + k]] <= 0.0 {
            inverse_hessian[[p + k, p + k]] = curvature[k];
        }
    }
}

/// The linear mixed model at η = `linear` and the offset.
fn linearised(problem: &Problem, linear: &Array1<f64>) -> Option<UnitVariance> {
    let cells = problem.cells;
    let n = linear.len();
    let (mut weights, mut working) = (Array1::zeros(n), Array1::zeros(n));
    for i in 0..n {
        let eta = linear[i] + cells.offset.map_or(0.0, |o| o[i]);
        let cell = problem.family.slope(eta, cells.trials[i], cells.successes[i]);
        let weight = (cells.trials[i] * problem.family.expected_weight(eta)).max(LEAST_WEIGHT * cells.trials[i]);
        weights[i] = weight;
        working[i] = linear[i] + cell.score / weight;
    }
    let terms: Vec<RandomTerm> = problem.terms.iter().map(RandomTerm::reborrow).collect();
    let (x, weights) = (cells.x.view(), Some(weights.view()));
    let data = LmmData { y: working.view(), x, terms: &terms, weights, offset: None };
    let fit = fit_unit_variance(&data).ok()?;
    let finite = |a: &Array2<f64>| a.iter().all(|v| v.is_finite());
    (finite(&fit.vcov_beta) && finite(&fit.vcov_theta)).then_some(fit)
}
