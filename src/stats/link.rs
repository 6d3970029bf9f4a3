//! Binary outcomes: the link, and the log-likelihood of a cell of equal rows with its first three derivatives.

/// Link between the probability μ and the linear predictor η.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// μ = 1/(1+e^{−η}).
    Logit,
    /// Complementary log-log, μ = 1 − exp(−e^η): a discrete-time hazard from continuous proportional hazards.
    Cloglog,
    /// μ = Φ(η), the standard normal distribution function.
    Probit,
}

/// Log-likelihood ℓ of one cell at one η, with derivatives in η.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CellTerms {
    /// ℓ = y log μ + (m−y) log(1−μ): that of the m separate rows, so without the binomial constant log C(m,y).
    pub log_lik: f64,
    /// r = ℓ′.
    pub score: f64,
    /// w = −ℓ″, the observed information: never negative for these links.
    pub weight: f64,
    /// t = −ℓ‴ = dw/dη.
    pub weight_d1: f64,
}

impl Link {
    /// μ(η).
    pub fn mean(self, eta: f64) -> f64 {
        match self {
            Link::Logit => logistic(eta),
            Link::Cloglog => -(-rate(eta)).exp_m1(),
            Link::Probit => normal_lower(eta),
        }
    }

    /// dμ/dη.
    pub fn mean_d1(self, eta: f64) -> f64 {
        match self {
            Link::Logit => logistic(eta) * logistic(-eta),
            Link::Cloglog => rate(eta) * (-rate(eta)).exp(),
            Link::Probit => normal_density(eta),
        }
    }

    /// d²μ/dη².
    pub fn mean_d2(self, eta: f64) -> f64 {
        match self {
            Link::Logit => self.mean_d1(eta) * (logistic(-eta) - logistic(eta)),
            Link::Cloglog => self.mean_d1(eta) * (1.0 - rate(eta)),
            Link::Probit => -within(eta) * normal_density(eta),
        }
    }

    /// η(μ) for 0 < μ < 1.
    pub fn eta(self, mean: f64) -> f64 {
        match self {
            Link::Logit => mean.ln() - (-mean).ln_1p(),
            Link::Cloglog => (-(-mean).ln_1p()).ln(),
            Link::Probit => probit(mean),
        }
    }

    /// Log-likelihood and derivatives of a cell with `successes` out of `trials` equal rows.
    pub fn cell(self, eta: f64, trials: f64, successes: f64) -> CellTerms {
        match self {
            Link::Logit => logit_cell(eta, trials, successes),
            Link::Cloglog => cloglog_cell(eta, trials, successes),
            Link::Probit => probit_cell(eta, trials, successes),
        }
    }

    /// Expected information of one row: (dμ/dη)²/(μ(1−μ)).
    pub fn expected_weight(self, eta: f64) -> f64 {
        match self {
            // Canonical link: observed and expected agree.
            Link::Logit => self.mean_d1(eta),
            // (λe^{−λ})² / ((1−e^{−λ})e^{−λ}) = λ·λ/(e^λ−1)
            Link::Cloglog => rate(eta) * success_slope(rate(eta)),
            // φ²/(Φ(1−Φ)) = h(η)h(−η)
            Link::Probit => {
                let (tail, body) = normal_sides(eta);
                tail.slope * body.slope
            }
        }
    }
}

