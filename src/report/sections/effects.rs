//! What goes together: per model the sentences, a chart, the same numbers as a table, and the parts of the dose.

mod own;

use super::label;
use crate::disclosure::page::{EffectEstimate, EffectRow, Finding, SchoolPage};
use crate::report::charts::dots::{Chart, Mark, Point, Row, Scale, dots};
use crate::report::format;
use crate::report::wording::{Certainty, EffectWords, PartWords, Size, Verdict, Words, capital, decimals, verdict};
use crate::vocab::{DosePart, Estimand, Reading, Unit};
use maud::{Markup, html};

pub(super) fn body(page: &SchoolPage, words: &Words) -> Markup {
    let section = &words.section;
    if page.effects.is_empty() {
        return html! { p { (section.effects_empty) } };
    }
    html! {
        p {
            (section.effects_intro)
            @if !page.adjusted_for.is_empty() { " " (section.effects_held) }
        }
        @if let Some((nl, en)) = comparable(page) {
            p class="quiet" { (section.compared) " " (label(nl, en, words.lang)) }
        }
        @for (i, row) in page.effects.iter().enumerate() {
            (card(i, row, page, words))
        }
        @if page.n_schools > 1 { p class="note" { (section.effects_note) } }
    }
}

/// Which schools are comparable: the same ones for every outcome, so it is said once, and only where a dose is set beside theirs.
fn comparable(page: &SchoolPage) -> Option<&(String, String)> {
    let is_said = |row: &&EffectRow| matches!(row.contribution, Finding::Estimate(_));
    page.effects.iter().filter(is_said).find_map(|row| row.compared.as_ref())
}

fn card(i: usize, row: &EffectRow, page: &SchoolPage, words: &Words) -> Markup {
    let outcome = label(&row.outcome_nl, &row.outcome_en, words.lang);
    let exposure = label(&row.exposure_nl, &row.exposure_en, words.lang);
    let step = (words.say.step)(estimand(&row.nation).contrast.step, exposure);
    html! {
        article class="card" {
            h3 { bdi { (outcome) } }
            p class="step" { (words.table.per) " " bdi { (step) } }
            div class="says" {
                div class="own" {
                    h4 { (words.table.own) }
                    (own::says(row, words))
                }
                div class="all" {
                    h4 { (words.table.all) }
                    (says(&row.nation, row, words))
                }
            }
            (figure(i, row, page, words))
            (own::table(row, outcome, words))
            (own::line(row, words))
            (parts(row, words))
            @if row.leaves_out_levels { p class="quiet" { (left_out(words)) } }
        }
    }
}

/// That not all pupils of the study are in this outcome's numbers.
fn left_out(words: &Words) -> &'static str {
    words.lang.pick(
        "Niet alle leerlingen tellen hier mee: groepen waarin niemand of iedereen deze uitkomst had (zoals één cohort of één \
         leerweg) vallen af.",
        "Not all pupils count here: groups in which nobody or everybody had this outcome (such as one cohort or one leerweg) \
         are left out.",
    )
}

/// All that is said about one finding.
fn says(finding: &Finding, row: &EffectRow, words: &Words) -> Markup {
    html! {
        @for text in sentences(finding, row, words) { p { (text) } }
        @if let (Finding::Estimate(_), Some((nl, en))) = (finding, row.failed_checks.first()) {
            p { (doubt(row.failed_checks.len(), label(nl, en, words.lang), words)) }
        }
        @if let Finding::Estimate(e) = finding {
            @let w = effect_words(e, row, words);
            @if worth_a_frequency(e, w.verdict) { p { ((words.say.frequency)(&w)) } }
            @if let Reading::CausalUnder(assumptions) = e.estimand.reading {
                p { ((words.say.assumptions)(assumptions)) }
            }
            (certainty(w.verdict, words))
        }
    }
}

/// That checks failed, with the first of them.
fn doubt(failed: usize, first: &str, words: &Words) -> String {
    let count = match failed {
        1 => words.lang.pick("Een controle mislukte", "One check failed").to_string(),
        n => format!("{n} {}", words.lang.pick("controles mislukten", "checks failed")),
    };
    let so = words.lang.pick("Daarom zijn wij minder zeker.", "So we are less sure.");
    format!("{count}: “{first}” {so}")
}

