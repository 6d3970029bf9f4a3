//! The pupil table: read once, duplicates dropped, sorted by pseudonym, indexed by key.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use arrow::array::Array;
use hashbrown::HashMap;
use rayon::prelude::*;

use super::flow::{Flow, Step};
use super::keys::{Found, KeyList, Keys};
use super::native;
use super::plan::{DoseFrom, OutcomePlan, Plan};
use super::stays::{Stay, Stays};
use super::traits::{TraitColumns, Traits};
use crate::ingest::{As, Batch, InputError, KEY_SEPARATOR, Progress, Rejects, Run, Table, Want};
use crate::study::file::Covariate;
use crate::vocab::ids::Ix;
use crate::vocab::{Bits, Coded, CohortIx, ExitKind, IdVec, OutcomeRule, PupilIx, SchoolIx};

/// A day that is not there.
pub(super) const NO_DAY: i32 = i32::MIN;

/// Days of a pupil; [`NO_DAY`] where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PupilDays {
    /// Start of the clock.
    pub origin: i32,
    /// Last day of observation.
    pub end: i32,
    /// Day on which the landmark dose is frozen.
    pub landmark: i32,
    /// First day of enrolment.
    pub from: i32,
    /// Last day of enrolment.
    pub to: i32,
    /// Day up to which later education is known, where it is not up to the day of all pupils.
    pub known_until: i32,
}

impl Bits for PupilDays {
    type Key = Self;
    fn key(self) -> Self {
        self
    }
}

impl PupilDays {
    /// Whether there is a day on which the landmark dose is frozen.
    pub fn has_landmark(&self) -> bool {
        self.landmark != NO_DAY
    }

    /// Whether there is a day on which the clock starts.
    pub fn has_origin(&self) -> bool {
        self.origin != NO_DAY
    }
}

/// All pupils of a study, in the order of their pseudonyms.
pub struct Pupils {
    /// Schools, sorted by key.
    pub schools: IdVec<SchoolIx, String>,
    /// Names of the schools, where the study has them.
    pub school_names: IdVec<SchoolIx, Option<String>>,
    /// Cohorts, sorted; one empty label when the study has none.
    pub cohorts: IdVec<CohortIx, String>,
    /// School of each pupil: of those who move the one at the start.
    pub school: IdVec<PupilIx, SchoolIx>,
    /// Cohort of each pupil.
    pub cohort: IdVec<PupilIx, CohortIx>,
    /// Days of each pupil.
    pub days: Coded<PupilIx, PupilDays>,
    /// Whether the pupil could be linked to later education.
    pub linked: IdVec<PupilIx, bool>,
    /// One column per covariate; NaN is missing, a category is its position in `levels`.
    pub covariates: Vec<Coded<PupilIx, f64>>,
    /// One column per exposure that is a column of the pupils, by position of the exposure.
    pub given_doses: BTreeMap<usize, Coded<PupilIx, f64>>,
    /// One column per outcome that is a value of the pupils, by position of the outcome.
    pub values: BTreeMap<usize, Coded<PupilIx, f64>>,
    /// One column per event dated in the pupil table, by position of the outcome.
    pub event_days: BTreeMap<usize, IdVec<PupilIx, i32>>,
    /// One column per cause of such an event: position of the way out, NaN for another one.
    pub(super) event_causes: BTreeMap<usize, IdVec<PupilIx, f64>>,
    /// The declared levels of each covariate, by its position; none for numbers.
    pub levels: Vec<Vec<String>>,
    /// What outcomes compare with: leerweg, sector, age.
    pub(super) traits: Traits,
    /// `None` where pupils have no key, and when it is not needed any more.
    keys: Option<Keys>,
    /// `None` where the study does not know of moves.
    pub(super) stays: Option<Stays>,
}

impl Pupils {
    /// Number of pupils.
    pub fn len(&self) -> usize {
        self.school.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.school.is_empty()
    }

