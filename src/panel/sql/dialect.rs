//! Where the dialects of SQL differ: quoting, reading files, types. Everything else is printed once.

use std::path::Path;

use crate::study::file::{Format, Source};

/// For whom the query is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// DuckDB: one query that opens the files itself.
    DuckDb,
    /// Spark SQL: temporary views over the files, then the query.
    Spark,
}

impl Dialect {
    /// A name in quotes.
    pub(super) fn name(self, name: &str) -> String {
        match self {
            Dialect::DuckDb => format!("\"{}\"", name.replace('"', "\"\"")),
            Dialect::Spark => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// A text in quotes.
    pub(super) fn quoted(self, text: &str) -> String {
        match self {
            Dialect::DuckDb => format!("'{}'", text.replace('\'', "''")),
            Dialect::Spark => {
                format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
            }
        }
    }

    /// Texts in quotes, separated by commas.
    pub(super) fn list<'a>(self, texts: impl IntoIterator<Item = &'a String>) -> String {
        let quoted: Vec<String> = texts.into_iter().map(|t| self.quoted(t)).collect();
        quoted.join(", ")
    }

    /// The value as text.
    pub(super) fn text(self, value: &str) -> String {
        match self {
            Dialect::DuckDb => format!("CAST({value} AS VARCHAR)"),
            Dialect::Spark => format!("CAST({value} AS STRING)"),
        }
    }

    /// Whether the column holds text; the engine knows it before it reads a row.
    pub(super) fn is_text(self, value: &str) -> String {
        match self {
            Dialect::DuckDb => format!("typeof({value}) = 'VARCHAR'"),
            Dialect::Spark => format!("typeof({value}) = 'string'"),
        }
    }

    /// A text as a date; `format` is the study's strftime format.
    pub(super) fn parse_date(self, text: &str, format: &str) -> String {
        match self {
            Dialect::DuckDb => format!("CAST(strptime({text}, {}) AS DATE)", self.quoted(format)),
            Dialect::Spark => format!("to_date({text}, {})", self.quoted(&java_format(format))),
        }
    }

    /// Days from one date to another.
    pub(super) fn days_between(self, from: &str, to: &str) -> String {
        match self {
            Dialect::DuckDb => format!("({to} - {from})"),
            Dialect::Spark => format!("DATEDIFF({to}, {from})"),
        }
    }

    /// Number of a row in the order of the file.
    pub(super) fn row_number(self) -> &'static str {
        match self {
            Dialect::DuckDb => "ROW_NUMBER() OVER ()",
            Dialect::Spark => "ROW_NUMBER() OVER (ORDER BY monotonically_increasing_id())",
        }
    }

    /// Writes a query's result to a folder (Spark) or file (DuckDB) of Parquet.
    pub(super) fn write(self, query: &str, to: &str) -> String {
        match self {
            Dialect::DuckDb => format!("COPY (\n{query}\n) TO {} (FORMAT parquet);", self.quoted(to)),
            Dialect::Spark => format!("INSERT OVERWRITE DIRECTORY {} USING parquet\n{query};", self.quoted(to)),
        }
    }

    /// What [`Dialect::write`] wrote, behind FROM.
    pub(super) fn written(self, to: &str) -> String {
        match self {
            Dialect::DuckDb => format!("read_parquet({})", self.quoted(to)),
            Dialect::Spark => format!("parquet.{}", self.name(to)),
        }
    }

    /// Name of a text type.
    pub(super) fn text_type(self) -> &'static str {
        match self {
            Dialect::DuckDb => "VARCHAR",
            Dialect::Spark => "STRING",
        }
    }

    /// How the files of a source are opened.
    pub(super) fn open(self, name: &str, source: &Source, base: &Path) -> Opened {
        match self {
            Dialect::DuckDb => duckdb(source, base),
            Dialect::Spark => spark(name, source, base),
        }
    }
}

/// Files of a source: statements that come before the query, and what stands behind FROM. Several tables
/// are put under each other.
pub(super) struct Opened {
    pub(super) before: Vec<String>,
    pub(super) tables: Vec<Files>,
}

/// What stands behind FROM.
pub(super) struct Files {
    pub(super) from: String,
    pub(super) format: Format,
}

