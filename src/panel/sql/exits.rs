//! The first event of each pupil and, for competing exits, its way out.

use super::Query;
use crate::vocab::ExitKind;

impl<'p> Query<'p> {
    /// The first event of each pupil in a table of its own; of two on one day the way out that goes first.
    pub(super) fn first_events(&mut self, source: &'p str) -> String {
        let o = self.outcome.entry;
        let mut columns = self.key_columns(source, &o.key.0);
        let date = self.sources.want(source, o.date.as_deref().unwrap_or(&o.id));
        let day = self.day(&date);
        let keys: Vec<String> = (1..=o.key.0.len()).map(|i| format!("key_{i}")).collect();
        let keys = keys.join(", ");
        let Some(cause) = &o.cause else {
            columns.push(format!("MIN({day}) AS event_on"));
            let group: Vec<String> = (1..=o.key.0.len()).map(|i| i.to_string()).collect();
            let table = self.sources.table(source);
            return format!("SELECT {}\nFROM {table} AS s\nGROUP BY {}", columns.join(", "), group.join(", "));
        };
        let cell = self.sources.want(source, cause);
        columns.push(format!("{day} AS event_on"));
        columns.push(format!("{} AS cause", self.exit(&self.text(&cell))));
        format!(
            "SELECT {keys}, event_on, cause\nFROM (\n  SELECT *, ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY event_on, \
             cause) AS nth\n  FROM (\n    SELECT {}\n    FROM {} AS s\n  ) AS x\n  WHERE event_on IS NOT NULL\n) AS ranked\n\
             WHERE nth = 1",
            columns.join(", "),
            self.sources.table(source)
        )
    }

    /// Position of the way out that a text means; behind all of them for another text.
    pub(super) fn exit(&self, text: &str) -> String {
        let causes = self.outcome.entry.causes.as_ref().expect("a checked study has causes where it has a cause");
        let when = |exit: ExitKind| match causes.texts(exit) {
            [] => String::new(),
            texts => format!(" WHEN {text} IN ({}) THEN {}", self.sql.list(texts), position(exit)),
        };
        let whens: String = ExitKind::ALL.into_iter().map(when).collect();
        format!("CASE{whens} ELSE {} END", ExitKind::ALL.len())
    }

    /// The column `way_out`: what the way out of a row is called, when `left` holds.
    pub(super) fn way_out(&self, left: &str) -> String {
        let when = |exit: ExitKind| {
            format!(" WHEN {left} AND f.cause = {} THEN {}", position(exit), self.sql.quoted(exit.code()))
        };
        let whens: String = ExitKind::ALL.into_iter().map(when).collect();
        format!(",\n  CASE{whens} END AS way_out")
    }
}

/// Position of a way out among all of them.
pub(super) fn position(exit: ExitKind) -> usize {
    ExitKind::ALL.iter().position(|x| *x == exit).unwrap_or(ExitKind::ALL.len())
}
