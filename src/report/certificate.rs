//! The page of `lob certify`: what the engine promises and what it did in simulated regions.

use maud::{Markup, html};

use super::html;
use crate::vocab::Lang;

/// Content of the page.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificatePage {
    /// Version of the engine.
    pub engine_version: String,
    /// Regions of each setting.
    pub replicates: u32,
    /// Seed of the first.
    pub seed: u64,
    /// Lines of the table, settings together.
    pub rows: Vec<CertificateRow>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateRow {
    /// Code of the truth.
    pub scenario: String,
    /// Size of the regions, in Dutch.
    pub size_nl: String,
    /// In English.
    pub size_en: String,
    /// Code of what is estimated.
    pub estimand: String,
    /// What is measured, in Dutch.
    pub metric_nl: String,
    /// In English.
    pub metric_en: String,
    /// True for a share, false for percentage points.
    pub is_share: bool,
    /// What is promised.
    pub nominal: Option<f64>,
    /// What happened.
    pub realised: f64,
    /// Its Monte-Carlo error.
    pub mc_error: f64,
    /// Whether the promise is kept.
    pub kept: Option<bool>,
}

/// The page as HTML without scripts.
pub fn certificate_page(page: &CertificatePage, lang: Lang) -> String {
    let title = lang.pick("Wat de rekenmachine belooft en doet", "What the engine promises and does");
    html::plain(title, &content(page, title, lang), lang)
}

fn content(page: &CertificatePage, title: &str, lang: Lang) -> Markup {
    let promised = page.rows.iter().filter(|r| r.kept.is_some()).count();
    let kept = page.rows.iter().filter(|r| r.kept == Some(true)).count();
    html! {
        h1 { (title) }
        p { (intro(page, lang)) }
        p { b { (counted(kept, promised, lang)) } }
        @for group in page.rows.chunk_by(|a, b| (&a.scenario, &a.size_nl) == (&b.scenario, &b.size_nl)) {
            @if let Some(first) = group.first() {
                h2 { (scenario(&first.scenario, lang)) }
                p class="note" { (lang.pick(&first.size_nl, &first.size_en)) "." }
                (table(group, lang))
            }
        }
        p class="note" { (lang.pick("Versie", "Version")) " " (page.engine_version) ", seed " (page.seed) "." }
    }
}

fn intro(page: &CertificatePage, lang: Lang) -> String {
    match lang {
        Lang::Nl => format!(
            "Wij verzonnen steeds {} regio's waarvan wij de waarheid kennen. De rekenmachine kende die waarheid niet. Hieronder staat hoe vaak haar uitspraken klopten. Achter elk getal staat de toevalsfout.",
            page.replicates
        ),
        Lang::En => format!(
            "For each setting we invented {} regions whose truth we know. The engine did not know that truth. Below is how often its statements held. Each number comes with its chance error.",
            page.replicates
        ),
    }
}

fn counted(kept: usize, promised: usize, lang: Lang) -> String {
    match lang {
        Lang::Nl => format!("Van {promised} beloften zijn er {kept} gehouden."),
        Lang::En => format!("Of {promised} promises {kept} were kept."),
    }
}

/// A truth in words.
fn scenario(code: &str, lang: Lang) -> String {
    let (nl, en) = match code {
        "plain" => ("Een verband dat per school iets verschilt", "An association that differs a little by school"),
        "null" => ("Geen enkel verband", "No association at all"),
        "constant" => ("Op elke school hetzelfde verband", "The same association in each school"),
        "varying" => ("Een verband dat per school sterk verschilt", "An association that differs much by school"),
        "confounded-motivation" => (
            "Geen verband; gemotiveerde leerlingen doen meer en vallen minder uit",
            "No association; motivated pupils do more and drop out less",
        ),
        "confounded-school" => (
            "Geen verband; goede scholen doen meer en verliezen minder leerlingen",
            "No association; good schools do more and lose fewer pupils",
        ),
        "informative-registration" => {
            ("Van gemotiveerde leerlingen wordt meer geregistreerd", "More is registered of motivated pupils")
        }
        "tool-switch" => {
            ("Scholen wisselen van systeem en registreren dan minder", "Schools change system and then register less")
        }
        "late-registration" => ("Veel wordt pas later geregistreerd", "Much is registered later"),
        other => (other, other),
    };
    lang.pick(nl, en).to_string()
}

fn table(rows: &[CertificateRow], lang: Lang) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { (lang.pick("schatting", "estimate")) }
                th scope="col" { (lang.pick("maat", "measure")) }
                th scope="col" class="num" { (lang.pick("beloofd", "promised")) }
                th scope="col" class="num" { (lang.pick("gebeurd", "happened")) }
                th scope="col" class="num" { (lang.pick("toevalsfout", "chance error")) }
                th scope="col" { (lang.pick("gehouden", "kept")) }
            } }
            tbody {
                @for r in rows {
                    tr {
                        th scope="row" { code { (r.estimand) } }
                        td { (lang.pick(&r.metric_nl, &r.metric_en)) }
                        td class="num" { (r.nominal.map_or(String::from("–"), |v| number(v, r.is_share, lang))) }
                        td class="num" { (number(r.realised, r.is_share, lang)) }
                        td class="num" { (number(r.mc_error, r.is_share, lang)) }
                        td { (kept(r.kept, lang)) }
                    }
                }
            }
        }
    }
}

fn number(value: f64, is_share: bool, lang: Lang) -> String {
    let text = if is_share { format!("{:.1} %", 100.0 * value) } else { format!("{value:+.3}").replace('-', "−") };
    if lang == Lang::Nl { text.replace('.', ",") } else { text }
}

fn kept(kept: Option<bool>, lang: Lang) -> &'static str {
    match kept {
        Some(true) => lang.pick("ja", "yes"),
        Some(false) => lang.pick("nee", "no"),
        None => "–",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_is_on_the_page_in_both_languages() {
        let row = CertificateRow {
            scenario: "null".into(),
            size_nl: "40 scholen".into(),
            size_en: "40 schools".into(),
            estimand: "E1_within".into(),
            metric_nl: "marges".into(),
            metric_en: "margins".into(),
            is_share: true,
            nominal: Some(0.95),
            realised: 0.871,
            mc_error: 0.011,
            kept: Some(false),
        };
        let page = CertificatePage { engine_version: "1".into(), replicates: 10, seed: 1, rows: vec![row] };
        let (nl, en) = (certificate_page(&page, Lang::Nl), certificate_page(&page, Lang::En));
        assert!(nl.contains("87,1 %") && nl.contains(">nee<") && nl.contains("Van 1 beloften zijn er 0 gehouden."));
        assert!(en.contains("87.1 %") && en.contains(">no<"));
        assert!(!nl.contains("<script") && !en.contains("://"));
    }
}
