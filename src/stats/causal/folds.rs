//! Who trains a nuisance model and for whom it predicts.

use crate::stats::error::StatsError;

/// Pieces of the rows, whole clusters each; every piece is predicted by a model of the other pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    /// Fold of each row (n).
    fold: Vec<u32>,
    count: u32,
}

impl Folds {
    /// One model of all rows predicts all rows: no cross-fitting.
    pub fn none(n: usize) -> Self {
        Self { fold: vec![0; n], count: 1 }
    }

    /// Clusters in `count` folds of about equal numbers of clusters, in an order that only `seed` and the code decide: the
    /// order of rows does not matter.
    ///
    /// # Errors
    /// [`StatsError::TooFewGroups`] with fewer clusters than folds.
    pub fn by_cluster(clusters: &[u32], count: u32, seed: u64) -> Result<Self, StatsError> {
        let mut codes: Vec<u32> = clusters.to_vec();
        codes.sort_unstable();
        codes.dedup();
        if count < 2 || codes.len() < count as usize {
            return Err(StatsError::TooFewGroups { groups: codes.len() });
        }
        let mut shuffled = codes.clone();
        shuffled.sort_by_key(|&code| (scrambled(seed, u64::from(code)), code));
        let highest = *codes.last().expect("there are at least as many clusters as folds") as usize;
        let mut of = vec![0; highest + 1];
        for (position, &code) in (0_u32..).zip(&shuffled) {
            of[code as usize] = position % count;
        }
        Ok(Self { fold: clusters.iter().map(|&code| of[code as usize]).collect(), count })
    }

    /// For each fold the rows that train and the rows that are predicted; with one fold both are all rows.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        (0..self.count).map(|k| {
            let rows = |wanted: bool| (0..self.fold.len()).filter(|&i| (self.fold[i] == k) == wanted).collect();
            let test: Vec<usize> = rows(true);
            let train = if self.count == 1 { test.clone() } else { rows(false) };
            Piece { train, test }
        })
    }

    /// Rows.
    pub(super) fn len(&self) -> usize {
        self.fold.len()
    }
}

/// One fold.
pub(super) struct Piece {
    pub(super) train: Vec<usize>,
    pub(super) test: Vec<usize>,
}

/// A number that looks random and that (seed, counter) decides: SplitMix64 (Steele, Lea & Flood 2014).
pub(super) fn scrambled(seed: u64, counter: u64) -> u64 {
    let mut z = seed.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
