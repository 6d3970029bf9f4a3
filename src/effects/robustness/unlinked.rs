//! U2: bounds for pupils who were not linked to later education. Their outcomes are set to what would move the association
//! most, up and down, and to what leavers have.
//!
//! Slopes are those of the dose within school and cohort, without covariates, over all pupils at the landmark. With ṽ the
//! dose less its mean in the school and cohort, `b = Σ ṽy/Σ ṽ²`; y = 1 where ṽ > 0 (else 0) makes it as large as it can be.

use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict};
use crate::panel::Step;
use crate::panel::sets::{DoseAt, OutcomeData};
use crate::vocab::ids::Ix;
use crate::vocab::{Direction, PupilIx};

pub(super) const CHECK: Check = Check {
    id: "U2",
    nl: "Wat als leerlingen zonder koppeling anders zijn?",
    en: "What if pupils without a link are different?",
    rule_nl: "De uiterste waarden houden dezelfde richting.",
    rule_en: "The extreme values keep the same sign.",
    run,
};

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let worst = Specification::new(
        "U2",
        "worst_case",
        "Binnen school en schooljaar, zonder kenmerken; de marge loopt tussen de uiterste gevallen.",
        "Within school and school year, without characteristics; the margin runs between the extreme cases.",
    );
    let leavers = Specification::new(
        "U2",
        "as_leavers",
        "Alsof alle leerlingen zonder koppeling de ongunstige uitkomst hadden.",
        "As if all pupils without a link had the unfavourable outcome.",
    );
    match bounds(subject) {
        Ok(b) => {
            let found = Estimated { value: b.linked, lo: Some(b.lowest), hi: Some(b.highest) };
            let keeps = b.lowest * b.highest > 0.0;
            vec![
                worst.found(found, if keeps { Verdict::Passed } else { Verdict::Undecided }),
                leavers.found(Estimated::plain(b.as_leavers), Verdict::Reported),
            ]
        }
        Err(o) => vec![worst.impossible(o), leavers.impossible(o)],
    }
}

/// Slopes in percentage points per step.
struct Bounds {
    linked: f64,
    lowest: f64,
    highest: f64,
    as_leavers: f64,
}

struct Row {
    cell: usize,
    dose: f64,
    /// `None` when not linked.
    y: Option<f64>,
}

fn bounds(subject: &Subject<'_>) -> Result<Bounds, Obstacle> {
    subject.ready()?;
    let panel = subject.panel;
    let (o, e) =
        (panel.plan.outcome(&subject.fitted.entry.outcome), panel.plan.exposure(&subject.fitted.entry.exposure));
    let OutcomeData::Binary(_) = &panel.outcomes[&o] else { return Err(Obstacle::NotLandmark) };
    let cell = |p: PupilIx| panel.pupils.school[p].at() * panel.pupils.cohorts.len() + panel.pupils.cohort[p].at();
    let (known, out) = panel.rows(o, e);
    let mut rows: Vec<Row> = known.iter().map(|r| Row { cell: cell(r.pupil), dose: r.dose, y: Some(r.y) }).collect();
    let unlinked = out.iter().filter(|(_, step)| *step == Step::NotLinked).map(|(p, _)| *p);
    rows.extend(unlinked.filter(|p| panel.at_landmark(*p).is_ok()).map(|p| Row {
        cell: cell(p),
        dose: panel.dose(e, p, DoseAt::Landmark),
        y: None,
    }));
    rows.retain(|r| !r.dose.is_nan());
    if rows.iter().all(|r| r.y.is_some()) {
        return Err(Obstacle::AllLinked);
    }
    let scale = 100.0 * subject.fitted.design.head().step;
    let bad = if panel.plan.outcomes[o].def.direction == Direction::HigherIsBetter { 0.0 } else { 1.0 };
    let linked: Vec<Row> = known.iter().map(|r| Row { cell: cell(r.pupil), dose: r.dose, y: Some(r.y) }).collect();
    let flag = |is: bool| f64::from(u8::from(is));
    let slope = |rows: &[Row], missing: &dyn Fn(f64) -> f64| slope(rows, missing).map(|b| scale * b);
    Ok(Bounds {
        linked: slope(&linked, &|_| 0.0)?,
        lowest: slope(&rows, &|v| flag(v < 0.0))?,
        highest: slope(&rows, &|v| flag(v > 0.0))?,
        as_leavers: slope(&rows, &|_| bad)?,
    })
}

/// Σ ṽy/Σ ṽ², with `missing(ṽ)` in place of an unknown y.
fn slope(rows: &[Row], missing: &dyn Fn(f64) -> f64) -> Result<f64, Obstacle> {
    let cells = rows.iter().map(|r| r.cell + 1).max().unwrap_or(0);
    let (mut sum, mut n) = (vec![0.0; cells], vec![0.0; cells]);
    for r in rows {
        sum[r.cell] += r.dose;
        n[r.cell] += 1.0;
    }
    let (mut product, mut squares) = (0.0, 0.0);
    for r in rows {
        let v = r.dose - sum[r.cell] / n[r.cell];
        product += v * r.y.unwrap_or_else(|| missing(v));
        squares += v * v;
    }
    let varies = squares > 0.0;
    if varies { Ok(product / squares) } else { Err(Obstacle::Fit(crate::vocab::RefusalReason::NoDose)) }
}
