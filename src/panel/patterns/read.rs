//! Files of cells → a panel of patterns. Rows of several files that are equal are added: every pupil must stand in one of
//! the files only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::make::merged;
use super::table::{SCHOOL_START, definition, flow_of, number_columns};
use super::{CELLS, FLOW, Pattern, Patterns, outcome_sets};
use crate::ingest::{As, Batch, InputError, Progress, Rejects, Silence, Table, Want, find_files, footer_entry};
use crate::panel::flow::{Flow, Step};
use crate::panel::plan::Plan;
use crate::panel::pupils::{Pupils, number_at, text_at};
use crate::panel::sets::Panel;
use crate::panel::sql::MODULUS;
use crate::panel::{native, scale};
use crate::study::Study;
use crate::study::file::{Format, Names, Source};
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, OutcomeRule, SchoolIx};

/// What the files are called in messages.
const SOURCE: &str = "cells";

/// A row as it is read: labels are not positions yet.
struct Row {
    school: String,
    /// Of the start.
    start: String,
    cohort: String,
    pattern: Pattern,
}

/// What cells add up to, as [`crate::panel::sql::script`] lets an engine count what it wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows.
    pub lines: i64,
    /// Σn.
    pub pupils: i64,
    /// Sum of the rows' checksums.
    pub checksum: i64,
}

impl Tally {
    /// What the files say that an engine wrote beside its cells (columns `lines`, `pupils`, `checksum`): the sum of all their rows,
    /// so that cells of several sources have several. Paths or globs below `base`.
    ///
    /// # Errors
    /// Files that are not there or can't be read.
    pub fn written(study: &Study, files: &[String], base: &Path) -> Result<Self, InputError> {
        const CHECK: &str = "check";
        let wants = ["lines", "pupils", "checksum"].map(|name| Want::new(name, As::Number));
        let study = study.with_source(CHECK, parquet(files));
        let table = Table::open(&study, base, CHECK, &wants)?;
        let mut all = Self::default();
        table.for_each(&Silence, |batch| {
            for i in 0..batch.rows {
                // Whole numbers below 2^53 by far.
                let [lines, pupils, checksum] = [0, 1, 2].map(|c| number_at(batch, c, i) as i64);
                all.lines += lines;
                all.pupils += pupils;
                all.checksum += checksum;
            }
        })?;
        Ok(all)
    }

    /// Adds a row; doses, covariates and outcomes count in thousandths.
    fn add(&mut self, row: &Row) {
        let thousandths = |x: f64| if x.is_nan() { 0 } else { (x * 1000.0).round() as i64 };
        let length = |text: &str| text.chars().count() as i64;
        let one = &row.pattern;
        let numbers: i64 = one.numbers.iter().map(|x| thousandths(*x)).sum();
        let n = one.n as i64;
        let labels = length(&row.school) + length(&row.cohort);
        self.lines += 1;
        self.pupils += n;
        self.checksum += (n + thousandths(one.sum) + labels + i64::from(one.period) + numbers) % MODULUS;
    }
}

/// Reads cells; `files` are paths or globs below `base`. With `expected`, fails when they do not add up to it.
///
/// # Errors
/// Files that can't be read, that were made by another study, or whose counts can't be.
pub fn read<'s>(
    plan: Plan<'s>,
    files: &[String],
    base: &Path,
    expected: Option<Tally>,
    progress: &dyn Progress,
) -> Result<Panel<'s>, InputError> {
    let source = parquet(files);
    let mut footers = Vec::new();
    for file in find_files(base, SOURCE, &source)? {
        if footer_entry(&file, CELLS)?.is_some_and(|made_by| made_by != definition(&plan)) {
            return Err(wrong(format!(
                "{} was made by a study with other pupils, doses, covariates or outcomes; make it again with this one",
                file.name
            )));
        }
        footers.extend(footer_entry(&file, FLOW)?);
    }
    let study = plan.study.with_source(SOURCE, source);
    let reading = Reading::new(&plan);
    let table = Table::open(&study, base, SOURCE, &reading.wants)?;
    let (mut rows, mut names, mut fault) = (Vec::new(), BTreeMap::new(), None);
    let rejects = table.for_each(progress, |batch| {
        for i in 0..batch.rows {
            match reading.row(batch, i, &mut names) {
                Ok(row) => rows.push(row),
                Err(what) => fault = fault.take().or(Some(what)),
            }
        }
    })?;
    if let Some(what) = fault {
        return Err(wrong(what));
    }
    native::assert_few(&plan, &rejects)?;
    let add_up = || {
        let mut found = Tally::default();
        rows.iter().for_each(|row| found.add(row));
        found
    };
    if let Some((expected, found)) = expected.map(|e| (e, add_up())).filter(|(expected, found)| expected != found) {
        return Err(wrong(format!(
            "the engine wrote {} rows of {} pupils with checksum {}, and {} rows of {} pupils with checksum {} were read; \
             a file is missing, old or damaged",
            expected.lines, expected.pupils, expected.checksum, found.lines, found.pupils, found.checksum
        )));
    }
    panel(plan, rows, &names, &footers)
}

