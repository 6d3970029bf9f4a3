//! The plan printed as one SQL query: it documents what [`super::native`] does, checks it (DuckDB as
//! oracle) and carries it to a cluster.
//!
//! | file | what it prints |
//! |---|---|
//! | `dialect.rs` | the few things in which the dialects differ |
//! | `sources.rs` | files, renames, words for no value, filters, look-ups |
//! | `people.rs` | pupils, the calendar of their periods, activities, registering schools |
//! | `stays.rs` | the schools of pupils who move |
//! | `doses.rs` | doses before each row, triples, caps |
//! | `outcome.rs` | the rows at risk with their outcome, per kind of outcome |
//! | `registration.rs` | quality of registration |
//! | `exits.rs` | the first event, and its way out where exits compete |
//! | `enrolled.rs` | outcomes that are read off enrolments and diplomas |
//! | `patterns.rs` | pattern cells, and the script by which another engine makes them |
//!
//! A cell that can't be read makes the query fail; the executor counts it as a reject and, with
//! `study.max_reject`, goes on without the row. Rows in conflict (pupils, stays) are the executor's errors too: the query
//! trusts that it has run.

mod dialect;
mod doses;
mod enrolled;
mod exits;
mod outcome;
mod patterns;
mod people;
mod registration;
mod sources;
mod stays;

use std::path::Path;

pub use dialect::Dialect;
pub use patterns::{MODULUS, Script, Statement, assert_readable, print_patterns, script};

use super::plan::{ExposurePlan, OutcomePlan, Plan};
use crate::study::file::{Axis, Silent};
use sources::{Cell, Sources};

/// One common table expression.
struct Cte {
    comment: String,
    name: String,
    body: String,
}

/// Prints the query whose result is the table of outcome `outcome` (its position in the plan): the columns
/// of [`super::Panel::schema`], cell by cell, in the order of [`super::Panel::batches`]. Files are looked for
/// below `base`.
///
/// # Panics
/// When the plan has no such outcome.
pub fn print(plan: &Plan<'_>, outcome: usize, dialect: Dialect, base: &Path) -> String {
    printed(plan, outcome, dialect, base, |query| query.select())
}

/// Prints the query whose result is [`super::Panel::cells_table`] of a landmark outcome.
///
/// # Panics
/// When the plan has no such outcome.
pub fn print_cells(plan: &Plan<'_>, outcome: usize, dialect: Dialect, base: &Path) -> String {
    printed(plan, outcome, dialect, base, |query| query.select_cells())
}

/// Prints the query whose result is [`super::Panel::registration_table`]; `None` for a study without activities.
pub fn print_registration(plan: &Plan<'_>, dialect: Dialect, base: &Path) -> Option<String> {
    let activities = plan.activities?;
    let mut query = Query::new(plan, 0, dialect);
    query.is_registration = true;
    query.pupils(0);
    query.activities();
    query.registration(activities);
    let select = query.select_registration(activities);
    let head = format!("-- Study `{}`: quality of registration per school and cohort.\n\n", plan.study.study.id);
    Some(query.finish(head, &select, base))
}

fn printed(
    plan: &Plan<'_>,
    outcome: usize,
    dialect: Dialect,
    base: &Path,
    select: impl Fn(&Query<'_>) -> String,
) -> String {
    let mut query = Query::new(plan, outcome, dialect);
    query.pupils(outcome);
    query.activities();
    query.outcome();
    query.doses("outcome", "");
    query.caps();
    let select = select(&query);
    query.finish(head(plan, &plan.outcomes[outcome]), &select, base)
}

fn head(plan: &Plan<'_>, o: &OutcomePlan<'_>) -> String {
    let unit = if o.has_landmark() { "one row per pupil" } else { "one row per pupil and period" };
    format!(
        "-- Study `{}`, outcome `{}` (definition `{}`, version {}): {unit}.\n\
         -- The same plan as the engine executes. Every text that can't be read makes the query fail.\n\n",
        plan.study.study.id, o.entry.id, o.def.id, o.def.version
    )
}

impl Cte {
    fn print(&self) -> String {
        let comment: Vec<String> = self.comment.lines().map(|l| format!("-- {l}")).collect();
        format!("{}\n{} AS (\n{}\n)", comment.join("\n"), self.name, lines(self.body.lines().map(String::from), ""))
    }
}

/// Indented lines with `end` after each but the last.
fn lines(items: impl Iterator<Item = String>, end: &str) -> String {
    let items: Vec<String> = items.map(|i| format!("  {}", i.replace('\n', "\n  "))).collect();
    items.join(&format!("{end}\n"))
}

struct Query<'p> {
    plan: &'p Plan<'p>,
    outcome: &'p OutcomePlan<'p>,
    sql: Dialect,
    sources: Sources<'p>,
    ctes: Vec<Cte>,
    has_periods: bool,
    /// Whether the quality of registration is asked, and no outcome.
    is_registration: bool,
    /// Whether pattern cells are asked: which school and cohort registers is wanted then, whatever silence means, and how
    /// schools are called.
    is_patterns: bool,
}

