//! What a model hands on: the design it was fitted on and the fit, or why there is none.

use ndarray::Array2;

use crate::design::{BinaryDesign, Design};
use crate::stats::{Cells, ClusterVcov, Family, GlmFit, GlmOptions, GlmmFit, Link, LmmFit, StatsError, Stop, fit_glm};
use crate::study::file::{LinkName, ModelEntry};
use crate::vocab::RefusalReason;

/// A fit of one of the three kinds that `stats` makes.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a study has a handful of fits")]
pub enum Fit {
    /// Binomial without random effects; errors are robust for schools.
    Pooled(PooledFit),
    /// Binomial with random effects per school.
    Mixed(Box<MixedFit>),
    /// Gaussian with random effects per school, and per pupil in growth models.
    Linear(Box<LinearFit>),
}

/// A Gaussian mixed model. It is read as its (restricted) maximum likelihood fit.
#[derive(Clone, Debug)]
pub struct LinearFit {
    /// (Restricted) maximum likelihood: what is reported of the model and of the nation.
    pub ml: LmmFit,
    /// Where a variance was estimated at 0: with a weak prior that keeps variances away from 0. What is reported of single
    /// schools; a variance that is estimated at 0 is not known to be 0.
    pub schools: Option<LmmFit>,
}

impl LinearFit {
    /// The fit for single schools.
    pub fn of_schools(&self) -> &LmmFit {
        self.schools.as_ref().unwrap_or(&self.ml)
    }
}

impl std::ops::Deref for LinearFit {
    type Target = LmmFit;
    fn deref(&self) -> &LmmFit {
        &self.ml
    }
}

/// A binomial model without random effects.
#[derive(Clone, Debug)]
pub struct PooledFit {
    /// Coefficients, and the covariance that takes pupils as independent.
    pub glm: GlmFit,
    /// The covariance that is robust for schools (CR1S, also called HC1); none with a single school.
    pub robust: Option<ClusterVcov>,
}

/// A binomial mixed model, fitted twice.
#[derive(Clone, Debug)]
pub struct MixedFit {
    /// Maximum likelihood: what is reported of the model and of the nation.
    pub ml: GlmmFit,
    /// With a weak prior that keeps the variances between schools away from 0
    /// ([`crate::stats::GlmmOptions::variance_prior`]): what is reported of single schools.
    pub schools: GlmmFit,
}

/// A model with its design and its fit.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// As declared.
    pub entry: ModelEntry,
    /// What was fitted.
    pub design: Design,
    /// The fit, or why there is none.
    pub fit: Result<Fit, RefusalReason>,
}

/// A fit from which effects may be computed. Only [`Fitted::accept`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct AcceptedFit<'f> {
    fitted: &'f Fitted,
    fit: &'f Fit,
}

impl Fitted {
    /// The fit, unless it was refused or did not reach an optimum.
    ///
    /// # Errors
    /// The reason, as findings say it.
    pub fn accept(&self) -> Result<AcceptedFit<'_>, RefusalReason> {
        let fit = self.fit.as_ref().map_err(|reason| *reason)?;
        let ended = match fit {
            Fit::Pooled(_) => true,
            Fit::Mixed(fit) => is_end(&fit.ml.stop) && is_end(&fit.schools.stop),
            Fit::Linear(fit) => is_end(&fit.ml.stop) && is_end(&fit.of_schools().stop),
        };
        if ended { Ok(AcceptedFit { fitted: self, fit }) } else { Err(RefusalReason::NotConverged) }
    }
}

impl Fitted {
    /// The term that a refusal is about: the column that separates the outcome, or that is a combination of others.
    pub fn refused_term(&self) -> Option<&str> {
        let reason = self.fit.as_ref().err()?;
        let Design::Binary(d) = &self.design else { return None };
        if !matches!(reason, RefusalReason::Separated | RefusalReason::RankDeficient) {
            return None;
        }
        let x = standardised(d);
        let cells = Cells { x: x.view().into(), trials: d.trials.view(), successes: d.successes.view(), offset: None };
        match fit_glm(&cells, family(self.entry.link), &GlmOptions::default()) {
            Err(StatsError::Separated { column } | StatsError::RankDeficient { column }) => {
                d.head.terms.get(column).map(String::as_str)
            }
            _ => None,
        }
    }
}

impl<'f> AcceptedFit<'f> {
    /// The fit.
    pub fn fit(&self) -> &'f Fit {
        self.fit
    }
    /// The design.
    pub fn design(&self) -> &'f Design {
        &self.fitted.design
    }
    /// The model as declared.
    pub fn entry(&self) -> &'f ModelEntry {
        &self.fitted.entry
    }
    /// The link of a binary model.
    pub fn link(&self) -> Link {
        link(self.fitted.entry.link)
    }
}

impl Fit {
    /// How the search ended; `None` for models that need no search.
    pub fn stop(&self) -> Option<&Stop> {
        match self {
            Fit::Pooled(_) => None,
            Fit::Mixed(fit) => Some(&fit.ml.stop),
            Fit::Linear(fit) => Some(&fit.stop),
        }
    }
}

/// Columns around their mean and in units of their spread, so that the intercept does not move with a covariate that
/// separates, and coefficients can be compared.
fn standardised(d: &BinaryDesign) -> Array2<f64> {
    let mut x = d.x().to_held().into_owned();
    let centred = d.head.terms.first().is_some_and(|t| t == "(Intercept)");
    for mut column in x.columns_mut().into_iter().skip(usize::from(centred)) {
        let n = column.len() as f64;
        let mean = if centred { column.sum() / n } else { 0.0 };
        column.mapv_inplace(|v| v - mean);
        let spread = (column.dot(&column) / n).sqrt();
        if spread > 0.0 {
            column.mapv_inplace(|v| v / spread);
        }
    }
    x
}

fn is_end(stop: &Stop) -> bool {
    !matches!(stop, Stop::Budget { .. })
}

fn link(name: LinkName) -> Link {
    match name {
        LinkName::Logit => Link::Logit,
        LinkName::Cloglog => Link::Cloglog,
    }
}

pub(super) fn family(name: LinkName) -> Family {
    Family::Binomial(link(name))
}

/// The reason in the words of findings.
pub fn reason(error: &StatsError) -> RefusalReason {
    match error {
        StatsError::Separated { .. } => RefusalReason::Separated,
        StatsError::NoVariation | StatsError::Counts { .. } | StatsError::EmptyCategory { .. } => {
            RefusalReason::NoVariation
        }
        StatsError::TooManyLevels { .. } => RefusalReason::RankDeficient,
        StatsError::RankDeficient { .. } | StatsError::IllConditioned { .. } | StatsError::Shape(_) => {
            RefusalReason::RankDeficient
        }
        StatsError::TooFewGroups { .. } => RefusalReason::OneSchool,
        StatsError::NotConverged { .. }
        | StatsError::NotFinite { .. }
        | StatsError::NotPositive { .. }
        | StatsError::TooDense { .. }
        | StatsError::Weight { .. } => RefusalReason::NotConverged,
    }
}
