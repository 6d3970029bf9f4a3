//! The true models: what the engine should find back.
//!
//! The three landmark outcomes and the dropout hazard are mixed logits,
//! logit p = α + x'γ + u₀ + (β_W + u₁)·within + β_C·cohort + β_B·school, with α by cohort (landmark) or by
//! period (hazard) and (u₀, u₁) normal per school. The competence score is a linear growth model.

use super::calendar::PERIODS;
use super::dose::Parts;
use super::pupil::{Leerweg, Pupil};
use super::spec::RegionSpec;

/// Constant c of the school part at the landmark, in activities, where as many are registered as planned.
const LANDMARK_CENTRE: f64 = 48.0;
/// Constant c of the school part at the start of each period.
const PERIOD_CENTRE: [f64; PERIODS] = [14.0, 24.0, 32.0, 42.0];
/// Age at which the intercepts hold.
pub(super) const AGE_CENTRE: f64 = 14.75;
/// How the intercept of each next cohort differs from the base, over and over: a shock and its aftermath.
const COHORT_SHOCKS: [f64; 5] = [0.0, 0.12, -0.08, 0.05, -0.03];

/// γ: coefficients of the background. Reference: a boy in BB, age 14.75, SES-WOA 0, no lwoo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Background {
    pub kb: f64,
    pub gl: f64,
    pub tl: f64,
    pub girl: f64,
    pub ses: f64,
    pub age: f64,
    pub lwoo: f64,
    /// Of what a scenario hides.
    pub hidden: f64,
}

/// Background of the risk of leaving education; the other models use multiples of it, so that a pupil at
/// risk is also less likely to start and to stay (the joint draw needs that, see `landmark`).
const RISK: Background =
    Background { kb: -0.20, gl: -0.40, tl: -0.50, girl: -0.25, ses: -0.35, age: 0.20, lwoo: 0.15, hidden: 1.0 };

impl Background {
    fn times(self, f: f64) -> Self {
        Self {
            kb: f * self.kb,
            gl: f * self.gl,
            tl: f * self.tl,
            girl: f * self.girl,
            ses: f * self.ses,
            age: f * self.age,
            lwoo: f * self.lwoo,
            hidden: f * self.hidden,
        }
    }

    /// x'γ of a pupil, with the true SES-WOA.
    pub fn of(&self, pupil: &Pupil) -> f64 {
        let by_leerweg = match pupil.leerweg {
            Leerweg::Bb => 0.0,
            Leerweg::Kb => self.kb,
            Leerweg::Gl => self.gl,
            Leerweg::Tl => self.tl,
        };
        let flag = |on: bool, value: f64| if on { value } else { 0.0 };
        by_leerweg
            + flag(pupil.girl, self.girl)
            + self.ses * pupil.ses
            + self.age * (pupil.age - AGE_CENTRE)
            + flag(pupil.lwoo, self.lwoo)
            + self.hidden * pupil.hidden_risk
    }

    /// The coefficients of what the tables show, by term.
    pub fn terms(&self) -> [(&'static str, f64); 7] {
        [
            ("leerweg_KB", self.kb),
            ("leerweg_GL", self.gl),
            ("leerweg_TL", self.tl),
            ("geslacht_V", self.girl),
            ("ses_woa", self.ses),
            ("leeftijd", self.age),
            ("lwoo", self.lwoo),
        ]
    }
}

/// A school's random intercept and slope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranef {
    pub intercept: f64,
    pub slope: f64,
}

/// A mixed logit.
#[derive(Clone, Debug)]
pub(super) struct Logit {
    /// Outcome in the truth table.
    pub outcome: &'static str,
    /// α with its term, by cohort or by period.
    pub intercepts: Vec<(String, f64)>,
    /// γ.
    pub background: Background,
    /// β of each part, log odds per activity.
    pub dose: Parts,
}

impl Logit {
    /// β of each part in this school: the within coefficient has the school's own deviation.
    pub fn slopes(&self, ranef: Ranef) -> Parts {
        Parts { within: self.dose.within + ranef.slope, ..self.dose }
    }

    /// The linear predictor of a pupil; `at` is the cohort or the period.
    pub fn eta(&self, at: usize, pupil: &Pupil, parts: Parts, ranef: Ranef) -> f64 {
        self.intercepts[at].1 + self.background.of(pupil) + ranef.intercept + self.slopes(ranef).dot(parts)
    }
}

