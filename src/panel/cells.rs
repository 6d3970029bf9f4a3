//! The cells set: one row per school and cohort, for designs that use changes of a school's programme over cohorts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use super::plan::ExposurePlan;
use super::sets::{DoseAt, OutcomeData, Panel};
use super::table::{coded, labels_type, numbers};
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, SchoolIx};

/// A school and cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The school.
    pub school: SchoolIx,
    /// The cohort.
    pub cohort: CohortIx,
    /// Pupils in the landmark set of the outcome.
    pub pupils: u64,
    /// Sum of the outcome: for a yes or no the pupils who had it.
    pub outcome: f64,
    /// Mean dose at the landmark of each exposure of the study, in its natural unit, over the pupils with a dose; NaN when
    /// there are none.
    pub doses: Vec<f64>,
}

/// Sum and number, per exposure.
type Sums = Vec<(f64, f64)>;

impl Panel<'_> {
    /// The cells of a landmark outcome, by school and cohort; `None` for an event or scores, which have no landmark. Pupils
    /// are those of [`Panel::batches`].
    pub fn cells(&self, o: usize) -> Option<Vec<Cell>> {
        if !matches!(self.outcomes[&o], OutcomeData::Binary(_) | OutcomeData::Value(_)) {
            return None;
        }
        let exposures = 0..self.plan.exposures.len();
        let mut cells: BTreeMap<(SchoolIx, CohortIx), (u64, f64, Sums)> = BTreeMap::new();
        let rows = if exposures.is_empty() { Vec::new() } else { self.rows(o, self.deciding_exposure()).0 };
        for row in rows {
            let key = (row.school, self.pupils.cohort[row.pupil]);
            let cell = cells.entry(key).or_insert_with(|| (0, 0.0, vec![(0.0, 0.0); exposures.len()]));
            cell.0 += 1;
            cell.1 += row.y;
            for (e, sum) in exposures.clone().zip(&mut cell.2) {
                let dose = self.dose(e, row.pupil, DoseAt::Landmark);
                if !dose.is_nan() {
                    *sum = (sum.0 + dose, sum.1 + 1.0);
                }
            }
        }
        let cell = |((school, cohort), (pupils, outcome, sums)): (_, (u64, f64, Sums))| {
            let doses = sums.into_iter().map(|(sum, n)| sum / n).collect();
            Cell { school, cohort, pupils, outcome, doses }
        };
        Some(cells.into_iter().map(cell).collect())
    }

    /// The exposure that decides who is in a table of all exposures: the first that counts activities, as all of those share
    /// who is measured.
    pub(super) fn deciding_exposure(&self) -> usize {
        self.plan.exposures.iter().position(ExposurePlan::counts_activities).unwrap_or(0)
    }

    /// The cells as a table: `school`, `cohort`, `pupils`, `<outcome>` (its sum), one `dose_<exposure>` (its mean) per exposure.
    pub fn cells_table(&self, o: usize) -> Option<RecordBatch> {
        let cells = self.cells(o)?;
        let pupils = &self.pupils;
        let mut fields = vec![
            Field::new("school", labels_type(), false),
            Field::new("cohort", labels_type(), false),
            Field::new("pupils", DataType::Int64, false),
            Field::new(self.plan.outcomes[o].entry.id.clone(), DataType::Float64, true),
        ];
        let dose = |e: &ExposurePlan<'_>| Field::new(format!("dose_{}", e.entry.id), DataType::Float64, true);
        fields.extend(self.plan.exposures.iter().map(dose));
        let counts = cells.iter().map(|c| i64::try_from(c.pupils).expect("fewer pupils than 2^63"));
        let mut arrays = vec![
            coded(pupils.schools.iter().map(String::as_str), cells.iter().map(|c| c.school.at())),
            coded(pupils.cohorts.iter().map(String::as_str), cells.iter().map(|c| c.cohort.at())),
            Arc::new(Int64Array::from_iter_values(counts)),
            numbers(cells.iter().map(|c| c.outcome)),
        ];
        arrays.extend((0..self.plan.exposures.len()).map(|e| numbers(cells.iter().map(|c| c.doses[e]))));
        Some(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns made for this schema"))
    }
}
