//! The door of a table: every batch of a file comes in here. Personal ids become pseudonyms before anything else sees
//! a value, and every other column is watched for person numbers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, Schema};
use arrow::record_batch::RecordBatch;

use super::key::{KeyError, key_of, project_of};
use super::pseudonym::{IdError, MASKED, Pseudonyms};
use super::{BsnWatch, InputError, Problem, masked};
use crate::study::Study;
use crate::study::file::IdKind;

/// Rows of each part of a file that are watched while the panel is built: enough to recognise a column of person
/// numbers. `lob check` looks at every cell of every column.
const WATCHED_ROWS: usize = 1 << 16;

/// A batch that came in.
pub(super) struct Entered {
    /// Without personal ids.
    pub(super) batch: RecordBatch,
    /// Cells that are no id of their kind.
    pub(super) no_ids: Vec<NoId>,
}

/// A cell that gets no pseudonym.
pub(super) struct NoId {
    pub(super) column: String,
    pub(super) row: usize,
    pub(super) problem: Problem,
    /// Masked.
    pub(super) shape: String,
}

/// The door of one source.
pub(super) struct Door {
    source_name: String,
    school_columns: Vec<String>,
    school: String,
    synthetic: bool,
    pseudonyms: Option<Arc<Pseudonyms>>,
    /// By column; those that are declared to hold person numbers are watched for numbers that are none.
    watches: Mutex<BTreeMap<String, BsnWatch>>,
    declared: BTreeMap<String, IdKind>,
}

impl Door {
    pub(super) fn new(name: &str, study: &Study) -> Self {
        let source = &study.sources[name];
        Self {
            source_name: name.to_string(),
            school_columns: source.id_school.0.clone(),
            school: source.id_school_is.clone().unwrap_or_default(),
            synthetic: study.privacy.synthetic,
            pseudonyms: None,
            watches: Mutex::default(),
            declared: BTreeMap::new(),
        }
    }

    /// Fetches the key when a column that is read holds personal ids.
    pub(super) fn open(
        &mut self,
        study: &Study,
        base: &Path,
        ids: &BTreeMap<String, IdKind>,
    ) -> Result<(), InputError> {
        self.declared.clone_from(ids);
        let Some((column, _)) = ids.iter().find(|(_, kind)| kind.is_personal()) else { return Ok(()) };
        let key = key_of(study, base)?.ok_or_else(|| KeyError::NotNamed {
            source_name: self.source_name.clone(),
            column: column.clone(),
            project: project_of(study).to_string(),
        })?;
        self.pseudonyms = Some(Pseudonyms::new(key));
        Ok(())
    }

    /// Lets a batch in. `seen` rows of its part came in before.
    pub(super) fn enter(
        &self,
        ids: &BTreeMap<String, IdKind>,
        batch: RecordBatch,
        seen: usize,
    ) -> Result<Entered, InputError> {
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        let mut no_ids = Vec::new();
        let mut watched: Vec<(String, BsnWatch)> = Vec::new();
        let schools = if ids.values().any(|k| k.is_of_a_school()) { self.schools(&batch) } else { Vec::new() };
        let schema = batch.schema();
        for (column, field) in columns.iter_mut().zip(schema.fields()) {
            match ids.get(field.name()) {
                Some(kind) if kind.is_personal() => {
                    let mut watch = BsnWatch::default();
                    *column = self.replaced(field.name(), *kind, column, &schools, &mut no_ids, &mut watch)?;
                    watched.push((field.name().clone(), watch));
                }
                _ if seen < WATCHED_ROWS => {
                    if let Some(watch) = watch_of(column, seen == 0) {
                        watched.push((field.name().clone(), watch));
                    }
                }
                _ => {}
            }
        }
        // A thread that panicked with the lock in hand has not left half a watch.
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watched.iter().for_each(|(name, watch)| watches.entry(name.clone()).or_default().merge(watch));
        let nullable = true;
        let fields =
            schema.fields().iter().zip(&columns).map(|(f, c)| Field::new(f.name(), c.data_type().clone(), nullable));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(schema, columns).expect("as many rows as before in every column");
        Ok(Entered { batch, no_ids })
    }

