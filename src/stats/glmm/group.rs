//! One group of a binomial mixed model: the mode of its random effects, its Laplace log-likelihood and the gradient.
//!
//! With Λ the relative factor, z̃ = Λᵀz, η = xᵀβ + z̃ᵀu, u ~ N(0, I), û the mode of Σℓ − ½uᵀu, r = ℓ′, w = −ℓ″,
//! t = −ℓ‴ at û (all sums over the group's cells) and M = I + Z̃ᵀWZ̃:
//!
//! ```text
//! log L = Σℓ(η̂) − ½ûᵀû − ½log|M|
//! cᵢ = z̃ᵢᵀM⁻¹z̃ᵢ    aᵢ = ½cᵢtᵢ    g = M⁻¹Z̃ᵀa    v = r − a + w∘(Z̃g)
//! ∂/∂β = Xᵀv        ∂/∂Λ = tril{ Zᵀv ûᵀ − ZᵀWZ̃M⁻¹ − Zᵀr gᵀ }
//! dû = M⁻¹(dZ̃ᵀr − Z̃ᵀW dη),   dη the change of η at fixed u
//! ```
//!
//! The terms in a and g carry the dependence of û and M on the parameters, so this is the gradient of what is
//! computed and not of its integrand. W is the observed information, so the formulas serve any link with a concave
//! log-likelihood.

use ndarray::{Array1, Array2};

use super::super::lambda::{n_theta, positions};
use super::super::linalg::{Small, SmallCholesky};
use super::super::link::{CellTerms, Link};

/// Newton steps for a mode before it is given up.
const MAX_NEWTON: usize = 100;
/// The step after which the mode is taken as found: convergence is quadratic, so the mode is then right to about
/// 1e-16, and where the search started leaves no trace in the result.
const LAST_STEP: f64 = 1e-8;

/// The cells of a group.
#[derive(Clone, Copy)]
pub(super) struct GroupCells<'a, const Q: usize> {
    /// Row-major n×p.
    pub x: &'a [f64],
    pub z: &'a [[f64; Q]],
    pub trials: &'a [f64],
    pub successes: &'a [f64],
    pub link: Link,
}

/// Parameters of the model.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a, const Q: usize> {
    pub beta: &'a [f64],
    pub lambda: Small<Q>,
}

impl<'a, const Q: usize> Parameters<'a, Q> {
    /// Splits φ = (β, θ).
    pub fn split(phi: &'a [f64]) -> Self {
        let (beta, theta) = phi.split_at(phi.len() - n_theta(Q));
        let mut lambda = [[0.0; Q]; Q];
        for ((row, column), value) in positions(Q).zip(theta) {
            lambda[row][column] = *value;
        }
        Self { beta, lambda }
    }

    /// z̃ = Λᵀz.
    fn spherical(&self, z: &[f64; Q]) -> [f64; Q] {
        std::array::from_fn(|k| (k..Q).map(|l| z[l] * self.lambda[l][k]).sum())
    }
}

/// A group at the mode of its random effects.
pub(super) struct AtMode<const Q: usize> {
    pub u: [f64; Q],
    pub log_lik: f64,
    m_inverse: Small<Q>,
    terms: Vec<CellTerms>,
}

/// The group at some u.
struct AtU<const Q: usize> {
    penalised: f64,
    grad: [f64; Q],
    m: Small<Q>,
}

