//! Difference-in-differences where units begin at different times: group-time average effects and what is made of them.
//!
//! Units with the same first treated period g are a group; those that are never treated compare. With Δ_t the change of the
//! outcome from the base period b to t,
//!
//! ```text
//! ATT(g,t) = E[Δ_t | G = g] − E[Δ_t of comparable units]      b = the last period before g; before g, the one before t
//! ```
//!
//! Comparison units are those never treated, or those not treated by t. What makes them comparable is an
//! [`DidEstimator`]: a regression of their changes on covariates, weights by the odds of being in the group, or both (the
//! doubly robust one, right when either is). Every estimate comes with its influence function ψ: the estimate misses its
//! limit by about the mean of ψᵢ, so that standard errors, those of every average and simultaneous bands follow from the ψ.
//!
//! What may be read into it is the reader's: it describes how outcomes changed beside those of comparable units. It is an
//! effect only if without treatment both would have changed alike (parallel trends), and nobody reacted before g.
//!
//! Callaway & Sant'Anna 2021, J. Econometrics 225:200 (R package did); Sant'Anna & Zhao 2020, J. Econometrics 219:101 (R
//! package DRDID), whose formulas these are.

mod aggregate;
mod bands;
mod cell;
mod imputation;

use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

pub use aggregate::{Aggregate, Aggregation};
pub use bands::{Band, WaldTest};
pub use imputation::{Imputed, impute_did};

use super::cells::check_finite;
use super::error::StatsError;
use cell::{Comparison, estimate};

/// A balanced panel: n units in T periods.
#[derive(Clone, Copy, Debug)]
pub struct DidData<'a> {
    /// Outcomes (n×T).
    pub y: ArrayView2<'a, f64>,
    /// The periods, ascending (T); any numbers, as calendar years.
    pub periods: &'a [f64],
    /// First period in which each unit is treated (n); `None` for those that never are.
    pub first: &'a [Option<f64>],
    /// Covariates from before treatment (n×k), without an intercept; `None` for comparisons as they are.
    pub x: Option<ArrayView2<'a, f64>>,
    /// Weights of the units, above 0 (n); all 1 without.
    pub weights: Option<&'a [f64]>,
    /// Codes of clusters of units, below the number beside them; each unit its own without.
    pub clusters: Option<(&'a [u32], usize)>,
}

/// Who compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DidControls {
    /// Units that are never treated.
    Never,
    /// These, and units of other groups that are not treated by the period in question.
    NotYet,
}

/// How comparison units are made comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DidEstimator {
    /// Least squares of their changes on the covariates, predicted for the group.
    Regression,
    /// Weights by the odds of being in the group, from a logit; they sum to 1.
    Weighting,
    /// Both.
    DoublyRobust,
}

/// What to estimate.
#[derive(Clone, Copy, Debug)]
pub struct DidOptions {
    /// Who compares.
    pub controls: DidControls,
    /// How.
    pub estimator: DidEstimator,
}

/// An average effect of a group in a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttCell {
    /// First treated period g.
    pub group: f64,
    /// Period t; below g it is a test of the comparison and no effect.
    pub time: f64,
    /// ATT(g,t).
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Units of the group.
    pub treated: usize,
    /// Units they are compared with.
    pub controls: usize,
}

/// A group and period that could not be estimated.
#[derive(Clone, Debug, PartialEq)]
pub struct AttSkipped {
    /// First treated period.
    pub group: f64,
    /// Period.
    pub time: f64,
    /// Why.
    pub why: StatsError,
}

/// All group-time averages, with their influence functions.
#[derive(Clone, Debug)]
pub struct DidFit {
    /// By group, then period; every period but the first of the panel.
    pub cells: Vec<AttCell>,
    /// Cells that could not be estimated; averages are made of the others.
    pub skipped: Vec<AttSkipped>,
    /// ψ of each unit for each of `cells` (n×cells), zero for units that were not used.
    pub influence: Array2<f64>,
    /// Units used n: those that were treated in the first period already have no time before, and are left out.
    pub n_units: usize,
    /// Units left out because they were treated from the start.
    pub always_treated: usize,
    /// Position of each used unit in the caller's arrays (n).
    pub units: Vec<usize>,
    /// Group of each used unit (n).
    first: Vec<Option<f64>>,
    /// Weights with mean 1 (n).
    weights: Array1<f64>,
    clusters: Option<(Vec<u32>, usize)>,
}

