//! A panel → its patterns, in canonical order: of the sum of two panels the same as of both together.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Pattern;
use crate::panel::flow::Step;
use crate::panel::sets::{DoseAt, OutcomeData, Panel};
use crate::vocab::{CohortIx, OutcomeRule, PupilIx, SchoolIx};

/// What makes two rows one pattern; sorting by it gives the canonical order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    outcome: Option<usize>,
    fell_out: Option<Step>,
    school: SchoolIx,
    at: SchoolIx,
    cohort: CohortIx,
    period: u16,
    registered: bool,
    provisional: bool,
    /// Bits that sort as the numbers do.
    numbers: Vec<u64>,
}

/// Number, Σy, Σy².
#[derive(Clone, Copy, Default)]
struct Moments {
    n: u64,
    sum: f64,
    squares: f64,
}

/// Patterns that one thread is done with sooner than two.
const FEW: usize = 4096;
/// Schools whose patterns are made together.
const AT_A_TIME: usize = 64;
/// Patterns in a piece, where they are there already.
const SOME: usize = 1 << 16;

/// Equal patterns added together, in canonical order. Sums are taken in the order in which the patterns come.
pub(super) fn merged(patterns: Vec<Pattern>) -> Vec<Pattern> {
    let mut all: Vec<(Key, Moments)> = patterns.into_par_iter().with_min_len(FEW).map(split).collect();
    // Stable: equal patterns stay in their order.
    all.par_sort_by(|a, b| a.0.cmp(&b.0));
    all.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1.n += next.1.n;
            kept.1.sum += next.1.sum;
            kept.1.squares += next.1.squares;
        }
        is_same
    });
    all.into_par_iter().with_min_len(FEW).map(joined).collect()
}

fn split(one: Pattern) -> (Key, Moments) {
    let key = Key {
        outcome: one.outcome,
        fell_out: one.fell_out,
        school: one.school,
        at: one.at,
        cohort: one.cohort,
        period: one.period,
        registered: one.registered,
        provisional: one.provisional,
        numbers: one.numbers.into_iter().map(ordered_bits).collect(),
    };
    (key, Moments { n: one.n, sum: one.sum, squares: one.squares })
}

fn joined((key, moments): (Key, Moments)) -> Pattern {
    Pattern {
        outcome: key.outcome,
        fell_out: key.fell_out,
        school: key.school,
        at: key.at,
        cohort: key.cohort,
        period: key.period,
        registered: key.registered,
        provisional: key.provisional,
        numbers: key.numbers.into_iter().map(from_ordered_bits).collect(),
        n: moments.n,
        sum: moments.sum,
        squares: moments.squares,
    }
}

