//! From a multinomial person-period model to what happens by when: category probabilities and cumulative incidence.
//!
//! ```text
//! π_tc(b) = softmax(x_tᵀβ_c + b_c)_c          hazard of exit c in period t for those still there
//! S_t = Π_{s≤t} π_s0                           still there after period t
//! F_tc = Σ_{s≤t} S_{s−1}·π_sc                  gone by exit c; S_t + Σ_c F_tc = 1
//! ```
//!
//! F counts exits as they compete; 1 − Π(1 − π_sc) for one exit alone would treat the other exits as if they had not
//! happened. Random intercepts are the same over periods, so integrating them out means averaging whole curves, and not
//! the hazards of each period.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::super::error::StatsError;
use super::super::quadrature::gauss_hermite;

/// Shares that have left or stayed by the end of each of T periods.
#[derive(Clone, Debug)]
pub struct CumulativeIncidence {
    /// S: not left (T).
    pub survival: Array1<f64>,
    /// F: left by exit c = 1..C (T×C).
    pub incidence: Array2<f64>,
}

/// Probabilities of categories 0..C (C+1) at covariates `x` (p) and random intercepts `b` (C; 0 for a typical group).
///
/// # Errors
/// [`StatsError::Shape`] where `beta` (p×C) does not fit.
pub fn category_probabilities(
    beta: ArrayView2<f64>,
    x: ArrayView1<f64>,
    b: ArrayView1<f64>,
) -> Result<Array1<f64>, StatsError> {
    check(beta, x.len(), b.len())?;
    let eta = beta.t().dot(&x) + b;
    let shift = eta.iter().fold(0.0_f64, |m, e| m.max(*e));
    let odds: Array1<f64> = std::iter::once(0.0).chain(eta).map(|e| (e - shift).exp()).collect();
    let sum = odds.sum();
    Ok(odds / sum)
}

/// Cumulative incidence over the periods whose covariates are the rows of `x` (T×p), at random intercepts `b` (C).
///
/// # Errors
/// [`StatsError::Shape`] where `beta` (p×C) does not fit.
pub fn cumulative_incidence(
    beta: ArrayView2<f64>,
    x: ArrayView2<f64>,
    b: ArrayView1<f64>,
) -> Result<CumulativeIncidence, StatsError> {
    let (periods, c) = (x.nrows(), beta.ncols());
    let mut out = CumulativeIncidence { survival: Array1::zeros(periods), incidence: Array2::zeros((periods, c)) };
    let (mut there, mut gone) = (1.0, Array1::<f64>::zeros(c));
    for (t, x) in x.rows().into_iter().enumerate() {
        let probability = category_probabilities(beta, x, b)?;
        for k in 0..c {
            gone[k] += there * probability[k + 1];
        }
        there *= probability[0];
        out.survival[t] = there;
        out.incidence.row_mut(t).assign(&gone);
    }
    Ok(out)
}

/// The same, averaged over groups: b = Λz, z ~ N(0, I_C), by a product Gauss–Hermite rule with `points` points per
/// category.
///
/// # Errors
/// [`StatsError::Shape`] where `beta` (p×C) or `lambda` (C×C) does not fit, or `points` is not between 1 and 60.
pub fn integrated_incidence(
    beta: ArrayView2<f64>,
    lambda: ArrayView2<f64>,
    x: ArrayView2<f64>,
    points: usize,
) -> Result<CumulativeIncidence, StatsError> {
    let (periods, c) = (x.nrows(), beta.ncols());
    if lambda.dim() != (c, c) || !(1..=60).contains(&points) {
        return Err(StatsError::Shape("lambda must be C×C, and a rule must have 1 to 60 points"));
    }
    let rule = gauss_hermite(points).standard_normal();
    let mut mean = CumulativeIncidence { survival: Array1::zeros(periods), incidence: Array2::zeros((periods, c)) };
    for k in 0..points.pow(c as u32) {
        // The digits of k in base `points` are the node of each category.
        let digits: Vec<usize> = (0..c).map(|d| k / points.pow(d as u32) % points).collect();
        let weight: f64 = digits.iter().map(|&d| rule[d].1).product();
        let z: Array1<f64> = digits.iter().map(|&d| rule[d].0).collect();
        let at = cumulative_incidence(beta, x, lambda.dot(&z).view())?;
        mean.survival.scaled_add(weight, &at.survival);
        mean.incidence.scaled_add(weight, &at.incidence);
    }
    Ok(mean)
}

fn check(beta: ArrayView2<f64>, p: usize, c: usize) -> Result<(), StatsError> {
    if beta.dim() == (p, c) {
        Ok(())
    } else {
        Err(StatsError::Shape("beta must be p×C for x of p columns and b of C"))
    }
}
