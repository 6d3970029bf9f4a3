//! Which road a design takes through the statistical core, and what all roads have in common.

use ndarray::{Array1, Array2, ArrayView1, Axis, s};

use super::core::{
    Cells, ClusterVcov, CrType, Family, GlmOptions, GlmmOptions, LaplaceCheck, LaplaceVerdict, Link, LmmData,
    LmmOptions, OlsData, OlsOptions, RandomTerm, StatsError, Stop, TermFit, binomial_constant, fit_glm, fit_glmm,
    fit_lmm, fit_ols, glm_cluster_vcov, glmm_at, independent_columns, lmm_at_theta, ols_cluster_vcov, poisson_constant,
};
use super::{FamilyName, FormulaFitError, Integration, RobustName, Wanted, profile};
use crate::design::formula::{FormulaDesign, Levels, TermDesign};

/// Variance parameters beyond which a search is refused; `||` needs fewer.
const MOST_THETA: usize = 1000;

/// Nodes of the quadrature that follows where Laplace is not enough.
const POLISH_NODES: usize = 25;

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
    /// Nodes of the quadrature that was used; 1 elsewhere.
    pub(super) nodes: usize,
    /// Whether Laplace's approximation will do; for counts with random effects.
    pub(super) laplace: Option<LaplaceCheck>,
    /// Profile intervals of the fixed effects, where they were asked for and can be had.
    pub(super) profile: Vec<Option<[f64; 2]>>,
}

impl Estimates {
    /// Takes over a cluster-robust covariance with its degrees of freedom.
    fn take(&mut self, robust: &ClusterVcov) {
        self.vcov = robust.vcov.clone();
        self.df = robust.df().iter().map(|&df| Some(df)).collect();
        self.is_t = true;
    }
}

