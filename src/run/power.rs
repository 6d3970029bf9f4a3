//! `lob check --power`: can this be seen with our numbers? Before any outcome is read.

use std::path::Path;

use serde::Serialize;

use super::{RunError, profile};
use crate::disclosure::suppress::Profile;
use crate::effects::power::{DoseCounts, Expected, SPREADS};
use crate::ingest::Progress;
use crate::panel::{self, Plan};
use crate::study::Study;
use crate::vocab::OutcomeRule;

/// Shares of the pupils who have an outcome, by definition, where the study gives none: national levels
/// (`domain.md` §3.2), rounded; they only set the scale.
const SHARES: &[(&str, f64)] = &[
    ("doorstroom_mbo", 0.89),
    ("zomeruitval", 0.05),
    ("uitval_jr1", 0.06),
    ("gestart_en_gebleven", 0.72),
    ("switch_jr1", 0.125),
    ("startkwalificatie", 0.75),
    ("vsv_ocw", 0.04),
    ("event", 0.04),
];
/// Share of an outcome that is not in the list.
const ANY_SHARE: f64 = 0.10;

/// The answer for a study.
#[derive(Clone, Debug, Serialize)]
pub struct PowerReport {
    /// Study id.
    pub study: String,
    /// Disclosure profile whose thresholds are applied.
    pub profile: &'static str,
    /// True standard deviations of schools' slopes for which `reliability` is given, in percentage points per step.
    pub spreads: [f64; 2],
    /// One per model.
    pub models: Vec<ModelPower>,
}

/// The answer for one model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelPower {
    /// Model id.
    pub model: String,
    /// Outcome id.
    pub outcome: String,
    /// Exposure id.
    pub exposure: String,
    /// Step of the dose.
    pub step: f64,
    /// Assumed share of pupils with the outcome; `None` for scores.
    pub share: Option<f64>,
    /// Where that share comes from: `given`, `national`, `assumed`.
    pub share_from: &'static str,
    /// Why there is no answer: a score has no share.
    pub refused: Option<&'static str>,
    /// All schools together.
    pub nation: Option<Line>,
    /// Each school, in order of its key.
    pub schools: Vec<Line>,
}

/// What is to be expected of a school, or of all together.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// School key; `None` for all schools.
    pub school: Option<String>,
    /// Pupils with a dose.
    pub n_pupils: u64,
    /// Cohorts.
    pub n_cohorts: u64,
    /// Variance of the dose within school and cohort.
    pub dose_variance: Option<f64>,
    /// Expected pupils with the outcome.
    pub n_events: f64,
    /// Half width of the 95 % interval of the school's own slope, in percentage points per step.
    pub half_width: Option<f64>,
    /// Smallest visible association, in percentage points per step.
    pub smallest_visible: Option<f64>,
    /// Reliability of the school's own slope, for each of `spreads`.
    pub reliability: Option<[f64; 2]>,
    /// What will be shown: `shown`, `few_pupils`, `few_events`, `no_dose_variation`.
    pub will_be: &'static str,
}

/// Expectations of a study. `shares` gives shares of pupils by outcome id.
///
/// The plan that is executed has no outcome in it, so no column or table of outcomes is opened.
///
/// # Errors
/// Unreadable pupils or activities.
pub fn power(
    study: &Study,
    base: &Path,
    shares: &[(String, f64)],
    progress: &dyn Progress,
) -> Result<PowerReport, RunError> {
    let mut plan = Plan::of(study);
    let rules: Vec<(String, &'static str, OutcomeRule)> =
        plan.outcomes.iter().map(|o| (o.entry.id.clone(), o.def.id, o.rule())).collect();
    plan.outcomes = Vec::new();
    plan.enrolments = None;
    let panel = panel::build(plan, base, progress)?;
    let profile = profile(study);
    let counts: Vec<DoseCounts> = (0..panel.plan.exposures.len()).map(|e| DoseCounts::of(&panel, e)).collect();
    let model = |entry: &crate::study::file::ModelEntry| {
        let e = panel.plan.exposure(&entry.exposure);
        let step = panel.plan.exposures[e].entry.step;
        let known = rules.iter().find(|(id, ..)| *id == entry.outcome);
        let share = known.and_then(|(id, definition, rule)| share(id, definition, *rule, shares));
        let (nation, schools) = match share {
            None => (None, Vec::new()),
            Some((p, _)) => {
                let (all, each) = counts[e].expect(p, step);
                let keys = &panel.pupils.schools;
                let lines = each.enumerate().map(|(s, of)| line(Some(keys[s].clone()), of, &profile));
                (Some(line(None, &all, &profile)), lines.collect())
            }
        };
        ModelPower {
            model: entry.id.clone(),
            outcome: entry.outcome.clone(),
            exposure: entry.exposure.clone(),
            step,
            share: share.map(|s| s.0),
            share_from: share.map_or("", |s| s.1),
            refused: share.is_none().then_some("a score or value has no share from which an error follows"),
            nation,
            schools,
        }
    };
    Ok(PowerReport {
        study: study.study.id.clone(),
        profile: profile.id,
        spreads: SPREADS,
        models: study.models.iter().map(model).collect(),
    })
}

fn share(id: &str, definition: &str, rule: OutcomeRule, given: &[(String, f64)]) -> Option<(f64, &'static str)> {
    if matches!(rule, OutcomeRule::Column | OutcomeRule::Score) {
        return None;
    }
    let own = given.iter().find(|(name, _)| name == id).map(|(_, p)| (*p, "given"));
    let national = || SHARES.iter().find(|(name, _)| *name == definition).map(|(_, p)| (*p, "national"));
    own.or_else(national).or(Some((ANY_SHARE, "assumed")))
}

fn line(school: Option<String>, of: &Expected, profile: &Profile) -> Line {
    let others = of.n_pupils as f64 - of.n_events;
    let will_be = if of.n_pupils < profile.min_pupils_effect {
        "few_pupils"
    } else if of.precision.is_none() {
        "no_dose_variation"
    } else if of.n_events.min(others) < profile.min_events_effect as f64 {
        "few_events"
    } else {
        "shown"
    };
    Line {
        school,
        n_pupils: of.n_pupils,
        n_cohorts: of.n_cohorts,
        dose_variance: of.dose_variance,
        n_events: of.n_events,
        half_width: of.precision.map(|p| p.half_width),
        smallest_visible: of.precision.map(|p| p.smallest_visible),
        reliability: of.precision.map(|p| p.reliability),
        will_be,
    }
}
