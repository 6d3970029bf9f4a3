//! Counts of cells against mean doses of cells: an association between schools and between cohorts, never one of pupils
//! (Robinson 1950, Am. Sociol. Rev. 15:351). What pupils of one cell differ in is not in the data.
//!
//! Grouped binomial, logit; leerwegen and cohorts as categories, a random intercept per school, and the dose in three parts: mean
//! of the school, of its leerweg beside the school's, of the cohort beside the leerweg's. Errors are the sandwich over schools
//! with J/(J−1), intervals t with J−2 degrees of freedom. Masked counts are filled in at both ends, all alike and each towards
//! the end that moves the coefficient most (to first order), and the range over these fits is told.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array1, Array2, s};
use serde::Serialize;

use crate::panel::counts::CountCell;
use crate::stats::{
    Cells, Family, GlmmFit, GlmmOptions, Link, RandomTerm, Stop, fit_glmm, independent_columns, t_quantile,
};
use crate::vocab::SchoolIx;
use crate::vocab::ids::Ix;

/// Schools below which no association is told: errors over so few clusters are not to be trusted.
pub const MIN_SCHOOLS: usize = 10;

/// The parts of the dose.
pub const PARTS: [&str; 3] = ["between_schools", "between_leerwegen", "between_cohorts"];

/// The part at a position of [`PARTS`] in words: (Dutch, English). Not all counts are told by leerweg.
pub fn part_label(part: usize, has_leerweg: bool) -> (&'static str, &'static str) {
    match part {
        0 => ("tussen scholen", "between schools"),
        1 => ("tussen leerwegen van dezelfde school", "between leerwegen of the same school"),
        _ if has_leerweg => {
            ("tussen cohorten van dezelfde school en leerweg", "between cohorts of the same school and leerweg")
        }
        _ => ("tussen cohorten van dezelfde school", "between cohorts of the same school"),
    }
}

/// A part's association, per step of the exposure. With masked counts each pair is the range over the fillings.
#[derive(Clone, Debug, Serialize)]
pub struct PartEstimate {
    /// One of [`PARTS`].
    pub part: &'static str,
    /// Its position there.
    #[serde(skip)]
    pub at: usize,
    /// Log odds ratio, least and greatest.
    pub log_odds: [f64; 2],
    /// Lower end of the least and upper end of the greatest 95 % interval.
    pub interval: [f64; 2],
    /// Difference of the share of events in percentage points over the cells, least and greatest.
    pub points: [f64; 2],
    /// Its interval, as `interval`.
    pub points_interval: [f64; 2],
}

/// What the cells carry.
#[derive(Clone, Debug, Serialize)]
pub struct Ecological {
    /// Schools.
    pub schools: usize,
    /// Cells.
    pub cells: usize,
    /// Cells with a masked number.
    pub masked: usize,
    /// Published pupils, at least and at most.
    pub pupils: [u64; 2],
    /// Those with the event, at least and at most.
    pub events: [u64; 2],
    /// Share with the event over all cells, at least and at most.
    pub share: [f64; 2],
    /// One entry per part that the cells tell.
    pub parts: Vec<PartEstimate>,
    /// Why there is none.
    pub refused: Option<String>,
}

/// Associations per `step` of the dose.
pub fn ecological(cells: &[CountCell], step: f64) -> Ecological {
    let schools: BTreeSet<SchoolIx> = cells.iter().map(|c| c.school).collect();
    let sum = |of: fn(&CountCell) -> u32| cells.iter().map(|c| u64::from(of(c))).sum::<u64>();
    let share = |high: bool| {
        let (n, y) = cells.iter().map(|c| filled(c, high)).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        y / n
    };
    let mut result = Ecological {
        schools: schools.len(),
        cells: cells.len(),
        masked: cells.iter().filter(|c| is_masked(c)).count(),
        pupils: [sum(|c| c.n.lo), sum(|c| c.n.hi)],
        events: [sum(|c| c.events.lo), sum(|c| c.events.hi)],
        share: [share(false), share(true)],
        parts: Vec::new(),
        refused: None,
    };
    if schools.len() < MIN_SCHOOLS {
        result.refused = Some("too_few_schools".into());
        return result;
    }
    match parts(cells, step) {
        Ok(parts) => result.parts = parts,
        Err(why) => result.refused = Some(why),
    }
    result
}

