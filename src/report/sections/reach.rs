//! Which activities reached whom.

use super::{is_shown, label, shown};
use crate::disclosure::page::{SchoolPage, Share, Shown};
use crate::report::format;
use crate::report::wording::Words;
use maud::{Markup, html};

pub(super) fn body(page: &SchoolPage, words: &Words) -> Markup {
    let (table, section) = (&words.table, &words.section);
    if page.reach.is_empty() {
        return html! { p { (section.reach_empty) } };
    }
    html! {
        p { (section.reach_intro) }
        table {
            caption class="visually-hidden" { (section.reach) }
            thead { tr {
                th scope="col" { (table.activity) }
                th scope="col" class="num" { (table.own) }
                th scope="col" class="num" { (table.all) }
            } }
            tbody {
                @for row in &page.reach {
                    tr {
                        th scope="row" { bdi { (label(&row.nl, &row.en, words.lang)) } }
                        td class="num" { (cell(&row.own, &row.own_mean, words)) }
                        td class="num" { (cell(&row.nation, &row.nation_mean, words)) }
                    }
                }
            }
        }
        p class="note" { (section.reach_note) }
    }
}

/// Share and the mean number per pupil.
fn cell(value: &Shown<Share>, mean: &Shown<f64>, words: &Words) -> Markup {
    html! {
        (shown(value, words, |s| html! { b { (format::share(s, words.lang)) } }))
        @if let (true, Shown::Value(m)) = (is_shown(value), mean) {
            small { (words.table.average) " " (format::number(*m, 1, words.lang)) }
        }
    }
}
