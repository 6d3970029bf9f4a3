//! The hard rules of `reports.md`, over every sentence that the engine can make, in both languages.

use super::*;
use crate::disclosure::page::EffectEstimate;
use crate::vocab::{Contrast, Estimand, Interval, IntervalMethod, Level, Population, Quantity, Unit};

const BOTH: [Lang; 2] = [Lang::Nl, Lang::En];
const ASSUMED: Reading = Reading::CausalUnder(&["parallel trends"]);

fn estimate(value: f64, lo: f64, hi: f64, unit: Unit, step: f64, reading: Reading) -> EffectEstimate {
    EffectEstimate {
        estimand: Estimand {
            outcome: "uitval".into(),
            exposure: "lob".into(),
            contrast: Contrast { part: DosePart::Within, step },
            population: Population::School,
            reading,
        },
        quantity: Quantity { value, unit, per: step },
        interval: Interval { lo, hi, level: Level::P95, method: IntervalMethod::Wald },
        std_error: (hi - lo) / 3.92,
        df: f64::INFINITY,
        n_pupils: 145,
        n_events: 14,
    }
}

/// Estimates of every size, side, width, unit, step and reading; zeros and near-zeros among them.
fn estimates() -> Vec<EffectEstimate> {
    let mut all = Vec::new();
    for value in [-12.0, -4.1, -1.0, -0.5, -0.04, -0.0, 0.04, 0.5, 0.96, 1.0, 4.1, 99.95] {
        for half in [0.01, 0.3, 0.96, 2.0, 15.0] {
            for unit in [Unit::PercentagePoint, Unit::ScorePoint] {
                for step in [1.0, 2.5, 5.0] {
                    for reading in [Reading::Descriptive, Reading::Association, ASSUMED] {
                        all.push(estimate(value, value - half, value + half, unit, step, reading));
                    }
                }
            }
        }
    }
    all
}

fn sentence(e: &EffectEstimate, lang: Lang) -> String {
    let (exposure, outcome) = lang.pick("LOB-activiteiten|uitval", "LOB activities|dropout").split_once('|').unwrap();
    (words(lang).say.effect)(&EffectWords::new(e, exposure, outcome))
}

/// Everything else the engine can say, without the fixed null text.
fn others(lang: Lang) -> Vec<String> {
    let say = &words(lang).say;
    let mut all = Vec::new();
    for e in estimates().iter().filter(|e| e.quantity.unit == Unit::PercentagePoint) {
        all.push((say.frequency)(&EffectWords::new(e, "x", "y")));
    }
    for reason in [
        RefusalReason::NotConverged,
        RefusalReason::Separated,
        RefusalReason::NoVariation,
        RefusalReason::NoPupils,
        RefusalReason::NoOwnSlope,
        RefusalReason::OneSchool,
        RefusalReason::NoDose,
        RefusalReason::RankDeficient,
        RefusalReason::NeedsPupils,
    ] {
        all.push((say.refusal)(reason).to_owned());
    }
    for e in estimates() {
        let said = (say.certainty)(verdict(&e));
        all.push(format!("{}. {}", said.title, said.text));
    }
    for part in [DosePart::Total, DosePart::Within, DosePart::Cohort, DosePart::School] {
        let said = (say.part)(part);
        all.push(format!("{}. {} {}", said.name, said.compares, said.caveat));
    }
    all.push((say.small_cell)(30, 10));
    all.push((say.small_cell)(30, 0));
    all.push((say.too_few)(10));
    all.push((say.few_schools)(10));
    all.push((say.assumptions)(&["a", "b"]));
    let cohorts: Vec<String> = ["2021-2022", "2022-2023", "2023-2024"].map(String::from).into();
    for n in 0..=3 {
        all.push((say.we_did)(Some(145), &(say.cohorts)(&cohorts[..n]), 48));
        all.push((say.we_did)(None, &(say.cohorts)(&cohorts[..n]), 1));
    }
    all.push((say.of_hundred)("uitval", 7, 4, 12) + " " + &(say.of_hundred_all)(9));
    all.push((say.coded)("uitval", "6%", 0, 9));
    all
}

