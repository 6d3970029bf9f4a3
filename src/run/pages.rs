//! Findings and counts → the controlled content of each school's page. Nothing uncontrolled passes here.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::disclosure::page::{
    Bound, CheckRow, ChecksOfModel, EffectRow, IndexEntry, IndexPage, OutcomeRow, ReachRow, SchoolPage, Shown,
};
use crate::disclosure::suppress::{
    FlowCount, Profile, benchmark, beside_mean, compared, contribution, count, effect, expected, flow, mean, share,
};
use crate::effects::describe::{self, Outcomes, Reach};
use crate::effects::robustness::{self, Evidence, Robustness, Specification, Verdict};
use crate::effects::{Finding, ModelFindings, RELIABLE, Seen};
use crate::models::Fitted;
use crate::panel::{Plan, Step};
use crate::run::{Computed, VERSION};
use crate::study::Study;
use crate::study::file::Transform;
use crate::vocab::{CohortIx, IdVec, Lang, OutcomeStatus, PeriodLength, SchoolIx, Unit};

/// The pages of all schools, in order of their keys.
pub(super) fn pages(computed: &Computed<'_>, run_id: &str, profile: Profile, outcomes: Vec<String>) -> Vec<SchoolPage> {
    let described = Described::of(computed, &outcomes);
    let schools: Vec<SchoolIx> = computed.panel.pupils.schools.ids().collect();
    schools.into_par_iter().map(|s| page(computed, &described, run_id, &profile, s)).collect()
}

/// What stands on the overview for a page.
pub(super) fn entry(page: &SchoolPage, href: &str) -> IndexEntry {
    IndexEntry { school: page.school.clone(), school_name: page.school_name.clone(), href: href.to_string() }
}

/// The overview.
pub(super) fn index(study: &Study, run_id: &str, schools: Vec<IndexEntry>) -> IndexPage {
    IndexPage {
        study: study.study.title.clone(),
        run_id: run_id.to_string(),
        engine_version: VERSION.to_string(),
        schools,
    }
}

/// Label of an outcome on a page: with the word for it when it is provisional for any cohort.
fn outcome_on_page(computed: &Computed<'_>, d: &Described, o: usize, lang: Lang) -> String {
    let label = outcome_label(&computed.panel.plan, o, lang);
    let provisional = OutcomeStatus::Voorlopig;
    if d.provisional.contains(&o) { format!("{label} ({})", provisional.label(lang)) } else { label }
}

/// Label of an outcome in a language: the study's, else the definition's.
pub(super) fn outcome_label(plan: &Plan<'_>, o: usize, lang: Lang) -> String {
    let outcome = &plan.outcomes[o];
    let entry = outcome.entry;
    let own = match lang {
        Lang::Nl => &entry.label,
        Lang::En => &entry.label_en,
    };
    own.clone().unwrap_or_else(|| outcome.def.label(lang).to_string())
}

/// Label of an exposure in a language, with its window, and its unit where that is not one activity.
pub(super) fn exposure_label(plan: &Plan<'_>, e: usize, lang: Lang) -> String {
    let entry = plan.exposures[e].entry;
    let own = match lang {
        Lang::Nl => &entry.label,
        Lang::En => &entry.label_en,
    };
    let label = own.clone().or_else(|| entry.label.clone()).unwrap_or_else(|| entry.id.clone());
    let unit = match (entry.unit_sd, entry.transform) {
        (false, _) => None,
        (true, Transform::None) => {
            Some(lang.pick("standaardafwijking van de leerlingen", "standard deviation of pupils"))
        }
        (true, Transform::Log1p) => Some(
            lang.pick("standaardafwijking van de leerlingen, logschaal", "standard deviation of pupils, log scale"),
        ),
    };
    let window = entry.window.map(|window| match window {
        PeriodLength::Days(1) => lang.pick("laatste dag", "last day").to_string(),
        PeriodLength::Months(1) => lang.pick("laatste maand", "last month").to_string(),
        PeriodLength::Days(n) => format!("{} {n} {}", lang.pick("laatste", "last"), lang.pick("dagen", "days")),
        PeriodLength::Months(n) => format!("{} {n} {}", lang.pick("laatste", "last"), lang.pick("maanden", "months")),
    });
    let said: Vec<String> = window.into_iter().chain(unit.map(str::to_string)).collect();
    if said.is_empty() { label } else { format!("{label} ({})", said.join("; ")) }
}

