//! What the effects room hands on: an estimate, or a refusal with its reason. A suppressed cell is added by
//! `disclosure`. Whoever shows findings must match all three.

pub use crate::vocab::RefusalReason;
use crate::vocab::{Estimand, Interval, Quantity};

/// One answer to one estimand.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// A number with its interval.
    Estimate(EffectEstimate),
    /// No number, and why.
    Refused(Refusal),
    /// A number that may not be shown.
    Suppressed(SmallCell),
}

/// An estimated effect.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectEstimate {
    /// What was estimated.
    pub estimand: Estimand,
    /// The estimate with its unit and dose step.
    pub quantity: Quantity,
    /// Interval in the unit of `quantity`.
    pub interval: Interval,
    /// Standard error in the unit of `quantity`.
    pub std_error: f64,
    /// Degrees of freedom of the interval's t quantile; infinite for the normal.
    pub df: f64,
    /// Pupils behind the number.
    pub n_pupils: u64,
    /// Pupils with the event (or outcome 1) behind the number.
    pub n_events: u64,
}

/// A refused estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What was asked.
    pub estimand: Estimand,
    /// Why there is no answer.
    pub reason: RefusalReason,
    /// Pupils in the analysis set.
    pub n_pupils: u64,
}

/// A suppressed estimate: the number exists and is not shown.
#[derive(Clone, Debug, PartialEq)]
pub struct SmallCell {
    /// What was asked.
    pub estimand: Estimand,
    /// The threshold that was not met: at least this many pupils.
    pub min_pupils: u64,
    /// The threshold that was not met: at least this many events and non-events; 0 for a score, which has none.
    pub min_events: u64,
    /// The threshold that was not met: at least this many schools, and none with more than half of the pupils; 0 where it
    /// is not about schools.
    pub min_schools: u64,
}