/// A frequency helps when there is a difference of at least one of a hundred to picture.
fn worth_a_frequency(e: &EffectEstimate, v: Verdict) -> bool {
    e.quantity.unit == Unit::PercentagePoint
        && matches!(v.size, Size::Relevant(_))
        && v.certainty != Certainty::Unsure
        && e.quantity.value.abs() >= 1.0
}

/// What is said about an effect in one running text: what the school's dose goes with, else all schools.
pub(super) fn about(row: &EffectRow, words: &Words) -> String {
    match &row.contribution {
        Finding::Estimate(e) => own::contribution(e, row, words).join(" "),
        _ => sentences(&row.nation, row, words).join(" "),
    }
}

/// The sentence of a finding and, where no difference fits the data, the fixed null text.
fn sentences(finding: &Finding, row: &EffectRow, words: &Words) -> Vec<String> {
    match finding {
        Finding::Estimate(e) => {
            let w = effect_words(e, row, words);
            let mut all = vec![(words.say.effect)(&w)];
            if verdict(e).certainty == Certainty::Unsure {
                // The smallest visible difference is this school's; it says nothing about all schools.
                all.push((words.say.null)(e.n_pupils, None, e.quantity.unit));
            }
            all
        }
        Finding::Refused(r) => vec![(words.say.refusal)(r.reason).to_owned()],
        Finding::Suppressed(s) if s.min_schools > 0 => {
            vec![format!("{}.", capital(&(words.say.few_schools)(s.min_schools)))]
        }
        Finding::Suppressed(s) => vec![(words.say.small_cell)(s.min_pupils, s.min_events)],
    }
}

fn effect_words<'a>(e: &EffectEstimate, row: &'a EffectRow, words: &Words) -> EffectWords<'a> {
    let exposure = label(&row.exposure_nl, &row.exposure_en, words.lang);
    let plain = EffectWords::new(e, exposure, label(&row.outcome_nl, &row.outcome_en, words.lang));
    if row.failed_checks.is_empty() { plain } else { EffectWords { verdict: plain.verdict.lowered(), ..plain } }
}

/// How certain: filled circles and the word for it.
fn certainty(v: Verdict, words: &Words) -> Markup {
    let said = (words.say.certainty)(v);
    let filled = match v.certainty {
        Certainty::Clear => 3,
        Certainty::Likely => 2,
        Certainty::Unsure => 1,
    };
    html! {
        p class="certainty" {
            span aria-hidden="true" { @for i in 0..3 { @if i < filled { "●" } @else { "○" } } }
            " " b { (words.section.certainty) ": " (said.title) "." } " " (said.text)
        }
    }
}

fn estimand(finding: &Finding) -> &Estimand {
    match finding {
        Finding::Estimate(e) => &e.estimand,
        Finding::Refused(r) => &r.estimand,
        Finding::Suppressed(s) => &s.estimand,
    }
}

/// Chart and table, where at least one number is shown.
fn figure(i: usize, row: &EffectRow, page: &SchoolPage, words: &Words) -> Markup {
    let lines = lines(row, words);
    let Some(unit) = lines.iter().find_map(|l| unit(l.finding)) else {
        return html! {};
    };
    let outcome = label(&row.outcome_nl, &row.outcome_en, words.lang);
    let chart = Chart {
        id: format!("effect-{i}"),
        outcome,
        unit,
        direction: row.direction,
        rows: lines.iter().map(|l| chart_row(l, words)).collect(),
        scale: Scale::over(&points(page, unit)),
    };
    html! {
        figure {
            (dots(&chart, words))
            figcaption { (words.chart.effect_caption) }
        }
        (table(&lines, outcome, unit, words))
    }
}

/// One line of chart and table.
struct Line<'a> {
    label: String,
    mark: Mark,
    finding: &'a Finding,
}

fn lines<'a>(row: &'a EffectRow, words: &Words) -> Vec<Line<'a>> {
    let line = |label: &str, mark, finding| Line { label: label.to_owned(), mark, finding };
    // A line of its own only where it can be told from that of all schools.
    let own = row.is_reliable.then(|| line(words.table.own, Mark::Own, &row.own));
    let all = line(words.table.all, Mark::All, &row.nation);
    let part = |f| line(part_words(f, words).name, Mark::Part, f);
    own.into_iter().chain([all]).chain(row.parts.iter().map(part)).collect()
}

