//! In mbo on 1 October and in the same programme a year later: the composite that `switch_jr1` needs,
//! because a switch exists only for those who started (`statistics.md` §5.2, rule 3).

use super::{Direction, OutcomeDef, OutcomeRule, Trait};

/// The definition of `gestart_en_gebleven`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "gestart_en_gebleven",
    version: "1",
    source: "samengesteld uit doorstroom en studieswitch (crebo)",
    nl: "behoud van de gekozen mbo-opleiding na een jaar",
    en: "retention in the chosen mbo programme after a year",
    direction: Direction::HigherIsBetter,
    rule: OutcomeRule::Stayed { by: Trait::Programme, sector: "mbo", k: 1 },
    valid: None,
};
