//! Accepted fits and estimands → findings per school and nation, in percentage points or score points.
//!
//! [`of`] is the road: accept the fit, or refuse everything with the reason; then the findings of the nation, the parts of
//! the dose, and each school. `docs/estimands` has one page per estimand.

pub mod comparable;
mod competing;
mod conditional;
mod decomposition;
pub mod describe;
mod draws;
pub mod ecological;
mod estimands;
pub mod families;
pub mod finding;
mod heterogeneity;
mod integrated;
mod lever;
mod linear;
mod national;
pub mod power;
pub mod programme;
mod reference;
mod risk;
pub mod robustness;
mod schools;

pub use competing::compete;
pub use decomposition::{Comparison, PartsTest};
pub use draws::{Drawn, Replicates};
pub use estimands::EstimandId;
pub use finding::{EffectEstimate, Finding, Refusal, RefusalReason, SmallCell};
pub use heterogeneity::{RELIABLE, Seen, VISIBLE, Worth};
pub use integrated::Quadrature;

use rayon::prelude::*;

use crate::design::{Counts, Design, Head};
use crate::models::{AcceptedFit, Fitted};
use crate::stats::t_quantile;
use crate::vocab::{
    Contrast, DosePart, Estimand, ExitKind, IdVec, Interval, IntervalMethod, Level, Population, Quantity, Reading,
    SchoolIx, Unit,
};
use lever::main_part;
use national::National;
use reference::Doses;
use risk::Graded;
use schools::{Point, SchoolPoints, SchoolsOf};

/// The findings of one model.
#[derive(Clone, Debug)]
pub struct ModelFindings {
    /// E1 of the part of the dose on which the schools' slopes are (within school and cohort, or the dose as it is).
    pub nation: Finding,
    /// E1 of each part of the dose.
    pub parts: Vec<Finding>,
    /// E2: third against first quartile of the dose.
    pub quartiles: Finding,
    /// E6: cumulative incidence, in hazard models.
    pub incidence: Vec<Incidence>,
    /// What adaptive quadrature would change in E1, and whether it was used.
    pub quadrature: Option<Quadrature>,
    /// Errors and intervals of E1 and E3 from draws of the parameters, where the model asks for them.
    pub drawn: Option<Drawn>,
    /// The parts compared, and one effect for all of them where it may be shown.
    pub comparison: Option<Comparison>,
    /// That effect.
    pub pooled: Option<Finding>,
    /// Each school's own association, deviation included.
    pub schools: IdVec<SchoolIx, Finding>,
    /// Everything else of each school.
    pub by_school: IdVec<SchoolIx, SchoolFindings>,
}

/// E6: the share of pupils that has had the event by the end of a period, if all had this dose before every period.
#[derive(Clone, Debug, PartialEq)]
pub struct Incidence {
    /// The dose, as a multiple of the median of each period.
    pub multiple: f64,
    /// The period.
    pub period: u16,
    /// The way out, where an event has several; `None` for an event without causes.
    pub exit: Option<ExitKind>,
    /// The share.
    pub level: LevelEstimate,
}

/// A level, not a difference: percent of pupils, or points of a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelEstimate {
    /// The level, in percent or points.
    pub value: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Its interval.
    pub interval: Interval,
}

/// The findings of one school.
#[derive(Clone, Debug, PartialEq)]
pub struct SchoolFindings {
    /// E3: what its dose goes with. The step of its contrast is how much more dose its pupils have than the median of
    /// comparable schools.
    pub contribution: Finding,
    /// E4: how far its own slope lies from that of all schools.
    pub deviation: Finding,
    /// What that deviation is worth.
    pub worth: Option<Worth>,
    /// E5: the outcome of reference pupils there, less that at any school.
    pub adjusted: Finding,
    /// The outcome to be expected of its own pupils at any school ("referentiewaarde").
    pub expected: Option<LevelEstimate>,
    /// Pupils of the smallest school whose mean dose is, or makes, the median that it is compared with in E3.
    pub reference_pupils: u64,
}

/// All findings of a fitted model, each school compared with all.
pub fn of(fitted: &Fitted) -> ModelFindings {
    of_compared(fitted, None)
}

/// All findings of a fitted model; `comparable` names the schools with whose doses each school's are compared in E3.
pub fn of_compared(fitted: &Fitted, comparable: Option<&IdVec<SchoolIx, Vec<SchoolIx>>>) -> ModelFindings {
    let frame = Frame { fitted, head: fitted.design.head(), main: main_part(fitted.design.head()) };
    let found = fitted.accept().and_then(|fit| {
        let doses = Doses::of(fit.design(), comparable);
        National::of(&fit, &doses).map(|national| (fit, doses, national)).ok_or(RefusalReason::NotConverged)
    });
    match found {
        Err(reason) => frame.refused(reason),
        Ok((fit, doses, national)) => frame.estimated(&fit, &doses, &national),
    }
}

