//! The sentence engine: a finding and its place in the table *size × certainty* (`reports.md`) pick the sentence.
//! All wording lives in one file per language; [`Words`] is the list of what a language must be able to say.
//!
//! | size ↓ certainty → | clear | likely | unsure |
//! |---|---|---|---|
//! | relevant | hangt samen met minder | hangt waarschijnlijk samen met minder | mogelijk minder, misschien geen verschil |
//! | small | weinig of geen verschil | waarschijnlijk weinig verschil | de schatting, en de vaste nultekst |

pub mod en;
pub mod nl;
#[cfg(test)]
mod rules;
pub mod validation;

use crate::disclosure::page::{EffectEstimate, RefusalReason};
use crate::report::format;
use crate::vocab::{Direction, DosePart, Lang, Reading, Unit};

/// From how many percentage points a difference is called relevant (`reports.md`, bands: |verschil| ≥ 1 pp).
pub const RELEVANT_POINTS: f64 = 1.0;

/// Less or more of the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Less of it.
    Less,
    /// More of it.
    More,
}

impl Way {
    fn of(x: f64) -> Self {
        if x < 0.0 { Way::Less } else { Way::More }
    }

    /// Whether this way is good news; `None` for a neutral outcome.
    pub fn is_good(self, direction: Direction) -> Option<bool> {
        match direction {
            Direction::HigherIsBetter => Some(self == Way::More),
            Direction::LowerIsBetter => Some(self == Way::Less),
            Direction::Neutral => None,
        }
    }
}

/// How large the difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Large enough to matter.
    Relevant(Way),
    /// Small, or none.
    Small,
}

/// How sure a sentence may sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The interval is far from no difference, and the design was declared quasi-experimental.
    Clear,
    /// The interval excludes no difference, or excludes every relevant one. Observational data get no further.
    Likely,
    /// No difference fits the data as well.
    Unsure,
}

/// The place of an estimate in the table of sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its row.
    pub size: Size,
    /// Its column.
    pub certainty: Certainty,
}

/// Puts an estimate in its place.
///
/// An interval wholly within ±[`RELEVANT_POINTS`] is small. One that excludes 0 is relevant in its direction. One
/// that holds 0 is unsure: relevant if the estimate reaches the threshold, small if not. Scores have no threshold of
/// their own, so theirs are relevant as soon as the interval excludes 0 and unsure otherwise.
pub fn verdict(e: &EffectEstimate) -> Verdict {
    let (value, lo, hi) = (e.quantity.value, e.interval.lo, e.interval.hi);
    let points = e.quantity.unit == Unit::PercentagePoint;
    let declared = matches!(e.estimand.reading, Reading::CausalUnder(_));
    let nearest = lo.abs().min(hi.abs());
    let at_best = |far: bool| {
        if declared && far { Certainty::Clear } else { Certainty::Likely }
    };
    if points && -RELEVANT_POINTS <= lo && hi <= RELEVANT_POINTS {
        Verdict { size: Size::Small, certainty: at_best(true) }
    } else if !e.interval.contains(0.0) {
        let far = !points || nearest >= RELEVANT_POINTS;
        Verdict { size: Size::Relevant(Way::of(value)), certainty: at_best(far) }
    } else if points && value.abs() >= RELEVANT_POINTS && value.abs() >= e.std_error {
        // A difference that is smaller than its own standard error is not even possibly there.
        Verdict { size: Size::Relevant(Way::of(value)), certainty: Certainty::Unsure }
    } else {
        Verdict { size: Size::Small, certainty: Certainty::Unsure }
    }
}

impl Verdict {
    /// One step less sure, after a check that failed.
    pub fn lowered(self) -> Self {
        let certainty = match self.certainty {
            Certainty::Clear => Certainty::Likely,
            Certainty::Likely | Certainty::Unsure => Certainty::Unsure,
        };
        Self { certainty, ..self }
    }
}

/// What a sentence about an effect is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectWords<'a> {
    /// The exposure, plural.
    pub exposure: &'a str,
    /// The outcome.
    pub outcome: &'a str,
    /// The step in dose.
    pub step: f64,
    /// The estimate.
    pub value: f64,
    /// Lower end of its interval.
    pub lo: f64,
    /// Upper end of its interval.
    pub hi: f64,
    /// Unit of the three.
    pub unit: Unit,
    /// Its place in the table.
    pub verdict: Verdict,
}

