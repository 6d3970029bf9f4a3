//! Activities of a loopbaandossier: how often each type happens in each leerjaar (planning figures of
//! `domain.md` §1.3), when, and when it was entered.

use rand::Rng;
use rand_distr::{Distribution, Exp1, Poisson};

use super::calendar::{CohortDates, day};
use super::pupil::Pupil;
use super::school::School;
use super::spec::RegionSpec;
use super::stream::{Purpose, chance, stream};
use crate::vocab::{ACTIVITIES, activities::DoseUnit};

/// Expected registrations of one type by leerjaar, and the longest count a year can have.
struct Frequency {
    code: &'static str,
    per_year: [f64; 4],
    at_most: u32,
}

const fn often(code: &'static str, per_year: [f64; 4]) -> Frequency {
    Frequency { code, per_year, at_most: u32::MAX }
}

const fn once(code: &'static str, per_year: [f64; 4]) -> Frequency {
    Frequency { code, per_year, at_most: 1 }
}

/// In the order of `ACTIVITIES` (a test holds the two together). About 5, 7, 17 and 19 a year.
const FREQUENCIES: [Frequency; 18] = [
    often("GESPR", [0.5, 0.7, 1.8, 2.2]),
    often("DRIEH", [1.0, 1.0, 1.5, 1.5]),
    often("STAGE", [0.0, 0.0, 4.0, 4.0]),
    often("STAGE_B", [0.4, 0.5, 0.0, 0.0]),
    often("INTSTG", [0.0, 0.0, 1.2, 0.3]),
    often("BEDR", [0.3, 0.4, 0.8, 0.3]),
    often("GAST", [0.3, 0.4, 0.8, 0.5]),
    often("BEURS", [0.0, 0.3, 0.5, 0.5]),
    often("PPO", [0.8, 1.0, 0.0, 0.0]),
    often("OPEND", [0.0, 0.0, 0.6, 1.2]),
    often("MEEL", [0.0, 0.0, 0.3, 0.8]),
    often("TEST", [0.0, 0.5, 0.8, 0.5]),
    often("REFL", [0.6, 0.8, 2.2, 2.4]),
    once("KEUZE", [0.0, 0.7, 0.1, 1.1]),
    often("LES", [0.8, 1.0, 2.0, 2.0]),
    often("PROJ", [0.0, 0.2, 0.5, 0.6]),
    once("DDD", [0.0, 0.0, 0.0, 1.5]),
    often("OVERIG", [0.2, 0.2, 0.4, 0.4]),
];

/// One registration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// Day of the activity.
    pub day: i32,
    /// Position in `ACTIVITIES`.
    pub kind: u8,
    /// Minutes, for types that have them.
    pub minutes: Option<i32>,
    pub source: &'static str,
    /// Day on which it was entered.
    pub entered: i32,
}

impl Event {
    /// Code of the activity type.
    pub fn code(&self) -> &'static str {
        FREQUENCIES[usize::from(self.kind)].code
    }
}

/// What one school's pupils did.
pub(super) struct Activities {
    /// Per pupil, in order of day. Up to the landmark, as if nobody dropped out: `dropout` cuts them off.
    pub of_pupil: Vec<Vec<Event>>,
    /// Registrations whose pupil isn't in the pupil table, with the key they carry.
    pub unknown: Vec<(u64, Event)>,
}

/// Draws the activities of all pupils of a school.
pub(super) fn draw_all(spec: &RegionSpec, school: &School, cohorts: &[CohortDates], pupils: &[Pupil]) -> Activities {
    let rng = &mut stream(spec.seed, school.index, Purpose::Activities);
    let mut unknown = Vec::new();
    let of_pupil = pupils
        .iter()
        .map(|pupil| {
            let events = of_pupil(rng, spec, school, cohorts[pupil.cohort].exam_year, pupil);
            for event in &events {
                if chance(rng, spec.unknown_keys) {
                    unknown.push((rng.random(), *event));
                }
            }
            events
        })
        .collect();
    Activities { of_pupil, unknown }
}

fn of_pupil(rng: &mut impl Rng, spec: &RegionSpec, school: &School, exam_year: i16, pupil: &Pupil) -> Vec<Event> {
    let level = school.level[pupil.cohort] + pupil.propensity;
    let mut events = Vec::with_capacity(64);
    for leerjaar in 0..4_i16 {
        let first = day(exam_year - 4 + leerjaar, 9, 1);
        let last = day(exam_year - 3 + leerjaar, 7, 10);
        for (kind, frequency) in FREQUENCIES.iter().enumerate() {
            let mean = spec.activity * frequency.per_year[leerjaar as usize] * (level + school.preference[kind]).exp();
            for _ in 0..count(rng, mean).min(frequency.at_most) {
                let day = school_day(rng.random_range(first..=last));
                events.push(event(rng, spec, school, kind, day));
            }
        }
    }
    events.sort_by_key(|e| (e.day, e.kind));
    events
}

/// A Poisson count; none when nothing is expected.
fn count(rng: &mut impl Rng, mean: f64) -> u32 {
    Poisson::new(mean).map_or(0, |p| p.sample(rng) as u32)
}

/// The Friday before, for a day in the weekend. (Day 0 was a Thursday.)
fn school_day(day: i32) -> i32 {
    match (day + 3).rem_euclid(7) {
        5 => day - 1,
        6 => day - 2,
        _ => day,
    }
}

fn event(rng: &mut impl Rng, spec: &RegionSpec, school: &School, kind: usize, day: i32) -> Event {
    let soon = (4.0 * rng.sample::<f64, _>(Exp1)) as i32;
    let late = if chance(rng, spec.late_registrations) { rng.random_range(90..=400) } else { 0 };
    Event {
        day,
        kind: kind as u8,
        minutes: minutes(rng, ACTIVITIES[kind].unit),
        source: school.sources[usize::from(chance(rng, 0.2))],
        entered: day + soon + late,
    }
}

fn minutes(rng: &mut impl Rng, unit: DoseUnit) -> Option<i32> {
    match unit {
        DoseUnit::Count => None,
        DoseUnit::Minutes => Some(5 * rng.random_range(3..=9)),
        DoseUnit::Hours => Some(50 * rng.random_range(1..=2)),
        DoseUnit::Days => Some(60 * rng.random_range(6..=8)),
    }
}

/// Activities strictly before `day`.
pub(super) fn dose_before(events: &[Event], day: i32) -> f64 {
    events.partition_point(|e| e.day < day) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_activity_type_has_a_frequency() {
        let codes: Vec<_> = FREQUENCIES.iter().map(|f| f.code).collect();
        let known: Vec<_> = ACTIVITIES.iter().map(|a| a.code).collect();
        assert_eq!(codes, known);
    }

    #[test]
    fn weekends_move_to_friday() {
        let saturday = day(2024, 6, 1);
        assert_eq!([saturday - 1, saturday, saturday + 1, saturday + 2].map(school_day), {
            let friday = saturday - 1;
            [friday, friday, friday, saturday + 2]
        });
    }
}