pub(super) fn estimate(
    design: &FormulaDesign,
    columns: &Columns,
    wanted: &Wanted,
) -> Result<Estimates, FormulaFitError> {
    let n_theta = design.terms.iter().flat_map(|t| t.sizes()).map(|k| k * (k + 1) / 2).sum::<usize>();
    if wanted.robust.is_some() && !design.terms.is_empty() {
        return Err(FormulaFitError::Wanted("--vcov is for formulas without random effects".into()));
    }
    if wanted.robust.is_some() && wanted.profile {
        return Err(FormulaFitError::Wanted("--ci profile goes by the likelihood, which --vcov does not trust".into()));
    }
    if n_theta > MOST_THETA {
        let message = format!("the random effects have {n_theta} variances and correlations; {MOST_THETA} is the most");
        return Err(FormulaFitError::Wanted(message));
    }
    if wanted.theta.is_some() && wanted.profile {
        return Err(FormulaFitError::Wanted("--ci profile searches, and --theta does not".into()));
    }
    if wanted.theta.is_some() && design.terms.is_empty() {
        return Err(FormulaFitError::Wanted("--theta needs random effects in the formula".into()));
    }
    let sizes: Vec<Vec<usize>> = design.terms.iter().map(|t| t.sizes()).collect();
    let offset = design.offset.as_ref();
    let road = Road { design, columns, offset, wanted, sizes: &sizes, n_theta };
    let made = road.estimate().and_then(|mut estimates| {
        if wanted.profile {
            estimates.profile = profile::intervals(&road, &estimates)?;
        }
        Ok(estimates)
    });
    made.map_err(|error| road.explained(error))
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
            RandomTerm { z: term.z.view(), level: &group.codes, n_levels: group.names.len(), blocks }
        }
        self.design.terms.iter().zip(self.sizes).map(one).collect()
    }

    fn p(&self) -> usize {
        self.columns.names.len()
    }

    fn n(&self) -> f64 {
        self.design.n_rows() as f64
    }

    fn least_squares(&self) -> Result<Estimates, Failed> {
        let (d, p, n) = (self.design, self.p(), self.n());
        if n <= p as f64 {
            return Err(Failed::Fit(FormulaFitError::Data(format!("{n} rows can't determine {p} coefficients"))));
        }
        let data = OlsData {
            y: d.y.view(),
            x: self.columns.x.view(),
            weights: d.weights.as_ref().map(Array1::view),
            offset: self.offset.map(Array1::view),
        };
        let fit = fit_ols(&data, &OlsOptions::default())?;
        // Least squares leaves about 1e-16 of the size of y where the fit is exact.
        if fit.rss <= 1e-24 * d.y.dot(&d.y) {
            return Err(Failed::Core(StatsError::NoVariation));
        }
        let mut estimates = Estimates {
            beta: fit.beta,
            vcov: fit.vcov,
            df: vec![Some(fit.df_residual); p],
            is_t: true,
            sigma: Some(fit.sigma),
            log_lik: fit.log_lik,
            deviance: Some(fit.rss),
            reml_criterion: None,
            terms: Vec::new(),
            theta: Vec::new(),
            n_parameters: p + 1,
            df_residual: fit.df_residual,
            stop: Stop::Interior,
            evaluations: 1,
            grad_max: None,
            method: "OLS".into(),
            nodes: 1,
            laplace: None,
            profile: Vec::new(),
        };
        if let Some((kind, cluster)) = self.robust() {
            let residuals = data.residuals(estimates.beta.view());
            let (codes, n) = (&cluster.codes, cluster.names.len());
            estimates.take(&ols_cluster_vcov(data.x, residuals.view(), data.weights, codes, n, kind)?);
        }
        Ok(estimates)
    }

    fn linear_mixed(&self) -> Result<Estimates, Failed> {
        if matches!(self.wanted.integration, Integration::Nodes(2..)) {
            let message = "--nagq is for binomial and poisson; a gaussian likelihood needs no quadrature";
            return Err(Failed::Fit(FormulaFitError::Wanted(message.into())));
        }
        let (d, terms) = (self.design, self.terms());
        let data = LmmData {
            y: d.y.view(),
            x: self.columns.x.view(),
            terms: &terms,
            weights: d.weights.as_ref().map(Array1::view),
            offset: self.offset.map(Array1::view),
        };
        let options = LmmOptions { reml: self.wanted.reml, ..LmmOptions::default() };
        let fit = match self.given()? {
            Some(given) => lmm_at_theta(&data, &options, given.theta.view())?,
            None => fit_lmm(&data, &options)?,
        };
        let n_parameters = self.p() + self.n_theta + 1;
        // At given variances nothing is known of how sure they are.
        let known = fit.stop != Stop::Given;
        let df =
            |coefficient: ArrayView1<f64>| Some(fit.satterthwaite_df(coefficient)).filter(|df| known && df.is_finite());
        Ok(Estimates {
            df: Array2::eye(self.p()).rows().into_iter().map(df).collect(),
            is_t: true,
            sigma: Some(fit.sigma),
            log_lik: fit.log_lik,
            deviance: (!self.wanted.reml).then_some(fit.deviance),
            reml_criterion: self.wanted.reml.then_some(fit.deviance),
            theta: fit.theta.to_vec(),
            n_parameters,
            df_residual: self.n() - n_parameters as f64,
            evaluations: fit.evaluations,
            grad_max: Some(fit.grad_max),
            method: if self.wanted.reml { "REML" } else { "ML" }.into(),
            nodes: 1,
            laplace: None,
            profile: Vec::new(),
            beta: fit.beta,
            vcov: fit.vcov_beta,
            terms: fit.terms,
            stop: fit.stop,
        })
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

    fn family(&self) -> Family {
        match self.wanted.family {
            FamilyName::Logit => Family::Binomial(Link::Logit),
            FamilyName::Probit => Family::Binomial(Link::Probit),
            FamilyName::Cloglog => Family::Binomial(Link::Cloglog),
            FamilyName::Gaussian | FamilyName::Poisson => Family::Poisson,
        }
    }

    fn weight(&self, row: usize) -> f64 {
        self.design.weights.as_ref().map_or(1.0, |w| w[row])
    }

    fn trials(&self, row: usize) -> f64 {
        self.design.trials.as_ref().map_or(1.0, |t| t[row])
    }

    /// Trials and successes of each cell.
    fn cell_counts(&self) -> (Array1<f64>, Array1<f64>) {
        let d = self.design;
        let trials = d.cell_sums(|row| self.weight(row) * self.trials(row));
        (trials, d.cell_sums(|row| self.weight(row) * d.y[row]))
    }

    /// What the rows' likelihood lacks: Σ log C(m, y), or −Σ log y!. Weights of shares are their trials; otherwise they
    /// multiply (R's `binomial()$aic`).
    fn constant(&self) -> f64 {
        let d = self.design;
        let Some(trials) = &d.trials else {
            return match &d.weights {
                None => poisson_constant(d.y.view()),
                Some(w) => w.iter().zip(&d.y).map(|(w, &y)| w * poisson_constant(ArrayView1::from(&[y]))).sum(),
            };
        };
        match &d.weights {
            None => binomial_constant(trials.view(), d.y.view()),
            Some(w) if trials.iter().all(|&m| m == 1.0) => {
                binomial_constant(w.mapv(f64::round).view(), (w * &d.y).mapv(f64::round).view())
            }
            Some(w) => {
                let one = |m: f64, y: f64| binomial_constant(ArrayView1::from(&[m]), ArrayView1::from(&[y]));
                w.iter().zip(trials.iter().zip(&d.y)).map(|(w, (&m, &y))| w * one(m, y)).sum()
            }
        }
    }

    /// Sum of squared deviance residuals of the rows, at η of each cell.
    fn deviance(&self, eta: &Array1<f64>) -> f64 {
        let (d, family) = (self.design, self.family());
        let part = |count: f64, expected: f64| if count == 0.0 { 0.0 } else { count * (count / expected).ln() };
        let row = |row: usize, mean: f64| {
            let (y, m) = (d.y[row], self.trials(row));
            let half = match family {
                Family::Poisson => part(y, mean) - (y - mean),
                Family::Binomial(_) => part(y, m * mean) + part(m - y, m * (1.0 - mean)),
            };
            2.0 * self.weight(row) * half
        };
        let cell = |(cell, &eta): (usize, &f64)| {
            let mean = family.mean(eta);
            d.rows_of(cell).map(|r| row(r, mean)).sum::<f64>()
        };
        eta.iter().enumerate().map(cell).sum()
    }

    fn linear_predictor(&self, beta: &Array1<f64>) -> Array1<f64> {
        let eta = self.columns.x.dot(beta);
        self.offset.map_or(eta.clone(), |o| eta + o)
    }

    fn counts(&self) -> Result<Estimates, Failed> {
        let (trials, successes) = self.cell_counts();
        let cells = self.cells(&trials, &successes);
        let fit = fit_glm(&cells, self.family(), &GlmOptions::default())?;
        let robust = self.robust().map(|(kind, cluster)| {
            glm_cluster_vcov(&cells, self.family(), &fit, &cluster.codes, cluster.names.len(), kind)
        });
        let robust = robust.transpose()?;
        let p = self.p();
        let mut estimates = Estimates {
            deviance: Some(self.deviance(&self.linear_predictor(&fit.beta))),
            beta: fit.beta,
            vcov: fit.vcov,
            df: vec![None; p],
            is_t: false,
            sigma: None,
            log_lik: fit.log_lik + self.constant(),
            reml_criterion: None,
            terms: Vec::new(),
            theta: Vec::new(),
            n_parameters: p,
            df_residual: self.n() - p as f64,
            stop: Stop::Interior,
            evaluations: fit.iterations,
            grad_max: Some(fit.grad_max),
            method: "GLM".into(),
            nodes: 1,
            laplace: None,
            profile: Vec::new(),
        };
        robust.iter().for_each(|r| estimates.take(r));
        Ok(estimates)
    }

    fn cells<'c>(&'c self, trials: &'c Array1<f64>, successes: &'c Array1<f64>) -> Cells<'c> {
        Cells {
            x: self.columns.x.view(),
            trials: trials.view(),
            successes: successes.view(),
            offset: self.offset.map(Array1::view),
        }
    }

    fn counts_mixed(&self) -> Result<Estimates, Failed> {
        let terms = self.terms();
        let mut nodes = match self.wanted.integration {
            Integration::Nodes(nodes) => nodes,
            Integration::Auto => 1,
        };
        if nodes > 1 && (terms.len() > 1 || terms[0].q() > 3) {
            let message = "--nagq above 1 needs one grouping factor with at most three random effects";
            return Err(Failed::Fit(FormulaFitError::Wanted(message.into())));
        }
        let (trials, successes) = self.cell_counts();
        let cells = self.cells(&trials, &successes);
        let options = |nodes| GlmmOptions { nodes, ..GlmmOptions::default() };
        let mut fit = match self.given()? {
            Some(given) => {
                let beta = given.beta.as_ref().map(Array1::view);
                glmm_at(&cells, &terms, self.family(), &options(nodes), beta, given.theta.view())?
            }
            None => fit_glmm(&cells, &terms, self.family(), &options(nodes))?,
        };
        if self.wanted.integration == Integration::Auto && fit.laplace.verdict == LaplaceVerdict::NotEnough {
            nodes = POLISH_NODES;
            fit = fit_glmm(&cells, &terms, self.family(), &options(nodes))?;
        }
        let p = self.p();
        let mut eta = self.linear_predictor(&fit.beta);
        for (term, found) in terms.iter().zip(&fit.terms) {
            for (cell, (z, &level)) in term.z.rows().into_iter().zip(term.level).enumerate() {
                eta[cell] += z.dot(&found.modes.row(level as usize));
            }
        }
        let n_parameters = p + self.n_theta;
        Ok(Estimates {
            deviance: Some(self.deviance(&eta)),
            vcov: fit.vcov.slice(s![..p, ..p]).to_owned(),
            beta: fit.beta,
            df: vec![None; p],
            is_t: false,
            sigma: None,
            log_lik: fit.log_lik + self.constant(),
            reml_criterion: None,
            terms: fit.terms,
            theta: fit.theta.to_vec(),
            n_parameters,
            df_residual: self.n() - n_parameters as f64,
            stop: fit.stop,
            evaluations: fit.evaluations,
            grad_max: Some(fit.grad_max),
            method: if nodes == 1 { "Laplace".into() } else { format!("AGQ-{nodes}") },
            nodes,
            laplace: Some(fit.laplace),
            profile: Vec::new(),
        })
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

/// For each element of θ in lme4's order its place in the core's.
pub(super) fn core_order(design: &FormulaDesign) -> Vec<usize> {
    let size = |k: usize| k * (k + 1) / 2;
    let mut start = Vec::new();
    let mut next = 0;
    for term in &design.terms {
        let sizes = term.sizes();
        let place = |&k: &usize| {
            next += size(k);
            next - size(k)
        };
        start.push(sizes.iter().map(place).collect::<Vec<usize>>());
    }
    let block = |&(term, block): &(usize, usize)| {
        let first = start[term][block];
        first..first + size(design.terms[term].blocks[block].len())
    };
    design.blocks.iter().flat_map(block).collect()
}

/// Names of the elements of θ in lme4's order: `school.(Intercept)`, `school.standLRT.(Intercept)`.
pub(super) fn theta_names(design: &FormulaDesign) -> Vec<String> {
    let mut out = Vec::new();
    for &(term, block) in &design.blocks {
        let (group, names) = (&design.terms[term].group.name, &design.terms[term].blocks[block]);
        for (column, of) in names.iter().enumerate() {
            for (row, name) in names.iter().enumerate().skip(column) {
                out.push(if row == column { format!("{group}.{of}") } else { format!("{group}.{name}.{of}") });
            }
        }
    }
    out
}
