//! DUO's yearly lists of one institution (`formats.md` §7): NRSP, who was enrolled at the start of a school year and would count
//! as a dropout, and NenR, who dropped out. Provisional lists (V) hold a few persons more than definitive ones (D).

use super::File;
use super::person::Person;
use super::ro::Stay;
use super::text::{Lines, compact, dutch};
use crate::simulate::calendar::day;
use crate::simulate::pupil::Link;

/// Columns of NenR in the order of a real delivery.
const NENR: [&str; 29] = [
    "#BURGERSERVICENUMMER",
    "ONDERWIJSNUMMER",
    "GEBOORTEDATUM",
    "GESLACHT",
    "ACHTERNAAM",
    "VOORVOEGSEL",
    "VOORNAMEN",
    "POSTCODE_CIJFERS",
    "RMC_REGIO",
    "RMC_REGIO_NAAM",
    "GEMCODE",
    "GEMEENTENAAM",
    "BRIN",
    "BRIN_VOLGNR",
    "BRIN_VEST_NAAM",
    "CREBO",
    "CREBO_OMSCHRIJVING",
    "EXAMEN",
    "IND_BEKOSTIGING",
    "NIVEAU",
    "ONDERWIJSSOORT",
    "ONDERWIJSAANBIEDER_CODE",
    "ONDERWIJSAANBIEDER_NAAM",
    "ONDERWIJSLOCATIE_CODE",
    "ONDERWIJSLOCATIE_STRAATNAAM",
    "ONDERWIJSLOCATIE_HUISNUMMER",
    "ONDERWIJSLOCATIE_HUISNUMMER_TOEVOEGING",
    "ONDERWIJSLOCATIE_POSTCODE",
    "ONDERWIJSLOCATIE_PLAATSNAAM",
];

/// Columns of NRSP: no exam and funding, level and track before the programme.
const NRSP: [&str; 27] = [
    "#BURGERSERVICENUMMER",
    "ONDERWIJSNUMMER",
    "GEBOORTEDATUM",
    "GESLACHT",
    "ACHTERNAAM",
    "VOORVOEGSEL",
    "VOORNAMEN",
    "POSTCODE_CIJFERS",
    "RMC_REGIO",
    "RMC_REGIO_NAAM",
    "GEMCODE",
    "GEMEENTENAAM",
    "BRIN",
    "BRIN_VOLGNR",
    "BRIN_VEST_NAAM",
    "NIVEAU",
    "ONDERWIJSSOORT",
    "CREBO",
    "CREBO_OMSCHRIJVING",
    "ONDERWIJSAANBIEDER_CODE",
    "ONDERWIJSAANBIEDER_NAAM",
    "ONDERWIJSLOCATIE_CODE",
    "ONDERWIJSLOCATIE_STRAATNAAM",
    "ONDERWIJSLOCATIE_HUISNUMMER",
    "ONDERWIJSLOCATIE_HUISNUMMER_TOEVOEGING",
    "ONDERWIJSLOCATIE_POSTCODE",
    "ONDERWIJSLOCATIE_PLAATSNAAM",
];

/// One person of the start population in so many turns out to be no dropout between V and D.
const PROVISIONAL: u32 = 61;

/// A person of the start population of one institution and year.
#[derive(Clone)]
pub(super) struct Counted<'a> {
    pub person: &'a Person<'a>,
    /// The enrolment on the first count date; `None` in vmbo.
    pub stay: Option<Stay<'a>>,
    /// In no education on the second count date, without a startkwalificatie.
    pub dropped_out: bool,
}

impl Counted<'_> {
    /// On the provisional list though not on the definitive one.
    fn is_provisional(&self) -> bool {
        let number: u32 = self.person.pgn.parse().expect("nine digits");
        self.person.pupil.link == Link::Linked && number.is_multiple_of(PROVISIONAL)
    }

    fn niveau(&self) -> Option<i32> {
        self.stay.map(|s| s.programme.niveau)
    }
}

/// Vmbo pupils of a school who were enrolled on 1 October before `year` and in 3 or 4.
pub(super) fn in_vmbo<'a>(persons: &'a [Person<'a>], year: i16) -> Vec<Counted<'a>> {
    let (first, second) = (day(year - 1, 10, 1), day(year, 10, 1));
    let is_enrolled = |p: &&Person<'_>| {
        let leerjaar = year - p.exam_year() + 4;
        (3..=4).contains(&leerjaar) && p.left_vmbo().is_none_or(|left| left > first)
    };
    let counted = |person: &'a Person<'a>| {
        let left = person.left_vmbo().is_some_and(|left| left <= second);
        let nowhere = year == person.exam_year()
            && person.left_vmbo().is_none()
            && person.pupil.link == Link::Linked
            && !person.school.enrolments.iter().any(|e| e.pupil == person.at && e.begin <= second);
        let abroad = person.pupil.link == Link::Abroad;
        Counted { person, stay: None, dropped_out: (left || nowhere) && !abroad }
    };
    persons.iter().filter(is_enrolled).map(counted).collect()
}