    /// Patterns in the place of pupils: without keys, days and traits, which only making a panel needs.
    pub(super) fn of_patterns(
        (schools, school_names): (Vec<String>, Vec<Option<String>>),
        cohorts: Vec<String>,
        (school, cohort): (Vec<SchoolIx>, Vec<CohortIx>),
        covariates: Vec<Coded<PupilIx, f64>>,
        levels: Vec<Vec<String>>,
    ) -> Self {
        let none =
            PupilDays { origin: NO_DAY, end: NO_DAY, landmark: NO_DAY, from: NO_DAY, to: NO_DAY, known_until: NO_DAY };
        let n = school.len();
        Self {
            schools: schools.into(),
            school_names: school_names.into(),
            cohorts: cohorts.into(),
            school: school.into(),
            cohort: cohort.into(),
            days: std::iter::repeat_n(none, n).collect(),
            linked: vec![true; n].into(),
            covariates,
            given_doses: BTreeMap::new(),
            values: BTreeMap::new(),
            event_days: BTreeMap::new(),
            event_causes: BTreeMap::new(),
            levels,
            traits: Traits::default(),
            keys: None,
            stays: None,
        }
    }

    /// The pupils of each school, in their order.
    pub fn by_school(&self) -> IdVec<SchoolIx, Vec<PupilIx>> {
        let mut pupils: IdVec<SchoolIx, Vec<PupilIx>> = vec![Vec::new(); self.schools.len()].into();
        self.school.enumerate().for_each(|(p, school)| pupils[*school].push(p));
        pupils
    }

    /// The stays of a pupil, in order of day; none of a pupil who is at the school of the pupil table.
    pub(super) fn stays(&self, p: PupilIx) -> &[Stay] {
        self.stays.as_ref().map_or(&[], |stays| stays.of(p))
    }

    /// Whether the pupil was ever elsewhere than at the school of the start.
    pub(super) fn moves(&self, p: PupilIx) -> bool {
        self.stays(p).iter().any(|stay| stay.school != Some(self.school[p]))
    }

    /// The school where the pupil is on a day; `None` outside the study.
    pub(super) fn school_on(&self, p: PupilIx, day: i32) -> Option<SchoolIx> {
        let begun = self.stays(p).iter().take_while(|stay| stay.from <= day);
        begun.last().map_or(Some(self.school[p]), |stay| stay.school)
    }

    /// The day on which the pupil goes to a school outside the study; not after the origin for one who is there at the start.
    pub(super) fn outside_from(&self, p: PupilIx) -> Option<i32> {
        let (stays, origin) = (self.stays(p), self.days[p].origin);
        let at_start = stays.partition_point(|stay| stay.from <= origin).saturating_sub(1);
        stays[at_start..].iter().find(|stay| stay.school.is_none()).map(|stay| stay.from)
    }

    /// Whether the pupil has left the schools of the study by a day.
    pub(super) fn is_outside(&self, p: PupilIx, day: i32) -> bool {
        self.outside_from(p).is_some_and(|from| from <= day)
    }

    /// The pupil with this key.
    pub fn find(&self, key: &[u8]) -> Option<PupilIx> {
        self.keys.as_ref()?.find(key)
    }

    /// Lets go what only making a panel needs: keys, by which no pupil can be found or labelled any more, traits, days of
    /// events.
    pub(crate) fn forget_sources(&mut self) {
        self.keys = None;
        self.traits = Traits::default();
        self.event_days.clear();
        self.event_causes.clear();
    }

    /// The pupils of a batch by their key `columns`; rows of one pupil that follow each other are one run.
    pub(super) fn find_runs(&self, batch: &Batch, columns: std::ops::Range<usize>) -> Vec<Run<Found>> {
        let unknown = || vec![Run { value: Found::Unknown, end: batch.rows }];
        self.keys.as_ref().map_or_else(unknown, |keys| keys.find_runs(batch, columns))
    }

    /// As [`Pupils::find_runs`], row by row.
    pub(super) fn find_all(&self, batch: &Batch, columns: std::ops::Range<usize>) -> Vec<Found> {
        let mut all = Vec::with_capacity(batch.rows);
        self.find_runs(batch, columns).iter().for_each(|run| all.resize(run.end, run.value));
        all
    }

