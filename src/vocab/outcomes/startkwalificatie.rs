//! A startkwalificatie (diploma of havo, vwo or mbo-2 and higher) by 1 October of the third year after the landmark's,
//! or of the year that the study names (`years`). Of all pupils at the landmark. A programme at mbo-4 takes about four
//! years: choose `years` by what the data can show.

use super::{DiplomaKind, Direction, OutcomeDef, OutcomeRule};

/// The definition of `startkwalificatie`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "startkwalificatie",
    version: "1",
    source: "CBS, startkwalificatie",
    nl: "behalen van een startkwalificatie na het vmbo",
    en: "earning a basic qualification after vmbo",
    direction: Direction::HigherIsBetter,
    rule: OutcomeRule::Diploma { of: DiplomaKind::Startkwalificatie, k: 3 },
    valid: None,
};
