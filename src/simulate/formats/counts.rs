//! Counts per school, leerweg and cohort as open data print them: small counts masked, nothing about a person.

use std::collections::BTreeMap;

use super::person::Person;
use super::text::{Lines, school_year};
use crate::simulate::calendar::day;
use crate::simulate::pupil::Link;

/// Counts from 1 up to here are printed as `<5`.
const MASKED_TO: u64 = 4;

/// Starts the table.
pub(super) fn start() -> Lines {
    let mut lines = Lines::default();
    lines.quoted(&["VESTIGINGSCODE", "LEERWEG", "SCHOOLJAAR", "LEERLINGEN", "IN MBO", "NIET IN ONDERWIJS"]);
    lines
}

/// Counts of one school × cohort × leerweg.
#[derive(Default)]
struct Cell {
    pupils: u64,
    in_mbo: u64,
    nowhere: u64,
}

/// Adds a school's cells: pupils who finished vmbo and were followed; in mbo on 1 October; in no education a year later.
pub(super) fn add(lines: &mut Lines, persons: &[Person<'_>]) {
    let mut cells: BTreeMap<(&str, i16), Cell> = BTreeMap::new();
    for p in persons.iter().filter(|p| p.left_vmbo().is_none() && p.pupil.link == Link::Linked) {
        let cell = cells.entry((p.pupil.leerweg.code(), p.exam_year())).or_default();
        let own = || p.school.enrolments.iter().filter(|e| e.pupil == p.at);
        let on = |day: i32| own().find(|e| e.begin <= day && e.end.is_none_or(|end| day <= end));
        cell.pupils += 1;
        cell.in_mbo += u64::from(on(day(p.exam_year(), 10, 1)).is_some_and(|e| e.programme.is_some()));
        cell.nowhere += u64::from(on(day(p.exam_year() + 1, 10, 1)).is_none());
    }
    let Some(school) = persons.first().map(|p| &p.school.school.key) else { return };
    for ((leerweg, year), cell) in cells {
        let [n, in_mbo, nowhere] = [cell.pupils, cell.in_mbo, cell.nowhere].map(masked);
        lines.quoted(&[school, &format!("VMBO {leerweg}"), &school_year(year), &n, &in_mbo, &nowhere]);
    }
}

fn masked(count: u64) -> String {
    if (1..=MASKED_TO).contains(&count) { "<5".to_string() } else { count.to_string() }
}
