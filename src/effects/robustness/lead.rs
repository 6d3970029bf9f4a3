//! F2: the dose of the next cohort of the same school. It comes after this cohort's outcome and can't change it; where it
//! hangs together with it, schools were changing anyway.

use ndarray::Array1;

use super::rows::{Rows, lpm};
use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict};

pub(super) const CHECK: Check = Check {
    id: "F2",
    nl: "Zien we niets bij de LOB van een jaar later?",
    en: "Do we see nothing for the guidance of a year later?",
    rule_nl: "De marge bevat 0.",
    rule_en: "The margin holds 0.",
    run,
};

/// The last cohort has no next one, and school effects need two that have.
const COHORTS: u32 = 3;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let spec = Specification::new(
        "F2",
        "next_cohort",
        "Gemiddelde dosis van het volgende schooljaar van dezelfde school.",
        "Mean dose of the next school year of the same school.",
    );
    vec![spec.with(estimate(subject))]
}

fn estimate(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    next_cohort(subject.ready()?.0)
}

/// F2 on some rows: the slope of the next cohort's mean dose.
///
/// # Errors
/// Too few cohorts; a model that can't be fitted.
pub fn next_cohort(rows: &Rows) -> Result<(Estimated, Verdict), Obstacle> {
    if rows.cohorts_present() < COHORTS as usize {
        return Err(Obstacle::FewCohorts(COHORTS));
    }
    let lead = next_means(rows);
    let kept = rows.filter(|i| !lead[i].is_nan());
    let lead: Array1<f64> = lead.iter().copied().filter(|v| !v.is_nan()).collect();
    let fit = lpm(&kept, kept.y.view(), &[lead.view(), kept.cohort_mean.view(), kept.within.view()])?;
    let found = Estimated::per_step(fit.slope[0], fit.std_error[0], fit.df[0], rows.step);
    Ok((found, Verdict::of(found.covers(0.0))))
}

/// The mean dose of the next cohort of the row's school; NaN without one.
fn next_means(rows: &Rows) -> Vec<f64> {
    let cell = |school: u32, cohort: u32| school as usize * rows.cohorts + cohort as usize;
    let mut mean = vec![f64::NAN; rows.schools * rows.cohorts];
    for i in 0..rows.len() {
        mean[cell(rows.school[i], rows.cohort[i])] = rows.cohort_mean[i];
    }
    let next = |i: usize| {
        let cohort = rows.cohort[i] + 1;
        if cohort < rows.cohorts as u32 { mean[cell(rows.school[i], cohort)] } else { f64::NAN }
    };
    (0..rows.len()).map(next).collect()
}
