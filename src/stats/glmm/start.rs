//! Where a search begins: two steps of penalised quasi-likelihood (Breslow & Clayton 1993, J. Am. Stat. Assoc. 88:9).
//!
//! The model is linearised where it stands: the working response η + r/w with weights w is a linear mixed model with σ = 1,
//! which costs nothing in the number of rows once its cross-products are there. Biased as an estimate, it is within a
//! standard error or so of the maximum, and its covariances are a good first curvature.

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::super::chunks::{ROWS, thinned};
use super::super::glm::DrawnCells;
use super::super::lmm::{LmmData, UnitVariance, fit_unit_variance};
use super::super::optimize::Optimum;
use super::super::terms::{RandomTerm, leave_zero};
use super::{Problem, Scaling, Start};

/// Rows per level that are enough for the first of the two: it only says where the second is taken.
const FEW_PER_LEVEL: usize = 60;
/// How many times as many rows there must be.
const WORTH_IT: usize = 4;
/// Weights are kept above this share of a row's trials: beyond it the working response explodes.
const LEAST_WEIGHT: f64 = 1e-4;

/// `None` where no linearised model can be fitted.
pub(super) fn quasi_likelihood(problem: &Problem, scaling: &Scaling, beta: &Array1<f64>) -> Option<Start> {
    let first = Few::of(problem).and_then(|few| few.linearised(problem, beta));
    let first = first.map_or_else(|| linearised(problem, problem.cells.x.dot(beta)), Some)?;
    let mut linear = problem.cells.x.dot(&first.beta);
    for (term, modes) in problem.terms.iter().zip(&first.modes) {
        term.add_random(modes, &mut linear);
    }
    let fit = linearised(problem, linear)?;
    let mut x = scaling.to_scaled(fit.beta.view(), fit.theta.view());
    let mut inverse_hessian = scaling.covariance_to_scaled(&fit.vcov_beta, &fit.vcov_theta);
    leave_zero(problem.terms, beta.len(), &mut x, &mut inverse_hessian);
    Some(Start { x, inverse_hessian })
}

/// Some rows of a problem that has many at every level.
struct Few {
    cells: DrawnCells,
    /// z and levels of each term.
    terms: Vec<(Array2<f64>, Vec<u32>)>,
}

impl Few {
    fn of(problem: &Problem) -> Option<Self> {
        let n = problem.cells.trials.len();
        let levels = problem.terms.iter().map(|t| t.n_levels).max()?;
        let step = n / (levels * FEW_PER_LEVEL);
        if step < WORTH_IT || n < 10 * ROWS {
            return None;
        }
        let rows = thinned(n, step);
        let of_term = |t: &RandomTerm| (t.z.select(&rows), rows.iter().map(|&row| t.level[row]).collect());
        let terms = problem.terms.iter().map(of_term).collect();
        Some(Self { cells: DrawnCells::new(problem.cells, &rows, |_| 1.0), terms })
    }

    /// The linear mixed model of these rows at β without random effects.
    fn linearised(&self, problem: &Problem, beta: &Array1<f64>) -> Option<UnitVariance> {
        let cells = self.cells.cells();
        let terms: Vec<RandomTerm> = (problem.terms.iter().zip(&self.terms))
            .map(|(t, (z, level))| RandomTerm { z: z.view().into(), level, n_levels: t.n_levels, blocks: t.blocks })
            .collect();
        let few = Problem { cells: &cells, terms: &terms, family: problem.family, opt: problem.opt };
        linearised(&few, cells.x.dot(beta))
    }
}

/// Laplace's optimum as the start of a search by quadrature.
pub(super) fn at_optimum(terms: &[RandomTerm], optimum: &Optimum, p: usize) -> Start {
    let (mut x, mut inverse_hessian) = (optimum.x.clone(), optimum.inverse_hessian.clone());
    leave_zero(terms, p, &mut x, &mut inverse_hessian);
    Start { x, inverse_hessian }
}

/// The linear mixed model at η = `linear` and the offset; the working response takes the place of η.
fn linearised(problem: &Problem, linear: Array1<f64>) -> Option<UnitVariance> {
    let cells = problem.cells;
    let (mut working, mut weights) = (linear, Array1::zeros(cells.trials.len()));
    let rows = working.as_slice_mut().expect("one piece").par_iter_mut();
    let rows = rows.zip(weights.as_slice_mut().expect("one piece").par_iter_mut()).enumerate();
    rows.for_each(|(i, (linear, weight))| {
        let eta = *linear + cells.offset.map_or(0.0, |o| o[i]);
        let cell = problem.family.slope(eta, cells.trials[i], cells.successes[i]);
        *weight = (cells.trials[i] * problem.family.expected_weight(eta)).max(LEAST_WEIGHT * cells.trials[i]);
        *linear += cell.score / *weight;
    });
    let terms: Vec<RandomTerm> = problem.terms.iter().map(RandomTerm::reborrow).collect();
    let (x, weights) = (cells.x.view(), Some(weights.view()));
    let data = LmmData { y: working.view(), x, terms: &terms, weights, offset: None };
    let fit = fit_unit_variance(&data).ok()?;
    let finite = |a: &Array2<f64>| a.iter().all(|v| v.is_finite());
    (finite(&fit.vcov_beta) && finite(&fit.vcov_theta)).then_some(fit)
}
