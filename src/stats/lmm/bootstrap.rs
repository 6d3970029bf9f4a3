//! Bootstrap of linear mixed models from what was gathered of the rows.
//!
//! | | one factor | an inner factor in it | anything else |
//! |---|---|---|---|
//! | parametric | from each group's cross-products | the products with y again, from the rows | the same |
//! | by cluster | groups counted 0, 1, 2, … times | the same | the drawn rows |
//!
//! One factor needs no rows. In the coordinates of the route y = Xγ + Zb + ε; with G_j the products of \[Z X\] of group j and
//! c = (b_j, γ), the products that hold y are
//!
//! ```text
//! [Z X]ᵀy = G_jc + [Z X]ᵀε        yᵀy = cᵀG_jc + 2cᵀ[Z X]ᵀε + εᵀε
//! ```
//!
//! and ([Z X]ᵀε, εᵀε) is drawn from G_j and the number of rows ([`Gram`]), exactly in distribution. A search begins at the
//! estimate.

use ndarray::{Array1, Array2, Axis, s};
use rayon::prelude::*;

use super::super::bootstrap::{
    BootstrapKind, BootstrapOptions, DrawnRows, Gram, Part, Replicate, Replicates, copies, normals, repeated, run,
    stream,
};
use super::super::chunks::ROWS;
use super::super::error::StatsError;
use super::super::lambda::from_blocks;
use super::super::optimize::{Start, Stop, minimise};
use super::super::terms::{RandomTerm, leave_zero, theta_layout, theta_ranges};
use super::blocked::Blocked;
use super::cluster::outermost_term;
use super::crossprod::{CrossProducts, GroupProducts, Layout, pattern_products};
use super::nested::Nested;
use super::route::{Problem, Route, Solved};
use super::rows::ScaledRows;
use super::{LmmData, LmmFit, LmmOptions, nested, theta_scales};

/// Replicates of (β, θ, σ) and, if asked for, the predicted effects of a `fit` to `data`, each by the likelihood of `opt`.
///
/// By cluster, the groups are the levels of the outermost term, in which those of all others lie; crossed factors
/// have none.
///
/// # Errors
/// [`StatsError::Shape`] where `fit` is not of these data, fewer than two replicates are asked for, or factors are crossed
/// and clusters are to be drawn; those of [`super::fit_lmm`] for the data; the first failure where fewer than two
/// replicates could be fitted.
pub fn bootstrap_lmm(
    data: &LmmData,
    fit: &LmmFit,
    opt: &LmmOptions,
    boot: &BootstrapOptions,
) -> Result<Replicates, StatsError> {
    let rows = ScaledRows::new(data)?;
    let scales = theta_scales(&rows);
    if fit.theta.len() != scales.len() || fit.beta.len() != rows.p() || fit.n_obs != rows.n() {
        return Err(StatsError::Shape("the fit is not one of these data"));
    }
    // Replicates draw the outcomes of units, whether they are predicted or not.
    let opt = &LmmOptions { predict_units: true, ..*opt };
    let boots = Boots { rows: &rows, fit, opt, boot, truth: Truth::new(&rows, fit, &scales) };
    match (boot.kind, nested(&rows, opt)) {
        (BootstrapKind::Parametric, Some(route)) if route.levels.inner.is_none() => boots.by_products(&route),
        (BootstrapKind::Parametric, Some(route)) => boots.by_units(&route),
        (BootstrapKind::Parametric, None) => boots.by_rows(&Blocked::new(&rows)?),
        (BootstrapKind::Cluster, Some(route)) => boots.by_copies(&route),
        (BootstrapKind::Cluster, None) => boots.by_drawn_rows(data, &Blocked::new(&rows)?),
    }
}

/// The fit in the coordinates of the route.
struct Truth {
    gamma: Array1<f64>,
    sigma: f64,
    /// σΛ of each term.
    lambdas: Vec<Array2<f64>>,
    start: Start,
}

