//! The columns of x: baseline (periods, intercept, time), cohorts, the dose or its parts, covariates.

use std::collections::{BTreeMap, BTreeSet};

use super::analysis_set::{AnalysisSet, Values};
use super::centre::Centred;
use super::model_columns::ModelColumns;
use super::{Start, covariates_of};
use crate::panel::Panel;
use crate::panel::sets::SetRow;
use crate::stats::Packed;
use crate::study::file::{DoseForm, ModelEntry, Random, SlopeOn};
use crate::vocab::{CohortIx, DosePart, PupilIx, SchoolIx};

/// Everything a row of x depends on; rows with equal spines and outcomes can be counted together.
#[derive(Clone, Copy)]
pub(super) struct Spine {
    pub(super) school: SchoolIx,
    pub(super) cohort: CohortIx,
    pub(super) period: u16,
    pub(super) dose: f64,
    /// Any pupil with these covariates.
    pub(super) pupil: PupilIx,
}

impl Spine {
    pub(super) fn of(panel: &Panel<'_>, row: &SetRow) -> Self {
        let (school, cohort) = (row.school, panel.pupils.cohort[row.pupil]);
        Self { school, cohort, period: row.period, dose: row.dose, pupil: row.pupil }
    }
}

enum Source {
    /// Periods from the first to the last.
    Periods(u16, u16),
    One,
    Time,
    Cohort(CohortIx),
    Dose(DosePart),
    /// The sum of two parts.
    Doses(DosePart, DosePart),
    Number(usize),
    Level(usize, f64),
}

/// The columns of a model.
pub(super) struct Columns {
    pub(super) terms: Vec<String>,
    pub(super) doses: Vec<(DosePart, usize)>,
    pub(super) notes: Vec<String>,
    /// The part of the dose on which the schools' slopes are.
    pub(super) slope: Option<DosePart>,
    pub(super) slope_on_cohort: bool,
    /// Of the terms, and behind them what only the random effects need.
    sources: Vec<Source>,
    /// Columns that vary between schools: none, an intercept, or an intercept and a slope, of the dose or of time.
    z: Vec<usize>,
    /// Columns that vary between pupils.
    inner: Vec<usize>,
}

/// The periods that share a level of the baseline hazard, as (first, last): a period in which nobody (or everybody) had
/// the event says nothing about a level of its own, which would have no finite estimate, so it joins the ones after it,
/// or the ones before where none are left. `counts` are rows with and without the event.
fn baseline(counts: &BTreeMap<u16, (f64, f64)>) -> Vec<(u16, u16)> {
    let mut levels: Vec<(u16, u16)> = Vec::new();
    let mut open: Option<(u16, f64, f64)> = None;
    let mut last = 0;
    for (&period, &(events, others)) in counts {
        let (first, e, o) = open.unwrap_or((period, 0.0, 0.0));
        let (e, o) = (e + events, o + others);
        last = period;
        if e > 0.0 && o > 0.0 {
            levels.push((first, period));
            open = None;
        } else {
            open = Some((first, e, o));
        }
    }
    if let Some((first, ..)) = open {
        match levels.last_mut() {
            Some(before) => before.1 = last,
            None => levels.push((first, last)),
        }
    }
    levels
}

impl Columns {
    /// Columns for these rows: levels, cohorts and periods that no row has get no column, nor has a part of
    /// the dose or a covariate that does not vary (a study of one cohort, or of one school).
    pub(super) fn new(set: &AnalysisSet<'_, '_>, entry: &ModelEntry, start: Start) -> Self {
        let (panel, seen) = (set.panel, &set.seen);
        let mut sources: Vec<(String, Source)> = Vec::new();
        let mut notes = Vec::new();
        match start {
            Start::Periods => {
                for level in baseline(&seen.by_period) {
                    let (first, last) = level;
                    let name = if first == last { format!("period{first}") } else { format!("period{first}_{last}") };
                    if first != last {
                        notes.push(format!(
                            "periods {first} to {last} share one level of the hazard: in one of them nobody, or everybody, \
                             had the event"
                        ));
                    }
                    sources.push((name, Source::Periods(first, last)));
                }
            }
            Start::Intercept => sources.push(("(Intercept)".into(), Source::One)),
            Start::Time => {
                sources.extend([("(Intercept)".into(), Source::One), ("time".into(), Source::Time)]);
            }
        }
        let label = |c: &CohortIx| format!("cohort{}", panel.pupils.cohorts[*c]);
        sources.extend(seen.cohorts.iter().skip(1).map(|c| (label(c), Source::Cohort(*c))));
        for (part, span) in set.doses.parts().iter().zip(&seen.parts) {
            // Means of equal doses may differ in the last digit.
            let same = 1e-12 * span.first.abs().max(1.0);
            if span.largest - span.first > same || span.first - span.least > same {
                sources.push((format!("dose{}", part.suffix()), Source::Dose(*part)));
            }
        }
        for (c, values) in covariates_of(panel, entry).into_iter().zip(&seen.covariates) {
            let id = &panel.plan.covariates[c].id;
            match values {
                Values::Numbers(span) if span.least < span.largest => sources.push((id.clone(), Source::Number(c))),
                Values::Numbers(_) => {}
                Values::Levels(present) => sources.extend(present.iter().skip(1).map(|&l| {
                    let name = panel.pupils.levels[c].get(l as usize).map_or("", String::as_str);
                    (format!("{id}{name}"), Source::Level(c, l as f64))
                })),
            }
        }
        let dose_at = |(i, (_, s)): (usize, &(String, Source))| match s {
            Source::Dose(part) => Some((*part, i)),
            _ => None,
        };
        let doses: Vec<(DosePart, usize)> = sources.iter().enumerate().filter_map(dose_at).collect();
        let (terms, sources) = sources.into_iter().unzip();
        let part = if entry.dose == DoseForm::Split { DosePart::Within } else { DosePart::Total };
        let slope = (entry.random == Random::Slope).then_some(part).filter(|p| doses.iter().any(|(q, _)| q == p));
        let slope_on_cohort = entry.slope_on == SlopeOn::CohortWithin && part == DosePart::Within;
        let inner = if start == Start::Time { vec![0, 1] } else { Vec::new() };
        let mut columns = Self { terms, doses, notes, slope, slope_on_cohort, sources, z: Vec::new(), inner };
        if entry.random != Random::None {
            let one = columns.sources.iter().position(|s| matches!(s, Source::One));
            let one = one.unwrap_or_else(|| columns.push(Source::One));
            columns.z = std::iter::once(one).chain(columns.random_slope(entry, start)).collect();
        }
        columns
    }

