//! Pupil lists as a school's own administration exports them (`formats.md` §10): Magister's names or Somtoday's, with the fields a
//! school adds to its list; the crosswalk to person numbers; the havo's enrolments.

use super::File;
use super::person::Person;
use super::text::{Lines, comma, dutch, school_year};
use crate::simulate::after::Enrolment;

/// Header of a Magister-like list: the names seen in practice, then the fields that the school added.
const MAGISTER: [&str; 19] = [
    "Stamnr_str",
    "Achternaam",
    "Tussenv",
    "Roepnaam",
    "loginaccount.naam",
    "Klas",
    "Studie",
    "profiel.code",
    "Vestiging",
    "Schooljaar",
    "Geslacht",
    "Leeftijd",
    "SES_WOA",
    "LWOO",
    "Schooladvies",
    "Verzuim_lj2",
    "Inschrijfdatum",
    "Uitschrijfdatum",
    "Vertrekreden",
];

/// Header of a Somtoday-like list.
const SOMTODAY: [&str; 20] = [
    "UUID",
    "leerlingnummer",
    "roepnaam",
    "achternaam",
    "geboortedatum",
    "geslacht",
    "email",
    "mobielNummer",
    "vestiging",
    "schooljaar",
    "lesgroep",
    "opleiding",
    "leeftijd",
    "sesWoa",
    "lwoo",
    "advies",
    "verzuimLj2",
    "inschrijfdatum",
    "uitschrijfdatum",
    "vertrekreden",
];

/// The word for dropout in the column with the reason of leaving.
pub(super) const DROPPED_OUT: &str = "voortijdig schoolverlaten";

/// Cells that both lists have.
struct Cells {
    studie: String,
    year: String,
    age: String,
    ses: String,
    lwoo: &'static str,
    absence: String,
    from: String,
    to: String,
    reason: &'static str,
}

impl Cells {
    fn of(person: &Person<'_>) -> Self {
        let (pupil, dates) = (person.pupil, person.dates());
        let left = person.left_vmbo();
        Self {
            studie: format!("vmbo-{} 4", pupil.leerweg.code().to_lowercase()),
            year: school_year(dates.exam_year),
            age: comma(pupil.age),
            ses: if pupil.ses_known { comma(pupil.ses) } else { String::new() },
            lwoo: if pupil.lwoo { "J" } else { "N" },
            absence: pupil.absence.to_string(),
            from: dutch(dates.enrolled),
            to: dutch(left.unwrap_or(dates.landmark - 1)),
            reason: if left.is_some() { DROPPED_OUT } else { "einde opleiding" },
        }
    }
}

/// The list of a school: Magister's names for schools at an even place, Somtoday's for the others.
pub(super) fn list(persons: &[Person<'_>]) -> Option<File> {
    let school = &persons.first()?.school.school;
    Some(if school.index % 2 == 0 { magister(&school.key, persons) } else { somtoday(&school.key, persons) })
}

fn magister(school: &str, persons: &[Person<'_>]) -> File {
    let mut lines = Lines::default();
    lines.quoted(&MAGISTER);
    for person in persons {
        let c = Cells::of(person);
        let login = format!("u{}", person.number);
        let tussenvoegsel = if person.at % 3 == 0 { "van" } else { "" };
        lines.quoted(&[
            &person.number,
            "X",
            tussenvoegsel,
            "X",
            &login,
            &person.class,
            &c.studie,
            "",
            school,
            &c.year,
            person.sex(),
            &c.age,
            &c.ses,
            c.lwoo,
            person.pupil.advice,
            &c.absence,
            &c.from,
            &c.to,
            c.reason,
        ]);
    }
    let rows = lines.rows() - 1;
    File { name: format!("las/magister_{school}.csv"), rows, bytes: lines.utf8_bom() }
}

fn somtoday(school: &str, persons: &[Person<'_>]) -> File {
    let mut lines = Lines::default();
    lines.plain(';', &SOMTODAY);
    for person in persons {
        let c = Cells::of(person);
        let id = person.pupil.id;
        let uuid = format!("{:08x}-{:04x}-4000-8000-{:012x}", id >> 32, id >> 16 & 0xffff, id & 0xffff);
        let email = format!("u{}@leerling.example", person.number);
        let sex = if person.pupil.girl { "Vrouw" } else { "Man" };
        lines.plain(
            ';',
            &[
                &uuid,
                &person.number,
                "X",
                "X",
                &dutch(person.birth()),
                sex,
                &email,
                "",
                school,
                &c.year,
                &person.class,
                &c.studie,
                &c.age,
                &c.ses,
                c.lwoo,
                person.pupil.advice,
                &c.absence,
                &c.from,
                &c.to,
                c.reason,
            ],
        );
    }
    let rows = lines.rows() - 1;
    File { name: format!("las/somtoday_{school}.csv"), rows, bytes: lines.utf8() }
}

/// Starts the crosswalk between the school's pupil number and the person number.
pub(super) fn crosswalk_start() -> Lines {
    let mut lines = Lines::default();
    lines.plain(';', &["leerlingnummer", "pgn", "brin", "vestiging", "schooljaar_uitstroom"]);
    lines
}

/// Adds the pupils of a school whose person number the school knows.
pub(super) fn crosswalk(lines: &mut Lines, persons: &[Person<'_>]) {
    for person in persons.iter().filter(|p| p.in_crosswalk()) {
        let (brin, location) = person.school.school.key.split_at(4);
        let year = school_year(person.exam_year());
        lines.plain(';', &[&person.number, &person.pgn, brin, location, &year]);
    }
}

/// Starts the list of enrolments in havo after vmbo.
pub(super) fn havo_start() -> Lines {
    let mut lines = Lines::default();
    lines.plain(';', &["pgn", "brin", "onderwijssoort", "inschrijfdatum", "uitschrijfdatum", "diplomadatum"]);
    lines
}

/// Adds the havo enrolments of a school's former pupils.
pub(super) fn havo(lines: &mut Lines, persons: &[Person<'_>]) {
    for person in persons {
        let is_havo = |e: &&Enrolment| e.pupil == person.at && e.programme.is_none();
        for e in person.school.enrolments.iter().filter(is_havo) {
            let (begin, end) = (dutch(e.begin), e.end.map(dutch).unwrap_or_default());
            let diploma = e.diploma.map(dutch).unwrap_or_default();
            lines.plain(';', &[&person.pgn, &e.institution, "havo", &begin, &end, &diploma]);
        }
    }
}
