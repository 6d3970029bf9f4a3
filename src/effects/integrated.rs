//! Risks of pupils of any school: random effects integrated out (`statistics.md` §5.4, E1).
//!
//! The linear predictor of a row is `x'β + z'b` with `b ~ N(0, Σ)`, Σ = ΛΛ', so that `z'b ~ N(0, v)` with `v = z'Σz` and
//! one integral in one dimension is enough: `P(x, z) = E[g⁻¹(x'β + √v·t)], t ~ N(0, 1)`, by Gauss–Hermite quadrature.
//! Gradients: `∂P/∂β = E[g⁻¹'] x`, `∂P/∂v = E[g⁻¹'·t] / 2√v`, `∂v/∂Λ_ab = 2 z_a (Λ'z)_b`.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::lever::Lever;
use super::risk::{Errors, Graded, Risks};
use crate::design::BinaryDesign;
use crate::models::{AcceptedFit, Fit};
use crate::stats::{GlmmFit, Link, gauss_hermite};

/// Nodes where z'b varies little over schools, and where it varies much: with these the error is below the tenth digit up
/// to a standard deviation of [`LITTLE`], and below the ninth up to about 2.
const NODES: [usize; 2] = [15, 31];
const LITTLE: f64 = 0.6;
/// Rows of a piece of work; pieces are added in order, so that the number of threads leaves no trace.
const PIECE: usize = 2048;

/// How levels and slopes of schools, and levels of their cohorts, spread.
pub(super) struct Spread {
    /// Λ (q×q).
    pub(super) lambda: Array2<f64>,
    /// Standard deviation of cohorts' levels.
    pub(super) cohort_sd: Option<f64>,
}

impl Spread {
    fn none() -> Self {
        Self { lambda: Array2::zeros((0, 0)), cohort_sd: None }
    }

    /// As estimated: schools are the first term, their cohorts the second.
    pub(super) fn of(fit: &GlmmFit) -> Self {
        Self { lambda: fit.terms[0].lambda.clone(), cohort_sd: fit.terms.get(1).map(|t| t.lambda[[0, 0]]) }
    }
}

/// By how much E1 must move, as a probability, for quadrature to be used: 0.1 percentage points (`statistics.md` §5.6, R7).
const ENOUGH: f64 = 0.001;

/// What adaptive quadrature with 7 nodes would change, to first order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quadrature {
    /// Change of E1, as a probability.
    pub change: f64,
    /// Whether the moved fit is used, because the change is more than 0.1 percentage points.
    pub is_used: bool,
}

/// A model's population: what of a fit decides the risk of a pupil of any school.
#[derive(Clone)]
pub(super) struct Curve<'f> {
    design: &'f BinaryDesign,
    pub(super) beta: Cow<'f, Array1<f64>>,
    /// Λ (q×q, q = 0 without random effects).
    lambda: Array2<f64>,
    /// Standard deviation of the levels of a school's cohorts, where the model has them: the last element of θ.
    cohort_sd: Option<f64>,
    link: Link,
    nodes: Vec<(f64, f64)>,
    /// Of φ = (β, θ).
    pub(super) errors: Errors<'f>,
}

impl Quadrature {
    /// From E1 by Laplace's approximation and the step of its parameters.
    pub(super) fn of(e1: &Graded, step: &Array1<f64>) -> Self {
        let change = e1.gradient.dot(step);
        Self { change, is_used: change.abs() > ENOUGH }
    }
}

impl<'f> Curve<'f> {
    /// Of the maximum likelihood fit: by Laplace's approximation, or one step towards adaptive quadrature where that is used.
    pub(super) fn national(
        fit: &AcceptedFit<'f>,
        design: &'f BinaryDesign,
        quadrature: Option<Quadrature>,
    ) -> Option<Self> {
        let plain = Self::by_laplace(fit, design, fit.link())?;
        let step = quadrature_step(fit).filter(|_| quadrature.is_some_and(|q| q.is_used));
        Some(match step {
            Some(step) => plain.moved(step),
            None => plain,
        })
    }

