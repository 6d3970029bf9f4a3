//! Linear models with two sets of fixed effects, such as schools and cohorts, solved exactly.
//!
//! Model: y = Xβ + α[first] + γ[second] + e. By Frisch, Waugh & Lovell β is the regression of what is left of y on what is
//! left of X after both factors are projected out. A column z loses the effects that solve
//!
//! ```text
//! [D_a  N ] [α]   [Aᵀz]
//! [Nᵀ  D_b] [γ] = [Bᵀz]     ⇒   (D_b − NᵀD_a⁻¹N) γ = Bᵀz − NᵀD_a⁻¹Aᵀz,   α = D_a⁻¹(Aᵀz − Nγ)
//! ```
//!
//! (all sums weighted; N counts rows by pair of levels). The factor a with more levels is absorbed in closed form, and
//! the Schur complement of the other is factored once: no iteration, whatever the pattern of the pairs. It is a graph
//! Laplacian, with one free constant for each connected component of the pairs; fixing the first level of each makes it
//! positive definite.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::error::StatsError;
use super::linalg::Cholesky;
use super::ols::OlsData;
use super::qr::{DEPENDENT, back_substitute, dot, independent_columns, independent_in, inverse_gram, triangle};
use super::robust::{ClusterVcov, CrType, ols_cluster_vcov_beside};

/// Rows of a model with two sets of fixed effects.
#[derive(Clone, Copy, Debug)]
pub struct TwoWayData<'a> {
    /// Outcomes (n).
    pub y: ArrayView1<'a, f64>,
    /// Columns (n×p), without intercept and without dummies of the factors.
    pub x: ArrayView2<'a, f64>,
    /// Precision weights (n), above 0. None: all 1.
    pub weights: Option<ArrayView1<'a, f64>>,
    /// Level of the first factor by row (n), below `n_first`, in any order; levels may be empty.
    pub first: &'a [u32],
    /// Number of levels of the first factor.
    pub n_first: usize,
    /// Level of the second factor by row (n), below `n_second`.
    pub second: &'a [u32],
    /// Number of levels of the second factor.
    pub n_second: usize,
}

/// A fitted model with two sets of fixed effects.
#[derive(Clone, Debug)]
pub struct TwoWayFit {
    /// Coefficients of the columns of x (p).
    pub beta: Array1<f64>,
    /// Model-based covariance σ̂²(X̃ᵀWX̃)⁻¹ (p×p).
    pub vcov: Array2<f64>,
    /// Residual standard deviation √(RSS/`df_residual`).
    pub sigma: f64,
    /// Residual sum of squares (weighted).
    pub rss: f64,
    /// n − p − `n_effects`.
    pub df_residual: f64,
    /// Independent fixed effects: levels with rows of both factors − `components`.
    pub n_effects: usize,
    /// Connected components of the pairs of levels. Effects of levels in different ones cannot be compared.
    pub components: usize,
    /// X̃: what is left of the columns (n×p); its cluster sums with the residuals are the scores of β.
    pub x_within: Array2<f64>,
    /// Residuals (n).
    pub residuals: Array1<f64>,
}

