//! Outcomes, and the enrolments that most of them are read off, as a study declares them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Names;
use crate::vocab::{ExitKind, OutcomeStatus};

/// Where enrolments after vmbo are found.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrolments {
    /// The source with one row per enrolment.
    pub source: String,
    /// Columns that together name the pupil, in the order of `pupils.key`.
    pub key: Names,
    /// Column with the first day.
    pub from: String,
    /// Column with the last day; empty means still enrolled.
    pub to: String,
    /// Column with the sector (`mbo`, `havo`, …).
    pub sector: String,
    /// Column with the programme (crebo).
    #[serde(default)]
    pub programme: Option<String>,
    /// Column with the domain, one of 16 in mbo.
    #[serde(default)]
    pub domain: Option<String>,
    /// Column with the institution.
    #[serde(default)]
    pub institution: Option<String>,
    /// Column with the level of an mbo enrolment, 1 to 4.
    #[serde(default)]
    pub level: Option<String>,
    /// Column with the track of an mbo enrolment, in DUO's codes: `BOL`, `BBL`, `EX` (extraneus).
    #[serde(default)]
    pub track: Option<String>,
    /// Column with the day of the diploma; empty means none.
    #[serde(default)]
    pub diploma: Option<String>,
    /// The vmbo sectors that each domain belongs to, for `verwant`: `related = { "Bouw en infra" = "techniek" }`.
    #[serde(default)]
    pub related: BTreeMap<String, Names>,
    /// Day up to which the table is complete (`2024-12-31`). An outcome that is counted after it is not known yet.
    pub known_until: String,
    /// Day up to which the table is final; an outcome that is counted after it is provisional. Default: all of it is final.
    #[serde(default)]
    pub definitive_until: Option<String>,
}

/// What an event after the pupil's `end` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterEnd {
    /// No event: the pupil was not observed any more.
    #[default]
    Censor,
    /// An event on the last day of observation.
    AtEnd,
}

/// The texts of a column by the way out that they mean. Another text is a way out of its own, which is never the event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Causes {
    /// Texts that mean: with the diploma.
    #[serde(default)]
    pub diploma: Names,
    /// Texts that mean: to another school or type of education.
    #[serde(default)]
    pub overstap: Names,
    /// Texts that mean: out of education without a diploma.
    #[serde(default)]
    pub uitval: Names,
}

impl Causes {
    /// The texts of a way out.
    pub fn texts(&self, exit: ExitKind) -> &[String] {
        match exit {
            ExitKind::Diploma => &self.diploma.0,
            ExitKind::Overstap => &self.overstap.0,
            ExitKind::Uitval => &self.uitval.0,
        }
    }

    /// The way out that a text means.
    pub fn exit(&self, text: &str) -> Option<ExitKind> {
        ExitKind::ALL.into_iter().find(|exit| self.texts(*exit).iter().any(|t| t == text))
    }
}

/// An outcome.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Short id; becomes a column of the panel.
    pub id: String,
    /// The definition (`lob schema --list` lists them), default the id.
    #[serde(default)]
    pub definition: Option<String>,
    /// Label in Dutch, default the definition's.
    #[serde(default)]
    pub label: Option<String>,
    /// Label in English.
    #[serde(default)]
    pub label_en: Option<String>,
    /// Definitions `event` and `score`: the source, when it is not the pupils' own.
    #[serde(default)]
    pub source: Option<String>,
    /// Columns of `source` that name the pupil.
    #[serde(default)]
    pub key: Names,
    /// Definitions `event` and `score`: column with the day.
    #[serde(default)]
    pub date: Option<String>,
    /// Definition `event`: what an event after the pupil's `end` is: `censor` (no event, default) or
    /// `at_end` (an event in the last period).
    #[serde(default)]
    pub after_end: AfterEnd,
    /// Definition `event`: column beside `date` with the way out; the pupil leaves by the first event, whatever it is.
    #[serde(default)]
    pub cause: Option<String>,
    /// The ways out by the texts in `cause`: `causes = { uitval = ["03", "05"], diploma = "06" }`.
    #[serde(default)]
    pub causes: Option<Causes>,
    /// With `causes`: the way out that is the event; pupils who leave by another one are censored then.
    #[serde(default)]
    pub event: ExitKind,
    /// Definitions `value` and `score`: column with the value.
    #[serde(default)]
    pub column: Option<String>,
    /// Definition `value`: fixed before the first activity that counts, such as absence in leerjaar 2. `lob run
    /// --robustness` then checks that the dose has nothing to do with it. Such an outcome is no result.
    #[serde(default)]
    pub negative_control: bool,
    /// How final the outcome is, for all cohorts: `definitief` or `voorlopig`. Default: by `enrolments.definitive_until`, and
    /// final where there is none.
    #[serde(default)]
    pub status: Option<OutcomeStatus>,
    /// Definitions of a diploma: by 1 October of how many years after the landmark's year.
    #[serde(default)]
    pub years: Option<u8>,
}
