//! Bootstrap of mixed models for counts from their cells: parametric replicates draw effects and the successes of each cell;
//! replicates by cluster count the levels of one factor 0, 1, 2, … times, or, with several factors, take the cells of the
//! drawn levels of the outermost one. A search begins at the estimate.
//!
//! Every replicate is first fitted without random effects, which costs little and finds outcomes that its columns
//! separate: such a replicate has no finite estimate, and has failed.

use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::super::bootstrap::{
    BootstrapKind, BootstrapOptions, DrawnRows, Part, Replicate, Replicates, copies, counts, normals, repeated, run,
    stream,
};
use super::super::cells::Cells;
use super::super::error::StatsError;
use super::super::family::Family;
use super::super::glm::{GlmFit, drawn_cells, fit_glm};
use super::super::lmm::outermost_term;
use super::super::optimize::{Start, Stop, minimise};
use super::super::quadrature::GaussHermite;
use super::super::terms::{RandomTerm, inverse_curvature, leave_zero, theta_layout};
use super::blocked::Blocked;
use super::single::Single;
use super::{GlmmFit, GlmmOptions, Likelihood, Problem, Scaling, single_effects};

/// Replicates of (β, θ) and, if asked for, the predicted effects of a `fit` to `cells`. Family, terms and `opt` must be those
/// of the fit; with [`GlmmOptions::variance_prior`] every replicate has it too.
///
/// By cluster, the groups are the levels of the outermost term, in which those of all others lie; crossed factors
/// have none.
///
/// # Errors
/// [`StatsError::Shape`] where `fit` is not of these cells, trials are no whole numbers and successes are to be drawn,
/// factors are crossed and clusters are to be drawn, or fewer than two replicates are asked for; those of
/// [`super::fit_glmm`] for the cells; the first failure where fewer than two replicates could be fitted.
pub fn bootstrap_glmm(
    cells: &Cells,
    terms: &[RandomTerm],
    family: Family,
    opt: &GlmmOptions,
    fit: &GlmmFit,
    boot: &BootstrapOptions,
) -> Result<Replicates, StatsError> {
    let n_theta: usize = terms.iter().map(RandomTerm::n_theta).sum();
    if fit.theta.len() != n_theta || fit.beta.len() != cells.x.ncols() {
        return Err(StatsError::Shape("the fit is not one of these cells"));
    }
    let problem = Problem { cells, terms, family, opt };
    let glm = problem.glm()?;
    let rule = problem.rule()?;
    let boots = Boots { problem: &problem, fit, glm: &glm, rule: rule.as_ref(), boot };
    match single_effects(terms) {
        Some(1) => boots.run(|scaling| Ok(Single::<1>::new(cells, &terms[0], family, scaling))),
        Some(2) => boots.run(|scaling| Ok(Single::<2>::new(cells, &terms[0], family, scaling))),
        Some(3) => boots.run(|scaling| Ok(Single::<3>::new(cells, &terms[0], family, scaling))),
        _ => boots.run(|scaling| Blocked::new(cells, terms, family, scaling)),
    }
}

struct Boots<'b, 'd, 'c, 't> {
    problem: &'b Problem<'d, 'c, 't>,
    fit: &'b GlmmFit,
    glm: &'b GlmFit,
    rule: Option<&'b GaussHermite>,
    boot: &'b BootstrapOptions,
}

impl Boots<'_, '_, '_, '_> {
    fn run<L: Likelihood>(
        &self,
        make: impl FnOnce(&Scaling) -> Result<L, StatsError>,
    ) -> Result<Replicates, StatsError> {
        let scaling = Scaling::new(self.problem.cells, self.problem.terms, self.glm)?;
        let likelihood = make(&scaling)?;
        match self.boot.kind {
            BootstrapKind::Parametric => self.parametric(&likelihood, &scaling),
            BootstrapKind::Cluster => self.by_cluster(&likelihood, &scaling),
        }
    }

    fn parametric<L: Likelihood>(&self, likelihood: &L, scaling: &Scaling) -> Result<Replicates, StatsError> {
        let Problem { cells, terms, family, .. } = *self.problem;
        let mut fixed = cells.x.dot(&self.fit.beta);
        if let Some(offset) = cells.offset {
            fixed += &offset;
        }
        let trials = cells.trials.to_owned();
        let start = self.start(scaling, terms);
        run(self.boot, |r| {
            let effects: Vec<Array2<f64>> = (0..terms.len()).map(|t| self.effects(t, r)).collect();
            let mut eta = fixed.clone();
            terms.iter().zip(&effects).for_each(|(term, b)| term.add_random(b, &mut eta));
            let successes = counts(family, &eta, &trials, self.boot.seed, r)?;
            fit_glm(&cells.with_successes(&successes), family, &self.problem.opt.glm)?;
            let mut drawn = likelihood.with_successes(&successes);
            let mut replicate = self.refit(&mut drawn, scaling, terms, &start)?;
            if self.boot.keep_modes {
                replicate.drawn = effects;
            }
            Ok(replicate)
        })
    }

