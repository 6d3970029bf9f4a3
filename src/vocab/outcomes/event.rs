//! A dated event door het onderzoek bepaald (dropout, unregistration): the outcome of a discrete-time hazard.

use super::{Direction, OutcomeDef, OutcomeRule};

/// The definition of `event`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "event",
    version: "1",
    source: "door het onderzoek bepaald",
    nl: "uitval",
    en: "dropout",
    direction: Direction::LowerIsBetter,
    rule: OutcomeRule::Event,
    valid: None,
};
