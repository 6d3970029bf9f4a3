//! The triangle R of X = QR by Householder reflections on pieces of rows, and which columns of X are independent.
//!
//! RᵀR = XᵀX, but R knows the columns to working precision where XᵀX knows them to its square root. Q is never
//! formed: for X with the outcome as its last column, R holds Qᵀy and the norm of the residual too.

use ndarray::{Array2, ArrayView2, s};

use super::chunks::map_pieces;

/// Rows reflected at a time: with 20 columns they fit the second-level cache. Fixed, so that the result depends on
/// nothing but the data.
const ROWS: usize = 1024;

/// R of an n×m matrix (m×m, upper triangle, diagonal of any sign) whose row i is written by `row(i, to)`.
///
/// Pieces of rows are reduced in parallel and their triangles stacked in row order (Demmel, Grigori, Hoemmen & Langou
/// 2012, SIAM J. Sci. Comput. 34:A206): as stable as one large factorisation.
pub(super) fn triangle(n: usize, m: usize, row: impl Fn(usize, &mut [f64]) + Sync) -> Array2<f64> {
    let parts = map_pieces(n, ROWS, |rows| {
        let height = rows.len();
        let mut columns = vec![0.0; height * m];
        let mut buffer = vec![0.0; m];
        for (k, i) in rows.enumerate() {
            row(i, &mut buffer);
            for (j, v) in buffer.iter().enumerate() {
                columns[j * height + k] = *v;
            }
        }
        reduce(&mut columns, height, m)
    });
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or_else(|| Array2::zeros((m, m)));
    parts.fold(first, |above, below| {
        let mut columns = vec![0.0; 2 * m * m];
        for (j, column) in columns.chunks_exact_mut(2 * m).enumerate() {
            for k in 0..=j {
                column[k] = above[[k, j]];
                column[m + k] = below[[k, j]];
            }
        }
        reduce(&mut columns, 2 * m, m)
    })
}

/// R of an n×m matrix stored by columns, which is overwritten.
fn reduce(columns: &mut [f64], n: usize, m: usize) -> Array2<f64> {
    for k in 0..m.min(n) {
        let (done, rest) = columns.split_at_mut((k + 1) * n);
        let v = &mut done[k * n + k..];
        let norm = dot(v, v).sqrt();
        if norm == 0.0 {
            continue;
        }
        // The reflection takes v to diagonal·e₁; the sign avoids cancellation.
        let diagonal = -norm.copysign(v[0]);
        v[0] -= diagonal;
        // 2/vᵀv, as vᵀv = 2·norm·(norm + |v₀|) and v₀ − diagonal has that absolute value.
        let twice = 1.0 / (norm * v[0].abs());
        for column in rest.chunks_exact_mut(n) {
            let along = twice * dot(v, &column[k..]);
            for (to, v) in column[k..].iter_mut().zip(&*v) {
                *to -= along * v;
            }
        }
        v[0] = diagonal;
    }
    Array2::from_shape_fn((m, m), |(i, j)| if i <= j && i < n { columns[j * n + i] } else { 0.0 })
}

/// Eight sums side by side: the compiler may not reorder a single one, and rounding grows eight times slower.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum::<f64>() + tail
}

/// Columns that are not, to a tolerance, combinations of columns before them, and those that are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Independent {
    /// In ascending order.
    pub kept: Vec<usize>,
    /// In ascending order.
    pub dropped: Vec<usize>,
}

/// The tolerance of R's `lm`: a column whose part that is orthogonal to the kept ones before it is shorter than this
/// fraction of the column counts as dependent.
pub const DEPENDENT: f64 = 1e-7;

/// Which columns R's `lm` would keep: `x` is n×p, and of columns that depend on each other the first stay.
///
/// The pivoting is limited as in LINPACK's `dqrdc2`: only a column that is negligible moves to the end. It is done on R
/// of [`triangle`], whose columns have the lengths and angles of those of `x`, so a million rows cost one pass.
pub fn independent_columns(x: ArrayView2<f64>) -> Independent {
    let x = x.as_standard_layout();
    let r = triangle(x.nrows(), x.ncols(), |i, to| to.iter_mut().zip(x.row(i)).for_each(|(to, v)| *to = *v));
    independent_in(r.view(), DEPENDENT)
}

/// As [`independent_columns`], of a triangle.
pub(super) fn independent_in(r: ArrayView2<f64>, tolerance: f64) -> Independent {
    let p = r.ncols();
    let mut columns: Vec<Vec<f64>> = r.columns().into_iter().map(|c| c.to_vec()).collect();
    let lengths: Vec<f64> = columns.iter().map(|c| dot(c, c).sqrt()).collect();
    let mut found = Independent { kept: Vec::new(), dropped: Vec::new() };
    for j in 0..p {
        let k = found.kept.len();
        let rest = &columns[j][k..];
        let norm = dot(rest, rest).sqrt();
        if norm < tolerance * lengths[j] || norm == 0.0 {
            found.dropped.push(j);
            continue;
        }
        found.kept.push(j);
        let mut v = rest.to_vec();
        v[0] += norm.copysign(v[0]);
        let twice = 1.0 / (norm * v[0].abs());
        for column in &mut columns[j + 1..] {
            let along = twice * dot(&v, &column[k..]);
            column[k..].iter_mut().zip(&v).for_each(|(to, v)| *to -= along * v);
        }
    }
    found
}