/// Estimates ATT(g,t) for every group and period.
///
/// # Errors
/// [`StatsError::Shape`] for arrays that do not fit, fewer than two periods, periods that do not ascend, or a first treated
/// period that is between the periods of the panel; [`StatsError::NotFinite`], [`StatsError::Weight`];
/// [`StatsError::TooFewGroups`] where nobody is ever treated; the first reason where no cell could be estimated. A single
/// cell that can't be estimated is among [`DidFit::skipped`].
pub fn fit_did(data: &DidData, opt: &DidOptions) -> Result<DidFit, StatsError> {
    check(data)?;
    let start = data.periods[0];
    let units: Vec<usize> = (0..data.first.len()).filter(|&i| data.first[i].is_none_or(|g| g > start)).collect();
    let n = units.len();
    let raw: Array1<f64> = units.iter().map(|&i| data.weights.map_or(1.0, |w| w[i])).collect();
    let weights = &raw * (n as f64 / raw.sum());
    let first: Vec<Option<f64>> = units.iter().map(|&i| data.first[i]).collect();
    // A group that begins after the panel is one that is not treated yet in all of it.
    let last = data.periods[data.periods.len() - 1];
    let mut groups: Vec<f64> = first.iter().flatten().copied().filter(|&g| g <= last).collect();
    groups.sort_by(f64::total_cmp);
    groups.dedup();
    if groups.is_empty() {
        return Err(StatsError::TooFewGroups { groups: 0 });
    }
    let wanted: Vec<(f64, usize)> = groups.iter().flat_map(|&g| (1..data.periods.len()).map(move |t| (g, t))).collect();
    let one = |&(group, at): &(f64, usize)| {
        let comparison = Comparison::new(data, &units, &first, &weights, group, at, opt.controls);
        estimate(&comparison, n, opt.estimator)
    };
    let estimated: Vec<Result<cell::Estimate, StatsError>> = wanted.par_iter().map(one).collect();
    let mut fit = DidFit {
        cells: Vec::new(),
        skipped: Vec::new(),
        influence: Array2::zeros((n, 0)),
        n_units: n,
        always_treated: data.first.len() - n,
        clusters: data.clusters.map(|(codes, count)| (units.iter().map(|&i| codes[i]).collect(), count)),
        units,
        first,
        weights,
    };
    let mut columns = Vec::new();
    for (&(group, at), found) in wanted.iter().zip(estimated) {
        let time = data.periods[at];
        match found {
            Ok(found) => {
                let std_error = fit.std_error(&found.influence);
                let (treated, controls) = (found.treated, found.controls);
                fit.cells.push(AttCell { group, time, estimate: found.estimate, std_error, treated, controls });
                columns.push(found.influence);
            }
            Err(why) => fit.skipped.push(AttSkipped { group, time, why }),
        }
    }
    if columns.is_empty() {
        return Err(fit.skipped.swap_remove(0).why);
    }
    fit.influence = Array2::from_shape_fn((n, columns.len()), |(i, k)| columns[k][i]);
    Ok(fit)
}

impl DidFit {
    /// √(Σψᵢ²)/n; with clusters ψ is summed in each first.
    fn std_error(&self, influence: &Array1<f64>) -> f64 {
        let summed = self.by_cluster(influence);
        summed.dot(&summed).sqrt() / self.n_units as f64
    }

    /// ψ summed by cluster; ψ itself without clusters.
    fn by_cluster(&self, influence: &Array1<f64>) -> Array1<f64> {
        let Some((codes, count)) = &self.clusters else { return influence.clone() };
        let mut sums = Array1::zeros(*count);
        codes.iter().zip(influence).for_each(|(&code, v)| sums[code as usize] += v);
        sums
    }

    /// Share of group g among all units, by weight.
    fn share(&self, group: f64) -> f64 {
        let of_group = |(first, w): (&Option<f64>, &f64)| if *first == Some(group) { *w } else { 0.0 };
        self.first.iter().zip(&self.weights).map(of_group).sum::<f64>() / self.n_units as f64
    }
}

fn check(data: &DidData) -> Result<(), StatsError> {
    let n = data.first.len();
    let t = data.periods.len();
    if data.y.dim() != (n, t) || data.weights.is_some_and(|w| w.len() != n) || data.x.is_some_and(|x| x.nrows() != n) {
        return Err(StatsError::Shape("outcomes, first treated periods, covariates and weights differ in length"));
    }
    if t < 2 || !data.periods.windows(2).all(|w| w[0] < w[1]) {
        return Err(StatsError::Shape("a panel needs two periods or more, in ascending order"));
    }
    let (start, last) = (data.periods[0], data.periods[t - 1]);
    let is_known = |g: f64| g <= start || g > last || data.periods.contains(&g);
    if !data.first.iter().flatten().all(|&g| is_known(g)) {
        return Err(StatsError::Shape("a first treated period is none of the panel's periods"));
    }
    if data.clusters.is_some_and(|(codes, count)| codes.len() != n || codes.iter().any(|&c| c as usize >= count)) {
        return Err(StatsError::Shape("the codes of clusters do not fit the units"));
    }
    check_finite("y", data.y)?;
    if let Some(x) = data.x {
        check_finite("x", x)?;
    }
    match data.weights.and_then(|w| w.iter().position(|&w| !(w > 0.0 && w.is_finite()))) {
        Some(row) => Err(StatsError::Weight { row }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
