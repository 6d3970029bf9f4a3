//! E7: what changed at schools that intensified their guidance, beside schools that did not (yet): differences in differences of
//! school × cohort cells (`statistics.md` §5.4).
//!
//! A school *intensifies* with the first cohort from which on the mean dose of two cohorts lies at least half a standard deviation of
//! pupils above its mean before. Outcomes are cell means held equal: `ȳ − x̄'γ̂`, γ̂ by least squares within cells beside the dose, and taken as known.
//! ATT(g,t) of Callaway & Sant'Anna (2021), schools weighted by their pupils. Errors are a jackknife over schools: in one year often
//! one or two schools change, and of so few an influence function knows no spread.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::robustness::rows::{obstacle, present};
use super::robustness::{Estimated, Obstacle, Rows};
use crate::stats::linalg::Cholesky;
use crate::stats::{
    Aggregation, DidControls, DidData, DidEstimator, DidFit, DidOptions, OlsData, OlsOptions, StatsError, f_survival,
    fit_did, fit_ols, impute_did, independent_columns,
};

/// Rise of the mean dose that counts, in standard deviations of pupils.
pub const RISE: f64 = 0.5;
/// Cohorts over which it must last.
pub const LASTS: usize = 2;
/// Pupils that each cohort of a school must have: with fewer, means move by chance alone.
pub const MIN_PUPILS: u32 = 20;
/// Schools that must have intensified, and that must not have.
pub const MIN_SCHOOLS: u32 = 5;
/// Years before and after that are followed.
const WINDOW: i32 = 4;
/// Changed schools that must be seen in a year.
const MIN_SCHOOLS_OF_A_YEAR: u32 = 3;
/// Replicates and seed of the simultaneous band.
const BAND: (u32, u64) = (999, 1);

/// The event study and its averages, in percentage points.
#[derive(Clone, Debug)]
pub struct Programme {
    /// Schools that intensified.
    pub changed: u32,
    /// Schools that did not.
    pub unchanged: u32,
    /// Schools without [`MIN_PUPILS`] in each cohort.
    pub left_out: u32,
    /// How much more dose a pupil of a changed school had since, beside the others.
    pub rise: f64,
    /// Average since the change, beside schools that did not change or not yet.
    pub overall: Estimated,
    /// The same per step of the dose.
    pub per_step: Estimated,
    /// Per step, beside schools that never changed.
    pub beside_never: Option<Estimated>,
    /// Per step, by imputation.
    pub imputed: Option<Estimated>,
    /// By years since the change.
    pub events: Vec<Event>,
    /// Whether changes before it were 0.
    pub pre_trends: Option<PreTrends>,
}

/// The joint test that nothing changed before, of F with two degrees of freedom.
#[derive(Clone, Copy, Debug)]
pub struct PreTrends {
    /// The F statistic.
    pub statistic: f64,
    /// Years, and changed schools less years.
    pub df: [f64; 2],
    /// Its p-value.
    pub p_value: f64,
}

/// One year since (or before, negative) the change.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Years since the change; before it, the change from the year before.
    pub at: i32,
    /// In percentage points.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// The simultaneous 95 % band.
    pub band: [f64; 2],
}

impl Programme {
    /// The largest change from one year to the next before the programme changed: a yardstick for how far from parallel the years
    /// after may be (Rambachan & Roth 2023, Rev. Econ. Stud. 90:2555).
    pub fn largest_before(&self) -> Option<f64> {
        self.events.iter().filter(|e| e.at < 0).map(|e| e.estimate.abs()).max_by(f64::total_cmp)
    }
}

/// Cells of schools that have all cohorts.
struct Cells {
    y: Array2<f64>,
    dose: Array2<f64>,
    weights: Vec<f64>,
    left_out: u32,
}

