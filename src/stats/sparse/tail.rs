//! The dense tail: Cholesky factor, triangular solves and inverse in tiles.
//!
//! The lower triangle is cut into tiles whose borders depend on its size alone. One thread works at a tile with
//! sequential kernels, and what it adds up for that tile it adds in a fixed order: the bits do not depend on the number
//! of threads. Every tile is a matrix of its own, so that a tile has the same alignment in every run.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltParams, LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::triangular::BlockStructure::{Rectangular, TriangularLower};
use faer::linalg::matmul::{matmul, triangular};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, Mat, Par, Spec};
use rayon::prelude::*;

/// Rows of a tile, at most, unless one node has more: three tiles of numbers fit into a second-level cache.
const TILE: usize = 128;

/// Rows of the tail by node and by tile.
///
/// *Packed* is the form that the columns of L have everywhere: for each node the rows from its own on, row-major.
#[derive(Clone, Debug)]
pub struct TailLayout {
    /// First row of each node, and the end.
    rows: Vec<usize>,
    /// First number of each node in packed form, and the end.
    packed: Vec<usize>,
    /// First node of each tile row, and the end.
    tiles: Vec<usize>,
}

/// A piece of a scalar column that lies in one tile.
struct Run {
    /// Column in the tile.
    column: usize,
    /// First row in the tile; it goes on to the last.
    row: usize,
    /// Number of the first element in packed form.
    packed: usize,
    /// From one element to the next in packed form.
    stride: usize,
}

impl TailLayout {
    /// Lays out nodes with these numbers of rows: no node is cut by a border.
    pub fn new(sizes: &[usize]) -> Self {
        let mut out = Self { rows: vec![0], packed: vec![0], tiles: vec![0] };
        let total: usize = sizes.iter().sum();
        let (mut row, mut packed, mut in_tile) = (0, 0, 0);
        for (node, &q) in sizes.iter().enumerate() {
            if in_tile > 0 && in_tile + q > TILE {
                out.tiles.push(node);
                in_tile = 0;
            }
            packed += (total - row) * q;
            row += q;
            in_tile += q;
            out.rows.push(row);
            out.packed.push(packed);
        }
        if total > 0 {
            out.tiles.push(sizes.len());
        }
        out
    }

    /// Rows of the tail.
    pub fn n_rows(&self) -> usize {
        self.rows[self.rows.len() - 1]
    }

    /// Numbers in packed form.
    pub fn packed_len(&self) -> usize {
        self.packed[self.packed.len() - 1]
    }

    fn n_tiles(&self) -> usize {
        self.tiles.len() - 1
    }

    /// First row of a tile row.
    fn start(&self, tile: usize) -> usize {
        self.rows[self.tiles[tile]]
    }

    /// Rows of a tile row.
    fn height(&self, tile: usize) -> usize {
        self.start(tile + 1) - self.start(tile)
    }

    /// (row, column) of each tile of the lower triangle, column by column.
    fn lower(&self) -> Vec<[usize; 2]> {
        (0..self.n_tiles()).flat_map(|j| (j..self.n_tiles()).map(move |i| [i, j])).collect()
    }

    /// Number of a tile in that order.
    fn at(&self, i: usize, j: usize) -> usize {
        j * (2 * self.n_tiles() + 1 - j) / 2 + i - j
    }

    /// The elements of a tile on and below the diagonal of the tail, and those of the diagonal blocks.
    fn runs(&self, [i, j]: [usize; 2]) -> impl Iterator<Item = Run> {
        (self.tiles[j]..self.tiles[j + 1]).flat_map(move |node| {
            let (own, q) = (self.rows[node], self.rows[node + 1] - self.rows[node]);
            let first = own.max(self.start(i));
            (0..q).map(move |c| Run {
                column: own - self.start(j) + c,
                row: first - self.start(i),
                packed: self.packed[node] + (first - own) * q + c,
                stride: q,
            })
        })
    }

