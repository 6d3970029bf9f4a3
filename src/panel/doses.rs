//! The dose of each pupil before each period, summed in one streaming pass over the activities.
//!
//! Sums are whole numbers (counts, or thousandths of the unit), so they don't depend on the order of rows,
//! batches or threads. Threads collect additions per block of pupils and apply a block's additions together:
//! a block fits the processor's cache, the whole table does not.

use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, Float64Array, Int32Array};
use hashbrown::HashMap;
use rayon::prelude::*;

use super::calendars::Calendars;
use super::dated::{self, DatedExposure, DatedRows};
use super::flow::{Ended, Flow, Step};
use super::keys::Found;
use super::plan::{Counted, DoseFrom, Plan};
use super::pupils::{NO_DAY, Pupils};
use super::registration::{Registration, Watch, WatchColumns};
use super::sums::Sums;
use super::windows::{Window, Windows};
use crate::ingest::{As, Batch, InputError, Progress, Rejects, Table, Want};
use crate::vocab::ids::Ix;
use crate::vocab::{IdVec, PupilIx, SchoolIx};

/// Thousandths: the resolution of added amounts.
const PER_UNIT: f64 = 1000.0;
const BLOCKS: usize = 64;
const PENDING: usize = 8_192;

/// Doses of all pupils.
pub struct Doses {
    /// By block and exposure: the cells of the pupils of the block, one pupil after the other.
    blocks: Vec<Vec<Sums>>,
    division: Division,
    /// Cells of a pupil and exposure: one per period (before the origin, in period 0, 1, …) and, in studies with a
    /// landmark, one up to it.
    width: usize,
    landmark: Option<usize>,
    /// By exposure, where its sums stand.
    places: Vec<Place>,
    /// What one of a cell counts, per exposure: 1, or 1000 to the unit of an amount.
    per_unit: Vec<f64>,
    /// Whether anyone of this school × cohort has a registration that counts.
    registered: Vec<bool>,
    cohorts: usize,
    /// Quality of registration of each school and cohort.
    pub registration: Vec<Registration>,
}

impl Doses {
    /// Dose of exposure `e` known before period `k`: everything in its window dated before the period's first day.
    pub fn before_period(&self, e: usize, p: PupilIx, k: u16) -> f64 {
        let sum = |position: usize| -> u64 {
            let (sums, first) = self.cells(position, p);
            (first..=first + usize::from(k)).map(|cell| u64::from(sums.get(cell))).sum()
        };
        let place = &self.places[e];
        let left = place.window.as_ref().map_or(0, |window| sum(window.left));
        (sum(place.position) - left) as f64 / self.per_unit[e]
    }

    /// Dose of exposure `e` before the pupil's landmark.
    pub fn before_landmark(&self, e: usize, p: PupilIx) -> f64 {
        let Some(landmark) = self.landmark else { return 0.0 };
        let (sums, first) = self.cells(self.places[e].position, p);
        f64::from(sums.get(first + landmark)) / self.per_unit[e]
    }

    /// Where the cells of a pupil stand in the sums at a position.
    fn cells(&self, position: usize, p: PupilIx) -> (&Sums, usize) {
        (&self.blocks[self.division.block(p)][position], self.division.place(p) * self.width)
    }

    /// Whether a dose up to a day is known: at every school where the pupil was from the start until then, anyone of the cohort has
    /// a registration that counts.
    pub(super) fn is_registered(&self, pupils: &Pupils, p: PupilIx, until: i32) -> bool {
        let at = |school: SchoolIx| self.registered[school.at() * self.cohorts + pupils.cohort[p].at()];
        let origin = pupils.days[p].origin;
        let mut later = pupils.stays(p).iter().filter(|stay| origin < stay.from && stay.from <= until);
        at(pupils.school[p]) && later.all(|stay| stay.school.is_some_and(at))
    }
}

/// Where the sums of an exposure stand in a block.
struct Place {
    position: usize,
    window: Option<PlaceOfWindow>,
}

/// See [`Window`].
struct PlaceOfWindow {
    /// Its position among the windows of a pupil.
    of_pupil: usize,
    /// Position of the sums of what has left the window.
    left: usize,
}

