//! What is true in a simulated region: the effect of five more activities on the pupils who were drawn, per
//! school and for the nation, and the coefficients behind it.

use super::dose::Parts;
use super::model::{Background, Growth, Models, Ranef, expit};
use super::scenario::{Hidden, Scenario};
use super::spec::RegionSpec;

/// The step of the dose that effects are stated for, in activities.
pub const STEP: f64 = 5.0;

/// Longest follow-up, in periods.
const PERIODS: usize = 4;

/// Risks of a set of pupils by period, as they are and with each part of the dose five activities higher, at the
/// pupils' own linear predictors. A landmark outcome has one period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AmeSum {
    periods: [PeriodRisk; PERIODS],
}

#[derive(Clone, Copy, Debug, Default)]
struct PeriodRisk {
    n: u64,
    risk: f64,
    moved: Parts,
}

impl AmeSum {
    /// Adds one pupil at risk in `period` with linear predictor `eta`, in a school with these coefficients.
    pub fn add(&mut self, period: usize, eta: f64, slopes: Parts) {
        let p = &mut self.periods[period];
        p.n += 1;
        p.risk += expit(eta);
        p.moved.within += expit(eta + STEP * slopes.within);
        p.moved.cohort += expit(eta + STEP * slopes.cohort);
        p.moved.school += expit(eta + STEP * slopes.school);
    }

    fn merge(&mut self, other: &AmeSum) {
        for (p, o) in self.periods.iter_mut().zip(&other.periods) {
            p.n += o.n;
            p.risk += o.risk;
            p.moved.within += o.moved.within;
            p.moved.cohort += o.moved.cohort;
            p.moved.school += o.moved.school;
        }
    }

    /// Change of the risk over all periods, `1 − Π(1 − h_t)` with h_t the mean risk of those at risk in period t, in
    /// percentage points; `None` without pupils.
    fn percentage_points(&self) -> Option<Parts> {
        let survival = |risk: fn(&PeriodRisk) -> f64| -> f64 {
            let at_risk = self.periods.iter().filter(|p| p.n > 0);
            at_risk.map(|p| 1.0 - risk(p) / p.n as f64).product()
        };
        let before = survival(|p| p.risk);
        let change = |risk| 100.0 * (before - survival(risk));
        let parts = Parts {
            within: change(|p| p.moved.within),
            cohort: change(|p| p.moved.cohort),
            school: change(|p| p.moved.school),
        };
        self.periods.iter().any(|p| p.n > 0).then_some(parts)
    }
}

/// The truth of one school, in the order of [`Models::logits`].
#[derive(Clone, Debug)]
pub(super) struct SchoolTruth {
    pub school: String,
    pub ranef: [Ranef; 4],
    pub ame: [AmeSum; 4],
    /// Pupils whose probability of staying was cut (see `landmark`).
    pub cut: u64,
}

/// One row of `truth.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct TruthRow {
    /// `uitval_jr1`, `doorstroom_mbo`, `gestart_en_gebleven`, `uitval` (hazard) or `competentie`; `scenario` for
    /// what a scenario hides.
    pub outcome: &'static str,
    /// `nation`, `school` or `parameter`.
    pub level: &'static str,
    /// The school, at level `school`.
    pub school: Option<String>,
    /// Effects: `ame_within_5`, `ame_cohort_5`, `ame_school_5`. Else the coefficient's name.
    pub term: String,
    /// The true value.
    pub value: f64,
    /// `percentage_point`, `score_point`, `log_odds`, `correlation`, `activities`, `years` or `pupils`.
    pub unit: &'static str,
}

/// All rows: nation, schools in order, parameters.
pub(super) fn rows(spec: &RegionSpec, models: &Models, schools: &[SchoolTruth]) -> Vec<TruthRow> {
    let mut rows = Vec::new();
    for (j, logit) in models.logits().iter().enumerate() {
        let mut nation = AmeSum::default();
        schools.iter().for_each(|s| nation.merge(&s.ame[j]));
        push_effects(&mut rows, logit.outcome, None, nation.percentage_points(), "percentage_point");
    }
    // Linear and without a slope on the dose per school: every part has the same effect everywhere.
    let step = models.growth.per_ten * STEP / 10.0;
    let score = Parts { within: step, cohort: step, school: step };
    push_effects(&mut rows, Growth::OUTCOME, None, Some(score), "score_point");
    for school in schools {
        for (j, logit) in models.logits().iter().enumerate() {
            let key = Some(&school.school);
            push_effects(&mut rows, logit.outcome, key, school.ame[j].percentage_points(), "percentage_point");
            let Ranef { intercept, slope } = school.ranef[j];
            for (term, value) in [("ranef_intercept", intercept), ("ranef_slope", slope)] {
                rows.push(row(logit.outcome, key, term, value, "log_odds"));
            }
        }
        push_effects(&mut rows, Growth::OUTCOME, Some(&school.school), Some(score), "score_point");
    }
    push_logit_parameters(&mut rows, spec, models);
    push_growth_parameters(&mut rows, &models.growth);
    let cut = schools.iter().map(|s| s.cut).sum::<u64>() as f64;
    rows.push(parameter(models.gebleven.outcome, "cut_probabilities", cut, "pupils"));
    push_scenario(&mut rows, spec);
    rows
}

