//! Empirical Bayes estimates of many units, with parametric and robust intervals.
//!
//! ```text
//! Yᵢ ~ N(θᵢ, σᵢ²)   θᵢ = xᵢᵀδ + εᵢ   E ε² = μ₂   E ε⁴ = κ μ₂²   (σ known, ε unrelated to σ)
//! wᵢ = μ₂/(μ₂ + σᵢ²)   θ̂ᵢ = xᵢᵀδ̂ + wᵢ(Yᵢ − xᵢᵀδ̂)
//! parametric θ̂ᵢ ± z·√wᵢ·σᵢ        robust θ̂ᵢ ± cva(σᵢ²/μ₂, κ)·wᵢσᵢ
//! ```
//!
//! The parametric interval covers if ε is normal. The robust one covers on average over units whatever the distribution
//! of ε is, given its two moments; it takes more length where units say little. Neither carries the uncertainty of δ̂,
//! μ̂₂ and κ̂, which vanishes with many units. Armstrong, Kolesár & Plagborg-Møller (2022, Econometrica 90:2567).

mod critical;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::cells::check_finite;
use super::dist::{normal_cdf, normal_quantile};
use super::error::StatsError;
use super::glm::add_outer;
use super::linalg::Cholesky;
use super::meta::Limits;
pub use critical::{CriticalValue, cva, worst_noncoverage};

/// Estimates of n units.
#[derive(Clone, Copy, Debug)]
pub struct UnitEstimates<'a> {
    /// Estimates Y (n).
    pub estimate: ArrayView1<'a, f64>,
    /// Standard errors σ (n), above 0.
    pub se: ArrayView1<'a, f64>,
    /// n×k columns towards which is shrunk: one of ones for the mean, none (k = 0) for 0.
    pub x: ArrayView2<'a, f64>,
    /// Weights ω (n), above 0, for δ, μ₂ and κ; equal if there are none. Coverage is on average with these weights.
    pub weights: Option<ArrayView1<'a, f64>>,
}

/// How μ₂ and κ are kept above their bounds 0 and 1 in samples where the plain estimates may fall below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MomentCorrection {
    /// Posterior mean truncation (the paper's baseline): μ₂ at least 2Σω²σ⁴/(Σω·Σωσ²), κ at least
    /// 1 + 32Σω²σ⁸/(μ₂²·Σω·Σωσ⁴).
    PosteriorMean,
    /// Posterior means under a flat prior on the admissible range, given the plain estimates and their variances.
    FlatPrior,
    /// max(·, 0) and max(·, 1) only. μ₂ can be 0, and then everything is shrunk completely.
    None,
}

/// Choices of [`shrink`].
#[derive(Clone, Copy, Debug)]
pub struct ShrinkageOptions {
    /// Level of the intervals, between 0 and 1.
    pub level: f64,
    /// Finite-sample correction of the moments.
    pub correction: MomentCorrection,
    /// μ₂ above 0 from elsewhere (a τ², say) in place of the estimate.
    pub mu2: Option<f64>,
    /// κ from elsewhere in place of the estimate, from 1; infinite for no bound, as is due where units are too few to
    /// estimate a fourth moment.
    pub kappa: Option<f64>,
}

impl Default for ShrinkageOptions {
    fn default() -> Self {
        Self { level: 0.95, correction: MomentCorrection::PosteriorMean, mu2: None, kappa: None }
    }
}

/// Second moment and kurtosis of the true deviations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// μ₂ as used.
    pub mu2: f64,
    /// κ as used.
    pub kappa: f64,
    /// μ̃₂ = Σω(ε̂² − σ²)/Σω, which may be negative.
    pub mu2_plain: f64,
    /// μ̃₄/μ̃₂² with μ̃₄ = Σω(ε̂⁴ − 6σ²ε̂² + 3σ⁴)/Σω, which may be anything.
    pub kappa_plain: f64,
}