/// Descriptions of all schools, by position of the exposure or outcome.
struct Described {
    pupils: IdVec<SchoolIx, u64>,
    cohorts: IdVec<SchoolIx, BTreeSet<CohortIx>>,
    /// Covariates that every model of the study holds equal.
    covariates: Vec<usize>,
    reach: Vec<(usize, IdVec<SchoolIx, Reach>)>,
    outcomes: Vec<(usize, IdVec<SchoolIx, Outcomes>)>,
    /// Outcomes that are provisional for some cohort.
    provisional: BTreeSet<usize>,
    /// The checks of each model; about the nation.
    checks: Vec<ChecksOfModel>,
    /// Steps of each school on its way into the first model.
    flow: BTreeMap<SchoolIx, Vec<(Step, u64)>>,
}

impl Described {
    fn of(computed: &Computed<'_>, names: &[String]) -> Self {
        let panel = &computed.panel;
        let mut pupils: IdVec<SchoolIx, u64> = vec![0; panel.pupils.schools.len()].into();
        let mut cohorts: IdVec<SchoolIx, BTreeSet<CohortIx>> = vec![BTreeSet::new(); panel.pupils.schools.len()].into();
        for (p, n) in panel.everyone() {
            let school = panel.pupils.school[p];
            pupils[school] += n;
            cohorts[school].insert(panel.pupils.cohort[p]);
        }
        let is_held = |c: &usize| {
            let id = &panel.plan.covariates[*c].id;
            computed.models.iter().all(|(m, _)| m.entry.covariates.as_ref().is_none_or(|names| names.0.contains(id)))
        };
        let exposures = 0..panel.plan.exposures.len();
        let is_provisional =
            |o: &usize| panel.status(*o).values().any(|cohort| cohort.status == OutcomeStatus::Voorlopig);
        let provisional = (0..panel.plan.outcomes.len()).filter(is_provisional).collect();
        let outcomes = (0..panel.plan.outcomes.len()).filter(|&o| names.contains(&panel.plan.outcomes[o].entry.id));
        let mut flow: BTreeMap<SchoolIx, Vec<(Step, u64)>> = BTreeMap::new();
        if let Some((first, _)) = computed.models.first() {
            for (_, school, step, n) in first.design.head().flow.iter() {
                if let Some(s) = school {
                    flow.entry(s).or_default().push((step, n));
                }
            }
        }
        Self {
            pupils,
            cohorts,
            covariates: (0..panel.plan.covariates.len()).filter(is_held).collect(),
            reach: exposures.filter_map(|e| describe::reach(panel, e).map(|r| (e, r))).collect(),
            provisional,
            outcomes: outcomes.filter_map(|o| describe::outcome(panel, o).map(|d| (o, d))).collect(),
            checks: computed
                .models
                .iter()
                .zip(&computed.checks)
                .map(|((m, _), c)| checks_of(&panel.plan, m, c))
                .collect(),
            flow,
        }
    }
}

fn page(computed: &Computed<'_>, d: &Described, run_id: &str, profile: &Profile, s: SchoolIx) -> SchoolPage {
    let panel = &computed.panel;
    let (plan, pupils) = (&panel.plan, &panel.pupils);
    let label = |own: &Option<String>, id: &str| own.clone().unwrap_or_else(|| id.to_string());
    let covariates = |c: &crate::study::file::Covariate| {
        let nl = label(&c.label, &c.id);
        (nl.clone(), label(&c.label_en, &nl))
    };
    SchoolPage {
        school: pupils.schools[s].clone(),
        school_name: pupils.school_names[s].clone(),
        study: plan.study.study.title.clone(),
        run_id: run_id.to_string(),
        engine_version: VERSION.to_string(),
        cohorts: d.cohorts[s].iter().map(|c| pupils.cohorts[*c].clone()).filter(|c| !c.is_empty()).collect(),
        n_pupils: count(d.pupils[s], profile),
        n_schools: pupils.schools.len() as u64,
        reach: d.reach.iter().map(|(e, r)| reach_row(plan, *e, r, profile, s)).collect(),
        outcomes: d.outcomes.iter().map(|(o, r)| outcome_row(computed, d, *o, r, profile, s)).collect(),
        effects: (computed.models.iter().enumerate())
            .map(|(m, (fit, found))| EffectRow {
                failed_checks: computed.checks.get(m).map_or_else(Vec::new, failed),
                ..effect_row(computed, d, (fit, found), profile, s)
            })
            .collect(),
        checks: d.checks.clone(),
        flow: flow(flow_counts(d, s), profile),
        pupils_move: plan.study.stays.is_some(),
        adjusted_for: d.covariates.iter().map(|c| covariates(&plan.covariates[*c])).collect(),
    }
}

