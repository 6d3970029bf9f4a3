//! The account: flow, definitions with their versions, method in plain words, glossary, origin.

use super::label;
use crate::disclosure::page::{SchoolPage, Shown};
use crate::report::format;
use crate::report::wording::Words;
use maud::{Markup, html};

pub(super) fn body(page: &SchoolPage, words: &Words) -> Markup {
    let section = &words.section;
    html! {
        p { (section.method_intro) }
        (fold(section.flow_title, flow(page, words)))
        @if !page.outcomes.is_empty() {
            (fold(section.definitions_title, definitions(page, words)))
        }
        (fold(section.how_title, html! {
            @for text in section.how { p { (text) } }
            @if page.pupils_move { p { (section.how_moves) } }
        }))
        (fold(section.glossary_title, glossary(words)))
        (fold(section.trace_title, trace(page, words)))
    }
}

fn fold(title: &str, content: Markup) -> Markup {
    html! { details { summary { h3 { (title) } } div { (content) } } }
}

fn flow(page: &SchoolPage, words: &Words) -> Markup {
    let (table, section) = (&words.table, &words.section);
    if page.flow.is_empty() {
        return html! { p { (section.flow_empty) } };
    }
    html! {
        table {
            caption class="visually-hidden" { (section.flow_title) }
            thead { tr { th scope="col" { (table.step) } th scope="col" class="num" { (table.pupils) } } }
            tbody {
                @for row in &page.flow {
                    tr class=[row.is_total.then_some("total")] {
                        th scope="row" { bdi { (label(&row.nl, &row.en, words.lang)) } }
                        td class="num" {
                            @match row.n {
                                Shown::Value(n) => (format::count(n, words.lang)),
                                Shown::Suppressed { .. } => span class="none" { (table.hidden) },
                                Shown::FewSchools { min } => span class="none" { ((words.say.few_schools)(min)) },
                                Shown::Missing => span class="none" { (table.missing) },
                            }
                        }
                    }
                }
            }
        }
        p class="note" { (section.flow_note) }
    }
}

fn definitions(page: &SchoolPage, words: &Words) -> Markup {
    let table = &words.table;
    html! {
        table {
            caption class="visually-hidden" { (words.section.definitions_title) }
            thead { tr {
                th scope="col" { (table.outcome) }
                th scope="col" { (table.version) }
                th scope="col" { (table.source) }
            } }
            tbody {
                @for row in &page.outcomes {
                    tr {
                        th scope="row" {
                            bdi { (label(&row.nl, &row.en, words.lang)) }
                            small { code { (row.def.id) } }
                        }
                        td { (row.def.version) }
                        td { (row.def.source) }
                    }
                }
            }
        }
    }
}

fn glossary(words: &Words) -> Markup {
    html! {
        dl class="glossary" {
            @for item in words.section.glossary {
                div { dt { (item.title) } dd { (item.text) } }
            }
        }
    }
}

fn trace(page: &SchoolPage, words: &Words) -> Markup {
    let frame = &words.frame;
    html! {
        p { (words.section.trace_text) }
        dl class="glossary" {
            div { dt { (frame.study) } dd { bdi { (page.study) } } }
            div { dt { (frame.run) } dd { code { (page.run_id) } } }
            div { dt { (frame.engine) } dd { code { (page.engine_version) } } }
        }
    }
}
