//! Repeated, dated scores such as a loopbaancompetentie scale: the outcome of a growth model.

use super::{Direction, OutcomeDef, OutcomeRule};

/// The definition of `score`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "score",
    version: "1",
    source: "door het onderzoek bepaald",
    nl: "score",
    en: "score",
    direction: Direction::HigherIsBetter,
    rule: OutcomeRule::Score,
    valid: None,
};
