//! Linear growth of repeated scores: occasions in pupils in schools, the dose known before each occasion.

use super::{Fit, Model, linear};
use crate::design::{self, Design, Start};
use crate::panel::Panel;
use crate::study::ModelKind;
use crate::study::file::ModelEntry;
use crate::vocab::{OutcomeRule, RefusalReason};

/// See [`Model::equation`]. Singer & Willett (2003), ch. 4–5.
pub struct Growth;

impl Model for Growth {
    fn kind(&self) -> ModelKind {
        ModelKind {
            id: "growth",
            takes: |rule| rule == OutcomeRule::Score,
            takes_words: "repeated scores (definition `score`)",
            may_split: false,
        }
    }

    fn equation(&self) -> &'static str {
        "score(t) = α + cohort + δ·t + x'γ + β·dose(t) + b0_school + b1_school·t + u0_pupil + u1_pupil·t + ε"
    }

    fn design(&self, panel: &Panel<'_>, entry: &ModelEntry) -> Design {
        Design::Linear(design::linear(panel, entry, Start::Time))
    }

    fn fit(&self, design: &Design, entry: &ModelEntry) -> Result<Fit, RefusalReason> {
        linear::fit_linear(design, entry)
    }
}