/// E7 of a landmark set.
///
/// # Errors
/// Too few cohorts, or too few schools that changed or did not.
pub fn programme(rows: &Rows) -> Result<Programme, Obstacle> {
    let cohorts = present(&rows.cohort);
    if cohorts.len() < LASTS + 1 {
        return Err(Obstacle::FewCohorts(LASTS as u32 + 1));
    }
    let cells = cells(rows, &cohorts)?;
    let sd = rows.total().std(1.0);
    let first: Vec<Option<f64>> = cells.dose.rows().into_iter().map(|d| intensified(d.to_vec(), sd)).collect();
    let changed = first.iter().flatten().count() as u32;
    let unchanged = first.len() as u32 - changed;
    if changed.min(unchanged) < MIN_SCHOOLS {
        return Err(Obstacle::FewChanges(MIN_SCHOOLS));
    }
    let study = Study { cells: &cells, first: &first, periods: (0..cohorts.len()).map(|t| t as f64).collect() };
    let df = f64::from(changed) - 1.0;
    let not_yet = study.jackknife(DidControls::NotYet)?;
    let rise = not_yet.all.rise;
    let of = |j: &Jackknifed, number: &dyn Fn(&Numbers) -> f64| {
        Estimated::per_step(number(&j.all), j.std_error(number), df, 1.0)
    };
    let per_step = |n: &Numbers| rows.step * n.overall / n.rise;
    let never = study.jackknife(DidControls::Never).ok();
    let imputed = impute_did(&study.data(&cells.y, &first, &cells.weights)).ok().map(|i| {
        let by = rows.step / rise;
        Estimated::per_step(by * i.estimate, (by * i.std_error).abs(), df, 1.0)
    });
    let (events, pre_trends) = study.events(&not_yet)?;
    Ok(Programme {
        changed,
        unchanged,
        left_out: cells.left_out,
        rise,
        overall: of(&not_yet, &|n| n.overall),
        per_step: of(&not_yet, &per_step),
        beside_never: never.map(|never| of(&never, &per_step)),
        imputed,
        events,
        pre_trends,
    })
}

/// The cells with what changed when.
struct Study<'c> {
    cells: &'c Cells,
    first: &'c [Option<f64>],
    periods: Vec<f64>,
}

/// What is made of all schools, or of all but one.
#[derive(Clone, Debug)]
struct Numbers {
    overall: f64,
    /// The same of the dose.
    rise: f64,
    /// By years since the change.
    events: BTreeMap<i32, f64>,
}

/// Numbers of all schools, and without each.
struct Jackknifed {
    fit: DidFit,
    all: Numbers,
    without: Vec<Numbers>,
}

impl Jackknifed {
    /// What each school moves: `(n − 1)(θ̂ − θ̂₍₋ᵢ₎)`, which stands for an influence function.
    fn influence(&self, of: impl Fn(&Numbers) -> f64) -> Array1<f64> {
        let n = self.without.len() as f64;
        let mean = self.without.iter().map(&of).sum::<f64>() / n;
        self.without.iter().map(|w| (n - 1.0) * (mean - of(w))).collect()
    }

    fn std_error(&self, of: impl Fn(&Numbers) -> f64) -> f64 {
        let influence = self.influence(of);
        let n = influence.len() as f64;
        (influence.dot(&influence) / (n * (n - 1.0))).sqrt()
    }
}

