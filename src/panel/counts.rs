//! Published counts beside doses of the same cells: school × leerweg × cohort. A masked count stays an interval, and every cell
//! that stands on one side only is counted with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::plan::ExposurePlan;
use super::sets::{DoseAt, Panel};
pub use crate::ingest::Bounds;
use crate::ingest::{Batch, InputError, Progress, Table, count, count_wants};
use crate::study::file::Counts;
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, PupilIx, SchoolIx};

/// Faults of counts that are said one by one.
const FAULTS: usize = 20;

/// A cell with a dose and an outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountCell {
    /// The school.
    pub school: SchoolIx,
    /// Position of the leerweg in the levels of its covariate; 0 where the counts are of all together.
    pub leerweg: usize,
    /// The cohort.
    pub cohort: CohortIx,
    /// Pupils of the dossier with a dose.
    pub pupils: u64,
    /// Their mean dose at the landmark, in natural units.
    pub dose: f64,
    /// Pupils of the published cell.
    pub n: Bounds,
    /// How many of them had the event.
    pub events: Bounds,
}

/// Why a cell is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountDrop {
    /// Counts of a school that the dossier does not have.
    UnknownSchool,
    /// Counts of a leerweg that the study does not name.
    UnknownLeerweg,
    /// Counts of a cohort that the dossier does not have.
    UnknownCohort,
    /// The file has no number there.
    NoCount,
    /// The file says that there were no pupils.
    NoPupils,
    /// Counts of a cell without pupils with a measured dose.
    NoDose,
    /// Pupils with a dose, and no counts.
    NoCounts,
}

impl CountDrop {
    /// The word in tables.
    pub fn id(self) -> &'static str {
        match self {
            CountDrop::UnknownSchool => "unknown_school",
            CountDrop::UnknownLeerweg => "unknown_leerweg",
            CountDrop::UnknownCohort => "unknown_cohort",
            CountDrop::NoCount => "no_count",
            CountDrop::NoPupils => "no_pupils",
            CountDrop::NoDose => "no_dose",
            CountDrop::NoCounts => "no_counts",
        }
    }

    /// The reason in words: (Dutch, English).
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            CountDrop::UnknownSchool => (
                "aantallen van een school die niet in het dossier staat",
                "counts of a school that the dossier does not have",
            ),
            CountDrop::UnknownLeerweg => (
                "aantallen van een leerweg die de studie niet noemt",
                "counts of a leerweg that the study does not name",
            ),
            CountDrop::UnknownCohort => (
                "aantallen van een cohort dat niet in het dossier staat",
                "counts of a cohort that the dossier does not have",
            ),
            CountDrop::NoCount => ("geen aantal in het bestand", "no number in the file"),
            CountDrop::NoPupils => ("nul leerlingen in het bestand", "no pupils in the file"),
            CountDrop::NoDose => ("aantallen, maar geen gemeten LOB", "counts without measured career guidance"),
            CountDrop::NoCounts => ("wel in het dossier, geen aantallen", "in the dossier, without counts"),
        }
    }
}

/// The cells of both sides.
#[derive(Clone, Debug, Default)]
pub struct CountCells {
    /// Those that meet, by school, leerweg and cohort.
    pub cells: Vec<CountCell>,
    /// How many fell out, by reason.
    pub drops: BTreeMap<CountDrop, u64>,
}

type Key = (SchoolIx, usize, CohortIx);

impl Panel<'_> {
    /// Reads the counts of a study and joins them to mean doses.
    ///
    /// # Errors
    /// Unreadable input, no number, more events than pupils, a cell that stands there twice, or no cell that meets.
    ///
    /// # Panics
    /// Never with the `[counts]` of a checked study.
    pub fn count_cells(&self, counts: &Counts, base: &Path, progress: &dyn Progress) -> Result<CountCells, InputError> {
        let study = self.plan.study;
        let leerweg = counts
            .leerweg
            .as_ref()
            .map(|_| study.covariates.iter().position(|c| c.id == counts.covariate).expect("a checked study"));
        let exposure = study.exposures.iter().position(|e| e.id == counts.exposure).expect("a checked study");
        let mut doses = self.doses_by_cell(leerweg, exposure);
        let mut found = CountCells::default();
        let places = Places::of(self, leerweg);
        for ((school, track, cohort), (n, events)) in read(counts, self, base, progress)? {
            let cell = places.find(&school, &track, &cohort).and_then(|key| {
                let (n, events) = n.zip(events).ok_or(CountDrop::NoCount)?;
                let (pupils, sum) = doses.remove(&key).ok_or(CountDrop::NoDose)?;
                if n.hi == 0 {
                    return Err(CountDrop::NoPupils);
                }
                let (school, leerweg, cohort) = key;
                Ok(CountCell { school, leerweg, cohort, pupils, dose: sum / pupils as f64, n, events })
            });
            match cell {
                Ok(cell) => found.cells.push(cell),
                Err(why) => *found.drops.entry(why).or_default() += 1,
            }
        }
        if !doses.is_empty() {
            found.drops.insert(CountDrop::NoCounts, doses.len() as u64);
        }
        if found.cells.is_empty() {
            let why: Vec<String> = found.drops.iter().map(|(why, n)| format!("{} {n}", why.id())).collect();
            return Err(InputError::NoCells { source_name: counts.source.clone(), why: why.join(", ") });
        }
        found.cells.sort_by_key(|c| (c.school, c.leerweg, c.cohort));
        Ok(found)
    }

    /// Pupils with a dose, and the sum of their doses.
    fn doses_by_cell(&self, leerweg: Option<usize>, e: usize) -> BTreeMap<Key, (u64, f64)> {
        let mut doses: BTreeMap<Key, (u64, f64)> = BTreeMap::new();
        let counts_activities = ExposurePlan::counts_activities(&self.plan.exposures[e]);
        for p in (0..self.pupils.len()).map(PupilIx::from_position) {
            let dose = self.dose(e, p, DoseAt::Landmark);
            let level = leerweg.map_or(0.0, |of| self.pupils.covariates[of][p]);
            let is_in = self.at_landmark(p).is_ok() && (!counts_activities || self.is_measured(p, self.last_dose()));
            if is_in && !dose.is_nan() && !level.is_nan() {
                let cell = doses.entry((self.pupils.school[p], level as usize, self.pupils.cohort[p])).or_default();
                *cell = (cell.0 + 1, cell.1 + dose);
            }
        }
        doses
    }
}