    fn by_cluster<L: Likelihood>(&self, likelihood: &L, scaling: &Scaling) -> Result<Replicates, StatsError> {
        const CROSSED: StatsError = StatsError::Shape(
            "crossed grouping factors have no clusters that are independent: bootstrap parametrically",
        );
        let Problem { cells, terms, family, opt } = *self.problem;
        let outer = &terms[outermost_term(terms).ok_or(CROSSED)?];
        let mut present = vec![false; outer.n_levels];
        outer.level.iter().for_each(|&j| present[j as usize] = true);
        let start = self.start(scaling, terms);
        run(self.boot, |r| {
            let copies = copies(self.boot.seed, r, &present);
            let of_drawn = drawn_cells(cells, outer.level, &copies);
            let glm = fit_glm(&of_drawn.cells(), family, &opt.glm)?;
            if let Some(mut counted) = likelihood.with_copies(&copies) {
                return self.refit(&mut counted, scaling, terms, &start);
            }
            let drawn = DrawnRows::new(terms, &repeated(outer.level, &copies));
            let (drawn_terms, rows) = (drawn.terms(terms), &drawn.rows);
            let take = |a: ArrayView1<f64>| a.select(Axis(0), rows);
            let (x, trials, successes) = (cells.x.select(rows), take(cells.trials), take(cells.successes));
            let offset = cells.offset.map(take);
            let cells = Cells {
                x: x.view().into(),
                trials: trials.view(),
                successes: successes.view(),
                offset: offset.as_ref().map(|o| o.view()),
            };
            let scaling_of_drawn = Scaling::new(&cells, &drawn_terms, &glm)?;
            let mut blocked = Blocked::new(&cells, &drawn_terms, family, &scaling_of_drawn)?;
            let start = self.start(&scaling_of_drawn, &drawn_terms);
            let mut replicate = self.refit(&mut blocked, &scaling_of_drawn, &drawn_terms, &start)?;
            if self.boot.keep_modes {
                // Of the groups of the data, not of the copies.
                let phi = scaling.to_scaled(replicate.beta.view(), replicate.theta.view());
                let lost = StatsError::NotConverged { evaluations: 1, grad_max: f64::NAN };
                replicate.modes = unscaled(likelihood.modes(&phi).ok_or(lost)?, scaling);
            }
            Ok(replicate)
        })
    }

    /// Effects of the levels of a term (J×q), b = Λu.
    fn effects(&self, term: usize, r: u32) -> Array2<f64> {
        let (lambda, levels) = (&self.fit.terms[term].lambda, self.problem.terms[term].n_levels);
        let mut out = Array2::zeros((levels, lambda.nrows()));
        for (j, mut to) in out.rows_mut().into_iter().enumerate() {
            let mut rng = stream(self.boot.seed, Part::Effects(term), r, j);
            to.assign(&lambda.dot(&normals(&mut rng, lambda.nrows())));
        }
        out
    }

    /// The estimate, away from zeros, in scaled coordinates.
    fn start(&self, scaling: &Scaling, terms: &[RandomTerm]) -> Start {
        let p = self.fit.beta.len();
        let mut x = scaling.to_scaled(self.fit.beta.view(), self.fit.theta.view());
        let t = scaling.inverse();
        let mut inverse_hessian = t.dot(&self.fit.vcov).dot(&t.t());
        if inverse_hessian.iter().any(|v| !v.is_finite()) {
            // Of a point that was given nothing is known; the information of the model without effects is 1 here.
            let known = std::iter::repeat_n(1.0, p).chain(inverse_curvature(terms, 0.5));
            inverse_hessian = Array2::from_diag(&known.collect::<Array1<f64>>());
        }
        leave_zero(terms, p, &mut x, &mut inverse_hessian);
        Start { x, inverse_hessian }
    }

    fn refit<L: Likelihood>(
        &self,
        likelihood: &mut L,
        scaling: &Scaling,
        terms: &[RandomTerm],
        start: &Start,
    ) -> Result<Replicate, StatsError> {
        let p = self.fit.beta.len();
        let optimum = minimise(
            |phi| likelihood.evaluate(phi, self.rule).and_then(|at| self.problem.with_prior(p, phi, at)),
            std::slice::from_ref(start),
            &theta_layout(terms, p),
            self.problem.opt.max_evaluations,
        )?;
        let lost = StatsError::NotConverged { evaluations: optimum.evaluations, grad_max: optimum.grad_max };
        if matches!(optimum.stop, Stop::Budget { .. }) {
            return Err(lost);
        }
        let modes = if self.boot.keep_modes { likelihood.modes(&optimum.x).ok_or(lost)? } else { Vec::new() };
        let phi = scaling.to_original().dot(&optimum.x);
        let (beta, theta) = phi.view().split_at(Axis(0), p);
        Ok(Replicate {
            beta: beta.to_owned(),
            theta: theta.to_owned(),
            sigma: None,
            singular: matches!(optimum.stop, Stop::Boundary { .. }),
            modes: unscaled(modes, scaling),
            drawn: Vec::new(),
        })
    }
}

/// b = b_scaled / scale.
fn unscaled(modes: Vec<Array2<f64>>, scaling: &Scaling) -> Vec<Array2<f64>> {
    modes.into_iter().zip(&scaling.z).map(|(b, z)| b / z).collect()
}
