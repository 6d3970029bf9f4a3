//! Activity types of a loopbaandossier: code, unit and the loopbaancompetentie they serve
//! (`domain.md` §1.1 and §1.3). To add one: add a row here; the registry test walks the list.

use serde::Serialize;

/// The five loopbaancompetenties (Kuijpers & Meijers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Competence {
    /// Kwaliteitenreflectie: wat kan ik?
    KR,
    /// Motievenreflectie: wat wil ik?
    MR,
    /// Werkexploratie: welk werk past?
    WE,
    /// Loopbaansturing: hoe bereik ik het?
    LS,
    /// Netwerken: wie helpt mij?
    NW,
}

impl Competence {
    /// All five.
    pub const ALL: [Competence; 5] = [Competence::KR, Competence::MR, Competence::WE, Competence::LS, Competence::NW];

    /// Code in the study file.
    pub fn code(self) -> &'static str {
        match self {
            Competence::KR => "KR",
            Competence::MR => "MR",
            Competence::WE => "WE",
            Competence::LS => "LS",
            Competence::NW => "NW",
        }
    }
}

/// Part of a triple: an experience, the conversation about it, the reflection on it (`domain.md` §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TriplePart {
    /// Meets work or a programme.
    Experience,
    /// Is talked about with a mentor or counsellor.
    Conversation,
    /// Is written down, with a next step.
    Reflection,
}

impl TriplePart {
    /// All three, in their order in time.
    pub const ALL: [TriplePart; 3] = [TriplePart::Experience, TriplePart::Conversation, TriplePart::Reflection];

    /// Its key in the study file.
    pub fn word(self) -> &'static str {
        match self {
            TriplePart::Experience => "experience",
            TriplePart::Conversation => "conversation",
            TriplePart::Reflection => "reflection",
        }
    }
}

/// What one registration of an activity measures besides its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DoseUnit {
    /// Only that it happened.
    Count,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days.
    Days,
}

/// One type of activity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ActivityType {
    /// Code in the data.
    pub code: &'static str,
    /// Dutch label.
    pub nl: &'static str,
    /// English label.
    pub en: &'static str,
    /// Unit of the amount, where there is one.
    pub unit: DoseUnit,
    /// The competence it mainly serves.
    pub competence: Competence,
}

const fn row(
    code: &'static str,
    nl: &'static str,
    en: &'static str,
    unit: DoseUnit,
    competence: Competence,
) -> ActivityType {
    ActivityType { code, nl, en, unit, competence }
}

use Competence::{KR, LS, MR, NW, WE};
use DoseUnit::{Count, Days, Hours, Minutes};

/// All activity types we know, in the order in which reports list them.
pub const ACTIVITIES: &[ActivityType] = &[
    row("GESPR", "loopbaangesprek", "career conversation", Minutes, MR),
    row("DRIEH", "driehoeksgesprek", "pupil-parent-mentor talk", Count, LS),
    row("STAGE", "beroepsoriënterende stage", "work placement", Days, WE),
    row("STAGE_B", "bliksemstage", "taster placement", Days, WE),
    row("INTSTG", "interne stage", "in-school placement", Days, WE),
    row("BEDR", "bedrijfsbezoek", "company visit", Count, WE),
    row("GAST", "gastles", "guest lesson", Count, NW),
    row("BEURS", "beroepen- of opleidingenmarkt", "career fair", Count, NW),
    row("PPO", "praktische profieloriëntatie", "practical orientation", Hours, WE),
    row("OPEND", "open dag mbo", "mbo open day", Count, WE),
    row("MEEL", "meeloopdag mbo", "mbo taster day", Days, WE),
    row("TEST", "interesse- of competentietest", "interest test", Count, KR),
    row("REFL", "reflectieverslag", "written reflection", Count, KR),
    row("KEUZE", "profiel- of studiekeuze", "choice of profile or programme", Count, LS),
    row("LES", "LOB-les", "career lesson", Hours, LS),
    row("PROJ", "LOB-opdracht of project", "career project", Count, WE),
    row("DDD", "doorstroomdossier", "transfer file", Count, LS),
    row("OVERIG", "overige activiteit", "other activity", Count, NW),
];

impl ActivityType {
    /// The part of a triple that an activity of this type can be.
    pub fn part(&self) -> Option<TriplePart> {
        match self.code {
            "STAGE" | "STAGE_B" | "INTSTG" | "BEDR" | "GAST" | "BEURS" | "PPO" | "OPEND" | "MEEL" | "PROJ" => {
                Some(TriplePart::Experience)
            }
            "GESPR" | "DRIEH" => Some(TriplePart::Conversation),
            "REFL" => Some(TriplePart::Reflection),
            _ => None,
        }
    }
}

/// The type with this code.
pub fn activity(code: &str) -> Option<&'static ActivityType> {
    ACTIVITIES.iter().find(|a| a.code == code)
}
