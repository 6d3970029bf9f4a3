//! Products and triangular solves of the small blocks. All blocks are row-major slices without gaps.

/// target (h×w) −= left (h×inner) · rightᵀ (right: w×inner). h follows from the lengths.
#[inline(always)]
pub fn subtract_product(target: &mut [f64], left: &[f64], right: &[f64], inner: usize, width: usize) {
    match (inner, width) {
        (1, 1) if target.len() == 1 => target[0] -= left[0] * right[0],
        // The same loops with constant sizes: the compiler unrolls them.
        (2, 2) => subtract_loops(target, left, right, 2, 2),
        _ => subtract_loops(target, left, right, inner, width),
    }
}

#[inline(always)]
fn subtract_loops(target: &mut [f64], left: &[f64], right: &[f64], inner: usize, width: usize) {
    let mut rows = left;
    let mut target = target;
    while rows.len() >= inner && target.len() >= width {
        let (row, rows_below) = rows.split_at(inner);
        let (to, target_below) = target.split_at_mut(width);
        let mut others = right;
        for x in to {
            let (other, rest) = others.split_at(inner);
            let mut sum = 0.0;
            for d in 0..inner {
                sum += row[d] * other[d];
            }
            *x -= sum;
            others = rest;
        }
        (rows, target) = (rows_below, target_below);
    }
}

/// Both products with a block z (h×w) off the diagonal: below (h×q) += z · k_here (w×q), here (w×q) += zᵀ · k_below (h×q).
#[inline(always)]
pub fn add_both_products(
    z: &[f64],
    sizes: [usize; 3],
    k_here: &[f64],
    k_below: &[f64],
    here: &mut [f64],
    below: &mut [f64],
) {
    match sizes {
        [1, 1, 1] => both_loops(z, [1, 1, 1], k_here, k_below, here, below),
        [2, 2, 2] => both_loops(z, [2, 2, 2], k_here, k_below, here, below),
        _ => both_loops(z, sizes, k_here, k_below, here, below),
    }
}

#[inline(always)]
fn both_loops(z: &[f64], [h, w, q]: [usize; 3], k_here: &[f64], k_below: &[f64], here: &mut [f64], below: &mut [f64]) {
    let (z, k_here, k_below) = (&z[..h * w], &k_here[..w * q], &k_below[..h * q]);
    let (here, below) = (&mut here[..w * q], &mut below[..h * q]);
    for r in 0..h {
        for c in 0..w {
            let value = z[r * w + c];
            for d in 0..q {
                below[r * q + d] += value * k_here[c * q + d];
                here[c * q + d] += value * k_below[r * q + d];
            }
        }
    }
}

/// to (h×q) += z (h×w) · k (w×q).
#[inline(always)]
pub fn add_product(to: &mut [f64], z: &[f64], k: &[f64], [h, w, q]: [usize; 3]) {
    for r in 0..h {
        for c in 0..w {
            for d in 0..q {
                to[r * q + d] += z[r * w + c] * k[c * q + d];
            }
        }
    }
}

/// Replaces a symmetric q×q block by its lower Cholesky factor, zeros above the diagonal; adds its log-determinant to
/// `log_det`. False if a pivot is not positive and finite; NaN fails too.
#[inline(always)]
pub fn cholesky(block: &mut [f64], q: usize, log_det: &mut f64) -> bool {
    for j in 0..q {
        for i in j..q {
            let mut sum = block[i * q + j];
            for k in 0..j {
                sum -= block[i * q + k] * block[j * q + k];
            }
            if i > j {
                block[i * q + j] = sum / block[j * q + j];
            } else if sum > 0.0 && sum.is_finite() {
                block[j * q + j] = sum.sqrt();
                *log_det += sum.ln();
            } else {
                return false;
            }
        }
        for above in 0..j {
            block[above * q + j] = 0.0;
        }
    }
    true
}

/// Each row x of `rows` becomes xL⁻ᵀ.
#[inline(always)]
pub fn divide_by_transposed(rows: &mut [f64], lower: &[f64], q: usize) {
    for row in rows.chunks_exact_mut(q) {
        for c in 0..q {
            let mut sum = row[c];
            for d in 0..c {
                sum -= row[d] * lower[c * q + d];
            }
            row[c] = sum / lower[c * q + c];
        }
    }
}

/// Each row x of `rows` becomes xL⁻¹.
#[inline(always)]
pub fn divide_by_lower(rows: &mut [f64], lower: &[f64], q: usize) {
    for row in rows.chunks_exact_mut(q) {
        for c in (0..q).rev() {
            let mut sum = row[c];
            for d in c + 1..q {
                sum -= row[d] * lower[d * q + c];
            }
            row[c] = sum / lower[c * q + c];
        }
    }
}

/// out = (LLᵀ)⁻¹ (q×q), exactly symmetric.
#[inline(always)]
pub fn inverse_of_product(out: &mut [f64], lower: &[f64], q: usize) {
    // Rows of the identity, divided by Lᵀ and then by L.
    out.fill(0.0);
    for c in 0..q {
        out[c * q + c] = 1.0;
    }
    divide_by_transposed(out, lower, q);
    divide_by_lower(out, lower, q);
    mirror(out, q);
}

/// Copies the lower triangle of a q×q block to its upper triangle.
#[inline(always)]
pub fn mirror(block: &mut [f64], q: usize) {
    for i in 0..q {
        for j in 0..i {
            block[j * q + i] = block[i * q + j];
        }
    }
}
