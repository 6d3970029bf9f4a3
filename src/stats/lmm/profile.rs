//! Profile likelihood intervals of a linear mixed model. With σ explicit,
//!
//! ```text
//! D(θ, σ) = log|M| + n log(2πσ²) + r²(θ)/σ²        (β profiled out)
//! ```
//!
//! so no value of a parameter needs the rows again:
//!
//! - β_k is a direction of β that is held; σ has its closed form.
//! - σ is held as log σ, and θ is free.
//! - the standard deviation of effect i is σΛ₁₁ when i is first of its block: log σ and the rest of θ are free and
//!   Λ₁₁ = sd/σ.
//! - a correlation is a constraint on θ alone.
//!
//! The rows are read once for each order of columns that brings effects to the front.

use ndarray::{Array1, Array2};

use super::super::error::StatsError;
use super::super::optimize::{Optimum, Start, ValueGrad, minimise};
use super::super::profile::{
    Arrangement, Constraint, CorrelationProfile, Curve, ProfileIntervals, Reach, arrangements, cut, diagonals,
};
use super::super::terms::{inverse_curvature, theta_layout};
use super::blocked::Blocked;
use super::route::{Held, Problem, Route};
use super::rows::ScaledRows;
use super::{LmmAlgebra, LmmData, LmmFit, LmmOptions, nested, problem, theta_scales};

/// A standard deviation relative to σ about which the search for the curvature begins.
const TYPICAL: f64 = 0.5;

/// Limits at which −2 log L has risen by the `level` quantile of χ²₁, for every fixed effect, σ, and every standard
/// deviation and correlation of the random effects.
///
/// It is the likelihood that is profiled and not the restricted one, also for a `fit` by REML: restricted likelihoods
/// can't be compared between fixed effects. This is what `confint(method = "profile")` of lme4 does; its limits are
/// interpolated between points of the profile, those here are found on it, to 1e-8 of their distance from the estimate.
///
/// # Errors
/// As [`super::fit_lmm`], which is called upon for maximum likelihood; [`StatsError::Shape`] where `fit` is not of these
/// data, or `level` is not between 0 and 1.
pub fn profile_lmm(data: &LmmData, fit: &LmmFit, level: f64) -> Result<ProfileIntervals, StatsError> {
    let z = cut(level)?;
    let n_theta: usize = data.terms.iter().map(|t| t.n_theta()).sum();
    if fit.theta.len() != n_theta || fit.beta.len() != data.x.ncols() || fit.n_obs != data.y.len() {
        return Err(StatsError::Shape("the fit is not one of these data"));
    }
    let mut out = ProfileIntervals::none(fit.beta.len(), data.terms);
    let opt = LmmOptions { reml: false, algebra: LmmAlgebra::Auto, ..LmmOptions::default() };
    for (k, arrangement) in arrangements(data.terms).iter().enumerate() {
        let columns = arrangement.z(data.terms);
        let terms = arrangement.terms(data.terms, &columns);
        let (weights, offset) = (data.weights.as_ref().map(|w| w.view()), data.offset.as_ref().map(|o| o.view()));
        let rows_data = LmmData { y: data.y.view(), x: data.x.view(), terms: &terms, weights, offset };
        let rows = ScaledRows::new(&rows_data)?;
        let task = Task { rows: &rows, arrangement, theta: arrangement.theta(data.terms, &fit.theta), z };
        match nested(&rows, &opt) {
            Some(route) => task.run(&problem(&rows, route, &opt), k == 0, &mut out)?,
            None => task.run(&problem(&rows, Blocked::new(&rows)?, &opt), k == 0, &mut out)?,
        }
    }
    Ok(out)
}

/// One order of the columns.
struct Task<'t, 'd, 'a> {
    rows: &'t ScaledRows<'d, 'a>,
    arrangement: &'t Arrangement,
    /// θ of the fit in this order.
    theta: Array1<f64>,
    z: f64,
}

/// The maximum of the likelihood.
struct Best<'p, R> {
    problem: &'p Problem<R>,
    theta: Array1<f64>,
    log_sigma: f64,
    /// −log L.
    value: f64,
}

