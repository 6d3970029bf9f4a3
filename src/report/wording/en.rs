//! English: the same sentences as in Dutch, one for one.

use super::{
    Certainty, ChartWords, EffectWords, FrameWords, PartWords, SectionWords, Sentences, Size, TableWords, Titled,
    Verdict, Way, Words, capital, joined,
};
use crate::disclosure::page::RefusalReason;
use crate::report::format;
use crate::vocab::{DosePart, Lang, Unit};

const EN: Lang = Lang::En;

/// All English words.
pub const WORDS: Words =
    Words { lang: EN, code: "en", frame: FRAME, table: TABLE, section: SECTION, chart: CHART, say: SAY };

const FRAME: FrameWords = FrameWords {
    skip: "Skip to content",
    kicker: "Career guidance (LOB) report",
    school: "School",
    study: "Study",
    cohorts: "Cohorts",
    pupils: "Pupils",
    contents: "In this report",
    run: "Calculation",
    engine: "Engine version",
    index_title: "Reports by school",
    index_intro: "There is one report for each school. This overview holds no results and no order of performance.",
    index_empty: "No reports were made.",
};

const TABLE: TableWords = TableWords {
    own: "Your school",
    all: "All schools",
    activity: "Activity",
    outcome: "Outcome",
    group: "Comparison",
    estimate: "Estimate",
    range: "Margin (95%)",
    pupils: "Pupils",
    step: "Step",
    version: "Version",
    source: "Source",
    missing: "not available",
    refused: "no estimate possible",
    suppressed: "numbers too small",
    hidden: "not shown",
    per: "per",
    average: "on average",
    own_dose: "Your school's level of LOB",
    own_pupils: "Your pupils compared",
};

const CHART: ChartWords = ChartWords {
    zero: "no difference",
    good: "favourable",
    bad: "unfavourable",
    axis,
    way,
    to: "to",
    effect_caption: "The dot or diamond is the estimate, the line is the 95% margin of uncertainty.",
    effect_title: |outcome| format!("Estimate with margin of uncertainty: {outcome}"),
    icons_caption: "Each circle is 1 of 100 pupils. A filled circle has the outcome.",
    icons_title: |outcome| format!("Of 100 pupils: {outcome}"),
    icons_of: |n| format!("{n} of 100"),
};

