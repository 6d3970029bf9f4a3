//! The periods of pupils: first days by origin.

use hashbrown::HashMap;

use super::plan::Plan;
use super::pupils::{NO_DAY, Pupils};
use crate::vocab::{Day, IdVec, PupilIx};

/// First days of the periods of each distinct origin; pupils who start on one day share a calendar.
pub(super) struct Calendars {
    of: HashMap<i32, usize>,
    starts: Vec<Vec<i32>>,
}

impl Calendars {
    /// Calendars of all pupils: `periods + 1` days each, the last one the end of the window.
    pub(super) fn of(pupils: &Pupils, plan: &Plan<'_>) -> (Self, IdVec<PupilIx, Option<u32>>) {
        let mut calendars = Calendars { of: HashMap::new(), starts: Vec::new() };
        let index: Vec<Option<u32>> = pupils.days.iter().map(|d| calendars.index(d.origin, plan)).collect();
        (calendars, index.into())
    }

    fn index(&mut self, origin: i32, plan: &Plan<'_>) -> Option<u32> {
        if origin == NO_DAY {
            return None;
        }
        if let Some(&i) = self.of.get(&origin) {
            return u32::try_from(i).ok();
        }
        let starts: Option<Vec<i32>> =
            (0..=plan.periods).map(|k| plan.period.start(Day(origin), k).map(|d| d.0)).collect();
        // An origin whose periods leave the calendar gets none; nobody else's must be found in its place.
        let starts = starts?;
        self.of.insert(origin, self.starts.len());
        self.starts.push(starts);
        u32::try_from(self.starts.len() - 1).ok()
    }

    /// First days of the periods of calendar `i`, and the end of the window.
    pub(super) fn starts(&self, i: u32) -> &[i32] {
        &self.starts[i as usize]
    }
}
