//! On 1 October in mbo at least at the level that follows on the leerweg (BB 2, KB 3, GL and TL 4), or in havo, vwo or
//! higher education. Of all pupils at the landmark: who is in no education is not at the level. Of several enrolments
//! the one counts that goes first at CBS.

use super::{Among, Direction, OutcomeDef, OutcomeRule};

/// The definition of `op_niveau`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "op_niveau",
    version: "1",
    source: "DUO, passend diploma; CBS, voorrang bij dubbele inschrijving",
    nl: "plaatsing op minstens het verwachte niveau",
    en: "placement at least at the expected level",
    direction: Direction::HigherIsBetter,
    rule: OutcomeRule::AtLevel { among: Among::Everyone },
    valid: None,
};
