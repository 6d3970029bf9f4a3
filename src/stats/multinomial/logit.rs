//! The multinomial logit without random effects: η_ic = x_iᵀβ_c, maximum likelihood by Newton's method.

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::super::error::StatsError;
use super::super::glm::add_outer;
use super::super::linalg::{Cholesky, max_abs};
use super::super::matrix::Matrix;
use super::{CellRows, MultinomialCells, MultinomialOptions, Softmax, linear_predictor};

/// A fitted multinomial logit with p columns and C categories besides the reference.
#[derive(Clone, Debug)]
pub struct MultinomialFit {
    /// Coefficients (p×C): column c is the log odds of category c + 1 against the reference.
    pub beta: Array2<f64>,
    /// Inverse information (C·p × C·p) of the coefficients by category: β₁ (p), β₂ (p), …
    pub vcov: Array2<f64>,
    /// Log-likelihood of the rows, without multinomial coefficients.
    pub log_lik: f64,
    /// Newton iterations.
    pub iterations: u32,
    /// Σ counts.
    pub n_obs: f64,
}

/// Maximum likelihood; groups are ignored. R's `nnet::multinom`.
///
/// # Errors
/// Those of [`MultinomialCells::check`]; [`StatsError::RankDeficient`]; [`StatsError::Separated`] when coefficients run
/// away; [`StatsError::NotConverged`].
pub fn fit_multinomial(cells: &MultinomialCells, opt: &MultinomialOptions) -> Result<MultinomialFit, StatsError> {
    cells.check()?;
    match cells.categories() {
        1 => fit::<1>(cells, opt),
        2 => fit::<2>(cells, opt),
        3 => fit::<3>(cells, opt),
        _ => fit::<4>(cells, opt),
    }
}

/// A change in η of a row at "convergence" above this means that the likelihood went flat, not that it was maximised:
/// at a proper optimum the last change is about √tolerance.
const RUNAWAY_STEP: f64 = 1e-3;

/// Rows of a fixed piece: sums over pieces, folded in order, have the same bits with any number of threads.
const ROWS: usize = 4096;

fn fit<const C: usize>(cells: &MultinomialCells, opt: &MultinomialOptions) -> Result<MultinomialFit, StatsError> {
    let rows = CellRows::<C>::new(cells);
    check_rank(cells, &rows)?;
    let mut beta = Array1::zeros(C * rows.p);
    let mut sums = rows.sums(&beta);
    for iteration in 1..=opt.max_iterations {
        let runaway = |column: usize| StatsError::Separated { column: column % rows.p };
        let factor = Cholesky::factor(sums.information.view()).map_err(|failed| runaway(failed.column))?;
        let step = factor.solve(sums.score.view());
        let decrement = step.dot(&sums.score);
        (beta, sums) = rows.damped(&beta, &step, sums);
        if decrement < opt.tolerance {
            check_settled(cells, &step)?;
            let factor = Cholesky::factor(sums.information.view()).map_err(|failed| runaway(failed.column))?;
            return Ok(MultinomialFit {
                beta: Array2::from_shape_fn((rows.p, C), |(k, c)| beta[c * rows.p + k]),
                vcov: factor.inverse(),
                log_lik: sums.log_lik,
                iterations: iteration,
                n_obs: rows.trials.iter().sum(),
            });
        }
    }
    Err(StatsError::NotConverged { evaluations: opt.max_iterations, grad_max: max_abs(&sums.score) })
}

fn check_rank<const C: usize>(cells: &MultinomialCells, rows: &CellRows<C>) -> Result<(), StatsError> {
    let mut cross = Array2::zeros((rows.p, rows.p));
    for (x, m) in cells.x.rows().into_iter().zip(&rows.trials) {
        add_outer(&mut cross, *m, x);
    }
    match Cholesky::factor(cross.view()) {
        Ok(_) => Ok(()),
        Err(failed) => Err(StatsError::RankDeficient { column: failed.column }),
    }
}

/// Refuses a last step that still moves some η.
fn check_settled(cells: &MultinomialCells, step: &Array1<f64>) -> Result<(), StatsError> {
    let p = cells.x.ncols();
    let by_category = step.to_shape((step.len() / p, p)).expect("as many steps as coefficients");
    let largest = cells.x.dot(&by_category.t()).iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest < RUNAWAY_STEP {
        return Ok(());
    }
    let trials = cells.counts.sum_axis(ndarray::Axis(1));
    let units = Matrix::from(cells.x).root_mean_squares(Some(trials.view()));
    let size = |k: usize| step[k].abs() * units[k % p];
    // The first of the largest, so that equal movers give the same answer everywhere.
    let worst = (0..step.len()).fold(0, |best, k| if size(k) > size(best) { k } else { best });
    Err(StatsError::Separated { column: worst % p })
}

/// Log-likelihood with score (C·p) and information (C·p × C·p), parameters by category.
struct Sums {
    log_lik: f64,
    score: Array1<f64>,
    information: Array2<f64>,
}

impl<const C: usize> CellRows<C> {
    fn sums(&self, beta: &Array1<f64>) -> Sums {
        let beta = beta.to_vec();
        let n = self.trials.len();
        let pieces: Vec<Sums> =
            (0..n.div_ceil(ROWS)).into_par_iter().map(|k| self.piece(k * ROWS..n.min((k + 1) * ROWS), &beta)).collect();
        let mut total = Sums::zero(C * self.p);
        for piece in pieces {
            total.log_lik += piece.log_lik;
            total.score += &piece.score;
            total.information += &piece.information;
        }
        total
    }

    /// Score Σ r_i ⊗ x_i and information Σ H_i ⊗ x_ix_iᵀ, with r_i = y − mπ and H_i = m(diag π − ππᵀ).
    #[allow(clippy::needless_range_loop, reason = "indices as in the formula")]
    fn piece(&self, range: std::ops::Range<usize>, beta: &[f64]) -> Sums {
        let p = self.p;
        let mut sums = Sums::zero(C * p);
        for i in range {
            let (x, m, y) = (&self.x[i * p..(i + 1) * p], self.trials[i], &self.counts[i]);
            let eta = linear_predictor::<C>(x, beta);
            let cell = Softmax::at(&eta);
            sums.log_lik += cell.log_lik(&eta, m, y);
            for a in 0..C {
                let pa = cell.probability[a];
                for (k, xk) in x.iter().enumerate() {
                    sums.score[a * p + k] += (y[a] - m * pa) * xk;
                }
                for b in 0..=a {
                    let h = m * pa * (if a == b { 1.0 } else { 0.0 } - cell.probability[b]);
                    for (k, xk) in x.iter().enumerate() {
                        for (l, xl) in x.iter().enumerate() {
                            sums.information[[a * p + k, b * p + l]] += h * xk * xl;
                        }
                    }
                }
            }
        }
        sums
    }

    /// The Newton step, halved until the log-likelihood does not fall (rounding aside).
    fn damped(&self, beta: &Array1<f64>, step: &Array1<f64>, before: Sums) -> (Array1<f64>, Sums) {
        let floor = before.log_lik - 1e-13 * before.log_lik.abs();
        let mut length = 1.0;
        for _ in 0..40 {
            let next = beta + &(step * length);
            let sums = self.sums(&next);
            if sums.log_lik >= floor {
                return (next, sums);
            }
            length *= 0.5;
        }
        (beta.clone(), before)
    }
}

impl Sums {
    fn zero(n: usize) -> Self {
        Self { log_lik: 0.0, score: Array1::zeros(n), information: Array2::zeros((n, n)) }
    }
}
