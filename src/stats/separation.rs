//! Whether a maximum likelihood estimate exists: an exact check by non-negative least squares.
//!
//! The likelihood of the families here is concave. It has no finite maximum exactly when there is a direction δ ≠ 0
//! along which it never falls and sometimes rises (Albert & Anderson 1984, Biometrika 71:1; for counts Correia,
//! Guimarães & Zylkin 2019, arXiv:1903.01633): xᵢᵀδ = 0 for cells in the interior of their range, xᵢᵀδ ≥ 0 for cells with
//! nothing but events, xᵢᵀδ ≤ 0 for cells without any, and not all of these 0. With aᵢ = ±xᵢ (sign chosen so that the
//! condition reads aᵢᵀδ ≥ 0), projected on the complement of the interior cells, Stiemke's lemma says that there is
//! either such a δ or a z > 0 with Σ zᵢaᵢ = 0. With z = 1 + v the second is a non-negative least squares problem,
//! `min ‖Σaᵢ + Σ vᵢaᵢ‖, v ≥ 0`; if its minimum r is not 0, then aᵢᵀr ≥ 0 for all i (the optimality conditions) and
//! Σaᵢᵀr = ‖r‖² > 0, so r is itself the direction. The problem has p equations, so at most p of the vᵢ are above 0.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::cells::Cells;
use super::chunks::{ROWS, map_rows};
use super::family::Family;
use super::glm::add_outer;
use super::linalg::symmetric_eigen;

/// A product aᵢᵀδ of unit vectors below this counts as 0.
const ZERO: f64 = 1e-9;
/// Eigenvalues of the interior cells' correlation-like matrix below this fraction of the largest span no direction.
const NULL_SPACE: f64 = 1e-12;

/// The column whose coefficient runs away (the largest component of δ in units of the column's root mean square), or
/// `None` where a finite estimate exists. `cells` must have passed its check.
pub(super) fn separating_column(cells: &Cells, family: Family) -> Option<usize> {
    let scale = cells.x.root_mean_squares(Some(cells.trials)).to_vec();
    let basis = free_directions(cells, family, &scale);
    if basis.ncols() == 0 {
        return None;
    }
    let direction = recession(boundary_rows(cells, family, &scale, basis.view()).view())?;
    let delta = basis.dot(&direction);
    // The first of the largest; a margin keeps equal movers in the order of their columns.
    Some((0..delta.len()).fold(0, |best, c| if delta[c].abs() > delta[best].abs() + 1e-6 { c } else { best }))
}

/// +1 where η may only rise without loss, −1 where it may only fall, 0 where it must stay.
fn side(family: Family, trials: f64, successes: f64) -> f64 {
    if successes == 0.0 {
        -1.0
    } else if successes == trials && family != Family::Poisson {
        1.0
    } else {
        0.0
    }
}

fn scaled_row(x: ArrayView1<f64>, scale: &[f64]) -> Array1<f64> {
    x.iter().zip(scale).map(|(v, s)| if *s > 0.0 { v / s } else { 0.0 }).collect()
}

/// Orthonormal basis (p×k) of the directions that leave η of every interior cell as it is.
fn free_directions(cells: &Cells, family: Family, scale: &[f64]) -> Array2<f64> {
    let p = scale.len();
    let parts = map_rows(cells.x.nrows(), |rows| {
        let mut gram = Array2::zeros((p, p));
        for (x, i) in cells.x.piece(rows.clone()).rows().into_iter().zip(rows) {
            if side(family, cells.trials[i], cells.successes[i]) == 0.0 {
                let row = scaled_row(x, scale);
                let norm = row.dot(&row);
                if norm > 0.0 {
                    add_outer(&mut gram, 1.0 / norm, row.view());
                }
            }
        }
        gram
    });
    let gram = parts.iter().fold(Array2::zeros((p, p)), |all, part| all + part);
    let eigen = symmetric_eigen(gram.view());
    let largest = eigen.values.iter().fold(0.0_f64, |m, v| m.max(*v));
    let free: Vec<usize> = (0..p).filter(|&k| eigen.values[k] <= NULL_SPACE * largest).collect();
    eigen.vectors.select(Axis(1), &free)
}

