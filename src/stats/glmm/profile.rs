//! Profile likelihood intervals of a mixed model for counts, by the approximation of the fit.
//!
//! In the coordinates of the search a fixed effect is β_k = aᵀγ. With it held, γ = a v/‖a‖² + Nx, where the columns of N
//! are the others of a Householder reflection that takes a to the first axis. A standard deviation is Λ₁₁ when its
//! effect is first of its block.

use ndarray::{Array1, Array2, s};

use super::super::cells::Cells;
use super::super::error::StatsError;
use super::super::family::Family;
use super::super::glm::GlmFit;
use super::super::optimize::{Start, ValueGrad};
use super::super::profile::{
    Arrangement, Constraint, CorrelationProfile, Curve, ProfileIntervals, Reach, arrangements, cut, diagonals,
};
use super::super::quadrature::GaussHermite;
use super::super::terms::{RandomTerm, inverse_curvature};
use super::blocked::Blocked;
use super::single::Single;
use super::{GlmmFit, GlmmOptions, Likelihood, Problem, Scaling, single_effects};

/// Limits at which −2 log L has risen by the `level` quantile of χ²₁, for every fixed effect and every standard deviation
/// and correlation of the random effects. Families, terms and `opt` must be those of `fit`; with
/// [`GlmmOptions::variance_prior`] it is the penalised likelihood that is profiled.
///
/// # Errors
/// As [`super::fit_glmm`]; [`StatsError::Shape`] where `fit` is not of these cells, or `level` is not between 0 and 1.
pub fn profile_glmm(
    cells: &Cells,
    terms: &[RandomTerm],
    family: Family,
    opt: &GlmmOptions,
    fit: &GlmmFit,
    level: f64,
) -> Result<ProfileIntervals, StatsError> {
    let z = cut(level)?;
    let n_theta: usize = terms.iter().map(RandomTerm::n_theta).sum();
    if fit.theta.len() != n_theta || fit.beta.len() != cells.x.ncols() {
        return Err(StatsError::Shape("the fit is not one of these cells"));
    }
    let given = Problem { cells, terms, family, opt };
    let (rule, glm) = (given.rule()?, given.glm()?);
    let mut out = ProfileIntervals::none(fit.beta.len(), terms);
    for (k, arrangement) in arrangements(terms).iter().enumerate() {
        let columns = arrangement.z(terms);
        let moved = arrangement.terms(terms, &columns);
        let problem = Problem { cells, terms: &moved, family, opt };
        let theta = arrangement.theta(terms, &fit.theta);
        let task = Task { problem: &problem, arrangement, theta, fit, glm: &glm, rule: rule.as_ref(), z };
        let with_fixed = k == 0;
        match single_effects(&moved) {
            Some(1) => task.run(|s| Ok(Single::<1>::new(cells, &moved[0], family, s)), with_fixed, &mut out)?,
            Some(2) => task.run(|s| Ok(Single::<2>::new(cells, &moved[0], family, s)), with_fixed, &mut out)?,
            Some(3) => task.run(|s| Ok(Single::<3>::new(cells, &moved[0], family, s)), with_fixed, &mut out)?,
            _ => task.run(|s| Blocked::new(cells, &moved, family, s), with_fixed, &mut out)?,
        }
    }
    Ok(out)
}

/// One order of the columns.
struct Task<'t, 'd, 'c, 'r> {
    problem: &'t Problem<'d, 'c, 'r>,
    arrangement: &'t Arrangement,
    /// θ of the fit in this order.
    theta: Array1<f64>,
    fit: &'t GlmmFit,
    glm: &'t GlmFit,
    rule: Option<&'t GaussHermite>,
    z: f64,
}

/// The optimum in the coordinates of the search.
struct Best {
    phi: Array1<f64>,
    /// −log L, with the prior.
    value: f64,
    /// A guess of the inverse Hessian's diagonal.
    spread: Array1<f64>,
    scaling: Scaling,
}