fn part_words(finding: &Finding, words: &Words) -> PartWords {
    (words.say.part)(estimand(finding).contrast.part)
}

fn unit(finding: &Finding) -> Option<Unit> {
    if let Finding::Estimate(e) = finding { Some(e.quantity.unit) } else { None }
}

/// Every estimate of this unit on the page: its charts share one scale, so that lengths can be compared.
fn points(page: &SchoolPage, of: Unit) -> Vec<Point> {
    let of_row = |r: &'_ EffectRow| r.is_reliable.then_some(r.own.clone());
    let own: Vec<Finding> = page.effects.iter().filter_map(of_row).collect();
    let findings = page.effects.iter().flat_map(|r| [&r.nation].into_iter().chain(r.parts.iter())).chain(own.iter());
    findings.filter(|f| unit(f) == Some(of)).filter_map(point).collect()
}

fn point(finding: &Finding) -> Option<Point> {
    let Finding::Estimate(e) = finding else {
        return None;
    };
    Some(Point { value: e.quantity.value, lo: e.interval.lo, hi: e.interval.hi })
}

fn why_not(finding: &Finding, words: &Words) -> &'static str {
    match finding {
        Finding::Suppressed(_) => words.table.suppressed,
        _ => words.table.refused,
    }
}

fn chart_row(line: &Line<'_>, words: &Words) -> Row {
    Row {
        label: line.label.clone(),
        mark: line.mark,
        point: point(line.finding).ok_or_else(|| why_not(line.finding, words)),
    }
}

fn table(lines: &[Line<'_>], outcome: &str, unit: Unit, words: &Words) -> Markup {
    let table = &words.table;
    let number = |x| format::number(x, decimals(unit), words.lang);
    html! {
        table {
            caption { bdi { (outcome) } ", " ((words.chart.axis)(unit)) }
            thead { tr {
                th scope="col" { (table.group) }
                th scope="col" class="num" { (table.estimate) }
                th scope="col" class="num" { (table.range) }
            } }
            tbody {
                @for line in lines {
                    tr {
                        th scope="row" {
                            (line.label)
                            @if let Finding::Estimate(e) = line.finding {
                                small { (format::pupils(e.n_pupils, words.lang)) }
                            }
                        }
                        @match line.finding {
                            Finding::Estimate(e) => {
                                td class="num" { b { (number(e.quantity.value)) } }
                                td class="num" { (number(e.interval.lo)) " " (words.chart.to) " " (number(e.interval.hi)) }
                            }
                            other => td class="none" colspan="2" { (why_not(other, words)) },
                        }
                    }
                }
            }
        }
    }
}

/// The parts of the dose in words: what is compared, the sentence, and what else may explain it.
fn parts(row: &EffectRow, words: &Words) -> Markup {
    let headline = estimand(&row.nation).contrast.part != DosePart::Total;
    if !headline && row.parts.is_empty() {
        return html! {};
    }
    html! {
        h4 { (words.section.parts_title) }
        p { (words.section.parts_intro) }
        dl class="parts" {
            @if headline { (part(&row.nation, &headline_says(row, words), words)) }
            @for finding in &row.parts { (part(finding, &part_says(finding, row, words), words)) }
        }
    }
}

fn part(finding: &Finding, says: &str, words: &Words) -> Markup {
    let part = part_words(finding, words);
    html! {
        div {
            dt { (part.name) }
            dd {
                p { (part.compares) " " (says) }
                p class="quiet" { (part.caveat) }
            }
        }
    }
}

/// The part that the headline is about: its number is not said twice.
fn headline_says(row: &EffectRow, words: &Words) -> String {
    match &row.nation {
        Finding::Estimate(_) => words.section.parts_headline.to_owned(),
        other => part_says(other, row, words),
    }
}

/// The sentence of a part, without the null text: that is said about the whole.
fn part_says(finding: &Finding, row: &EffectRow, words: &Words) -> String {
    sentences(finding, row, words).swap_remove(0)
}
