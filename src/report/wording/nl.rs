//! Dutch, at B1 level: short sentences, no causal verbs, a range beside every estimate (`reports.md`).

use super::{
    Certainty, ChartWords, EffectWords, FrameWords, PartWords, SectionWords, Sentences, Size, TableWords, Titled,
    Verdict, Way, Words, capital, joined,
};
use crate::disclosure::page::RefusalReason;
use crate::report::format;
use crate::vocab::{DosePart, Lang, Unit};

const NL: Lang = Lang::Nl;

/// All Dutch words.
pub const WORDS: Words =
    Words { lang: NL, code: "nl", frame: FRAME, table: TABLE, section: SECTION, chart: CHART, say: SAY };

const FRAME: FrameWords = FrameWords {
    skip: "Naar de inhoud",
    kicker: "LOB-rapport",
    school: "School",
    study: "Onderzoek",
    cohorts: "Cohorten",
    pupils: "Leerlingen",
    contents: "In dit rapport",
    run: "Berekening",
    engine: "Versie rekenprogramma",
    index_title: "Rapporten per school",
    index_intro: "Per school is er één rapport. Dit overzicht bevat geen uitkomsten en geen volgorde van prestaties.",
    index_empty: "Er zijn geen rapporten gemaakt.",
};

const TABLE: TableWords = TableWords {
    own: "Uw school",
    all: "Alle scholen",
    activity: "Activiteit",
    outcome: "Uitkomst",
    group: "Vergelijking",
    estimate: "Schatting",
    range: "Marge (95%)",
    pupils: "Leerlingen",
    step: "Stap",
    version: "Versie",
    source: "Bron",
    missing: "niet beschikbaar",
    refused: "geen schatting mogelijk",
    suppressed: "te kleine aantallen",
    hidden: "niet getoond",
    per: "per",
    average: "gemiddeld",
    own_dose: "LOB-niveau van uw school",
    own_pupils: "Uw leerlingen vergeleken",
};

const CHART: ChartWords = ChartWords {
    zero: "geen verschil",
    good: "gunstig",
    bad: "ongunstig",
    axis,
    way,
    to: "tot",
    effect_caption: "De stip of ruit is de schatting, de lijn is de onzekerheidsmarge van 95%.",
    effect_title: |outcome| format!("Schatting met onzekerheidsmarge: {outcome}"),
    icons_caption: "Elk rondje is 1 van de 100 leerlingen. Een dicht rondje heeft de uitkomst.",
    icons_title: |outcome| format!("Van de 100 leerlingen: {outcome}"),
    icons_of: |n| format!("{n} van de 100"),
};

