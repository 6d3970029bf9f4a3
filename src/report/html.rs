//! The frame of a page: head with style and content security policy, header, contents, main, footer.

use super::format::clean;
use super::validation::{self, ValidationPage};
use super::wording::validation::ValidationWords;
use super::wording::{Words, words};
use crate::disclosure::page::{IndexEntry, IndexPage, SchoolPage, Shown};
use crate::report::format;
use crate::vocab::Lang;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The whole style sheet; it goes into the page, so that the page needs nothing from outside.
const STYLE: &str = include_str!("style.css");
/// No script, no font, no picture and no frame from anywhere (`reports.md` §3).
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A section ready for the page.
pub struct Part {
    /// Anchor.
    pub id: &'static str,
    /// Title.
    pub title: &'static str,
    /// Content.
    pub body: Markup,
}

/// A school's page.
pub fn school(page: &SchoolPage, parts: &[Part], words: &Words) -> Markup {
    let name = page.school_name.as_deref().unwrap_or(&page.school);
    let running = [words.frame.kicker, name, &cohorts(page, words), &page.run_id].join(" · ");
    let body = html! {
        (header(page, name, words))
        nav aria-labelledby="contents" {
            p id="contents" { (words.frame.contents) }
            ol { @for part in parts { li { a href={ "#" (part.id) } { (part.title) } } } }
        }
        main id="main" tabindex="-1" {
            @for part in parts {
                section id=(part.id) aria-labelledby={ (part.id) "-h" } {
                    h2 id={ (part.id) "-h" } { (part.title) }
                    (part.body)
                }
            }
        }
        (footer(&page.study, &page.run_id, &page.engine_version, words))
    };
    document(&format!("{} – {name}", words.frame.kicker), &running, &body, words)
}

fn cohorts(page: &SchoolPage, words: &Words) -> String {
    (words.say.cohorts)(&page.cohorts)
}

fn header(page: &SchoolPage, name: &str, words: &Words) -> Markup {
    let frame = &words.frame;
    let pupils = match page.n_pupils {
        Shown::Value(n) => format::count(n, words.lang),
        Shown::Suppressed { min } => (words.say.too_few)(min),
        Shown::FewSchools { min } => (words.say.few_schools)(min),
        Shown::Missing => words.table.missing.to_owned(),
    };
    html! {
        header {
            p class="kicker" { (frame.kicker) }
            h1 { bdi { (name) } }
            dl {
                div { dt { (frame.school) } dd { bdi { (page.school) } } }
                @if !page.cohorts.is_empty() {
                    div { dt { (frame.cohorts) } dd {
                        @for (i, cohort) in page.cohorts.iter().enumerate() {
                            @if i > 0 { ", " }
                            bdi class="whole" { (cohort) }
                        }
                    } }
                }
                div { dt { (frame.pupils) } dd { (pupils) } }
                div { dt { (frame.study) } dd { bdi { (page.study) } } }
            }
        }
    }
}

/// The overview of a run.
pub fn index(index: &IndexPage, words: &Words) -> Markup {
    let frame = &words.frame;
    let (study, run_id, version) = (clean(&index.study), clean(&index.run_id), clean(&index.engine_version));
    let body = html! {
        header {
            p class="kicker" { (frame.kicker) }
            h1 { (frame.index_title) }
            dl {
                div { dt { (frame.study) } dd { bdi { (study) } } }
                div { dt { (frame.run) } dd { code { (run_id) } } }
            }
        }
        main id="main" tabindex="-1" {
            p { (frame.index_intro) }
            @if index.schools.is_empty() {
                p { (frame.index_empty) }
            } @else {
                ul class="schools" { @for entry in &index.schools { li { (link(entry)) } } }
            }
        }
        (footer(&study, &run_id, &version, words))
    };
    let title = format!("{} – {study}", frame.index_title);
    document(&title, &[frame.kicker, &study, &run_id].join(" · "), &body, words)
}

