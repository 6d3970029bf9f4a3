//! The tables of effects: `school_effect` (every estimand), `decomposition` (the parts of the dose compared) and `vcov`
//! (covariances of the model's parameters). Refused is a row with its reason.

use arrow::record_batch::RecordBatch;

use super::tables::{Table, contrast_name, status, unit};
use super::{Computed, RunError};
use crate::effects::families::{self, ModelTests, Tested};
use crate::effects::{EffectEstimate, EstimandId, Finding, Incidence, LevelEstimate, SchoolFindings, Seen, Worth};
use crate::models::{Fit, Fitted};
use crate::vocab::{DosePart, Interval, IntervalMethod, Level, Population, Reading, Unit};

/// A number of a row.
#[derive(Clone, Copy)]
struct Number {
    unit: &'static str,
    estimate: f64,
    std_error: f64,
    df: Option<f64>,
    interval: Interval,
}

/// One row: the nation has no school.
struct Row<'c> {
    id: EstimandId,
    fitted: &'c Fitted,
    level: &'static str,
    school: Option<String>,
    contrast: String,
    reading: Reading,
    number: Option<Number>,
    reference: Option<f64>,
    n_pupils: Option<u64>,
    n_events: Option<u64>,
    status: &'static str,
    reason: Option<&'static str>,
    tested: Option<Tested>,
    worth: Option<Worth>,
    drawn: Option<Interval>,
}

impl<'c> Row<'c> {
    fn of(id: EstimandId, fitted: &'c Fitted, finding: &Finding) -> Self {
        let estimand = match finding {
            Finding::Estimate(e) => &e.estimand,
            Finding::Refused(r) => &r.estimand,
            Finding::Suppressed(s) => &s.estimand,
        };
        let part = estimand.contrast.part;
        let is_binary = |e: &EffectEstimate| e.quantity.unit == Unit::PercentagePoint;
        let (number, n_pupils, n_events, status, reason) = match finding {
            Finding::Estimate(e) => {
                (Some(number(e)), Some(e.n_pupils), is_binary(e).then_some(e.n_events), status(fitted), None)
            }
            Finding::Refused(r) => (None, Some(r.n_pupils), None, "not_estimable", Some(r.reason.code())),
            Finding::Suppressed(_) => (None, None, None, "suppressed_primary", None),
        };
        Self {
            id,
            fitted,
            level: if estimand.population == Population::Nation { "nation" } else { "school" },
            school: None,
            contrast: contrast(id, part, estimand.contrast.step),
            reading: estimand.reading,
            number,
            reference: None,
            n_pupils,
            n_events,
            status,
            reason,
            tested: None,
            worth: None,
            drawn: None,
        }
    }
}

fn contrast(id: EstimandId, part: DosePart, step: f64) -> String {
    match id {
        EstimandId::E2 => format!("dose{}_p75_less_p25", part.suffix()),
        EstimandId::E3 | EstimandId::E8 => "own_dose_less_median_school".into(),
        EstimandId::E5 => "school_less_all_schools".into(),
        _ => contrast_name(part, step),
    }
}

fn number(e: &EffectEstimate) -> Number {
    Number {
        unit: unit(e.quantity.unit),
        estimate: e.quantity.value,
        std_error: e.std_error,
        df: Some(e.df),
        interval: e.interval,
    }
}

