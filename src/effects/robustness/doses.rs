//! R5: other ways of counting the dose. A capped dose and groups by dose must agree; other activities are another question
//! and are only shown.

use ndarray::Array1;

use super::fixed_effects::agrees;
use super::rows::{Rows, lpm};
use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict};
use crate::design::Design;
use crate::models;

pub(super) const CHECK: Check = Check {
    id: "R5",
    nl: "Blijft het zo als we LOB anders tellen?",
    en: "Does it stay when guidance is counted in another way?",
    rule_nl: "Afgetopt: als bij R1. In drie groepen: de stappen gaan niet duidelijk tegen elkaar in.",
    rule_en: "Capped: as R1. In three groups: the steps do not clearly oppose each other.",
    run,
};

/// Share of the doses above which they are cut.
const CAP: f64 = 0.99;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let capped_spec = Specification::new(
        "R5",
        "capped_p99",
        "De hoogste 1 op de 100 doses afgetopt.",
        "The highest 1 in 100 doses cut.",
    );
    let groups_spec = Specification::new(
        "R5",
        "thirds",
        "Drie even grote groepen naar dosis binnen school en schooljaar.",
        "Three equal groups by dose within school and school year.",
    );
    let mut all = vec![capped_spec.with(capped(subject)), groups_spec.with(thirds(subject))];
    let others: Vec<usize> = (0..subject.panel.plan.exposures.len())
        .filter(|&e| subject.panel.plan.exposures[e].entry.id != subject.fitted.entry.exposure)
        .collect();
    if others.is_empty() {
        let none = Specification::new("R5", "other_activities", "Andere activiteiten.", "Other activities.");
        all.push(none.impossible(Obstacle::NoOtherDose));
    }
    all.extend(others.into_iter().map(|e| other(subject, e)));
    all
}

/// The dose within school and cohort of doses cut at their 99th percentile.
fn capped(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    let (rows, primary) = subject.ready()?;
    let total = rows.total();
    let mut sorted = total.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cap = sorted[((sorted.len() as f64 * CAP) as usize).min(sorted.len() - 1)];
    let dose = within(rows, &total.mapv(|d| d.min(cap)));
    let found = slope(rows, &dose)?;
    Ok((found, agrees(&found, &primary)))
}

/// Slope of one column, in percentage points per step.
fn slope(rows: &Rows, dose: &Array1<f64>) -> Result<Estimated, Obstacle> {
    let fit = lpm(rows, rows.y.view(), &[dose.view()])?;
    Ok(Estimated::per_step(fit.slope[0], fit.std_error[0], fit.df[0], rows.step))
}

/// A column less its mean in the school and cohort.
pub(super) fn within(rows: &Rows, column: &Array1<f64>) -> Array1<f64> {
    let cell = |i: usize| rows.school[i] as usize * rows.cohorts + rows.cohort[i] as usize;
    let (mut sum, mut n) = (vec![0.0; rows.schools * rows.cohorts], vec![0.0; rows.schools * rows.cohorts]);
    for (i, v) in column.iter().enumerate() {
        sum[cell(i)] += v;
        n[cell(i)] += 1.0;
    }
    Array1::from_shape_fn(rows.len(), |i| column[i] - sum[cell(i)] / n[cell(i)])
}

/// From the lowest to the highest third, per step of the dose between them; passes unless the two steps clearly oppose
/// each other.
fn thirds(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    let (rows, _) = subject.ready()?;
    let mut sorted = rows.within.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = |k: usize| sorted[(k * sorted.len() / 3).min(sorted.len() - 1)];
    let (low, high) = (cut(1), cut(2));
    let third = rows.within.mapv(|d| if d >= high { 2 } else { i32::from(d >= low) });
    let is = |k: i32| third.mapv(|t| f64::from(u8::from(t == k)));
    let mean = |k: i32| {
        let own: Vec<f64> = third.iter().zip(&rows.within).filter(|(t, _)| **t == k).map(|(_, d)| *d).collect();
        own.iter().sum::<f64>() / own.len() as f64
    };
    // Highest against lowest, and each against the middle.
    let ends = lpm(rows, rows.y.view(), &[is(2).view(), is(1).view()])?;
    let middle = lpm(rows, rows.y.view(), &[is(0).view(), is(2).view()])?;
    let apart = mean(2) - mean(0);
    let found = Estimated::per_step(ends.slope[0] / apart, ends.std_error[0] / apart, ends.df[0], rows.step);
    let (down, up) = (-middle.slope[0], middle.slope[1]);
    let clear = (0..2).all(|j| middle.slope[j].abs() > 1.96 * middle.std_error[j]);
    Ok((found, Verdict::of(!(clear && down * up < 0.0))))
}

/// The same model with another exposure of the study, by the linear probability model.
fn other(subject: &Subject<'_>, e: usize) -> Specification {
    let exposure = subject.panel.plan.exposures[e].entry;
    let nl = exposure.label.clone().unwrap_or_else(|| exposure.id.clone());
    let en = exposure.label_en.clone().unwrap_or_else(|| nl.clone());
    let spec = Specification::new(
        "R5",
        &format!("exposure_{}", exposure.id),
        format!("Alleen {nl}, per {}.", exposure.step),
        format!("Only {en}, per {}.", exposure.step),
    );
    let found = || {
        subject.ready()?;
        let mut entry = subject.fitted.entry.clone();
        entry.exposure.clone_from(&exposure.id);
        let Design::Binary(design) = models::model(&entry).design(subject.panel, &entry) else {
            return Err(Obstacle::NotLandmark);
        };
        let rows = Rows::of_binary(subject.panel, &design);
        Ok((slope(&rows, &rows.within)?, Verdict::Reported))
    };
    spec.with(found())
}
