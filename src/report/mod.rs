//! Controlled content → pages. Computes no statistic and opens no file: what comes in is a
//! [`SchoolPage`] that passed disclosure control, what goes out is one self-contained HTML text without scripts.
//! All text from data is cleaned here and escaped by `maud`.

pub mod certificate;
pub mod charts;
pub mod counts;
pub mod format;
mod html;
pub mod sections;
pub mod validation;
pub mod wording;

use crate::disclosure::page::{IndexPage, SchoolPage};
use crate::vocab::Lang;
use sections::SECTIONS;
use wording::words;

/// The page of one school, as HTML.
pub fn school_page(page: &SchoolPage, lang: Lang) -> String {
    let page = sections::cleaned(page);
    let words = words(lang);
    let sections: Vec<html::Part> = SECTIONS
        .iter()
        .map(|s| html::Part { id: s.id, title: (s.title)(words), body: (s.body)(&page, words) })
        .collect();
    html::school(&page, &sections, words).into_string()
}

/// The overview of a run: a list of reports, without results.
pub fn index_page(index: &IndexPage, lang: Lang) -> String {
    html::index(index, words(lang)).into_string()
}
