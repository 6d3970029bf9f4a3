//! As [`super::switch_jr1`], for a change of programme number (crebo).

use super::{Among, Direction, OutcomeDef, OutcomeRule, Trait};

/// The definition of `switch_crebo`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "switch_crebo",
    version: "1",
    source: "variant op OCW, definitie van switch in het mbo",
    nl: "overstap naar een andere mbo-opleiding in het eerste jaar",
    en: "switch to another mbo programme in the first year",
    direction: Direction::Neutral,
    rule: OutcomeRule::Switched { by: Trait::Programme, sector: "mbo", k: 1, among: Among::Everyone },
    valid: None,
};
