//! Roots and maxima of functions of one variable.

/// A root of `f` between `low` and `high`, where `f` must have opposite signs (or be 0), by Brent's method (1973,
/// "Algorithms for Minimization without Derivatives", ch. 4). `tolerance` is absolute, on top of rounding.
///
/// Where the signs do not differ, the end with the smaller |f| comes back.
pub(super) fn root(mut f: impl FnMut(f64) -> f64, low: f64, high: f64, tolerance: f64) -> f64 {
    // `here` is the best point so far, `last` the one before it, `other` the far end of the bracket.
    let (mut last, mut here) = (At::new(&mut f, low), At::new(&mut f, high));
    if last.value * here.value > 0.0 {
        return if last.value.abs() < here.value.abs() { last.x } else { here.x };
    }
    let mut other = last;
    let (mut step, mut before) = (here.x - last.x, here.x - last.x);
    for _ in 0..200 {
        if other.value.abs() < here.value.abs() {
            (last, here, other) = (here, other, here);
        }
        let smallest = 2.0 * f64::EPSILON * here.x.abs() + 0.5 * tolerance;
        let half = 0.5 * (other.x - here.x);
        if half.abs() <= smallest || here.value == 0.0 {
            break;
        }
        let fast = interpolated_step(last, here, other);
        // Written so that NaN falls back to bisection.
        let trusted = fast * half > 0.0 && fast.abs() < (1.5 * half.abs()).min(0.5 * before.abs());
        (before, step) = if trusted { (step, fast) } else { (half, half) };
        last = here;
        here = At::new(&mut f, here.x + if step.abs() > smallest { step } else { smallest.copysign(half) });
        if here.value * other.value > 0.0 {
            other = last;
            step = here.x - last.x;
            before = step;
        }
    }
    here.x
}

#[derive(Clone, Copy)]
struct At {
    x: f64,
    value: f64,
}

impl At {
    fn new(f: &mut impl FnMut(f64) -> f64, x: f64) -> Self {
        Self { x, value: f(x) }
    }
}

/// From `here` to the zero of the secant, or of the inverse parabola where all three points differ.
fn interpolated_step(last: At, here: At, other: At) -> f64 {
    let s = here.value / last.value;
    if last.x == other.x {
        return (other.x - here.x) * s / (s - 1.0);
    }
    let (q, r) = (last.value / other.value, here.value / other.value);
    let numerator = s * ((other.x - here.x) * q * (q - r) - (here.x - last.x) * (r - 1.0));
    -numerator / ((q - 1.0) * (r - 1.0) * (s - 1.0))
}

/// A maximum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maximum {
    /// Where it is.
    pub x: f64,
    /// Its height.
    pub value: f64,
}

/// The largest of `f` on [low, high]: on a grid of `pieces` + 1 points first, then by golden section around the best.
///
/// Finds the global maximum if no other peak is narrower than a piece. The height is right to rounding; the place to
/// about 1e-8 of the interval, as heights allow no more.
pub(super) fn maximum(mut f: impl FnMut(f64) -> f64, low: f64, high: f64, pieces: u32) -> Maximum {
    let grid = |k: u32| low + (high - low) * f64::from(k) / f64::from(pieces);
    let mut best = Maximum { x: low, value: f(low) };
    let mut at = 0;
    for k in 1..=pieces {
        let value = f(grid(k));
        if value > best.value {
            (best, at) = (Maximum { x: grid(k), value }, k);
        }
    }
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let (mut a, mut b) = (grid(at.saturating_sub(1)), grid((at + 1).min(pieces)));
    let (mut left, mut right) = (b - golden * (b - a), a + golden * (b - a));
    let (mut f_left, mut f_right) = (f(left), f(right));
    while b - a > 1e-9 * (high - low) {
        if f_left >= f_right {
            (b, right, f_right) = (right, left, f_left);
            left = b - golden * (b - a);
            f_left = f(left);
        } else {
            (a, left, f_left) = (left, right, f_right);
            right = a + golden * (b - a);
            f_right = f(right);
        }
    }
    for found in [Maximum { x: left, value: f_left }, Maximum { x: right, value: f_right }] {
        if found.value > best.value {
            best = found;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_known_functions() {
        assert!((root(|x| x * x - 2.0, 0.0, 2.0, 1e-15) - 2f64.sqrt()).abs() < 1e-15);
        assert!((root(|x: f64| x.cos() - x, 0.0, 1.0, 1e-15) - 0.739_085_133_215_160_6).abs() < 1e-15);
        // A triple root: no fast step can be trusted.
        assert!((root(|x: f64| (x - 1.0).powi(3), -3.0, 2.5, 1e-12) - 1.0).abs() < 1e-5);
        assert!(root(|x: f64| x.powi(9), -1.0, 4.0, 1e-12).abs() < 1e-1);
        assert_eq!(root(|x| x, 0.0, 1.0, 1e-12), 0.0);
        assert_eq!(root(|x| x + 1.0, 0.0, 1.0, 1e-12), 0.0);
    }

    #[test]
    fn few_evaluations_are_needed() {
        let mut evaluations = 0;
        root(
            |x: f64| {
                evaluations += 1;
                x.exp() - 5.0
            },
            0.0,
            10.0,
            1e-13,
        );
        assert!(evaluations < 20, "{evaluations}");
    }

    #[test]
    fn the_higher_of_two_peaks_is_found() {
        let peaks = |x: f64| (-(x - 0.2).powi(2) * 50.0).exp() + 1.1 * (-(x - 0.8).powi(2) * 50.0).exp();
        let found = maximum(peaks, 0.0, 1.0, 16);
        assert!((found.x - 0.8).abs() < 1e-7 && (found.value - 1.1).abs() < 1e-7);
        assert_eq!(maximum(|x| -x, 0.0, 1.0, 8).x, 0.0);
        assert_eq!(maximum(|x| x, 0.0, 1.0, 8).x, 1.0);
    }
}