/// What is said about a school's dose and pupils, each with a range.
fn of_the_school(lang: Lang) -> Vec<String> {
    let say = &words(lang).say;
    let (exposure, outcome) = lang.pick("LOB-activiteiten|uitval", "LOB activities|dropout").split_once('|').unwrap();
    let mut all = Vec::new();
    for e in estimates() {
        let w = EffectWords::new(&e, exposure, outcome);
        all.extend([(say.contribution)(&w), (say.adjusted)(&w), (say.deviation)(&w)]);
        if e.quantity.unit == Unit::PercentagePoint {
            all.push((say.cases)(145, &w));
        }
    }
    all
}

fn every_sentence(lang: Lang) -> Vec<String> {
    let mut all = others(lang);
    all.extend(of_the_school(lang));
    for gap in [-3.26, -0.04, 0.0, 0.04, 1.0, 12.0] {
        all.extend([false, true].map(|compared| (words(lang).say.gap)(gap, "LOB-activiteiten", compared)));
    }
    all.push((words(lang).say.expected)("7", "6", "9"));
    let section = &words(lang).section;
    for text in [
        section.compared,
        section.cases_caveat,
        section.contribution_caveat,
        section.adjusted_unsure,
        section.not_apart,
        section.own_line,
    ] {
        all.push(text.to_owned());
    }
    all.extend(estimates().iter().map(|e| sentence(e, lang)));
    all
}

#[test]
fn no_sentence_claims_a_cause_or_boasts() {
    let forbidden = [
        "leidt tot",
        "leiden tot",
        "zorgt voor",
        "zorgen voor",
        "effect",
        "verlaagt",
        "verhoogt",
        "veroorzaakt",
        "dankzij",
        "bewijs",
        "bewezen",
        "significant",
        "scoort",
        "beste",
        "slechtste",
        "voorkwam",
        "werkt",
        "causes",
        "caused",
        "leads to",
        "lead to",
        "reduces",
        "increases",
        "results in",
        "thanks to",
        "prove",
        "best school",
        "worst",
        "prevented",
    ];
    for lang in BOTH {
        for text in every_sentence(lang) {
            let low = text.to_lowercase();
            for word in forbidden {
                assert!(!low.contains(word), "“{word}” in “{text}”");
            }
        }
    }
}

#[test]
fn every_estimate_has_its_range_and_its_unit() {
    for lang in BOTH {
        for e in estimates() {
            let text = sentence(&e, lang);
            let (between, and) = (lang.pick("tussen ", "between "), lang.pick(" en ", " and "));
            let range = text.split_once(between).unwrap_or_else(|| panic!("no range in “{text}”")).1;
            assert!(range.contains(and), "no range in “{text}”");
            let unit = match e.quantity.unit {
                Unit::PercentagePoint => lang.pick("procentpunt", "percentage points"),
                Unit::ScorePoint => lang.pick("punten", "points"),
            };
            assert!(text.contains(unit), "no unit in “{text}”");
            assert!(!text.contains('%'), "a difference of shares is no percentage: “{text}”");
        }
    }
}

#[test]
fn every_sentence_about_the_school_has_its_range() {
    for lang in BOTH {
        let (between, and) = (lang.pick("tussen ", "between "), lang.pick(" en ", " and "));
        for text in of_the_school(lang) {
            let range = text.split_once(between).unwrap_or_else(|| panic!("no range in “{text}”")).1;
            assert!(range.contains(and), "no range in “{text}”");
        }
    }
}