pub(super) fn school_effect(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let plan = &computed.panel.plan;
    let definition = |f: &Fitted| plan.outcomes[plan.outcome(&f.entry.outcome)].def.id;
    let models: Vec<_> = computed.models.iter().map(|(f, found)| (found, definition(f))).collect();
    let tests = families::adjusted(&models);
    let rows: Vec<Row<'_>> =
        computed.models.iter().zip(&tests).flat_map(|((fitted, _), tests)| rows(computed, fitted, tests)).collect();
    let n = |of: fn(&Number) -> f64| rows.iter().map(move |r| r.number.as_ref().map(of));
    let w = |of: fn(&Worth) -> Option<f64>| rows.iter().map(move |r| r.worth.as_ref().and_then(of));
    Table::new("school_effect")
        .text("level", rows.iter().map(|r| Some(r.level.into())))
        .text("school_id", rows.iter().map(|r| r.school.clone()))
        .text("cohort", rows.iter().map(|_| Some("all".into())))
        .text("model_id", rows.iter().map(|r| Some(r.fitted.entry.id.clone())))
        .text("outcome", rows.iter().map(|r| Some(r.fitted.entry.outcome.clone())))
        .text("exposure", rows.iter().map(|r| Some(r.fitted.entry.exposure.clone())))
        .text("estimand", rows.iter().map(|r| Some(r.id.code().into())))
        .text("contrast", rows.iter().map(|r| Some(r.contrast.clone())))
        .text("reading", rows.iter().map(|r| Some(reading(r.reading).into())))
        .text("unit", rows.iter().map(|r| r.number.map(|n| n.unit.into())))
        .number("estimate", n(|n| n.estimate))
        .number("std_error", n(|n| n.std_error))
        .number("df", rows.iter().map(|r| r.number.and_then(|n| n.df)))
        .number("conf_low", n(|n| n.interval.lo))
        .number("conf_high", n(|n| n.interval.hi))
        .number("conf_level", n(|n| n.interval.level.get()))
        .text("method", rows.iter().map(|r| r.number.map(|n| method(n.interval.method).into())))
        .number("conf_low_robust", w(|w| w.seen?.robust.map(|r| r.lo)))
        .number("conf_high_robust", w(|w| w.seen?.robust.map(|r| r.hi)))
        .number("conf_low_draws", rows.iter().map(|r| r.drawn.map(|d| d.lo)))
        .number("conf_high_draws", rows.iter().map(|r| r.drawn.map(|d| d.hi)))
        .number("reliability", w(|w| Some(w.reliability)))
        .number("smallest_visible", w(|w| Some(w.seen?.visible)))
        .text("family", rows.iter().map(|r| r.tested.map(|t| t.family.into())))
        .number("p_value", rows.iter().map(|r| r.tested.map(|t| t.p_value)))
        .number("p_adjusted", rows.iter().map(|r| r.tested.map(|t| t.p_adjusted)))
        .text("flagged", rows.iter().map(|r| r.worth.map(|w| if w.flagged() { "yes" } else { "no" }.into())))
        .number("reference_value", rows.iter().map(|r| r.reference))
        .count("n_pupils", rows.iter().map(|r| r.n_pupils))
        .count("n_events", rows.iter().map(|r| r.n_events))
        .text("evidence_level", rows.iter().map(|r| Some(reading(r.reading).into())))
        .text("status", rows.iter().map(|r| Some(r.status.into())))
        .text("reason", rows.iter().map(|r| r.reason.map(String::from)))
        .finish()
}

fn reading(reading: Reading) -> &'static str {
    match reading {
        Reading::Descriptive => "descriptive",
        Reading::Association => "association",
        Reading::CausalUnder(_) => "causal_under_assumptions",
    }
}

fn method(method: IntervalMethod) -> &'static str {
    match method {
        IntervalMethod::Wald => "delta",
        IntervalMethod::Wilson => "wilson",
        IntervalMethod::EmpiricalBayes => "empirical_bayes",
        IntervalMethod::RobustEmpiricalBayes => "robust_empirical_bayes",
        IntervalMethod::Draws => "draws",
    }
}

/// All rows of one model: the nation, then every school.
fn rows<'c>(computed: &'c Computed<'_>, fitted: &'c Fitted, tests: &ModelTests) -> Vec<Row<'c>> {
    let found = computed.models.iter().find(|(f, _)| std::ptr::eq(f, fitted)).map(|(_, found)| found);
    let Some(found) = found else { return Vec::new() };
    let mut out = Vec::new();
    let of_nation = value(&found.nation);
    let nation = |id, finding: &Finding, tested: Option<Tested>| {
        let reference = (id == EstimandId::E1).then_some(of_nation).flatten();
        Row { reference, tested: tested.filter(|t| !t.p_value.is_nan()), ..Row::of(id, fitted, finding) }
    };
    for (k, part) in found.parts.iter().enumerate() {
        let drawn = found.drawn.as_ref().and_then(|d| d.parts.get(k)).map(|(_, level)| level.interval);
        out.push(Row { drawn, ..nation(EstimandId::E1, part, tests.parts.get(k).copied()) });
    }
    if found.parts.is_empty() {
        out.push(nation(EstimandId::E1, &found.nation, None));
    }
    out.push(nation(EstimandId::E2, &found.quartiles, Some(tests.quartiles)));
    out.extend(found.incidence.iter().map(|i| incidence(i, fitted, &found.nation)));
    let schools = &computed.panel.pupils.schools;
    for ((s, own), all) in found.schools.enumerate().zip(found.by_school.iter()) {
        let mut school = school_rows(fitted, own, all, of_nation);
        school.iter_mut().for_each(|row| row.school = Some(schools[s].clone()));
        let group = fitted.design.head().groups.binary_search(&s).ok();
        let drawn = found.drawn.as_ref().zip(group).map(|(d, g)| d.contributions[g].interval);
        school.iter_mut().filter(|row| row.id == EstimandId::E3).for_each(|row| row.drawn = drawn);
        out.extend(school);
    }
    out
}