const SECTION: SectionWords = SectionWords {
    glance: "In één oogopslag",
    reach: "Bereik van LOB",
    outcomes: "Waar kwamen oud-leerlingen terecht?",
    effects: "Samenhang tussen LOB en doorstroom",
    robustness: "Houdt dit stand?",
    robustness_intro: "Wij stelden dezelfde vraag op andere manieren. Ook stelden wij vragen waarvan het antwoord vooraf vaststaat. Mislukt een controle, dan zijn onze zinnen minder zeker.",
    robustness_empty: "De controles zijn voor deze uitgave niet gedraaid.",
    read_this: "Lees dit zo",
    talk: "Gespreksvragen",
    method: "Verantwoording",
    glance_leads: ["Wat we deden", "Hoe het oud-leerlingen vergaat", "Wat we over LOB kunnen zeggen"],
    glance_no_outcome: "Hierover kunnen we geen cijfers tonen: er zijn te weinig leerlingen of geen gegevens.",
    glance_no_effect: "In dit onderzoek is geen samenhang met LOB berekend.",
    reach_intro: "Hoeveel leerlingen hebben minstens één keer meegedaan? En hoe vaak gemiddeld per leerling?",
    reach_note: "Alleen wat is vastgelegd, telt mee. Geen registratie betekent niet altijd dat er niets gebeurde.",
    reach_empty: "Voor uw school zijn geen LOB-activiteiten vastgelegd.",
    outcomes_intro: "Deze cijfers beschrijven wat er met leerlingen gebeurde. Ze zeggen nog niets over de rol van LOB.",
    outcomes_note: "De marge geeft aan hoe zeker het cijfer is. Bij weinig leerlingen is de marge breed. Er is hier niet gecorrigeerd voor verschillen tussen leerlingen. Aantallen kunnen op vijftallen zijn afgerond, om leerlingen te beschermen. Percentages zijn dan uit die aantallen berekend en kunnen enkele procentpunten afwijken.",
    outcomes_empty: "Voor uw school zijn geen uitkomsten bekend.",
    effects_intro: "We vergelijken leerlingen met meer en minder LOB.",
    effects_held: "De kenmerken onder ‘Lees dit zo’ houden we daarbij gelijk.",
    effects_empty: "In dit onderzoek is geen samenhang met LOB berekend.",
    effects_note: "De schatting voor uw school gebruikt ook de gegevens van de andere scholen. Heeft een school weinig leerlingen, dan ligt haar schatting dicht bij die van alle scholen.",
    cases_caveat: "Dat is een rekensom met het verband. Dit zijn geen voorkomen gevallen.",
    compared: "Vergelijkbaar zijn de tien scholen die in leerlingen en grootte het dichtst bij uw school liggen.",
    contribution_caveat: "We gebruiken hier het verband van alle scholen, niet een eigen verband van uw school.",
    adjusted_own: "Uw leerlingen vergeleken met leerlingen met dezelfde kenmerken",
    adjusted_unsure: "Dat is niet te onderscheiden van alle scholen samen.",
    own_line: "Is het verband op uw school anders?",
    not_apart: "Uw school wijkt niet meetbaar af van het verband op alle scholen.",
    parts_title: "Waar komt dit verband vandaan?",
    parts_intro: "Meer LOB kan aan de leerling liggen, aan het jaar of aan de school. Bij elke vergelijking kan ook iets anders meespelen.",
    parts_headline: "Dit is de schatting hierboven.",
    certainty: "Zekerheid",
    guide: &[
        Titled {
            title: "Dit is geen experiment",
            text: "We zien wat samen voorkomt. Leerlingen en scholen met meer LOB kunnen ook op andere punten verschillen. Daarom zeggen we niet dat LOB de oorzaak is.",
        },
        Titled {
            title: "Kleine aantallen schommelen",
            text: "Een paar leerlingen meer of minder maakt op één school veel uit. Kijk daarom eerst naar de marge en dan pas naar de schatting.",
        },
        Titled {
            title: "Procent en procentpunt",
            text: "Van 10% naar 8% is 2 procentpunt minder. Dat zijn 2 van de 100 leerlingen.",
        },
        Titled {
            title: "Dit is geen oordeel",
            text: "Dit rapport bevat geen norm en geen ranglijst. Het is bedoeld voor het gesprek op uw school, niet om medewerkers of leerlingen te beoordelen.",
        },
    ],
    adjusted_title: "Waarvoor is gecorrigeerd?",
    adjusted_intro: "We vergelijken leerlingen die gelijk zijn op deze kenmerken:",
    adjusted_none: "In dit onderzoek is niet gecorrigeerd voor kenmerken van leerlingen.",
    adjusted_not: "Voor al het andere is niet gecorrigeerd. Vaak onbekend zijn opleiding en inkomen van ouders, thuissituatie, schulden en motivatie. Zulke verschillen kunnen meespelen.",
    talk_intro: "Cijfers krijgen pas betekenis met het verhaal erachter. Deze vragen helpen om in het team verder te praten.",
    questions: &[
        "Herkennen we het beeld van het bereik? Welke activiteiten leggen we niet of te laat vast?",
        "Welke leerlingen bereiken we het minst? Wat is daarvan de reden?",
        "Wat vertellen oud-leerlingen zelf over hun overstap? Wat hadden zij nodig?",
        "Volgt op een ervaring, zoals een stage, ook een gesprek en een reflectie?",
        "Wat veranderde er in deze jaren nog meer op school, naast LOB?",
        "Wat willen we volgend jaar anders doen, en hoe zien we of dat is gelukt?",
    ],
    talk_next: "Kies met elkaar één vervolgstap. Spreek af wie die zet, en wanneer u erop terugkijkt.",
    method_intro: "Hier staat hoe de cijfers zijn gemaakt en hoe ze zijn terug te vinden.",
    flow_title: "Van ingelezen naar geanalyseerd",
    flow_note: "Kleine aantallen tonen we niet. Soms verbergen we een tweede aantal, omdat het kleine aantal anders is uit te rekenen. Aantallen kunnen zijn afgerond, dus tellen delen niet altijd op.",
    flow_empty: "Er is geen overzicht van aantallen.",
    definitions_title: "Definities",
    how_title: "Hoe is er gerekend?",
    how: &[
        "Per leerling tellen we alleen LOB-activiteiten van vóór de uitkomst. Wat later gebeurt, telt niet mee.",
        "We gebruiken een multilevelmodel: leerlingen zitten daarin binnen scholen. Het model schat hoe de uitkomst verschilt bij meer LOB, met de genoemde kenmerken gelijk.",
        "De schatting rekenen we om naar procentpunten: het verschil per 100 leerlingen. Bij scores gaat het om punten op de schaal.",
        "De onzekerheidsmarge is een interval van 95%. Bij percentages is dat het interval van Wilson.",
        "Vinden we geen betrouwbare schatting, dan tonen we geen getal. De reden staat er dan bij.",
    ],
    how_moves: "Wisselt een leerling van school? Dan telt een periode bij de school waar de leerling op de eerste dag daarvan was. Al het andere telt bij de school van het begin.",
    glossary_title: "Woorden",
    glossary: &[
        Titled {
            title: "LOB",
            text: "Loopbaanoriëntatie en -begeleiding: activiteiten en gesprekken die leerlingen helpen kiezen.",
        },
        Titled {
            title: "Alle scholen",
            text: "Alle scholen in dit onderzoek samen, uw school meegeteld. Dat hoeft niet het landelijk gemiddelde te zijn.",
        },
        Titled { title: "Cohort", text: "Leerlingen die in hetzelfde schooljaar eindexamen deden of startten." },
        Titled { title: "Doorstroom", text: "De overstap naar een vervolgopleiding, zoals van het vmbo naar het mbo." },
        Titled { title: "Startkwalificatie", text: "Een diploma havo, vwo of mbo niveau 2 of hoger." },
        Titled {
            title: "Vsv",
            text: "Voortijdig schoolverlaten: jonger dan 23 jaar en van school zonder startkwalificatie.",
        },
        Titled {
            title: "Onzekerheidsmarge",
            text: "De waarden die goed bij de gegevens passen. Hoe breder de marge, hoe minder zeker.",
        },
    ],
    trace_title: "Herkomst van dit rapport",
    trace_text: "Met deze gegevens is elk getal terug te vinden en opnieuw te berekenen.",
};

