//! New early school leaver (nieuwe vsv'er) of OCW in the year of leaving vmbo or in the year after it: younger than 23,
//! enrolled on a 1 October and not on the next one, without a startkwalificatie by then. Over all pupils at the
//! landmark, who count as enrolled on the 1 October before it. Official figures belong to the institution of the 1
//! October on which the pupil was enrolled; this one belongs to the vmbo school. Valid between the break of 2012 and
//! the law *Van school naar duurzaam werk* (planned start 1 January 2026), whose definition is another outcome: pupils
//! with a count date outside it are left out and counted.

use super::{Among, Direction, OutcomeDef, OutcomeRule};

/// The definition of `vsv_ocw`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "vsv_ocw",
    version: "2012",
    source: "OCW, nieuwe voortijdig schoolverlater, 1 oktober 2012 tot 2026",
    nl: "nieuw voortijdig schoolverlaten tot een jaar na het vmbo",
    en: "new early school leaving up to a year after vmbo",
    direction: Direction::LowerIsBetter,
    rule: OutcomeRule::NewDropout { k: 1, below: 23, among: Among::Everyone },
    valid: Some(("2012-10-01", "2025-12-31")),
};
