//! One grouping factor, or two of which one lies in the other: everything from cross-products per outer level, at a cost
//! that does not depend on the number of rows, nor on the number of inner units.
//!
//! Outer groups j with Ω₂ = Λ₂Λ₂ᵀ, inner units with Ω₁ = Λ₁Λ₁ᵀ (both relative to σ²). S_j = WᵀV₁⁻¹W of group j over
//! W = [Z X y], in blocks ZZ, ZD, DD with D = [X y]; t, s, F the like for Zᵀ… :
//!
//! ```text
//! M_j = I + Λ₂ᵀZZ_jΛ₂        P_j = Λ₂M_j⁻¹Λ₂ᵀ        DᵀV⁻¹D = Σ_j (DD_j − ZD_jᵀP_jZD_j)
//! log|M| = Σ_k N_k log|I+Λ₁ᵀC_kΛ₁| + Σ_j log|M_j|
//! ```
//!
//! Gradient of d = log|M| + κr² + \[REML\] log|A|, κ = n/r² or 1/σ². With b_j = P_jt_j, t_j = Zᵀ(y−Xβ̃),
//! s_j = t_j − ZZ_jb_j = ZᵀV⁻¹e, F_j = ZX_j − ZZ_jP_jZX_j, T_j = ZZ_j − ZZ_jP_jZZ_j:
//!
//! ```text
//! ∂d/∂Ω₂ = Σ_j T_j − κ s_js_jᵀ − [REML] F_jA⁻¹F_jᵀ
//! G_j = ∂d/∂S_j = P_j (in the ZZ block) + κ c_jc_jᵀ + [REML] D_jA⁻¹D_jᵀ,
//!       c_j = [−b_j; −β̃; 1],  D_j = [−P_jZX_j; I; 0]
//! Γ_k[a,b] = −Σ_j ⟨G_j, Q_jk^{ab}⟩        H_k = I − B_kC_k
//! ∂d/∂Ω₁ = Σ_k N_k(C_k − C_kB_kC_k) + H_kᵀΓ_kH_k        ∂d/∂Λ = 2(∂d/∂Ω)Λ, lower triangle
//! ```
//!
//! Predictions (Henderson): b̂_j = P_jt_j; for unit i in group j with D_i = Z₁ᵀZ₂ of its rows
//! b̂_i = B_k(Z₁ᵀ(y−Xβ̂) − D_ib̂_j), with P_i = B_k + B_kD_iP_jD_iᵀB_k and the like for PZᵀX.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::super::glm::add_outer;
use super::super::lambda::{block_positions, from_blocks};
use super::super::linalg::{Cholesky, NotPositive};
use super::super::terms::theta_ranges;
use super::crossprod::{CrossProducts, GroupProducts, Layout, Levels, Symmetric, pairs, twice_off_diagonal};
use super::route::{Eliminated, FixedPart, Predictions, Route};
use super::rows::ScaledRows;

/// Cross-products and the shape of a problem.
#[derive(Clone)]
pub(super) struct Nested {
    /// Fixed effects.
    p: usize,
    pub(super) levels: Levels,
    pub(super) products: Arc<CrossProducts>,
    /// How often each outer group counts: once, but for bootstraps.
    copies: Vec<f64>,
    /// Units N_k of each pattern, copies included.
    units: Vec<f64>,
    outer: Shape,
    /// Without columns where there is no inner term.
    inner: Shape,
}

/// A term's blocks and its part of θ.
#[derive(Clone)]
struct Shape {
    q: usize,
    /// Those that are predicted.
    n_levels: usize,
    blocks: Vec<usize>,
    theta: Range<usize>,
}

impl Shape {
    fn lambda(&self, theta: &[f64]) -> Array2<f64> {
        from_blocks(&self.blocks, &theta[self.theta.clone()])
    }

    /// ½∂d/∂θ = (∂d/∂Ω)Λ at the places of θ.
    fn half_by_theta(&self, by_omega: &Array2<f64>, lambda: &Array2<f64>, out: &mut [f64]) {
        let by_lambda = by_omega.dot(lambda);
        let places = block_positions(&self.blocks);
        out[self.theta.clone()].iter_mut().zip(places).for_each(|(to, at)| *to = by_lambda[at]);
    }
}

/// What is kept of one θ.
pub(super) struct NestedAt {
    outer: Array2<f64>,
    inner: Array2<f64>,
    /// One per outer group.
    groups: Vec<GroupAt>,
    /// B_k and log|I + Λ₁ᵀC_kΛ₁|.
    patterns: Vec<PatternAt>,
}

/// An outer group at θ.
struct GroupAt {
    /// S_j (m×m).
    s: Array2<f64>,
    /// P_j (q₂×q₂).
    p: Array2<f64>,
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

