//! What a linear mixed model needs of the rows, gathered in one pass.
//!
//! W = [Z X y] of a group's rows enters the likelihood only through WᵀV⁻¹W. Without an inner level V is the identity
//! and WᵀW will do. With units (pupils) inside the groups, V₁ of unit i is I + Z₁Ω₁Z₁ᵀ and
//!
//! ```text
//! WᵢᵀV₁⁻¹Wᵢ = WᵢᵀWᵢ − Σ_ab B[a,b] (Z₁ᵀWᵢ)_aᵀ(Z₁ᵀWᵢ)_b,    B = Λ₁(I + Λ₁ᵀCΛ₁)⁻¹Λ₁ᵀ,    C = Z₁ᵀZ₁.
//! ```
//!
//! Units with the same C, such as pupils measured in the same years, share B and are added up: the cost of an
//! evaluation then depends on the number of occasion patterns, and no longer on the number of units.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use super::glm::add_outer;

/// Sums over all rows, by group and occasion pattern.
#[derive(Clone, Debug)]
pub(super) struct CrossProducts {
    /// One per group, in code order.
    pub groups: Vec<GroupProducts>,
    /// Occasion patterns in order of first appearance; empty without an inner level.
    pub patterns: Vec<Pattern>,
}

/// Units with the same C.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// C = Z₁ᵀZ₁ (q₁×q₁).
    pub c: Array2<f64>,
    /// Units that have it.
    pub units: f64,
}

/// Sums over a group.
#[derive(Clone, Debug)]
pub(super) struct GroupProducts {
    /// Σ WᵢᵀWᵢ (m×m).
    pub ww: Array2<f64>,
    /// Sums over its units, one entry for each pattern that occurs.
    pub by_pattern: Vec<PatternProducts>,
}

/// Q^{ab} = Σᵢ (Z₁ᵀWᵢ)_aᵀ(Z₁ᵀWᵢ)_b over a group's units with one pattern.
#[derive(Clone, Debug)]
pub(super) struct PatternProducts {
    /// Index into [`CrossProducts::patterns`].
    pub pattern: usize,
    /// For a ≤ b, in the order of [`pairs`]: Q^{aa}, or ½(Q^{ab} + Q^{ba}) (m×m).
    pub q: Vec<Array2<f64>>,
}

/// (a, b) with a ≤ b < q.
pub(super) fn pairs(q: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..q).flat_map(move |a| (a..q).map(move |b| (a, b)))
}

/// The inner level: its random-effects columns and the rows of each unit, by group.
pub(super) struct Units<'a> {
    pub z: ArrayView2<'a, f64>,
    pub rows: Vec<Vec<Range<usize>>>,
}

impl CrossProducts {
    /// Sums the rows of `w` (n×m) by group; within a group in row order, so any number of threads gives the same bits.
    pub fn new(w: ArrayView2<f64>, groups: &[Range<usize>], units: Option<&Units>) -> Self {
        let Some(units) = units else {
            let sum = |rows: &Range<usize>| GroupProducts { ww: gram(w, rows.clone()), by_pattern: Vec::new() };
            return Self { groups: groups.par_iter().map(sum).collect(), patterns: Vec::new() };
        };
        let mut patterns: Vec<Pattern> = Vec::new();
        let mut known: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
        let mut index: Vec<Vec<usize>> = Vec::with_capacity(groups.len());
        for rows_of_units in &units.rows {
            let pattern_of = |rows: &Range<usize>| {
                let c = gram(units.z, rows.clone());
                let key = c.iter().map(|v| v.to_bits()).collect();
                let k = *known.entry(key).or_insert_with(|| {
                    patterns.push(Pattern { c, units: 0.0 });
                    patterns.len() - 1
                });
                patterns[k].units += 1.0;
                k
            };
            index.push(rows_of_units.iter().map(pattern_of).collect());
        }
        let sums = groups
            .par_iter()
            .zip(&units.rows)
            .zip(&index)
            .map(|((rows, rows_of_units), patterns)| GroupProducts {
                ww: gram(w, rows.clone()),
                by_pattern: pattern_products(w, units.z, rows_of_units, patterns),
            })
            .collect();
        Self { groups: sums, patterns }
    }
}

fn gram(w: ArrayView2<f64>, rows: Range<usize>) -> Array2<f64> {
    let mut sum = Array2::zeros((w.ncols(), w.ncols()));
    for row in rows {
        add_outer(&mut sum, 1.0, w.row(row));
    }
    sum
}

fn pattern_products(
    w: ArrayView2<f64>,
    z: ArrayView2<f64>,
    rows_of_units: &[Range<usize>],
    patterns: &[usize],
) -> Vec<PatternProducts> {
    let (q, m) = (z.ncols(), w.ncols());
    let mut sums: BTreeMap<usize, Vec<Array2<f64>>> = BTreeMap::new();
    for (rows, &pattern) in rows_of_units.iter().zip(patterns) {
        let zw = z.slice(s![rows.clone(), ..]).t().dot(&w.slice(s![rows.clone(), ..]));
        let to = sums.entry(pattern).or_insert_with(|| vec![Array2::zeros((m, m)); pairs(q).count()]);
        for (sum, (a, b)) in to.iter_mut().zip(pairs(q)) {
            let (left, right) = (zw.row(a), zw.row(b));
            for i in 0..m {
                for j in 0..m {
                    sum[[i, j]] += 0.5 * (left[i] * right[j] + right[i] * left[j]);
                }
            }
        }
    }
    sums.into_iter().map(|(pattern, q)| PatternProducts { pattern, q }).collect()
}