impl Task<'_, '_, '_, '_> {
    fn run<L: Likelihood>(
        &self,
        make: impl FnOnce(&Scaling) -> Result<L, StatsError>,
        with_fixed: bool,
        out: &mut ProfileIntervals,
    ) -> Result<(), StatsError> {
        let scaling = Scaling::new(self.problem.cells, self.problem.terms, self.glm)?;
        let mut likelihood = make(&scaling)?;
        let phi = scaling.to_scaled(self.fit.beta.view(), self.theta.view());
        let lost = StatsError::NotConverged { evaluations: self.fit.evaluations, grad_max: self.fit.grad_max };
        let value = self.evaluate(&mut likelihood, &phi).ok_or(lost)?.value;
        // The GLM's information is 1 in these coordinates.
        let typical = inverse_curvature(self.problem.terms, 0.5);
        let spread = std::iter::repeat_n(1.0, self.p()).chain(typical).collect();
        let best = Best { phi, value, spread, scaling };
        if with_fixed {
            out.beta = (0..self.p()).map(|k| self.beta(&mut likelihood, &best, k)).collect();
        }
        let to = &mut out.terms[self.arrangement.term];
        let first = self.arrangement.first;
        if self.arrangement.sd {
            to.sd[first] = self.sd(&mut likelihood, &best);
        }
        if let Some(second) = self.arrangement.second {
            let limits = self.correlation(&mut likelihood, &best);
            to.cor.push(CorrelationProfile { first, second, limits });
        }
        Ok(())
    }

    fn p(&self) -> usize {
        self.fit.beta.len()
    }

    fn levels(&self) -> usize {
        self.problem.terms[self.arrangement.term].n_levels
    }

    fn evaluate<L: Likelihood>(&self, likelihood: &mut L, phi: &Array1<f64>) -> Option<ValueGrad> {
        let at = likelihood.evaluate(phi, self.rule)?;
        self.problem.with_prior(self.p(), phi, at)
    }

    fn beta<L: Likelihood>(&self, likelihood: &mut L, best: &Best, k: usize) -> Option<[f64; 2]> {
        let p = self.p();
        let to_beta = best.scaling.information.backward_columns(Array2::eye(p).view());
        let held = Direction::new(to_beta.row(k).to_owned());
        let start =
            Start { x: held.others(&best.phi), inverse_hessian: Array2::from_diag(&best.spread.slice(s![1..])) };
        let objective = |value: f64, others: &Array1<f64>| {
            let at = self.evaluate(likelihood, &held.all(value, others))?;
            Some(ValueGrad { value: at.value, grad: held.others(&at.grad) })
        };
        let diagonal = diagonals(self.problem.terms, p - 1);
        let mut curve = Curve { objective, best: best.value, start, offset: p - 1, diagonal };
        let known = [self.fit.vcov[[k, k]], self.glm.vcov[[k, k]]];
        let variance = known.into_iter().find(|v| *v > 0.0 && v.is_finite())?;
        curve.interval(&Reach::free(self.fit.beta[k], variance.sqrt()), self.z)
    }

    fn sd<L: Likelihood>(&self, likelihood: &mut L, best: &Best) -> Option<[f64; 2]> {
        let place = self.p() + self.arrangement.start;
        let limits = self.of_theta(
            likelihood,
            best,
            Constraint::parameter(place),
            &Reach::sd(best.phi[place], 1.0, self.levels()),
        )?;
        let unit = best.scaling.theta[self.arrangement.start];
        Some(limits.map(|limit| limit / unit))
    }

    fn correlation<L: Likelihood>(&self, likelihood: &mut L, best: &Best) -> Option<[f64; 2]> {
        let held = Constraint::correlation(self.p() + self.arrangement.start, self.arrangement.size);
        let reach = Reach::correlation(held.value(&best.phi)?, self.levels());
        self.of_theta(likelihood, best, held, &reach)
    }

    fn of_theta<L: Likelihood>(
        &self,
        likelihood: &mut L,
        best: &Best,
        held: Constraint,
        reach: &Reach,
    ) -> Option<[f64; 2]> {
        let objective = |value: f64, others: &Array1<f64>| {
            let at = self.evaluate(likelihood, &held.all(value, others))?;
            Some(ValueGrad { value: at.value, grad: held.gradient(value, others, at.grad) })
        };
        let start =
            Start { x: held.others(&best.phi), inverse_hessian: Array2::from_diag(&held.without(&best.spread)) };
        let diagonal = held.without(&diagonals(self.problem.terms, self.p()));
        Curve { objective, best: best.value, start, offset: self.p(), diagonal }.interval(reach, self.z)
    }
}

/// aᵀγ held at a value, γ the first elements of φ.
struct Direction {
    a: Array1<f64>,
    /// Orthonormal columns at right angles to a (p×(p−1)).
    rest: Array2<f64>,
}

impl Direction {
    fn new(a: Array1<f64>) -> Self {
        let p = a.len();
        let mut u = &a / a.dot(&a).sqrt();
        // The sign that adds, so that no digits cancel.
        u[0] += if u[0] < 0.0 { -1.0 } else { 1.0 };
        let scale = 2.0 / u.dot(&u);
        let reflection = |(i, j): (usize, usize)| f64::from(u8::from(i == j)) - scale * u[i] * u[j];
        let rest = Array2::from_shape_fn((p, p - 1), |(i, j)| reflection((i, j + 1)));
        Self { a, rest }
    }