const SAY: Sentences = Sentences {
    we_did,
    list: |items| joined(items, "en"),
    cohorts: |c| match c {
        [] => String::new(),
        [one] => format!("cohort {one}"),
        [a, b] => format!("cohorten {a} en {b}"),
        [first, .., last] => format!("cohorten {first} tot en met {last}"),
    },
    of_hundred: |outcome, n, lo, hi| format!("{}: {n} van de 100 leerlingen (tussen {lo} en {hi}).", capital(outcome)),
    coded: |outcome, share, lo, hi| {
        format!("{}: {share} van de leerlingen (tussen {lo} en {hi} van de 100).", capital(outcome))
    },
    of_hundred_all: |n| format!("Op alle scholen samen zijn dat er {n} van de 100."),
    too_few: |min| format!("te weinig leerlingen om te tonen (minder dan {min})"),
    few_schools: |min| format!("niet getoond: minder dan {min} scholen, of vooral één school"),
    behind: |n| format!("van {}", format::pupils(n, NL)),
    step: |step, exposure| {
        if step == 1.0 {
            format!("verschil van 1 in {exposure}")
        } else {
            format!("{} extra {exposure}", format::plain(step, NL))
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
        format!("Referentiewaarde: bij leerlingen zoals de uwe is {value}% te verwachten (tussen {lo} en {hi}%).")
    },
    null,
    refusal,
    small_cell,
    certainty,
    assumptions: |a| {
        let list = joined(&a.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), "en");
        format!("De opzet van het onderzoek laat een oorzakelijke lezing alleen toe als dit klopt: {list}.")
    },
    part,
};

fn axis(unit: Unit) -> &'static str {
    match unit {
        Unit::PercentagePoint => "verschil in procentpunten",
        Unit::ScorePoint => "verschil in punten",
    }
}

fn way(unit: Unit, way: Way) -> &'static str {
    match (unit, way) {
        (Unit::PercentagePoint, Way::Less) => "minder",
        (Unit::PercentagePoint, Way::More) => "meer",
        (Unit::ScorePoint, Way::Less) => "lager",
        (Unit::ScorePoint, Way::More) => "hoger",
    }
}