impl Truth {
    fn new(rows: &ScaledRows, fit: &LmmFit, scales: &Array1<f64>) -> Self {
        let theta = (&fit.theta * scales).to_vec();
        let lambda =
            |(term, range): (&RandomTerm, std::ops::Range<usize>)| from_blocks(term.blocks, &theta[range]) * fit.sigma;
        Self {
            gamma: rows.cross.lower().t().dot(&(&fit.beta - &rows.beta_wls)),
            sigma: fit.sigma,
            lambdas: rows.terms().iter().zip(theta_ranges(rows.terms())).map(lambda).collect(),
            start: near(rows.terms(), fit, scales),
        }
    }

    /// Effects of the levels of a term (J×q).
    fn effects(&self, rows: &ScaledRows, term: usize, seed: u64, r: u32) -> Array2<f64> {
        let (levels, lambda) = (rows.terms()[term].n_levels, &self.lambdas[term]);
        let mut out = Array2::zeros((levels, lambda.nrows()));
        for (j, mut to) in out.rows_mut().into_iter().enumerate() {
            to.assign(&lambda.dot(&normals(&mut stream(seed, Part::Effects(term), r, j), lambda.nrows())));
        }
        out
    }
}

/// The estimate as the start of a search, away from zeros.
fn near(terms: &[RandomTerm], fit: &LmmFit, scales: &Array1<f64>) -> Start {
    let k = scales.len();
    let mut inverse_hessian = fit.vcov_theta_sigma.slice(s![..k, ..k]).to_owned();
    inverse_hessian.indexed_iter_mut().for_each(|((i, j), v)| *v *= scales[i] * scales[j]);
    let mut x = &fit.theta * scales;
    leave_zero(terms, 0, &mut x, &mut inverse_hessian);
    Start { x, inverse_hessian }
}

struct Boots<'b, 'd, 'a> {
    rows: &'b ScaledRows<'d, 'a>,
    fit: &'b LmmFit,
    opt: &'b LmmOptions,
    boot: &'b BootstrapOptions,
    truth: Truth,
}

