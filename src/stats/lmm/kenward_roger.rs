//! The covariance of fixed effects with what the estimation of the variances adds, and degrees of freedom to go with it
//! (Kenward & Roger 1997, Biometrics 53:983; the formulas as in Halekoh & Højsgaard 2014, J. Stat. Softw. 59:9, pbkrtest).
//!
//! With Σ = Σ_s σ_sG_s over the elements of σ²Ω and σ² itself, Φ = (XᵀΣ⁻¹X)⁻¹ and
//!
//! ```text
//! P_s = −XᵀΣ⁻¹G_sΣ⁻¹X      Q_st = XᵀΣ⁻¹G_sΣ⁻¹G_tΣ⁻¹X      K_st = tr(Σ⁻¹G_sΣ⁻¹G_t)
//! W = 2{K_st − 2tr(ΦQ_st) + tr(ΦP_sΦP_t)}⁻¹                 covariance of the estimated variances
//! Φ_A = Φ + 2Φ{Σ_st W_st(Q_st − P_sΦP_t)}Φ
//! ν = 2(cᵀΦc)²/(gᵀWg),  g_s = cᵀΦP_sΦc                     for one contrast, where the approximating F is exact t²
//! ```
//!
//! For one grouping factor everything is a sum over groups of small matrices: with V = Σ/σ², P = Λ(I+ΛᵀZᵀZΛ)⁻¹Λᵀ,
//! H = I − PZᵀZ, F = ZᵀV⁻¹X = Hᵀ·ZᵀX and T = ZᵀV⁻¹Z = Hᵀ·ZᵀZ (V⁻¹Z = ZH)
//!
//! ```text
//! ZᵀV⁻²Z = HᵀZᵀZH      ZᵀV⁻²X = HᵀF      XᵀV⁻²X = XᵀX − XᵀZPZᵀX − XᵀZPF      XᵀV⁻³X = XᵀV⁻²X − FᵀPF
//! tr V⁻² = n − 2tr(PZᵀZ) + tr(PZᵀZPZᵀZ)
//! ```

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use super::super::error::StatsError;
use super::super::lambda::block_positions;
use super::super::linalg::{Cholesky, symmetrised};
use super::crossprod::GroupProducts;
use super::rows::ScaledRows;
use super::{LmmData, LmmFit, LmmOptions, nested, theta_scales};

/// Fixed effects with corrected errors.
#[derive(Clone, Debug)]
pub struct KenwardRoger {
    /// Φ_A (p×p).
    pub vcov: Array2<f64>,
    /// Φ (p×p): the covariance of the fit.
    unadjusted: Array2<f64>,
    /// ΦP_sΦ (p×p each).
    slopes: Vec<Array2<f64>>,
    /// W.
    vcov_variances: Array2<f64>,
}

impl KenwardRoger {
    /// Degrees of freedom of cᵀβ̂.
    ///
    /// # Panics
    /// If `contrast` has not length p.
    pub fn df(&self, contrast: ArrayView1<f64>) -> f64 {
        let variance = contrast.dot(&self.unadjusted.dot(&contrast));
        let slope: Array1<f64> = self.slopes.iter().map(|p| contrast.dot(&p.dot(&contrast))).collect();
        2.0 * variance * variance / slope.dot(&self.vcov_variances.dot(&slope))
    }
}

/// The correction for a `fit` to `data` by restricted maximum likelihood, with one grouping factor.
///
/// # Errors
/// [`StatsError::Shape`] for several grouping factors, or a fit of other data; those of [`super::fit_lmm`] for the data;
/// [`StatsError::NotConverged`] where the information of the variances is singular.
pub fn kenward_roger(data: &LmmData, fit: &LmmFit) -> Result<KenwardRoger, StatsError> {
    let rows = ScaledRows::new(data)?;
    let scales = theta_scales(&rows);
    if fit.theta.len() != scales.len() || fit.beta.len() != rows.p() || fit.n_obs != rows.n() {
        return Err(StatsError::Shape("the fit is not one of these data"));
    }
    let route = match data.terms {
        [_] => nested(&rows, &LmmOptions::default()),
        _ => None,
    };
    let route = route.ok_or(StatsError::Shape("Kenward and Roger's correction is there for one grouping factor"))?;
    let (sigma2, q) = (fit.sigma * fit.sigma, data.terms[0].q());
    let lambda = super::super::lambda::from_blocks(data.terms[0].blocks, &(&fit.theta * &scales).to_vec());
    let places: Vec<(usize, usize)> = block_positions(data.terms[0].blocks);
    let mut sums = Sums::new(places.len() + 1, rows.p());
    for group in &route.products.groups {
        sums.add(&Group::new(group, q, &lambda), &places);
    }
    let lost = StatsError::NotConverged { evaluations: fit.evaluations, grad_max: fit.grad_max };
    let phi = Cholesky::factor(sums.a.view()).map_err(|_| lost.clone())?.inverse() * sigma2;
    let found = sums.correct(&phi, sigma2).ok_or(lost)?;
    let to_beta = rows.to_beta();
    let turned = |a: &Array2<f64>| symmetrised(&to_beta.dot(a).dot(&to_beta.t()));
    Ok(KenwardRoger {
        vcov: turned(&found.adjusted),
        unadjusted: turned(&phi),
        slopes: found.slopes.iter().map(turned).collect(),
        vcov_variances: found.w,
    })
}

