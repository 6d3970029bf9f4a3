//! One cluster's share in a robust covariance, after its small-sample adjustment.

use ndarray::{Array1, Array2, Axis, concatenate, s};

use super::super::linalg::{Cholesky, SymmetricEigen, symmetric_eigen};
use super::CrType;
use super::inverse_root::DiagonalMinus;

/// 1 − Δ below this is 0: the direction belongs to the cluster alone. Whitened rows carry about 1e-15·κ of rounding.
const ALONE: f64 = 1e-10;

/// The working covariance Φ of the outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Working {
    /// All rows alike, weights all 1.
    InverseOfEqualWeights,
    /// Φ = W⁻¹.
    InverseOfWeights,
    /// Φ = I beside weights that say something else.
    Homoscedastic,
}

/// A cluster's rows in whitened coordinates. A row of count m stands for m equal rows.
pub(super) struct Cluster {
    /// x̄ (n×p).
    pub x: Array2<f64>,
    /// W of a single row (n).
    pub weights: Array1<f64>,
    /// Rows that each row stands for (n).
    pub counts: Array1<f64>,
    /// Residuals, summed over these rows (n).
    pub residuals: Array1<f64>,
}

/// What V and P need of a cluster, for contrasts c in whitened coordinates; u = AᵀWX̄c.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// X̄ᵀWAe (p).
    pub score: Array1<f64>,
    /// p×p: cᵀ·own·c = uᵀΦu.
    pub own: Array2<f64>,
    /// k×p: h = effect·c, so that uᵀ(block of (I−H)Φ(I−H)ᵀ − Φ)u′ = hᵀTh′ for clusters u, u′.
    pub effect: Array2<f64>,
}

impl Working {
    /// T (k×k): −I for h = X̄ᵀu where Φ = W⁻¹; for Φ = I and h = (X̄ᵀu, X̄ᵀWu) it is [K −I; −I 0], K = ΣX̄ᵀW²X̄.
    pub fn form(self, clusters: &[Cluster], p: usize) -> Array2<f64> {
        if self != Working::Homoscedastic {
            return -Array2::eye(p);
        }
        let mut form = Array2::zeros((2 * p, 2 * p));
        for cluster in clusters {
            let wx = cluster.weighted();
            let mut k = form.slice_mut(s![..p, ..p]);
            k += &wx.t().dot(&wx);
        }
        for j in 0..p {
            form[[j, p + j]] = -1.0;
            form[[p + j, j]] = -1.0;
        }
        form
    }
}

impl Cluster {
    pub fn part(&self, working: Working, kind: CrType, form: &Array2<f64>) -> Option<Part> {
        match (working, kind) {
            (Working::InverseOfWeights, CrType::Cr2) => self.rooted(),
            (Working::Homoscedastic, _) => Some(self.homoscedastic(kind, form)),
            _ => Some(self.spectral(kind)),
        }
    }

    /// WX̄.
    fn weighted(&self) -> Array2<f64> {
        self.weights.view().insert_axis(Axis(1)).to_owned() * &self.x
    }

    /// C = X̄ᵀWX̄ over all rows (p×p): the block of H in whitened coordinates.
    fn block(&self) -> Array2<f64> {
        let counted = (&self.weights * &self.counts).insert_axis(Axis(1)) * &self.x;
        counted.t().dot(&self.x)
    }

    /// Φ = W⁻¹ and A a function of H_gg: with C = QΔQᵀ all of it is a function f(Δ).
    fn spectral(&self, kind: CrType) -> Part {
        let (block, score) = (self.block(), self.weighted().t().dot(&self.residuals));
        if matches!(kind, CrType::Cr0 | CrType::Cr1 | CrType::Cr1s) {
            return Part { score, effect: block.clone(), own: block };
        }
        let eigen = symmetric_eigen(block.view());
        let f = eigen.values.mapv(|delta| adjustment(kind, 1.0 - delta));
        let of = |values: Array1<f64>| function(&eigen, &values);
        Part { score: of(f.clone()).dot(&score), effect: of(&eigen.values * &f), own: of(&eigen.values * &f * &f) }
    }

