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

use hashbrown::HashMap;
use ndarray::{Array2, Array3};
use rayon::prelude::*;

use super::super::terms::{ByLevel, RandomTerm};
use super::rows::{ScaledRows, gram};

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
    /// Its rows.
    pub rows: usize,
    /// Σ WᵢᵀWᵢ (m×m).
    pub ww: Array2<f64>,
    /// Sums over its units, one entry for each pattern that occurs.
    pub by_pattern: Vec<PatternProducts>,
    /// Its units, for their predictions.
    pub units: Units,
}

/// The inner units of a group, in order of their level.
#[derive(Clone, Debug)]
pub(super) struct Units {
    /// Z₁ᵀW of each unit (units×q₁×m), where they are kept.
    pub zw: Array3<f64>,
    /// Index into [`CrossProducts::patterns`].
    pub pattern: Vec<usize>,
    /// Level of the inner term.
    pub level: Vec<u32>,
}

/// Q^{ab} = Σᵢ (Z₁ᵀWᵢ)_aᵀ(Z₁ᵀWᵢ)_b over a group's units with one pattern.
#[derive(Clone, Debug)]
pub(super) struct PatternProducts {
    /// Index into [`CrossProducts::patterns`].
    pub pattern: usize,
    /// For a ≤ b, in the order of [`pairs`]: Q^{aa}, or ½(Q^{ab} + Q^{ba}) (m×m).
    pub q: Vec<Symmetric>,
}

/// A symmetric matrix as its lower triangle by rows: groups × patterns of them are most of what a growth model holds.
#[derive(Clone, Debug)]
pub(super) struct Symmetric(Vec<f64>);

impl Symmetric {
    fn zeros(m: usize) -> Self {
        Self(vec![0.0; m * (m + 1) / 2])
    }

    /// Adds `times` of it.
    pub fn add_to(&self, times: f64, to: &mut Array2<f64>) {
        let mut lower = self.0.iter();
        for i in 0..to.nrows() {
            for (j, q) in (0..=i).zip(&mut lower) {
                to[[i, j]] += times * q;
                if i != j {
                    to[[j, i]] += times * q;
                }
            }
        }
    }

    /// ⟨G, Q⟩, G symmetric too.
    pub fn inner_product(&self, g: &Array2<f64>) -> f64 {
        let mut lower = self.0.iter();
        let mut row = |i: usize| {
            let product = |(j, q): (usize, &f64)| twice_off_diagonal(i, j) * g[[i, j]] * q;
            (0..=i).zip(&mut lower).map(product).sum::<f64>()
        };
        (0..g.nrows()).map(&mut row).sum()
    }
}

/// How often an element of a triangle stands in the whole.
pub(super) fn twice_off_diagonal(a: usize, b: usize) -> f64 {
    if a == b { 1.0 } else { 2.0 }
}

/// (a, b) with a ≤ b < q.
pub(super) fn pairs(q: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..q).flat_map(move |a| (a..q).map(move |b| (a, b)))
}

/// The rows of one inner unit within [`Layout::order`], by outer group.
pub(super) type UnitRows = Vec<Vec<Range<usize>>>;

/// Rows in order of outer level and inner unit.
pub(super) struct Layout {
    /// Row numbers.
    pub order: Vec<u32>,
    /// Places in `order` of each outer level.
    pub groups: Vec<Range<usize>>,
    /// Places in `order` of each unit; empty without an inner term.
    pub units: UnitRows,
}

/// Which term of the model is which level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Levels {
    /// Index of the outer term.
    pub outer: usize,
    /// Index of the term nested in it.
    pub inner: Option<usize>,
}

impl Layout {
    pub fn new(terms: &[RandomTerm], levels: Levels) -> Self {
        let outer = &terms[levels.outer];
        let rows = 0..outer.level.len() as u32;
        let level = |row: u32| outer.level[row as usize];
        let Some(inner) = levels.inner.map(|t| &terms[t]) else {
            let sorted = ByLevel::new(rows, level, outer.n_levels);
            return Self { order: sorted.order, groups: sorted.ranges, units: Vec::new() };
        };
        let by_unit = ByLevel::new(rows, |row| inner.level[row as usize], inner.n_levels);
        let sorted = ByLevel::new(by_unit.order.iter().copied(), level, outer.n_levels);
        let unit_at = |place: usize| inner.level[sorted.order[place] as usize];
        let units = sorted.ranges.iter().map(|group| runs(group.clone(), unit_at)).collect();
        Self { order: sorted.order, groups: sorted.ranges, units }
    }
}

/// Splits places into runs of one unit.
fn runs(places: Range<usize>, unit_at: impl Fn(usize) -> u32) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for place in places {
        match runs.last_mut() {
            Some(last) if unit_at(place) == unit_at(last.start) => last.end = place + 1,
            _ => runs.push(place..place + 1),
        }
    }
    runs
}