impl<'a> EffectWords<'a> {
    /// The words of an estimate.
    pub fn new(e: &EffectEstimate, exposure: &'a str, outcome: &'a str) -> Self {
        Self {
            exposure,
            outcome,
            step: e.quantity.per,
            value: e.quantity.value,
            lo: e.interval.lo,
            hi: e.interval.hi,
            unit: e.quantity.unit,
            verdict: verdict(e),
        }
    }

    /// `x` without its sign, with the decimals of the unit.
    fn size_of(&self, x: f64, lang: Lang) -> String {
        format::number(x.abs(), decimals(self.unit), lang)
    }

    /// The interval as numbers without a sign, the nearer end first, when both ends lie on one side of 0.
    fn one_sided(&self, lang: Lang) -> Option<(String, String)> {
        let (near, far) = if self.lo.abs() <= self.hi.abs() { (self.lo, self.hi) } else { (self.hi, self.lo) };
        (self.lo * self.hi >= 0.0).then(|| (self.size_of(near, lang), self.size_of(far, lang)))
    }

    /// The same effect counted in `n` pupils; only for percentage points.
    fn counted(&self, n: u64) -> [f64; 3] {
        [self.value, self.lo, self.hi].map(|x| x * n as f64 / 100.0)
    }

    /// True when the estimate is printed as 0, which is neither less nor more.
    fn is_nothing(&self) -> bool {
        (self.value.abs() * 10f64.powi(decimals(self.unit) as i32)).round() == 0.0
    }

    /// The side of 0 on which a one-sided interval lies.
    fn side(&self) -> Way {
        Way::of(self.lo + self.hi)
    }
}

/// Decimals with which a unit is printed.
pub fn decimals(unit: Unit) -> usize {
    match unit {
        Unit::PercentagePoint => 1,
        Unit::ScorePoint => 2,
    }
}

/// A fixed text with a heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Titled {
    /// Heading.
    pub title: &'static str,
    /// Text.
    pub text: &'static str,
}

/// What a part of the dose compares, and what may lie behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartWords {
    /// Short name, in table and chart.
    pub name: &'static str,
    /// What is compared.
    pub compares: &'static str,
    /// What else may explain it.
    pub caveat: &'static str,
}

/// The frame of a page: everything that stands outside of the sections.
#[derive(Clone, Copy, Debug)]
pub struct FrameWords {
    /// Skip link.
    pub skip: &'static str,
    /// Kind of report, above the school's name.
    pub kicker: &'static str,
    /// "School", "Study", "Cohorts", "Pupils", "Schools".
    pub school: &'static str,
    /// Label of the study.
    pub study: &'static str,
    /// Label of the cohorts.
    pub cohorts: &'static str,
    /// Label of the number of pupils.
    pub pupils: &'static str,
    /// Heading of the list of contents.
    pub contents: &'static str,
    /// Label of the run id.
    pub run: &'static str,
    /// Label of the engine version.
    pub engine: &'static str,
    /// Title of the overview.
    pub index_title: &'static str,
    /// Introduction of the overview.
    pub index_intro: &'static str,
    /// Overview without reports.
    pub index_empty: &'static str,
}

/// Headings, column heads and recurring words.
#[derive(Clone, Copy, Debug)]
pub struct TableWords {
    /// This school.
    pub own: &'static str,
    /// All schools of the study together.
    pub all: &'static str,
    /// Column of activities.
    pub activity: &'static str,
    /// Column of outcomes.
    pub outcome: &'static str,
    /// Column of groups in an effect table.
    pub group: &'static str,
    /// Column of estimates.
    pub estimate: &'static str,
    /// Column of intervals.
    pub range: &'static str,
    /// Column of pupils.
    pub pupils: &'static str,
    /// Column of steps in the flow.
    pub step: &'static str,
    /// Column of versions.
    pub version: &'static str,
    /// Column of sources.
    pub source: &'static str,
    /// A value that does not exist.
    pub missing: &'static str,
    /// A refused estimate in a table or chart.
    pub refused: &'static str,
    /// A suppressed estimate in a table or chart.
    pub suppressed: &'static str,
    /// A hidden number in the flow.
    pub hidden: &'static str,
    /// "per" in front of a dose step.
    pub per: &'static str,
    /// "on average" in front of a mean.
    pub average: &'static str,
    /// A school's dose against that of the middle school.
    pub own_dose: &'static str,
    /// A school's pupils against like pupils of all schools.
    pub own_pupils: &'static str,
}