/// What the scenario is and what it hides; nothing for the plain truth.
fn push_scenario(rows: &mut Vec<TruthRow>, spec: &RegionSpec) {
    if spec.scenario != Scenario::default() {
        rows.push(parameter("scenario", spec.scenario.code(), 1.0, "scenario"));
    }
    if spec.hidden != Hidden::default() {
        let hidden = spec.hidden.terms();
        rows.extend(hidden.map(|(term, value)| parameter("scenario", term, value, "scenario")));
    }
}

fn row(outcome: &'static str, school: Option<&String>, term: &str, value: f64, unit: &'static str) -> TruthRow {
    let level = if school.is_some() { "school" } else { "nation" };
    TruthRow { outcome, level, school: school.cloned(), term: term.to_owned(), value, unit }
}

fn parameter(outcome: &'static str, term: &str, value: f64, unit: &'static str) -> TruthRow {
    TruthRow { level: "parameter", ..row(outcome, None, term, value, unit) }
}

fn push_effects(
    rows: &mut Vec<TruthRow>,
    outcome: &'static str,
    school: Option<&String>,
    ame: Option<Parts>,
    unit: &'static str,
) {
    let Some(ame) = ame else { return };
    for (term, value) in [("ame_within_5", ame.within), ("ame_cohort_5", ame.cohort), ("ame_school_5", ame.school)] {
        rows.push(row(outcome, school, term, value, unit));
    }
}

fn push_logit_parameters(rows: &mut Vec<TruthRow>, spec: &RegionSpec, models: &Models) {
    for logit in models.logits() {
        let mut push = |term: &str, value, unit| rows.push(parameter(logit.outcome, term, value, unit));
        logit.intercepts.iter().for_each(|(term, value)| push(term, *value, "log_odds"));
        push_background(&logit.background, "log_odds", &mut push);
        push("dose_within", logit.dose.within, "log_odds");
        push("dose_cohort", logit.dose.cohort, "log_odds");
        push("dose_school", logit.dose.school, "log_odds");
        push("sd_intercept", spec.effect.intercept_sd, "log_odds");
        push("sd_slope", spec.effect.slope_sd, "log_odds");
        push("correlation", spec.effect.correlation, "correlation");
    }
    for logit in &models.logits()[..3] {
        rows.push(parameter(logit.outcome, "centre", models.landmark_centre, "activities"));
    }
    for (k, centre) in models.period_centre.iter().enumerate() {
        rows.push(parameter(models.hazard.outcome, &format!("centre_{k}"), *centre, "activities"));
    }
}

fn push_growth_parameters(rows: &mut Vec<TruthRow>, growth: &Growth) {
    let mut push = |term: &str, value, unit| rows.push(parameter(Growth::OUTCOME, term, value, unit));
    push("intercept", growth.intercept, "score_point");
    push("period", growth.per_period, "score_point");
    push("dose", growth.per_ten / 10.0, "score_point");
    push_background(&growth.background, "score_point", &mut push);
    push("sd_pupil_intercept", growth.pupil_sd[0], "score_point");
    push("sd_pupil_slope", growth.pupil_sd[1], "score_point");
    push("sd_school_intercept", growth.school_sd[0], "score_point");
    push("sd_school_slope", growth.school_sd[1], "score_point");
    push("correlation", growth.correlation, "correlation");
    push("sd_residual", growth.residual_sd, "score_point");
}

fn push_background(background: &Background, unit: &'static str, push: &mut impl FnMut(&str, f64, &'static str)) {
    for (term, value) in background.terms() {
        push(term, value, unit);
    }
    push("leeftijd_centre", super::model::AGE_CENTRE, "years");
}
