//! A number carries its unit, an interval its level.

use serde::Serialize;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Percentage points: a difference between two shares, 1.0 = one of every hundred pupils.
    PercentagePoint,
    /// Points on the scale of a score.
    ScorePoint,
}

/// A number with its unit and, where it is a slope, the dose step it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantity {
    /// The number, in `unit`.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
    /// The step in dose that it belongs to (5.0 = five activities more).
    pub per: f64,
}

/// Confidence level of an interval, in (0, 1).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Level(f64);

impl Level {
    /// The level used throughout: 95 %.
    pub const P95: Level = Level(0.95);
    /// The level as a number in (0, 1).
    pub fn get(self) -> f64 {
        self.0
    }
}

/// How an interval was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Estimate ± t or normal quantile × delta-method standard error.
    Wald,
    /// Wilson's interval of a share.
    Wilson,
    /// Empirical Bayes, for a normal distribution of the schools' effects; carries the uncertainty of the model's parameters.
    EmpiricalBayes,
    /// Empirical Bayes, for any distribution of the schools' effects with the same second moment.
    RobustEmpiricalBayes,
    /// Quantiles of parameters drawn from their estimated distribution.
    Draws,
}

/// An interval with its level and method, in the unit of the quantity beside it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
    /// Confidence level.
    pub level: Level,
    /// How it was made.
    pub method: IntervalMethod,
}

impl Interval {
    /// True when the interval holds `x`.
    pub fn contains(&self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }
}