const SECTION: SectionWords = SectionWords {
    glance: "At a glance",
    reach: "Reach of LOB",
    outcomes: "Where did former pupils go?",
    effects: "LOB and progression: what goes together",
    robustness: "Does this hold?",
    robustness_intro: "We asked the same question in other ways. We also asked questions whose answer is known beforehand. When a check fails, our sentences are less sure.",
    robustness_empty: "The checks were not run for this release.",
    read_this: "How to read this",
    talk: "Questions to talk about",
    method: "How this was made",
    glance_leads: ["What we did", "How former pupils fared", "What we can say about LOB"],
    glance_no_outcome: "We can show no figures on this: there are too few pupils or no data.",
    glance_no_effect: "This study did not estimate an association with LOB.",
    reach_intro: "How many pupils took part at least once? And how often on average per pupil?",
    reach_note: "Only what was registered counts. No registration does not always mean that nothing happened.",
    reach_empty: "No LOB activities were registered for your school.",
    outcomes_intro: "These figures describe what happened to pupils. They say nothing yet about the part LOB played.",
    outcomes_note: "The margin shows how certain the figure is. With few pupils the margin is wide. Nothing was adjusted for here. Counts may be rounded to fives, to protect pupils. Percentages are then made of those counts and may be off by a few percentage points.",
    outcomes_empty: "No outcomes are known for your school.",
    effects_intro: "We compare pupils with more and less LOB.",
    effects_held: "The characteristics under ‘How to read this’ are held equal.",
    effects_empty: "This study did not estimate an association with LOB.",
    effects_note: "The estimate for your school also uses the data of the other schools. With few pupils, a school's estimate lies close to that of all schools.",
    cases_caveat: "That is arithmetic on the association, not a count of averted cases.",
    compared: "Comparable are the ten schools whose pupils and size are closest to your school's.",
    contribution_caveat: "This uses the association over all schools, not one of your school's own.",
    adjusted_own: "Your pupils compared with pupils of the same characteristics",
    adjusted_unsure: "That cannot be told from all schools together.",
    own_line: "Is the association at your school different?",
    not_apart: "Your school cannot be told from the association over all schools.",
    parts_title: "Where does this association come from?",
    parts_intro: "More LOB can come from the pupil, the year or the school. In each comparison something else may play a part.",
    parts_headline: "This is the estimate above.",
    certainty: "Certainty",
    guide: &[
        Titled {
            title: "This is no experiment",
            text: "We see what occurs together. Pupils and schools with more LOB may differ in other ways too. So we do not say that LOB is the cause.",
        },
        Titled {
            title: "Small numbers fluctuate",
            text: "A few pupils more or less matter a lot in one school. Look at the margin first, and only then at the estimate.",
        },
        Titled {
            title: "Percent and percentage point",
            text: "From 10% to 8% is 2 percentage points less. That is 2 of 100 pupils.",
        },
        Titled {
            title: "This is no verdict",
            text: "This report holds no standard and no ranking. It is meant for the talk at your school, not for judging staff or pupils.",
        },
    ],
    adjusted_title: "What was adjusted for?",
    adjusted_intro: "We compare pupils who are equal in these characteristics:",
    adjusted_none: "This study did not adjust for characteristics of pupils.",
    adjusted_not: "Nothing else was adjusted for. Often unknown are education and income of parents, the situation at home, debts and motivation. Such differences may play a part.",
    talk_intro: "Figures get meaning from the story behind them. These questions help a team to talk on.",
    questions: &[
        "Do we recognise the picture of the reach? Which activities do we not register, or too late?",
        "Which pupils do we reach least? What is the reason?",
        "What do former pupils say about their transfer? What did they need?",
        "Does a talk and a reflection follow an experience such as a placement?",
        "What else changed at school in these years, besides LOB?",
        "What do we want to do differently next year, and how will we see whether it worked?",
    ],
    talk_next: "Choose one next step together. Agree who takes it, and when you will look back.",
    method_intro: "How the figures were made and how they can be traced.",
    flow_title: "From read to analysed",
    flow_note: "Small numbers are not shown. Sometimes a second number is hidden, because the small one could be worked out otherwise. Numbers may be rounded, so parts do not always add up.",
    flow_empty: "There is no overview of numbers.",
    definitions_title: "Definitions",
    how_title: "How was it calculated?",
    how: &[
        "For each pupil we count only LOB activities from before the outcome. What happens later does not count.",
        "We use a multilevel model, in which pupils sit within schools. The model estimates how the outcome differs with more LOB, with the named characteristics equal.",
        "The estimate is converted to percentage points: the difference per 100 pupils. For scores it is points on the scale.",
        "The margin of uncertainty is a 95% interval. For percentages it is Wilson's interval.",
        "Where there is no reliable estimate, we show no number. The reason is given instead.",
    ],
    how_moves: "When a pupil changes school, a period counts at the school where the pupil was on its first day. All else counts at the school of the start.",
    glossary_title: "Words",
    glossary: &[
        Titled {
            title: "LOB",
            text: "Loopbaanoriëntatie en -begeleiding: activities and talks that help pupils choose.",
        },
        Titled {
            title: "All schools",
            text: "All schools in this study together, yours included. This need not be the national average.",
        },
        Titled { title: "Cohort", text: "Pupils who took their final exam, or started, in the same school year." },
        Titled { title: "Doorstroom", text: "Moving on to a further programme, such as from vmbo to mbo." },
        Titled { title: "Startkwalificatie", text: "A diploma of havo, vwo or mbo level 2 or higher." },
        Titled {
            title: "Vsv",
            text: "Early school leaving: younger than 23 and out of school without a startkwalificatie.",
        },
        Titled {
            title: "Margin of uncertainty",
            text: "The values that fit the data well. The wider the margin, the less certain.",
        },
    ],
    trace_title: "Origin of this report",
    trace_text: "With this information every number can be traced and calculated again.",
};

