//! Outcomes by their official definitions (`domain.md` §3.1). One outcome is one file and one line in
//! [`OUTCOMES`]. A definition holds a *rule*, a value that both executors of the panel read.

pub mod diploma_mbo;
pub mod doorstroom_mbo;
pub mod event;
pub mod gebleven_domein;
pub mod gebleven_instelling;
pub mod gestart_en_gebleven;
pub mod op_niveau;
pub mod op_niveau_starters;
pub mod score;
pub mod startkwalificatie;
pub mod switch_crebo;
pub mod switch_crebo_starters;
pub mod switch_inst;
pub mod switch_inst_starters;
pub mod switch_jr1;
pub mod switch_jr1_starters;
pub mod uitval_jr1;
pub mod uitval_jr1_starters;
pub mod value;
pub mod verwant;
pub mod verwant_starters;
pub mod vsv_ocw;
pub mod vsv_ocw_ingeschreven;
pub mod zomeruitval;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// By what two enrolments are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trait {
    /// The programme number (crebo).
    Programme,
    /// The domain, one of 16 in mbo.
    Domain,
    /// The institution.
    Institution,
}

/// How final an outcome is: registers are revised for about a year after the count date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeStatus {
    /// Will not be revised.
    Definitief,
    /// May still be revised.
    Voorlopig,
}

impl OutcomeStatus {
    /// Code in study files and tables.
    pub fn code(self) -> &'static str {
        match self {
            OutcomeStatus::Definitief => "definitief",
            OutcomeStatus::Voorlopig => "voorlopig",
        }
    }

    /// Label in a language.
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            OutcomeStatus::Definitief => lang.pick("definitief", "final"),
            OutcomeStatus::Voorlopig => lang.pick("voorlopig", "provisional"),
        }
    }
}

/// Over whom an outcome is counted. All but `Everyone` are conditional on what came after the landmark, and may therefore
/// depend on the dose itself: such an outcome stands second and says so in its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// All pupils at the landmark.
    Everyone,
    /// Pupils in mbo on the first count date.
    Starters,
    /// Pupils in mbo, in bol, at mbo-2 or higher, on the first count date.
    StartersBol2,
    /// Pupils enrolled in any education on the first count date.
    Enrolled,
}

/// What diploma counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiplomaKind {
    /// Havo, vwo, mbo-2 or higher, or higher education (CBS).
    Startkwalificatie,
    /// Mbo of any level.
    Mbo,
}

/// What an outcome needs of the tables besides pupils and enrolments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Programme of an enrolment.
    Programme,
    /// Domain of an enrolment.
    Domain,
    /// Institution of an enrolment.
    Institution,
    /// Level of an mbo enrolment.
    Level,
    /// Track of an mbo enrolment: BOL, BBL.
    Track,
    /// Day of the diploma of an enrolment.
    Diploma,
    /// Which domains belong to which vmbo sectors.
    Related,
    /// Leerweg of the pupil.
    Leerweg,
    /// Vmbo sector of the pupil.
    Sector,
    /// Age or day of birth of the pupil.
    Age,
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
        /// Of whom.
        among: Among,
    },
    /// 1 when enrolments with the same trait in `sector` are active on 1 October of both year 0 and year `k`. An enrolment
    /// without the trait is never the same.
    Stayed {
        /// What must be the same.
        by: Trait,
        /// The sector that counts.
        sector: &'static str,
        /// Years after the landmark's year.
        k: u8,
    },
    /// 1 when enrolments in `sector` are active on 1 October of both year 0 and year `k` and their traits differ. Unknown
    /// when one of the two has no trait.
    Switched {
        /// What must differ.
        by: Trait,
        /// The sector that counts.
        sector: &'static str,
        /// Years after the landmark's year.
        k: u8,
        /// Of whom.
        among: Among,
    },
    /// 1 when the enrolment on 1 October of year 0 is at least at the level that follows on the pupil's leerweg.
    AtLevel {
        /// Of whom.
        among: Among,
    },
    /// 1 when the mbo enrolment on 1 October of year 0 is in a domain of the pupil's vmbo sector.
    Related {
        /// Of whom.
        among: Among,
    },
    /// 1 when a diploma is dated by 1 October of year `k`.
    Diploma {
        /// What diploma counts.
        of: DiplomaKind,
        /// Years after the landmark's year.
        k: u8,
    },
    /// 1 when the pupil, younger than `below` on 1 October of year 0, was enrolled on a count date before year `k` (or at the
    /// landmark) and on the next one was not, without a startkwalificatie by then.
    NewDropout {
        /// Years after the landmark's year: 0 or 1.
        k: u8,
        /// Age in years at which nobody counts any more.
        below: u8,
        /// Of whom.
        among: Among,
    },
    /// A dated event per pupil: the hazard set, one row per pupil × period at risk.
    Event,
    /// A column of the pupil table: 0/1 for landmark models, any number for linear ones.
    Column,
    /// A table of repeated, dated scores: the growth set.
    Score,
}

