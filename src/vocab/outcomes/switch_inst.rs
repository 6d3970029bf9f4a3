//! As [`super::switch_jr1`], for a change of institution.

use super::{Among, Direction, OutcomeDef, OutcomeRule, Trait};

/// The definition of `switch_inst`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "switch_inst",
    version: "1",
    source: "variant op OCW, definitie van switch in het mbo",
    nl: "overstap naar een andere mbo-instelling in het eerste jaar",
    en: "switch to another mbo institution in the first year",
    direction: Direction::Neutral,
    rule: OutcomeRule::Switched { by: Trait::Institution, sector: "mbo", k: 1, among: Among::Everyone },
    valid: None,
};
