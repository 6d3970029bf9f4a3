//! The levels of any number of grouping factors as the nodes of one sparse matrix: C = ZᵀWZ, M = I + ΛᵀCΛ, and the
//! derivatives of log|M|. Shared by linear models, where C is summed once, and by models for counts, where its weights
//! change with every step.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};

use super::error::StatsError;
use super::lambda::{block_positions, from_blocks};
use super::sparse::Symbolic;
use super::terms::{RandomTerm, theta_ranges};

/// Columns in the dense part of a factor beyond which it is refused: with its inverse 15,000² numbers are 3.6 GB.
const MOST_DENSE: usize = 15_000;

/// The nodes of all terms, and where each row adds to C.
pub(super) struct Levels {
    pub symbolic: Symbolic,
    pub terms: Vec<LevelTerm>,
    /// Node of each row, by term (n each).
    nodes: Vec<Vec<u32>>,
    /// Where the block of each row and pair of terms (t, s < t) starts: n × pairs, in the order of (1,0), (2,0), (2,1) ….
    edges: Vec<u32>,
}

/// The nodes of a term: one per level.
pub(super) struct LevelTerm {
    pub nodes: Range<usize>,
    pub q: usize,
    blocks: Vec<usize>,
    theta: Range<usize>,
}

/// An element of θ: place (row, column) of the Λ of a term.
pub(super) struct ThetaPlace {
    pub term: usize,
    pub row: usize,
    pub column: usize,
}

impl Levels {
    pub fn new(terms: &[RandomTerm]) -> Result<Self, StatsError> {
        let mut first = 0;
        let mut all = Vec::new();
        for (term, theta) in terms.iter().zip(theta_ranges(terms)) {
            let nodes = first..first + term.n_levels;
            first = nodes.end;
            all.push(LevelTerm { nodes, q: term.q(), blocks: term.blocks.to_vec(), theta });
        }
        let sizes: Vec<usize> = all.iter().flat_map(|t| std::iter::repeat_n(t.q, t.nodes.len())).collect();
        let nodes: Vec<Vec<u32>> = all
            .iter()
            .zip(terms)
            .map(|(t, term)| term.level.iter().map(|level| t.nodes.start as u32 + level).collect())
            .collect();
        let n = terms.first().map_or(0, |t| t.level.len());
        let pairs = |row: usize| {
            (0..nodes.len()).flat_map(move |t| (0..t).map(move |s| (t, s))).map({
                let nodes = &nodes;
                move |(t, s)| (nodes[t][row], nodes[s][row])
            })
        };
        let mut distinct: Vec<(u32, u32)> = (0..n).flat_map(pairs).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let symbolic = Symbolic::analyse(&sizes, &distinct);
        if symbolic.n_tail() > MOST_DENSE {
            return Err(StatsError::TooDense { columns: symbolic.n_tail() });
        }
        let start = |(a, b): (u32, u32)| {
            let edge = symbolic.edge(a as usize, b as usize).expect("every pair of a row is an edge");
            symbolic.edges()[edge].start as u32
        };
        let edges = (0..n).flat_map(pairs).map(start).collect();
        Ok(Self { symbolic, terms: all, nodes, edges })
    }

    /// Node of a row in term `t`.
    pub fn node(&self, t: usize, row: usize) -> usize {
        self.nodes[t][row] as usize
    }

    /// Λ of every term.
    pub fn lambdas(&self, theta: &[f64]) -> Vec<Array2<f64>> {
        self.terms.iter().map(|t| from_blocks(&t.blocks, &theta[t.theta.clone()])).collect()
    }

    /// Adds `weight`·zzᵀ of a row to C; `z` has the row's columns of all terms behind each other.
    pub fn add_row(&self, c: &mut [f64], row: usize, z: &[f64], weight: f64) {
        let pairs = self.terms.len() * (self.terms.len() - 1) / 2;
        let mut edges = self.edges[row * pairs..(row + 1) * pairs].iter();
        let mut first = 0;
        for (t, term) in self.terms.iter().enumerate() {
            let here = &z[first..first + term.q];
            add_product(&mut c[self.symbolic.diagonal(self.node(t, row))..], here, here, weight);
            let mut before = 0;
            for (other, start) in self.terms[..t].iter().zip(&mut edges) {
                add_product(&mut c[*start as usize..], here, &z[before..before + other.q], weight);
                before += other.q;
            }
            first += term.q;
        }
    }

