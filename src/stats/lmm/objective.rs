//! The profiled deviance of a linear mixed model and its gradient, from cross-products.
//!
//! Outer groups j with Ω₂ = Λ₂Λ₂ᵀ, inner units with Ω₁ = Λ₁Λ₁ᵀ (both relative to σ²). S_j = WᵀV₁⁻¹W of group j over
//! W = [Z X y], in blocks ZZ, ZD, DD with D = [X y]; t, s, F the like for Zᵀ… :
//!
//! ```text
//! M_j = I + Λ₂ᵀZZ_jΛ₂        P_j = Λ₂M_j⁻¹Λ₂ᵀ        RRᵀ = Σ_j (DD_j − ZD_jᵀP_jZD_j)
//! R's last diagonal is r, its leading p×p block the factor of A = XᵀV⁻¹X; β̂ = A⁻¹XᵀV⁻¹y
//! ML:   d = Σ_k N_k log|I+Λ₁ᵀC_kΛ₁| + Σ_j log|M_j| + n(1 + log(2πr²/n))
//! REML: n becomes n−p, and log|A| is added
//! ```
//!
//! β and σ are profiled out, so by the envelope theorem only the explicit dependence on Ω counts. With
//! b_j = P_j t_j, t_j = Zᵀ(y−Xβ̂), s_j = t_j − ZZ_jb_j = ZᵀV⁻¹e, F_j = ZX_j − ZZ_jP_jZX_j, T_j = ZZ_j − ZZ_jP_jZZ_j:
//!
//! ```text
//! ∂d/∂Ω₂ = Σ_j T_j − (n/r²) s_js_jᵀ − [REML] F_jA⁻¹F_jᵀ
//! G_j = ∂d/∂S_j = P_j (in the ZZ block) + (n/r²) c_jc_jᵀ + [REML] D_jA⁻¹D_jᵀ,
//!       c_j = [−b_j; −β̂; 1],  D_j = [−P_jZX_j; I; 0]
//! Γ_k[a,b] = −Σ_j ⟨G_j, Q_jk^{ab}⟩        H_k = I − B_kC_k
//! ∂d/∂Ω₁ = Σ_k N_k(C_k − C_kB_kC_k) + H_kᵀΓ_kH_k        ∂d/∂Λ = 2(∂d/∂Ω)Λ, lower triangle
//! ```
//!
//! The search minimises d/2, so that its curvature is that of the log-likelihood.

use std::f64::consts::PI;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use rayon::prelude::*;

use super::super::crossprod::{CrossProducts, GroupProducts, pairs};
use super::super::glm::add_outer;
use super::super::lambda::{from_theta, n_theta, positions};
use super::super::linalg::{Cholesky, NotPositive};
use super::super::optimize::ValueGrad;

/// Cross-products and sizes of a problem.
pub(super) struct Objective {
    pub products: CrossProducts,
    /// Random effects of the outer level.
    pub q_outer: usize,
    /// Random effects of the inner level; 0 without one.
    pub q_inner: usize,
    /// Fixed effects.
    pub p: usize,
    /// Rows.
    pub n: f64,
    /// Restricted likelihood?
    pub reml: bool,
}

/// The two relative covariance factors.
pub(super) struct Lambdas {
    pub outer: Array2<f64>,
    pub inner: Array2<f64>,
}

/// Everything that one θ determines.
pub(super) struct AtTheta {
    pub lambdas: Lambdas,
    /// One per outer group.
    pub groups: Vec<GroupAt>,
    /// B_k and log|I + Λ₁ᵀC_kΛ₁|.
    patterns: Vec<PatternAt>,
    pub beta: Array1<f64>,
    /// A = XᵀV⁻¹X, factored.
    pub a: Cholesky,
    /// Squared residual norm; σ̂² = r²/dof.
    pub r2: f64,
    /// d.
    pub deviance: f64,
}

/// An outer group at θ.
pub(super) struct GroupAt {
    /// S_j (m×m).
    s: Array2<f64>,
    /// P_j (q₂×q₂).
    pub p: Array2<f64>,
    log_det: f64,
}

struct PatternAt {
    b: Array2<f64>,
    log_det: f64,
}

impl GroupAt {
    fn new(s: Array2<f64>, lambda: &Array2<f64>) -> Result<Self, NotPositive> {
        let q = lambda.nrows();
        let shrunk = shrink(lambda, s.slice(s![..q, ..q]))?;
        Ok(Self { s, p: shrunk.b, log_det: shrunk.log_det })
    }

