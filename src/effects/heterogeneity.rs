//! Do schools differ in their slope? Robust empirical-Bayes intervals, reliability and flags of E4 (`statistics.md` §5.5).
//!
//! Intercept and slope of a school hang together, in its posterior covariance C_j as in Σ; what is known of its slope
//! through its intercept and Σ alone is not known from its own pupils. Their information is `I_j = C_j⁻¹ − Σ⁻¹`, so the
//! unshrunken slope is `Y_j = [b̂_j + I_j⁻¹Σ⁻¹b̂_j]₁` with error `se_j² = [I_j⁻¹]₁₁`, infinite where the school's doses do not
//! vary. With μ₂ = Σ₁₁ and `w_j = μ₂/(μ₂ + se_j²)` the robust interval (Armstrong, Kolesár & Plagborg-Møller 2022) is
//! `w_jY_j ± cva(se_j²/μ₂, κ)·w_j·se_j`: it covers on average over schools whatever the distribution of their slopes is. κ
//! is estimated where there are [`MANY`] schools, else unbounded. What the parameters are unsure of is added to the square
//! of its half length. Reliability is `λ_j = τ²/(τ² + se_j²)` with the maximum likelihood estimate τ², which may be 0; that
//! is what "not measurably different" rests on.

use ndarray::{Array1, Array2};

use super::schools::{Deviation, Pair};
use crate::stats::{ShrinkageOptions, ShrunkenUnit, UnitEstimates, benjamini_hochberg, normal_cdf, shrink};
use crate::vocab::{Interval, IntervalMethod, Level};

/// From how many schools a fourth moment of their slopes is estimated.
const MANY: usize = 200;
/// Below this reliability a school's own slope is not told from that of all schools (`statistics.md` §5.7).
pub const RELIABLE: f64 = 0.2;
/// Errors that a difference must measure to be seen with 80 % power at the 5 % level: 1.96 + 0.84 (`statistics.md` §5.7).
pub const VISIBLE: f64 = 2.80;
/// False discovery rate of flags.
const FALSE_DISCOVERIES: f64 = 0.10;

/// Information on a slope, as a share of what the prior knows, below which it is rounding.
const NO_INFORMATION: f64 = 1e-6;

/// What a school's deviation is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worth {
    /// λ: share of the variance of the unshrunken estimate that is real; 0 where the school's doses do not vary.
    pub reliability: f64,
    /// What the school's own pupils say; `None` where they say nothing of a slope.
    pub seen: Option<Seen>,
}

/// What a school's own pupils say of its deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The robust interval, in the unit of the deviation; `None` where it can't be computed. Its middle is the unshrunken
    /// estimate times w: a robust interval belongs to that, not to a mode that borrows from the intercept.
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

impl Worth {
    /// Whether the school is flagged.
    pub fn flagged(&self) -> bool {
        self.seen.is_some_and(|s| s.flagged)
    }
}

/// One unshrunken slope.
#[derive(Clone, Copy, Debug)]
struct Unshrunken {
    slope: f64,
    se: f64,
}

/// From the school's own pupils; `None` where they say nothing of a slope.
fn unshrunken(d: &Deviation) -> Option<Unshrunken> {
    let (posterior, prior) = (d.conditional.inverse()?, d.between.inverse()?);
    let own = Pair {
        intercept: posterior.intercept - prior.intercept,
        both: posterior.both - prior.both,
        slope: posterior.slope - prior.slope,
    };
    // Of the slope, the intercept unknown: 1/[I⁻¹]₁₁.
    let given = own.slope - own.both * own.both / own.intercept;
    let enough = NO_INFORMATION * (own.slope + 1.0 / d.between.slope);
    if !(own.intercept > 0.0 && given > enough) {
        return None;
    }
    let [b0, b1] = d.effects;
    let pull = [prior.intercept * b0 + prior.both * b1, prior.both * b0 + prior.slope * b1];
    let slope = b1 + (pull[1] - own.both / own.intercept * pull[0]) / given;
    Some(Unshrunken { slope, se: given.sqrt().recip() })
}

/// Of all schools of a model, in order; `scale` turns probabilities into the unit of the findings, `z` is the quantile
/// of their intervals.
pub(super) fn worth(deviations: &[Option<Deviation>], scale: f64, z: f64) -> Vec<Option<Worth>> {
    let known: Vec<(usize, Deviation, Unshrunken)> =
        deviations.iter().enumerate().filter_map(|(g, d)| d.and_then(|d| unshrunken(&d).map(|u| (g, d, u)))).collect();
    let p_values: Vec<f64> = known.iter().map(|(.., u)| 2.0 * normal_cdf(-(u.slope / u.se).abs())).collect();
    let q_values = benjamini_hochberg(&p_values);
    let shrunken = shrunken(&known);
    let mut out: Vec<_> = deviations.iter().map(|d| d.map(|_| Worth { reliability: 0.0, seen: None })).collect();
    for (i, (g, d, u)) in known.iter().enumerate() {
        let robust = shrunken.as_ref().map(|units| {
            let unit = &units[i];
            let own = unit.critical_value * unit.weight * u.se * d.scale;
            let half = scale * (own * own + z * z * d.parameters).sqrt();
            let center = scale * d.scale * unit.estimate;
            let method = IntervalMethod::RobustEmpiricalBayes;
            Interval { lo: center - half, hi: center + half, level: Level::P95, method }
        });
        let excludes = robust.is_some_and(|r| !r.contains(0.0));
        let seen = Seen {
            robust,
            visible: VISIBLE * u.se * d.scale * scale,
            p_value: p_values[i],
            q_value: q_values[i],
            flagged: excludes && q_values[i] <= FALSE_DISCOVERIES,
        };
        out[*g] = Some(Worth { reliability: d.between_ml / (d.between_ml + u.se * u.se), seen: Some(seen) });
    }
    out
}