    /// zᵀVz of a row, for a symmetric V with values on the pattern.
    pub fn quadratic(&self, v: &[f64], row: usize, z: &[f64]) -> f64 {
        let pairs = self.terms.len() * (self.terms.len() - 1) / 2;
        let mut edges = self.edges[row * pairs..(row + 1) * pairs].iter();
        let (mut sum, mut first) = (0.0, 0);
        for (t, term) in self.terms.iter().enumerate() {
            let here = &z[first..first + term.q];
            sum += bilinear(&v[self.symbolic.diagonal(self.node(t, row))..], here, here);
            let mut before = 0;
            for (other, start) in self.terms[..t].iter().zip(&mut edges) {
                sum += 2.0 * bilinear(&v[*start as usize..], here, &z[before..before + other.q]);
                before += other.q;
            }
            first += term.q;
        }
        sum
    }

    fn term_of(&self, node: u32) -> usize {
        self.terms.partition_point(|t| t.nodes.end <= node as usize)
    }

    /// Rows of `node` in a matrix over all levels.
    pub fn rows(&self, node: usize) -> Range<usize> {
        self.symbolic.offset(node)..self.symbolic.offset(node) + self.symbolic.size(node)
    }

    /// ΛA or ΛᵀA, node by node.
    pub fn times_lambda(&self, lambdas: &[Array2<f64>], a: &Array2<f64>, transposed: bool) -> Array2<f64> {
        let mut out = Array2::zeros(a.raw_dim());
        for (term, lambda) in self.terms.iter().zip(lambdas) {
            for node in term.nodes.clone() {
                let rows = self.rows(node);
                for (i, mut to) in out.slice_mut(s![rows.clone(), ..]).rows_mut().into_iter().enumerate() {
                    for (j, from) in a.slice(s![rows.clone(), ..]).rows().into_iter().enumerate() {
                        let factor = if transposed { lambda[[j, i]] } else { lambda[[i, j]] };
                        if factor != 0.0 {
                            to.scaled_add(factor, &from);
                        }
                    }
                }
            }
        }
        out
    }

    /// Values of I + ΛᵀCΛ.
    pub fn m(&self, c: &[f64], lambdas: &[Array2<f64>]) -> Vec<f64> {
        let mut m = vec![0.0; c.len()];
        for (term, lambda) in self.terms.iter().zip(lambdas) {
            for node in term.nodes.clone() {
                let place = self.symbolic.diagonal(node)..self.symbolic.diagonal(node) + term.q * term.q;
                sandwich(lambda, &c[place.clone()], lambda, &mut m[place.clone()]);
                (0..term.q).for_each(|k| m[place.start + k * (term.q + 1)] += 1.0);
            }
        }
        for edge in self.symbolic.edges() {
            let (row, column) = (self.term_of(edge.row), self.term_of(edge.column));
            let place = edge.start..edge.start + self.terms[row].q * self.terms[column].q;
            sandwich(&lambdas[row], &c[place.clone()], &lambdas[column], &mut m[place]);
        }
        m
    }

