//! What is estimated, of whom, and how it may be read (`statistics.md` §5.4, §5.8).

use serde::Serialize;

/// Which part of the dose a contrast moves (three-way Mundlak decomposition).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DosePart {
    /// The dose as it is, not split.
    Total,
    /// Pupil against the mean of the own school and cohort.
    Within,
    /// Cohort mean against the mean of the own school.
    Cohort,
    /// School mean against the national mean.
    School,
}

impl DosePart {
    /// Suffix of the model term: `dose`, `dose_within`, `dose_cohort`, `dose_school`.
    pub fn suffix(self) -> &'static str {
        match self {
            DosePart::Total => "",
            DosePart::Within => "_within",
            DosePart::Cohort => "_cohort",
            DosePart::School => "_school",
        }
    }
}

/// The comparison: the same pupil with `step` more of `part` of the dose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// The part of the dose that moves.
    pub part: DosePart,
    /// How far it moves, in units of the exposure.
    pub step: f64,
}

/// Over whom an effect is averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// All pupils of the study; random effects integrated out.
    Nation,
    /// The pupils of one school, at that school's own random effects.
    School,
}

/// What the design allows a sentence to say; picks the report's verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// A description of what was seen.
    Descriptive,
    /// Two things go together; other causes are possible.
    Association,
    /// Causal if each named assumption holds.
    CausalUnder(&'static [&'static str]),
}

/// One estimand: an outcome, an exposure, a contrast, a population and its reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimand {
    /// Outcome id of the study.
    pub outcome: String,
    /// Exposure id of the study.
    pub exposure: String,
    /// What is compared.
    pub contrast: Contrast,
    /// Averaged over whom.
    pub population: Population,
    /// What may be said.
    pub reading: Reading,
}
