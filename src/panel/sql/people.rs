//! Pupils, the calendar of their periods, activities.

use super::{Query, double, is_label, lines};
use crate::panel::plan::{Counted, DoseFrom, ExposurePlan};
use crate::panel::pupils::column_of;
use crate::study::file::{Axis, Covariate, Silent};
use crate::vocab::{OutcomeRule, PeriodLength};

impl<'p> Query<'p> {
    /// One row per pupil. `outcome` is the outcome's position, whose value or event day may stand here.
    pub(super) fn pupils(&mut self, outcome: usize) {
        let p = self.plan.pupils;
        let mut columns = self.key_columns(&p.source, &p.key.0);
        if p.key.0.is_empty() {
            columns.push(format!("{} AS key_1", self.sql.row_number()));
        }
        let school = self.joined(&p.source, &p.school.0);
        let has_stays = self.plan.study.stays.is_some();
        let school_column = if has_stays { "listed_school" } else { "school" };
        columns.push(format!("{school} AS {school_column}"));
        let cohort = p.cohort.as_ref().filter(|c| !c.0.is_empty()).map(|c| self.joined(&p.source, &c.0));
        columns.push(cohort.map_or("'' AS cohort".into(), |c| format!("COALESCE({c}, '') AS cohort")));
        if let Some(name) = p.school_name.as_ref().filter(|_| self.is_patterns) {
            let cell = self.sources.want(&p.source, name);
            columns.push(format!("{} AS {}", self.text(&cell), if has_stays { "listed_name" } else { "school_name" }));
        }
        let origin = self.origin();
        columns.push(format!("{origin} AS origin"));
        columns.extend(self.observed_until(&origin));
        let days = [
            (&p.landmark, "landmark"),
            (&p.enrolled_from, "enrolled_from"),
            (&p.enrolled_to, "enrolled_to"),
            (&p.known_until, "known_until"),
        ];
        for (column, name) in days {
            if let Some(column) = column {
                let cell = self.sources.want(&p.source, column);
                columns.push(format!("{} AS {name}", self.day(&cell)));
            }
        }
        if let Some(linked) = &p.linked {
            let cell = self.sources.want(&p.source, &linked.column);
            let is = format!("COALESCE({} IN ({}), FALSE)", self.text(&cell), self.sql.list(&linked.is.0));
            let is = if linked.is.0.is_empty() { "FALSE".into() } else { is };
            columns.push(format!("{is} AS linked"));
        }
        for c in self.plan.covariates {
            let name = self.sql.name(&format!("covariate_{}", c.id));
            columns.push(format!("{} AS {name}", self.covariate(c)));
        }
        for e in &self.plan.exposures {
            if let DoseFrom::Column(column) = e.from {
                let cell = self.sources.want(&p.source, column);
                columns.push(format!("{} AS {}", self.number(&cell), self.sql.name(&format!("dose_{}", e.entry.id))));
            }
        }
        columns.extend(self.traits());
        columns.extend(self.of_outcome(outcome));
        if let (None, Some(cause)) = (&self.outcome.entry.source, &self.outcome.entry.cause) {
            let cell = self.sources.want(&p.source, cause);
            columns.push(format!("{} AS cause", self.exit(&self.text(&cell))));
        }

        let mut keep: Vec<String> = match p.key.0.as_slice() {
            [] => Vec::new(),
            [_] => vec!["key_1 <> ''".into()],
            several => (1..=several.len()).map(|i| format!("key_{i} IS NOT NULL")).collect(),
        };
        keep.push(is_label(school_column, p.school.0.len()));
        let select =
            format!("SELECT\n{}\nFROM {} AS s", lines(columns.into_iter(), ","), self.sources.table(&p.source));
        let is_keyed = !p.key.0.is_empty();
        let (comment, body) = if is_keyed {
            let body = format!(
                "SELECT DISTINCT *\nFROM (\n{}\n) AS read\nWHERE {}",
                lines(select.lines().map(String::from), ""),
                keep.join(" AND ")
            );
            ("Pupils: exact copies of a row are dropped, rows without a key or a school too", body)
        } else {
            let body = format!("{select}\nWHERE {school} <> ''");
            ("Pupils: every row is a pupil, rows without a school are dropped", body)
        };
        self.cte(if has_stays { "listed" } else { "pupils" }, comment, body);
        self.stays();
    }

