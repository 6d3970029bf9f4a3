//! In mbo on 1 October and a year later still in mbo in the same domain: the composite that `switch_jr1` needs, over
//! all pupils.

use super::{Direction, OutcomeDef, OutcomeRule, Trait};

/// The definition of `gebleven_domein`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "gebleven_domein",
    version: "1",
    source: "samengesteld uit doorstroom en studieswitch (domein)",
    nl: "start in het mbo en behoud van het domein na een jaar",
    en: "start in mbo and retention in the domain after a year",
    direction: Direction::HigherIsBetter,
    rule: OutcomeRule::Stayed { by: Trait::Domain, sector: "mbo", k: 1 },
    valid: None,
};
