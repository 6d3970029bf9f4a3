//! The pupil table: read once, duplicates dropped, sorted by pseudonym, indexed by key.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use arrow::array::Array;

use super::flow::{Flow, Step};
use super::keys::{Found, Keys};
use super::native;
use super::plan::{DoseFrom, OutcomePlan, Plan};
use super::traits::{TraitColumns, Traits};
use crate::ingest::{As, Batch, InputError, KEY_SEPARATOR, Progress, Rejects, Table, Want};
use crate::study::file::Covariate;
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, ExitKind, IdVec, OutcomeRule, PupilIx, SchoolIx};

/// A day that is not there.
pub(super) const NO_DAY: i32 = i32::MIN;

/// Days of a pupil; [`NO_DAY`] where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// School of each pupil.
    pub school: IdVec<PupilIx, SchoolIx>,
    /// Cohort of each pupil.
    pub cohort: IdVec<PupilIx, CohortIx>,
    /// Days of each pupil.
    pub days: IdVec<PupilIx, PupilDays>,
    /// Whether the pupil could be linked to later education.
    pub linked: IdVec<PupilIx, bool>,
    /// One column per covariate; NaN is missing, a category is its position in `levels`.
    pub covariates: Vec<IdVec<PupilIx, f64>>,
    /// One column per exposure that is a column of the pupils, by position of the exposure.
    pub given_doses: BTreeMap<usize, IdVec<PupilIx, f64>>,
    /// One column per outcome that is a value of the pupils, by position of the outcome.
    pub values: BTreeMap<usize, IdVec<PupilIx, f64>>,
    /// One column per event dated in the pupil table, by position of the outcome.
    pub event_days: BTreeMap<usize, IdVec<PupilIx, i32>>,
    /// One column per cause of such an event: position of the way out, NaN for another one.
    pub(super) event_causes: BTreeMap<usize, IdVec<PupilIx, f64>>,
    /// The declared levels of each covariate, by its position; none for numbers.
    pub levels: Vec<Vec<String>>,
    /// What outcomes compare with: leerweg, sector, age.
    pub(super) traits: Traits,
    keys: Keys,
    is_keyed: bool,
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
        covariates: Vec<IdVec<PupilIx, f64>>,
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
            days: vec![none; n].into(),
            linked: vec![true; n].into(),
            covariates,
            given_doses: BTreeMap::new(),
            values: BTreeMap::new(),
            event_days: BTreeMap::new(),
            event_causes: BTreeMap::new(),
            levels,
            traits: Traits::default(),
            keys: Keys::with_capacity(0),
            is_keyed: false,
        }
    }

    /// The pupil with this key.
    pub fn find(&self, key: &[u8]) -> Option<PupilIx> {
        self.keys.find(key).map(PupilIx::from_position)
    }

    /// Lets go what only making a panel needs: keys, by which no pupil can be found or labelled any more, traits, days of
    /// events.
    pub(crate) fn forget_sources(&mut self) {
        (self.keys, self.is_keyed) = (Keys::with_capacity(0), false);
        self.traits = Traits::default();
        self.event_days.clear();
        self.event_causes.clear();
    }

    /// The pupils of all rows of a batch by their key `columns`.
    pub(super) fn find_all(&self, batch: &Batch, columns: std::ops::Range<usize>) -> Vec<Found> {
        self.keys.find_all(batch, columns)
    }

    /// The pupil's key as people write it, for the restricted panel table only; the number of the row where
    /// pupils have no key.
    pub(super) fn label(&self, p: PupilIx) -> String {
        if self.is_keyed { spaced(self.keys.get(p.at())) } else { (p.at() + 1).to_string() }
    }
}

/// One pupil row as it was read; two rows of a pupil are duplicates when they are equal.
#[derive(Default, PartialEq)]
struct Row {
    place: RowPlace,
    /// Covariates, given doses, values; missing as NaN, compared by bits.
    numbers: Vec<u64>,
    events: Vec<i32>,
}

