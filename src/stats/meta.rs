//! Random-effects meta-analysis: estimates with known variances, and what lies behind them.
//!
//! ```text
//! yᵢ ~ N(θᵢ, vᵢ)   θᵢ ~ N(xᵢᵀβ, τ²)   wᵢ = 1/(vᵢ + τ²)
//! β̂ = (XᵀWX)⁻¹XᵀWy   P = W − WX(XᵀWX)⁻¹XᵀW   Q(τ²) = yᵀPy = Σ wᵢ(yᵢ − xᵢᵀβ̂)²
//! DL   τ² = (Q(0) − (k−p)) / tr P(0), not below 0
//! PM   Q(τ²) = k − p; the empirical Bayes estimator of Morris (1983) solves the same equation
//! ML   max −½Σlog(vᵢ+τ²) − ½Q           REML   the same − ½log|XᵀWX| + ½log|XᵀX|
//! ```
//!
//! Q falls in τ², so PM has one root or is 0. The two likelihoods can have more than one peak: they are searched on a
//! grid first. Sources: Viechtbauer (2005, J. Educ. Behav. Stat. 30:261; 2007, Stat. Med. 26:37), Knapp & Hartung
//! (2003, Stat. Med. 22:2693), Raudenbush (2009, in: The Handbook of Research Synthesis, ch. 16); checked against
//! metafor 3.8-1.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::cells::check_finite;
use super::dist::{chi2_quantile, chi2_survival, normal_quantile, t_quantile};
use super::error::StatsError;
use super::glm::add_outer;
use super::linalg::Cholesky;
use super::search::{maximum, root};

/// How τ² is estimated; formulas in the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tau2Method {
    /// DerSimonian & Laird's moment estimator.
    DerSimonianLaird,
    /// Paule & Mandel: Q(τ²) equals its expectation.
    PauleMandel,
    /// Restricted maximum likelihood.
    Reml,
    /// Maximum likelihood.
    Ml,
    /// Morris' empirical Bayes estimator; equal to [`Tau2Method::PauleMandel`].
    EmpiricalBayes,
}

/// Estimates of k units.
#[derive(Clone, Copy, Debug)]
pub struct MetaData<'a> {
    /// Estimates (k).
    pub y: ArrayView1<'a, f64>,
    /// Their sampling variances (k), above 0.
    pub v: ArrayView1<'a, f64>,
    /// k×p moderators, an intercept among them if there is to be one.
    pub x: ArrayView2<'a, f64>,
}

/// Choices of an analysis.
#[derive(Clone, Copy, Debug)]
pub struct MetaOptions {
    /// Estimator of τ².
    pub method: Tau2Method,
    /// Level of all intervals, between 0 and 1.
    pub level: f64,
}

impl Default for MetaOptions {
    fn default() -> Self {
        Self { method: Tau2Method::Reml, level: 0.95 }
    }
}

/// Ends of an interval; whoever returns it says the level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Limits {
    /// `centre` ± `half`.
    pub(super) fn around(centre: f64, half: f64) -> Self {
        Self { lower: centre - half, upper: centre + half }
    }
}