impl<'a, const Q: usize> GroupCells<'a, Q> {
    fn rows(&self) -> impl Iterator<Item = &'a [f64]> {
        self.x.chunks_exact(self.x.len() / self.z.len().max(1))
    }

    /// Newton's method with step-halving on the penalised log-likelihood, which is strictly concave.
    ///
    /// Undamped steps diverge for groups with few rows and a large variance. `None` when the parameters are so far out
    /// that nothing finite can be computed.
    pub fn mode(&self, at: &Parameters<Q>, start: [f64; Q]) -> Option<AtMode<Q>> {
        let offsets: Vec<f64> = self.rows().map(|x| dot(x, at.beta)).collect();
        let mut terms = vec![CellTerms::default(); self.z.len()];
        let mut u = start;
        let mut here = self.evaluate(at, &offsets, &u, &mut terms);
        if !here.penalised.is_finite() {
            u = [0.0; Q];
            here = self.evaluate(at, &offsets, &u, &mut terms);
        }
        for _ in 0..MAX_NEWTON {
            let factor = SmallCholesky::factor(&here.m)?;
            let step = factor.solve(here.grad);
            let largest = step.iter().fold(0.0_f64, |m, s| m.max(s.abs()));
            if largest.is_nan() {
                return None;
            }
            let floor = here.penalised - 1e-13 * (1.0 + here.penalised.abs());
            let mut length = 1.0;
            loop {
                let next: [f64; Q] = std::array::from_fn(|k| u[k] + length * step[k]);
                let there = self.evaluate(at, &offsets, &next, &mut terms);
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
                let log_lik = here.penalised - 0.5 * factor.log_det();
                return Some(AtMode { u, log_lik, m_inverse: factor.inverse(), terms });
            }
        }
        None
    }

    fn evaluate(&self, at: &Parameters<Q>, offsets: &[f64], u: &[f64; Q], terms: &mut [CellTerms]) -> AtU<Q> {
        // Λu once, so that a row costs q multiplications for η.
        let b = at.effects(u);
        let mut information = [[0.0; Q]; Q];
        let mut score = [0.0; Q];
        let mut log_lik = 0.0;
        for (i, z) in self.z.iter().enumerate() {
            let eta = offsets[i] + dot(z, &b);
            let cell = self.link.cell(eta, self.trials[i], self.successes[i]);
            log_lik += cell.log_lik;
            for k in 0..Q {
                score[k] += cell.score * z[k];
                for l in 0..=k {
                    information[k][l] += cell.weight * z[k] * z[l];
                }
            }
            terms[i] = cell;
        }
        let spherical_score = at.spherical(&score);
        AtU {
            penalised: log_lik - 0.5 * dot(u, u),
            grad: std::array::from_fn(|k| spherical_score[k] - u[k]),
            m: at.one_plus(&information),
        }
    }

    /// ∂ log L/∂φ at the mode, φ = (β, θ).
    pub fn gradient(&self, at: &Parameters<Q>, mode: &AtMode<Q>) -> Array1<f64> {
        let m_inverse = &mode.m_inverse;
        let mut za = [0.0; Q];
        let mut zr = [0.0; Q];
        let mut zwz = [[0.0; Q]; Q];
        let mut half_ct = Vec::with_capacity(self.z.len());
        for (z, cell) in self.z.iter().zip(&mode.terms) {
            let spherical = at.spherical(z);
            let a = 0.5 * quadratic(m_inverse, &spherical) * cell.weight_d1;
            half_ct.push(a);
            for k in 0..Q {
                za[k] += a * spherical[k];
                zr[k] += cell.score * z[k];
                for l in 0..Q {
                    zwz[k][l] += cell.weight * z[k] * spherical[l];
                }
            }
        }
        let g = times(m_inverse, &za);
        let mut grad = vec![0.0; at.beta.len() + n_theta(Q)];
        let (by_beta, by_theta) = grad.split_at_mut(at.beta.len());
        let mut zv = [0.0; Q];
        for (((x, z), cell), a) in self.rows().zip(self.z).zip(&mode.terms).zip(&half_ct) {
            let v = cell.score - a + cell.weight * dot(&at.spherical(z), &g);
            by_beta.iter_mut().zip(x).for_each(|(to, x)| *to += v * x);
            zv.iter_mut().zip(z).for_each(|(to, z)| *to += v * z);
        }
        for (to, (row, column)) in by_theta.iter_mut().zip(positions(Q)) {
            let zwzm: f64 = (0..Q).map(|l| zwz[row][l] * m_inverse[l][column]).sum();
            *to = zv[row] * mode.u[column] - zwzm - zr[row] * g[column];
        }
        Array1::from_vec(grad)
    }

    /// ∂b̂/∂φ (q×(p+nθ)) of b̂ = Λû.
    pub fn mode_jacobian(&self, at: &Parameters<Q>, mode: &AtMode<Q>) -> Array2<f64> {
        let p = at.beta.len();
        let mut zwx = Array2::<f64>::zeros((Q, p));
        let mut zwz = [[0.0; Q]; Q];
        let mut zr = [0.0; Q];
        for ((x, z), cell) in self.rows().zip(self.z).zip(&mode.terms) {
            let spherical = at.spherical(z);
            for k in 0..Q {
                zwx.row_mut(k).iter_mut().zip(x).for_each(|(to, x)| *to += cell.weight * spherical[k] * x);
                zr[k] += cell.score * z[k];
                for l in 0..Q {
                    zwz[k][l] += cell.weight * spherical[k] * z[l];
                }
            }
        }
        let mut jacobian = Array2::zeros((Q, p + n_theta(Q)));
        let mut set = |column: usize, du: [f64; Q], direct: [f64; Q]| {
            let b = at.effects(&times(&mode.m_inverse, &du));
            (0..Q).for_each(|k| jacobian[[k, column]] = b[k] + direct[k]);
        };
        for column in 0..p {
            set(column, std::array::from_fn(|k| -zwx[[k, column]]), [0.0; Q]);
        }
        for (index, (row, column)) in positions(Q).enumerate() {
            // dΛ = E(row, column): dZ̃ᵀr puts zr[row] in place `column`, dη = z[row]·û[column], and Λ itself moves.
            let du = std::array::from_fn(|k| {
                let through_z = if k == column { zr[row] } else { 0.0 };
                through_z - zwz[k][row] * mode.u[column]
            });
            let direct = std::array::from_fn(|k| if k == row { mode.u[column] } else { 0.0 });
            set(p + index, du, direct);
        }
        jacobian
    }
}

