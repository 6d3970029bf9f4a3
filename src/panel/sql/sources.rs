//! The sources as common table expressions: the columns that the query needs, by the study's names, with
//! words for "no value", filters and look-ups.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::dialect::{Dialect, Files};
use super::{Cte, lines};
use crate::study::Study;
use crate::study::file::{Filter, Format, Lookup, Source};

/// The sources of a query and what is wanted of each.
pub(super) struct Sources<'p> {
    study: &'p Study,
    sql: Dialect,
    wanted: BTreeMap<&'p str, BTreeSet<String>>,
}

impl<'p> Sources<'p> {
    pub(super) fn new(study: &'p Study, sql: Dialect) -> Self {
        Self { study, sql, wanted: BTreeMap::new() }
    }

    /// Asks for a column and says how it is called in the query.
    pub(super) fn want(&mut self, source: &'p str, column: &str) -> Cell {
        let is_csv = self.ask(source, column);
        Cell { name: format!("s.{}", self.sql.name(column)), is_csv }
    }

    /// Notes that `column` is needed; true when its cells come from CSV, where all of them are text.
    fn ask(&mut self, name: &'p str, column: &str) -> bool {
        let study: &'p Study = self.study;
        let source = &study.sources[name];
        let is_csv = match taken_from(source, column) {
            Some((_, lookup)) => {
                for on in &lookup.on.0 {
                    self.ask(&lookup.table, on);
                }
                self.ask(&lookup.table, column)
            }
            None => {
                source.files.0.iter().all(|f| source.format.unwrap_or_else(|| Format::of_name(f)) != Format::Parquet)
            }
        };
        self.wanted.entry(name).or_default().insert(column.to_string());
        is_csv
    }

    /// The name of a source in the query.
    pub(super) fn table(&self, source: &str) -> String {
        self.sql.name(&format!("source_{source}"))
    }

    /// Statements that come before the query, and one expression per source.
    pub(super) fn print(&self, base: &Path) -> (Vec<String>, Vec<Cte>) {
        let (mut before, mut ctes) = (Vec::new(), Vec::new());
        let mut order = Vec::new();
        for name in self.wanted.keys() {
            self.place(name, &mut order);
        }
        for name in order {
            let source = &self.study.sources[name];
            let opened = self.sql.open(name, source, base);
            before.extend(opened.before);
            let comment = format!("Source `{name}`: {}", what_is_done(source));
            ctes.push(Cte { comment, name: self.table(name), body: self.body(name, source, &opened.tables) });
        }
        (before, ctes)
    }

    /// Puts a source behind the sources that it looks into; the study has no circles.
    fn place(&self, name: &'p str, order: &mut Vec<&'p str>) {
        let study: &'p Study = self.study;
        for lookup in study.sources[name].lookup.iter().filter(|l| self.wanted.contains_key(l.table.as_str())) {
            self.place(&lookup.table, order);
        }
        if !order.contains(&name) {
            order.push(name);
        }
    }

    fn body(&self, name: &str, source: &Source, files: &[Files]) -> String {
        let wanted = &self.wanted[name];
        let used = |l: &&(usize, &Lookup)| wanted.iter().any(|w| taken_from(source, w).is_some_and(|t| t.0 == l.0));
        let lookups: Vec<(usize, &Lookup)> = source.lookup.iter().enumerate().collect();
        let lookups: Vec<&(usize, &Lookup)> = lookups.iter().filter(used).collect();
        let mut own: BTreeSet<&str> =
            wanted.iter().filter(|w| taken_from(source, w).is_none()).map(String::as_str).collect();
        own.extend(lookups.iter().flat_map(|l| &l.1.on.0).map(String::as_str));
        own.extend(source.filter.iter().map(|f| f.column.as_str()));

        let read: Vec<String> = files.iter().map(|f| self.read(source, &own, f)).collect();
        let read = read.join("\nUNION ALL\n");
        if lookups.is_empty() && source.filter.is_empty() {
            return read;
        }
        let columns = wanted.iter().map(|w| match taken_from(source, w) {
            Some((i, _)) => format!("l{}.{}", i + 1, self.sql.name(w)),
            None => format!("s.{}", self.sql.name(w)),
        });
        let mut body = format!("SELECT\n{}\nFROM (\n{}\n) AS s", lines(columns, ","), indent(&read));
        for (i, lookup) in lookups {
            let on: Vec<String> = lookup.on.0.iter().map(|on| self.same(&format!("l{}", i + 1), "s", on)).collect();
            body += &format!("\nLEFT JOIN {} AS l{} ON {}", self.table(&lookup.table), i + 1, on.join(" AND "));
        }
        let keep: Vec<String> = source.filter.iter().map(|f| self.keeps(f)).collect();
        if !keep.is_empty() {
            body += &format!("\nWHERE {}", keep.join("\n  AND "));
        }
        body
    }

