//! Outcomes as grouped cells: the input of [`crate::stats::fit_glm`] and [`crate::stats::fit_glmm`].

use std::ops::Range;

use ndarray::{Array1, ArrayView1};
use statrs::function::gamma::ln_gamma;

use super::chunks::map_rows;
use super::error::StatsError;
use super::family::Family;
use super::matrix::Matrix;

/// Rows of equal covariates, with how many they are and what their outcomes sum to.
///
/// A cell stands for `trials` separate rows: every log-likelihood here is that of the rows, without the constants of
/// [`binomial_constant`] and [`poisson_constant`]. Splitting or merging cells therefore changes nothing. A prior
/// weight multiplies both `trials` and `successes`, which need not be whole.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    /// n×p fixed-effect columns (an intercept or a full set of dummies is the caller's business).
    pub x: Matrix<'a>,
    /// Rows behind each cell m, above 0.
    pub trials: ArrayView1<'a, f64>,
    /// Sum of their outcomes y: events between 0 and m, or counts from 0.
    pub successes: ArrayView1<'a, f64>,
    /// Known part of η, added to xᵀβ; for counts often log exposure.
    pub offset: Option<ArrayView1<'a, f64>>,
}

impl Cells<'_> {
    /// The same cells with other successes.
    pub(super) fn with_successes<'s>(&'s self, successes: &'s Array1<f64>) -> Cells<'s> {
        let offset = self.offset.as_ref().map(|o| o.view());
        Cells { x: self.x.view(), trials: self.trials.view(), successes: successes.view(), offset }
    }

    /// Checks lengths, counts and finiteness.
    ///
    /// # Errors
    /// [`StatsError::Shape`], [`StatsError::NotFinite`], [`StatsError::Counts`], and [`StatsError::NoVariation`] when
    /// nobody or everybody has the event, or when every count is 0.
    pub fn check(&self, family: Family) -> Result<(), StatsError> {
        let n = self.x.nrows();
        if n == 0 || self.x.ncols() == 0 {
            return Err(StatsError::Shape("x has no rows or no columns"));
        }
        if self.trials.len() != n || self.successes.len() != n || self.offset.is_some_and(|o| o.len() != n) {
            return Err(StatsError::Shape("x, trials, successes and offset differ in length"));
        }
        check_finite("x", self.x.view())?;
        if let Some(row) = self.offset.and_then(|offset| offset.iter().position(|v| !v.is_finite())) {
            return Err(StatsError::NotFinite { array: "offset", row });
        }
        let most = |trials: f64| if matches!(family, Family::Poisson) { f64::MAX } else { trials };
        for (row, (&trials, &successes)) in self.trials.iter().zip(&self.successes).enumerate() {
            let possible = trials > 0.0 && trials.is_finite() && (0.0..=most(trials)).contains(&successes);
            if !possible {
                return Err(StatsError::Counts { row, trials, successes });
            }
        }
        let events = self.successes.sum();
        if events == 0.0 || (family != Family::Poisson && events == self.trials.sum()) {
            return Err(StatsError::NoVariation);
        }
        Ok(())
    }
}

/// Σ log C(m,y), to be added where the likelihood of the grouped counts is wanted and not that of their rows.
pub fn binomial_constant(trials: ArrayView1<f64>, successes: ArrayView1<f64>) -> f64 {
    let log_choose = |(&m, &y): (&f64, &f64)| ln_gamma(m + 1.0) - ln_gamma(y + 1.0) - ln_gamma(m - y + 1.0);
    trials.iter().zip(&successes).map(log_choose).sum()
}

/// −Σ log y!, to be added to a Poisson log-likelihood of cells of one row each.
pub fn poisson_constant(counts: ArrayView1<f64>) -> f64 {
    -counts.iter().map(|&y| ln_gamma(y + 1.0)).sum::<f64>()
}

/// Refuses NaN and infinities.
pub(super) fn check_finite<'a>(array: &'static str, a: impl Into<Matrix<'a>>) -> Result<(), StatsError> {
    let a = a.into();
    let first_bad = |rows: Range<usize>| {
        let (start, piece) = (rows.start, a.rows(rows));
        // Without a way out in the middle, which would keep it from going several numbers at a time.
        if piece.iter().fold(true, |good, v| good & v.is_finite()) {
            return None;
        }
        piece.iter().position(|v| !v.is_finite()).map(|at| start + at / a.ncols())
    };
    match map_rows(a.nrows(), first_bad).into_iter().flatten().next() {
        Some(row) => Err(StatsError::NotFinite { array, row }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_of_grouped_counts() {
        use ndarray::array;
        // log C(7,3) + log C(2,2) = log 35; log(4!·2!) = log 48
        let binomial = binomial_constant(array![7.0, 2.0].view(), array![3.0, 2.0].view());
        assert!((binomial - 35f64.ln()).abs() < 1e-13);
        assert!((poisson_constant(array![4.0, 0.0, 2.0].view()) + 48f64.ln()).abs() < 1e-13);
    }

    #[test]
    fn the_first_row_that_is_not_finite_is_named_in_any_layout() {
        use ndarray::Array2;
        let mut a = Array2::<f64>::zeros((10_000, 3));
        assert!(check_finite("x", a.view()).is_ok());
        (a[[9_000, 1]], a[[7_000, 2]]) = (f64::NAN, f64::INFINITY);
        let refused = StatsError::NotFinite { array: "x", row: 7_000 };
        assert_eq!(check_finite("x", a.view()).unwrap_err(), refused);
        let columns = a.t().as_standard_layout().into_owned();
        assert_eq!(check_finite("x", columns.t()).unwrap_err(), refused);
    }

    #[test]
    fn counts_may_exceed_the_rows_only_for_poisson() {
        use super::super::link::Link;
        use ndarray::array;
        let (x, one, y, nan) = (array![[1.0], [1.0]], array![1.0, 1.0], array![0.5, 3.0], array![0.0, f64::NAN]);
        let cells = Cells { x: x.view().into(), trials: one.view(), successes: y.view(), offset: None };
        assert!(cells.check(Family::Poisson).is_ok());
        let refused = cells.check(Family::Binomial(Link::Probit)).unwrap_err();
        assert_eq!(refused, StatsError::Counts { row: 1, trials: 1.0, successes: 3.0 });
        let refused = Cells { offset: Some(nan.view()), ..cells }.check(Family::Poisson).unwrap_err();
        assert_eq!(refused, StatsError::NotFinite { array: "offset", row: 1 });
    }
}