    /// The parts of a key as text columns `key_1, key_2, …`.
    pub(super) fn key_columns(&mut self, source: &'p str, key: &[String]) -> Vec<String> {
        let mut columns = Vec::new();
        for (i, column) in key.iter().enumerate() {
            let cell = self.sources.want(source, column);
            columns.push(format!("{} AS key_{}", self.text(&cell), i + 1));
        }
        columns
    }

    /// Texts with a space between them; NULL when one is missing.
    pub(super) fn joined(&mut self, source: &'p str, columns: &[String]) -> String {
        let mut parts = Vec::new();
        for column in columns {
            let cell = self.sources.want(source, column);
            parts.push(self.text(&cell));
        }
        parts.join(" || ' ' || ")
    }

    fn origin(&mut self) -> String {
        let p = self.plan.pupils;
        match (&p.origin, self.plan.study.time.axis) {
            (Some(column), _) => {
                let cell = self.sources.want(&p.source, column);
                self.day(&cell)
            }
            (None, Axis::Days) => "0".into(),
            (None, Axis::Calendar) => "DATE '1970-01-01'".into(),
        }
    }

    /// The last day of observation: a day, or the last of a number of days from the origin.
    fn observed_until(&mut self, origin: &str) -> Option<String> {
        let p = self.plan.pupils;
        let day = match (&p.length, &p.end) {
            (Some(column), _) => {
                let cell = self.sources.want(&p.source, column);
                let days = format!("(CAST(FLOOR({}) AS INTEGER) - 1)", self.number(&cell));
                match self.plan.study.time.axis {
                    Axis::Days => format!("{origin} + {days}"),
                    Axis::Calendar => format!("CAST({origin} + {days} * INTERVAL '1' DAY AS DATE)"),
                }
            }
            (None, Some(column)) => {
                let cell = self.sources.want(&p.source, column);
                self.day(&cell)
            }
            (None, None) => return None,
        };
        Some(format!("{day} AS observed_until"))
    }

    /// Recoded, the position of its level, or as it is; clipped to `min` and `max`, where a missing value
    /// stays missing.
    fn covariate(&mut self, c: &Covariate) -> String {
        let cell = self.sources.want(&self.plan.pupils.source, column_of(c));
        let text = self.text(&cell);
        let cases = |pairs: Vec<(&String, f64)>| {
            let whens: Vec<String> =
                pairs.iter().map(|(t, v)| format!("WHEN {} THEN {}", self.sql.quoted(t), double(*v))).collect();
            format!("CASE {text} {} END", whens.join(" "))
        };
        let value = if !c.recode.is_empty() {
            cases(c.recode.iter().map(|(t, v)| (t, *v)).collect())
        } else if !c.levels.is_empty() {
            cases(c.levels.iter().enumerate().map(|(i, t)| (t, i as f64)).collect())
        } else {
            self.number(&cell)
        };
        match (c.min, c.max) {
            (None, None) => value,
            (min, max) => {
                let low = min.map_or(String::new(), |m| format!("WHEN {value} < {0} THEN {0} ", double(m)));
                let high = max.map_or(String::new(), |m| format!("WHEN {value} > {0} THEN {0} ", double(m)));
                format!("CASE {low}{high}ELSE {value} END")
            }
        }
    }

    /// The value or the event day of the outcome, when the pupil table holds it.
    fn of_outcome(&mut self, outcome: usize) -> Option<String> {
        let o = &self.plan.outcomes[outcome];
        let source = &self.plan.pupils.source;
        match (o.rule(), &o.entry.source) {
            (OutcomeRule::Column, _) => {
                let cell = self.sources.want(source, o.entry.column.as_deref().unwrap_or(&o.entry.id));
                Some(format!("{} AS y", self.number(&cell)))
            }
            (OutcomeRule::Event, None) => {
                let cell = self.sources.want(source, o.entry.date.as_deref().unwrap_or(&o.entry.id));
                Some(format!("{} AS event_on", self.day(&cell)))
            }
            _ => None,
        }
    }

