//! F1: outcomes that were fixed before the dose. No dose can change them; where they hang together with it, pupils or schools
//! with a higher dose already differed.
//!
//! A negative control is an outcome of the study with `negative_control = true`: a value of the pupil, such as absence
//! in leerjaar 2. It is read as "above the median", so that the answer is in percentage points. It passes when the 95 %
//! interval holds 0 and two one-sided tests at 5 % put it within ±1 percentage point (equivalence), fails when the interval
//! leaves 0 out, and is undecided otherwise.

use ndarray::{Array1, Array2};

use super::rows::{Rows, lpm};
use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict, rows};
use crate::design::Design;
use crate::models;
use crate::stats::{CrType, OlsData, OlsOptions, fit_ols, ols_cluster_vcov, t_quantile};

pub(super) const CHECK: Check = Check {
    id: "F1",
    nl: "Zien we niets bij iets dat al vooraf vaststond?",
    en: "Do we see nothing for something that was fixed beforehand?",
    rule_nl: "De marge bevat 0, en de waarde ligt binnen 1 procentpunt van 0.",
    rule_en: "The margin holds 0, and the value lies within 1 percentage point of 0.",
    run,
};

/// Equivalence bound, in percentage points.
const BOUND: f64 = 1.0;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let controls: Vec<usize> = (0..subject.panel.plan.outcomes.len())
        .filter(|&o| subject.panel.plan.outcomes[o].entry.negative_control)
        .collect();
    if controls.is_empty() {
        let none = Specification::new("F1", "control", "Uitkomst van vóór leerjaar 3.", "Outcome from before year 3.");
        return vec![none.impossible(Obstacle::NoControl)];
    }
    controls.into_iter().flat_map(|o| of_control(subject, o)).collect()
}

fn of_control(subject: &Subject<'_>, o: usize) -> Vec<Specification> {
    let entry = subject.panel.plan.outcomes[o].entry;
    let nl = entry.label.clone().unwrap_or_else(|| entry.id.clone());
    let en = entry.label_en.clone().unwrap_or_else(|| nl.clone());
    let within = Specification::new(
        "F1",
        &format!("{}_within", entry.id),
        format!("Boven de mediaan van {nl}, binnen school en schooljaar."),
        format!("Above the median of {en}, within school and school year."),
    );
    let between = Specification::new(
        "F1",
        &format!("{}_school", entry.id),
        format!("Boven de mediaan van {nl}, tussen scholen."),
        format!("Above the median of {en}, between schools."),
    );
    let rows = control_rows(subject, &entry.id);
    let rows = rows.as_ref().map_err(|obstacle| *obstacle);
    vec![within.with(rows.and_then(control_within)), between.with(rows.and_then(control_between))]
}

/// The rows of the model's covariates and dose with the control as outcome: 1 above its median.
fn control_rows(subject: &Subject<'_>, outcome: &str) -> Result<Rows, Obstacle> {
    subject.ready()?;
    let mut entry = subject.fitted.entry.clone();
    entry.kind = "linear".into();
    entry.outcome = outcome.into();
    let Design::Linear(design) = models::model(&entry).design(subject.panel, &entry) else {
        return Err(Obstacle::NoControl);
    };
    let mut rows = Rows::of_linear(subject.panel, &design);
    if rows.len() == 0 {
        return Err(Obstacle::Fit(crate::vocab::RefusalReason::NoPupils));
    }
    let mut sorted = rows.y.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    rows.y.mapv_inplace(|v| f64::from(u8::from(v > median)));
    Ok(rows)
}

/// Estimate with half the width of its 90 % interval.
fn per_step(slope: f64, std_error: f64, df: f64, step: f64) -> (Estimated, f64) {
    (Estimated::per_step(slope, std_error, df, step), 100.0 * step * t_quantile(0.95, df) * std_error)
}

