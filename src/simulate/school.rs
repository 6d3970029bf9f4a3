//! Schools: names, sizes, mix of leerwegen, and how much LOB they register.

use rand::Rng;

use super::calendar::day;
use super::spec::RegionSpec;
use super::stream::{Purpose, chance, normal, pick, stream};
use crate::vocab::ACTIVITIES;

/// Schools of one region share the mbo institutions their pupils go to.
pub(super) const SCHOOLS_PER_REGION: u32 = 12;
/// BRINs of vmbo schools run from 90AA to 94ZZ; beyond that the vestiging number rises.
const SCHOOL_BRINS: u32 = 5 * 26 * 26;

/// Spread (SD of the log) of the activity level between schools, between cohorts of a school, and of a
/// school's preference for one type of activity.
const LEVEL_SD: f64 = 0.18;
const COHORT_SD: f64 = 0.10;
const TYPE_SD: f64 = 0.30;

/// Which leerwegen a location has, how many locations have that mix in DUO's exam file of 2023/24
/// (`domain.md` §2.3), and the shares BB, KB, GL, TL inside it.
const MIXES: [(f64, [f64; 4]); 5] = [
    (348.0, [0.0, 0.0, 0.0, 1.0]),
    (180.0, [0.17, 0.30, 0.10, 0.43]),
    (92.0, [0.24, 0.36, 0.0, 0.40]),
    (60.0, [0.0, 0.0, 0.30, 0.70]),
    (56.0, [0.38, 0.62, 0.0, 0.0]),
];

/// One school location.
#[derive(Clone, Debug)]
pub(super) struct School {
    pub index: u32,
    /// BRIN + vestiging, fictitious.
    pub key: String,
    pub name: String,
    pub region: u32,
    pub registers_since: i32,
    /// Pupils per cohort.
    pub sizes: Vec<u32>,
    /// Shares BB, KB, GL, TL.
    pub mix: [f64; 4],
    /// Mean SES-WOA of its pupils.
    pub ses: f64,
    /// Log activity level per cohort.
    pub level: Vec<f64>,
    /// Log preference per activity type, in the order of `ACTIVITIES`.
    pub preference: Vec<f64>,
    /// Systems that its registrations come from, the most used first.
    pub sources: [&'static str; 2],
}

impl School {
    /// Draws school `index`, with `pupils` pupils over all cohorts.
    pub fn draw(spec: &RegionSpec, index: u32, pupils: u32) -> Self {
        let rng = &mut stream(spec.seed, index, Purpose::School);
        let cohorts = spec.cohorts.max(1);
        let level = LEVEL_SD * normal(rng);
        let mut mix = MIXES[pick(rng, &MIXES.map(|m| m.0))].1;
        for share in &mut mix {
            *share *= (0.25 * normal(rng)).exp();
        }
        Self {
            index,
            key: format!("{}{:02}", brin(90, index % SCHOOL_BRINS), index / SCHOOL_BRINS),
            name: format!("Vmbo-locatie {:02}", index + 1),
            region: index / SCHOOLS_PER_REGION + 1,
            registers_since: day(spec.first_exam_year - rng.random_range(5..=6), 8, 1),
            sizes: (0..cohorts).map(|c| (pupils + cohorts - 1 - c) / cohorts).collect(),
            mix,
            ses: (0.35 * normal(rng) - 0.1).clamp(-1.0, 0.8),
            level: (0..cohorts).map(|_| level + COHORT_SD * normal(rng)).collect(),
            preference: ACTIVITIES.iter().map(|_| centred_log(rng, TYPE_SD)).collect(),
            sources: if chance(rng, 0.5) { ["lobtool_a", "las"] } else { ["lobtool_b", "las"] },
        }
    }
}

/// A log factor whose exponent has mean 1.
fn centred_log(rng: &mut impl Rng, sd: f64) -> f64 {
    sd * normal(rng) - 0.5 * sd * sd
}

/// Pupils per school, over all cohorts: log-normal sizes (P10/P50/P90 of DUO's locations are 38/91/180)
/// scaled to `spec.pupils` together.
pub(super) fn sizes(spec: &RegionSpec) -> Vec<u32> {
    let rng = &mut stream(spec.seed, u32::MAX, Purpose::Sizes);
    let weights: Vec<f64> = (0..spec.schools.max(1)).map(|_| (0.5 * normal(rng)).exp()).collect();
    let scale = f64::from(spec.pupils) / weights.iter().sum::<f64>();
    weights.iter().map(|w| ((w * scale).round() as u32).max(spec.cohorts.max(1))).collect()
}

/// A fictitious BRIN: two digits from `first` upwards and two letters.
pub(super) fn brin(first: u32, index: u32) -> String {
    let letter = |i: u32| char::from(b'A' + (i % 26) as u8);
    format!("{:02}{}{}", first + index / 676, letter(index / 26), letter(index))
}
