//! In no funded education on 1 October one year after the first count date (`domain.md` §3.1). Of all pupils at the landmark,
//! not only of those who started: a conditional rate would hide who never arrived.

use super::{Among, Direction, OutcomeDef, OutcomeRule};

/// The definition of `uitval_jr1`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "uitval_jr1",
    version: "1",
    source: "OCW, leerlingstromen; CBS, door- en uitstroom",
    nl: "uitval in het eerste jaar na het vmbo",
    en: "dropout in the first year after vmbo",
    direction: Direction::LowerIsBetter,
    rule: OutcomeRule::NotEnrolledOn { k: 1, among: Among::Everyone },
    valid: None,
};