/// A fitted random-effects model with k units and p coefficients; intervals at `level`.
#[derive(Clone, Debug)]
pub struct MetaFit {
    /// Level of the intervals.
    pub level: f64,
    /// Coefficients (p).
    pub beta: Array1<f64>,
    /// (XᵀWX)⁻¹ (p×p).
    pub vcov: Array2<f64>,
    /// Wald intervals of the coefficients (p), normal.
    pub ci: Vec<Limits>,
    /// Variance of the true values around xᵀβ.
    pub tau2: f64,
    /// Q-profile interval of τ² (Viechtbauer 2007): the τ² at which Q equals quantiles of χ² with k−p degrees of
    /// freedom; an end is 0 where Q is below the quantile everywhere.
    pub tau2_ci: Limits,
    /// Cochran's Q = Q(0): homogeneity given the moderators.
    pub q: f64,
    /// Its degrees of freedom, k−p.
    pub df: f64,
    /// P(χ² > Q).
    pub q_p_value: f64,
    /// I² (a fraction, 0 to 1): τ²/(τ² + s²) with s² = (k−p)/tr P(0) the typical sampling variance.
    pub i2: f64,
    /// Log-likelihood at the estimates; the restricted one for [`Tau2Method::Reml`].
    pub log_lik: f64,
    /// Knapp & Hartung's factor Q(τ²)/(k−p) on the covariance; not kept above 1.
    pub knha_scale: f64,
    /// Knapp–Hartung intervals (p): factor as above, t with k−p degrees of freedom.
    pub knha_ci: Vec<Limits>,
    /// λᵢ = τ²/(τ² + vᵢ) (k).
    pub reliability: Array1<f64>,
    /// Best linear unbiased predictions λᵢyᵢ + (1−λᵢ)xᵢᵀβ̂ (k).
    pub blup: Array1<f64>,
    /// Their standard errors √(λᵢvᵢ + (1−λᵢ)²xᵢᵀVxᵢ) (k): with the uncertainty of β, without that of τ².
    pub blup_se: Array1<f64>,
}

/// What is expected at given moderators; intervals at the fit's level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetaPrediction {
    /// xᵀβ.
    pub mean: f64,
    /// Standard error of the mean.
    pub se: f64,
    /// Interval of the mean.
    pub ci: Limits,
    /// Interval of the true value of one more unit: variance se² + τ².
    pub pi: Limits,
}

impl MetaFit {
    /// Mean and prediction interval at moderators `x` (p) with normal quantiles.
    ///
    /// # Panics
    /// If `x` has not p elements.
    pub fn predict(&self, x: ArrayView1<f64>) -> MetaPrediction {
        self.prediction(x, 1.0, normal_quantile(0.5 + 0.5 * self.level))
    }

    /// The same with Knapp & Hartung's factor and t with k−p degrees of freedom.
    ///
    /// # Panics
    /// If `x` has not p elements.
    pub fn predict_knha(&self, x: ArrayView1<f64>) -> MetaPrediction {
        self.prediction(x, self.knha_scale, t_quantile(0.5 + 0.5 * self.level, self.df))
    }

    fn prediction(&self, x: ArrayView1<f64>, scale: f64, quantile: f64) -> MetaPrediction {
        let mean = x.dot(&self.beta);
        let variance = scale * x.dot(&self.vcov.dot(&x));
        let se = variance.sqrt();
        let (ci, pi) = (quantile * se, quantile * (variance + self.tau2).sqrt());
        MetaPrediction { mean, se, ci: Limits::around(mean, ci), pi: Limits::around(mean, pi) }
    }
}

