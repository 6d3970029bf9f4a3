//! What an outcome's distribution contributes: the log-likelihood of a cell of equal rows, and its mean.

use super::link::{CellTerms, Link};

/// Derivatives in η of a cell's log-likelihood ℓ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellSlope {
    /// ℓ′.
    pub score: f64,
    /// −ℓ″.
    pub weight: f64,
}

/// Distribution of the outcome given the linear predictor η.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Events among trials, with a link.
    Binomial(Link),
    /// Counts with mean e^η a row.
    Poisson,
}

impl Family {
    /// Log-likelihood of `trials` m equal rows whose outcomes sum to `successes` y, with derivatives in η.
    ///
    /// Binomial: y log μ + (m−y) log(1−μ), without log C(m,y). Poisson: yη − m e^η, without Σ log yᵢ! over the rows.
    pub fn cell(self, eta: f64, trials: f64, successes: f64) -> CellTerms {
        match self {
            Family::Binomial(link) => link.cell(eta, trials, successes),
            Family::Poisson => {
                let expected = trials * rate(eta);
                CellTerms {
                    log_lik: successes * eta - expected,
                    score: successes - expected,
                    weight: expected,
                    weight_d1: expected,
                }
            }
        }
    }

    /// The first two derivatives of [`Family::cell`] alone, without the cost of its logarithm.
    pub fn slope(self, eta: f64, trials: f64, successes: f64) -> CellSlope {
        match self {
            Family::Binomial(Link::Logit) => {
                let e = (-eta.abs()).exp();
                let larger = 1.0 / (1.0 + e);
                let smaller = e * larger;
                let mean = if eta >= 0.0 { larger } else { smaller };
                CellSlope { score: successes - trials * mean, weight: trials * larger * smaller }
            }
            _ => {
                let cell = self.cell(eta, trials, successes);
                CellSlope { score: cell.score, weight: cell.weight }
            }
        }
    }

    /// Log-likelihood of a cell, as in [`Family::cell`], at the η that fits it best; the end of the scale included.
    pub fn saturated(self, trials: f64, successes: f64) -> f64 {
        let part = |count: f64| if count == 0.0 { 0.0 } else { count * (count / trials).ln() };
        match self {
            Family::Binomial(_) => part(successes) + part(trials - successes),
            Family::Poisson => part(successes) - successes,
        }
    }

    /// μ(η) of one row.
    pub fn mean(self, eta: f64) -> f64 {
        match self {
            Family::Binomial(link) => link.mean(eta),
            Family::Poisson => rate(eta),
        }
    }

    /// dμ/dη.
    pub fn mean_d1(self, eta: f64) -> f64 {
        match self {
            Family::Binomial(link) => link.mean_d1(eta),
            Family::Poisson => rate(eta),
        }
    }

    /// d²μ/dη².
    pub fn mean_d2(self, eta: f64) -> f64 {
        match self {
            Family::Binomial(link) => link.mean_d2(eta),
            Family::Poisson => rate(eta),
        }
    }

    /// η(μ) for a mean inside its range: 0 < μ < 1, or μ > 0 for counts.
    pub fn eta(self, mean: f64) -> f64 {
        match self {
            Family::Binomial(link) => link.eta(mean),
            Family::Poisson => mean.ln(),
        }
    }

    /// Expected information of one row: (dμ/dη)²/Var(y).
    pub fn expected_weight(self, eta: f64) -> f64 {
        match self {
            Family::Binomial(link) => link.expected_weight(eta),
            Family::Poisson => rate(eta),
        }
    }

    /// η of a cell by itself, pulled inside: half an event towards ½, or a tenth of a count up (R's `mustart`).
    pub fn start(self, trials: f64, successes: f64) -> f64 {
        match self {
            Family::Binomial(link) => link.eta((successes + 0.5) / (trials + 1.0)),
            Family::Poisson => ((successes + 0.1) / trials).ln(),
        }
    }

    /// Whether observed and expected information agree.
    pub fn is_canonical(self) -> bool {
        matches!(self, Family::Binomial(Link::Logit) | Family::Poisson)
    }
}

/// e^η, kept finite.
fn rate(eta: f64) -> f64 {
    eta.exp().min(f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILIES: [Family; 4] = [
        Family::Binomial(Link::Logit),
        Family::Binomial(Link::Cloglog),
        Family::Binomial(Link::Probit),
        Family::Poisson,
    ];

    #[test]
    fn derivatives_match_differences() {
        let slope = |f: &dyn Fn(f64) -> f64, at: f64| (f(at + 1e-5) - f(at - 1e-5)) / 2e-5;
        for family in FAMILIES {
            for eta in [-3.5, -0.3, 0.1, 1.2] {
                // Truncation O(1e-10), rounding O(1e-16/1e-5).
                let near = |a: f64, b: f64| assert!((a - b).abs() < 2e-9, "{family:?} {eta}: {a} {b}");
                near(family.mean_d1(eta), slope(&|e| family.mean(e), eta));
                near(family.mean_d2(eta), slope(&|e| family.mean_d1(e), eta));
                let cell = family.cell(eta, 2.0, 0.7);
                near(cell.score, slope(&|e| family.cell(e, 2.0, 0.7).log_lik, eta));
                near(cell.weight, -slope(&|e| family.cell(e, 2.0, 0.7).score, eta));
                near(cell.weight_d1, slope(&|e| family.cell(e, 2.0, 0.7).weight, eta));
                assert!((family.eta(family.mean(eta)) - eta).abs() < 1e-14);
                assert_eq!(family.is_canonical(), (family.expected_weight(eta) * 2.0 - cell.weight).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_saturated_cell_is_the_cell_at_its_own_mean() {
        for family in FAMILIES {
            let best = family.cell(family.eta(0.35), 2.0, 0.7);
            assert!((family.saturated(2.0, 0.7) - best.log_lik).abs() < 1e-15 && best.score.abs() < 1e-15);
            assert_eq!(family.saturated(2.0, 0.0), 0.0);
        }
        assert_eq!(Family::Binomial(Link::Probit).saturated(2.0, 2.0), 0.0);
    }
}
