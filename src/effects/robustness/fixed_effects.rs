//! R1: a linear probability model with an effect for each school and each cohort, errors robust by school (CR2).

use super::rows::lpm;
use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict};

pub(super) const CHECK: Check = Check {
    id: "R1",
    nl: "Blijft het zo met een eenvoudiger model?",
    en: "Does it stay with a simpler model?",
    rule_nl: "Verschil hoogstens 0,3 procentpunt, of de marges overlappen.",
    rule_en: "Difference of at most 0.3 percentage points, or overlapping margins.",
    run,
};

/// Largest difference in percentage points that counts as none.
const TOLERANCE: f64 = 0.3;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let spec = Specification::new(
        "R1",
        "fixed_effects",
        "Lineair kansmodel met een eigen niveau voor elke school en elk schooljaar.",
        "Linear probability model with a level of its own for each school and school year.",
    );
    vec![spec.with(estimate(subject))]
}

fn estimate(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    let (rows, primary) = subject.ready()?;
    let fit = lpm(rows, rows.y.view(), &[rows.within.view(), rows.cohort_mean.view()])
        .or_else(|_| lpm(rows, rows.y.view(), &[rows.within.view()]))?;
    let found = Estimated::per_step(fit.slope[0], fit.std_error[0], fit.df[0], rows.step);
    Ok((found, agrees(&found, &primary)))
}

/// Within the tolerance, or with overlapping intervals.
pub(super) fn agrees(found: &Estimated, primary: &Estimated) -> Verdict {
    Verdict::of((found.value - primary.value).abs() <= TOLERANCE || found.overlaps(primary))
}
