//! TBGI: funding per enrolment and diploma, in XML (`formats.md` §5). Spec and files spell some names differently, so
//! names are compared in small letters. A row's place is the number of its element.

use std::collections::BTreeMap;

use super::super::build::Cell;
use super::super::canonical::{BRIN, CREBO, FUNDED, ID_KIND, LEVEL, SOURCE, TRACK, diploma, key, may, must};
use super::super::faults::Faults;
use super::super::held::Holding;
use super::super::xml::{Node, walk};
use super::super::{Adapter, ColumnSpec, Head, Kind, Options, Reader, TableSpec, table_of};
use super::values::{day, is_brin, is_pgn, level, person, whole_number};
use crate::ingest::files::InputFile;
use crate::ingest::{Dialect, Fault, InputError};
use crate::study::file::{Format, IdKind};
use crate::vocab::Day;

static COUNTED: [ColumnSpec; 15] = [
    key(IdKind::Pgn),
    ID_KIND,
    BRIN,
    must("enrol_no", Kind::Text, "inschrijvingsnummer", "number of the enrolment"),
    must("enrol_start", Kind::Date, "begin van de inschrijving", "start of the enrolment"),
    may("enrol_planned_end", Kind::Date, "gepland einde", "planned end"),
    may("enrol_end", Kind::Date, "werkelijk einde", "actual end"),
    must("count_date", Kind::Date, "teldatum", "day of the count"),
    CREBO,
    LEVEL,
    TRACK,
    may("route_phase", Kind::Text, "fase van de leerroute", "phase of the route"),
    may("fundable", Kind::Text, "bekostigbaar (J/N)", "may be funded (J/N)"),
    FUNDED,
    SOURCE,
];
static DIPLOMA: [ColumnSpec; 11] = diploma(IdKind::Pgn);
static TABLES: [TableSpec; 2] =
    [TableSpec { name: "enrolment", columns: &COUNTED }, TableSpec { name: "diploma", columns: &DIPLOMA }];

/// TBGI.
pub(in super::super) struct Tbgi;

impl Adapter for Tbgi {
    fn format(&self) -> Format {
        Format::DuoTbgi
    }

    fn tables(&self) -> &'static [TableSpec] {
        &TABLES
    }

    fn detect(&self, head: &Head) -> bool {
        head.text.contains("<Bekostigingsgrondslagen")
    }

    fn claims_name(&self, name: &str) -> bool {
        name.starts_with("tbgi_")
    }

    fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
        let spec = table_of(&TABLES, file, options)?;
        let (mut to, mut faults) = (Holding::new(file, spec), Faults::of(file));
        let mut at = Place::default();
        let dialect = walk(file, options, |node| at.step(&node, spec, &mut faults, &mut to))?;
        if !at.is_tbgi {
            let detail = "its root is not `Bekostigingsgrondslagen`: it is no TBGI".to_string();
            return Err(InputError::WrongFormat { file: file.name.clone(), detail });
        }
        faults.end()?;
        let dialect = Dialect { format: Some(Format::DuoTbgi), table: Some(spec.name.into()), ..dialect };
        Ok(Box::new(to.finish(dialect)?))
    }
}

type Fields = BTreeMap<String, String>;

/// Where a walk through the document is.
#[derive(Default)]
struct Place {
    is_tbgi: bool,
    depth: usize,
    /// Fields of the enrolment or diploma, and of the count inside it.
    record: Fields,
    count: Fields,
    in_count: bool,
    element: u64,
}

