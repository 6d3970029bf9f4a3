//! Covariance of the fixed effects of a linear mixed model that holds whatever the covariance within groups is.
//!
//! With the score of group g at the estimates,
//!
//! ```text
//! s_g = X_gᵀV_g⁻¹(y_g − X_gβ̂)/σ² = Σ_{i∈g} wᵢxᵢêᵢ/σ²,   ê = y − offset − Xβ̂ − Zb̂
//! V_CR0 = V_β (Σ_g s_gs_gᵀ) V_β
//! ```
//!
//! as V⁻¹(y − Xβ̂) = W(y − Xβ̂ − Zb̂): one pass over the rows, no matrix of a group's rows. The working covariance is the
//! model's own, and V_β and b̂ are those of the fit (Liang & Zeger 1986, Biometrika 73:13; `clubSandwich::vcovCR` for
//! `lmer`). Random effects wider than a group would tie groups together, and are refused.

use ndarray::{Array2, ArrayView1};

use super::super::error::StatsError;
use super::super::linalg::symmetrised;
use super::super::matrix::RowReader;
use super::super::robust::CrType;
use super::super::terms::{RandomTerm, is_nested};
use super::rows::ScaledRows;
use super::{LmmData, LmmFit};

/// The term in whose levels those of all others lie: its levels are independent. `None` for crossed factors.
pub fn outermost_term(terms: &[RandomTerm]) -> Option<usize> {
    (0..terms.len()).find(|&outer| terms.iter().all(|inner| is_nested(inner, &terms[outer])))
}

/// Cluster-robust covariance of β̂ (p×p) of a fit to the same data. Clusters are codes below `n_clusters`, those of the
/// [`outermost_term`] or wider ones; CR0, CR1 and CR1S.
///
/// # Errors
/// [`StatsError::Shape`] for codes that do not fit, a random effect whose level lies in two clusters, another type, or a
/// fit of other data; [`StatsError::TooFewGroups`] with less than two clusters; those of [`super::fit_lmm`] for the data.
pub fn lmm_cluster_vcov(
    data: &LmmData,
    fit: &LmmFit,
    clusters: &[u32],
    n_clusters: usize,
    kind: CrType,
) -> Result<Array2<f64>, StatsError> {
    let (n, p) = data.x.dim();
    ScaledRows::new(data)?;
    if fit.beta.len() != p || fit.n_obs != n || fit.terms.len() != data.terms.len() {
        return Err(StatsError::Shape("the fit is not one of these data"));
    }
    if clusters.len() != n || clusters.iter().any(|&g| g as usize >= n_clusters) {
        return Err(StatsError::Shape("the codes of clusters do not fit the rows"));
    }
    let column = Array2::ones((n, 1));
    let wide = RandomTerm { z: column.view().into(), level: clusters, n_levels: n_clusters, blocks: &[1] };
    if !data.terms.iter().all(|term| is_nested(term, &wide)) {
        return Err(StatsError::Shape("a level of a random effect lies in two clusters"));
    }
    let mut residual = &data.y - &data.x.dot(&fit.beta);
    if let Some(offset) = data.offset {
        residual -= &offset;
    }
    for (term, found) in data.terms.iter().zip(&fit.terms) {
        term.add_random(&-&found.modes, &mut residual);
    }
    if let Some(weights) = data.weights {
        residual *= &weights;
    }
    residual /= fit.sigma * fit.sigma;
    let mut scores = Array2::<f64>::zeros((n_clusters, p));
    let mut seen = vec![false; n_clusters];
    let mut x = RowReader::new(data.x.view());
    for (row, (residual, &cluster)) in residual.iter().zip(clusters).enumerate() {
        scores.row_mut(cluster as usize).scaled_add(*residual, &ArrayView1::from(x.row(row)));
        seen[cluster as usize] = true;
    }
    let groups = seen.into_iter().filter(|&s| s).count();
    if groups < 2 {
        return Err(StatsError::TooFewGroups { groups });
    }
    let (g, n) = (groups as f64, n as f64);
    let factor = match kind {
        CrType::Cr0 => 1.0,
        CrType::Cr1 => g / (g - 1.0),
        CrType::Cr1s => g / (g - 1.0) * (n - 1.0) / (n - p as f64),
        CrType::Cr2 | CrType::Cr3 => return Err(StatsError::Shape("mixed models have CR0, CR1 and CR1S")),
    };
    let shares = scores.dot(&fit.vcov_beta);
    Ok(symmetrised(&(shares.t().dot(&shares) * factor)))
}
