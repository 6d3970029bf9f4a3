//! Dropout from vmbo: a discrete-time hazard over the half-year periods, drawn one period after another
//! because the dose means are over those still at risk.

use rand::Rng;

use super::activity::{Event, dose_before};
use super::calendar::CohortDates;
use super::dose::{Member, split};
use super::model::{Models, Ranef, expit};
use super::pupil::Pupil;
use super::truth::AmeSum;

/// Who dropped out, and the true effect over the person-periods at risk.
pub(super) struct Dropout {
    /// Day of dropout per pupil.
    pub day: Vec<Option<i32>>,
    pub ame: AmeSum,
}

/// Draws the dropout of a school's pupils. Activities before a period are all known at its start, whatever
/// happens later; so `events` may run on to the landmark, and [`cut`] takes off what never happened.
pub(super) fn draw(
    rng: &mut impl Rng,
    models: &Models,
    ranef: Ranef,
    cohorts: &[CohortDates],
    pupils: &[Pupil],
    events: &[Vec<Event>],
) -> Dropout {
    let model = &models.hazard;
    let mut day = vec![None; pupils.len()];
    let mut ame = AmeSum::default();
    for (k, centre) in models.period_centre.into_iter().enumerate() {
        let at_risk: Vec<Member> = (0..pupils.len())
            .filter(|&i| day[i].is_none())
            .map(|i| {
                let cohort = pupils[i].cohort;
                Member { pupil: i, cohort, dose: dose_before(&events[i], cohorts[cohort].period[k]) }
            })
            .collect();
        for (member, parts) in at_risk.iter().zip(split(&at_risk, cohorts.len(), centre)) {
            let eta = model.eta(k, &pupils[member.pupil], parts, ranef);
            ame.add(k, eta, model.slopes(ranef));
            if rng.random::<f64>() < expit(eta) {
                day[member.pupil] = Some(day_inside(rng, &cohorts[member.cohort], k));
            }
        }
    }
    Dropout { day, ame }
}

/// A day inside period `k`, clear of its first and last day: no rule about ends can move it to another period.
fn day_inside(rng: &mut impl Rng, dates: &CohortDates, k: usize) -> i32 {
    rng.random_range(dates.period[k] + 1..dates.period_end(k) - 1)
}

/// Removes the activities from the day of dropout on.
pub(super) fn cut(events: &mut [Vec<Event>], dropout: &[Option<i32>]) {
    for (events, day) in events.iter_mut().zip(dropout) {
        if let Some(day) = *day {
            events.truncate(events.partition_point(|e| e.day < day));
        }
    }
}