/// Fits the model.
///
/// # Errors
/// [`StatsError::Shape`] where lengths differ, there are not more units than columns, or the level is not between 0 and
/// 1; [`StatsError::NotFinite`]; [`StatsError::NotPositive`] for a variance; [`StatsError::RankDeficient`].
pub fn fit_meta(data: &MetaData, opt: &MetaOptions) -> Result<MetaFit, StatsError> {
    data.check(opt.level)?;
    let fixed = data.at(0.0)?;
    let df = (data.y.len() - data.x.ncols()) as f64;
    let tau2 = data.tau2(opt.method, &fixed, df)?;
    let at = data.at(tau2)?;
    let vcov = at.information.inverse();
    let knha_scale = at.q / df;
    let limits = |quantile: f64, scale: f64| {
        at.beta.iter().zip(vcov.diag()).map(|(b, v)| Limits::around(*b, quantile * (scale * v).sqrt())).collect()
    };
    let tail = 0.5 - 0.5 * opt.level;
    let reliability = data.v.mapv(|v| tau2 / (tau2 + v));
    let fitted = data.x.dot(&at.beta);
    let blup_variance = |(i, x): (usize, ArrayView1<f64>)| {
        let lambda = reliability[i];
        lambda * data.v[i] + (1.0 - lambda).powi(2) * x.dot(&vcov.dot(&x))
    };
    Ok(MetaFit {
        level: opt.level,
        ci: limits(normal_quantile(1.0 - tail), 1.0),
        knha_ci: limits(t_quantile(1.0 - tail, df), knha_scale),
        tau2_ci: Limits {
            lower: data.tau2_where_q_is(chi2_quantile(1.0 - tail, df)),
            upper: data.tau2_where_q_is(chi2_quantile(tail, df)),
        },
        q: fixed.q,
        q_p_value: chi2_survival(fixed.q, df),
        i2: tau2 / (tau2 + df / fixed.trace_p),
        log_lik: if opt.method == Tau2Method::Reml { at.log_lik_restricted } else { at.log_lik },
        blup: &reliability * &data.y + (1.0 - &reliability) * fitted,
        blup_se: data.x.rows().into_iter().enumerate().map(|row| blup_variance(row).sqrt()).collect(),
        beta: at.beta,
        vcov,
        tau2,
        df,
        knha_scale,
        reliability,
    })
}

/// The model at a given τ².
struct AtTau2 {
    beta: Array1<f64>,
    information: Cholesky,
    q: f64,
    trace_p: f64,
    log_lik: f64,
    log_lik_restricted: f64,
    /// 2∂log L/∂τ² = yᵀPPy − tr W.
    slope: f64,
    /// 2∂log L_R/∂τ² = yᵀPPy − tr P.
    slope_restricted: f64,
}