const SAY: Sentences = Sentences {
    we_did,
    list: |items| joined(items, "and"),
    cohorts: |c| match c {
        [] => String::new(),
        [one] => format!("cohort {one}"),
        [a, b] => format!("cohorts {a} and {b}"),
        [first, .., last] => format!("cohorts {first} to {last}"),
    },
    of_hundred: |outcome, n, lo, hi| format!("{}: {n} of 100 pupils (between {lo} and {hi}).", capital(outcome)),
    coded: |outcome, share, lo, hi| {
        format!("{}: {share} of the pupils (between {lo} and {hi} of 100).", capital(outcome))
    },
    of_hundred_all: |n| format!("Over all schools together it is {n} of 100."),
    too_few: |min| format!("too few pupils to show (fewer than {min})"),
    few_schools: |min| format!("not shown: fewer than {min} schools, or mainly one school"),
    behind: |n| format!("of {}", format::pupils(n, EN)),
    step: |step, exposure| {
        if step == 1.0 {
            format!("difference of 1 in {exposure}")
        } else {
            format!("{} extra {exposure}", format::plain(step, EN))
        }
    },
    effect,
    frequency,
    gap,
    contribution,
    cases,
    adjusted,
    deviation,
    expected: |value, lo, hi| {
        format!("Reference value: of pupils like yours {value}% is to be expected (between {lo} and {hi}%).")
    },
    null,
    refusal,
    small_cell,
    certainty,
    assumptions: |a| {
        let list = joined(&a.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), "and");
        format!("The design allows a causal reading only if this holds: {list}.")
    },
    part,
};

fn axis(unit: Unit) -> &'static str {
    match unit {
        Unit::PercentagePoint => "difference in percentage points",
        Unit::ScorePoint => "difference in points",
    }
}

fn way(unit: Unit, way: Way) -> &'static str {
    match (unit, way) {
        (Unit::PercentagePoint, Way::Less) => "less",
        (Unit::PercentagePoint, Way::More) => "more",
        (Unit::ScorePoint, Way::Less) => "lower",
        (Unit::ScorePoint, Way::More) => "higher",
    }
}

fn we_did(pupils: Option<u64>, cohorts: &str, schools: u64) -> String {
    let whom = pupils.map_or("pupils".to_owned(), |n| format::pupils(n, EN));
    let cohorts = if cohorts.is_empty() { String::new() } else { format!(" ({cohorts})") };
    let compared = if schools > 1 {
        format!(" We compared them with pupils of all {} together.", format::schools(schools, EN))
    } else {
        String::new()
    };
    format!("We followed {whom} of your school{cohorts}.{compared}")
}

fn unit(u: Unit) -> &'static str {
    match u {
        Unit::PercentagePoint => "percentage points",
        Unit::ScorePoint => "points",
    }
}

fn range(w: &EffectWords) -> String {
    match w.one_sided(EN) {
        Some((near, far)) => format!("between {near} and {far}"),
        None => format!(
            "between {} {} and {} {}",
            w.size_of(w.lo, EN),
            way(w.unit, Way::Less),
            w.size_of(w.hi, EN),
            way(w.unit, Way::More)
        ),
    }
}

fn full_range(w: &EffectWords) -> String {
    let unit = unit(w.unit);
    match w.one_sided(EN) {
        Some((near, far)) => format!("between {near} and {far} {unit} {}", way(w.unit, w.side())),
        None => format!(
            "between {} {unit} {} and {} {}",
            w.size_of(w.lo, EN),
            way(w.unit, Way::Less),
            w.size_of(w.hi, EN),
            way(w.unit, Way::More)
        ),
    }
}

fn estimated(w: &EffectWords) -> String {
    let direction = if w.is_nothing() { String::new() } else { format!(" {}", way(w.unit, Way::of(w.value))) };
    let value = w.size_of(w.value, EN);
    format!("an estimated {value} {}{direction} ({})", unit(w.unit), range(w))
}

/// The same after words that said the direction; in points it is not said again, to keep the sentence short.
fn difference(w: &EffectWords) -> String {
    match w.unit {
        Unit::PercentagePoint => estimated(w),
        Unit::ScorePoint => {
            format!("an estimated {} {} ({})", w.size_of(w.value, EN), unit(w.unit), range(w))
        }
    }
}

/// "a lower rate of dropout", or "a lower score on X".
fn of_outcome(w: &EffectWords, direction: Way) -> String {
    let noun = match w.unit {
        Unit::PercentagePoint => "rate of",
        Unit::ScorePoint => "score on",
    };
    format!("a {} {noun} {}", way(Unit::ScorePoint, direction), w.outcome)
}