    pub fn zz(&self) -> ArrayView2<'_, f64> {
        let q = self.p.nrows();
        self.s.slice(s![..q, ..q])
    }

    /// Zᵀ…X.
    pub fn zx(&self) -> ArrayView2<'_, f64> {
        let (q, m) = (self.p.nrows(), self.s.nrows());
        self.s.slice(s![..q, q..m - 1])
    }

    fn zy(&self) -> ArrayView1<'_, f64> {
        let (q, m) = (self.p.nrows(), self.s.nrows());
        self.s.slice(s![..q, m - 1])
    }

    /// DD − ZDᵀ P ZD.
    fn reduced(&self) -> Array2<f64> {
        let q = self.p.nrows();
        let zd = self.s.slice(s![..q, q..]);
        &self.s.slice(s![q.., q..]) - &zd.t().dot(&self.p).dot(&zd)
    }

    /// Zᵀ(y − Xβ).
    fn t(&self, beta: &Array1<f64>) -> Array1<f64> {
        &self.zy() - &self.zx().dot(beta)
    }

    /// b̂ = P Zᵀ(y − Xβ).
    pub fn mode(&self, beta: &Array1<f64>) -> Array1<f64> {
        self.p.dot(&self.t(beta))
    }
}

/// Λ(I + ΛᵀCΛ)⁻¹Λᵀ and log|I + ΛᵀCΛ|.
fn shrink(lambda: &Array2<f64>, c: ArrayView2<f64>) -> Result<PatternAt, NotPositive> {
    let m = lambda.t().dot(&c).dot(lambda) + Array2::<f64>::eye(lambda.nrows());
    let factor = Cholesky::factor(m.view())?;
    let half = factor.forward_columns(lambda.t());
    Ok(PatternAt { b: half.t().dot(&half), log_det: factor.log_det() })
}

impl Objective {
    /// n, or n − p for REML.
    pub fn dof(&self) -> f64 {
        if self.reml { self.n - self.p as f64 } else { self.n }
    }

    /// Λ₂ and Λ₁ from θ = (outer, inner).
    pub fn lambdas(&self, theta: &Array1<f64>) -> Lambdas {
        let theta = theta.to_vec();
        let (outer, inner) = theta.split_at(n_theta(self.q_outer));
        Lambdas { outer: from_theta(self.q_outer, outer), inner: from_theta(self.q_inner, inner) }
    }

    /// Solves for β and σ at θ. `None` where something is not finite or not positive.
    pub fn at(&self, theta: &Array1<f64>) -> Option<AtTheta> {
        let lambdas = self.lambdas(theta);
        let patterns: Vec<PatternAt> =
            self.products.patterns.iter().map(|k| shrink(&lambdas.inner, k.c.view()).ok()).collect::<Option<_>>()?;
        let groups: Option<Vec<GroupAt>> = self
            .products
            .groups
            .par_iter()
            .map(|group| GroupAt::new(self.s(group, &patterns), &lambdas.outer).ok())
            .collect();
        let groups = groups?;
        let mut dd = Array2::zeros((self.p + 1, self.p + 1));
        let mut log_det = 0.0;
        for group in &groups {
            dd += &group.reduced();
            log_det += group.log_det;
        }
        for (pattern, k) in patterns.iter().zip(&self.products.patterns) {
            log_det += k.units * pattern.log_det;
        }
        let r = Cholesky::factor(dd.view()).ok()?;
        let r2 = r.lower()[[self.p, self.p]].powi(2);
        let a = Cholesky::factor(dd.slice(s![..self.p, ..self.p])).ok()?;
        let dof = self.dof();
        let restricted = if self.reml { a.log_det() } else { 0.0 };
        Some(AtTheta {
            beta: a.solve(dd.slice(s![..self.p, self.p])),
            deviance: log_det + restricted + dof * (1.0 + (2.0 * PI * r2 / dof).ln()),
            lambdas,
            groups,
            patterns,
            a,
            r2,
        })
    }

    /// S_j = ΣWᵀW − Σ_k Σ_ab B_k[a,b] Q^{ab}.
    fn s(&self, group: &GroupProducts, patterns: &[PatternAt]) -> Array2<f64> {
        let mut s = group.ww.clone();
        for part in &group.by_pattern {
            let b = &patterns[part.pattern].b;
            for (q, (row, column)) in part.q.iter().zip(pairs(self.q_inner)) {
                s.scaled_add(-twice_off_diagonal(row, column) * b[[row, column]], q);
            }
        }
        s
    }