impl Place {
    /// Of all exposures, with the number of positions that they take.
    fn all(plan: &Plan<'_>, windows: Option<&Windows>) -> (Vec<Self>, usize) {
        let mut positions = plan.exposures.len();
        let mut window = |length| {
            let of_pupil = windows?.position(length)?;
            positions += 1;
            Some(PlaceOfWindow { of_pupil, left: positions - 1 })
        };
        let lengths = plan.exposures.iter().map(|e| e.entry.window);
        let places = lengths.enumerate().map(|(position, l)| Place { position, window: l.and_then(&mut window) });
        (places.collect(), positions)
    }
}

/// Pupils divided over blocks of 2^`bits` pupils.
#[derive(Clone, Copy)]
struct Division {
    bits: u32,
}

impl Division {
    /// Of so many pupils with so many cells each.
    fn of(pupils: usize, cells: usize) -> Self {
        // The next power of two is less than twice as many, and additions know a cell of a block by 32 bits.
        let most = dated::MOST_PUPILS.min((1 << 31) / cells.max(1)).max(1);
        let blocks = BLOCKS.max(pupils.div_ceil(most));
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

/// One addition to a cell of a block: of the cells of its exposures one behind the other.
#[derive(Clone, Copy)]
struct Addition {
    cell: u32,
    amount: u32,
}

struct Blocks {
    /// By block, the sums of each exposure.
    blocks: Vec<Mutex<Vec<Sums>>>,
    /// Cells of an exposure in a block; of 32 bits, as it is divided by for every addition.
    cells: u32,
    /// Cells of an exposure and pupil.
    width: usize,
    overflow: AtomicBool,
}

impl Blocks {
    fn new(division: Division, (pupils, exposures, width): (usize, usize, usize)) -> Self {
        let cells = division.size() * width;
        let block = |_| Mutex::new((0..exposures).map(|_| Sums::none(cells)).collect());
        let blocks = (0..pupils.div_ceil(division.size())).map(block).collect();
        let cells = u32::try_from(cells).expect("a block of fewer than 4 294 967 296 cells");
        Self { blocks, cells, width, overflow: false.into() }
    }

    /// An addition to a cell of an exposure, of the pupil at a place of the block.
    fn addition(&self, place: usize, (exposure, cell): (usize, usize), amount: u32) -> Addition {
        let cell = exposure * self.cells as usize + place * self.width + cell;
        Addition { cell: u32::try_from(cell).expect("a block of fewer than 4 294 967 296 cells"), amount }
    }

    fn apply(&self, block: usize, additions: &mut Vec<Addition>) {
        // A poisoned lock means that another thread panicked, which ends the run anyway.
        let mut sums = self.blocks[block].lock().expect("no thread panics while it adds");
        for add in additions.drain(..) {
            let (exposure, cell) = (add.cell / self.cells, add.cell % self.cells);
            if !sums[exposure as usize].add(cell as usize, add.amount) {
                self.note_overflow();
            }
        }
    }

    fn note_overflow(&self) {
        self.overflow.store(true, Ordering::Relaxed);
    }
}

/// What one thread has seen and not yet handed over.
struct Pass<'p> {
    pending: Vec<Vec<Addition>>,
    blocks: &'p Blocks,
    /// Room for the sums of a run.
    sums: Vec<u32>,
    known: Vec<Known>,
    /// What each type counts for.
    types: HashMap<Vec<u8>, u64>,
    seen: Seen<'p>,
}

/// What a thread has seen beside the doses that are counted row by row.
struct Seen<'p> {
    ended: Ended,
    registered: Vec<bool>,
    /// By dated exposure × block.
    dated: Vec<Vec<u64>>,
    dated_rows: &'p DatedRows,
    watch: Watch<'p>,
}

/// Rows of one pupil that follow each other from which on they are summed before they are pending.
const TOGETHER: usize = 8;

