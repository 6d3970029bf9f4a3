//! Scores of the scale `loopbaanreflectie`, up to one in each half-year period.

use rand::Rng;

use super::activity::{Event, dose_before};
use super::calendar::{CohortDates, PERIODS};
use super::model::Growth;
use super::pupil::Pupil;
use super::stream::{chance, normal, normal_pair};

/// Share of occasions that are missing, whatever the score.
const MISSING: f64 = 0.15;

/// One measurement.
pub(super) struct Score {
    pub pupil: usize,
    pub day: i32,
    pub value: f64,
}

/// Draws the scores of a school's pupils while they are enrolled.
pub(super) fn draw(
    rng: &mut impl Rng,
    model: &Growth,
    cohorts: &[CohortDates],
    pupils: &[Pupil],
    events: &[Vec<Event>],
    dropout: &[Option<i32>],
) -> Vec<Score> {
    let school = normal_pair(rng, model.school_sd, model.correlation);
    let mut scores = Vec::with_capacity(pupils.len() * PERIODS);
    for (i, pupil) in pupils.iter().enumerate() {
        let own = normal_pair(rng, model.pupil_sd, model.correlation);
        let ranef = [school[0] + own[0], school[1] + own[1]];
        let dates = &cohorts[pupil.cohort];
        for k in 0..PERIODS {
            let day = rng.random_range(dates.period[k] + 20..dates.period_end(k) - 20);
            let residual = model.residual_sd * normal(rng);
            let seen = !chance(rng, MISSING) && dropout[i].is_none_or(|left| day < left);
            if seen {
                let dose = dose_before(&events[i], dates.period[k]);
                scores.push(Score { pupil: i, day, value: model.mean(pupil, k, dose, ranef) + residual });
            }
        }
    }
    scores
}
