//! Gauss–Hermite quadrature.

use std::f64::consts::{PI, SQRT_2};

/// Nodes and weights with Σ wᵢ f(xᵢ) ≈ ∫ e^{−x²} f(x) dx (the physicists' weight), exact for polynomials of degree
/// 2n−1. For a N(0,1) expectation see [`GaussHermite::standard_normal`].
#[derive(Clone, Debug, PartialEq)]
pub struct GaussHermite {
    /// Nodes, ascending (n).
    pub nodes: Vec<f64>,
    /// Weights (n).
    pub weights: Vec<f64>,
}

impl GaussHermite {
    /// Nodes and weights of an expectation over N(0, 1).
    pub fn standard_normal(&self) -> Vec<(f64, f64)> {
        let root = PI.sqrt();
        self.nodes.iter().zip(&self.weights).map(|(x, w)| (x * SQRT_2, w / root)).collect()
    }
}

/// The `n`-point rule, by Newton's method on the orthonormal Hermite polynomials.
///
/// Each root is isolated first by scanning for sign changes on a grid finer than any distance between roots
/// (at least π/√(2n+1), Szegő 1975 §6.31), so no starting guesses are needed.
///
/// # Panics
/// If `n` is 0 or above 150 (the polynomials then leave the range of a double).
pub fn gauss_hermite(n: usize) -> GaussHermite {
    assert!((1..=150).contains(&n), "a Gauss–Hermite rule of {n} points");
    let edge = ((2 * n + 1) as f64).sqrt();
    let step = 0.2 / edge;
    let mut rule = GaussHermite { nodes: Vec::with_capacity(n), weights: Vec::with_capacity(n) };
    // Half a step beside the symmetric grid, so that no root falls on a grid point.
    let mut left = -edge - step * 1.37;
    while left < edge + 2.0 * step {
        let right = left + step;
        if hermite(n, left).value.signum() != hermite(n, right).value.signum() {
            let node = root_between(n, left, right);
            rule.nodes.push(node);
            // The orthonormal polynomials have H̃ₙ′ = √(2n)·H̃ₙ₋₁, and the weight is 2/(H̃ₙ′)².
            rule.weights.push(2.0 / hermite(n, node).slope.powi(2));
        }
        left = right;
    }
    rule
}

struct Hermite {
    value: f64,
    slope: f64,
}

/// Orthonormal Hermite polynomial: H̃ⱼ₊₁ = x√(2/(j+1)) H̃ⱼ − √(j/(j+1)) H̃ⱼ₋₁, H̃₀ = π^{−1/4}.
fn hermite(n: usize, x: f64) -> Hermite {
    let (mut before, mut value) = (0.0, PI.powf(-0.25));
    for j in 0..n {
        let (j, next) = (j as f64, (j + 1) as f64);
        (before, value) = (value, x * (2.0 / next).sqrt() * value - (j / next).sqrt() * before);
    }
    Hermite { value, slope: (2.0 * n as f64).sqrt() * before }
}

fn root_between(n: usize, left: f64, right: f64) -> f64 {
    let mut x = 0.5 * (left + right);
    for _ in 0..20 {
        let h = hermite(n, x);
        let next = x - h.value / h.slope;
        if (next - x).abs() < 1e-15 * (1.0 + x.abs()) {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_exact() {
        for n in [1, 2, 7, 15, 25, 60, 150] {
            let rule = gauss_hermite(n);
            assert_eq!(rule.nodes.len(), n);
            assert!(rule.nodes.windows(2).all(|w| w[0] < w[1]));
            let moment = |k: i32| -> f64 { rule.nodes.iter().zip(&rule.weights).map(|(x, w)| w * x.powi(k)).sum() };
            assert!((moment(0) / PI.sqrt() - 1.0).abs() < 1e-12, "{n}");
            assert!(moment(1).abs() < 1e-12);
            if n >= 2 {
                assert!((moment(2) / (PI.sqrt() / 2.0) - 1.0).abs() < 1e-12);
            }
            if n >= 7 {
                // ∫ x¹² e^{−x²} = √π · 10395/64
                assert!((moment(12) / (PI.sqrt() * 10_395.0 / 64.0) - 1.0).abs() < 1e-12);
            }
        }
    }
}