impl<'p> Query<'p> {
    fn new(plan: &'p Plan<'p>, outcome: usize, sql: Dialect) -> Self {
        Query {
            plan,
            outcome: &plan.outcomes[outcome],
            sql,
            sources: Sources::new(plan.study, sql),
            ctes: Vec::new(),
            has_periods: false,
            is_registration: false,
            is_patterns: false,
        }
    }

    /// The whole text: sources, expressions, and the table that is wanted.
    fn finish(self, mut text: String, select: &str, base: &Path) -> String {
        let (before, query) = self.parts(select, base);
        for statement in before {
            text += &format!("{statement}\n\n");
        }
        text + &format!("{query};\n")
    }

    /// Statements that come before, and the query without its end.
    fn parts(self, select: &str, base: &Path) -> (Vec<String>, String) {
        let (before, mut ctes) = self.sources.print(base);
        ctes.extend(self.ctes);
        let ctes: Vec<String> = ctes.iter().map(Cte::print).collect();
        (before, format!("WITH\n{}\n\n{select}", ctes.join(",\n\n")))
    }

    fn cte(&mut self, name: &str, comment: &str, body: String) {
        self.ctes.push(Cte { comment: comment.into(), name: name.into(), body });
    }

    /// Columns that name a pupil inside the query: `key_1, key_2, …`.
    fn keys(&self) -> Vec<String> {
        (1..=self.plan.pupils.key.0.len().max(1)).map(|i| format!("key_{i}")).collect()
    }

    /// `key_1, key_2`, each with `table` before it.
    fn keys_of(&self, table: &str) -> String {
        let keys: Vec<String> = self.keys().iter().map(|k| format!("{table}.{k}")).collect();
        keys.join(", ")
    }

    /// That two tables have the same keys.
    fn same(&self, a: &str, b: &str) -> String {
        let same: Vec<String> = self.keys().iter().map(|k| format!("{a}.{k} = {b}.{k}")).collect();
        same.join(" AND ")
    }

    fn using(&self) -> String {
        format!("USING ({})", self.keys().join(", "))
    }

    /// A cell as text.
    fn text(&self, cell: &Cell) -> String {
        if cell.is_csv { cell.name.clone() } else { self.sql.text(&cell.name) }
    }

    /// A cell without spaces around it; an empty text is no value.
    fn trimmed(&self, cell: &Cell) -> String {
        format!("NULLIF(TRIM({}), '')", self.text(cell))
    }

    fn number(&self, cell: &Cell) -> String {
        let value = if cell.is_csv { self.trimmed(cell) } else { cell.name.clone() };
        format!("CAST({value} AS DOUBLE)")
    }

    /// A day: a date, or on the axis `days` a whole number.
    fn day(&self, cell: &Cell) -> String {
        let format = self.plan.study.time.date_format.as_deref();
        match (self.plan.study.time.axis, format) {
            (Axis::Days, _) if cell.is_csv => format!("CAST({} AS INTEGER)", self.trimmed(cell)),
            (Axis::Days, _) => format!("CAST({} AS INTEGER)", cell.name),
            (Axis::Calendar, None) if cell.is_csv => {
                format!("CAST({} AS DATE)", self.trimmed(cell))
            }
            (Axis::Calendar, None) => format!("CAST({} AS DATE)", cell.name),
            (Axis::Calendar, Some(format)) if cell.is_csv => self.sql.parse_date(&self.trimmed(cell), format),
            (Axis::Calendar, Some(format)) => format!(
                "CASE WHEN {} THEN {} ELSE CAST({} AS DATE) END",
                self.sql.is_text(&cell.name),
                self.sql.parse_date(&self.trimmed(cell), format),
                cell.name
            ),
        }
    }

