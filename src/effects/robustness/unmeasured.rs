//! U1: how strong something unmeasured would have to be to explain the number away.

use super::rows::{Rows, lpm};
use super::{Check, Estimated, Measure, Obstacle, Specification, Subject, Verdict};
use crate::stats::{e_value, e_value_of_interval, robustness_value};

pub(super) const CHECK: Check = Check {
    id: "U1",
    nl: "Hoe sterk moet iets zijn dat we niet zien?",
    en: "How strong must something be that we do not see?",
    rule_nl: "Wordt alleen gemeld.",
    rule_en: "Reported only.",
    run,
};

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let e = Specification::new(
        "U1",
        "e_value",
        "E-waarde van de schatting. Zo sterk moet iets met dosis én uitkomst samenhangen.",
        "E-value of the estimate. That strongly something must be tied to dose and outcome.",
    );
    let e_interval = Specification::new("U1", "e_value_interval", "E-waarde van de marge.", "E-value of the margin.");
    let rv = Specification::new(
        "U1",
        "robustness_value",
        "Deel van wat overblijft van dosis en uitkomst dat iets moet verklaren.",
        "Share of what is left of dose and outcome that something must explain.",
    );
    let mut all = match e_values(subject) {
        Ok((point, interval)) => vec![
            e.counted(Measure::RiskRatio).found(Estimated::plain(point), Verdict::Reported),
            e_interval.counted(Measure::RiskRatio).found(Estimated::plain(interval), Verdict::Reported),
        ],
        Err(o) => {
            vec![e.counted(Measure::RiskRatio).impossible(o), e_interval.counted(Measure::RiskRatio).impossible(o)]
        }
    };
    all.push(rv.counted(Measure::Share).with(robustness(subject)));
    all.push(tipping(subject));
    all
}

/// E-values of the risk ratio that one step makes at the mean risk: point and interval.
fn e_values(subject: &Subject<'_>) -> Result<(f64, f64), Obstacle> {
    let (rows, primary) = subject.ready()?;
    let risk = rows.y.sum() / rows.len() as f64;
    let ratio = |points: f64| (risk + points / 100.0) / risk;
    let (lo, hi) = (primary.lo.ok_or(Obstacle::NoPrimary)?, primary.hi.ok_or(Obstacle::NoPrimary)?);
    let (point, interval) = (e_value(ratio(primary.value)), e_value_of_interval(ratio(lo), ratio(hi)));
    if point.is_finite() && interval.is_finite() { Ok((point, interval)) } else { Err(Obstacle::OutOfRange) }
}

/// Robustness value of the linear probability model; an algebraic fact of its t statistic without robust errors.
fn robustness(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    let (rows, _) = subject.ready()?;
    let fit = lpm(rows, rows.y.view(), &[rows.within.view()])?;
    let t = fit.slope[0] / fit.fit.vcov[[0, 0]].sqrt();
    Ok((Estimated::plain(robustness_value(t, fit.fit.df_residual, 1.0)), Verdict::Reported))
}

/// How many times the largest shift that leaving out one covariate makes would take the number to 0.
fn tipping(subject: &Subject<'_>) -> Specification {
    let spec = |nl: String, en: String| Specification::new("U1", "tipping_point", nl, en).counted(Measure::Times);
    match strongest(subject) {
        Err(obstacle) => spec(
            "Zoveel keer de verschuiving door het sterkste kenmerk.".into(),
            "So many times the shift by the strongest characteristic.".into(),
        )
        .impossible(obstacle),
        Ok(s) => spec(
            format!(
                "Zoveel keer de verschuiving door {} ({:+.2} procentpunt) brengt de schatting op 0.",
                s.nl, s.shift
            )
            .replacen('.', ",", 1),
            format!(
                "So many times the shift by {} ({:+.2} percentage points) brings the estimate to 0.",
                s.en, s.shift
            ),
        )
        .found(Estimated::plain(s.times), Verdict::Reported),
    }
}

struct Strongest {
    nl: String,
    en: String,
    /// In percentage points per step.
    shift: f64,
    times: f64,
}

fn strongest(subject: &Subject<'_>) -> Result<Strongest, Obstacle> {
    let (rows, _) = subject.ready()?;
    let slope = |rows: &Rows| lpm(rows, rows.y.view(), &[rows.within.view()]).map(|f| 100.0 * rows.step * f.slope[0]);
    let full = slope(rows)?;
    let mut best: Option<Strongest> = None;
    for (c, covariate) in subject.panel.plan.covariates.iter().enumerate() {
        let levels = &subject.panel.pupils.levels[c];
        let of_covariate =
            |t: &String| *t == covariate.id || levels.iter().any(|level| *t == format!("{}{level}", covariate.id));
        let left: Vec<usize> = (0..rows.terms.len()).filter(|&k| !of_covariate(&rows.terms[k])).collect();
        if left.len() == rows.terms.len() {
            continue;
        }
        let without = Rows {
            x: rows.x.select(ndarray::Axis(1), &left),
            terms: left.iter().map(|&k| rows.terms[k].clone()).collect(),
            ..rows.clone()
        };
        let shift = slope(&without)? - full;
        if shift != 0.0 && best.as_ref().is_none_or(|b| shift.abs() > b.shift.abs()) {
            let nl = covariate.label.clone().unwrap_or_else(|| covariate.id.clone());
            let en = covariate.label_en.clone().unwrap_or_else(|| nl.clone());
            best = Some(Strongest { nl, en, shift, times: (full / shift).abs() });
        }
    }
    best.ok_or(Obstacle::NoCovariate)
}
