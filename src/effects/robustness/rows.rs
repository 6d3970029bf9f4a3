//! The analysis set of a model as plain rows: outcome, dose in its parts, covariates, school and cohort codes; and the linear
//! probability model on them.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::words::Obstacle;
use crate::design::{BinaryDesign, Head, LinearDesign};
use crate::models;
use crate::panel::Panel;
use crate::stats::{CrType, StatsError, TwoWayData, TwoWayFit, fit_two_way, two_way_cluster_vcov};
use crate::vocab::DosePart;

/// Rows of one pupil each.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Outcome.
    pub y: Array1<f64>,
    /// Dose within school and cohort, or the dose as it is.
    pub within: Array1<f64>,
    /// Mean dose of the school and cohort, less a constant; zeros where the dose is not split.
    pub cohort_mean: Array1<f64>,
    /// Mean dose of the school, less a constant; zeros where the dose is not split.
    pub school_mean: Array1<f64>,
    /// Covariates (n×p), without intercept, cohorts and doses.
    pub x: Array2<f64>,
    /// Their names.
    pub terms: Vec<String>,
    /// School of each row.
    pub school: Vec<u32>,
    /// Number of school codes.
    pub schools: usize,
    /// Cohort of each row, in the order of their labels.
    pub cohort: Vec<u32>,
    /// Number of cohort codes.
    pub cohorts: usize,
    /// The step in which associations are stated.
    pub step: f64,
}

impl Rows {
    /// The rows behind the cells of a landmark design, events first.
    pub(super) fn of_binary(panel: &Panel<'_>, d: &BinaryDesign) -> Self {
        let mut cell = Vec::new();
        let mut y = Vec::new();
        for (i, (m, events)) in d.trials.iter().zip(&d.successes).enumerate() {
            let (m, events) = (m.round() as usize, events.round() as usize);
            cell.extend(std::iter::repeat_n(i, m));
            y.extend((0..m).map(|k| f64::from(u8::from(k < events))));
        }
        let group: Vec<u32> = cell.iter().map(|&i| d.group[i]).collect();
        Self::of(panel, &d.head, d.x().select(&cell), y.into(), group)
    }

    /// The rows of a linear design.
    pub(super) fn of_linear(panel: &Panel<'_>, d: &LinearDesign) -> Self {
        Self::of(panel, &d.head, d.columns.x().to_held().into_owned(), d.y.clone(), d.group.clone())
    }

    fn of(panel: &Panel<'_>, head: &Head, all: Array2<f64>, y: Array1<f64>, school: Vec<u32>) -> Self {
        let labels: BTreeMap<String, u32> =
            panel.pupils.cohorts.iter().zip(0..).map(|(label, code)| (format!("cohort{label}"), code)).collect();
        let n = y.len();
        // The first cohort with rows has no column of its own.
        let dummies: Vec<(usize, u32)> =
            head.terms.iter().enumerate().filter_map(|(c, t)| labels.get(t).map(|code| (c, *code))).collect();
        let first = (0..labels.len() as u32).find(|code| !dummies.iter().any(|(_, other)| other == code));
        let cohort = (0..n)
            .map(|i| dummies.iter().find(|(c, _)| all[[i, *c]] == 1.0).map_or(first.unwrap_or(0), |(_, code)| *code))
            .collect();
        let part = |part: DosePart| head.column(part).map_or(Array1::zeros(n), |c| all.column(c).to_owned());
        let main = head.doses.first().map_or(DosePart::Total, |(part, _)| *part);
        let is_covariate = |c: &usize| {
            let is_dose = head.doses.iter().any(|(_, d)| d == c);
            !is_dose && !dummies.iter().any(|(d, _)| d == c) && head.terms[*c] != "(Intercept)"
        };
        let covariates: Vec<usize> = (0..head.terms.len()).filter(is_covariate).collect();
        let school_mean = part(DosePart::School);
        Self {
            y,
            within: part(main),
            cohort_mean: part(DosePart::Cohort) + &school_mean,
            school_mean,
            x: all.select(Axis(1), &covariates),
            terms: covariates.iter().map(|&c| head.terms[c].clone()).collect(),
            schools: head.groups.len(),
            school,
            cohort,
            cohorts: labels.len(),
            step: head.step,
        }
    }

    pub(in crate::effects) fn len(&self) -> usize {
        self.y.len()
    }

    /// The dose as it is, less a constant.
    pub(in crate::effects) fn total(&self) -> Array1<f64> {
        &self.within + &self.cohort_mean
    }