/// One unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShrunkenUnit {
    /// xᵀδ̂: towards what is shrunk.
    pub target: f64,
    /// θ̂.
    pub estimate: f64,
    /// w, between 0 (all target) and 1 (all estimate).
    pub weight: f64,
    /// Share of the variance of Y around its target that is real, by the plain second moment m = max(μ̃₂, 0):
    /// m/(m + σ²). Equal to `weight` unless a correction or a given μ₂ changed the moment.
    pub reliability: f64,
    /// Interval for a normal distribution of ε.
    pub parametric: Limits,
    /// Interval for any distribution of ε with these moments.
    pub robust: Limits,
    /// cva(σ²/μ₂, κ).
    pub critical_value: f64,
    /// Non-coverage of the parametric interval at the worst distribution with these moments.
    pub parametric_worst: f64,
}

/// Shrunken estimates of all units.
#[derive(Clone, Debug)]
pub struct Shrunken {
    /// Level of the intervals.
    pub level: f64,
    /// δ̂ (k).
    pub delta: Array1<f64>,
    /// Moments of ε.
    pub moments: Moments,
    /// One per estimate, in order (n).
    pub units: Vec<ShrunkenUnit>,
}

/// Shrinks estimates towards a regression on `x`.
///
/// # Errors
/// [`StatsError::Shape`] where lengths differ, there are not more units than columns, or an option is out of range;
/// [`StatsError::NotFinite`]; [`StatsError::NotPositive`] for standard errors and weights, and for μ₂ where
/// [`MomentCorrection::None`] leaves it at 0; [`StatsError::RankDeficient`].
pub fn shrink(data: &UnitEstimates, opt: &ShrinkageOptions) -> Result<Shrunken, StatsError> {
    data.check(opt)?;
    let weights = data.weights.map_or_else(|| Array1::ones(data.se.len()), |w| w.to_owned());
    let delta = data.regression(&weights)?;
    let target = data.x.dot(&delta);
    let moments = data.moments(&weights, &target, opt);
    if moments.mu2.is_nan() || moments.mu2 <= 0.0 {
        return Err(StatsError::NotPositive { array: "mu2", row: 0 });
    }
    // Units run in parallel and come back in order.
    let units: Result<Vec<ShrunkenUnit>, StatsError> = (0..data.se.len())
        .into_par_iter()
        .map(|i| unit(data.estimate[i], data.se[i], target[i], &moments, opt.level))
        .collect();
    Ok(Shrunken { level: opt.level, delta, moments, units: units? })
}

fn unit(y: f64, se: f64, target: f64, moments: &Moments, level: f64) -> Result<ShrunkenUnit, StatsError> {
    let share = |mu2: f64| mu2 / (mu2 + se * se);
    let weight = share(moments.mu2);
    let estimate = target + weight * (y - target);
    let m2 = se * se / moments.mu2;
    let critical_value = cva(m2, moments.kappa, level)?.value;
    let z = normal_quantile(0.5 + 0.5 * level);
    Ok(ShrunkenUnit {
        target,
        estimate,
        weight,
        reliability: share(moments.mu2_plain.max(0.0)),
        parametric: Limits::around(estimate, z * weight.sqrt() * se),
        robust: Limits::around(estimate, critical_value * weight * se),
        critical_value,
        // Half the parametric length is z·√w·σ = (z/√w)·wσ.
        parametric_worst: worst_noncoverage(m2, moments.kappa, z / weight.sqrt())?,
    })
}