    /// The own columns by the study's names, straight from the files.
    fn read(&self, source: &Source, own: &BTreeSet<&str>, files: &Files) -> String {
        let columns = own.iter().map(|name| {
            let in_file = self.sql.name(source.rename.get(*name).map_or(name, String::as_str));
            let name = self.sql.name(name);
            let words = self.sql.list(&source.null);
            match files.format {
                _ if words.is_empty() && in_file == name => name,
                _ if words.is_empty() => format!("{in_file} AS {name}"),
                _ if files.format != Format::Parquet => {
                    format!("CASE WHEN {in_file} IN ({words}) THEN NULL ELSE {in_file} END AS {name}")
                }
                _ => format!(
                    "CASE WHEN {} AND {} IN ({words}) THEN NULL ELSE {in_file} END AS {name}",
                    self.sql.is_text(&in_file),
                    self.sql.text(&in_file)
                ),
            }
        });
        format!("SELECT\n{}\nFROM {}", lines(columns, ","), files.from)
    }

    fn same(&self, left: &str, right: &str, column: &str) -> String {
        let column = self.sql.name(column);
        let text = |table: &str| self.sql.text(&format!("{table}.{column}"));
        format!("{} = {}", text(left), text(right))
    }

    fn keeps(&self, filter: &Filter) -> String {
        let column = format!("s.{}", self.sql.name(&filter.column));
        let text = self.sql.text(&column);
        match (&filter.is, &filter.is_not) {
            (Some(values), _) if values.0.is_empty() => "FALSE".into(),
            (Some(values), _) => format!("{text} IN ({})", self.sql.list(&values.0)),
            (None, Some(values)) if !values.0.is_empty() => {
                format!("({column} IS NULL OR {text} NOT IN ({}))", self.sql.list(&values.0))
            }
            _ => "TRUE".into(),
        }
    }
}

/// A column of a source as the query calls it.
pub(super) struct Cell {
    /// Name with its table.
    pub(super) name: String,
    /// Whether it is certain to be text.
    pub(super) is_csv: bool,
}

/// The look-up that hands over `column`, when one does.
fn taken_from<'s>(source: &'s Source, column: &str) -> Option<(usize, &'s Lookup)> {
    source.lookup.iter().enumerate().find(|(_, l)| l.take.0.iter().any(|t| t == column))
}

fn what_is_done(source: &Source) -> String {
    let done = [
        (!source.rename.is_empty(), "renamed"),
        (!source.null.is_empty(), "with words for no value"),
        (!source.filter.is_empty(), "filtered"),
        (!source.lookup.is_empty(), "with look-ups"),
        (
            source.format.is_some_and(|f| !matches!(f, Format::Csv | Format::Parquet)),
            "IN A FORMAT THAT SQL CANNOT READ: give it tables of Parquet in its place",
        ),
    ];
    let done: Vec<&str> = done.into_iter().filter(|d| d.0).map(|d| d.1).collect();
    if done.is_empty() { "as it is in the files".into() } else { done.join(", ") }
}

fn indent(text: &str) -> String {
    lines(text.lines().map(String::from), "")
}
