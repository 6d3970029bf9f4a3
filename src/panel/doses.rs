//! The dose of each pupil before each period, summed in one streaming pass over the activities.
//!
//! Sums are whole numbers (counts, or thousandths of the unit), so they don't depend on the order of rows,
//! batches or threads. Threads collect additions per block of pupils and apply a block's additions together:
//! a block fits the processor's cache, the whole table does not.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use rayon::prelude::*;

use super::calendars::Calendars;
use super::dated::{self, DatedExposure, DatedRows};
use super::flow::{Ended, Flow, Step};
use super::keys::Found;
use super::plan::{Counted, DoseFrom, Plan};
use super::pupils::{NO_DAY, Pupils, day_at, number_at};
use super::registration::{Registration, Watch, WatchColumns};
use crate::ingest::{As, Batch, InputError, Progress, Rejects, Table, Want};
use crate::vocab::ids::Ix;
use crate::vocab::{IdVec, PupilIx, SchoolIx};

/// Thousandths: the resolution of added amounts.
const PER_UNIT: f64 = 1000.0;
const BLOCKS: usize = 64;
const PENDING: usize = 8_192;

/// Doses of all pupils.
pub struct Doses {
    blocks: Vec<Sums>,
    division: Division,
    /// Cells of a pupil.
    cells: usize,
    /// Cells of an exposure: one per period (before the origin, in period 0, 1, …) and, in studies with a
    /// landmark, one up to it.
    width: usize,
    landmark: Option<usize>,
    /// What one of a cell counts, per exposure: 1, or 1000 to the unit of an amount.
    per_unit: Vec<f64>,
    /// Whether anyone of this school × cohort has a registration that counts.
    registered: Vec<bool>,
    cohorts: usize,
    /// Quality of registration of each school and cohort.
    pub registration: Vec<Registration>,
}

impl Doses {
    /// Dose of exposure `e` known before period `k`: everything dated before the period's first day.
    pub fn before_period(&self, e: usize, p: PupilIx, k: u16) -> f64 {
        let at = self.base(p) + e * self.width;
        let block = &self.blocks[self.division.block(p)];
        let sum: u64 = (at..=at + usize::from(k)).map(|cell| u64::from(block.get(cell))).sum();
        sum as f64 / self.per_unit[e]
    }

    /// Dose of exposure `e` before the pupil's landmark.
    pub fn before_landmark(&self, e: usize, p: PupilIx) -> f64 {
        let Some(landmark) = self.landmark else { return 0.0 };
        let at = self.base(p) + e * self.width + landmark;
        f64::from(self.blocks[self.division.block(p)].get(at)) / self.per_unit[e]
    }

    /// Whether anyone of this pupil's school and cohort has a registration that counts.
    pub fn is_registered(&self, pupils: &Pupils, p: PupilIx) -> bool {
        self.registered[pupils.school[p].at() * self.cohorts + pupils.cohort[p].at()]
    }

    fn base(&self, p: PupilIx) -> usize {
        self.division.place(p) * self.cells
    }
}

/// The sums of a block.
enum Sums {
    /// All of them fit in 16 bits, as counts do.
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Sums {
    fn of(sums: Vec<u32>) -> Self {
        let narrow: Result<Vec<u16>, _> = sums.iter().map(|&sum| u16::try_from(sum)).collect();
        narrow.map_or(Sums::Wide(sums), Sums::Narrow)
    }

    fn get(&self, cell: usize) -> u32 {
        match self {
            Sums::Narrow(sums) => u32::from(sums[cell]),
            Sums::Wide(sums) => sums[cell],
        }
    }
}

/// Pupils divided over blocks of 2^`bits` pupils.
#[derive(Clone, Copy)]
struct Division {
    bits: u32,
}

impl Division {
    fn of(pupils: usize) -> Self {
        let blocks = BLOCKS.max(pupils.div_ceil(dated::MOST_PUPILS));
        Self { bits: pupils.div_ceil(blocks).next_power_of_two().trailing_zeros() }
    }

