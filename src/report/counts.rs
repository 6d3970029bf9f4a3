//! What counts of cells carry, in words: an association between schools and between cohorts, not one of pupils.

use maud::{Markup, html};

use super::format;
use crate::vocab::Lang;

/// A part of the dose with the range of its association in percentage points.
#[derive(Clone, Debug)]
pub struct Part {
    /// Between what, in words.
    pub between: &'static str,
    /// Least and greatest estimate.
    pub points: [f64; 2],
    /// Interval around both.
    pub interval: [f64; 2],
}

/// What the page tells, in its own language.
#[derive(Clone, Debug)]
pub struct CountsPage {
    /// Title of the study.
    pub title: String,
    /// The event.
    pub outcome: String,
    /// The exposure.
    pub exposure: String,
    /// How much more of it.
    pub step: f64,
    /// Whether cells are told by leerweg.
    pub has_leerweg: bool,
    /// Schools and cells that were used.
    pub schools: usize,
    /// See `schools`.
    pub cells: usize,
    /// Cells with a masked number.
    pub masked: usize,
    /// Cells left out, by reason in words.
    pub drops: Vec<(&'static str, u64)>,
    /// Share with the event, in percent, at least and at most; `None` where too few pupils stand behind it to be shown.
    pub share: Option<[f64; 2]>,
    /// The parts.
    pub parts: Vec<Part>,
    /// Why nothing is told.
    pub refused: Option<String>,
    /// Run id.
    pub run_id: String,
}

/// The page as HTML without scripts.
pub fn counts_page(page: &CountsPage, lang: Lang) -> String {
    super::html::plain(&page.title, &content(page, lang), lang)
}

fn content(p: &CountsPage, lang: Lang) -> Markup {
    let caution = lang
        .pick("Dit gaat op schoolniveau, niet over leerlingen.", "This is at the level of schools, not about pupils.");
    html! {
        h1 { (p.title) }
        p { b { (caution) } " " (limits(p.has_leerweg, lang)) }
        p { (share(p, lang)) }
        @if p.masked > 0 { p { (masked(p.masked, lang)) } }
        h2 { (lang.pick("Waarmee LOB samenhangt", "What career guidance goes with")) }
        @if let Some(why) = &p.refused { p { (refused(why, lang)) } }
        @if !p.parts.is_empty() { (parts(p, lang)) }
        @if !p.drops.is_empty() {
            h2 { (lang.pick("Cellen die niet meetellen", "Cells that do not count")) }
            table {
                thead { tr {
                    th scope="col" { (lang.pick("Waarom", "Why")) }
                    th scope="col" class="num" { (lang.pick("Cellen", "Cells")) }
                } }
                tbody { @for (why, n) in &p.drops { tr { th scope="row" { (why) } td class="num" { (format::count(*n, lang)) } } } }
            }
        }
        p class="note" { (lang.pick("Berekening", "Run")) " " (p.run_id) "." }
    }
}

fn limits(has_leerweg: bool, lang: Lang) -> String {
    let of = match (has_leerweg, lang) {
        (true, Lang::Nl) => "De uitkomsten zijn aantallen per school, leerweg en cohort.",
        (true, Lang::En) => "The outcomes are counts per school, leerweg and cohort.",
        (false, Lang::Nl) => "De uitkomsten zijn aantallen per school en cohort.",
        (false, Lang::En) => "The outcomes are counts per school and cohort.",
    };
    let means = lang.pick(
        "Of leerlingen met meer LOB het anders doen dan hun \
         klasgenoten, staat niet in deze gegevens. Een samenhang tussen scholen of cohorten kan ook komen door iets anders \
         waarin zij verschillen.",
        "Whether pupils with more career guidance do otherwise than \
         their classmates is not in these data. An association between schools or cohorts may also come from something else \
         in which they differ.",
    );
    format!("{of} {means}")
}

fn range(ends: [f64; 2], lang: Lang) -> String {
    let [a, b] = ends.map(|v| format::number(v, 1, lang));
    if a == b { a } else { format!("{a} {} {b}", lang.pick("tot", "to")) }
}

fn share(p: &CountsPage, lang: Lang) -> String {
    let (cells, schools) = (p.cells, p.schools);
    let Some(share) = p.share else {
        return match lang {
            Lang::Nl => format!("{}: te weinig leerlingen om een aandeel te tonen ({schools} scholen).", p.outcome),
            Lang::En => format!("{}: too few pupils to show a share ({schools} schools).", p.outcome),
        };
    };
    let share = range(share, lang);
    match lang {
        Lang::Nl => format!("{}: {share} % van de leerlingen, in {cells} cellen van {schools} scholen.", p.outcome),
        Lang::En => format!("{}: {share} % of the pupils, in {cells} cells of {schools} schools.", p.outcome),
    }
}

fn masked(cells: usize, lang: Lang) -> String {
    match lang {
        Lang::Nl => format!(
            "In {cells} cellen is een aantal gemaskeerd (zoals <5). Dat blijft onbekend. Elk getal hieronder is berekend met het \
             kleinste en het grootste dat er kan staan."
        ),
        Lang::En => format!(
            "In {cells} cells a number is masked (such as <5). It stays unknown. Each number below was computed with the least and \
             the greatest that can stand there."
        ),
    }
}

fn refused(why: &str, lang: Lang) -> String {
    match (why, lang) {
        ("too_few_schools", _) => lang
            .pick(
                "Er zijn te weinig scholen om een samenhang te noemen.",
                "There are too few schools to tell an association.",
            )
            .into(),
        (_, Lang::Nl) => format!("Er is geen samenhang te noemen: het model gaf geen bruikbare uitkomst ({why})."),
        (_, Lang::En) => format!("No association can be told: the model gave no usable result ({why})."),
    }
}

fn parts(p: &CountsPage, lang: Lang) -> Markup {
    let step = format::number(p.step, if p.step.fract() == 0.0 { 0 } else { 1 }, lang);
    let goes_with = match lang {
        Lang::Nl => format!("Gemiddeld {step} {} meer hangt samen met dit verschil in procentpunten:", p.exposure),
        Lang::En => format!("On average {step} {} more goes with this difference in percentage points:", p.exposure),
    };
    html! {
        p { (goes_with) }
        table {
            thead { tr {
                th scope="col" { (lang.pick("Waartussen", "Between")) }
                th scope="col" class="num" { (lang.pick("Verschil", "Difference")) }
                th scope="col" class="num" { (lang.pick("95%-interval", "95% interval")) }
            } }
            tbody { @for part in &p.parts { tr {
                th scope="row" { (part.between) }
                td class="num" { (range(part.points, lang)) }
                td class="num" { (range(part.interval, lang)) }
            } } }
        }
        p class="note" { (lang.pick(
            "Ligt 0 in een interval, dan kan er ook geen samenhang zijn.",
            "Where 0 lies in an interval, there may be no association at all.",
        )) }
    }
}
