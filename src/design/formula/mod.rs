//! A formula in lme4's notation and a table → outcome, X, Z and groups, with R's names.
//!
//! ```text
//! text → tokens (lex) → expressions (parse) → terms and bars (terms)
//! columns → factors and numbers (factor, evaluate) → rows that are used, sorted (rows, order) → columns (matrix)
//! ```

mod error;
mod evaluate;
mod factor;
mod lex;
mod matrix;
mod order;
mod outcome;
mod parse;
mod rows;
mod terms;

use std::collections::BTreeSet;
use std::ops::Range;

use ndarray::{Array1, Array2};

pub use error::FormulaError;
pub use rows::build;

use crate::study::near;
use error::Fault;
use parse::Node;
use terms::{Parts, parts};

/// A formula that can be read. Its columns have not been looked at yet.
#[derive(Clone, Debug)]
pub struct Formula {
    text: String,
    parts: Parts,
}

/// What the outcome is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeKind {
    /// A number.
    Number,
    /// 0 or 1, the second of two levels, a share of trials, or `cbind(successes, failures)`.
    Binary,
    /// A count.
    Count,
}

/// How columns are to be read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What the outcome is taken for.
    pub outcome: OutcomeKind,
    /// Column of prior weights.
    pub weights: Option<String>,
    /// Column by which errors are clustered.
    pub cluster: Option<String>,
    /// Numeric columns that are factors.
    pub factors: Vec<String>,
    /// Levels of factors, in order; the first is the reference.
    pub levels: Vec<(String, Vec<String>)>,
}

/// Why there is no design.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DesignError {
    /// The formula or a flag doesn't fit the table.
    #[error("{0}")]
    Formula(#[from] FormulaError),
    /// The values don't fit the model.
    #[error("{0}")]
    Data(String),
}

/// Rows that are not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// `missing`, `not_finite`, `not_in_levels`, `zero_weight`, `no_trials`; of a column of X: `rank_deficient`.
    pub reason: &'static str,
    /// Column or expression; a row that lacks several counts at the first.
    pub column: String,
    /// Rows; `None` for a column of X.
    pub rows: Option<u64>,
}

/// Numbers of a model.
///
/// Counted outcomes stand in cells: rows equal in all predictors, groups and offset are one cell. A measured outcome has
/// a cell per row. Rows and cells are in the canonical order (see [`rows`]).
#[derive(Clone, Debug)]
pub struct FormulaDesign {
    /// Fixed-effect columns (cells×p).
    pub x: Array2<f64>,
    /// Their names.
    pub x_names: Vec<String>,
    /// Random effects: one per grouping factor.
    pub terms: Vec<TermDesign>,
    /// The blocks of all terms in lme4's order: (term, block).
    pub blocks: Vec<(usize, usize)>,
    /// First row of each cell, and the number of rows at the end.
    pub starts: Vec<usize>,
    /// Outcome of each row: the number, the count, or the successes.
    pub y: Array1<f64>,
    /// Trials of each row, for a binary outcome.
    pub trials: Option<Array1<f64>>,
    /// Prior weight of each row.
    pub weights: Option<Array1<f64>>,
    /// Offset of each cell.
    pub offset: Option<Array1<f64>>,
    /// Cluster of each cell.
    pub cluster: Option<Levels>,
    /// Rows that fell out.
    pub dropped: Vec<Dropped>,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

/// A grouping factor: level of each cell, and the levels' names.
#[derive(Clone, Debug)]
pub struct Levels {
    /// Name of the factor.
    pub name: String,
    /// Level of each cell.
    pub codes: Vec<u32>,
    /// Names of the levels.
    pub names: Vec<String>,
}

/// Random effects of one grouping factor.
#[derive(Clone, Debug)]
pub struct TermDesign {
    /// The factor.
    pub group: Levels,
    /// Columns (cells×q), block after block.
    pub z: Array2<f64>,
    /// Names of the columns of each block of correlated columns.
    pub blocks: Vec<Vec<String>>,
}

impl TermDesign {
    /// Sizes of the blocks.
    pub fn sizes(&self) -> Vec<usize> {
        self.blocks.iter().map(Vec::len).collect()
    }
}

impl FormulaDesign {
    /// Rows.
    pub fn n_rows(&self) -> usize {
        self.y.len()
    }

    /// Cells.
    pub fn n_cells(&self) -> usize {
        self.starts.len() - 1
    }

    /// Rows of a cell.
    pub fn rows_of(&self, cell: usize) -> Range<usize> {
        self.starts[cell]..self.starts[cell + 1]
    }

    /// The sum of a row's value over the rows of each cell.
    pub fn cell_sums(&self, value: impl Fn(usize) -> f64) -> Array1<f64> {
        (0..self.n_cells()).map(|cell| self.rows_of(cell).map(&value).sum()).collect()
    }
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// Where it is no formula, with the place.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        let text = text.trim();
        let parts = parts(text).map_err(|fault| fault.of(text))?;
        Ok(Self { text: text.to_string(), parts })
    }

    /// The formula as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when there are random effects.
    pub fn is_mixed(&self) -> bool {
        !self.parts.bars.is_empty()
    }

    /// Checks that the columns of formula and `reading` are in the header; returns their names, each once.
    ///
    /// # Errors
    /// A column that is not there, with its place in the formula and the nearest name.
    pub fn columns(&self, reading: &Reading, header: &[String]) -> Result<Vec<String>, FormulaError> {
        let mut names = BTreeSet::new();
        for (name, at) in self.places() {
            if !header.iter().any(|h| h == name) {
                return Err(Fault::at(at, no_column(name, header)).of(&self.text));
            }
            names.insert(name.to_string());
        }
        let flags = [("--weights", &reading.weights), ("--cluster", &reading.cluster)];
        for (flag, name) in flags.into_iter().filter_map(|(flag, name)| Some((flag, name.as_ref()?))) {
            if !header.contains(name) {
                return Err(Fault::whole(format!("{flag}: {}", no_column(name, header))).of(&self.text));
            }
            names.insert(name.clone());
        }
        let factors = reading.factors.iter().map(|name| ("--factor", name));
        for (flag, name) in factors.chain(reading.levels.iter().map(|(name, _)| ("--levels", name))) {
            let used: Vec<String> = names.iter().cloned().collect();
            if !names.contains(name) {
                let help = near(name, &used).map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
                return Err(Fault::whole(format!("{flag}: the formula has no column `{name}`{help}")).of(&self.text));
            }
        }
        Ok(names.into_iter().collect())
    }

    /// The columns that the formula names, with their places.
    fn places(&self) -> Vec<(&str, &Range<usize>)> {
        let Parts { response, fixed, bars, offsets } = &self.parts;
        let mut places = response.names();
        places.extend(fixed.variables.iter().flat_map(|v| v.names()));
        for bar in bars {
            places.extend(bar.terms.variables.iter().flat_map(|v| v.names()));
            places.extend(bar.group.parts.iter().map(|p| (p.column.as_str(), &p.at)));
        }
        places.extend(offsets.iter().flat_map(|o| o.names()));
        places
    }

    /// True for `cbind(…)` as outcome.
    fn is_cbind(&self) -> bool {
        matches!(&self.parts.response.node, Node::Call(name, _) if name == "cbind")
    }
}

fn no_column(name: &str, header: &[String]) -> String {
    match near(name, header) {
        Some(nearest) => format!("the data have no column `{name}`; did you mean `{nearest}`?"),
        None => format!("the data have no column `{name}`, and none of {} columns has a name like it", header.len()),
    }
}
