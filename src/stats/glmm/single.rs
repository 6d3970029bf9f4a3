//! One grouping factor with up to three random effects: its levels are independent, so each is a small problem of its
//! own. Levels run in parallel; their shares are added in the order of the levels, so the number of threads leaves no
//! trace.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use super::super::cells::Cells;
use super::super::chunks::ROWS;
use super::super::family::Family;
use super::super::lambda::block_positions;
use super::super::optimize::ValueGrad;
use super::super::quadrature::GaussHermite;
use super::super::terms::{ByLevel, RandomTerm};
use super::group::{AtMode, GroupCells, Parameters};
use super::{Detail, Likelihood, Scaling, TermDetail};

/// The cells in the order of the levels, with the modes of the last evaluation as starts of the next.
#[derive(Clone)]
pub(super) struct Single<'c, const Q: usize> {
    cells: Arc<SortedCells<'c, Q>>,
    successes: Vec<f64>,
    /// How often each level counts: once, but for bootstraps.
    copies: Vec<f64>,
    places: Vec<(usize, usize)>,
    family: Family,
    warm: Vec<[f64; Q]>,
}

/// What no bootstrap changes, in the order of the levels.
struct SortedCells<'c, const Q: usize> {
    /// Row-major n×p. Where the caller's rows come by level they are read where they stand: they may be most of the memory,
    /// and β is brought to their units instead of they to its.
    x: Cow<'c, [f64]>,
    /// From scaled β to that of x (p×p).
    to_beta: Array2<f64>,
    /// In scaled coordinates.
    z: Vec<[f64; Q]>,
    trials: Vec<f64>,
    offset: Vec<f64>,
    /// Cells of the caller.
    order: Vec<u32>,
    ranges: Vec<Range<usize>>,
}

impl<'c, const Q: usize> Single<'c, Q> {
    pub fn new(cells: &Cells<'c>, term: &RandomTerm, family: Family, scaling: &Scaling) -> Self {
        let sorted = ByLevel::new(0..term.level.len() as u32, |row| term.level[row as usize], term.n_levels);
        let gather = |a: ArrayView1<f64>| sorted.order.par_iter().map(|&row| a[row as usize]).collect::<Vec<f64>>();
        let z = |&row: &u32| std::array::from_fn(|k| term.z[[row as usize, k]] / scaling.z[0][k]);
        let successes = gather(cells.successes);
        let cells = SortedCells {
            x: rows_in_order(cells.x, term.level, &sorted.order),
            to_beta: scaling.to_beta(),
            z: sorted.order.par_iter().map(z).collect(),
            trials: gather(cells.trials),
            offset: cells.offset.map(gather).unwrap_or_default(),
            order: sorted.order,
            ranges: sorted.ranges,
        };
        Self {
            cells: Arc::new(cells),
            successes,
            copies: vec![1.0; term.n_levels],
            places: block_positions(term.blocks),
            family,
            warm: vec![[0.0; Q]; term.n_levels],
        }
    }

    fn group(&self, j: usize) -> GroupCells<'_, Q> {
        let cells = &*self.cells;
        let range = cells.ranges[j].clone();
        let p = cells.to_beta.nrows();
        GroupCells {
            x: &cells.x[range.start * p..range.end * p],
            p,
            z: &cells.z[range.clone()],
            trials: &cells.trials[range.clone()],
            successes: &self.successes[range.clone()],
            offset: if cells.offset.is_empty() { &[] } else { &cells.offset[range] },
            family: self.family,
        }
    }
}

impl<const Q: usize> SortedCells<'_, Q> {
    /// φ with β in units of x.
    fn parameters(&self, phi: &Array1<f64>) -> Vec<f64> {
        let (beta, theta) = phi.view().split_at(Axis(0), self.to_beta.nrows());
        self.to_beta.dot(&beta).iter().chain(theta).copied().collect()
    }

    /// Derivatives by φ (…×(p+nθ)) from those with β in units of x.
    fn by_scaled(&self, mut by_phi: ArrayViewMut2<f64>) {
        let mut by_beta = by_phi.slice_mut(s![.., ..self.to_beta.nrows()]);
        let scaled = by_beta.dot(&self.to_beta);
        by_beta.assign(&scaled);
    }

    fn gradient(&self, at: &mut ValueGrad) {
        self.by_scaled(at.grad.view_mut().insert_axis(Axis(0)));
    }
}

/// The rows of `x` in the order of their levels; its own memory where they are in it already.
fn rows_in_order<'c>(x: ArrayView2<'c, f64>, level: &[u32], order: &[u32]) -> Cow<'c, [f64]> {
    if level.is_sorted()
        && let Some(rows) = x.to_slice()
    {
        return Cow::Borrowed(rows);
    }
    let p = x.ncols();
    let mut rows = vec![0.0; order.len() * p];
    rows.par_chunks_mut(p * ROWS).zip(order.par_chunks(ROWS)).for_each(|(to, order)| {
        for (to, &row) in to.chunks_exact_mut(p).zip(order) {
            to.iter_mut().zip(x.row(row as usize)).for_each(|(to, x)| *to = *x);
        }
    });
    Cow::Owned(rows)
}

/// Rows times nodes of a check by quadrature: about a twentieth of a second.
const MOST_WORK: usize = 2_000_000;

/// One level's share of an evaluation.
struct Share<const Q: usize> {
    u: [f64; Q],
    log_lik: f64,
    grad: Array1<f64>,
}

/// What is reported of a level.
struct LevelDetail {
    score: Array1<f64>,
    mode: Array1<f64>,
    cond_var: Array2<f64>,
    jacobian: Array2<f64>,
    log_lik: f64,
}

