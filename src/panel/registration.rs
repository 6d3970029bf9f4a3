//! How well a school registers its activities, per school and cohort: whom it reaches, how late rows are entered, whether
//! many are entered at once, and in which system. Seen in the same pass in which doses are summed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray};
use hashbrown::HashMap;

use super::pupils::{NO_DAY, Pupils};
use super::sets::Panel;
use super::sums::Sums;
use super::table::{coded, numbers};
use crate::ingest::{As, Batch, Want};
use crate::study::file::Activities;
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, PupilIx, SchoolIx};

/// Lags from which an entry counts as late and as very late, in days.
const LATE: [i32; 2] = [30, 90];
/// Share of the registrations from which a system counts as used beside others.
const IN_USE: f64 = 0.1;
/// Days beside each other in one page: a school enters on many days of a year, and the map is asked once for each row.
const PAGE: usize = 128;

/// Quality of registration of a school and cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// The school.
    pub school: SchoolIx,
    /// The cohort.
    pub cohort: CohortIx,
    /// Its pupils: those who began there.
    pub pupils: u64,
    /// Of these the pupils with at least one registration that counts, at any school.
    pub registered: u64,
    /// Registrations that count of pupils who were there on their day.
    pub registrations: u64,
    /// How late they were entered; `None` where the study names no column for it.
    pub lag: Option<Lag>,
    /// Share of the registrations with a day of entry that were entered on the busiest of those days.
    pub busiest_day: Option<f64>,
    /// The systems in which they were entered; `None` where the study names no column for it, or nothing was registered.
    pub systems: Option<Systems>,
}

/// Days from an activity to its entry.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// Registrations with a day of entry.
    pub known: u64,
    /// Mean number of days.
    pub mean_days: f64,
    /// Entered more than 30 days later.
    pub over_30: u64,
    /// Entered more than 90 days later.
    pub over_90: u64,
    /// Entered before the day of the activity.
    pub before: u64,
}

/// Systems in which a school and cohort registers.
#[derive(Clone, Debug, PartialEq)]
pub struct Systems {
    /// The one with most registrations; of equals the first in the alphabet.
    pub main: String,
    /// Its share.
    pub share: f64,
    /// Systems with at least a tenth of the registrations.
    pub in_use: u64,
    /// Whether the school's cohort before this one had another main system.
    pub switched: bool,
}

impl Registration {
    /// Share of the pupils with at least one registration; NaN without pupils.
    pub fn coverage(&self) -> f64 {
        self.registered as f64 / self.pupils as f64
    }
}

impl Panel<'_> {
    /// Quality of registration as a table, one row per school and cohort with pupils or registrations; no rows in a study without activities.
    pub fn registration_table(&self) -> RecordBatch {
        let (pupils, rows) = (&self.pupils, self.doses.as_ref().map_or(&[][..], |d| &d.registration));
        let count = |name, of: &dyn Fn(&Registration) -> Option<u64>| {
            let whole = |r: &Registration| of(r).and_then(|n| i64::try_from(n).ok());
            (name, Arc::new(rows.iter().map(whole).collect::<Int64Array>()) as ArrayRef)
        };
        let number = |name, of: &dyn Fn(&Registration) -> Option<f64>| {
            (name, numbers(rows.iter().map(|r| of(r).unwrap_or(f64::NAN))))
        };
        let main = rows.iter().map(|r| r.systems.as_ref().map(|s| s.main.as_str()));
        let switched = rows.iter().map(|r| Some(r.systems.as_ref().is_some_and(|s| s.switched)));
        let status = rows.iter().map(|r| Some(if r.registrations == 0 { "not_measured" } else { "ok" }));
        let columns = vec![
            ("school_id", coded(pupils.schools.iter().map(String::as_str), rows.iter().map(|r| r.school.at()))),
            ("cohort", coded(pupils.cohorts.iter().map(String::as_str), rows.iter().map(|r| r.cohort.at()))),
            count("n_pupils", &|r| Some(r.pupils)),
            count("n_registered", &|r| Some(r.registered)),
            number("coverage", &|r| Some(r.coverage())),
            count("n_registrations", &|r| Some(r.registrations)),
            count("n_entered", &|r| r.lag.map(|l| l.known)),
            number("mean_lag_days", &|r| r.lag.map(|l| l.mean_days)),
            count("n_over_30_days", &|r| r.lag.map(|l| l.over_30)),
            count("n_over_90_days", &|r| r.lag.map(|l| l.over_90)),
            count("n_before_activity", &|r| r.lag.map(|l| l.before)),
            number("busiest_day_share", &|r| r.busiest_day),
            ("main_system", Arc::new(main.collect::<StringArray>()) as ArrayRef),
            number("main_system_share", &|r| r.systems.as_ref().map(|s| s.share)),
            count("n_systems", &|r| r.systems.as_ref().map(|s| s.in_use)),
            ("system_switched", Arc::new(switched.collect::<BooleanArray>()) as ArrayRef),
            ("status", Arc::new(status.collect::<StringArray>()) as ArrayRef),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
            .expect("columns of the same rows")
    }
}

