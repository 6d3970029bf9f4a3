//! Doses as a study declares them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Names;
use crate::vocab::PeriodLength;

/// What an exposure adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Registrations.
    #[default]
    Count,
    /// The column `amount`.
    Amount,
    /// Days with at least one registration: practice experience.
    Days,
    /// Completed triples: an experience, then a conversation, then a reflection, within `triple.within_days`.
    Triples,
    /// Registrations per enrolled school year: `count` with `per_year = true`.
    Intensity,
}

/// What makes a triple. Without lists of types those of `lob schema --list` count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Triple {
    /// Types that are an experience.
    #[serde(default)]
    pub experience: Option<Names>,
    /// Types that are a conversation.
    #[serde(default)]
    pub conversation: Option<Names>,
    /// Types that are a reflection.
    #[serde(default)]
    pub reflection: Option<Names>,
    /// Days from the experience to the reflection, at most; default 60.
    #[serde(default = "sixty")]
    pub within_days: u16,
}

fn sixty() -> u16 {
    60
}

impl Default for Triple {
    fn default() -> Self {
        Self { experience: None, conversation: None, reflection: None, within_days: sixty() }
    }
}

/// On what scale a dose enters a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transform {
    /// As it is.
    #[default]
    None,
    /// log(1 + dose): the first activities count for more than later ones.
    Log1p,
}

/// By when a dose that is a column of the pupils is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KnownBy {
    /// Before the pupil's clock starts.
    #[default]
    Origin,
    /// Only at the landmark: a pupil who left before can't have it.
    Landmark,
}

/// A dose.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    /// Short id; becomes the column `dose_<id>` of the panel.
    pub id: String,
    /// Label in Dutch, plural: "LOB-activiteiten".
    #[serde(default)]
    pub label: Option<String>,
    /// Label in English, plural.
    #[serde(default)]
    pub label_en: Option<String>,
    /// Activity types that count; without it all do.
    #[serde(default)]
    pub types: Option<Names>,
    /// Instead of `types`: the loopbaancompetenties whose types count (`WE`; `lob schema --list` says which).
    #[serde(default)]
    pub competence: Option<Names>,
    /// `count` registrations (default), add up their `amount`, count `days`, completed `triples`, or `intensity`.
    #[serde(default)]
    pub measure: Measure,
    /// Measure `triples`: what makes one.
    #[serde(default)]
    pub triple: Option<Triple>,
    /// Only what lies so long before a period or the landmark counts: `{ months = 12 }` or `{ days = 90 }`; default everything
    /// before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<PeriodLength>,
    /// Divided by the number of school years (August to July) in which the pupil was enrolled so far.
    #[serde(default)]
    pub per_year: bool,
    /// Doses above this quantile of the pupils count as the quantile: 0.99.
    #[serde(default)]
    pub cap: Option<f64>,
    /// `none` (default) or `log1p`.
    #[serde(default)]
    pub transform: Transform,
    /// The unit is one standard deviation of the pupils at the landmark, after all of the above.
    #[serde(default)]
    pub unit_sd: bool,
    /// Instead of activities: a numeric column of the pupils that is known beforehand.
    #[serde(default)]
    pub column: Option<String>,
    /// By when `column` is known: before the `origin` (default), or only at the `landmark`.
    #[serde(default)]
    pub known_by: KnownBy,
    /// The step whose association is reported, default 1: "per 5 extra activiteiten".
    #[serde(default = "one")]
    pub step: f64,
}

impl Exposure {
    /// Whether the dose is divided by school years.
    pub fn is_per_year(&self) -> bool {
        self.per_year || self.measure == Measure::Intensity
    }
}

fn one() -> f64 {
    1.0
}