impl<const Q: usize> Likelihood for Single<'_, Q> {
    fn evaluate(&mut self, phi: &Array1<f64>, rule: Option<&GaussHermite>) -> Option<ValueGrad> {
        let of_x = self.cells.parameters(phi);
        let at = Parameters::<Q>::split(&of_x, &self.places);
        let shares: Vec<Option<Share<Q>>> = (0..self.cells.ranges.len())
            .into_par_iter()
            .map(|j| {
                let cells = self.group(j);
                let mode = cells.mode(&at, self.warm[j])?;
                let value = cells.value(&at, &mode, rule);
                Some(Share { u: mode.u, log_lik: value.log_lik, grad: value.grad })
            })
            .collect();
        let shares: Vec<Share<Q>> = shares.into_iter().collect::<Option<_>>()?;
        let mut total = ValueGrad { value: 0.0, grad: Array1::zeros(phi.len()) };
        for ((share, times), warm) in shares.iter().zip(&self.copies).zip(&mut self.warm) {
            total.value -= times * share.log_lik;
            total.grad.scaled_add(-times, &share.grad);
            *warm = share.u;
        }
        self.cells.gradient(&mut total);
        Some(total)
    }

    fn modes(&self, phi: &Array1<f64>) -> Option<Vec<Array2<f64>>> {
        let of_x = self.cells.parameters(phi);
        let at = Parameters::<Q>::split(&of_x, &self.places);
        let mode = |j: usize| Some(at.effects(&self.group(j).mode(&at, self.warm[j])?.u));
        let modes: Vec<[f64; Q]> = (0..self.warm.len()).into_par_iter().map(mode).collect::<Option<_>>()?;
        Some(vec![Array2::from_shape_fn((modes.len(), Q), |(j, k)| modes[j][k])])
    }

    fn with_successes(&self, successes: &Array1<f64>) -> Self {
        Self { successes: self.cells.order.iter().map(|&row| successes[row as usize]).collect(), ..self.clone() }
    }

    fn with_copies(&self, copies: &[f64]) -> Option<Self> {
        Some(Self { copies: copies.to_vec(), ..self.clone() })
    }

    /// Laplace errs at small levels, so large ones are left out; where there are many of the others, some at even distances
    /// in the order of their size stand for all.
    fn beyond_laplace(&self, phi: &Array1<f64>, rule: &GaussHermite) -> Option<ValueGrad> {
        let of_x = self.cells.parameters(phi);
        let at = Parameters::<Q>::split(&of_x, &self.places);
        let work = |j: usize| self.cells.ranges[j].len() * rule.nodes.len().pow(Q as u32);
        let mut small: Vec<usize> =
            (0..self.cells.ranges.len()).filter(|&j| (1..=MOST_WORK / 20).contains(&work(j))).collect();
        small.sort_by_key(|&j| work(j));
        let total: usize = small.iter().map(|&j| work(j)).sum();
        let levels: Vec<usize> = small.iter().copied().step_by(total.div_ceil(MOST_WORK).max(1)).collect();
        let differences: Option<Vec<ValueGrad>> = levels
            .par_iter()
            .map(|&j| {
                let cells = self.group(j);
                let mode = cells.mode(&at, self.warm[j])?;
                let (one, many) = (cells.value(&at, &mode, None), cells.value(&at, &mode, Some(rule)));
                Some(ValueGrad { value: one.log_lik - many.log_lik, grad: one.grad - many.grad })
            })
            .collect();
        let scale = small.len() as f64 / levels.len().max(1) as f64;
        let mut total = ValueGrad { value: 0.0, grad: Array1::zeros(phi.len()) };
        for difference in differences? {
            total.value += scale * difference.value;
            total.grad.scaled_add(scale, &difference.grad);
        }
        self.cells.gradient(&mut total);
        Some(total)
    }

    /// Starts from nothing, so that the way to the optimum leaves no trace.
    fn detail(&self, phi: &Array1<f64>, rule: Option<&GaussHermite>) -> Option<Detail> {
        let of_x = self.cells.parameters(phi);
        let at = Parameters::<Q>::split(&of_x, &self.places);
        let level = |j: usize| {
            let cells = self.group(j);
            let mode: AtMode<Q> = cells.mode(&at, [0.0; Q])?;
            let value = cells.value(&at, &mode, rule);
            Some(LevelDetail {
                score: value.grad,
                log_lik: value.log_lik,
                mode: Array1::from_vec(at.effects(&mode.u).to_vec()),
                cond_var: at.conditional_variance(&mode),
                jacobian: cells.mode_jacobian(&at, &mode),
            })
        };
        let levels: Vec<LevelDetail> =
            (0..self.cells.ranges.len()).into_par_iter().map(level).collect::<Option<_>>()?;
        let (n, k) = (levels.len(), phi.len());
        let mut term = TermDetail {
            modes: Array2::zeros((n, Q)),
            cond_var: Array3::zeros((n, Q, Q)),
            jacobian: Array3::zeros((n, Q, k)),
        };
        let mut scores = Array2::zeros((n, k));
        for (j, level) in levels.iter().enumerate() {
            scores.row_mut(j).assign(&level.score);
            term.modes.row_mut(j).assign(&level.mode);
            term.cond_var.slice_mut(s![j, .., ..]).assign(&level.cond_var);
            term.jacobian.slice_mut(s![j, .., ..]).assign(&level.jacobian);
        }
        self.cells.by_scaled(scores.view_mut());
        let flat = term.jacobian.view_mut().into_shape_with_order((n * Q, k));
        self.cells.by_scaled(flat.expect("a fresh array is in standard layout"));
        let log_lik = levels.iter().map(|l| l.log_lik).sum();
        Some(Detail { log_lik, scores: Some(scores), terms: vec![term] })
    }
}