fn parquet(files: &[String]) -> Source {
    Source { files: Names(files.to_vec()), format: Some(Format::Parquet), ..Source::default() }
}

fn wrong(detail: String) -> InputError {
    InputError::Cells { detail }
}

/// Columns and their positions.
struct Reading<'p> {
    wants: Vec<Want>,
    outcomes: BTreeMap<&'p str, usize>,
    numbers: std::ops::Range<usize>,
    /// The column of the school of the start.
    start: usize,
    periods: u16,
}

const TEXTS: [&str; 5] = ["outcome", "fell_out", "school", "school_name", "cohort"];
/// Place of `school` among them.
const SCHOOL: usize = 2;
const NUMBERS: [&str; 6] = ["period", "registered", "provisional", "n", "y", "y_squares"];

impl<'p> Reading<'p> {
    fn new(plan: &'p Plan<'_>) -> Self {
        let mut wants: Vec<Want> = TEXTS.iter().map(|name| Want::new(name, As::Text)).collect();
        wants.extend(NUMBERS.iter().map(|name| Want::new(name, As::Number)));
        let first = wants.len();
        wants.extend(number_columns(plan).iter().map(|name| Want::new(name, As::Number)));
        let numbers = first..wants.len();
        let start = if plan.study.stays.is_some() { wants.len() } else { SCHOOL };
        wants.extend(plan.study.stays.iter().map(|_| Want::new(SCHOOL_START, As::Text)));
        let outcomes = plan.outcomes.iter().enumerate().map(|(o, planned)| (planned.entry.id.as_str(), o)).collect();
        Self { numbers, start, wants, outcomes, periods: plan.periods }
    }

    /// A row, or what is wrong with it, without a value.
    fn row(&self, batch: &Batch, i: usize, names: &mut BTreeMap<String, String>) -> Result<Row, String> {
        let mut room = Vec::new();
        let mut text = |column: usize| text_at(batch, column, i, &mut room).map(String::from);
        let (outcome, fell_out) = (text(0), text(1));
        let (school, name, cohort, start) = (text(SCHOOL), text(3), text(4), text(self.start));
        let number = |k: usize| number_at(batch, TEXTS.len() + k, i);
        let outcome = match outcome {
            None => None,
            Some(id) => {
                Some(*self.outcomes.get(id.as_str()).ok_or("`outcome` names one that the study does not have")?)
            }
        };
        let fell_out = match fell_out {
            None => None,
            Some(code) => Some(Step::of_code(&code).ok_or("`fell_out` holds a reason that is unknown")?),
        };
        let school = school.filter(|s| !s.is_empty()).ok_or("a row has no `school`")?;
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            // Of several names the first, as of pupils.
            names
                .entry(school.clone())
                .and_modify(|old| {
                    if name < *old {
                        old.clone_from(&name)
                    }
                })
                .or_insert(name);
        }
        let count = |k: usize, what: &str, most: f64| {
            let x = number(k);
            (x >= 0.0 && x <= most && x.fract() == 0.0)
                .then_some(x)
                .ok_or(format!("`{what}` is no whole number in its range"))
        };
        let period = count(0, "period", f64::from(self.periods.max(1) - 1))? as u16;
        let n = count(3, "n", 9e15)?;
        let (sum, squares) = (number(4), number(5));
        if n < 1.0 || sum.is_nan() || squares.is_nan() {
            return Err("a row has no pupils, or no `y` or `y_squares`".into());
        }
        let pattern = Pattern {
            outcome,
            fell_out,
            school: SchoolIx::from_position(0),
            at: SchoolIx::from_position(0),
            cohort: CohortIx::from_position(0),
            period,
            registered: number(1) == 1.0,
            provisional: number(2) == 1.0,
            numbers: self.numbers.clone().map(|at| number_at(batch, at, i)).collect(),
            n: n as u64,
            sum,
            squares,
        };
        let start = start.filter(|s| !s.is_empty()).ok_or("a row has no `school_start`")?;
        Ok(Row { school, start, cohort: cohort.unwrap_or_default(), pattern })
    }
}

