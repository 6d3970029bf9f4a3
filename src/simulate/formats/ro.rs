//! DUO's RO (registratieoverzicht) of one mbo institution: all persons with an enrolment there, as one delivery with right
//! control totals (`formats.md` §3).

use std::collections::BTreeMap;

use super::File;
use super::person::Person;
use super::text::{Lines, compact, iso};
use crate::simulate::after::{Enrolment, Programme};
use crate::simulate::calendar::day;
use crate::vocab::Day;

/// Day from which a second period of the same programme runs: funding changes, the programme does not.
const FUNDING_CHANGES_AFTER: i32 = 150;
/// One enrolment in this many has such a second period.
const HAS_SECOND_PERIOD: usize = 7;

/// An mbo enrolment of a person.
#[derive(Clone, Copy)]
pub(super) struct Stay<'a> {
    pub person: &'a Person<'a>,
    pub enrolment: &'a Enrolment,
    pub programme: Programme,
}

impl Stay<'_> {
    /// Last valid day. On a diploma it is the diploma's day, as DUO demands.
    pub fn end(&self) -> Option<i32> {
        self.enrolment.diploma.or(self.enrolment.end)
    }

    /// Active on that day.
    pub fn is_on(&self, day: i32) -> bool {
        self.enrolment.begin <= day && self.end().is_none_or(|end| day <= end)
    }
}

/// Enrolments of an institution's students, by person number.
pub(super) type Students<'a> = BTreeMap<&'a str, Vec<Stay<'a>>>;

/// Mbo enrolments by institution, then by person number, then by begin.
pub(super) fn stays<'a>(persons: &'a [Person<'a>]) -> BTreeMap<&'a str, Students<'a>> {
    let mut all: BTreeMap<&str, Students<'a>> = BTreeMap::new();
    for person in persons {
        let own = person.school.enrolments.iter().filter(|e| e.pupil == person.at);
        for enrolment in own {
            if let Some(programme) = enrolment.programme {
                let of_person = all.entry(&enrolment.institution).or_default().entry(&person.pgn).or_default();
                of_person.push(Stay { person, enrolment, programme });
            }
        }
    }
    all
}

/// The delivery of institution `brin` for the days `from` to `to`, made five days later.
pub(super) fn delivery(brin: &str, of_brin: &Students<'_>, from: i32, to: i32) -> File {
    let mut lines = Lines::default();
    let mut count = Counts::default();
    lines.plain('|', &["VLP", brin, &iso(from), &iso(to), &iso(to + 5)]);
    // Ascending by BSN; who has only an onderwijsnummer comes last.
    let is_onr = |stays: &Vec<Stay<'_>>| stays.first().is_some_and(|s| s.person.is_onr);
    let (without_bsn, with_bsn): (Vec<_>, Vec<_>) = of_brin.values().partition(|stays| is_onr(stays));
    for stays in with_bsn.into_iter().chain(without_bsn) {
        person(&mut lines, &mut count, stays);
    }
    let totals = [count.per, count.isg, count.isp, 0, 0, count.dip, 0, 0, 0].map(|n: u64| n.to_string());
    let mut slr = vec!["SLR"];
    slr.extend(totals.iter().map(String::as_str));
    lines.plain('|', &slr);
    let rows = lines.rows();
    let name = format!("duo/RO_{brin}_{}_{}.csv", compact(from), compact(to));
    File { name, rows, bytes: lines.utf8() }
}

#[derive(Default)]
struct Counts {
    per: u64,
    isg: u64,
    isp: u64,
    dip: u64,
}

fn person(lines: &mut Lines, count: &mut Counts, stays: &[Stay<'_>]) {
    let Some(Stay { person, .. }) = stays.first() else { return };
    let (bsn, onr) = person.bsn_onr();
    lines.plain('|', &["PER", bsn, onr, &iso(person.birth()), person.sex()]);
    count.per += 1;
    for (k, stay) in stays.iter().enumerate() {
        let number = format!("C{}", k + 1);
        let end = stay.end().map(iso).unwrap_or_default();
        let reason = stay.end().map_or("", |_| reason(stays, k));
        let begin = stay.enrolment.begin;
        lines.plain('|', &["ISG", bsn, onr, &number, &iso(begin), &iso(planned_end(stay)), &end, reason]);
        count.isg += 1;
        for start in period_starts(stay) {
            period(lines, stay, &number, start);
            count.isp += 1;
        }
    }
    for (k, stay) in stays.iter().enumerate() {
        let Some(diploma) = stay.enrolment.diploma else { continue };
        let (result, number) = ((700_001 + k).to_string(), format!("C{}", k + 1));
        let (crebo, provider) = (stay.programme.crebo(), provider(stay));
        lines.plain('|', &["DIP", bsn, onr, &result, &crebo, &iso(diploma), "", "J", &number, &provider]);
        count.dip += 1;
    }
}

fn period(lines: &mut Lines, stay: &Stay<'_>, number: &str, start: i32) {
    let (bsn, onr) = stay.person.bsn_onr();
    let (crebo, track) = (stay.programme.crebo(), if stay.programme.bbl { "BBL" } else { "BOL" });
    let funded = if start == stay.enrolment.begin { "J" } else { "N" };
    let (begin, provider) = (iso(start), provider(stay));
    lines.plain('|', &["ISP", bsn, onr, number, &begin, &crebo, track, "", funded, "", &provider, "999X001", "", ""]);
}

/// First days of the periods: one, or a second one after a change of funding inside the enrolment.
fn period_starts(stay: &Stay<'_>) -> Vec<i32> {
    let (begin, second) = (stay.enrolment.begin, stay.enrolment.begin + FUNDING_CHANGES_AFTER);
    let has_second = stay.person.at.is_multiple_of(HAS_SECOND_PERIOD) && stay.is_on(second);
    if has_second { vec![begin, second] } else { vec![begin] }
}

/// The programme's years after the begin, on 31 July.
fn planned_end(stay: &Stay<'_>) -> i32 {
    let year = Day(stay.enrolment.begin).date().expect("days of a region lie in the calendar").year();
    day(year + stay.programme.niveau as i16, 7, 30) + 1
}

/// Reason of leaving (`formats.md` §13): 08 with a diploma or when the next enrolment is here, 04 when it is elsewhere, else one
/// of 01, 04, 05.
fn reason(stays: &[Stay<'_>], k: usize) -> &'static str {
    let stay = &stays[k];
    let own = &stay.person.school.enrolments;
    let goes_on = own.iter().any(|e| e.pupil == stay.person.at && e.begin > stay.enrolment.begin);
    match (stay.enrolment.diploma.is_some() || k + 1 < stays.len(), goes_on) {
        (true, _) => "08",
        (false, true) => "04",
        (false, false) => ["01", "04", "05"][stay.person.at % 3],
    }
}

/// RIO code of the part of the institution: one per niveau.
fn provider(stay: &Stay<'_>) -> String {
    format!("999A{:03}", stay.programme.niveau)
}
