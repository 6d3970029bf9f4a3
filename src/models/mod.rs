//! Named longitudinal models. Each says what it takes, builds its design and calls `stats`. One model is one
//! file and one line in [`MODELS`].

mod fitted;
pub mod formula;
mod growth;
mod hazard;
mod landmark;
mod linear;

pub use fitted::{AcceptedFit, Fit, Fitted, LinearFit, MixedFit, PooledFit, reason};

use crate::design::Design;
use crate::panel::Panel;
use crate::study::ModelKind;
use crate::study::file::ModelEntry;
use crate::vocab::RefusalReason;

/// A kind of model.
pub trait Model: Send + Sync {
    /// Its name in the study file and what it takes.
    fn kind(&self) -> ModelKind;
    /// Its equation, for documentation and the technical annex.
    fn equation(&self) -> &'static str;
    /// The analysis set as numbers.
    fn design(&self, panel: &Panel<'_>, entry: &ModelEntry) -> Design;
    /// Fits it.
    ///
    /// # Errors
    /// Why there can be no fit, as findings say it.
    fn fit(&self, design: &Design, entry: &ModelEntry) -> Result<Fit, RefusalReason>;
}

/// All models.
pub static MODELS: &[&dyn Model] = &[&hazard::Hazard, &landmark::Landmark, &linear::Linear, &growth::Growth];

/// What a study file may name.
pub fn kinds() -> Vec<ModelKind> {
    MODELS.iter().map(|m| m.kind()).collect()
}

/// The model of a checked entry.
///
/// # Panics
/// Never for an entry of a checked study: the check has compared its kind with [`kinds`].
pub fn model(entry: &ModelEntry) -> &'static dyn Model {
    *MODELS.iter().find(|m| m.kind().id == entry.kind).expect("a checked entry names a kind of model")
}

/// Builds the design of an entry and fits it; a design is kept also when the fit is refused, because its
/// counts and flow are results.
pub fn fit(panel: &Panel<'_>, entry: &ModelEntry) -> Fitted {
    let model = model(entry);
    let design = model.design(panel, entry);
    let has_rows = panel.has_rows(panel.plan.outcome(&entry.outcome));
    let fit = if has_rows { enough(&design) } else { Err(RefusalReason::NeedsPupils) };
    let fit = fit.and_then(|()| model.fit(&design, entry));
    Fitted { entry: entry.clone(), design, fit }
}

/// What every model needs before its columns matter: pupils, and schools to compare.
fn enough(design: &Design) -> Result<(), RefusalReason> {
    match design.head().groups.len() {
        0 => Err(RefusalReason::NoPupils),
        1 => Err(RefusalReason::OneSchool),
        _ => Ok(()),
    }
}
