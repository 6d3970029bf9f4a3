//! Models for counts, with and without random effects.

use ndarray::{Array1, ArrayView1, s};

use super::super::core::{
    Cells, Family, GlmOptions, GlmmOptions, LaplaceVerdict, Link, ProfileIntervals, Stop, binomial_constant,
    bootstrap_glm, bootstrap_glmm, fit_glm, fit_glmm, glm_cluster_vcov, glmm_at, poisson_constant, profile_glmm,
};
use super::super::spread::Inference;
use super::super::{FamilyName, FormulaFitError, Integration};
use super::{Estimates, Failed, Road};

/// Nodes of the quadrature that follows where Laplace is not enough.
const POLISH_NODES: usize = 25;

impl Road<'_> {
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

    /// log L at given fixed effects, of a model without random ones.
    pub(in super::super) fn log_lik_at(&self, beta: &Array1<f64>) -> f64 {
        let (trials, successes) = self.cell_counts();
        let eta = self.linear_predictor(beta);
        let cell = |(i, &eta): (usize, &f64)| self.family().cell(eta, trials[i], successes[i]).log_lik;
        eta.iter().enumerate().map(cell).sum::<f64>() + self.constant()
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

    pub(super) fn counts(&self) -> Result<Estimates, Failed> {
        let (trials, successes) = self.cell_counts();
        let cells = self.cells(&trials, &successes);
        let fit = fit_glm(&cells, self.family(), &GlmOptions::default())?;
        let robust = self.robust().map(|(kind, cluster)| {
            glm_cluster_vcov(&cells, self.family(), &fit, &cluster.codes, cluster.names.len(), kind)
        });
        let robust = robust.transpose()?;
        // Profiles of these models are found by refitting, see `profile`.
        let inference = match self.wanted.bootstrap {
            None => None,
            Some(_) => Inference::asked(
                self.wanted,
                self.sizes,
                |_| Ok(ProfileIntervals { beta: Vec::new(), sigma: None, terms: Vec::new() }),
                |boot| bootstrap_glm(&cells, self.family(), &GlmOptions::default(), &fit, self.clusters(), boot),
            )?,
        };
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
            laplace: None,
            df_method: None,
            spreads: None,
            bootstrap: None,
        };
        robust.iter().for_each(|r| estimates.take(r));
        Ok(estimates.with(inference))
    }

    fn cells<'c>(&'c self, trials: &'c Array1<f64>, successes: &'c Array1<f64>) -> Cells<'c> {
        Cells {
            x: self.columns.x.view().into(),
            trials: trials.view(),
            successes: successes.view(),
            offset: self.offset.map(Array1::view),
        }
    }

    pub(super) fn counts_mixed(&self) -> Result<Estimates, Failed> {
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
        let (p, family) = (self.p(), self.family());
        let inference = Inference::asked(
            self.wanted,
            self.sizes,
            |level| profile_glmm(&cells, &terms, family, &options(nodes), &fit, level),
            |boot| bootstrap_glmm(&cells, &terms, family, &options(nodes), &fit, boot),
        )?;
        let mut eta = self.linear_predictor(&fit.beta);
        for (term, found) in terms.iter().zip(&fit.terms) {
            for (cell, (z, &level)) in term.z.to_held().rows().into_iter().zip(term.level).enumerate() {
                eta[cell] += z.dot(&found.modes.row(level as usize));
            }
        }
        let n_parameters = p + self.n_theta;
        let estimates = Estimates {
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
            laplace: Some(fit.laplace),
            df_method: None,
            spreads: None,
            bootstrap: None,
        };
        Ok(estimates.with(inference))
    }
}
