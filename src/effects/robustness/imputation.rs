//! R6: missing characteristics filled in many times, by what else is known of a pupil (Rubin 1987).
//!
//! Chained equations (van Buuren 2018, Flexible Imputation of Missing Data, §4.5): every number with gaps is regressed on the outcome, the
//! dose in its parts, the other characteristics and its mean in the school; coefficients and variance are drawn from their
//! posterior, then the gaps. The linear probability model of R1 is fitted to each filled set and pooled: `T = Ū + (1 + 1/m) B`. Who lacks
//! a category (leerweg) stays left out: it is not drawn.

use ndarray::{Array1, Array2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use rayon::prelude::*;

use super::rows::{Rows, lpm};
use super::{Estimated, Obstacle, Subject};
use crate::design::covariates_of;
use crate::panel::sets::SetRow;
use crate::stats::independent_columns;
use crate::stats::linalg::Cholesky;
use crate::vocab::ids::Ix;

/// Filled sets.
const SETS: u64 = 20;
/// Rounds of the chain.
const ROUNDS: usize = 5;

/// The slope of the dose within school and cohort over pupils with and without gaps, per step.
pub(super) fn filled(subject: &Subject<'_>) -> Result<Estimated, Obstacle> {
    subject.ready()?;
    pooled(&incomplete(subject)?, subject.effort.seed)
}

/// All pupils of the set who have a dose, their outcome and every category; numbers may be NaN.
fn incomplete(subject: &Subject<'_>) -> Result<Rows, Obstacle> {
    let (panel, entry) = (subject.panel, &subject.fitted.entry);
    let plan = &panel.plan;
    let (known, _) = panel.rows(plan.outcome(&entry.outcome), plan.exposure(&entry.exposure));
    let used = covariates_of(panel, entry);
    let pupils = &panel.pupils;
    let is_category = |c: usize| !pupils.levels[c].is_empty();
    let has_categories = |r: &SetRow| used.iter().all(|&c| !is_category(c) || !pupils.covariates[c][r.pupil].is_nan());
    let rows: Vec<SetRow> = known.into_iter().filter(|r| !r.dose.is_nan() && has_categories(r)).collect();
    let mut columns: Vec<(String, Array1<f64>)> = Vec::new();
    for &c in &used {
        let id = &plan.covariates[c].id;
        let values: Array1<f64> = rows.iter().map(|r| pupils.covariates[c][r.pupil]).collect();
        if is_category(c) {
            for (level, name) in pupils.levels[c].iter().enumerate().skip(1) {
                let own = values.mapv(|v| f64::from(u8::from(v as usize == level)));
                columns.push((format!("{id}{name}"), own));
            }
        } else {
            columns.push((id.clone(), values));
        }
    }
    let n = rows.len();
    let school: Vec<u32> = rows.iter().map(|r| r.school.at() as u32).collect();
    let cohort: Vec<u32> = rows.iter().map(|r| pupils.cohort[r.pupil].at() as u32).collect();
    let dose: Array1<f64> = rows.iter().map(|r| r.dose).collect();
    let mut all = Rows {
        y: rows.iter().map(|r| r.y).collect(),
        within: Array1::zeros(n),
        cohort_mean: Array1::zeros(n),
        school_mean: Array1::zeros(n),
        x: Array2::from_shape_fn((n, columns.len()), |(i, j)| columns[j].1[i]),
        terms: columns.into_iter().map(|(name, _)| name).collect(),
        schools: pupils.schools.len(),
        school,
        cohorts: pupils.cohorts.len(),
        cohort,
        step: subject.fitted.design.head().step,
    };
    all.within = all.within_cells(dose.view());
    all.cohort_mean = &dose - &all.within;
    all.school_mean = of_schools(&all, &dose);
    Ok(all)
}

/// The mean of a column in the row's school, over what is there; its mean over all where nothing is.
fn of_schools(rows: &Rows, column: &Array1<f64>) -> Array1<f64> {
    let mut sums = vec![(0.0, 0.0); rows.schools];
    let mut all = (0.0, 0.0);
    for (s, v) in rows.school.iter().zip(column).filter(|(_, v)| !v.is_nan()) {
        for sum in [&mut sums[*s as usize], &mut all] {
            *sum = (sum.0 + v, sum.1 + 1.0);
        }
    }
    let mean = |(sum, n): (f64, f64)| if n > 0.0 { sum / n } else { all.0 / all.1 };
    rows.school.iter().map(|s| mean(sums[*s as usize])).collect()
}

/// Fits every filled set and pools.
fn pooled(rows: &Rows, seed: u64) -> Result<Estimated, Obstacle> {
    let gaps: Vec<(usize, Vec<usize>)> = (0..rows.x.ncols())
        .map(|j| (j, (0..rows.len()).filter(|&i| rows.x[[i, j]].is_nan()).collect()))
        .filter(|(_, gaps): &(usize, Vec<usize>)| !gaps.is_empty())
        .collect();
    if gaps.is_empty() {
        return Err(Obstacle::NothingMissing);
    }
    if gaps.iter().any(|(_, gaps)| gaps.len() == rows.len()) {
        return Err(Obstacle::OutOfRange);
    }
    let own: Vec<Array1<f64>> = gaps.iter().map(|(j, _)| of_schools(rows, &rows.x.column(*j).to_owned())).collect();
    let fits: Result<Vec<[f64; 3]>, Obstacle> = (0..SETS)
        .into_par_iter()
        .map(|set| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(set + 1);
            let full = Rows { x: fill(rows, &gaps, &own, &mut rng).ok_or(Obstacle::OutOfRange)?, ..rows.clone() };
            let fit = lpm(&full, full.y.view(), &[full.within.view()])?;
            Ok([fit.slope[0], fit.std_error[0].powi(2), fit.df[0]])
        })
        .collect();
    let fits = fits?;
    let m = fits.len() as f64;
    let mean = |k: usize| fits.iter().map(|f| f[k]).sum::<f64>() / m;
    let (slope, inside, df) = (mean(0), mean(1), mean(2));
    let between = (1.0 + 1.0 / m) * fits.iter().map(|f| (f[0] - slope).powi(2)).sum::<f64>() / (m - 1.0);
    let rubin = (m - 1.0) * (1.0 + inside / between).powi(2);
    Ok(Estimated::per_step(slope, (inside + between).sqrt(), rubin.min(df), rows.step))
}

