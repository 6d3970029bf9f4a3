//! BFGS with exact gradients: from a start to the neighbourhood of an optimum.

use ndarray::{Array1, Array2};

use super::{Counted, Point, ValueGrad};

/// BFGS ends when gᵀHg is below this: about 1e-6 standard errors from the optimum, so that the Hessian taken there
/// serves for the covariance too.
const BFGS_DECREMENT: f64 = 1e-12;

/// How far one step may move an element of θ: far out the likelihood is flat, and a sign that flips costs a detour.
const LONGEST_THETA: f64 = 0.5;
/// How far one step may move another parameter, all being in units of about a standard error.
const LONGEST_OTHER: f64 = 100.0;

/// BFGS on the inverse Hessian (Nocedal & Wright 2006, algorithm 6.1); θ starts at `offset`.
pub(super) fn bfgs<F: FnMut(&Array1<f64>) -> Option<ValueGrad>>(
    f: &mut Counted<F>,
    start: Point,
    mut inverse: Array2<f64>,
    offset: usize,
) -> Point {
    let mut at = start;
    while !f.spent() {
        let mut direction = -inverse.dot(&at.grad);
        let slope = direction.dot(&at.grad);
        if -slope < BFGS_DECREMENT {
            break;
        }
        let too_long = direction.indexed_iter().zip(&at.x).fold(1.0_f64, |most, ((k, step), x)| {
            let longest = if k < offset { LONGEST_OTHER } else { LONGEST_THETA + 0.5 * x.abs() };
            most.max(step.abs() / longest)
        });
        direction /= too_long;
        let Some(next) = weak_wolfe(f, &at, &direction) else {
            break;
        };
        let step = &next.x - &at.x;
        let change = &next.grad - &at.grad;
        update_inverse(&mut inverse, &step, &change);
        at = next;
    }
    at
}

/// H ← (I − ρsyᵀ)H(I − ρysᵀ) + ρssᵀ; left alone when rounding hides the curvature.
fn update_inverse(inverse: &mut Array2<f64>, step: &Array1<f64>, change: &Array1<f64>) {
    let curvature = step.dot(change);
    if curvature <= 1e-14 * step.dot(step).sqrt() * change.dot(change).sqrt() {
        return;
    }
    let hy = inverse.dot(change);
    let scale = (1.0 + change.dot(&hy) / curvature) / curvature;
    for i in 0..step.len() {
        for j in 0..step.len() {
            inverse[[i, j]] += scale * step[i] * step[j] - (hy[i] * step[j] + step[i] * hy[j]) / curvature;
        }
    }
}

/// Bisection for the weak Wolfe conditions (Lewis & Overton 2013): enough descent, and curvature for BFGS.
///
/// Near the optimum the value changes by less than its rounding; a point of equal value with a smaller slope counts.
fn weak_wolfe<F: FnMut(&Array1<f64>) -> Option<ValueGrad>>(
    f: &mut Counted<F>,
    at: &Point,
    direction: &Array1<f64>,
) -> Option<Point> {
    let slope = direction.dot(&at.grad);
    let rounding = 1e-14 * (1.0 + at.value.abs());
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, 1.0);
    let mut descended = None;
    for _ in 0..40 {
        if f.spent() {
            break;
        }
        let x = &at.x + &(direction * length);
        let point = f.at(&x).map(|found| Point::new(x, found));
        match point {
            Some(point) if point.value <= at.value + 1e-4 * length * slope + rounding => {
                let enough_curvature = direction.dot(&point.grad) >= 0.9 * slope;
                descended = Some(point);
                if enough_curvature {
                    break;
                }
                low = length;
            }
            _ => high = length,
        }
        length = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * low };
    }
    descended
}
