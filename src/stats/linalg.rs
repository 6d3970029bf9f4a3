//! Small dense linear algebra: Cholesky with a pivot check for p×p matrices, and its fixed-size twin for the q×q
//! matrices of the random effects, which sit in the innermost loops and must not allocate.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// A pivot below this fraction of its own diagonal element means: a combination of the columns before.
///
/// The fraction is 1 − R² of the column on those before it. Cross-products carry about 1e-15 of rounding, so four
/// digits remain above the noise; an uncentred calendar year beside an intercept (1 − R² ≈ 1e-6) passes.
pub const RELATIVE_PIVOT: f64 = 1e-11;

/// The column at which a matrix stopped being positive definite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPositive {
    /// Column of the failing pivot.
    pub column: usize,
}

/// Lower triangular factor L of a symmetric positive definite A = LLᵀ.
#[derive(Clone, Debug)]
pub struct Cholesky {
    l: Array2<f64>,
}

impl Cholesky {
    /// Factors a symmetric matrix; only its lower triangle is read.
    ///
    /// # Errors
    /// [`NotPositive`] with the first column whose pivot is not above [`RELATIVE_PIVOT`] times its diagonal element.
    pub fn factor(a: ArrayView2<f64>) -> Result<Self, NotPositive> {
        let n = a.nrows();
        let mut l = Array2::zeros((n, n));
        for j in 0..n {
            let mut pivot = a[[j, j]];
            for k in 0..j {
                pivot -= l[[j, k]] * l[[j, k]];
            }
            // Written so that NaN fails too.
            let positive = pivot > RELATIVE_PIVOT * a[[j, j]] && pivot.is_finite();
            if !positive {
                return Err(NotPositive { column: j });
            }
            let root = pivot.sqrt();
            l[[j, j]] = root;
            for i in j + 1..n {
                let mut sum = a[[i, j]];
                for k in 0..j {
                    sum -= l[[i, k]] * l[[j, k]];
                }
                l[[i, j]] = sum / root;
            }
        }
        Ok(Self { l })
    }

    /// The factor L.
    pub fn lower(&self) -> ArrayView2<'_, f64> {
        self.l.view()
    }

    /// log|A|.
    pub fn log_det(&self) -> f64 {
        2.0 * self.l.diag().iter().map(|d| d.ln()).sum::<f64>()
    }

    /// L⁻¹b.
    pub fn forward(&self, b: ArrayView1<f64>) -> Array1<f64> {
        let mut x = b.to_owned();
        for i in 0..x.len() {
            let mut sum = x[i];
            for k in 0..i {
                sum -= self.l[[i, k]] * x[k];
            }
            x[i] = sum / self.l[[i, i]];
        }
        x
    }

    /// L⁻ᵀb.
    pub fn backward(&self, b: ArrayView1<f64>) -> Array1<f64> {
        let mut x = b.to_owned();
        for i in (0..x.len()).rev() {
            let mut sum = x[i];
            for k in i + 1..x.len() {
                sum -= self.l[[k, i]] * x[k];
            }
            x[i] = sum / self.l[[i, i]];
        }
        x
    }

    /// A⁻¹b.
    pub fn solve(&self, b: ArrayView1<f64>) -> Array1<f64> {
        self.backward(self.forward(b).view())
    }

    /// L⁻¹B, column by column.
    pub fn forward_columns(&self, b: ArrayView2<f64>) -> Array2<f64> {
        map_columns(b, |column| self.forward(column))
    }

    /// L⁻ᵀB, column by column.
    pub fn backward_columns(&self, b: ArrayView2<f64>) -> Array2<f64> {
        map_columns(b, |column| self.backward(column))
    }

    /// A⁻¹B, column by column.
    pub fn solve_columns(&self, b: ArrayView2<f64>) -> Array2<f64> {
        map_columns(b, |column| self.solve(column))
    }

    /// A⁻¹, exactly symmetric.
    pub fn inverse(&self) -> Array2<f64> {
        symmetrised(&self.solve_columns(Array2::eye(self.l.nrows()).view()))
    }

    /// The factor LK of L(KKᵀ)Lᵀ, for this L and that K.
    pub fn times(&self, inner: &Self) -> Self {
        Self { l: self.l.dot(&inner.l) }
    }

    /// XL⁻ᵀ: the rows of `x` in coordinates in which A is the identity.
    pub fn whiten_rows(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = x.as_standard_layout().into_owned();
        for mut row in out.rows_mut() {
            let white = self.forward(row.view());
            row.assign(&white);
        }
        out
    }
}

