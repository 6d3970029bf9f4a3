//! R6: without the schools that register few of their pupils; missing values.

use super::fixed_effects::agrees;
use super::rows::lpm;
use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict, imputation};
use crate::effects::describe::reach;

pub(super) const CHECK: Check = Check {
    id: "R6",
    nl: "Blijft het zo zonder scholen die weinig registreren, en met aangevulde kenmerken?",
    en: "Does it stay without schools that register little, and with gaps filled in?",
    rule_nl: "Als bij R1.",
    rule_en: "As R1.",
    run,
};

/// Share of a school's pupils that must have at least one registration.
const LEAST: f64 = 0.6;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let well = Specification::new(
        "R6",
        "coverage_60",
        "Alleen scholen waar minstens 60 van de 100 leerlingen een registratie hebben.",
        "Only schools where at least 60 in 100 pupils have a registration.",
    );
    let filled = Specification::new(
        "R6",
        "imputation",
        "Ontbrekende kenmerken aangevuld (multiple imputation).",
        "Missing characteristics filled in (multiple imputation).",
    );
    vec![well.with(covered(subject)), filled.with(imputed(subject))]
}

fn imputed(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    let (_, primary) = subject.ready()?;
    let found = imputation::filled(subject)?;
    Ok((found, agrees(&found, &primary)))
}

fn covered(subject: &Subject<'_>) -> Result<(Estimated, Verdict), Obstacle> {
    let (rows, primary) = subject.ready()?;
    let exposure = subject.panel.plan.exposure(&subject.fitted.entry.exposure);
    let reach = reach(subject.panel, exposure).ok_or(Obstacle::NoOtherDose)?;
    let groups = &subject.fitted.design.head().groups;
    let enough: Vec<bool> =
        groups.iter().map(|s| reach[*s].reached as f64 >= LEAST * reach[*s].pupils as f64).collect();
    let kept = rows.filter(|i| enough[rows.school[i] as usize]);
    if kept.schools_present() < 2 {
        return Err(Obstacle::FewSchools(2));
    }
    let fit = lpm(&kept, kept.y.view(), &[kept.within.view()])?;
    let found = Estimated::per_step(fit.slope[0], fit.std_error[0], fit.df[0], rows.step);
    Ok((found, agrees(&found, &primary)))
}