/// What one group gives.
struct Group {
    /// ZᵀV⁻¹X.
    f: Array2<f64>,
    /// ZᵀV⁻¹Z.
    t: Array2<f64>,
    /// ZᵀV⁻²Z.
    t2: Array2<f64>,
    /// ZᵀV⁻²X.
    f2: Array2<f64>,
    /// XᵀV⁻¹X, XᵀV⁻²X, XᵀV⁻³X.
    x: [Array2<f64>; 3],
    /// tr V⁻².
    trace: f64,
}

impl Group {
    fn new(products: &GroupProducts, q: usize, lambda: &Array2<f64>) -> Self {
        let m = products.ww.nrows();
        let part = |a: std::ops::Range<usize>, b: std::ops::Range<usize>| products.ww.slice(s![a, b]);
        let (zz, zx, xx) = (part(0..q, 0..q), part(0..q, q..m - 1), part(q..m - 1, q..m - 1));
        let inner = lambda.t().dot(&zz).dot(lambda) + Array2::<f64>::eye(q);
        let factor = Cholesky::factor(inner.view()).expect("the identity and a non-negative matrix");
        let half = factor.forward_columns(lambda.t());
        let p = half.t().dot(&half);
        let pzz = p.dot(&zz);
        let h = Array2::eye(q) - &pzz;
        let (f, t) = (h.t().dot(&zx), h.t().dot(&zz));
        let pzx = p.dot(&zx);
        let x1 = &xx - &zx.t().dot(&pzx);
        let x2 = &x1 - &pzx.t().dot(&f);
        let x3 = &x2 - &f.t().dot(&p).dot(&f);
        Self {
            t2: t.dot(&h),
            f2: h.t().dot(&f),
            x: [x1, x2, x3],
            trace: products.rows as f64 - 2.0 * trace(pzz.view()) + trace(pzz.dot(&pzz).view()),
            f,
            t,
        }
    }
}

fn trace(a: ArrayView2<f64>) -> f64 {
    a.diag().sum()
}

/// tr(AB).
fn trace_product(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    a.iter().zip(b.t()).map(|(a, b)| a * b).sum()
}

/// E_s A, for E_s with ones at (row, column) and (column, row).
fn place_rows((row, column): (usize, usize), a: &Array2<f64>) -> Array2<f64> {
    let mut out = Array2::zeros(a.raw_dim());
    out.row_mut(row).assign(&a.row(column));
    out.row_mut(column).assign(&a.row(row));
    out
}

/// Sums over groups, for σ² = 1; the residual variance is the last of the k parameters.
struct Sums {
    a: Array2<f64>,
    p: Vec<Array2<f64>>,
    /// Q_st at s·k + t.
    q: Vec<Array2<f64>>,
    k: Array2<f64>,
}

struct Corrected {
    adjusted: Array2<f64>,
    slopes: Vec<Array2<f64>>,
    w: Array2<f64>,
}

impl Sums {
    fn new(k: usize, p: usize) -> Self {
        let zeros = |n| vec![Array2::zeros((p, p)); n];
        Self { a: Array2::zeros((p, p)), p: zeros(k), q: zeros(k * k), k: Array2::zeros((k, k)) }
    }

    fn add(&mut self, group: &Group, places: &[(usize, usize)]) {
        let last = places.len();
        let size = last + 1;
        let f = &group.f;
        self.a += &group.x[0];
        self.p[last] -= &group.x[1];
        self.q[last * size + last] += &group.x[2];
        self.k[[last, last]] += group.trace;
        for (s, &place) in places.iter().enumerate() {
            let ef = place_rows(place, f);
            self.p[s] -= &f.t().dot(&ef);
            let with_error = ef.t().dot(&group.f2);
            self.q[last * size + s] += &with_error.t();
            self.q[s * size + last] += &with_error;
            let by_error = trace(place_rows(place, &group.t2).view());
            self.k[[s, last]] += by_error;
            self.k[[last, s]] += by_error;
            let et = place_rows(place, &group.t);
            for (t, &other) in places.iter().enumerate() {
                self.q[s * size + t] += &ef.t().dot(&group.t).dot(&place_rows(other, f));
                self.k[[s, t]] += trace_product(&et, &place_rows(other, &group.t));
            }
        }
    }