fn logistic(eta: f64) -> f64 {
    let e = (-eta.abs()).exp();
    if eta >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// λ = e^η, kept finite so that an empty side of a cell contributes 0 and not 0·∞.
fn rate(eta: f64) -> f64 {
    eta.exp().min(f64::MAX)
}

fn logit_cell(eta: f64, trials: f64, successes: f64) -> CellTerms {
    // Written in e = e^{−|η|} ≤ 1, so nothing overflows and the smaller of μ and 1−μ keeps all its digits.
    let e = (-eta.abs()).exp();
    let larger = 1.0 / (1.0 + e);
    let smaller = e * larger;
    let failures = trials - successes;
    let weight = trials * larger * smaller;
    let (lost, score, one_minus_two_mu) = if eta >= 0.0 {
        (failures, successes * smaller - failures * larger, smaller - larger)
    } else {
        (successes, successes * larger - failures * smaller, larger - smaller)
    };
    CellTerms { log_lik: -lost * eta.abs() - trials * e.ln_1p(), score, weight, weight_d1: weight * one_minus_two_mu }
}

/// k = d/dη log(1−e^{−λ}) = λ/(e^λ−1).
fn success_slope(lambda: f64) -> f64 {
    if lambda == 0.0 { 1.0 } else { lambda / lambda.exp_m1() }
}

/// 1 − λ − k, by its series where the difference would cancel: −λ/2 − Σ B₂ᵢ λ²ⁱ/(2i)!.
fn one_minus_rate_minus_slope(lambda: f64, slope: f64) -> f64 {
    if lambda > 0.1 {
        return 1.0 - lambda - slope;
    }
    let s = lambda * lambda;
    -lambda / 2.0 - s * (1.0 / 12.0 - s * (1.0 / 720.0 - s * (1.0 / 30_240.0 - s / 1_209_600.0)))
}

fn cloglog_cell(eta: f64, trials: f64, successes: f64) -> CellTerms {
    let lambda = rate(eta);
    let failures = trials - successes;
    // Successes: h = log(1−e^{−λ}), h′ = k, h″ = k·d and h‴ = h″·d − k(λ + h″) with d = 1 − λ − k.
    let k = success_slope(lambda);
    let d = one_minus_rate_minus_slope(lambda, k);
    let k1 = k * d;
    let k2 = k1 * d - k * (lambda + k1);
    CellTerms {
        log_lik: successes_log_lik(eta, lambda, successes) - failures * lambda,
        score: successes * k - failures * lambda,
        weight: failures * lambda - successes * k1,
        weight_d1: failures * lambda - successes * k2,
    }
}

fn successes_log_lik(eta: f64, lambda: f64, successes: f64) -> f64 {
    if successes == 0.0 {
        0.0
    } else if lambda < 1e-8 {
        // log(1−e^{−λ}) = η + log((1−e^{−λ})/λ) = η − λ/2 + O(λ²): still right when λ underflows.
        successes * (eta - lambda / 2.0)
    } else {
        successes * (-(-lambda).exp_m1()).ln()
    }
}

/// log Φ(x) and its derivatives, with h = φ(x)/Φ(x).
struct LogNormal {
    value: f64,
    /// h.
    slope: f64,
    /// −(log Φ)″ = h(x + h).
    curvature: f64,
    /// −(log Φ)‴ = h(1 − (x + h)(x + 2h)).
    curvature_d1: f64,
}

/// 1/√(2π).
const DENSITY_AT_ZERO: f64 = 0.398_942_280_401_432_7;
/// ½ log 2π.
const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_8;
/// From here on the tail is taken from its continued fraction.
const FAR: f64 = 3.0;
/// Levels of the continued fraction. From a tail that is the fixed point k/(z+f) = f, 50 levels give all three
/// derivatives at z = [`FAR`] to 2e-16 (against 60 digits).
const LEVELS: u32 = 50;

/// η kept where its square is finite, so that nothing becomes 0·∞.
fn within(eta: f64) -> f64 {
    eta.clamp(-1e100, 1e100)
}

fn normal_density(eta: f64) -> f64 {
    let x = within(eta);
    DENSITY_AT_ZERO * (-0.5 * x * x).exp()
}

/// Φ(η), with all digits in the lower tail.
fn normal_lower(eta: f64) -> f64 {
    0.5 * libm::erfc(-eta * std::f64::consts::FRAC_1_SQRT_2)
}

/// log Φ at −|η| (the tail) and at |η| (the body).
///
/// In the far tail, at x = −z, Laplace's continued fraction h = z + 1/(z + 2/(z + 3/(z + …))) = z + d with
/// d = 1/(z+e), e = 2/(z+f), f = 3/(z+4/(z+…)) gives every term without cancellation: x + h = d and
/// 1 − (x+h)(x+2h) = 1 − dz − 2d² = d(e − 2d) = −d²e(f − e).
fn normal_sides(eta: f64) -> (LogNormal, LogNormal) {
    let z = within(eta).abs();
    let density = normal_density(z);
    let (upper, tail) = if z < FAR {
        let upper = 0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2);
        (upper, log_normal(-z, upper.ln(), density / upper))
    } else {
        let mut f = 0.5 * (z.hypot(2.0 * f64::from(LEVELS + 3).sqrt()) - z);
        for level in (3..3 + LEVELS).rev() {
            f = f64::from(level) / (z + f);
        }
        let e = 2.0 / (z + f);
        let d = 1.0 / (z + e);
        let h = z + d;
        let value = -0.5 * z * z - HALF_LOG_TWO_PI - h.ln();
        (density / h, LogNormal { value, slope: h, curvature: h * d, curvature_d1: -h * d * d * e * (f - e) })
    };
    (tail, log_normal(z, (-upper).ln_1p(), density / (1.0 - upper)))
}

fn log_normal(x: f64, value: f64, h: f64) -> LogNormal {
    let sum = x + h;
    LogNormal { value, slope: h, curvature: h * sum, curvature_d1: h * (1.0 - sum * (sum + h)) }
}

