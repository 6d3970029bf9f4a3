//! Windows of doses that move along with the periods.
//!
//! The dose before a day is all that was counted before it, less what had left the window by then: what is dated before the
//! window's first day. So a registration is noted twice and the activities are read once, however long the window is and
//! wherever periods start.

use hashbrown::HashMap;

use super::calendars::Calendars;
use super::plan::Plan;
use super::pupils::{NO_DAY, Pupils};
use crate::vocab::{Day, IdVec, PeriodLength, PupilIx};

/// First days of a window.
pub(super) struct Window {
    /// Of the window before each period, in order.
    pub(super) starts: Vec<i32>,
    /// Of the window before the landmark.
    pub(super) landmark: i32,
}

/// The windows of all pupils; those with the same periods and the same landmark share theirs.
pub(super) struct Windows {
    lengths: Vec<PeriodLength>,
    of: IdVec<PupilIx, u32>,
    windows: Vec<Vec<Window>>,
}

impl Windows {
    /// The windows of a plan's exposures; `None` where no exposure has one.
    pub(super) fn of(
        plan: &Plan<'_>,
        pupils: &Pupils,
        (calendars, calendar): &(Calendars, IdVec<PupilIx, Option<u32>>),
    ) -> Option<Self> {
        let mut lengths: Vec<PeriodLength> = Vec::new();
        for window in plan.exposures.iter().filter_map(|e| e.entry.window) {
            if !lengths.contains(&window) {
                lengths.push(window);
            }
        }
        if lengths.is_empty() {
            return None;
        }
        let (mut index, mut windows) = (HashMap::new(), Vec::new());
        let one = |p: PupilIx| {
            let (calendar, landmark) = (calendar[p], pupils.days[p].landmark);
            *index.entry((calendar, landmark)).or_insert_with(|| {
                let starts = calendar.map_or(&[][..], |c| calendars.starts(c));
                let window = |length: &PeriodLength| Window {
                    starts: starts.iter().map(|start| first_day(*length, *start)).collect(),
                    landmark: first_day(*length, landmark),
                };
                windows.push(lengths.iter().map(window).collect());
                u32::try_from(windows.len() - 1).expect("fewer windows than pupils")
            })
        };
        let of = pupils.school.ids().map(one).collect::<Vec<_>>().into();
        Some(Self { lengths, of, windows })
    }

    /// Position of a length among the windows of a pupil.
    pub(super) fn position(&self, length: PeriodLength) -> Option<usize> {
        self.lengths.iter().position(|l| *l == length)
    }

    /// The windows of a pupil.
    pub(super) fn of_pupil(&self, p: PupilIx) -> &[Window] {
        &self.windows[self.of[p] as usize]
    }
}

/// First day of the window that ends before `day`; before all days where the calendar does not reach so far back.
fn first_day(length: PeriodLength, day: i32) -> i32 {
    if day == NO_DAY { NO_DAY } else { length.before(Day(day)).map_or(NO_DAY, |first| first.0) }
}
