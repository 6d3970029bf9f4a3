//! Which road a design takes through the statistical core, and what all roads have in common.

mod counts;
mod linear;
mod order;

use ndarray::{Array1, Array2, Axis};

use super::core::{ClusterVcov, CrType, LaplaceCheck, RandomTerm, StatsError, Stop, TermFit, independent_columns};
use super::result::BootstrapReport;
use super::spread::{Inference, Spreads};
use super::{BootstrapName, DfName, FamilyName, FormulaFitError, IntervalKind, RobustName, Wanted, profile};
use crate::design::formula::{FormulaDesign, Levels, TermDesign};
pub(super) use order::{core_order, theta_names};

/// Variance parameters beyond which a search is refused; `||` needs fewer.
const MOST_THETA: usize = 1000;

/// The columns of X that are used: each independent of those before it.
pub(super) struct Columns {
    pub(super) x: Array2<f64>,
    pub(super) names: Vec<String>,
    pub(super) dropped: Vec<String>,
}

impl Columns {
    pub(super) fn independent(design: &FormulaDesign) -> Result<Self, FormulaFitError> {
        if design.x_names.is_empty() {
            return Err(no_fixed_effect());
        }
        let found = independent_columns(design.x.view());
        let named = |columns: &[usize]| columns.iter().map(|&k| design.x_names[k].clone()).collect::<Vec<_>>();
        let (names, dropped) = (named(&found.kept), named(&found.dropped));
        if names.is_empty() {
            return Err(no_fixed_effect());
        }
        let x = if dropped.is_empty() { design.x.clone() } else { design.x.select(Axis(1), &found.kept) };
        Ok(Self { x, names, dropped })
    }
}

fn no_fixed_effect() -> FormulaFitError {
    FormulaFitError::Wanted("the formula has no fixed effect; begin with `1` or a column".into())
}

/// What every road gives.
pub(super) struct Estimates {
    pub(super) beta: Array1<f64>,
    pub(super) vcov: Array2<f64>,
    /// Degrees of freedom of each coefficient's t; `None` for z.
    pub(super) df: Vec<Option<f64>>,
    pub(super) is_t: bool,
    pub(super) sigma: Option<f64>,
    /// With all constants.
    pub(super) log_lik: f64,
    pub(super) deviance: Option<f64>,
    pub(super) reml_criterion: Option<f64>,
    pub(super) terms: Vec<TermFit>,
    /// In the core's order: term after term.
    pub(super) theta: Vec<f64>,
    pub(super) n_parameters: usize,
    pub(super) df_residual: f64,
    pub(super) stop: Stop,
    pub(super) evaluations: u32,
    pub(super) grad_max: Option<f64>,
    pub(super) method: String,
    /// Whether Laplace's approximation will do; for counts with random effects.
    pub(super) laplace: Option<LaplaceCheck>,
    /// Where degrees of freedom come from.
    pub(super) df_method: Option<&'static str>,
    /// Intervals and errors by profile or bootstrap, where they were asked for.
    pub(super) spreads: Option<Spreads>,
    pub(super) bootstrap: Option<BootstrapReport>,
}

impl Estimates {
    /// Takes over a cluster-robust covariance with its degrees of freedom.
    fn take(&mut self, robust: &ClusterVcov) {
        self.vcov = robust.vcov.clone();
        self.df = robust.df().iter().map(|&df| Some(df)).collect();
        self.df_method = Some("bell-mccaffrey");
        self.is_t = true;
    }

    /// Takes over what a profile or a bootstrap found; errors of a bootstrap go with z.
    fn with(mut self, inference: Option<Inference>) -> Self {
        let Some(Inference { spreads, vcov, bootstrap }) = inference else { return self };
        if let Some(vcov) = vcov {
            self.vcov = vcov;
            self.df.fill(None);
            self.df_method = None;
            self.is_t = false;
        }
        self.spreads = Some(spreads);
        self.bootstrap = bootstrap;
        self
    }
}