    /// ½∂log|M|/∂Λ_t = Σ_{a∈t} Σ_b C_abΛ_b(M⁻¹)_ba for each term, at fixed C; `inverse` has M⁻¹ on the pattern.
    pub fn by_log_det(&self, c: &[f64], lambdas: &[Array2<f64>], inverse: &[f64]) -> Vec<Array2<f64>> {
        let mut out: Vec<Array2<f64>> = self.terms.iter().map(|t| Array2::zeros((t.q, t.q))).collect();
        for (t, term) in self.terms.iter().enumerate() {
            for node in term.nodes.clone() {
                let place = self.symbolic.diagonal(node)..self.symbolic.diagonal(node) + term.q * term.q;
                let (c, v) = (block(&c[place.clone()], term.q, term.q), block(&inverse[place], term.q, term.q));
                add_triple(&mut out[t], c, &lambdas[t], v);
            }
        }
        for edge in self.symbolic.edges() {
            let (row, column) = (self.term_of(edge.row), self.term_of(edge.column));
            let (q_row, q_column) = (self.terms[row].q, self.terms[column].q);
            let place = edge.start..edge.start + q_row * q_column;
            let (c, v) = (block(&c[place.clone()], q_row, q_column), block(&inverse[place], q_row, q_column));
            add_triple(&mut out[row], c, &lambdas[column], v.t());
            add_triple(&mut out[column], c.t(), &lambdas[row], v);
        }
        out
    }

    /// Adds `factor` Σ_a left_a right_aᵀ to each term's matrix.
    pub fn add_products(&self, to: &mut [Array2<f64>], factor: f64, left: &Array2<f64>, right: &Array2<f64>) {
        for (term, to) in self.terms.iter().zip(to) {
            for node in term.nodes.clone() {
                let (l, r) = (left.slice(s![self.rows(node), ..]), right.slice(s![self.rows(node), ..]));
                for (i, l) in l.rows().into_iter().enumerate() {
                    for (j, r) in r.rows().into_iter().enumerate() {
                        to[[i, j]] += factor * l.dot(&r);
                    }
                }
            }
        }
    }

    /// Where the elements of θ stand, in its order.
    pub fn theta_places(&self) -> Vec<ThetaPlace> {
        let of_term = |(term, t): (usize, &LevelTerm)| {
            let places = block_positions(&t.blocks).into_iter();
            places.map(move |(row, column)| ThetaPlace { term, row, column }).collect::<Vec<_>>()
        };
        self.terms.iter().enumerate().flat_map(of_term).collect()
    }

    /// Elements of the terms' matrices at the places of θ, in its order.
    pub fn at_theta(&self, by_lambda: &[Array2<f64>]) -> Vec<f64> {
        self.theta_places().iter().map(|at| by_lambda[at.term][[at.row, at.column]]).collect()
    }

    /// Values of ΛVΛᵀ on the pattern.
    pub fn sandwiched(&self, v: &[f64], lambdas: &[Array2<f64>]) -> Vec<f64> {
        let mut out = vec![0.0; v.len()];
        let mut set = |start: usize, left: &Array2<f64>, right: &Array2<f64>| {
            let (rows, columns) = (left.nrows(), right.nrows());
            let product = left.dot(&block(&v[start..], rows, columns)).dot(&right.t());
            out[start..start + rows * columns].iter_mut().zip(&product).for_each(|(to, from)| *to = *from);
        };
        for (term, lambda) in self.terms.iter().zip(lambdas) {
            term.nodes.clone().for_each(|node| set(self.symbolic.diagonal(node), lambda, lambda));
        }
        for edge in self.symbolic.edges() {
            set(edge.start, &lambdas[self.term_of(edge.row)], &lambdas[self.term_of(edge.column)]);
        }
        out
    }

    /// A column over all levels as J×q, by term.
    pub fn by_term(&self, column: &Array2<f64>) -> Vec<Array2<f64>> {
        let of_term = |term: &LevelTerm| {
            let first = self.symbolic.offset(term.nodes.start);
            Array2::from_shape_fn((term.nodes.len(), term.q), |(j, k)| column[[first + j * term.q + k, 0]])
        };
        self.terms.iter().map(of_term).collect()
    }

    /// ΛVΛᵀ of a node, for V with values on the pattern.
    pub fn conditional(&self, v: &[f64], t: usize, node: usize, lambda: &Array2<f64>) -> Array2<f64> {
        let q = self.terms[t].q;
        lambda.dot(&block(&v[self.symbolic.diagonal(node)..], q, q)).dot(&lambda.t())
    }
}

fn block(values: &[f64], rows: usize, columns: usize) -> ArrayView2<'_, f64> {
    ArrayView2::from_shape((rows, columns), &values[..rows * columns]).expect("a block has rows × columns values")
}