fn effect(w: &EffectWords) -> String {
    let step = (SAY.step)(w.step, w.exposure);
    let (subject, go, with) = if w.step == 1.0 {
        (format!("A {step}"), ("goes", "probably goes"), format!("a {step}"))
    } else {
        (step.clone(), ("go", "probably go"), step)
    };
    match (w.verdict.size, w.verdict.certainty) {
        (Size::Relevant(d), Certainty::Clear) => {
            format!("{subject} {} with {}: {}.", go.0, of_outcome(w, d), difference(w))
        }
        (Size::Relevant(d), Certainty::Likely) => {
            format!("{subject} {} with {}: {}.", go.1, of_outcome(w, d), difference(w))
        }
        (Size::Relevant(d), Certainty::Unsure) => {
            format!("Possibly {} with {with}, perhaps no difference ({}).", of_outcome(w, d), full_range(w))
        }
        (Size::Small, Certainty::Clear) => {
            format!("With {with} there is little or no difference in {} ({}).", w.outcome, full_range(w))
        }
        (Size::Small, Certainty::Likely) if w.one_sided(EN).is_none() => {
            format!("With {with} there is probably little difference in {} ({}).", w.outcome, full_range(w))
        }
        (Size::Small, Certainty::Likely) => {
            format!("With {with} there is probably little difference in {}: {}.", w.outcome, estimated(w))
        }
        (Size::Small, Certainty::Unsure) => {
            format!("Uncertain difference in {} with {with}: {}.", w.outcome, estimated(w))
        }
    }
}

fn frequency(w: &EffectWords) -> String {
    let whole = |x: f64| format::number(x.abs(), 0, EN);
    let ends = match w.one_sided(EN) {
        Some(_) => {
            let (near, far) = (w.lo.abs().min(w.hi.abs()), w.lo.abs().max(w.hi.abs()));
            format!("between {} and {}", whole(near), whole(far))
        }
        None => format!("between {} less and {} more", whole(w.lo), whole(w.hi)),
    };
    let direction = way(w.unit, Way::of(w.value));
    format!("That is about {} {direction} of 100 comparable pupils ({ends}).", whole(w.value))
}

fn gap(gap: f64, exposure: &str, compared: bool) -> String {
    let middle = if compared { "the middle comparable school" } else { "the middle school" };
    let size = format::number(gap.abs(), 1, EN);
    if size == format::number(0.0, 1, EN) {
        return format!("Your pupils have about as many {exposure} as {middle}.");
    }
    let way = if gap < 0.0 { "fewer" } else { "more" };
    format!("Your pupils have on average {size} {way} {exposure} than {middle}.")
}

fn contribution(w: &EffectWords) -> String {
    match (w.verdict.size, w.verdict.certainty) {
        (Size::Relevant(d), Certainty::Clear) => {
            format!("That difference goes with {}: {}.", of_outcome(w, d), difference(w))
        }
        (Size::Relevant(d), Certainty::Likely) => {
            format!("That difference probably goes with {}: {}.", of_outcome(w, d), difference(w))
        }
        (Size::Relevant(d), Certainty::Unsure) => {
            format!("Possibly it goes with {}, perhaps with no difference ({}).", of_outcome(w, d), full_range(w))
        }
        (Size::Small, Certainty::Clear | Certainty::Likely) => {
            format!("With it probably goes little difference in {}: {}.", w.outcome, estimated(w))
        }
        (Size::Small, Certainty::Unsure) => {
            format!("It is uncertain which difference in {} goes with it: {}.", w.outcome, estimated(w))
        }
    }
}

/// Whole pupils, the range rounded outwards: it never says more than the percentage points do.
fn cases(n: u64, w: &EffectWords) -> String {
    let [value, lo, hi] = w.counted(n);
    let whole = |x: f64| format::number(x.abs(), 0, EN);
    let ends = match w.one_sided(EN) {
        Some(_) => {
            format!("between {} and {}", whole(lo.abs().min(hi.abs()).floor()), whole(lo.abs().max(hi.abs()).ceil()))
        }
        None => format!("between {} less and {} more", whole(lo.abs().ceil()), whole(hi.abs().ceil())),
    };
    let (pupils, direction) = (format::pupils(n, EN), way(w.unit, Way::of(value)));
    format!("Of {pupils} that is about {} {direction} ({ends}).", whole(value))
}

