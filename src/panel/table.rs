//! An analysis set as an Arrow table, for `lob panel` and for whoever wants the rows elsewhere.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;

use super::sets::{DoseAt, OutcomeData, Panel, SetRow};
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, ExitKind, PupilIx};

/// Pupils of one batch of the table.
const PUPILS: usize = 16_384;

/// A column of the table.
enum Column {
    Pupil,
    School,
    Cohort,
    Period,
    Dose(usize),
    Covariate(usize),
    Outcome,
    Exit,
}

impl Panel<'_> {
    /// Columns of the table of outcome `o`: `pupil` (restricted: the pseudonym), `school`, `cohort`,
    /// `period`, one `dose_<exposure>` per exposure, the covariates, the outcome, and for an event with causes
    /// `<outcome>_exit`: the way out in this period.
    pub fn schema(&self, o: usize) -> SchemaRef {
        let mut fields = vec![
            Field::new("pupil", DataType::Utf8, false),
            Field::new("school", labels_type(), false),
            Field::new("cohort", labels_type(), false),
            Field::new("period", DataType::Int32, false),
        ];
        let number = |name: String| Field::new(name, DataType::Float64, true);
        fields.extend(self.plan.exposures.iter().map(|e| number(format!("dose_{}", e.entry.id))));
        fields.extend(self.plan.covariates.iter().map(|c| number(c.id.clone())));
        let outcome = self.plan.outcomes[o].entry;
        fields.push(number(outcome.id.clone()));
        if outcome.causes.is_some() {
            fields.push(Field::new(format!("{}_exit", outcome.id), DataType::Utf8, true));
        }
        Arc::new(Schema::new(fields))
    }

    /// The columns of [`Panel::schema`], in its order.
    fn columns(&self, o: usize) -> Vec<Column> {
        let mut columns = vec![Column::Pupil, Column::School, Column::Cohort, Column::Period];
        columns.extend((0..self.plan.exposures.len()).map(Column::Dose));
        columns.extend((0..self.plan.covariates.len()).map(Column::Covariate));
        columns.push(Column::Outcome);
        columns.extend(self.plan.outcomes[o].entry.causes.as_ref().map(|_| Column::Exit));
        columns
    }

    /// The table of outcome `o` in batches, by pupil and period. Membership of the set is decided by the
    /// first exposure: all exposures that count activities share it.
    pub fn batches(&self, o: usize) -> impl Iterator<Item = RecordBatch> + '_ {
        let first = self.deciding_exposure();
        let pupils = if self.plan.exposures.is_empty() { 0 } else { self.pupils.len() };
        let schema = self.schema(o);
        let columns = self.columns(o);
        (0..pupils).step_by(PUPILS).map(move |start| {
            let rows = self.rows_of(o, first, (start..pupils.min(start + PUPILS)).map(PupilIx::from_position)).0;
            let arrays = columns.par_iter().map(|column| self.array(o, column, &rows)).collect();
            RecordBatch::try_new(schema.clone(), arrays).expect("columns made for this schema")
        })
    }

    fn array(&self, o: usize, column: &Column, rows: &[SetRow]) -> ArrayRef {
        let is_landmark = matches!(self.outcomes[&o], OutcomeData::Binary(_) | OutcomeData::Value(_));
        let at = |r: &SetRow| if is_landmark { DoseAt::Landmark } else { DoseAt::Period(r.period) };
        let pupils = &self.pupils;
        match *column {
            Column::Pupil => self.labels(rows),
            Column::School => {
                let labels = pupils.schools.iter().map(String::as_str);
                coded(labels, rows.iter().map(|r| r.school.at()))
            }
            Column::Cohort => {
                let labels = pupils.cohorts.iter().map(String::as_str);
                coded(labels, rows.iter().map(|r| pupils.cohort[r.pupil]).map(CohortIx::at))
            }
            Column::Period => Arc::new(Int32Array::from_iter_values(rows.iter().map(|r| i32::from(r.period)))),
            Column::Dose(e) => numbers(rows.iter().map(|r| self.dose(e, r.pupil, at(r)))),
            Column::Covariate(c) => numbers(rows.iter().map(|r| pupils.covariates[c][r.pupil])),
            Column::Outcome => numbers(rows.iter().map(|r| r.y)),
            Column::Exit => {
                let exits = rows.iter().map(|r| self.exit_in(o, r).map(ExitKind::code));
                Arc::new(exits.collect::<StringArray>())
            }
        }
    }

    /// The pupils' keys as people write them.
    fn labels(&self, rows: &[SetRow]) -> ArrayRef {
        let mut labels = StringBuilder::with_capacity(rows.len(), 16 * rows.len());
        let mut last = None;
        let mut label = String::new();
        for row in rows {
            if last != Some(row.pupil) {
                label = self.pupils.label(row.pupil);
                last = Some(row.pupil);
            }
            labels.append_value(&label);
        }
        Arc::new(labels.finish())
    }
}

/// A column of labels from a short list.
pub(super) fn labels_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

pub(super) fn numbers(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(values.map(|v| Some(v).filter(|v| !v.is_nan())).collect::<Float64Array>())
}

/// Positions in a list of all labels.
pub(super) fn coded<'a>(labels: impl Iterator<Item = &'a str>, positions: impl Iterator<Item = usize>) -> ArrayRef {
    let labels: ArrayRef = Arc::new(StringArray::from_iter_values(labels));
    let keys = positions.map(|p| i32::try_from(p).expect("fewer labels than 2 147 483 648"));
    let keys = Int32Array::from_iter_values(keys);
    Arc::new(DictionaryArray::<Int32Type>::try_new(keys, labels).expect("positions inside the labels"))
}