    /// CR2 with Φ = W⁻¹ that varies: D = Φ^½ does not commute with H_gg, and with G = D(I−H)ΦD = Φ² − D X̄X̄ᵀ D the needed
    /// `Y = G^{+½}DWX̄` comes from [`DiagonalMinus`]. Then score = YᵀDe, own = YᵀΦ²Y and effect = X̄ᵀDY.
    fn rooted(&self) -> Option<Part> {
        let phi = self.weights.mapv(|w| 1.0 / w);
        let by_rows = |scale: Array1<f64>| scale.insert_axis(Axis(1)) * &self.x;
        let v = by_rows(phi.mapv(f64::sqrt));
        let mut right = by_rows(phi.mapv(|f| 1.0 / f.sqrt()));
        let eigen = symmetric_eigen(self.block().view());
        let alone: Vec<usize> = (0..eigen.values.len()).filter(|&k| 1.0 - eigen.values[k] <= ALONE).collect();
        let others = (0..eigen.values.len()).filter(|k| !alone.contains(k));
        let largest = others.fold(0.0_f64, |m, k| m.max(eigen.values[k]));
        if !alone.is_empty() {
            // The null space of G is spanned by Φ⁻¹W^½X̄q of the directions q that the cluster has alone.
            let own = by_rows(self.weights.mapv(|w| w * w.sqrt())).dot(&eigen.vectors.select(Axis(1), &alone));
            self.remove_span(&own, &mut right)?;
        }
        let (low, high) = phi.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), f| (l.min(*f), h.max(*f)));
        let squares = phi.mapv(|f| f * f);
        let matrix = DiagonalMinus {
            diagonal: squares.view(),
            counts: self.counts.view(),
            v: v.view(),
            least: low * low * (1.0 - largest),
            most: high * high,
        };
        let y = matrix.inverse_root(&right)?;
        let counted = |scale: Array1<f64>| (scale * &self.counts).insert_axis(Axis(1)) * &y;
        Some(Part {
            score: y.t().dot(&(phi.mapv(f64::sqrt) * &self.residuals)),
            own: counted(squares.clone()).t().dot(&y),
            effect: v.t().dot(&counted(Array1::ones(phi.len()))),
        })
    }

    /// Makes the columns of `from` orthogonal to those of `span`, counting rows.
    fn remove_span(&self, span: &Array2<f64>, from: &mut Array2<f64>) -> Option<()> {
        let counted = self.counts.view().insert_axis(Axis(1)).to_owned() * span;
        let factor = Cholesky::factor(counted.t().dot(span).view()).ok()?;
        for _ in 0..2 {
            let inside = span.dot(&factor.solve_columns(counted.t().dot(&*from).view()));
            *from -= &inside;
        }
        Some(())
    }

    /// Φ = I and weights. With Z = [X̄ WX̄] both (I−H)(I−H)ᵀ's block I + ZTZᵀ and every vector needed lie in Z's span, in
    /// which an orthonormal basis ZE, E = VΛ^{−½} from ZᵀZ = VΛVᵀ, turns the block into I + N.
    fn homoscedastic(&self, kind: CrType, form: &Array2<f64>) -> Part {
        let p = self.x.ncols();
        let z = concatenate![Axis(1), self.x, self.weighted()];
        let gram = z.t().dot(&z);
        // WX̄ = ZJ.
        let mut map = Array2::zeros((2 * p, p));
        map.slice_mut(s![p.., ..]).assign(&Array2::eye(p));
        match kind {
            CrType::Cr0 | CrType::Cr1 | CrType::Cr1s => {}
            CrType::Cr2 => {
                let outer = symmetric_eigen(gram.view());
                let most = outer.values.iter().fold(0.0_f64, |m, v| m.max(*v));
                let kept: Vec<usize> = (0..2 * p).filter(|&k| outer.values[k] > 1e-13 * most).collect();
                let roots: Array1<f64> = kept.iter().map(|&k| outer.values[k].sqrt()).collect();
                let vectors = outer.vectors.select(Axis(1), &kept);
                let (e, scaled) = (&vectors / &roots, &vectors * &roots);
                let inner = symmetric_eigen((Array2::eye(kept.len()) + scaled.t().dot(form).dot(&scaled)).view());
                let change = inner.values.mapv(|delta| adjustment(kind, delta) - 1.0);
                let adjust = e.dot(&function(&inner, &change)).dot(&e.t());
                map = &map + &adjust.dot(&gram).dot(&map);
            }
            CrType::Cr3 => {
                // A = (I − X̄X̄ᵀW)⁻¹, so AᵀWX̄ = WX̄(I − C)⁻¹.
                let block = symmetric_eigen(self.block().view());
                let f = block.values.mapv(|delta| adjustment(kind, 1.0 - delta));
                map.slice_mut(s![p.., ..]).assign(&function(&block, &f));
            }
        }
        let effect = gram.dot(&map);
        Part { score: map.t().dot(&z.t().dot(&self.residuals)), own: map.t().dot(&effect), effect }
    }
}

/// What A makes of a direction with 1 − Δ = `rest`.
fn adjustment(kind: CrType, rest: f64) -> f64 {
    match kind {
        CrType::Cr0 | CrType::Cr1 | CrType::Cr1s => 1.0,
        _ if rest <= ALONE => 0.0,
        CrType::Cr2 => 1.0 / rest.sqrt(),
        CrType::Cr3 => 1.0 / rest,
    }
}

/// Q·diag(values)·Qᵀ.
fn function(eigen: &SymmetricEigen, values: &Array1<f64>) -> Array2<f64> {
    (&eigen.vectors * values).dot(&eigen.vectors.t())
}