impl Place {
    fn step(
        &mut self,
        node: &Node<'_>,
        spec: &TableSpec,
        faults: &mut Faults,
        to: &mut Holding,
    ) -> Result<(), InputError> {
        match node {
            Node::Open { name, .. } => {
                match (self.depth, *name) {
                    (0, root) => self.is_tbgi = root == "bekostigingsgrondslagen",
                    (1, _) => {
                        self.element += 1;
                        self.record.clear();
                    }
                    // The block and the date inside it have one name.
                    (2, "teldatum") => {
                        self.in_count = true;
                        self.count.clear();
                    }
                    _ => {}
                }
                self.depth += 1;
            }
            Node::Close { name, text } => {
                self.depth -= 1;
                match (self.depth, *name) {
                    (3, field) if self.in_count => {
                        self.count.insert(field.to_string(), (*text).to_string());
                    }
                    (2, "teldatum") => {
                        self.in_count = false;
                        if spec.name == "enrolment" {
                            self.count_row(faults, to)?;
                        }
                    }
                    (2, field) => {
                        self.record.insert(field.to_string(), (*text).to_string());
                    }
                    (1, "diploma") if spec.name == "diploma" => self.diploma_row(faults, to)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn count_row(&self, faults: &mut Faults, to: &mut Holding) -> Result<(), InputError> {
        let mut read = Read { place: self, faults };
        let Some((person, brin)) = read.person() else { return Ok(()) };
        let (enrolment, count) = (&self.record, &self.count);
        let start = read.day(enrolment, "datuminschrijving", true);
        let planned = read.day(enrolment, "datumuitschrijvinggepland", false);
        let end = read.day(enrolment, "datumuitschrijvingwerkelijk", false);
        let counted = read.day(count, "teldatum", true);
        let level = read.level(count);
        let of = |fields: &'_ Fields, name: &str| fields.get(name).cloned().unwrap_or_default();
        let number = read.required(enrolment, "inschrijvingvolgnummer");
        let (crebo, track) = (read.required(count, "opleidingcode"), read.required(count, "leertraject"));
        let (fundable, funded) = (flag(&of(count, "indicatiebekostigbaar")), flag(&of(count, "bekostigingsstatus")));
        let (phase, source) = (of(count, "leerroutefase"), Format::DuoTbgi.word());
        to.push(
            self.element,
            &[
                (&person).into(),
                id_kind(&person),
                (&brin).into(),
                (&number).into(),
                start.into(),
                planned.into(),
                end.into(),
                counted.into(),
                (&crebo).into(),
                level.into(),
                (&track).into(),
                (&phase).into(),
                fundable.into(),
                funded.into(),
                (&source).into(),
            ],
        )
    }

    fn diploma_row(&self, faults: &mut Faults, to: &mut Holding) -> Result<(), InputError> {
        let mut read = Read { place: self, faults };
        let Some((person, brin)) = read.person() else { return Ok(()) };
        let record = &self.record;
        let (date, level) = (read.day(record, "datumbehaald", true), read.level(record));
        let (result, crebo) = (read.required(record, "resultaatvolgnummer"), read.required(record, "opleidingcode"));
        let enrolment = record.get("inschrijvingvolgnummer").cloned().unwrap_or_default();
        let funded = flag(record.get("bekostigingsstatus").map_or("", String::as_str));
        let source = Format::DuoTbgi.word();
        to.push(
            self.element,
            &[
                (&person).into(),
                id_kind(&person),
                (&brin).into(),
                (&result).into(),
                (&enrolment).into(),
                (&crebo).into(),
                level.into(),
                date.into(),
                funded.into(),
                (&source).into(),
                Cell::None,
            ],
        )
    }
}

fn id_kind(person: &str) -> Cell<'static> {
    Cell::Text(if is_pgn(person) { "pgn" } else { "pseudo" })
}

fn flag(text: &str) -> &'static str {
    match text {
        "true" => "J",
        "false" => "N",
        _ => "",
    }
}

/// Reads fields of the current element and notes what is wrong.
struct Read<'p, 'f> {
    place: &'p Place,
    faults: &'f mut Faults,
}

impl Read<'_, '_> {
    fn person(&mut self) -> Option<(String, String)> {
        let of = |name: &str| self.place.record.get(name).map_or("", String::as_str);
        let (brin, element) = (of("brin").to_uppercase(), self.place.element);
        if !is_brin(&brin) {
            self.faults.add(Fault::UnknownCode, element, "BRIN", &brin, "it must be a BRIN like 99ZA");
        }
        let number = person(of("burgerservicenummer"), of("onderwijsnummer"));
        if number.is_none() {
            let expected = "exactly one of Burgerservicenummer and Onderwijsnummer is filled";
            self.faults.add(Fault::PersonNumber, element, "Burgerservicenummer", "", expected);
        }
        number.map(|n| (whole_number(n), brin))
    }

    fn required(&mut self, fields: &Fields, name: &str) -> String {
        let text = fields.get(name).cloned().unwrap_or_default();
        if text.is_empty() {
            self.faults.add(Fault::Required, self.place.element, name, "", "the element must not be empty");
        }
        text
    }

    fn day(&mut self, fields: &Fields, name: &str, required: bool) -> Option<Day> {
        let text = fields.get(name).map_or("", String::as_str);
        match day(text) {
            Ok(None) if required => {
                self.faults.add(Fault::Required, self.place.element, name, "", "the element must not be empty");
                None
            }
            Ok(day) => day,
            Err(()) => {
                self.faults.add(Fault::BadDate, self.place.element, name, text, "it must be a date like 2025-10-01");
                None
            }
        }
    }

    fn level(&mut self, fields: &Fields) -> &'static str {
        let text = fields.get("niveau").map_or("", String::as_str);
        match level(text) {
            Some(level) if !level.is_empty() => level,
            _ => {
                self.faults.add(Fault::UnknownCode, self.place.element, "niveau", text, "it must be MBO-1 to MBO-4");
                ""
            }
        }
    }
}