fn link(entry: &IndexEntry) -> Markup {
    let key = clean(&entry.school);
    let name = entry.school_name.as_deref().map(clean);
    let text = html! { bdi { (name.as_deref().unwrap_or(&key)) } };
    html! {
        @if is_relative(&entry.href) { a href=(entry.href) { (text) } } @else { (text) }
        @if name.is_some() { " " small { bdi { (key) } } }
    }
}

/// True for a link that stays beside the overview: no scheme, no host, no control characters.
fn is_relative(href: &str) -> bool {
    !href.is_empty() && !href.starts_with(['/', '\\']) && !href.contains(':') && !href.chars().any(char::is_control)
}

fn footer(study: &str, run_id: &str, version: &str, words: &Words) -> Markup {
    let frame = &words.frame;
    html! {
        footer {
            p {
                bdi { (study) } " · " (frame.run) " " code { (run_id) }
                " · " (frame.engine) " " code { (version) }
            }
        }
    }
}

/// The page of a check.
pub fn validation(v: &ValidationPage, parts: &[Part], w: &ValidationWords, lang: Lang) -> Markup {
    let (title, study) = (clean(&v.title), clean(&v.study));
    let body = html! {
        header {
            p class="kicker" { (w.kicker) }
            h1 { bdi { (title) } }
            dl {
                div { dt { (w.study) } dd { bdi { (study) } } }
                div { dt { (w.errors) } dd { (v.errors) } }
                div { dt { (w.warnings) } dd { (v.warnings) } }
                @if let Some(key) = &v.key_id { div { dt { (w.key) } dd { code { (key) } } } }
            }
        }
        main id="main" tabindex="-1" {
            p { b { (validation::verdict(v, w)) } }
            @for part in parts {
                section id=(part.id) aria-labelledby={ (part.id) "-h" } {
                    h2 id={ (part.id) "-h" } { (part.title) }
                    (part.body)
                }
            }
        }
        footer { p { bdi { (study) } " · " code { (v.engine_version) } } }
    };
    document(&format!("{} – {title}", w.kicker), &[w.kicker, &study].join(" · "), &body, words(lang))
}

/// A page without the parts of a school's report.
pub(super) fn plain(title: &str, content: &Markup, lang: Lang) -> String {
    let body = html! { div class="page" { main id="main" { (content) } } };
    frame(title, title, lang.pick("nl", "en"), &body).into_string()
}

fn document(title: &str, running: &str, body: &Markup, words: &Words) -> Markup {
    let body = html! {
        a class="skip" href="#main" { (words.frame.skip) }
        div class="page" { (body) }
    };
    frame(title, running, words.code, &body)
}

/// What every page has around its body: nothing in it can be loaded or run.
fn frame(title: &str, running: &str, code: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(code) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(running_head(running))) }
            }
            body { (body) }
        }
    }
}

/// Head and number of every printed page. Text from data goes into a CSS string here, so nothing but letters,
/// digits and a few harmless marks is kept.
fn running_head(text: &str) -> String {
    let harmless = |c: &char| c.is_alphanumeric() || " .,-_–·()".contains(*c);
    let text: String = text.chars().filter(harmless).take(140).collect();
    format!("@page{{@top-left{{content:\"{text}\"}}@bottom-right{{content:counter(page) \" / \" counter(pages)}}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_the_css_string() {
        let css = running_head("\"} body{} </style><script>\\22 é · 12AB00");
        let inside = &css["@page{@top-left{content:\"".len()..css.find("\"}@bottom").unwrap()];
        assert_eq!(inside, " body stylescript22 é · 12AB00");
    }

    #[test]
    fn links_stay_beside_the_overview() {
        assert!(is_relative("school/12AB00/rapport.html"));
        for bad in ["", "/x", "//host/x", "\\\\host", "javascript:alert(1)", "https://x", "a\nb"] {
            assert!(!is_relative(bad), "{bad}");
        }
    }
}