    /// The same curve at φ + `step`.
    pub(super) fn moved(&self, step: &Array1<f64>) -> Self {
        let (p, q) = (self.beta.len(), self.lambda.nrows());
        let mut lambda = self.lambda.clone();
        let mut k = p;
        for b in 0..q {
            for a in b..q {
                lambda[[a, b]] += step[k];
                k += 1;
            }
        }
        let beta = Cow::Owned(&*self.beta + &step.slice(ndarray::s![..p]));
        Self {
            design: self.design,
            beta,
            lambda,
            cohort_sd: self.cohort_sd.map(|sd| sd + step[k]),
            link: self.link,
            nodes: self.nodes.clone(),
            errors: self.errors.clone(),
        }
    }

    /// The standardised risk of some rows, without its gradient.
    pub(super) fn level(&self, rows: Range<usize>, lever: Lever, change: impl Fn(usize) -> f64) -> f64 {
        let d = self.design;
        let mut risks = Risks::new(0);
        let (all_x, all_z) = (d.x().piece(rows.clone()), d.z().piece(rows.clone()));
        for ((i, x), z_row) in rows.zip(all_x.rows()).zip(all_z.rows()) {
            let (weight, moved) = (d.trials[i], change(i));
            let eta = x.dot(&*self.beta) + moved * self.beta[lever.column];
            let mut variance = self.cohort_sd.map_or(0.0, |sd| sd * sd);
            for b in 0..self.lambda.ncols() {
                let z = |a: usize| z_row[a] + if lever.slope && a == 1 { moved } else { 0.0 };
                variance += (b..self.lambda.nrows()).map(|a| self.lambda[[a, b]] * z(a)).sum::<f64>().powi(2);
            }
            risks.add(d.period[i], weight, self.row(eta, variance.sqrt()).mean);
        }
        risks.total().value
    }

