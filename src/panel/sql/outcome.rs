//! The rows of the analysis set: pupil, period, the day before which a dose is known, the outcome `y`.

use super::Query;
use super::exits::position;
use crate::panel::question::Question;
use crate::study::file::AfterEnd;
use crate::vocab::OutcomeRule;

impl<'p> Query<'p> {
    /// Prints `outcome`, and what it rests on.
    pub(super) fn outcome(&mut self) {
        match self.outcome.rule() {
            OutcomeRule::Event => self.event(),
            OutcomeRule::Score => self.scores(),
            OutcomeRule::Column => self.value(),
            rule => {
                let question = Question::of(rule).expect("the rules that don't rest on enrolments stand above");
                self.enrolments();
                self.binary(&question);
            }
        }
    }

    /// Rows at risk of a dated event.
    fn event(&mut self) {
        let o = self.outcome.entry;
        let using = self.using();
        let (event_on, cause, join) = match &o.source {
            None => ("p.event_on", "p.cause", String::new()),
            Some(source) => {
                let body = self.first_events(source);
                self.cte("events", "The first event of each pupil", body);
                ("e.event_on", "e.cause", format!("\nLEFT JOIN events AS e {using}"))
            }
        };
        let cause = if o.cause.is_some() { format!(", {cause}") } else { String::new() };
        let mut observed_until = if self.plan.pupils.end.is_some() || self.plan.pupils.length.is_some() {
            "p.observed_until".to_string()
        } else {
            self.no_day()
        };
        let (mut event, words) = match o.after_end {
            AfterEnd::Censor => (
                format!("CASE WHEN {event_on} > {observed_until} THEN NULL ELSE {event_on} END"),
                "an event after it does not count",
            ),
            AfterEnd::AtEnd => (event_on.to_string(), "an event after it counts in the last period"),
        };
        if self.plan.study.stays.is_some() {
            event = format!("CASE WHEN {event_on} >= p.outside_on THEN NULL ELSE {event} END");
            let inside = format!("CAST({} AS {})", self.before("p.outside_on"), self.day_type());
            observed_until = format!("COALESCE(LEAST({observed_until}, {inside}), {observed_until}, {inside})");
        }
        let keys = self.keys_of("p");
        let body = format!(
            "SELECT {keys}, {event} AS event_on, {observed_until} AS observed_until{cause}\nFROM pupils AS p{join}\n\
             WHERE p.origin IS NOT NULL AND ({event_on} IS NULL OR {event_on} > p.origin)"
        );
        let comment = format!(
            "Pupils are followed to the event or the last day of observation; {words}.\n\
             An event on or before the origin: never at risk"
        );
        self.cte("followed", &comment, body);
        self.periods();
        let last = "COALESCE(LEAST(f.event_on, f.observed_until), f.event_on, f.observed_until)";
        let left = format!("f.event_on IS NOT NULL AND {last} < t.next_starts_on");
        let (is_event, way_out) = match o.causes {
            None => (String::new(), String::new()),
            Some(_) => (format!(" AND f.cause = {}", position(o.event)), self.way_out(&left)),
        };
        let body = format!(
            "SELECT {}, t.period, t.starts_on AS known_before,\n  \
             CASE WHEN {left}{is_event} THEN 1e0 ELSE 0e0 END AS y{way_out}\n\
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
        let pupils = match self.plan.study.stays {
            Some(_) => format!("\n  JOIN pupils AS p ON {}", self.same("p", "t")),
            None => String::new(),
        };
        let inside = self.inside("x.dated");
        let body = format!(
            "SELECT {0}, period, known_before, y\nFROM (\n  \
             SELECT {keys}, t.period, t.starts_on AS known_before, x.y,\n    \
             ROW_NUMBER() OVER (PARTITION BY {keys}, t.period ORDER BY x.dated DESC, x.y DESC) AS from_last\n  \
             FROM periods AS t\n  JOIN scores AS x {using}{pupils}\n  \
             WHERE x.y IS NOT NULL AND x.dated >= t.starts_on AND x.dated < t.next_starts_on{inside}\n) AS ranked\n\
             WHERE from_last = 1",
            self.keys().join(", ")
        );
        self.cte("outcome", "The last score of each pupil in each period; of two on one day the higher one", body);
    }

    /// A value of the pupils, at the landmark when the study has one.
    fn value(&mut self) {
        let known_before = if self.plan.pupils.landmark.is_some() { "p.landmark".into() } else { self.no_day() };
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
    pub(super) fn at_landmark(&self) -> Vec<String> {
        let p = self.plan.pupils;
        if p.landmark.is_none() {
            return Vec::new();
        }
        let mut keep = vec!["p.landmark IS NOT NULL".to_string()];
        if p.enrolled_to.is_some() {
            let before = self.before_landmark();
            keep.push(format!("(p.enrolled_to IS NULL OR p.enrolled_to >= {before})"));
        }
        if self.plan.study.stays.is_some() {
            keep.push(format!("(p.outside_on IS NULL OR p.outside_on > {})", self.before_landmark()));
        }
        keep
    }
}