fn we_did(pupils: Option<u64>, cohorts: &str, schools: u64) -> String {
    let whom = pupils.map_or("leerlingen".to_owned(), |n| format::pupils(n, NL));
    let cohorts = if cohorts.is_empty() { String::new() } else { format!(" ({cohorts})") };
    let compared = if schools > 1 {
        format!(" We vergeleken hen met leerlingen van alle {} samen.", format::schools(schools, NL))
    } else {
        String::new()
    };
    format!("We volgden {whom} van uw school{cohorts}.{compared}")
}

/// "procentpunt" or "punten".
fn unit(u: Unit) -> &'static str {
    match u {
        Unit::PercentagePoint => "procentpunt",
        Unit::ScorePoint => "punten",
    }
}

/// "tussen 2,0 en 6,1", or "tussen 2,0 minder en 1,3 meer" around no difference.
fn range(w: &EffectWords) -> String {
    match w.one_sided(NL) {
        Some((near, far)) => format!("tussen {near} en {far}"),
        None => format!(
            "tussen {} {} en {} {}",
            w.size_of(w.lo, NL),
            way(w.unit, Way::Less),
            w.size_of(w.hi, NL),
            way(w.unit, Way::More)
        ),
    }
}

/// The same with the unit in it, for sentences that don't name the estimate.
fn full_range(w: &EffectWords) -> String {
    let unit = unit(w.unit);
    match w.one_sided(NL) {
        Some((near, far)) => format!("tussen {near} en {far} {unit} {}", way(w.unit, w.side())),
        None => format!(
            "tussen {} {unit} {} en {} {}",
            w.size_of(w.lo, NL),
            way(w.unit, Way::Less),
            w.size_of(w.hi, NL),
            way(w.unit, Way::More)
        ),
    }
}

/// "naar schatting 4,1 procentpunt minder (tussen 2,0 en 6,1)".
fn estimated(w: &EffectWords) -> String {
    let direction = if w.is_nothing() { String::new() } else { format!(" {}", way(w.unit, Way::of(w.value))) };
    let value = w.size_of(w.value, NL);
    format!("naar schatting {value} {}{direction} ({})", unit(w.unit), range(w))
}

/// The same after words that said the direction; in points it is not said again, to keep the sentence short.
fn difference(w: &EffectWords) -> String {
    match w.unit {
        Unit::PercentagePoint => estimated(w),
        Unit::ScorePoint => {
            format!("naar schatting {} {} ({})", w.size_of(w.value, NL), unit(w.unit), range(w))
        }
    }
}

/// "minder uitval", or "een lagere score op X".
fn of_outcome(w: &EffectWords, direction: Way) -> String {
    match w.unit {
        Unit::PercentagePoint => format!("{} {}", way(w.unit, direction), w.outcome),
        Unit::ScorePoint => format!("een {}e score op {}", way(w.unit, direction), w.outcome),
    }
}

fn effect(w: &EffectWords) -> String {
    let step = (SAY.step)(w.step, w.exposure);
    let (subject, hangs, with) = if w.step == 1.0 {
        (format!("Een {step}"), "hangt", format!("een {step}"))
    } else {
        (step.clone(), "hangen", step)
    };
    match (w.verdict.size, w.verdict.certainty) {
        (Size::Relevant(d), Certainty::Clear) => {
            format!("{subject} {hangs} samen met {}: {}.", of_outcome(w, d), difference(w))
        }
        (Size::Relevant(d), Certainty::Likely) => {
            format!("{subject} {hangs} waarschijnlijk samen met {}: {}.", of_outcome(w, d), difference(w))
        }
        (Size::Relevant(d), Certainty::Unsure) => {
            format!("Mogelijk {} bij {with}, misschien ook geen verschil ({}).", of_outcome(w, d), full_range(w))
        }
        (Size::Small, Certainty::Clear) => {
            format!("Bij {with} is er weinig of geen verschil in {} ({}).", w.outcome, full_range(w))
        }
        (Size::Small, Certainty::Likely) if w.one_sided(NL).is_none() => {
            format!("Bij {with} is er waarschijnlijk weinig verschil in {} ({}).", w.outcome, full_range(w))
        }
        (Size::Small, Certainty::Likely) => {
            format!("Bij {with} is er waarschijnlijk weinig verschil in {}: {}.", w.outcome, estimated(w))
        }
        (Size::Small, Certainty::Unsure) => {
            format!("Onzeker verschil in {} bij {with}: {}.", w.outcome, estimated(w))
        }
    }
}

