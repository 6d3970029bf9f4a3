//! Bootstrap: a model fitted again and again to data that might have been.
//!
//! | kind | what is drawn | holds when |
//! |---|---|---|
//! | parametric | random effects and outcomes from the fitted model, the columns kept | the model holds |
//! | cluster | groups with replacement, each with all its rows | groups are independent, and many |
//!
//! Davison & Hinkley 1997, "Bootstrap Methods and their Application", §2.3 (parametric), §3.8 (groups), §5.2–5.3
//! (intervals). Nothing here reads rows again where compressed data will do: see `lmm::bootstrap`, `glmm::bootstrap`.
//!
//! Replicate r draws from streams of a counter-based generator that are numbered by (r, part of the data), so that the
//! numbers depend on the seed alone and not on threads. A replicate that can't be fitted is counted with its reason, and
//! its number is missing in [`Replicates::number`]; nothing is drawn in its place.

mod draws;
mod intervals;
mod rows;

pub(super) use draws::{Gram, Part, copies, counts, normals, repeated, stream};
pub use intervals::{basic_interval, percentile_interval, std_error};
pub(super) use rows::DrawnRows;

use ndarray::{Array1, Array2, Array3, Axis, s};
use rayon::prelude::*;

use super::error::StatsError;
use super::lambda::{block_positions, from_blocks};

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootstrapKind {
    /// Random effects and outcomes, from the fitted model.
    Parametric,
    /// Groups, with replacement.
    Cluster,
}

/// How often, from which seed, and what is kept.
#[derive(Clone, Copy, Debug)]
pub struct BootstrapOptions {
    /// What is drawn.
    pub kind: BootstrapKind,
    /// Number of replicates, 2 or more.
    pub replicates: u32,
    /// Seed: the same seed gives the same replicates, with any number of threads.
    pub seed: u64,
    /// Keeps the predicted random effects of every level in every replicate (R×J×q numbers for each term).
    pub keep_modes: bool,
}

/// Parameters of R replicates that could be fitted, of a model with p fixed effects and nθ variance parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicates {
    /// What was drawn.
    pub kind: BootstrapKind,
    /// Replicates that were asked for.
    pub asked: u32,
    /// Number of each replicate that is here, ascending, below `asked` (R).
    pub number: Vec<u32>,
    /// β̂* (R×p).
    pub beta: Array2<f64>,
    /// θ̂*, in the order of the fit, diagonals ≥ 0 (R×nθ).
    pub theta: Array2<f64>,
    /// σ̂* of linear models (R).
    pub sigma: Option<Array1<f64>>,
    /// Predicted effects of each term (R×J×q), if they were asked for. Parametric: b̂* from the drawn outcomes. Cluster: of
    /// every group of the data, drawn or not, at the replicate's parameters and from its own rows.
    pub modes: Vec<Array3<f64>>,
    /// The effects b* that were drawn (R×J×q), where modes are kept and the bootstrap is parametric: b̂* − b* is an error
    /// of prediction.
    pub drawn: Vec<Array3<f64>>,
    /// Replicates among the R in which a direction of the random effects came out without variance.
    pub singular: u32,
    /// Replicates that could not be fitted, with the reason.
    pub failed: Vec<(u32, StatsError)>,
}

impl Replicates {
    /// Replicates R that are here.
    pub fn len(&self) -> usize {
        self.number.len()
    }

    /// Never: fewer than two are an error.
    pub fn is_empty(&self) -> bool {
        self.number.is_empty()
    }

    /// Covariance of the random effects of each term in every replicate (R×q×q): ΛΛᵀ, in linear models σ²ΛΛᵀ. `blocks`
    /// holds the terms' [`super::RandomTerm::blocks`].
    ///
    /// # Panics
    /// If the blocks do not fit θ.
    pub fn random_covariances(&self, blocks: &[&[usize]]) -> Vec<Array3<f64>> {
        let mut first = 0;
        let mut out = Vec::new();
        for &blocks in blocks {
            let q = blocks.iter().sum();
            let end = first + block_positions(blocks).len();
            let mut all = Array3::zeros((self.len(), q, q));
            for (r, mut to) in all.outer_iter_mut().enumerate() {
                let theta = self.theta.slice(s![r, first..end]).to_vec();
                let lambda = from_blocks(blocks, &theta) * self.sigma.as_ref().map_or(1.0, |s| s[r]);
                to.assign(&lambda.dot(&lambda.t()));
            }
            out.push(all);
            first = end;
        }
        assert_eq!(first, self.theta.ncols(), "blocks that fit theta");
        out
    }