    fn zz(&self) -> ArrayView2<'_, f64> {
        let q = self.p.nrows();
        self.s.slice(s![..q, ..q])
    }

    /// Zᵀ…X.
    fn zx(&self) -> ArrayView2<'_, f64> {
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
    fn t(&self, gamma: &Array1<f64>) -> Array1<f64> {
        &self.zy() - &self.zx().dot(gamma)
    }

    /// b̂ = P Zᵀ(y − Xβ).
    fn mode(&self, gamma: &Array1<f64>) -> Array1<f64> {
        self.p.dot(&self.t(gamma))
    }
}

/// Λ(I + ΛᵀCΛ)⁻¹Λᵀ and log|I + ΛᵀCΛ|.
fn shrink(lambda: &Array2<f64>, c: ArrayView2<f64>) -> Result<PatternAt, NotPositive> {
    let m = lambda.t().dot(&c).dot(lambda) + Array2::<f64>::eye(lambda.nrows());
    let factor = Cholesky::factor(m.view())?;
    let half = factor.forward_columns(lambda.t());
    Ok(PatternAt { b: half.t().dot(&half), log_det: factor.log_det() })
}

impl Nested {
    /// `None` when the inner units have too many different occasions for sums by pattern to pay. Without `predict_units`
    /// what only their predictions need is not kept.
    pub fn new(rows: &ScaledRows, levels: Levels, predict_units: bool) -> Option<Self> {
        let layout = Layout::new(rows.terms(), levels);
        let products = CrossProducts::new(rows, levels, &layout, predict_units)?;
        let ranges = theta_ranges(rows.terms());
        let shape = |t: usize| Shape {
            q: rows.terms()[t].q(),
            n_levels: rows.terms()[t].n_levels,
            blocks: rows.terms()[t].blocks.to_vec(),
            theta: ranges[t].clone(),
        };
        let mut inner = levels.inner.map_or(Shape { q: 0, n_levels: 0, blocks: Vec::new(), theta: 0..0 }, shape);
        if !predict_units {
            inner.n_levels = 0;
        }
        Some(Self {
            p: rows.p(),
            levels,
            copies: vec![1.0; products.groups.len()],
            units: products.patterns.iter().map(|k| k.units).collect(),
            products: Arc::new(products),
            outer: shape(levels.outer),
            inner,
        })
    }

    /// The same shape with other cross-products.
    pub fn with_products(&self, products: CrossProducts) -> Self {
        Self { products: Arc::new(products), ..self.clone() }
    }

    /// The same groups, each counted so often.
    pub fn with_copies(&self, copies: Vec<f64>) -> Self {
        let mut units = vec![0.0; self.units.len()];
        for (group, times) in self.products.groups.iter().zip(&copies) {
            group.units.pattern.iter().for_each(|&k| units[k] += times);
        }
        Self { copies, units, ..self.clone() }
    }

    /// Rows, copies included.
    pub fn n(&self) -> f64 {
        self.products.groups.iter().zip(&self.copies).map(|(group, times)| times * group.rows as f64).sum()
    }

    /// S_j = ΣWᵀW − Σ_k Σ_ab B_k[a,b] Q^{ab}.
    fn s(&self, group: &GroupProducts, patterns: &[PatternAt]) -> Array2<f64> {
        let mut s = group.ww.clone();
        for part in &group.by_pattern {
            let b = &patterns[part.pattern].b;
            for (q, (row, column)) in part.q.iter().zip(pairs(self.inner.q)) {
                q.add_to(-twice_off_diagonal(row, column) * b[[row, column]], &mut s);
            }
        }
        s
    }

    fn share(&self, group: &GroupAt, products: &GroupProducts, towards: &Towards) -> GroupShare {
        let (zz, zx) = (group.zz(), group.zx());
        let mode = group.mode(towards.gamma);
        let residual = group.t(towards.gamma) - zz.dot(&mode);
        let mut by_omega = &zz - &zz.dot(&group.p).dot(&zz);
        add_outer(&mut by_omega, -towards.precision, residual.view());
        let pzx = group.p.dot(&zx);
        if let Some(a_inverse) = &towards.a_inverse {
            let f = &zx - &zz.dot(&pzx);
            by_omega -= &f.dot(a_inverse).dot(&f.t());
        }
        let gamma = if products.by_pattern.is_empty() {
            Vec::new()
        } else {
            let g = by_s(group, &mode, &pzx, towards);
            products.by_pattern.iter().map(|part| inner_products(&g, &part.q, self.inner.q)).collect()
        };
        GroupShare { by_omega, gamma }
    }

