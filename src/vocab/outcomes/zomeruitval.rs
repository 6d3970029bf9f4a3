//! Not enrolled anywhere on the first 1 October after the landmark (`domain.md` §3.1). There is no official definition;
//! this one counts all pupils who were present at the landmark, with or without a diploma of the vmbo.

use super::{Among, Direction, OutcomeDef, OutcomeRule};

/// The definition of `zomeruitval`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "zomeruitval",
    version: "1",
    source: "geen officiële definitie; regionale monitors van overstap",
    nl: "zomeruitval",
    en: "dropout over the summer",
    direction: Direction::LowerIsBetter,
    rule: OutcomeRule::NotEnrolledOn { k: 0, among: Among::Everyone },
    valid: None,
};