impl UnitEstimates<'_> {
    fn check(&self, opt: &ShrinkageOptions) -> Result<(), StatsError> {
        let n = self.estimate.len();
        if self.se.len() != n || self.x.nrows() != n || self.weights.is_some_and(|w| w.len() != n) {
            return Err(StatsError::Shape("estimate, se, x and weights differ in length"));
        }
        if n <= self.x.ncols() {
            return Err(StatsError::Shape("x must have fewer columns than there are units"));
        }
        if !(opt.level > 0.0 && opt.level < 1.0) {
            return Err(StatsError::Shape("a level must be between 0 and 1"));
        }
        if opt.mu2.is_some_and(|m| !(m > 0.0 && m.is_finite())) || opt.kappa.is_some_and(|k| k.is_nan() || k < 1.0) {
            return Err(StatsError::Shape("mu2 must be finite and above 0, kappa at least 1"));
        }
        check_finite("x", self.x)?;
        check_finite("estimate", self.estimate.insert_axis(Axis(1)))?;
        check_positive("se", self.se)?;
        self.weights.map_or(Ok(()), |w| check_positive("weights", w))
    }

    /// δ̂ by weighted least squares.
    fn regression(&self, weights: &Array1<f64>) -> Result<Array1<f64>, StatsError> {
        let k = self.x.ncols();
        let (mut xwx, mut xwy) = (Array2::zeros((k, k)), Array1::zeros(k));
        for (i, x) in self.x.rows().into_iter().enumerate() {
            add_outer(&mut xwx, weights[i], x);
            xwy.scaled_add(weights[i] * self.estimate[i], &x);
        }
        let factor =
            Cholesky::factor(xwx.view()).map_err(|failed| StatsError::RankDeficient { column: failed.column })?;
        Ok(factor.solve(xwy.view()))
    }

    fn moments(&self, weights: &Array1<f64>, target: &Array1<f64>, opt: &ShrinkageOptions) -> Moments {
        let total = weights.sum();
        let mean = |a: &Array1<f64>| weights.dot(a) / total;
        let (e2, s2) = ((&self.estimate - target).mapv(|e| e * e), self.se.mapv(|s| s * s));
        let second = &e2 - &s2;
        let fourth = &e2 * &e2 - 6.0 * &s2 * &e2 + 3.0 * &s2 * &s2;
        let (mu2_plain, mu4_plain) = (mean(&second), mean(&fourth));
        // Σω²σ^2a/(Σω·Σωσ^a)
        let floor = |power: i32| {
            let high: f64 = weights.iter().zip(&s2).map(|(w, s)| (w * s.powi(power)).powi(2)).sum();
            high / (total * weights.iter().zip(&s2).map(|(w, s)| w * s.powi(power)).sum::<f64>())
        };
        let mu2 = opt.mu2.unwrap_or_else(|| match opt.correction {
            MomentCorrection::PosteriorMean => mu2_plain.max(2.0 * floor(1)),
            MomentCorrection::FlatPrior => truncated_mean(mu2_plain, variance_of_mean(weights, &second)),
            MomentCorrection::None => mu2_plain.max(0.0),
        });
        let kappa = opt.kappa.unwrap_or_else(|| match opt.correction {
            MomentCorrection::PosteriorMean => (mu4_plain / (mu2 * mu2)).max(1.0 + 32.0 * floor(2) / (mu2 * mu2)),
            MomentCorrection::FlatPrior => {
                // By the delta method μ̃₄ − μ̃₂² varies like the mean of the fourths − 2μ₂·seconds.
                let variance = variance_of_mean(weights, &(&fourth - &(2.0 * mu2 * &second)));
                1.0 + truncated_mean(mu4_plain - mu2_plain * mu2_plain, variance) / (mu2 * mu2)
            }
            MomentCorrection::None => (mu4_plain / (mu2 * mu2)).max(1.0),
        });
        Moments { mu2, kappa, mu2_plain, kappa_plain: mu4_plain / (mu2_plain * mu2_plain) }
    }
}

fn check_positive(array: &'static str, a: ArrayView1<f64>) -> Result<(), StatsError> {
    check_finite(array, a.insert_axis(Axis(1)))?;
    match a.iter().position(|&v| v <= 0.0) {
        Some(row) => Err(StatsError::NotPositive { array, row }),
        None => Ok(()),
    }
}

/// Mean of N(m, V) cut off below 0.
fn truncated_mean(m: f64, variance: f64) -> f64 {
    let sd = variance.sqrt();
    let z = m / sd;
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    m + sd * density / normal_cdf(z)
}

/// Variance of a weighted mean, estimated: Σω²(a² − ā²)/((Σω)² − Σω²).
fn variance_of_mean(weights: &Array1<f64>, a: &Array1<f64>) -> f64 {
    let (total, squares) = (weights.sum(), weights.dot(weights));
    let mean = weights.dot(a) / total;
    let sum: f64 = weights.iter().zip(a).map(|(w, a)| w * w * (a * a - mean * mean)).sum();
    sum / (total * total - squares)
}

#[cfg(test)]
mod tests;
