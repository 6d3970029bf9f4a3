//! Linear model of one value per pupil, with the schools' own intercepts and slopes.

use super::fitted::reason;
use super::{Fit, Model};
use crate::design::{Design, Start, linear};
use crate::panel::Panel;
use crate::stats::{InnerLevel, LmmData, LmmOptions, fit_lmm};
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
    let data = LmmData {
        y: d.y.view(),
        x: d.x.view(),
        z_outer: d.z.view(),
        outer: &d.group,
        n_outer: d.head.groups.len(),
        inner: d.inner.as_ref().map(|(z, unit)| InnerLevel { z: z.view(), unit }),
    };
    let options = LmmOptions { reml: entry.reml, ..LmmOptions::default() };
    fit_lmm(&data, &options).map(Fit::Linear).map_err(|e| reason(&e))
}