    /// Covariance of β̂* over the replicates (p×p), divisor R − 1.
    pub fn vcov_beta(&self) -> Array2<f64> {
        let mean = self.beta.mean_axis(Axis(0)).expect("there are two replicates or more");
        let centred = &self.beta - &mean;
        centred.t().dot(&centred) / (self.len() as f64 - 1.0)
    }
}

/// One fitted replicate.
pub(super) struct Replicate {
    pub beta: Array1<f64>,
    pub theta: Array1<f64>,
    pub sigma: Option<f64>,
    pub singular: bool,
    /// J×q of each term; empty where they are not kept.
    pub modes: Vec<Array2<f64>>,
    pub drawn: Vec<Array2<f64>>,
}

impl Replicate {
    /// Of a model without random effects.
    pub fn plain(beta: Array1<f64>, sigma: Option<f64>) -> Self {
        Self { beta, theta: Array1::zeros(0), sigma, singular: false, modes: Vec::new(), drawn: Vec::new() }
    }
}

/// Runs the replicates in parallel and lays them side by side, in order of their number.
///
/// # Errors
/// [`StatsError::Shape`] for fewer than two replicates; the first failure where fewer than two could be fitted.
pub(super) fn run(
    opt: &BootstrapOptions,
    one: impl Fn(u32) -> Result<Replicate, StatsError> + Sync,
) -> Result<Replicates, StatsError> {
    if opt.replicates < 2 {
        return Err(StatsError::Shape("a bootstrap needs two replicates or more"));
    }
    let all: Vec<(u32, Result<Replicate, StatsError>)> =
        (0..opt.replicates).into_par_iter().map(|r| (r, one(r))).collect();
    let (mut number, mut fitted, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (r, result) in all {
        match result {
            Ok(replicate) => {
                number.push(r);
                fitted.push(replicate);
            }
            Err(error) => failed.push((r, error)),
        }
    }
    if fitted.len() < 2 {
        let reason = failed.into_iter().next().map(|(_, error)| error);
        return Err(reason.unwrap_or(StatsError::Shape("a bootstrap needs two replicates or more")));
    }
    let sigma: Option<Vec<f64>> = fitted.iter().map(|f| f.sigma).collect();
    Ok(Replicates {
        kind: opt.kind,
        asked: opt.replicates,
        number,
        beta: stacked(&fitted, |f| &f.beta),
        theta: stacked(&fitted, |f| &f.theta),
        sigma: sigma.map(Array1::from_vec),
        modes: stacked_terms(&fitted, |f| &f.modes),
        drawn: stacked_terms(&fitted, |f| &f.drawn),
        singular: fitted.iter().filter(|f| f.singular).count() as u32,
        failed,
    })
}

fn stacked(fitted: &[Replicate], of: impl Fn(&Replicate) -> &Array1<f64>) -> Array2<f64> {
    let mut out = Array2::zeros((fitted.len(), of(&fitted[0]).len()));
    fitted.iter().zip(out.rows_mut()).for_each(|(from, mut to)| to.assign(of(from)));
    out
}

fn stacked_terms(fitted: &[Replicate], of: impl Fn(&Replicate) -> &Vec<Array2<f64>>) -> Vec<Array3<f64>> {
    let term = |t: usize| {
        let (levels, q) = of(&fitted[0])[t].dim();
        let mut out = Array3::zeros((fitted.len(), levels, q));
        fitted.iter().zip(out.outer_iter_mut()).for_each(|(from, mut to)| to.assign(&of(from)[t]));
        out
    };
    (0..of(&fitted[0]).len()).map(term).collect()
}

#[cfg(test)]
mod tests;