/// aᵢ of the boundary cells in coordinates of `basis`, scaled to length 1; rows that vanish there are left out.
fn boundary_rows(cells: &Cells, family: Family, scale: &[f64], basis: ArrayView2<f64>) -> Array2<f64> {
    let mut flat = Vec::new();
    let n = cells.x.nrows();
    for start in (0..n).step_by(ROWS) {
        let rows = start..n.min(start + ROWS);
        for (x, i) in cells.x.piece(rows.clone()).rows().into_iter().zip(rows) {
            let sign = side(family, cells.trials[i], cells.successes[i]);
            if sign == 0.0 {
                continue;
            }
            let row = scaled_row(x, scale);
            let projected = row.dot(&basis) * sign;
            let (norm, before) = (projected.dot(&projected).sqrt(), row.dot(&row).sqrt());
            if norm > ZERO * before {
                flat.extend(projected.iter().map(|v| v / norm));
            }
        }
    }
    Array2::from_shape_vec((flat.len() / basis.ncols(), basis.ncols()), flat).expect("rows of equal length")
}

/// A unit δ with aᵢᵀδ ≥ 0 for all rows of `a`, not all 0; by Lawson & Hanson's active set.
fn recession(a: ArrayView2<f64>) -> Option<Array1<f64>> {
    if a.nrows() == 0 {
        return None;
    }
    let start = a.mean_axis(Axis(0)).expect("there are rows");
    let mut active: Vec<usize> = Vec::new();
    let mut v: Vec<f64> = Vec::new();
    let mut residual = start.clone();
    // Each round ends at a smaller residual, with at most p active rows; the bound only guards against rounding.
    for _ in 0..50 * (a.ncols() + 2) {
        let norm = residual.dot(&residual).sqrt();
        if norm <= 1e-12 {
            return None;
        }
        let delta = &residual / norm;
        let products = a.dot(&delta);
        let (row, least) =
            products.iter().enumerate().fold((0, f64::INFINITY), |m, (i, &g)| if g < m.1 { (i, g) } else { m });
        if least >= -ZERO || active.contains(&row) {
            let largest = products.iter().fold(f64::NEG_INFINITY, |m, g| m.max(*g));
            return (least >= -1e3 * ZERO && largest > 1e3 * ZERO).then_some(delta);
        }
        active.push(row);
        v.push(0.0);
        loop {
            let target = least_squares(a, &active, &start);
            let step = v.iter().zip(&target).filter(|(_, t)| **t <= 0.0).map(|(v, t)| v / (v - t));
            let length = step.fold(1.0_f64, f64::min);
            for (v, t) in v.iter_mut().zip(&target) {
                *v += length * (t - *v);
            }
            if length == 1.0 {
                break;
            }
            let kept: Vec<usize> = (0..v.len()).filter(|&k| v[k] > 1e-14 && target[k] != 0.0).collect();
            active = kept.iter().map(|&k| active[k]).collect();
            v = kept.iter().map(|&k| v[k]).collect();
            if active.is_empty() {
                break;
            }
        }
        residual = active.iter().zip(&v).fold(start.clone(), |sum, (&i, &v)| sum + &a.row(i) * v);
    }
    None
}

/// v that minimises ‖start + Σ vₖ a_{active[k]}‖, by modified Gram–Schmidt on the few rows.
fn least_squares(a: ArrayView2<f64>, active: &[usize], start: &Array1<f64>) -> Vec<f64> {
    let k = active.len();
    let mut q: Vec<Array1<f64>> = Vec::with_capacity(k);
    let mut r = Array2::<f64>::zeros((k, k));
    let mut rest = -start.clone();
    let mut right = vec![0.0; k];
    for (j, &i) in active.iter().enumerate() {
        let mut column = a.row(i).to_owned();
        // Twice is enough to keep the basis orthogonal.
        for _ in 0..2 {
            for (l, basis) in q.iter().enumerate() {
                let along = basis.dot(&column);
                r[[l, j]] += along;
                column.scaled_add(-along, basis);
            }
        }
        let norm = column.dot(&column).sqrt();
        r[[j, j]] = norm;
        column /= norm.max(f64::MIN_POSITIVE);
        right[j] = column.dot(&rest);
        rest.scaled_add(-right[j], &column);
        q.push(column);
    }
    for j in (0..k).rev() {
        for l in j + 1..k {
            right[j] -= r[[j, l]] * right[l];
        }
        // A row that depends on the others gets nothing.
        right[j] = if r[[j, j]] > 1e-12 { right[j] / r[[j, j]] } else { 0.0 };
    }
    right
}

#[cfg(test)]
mod tests {
    use super::super::link::Link;
    use super::*;
    use ndarray::array;

    fn column(x: &Array2<f64>, trials: &[f64], successes: &[f64], family: Family) -> Option<usize> {
        let (trials, successes) = (ArrayView1::from(trials), ArrayView1::from(successes));
        separating_column(&Cells { x: x.view().into(), trials, successes, offset: None }, family)
    }

