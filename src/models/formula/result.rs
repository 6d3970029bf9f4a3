//! What a fit of a formula reports: plain rows, with the names of R's broom.mixed.

use serde::Serialize;

/// A fitted formula. The JSON of `lob fit` is this, field for field.
#[derive(Clone, Debug, Serialize)]
pub struct FormulaFit {
    /// One row about the whole fit.
    pub glance: Glance,
    /// Fixed effects, then the parameters of the random effects.
    pub tidy: Vec<TidyRow>,
    /// Predicted random effects.
    pub ran_vals: Vec<RanVal>,
    /// Grouping factors with their numbers of levels.
    pub groups: Vec<GroupSize>,
    /// Rows and columns that are not used.
    pub drops: Vec<Drop>,
    /// The bootstrap behind errors and intervals, where there was one.
    pub bootstrap: Option<BootstrapReport>,
    /// What else a reader should know, in sentences.
    pub notes: Vec<String>,
}

/// About the whole fit.
#[derive(Clone, Debug, Serialize)]
pub struct Glance {
    /// Formula as written.
    pub formula: String,
    /// `gaussian`, `binomial` or `poisson`.
    pub family: &'static str,
    /// `identity`, `logit`, `probit`, `cloglog` or `log`.
    pub link: &'static str,
    /// `ML`, `REML`, `Laplace`, `AGQ-K`, `OLS` or `GLM`.
    pub method: String,
    /// Covariance of the fixed effects: `model`, the robust one or the bootstrap asked for, or `kenward-roger`.
    pub vcov: String,
    /// Where degrees of freedom come from: `satterthwaite`, `kenward-roger`, `residual`, `bell-mccaffrey`; none for z.
    pub df_method: Option<&'static str>,
    /// Rows used.
    pub nobs: u64,
    /// log L with all constants, so as R's `logLik()` gives it for `lm`, `glm`, `lmer`, and `glmer` with nAGQ = 1; for
    /// nAGQ > 1 lme4 leaves out that of the saturated model, and this does not. For REML the restricted one.
    pub log_lik: f64,
    /// −2 `log_lik`.
    pub minus_two_log_lik: f64,
    /// As R's `deviance()`: −2 log L of a linear mixed model by ML (none by REML), residual sum of squares of a linear
    /// model, sum of squared deviance residuals elsewhere (at the conditional modes where there are any).
    pub deviance: Option<f64>,
    /// REML criterion at the optimum.
    pub reml_criterion: Option<f64>,
    /// −2 log L + 2·parameters.
    pub aic: f64,
    /// −2 log L + log(nobs)·parameters.
    pub bic: f64,
    /// Residual standard deviation; none for counts.
    pub sigma: Option<f64>,
    /// nobs less the number of parameters; of a linear model without random effects less that of columns.
    pub df_residual: f64,
    /// Variance parameters in lme4's order.
    pub theta: Vec<f64>,
    /// Their names, as lme4's: `school.(Intercept)`, `school.standLRT.(Intercept)`.
    pub theta_names: Vec<String>,
    /// An optimum was found.
    pub converged: bool,
    /// A direction of the random effects has no variance.
    pub singular: bool,
    /// Whether Laplace's approximation will do: `enough`, `not_enough`, `unchecked`, `doubtful`; `quadrature` where it was
    /// not used. None for models without random effects, or without counts.
    pub laplace_check: Option<&'static str>,
    /// Largest move of a parameter, in its standard errors, that quadrature would bring.
    pub laplace_shift: Option<f64>,
    /// Evaluations of objective and gradient (Newton iterations for `GLM`).
    pub evaluations: u32,
    /// Largest component of the scaled gradient where the search ended.
    pub grad_max: Option<f64>,
    /// Seconds from columns in memory to this; measured by whoever calls.
    pub seconds: Option<f64>,
    /// Version of the engine.
    pub software_version: &'static str,
}

/// A row of `tidy`.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum TidyRow {
    /// A fixed effect.
    Fixed(FixedRow),
    /// A parameter of the random effects.
    RanPar(RanPar),
}

/// A fixed effect.
#[derive(Clone, Debug, Serialize)]
pub struct FixedRow {
    /// `fixed`.
    pub effect: &'static str,
    /// R's name of the column.
    pub term: String,
    /// Coefficient.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Estimate over standard error: z, or t where the model has a residual variance.
    pub statistic: f64,
    /// Degrees of freedom of t.
    pub df: Option<f64>,
    /// Two-sided.
    pub p_value: Option<f64>,
    /// Lower limit of the interval.
    pub conf_low: f64,
    /// Upper limit.
    pub conf_high: f64,
    /// Its level.
    pub conf_level: f64,
    /// `wald`, `profile`, `percentile` or `basic`.
    pub conf_method: &'static str,
}

/// A standard deviation or correlation.
#[derive(Clone, Debug, Serialize)]
pub struct RanPar {
    /// `ran_pars`.
    pub effect: &'static str,
    /// Grouping factor; a second block of one factor is `group.1`.
    pub group: String,
    /// `sd__…`, `cor__….…`.
    pub term: String,
    /// Value; none for a correlation with something that does not vary.
    pub estimate: Option<f64>,
    /// Standard deviation over the replicates of a bootstrap; none without one.
    pub std_error: Option<f64>,
    /// Lower limit, by profile or bootstrap; none without one.
    pub conf_low: Option<f64>,
    /// Upper limit.
    pub conf_high: Option<f64>,
    /// Its level.
    pub conf_level: Option<f64>,
    /// `profile`, `percentile` or `basic`.
    pub conf_method: Option<&'static str>,
}

/// A bootstrap that was run.
#[derive(Clone, Debug, Serialize)]
pub struct BootstrapReport {
    /// `parametric` or `cluster`.
    pub kind: &'static str,
    /// Replicates that were asked for.
    pub replicates: u32,
    /// Those that could not be fitted, and are left out.
    pub failed: u32,
    /// Those in which a direction of the random effects had no variance.
    pub singular: u32,
    /// Seed of the draws.
    pub seed: u64,
}

/// A predicted random effect.
#[derive(Clone, Debug, Serialize)]
pub struct RanVal {
    /// Grouping factor.
    pub group: String,
    /// Level of it.
    pub level: String,
    /// Column.
    pub term: String,
    /// Conditional mode.
    pub estimate: f64,
    /// Conditional standard deviation: parameters as known, as in lme4.
    pub std_error: f64,
    /// Standard error with the uncertainty of the parameters.
    pub std_error_full: f64,
}

/// A grouping factor.
#[derive(Clone, Debug, Serialize)]
pub struct GroupSize {
    /// Its name.
    pub group: String,
    /// Levels with rows.
    pub levels: u64,
}

/// Rows or a column not used.
#[derive(Clone, Debug, Serialize)]
pub struct Drop {
    /// `missing`, `not_finite`, `not_in_levels`, `zero_weight`, `no_trials`, or `rank_deficient` for a column of X.
    pub reason: &'static str,
    /// Column or expression.
    pub column: String,
    /// Rows; none for a column of X.
    pub rows: Option<u64>,
}