    /// The pupil's key as people write it, for the restricted panel table only; the number of the row where
    /// pupils have no key.
    pub(super) fn label(&self, p: PupilIx) -> String {
        self.keys.as_ref().map_or_else(|| (p.at() + 1).to_string(), |keys| spaced(keys.get(p)))
    }
}

/// Rows of pupils, column by column. Labels are numbered as they come.
struct Rows {
    keys: KeyList,
    school: Vec<u32>,
    name: Vec<u32>,
    cohort: Vec<u32>,
    linked: Vec<bool>,
    days: Vec<PupilDays>,
    /// Covariates, given doses, values, traits, causes; missing as NaN.
    numbers: Vec<Vec<f64>>,
    events: Vec<Vec<i32>>,
}

impl Rows {
    fn none(layout: &Layout) -> Self {
        Self {
            keys: KeyList::default(),
            school: Vec::new(),
            name: Vec::new(),
            cohort: Vec::new(),
            linked: Vec::new(),
            days: Vec::new(),
            numbers: vec![Vec::new(); layout.numbers()],
            events: vec![Vec::new(); layout.events.len()],
        }
    }

    /// Makes room for the rows of all parts.
    fn reserve<'r>(&mut self, parts: impl Iterator<Item = &'r Rows> + Clone) {
        self.keys.reserve(parts.clone().map(|part| &part.keys));
        let rows = parts.map(|part| part.school.len()).sum();
        self.school.reserve_exact(rows);
        self.name.reserve_exact(rows);
        self.cohort.reserve_exact(rows);
        self.linked.reserve_exact(rows);
        self.days.reserve_exact(rows);
        self.numbers.iter_mut().for_each(|column| column.reserve_exact(rows));
        self.events.iter_mut().for_each(|column| column.reserve_exact(rows));
    }

    fn append(&mut self, mut more: Rows) {
        self.keys.append(&more.keys);
        self.school.append(&mut more.school);
        self.name.append(&mut more.name);
        self.cohort.append(&mut more.cohort);
        self.linked.append(&mut more.linked);
        self.days.append(&mut more.days);
        self.numbers.iter_mut().zip(&mut more.numbers).for_each(|(mine, theirs)| mine.append(theirs));
        self.events.iter_mut().zip(&mut more.events).for_each(|(mine, theirs)| mine.append(theirs));
    }

    /// Whether two rows are the same in all columns; numbers by their bits, so that missing equals missing.
    fn are_same(&self, a: usize, b: usize) -> bool {
        self.school[a] == self.school[b]
            && self.name[a] == self.name[b]
            && self.cohort[a] == self.cohort[b]
            && self.linked[a] == self.linked[b]
            && self.days[a] == self.days[b]
            && self.numbers.iter().all(|column| column[a].to_bits() == column[b].to_bits())
            && self.events.iter().all(|column| column[a] == column[b])
    }
}

/// Column positions in the batch.
struct Layout {
    key: std::ops::Range<usize>,
    school: std::ops::Range<usize>,
    cohort: std::ops::Range<usize>,
    name: Option<usize>,
    origin: Option<usize>,
    end: Option<usize>,
    length: Option<usize>,
    landmark: Option<usize>,
    from: Option<usize>,
    to: Option<usize>,
    linked: Option<usize>,
    known_until: Option<usize>,
    covariates: std::ops::Range<usize>,
    given: Vec<(usize, usize)>,
    values: Vec<(usize, usize)>,
    events: Vec<(usize, usize)>,
    causes: Vec<(usize, usize)>,
    traits: TraitColumns,
}

impl Layout {
    /// Numbers of a row: covariates, given doses, values, traits, causes.
    fn numbers(&self) -> usize {
        self.covariates.len() + self.given.len() + self.values.len() + self.traits.len() + self.causes.len()
    }
}