impl Study<'_> {
    /// Cells of some schools, with when they changed and their weights.
    fn data<'d>(&'d self, y: &'d Array2<f64>, first: &'d [Option<f64>], weights: &'d [f64]) -> DidData<'d> {
        DidData { y: y.view(), periods: &self.periods, first, x: None, weights: Some(weights), clusters: None }
    }

    /// The schools but `out`.
    fn numbers(&self, out: Option<usize>, controls: DidControls) -> Result<(DidFit, Numbers), StatsError> {
        let kept: Vec<usize> = (0..self.first.len()).filter(|i| Some(*i) != out).collect();
        let [y, dose] = [&self.cells.y, &self.cells.dose].map(|of| of.select(ndarray::Axis(0), &kept));
        let first: Vec<Option<f64>> = kept.iter().map(|&i| self.first[i]).collect();
        let weights: Vec<f64> = kept.iter().map(|&i| self.cells.weights[i]).collect();
        let options = DidOptions { controls, estimator: DidEstimator::Regression };
        let fit = |of: &Array2<f64>| fit_did(&self.data(of, &first, &weights), &options);
        let (fit, dose) = (fit(&y)?, fit(&dose)?);
        let none = StatsError::TooFewGroups { groups: 0 };
        let simple = |fit: &DidFit| fit.aggregate(Aggregation::Simple).map(|a| a.overall);
        let (overall, rise) = simple(&fit).zip(simple(&dose)).ok_or(none.clone())?;
        let years = fit.aggregate(Aggregation::Dynamic).ok_or(none)?;
        let events = years.at.iter().zip(&years.estimates).map(|(at, e)| (*at as i32, *e)).collect();
        Ok((fit, Numbers { overall, rise, events }))
    }

    fn jackknife(&self, controls: DidControls) -> Result<Jackknifed, Obstacle> {
        let (fit, all) = self.numbers(None, controls).map_err(obstacle)?;
        let without: Result<Vec<Numbers>, StatsError> = (0..self.first.len())
            .into_par_iter()
            .map(|i| self.numbers(Some(i), controls).map(|(_, numbers)| numbers))
            .collect();
        Ok(Jackknifed { fit, all, without: without.map_err(obstacle)? })
    }

    /// Changed schools that are seen so many years after (or before) their change.
    fn seen_at(&self, at: i32) -> u32 {
        let last = self.periods.len() as f64 - 1.0;
        // What stands at a year before is the change up to it, which needs a year more.
        let lowest = if at < 0 { 1.0 } else { 0.0 };
        let is_seen = |g: &&f64| (lowest..=last).contains(&(**g + f64::from(at)));
        self.first.iter().flatten().filter(is_seen).count() as u32
    }

    /// Years with enough schools, with their simultaneous band, and the test of those before the change.
    fn events(&self, found: &Jackknifed) -> Result<(Vec<Event>, Option<PreTrends>), Obstacle> {
        let is_followed = |at: &i32| at.abs() <= WINDOW && self.seen_at(*at) >= MIN_SCHOOLS_OF_A_YEAR;
        let years: Vec<i32> = found.all.events.keys().copied().filter(is_followed).collect();
        if years.is_empty() {
            return Ok((Vec::new(), None));
        }
        let own = |at: i32| move |n: &Numbers| n.events.get(&at).copied().unwrap_or(found.all.events[&at]);
        let columns: Vec<Array1<f64>> = years.iter().map(|&at| found.influence(own(at))).collect();
        let influence = Array2::from_shape_fn((self.first.len(), years.len()), |(i, k)| columns[k][i]);
        let band = found.fit.band(influence.view(), 0.95, BAND.0, BAND.1).map_err(obstacle)?;
        let event = |(k, &at): (usize, &i32)| {
            let (estimate, half) = (found.all.events[&at], band.critical * band.std_errors[k]);
            Event {
                at,
                estimate: 100.0 * estimate,
                std_error: 100.0 * found.std_error(own(at)),
                band: [-half, half].map(|by| 100.0 * (estimate + by)),
            }
        };
        let before: Vec<usize> = (0..years.len()).filter(|&k| years[k] < 0).collect();
        let theta: Array1<f64> = before.iter().map(|&k| found.all.events[&years[k]]).collect();
        let pre_trends = self.pre_trends(&theta, &influence.select(ndarray::Axis(1), &before));
        Ok((years.iter().enumerate().map(event).collect(), pre_trends))
    }

    /// Hotelling's T² of the years before: `T²(ν − k + 1)/(νk) ~ F(k, ν − k + 1)`, ν the changed schools less one.
    fn pre_trends(&self, theta: &Array1<f64>, influence: &Array2<f64>) -> Option<PreTrends> {
        let (n, k) = (influence.nrows() as f64, theta.len() as f64);
        let vcov = influence.t().dot(influence) / (n * (n - 1.0));
        let half = Cholesky::factor(vcov.view()).ok()?.forward(theta.view());
        let nu = self.first.iter().flatten().count() as f64 - 1.0;
        let df = nu - k + 1.0;
        let statistic = half.dot(&half) * df / (nu * k);
        (k > 0.0 && df > 0.0).then(|| PreTrends { statistic, df: [k, df], p_value: f_survival(statistic, k, df) })
    }
}