/// R⁻¹b for the leading p×p block of an upper triangle.
pub(super) fn back_substitute(r: ArrayView2<f64>, b: &[f64]) -> Vec<f64> {
    let mut x = b.to_vec();
    for i in (0..x.len()).rev() {
        let known: f64 = (i + 1..x.len()).map(|k| r[[i, k]] * x[k]).sum();
        x[i] = (x[i] - known) / r[[i, i]];
    }
    x
}

/// R⁻ᵀb for the leading p×p block of an upper triangle.
pub(super) fn forward_substitute(r: ArrayView2<f64>, b: &[f64]) -> Vec<f64> {
    let mut x = b.to_vec();
    for i in 0..x.len() {
        let known: f64 = (0..i).map(|k| r[[k, i]] * x[k]).sum();
        x[i] = (x[i] - known) / r[[i, i]];
    }
    x
}

/// (RᵀR)⁻¹ = R⁻¹R⁻ᵀ of an upper triangle (p×p).
pub(super) fn inverse_gram(r: ArrayView2<f64>) -> Array2<f64> {
    let p = r.ncols();
    let mut inverse = Array2::<f64>::zeros((p, p));
    for j in 0..p {
        let unit: Vec<f64> = (0..=j).map(|i| f64::from(u8::from(i == j))).collect();
        let column = back_substitute(r.slice(s![..=j, ..=j]), &unit);
        (0..=j).for_each(|i| inverse[[i, j]] = column[i]);
    }
    inverse.dot(&inverse.t())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn wave(n: usize, p: usize) -> Array2<f64> {
        Array2::from_shape_fn((n, p), |(i, j)| if j == 0 { 1.0 } else { ((i * (j + 2) + i * i) as f64 * 0.37).sin() })
    }

    fn of(x: &Array2<f64>) -> Array2<f64> {
        triangle(x.nrows(), x.ncols(), |i, to| to.copy_from_slice(x.row(i).as_slice().expect("standard layout")))
    }

    #[test]
    fn the_triangle_has_the_cross_products_of_its_rows() {
        // One row, fewer rows than columns, one piece, several pieces with a short last one.
        for n in [1, 3, 50, 1024, 3000] {
            let x = wave(n, 5);
            let r = of(&x);
            let difference = &r.t().dot(&r) - &x.t().dot(&x);
            assert!(difference.iter().all(|d| d.abs() < 1e-15 * 5.0 * n as f64), "{n}");
            assert!((0..5).all(|i| (0..i).all(|j| r[[i, j]] == 0.0)));
        }
    }

    #[test]
    fn inverses_of_the_triangle() {
        let x = wave(50, 4);
        let r = of(&x);
        let one = inverse_gram(r.view()).dot(&x.t().dot(&x));
        assert!((&one - &Array2::<f64>::eye(4)).iter().all(|d| d.abs() < 1e-13));
        let b = [1.0, -2.0, 0.5, 3.0];
        let back = r.dot(&ndarray::Array1::from(back_substitute(r.view(), &b)));
        let forth = r.t().dot(&ndarray::Array1::from(forward_substitute(r.view(), &b)));
        assert!((0..4).all(|k| (back[k] - b[k]).abs() < 1e-13 && (forth[k] - b[k]).abs() < 1e-13));
    }

    #[test]
    fn the_later_of_dependent_columns_is_dropped() {
        let mut x = wave(2500, 7);
        let sum = &x.column(1) + &x.column(2);
        x.column_mut(3).assign(&sum);
        x.column_mut(5).fill(0.0);
        let found = independent_columns(x.view());
        assert_eq!(found, Independent { kept: vec![0, 1, 2, 4, 6], dropped: vec![3, 5] });
        // Year dummies that add up to the intercept: the last one goes, as in R.
        let dummies = Array2::from_shape_fn((9, 4), |(i, j)| f64::from(u8::from(j == 0 || i % 3 == j - 1)));
        assert_eq!(independent_columns(dummies.view()).dropped, vec![3]);
        // Fewer rows than columns.
        assert_eq!(independent_columns(array![[1.0, 2.0, 3.0], [1.0, 0.0, 1.0]].view()).kept, vec![0, 1]);
    }

    #[test]
    fn the_tolerance_is_that_of_r() {
        // Column 1 is the intercept plus ±d: its orthogonal part is d of its length 1. R 4.2.2, qr(x)$rank: 2 and 1.
        let near =
            |d: f64| Array2::from_shape_fn((4, 2), |(i, j)| if j == 0 { 1.0 } else { 1.0 + d * [1.0, -1.0][i % 2] });
        assert_eq!(independent_columns(near(1.1e-7).view()).kept.len(), 2);
        assert_eq!(independent_columns(near(0.9e-7).view()).kept.len(), 1);
    }
}
