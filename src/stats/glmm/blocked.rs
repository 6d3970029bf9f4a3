//! Any grouping factors: the modes of all levels together, by Newton's method on one sparse problem.
//!
//! The formulas are those of a single level ([`super::group`], one node) with Z̃ over all levels, C = ZᵀWZ and
//! M = I + ΛᵀCΛ. What they need of M⁻¹ stands where C has blocks: cᵢ = z̃ᵢᵀM⁻¹z̃ᵢ only joins levels of one row.
//!
//! ```text
//! αᵢ = −½cᵢtᵢ     g = M⁻¹Z̃ᵀα     v = r + α − w∘(Z̃g)
//! ∂/∂β = Xᵀv      ∂/∂Λ_t = tril Σ_{a∈t} { (Zᵀ(r + α − w∘Z̃g))_a û_aᵀ − Σ_b C_abΛ_b(M⁻¹)_ba + (Zᵀr)_a g_aᵀ }
//! ```

use std::sync::Arc;

use ndarray::{Array1, Array2, Array3, Axis, s};
use rayon::prelude::*;

use super::super::cells::Cells;
use super::super::chunks::ROWS;
use super::super::error::StatsError;
use super::super::family::Family;
use super::super::levels::Levels;
use super::super::link::CellTerms;
use super::super::optimize::ValueGrad;
use super::super::quadrature::GaussHermite;
use super::super::sparse::Factor;
use super::super::terms::RandomTerm;
use super::{Detail, Likelihood, Scaling, TermDetail};

/// Newton steps for the modes before they are given up.
const MAX_NEWTON: usize = 100;
/// The step after which the modes are taken as found, right to about 1e-12 then: convergence is quadratic.
const LAST_STEP: f64 = 1e-6;

/// The rows in scaled coordinates, with the modes of the last evaluation as start of the next.
#[derive(Clone)]
pub(super) struct Blocked {
    levels: Arc<Levels>,
    x: Arc<Array2<f64>>,
    /// Columns of all terms behind each other (n×Σq).
    z: Arc<Array2<f64>>,
    trials: Array1<f64>,
    successes: Array1<f64>,
    offset: Option<Array1<f64>>,
    family: Family,
    warm: Array2<f64>,
}

/// Parameters at work.
struct Parameters {
    lambdas: Vec<Array2<f64>>,
    /// xᵀβ and the offset.
    fixed: Array1<f64>,
}

/// The rows at some u.
struct AtU {
    penalised: f64,
    terms: Vec<CellTerms>,
    /// Zᵀr (levels·q × 1).
    zr: Array2<f64>,
    /// Λᵀ Zᵀr − u.
    grad: Array2<f64>,
    /// C.
    c: Vec<f64>,
}

/// The rows at the modes.
struct AtModes<'s> {
    u: Array2<f64>,
    here: AtU,
    factor: Factor<'s>,
    log_lik: f64,
}

impl Blocked {
    pub fn new(cells: &Cells, terms: &[RandomTerm], family: Family, scaling: &Scaling) -> Result<Self, StatsError> {
        let n = cells.x.nrows();
        let levels = Levels::new(terms)?;
        let all: Vec<usize> = (0..n).collect();
        let mut z = Array2::zeros((n, terms.iter().map(RandomTerm::q).sum()));
        let mut first = 0;
        for (term, scales) in terms.iter().zip(&scaling.z) {
            z.slice_mut(s![.., first..first + term.q()]).assign(&(&term.z.to_held() / scales));
            first += term.q();
        }
        Ok(Self {
            x: Arc::new(scaling.whiten(cells.x, &all)),
            z: Arc::new(z),
            trials: cells.trials.to_owned(),
            successes: cells.successes.to_owned(),
            offset: cells.offset.map(|o| o.to_owned()),
            family,
            warm: Array2::zeros((levels.symbolic.n_rows(), 1)),
            levels: Arc::new(levels),
        })
    }

    fn parameters(&self, phi: &Array1<f64>) -> Option<Parameters> {
        let p = self.x.ncols();
        let mut fixed = self.x.dot(&phi.slice(s![..p]));
        if let Some(offset) = &self.offset {
            fixed += offset;
        }
        let theta = phi.slice(s![p..]).to_vec();
        Some(Parameters { lambdas: self.levels.lambdas(&theta), fixed })
    }

    /// zᵀb of a row.
    fn random(&self, row: usize, b: &Array2<f64>) -> f64 {
        let z = self.z.row(row);
        let mut z = z.iter();
        let mut sum = 0.0;
        for t in 0..self.levels.terms.len() {
            let at = self.levels.rows(self.levels.node(t, row));
            sum += at.zip(&mut z).map(|(k, z)| z * b[[k, 0]]).sum::<f64>();
        }
        sum
    }