impl<const Q: usize> Parameters<'_, Q> {
    /// b = Λu.
    pub fn effects(&self, u: &[f64; Q]) -> [f64; Q] {
        std::array::from_fn(|k| (0..=k).map(|l| self.lambda[k][l] * u[l]).sum())
    }

    /// I + Λᵀ A Λ for a symmetric A of which the lower triangle is given.
    #[allow(clippy::needless_range_loop, reason = "indices as in the formula")]
    fn one_plus(&self, lower: &Small<Q>) -> Small<Q> {
        let full: Small<Q> =
            std::array::from_fn(|k| std::array::from_fn(|l| if l <= k { lower[k][l] } else { lower[l][k] }));
        let mut out = [[0.0; Q]; Q];
        for a in 0..Q {
            for b in 0..Q {
                let mut sum = if a == b { 1.0 } else { 0.0 };
                for k in a..Q {
                    for l in b..Q {
                        sum += self.lambda[k][a] * full[k][l] * self.lambda[l][b];
                    }
                }
                out[a][b] = sum;
            }
        }
        out
    }

    /// ΛM⁻¹Λᵀ (q×q): the curvature-based variance of b at its mode.
    pub fn conditional_variance(&self, mode: &AtMode<Q>) -> Array2<f64> {
        Array2::from_shape_fn((Q, Q), |(i, j)| {
            let mut sum = 0.0;
            for k in 0..=i {
                for l in 0..=j {
                    sum += self.lambda[i][k] * mode.m_inverse[k][l] * self.lambda[j][l];
                }
            }
            sum
        })
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times<const Q: usize>(m: &Small<Q>, v: &[f64; Q]) -> [f64; Q] {
    std::array::from_fn(|k| dot(&m[k], v))
}

fn quadratic<const Q: usize>(m: &Small<Q>, v: &[f64; Q]) -> f64 {
    dot(&times(m, v), v)
}
