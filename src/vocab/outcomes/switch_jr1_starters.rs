//! OCW's group: pupils who started in mbo in bol, at mbo-2 or higher, and the change among the 16 domains a year later,
//! at any level. Conditional: who starts may itself depend on guidance, so it stands second, behind
//! [`super::gebleven_domein`]. A starter who has left did not switch.

use super::{Among, Direction, OutcomeDef, OutcomeRule, Trait};

/// The definition of `switch_jr1_starters`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "switch_jr1_starters",
    version: "1",
    source: "OCW, definitie van switch in het mbo",
    nl: "overstap naar een ander mbo-domein, onder starters",
    en: "switch to another mbo domain, among starters",
    direction: Direction::Neutral,
    rule: OutcomeRule::Switched { by: Trait::Domain, sector: "mbo", k: 1, among: Among::StartersBol2 },
    valid: None,
};
