//! Solves with the factor, for any number of right-hand sides.
//!
//! ```text
//! Ly = Pb:    y_k = L_kk⁻¹(b_k − Σ_j L_kj y_j)      Lᵀx = y:    x_j = L_jj⁻ᵀ(y_j − Σ_i L_ijᵀ x_i)
//! ```
//!
//! Like the columns of the factor, the rows of one round are independent of each other.

use std::ops::Range;

use ndarray::Array2;

use super::factor::{Factor, run};

impl Factor<'_> {
    /// b ← M⁻¹b, rows in node order.
    ///
    /// # Panics
    /// If `rhs` has not as many rows as M.
    pub fn solve(&self, rhs: &mut Array2<f64>) {
        let m = rhs.ncols();
        let mut x = self.permuted(rhs);
        if m == 0 {
            return;
        }
        self.forward(&mut x, m);
        self.backward(&mut x, m);
        let symbolic = self.symbolic;
        let mut out = Vec::with_capacity(x.len());
        for &position in &symbolic.positions {
            let rows = symbolic.row[position as usize]..symbolic.row[position as usize + 1];
            out.extend_from_slice(&x[rows.start * m..rows.end * m]);
        }
        *rhs = matrix(out, m);
    }

    /// b ← L⁻¹Pb, rows in the order of elimination: for two such results, AᵀB = aᵀM⁻¹b.
    ///
    /// # Panics
    /// If `rhs` has not as many rows as M.
    pub fn half_solve(&self, rhs: &mut Array2<f64>) {
        let m = rhs.ncols();
        let mut x = self.permuted(rhs);
        if m == 0 {
            return;
        }
        self.forward(&mut x, m);
        *rhs = matrix(x, m);
    }

    /// Rows in the order of elimination, row-major.
    fn permuted(&self, rhs: &Array2<f64>) -> Vec<f64> {
        assert_eq!(rhs.nrows(), self.symbolic.n_rows(), "one row for each column of M");
        let m = rhs.ncols();
        let rhs = rhs.as_standard_layout();
        let rhs = rhs.as_slice().expect("standard layout is one slice");
        let mut out = Vec::with_capacity(rhs.len());
        for &node in &self.symbolic.nodes {
            let node = node as usize;
            out.extend_from_slice(&rhs[self.symbolic.offset(node) * m..self.symbolic.offset(node + 1) * m]);
        }
        out
    }

    fn forward(&self, x: &mut [f64], m: usize) {
        let symbolic = self.symbolic;
        for (number, round) in symbolic.rounds.iter().enumerate() {
            let Some(first) = round.first() else { continue };
            let in_tail = number + 1 == symbolic.rounds.len();
            let (done, rest) = x.split_at_mut(symbolic.row[first.start] * m);
            run(self.parts(round, rest, m), |(piece, rows)| {
                let base = symbolic.row[piece.start] * m;
                for k in piece {
                    let q = symbolic.columns[k].width as usize;
                    let (before, own) = rows.split_at_mut(symbolic.row[k] * m - base);
                    let own = &mut own[..q * m];
                    for pull in &symbolic.pulls[symbolic.pull_start[k]..symbolic.pull_start[k + 1]] {
                        let source = &symbolic.columns[pull.source as usize];
                        let inner = source.width as usize;
                        let place = symbolic.places[pull.slot as usize] as usize;
                        let block = &self.head[source.start + place * inner..][..q * inner];
                        let start = symbolic.row[pull.source as usize] * m;
                        let from = if start >= base { &before[start - base..] } else { &done[start..] };
                        for (r, row) in own.chunks_exact_mut(m).enumerate() {
                            for c in 0..inner {
                                subtract(row, block[r * inner + c], &from[c * m..][..m]);
                            }
                        }
                    }
                    if !in_tail {
                        divide_forward(own, &self.head[symbolic.columns[k].start..], q, m);
                    }
                }
            });
        }
        symbolic.tail.forward(&self.tail, &mut x[symbolic.row[symbolic.first_tail] * m..], m);
    }

    fn backward(&self, x: &mut [f64], m: usize) {
        let symbolic = self.symbolic;
        symbolic.tail.backward(&self.tail, &mut x[symbolic.row[symbolic.first_tail] * m..], m);
        for round in symbolic.rounds[..symbolic.rounds.len() - 1].iter().rev() {
            let [start, end] = [round[0].start, round[round.len() - 1].end].map(|k| symbolic.row[k]);
            let (x, later) = x.split_at_mut(end * m);
            run(self.parts(round, &mut x[start * m..], m), |(piece, rows)| {
                let (base, piece_end) = (symbolic.row[piece.start], symbolic.row[piece.end]);
                for j in piece.rev() {
                    let q = symbolic.columns[j].width as usize;
                    let next = symbolic.row[j + 1];
                    let (own, after) = rows[(symbolic.row[j] - base) * m..].split_at_mut(q * m);
                    let l = &self.head[symbolic.columns[j].start..symbolic.columns[j + 1].start];
                    let mut blocks = &l[q * q..];
                    for &below in &symbolic.rows[symbolic.slots(j)] {
                        for r in symbolic.row[below as usize]..symbolic.row[below as usize + 1] {
                            let from = if r < piece_end { &after[(r - next) * m..] } else { &later[(r - end) * m..] };
                            let from = &from[..m];
                            for (c, row) in own.chunks_exact_mut(m).enumerate() {
                                subtract(row, blocks[c], from);
                            }
                            blocks = &blocks[q..];
                        }
                    }
                    divide_backward(own, l, q, m);
                }
            });
        }
    }

    /// The rows of each piece of a round, of which `rows` begins with the first.
    fn parts<'x>(&self, round: &[Range<usize>], rows: &'x mut [f64], m: usize) -> Vec<(Range<usize>, &'x mut [f64])> {
        let mut rest = rows;
        let mut out = Vec::with_capacity(round.len());
        for piece in round {
            let length = (self.symbolic.row[piece.end] - self.symbolic.row[piece.start]) * m;
            let (part, after) = rest.split_at_mut(length);
            out.push((piece.clone(), part));
            rest = after;
        }
        out
    }
}

fn matrix(numbers: Vec<f64>, m: usize) -> Array2<f64> {
    Array2::from_shape_vec((numbers.len() / m, m), numbers).expect("as many numbers as rows times columns")
}

/// to −= factor · from.
#[inline(always)]
fn subtract(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to -= factor * from);
}

/// x (q×m) ← L⁻¹x.
#[inline(always)]
fn divide_forward(x: &mut [f64], lower: &[f64], q: usize, m: usize) {
    for r in 0..q {
        let (before, rest) = x.split_at_mut(r * m);
        let row = &mut rest[..m];
        for c in 0..r {
            subtract(row, lower[r * q + c], &before[c * m..][..m]);
        }
        row.iter_mut().for_each(|x| *x /= lower[r * q + r]);
    }
}

/// x (q×m) ← L⁻ᵀx.
#[inline(always)]
fn divide_backward(x: &mut [f64], lower: &[f64], q: usize, m: usize) {
    for r in (0..q).rev() {
        let (rest, after) = x.split_at_mut((r + 1) * m);
        let row = &mut rest[r * m..];
        for c in r + 1..q {
            subtract(row, lower[c * q + r], &after[(c - r - 1) * m..][..m]);
        }
        row.iter_mut().for_each(|x| *x /= lower[r * q + r]);
    }
}
