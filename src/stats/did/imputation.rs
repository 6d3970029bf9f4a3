//! The imputation estimator: what treated units would have had is predicted from levels of units and periods that are fitted to
//! untreated cells alone (Borusyak, Jaravel & Spiess 2024, Rev. Econ. Stud. 91:3253).
//!
//! ```text
//! y_it = α_i + λ_t + ε over cells with t < g_i, or of units never treated;     ATT = mean over t ≥ g_i of y_it − α̂_i − λ̂_t
//! ```
//!
//! The standard error is a jackknife over units, in at most [`PIECES`] pieces.

use ndarray::{Array1, Array2};

use super::{DidData, StatsError, check};
use crate::stats::linalg::Cholesky;

/// Pieces of the jackknife: every so many units are left out together.
const PIECES: usize = 50;

/// The average effect of treatment on the treated cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Imputed {
    /// ATT over all treated cells, by the units' weights.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
}

/// Estimates the ATT by imputation. Covariates and clusters of the data are not used.
///
/// # Errors
/// As [`super::fit_did`]; [`StatsError::TooFewGroups`] where nobody is treated, or periods with treated units have no untreated ones.
pub fn impute_did(data: &DidData) -> Result<Imputed, StatsError> {
    check(data)?;
    let n = data.first.len();
    let estimate = att(data, |_| true).ok_or(StatsError::TooFewGroups { groups: 0 })?;
    let pieces = n.min(PIECES);
    let without: Vec<f64> = (0..pieces).filter_map(|piece| att(data, |i| i % pieces != piece)).collect();
    let g = without.len() as f64;
    let mean = without.iter().sum::<f64>() / g;
    let squares: f64 = without.iter().map(|v| (v - mean).powi(2)).sum();
    Ok(Imputed { estimate, std_error: ((g - 1.0) / g * squares).sqrt() })
}

/// The ATT over the units that are kept; `None` where a level that it needs is in no untreated cell.
fn att(data: &DidData, is_kept: impl Fn(usize) -> bool) -> Option<f64> {
    let periods = data.periods.len();
    let units: Vec<usize> = (0..data.first.len()).filter(|&i| is_kept(i)).collect();
    let is_treated = |i: usize, t: usize| data.first[i].is_some_and(|g| data.periods[t] >= g);
    let weight = |i: usize| data.weights.map_or(1.0, |w| w[i]);
    // Levels of units are eliminated: each is the mean of its untreated cells less those of the periods.
    let untreated = |i: usize| (0..periods).filter(move |&t| !is_treated(i, t));
    let (mut a, mut b) = (Array2::<f64>::zeros((periods, periods)), Array1::<f64>::zeros(periods));
    for &i in &units {
        let m = untreated(i).count() as f64;
        let mean = untreated(i).map(|t| data.y[[i, t]]).sum::<f64>() / m;
        for t in untreated(i) {
            a[[t, t]] += weight(i);
            b[t] += weight(i) * (data.y[[i, t]] - mean);
            untreated(i).for_each(|u| a[[t, u]] -= weight(i) / m);
        }
    }
    // The first period has level 0: only differences of periods are told.
    let factor = Cholesky::factor(a.slice(ndarray::s![1.., 1..])).ok()?;
    let later = factor.solve(b.slice(ndarray::s![1..]));
    let level = |t: usize| if t == 0 { 0.0 } else { later[t - 1] };
    let (mut sum, mut weights) = (0.0, 0.0);
    for &i in &units {
        let m = untreated(i).count() as f64;
        // A unit that is treated from the start has no level of its own.
        if m == 0.0 {
            continue;
        }
        let own = untreated(i).map(|t| data.y[[i, t]] - level(t)).sum::<f64>() / m;
        for t in (0..periods).filter(|&t| is_treated(i, t)) {
            sum += weight(i) * (data.y[[i, t]] - own - level(t));
            weights += weight(i);
        }
    }
    (weights > 0.0).then(|| sum / weights)
}
