//! Comparing fitted models: AIC, BIC and the likelihood-ratio test, in one place for every kind of model.

use super::dist::chi2_survival;
use super::error::StatsError;
use super::glm::GlmFit;
use super::glmm::GlmmFit;

/// A maximised log-likelihood and its size.
///
/// Two restricted likelihoods (REML) can be compared only if both models have the same fixed effects, and none with an
/// unrestricted one. Constants that hold no parameter must be the same in both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likelihood {
    /// log L.
    pub log_lik: f64,
    /// Parameters estimated, variances included.
    pub parameters: usize,
    /// Rows.
    pub n: f64,
}

impl Likelihood {
    /// −2 log L + 2k.
    pub fn aic(&self) -> f64 {
        -2.0 * self.log_lik + 2.0 * self.parameters as f64
    }

    /// −2 log L + k log n.
    pub fn bic(&self) -> f64 {
        -2.0 * self.log_lik + self.parameters as f64 * self.n.ln()
    }
}

impl GlmFit {
    /// What a comparison of models needs.
    pub fn likelihood(&self) -> Likelihood {
        Likelihood { log_lik: self.log_lik, parameters: self.beta.len(), n: self.n_obs }
    }
}

impl GlmmFit {
    /// What a comparison of models needs: p + nθ parameters, elements of θ at the boundary included.
    pub fn likelihood(&self) -> Likelihood {
        let parameters = self.beta.len() + self.theta.len();
        Likelihood { log_lik: self.log_lik, parameters, n: self.n_obs }
    }
}

/// A model against a larger one that holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LikelihoodRatio {
    /// 2(log L₁ − log L₀). Below 0, but for rounding, the larger model was not maximised or does not hold the smaller.
    pub chi2: f64,
    /// Parameters more, k.
    pub df: usize,
    /// P(χ²_k > `chi2`). Where the smaller model has a variance at 0, the edge of what it can be, it is too large.
    pub p_value: f64,
    /// ½P(χ²_{k−1} > `chi2`) + ½P(χ²_k > `chi2`), χ²₀ being 0: right when the larger model has one random effect more,
    /// its variance and k − 1 covariances with the effects of the same block (Self & Liang 1987, JASA 82:605; Stram &
    /// Lee 1994, Biometrics 50:1171). Of no meaning for anything else.
    pub p_one_variance: f64,
}

/// Tests the smaller of two nested models.
///
/// # Errors
/// [`StatsError::Shape`] where the larger model has no more parameters, or another number of rows.
pub fn likelihood_ratio(smaller: &Likelihood, larger: &Likelihood) -> Result<LikelihoodRatio, StatsError> {
    if larger.parameters <= smaller.parameters {
        return Err(StatsError::Shape("the larger model has no more parameters than the smaller"));
    }
    if larger.n != smaller.n {
        return Err(StatsError::Shape("the models have different numbers of rows"));
    }
    let chi2 = 2.0 * (larger.log_lik - smaller.log_lik);
    let df = larger.parameters - smaller.parameters;
    let p_one_variance = 0.5 * (survival(chi2, df - 1) + survival(chi2, df));
    Ok(LikelihoodRatio { chi2, df, p_value: survival(chi2, df), p_one_variance })
}

/// P(χ²_df > x), or P(χ²_df ≥ 0) = 1 for x ≤ 0; without degrees of freedom all of the mass is at 0.
fn survival(x: f64, df: usize) -> f64 {
    match df {
        _ if x <= 0.0 => 1.0,
        0 => 0.0,
        _ => chi2_survival(x, df as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(log_lik: f64, parameters: usize) -> Likelihood {
        Likelihood { log_lik, parameters, n: 180.0 }
    }

    // R 4.2.2, lme4 sleepstudy, ML: Days|Subject against 1|Subject: logLik −875.969672 (6), −897.039322 (4);
    // anova(): AIC 1763.939344, BIC 1783.097086, χ² 42.1393.
    #[test]
    fn sleepstudy_with_and_without_slopes() {
        let (smaller, larger) = (of(-897.039322, 4), of(-875.969672, 6));
        assert!((larger.aic() - 1763.939344).abs() < 1e-6);
        assert!((larger.bic() - 1783.097086).abs() < 1e-5);
        let test = likelihood_ratio(&smaller, &larger).unwrap();
        assert!((test.chi2 - 42.1393).abs() < 1e-4 && test.df == 2);
        // For two degrees of freedom the survival function is e^{−x/2}.
        assert!((test.p_value / (-0.5 * test.chi2).exp() - 1.0).abs() < 1e-9);
        let mixture = 0.5 * (test.p_value + chi2_survival(test.chi2, 1.0));
        assert_eq!(test.p_one_variance, mixture);
    }

    #[test]
    fn one_variance_at_the_edge_halves_the_probability() {
        let test = likelihood_ratio(&of(-10.0, 3), &of(-10.0 + 0.5 * 2.705543454, 4)).unwrap();
        assert!((test.p_value - 0.1).abs() < 1e-8 && (test.p_one_variance - 0.05).abs() < 1e-8);
        let none = likelihood_ratio(&of(-10.0, 3), &of(-10.0, 4)).unwrap();
        assert_eq!((none.p_value, none.p_one_variance), (1.0, 1.0));
    }

    #[test]
    fn models_that_cannot_be_nested_are_refused() {
        assert!(likelihood_ratio(&of(-10.0, 3), &of(-9.0, 3)).is_err());
        assert!(likelihood_ratio(&of(-10.0, 3), &Likelihood { n: 179.0, ..of(-9.0, 4) }).is_err());
    }
}
