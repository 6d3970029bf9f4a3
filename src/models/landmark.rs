//! Landmark model: an outcome after the landmark, with the dose frozen at it (`statistics.md` §5.5).

use ndarray::Array2;

use super::fitted::{family, reason};
use super::{Fit, MixedFit, Model, PooledFit};
use crate::design::{Design, Start, binary};
use crate::panel::Panel;
use crate::stats::{Cells, Family, GlmFit, GlmOptions, GlmmOptions, RandomTerm, StatsError, fit_glm, fit_glmm};
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
    let cells = Cells { x: d.x.view(), trials: d.trials.view(), successes: d.successes.view(), offset: None };
    let family = family(entry.link);
    let blocks = [d.z.ncols()];
    let schools = RandomTerm { z: d.z.view(), level: &d.group, n_levels: d.head.groups.len(), blocks: &blocks };
    let fit = match d.z.ncols() {
        0 => fit_pooled(&cells, &schools, family).map(Fit::Pooled),
        _ => fit_mixed(&cells, schools, family).map(|fit| Fit::Mixed(Box::new(fit))),
    };
    fit.map_err(|e| reason(&e))
}

fn fit_pooled(cells: &Cells<'_>, schools: &RandomTerm<'_>, family: Family) -> Result<PooledFit, StatsError> {
    let glm = fit_glm(cells, family, &GlmOptions::default())?;
    let vcov_robust = cr1(cells, schools, family, &glm);
    Ok(PooledFit { glm, vcov_robust })
}

/// CR0 times G/(G−1) · (N−1)/(N−p), N = Σ trials: `sandwich::vcovCL(type = "HC1")` on the separate rows.
fn cr1(cells: &Cells<'_>, schools: &RandomTerm<'_>, family: Family, glm: &GlmFit) -> Array2<f64> {
    let (n, p) = cells.x.dim();
    let mut scores = Array2::<f64>::zeros((schools.n_levels, p));
    for i in 0..n {
        let cell = family.cell(cells.x.row(i).dot(&glm.beta), cells.trials[i], cells.successes[i]);
        scores.row_mut(schools.level[i] as usize).scaled_add(cell.score, &cells.x.row(i));
    }
    let (g, n) = (schools.n_levels as f64, glm.n_obs);
    let factor = g / (g - 1.0) * (n - 1.0) / (n - p as f64);
    glm.vcov.dot(&scores.t().dot(&scores)).dot(&glm.vcov) * factor
}

fn fit_mixed(cells: &Cells<'_>, schools: RandomTerm<'_>, family: Family) -> Result<MixedFit, StatsError> {
    let away_from_zero = GlmmOptions { variance_prior: 1.0, ..GlmmOptions::default() };
    let terms = [schools];
    let (ml, schools) = rayon::join(
        || fit_glmm(cells, &terms, family, &GlmmOptions::default()),
        || fit_glmm(cells, &terms, family, &away_from_zero),
    );
    Ok(MixedFit { ml: ml?, schools: schools? })
}