/// Least squares with both factors projected out.
///
/// # Errors
/// [`StatsError::Shape`], [`StatsError::NotFinite`], [`StatsError::Weight`]; [`StatsError::RankDeficient`] for a column
/// that the factors, or they and columns before it, determine (a fraction below 1e-7 of its length is left).
pub fn fit_two_way(data: &TwoWayData) -> Result<TwoWayFit, StatsError> {
    data.check()?;
    let (n, p) = data.x.dim();
    let effects = Effects::new(data)?;
    let df_residual = n as f64 - p as f64 - effects.count as f64;
    let enough = df_residual > 0.0;
    if !enough {
        return Err(StatsError::Shape("there are no more rows than columns and fixed effects"));
    }
    let (x, y) = (data.x.view(), data.y.view());
    let columns: Vec<ArrayView1<f64>> = x.columns().into_iter().chain([y]).collect();
    let left: Vec<Vec<f64>> = columns.par_iter().map(|z| effects.project(*z)).collect();
    for (column, (z, left)) in columns.iter().zip(&left).take(p).enumerate() {
        let absorbed = dot(left, left).sqrt() <= DEPENDENT * z.dot(z).sqrt();
        if absorbed {
            return Err(StatsError::RankDeficient { column });
        }
    }
    let r = triangle(n, p + 1, |i, to| {
        let root = effects.weights[i].sqrt();
        to.iter_mut().zip(&left).for_each(|(to, z)| *to = root * z[i]);
    });
    let triangle = r.slice(s![..p, ..p]);
    if let Some(&column) = independent_in(triangle, DEPENDENT).dropped.first() {
        return Err(StatsError::RankDeficient { column });
    }
    let beta = Array1::from(back_substitute(triangle, &r.slice(s![..p, p]).to_vec()));
    let x_within = Array2::from_shape_fn((n, p), |(i, j)| left[j][i]);
    let residuals = Array1::from_iter(left[p].iter().copied()) - x_within.dot(&beta);
    let rss = r[[p, p]] * r[[p, p]];
    let variance = rss / df_residual;
    Ok(TwoWayFit {
        vcov: inverse_gram(triangle) * variance,
        sigma: variance.sqrt(),
        rss,
        df_residual,
        n_effects: effects.count,
        components: effects.components,
        x_within,
        residuals,
        beta,
    })
}

impl<'a> TwoWayData<'a> {
    fn check(&self) -> Result<(), StatsError> {
        let n = self.y.len();
        if self.first.len() != n || self.second.len() != n {
            return Err(StatsError::Shape("y, first and second differ in length"));
        }
        let beyond = |codes: &[u32], levels: usize| codes.iter().any(|&code| code as usize >= levels);
        if beyond(self.first, self.n_first) || beyond(self.second, self.n_second) {
            return Err(StatsError::Shape("a level code is not below the number of levels"));
        }
        OlsData { y: self.y, x: self.x, weights: self.weights, offset: None }.check()
    }
}

/// Cluster-robust covariance of an unweighted fit, equal to that of the regression on all dummies. The first p
/// coefficients of the result are those of the fit ([`ClusterVcov::leading`]); dummies of one factor follow.
///
/// The levels of one factor must each lie within a cluster (schools clustered by themselves, or by board): that factor is
/// projected out, since its dummies are directions which a cluster has alone and which then count for nothing. The other
/// keeps its dummies, at a cost that grows with the cube of their number.
///
/// # Errors
/// [`StatsError::Shape`] with weights, or where neither factor is nested in the clusters; those of
/// [`super::ols_cluster_vcov`].
pub fn two_way_cluster_vcov(
    data: &TwoWayData,
    fit: &TwoWayFit,
    clusters: &[u32],
    n_clusters: usize,
    kind: CrType,
) -> Result<ClusterVcov, StatsError> {
    data.check()?;
    let (n, p) = data.x.dim();
    if data.weights.is_some() {
        return Err(StatsError::Shape("robust covariances of two-way models need equal weights"));
    }
    if clusters.len() != n || fit.residuals.len() != n {
        return Err(StatsError::Shape("the fit, the clusters and the rows differ in length"));
    }
    let (inner, n_inner, outer, n_outer) = if is_nested(data.first, data.n_first, clusters) {
        (data.first, data.n_first, data.second, data.n_second)
    } else if is_nested(data.second, data.n_second, clusters) {
        (data.second, data.n_second, data.first, data.n_first)
    } else {
        return Err(StatsError::Shape("the levels of one factor must lie within clusters"));
    };
    let mut columns = Array2::zeros((n, p + n_outer));
    columns.slice_mut(s![.., ..p]).assign(&data.x);
    for (i, &level) in outer.iter().enumerate() {
        columns[[i, p + level as usize]] = 1.0;
    }
    let counts = sums(inner, n_inner, |_| 1.0);
    for mut column in columns.columns_mut() {
        let totals = sums(inner, n_inner, |i| column[i]);
        column.iter_mut().zip(inner).for_each(|(v, &level)| *v -= totals[level as usize] / counts[level as usize]);
    }
    // A fit exists, so what depends on others are dummies: of empty levels, and one of each component.
    let kept: Vec<usize> = independent_columns(columns.view()).kept;
    let columns = columns.select(Axis(1), &kept);
    let absorbed = counts.iter().filter(|c| **c > 0.0).count();
    ols_cluster_vcov_beside(columns.view(), fit.residuals.view(), None, clusters, n_clusters, kind, absorbed)
}

