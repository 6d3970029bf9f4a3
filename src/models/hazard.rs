//! Discrete-time hazard: whether the event comes in a period, for whoever is still at risk.

use super::{Fit, Model, landmark};
use crate::design::{Design, Start, binary};
use crate::panel::Panel;
use crate::study::ModelKind;
use crate::study::file::ModelEntry;
use crate::vocab::{OutcomeRule, RefusalReason};

/// See [`Model::equation`]. Singer & Willett (2003), ch. 10–12.
pub struct Hazard;

impl Model for Hazard {
    fn kind(&self) -> ModelKind {
        ModelKind {
            id: "hazard",
            takes: |rule| rule == OutcomeRule::Event,
            takes_words: "a dated event (definition `event`)",
            may_split: true,
        }
    }

    fn equation(&self) -> &'static str {
        "g(P(event in period t | at risk)) = α_t + cohort + x'γ + dose(t)'β + b0_school + b1_school·dose(t)"
    }

    fn design(&self, panel: &Panel<'_>, entry: &ModelEntry) -> Design {
        Design::Binary(binary(panel, entry, Start::Periods))
    }

    fn fit(&self, design: &Design, entry: &ModelEntry) -> Result<Fit, RefusalReason> {
        landmark::fit_binary(design, entry)
    }
}
