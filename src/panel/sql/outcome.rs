//! The rows of the analysis set: pupil, period, the day before which a dose is known, the outcome `y`.

use super::Query;
use crate::study::file::AfterEnd;
use crate::vocab::OutcomeRule;

impl<'p> Query<'p> {
    /// Prints `outcome`, and what it rests on.
    pub(super) fn outcome(&mut self) {
        match self.outcome.rule() {
            OutcomeRule::Event => self.event(),
            OutcomeRule::Score => self.scores(),
            OutcomeRule::Column => self.value(),
            OutcomeRule::ActiveOn { sector, k } => {
                self.enrolments();
                self.binary(&[(Some(sector), k)], "c0.programme IS NOT NULL");
            }
            OutcomeRule::NotEnrolledOn { k } => {
                self.enrolments();
                self.binary(&[(None, k)], "c0.programme IS NULL");
            }
            OutcomeRule::SameProgramme { sector, k } => {
                self.enrolments();
                self.binary(
                    &[(Some(sector), 0), (Some(sector), k)],
                    "COALESCE(c0.programme = c1.programme AND c0.programme <> '', FALSE)",
                );
            }
        }
    }

    /// Rows at risk of a dated event.
    fn event(&mut self) {
        let o = self.outcome.entry;
        let using = self.using();
        let (event_on, join) = match &o.source {
            None => ("p.event_on", String::new()),
            Some(source) => {
                let mut columns = self.key_columns(source, &o.key.0);
                let cell = self.sources.want(source, o.date.as_deref().unwrap_or(&o.id));
                columns.push(format!("MIN({}) AS event_on", self.day(&cell)));
                let group: Vec<String> = (1..=o.key.0.len()).map(|i| i.to_string()).collect();
                let body = format!(
                    "SELECT {}\nFROM {} AS s\nGROUP BY {}",
                    columns.join(", "),
                    self.sources.table(source),
                    group.join(", ")
                );
                self.cte("events", "The first event of each pupil", body);
                ("e.event_on", format!("\nLEFT JOIN events AS e {using}"))
            }
        };
        let observed_until = if self.plan.pupils.end.is_some() || self.plan.pupils.length.is_some() {
            "p.observed_until"
        } else {
            self.no_day()
        };
        let (event, words) = match o.after_end {
            AfterEnd::Censor => (
                format!("CASE WHEN {event_on} > {observed_until} THEN NULL ELSE {event_on} END"),
                "an event after it does not count",
            ),
            AfterEnd::AtEnd => (event_on.to_string(), "an event after it counts in the last period"),
        };
        let keys = self.keys_of("p");
        let body = format!(
            "SELECT {keys}, {event} AS event_on, {observed_until} AS observed_until\nFROM pupils AS p{join}\n\
             WHERE p.origin IS NOT NULL AND ({event_on} IS NULL OR {event_on} > p.origin)"
        );
        let comment = format!(
            "Pupils are followed to the event or the last day of observation; {words}.\n\
             An event on or before the origin: never at risk"
        );
        self.cte("followed", &comment, body);
        self.periods();
        let last = "COALESCE(LEAST(f.event_on, f.observed_until), f.event_on, f.observed_until)";
        let body = format!(
            "SELECT {}, t.period, t.starts_on AS known_before,\n  \
             CASE WHEN f.event_on IS NOT NULL AND {last} < t.next_starts_on THEN 1e0 ELSE 0e0 END AS y\n\
             FROM periods AS t\nJOIN followed AS f {using}\nWHERE t.starts_on <= {last}",
            self.keys_of("t")
        );
        self.cte("outcome", "At risk in every period that starts by the last day followed; y in the last one", body);
    }

    /// The last score of each pupil in each period; of two on one day the higher one.
    fn scores(&mut self) {
        let o = self.outcome.entry;
        let source = o.source.as_deref().expect("a checked score outcome has a source");
        let mut columns = self.key_columns(source, &o.key.0);
        let date = self.sources.want(source, o.date.as_deref().unwrap_or(&o.id));
        let value = self.sources.want(source, o.column.as_deref().unwrap_or(&o.id));
        columns.push(format!("{} AS dated", self.day(&date)));
        columns.push(format!("{} AS y", self.number(&value)));
        let body = format!("SELECT {}\nFROM {} AS s", columns.join(", "), self.sources.table(source));
        self.cte("scores", "Scores as they were taken", body);
        self.periods();
        let (keys, using) = (self.keys_of("t"), self.using());
        let body = format!(
            "SELECT {0}, period, known_before, y\nFROM (\n  \
             SELECT {keys}, t.period, t.starts_on AS known_before, x.y,\n    \
             ROW_NUMBER() OVER (PARTITION BY {keys}, t.period ORDER BY x.dated DESC, x.y DESC) AS from_last\n  \
             FROM periods AS t\n  JOIN scores AS x {using}\n  \
             WHERE x.y IS NOT NULL AND x.dated >= t.starts_on AND x.dated < t.next_starts_on\n) AS ranked\n\
             WHERE from_last = 1",
            self.keys().join(", ")
        );
        self.cte("outcome", "The last score of each pupil in each period; of two on one day the higher one", body);
    }

