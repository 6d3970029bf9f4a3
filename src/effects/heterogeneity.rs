//! Do schools differ in their slope? Robust empirical-Bayes intervals, reliability and flags of E4 (`statistics.md` §5.5).
//!
//! With C_j the variance of b_j given the parameters and μ₂ the variance between schools, the shrinkage weight is
//! `w_j = 1 − C_j/μ₂`, the unshrunken estimate `b̂_j/w_j` and its error `se_j² = C_j/w_j`. The robust interval
//! (Armstrong, Kolesár & Plagborg-Møller 2022) is `b̂_j ± cva(se_j²/μ₂, κ)·w_j·se_j`: it covers on average over schools
//! whatever the distribution of their slopes is. κ is estimated where there are [`MANY`] schools, else unbounded. What the
//! parameters are unsure of is added to the square of its half length. Reliability is `λ_j = τ²/(τ² + se_j²)` with the
//! maximum likelihood estimate τ², which may be 0; that is what "not measurably different" rests on.

use ndarray::{Array1, Array2};

use super::schools::Deviation;
use crate::stats::{ShrinkageOptions, UnitEstimates, benjamini_hochberg, normal_cdf, shrink};
use crate::vocab::{Interval, IntervalMethod, Level};

/// From how many schools a fourth moment of their slopes is estimated.
const MANY: usize = 200;
/// Below this reliability a school's own slope is not told from that of all schools (`statistics.md` §5.7).
pub const RELIABLE: f64 = 0.2;
/// Errors that a difference must measure to be seen with 80 % power at the 5 % level: 1.96 + 0.84 (`statistics.md` §5.7).
pub const VISIBLE: f64 = 2.80;
/// False discovery rate of flags.
const FALSE_DISCOVERIES: f64 = 0.10;

/// What a school's deviation is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worth {
    /// λ: share of the variance of the unshrunken estimate that is real.
    pub reliability: f64,
    /// The robust interval, in the unit of the deviation; `None` where it can't be computed.
    pub robust: Option<Interval>,
    /// The smallest deviation that this school's pupils alone would show with 80 % power at the 5 % level: 2.80 errors of
    /// the unshrunken estimate, in the unit of the deviation.
    pub visible: f64,
    /// Two-sided p-value of no deviation.
    pub p_value: f64,
    /// Its adjustment over the schools of the model (Benjamini and Hochberg).
    pub q_value: f64,
    /// Whether the robust interval excludes 0 and q is at most 0.10. No verdict: schools flagged by chance are among them.
    pub flagged: bool,
}

/// One unshrunken slope.
#[derive(Clone, Copy, Debug)]
struct Unshrunken {
    weight: f64,
    se: f64,
}

fn unshrunken(d: &Deviation) -> Option<Unshrunken> {
    let weight = 1.0 - d.conditional / d.between;
    let is_share = weight > 0.0 && weight < 1.0;
    is_share.then(|| Unshrunken { weight, se: (d.conditional / weight).sqrt() })
}

/// Of all schools of a model, in order; `scale` turns probabilities into the unit of the findings, `z` is the quantile
/// of their intervals.
pub(super) fn worth(deviations: &[Option<Deviation>], scale: f64, z: f64) -> Vec<Option<Worth>> {
    let known: Vec<(usize, Deviation, Unshrunken)> =
        deviations.iter().enumerate().filter_map(|(g, d)| d.and_then(|d| unshrunken(&d).map(|u| (g, d, u)))).collect();
    let p_values: Vec<f64> =
        known.iter().map(|(_, d, u)| 2.0 * normal_cdf(-(d.slope / (u.weight * u.se)).abs())).collect();
    let q_values = benjamini_hochberg(&p_values);
    let halves = half_lengths(&known);
    let mut out = vec![None; deviations.len()];
    for (i, (g, d, u)) in known.iter().enumerate() {
        let center = scale * d.point.value;
        let robust = halves.as_ref().map(|halves| {
            let own = halves[i] * d.scale;
            let half = scale * (own * own + z * z * d.parameters).sqrt();
            let method = IntervalMethod::RobustEmpiricalBayes;
            Interval { lo: center - half, hi: center + half, level: Level::P95, method }
        });
        let excludes = robust.is_some_and(|r| !r.contains(0.0));
        out[*g] = Some(Worth {
            reliability: d.between_ml / (d.between_ml + u.se * u.se),
            robust,
            visible: VISIBLE * u.se * d.scale * scale,
            p_value: p_values[i],
            q_value: q_values[i],
            flagged: excludes && q_values[i] <= FALSE_DISCOVERIES,
        });
    }
    out
}

