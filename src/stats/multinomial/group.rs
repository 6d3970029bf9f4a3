//! One group of a multinomial model with random intercepts: their mode, the Laplace log-likelihood and its gradient.
//!
//! With η_i = (x_iᵀβ_c)_c + Λu in R^C, u ~ N(0, I), π_i the probabilities of categories 1..C, r_i = y_i − m_iπ_i,
//! H_i = m_i(diag π_i − π_iπ_iᵀ), sums R = Σr_i and H = ΣH_i over the cells, û the mode of Σℓ − ½uᵀu and
//! M = I + ΛᵀHΛ, all at û:
//!
//! ```text
//! log L = Σℓ(η̂) − ½ûᵀû − ½log|M|
//! K = ΛM⁻¹Λᵀ    d_i = diag K − 2Kπ_i    a_i = ½H_id_i    g = M⁻¹ΛᵀΣa_i    v_i = r_i − a_i + H_iΛg
//! ∂/∂β_c = Σ v_ic x_i    ∂/∂Λ = tril{ (Σv_i)ûᵀ − HΛM⁻¹ − Rgᵀ }
//! dû = M⁻¹(dΛᵀR − Λᵀ ΣH_i dη_i),   dη_i the change of η_i at fixed u
//! ```
//!
//! a_i is ∂(½log|M|)/∂η_i. The third derivative of the log-likelihood is ∂H_ab/∂η_c with
//! H_ab/m = δ_abπ_a − π_aπ_b and ∂π_a/∂η_c = π_a(δ_ac − π_c); contracted with ½K it gives
//! ½mπ_c(K_cc − 2(Kπ)_c − Σ_kπ_k(K_kk − 2(Kπ)_k)), which is ½H d. The terms in a and g carry the dependence of û and M
//! on the parameters, so this is the gradient of what is computed and not of its integrand.

use ndarray::{Array1, Array2};

use super::super::linalg::{Small, SmallCholesky};
use super::{Softmax, dot, linear_predictor};

/// Newton steps for a mode before it is given up.
const MAX_NEWTON: usize = 100;
/// The step after which the mode is taken as found: convergence is quadratic, so the mode is then right to about
/// 1e-16, and where the search started leaves no trace in the result.
const LAST_STEP: f64 = 1e-8;

/// The cells of a group.
#[derive(Clone, Copy)]
pub(super) struct GroupCells<'a, const C: usize> {
    /// Row-major n×p.
    pub x: &'a [f64],
    pub p: usize,
    /// Counts of categories 1..C.
    pub counts: &'a [[f64; C]],
    pub trials: &'a [f64],
}

/// Parameters of the model.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a, const C: usize> {
    /// By category (C·p).
    pub beta: &'a [f64],
    pub lambda: Small<C>,
    /// (row, column) in Λ of each element of θ.
    pub places: &'a [(usize, usize)],
}

impl<'a, const C: usize> Parameters<'a, C> {
    /// Splits φ = (β by category, θ).
    pub fn split(phi: &'a [f64], places: &'a [(usize, usize)]) -> Self {
        let (beta, theta) = phi.split_at(phi.len() - places.len());
        let mut lambda = [[0.0; C]; C];
        for ((row, column), value) in places.iter().zip(theta) {
            lambda[*row][*column] = *value;
        }
        Self { beta, lambda, places }
    }

    /// Λu.
    pub fn effects(&self, u: &[f64; C]) -> [f64; C] {
        std::array::from_fn(|k| (0..=k).map(|l| self.lambda[k][l] * u[l]).sum())
    }

    /// Λᵀv.
    fn spherical(&self, v: &[f64; C]) -> [f64; C] {
        std::array::from_fn(|k| (k..C).map(|l| self.lambda[l][k] * v[l]).sum())
    }

    /// AΛ.
    fn times_lambda(&self, a: &Small<C>) -> Small<C> {
        std::array::from_fn(|k| std::array::from_fn(|l| (l..C).map(|j| a[k][j] * self.lambda[j][l]).sum()))
    }

    /// M = I + ΛᵀHΛ.
    fn one_plus(&self, information: &Small<C>) -> Small<C> {
        let hl = self.times_lambda(information);
        std::array::from_fn(|k| {
            std::array::from_fn(|l| {
                let one = if k == l { 1.0 } else { 0.0 };
                one + (k..C).map(|j| self.lambda[j][k] * hl[j][l]).sum::<f64>()
            })
        })
    }