/// F1 on rows whose outcome is a negative control (0 or 1): the slope of the dose within school and cohort.
///
/// # Errors
/// A model that can't be fitted.
pub fn control_within(rows: &Rows) -> Result<(Estimated, Verdict), Obstacle> {
    let fit = lpm(rows, rows.y.view(), &[rows.within.view()])?;
    Ok(judged(per_step(fit.slope[0], fit.std_error[0], fit.df[0], rows.step)))
}

/// As [`control_within`]: the slope of the school's mean dose, by least squares with CR2 errors.
///
/// # Errors
/// A model that can't be fitted.
pub fn control_between(rows: &Rows) -> Result<(Estimated, Verdict), Obstacle> {
    let fit = Between::of(rows)?;
    Ok(judged(per_step(fit.slope, fit.error, fit.df, rows.step)))
}

/// The slope of the school's mean dose by least squares, with its CR2 error.
pub(super) struct Between {
    /// The columns (n×p), as [`between_columns`] makes them.
    pub(super) x: Array2<f64>,
    /// Position of the school's mean.
    pub(super) column: usize,
    /// Residuals (n).
    pub(super) left: Array1<f64>,
    /// Slope per unit of the dose.
    slope: f64,
    /// CR2 error of the slope.
    pub(super) error: f64,
    /// Degrees of freedom of that error.
    pub(super) df: f64,
}

impl Between {
    /// # Errors
    /// A model that can't be fitted.
    pub(super) fn of(rows: &Rows) -> Result<Self, Obstacle> {
        let (x, column) = between_columns(rows)?;
        let data = OlsData { y: rows.y.view(), x: x.view(), weights: None, offset: None };
        let fit = fit_ols(&data, &OlsOptions::default()).map_err(rows::obstacle)?;
        let left = data.residuals(fit.beta.view());
        let robust = ols_cluster_vcov(x.view(), left.view(), None, &rows.school, rows.schools, CrType::Cr2);
        let robust = robust.map_err(rows::obstacle)?;
        let unit = Array1::from_shape_fn(x.ncols(), |j| f64::from(u8::from(j == column)));
        let error = robust.vcov[[column, column]].max(0.0).sqrt();
        let df = robust.df_for(unit.view());
        Ok(Self { x, column, left, slope: fit.beta[column], error, df })
    }
}

/// Independent columns of 1, the school's mean dose, the other parts of the dose, cohorts and covariates; and the position
/// of the school's mean.
fn between_columns(rows: &Rows) -> Result<(Array2<f64>, usize), Obstacle> {
    let held = rows.held_equal();
    let varies = rows.school_mean.iter().any(|v| (v - rows.school_mean[0]).abs() > 1e-12);
    if !varies {
        return Err(Obstacle::Fit(crate::vocab::RefusalReason::NoDose));
    }
    let n = rows.len();
    let cohort_part = &rows.cohort_mean - &rows.school_mean;
    // The last two columns of what is held equal are the means themselves.
    let others = held.ncols() - 2;
    let all = Array2::from_shape_fn((n, others + 4), |(i, j)| match j {
        0 => 1.0,
        1 => rows.school_mean[i],
        2 => cohort_part[i],
        3 => rows.within[i],
        _ => held[[i, j - 4]],
    });
    let kept = crate::stats::independent_columns(all.view()).kept;
    let column = kept.iter().position(|c| *c == 1).ok_or(Obstacle::Fit(crate::vocab::RefusalReason::NoDose))?;
    Ok((all.select(ndarray::Axis(1), &kept), column))
}

/// See the module's words.
fn judged((found, half90): (Estimated, f64)) -> (Estimated, Verdict) {
    let equivalent = found.value - half90 > -BOUND && found.value + half90 < BOUND;
    let verdict = match (found.covers(0.0), equivalent) {
        (false, _) => Verdict::Failed,
        (true, true) => Verdict::Passed,
        (true, false) => Verdict::Undecided,
    };
    (found, verdict)
}
