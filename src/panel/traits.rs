//! What some outcomes compare an enrolment with: the pupil's leerweg, vmbo sector and age. Read only where an outcome of the
//! study needs it.

use super::plan::Plan;
use super::pupils::{NO_DAY, day_at, number_at, text_at};
use crate::ingest::{As, Batch, Want};
use crate::vocab::leerwegen::expected_level;
use crate::vocab::{Day, IdVec, Need, PupilIx};

/// Mean length of a year in days.
pub(super) const DAYS_PER_YEAR: f64 = 365.25;

/// A trait that can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Leerweg,
    Sector,
    Birth,
    Age,
}

/// Where the traits stand in a batch.
pub(super) struct TraitColumns(Vec<(Kind, usize)>);

/// The traits of all pupils; a list that no outcome needs is empty.
#[derive(Default)]
pub(super) struct Traits {
    /// Level of mbo that is expected after the leerweg; NaN when it is unknown.
    level: Option<IdVec<PupilIx, f64>>,
    /// Position in `sectors`; NaN when it is unknown.
    sector: Option<IdVec<PupilIx, f64>>,
    sectors: Vec<String>,
    /// Day of birth.
    birth: Option<IdVec<PupilIx, f64>>,
    /// Years at the origin.
    age: Option<IdVec<PupilIx, f64>>,
}

impl TraitColumns {
    pub(super) fn new(plan: &Plan<'_>, wants: &mut Vec<Want>) -> Self {
        let (needs, p) = (plan.needs(), plan.pupils);
        let all = [
            (Need::Leerweg, &p.leerweg, Kind::Leerweg, As::Text),
            (Need::Sector, &p.sector, Kind::Sector, As::Text),
            (Need::Age, &p.birth, Kind::Birth, As::Day),
            (Need::Age, &p.age, Kind::Age, As::Number),
        ];
        let mut columns = Vec::new();
        for (need, column, kind, as_) in all {
            if let Some(column) = column.as_ref().filter(|_| needs.contains(&need)) {
                wants.push(Want::new(column, as_));
                columns.push((kind, wants.len() - 1));
            }
        }
        Self(columns)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends the traits of a row as bits of numbers.
    pub(super) fn read(
        &self,
        batch: &Batch,
        row: usize,
        text: &mut Vec<u8>,
        mut sector_code: impl FnMut(&str) -> u32,
        numbers: &mut Vec<u64>,
    ) {
        for &(kind, column) in &self.0 {
            let value = match kind {
                Kind::Leerweg => text_at(batch, column, row, text).and_then(expected_level).map(f64::from),
                Kind::Sector => {
                    text_at(batch, column, row, text).filter(|s| !s.is_empty()).map(|s| f64::from(sector_code(s)))
                }
                Kind::Birth => Some(day_at(batch, column, row)).filter(|d| *d != NO_DAY).map(f64::from),
                Kind::Age => Some(number_at(batch, column, row)),
            };
            numbers.push(value.unwrap_or(f64::NAN).to_bits());
        }
    }

    /// The traits of all pupils, from the column at each position.
    pub(super) fn sorted(&self, sectors: Vec<String>, column: impl Fn(usize) -> IdVec<PupilIx, f64>) -> Traits {
        let of = |kind: Kind| self.0.iter().position(|(k, _)| *k == kind).map(&column);
        Traits {
            level: of(Kind::Leerweg),
            sector: of(Kind::Sector),
            sectors,
            birth: of(Kind::Birth),
            age: of(Kind::Age),
        }
    }
}

impl Traits {
    /// Level of mbo that is expected after the pupil's leerweg.
    pub(super) fn expected_level(&self, p: PupilIx) -> Option<u8> {
        known(self.level.as_ref(), p).map(|level| level as u8)
    }

    /// The pupil's vmbo sector.
    pub(super) fn sector(&self, p: PupilIx) -> Option<&str> {
        known(self.sector.as_ref(), p).map(|code| self.sectors[code as usize].as_str())
    }

    /// Whether the pupil is younger than `years` on a day.
    pub(super) fn is_younger(&self, p: PupilIx, years: u8, origin: i32, on: i32) -> Option<bool> {
        if let Some(birth) = known(self.birth.as_ref(), p) {
            return Day(birth as i32).plus_months(12 * i32::from(years)).map(|birthday| birthday.0 > on);
        }
        let age = known(self.age.as_ref(), p).filter(|_| origin != NO_DAY)?;
        Some(age + f64::from(on - origin) / DAYS_PER_YEAR < f64::from(years))
    }
}

fn known(column: Option<&IdVec<PupilIx, f64>>, p: PupilIx) -> Option<f64> {
    column.map(|values| values[p]).filter(|value| !value.is_nan())
}