fn value(finding: &Finding) -> Option<f64> {
    if let Finding::Estimate(e) = finding { Some(e.quantity.value) } else { None }
}

fn school_rows<'c>(fitted: &'c Fitted, own: &Finding, all: &SchoolFindings, nation: Option<f64>) -> Vec<Row<'c>> {
    let tested = |s: Seen| Tested { family: "schools", p_value: s.p_value, p_adjusted: s.q_value };
    let deviation = Row::of(EstimandId::E4, fitted, &all.deviation);
    vec![
        Row::of(EstimandId::E3, fitted, &all.contribution),
        Row { worth: all.worth, tested: all.worth.and_then(|w| w.seen).map(tested), ..deviation },
        Row { reference: nation, ..Row::of(EstimandId::E4Own, fitted, own) },
        Row { reference: all.expected.map(|e| e.value), ..Row::of(EstimandId::E5, fitted, &all.adjusted) },
        cases(fitted, &all.contribution),
    ]
}

/// E8: E3 as a number of pupils of the school; of a score there is none. Never to be added up over schools.
fn cases<'c>(fitted: &'c Fitted, contribution: &Finding) -> Row<'c> {
    let row = Row::of(EstimandId::E8, fitted, contribution);
    match contribution {
        Finding::Estimate(e) if e.quantity.unit == Unit::PercentagePoint => {
            let share = e.n_pupils as f64 / 100.0;
            let interval = Interval { lo: share * e.interval.lo, hi: share * e.interval.hi, ..e.interval };
            let (estimate, std_error) = (share * e.quantity.value, share * e.std_error);
            Row { number: Some(Number { unit: "pupils", estimate, std_error, df: Some(e.df), interval }), ..row }
        }
        Finding::Estimate(_) => Row { number: None, status: "not_estimable", reason: Some("no_events"), ..row },
        Finding::Refused(_) | Finding::Suppressed(_) => row,
    }
}

fn incidence<'c>(i: &Incidence, fitted: &'c Fitted, nation: &Finding) -> Row<'c> {
    let LevelEstimate { value, std_error, interval } = i.level;
    let exit = i.exit.map_or_else(String::new, |exit| format!("_{}", exit.code()));
    let contrast = format!("median_dose_x{}_until_period{}{exit}", i.multiple, i.period);
    let number = Number { unit: "percent", estimate: value, std_error, df: None, interval };
    Row { number: Some(number), contrast, ..Row::of(EstimandId::E6, fitted, nation) }
}

/// One part of the dose of one model, or all parts pooled.
struct PartRow<'c> {
    fitted: &'c Fitted,
    part: &'static str,
    coefficient: Option<(f64, f64)>,
    effect: &'c Finding,
    comparison: Option<crate::effects::Comparison>,
}

