//! R5: other ways of counting the dose. A capped dose, groups by dose and a curve must agree; other activities are another question
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
    rule_nl: "Afgetopt en als kromme: als bij R1. In drie groepen: de stappen gaan niet duidelijk tegen elkaar in.",
    rule_en: "Capped and as a curve: as R1. In three groups: the steps do not clearly oppose each other.",
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
    let curve_spec = Specification::new(
        "R5",
        "curve",
        "Als kromme (spline), van het laagste naar het hoogste kwart van de doses.",
        "As a curve (spline), from the lowest to the highest quarter of doses.",
    );
    let mut all =
        vec![capped_spec.with(capped(subject)), groups_spec.with(thirds(subject)), curve_spec.with(curve(subject))];
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
    let sorted = sorted(&total);
    let cap = sorted[((sorted.len() as f64 * CAP) as usize).min(sorted.len() - 1)];
    let dose = rows.within_cells(total.mapv(|d| d.min(cap)).view());
    let found = slope(rows, &dose)?;
    Ok((found, agrees(&found, &primary)))
}

fn sorted(doses: &Array1<f64>) -> Vec<f64> {
    let mut sorted = doses.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Slope of one column, in percentage points per step.
fn slope(rows: &Rows, dose: &Array1<f64>) -> Result<Estimated, Obstacle> {
    let fit = lpm(rows, rows.y.view(), &[dose.view()])?;
    Ok(Estimated::per_step(fit.slope[0], fit.std_error[0], fit.df[0], rows.step))
}

/// From the lowest to the highest third, per step of the dose between them; passes unless the two steps clearly oppose
/// each other.
fn thirds(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    let (rows, _) = subject.ready()?;
    let sorted = sorted(&rows.within);
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

/// From the first to the third quartile along a natural cubic spline, per step of the dose between them.
fn curve(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    let (rows, primary) = subject.ready()?;
    let found = along_curve(rows)?;
    Ok((found, agrees(&found, &primary)))
}

/// Shares of the doses at which the spline has its knots (Harrell 2015, Regression Modeling Strategies, table 2.3).
const KNOTS: [f64; 4] = [0.05, 0.35, 0.65, 0.95];

/// With columns b of the spline and `a = b(P75) − b(P25)`, the contrast a'β is the coefficient of b₁/a₁ beside b₂ − (a₂/a₁) b₁ and
/// b₃ − (a₃/a₁) b₁.
pub(super) fn along_curve(rows: &Rows) -> Result<Estimated, Obstacle> {
    let sorted = sorted(&rows.within);
    let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let knots = KNOTS.map(quantile);
    let (low, high) = (quantile(0.25), quantile(0.75));
    if !(knots.windows(2).all(|k| k[0] < k[1]) && low < high) {
        return Err(Obstacle::OutOfRange);
    }
    let (at_low, at_high) = (spline(low, &knots), spline(high, &knots));
    let apart: [f64; 3] = std::array::from_fn(|k| at_high[k] - at_low[k]);
    let basis: Vec<[f64; 3]> = rows.within.iter().map(|d| spline(*d, &knots)).collect();
    let columns: [Array1<f64>; 3] = std::array::from_fn(|k| {
        let own = |b: &[f64; 3]| if k == 0 { b[0] / apart[0] } else { b[k] - apart[k] / apart[0] * b[0] };
        basis.iter().map(own).collect()
    });
    let fit = lpm(rows, rows.y.view(), &[columns[0].view(), columns[1].view(), columns[2].view()])?;
    Ok(Estimated::per_step(fit.slope[0] / (high - low), fit.std_error[0] / (high - low), fit.df[0], rows.step))
}

/// Columns of a natural cubic spline with four knots: straight outside them.
fn spline(x: f64, knots: &[f64; 4]) -> [f64; 3] {
    let [.., before_last, last] = *knots;
    let cube = |knot: f64| (x - knot).max(0.0).powi(3);
    let bent = |knot: f64| {
        let (a, b) = ((last - knot) / (last - before_last), (before_last - knot) / (last - before_last));
        (cube(knot) - a * cube(before_last) + b * cube(last)) / (last - knots[0]).powi(2)
    };
    [x, bent(knots[0]), bent(knots[1])]
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

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn a_spline_is_straight_outside_its_knots_and_smooth_inside() {
        let knots = [-2.0, -0.5, 0.5, 2.0];
        let second = |x: f64, k: usize| {
            let h = 1e-3;
            let at = |x: f64| spline(x, &knots)[k];
            (at(x + h) - 2.0 * at(x) + at(x - h)) / (h * h)
        };
        for k in 0..3 {
            for x in [-4.0, -2.5, 2.5, 6.0] {
                assert!(second(x, k).abs() < 1e-6, "{k} {x}: {}", second(x, k));
            }
            for knot in knots {
                assert!((second(knot - 2e-3, k) - second(knot + 2e-3, k)).abs() < 0.05, "{k} {knot}");
            }
        }
        assert!(second(0.0, 1).abs() > 0.1, "it bends between them");
    }

    /// Along a parabola the change from the first to the third quartile is that of the parabola, where a line has its mean slope.
    #[test]
    fn the_contrast_follows_the_curve() {
        let n = 4_000;
        let within: Array1<f64> = (0..n).map(|i| (i % 100) as f64 / 10.0 - 3.0 + 0.01 * (i % 7) as f64).collect();
        let outcome = |d: f64| 0.02 * d + 0.01 * d * d;
        let rows = Rows {
            y: within.mapv(outcome),
            cohort_mean: Array1::zeros(n),
            school_mean: Array1::zeros(n),
            x: Array2::zeros((n, 0)),
            terms: Vec::new(),
            school: (0..n as u32).map(|i| i / 100 % 20).collect(),
            schools: 20,
            cohort: (0..n as u32).map(|i| i / 2_000).collect(),
            cohorts: 2,
            step: 1.0,
            within,
        };
        let sorted = sorted(&rows.within);
        let (low, high) = (sorted[1_000], sorted[2_999]);
        let truth = 100.0 * (outcome(high) - outcome(low)) / (high - low);
        let found = along_curve(&rows).expect("a curve");
        assert!((found.value - truth).abs() < 0.05 * truth.abs(), "{} {truth}", found.value);
    }
}