/// Where the additions of a run go.
enum Sink<'r> {
    /// To the sums of the run, by exposure and cell.
    Together(&'r mut [u32]),
    /// To what the thread has pending for the block, of the pupil at this place.
    Each(&'r mut Vec<Addition>, usize),
}

impl Sink<'_> {
    fn add(&mut self, blocks: &Blocks, (exposure, cell): (usize, usize), amount: u32) {
        match self {
            Sink::Together(sums) => {
                let sum = &mut sums[exposure * blocks.width + cell];
                match sum.checked_add(amount) {
                    Some(more) => *sum = more,
                    None => blocks.note_overflow(),
                }
            }
            Sink::Each(pending, place) => pending.push(blocks.addition(*place, (exposure, cell), amount)),
        }
    }
}

/// The columns of a batch.
struct Columns<'b> {
    days: &'b Int32Array,
    amounts: Option<&'b Float64Array>,
    /// The exposures for which each row counts, by its type.
    kinds: Option<Vec<u64>>,
    /// The exposures for which a row without a type counts.
    untyped: u64,
    entered: Option<&'b Int32Array>,
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
    /// By exposure of the study, counted or not.
    places: Vec<Place>,
    /// Positions of sums in a block.
    positions: usize,
    windows: Option<Windows>,
    /// The types of each bit, of counted exposures first and of dated ones after them; `None`: all.
    bits: Vec<Option<&'p [String]>>,
    dated: Vec<DatedExposure<'p>>,
    watch: WatchColumns,
    periods: usize,
    width: usize,
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

/// The days of a period, or those before the first or after the last.
#[derive(Clone, Copy)]
struct Slot {
    from: i32,
    /// First day after it.
    to: i32,
    /// 0 before the origin, k + 1 in period k; `None` when no later period can know of it.
    cell: Option<usize>,
}

impl Slot {
    /// Of no day.
    const NOWHERE: Slot = Slot { from: 0, to: 0, cell: None };

    fn holds(self, day: i32) -> bool {
        self.from <= day && day < self.to
    }
}

struct Counting {
    exposure: usize,
    amount: bool,
}

/// Sums the doses of all exposures that count activities.
///
/// # Errors
/// Unreadable input; a dose that does not fit its cell.
pub(super) fn sum(
    plan: &Plan<'_>,
    base: &Path,
    (pupils, of_pupils): (&Pupils, &(Calendars, IdVec<PupilIx, Option<u32>>)),
    progress: &dyn Progress,
    flow: &mut Flow,
    rejects: &mut Rejects,
) -> Result<Option<Doses>, InputError> {
    let Some(a) = plan.activities else { return Ok(None) };
    let (calendars, calendar) = of_pupils;
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
    let windows = Windows::of(plan, pupils, of_pupils);
    let (places, positions) = Place::all(plan, windows.as_ref());
    let division = Division::of(pupils.len(), positions * width);
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
        places,
        positions,
        windows,
        bits,
        dated,
        watch,
        periods,
        width,
        division,
        cohorts: pupils.cohorts.len(),
    };
    let blocks = Blocks::new(division, (pupils.len(), context.positions, width));
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
                let p = PupilIx::from_position(block * division.size() + pupil);
                let known = &context.known[p];
                let of_period = context.slot(context.starts(known), day).cell;
                let place = &context.places[exposure.position];
                for (position, cell) in context.cells_at(place, of_period, (known, context.windows_of(p)), day) {
                    // A day per registration at most, and their number fits.
                    of_block[position].add(pupil * width + cell, 1);
                }
            });
        }
        of_block
    });
    let blocks = blocks.collect();
    let per_unit = plan.exposures.iter().map(|e| match e.from {
        DoseFrom::Activities { measure: Counted::Amount, .. } => PER_UNIT,
        _ => 1.0,
    });
    Ok(Some(Doses {
        blocks,
        division,
        width,
        landmark,
        places: context.places,
        per_unit: per_unit.collect(),
        registered,
        cohorts: pupils.cohorts.len(),
        registration,
    }))
}

