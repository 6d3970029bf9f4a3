//! Iterative refinement of least squares with residuals in twice the working precision.
//!
//! From R of X = QR, β is improved by `β += R⁻¹R⁻ᵀXᵀW(y − Xβ)` (the corrected seminormal equations, Björck 1987, Linear
//! Algebra Appl. 88:31). A step removes all but about κε of the error (κ the condition number of X with columns of equal
//! length), so with residual and gradient in double-double arithmetic and β kept in it, the limit is the solution for
//! the given numbers, however ill-conditioned they are below 1/ε. Without it errors grow with κ²·residual.

use ndarray::{Array2, s};

use super::super::chunks::map_rows;
use super::super::qr::{back_substitute, forward_substitute};
use super::OlsData;

/// An unevaluated sum of two doubles: about 32 digits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Double {
    pub hi: f64,
    pub lo: f64,
}

impl Double {
    /// a + b, exactly (Knuth).
    fn sum(a: f64, b: f64) -> Self {
        let hi = a + b;
        let of_b = hi - a;
        Self { hi, lo: (a - (hi - of_b)) + (b - of_b) }
    }

    /// a·b, exactly (Dekker; a fused multiply-add would be a function call on the processors we build for).
    fn product(a: f64, b: f64) -> Self {
        let split = |v: f64| {
            let large = 134_217_729.0 * v;
            let high = large - (large - v);
            (high, v - high)
        };
        let (hi, (a1, a2), (b1, b2)) = (a * b, split(a), split(b));
        Self { hi, lo: ((a1 * b1 - hi) + a1 * b2 + a2 * b1) + a2 * b2 }
    }

    pub fn plus(self, other: Self) -> Self {
        let high = Self::sum(self.hi, other.hi);
        Self::sum(high.hi, high.lo + self.lo + other.lo)
    }

    fn times(self, factor: f64) -> Self {
        let product = Self::product(self.hi, factor);
        Self::sum(product.hi, product.lo + self.lo * factor)
    }
}

/// Weighted residual sum of squares and gradient XᵀW(y − offset − Xβ) at a β.
struct At {
    rss: f64,
    gradient: Vec<Double>,
}

fn evaluate(data: &OlsData, beta: &[Double]) -> At {
    let parts = map_rows(data.y.len(), |rows| {
        let mut at = At { rss: 0.0, gradient: vec![Double::default(); beta.len()] };
        for i in rows {
            let x = data.x.row(i);
            let outcome = Double::sum(data.y[i], -data.offset.map_or(0.0, |offset| offset[i]));
            let residual = x.iter().zip(beta).fold(outcome, |sum, (x, b)| sum.plus(b.times(-x)));
            let weighted = residual.times(data.weight(i));
            at.rss += weighted.hi * residual.hi;
            for (to, x) in at.gradient.iter_mut().zip(x) {
                *to = to.plus(weighted.times(*x));
            }
        }
        at
    });
    parts.into_iter().fold(At { rss: 0.0, gradient: vec![Double::default(); beta.len()] }, |mut all, part| {
        all.rss += part.rss;
        all.gradient.iter_mut().zip(part.gradient).for_each(|(to, v)| *to = to.plus(v));
        all
    })
}

/// A refined solution.
pub(super) struct Refined {
    pub beta: Vec<f64>,
    pub rss: f64,
}

/// Refines from the triangle of [X y] until the correction no longer shrinks.
pub(super) fn refine(data: &OlsData, r: &Array2<f64>) -> Refined {
    let p = data.x.ncols();
    let (triangle, projected) = (r.slice(s![..p, ..p]), r.slice(s![..p, p]).to_vec());
    let single = |v: f64| Double { hi: v, lo: 0.0 };
    let mut beta: Vec<Double> = back_substitute(triangle, &projected).into_iter().map(single).collect();
    let mut before = f64::INFINITY;
    // Steps shrink by κε each, or the loop ends.
    loop {
        let at = evaluate(data, &beta);
        let gradient: Vec<f64> = at.gradient.iter().map(|g| g.hi).collect();
        let step = forward_substitute(triangle, &gradient);
        let length = step.iter().map(|v| v * v).sum::<f64>().sqrt();
        let shrinks = length < 0.25 * before && length > 0.0;
        if !shrinks {
            return Refined { beta: beta.iter().map(|b| b.hi).collect(), rss: at.rss };
        }
        before = length;
        for (b, d) in beta.iter_mut().zip(back_substitute(triangle, &step)) {
            *b = b.plus(single(d));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_digits() {
        // (1/3)·3 − 1 is 0 in doubles; the product knows what rounding took away.
        let third = 1.0 / 3.0;
        let exact = Double::product(third, 3.0).plus(Double { hi: -1.0, lo: 0.0 });
        assert_eq!(exact.hi, -2f64.powi(-54));
        assert_eq!(Double::sum(1e20, 1.0), Double { hi: 1e20, lo: 1.0 });
        let back = Double::sum(1e20, 1.0).times(3.0).plus(Double { hi: -3e20, lo: 0.0 });
        assert_eq!(back.hi, 3.0);
    }
}
