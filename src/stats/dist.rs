//! Quantiles and tail probabilities, as thin wrappers.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal, StudentsT};

/// Quantile of the standard normal distribution at probability 0 < `p` < 1.
pub fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// Quantile of Student's t at probability 0 < `p` < 1; `df` above 0, infinite for the normal distribution. NaN for
/// other `df`.
pub fn t_quantile(p: f64, df: f64) -> f64 {
    if df == f64::INFINITY {
        return normal_quantile(p);
    }
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |t| t.inverse_cdf(p))
}

/// P(T > |t|)·2 for Student's t; `df` as in [`t_quantile`].
pub fn t_two_sided(t: f64, df: f64) -> f64 {
    if df == f64::INFINITY {
        return 2.0 * Normal::standard().sf(t.abs());
    }
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |d| 2.0 * d.sf(t.abs()))
}

/// P(χ² > `x`) with `df` degrees of freedom, above 0. NaN for other `df`.
pub fn chi2_survival(x: f64, df: f64) -> f64 {
    ChiSquared::new(df).map_or(f64::NAN, |d| d.sf(x))
}

/// Quantile of χ² with `df` degrees of freedom, above 0, at probability 0 < `p` < 1. NaN for other `df`.
pub fn chi2_quantile(p: f64, df: f64) -> f64 {
    ChiSquared::new(df).map_or(f64::NAN, |d| d.inverse_cdf(p))
}

/// P(F > `x`) with `df1` and `df2` degrees of freedom, above 0; infinite `df2` for χ²/df1. NaN for other ones.
pub fn f_survival(x: f64, df1: f64, df2: f64) -> f64 {
    if df2 == f64::INFINITY {
        return chi2_survival(x * df1, df1);
    }
    FisherSnedecor::new(df1, df2).map_or(f64::NAN, |d| d.sf(x))
}

/// Standard normal Φ(x), with full relative accuracy in the lower tail.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tabled values, R 4.2.2: qnorm(.975), qt(.975, c(4, 21.5)), pchisq(3.841459, 1, lower = FALSE).
    #[test]
    fn tabled_values() {
        assert!((normal_quantile(0.975) - 1.959963984540054).abs() < 1e-9);
        assert!((t_quantile(0.975, f64::INFINITY) - 1.959963984540054).abs() < 1e-9);
        assert!((t_quantile(0.975, 4.0) - 2.776445105197793).abs() < 1e-7);
        assert!((t_quantile(0.025, 4.0) + 2.776445105197793).abs() < 1e-7);
        assert!((chi2_survival(3.841458820694124, 1.0) - 0.05).abs() < 1e-9);
        assert!((t_two_sided(-2.776445105197793, 4.0) - 0.05).abs() < 1e-9);
        assert!(t_quantile(0.975, -1.0).is_nan());
    }

    // R 4.2.2: qchisq(c(.025, .975), 12), pf(3.2, 2, 17.5, lower = FALSE), pnorm(-8).
    #[test]
    fn more_tabled_values() {
        assert!((chi2_quantile(0.025, 12.0) - 4.4037885069817).abs() < 1e-9);
        assert!((chi2_quantile(0.975, 12.0) - 23.3366641586453).abs() < 1e-9);
        assert!((f_survival(3.2, 2.0, 17.5) - 0.065403545622974).abs() < 1e-9);
        assert!((f_survival(3.2, 2.0, f64::INFINITY) - chi2_survival(6.4, 2.0)).abs() < 1e-15);
        // libm keeps the relative accuracy of the tail; pnorm(-.8) too (statrs is 1e-10 off there).
        assert!((normal_cdf(-8.0) / 6.22096057427178e-16 - 1.0).abs() < 1e-13);
        assert!((normal_cdf(-0.8) / 0.211_855_398_583_396_67 - 1.0).abs() < 1e-15);
    }

    // R 4.2.2: pf(x, df1, df2, lower.tail = FALSE). The incomplete beta function loses digits as df2 grows: 6e-11 at 1e6.
    #[test]
    fn tails_of_f() {
        let tabled = [
            (2.0, 1.0, 5.0, 0.216_437_229_269_685_64),
            (30.0, 3.0, 2.7, 0.013_745_799_492_107_299),
            (400.0, 4.0, 60.2, 1.306_986_546_845_888e-42),
            (30.0, 30.0, 1e4, 3.723_135_835_772_062e-162),
            (2.0, 2.0, 1e6, 0.135_335_824_577_384_72),
        ];
        for (x, df1, df2, p) in tabled {
            assert!((f_survival(x, df1, df2) / p - 1.0).abs() < 1e-10, "{x} {df1} {df2}: {}", f_survival(x, df1, df2));
        }
        assert_eq!(f_survival(1.5, 2.0, f64::INFINITY), chi2_survival(3.0, 2.0));
        assert!(f_survival(1.0, -1.0, 3.0).is_nan());
        // A square of t.
        assert!((f_survival(4.0, 1.0, 7.5) / t_two_sided(2.0, 7.5) - 1.0).abs() < 1e-13);
    }
}