fn is_masked(c: &CountCell) -> bool {
    c.n.lo < c.n.hi || c.events.lo < c.events.hi
}

/// Pupils and events at the end with the greatest or least share.
fn filled(c: &CountCell, high: bool) -> (f64, f64) {
    let (n, y) = if high {
        let y = c.events.hi.min(c.n.hi);
        (c.n.lo.max(y).max(1), y)
    } else {
        (c.n.hi, c.events.lo)
    };
    (f64::from(n), f64::from(y))
}

struct Problem<'c> {
    cells: &'c [CountCell],
    x: Array2<f64>,
    /// Columns of the parts that the cells tell, by position in [`PARTS`].
    parts: Vec<(usize, usize)>,
    level: Vec<u32>,
    schools: usize,
    step: f64,
}

/// Columns: intercept, leerwegen, cohorts, the parts of the dose.
fn problem(cells: &[CountCell], step: f64) -> Problem<'_> {
    let dummies = |of: &dyn Fn(&CountCell) -> usize| -> Vec<Vec<f64>> {
        let levels: BTreeSet<usize> = cells.iter().map(of).collect();
        let column = |level: &usize| cells.iter().map(|c| f64::from(u8::from(of(c) == *level))).collect();
        levels.iter().skip(1).map(column).collect()
    };
    let mut columns = vec![vec![1.0; cells.len()]];
    columns.extend(dummies(&|c| c.leerweg));
    columns.extend(dummies(&|c| c.cohort.at()));
    let first = columns.len();
    let all = mean_doses(cells, |_| ())[0];
    let school = mean_doses(cells, |c| c.school);
    let track = mean_doses(cells, |c| (c.school, c.leerweg));
    columns.push(school.iter().map(|m| m - all).collect());
    columns.push(track.iter().zip(&school).map(|(t, s)| t - s).collect());
    columns.push(cells.iter().zip(&track).map(|(c, t)| c.dose - t).collect());
    let full = Array2::from_shape_fn((cells.len(), columns.len()), |(i, k)| columns[k][i]);
    let kept = independent_columns(full.view()).kept;
    let x = Array2::from_shape_fn((cells.len(), kept.len()), |(i, k)| columns[kept[k]][i]);
    let at = |column: usize| kept.iter().position(|k| *k == column);
    let parts = (0..PARTS.len()).filter_map(|part| Some((part, at(first + part)?))).collect();
    let schools: BTreeSet<SchoolIx> = cells.iter().map(|c| c.school).collect();
    let order: BTreeMap<SchoolIx, u32> = schools.into_iter().zip(0..).collect();
    let level = cells.iter().map(|c| order[&c.school]).collect();
    Problem { cells, x, parts, level, schools: order.len(), step }
}

/// For each cell the mean dose of the pupils of all cells with its key.
fn mean_doses<K: Ord>(cells: &[CountCell], key: impl Fn(&CountCell) -> K) -> Vec<f64> {
    let mut sums: BTreeMap<K, (f64, f64)> = BTreeMap::new();
    for c in cells {
        let (n, sum) = sums.entry(key(c)).or_default();
        *n += c.pupils as f64;
        *sum += c.pupils as f64 * c.dose;
    }
    cells.iter().map(|c| sums[&key(c)]).map(|(n, sum)| sum / n).collect()
}

/// Estimates of the parts at one filling, with what is needed to fill otherwise.
struct Filled {
    fit: GlmmFit,
    n: Array1<f64>,
}

