//! Dated events and repeated scores, brought to the periods of the panel.

use std::path::Path;

use rayon::prelude::*;

use super::calendars::Calendars;
use super::ends::Ends;
use super::flow::{Ended, Flow, Step};
use super::keys::Found;
use super::plan::{OutcomePlan, Plan};
use super::pupils::{NO_DAY, Pupils, day_at, exit_of, number_at, text_at};
use crate::ingest::{As, Batch, InputError, Progress, Rejects, Table, Want};
use crate::study::file::AfterEnd;
use crate::vocab::{Coded, Coder, ExitKind, IdVec, PupilIx};

/// What a pupil contributes to a hazard: the last period at risk and whether the event came in it, or the
/// step in which the pupil fell out.
pub(super) type AtRisk = Result<LastPeriod, Step>;

/// See [`AtRisk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastPeriod {
    /// The last period at risk, from 0.
    pub period: u16,
    /// Whether the event came in it.
    pub event: bool,
    /// The way out in it, where the study tells them apart; `None` also for a way out that it does not name.
    pub exit: Option<ExitKind>,
}

/// The day on which a pupil left, and the position of the way out ([`NO_EXIT`]: none, or one that the study does not name).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leaving {
    day: i32,
    exit: u8,
}

/// Behind all ways out, so that a named one goes first on a day.
const NO_EXIT: u8 = u8::MAX;

/// The last score of each pupil in each period.
pub struct Scores {
    ends: Ends,
    periods: Vec<u16>,
    values: Coded<usize, f64>,
}

impl Scores {
    /// Period and score, by period.
    pub fn of(&self, p: PupilIx) -> impl Iterator<Item = (u16, f64)> + '_ {
        self.ends.range(p).map(|i| (self.periods[i], self.values[i]))
    }
}

/// A score as it was read; the pupil, the period and the day decide their order.
#[derive(Clone, Copy)]
struct Scored {
    pupil: PupilIx,
    period: u16,
    day: i32,
    value: f64,
}

/// Day and way of leaving of each pupil ([`NO_DAY`]: none): columns of the pupils, or the first row in a table.
pub(super) fn leavings(
    plan: &Plan<'_>,
    at: usize,
    base: &Path,
    pupils: &Pupils,
    flow: &mut Flow,
    rejects: &mut Rejects,
    progress: &dyn Progress,
) -> Result<IdVec<PupilIx, Leaving>, InputError> {
    let planned = &plan.outcomes[at];
    let o = planned.entry;
    let Some(source) = &o.source else { return Ok(of_pupils(pupils, at)) };
    let set = format!("events {}", o.id);
    let keys = o.key.0.len();
    let mut wants: Vec<Want> = o.key.0.iter().map(|n| Want::new(n, As::Text)).collect();
    wants.push(Want::new(o.date.as_deref().unwrap_or(&o.id), As::Day));
    wants.extend(o.cause.iter().map(|n| Want::new(n, As::Text)));
    let table = Table::open(plan.study, base, source, &wants)?;
    let mut leavings: IdVec<PupilIx, Leaving> = vec![Leaving { day: NO_DAY, exit: NO_EXIT }; pupils.len()].into();
    let mut ended = Ended::new(pupils.schools.len());
    let mut text = Vec::new();
    let mut unlisted = 0;
    rejects.merge(table.for_each(progress, |batch: &Batch| {
        for (row, found) in pupils.find_all(batch, 0..keys).into_iter().enumerate() {
            let day = day_at(batch, keys, row);
            let pupil = found.pupil();
            let step = match pupil {
                None => Step::UnknownPupil,
                Some(_) if day == NO_DAY => Step::NoDate,
                Some(p) => {
                    let cause = o.cause.as_ref().and_then(|_| text_at(batch, keys + 1, row, &mut text));
                    let exit = cause.and_then(|text| exit_of(planned, text)).unwrap_or(NO_EXIT);
                    unlisted += u64::from(o.cause.is_some() && exit == NO_EXIT);
                    let leaving = Leaving { day, exit };
                    leavings[p] = if leavings[p].day == NO_DAY { leaving } else { leavings[p].min(leaving) };
                    Step::Used
                }
            };
            ended.add(pupil.map(|p| pupils.school[p]), step);
        }
    })?);
    ended.hand_over(flow, &set);
    flow.add(&format!("causes {}", o.id), None, Step::UnlistedValue, unlisted);
    Ok(leavings)
}

/// The event that is dated in the pupil table.
fn of_pupils(pupils: &Pupils, at: usize) -> IdVec<PupilIx, Leaving> {
    let causes = pupils.event_causes.get(&at);
    let exit = |p: PupilIx| causes.map(|c| c[p]).filter(|c| !c.is_nan()).map_or(NO_EXIT, |c| c as u8);
    pupils.event_days[&at].enumerate().map(|(p, day)| Leaving { day: *day, exit: exit(p) }).collect::<Vec<_>>().into()
}

