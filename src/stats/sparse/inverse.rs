//! The elements of M⁻¹ at the pattern of M.
//!
//! With Z = (LLᵀ)⁻¹, N the nodes below the diagonal in column j, and K = L_Nj L_jj⁻¹ (Takahashi's recursion, by blocks):
//!
//! ```text
//! Z_Nj = −Z_NN K      Z_jj = (L_jj L_jjᵀ)⁻¹ + Kᵀ Z_NN K
//! ```
//!
//! Z_NN lies in later columns and within the pattern of L, since that is closed under fill. So Z is computed on the
//! pattern of L, last columns first.

use super::blocks::{add_both_products, add_product, divide_by_lower, inverse_of_product, mirror};
use super::factor::{Factor, each_piece, run};
use super::symbolic::Symbolic;

/// Edges that one thread copies at a time.
const COPIES: usize = 1 << 14;

impl Factor<'_> {
    /// M⁻¹ at the pattern of M, in the layout of the values: exactly symmetric diagonal blocks, then the edges' blocks.
    pub fn inverse_on_pattern(&self) -> Vec<f64> {
        let symbolic = self.symbolic;
        let z = self.inverse_on_factor();
        let mut out = vec![0.0; symbolic.n_values()];
        let (diagonals, edges) = out.split_at_mut(symbolic.diagonal(symbolic.nodes.len()));
        for (node, &position) in symbolic.positions.iter().enumerate() {
            let length = symbolic.size(node).pow(2);
            let from = symbolic.columns[position as usize].start;
            diagonals[symbolic.diagonal(node)..][..length].copy_from_slice(&z[from..][..length]);
        }
        let mut parts = Vec::new();
        let mut rest = edges;
        for edges in symbolic.housed.chunks(COPIES) {
            let length = edges.iter().map(|e| e.height as usize * e.width as usize).sum();
            let (part, after) = rest.split_at_mut(length);
            parts.push((edges, part));
            rest = after;
        }
        run(parts, |(edges, part)| {
            let base = edges[0].start;
            edges.iter().for_each(|e| e.into_values(&z[e.home..], &mut part[e.start - base..]));
        });
        out
    }

    /// Z on the pattern of L, in the layout of its columns.
    fn inverse_on_factor(&self) -> Vec<f64> {
        let symbolic = self.symbolic;
        let mut z = vec![0.0; symbolic.head_len() + symbolic.tail.packed_len()];
        symbolic.tail.inverse(&self.tail, &mut z[symbolic.head_len()..]);
        let (head_rounds, _) = symbolic.rounds.split_at(symbolic.rounds.len() - 1);
        for round in head_rounds.iter().rev() {
            let [start, end] = [round[0].start, round[round.len() - 1].end].map(|k| symbolic.columns[k].start);
            let (z, later) = z.split_at_mut(end);
            each_piece(symbolic, round, &mut z[start..], |piece, out| {
                let mut k = Vec::new();
                let [base, piece_end] = [piece.start, piece.end].map(|k| symbolic.columns[k].start);
                for j in piece.rev() {
                    let [start, next] = [j, j + 1].map(|k| symbolic.columns[k].start);
                    let (column, after) = out[start - base..].split_at_mut(next - start);
                    let later = Later { piece: after, first: next, piece_end, rounds: later, end };
                    symbolic.invert_column(j, &self.head[start..next], later, &mut k, column);
                }
            });
        }
        z
    }
}

/// Finished columns of Z: the later ones of the same piece, and those of later rounds.
#[derive(Clone, Copy)]
struct Later<'a> {
    piece: &'a [f64],
    /// Number of the first element of `piece`.
    first: usize,
    /// Number after the last element of `piece`.
    piece_end: usize,
    rounds: &'a [f64],
    /// Number of the first element of `rounds`.
    end: usize,
}

impl<'a> Later<'a> {
    /// The elements from this number on.
    #[inline(always)]
    fn from(&self, start: usize) -> &'a [f64] {
        if start < self.piece_end { &self.piece[start - self.first..] } else { &self.rounds[start - self.end..] }
    }
}

impl Symbolic {
    /// Column j of Z into a column of zeros; `k` is work space.
    fn invert_column(&self, j: usize, l: &[f64], later: Later, k: &mut Vec<f64>, column: &mut [f64]) {
        let q = self.columns[j].width as usize;
        let (own, w) = column.split_at_mut(q * q);
        let (lower, below) = l.split_at(q * q);
        k.clear();
        k.extend_from_slice(below);
        divide_by_lower(k, lower, q);
        // w = Z_NN K: each block of Z_NN below the diagonal counts twice.
        let slots = self.slots(j);
        let rows = &self.rows[slots.clone()];
        let places = &self.places[slots];
        let total = w.len() / q;
        let span = |s: usize| places[s] as usize - q..places.get(s + 1).map_or(total, |p| *p as usize - q);
        for (s, &here) in rows.iter().enumerate() {
            let source = &self.columns[here as usize];
            let z = later.from(source.start);
            let at = span(s);
            let width = at.len();
            let (w, w_below) = w.split_at_mut(at.end * q);
            if self.scalar && here as usize >= self.first_tail {
                w[s] = multiply_scalars(here, &rows[s..], z, &k[s..], w[s], w_below);
                continue;
            }
            let w_here = &mut w[at.start * q..];
            let k_here = &k[at.start * q..at.end * q];
            add_product(w_here, z, k_here, [width, width, q]);
            let mut from = self.slots(here as usize);
            for (t, &below) in rows.iter().enumerate().skip(s + 1) {
                let place = self.place(here as usize, below, &mut from);
                let to = span(t);
                let k_below = &k[to.start * q..to.end * q];
                let w_below = &mut w_below[(to.start - at.end) * q..(to.end - at.end) * q];
                add_both_products(&z[place * width..], [to.len(), width, q], k_here, k_below, w_here, w_below);
            }
        }
        inverse_of_product(own, lower, q);
        for (k, w) in k.chunks_exact(q).zip(w.chunks_exact(q)) {
            for r in 0..q {
                for c in 0..=r {
                    own[r * q + c] += k[r] * w[c];
                }
            }
        }
        mirror(own, q);
        w.iter_mut().for_each(|x| *x = -*x);
    }
}

/// A column of numbers of Z in the tail, where each row has its place, times those of k at `rows`, the first of which is
/// the column's own: adds to `below`, and returns `own` with its sum.
fn multiply_scalars(here: u32, rows: &[u32], z: &[f64], k: &[f64], own: f64, below: &mut [f64]) -> f64 {
    let mut own = own + z[0] * k[0];
    for ((&row, k_below), below) in rows[1..].iter().zip(&k[1..]).zip(below) {
        let value = z[(row - here) as usize];
        *below += value * k[0];
        own += value * k_below;
    }
    own
}
