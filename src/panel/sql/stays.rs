//! The schools of pupils who move: the printed form of [`crate::panel::Pupils`]' stays.

use super::{Query, is_label, lines};

impl<'p> Query<'p> {
    /// The stays, and the pupils at the school of their start.
    pub(super) fn stays(&mut self) {
        let Some(s) = &self.plan.study.stays else { return };
        let mut columns = self.key_columns(&s.source, &s.key.0);
        columns.push(format!("{} AS school", self.joined(&s.source, &s.school.0)));
        let from = self.sources.want(&s.source, &s.from);
        columns.push(format!("{} AS from_on", self.day(&from)));
        let keys = self.keys_of("r");
        let body = format!(
            "SELECT {keys}, k.school, r.from_on,\n  \
             LEAD(r.from_on) OVER (PARTITION BY {keys} ORDER BY r.from_on, k.school) AS next_on\n\
             FROM (\n  SELECT DISTINCT\n{}\n  FROM {} AS s\n) AS r\n\
             LEFT JOIN (SELECT DISTINCT listed_school AS school FROM listed) AS k ON k.school = r.school\n\
             WHERE r.from_on IS NOT NULL AND {}",
            lines(columns.iter().map(|c| format!("  {c}")), ","),
            self.sources.table(&s.source),
            is_label("r.school", s.school.0.len())
        );
        self.cte("stays", "From a day on at a school; without a name where the pupil table does not have it", body);
        let keys = self.keys_of("s");
        let body = format!(
            "SELECT {keys}, MIN(s.from_on) AS outside_on\nFROM stays AS s\nJOIN listed AS l ON {}\n\
             WHERE s.school IS NULL AND (l.origin IS NULL OR s.next_on IS NULL OR s.next_on > l.origin)\nGROUP BY {keys}",
            self.same("l", "s")
        );
        self.cte("outside", "The day from which a pupil is at a school outside the study, from the start on", body);
        let school = "COALESCE(v.school, l.listed_school)";
        let has_name = self.is_patterns && self.plan.pupils.school_name.is_some();
        let (name, names) = if has_name {
            let names =
                "SELECT listed_school, MIN(NULLIF(listed_name, '')) AS school_name FROM listed GROUP BY listed_school";
            (", n.school_name", format!("\nLEFT JOIN ({names}) AS n ON n.listed_school = {school}"))
        } else {
            ("", String::new())
        };
        let body = format!(
            "SELECT l.*, {school} AS school, x.outside_on{name}\nFROM listed AS l{}\n\
             LEFT JOIN outside AS x ON {}{names}",
            self.stay_on("v", "l", "l.origin"),
            self.same("x", "l")
        );
        self.cte("pupils", "Pupils at the school of their start", body);
    }

    /// From which day after the start on the dose of a pupil is not known any more.
    pub(super) fn silenced(&mut self) {
        if self.plan.study.stays.is_none() {
            return;
        }
        let keys = self.keys_of("s");
        let body = format!(
            "SELECT {keys}, MIN(s.from_on) AS silent_on\nFROM stays AS s\nJOIN pupils AS p ON {}\n\
             LEFT JOIN registering AS r ON r.school = s.school AND r.cohort = p.cohort\n\
             WHERE r.school IS NULL AND (p.origin IS NULL OR s.from_on > p.origin)\nGROUP BY {keys}",
            self.same("p", "s")
        );
        self.cte("silenced", "The day after the start from which a pupil is at a school that registers nothing", body);
    }

    /// The join of the stay of a day, as `alias`, to rows with the keys of `rows`; nothing in a study that knows of no moves.
    pub(super) fn stay_on(&self, alias: &str, rows: &str, day: &str) -> String {
        if self.plan.study.stays.is_none() {
            return String::new();
        }
        format!(
            "\nLEFT JOIN stays AS {alias} ON {}\n  \
             AND {alias}.from_on <= {day} AND ({alias}.next_on IS NULL OR {alias}.next_on > {day})",
            self.same(alias, rows)
        )
    }

    /// The condition, behind others, that a day comes before a pupil goes to a school outside the study.
    pub(super) fn inside(&self, day: &str) -> String {
        match self.plan.study.stays {
            Some(_) => format!(" AND (p.outside_on IS NULL OR p.outside_on > {day})"),
            None => String::new(),
        }
    }

    /// The stay of a row `o` of a period.
    pub(super) fn stay_of_row(&self) -> String {
        if self.outcome.has_landmark() { String::new() } else { self.stay_on("w", "o", "o.known_before") }
    }

    /// The school of a row `o`: of the start, or where the pupil was on the first day of the period.
    pub(super) fn school_of_row(&self) -> &'static str {
        let is_of_period = self.plan.study.stays.is_some() && !self.outcome.has_landmark();
        if is_of_period { "COALESCE(w.school, p.school)" } else { "p.school" }
    }

    /// The last day on which it matters for a row `o` of an outcome where the pupil was.
    pub(super) fn last_day(&self) -> String {
        if self.outcome.has_landmark() { self.before("o.known_before") } else { "o.known_before".into() }
    }

    /// Joins and the condition that all schools of a pupil `p` from the start until a day register.
    pub(super) fn registered(&self, until: &str) -> (String, String) {
        let home = "\nLEFT JOIN registering AS r ON r.school = p.school AND r.cohort = p.cohort";
        if self.plan.study.stays.is_none() {
            return (home.into(), "r.school IS NOT NULL".into());
        }
        let joins = format!("{home}\nLEFT JOIN silenced AS z ON {}", self.same("z", "p"));
        (joins, format!("(r.school IS NOT NULL AND COALESCE(z.silent_on > {until}, TRUE))"))
    }

    /// Joins and, where those don't do it, the condition that keep pupils `p` of whom all schools until a day register.
    pub(super) fn measured(&self, until: &str) -> (String, Option<String>) {
        if self.plan.study.stays.is_none() {
            return ("\nJOIN registering AS r ON r.school = p.school AND r.cohort = p.cohort".into(), None);
        }
        let (joins, condition) = self.registered(until);
        (joins, Some(condition))
    }
}
