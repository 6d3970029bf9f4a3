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

/// Doses in their order, each with its number of pupils: sums over them depend neither on the order of pupils nor on
/// whether they stand in patterns.
type Tally = Vec<(f64, u64)>;

/// The doses of all pupils on whom the exposure is measured.
fn reference(panel: &Panel<'_>, e: usize, dose: impl Fn(PupilIx, DoseAt) -> f64) -> Tally {
    let counts = panel.plan.exposures[e].counts_activities();
    let has_landmark = panel.plan.pupils.landmark.is_some();
    let at = panel.last_dose();
    let is_there = |p: PupilIx| match (has_landmark, counts) {
        (true, _) => panel.at_landmark(p).is_ok(),
        (false, true) => panel.has_day(p),
        (false, false) => true,
    };
    let pupils = panel.everyone().filter(|(p, _)| is_there(*p) && (!counts || panel.is_measured(*p, at)));
    tally(pupils.map(|(p, n)| (dose(p, at), n)).filter(|(dose, _)| !dose.is_nan()).collect())
}

fn tally(mut doses: Tally) -> Tally {
    doses.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    doses.dedup_by(|next, first| {
        let same = next.0.total_cmp(&first.0).is_eq();
        first.1 += if same { next.1 } else { 0 };
        same
    });
    doses
}

/// The smallest value that at least a share `q` of the values does not exceed.
fn quantile(values: Tally, q: f64) -> Option<f64> {
    let n: u64 = values.iter().map(|v| v.1).sum();
    let rank = ((q * n as f64).ceil() as u64).max(1);
    let mut seen = 0;
    values
        .into_iter()
        .find(|(_, n)| {
            seen += n;
            seen >= rank
        })
        .map(|(value, _)| value)
}

/// Sample standard deviation; `None` when the values do not vary.
fn standard_deviation(values: &[(f64, u64)]) -> Option<f64> {
    let n: f64 = values.iter().map(|v| v.1 as f64).sum();
    let mean = values.iter().map(|(v, k)| v * *k as f64).sum::<f64>() / n;
    let sum: f64 = values.iter().map(|(v, k)| (v - mean).powi(2) * *k as f64).sum();
    Some((sum / (n - 1.0)).sqrt()).filter(|sd| sd.is_finite() && *sd > 0.0)
}

#[cfg(test)]
mod tests {
    use super::{quantile, standard_deviation, tally};

    fn once(values: &[f64]) -> super::Tally {
        tally(values.iter().map(|v| (*v, 1)).collect())
    }

    #[test]
    fn a_quantile_is_a_value_of_the_list() {
        let values = || once(&[5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!([0.01, 0.2, 0.21, 0.99].map(|q| quantile(values(), q)), [1.0, 1.0, 2.0, 5.0].map(Some));
        assert_eq!(quantile(Vec::new(), 0.5), None);
    }

    #[test]
    fn what_does_not_vary_has_no_standard_deviation() {
        let sd = |values: &[f64]| standard_deviation(&once(values));
        assert_eq!(sd(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), Some((32.0_f64 / 7.0).sqrt()));
        assert_eq!([sd(&[3.0, 3.0]), sd(&[3.0]), sd(&[])], [None; 3]);
    }

    #[test]
    fn equal_doses_stand_once_with_their_number() {
        assert_eq!(tally(vec![(2.0, 3), (1.0, 1), (2.0, 4)]), [(1.0, 1), (2.0, 7)]);
        assert_eq!(quantile(vec![(1.0, 3), (2.0, 1)], 0.75), Some(1.0));
    }
}
