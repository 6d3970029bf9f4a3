//! The random-effects terms of drawn rows.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::super::terms::RandomTerm;

/// Rows of drawn groups, every copy of a group with levels of its own.
pub(in super::super) struct DrawnRows {
    /// Rows of the data, in the order in which they were drawn.
    pub rows: Vec<usize>,
    terms: Vec<DrawnTerm>,
}

struct DrawnTerm {
    z: Array2<f64>,
    level: Vec<u32>,
    n_levels: usize,
}

impl DrawnRows {
    /// From (row, copy): a level in two copies is two levels.
    pub fn new(terms: &[RandomTerm], drawn: &[(usize, u32)]) -> Self {
        let rows: Vec<usize> = drawn.iter().map(|&(row, _)| row).collect();
        let term = |term: &RandomTerm| {
            let mut known = BTreeMap::new();
            let code = |&(row, copy): &(usize, u32)| {
                let next = known.len() as u32;
                *known.entry((copy, term.level[row])).or_insert(next)
            };
            let level: Vec<u32> = drawn.iter().map(code).collect();
            DrawnTerm { z: term.z.select(&rows), level, n_levels: known.len() }
        };
        Self { terms: terms.iter().map(term).collect(), rows }
    }

    /// As terms, with the blocks of those they were drawn from.
    pub fn terms<'t>(&'t self, of: &'t [RandomTerm]) -> Vec<RandomTerm<'t>> {
        let term = |(drawn, of): (&'t DrawnTerm, &'t RandomTerm)| RandomTerm {
            z: drawn.z.view().into(),
            level: &drawn.level,
            n_levels: drawn.n_levels,
            blocks: of.blocks,
        };
        self.terms.iter().zip(of).map(term).collect()
    }
}
