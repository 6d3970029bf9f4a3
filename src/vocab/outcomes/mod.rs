//! Outcomes by their official definitions (`domain.md` §3.1). One outcome is one file and one line in
//! [`OUTCOMES`]. A definition holds a *rule*, a value that both executors of the panel read.

pub mod doorstroom_mbo;
pub mod event;
pub mod gestart_en_gebleven;
pub mod score;
pub mod uitval_jr1;
pub mod value;

use super::Lang;

/// Whether more of it is good news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More is better (progression).
    HigherIsBetter,
    /// More is worse (dropout).
    LowerIsBetter,
    /// Neither by itself.
    Neutral,
}

/// How an outcome is read off the tables. `k` counts years from 1 October of the landmark's calendar year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeRule {
    /// 1 when an enrolment in `sector` is active on 1 October of year `k`.
    ActiveOn {
        /// The sector that counts.
        sector: &'static str,
        /// Years after the landmark's year.
        k: u8,
    },
    /// 1 when no enrolment of any sector is active on 1 October of year `k`.
    NotEnrolledOn {
        /// Years after the landmark's year.
        k: u8,
    },
    /// 1 when the same programme in `sector` is active on 1 October of both year 0 and year `k`.
    SameProgramme {
        /// The sector that counts.
        sector: &'static str,
        /// Years after the landmark's year.
        k: u8,
    },
    /// A dated event per pupil: the hazard set, one row per pupil × period at risk.
    Event,
    /// A column of the pupil table: 0/1 for landmark models, any number for linear ones.
    Column,
    /// A table of repeated, dated scores: the growth set.
    Score,
}

/// One outcome definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeDef {
    /// Name in the study file (`definition = "…"`).
    pub id: &'static str,
    /// Version of the definition; printed beside every number.
    pub version: &'static str,
    /// Source of the definition.
    pub source: &'static str,
    /// Dutch label: what share of the pupils …
    pub nl: &'static str,
    /// English label.
    pub en: &'static str,
    /// Whether more of it is good news.
    pub direction: Direction,
    /// How it is read off the tables.
    pub rule: OutcomeRule,
}

impl OutcomeDef {
    /// The label in a language.
    pub fn label(&self, lang: Lang) -> &'static str {
        lang.pick(self.nl, self.en)
    }
}

/// All outcome definitions.
pub const OUTCOMES: &[OutcomeDef] =
    &[doorstroom_mbo::DEF, uitval_jr1::DEF, gestart_en_gebleven::DEF, event::DEF, value::DEF, score::DEF];

/// The definition with this id.
pub fn outcome(id: &str) -> Option<&'static OutcomeDef> {
    OUTCOMES.iter().find(|o| o.id == id)
}
