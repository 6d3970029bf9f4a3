//! Caps, logarithms and units of doses. What they are measured on is the same for every model of a study: the pupils at the
//! landmark, or before the last period where the study has no landmark, whose school and cohort registers.

use super::plan::ExposurePlan;
use super::sets::{DoseAt, Panel};
use crate::study::file::Transform;
use crate::vocab::PupilIx;

/// A dose with its cap, on the scale of its exposure; a missing one stays missing.
pub(super) fn transformed(exposure: &ExposurePlan<'_>, dose: f64, cap: Option<f64>) -> f64 {
    let capped = cap.filter(|cap| dose > *cap).unwrap_or(dose);
    match exposure.entry.transform {
        Transform::None => capped,
        // Not `ln_1p`: the printed query has only a logarithm, and doses are counts, of which 1 + x is exact.
        Transform::Log1p => (1.0 + capped).ln(),
    }
}

/// Measures caps and units, in this order, as a unit is that of capped doses.
pub(super) fn measure(panel: &mut Panel<'_>) {
    for e in 0..panel.plan.exposures.len() {
        let entry = panel.plan.exposures[e].entry;
        if let Some(q) = entry.cap {
            panel.caps[e] = quantile(reference(panel, e, |p, at| panel.uncapped(e, p, at)), q);
        }
        if entry.unit_sd {
            panel.units[e] = standard_deviation(&reference(panel, e, |p, at| panel.dose(e, p, at))).unwrap_or(1.0);
        }
    }
}

/// The doses of all pupils on whom the exposure is measured, in order of pupils.
fn reference(panel: &Panel<'_>, e: usize, dose: impl Fn(PupilIx, DoseAt) -> f64) -> Vec<f64> {
    let counts = panel.plan.exposures[e].counts_activities();
    let has_landmark = panel.plan.pupils.landmark.is_some();
    let at = if has_landmark { DoseAt::Landmark } else { DoseAt::Period(panel.plan.periods - 1) };
    let is_there = |p: &PupilIx| match (has_landmark, counts) {
        (true, _) => panel.at_landmark(*p).is_ok(),
        (false, true) => panel.pupils.days[*p].has_origin(),
        (false, false) => true,
    };
    let pupils = panel.pupils.school.ids().filter(is_there).filter(|p| !counts || panel.is_measured(*p));
    pupils.map(|p| dose(p, at)).filter(|d| !d.is_nan()).collect()
}

/// The smallest value that at least a share `q` of the values does not exceed.
fn quantile(mut values: Vec<f64>, q: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (q * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

/// Sample standard deviation; `None` when the values do not vary.
fn standard_deviation(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sum: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((sum / (n - 1.0)).sqrt()).filter(|sd| sd.is_finite() && *sd > 0.0)
}

#[cfg(test)]
mod tests {
    use super::{quantile, standard_deviation};

    #[test]
    fn a_quantile_is_a_value_of_the_list() {
        let values = || vec![5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!([0.01, 0.2, 0.21, 0.99].map(|q| quantile(values(), q)), [1.0, 1.0, 2.0, 5.0].map(Some));
        assert_eq!(quantile(Vec::new(), 0.5), None);
    }

    #[test]
    fn what_does_not_vary_has_no_standard_deviation() {
        assert_eq!(standard_deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), Some((32.0_f64 / 7.0).sqrt()));
        assert_eq!([standard_deviation(&[3.0, 3.0]), standard_deviation(&[3.0]), standard_deviation(&[])], [None; 3]);
    }
}