impl Boots<'_, '_, '_> {
    /// Parametric, one factor.
    fn by_products(&self, route: &Nested) -> Result<Replicates, StatsError> {
        let q = self.truth.lambdas[0].nrows();
        let k = q + self.rows.p();
        let gram = |group: &GroupProducts| Gram::new(group.ww.slice(s![..k, ..k]), group.rows);
        let grams: Vec<Gram> = route.products.groups.par_iter().map(gram).collect();
        run(self.boot, |r| {
            let effects = self.truth.effects(self.rows, 0, self.boot.seed, r);
            let mut products = (*route.products).clone();
            for (j, (group, gram)) in products.groups.iter_mut().zip(&grams).enumerate() {
                let c: Array1<f64> = effects.row(j).iter().chain(&self.truth.gamma).copied().collect();
                let drawn = gram.draw(&mut stream(self.boot.seed, Part::Errors, r, j));
                let errors = drawn.products * self.truth.sigma;
                let without = group.ww.slice(s![..k, ..k]).dot(&c);
                let square = c.dot(&without) + 2.0 * c.dot(&errors) + drawn.squares * self.truth.sigma.powi(2);
                let with = without + errors;
                group.ww.slice_mut(s![..k, k]).assign(&with);
                group.ww.slice_mut(s![k, ..k]).assign(&with);
                group.ww[[k, k]] = square;
            }
            self.refit(
                self.rows,
                route.with_products(products),
                self.rows.n() as f64,
                &self.truth.start,
                Some(vec![effects]),
            )
        })
    }

    /// Parametric, an inner factor in an outer one.
    fn by_units(&self, route: &Nested) -> Result<Replicates, StatsError> {
        let layout = Layout::new(self.rows.terms(), route.levels);
        run(self.boot, |r| {
            let Outcomes { y, effects } = self.outcomes(r);
            let products = with_outcomes(&route.products, self.rows, route, &layout, &y);
            self.refit(self.rows, route.with_products(products), self.rows.n() as f64, &self.truth.start, Some(effects))
        })
    }

    /// Parametric, any factors.
    fn by_rows(&self, route: &Blocked) -> Result<Replicates, StatsError> {
        run(self.boot, |r| {
            let Outcomes { y, effects } = self.outcomes(r);
            let redrawn = route.with_outcomes(self.rows, &y);
            self.refit(self.rows, redrawn, self.rows.n() as f64, &self.truth.start, Some(effects))
        })
    }

    /// By cluster, from the groups' own sums.
    fn by_copies(&self, route: &Nested) -> Result<Replicates, StatsError> {
        let present: Vec<bool> = route.products.groups.iter().map(|g| g.rows > 0).collect();
        run(self.boot, |r| {
            let drawn = route.with_copies(copies(self.boot.seed, r, &present));
            let n = drawn.n();
            self.refit(self.rows, drawn, n, &self.truth.start, Some(Vec::new()))
        })
    }

    /// By cluster, from the rows.
    fn by_drawn_rows(&self, data: &LmmData, route: &Blocked) -> Result<Replicates, StatsError> {
        const CROSSED: StatsError = StatsError::Shape(
            "crossed grouping factors have no clusters that are independent: bootstrap parametrically",
        );
        let outer = &data.terms[outermost_term(data.terms).ok_or(CROSSED)?];
        let mut present = vec![false; outer.n_levels];
        outer.level.iter().for_each(|&j| present[j as usize] = true);
        run(self.boot, |r| {
            let copies = copies(self.boot.seed, r, &present);
            let drawn = DrawnRows::new(data.terms, &repeated(outer.level, &copies));
            let (terms, columns) = (drawn.terms(data.terms), DrawnData::new(data, &drawn.rows));
            let drawn_data = columns.with_terms(&terms);
            let rows = ScaledRows::new(&drawn_data)?;
            let start = near(&terms, self.fit, &theta_scales(&rows));
            let n = rows.n() as f64;
            let mut replicate = self.refit(&rows, Blocked::new(&rows)?, n, &start, None)?;
            if self.boot.keep_modes {
                // Of the groups of the data, not of the copies.
                let theta = (&replicate.theta * &theta_scales(self.rows)).to_vec();
                let gamma = self.rows.cross.lower().t().dot(&(&replicate.beta - &self.rows.beta_wls));
                let at = route.at(&theta).ok_or(StatsError::NotConverged { evaluations: 1, grad_max: f64::NAN })?;
                replicate.modes = unscaled(route.modes(&at.at, &gamma), self.rows);
            }
            Ok(replicate)
        })
    }

    /// Searches from `start`. `effects` were drawn, in scaled coordinates; without them no modes are kept.
    fn refit<R: Route>(
        &self,
        rows: &ScaledRows,
        route: R,
        n: f64,
        start: &Start,
        effects: Option<Vec<Array2<f64>>>,
    ) -> Result<Replicate, StatsError> {
        let problem = Problem { route, n, p: rows.p(), reml: self.opt.reml };
        let layout = theta_layout(rows.terms(), 0);
        let optimum = minimise(
            |theta| problem.evaluate(theta, None),
            std::slice::from_ref(start),
            &layout,
            self.opt.max_evaluations,
        )?;
        let lost = StatsError::NotConverged { evaluations: optimum.evaluations, grad_max: optimum.grad_max };
        if matches!(optimum.stop, Stop::Budget { .. }) {
            return Err(lost);
        }
        let solved: Solved<R::At<'_>> = problem.solve(&optimum.x.to_vec(), None).ok_or(lost)?;
        let kept = effects.filter(|_| self.boot.keep_modes);
        let modes = kept.as_ref().map_or_else(Vec::new, |_| problem.route.modes(&solved.at, &solved.fixed.gamma));
        Ok(Replicate {
            beta: &rows.beta_wls + &rows.to_beta().dot(&solved.fixed.gamma),
            sigma: Some((solved.fixed.r2 / problem.dof()).sqrt()),
            theta: &optimum.x / &theta_scales(rows),
            singular: matches!(optimum.stop, Stop::Boundary { .. }),
            modes: unscaled(modes, rows),
            drawn: unscaled(kept.unwrap_or_default(), rows),
        })
    }

    /// New outcomes of all rows, in the coordinates of the rows.
    fn outcomes(&self, r: u32) -> Outcomes {
        let (rows, truth) = (self.rows, &self.truth);
        let effects: Vec<Array2<f64>> =
            (0..truth.lambdas.len()).map(|t| truth.effects(rows, t, self.boot.seed, r)).collect();
        let mut y = vec![0.0; rows.n()];
        let mut d = vec![0.0; rows.p() + 1];
        let mut z = vec![0.0; truth.lambdas.iter().map(|l| l.nrows()).max().unwrap_or(0)];
        let mut read = rows.read();
        for (chunk, y) in y.chunks_mut(ROWS).enumerate() {
            let errors = normals(&mut stream(self.boot.seed, Part::Errors, r, chunk), y.len());
            for (i, (to, error)) in y.iter_mut().zip(errors).enumerate() {
                let row = chunk * ROWS + i;
                read.fixed(row, &mut d);
                *to = truth.sigma * error + d.iter().zip(&truth.gamma).map(|(x, g)| x * g).sum::<f64>();
                for (t, (term, effects)) in rows.terms().iter().zip(&effects).enumerate() {
                    read.random(t, row, &mut z[..term.q()]);
                    *to += effects.row(term.level[row] as usize).iter().zip(&z).map(|(b, z)| b * z).sum::<f64>();
                }
            }
        }
        Outcomes { y, effects }
    }
}

