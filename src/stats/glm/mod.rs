//! Generalised linear models: events or counts on columns, without random effects.

mod bootstrap;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::cells::Cells;
use super::chunks::{map_rows, thinned};
use super::error::StatsError;
use super::family::Family;
use super::linalg::{Cholesky, NotPositive, max_abs};
use super::matrix::RowReader;
use super::separation::separating_column;
pub use bootstrap::bootstrap_glm;
pub(super) use bootstrap::{DrawnCells, drawn_cells};

/// Limits of the iteration.
#[derive(Clone, Copy, Debug)]
pub struct GlmOptions {
    /// Newton iterations before giving up.
    pub max_iterations: u32,
    /// Stop when the Newton decrement sᵀI⁻¹s (twice the expected gain in log-likelihood) is below this.
    pub tolerance: f64,
}

impl Default for GlmOptions {
    fn default() -> Self {
        // The step that is taken after the test squares the remaining error: 1e-12 leaves about 1e-24.
        Self { max_iterations: 60, tolerance: 1e-12 }
    }
}

/// A fitted generalised linear model with p columns.
#[derive(Clone, Debug)]
pub struct GlmFit {
    /// Coefficients (p).
    pub beta: Array1<f64>,
    /// Covariance (p×p): inverse of the *expected* information, as R's `summary(glm)`.
    pub vcov: Array2<f64>,
    /// Inverse of the observed information (p×p); equal to `vcov` for logit and Poisson.
    pub vcov_observed: Array2<f64>,
    /// Log-likelihood of the N rows, without the constants of [`super::binomial_constant`] and
    /// [`super::poisson_constant`].
    pub log_lik: f64,
    /// 2·(log-likelihood of the saturated model of the cells as given − `log_lik`), as R's `deviance(glm)`. Unlike
    /// everything else here it changes when cells are split or merged.
    pub deviance: f64,
    /// Newton iterations.
    pub iterations: u32,
    /// Largest absolute component of the score, in units of 1/standard error (score × standard error).
    pub grad_max: f64,
    /// N = Σ trials.
    pub n_obs: f64,
}

/// Maximum likelihood by Newton's method with step-halving.
///
/// The log-likelihood is concave for every family and link here, so the observed information is a proper Newton
/// metric. Sums run over fixed pieces of rows in parallel and are added in order.
///
/// Separation: where the likelihood keeps rising in some direction, Newton's steps along it do not shrink (in η of the
/// separated rows they stay at 1 for logit and counts, at 1/η for probit, at e^{−η} for successes under cloglog, all above
/// 0.03 when the decrement has passed the tolerance), or the information becomes singular. Either puts the estimate in
/// doubt, and then [`separating_column`] decides exactly; extreme but finite estimates go on to converge.
///
/// # Errors
/// Those of [`Cells::check`]; [`StatsError::RankDeficient`]; [`StatsError::Separated`]; [`StatsError::NotConverged`].
pub fn fit_glm(cells: &Cells, family: Family, opt: &GlmOptions) -> Result<GlmFit, StatsError> {
    cells.check(family)?;
    let problem = Problem { cells, p: cells.x.ncols(), family };
    let mut beta = problem.start_from_few(opt).map_or_else(|| problem.start(), Ok)?;
    let mut sums = problem.sums(&beta);
    let mut known_finite = false;
    for iteration in 1..=opt.max_iterations {
        let step = sums.newton_step().map_err(|failed| problem.singular(failed))?;
        let decrement = step.dot(&sums.score);
        (beta, sums) = problem.damped(&beta, &step, sums);
        if decrement >= opt.tolerance {
            continue;
        }
        if problem.largest_change(&step) < RUNAWAY_STEP {
            return problem.finish(beta, &sums, iteration);
        }
        if !known_finite {
            problem.refuse_separation()?;
            known_finite = true;
        }
    }
    problem.refuse_separation()?;
    Err(StatsError::NotConverged { evaluations: opt.max_iterations, grad_max: max_abs(&sums.score) })
}

/// A change in η of a row at "convergence" above this may mean that the likelihood went flat, not that it was
/// maximised: at a proper optimum the last change is about √tolerance, unless the row weighs almost nothing.
const RUNAWAY_STEP: f64 = 1e-3;

/// Rows of a first estimate.
const FEW: usize = 30_000;
/// How many times as many rows there must be for one.
const WORTH_IT: usize = 8;

struct Problem<'a, 'c> {
    cells: &'a Cells<'c>,
    p: usize,
    family: Family,
}

/// Log-likelihood with score and information, over all rows.
struct Sums {
    log_lik: f64,
    score: Array1<f64>,
    information: Array2<f64>,
}

impl Sums {
    fn newton_step(&self) -> Result<Array1<f64>, NotPositive> {
        Ok(Cholesky::factor(self.information.view())?.solve(self.score.view()))
    }
}

/// What a row adds: `value`, `slope`·x and `weight`·xxᵀ.
struct Share {
    value: f64,
    slope: f64,
    weight: f64,
}

impl Problem<'_, '_> {
    fn offset(&self, i: usize) -> f64 {
        self.cells.offset.map_or(0.0, |offset| offset[i])
    }

    fn eta(&self, i: usize, x: &[f64], beta: &[f64]) -> f64 {
        x.iter().zip(beta).fold(self.offset(i), |sum, (x, b)| sum + x * b)
    }

