//! As [`super::op_niveau`], among those who started in mbo. Conditional.

use super::{Among, Direction, OutcomeDef, OutcomeRule};

/// The definition of `op_niveau_starters`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "op_niveau_starters",
    version: "1",
    source: "DUO, passend diploma",
    nl: "plaatsing op minstens het verwachte niveau, onder starters",
    en: "placement at least at the expected level, among starters",
    direction: Direction::HigherIsBetter,
    rule: OutcomeRule::AtLevel { among: Among::Starters },
    valid: None,
};