impl Panel<'_> {
    /// The patterns of the panel.
    pub fn patterns(&self) -> Vec<Pattern> {
        self.some_patterns_at_a_time().flatten().collect()
    }

    /// The patterns of the panel, in pieces: of a country there are as many as pupils.
    pub(super) fn some_patterns_at_a_time(&self) -> Box<dyn Iterator<Item = Vec<Pattern>> + '_> {
        if let Some(patterns) = &self.patterns {
            return Box::new(patterns.all.chunks(SOME).map(<[Pattern]>::to_vec));
        }
        let outcomes = (0..self.plan.outcomes.len()).filter(|o| self.plan.outcomes[*o].rule() != OutcomeRule::Score);
        // In the order in which sets sort.
        let of_outcomes = outcomes.flat_map(move |o| {
            let is_provisional = self.is_provisional(o);
            self.by_school(move |p, rows| self.of_outcome(o, p, is_provisional(p), rows))
        });
        Box::new(self.by_school(|p, rows| rows.push(self.pupil(p))).chain(of_outcomes))
    }

    /// The rows of all pupils of one set, merged. No pattern is of pupils of two schools, so that a few schools at a time are held.
    fn by_school<'p>(
        &'p self,
        rows: impl Fn(PupilIx, &mut Vec<Pattern>) + Sync + 'p,
    ) -> impl Iterator<Item = Vec<Pattern>> + 'p {
        let pupils = self.pupils.by_school();
        let of_school = move |s: SchoolIx| {
            let mut of_pupils = Vec::with_capacity(pupils[s].len());
            pupils[s].iter().for_each(|p| rows(*p, &mut of_pupils));
            merged(of_pupils)
        };
        let mut schools = self.pupils.schools.ids();
        // Who fell out stands behind all others of the set, by reason.
        let mut out = Some(BTreeMap::<Option<Step>, Vec<Pattern>>::new());
        std::iter::from_fn(move || {
            let some: Vec<SchoolIx> = schools.by_ref().take(AT_A_TIME).collect();
            if some.is_empty() {
                return Some(out.take()?.into_values().flatten().collect());
            }
            let merged: Vec<Vec<Pattern>> = some.into_par_iter().map(&of_school).collect();
            let mut kept = Vec::new();
            for one in merged.into_iter().flatten() {
                match (one.fell_out, &mut out) {
                    (Some(_), Some(out)) => out.entry(one.fell_out).or_default().push(one),
                    _ => kept.push(one),
                }
            }
            Some(kept)
        })
    }

    /// A pupil as a row of the set of pupils.
    fn pupil(&self, p: PupilIx) -> Pattern {
        let fell_out = match self.plan.pupils.landmark {
            Some(_) => self.at_landmark(p).err(),
            None if !self.pupils.days[p].has_origin() => Some(Step::NoOrigin),
            None => (!self.has_day(p)).then_some(Step::OtherSchool),
        };
        Pattern { fell_out, ..self.row(None, p, 0, self.has_day(p).then(|| self.last_dose()), 0.0) }
    }

    /// The rows of a pupil in an outcome's set, or the one of a pupil who fell out of it.
    fn of_outcome(&self, o: usize, p: PupilIx, provisional: bool, rows: &mut Vec<Pattern>) {
        let landmark = |y: f64| Pattern { provisional, ..self.row(Some(o), p, 0, Some(DoseAt::Landmark), y) };
        let here = |is_asked: bool| if is_asked { self.at_landmark(p) } else { Ok(()) };
        let known = match &self.outcomes[&o] {
            OutcomeData::Event(at_risk) => at_risk[p].map(|last| {
                let y = |k: u16| f64::from(u8::from(last.event && k == last.period));
                rows.extend((0..=last.period).map(|k| self.row(Some(o), p, k, Some(DoseAt::Period(k)), y(k))));
            }),
            OutcomeData::Binary(values) => {
                let had = here(true).and_then(|()| values[p]);
                had.map(|had| rows.push(landmark(f64::from(u8::from(had)))))
            }
            OutcomeData::Value(values) => {
                let here = here(self.plan.pupils.landmark.is_some());
                let value = here.and_then(|()| if values[p].is_nan() { Err(Step::NoOutcome) } else { Ok(values[p]) });
                value.map(|value| rows.push(landmark(value)))
            }
            OutcomeData::Scores(_) | OutcomeData::Patterns(_) => Ok(()),
        };
        if let Err(step) = known {
            rows.push(self.out(o, p, step));
        }
    }

    /// A row; without a time only the doses that are columns of the pupils are there.
    fn row(&self, outcome: Option<usize>, p: PupilIx, period: u16, at: Option<DoseAt>, y: f64) -> Pattern {
        let pupils = &self.pupils;
        let dose =
            |(e, exposure): (usize, &crate::panel::plan::ExposurePlan<'_>)| match (at, exposure.counts_activities()) {
                (None, true) => f64::NAN,
                (None, false) => self.uncapped(e, p, self.last_dose()),
                (Some(at), _) => self.uncapped(e, p, at),
            };
        let mut numbers: Vec<f64> = self.plan.exposures.iter().enumerate().map(dose).collect();
        numbers.extend(pupils.covariates.iter().map(|c| c[p]));
        Pattern {
            outcome,
            fell_out: None,
            school: pupils.school[p],
            at: at.filter(|_| outcome.is_some()).map_or(pupils.school[p], |at| self.school_at(p, at)),
            cohort: pupils.cohort[p],
            period,
            registered: self.is_registered(p, at),
            provisional: false,
            numbers,
            n: 1,
            sum: y,
            squares: y * y,
        }
    }

    fn out(&self, o: usize, p: PupilIx, step: Step) -> Pattern {
        let width = self.plan.exposures.len() + self.plan.covariates.len();
        Pattern {
            outcome: Some(o),
            fell_out: Some(step),
            school: self.pupils.school[p],
            at: self.pupils.school[p],
            cohort: self.pupils.cohort[p],
            period: 0,
            registered: false,
            provisional: false,
            numbers: vec![f64::NAN; width],
            n: 1,
            sum: 0.0,
            squares: 0.0,
        }
    }
}

/// Bits that sort as the numbers do; zero has one form, and so has what is missing.
fn ordered_bits(x: f64) -> u64 {
    let bits = if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() };
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

fn from_ordered_bits(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::ids::Ix;

    #[test]
    fn bits_there_and_back() {
        for x in [0.0, 1.5, -2.25, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(from_ordered_bits(ordered_bits(x)), x);
        }
        assert!(from_ordered_bits(ordered_bits(f64::NAN)).is_nan());
        assert_eq!(from_ordered_bits(ordered_bits(-0.0)).to_bits(), 0);
    }

    #[test]
    fn equal_patterns_are_added_and_their_order_is_that_of_the_keys() {
        let one = |school: usize, dose: f64, y: f64| Pattern {
            outcome: Some(0),
            fell_out: None,
            school: SchoolIx::from_position(school),
            at: SchoolIx::from_position(school),
            cohort: CohortIx::from_position(0),
            period: 0,
            registered: true,
            provisional: false,
            numbers: vec![dose],
            n: 1,
            sum: y,
            squares: y * y,
        };
        let all = merged(vec![one(1, 2.0, 1.0), one(0, 3.0, 0.0), one(1, 2.0, 3.0), one(0, -1.0, 1.0)]);
        let short: Vec<_> = all.iter().map(|p| (p.school.at(), p.numbers[0], p.n, p.sum, p.squares)).collect();
        assert_eq!(short, [(0, -1.0, 1, 1.0, 1.0), (0, 3.0, 1, 0.0, 0.0), (1, 2.0, 2, 4.0, 10.0)]);
    }
}
