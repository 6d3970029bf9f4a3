//! (D − VVᵀ)^{−½}R for a large diagonal D and a few columns V, without a matrix of the size of D.
//!
//! With A = D − VVᵀ, `A^{−½} = (2/π)∫₀^∞ (A + t²)⁻¹ dt`. Mapped by elliptic functions the integrand becomes periodic and
//! analytic, and the trapezoidal rule converges as exp(−2π²N/(log κ + 3)) (Hale, Higham & Trefethen 2008, SIAM J. Numer.
//! Anal. 46:2505, method 3): 20 to 40 shifts for any condition number κ met here. Each shifted solve is Woodbury's, with a
//! matrix of the size of V's columns.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::super::linalg::Cholesky;

/// A quadrature for x^{−½} on an interval: Σ weight/(x + shift).
#[derive(Clone, Copy, Debug)]
struct Node {
    shift: f64,
    weight: f64,
}

/// Nodes with which Σ weight/(x + shift) is x^{−½} to 1e-13 while most/least < 1e8 for `least` ≤ x ≤ `most`.
fn nodes(least: f64, most: f64) -> Vec<Node> {
    let most = most.max(least);
    let ratio = least / most;
    // −log 1e-16 = 37; the 2 covers the constant before the exponential.
    let number = 2 + (37.0 * (3.0 - ratio.ln()) / (2.0 * std::f64::consts::PI.powi(2))).ceil() as usize;
    let scale = Amplitudes::new(ratio.sqrt());
    let quarter = scale.quarter_period();
    let unit = 2.0 * quarter * least.sqrt() / (std::f64::consts::PI * number as f64);
    (0..number)
        .map(|j| {
            // The second half mirrors the first, sc(K−u) = 1/(k′·sc u): near K itself cn would lose its digits.
            let mirrored = 2 * j >= number;
            let from_end = if mirrored { number - 1 - j } else { j };
            let (sn, cn) = scale.amplitude((from_end as f64 + 0.5) * quarter / number as f64).sin_cos();
            // dn² = 1 − (1 − ratio)sn² = cn² + ratio·sn²
            let dn = (cn * cn + ratio * sn * sn).sqrt();
            if mirrored {
                Node { shift: most * (cn / sn).powi(2), weight: unit * dn / (ratio.sqrt() * sn * sn) }
            } else {
                Node { shift: least * (sn / cn).powi(2), weight: unit * dn / (cn * cn) }
            }
        })
        .collect()
}

/// Jacobi's amplitude by the arithmetic-geometric mean (Abramowitz & Stegun 16.4), for the complementary modulus.
struct Amplitudes {
    a: Vec<f64>,
    c: Vec<f64>,
}

impl Amplitudes {
    fn new(complementary_modulus: f64) -> Self {
        let (mut a, mut b) = (1.0, complementary_modulus);
        let mut all = Self { a: vec![a], c: vec![0.0] };
        while (a - b).abs() > 1e-16 * a && all.a.len() < 40 {
            let c = 0.5 * (a - b);
            (a, b) = (0.5 * (a + b), (a * b).sqrt());
            all.a.push(a);
            all.c.push(c);
        }
        all
    }

    /// K, the quarter period.
    fn quarter_period(&self) -> f64 {
        std::f64::consts::FRAC_PI_2 / self.a[self.a.len() - 1]
    }

    /// am(u): sn = sin am, cn = cos am.
    fn amplitude(&self, u: f64) -> f64 {
        let last = self.a.len() - 1;
        let mut phi = 2f64.powi(last as i32) * self.a[last] * u;
        for n in (1..=last).rev() {
            phi = 0.5 * (phi + (self.c[n] / self.a[n] * phi.sin()).asin());
        }
        phi
    }
}