fn map_columns(b: ArrayView2<f64>, f: impl Fn(ArrayView1<f64>) -> Array1<f64>) -> Array2<f64> {
    let mut out = Array2::zeros(b.raw_dim());
    for (mut to, from) in out.columns_mut().into_iter().zip(b.columns()) {
        to.assign(&f(from));
    }
    out
}

/// Eigenvalues and vectors of a symmetric matrix, A = QΔQᵀ.
#[derive(Clone, Debug)]
pub struct SymmetricEigen {
    /// Eigenvalues (n), in no particular order.
    pub values: Array1<f64>,
    /// Q (n×n): the vector of value k is column k.
    pub vectors: Array2<f64>,
}

/// Cyclic Jacobi rotations: slower than a tridiagonal form, but simple and accurate, and the matrices here have the
/// size of a model's columns.
pub fn symmetric_eigen(a: ArrayView2<f64>) -> SymmetricEigen {
    let n = a.nrows();
    let mut a = symmetrised(&a.to_owned());
    // Row k holds vector k until the end, so that a rotation works on contiguous memory.
    let mut q = Array2::<f64>::eye(n);
    let total = a.iter().map(|v| v * v).sum::<f64>();
    // Convergence is quadratic: ten sweeps are plenty for any size met here, 40 guard against NaN.
    for _ in 0..40 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[[i, j]] * a[[i, j]]).sum();
        let settled = off <= 1e-34 * total;
        if settled {
            break;
        }
        for i in 1..n {
            for j in 0..i {
                rotate_away(&mut a, &mut q, j, i);
            }
        }
    }
    SymmetricEigen { values: a.diag().to_owned(), vectors: q.reversed_axes().as_standard_layout().into_owned() }
}

