//! What some outcomes compare an enrolment with: the pupil's leerweg, vmbo sector and age. Read only where an outcome of the
//! study needs it.

use super::plan::Plan;
use super::pupils::{NO_DAY, day_at, number_at, utf8};
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

    /// The codes of the sectors of a batch, where they are wanted.
    pub(super) fn sectors(&self, batch: &Batch, mut code: impl FnMut(&[u8]) -> u32) -> Option<Vec<Option<u32>>> {
        let (_, column) = self.0.iter().find(|(kind, _)| *kind == Kind::Sector)?;
        Some(batch.columns[*column].text().each(|text| text.filter(|t| !t.is_empty()).map(&mut code)))
    }

    /// The traits of the rows of a batch that are kept.
    pub(super) fn columns(
        &self,
        batch: &Batch,
        sectors: Option<Vec<Option<u32>>>,
        kept: &[usize],
    ) -> impl Iterator<Item = Vec<f64>> {
        self.0.iter().map(move |&(kind, column)| {
            let all = kept.iter().copied();
            let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
            match kind {
                Kind::Leerweg => {
                    let level = |text: Option<&[u8]>| text.and_then(utf8).and_then(expected_level).map(f64::from);
                    let levels = batch.columns[column].text().each(level);
                    all.map(|i| known(levels[i])).collect()
                }
                Kind::Sector => all.map(|i| known(sectors.as_ref().and_then(|s| s[i]).map(f64::from))).collect(),
                Kind::Birth => {
                    all.map(|i| known(Some(day_at(batch, column, i)).filter(|d| *d != NO_DAY).map(f64::from))).collect()
                }
                Kind::Age => all.map(|i| number_at(batch, column, i)).collect(),
            }
        })
    }

    /// The traits of all pupils, of columns in the order in which [`TraitColumns::columns`] gives them.
    pub(super) fn sorted(&self, sectors: Vec<String>, columns: impl Iterator<Item = IdVec<PupilIx, f64>>) -> Traits {
        let mut traits = Traits { sectors, ..Traits::default() };
        for ((kind, _), column) in self.0.iter().zip(columns) {
            let slot = match kind {
                Kind::Leerweg => &mut traits.level,
                Kind::Sector => &mut traits.sector,
                Kind::Birth => &mut traits.birth,
                Kind::Age => &mut traits.age,
            };
            *slot = Some(column);
        }
        traits
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