/// What every study has of a pupil. Labels are numbered as they come.
#[derive(Clone, Copy, Default, PartialEq)]
struct RowPlace {
    school: u32,
    name: u32,
    cohort: u32,
    linked: bool,
    days: PupilDays,
}

/// Rows beside each other: as many numbers and events per row as the study asks for.
struct Rows {
    places: Vec<RowPlace>,
    numbers: Vec<u64>,
    events: Vec<i32>,
}

impl Rows {
    fn with_capacity(rows: usize, layout: &Layout) -> Self {
        Self {
            places: Vec::with_capacity(rows),
            numbers: Vec::with_capacity(rows * layout.numbers()),
            events: Vec::with_capacity(rows * layout.events.len()),
        }
    }

    fn push(&mut self, row: &Row) {
        self.places.push(row.place);
        self.numbers.extend_from_slice(&row.numbers);
        self.events.extend_from_slice(&row.events);
    }

    fn is(&self, i: usize, row: &Row) -> bool {
        let (n, m) = (row.numbers.len(), row.events.len());
        self.places[i] == row.place
            && self.numbers[i * n..(i + 1) * n] == row.numbers
            && self.events[i * m..(i + 1) * m] == row.events
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

/// Distinct labels, numbered as they come; renumbered in sorted order at the end.
#[derive(Default)]
struct Labels {
    /// By the bytes of a composite label.
    index: HashMap<Vec<u8>, u32>,
    texts: Vec<String>,
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

    /// Texts in sorted order, and the new number of each old one.
    fn sorted(&self) -> (Vec<String>, Vec<usize>) {
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        order.sort_by(|&a, &b| self.texts[a].cmp(&self.texts[b]));
        let mut rank = vec![0; order.len()];
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
    let mut reading = Reading::new(plan, &layout, table.rows());
    rejects.merge(table.for_each(progress, |batch| reading.batch(batch))?);
    // Before "no pupil is left", say why their rows could not be read.
    native::assert_few(plan, rejects)?;
    reading.finish(flow)
}

struct Reading<'p> {
    plan: &'p Plan<'p>,
    layout: &'p Layout,
    keys: Keys,
    rows: Rows,
    schools: Labels,
    names: Labels,
    cohorts: Labels,
    sectors: Labels,
    counts: BTreeMap<Step, u64>,
    conflicts: u64,
    /// Rows with a text that a covariate does not list, by its id.
    unlisted: BTreeMap<&'p str, u64>,
}

impl<'p> Reading<'p> {
    fn new(plan: &'p Plan<'p>, layout: &'p Layout, rows: usize) -> Self {
        Self {
            plan,
            layout,
            keys: Keys::with_capacity(rows),
            rows: Rows::with_capacity(rows, layout),
            schools: Labels::default(),
            names: Labels::default(),
            cohorts: Labels::default(),
            sectors: Labels::default(),
            counts: BTreeMap::new(),
            conflicts: 0,
            unlisted: BTreeMap::new(),
        }
    }

    fn count(&mut self, step: Step) {
        *self.counts.entry(step).or_default() += 1;
    }

    fn batch(&mut self, batch: &Batch) {
        let (mut key, mut school, mut text) = (Vec::new(), Vec::new(), Vec::new());
        let mut row = Row::default();
        let keyed = !self.layout.key.is_empty();
        *self.counts.entry(Step::Read).or_default() += batch.rows as u64;
        for i in 0..batch.rows {
            if keyed && (!batch.key(self.layout.key.clone(), i, &mut key) || key.is_empty()) {
                self.count(Step::NoKey);
                continue;
            }
            if !batch.key(self.layout.school.clone(), i, &mut school) || school.is_empty() {
                self.count(Step::NoSchool);
                continue;
            }
            row.place.school = self.schools.code(&school);
            self.read(batch, i, &mut row, &mut text);
            if !keyed {
                // Without a key every row is a pupil; its position serves as the key.
                key = (self.keys.len() as u64).to_be_bytes().to_vec();
            }
            match self.keys.find(&key).filter(|_| keyed) {
                None => {
                    self.keys.push(&key);
                    self.rows.push(&row);
                }
                Some(p) if self.rows.is(p, &row) => self.count(Step::Duplicate),
                Some(_) => self.conflicts += 1,
            }
        }
    }

    /// Reads all but the school of row `i` into `row`; `text` is room to work in.
    fn read(&mut self, batch: &Batch, i: usize, row: &mut Row, text: &mut Vec<u8>) {
        let l = self.layout;
        let day = |column: Option<usize>| column.map_or(NO_DAY, |c| day_at(batch, c, i));
        let origin = if l.origin.is_some() { day(l.origin) } else { 0 };
        row.place.days = PupilDays {
            origin,
            end: l.length.map_or_else(|| day(l.end), |c| last_day(origin, number_at(batch, c, i))),
            landmark: day(l.landmark),
            from: day(l.from),
            to: day(l.to),
            known_until: day(l.known_until),
        };
        let name = l.name.and_then(|c| text_at(batch, c, i, text)).unwrap_or_default();
        row.place.name = self.names.code(name.as_bytes());
        if !batch.key(l.cohort.clone(), i, text) {
            text.clear();
        }
        row.place.cohort = self.cohorts.code(text);
        row.place.linked = match (&self.plan.pupils.linked, l.linked) {
            (Some(rule), Some(c)) => text_at(batch, c, i, text).is_some_and(|v| rule.is.0.iter().any(|is| is == v)),
            _ => true,
        };
        row.numbers.clear();
        for (c, at) in self.plan.covariates.iter().zip(l.covariates.clone()) {
            let value = covariate(c, batch, at, i, text);
            row.numbers.push(value.to_bits());
            let is_listed = !c.recode.is_empty() || !c.levels.is_empty();
            if is_listed && value.is_nan() && text_at(batch, at, i, text).is_some_and(|t| !t.is_empty()) {
                *self.unlisted.entry(c.id.as_str()).or_default() += 1;
            }
        }
        let others = l.given.iter().chain(&l.values);
        row.numbers.extend(others.map(|&(_, at)| number_at(batch, at, i).to_bits()));
        let sectors = &mut self.sectors;
        l.traits.read(batch, i, text, |sector| sectors.code(sector.as_bytes()), &mut row.numbers);
        for &(o, at) in &l.causes {
            let exit = text_at(batch, at, i, text).and_then(|t| exit_of(&self.plan.outcomes[o], t));
            row.numbers.push(exit.map_or(f64::NAN, f64::from).to_bits());
        }
        row.events.clear();
        row.events.extend(l.events.iter().map(|&(_, at)| day_at(batch, at, i)));
    }

    fn finish(mut self, flow: &mut Flow) -> Result<Pupils, InputError> {
        let source_name = self.plan.pupils.source.clone();
        if self.conflicts > 0 {
            return Err(InputError::ConflictingPupils { source_name, rows: self.conflicts });
        }
        if self.rows.places.is_empty() {
            let why = self.counts.iter().map(|(s, n)| format!("{} {n}", s.code())).collect::<Vec<_>>().join(", ");
            return Err(InputError::NoPupils { source_name, why: if why.is_empty() { "no rows".into() } else { why } });
        }
        let kept = self.rows.places.len() as u64;
        self.count(Step::Used);
        self.counts.insert(Step::Used, kept);
        for (step, n) in &self.counts {
            flow.add("pupils", None, *step, *n);
        }
        for (id, n) in &self.unlisted {
            flow.add(&format!("covariate {id}"), None, Step::UnlistedValue, *n);
        }
        Ok(self.sorted())
    }

    /// Brings pupils, schools and cohorts in their sorted order.
    fn sorted(self) -> Pupils {
        let order = self.keys.order();
        let (schools, school_rank) = self.schools.sorted();
        let (cohorts, cohort_rank) = self.cohorts.sorted();
        let school_names = self.school_names(&school_rank);
        let l = self.layout;
        let rows = &self.rows;
        let (n_cov, n_given) = (self.plan.covariates.len(), l.given.len());
        let first_trait = n_cov + n_given + l.values.len();
        let first_cause = first_trait + l.traits.len();
        let width = l.numbers();
        let number = |at: usize| by_pupil(&order, |i| f64::from_bits(rows.numbers[i * width + at]));
        let event = |at: usize| by_pupil(&order, |i| rows.events[i * l.events.len() + at]);
        Pupils {
            schools: schools.into(),
            school_names: school_names.into(),
            cohorts: cohorts.into(),
            school: by_pupil(&order, |i| SchoolIx::from_position(school_rank[rows.places[i].school as usize])),
            cohort: by_pupil(&order, |i| CohortIx::from_position(cohort_rank[rows.places[i].cohort as usize])),
            days: by_pupil(&order, |i| rows.places[i].days),
            linked: by_pupil(&order, |i| rows.places[i].linked),
            covariates: (0..n_cov).map(number).collect(),
            given_doses: l.given.iter().enumerate().map(|(k, &(e, _))| (e, number(n_cov + k))).collect(),
            values: l.values.iter().enumerate().map(|(k, &(o, _))| (o, number(n_cov + n_given + k))).collect(),
            event_days: l.events.iter().enumerate().map(|(k, &(o, _))| (o, event(k))).collect(),
            levels: self.plan.covariates.iter().map(|c| c.levels.clone()).collect(),
            event_causes: l.causes.iter().enumerate().map(|(k, &(o, _))| (o, number(first_cause + k))).collect(),
            traits: l.traits.sorted(self.sectors.texts.clone(), |k| number(first_trait + k)),
            is_keyed: !l.key.is_empty(),
            keys: self.keys.reordered(&order),
        }
    }

    /// Names of the schools in their sorted order; of several names the first.
    fn school_names(&self, school_rank: &[usize]) -> Vec<Option<String>> {
        let mut names: Vec<Option<String>> = vec![None; school_rank.len()];
        for row in &self.rows.places {
            let name = &self.names.texts[row.name as usize];
            let slot = &mut names[school_rank[row.school as usize]];
            if !name.is_empty() && slot.as_ref().is_none_or(|s| name < s) {
                *slot = Some(name.clone());
            }
        }
        names
    }
}

/// A value of every pupil, taken from the rows in the order of the pupils.
fn by_pupil<T>(order: &[u32], of: impl Fn(usize) -> T) -> IdVec<PupilIx, T> {
    order.iter().map(|&i| of(i as usize)).collect::<Vec<T>>().into()
}

/// Position among all ways out of the one that a text means.
pub(super) fn exit_of(o: &OutcomePlan<'_>, text: &str) -> Option<u8> {
    let exit = o.entry.causes.as_ref()?.exit(text)?;
    ExitKind::ALL.iter().zip(0..).find(|(kind, _)| **kind == exit).map(|(_, position)| position)
}

/// A composite key as people write it: parts separated by a space.
fn spaced(key: &[u8]) -> String {
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
    let is_there = batch.columns[column].text().write(row, text);
    // Arrow texts and the digits of numbers are UTF-8, so that this loses nothing.
    if is_there { std::str::from_utf8(text).ok() } else { None }
}

/// The number of a covariate: recoded, position of its level, or as it is; clipped to min and max.
fn covariate(c: &Covariate, batch: &Batch, column: usize, row: usize, text: &mut Vec<u8>) -> f64 {
    let value = if !c.recode.is_empty() {
        text_at(batch, column, row, text).and_then(|t| c.recode.get(t).copied()).unwrap_or(f64::NAN)
    } else if !c.levels.is_empty() {
        let level = text_at(batch, column, row, text).and_then(|t| c.levels.iter().position(|l| l == t));
        level.map_or(f64::NAN, |l| l as f64)
    } else {
        number_at(batch, column, row)
    };
    // `f64::max` and `min` would turn a missing value into the bound.
    if value.is_nan() {
        return value;
    }
    value.max(c.min.unwrap_or(f64::NEG_INFINITY)).min(c.max.unwrap_or(f64::INFINITY))
}