    /// The column of what schools have slopes on.
    fn random_slope(&mut self, entry: &ModelEntry, start: Start) -> Option<usize> {
        let at = |part: DosePart| self.doses.iter().find(|(p, _)| *p == part).map(|(_, at)| *at);
        if start == Start::Time && entry.random == Random::Slope {
            return self.sources.iter().position(|s| matches!(s, Source::Time));
        }
        let part = self.slope?;
        match at(DosePart::Cohort).filter(|_| self.slope_on_cohort) {
            Some(_) => Some(self.push(Source::Doses(part, DosePart::Cohort))),
            None => at(part),
        }
    }

    /// A column behind all others; its position.
    fn push(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// Numbers of a row.
    pub(super) fn width(&self) -> usize {
        self.sources.len()
    }

    /// Packed rows as the columns they are.
    pub(super) fn of(&self, packed: Packed) -> ModelColumns {
        let x = (0..self.terms.len()).collect();
        ModelColumns { packed, x, z: self.z.clone(), inner: self.inner.clone() }
    }

    /// Fills one row.
    pub(super) fn fill(&self, panel: &Panel<'_>, s: &Spine, doses: &Centred, row: &mut [f64]) {
        let part = |part: DosePart| doses.part(part, s.dose, s.period, s.school, s.cohort);
        let flag = |is: bool| f64::from(u8::from(is));
        for (cell, source) in row.iter_mut().zip(&self.sources) {
            *cell = match *source {
                Source::Periods(first, last) => flag((first..=last).contains(&s.period)),
                Source::One => 1.0,
                Source::Time => f64::from(s.period),
                Source::Cohort(c) => flag(s.cohort == c),
                Source::Dose(of) => part(of),
                Source::Doses(a, b) => part(a) + part(b),
                Source::Number(c) => panel.pupils.covariates[c][s.pupil],
                Source::Level(c, level) => flag(panel.pupils.covariates[c][s.pupil] == level),
            };
        }
    }

    /// Whether x depends on the cohort, in itself or through the means of the dose.
    pub(super) fn needs_cohort(&self) -> bool {
        let needs = |s: &Source| match s {
            Source::Cohort(_) => true,
            Source::Dose(part) => *part != DosePart::Total,
            Source::Doses(..) => true,
            _ => false,
        };
        self.sources.iter().any(needs)
    }

    /// The covariates in x, whose values tell two pupils apart.
    pub(super) fn covariates(&self) -> Vec<usize> {
        let of = |s: &Source| match s {
            Source::Number(c) | Source::Level(c, _) => Some(*c),
            _ => None,
        };
        let found: BTreeSet<usize> = self.sources.iter().filter_map(of).collect();
        found.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_without_events_shares_the_level_of_its_neighbour() {
        let both = |period| (period, (1.0, 1.0));
        let none = |period| (period, (0.0, 2.0));
        let all = |counts: &[(u16, (f64, f64))]| baseline(&counts.iter().copied().collect());
        assert_eq!(all(&[both(0), both(1), both(2)]), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(all(&[none(0), both(1), both(2)]), [(0, 1), (2, 2)]);
        assert_eq!(all(&[both(0), none(1), none(2), both(3)]), [(0, 0), (1, 3)]);
        assert_eq!(all(&[both(0), both(1), none(2)]), [(0, 0), (1, 2)]);
        assert_eq!(all(&[none(0), none(1)]), [(0, 1)], "the outcome does not vary: the fit says so");
    }
}
