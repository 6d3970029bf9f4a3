//! Accepted fits and estimands → findings per school and nation, in percentage points or score points.
//!
//! [`of`] is the road: accept the fit, or refuse everything with the reason; then one finding for the nation,
//! one per part of the dose, one per school.

pub mod comparable;
pub mod describe;
pub mod finding;
mod linear;
mod marginal;
mod risk;
pub mod robustness;
mod school;

pub use finding::{EffectEstimate, Finding, Refusal, RefusalReason, SmallCell};

use crate::design::{Counts, Head};
use crate::models::{AcceptedFit, Fit, Fitted};
use crate::stats::t_quantile;
use crate::vocab::{
    Contrast, DosePart, Estimand, IdVec, Interval, IntervalMethod, Level, Population, Quantity, Reading, SchoolIx, Unit,
};

/// The findings of one model.
#[derive(Clone, Debug)]
pub struct ModelFindings {
    /// All schools together: the part of the dose on which the schools' slopes are (within school and cohort,
    /// or the dose as it is).
    pub nation: Finding,
    /// All schools together: each part of the dose.
    pub parts: Vec<Finding>,
    /// Each school of the study.
    pub schools: IdVec<SchoolIx, Finding>,
}

/// A point with its variance, in probability or score units per step.
#[derive(Clone, Copy, Debug)]
struct Point {
    value: f64,
    variance: f64,
    df: f64,
    unit: Unit,
}

/// All findings of a fitted model.
pub fn of(fitted: &Fitted) -> ModelFindings {
    let head = fitted.design.head();
    let main = head.doses.first().map_or(DosePart::Total, |(part, _)| *part);
    let accepted = fitted.accept();
    let nation = |part: DosePart| match accepted {
        Ok(fit) => estimate(fitted, part, Population::Nation, head.total(), nation_point(&fit, part)),
        Err(reason) => refuse(fitted, part, Population::Nation, head.total(), reason),
    };
    let school = |(s, counts): (SchoolIx, &Counts)| {
        let group = head.groups.iter().position(|g| *g == s);
        match (accepted, group) {
            (Err(reason), _) => refuse(fitted, main, Population::School, *counts, reason),
            (Ok(_), None) => refuse(fitted, main, Population::School, *counts, RefusalReason::NoPupils),
            (Ok(fit), _) if !has_own_effect(&fit, main) => {
                refuse(fitted, main, Population::School, *counts, RefusalReason::NoOwnSlope)
            }
            (Ok(fit), Some(j)) => estimate(fitted, main, Population::School, *counts, school_point(&fit, main, j)),
        }
    };
    ModelFindings {
        nation: nation(main),
        parts: head.doses.iter().map(|(part, _)| nation(*part)).collect(),
        schools: head.counts.enumerate().map(school).collect::<Vec<_>>().into(),
    }
}

/// A school of a binary model has an effect of its own by its level and its pupils alone; one of a linear model needs
/// a slope.
fn has_own_effect(fit: &AcceptedFit<'_>, part: DosePart) -> bool {
    match fit.fit() {
        Fit::Linear(lmm) => linear::has_own_slope(fit.design().head(), lmm, part),
        _ => true,
    }
}

fn nation_point(fit: &AcceptedFit<'_>, part: DosePart) -> Option<Point> {
    match fit.fit() {
        Fit::Linear(lmm) => linear::nation(fit.design().head(), lmm, part),
        _ => marginal::nation(fit, part),
    }
}

fn school_point(fit: &AcceptedFit<'_>, part: DosePart, j: usize) -> Option<Point> {
    match fit.fit() {
        Fit::Linear(lmm) => linear::school(fit.design().head(), lmm, part, j),
        _ => school::own(fit, part, j),
    }
}

fn estimand(fitted: &Fitted, part: DosePart, population: Population) -> Estimand {
    Estimand {
        outcome: fitted.entry.outcome.clone(),
        exposure: fitted.entry.exposure.clone(),
        contrast: Contrast { part, step: fitted.design.head().step },
        population,
        reading: Reading::Association,
    }
}

fn refuse(fitted: &Fitted, part: DosePart, population: Population, counts: Counts, reason: RefusalReason) -> Finding {
    Finding::Refused(Refusal { estimand: estimand(fitted, part, population), reason, n_pupils: counts.pupils })
}

fn estimate(fitted: &Fitted, part: DosePart, population: Population, counts: Counts, point: Option<Point>) -> Finding {
    let Some(point) = point.filter(|p| p.value.is_finite() && p.variance.is_finite() && p.variance > 0.0) else {
        return refuse(fitted, part, population, counts, RefusalReason::NotConverged);
    };
    let scale = if point.unit == Unit::PercentagePoint { 100.0 } else { 1.0 };
    let level = Level::P95;
    let std_error = scale * point.variance.sqrt();
    let value = scale * point.value;
    let half = t_quantile(0.5 + level.get() / 2.0, point.df) * std_error;
    Finding::Estimate(EffectEstimate {
        estimand: estimand(fitted, part, population),
        quantity: Quantity { value, unit: point.unit, per: fitted.design.head().step },
        interval: Interval { lo: value - half, hi: value + half, level, method: IntervalMethod::Wald },
        std_error,
        df: point.df,
        n_pupils: counts.pupils,
        n_events: counts.events,
    })
}

/// Degrees of freedom of effects of a model with random effects per school: schools − 1, as for any mean
/// over that many clusters (`statistics.md` §5.4, E1 with a t quantile).
fn school_df(head: &Head) -> f64 {
    (head.groups.len() as f64 - 1.0).max(1.0)
}
