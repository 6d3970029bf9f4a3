//! Exports of a school's own programs, as text or workbook: pupil lists (Magister, Somtoday) and career dossiers. The
//! columns are those of the file, but for the ones that name a person or hold free text: those are never handed on.
//! Of a birth date year and month are left, of a postcode its digits.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::super::csv::{Form, TextFile};
use super::super::files::InputFile;
use super::super::{Dialect, InputError};
use super::duo::values::{Date, date, pc4};
use super::held::columns;
use super::xlsx::{is_workbook, open_workbook};
use super::{Adapter, Batches, Head, Options, Raw, Reader};
use crate::study::file::{Format, IdKind};

/// Pupil list.
pub(super) struct Las;
/// Career dossier.
pub(super) struct Dossier;

impl Adapter for Las {
    fn format(&self) -> Format {
        Format::Las
    }

    fn detect(&self, head: &Head) -> bool {
        let has = |names: &[&str]| names.iter().any(|n| head.header.iter().any(|h| h == n));
        has(&["STAMNR_STR", "STAMNR", "LEERLINGNUMMER"]) && has(&["ACHTERNAAM", "ROEPNAAM"])
    }

    fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
        open(Format::Las, file, options)
    }
}

impl Adapter for Dossier {
    fn format(&self) -> Format {
        Format::Dossier
    }

    /// Every tool has its own columns: a study names this format.
    fn detect(&self, _: &Head) -> bool {
        false
    }

    fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
        open(Format::Dossier, file, options)
    }
}

fn open(format: Format, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
    let inner: Box<dyn Reader> = if is_workbook(file)? {
        Box::new(open_workbook(file, options, format)?)
    } else {
        Box::new(TextFile::open(file, options, Form { format, quoting: true, totals: format == Format::Dossier })?)
    };
    Ok(Box::new(Masked::new(format, inner)))
}

/// What becomes of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Keep,
    Drop,
    /// Year and month of a date.
    YearMonth,
    /// Digits of a postcode.
    Pc4,
}

/// Letters and digits of a name, in small letters: `E-mail adres` → `emailadres`.
fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn fate(name: &str) -> Fate {
    const WHOLE: &[&str] = &[
        "naam",
        "leerling",
        "leerlingnaam",
        "name",
        "tussenv",
        "tussenvoegsel",
        "voorvoegsel",
        "voorletters",
        "initialen",
        "uuid",
        "adres",
        "straat",
        "huisnummer",
        "huisletter",
        "plaats",
        "woonplaats",
        "foto",
        "gebruikersnaam",
        "bsn",
        "bsnnummer",
        "burgerservicenummer",
        "onderwijsnummer",
        "nationaliteit",
        "geboorteland",
        "geboorteplaats",
        "login",
        "mobiel",
        "iban",
        "opmerking",
        "opmerkingen",
        "toelichting",
        "notitie",
        "notities",
        "reflectie",
        "reflectietekst",
        "verslag",
        "tekst",
        "omschrijvingleerling",
        "commentaar",
    ];
    const PARTS: &[&str] = &[
        "achternaam",
        "roepnaam",
        "voornaam",
        "voornamen",
        "email",
        "mail",
        "telefoon",
        "mobielnummer",
        "loginaccount",
    ];
    let name = letters(name);
    match name.as_str() {
        "geboortedatum" | "gebdatum" | "birthdate" | "dateofbirth" => Fate::YearMonth,
        "postcode" | "zip" => Fate::Pc4,
        n if WHOLE.contains(&n) || PARTS.iter().any(|p| n.contains(p)) => Fate::Drop,
        _ => Fate::Keep,
    }
}

/// True for a column of a pupil list or dossier that every school has and that says nothing of one pupil by its name, and for all
/// columns of other formats. What else such an export holds nobody knows beforehand: its column is told by its number.
pub fn may_be_named(format: Option<Format>, name: &str) -> bool {
    const KNOWN: &[&str] = &[
        "activiteit",
        "activiteitnaam",
        "afdeling",
        "blad",
        "brin",
        "datum",
        "duur",
        "einddatum",
        "geboortedatum",
        "geslacht",
        "invoerdatum",
        "klas",
        "leerjaar",
        "leerweg",
        "lesgroep",
        "minuten",
        "niveau",
        "opleiding",
        "postcode",
        "profiel",
        "profielcode",
        "school",
        "schooljaar",
        "soort",
        "startdatum",
        "status",
        "studie",
        "systeem",
        "uitvoerder",
        "vestiging",
    ];
    let is_export = matches!(format, Some(Format::Las | Format::Dossier));
    !is_export || id_kind(name).is_some() || KNOWN.contains(&letters(name).as_str())
}