pub(super) fn estimate(
    design: &FormulaDesign,
    columns: &Columns,
    wanted: &Wanted,
) -> Result<Estimates, FormulaFitError> {
    let n_theta = design.terms.iter().flat_map(|t| t.sizes()).map(|k| k * (k + 1) / 2).sum::<usize>();
    refuse_contradictions(design, wanted, n_theta)?;
    let sizes: Vec<Vec<usize>> = design.terms.iter().map(|t| t.sizes()).collect();
    let offset = design.offset.as_ref();
    let road = Road { design, columns, offset, wanted, sizes: &sizes, n_theta };
    let made = road.estimate().and_then(|mut estimates| {
        let is_plain_count = design.terms.is_empty() && wanted.family != FamilyName::Gaussian;
        if wanted.intervals == IntervalKind::Profile && is_plain_count {
            let limits = profile::intervals(&road, &estimates)?;
            estimates = estimates.with(Some(Inference::of_profiles(limits)));
        }
        Ok(estimates)
    });
    made.map_err(|error| road.explained(error))
}

/// Requests that no road can meet.
fn refuse_contradictions(design: &FormulaDesign, wanted: &Wanted, n_theta: usize) -> Result<(), FormulaFitError> {
    let is_mixed = !design.terms.is_empty();
    let is_linear = wanted.family == FamilyName::Gaussian;
    let profile = wanted.intervals == IntervalKind::Profile;
    let by_replicates = matches!(wanted.intervals, IntervalKind::Percentile | IntervalKind::Basic);
    let by_cluster = wanted.bootstrap.is_some_and(|b| b.kind == BootstrapName::Cluster);
    let kenward_roger = wanted.df == DfName::KenwardRoger;
    let refusals = [
        (wanted.robust.is_some() && is_mixed, "--vcov is for formulas without random effects"),
        (wanted.robust.is_some() && profile, "--ci profile goes by the likelihood, which --vcov does not trust"),
        (wanted.theta.is_some() && profile, "--ci profile searches, and --theta does not"),
        (wanted.theta.is_some() && !is_mixed, "--theta needs random effects in the formula"),
        (by_replicates && wanted.bootstrap.is_none(), "--ci percentile and --ci basic need --bootstrap"),
        (wanted.bootstrap.is_some() && profile, "--ci profile needs no --bootstrap"),
        (
            wanted.bootstrap.is_some() && wanted.robust.is_some(),
            "--bootstrap and --vcov are two answers to one question",
        ),
        (wanted.bootstrap.is_some() && wanted.theta.is_some(), "--bootstrap searches, and --theta does not"),
        (
            by_cluster && is_mixed && design.cluster.is_some(),
            "the clusters of a mixed model are the levels of its outermost grouping factor: leave out --cluster",
        ),
        (by_cluster && !is_mixed && design.cluster.is_none(), "--bootstrap cluster needs --cluster COLUMN"),
        (
            kenward_roger && !(is_linear && is_mixed && wanted.reml),
            "--df kenward-roger is for linear mixed models by REML",
        ),
        (
            kenward_roger && wanted.theta.is_some(),
            "--df kenward-roger needs estimated variances, and --theta gives them",
        ),
        (kenward_roger && wanted.bootstrap.is_some(), "--bootstrap has its own errors: leave out --df"),
    ];
    if let Some((_, message)) = refusals.into_iter().find(|(is_refused, _)| *is_refused) {
        return Err(FormulaFitError::Wanted(message.into()));
    }
    if n_theta > MOST_THETA {
        let message = format!("the random effects have {n_theta} variances and correlations; {MOST_THETA} is the most");
        return Err(FormulaFitError::Wanted(message));
    }
    Ok(())
}

/// One design and one request, on their way.
#[derive(Clone, Copy)]
pub(super) struct Road<'r> {
    pub(super) design: &'r FormulaDesign,
    pub(super) columns: &'r Columns,
    pub(super) offset: Option<&'r Array1<f64>>,
    pub(super) wanted: &'r Wanted,
    /// Sizes of the blocks of each term.
    pub(super) sizes: &'r [Vec<usize>],
    pub(super) n_theta: usize,
}

/// A failure of the core, or of the request.
pub(super) enum Failed {
    Core(StatsError),
    Fit(FormulaFitError),
}

impl From<StatsError> for Failed {
    fn from(error: StatsError) -> Self {
        Failed::Core(error)
    }
}