/// The exposures that are counted row by row, and the types of each.
fn counted<'p>(plan: &'p Plan<'_>) -> (Vec<Counting>, Vec<Option<&'p [String]>>) {
    let of = |(exposure, e): (usize, &'p super::plan::ExposurePlan<'_>)| match &e.from {
        DoseFrom::Activities { types, measure } if *measure != Counted::Days => {
            Some((Counting { exposure, amount: *measure == Counted::Amount }, types.as_deref()))
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
            sums: vec![0; context.positions * context.width],
            known: Vec::new(),
            types: HashMap::new(),
            seen: Seen {
                ended: Ended::new(context.pupils.schools.len()),
                registered: vec![false; context.pupils.schools.len() * context.cohorts],
                dated: dated_rows.pending(),
                dated_rows,
                watch: Watch::new(&context.watch),
            },
        }
    }

    /// Hands over all that is pending.
    fn flush(&mut self) {
        self.seen.dated_rows.flush(&mut self.seen.dated);
        for (block, pending) in self.pending.iter_mut().enumerate() {
            self.blocks.apply(block, pending);
        }
    }

    fn merge(&mut self, mut other: Pass<'p>) {
        other.flush();
        let (mine, theirs) = (&mut self.seen, other.seen);
        mine.ended.merge(&theirs.ended);
        for (a, b) in mine.registered.iter_mut().zip(theirs.registered) {
            *a |= b;
        }
        mine.watch.merge(theirs.watch);
    }

    fn finish(mut self, context: &Context<'_>, flow: &mut Flow) -> (Vec<bool>, Vec<Registration>) {
        self.flush();
        self.seen.ended.hand_over(flow, "activities");
        (self.seen.registered, context.watch.summary(context.pupils, &self.seen.watch))
    }
}

