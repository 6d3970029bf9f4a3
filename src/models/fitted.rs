//! What a model hands on: the design it was fitted on and the fit, or why there is none.

use crate::design::Design;
use crate::stats::{ClusterVcov, Family, GlmFit, GlmmFit, Link, LmmFit, StatsError, Stop};
use crate::study::file::{LinkName, ModelEntry};
use crate::vocab::RefusalReason;

/// A fit of one of the three kinds that `stats` makes.
#[derive(Clone, Debug)]
pub enum Fit {
    /// Binomial without random effects; errors are robust for schools.
    Pooled(PooledFit),
    /// Binomial with random effects per school.
    Mixed(Box<MixedFit>),
    /// Gaussian with random effects per school, and per pupil in growth models.
    Linear(LmmFit),
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
            Fit::Linear(fit) => is_end(&fit.stop),
        };
        if ended { Ok(AcceptedFit { fitted: self, fit }) } else { Err(RefusalReason::NotConverged) }
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