    /// Cholesky factor of the matrix in packed form, of which the lower triangle is read; `None` if it is not positive
    /// definite.
    pub fn factor(&self, packed: &[f64]) -> Option<Tiles> {
        let lower = self.lower();
        let mut tiles: Vec<Mat<f64>> = lower
            .par_iter()
            .map(|&[i, j]| {
                let mut tile = Mat::zeros(self.height(i), self.height(j));
                for run in self.runs([i, j]) {
                    let from = packed[run.packed..].iter().step_by(run.stride);
                    let to = &mut tile.col_as_slice_mut(run.column)[run.row..];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
                tile
            })
            .collect();
        for k in 0..self.n_tiles() {
            let (column, rest) = tiles[self.at(k, k)..].split_at_mut(self.n_tiles() - k);
            let (diagonal, below) = column.split_at_mut(1);
            cholesky(&mut diagonal[0])?;
            let diagonal = diagonal[0].as_ref();
            below.par_iter_mut().for_each(|tile| {
                solve_lower_triangular_in_place(diagonal, tile.transpose_mut(), Par::Seq);
            });
            let below = &*below;
            rest.par_iter_mut().zip(&lower[self.at(k, k) + self.n_tiles() - k..]).for_each(|(tile, &[i, j])| {
                let (left, right) = (&below[i - k - 1], below[j - k - 1].transpose());
                let shape = if i == j { TriangularLower } else { Rectangular };
                let to = tile.as_mut();
                triangular::matmul(to, shape, Accum::Add, left, Rectangular, right, Rectangular, -1.0, Par::Seq);
            });
        }
        Some(Tiles { tiles })
    }

    /// 2 Σ log of the diagonal of the factor.
    pub fn log_det(&self, l: &Tiles) -> f64 {
        let diagonal = |j: usize| (0..self.height(j)).map(move |r| l.tiles[self.at(j, j)][(r, r)].ln()).sum::<f64>();
        2.0 * (0..self.n_tiles()).map(diagonal).sum::<f64>()
    }

    /// (LLᵀ)⁻¹ in packed form, with full diagonal blocks of nodes.
    ///
    /// X = L⁻¹ column by column, X_ij = −L_ii⁻¹ Σ_{j≤k<i} L_ik X_kj; then (XᵀX)_ij = Σ_{k≥i} X_kiᵀ X_kj.
    pub fn inverse(&self, l: &Tiles, packed: &mut [f64]) {
        let n = self.n_tiles();
        let columns: Vec<Vec<Mat<f64>>> = (0..n).into_par_iter().map(|j| self.inverse_column(l, j)).collect();
        let lower = self.lower();
        let tiles: Vec<Mat<f64>> = lower
            .par_iter()
            .map(|&[i, j]| {
                let mut tile = Mat::zeros(self.height(i), self.height(j));
                let shape = if i == j { TriangularLower } else { Rectangular };
                for k in i..n {
                    let (left, right) = (columns[i][k - i].transpose(), &columns[j][k - j]);
                    let to = tile.as_mut();
                    triangular::matmul(to, shape, Accum::Add, left, Rectangular, right, Rectangular, 1.0, Par::Seq);
                }
                tile
            })
            .collect();
        drop(columns);
        // The packed columns of the nodes of one tile column lie together.
        let mut pieces = Vec::with_capacity(n);
        let mut rest = packed;
        for j in 0..n {
            let (piece, after) = rest.split_at_mut(self.packed[self.tiles[j + 1]] - self.packed[self.tiles[j]]);
            pieces.push(piece);
            rest = after;
        }
        pieces.into_par_iter().enumerate().for_each(|(j, piece)| {
            let base = self.packed[self.tiles[j]];
            for i in j..n {
                let tile = &tiles[self.at(i, j)];
                for run in self.runs([i, j]) {
                    let to = piece[run.packed - base..].iter_mut().step_by(run.stride);
                    let from = &tile.col_as_slice(run.column)[run.row..];
                    to.zip(from).for_each(|(to, from)| *to = *from);
                }
            }
            for node in self.tiles[j]..self.tiles[j + 1] {
                let q = self.rows[node + 1] - self.rows[node];
                super::blocks::mirror(&mut piece[self.packed[node] - base..][..q * q], q);
            }
        });
    }

    /// Tiles j, j+1, … of column j of L⁻¹.
    fn inverse_column(&self, l: &Tiles, j: usize) -> Vec<Mat<f64>> {
        let mut diagonal = Mat::zeros(self.height(j), self.height(j));
        invert_lower_triangular(diagonal.as_mut(), l.tiles[self.at(j, j)].as_ref(), Par::Seq);
        let mut column = vec![diagonal];
        for i in j + 1..self.n_tiles() {
            let mut tile = Mat::zeros(self.height(i), self.height(j));
            for (k, above) in column.iter().enumerate() {
                matmul(tile.as_mut(), Accum::Add, &l.tiles[self.at(i, j + k)], above, -1.0, Par::Seq);
            }
            solve_lower_triangular_in_place(l.tiles[self.at(i, i)].as_ref(), tile.as_mut(), Par::Seq);
            column.push(tile);
        }
        column
    }

    /// x ← L⁻¹x; x is row-major with `m` columns.
    pub fn forward(&self, l: &Tiles, x: &mut [f64], m: usize) {
        let mut parts = self.parts(x, m);
        for i in 0..self.n_tiles() {
            let (above, here) = parts.split_at_mut(i);
            for (j, part) in above.iter().enumerate() {
                matmul(here[0].as_mut(), Accum::Add, &l.tiles[self.at(i, j)], part, -1.0, Par::Seq);
            }
            solve_lower_triangular_in_place(l.tiles[self.at(i, i)].as_ref(), here[0].as_mut(), Par::Seq);
        }
        self.write(&parts, x, m);
    }

    /// x ← L⁻ᵀx; x is row-major with `m` columns.
    pub fn backward(&self, l: &Tiles, x: &mut [f64], m: usize) {
        let mut parts = self.parts(x, m);
        for j in (0..self.n_tiles()).rev() {
            let (here, below) = parts.split_at_mut(j + 1);
            let here: &mut Mat<f64> = &mut here[j];
            for (i, part) in below.iter().enumerate() {
                matmul(here.as_mut(), Accum::Add, l.tiles[self.at(j + 1 + i, j)].transpose(), part, -1.0, Par::Seq);
            }
            solve_upper_triangular_in_place(l.tiles[self.at(j, j)].transpose(), here.as_mut(), Par::Seq);
        }
        self.write(&parts, x, m);
    }

    /// The rows of each tile row as a matrix.
    fn parts(&self, x: &[f64], m: usize) -> Vec<Mat<f64>> {
        let part = |i: usize| Mat::from_fn(self.height(i), m, |r, c| x[(self.start(i) + r) * m + c]);
        (0..self.n_tiles()).map(part).collect()
    }

    fn write(&self, parts: &[Mat<f64>], x: &mut [f64], m: usize) {
        for (i, part) in parts.iter().enumerate() {
            for (r, row) in x[self.start(i) * m..self.start(i + 1) * m].chunks_exact_mut(m.max(1)).enumerate() {
                row.iter_mut().enumerate().for_each(|(c, x)| *x = part[(r, c)]);
            }
        }
    }
}

/// The tiles of a lower triangular matrix. What a diagonal tile has above its diagonal means nothing.
#[derive(Clone, Debug)]
pub struct Tiles {
    tiles: Vec<Mat<f64>>,
}

/// Lower factor in place of a symmetric matrix.
fn cholesky(a: &mut Mat<f64>) -> Option<()> {
    let params: Spec<LltParams, f64> = Spec::default();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(a.nrows(), Par::Seq, params));
    let stack = MemStack::new(&mut memory);
    cholesky_in_place(a.as_mut(), LltRegularization::default(), Par::Seq, stack, params).ok().map(|_| ())
}
