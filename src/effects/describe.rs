//! Descriptions per school: whom activities reached and how pupils fared. Counts, no model.

use crate::panel::sets::OutcomeData;
use crate::panel::{Panel, Step};
use crate::vocab::{IdVec, OutcomeRule, PupilIx, SchoolIx};

/// Pupils of a school, how many of them were reached, and their registrations together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reach {
    /// Pupils whose school and cohort registers activities.
    pub pupils: u64,
    /// Pupils with at least one.
    pub reached: u64,
    /// Sum of the dose.
    pub total: f64,
}

/// Pupils of a school with a known outcome, and those who had it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Pupils with a known outcome.
    pub known: u64,
    /// Pupils who had it.
    pub had: u64,
}

/// Reach of exposure `e` at the landmark (or, without one, before the last period); `None` for an exposure
/// that is no count of activities.
pub fn reach(panel: &Panel<'_>, e: usize) -> Option<IdVec<SchoolIx, Reach>> {
    if panel.plan.activities.is_none() || !panel.plan.exposures[e].counts_activities() {
        return None;
    }
    let pupils = &panel.pupils;
    let mut schools: IdVec<SchoolIx, Reach> = vec![Reach::default(); pupils.schools.len()].into();
    for (p, n) in
        panel.everyone().filter(|(p, _)| panel.has_day(*p) && panel.is_registered(*p, Some(panel.last_dose())))
    {
        let dose = panel.dose(e, p, panel.last_dose());
        let r = &mut schools[pupils.school[p]];
        r.pupils += n;
        r.reached += if dose > 0.0 { n } else { 0 };
        r.total += dose * n as f64;
    }
    Some(schools)
}

/// How the pupils fared on outcome `o`; `None` for an outcome that is no yes or no.
pub fn outcome(panel: &Panel<'_>, o: usize) -> Option<IdVec<SchoolIx, Outcomes>> {
    let pupils = &panel.pupils;
    let known = |p: PupilIx| -> Result<bool, Step> {
        match &panel.outcomes[&o] {
            OutcomeData::Binary(values) => {
                panel.at_landmark(p)?;
                values[p]
            }
            OutcomeData::Event(at_risk) => at_risk[p].map(|last| last.event),
            OutcomeData::Value(_) | OutcomeData::Scores(_) | OutcomeData::Patterns(_) => Err(Step::NoOutcome),
        }
    };
    if matches!(panel.plan.outcomes[o].rule(), OutcomeRule::Score | OutcomeRule::Column) {
        return None;
    }
    let mut schools: IdVec<SchoolIx, Outcomes> = vec![Outcomes::default(); pupils.schools.len()].into();
    if let Some(counted) = panel.counted(o) {
        for (school, known, had) in counted {
            schools[school].known += known;
            schools[school].had += had;
        }
        return Some(schools);
    }
    for p in pupils.school.ids() {
        if let Ok(had) = known(p) {
            let o = &mut schools[pupils.school[p]];
            o.known += 1;
            o.had += u64::from(had);
        }
    }
    Some(schools)
}
