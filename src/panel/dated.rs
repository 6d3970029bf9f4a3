//! Exposures that need the days of a pupil's activities together: days with practice experience, completed triples. Only the
//! day and the part that an activity can play are kept, 16 bytes each, until all rows are read.

use rayon::prelude::*;

use super::plan::{Counted, DoseFrom, Plan};
use crate::vocab::PupilIx;
use crate::vocab::ids::Ix;

/// A dated activity of a pupil.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dated {
    pupil: u32,
    day: i32,
    /// Bit i: it counts for slot i.
    slots: u64,
}

impl Dated {
    pub(super) fn new(pupil: PupilIx, day: i32, slots: u64) -> Self {
        Self { pupil: u32::try_from(pupil.at()).expect("a pupil index has 32 bits"), day, slots }
    }
}

/// An exposure of days.
pub(super) struct DatedExposure<'p> {
    position: usize,
    /// Its first slot.
    slot: usize,
    of: Of<'p>,
}

enum Of<'p> {
    Days(Option<&'p [String]>),
    Triples(&'p [Vec<String>; 3], i32),
}

impl<'p> DatedExposure<'p> {
    /// The dated exposures of a plan, each with as many slots as it has lists of types.
    pub(super) fn all(plan: &'p Plan<'_>) -> Vec<Self> {
        let mut slot = 0;
        let mut all = Vec::new();
        for (position, e) in plan.exposures.iter().enumerate() {
            let of = match &e.from {
                DoseFrom::Activities { types, measure: Counted::Days } => Of::Days(types.as_deref()),
                DoseFrom::Triples { parts, within } => Of::Triples(parts, *within),
                _ => continue,
            };
            let exposure = Self { position, slot, of };
            slot += exposure.types().len();
            all.push(exposure);
        }
        all
    }

    /// The types of each of its slots.
    pub(super) fn types(&self) -> Vec<Option<&'p [String]>> {
        match self.of {
            Of::Days(types) => vec![types],
            Of::Triples(parts, _) => parts.iter().map(|types| Some(types.as_slice())).collect(),
        }
    }

    /// The days that count, of one pupil's activities in order of day.
    fn days(&self, rows: &[Dated]) -> Vec<i32> {
        let of_slot = |slot: usize| {
            let mut days: Vec<i32> = rows.iter().filter(|r| r.slots >> slot & 1 == 1).map(|r| r.day).collect();
            days.dedup();
            days
        };
        match self.of {
            Of::Days(_) => of_slot(self.slot),
            Of::Triples(_, within) => {
                let [experiences, conversations, reflections] = [0, 1, 2].map(|part| of_slot(self.slot + part));
                completed(&experiences, &conversations, &reflections, within)
            }
        }
    }
}

/// Days on which a triple is completed; all lists are in order and without repetition.
fn completed(experiences: &[i32], conversations: &[i32], reflections: &[i32], within: i32) -> Vec<i32> {
    let first_from = |days: &[i32], day: i32| days.get(days.partition_point(|d| *d < day)).copied();
    let of = |experience: &i32| {
        let conversation = first_from(conversations, *experience)?;
        first_from(reflections, conversation).filter(|reflection| *reflection <= experience.saturating_add(within))
    };
    let mut days: Vec<i32> = experiences.iter().filter_map(of).collect();
    // A later experience never ends in an earlier reflection, so equal ones stand beside each other.
    days.dedup();
    days
}

/// Calls `note` for each day that counts for an exposure (by its position) of a pupil.
pub(super) fn for_each_day(
    exposures: &[DatedExposure<'_>],
    rows: &mut [Dated],
    mut note: impl FnMut(PupilIx, usize, i32),
) {
    rows.par_sort_unstable();
    for of_pupil in rows.chunk_by(|a, b| a.pupil == b.pupil) {
        let pupil = PupilIx::from_position(of_pupil[0].pupil as usize);
        for exposure in exposures {
            for day in exposure.days(of_pupil) {
                note(pupil, exposure.position, day);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::completed;

    #[test]
    fn a_triple_is_an_experience_then_a_conversation_then_a_reflection_in_time() {
        assert_eq!(completed(&[10], &[12], &[20], 60), [20]);
        assert_eq!(completed(&[10], &[10], &[10], 0), [10], "all on one day");
        assert_eq!(completed(&[10], &[9], &[20], 60), [] as [i32; 0], "the conversation came before");
        assert_eq!(completed(&[10], &[12], &[11], 60), [] as [i32; 0], "the reflection came before the conversation");
        assert_eq!(completed(&[10], &[12], &[71], 60), [] as [i32; 0], "too late");
        assert_eq!(completed(&[10], &[12], &[70], 60), [70]);
    }

    #[test]
    fn a_reflection_completes_one_triple_whatever_came_before_it() {
        assert_eq!(completed(&[1, 2, 3], &[4], &[5], 60), [5]);
        assert_eq!(completed(&[1, 2, 30], &[4, 31], &[5, 40], 60), [5, 40]);
        assert_eq!(completed(&[1, 6], &[2, 7], &[8], 60), [8], "two conversations, one reflection");
    }
}