#[test]
fn a_school_reads_its_dose_first_and_its_pupils_next() {
    let of = |value, lo, hi| estimate(value, lo, hi, Unit::PercentagePoint, 2.3, Reading::Association);
    let e = of(-1.2, -1.9, -0.5);
    let w = EffectWords::new(&e, "LOB-activiteiten", "uitval");
    let say = &nl::WORDS.say;
    assert_eq!(
        (say.gap)(2.3, "LOB-activiteiten", false),
        "Uw leerlingen hebben gemiddeld 2,3 LOB-activiteiten meer dan de middelste school."
    );
    assert_eq!(
        (say.gap)(-2.3, "LOB-activiteiten", true),
        "Uw leerlingen hebben gemiddeld 2,3 LOB-activiteiten minder dan de middelste vergelijkbare school."
    );
    assert_eq!(
        (say.contribution)(&w),
        "Dat verschil hangt waarschijnlijk samen met minder uitval: naar schatting 1,2 procentpunt minder (tussen 0,5 en 1,9)."
    );
    assert_eq!((say.cases)(145, &w), "Op 145 leerlingen zijn dat er ongeveer 2 minder (tussen 0 en 3).");
    assert_eq!(
        (say.adjusted)(&EffectWords::new(&of(-1.2, -3.1, 0.7), "LOB-activiteiten", "uitval")),
        "Bij gelijke leerlingen heeft uw school naar schatting 1,2 procentpunt minder uitval (tussen 3,1 minder en 0,7 meer)."
    );
    assert_eq!(
        (say.expected)("7,4", "6,9", "7,9"),
        "Referentiewaarde: bij leerlingen zoals de uwe is 7,4% te verwachten (tussen 6,9 en 7,9%)."
    );
}

/// 0.9 to 1.2 pupils are not "between 1 and 1".
#[test]
fn a_number_of_pupils_is_never_more_precise_than_its_percentage_points() {
    let e = estimate(-0.7, -0.8, -0.6, Unit::PercentagePoint, 2.3, Reading::Association);
    let w = EffectWords::new(&e, "LOB-activiteiten", "uitval");
    assert_eq!((nl::WORDS.say.cases)(145, &w), "Op 145 leerlingen zijn dat er ongeveer 1 minder (tussen 0 en 2).");
    assert_eq!((en::WORDS.say.cases)(145, &w), "Of 145 pupils that is about 1 less (between 0 and 2).");
}

#[test]
fn a_school_that_may_differ_reads_how_far() {
    let say = |value, lo, hi| {
        let e = estimate(value, lo, hi, Unit::PercentagePoint, 2.3, Reading::Association);
        (nl::WORDS.say.deviation)(&EffectWords::new(&e, "LOB-activiteiten", "uitval"))
    };
    assert_eq!(
        say(-1.2, -3.1, 0.7),
        "Op uw school ligt het verband ongeveer 1,2 procentpunt lager dan op alle scholen (tussen 3,1 lager en 0,7 hoger)."
    );
    assert_eq!(
        say(0.0, -0.9, 0.9),
        "Op uw school is het verband ongeveer gelijk aan dat op alle scholen (tussen 0,9 lager en 0,9 hoger)."
    );
}

#[test]
fn numbers_follow_the_language_and_never_show_a_minus_zero() {
    for text in every_sentence(Lang::Nl) {
        let point = text.as_bytes().windows(3).any(|w| w[0].is_ascii_digit() && w[1] == b'.' && w[2].is_ascii_digit());
        assert!(!point, "decimal point in “{text}”");
    }
    for lang in BOTH {
        for text in every_sentence(lang) {
            assert!(!text.contains("−0,0") && !text.contains("−0.0") && !text.contains("-0"), "{text}");
            assert!(!text.contains('−'), "the words less and more carry the sign: “{text}”");
            assert!(!text.contains("  ") && !text.contains(".."), "“{text}”");
        }
    }
}

