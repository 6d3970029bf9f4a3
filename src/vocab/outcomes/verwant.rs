//! On 1 October in an mbo programme of the own vmbo sector. Of all pupils whose sector some domain belongs to;
//! intersectoral programmes are left out and counted. The study says which domains belong to which sectors
//! (`enrolments.related`), as there is no official table of domains.

use super::{Among, Direction, OutcomeDef, OutcomeRule};

/// The definition of `verwant`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "verwant",
    version: "1",
    source: "OCW, verwante doorstroom; indeling door het onderzoek",
    nl: "verwante doorstroom naar het mbo",
    en: "progression to mbo in the same sector",
    direction: Direction::Neutral,
    rule: OutcomeRule::Related { among: Among::Everyone },
    valid: None,
};