/// Introductions, notes and fixed texts of the sections.
#[derive(Clone, Copy, Debug)]
pub struct SectionWords {
    /// Titles in the order of the page.
    pub glance: &'static str,
    /// Title of reach.
    pub reach: &'static str,
    /// Title of outcomes.
    pub outcomes: &'static str,
    /// Title of effects.
    pub effects: &'static str,
    /// Title of the checks.
    pub robustness: &'static str,
    /// Introduction of the checks.
    pub robustness_intro: &'static str,
    /// No checks were run.
    pub robustness_empty: &'static str,
    /// Title of the reading guide.
    pub read_this: &'static str,
    /// Title of the questions.
    pub talk: &'static str,
    /// Title of the account.
    pub method: &'static str,
    /// Leads of the three sentences at a glance.
    pub glance_leads: [&'static str; 3],
    /// No outcome can be shown at a glance.
    pub glance_no_outcome: &'static str,
    /// No effect is on the page.
    pub glance_no_effect: &'static str,
    /// Introduction of reach.
    pub reach_intro: &'static str,
    /// Note below reach.
    pub reach_note: &'static str,
    /// No activities.
    pub reach_empty: &'static str,
    /// Introduction of outcomes.
    pub outcomes_intro: &'static str,
    /// Note below outcomes.
    pub outcomes_note: &'static str,
    /// No outcomes.
    pub outcomes_empty: &'static str,
    /// Introduction of effects.
    pub effects_intro: &'static str,
    /// That covariates were held equal, where there are any.
    pub effects_held: &'static str,
    /// No effects.
    pub effects_empty: &'static str,
    /// Why an estimate of a small school lies near that of all schools.
    pub effects_note: &'static str,
    /// That a number of pupils is no number of prevented cases.
    pub cases_caveat: &'static str,
    /// That what a school's dose goes with is read off the line of all schools.
    pub contribution_caveat: &'static str,
    /// Which schools the comparable ones are.
    pub compared: &'static str,
    /// Heading of the school's pupils compared with like pupils.
    pub adjusted_own: &'static str,
    /// That the school can't be told from all schools.
    pub adjusted_unsure: &'static str,
    /// Heading of the school's own line.
    pub own_line: &'static str,
    /// That the school's own line can't be told from that of all schools.
    pub not_apart: &'static str,
    /// Heading of the parts of the dose.
    pub parts_title: &'static str,
    /// Introduction of the parts.
    pub parts_intro: &'static str,
    /// In place of the sentence of the part that the headline is about.
    pub parts_headline: &'static str,
    /// Label of the certainty.
    pub certainty: &'static str,
    /// Heading and texts of the reading guide, without the covariates.
    pub guide: &'static [Titled],
    /// Heading of the covariates.
    pub adjusted_title: &'static str,
    /// In front of the list of covariates.
    pub adjusted_intro: &'static str,
    /// No covariates.
    pub adjusted_none: &'static str,
    /// What nobody could correct for.
    pub adjusted_not: &'static str,
    /// Introduction of the questions.
    pub talk_intro: &'static str,
    /// The questions.
    pub questions: &'static [&'static str],
    /// Next step after the talk.
    pub talk_next: &'static str,
    /// Introduction of the account.
    pub method_intro: &'static str,
    /// Heading of the flow.
    pub flow_title: &'static str,
    /// Note below the flow.
    pub flow_note: &'static str,
    /// No flow.
    pub flow_empty: &'static str,
    /// Heading of the definitions.
    pub definitions_title: &'static str,
    /// Heading of the method.
    pub how_title: &'static str,
    /// The method in plain words.
    pub how: &'static [&'static str],
    /// Where pupils who change schools count.
    pub how_moves: &'static str,
    /// Heading of the glossary.
    pub glossary_title: &'static str,
    /// The glossary.
    pub glossary: &'static [Titled],
    /// Heading of run id and versions.
    pub trace_title: &'static str,
    /// Why run id and version are printed.
    pub trace_text: &'static str,
}