/// Who is at risk until when. An event on or before the first day is a pupil who was never at risk; without
/// an event the pupil is followed to `end`; whoever goes on after the last period is censored there.
pub(super) fn at_risk(
    plan: &Plan<'_>,
    o: &OutcomePlan<'_>,
    pupils: &Pupils,
    calendars: &(Calendars, IdVec<PupilIx, Option<u32>>),
    leavings: &IdVec<PupilIx, Leaving>,
) -> IdVec<PupilIx, AtRisk> {
    let one = |p: PupilIx| -> AtRisk {
        let days = pupils.days[p];
        let starts = calendars.0.starts(calendars.1[p].ok_or(Step::NoOrigin)?);
        let leaving = leavings[p];
        let mut event = Some(leaving.day).filter(|d| *d != NO_DAY);
        if event.is_some_and(|d| d <= days.origin) {
            return Err(Step::LeftBeforeStart);
        }
        let mut end = Some(days.end).filter(|d| *d != NO_DAY);
        if o.entry.after_end == AfterEnd::Censor && event.zip(end).is_some_and(|(event, end)| event > end) {
            event = None;
        }
        // Nothing is known of what comes after the pupil went to a school outside the study.
        if let Some(outside) = pupils.outside_from(p) {
            if outside <= days.origin {
                return Err(Step::OtherSchool);
            }
            event = event.filter(|day| *day < outside);
            end = Some(end.map_or(outside - 1, |end| end.min(outside - 1)));
        }
        let last = match (event, end) {
            (Some(event), Some(end)) => event.min(end),
            (Some(event), None) => event,
            (None, Some(end)) => end,
            (None, None) => return Err(Step::NoEnd),
        };
        if last < days.origin {
            return Err(Step::NoEnd);
        }
        let period = starts.iter().take_while(|start| **start <= last).count() - 1;
        let in_window = period < usize::from(plan.periods);
        let period = u16::try_from(period).unwrap_or(u16::MAX).min(plan.periods - 1);
        let has_left = event.is_some() && in_window;
        let exit = ExitKind::ALL.get(usize::from(leaving.exit)).copied().filter(|_| has_left);
        let is_event = o.entry.causes.is_none() || exit == Some(o.entry.event);
        Ok(LastPeriod { period, event: has_left && is_event, exit })
    };
    pupils.school.ids().map(one).collect::<Vec<_>>().into()
}

/// The last score of each pupil in each period.
pub(super) fn scores(
    plan: &Plan<'_>,
    at: usize,
    base: &Path,
    pupils: &Pupils,
    calendars: &(Calendars, IdVec<PupilIx, Option<u32>>),
    flow: &mut Flow,
    rejects: &mut Rejects,
) -> Result<Scores, InputError> {
    let o = plan.outcomes[at].entry;
    let set = format!("scores {}", o.id);
    let keys = o.key.0.len();
    let mut wants: Vec<Want> = o.key.0.iter().map(|n| Want::new(n, As::Text)).collect();
    wants.push(Want::new(o.date.as_deref().unwrap_or(&o.id), As::Day));
    wants.push(Want::new(o.column.as_deref().unwrap_or(&o.id), As::Number));
    let source = o.source.as_deref().expect("a checked score outcome has a source");
    let table = Table::open(plan.study, base, source, &wants)?;
    let mut all: Vec<Scored> = Vec::with_capacity(table.rows());
    let mut ended = Ended::new(pupils.schools.len());
    rejects.merge(table.for_each(&crate::ingest::Silence, |batch: &Batch| {
        for (row, pupil) in pupils.find_all(batch, 0..keys).into_iter().map(Found::pupil).enumerate() {
            let day = day_at(batch, keys, row);
            let value = number_at(batch, keys + 1, row);
            let scored = (|| {
                let pupil = pupil.ok_or(Step::UnknownPupil)?;
                if day == NO_DAY {
                    return Err(Step::NoDate);
                }
                if value.is_nan() {
                    return Err(Step::NoOutcome);
                }
                let starts = calendars.0.starts(calendars.1[pupil].ok_or(Step::NoOrigin)?);
                let slot = starts.iter().take_while(|start| **start <= day).count();
                if slot == 0 || slot > usize::from(plan.periods) {
                    return Err(Step::OutsidePeriods);
                }
                if pupils.is_outside(pupil, day) {
                    return Err(Step::OtherSchool);
                }
                let period = u16::try_from(slot - 1).expect("fewer than 65 536 periods");
                Ok(Scored { pupil, period, day, value })
            })();
            match scored {
                Ok(scored) => all.push(scored),
                Err(step) => ended.add(pupil.map(|p| pupils.school[p]), step),
            }
        }
    })?);
    // The latest date of a period counts; of two scores on one day the higher one. So the last of each period.
    all.par_sort_unstable_by(|a, b| {
        (a.pupil, a.period, a.day).cmp(&(b.pupil, b.period, b.day)).then(a.value.total_cmp(&b.value))
    });
    let mut counts: IdVec<PupilIx, u32> = vec![0; pupils.len()].into();
    let (mut periods, mut values) = (Vec::new(), Coder::default());
    for of_period in all.chunk_by(|a, b| (a.pupil, a.period) == (b.pupil, b.period)) {
        let last = of_period[of_period.len() - 1];
        let school = Some(pupils.school[last.pupil]);
        ended.add_all(school, Step::EarlierInPeriod, of_period.len() as u64 - 1);
        ended.add(school, Step::Used);
        periods.push(last.period);
        values.push(last.value);
        counts[last.pupil] += 1;
    }
    ended.hand_over(flow, &set);
    Ok(Scores { ends: Ends::of(counts), periods, values: values.finish() })
}
