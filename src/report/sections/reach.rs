//! Which activities reached whom.

use super::{is_shown, label, shown};
use crate::disclosure::page::{Bound, SchoolPage, Share, Shown};
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
        table class="even" {
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
                        td class="num" { (cell("own", &row.own, &row.own_mean, words)) }
                        td class="num" { (cell("all", &row.nation, &row.nation_mean, words)) }
                    }
                }
            }
        }
        p class="note" { (section.reach_note) }
    }
}

/// Share with a bar, and the mean number per pupil.
fn cell(class: &str, value: &Shown<Share>, mean: &Shown<f64>, words: &Words) -> Markup {
    html! {
        (shown(value, words, |s| html! {
            b { (format::share(s, words.lang)) }
            @if s.bound == Bound::Exact {
                span class={ "bar " (class) } aria-hidden="true" {
                    span style={ "width:" (format::of_hundred(s.percent)) "%" } {}
                }
            }
        }))
        @if let (true, Shown::Value(m)) = (is_shown(value), mean) {
            small { (words.table.average) " " (format::number(*m, 1, words.lang)) }
        }
    }
}