    const LOGIT: Family = Family::Binomial(Link::Logit);

    #[test]
    fn complete_separation() {
        let x = array![[1.0, -2.0], [1.0, -0.1], [1.0, 0.2], [1.0, 3.0]];
        assert_eq!(column(&x, &[1.0; 4], &[0.0, 0.0, 1.0, 1.0], LOGIT), Some(1));
        assert_eq!(column(&x, &[1.0; 4], &[0.0, 1.0, 0.0, 1.0], LOGIT), None);
        // Touching: the two middle rows share their value, so the line goes through it (quasi-complete).
        let touching = array![[1.0, -2.0], [1.0, 0.2], [1.0, 0.2], [1.0, 3.0]];
        assert_eq!(column(&touching, &[1.0; 4], &[0.0, 0.0, 1.0, 1.0], LOGIT), Some(1));
    }

    #[test]
    fn a_two_by_two_table_with_an_empty_cell() {
        let x = array![[1.0, 0.0], [1.0, 1.0]];
        assert_eq!(column(&x, &[20.0, 15.0], &[5.0, 0.0], LOGIT), Some(1));
        assert_eq!(column(&x, &[20.0, 15.0], &[5.0, 15.0], LOGIT), Some(1));
        assert_eq!(column(&x, &[20.0, 15.0], &[5.0, 1.0], LOGIT), None);
        // The empty cell is the reference: both coefficients run away, the intercept is named.
        assert_eq!(column(&x, &[20.0, 15.0], &[0.0, 7.0], LOGIT), Some(0));
        // As separate rows, without interior cells.
        let rows = array![[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]];
        assert_eq!(column(&rows, &[1.0; 4], &[0.0, 1.0, 0.0, 0.0], LOGIT), Some(1));
        assert_eq!(column(&rows, &[1.0; 4], &[0.0, 1.0, 1.0, 0.0], LOGIT), None);
    }

    #[test]
    fn counts_are_separated_by_a_dummy_of_zeros_only() {
        let x = array![[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]];
        assert_eq!(column(&x, &[1.0; 4], &[2.0, 0.0, 0.0, 0.0], Family::Poisson), Some(1));
        assert_eq!(column(&x, &[1.0; 4], &[2.0, 0.0, 0.0, 1.0], Family::Poisson), None);
        // All counts of the dummy equal to the number of rows: no separation, unlike events.
        assert_eq!(column(&x, &[1.0; 4], &[0.0, 1.0, 1.0, 1.0], Family::Poisson), None);
    }

    /// In the plane a cone {δ: Aδ ≥ 0} that is more than {0} has a generator that is perpendicular to a row of A, or is
    /// a row: trying them all on whole numbers is exact.
    fn by_trial(x: &Array2<f64>, trials: &[f64], successes: &[f64], family: Family) -> bool {
        let rows: Vec<(f64, f64, f64)> =
            (0..x.nrows()).map(|i| (x[[i, 0]], x[[i, 1]], side(family, trials[i], successes[i]))).collect();
        let candidates = rows.iter().flat_map(|&(a, b, _)| [(b, -a), (-b, a), (a, b), (-a, -b)]);
        let allowed = |(d, e): (f64, f64)| {
            let along = |&(a, b, side): &(f64, f64, f64)| {
                let product = a * d + b * e;
                if side == 0.0 { -product.abs() } else { side * product }
            };
            rows.iter().map(along).all(|v| v >= 0.0) && rows.iter().any(|row| row.2 != 0.0 && along(row) > 0.0)
        };
        candidates.into_iter().any(allowed)
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_trying_every_direction(
            rows in proptest::collection::vec((-3i8..=3, -3i8..=3, 1u8..3, 0u8..3), 2..9),
            poisson in proptest::bool::ANY,
        ) {
            let family = if poisson { Family::Poisson } else { LOGIT };
            let x = Array2::from_shape_fn((rows.len(), 2), |(i, c)| f64::from(if c == 0 { rows[i].0 } else { rows[i].1 }));
            let trials: Vec<f64> = rows.iter().map(|r| f64::from(r.2)).collect();
            let successes: Vec<f64> = rows.iter().map(|r| f64::from(if poisson { r.3 } else { r.3.min(r.2) })).collect();
            let found = column(&x, &trials, &successes, family).is_some();
            proptest::prop_assert_eq!(found, by_trial(&x, &trials, &successes, family));
        }
    }
}
