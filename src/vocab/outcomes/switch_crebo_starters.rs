//! A change of programme number (crebo) among all who started in mbo. Conditional: see [`super::switch_jr1_starters`].

use super::{Among, Direction, OutcomeDef, OutcomeRule, Trait};

/// The definition of `switch_crebo_starters`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "switch_crebo_starters",
    version: "1",
    source: "variant op OCW, definitie van switch in het mbo",
    nl: "overstap naar een andere mbo-opleiding, onder starters",
    en: "switch to another mbo programme, among starters",
    direction: Direction::Neutral,
    rule: OutcomeRule::Switched { by: Trait::Programme, sector: "mbo", k: 1, among: Among::Starters },
    valid: None,
};