/// What is read of the pupil table, and where each thing stands.
fn layout(plan: &Plan<'_>) -> (Vec<Want>, Layout) {
    let mut wants: Vec<Want> = Vec::new();
    let mut push = |name: &str, as_: As| {
        wants.push(Want::new(name, as_));
        wants.len() - 1
    };
    let p = plan.pupils;
    let mut range = |names: &[String]| {
        let positions: Vec<usize> = names.iter().map(|n| push(n, As::Text)).collect();
        positions.first().map_or(0..0, |&first| first..first + positions.len())
    };
    let key = range(&p.key.0);
    let school = range(&p.school.0);
    let cohort = range(p.cohort.as_ref().map_or(&[], |c| &c.0));
    let mut maybe = |name: &Option<String>, as_: As| name.as_ref().map(|n| push(n, as_));
    let name = maybe(&p.school_name, As::Text);
    let origin = maybe(&p.origin, As::Day);
    let end = maybe(&p.end, As::Day);
    let length = maybe(&p.length, As::Number);
    let landmark = maybe(&p.landmark, As::Day);
    let from = maybe(&p.enrolled_from, As::Day);
    let to = maybe(&p.enrolled_to, As::Day);
    let known_until = maybe(&p.known_until, As::Day);
    let linked = maybe(&p.linked.as_ref().map(|l| l.column.clone()), As::Text);
    let first = wants.len();
    for c in plan.covariates {
        let is_text = !c.recode.is_empty() || !c.levels.is_empty();
        wants.push(Want::new(column_of(c), if is_text { As::Text } else { As::Number }));
    }
    let covariates = first..wants.len();
    let mut push = |name: &str, as_: As| {
        wants.push(Want::new(name, as_));
        wants.len() - 1
    };
    let mut given = Vec::new();
    for (i, e) in plan.exposures.iter().enumerate() {
        if let DoseFrom::Column(column) = e.from {
            given.push((i, push(column, As::Number)));
        }
    }
    let (mut values, mut events) = (Vec::new(), Vec::new());
    for (i, o) in plan.outcomes.iter().enumerate() {
        match (o.rule(), &o.entry.source) {
            (OutcomeRule::Column, _) => {
                values.push((i, push(o.entry.column.as_deref().unwrap_or(&o.entry.id), As::Number)))
            }
            (OutcomeRule::Event, None) => {
                events.push((i, push(o.entry.date.as_deref().unwrap_or(&o.entry.id), As::Day)))
            }
            _ => {}
        }
    }
    let mut causes = Vec::new();
    for (i, o) in plan.outcomes.iter().enumerate().filter(|(_, o)| o.entry.source.is_none()) {
        if let Some(cause) = &o.entry.cause {
            wants.push(Want::new(cause, As::Text));
            causes.push((i, wants.len() - 1));
        }
    }
    let traits = TraitColumns::new(plan, &mut wants);
    let layout = Layout {
        traits,
        causes,
        key,
        school,
        cohort,
        name,
        origin,
        end,
        length,
        landmark,
        from,
        to,
        linked,
        known_until,
        covariates,
        given,
        values,
        events,
    };
    (wants, layout)
}

/// The column of a covariate.
pub(super) fn column_of(c: &Covariate) -> &str {
    c.column.as_deref().unwrap_or(&c.id)
}

/// Distinct labels, numbered as they come; schools and cohorts are renumbered in sorted order at the end.
#[derive(Default)]
struct Labels {
    /// By the bytes of a composite label.
    index: HashMap<Vec<u8>, u32>,
    texts: Vec<String>,
}

/// The labels of all rows.
#[derive(Default)]
struct AllLabels {
    schools: Labels,
    names: Labels,
    cohorts: Labels,
    sectors: Labels,
}

impl Labels {
    fn code(&mut self, label: &[u8]) -> u32 {
        if let Some(&code) = self.index.get(label) {
            return code;
        }
        // Two composite labels can read the same; then they are the same.
        let text = spaced(label);
        let position = self.texts.iter().position(|t| *t == text).unwrap_or_else(|| {
            self.texts.push(text);
            self.texts.len() - 1
        });
        let code = u32::try_from(position).expect("fewer labels than pupils");
        self.index.insert(label.to_vec(), code);
        code
    }