/// to += w·a bᵀ, row-major.
fn add_product(to: &mut [f64], a: &[f64], b: &[f64], w: f64) {
    for (to, a) in to.chunks_exact_mut(b.len()).zip(a) {
        to.iter_mut().zip(b).for_each(|(to, b)| *to += w * a * b);
    }
}

/// aᵀVb for row-major V.
fn bilinear(v: &[f64], a: &[f64], b: &[f64]) -> f64 {
    v.chunks_exact(b.len()).zip(a).map(|(v, a)| a * v.iter().zip(b).map(|(v, b)| v * b).sum::<f64>()).sum()
}

/// to = LᵀCR for row-major C and lower triangular L and R.
fn sandwich(left: &Array2<f64>, c: &[f64], right: &Array2<f64>, to: &mut [f64]) {
    let (rows, columns) = (left.nrows(), right.nrows());
    for i in 0..rows {
        for j in 0..columns {
            let mut sum = 0.0;
            for k in i..rows {
                for l in j..columns {
                    sum += left[[k, i]] * c[k * columns + l] * right[[l, j]];
                }
            }
            to[i * columns + j] = sum;
        }
    }
}

/// to += C Λ V.
fn add_triple(to: &mut Array2<f64>, c: ArrayView2<f64>, lambda: &Array2<f64>, v: ArrayView2<f64>) {
    let (rows, columns) = c.dim();
    for i in 0..rows {
        for l in 0..columns {
            let cl: f64 = (l..columns).map(|k| c[[i, k]] * lambda[[k, l]]).sum();
            for j in 0..rows {
                to[[i, j]] += cl * v[[l, j]];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    #[test]
    fn c_and_m_are_the_dense_ones() {
        let n = 60;
        let z1 = Array2::ones((n, 1));
        let z2 = Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 1.0 } else { (i % 6) as f64 });
        let unit: Vec<u32> = (0..n as u32).map(|i| i / 5).collect();
        let outer: Vec<u32> = (0..n as u32).map(|i| i / 10).collect();
        let region: Vec<u32> = (0..n as u32).map(|i| i / 30).collect();
        let terms = [
            RandomTerm { z: z1.view().into(), level: &unit, n_levels: 12, blocks: &[1] },
            RandomTerm { z: z2.view().into(), level: &outer, n_levels: 6, blocks: &[2] },
            RandomTerm { z: z1.view().into(), level: &region, n_levels: 2, blocks: &[1] },
        ];
        let levels = Levels::new(&terms).unwrap();
        let mut c = vec![0.0; levels.symbolic.n_values()];
        for row in 0..n {
            levels.add_row(&mut c, row, &[1.0, 1.0, (row % 6) as f64, 1.0], 1.0);
        }
        let lambdas = levels.lambdas(&[0.7, 0.5, 0.1, 0.3, 0.4]);
        let m = levels.m(&c, &lambdas);
        let size = levels.symbolic.n_rows();
        let mut dense = Array2::zeros((size, size));
        let mut dense_m = Array2::<f64>::eye(size);
        for i in 0..n {
            let mut z = Array1::<f64>::zeros(size);
            z[unit[i] as usize] = 1.0;
            z[12 + 2 * outer[i] as usize] = 1.0;
            z[13 + 2 * outer[i] as usize] = (i % 6) as f64;
            z[24 + region[i] as usize] = 1.0;
            dense = dense + z.clone().insert_axis(ndarray::Axis(1)).dot(&z.insert_axis(ndarray::Axis(0)));
        }
        let eye = Array2::eye(size);
        let got = levels.symbolic.multiply(&c, &eye);
        assert!((&got - &dense).iter().all(|d| d.abs() < 1e-12), "C");
        let l = levels.times_lambda(&lambdas, &eye, false);
        dense_m = dense_m + l.t().dot(&dense).dot(&l);
        let got = levels.symbolic.multiply(&m, &eye);
        assert!((&got - &dense_m).iter().all(|d| d.abs() < 1e-12), "M");
        assert!(levels.symbolic.factor(&m).is_some());
    }
}