/// Mbo students of an institution on 1 October before `year`.
pub(super) fn in_mbo<'a>(stays: impl Iterator<Item = &'a Vec<Stay<'a>>>, year: i16) -> Vec<Counted<'a>> {
    let (first, second) = (day(year - 1, 10, 1), day(year, 10, 1));
    let counted = |stays: &'a Vec<Stay<'a>>| {
        let stay = *stays.iter().find(|s| s.is_on(first))?;
        let own = stay.person.school.enrolments.iter().filter(|e| e.pupil == stay.person.at);
        // Every programme that is drawn has niveau 2 or more, so every diploma is a startkwalificatie.
        let goes_on = own.clone().any(|e| e.begin <= second && e.end.is_none_or(|end| second <= end));
        let dropped_out = !goes_on && !own.clone().any(|e| e.diploma.is_some_and(|d| d <= second));
        Some(Counted { person: stay.person, stay: Some(stay), dropped_out })
    };
    stays.filter_map(counted).collect()
}

/// The four lists of an institution: NRSP and NenR, each provisional and definitive. `location` is the vestiging, for vmbo.
pub(super) fn lists(brin: &str, location: Option<&str>, year: i16, counted: &[Counted<'_>]) -> Vec<File> {
    let mut files = Vec::new();
    for (status, made) in [("V", true), ("D", false)] {
        let mut start = Lines::default();
        start.plain(';', &NRSP);
        let mut out = Lines::default();
        out.plain(';', &NENR);
        for c in counted {
            start_row(&mut start, brin, location, c);
            if c.dropped_out || (made && c.is_provisional()) {
                dropout_row(&mut out, brin, location, c);
            }
        }
        // A vmbo location below the first has a list of its own, with its number behind the BRIN's.
        let owner = format!("{brin}{}", location.filter(|l| *l != "00").unwrap_or_default());
        for (kind, lines) in [("NRSP", start), ("NenR", out)] {
            let rows = lines.rows() - 1;
            files.push(File { name: format!("duo/{kind}{year}{status}I{owner}.csv"), rows, bytes: lines.utf8() });
        }
    }
    files
}

/// What a real delivery says of a person's education.
struct Education {
    crebo: String,
    provider: String,
    location: &'static str,
}

impl Education {
    fn of(c: &Counted<'_>) -> Self {
        let Some(stay) = c.stay else {
            return Self { crebo: String::new(), provider: String::new(), location: "" };
        };
        let provider = format!("999A{:03}", stay.programme.niveau);
        Self { crebo: stay.programme.crebo(), provider, location: "999X001" }
    }
}

/// In synthetic deliveries of NRSP both number columns hold the number, days are Dutch and the school stands in its own number.
fn start_row(lines: &mut Lines, brin: &str, location: Option<&str>, c: &Counted<'_>) {
    let e = Education::of(c);
    let (level, track) = match c.niveau() {
        Some(n) => (format!("Mbo{n} opleidingen"), if c.stay.is_some_and(|s| s.programme.bbl) { "BBL" } else { "BOL" }),
        None => ("VMBO bovenbouw".to_string(), ""),
    };
    let birth = dutch(c.person.birth());
    let pgn = &c.person.pgn;
    let number = location.unwrap_or(brin);
    lines.plain(
        ';',
        &[
            pgn,
            pgn,
            &birth,
            c.person.sex(),
            "X",
            "",
            "X",
            "9999",
            "REGIO 28",
            "",
            "9999",
            "STAD",
            brin,
            number,
            "",
            &level,
            track,
            &e.crebo,
            "X",
            &e.provider,
            "X",
            e.location,
            "X",
            "1",
            "",
            "9999ZZ",
            "STAD",
        ],
    );
}

/// In real deliveries of NenR the number that is not there is 0, days are compact and track and level are one word.
fn dropout_row(lines: &mut Lines, brin: &str, location: Option<&str>, c: &Counted<'_>) {
    let e = Education::of(c);
    let (level, track) = match c.stay {
        Some(s) => {
            let n = s.programme.niveau;
            (format!("Mbo niveau {n}"), format!("{}{n}", if s.programme.bbl { "Bbl" } else { "Bol" }))
        }
        None => ("VMBO bovenbouw".to_string(), String::new()),
    };
    let birth = compact(c.person.birth());
    let (bsn, onr) = c.person.bsn_onr();
    let or_zero = |number: &str| if number.is_empty() { "0".to_string() } else { number.to_string() };
    lines.plain(
        ';',
        &[
            &or_zero(bsn),
            &or_zero(onr),
            &birth,
            c.person.sex(),
            "X",
            "",
            "X",
            "9999",
            "28",
            "Regio",
            "9999",
            "STAD",
            brin,
            location.unwrap_or("0"),
            "X",
            &e.crebo,
            "X",
            "",
            "J",
            &level,
            &track,
            &e.provider,
            "X",
            e.location,
            "X",
            "1",
            "",
            "9999ZZ",
            "STAD",
        ],
    );
}