/// The first cohort from which on the mean dose is higher than before, by enough and for long enough.
fn intensified(dose: Vec<f64>, sd: f64) -> Option<f64> {
    let rises = |&t: &usize| {
        let before = dose[..t].iter().sum::<f64>() / t as f64;
        dose[t..t + LASTS].iter().all(|d| d - before >= RISE * sd)
    };
    (1..=dose.len() - LASTS).find(rises).map(|t| t as f64)
}

fn cells(rows: &Rows, cohorts: &[u32]) -> Result<Cells, Obstacle> {
    let dose = rows.total();
    let place: BTreeMap<u32, usize> = cohorts.iter().copied().zip(0..).collect();
    let cell = |i: usize| rows.school[i] as usize * cohorts.len() + place[&rows.cohort[i]];
    let size = rows.schools * cohorts.len();
    let mut n = vec![0_u32; size];
    (0..rows.len()).for_each(|i| n[cell(i)] += 1);
    let means = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let mut sums = vec![0.0; size];
        (0..rows.len()).for_each(|i| sums[cell(i)] += of(i));
        sums.iter().zip(&n).map(|(sum, n)| sum / f64::from(*n)).collect()
    };
    let y_mean = means(&|i| rows.y[i]);
    let x_means: Vec<Vec<f64>> = (0..rows.x.ncols()).map(|j| means(&|i| rows.x[[i, j]])).collect();
    let gamma = slopes(rows)?;
    let held = |c: usize| y_mean[c] - gamma.iter().zip(&x_means).map(|(g, mean)| g * mean[c]).sum::<f64>();
    let dose_mean = means(&|i| dose[i]);
    let of_school = |s: usize| s * cohorts.len()..(s + 1) * cohorts.len();
    let has_rows = |s: &usize| n[of_school(*s)].iter().any(|n| *n > 0);
    let is_whole = |s: &usize| n[of_school(*s)].iter().all(|n| *n >= MIN_PUPILS);
    let all: Vec<usize> = (0..rows.schools).filter(has_rows).collect();
    let used: Vec<usize> = all.iter().copied().filter(is_whole).collect();
    let shape = (used.len(), cohorts.len());
    let pupils = |s: &usize| f64::from(n[of_school(*s)].iter().sum::<u32>());
    Ok(Cells {
        y: Array2::from_shape_fn(shape, |(k, t)| held(used[k] * cohorts.len() + t)),
        dose: Array2::from_shape_fn(shape, |(k, t)| dose_mean[used[k] * cohorts.len() + t]),
        weights: used.iter().map(pupils).collect(),
        left_out: (all.len() - used.len()) as u32,
    })
}

/// γ̂: what goes with the covariates within cells, beside the dose.
fn slopes(rows: &Rows) -> Result<Vec<f64>, Obstacle> {
    let p = rows.x.ncols();
    let mut columns: Vec<Array1<f64>> = rows.x.columns().into_iter().map(|c| rows.within_cells(c)).collect();
    columns.push(rows.within.clone());
    let all = Array2::from_shape_fn((rows.len(), p + 1), |(i, j)| columns[j][i]);
    let kept = independent_columns(all.view()).kept;
    let x = all.select(ndarray::Axis(1), &kept);
    let y = rows.within_cells(rows.y.view());
    let data = OlsData { y: y.view(), x: x.view(), weights: None, offset: None };
    let fit = fit_ols(&data, &OlsOptions::default()).map_err(obstacle)?;
    let mut gamma = vec![0.0; p];
    kept.iter().zip(&fit.beta).filter(|(j, _)| **j < p).for_each(|(j, beta)| gamma[*j] = *beta);
    Ok(gamma)
}

