//! Intervals from draws: a parametric bootstrap of the parameters.
//!
//! Replicate r draws `φ_r ~ N(φ̂, V)`, V being the covariance that counts in the delta method, and evaluates the estimand
//! there. The interval is the estimate plus the quantiles of `τ(φ_r) − τ(φ̂)`. It needs no straight line between φ and τ, as
//! the delta method does; where both agree, that line was no harm. Draws are made of a generator with one stream per
//! replicate, so neither threads nor the number of replicates change a draw.
//!
//! The differences are computed on the reference pupils, and for a school on at most [`OF_A_SCHOOL`] of its rows at equal
//! distances of their doses: enough for a spread, and the reason why 200 replicates cost less than the fits.

use std::ops::Range;

use ndarray::{Array1, Array2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::integrated::{Curve, Quadrature};
use super::lever::{Lever, main_part, ranges};
use super::reference::{Doses, reference_pupils};
use super::{LevelEstimate, scale};
use crate::design::{BinaryDesign, Design};
use crate::models::AcceptedFit;
use crate::stats::linalg::symmetric_eigen;
use crate::vocab::{DosePart, Interval, IntervalMethod, Level, Unit};

/// Rows of a school on which E3 is drawn.
const OF_A_SCHOOL: usize = 16;

/// How many draws, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replicates {
    /// Number of draws; from 40 on quantiles of 2.5 % mean something.
    pub count: u32,
    /// Seed.
    pub seed: u64,
}

/// Drawn errors and intervals, in percentage points; their `value` is the mean of the draws.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// E1 of each part.
    pub parts: Vec<(DosePart, LevelEstimate)>,
    /// E3 of each group of the design.
    pub contributions: Vec<LevelEstimate>,
}

/// One quantity's value at φ̂ over everybody, and how it is computed at a drawn φ.
struct Question<'q> {
    lever: Lever,
    /// Of the drawn rows.
    rows: Range<usize>,
    from: Box<dyn Fn(usize) -> f64 + Sync + 'q>,
    to: Box<dyn Fn(usize) -> f64 + Sync + 'q>,
}

impl Question<'_> {
    fn at(&self, curve: &Curve<'_>) -> f64 {
        let risk = |change: &(dyn Fn(usize) -> f64 + Sync)| curve.level(self.rows.clone(), self.lever, change);
        risk(&self.to) - risk(&self.from)
    }
}

/// Draws of a binary model's E1 and E3; `None` for other models and without a covariance.
pub(super) fn draw(
    fit: &AcceptedFit<'_>,
    doses: &Doses,
    quadrature: Option<Quadrature>,
    replicates: Replicates,
) -> Option<Drawn> {
    let Design::Binary(design) = fit.design() else { return None };
    let (head, q) = (&design.head, design.z().ncols());
    let curve = Curve::national(fit, design, quadrature)?;
    let mut rows = reference_pupils(design, &curve.beta);
    let everybody = 0..rows.len();
    let mut some = Vec::new();
    for of_school in some_of_each_school(design) {
        let start = rows.len();
        rows.extend(of_school);
        some.push(start..rows.len());
    }
    let drawn_on = design.some(&rows);
    let curve = curve.over(&drawn_on);
    let part = |(part, _): &(DosePart, usize)| {
        Some(Question {
            lever: Lever::of(head, *part, q)?,
            rows: everybody.clone(),
            from: Box::new(|_| 0.0),
            to: Box::new(|_| head.step),
        })
    };
    let lever = Lever::of(head, main_part(head), q)?;
    let mut questions: Vec<Question<'_>> = head.doses.iter().filter_map(part).collect();
    for (g, rows) in some.into_iter().enumerate() {
        let period = &drawn_on.period;
        let to_reference = move |i: usize| doses.to_reference(g, period[i]);
        let along = Lever { slope: false, ..lever };
        questions.push(Question { lever: along, rows, from: Box::new(to_reference), to: Box::new(|_| 0.0) });
    }
    let root = root(curve.errors.reported());
    let here: Vec<f64> = questions.iter().map(|q| q.at(&curve)).collect();
    let drawn: Vec<Vec<f64>> = (0..u64::from(replicates.count))
        .into_par_iter()
        .map(|r| {
            let mut rng = ChaCha8Rng::seed_from_u64(replicates.seed);
            rng.set_stream(r + 1);
            let normal: Array1<f64> = (0..root.ncols()).map(|_| StandardNormal.sample(&mut rng)).collect();
            let there = curve.moved(&root.dot(&normal));
            questions.iter().zip(&here).map(|(q, here)| q.at(&there) - here).collect()
        })
        .collect();
    let mut found = (0..questions.len()).map(|k| spread(here[k], drawn.iter().map(|d| d[k]).collect()));
    let parts = head.doses.iter().map(|(part, _)| *part).zip(found.by_ref()).collect();
    Some(Drawn { parts, contributions: found.collect() })
}

/// At most [`OF_A_SCHOOL`] rows of every school, at equal distances of their doses.
fn some_of_each_school(d: &BinaryDesign) -> Vec<Vec<(usize, f64)>> {
    let thin = |rows: std::ops::Range<usize>| {
        let mut order: Vec<usize> = rows.collect();
        order.sort_by(|&a, &b| {
            (d.period[a], d.dose[a]).partial_cmp(&(d.period[b], d.dose[b])).expect("doses are numbers")
        });
        let every = order.len().div_ceil(OF_A_SCHOOL).max(1);
        order.into_iter().skip(every / 2).step_by(every).map(|i| (i, d.trials[i])).collect()
    };
    ranges(&d.group, d.head.groups.len()).into_iter().map(thin).collect()
}

/// R with V = RR'; directions without variance stay without.
fn root(v: &Array2<f64>) -> Array2<f64> {
    let eigen = symmetric_eigen(v.view());
    &eigen.vectors * &eigen.values.mapv(|l| l.max(0.0).sqrt())
}

fn spread(here: f64, mut moves: Vec<f64>) -> LevelEstimate {
    let n = moves.len() as f64;
    let mean = moves.iter().sum::<f64>() / n;
    let variance = moves.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    moves.sort_unstable_by(f64::total_cmp);
    // R's type 7.
    let quantile = |p: f64| {
        let at = p * (n - 1.0);
        let (below, above) = (moves[at.floor() as usize], moves[at.ceil() as usize]);
        below + (at - at.floor()) * (above - below)
    };
    let percent = scale(Unit::PercentagePoint);
    let end = |p: f64| percent * (here + quantile(p));
    let tail = 0.5 * (1.0 - Level::P95.get());
    LevelEstimate {
        value: percent * (here + mean),
        std_error: percent * variance.sqrt(),
        interval: Interval { lo: end(tail), hi: end(1.0 - tail), level: Level::P95, method: IntervalMethod::Draws },
    }
}
