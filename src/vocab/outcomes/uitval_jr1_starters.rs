//! Enrolled in mbo on the first 1 October and nowhere a year later, among those who started. Conditional:
//! [`super::uitval_jr1`], over all pupils, goes first.

use super::{Among, Direction, OutcomeDef, OutcomeRule};

/// The definition of `uitval_jr1_starters`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "uitval_jr1_starters",
    version: "1",
    source: "OCW, leerlingstromen; CBS, door- en uitstroom",
    nl: "uitval in het eerste jaar na het vmbo, onder starters",
    en: "dropout in the first year after vmbo, among starters",
    direction: Direction::LowerIsBetter,
    rule: OutcomeRule::NotEnrolledOn { k: 1, among: Among::Starters },
    valid: None,
};
