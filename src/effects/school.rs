//! One school's effect of a binary model: over its own pupils, at its own random effects, the change of the risk with
//! one step more of the dose ([`super::risk`]).
//!
//! `τ_j(φ, b_j)` is evaluated at `b̂_j(φ)`. With `b_j = b̂_j(φ) + e`, `e ~ N(0, ΛM_j⁻¹Λ')`, its variance is
//! `(∂τ/∂φ + G'∂τ/∂b)' V_φ (∂τ/∂φ + G'∂τ/∂b) + ∂τ/∂b' ΛM_j⁻¹Λ' ∂τ/∂b`, G = ∂b̂_j/∂φ: the uncertainty of fixed
//! effects, of the variance parameters and of the school's own mode, with how they hang together. The fit is the one
//! whose variances a weak prior keeps away from 0 ([`crate::models::MixedFit::schools`]): with maximum likelihood, whose
//! slope variance is often estimated at 0, these intervals held the truth in 89 of 100 schools.

use ndarray::{Array1, Array2, Axis};

use super::risk::{Change, Risks, Side};
use super::{Point, school_df};
use crate::design::{BinaryDesign, Design};
use crate::models::{AcceptedFit, Fit, PooledFit};
use crate::stats::{GlmmFit, Link};
use crate::vocab::{DosePart, Unit};

/// The effect of school (group) `j`; `None` when the model has no such part of the dose.
pub(super) fn own(fit: &AcceptedFit<'_>, part: DosePart, j: usize) -> Option<Point> {
    let Design::Binary(design) = fit.design() else { return None };
    let column = design.head.column(part)?;
    let df = school_df(&design.head);
    let (value, variance) = match fit.fit() {
        Fit::Pooled(f) => pooled(design, f, fit.link(), column, j),
        Fit::Mixed(f) => mixed(design, &f.schools, fit.link(), column, part, j),
        Fit::Linear(_) => return None,
    };
    Some(Point { value, variance, df, unit: Unit::PercentagePoint })
}

fn pooled(d: &BinaryDesign, f: &PooledFit, link: Link, column: usize, j: usize) -> (f64, f64) {
    let at = contrast(d, &f.glm.beta, &Array1::zeros(0), link, column, false, j);
    let variance = |v: &Array2<f64>| at.gradient.dot(&v.dot(&at.gradient));
    let robust = f.robust.as_ref().map_or(0.0, |robust| variance(&robust.vcov));
    (at.value, variance(&f.glm.vcov).max(robust))
}

fn mixed(d: &BinaryDesign, f: &GlmmFit, link: Link, column: usize, part: DosePart, j: usize) -> (f64, f64) {
    let schools = &f.terms[0];
    let own_slope = d.head.slope == Some(part) && schools.modes.ncols() == 2;
    let at = contrast(d, &f.beta, &schools.modes.row(j).to_owned(), link, column, own_slope, j);
    let (by_beta, by_b) = at.gradient.view().split_at(Axis(0), f.beta.len());
    let mut by_phi = f.mode_jac[0].index_axis(Axis(0), j).t().dot(&by_b);
    for (g, b) in by_phi.iter_mut().zip(by_beta) {
        *g += b;
    }
    let variance = by_phi.dot(&f.vcov.dot(&by_phi)) + by_b.dot(&schools.cond_var.index_axis(Axis(0), j).dot(&by_b));
    (at.value, variance)
}

/// The change of group `j`'s risk, with its gradient over (β, b).
fn contrast(
    d: &BinaryDesign,
    beta: &Array1<f64>,
    b: &Array1<f64>,
    link: Link,
    column: usize,
    own_slope: bool,
    j: usize,
) -> Change {
    let p = beta.len();
    let step = d.head.step;
    let mut risks = Risks::new(p + b.len());
    let own = d.group.iter().enumerate().filter(|(_, g)| **g as usize == j);
    for (i, _) in own {
        let (x, z, period, rows) = (d.x.row(i), d.z.row(i), d.period[i], d.trials[i]);
        let slope = beta[column] + if own_slope { b[1] } else { 0.0 };
        let eta = x.dot(beta) + if b.is_empty() { 0.0 } else { z.dot(b) };
        for (side, eta, step) in [(Side::AsIs, eta, 0.0), (Side::Moved, eta + step * slope, step)] {
            risks.add(side, period, rows, link.mean(eta), |gradient| {
                let d1 = rows * link.mean_d1(eta);
                for (g, v) in gradient.iter_mut().zip(x.iter().chain(z.iter().take(b.len()))) {
                    *g += d1 * v;
                }
                gradient[column] += d1 * step;
                if own_slope {
                    gradient[p + 1] += d1 * step;
                }
            });
        }
    }
    risks.change()
}