impl CrossProducts {
    /// Sums the rows by group, and keeps Z₁ᵀW of each unit only when asked to; within a group in the order of the layout, so any number of threads gives the same bits.
    ///
    /// `None` when units share so few patterns that sums by pattern would be larger than the units.
    pub fn new(rows: &ScaledRows, levels: Levels, layout: &Layout, keep_units: bool) -> Option<Self> {
        let (q, m) = (rows.terms()[levels.outer].q(), rows.terms()[levels.outer].q() + rows.p() + 1);
        // Readers of rows by their place; each thread has its own.
        let outer_row = || {
            let mut read = rows.read();
            move |place: usize, out: &mut [f64]| {
                let row = layout.order[place] as usize;
                read.random(levels.outer, row, &mut out[..q]);
                read.fixed(row, &mut out[q..]);
            }
        };
        let sum = |group: &Range<usize>| {
            let mut ww = Array2::zeros((m, m));
            gram(&mut ww, group.clone(), outer_row());
            ww
        };
        let Some(inner) = levels.inner else {
            let whole = |group: &Range<usize>| GroupProducts {
                rows: group.len(),
                ww: sum(group),
                by_pattern: Vec::new(),
                units: Units { zw: Array3::zeros((0, 0, m)), pattern: Vec::new(), level: Vec::new() },
            };
            return Some(Self { groups: layout.groups.par_iter().map(whole).collect(), patterns: Vec::new() });
        };
        let q_inner = rows.terms()[inner].q();
        let inner_row = || {
            let mut read = rows.read();
            move |place: usize, out: &mut [f64]| read.random(inner, layout.order[place] as usize, out)
        };
        let index = PatternIndex::new(&layout.units, q_inner, inner_row);
        if index.patterns.len() > MANY_PATTERNS && index.patterns.len() * 4 > index.units {
            return None;
        }
        let PatternIndex { patterns, of_unit, .. } = index;
        let groups = layout.groups.par_iter().zip(&layout.units).zip(of_unit).map(|((group, places), pattern)| {
            let zw = unit_products(places, q_inner, m, inner_row(), outer_row());
            let level_at = |unit: &Range<usize>| rows.terms()[inner].level[layout.order[unit.start] as usize];
            let mut units = Units { zw, pattern, level: places.iter().map(level_at).collect() };
            let by_pattern = pattern_products(&units);
            if !keep_units {
                units.zw = Array3::zeros((0, q_inner, m));
            }
            GroupProducts { rows: group.len(), ww: sum(group), by_pattern, units }
        });
        Some(Self { groups: groups.collect(), patterns })
    }
}

/// Below this number of occasion patterns, sums by pattern are small whatever the number of units.
const MANY_PATTERNS: usize = 500;

/// The pattern of each unit.
struct PatternIndex {
    patterns: Vec<Pattern>,
    of_unit: Vec<Vec<usize>>,
    units: usize,
}

impl PatternIndex {
    fn new<R: FnMut(usize, &mut [f64])>(units: &UnitRows, q: usize, inner_row: impl Fn() -> R + Sync) -> Self {
        // C of the units of a group, behind each other: there may be a million of them.
        let of_group = |group: &Vec<Range<usize>>| {
            let (mut row, mut all) = (inner_row(), Vec::with_capacity(group.len() * q * q));
            for unit in group {
                let mut c = Array2::zeros((q, q));
                gram(&mut c, unit.clone(), &mut row);
                all.extend(c);
            }
            all
        };
        let all: Vec<Vec<f64>> = units.par_iter().map(of_group).collect();
        let mut out = Self { patterns: Vec::new(), of_unit: Vec::with_capacity(units.len()), units: 0 };
        let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
        for group in all {
            out.units += group.len() / (q * q);
            let number = |c: &[f64]| {
                let key = c.iter().map(|v| v.to_bits()).collect();
                let k = *known.entry(key).or_insert_with(|| {
                    let c = Array2::from_shape_vec((q, q), c.to_vec()).expect("q × q numbers");
                    out.patterns.push(Pattern { c, units: 0.0 });
                    out.patterns.len() - 1
                });
                out.patterns[k].units += 1.0;
                k
            };
            out.of_unit.push(group.chunks_exact(q * q).map(number).collect());
        }
        out
    }
}

/// Z₁ᵀW of each unit (units×q×m).
fn unit_products(
    units: &[Range<usize>],
    q: usize,
    m: usize,
    mut inner_row: impl FnMut(usize, &mut [f64]),
    mut outer_row: impl FnMut(usize, &mut [f64]),
) -> Array3<f64> {
    let mut all = Array3::zeros((units.len(), q, m));
    let (mut z, mut w) = (vec![0.0; q], vec![0.0; m]);
    for (unit, mut zw) in units.iter().zip(all.outer_iter_mut()) {
        for place in unit.clone() {
            inner_row(place, &mut z);
            outer_row(place, &mut w);
            for (mut to, z) in zw.rows_mut().into_iter().zip(&z) {
                to.iter_mut().zip(&w).for_each(|(to, w)| *to += z * w);
            }
        }
    }
    all
}

/// Sums of the units' outer products, by pattern.
pub(super) fn pattern_products(units: &Units) -> Vec<PatternProducts> {
    let (_, q, m) = units.zw.dim();
    let mut sums: BTreeMap<usize, Vec<Symmetric>> = BTreeMap::new();
    for (zw, &pattern) in units.zw.outer_iter().zip(&units.pattern) {
        let to = sums.entry(pattern).or_insert_with(|| vec![Symmetric::zeros(m); pairs(q).count()]);
        for (sum, (a, b)) in to.iter_mut().zip(pairs(q)) {
            let (left, right) = (zw.row(a), zw.row(b));
            let mut lower = sum.0.iter_mut();
            for i in 0..m {
                for (j, to) in (0..=i).zip(&mut lower) {
                    *to += 0.5 * (left[i] * right[j] + right[i] * left[j]);
                }
            }
        }
    }
    sums.into_iter().map(|(pattern, q)| PatternProducts { pattern, q }).collect()
}