fn panel<'s>(
    plan: Plan<'s>,
    rows: Vec<Row>,
    names: &BTreeMap<String, String>,
    footers: &[String],
) -> Result<Panel<'s>, InputError> {
    let schools: Vec<String> = sorted(rows.iter().flat_map(|r| [&r.school, &r.start]));
    let cohorts: Vec<String> = sorted(rows.iter().map(|r| &r.cohort));
    let place = |all: &[String], label: &String| all.binary_search(label).unwrap_or(0);
    let placed = rows.into_iter().map(|r| Pattern {
        school: SchoolIx::from_position(place(&schools, &r.start)),
        at: SchoolIx::from_position(place(&schools, &r.school)),
        cohort: CohortIx::from_position(place(&cohorts, &r.cohort)),
        ..r.pattern
    });
    let mut all = merged(placed.collect());
    assert_possible(&plan, &all)?;
    let outsiders = outsiders(&plan, &all);
    if !outsiders.is_empty() {
        all.extend(outsiders);
        all = merged(all);
    }
    let everyone = all.partition_point(|one| one.outcome.is_none());
    if everyone == 0 {
        return Err(wrong("there are no rows of the pupils themselves (those without an `outcome`)".into()));
    }
    let mut flow = Flow::default();
    let key = |school: &str| schools.binary_search_by(|s| s.as_str().cmp(school)).ok().map(SchoolIx::from_position);
    footers.iter().for_each(|text| flow.extend(flow_of(text, key)));
    if footers.is_empty() {
        flow.add("pupils", None, Step::Used, all[..everyone].iter().map(|one| one.n).sum());
    }
    let doses = plan.exposures.len();
    let column = |c: usize| all.iter().map(|one| one.numbers[doses + c]).collect();
    let covariates = (0..plan.covariates.len()).map(column).collect();
    let levels = plan.covariates.iter().map(|c| c.levels.clone()).collect();
    let of_pattern = (all.iter().map(|one| one.school).collect(), all.iter().map(|one| one.cohort).collect());
    let school_names = schools.iter().map(|s| names.get(s).cloned()).collect();
    let pupils = Pupils::of_patterns((schools, school_names), cohorts, of_pattern, covariates, levels);
    let patterns = Patterns { all, everyone };
    let mut panel = Panel {
        outcomes: outcome_sets(&plan, &patterns),
        caps: vec![None; doses],
        units: vec![1.0; doses],
        patterns: Some(patterns),
        rejects: Rejects::default(),
        doses: None,
        plan,
        pupils,
        flow,
    };
    scale::measure(&mut panel);
    Ok(panel)
}

fn sorted<'r>(labels: impl Iterator<Item = &'r String>) -> Vec<String> {
    labels.collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// Counts that can be: nobody has an outcome more than once, and no school has more pupils in a set than pupils.
fn assert_possible(plan: &Plan<'_>, all: &[Pattern]) -> Result<(), InputError> {
    let is_binary = |o: usize| !matches!(plan.outcomes[o].rule(), OutcomeRule::Column | OutcomeRule::Score);
    let mut pupils: BTreeMap<(Option<usize>, SchoolIx), u64> = BTreeMap::new();
    for one in all {
        let most = one.n as f64;
        if one.outcome.is_some_and(is_binary) && !(one.sum >= 0.0 && one.sum <= most && one.sum.fract() == 0.0) {
            return Err(wrong("a pattern of a yes or no has a `y` that is no number of its pupils".into()));
        }
        if one.period == 0 {
            *pupils.entry((one.outcome, one.school)).or_default() += one.n;
        }
    }
    let over = |((o, school), n): (&(Option<usize>, SchoolIx), &u64)| {
        o.is_some() && pupils.get(&(None, *school)).is_none_or(|of| n > of)
    };
    match pupils.iter().find(|entry| over(*entry)) {
        Some(_) => {
            Err(wrong("an outcome has more pupils of a school than the school has; rows are missing or double".into()))
        }
        None => Ok(()),
    }
}

/// Pupils who are in no analysis of an outcome, where the cells do not say so: by school and cohort those of the school less
/// those who stand with the outcome.
fn outsiders(plan: &Plan<'_>, all: &[Pattern]) -> Vec<Pattern> {
    let mut left: BTreeMap<(usize, SchoolIx, CohortIx), u64> = BTreeMap::new();
    let sets: Vec<usize> =
        (0..plan.outcomes.len()).filter(|o| plan.outcomes[*o].rule() != OutcomeRule::Score).collect();
    for one in all.iter().filter(|one| one.period == 0) {
        let of = |o: usize| (o, one.school, one.cohort);
        match one.outcome {
            None => sets.iter().for_each(|o| *left.entry(of(*o)).or_default() += one.n),
            Some(o) => {
                let n = left.entry(of(o)).or_default();
                *n = n.saturating_sub(one.n);
            }
        }
    }
    let width = plan.exposures.len() + plan.covariates.len();
    let outsider = |((o, school, cohort), n): ((usize, SchoolIx, CohortIx), u64)| Pattern {
        outcome: Some(o),
        fell_out: Some(Step::OutsideSet),
        school,
        at: school,
        cohort,
        period: 0,
        registered: false,
        provisional: false,
        numbers: vec![f64::NAN; width],
        n,
        sum: 0.0,
        squares: 0.0,
    };
    left.into_iter().filter(|(_, n)| *n > 0).map(outsider).collect()
}