/// Whether each level meets one cluster only.
fn is_nested(levels: &[u32], n_levels: usize, clusters: &[u32]) -> bool {
    let mut home = vec![None; n_levels];
    levels.iter().zip(clusters).all(|(&level, &cluster)| *home[level as usize].get_or_insert(cluster) == cluster)
}

/// The two factors, the larger first, with the factored Schur complement of the smaller.
struct Effects<'a> {
    a: &'a [u32],
    b: &'a [u32],
    weights: Vec<f64>,
    /// D_a: weight of each level of a.
    total_a: Vec<f64>,
    /// Position in the Schur complement of each level of b; none for levels without rows and the first of a component.
    position: Vec<Option<usize>>,
    schur: Option<Cholesky>,
    count: usize,
    components: usize,
}

impl<'a> Effects<'a> {
    fn new(data: &TwoWayData<'a>) -> Result<Self, StatsError> {
        let occupied = |codes: &[u32], levels: usize| {
            let mut seen = vec![false; levels];
            codes.iter().for_each(|&code| seen[code as usize] = true);
            seen
        };
        let (seen_first, seen_second) = (occupied(data.first, data.n_first), occupied(data.second, data.n_second));
        let number = |seen: &[bool]| seen.iter().filter(|s| **s).count();
        let levels = number(&seen_first) + number(&seen_second);
        let first_is_larger = number(&seen_first) >= number(&seen_second);
        let (a, n_a, b, seen_b) = if first_is_larger {
            (data.first, data.n_first, data.second, seen_second)
        } else {
            (data.second, data.n_second, data.first, seen_first)
        };
        let weights = data.weights.map_or_else(|| vec![1.0; data.y.len()], |w| w.to_vec());
        let component = components(a, n_a, b, seen_b.len());
        let mut components = Vec::new();
        let mut position = vec![None; seen_b.len()];
        let mut free = 0;
        for level in (0..seen_b.len()).filter(|&level| seen_b[level]) {
            if components.contains(&component[level]) {
                position[level] = Some(free);
                free += 1;
            } else {
                components.push(component[level]);
            }
        }
        let total_a = sums(a, n_a, |i| weights[i]);
        let schur = match free {
            0 => None,
            _ => {
                let matrix = schur_complement(a, &total_a, b, &position, free, &weights);
                // A Laplacian without one level of each component is positive definite.
                let factor = Cholesky::factor(matrix.view());
                Some(factor.map_err(|_| StatsError::Shape("levels of the factors are tied by too little weight"))?)
            }
        };
        let count = levels - components.len();
        Ok(Self { a, b, weights, total_a, position, schur, count, components: components.len() })
    }

    /// z without the effects of both factors. The projection is applied twice, which removes the rounding of the first.
    fn project(&self, z: ArrayView1<f64>) -> Vec<f64> {
        let mut z = z.to_vec();
        for _ in 0..2 {
            self.remove(&mut z);
        }
        z
    }

    fn remove(&self, z: &mut [f64]) {
        let means = |of: &dyn Fn(usize) -> f64| {
            let mut means = sums(self.a, self.total_a.len(), |i| self.weights[i] * of(i));
            means.iter_mut().zip(&self.total_a).for_each(|(m, w)| *m /= w);
            means
        };
        let mean = means(&|i| z[i]);
        z.iter_mut().zip(self.a).for_each(|(z, &a)| *z -= mean[a as usize]);
        let Some(schur) = &self.schur else { return };
        let mut right = Array1::zeros(schur.lower().nrows());
        for (i, &b) in self.b.iter().enumerate() {
            if let Some(k) = self.position[b as usize] {
                right[k] += self.weights[i] * z[i];
            }
        }
        let solved = schur.solve(right.view());
        let gamma: Vec<f64> = self.position.iter().map(|k| k.map_or(0.0, |k| solved[k])).collect();
        let of_b = means(&|i| gamma[self.b[i] as usize]);
        for ((z, &a), &b) in z.iter_mut().zip(self.a).zip(self.b) {
            *z -= gamma[b as usize] - of_b[a as usize];
        }
    }
}

