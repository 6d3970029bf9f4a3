//! Covariance of regression coefficients that holds when outcomes within clusters are alike: CR0 to CR3, with
//! Satterthwaite degrees of freedom (Bell & McCaffrey 2002, Survey Methodology 28:169; Pustejovsky & Tipton 2018, J.
//! Business & Economic Statistics 36:672).
//!
//! Every type is `V = M (Σ_g X_gᵀW_gA_g e_g e_gᵀA_gᵀW_gX_g) M` with M = (XᵀWX)⁻¹ and a working covariance Φ of the outcomes:
//!
//! | type | A_g | V times |
//! |---|---|---|
//! | CR0 | I | 1 |
//! | CR1 | I | G/(G−1) |
//! | CR1S | I | G/(G−1)·(N−1)/(N−p) |
//! | CR2 | DB^{+½}D, D = Φ^½, B the block of D(I−H)Φ(I−H)ᵀD: unbiased if Φ is right | 1 |
//! | CR3 | (I−H_gg)⁺, close to the jackknife | 1 |
//!
//! with H = XMXᵀW. Rows are whitened first (x̄ = R⁻ᵀx, RᵀR = XᵀWX), so that M = I and a direction in which H_gg has the
//! eigenvalue 1, such as the cluster's own dummy, shows as 1 to working precision; it gets nothing (Moore–Penrose). What
//! is needed of a cluster afterwards are three small blocks, see [`Part`].
//!
//! The degrees of freedom of a contrast ℓ are tr(P)²/‖P‖²_F, where P holds the covariances of the clusters' shares
//! ℓᵀM X_gᵀW_gA_g e_g under Φ.

mod adjust;
mod inverse_root;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use rayon::prelude::*;

use super::cells::Cells;
use super::error::StatsError;
use super::family::Family;
use super::glm::{GlmFit, add_outer};
use super::qr::{DEPENDENT, back_substitute, forward_substitute, independent_in, triangle};
use adjust::{Cluster, Part, Working};

/// Types of cluster-robust covariance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CrType {
    /// Without correction.
    Cr0,
    /// Times G/(G−1).
    Cr1,
    /// Times G/(G−1)·(N−1)/(N−p): Stata's, and `sandwich::vcovCL(type = "HC1")`.
    Cr1s,
    /// Bias-reduced linearisation: the recommended one.
    Cr2,
    /// Close to leaving out one cluster at a time; errs on the large side.
    Cr3,
}

/// A cluster-robust covariance of p coefficients.
#[derive(Clone, Debug)]
pub struct ClusterVcov {
    /// V (p×p).
    pub vcov: Array2<f64>,
    /// Its type.
    pub kind: CrType,
    /// Clusters with rows G.
    pub n_clusters: usize,
    /// R with RᵀR = XᵀWX (p×p).
    root: Array2<f64>,
    /// One per cluster with rows, in code order.
    parts: Vec<Part>,
    /// T of [`Working::form`].
    form: Array2<f64>,
}

impl ClusterVcov {
    /// Covariance of the first `q` coefficients (q×q), for those who have put columns of no interest last.
    ///
    /// # Panics
    /// If `q` is above p.
    pub fn leading(&self, q: usize) -> ArrayView2<'_, f64> {
        self.vcov.slice(s![..q, ..q])
    }

    /// Satterthwaite degrees of freedom of the contrast ℓᵀβ. A contrast shorter than p continues with zeros. NaN where
    /// no cluster says anything about it.
    ///
    /// # Panics
    /// If the contrast is longer than p.
    pub fn df_for(&self, contrast: ArrayView1<f64>) -> f64 {
        let p = self.root.nrows();
        let mut full = vec![0.0; p];
        full[..contrast.len()].copy_from_slice(&contrast.to_vec());
        let c = Array1::from(forward_substitute(self.root.view(), &full));
        let k = self.form.nrows();
        // P = diag(d) + LTLᵀ, with L's rows h.
        let (mut trace, mut squares, mut outer) = (0.0, 0.0, Array2::zeros((k, k)));
        for part in &self.parts {
            let d = c.dot(&part.own.dot(&c));
            let h = part.effect.dot(&c);
            let shared = h.dot(&self.form.dot(&h));
            trace += d + shared;
            squares += d * d + 2.0 * d * shared;
            add_outer(&mut outer, 1.0, h.view());
        }
        let product = self.form.dot(&outer);
        squares += product.iter().zip(product.t().iter()).map(|(a, b)| a * b).sum::<f64>();
        trace * trace / squares
    }

    /// Degrees of freedom of each coefficient (p).
    pub fn df(&self) -> Array1<f64> {
        let p = self.root.nrows();
        Array1::from_shape_fn(p, |k| self.df_for(Array1::from_shape_fn(p, |j| f64::from(u8::from(j == k))).view()))
    }
}

