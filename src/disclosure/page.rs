//! The controlled content of one school's page: everything the report may show, after suppression.

pub use crate::effects::robustness::{Measure, Verdict};
pub use crate::effects::{EffectEstimate, Finding, LevelEstimate, Refusal, RefusalReason, SmallCell};
use crate::vocab::{Direction, Interval, OutcomeDef};

/// A value that passed disclosure control, or the reason why it is not shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown<T> {
    /// May be shown.
    Value(T),
    /// Fewer than `min` pupils stand behind it, or it would give a small group away.
    Suppressed {
        /// The threshold that was not met.
        min: u64,
    },
    /// A value over all schools that stands on fewer than `min` schools, or mainly on one.
    FewSchools {
        /// The threshold.
        min: u64,
    },
    /// There is no value (no registrations, no linked pupils).
    Missing,
}

/// How a share's percentage is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// As it stands.
    #[default]
    Exact,
    /// Bottom coded: the share is smaller than the percentage.
    LessThan,
    /// Top coded: the share is larger than the percentage.
    MoreThan,
}

/// A share of pupils.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Percentage, 0…100.
    pub percent: f64,
    /// 95 % Wilson interval in percent; of a coded share the widest one that the code allows.
    pub interval: Interval,
    /// Pupils in the denominator.
    pub n: u64,
    /// Whether the percentage is exact or a code for a small cell.
    pub bound: Bound,
}

/// How many pupils had at least one activity of a type.
#[derive(Clone, Debug, PartialEq)]
pub struct ReachRow {
    /// Activity code, or the exposure id.
    pub code: String,
    /// Label in Dutch.
    pub nl: String,
    /// Label in English.
    pub en: String,
    /// Share of this school's pupils with at least one registration.
    pub own: Shown<Share>,
    /// The same over all schools.
    pub nation: Shown<Share>,
    /// Mean number of registrations per pupil of this school.
    pub own_mean: Shown<f64>,
    /// The same over all schools.
    pub nation_mean: Shown<f64>,
}

/// How the pupils fared on one outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeRow {
    /// The definition.
    pub def: &'static OutcomeDef,
    /// Label in Dutch (the study may override the definition's).
    pub nl: String,
    /// Label in English.
    pub en: String,
    /// Share of this school's pupils.
    pub own: Shown<Share>,
    /// Share over all schools.
    pub nation: Shown<Share>,
}

/// One effect: this school, the nation, and the parts of the dose.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectRow {
    /// Model id in the study.
    pub model: String,
    /// Outcome label in Dutch.
    pub outcome_nl: String,
    /// Outcome label in English.
    pub outcome_en: String,
    /// Whether more of the outcome is good news.
    pub direction: Direction,
    /// Exposure label in Dutch, plural ("LOB-activiteiten").
    pub exposure_nl: String,
    /// Exposure label in English, plural.
    pub exposure_en: String,
    /// What this school's dose goes with, along the line of all schools (E3). The step of its contrast is how much more
    /// dose its pupils have than the middle school, of all or of the comparable ones.
    pub contribution: Finding,
    /// In what the schools of that comparison are like this one (Dutch, English); `None` where they are all schools.
    pub compared: Option<(String, String)>,
    /// The outcome of pupils like those of all schools, at this school less at all schools (E5).
    pub adjusted: Finding,
    /// The share to be expected of pupils like this school's, in percent ("referentiewaarde").
    pub expected: Option<LevelEstimate>,
    /// How far this school's own line lies from that of all schools (E4), with its robust interval.
    pub deviation: Finding,
    /// Whether this school's pupils say enough of its own line (reliability). If not, `own` and `deviation` give no number.
    pub is_reliable: bool,
    /// The association along this school's own line.
    pub own: Finding,
    /// All schools together.
    pub nation: Finding,
    /// The national effect of the parts of the dose (cohort, school), where the model splits it.
    pub parts: Vec<Finding>,
    /// The smallest deviation of its own line that this school's pupils would show with 80 % power, in the unit of the
    /// effect.
    pub smallest_visible: Option<f64>,
    /// The checks that failed for this model, as questions (Dutch, English): sentences are one step less sure.
    pub failed_checks: Vec<(String, String)>,
    /// Whether pupils of some level are left out, because nobody or everybody of it has the outcome.
    pub leaves_out_levels: bool,
}

/// The checks of one model: national numbers, so nothing in them is about a school.
#[derive(Clone, Debug, PartialEq)]
pub struct ChecksOfModel {
    /// Outcome label in Dutch.
    pub outcome_nl: String,
    /// Outcome label in English.
    pub outcome_en: String,
    /// The specifications in their order.
    pub rows: Vec<CheckRow>,
}

/// One specification of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckRow {
    /// Number of the check.
    pub check: String,
    /// What is asked, in Dutch and English.
    pub question: (String, String),
    /// What was done, in Dutch and English.
    pub specification: (String, String),
    /// The number with its interval.
    pub value: Option<f64>,
    /// Lower end.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
    /// What the number counts.
    pub measure: Measure,
    /// What it says.
    pub verdict: Verdict,
    /// Why it was not possible, in Dutch and English.
    pub reason: Option<(String, String)>,
}

/// One step of the road from file to analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowRow {
    /// Step or reason in Dutch.
    pub nl: String,
    /// Step or reason in English.
    pub en: String,
    /// True for a subtotal ("gelezen", "geanalyseerd"), false for pupils who fell out.
    pub is_total: bool,
    /// Number of pupils.
    pub n: Shown<u64>,
}

/// Everything on one school's page.
#[derive(Clone, Debug, PartialEq)]
pub struct SchoolPage {
    /// School key (BRIN + vestiging, or the study's own key).
    pub school: String,
    /// Name of the school, where the study has one.
    pub school_name: Option<String>,
    /// Title of the study.
    pub study: String,
    /// Run id, printed in the footer so that a page can be traced.
    pub run_id: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Cohorts in the analysis, sorted.
    pub cohorts: Vec<String>,
    /// Pupils of this school in the study.
    pub n_pupils: Shown<u64>,
    /// Schools in the study.
    pub n_schools: u64,
    /// Whether the study knows of pupils who change schools.
    pub pupils_move: bool,
    /// Reach of activities.
    pub reach: Vec<ReachRow>,
    /// Outcomes.
    pub outcomes: Vec<OutcomeRow>,
    /// Effects.
    pub effects: Vec<EffectRow>,
    /// Robustness and falsification of each model; empty unless they were asked for.
    pub checks: Vec<ChecksOfModel>,
    /// Flow of pupils.
    pub flow: Vec<FlowRow>,
    /// Names of the covariates that were held equal, as the study labels them: (Dutch, English).
    pub adjusted_for: Vec<(String, String)>,
}

/// One school on the overview of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// School key.
    pub school: String,
    /// Name of the school, where the study has one.
    pub school_name: Option<String>,
    /// Link to its report, relative to the overview.
    pub href: String,
}

/// The overview of a run: which reports there are. It holds no results, so it can't become a ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexPage {
    /// Title of the study.
    pub study: String,
    /// Run id.
    pub run_id: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Schools in the order of their keys.
    pub schools: Vec<IndexEntry>,
}