    fn correct(mut self, phi: &Array2<f64>, sigma2: f64) -> Option<Corrected> {
        self.p.iter_mut().for_each(|p| *p /= sigma2.powi(2));
        self.q.iter_mut().for_each(|q| *q /= sigma2.powi(3));
        self.k /= sigma2.powi(2);
        let size = self.p.len();
        let phi_p: Vec<Array2<f64>> = self.p.iter().map(|p| phi.dot(p)).collect();
        let information = Array2::from_shape_fn((size, size), |(s, t)| {
            self.k[[s, t]] - 2.0 * trace_product(phi, &self.q[s * size + t]) + trace_product(&phi_p[s], &phi_p[t])
        });
        let w = Cholesky::factor(symmetrised(&information).view()).ok()?.inverse() * 2.0;
        let mut u = Array2::<f64>::zeros(phi.raw_dim());
        for s in 0..size {
            for t in 0..size {
                u.scaled_add(w[[s, t]], &(&self.q[s * size + t] - &self.p[s].dot(&phi_p[t])));
            }
        }
        let adjusted = phi + &(phi.dot(&u).dot(phi) * 2.0);
        Some(Corrected { adjusted, slopes: phi_p.iter().map(|p| p.dot(phi)).collect(), w })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fit_lmm;
    use super::*;
    use crate::stats::RandomTerm;

    fn spread(k: usize) -> f64 {
        let x = (k as f64 + 1.0).sin() * 43_758.545_3;
        x - x.floor() - 0.5
    }

    /// The formulas with dense matrices of the rows.
    #[test]
    fn sums_over_groups_are_the_dense_matrices() {
        let (groups, n) = (9, 45);
        let x = Array2::from_shape_fn((n, 3), |(i, k)| match k {
            0 => 1.0,
            1 => (i % 5) as f64,
            _ => spread(i / 5 + 70),
        });
        let z = x.slice(s![.., ..2]).to_owned();
        let level: Vec<u32> = (0..n as u32).map(|i| i / 5).collect();
        let weights = Array1::from_shape_fn(n, |i| 1.0 + spread(i * 3));
        let y = Array1::from_shape_fn(n, |i| {
            let j = i / 5;
            2.0 + x[[i, 1]] * (1.0 + 2.0 * spread(j + 30)) + 3.0 * spread(j) + 2.0 * spread(200 + 7 * i)
        });
        let terms = [RandomTerm { z: z.view().into(), level: &level, n_levels: groups, blocks: &[2] }];
        let data =
            LmmData { y: y.view(), x: x.view().into(), terms: &terms, weights: Some(weights.view()), offset: None };
        let fit = fit_lmm(&data, &LmmOptions::default()).unwrap();
        let ours = kenward_roger(&data, &fit).unwrap();

        let sigma2 = fit.sigma * fit.sigma;
        let omega = fit.terms[0].lambda.dot(&fit.terms[0].lambda.t()) * sigma2;
        let same = |i: usize, j: usize| f64::from(u8::from(level[i] == level[j]));
        let of = |a: usize, b: usize| {
            Array2::from_shape_fn((n, n), |(i, j)| {
                let one = z[[i, a]] * z[[j, b]];
                same(i, j) * if a == b { one } else { one + z[[i, b]] * z[[j, a]] }
            })
        };
        let mut g = vec![of(0, 0), of(1, 0), of(1, 1)];
        g.push(Array2::from_diag(&weights.mapv(|w| 1.0 / w)));
        let parameters = [omega[[0, 0]], omega[[1, 0]], omega[[1, 1]], sigma2];
        let total = g.iter().zip(parameters).fold(Array2::<f64>::zeros((n, n)), |sum, (g, v)| sum + g * v);
        let inverse = Cholesky::factor(total.view()).unwrap().inverse();
        let phi = Cholesky::factor(x.t().dot(&inverse).dot(&x).view()).unwrap().inverse();
        let ix = inverse.dot(&x);
        let p: Vec<Array2<f64>> = g.iter().map(|g| -ix.t().dot(g).dot(&ix)).collect();
        let q = |s: usize, t: usize| ix.t().dot(&g[s]).dot(&inverse).dot(&g[t]).dot(&ix);
        let information = Array2::from_shape_fn((4, 4), |(s, t)| {
            let k = trace_product(&inverse.dot(&g[s]), &inverse.dot(&g[t]));
            k - 2.0 * trace_product(&phi, &q(s, t)) + trace_product(&phi.dot(&p[s]), &phi.dot(&p[t]))
        });
        let w = Cholesky::factor(symmetrised(&information).view()).unwrap().inverse() * 2.0;
        let mut u = Array2::<f64>::zeros((3, 3));
        for s in 0..4 {
            for t in 0..4 {
                u = u + (q(s, t) - p[s].dot(&phi).dot(&p[t])) * w[[s, t]];
            }
        }
        let adjusted = &phi + &(phi.dot(&u).dot(&phi) * 2.0);
        for (ours, dense) in ours.vcov.iter().zip(&adjusted) {
            assert!((ours - dense).abs() < 1e-9 * adjusted[[0, 0]], "{ours} {dense}");
        }
        for k in 0..3 {
            let gradient: Array1<f64> = p.iter().map(|p| phi.row(k).dot(&p.dot(&phi.column(k)))).collect();
            let df = 2.0 * phi[[k, k]].powi(2) / gradient.dot(&w.dot(&gradient));
            let mut c = Array1::zeros(3);
            c[k] = 1.0;
            assert!((ours.df(c.view()) / df - 1.0).abs() < 1e-8, "{} {df}", ours.df(c.view()));
        }
    }
}