    /// The texts that are `used` in sorted order, and the new number of each old one.
    fn sorted(&self, used: &[u32]) -> (Vec<String>, Vec<usize>) {
        let mut is_used = vec![false; self.texts.len()];
        used.iter().for_each(|&code| is_used[code as usize] = true);
        let mut order: Vec<usize> = (0..self.texts.len()).filter(|&i| is_used[i]).collect();
        order.sort_by(|&a, &b| self.texts[a].cmp(&self.texts[b]));
        let mut rank = vec![0; self.texts.len()];
        for (new, &old) in order.iter().enumerate() {
            rank[old] = new;
        }
        (order.iter().map(|&i| self.texts[i].clone()).collect(), rank)
    }
}

/// Reads the pupil table.
///
/// # Errors
/// Unreadable input, rows in conflict, no usable pupil.
pub(super) fn read(
    plan: &Plan<'_>,
    base: &Path,
    progress: &dyn Progress,
    flow: &mut Flow,
    rejects: &mut Rejects,
) -> Result<Pupils, InputError> {
    let (wants, layout) = layout(plan);
    let table = Table::open(plan.study, base, &plan.pupils.source, &wants)?;
    let reading = Reading { plan, layout: &layout, labels: Mutex::default() };
    let (parts, bad) = table.map(progress, |batch| reading.batch(batch))?;
    rejects.merge(bad);
    // Before "no pupil is left", say why their rows could not be read.
    native::assert_few(plan, rejects)?;
    let (mut rows, mut counted) = (Rows::none(&layout), Counted::default());
    rows.reserve(parts.iter().map(|(part, _)| part));
    for (more, seen) in parts {
        rows.append(more);
        counted.merge(seen);
    }
    reading.finish(rows, counted, flow)
}

struct Reading<'p> {
    plan: &'p Plan<'p>,
    layout: &'p Layout,
    /// Their numbers depend on which thread came first, and nothing else does.
    labels: Mutex<AllLabels>,
}

/// What became of rows.
#[derive(Default)]
struct Counted<'p> {
    steps: BTreeMap<Step, u64>,
    /// Rows with a text that a covariate does not list, by its id.
    unlisted: BTreeMap<&'p str, u64>,
}

impl<'p> Counted<'p> {
    fn count(&mut self, step: Step, n: u64) {
        if n > 0 {
            *self.steps.entry(step).or_default() += n;
        }
    }

    fn merge(&mut self, other: Counted<'p>) {
        other.steps.into_iter().for_each(|(step, n)| *self.steps.entry(step).or_default() += n);
        other.unlisted.into_iter().for_each(|(id, n)| *self.unlisted.entry(id).or_default() += n);
    }
}

