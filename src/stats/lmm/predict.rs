//! Combinations of fixed and random effects of any terms, with their joint mean squared error: the prediction for a
//! pupil in a school, the difference of two schools, a school with its region.
//!
//! The estimate of cᵀβ + dᵀb is cᵀβ̂ + dᵀb̂ (Henderson's BLUP). With P = ΛM⁻¹Λᵀ and A = XᵀV⁻¹X its error is, for known θ,
//!
//! ```text
//! MSE = σ²{dᵀPd + rᵀA⁻¹r},   r = c − XᵀZPd
//!     = σ²{cᵀA⁻¹c − 2cᵀA⁻¹XᵀZPd + dᵀPd + dᵀPZᵀX A⁻¹XᵀZPd}
//! ```
//!
//! (Henderson 1975, Biometrics 31:423). The uncertainty of θ adds g V_θ gᵀ with g = ∂(cᵀβ̂ + dᵀb̂)/∂θ, by central
//! differences (Kackar & Harville 1984, JASA 79:853, whose first-order term this is). Everything comes from one sparse
//! factorisation over the levels and one for each step of θ, however many combinations there are.

use ndarray::{Array1, Array2, Axis, s};

use super::super::error::StatsError;
use super::blocked::{Blocked, BlockedAt};
use super::report::{STEP, directions};
use super::route::{Problem, Solved};
use super::rows::ScaledRows;
use super::{LmmData, LmmFit, theta_scales};

/// cᵀβ + Σ wᵀb over levels of the terms.
#[derive(Clone, Debug)]
pub struct Combination {
    /// Weights of the fixed effects c (p).
    pub beta: Array1<f64>,
    /// Weights of random effects; a level named twice has the sum of its weights.
    pub random: Vec<RandomWeight>,
}

/// Weights of the effects of one level.
#[derive(Clone, Debug)]
pub struct RandomWeight {
    /// Index of the term in [`LmmData::terms`].
    pub term: usize,
    /// Its level, below `n_levels`; one without rows is a new one, with effects 0 and their whole variance.
    pub level: usize,
    /// One per column of the term (q).
    pub weights: Array1<f64>,
}

/// A predicted combination.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predicted {
    /// cᵀβ̂ + Σ wᵀb̂.
    pub estimate: f64,
    /// Root of the mean squared error, uncertainty of θ included.
    pub std_error: f64,
    /// The same for known θ.
    pub std_error_theta_known: f64,
}

/// One combination; [`lmm_predictions`] for many.
///
/// # Errors
/// Those of [`lmm_predictions`].
pub fn lmm_prediction(data: &LmmData, fit: &LmmFit, what: &Combination) -> Result<Predicted, StatsError> {
    lmm_predictions(data, fit, std::slice::from_ref(what)).map(|all| all[0])
}

/// Predicts combinations at the θ̂ and σ̂ of a fit to the same data.
///
/// # Errors
/// [`StatsError::Shape`] for weights that do not fit the data or a fit of another model; those of [`super::fit_lmm`] for
/// the data; [`StatsError::TooDense`] for crossed factors too large to factor.
pub fn lmm_predictions(data: &LmmData, fit: &LmmFit, what: &[Combination]) -> Result<Vec<Predicted>, StatsError> {
    let rows = ScaledRows::new(data)?;
    let scales = theta_scales(&rows);
    if fit.theta.len() != scales.len() || fit.beta.len() != rows.p() || fit.n_obs != rows.n() {
        return Err(StatsError::Shape("the fit is not one of these data"));
    }
    let problem = Problem { route: Blocked::new(&rows)?, n: rows.n() as f64, p: rows.p(), reml: true };
    let wanted = Wanted::new(&rows, &problem.route, what)?;
    let lost = || StatsError::NotConverged { evaluations: fit.evaluations, grad_max: fit.grad_max };
    let theta = &fit.theta * &scales;
    let solve = |theta: &Array1<f64>| problem.solve(&theta.to_vec(), None).ok_or_else(lost);
    let here = solve(&theta)?;
    let estimates = wanted.estimates(&problem.route, &here);
    let known = wanted.errors(&problem.route, &here) * (fit.sigma * fit.sigma);
    // V_θ = CCᵀ, so that the sum of squared slopes along C is gV_θgᵀ.
    let k = theta.len();
    let mut vcov = fit.vcov_theta_sigma.slice(s![..k, ..k]).to_owned();
    vcov.indexed_iter_mut().for_each(|((i, j), v)| *v *= scales[i] * scales[j]);
    let mut by_theta = Array1::<f64>::zeros(what.len());
    for direction in directions(vcov.view()).columns() {
        let moved = |by: f64| solve(&(&theta + &(&direction * by))).map(|at| wanted.estimates(&problem.route, &at));
        let slope = (moved(STEP)? - moved(-STEP)?) / (2.0 * STEP);
        by_theta += &slope.mapv(|s| s * s);
    }
    let predicted = |i: usize| Predicted {
        estimate: estimates[i],
        std_error: (known[i] + by_theta[i]).max(0.0).sqrt(),
        std_error_theta_known: known[i].max(0.0).sqrt(),
    };
    Ok((0..what.len()).map(predicted).collect())
}