    /// Σ of the rows' shares, each of its number and its x.
    fn gather(&self, share: impl Fn(usize, &[f64]) -> Share + Sync) -> Sums {
        let p = self.p;
        let parts = map_rows(self.cells.trials.len(), |rows| {
            let (mut value, mut score, mut information) = (0.0, vec![0.0; p], vec![0.0; p * p]);
            let mut read = RowReader::new(self.cells.x.view());
            for i in rows {
                let x = read.row(i);
                let share = share(i, x);
                value += share.value;
                // The lower triangle, by rows.
                for (j, (&xj, lower)) in x.iter().zip(information.chunks_exact_mut(p)).enumerate() {
                    score[j] += share.slope * xj;
                    let weighted = share.weight * xj;
                    for (to, &xk) in lower.iter_mut().zip(&x[..=j]) {
                        *to += weighted * xk;
                    }
                }
            }
            (value, score, information)
        });
        let mut sums = Sums { log_lik: 0.0, score: Array1::zeros(p), information: Array2::zeros((p, p)) };
        for (value, score, information) in parts {
            sums.log_lik += value;
            sums.score.iter_mut().zip(score).for_each(|(to, v)| *to += v);
            sums.information.iter_mut().zip(information).for_each(|(to, v)| *to += v);
        }
        sums
    }

    fn sums(&self, beta: &Array1<f64>) -> Sums {
        let beta = beta.to_vec();
        self.gather(|i, x| {
            let cell = self.family.cell(self.eta(i, x, &beta), self.cells.trials[i], self.cells.successes[i]);
            Share { value: cell.log_lik, slope: cell.score, weight: cell.weight }
        })
    }

    /// The estimate of one row in many, which is a few standard errors from that of all: Newton then needs three or four
    /// passes over them. `None` where the rows are not many or those few can't be fitted. Columns that are independent in
    /// them are so in all.
    fn start_from_few(&self, opt: &GlmOptions) -> Option<Array1<f64>> {
        let step = self.cells.trials.len() / FEW;
        if step < WORTH_IT {
            return None;
        }
        let few = DrawnCells::new(self.cells, &thinned(self.cells.trials.len(), step), |_| 1.0);
        fit_glm(&few.cells(), self.family, opt).ok().map(|fit| fit.beta)
    }

    /// Weighted least squares of the cells' own η (R's `mustart`). Its weights are positive, so it also shows
    /// whether the columns are independent.
    fn start(&self) -> Result<Array1<f64>, StatsError> {
        let sums = self.gather(|i, _| {
            let trials = self.cells.trials[i];
            let eta = self.family.start(trials, self.cells.successes[i]);
            let weight = trials * self.family.expected_weight(eta);
            Share { value: 0.0, slope: weight * (eta - self.offset(i)), weight }
        });
        sums.newton_step().map_err(|failed| StatsError::RankDeficient { column: failed.column })
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

    /// Largest |xᵀstep| over the rows.
    fn largest_change(&self, step: &Array1<f64>) -> f64 {
        let step = step.to_vec();
        let parts = map_rows(self.cells.trials.len(), |rows| {
            let mut read = RowReader::new(self.cells.x.view());
            rows.fold(0.0_f64, |m, i| m.max((self.eta(i, read.row(i), &step) - self.offset(i)).abs()))
        });
        parts.into_iter().fold(0.0, f64::max)
    }

    fn refuse_separation(&self) -> Result<(), StatsError> {
        match separating_column(self.cells, self.family) {
            Some(column) => Err(StatsError::Separated { column }),
            None => Ok(()),
        }
    }

    /// Why the information of independent columns can be singular: separation, or weights so unequal that a column
    /// depends on others where it counts.
    fn singular(&self, failed: NotPositive) -> StatsError {
        self.refuse_separation().err().unwrap_or(StatsError::RankDeficient { column: failed.column })
    }

    fn finish(&self, beta: Array1<f64>, sums: &Sums, iterations: u32) -> Result<GlmFit, StatsError> {
        let inverse = |information: &Array2<f64>| {
            Cholesky::factor(information.view()).map(|c| c.inverse()).map_err(|failed| self.singular(failed))
        };
        let vcov_observed = inverse(&sums.information)?;
        let vcov = if self.family.is_canonical() { vcov_observed.clone() } else { inverse(&self.expected(&beta))? };
        Ok(GlmFit {
            grad_max: sums.score.iter().zip(vcov.diag()).fold(0.0, |m, (s, v)| (s * v.sqrt()).abs().max(m)),
            vcov_observed,
            vcov,
            log_lik: sums.log_lik,
            // Rounding can leave a perfect fit a hair above its own maximum.
            deviance: (2.0 * (self.saturated() - sums.log_lik)).max(0.0),
            iterations,
            n_obs: self.cells.trials.sum(),
            beta,
        })
    }

    /// Expected information.
    fn expected(&self, beta: &Array1<f64>) -> Array2<f64> {
        let beta = beta.to_vec();
        let share = |i: usize, x: &[f64]| {
            let weight = self.cells.trials[i] * self.family.expected_weight(self.eta(i, x, &beta));
            Share { value: 0.0, slope: 0.0, weight }
        };
        self.gather(share).information
    }

    /// Log-likelihood of the cells at their own means.
    fn saturated(&self) -> f64 {
        let cell = |i| self.family.saturated(self.cells.trials[i], self.cells.successes[i]);
        map_rows(self.cells.trials.len(), |rows| rows.map(cell).sum::<f64>()).into_iter().sum()
    }
}

/// Adds w·vvᵀ.
pub(super) fn add_outer(to: &mut Array2<f64>, weight: f64, v: ArrayView1<f64>) {
    for (mut row, a) in to.rows_mut().into_iter().zip(v) {
        row.scaled_add(weight * a, &v);
    }
}

/// Standard errors: square roots of a covariance matrix's diagonal.
pub fn std_errors(vcov: ArrayView2<f64>) -> Array1<f64> {
    vcov.diag().mapv(f64::sqrt)
}

#[cfg(test)]
mod tests;