/// One filled set; `None` where a regression can't be done.
fn fill(rows: &Rows, gaps: &[(usize, Vec<usize>)], own: &[Array1<f64>], rng: &mut ChaCha8Rng) -> Option<Array2<f64>> {
    let mut x = rows.x.clone();
    for ((j, gaps), own) in gaps.iter().zip(own) {
        gaps.iter().for_each(|&i| x[[i, *j]] = own[i]);
    }
    for _ in 0..ROUNDS {
        for ((j, gaps), own) in gaps.iter().zip(own) {
            let others: Vec<usize> = (0..x.ncols()).filter(|k| k != j).collect();
            let design = Array2::from_shape_fn((rows.len(), 6 + others.len()), |(i, k)| match k {
                0 => 1.0,
                1 => rows.y[i],
                2 => rows.within[i],
                3 => rows.cohort_mean[i],
                4 => rows.school_mean[i],
                5 => own[i],
                _ => x[[i, others[k - 6]]],
            });
            draw(&mut x, *j, gaps, &design, rng)?;
        }
    }
    Some(x)
}

/// Draws coefficients and variance of the regression over the rows without a gap, then the gaps.
fn draw(x: &mut Array2<f64>, j: usize, gaps: &[usize], design: &Array2<f64>, rng: &mut ChaCha8Rng) -> Option<()> {
    let mut is_gap = vec![false; x.nrows()];
    gaps.iter().for_each(|&i| is_gap[i] = true);
    let seen: Vec<usize> = (0..x.nrows()).filter(|&i| !is_gap[i]).collect();
    let there = design.select(Axis(0), &seen);
    let kept = independent_columns(there.view()).kept;
    let there = there.select(Axis(1), &kept);
    let y: Array1<f64> = seen.iter().map(|&i| x[[i, j]]).collect();
    let factor = Cholesky::factor(there.t().dot(&there).view()).ok()?;
    let beta = factor.solve(there.t().dot(&y).view());
    let left = &y - &there.dot(&beta);
    let df = seen.len() as f64 - kept.len() as f64;
    let chi2: f64 = ChiSquared::new(df).ok()?.sample(rng);
    let sigma = (left.dot(&left) / chi2).sqrt();
    // β* = β̂ + σ* (X'X)⁻¹ X'z has the posterior's covariance σ*² (X'X)⁻¹.
    let z: Array1<f64> = (0..seen.len()).map(|_| StandardNormal.sample(rng)).collect();
    let drawn = &beta + &(factor.solve(there.t().dot(&z).view()) * sigma);
    for &i in gaps {
        let noise: f64 = StandardNormal.sample(rng);
        x[[i, j]] = kept.iter().zip(&drawn).map(|(k, b)| design[[i, *k]] * b).sum::<f64>() + sigma * noise;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::rows::noise;
    use super::*;

    /// 40 schools of 150 pupils; the outcome goes with the dose by 0.01 and with a number by 0.3, and of those with a high outcome and a
    /// high dose most lack the number.
    fn rows(with_gaps: bool) -> Rows {
        let n = 6_000;
        let dose: Array1<f64> = (0..n).map(|i| 10.0 * noise(i)).collect();
        let number: Array1<f64> = (0..n).map(|i| noise(i + 9_000) + 0.08 * dose[i]).collect();
        let y: Array1<f64> = (0..n).map(|i| 0.01 * dose[i] + 0.3 * number[i] + 0.2 * noise(i + 20_000)).collect();
        let is_gap = |i: usize| with_gaps && y[i] > 0.05 && dose[i] > 0.0 && noise(i + 50_000) < 0.3;
        let mut rows = Rows {
            x: Array2::from_shape_fn((n, 1), |(i, _)| if is_gap(i) { f64::NAN } else { number[i] }),
            y,
            within: Array1::zeros(n),
            cohort_mean: Array1::zeros(n),
            school_mean: Array1::zeros(n),
            terms: vec!["number".into()],
            school: (0..n as u32).map(|i| i / 150).collect(),
            schools: 40,
            cohort: (0..n as u32).map(|i| i % 2).collect(),
            cohorts: 2,
            step: 1.0,
        };
        rows.within = rows.within_cells(dose.view());
        rows.cohort_mean = &dose - &rows.within;
        rows.school_mean = of_schools(&rows, &dose);
        rows
    }

    #[test]
    fn filling_in_gives_back_what_leaving_out_loses() {
        let slope = |rows: &Rows| lpm(rows, rows.y.view(), &[rows.within.view()]).expect("a fit").slope[0] * 100.0;
        let full = slope(&rows(false));
        let gappy = rows(true);
        let missing = gappy.x.iter().filter(|v| v.is_nan()).count();
        assert!(missing > 600 && missing < 3_000, "{missing}");
        let left_out = slope(&gappy.filter(|i| !gappy.x[[i, 0]].is_nan()));
        let found = pooled(&gappy, 1).expect("a pooled slope");
        assert!((left_out - full).abs() > 0.1, "leaving out would do as well: {left_out} {full}");
        assert!((found.value - full).abs() < 0.5 * (left_out - full).abs(), "{} {left_out} {full}", found.value);
        assert!(found.covers(full) && found.covers(1.0), "{found:?}");
        assert_eq!(pooled(&gappy, 1).map(|e| e.value), pooled(&gappy, 1).map(|e| e.value), "equal seeds");
        assert_eq!(pooled(&rows(false), 1).err(), Some(Obstacle::NothingMissing));
    }
}
