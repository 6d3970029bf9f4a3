//! PMPᵀ = LLᵀ.
//!
//! Column k of blocks, with the earlier columns j that have a block in its row:
//!
//! ```text
//! B_·k = M_·k − Σ_j L_·j L_kjᵀ     L_kk L_kkᵀ = B_kk     L_·k = B_·k L_kk⁻ᵀ (below the diagonal)
//! ```

use std::ops::Range;

use rayon::prelude::*;

use super::blocks::{cholesky, divide_by_transposed, subtract_product};
use super::symbolic::Symbolic;
use super::tail::Tiles;

/// The factor of one matrix.
#[derive(Clone, Debug)]
pub struct Factor<'a> {
    pub(super) symbolic: &'a Symbolic,
    /// The head's columns of L.
    pub(super) head: Vec<f64>,
    pub(super) tail: Tiles,
    log_det: f64,
}

impl Factor<'_> {
    /// log|M|.
    pub fn log_det(&self) -> f64 {
        self.log_det
    }
}

impl Symbolic {
    /// Factors the matrix of these values; of the diagonal blocks the lower triangles are read. `None` if it is not
    /// positive definite, or a value is not finite.
    ///
    /// # Panics
    /// If there are not [`Self::n_values`] values.
    pub fn factor(&self, values: &[f64]) -> Option<Factor<'_>> {
        assert_eq!(values.len(), self.n_values(), "values belong to the pattern");
        let mut head = vec![0.0; self.head_len()];
        let mut log_det = 0.0;
        let (head_rounds, tail_round) = self.rounds.split_at(self.rounds.len() - 1);
        for round in head_rounds {
            let (done, rest) = head.split_at_mut(self.columns[round[0].start].start);
            let logs = each_piece(self, round, rest, |piece, out| self.factor_head(piece, values, done, out));
            for log in logs {
                log_det += log?;
            }
        }
        let mut packed = vec![0.0; self.tail.packed_len()];
        each_piece(self, &tail_round[0], &mut packed, |piece, out| {
            let base = self.columns[piece.start].start;
            for k in piece {
                let column = self.columns[k].start - base..self.columns[k + 1].start - base;
                self.assemble(k, values, &Done { rounds: &head, piece: &[], base }, &mut out[column]);
            }
        });
        let tail = self.tail.factor(&packed)?;
        log_det += self.tail.log_det(&tail);
        log_det.is_finite().then_some(Factor { symbolic: self, head, tail, log_det })
    }

    /// The columns of one piece; their log-determinant.
    fn factor_head(&self, piece: Range<usize>, values: &[f64], rounds: &[f64], out: &mut [f64]) -> Option<f64> {
        let base = self.columns[piece.start].start;
        let mut log_det = 0.0;
        for k in piece {
            let (before, rest) = out.split_at_mut(self.columns[k].start - base);
            let column = &mut rest[..self.columns[k + 1].start - self.columns[k].start];
            self.assemble(k, values, &Done { rounds, piece: before, base }, column);
            let q = self.columns[k].width as usize;
            let (diagonal, below) = column.split_at_mut(q * q);
            if !cholesky(diagonal, q, &mut log_det) {
                return None;
            }
            divide_by_transposed(below, diagonal, q);
        }
        Some(log_det)
    }

    /// B_·k into a column of zeros; of its diagonal block the lower triangle counts.
    fn assemble(&self, k: usize, values: &[f64], done: &Done, column: &mut [f64]) {
        let node = self.nodes[k] as usize;
        let q = self.columns[k].width as usize;
        column[..q * q].copy_from_slice(&values[self.diagonal(node)..][..q * q]);
        for housed in self.housed_in(k) {
            housed.into_factor(&values[housed.start..], &mut column[housed.home - self.columns[k].start..]);
        }
        for pull in &self.pulls[self.pull_start[k]..self.pull_start[k + 1]] {
            let (source, next) = (&self.columns[pull.source as usize], &self.columns[pull.source as usize + 1]);
            let inner = source.width as usize;
            let (slot, end) = (pull.slot as usize, next.slots as usize);
            // The blocks of column j from row k on.
            let first = self.places[slot] as usize;
            let blocks = done.get(source.start + first * inner..next.start);
            if self.scalar && k >= self.first_tail {
                pull_scalars(k, &self.rows[slot..end], blocks, column);
                continue;
            }
            let right = &blocks[..q * inner];
            subtract_product(&mut column[..q * q], right, right, inner, q);
            let mut from = self.slots(k);
            let mut height_end = q;
            for below in slot + 1..end {
                let start = height_end;
                height_end =
                    if below + 1 < end { self.places[below + 1] as usize - first } else { blocks.len() / inner };
                let place = self.place(k, self.rows[below], &mut from);
                let height = height_end - start;
                let target = &mut column[place * q..][..height * q];
                subtract_product(target, &blocks[start * inner..height_end * inner], right, inner, q);
            }
        }
    }
}

/// What one earlier column of numbers takes from column k of the tail, where each row has its place.
fn pull_scalars(k: usize, rows: &[u32], numbers: &[f64], column: &mut [f64]) {
    let right = numbers[0];
    for (&row, number) in rows.iter().zip(numbers) {
        column[row as usize - k] -= number * right;
    }
}

/// Finished columns of L: those of earlier rounds, and those before in the same piece.
struct Done<'a> {
    rounds: &'a [f64],
    piece: &'a [f64],
    /// Number of the first element of the piece.
    base: usize,
}

impl Done<'_> {
    #[inline(always)]
    fn get(&self, range: Range<usize>) -> &[f64] {
        if range.start >= self.base {
            &self.piece[range.start - self.base..range.end - self.base]
        } else {
            &self.rounds[range]
        }
    }
}

/// Runs `f` on each piece of a round with its part of `out`, which begins with the round; results in order of pieces.
pub(super) fn each_piece<T: Send>(
    symbolic: &Symbolic,
    round: &[Range<usize>],
    out: &mut [f64],
    f: impl Fn(Range<usize>, &mut [f64]) -> T + Sync,
) -> Vec<T> {
    let mut parts = Vec::with_capacity(round.len());
    let mut rest = out;
    for piece in round {
        let length = symbolic.columns[piece.end].start - symbolic.columns[piece.start].start;
        let (part, after) = rest.split_at_mut(length);
        parts.push((piece.clone(), part));
        rest = after;
    }
    run(parts, |(piece, part)| f(piece, part))
}

/// In parallel if there is more than one part. Handing a single part to a thread costs more than many parts take.
pub(super) fn run<P: Send, T: Send>(parts: Vec<P>, f: impl Fn(P) -> T + Sync) -> Vec<T> {
    if parts.len() > 1 { parts.into_par_iter().map(&f).collect() } else { parts.into_iter().map(f).collect() }
}