/// Of a linear model with p columns: `x` (n×p), `residuals` (n), precision `weights` (n) as in the fit, cluster codes below
/// `n_clusters` in any order.
///
/// The working covariance is Φ = σ²I, with weights too, as `clubSandwich::vcovCR.lm` has it (`inverse_var` is FALSE there
/// when the model has weights): weights are taken to be chosen for other reasons than precision, such as sampling.
///
/// # Errors
/// [`StatsError::Shape`], [`StatsError::RankDeficient`], [`StatsError::TooFewGroups`] with less than two clusters.
pub fn ols_cluster_vcov(
    x: ArrayView2<f64>,
    residuals: ArrayView1<f64>,
    weights: Option<ArrayView1<f64>>,
    clusters: &[u32],
    n_clusters: usize,
    kind: CrType,
) -> Result<ClusterVcov, StatsError> {
    ols_cluster_vcov_beside(x, residuals, weights, clusters, n_clusters, kind, 0)
}

/// As [`ols_cluster_vcov`] of a model from which `absorbed` further columns were projected out of `x` and `residuals`,
/// each of them a dummy within a single cluster.
pub(super) fn ols_cluster_vcov_beside(
    x: ArrayView2<f64>,
    residuals: ArrayView1<f64>,
    weights: Option<ArrayView1<f64>>,
    clusters: &[u32],
    n_clusters: usize,
    kind: CrType,
    absorbed: usize,
) -> Result<ClusterVcov, StatsError> {
    let (n, p) = x.dim();
    if residuals.len() != n || weights.is_some_and(|w| w.len() != n) {
        return Err(StatsError::Shape("x, residuals and weights differ in length"));
    }
    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
    let rows = ClusterRows::new(clusters, n_clusters, n)?;
    let root = root(n, p, |i| weight(i).sqrt(), x)?;
    let size = Size { n: n as f64, p: (p + absorbed) as f64 };
    let working = if weights.is_some() { Working::Homoscedastic } else { Working::InverseOfEqualWeights };
    let clusters = rows.map(|rows| Cluster {
        x: whitened(&root, x, rows, |_| 1.0),
        weights: rows.iter().map(|&i| weight(i)).collect(),
        counts: Array1::ones(rows.len()),
        residuals: rows.iter().map(|&i| residuals[i]).collect(),
    });
    assemble(root, &clusters, working, kind, size)
}

/// Of a generalised linear model fitted by [`super::fit_glm`]: cluster codes of the cells below `n_clusters` in any order.
///
/// As `clubSandwich::vcovCR.glm` of the separate rows: the working covariance is Var(y) of the family at the fitted means,
/// M = `fit.vcov` (expected information). A cell counts as `trials` rows, and splitting it changes nothing.
///
/// # Errors
/// [`StatsError::Shape`], [`StatsError::RankDeficient`], [`StatsError::TooFewGroups`] with less than two clusters.
pub fn glm_cluster_vcov(
    cells: &Cells,
    family: Family,
    fit: &GlmFit,
    clusters: &[u32],
    n_clusters: usize,
    kind: CrType,
) -> Result<ClusterVcov, StatsError> {
    let x = cells.x.to_held();
    let (n, p) = x.dim();
    if fit.beta.len() != p {
        return Err(StatsError::Shape("the fit has other columns than x"));
    }
    let rows = ClusterRows::new(clusters, n_clusters, n)?;
    let eta = match cells.offset {
        Some(offset) => x.dot(&fit.beta) + offset,
        None => x.dot(&fit.beta),
    };
    let slope = |i: usize| family.mean_d1(eta[i]);
    let information = |i: usize| family.expected_weight(eta[i]);
    let root = root(n, p, |i| (cells.trials[i] * information(i)).sqrt(), x.view())?;
    let clusters = rows.map(|rows| {
        // A row with a mean so extreme that its slope underflows has no weight, and must not become 0/0.
        let rows: Vec<usize> = rows.iter().copied().filter(|&i| slope(i) > 0.0 && information(i) > 0.0).collect();
        // Var(y) = (dμ/dη)²/information; the residual Σ(y−μ) of a cell is its score times Var(y)/(dμ/dη).
        let weights: Array1<f64> = rows.iter().map(|&i| information(i) / slope(i).powi(2)).collect();
        let residual = |(&i, w): (&usize, &f64)| {
            let cell = family.cell(eta[i], cells.trials[i], cells.successes[i]);
            cell.score / (slope(i) * w)
        };
        Cluster {
            x: whitened(&root, x.view(), &rows, slope),
            residuals: rows.iter().zip(&weights).map(residual).collect(),
            counts: rows.iter().map(|&i| cells.trials[i]).collect(),
            weights,
        }
    });
    assemble(root, &clusters, Working::InverseOfWeights, kind, Size { n: cells.trials.sum(), p: p as f64 })
}