    /// K = ΛM⁻¹Λᵀ: the curvature-based variance of b = Λu at its mode.
    fn spread(&self, m_inverse: &Small<C>) -> Small<C> {
        let half: Small<C> = std::array::from_fn(|i| {
            std::array::from_fn(|l| (0..=i).map(|k| self.lambda[i][k] * m_inverse[k][l]).sum())
        });
        std::array::from_fn(|i| std::array::from_fn(|j| (0..=j).map(|l| half[i][l] * self.lambda[j][l]).sum()))
    }
}

/// A group at the mode of its random effects.
pub(super) struct AtMode<const C: usize> {
    pub u: [f64; C],
    pub log_lik: f64,
    m_inverse: Small<C>,
    /// R.
    score: [f64; C],
    /// H.
    information: Small<C>,
    probability: Vec<[f64; C]>,
}

/// The group at some u.
struct AtU<const C: usize> {
    penalised: f64,
    grad: [f64; C],
    m: Small<C>,
    score: [f64; C],
    information: Small<C>,
}

impl<'a, const C: usize> GroupCells<'a, C> {
    fn rows(&self) -> impl Iterator<Item = &'a [f64]> {
        self.x.chunks_exact(self.p)
    }

    /// Newton's method with step-halving on the penalised log-likelihood, which is strictly concave. `None` when the
    /// parameters are so far out that nothing finite can be computed.
    pub fn mode(&self, at: &Parameters<C>, start: [f64; C]) -> Option<AtMode<C>> {
        let offsets: Vec<[f64; C]> = self.rows().map(|x| linear_predictor(x, at.beta)).collect();
        let mut probability = vec![[0.0; C]; self.trials.len()];
        let mut u = start;
        let mut here = self.evaluate(at, &offsets, &u, &mut probability);
        if !here.penalised.is_finite() {
            u = [0.0; C];
            here = self.evaluate(at, &offsets, &u, &mut probability);
        }
        for _ in 0..MAX_NEWTON {
            let step = SmallCholesky::factor(&here.m)?.solve(here.grad);
            let largest = step.iter().fold(0.0_f64, |m, s| m.max(s.abs()));
            if step.iter().any(|s| s.is_nan()) {
                return None;
            }
            let floor = here.penalised - 1e-13 * (1.0 + here.penalised.abs());
            let mut length = 1.0;
            loop {
                let next: [f64; C] = std::array::from_fn(|k| u[k] + length * step[k]);
                let there = self.evaluate(at, &offsets, &next, &mut probability);
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
                let factor = SmallCholesky::factor(&here.m)?;
                return Some(AtMode {
                    u,
                    log_lik: here.penalised - 0.5 * factor.log_det(),
                    m_inverse: factor.inverse(),
                    score: here.score,
                    information: here.information,
                    probability,
                });
            }
        }
        None
    }

    /// All sums at `u`; the cells' probabilities go to `probability`.
    #[allow(clippy::needless_range_loop, reason = "indices as in the formula")]
    fn evaluate(&self, at: &Parameters<C>, offsets: &[[f64; C]], u: &[f64; C], probability: &mut [[f64; C]]) -> AtU<C> {
        let b = at.effects(u);
        let (mut log_lik, mut score, mut information) = (0.0, [0.0; C], [[0.0; C]; C]);
        for (i, offset) in offsets.iter().enumerate() {
            let (m, y) = (self.trials[i], &self.counts[i]);
            let eta: [f64; C] = std::array::from_fn(|c| offset[c] + b[c]);
            let cell = Softmax::at(&eta);
            log_lik += cell.log_lik(&eta, m, y);
            for a in 0..C {
                let expected = m * cell.probability[a];
                score[a] += y[a] - expected;
                for c in 0..a {
                    information[a][c] -= expected * cell.probability[c];
                }
                information[a][a] += expected * (1.0 - cell.probability[a]);
            }
            probability[i] = cell.probability;
        }
        for a in 0..C {
            for c in 0..a {
                information[c][a] = information[a][c];
            }
        }
        let spherical = at.spherical(&score);
        AtU {
            penalised: log_lik - 0.5 * dot(u, u),
            grad: std::array::from_fn(|k| spherical[k] - u[k]),
            m: at.one_plus(&information),
            score,
            information,
        }
    }

    /// ∂ log L/∂φ at the mode, φ = (β by category, θ).
    pub fn gradient(&self, at: &Parameters<C>, mode: &AtMode<C>) -> Array1<f64> {
        let k = at.spread(&mode.m_inverse);
        // ½d_i; then a_i = H_i(½d_i).
        let half_d = |pi: &[f64; C]| -> [f64; C] { std::array::from_fn(|c| 0.5 * k[c][c] - dot(&k[c], pi)) };
        let mut sum_a = [0.0; C];
        for (pi, m) in mode.probability.iter().zip(self.trials) {
            let a = information_times(*m, pi, &half_d(pi));
            (0..C).for_each(|c| sum_a[c] += a[c]);
        }
        let g = times(&mode.m_inverse, &at.spherical(&sum_a));
        let lambda_g = at.effects(&g);
        let mut grad = vec![0.0; at.beta.len() + at.places.len()];
        let (by_beta, by_theta) = grad.split_at_mut(at.beta.len());
        let mut sum_v = [0.0; C];
        for (i, (x, pi)) in self.rows().zip(&mode.probability).enumerate() {
            let (m, half_d) = (self.trials[i], half_d(pi));
            let through = information_times(m, pi, &std::array::from_fn(|c| lambda_g[c] - half_d[c]));
            for c in 0..C {
                let v = self.counts[i][c] - m * pi[c] + through[c];
                sum_v[c] += v;
                by_beta[c * self.p..(c + 1) * self.p].iter_mut().zip(x).for_each(|(to, x)| *to += v * x);
            }
        }
        let hl = at.times_lambda(&mode.information);
        for (to, (row, column)) in by_theta.iter_mut().zip(at.places) {
            let hlm: f64 = (0..C).map(|l| hl[*row][l] * mode.m_inverse[l][*column]).sum();
            *to = sum_v[*row] * mode.u[*column] - hlm - mode.score[*row] * g[*column];
        }
        Array1::from_vec(grad)
    }

    /// ∂b̂/∂φ (C×(C·p+nθ)) of b̂ = Λû.
    pub fn mode_jacobian(&self, at: &Parameters<C>, mode: &AtMode<C>) -> Array2<f64> {
        let p = self.p;
        // ΣH_i[·, c]·x_ik: how R falls with β_ck.
        let mut hx = Array2::<f64>::zeros((C, C * p));
        for ((x, pi), m) in self.rows().zip(&mode.probability).zip(self.trials) {
            for c in 0..C {
                let unit = std::array::from_fn(|a| if a == c { 1.0 } else { 0.0 });
                let h = information_times(*m, pi, &unit);
                for (a, h) in h.iter().enumerate() {
                    x.iter().enumerate().for_each(|(k, x)| hx[[a, c * p + k]] += h * x);
                }
            }
        }
        let mut jacobian = Array2::zeros((C, C * p + at.places.len()));
        let mut set = |column: usize, du: [f64; C], direct: [f64; C]| {
            let b = at.effects(&times(&mode.m_inverse, &du));
            (0..C).for_each(|k| jacobian[[k, column]] = b[k] + direct[k]);
        };
        for column in 0..C * p {
            let falls = at.spherical(&std::array::from_fn(|a| hx[[a, column]]));
            set(column, falls.map(|f| -f), [0.0; C]);
        }
        for (index, (row, column)) in at.places.iter().enumerate() {
            // dΛ = E(row, column): dΛᵀR puts R[row] in place `column`, dη = û[column] in `row`, and Λ itself moves.
            let direct: [f64; C] = std::array::from_fn(|k| if k == *row { mode.u[*column] } else { 0.0 });
            let falls = at.spherical(&times(&mode.information, &direct));
            let du = std::array::from_fn(|k| if k == *column { mode.score[*row] } else { 0.0 } - falls[k]);
            set(C * p + index, du, direct);
        }
        jacobian
    }
}

impl<const C: usize> AtMode<C> {
    /// ΛM⁻¹Λᵀ (C×C): variance of b around its mode for known parameters.
    pub fn conditional_variance(&self, at: &Parameters<C>) -> Array2<f64> {
        let k = at.spread(&self.m_inverse);
        Array2::from_shape_fn((C, C), |(i, j)| k[i][j])
    }
}

/// m(diag π − ππᵀ)v.
fn information_times<const C: usize>(m: f64, pi: &[f64; C], v: &[f64; C]) -> [f64; C] {
    let mean = dot(pi, v);
    std::array::from_fn(|c| m * pi[c] * (v[c] - mean))
}

fn times<const C: usize>(a: &Small<C>, v: &[f64; C]) -> [f64; C] {
    std::array::from_fn(|k| dot(&a[k], v))
}