impl Context<'_> {
    fn batch(&self, pass: &mut Pass<'_>, batch: &Batch) {
        let kinds = self.kind.map(|c| batch.columns[c].text().each(|kind| self.bits_of(kind, &mut pass.types)));
        let columns = Columns {
            days: batch.columns[self.date].day(),
            amounts: self.amount.map(|c| batch.columns[c].number()),
            kinds,
            untyped: self.exposures_of(None),
            entered: self.watch.entered(batch),
        };
        pass.seen.watch.begin(batch);
        let runs = self.pupils.find_runs(batch, self.keys.clone());
        // Gathered in a loop of its own, for the same reason for which the keys are.
        let mut known = std::mem::take(&mut pass.known);
        known.clear();
        known.extend(runs.iter().map(|run| run.value.pupil().map_or(Known::NOBODY, |p| self.known[p])));
        let mut start = 0;
        for (run, known) in runs.iter().zip(&known) {
            let rows = start..run.end;
            start = run.end;
            match run.value {
                Found::Pupil(pupil) if self.pupils.moves(pupil) => {
                    rows.for_each(|row| self.row(pass, &columns, row, pupil, known));
                }
                Found::Pupil(pupil) => self.run(pass, &columns, rows, pupil, known),
                Found::NoKey => pass.seen.ended.add_all(None, Step::NoKey, rows.len() as u64),
                Found::Unknown => pass.seen.ended.add_all(None, Step::UnknownPupil, rows.len() as u64),
            }
        }
        pass.known = known;
    }

    /// A row of a pupil who moves: of the school of its day, as far as the study knows it.
    fn row(&self, pass: &mut Pass<'_>, columns: &Columns<'_>, row: usize, pupil: PupilIx, known: &Known) {
        let day = if columns.days.is_null(row) { NO_DAY } else { columns.days.value(row) };
        let school = self.pupils.school_on(pupil, day).map_or(known.school, |s| s.at() as u32);
        self.run(pass, columns, row..row + 1, pupil, &Known { school, ..*known });
    }

    /// Rows that are all of one pupil and one school.
    fn run(&self, pass: &mut Pass<'_>, columns: &Columns<'_>, rows: Range<usize>, pupil: PupilIx, known: &Known) {
        let (block, place) = (self.division.block(pupil), self.division.place(pupil));
        let school = SchoolIx::from_position(known.school as usize);
        let group = known.school as usize * self.cohorts + known.cohort as usize;
        let (blocks, is_long) = (pass.blocks, rows.len() >= TOGETHER);
        let pending = &mut pass.pending[block];
        let mut sink = if is_long { Sink::Together(&mut pass.sums) } else { Sink::Each(&mut *pending, place) };
        let seen = &mut pass.seen;
        let (starts, windows) = (self.starts(known), self.windows_of(pupil));
        let (counted, mut near) = (self.counted_bits(), Slot::NOWHERE);
        let mut used = 0;
        for row in rows {
            let day = if columns.days.is_null(row) { NO_DAY } else { columns.days.value(row) };
            let amount = columns.amounts.map_or(0.0, |a| if a.is_null(row) { f64::NAN } else { a.value(row) });
            let step = if day == NO_DAY {
                Step::NoDate
            } else if day < known.from || day > known.to {
                Step::OutsideEnrolment
            } else if amount < 0.0 {
                Step::NegativeAmount
            } else {
                Step::Used
            };
            if step != Step::Used {
                seen.ended.add(Some(school), step);
                continue;
            }
            used += 1;
            seen.watch.note(group, row, day, columns.entered);
            let exposures = columns.kinds.as_ref().map_or(columns.untyped, |k| k[row]);
            let mut rest = exposures & counted;
            if rest != 0 && !near.holds(day) {
                near = self.slot(starts, day);
            }
            while rest != 0 {
                let e = &self.exposures[rest.trailing_zeros() as usize];
                rest &= rest - 1;
                let add = if e.amount { self.thousandths(amount, blocks) } else { 1 };
                for at in self.cells_at(&self.places[e.exposure], near.cell, (known, windows), day) {
                    sink.add(blocks, at, add);
                }
            }
            let slots = exposures.checked_shr(self.exposures.len() as u32).unwrap_or(0);
            if slots != 0 {
                seen.dated_rows.note(&mut seen.dated, &self.dated, (block, place), (day, slots));
            }
        }
        if is_long {
            for (cell, sum) in pass.sums.iter_mut().enumerate().filter(|(_, sum)| **sum > 0) {
                let of = (cell / self.width, cell % self.width);
                pending.push(blocks.addition(place, of, std::mem::take(sum)));
            }
        }
        if pending.len() >= PENDING {
            blocks.apply(block, pending);
        }
        if used > 0 {
            seen.ended.add_all(Some(school), Step::Used, used);
            seen.registered[group] = true;
            seen.watch.note_pupil(group, pupil, used);
        }
    }

    /// What an amount adds.
    #[inline(never)]
    fn thousandths(&self, amount: f64, blocks: &Blocks) -> u32 {
        let thousandths = (amount * PER_UNIT).round();
        if thousandths > f64::from(u32::MAX) {
            blocks.note_overflow();
        }
        // A missing amount adds nothing, as NaN becomes 0.
        thousandths as u32
    }

    /// The bits of exposures that are counted row by row.
    fn counted_bits(&self) -> u64 {
        if self.exposures.len() == 64 { u64::MAX } else { (1 << self.exposures.len()) - 1 }
    }

    /// The positions and cells of an exposure that something on this day belongs to: of its period, of the landmark, and of the
    /// period before which it has left the window.
    fn cells_at(
        &self,
        place: &Place,
        of_period: Option<usize>,
        (known, windows): (&Known, &[Window]),
        day: i32,
    ) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (position, landmark) = (place.position, self.periods);
        let mut from = NO_DAY;
        let mut left = None;
        if let Some(own) = &place.window {
            let window = &windows[own.of_pupil];
            from = window.landmark;
            left = self.slot(&window.starts, day).cell.map(|cell| (own.left, cell));
        }
        let by_landmark = (from <= day && day < known.landmark).then_some((position, landmark));
        [of_period.map(|cell| (position, cell)), by_landmark, left].into_iter().flatten()
    }

    /// The windows of a pupil; none where no exposure has one.
    fn windows_of(&self, p: PupilIx) -> &[Window] {
        self.windows.as_ref().map_or(&[], |windows| windows.of_pupil(p))
    }

    /// The first days of a pupil's periods; none without a calendar.
    fn starts(&self, known: &Known) -> &[i32] {
        if known.calendar == NO_CALENDAR { &[] } else { self.calendars.starts(known.calendar) }
    }

    /// The slot of a day among the first days of a pupil's periods; without any there is no cell.
    fn slot(&self, starts: &[i32], day: i32) -> Slot {
        let k = starts.iter().take_while(|start| **start <= day).count();
        Slot {
            from: k.checked_sub(1).map_or(i32::MIN, |before| starts[before]),
            to: starts.get(k).copied().unwrap_or(i32::MAX),
            cell: (k < self.periods && !starts.is_empty()).then_some(k),
        }
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
