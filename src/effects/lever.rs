//! What a comparison moves: one part of the dose, by an amount that may differ from row to row.

use crate::design::Head;
use crate::vocab::DosePart;

/// A part of the dose as columns of x and z.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lever {
    /// The column of x.
    pub(super) column: usize,
    /// Whether the schools' slopes (second column of z) move along.
    pub(super) slope: bool,
}

impl Lever {
    /// The lever of a part; `None` where the model has no such part.
    pub(super) fn of(head: &Head, part: DosePart, q: usize) -> Option<Self> {
        head.column(part).map(|column| Self { column, slope: q == 2 && head.has_slope_on(part) })
    }
}

/// The part that the main comparison moves: within school and cohort where the dose is split, else the dose.
pub(super) fn main_part(head: &Head) -> DosePart {
    head.doses.first().map_or(DosePart::Total, |(part, _)| *part)
}

/// The range of rows of each group; rows stand in order of their group.
pub(super) fn ranges(group: &[u32], groups: usize) -> Vec<std::ops::Range<usize>> {
    let mut out = Vec::with_capacity(groups);
    let mut start = 0;
    for g in 0..groups as u32 {
        let end = start + group[start..].partition_point(|h| *h == g);
        out.push(start..end);
        start = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ordered_groups() {
        assert_eq!(ranges(&[0, 0, 1, 3], 4), [0..2, 2..3, 3..3, 3..4]);
        assert_eq!(ranges(&[], 2), [0..0, 0..0]);
    }
}
