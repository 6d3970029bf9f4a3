//! How to read the page: what it can't say, and what was and wasn't held equal.

use super::label;
use crate::disclosure::page::SchoolPage;
use crate::report::wording::Words;
use maud::{Markup, html};

pub(super) fn body(page: &SchoolPage, words: &Words) -> Markup {
    let section = &words.section;
    html! {
        div class="guide" {
            @for item in section.guide {
                div { h3 { (item.title) } p { (item.text) } }
            }
        }
        h3 { (section.adjusted_title) }
        @if page.adjusted_for.is_empty() {
            p { (section.adjusted_none) }
        } @else {
            p { (section.adjusted_intro) }
            ul class="tags" {
                @for (nl, en) in &page.adjusted_for {
                    li { bdi { (label(nl, en, words.lang)) } }
                }
            }
        }
        p { (section.adjusted_not) }
    }
}