    fn size(self) -> usize {
        1 << self.bits
    }

    fn block(self, p: PupilIx) -> usize {
        p.at() >> self.bits
    }

    /// Place in the block.
    fn place(self, p: PupilIx) -> usize {
        p.at() & (self.size() - 1)
    }
}

/// One addition to a cell of a block.
#[derive(Clone, Copy)]
struct Addition {
    cell: u32,
    amount: u32,
}

struct Blocks {
    blocks: Vec<Mutex<Vec<u32>>>,
    overflow: std::sync::atomic::AtomicBool,
}

impl Blocks {
    fn apply(&self, block: usize, additions: &mut Vec<Addition>) {
        // A poisoned lock means that another thread panicked, which ends the run anyway.
        let mut cells = self.blocks[block].lock().expect("no thread panics while it adds");
        for add in additions.drain(..) {
            let cell = &mut cells[add.cell as usize];
            match cell.checked_add(add.amount) {
                Some(sum) => *cell = sum,
                None => self.overflow.store(true, std::sync::atomic::Ordering::Relaxed),
            }
        }
    }
}

/// What one thread has seen and not yet handed over.
struct Pass<'p> {
    pending: Vec<Vec<Addition>>,
    blocks: &'p Blocks,
    ended: Ended,
    known: Vec<Known>,
    registered: Vec<bool>,
    /// What each type counts for.
    types: HashMap<Vec<u8>, u64>,
    /// By dated exposure × block.
    dated: Vec<Vec<u64>>,
    dated_rows: &'p DatedRows,
    watch: Watch<'p>,
}

struct Context<'p> {
    pupils: &'p Pupils,
    calendars: &'p Calendars,
    known: IdVec<PupilIx, Known>,
    keys: std::ops::Range<usize>,
    date: usize,
    kind: Option<usize>,
    amount: Option<usize>,
    recode: HashMap<&'p [u8], &'p str>,
    /// The exposures that are counted row by row: bits 0, 1, … of a type.
    exposures: Vec<Counting>,
    /// The types of each bit, of counted exposures first and of dated ones after them; `None`: all.
    bits: Vec<Option<&'p [String]>>,
    dated: Vec<DatedExposure<'p>>,
    watch: WatchColumns,
    periods: usize,
    width: usize,
    cells: usize,
    division: Division,
    cohorts: usize,
}

/// What an activity row needs to know of its pupil, side by side: each row is of another pupil and each
/// thing kept elsewhere would be waited for.
#[derive(Clone, Copy)]
struct Known {
    /// First day that counts; [`NO_DAY`], which is before all others, where there is none.
    from: i32,
    /// Last day that counts.
    to: i32,
    /// No day is before [`NO_DAY`], so that a pupil without a landmark has no dose by it.
    landmark: i32,
    calendar: u32,
    school: u32,
    cohort: u32,
}

const NO_CALENDAR: u32 = u32::MAX;

impl Known {
    /// Stands where a row has no pupil.
    const NOBODY: Known =
        Known { from: NO_DAY, to: NO_DAY, landmark: NO_DAY, calendar: NO_CALENDAR, school: 0, cohort: 0 };

    fn of_all(pupils: &Pupils, calendar: &IdVec<PupilIx, Option<u32>>) -> IdVec<PupilIx, Self> {
        let narrow = |i: usize| u32::try_from(i).expect("an index of 32 bits");
        let one = |p: PupilIx| {
            let days = pupils.days[p];
            Known {
                from: days.from,
                to: if days.to == NO_DAY { i32::MAX } else { days.to },
                landmark: days.landmark,
                calendar: calendar[p].unwrap_or(NO_CALENDAR),
                school: narrow(pupils.school[p].at()),
                cohort: narrow(pupils.cohort[p].at()),
            }
        };
        pupils.school.ids().map(one).collect::<Vec<_>>().into()
    }
}