    /// The school's key in each row, from the columns that name it; empty where one of them is.
    fn schools(&self, batch: &RecordBatch) -> Vec<String> {
        let parts: Vec<StringArray> =
            self.school_columns.iter().filter_map(|name| texts(batch.column_by_name(name)?)).collect();
        let one = |row: usize| -> String {
            let of = |part: &StringArray| {
                if part.is_valid(row) { part.value(row).trim().to_string() } else { String::new() }
            };
            let parts: Vec<String> = parts.iter().map(of).collect();
            if parts.iter().any(String::is_empty) { String::new() } else { parts.concat() }
        };
        if self.school_columns.is_empty() {
            vec![self.school.clone(); batch.num_rows()]
        } else {
            (0..batch.num_rows()).map(one).collect()
        }
    }

    fn replaced(
        &self,
        name: &str,
        kind: IdKind,
        column: &ArrayRef,
        schools: &[String],
        no_ids: &mut Vec<NoId>,
        watch: &mut BsnWatch,
    ) -> Result<ArrayRef, InputError> {
        let Some(pseudonyms) = &self.pseudonyms else {
            // Only columns that are read have brought a key; this one is left out with everything in it.
            return Ok(arrow::array::new_null_array(&DataType::Utf8, column.len()));
        };
        let texts = texts(column).ok_or_else(|| InputError::WrongType {
            file: format!("sources.{}", self.source_name),
            column: name.to_string(),
            found: column.data_type().to_string(),
            wanted: "text or whole numbers",
        })?;
        let no_id = |row: usize, problem: Problem, raw: &str| NoId {
            column: name.to_string(),
            row,
            problem,
            shape: masked(raw),
        };
        let mut out = arrow::array::StringBuilder::with_capacity(column.len(), 32 * column.len());
        for (row, raw) in texts.iter().enumerate() {
            let Some(raw) = raw else {
                out.append_null();
                continue;
            };
            if kind == IdKind::Pgn
                && let Ok(Some(id)) = kind.canonical(raw)
                && !id.starts_with(MASKED)
            {
                watch.see(id.as_bytes());
            }
            let school = schools.get(row).map_or("", String::as_str);
            // It may be any school's pupil.
            if kind.is_of_a_school() && !self.school_columns.is_empty() && school.is_empty() && !raw.trim().is_empty() {
                no_ids.push(no_id(row, Problem::NoSchool, raw));
                out.append_null();
                continue;
            }
            match pseudonyms.of(kind, school, raw) {
                Ok(pseudonym) => out.append_option(pseudonym),
                Err(IdError::NotAnId) => {
                    no_ids.push(no_id(row, Problem::NotAnId, raw));
                    out.append_null();
                }
                Err(IdError::Collision) => {
                    let (source_name, column) = (self.source_name.clone(), name.to_string());
                    return Err(InputError::Collision { source_name, column });
                }
            }
        }
        Ok(Arc::new(out.finish()))
    }

    /// What the watches say when everything came in.
    pub(super) fn assert_no_person_numbers(&self) -> Result<(), InputError> {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        for (column, watch) in watches.iter() {
            let (source_name, column) = (self.source_name.clone(), column.clone());
            match self.declared.get(&column) {
                Some(IdKind::Pgn) => {
                    if let Some(share) = watch.contradicts().filter(|_| !self.synthetic) {
                        return Err(InputError::NotReal { source_name, column, share });
                    }
                }
                // Numbers of another kind were replaced, whatever they are.
                Some(kind) if kind.is_personal() => {}
                _ => {
                    if let Some(share) = watch.real() {
                        return Err(InputError::LooksLikeBsn { source_name, column, share });
                    }
                }
            }
        }
        Ok(())
    }
}