/// Σ of `value` by code, in row order.
fn sums(codes: &[u32], levels: usize, value: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; levels];
    for (i, &code) in codes.iter().enumerate() {
        sums[code as usize] += value(i);
    }
    sums
}

/// D_b − NᵀD_a⁻¹N for the levels of b that have a position.
fn schur_complement(
    a: &[u32],
    total_a: &[f64],
    b: &[u32],
    position: &[Option<usize>],
    size: usize,
    weights: &[f64],
) -> Array2<f64> {
    let mut matrix = Array2::zeros((size, size));
    // Rows by level of a, in row order within it.
    let mut order: Vec<usize> = (0..a.len()).collect();
    order.sort_by_key(|&i| a[i]);
    let mut row = vec![0.0; size];
    for rows in order.chunk_by(|&i, &j| a[i] == a[j]) {
        let mut touched: Vec<usize> = Vec::new();
        for &i in rows {
            if let Some(k) = position[b[i] as usize] {
                if row[k] == 0.0 {
                    touched.push(k);
                }
                row[k] += weights[i];
            }
        }
        let total = total_a[a[rows[0]] as usize];
        for &k in &touched {
            matrix[[k, k]] += row[k];
            for &l in &touched {
                matrix[[k, l]] -= row[k] * row[l] / total;
            }
        }
        touched.iter().for_each(|&k| row[k] = 0.0);
    }
    matrix
}

