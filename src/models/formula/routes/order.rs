//! The order and names of the variance parameters in lme4.

use crate::design::formula::FormulaDesign;

/// For each element of θ in lme4's order its place in the core's.
pub(in super::super) fn core_order(design: &FormulaDesign) -> Vec<usize> {
    let size = |k: usize| k * (k + 1) / 2;
    let mut start = Vec::new();
    let mut next = 0;
    for term in &design.terms {
        let sizes = term.sizes();
        let place = |&k: &usize| {
            next += size(k);
            next - size(k)
        };
        start.push(sizes.iter().map(place).collect::<Vec<usize>>());
    }
    let block = |&(term, block): &(usize, usize)| {
        let first = start[term][block];
        first..first + size(design.terms[term].blocks[block].len())
    };
    design.blocks.iter().flat_map(block).collect()
}

/// Names of the elements of θ in lme4's order: `school.(Intercept)`, `school.standLRT.(Intercept)`.
pub(in super::super) fn theta_names(design: &FormulaDesign) -> Vec<String> {
    let mut out = Vec::new();
    for &(term, block) in &design.blocks {
        let (group, names) = (&design.terms[term].group.name, &design.terms[term].blocks[block]);
        for (column, of) in names.iter().enumerate() {
            for (row, name) in names.iter().enumerate().skip(column) {
                out.push(if row == column { format!("{group}.{of}") } else { format!("{group}.{name}.{of}") });
            }
        }
    }
    out
}