fn frequency(w: &EffectWords) -> String {
    let whole = |x: f64| format::number(x.abs(), 0, NL);
    let ends = match w.one_sided(NL) {
        Some(_) => {
            let (near, far) = (w.lo.abs().min(w.hi.abs()), w.lo.abs().max(w.hi.abs()));
            format!("tussen {} en {}", whole(near), whole(far))
        }
        None => format!("tussen {} minder en {} meer", whole(w.lo), whole(w.hi)),
    };
    let direction = way(w.unit, Way::of(w.value));
    format!("Dat is ongeveer {} {direction} van de 100 vergelijkbare leerlingen ({ends}).", whole(w.value))
}

fn gap(gap: f64, exposure: &str, compared: bool) -> String {
    let middle = if compared { "de middelste vergelijkbare school" } else { "de middelste school" };
    let size = format::number(gap.abs(), 1, NL);
    if size == format::number(0.0, 1, NL) {
        return format!("Uw leerlingen hebben ongeveer evenveel {exposure} als {middle}.");
    }
    let way = if gap < 0.0 { "minder" } else { "meer" };
    format!("Uw leerlingen hebben gemiddeld {size} {exposure} {way} dan {middle}.")
}

fn contribution(w: &EffectWords) -> String {
    match (w.verdict.size, w.verdict.certainty) {
        (Size::Relevant(d), Certainty::Clear) => {
            format!("Dat verschil hangt samen met {}: {}.", of_outcome(w, d), difference(w))
        }
        (Size::Relevant(d), Certainty::Likely) => {
            format!("Dat verschil hangt waarschijnlijk samen met {}: {}.", of_outcome(w, d), difference(w))
        }
        (Size::Relevant(d), Certainty::Unsure) => {
            format!("Daarbij past mogelijk {}, misschien ook geen verschil ({}).", of_outcome(w, d), full_range(w))
        }
        (Size::Small, Certainty::Clear | Certainty::Likely) => {
            format!("Daarbij past waarschijnlijk weinig verschil in {}: {}.", w.outcome, estimated(w))
        }
        (Size::Small, Certainty::Unsure) => {
            format!("Onzeker is welk verschil in {} daarbij past: {}.", w.outcome, estimated(w))
        }
    }
}

/// Whole pupils, the range rounded outwards: it never says more than the percentage points do.
fn cases(n: u64, w: &EffectWords) -> String {
    let [value, lo, hi] = w.counted(n);
    let whole = |x: f64| format::number(x.abs(), 0, NL);
    let ends = match w.one_sided(NL) {
        Some(_) => {
            format!("tussen {} en {}", whole(lo.abs().min(hi.abs()).floor()), whole(lo.abs().max(hi.abs()).ceil()))
        }
        None => format!("tussen {} minder en {} meer", whole(lo.abs().ceil()), whole(hi.abs().ceil())),
    };
    let (pupils, direction) = (format::pupils(n, NL), way(w.unit, Way::of(value)));
    format!("Op {pupils} zijn dat er ongeveer {} {direction} ({ends}).", whole(value))
}

fn adjusted(w: &EffectWords) -> String {
    let value = w.size_of(w.value, NL);
    let way = if w.is_nothing() { "" } else { way(w.unit, Way::of(w.value)) };
    match w.unit {
        Unit::PercentagePoint if w.is_nothing() => {
            format!(
                "Bij gelijke leerlingen is er naar schatting {value} procentpunt verschil in {} ({}).",
                w.outcome,
                range(w)
            )
        }
        Unit::PercentagePoint => {
            format!(
                "Bij gelijke leerlingen heeft uw school naar schatting {value} procentpunt {way} {} ({}).",
                w.outcome,
                range(w)
            )
        }
        Unit::ScorePoint => format!(
            "Bij gelijke leerlingen ligt de score op {} hier naar schatting {value} punten {} ({}).",
            w.outcome,
            if way.is_empty() { "anders" } else { way },
            range(w)
        ),
    }
}

/// How far the school's own association lies from that of all schools.
fn deviation(w: &EffectWords) -> String {
    let ends = match w.one_sided(NL) {
        Some((near, far)) => format!("tussen {near} en {far}"),
        None => format!("tussen {} lager en {} hoger", w.size_of(w.lo, NL), w.size_of(w.hi, NL)),
    };
    if w.is_nothing() {
        return format!("Op uw school is het verband ongeveer gelijk aan dat op alle scholen ({ends}).");
    }
    let way = if w.value < 0.0 { "lager" } else { "hoger" };
    let (value, unit) = (w.size_of(w.value, NL), unit(w.unit));
    format!("Op uw school ligt het verband ongeveer {value} {unit} {way} dan op alle scholen ({ends}).")
}

