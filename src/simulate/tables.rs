//! Everything that was drawn, as Arrow batches: one function per table, one line per column.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray};

use super::activity::Event;
use super::after::{Enrolment, Programme};
use super::calendar::CohortDates;
use super::pupil::{Pupil, pseudonym};
use super::region::SimulatedSchool;
use super::truth::TruthRow;

/// Names of the data tables, in the order in which they are made.
pub(super) const NAMES: [&str; 6] = ["school", "leerling", "activiteit", "inschrijving", "uitval", "competentie"];

/// The scale that is measured.
const SCALE: &str = "loopbaanreflectie";

/// The tables of some schools, in the order of [`NAMES`].
pub(super) fn of_schools(schools: &[SimulatedSchool]) -> [RecordBatch; 6] {
    [
        school(schools),
        leerling(schools),
        activiteit(schools),
        inschrijving(schools),
        uitval(schools),
        competentie(schools),
    ]
}

/// A column: name, values, whether a value may be missing.
struct Column(&'static str, ArrayRef, bool);

fn batch(columns: Vec<Column>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|c| (c.0, c.1, c.2)))
        .expect("all columns come from the same rows, and only nullable ones have nulls")
}

fn text<'a>(name: &'static str, values: impl Iterator<Item = &'a str>) -> Column {
    Column(name, Arc::new(StringArray::from_iter_values(values)), false)
}

fn owned(name: &'static str, values: impl Iterator<Item = String>) -> Column {
    Column(name, Arc::new(StringArray::from_iter_values(values)), false)
}

fn maybe_text<'a>(name: &'static str, values: impl Iterator<Item = Option<&'a str>>) -> Column {
    Column(name, Arc::new(values.collect::<StringArray>()), true)
}

fn date(name: &'static str, values: impl Iterator<Item = i32>) -> Column {
    Column(name, Arc::new(Date32Array::from_iter_values(values)), false)
}

fn maybe_date(name: &'static str, values: impl Iterator<Item = Option<i32>>) -> Column {
    Column(name, Arc::new(values.collect::<Date32Array>()), true)
}

fn int(name: &'static str, values: impl Iterator<Item = i32>) -> Column {
    Column(name, Arc::new(Int32Array::from_iter_values(values)), false)
}

fn maybe_int(name: &'static str, values: impl Iterator<Item = Option<i32>>) -> Column {
    Column(name, Arc::new(values.collect::<Int32Array>()), true)
}

fn float(name: &'static str, values: impl Iterator<Item = f64>) -> Column {
    Column(name, Arc::new(Float64Array::from_iter_values(values)), false)
}

fn school(schools: &[SimulatedSchool]) -> RecordBatch {
    let each = || schools.iter().map(|s| &s.school);
    batch(vec![
        text("school", each().map(|s| s.key.as_str())),
        text("naam", each().map(|s| s.name.as_str())),
        owned("regio", each().map(|s| format!("Regio {:02}", s.region))),
        date("registratie_start", each().map(|s| s.registers_since)),
    ])
}

/// A pupil with the school, the dates of the cohort and the day of dropout.
struct PupilRow<'a> {
    school: &'a str,
    pupil: &'a Pupil,
    dates: &'a CohortDates,
    left: Option<i32>,
}

fn leerling(schools: &[SimulatedSchool]) -> RecordBatch {
    let each = || {
        schools.iter().flat_map(|s| {
            s.pupils.iter().zip(&s.left_vmbo).map(|(pupil, left)| PupilRow {
                school: &s.school.key,
                pupil,
                dates: &s.cohorts[pupil.cohort],
                left: *left,
            })
        })
    };
    let ses = each().map(|r| r.pupil.ses_known.then_some(r.pupil.ses));
    batch(vec![
        owned("pseudo_id", each().map(|r| pseudonym(r.pupil.id))),
        text("school", each().map(|r| r.school)),
        int("cohort", each().map(|r| i32::from(r.dates.exam_year))),
        text("leerweg", each().map(|r| r.pupil.leerweg.code())),
        text("geslacht", each().map(|r| if r.pupil.girl { "V" } else { "M" })),
        float("leeftijd", each().map(|r| r.pupil.age)),
        Column("ses_woa", Arc::new(ses.collect::<Float64Array>()), true),
        Column("lwoo", Arc::new(each().map(|r| Some(r.pupil.lwoo)).collect::<BooleanArray>()), false),
        text("schooladvies", each().map(|r| r.pupil.advice)),
        int("verzuim_lj2", each().map(|r| r.pupil.absence)),
        date("begin_lj3", each().map(|r| r.dates.origin)),
        date("landmark", each().map(|r| r.dates.landmark)),
        date("einde", each().map(|r| r.dates.landmark - 1)),
        date("ingeschreven_van", each().map(|r| r.dates.enrolled)),
        date("ingeschreven_tot", each().map(|r| r.left.unwrap_or(r.dates.landmark - 1))),
        text("koppelstatus", each().map(|r| r.pupil.link.code())),
    ])
}