/// cva·w·se of each school, on the scale of the link.
fn half_lengths(known: &[(usize, Deviation, Unshrunken)]) -> Option<Vec<f64>> {
    let between = known.first()?.1.between;
    let estimate: Array1<f64> = known.iter().map(|(_, d, u)| d.slope / u.weight).collect();
    let se: Array1<f64> = known.iter().map(|(.., u)| u.se).collect();
    let none = Array2::zeros((known.len(), 0));
    let data = UnitEstimates { estimate: estimate.view(), se: se.view(), x: none.view(), weights: None };
    let kappa = (known.len() < MANY).then_some(f64::INFINITY);
    let options =
        ShrinkageOptions { mu2: Some(between), kappa, level: Level::P95.get(), ..ShrinkageOptions::default() };
    let shrunken = shrink(&data, &options).ok()?;
    Some(shrunken.units.iter().zip(&se).map(|(unit, se)| unit.critical_value * unit.weight * se).collect())
}

#[cfg(test)]
mod tests {
    use super::super::schools::Point;
    use super::*;

    fn deviation(slope: f64, conditional: f64) -> Deviation {
        Deviation {
            point: Point { value: 0.1 * slope, variance: 0.01 * conditional },
            parameters: 0.0,
            slope,
            conditional,
            between: 0.04,
            between_ml: 0.04,
            scale: 0.1,
        }
    }

    #[test]
    fn weights_give_back_the_unshrunken_estimate_and_its_error() {
        // Y = 0.3 with se = 0.2 and μ₂ = 0.04: w = ½, b̂ = 0.15, C = w·se² = 0.02.
        let u = unshrunken(&deviation(0.15, 0.02)).unwrap();
        assert!((u.weight - 0.5).abs() < 1e-15 && (u.se - 0.2).abs() < 1e-15);
        assert!(unshrunken(&deviation(0.0, 0.04)).is_none(), "nothing but the prior");
    }

    /// cva(1, ∞) = 3.259199 (statistics.md §6).
    #[test]
    fn the_robust_interval_is_the_published_one() {
        let worth = worth(&[None, Some(deviation(0.15, 0.02))], 100.0, 1.96);
        assert!(worth[0].is_none());
        let worth = worth[1].unwrap();
        let half = 100.0 * 0.1 * 3.259199 * 0.5 * 0.2;
        let robust = worth.robust.unwrap();
        assert!((robust.hi - (1.5 + half)).abs() < 1e-5, "{robust:?}");
        assert!((worth.reliability - 0.5).abs() < 1e-12);
        assert!((worth.p_value - 0.1336144).abs() < 1e-6, "1.5 standard errors");
        assert!(!worth.flagged);
    }

    #[test]
    fn a_school_is_flagged_only_far_out() {
        let mut all: Vec<Option<Deviation>> = (0..60).map(|_| Some(deviation(0.01, 0.02))).collect();
        all[7] = Some(deviation(0.6, 0.02));
        let worth = worth(&all, 100.0, 1.96);
        let flagged: Vec<usize> = (0..60).filter(|&g| worth[g].unwrap().flagged).collect();
        assert_eq!(flagged, [7]);
    }
}
