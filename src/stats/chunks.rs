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

/// Σ f(row), piece by piece.
pub(super) fn sum_rows(n: usize, f: impl Fn(usize) -> f64 + Sync) -> f64 {
    map_rows(n, |rows| rows.map(&f).sum::<f64>()).into_iter().sum()
}

/// One of each `step` consecutive rows, at a place in them that follows no period of the data: what a search may begin
/// with. The last, incomplete ones are left out.
pub(super) fn thinned(n: usize, step: usize) -> Vec<usize> {
    // Weyl's sequence of the golden ratio is spread evenly and never repeats.
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let within = |k: usize| ((k as f64 * GOLDEN).fract() * step as f64) as usize;
    (0..n / step).map(|k| k * step + within(k)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_rows_follow_no_period() {
        let rows = thinned(1_000_003, 12);
        assert_eq!(rows.len(), 83_333);
        assert!(rows.windows(2).all(|w| w[0] < w[1]) && rows[83_332] < 1_000_003);
        for period in [2, 3, 4, 12] {
            for phase in 0..period {
                let share = rows.iter().filter(|&&row| row % period == phase).count() as f64 / rows.len() as f64;
                assert!((share * period as f64 - 1.0).abs() < 0.01, "{period} {phase} {share}");
            }
        }
        assert_eq!(thinned(3, 1), [0, 1, 2]);
        assert!(thinned(3, 4).is_empty());
    }

    #[test]
    fn sums_of_pieces_are_sums() {
        assert_eq!(sum_rows(10_000, |row| row as f64), 49_995_000.0);
        assert_eq!(sum_rows(0, |_| 1.0), 0.0);
    }
}
