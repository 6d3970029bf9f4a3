//! Left vmbo in year t and enrolled in mbo on 1 October of t (`domain.md` §3.1, CBS).

use super::{Direction, OutcomeDef, OutcomeRule};

/// The definition of `doorstroom_mbo`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "doorstroom_mbo",
    version: "1",
    source: "CBS, door- en uitstroom vanuit het vo",
    nl: "doorstroom naar het mbo",
    en: "progression to mbo",
    direction: Direction::HigherIsBetter,
    rule: OutcomeRule::ActiveOn { sector: "mbo", k: 0 },
    valid: None,
};
