//! One level of a mixed model for counts: the mode of its random effects, its log-likelihood by Laplace's approximation
//! or adaptive Gauss–Hermite quadrature, and the exact gradient of what is computed.
//!
//! With Λ the relative factor, z̃ = Λᵀz, η = xᵀβ + z̃ᵀu, u ~ N(0, I), h(u) = Σℓ − ½uᵀu with its mode û, r = ℓ′, w = −ℓ″,
//! t = −ℓ‴ (at û where nothing else is said, all sums over the group's cells) and M = I + Z̃ᵀWZ̃ = CCᵀ. Over the K^q nodes
//! u_k = û + √2C⁻ᵀt_k with ω_k = Π w_d e^{t_d²}/√π of a Gauss–Hermite rule
//!
//! ```text
//! log L = log Σ_k ω_k e^{h(u_k)} − ½log|M|                      one node: Laplace
//! p_k = ω_k e^{h(u_k)}/Σ     ∇_k = h′(u_k) = Z̃ᵀr(u_k) − u_k     H = Σ_k p_k t_k∇_kᵀC⁻ᵀ
//! M̄ = −½M⁻¹ − √2 C⁻ᵀ sym(Φ(H)) C⁻¹                              Φ: lower triangle, diagonal halved
//! αᵢ = (z̃ᵢᵀM̄z̃ᵢ)tᵢ     ū = Σ_k p_k∇_k + Z̃ᵀα     g = M⁻¹ū
//! ∂/∂β = Xᵀ(Σ_k p_k r(u_k) + α − w∘(Z̃g))
//! ∂/∂Λ = tril{ Σ_k p_k Zᵀr(u_k)u_kᵀ + Zᵀ(α − w∘(Z̃g))ûᵀ + 2ZᵀWZ̃M̄ + Zᵀr gᵀ }
//! dû = M⁻¹(dZ̃ᵀr − Z̃ᵀW dη),   dη the change of η at fixed u
//! ```
//!
//! M̄ and ū are the adjoints of M and û: they carry the dependence of the nodes on the parameters, so this is the gradient
//! of the quadrature and not of its integrand (Stringer 2023 has the same derivative in another form). W is the observed
//! information, so the formulas serve any family with a concave log-likelihood.

use ndarray::{Array1, Array2};

use super::super::family::Family;
use super::super::linalg::{Small, SmallCholesky};
use super::super::link::CellTerms;
use super::super::quadrature::GaussHermite;

/// Newton steps for a mode before it is given up.
const MAX_NEWTON: usize = 100;
/// The step after which the mode is taken as found: convergence is quadratic, so the mode is then right to about 1e-12,
/// far below the steps by which a Hessian is differenced.
const LAST_STEP: f64 = 1e-6;

/// The cells of a group.
#[derive(Clone, Copy)]
pub(super) struct GroupCells<'a, const Q: usize> {
    /// Row-major n×p.
    pub x: &'a [f64],
    pub p: usize,
    pub z: &'a [[f64; Q]],
    pub trials: &'a [f64],
    pub successes: &'a [f64],
    /// Known part of η; empty where there is none.
    pub offset: &'a [f64],
    pub family: Family,
}

/// Parameters of the model.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a, const Q: usize> {
    pub beta: &'a [f64],
    pub lambda: Small<Q>,
    /// Where in Λ the elements of θ stand.
    pub places: &'a [(usize, usize)],
}

impl<'a, const Q: usize> Parameters<'a, Q> {
    /// Splits φ = (β, θ).
    pub fn split(phi: &'a [f64], places: &'a [(usize, usize)]) -> Self {
        let (beta, theta) = phi.split_at(phi.len() - places.len());
        let mut lambda = [[0.0; Q]; Q];
        for (&(row, column), value) in places.iter().zip(theta) {
            lambda[row][column] = *value;
        }
        Self { beta, lambda, places }
    }

    /// z̃ = Λᵀz.
    fn spherical(&self, z: &[f64; Q]) -> [f64; Q] {
        std::array::from_fn(|k| (k..Q).map(|l| z[l] * self.lambda[l][k]).sum())
    }
}

