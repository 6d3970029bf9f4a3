//! Risks at one school's own random effects b, with gradients over (β, b): at b as it is, or over what b may be.
//!
//! A risk bends in b, so that the risk at the predicted b is not the risk that is to be expected: with `b ~ N(b̂, C)` that is
//! `E[g⁻¹(x'β + z'b)]`, an integral in one dimension. With few events b̂, which is the mode, lies off the mean too:
//! [`Own::mean_effects`].

use std::ops::Range;

use ndarray::{Array1, ArrayView1, ArrayView2};

use super::lever::Lever;
use super::risk::{Graded, Risks, quadratic};
use crate::design::BinaryDesign;
use crate::stats::{GlmmFit, Link};

/// β and a school's b.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) design: &'a BinaryDesign,
    pub(super) link: Link,
    pub(super) beta: &'a Array1<f64>,
    /// Random effects of the school; empty in models without.
    pub(super) b: ArrayView1<'a, f64>,
    /// Predicted levels of cohorts per row of the design; they count as known.
    pub(super) cohorts: Option<&'a [f64]>,
    /// What is not known of b; `None` for the risk at b as it is.
    pub(super) unsure: Option<Unsure<'a>>,
}

/// The covariance of a school's b given the parameters, with nodes and weights for a standard normal.
#[derive(Clone, Copy)]
pub(super) struct Unsure<'a> {
    pub(super) covariance: ArrayView2<'a, f64>,
    pub(super) nodes: &'a [(f64, f64)],
}

impl Own<'_> {
    /// Risks of some rows, the dose of row i moved by `change(i)` along the school's own slope, or with
    /// `lever.slope` false along that of all schools.
    pub(super) fn risks(&self, rows: Range<usize>, lever: Lever, change: impl Fn(usize) -> f64) -> Risks {
        let (p, q) = (self.beta.len(), self.b.len());
        let slope = self.beta[lever.column] + if lever.slope { self.b[1] } else { 0.0 };
        let mut risks = Risks::new(p + q);
        let (all_x, all_z) = (self.design.x().piece(rows.clone()), self.design.z().piece(rows.clone()));
        for ((i, x), z) in rows.zip(all_x.rows()).zip(all_z.rows()) {
            let (weight, moved) = (self.design.trials[i], change(i));
            let own: f64 = z.iter().zip(self.b).map(|(z, b)| z * b).sum();
            let cohort = self.cohorts.map_or(0.0, |levels| levels[i]);
            let eta = x.dot(self.beta) + own + cohort + moved * slope;
            let (mean, slope_of_mean) = match self.unsure {
                None => (self.link.mean(eta), self.link.mean_d1(eta)),
                Some(Unsure { covariance, nodes }) => {
                    let sd = z.dot(&covariance.dot(&z)).max(0.0).sqrt();
                    let at = |(mean, d1): (f64, f64), &(t, w): &(f64, f64)| {
                        let eta = eta + sd * t;
                        (mean + w * self.link.mean(eta), d1 + w * self.link.mean_d1(eta))
                    };
                    nodes.iter().fold((0.0, 0.0), at)
                }
            };
            let d1 = weight * slope_of_mean;
            let gradient = risks.add(self.design.period[i], weight, mean);
            gradient.iter_mut().zip(x.iter().chain(z.iter().take(q))).for_each(|(g, v)| *g += d1 * v);
            gradient[lever.column] += d1 * moved;
            if lever.slope {
                gradient[p + 1] += d1 * moved;
            }
        }
        risks
    }
}

impl Own<'_> {
    /// The mean of what b may be given the outcomes of these rows, `b̂ + ½ C Σ l‴(ηᵢ) zᵢ (zᵢ'C zᵢ)`: the mode moved by the skewness
    /// of the likelihood to first order (Tierney, Kass & Kadane 1989, JASA 84:710).
    pub(super) fn mean_effects(&self, rows: Range<usize>, covariance: ArrayView2<'_, f64>) -> Array1<f64> {
        let d = self.design;
        let mut pull = Array1::zeros(self.b.len());
        let (all_x, all_z) = (d.x().piece(rows.clone()), d.z().piece(rows.clone()));
        for ((i, x), z) in rows.zip(all_x.rows()).zip(all_z.rows()) {
            let eta = x.dot(self.beta) + z.dot(&self.b) + self.cohorts.map_or(0.0, |levels| levels[i]);
            let third = self.third_derivative(eta, d.successes[i], d.trials[i]);
            pull.scaled_add(0.5 * third * z.dot(&covariance.dot(&z)), &z);
        }
        &self.b + &covariance.dot(&pull)
    }

    /// l‴ of a binomial row at η: the second difference of its score, for any link.
    fn third_derivative(&self, eta: f64, successes: f64, trials: f64) -> f64 {
        const H: f64 = 1e-3;
        let score = |eta: f64| {
            let mean = self.link.mean(eta);
            (successes - trials * mean) * self.link.mean_d1(eta) / (mean * (1.0 - mean))
        };
        (score(eta + H) - 2.0 * score(eta) + score(eta - H)) / (H * H)
    }
}

/// Variance of a function τ(φ, b_j) at b̂_j(φ̂), in two shares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    /// `(∂τ/∂φ + G'∂τ/∂b)' V_φ (∂τ/∂φ + G'∂τ/∂b)`, G = ∂b̂_j/∂φ: what the parameters are unsure of.
    pub(super) parameters: f64,
    /// `∂τ/∂b' C_j ∂τ/∂b`, C_j the covariance of b_j given the parameters: what the school is unsure of.
    pub(super) own: f64,
}

/// The variance of `by_beta_b` (a gradient over (β, b)) less `by_phi` (a gradient over φ of a term without b) for
/// school `j`. With `b_j = b̂_j(φ) + e`, `e ~ N(0, C_j)`, the two shares add up: the analogue of Henderson's mean squared
/// error for models of counts (`statistics.md` §2.2).
pub(super) fn shares(f: &GlmmFit, j: usize, by_beta_b: &Graded, by_phi: Option<&Graded>) -> Shares {
    let p = f.beta.len();
    let by_b = by_beta_b.gradient.slice(ndarray::s![p..]);
    let mut by = f.mode_jac[0].index_axis(ndarray::Axis(0), j).t().dot(&by_b);
    by.iter_mut().zip(by_beta_b.gradient.iter().take(p)).for_each(|(g, b)| *g += b);
    if let Some(other) = by_phi {
        by -= &other.gradient;
    }
    let own = f.terms[0].cond_var.index_axis(ndarray::Axis(0), j).to_owned();
    Shares { parameters: quadratic(&f.vcov, by.view()), own: quadratic(&own, by_b) }
}