fn activiteit(schools: &[SimulatedSchool]) -> RecordBatch {
    let rows: Vec<(u64, &Event)> = schools
        .iter()
        .flat_map(|s| {
            let known = s.pupils.iter().zip(&s.activities.of_pupil);
            let known = known.flat_map(|(pupil, events)| events.iter().map(|e| (pupil.id, e)));
            known.chain(s.activities.unknown.iter().map(|(id, e)| (*id, e)))
        })
        .collect();
    batch(vec![
        owned("pseudo_id", rows.iter().map(|r| pseudonym(r.0))),
        date("datum", rows.iter().map(|r| r.1.day)),
        text("code", rows.iter().map(|r| r.1.code())),
        maybe_int("duur_min", rows.iter().map(|r| r.1.minutes)),
        text("bron_systeem", rows.iter().map(|r| r.1.source)),
        date("invoer_datum", rows.iter().map(|r| r.1.entered)),
    ])
}

fn inschrijving(schools: &[SimulatedSchool]) -> RecordBatch {
    let rows: Vec<(u64, &Enrolment)> =
        schools.iter().flat_map(|s| s.enrolments.iter().map(|e| (s.pupils[e.pupil].id, e))).collect();
    let programmes = || rows.iter().map(|r| r.1.programme);
    let crebos: Vec<Option<String>> = programmes().map(|p| p.map(Programme::crebo)).collect();
    let sector = |p: Option<Programme>| if p.is_some() { "mbo" } else { "havo" };
    batch(vec![
        owned("pseudo_id", rows.iter().map(|r| pseudonym(r.0))),
        date("begin", rows.iter().map(|r| r.1.begin)),
        maybe_date("eind", rows.iter().map(|r| r.1.end)),
        text("sector", programmes().map(sector)),
        maybe_text("crebo", crebos.iter().map(Option::as_deref)),
        maybe_text("domein", programmes().map(|p| p.map(Programme::domein))),
        maybe_int("niveau", programmes().map(|p| p.map(|p| p.niveau))),
        maybe_text("leerweg_mbo", programmes().map(|p| p.map(|p| if p.bbl { "BBL" } else { "BOL" }))),
        text("instelling", rows.iter().map(|r| r.1.institution.as_str())),
        maybe_date("diploma_datum", rows.iter().map(|r| r.1.diploma)),
    ])
}

fn uitval(schools: &[SimulatedSchool]) -> RecordBatch {
    let rows: Vec<(u64, i32)> = schools
        .iter()
        .flat_map(|s| {
            let vmbo = s.left_vmbo.iter().enumerate().filter_map(|(i, day)| day.map(|d| (i, d)));
            vmbo.chain(s.left_mbo.iter().copied()).map(|(i, day)| (s.pupils[i].id, day))
        })
        .collect();
    batch(vec![owned("pseudo_id", rows.iter().map(|r| pseudonym(r.0))), date("datum", rows.iter().map(|r| r.1))])
}

fn competentie(schools: &[SimulatedSchool]) -> RecordBatch {
    let each = || schools.iter().flat_map(|s| s.scores.iter().map(|score| (s.pupils[score.pupil].id, score)));
    batch(vec![
        owned("pseudo_id", each().map(|r| pseudonym(r.0))),
        date("datum", each().map(|r| r.1.day)),
        text("schaal", each().map(|_| SCALE)),
        float("score", each().map(|r| r.1.value)),
    ])
}

/// The truth table.
pub(super) fn truth(rows: &[TruthRow]) -> RecordBatch {
    batch(vec![
        text("outcome", rows.iter().map(|r| r.outcome)),
        text("level", rows.iter().map(|r| r.level)),
        maybe_text("school", rows.iter().map(|r| r.school.as_deref())),
        text("term", rows.iter().map(|r| r.term.as_str())),
        float("value", rows.iter().map(|r| r.value)),
        text("unit", rows.iter().map(|r| r.unit)),
    ])
}