/// Words of the charts.
#[derive(Clone, Copy, Debug)]
pub struct ChartWords {
    /// Label of the line at 0.
    pub zero: &'static str,
    /// Good news.
    pub good: &'static str,
    /// Bad news.
    pub bad: &'static str,
    /// Axis label of a unit.
    pub axis: fn(Unit) -> &'static str,
    /// "less" and "more" of a unit.
    pub way: fn(Unit, Way) -> &'static str,
    /// Between the ends of a range.
    pub to: &'static str,
    /// Caption of the effect chart.
    pub effect_caption: &'static str,
    /// Title of the effect chart for assistive technology.
    pub effect_title: fn(outcome: &str) -> String,
    /// What every hundred icons mean.
    pub icons_caption: &'static str,
    /// Title of an icon chart for assistive technology.
    pub icons_title: fn(outcome: &str) -> String,
    /// One grid of icons in words.
    pub icons_of: fn(n: u64) -> String,
}

/// Sentences with something to fill in.
#[derive(Clone, Copy, Debug)]
pub struct Sentences {
    /// A school of this study: pupils (where shown), cohorts, schools.
    pub we_did: fn(pupils: Option<u64>, cohorts: &str, schools: u64) -> String,
    /// A list joined with "and".
    pub list: fn(&[String]) -> String,
    /// Cohorts from the first to the last.
    pub cohorts: fn(&[String]) -> String,
    /// How many of a hundred had the outcome, with the range.
    pub of_hundred: fn(outcome: &str, n: u64, lo: u64, hi: u64) -> String,
    /// A coded share ("minder dan 6%") with the range.
    pub coded: fn(outcome: &str, share: &str, lo: u64, hi: u64) -> String,
    /// The same over all schools.
    pub of_hundred_all: fn(n: u64) -> String,
    /// Too few pupils (fewer than `min`) to show a number.
    pub too_few: fn(min: u64) -> String,
    /// Too few schools (fewer than `min`), or mainly one, to show a number over all.
    pub few_schools: fn(min: u64) -> String,
    /// `n` pupils stand behind a share.
    pub behind: fn(n: u64) -> String,
    /// A step in dose: "5 extra LOB-activiteiten".
    pub step: fn(step: f64, exposure: &str) -> String,
    /// The sentence of an estimate.
    pub effect: fn(&EffectWords) -> String,
    /// The estimate as a frequency; only for percentage points.
    pub frequency: fn(&EffectWords) -> String,
    /// How much more or less dose a school's pupils have than the middle school.
    pub gap: fn(gap: f64, exposure: &str, compared: bool) -> String,
    /// What that difference goes with.
    pub contribution: fn(&EffectWords) -> String,
    /// The same as a number of the school's pupils.
    pub cases: fn(n_pupils: u64, &EffectWords) -> String,
    /// The outcome of like pupils at this school, less at all schools.
    pub adjusted: fn(&EffectWords) -> String,
    /// How far the association at this school lies from that at all schools, with its range.
    pub deviation: fn(&EffectWords) -> String,
    /// The share to be expected, with its range, in percent.
    pub expected: fn(value: &str, lo: &str, hi: &str) -> String,
    /// The fixed null text.
    pub null: fn(n_pupils: u64, visible: Option<f64>, unit: Unit) -> String,
    /// A refusal.
    pub refusal: fn(RefusalReason) -> &'static str,
    /// A suppressed estimate; `min_events` is 0 for an outcome without events.
    pub small_cell: fn(min_pupils: u64, min_events: u64) -> String,
    /// How certain, in words.
    pub certainty: fn(Verdict) -> Titled,
    /// Under which assumptions the estimate might be read causally.
    pub assumptions: fn(&[&str]) -> String,
    /// A part of the dose.
    pub part: fn(DosePart) -> PartWords,
}

/// Everything a language must be able to say.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Which language it is.
    pub lang: Lang,
    /// Value of the `lang` attribute.
    pub code: &'static str,
    /// The frame.
    pub frame: FrameWords,
    /// Tables.
    pub table: TableWords,
    /// Sections.
    pub section: SectionWords,
    /// Charts.
    pub chart: ChartWords,
    /// Sentences.
    pub say: Sentences,
}

/// The words of a language.
pub fn words(lang: Lang) -> &'static Words {
    match lang {
        Lang::Nl => &nl::WORDS,
        Lang::En => &en::WORDS,
    }
}

/// `text` with a capital in front.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// "a, b and c".
fn joined(items: &[String], and: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} {and} {last}", init.join(", ")),
    }
}
