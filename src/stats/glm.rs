//! Binomial regression without random effects, with model-based and cluster-robust covariance.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;
use std::ops::Range;

use super::cells::{BinomialCells, root_mean_square};
use super::error::StatsError;
use super::linalg::{Cholesky, NotPositive, max_abs};
use super::link::Link;

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

/// A fitted binomial regression with p columns.
#[derive(Clone, Debug)]
pub struct GlmFit {
    /// Coefficients (p).
    pub beta: Array1<f64>,
    /// Model-based covariance (p×p): inverse of the *expected* information, as R's `summary(glm)`.
    pub vcov: Array2<f64>,
    /// Cluster-robust covariance CR0 (p×p): V (Σ_g s_g s_gᵀ) V with the groups' scores and V = `vcov`.
    pub vcov_cluster: Array2<f64>,
    /// CR0 times G/(G−1) · (N−1)/(N−p), N = Σ trials, G = groups with rows: `sandwich::vcovCL(type = "HC1")` on the
    /// ungrouped rows. Not finite with one group.
    pub vcov_cluster_cr1: Array2<f64>,
    /// Log-likelihood of the N rows.
    pub log_lik: f64,
    /// −2 log-likelihood: the deviance of the N separate rows (a saturated model of them has likelihood 1).
    pub deviance: f64,
    /// Newton iterations.
    pub iterations: u32,
    /// Largest absolute component of the score, in units of 1/standard error (score × model-based standard error).
    pub grad_max: f64,
    /// N = Σ trials.
    pub n_obs: f64,
    /// Groups with rows.
    pub n_groups: usize,
}

/// Maximum likelihood by Newton's method with step-halving; `cells.z` is ignored.
///
/// The log-likelihood is concave for both links, so the observed information is a proper Newton metric.
///
/// # Errors
/// Those of [`BinomialCells::check`]; [`StatsError::RankDeficient`]; [`StatsError::Separated`] when coefficients run
/// away; [`StatsError::NotConverged`].
pub fn fit_glm(cells: &BinomialCells, link: Link, opt: &GlmOptions) -> Result<GlmFit, StatsError> {
    cells.check()?;
    let problem = Problem::new(cells, link);
    problem.check_rank()?;
    let mut beta = problem.start()?;
    let mut sums = problem.sums(&beta);
    for iteration in 1..=opt.max_iterations {
        let step = sums.newton_step().map_err(|failed| StatsError::Separated { column: failed.column })?;
        let decrement = step.dot(&sums.score);
        (beta, sums) = problem.damped(&beta, &step, sums);
        if decrement < opt.tolerance {
            problem.check_settled(&step)?;
            return problem.finish(beta, sums, iteration);
        }
    }
    Err(StatsError::NotConverged { evaluations: opt.max_iterations, grad_max: max_abs(&sums.score) })
}

/// A change in η of a row at "convergence" above this means that the likelihood went flat, not that it was maximised:
/// at a proper optimum the last change is about √tolerance.
const RUNAWAY_STEP: f64 = 1e-3;

struct Problem<'a> {
    x: Array2<f64>,
    trials: ArrayView1<'a, f64>,
    successes: ArrayView1<'a, f64>,
    ranges: Vec<Range<usize>>,
    link: Link,
}

/// Log-likelihood with score and observed information; of one group, or of all.
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

impl<'a> Problem<'a> {
    fn new(cells: &BinomialCells<'a>, link: Link) -> Self {
        Self {
            x: cells.x.as_standard_layout().into_owned(),
            trials: cells.trials,
            successes: cells.successes,
            ranges: cells.ranges(),
            link,
        }
    }

    fn check_rank(&self) -> Result<(), StatsError> {
        let cross = self.cross_products(|row| self.trials[row]);
        match Cholesky::factor(cross.view()) {
            Ok(_) => Ok(()),
            Err(failed) => Err(StatsError::RankDeficient { column: failed.column }),
        }
    }

    /// Weighted least squares of the empirical η, rates pulled half a row towards ½ (R's `mustart`).
    fn start(&self) -> Result<Array1<f64>, StatsError> {
        let eta = |row: usize| self.link.eta((self.successes[row] + 0.5) / (self.trials[row] + 1.0));
        let weight = |row: usize| self.trials[row] * self.link.expected_weight(eta(row));
        let cross = Cholesky::factor(self.cross_products(weight).view())
            .map_err(|failed| StatsError::RankDeficient { column: failed.column })?;
        let mut right = Array1::zeros(self.x.ncols());
        for (row, x) in self.x.rows().into_iter().enumerate() {
            right.scaled_add(weight(row) * eta(row), &x);
        }
        Ok(cross.solve(right.view()))
    }