fn delimiter(source: &Source) -> &str {
    source.delimiter.as_deref().unwrap_or(",")
}

fn duckdb(source: &Source, base: &Path) -> Opened {
    let sql = Dialect::DuckDb;
    let of = |format: Format| {
        let paths: Vec<String> = paths(source, base).filter(|p| p.1 == format).map(|p| p.0).collect();
        if paths.is_empty() {
            return None;
        }
        let paths = sql.list(&paths);
        let common = "union_by_name = true, hive_partitioning = false";
        let from = match format {
            Format::Parquet => format!("read_parquet([{paths}], {common})"),
            _ => format!(
                "read_csv([{paths}], header = true, delim = {}, quote = '\"', escape = '\"', comment = '', \
                 all_varchar = true, {common})",
                sql.quoted(delimiter(source))
            ),
        };
        Some(Files { from, format })
    };
    Opened { before: Vec::new(), tables: [Format::Parquet, Format::Csv].into_iter().filter_map(of).collect() }
}

fn spark(name: &str, source: &Source, base: &Path) -> Opened {
    let sql = Dialect::Spark;
    let (mut before, mut tables) = (Vec::new(), Vec::new());
    for (i, (path, format)) in paths(source, base).enumerate() {
        let view = sql.name(&format!("files_{name}_{}", i + 1));
        let path = sql.quoted(&sql.place(&path));
        let (using, options) = match format {
            Format::Parquet => ("parquet", format!("path {path}")),
            _ => {
                let sep = sql.quoted(delimiter(source));
                ("csv", format!("path {path}, header 'true', sep {sep}, escape '\"', multiLine 'true'"))
            }
        };
        before.push(format!("CREATE OR REPLACE TEMPORARY VIEW {view}\nUSING {using} OPTIONS ({options});"));
        tables.push(Files { from: view, format });
    }
    Opened { before, tables }
}

/// Paths and globs as the study gives them, below `base`.
fn paths<'s>(source: &'s Source, base: &'s Path) -> impl Iterator<Item = (String, Format)> + 's {
    source.files.0.iter().map(move |pattern| {
        let format = match source.format.unwrap_or_else(|| Format::of_name(pattern)) {
            Format::Parquet => Format::Parquet,
            _ => Format::Csv,
        };
        // `s3a://…` and the like are no places on this machine.
        let path =
            if pattern.contains("://") { pattern.clone() } else { base.join(pattern).to_string_lossy().into_owned() };
        (path, format)
    })
}

impl Dialect {
    /// A place on this machine as the engine calls it: Spark takes a bare path for one of its cluster's store.
    pub fn place(self, path: &str) -> String {
        if self == Dialect::Spark && path.starts_with('/') { format!("file://{path}") } else { path.to_string() }
    }
}

/// strftime → the patterns of `java.time`. One letter for day and month takes one digit or two, as
/// strptime does.
fn java_format(format: &str) -> String {
    let mut java = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        let part = match (c, if c == '%' { chars.next() } else { None }) {
            (_, Some('Y')) => "yyyy".to_string(),
            (_, Some('y')) => "yy".to_string(),
            (_, Some('m')) => "M".to_string(),
            (_, Some('d' | 'e')) => "d".to_string(),
            (_, Some('b')) => "MMM".to_string(),
            (_, Some('B')) => "MMMM".to_string(),
            (_, Some('j')) => "D".to_string(),
            (_, Some('F')) => "yyyy-M-d".to_string(),
            (_, Some(other)) => format!("'{other}'"),
            (c, None) if c.is_ascii_alphabetic() => format!("'{c}'"),
            (c, None) => c.to_string(),
        };
        java.push_str(&part);
    }
    java
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_translated() {
        assert_eq!(java_format("%d-%m-%Y"), "d-M-yyyy");
        assert_eq!(java_format("%Y-%m-%dT"), "yyyy-M-d'T'");
    }

    #[test]
    fn quotes_inside_are_doubled_or_escaped() {
        assert_eq!(Dialect::DuckDb.quoted("d'Oultremont"), "'d''Oultremont'");
        assert_eq!(Dialect::Spark.quoted("d'O\\"), "'d\\'O\\\\'");
        assert_eq!(Dialect::DuckDb.name("a\"b"), "\"a\"\"b\"");
    }
}
