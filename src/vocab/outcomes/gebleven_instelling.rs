//! In mbo on 1 October and a year later still in mbo at the same institution, over all pupils.

use super::{Direction, OutcomeDef, OutcomeRule, Trait};

/// The definition of `gebleven_instelling`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "gebleven_instelling",
    version: "1",
    source: "samengesteld uit doorstroom en studieswitch (instelling)",
    nl: "start in het mbo en behoud van de instelling na een jaar",
    en: "start in mbo and retention at the institution after a year",
    direction: Direction::HigherIsBetter,
    rule: OutcomeRule::Stayed { by: Trait::Institution, sector: "mbo", k: 1 },
    valid: None,
};
