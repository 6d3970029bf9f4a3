//! Is Laplace's approximation enough? It errs where a level has few and uninformative rows: pupils with a handful of yes or
//! no answers. For one factor the quadrature tells: its gradient at Laplace's optimum, times the covariance, is the step
//! by which better integration would move the estimates.

use ndarray::Array1;

use super::super::optimize::Stop;
use super::super::quadrature::{GaussHermite, gauss_hermite};
use super::super::terms::{RandomTerm, levels_with_rows};
use super::{Found, Likelihood, single_effects};

/// Nodes per dimension that count as the truth here: with 7 the log-likelihoods of the references differ from the limit in
/// the sixth digit, which is far less than what is looked for.
const NODES: usize = 7;
/// A parameter that would move by more of its standard error than this asks for quadrature.
const ENOUGH: f64 = 0.1;
/// With several factors nothing better can be computed; levels with fewer rows than this are suspect.
const FEW_ROWS: f64 = 10.0;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaplaceCheck {
    /// In a word.
    pub verdict: LaplaceVerdict,
    /// log L by quadrature less that of Laplace, at the same parameters; NaN where it was not computed.
    pub difference: f64,
    /// Largest move of a parameter, in its standard errors, that quadrature would bring; NaN where it was not computed.
    pub shift: f64,
}

/// In a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaplaceVerdict {
    /// Quadrature was used.
    Quadrature,
    /// No parameter would move by a tenth of its standard error.
    Enough,
    /// Some parameter would: fit with 15 nodes or more.
    NotEnough,
    /// Several factors, all with ten or more rows per level: not checked, and rarely a problem.
    Unchecked,
    /// Several factors, one with fewer than ten rows per level: variances are probably estimated too small.
    Doubtful,
    /// The parameters were given, or the search found no optimum.
    NotFitted,
}

/// The check, and the step by which quadrature would move φ̂ in the coordinates of the search, where it was computed.
pub(super) struct Checked {
    pub check: LaplaceCheck,
    pub step: Option<Array1<f64>>,
}

pub(super) fn laplace<L: Likelihood>(
    likelihood: &L,
    terms: &[RandomTerm],
    found: &Found,
    rule: Option<&GaussHermite>,
) -> Checked {
    let plain = |verdict| {
        let check = LaplaceCheck { verdict, difference: f64::NAN, shift: f64::NAN };
        Checked { check, step: None }
    };
    if rule.is_some() {
        return plain(LaplaceVerdict::Quadrature);
    }
    if matches!(found.stop, Stop::Given | Stop::Budget { .. }) {
        return plain(LaplaceVerdict::NotFitted);
    }
    if single_effects(terms).is_none() {
        let few = |term: &RandomTerm| (term.level.len() as f64) < FEW_ROWS * levels_with_rows(term) as f64;
        let verdict = if terms.iter().any(few) { LaplaceVerdict::Doubtful } else { LaplaceVerdict::Unchecked };
        return plain(verdict);
    }
    let Some(beyond) = likelihood.beyond_laplace(&found.phi, &gauss_hermite(NODES)) else {
        return plain(LaplaceVerdict::NotFitted);
    };
    // `beyond` is of −log L, which falls against its gradient.
    let step = -found.vcov.dot(&beyond.grad);
    let relative = |(step, variance): (&f64, &f64)| if *variance > 0.0 { step.abs() / variance.sqrt() } else { 0.0 };
    let shift = step.iter().zip(found.vcov.diag()).map(relative).fold(0.0_f64, f64::max);
    let verdict = if shift <= ENOUGH { LaplaceVerdict::Enough } else { LaplaceVerdict::NotEnough };
    Checked { check: LaplaceCheck { verdict, difference: -beyond.value, shift }, step: Some(step) }
}
