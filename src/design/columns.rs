//! The columns of x: baseline (periods, intercept, time), cohorts, the dose or its parts, covariates.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::ArrayViewMut1;

use super::centre::Centred;
use super::{Start, covariates_of};
use crate::panel::Panel;
use crate::panel::sets::SetRow;
use crate::study::file::ModelEntry;
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
        let (school, cohort) = (panel.pupils.school[row.pupil], panel.pupils.cohort[row.pupil]);
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
    Number(usize),
    Level(usize, f64),
}

/// The columns of a model.
pub(super) struct Columns {
    pub(super) terms: Vec<String>,
    pub(super) doses: Vec<(DosePart, usize)>,
    pub(super) notes: Vec<String>,
    sources: Vec<Source>,
}

/// The periods that share a level of the baseline hazard, as (first, last): a period in which nobody (or everybody) had
/// the event says nothing about a level of its own, which would have no finite estimate, so it joins the ones after it,
/// or the ones before where none are left.
fn baseline(rows: &[SetRow]) -> Vec<(u16, u16)> {
    let mut counts: BTreeMap<u16, (f64, f64)> = BTreeMap::new();
    for r in rows {
        let (events, others) = counts.entry(r.period).or_default();
        if r.y == 1.0 { *events += r.n } else { *others += r.n }
    }
    let mut levels: Vec<(u16, u16)> = Vec::new();
    let mut open: Option<(u16, f64, f64)> = None;
    let mut last = 0;
    for (&period, &(events, others)) in &counts {
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
    pub(super) fn new(panel: &Panel<'_>, entry: &ModelEntry, start: Start, rows: &[SetRow], doses: &Centred) -> Self {
        let mut sources: Vec<(String, Source)> = Vec::new();
        let mut notes = Vec::new();
        match start {
            Start::Periods => {
                for level in baseline(rows) {
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
        let cohorts: BTreeSet<CohortIx> = rows.iter().map(|r| panel.pupils.cohort[r.pupil]).collect();
        let label = |c: &CohortIx| format!("cohort{}", panel.pupils.cohorts[*c]);
        sources.extend(cohorts.iter().skip(1).map(|c| (label(c), Source::Cohort(*c))));
        for part in doses.parts() {
            let mut values = rows.iter().map(|r| {
                let s = Spine::of(panel, r);
                doses.part(*part, s.dose, s.period, s.school, s.cohort)
            });
            let first = values.next().unwrap_or(0.0);
            // Means of equal doses may differ in the last digit.
            if values.any(|v| (v - first).abs() > 1e-12 * first.abs().max(1.0)) {
                sources.push((format!("dose{}", part.suffix()), Source::Dose(*part)));
            }
        }
        for c in covariates_of(panel, entry) {
            let id = &panel.plan.covariates[c].id;
            let levels = &panel.pupils.levels[c];
            if levels.is_empty() {
                let mut values = rows.iter().map(|r| panel.pupils.covariates[c][r.pupil]);
                let first = values.next().unwrap_or(0.0);
                if values.any(|v| v != first) {
                    sources.push((id.clone(), Source::Number(c)));
                }
                continue;
            }
            let present: BTreeSet<u64> = rows.iter().map(|r| panel.pupils.covariates[c][r.pupil] as u64).collect();
            sources.extend(present.iter().skip(1).map(|&l| {
                let name = levels.get(l as usize).map_or("", String::as_str);
                (format!("{id}{name}"), Source::Level(c, l as f64))
            }));
        }
        let dose_at = |(i, (_, s)): (usize, &(String, Source))| match s {
            Source::Dose(part) => Some((*part, i)),
            _ => None,
        };
        let doses = sources.iter().enumerate().filter_map(dose_at).collect();
        let (terms, sources) = sources.into_iter().unzip();
        Self { terms, doses, notes, sources }
    }

    /// Fills one row of x.
    pub(super) fn fill(&self, panel: &Panel<'_>, s: &Spine, doses: &Centred, mut row: ArrayViewMut1<'_, f64>) {
        let flag = |is: bool| f64::from(u8::from(is));
        for (cell, source) in row.iter_mut().zip(&self.sources) {
            *cell = match *source {
                Source::Periods(first, last) => flag((first..=last).contains(&s.period)),
                Source::One => 1.0,
                Source::Time => f64::from(s.period),
                Source::Cohort(c) => flag(s.cohort == c),
                Source::Dose(part) => doses.part(part, s.dose, s.period, s.school, s.cohort),
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
    use crate::vocab::ids::Ix;

    #[test]
    fn a_period_without_events_shares_the_level_of_its_neighbour() {
        let row = |period, y| SetRow { pupil: PupilIx::from_position(0), period, dose: 0.0, y, n: 1.0 };
        let both = |period| [row(period, 0.0), row(period, 1.0)];
        let none = |period| [row(period, 0.0), row(period, 0.0)];
        let all = |sets: &[[SetRow; 2]]| baseline(&sets.concat());
        assert_eq!(all(&[both(0), both(1), both(2)]), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(all(&[none(0), both(1), both(2)]), [(0, 1), (2, 2)]);
        assert_eq!(all(&[both(0), none(1), none(2), both(3)]), [(0, 0), (1, 3)]);
        assert_eq!(all(&[both(0), both(1), none(2)]), [(0, 0), (1, 2)]);
        assert_eq!(all(&[none(0), none(1)]), [(0, 1)], "the outcome does not vary: the fit says so");
    }
}