    /// First day of each period of each pupil, and of the period after it.
    pub(super) fn periods(&mut self) {
        if std::mem::replace(&mut self.has_periods, true) {
            return;
        }
        let (n, keys) = (self.plan.periods, self.keys_of("p"));
        let start = |k: &str| match (self.plan.study.time.axis, self.plan.period) {
            (Axis::Days, PeriodLength::Days(days) | PeriodLength::Months(days)) => {
                format!("p.origin + {days} * {k}")
            }
            (Axis::Calendar, PeriodLength::Days(days)) => {
                format!("CAST(p.origin + {k} * INTERVAL '{days}' DAY AS DATE)")
            }
            (Axis::Calendar, PeriodLength::Months(months)) => {
                format!("CAST(p.origin + {k} * INTERVAL '{months}' MONTH AS DATE)")
            }
        };
        let numbers: Vec<String> = (0..n).map(|k| format!("({k})")).collect();
        let body = format!(
            "SELECT\n  {keys},\n  n.period,\n  {} AS starts_on,\n  {} AS next_starts_on\nFROM pupils AS p\n\
             CROSS JOIN (VALUES {}) AS n(period)\nWHERE p.origin IS NOT NULL{}",
            start("n.period"),
            start("(n.period + 1)"),
            numbers.join(", "),
            self.inside(&start("n.period"))
        );
        self.cte("periods", &format!("Periods: {n} from each pupil's own origin"), body);
    }

    /// Activities that count, and which schools and cohorts register at all.
    pub(super) fn activities(&mut self) {
        let Some(a) = self.plan.activities else {
            return;
        };
        let is_asked = self.is_registration || self.is_patterns;
        if !is_asked && !self.plan.exposures.iter().any(ExposurePlan::counts_activities) {
            return;
        }
        let mut columns = self.key_columns(&a.source, &a.key.0);
        let date = self.sources.want(&a.source, &a.date);
        columns.push(format!("{} AS dated", self.day(&date)));
        if let Some(kind) = &a.kind {
            let cell = self.sources.want(&a.source, kind);
            columns.push(format!("{} AS kind", self.recoded(&self.text(&cell))));
        }
        let adds_up = |e: &ExposurePlan<'_>| matches!(e.from, DoseFrom::Activities { measure: Counted::Amount, .. });
        let amount = a.amount.as_ref().filter(|_| self.plan.exposures.iter().any(adds_up));
        if let Some(amount) = amount {
            let cell = self.sources.want(&a.source, amount);
            columns.push(format!("CAST(ROUND({} * 1000e0) AS BIGINT) AS thousandths", self.number(&cell)));
            columns.push(format!("COALESCE({} < 0, FALSE) AS is_negative", self.number(&cell)));
        }
        columns.extend(self.watched(a));
        let mut keep = vec!["a.dated IS NOT NULL".to_string()];
        let p = self.plan.pupils;
        if p.enrolled_from.is_some() {
            keep.push("(p.enrolled_from IS NULL OR a.dated >= p.enrolled_from)".into());
        }
        if p.enrolled_to.is_some() {
            keep.push("(p.enrolled_to IS NULL OR a.dated <= p.enrolled_to)".into());
        }
        if amount.is_some() {
            keep.push("NOT a.is_negative".into());
        }
        let kept = ["dated", "kind", "thousandths", "entered", "system"];
        let has = |name: &&&str| columns.iter().any(|c| c.ends_with(&format!(" AS {name}")));
        let kept: Vec<String> = kept.iter().filter(has).map(|name| format!("a.{name}")).collect();
        let school = match self.plan.study.stays {
            Some(_) => "COALESCE(v.school, p.school) AS school, p.school AS home",
            None => "p.school",
        };
        let body = format!(
            "SELECT {}, {school}, p.cohort, {}\nFROM (\n  SELECT\n{}\n  FROM {} AS s\n) AS a\nJOIN pupils AS p {}{}\n\
             WHERE {}",
            self.keys_of("a"),
            kept.join(", "),
            lines(columns.iter().map(|c| format!("  {c}")), ","),
            self.sources.table(&a.source),
            self.using(),
            self.stay_on("v", "a", "a.dated"),
            keep.join("\n  AND ")
        );
        self.cte("activities", "Activities of known pupils, dated within their enrolment", body);
        if a.silent == Silent::Exclude || self.is_patterns {
            let body = "SELECT DISTINCT school, cohort FROM activities".to_string();
            self.cte("registering", "Schools and cohorts in which anyone registered anything", body);
            self.silenced();
        }
    }

    fn recoded(&self, text: &str) -> String {
        let recode = self.plan.activities.map(|a| &a.recode).filter(|r| !r.is_empty());
        let text = format!("COALESCE({text}, '')");
        let Some(recode) = recode else { return text };
        let whens: Vec<String> = recode
            .iter()
            .map(|(from, to)| format!("WHEN {} THEN {}", self.sql.quoted(from), self.sql.quoted(to)))
            .collect();
        format!("CASE {text} {} ELSE {text} END", whens.join(" "))
    }
}
