//! EDEXML and UWLR (`formats.md` §12): pupils with their group. Names, birth dates and everything else are read past.
//! A row's place is the number of its pupil in the file.

use super::super::files::InputFile;
use super::super::{Dialect, Fault, InputError};
use super::canonical::{SCHOOL, SOURCE, may, must};
use super::duo::values::is_brin;
use super::faults::Faults;
use super::held::Holding;
use super::xml::{Node, attribute, walk};
use super::{Adapter, ColumnSpec, Head, Kind, Options, Reader, TableSpec, table_of};
use crate::study::file::{Format, IdKind};

static PUPIL: [ColumnSpec; 8] = [
    may("eckid", Kind::Id(IdKind::Eckid), "ECK iD (pseudoniem)", "ECK iD (pseudonym)"),
    must(
        "las_key",
        Kind::Id(IdKind::Leerlingnummer),
        "sleutel in de leerlingadministratie",
        "key in the administration",
    ),
    SCHOOL,
    must("school_year", Kind::Text, "schooljaar", "school year"),
    may("jaargroep", Kind::Text, "jaargroep", "year group"),
    may("group_key", Kind::Text, "groep", "group"),
    may("composite_group", Kind::Text, "samengestelde groep", "composite group"),
    SOURCE,
];
static TABLES: [TableSpec; 1] = [TableSpec { name: "pupil", columns: &PUPIL }];

/// EDEXML and UWLR.
pub(super) struct Edexml;

impl Adapter for Edexml {
    fn format(&self) -> Format {
        Format::Edexml
    }

    fn tables(&self) -> &'static [TableSpec] {
        &TABLES
    }

    fn detect(&self, head: &Head) -> bool {
        let text = head.text.trim_start();
        text.starts_with('<') && (text.contains("leerlinggegevens") || text.contains("<EDEX") || text.contains(":EDEX"))
    }

    fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
        let spec = table_of(&TABLES, file, options)?;
        let (mut to, mut faults) = (Holding::new(file, spec), Faults::of(file));
        let mut at = Place::default();
        let dialect = walk(file, options, |node| at.step(&node, &mut faults, &mut to))?;
        if at.pupils == 0 {
            let detail = "it holds no element `leerling`: it is no EDEXML".to_string();
            return Err(InputError::WrongFormat { file: file.name.clone(), detail });
        }
        faults.end()?;
        let dialect = Dialect { format: Some(Format::Edexml), table: Some(spec.name.into()), ..dialect };
        Ok(Box::new(to.finish(dialect)?))
    }
}

#[derive(Default)]
struct Place {
    brin: String,
    dependance: String,
    school_year: String,
    in_pupil: bool,
    pupils: u64,
    key: String,
    eckid: String,
    year_group: String,
    group: String,
    composite: String,
}

impl Place {
    fn step(&mut self, node: &Node<'_>, faults: &mut Faults, to: &mut Holding) -> Result<(), InputError> {
        match node {
            Node::Open { name: "leerling", attributes } => {
                self.pupils += 1;
                self.in_pupil = true;
                self.key = attribute(attributes, "key").to_string();
                self.eckid = attribute(attributes, "eckid").to_string();
                for field in [&mut self.year_group, &mut self.group, &mut self.composite] {
                    field.clear();
                }
            }
            Node::Open { name: "groep", attributes } if self.in_pupil => {
                self.group = attribute(attributes, "key").to_string();
            }
            Node::Open { name: "samengestelde_groep", attributes } if self.in_pupil => {
                self.composite = attribute(attributes, "key").to_string();
            }
            Node::Close { name: "jaargroep", text } if self.in_pupil => self.year_group = (*text).to_string(),
            Node::Close { name: "brincode", text } => self.brin = text.to_uppercase(),
            Node::Close { name: "dependancecode", text } => self.dependance = (*text).to_string(),
            Node::Close { name: "schooljaar", text } => self.school_year = (*text).to_string(),
            Node::Close { name: "leerling", .. } => {
                self.in_pupil = false;
                self.row(faults, to)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn row(&self, faults: &mut Faults, to: &mut Holding) -> Result<(), InputError> {
        if self.key.is_empty() && self.eckid.is_empty() {
            faults.add(Fault::PersonNumber, self.pupils, "leerling", "", "a pupil has a key or an eckid");
        }
        if !is_brin(&self.brin) {
            faults.add(Fault::UnknownCode, self.pupils, "brincode", &self.brin, "it must be a BRIN like 98VA");
        }
        let school = format!("{}{:0>2}", self.brin, self.dependance);
        let source = Format::Edexml.word();
        to.push(
            self.pupils,
            &[
                (&self.eckid).into(),
                (&self.key).into(),
                (&school).into(),
                (&self.school_year).into(),
                (&self.year_group).into(),
                (&self.group).into(),
                (&self.composite).into(),
                (&source).into(),
            ],
        )
    }
}