    /// The rows for which `keep` holds; codes stay as they are.
    pub(super) fn filter(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.len()).filter(|&i| keep(i)).collect();
        let of = |v: &Array1<f64>| v.select(Axis(0), &kept);
        let codes = |v: &[u32]| kept.iter().map(|&i| v[i]).collect();
        Self {
            y: of(&self.y),
            within: of(&self.within),
            cohort_mean: of(&self.cohort_mean),
            school_mean: of(&self.school_mean),
            x: self.x.select(Axis(0), &kept),
            terms: self.terms.clone(),
            school: codes(&self.school),
            cohort: codes(&self.cohort),
            ..*self
        }
    }

    /// A column less its mean in the school and cohort.
    pub(in crate::effects) fn within_cells(&self, column: ArrayView1<f64>) -> Array1<f64> {
        let cell = |i: usize| self.school[i] as usize * self.cohorts + self.cohort[i] as usize;
        let (mut sum, mut n) = (vec![0.0; self.schools * self.cohorts], vec![0.0; self.schools * self.cohorts]);
        for (i, v) in column.iter().enumerate() {
            sum[cell(i)] += v;
            n[cell(i)] += 1.0;
        }
        Array1::from_shape_fn(self.len(), |i| column[i] - sum[cell(i)] / n[cell(i)])
    }

    /// Schools that have rows.
    pub(super) fn schools_present(&self) -> usize {
        present(&self.school).len()
    }

    /// Cohorts that have rows.
    pub(super) fn cohorts_present(&self) -> usize {
        present(&self.cohort).len()
    }

    /// Covariates with cohort dummies and the means of the dose: what is held equal where there are no school effects
    /// (n×q).
    pub(super) fn held_equal(&self) -> Array2<f64> {
        let mut columns: Vec<Array1<f64>> = self.x.columns().into_iter().map(|c| c.to_owned()).collect();
        for code in 1..self.cohorts as u32 {
            columns.push(self.cohort.iter().map(|c| f64::from(u8::from(*c == code))).collect());
        }
        columns.push(self.cohort_mean.clone());
        columns.push(self.school_mean.clone());
        Array2::from_shape_fn((self.len(), columns.len()), |(i, j)| columns[j][i])
    }
}

/// The codes that are there, in their order.
pub(in crate::effects) fn present(codes: &[u32]) -> Vec<u32> {
    let mut codes = codes.to_vec();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// A linear probability model with effects of schools and cohorts.
pub(super) struct Lpm {
    /// Slopes of the columns asked for.
    pub slope: Vec<f64>,
    /// Their CR2 standard errors by school.
    pub std_error: Vec<f64>,
    /// Their Satterthwaite degrees of freedom.
    pub df: Vec<f64>,
    /// The fit with its covariates.
    pub fit: TwoWayFit,
}

/// Regresses y on `columns` and the covariates, with school and cohort effects. Covariates that these effects determine
/// fall out; a column that they determine is an error.
pub(super) fn lpm(rows: &Rows, y: ArrayView1<f64>, columns: &[ArrayView1<f64>]) -> Result<Lpm, Obstacle> {
    let k = columns.len();
    let mut covariates: Vec<usize> = (0..rows.x.ncols()).collect();
    loop {
        let x = Array2::from_shape_fn((rows.len(), k + covariates.len()), |(i, j)| {
            if j < k { columns[j][i] } else { rows.x[[i, covariates[j - k]]] }
        });
        let data = TwoWayData {
            y: y.view(),
            x: x.view(),
            weights: None,
            first: &rows.school,
            n_first: rows.schools,
            second: &rows.cohort,
            n_second: rows.cohorts,
        };
        match fit_two_way(&data) {
            Ok(fit) => {
                let robust =
                    two_way_cluster_vcov(&data, &fit, &rows.school, rows.schools, CrType::Cr2).map_err(obstacle)?;
                let unit = |j: usize| Array1::from_shape_fn(k, |l| f64::from(u8::from(l == j)));
                return Ok(Lpm {
                    slope: fit.beta.iter().take(k).copied().collect(),
                    std_error: (0..k).map(|j| robust.vcov[[j, j]].max(0.0).sqrt()).collect(),
                    df: (0..k).map(|j| robust.df_for(unit(j).view())).collect(),
                    fit,
                });
            }
            Err(StatsError::RankDeficient { column }) if column >= k => {
                covariates.remove(column - k);
            }
            Err(e) => return Err(obstacle(e)),
        }
    }
}

/// An error of the statistical core as the reason of a check.
pub(in crate::effects) fn obstacle(error: StatsError) -> Obstacle {
    Obstacle::Fit(models::reason(&error))
}

/// A number in −0.5..0.5 that is fixed for `k`, for rows of tests.
#[cfg(test)]
pub(in crate::effects) fn noise(k: usize) -> f64 {
    let x = (k as f64 + 1.0).sin() * 43_758.545_3;
    x - x.floor() - 0.5
}