/// Component of each level of b in the graph whose edges are the rows: the smallest node in it.
fn components(a: &[u32], n_a: usize, b: &[u32], n_b: usize) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..n_a + n_b).collect();
    fn root(parent: &mut [usize], mut node: usize) -> usize {
        while parent[node] != node {
            parent[node] = parent[parent[node]];
            node = parent[node];
        }
        node
    }
    for (&a, &b) in a.iter().zip(b) {
        let (left, right) = (root(&mut parent, a as usize), root(&mut parent, n_a + b as usize));
        let (low, high) = (left.min(right), left.max(right));
        parent[high] = low;
    }
    (0..n_b).map(|level| root(&mut parent, n_a + level)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ols::{OlsOptions, fit_ols};
    use super::super::robust::ols_cluster_vcov;
    use super::*;
    use ndarray::concatenate;

    struct Case {
        y: Array1<f64>,
        x: Array2<f64>,
        weights: Array1<f64>,
        first: Vec<u32>,
        second: Vec<u32>,
    }

    /// Two components: levels 0–4 of the first factor meet 0–2 of the second, 5–8 meet 3–4. Level 9 and 5 are empty.
    fn case(n: usize) -> Case {
        let v = |i: usize, k: usize| ((i * k) % 101) as f64 / 50.0 - 1.0;
        let first: Vec<u32> = (0..n).map(|i| (i * 7 % 9) as u32).collect();
        let second = (0..n).map(|i| if first[i] < 5 { (i / 9 % 3) as u32 } else { 3 + (i / 9 % 2) as u32 }).collect();
        Case {
            y: Array1::from_shape_fn(n, |i| v(i, 59) + 0.5 * v(i, 37) + f64::from(first[i])),
            x: Array2::from_shape_fn((n, 2), |(i, c)| [v(i, 37) + f64::from(first[i]), 2000.0 + v(i, 23)][c]),
            weights: Array1::from_shape_fn(n, |i| 1.0 + (i % 4) as f64),
            first,
            second,
        }
    }

    impl Case {
        fn data(&self) -> TwoWayData<'_> {
            TwoWayData {
                y: self.y.view(),
                x: self.x.view(),
                weights: Some(self.weights.view()),
                first: &self.first,
                n_first: 10,
                second: &self.second,
                n_second: 6,
            }
        }

        /// x, then dummies of both factors as far as they are independent.
        fn dummies(&self) -> Array2<f64> {
            let dummy = |codes: &[u32], levels| {
                Array2::from_shape_fn((codes.len(), levels), |(i, l)| f64::from(u8::from(codes[i] as usize == l)))
            };
            let all = concatenate![Axis(1), self.x, dummy(&self.first, 10), dummy(&self.second, 6)];
            all.select(Axis(1), &independent_columns(all.view()).kept)
        }
    }

    #[test]
    fn agrees_with_dummies_in_either_order() {
        let case = case(200);
        let dense = case.dummies();
        let ols = OlsData { y: case.y.view(), x: dense.view(), weights: Some(case.weights.view()), offset: None };
        let expected = fit_ols(&ols, &OlsOptions::default()).unwrap();
        let data = case.data();
        let swapped = TwoWayData {
            first: data.second,
            n_first: data.n_second,
            second: data.first,
            n_second: data.n_first,
            ..data
        };
        for data in [data, swapped] {
            let fit = fit_two_way(&data).unwrap();
            assert_eq!((fit.components, fit.n_effects), (2, 9 + 5 - 2));
            assert_eq!(fit.df_residual, expected.df_residual);
            for j in 0..2 {
                assert!((fit.beta[j] - expected.beta[j]).abs() < 1e-12);
                assert!((fit.vcov[[j, j]] / expected.vcov[[j, j]] - 1.0).abs() < 1e-11);
            }
            assert!((fit.rss / expected.rss - 1.0).abs() < 1e-12);
            let residuals = ols.residuals(expected.beta.view());
            assert!((&fit.residuals - &residuals).iter().all(|d| d.abs() < 1e-11));
        }
    }

    #[test]
    fn columns_of_the_factors_are_refused() {
        let mut case = case(200);
        let by_school = Array1::from_iter(case.first.iter().map(|&f| f64::from(f) * 0.3));
        case.x.column_mut(1).assign(&by_school);
        assert_eq!(fit_two_way(&case.data()).unwrap_err(), StatsError::RankDeficient { column: 1 });
        // α + γ with different constants in the two components is still in their span.
        let sum = Array1::from_shape_fn(200, |i| f64::from(case.first[i]) - 2.0 * f64::from(case.second[i]));
        case.x.column_mut(1).assign(&sum);
        assert_eq!(fit_two_way(&case.data()).unwrap_err(), StatsError::RankDeficient { column: 1 });
    }

    #[test]
    fn one_level_of_the_second_factor_is_the_within_regression() {
        let mut case = case(200);
        case.second.fill(2);
        let fit = fit_two_way(&case.data()).unwrap();
        assert_eq!((fit.components, fit.n_effects), (1, 9));
        let dense = case.dummies();
        let ols = OlsData { y: case.y.view(), x: dense.view(), weights: Some(case.weights.view()), offset: None };
        let expected = fit_ols(&ols, &OlsOptions::default()).unwrap();
        assert!((0..2).all(|j| (fit.beta[j] - expected.beta[j]).abs() < 1e-12));
    }

    #[test]
    fn robust_covariances_are_those_of_the_dummies() {
        let case = case(200);
        let data = TwoWayData { weights: None, ..case.data() };
        let fit = fit_two_way(&data).unwrap();
        // Independent columns with those of x first, and residuals of the dense fit.
        let dense = case.dummies();
        let ols = OlsData { y: case.y.view(), x: dense.view(), weights: None, offset: None };
        let residuals = ols.residuals(fit_ols(&ols, &OlsOptions::default()).unwrap().beta.view());
        // Clusters of one or two schools.
        let boards: Vec<u32> = case.first.iter().map(|f| f / 2).collect();
        for clusters in [&case.first, &boards] {
            for kind in [CrType::Cr0, CrType::Cr1s, CrType::Cr2, CrType::Cr3] {
                let expected = ols_cluster_vcov(dense.view(), residuals.view(), None, clusters, 10, kind).unwrap();
                let found = two_way_cluster_vcov(&data, &fit, clusters, 10, kind).unwrap();
                let difference = &found.leading(2) / &expected.leading(2) - 1.0;
                assert!(difference.iter().all(|d| d.abs() < 1e-9), "{kind:?} {difference}");
                for k in 0..2 {
                    assert!((found.df()[k] / expected.df()[k] - 1.0).abs() < 1e-9, "{kind:?}");
                }
            }
        }
        let across: Vec<u32> = (0..200).map(|i| i % 7).collect();
        assert!(two_way_cluster_vcov(&data, &fit, &across, 7, CrType::Cr2).is_err());
    }
}
