//! Questions for the team: the page ends in a talk, not in a verdict.

use crate::disclosure::page::SchoolPage;
use crate::report::wording::Words;
use maud::{Markup, html};

pub(super) fn body(_page: &SchoolPage, words: &Words) -> Markup {
    let section = &words.section;
    html! {
        p { (section.talk_intro) }
        ol class="questions" {
            @for question in section.questions { li { (question) } }
        }
        p { (section.talk_next) }
    }
}