/// Seed of draws.
const SEED: u64 = 1;

/// What every finding of a model needs.
struct Frame<'f> {
    fitted: &'f Fitted,
    head: &'f Head,
    main: DosePart,
}

/// Which kind of interval a number has.
#[derive(Clone, Copy)]
struct Kind {
    df: f64,
    method: IntervalMethod,
}

impl Frame<'_> {
    fn estimated(&self, fit: &AcceptedFit<'_>, doses: &Doses, national: &National<'_>) -> ModelFindings {
        let head = self.head;
        let e1 = |part: DosePart| {
            let graded = national.parts.iter().find(|(p, _)| *p == part).map(|(_, g)| g);
            self.nation(national, part, head.step, graded)
        };
        let compared = decomposition::compare(national, &head.doses);
        let pooled = compared.pooled.as_ref().map(|g| self.nation(national, DosePart::Total, head.step, Some(g)));
        let incidence = |(multiple, period, graded): &(f64, u16, Graded)| {
            let point = point(graded, national);
            let kind = Kind { df: national.df(graded), method: IntervalMethod::Wald };
            Incidence { multiple: *multiple, period: *period, exit: None, level: level(point, kind, national.unit) }
        };
        let (schools, by_school) = self.schools(fit, doses, national);
        ModelFindings {
            nation: e1(self.main),
            parts: head.doses.iter().map(|(part, _)| e1(*part)).collect(),
            quartiles: self.nation(national, self.main, doses.quartile_range, national.quartiles.as_ref()),
            incidence: national.incidence.iter().map(incidence).collect(),
            quadrature: national.quadrature,
            drawn: self.replicates().and_then(|r| draws::draw(fit, doses, national.quadrature, r)),
            comparison: Some(compared.comparison),
            pooled,
            schools,
            by_school,
        }
    }

    /// The draws that the model asks for.
    fn replicates(&self) -> Option<Replicates> {
        let count = self.fitted.entry.replicates;
        (count > 0).then_some(Replicates { count, seed: SEED })
    }

    fn nation(&self, national: &National<'_>, part: DosePart, step: f64, graded: Option<&Graded>) -> Finding {
        let point = graded.map(|g| point(g, national));
        let kind = Kind { df: graded.map_or(f64::NAN, |g| national.df(g)), method: IntervalMethod::Wald };
        self.finding(self.estimand(part, step, Population::Nation), self.head.total(), point, kind, national.unit)
    }

    fn schools(
        &self,
        fit: &AcceptedFit<'_>,
        doses: &Doses,
        national: &National<'_>,
    ) -> (IdVec<SchoolIx, Finding>, IdVec<SchoolIx, SchoolFindings>) {
        let groups = self.head.groups.len();
        let binary = SchoolsOf::of(fit, national.quadrature);
        let points: Vec<Option<SchoolPoints>> = (0..groups)
            .into_par_iter()
            .map(|g| match (&binary, fit.design()) {
                (Some(schools), _) => Some(schools.school(g, doses)),
                (None, Design::Linear(_)) => linear::school(fit, g, doses),
                (None, Design::Binary(_)) => None,
            })
            .collect();
        let unit = national.unit;
        let df = (groups as f64 - 1.0).max(1.0);
        let deviations: Vec<_> = points.iter().map(|p| p.and_then(|p| p.deviation)).collect();
        let worth = heterogeneity::worth(&deviations, scale(unit), t_quantile(0.975, df));
        let main_df = national.parts.first().map_or(df, |(_, g)| national.df(g));
        let bayes = Kind { df, method: IntervalMethod::EmpiricalBayes };
        let curve = Kind { df: main_df, method: IntervalMethod::Wald };
        let of_school = |(s, counts): (SchoolIx, &Counts)| {
            let group = self.head.groups.binary_search(&s).ok();
            let points = group.and_then(|g| points[g]);
            let (gap, smallest) = group.map_or((0.0, 0), |g| (doses.gap(g), doses.smallest_reference(g)));
            let estimand = |step| self.estimand(self.main, step, Population::School);
            let find = |step, of: Option<Point>, kind, none| match (points, of) {
                (None, _) => self.refuse(estimand(step), *counts, RefusalReason::NoPupils),
                (Some(_), None) => self.refuse(estimand(step), *counts, none),
                (Some(_), of) => self.finding(estimand(step), *counts, of, kind, unit),
            };
            let step = self.head.step;
            let no_slope = RefusalReason::NoOwnSlope;
            let own = find(step, points.and_then(|p| p.own), bayes, no_slope);
            let all = SchoolFindings {
                contribution: find(gap, points.and_then(|p| p.contribution), curve, RefusalReason::NoDose),
                deviation: find(step, points.and_then(|p| p.deviation.map(|d| d.point)), bayes, no_slope),
                worth: group.and_then(|g| worth[g]),
                adjusted: find(0.0, points.and_then(|p| p.adjusted), bayes, no_slope),
                expected: points.and_then(|p| p.expected).map(|p| level(p, curve, unit)),
                reference_pupils: smallest,
            };
            (own, all)
        };
        let (own, all): (Vec<_>, Vec<_>) = self.head.counts.enumerate().map(of_school).unzip();
        (own.into(), all.into())
    }

    fn refused(&self, reason: RefusalReason) -> ModelFindings {
        let head = self.head;
        let nation = |part| self.refuse(self.estimand(part, head.step, Population::Nation), head.total(), reason);
        let school =
            |counts: &Counts, step| self.refuse(self.estimand(self.main, step, Population::School), *counts, reason);
        let all = |counts: &Counts| SchoolFindings {
            contribution: school(counts, 0.0),
            deviation: school(counts, head.step),
            worth: None,
            adjusted: school(counts, 0.0),
            expected: None,
            reference_pupils: 0,
        };
        ModelFindings {
            nation: nation(self.main),
            parts: head.doses.iter().map(|(part, _)| nation(*part)).collect(),
            quartiles: nation(self.main),
            incidence: Vec::new(),
            quadrature: None,
            drawn: None,
            comparison: None,
            pooled: None,
            schools: head.counts.iter().map(|c| school(c, head.step)).collect::<Vec<_>>().into(),
            by_school: head.counts.iter().map(all).collect::<Vec<_>>().into(),
        }
    }

    fn estimand(&self, part: DosePart, step: f64, population: Population) -> Estimand {
        Estimand {
            outcome: self.fitted.entry.outcome.clone(),
            exposure: self.fitted.entry.exposure.clone(),
            contrast: Contrast { part, step },
            population,
            reading: Reading::Association,
        }
    }

    fn refuse(&self, estimand: Estimand, counts: Counts, reason: RefusalReason) -> Finding {
        Finding::Refused(Refusal { estimand, reason, n_pupils: counts.pupils })
    }

    /// An estimate, or a refusal where no variance could be had. Along the curve of all schools a difference of doses of
    /// exactly 0 goes with a difference of exactly 0; no other number is known without error.
    fn finding(&self, estimand: Estimand, counts: Counts, point: Option<Point>, kind: Kind, unit: Unit) -> Finding {
        let is_sound = |p: &Point| p.value.is_finite() && p.variance.is_finite() && p.variance >= 0.0;
        // A gap is a difference of means: 0 up to rounding.
        let no_gap = estimand.contrast.step.abs() < 1e-9 && kind.method == IntervalMethod::Wald;
        let nothing = |p: &Point| p.variance == 0.0 && !(no_gap && p.value == 0.0);
        let Some(point) = point.filter(|p| is_sound(p) && !nothing(p)) else {
            return self.refuse(estimand, counts, RefusalReason::NotConverged);
        };
        let LevelEstimate { value, std_error, interval } = level(point, kind, unit);
        Finding::Estimate(EffectEstimate {
            quantity: Quantity { value, unit, per: estimand.contrast.step },
            estimand,
            interval,
            std_error,
            df: kind.df,
            n_pupils: counts.pupils,
            n_events: counts.events,
        })
    }
}

fn scale(unit: Unit) -> f64 {
    if unit == Unit::PercentagePoint { 100.0 } else { 1.0 }
}

fn point(graded: &Graded, national: &National<'_>) -> Point {
    Point { value: graded.value, variance: graded.variance(national.errors.reported()) }
}

/// A point in its unit, with its interval.
fn level(point: Point, kind: Kind, unit: Unit) -> LevelEstimate {
    let level = Level::P95;
    let (value, std_error) = (scale(unit) * point.value, scale(unit) * point.variance.sqrt());
    let half = t_quantile(0.5 + level.get() / 2.0, kind.df) * std_error;
    let interval = Interval { lo: value - half, hi: value + half, level, method: kind.method };
    LevelEstimate { value, std_error, interval }
}

#[cfg(test)]
mod tests;