#[cfg(test)]
mod tests {
    use super::super::robustness::rows::noise;
    use super::*;

    /// 60 schools with six cohorts of 30; a third rises by 10 with cohort 2, a third with cohort 3. A dose of one more takes the
    /// outcome up by `slope`; what schools and cohorts have of their own is different everywhere.
    fn region(slope: f64) -> Rows {
        let (schools, cohorts, pupils) = (60_usize, 6_usize, 30_usize);
        let n = schools * cohorts * pupils;
        let at = |i: usize| (i / (cohorts * pupils), i / pupils % cohorts);
        let rise = |i: usize| {
            let (s, c) = at(i);
            if s % 3 > 0 && c > s % 3 { 10.0 } else { 0.0 }
        };
        let within: Array1<f64> = (0..n).map(|i| ((i % pupils) as f64 - 14.5) * 1.2).collect();
        let cohort_mean: Array1<f64> = (0..n).map(|i| rise(i) + 3.0 * noise(at(i).0)).collect();
        let x = Array2::from_shape_fn((n, 1), |(i, _)| noise(i + 7_000) + 0.3 * at(i).1 as f64 * noise(at(i).0 + 50));
        let y = (0..n).map(|i| {
            let (s, c) = at(i);
            let own = noise(s + 400) + 0.2 * c as f64 + 0.5 * x[[i, 0]];
            own + slope * (within[i] + cohort_mean[i]) + 0.1 * noise(i + 90_000)
        });
        Rows {
            y: y.collect(),
            within: within.clone(),
            school_mean: Array1::zeros(n),
            cohort_mean,
            x,
            terms: vec!["x".into()],
            school: (0..n).map(|i| at(i).0 as u32).collect(),
            schools,
            cohort: (0..n).map(|i| at(i).1 as u32).collect(),
            cohorts,
            step: 5.0,
        }
    }

    #[test]
    fn a_planted_change_is_found_with_its_years() {
        let found = programme(&region(0.01)).expect("an event study");
        assert_eq!((found.changed, found.unchanged, found.left_out), (40, 20, 0));
        assert!((found.rise - 10.0).abs() < 1e-9, "{}", found.rise);
        // 10 more, at 1 point each; per step of 5.
        assert!((found.overall.value - 10.0).abs() < 0.2 && found.overall.covers(10.0), "{:?}", found.overall);
        for per_step in [Some(found.per_step), found.beside_never, found.imputed] {
            let per_step = per_step.expect("an estimate");
            assert!((per_step.value - 5.0).abs() < 0.1 && per_step.covers(5.0), "{per_step:?}");
        }
        assert!(found.events.iter().any(|e| e.at < 0) && found.events.iter().any(|e| e.at == 3));
        for e in &found.events {
            let truth = if e.at < 0 { 0.0 } else { 10.0 };
            assert!(e.band[0] < truth && truth < e.band[1], "{e:?}");
        }
        assert!(found.pre_trends.expect("years before").p_value > 0.01);
        assert!(found.largest_before().expect("years before") < 1.0);
    }

    #[test]
    fn a_change_must_last_and_schools_must_be_large_enough() {
        assert_eq!(intensified(vec![1.0, 9.0, 1.0, 1.0], 4.0), None, "it goes back");
        assert_eq!(intensified(vec![1.0, 1.0, 3.0, 3.5], 4.0), Some(2.0));
        assert_eq!(intensified(vec![1.0, 2.9, 2.9, 1.0], 4.0), None, "too little");
        let mut rows = region(0.01);
        rows.cohort.iter_mut().for_each(|c| *c %= 2);
        assert_eq!(programme(&rows).err(), Some(Obstacle::FewCohorts(3)));
        let mut rows = region(0.01);
        rows.cohort_mean.fill(0.0);
        assert_eq!(programme(&rows).err(), Some(Obstacle::FewChanges(MIN_SCHOOLS)));
    }
}