/// The growth model of the competence score:
/// γ₀ + γ_t·k + γ_d·D/10 + x'γ + pupil (b₀ + b₁k) + school (v₀ + v₁k) + e, k the period, D the dose before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub intercept: f64,
    pub per_period: f64,
    pub per_ten: f64,
    pub background: Background,
    pub pupil_sd: [f64; 2],
    pub school_sd: [f64; 2],
    /// Of intercept and slope, at both levels.
    pub correlation: f64,
    pub residual_sd: f64,
}

impl Growth {
    pub const OUTCOME: &'static str = "loopbaanreflectie";

    /// The expected score given the pupil's and the school's random intercept and slope together.
    pub fn mean(&self, pupil: &Pupil, k: usize, dose: f64, ranef: [f64; 2]) -> f64 {
        let k = k as f64;
        self.intercept
            + self.per_period * k
            + self.per_ten * dose / 10.0
            + self.background.of(pupil)
            + ranef[0]
            + ranef[1] * k
    }
}

/// All true models of a region.
#[derive(Clone, Debug)]
pub(super) struct Models {
    pub uitval: Logit,
    pub doorstroom: Logit,
    pub gebleven: Logit,
    pub hazard: Logit,
    pub growth: Growth,
    /// Constant c of the school part at the landmark, in activities.
    pub landmark_centre: f64,
    /// Constant c of the school part at the start of each period.
    pub period_centre: [f64; PERIODS],
}

impl Models {
    pub fn new(spec: &RegionSpec) -> Self {
        let e = &spec.effect;
        let part = |within, cohort, school| Parts { within, cohort, school };
        let landmark = |outcome, base: f64, risk: f64, dose| Logit {
            outcome,
            intercepts: by_cohort(spec, base, risk),
            background: RISK.times(risk),
            dose,
        };
        Self {
            uitval: landmark("uitval_jr1", -1.75, 1.0, part(e.uitval_within, e.uitval_cohort, e.uitval_school)),
            doorstroom: landmark(
                "doorstroom_mbo",
                2.50,
                -0.3,
                part(e.doorstroom_within, e.doorstroom_cohort, e.doorstroom_school),
            ),
            gebleven: landmark(
                "gestart_en_gebleven",
                0.55,
                -0.9,
                part(e.gebleven_within, e.gebleven_cohort, e.gebleven_school),
            ),
            hazard: Logit {
                outcome: "uitval_vmbo",
                intercepts: by_period([-4.1, -4.0, -3.9, -4.3]),
                background: RISK,
                dose: part(e.hazard_within, e.hazard_cohort, e.hazard_school),
            },
            growth: Growth {
                intercept: 2.9,
                per_period: 0.08,
                per_ten: e.score_per_ten,
                background: RISK.times(-0.25),
                pupil_sd: [0.40, 0.06],
                school_sd: [0.12, 0.03],
                correlation: -0.2,
                residual_sd: 0.35,
            },
            landmark_centre: spec.activity * LANDMARK_CENTRE,
            period_centre: PERIOD_CENTRE.map(|centre| spec.activity * centre),
        }
    }

    /// The mixed logits, in the order in which their random effects are drawn.
    pub fn logits(&self) -> [&Logit; 4] {
        [&self.uitval, &self.doorstroom, &self.gebleven, &self.hazard]
    }
}

fn by_cohort(spec: &RegionSpec, base: f64, risk: f64) -> Vec<(String, f64)> {
    let years = (0..spec.cohorts.max(1)).zip(spec.first_exam_year..);
    years
        .zip(COHORT_SHOCKS.iter().cycle())
        .map(|((_, year), shock)| (format!("cohort_{year}"), base + risk * shock + risk * spec.hidden.risk_shift))
        .collect()
}

fn by_period(alpha: [f64; PERIODS]) -> Vec<(String, f64)> {
    alpha.iter().enumerate().map(|(k, a)| (format!("period_{k}"), *a)).collect()
}

/// The probability with these log odds.
pub(super) fn expit(eta: f64) -> f64 {
    1.0 / (1.0 + (-eta).exp())
}
