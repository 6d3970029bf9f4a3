//! R2: doubly robust estimators, whose nuisance models are trained on other schools than those they predict for.

use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict, rows};
use crate::stats::causal::{Folds, InfluenceEstimate, Learner, Truncation, binned_dose, partially_linear};

pub(super) const CHECK: Check = Check {
    id: "R2",
    nl: "Blijft het zo als we dosis én uitkomst voorspellen?",
    en: "Does it stay when both dose and outcome are predicted?",
    rule_nl: "Zelfde richting en overlappende marges.",
    rule_en: "Same sign and overlapping margins.",
    run,
};

const FOLDS: u32 = 5;
const BINS: usize = 3;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let linear = Specification::new(
        "R2",
        "partially_linear",
        "Dosis en uitkomst eerst voorspeld met andere scholen; dan het verband van de resten.",
        "Dose and outcome predicted from other schools first; then the association of what is left.",
    );
    let binned = Specification::new(
        "R2",
        "binned_aipw",
        "Drie groepen naar dosis, gewogen en voorspeld met andere scholen (AIPW).",
        "Three groups by dose, weighted and predicted from other schools (AIPW).",
    );
    let by_residuals = estimate(subject, |d| {
        let fit = partially_linear(d.y, d.dose, d.x, Learner::Linear, d.folds);
        fit.map(|f| f.slope)
    });
    let by_bins = estimate(subject, |d| {
        let fit = binned_dose(d.y, d.dose, d.x, BINS, Learner::Linear, d.folds, Truncation::USUAL);
        fit.map(|f| f.slope)
    });
    vec![linear.with(by_residuals), binned.with(by_bins)]
}

struct Data<'a> {
    y: ndarray::ArrayView1<'a, f64>,
    dose: ndarray::ArrayView1<'a, f64>,
    x: ndarray::ArrayView2<'a, f64>,
    folds: &'a Folds,
}

fn estimate(
    subject: &Subject<'_>,
    slope: impl Fn(&Data<'_>) -> Result<InfluenceEstimate, crate::stats::StatsError>,
) -> Result<(Estimated, Verdict), Obstacle> {
    let (rows, primary) = subject.ready()?;
    let schools = rows.schools_present();
    if schools < 2 * FOLDS as usize {
        return Err(Obstacle::FewSchools(2 * FOLDS));
    }
    let folds = Folds::by_cluster(&rows.school, FOLDS, subject.effort.seed).map_err(rows::obstacle)?;
    let x = rows.held_equal();
    let data = Data { y: rows.y.view(), dose: rows.within.view(), x: x.view(), folds: &folds };
    let slope = slope(&data).map_err(rows::obstacle)?;
    let error = slope.cluster_std_error(&rows.school).map_err(rows::obstacle)?;
    let found = Estimated::per_step(slope.value, error, schools as f64 - 1.0, rows.step);
    let same_sign = found.value * primary.value >= 0.0 || (found.covers(0.0) && primary.covers(0.0));
    Ok((found, Verdict::of(same_sign && found.overlaps(&primary))))
}