pub(super) fn decomposition(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let mut rows: Vec<PartRow<'_>> = Vec::new();
    for (fitted, found) in &computed.models {
        let comparison = found.comparison;
        for ((part, column), effect) in fitted.design.head().doses.iter().zip(&found.parts) {
            let coefficient = coefficient(fitted, *column);
            rows.push(PartRow { fitted, part: name(*part), coefficient, effect, comparison });
        }
        if let Some(effect) = &found.pooled {
            rows.push(PartRow { fitted, part: "pooled", coefficient: None, effect, comparison });
        }
    }
    let estimate = |r: &PartRow<'_>| if let Finding::Estimate(e) = r.effect { Some(e.clone()) } else { None };
    let e: Vec<Option<EffectEstimate>> = rows.iter().map(estimate).collect();
    let effect = |of: fn(&EffectEstimate) -> f64| e.iter().map(move |e| e.as_ref().map(of));
    let test = |of: fn(&crate::effects::PartsTest) -> f64| {
        rows.iter().map(move |r| r.comparison.and_then(|c| c.test).as_ref().map(of))
    };
    Table::new("decomposition")
        .text("model_id", rows.iter().map(|r| Some(r.fitted.entry.id.clone())))
        .text("outcome", rows.iter().map(|r| Some(r.fitted.entry.outcome.clone())))
        .text("exposure", rows.iter().map(|r| Some(r.fitted.entry.exposure.clone())))
        .text("part", rows.iter().map(|r| Some(r.part.into())))
        .number("coefficient", rows.iter().map(|r| r.coefficient.map(|c| c.0)))
        .number("coefficient_std_error", rows.iter().map(|r| r.coefficient.map(|c| c.1)))
        .number("step", effect(|e| e.quantity.per))
        .text("unit", e.iter().map(|e| e.as_ref().map(|e| unit(e.quantity.unit).into())))
        .number("estimate", effect(|e| e.quantity.value))
        .number("std_error", effect(|e| e.std_error))
        .number("df", effect(|e| e.df))
        .number("conf_low", effect(|e| e.interval.lo))
        .number("conf_high", effect(|e| e.interval.hi))
        .number("conf_level", effect(|_| Level::P95.get()))
        .number("equal_f", test(|t| t.statistic))
        .number("equal_df1", test(|t| t.df1))
        .number("equal_df2", test(|t| t.df2))
        .number("equal_p_value", test(|t| t.p_value))
        .number("cohort_less_within", rows.iter().map(|r| r.comparison.and_then(|c| c.cohort_less_within)))
        .flag("may_pool", rows.iter().map(|r| r.comparison.is_some_and(|c| c.may_pool)))
        .text("status", rows.iter().map(|r| Some(status(r.fitted).into())))
        .finish()
}

fn name(part: DosePart) -> &'static str {
    match part {
        DosePart::Total => "total",
        DosePart::Within => "within",
        DosePart::Cohort => "cohort",
        DosePart::School => "school",
    }
}

/// A coefficient with the standard error of the model.
fn coefficient(fitted: &Fitted, column: usize) -> Option<(f64, f64)> {
    let (beta, v) = match fitted.accept().ok()?.fit() {
        Fit::Pooled(f) => (f.glm.beta[column], f.glm.vcov[[column, column]]),
        Fit::Mixed(f) => (f.ml.beta[column], f.ml.vcov[[column, column]]),
        Fit::Linear(f) => (f.beta[column], f.vcov_beta[[column, column]]),
    };
    Some((beta, v.sqrt()))
}

/// One element of a covariance matrix.
struct Element<'c> {
    fitted: &'c Fitted,
    kind: &'static str,
    row: String,
    column: String,
    value: f64,
}

pub(super) fn vcov(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let mut rows: Vec<Element<'_>> = Vec::new();
    for (fitted, _) in &computed.models {
        let Ok(accepted) = fitted.accept() else { continue };
        let matrices = match accepted.fit() {
            Fit::Pooled(f) => vec![("model", Some(&f.glm.vcov)), ("school", f.robust.as_ref().map(|r| &r.vcov))],
            Fit::Mixed(f) => vec![("model", Some(&f.ml.vcov)), ("school", f.ml.vcov_sandwich.as_ref())],
            Fit::Linear(f) => vec![("model", Some(&f.vcov_beta))],
        };
        let terms = &fitted.design.head().terms;
        let name = |k: usize| terms.get(k).cloned().unwrap_or_else(|| format!("theta{}", k - terms.len() + 1));
        for (kind, matrix) in matrices {
            for ((i, j), value) in matrix.iter().flat_map(|m| m.indexed_iter()) {
                rows.push(Element { fitted, kind, row: name(i), column: name(j), value: *value });
            }
        }
    }
    Table::new("vcov")
        .text("model_id", rows.iter().map(|r| Some(r.fitted.entry.id.clone())))
        .text("kind", rows.iter().map(|r| Some(r.kind.into())))
        .text("row", rows.iter().map(|r| Some(r.row.clone())))
        .text("column", rows.iter().map(|r| Some(r.column.clone())))
        .number("value", rows.iter().map(|r| Some(r.value)))
        .text("status", rows.iter().map(|r| Some(status(r.fitted).into())))
        .finish()
}
