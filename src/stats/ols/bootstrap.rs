//! Bootstrap of linear models.

use ndarray::{Array1, Axis};

use super::super::bootstrap::{
    BootstrapKind, BootstrapOptions, Part, Replicate, Replicates, copies, normals, repeated, run, stream,
};
use super::super::chunks::ROWS;
use super::super::error::StatsError;
use super::{OlsData, OlsFit, OlsOptions, fit_ols};

/// Replicates of (β, σ) of a `fit` to `data`. Parametric: y = Xβ̂ + offset + σ̂ε/√w. By cluster: `clusters` holds the
/// cluster of each row and their number; drawn clusters come with all their rows.
///
/// # Errors
/// [`StatsError::Shape`] for a fit of other data, codes that do not fit, clusters that are missing where they are to be
/// drawn, fewer than two replicates; those of [`fit_ols`] where fewer than two replicates could be fitted.
pub fn bootstrap_ols(
    data: &OlsData,
    opt: &OlsOptions,
    fit: &OlsFit,
    clusters: Option<(&[u32], usize)>,
    boot: &BootstrapOptions,
) -> Result<Replicates, StatsError> {
    let n = data.y.len();
    if fit.beta.len() != data.x.ncols() || fit.n_obs != n as f64 {
        return Err(StatsError::Shape("the fit is not one of these data"));
    }
    let refit = |data: &OlsData| fit_ols(data, opt).map(|fit| Replicate::plain(fit.beta, Some(fit.sigma)));
    match boot.kind {
        BootstrapKind::Parametric => {
            let mean = &data.y - &data.residuals(fit.beta.view());
            run(boot, |r| {
                let mut y = mean.clone();
                for first in (0..n).step_by(ROWS) {
                    let errors = normals(&mut stream(boot.seed, Part::Errors, r, first / ROWS), ROWS.min(n - first));
                    errors.iter().enumerate().for_each(|(i, e)| {
                        y[first + i] += fit.sigma * e / data.weight(first + i).sqrt();
                    });
                }
                refit(&OlsData {
                    y: y.view(),
                    x: data.x.view(),
                    weights: data.weights.as_ref().map(|w| w.view()),
                    offset: data.offset.as_ref().map(|o| o.view()),
                })
            })
        }
        BootstrapKind::Cluster => {
            let (codes, count) = clusters.ok_or(StatsError::Shape("there are no clusters to draw"))?;
            if codes.len() != n || codes.iter().any(|&g| g as usize >= count) {
                return Err(StatsError::Shape("the codes of clusters do not fit the rows"));
            }
            let mut present = vec![false; count];
            codes.iter().for_each(|&g| present[g as usize] = true);
            run(boot, |r| {
                let drawn = repeated(codes, &copies(boot.seed, r, &present));
                let rows: Vec<usize> = drawn.into_iter().map(|(row, _)| row).collect();
                let take = |a: ndarray::ArrayView1<f64>| -> Array1<f64> { a.select(Axis(0), &rows) };
                let (y, x) = (take(data.y), data.x.select(Axis(0), &rows));
                let (weights, offset) = (data.weights.map(take), data.offset.map(take));
                refit(&OlsData {
                    y: y.view(),
                    x: x.view(),
                    weights: weights.as_ref().map(|w| w.view()),
                    offset: offset.as_ref().map(|o| o.view()),
                })
            })
        }
    }
}
