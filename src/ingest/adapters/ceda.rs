//! CEDA's prepared Parquet of RO and GRONDSLAG (`formats.md` §6): one file per kind of record, its columns by their own
//! names. The two person numbers become one column `pupil_key`, the birth date `birth_ym`; of PER nothing else is
//! handed on than sex, first age and postcode digits. Extra support (ISE) is not read at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::super::files::InputFile;
use super::super::{Dialect, InputError};
use super::duo::values::{Date, date, person};
use super::held::columns;
use super::plain::ParquetReader;
use super::{Adapter, Batches, Head, Options, Raw, Reader};
use crate::study::file::{Format, IdKind};

/// CEDA's prepared Parquet.
pub(super) struct Ceda;

const BSN: &str = "Burgerservicenummer";
const ONR: &str = "Onderwijsnummer";
const PSEUDO: &str = "PseudoNummer";
const BIRTH: &str = "Geboortedatum";
const KEY: &str = "pupil_key";

impl Adapter for Ceda {
    fn format(&self) -> Format {
        Format::Ceda
    }

    /// Parquet is not opened to find out; a study names this format.
    fn detect(&self, _: &Head) -> bool {
        false
    }

    fn open(&self, file: &InputFile, _: &Options) -> Result<Box<dyn Reader>, InputError> {
        let inner = ParquetReader::open(file)?;
        let has = |name: &str| inner.header().iter().any(|h| h == name);
        if !has("Recordsoort") || !(has(PSEUDO) || has(BSN) || has("BRIN")) {
            let detail = "it has no columns `Recordsoort` and a person number: it is not prepared by CEDA".to_string();
            return Err(InputError::WrongFormat { file: file.name.clone(), detail });
        }
        if file.name.to_uppercase().starts_with("ISE") {
            let what = "ISE (extra support): special personal data, which".to_string();
            return Err(InputError::Unsupported { file: file.name.clone(), what });
        }
        Ok(Box::new(Prepared::new(file, inner)))
    }
}

/// Where a column comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum From {
    Place(usize),
    /// The first of these that has a number.
    Person(Vec<usize>),
    YearMonth(usize),
}

struct Prepared {
    file: String,
    inner: ParquetReader,
    header: Vec<String>,
    from: Vec<From>,
    kind: IdKind,
}

impl Prepared {
    fn new(file: &InputFile, inner: ParquetReader) -> Self {
        let names = inner.header().to_vec();
        let place = |name: &str| names.iter().position(|n| n == name);
        let is_person = |name: &str| [BSN, ONR, PSEUDO].contains(&name);
        let is_per = file.name.to_uppercase().starts_with("PER");
        let numbers: Vec<usize> = [PSEUDO, BSN, ONR].iter().filter_map(|n| place(n)).collect();
        let (mut header, mut from) = (Vec::new(), Vec::new());
        if !numbers.is_empty() {
            header.push(KEY.to_string());
            from.push(From::Person(numbers));
        }
        for (i, name) in names.iter().enumerate() {
            let is_kept =
                !is_per || ["Recordsoort", "BRIN", "Geslacht", "Leeftijd1", "Postcodecijfers"].contains(&name.as_str());
            if name == BIRTH {
                header.push("birth_ym".to_string());
                from.push(From::YearMonth(i));
            } else if !is_person(name) && is_kept {
                header.push(name.clone());
                from.push(From::Place(i));
            }
        }
        let kind = if place(PSEUDO).is_some() { IdKind::PgnIp } else { IdKind::Pgn };
        Self { file: file.name.clone(), inner, header, from, kind }
    }

    fn places(&self, column: usize) -> Vec<usize> {
        match &self.from[column] {
            From::Place(i) | From::YearMonth(i) => vec![*i],
            From::Person(all) => all.clone(),
        }
    }

    fn column(&self, batch: &RecordBatch, places: &[usize], column: usize) -> Result<ArrayRef, ArrowError> {
        let at = |place: &usize| {
            let i = places.iter().position(|p| p == place).unwrap_or_default();
            batch.column(i).clone()
        };
        match &self.from[column] {
            From::Place(i) => Ok(at(i)),
            From::YearMonth(i) => texts(&[at(i)], |cells| date(cells[0]).map(Date::year_month)),
            From::Person(all) => {
                let numbers: Vec<ArrayRef> = all.iter().map(at).collect();
                texts(&numbers, |cells| cells.iter().find_map(|c| person(c, "")).map(str::to_string))
            }
        }
    }
}

fn texts(arrays: &[ArrayRef], of: impl Fn(&[&str]) -> Option<String>) -> Result<ArrayRef, ArrowError> {
    let texts: Vec<ArrayRef> = arrays.iter().map(|a| cast(a, &DataType::Utf8)).collect::<Result<_, _>>()?;
    let texts: Vec<&StringArray> = texts.iter().map(|a| a.as_string::<i32>()).collect();
    let rows = texts.first().map_or(0, |t| t.len());
    let cells =
        |row: usize| texts.iter().map(|t| if t.is_valid(row) { t.value(row).trim() } else { "" }).collect::<Vec<_>>();
    Ok(Arc::new((0..rows).map(|row| of(&cells(row))).collect::<StringArray>()))
}

impl Reader for Prepared {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn parts(&self) -> usize {
        self.inner.parts()
    }

    fn read<'r>(&'r self, part: usize, wanted: &[usize]) -> Result<Batches<'r>, InputError> {
        let mut places: Vec<usize> = wanted.iter().flat_map(|&c| self.places(c)).collect();
        places.sort_unstable();
        places.dedup();
        let wanted = wanted.to_vec();
        let batches = self.inner.read(part, &places)?;
        Ok(Box::new(batches.map(move |raw| {
            let Raw { batch, rows } = raw?;
            let column = |&c: &usize| self.column(&batch, &places, c);
            let arrays: Result<Vec<ArrayRef>, ArrowError> = wanted.iter().map(column).collect();
            let arrays = arrays.map_err(|e| columns(&self.file, &e))?;
            let field = |(&c, a): (&usize, &ArrayRef)| Field::new(&self.header[c], a.data_type().clone(), true);
            let schema = Arc::new(Schema::new(wanted.iter().zip(&arrays).map(field).collect::<Vec<_>>()));
            let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let batch =
                RecordBatch::try_new_with_options(schema, arrays, &count).map_err(|e| columns(&self.file, &e))?;
            Ok(Raw { batch, rows })
        })))
    }

    fn ids(&self) -> BTreeMap<String, IdKind> {
        self.header.iter().filter(|h| *h == KEY).map(|h| (h.clone(), self.kind)).collect()
    }

    fn dialect(&self) -> Dialect {
        Dialect { format: Some(Format::Ceda), ..self.inner.dialect() }
    }
}