    /// XᵀWX, summed per group and folded in group order.
    fn cross_products(&self, weight: impl Fn(usize) -> f64 + Sync) -> Array2<f64> {
        let parts: Vec<Array2<f64>> = self
            .ranges
            .par_iter()
            .map(|range| {
                let mut sum = Array2::zeros((self.x.ncols(), self.x.ncols()));
                range.clone().for_each(|row| add_outer(&mut sum, weight(row), self.x.row(row)));
                sum
            })
            .collect();
        fold(parts, self.x.ncols())
    }

    fn group_sums(&self, beta: &Array1<f64>) -> Vec<Sums> {
        let p = self.x.ncols();
        self.ranges
            .par_iter()
            .map(|range| {
                let mut sums = Sums { log_lik: 0.0, score: Array1::zeros(p), information: Array2::zeros((p, p)) };
                for row in range.clone() {
                    let x = self.x.row(row);
                    let cell = self.link.cell(x.dot(beta), self.trials[row], self.successes[row]);
                    sums.log_lik += cell.log_lik;
                    sums.score.scaled_add(cell.score, &x);
                    add_outer(&mut sums.information, cell.weight, x);
                }
                sums
            })
            .collect()
    }

    fn sums(&self, beta: &Array1<f64>) -> Sums {
        let p = self.x.ncols();
        let zero = Sums { log_lik: 0.0, score: Array1::zeros(p), information: Array2::zeros((p, p)) };
        self.group_sums(beta).into_iter().fold(zero, |mut all, part| {
            all.log_lik += part.log_lik;
            all.score += &part.score;
            all.information += &part.information;
            all
        })
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

    fn check_settled(&self, step: &Array1<f64>) -> Result<(), StatsError> {
        let largest = self.x.dot(step).iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        if largest < RUNAWAY_STEP {
            return Ok(());
        }
        let size =
            |column: usize| step[column].abs() * root_mean_square(self.x.column(column), self.trials.iter().copied());
        // The first of the largest, so that equal movers give the same answer everywhere.
        let column = (0..step.len()).fold(0, |best, c| if size(c) > size(best) { c } else { best });
        Err(StatsError::Separated { column })
    }

    fn finish(&self, beta: Array1<f64>, sums: Sums, iterations: u32) -> Result<GlmFit, StatsError> {
        let expected =
            self.cross_products(|row| self.trials[row] * self.link.expected_weight(self.x.row(row).dot(&beta)));
        let vcov = Cholesky::factor(expected.view())
            .map_err(|failed| StatsError::Separated { column: failed.column })?
            .inverse();
        let mut meat = Array2::zeros(vcov.raw_dim());
        for group in self.group_sums(&beta) {
            add_outer(&mut meat, 1.0, group.score.view());
        }
        let vcov_cluster = vcov.dot(&meat).dot(&vcov);
        let n_obs = self.trials.sum();
        let groups = self.ranges.iter().filter(|range| !range.is_empty()).count();
        let (g, p) = (groups as f64, beta.len() as f64);
        let cr1 = g / (g - 1.0) * (n_obs - 1.0) / (n_obs - p);
        Ok(GlmFit {
            grad_max: sums.score.iter().zip(vcov.diag()).fold(0.0, |m, (s, v)| (s * v.sqrt()).abs().max(m)),
            vcov_cluster_cr1: &vcov_cluster * cr1,
            vcov_cluster,
            vcov,
            log_lik: sums.log_lik,
            deviance: -2.0 * sums.log_lik,
            iterations,
            n_obs,
            n_groups: groups,
            beta,
        })
    }
}

/// Adds w·vvᵀ.
pub(super) fn add_outer(to: &mut Array2<f64>, weight: f64, v: ArrayView1<f64>) {
    for (mut row, a) in to.rows_mut().into_iter().zip(v) {
        row.scaled_add(weight * a, &v);
    }
}

fn fold(parts: Vec<Array2<f64>>, p: usize) -> Array2<f64> {
    parts.iter().fold(Array2::zeros((p, p)), |all, part| all + part)
}

/// Standard errors: square roots of a covariance matrix's diagonal.
pub fn std_errors(vcov: ArrayView2<f64>) -> Array1<f64> {
    vcov.diag().mapv(f64::sqrt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    struct Data {
        x: Array2<f64>,
        trials: Array1<f64>,
        successes: Array1<f64>,
        group: Vec<u32>,
    }

    impl Data {
        fn fit(&self, link: Link) -> Result<GlmFit, StatsError> {
            let z = Array2::zeros((self.group.len(), 0));
            let cells = BinomialCells {
                x: self.x.view(),
                z: z.view(),
                trials: self.trials.view(),
                successes: self.successes.view(),
                group: &self.group,
                n_groups: 3,
            };
            fit_glm(&cells, link, &GlmOptions::default())
        }
    }

    /// Two dummies: the model is saturated in them, so everything is known in closed form.
    fn two_rates() -> Data {
        Data {
            x: array![[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]],
            trials: array![30.0, 10.0, 25.0, 25.0],
            successes: array![6.0, 4.0, 5.0, 15.0],
            group: vec![0, 1, 1, 2],
        }
    }

    #[test]
    fn dummies_give_the_observed_rates() {
        for link in [Link::Logit, Link::Cloglog] {
            let fit = two_rates().fit(link).unwrap();
            assert!((link.mean(fit.beta[0]) - 0.25).abs() < 1e-12);
            assert!((link.mean(fit.beta[1]) - 0.40).abs() < 1e-12);
            let expected = 10.0 * 0.25f64.ln() + 30.0 * 0.75f64.ln() + 20.0 * 0.4f64.ln() + 30.0 * 0.6f64.ln();
            assert!((fit.log_lik - expected).abs() < 1e-11);
            // Delta method: Var(η̂) = μ(1−μ)/N / (dμ/dη)².
            let variance = 0.25 * 0.75 / 40.0 / link.mean_d1(fit.beta[0]).powi(2);
            assert!((fit.vcov[[0, 0]] / variance - 1.0).abs() < 1e-12);
            assert!(fit.grad_max < 1e-10);
        }
    }

    #[test]
    fn the_sandwich_is_bread_meat_bread() {
        let fit = two_rates().fit(Link::Logit).unwrap();
        // Scores per group: observed minus expected events by dummy: (6−7.5, 0), (4−2.5, 5−10), (0, 15−10).
        let meat = array![[2.25 + 2.25, -7.5], [-7.5, 25.0 + 25.0]];
        let expected = fit.vcov.dot(&meat).dot(&fit.vcov);
        assert!((&fit.vcov_cluster - &expected).iter().all(|d| d.abs() < 1e-12));
        let factor = fit.vcov_cluster_cr1[[1, 1]] / fit.vcov_cluster[[1, 1]];
        assert!((factor - 3.0 / 2.0 * 89.0 / 88.0).abs() < 1e-12);
    }

    #[test]
    fn a_dummy_without_events_is_separated() {
        for link in [Link::Logit, Link::Cloglog] {
            let mut none = two_rates();
            none.successes[2] = 0.0;
            none.successes[3] = 0.0;
            assert_eq!(none.fit(link).unwrap_err(), StatsError::Separated { column: 1 });
            let mut all = two_rates();
            all.successes[2] = 25.0;
            all.successes[3] = 25.0;
            assert_eq!(all.fit(link).unwrap_err(), StatsError::Separated { column: 1 });
        }
    }

    #[test]
    fn a_threshold_that_splits_the_outcome_is_separated() {
        let split = Data {
            x: array![[1.0, -2.0], [1.0, -0.1], [1.0, 0.2], [1.0, 3.0]],
            trials: array![1.0, 1.0, 1.0, 1.0],
            successes: array![0.0, 0.0, 1.0, 1.0],
            group: vec![0, 0, 1, 2],
        };
        for link in [Link::Logit, Link::Cloglog] {
            assert!(matches!(split.fit(link), Err(StatsError::Separated { .. })), "{link:?}");
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let mut constant = two_rates();
        constant.successes.fill(0.0);
        assert_eq!(constant.fit(Link::Logit).unwrap_err(), StatsError::NoVariation);
        let mut twins = two_rates();
        twins.x.column_mut(1).fill(2.0);
        twins.x.column_mut(0).fill(1.0);
        assert_eq!(twins.fit(Link::Logit).unwrap_err(), StatsError::RankDeficient { column: 1 });
        let mut impossible = two_rates();
        impossible.successes[1] = 11.0;
        assert!(matches!(impossible.fit(Link::Logit), Err(StatsError::Counts { row: 1, .. })));
        let mut missing = two_rates();
        missing.x[[2, 1]] = f64::NAN;
        assert_eq!(missing.fit(Link::Logit).unwrap_err(), StatsError::NotFinite { array: "x", row: 2 });
    }
}