fn null(n: u64, visible: Option<f64>, u: Unit) -> String {
    let start =
        "We kunnen op basis van deze gegevens geen verschil aantonen. Dat betekent niet dat LOB geen effect heeft:";
    match visible {
        Some(x) => format!(
            "{start} bij {} kunnen we alleen verschillen groter dan ongeveer {} {} zien.",
            format::pupils(n, NL),
            format::number(x, super::decimals(u), NL),
            unit(u)
        ),
        None => format!("{start} bij {} blijven kleine verschillen onzichtbaar.", format::pupils(n, NL)),
    }
}

fn small_cell(pupils: u64, events: u64) -> String {
    let text = format!(
        "We tonen hier geen schatting: de aantallen zijn te klein. Daarvoor zijn minstens {} nodig.",
        format::pupils(pupils, NL)
    );
    if events == 0 {
        return text;
    }
    format!("{text} Van hen moeten er minstens {events} de uitkomst hebben, en minstens {events} niet.")
}

fn refusal(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::NotConverged => "Er is geen schatting: de berekening kwam niet tot een betrouwbaar einde.",
        RefusalReason::Separated => {
            "Er is geen schatting: in een van de vergeleken groepen had niemand, of juist iedereen, deze uitkomst."
        }
        RefusalReason::NoVariation => {
            "Er is geen schatting: alle leerlingen hebben dezelfde uitkomst. Dan valt er niets te vergelijken."
        }
        RefusalReason::NoPupils => "Er is geen schatting: van deze school zit geen enkele leerling in de analyse.",
        RefusalReason::OneSchool => "Er is geen schatting: daarvoor zijn minstens 2 scholen nodig.",
        RefusalReason::NoOwnSlope => {
            "Voor één school is er geen eigen schatting. Wij schatten het voor alle scholen samen."
        }
        RefusalReason::NoDose => {
            "Er is geen schatting: alle leerlingen hebben evenveel LOB. Dan valt er niets te vergelijken."
        }
        RefusalReason::RankDeficient => {
            "Er is geen schatting: de gegevens bevatten te weinig verschillen voor dit model."
        }
        RefusalReason::NeedsPupils => {
            "Er is geen schatting: dit model heeft rijen per leerling nodig, en er zijn alleen aantallen per groep."
        }
    }
}

fn certainty(v: Verdict) -> Titled {
    match v.certainty {
        Certainty::Clear => Titled {
            title: "duidelijk",
            text: "De marge ligt ver van ‘geen verschil’ en de opzet van het onderzoek is sterk.",
        },
        Certainty::Likely if v.size == Size::Small => {
            Titled { title: "aanwijzing", text: "Een groot verschil past niet bij deze gegevens." }
        }
        Certainty::Likely => {
            Titled { title: "aanwijzing", text: "Het patroon is zichtbaar. Of LOB de oorzaak is, weten we niet." }
        }
        Certainty::Unsure => Titled { title: "onzeker", text: "Ook ‘geen verschil’ past bij deze gegevens." },
    }
}

fn part(part: DosePart) -> PartWords {
    match part {
        DosePart::Total => PartWords {
            name: "Alles samen",
            compares: "Vergelijkt alle leerlingen met meer en minder LOB, op welke school en in welk jaar ook.",
            caveat: "Verschillen tussen leerlingen, jaren en scholen lopen hier door elkaar.",
        },
        DosePart::Within => PartWords {
            name: "Binnen school en cohort",
            compares: "Vergelijkt leerlingen met schoolgenoten uit hetzelfde cohort.",
            caveat: "Let op: wie meer meedoet, is vaak ook gemotiveerder. Of kreeg juist extra hulp, omdat het niet goed ging.",
        },
        DosePart::Cohort => PartWords {
            name: "Tussen cohorten",
            compares: "Vergelijkt jaren waarin een school meer LOB gaf met jaren waarin zij minder gaf.",
            caveat: "Let op: in die jaren kan ook iets anders zijn veranderd, zoals de instroom, het team of corona.",
        },
        DosePart::School => PartWords {
            name: "Tussen scholen",
            compares: "Vergelijkt scholen die gemiddeld meer LOB geven met scholen die minder geven.",
            caveat: "Let op: scholen verschillen ook in leerlingen, ligging en beleid.",
        },
    }
}
