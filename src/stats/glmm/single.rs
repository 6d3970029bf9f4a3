//! One grouping factor with up to three random effects: its levels are independent, so each is a small problem of its
//! own. Levels run in parallel; their shares are added in the order of the levels, so the number of threads leaves no
//! trace.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use super::super::cells::Cells;
use super::super::family::Family;
use super::super::lambda::block_positions;
use super::super::matrix::Matrix;
use super::super::optimize::ValueGrad;
use super::super::quadrature::GaussHermite;
use super::super::terms::{ByLevel, RandomTerm};
use super::group::{AtMode, GroupCells, Parameters};
use super::{Detail, Likelihood, Scaling, TermDetail};

/// The cells in the order of the levels, with the modes of the last evaluation as starts of the next.
#[derive(Clone)]
pub(super) struct Single<'c, 't, const Q: usize> {
    cells: Arc<SortedCells<'c, 't, Q>>,
    successes: Cow<'c, [f64]>,
    /// How often each level counts: once, but for bootstraps.
    copies: Vec<f64>,
    places: Vec<(usize, usize)>,
    family: Family,
    warm: Vec<[f64; Q]>,
}

/// What no bootstrap changes, in the order of the levels.
struct SortedCells<'c, 't, const Q: usize> {
    /// n×p. β is brought to the units of x instead of x to those of the search: it may be most of the memory.
    x: Ordered<'c>,
    /// From scaled β to that of x (p×p).
    to_beta: Array2<f64>,
    z: ScaledZ<'t, Q>,
    trials: Cow<'c, [f64]>,
    offset: Cow<'c, [f64]>,
    order: Order,
    ranges: Vec<Range<usize>>,
}

/// The rows of a matrix in the order of the levels.
enum Ordered<'a> {
    /// The caller's are in it already.
    Standing(Matrix<'a>),
    Sorted(Array2<f64>),
}

impl Ordered<'_> {
    fn rows<'r>(&'r self, rows: Range<usize>, room: &'r mut Vec<f64>) -> &'r [f64] {
        match self {
            Ordered::Standing(matrix) => matrix.rows_in(rows, room),
            Ordered::Sorted(held) => {
                let all = held.as_slice().expect("selected rows are in standard layout");
                &all[rows.start * held.ncols()..rows.end * held.ncols()]
            }
        }
    }
}

/// z in the units of the search, in the order of the levels.
enum ScaledZ<'a, const Q: usize> {
    Made(Vec<[f64; Q]>),
    /// Made when asked for: where z is packed, there is no memory to be taken for it.
    OnDemand {
        z: Matrix<'a>,
        scales: [f64; Q],
    },
}

impl<'a, const Q: usize> ScaledZ<'a, Q> {
    fn new(z: Matrix<'a>, scales: &Array1<f64>, order: &Order) -> Self {
        let scales = std::array::from_fn(|k| scales[k]);
        match (&z, order) {
            (Matrix::Packed(_), Order::AsIs) => ScaledZ::OnDemand { z, scales },
            _ => {
                let (z, mut made) = (order.of_matrix(z), Vec::new());
                let rows = match &z {
                    Ordered::Standing(z) => z.rows(0..z.nrows()),
                    Ordered::Sorted(z) => Cow::Borrowed(z.as_slice().expect("standard layout")),
                };
                rows.par_chunks_exact(Q).map(|z| scaled(z, &scales)).collect_into_vec(&mut made);
                ScaledZ::Made(made)
            }
        }
    }

    fn rows<'r>(&'r self, rows: Range<usize>, room: &'r mut Room<Q>) -> &'r [[f64; Q]] {
        match self {
            ScaledZ::Made(z) => &z[rows],
            ScaledZ::OnDemand { z, scales } => {
                room.scaled.clear();
                let numbers = z.rows_in(rows, &mut room.numbers);
                room.scaled.extend(numbers.chunks_exact(Q).map(|z| scaled(z, scales)));
                &room.scaled
            }
        }
    }
}

fn scaled<const Q: usize>(z: &[f64], scales: &[f64; Q]) -> [f64; Q] {
    std::array::from_fn(|k| z[k] / scales[k])
}

/// How the caller's cells are brought in the order of the levels.
enum Order {
    /// They are in it.
    AsIs,
    By(Vec<usize>),
}