/// Slopes shrunken towards 0, on the scale of the link.
fn shrunken(known: &[(usize, Deviation, Unshrunken)]) -> Option<Vec<ShrunkenUnit>> {
    let between = known.first()?.1.between.slope;
    let estimate: Array1<f64> = known.iter().map(|(.., u)| u.slope).collect();
    let se: Array1<f64> = known.iter().map(|(.., u)| u.se).collect();
    let none = Array2::zeros((known.len(), 0));
    let data = UnitEstimates { estimate: estimate.view(), se: se.view(), x: none.view(), weights: None };
    let kappa = (known.len() < MANY).then_some(f64::INFINITY);
    let options =
        ShrinkageOptions { mu2: Some(between), kappa, level: Level::P95.get(), ..ShrinkageOptions::default() };
    Some(shrink(&data, &options).ok()?.units)
}

#[cfg(test)]
mod tests {
    use super::super::schools::Point;
    use super::*;

    /// A school whose own pupils say `y` = (intercept, slope) with information `own`, under a prior Σ.
    fn school(y: [f64; 2], own: Pair, between: Pair) -> Deviation {
        let prior = between.inverse().unwrap();
        let sum = Pair {
            intercept: own.intercept + prior.intercept,
            both: own.both + prior.both,
            slope: own.slope + prior.slope,
        };
        let conditional = sum.inverse().unwrap();
        let pull = [own.intercept * y[0] + own.both * y[1], own.both * y[0] + own.slope * y[1]];
        let effects = [
            conditional.intercept * pull[0] + conditional.both * pull[1],
            conditional.both * pull[0] + conditional.slope * pull[1],
        ];
        Deviation {
            point: Point { value: 0.1 * effects[1], variance: 0.01 * conditional.slope },
            parameters: 0.0,
            effects,
            conditional,
            between,
            between_ml: between.slope,
            scale: 0.1,
        }
    }

    const APART: Pair = Pair { intercept: 0.09, both: 0.0, slope: 0.04 };
    /// ρ = 0.9.
    const TOGETHER: Pair = Pair { intercept: 0.09, both: 0.054, slope: 0.04 };

    /// se = 0.2, so w = ½ with μ₂ = 0.04.
    fn slope(y: f64) -> Deviation {
        school([0.3, y], Pair { intercept: 50.0, both: 0.0, slope: 25.0 }, APART)
    }

    #[test]
    fn the_unshrunken_slope_is_that_of_the_schools_own_pupils() {
        for between in [APART, TOGETHER] {
            let own = Pair { intercept: 50.0, both: 20.0, slope: 33.0 };
            let u = unshrunken(&school([0.4, -0.3], own, between)).unwrap();
            assert!((u.slope + 0.3).abs() < 1e-12, "{u:?}");
            assert!((u.se - 0.2).abs() < 1e-12, "33 − 20²/50 = 25: {u:?}");
        }
    }

    /// Equal doses tell of no slope, however surely the intercept and Σ predict one.
    #[test]
    fn a_school_without_variation_in_its_doses_is_never_told_apart() {
        for between in [APART, TOGETHER] {
            for dose in [0.0, -1.5, 4.0] {
                let own = Pair { intercept: 500.0, both: 500.0 * dose, slope: 500.0 * dose * dose };
                let silent = school([0.9, 0.0], own, between);
                let all = worth(&[Some(silent), Some(slope(0.1))], 100.0, 1.96);
                assert_eq!(all[0], Some(Worth { reliability: 0.0, seen: None }), "{dose} {between:?}");
                assert!(all[1].unwrap().seen.is_some());
            }
        }
    }

    /// cva(1, ∞) = 3.259199 (statistics.md §6).
    #[test]
    fn the_robust_interval_is_the_published_one() {
        let worth = worth(&[None, Some(slope(0.3))], 100.0, 1.96);
        assert!(worth[0].is_none());
        let worth = worth[1].unwrap();
        let half = 100.0 * 0.1 * 3.259199 * 0.5 * 0.2;
        let seen = worth.seen.unwrap();
        let robust = seen.robust.unwrap();
        assert!((robust.hi - (1.5 + half)).abs() < 1e-5, "{robust:?}");
        assert!((worth.reliability - 0.5).abs() < 1e-12);
        assert!((seen.p_value - 0.1336144).abs() < 1e-6, "1.5 standard errors");
        assert!(!seen.flagged);
    }

    #[test]
    fn a_school_is_flagged_only_far_out() {
        let mut all: Vec<Option<Deviation>> = (0..60).map(|_| Some(slope(0.02))).collect();
        all[7] = Some(slope(1.2));
        let worth = worth(&all, 100.0, 1.96);
        let flagged: Vec<usize> = (0..60).filter(|&g| worth[g].unwrap().flagged()).collect();
        assert_eq!(flagged, [7]);
    }
}