/// Which columns are watched, and the pupils with a registration, one bit each.
pub(super) struct WatchColumns {
    entered: Option<usize>,
    system: Option<usize>,
    groups: usize,
    registered: Vec<AtomicU64>,
}

/// What one thread has seen, by school × cohort.
pub(super) struct Watch<'p> {
    columns: &'p WatchColumns,
    registrations: Vec<u64>,
    lags: Vec<Lags>,
    /// Registrations per day of entry, in pages of days.
    pages: Vec<Sums>,
    /// The page of (group, day / [`PAGE`]).
    page_of: HashMap<(u32, i32), usize>,
    /// The page of the last registration: the next one is often of the same group and time.
    last: Option<((u32, i32), usize)>,
    systems: BySystem,
    /// The system of each row of the batch.
    system_of: Vec<usize>,
}

/// Registrations of each group, by system.
#[derive(Default)]
struct BySystem {
    places: HashMap<Vec<u8>, usize>,
    counts: Vec<Vec<u64>>,
}

impl BySystem {
    /// The place of a system, behind the others where it is new.
    fn place(&mut self, name: &[u8], groups: usize) -> usize {
        if let Some(at) = self.places.get(name) {
            return *at;
        }
        self.counts.push(vec![0; groups]);
        self.places.insert(name.to_vec(), self.counts.len() - 1);
        self.counts.len() - 1
    }

    /// All systems in the order of their names.
    fn sorted(&self) -> BTreeMap<&[u8], &Vec<u64>> {
        self.places.iter().map(|(name, at)| (name.as_slice(), &self.counts[*at])).collect()
    }
}

#[derive(Clone, Copy, Default)]
struct Lags {
    known: u64,
    days: i64,
    over: [u64; 2],
    before: u64,
}

impl WatchColumns {
    pub(super) fn new(a: &Activities, pupils: &Pupils, wants: &mut Vec<Want>) -> Self {
        let mut maybe = |name: &Option<String>, as_: As| {
            name.as_ref().map(|n| {
                wants.push(Want::new(n, as_));
                wants.len() - 1
            })
        };
        Self {
            entered: maybe(&a.entered, As::Day),
            system: maybe(&a.system, As::Text),
            groups: pupils.schools.len() * pupils.cohorts.len(),
            registered: (0..pupils.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The days of entry of a batch.
    pub(super) fn entered<'b>(&self, batch: &'b Batch) -> Option<&'b Int32Array> {
        self.entered.map(|column| batch.columns[column].day())
    }

    fn is_registered(&self, p: PupilIx) -> bool {
        self.registered[p.at() / 64].load(Ordering::Relaxed) >> (p.at() % 64) & 1 == 1
    }

    /// The quality of each school and cohort that has pupils or registrations, in their order.
    pub(super) fn summary(&self, pupils: &Pupils, seen: &Watch<'_>) -> Vec<Registration> {
        let cohorts = pupils.cohorts.len();
        let mut counts = vec![(0, 0); self.groups];
        for p in pupils.school.ids() {
            let count: &mut (u64, u64) = &mut counts[pupils.school[p].at() * cohorts + pupils.cohort[p].at()];
            count.0 += 1;
            count.1 += u64::from(self.is_registered(p));
        }
        let mut busiest = vec![0; self.groups];
        for ((group, _), at) in &seen.page_of {
            let most = &mut busiest[*group as usize];
            *most = (0..PAGE).map(|day| seen.pages[*at].get(day)).fold(*most, u32::max);
        }
        let systems = seen.systems.sorted();
        let mut all: Vec<Registration> = Vec::new();
        // Pupils who move register where nobody of their cohort began.
        let is_there = |(group, (n, _)): &(usize, (u64, u64))| *n > 0 || seen.registrations[*group] > 0;
        for (group, (n, registered)) in counts.into_iter().enumerate().filter(is_there) {
            let school = SchoolIx::from_position(group / cohorts);
            let lags = &seen.lags[group];
            let before = all.last().filter(|r| r.school == school).and_then(|r| r.systems.as_ref());
            all.push(Registration {
                school,
                cohort: CohortIx::from_position(group % cohorts),
                pupils: n,
                registered,
                registrations: seen.registrations[group],
                lag: self.entered.map(|_| lags.summary()),
                busiest_day: share(u64::from(busiest[group]), lags.known).filter(|_| self.entered.is_some()),
                systems: systems_of(&systems, group, before),
            });
        }
        all
    }
}

fn share(n: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| n as f64 / of as f64)
}