    /// Zᵀv over all levels.
    fn z_transposed(&self, v: impl Fn(usize) -> f64) -> Array2<f64> {
        let mut out = Array2::zeros((self.levels.symbolic.n_rows(), 1));
        for row in 0..self.z.nrows() {
            let value = v(row);
            let mut z = self.z.row(row).into_iter();
            for t in 0..self.levels.terms.len() {
                for (k, z) in self.levels.rows(self.levels.node(t, row)).zip(&mut z) {
                    out[[k, 0]] += value * z;
                }
            }
        }
        out
    }

    fn evaluate_at(&self, at: &Parameters, u: &Array2<f64>) -> AtU {
        let b = self.levels.times_lambda(&at.lambdas, u, false);
        let n = self.z.nrows();
        let mut terms = vec![CellTerms::default(); n];
        let sums: Vec<f64> = terms
            .par_chunks_mut(ROWS)
            .enumerate()
            .map(|(chunk, terms)| {
                let mut sum = 0.0;
                for (i, to) in terms.iter_mut().enumerate() {
                    let row = chunk * ROWS + i;
                    let eta = at.fixed[row] + self.random(row, &b);
                    *to = self.family.cell(eta, self.trials[row], self.successes[row]);
                    sum += to.log_lik;
                }
                sum
            })
            .collect();
        let mut c = vec![0.0; self.levels.symbolic.n_values()];
        for (row, (cell, z)) in terms.iter().zip(self.z.rows()).enumerate() {
            self.levels.add_row(&mut c, row, z.to_slice().expect("rows of z are contiguous"), cell.weight);
        }
        let zr = self.z_transposed(|row| terms[row].score);
        let grad = self.levels.times_lambda(&at.lambdas, &zr, true) - u;
        let penalty: f64 = u.iter().map(|u| u * u).sum();
        AtU { penalised: sums.iter().sum::<f64>() - 0.5 * penalty, terms, zr, grad, c }
    }

    fn modes_from(&self, at: &Parameters, start: &Array2<f64>) -> Option<AtModes<'_>> {
        let mut u = start.clone();
        let mut here = self.evaluate_at(at, &u);
        if !here.penalised.is_finite() {
            u.fill(0.0);
            here = self.evaluate_at(at, &u);
        }
        for _ in 0..MAX_NEWTON {
            let factor = self.levels.symbolic.factor(&self.levels.m(&here.c, &at.lambdas))?;
            let mut step = here.grad.clone();
            factor.solve(&mut step);
            let largest = step.iter().fold(0.0_f64, |m, s| if s.is_nan() { f64::NAN } else { m.max(s.abs()) });
            if largest.is_nan() {
                return None;
            }
            let floor = here.penalised - 1e-13 * (1.0 + here.penalised.abs());
            let mut length = 1.0;
            loop {
                let next = &u + &(&step * length);
                let there = self.evaluate_at(at, &next);
                if there.penalised >= floor || largest < LAST_STEP {
                    (u, here) = (next, there);
                    break;
                }
                length *= 0.5;
                if length < 1e-12 {
                    return None;
                }
            }
            if largest < LAST_STEP {
                let factor = self.levels.symbolic.factor(&self.levels.m(&here.c, &at.lambdas))?;
                let log_lik = here.penalised - 0.5 * factor.log_det();
                return Some(AtModes { u, here, factor, log_lik });
            }
        }
        None
    }

    fn gradient(&self, at: &Parameters, modes: &AtModes) -> Array1<f64> {
        let inverse = modes.factor.inverse_on_pattern();
        let terms = &modes.here.terms;
        // ΛM⁻¹Λᵀ on the pattern, so that rows need not be multiplied by Λ.
        let spread = self.levels.sandwiched(&inverse, &at.lambdas);
        let mut alpha = vec![0.0; terms.len()];
        alpha.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, alpha)| {
            for (i, to) in alpha.iter_mut().enumerate() {
                let row = chunk * ROWS + i;
                let z = self.z.row(row).to_slice().expect("rows of z are contiguous");
                *to = -0.5 * self.levels.quadratic(&spread, row, z) * terms[row].weight_d1;
            }
        });
        let mut g = self.levels.times_lambda(&at.lambdas, &self.z_transposed(|row| alpha[row]), true);
        modes.factor.solve(&mut g);
        let b_g = self.levels.times_lambda(&at.lambdas, &g, false);
        let v: Array1<f64> = (0..terms.len())
            .map(|row| terms[row].score + alpha[row] - terms[row].weight * self.random(row, &b_g))
            .collect();
        let mut by_lambda = self.levels.by_log_det(&modes.here.c, &at.lambdas, &inverse);
        by_lambda.iter_mut().for_each(|by| *by *= -1.0);
        self.levels.add_products(&mut by_lambda, 1.0, &self.z_transposed(|row| v[row]), &modes.u);
        self.levels.add_products(&mut by_lambda, 1.0, &modes.here.zr, &g);
        self.x.t().dot(&v).into_iter().chain(self.levels.at_theta(&by_lambda)).collect()
    }

    /// ∂b̂/∂φ over all levels (levels·q × p+nθ).
    fn mode_jacobian(&self, at: &Parameters, modes: &AtModes) -> Array2<f64> {
        let (p, n) = (self.x.ncols(), self.levels.symbolic.n_rows());
        let places = self.levels.theta_places();
        // ∂Λ·u for each element of θ, and its share of ΛᵀZᵀr moved by ∂Λᵀ.
        let mut moved = Array2::zeros((n, p + places.len()));
        let mut direct = Array2::zeros((n, p + places.len()));
        for (k, place) in places.iter().enumerate() {
            for node in self.levels.terms[place.term].nodes.clone() {
                let first = self.levels.symbolic.offset(node);
                moved[[first + place.row, p + k]] = modes.u[[first + place.column, 0]];
                direct[[first + place.column, p + k]] = modes.here.zr[[first + place.row, 0]];
            }
        }
        let mut zw = self.levels.symbolic.multiply(&modes.here.c, &moved);
        for (column, x) in self.x.columns().into_iter().enumerate() {
            let by_beta = self.z_transposed(|row| modes.here.terms[row].weight * x[row]);
            zw.column_mut(column).assign(&by_beta.column(0));
        }
        let mut du = direct - self.levels.times_lambda(&at.lambdas, &zw, true);
        modes.factor.solve(&mut du);
        self.levels.times_lambda(&at.lambdas, &du, false) + moved
    }
}