impl Task<'_, '_, '_> {
    fn run<R: Route>(
        &self,
        problem: &Problem<R>,
        with_fixed: bool,
        out: &mut ProfileIntervals,
    ) -> Result<(), StatsError> {
        let best = self.best(problem)?;
        if with_fixed {
            out.sigma = self.sigma(&best);
            out.beta = (0..problem.p).map(|k| self.beta(&best, k)).collect();
        }
        let to = &mut out.terms[self.arrangement.term];
        let first = self.arrangement.first;
        if self.arrangement.sd {
            to.sd[first] = self.sd(&best);
        }
        if let Some(second) = self.arrangement.second {
            to.cor.push(CorrelationProfile { first, second, limits: self.correlation(&best) });
        }
        Ok(())
    }

    fn best<'p, R: Route>(&self, problem: &'p Problem<R>) -> Result<Best<'p, R>, StatsError> {
        let terms = self.rows.terms();
        let mut start = self.start(&self.theta * &theta_scales(self.rows));
        // Zero is stationary.
        start.x.iter_mut().zip(diagonals(terms, 0)).filter(|(x, on)| *on && **x < 0.02).for_each(|(x, _)| *x = 0.02);
        let Optimum { x: theta, evaluations, grad_max, .. } = minimise(
            |theta| problem.evaluate(theta, None),
            &[start],
            &theta_layout(terms, 0),
            LmmOptions::default().max_evaluations,
        )?;
        let lost = StatsError::NotConverged { evaluations, grad_max };
        let solved = problem.solve(&theta.to_vec(), None).ok_or(lost)?;
        let log_sigma = 0.5 * (solved.fixed.r2 / problem.n).ln();
        Ok(Best { problem, value: 0.5 * solved.deviance, log_sigma, theta })
    }

    fn start(&self, theta: Array1<f64>) -> Start {
        Start { x: theta, inverse_hessian: Array2::from_diag(&inverse_curvature(self.rows.terms(), TYPICAL)) }
    }

    fn sigma<R: Route>(&self, best: &Best<R>) -> Option<[f64; 2]> {
        let objective = |log_sigma: f64, theta: &Array1<f64>| {
            let at = best.problem.evaluate_at_sigma(theta, log_sigma)?;
            Some(ValueGrad { value: at.value, grad: at.by_theta })
        };
        let diagonal = diagonals(self.rows.terms(), 0);
        let start = self.start(best.theta.clone());
        let mut curve = Curve { objective, best: best.value, start, offset: 0, diagonal };
        let reach = Reach::free(best.log_sigma, (0.5 / best.problem.n).sqrt());
        Some(curve.interval(&reach, self.z)?.map(f64::exp))
    }

    fn beta<R: Route>(&self, best: &Best<R>, k: usize) -> Option<[f64; 2]> {
        let solved = best.problem.solve(&best.theta.to_vec(), None)?;
        let direction = self.rows.to_beta().row(k).to_owned();
        let known = self.rows.beta_wls[k];
        let towards = solved.fixed.a.solve(direction.view());
        let se = (2.0 * best.log_sigma).exp() * direction.dot(&towards);
        let reach = Reach::free(direction.dot(&solved.fixed.gamma), se.sqrt());
        let objective = |value: f64, theta: &Array1<f64>| {
            best.problem.evaluate(theta, Some(&Held { direction: direction.clone(), value }))
        };
        let diagonal = diagonals(self.rows.terms(), 0);
        let start = self.start(best.theta.clone());
        let mut curve = Curve { objective, best: best.value, start, offset: 0, diagonal };
        Some(curve.interval(&reach, self.z)?.map(|limit| known + limit))
    }

    /// Over (log σ, θ), with the standard deviation in the place of Λ₁₁ and so held.
    fn sd<R: Route>(&self, best: &Best<R>) -> Option<[f64; 2]> {
        let place = 1 + self.arrangement.start;
        let held = Constraint::parameter(place);
        let terms = self.rows.terms();
        let objective = |sd: f64, others: &Array1<f64>| {
            let all = held.all(sd, others);
            let log_sigma = all[0];
            let mut theta: Array1<f64> = all.iter().skip(1).copied().collect();
            theta[place - 1] *= (-log_sigma).exp();
            let at = best.problem.evaluate_at_sigma(&theta, log_sigma)?;
            let by_log_sigma = at.by_log_sigma - at.by_theta[place - 1] * theta[place - 1];
            let grad = std::iter::once(by_log_sigma).chain(at.by_theta).collect();
            Some(ValueGrad { value: at.value, grad: held.gradient(sd, others, grad) })
        };
        let sigma = best.log_sigma.exp();
        let all: Array1<f64> = std::iter::once(best.log_sigma).chain(best.theta.iter().copied()).collect();
        let curvature = inverse_curvature(terms, TYPICAL);
        let inverse: Array1<f64> = std::iter::once(0.5 / best.problem.n).chain(curvature).collect();
        let start = Start { x: held.others(&all), inverse_hessian: Array2::from_diag(&held.without(&inverse)) };
        let diagonal = held.without(&diagonals(terms, 1));
        let mut curve = Curve { objective, best: best.value, start, offset: 0, diagonal };
        let reach = Reach::sd(sigma * best.theta[place - 1], sigma, self.levels());
        let unit = self.rows.z_scales[self.arrangement.term][self.first_place()];
        Some(curve.interval(&reach, self.z)?.map(|limit| limit / unit))
    }

    fn correlation<R: Route>(&self, best: &Best<R>) -> Option<[f64; 2]> {
        let held = Constraint::correlation(self.arrangement.start, self.arrangement.size);
        let terms = self.rows.terms();
        let reach = Reach::correlation(held.value(&best.theta)?, self.levels());
        let objective = |value: f64, others: &Array1<f64>| {
            let at = best.problem.evaluate(&held.all(value, others), None)?;
            Some(ValueGrad { value: at.value, grad: held.gradient(value, others, at.grad) })
        };
        let curvature = held.without(&inverse_curvature(terms, TYPICAL));
        let start = Start { x: held.others(&best.theta), inverse_hessian: Array2::from_diag(&curvature) };
        let diagonal = held.without(&diagonals(terms, 0));
        Curve { objective, best: best.value, start, offset: 0, diagonal }.interval(&reach, self.z)
    }

    fn levels(&self) -> usize {
        self.rows.terms()[self.arrangement.term].n_levels
    }

    /// Where the first column of the block stands now.
    fn first_place(&self) -> usize {
        let columns = &self.arrangement.columns;
        columns.iter().position(|&c| c == self.arrangement.first).expect("an arrangement holds all columns")
    }
}

