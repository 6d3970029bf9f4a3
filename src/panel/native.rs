//! Executes the plan: pupils are read once and indexed, activities are streamed and added to the pupils'
//! cells, enrolments, events and scores are joined. Activity rows are never held in memory, and nothing here
//! depends on the number of threads, the size of batches or the order of rows.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::calendars::Calendars;
use super::plan::Plan;
use super::pupils::Pupils;
use super::sets::{OutcomeData, Panel};
use super::{doses, enrolled, matched, occasions, pupils, scale, stays};
use crate::ingest::{InputError, Progress, Rejects};
use crate::panel::flow::Flow;
use crate::vocab::{IdVec, OutcomeRule, PupilIx};

/// Builds the panel of a plan; paths are relative to `base`.
///
/// # Errors
/// Unreadable input, or more rejected rows than the study allows.
pub fn build<'s>(plan: Plan<'s>, base: &Path, progress: &dyn Progress) -> Result<Panel<'s>, InputError> {
    let (mut flow, mut rejects) = (Flow::default(), Rejects::default());
    let mut pupils = pupils::read(&plan, base, progress, &mut flow, &mut rejects)?;
    stays::read(&plan, base, &mut pupils, (&mut flow, &mut rejects), progress)?;
    // All other tables are read side by side; what each counted is added in a fixed order.
    let calendars = Calendars::of(&pupils, &plan);
    let at = |i| of_own_table(&plan, i, base, &pupils, &calendars, progress);
    let ((enrolled, own), doses) = plan.memory.join(
        || {
            plan.memory.join(
                || noted(|flow, rejects| enrolled::outcomes(&plan, base, &pupils, progress, flow, rejects)),
                || (0..plan.outcomes.len()).into_par_iter().map(at).collect::<Vec<_>>(),
            )
        },
        || noted(|flow, rejects| doses::sum(&plan, base, (&pupils, &calendars), progress, flow, rejects)),
    );
    let (doses, enrolled) = (doses?, enrolled?);
    for (more, bad) in [(doses.flow, doses.rejects), (enrolled.flow, enrolled.rejects)] {
        flow.extend(more);
        rejects.merge(bad);
    }
    let binary = enrolled.found.into_iter().map(|(i, values)| (i, OutcomeData::Binary(values)));
    let mut outcomes: BTreeMap<usize, OutcomeData> = binary.collect();
    for (i, own) in own.into_iter().enumerate() {
        let own = own?;
        flow.extend(own.flow);
        rejects.merge(own.rejects);
        outcomes.extend(own.found.map(|data| (i, data)));
    }
    assert_few(&plan, &rejects)?;
    matched::assert_matched(&plan, &pupils, &flow)?;
    let exposures = plan.exposures.len();
    let (caps, units) = (vec![None; exposures], vec![1.0; exposures]);
    let mut panel = Panel { plan, pupils, doses: doses.found, outcomes, flow, rejects, caps, units, patterns: None };
    scale::measure(&mut panel);
    Ok(panel)
}

/// What a reader found, and what it counted on the way.
struct Noted<T> {
    found: T,
    flow: Flow,
    rejects: Rejects,
}

fn noted<T>(read: impl FnOnce(&mut Flow, &mut Rejects) -> Result<T, InputError>) -> Result<Noted<T>, InputError> {
    let (mut flow, mut rejects) = (Flow::default(), Rejects::default());
    let found = read(&mut flow, &mut rejects)?;
    Ok(Noted { found, flow, rejects })
}

/// The outcome at `i` where it comes from the pupils or from a table of its own, and not from enrolments.
fn of_own_table(
    plan: &Plan<'_>,
    i: usize,
    base: &Path,
    pupils: &Pupils,
    calendars: &(Calendars, IdVec<PupilIx, Option<u32>>),
    progress: &dyn Progress,
) -> Result<Noted<Option<OutcomeData>>, InputError> {
    let o = &plan.outcomes[i];
    noted(|flow, rejects| {
        Ok(match o.rule() {
            OutcomeRule::Event => {
                let leavings = occasions::leavings(plan, i, base, pupils, flow, rejects, progress)?;
                Some(OutcomeData::Event(occasions::at_risk(plan, o, pupils, calendars, &leavings)))
            }
            OutcomeRule::Score => {
                Some(OutcomeData::Scores(occasions::scores(plan, i, base, pupils, calendars, flow, rejects)?))
            }
            OutcomeRule::Column => Some(OutcomeData::Value(pupils.values[&i].clone())),
            _ => None,
        })
    })
}

/// Fails when more rows were rejected than the study allows.
pub(super) fn assert_few(plan: &Plan<'_>, rejects: &Rejects) -> Result<(), InputError> {
    let max = plan.study.study.max_reject;
    if rejects.count() > max {
        return Err(InputError::Rejects { count: rejects.count(), max, list: rejects.to_string() });
    }
    Ok(())
}
