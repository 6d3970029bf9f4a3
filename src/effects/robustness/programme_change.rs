//! R4 and F3: the association seen otherwise, where schools extended their programme ([`crate::effects::programme`]), and how schools
//! moved before.

use super::{Check, Estimated, Measure, Obstacle, Specification, Subject, Verdict};
use crate::effects::programme::{MIN_SCHOOLS, Programme};
use crate::stats::normal_quantile;

pub(super) const CHECK: Check = Check {
    id: "R4",
    nl: "Zien we hetzelfde als scholen hun programma uitbreiden?",
    en: "Do we see the same when schools extend their programme?",
    rule_nl: "De marges overlappen; niet te zeggen als de nieuwe marge nul en de hele oude omvat.",
    rule_en: "The margins overlap; cannot be told where the new margin holds zero and all of the old one.",
    run,
};

pub(super) const PRE_TRENDS: Check = Check {
    id: "F3",
    nl: "Liepen scholen vóór een uitbreiding gelijk op?",
    en: "Did schools move alike before an extension?",
    rule_nl: "Wordt alleen gemeld.",
    rule_en: "Reported only.",
    run: pre_trends,
};

/// How many times the largest change before may be missed after (Rambachan & Roth 2023, M̄).
const BOUNDS: [(&str, f64, &str, &str); 2] = [
    (
        "bound_half",
        0.5,
        "Eerste jaar, als scholen daarna half zo scheef lopen als in het scheefste jaar ervoor.",
        "First year, if schools then drift half as much as in the worst year before.",
    ),
    (
        "bound_one",
        1.0,
        "Eerste jaar, als scholen daarna even scheef lopen als in het scheefste jaar ervoor.",
        "First year, if schools then drift as much as in the worst year before.",
    ),
];

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let spec = |code, nl, en| Specification::new("R4", code, nl, en);
    let main = spec(
        "not_yet",
        "Scholen die hun LOB uitbreidden naast scholen die dat niet of later deden.",
        "Schools that extended their guidance beside schools that did not, or later.",
    );
    let (found, primary) = match (&subject.programme, subject.primary) {
        (Ok(found), Some(primary)) => (found, primary),
        (Err(obstacle), _) => return vec![main.impossible(*obstacle)],
        (_, None) => return vec![main.impossible(Obstacle::NoPrimary)],
    };
    let judged = |spec: Specification, estimate: Option<Estimated>| match estimate {
        Some(e) if e.cannot_disagree_with(&primary) => spec.found(e, Verdict::Undecided),
        Some(e) => spec.found(e, Verdict::of(e.overlaps(&primary))),
        None => spec.impossible(Obstacle::FewChanges(MIN_SCHOOLS)),
    };
    let mut all = vec![
        judged(main, Some(found.per_step)),
        judged(
            spec("never", "Naast scholen die het nooit deden.", "Beside schools that never did."),
            found.beside_never,
        ),
        judged(spec("imputation", "Berekend door aanvullen.", "Computed by imputation."), found.imputed),
    ];
    all.extend(BOUNDS.into_iter().filter_map(|(code, times, nl, en)| {
        bound(found, subject, times).map(|e| spec(code, nl, en).found(e, Verdict::Reported))
    }));
    all
}

/// The first year since the change with a margin that is wider by `times` the largest change before.
fn bound(found: &Programme, subject: &Subject<'_>, times: f64) -> Option<Estimated> {
    let by_step = subject.rows.as_ref().ok()?.step / found.rise;
    let first = found.events.iter().find(|e| e.at == 0)?;
    let half = normal_quantile(0.975) * first.std_error + times * found.largest_before()?;
    Some(Estimated {
        value: by_step * first.estimate,
        lo: Some(by_step * (first.estimate - half)),
        hi: Some(by_step * (first.estimate + half)),
    })
}

fn pre_trends(subject: &Subject<'_>) -> Vec<Specification> {
    let spec = Specification::new(
        "F3",
        "pre_trends",
        "Kans op zulke verschillen vóór de uitbreiding als er geen zijn.",
        "Chance of such differences before the extension if there are none.",
    )
    .counted(Measure::PValue);
    let answer = match &subject.programme {
        Err(obstacle) => Err(*obstacle),
        Ok(found) => {
            let test = found.pre_trends.ok_or(Obstacle::NoYearsBefore);
            test.map(|t| (Estimated::plain(t.p_value), Verdict::Reported))
        }
    };
    vec![spec.with(answer)]
}
