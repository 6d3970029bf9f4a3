//! Pattern cells ([`crate::panel::patterns`]) as queries, and the script by which another engine makes them and says what it
//! wrote.

use std::path::Path;

use super::{Dialect, Query, lines};
use crate::panel::patterns::{SCHOOL_START, number_columns};
use crate::panel::plan::Plan;
use crate::panel::question::Question;
use crate::vocab::OutcomeRule;

/// One statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it makes, in words; nothing for one that only prepares.
    pub makes: Option<String>,
    /// Its text, with its end.
    pub sql: String,
}

/// All that makes the cells of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// In order.
    pub statements: Vec<Statement>,
    /// Names of the folders or files of cells, below the folder of the script.
    pub cells: Vec<String>,
    /// Name of what holds number of rows, pupils and checksum.
    pub check: String,
}

/// Divisor of the checksum of a row, so that no sum of a hundred million millions of rows is too large.
pub const MODULUS: i64 = 1_000_003;

impl Script {
    /// The text that an engine runs.
    pub fn text(&self) -> String {
        self.statements.iter().map(|s| format!("{}\n\n", s.sql)).collect()
    }
}

/// Prints the query of the patterns of outcome `outcome`, or with `None` of the pupils themselves; `None` for scores, which
/// have no patterns, and for a study without outcomes.
pub fn print_patterns(plan: &Plan<'_>, outcome: Option<usize>, dialect: Dialect, base: &Path) -> Option<String> {
    let (before, query) = query(plan, outcome, dialect, base)?;
    let before: Vec<String> = before.iter().map(|s| format!("{s}\n\n")).collect();
    Some(format!("{}{query};\n", before.concat()))
}

/// The script that writes all cells of a study below the folder `to`.
pub fn script(plan: &Plan<'_>, dialect: Dialect, base: &Path, to: &str) -> Script {
    let end = if dialect == Dialect::DuckDb { ".parquet" } else { "" };
    let mut script = Script { statements: Vec::new(), cells: Vec::new(), check: format!("check{end}") };
    let sets = std::iter::once(None).chain((0..plan.outcomes.len()).map(Some));
    for outcome in sets {
        let Some((before, query)) = query(plan, outcome, dialect, base) else { continue };
        let name = outcome.map_or("the pupils".to_string(), |o| format!("`{}`", plan.outcomes[o].entry.id));
        let file = format!("cells_{}{end}", script.cells.len());
        script.statements.extend(before.into_iter().map(|sql| Statement { makes: None, sql }));
        let sql = dialect.write(&query, &format!("{to}/{file}"));
        script.statements.push(Statement { makes: Some(format!("cells of {name}")), sql });
        script.cells.push(file);
    }
    let written: Vec<String> = script.cells.iter().map(|file| dialect.written(&format!("{to}/{file}"))).collect();
    let sql = dialect.write(&check(plan, &written), &format!("{to}/{}", script.check));
    script.statements.push(Statement { makes: Some("the check".into()), sql });
    script
}

/// Rows, pupils and checksum of what was written.
fn check(plan: &Plan<'_>, written: &[String]) -> String {
    let thousandths = |x: &str| format!("CAST(ROUND(COALESCE({x}, 0e0) * 1000e0) AS BIGINT)");
    let mut parts =
        vec!["n".to_string(), thousandths("y"), "LENGTH(school)".into(), "LENGTH(cohort)".into(), "period".into()];
    parts.extend(number_columns(plan).iter().map(|name| thousandths(&format!("\u{1}{name}\u{1}"))));
    let selects: Vec<String> = written.iter().map(|from| format!("SELECT * FROM {from}")).collect();
    let quote = if written.iter().any(|from| from.starts_with("parquet.")) { "`" } else { "\"" };
    let sum = parts.join(" + ").replace('\u{1}', quote);
    format!(
        "SELECT COUNT(*) AS lines, CAST(SUM(n) AS BIGINT) AS pupils, CAST(SUM(MOD({sum}, {MODULUS})) AS BIGINT) AS checksum\n\
         FROM (\n  {}\n) AS written",
        selects.join("\n  UNION ALL ")
    )
}

fn query(plan: &Plan<'_>, outcome: Option<usize>, dialect: Dialect, base: &Path) -> Option<(Vec<String>, String)> {
    let at = outcome.unwrap_or(0);
    if plan.outcomes.len() <= at || outcome.is_some_and(|o| plan.outcomes[o].rule() == OutcomeRule::Score) {
        return None;
    }
    let mut query = Query::new(plan, at, dialect);
    query.is_patterns = true;
    query.pupils(at);
    query.activities();
    match outcome {
        Some(_) => query.outcome(),
        None => query.everyone(),
    }
    query.doses("outcome", "");
    let select = query.select_patterns(outcome.is_some());
    Some(query.parts(&select, base))
}