    /// ∂d/∂Ω₁.
    fn by_inner(&self, at: &NestedAt, gamma: &[Array2<f64>]) -> Array2<f64> {
        let mut sum = Array2::zeros((self.inner.q, self.inner.q));
        for (((pattern, k), units), gamma) in
            at.patterns.iter().zip(&self.products.patterns).zip(&self.units).zip(gamma)
        {
            let c = &k.c;
            sum.scaled_add(*units, &(c - &c.dot(&pattern.b).dot(c)));
            let h = Array2::eye(self.inner.q) - pattern.b.dot(c);
            sum += &h.t().dot(gamma).dot(&h);
        }
        sum
    }

    fn outer_modes(&self, at: &NestedAt, gamma: &Array1<f64>) -> Array2<f64> {
        let mut modes = Array2::zeros((at.groups.len(), self.outer.q));
        at.groups.iter().zip(modes.rows_mut()).for_each(|(group, mut to)| to.assign(&group.mode(gamma)));
        modes
    }

    fn outer_predictions(&self, at: &NestedAt, gamma: &Array1<f64>) -> Predictions {
        let mut out = Predictions::zeros(at.groups.len(), self.outer.q, gamma.len());
        out.modes = self.outer_modes(at, gamma);
        for (j, group) in at.groups.iter().enumerate() {
            out.p.index_axis_mut(Axis(0), j).assign(&group.p);
            out.pzx.index_axis_mut(Axis(0), j).assign(&group.p.dot(&group.zx()));
        }
        out
    }

    /// b̂_i of every inner unit, given those of the groups.
    fn inner_modes(&self, at: &NestedAt, gamma: &Array1<f64>, outer: &Array2<f64>) -> Array2<f64> {
        let (q1, q2, p) = (self.inner.q, self.outer.q, gamma.len());
        let mut modes = Array2::zeros((self.inner.n_levels, q1));
        let mut t = vec![0.0; q1];
        for (group, mode) in self.products.groups.iter().zip(outer.rows()) {
            let units = &group.units;
            for ((zw, &pattern), &level) in units.zw.outer_iter().zip(&units.pattern).zip(&units.level) {
                for (t, zw) in t.iter_mut().zip(zw.rows()) {
                    let by_outer: f64 = zw.iter().zip(mode).map(|(d, b)| d * b).sum();
                    let by_fixed: f64 = zw.iter().skip(q2).zip(gamma).map(|(x, g)| x * g).sum();
                    *t = zw[q2 + p] - by_outer - by_fixed;
                }
                let to = modes.row_mut(level as usize);
                for (to, b) in to.into_iter().zip(at.patterns[pattern].b.rows()) {
                    *to = b.iter().zip(&t).map(|(b, t)| b * t).sum();
                }
            }
        }
        modes
    }

    fn inner_predictions(&self, at: &NestedAt, gamma: &Array1<f64>, outer: &Predictions) -> Predictions {
        let (q2, p) = (self.outer.q, gamma.len());
        let mut out = Predictions::zeros(self.inner.n_levels, self.inner.q, p);
        out.modes = self.inner_modes(at, gamma, &outer.modes);
        // What is known of a level without rows.
        let prior = at.inner.dot(&at.inner.t());
        out.p.outer_iter_mut().for_each(|mut p| p.assign(&prior));
        for (j, group) in self.products.groups.iter().enumerate() {
            let (p_outer, pzx_outer) = (outer.p.index_axis(Axis(0), j), outer.pzx.index_axis(Axis(0), j));
            let units = &group.units;
            for ((zw, &pattern), &level) in units.zw.outer_iter().zip(&units.pattern).zip(&units.level) {
                let b = &at.patterns[pattern].b;
                let d = zw.slice(s![.., ..q2]);
                let bd = b.dot(&d);
                let zx = &zw.slice(s![.., q2..q2 + p]) - &d.dot(&pzx_outer);
                let at = level as usize;
                out.p.index_axis_mut(Axis(0), at).assign(&(b + &bd.dot(&p_outer).dot(&bd.t())));
                out.pzx.index_axis_mut(Axis(0), at).assign(&b.dot(&zx));
            }
        }
        out
    }

    /// Outer and inner in the order of the terms.
    fn in_order<T>(&self, outer: T, inner: Option<T>) -> Vec<T> {
        match inner {
            None => vec![outer],
            Some(inner) if self.levels.inner < Some(self.levels.outer) => vec![inner, outer],
            Some(inner) => vec![outer, inner],
        }
    }
}

impl Predictions {
    pub fn zeros(levels: usize, q: usize, p: usize) -> Self {
        Self { modes: Array2::zeros((levels, q)), p: Array3::zeros((levels, q, q)), pzx: Array3::zeros((levels, q, p)) }
    }
}

impl Route for Nested {
    type At<'s> = NestedAt;

