//! What changed since the last check: a delivery that is half as long, a column that is suddenly empty, another form of
//! dates. Each is a question to whoever delivered the file, not an error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ColumnReport, FileReport, Found, Severity, Validation};
use crate::ingest::Range;

/// Rows may change by this factor before anybody has to look.
const ROWS_FACTOR: f64 = 1.5;
/// The share without a value may change by this much.
const MISSING_POINTS: f64 = 0.10;
/// An end of the range of numbers may move by fewer steps than this: 1, 2, 5, 10, 20 ….
const RANGE_STEPS: i32 = 2;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Source in the study.
    pub source: String,
    /// Column; none for the whole source.
    pub column: Option<String>,
    /// What changed: `rows`, `missing`, `range`, `kind`, `shape`, `column_gone`, `column_new`.
    pub what: String,
    /// Before.
    pub before: String,
    /// Now.
    pub now: String,
}

impl Drift {
    fn new(source: &str, column: Option<&str>, what: &str, before: impl ToString, now: impl ToString) -> Self {
        let (before, now) = (before.to_string(), now.to_string());
        Self { source: source.into(), column: column.map(String::from), what: what.into(), before, now }
    }

    /// As a warning.
    pub(super) fn finding(&self) -> Found {
        let message = format!("{}: {} at the last check, {} now", self.what, self.before, self.now);
        let found = Found::new(Severity::Warning, "LOB-E0151", message).of_source(&self.source);
        match &self.column {
            Some(column) => found.of_column(column),
            None => found,
        }
    }
}

/// The changes from one check to the next, source by source: files of a source may have other names each time.
pub(super) fn between(before: &Validation, now: &Validation) -> Vec<Drift> {
    let (old, new) = (by_source(&before.files), by_source(&now.files));
    let mut found = Vec::new();
    for (source, new) in &new {
        let Some(old) = old.get(source) else { continue };
        let (a, b) = (old.rows as f64, new.rows as f64);
        if a > 0.0 && (b > ROWS_FACTOR * a || ROWS_FACTOR * b < a) {
            found.push(Drift::new(source, None, "rows", old.rows, new.rows));
        }
        columns(source, old, new, &mut found);
    }
    found
}

fn columns(source: &str, old: &Whole, new: &Whole, found: &mut Vec<Drift>) {
    for (name, c) in &new.columns {
        match old.columns.get(name) {
            None => found.push(Drift::new(source, Some(name), "column_new", "absent", "present")),
            Some(o) => column(source, name, (o, old.rows), (c, new.rows), found),
        }
    }
    for name in old.columns.keys().filter(|name| !new.columns.contains_key(*name)) {
        found.push(Drift::new(source, Some(name), "column_gone", "present", "absent"));
    }
}

fn column(source: &str, name: &str, old: (&Sum, u64), new: (&Sum, u64), found: &mut Vec<Drift>) {
    let share = |(sum, rows): (&Sum, u64)| if rows == 0 { 0.0 } else { sum.missing as f64 / rows as f64 };
    let (a, b) = (share(old), share(new));
    if (a - b).abs() > MISSING_POINTS {
        let percent = |x: f64| format!("{:.0} % without a value", 100.0 * x);
        found.push(Drift::new(source, Some(name), "missing", percent(a), percent(b)));
    }
    if let (Some(a), Some(b)) = (old.0.range, new.0.range)
        && ((a.lo - b.lo).abs() >= RANGE_STEPS || (a.hi - b.hi).abs() >= RANGE_STEPS)
    {
        found.push(Drift::new(source, Some(name), "range", a, b));
    }
    if old.0.kind != new.0.kind {
        found.push(Drift::new(source, Some(name), "kind", &old.0.kind, &new.0.kind));
    }
    if let (Some(a), Some(b)) = (&old.0.shape, &new.0.shape)
        && a != b
        && new.0.is_read
    {
        found.push(Drift::new(source, Some(name), "shape", a, b));
    }
}

/// All files of a source taken together.
#[derive(Default)]
struct Whole {
    rows: u64,
    columns: BTreeMap<String, Sum>,
}

#[derive(Default)]
struct Sum {
    missing: u64,
    kind: String,
    shape: Option<String>,
    range: Option<Range>,
    is_read: bool,
}

fn by_source(files: &[FileReport]) -> BTreeMap<String, Whole> {
    let mut all: BTreeMap<String, Whole> = BTreeMap::new();
    for file in files {
        let whole = all.entry(file.source.clone()).or_default();
        whole.rows += file.rows;
        for ColumnReport { name, read, kind, missing, shape, range } in &file.columns {
            let sum = whole.columns.entry(name.clone()).or_default();
            sum.missing += missing;
            sum.kind.clone_from(kind);
            sum.shape.clone_from(shape);
            sum.range = range.or(sum.range);
            sum.is_read = *read;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(rows: u64, columns: &[(&str, u64, &str)]) -> FileReport {
        let column = |(name, missing, shape): &(&str, u64, &str)| ColumnReport {
            name: name.to_string(),
            read: true,
            kind: "text".into(),
            missing: *missing,
            shape: Some(shape.to_string()),
            range: None,
        };
        FileReport {
            source: "dossier".into(),
            file: "a.csv".into(),
            bytes: 1,
            rows,
            dialect: serde_json::Value::Null,
            columns: columns.iter().map(column).collect(),
        }
    }

    fn what(old: &FileReport, new: &FileReport) -> Vec<String> {
        let (old, new) = (by_source(std::slice::from_ref(old)), by_source(std::slice::from_ref(new)));
        let mut found = Vec::new();
        let (a, b) = (old["dossier"].rows as f64, new["dossier"].rows as f64);
        if b > ROWS_FACTOR * a || ROWS_FACTOR * b < a {
            found.push(Drift::new("dossier", None, "rows", a, b));
        }
        columns("dossier", &old["dossier"], &new["dossier"], &mut found);
        found.into_iter().map(|d| d.what).collect()
    }

    #[test]
    fn an_ordinary_next_delivery_is_no_news() {
        let old = file(1000, &[("datum", 10, "99-99-9999")]);
        assert!(what(&old, &file(1200, &[("datum", 60, "99-99-9999")])).is_empty());
    }

    #[test]
    fn another_unit_is_said() {
        let with = |lo: i32, hi: i32| {
            let mut file = file(1000, &[("minuten", 0, "99")]);
            file.columns[0].range = Some(Range { lo, hi });
            file
        };
        assert!(what(&with(40, 42), &with(40, 43)).is_empty());
        assert_eq!(what(&with(40, 42), &with(35, 37)), ["range"]);
    }

    #[test]
    fn jumps_are_said() {
        let old = file(1000, &[("datum", 10, "99-99-9999"), ("soort", 0, "aaaaa")]);
        let new = file(400, &[("datum", 100, "9999-99-99"), ("type", 0, "aaaaa")]);
        assert_eq!(what(&old, &new), ["rows", "missing", "shape", "column_new", "column_gone"]);
    }
}