/// Rows and columns as CR1S counts them.
#[derive(Clone, Copy)]
struct Size {
    n: f64,
    p: f64,
}

/// Rows of each cluster with rows, in code order.
struct ClusterRows {
    rows: Vec<Vec<usize>>,
}

impl ClusterRows {
    fn new(clusters: &[u32], n_clusters: usize, n: usize) -> Result<Self, StatsError> {
        if clusters.len() != n || clusters.iter().any(|&code| code as usize >= n_clusters) {
            return Err(StatsError::Shape("there must be a cluster code below n_clusters for each row"));
        }
        let mut rows = vec![Vec::new(); n_clusters];
        for (i, &code) in clusters.iter().enumerate() {
            rows[code as usize].push(i);
        }
        rows.retain(|rows| !rows.is_empty());
        match rows.len() {
            0 | 1 => Err(StatsError::TooFewGroups { groups: rows.len() }),
            _ => Ok(Self { rows }),
        }
    }

    fn map(&self, f: impl Fn(&[usize]) -> Cluster + Sync) -> Vec<Cluster> {
        self.rows.par_iter().map(|rows| f(rows)).collect()
    }
}

/// R of the rows √w·x.
fn root(
    n: usize,
    p: usize,
    root_weight: impl Fn(usize) -> f64 + Sync,
    x: ArrayView2<f64>,
) -> Result<Array2<f64>, StatsError> {
    let r = triangle(n, p, |i, to| {
        let root = root_weight(i);
        to.iter_mut().zip(x.row(i)).for_each(|(to, x)| *to = root * x);
    });
    // What could be fitted may be nearly dependent; only what is dependent to working precision is refused.
    match independent_in(r.view(), DEPENDENT * DEPENDENT).dropped.first() {
        Some(&column) => Err(StatsError::RankDeficient { column }),
        None => Ok(r),
    }
}

/// R⁻ᵀ(scale·x) of some rows.
fn whitened(r: &Array2<f64>, x: ArrayView2<f64>, rows: &[usize], scale: impl Fn(usize) -> f64) -> Array2<f64> {
    let mut out = Array2::zeros((rows.len(), x.ncols()));
    for (mut to, &i) in out.rows_mut().into_iter().zip(rows) {
        let scale = scale(i);
        for j in 0..to.len() {
            let known: f64 = (0..j).map(|k| r[[k, j]] * to[k]).sum();
            to[j] = (scale * x[[i, j]] - known) / r[[j, j]];
        }
    }
    out
}

/// Adjusts the clusters and sums them, in code order.
fn assemble(
    root: Array2<f64>,
    clusters: &[Cluster],
    working: Working,
    kind: CrType,
    size: Size,
) -> Result<ClusterVcov, StatsError> {
    let (p, groups) = (root.nrows(), clusters.len());
    let form = working.form(clusters, p);
    let parts: Option<Vec<Part>> = clusters.par_iter().map(|cluster| cluster.part(working, kind, &form)).collect();
    let parts = parts.ok_or(StatsError::Shape("the working covariance of a cluster is not positive"))?;
    let mut meat = Array2::zeros((p, p));
    for part in &parts {
        let score = back_substitute(root.view(), &part.score.to_vec());
        add_outer(&mut meat, 1.0, ArrayView1::from(&score));
    }
    let g = groups as f64;
    let factor = match kind {
        CrType::Cr0 | CrType::Cr2 | CrType::Cr3 => 1.0,
        CrType::Cr1 => g / (g - 1.0),
        CrType::Cr1s => g / (g - 1.0) * (size.n - 1.0) / (size.n - size.p),
    };
    Ok(ClusterVcov { vcov: meat * factor, kind, n_clusters: groups, root, parts, form })
}

#[cfg(test)]
mod tests;