#[test]
fn sentences_are_short() {
    for (lang, most) in [(Lang::Nl, 20), (Lang::En, 24)] {
        for text in every_sentence(lang) {
            for one in text.split_inclusive(['.', '?']).filter(|s| s.contains(' ')) {
                let n = one.split_whitespace().filter(|w| w.chars().any(char::is_alphanumeric)).count();
                // No singular can be made from a plural label, so a step of one takes more words.
                let extra = if one.contains(" 1 in ") { 4 } else { 0 };
                assert!(n <= most + extra, "{n} words: “{one}”");
            }
        }
    }
}

#[test]
fn certainty_follows_interval_and_design() {
    use Certainty::{Clear, Likely, Unsure};
    use Size::{Relevant, Small};
    use Way::{Less, More};
    let at = |value, lo, hi, reading| {
        let v = verdict(&estimate(value, lo, hi, Unit::PercentagePoint, 5.0, reading));
        (v.size, v.certainty)
    };
    let seen = Reading::Association;
    assert_eq!(at(-4.0, -6.0, -2.0, seen), (Relevant(Less), Likely), "never clear without a design");
    assert_eq!(at(-4.0, -6.0, -2.0, ASSUMED), (Relevant(Less), Clear));
    assert_eq!(at(-1.5, -2.9, -0.1, ASSUMED), (Relevant(Less), Likely), "close to no difference");
    assert_eq!(at(0.8, 0.1, 1.5, seen), (Relevant(More), Likely));
    assert_eq!(at(-4.0, -9.0, 1.0, seen), (Relevant(Less), Unsure));
    assert_eq!(at(0.3, -2.0, 2.6, seen), (Small, Unsure));
    assert_eq!(at(0.5, 0.3, 0.7, seen), (Small, Likely));
    assert_eq!(at(0.0, -0.9, 0.9, ASSUMED), (Small, Clear));
    let score = verdict(&estimate(0.2, 0.1, 0.3, Unit::ScorePoint, 5.0, seen));
    assert_eq!((score.size, score.certainty), (Relevant(More), Likely), "a score has its own scale");
}

#[test]
fn less_dropout_and_more_progression_are_good_news() {
    assert_eq!(Way::Less.is_good(Direction::LowerIsBetter), Some(true));
    assert_eq!(Way::More.is_good(Direction::LowerIsBetter), Some(false));
    assert_eq!(Way::More.is_good(Direction::HigherIsBetter), Some(true));
    assert_eq!(Way::Less.is_good(Direction::Neutral), None);
}

#[test]
fn the_null_text_is_the_agreed_one() {
    assert_eq!(
        (nl::WORDS.say.null)(91, Some(7.8), Unit::PercentagePoint),
        "We kunnen op basis van deze gegevens geen verschil aantonen. Dat betekent niet dat LOB geen effect heeft: \
         bij 91 leerlingen kunnen we alleen verschillen groter dan ongeveer 7,8 procentpunt zien."
    );
    for lang in BOTH {
        let one = (words(lang).say.null)(1, None, Unit::PercentagePoint);
        assert!(one.contains(lang.pick("bij 1 leerling ", "with 1 pupil ")), "{one}");
    }
}

#[test]
fn the_sentences_of_the_table() {
    let say =
        |value, lo, hi| sentence(&estimate(value, lo, hi, Unit::PercentagePoint, 5.0, Reading::Association), Lang::Nl);
    assert_eq!(
        say(-4.1, -6.1, -2.0),
        "5 extra LOB-activiteiten hangen waarschijnlijk samen met minder uitval: naar schatting 4,1 procentpunt minder (tussen 2,0 en 6,1)."
    );
    assert_eq!(
        say(-1.6, -3.4, 0.3),
        "Mogelijk minder uitval bij 5 extra LOB-activiteiten, misschien ook geen verschil (tussen 3,4 procentpunt minder en 0,3 meer)."
    );
    assert_eq!(
        say(0.5, 0.3, 0.7),
        "Bij 5 extra LOB-activiteiten is er waarschijnlijk weinig verschil in uitval: naar schatting 0,5 procentpunt meer (tussen 0,3 en 0,7)."
    );
}