/// Positions of the labels that counts may name.
struct Places<'p> {
    schools: BTreeMap<&'p str, usize>,
    /// `None` where cells are of all leerwegen together.
    leerwegen: Option<BTreeMap<&'p str, usize>>,
    cohorts: BTreeMap<&'p str, usize>,
}

impl<'p> Places<'p> {
    fn of(panel: &'p Panel<'_>, leerweg: Option<usize>) -> Self {
        let pupils = &panel.pupils;
        Self {
            schools: pupils.schools.iter().map(String::as_str).zip(0..).collect(),
            leerwegen: leerweg.map(|of| pupils.levels[of].iter().map(String::as_str).zip(0..).collect()),
            cohorts: pupils.cohorts.iter().map(String::as_str).zip(0..).collect(),
        }
    }

    fn find(&self, school: &str, leerweg: &str, cohort: &str) -> Result<Key, CountDrop> {
        let school = self.schools.get(school).ok_or(CountDrop::UnknownSchool)?;
        let leerweg = match &self.leerwegen {
            Some(levels) => *levels.get(leerweg).ok_or(CountDrop::UnknownLeerweg)?,
            None => 0,
        };
        let cohort = self.cohorts.get(cohort).ok_or(CountDrop::UnknownCohort)?;
        Ok((SchoolIx::from_position(*school), leerweg, CohortIx::from_position(*cohort)))
    }
}

type Read = BTreeMap<(String, String, String), (Option<Bounds>, Option<Bounds>)>;

fn read(counts: &Counts, panel: &Panel<'_>, base: &Path, progress: &dyn Progress) -> Result<Read, InputError> {
    let table = Table::open(panel.plan.study, base, &counts.source, &count_wants(counts))?;
    let has_bounds = counts.n_hi.is_some();
    let has_leerweg = counts.leerweg.is_some();
    let (mut cells, mut faults, mut seen) = (Read::new(), Vec::new(), BTreeSet::new());
    let rejects = table.for_each(progress, |batch| {
        for row in 0..batch.rows {
            let text = |column: usize| batch.columns[column].text().get(row).unwrap_or_default().trim().to_string();
            let recoded = |column: usize| counts.recode.get(&text(column)).cloned().unwrap_or_else(|| text(column));
            let leerweg = if has_leerweg { recoded(2) } else { String::new() };
            let key = (recoded(0), leerweg, recoded(1));
            let first = usize::from(has_leerweg) + 2;
            let name = if has_leerweg {
                format!("{} · {} · {}", key.0, key.1, key.2)
            } else {
                format!("{} · {}", key.0, key.2)
            };
            let mut cell = |at: usize, column: &str| {
                bounds(batch, row, at, has_bounds).unwrap_or_else(|()| {
                    faults
                        .push(format!("{name}: `{column}` is no count; it must be a whole number, or masked as `<5`"));
                    None
                })
            };
            let (n, events) = (cell(first, &counts.n), cell(first + 1, &counts.events));
            // Of nobody nobody has the event, whether the file says so or is silent.
            let nobody = Bounds { lo: 0, hi: 0 };
            let events = if n == Some(nobody) { events.or(n) } else { events };
            if n.zip(events).is_some_and(|(n, events)| events.lo > n.hi) {
                faults.push(format!("{name}: more events than pupils"));
            }
            let is_again = !seen.insert(key.clone());
            if is_again && !counts.sum {
                faults.push(format!("{name} stands there twice; add up such rows with `sum = true`"));
            }
            cells.entry(key).and_modify(|c| *c = (plus(c.0, n), plus(c.1, events))).or_insert((n, events));
        }
    })?;
    if !faults.is_empty() || rejects.count() > panel.plan.study.study.max_reject {
        let mut said: Vec<String> = faults.iter().take(FAULTS).cloned().collect();
        if faults.is_empty() {
            said.push(rejects.to_string());
        } else if faults.len() > FAULTS {
            said.push(format!("and {} more", faults.len() - FAULTS));
        }
        return Err(InputError::BadCounts { source_name: counts.source.clone(), detail: said.join("\n  ") });
    }
    Ok(cells)
}

/// A sum with something unknown is unknown.
fn plus(a: Option<Bounds>, b: Option<Bounds>) -> Option<Bounds> {
    a.zip(b).map(|(a, b)| Bounds { lo: a.lo + b.lo, hi: a.hi + b.hi })
}

/// The count at column `at`; with bounds its upper end stands two columns further.
fn bounds(batch: &Batch, row: usize, at: usize, has_bounds: bool) -> Result<Option<Bounds>, ()> {
    let read = |column: usize| count(&batch.columns[column].text().get(row).unwrap_or_default());
    if !has_bounds {
        return read(at);
    }
    match read(at)?.zip(read(at + 2)?) {
        Some((lo, hi)) if lo.lo > hi.hi => Err(()),
        both => Ok(both.map(|(lo, hi)| Bounds { lo: lo.lo, hi: hi.hi })),
    }
}
