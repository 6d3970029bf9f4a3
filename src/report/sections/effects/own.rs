//! What is said about this school: what its dose goes with (E3), its pupils compared (E5), and whether its own line can
//! be told from that of all schools (E4).

use super::{effect_words, sentences};
use crate::disclosure::page::{EffectEstimate, EffectRow, Finding};
use crate::report::format;
use crate::report::sections::label;
use crate::report::wording::{Words, decimals};
use crate::vocab::Unit;
use maud::{Markup, html};

/// E3 first, then E5.
pub(super) fn says(row: &EffectRow, words: &Words) -> Markup {
    html! {
        @match &row.contribution {
            Finding::Estimate(e) => {
                @for text in contribution(e, row, words) { p { (text) } }
                @if is_gap(e, words) { (super::certainty(effect_words(e, row, words).verdict, words)) }
                p class="quiet" { (words.section.contribution_caveat) }
            }
            other => @for text in sentences(other, row, words) { p { (text) } }
        }
        @if let Finding::Estimate(e) = &row.adjusted {
            h5 { (words.section.adjusted_own) }
            @for text in adjusted(e, row, words) { p { (text) } }
        }
    }
}

/// The difference in dose, what goes with it, and the number of pupils that is.
pub(super) fn contribution(e: &EffectEstimate, row: &EffectRow, words: &Words) -> Vec<String> {
    let exposure = label(&row.exposure_nl, &row.exposure_en, words.lang);
    let gap = e.estimand.contrast.step;
    let w = effect_words(e, row, words);
    let mut all = vec![(words.say.gap)(gap, exposure, row.compared.is_some())];
    if !is_gap(e, words) {
        return all;
    }
    all.push((words.say.contribution)(&w));
    let cases = e.n_pupils as f64 * e.quantity.value / 100.0;
    if e.quantity.unit == Unit::PercentagePoint && cases.abs() >= 1.0 {
        all.push((words.say.cases)(e.n_pupils, &w));
        all.push(words.section.cases_caveat.to_owned());
    }
    all
}

/// Whether the difference in dose is printed as one.
fn is_gap(e: &EffectEstimate, words: &Words) -> bool {
    format::number(e.estimand.contrast.step.abs(), 1, words.lang) != format::number(0.0, 1, words.lang)
}

fn adjusted(e: &EffectEstimate, row: &EffectRow, words: &Words) -> Vec<String> {
    let mut all = vec![(words.say.adjusted)(&effect_words(e, row, words))];
    if e.interval.contains(0.0) {
        all.push(words.section.adjusted_unsure.to_owned());
    }
    if let Some(expected) = &row.expected {
        let number = |x| format::number(x, usize::from(x.fract() != 0.0), words.lang);
        let (value, lo, hi) = (number(expected.value), number(expected.interval.lo), number(expected.interval.hi));
        all.push((words.say.expected)(&value, &lo, &hi));
    }
    all
}

/// Whether the association at this school is another one (E4): how far it lies from that of all schools, and what the
/// school's pupils could show wherever no difference fits too.
pub(super) fn line(row: &EffectRow, words: &Words) -> Markup {
    let text = match &row.deviation {
        Finding::Estimate(e) => {
            let mut all = vec![if row.is_reliable {
                (words.say.deviation)(&effect_words(e, row, words))
            } else {
                words.section.not_apart.to_owned()
            }];
            if !row.is_reliable || e.interval.contains(0.0) {
                all.push((words.say.null)(e.n_pupils, row.smallest_visible, e.quantity.unit));
            }
            all
        }
        other => sentences(other, row, words),
    };
    html! {
        h4 { (words.section.own_line) }
        @for text in text { p { (text) } }
    }
}

/// The numbers of this school as a table, where there are any.
pub(super) fn table(row: &EffectRow, outcome: &str, words: &Words) -> Markup {
    let shown: Vec<(&str, &EffectEstimate)> =
        [(words.table.own_dose, &row.contribution), (words.table.own_pupils, &row.adjusted)]
            .into_iter()
            .filter_map(|(name, finding)| if let Finding::Estimate(e) = finding { Some((name, e)) } else { None })
            .collect();
    let Some((_, first)) = shown.first() else {
        return html! {};
    };
    let unit = first.quantity.unit;
    let number = |x| format::number(x, decimals(unit), words.lang);
    html! {
        table {
            caption { (words.table.own) ": " bdi { (outcome) } ", " ((words.chart.axis)(unit)) }
            thead { tr {
                th scope="col" { (words.table.group) }
                th scope="col" class="num" { (words.table.estimate) }
                th scope="col" class="num" { (words.table.range) }
            } }
            tbody {
                @for (name, e) in &shown {
                    tr {
                        th scope="row" { (name) small { (format::pupils(e.n_pupils, words.lang)) } }
                        td class="num" { b { (number(e.quantity.value)) } }
                        td class="num" { (number(e.interval.lo)) " " (words.chart.to) " " (number(e.interval.hi)) }
                    }
                }
            }
        }
    }
}
