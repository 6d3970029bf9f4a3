//! Does it hold? The same question asked in other ways, questions whose answer is known, and how strong something
//! unmeasured would have to be (`statistics.md` §5.6). One check is one entry of [`CHECKS`]; it gives one or more
//! [`Specification`]s, each with its estimate, its verdict and, where it can't be done, the reason.
//!
//! Checks are about the national number of the part of the dose on which schools' slopes are. They never change it: they
//! change how sure a sentence about it may sound ([`Evidence`]).

mod coverage;
mod doses;
mod doubly_robust;
mod fixed_effects;
mod imputation;
mod lead;
mod likelihood;
mod negative_control;
mod permutation;
mod planted;
mod programme_change;
pub(super) mod rows;
mod unlinked;
mod unmeasured;
mod words;

pub use lead::next_cohort;
pub use negative_control::{control_between, control_within};
pub use rows::Rows;
pub use words::Obstacle;

use rayon::prelude::*;

use super::lever::main_part;
use super::programme::{Programme, programme};
use super::{Finding, ModelFindings};
use crate::design::Design;
use crate::models::Fitted;
use crate::panel::Panel;
use crate::stats::t_quantile;
use crate::vocab::{DosePart, Lang};

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its number in `statistics.md` §5.6: R robustness, F falsification, U unmeasured.
    pub id: &'static str,
    /// What is asked, in Dutch.
    pub nl: &'static str,
    /// In English.
    pub en: &'static str,
    /// When it passes, in Dutch.
    pub rule_nl: &'static str,
    /// In English.
    pub rule_en: &'static str,
    run: fn(&Subject<'_>) -> Vec<Specification>,
}

/// All checks, in the order of the table.
pub static CHECKS: &[Check] = &[
    fixed_effects::CHECK,
    doubly_robust::CHECK,
    words::MARGINAL_STRUCTURAL,
    programme_change::CHECK,
    doses::CHECK,
    coverage::CHECK,
    likelihood::CHECK,
    negative_control::CHECK,
    lead::CHECK,
    programme_change::PRE_TRENDS,
    permutation::CHECK,
    planted::CHECK,
    unmeasured::CHECK,
    unlinked::CHECK,
];

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// Not as it should be: sentences about the number become less sure.
    Failed,
    /// The data are too few to tell.
    Undecided,
    /// A number to be read; nothing to pass.
    Reported,
    /// Can't be done with these data, and why.
    NotPossible(Obstacle),
}

impl Verdict {
    /// Stable code in files.
    pub fn code(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Undecided => "undecided",
            Verdict::Reported => "reported",
            Verdict::NotPossible(_) => "not_possible",
        }
    }

    fn of(passed: bool) -> Self {
        if passed { Verdict::Passed } else { Verdict::Failed }
    }
}

/// What the number of a specification counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Percentage points per step of the dose.
    PointsPerStep,
    /// A risk ratio (E-value).
    RiskRatio,
    /// A share of variance, 0…1.
    Share,
    /// A ratio of two standard errors.
    Ratio,
    /// A p-value.
    PValue,
    /// How many times.
    Times,
}

impl Measure {
    /// Stable code in files.
    pub fn code(self) -> &'static str {
        match self {
            Measure::PointsPerStep => "per100",
            Measure::RiskRatio => "risk_ratio",
            Measure::Share => "share",
            Measure::Ratio => "ratio",
            Measure::PValue => "p_value",
            Measure::Times => "times",
        }
    }
}

/// A number with its 95 % interval, in the unit of the specification.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimated {
    /// The number.
    pub value: f64,
    /// Lower end; `None` where there is no interval.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
}

impl Estimated {
    /// In percentage points, from a slope per unit of the dose in probabilities.
    pub(super) fn per_step(slope: f64, std_error: f64, df: f64, step: f64) -> Self {
        let half = t_quantile(0.975, df) * std_error;
        let scale = 100.0 * step;
        Self { value: scale * slope, lo: Some(scale * (slope - half)), hi: Some(scale * (slope + half)) }
    }

    fn plain(value: f64) -> Self {
        Self { value, lo: None, hi: None }
    }

    pub(super) fn covers(&self, x: f64) -> bool {
        self.lo.is_some_and(|lo| lo <= x) && self.hi.is_some_and(|hi| x <= hi)
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self.lo, self.hi, other.lo, other.hi) {
            (Some(lo), Some(hi), Some(other_lo), Some(other_hi)) => lo <= other_hi && other_lo <= hi,
            _ => false,
        }
    }

    /// Whether the interval is so wide that it holds all of the other and nothing at all as well: that the two overlap then
    /// says nothing.
    fn cannot_disagree_with(&self, other: &Self) -> bool {
        let holds = |x: Option<f64>| x.is_some_and(|x| self.covers(x));
        self.covers(0.0) && holds(other.lo) && holds(other.hi)
    }
}

