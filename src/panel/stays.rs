//! The schools of pupils who move.
//!
//! A pupil is from a day on at a school, until the next stay begins. What becomes of a pupil at a school that the pupil table does
//! not have, and what is done there, is not known here: who goes there is followed until that day and no longer. Where a pupil
//! came from before the start of the clock is of no matter.

use std::path::Path;

use hashbrown::HashMap;

use super::ends::Ends;
use super::flow::{Ended, Flow, Step};
use super::keys::Found;
use super::native;
use super::plan::Plan;
use super::pupils::{NO_DAY, Pupils, day_at, spaced};
use crate::ingest::{As, Batch, InputError, Progress, Rejects, Table, Want};
use crate::vocab::{IdVec, PupilIx, SchoolIx};

/// Name of the table in the flow.
pub(super) const SET: &str = "stays";

/// From a day on at a school; `None` is one that the pupil table does not have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stay {
    pub(super) from: i32,
    pub(super) school: Option<SchoolIx>,
}

/// The stays of all pupils.
pub(super) struct Stays {
    ends: Ends,
    /// By pupil and day.
    all: Vec<Stay>,
}

impl Stays {
    /// Those of a pupil, in order of day.
    pub(super) fn of(&self, p: PupilIx) -> &[Stay] {
        &self.all[self.ends.range(p)]
    }
}

/// Reads the stays and brings every pupil to the school of the start, the day of the origin. Who has no stay by then stays at the
/// school of the pupil table.
///
/// # Errors
/// Unreadable input, more rejected rows than the study allows, a pupil at two schools from one day on.
pub(super) fn read(
    plan: &Plan<'_>,
    base: &Path,
    pupils: &mut Pupils,
    (flow, rejects): (&mut Flow, &mut Rejects),
    progress: &dyn Progress,
) -> Result<(), InputError> {
    let Some(s) = &plan.study.stays else { return Ok(()) };
    let mut wants: Vec<Want> = s.key.0.iter().map(|n| Want::new(n, As::Text)).collect();
    let keys = wants.len();
    wants.extend(s.school.0.iter().map(|n| Want::new(n, As::Text)));
    let school = keys..wants.len();
    wants.push(Want::new(&s.from, As::Day));
    let table = Table::open(plan.study, base, &s.source, &wants)?;
    let known: HashMap<&str, SchoolIx> = pupils.schools.enumerate().map(|(s, label)| (label.as_str(), s)).collect();
    let mut all: Vec<(PupilIx, Stay)> = Vec::with_capacity(table.rows());
    let mut ended = Ended::new(pupils.schools.len());
    let mut label = Vec::new();
    rejects.merge(table.for_each(progress, |batch: &Batch| {
        for (row, found) in pupils.find_all(batch, 0..keys).into_iter().enumerate() {
            let p = match found {
                Found::Pupil(p) => p,
                Found::NoKey => {
                    ended.add(None, Step::NoKey);
                    continue;
                }
                Found::Unknown => {
                    ended.add(None, Step::UnknownPupil);
                    continue;
                }
            };
            let from = day_at(batch, school.end, row);
            let is_named = batch.key(school.clone(), row, &mut label) && !label.is_empty();
            let at = known.get(spaced(&label).as_str()).copied();
            if !is_named || from == NO_DAY {
                ended.add(Some(pupils.school[p]), if is_named { Step::NoDate } else { Step::NoSchool });
            } else {
                all.push((p, Stay { from, school: at }));
            }
        }
    })?);
    native::assert_few(plan, rejects)?;
    all.sort_unstable();
    let rows = all.len();
    all.dedup();
    ended.add_all(None, Step::Duplicate, (rows - all.len()) as u64);
    let mut counts: IdVec<PupilIx, u32> = vec![0; pupils.len()].into();
    for (p, stay) in &all {
        counts[*p] += 1;
        ended.add(Some(pupils.school[*p]), if stay.school.is_some() { Step::Used } else { Step::OtherSchool });
    }
    ended.hand_over(flow, SET);
    let at_once = all.windows(2).filter(|w| (w[0].0, w[0].1.from) == (w[1].0, w[1].1.from)).count() as u64;
    if at_once > 0 {
        return Err(InputError::ConflictingStays { source_name: s.source.clone(), rows: at_once });
    }
    let stays = Stays { ends: Ends::of(counts), all: all.into_iter().map(|(_, stay)| stay).collect() };
    pupils.stays = Some(stays);
    for p in pupils.school.ids() {
        if let Some(school) = pupils.school_on(p, pupils.days[p].origin) {
            pupils.school[p] = school;
        }
    }
    Ok(())
}