impl<'p> Reading<'p> {
    /// The rows of a batch that have a key and a school.
    fn batch(&self, batch: &Batch) -> (Rows, Counted<'p>) {
        let (l, mut counted) = (self.layout, Counted::default());
        // A poisoned lock means that another thread panicked, which ends the run anyway.
        let mut labels = self.labels.lock().expect("no thread panics while it has the labels");
        let school = codes(batch, l.school.clone(), &mut labels.schools);
        let cohort = codes(batch, l.cohort.clone(), &mut labels.cohorts);
        let none = labels.cohorts.code(b"");
        let name = l.name.map(|c| batch.columns[c].text().each(|t| labels.names.code(t.unwrap_or_default())));
        let unnamed = labels.names.code(b"");
        let sectors = l.traits.sectors(batch, |sector| labels.sectors.code(sector));
        drop(labels);

        let mut rows = Rows::none(l);
        let (mut kept, mut key) = (Vec::with_capacity(batch.rows), Vec::new());
        counted.steps.insert(Step::Read, batch.rows as u64);
        for (i, school) in school.into_iter().enumerate() {
            if !l.key.is_empty() && (!batch.key(l.key.clone(), i, &mut key) || key.is_empty()) {
                counted.count(Step::NoKey, 1);
                continue;
            }
            let Some(school) = school else {
                counted.count(Step::NoSchool, 1);
                continue;
            };
            rows.school.push(school);
            if !l.key.is_empty() {
                rows.keys.push(&key);
            }
            kept.push(i);
        }
        let all = || kept.iter().copied();
        rows.cohort = all().map(|i| cohort[i].unwrap_or(none)).collect();
        rows.name = all().map(|i| name.as_ref().map_or(unnamed, |codes| codes[i])).collect();
        rows.linked = match (&self.plan.pupils.linked, l.linked) {
            (Some(rule), Some(c)) => {
                let is_linked = |t: Option<&[u8]>| t.is_some_and(|t| rule.is.0.iter().any(|is| is.as_bytes() == t));
                let linked = batch.columns[c].text().each(is_linked);
                all().map(|i| linked[i]).collect()
            }
            _ => vec![true; kept.len()],
        };
        rows.days = all().map(|i| self.days(batch, i)).collect();
        rows.numbers.clear();
        for (c, at) in self.plan.covariates.iter().zip(l.covariates.clone()) {
            let values = covariate(c, batch, at);
            rows.numbers.push(all().map(|i| values[i].0).collect());
            let unlisted = all().filter(|&i| values[i].1).count();
            if unlisted > 0 {
                *counted.unlisted.entry(c.id.as_str()).or_default() += unlisted as u64;
            }
        }
        let others = l.given.iter().chain(&l.values);
        rows.numbers.extend(others.map(|&(_, at)| all().map(|i| number_at(batch, at, i)).collect()));
        rows.numbers.extend(l.traits.columns(batch, sectors, &kept));
        for &(o, at) in &l.causes {
            let outcome = &self.plan.outcomes[o];
            let exit = |t: Option<&[u8]>| t.and_then(utf8).and_then(|t| exit_of(outcome, t));
            let exits = batch.columns[at].text().each(exit);
            rows.numbers.push(all().map(|i| exits[i].map_or(f64::NAN, f64::from)).collect());
        }
        rows.events = l.events.iter().map(|&(_, at)| all().map(|i| day_at(batch, at, i)).collect()).collect();
        (rows, counted)
    }

    fn days(&self, batch: &Batch, i: usize) -> PupilDays {
        let l = self.layout;
        let day = |column: Option<usize>| column.map_or(NO_DAY, |c| day_at(batch, c, i));
        let origin = if l.origin.is_some() { day(l.origin) } else { 0 };
        PupilDays {
            origin,
            end: l.length.map_or_else(|| day(l.end), |c| last_day(origin, number_at(batch, c, i))),
            landmark: day(l.landmark),
            from: day(l.from),
            to: day(l.to),
            known_until: day(l.known_until),
        }
    }

    /// Numbers the pupils, and sees that several rows of one say the same.
    fn finish(self, mut rows: Rows, mut counted: Counted<'p>, flow: &mut Flow) -> Result<Pupils, InputError> {
        let source_name = self.plan.pupils.source.clone();
        let n = rows.school.len();
        let keys = if self.layout.key.is_empty() {
            None
        } else {
            let keys = Keys::of(std::mem::take(&mut rows.keys));
            let first = |place: usize| keys.places()[keys.pupils()[place].at()] as usize;
            let again = (0..n).filter(|&place| first(place) != place);
            let conflicts = again.filter(|&place| !rows.are_same(first(place), place)).count() as u64;
            if conflicts > 0 {
                return Err(InputError::ConflictingPupils { source_name, rows: conflicts });
            }
            counted.count(Step::Duplicate, (n - keys.len()) as u64);
            Some(keys)
        };
        if n == 0 {
            let why = counted.steps.iter().map(|(s, n)| format!("{} {n}", s.code())).collect::<Vec<_>>().join(", ");
            return Err(InputError::NoPupils { source_name, why: if why.is_empty() { "no rows".into() } else { why } });
        }
        counted.count(Step::Used, keys.as_ref().map_or(n, Keys::len) as u64);
        for (step, n) in &counted.steps {
            flow.add("pupils", None, *step, *n);
        }
        for (id, n) in &counted.unlisted {
            flow.add(&format!("covariate {id}"), None, Step::UnlistedValue, *n);
        }
        Ok(self.sorted(rows, keys))
    }