/// One way of asking.
#[derive(Clone, Debug)]
pub struct Specification {
    /// The check it belongs to.
    pub check: &'static str,
    /// Its short name, unique within the check.
    pub code: String,
    /// What was done, in Dutch.
    pub nl: String,
    /// In English.
    pub en: String,
    /// What came out.
    pub estimate: Option<Estimated>,
    /// What the number counts.
    pub measure: Measure,
    /// What it says.
    pub verdict: Verdict,
}

impl Specification {
    fn new(check: &'static str, code: &str, nl: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            check,
            code: code.into(),
            nl: nl.into(),
            en: en.into(),
            estimate: None,
            measure: Measure::PointsPerStep,
            verdict: Verdict::Reported,
        }
    }

    fn found(self, estimate: Estimated, verdict: Verdict) -> Self {
        Self { estimate: Some(estimate), verdict, ..self }
    }

    fn counted(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    fn impossible(self, obstacle: Obstacle) -> Self {
        Self { verdict: Verdict::NotPossible(obstacle), ..self }
    }

    /// With what a computation gave, or with its error as the obstacle.
    fn with(self, result: Result<(Estimated, Verdict), Obstacle>) -> Self {
        match result {
            Ok((estimate, verdict)) => self.found(estimate, verdict),
            Err(obstacle) => self.impossible(obstacle),
        }
    }

    /// What was done, in a language.
    pub fn label(&self, lang: Lang) -> &str {
        lang.pick(&self.nl, &self.en)
    }
}

/// How much work the checks by simulation may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Seed of permutations and planted truths.
    pub seed: u64,
    /// Permutations of F4.
    pub permutations: u32,
    /// Replicates of each planted truth of F5.
    pub replicates: u32,
}

impl Default for Effort {
    fn default() -> Self {
        Self { seed: 1, permutations: 999, replicates: 40 }
    }
}

/// A fitted model and what it is asked about.
struct Subject<'a> {
    panel: &'a Panel<'a>,
    fitted: &'a Fitted,
    part: DosePart,
    effort: Effort,
    /// The national number that is to hold.
    primary: Option<Estimated>,
    rows: Result<Rows, Obstacle>,
    /// E7.
    programme: Result<Programme, Obstacle>,
}

impl Subject<'_> {
    /// The rows and the primary number, which every check needs.
    fn ready(&self) -> Result<(&Rows, Estimated), Obstacle> {
        let rows = self.rows.as_ref().map_err(|obstacle| *obstacle)?;
        Ok((rows, self.primary.ok_or(Obstacle::NoPrimary)?))
    }
}

/// What the checks of one model say.
#[derive(Clone, Debug)]
pub struct Robustness {
    /// All specifications, in the order of [`CHECKS`].
    pub specifications: Vec<Specification>,
    /// E7, or why there is none.
    pub programme: Result<Programme, Obstacle>,
}

/// How sure a sentence may sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// No check failed.
    Standing,
    /// Some did: one step less sure, and the checks that failed are named.
    Lowered(Vec<&'static str>),
}

impl Robustness {
    /// What the failed checks mean for the wording.
    pub fn evidence(&self) -> Evidence {
        let mut failed: Vec<&'static str> =
            self.specifications.iter().filter(|s| s.verdict == Verdict::Failed).map(|s| s.check).collect();
        failed.dedup();
        if failed.is_empty() { Evidence::Standing } else { Evidence::Lowered(failed) }
    }
}

/// The check with this number.
pub fn check(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|c| c.id == id)
}

/// Runs all checks of a fitted model, in parallel and in order.
pub fn of(panel: &Panel<'_>, fitted: &Fitted, findings: &ModelFindings, effort: Effort) -> Robustness {
    let part = main_part(fitted.design.head());
    let primary = match &findings.nation {
        Finding::Estimate(e) => {
            Some(Estimated { value: e.quantity.value, lo: Some(e.interval.lo), hi: Some(e.interval.hi) })
        }
        Finding::Refused(_) | Finding::Suppressed(_) => None,
    };
    let rows = match &fitted.design {
        Design::Binary(d) if !d.period.iter().any(|k| *k > 0) => Ok(Rows::of_binary(panel, d)),
        Design::Binary(_) | Design::Linear(_) => Err(Obstacle::NotLandmark),
    };
    let programme = rows.as_ref().map_err(|obstacle| *obstacle).and_then(programme);
    let subject = Subject { panel, fitted, part, effort, primary, rows, programme };
    let specifications = CHECKS.par_iter().map(|check| (check.run)(&subject)).collect::<Vec<_>>();
    Robustness { specifications: specifications.into_iter().flatten().collect(), programme: subject.programme }
}

#[cfg(test)]
mod tests;