struct Counting {
    position: usize,
    amount: bool,
}

/// Sums the doses of all exposures that count activities.
///
/// # Errors
/// Unreadable input; a dose that does not fit its cell.
pub(super) fn sum(
    plan: &Plan<'_>,
    base: &Path,
    (pupils, (calendars, calendar)): (&Pupils, &(Calendars, IdVec<PupilIx, Option<u32>>)),
    progress: &dyn Progress,
    flow: &mut Flow,
    rejects: &mut Rejects,
) -> Result<Option<Doses>, InputError> {
    let Some(a) = plan.activities else { return Ok(None) };
    let mut wants: Vec<Want> = a.key.0.iter().map(|n| Want::new(n, As::Text)).collect();
    let mut push = |name: &str, as_: As| {
        wants.push(Want::new(name, as_));
        wants.len() - 1
    };
    let date = push(&a.date, As::Day);
    let kind = a.kind.as_ref().map(|n| push(n, As::Text));
    let dated = DatedExposure::all(plan);
    let (exposures, mut bits) = counted(plan);
    bits.extend(dated.iter().flat_map(DatedExposure::types));
    let amount = a.amount.as_ref().filter(|_| exposures.iter().any(|e| e.amount)).map(|n| push(n, As::Number));
    let watch = WatchColumns::new(a, pupils, &mut wants);
    let table = Table::open(plan.study, base, &a.source, &wants)?;

    let periods = usize::from(plan.periods);
    let landmark = plan.pupils.landmark.as_ref().map(|_| periods);
    let width = periods + usize::from(landmark.is_some());
    let cells = plan.exposures.len() * width;
    let division = Division::of(pupils.len());
    let n_blocks = pupils.len().div_ceil(division.size());
    // How many there are is not known before all activities are read.
    let aside = if dated.is_empty() { None } else { plan.memory.aside(u64::MAX) };
    let dated_rows = DatedRows::new(dated.len(), n_blocks, aside);
    let context = Context {
        pupils,
        calendars,
        known: Known::of_all(pupils, calendar),
        keys: 0..a.key.0.len(),
        date,
        kind,
        amount,
        recode: a.recode.iter().map(|(from, to)| (from.as_bytes(), to.as_str())).collect(),
        exposures,
        bits,
        dated,
        watch,
        periods,
        width,
        cells,
        division,
        cohorts: pupils.cohorts.len(),
    };
    let blocks = Blocks {
        blocks: (0..n_blocks).map(|_| Mutex::new(vec![0; division.size() * cells])).collect(),
        overflow: false.into(),
    };
    let (seen, new_rejects) = table.fold(
        progress,
        || Pass::new(&blocks, &dated_rows, &context),
        |pass, batch| context.batch(pass, batch),
        |mut left, right| {
            left.merge(right);
            left
        },
    )?;
    rejects.merge(new_rejects);
    let (registered, registration) = seen.finish(&context, flow);
    if blocks.overflow.into_inner() {
        let exposure = plan.exposures.iter().map(|e| e.entry.id.as_str()).collect::<Vec<_>>().join(", ");
        return Err(InputError::DoseTooLarge { exposure });
    }
    let blocks = blocks.blocks.into_par_iter().enumerate().map(|(block, sums)| {
        let mut of_block = sums.into_inner().expect("no thread panicked");
        for (e, exposure) in context.dated.iter().enumerate() {
            dated_rows.for_each_day((e, exposure), block, |pupil, day| {
                let known = &context.known[PupilIx::from_position(block * division.size() + pupil)];
                let first = pupil * cells + exposure.position * width;
                for cell in context.cells_at(known, day).into_iter().flatten() {
                    // A day per registration at most, and their number fitted.
                    of_block[first + cell] += 1;
                }
            });
        }
        Sums::of(of_block)
    });
    let blocks = blocks.collect();
    let per_unit = plan.exposures.iter().map(|e| match e.from {
        DoseFrom::Activities { measure: Counted::Amount, .. } => PER_UNIT,
        _ => 1.0,
    });
    Ok(Some(Doses {
        blocks,
        division,
        cells,
        width,
        landmark,
        per_unit: per_unit.collect(),
        registered,
        cohorts: pupils.cohorts.len(),
        registration,
    }))
}

