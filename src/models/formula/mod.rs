//! Models that a researcher writes as a formula: which road each takes, and what it reports.
//!
//! | family | without random effects | with |
//! |---|---|---|
//! | gaussian | ordinary or weighted least squares | linear mixed model, ML or REML |
//! | binomial (logit, probit, cloglog), poisson (log) | generalised linear model | Laplace, or adaptive quadrature with `nodes` > 1 |

mod core;
mod profile;
mod result;
mod routes;
mod spread;
mod tidy;

pub use result::{BootstrapReport, Drop, FixedRow, FormulaFit, Glance, GroupSize, RanPar, RanVal, TidyRow};

pub use crate::design::formula::{
    DesignError, Formula, FormulaDesign, FormulaError, OutcomeKind, Reading, build as design,
};

/// Distribution of the outcome, with its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyName {
    /// Normal, identity.
    Gaussian,
    /// Binomial, log odds.
    Logit,
    /// Binomial, probit.
    Probit,
    /// Binomial, complementary log-log.
    Cloglog,
    /// Poisson, log.
    Poisson,
}

impl FamilyName {
    /// R's name of the family.
    pub fn family(self) -> &'static str {
        match self {
            FamilyName::Gaussian => "gaussian",
            FamilyName::Logit | FamilyName::Probit | FamilyName::Cloglog => "binomial",
            FamilyName::Poisson => "poisson",
        }
    }

    /// R's name of the link.
    pub fn link(self) -> &'static str {
        match self {
            FamilyName::Gaussian => "identity",
            FamilyName::Logit => "logit",
            FamilyName::Probit => "probit",
            FamilyName::Cloglog => "cloglog",
            FamilyName::Poisson => "log",
        }
    }

    /// What the outcome is read as.
    pub fn outcome(self) -> OutcomeKind {
        match self {
            FamilyName::Gaussian => OutcomeKind::Number,
            FamilyName::Logit | FamilyName::Probit | FamilyName::Cloglog => OutcomeKind::Binary,
            FamilyName::Poisson => OutcomeKind::Count,
        }
    }
}

/// How errors that are alike within a cluster are taken into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RobustName {
    /// No correction for few clusters.
    Cr0,
    /// G/(G−1).
    Cr1,
    /// Stata's factor.
    Cr1s,
    /// Bell & McCaffrey.
    Cr2,
    /// Jackknife.
    Cr3,
}

impl RobustName {
    /// As clubSandwich writes it.
    pub fn label(self) -> &'static str {
        match self {
            RobustName::Cr0 => "CR0",
            RobustName::Cr1 => "CR1",
            RobustName::Cr1s => "CR1S",
            RobustName::Cr2 => "CR2",
            RobustName::Cr3 => "CR3",
        }
    }
}

/// How the random effects of a model for counts are integrated out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integration {
    /// Adaptive Gauss–Hermite quadrature with this many nodes in each dimension; 1 is Laplace.
    Nodes(usize),
    /// Laplace, and quadrature where the check finds that Laplace is not enough.
    Auto,
}

/// Kind of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalKind {
    /// Estimate ± quantile · standard error.
    Wald,
    /// By the rise of −2 log L.
    Profile,
    /// Quantiles of the replicates of a bootstrap.
    Percentile,
    /// These, mirrored at the estimate.
    Basic,
}

/// What a bootstrap draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootstrapName {
    /// Random effects and outcomes from the fitted model.
    Parametric,
    /// Levels of the outermost grouping factor, or of the design's cluster.
    Cluster,
}

/// A bootstrap.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap {
    /// What is drawn.
    pub kind: BootstrapName,
    /// How often.
    pub replicates: u32,
    /// From which seed.
    pub seed: u64,
}

/// How degrees of freedom of a linear mixed model are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DfName {
    /// By the delta method over the variances.
    Satterthwaite,
    /// With the covariance corrected for the variances' uncertainty; for REML and one grouping factor.
    KenwardRoger,
}

/// What is wanted of a design.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Family and link.
    pub family: FamilyName,
    /// REML instead of ML.
    pub reml: bool,
    /// How random effects of counts are integrated out.
    pub integration: Integration,
    /// Evaluate at these variance parameters (lme4's order; for counts the fixed effects may follow) instead of searching.
    pub theta: Option<Vec<f64>>,
    /// Cluster-robust covariance by the design's cluster.
    pub robust: Option<RobustName>,
    /// Kind of the intervals.
    pub intervals: IntervalKind,
    /// Errors by bootstrap instead of the model's.
    pub bootstrap: Option<Bootstrap>,
    /// Degrees of freedom of a linear mixed model.
    pub df: DfName,
    /// Level of the intervals.
    pub level: f64,
}

/// Why a formula could not be fitted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FormulaFitError {
    /// The flags ask for what the model does not have.
    #[error("{0}")]
    Wanted(String),
    /// The data do not allow the model.
    #[error("{0}")]
    Data(String),
    /// The search did not end.
    #[error("{0}")]
    Numerical(String),
}

/// Fits a formula.
///
/// # Errors
/// What was asked for and can't be, data without variation or with separated outcomes, a search that found nothing. A
/// search that ran out of evaluations is a result that is not `converged`.
pub fn fit(formula: &Formula, design: &FormulaDesign, wanted: &Wanted) -> Result<FormulaFit, FormulaFitError> {
    let columns = routes::Columns::independent(design)?;
    let estimates = routes::estimate(design, &columns, wanted)?;
    Ok(tidy::report(formula, design, &columns, wanted, &estimates))
}
