//! Started in mbo and a year later in mbo in another of the 16 domains, counted over all pupils at the landmark: who
//! never started or left did not switch. Read it beside the pupils who stayed, as fewer starters give fewer switchers
//! (`statistics.md` §5.2, rule 3).

use super::{Among, Direction, OutcomeDef, OutcomeRule, Trait};

/// The definition of `switch_jr1`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "switch_jr1",
    version: "1",
    source: "OCW, definitie van switch in het mbo; hier over alle leerlingen",
    nl: "overstap naar een ander mbo-domein in het eerste jaar",
    en: "switch to another mbo domain in the first year",
    direction: Direction::Neutral,
    rule: OutcomeRule::Switched { by: Trait::Domain, sector: "mbo", k: 1, among: Among::Everyone },
    valid: None,
};