/// A group at the mode of its random effects.
pub(super) struct AtMode<const Q: usize> {
    pub u: [f64; Q],
    /// Laplace.
    pub log_lik: f64,
    /// C.
    factor: SmallCholesky<Q>,
    m_inverse: Small<Q>,
    terms: Vec<CellTerms>,
    /// xᵀβ and the offset.
    fixed: Vec<f64>,
}

/// Value and gradient over φ = (β, θ) of one group.
pub(super) struct GroupValue {
    pub log_lik: f64,
    pub grad: Array1<f64>,
}

/// A weighted sum over the nodes of the quadrature.
struct Nodes<const Q: usize> {
    log_lik: f64,
    /// Σ_k p_k r(u_k) (cells).
    score: Vec<f64>,
    /// Σ_k p_k Zᵀr(u_k)u_kᵀ.
    zru: Small<Q>,
    /// Σ_k p_k ∇_k.
    by_mode: [f64; Q],
    /// M̄.
    by_m: Small<Q>,
}

/// The first two derivatives of h.
struct Slope<const Q: usize> {
    grad: [f64; Q],
    m: Small<Q>,
}

/// The group at some u.
struct AtU<const Q: usize> {
    penalised: f64,
    grad: [f64; Q],
    m: Small<Q>,
}

impl<'a, const Q: usize> GroupCells<'a, Q> {
    fn rows(&self) -> impl Iterator<Item = &'a [f64]> {
        self.x.chunks_exact(self.p)
    }

    /// Newton's method with step-halving on the penalised log-likelihood h, which is strictly concave: a step is taken
    /// when the slope of h at its end is, in size, below nine tenths of that at its start, so that a search needs no
    /// logarithms; h itself is computed once, at the mode.
    ///
    /// Undamped steps diverge for groups with few rows and a large variance. `None` when the parameters are so far out
    /// that nothing finite can be computed.
    pub fn mode(&self, at: &Parameters<Q>, start: [f64; Q]) -> Option<AtMode<Q>> {
        let fixed = self.fixed(at.beta);
        let mut u = start;
        let mut here = self.slope(at, &fixed, &u);
        for _ in 0..MAX_NEWTON {
            let step = SmallCholesky::factor(&here.m)?.solve(here.grad);
            let largest = step.iter().fold(0.0_f64, |m, s| m.max(s.abs()));
            if largest.is_nan() {
                return None;
            }
            if largest < LAST_STEP {
                u = std::array::from_fn(|k| u[k] + step[k]);
                return self.settle(at, fixed, u);
            }
            let uphill = dot(&here.grad, &step);
            let mut length = 1.0;
            loop {
                let next: [f64; Q] = std::array::from_fn(|k| u[k] + length * step[k]);
                let there = self.slope(at, &fixed, &next);
                if dot(&there.grad, &step).abs() <= 0.9 * uphill {
                    (u, here) = (next, there);
                    break;
                }
                length *= 0.5;
                if length < 1e-12 {
                    return None;
                }
            }
        }
        None
    }

    /// Everything at the mode.
    fn settle(&self, at: &Parameters<Q>, fixed: Vec<f64>, u: [f64; Q]) -> Option<AtMode<Q>> {
        let mut terms = vec![CellTerms::default(); self.z.len()];
        let here = self.evaluate(at, &fixed, &u, &mut terms);
        let factor = SmallCholesky::factor(&here.m)?;
        let log_lik = here.penalised - 0.5 * factor.log_det();
        log_lik.is_finite().then(|| AtMode { u, log_lik, m_inverse: factor.inverse(), factor, terms, fixed })
    }

    /// h′ and M at u.
    fn slope(&self, at: &Parameters<Q>, fixed: &[f64], u: &[f64; Q]) -> Slope<Q> {
        // Λu once, so that a row costs q multiplications for η.
        let b = at.effects(u);
        let mut information = [[0.0; Q]; Q];
        let mut score = [0.0; Q];
        for (i, z) in self.z.iter().enumerate() {
            let cell = self.family.slope(fixed[i] + dot(z, &b), self.trials[i], self.successes[i]);
            for k in 0..Q {
                score[k] += cell.score * z[k];
                for l in 0..=k {
                    information[k][l] += cell.weight * z[k] * z[l];
                }
            }
        }
        let spherical_score = at.spherical(&score);
        Slope { grad: std::array::from_fn(|k| spherical_score[k] - u[k]), m: at.one_plus(&information) }
    }

    fn fixed(&self, beta: &[f64]) -> Vec<f64> {
        let mut eta: Vec<f64> = self.rows().map(|x| dot(x, beta)).collect();
        eta.iter_mut().zip(self.offset).for_each(|(eta, o)| *eta += o);
        eta
    }

    fn evaluate(&self, at: &Parameters<Q>, fixed: &[f64], u: &[f64; Q], terms: &mut [CellTerms]) -> AtU<Q> {
        // Λu once, so that a row costs q multiplications for η.
        let b = at.effects(u);
        let mut information = [[0.0; Q]; Q];
        let mut score = [0.0; Q];
        let mut log_lik = 0.0;
        for (i, z) in self.z.iter().enumerate() {
            let eta = fixed[i] + dot(z, &b);
            let cell = self.family.cell(eta, self.trials[i], self.successes[i]);
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

    /// log L and ∂log L/∂φ with the nodes of `rule` in each dimension; Laplace without a rule.
    pub fn value(&self, at: &Parameters<Q>, mode: &AtMode<Q>, rule: Option<&GaussHermite>) -> GroupValue {
        let nodes = rule.map_or_else(|| self.laplace(mode), |rule| self.nodes(at, mode, rule));
        let mut alpha = Vec::with_capacity(self.z.len());
        let mut by_mode = nodes.by_mode;
        let mut zr = [0.0; Q];
        let mut zwz = [[0.0; Q]; Q];
        for (z, cell) in self.z.iter().zip(&mode.terms) {
            let spherical = at.spherical(z);
            let a = quadratic(&nodes.by_m, &spherical) * cell.weight_d1;
            alpha.push(a);
            for k in 0..Q {
                by_mode[k] += a * spherical[k];
                zr[k] += cell.score * z[k];
                for l in 0..Q {
                    zwz[k][l] += cell.weight * z[k] * spherical[l];
                }
            }
        }
        let g = times(&mode.m_inverse, &by_mode);
        let mut grad = vec![0.0; at.beta.len() + at.places.len()];
        let (by_beta, by_theta) = grad.split_at_mut(at.beta.len());
        let mut zv = [0.0; Q];
        for (i, (x, z)) in self.rows().zip(self.z).enumerate() {
            let through_mode = alpha[i] - mode.terms[i].weight * dot(&at.spherical(z), &g);
            let v = nodes.score.get(i).unwrap_or(&mode.terms[i].score) + through_mode;
            by_beta.iter_mut().zip(x).for_each(|(to, x)| *to += v * x);
            zv.iter_mut().zip(z).for_each(|(to, z)| *to += through_mode * z);
        }
        for (to, &(row, column)) in by_theta.iter_mut().zip(at.places) {
            let zwzm: f64 = (0..Q).map(|l| zwz[row][l] * nodes.by_m[l][column]).sum();
            let direct = if rule.is_some() { nodes.zru[row][column] } else { zr[row] * mode.u[column] };
            *to = direct + zv[row] * mode.u[column] + 2.0 * zwzm + zr[row] * g[column];
        }
        GroupValue { log_lik: nodes.log_lik, grad: Array1::from_vec(grad) }
    }

    /// One node at the mode, where h′ is zero; its scores stand in the mode's terms.
    fn laplace(&self, mode: &AtMode<Q>) -> Nodes<Q> {
        let by_m = std::array::from_fn(|k| std::array::from_fn(|l| -0.5 * mode.m_inverse[k][l]));
        let score = Vec::new();
        Nodes { log_lik: mode.log_lik, score, zru: [[0.0; Q]; Q], by_mode: [0.0; Q], by_m }
    }

    fn nodes(&self, at: &Parameters<Q>, mode: &AtMode<Q>, rule: &GaussHermite) -> Nodes<Q> {
        let grid = grid::<Q>(rule);
        let mut terms = vec![CellTerms::default(); self.z.len()];
        let there = |t: &[f64; Q]| -> [f64; Q] {
            let step = mode.factor.backward(*t);
            std::array::from_fn(|k| mode.u[k] + std::f64::consts::SQRT_2 * step[k])
        };
        let logs: Vec<f64> = grid
            .iter()
            .map(|node| node.log_weight + self.evaluate(at, &mode.fixed, &there(&node.t), &mut terms).penalised)
            .collect();
        let largest = logs.iter().fold(f64::NEG_INFINITY, |m, &l| m.max(l));
        let total: f64 = logs.iter().map(|l| (l - largest).exp()).sum();
        let mut out = Nodes {
            log_lik: largest + total.ln() - 0.5 * mode.factor.log_det(),
            score: vec![0.0; self.z.len()],
            zru: [[0.0; Q]; Q],
            by_mode: [0.0; Q],
            by_m: [[0.0; Q]; Q],
        };
        let mut t_by = [[0.0; Q]; Q];
        for (node, log) in grid.iter().zip(&logs) {
            let share = (log - largest).exp() / total;
            let u = there(&node.t);
            let here = self.evaluate(at, &mode.fixed, &u, &mut terms);
            let mut zr = [0.0; Q];
            for ((cell, z), to) in terms.iter().zip(self.z).zip(&mut out.score) {
                *to += share * cell.score;
                zr.iter_mut().zip(z).for_each(|(to, z)| *to += cell.score * z);
            }
            for k in 0..Q {
                out.by_mode[k] += share * here.grad[k];
                for l in 0..Q {
                    out.zru[k][l] += share * zr[k] * u[l];
                    t_by[k][l] += share * node.t[k] * here.grad[l];
                }
            }
        }
        out.by_m = by_m(mode, &t_by);
        out
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
        let mut jacobian = Array2::zeros((Q, p + at.places.len()));
        let mut set = |column: usize, du: [f64; Q], direct: [f64; Q]| {
            let b = at.effects(&times(&mode.m_inverse, &du));
            (0..Q).for_each(|k| jacobian[[k, column]] = b[k] + direct[k]);
        };
        for column in 0..p {
            set(column, std::array::from_fn(|k| -zwx[[k, column]]), [0.0; Q]);
        }
        for (index, &(row, column)) in at.places.iter().enumerate() {
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

/// A node of the product rule.
struct Node<const Q: usize> {
    t: [f64; Q],
    /// log ω.
    log_weight: f64,
}

/// All K^Q nodes, the first dimension slowest.
fn grid<const Q: usize>(rule: &GaussHermite) -> Vec<Node<Q>> {
    let k = rule.nodes.len();
    let node = |index: usize| {
        let mut rest = index;
        let mut node = Node { t: [0.0; Q], log_weight: 0.0 };
        for d in (0..Q).rev() {
            let t = rule.nodes[rest % k];
            node.t[d] = t;
            node.log_weight += rule.weights[rest % k].ln() + t * t - 0.5 * std::f64::consts::PI.ln();
            rest /= k;
        }
        node
    };
    (0..k.pow(Q as u32)).map(node).collect()
}

/// M̄ = −½M⁻¹ − √2 C⁻ᵀ sym(Φ(H)) C⁻¹ with H = (Σ p_k t_k∇_kᵀ)C⁻ᵀ.
fn by_m<const Q: usize>(mode: &AtMode<Q>, t_by: &Small<Q>) -> Small<Q> {
    // Row k of H is C⁻¹ times row k of Σ t∇ᵀ.
    let h: Small<Q> = std::array::from_fn(|k| mode.factor.forward(t_by[k]));
    // sym(Φ(H)) has ½h on the diagonal, and half the element below it beside it.
    let phi: Small<Q> = std::array::from_fn(|k| std::array::from_fn(|l| 0.5 * h[k.max(l)][k.min(l)]));
    let left: Small<Q> = std::array::from_fn(|k| mode.factor.backward(phi[k]));
    // left = sym(Φ)C⁻¹ by rows, so C⁻ᵀ is applied to its columns.
    let mut out = [[0.0; Q]; Q];
    for l in 0..Q {
        let column = mode.factor.backward(std::array::from_fn(|k| left[k][l]));
        for k in 0..Q {
            out[k][l] = -0.5 * mode.m_inverse[k][l] - std::f64::consts::SQRT_2 * column[k];
        }
    }
    out
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