    /// Brings pupils, schools and cohorts in their sorted order.
    fn sorted(self, rows: Rows, keys: Option<Keys>) -> Pupils {
        // Without keys every row is a pupil, in the order of the rows.
        let in_order: Vec<u32> = if keys.is_none() { (0..).take(rows.school.len()).collect() } else { Vec::new() };
        let order = keys.as_ref().map_or(&in_order[..], Keys::places);
        let labels = self.labels.into_inner().expect("no thread panicked");
        let (schools, school_rank) = labels.schools.sorted(&rows.school);
        let (cohorts, cohort_rank) = labels.cohorts.sorted(&rows.cohort);
        let school_names = school_names(&rows, &labels.names, &school_rank);
        let l = self.layout;
        let school = by_pupil(order, |i| SchoolIx::from_position(school_rank[rows.school[i] as usize]));
        let cohort = by_pupil(order, |i| CohortIx::from_position(cohort_rank[rows.cohort[i] as usize]));
        // In the order in which [`Reading::batch`] has them.
        let mut columns = rows.numbers.into_iter();
        let mut next = |n: usize| columns.by_ref().take(n).collect::<Vec<_>>();
        let (covariates, given, values) = (next(self.plan.covariates.len()), next(l.given.len()), next(l.values.len()));
        let (traits, causes) = (next(l.traits.len()), next(l.causes.len()));
        let coded = |columns: Vec<Vec<f64>>| columns.into_par_iter().map(|column| of_pupils(order, &column)).collect();
        let number = |column: Vec<f64>| by_pupil(order, |i| column[i]);
        let (covariates, given, values): (Vec<_>, Vec<_>, Vec<_>) = (coded(covariates), coded(given), coded(values));
        let event = |column: Vec<i32>| by_pupil(order, |i| column[i]);
        let pupils = Pupils {
            schools: schools.into(),
            school_names: school_names.into(),
            cohorts: cohorts.into(),
            school,
            cohort,
            days: of_pupils(order, &rows.days),
            linked: by_pupil(order, |i| rows.linked[i]),
            covariates,
            given_doses: l.given.iter().map(|&(e, _)| e).zip(given).collect(),
            values: l.values.iter().map(|&(o, _)| o).zip(values).collect(),
            traits: l.traits.sorted(labels.sectors.texts, traits.into_iter().map(number)),
            event_causes: l.causes.iter().map(|&(o, _)| o).zip(causes.into_iter().map(number)).collect(),
            event_days: l.events.iter().map(|&(o, _)| o).zip(rows.events.into_iter().map(event)).collect(),
            levels: self.plan.covariates.iter().map(|c| c.levels.clone()).collect(),
            keys: None,
            stays: None,
        };
        let only_once = |mut keys: Keys| {
            keys.forget_repeats();
            keys
        };
        Pupils { keys: keys.map(only_once), ..pupils }
    }
}

/// Names of the schools in their sorted order; of several names the first.
fn school_names(rows: &Rows, labels: &Labels, school_rank: &[usize]) -> Vec<Option<String>> {
    let mut names: Vec<Option<String>> = vec![None; school_rank.len()];
    for (school, name) in rows.school.iter().zip(&rows.name) {
        let name = &labels.texts[*name as usize];
        let slot = &mut names[school_rank[*school as usize]];
        if !name.is_empty() && slot.as_ref().is_none_or(|s| name < s) {
            *slot = Some(name.clone());
        }
    }
    names
}