/// m combinations in the coordinates of the route.
struct Wanted {
    /// c for γ (p×m).
    c: Array2<f64>,
    /// d for scaled b (levels × m).
    d: Array2<f64>,
    /// cᵀβ_wls (m): β = β_wls + L⁻ᵀγ.
    start: Array1<f64>,
}

impl Wanted {
    fn new(rows: &ScaledRows, route: &Blocked, what: &[Combination]) -> Result<Self, StatsError> {
        let p = rows.p();
        let mut c = Array2::zeros((p, what.len()));
        let mut d = Array2::zeros((route.levels.symbolic.n_rows(), what.len()));
        for (m, one) in what.iter().enumerate() {
            if one.beta.len() != p {
                return Err(StatsError::Shape("a combination needs one weight for each fixed effect"));
            }
            c.column_mut(m).assign(&one.beta);
            for part in &one.random {
                let term = rows.terms().get(part.term);
                let fits = term.is_some_and(|t| part.level < t.n_levels && part.weights.len() == t.q());
                if !fits {
                    return Err(StatsError::Shape("a combination names a random effect that there is not"));
                }
                let node = route.levels.terms[part.term].nodes.start + part.level;
                for ((at, w), scale) in route.levels.rows(node).zip(&part.weights).zip(&rows.z_scales[part.term]) {
                    d[[at, m]] += w / scale;
                }
            }
        }
        let start = c.t().dot(&rows.beta_wls);
        Ok(Self { c: rows.to_beta().t().dot(&c), d, start })
    }

    /// Λᵀd.
    fn spherical(&self, route: &Blocked, at: &BlockedAt) -> Array2<f64> {
        route.levels.times_lambda(&at.lambdas, &self.d, true)
    }

    /// cᵀβ̂ + dᵀb̂ (m).
    fn estimates(&self, route: &Blocked, solved: &Solved<BlockedAt>) -> Array1<f64> {
        let (gamma, u) = (&solved.fixed.gamma, &solved.at.u);
        let p = gamma.len();
        let effects = &u.column(p) - &u.slice(s![.., ..p]).dot(gamma);
        &self.start + &self.c.t().dot(gamma) + self.spherical(route, &solved.at).t().dot(&effects)
    }

    /// Mean squared errors for known θ, over σ² (m).
    fn errors(&self, route: &Blocked, solved: &Solved<BlockedAt>) -> Array1<f64> {
        let mut half = self.spherical(route, &solved.at);
        let p = solved.fixed.gamma.len();
        let r = &self.c - &solved.at.u.slice(s![.., ..p]).t().dot(&half);
        solved.at.factor.half_solve(&mut half);
        let by_beta = solved.fixed.a.forward_columns(r.view());
        half.mapv_inplace(|v| v * v);
        half.sum_axis(Axis(0)) + by_beta.mapv(|v| v * v).sum_axis(Axis(0))
    }
}
