//! One simulated region through the engine: what it said, and what was true.

use super::design::{STEP, compared, design, rows};
use super::entry;
use super::grid::Setting;
use super::planted::Planted;
use crate::design::Design;
use crate::effects::robustness::{Verdict, control_between, control_within, next_cohort};
use crate::effects::{self, Finding};
use crate::models;
use crate::simulate::truth::TruthRow;
use crate::simulate::{LandmarkSet, landmark_set};
use crate::stats::{benjamini_hochberg, t_two_sided};
use crate::vocab::DosePart;

/// An answer beside the truth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub error: f64,
    pub covers: bool,
    /// Whether the interval leaves 0 out.
    pub clear: bool,
}

/// What came out of one replicate.
#[derive(Clone, Debug, Default)]
pub(super) struct Replicate {
    /// The national number of each part of the dose; `None` where it was refused.
    pub nation: [Option<Answer>; 3],
    /// Each school that has one.
    pub schools: Vec<Answer>,
    /// E3, E4 and E5 of each school that has them.
    pub by_school: [Vec<Answer>; 3],
    /// Schools with pupils that got none.
    pub schools_refused: u64,
    /// Schools that would be flagged: the interval leaves 0 out and Benjamini–Hochberg's q is at most 0.10.
    pub flagged: u64,
    /// Falsification checks: absence in leerjaar 2 within schools and between them, the next cohort's dose. `None` where
    /// a check was not possible.
    pub checks: [Option<Verdict>; 3],
}

pub(super) const PARTS: [(DosePart, &str); 3] =
    [(DosePart::Within, "within"), (DosePart::Cohort, "cohort"), (DosePart::School, "school")];

/// Largest q-value of a flag.
const FLAG_Q: f64 = 0.10;

pub(super) fn replicate(setting: &Setting, seed: u64, k: u32) -> Replicate {
    let set = landmark_set(&setting.region(seed, k));
    let entry = entry();
    let kept = compared(&set);
    let design = Design::Binary(design(&kept));
    let fit = models::model(&entry).fit(&design, &entry);
    let fitted = models::Fitted { entry, design, fit };
    let found = effects::of(&fitted);
    let mut out = Replicate::default();
    let planted = Planted::of(&kept);
    for (slot, (part, _)) in out.nation.iter_mut().zip(PARTS) {
        let truth = planted.as_ref().map(|planted| planted.of_nation(part));
        let of_part = |f: &&Finding| matches!(f, Finding::Estimate(e) if e.estimand.contrast.part == part);
        *slot = found.parts.iter().find(of_part).and_then(|f| answer(f, truth?));
    }
    let mut p_values = Vec::new();
    for (s, finding) in found.schools.enumerate() {
        let Finding::Estimate(e) = finding else {
            out.schools_refused += u64::from(fitted.design.head().counts[s].pupils > 0);
            continue;
        };
        let truth = own_truth(&set, crate::vocab::ids::Ix::at(s));
        if let Some(answer) = truth.and_then(|truth| answer(finding, truth)) {
            p_values.push(t_two_sided(e.quantity.value / e.std_error, e.df));
            out.schools.push(answer);
        }
    }
    for (s, school) in found.by_school.enumerate() {
        // The step of E3 is how much more dose the school has than those it is compared with.
        let Finding::Estimate(contribution) = &school.contribution else { continue };
        let Some(planted) = &planted else { continue };
        let truth = planted.of_school(crate::vocab::ids::Ix::at(s), -contribution.estimand.contrast.step);
        let findings = [&school.contribution, &school.deviation, &school.adjusted];
        for ((answers, finding), truth) in out.by_school.iter_mut().zip(findings).zip(truth) {
            answers.extend(answer(finding, truth));
        }
    }
    let q = benjamini_hochberg(&p_values);
    out.flagged = out.schools.iter().zip(q).filter(|(a, q)| a.clear && *q <= FLAG_Q).count() as u64;
    out.checks = checks(&set);
    out
}

fn answer(finding: &Finding, truth: f64) -> Option<Answer> {
    let Finding::Estimate(e) = finding else { return None };
    Some(Answer {
        error: e.quantity.value - truth,
        covers: e.interval.contains(truth),
        clear: !e.interval.contains(0.0),
    })
}

/// The planted association of a school's own pupils.
fn own_truth(set: &LandmarkSet, school: usize) -> Option<f64> {
    let (term, key) = (format!("ame_within_{STEP}"), &set.schools[school]);
    let is_it = |r: &&TruthRow| r.outcome == "uitval_jr1" && r.term == term && r.school.as_ref() == Some(key);
    set.truth.iter().find(is_it).map(|r| r.value)
}

fn checks(set: &LandmarkSet) -> [Option<Verdict>; 3] {
    let mut absence: Vec<i32> = set.pupils.iter().map(|p| p.absence).collect();
    absence.sort_unstable();
    let median = absence[absence.len() / 2];
    let control = rows(set, |p| f64::from(u8::from(p.absence > median)));
    let outcome = rows(set, |p| f64::from(u8::from(p.uitval)));
    [control_within(&control).ok(), control_between(&control).ok(), next_cohort(&outcome).ok()]
        .map(|found| found.map(|(_, verdict)| verdict))
}