    fn at(&self, theta: &[f64]) -> Option<Eliminated<NestedAt>> {
        let (outer, inner) = (self.outer.lambda(theta), self.inner.lambda(theta));
        let patterns: Vec<PatternAt> =
            self.products.patterns.iter().map(|k| shrink(&inner, k.c.view()).ok()).collect::<Option<_>>()?;
        let groups: Option<Vec<GroupAt>> =
            self.products.groups.par_iter().map(|group| GroupAt::new(self.s(group, &patterns), &outer).ok()).collect();
        let groups = groups?;
        let p = self.p;
        let mut products = Array2::zeros((p + 1, p + 1));
        let mut log_det = 0.0;
        for (group, times) in groups.iter().zip(&self.copies) {
            products.scaled_add(*times, &group.reduced());
            log_det += times * group.log_det;
        }
        for (pattern, units) in patterns.iter().zip(&self.units) {
            log_det += units * pattern.log_det;
        }
        Some(Eliminated { log_det, products, at: NestedAt { outer, inner, groups, patterns } })
    }

    fn gradient(&self, at: &NestedAt, fixed: &FixedPart, precision: f64, restricted: bool) -> Vec<f64> {
        let towards = Towards { gamma: &fixed.gamma, precision, a_inverse: restricted.then(|| fixed.a.inverse()) };
        let shares: Vec<GroupShare> =
            at.groups.par_iter().zip(&self.products.groups).map(|(g, w)| self.share(g, w, &towards)).collect();
        let mut by_outer = Array2::zeros((self.outer.q, self.outer.q));
        let mut gamma = vec![Array2::<f64>::zeros((self.inner.q, self.inner.q)); at.patterns.len()];
        for ((share, group), times) in shares.iter().zip(&self.products.groups).zip(&self.copies) {
            by_outer.scaled_add(*times, &share.by_omega);
            for (part, values) in group.by_pattern.iter().zip(&share.gamma) {
                gamma[part.pattern].scaled_add(-times, values);
            }
        }
        let mut grad = vec![0.0; self.outer.theta.len() + self.inner.theta.len()];
        self.outer.half_by_theta(&by_outer, &at.outer, &mut grad);
        if self.inner.q > 0 {
            self.inner.half_by_theta(&self.by_inner(at, &gamma), &at.inner, &mut grad);
        }
        grad
    }

    fn modes(&self, at: &NestedAt, gamma: &Array1<f64>) -> Vec<Array2<f64>> {
        let outer = self.outer_modes(at, gamma);
        let inner = self.levels.inner.map(|_| self.inner_modes(at, gamma, &outer));
        self.in_order(outer, inner)
    }

    fn predictions(&self, at: &NestedAt, gamma: &Array1<f64>) -> Vec<Predictions> {
        let outer = self.outer_predictions(at, gamma);
        let inner = self.levels.inner.map(|_| self.inner_predictions(at, gamma, &outer));
        self.in_order(outer, inner)
    }
}

/// Where the gradient is taken.
struct Towards<'a> {
    gamma: &'a Array1<f64>,
    precision: f64,
    /// A⁻¹, for the restricted likelihood.
    a_inverse: Option<Array2<f64>>,
}

/// G_j = ∂d/∂S_j.
fn by_s(group: &GroupAt, mode: &Array1<f64>, pzx: &Array2<f64>, towards: &Towards) -> Array2<f64> {
    let (q, p, m) = (mode.len(), towards.gamma.len(), group.s.nrows());
    let mut g = Array2::zeros((m, m));
    g.slice_mut(s![..q, ..q]).assign(&group.p);
    let mut c = Array1::ones(m);
    c.slice_mut(s![..q]).assign(&-mode);
    c.slice_mut(s![q..q + p]).assign(&-towards.gamma);
    add_outer(&mut g, towards.precision, c.view());
    if let Some(a_inverse) = &towards.a_inverse {
        let mut d = Array2::zeros((m, p));
        d.slice_mut(s![..q, ..]).assign(&-pzx);
        d.slice_mut(s![q..q + p, ..]).assign(&Array2::eye(p));
        g += &d.dot(a_inverse).dot(&d.t());
    }
    g
}

/// One group's share of the gradient.
struct GroupShare {
    by_omega: Array2<f64>,
    /// ⟨G_j, Q^{ab}⟩ (q₁×q₁) for each pattern of the group.
    gamma: Vec<Array2<f64>>,
}

fn inner_products(g: &Array2<f64>, q: &[Symmetric], size: usize) -> Array2<f64> {
    let mut out = Array2::zeros((size, size));
    for (q, (a, b)) in q.iter().zip(pairs(size)) {
        let value = q.inner_product(g);
        out[[a, b]] = value;
        out[[b, a]] = value;
    }
    out
}