impl Problem<'_> {
    fn fit(&self, is_high: impl Fn(usize) -> bool) -> Result<Filled, String> {
        let filled: Vec<(f64, f64)> = self.cells.iter().enumerate().map(|(i, c)| filled(c, is_high(i))).collect();
        let n: Array1<f64> = filled.iter().map(|f| f.0).collect();
        let y: Array1<f64> = filled.iter().map(|f| f.1).collect();
        let z = Array2::ones((n.len(), 1));
        let term = RandomTerm { z: z.view().into(), level: &self.level, n_levels: self.schools, blocks: &[1] };
        let cells = Cells { x: self.x.view().into(), trials: n.view(), successes: y.view(), offset: None };
        let fit = fit_glmm(&cells, &[term], Family::Binomial(Link::Logit), &GlmmOptions::default())
            .map_err(|e| e.to_string())?;
        if matches!(fit.stop, Stop::Budget { .. }) {
            return Err("not_converged".into());
        }
        Ok(Filled { fit, n })
    }

    /// Estimate, lower and upper end of log odds and of percentage points, per step.
    fn estimate(&self, filled: &Filled, column: usize) -> Result<[[f64; 3]; 2], String> {
        let (fit, j) = (&filled.fit, self.schools as f64);
        let vcov = fit.vcov_sandwich.as_ref().ok_or("no_errors")?;
        let error = (vcov[[column, column]] * j / (j - 1.0)).sqrt();
        let half = t_quantile(0.975, j - 2.0) * error;
        let beta = fit.beta[column];
        let log_odds = [beta, beta - half, beta + half].map(|b| b * self.step);
        if log_odds.iter().any(|b| !b.is_finite()) {
            return Err("not_finite".into());
        }
        let eta = self.x.dot(&fit.beta);
        let share = |eta: f64| 1.0 / (1.0 + (-eta).exp());
        let difference = |more: f64| {
            let sum: f64 = eta.iter().zip(&filled.n).map(|(e, n)| n * (share(e + more) - share(*e))).sum();
            100.0 * sum / filled.n.sum()
        };
        Ok([log_odds, log_odds.map(difference)])
    }
}

