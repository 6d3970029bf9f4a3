//! Reading reference cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of reference cases: `$LOB_SHARED/reference`, else `shared` beside or above the repository.
///
/// `None`, with a line that says so, when there is none: the comparison is then skipped.
pub fn reference_dir() -> Option<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let from_variable = std::env::var_os("LOB_SHARED").map(PathBuf::from);
    let beside = ["../shared", "../../shared"].map(|relative| manifest.join(relative));
    let found = from_variable.into_iter().chain(beside).map(|dir| dir.join("reference")).find(|dir| dir.is_dir());
    if found.is_none() {
        println!("skipped: no reference cases (set LOB_SHARED to the folder that holds reference/)");
    }
    found
}

/// A table of text columns.
pub struct Table {
    columns: BTreeMap<String, Vec<String>>,
    rows: usize,
}

/// Codes of a factor in order of appearance.
pub struct Codes {
    /// One per row.
    pub codes: Vec<u32>,
    /// Name of each code.
    #[allow(dead_code, reason = "not every test file asks for names")]
    pub levels: Vec<String>,
    /// Number of codes.
    pub count: usize,
}

impl Table {
    /// Reads a CSV without separators or quotes inside its fields, as the reference cases are.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let fields = |line: &str| line.split(',').map(|f| f.trim_matches('"').to_string()).collect::<Vec<_>>();
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let names = fields(lines.next().expect("a header"));
        let rows: Vec<Vec<String>> = lines.map(fields).collect();
        assert!(rows.iter().all(|row| row.len() == names.len()), "{}: ragged rows", path.display());
        let column = |k: usize| rows.iter().map(|row| row[k].clone()).collect();
        Self { columns: names.into_iter().enumerate().map(|(k, name)| (name, column(k))).collect(), rows: rows.len() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    fn text(&self, name: &str) -> &[String] {
        self.columns.get(name).unwrap_or_else(|| panic!("no column {name}"))
    }

    /// Rows in order of the first appearance of the values of `keys`, first key first; ties stay as they were.
    #[allow(dead_code, reason = "not every test file sorts")]
    pub fn sorted_by(&self, keys: &[&str]) -> Self {
        let codes: Vec<Vec<u32>> = keys.iter().map(|key| first_appearance(self.text(key)).codes).collect();
        let mut order: Vec<usize> = (0..self.rows).collect();
        order.sort_by_key(|&row| codes.iter().map(|c| c[row]).collect::<Vec<_>>());
        let pick = |column: &Vec<String>| order.iter().map(|&row| column[row].clone()).collect();
        Self { columns: self.columns.iter().map(|(name, c)| (name.clone(), pick(c))).collect(), rows: self.rows }
    }

    /// A column as numbers.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        self.text(name).iter().map(|v| v.parse().unwrap_or_else(|_| panic!("{name}: '{v}' is no number"))).collect()
    }

    /// 1 where the column has this value, else 0; the value must occur.
    pub fn dummy(&self, name: &str, level: &str) -> Vec<f64> {
        let out: Vec<f64> = self.text(name).iter().map(|v| if v == level { 1.0 } else { 0.0 }).collect();
        assert!(out.contains(&1.0), "{name} never is {level}");
        out
    }

    /// Codes of a factor in order of appearance, so that a table sorted by it has codes that do not decrease.
    pub fn codes(&self, name: &str) -> Codes {
        first_appearance(self.text(name))
    }
}

fn first_appearance(values: &[String]) -> Codes {
    let mut known: BTreeMap<&str, u32> = BTreeMap::new();
    let mut levels = Vec::new();
    let codes = values
        .iter()
        .map(|value| {
            *known.entry(value).or_insert_with(|| {
                levels.push(value.clone());
                levels.len() as u32 - 1
            })
        })
        .collect();
    Codes { codes, count: levels.len(), levels }
}
