//! New early school leaver of OCW in the first year after vmbo, among those who were enrolled in any education on the
//! first 1 October. Conditional: see [`super::vsv_ocw`] for the rule, its limits and the version over all pupils.

use super::{Among, Direction, OutcomeDef, OutcomeRule};

/// The definition of `vsv_ocw_ingeschreven`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "vsv_ocw_ingeschreven",
    version: "2012",
    source: "OCW, nieuwe voortijdig schoolverlater, 1 oktober 2012 tot 2026",
    nl: "nieuw voortijdig schoolverlaten, onder wie op 1 oktober was ingeschreven",
    en: "new early school leaving, among those enrolled on 1 October",
    direction: Direction::LowerIsBetter,
    rule: OutcomeRule::NewDropout { k: 1, below: 23, among: Among::Enrolled },
    valid: Some(("2012-10-01", "2025-12-31")),
};