/// The matrix D − VVᵀ, with the interval that holds its spectrum where it matters.
pub(super) struct DiagonalMinus<'a> {
    /// D (n), above 0.
    pub diagonal: ArrayView1<'a, f64>,
    /// How often each row occurs (n): a row of count m stands for m equal rows of the matrix.
    pub counts: ArrayView1<'a, f64>,
    /// V (n×p).
    pub v: ArrayView2<'a, f64>,
    /// Bounds of the eigenvalues on the space spanned by the right side.
    pub least: f64,
    pub most: f64,
}

impl DiagonalMinus<'_> {
    /// (D − VVᵀ)^{−½}R, rows as in `right` (n×k). `None` where the matrix is not positive.
    pub fn inverse_root(&self, right: &Array2<f64>) -> Option<Array2<f64>> {
        let mut sum = Array2::zeros(right.raw_dim());
        for node in nodes(self.least, self.most) {
            let inverse: Array1<f64> = self.diagonal.mapv(|d| 1.0 / (d + node.shift));
            let scaled = inverse.clone().insert_axis(Axis(1)) * self.v;
            let counted = (&inverse * &self.counts).insert_axis(Axis(1)) * self.v;
            let core = Array2::eye(self.v.ncols()) - counted.t().dot(&self.v);
            let inner = Cholesky::factor(core.view()).ok()?.solve_columns(counted.t().dot(right).view());
            let solved = inverse.insert_axis(Axis(1)) * right + scaled.dot(&inner);
            sum.scaled_add(node.weight, &solved);
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::linalg::symmetric_eigen;
    use super::*;

    #[test]
    fn the_quadrature_is_the_inverse_root() {
        for ratio in [1.0, 0.3, 1e-3, 1e-8, 1e-12] {
            let nodes = nodes(ratio * 2.0, 2.0);
            assert!(nodes.len() <= 70);
            for k in 0..=20 {
                let x = 2.0 * ratio.powf(f64::from(k) / 20.0);
                let sum: f64 = nodes.iter().map(|n| n.weight / (x + n.shift)).sum();
                // Rounding of the amplitudes grows with the quarter period and the distance of the ends.
                let tolerance = 2e-14 + 1e-17 / ratio.sqrt();
                assert!((sum * x.sqrt() - 1.0).abs() < tolerance, "{ratio} {k}: {}", sum * x.sqrt() - 1.0);
            }
        }
    }

    #[test]
    fn agrees_with_the_dense_root_of_the_repeated_rows() {
        let counts = [2usize, 1, 3, 1, 2];
        let wave = |i: usize, j: usize| ((i * 3 + j * 5 + 1) as f64 * 0.7).sin();
        let v = Array2::from_shape_fn((5, 2), |(i, j)| 0.15 * wave(i, j));
        let diagonal = Array1::from_shape_fn(5, |i| 0.2 + 0.3 * i as f64);
        let right = Array2::from_shape_fn((5, 3), |(i, j)| wave(i + 9, j));
        let repeated: Vec<usize> = (0..5).flat_map(|i| std::iter::repeat_n(i, counts[i])).collect();
        let (all_v, all_right) = (v.select(Axis(0), &repeated), right.select(Axis(0), &repeated));
        let dense = Array2::from_diag(&diagonal.select(Axis(0), &repeated)) - all_v.dot(&all_v.t());
        let eigen = symmetric_eigen(dense.view());
        let least = eigen.values.iter().fold(f64::INFINITY, |m, v| m.min(*v));
        let expected = (&eigen.vectors * &eigen.values.mapv(|v| v.powf(-0.5))).dot(&eigen.vectors.t()).dot(&all_right);
        let counts = Array1::from_iter(counts.iter().map(|c| *c as f64));
        let matrix = DiagonalMinus { diagonal: diagonal.view(), counts: counts.view(), v: v.view(), least, most: 1.4 };
        let found = matrix.inverse_root(&right).unwrap().select(Axis(0), &repeated);
        assert!((&found - &expected).iter().all(|d| d.abs() < 1e-13));
    }
}