impl MetaData<'_> {
    fn check(&self, level: f64) -> Result<(), StatsError> {
        let (k, p) = self.x.dim();
        if self.y.len() != k || self.v.len() != k {
            return Err(StatsError::Shape("y, v and x differ in length"));
        }
        if p == 0 || k <= p {
            return Err(StatsError::Shape("x must have columns, and y more elements than x has columns"));
        }
        if !(level > 0.0 && level < 1.0) {
            return Err(StatsError::Shape("a level must be between 0 and 1"));
        }
        check_finite("x", self.x)?;
        check_finite("y", self.y.insert_axis(ndarray::Axis(1)))?;
        check_finite("v", self.v.insert_axis(ndarray::Axis(1)))?;
        match self.v.iter().position(|&v| v <= 0.0) {
            Some(row) => Err(StatsError::NotPositive { array: "v", row }),
            None => Ok(()),
        }
    }

    fn at(&self, tau2: f64) -> Result<AtTau2, StatsError> {
        let (k, p) = self.x.dim();
        let w = self.v.mapv(|v| 1.0 / (v + tau2));
        let (mut xwx, mut xwy) = (Array2::zeros((p, p)), Array1::zeros(p));
        for (i, x) in self.x.rows().into_iter().enumerate() {
            add_outer(&mut xwx, w[i], x);
            xwy.scaled_add(w[i] * self.y[i], &x);
        }
        let information =
            Cholesky::factor(xwx.view()).map_err(|failed| StatsError::RankDeficient { column: failed.column })?;
        let beta = information.solve(xwy.view());
        // Py = W(y − Xβ̂), so yᵀPPy = Σwᵢ²eᵢ² and yᵀPy = Σwᵢeᵢ².
        let e = &self.y - &self.x.dot(&beta);
        let (q, ppy) = e.iter().zip(&w).fold((0.0, 0.0), |(q, s), (e, w)| (q + w * e * e, s + w * w * e * e));
        // tr P = tr W − Σwᵢ²·xᵢᵀ(XᵀWX)⁻¹xᵢ
        let leverage = |x: ArrayView1<f64>| {
            let white = information.forward(x);
            white.dot(&white)
        };
        let trace_p: f64 = self.x.rows().into_iter().zip(&w).map(|(x, w)| w - w * w * leverage(x)).sum();
        let constant = |n: usize| n as f64 * (2.0 * std::f64::consts::PI).ln();
        let common = w.iter().map(|w| w.ln()).sum::<f64>() - q;
        Ok(AtTau2 {
            q,
            trace_p,
            log_lik: 0.5 * (common - constant(k)),
            log_lik_restricted: 0.5 * (common - information.log_det() + self.log_det_xx()? - constant(k - p)),
            slope: ppy - w.sum(),
            slope_restricted: ppy - trace_p,
            information,
            beta,
        })
    }

    /// log|XᵀX|: makes the restricted log-likelihood independent of the units of X, as metafor has it.
    fn log_det_xx(&self) -> Result<f64, StatsError> {
        let xx = self.x.t().dot(&self.x);
        let factor = Cholesky::factor(xx.view()).map_err(|e| StatsError::RankDeficient { column: e.column })?;
        Ok(factor.log_det())
    }

    fn tau2(&self, method: Tau2Method, fixed: &AtTau2, df: f64) -> Result<f64, StatsError> {
        match method {
            Tau2Method::DerSimonianLaird => Ok(((fixed.q - df) / fixed.trace_p).max(0.0)),
            Tau2Method::PauleMandel | Tau2Method::EmpiricalBayes => Ok(self.tau2_where_q_is(df)),
            Tau2Method::Ml => Ok(self.peak(|at| at.log_lik, |at| at.slope)),
            Tau2Method::Reml => Ok(self.peak(|at| at.log_lik_restricted, |at| at.slope_restricted)),
        }
    }

    /// A value at some τ². NaN can't occur: `fit_meta` has factored XᵀWX at τ² = 0, and weights only become more equal.
    fn value(&self, tau2: f64, of: impl Fn(&AtTau2) -> f64) -> f64 {
        self.at(tau2).map_or(f64::NAN, |at| of(&at))
    }

    /// Where Q(τ²), which falls, reaches `target`; 0 if it starts below.
    fn tau2_where_q_is(&self, target: f64) -> f64 {
        let excess = |tau2: f64| self.value(tau2, |at| at.q) - target;
        if excess(0.0) <= 0.0 {
            return 0.0;
        }
        let mut high = self.largest_variance();
        while excess(high) > 0.0 && high.is_finite() {
            high *= 2.0;
        }
        root(excess, 0.0, high, 0.0)
    }

    /// Largest sampling variance: a size of τ² to start from.
    fn largest_variance(&self) -> f64 {
        self.v.iter().fold(0.0, |m, v| v.max(m))
    }

    /// The τ² of the highest peak of a log-likelihood with the given slope.
    fn peak(&self, height: impl Fn(&AtTau2) -> f64, slope: impl Fn(&AtTau2) -> f64) -> f64 {
        // Far out the slope is about Σe²/τ⁴ − (k−p)/τ² and stays below 0 once it is.
        let mut high = self.largest_variance();
        while self.value(high, &slope) > 0.0 && high.is_finite() {
            high *= 2.0;
        }
        // Grid in √(τ²/high), so that small values are looked at closely.
        let squared = |s: f64| high * s * s;
        let best = maximum(|s| self.value(squared(s), &height), 0.0, 1.0, GRID);
        // Heights fix the place to 1e-8 only; the slope's root is the same peak to rounding.
        let near = 1e-4;
        let (low, high) = (squared((best.x - near).max(0.0)), squared(best.x + near));
        let (at_low, at_high) = (self.value(low, &slope), self.value(high, &slope));
        if at_low > 0.0 && at_high < 0.0 {
            root(|t| self.value(t, &slope), low, high, 0.0)
        } else if low == 0.0 {
            0.0
        } else {
            squared(best.x)
        }
    }
}

/// Pieces of the grid on which a likelihood is looked at before its peak is refined.
const GRID: u32 = 100;

#[cfg(test)]
mod tests;