#[cfg(test)]
mod tests {
    use super::super::fit_lmm;
    use super::*;
    use crate::stats::RandomTerm;

    fn spread(k: usize) -> f64 {
        let x = (k as f64 + 1.0).sin() * 43_758.545_3;
        x - x.floor() - 0.5
    }

    struct Case {
        fit: LmmFit,
        limits: ProfileIntervals,
    }

    /// `groups` of 5 rows; effects of the intercept and of a column in `units`, turned round if asked for.
    fn case(groups: usize, size: f64, units: f64, turned: bool) -> Case {
        let n = 5 * groups;
        let column = |i: usize| (i % 5) as f64 - 1.0;
        let x = Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 1.0 } else { column(i) });
        let z = Array2::from_shape_fn((n, 2), |(i, k)| if (k == 0) == turned { units * column(i) } else { 1.0 });
        let level: Vec<u32> = (0..n as u32).map(|i| i / 5).collect();
        let y = Array1::from_shape_fn(n, |i| {
            let j = i / 5;
            let (a, b) = (spread(3 * j + 1), spread(3 * j + 2));
            10.0 + column(i) + size * (4.0 * a + (a + 1.5 * b) * column(i)) + 3.0 * spread(n + 7 * i)
        });
        let terms = [RandomTerm { z: z.view().into(), level: &level, n_levels: groups, blocks: &[2] }];
        let data = LmmData { y: y.view(), x: x.view().into(), terms: &terms, weights: None, offset: None };
        let fit = fit_lmm(&data, &LmmOptions::default()).unwrap();
        let limits = profile_lmm(&data, &fit, 0.95).unwrap();
        Case { fit, limits }
    }

    #[test]
    fn many_groups_have_the_limits_of_wald() {
        let Case { fit, limits } = case(2000, 1.0, 1.0, false);
        let z = 1.959_963_984_540_054;
        // What is not quadratic is of order 1/√J.
        let near = |limits: Option<[f64; 2]>, estimate: f64, se: f64| {
            let [low, high] = limits.expect("limits are found");
            assert!((low - (estimate - z * se)).abs() < 0.05 * se, "{low} {estimate} {se}");
            assert!((high - (estimate + z * se)).abs() < 0.05 * se, "{high} {estimate} {se}");
        };
        (0..2).for_each(|k| near(limits.beta[k], fit.beta[k], fit.vcov_beta[[k, k]].sqrt()));
        near(limits.sigma, fit.sigma, fit.vcov_theta_sigma[[3, 3]].sqrt());
        // sd = σΛ₁₁.
        let (v, slope) = (&fit.vcov_theta_sigma, [fit.sigma, fit.theta[0]]);
        let variance =
            slope[0].powi(2) * v[[0, 0]] + slope[1].powi(2) * v[[3, 3]] + 2.0 * slope[0] * slope[1] * v[[0, 3]];
        near(limits.terms[0].sd[0], fit.sigma * fit.theta[0], variance.sqrt());
    }

    #[test]
    fn limits_follow_units_and_order_of_the_columns() {
        let (one, other) = (case(25, 1.0, 1.0, false).limits, case(25, 1.0, 40.0, true).limits);
        let same = |a: Option<[f64; 2]>, b: Option<[f64; 2]>, unit: f64| {
            let (a, b) = (a.expect("limits"), b.expect("limits"));
            (0..2).for_each(|k| assert!((a[k] - unit * b[k]).abs() < 1e-6 * (1.0 + a[k].abs()), "{a:?} {b:?}"));
        };
        same(one.sigma, other.sigma, 1.0);
        (0..2).for_each(|k| same(one.beta[k], other.beta[k], 1.0));
        same(one.terms[0].sd[0], other.terms[0].sd[1], 1.0);
        same(one.terms[0].sd[1], other.terms[0].sd[0], 40.0);
        same(one.terms[0].cor[0].limits, other.terms[0].cor[0].limits, 1.0);
    }

    #[test]
    fn at_the_boundary_a_standard_deviation_begins_at_zero() {
        let Case { fit, limits } = case(12, 0.0, 1.0, false);
        assert!(matches!(fit.stop, crate::stats::Stop::Boundary { .. }));
        for (k, sd) in limits.terms[0].sd.iter().enumerate() {
            let [low, high] = sd.expect("limits are found");
            let row = fit.terms[0].lambda.row(k);
            assert_eq!(low, 0.0);
            assert!(high > fit.sigma * row.dot(&row).sqrt());
        }
    }
}