/// The number of each row's label, which may be of several columns; `None` where one of them, or the whole label, is empty.
fn codes(batch: &Batch, columns: std::ops::Range<usize>, labels: &mut Labels) -> Vec<Option<u32>> {
    let mut code = |label: &[u8]| (!label.is_empty()).then(|| labels.code(label));
    match columns.len() {
        0 => vec![None; batch.rows],
        1 => batch.columns[columns.start].text().each(|label| code(label.unwrap_or_default())),
        _ => {
            let mut label = Vec::new();
            let mut one = |row: usize| {
                if batch.key(columns.clone(), row, &mut label) { code(&label) } else { None }
            };
            (0..batch.rows).map(&mut one).collect()
        }
    }
}

/// A value of every pupil, taken from the rows in the order of the pupils.
fn by_pupil<T: Send>(order: &[u32], of: impl Fn(usize) -> T + Sync) -> IdVec<PupilIx, T> {
    order.par_iter().map(|&i| of(i as usize)).collect::<Vec<T>>().into()
}

/// Position among all ways out of the one that a text means.
pub(super) fn exit_of(o: &OutcomePlan<'_>, text: &str) -> Option<u8> {
    let exit = o.entry.causes.as_ref()?.exit(text)?;
    ExitKind::ALL.iter().zip(0..).find(|(kind, _)| **kind == exit).map(|(_, position)| position)
}

/// A column of every pupil, as [`by_pupil`].
fn of_pupils<T: Bits>(order: &[u32], column: &[T]) -> Coded<PupilIx, T> {
    order.iter().map(|&i| column[i as usize]).collect()
}

/// A composite key as people write it: parts separated by a space.
pub(super) fn spaced(key: &[u8]) -> String {
    String::from_utf8_lossy(key).replace(char::from(KEY_SEPARATOR), " ")
}

pub(super) fn day_at(batch: &Batch, column: usize, row: usize) -> i32 {
    let days = batch.columns[column].day();
    if days.is_valid(row) { days.value(row) } else { NO_DAY }
}

/// The last of `length` days that start at `origin`.
fn last_day(origin: i32, length: f64) -> i32 {
    if origin == NO_DAY || length.is_nan() { NO_DAY } else { origin.saturating_add(length as i32).saturating_sub(1) }
}

pub(super) fn number_at(batch: &Batch, column: usize, row: usize) -> f64 {
    let numbers = batch.columns[column].number();
    if numbers.is_valid(row) { numbers.value(row) } else { f64::NAN }
}

/// The text of a cell, written into `text`.
pub(super) fn text_at<'t>(batch: &Batch, column: usize, row: usize, text: &'t mut Vec<u8>) -> Option<&'t str> {
    text.clear();
    if batch.columns[column].text().write(row, text) { utf8(text) } else { None }
}

/// Arrow texts and the digits of numbers are UTF-8, so that this loses nothing.
pub(super) fn utf8(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

/// The number of a covariate in each row: recoded, position of its level, or as it is; clipped to min and max. With it whether
/// the row has a text that is not listed.
fn covariate(c: &Covariate, batch: &Batch, column: usize) -> Vec<(f64, bool)> {
    // `f64::max` and `min` would turn a missing value into the bound.
    let clipped = |value: f64| {
        if value.is_nan() {
            return value;
        }
        value.max(c.min.unwrap_or(f64::NEG_INFINITY)).min(c.max.unwrap_or(f64::INFINITY))
    };
    if c.recode.is_empty() && c.levels.is_empty() {
        return (0..batch.rows).map(|row| (clipped(number_at(batch, column, row)), false)).collect();
    }
    let value = |text: &str| match c.recode.is_empty() {
        false => c.recode.get(text).copied(),
        true => c.levels.iter().position(|l| l == text).map(|level| level as f64),
    };
    batch.columns[column].text().each(|text| {
        let value = clipped(text.and_then(utf8).and_then(value).unwrap_or(f64::NAN));
        (value, value.is_nan() && text.is_some_and(|t| !t.is_empty()))
    })
}
