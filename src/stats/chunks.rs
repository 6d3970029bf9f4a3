//! Fixed pieces of rows: the unit of parallel work.

use rayon::prelude::*;
use std::ops::Range;

/// Rows of a piece. It depends on nothing, so sums over pieces, folded in order, have the same bits with any number of
/// threads; and it is large enough that handing a piece to a thread costs nothing beside the work in it.
pub(super) const ROWS: usize = 4096;

/// Applies `f` to consecutive row ranges in parallel; results in row order.
pub(super) fn map_rows<T: Send>(n: usize, f: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    map_pieces(n, ROWS, f)
}

/// As [`map_rows`], with pieces of `rows` rows: a constant of the caller.
pub(super) fn map_pieces<T: Send>(n: usize, rows: usize, f: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    (0..n.div_ceil(rows)).into_par_iter().map(|k| f(k * rows..n.min((k + 1) * rows))).collect()
}
