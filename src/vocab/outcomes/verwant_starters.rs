//! As [`super::verwant`], among those who started in mbo. Conditional.

use super::{Among, Direction, OutcomeDef, OutcomeRule};

/// The definition of `verwant_starters`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "verwant_starters",
    version: "1",
    source: "OCW, verwante doorstroom; indeling door het onderzoek",
    nl: "verwante doorstroom, onder starters",
    en: "mbo in the same sector, among starters",
    direction: Direction::Neutral,
    rule: OutcomeRule::Related { among: Among::Starters },
    valid: None,
};
