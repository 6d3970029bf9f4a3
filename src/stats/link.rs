//! Binary outcomes: the link, and the log-likelihood of a cell of equal rows with its first three derivatives.

/// Link between the probability μ and the linear predictor η.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// μ = 1/(1+e^{−η}).
    Logit,
    /// Complementary log-log, μ = 1 − exp(−e^η): a discrete-time hazard from continuous proportional hazards.
    Cloglog,
}

/// Log-likelihood ℓ of one cell at one η, with derivatives in η.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CellTerms {
    /// ℓ = y log μ + (m−y) log(1−μ): that of the m separate rows, so without the binomial constant log C(m,y).
    pub log_lik: f64,
    /// r = ℓ′.
    pub score: f64,
    /// w = −ℓ″, the observed information: never negative for these two links.
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
        }
    }

    /// dμ/dη.
    pub fn mean_d1(self, eta: f64) -> f64 {
        match self {
            Link::Logit => logistic(eta) * logistic(-eta),
            Link::Cloglog => rate(eta) * (-rate(eta)).exp(),
        }
    }

    /// d²μ/dη².
    pub fn mean_d2(self, eta: f64) -> f64 {
        match self {
            Link::Logit => self.mean_d1(eta) * (logistic(-eta) - logistic(eta)),
            Link::Cloglog => self.mean_d1(eta) * (1.0 - rate(eta)),
        }
    }

    /// η(μ) for 0 < μ < 1.
    pub fn eta(self, mean: f64) -> f64 {
        match self {
            Link::Logit => mean.ln() - (-mean).ln_1p(),
            Link::Cloglog => (-(-mean).ln_1p()).ln(),
        }
    }

    /// Log-likelihood and derivatives of a cell with `successes` out of `trials` equal rows.
    pub fn cell(self, eta: f64, trials: f64, successes: f64) -> CellTerms {
        match self {
            Link::Logit => logit_cell(eta, trials, successes),
            Link::Cloglog => cloglog_cell(eta, trials, successes),
        }
    }

    /// Expected information of one row: (dμ/dη)²/(μ(1−μ)).
    pub fn expected_weight(self, eta: f64) -> f64 {
        match self {
            // Canonical link: observed and expected agree.
            Link::Logit => self.mean_d1(eta),
            // (λe^{−λ})² / ((1−e^{−λ})e^{−λ}) = λ·λ/(e^λ−1)
            Link::Cloglog => rate(eta) * success_slope(rate(eta)),
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

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [Link; 2] = [Link::Logit, Link::Cloglog];

    /// Central difference of `f`; truncation O(h²) ≈ 1e-10.
    fn slope(f: impl Fn(f64) -> f64, at: f64) -> f64 {
        let h = 1e-5;
        (f(at + h) - f(at - h)) / (2.0 * h)
    }

    #[test]
    fn derivatives_match_differences() {
        for link in LINKS {
            for eta in [-9.0, -4.6, -2.4, -2.2, -0.3, 0.0, 0.8, 2.0] {
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
            assert!((link.cell(-800.0, 1.0, 1.0).log_lik + 800.0).abs() < 1e-9);
        }
    }

    #[test]
    fn cancelling_terms_keep_their_digits() {
        // −h″ of a certain success at small λ is λ/2·(1 − λ/3 + …); the plain difference would lose every digit.
        let lambda: f64 = 1e-9;
        let weight = Link::Cloglog.cell(lambda.ln(), 1.0, 1.0).weight;
        assert!((weight / (lambda / 2.0) - 1.0).abs() < 1e-8);
    }
}