impl OutcomeRule {
    /// Whether it is read off enrolments on count dates.
    pub fn rests_on_enrolments(self) -> bool {
        !matches!(self, OutcomeRule::Event | OutcomeRule::Column | OutcomeRule::Score)
    }

    /// What it needs besides pupils and enrolments.
    pub fn needs(self) -> Vec<Need> {
        let of_trait = |by| match by {
            Trait::Programme => Need::Programme,
            Trait::Domain => Need::Domain,
            Trait::Institution => Need::Institution,
        };
        let mut needs = match self {
            OutcomeRule::Stayed { by, .. } | OutcomeRule::Switched { by, .. } => vec![of_trait(by)],
            OutcomeRule::AtLevel { .. } => vec![Need::Level, Need::Leerweg],
            OutcomeRule::Related { .. } => vec![Need::Domain, Need::Related, Need::Sector],
            OutcomeRule::Diploma { of: DiplomaKind::Mbo, .. } => vec![Need::Diploma],
            OutcomeRule::Diploma { .. } => vec![Need::Diploma, Need::Level],
            OutcomeRule::NewDropout { .. } => vec![Need::Diploma, Need::Level, Need::Age],
            _ => Vec::new(),
        };
        if self.among() == Among::StartersBol2 {
            needs.extend([Need::Level, Need::Track]);
        }
        needs
    }

    /// Over whom it is counted.
    pub fn among(self) -> Among {
        match self {
            OutcomeRule::NotEnrolledOn { among, .. }
            | OutcomeRule::Switched { among, .. }
            | OutcomeRule::AtLevel { among }
            | OutcomeRule::Related { among }
            | OutcomeRule::NewDropout { among, .. } => among,
            _ => Among::Everyone,
        }
    }

    /// The same rule with another number of years, where the study may choose it.
    #[must_use]
    pub fn within_years(self, years: Option<u8>) -> Self {
        match (self, years) {
            (OutcomeRule::Diploma { of, .. }, Some(k)) => OutcomeRule::Diploma { of, k },
            _ => self,
        }
    }
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
    /// First and last count date for which the definition holds (`2012-10-01`); `None`: any. A series of numbers never mixes
    /// two definitions, so a pupil with a count date outside is left out and counted.
    pub valid: Option<(&'static str, &'static str)>,
}

impl OutcomeDef {
    /// The label in a language.
    pub fn label(&self, lang: Lang) -> &'static str {
        lang.pick(self.nl, self.en)
    }
}

/// All outcome definitions: those over all pupils, those under a condition, and those that the study defines.
pub const OUTCOMES: &[OutcomeDef] = &[
    doorstroom_mbo::DEF,
    zomeruitval::DEF,
    uitval_jr1::DEF,
    gestart_en_gebleven::DEF,
    gebleven_domein::DEF,
    gebleven_instelling::DEF,
    op_niveau::DEF,
    verwant::DEF,
    vsv_ocw::DEF,
    startkwalificatie::DEF,
    diploma_mbo::DEF,
    switch_jr1::DEF,
    switch_crebo::DEF,
    switch_inst::DEF,
    uitval_jr1_starters::DEF,
    switch_jr1_starters::DEF,
    switch_crebo_starters::DEF,
    switch_inst_starters::DEF,
    op_niveau_starters::DEF,
    verwant_starters::DEF,
    vsv_ocw_ingeschreven::DEF,
    event::DEF,
    value::DEF,
    score::DEF,
];

/// The definition with this id.
pub fn outcome(id: &str) -> Option<&'static OutcomeDef> {
    OUTCOMES.iter().find(|o| o.id == id)
}