/// The cells as texts; whole numbers that are kept as decimals (`12001.0`) as whole numbers, NaN as no value.
fn texts(column: &ArrayRef) -> Option<StringArray> {
    if !column.data_type().is_floating() {
        return Some(cast(column, &DataType::Utf8).ok()?.as_string::<i32>().clone());
    }
    let numbers = cast(column, &DataType::Float64).ok()?;
    let numbers = numbers.as_primitive::<Float64Type>();
    let text = |x: f64| if x.fract() == 0.0 && x.abs() < 1e15 { format!("{x:.0}") } else { x.to_string() };
    Some(numbers.iter().map(|x| x.filter(|x| !x.is_nan()).map(text)).collect())
}

/// What a column of texts or numbers holds of person numbers; `None` for other types. Of a list of texts to which codes belong
/// either all, or those whose codes stand in the column.
pub(super) fn watch_of(column: &ArrayRef, whole_list: bool) -> Option<BsnWatch> {
    let mut watch = BsnWatch::default();
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().iter().flatten().for_each(|cell| watch.see(cell.as_bytes())),
        DataType::Dictionary(key, _) if **key == DataType::Int32 => {
            // Each code that stands there once: how often does not matter.
            let codes = column.as_dictionary::<Int32Type>();
            let texts = cast(codes.values(), &DataType::Utf8).ok()?;
            let texts = texts.as_string::<i32>();
            let mut is_wanted = vec![whole_list; texts.len()];
            let standing = codes.keys().iter().flatten().filter_map(|code| usize::try_from(code).ok());
            standing.for_each(|code| is_wanted[code] = true);
            for (text, _) in texts.iter().zip(is_wanted).filter(|(_, is_wanted)| *is_wanted) {
                text.into_iter().for_each(|text| watch.see(text.as_bytes()));
            }
        }
        DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = cast(column, &DataType::Utf8).ok()?;
            return watch_of(&texts, whole_list);
        }
        t if t.is_integer() => {
            let numbers = cast(column, &DataType::Int64).ok()?;
            numbers.as_primitive::<Int64Type>().iter().flatten().for_each(|n| watch.see_number(n));
        }
        t if t.is_numeric() => {
            let numbers = cast(column, &DataType::Float64).ok()?;
            numbers.as_primitive::<Float64Type>().iter().flatten().for_each(|x| watch.see_float(x));
        }
        DataType::Dictionary(_, _) => {
            let texts = cast(column, &DataType::Utf8).ok()?;
            return watch_of(&texts, whole_list);
        }
        _ => return None,
    }
    Some(watch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float32Array, Float64Array};

    #[test]
    fn person_numbers_that_are_kept_as_decimals_are_seen() {
        let passing: Vec<f64> = (100_000_000_u32..)
            .filter(|n| crate::ingest::eleven_test(n.to_string().as_bytes()))
            .take(40)
            .map(f64::from)
            .collect();
        let floats: ArrayRef = Arc::new(Float64Array::from(passing.clone()));
        assert_eq!(watch_of(&floats, true).and_then(|w| w.real()), Some(100));
        let decimals = cast(&floats, &DataType::Decimal128(12, 1)).expect("decimals");
        assert_eq!(watch_of(&decimals, true).and_then(|w| w.real()), Some(100));
        let words: ArrayRef = Arc::new(passing.iter().map(|x| Some(format!("{x:.1}"))).collect::<StringArray>());
        assert_eq!(watch_of(&words, true).and_then(|w| w.real()), Some(100));
        let parts: ArrayRef = Arc::new(Float64Array::from(vec![0.123_456_782, 123_456_782.5, f64::NAN]));
        assert_eq!(watch_of(&parts, true).map(|w| w.passing_cells()), Some(0));
    }

    #[test]
    fn whole_numbers_that_are_kept_as_decimals_are_the_same_ids() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(12_345_672.0), Some(f64::NAN), None, Some(1.5)]));
        let found = texts(&floats).expect("texts");
        assert_eq!(found.iter().collect::<Vec<_>>(), [Some("12345672"), None, None, Some("1.5")]);
        let small: ArrayRef = Arc::new(Float32Array::from(vec![12_001.0]));
        assert_eq!(texts(&small).expect("texts").value(0), "12001");
    }
}
