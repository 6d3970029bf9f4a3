//! Landmark model: an outcome after the landmark, with the dose frozen at it (`statistics.md` §5.5).

use ndarray::Array2;

use super::fitted::{family, reason};
use super::{Fit, MixedFit, Model, PooledFit};
use crate::design::{Design, Start, binary};
use crate::panel::Panel;
use crate::stats::{
    Cells, CrType, Family, GlmOptions, GlmmOptions, RandomTerm, StatsError, fit_glm, fit_glmm_priors, glm_cluster_vcov,
};
use crate::study::ModelKind;
use crate::study::file::ModelEntry;
use crate::vocab::{OutcomeRule, RefusalReason};

/// See [`Model::equation`].
pub struct Landmark;

impl Model for Landmark {
    fn kind(&self) -> ModelKind {
        ModelKind {
            id: "landmark",
            takes: |rule| !matches!(rule, OutcomeRule::Event | OutcomeRule::Score | OutcomeRule::Column),
            takes_words: "an outcome that is read off enrolments on a count date",
            may_split: true,
        }
    }

    fn equation(&self) -> &'static str {
        "g(P(outcome)) = α + cohort + x'γ + dose'β + b0_school + b1_school·dose"
    }

    fn design(&self, panel: &Panel<'_>, entry: &ModelEntry) -> Design {
        Design::Binary(binary(panel, entry, Start::Intercept))
    }

    fn fit(&self, design: &Design, entry: &ModelEntry) -> Result<Fit, RefusalReason> {
        fit_binary(design, entry)
    }
}

/// Fits a binary design, with or without random effects.
pub(super) fn fit_binary(design: &Design, entry: &ModelEntry) -> Result<Fit, RefusalReason> {
    let Design::Binary(d) = design else { return Err(RefusalReason::NoVariation) };
    if d.head.doses.is_empty() {
        return Err(RefusalReason::NoDose);
    }
    let cells = Cells { x: d.x(), trials: d.trials.view(), successes: d.successes.view(), offset: None };
    let family = family(entry.link);
    let z = d.z();
    let blocks = [z.ncols()];
    let schools = RandomTerm { z, level: &d.group, n_levels: d.head.groups.len(), blocks: &blocks };
    let fit = match blocks[0] {
        0 => fit_pooled(&cells, &schools, family).map(Fit::Pooled),
        _ => {
            let ones = Array2::ones((d.trials.len(), 1));
            let cohorts = d.cohorts.as_ref().map(|c| RandomTerm {
                z: ones.view().into(),
                level: &c.code,
                n_levels: c.n_levels,
                blocks: &[1],
            });
            let terms: Vec<RandomTerm<'_>> = std::iter::once(schools).chain(cohorts).collect();
            fit_mixed(&cells, &terms, family).map(|fit| Fit::Mixed(Box::new(fit)))
        }
    };
    fit.map_err(|e| reason(&e))
}

fn fit_pooled(cells: &Cells<'_>, schools: &RandomTerm<'_>, family: Family) -> Result<PooledFit, StatsError> {
    let glm = fit_glm(cells, family, &GlmOptions::default())?;
    let robust = match glm_cluster_vcov(cells, family, &glm, schools.level, schools.n_levels, CrType::Cr1s) {
        Ok(robust) => Some(robust),
        Err(StatsError::TooFewGroups { .. }) => None,
        Err(e) => return Err(e),
    };
    Ok(PooledFit { glm, robust })
}

/// Schools are the first term; a second holds their cohorts.
fn fit_mixed(cells: &Cells<'_>, terms: &[RandomTerm<'_>], family: Family) -> Result<MixedFit, StatsError> {
    // As it is, and with the variances kept away from zero.
    let [ml, schools] = fit_glmm_priors(cells, terms, family, &GlmmOptions::default(), [0.0, 1.0])?;
    Ok(MixedFit { ml, schools })
}