    /// φ or its gradient along everything but a.
    fn others(&self, phi: &Array1<f64>) -> Array1<f64> {
        let p = self.a.len();
        let gamma = self.rest.t().dot(&phi.slice(s![..p]));
        gamma.into_iter().chain(phi.iter().skip(p).copied()).collect()
    }

    fn all(&self, value: f64, others: &Array1<f64>) -> Array1<f64> {
        let rest = self.a.len() - 1;
        let gamma = &self.a * (value / self.a.dot(&self.a)) + self.rest.dot(&others.slice(s![..rest]));
        gamma.into_iter().chain(others.iter().skip(rest).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::link::Link;
    use super::super::fit_glmm;
    use super::*;

    fn spread(k: usize) -> f64 {
        let x = (k as f64 + 1.0).sin() * 43_758.545_3;
        x - x.floor() - 0.5
    }

    #[test]
    fn a_held_direction_keeps_its_value_and_all_else_is_free() {
        let phi = ndarray::array![0.3, -0.7, 1.1, 0.4];
        for a in [ndarray::array![-2.0, 0.5, 1.0], ndarray::array![0.0, 0.0, 3.0], ndarray::array![0.2, 0.0, 0.0]] {
            let held = Direction::new(a.clone());
            let again = held.all(a.dot(&phi.slice(s![..3])), &held.others(&phi));
            assert!((&again - &phi).iter().all(|d| d.abs() < 1e-14));
            assert!((held.all(0.25, &held.others(&phi)).slice(s![..3]).dot(&a) - 0.25).abs() < 1e-14);
        }
    }

    /// 30 groups of 4 cells with 12 trials.
    #[test]
    fn limits_hold_the_estimates_and_follow_the_units() {
        let n = 120;
        let level: Vec<u32> = (0..n as u32).map(|i| i / 4).collect();
        let x = Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 1.0 } else { spread(i) });
        let trials = Array1::from_elem(n, 12.0);
        let of = |group: usize, i: usize| 2.0 * spread(100 + group) + (1.0 + 8.0 * spread(group)) * spread(i);
        let chance = |i: usize| 1.0 / (1.0 + (-of(i / 4, i)).exp());
        let successes =
            Array1::from_shape_fn(n, |i| (12.0 * chance(i) + 2.0 * spread(i * 7 + 3)).round().clamp(0.0, 12.0));
        let cells = Cells { x: x.view().into(), trials: trials.view(), successes: successes.view(), offset: None };
        let (family, opt) = (Family::Binomial(Link::Logit), GlmmOptions::default());
        let of_z = |z: &Array2<f64>| {
            let terms = [RandomTerm { z: z.view().into(), level: &level, n_levels: 30, blocks: &[2] }];
            let fit = fit_glmm(&cells, &terms, family, &opt).unwrap();
            let limits = profile_glmm(&cells, &terms, family, &opt, &fit, 0.9).unwrap();
            (fit, limits)
        };
        let (fit, limits) = of_z(&x);
        let inside = |limits: Option<[f64; 2]>, estimate: f64| {
            let [low, high] = limits.expect("limits are found");
            assert!(low < estimate && estimate < high, "{low} {estimate} {high}");
        };
        let lambda = &fit.terms[0].lambda;
        let sd = |k: usize| lambda.row(k).dot(&lambda.row(k)).sqrt();
        (0..2).for_each(|k| inside(limits.beta[k], fit.beta[k]));
        (0..2).for_each(|k| inside(limits.terms[0].sd[k], sd(k)));
        inside(limits.terms[0].cor[0].limits, lambda[[1, 0]] / sd(1));
        // The other column first, in other units.
        let (_, turned) = of_z(&Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 8.0 * x[[i, 1]] } else { 1.0 }));
        let same = |a: Option<[f64; 2]>, b: Option<[f64; 2]>, unit: f64| {
            let (a, b) = (a.expect("limits"), b.expect("limits"));
            (0..2).for_each(|k| assert!((a[k] - unit * b[k]).abs() < 1e-5 * a[k].abs(), "{a:?} {b:?}"));
        };
        same(limits.terms[0].sd[0], turned.terms[0].sd[1], 1.0);
        same(limits.terms[0].sd[1], turned.terms[0].sd[0], 8.0);
        same(limits.terms[0].cor[0].limits, turned.terms[0].cor[0].limits, 1.0);
        same(limits.beta[1], turned.beta[1], 1.0);
    }
}
