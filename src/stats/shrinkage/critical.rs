//! Critical values of robust empirical Bayes intervals: coverage whatever the distribution of the true effects is.
//!
//! An interval θ̂ ± χ·(w·se) around a shrunken estimate errs by Z + b: noise Z ~ N(0,1) and a normalised bias b that
//! varies over units with E b² = m₂ and kurtosis E b⁴/m₂² ≤ κ. With t = b²,
//!
//! ```text
//! r(t, χ) = Φ(−√t − χ) + Φ(√t − χ)                              non-coverage at bias √t
//! ρ(m₂, κ, χ) = sup { E r(t, χ) : E t = m₂, E t² ≤ κ m₂² }       worst case
//! cva_α(m₂, κ) = the χ with ρ = α
//! ```
//!
//! r is convex in t below an inflection point and concave above it (concave everywhere for χ² ≤ 3). So without κ the
//! worst distribution has mass at 0 and at t₀, where the line through r(0) touches r, or sits at m₂ if m₂ ≥ t₀. That
//! one has E t² = m₂t₀; if κ m₂ ≥ t₀, κ does not bind. If it binds the worst case has two points (Armstrong, Kolesár
//! & Plagborg-Møller 2022, Econometrica 90:2567, Appendix B): x₁ < m₂ and, from the two moments,
//! x₂ = m₂ + V/(m₂ − x₁) with V = (κ − 1)m₂². That leaves one unknown, x₁ in [0, m₂).
//!
//! That two points are enough has a certificate, which the tests check: a parabola that touches r at the points and lies
//! above r elsewhere bounds E r for every other distribution.

use super::super::dist::{normal_cdf, normal_quantile};
use super::super::error::StatsError;
use super::super::search::{maximum, root};

/// A critical value with the distribution that needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticalValue {
    /// χ: half the length of the interval in units of w·se.
    pub value: f64,
    /// Squared normalised biases t of the worst distribution, ascending; one or two.
    pub support: Vec<f64>,
    /// Their probabilities.
    pub probability: Vec<f64>,
}

/// Largest non-coverage of an interval ± `chi`, and the distribution that has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WorstCase {
    pub noncoverage: f64,
    pub support: Vec<f64>,
    pub probability: Vec<f64>,
}

/// Pieces in which the place of the lower point is looked for.
const PIECES: u32 = 24;

/// cva_α(m₂, κ) at `level` = 1 − α, for m₂ ≥ 0 and 1 ≤ κ ≤ ∞.
///
/// # Errors
/// [`StatsError::Shape`] where an argument is outside its range or m₂ is infinite.
pub fn cva(m2: f64, kappa: f64, level: f64) -> Result<CriticalValue, StatsError> {
    check(m2, kappa)?;
    if !(level > 0.0 && level < 1.0) {
        return Err(StatsError::Shape("a level must be between 0 and 1"));
    }
    let alpha = 1.0 - level;
    // Any bias costs coverage, so the normal quantile is a lower bound; Chebyshev's inequality gives the upper one.
    let (low, high) = (normal_quantile(1.0 - 0.5 * alpha), ((1.0 + m2) / alpha).sqrt());
    let excess = |chi: f64| worst_case(m2, kappa, chi).noncoverage - alpha;
    let value = if m2 == 0.0 { low } else { root(excess, low, high, 1e-11) };
    let worst = worst_case(m2, kappa, value);
    Ok(CriticalValue { value, support: worst.support, probability: worst.probability })
}

/// ρ(m₂, κ, χ): the largest non-coverage of an interval ± `chi`·w·se, for m₂ ≥ 0, 1 ≤ κ ≤ ∞ and χ ≥ 0.
///
/// # Errors
/// [`StatsError::Shape`] where an argument is outside its range or m₂ or χ is infinite.
pub fn worst_noncoverage(m2: f64, kappa: f64, chi: f64) -> Result<f64, StatsError> {
    check(m2, kappa)?;
    if !(chi >= 0.0 && chi.is_finite()) {
        return Err(StatsError::Shape("a critical value must be finite and not negative"));
    }
    Ok(worst_case(m2, kappa, chi).noncoverage)
}

fn check(m2: f64, kappa: f64) -> Result<(), StatsError> {
    if !(m2 >= 0.0 && m2.is_finite()) {
        return Err(StatsError::Shape("a second moment must be finite and not negative"));
    }
    if kappa >= 1.0 { Ok(()) } else { Err(StatsError::Shape("a kurtosis is at least 1")) }
}

/// r(t, χ).
pub(super) fn noncoverage(t: f64, chi: f64) -> f64 {
    let b = t.sqrt();
    normal_cdf(-b - chi) + normal_cdf(b - chi)
}

/// ∂r/∂t, by its limit at 0 where the quotient has no digits left.
pub(super) fn noncoverage_d1(t: f64, chi: f64) -> f64 {
    if t < 1e-9 {
        return chi * density(chi);
    }
    let b = t.sqrt();
    (density(b - chi) - density(b + chi)) / (2.0 * b)
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

pub(super) fn worst_case(m2: f64, kappa: f64, chi: f64) -> WorstCase {
    let one = || WorstCase { noncoverage: noncoverage(m2, chi), support: vec![m2], probability: vec![1.0] };
    if m2 == 0.0 || kappa == 1.0 {
        return one();
    }
    let t0 = touching_point(chi);
    if m2 >= t0 {
        return one();
    }
    if kappa * m2 >= t0 {
        return mixture(0.0, t0, m2, chi);
    }
    let spread = (kappa - 1.0) * m2 * m2;
    let upper = |lower: f64| m2 + spread / (m2 - lower);
    // Above t₀ r is concave all the way from 0: mass beyond it could be moved in. So the upper point stays below t₀.
    let last = m2 - spread / (t0 - m2);
    let found = maximum(|x| mixture(x, upper(x), m2, chi).noncoverage, 0.0, last, PIECES);
    mixture(found.x, upper(found.x), m2, chi)
}

/// Two points with mean `m2`.
fn mixture(lower: f64, upper: f64, m2: f64, chi: f64) -> WorstCase {
    let p = (m2 - lower) / (upper - lower);
    WorstCase {
        noncoverage: noncoverage(lower, chi) * (1.0 - p) + noncoverage(upper, chi) * p,
        support: vec![lower, upper],
        probability: vec![1.0 - p, p],
    }
}

/// t₀, where the line from r(0) touches r: the root of r(t) − r(0) − t·r′(t); 0 where r is concave.
fn touching_point(chi: f64) -> f64 {
    if chi * chi <= 3.0 {
        return 0.0;
    }
    let gap = |t: f64| noncoverage(t, chi) - noncoverage(0.0, chi) - t * noncoverage_d1(t, chi);
    let (low, mut high) = (chi * chi - 3.0, 2.0 * chi * chi);
    while gap(high) < 0.0 {
        high *= 2.0;
    }
    root(gap, low, high, 0.0)
}