impl Query<'_> {
    /// Every pupil once, with the day before which the describing doses are known.
    fn everyone(&mut self) {
        let keys = self.keys_of("p");
        let body = if self.plan.pupils.landmark.is_some() {
            let before = self.before_landmark();
            let mut left = String::new();
            if self.plan.pupils.enrolled_to.is_some() {
                left += &format!(" WHEN p.enrolled_to < {before} THEN 'left_before_landmark'");
            }
            if self.plan.study.stays.is_some() {
                left += &format!(" WHEN p.outside_on <= {before} THEN 'other_school'");
            }
            format!(
                "SELECT {keys}, 0 AS period, p.landmark AS known_before, 0e0 AS y,\n  \
                 CASE WHEN p.landmark IS NULL THEN 'no_landmark'{left} END AS fell_out\nFROM pupils AS p"
            )
        } else {
            self.periods();
            let left =
                if self.plan.study.stays.is_some() { " WHEN t.starts_on IS NULL THEN 'other_school'" } else { "" };
            format!(
                "SELECT {keys}, 0 AS period, t.starts_on AS known_before, 0e0 AS y,\n  \
                 CASE WHEN p.origin IS NULL THEN 'no_origin'{left} END AS fell_out\n\
                 FROM pupils AS p\nLEFT JOIN periods AS t ON {} AND t.period = {}",
                self.same("t", "p"),
                self.plan.periods - 1
            )
        };
        self.cte("outcome", "Every pupil once, with the day before which the dose that is described is known", body);
    }

    /// Rows that are equal, counted.
    fn select_patterns(&self, is_set: bool) -> String {
        let plan = self.plan;
        let none = format!("CAST(NULL AS {})", self.sql.text_type());
        let day = match is_set {
            true => self.last_day(),
            false if plan.pupils.landmark.is_some() => self.before_landmark(),
            false => "o.known_before".into(),
        };
        let (registering, registered) =
            if plan.activities.is_some() { self.registered(&day) } else { (String::new(), "FALSE".into()) };
        let (stay, school) =
            if is_set { (self.stay_of_row(), self.school_of_row()) } else { (String::new(), "p.school") };
        let has_name = !is_set && plan.pupils.school_name.is_some();
        let mut keys = vec![
            ("fell_out".to_string(), if is_set { none.clone() } else { "o.fell_out".into() }),
            ("school".into(), school.into()),
            ("cohort".into(), "p.cohort".into()),
            ("period".into(), "CAST(o.period AS INTEGER)".into()),
            ("registered".into(), registered),
            ("provisional".into(), if is_set { self.provisional() } else { "FALSE".into() }),
        ];
        keys.extend(plan.study.stays.iter().map(|_| (SCHOOL_START.to_string(), "p.school".to_string())));
        for (i, e) in plan.exposures.iter().enumerate() {
            let dose = self.uncapped(i);
            let waits = e.counts_activities() || e.per_year;
            let dose =
                if is_set || !waits { dose } else { format!("CASE WHEN o.known_before IS NOT NULL THEN {dose} END") };
            keys.push((self.sql.name(&format!("dose_{}", e.entry.id)), dose));
        }
        for c in plan.covariates {
            let name = self.sql.name(&format!("covariate_{}", c.id));
            keys.push((name.clone(), format!("p.{name}")));
        }
        let mut rows: Vec<String> = keys.iter().map(|(name, value)| format!("  {value} AS {name}")).collect();
        rows.push("  o.y AS y".into());
        rows.extend(has_name.then(|| "  p.school_name AS school_name".into()));
        let from =
            format!("FROM outcome AS o\nJOIN pupils AS p {}{}{stay}{registering}", self.using(), self.dose_joins(""));
        let outcome = if is_set { self.sql.quoted(&self.outcome.entry.id) } else { none.clone() };
        let name = if has_name { "MIN(NULLIF(school_name, ''))".into() } else { none };
        let names: Vec<String> = keys.into_iter().map(|(name, _)| name).collect();
        let shown = [format!("{outcome} AS outcome"), format!("{name} AS school_name")].into_iter();
        let sums = ["CAST(COUNT(*) AS BIGINT) AS n", "SUM(y) AS y", "SUM(y * y) AS y_squares"].map(String::from);
        format!(
            "SELECT\n{}\nFROM (\n  SELECT\n{}\n  {}\n) AS panel\nGROUP BY {}",
            lines(shown.chain(names.iter().cloned()).chain(sums), ","),
            lines(rows.into_iter(), ","),
            from.replace('\n', "\n  "),
            names.join(", ")
        )
    }

    /// Whether the outcome is counted after the day up to which enrolments are final.
    fn provisional(&self) -> String {
        let until = self.plan.enrolments.and_then(|e| e.definitive_until.as_deref());
        match Question::of(self.outcome.rule()).map(|q| q.years().1).zip(until) {
            Some((k, until)) => format!("{} > DATE '{until}'", super::enrolled::count_date(k)),
            None => "FALSE".into(),
        }
    }
}

/// Whether SQL can read what a study reads: files of CSV and Parquet, with person numbers that need no key.
///
/// # Errors
/// What it can't read, in words.
pub fn assert_readable(plan: &Plan<'_>) -> Result<(), String> {
    use crate::study::file::Format;
    for (name, source) in &plan.study.sources {
        let format = |file: &String| source.format.unwrap_or_else(|| Format::of_name(file));
        if source.files.0.iter().any(|f| !matches!(format(f), Format::Csv | Format::Parquet)) {
            return Err(format!("sources.{name} is no CSV or Parquet; `lob ingest` makes Parquet of it"));
        }
        if !source.ids.is_empty() {
            return Err(format!(
                "sources.{name} holds identifiers that become pseudonyms while they are read, which an engine can't do; \
                 `lob ingest` makes tables with pseudonyms"
            ));
        }
    }
    Ok(())
}
