//! How strong something unmeasured would have to be to explain an association away.

use super::dist::t_quantile;

/// E-value of a risk ratio (VanderWeele & Ding 2017, Annals of Internal Medicine 167:268): the risk ratio that an unmeasured
/// confounder must have with the exposure and with the outcome, both, to bring `ratio` to 1. `R + √(R(R−1))` of the ratio R
/// turned above 1. NaN for a ratio that is not above 0.
pub fn e_value(ratio: f64) -> f64 {
    let above = if ratio < 1.0 { 1.0 / ratio } else { ratio };
    let is_ratio = ratio > 0.0 && ratio.is_finite();
    if is_ratio { above + (above * (above - 1.0)).sqrt() } else { f64::NAN }
}

/// E-value of the end of an interval that is nearer to 1; 1 when the interval holds 1.
pub fn e_value_of_interval(lo: f64, hi: f64) -> f64 {
    match (lo > 1.0, hi < 1.0) {
        (true, _) => e_value(lo),
        (_, true) => e_value(hi),
        _ => 1.0,
    }
}

/// Robustness value (Cinelli & Hazlett 2020, JRSS B 82:39): the share of the residual variance of exposure and of outcome,
/// both, that a confounder must explain to bring the estimate with statistic `t` on `df` residual degrees of freedom to
/// (1 − q) of itself. `½(√(f⁴ + 4f²) − f²)` with `f = q|t|/√df`.
pub fn robustness_value(t: f64, df: f64, q: f64) -> f64 {
    let f2 = (q * t).powi(2) / df;
    0.5 * ((f2 * f2 + 4.0 * f2).sqrt() - f2)
}

/// As [`robustness_value`], for bringing the interval of `level` to hold 0: `f = |t|/√df − t*/√(df−1)`; 0 when it holds it
/// already. Where a confounder strong in the outcome alone would do (`f > 0` and `f* < 1/f`), the general solution of
/// Cinelli & Hazlett applies, which this is.
pub fn robustness_value_of_interval(t: f64, df: f64, level: f64) -> f64 {
    let critical = t_quantile(0.5 + level / 2.0, df - 1.0) / (df - 1.0).sqrt();
    let own = t.abs() / df.sqrt();
    let left = own - critical;
    if left <= 0.0 {
        return 0.0;
    }
    if left < 1.0 / left && critical <= 1.0 / left {
        return robustness_value(left, 1.0, 1.0);
    }
    (own * own - critical * critical) / (1.0 + own * own)
}

/// Partial R² of a coefficient with statistic `t` on `df` residual degrees of freedom: `t²/(t² + df)`.
pub fn partial_r2(t: f64, df: f64) -> f64 {
    t * t / (t * t + df)
}

/// Largest bias (absolute, in units of the coefficient) by a confounder that explains `r2_outcome` of what is left of the
/// outcome and `r2_exposure` of what is left of the exposure: `se·√(df · R²_Y R²_D/(1 − R²_D))`.
pub fn confounding_bias(std_error: f64, df: f64, r2_outcome: f64, r2_exposure: f64) -> f64 {
    std_error * (df * r2_outcome * r2_exposure / (1.0 - r2_exposure)).sqrt()
}

/// Bounds of partial R² for a confounder `times` as strong as a measured covariate, by that covariate's own partial R² with
/// the exposure and with the outcome (Cinelli & Hazlett, §4.4). `None` when such a confounder can't exist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BenchmarkBound {
    /// R² with the exposure.
    pub exposure: f64,
    /// R² with the outcome.
    pub outcome: f64,
}

/// See [`BenchmarkBound`]. `exposure` is the covariate's partial R² in the regression of the exposure on the covariates,
/// `outcome` that in the regression of the outcome on exposure and covariates.
pub fn benchmark_bound(exposure: f64, outcome: f64, times: f64) -> Option<BenchmarkBound> {
    let r2_exposure = times * exposure / (1.0 - exposure);
    let between = times * exposure * exposure / ((1.0 - times * exposure) * (1.0 - exposure));
    if !(0.0..1.0).contains(&r2_exposure) || !(0.0..1.0).contains(&between) {
        return None;
    }
    let factor = (times.sqrt() + between.sqrt()) / (1.0 - between).sqrt();
    let r2_outcome = factor * factor * outcome / (1.0 - outcome);
    Some(BenchmarkBound { exposure: r2_exposure, outcome: r2_outcome.min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `statistics.md` §6, which R gave.
    #[test]
    fn published_values() {
        assert!((robustness_value(2.0, 10.0, 1.0) - 0.463325).abs() < 5e-7);
        // 1.3943943; the printed 1.394395 is rounded up.
        assert!((e_value(0.92) - 1.394395).abs() < 1e-6);
        assert!((e_value(1.0 / 0.92) - e_value(0.92)).abs() < 1e-12);
        assert_eq!(e_value(1.0), 1.0);
    }

    #[test]
    fn an_interval_that_holds_one_needs_no_confounder() {
        assert_eq!(e_value_of_interval(0.9, 1.1), 1.0);
        assert_eq!(e_value_of_interval(0.8, 0.92), e_value(0.92));
        assert_eq!(e_value_of_interval(1.2, 1.5), e_value(1.2));
        assert!(e_value(-1.0).is_nan());
    }

    /// sensemakr's example on Darfur: t = 4.184 on 783 degrees of freedom has RV 13.9 % (q = 1) and 7.6 % (α = 0.05).
    #[test]
    fn robustness_values_of_darfur() {
        assert!((robustness_value(4.18445, 783.0, 1.0) - 0.13878).abs() < 5e-5);
        assert!((robustness_value_of_interval(4.18445, 783.0, 0.95) - 0.07626).abs() < 5e-5);
        assert_eq!(robustness_value_of_interval(1.0, 783.0, 0.95), 0.0);
    }

    /// At the robustness value the bias is the estimate: `se·√df·RV/√(1−RV) = |β|`.
    #[test]
    fn a_confounder_at_the_robustness_value_takes_all() {
        let (t, df, se) = (3.2, 250.0, 0.7);
        let rv = robustness_value(t, df, 1.0);
        assert!((confounding_bias(se, df, rv, rv) - t * se).abs() < 1e-12);
        assert!((partial_r2(3.0, 91.0) - 0.09).abs() < 1e-12);
    }

    #[test]
    fn benchmarks_grow_with_their_factor_and_end() {
        let one = benchmark_bound(0.01, 0.1, 1.0).expect("possible");
        let three = benchmark_bound(0.01, 0.1, 3.0).expect("possible");
        assert!(three.exposure > one.exposure && three.outcome > one.outcome);
        assert!((one.exposure - 0.01 / 0.99).abs() < 1e-15);
        assert_eq!(benchmark_bound(0.6, 0.1, 2.0), None);
    }
}
