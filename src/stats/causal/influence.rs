//! An estimate with the influence of each row on it.

use ndarray::{Array1, ArrayView1};

use crate::stats::error::StatsError;

/// An estimate θ̂ with influence values: `θ̂ − θ ≈ Σ ψ_i / n`.
#[derive(Clone, Debug)]
pub struct InfluenceEstimate {
    /// θ̂.
    pub value: f64,
    /// ψ_i (n), with mean 0 but for what estimating with other folds leaves.
    pub influence: Array1<f64>,
}

impl InfluenceEstimate {
    /// Standard error for independent rows: `√(Σ(ψ_i − ψ̄)²/(n−1) / n)`.
    pub fn std_error(&self) -> f64 {
        let n = self.influence.len() as f64;
        let mean = self.influence.sum() / n;
        (self.influence.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt()
    }

    /// Standard error that lets rows of a cluster hang together, see [`cluster_std_error`].
    ///
    /// # Errors
    /// As [`cluster_std_error`].
    pub fn cluster_std_error(&self, clusters: &[u32]) -> Result<f64, StatsError> {
        cluster_std_error(self.influence.view(), clusters)
    }
}

/// `√(G/(G−1) · Σ_g (Σ_{i∈g} ψ_i − n_g ψ̄)²) / n` for influence values ψ and G clusters with rows.
///
/// # Errors
/// [`StatsError::Shape`], [`StatsError::TooFewGroups`].
pub fn cluster_std_error(influence: ArrayView1<f64>, clusters: &[u32]) -> Result<f64, StatsError> {
    if influence.len() != clusters.len() {
        return Err(StatsError::Shape("there must be a cluster code for each row"));
    }
    let n = influence.len() as f64;
    let mean = influence.sum() / n;
    let highest = clusters.iter().copied().max().map_or(0, |c| c as usize + 1);
    let (mut sums, mut rows) = (vec![0.0; highest], vec![0_u64; highest]);
    for (value, &code) in influence.iter().zip(clusters) {
        sums[code as usize] += value - mean;
        rows[code as usize] += 1;
    }
    let groups = rows.iter().filter(|r| **r > 0).count();
    if groups < 2 {
        return Err(StatsError::TooFewGroups { groups });
    }
    let g = groups as f64;
    Ok((g / (g - 1.0) * sums.iter().map(|s| s * s).sum::<f64>()).sqrt() / n)
}
