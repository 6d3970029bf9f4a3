//! Models of nuisances: what is predicted on the way and not reported. Fitted by linfa on columns brought to mean 0 and
//! standard deviation 1.
//!
//! linfa's logistic regression searches by L-BFGS and does not say whether it arrived. We therefore look at the score it
//! ends with. Where that is not small enough, or its line search gives up next to the optimum, our own Newton iterations
//! ([`fit_glm`]) do the fit, and these also decide exactly whether the outcome is separated.

use linfa::prelude::{Dataset, Fit};
use linfa_linear::LinearRegression;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::folds::Folds;
use crate::stats::cells::Cells;
use crate::stats::error::StatsError;
use crate::stats::family::Family;
use crate::stats::glm::{GlmOptions, fit_glm};
use crate::stats::link::Link;
use crate::stats::qr::independent_columns;

/// A kind of nuisance model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learner {
    /// Least squares (linfa-linear).
    Linear,
    /// Logistic regression without penalty (linfa-logistic, α = 0), for outcomes 0 and 1.
    Logistic,
}

/// Largest mean score, in units of standardised columns, at which a logistic fit counts as converged: predictions are
/// then off by about as much.
const SCORE: f64 = 1e-7;

impl Learner {
    /// Predictions for each row (n) by models of the other folds, trained on those rows for which `trains` holds.
    ///
    /// # Errors
    /// [`StatsError::NoVariation`] when a training set has one outcome only and the learner is logistic;
    /// [`StatsError::Shape`] when it has no rows; [`StatsError::Separated`], [`StatsError::NotConverged`].
    pub fn cross_fit(
        self,
        x: ArrayView2<f64>,
        y: ArrayView1<f64>,
        folds: &Folds,
        trains: impl Fn(usize) -> bool,
    ) -> Result<Array1<f64>, StatsError> {
        if folds.len() != y.len() || x.nrows() != y.len() {
            return Err(StatsError::Shape("x, y and the folds differ in length"));
        }
        let mut predicted = Array1::zeros(y.len());
        for piece in folds.pieces() {
            let train: Vec<usize> = piece.train.into_iter().filter(|&i| trains(i)).collect();
            let model = self.train(x.select(Axis(0), &train).view(), y.select(Axis(0), &train).view())?;
            for i in piece.test {
                predicted[i] = model.predict(x.row(i));
            }
        }
        Ok(predicted)
    }

    fn train(self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Model, StatsError> {
        if y.is_empty() {
            return Err(StatsError::Shape("no row trains a nuisance model"));
        }
        let scale = Scale::of(x);
        let z = scale.apply(x);
        let (intercept, slopes) = match self {
            Learner::Linear => linear(&z, y)?,
            Learner::Logistic => logistic(&z, y)?,
        };
        Ok(Model { learner: self, scale, intercept, slopes })
    }
}

/// A trained nuisance model on standardised columns.
struct Model {
    learner: Learner,
    scale: Scale,
    intercept: f64,
    slopes: Array1<f64>,
}

impl Model {
    fn predict(&self, row: ArrayView1<f64>) -> f64 {
        let eta = self.scale.columns.iter().zip(&self.slopes).fold(self.intercept, |sum, (c, b)| {
            let z = (row[c.at] - c.mean) / c.sd;
            sum + b * z
        });
        match self.learner {
            Learner::Linear => eta,
            Learner::Logistic => Link::Logit.mean(eta),
        }
    }
}

/// The columns that count, with the mean and standard deviation that the training rows have.
struct Scale {
    columns: Vec<Column>,
}

struct Column {
    at: usize,
    mean: f64,
    sd: f64,
}

impl Scale {
    /// Leaves out columns that do not vary or that others determine in the training rows.
    fn of(x: ArrayView2<f64>) -> Self {
        let n = x.nrows() as f64;
        let mut columns: Vec<Column> = x
            .columns()
            .into_iter()
            .enumerate()
            .filter_map(|(at, c)| {
                let mean = c.sum() / n;
                let sd = (c.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
                (sd > 1e-10 * mean.abs().max(1.0)).then_some(Column { at, mean, sd })
            })
            .collect();
        let all = Self { columns: std::mem::take(&mut columns) };
        let kept = independent_columns(all.apply(x).view()).kept;
        let mut position = 0..;
        let is_kept = |_: &Column| kept.binary_search(&position.next().unwrap_or(usize::MAX)).is_ok();
        Self { columns: all.columns.into_iter().filter(is_kept).collect() }
    }

    fn apply(&self, x: ArrayView2<f64>) -> Array2<f64> {
        Array2::from_shape_fn((x.nrows(), self.columns.len()), |(i, j)| {
            let c = &self.columns[j];
            (x[[i, c.at]] - c.mean) / c.sd
        })
    }
}

fn linear(z: &Array2<f64>, y: ArrayView1<f64>) -> Result<(f64, Array1<f64>), StatsError> {
    if z.nrows() <= z.ncols() + 1 {
        return Err(StatsError::Shape("fewer rows than columns train a nuisance model"));
    }
    let fit = LinearRegression::default()
        .fit(&Dataset::new(z.clone(), y.to_owned()))
        .map_err(|_| StatsError::RankDeficient { column: 0 })?;
    Ok((fit.intercept(), fit.params().clone()))
}

fn logistic(z: &Array2<f64>, y: ArrayView1<f64>) -> Result<(f64, Array1<f64>), StatsError> {
    let events = y.sum();
    if events == 0.0 || events == y.len() as f64 {
        return Err(StatsError::NoVariation);
    }
    let labels = y.mapv(|v| v > 0.5);
    let fitted = LogisticRegression::default()
        .alpha(0.0)
        .max_iterations(200)
        .gradient_tolerance(0.1 * SCORE * y.len() as f64)
        .fit(&Dataset::new(z.clone(), labels));
    if let Ok(fit) = fitted {
        // linfa calls the more frequent class positive.
        let sign = if fit.labels().pos.class { 1.0 } else { -1.0 };
        let (intercept, slopes) = (sign * fit.intercept(), fit.params() * sign);
        if mean_score(z, y, intercept, &slopes) < SCORE {
            return Ok((intercept, slopes));
        }
    }
    newton(z, y)
}

/// Largest |Σ z(y − p)|/n.
fn mean_score(z: &Array2<f64>, y: ArrayView1<f64>, intercept: f64, slopes: &Array1<f64>) -> f64 {
    let left: Array1<f64> = z.dot(slopes).iter().zip(y).map(|(eta, y)| y - Link::Logit.mean(intercept + eta)).collect();
    let by_column = z.t().dot(&left).iter().fold(left.sum().abs(), |m, s| s.abs().max(m));
    by_column / y.len() as f64
}

fn newton(z: &Array2<f64>, y: ArrayView1<f64>) -> Result<(f64, Array1<f64>), StatsError> {
    let (x, ones) = (with_intercept(z.view()), Array1::ones(y.len()));
    let cells = Cells { x: x.view().into(), trials: ones.view(), successes: y.view(), offset: None };
    let fit = fit_glm(&cells, Family::Binomial(Link::Logit), &GlmOptions::default())?;
    Ok((fit.beta[0], fit.beta.slice(ndarray::s![1..]).to_owned()))
}

/// A column of ones before the others.
pub(super) fn with_intercept(x: ArrayView2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((x.nrows(), x.ncols() + 1), |(i, j)| if j == 0 { 1.0 } else { x[[i, j - 1]] })
}