/// The questions of the checks that failed.
fn failed(checks: &Robustness) -> Vec<(String, String)> {
    match checks.evidence() {
        Evidence::Standing => Vec::new(),
        Evidence::Lowered(ids) => ids.into_iter().map(question).collect(),
    }
}

fn question(id: &str) -> (String, String) {
    robustness::check(id).map_or_else(Default::default, |c| (c.nl.to_string(), c.en.to_string()))
}

/// The checks of a model as its table.
fn checks_of(plan: &Plan<'_>, fitted: &Fitted, checks: &Robustness) -> ChecksOfModel {
    let o = plan.outcome(&fitted.entry.outcome);
    let row = |s: &Specification| CheckRow {
        check: s.check.to_string(),
        question: question(s.check),
        specification: (s.nl.clone(), s.en.clone()),
        value: s.estimate.map(|e| e.value),
        lo: s.estimate.and_then(|e| e.lo),
        hi: s.estimate.and_then(|e| e.hi),
        measure: s.measure,
        verdict: s.verdict,
        reason: match s.verdict {
            Verdict::NotPossible(obstacle) => Some((obstacle.words(Lang::Nl), obstacle.words(Lang::En))),
            _ => None,
        },
    };
    ChecksOfModel {
        outcome_nl: outcome_label(plan, o, Lang::Nl),
        outcome_en: outcome_label(plan, o, Lang::En),
        rows: checks.specifications.iter().map(row).collect(),
    }
}

/// Share of the largest school, for the rule that no comparison may be mainly one school.
fn largest<T>(schools: &IdVec<SchoolIx, T>, n: impl Fn(&T) -> u64) -> (u64, f64) {
    let counts: Vec<u64> = schools.iter().map(n).filter(|n| *n > 0).collect();
    let (total, most) = (counts.iter().sum::<u64>(), counts.iter().max().copied().unwrap_or(0));
    (counts.len() as u64, if total == 0 { 1.0 } else { most as f64 / total as f64 })
}

fn reach_row(plan: &Plan<'_>, e: usize, reach: &IdVec<SchoolIx, Reach>, profile: &Profile, s: SchoolIx) -> ReachRow {
    let all = reach.iter().fold(Reach::default(), |a, r| Reach {
        pupils: a.pupils + r.pupils,
        reached: a.reached + r.reached,
        total: a.total + r.total,
    });
    let (n_schools, most) = largest(reach, |r| r.pupils);
    let own = &reach[s];
    let own_share = share(own.reached, own.pupils, profile);
    ReachRow {
        code: plan.exposures[e].entry.id.clone(),
        nl: exposure_label(plan, e, Lang::Nl),
        en: exposure_label(plan, e, Lang::En),
        own: own_share.clone(),
        nation: benchmark(share(all.reached, all.pupils, profile), n_schools, most, profile),
        // Beside a share that is coded as small, the mean would tell how small.
        own_mean: match &own_share {
            Shown::Value(s) if s.bound != Bound::LessThan => mean(own.total, own.pupils, profile),
            _ => Shown::Suppressed { min: profile.min_pupils },
        },
        nation_mean: benchmark(mean(all.total, all.pupils, profile), n_schools, most, profile),
    }
}

fn outcome_row(
    computed: &Computed<'_>,
    d: &Described,
    o: usize,
    found: &IdVec<SchoolIx, Outcomes>,
    profile: &Profile,
    s: SchoolIx,
) -> OutcomeRow {
    let all = found.iter().fold(Outcomes::default(), |a, r| Outcomes { known: a.known + r.known, had: a.had + r.had });
    let (n_schools, most) = largest(found, |r| r.known);
    let own = &found[s];
    OutcomeRow {
        def: computed.panel.plan.outcomes[o].def,
        nl: outcome_on_page(computed, d, o, Lang::Nl),
        en: outcome_on_page(computed, d, o, Lang::En),
        own: share(own.had, own.known, profile),
        nation: benchmark(share(all.had, all.known, profile), n_schools, most, profile),
    }
}

