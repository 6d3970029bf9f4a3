//! The region as the files that schools and mbo institutions really have: DUO's registers and lists, pupil lists of the schools'
//! administrations, exports of the loopbaandossier, published counts. Pure: schools in, bytes out.
//!
//! | file | what it writes |
//! |---|---|
//! | `person.rs` | person numbers from the test range, pupil numbers, classes |
//! | `text.rs` | separated lines, days, decimal commas, Windows-1252 |
//! | `ro.rs` | RO of one mbo institution |
//! | `vsv.rs`, `monthly.rs` | NenR and NRSP (V and D), A04 and A05 |
//! | `las.rs` | pupil lists, crosswalk, havo |
//! | `dossier.rs` | registrations as CSV or workbook, scores |
//! | `counts.rs` | counts per school, leerweg and cohort, with `<5` |
//! | `registers.rs` | programmes and schools |

mod counts;
mod dossier;
mod las;
mod monthly;
mod person;
mod registers;
mod ro;
mod text;
mod vsv;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::str::FromStr;

use super::calendar::{CohortDates, day};
use super::region::SimulatedSchool;
pub use dossier::NAMES as ACTIVITY_NAMES;
use person::{Numbers, Person};
use text::Lines;

/// A form in which a region can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// The simulator's own tables.
    Parquet,
    /// RO, NenR, NRSP, A04 and A05 of each mbo institution; NenR and NRSP of each vmbo school; a register of programmes.
    Duo,
    /// Pupil lists, the crosswalk to person numbers, the list of havo pupils.
    Las,
    /// Registrations and scores as CSV.
    DossierCsv,
    /// Registrations as workbooks, scores as CSV.
    DossierXlsx,
    /// Outcomes as counts per school, leerweg and cohort.
    Counts,
}

impl Form {
    /// All forms with their names.
    pub const ALL: [(&'static str, Form); 6] = [
        ("parquet", Form::Parquet),
        ("duo", Form::Duo),
        ("las", Form::Las),
        ("dossier-csv", Form::DossierCsv),
        ("dossier-xlsx", Form::DossierXlsx),
        ("counts", Form::Counts),
    ];
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Form::ALL.map(|(name, _)| name).join(", ");
        Form::ALL
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, form)| *form)
            .ok_or_else(|| format!("one of {}", names()))
    }
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path below the region's folder, with `/`.
    pub name: String,
    /// Rows of data in it, or lines where there is no header.
    pub rows: u64,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Most pupils that have a person number of the test range.
pub fn most_pupils() -> usize {
    Numbers::new().len()
}

/// Turns schools into files, a region of schools at a time.
pub(super) struct Writer {
    forms: BTreeSet<Form>,
    numbers: Numbers,
    exam_years: (i16, i16),
    /// Pupils of the schools before.
    before: usize,
    crosswalk: Lines,
    havo: Lines,
    counts: Lines,
    schools: Lines,
}

impl Writer {
    pub fn new(forms: &[Form], cohorts: &[CohortDates]) -> Self {
        let years = cohorts.iter().map(|c| c.exam_year);
        let exam_years = (years.clone().min().unwrap_or_default(), years.max().unwrap_or_default());
        Self {
            forms: forms.iter().copied().collect(),
            numbers: Numbers::new(),
            exam_years,
            before: 0,
            crosswalk: las::crosswalk_start(),
            havo: las::havo_start(),
            counts: counts::start(),
            schools: registers::schools_start(),
        }
    }

    fn wants(&self, form: Form) -> bool {
        self.forms.contains(&form)
    }

    /// The files of schools that share their mbo institutions with each other and with no other school; in the order of schools.
    pub fn region(&mut self, schools: &[SimulatedSchool]) -> Vec<File> {
        let mut persons: Vec<Vec<Person<'_>>> = Vec::new();
        for school in schools {
            persons.push(person::of_school(school, self.before, &self.numbers));
            self.before += school.pupils.len();
        }
        let mut files = Vec::new();
        for of_school in &persons {
            las::crosswalk(&mut self.crosswalk, of_school);
            las::havo(&mut self.havo, of_school);
            counts::add(&mut self.counts, of_school);
            if let Some(first) = of_school.first() {
                registers::school(&mut self.schools, &first.school.school);
            }
            files.extend(self.wants(Form::Las).then(|| las::list(of_school)).flatten());
            files.extend(self.dossier(of_school));
            files.extend(self.vmbo_lists(of_school));
        }
        let all: Vec<Person<'_>> = persons.into_iter().flatten().collect();
        files.extend(self.institutions(&all));
        files
    }

    fn dossier(&self, persons: &[Person<'_>]) -> Vec<File> {
        let csv = self.wants(Form::DossierCsv).then(|| dossier::csv(persons)).flatten();
        let xlsx = self.wants(Form::DossierXlsx).then(|| dossier::xlsx(persons)).flatten();
        let scores = (csv.is_some() || xlsx.is_some()).then(|| dossier::scores(persons)).flatten();
        [csv, xlsx, scores].into_iter().flatten().collect()
    }

    /// NenR and NRSP of a vmbo school.
    fn vmbo_lists(&self, persons: &[Person<'_>]) -> Vec<File> {
        let Some(first) = persons.first().filter(|_| self.wants(Form::Duo)) else { return Vec::new() };
        let (brin, location) = first.school.school.key.split_at(4);
        let (from, to) = (self.exam_years.0 - 1, self.exam_years.1);
        let years = (from..=to).map(|year| (year, vsv::in_vmbo(persons, year)));
        years.flat_map(|(year, counted)| vsv::lists(brin, Some(location), year, &counted)).collect()
    }

    /// RO, NenR, NRSP and the monthly reports of the mbo institutions.
    fn institutions(&self, persons: &[Person<'_>]) -> Vec<File> {
        if !self.wants(Form::Duo) {
            return Vec::new();
        }
        let (first, last) = self.exam_years;
        let mut files = Vec::new();
        for (brin, of_brin) in ro::stays(persons) {
            files.push(ro::delivery(brin, &of_brin, day(first, 8, 1), day(last + 1, 12, 30)));
            for year in first + 1..=last + 1 {
                let counted = vsv::in_mbo(of_brin.values(), year);
                files.extend(vsv::lists(brin, None, year, &counted));
                if year == last + 1 {
                    files.extend(monthly::reports(brin, year, &counted));
                }
            }
        }
        files
    }

    /// The files that hold all schools.
    pub fn finish(self) -> Vec<File> {
        let file = |name: &str, lines: Lines, bytes: fn(Lines) -> Vec<u8>| File {
            name: name.to_string(),
            rows: lines.rows() - 1,
            bytes: bytes(lines),
        };
        let mut files = Vec::new();
        let has = |form| self.forms.contains(&form);
        if has(Form::Las) {
            files.push(file("las/koppeltabel.csv", self.crosswalk, Lines::utf8));
            files.push(file("las/havo.csv", self.havo, Lines::utf8));
            files.push(file("las/scholen.csv", self.schools, Lines::windows_1252));
        }
        if has(Form::Duo) {
            files.push(registers::programmes());
        }
        if has(Form::Counts) {
            files.push(file("open/uitkomsten_per_leerweg.csv", self.counts, Lines::utf8));
        }
        files
    }
}
