//! Executes the plan: pupils are read once and indexed, activities are streamed and added to the pupils'
//! cells, enrolments, events and scores are joined. Activity rows are never held in memory, and nothing here
//! depends on the number of threads, the size of batches or the order of rows.

use std::collections::BTreeMap;
use std::path::Path;

use super::calendars::Calendars;
use super::plan::Plan;
use super::sets::{OutcomeData, Panel};
use super::{doses, enrolled, matched, occasions, pupils, scale};
use crate::ingest::{InputError, Progress, Rejects};
use crate::panel::flow::Flow;
use crate::vocab::OutcomeRule;

/// Builds the panel of a plan; paths are relative to `base`.
///
/// # Errors
/// Unreadable input, or more rejected rows than the study allows.
pub fn build<'s>(plan: Plan<'s>, base: &Path, progress: &dyn Progress) -> Result<Panel<'s>, InputError> {
    let (mut flow, mut rejects) = (Flow::default(), Rejects::default());
    let pupils = pupils::read(&plan, base, progress, &mut flow, &mut rejects)?;
    let doses = doses::sum(&plan, base, &pupils, progress, &mut flow, &mut rejects)?;
    let mut enrolled = enrolled::outcomes(&plan, base, &pupils, progress, &mut flow, &mut rejects)?;
    let calendars = Calendars::of(&pupils, &plan);
    let mut outcomes = BTreeMap::new();
    for (i, o) in plan.outcomes.iter().enumerate() {
        let data = match o.rule() {
            OutcomeRule::Event => {
                let leavings = occasions::leavings(&plan, i, base, &pupils, &mut flow, &mut rejects, progress)?;
                OutcomeData::Event(occasions::at_risk(&plan, o, &pupils, &calendars, &leavings))
            }
            OutcomeRule::Score => {
                OutcomeData::Scores(occasions::scores(&plan, i, base, &pupils, &calendars, &mut flow, &mut rejects)?)
            }
            OutcomeRule::Column => OutcomeData::Value(pupils.values[&i].clone()),
            _ => match enrolled.remove(&i) {
                Some(values) => OutcomeData::Binary(values),
                None => continue,
            },
        };
        outcomes.insert(i, data);
    }
    assert_few(&plan, &rejects)?;
    matched::assert_matched(&plan, &pupils, &flow)?;
    let exposures = plan.exposures.len();
    let (caps, units) = (vec![None; exposures], vec![1.0; exposures]);
    let mut panel = Panel { plan, pupils, doses, outcomes, flow, rejects, caps, units, patterns: None };
    scale::measure(&mut panel);
    Ok(panel)
}

/// Fails when more rows were rejected than the study allows.
pub(super) fn assert_few(plan: &Plan<'_>, rejects: &Rejects) -> Result<(), InputError> {
    let max = plan.study.study.max_reject;
    if rejects.count() > max {
        return Err(InputError::Rejects { count: rejects.count(), max, list: rejects.to_string() });
    }
    Ok(())
}
