//! A change of institution among all who started in mbo. Conditional: see [`super::switch_jr1_starters`].

use super::{Among, Direction, OutcomeDef, OutcomeRule, Trait};

/// The definition of `switch_inst_starters`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "switch_inst_starters",
    version: "1",
    source: "variant op OCW, definitie van switch in het mbo",
    nl: "overstap naar een andere mbo-instelling, onder starters",
    en: "switch to another mbo institution, among starters",
    direction: Direction::Neutral,
    rule: OutcomeRule::Switched { by: Trait::Institution, sector: "mbo", k: 1, among: Among::Starters },
    valid: None,
};