impl Likelihood for Blocked {
    fn evaluate(&mut self, phi: &Array1<f64>, _: Option<&GaussHermite>) -> Option<ValueGrad> {
        let at = self.parameters(phi)?;
        let modes = self.modes_from(&at, &self.warm)?;
        let grad = -self.gradient(&at, &modes);
        let out = ValueGrad { value: -modes.log_lik, grad };
        self.warm = modes.u;
        Some(out)
    }

    fn modes(&self, phi: &Array1<f64>) -> Option<Vec<Array2<f64>>> {
        let at = self.parameters(phi)?;
        let modes = self.modes_from(&at, &self.warm)?;
        Some(self.levels.by_term(&self.levels.times_lambda(&at.lambdas, &modes.u, false)))
    }

    fn with_successes(&self, successes: &Array1<f64>) -> Self {
        Self { successes: successes.clone(), ..self.clone() }
    }

    /// Levels of several factors are not pieces of their own.
    fn with_copies(&self, _: &[f64]) -> Option<Self> {
        None
    }

    fn beyond_laplace(&self, _: &Array1<f64>, _: &GaussHermite) -> Option<ValueGrad> {
        None
    }

    fn detail(&self, phi: &Array1<f64>, _: Option<&GaussHermite>) -> Option<Detail> {
        let at = self.parameters(phi)?;
        let modes = self.modes_from(&at, &Array2::zeros((self.levels.symbolic.n_rows(), 1)))?;
        let inverse = modes.factor.inverse_on_pattern();
        let jacobian = self.mode_jacobian(&at, &modes);
        let b = self.levels.by_term(&self.levels.times_lambda(&at.lambdas, &modes.u, false));
        let mut terms = Vec::new();
        for (t, modes) in b.into_iter().enumerate() {
            let term = &self.levels.terms[t];
            let mut out = TermDetail {
                cond_var: Array3::zeros((modes.nrows(), term.q, term.q)),
                jacobian: Array3::zeros((modes.nrows(), term.q, phi.len())),
                modes,
            };
            for (j, node) in term.nodes.clone().enumerate() {
                let conditional = self.levels.conditional(&inverse, t, node, &at.lambdas[t]);
                out.cond_var.index_axis_mut(Axis(0), j).assign(&conditional);
                out.jacobian.index_axis_mut(Axis(0), j).assign(&jacobian.slice(s![self.levels.rows(node), ..]));
            }
            terms.push(out);
        }
        Some(Detail { log_lik: modes.log_lik, scores: None, terms })
    }
}
