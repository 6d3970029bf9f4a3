//! Linear models, with and without random effects.

use ndarray::{Array1, Array2, ArrayView1};

use super::super::core::{
    LmmData, LmmOptions, OlsData, OlsOptions, ProfileIntervals, StatsError, Stop, bootstrap_lmm, bootstrap_ols,
    fit_lmm, fit_ols, kenward_roger, lmm_at_theta, ols_cluster_vcov, profile_lmm,
};
use super::super::spread::Inference;
use super::super::{DfName, FormulaFitError, Integration};
use super::{Estimates, Failed, Road};

impl Road<'_> {
    pub(super) fn least_squares(&self) -> Result<Estimates, Failed> {
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
        // The t interval is the profile.
        let exact = |_| Ok(ProfileIntervals { beta: vec![None; p], sigma: None, terms: Vec::new() });
        let inference = Inference::asked(self.wanted, self.sizes, exact, |boot| {
            bootstrap_ols(&data, &OlsOptions::default(), &fit, self.clusters(), boot)
        })?;
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
            laplace: None,
            df_method: Some("residual"),
            spreads: None,
            bootstrap: None,
        };
        if let Some((kind, cluster)) = self.robust() {
            let residuals = data.residuals(estimates.beta.view());
            let (codes, n) = (&cluster.codes, cluster.names.len());
            estimates.take(&ols_cluster_vcov(data.x, residuals.view(), data.weights, codes, n, kind)?);
        }
        Ok(estimates.with(inference))
    }

    pub(super) fn linear_mixed(&self) -> Result<Estimates, Failed> {
        if matches!(self.wanted.integration, Integration::Nodes(2..)) {
            let message = "--nagq is for binomial and poisson; a gaussian likelihood needs no quadrature";
            return Err(Failed::Fit(FormulaFitError::Wanted(message.into())));
        }
        let (d, terms) = (self.design, self.terms());
        let data = LmmData {
            y: d.y.view(),
            x: self.columns.x.view().into(),
            terms: &terms,
            weights: d.weights.as_ref().map(Array1::view),
            offset: self.offset.map(Array1::view),
        };
        let options = LmmOptions { reml: self.wanted.reml, ..LmmOptions::default() };
        let fit = match self.given()? {
            Some(given) => lmm_at_theta(&data, &options, given.theta.view())?,
            None => fit_lmm(&data, &options)?,
        };
        let inference = Inference::asked(
            self.wanted,
            self.sizes,
            |level| profile_lmm(&data, &fit, level),
            |boot| bootstrap_lmm(&data, &fit, &options, boot),
        )?;
        let corrected = match self.wanted.df {
            DfName::Satterthwaite => None,
            DfName::KenwardRoger => Some(kenward_roger(&data, &fit)?),
        };
        let n_parameters = self.p() + self.n_theta + 1;
        // At given variances nothing is known of how sure they are.
        let known = fit.stop != Stop::Given;
        let df = |coefficient: ArrayView1<f64>| {
            let df = corrected.as_ref().map_or_else(|| fit.satterthwaite_df(coefficient), |c| c.df(coefficient));
            Some(df).filter(|df| known && df.is_finite())
        };
        let estimates = Estimates {
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
            laplace: None,
            df_method: known.then_some(if corrected.is_some() { "kenward-roger" } else { "satterthwaite" }),
            spreads: None,
            bootstrap: None,
            beta: fit.beta,
            vcov: corrected.map_or(fit.vcov_beta, |c| c.vcov),
            terms: fit.terms,
            stop: fit.stop,
        };
        Ok(estimates.with(inference))
    }
}