fn effect_row(
    computed: &Computed<'_>,
    d: &Described,
    (fitted, found): (&Fitted, &ModelFindings),
    profile: &Profile,
    s: SchoolIx,
) -> EffectRow {
    let plan = &computed.panel.plan;
    let (o, e) = (plan.outcome(&fitted.entry.outcome), plan.exposure(&fitted.entry.exposure));
    let school = &found.by_school[s];
    let n_pupils = fitted.design.head().counts[s].pupils;
    let (n_schools, most) = largest(&fitted.design.head().counts, |c| c.pupils);
    let of_others = |finding: Finding| compared(finding, n_schools, most, profile);
    // Without a table of reach the dose is a column of the pupils, whose mean stands nowhere on the page.
    let mean_is_shown = d
        .reach
        .iter()
        .find(|(of, _)| *of == e)
        .is_none_or(|(_, reach)| matches!(reach_row(plan, e, reach, profile, s).own_mean, Shown::Value(_)));
    let gap = contribution(school.contribution.clone(), profile);
    let seen = school.worth.and_then(|w| w.seen);
    let is_share = matches!(&found.nation, Finding::Estimate(e) if e.quantity.unit == Unit::PercentagePoint);
    let deviation = of_others(effect(robust(&school.deviation, seen), profile));
    let is_deviation = matches!(deviation, Finding::Estimate(_));
    let adjusted = of_others(effect(school.adjusted.clone(), profile));
    let own = effect(found.schools[s].clone(), profile);
    EffectRow {
        model: fitted.entry.id.clone(),
        outcome_nl: outcome_on_page(computed, d, o, Lang::Nl),
        outcome_en: outcome_on_page(computed, d, o, Lang::En),
        direction: plan.outcomes[o].def.direction,
        exposure_nl: exposure_label(plan, e, Lang::Nl),
        exposure_en: exposure_label(plan, e, Lang::En),
        contribution: of_others(beside_mean(gap, mean_is_shown, school.reference_pupils, profile)),
        expected: school
            .expected
            .filter(|_| is_share && matches!(adjusted, Finding::Estimate(_)))
            .and_then(|e| expected(e, n_pupils, profile)),
        adjusted,
        smallest_visible: seen.map(|s| s.visible).filter(|_| is_deviation),
        is_reliable: is_deviation
            && school.worth.is_some_and(|w| w.reliability >= RELIABLE)
            && seen.is_some_and(|s| s.robust.is_some()),
        deviation,
        failed_checks: Vec::new(),
        leaves_out_levels: fitted.design.head().flow.iter().any(|(_, _, step, n)| step == Step::RareLevel && n > 0),
        compared: computed.comparable.as_ref().map(|c| (c.explain(s, Lang::Nl), c.explain(s, Lang::En))),
        own,
        nation: of_others(effect(found.nation.clone(), profile)),
        parts: found.parts.iter().skip(1).map(|f| of_others(effect(f.clone(), profile))).collect(),
    }
}

/// E4 as a page says it: with its robust interval, and the middle of that.
fn robust(deviation: &Finding, seen: Option<Seen>) -> Finding {
    let mut deviation = deviation.clone();
    if let (Finding::Estimate(e), Some(interval)) = (&mut deviation, seen.and_then(|s| s.robust)) {
        e.quantity.value = f64::midpoint(interval.lo, interval.hi);
        e.interval = interval;
    }
    deviation
}

/// Read, reasons, analysed: the order in which `disclosure` expects them.
fn flow_counts(d: &Described, s: SchoolIx) -> Vec<FlowCount> {
    let steps = d.flow.get(&s).map_or(&[][..], Vec::as_slice);
    let row = |&(step, n): &(Step, u64)| {
        let (nl, en) = step.label();
        FlowCount { nl: nl.into(), en: en.into(), is_total: step.is_total(), n }
    };
    let mut rows: Vec<FlowCount> = steps.iter().map(row).collect();
    if !steps.iter().any(|(step, _)| *step == Step::Analysed) {
        rows.push(row(&(Step::Analysed, 0)));
    }
    rows
}