    /// The same curve over other rows.
    pub(super) fn over<'g>(&self, design: &'g BinaryDesign) -> Curve<'g>
    where
        'f: 'g,
    {
        Curve { design, ..self.clone() }
    }

    /// Of the maximum likelihood fit as it is, under the link it was fitted with.
    pub(super) fn by_laplace(fit: &AcceptedFit<'f>, design: &'f BinaryDesign, link: Link) -> Option<Self> {
        match fit.fit() {
            Fit::Pooled(f) => {
                let (beta, errors) = (Cow::Borrowed(&f.glm.beta), Errors::of_pooled(f));
                Some(Self::new(design, beta, Spread::none(), link, errors))
            }
            Fit::Mixed(mixed) => {
                let f = &mixed.ml;
                Some(Self::new(design, Cow::Borrowed(&f.beta), Spread::of(f), link, Errors::of_mixed(f)))
            }
            Fit::Linear(_) => None,
        }
    }

    pub(super) fn new(
        design: &'f BinaryDesign,
        beta: Cow<'f, Array1<f64>>,
        spread: Spread,
        link: Link,
        errors: Errors<'f>,
    ) -> Self {
        let Spread { lambda, cohort_sd } = spread;
        let is_much = largest_sd(design, &lambda).hypot(cohort_sd.unwrap_or(0.0)) > LITTLE;
        let nodes = gauss_hermite(NODES[usize::from(is_much)]).standard_normal();
        Self { design, beta, lambda, cohort_sd, link, nodes, errors }
    }

    /// Number of parameters φ.
    pub(super) fn parameters(&self) -> usize {
        let q = self.lambda.nrows();
        self.beta.len() + q * (q + 1) / 2 + usize::from(self.cohort_sd.is_some())
    }

    /// Risks of all rows, the dose of row i moved by `change(i)`.
    pub(super) fn everybody(&self, lever: Lever, change: impl Fn(usize) -> f64 + Sync) -> Risks {
        let n = self.design.trials.len();
        let pieces: Vec<Risks> = (0..n.div_ceil(PIECE))
            .into_par_iter()
            .map(|piece| {
                let rows = piece * PIECE..n.min((piece + 1) * PIECE);
                self.of(rows, lever, &change)
            })
            .collect();
        let mut all = Risks::new(self.parameters());
        pieces.iter().for_each(|piece| all.merge(piece));
        all
    }

    /// Risks of some rows.
    pub(super) fn of(&self, rows: Range<usize>, lever: Lever, change: impl Fn(usize) -> f64) -> Risks {
        let (d, q) = (self.design, self.lambda.nrows());
        let mut risks = Risks::new(self.parameters());
        let mut z = vec![0.0; q];
        let mut spread = vec![0.0; q];
        let (all_x, all_z) = (d.x().piece(rows.clone()), d.z().piece(rows.clone()));
        for ((i, x), z_row) in rows.zip(all_x.rows()).zip(all_z.rows()) {
            let (weight, moved) = (d.trials[i], change(i));
            let eta = x.dot(&*self.beta) + moved * self.beta[lever.column];
            z.iter_mut().zip(z_row).for_each(|(to, from)| *to = *from);
            if lever.slope {
                z[1] += moved;
            }
            for (b, to) in spread.iter_mut().enumerate() {
                *to = (b..q).map(|a| self.lambda[[a, b]] * z[a]).sum();
            }
            let cohort = self.cohort_sd.unwrap_or(0.0);
            let at = self.row(eta, (spread.iter().map(|s| s * s).sum::<f64>() + cohort * cohort).sqrt());
            let gradient = risks.add(d.period[i], weight, at.mean);
            let d1 = weight * at.by_eta;
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g += d1 * x);
            gradient[lever.column] += d1 * moved;
            let mut k = x.len();
            for b in 0..q {
                for z in &z[b..] {
                    // ∂P/∂v · ∂v/∂Λ_ab
                    gradient[k] += weight * at.by_v * z * spread[b];
                    k += 1;
                }
            }
            if self.cohort_sd.is_some() {
                gradient[k] += weight * at.by_v * cohort;
            }
        }
        risks
    }

    /// The integral of one row.
    fn row(&self, eta: f64, sd: f64) -> Row {
        if sd == 0.0 {
            return Row { mean: self.link.mean(eta), by_eta: self.link.mean_d1(eta), by_v: self.link.mean_d2(eta) };
        }
        let (mut mean, mut by_eta, mut by_sd) = (0.0, 0.0, 0.0);
        for &(t, w) in &self.nodes {
            let at = eta + sd * t;
            let p = self.link.mean(at);
            // For the logit the slope needs no second exponential.
            let d1 = if self.link == Link::Logit { p * (1.0 - p) } else { self.link.mean_d1(at) };
            mean += w * p;
            by_eta += w * d1;
            by_sd += w * d1 * t;
        }
        // 2 ∂P/∂v with v = sd² is (∂P/∂sd) / sd, whose limit at sd = 0 is E[g⁻¹''] by the heat equation.
        let by_v = if sd > 1e-6 { by_sd / sd } else { self.link.mean_d2(eta) };
        Row { mean, by_eta, by_v }
    }
}

/// The step of a mixed model towards quadrature, where it was computed.
pub(super) fn quadrature_step<'f>(fit: &AcceptedFit<'f>) -> Option<&'f Array1<f64>> {
    match fit.fit() {
        Fit::Mixed(mixed) => mixed.ml.quadrature_step.as_ref(),
        _ => None,
    }
}

struct Row {
    mean: f64,
    by_eta: f64,
    /// 2 ∂P/∂v.
    by_v: f64,
}

/// Largest √v over the rows.
fn largest_sd(d: &BinaryDesign, lambda: &Array2<f64>) -> f64 {
    if lambda.is_empty() {
        return 0.0;
    }
    let n = d.trials.len();
    let largest = |piece: usize| {
        let spread = d.z().piece(piece * PIECE..n.min((piece + 1) * PIECE)).dot(lambda);
        spread.rows().into_iter().map(|s| s.dot(&s)).fold(0.0, f64::max)
    };
    (0..n.div_ceil(PIECE)).into_par_iter().map(largest).reduce(|| 0.0, f64::max).sqrt()
}