    /// A value of the pupils, at the landmark when the study has one.
    fn value(&mut self) {
        let known_before = if self.plan.pupils.landmark.is_some() { "p.landmark" } else { self.no_day() };
        let mut keep = vec!["p.y IS NOT NULL".to_string()];
        keep.extend(self.at_landmark());
        let body = format!(
            "SELECT {}, 0 AS period, {known_before} AS known_before, p.y\nFROM pupils AS p\nWHERE {}",
            self.keys_of("p"),
            keep.join("\n  AND ")
        );
        self.cte("outcome", "Pupils with a value", body);
    }

    /// Present at the landmark: still enrolled on the day before it.
    fn at_landmark(&self) -> Vec<String> {
        let p = self.plan.pupils;
        if p.landmark.is_none() {
            return Vec::new();
        }
        let mut keep = vec!["p.landmark IS NOT NULL".to_string()];
        if p.enrolled_to.is_some() {
            let before = match self.plan.study.time.axis {
                crate::study::file::Axis::Days => "p.landmark - 1",
                crate::study::file::Axis::Calendar => "p.landmark - INTERVAL '1' DAY",
            };
            keep.push(format!("(p.enrolled_to IS NULL OR p.enrolled_to >= {before})"));
        }
        keep
    }

    fn enrolments(&mut self) {
        let e = self.plan.enrolments.expect("a checked study has enrolments where an outcome rests on them");
        let mut columns = self.key_columns(&e.source, &e.key.0);
        for (column, name) in [(&e.from, "first_day"), (&e.to, "last_day")] {
            let cell = self.sources.want(&e.source, column);
            columns.push(format!("{} AS {name}", self.day(&cell)));
        }
        let sector = self.sources.want(&e.source, &e.sector);
        columns.push(format!("{} AS sector", self.text(&sector)));
        let programme = e.programme.as_ref().map(|column| {
            let cell = self.sources.want(&e.source, column);
            self.text(&cell)
        });
        columns.push(programme.map_or("'' AS programme".into(), |p| format!("COALESCE({p}, '') AS programme")));
        let body = format!("SELECT {}\nFROM {} AS s", columns.join(", "), self.sources.table(&e.source));
        self.cte("enrolments", "Enrolments in later education", body);
    }

    /// A yes or no at count dates: 1 October of the landmark's year + k, in `sector` (any, when `None`).
    fn binary(&mut self, probes: &[(Option<&str>, u8)], holds: &str) {
        let (keys, using) = (self.keys_of("p"), self.using());
        let mut joins = String::new();
        for (i, (sector, k)) in probes.iter().enumerate() {
            let on = count_date(*k);
            let in_sector = sector.map_or(String::new(), |s| format!("\n  AND e.sector = {}", self.sql.quoted(s)));
            let body = format!(
                "SELECT {keys}, MIN(e.programme) AS programme\nFROM pupils AS p\nJOIN enrolments AS e {using}\n\
                 WHERE e.first_day <= {on}\n  AND (e.last_day IS NULL OR e.last_day >= {on}){in_sector}\nGROUP BY {keys}"
            );
            let name = format!("on_count_date_{i}");
            let comment = format!(
                "Enrolled{} on 1 October, year {k} after the landmark's; of several programmes the smallest code",
                sector.map_or(String::new(), |s| format!(" in {s}"))
            );
            self.cte(&name, &comment, body);
            let same: Vec<String> = self.keys().iter().map(|key| format!("c{i}.{key} = p.{key}")).collect();
            joins += &format!("\nLEFT JOIN {name} AS c{i} ON {}", same.join(" AND "));
        }
        let mut keep = self.at_landmark();
        if self.plan.pupils.linked.is_some() {
            keep.push("p.linked".into());
        }
        let e = self.plan.enrolments.expect("a checked study has enrolments where an outcome rests on them");
        let years = || probes.iter().map(|(_, k)| *k);
        keep.push(format!("p.landmark <= {}", count_date(years().min().unwrap_or(0))));
        keep.push(format!("{} <= DATE '{}'", count_date(years().max().unwrap_or(0)), e.known_until));
        let body = format!(
            "SELECT {keys}, 0 AS period, p.landmark AS known_before, CASE WHEN {holds} THEN 1e0 ELSE 0e0 END AS y\n\
             FROM pupils AS p{joins}\nWHERE {}",
            keep.join("\n  AND ")
        );
        self.cte("outcome", "Pupils at the landmark; not linked or not counted yet is unknown, never dropout", body);
    }
}

/// 1 October, `k` years after the landmark's year.
fn count_date(k: u8) -> String {
    format!("MAKE_DATE(CAST(EXTRACT(YEAR FROM p.landmark) AS INTEGER) + {k}, 10, 1)")
}