fn systems_of(systems: &BTreeMap<&[u8], &Vec<u64>>, group: usize, before: Option<&Systems>) -> Option<Systems> {
    let counts = || systems.iter().map(|(name, n)| (*name, n[group]));
    let total: u64 = counts().map(|(_, n)| n).sum();
    // `max_by_key` takes the last of equals, and the first is wanted.
    let (main, most) = counts().rev().max_by_key(|(_, n)| *n).filter(|(_, n)| *n > 0)?;
    let main = String::from_utf8_lossy(main).into_owned();
    Some(Systems {
        share: most as f64 / total as f64,
        in_use: counts().filter(|(_, n)| *n as f64 >= IN_USE * total as f64).count() as u64,
        switched: before.is_some_and(|b| b.main != main),
        main,
    })
}

impl Lags {
    fn note(&mut self, lag: i32) {
        self.known += 1;
        self.days += i64::from(lag);
        self.before += u64::from(lag < 0);
        for (over, late) in self.over.iter_mut().zip(LATE) {
            *over += u64::from(lag > late);
        }
    }

    fn merge(&mut self, other: &Lags) {
        self.known += other.known;
        self.days += other.days;
        self.before += other.before;
        for (mine, theirs) in self.over.iter_mut().zip(other.over) {
            *mine += theirs;
        }
    }

    fn summary(&self) -> Lag {
        let mean_days = if self.known == 0 { f64::NAN } else { self.days as f64 / self.known as f64 };
        Lag { known: self.known, mean_days, over_30: self.over[0], over_90: self.over[1], before: self.before }
    }
}

impl<'p> Watch<'p> {
    pub(super) fn new(columns: &'p WatchColumns) -> Self {
        Self {
            columns,
            registrations: vec![0; columns.groups],
            lags: vec![Lags::default(); columns.groups],
            pages: Vec::new(),
            page_of: HashMap::new(),
            last: None,
            systems: BySystem::default(),
            system_of: Vec::new(),
        }
    }

    /// Looks at a batch whose rows will be noted.
    pub(super) fn begin(&mut self, batch: &Batch) {
        if let Some(column) = self.columns.system {
            let (systems, groups) = (&mut self.systems, self.columns.groups);
            let of = |name: Option<&[u8]>| systems.place(name.unwrap_or_default(), groups);
            self.system_of = batch.columns[column].text().each(of);
        }
    }

    /// The page of a group and time, made where there is none.
    fn page(&mut self, key: (u32, i32)) -> &mut Sums {
        let at = match self.last {
            Some((last, at)) if last == key => at,
            _ => *self.page_of.entry(key).or_insert_with(|| {
                self.pages.push(Sums::none(PAGE));
                self.pages.len() - 1
            }),
        };
        self.last = Some((key, at));
        &mut self.pages[at]
    }

    /// Notes a registration that counts: of school × cohort `group`, in a row of the batch, of a day.
    pub(super) fn note(&mut self, group: usize, row: usize, day: i32, entered: Option<&Int32Array>) {
        let entered = entered.filter(|days| days.is_valid(row)).map(|days| days.value(row));
        if let Some(entered) = entered.filter(|day| *day != NO_DAY) {
            self.lags[group].note(entered.saturating_sub(day));
            let group = u32::try_from(group).expect("fewer schools × cohorts than 4 294 967 296");
            let day = entered.rem_euclid(PAGE as i32) as usize;
            // Nobody enters more than four billion a day.
            self.page((group, entered.div_euclid(PAGE as i32))).add(day, 1);
        }
        if self.columns.system.is_some() {
            self.systems.counts[self.system_of[row]][group] += 1;
        }
    }

    /// Notes that so many registrations of a pupil of school × cohort `group` count.
    pub(super) fn note_pupil(&mut self, group: usize, pupil: PupilIx, registrations: u64) {
        self.registrations[group] += registrations;
        let (word, bit) = (&self.columns.registered[pupil.at() / 64], 1 << (pupil.at() % 64));
        // Most find the bit set, and a load does not take the word away from other threads.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    pub(super) fn merge(&mut self, other: Watch<'p>) {
        let add = |mine: &mut [u64], theirs: &[u64]| mine.iter_mut().zip(theirs).for_each(|(m, t)| *m += t);
        add(&mut self.registrations, &other.registrations);
        for (mine, theirs) in self.lags.iter_mut().zip(&other.lags) {
            mine.merge(theirs);
        }
        for (key, at) in other.page_of {
            let page = self.page(key);
            for day in 0..PAGE {
                page.add(day, other.pages[at].get(day));
            }
        }
        for (name, at) in other.systems.places {
            let mine = self.systems.place(&name, self.columns.groups);
            add(&mut self.systems.counts[mine], &other.systems.counts[at]);
        }
    }
}
