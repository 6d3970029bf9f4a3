//! Bootstrap of generalised linear models from their cells.

use ndarray::{Array1, Array2, Axis};

use super::super::bootstrap::{BootstrapKind, BootstrapOptions, Replicate, Replicates, copies, counts, run};
use super::super::cells::Cells;
use super::super::error::StatsError;
use super::super::family::Family;
use super::{GlmFit, GlmOptions, fit_glm};

/// Replicates of β of a `fit` to `cells`. Parametric: the successes of each cell drawn at its mean. By cluster: `clusters`
/// holds the cluster of each cell and their number; a cell of a cluster that is drawn k times stands for k times its rows.
///
/// # Errors
/// [`StatsError::Shape`] for a fit of other cells, codes that do not fit, clusters that are missing where they are to be
/// drawn, trials that are not whole numbers where successes are to be drawn, fewer than two replicates; those of
/// [`fit_glm`] where fewer than two replicates could be fitted.
pub fn bootstrap_glm(
    cells: &Cells,
    family: Family,
    opt: &GlmOptions,
    fit: &GlmFit,
    clusters: Option<(&[u32], usize)>,
    boot: &BootstrapOptions,
) -> Result<Replicates, StatsError> {
    cells.check(family)?;
    if fit.beta.len() != cells.x.ncols() {
        return Err(StatsError::Shape("the fit is not one of these cells"));
    }
    match boot.kind {
        BootstrapKind::Parametric => {
            let mut eta = cells.x.dot(&fit.beta);
            if let Some(offset) = cells.offset {
                eta += &offset;
            }
            let trials = cells.trials.to_owned();
            run(boot, |r| {
                let successes = counts(family, &eta, &trials, boot.seed, r)?;
                refit(&cells.with_successes(&successes), family, opt)
            })
        }
        BootstrapKind::Cluster => {
            let (codes, n) = clusters.ok_or(StatsError::Shape("there are no clusters to draw"))?;
            if codes.len() != cells.trials.len() || codes.iter().any(|&g| g as usize >= n) {
                return Err(StatsError::Shape("the codes of clusters do not fit the cells"));
            }
            let mut present = vec![false; n];
            codes.iter().for_each(|&g| present[g as usize] = true);
            run(boot, |r| {
                let drawn = drawn_cells(cells, codes, &copies(boot.seed, r, &present));
                refit(&drawn.cells(), family, opt)
            })
        }
    }
}

fn refit(cells: &Cells, family: Family, opt: &GlmOptions) -> Result<Replicate, StatsError> {
    fit_glm(cells, family, opt).map(|fit| Replicate::plain(fit.beta, None))
}

/// Some of the cells, each perhaps several times.
pub(in super::super) struct DrawnCells {
    x: Array2<f64>,
    trials: Array1<f64>,
    successes: Array1<f64>,
    offset: Option<Array1<f64>>,
}

/// The cells of groups that are drawn once or more often.
pub(in super::super) fn drawn_cells(cells: &Cells, group: &[u32], copies: &[f64]) -> DrawnCells {
    let times = |row: usize| copies[group[row] as usize];
    let rows: Vec<usize> = (0..group.len()).filter(|&row| times(row) > 0.0).collect();
    DrawnCells::new(cells, &rows, times)
}

impl DrawnCells {
    pub fn new(cells: &Cells, rows: &[usize], times: impl Fn(usize) -> f64) -> Self {
        Self {
            x: cells.x.select(rows),
            trials: rows.iter().map(|&row| times(row) * cells.trials[row]).collect(),
            successes: rows.iter().map(|&row| times(row) * cells.successes[row]).collect(),
            offset: cells.offset.map(|o| o.select(Axis(0), rows)),
        }
    }

    pub fn cells(&self) -> Cells<'_> {
        Cells {
            x: self.x.view().into(),
            trials: self.trials.view(),
            successes: self.successes.view(),
            offset: self.offset.as_ref().map(|o| o.view()),
        }
    }
}