fn id_kind(name: &str) -> Option<IdKind> {
    match letters(name).as_str() {
        "stamnrstr" | "stamnr" | "stamnummer" | "leerlingnummer" | "leerlingnr" | "llnr" => {
            Some(IdKind::Leerlingnummer)
        }
        "eckid" => Some(IdKind::Eckid),
        "pgn" | "persoonsgebondennummer" => Some(IdKind::Pgn),
        _ => None,
    }
}

/// A reader that hands on what a study may see.
struct Masked {
    format: Format,
    inner: Box<dyn Reader>,
    header: Vec<String>,
    /// Place in the file and fate of each column of `header`.
    places: Vec<(usize, Fate)>,
    hidden: usize,
}

impl Masked {
    fn new(format: Format, inner: Box<dyn Reader>) -> Self {
        let fates = inner.header().iter().enumerate().map(|(i, name)| (i, name.clone(), fate(name)));
        let kept: Vec<(usize, String, Fate)> = fates.filter(|(.., f)| *f != Fate::Drop).collect();
        let hidden = inner.header().len() - kept.len();
        let header = kept.iter().map(|(_, name, _)| name.clone()).collect();
        Self { format, inner, header, places: kept.into_iter().map(|(i, _, fate)| (i, fate)).collect(), hidden }
    }

    fn mask(&self, raw: &RecordBatch, wanted: &[usize]) -> Result<RecordBatch, InputError> {
        let error = |e| columns("the export", &e);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(wanted.len());
        let mut fields = Vec::with_capacity(wanted.len());
        for (array, &column) in raw.columns().iter().zip(wanted) {
            let array = match self.places[column].1 {
                Fate::Keep | Fate::Drop => array.clone(),
                Fate::YearMonth => texts(array, |cell| date(cell).map(Date::year_month)).map_err(error)?,
                Fate::Pc4 => {
                    texts(array, |cell| Some(pc4(cell).to_string()).filter(|p| !p.is_empty())).map_err(error)?
                }
            };
            fields.push(Field::new(&self.header[column], array.data_type().clone(), true));
            arrays.push(array);
        }
        let count = RecordBatchOptions::new().with_row_count(Some(raw.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &count).map_err(error)
    }
}

fn texts(array: &ArrayRef, shorten: impl Fn(&str) -> Option<String>) -> Result<ArrayRef, arrow::error::ArrowError> {
    let text = cast(array, &DataType::Utf8)?;
    let text = text.as_string::<i32>();
    let short: StringArray =
        (0..text.len()).map(|i| text.is_valid(i).then(|| shorten(text.value(i).trim())).flatten()).collect();
    Ok(Arc::new(short))
}

impl Reader for Masked {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn parts(&self) -> usize {
        self.inner.parts()
    }

    fn read<'r>(&'r self, part: usize, wanted: &[usize]) -> Result<Batches<'r>, InputError> {
        let inner: Vec<usize> = wanted.iter().map(|&c| self.places[c].0).collect();
        let wanted = wanted.to_vec();
        let batches = self.inner.read(part, &inner)?;
        Ok(Box::new(batches.map(move |raw| {
            let Raw { batch, rows } = raw?;
            Ok(Raw { batch: self.mask(&batch, &wanted)?, rows })
        })))
    }

    fn ids(&self) -> BTreeMap<String, IdKind> {
        self.header.iter().filter_map(|name| Some((name.clone(), id_kind(name)?))).collect()
    }

    fn is_text(&self) -> bool {
        self.inner.is_text()
    }

    fn dialect(&self) -> Dialect {
        let mut dialect = Dialect { format: Some(self.format), ..self.inner.dialect() };
        if self.hidden > 0 {
            dialect.notes.push(format!("{} columns name a person or hold free text: they were not read", self.hidden));
        }
        dialect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_name_a_person_are_dropped() {
        for name in [
            "Achternaam",
            "Tussenv",
            "Roepnaam",
            "loginaccount.naam",
            "email",
            "mobielNummer",
            "UUID",
            "Naam",
            "BSN",
            "Reflectie",
        ] {
            assert_eq!(fate(name), Fate::Drop, "{name}");
        }
        for name in [
            "Stamnr_str",
            "Klas",
            "Studie",
            "profiel.code",
            "Activiteit",
            "Datum",
            "Minuten",
            "Activiteitnaam",
            "geslacht",
        ] {
            assert_eq!(fate(name), Fate::Keep, "{name}");
        }
        let told = |format, name| may_be_named(Some(format), name);
        assert!(["Stamnr_str", "Klas", "profiel.code", "Minuten"].iter().all(|name| told(Format::Las, name)));
        assert!(!told(Format::Dossier, "Coach J. de Kanarie") && told(Format::Csv, "Coach"));
        assert_eq!((fate("geboortedatum"), fate("Postcode")), (Fate::YearMonth, Fate::Pc4));
        assert_eq!(id_kind("Stamnr_str"), Some(IdKind::Leerlingnummer));
    }
}
