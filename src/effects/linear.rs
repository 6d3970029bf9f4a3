//! Effects of linear models: a slope times the step, in score points.

use super::{Point, school_df};
use crate::design::Head;
use crate::stats::LmmFit;
use crate::vocab::{DosePart, Unit};

/// `β·step` over all schools.
pub(super) fn nation(head: &Head, fit: &LmmFit, part: DosePart) -> Option<Point> {
    let c = head.column(part)?;
    let (value, variance) = (fit.beta[c] * head.step, fit.vcov_beta[[c, c]] * head.step * head.step);
    Some(Point { value, variance, df: school_df(head), unit: Unit::ScorePoint })
}

/// Whether schools have slopes of their own on this part of the dose. In a growth model their slopes are on time, so
/// that the dose has one slope for all.
pub(super) fn has_own_slope(head: &Head, fit: &LmmFit, part: DosePart) -> bool {
    head.slope == Some(part) && fit.terms[0].modes.ncols() == 2 && fit.terms.len() == 1
}

/// `(β + b_j)·step` of one school, with the error of β̂, of b̂_j and of both together (Henderson).
pub(super) fn school(head: &Head, fit: &LmmFit, part: DosePart, j: usize) -> Option<Point> {
    let c = head.column(part)?;
    let value = fit.beta[c] + fit.terms[0].modes[[j, 1]];
    let variance =
        fit.vcov_beta[[c, c]] + fit.terms[0].mode_mse[[j, 1, 1]] + 2.0 * fit.terms[0].cov_beta_mode[[j, c, 1]];
    let step = head.step;
    Some(Point { value: value * step, variance: variance * step * step, df: school_df(head), unit: Unit::ScorePoint })
}