fn adjusted(w: &EffectWords) -> String {
    let value = w.size_of(w.value, EN);
    let unit = unit(w.unit);
    if w.is_nothing() {
        return format!(
            "With equal pupils the difference in {} is an estimated {value} {unit} ({}).",
            w.outcome,
            range(w)
        );
    }
    let direction = Way::of(w.value);
    format!(
        "With equal pupils your school has {}: an estimated {value} {unit} ({}).",
        of_outcome(w, direction),
        range(w)
    )
}

/// How far the school's own association lies from that of all schools.
fn deviation(w: &EffectWords) -> String {
    let ends = match w.one_sided(EN) {
        Some((near, far)) => format!("between {near} and {far}"),
        None => format!("between {} lower and {} higher", w.size_of(w.lo, EN), w.size_of(w.hi, EN)),
    };
    if w.is_nothing() {
        return format!("At your school the association is about equal to that at all schools ({ends}).");
    }
    let way = if w.value < 0.0 { "lower" } else { "higher" };
    let (value, unit) = (w.size_of(w.value, EN), unit(w.unit));
    format!("At your school the association is about {value} {unit} {way} than at all schools ({ends}).")
}

fn null(n: u64, visible: Option<f64>, u: Unit) -> String {
    let start = "On the basis of these data we cannot show a difference. That does not mean that LOB has no effect:";
    match visible {
        Some(x) => format!(
            "{start} with {} we can only see differences larger than about {} {}.",
            format::pupils(n, EN),
            format::number(x, super::decimals(u), EN),
            unit(u)
        ),
        None => format!("{start} with {} small differences stay invisible.", format::pupils(n, EN)),
    }
}

fn small_cell(pupils: u64, events: u64) -> String {
    let text = format!(
        "We show no estimate here: the numbers are too small. At least {} are needed.",
        format::pupils(pupils, EN)
    );
    if events == 0 {
        return text;
    }
    format!("{text} At least {events} of them must have the outcome, and at least {events} must not.")
}

fn refusal(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::NotConverged => "There is no estimate: the calculation did not come to a reliable end.",
        RefusalReason::Separated => {
            "There is no estimate: in one of the compared groups nobody, or everybody, had this outcome."
        }
        RefusalReason::NoVariation => {
            "There is no estimate: all pupils have the same outcome. Then there is nothing to compare."
        }
        RefusalReason::NoPupils => "There is no estimate: no pupil of this school is in the analysis.",
        RefusalReason::OneSchool => "There is no estimate: at least 2 schools are needed.",
        RefusalReason::NoOwnSlope => {
            "There is no estimate of a single school's own. We estimate it for all schools together."
        }
        RefusalReason::NoDose => {
            "There is no estimate: all pupils have the same amount of LOB. Then there is nothing to compare."
        }
        RefusalReason::RankDeficient => "There is no estimate: the data hold too few differences for this model.",
        RefusalReason::NeedsPupils => {
            "There is no estimate: this model needs rows of pupils, and there are only counts of groups."
        }
    }
}

fn certainty(v: Verdict) -> Titled {
    match v.certainty {
        Certainty::Clear => {
            Titled { title: "clear", text: "The margin lies far from ‘no difference’ and the design is strong." }
        }
        Certainty::Likely if v.size == Size::Small => {
            Titled { title: "indication", text: "A large difference does not fit these data." }
        }
        Certainty::Likely => {
            Titled { title: "indication", text: "The pattern is visible. Whether LOB is the cause, we do not know." }
        }
        Certainty::Unsure => Titled { title: "uncertain", text: "‘No difference’ fits these data too." },
    }
}

fn part(part: DosePart) -> PartWords {
    match part {
        DosePart::Total => PartWords {
            name: "All together",
            compares: "Compares all pupils with more and less LOB, in whatever school and year.",
            caveat: "Differences between pupils, years and schools are mixed here.",
        },
        DosePart::Within => PartWords {
            name: "Within school and cohort",
            compares: "Compares pupils with schoolmates of the same cohort.",
            caveat: "Note: those who take part more are often more motivated too. Or they got extra help, because things went badly.",
        },
        DosePart::Cohort => PartWords {
            name: "Between cohorts",
            compares: "Compares years in which a school gave more LOB with years in which it gave less.",
            caveat: "Note: something else may have changed in those years, such as intake, the team or corona.",
        },
        DosePart::School => PartWords {
            name: "Between schools",
            compares: "Compares schools that give more LOB on average with schools that give less.",
            caveat: "Note: schools also differ in pupils, location and policy.",
        },
    }
}
