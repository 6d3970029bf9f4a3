//! Enrolments after vmbo that make a pupil's path visible on the two count dates. Programmes, institutions
//! and numbers are fictitious; the domein names are the real ones.

use rand::Rng;

use super::calendar::{CohortDates, day};
use super::landmark::Path;
use super::pupil::{Leerweg, Pupil};
use super::school::{School, brin};
use super::stream::{chance, pick};

/// Mbo institutions per region.
const INSTITUTIONS: u32 = 4;

/// The 16 domeinen of the mbo.
const DOMEINEN: [&str; 16] = [
    "Afbouw, hout en onderhoud",
    "Ambacht, laboratorium en gezondheidstechniek",
    "Bouw en infra",
    "Economie en administratie",
    "Handel en ondernemerschap",
    "Horeca en bakkerij",
    "Informatie en communicatietechnologie",
    "Media en vormgeving",
    "Mobiliteit en voertuigen",
    "Techniek en procesindustrie",
    "Toerisme en recreatie",
    "Transport, scheepvaart en logistiek",
    "Uiterlijke verzorging",
    "Veiligheid en sport",
    "Voedsel, natuur en leefomgeving",
    "Zorg en welzijn",
];

/// One enrolment after vmbo.
#[derive(Clone, Debug)]
pub(super) struct Enrolment {
    pub pupil: usize,
    pub begin: i32,
    /// `None` when still active at the end of the observation.
    pub end: Option<i32>,
    /// `None` for havo.
    pub programme: Option<Programme>,
    pub institution: String,
    pub diploma: Option<i32>,
}

/// An mbo programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Programme {
    domein: usize,
    pub niveau: i32,
    variant: u32,
    pub bbl: bool,
}

impl Programme {
    fn draw(rng: &mut impl Rng, leerweg: Leerweg) -> Self {
        let niveau = match leerweg {
            Leerweg::Bb => [0.92, 0.08, 0.0],
            Leerweg::Kb => [0.15, 0.65, 0.20],
            Leerweg::Gl | Leerweg::Tl => [0.04, 0.16, 0.80],
        };
        let niveau = 2 + pick(rng, &niveau) as i32;
        let bbl = chance(rng, [0.35, 0.22, 0.08][niveau as usize - 2]);
        Self { domein: rng.random_range(0..DOMEINEN.len()), niveau, variant: rng.random_range(1..=3), bbl }
    }

    /// Another programme of the same niveau: in half of the cases in another domein.
    fn switch(self, rng: &mut impl Rng) -> Self {
        let step = if chance(rng, 0.5) { rng.random_range(1..DOMEINEN.len()) } else { 0 };
        Self { domein: (self.domein + step) % DOMEINEN.len(), variant: self.variant % 3 + 1, ..self }
    }

    /// Programme number: equal exactly when domein, niveau and variant are.
    pub fn crebo(self) -> String {
        format!("9{:02}{}{}", self.domein + 1, self.niveau, self.variant)
    }

    pub fn domein(self) -> &'static str {
        DOMEINEN[self.domein]
    }

    /// Number of the domein, from 1.
    pub fn domein_number(self) -> usize {
        self.domein + 1
    }

    /// Every programme that can be drawn, as BOL.
    pub fn all() -> impl Iterator<Item = Self> {
        let of_domein = |domein| (2..=4).map(move |niveau| (domein, niveau));
        let pairs = (0..DOMEINEN.len()).flat_map(of_domein);
        pairs.flat_map(|(domein, niveau)| (1..=3).map(move |variant| Self { domein, niveau, variant, bbl: false }))
    }
}

/// Adds the enrolments of a pupil's path. `observed_until` is the last day of which anything is known.
/// Returns the day of leaving mbo for those who dropped out of it.
pub(super) fn enrol(
    rng: &mut impl Rng,
    school: &School,
    dates: &CohortDates,
    observed_until: i32,
    pupil: (usize, &Pupil),
    path: Path,
    out: &mut Vec<Enrolment>,
) -> Option<i32> {
    let programme = Programme::draw(rng, pupil.1.leerweg);
    let place = rng.random_range(0..INSTITUTIONS);
    let first = Enrolment {
        pupil: pupil.0,
        begin: dates.landmark,
        end: None,
        programme: Some(programme),
        institution: brin(95, (school.region - 1) * INSTITUTIONS + place),
        diploma: None,
    };
    match path {
        Path::NeverStarted => None,
        Path::Havo => {
            let institution = brin(98, school.region);
            out.push(finished(
                Enrolment { programme: None, institution, ..first },
                dates.exam_year + 2,
                observed_until,
            ));
            None
        }
        Path::Stayed => {
            let years = programme.niveau as i16;
            let on_time = chance(rng, 0.8);
            out.push(if on_time { finished(first, dates.exam_year + years, observed_until) } else { first });
            None
        }
        Path::LeftMbo => {
            let left = rng.random_range(dates.count[0] + 15..dates.count[1] - 30);
            out.push(Enrolment { end: Some(left), ..first });
            Some(left)
        }
        Path::Switched => {
            let end = rng.random_range(dates.count[0] + 30..dates.count[1] - 40);
            let elsewhere = (place + u32::from(chance(rng, 0.3))) % INSTITUTIONS;
            out.push(Enrolment { end: Some(end), ..first.clone() });
            out.push(Enrolment {
                begin: end + rng.random_range(1..30),
                programme: Some(programme.switch(rng)),
                institution: brin(95, (school.region - 1) * INSTITUTIONS + elsewhere),
                ..first
            });
            None
        }
    }
}

/// The enrolment with a diploma in July of `year`, if that was observed.
fn finished(enrolment: Enrolment, year: i16, observed_until: i32) -> Enrolment {
    let diploma = day(year, 7, 10);
    if diploma > observed_until {
        return enrolment;
    }
    Enrolment { end: Some(day(year, 7, 30)), diploma: Some(diploma), ..enrolment }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stream::{Purpose, stream};

    #[test]
    fn a_switch_always_changes_the_crebo() {
        let rng = &mut stream(1, 0, Purpose::Enrolments);
        for _ in 0..1000 {
            let programme = Programme::draw(rng, Leerweg::Kb);
            assert_ne!(programme.crebo(), programme.switch(rng).crebo());
        }
    }
}
