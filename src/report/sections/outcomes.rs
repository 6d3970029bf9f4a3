//! Where former pupils went: shares with their margins, own beside all schools, first as pictures of a hundred.

use super::{label, share_cell};
use crate::disclosure::page::{Bound, OutcomeRow, SchoolPage, Share, Shown};
use crate::report::charts::icons::{Grid, icons};
use crate::report::format;
use crate::report::wording::Words;
use maud::{Markup, html};

pub(super) fn body(page: &SchoolPage, words: &Words) -> Markup {
    let (table, section) = (&words.table, &words.section);
    if page.outcomes.is_empty() {
        return html! { p { (section.outcomes_empty) } };
    }
    let pictures: Vec<Markup> =
        page.outcomes.iter().enumerate().filter_map(|(i, row)| picture(i, row, words)).collect();
    html! {
        p { (section.outcomes_intro) }
        @if !pictures.is_empty() {
            figure {
                div class="pictures" { @for p in &pictures { (p) } }
                figcaption { (words.chart.icons_caption) }
            }
        }
        table class="even" {
            caption class="visually-hidden" { (section.outcomes) }
            thead { tr {
                th scope="col" { (table.outcome) }
                th scope="col" class="num" { (table.own) }
                th scope="col" class="num" { (table.all) }
            } }
            tbody {
                @for row in &page.outcomes {
                    tr {
                        th scope="row" { bdi { (label(&row.nl, &row.en, words.lang)) } }
                        td class="num" { (share_cell(&row.own, words)) }
                        td class="num" { (share_cell(&row.nation, words)) }
                    }
                }
            }
        }
        p class="note" { (section.outcomes_note) }
    }
}

/// The grids of an outcome whose own share is shown as it is.
fn picture(i: usize, row: &OutcomeRow, words: &Words) -> Option<Markup> {
    let exact = |value: &Shown<Share>| match value {
        Shown::Value(s) if s.bound == Bound::Exact => Some(format::of_hundred(s.percent)),
        _ => None,
    };
    let mut grids = vec![Grid { label: words.table.own, filled: exact(&row.own)?, class: "own" }];
    if let Some(filled) = exact(&row.nation) {
        grids.push(Grid { label: words.table.all, filled, class: "all" });
    }
    let outcome = label(&row.nl, &row.en, words.lang);
    Some(html! {
        div class="picture" {
            h3 { bdi { (outcome) } }
            (icons(&format!("icons-{i}"), outcome, &grids, words))
        }
    })
}
