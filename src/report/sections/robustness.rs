//! Does it hold: the checks of each model, with what they said.

use std::collections::BTreeSet;

use super::label;
use crate::disclosure::page::{CheckRow, ChecksOfModel, Measure, SchoolPage, Verdict};
use crate::report::format;
use crate::report::wording::Words;
use crate::vocab::Lang;
use maud::{Markup, html};

pub(super) fn body(page: &SchoolPage, words: &Words) -> Markup {
    let section = &words.section;
    if page.checks.is_empty() {
        return html! { p { (section.robustness_empty) } };
    }
    html! {
        p { (section.robustness_intro) }
        @for checks in &page.checks {
            details {
                summary { h3 { bdi { (label(&checks.outcome_nl, &checks.outcome_en, words.lang)) } } ": " (counted(checks, words)) }
                div {
                    @if none_possible(checks) {
                        @for (nl, en) in reasons(checks) { p { (label(nl, en, words.lang)) } }
                    } @else {
                        (table(checks, words))
                    }
                }
            }
        }
    }
}

/// Whether no check at all was possible, as for a kind of model that has none.
fn none_possible(checks: &ChecksOfModel) -> bool {
    checks.rows.iter().all(|r| matches!(r.verdict, Verdict::NotPossible(_)))
}

/// Why checks were not possible, each reason once.
fn reasons(checks: &ChecksOfModel) -> BTreeSet<&(String, String)> {
    checks.rows.iter().filter_map(|r| r.reason.as_ref()).collect()
}

/// How many passed and failed.
fn counted(checks: &ChecksOfModel, words: &Words) -> String {
    if none_possible(checks) {
        return words.lang.pick("de controles zijn niet mogelijk.", "the checks are not possible.").into();
    }
    let of = |verdict: Verdict| checks.rows.iter().filter(|r| r.verdict == verdict).count();
    let (passed, failed, undecided) = (of(Verdict::Passed), of(Verdict::Failed), of(Verdict::Undecided));
    match words.lang {
        Lang::Nl => format!("{passed} gelukt, {failed} mislukt, {undecided} niet te zeggen."),
        Lang::En => format!("{passed} passed, {failed} failed, {undecided} undecided."),
    }
}

fn table(checks: &ChecksOfModel, words: &Words) -> Markup {
    let lang = words.lang;
    html! {
        table {
            thead { tr {
                th scope="col" { (lang.pick("vraag", "question")) }
                th scope="col" { (lang.pick("wat wij deden", "what we did")) }
                th scope="col" class="num" { (lang.pick("uitkomst en marge", "result and margin")) }
                th scope="col" { (lang.pick("oordeel", "verdict")) }
            } }
            tbody {
                @for row in &checks.rows {
                    tr {
                        th scope="row" { (row.check) ". " (label(&row.question.0, &row.question.1, lang)) }
                        td { bdi { (label(&row.specification.0, &row.specification.1, lang)) } }
                        td class="num" { (number(row, lang)) }
                        td { (said(row, lang)) }
                    }
                }
            }
        }
    }
}

fn number(row: &CheckRow, lang: Lang) -> String {
    let Some(value) = row.value else { return "–".into() };
    let digits = |v: f64| format::number(v, 2, lang);
    let unit = match row.measure {
        Measure::PointsPerStep => lang.pick(" procentpunt", " percentage points"),
        Measure::Times => lang.pick(" keer", " times"),
        Measure::RiskRatio | Measure::Share | Measure::Ratio | Measure::PValue => "",
    };
    match (row.lo, row.hi) {
        (Some(lo), Some(hi)) => {
            format!("{}{unit} ({} {} {})", digits(value), digits(lo), lang.pick("tot", "to"), digits(hi))
        }
        _ => format!("{}{unit}", digits(value)),
    }
}

fn said(row: &CheckRow, lang: Lang) -> String {
    let (nl, en) = match row.verdict {
        Verdict::Passed => ("gelukt", "passed"),
        Verdict::Failed => ("mislukt", "failed"),
        Verdict::Undecided => ("te weinig gegevens om te zeggen", "too few data to tell"),
        Verdict::Reported => ("ter informatie", "for information"),
        Verdict::NotPossible(_) => ("niet mogelijk", "not possible"),
    };
    let verdict = lang.pick(nl, en).to_string();
    match &row.reason {
        Some((nl, en)) => format!("{verdict}. {}", lang.pick(nl, en)),
        None => verdict,
    }
}