/// The rotation in the plane (i, j) that makes A[i,j] zero, with the smaller of the two angles.
fn rotate_away(a: &mut Array2<f64>, q: &mut Array2<f64>, i: usize, j: usize) {
    let (n, off) = (a.nrows(), a[[i, j]]);
    if off == 0.0 {
        return;
    }
    let ratio = (a[[j, j]] - a[[i, i]]) / (2.0 * off);
    let tangent = ratio.signum() / (ratio.abs() + ratio.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    a[[i, i]] -= tangent * off;
    a[[j, j]] += tangent * off;
    a[[i, j]] = 0.0;
    a[[j, i]] = 0.0;
    for k in 0..n {
        if k != i && k != j {
            let (left, right) = (a[[i, k]], a[[j, k]]);
            a[[i, k]] = cosine * left - sine * right;
            a[[j, k]] = sine * left + cosine * right;
            a[[k, i]] = a[[i, k]];
            a[[k, j]] = a[[j, k]];
        }
        let (left, right) = (q[[i, k]], q[[j, k]]);
        q[[i, k]] = cosine * left - sine * right;
        q[[j, k]] = sine * left + cosine * right;
    }
}

/// (A + Aᵀ)/2.
pub fn symmetrised(a: &Array2<f64>) -> Array2<f64> {
    (a + &a.t()) * 0.5
}

/// Largest absolute element, 0 for an empty vector.
pub fn max_abs(a: &Array1<f64>) -> f64 {
    a.iter().fold(0.0, |m, v| v.abs().max(m))
}

/// Q×Q matrix without allocation.
pub type Small<const Q: usize> = [[f64; Q]; Q];

/// Cholesky factor of a Q×Q matrix.
#[derive(Clone, Copy, Debug)]
pub struct SmallCholesky<const Q: usize> {
    l: Small<Q>,
}

impl<const Q: usize> SmallCholesky<Q> {
    /// Factors `a` (lower triangle read); `None` if a pivot is not positive and finite.
    #[allow(clippy::needless_range_loop, reason = "indices as in the formula")]
    pub fn factor(a: &Small<Q>) -> Option<Self> {
        let mut l = [[0.0; Q]; Q];
        for j in 0..Q {
            for i in j..Q {
                let mut sum = a[i][j];
                for k in 0..j {
                    sum -= l[i][k] * l[j][k];
                }
                if i > j {
                    l[i][j] = sum / l[j][j];
                } else if sum > 0.0 && sum.is_finite() {
                    l[j][j] = sum.sqrt();
                } else {
                    return None;
                }
            }
        }
        Some(Self { l })
    }

    /// log|A|.
    pub fn log_det(&self) -> f64 {
        (0..Q).map(|i| 2.0 * self.l[i][i].ln()).sum()
    }

    /// L⁻¹b.
    pub fn forward(&self, b: [f64; Q]) -> [f64; Q] {
        let mut x = b;
        for i in 0..Q {
            for k in 0..i {
                x[i] -= self.l[i][k] * x[k];
            }
            x[i] /= self.l[i][i];
        }
        x
    }

    /// A⁻¹b.
    pub fn solve(&self, b: [f64; Q]) -> [f64; Q] {
        self.backward(self.forward(b))
    }

    /// L⁻ᵀb.
    pub fn backward(&self, b: [f64; Q]) -> [f64; Q] {
        let mut x = b;
        for i in (0..Q).rev() {
            for k in i + 1..Q {
                x[i] -= self.l[k][i] * x[k];
            }
            x[i] /= self.l[i][i];
        }
        x
    }

    /// A⁻¹ (symmetric up to rounding).
    pub fn inverse(&self) -> Small<Q> {
        let mut out = [[0.0; Q]; Q];
        for (j, row) in out.iter_mut().enumerate() {
            let mut unit = [0.0; Q];
            unit[j] = 1.0;
            // Column j of the inverse, stored as row j: the inverse is symmetric.
            *row = self.solve(unit);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn example() -> Array2<f64> {
        array![[4.0, 2.0, 0.6], [2.0, 5.0, 1.5], [0.6, 1.5, 3.0]]
    }

    #[test]
    fn factor_times_its_transpose_is_the_matrix() {
        let a = example();
        let c = Cholesky::factor(a.view()).unwrap();
        let back = c.lower().dot(&c.lower().t());
        assert!((&back - &a).iter().all(|d| d.abs() < 1e-14));
        let one = c.inverse().dot(&a);
        assert!((&one - &Array2::<f64>::eye(3)).iter().all(|d| d.abs() < 1e-14));
        // |A| by cofactors: 4(15−2.25) − 2(6−0.9) + 0.6(3−3) = 40.8
        assert!((c.log_det() - 40.8f64.ln()).abs() < 1e-13);
    }

    #[test]
    fn the_small_twin_agrees() {
        let a = example();
        let small = [[4.0, 2.0, 0.6], [2.0, 5.0, 1.5], [0.6, 1.5, 3.0]];
        let (c, s) = (Cholesky::factor(a.view()).unwrap(), SmallCholesky::factor(&small).unwrap());
        assert!((c.log_det() - s.log_det()).abs() < 1e-14);
        let x = c.solve(array![1.0, -2.0, 0.5].view());
        let y = s.solve([1.0, -2.0, 0.5]);
        assert!((0..3).all(|i| (x[i] - y[i]).abs() < 1e-14));
        let inverse = c.inverse();
        assert!((0..9).all(|k| (inverse[[k / 3, k % 3]] - s.inverse()[k / 3][k % 3]).abs() < 1e-14));
    }

    #[test]
    fn a_dependent_column_is_named() {
        let x = array![[1.0, 2.0, 3.0], [1.0, 0.5, 1.5], [1.0, -1.0, 0.0], [1.0, 4.0, 5.0]];
        let failed = Cholesky::factor(x.t().dot(&x).view()).unwrap_err();
        assert_eq!(failed.column, 2);
    }

    #[test]
    fn whitening_turns_cross_products_into_the_identity() {
        let x = array![[1.0, 2.0], [1.0, 0.5], [1.0, -1.0], [1.0, 4.0]];
        let c = Cholesky::factor(x.t().dot(&x).view()).unwrap();
        let w = c.whiten_rows(x.view());
        let one = w.t().dot(&w);
        assert!((&one - &Array2::<f64>::eye(2)).iter().all(|d| d.abs() < 1e-13));
    }

    #[test]
    fn eigenvectors_diagonalise() {
        let n = 12;
        let hilbert = Array2::from_shape_fn((n, n), |(i, j)| 1.0 / (1.0 + (i + j) as f64));
        let blocks = Array2::from_shape_fn((n, n), |(i, j)| if i / 3 == j / 3 { 2.0 } else { 0.0 });
        for a in [hilbert, blocks, Array2::zeros((n, n))] {
            let eigen = symmetric_eigen(a.view());
            let q = &eigen.vectors;
            let back = (q * &eigen.values).dot(&q.t());
            assert!((&back - &a).iter().all(|d| d.abs() < 1e-14));
            assert!((&q.t().dot(q) - &Array2::<f64>::eye(n)).iter().all(|d| d.abs() < 1e-14));
        }
    }
}
