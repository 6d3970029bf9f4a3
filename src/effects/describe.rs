//! Descriptions per school: whom activities reached and how pupils fared. Counts, no model.

use crate::panel::sets::{DoseAt, OutcomeData};
use crate::panel::{Panel, Step};
use crate::vocab::{IdVec, PupilIx, SchoolIx};

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
    let doses = panel.doses.as_ref().filter(|_| panel.plan.exposures[e].counts_activities())?;
    let pupils = &panel.pupils;
    let at = match panel.plan.pupils.landmark {
        Some(_) => DoseAt::Landmark,
        None => DoseAt::Period(panel.plan.periods - 1),
    };
    let mut schools: IdVec<SchoolIx, Reach> = vec![Reach::default(); pupils.schools.len()].into();
    let measured = |p: &PupilIx| {
        let has_day = match at {
            DoseAt::Landmark => pupils.days[*p].has_landmark(),
            DoseAt::Period(_) => pupils.days[*p].has_origin(),
        };
        has_day && doses.is_registered(pupils, *p)
    };
    for p in pupils.school.ids().filter(measured) {
        let dose = panel.dose(e, p, at);
        let r = &mut schools[pupils.school[p]];
        r.pupils += 1;
        r.reached += u64::from(dose > 0.0);
        r.total += dose;
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
            OutcomeData::Value(_) | OutcomeData::Scores(_) => Err(Step::NoOutcome),
        }
    };
    if matches!(panel.outcomes[&o], OutcomeData::Value(_) | OutcomeData::Scores(_)) {
        return None;
    }
    let mut schools: IdVec<SchoolIx, Outcomes> = vec![Outcomes::default(); pupils.schools.len()].into();
    for p in pupils.school.ids() {
        if let Ok(had) = known(p) {
            let o = &mut schools[pupils.school[p]];
            o.known += 1;
            o.had += u64::from(had);
        }
    }
    Some(schools)
}