    fn day_type(&self) -> &'static str {
        match self.plan.study.time.axis {
            Axis::Days => "INTEGER",
            Axis::Calendar => "DATE",
        }
    }

    fn no_day(&self) -> String {
        format!("CAST(NULL AS {})", self.day_type())
    }

    /// The day before one.
    fn before(&self, day: &str) -> String {
        match self.plan.study.time.axis {
            Axis::Days => format!("{day} - 1"),
            Axis::Calendar => format!("{day} - INTERVAL '1' DAY"),
        }
    }

    /// The day before the landmark.
    fn before_landmark(&self) -> String {
        self.before("p.landmark")
    }

    /// The table, in the order of its rows.
    fn select(&self) -> String {
        let name = |n: &str| self.sql.name(n);
        let school = match self.school_of_row() {
            of_start @ "p.school" => of_start.to_string(),
            of_row => format!("{of_row} AS school"),
        };
        let mut columns = vec![format!("{} AS pupil", self.pupil()), school, "p.cohort".into(), "o.period".into()];
        for (i, e) in self.plan.exposures.iter().enumerate() {
            let (dose, name) = (self.transformed(i, ""), name(&format!("dose_{}", e.entry.id)));
            columns.push(if dose.ends_with(&format!(".{name}")) { dose } else { format!("{dose} AS {name}") });
        }
        for c in self.plan.covariates {
            columns.push(format!("p.{} AS {}", name(&format!("covariate_{}", c.id)), name(&c.id)));
        }
        columns.push(format!("o.y AS {}", name(&self.outcome.entry.id)));
        if self.outcome.entry.causes.is_some() {
            columns.push(format!("o.way_out AS {}", name(&format!("{}_exit", self.outcome.entry.id))));
        }
        let counts = self.plan.exposures.iter().any(ExposurePlan::counts_activities);
        let mut text = format!(
            "SELECT\n{}\nFROM outcome AS o\nJOIN pupils AS p {}",
            lines(columns.into_iter(), ","),
            self.using()
        );
        text += &self.dose_joins("");
        text += &self.stay_of_row();
        if counts && self.plan.activities.is_some_and(|a| a.silent == Silent::Exclude) {
            text += "\n-- A school and cohort without any registration is not measured, which is not zero";
            let (joins, condition) = self.measured(&self.last_day());
            text += &joins;
            text += &condition.map_or(String::new(), |condition| format!("\nWHERE {condition}"));
        }
        if self.plan.exposures.is_empty() {
            text += "\nWHERE FALSE -- no exposure, no analysis set";
        }
        text + &format!("\nORDER BY {}, o.period", self.keys_of("o"))
    }

    /// One row per school and cohort of the table.
    fn select_cells(&self) -> String {
        let name = |n: &str| self.sql.name(n);
        let y = name(&self.outcome.entry.id);
        let dose = |e: &ExposurePlan<'_>| {
            let dose = name(&format!("dose_{}", e.entry.id));
            format!("AVG({dose}) AS {dose}")
        };
        let mut columns =
            vec!["school".into(), "cohort".into(), "COUNT(*) AS pupils".into(), format!("SUM({y}) AS {y}")];
        columns.extend(self.plan.exposures.iter().map(dose));
        format!(
            "SELECT\n{}\nFROM (\n{}\n) AS panel\nGROUP BY school, cohort\nORDER BY school, cohort",
            lines(columns.into_iter(), ","),
            lines(self.select().lines().map(String::from), "")
        )
    }

    /// The parts of the key with a space between them.
    fn pupil(&self) -> String {
        let keys: Vec<String> = self.keys().iter().map(|k| format!("o.{k}")).collect();
        if self.plan.pupils.key.0.is_empty() { self.sql.text(&keys[0]) } else { keys.join(" || ' ' || ") }
    }
}

/// The condition that a label of so many columns is there.
fn is_label(label: &str, columns: usize) -> String {
    if columns == 1 { format!("{label} <> ''") } else { format!("{label} IS NOT NULL") }
}

/// A number that every dialect reads as a double.
fn double(value: f64) -> String {
    format!("{value:e}")
}
