//! Doses known before each row: sums, days, triples; per school year, capped, on a log scale.

use super::{Query, double, lines};
use crate::panel::plan::{Counted, DoseFrom, ExposurePlan};
use crate::study::file::{Axis, Silent, Transform};
use crate::vocab::PeriodLength;

impl Query<'_> {
    /// The doses known before each row of the table `rows` (keys, period, known_before); `suffix` names the tables.
    pub(super) fn doses(&mut self, rows: &str, suffix: &str) {
        let plan = self.plan;
        for (i, e) in plan.exposures.iter().enumerate() {
            if let DoseFrom::Triples { parts, within } = &e.from {
                if suffix.is_empty() {
                    self.triples(i, &e.entry.id, parts, *within);
                }
                self.dose_table(
                    &format!("dose_{i}{suffix}"),
                    &format!("Completed triples of `{}`", e.entry.id),
                    rows,
                    &format!("triples_{i}"),
                    vec![format!("CAST(COUNT(a.dated){} AS DOUBLE) AS dose", only(&self.in_window(e)))],
                );
            }
        }
        let doses: Vec<String> = plan.exposures.iter().filter_map(|e| self.dose(e)).collect();
        if doses.is_empty() {
            return;
        }
        let comment = if !suffix.is_empty() {
            "Doses on which caps are measured"
        } else if self.outcome.has_landmark() {
            "Doses known before the landmark"
        } else {
            "Doses known before the first day of each period"
        };
        self.dose_table(&format!("doses{suffix}"), comment, rows, "activities", doses);
    }

    fn dose_table(&mut self, name: &str, comment: &str, rows: &str, from: &str, doses: Vec<String>) {
        let keys = self.keys_of("o");
        let body = format!(
            "SELECT\n  {keys},\n  o.period,\n{}\nFROM {rows} AS o\nLEFT JOIN {from} AS a\n  \
             ON {}\n  AND a.dated < o.known_before\nGROUP BY {keys}, o.period",
            lines(doses.into_iter(), ","),
            self.same("a", "o")
        );
        self.cte(name, comment, body);
    }

    fn dose(&self, e: &ExposurePlan<'_>) -> Option<String> {
        let DoseFrom::Activities { types, measure } = &e.from else {
            return None;
        };
        let mut conditions = match types.as_deref() {
            None => Vec::new(),
            Some([]) => vec!["FALSE".into()],
            Some(types) => vec![format!("a.kind IN ({})", self.sql.list(types))],
        };
        conditions.extend(self.in_window(e));
        let only = only(&conditions);
        let sum = match measure {
            Counted::Registrations => format!("CAST(COUNT(a.dated){only} AS DOUBLE)"),
            Counted::Days => format!("CAST(COUNT(DISTINCT a.dated){only} AS DOUBLE)"),
            Counted::Amount => {
                format!("CAST(COALESCE(SUM(a.thousandths){only}, 0) AS DOUBLE) / 1000e0")
            }
        };
        Some(format!("{sum} AS {}", self.sql.name(&format!("dose_{}", e.entry.id))))
    }

    /// The condition that an activity before a row is also in the window of a dose; none where all before it counts.
    fn in_window(&self, e: &ExposurePlan<'_>) -> Vec<String> {
        let before = |length: PeriodLength| match (self.plan.study.time.axis, length) {
            (Axis::Days, PeriodLength::Days(n) | PeriodLength::Months(n)) => format!("{n}"),
            (Axis::Calendar, PeriodLength::Days(n)) => format!("INTERVAL '{n}' DAY"),
            (Axis::Calendar, PeriodLength::Months(n)) => format!("INTERVAL '{n}' MONTH"),
        };
        e.entry.window.iter().map(|w| format!("a.dated >= o.known_before - {}", before(*w))).collect()
    }

    /// Days on which triples are completed.
    fn triples(&mut self, i: usize, id: &str, parts: &[Vec<String>; 3], within: i32) {
        let is = |table: &str, part: usize| match parts[part].as_slice() {
            [] => "FALSE".to_string(),
            types => format!("{table}.kind IN ({})", self.sql.list(types)),
        };
        let (keys, of_x) = (self.keys_of("e"), self.keys_of("x"));
        let talked = format!(
            "SELECT {keys}, e.dated, MIN(c.dated) AS talked\nFROM activities AS e\nJOIN activities AS c\n  \
             ON {}\n  AND c.dated >= e.dated\nWHERE {} AND {}\nGROUP BY {keys}, e.dated",
            self.same("c", "e"),
            is("e", 0),
            is("c", 1)
        );
        let until = match self.plan.study.time.axis {
            Axis::Days => format!("w.experienced + {within}"),
            Axis::Calendar => format!("w.experienced + INTERVAL '{within}' DAY"),
        };
        let written = format!(
            "SELECT {of_x}, x.dated AS experienced, MIN(r.dated) AS dated\nFROM (\n{}\n) AS x\nJOIN activities AS r\n  \
             ON {}\n  AND r.dated >= x.talked\nWHERE {}\nGROUP BY {of_x}, x.dated",
            lines(talked.lines().map(String::from), ""),
            self.same("r", "x"),
            is("r", 2)
        );
        let body = format!(
            "SELECT DISTINCT {}, w.dated\nFROM (\n{}\n) AS w\nWHERE w.dated <= {until}",
            self.keys_of("w"),
            lines(written.lines().map(String::from), "")
        );
        let comment = format!(
            "Triples of `{id}`: each experience takes the first conversation from its day on and the first reflection\n\
             from that day on; days on which one is completed within {within} days"
        );
        self.cte(&format!("triples_{i}"), &comment, body);
    }

    /// The joins of the tables that [`Query::doses`] made to the rows `o`.
    pub(super) fn dose_joins(&self, suffix: &str) -> String {
        let join = |table: &str, alias: &str| {
            format!("\nJOIN {table} AS {alias} ON {} AND {alias}.period = o.period", self.same(alias, "o"))
        };
        let mut joins = String::new();
        let exposures = &self.plan.exposures;
        if exposures.iter().any(|e| matches!(e.from, DoseFrom::Activities { .. })) {
            joins += &join(&format!("doses{suffix}"), "d");
        }
        for i in (0..exposures.len()).filter(|i| matches!(exposures[*i].from, DoseFrom::Triples { .. })) {
            joins += &join(&format!("dose_{i}{suffix}"), &format!("t{i}"));
        }
        joins
    }

    /// The dose of an exposure before cap and logarithm, in a query with the rows `o`, pupils `p` and their doses.
    pub(super) fn uncapped(&self, i: usize) -> String {
        let e = &self.plan.exposures[i];
        let dose = self.sql.name(&format!("dose_{}", e.entry.id));
        let sum = match &e.from {
            DoseFrom::Activities { .. } => format!("d.{dose}"),
            DoseFrom::Triples { .. } => format!("t{i}.dose"),
            DoseFrom::Column(_) => format!("p.{dose}"),
        };
        if !e.per_year {
            return sum;
        }
        let last = school_year(&format!("({})", self.before("o.known_before")));
        let years = format!("GREATEST({last} - {} + 1, 1)", school_year("p.enrolled_from"));
        format!("CASE WHEN p.enrolled_from IS NOT NULL THEN {sum} / CAST({years} AS DOUBLE) END")
    }

    /// The dose of an exposure as the panel has it.
    pub(super) fn transformed(&self, i: usize, suffix: &str) -> String {
        let entry = self.plan.exposures[i].entry;
        let dose = self.uncapped(i);
        let dose = match entry.cap {
            Some(_) if suffix.is_empty() => {
                let cap = format!("(SELECT cap FROM cap_{i})");
                format!("CASE WHEN {dose} > {cap} THEN {cap} ELSE {dose} END")
            }
            _ => dose,
        };
        match entry.transform {
            Transform::None => dose,
            Transform::Log1p => format!("LN(1e0 + {dose})"),
        }
    }

    /// Caps: the smallest dose that at least such a share of the pupils does not exceed.
    pub(super) fn caps(&mut self) {
        let plan = self.plan;
        let capped = |counts: bool| {
            let is =
                move |(_, e): &(usize, &ExposurePlan<'_>)| e.entry.cap.is_some() && e.counts_activities() == counts;
            plan.exposures.iter().enumerate().filter(is)
        };
        for counts in [true, false] {
            if capped(counts).next().is_none() {
                continue;
            }
            let (rows, suffix) = if counts { ("measured", "_measured") } else { ("described", "_described") };
            self.reference(rows, counts);
            if counts {
                self.doses(rows, suffix);
            }
            for (i, e) in capped(counts) {
                let q = double(e.entry.cap.expect("those with a cap"));
                let joins = if counts { self.dose_joins(suffix) } else { String::new() };
                let values = format!(
                    "SELECT {} AS dose\nFROM {rows} AS o\nJOIN pupils AS p {}{joins}",
                    self.uncapped(i),
                    self.using()
                );
                let body = format!(
                    "SELECT MIN(dose) AS cap\nFROM (\n  SELECT dose, ROW_NUMBER() OVER (ORDER BY dose) AS nth, \
                     COUNT(*) OVER () AS n\n  FROM (\n{}\n  ) AS v\n  WHERE dose IS NOT NULL\n) AS ranked\n\
                     WHERE nth >= CEIL({q} * n)",
                    lines(values.lines().map(|l| format!("  {l}")), "")
                );
                self.cte(
                    &format!("cap_{i}"),
                    &format!("The largest dose of `{}` that counts as it is", e.entry.id),
                    body,
                );
            }
        }
    }

    /// The pupils on whom caps are measured: at the landmark, or before the last period where there is no landmark; where
    /// activities are counted, those whose school and cohort registers.
    fn reference(&mut self, name: &str, counts: bool) {
        let (keys, mut keep) = (self.keys_of("p"), self.at_landmark());
        let (known_before, mut from) = match (self.plan.pupils.landmark.is_some(), counts) {
            (true, _) => ("p.landmark".to_string(), "pupils AS p".to_string()),
            (false, true) => {
                self.periods();
                keep.push(format!("t.period = {}", self.plan.periods - 1));
                ("t.starts_on".into(), format!("pupils AS p\nJOIN periods AS t {}", self.using()))
            }
            (false, false) => (self.no_day(), "pupils AS p".into()),
        };
        if counts && self.plan.activities.is_some_and(|a| a.silent == Silent::Exclude) {
            let has_landmark = self.plan.pupils.landmark.is_some();
            let until = if has_landmark { self.before_landmark() } else { "t.starts_on".into() };
            let (joins, condition) = self.measured(&until);
            from += &joins;
            keep.extend(condition);
        }
        let keep = if keep.is_empty() { String::new() } else { format!("\nWHERE {}", keep.join(" AND ")) };
        let body = format!("SELECT {keys}, 0 AS period, {known_before} AS known_before\nFROM {from}{keep}");
        self.cte(name, "Pupils on whom caps are measured", body);
    }
}

/// An aggregate's filter.
fn only(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!(" FILTER (WHERE {})", conditions.join(" AND ")) }
}

/// The first calendar year of the school year of a date.
fn school_year(date: &str) -> String {
    format!("(EXTRACT(YEAR FROM {date}) - CASE WHEN EXTRACT(MONTH FROM {date}) < 8 THEN 1 ELSE 0 END)")
}