fn parts(cells: &[CountCell], step: f64) -> Result<Vec<PartEstimate>, String> {
    let problem = problem(cells, step);
    let low = problem.fit(|_| false)?;
    let is_masked = cells.iter().any(is_masked);
    let high = if is_masked { Some(problem.fit(|_| true)?) } else { None };
    let p = problem.x.ncols();
    let mut estimates = Vec::new();
    for &(part, column) in &problem.parts {
        // How much one event more in a cell moves the coefficient: column of V xᵢ.
        let moves = problem.x.dot(&low.fit.vcov.slice(s![..p, column]));
        let tilts = if is_masked {
            vec![problem.fit(|i| moves[i] > 0.0)?, problem.fit(|i| moves[i] <= 0.0)?]
        } else {
            Vec::new()
        };
        let fits = [&low].into_iter().chain(&high).chain(&tilts);
        let found: Vec<[[f64; 3]; 2]> = fits.map(|f| problem.estimate(f, column)).collect::<Result<_, _>>()?;
        let least = |unit: usize, at: usize| found.iter().map(|f| f[unit][at]).fold(f64::INFINITY, f64::min);
        let most = |unit: usize, at: usize| found.iter().map(|f| f[unit][at]).fold(f64::NEG_INFINITY, f64::max);
        estimates.push(PartEstimate {
            part: PARTS[part],
            at: part,
            log_odds: [least(0, 0), most(0, 0)],
            interval: [least(0, 1), most(0, 2)],
            points: [least(1, 0), most(1, 0)],
            points_interval: [least(1, 1), most(1, 2)],
        });
    }
    Ok(estimates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::counts::Bounds;
    use crate::vocab::CohortIx;

    const BETWEEN_SCHOOLS: f64 = -0.10;
    const BETWEEN_COHORTS: f64 = 0.06;

    /// Something between −1 and 1 that looks like chance.
    fn noise(k: usize) -> f64 {
        let x = (k as f64 + 1.0).sin() * 43_758.545_3;
        2.0 * (x - x.floor()) - 1.0
    }

    fn exact(n: u32) -> Bounds {
        Bounds { lo: n, hi: n }
    }

    /// Cells of one leerweg in which a school's mean dose and a cohort's departure from it have known slopes.
    fn planted(schools: usize, pupils: u32) -> Vec<CountCell> {
        let cells = (0..schools).flat_map(|school| (0..4).map(move |cohort| (school, cohort)));
        let cell = |(school, cohort): (usize, usize)| {
            let mean = 8.0 + 4.0 * noise(school);
            let raw = |c: usize| 3.0 * noise(1000 + 4 * school + c);
            let departure = raw(cohort) - (0..4).map(raw).sum::<f64>() / 4.0;
            let eta = -1.0 + BETWEEN_SCHOOLS * (mean - 8.0) + BETWEEN_COHORTS * departure + 0.1 * noise(7000 + school);
            let events = (f64::from(pupils) / (1.0 + (-eta).exp())).round() as u32;
            CountCell {
                school: SchoolIx::from_position(school),
                leerweg: 0,
                cohort: CohortIx::from_position(cohort),
                pupils: u64::from(pupils),
                dose: mean + departure,
                n: exact(pupils),
                events: exact(events),
            }
        };
        cells.map(cell).collect()
    }

    fn masked(cells: &[CountCell]) -> Vec<CountCell> {
        let hide = |b: Bounds| if (1..=4).contains(&b.lo) { Bounds { lo: 1, hi: 4 } } else { b };
        cells.iter().map(|c| CountCell { n: hide(c.n), events: hide(c.events), ..*c }).collect()
    }

    fn part<'e>(e: &'e Ecological, id: &str) -> &'e PartEstimate {
        e.parts.iter().find(|p| p.part == id).unwrap_or_else(|| panic!("{id}: {:?}", e.refused))
    }

    #[test]
    fn slopes_between_schools_and_between_cohorts_are_told_apart() {
        let found = ecological(&planted(60, 400), 1.0);
        assert_eq!((found.schools, found.cells, found.masked), (60, 240, 0));
        for (id, truth) in [("between_schools", BETWEEN_SCHOOLS), ("between_cohorts", BETWEEN_COHORTS)] {
            let part = part(&found, id);
            assert_eq!(part.log_odds[0], part.log_odds[1], "{id}: nothing is masked");
            assert!((part.log_odds[0] - truth).abs() < 0.02, "{id}: {:?}", part.log_odds);
            assert!(part.interval[0] < truth && truth < part.interval[1], "{id}: {:?}", part.interval);
        }
        assert!(found.parts.iter().all(|p| p.part != "between_leerwegen"), "one leerweg has no such part");
    }

    #[test]
    fn the_range_with_masked_counts_holds_what_the_whole_counts_give() {
        let whole = planted(40, 16);
        let hidden = masked(&whole);
        let (whole, found) = (ecological(&whole, 1.0), ecological(&hidden, 1.0));
        assert!(found.masked > 20, "{}", found.masked);
        assert!(found.share[0] < whole.share[0] && whole.share[0] < found.share[1]);
        for id in ["between_schools", "between_cohorts"] {
            let (truth, range) = (part(&whole, id).log_odds[0], part(&found, id).log_odds);
            assert!(range[0] < truth && truth < range[1], "{id}: {truth} in {range:?}");
        }
    }

    #[test]
    fn few_schools_tell_no_association() {
        let found = ecological(&planted(MIN_SCHOOLS - 1, 400), 1.0);
        assert_eq!((found.refused.as_deref(), found.parts.len()), (Some("too_few_schools"), 0));
    }
}