/// The exposures that are counted row by row, and the types of each.
fn counted<'p>(plan: &'p Plan<'_>) -> (Vec<Counting>, Vec<Option<&'p [String]>>) {
    let of = |(position, e): (usize, &'p super::plan::ExposurePlan<'_>)| match &e.from {
        DoseFrom::Activities { types, measure } if *measure != Counted::Days => {
            Some((Counting { position, amount: *measure == Counted::Amount }, types.as_deref()))
        }
        _ => None,
    };
    plan.exposures.iter().enumerate().filter_map(of).unzip()
}

impl<'p> Pass<'p> {
    fn new(blocks: &'p Blocks, dated_rows: &'p DatedRows, context: &'p Context<'_>) -> Self {
        Self {
            pending: blocks.blocks.iter().map(|_| Vec::new()).collect(),
            blocks,
            ended: Ended::new(context.pupils.schools.len()),
            known: Vec::new(),
            registered: vec![false; context.pupils.schools.len() * context.cohorts],
            types: HashMap::new(),
            dated: dated_rows.pending(),
            dated_rows,
            watch: Watch::new(&context.watch),
        }
    }

    fn add(&mut self, block: usize, addition: Addition) {
        let pending = &mut self.pending[block];
        pending.push(addition);
        if pending.len() >= PENDING {
            self.blocks.apply(block, pending);
        }
    }

    fn merge(&mut self, mut other: Pass<'p>) {
        for (block, pending) in other.pending.iter_mut().enumerate() {
            self.blocks.apply(block, pending);
        }
        self.ended.merge(&other.ended);
        for (a, b) in self.registered.iter_mut().zip(other.registered) {
            *a |= b;
        }
        self.dated_rows.flush(&mut other.dated);
        self.watch.merge(other.watch);
    }

    fn finish(mut self, context: &Context<'_>, flow: &mut Flow) -> (Vec<bool>, Vec<Registration>) {
        self.dated_rows.flush(&mut self.dated);
        for (block, pending) in self.pending.iter_mut().enumerate() {
            self.blocks.apply(block, pending);
        }
        self.ended.hand_over(flow, "activities");
        (self.registered, context.watch.summary(context.pupils, &self.watch))
    }
}

