//! The criterion of a linear mixed model as a function of θ, for whoever searches, draws or measures it: the rows are read
//! once, and an evaluation no longer knows how many there were.

use ndarray::{Array1, ArrayView1};

use super::super::error::StatsError;
use super::super::optimize::ValueGrad;
use super::blocked::Blocked;
use super::nested::Nested;
use super::route::Problem;
use super::rows::ScaledRows;
use super::{LmmData, LmmOptions, nested, problem, theta_scales};

/// −2 log L, or the REML criterion, with β and σ profiled out.
pub struct LmmObjective {
    problem: AnyProblem,
    scales: Array1<f64>,
    /// What the coordinates of the search leave out.
    shift: f64,
}

enum AnyProblem {
    Nested(Problem<Nested>),
    Blocked(Problem<Blocked>),
}

/// One evaluation.
#[derive(Clone, Debug)]
pub struct LmmCriterion {
    /// −2 log L or the REML criterion.
    pub deviance: f64,
    /// Its slopes in θ (nθ).
    pub gradient: Array1<f64>,
}

impl LmmObjective {
    /// Reads the rows.
    ///
    /// # Errors
    /// As [`super::fit_lmm`] for the data.
    pub fn new(data: &LmmData, opt: &LmmOptions) -> Result<Self, StatsError> {
        let rows = ScaledRows::new(data)?;
        let problem = match nested(&rows, opt) {
            Some(route) => AnyProblem::Nested(problem(&rows, route, opt)),
            None => AnyProblem::Blocked(problem(&rows, Blocked::new(&rows)?, opt)),
        };
        let shift = if opt.reml { rows.cross.log_det() } else { 0.0 } - rows.log_weights;
        Ok(Self { problem, scales: theta_scales(&rows), shift })
    }

    /// At θ in the units and order of [`super::LmmFit::theta`]; `None` where it is so extreme that the criterion is not
    /// finite.
    ///
    /// # Panics
    /// If θ has another length than the model's.
    pub fn at(&self, theta: ArrayView1<f64>) -> Option<LmmCriterion> {
        let scaled = &theta * &self.scales;
        let ValueGrad { value, grad } = match &self.problem {
            AnyProblem::Nested(problem) => problem.evaluate(&scaled, None),
            AnyProblem::Blocked(problem) => problem.evaluate(&scaled, None),
        }?;
        // The search minimises half the criterion, in scaled θ.
        Some(LmmCriterion { deviance: 2.0 * value + self.shift, gradient: grad * &self.scales * 2.0 })
    }
}