/// Drawn outcomes (n), and the effects behind them.
struct Outcomes {
    y: Vec<f64>,
    effects: Vec<Array2<f64>>,
}

/// b = b_scaled / scale.
fn unscaled(effects: Vec<Array2<f64>>, rows: &ScaledRows) -> Vec<Array2<f64>> {
    effects.into_iter().zip(&rows.z_scales).map(|(b, scales)| b / scales).collect()
}

/// Everything that holds y summed again.
fn with_outcomes(from: &CrossProducts, rows: &ScaledRows, route: &Nested, layout: &Layout, y: &[f64]) -> CrossProducts {
    let (outer, inner) = (route.levels.outer, route.levels.inner.unwrap_or(route.levels.outer));
    let (q, q_inner) = (rows.terms()[outer].q(), rows.terms()[inner].q());
    let k = q + rows.p();
    let mut out = from.clone();
    out.groups.par_iter_mut().zip(&layout.groups).zip(&layout.units).for_each(|((group, places), units)| {
        let (mut w, mut z) = (vec![0.0; k + 1], vec![0.0; q_inner]);
        let mut products = Array1::<f64>::zeros(k + 1);
        let mut read = rows.read();
        for place in places.clone() {
            let row = layout.order[place] as usize;
            read.random(outer, row, &mut w[..q]);
            read.fixed(row, &mut w[q..]);
            w[k] = y[row];
            products.iter_mut().zip(&w).for_each(|(to, w)| *to += y[row] * w);
        }
        group.ww.row_mut(k).assign(&products);
        group.ww.column_mut(k).assign(&products);
        for (unit, mut zw) in units.iter().zip(group.units.zw.outer_iter_mut()) {
            zw.column_mut(k).fill(0.0);
            for place in unit.clone() {
                let row = layout.order[place] as usize;
                read.random(inner, row, &mut z);
                zw.column_mut(k).iter_mut().zip(&z).for_each(|(to, z)| *to += z * y[row]);
            }
        }
        group.by_pattern = pattern_products(&group.units);
    });
    out
}

/// Outcomes and columns of drawn rows.
struct DrawnData {
    y: Array1<f64>,
    x: Array2<f64>,
    weights: Option<Array1<f64>>,
    offset: Option<Array1<f64>>,
}

impl DrawnData {
    fn new(data: &LmmData, rows: &[usize]) -> Self {
        let axis = Axis(0);
        Self {
            y: data.y.select(axis, rows),
            x: data.x.select(rows),
            weights: data.weights.map(|w| w.select(axis, rows)),
            offset: data.offset.map(|o| o.select(axis, rows)),
        }
    }

    fn with_terms<'t>(&'t self, terms: &'t [RandomTerm<'t>]) -> LmmData<'t> {
        LmmData {
            y: self.y.view(),
            x: self.x.view().into(),
            terms,
            weights: self.weights.as_ref().map(|w| w.view()),
            offset: self.offset.as_ref().map(|o| o.view()),
        }
    }
}
