//! A diploma of mbo, of any level, by 1 October of the third year after the landmark's, or of the year that the study
//! names (`years`).

use super::{DiplomaKind, Direction, OutcomeDef, OutcomeRule};

/// The definition of `diploma_mbo`.
pub const DEF: OutcomeDef = OutcomeDef {
    id: "diploma_mbo",
    version: "1",
    source: "DUO, gediplomeerden mbo",
    nl: "behalen van een mbo-diploma",
    en: "earning an mbo diploma",
    direction: Direction::HigherIsBetter,
    rule: OutcomeRule::Diploma { of: DiplomaKind::Mbo, k: 3 },
    valid: None,
};