    /// d/2 and its gradient in θ.
    pub fn evaluate(&self, theta: &Array1<f64>) -> Option<ValueGrad> {
        let at = self.at(theta)?;
        let a_inverse = at.a.inverse();
        let shares: Vec<GroupShare> =
            at.groups.par_iter().zip(&self.products.groups).map(|(g, w)| self.share(&at, g, w, &a_inverse)).collect();
        let mut by_outer = Array2::zeros((self.q_outer, self.q_outer));
        let mut gamma = vec![Array2::<f64>::zeros((self.q_inner, self.q_inner)); at.patterns.len()];
        for (share, group) in shares.iter().zip(&self.products.groups) {
            by_outer += &share.by_omega;
            for (part, values) in group.by_pattern.iter().zip(&share.gamma) {
                gamma[part.pattern] -= values;
            }
        }
        let mut grad = half_by_theta(&by_outer, &at.lambdas.outer);
        grad.extend(half_by_theta(&self.by_inner(&at, &gamma), &at.lambdas.inner));
        Some(ValueGrad { value: 0.5 * at.deviance, grad: Array1::from_vec(grad) })
    }

    fn share(&self, at: &AtTheta, group: &GroupAt, products: &GroupProducts, a_inverse: &Array2<f64>) -> GroupShare {
        let (zz, zx) = (group.zz(), group.zx());
        let mode = group.mode(&at.beta);
        let residual = group.t(&at.beta) - zz.dot(&mode);
        let precision = self.dof() / at.r2;
        let mut by_omega = &zz - &zz.dot(&group.p).dot(&zz);
        add_outer(&mut by_omega, -precision, residual.view());
        let pzx = group.p.dot(&zx);
        if self.reml {
            let f = &zx - &zz.dot(&pzx);
            by_omega -= &f.dot(a_inverse).dot(&f.t());
        }
        let gamma = if products.by_pattern.is_empty() {
            Vec::new()
        } else {
            let g = self.by_s(at, group, &mode, &pzx, a_inverse);
            products.by_pattern.iter().map(|part| inner_products(&g, &part.q, self.q_inner)).collect()
        };
        GroupShare { by_omega, gamma }
    }

    /// G_j = ∂d/∂S_j.
    fn by_s(
        &self,
        at: &AtTheta,
        group: &GroupAt,
        mode: &Array1<f64>,
        pzx: &Array2<f64>,
        a_inverse: &Array2<f64>,
    ) -> Array2<f64> {
        let (q, p, m) = (self.q_outer, self.p, group.s.nrows());
        let mut g = Array2::zeros((m, m));
        g.slice_mut(s![..q, ..q]).assign(&group.p);
        let mut c = Array1::ones(m);
        c.slice_mut(s![..q]).assign(&-mode);
        c.slice_mut(s![q..q + p]).assign(&-&at.beta);
        add_outer(&mut g, self.dof() / at.r2, c.view());
        if self.reml {
            let mut d = Array2::zeros((m, p));
            d.slice_mut(s![..q, ..]).assign(&-pzx);
            d.slice_mut(s![q..q + p, ..]).assign(&Array2::eye(p));
            g += &d.dot(a_inverse).dot(&d.t());
        }
        g
    }

    /// ∂d/∂Ω₁.
    fn by_inner(&self, at: &AtTheta, gamma: &[Array2<f64>]) -> Array2<f64> {
        let mut sum = Array2::zeros((self.q_inner, self.q_inner));
        for ((pattern, k), gamma) in at.patterns.iter().zip(&self.products.patterns).zip(gamma) {
            let c = &k.c;
            sum.scaled_add(k.units, &(c - &c.dot(&pattern.b).dot(c)));
            let h = Array2::eye(self.q_inner) - pattern.b.dot(c);
            sum += &h.t().dot(gamma).dot(&h);
        }
        sum
    }
}

/// One group's share of the gradient.
struct GroupShare {
    by_omega: Array2<f64>,
    /// ⟨G_j, Q^{ab}⟩ (q₁×q₁) for each pattern of the group.
    gamma: Vec<Array2<f64>>,
}

fn inner_products(g: &Array2<f64>, q: &[Array2<f64>], size: usize) -> Array2<f64> {
    let mut out = Array2::zeros((size, size));
    for (q, (a, b)) in q.iter().zip(pairs(size)) {
        let value: f64 = g.iter().zip(q).map(|(g, q)| g * q).sum();
        out[[a, b]] = value;
        out[[b, a]] = value;
    }
    out
}

fn twice_off_diagonal(a: usize, b: usize) -> f64 {
    if a == b { 1.0 } else { 2.0 }
}

/// ∂(d/2)/∂θ = lower triangle of (∂d/∂Ω)Λ by columns.
fn half_by_theta(by_omega: &Array2<f64>, lambda: &Array2<f64>) -> Vec<f64> {
    let by_lambda = by_omega.dot(lambda);
    positions(lambda.nrows()).map(|at| by_lambda[at]).collect()
}
