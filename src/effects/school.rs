//! One school's effect of a binary model: over its own pupils, at its own random effects, the mean of
//! `P(Y = 1 | D + step) − P(Y = 1 | D)`.
//!
//! `τ_j(φ, b_j)` is evaluated at `b̂_j(φ)`. With `b_j = b̂_j(φ) + e`, `e ~ N(0, ΛM_j⁻¹Λ')`, its variance is
//! `(∂τ/∂φ + G'∂τ/∂b)' V_φ (∂τ/∂φ + G'∂τ/∂b) + ∂τ/∂b' ΛM_j⁻¹Λ' ∂τ/∂b`, G = ∂b̂_j/∂φ: the uncertainty of fixed
//! effects, of the variance parameters and of the school's own mode, with how they hang together.

use ndarray::Array1;

use super::{Point, school_df};
use crate::design::{BinaryDesign, Design};
use crate::models::{AcceptedFit, Fit};
use crate::stats::{GlmFit, GlmmFit, Link};
use crate::vocab::{DosePart, Unit};

/// The effect of school (group) `j`; `None` when the model has no such part of the dose.
pub(super) fn own(fit: &AcceptedFit<'_>, part: DosePart, j: usize) -> Option<Point> {
    let Design::Binary(design) = fit.design() else { return None };
    let column = design.head.column(part)?;
    let df = school_df(&design.head);
    let (value, variance) = match fit.fit() {
        Fit::Pooled(f) => pooled(design, f, fit.link(), column, j),
        Fit::Mixed(f) => mixed(design, f, fit.link(), column, part, j),
        Fit::Linear(_) => return None,
    };
    Some(Point { value, variance, df, unit: Unit::PercentagePoint })
}

fn pooled(d: &BinaryDesign, f: &GlmFit, link: Link, column: usize, j: usize) -> (f64, f64) {
    let at = contrast(d, &f.beta, &Array1::zeros(0), link, column, false, j);
    let variance = |v: &ndarray::Array2<f64>| at.by_beta.dot(&v.dot(&at.by_beta));
    let robust = variance(&f.vcov_cluster_cr1);
    (at.value, variance(&f.vcov).max(if robust.is_finite() { robust } else { 0.0 }))
}

fn mixed(d: &BinaryDesign, f: &GlmmFit, link: Link, column: usize, part: DosePart, j: usize) -> (f64, f64) {
    let own_slope = d.head.slope == Some(part) && f.modes.ncols() == 2;
    let at = contrast(d, &f.beta, &f.modes.row(j).to_owned(), link, column, own_slope, j);
    let mut by_phi = f.mode_jac[j].t().dot(&at.by_b);
    for (g, b) in by_phi.iter_mut().zip(&at.by_beta) {
        *g += b;
    }
    let variance = by_phi.dot(&f.vcov.dot(&by_phi)) + at.by_b.dot(&f.cond_var[j].dot(&at.by_b));
    (at.value, variance)
}

struct ContrastAt {
    value: f64,
    by_beta: Array1<f64>,
    by_b: Array1<f64>,
}

fn contrast(
    d: &BinaryDesign,
    beta: &Array1<f64>,
    b: &Array1<f64>,
    link: Link,
    column: usize,
    own_slope: bool,
    j: usize,
) -> ContrastAt {
    let mut sum = ContrastAt { value: 0.0, by_beta: Array1::zeros(beta.len()), by_b: Array1::zeros(b.len()) };
    let mut rows = 0.0;
    let own = d.group.iter().enumerate().filter(|(_, g)| **g as usize == j);
    for (i, _) in own {
        let (x, z, trials) = (d.x.row(i), d.z.row(i), d.trials[i]);
        let eta = x.dot(beta) + if b.is_empty() { 0.0 } else { z.dot(b) };
        let slope = beta[column] + if own_slope { b[1] } else { 0.0 };
        let moved = eta + d.head.step * slope;
        sum.value += trials * (link.mean(moved) - link.mean(eta));
        let (d0, d1) = (trials * link.mean_d1(eta), trials * link.mean_d1(moved));
        sum.by_beta.scaled_add(d1 - d0, &x);
        sum.by_beta[column] += d1 * d.head.step;
        if !b.is_empty() {
            sum.by_b.scaled_add(d1 - d0, &z);
            if own_slope {
                sum.by_b[1] += d1 * d.head.step;
            }
        }
        rows += trials;
    }
    ContrastAt { value: sum.value / rows, by_beta: sum.by_beta / rows, by_b: sum.by_b / rows }
}
