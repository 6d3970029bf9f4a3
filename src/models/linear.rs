//! Linear model of one value per pupil, with the schools' own intercepts and slopes.

use super::fitted::reason;
use super::{Fit, LinearFit, Model};
use crate::design::{Design, Start, linear};
use crate::panel::Panel;
use crate::stats::{LmmData, LmmOptions, RandomTerm, Stop, fit_lmm};
use crate::study::ModelKind;
use crate::study::file::ModelEntry;
use crate::vocab::{OutcomeRule, RefusalReason};

/// See [`Model::equation`].
pub struct Linear;

impl Model for Linear {
    fn kind(&self) -> ModelKind {
        ModelKind {
            id: "linear",
            takes: |rule| rule == OutcomeRule::Column,
            takes_words: "a value of the pupils (definition `value`)",
            may_split: true,
        }
    }

    fn equation(&self) -> &'static str {
        "value = α + cohort + x'γ + dose'β + b0_school + b1_school·dose + ε"
    }

    fn design(&self, panel: &Panel<'_>, entry: &ModelEntry) -> Design {
        Design::Linear(linear(panel, entry, Start::Intercept))
    }

    fn fit(&self, design: &Design, entry: &ModelEntry) -> Result<Fit, RefusalReason> {
        fit_linear(design, entry)
    }
}

/// Fits a linear design, with the pupils' level where it has one.
pub(super) fn fit_linear(design: &Design, entry: &ModelEntry) -> Result<Fit, RefusalReason> {
    let Design::Linear(d) = design else { return Err(RefusalReason::NoVariation) };
    if d.head.doses.is_empty() {
        return Err(RefusalReason::NoDose);
    }
    let q = [d.columns.z().ncols()];
    let mut terms = vec![RandomTerm { z: d.columns.z(), level: &d.group, n_levels: d.head.groups.len(), blocks: &q }];
    let units = d.pupil.as_ref().map(|pupil| (units(&d.group, pupil), [d.columns.inner().ncols()]));
    if let Some((units, q)) = &units {
        terms.push(RandomTerm { z: d.columns.inner(), level: &units.level, n_levels: units.count, blocks: q });
    }
    let data = LmmData { y: d.y.view(), x: d.columns.x(), terms: &terms, weights: None, offset: None };
    let options = LmmOptions { reml: entry.reml, predict_units: false, ..LmmOptions::default() };
    let ml = fit_lmm(&data, &options).map_err(|e| reason(&e))?;
    let away_from_zero = LmmOptions { variance_prior: 1.0, ..options };
    let schools = match ml.stop {
        Stop::Boundary { .. } => Some(fit_lmm(&data, &away_from_zero).map_err(|e| reason(&e))?),
        _ => None,
    };
    Ok(Fit::Linear(Box::new(LinearFit { ml, schools })))
}

/// Pupils of a school as units of their own: who moves is another unit in the next school.
struct Units {
    level: Vec<u32>,
    count: usize,
}

/// Numbers the runs of equal school and pupil; rows are in their order.
fn units(group: &[u32], pupil: &[u32]) -> Units {
    let mut level = Vec::with_capacity(group.len());
    let mut last = None;
    let mut next = 0;
    for run in group.iter().zip(pupil) {
        next += u32::from(last.is_some_and(|last| last != run));
        last = Some(run);
        level.push(next);
    }
    Units { count: next as usize + usize::from(!group.is_empty()), level }
}
