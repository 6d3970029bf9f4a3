//! A value that stands in the pupil table already, made by whoever prepared the study.

use super::{Direction, OutcomeDef, OutcomeRule};

/// The definition of `value`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "value",
    version: "1",
    source: "door het onderzoek bepaald",
    nl: "uitkomst",
    en: "outcome",
    direction: Direction::Neutral,
    rule: OutcomeRule::Column,
    valid: None,
};
