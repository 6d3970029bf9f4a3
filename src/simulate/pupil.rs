//! Pupils: background, as known on 1 October of leerjaar 3, and their own propensity to take part.

use rand::Rng;
use rand_distr::{Distribution, Gamma, Poisson};

use super::school::School;
use super::spec::RegionSpec;
use super::stream::{Purpose, chance, normal, pick, stream};

/// SD of the log of a pupil's own activity level.
const PROPENSITY_SD: f64 = 0.20;

/// Leerweg on 1 October of leerjaar 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leerweg {
    Bb,
    Kb,
    Gl,
    Tl,
}

impl Leerweg {
    const ALL: [Leerweg; 4] = [Leerweg::Bb, Leerweg::Kb, Leerweg::Gl, Leerweg::Tl];

    pub fn code(self) -> &'static str {
        match self {
            Leerweg::Bb => "BB",
            Leerweg::Kb => "KB",
            Leerweg::Gl => "GL",
            Leerweg::Tl => "TL",
        }
    }

    /// Share with an indication for leerwegondersteuning.
    fn lwoo_share(self) -> f64 {
        match self {
            Leerweg::Bb => 0.55,
            Leerweg::Kb => 0.20,
            Leerweg::Gl | Leerweg::Tl => 0.03,
        }
    }

    /// Primary-school advice that usually leads here, then the next higher and lower one.
    fn advice(self) -> [&'static str; 3] {
        match self {
            Leerweg::Bb => ["VMBO BL", "VMBO BL-KL", "PRO-VMBO BL"],
            Leerweg::Kb => ["VMBO KL", "VMBO KL-GT", "VMBO BL-KL"],
            Leerweg::Gl => ["VMBO GT", "VMBO GT-HAVO", "VMBO KL-GT"],
            Leerweg::Tl => ["VMBO GT", "VMBO GT-HAVO", "VMBO KL-GT"],
        }
    }
}

/// Whether later enrolments of the pupil were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Linked,
    NotFound,
    Abroad,
}

impl Link {
    pub fn code(self) -> &'static str {
        match self {
            Link::Linked => "gekoppeld",
            Link::NotFound => "niet_gevonden",
            Link::Abroad => "buitenland",
        }
    }
}

/// One pupil.
#[derive(Clone, Debug)]
pub(super) struct Pupil {
    pub id: u64,
    /// Position of the cohort, 0 for the first exam year.
    pub cohort: usize,
    pub leerweg: Leerweg,
    pub girl: bool,
    /// Age in years on 1 October of leerjaar 3.
    pub age: f64,
    /// True SES-WOA.
    pub ses: f64,
    /// False when the table shows no SES-WOA.
    pub ses_known: bool,
    pub lwoo: bool,
    pub advice: &'static str,
    /// Hours of absence in leerjaar 2. Depends on background only, so it is a negative control outcome.
    pub absence: i32,
    pub link: Link,
    /// Log of the own activity level, background included.
    pub propensity: f64,
    /// Standardised motivation; 0 unless the scenario hides one.
    pub motivation: f64,
    /// What is hidden, as log odds of a bad end.
    pub hidden_risk: f64,
}

/// The pseudonym as text. Drawn, so it says nothing of school or row; among four million pupils the chance
/// that any two are equal is below one in a million.
pub(super) fn pseudonym(id: u64) -> String {
    format!("{id:016x}")
}

/// The pupils of a school, cohort by cohort.
pub(super) fn draw_all(spec: &RegionSpec, school: &School) -> Vec<Pupil> {
    let rng = &mut stream(spec.seed, school.index, Purpose::Pupils);
    let cohorts = school.sizes.iter().enumerate();
    cohorts.flat_map(|(c, &n)| std::iter::repeat_n(c, n as usize)).map(|c| draw(rng, spec, school, c)).collect()
}

fn draw(rng: &mut impl Rng, spec: &RegionSpec, school: &School, cohort: usize) -> Pupil {
    let id = rng.random();
    let leerweg = Leerweg::ALL[pick(rng, &school.mix)];
    let girl = chance(rng, 0.49);
    let delayed = chance(rng, 0.18);
    let age = 14.08 + rng.random::<f64>() + if delayed { 1.0 } else { 0.0 };
    let ses = (school.ses + 0.35 * normal(rng)).clamp(-1.5, 1.0);
    Pupil {
        id,
        cohort,
        leerweg,
        girl,
        age: (age * 100.0).round() / 100.0,
        ses: (ses * 1000.0).round() / 1000.0,
        ses_known: !chance(rng, spec.missing_ses),
        lwoo: chance(rng, leerweg.lwoo_share()),
        advice: leerweg.advice()[pick(rng, &[0.7, 0.15, 0.15])],
        absence: absence(rng, leerweg, ses),
        link: link(rng, spec.missing_links),
        propensity: propensity(leerweg, girl, ses) + PROPENSITY_SD * normal(rng),
        motivation: 0.0,
        hidden_risk: 0.0,
    }
}

/// Hours of absence: a Poisson count with gamma mean (many with none, some with very much).
fn absence(rng: &mut impl Rng, leerweg: Leerweg, ses: f64) -> i32 {
    let mean = match leerweg {
        Leerweg::Bb => 12.0,
        Leerweg::Kb => 9.0,
        Leerweg::Gl | Leerweg::Tl => 6.0,
    } * (-0.4 * ses).exp();
    let rate = Gamma::new(0.5, mean / 0.5).expect("shape and scale are positive").sample(rng);
    Poisson::new(rate.max(1e-9)).map_or(0, |p| p.sample(rng) as i32)
}

fn link(rng: &mut impl Rng, missing: f64) -> Link {
    match (chance(rng, missing), chance(rng, 0.3)) {
        (false, _) => Link::Linked,
        (true, false) => Link::NotFound,
        (true, true) => Link::Abroad,
    }
}

/// Background moves the activity level a little: what the adjustment set has to take out.
fn propensity(leerweg: Leerweg, girl: bool, ses: f64) -> f64 {
    let by_leerweg = match leerweg {
        Leerweg::Bb => 0.05,
        Leerweg::Kb => 0.03,
        Leerweg::Gl => 0.0,
        Leerweg::Tl => -0.08,
    };
    by_leerweg + if girl { 0.05 } else { 0.0 } + 0.04 * ses
}
