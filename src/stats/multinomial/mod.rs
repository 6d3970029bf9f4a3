//! Multinomial logit for outcomes with C + 1 categories, with or without a random intercept per group and category.
//!
//! In person-period form this is the discrete-time model of competing exits: category 0 is "stays", the others are the
//! ways out, and each has its own hazard. The plain model is in [`logit`], the model with random intercepts in
//! [`mixed`] with one group's share of it in [`group`], and what follows for pupils over time in [`incidence`].

mod group;
mod incidence;
mod logit;
mod mixed;

use ndarray::ArrayView2;
use std::ops::Range;

use super::cells::check_finite;
use super::error::StatsError;
pub use incidence::{CumulativeIncidence, category_probabilities, cumulative_incidence, integrated_incidence};
pub use logit::{MultinomialFit, fit_multinomial};
pub use mixed::{MultinomialMixedFit, RandomCovariance, fit_multinomial_mixed, multinomial_mixed_log_lik};

/// Rows of equal covariates, with how many of them are in each category.
///
/// A cell stands for Σ counts separate rows: every log-likelihood here is that of the rows, without the multinomial
/// coefficients log(m!/Πy!). Splitting or merging cells therefore changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct MultinomialCells<'a> {
    /// n×p columns, the same for every category (an intercept or a full set of dummies is the caller's business).
    pub x: ArrayView2<'a, f64>,
    /// n×(C+1) counts, not negative, of which a row has at least one above 0; column 0 is the reference category.
    pub counts: ArrayView2<'a, f64>,
    /// Group code of each cell, 0..n_groups, in any order.
    pub group: &'a [u32],
    /// Number of group codes; a group may be empty.
    pub n_groups: usize,
}

/// Limits of the iterations.
#[derive(Clone, Copy, Debug)]
pub struct MultinomialOptions {
    /// Newton iterations of the model without random effects before giving up.
    pub max_iterations: u32,
    /// It stops when the Newton decrement sᵀI⁻¹s (twice the expected gain in log-likelihood) is below this.
    pub tolerance: f64,
    /// Evaluations of log-likelihood and gradient of the model with random effects before [`super::Stop::Budget`].
    pub max_evaluations: u32,
    /// Adds `variance_prior · log|Λ|` to the log-likelihood that is maximised; 0 is maximum likelihood. 1 keeps
    /// variances that the data can't tell from 0 about one standard error away from it: see [`super::GlmmOptions`].
    pub variance_prior: f64,
}

impl Default for MultinomialOptions {
    fn default() -> Self {
        // The step that is taken after the test squares the remaining error: 1e-12 leaves about 1e-24.
        Self { max_iterations: 60, tolerance: 1e-12, max_evaluations: 2000, variance_prior: 0.0 }
    }
}

impl MultinomialCells<'_> {
    /// C: categories besides the reference.
    pub fn categories(&self) -> usize {
        self.counts.ncols().saturating_sub(1)
    }

    /// Checks lengths, codes, counts and finiteness.
    ///
    /// # Errors
    /// [`StatsError::Shape`], also where there is one category only or more than five; [`StatsError::NotFinite`];
    /// [`StatsError::Counts`] with the row's sum and its smallest count; [`StatsError::EmptyCategory`].
    pub fn check(&self) -> Result<(), StatsError> {
        let n = self.x.nrows();
        if n == 0 || self.x.ncols() == 0 {
            return Err(StatsError::Shape("x has no rows or no columns"));
        }
        if self.counts.nrows() != n || self.group.len() != n {
            return Err(StatsError::Shape("x, counts and group differ in length"));
        }
        if !(1..=4).contains(&self.categories()) {
            return Err(StatsError::Shape("counts must have 2 to 5 columns"));
        }
        if self.group.iter().any(|&j| j as usize >= self.n_groups) {
            return Err(StatsError::Shape("a group code is not below n_groups"));
        }
        check_finite("x", self.x)?;
        check_finite("counts", self.counts)?;
        for (row, counts) in self.counts.rows().into_iter().enumerate() {
            let (trials, least) = (counts.sum(), counts.iter().fold(f64::INFINITY, |m, c| m.min(*c)));
            if least < 0.0 || trials <= 0.0 {
                return Err(StatsError::Counts { row, trials, successes: least });
            }
        }
        match self.counts.columns().into_iter().position(|column| column.sum() == 0.0) {
            Some(category) => Err(StatsError::EmptyCategory { category }),
            None => Ok(()),
        }
    }
}

/// A cell at one η (C): probabilities of categories 1..C and log(1 + Σe^η).
#[derive(Clone, Copy, Debug)]
struct Softmax<const C: usize> {
    probability: [f64; C],
    log_sum: f64,
}

impl<const C: usize> Softmax<C> {
    /// Shifted by the largest exponent, so that nothing overflows.
    fn at(eta: &[f64; C]) -> Self {
        let shift = eta.iter().fold(0.0_f64, |m, e| m.max(*e));
        let mut probability = eta.map(|e| (e - shift).exp());
        let sum = (-shift).exp() + probability.iter().sum::<f64>();
        probability.iter_mut().for_each(|p| *p /= sum);
        Self { probability, log_sum: shift + sum.ln() }
    }

    /// Log-likelihood Σ y_c η_c − m·log(1 + Σe^η) of `trials` rows, `counts` of them in categories 1..C.
    fn log_lik(&self, eta: &[f64; C], trials: f64, counts: &[f64; C]) -> f64 {
        counts.iter().zip(eta).map(|(y, e)| if *y > 0.0 { y * e } else { 0.0 }).sum::<f64>() - trials * self.log_sum
    }
}

/// The cells as the inner loops want them, in order of their groups.
struct CellRows<const C: usize> {
    /// Row-major n×p.
    x: Vec<f64>,
    p: usize,
    /// Counts of categories 1..C.
    counts: Vec<[f64; C]>,
    /// All categories.
    trials: Vec<f64>,
    /// Rows of each group; empty for codes that do not occur.
    ranges: Vec<Range<usize>>,
}

impl<const C: usize> CellRows<C> {
    fn new(cells: &MultinomialCells) -> Self {
        // A stable sort: within a group the caller's order stays.
        let mut order: Vec<usize> = (0..cells.group.len()).collect();
        order.sort_by_key(|&i| cells.group[i]);
        let mut ranges = vec![0..0; cells.n_groups];
        for (row, &i) in order.iter().enumerate() {
            let range = &mut ranges[cells.group[i] as usize];
            *range = if range.start == range.end { row..row + 1 } else { range.start..row + 1 };
        }
        let counts = |i: &usize| std::array::from_fn(|c| cells.counts[[*i, c + 1]]);
        Self {
            x: order.iter().flat_map(|&i| cells.x.row(i).to_vec()).collect(),
            p: cells.x.ncols(),
            counts: order.iter().map(counts).collect(),
            trials: order.iter().map(|&i| cells.counts.row(i).sum()).collect(),
            ranges,
        }
    }
}

/// x_iᵀβ_c for all c; β by category (C·p).
fn linear_predictor<const C: usize>(x: &[f64], beta: &[f64]) -> [f64; C] {
    std::array::from_fn(|c| dot(x, &beta[c * x.len()..(c + 1) * x.len()]))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