impl Road<'_> {
    pub(super) fn estimate(&self) -> Result<Estimates, Failed> {
        match (self.wanted.family, self.design.terms.is_empty()) {
            (FamilyName::Gaussian, true) => self.least_squares(),
            (FamilyName::Gaussian, false) => self.linear_mixed(),
            (_, true) => self.counts(),
            (_, false) => self.counts_mixed(),
        }
    }

    fn terms(&self) -> Vec<RandomTerm<'_>> {
        fn one<'a>((term, blocks): (&'a TermDesign, &'a Vec<usize>)) -> RandomTerm<'a> {
            let group = &term.group;
            RandomTerm { z: term.z.view().into(), level: &group.codes, n_levels: group.names.len(), blocks }
        }
        self.design.terms.iter().zip(self.sizes).map(one).collect()
    }

    fn p(&self) -> usize {
        self.columns.names.len()
    }

    fn n(&self) -> f64 {
        self.design.n_rows() as f64
    }

    /// Type and clusters of the robust covariance, where one is wanted.
    fn robust(&self) -> Option<(CrType, &Levels)> {
        let kind = self.wanted.robust.map(|name| match name {
            RobustName::Cr0 => CrType::Cr0,
            RobustName::Cr1 => CrType::Cr1,
            RobustName::Cr1s => CrType::Cr1s,
            RobustName::Cr2 => CrType::Cr2,
            RobustName::Cr3 => CrType::Cr3,
        });
        kind.zip(self.design.cluster.as_ref())
    }

    /// Cluster of each cell and the number of clusters.
    fn clusters(&self) -> Option<(&[u32], usize)> {
        self.design.cluster.as_ref().map(|c| (c.codes.as_slice(), c.names.len()))
    }

    /// Parameters that were given, in the core's order.
    fn given(&self) -> Result<Option<Given>, Failed> {
        let Some(values) = &self.wanted.theta else { return Ok(None) };
        let with_beta = self.wanted.family != FamilyName::Gaussian && values.len() == self.n_theta + self.p();
        if values.len() != self.n_theta && !with_beta {
            let names = theta_names(self.design).join(", ");
            let beta = if self.wanted.family == FamilyName::Gaussian { "" } else { " (the fixed effects may follow)" };
            let message = format!("--theta takes {} values{beta}: {names}; it has {}", self.n_theta, values.len());
            return Err(Failed::Fit(FormulaFitError::Wanted(message)));
        }
        let mut theta = Array1::zeros(self.n_theta);
        for (ours, theirs) in core_order(self.design).into_iter().enumerate() {
            theta[theirs] = values[ours];
        }
        let beta = with_beta.then(|| Array1::from(values[self.n_theta..].to_vec()));
        Ok(Some(Given { theta, beta }))
    }

    /// An error of the core with the columns' names.
    fn explained(&self, failed: Failed) -> FormulaFitError {
        let error = match failed {
            Failed::Fit(error) => return error,
            Failed::Core(error) => error,
        };
        let name = |column: usize| self.columns.names.get(column).map_or("a column", String::as_str);
        match error {
            StatsError::Separated { column } => FormulaFitError::Data(format!(
                "`{}` (alone or with others) separates the outcomes: its coefficient has no finite estimate",
                name(column)
            )),
            StatsError::RankDeficient { column } => {
                FormulaFitError::Data(format!("`{}` is almost a combination of the columns before it", name(column)))
            }
            StatsError::TooManyLevels { term } => FormulaFitError::Data(format!(
                "the random effects of `{}` are as many as the rows, and can't be told from the residuals",
                self.design.terms[term].group.name
            )),
            StatsError::NoVariation => FormulaFitError::Data("the outcome does not vary, or is fitted exactly".into()),
            StatsError::TooFewGroups { .. } => {
                let groups = self.design.terms.iter().map(|t| &t.group).chain(&self.design.cluster);
                let group = groups.into_iter().find(|g| g.names.len() < 2).map_or("a grouping factor", |g| &g.name);
                FormulaFitError::Data(format!("`{group}` has one level; it must have two or more"))
            }
            // The core's own words for these hold values or rows of our arrays, which nobody else knows.
            StatsError::Counts { .. } => FormulaFitError::Data("a row has more successes than trials".into()),
            StatsError::NotFinite { array, .. } => {
                FormulaFitError::Data(format!("{array} has a value that is not finite"))
            }
            StatsError::Weight { .. } => FormulaFitError::Data("a weight is not above 0".into()),
            error @ StatsError::NotConverged { .. } => FormulaFitError::Numerical(error.to_string()),
            error => FormulaFitError::Data(error.to_string()),
        }
    }
}

struct Given {
    theta: Array1<f64>,
    beta: Option<Array1<f64>>,
}
