//! The sections of a school's page, in their order. One section is one file and one line in [`SECTIONS`].

mod at_a_glance;
mod effects;
mod method;
mod outcomes;
mod reach;
mod read_this;
mod robustness;
mod talk;

use super::format::{self, clean, school_year};
use super::wording::Words;
use crate::disclosure::page::{SchoolPage, Share, Shown};
use crate::vocab::Lang;
use maud::{Markup, html};

/// One section.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Anchor, and name of its snapshots.
    pub id: &'static str,
    /// Title.
    pub title: fn(&Words) -> &'static str,
    /// Content below the title; its own headings start at h3.
    pub body: fn(&SchoolPage, &Words) -> Markup,
}

/// All sections, in the order of the page.
pub const SECTIONS: &[Section] = &[
    Section { id: "glance", title: |w| w.section.glance, body: at_a_glance::body },
    Section { id: "reach", title: |w| w.section.reach, body: reach::body },
    Section { id: "outcomes", title: |w| w.section.outcomes, body: outcomes::body },
    Section { id: "effects", title: |w| w.section.effects, body: effects::body },
    Section { id: "robustness", title: |w| w.section.robustness, body: robustness::body },
    Section { id: "read-this", title: |w| w.section.read_this, body: read_this::body },
    Section { id: "talk", title: |w| w.section.talk, body: talk::body },
    Section { id: "method", title: |w| w.section.method, body: method::body },
];

/// The page with all text from data cleaned, and cohorts in the notation of school years.
pub fn cleaned(page: &SchoolPage) -> SchoolPage {
    let mut page = page.clone();
    for text in [&mut page.school, &mut page.study, &mut page.run_id, &mut page.engine_version] {
        *text = clean(text);
    }
    page.school_name = page.school_name.map(|name| clean(&name)).filter(|n| !n.trim().is_empty());
    page.cohorts = page.cohorts.iter().map(|c| school_year(&clean(c))).collect();
    let mut labels: Vec<&mut String> = Vec::new();
    labels.extend(page.reach.iter_mut().flat_map(|r| [&mut r.code, &mut r.nl, &mut r.en]));
    labels.extend(page.outcomes.iter_mut().flat_map(|r| [&mut r.nl, &mut r.en]));
    labels.extend(page.effects.iter_mut().flat_map(|r| {
        let exposure = [&mut r.exposure_nl, &mut r.exposure_en];
        let failed = r.failed_checks.iter_mut().flat_map(|(nl, en)| [nl, en]);
        let compared = r.compared.iter_mut().flat_map(|(nl, en)| [nl, en]);
        [&mut r.model, &mut r.outcome_nl, &mut r.outcome_en].into_iter().chain(exposure).chain(failed).chain(compared)
    }));
    labels.extend(page.checks.iter_mut().flat_map(|c| {
        let rows = c.rows.iter_mut().flat_map(|r| [&mut r.specification.0, &mut r.specification.1]);
        [&mut c.outcome_nl, &mut c.outcome_en].into_iter().chain(rows)
    }));
    labels.extend(page.flow.iter_mut().flat_map(|r| [&mut r.nl, &mut r.en]));
    labels.extend(page.adjusted_for.iter_mut().flat_map(|(nl, en)| [nl, en]));
    for label in labels {
        *label = clean(label);
    }
    page
}

/// The label of this language.
fn label<'a>(nl: &'a str, en: &'a str, lang: Lang) -> &'a str {
    lang.pick(nl, en)
}

/// `value` as `show` writes it, or the reason why there is nothing to show.
fn shown<T>(value: &Shown<T>, words: &Words, show: impl FnOnce(&T) -> Markup) -> Markup {
    match value {
        Shown::Value(v) => show(v),
        Shown::Suppressed { min } => html! { span class="none" { ((words.say.too_few)(*min)) } },
        Shown::FewSchools { min } => html! { span class="none" { ((words.say.few_schools)(*min)) } },
        Shown::Missing => html! { span class="none" { (words.table.missing) } },
    }
}

/// A share with its range and its pupils, for a table cell.
fn share_cell(value: &Shown<Share>, words: &Words) -> Markup {
    shown(value, words, |s| {
        html! {
            b { (format::share(s, words.lang)) }
            small { (format::share_range(s, words.lang)) }
            small { ((words.say.behind)(s.n)) }
        }
    })
}

/// True for a value that is shown.
fn is_shown<T>(value: &Shown<T>) -> bool {
    matches!(value, Shown::Value(_))
}