impl Context<'_> {
    fn batch(&self, pass: &mut Pass<'_>, batch: &Batch) {
        let kinds = self.kind.map(|c| batch.columns[c].text().each(|kind| self.bits_of(kind, &mut pass.types)));
        let all = self.exposures_of(None);
        pass.watch.begin(batch);
        let found = self.pupils.find_all(batch, self.keys.clone());
        // Gathered in a loop of its own, for the same reason for which the keys are.
        let mut known = std::mem::take(&mut pass.known);
        known.clear();
        known.extend(found.iter().map(|f| if let Found::Pupil(p) = f { self.known[*p] } else { Known::NOBODY }));
        for (row, (found, known)) in found.iter().zip(&known).enumerate() {
            let (school, step) = match found {
                Found::Pupil(pupil) => {
                    let exposures = kinds.as_ref().map_or(all, |k| k[row]);
                    let step = self.row(pass, batch, row, *pupil, known, exposures);
                    (Some(SchoolIx::from_position(known.school as usize)), step)
                }
                Found::NoKey => (None, Step::NoKey),
                Found::Unknown => (None, Step::UnknownPupil),
            };
            pass.ended.add(school, step);
        }
        pass.known = known;
    }

    fn row(
        &self,
        pass: &mut Pass<'_>,
        batch: &Batch,
        row: usize,
        pupil: PupilIx,
        known: &Known,
        exposures: u64,
    ) -> Step {
        let day = day_at(batch, self.date, row);
        if day == NO_DAY {
            return Step::NoDate;
        }
        if day < known.from || day > known.to {
            return Step::OutsideEnrolment;
        }
        let amount = self.amount.map_or(0.0, |c| number_at(batch, c, row));
        if amount < 0.0 {
            return Step::NegativeAmount;
        }
        let group = known.school as usize * self.cohorts + known.cohort as usize;
        pass.registered[group] = true;
        pass.watch.note(batch, row, group, pupil, day);
        let (block, place) = (self.division.block(pupil), self.division.place(pupil));
        let base = place * self.cells;
        let cells = self.cells_at(known, day);
        let mut rest = exposures & self.counted_bits();
        while rest != 0 {
            let e = &self.exposures[rest.trailing_zeros() as usize];
            rest &= rest - 1;
            let mut add = 1;
            if e.amount {
                let thousandths = (amount * PER_UNIT).round();
                if thousandths > f64::from(u32::MAX) {
                    pass.blocks.overflow.store(true, std::sync::atomic::Ordering::Relaxed);
                }
                // A missing amount adds nothing, as NaN becomes 0.
                add = thousandths as u32;
            }
            let first = base + e.position * self.width;
            for cell in cells.into_iter().flatten() {
                let cell = u32::try_from(first + cell).expect("a block of fewer than 4 294 967 296 cells");
                pass.add(block, Addition { cell, amount: add });
            }
        }
        let slots = exposures.checked_shr(self.exposures.len() as u32).unwrap_or(0);
        if slots != 0 {
            pass.dated_rows.note(&mut pass.dated, &self.dated, (block, place), (day, slots));
        }
        Step::Used
    }

    /// The bits of exposures that are counted row by row.
    fn counted_bits(&self) -> u64 {
        if self.exposures.len() == 64 { u64::MAX } else { (1 << self.exposures.len()) - 1 }
    }

    /// The cells of an exposure that something on this day belongs to: of its period, and of the landmark.
    fn cells_at(&self, known: &Known, day: i32) -> [Option<usize>; 2] {
        [self.slot(known.calendar, day), (day < known.landmark).then_some(self.periods)]
    }

    /// 0 before the origin, k + 1 in period k; `None` when no later period can know of it.
    fn slot(&self, calendar: u32, day: i32) -> Option<usize> {
        if calendar == NO_CALENDAR {
            return None;
        }
        let starts = self.calendars.starts(calendar);
        let slot = starts.iter().take_while(|start| **start <= day).count();
        (slot < self.periods).then_some(slot)
    }

    /// As [`Self::exposures_of`], of a type that is there; types that came before are known.
    fn bits_of(&self, kind: Option<&[u8]>, types: &mut HashMap<Vec<u8>, u64>) -> u64 {
        let kind = kind.unwrap_or_default();
        if let Some(&bits) = types.get(kind) {
            return bits;
        }
        let bits = self.exposures_of(Some(kind));
        types.insert(kind.to_vec(), bits);
        bits
    }

    /// Bit i is set when exposure i, or slot i of the dated ones behind them, counts this type; `None` where activities have no
    /// type.
    fn exposures_of(&self, kind: Option<&[u8]>) -> u64 {
        let kind = kind.map(|k| self.recode.get(k).map_or(k, |to| to.as_bytes()));
        let counts = |types: &Option<&[String]>| match (types, kind) {
            (None, _) => true,
            (Some(types), Some(kind)) => types.iter().any(|t| t.as_bytes() == kind),
            (Some(_), None) => false,
        };
        self.bits.iter().enumerate().filter(|(_, types)| counts(types)).fold(0, |bits, (i, _)| bits | 1 << i)
    }
}