impl Order {
    fn of(&self, values: ArrayView1<f64>) -> Vec<f64> {
        match self {
            Order::AsIs => values.to_vec(),
            Order::By(order) => order.par_iter().map(|&row| values[row]).collect(),
        }
    }

    fn of_view<'a>(&self, values: ArrayView1<'a, f64>) -> Cow<'a, [f64]> {
        match (self, values.to_slice()) {
            (Order::AsIs, Some(values)) => Cow::Borrowed(values),
            _ => Cow::Owned(self.of(values)),
        }
    }

    fn of_matrix<'a>(&self, matrix: Matrix<'a>) -> Ordered<'a> {
        match self {
            Order::AsIs => Ordered::Standing(matrix),
            Order::By(order) => Ordered::Sorted(matrix.select(order)),
        }
    }
}

/// Room for the rows of a level, kept from one to the next.
#[derive(Default)]
struct Room<const Q: usize> {
    numbers: Vec<f64>,
    scaled: Vec<[f64; Q]>,
}

/// Rooms for x and z.
type Rooms<const Q: usize> = (Vec<f64>, Room<Q>);

impl<'c, 't, const Q: usize> Single<'c, 't, Q> {
    pub fn new(cells: &Cells<'c>, term: &RandomTerm<'t>, family: Family, scaling: &Scaling) -> Self {
        let sorted = ByLevel::new(0..term.level.len() as u32, |row| term.level[row as usize], term.n_levels);
        let order = match term.level.is_sorted() {
            true => Order::AsIs,
            false => Order::By(sorted.order.iter().map(|&row| row as usize).collect()),
        };
        Self {
            successes: order.of_view(cells.successes),
            cells: Arc::new(SortedCells {
                x: order.of_matrix(cells.x),
                to_beta: scaling.to_beta(),
                z: ScaledZ::new(term.z, &scaling.z[0], &order),
                trials: order.of_view(cells.trials),
                offset: cells.offset.map(|offset| order.of_view(offset)).unwrap_or_default(),
                order,
                ranges: sorted.ranges,
            }),
            copies: vec![1.0; term.n_levels],
            places: block_positions(term.blocks),
            family,
            warm: vec![[0.0; Q]; term.n_levels],
        }
    }

    fn group<'s>(&'s self, j: usize, (for_x, for_z): &'s mut Rooms<Q>) -> GroupCells<'s, Q> {
        let cells = &*self.cells;
        let range = cells.ranges[j].clone();
        GroupCells {
            x: cells.x.rows(range.clone(), for_x),
            p: cells.to_beta.nrows(),
            z: cells.z.rows(range.clone(), for_z),
            trials: &cells.trials[range.clone()],
            successes: &self.successes[range.clone()],
            offset: if cells.offset.is_empty() { &[] } else { &cells.offset[range] },
            family: self.family,
        }
    }
}

impl<const Q: usize> SortedCells<'_, '_, Q> {
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

impl<const Q: usize> Likelihood for Single<'_, '_, Q> {
    fn evaluate(&mut self, phi: &Array1<f64>, rule: Option<&GaussHermite>) -> Option<ValueGrad> {
        let of_x = self.cells.parameters(phi);
        let at = Parameters::<Q>::split(&of_x, &self.places);
        let shares: Vec<Option<Share<Q>>> = (0..self.cells.ranges.len())
            .into_par_iter()
            .map_init(Rooms::default, |room, j| {
                let cells = self.group(j, room);
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
        let mode = |room: &mut Rooms<Q>, j: usize| Some(at.effects(&self.group(j, room).mode(&at, self.warm[j])?.u));
        let modes = (0..self.warm.len()).into_par_iter().map_init(Rooms::default, mode);
        let modes: Vec<[f64; Q]> = modes.collect::<Option<_>>()?;
        Some(vec![Array2::from_shape_fn((modes.len(), Q), |(j, k)| modes[j][k])])
    }

    fn with_successes(&self, successes: &Array1<f64>) -> Self {
        Self { successes: self.cells.order.of(successes.view()).into(), ..self.clone() }
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
            .map_init(Rooms::default, |room, &j| {
                let cells = self.group(j, room);
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
        let level = |room: &mut Rooms<Q>, j: usize| {
            let cells = self.group(j, room);
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
            (0..self.cells.ranges.len()).into_par_iter().map_init(Rooms::default, level).collect::<Option<_>>()?;
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
