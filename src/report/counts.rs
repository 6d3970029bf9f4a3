//! What counts of cells carry, in words: an association between schools and between cohorts, not one of pupils.

use std::fmt::Write as _;

use super::format;
use crate::vocab::Lang;

/// A part of the dose with the range of its association in percentage points.
#[derive(Clone, Debug)]
pub struct Part {
    /// `between_schools`, `between_leerwegen` or `between_cohorts`.
    pub id: &'static str,
    /// Least and greatest estimate.
    pub points: [f64; 2],
    /// Interval around both.
    pub interval: [f64; 2],
}

/// What the page tells.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Title of the study.
    pub title: String,
    /// The event.
    pub outcome: String,
    /// The exposure.
    pub exposure: String,
    /// How much more of it.
    pub step: f64,
    /// Schools and cells that were used.
    pub schools: usize,
    /// See `schools`.
    pub cells: usize,
    /// Cells with a masked number.
    pub masked: usize,
    /// Cells left out, by reason.
    pub drops: Vec<(&'static str, u64)>,
    /// Share with the event, in percent, at least and at most.
    pub share: [f64; 2],
    /// The parts.
    pub parts: Vec<Part>,
    /// Why nothing is told.
    pub refused: Option<String>,
}

/// The page as Markdown.
pub fn page(f: &Facts, lang: Lang) -> String {
    let nl = lang == Lang::Nl;
    let number = |v: f64| format::number(v, 1, lang);
    let range = |r: [f64; 2]| {
        let [a, b] = r.map(number);
        if a == b { a } else { format!("{a} {} {b}", if nl { "tot" } else { "to" }) }
    };
    let mut t = format!("# {}\n\n", f.title);
    let mut line = |text: String| writeln!(t, "{text}\n").expect("memory takes text");
    line(if nl {
        "**Dit gaat op schoolniveau, niet over leerlingen.** De uitkomsten zijn aantallen per school, leerweg en cohort. Of \
         leerlingen die meer LOB hadden het anders doen dan hun klasgenoten, staat niet in deze gegevens. Een samenhang tussen \
         scholen of cohorten kan ook komen door iets anders waarin zij verschillen."
            .into()
    } else {
        "**This is at the level of schools, not about pupils.** The outcomes are counts per school, leerweg and cohort. Whether \
         pupils with more career guidance do otherwise than their classmates is not in these data. An association between schools \
         or cohorts may also come from something else in which they differ."
            .into()
    });
    line(if nl {
        format!(
            "{}: {} % van de leerlingen in {} cellen van {} scholen.",
            f.outcome,
            range(f.share),
            f.cells,
            f.schools
        )
    } else {
        format!("{}: {} % of the pupils in {} cells of {} schools.", f.outcome, range(f.share), f.cells, f.schools)
    });
    if f.masked > 0 {
        line(if nl {
            format!(
                "In {} cellen is een aantal gemaskeerd (zoals `<5`). Dat blijft onbekend: elk getal hieronder is berekend met het \
                 kleinste en het grootste dat er kan staan.",
                f.masked
            )
        } else {
            format!(
                "In {} cells a number is masked (such as `<5`). It stays unknown: each number below was computed with the least \
                 and the greatest that can stand there.",
                f.masked
            )
        });
    }
    if let Some(why) = &f.refused {
        let too_few = why == "too_few_schools";
        line(match (nl, too_few) {
            (true, true) => "Er zijn te weinig scholen om een samenhang te noemen.".into(),
            (false, true) => "There are too few schools to tell an association.".into(),
            (true, false) => format!("Er is geen samenhang te noemen: het model gaf geen bruikbare uitkomst ({why})."),
            (false, false) => format!("No association can be told: the model gave no usable result ({why})."),
        });
    }
    for part in &f.parts {
        let where_ = match (part.id, nl) {
            ("between_schools", true) => "Tussen scholen",
            ("between_schools", false) => "Between schools",
            ("between_cohorts", true) => "Tussen cohorten van dezelfde school en leerweg",
            ("between_cohorts", false) => "Between cohorts of the same school and leerweg",
            (_, true) => "Tussen leerwegen van dezelfde school",
            (_, false) => "Between leerwegen of the same school",
        };
        let [lo, hi] = part.interval.map(number);
        line(if nl {
            format!(
                "- {where_}: gemiddeld {} {} meer hangt samen met een verschil van {} procentpunt (95%-interval {lo} tot {hi}).",
                number(f.step),
                f.exposure,
                range(part.points)
            )
        } else {
            format!(
                "- {where_}: on average {} {} more goes with a difference of {} percentage points (95% interval {lo} to {hi}).",
                number(f.step),
                f.exposure,
                range(part.points)
            )
        });
    }
    for (why, n) in &f.drops {
        line(format!("- {}: {n}", reason(why, nl)));
    }
    t
}

fn reason(id: &str, nl: bool) -> &'static str {
    match (id, nl) {
        ("unknown_school", true) => "Weggelaten cellen met aantallen van een school die niet in het dossier staat",
        ("unknown_school", false) => "Cells left out: counts of a school that the dossier does not have",
        ("unknown_leerweg", true) => "Weggelaten cellen met aantallen van een leerweg die de studie niet noemt",
        ("unknown_leerweg", false) => "Cells left out: counts of a leerweg that the study does not name",
        ("unknown_cohort", true) => "Weggelaten cellen met aantallen van een cohort dat niet in het dossier staat",
        ("unknown_cohort", false) => "Cells left out: counts of a cohort that the dossier does not have",
        ("no_count", true) => "Weggelaten cellen zonder aantal",
        ("no_count", false) => "Cells left out: no number",
        ("no_pupils", true) => "Weggelaten cellen met nul leerlingen",
        ("no_pupils", false) => "Cells left out: no pupils",
        ("no_dose", true) => "Weggelaten cellen met aantallen, zonder gemeten LOB",
        ("no_dose", false) => "Cells left out: counts without measured career guidance",
        (_, true) => "Weggelaten cellen uit het dossier, zonder aantallen",
        (_, false) => "Cells left out: in the dossier, without counts",
    }
}