fn probit_cell(eta: f64, trials: f64, successes: f64) -> CellTerms {
    let failures = trials - successes;
    // The failures' part is the successes' at −η: odd derivatives change sign.
    let (tail, body) = normal_sides(eta);
    let (unlikely, likely, sign) = if eta <= 0.0 { (successes, failures, 1.0) } else { (failures, successes, -1.0) };
    CellTerms {
        log_lik: unlikely * tail.value + likely * body.value,
        score: sign * (unlikely * tail.slope - likely * body.slope),
        weight: unlikely * tail.curvature + likely * body.curvature,
        weight_d1: sign * (unlikely * tail.curvature_d1 - likely * body.curvature_d1),
    }
}

/// Φ⁻¹(μ): a rational start, then Halley's method on log Φ in the lower half, which ends at the last digits in any tail.
fn probit(mean: f64) -> f64 {
    let lower = mean.min(1.0 - mean);
    let mut x = super::dist::normal_quantile(lower);
    for _ in 0..2 {
        let (tail, _) = normal_sides(x);
        let excess = tail.value - lower.ln();
        let newton = excess / tail.slope;
        x -= newton / (1.0 + 0.5 * newton * tail.curvature / tail.slope);
    }
    if mean <= 0.5 { x } else { -x }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [Link; 3] = [Link::Logit, Link::Cloglog, Link::Probit];

    /// Central difference of `f`; truncation O(h²) ≈ 1e-10.
    fn slope(f: impl Fn(f64) -> f64, at: f64) -> f64 {
        let h = 1e-5;
        (f(at + h) - f(at - h)) / (2.0 * h)
    }

    #[test]
    fn derivatives_match_differences() {
        for link in LINKS {
            for eta in [-9.0, -4.6, -3.1, -2.4, -2.2, -0.3, 0.0, 0.8, 2.0] {
                let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-7, "{link:?} {eta}: {a} {b}");
                near(link.mean_d1(eta), slope(|e| link.mean(e), eta));
                near(link.mean_d2(eta), slope(|e| link.mean_d1(e), eta));
                let cell = link.cell(eta, 7.0, 3.0);
                near(cell.score, slope(|e| link.cell(e, 7.0, 3.0).log_lik, eta));
                near(cell.weight, -slope(|e| link.cell(e, 7.0, 3.0).score, eta));
                near(cell.weight_d1, slope(|e| link.cell(e, 7.0, 3.0).weight, eta));
            }
        }
    }

    #[test]
    fn the_cell_is_the_sum_of_its_rows() {
        for link in LINKS {
            let (eta, mean) = (-0.7, link.mean(-0.7));
            let direct = 3.0 * mean.ln() + 4.0 * (1.0 - mean).ln();
            assert!((link.cell(eta, 7.0, 3.0).log_lik - direct).abs() < 1e-13);
            assert!((link.eta(mean) - eta).abs() < 1e-14);
        }
    }

    #[test]
    fn expected_information_is_the_mean_of_the_observed() {
        for link in LINKS {
            for eta in [-6.0, -1.0, 0.5, 1.5] {
                let mean = link.mean(eta);
                let average = mean * link.cell(eta, 1.0, 1.0).weight + (1.0 - mean) * link.cell(eta, 1.0, 0.0).weight;
                assert!((link.expected_weight(eta) / average - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn extremes_stay_finite_where_the_likelihood_is() {
        for link in LINKS {
            for eta in [-800.0, -40.0, 40.0, 800.0] {
                let certain = if eta > 0.0 { 1.0 } else { 0.0 };
                let cell = link.cell(eta, 1.0, certain);
                assert!(cell.log_lik <= 0.0 && cell.log_lik > -1e-15, "{link:?} {eta} {cell:?}");
                assert!(cell.weight >= 0.0 && cell.weight_d1.is_finite() && cell.score.is_finite());
            }
            let expected = match link {
                Link::Logit | Link::Cloglog => -800.0,
                // log Φ(−800) = −800²/2 − ½ log 2π − log 800 − log(1 + 1/800² − …)
                Link::Probit => -320_000.0 - HALF_LOG_TWO_PI - 800f64.ln() - 1.0 / 640_000.0,
            };
            assert!((link.cell(-800.0, 1.0, 1.0).log_lik - expected).abs() < 1e-9);
            for eta in [-1e200, 1e200] {
                let cell = link.cell(eta, 1.0, if eta > 0.0 { 1.0 } else { 0.0 });
                assert!(cell.log_lik == 0.0 && cell.score == 0.0 && cell.weight == 0.0 && cell.weight_d1 == 0.0);
            }
        }
    }

    #[test]
    fn cancelling_terms_keep_their_digits() {
        // −h″ of a certain success at small λ is λ/2·(1 − λ/3 + …); the plain difference would lose every digit.
        let lambda: f64 = 1e-9;
        let weight = Link::Cloglog.cell(lambda.ln(), 1.0, 1.0).weight;
        assert!((weight / (lambda / 2.0) - 1.0).abs() < 1e-8);
    }

    #[test]
    fn the_normal_tails_are_r_s() {
        // R 4.2.2, pnorm(x, log.p = TRUE); 4e-16 is two units in the last place.
        let published = [
            (-40.0, -804.6084420137538),
            (-10.0, -53.23128515051247),
            (-5.0, -15.064998393988725),
            (-3.5, -8.366_065_308_344_094),
            (-3.0, -6.607_726_221_510_349),
            (-2.9, -6.284_058_234_947_419),
            (-1.0, -1.841_021_645_009_263_6),
            (0.5, -0.368_946_415_288_656_5),
            (4.0, -3.167_174_337_748_927e-5),
            (9.0, -1.128_588_405_953_840_8e-19),
            (37.0, -5.725_571_222_524_577e-300),
        ];
        for (x, log_p) in published {
            let one = Link::Probit.cell(x, 1.0, 1.0);
            // The density's argument x²/2 is itself rounded: x²/2 units more.
            let tolerance = 6e-16 * (1.0 + if x > 0.0 { x * x } else { 0.0 });
            assert!((one.log_lik / log_p - 1.0).abs() < tolerance, "{x}: {} {log_p}", one.log_lik);
            assert_eq!(Link::Probit.cell(-x, 1.0, 0.0).log_lik, one.log_lik);
        }
        // qnorm
        for (p, x) in
            [(1e-300, -37.047_096_299_361_2), (1e-20, -9.262_340_089_798_405), (0.3, -0.524_400_512_708_040_7)]
        {
            assert!((Link::Probit.eta(p) / x - 1.0).abs() < 1e-15);
        }
        assert!((Link::Probit.eta(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }

    #[test]
    fn probit_derivatives_keep_their_digits_in_the_tail() {
        // Series in 1/z² of h(x+h) and h(1 − (x+h)(x+2h)) at x = −z.
        let z = 1e4;
        let cell = Link::Probit.cell(-z, 1.0, 1.0);
        let s = 1.0 / (z * z);
        assert!((cell.weight - (1.0 - s + 6.0 * s * s)).abs() < 2e-16);
        // The next term of the series is 150 s² = 1.5e-14.
        assert!((cell.weight_d1 / (2.0 / z.powi(3) * (1.0 - 12.0 * s)) + 1.0).abs() < 2e-14);
        // h, h(x+h) and h(1 − (x+h)(x+2h)) at x = −z, from 60 digits (mpmath 1.3.0).
        let exact = [
            (0.5, 1.141_077_770_368_064_5, 0.731_519_592_844_121, -0.162_603_925_176_122_97),
            (2.0, 2.373_215_532_822_841, 0.885_720_899_585_918_7, -0.059_355_861_291_565_81),
            (2.9, 3.190_315_139_542_982, 0.926_196_784_922_508_9, -0.033_433_434_450_372_68),
            (3.5, 3.751_391_264_857_699_7, 0.943_066_995_048_703_2, -0.023_500_827_274_448_545),
            (12.0, 12.082_214_175_254_284, 0.993_329_273_664_154_1, -0.001_068_602_696_036_754_2),
            (-2.0, 0.055_247_862_678_989_96, 0.113_548_051_688_576_45, -0.184_394_815_032_477_6),
        ];
        for (z, score, weight, weight_d1) in exact {
            let cell = Link::Probit.cell(-z, 1.0, 1.0);
            assert!((cell.score / score - 1.0).abs() < 1e-15, "{z}");
            // x + h loses a digit before the continued fraction takes over, and 1 − (x+h)(x+2h) three.
            assert!((cell.weight / weight - 1.0).abs() < 1e-14, "{z}");
            assert!((cell.weight_d1 / weight_d1 - 1.0).abs() < 1e-12, "{z}");
        }
        // Where the two ways of computing meet they agree.
        let (near, far) = (Link::Probit.cell(-FAR + 1e-12, 1.0, 1.0), Link::Probit.cell(-FAR, 1.0, 1.0));
        assert!((near.weight / far.weight - 1.0).abs() < 1e-12 && (near.weight_d1 / far.weight_d1 - 1.0).abs() < 1e-10);
    }
}
