//! Things of pupils side by side, those of one pupil after those of the one before.

use std::ops::Range;

use crate::vocab::ids::Ix;
use crate::vocab::{IdVec, PupilIx};

/// Where the things of each pupil end.
pub(super) struct Ends(IdVec<PupilIx, u32>);

impl Ends {
    /// Of how many each pupil has.
    ///
    /// # Panics
    /// When all together are 4 294 967 296 or more.
    pub(super) fn of(mut counts: IdVec<PupilIx, u32>) -> Self {
        let mut end = 0_u32;
        for p in counts.ids() {
            end = end.checked_add(counts[p]).expect("fewer than 4 294 967 296 of them");
            counts[p] = end;
        }
        Self(counts)
    }

    /// The places of those of a pupil.
    pub(super) fn range(&self, p: PupilIx) -> Range<usize> {
        let start = p.at().checked_sub(1).map_or(0, |before| self.0[PupilIx::from_position(before)]);
        start as usize..self.0[p] as usize
    }
}
