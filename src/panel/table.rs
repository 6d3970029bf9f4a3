//! An analysis set as an Arrow table, for `lob panel` and for whoever wants the rows elsewhere.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, StringArray, StringDictionaryBuilder};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::plan::DoseFrom;
use super::sets::{DoseAt, OutcomeData, Panel, SetRow};

/// Rows of one batch of the table.
const ROWS: usize = 65_536;

impl Panel<'_> {
    /// Columns of the table of outcome `o`: `pupil` (restricted: the pseudonym), `school`, `cohort`,
    /// `period`, one `dose_<exposure>` per exposure, the covariates, the outcome.
    pub fn schema(&self, o: usize) -> SchemaRef {
        let coded = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let mut fields = vec![
            Field::new("pupil", DataType::Utf8, false),
            Field::new("school", coded(), false),
            Field::new("cohort", coded(), false),
            Field::new("period", DataType::Int32, false),
        ];
        let number = |name: String| Field::new(name, DataType::Float64, true);
        fields.extend(self.plan.exposures.iter().map(|e| number(format!("dose_{}", e.entry.id))));
        fields.extend(self.plan.covariates.iter().map(|c| number(c.id.clone())));
        fields.push(number(self.plan.outcomes[o].entry.id.clone()));
        Arc::new(Schema::new(fields))
    }

    /// The table of outcome `o` in batches, by pupil and period. Membership of the set is decided by the
    /// first exposure: all exposures that count activities share it.
    pub fn batches(&self, o: usize) -> impl Iterator<Item = RecordBatch> + '_ {
        let first = self.plan.exposures.iter().position(|e| matches!(e.from, DoseFrom::Activities { .. }));
        let rows = match self.plan.exposures.is_empty() {
            true => Vec::new(),
            false => self.rows(o, first.unwrap_or(0)).0,
        };
        let schema = self.schema(o);
        let starts: Vec<usize> = (0..rows.len()).step_by(ROWS).collect();
        starts.into_iter().map(move |start| {
            let end = rows.len().min(start + ROWS);
            self.batch(o, &schema, &rows[start..end])
        })
    }

    fn batch(&self, o: usize, schema: &SchemaRef, rows: &[SetRow]) -> RecordBatch {
        let landmark = matches!(self.outcomes[&o], OutcomeData::Binary(_) | OutcomeData::Value(_));
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| self.pupils.label(r.pupil)))),
            coded(rows.iter().map(|r| self.pupils.schools[self.pupils.school[r.pupil]].as_str())),
            coded(rows.iter().map(|r| self.pupils.cohorts[self.pupils.cohort[r.pupil]].as_str())),
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|r| i32::from(r.period)))),
        ];
        for e in 0..self.plan.exposures.len() {
            columns.push(numbers(rows.iter().map(|r| {
                self.dose(e, r.pupil, if landmark { DoseAt::Landmark } else { DoseAt::Period(r.period) })
            })));
        }
        for covariate in &self.pupils.covariates {
            columns.push(numbers(rows.iter().map(|r| covariate[r.pupil])));
        }
        columns.push(numbers(rows.iter().map(|r| r.y)));
        RecordBatch::try_new(schema.clone(), columns).expect("columns made for this schema")
    }
}

fn numbers(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(values.map(|v| Some(v).filter(|v| !v.is_nan())).collect::<Float64Array>())
}

fn coded<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    for value in values {
        builder.append_value(value);
    }
    Arc::new(builder.finish())
}
