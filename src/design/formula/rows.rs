//! A formula and a frame → rows that are used, in canonical order (`order`), as numbers.

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::error::Fault;
use super::evaluate::evaluate;
use super::factor::{Factor, NOT_LISTED, index};
use super::matrix::{Variable, columns, fill};
use super::order::{Key, sorted};
use super::outcome::Outcome;
use super::parse::{Expr, Node};
use super::terms::{Bar, Group, Terms, is_factor};
use super::{DesignError, Dropped, Formula, FormulaDesign, Levels, OutcomeKind, Reading, TermDesign};
use crate::ingest::frame::{Frame, MISSING, Values};

/// Columns of a matrix beyond which a formula is refused: a model has that many by mistake.
const MOST_COLUMNS: usize = 10_000;
/// Numbers of a matrix beyond which it is refused: 8 GB.
const MOST_NUMBERS: usize = 1 << 30;

/// The design of a formula on a table that has its columns.
///
/// # Errors
/// A formula that doesn't fit the columns' kinds, with the place; values that the model can't have.
pub fn build(formula: &Formula, frame: &Frame, reading: &Reading) -> Result<FormulaDesign, DesignError> {
    let builder = Builder { formula, frame, reading };
    let place = |fault: Fault| DesignError::Formula(fault.of(&formula.text));
    let mut keep = Keep { used: vec![true; frame.rows], dropped: Vec::new() };
    builder.drop_missing(&mut keep);
    let outcome = builder.outcome().map_err(place)?;
    let offset = builder.offset().map_err(place)?;
    let numbers = builder.numbers().map_err(place)?;
    let weights = reading.weights.as_ref().map(|name| builder.number_of(name)).transpose()?;
    let evaluated = numbers.iter().map(|(label, values)| (label.as_str(), values.as_slice()));
    let evaluated = evaluated.chain(offset.as_ref().map(|o| ("offset", o.as_slice())));
    let outcome_label = formula.parts.response.label();
    let all = outcome.values().into_iter().map(|v| (outcome_label.as_str(), v));
    all.chain(evaluated).for_each(|(label, values)| keep.drop_where("not_finite", label, |r| !values[r].is_finite()));
    if let (Some(name), Some(w)) = (&reading.weights, &weights) {
        keep.drop_where("zero_weight", name, |r| w[r] == 0.0);
    }
    if let Outcome::Counts(a, b) = &outcome {
        keep.drop_where("no_trials", &outcome_label, |r| a[r] + b[r] == 0.0);
    }
    let rows: Vec<u32> = (0..frame.rows).filter(|&r| keep.used[r]).map(index).collect();
    if rows.is_empty() {
        return Err(DesignError::Data("no row is left: in each a column that is used has no value".into()));
    }
    builder.design(rows, &outcome, offset, &numbers, weights, keep.dropped)
}

/// Rows that are still used.
struct Keep {
    used: Vec<bool>,
    dropped: Vec<Dropped>,
}

impl Keep {
    fn drop_where(&mut self, reason: &'static str, column: &str, is_bad: impl Fn(usize) -> bool) {
        let mut count = 0;
        for (row, used) in self.used.iter_mut().enumerate() {
            if *used && is_bad(row) {
                *used = false;
                count += 1;
            }
        }
        if count > 0 {
            self.dropped.push(Dropped { reason, column: column.to_string(), rows: Some(count) });
        }
    }
}

/// Terms, and (term, block) of each block in lme4's order.
type TermsInOrder = (Vec<TermDesign>, Vec<(usize, usize)>);
/// A grouping factor with the columns and names of its blocks.
type Blocks = (usize, Vec<Array2<f64>>, Vec<Vec<String>>);

pub(super) struct Builder<'b> {
    pub(super) formula: &'b Formula,
    frame: &'b Frame,
    pub(super) reading: &'b Reading,
}

impl<'b> Builder<'b> {
    fn column(&self, name: &str) -> &'b Values {
        self.frame.columns.get(name).expect("a column that Formula::columns has seen")
    }

    fn listed(&self, name: &str) -> Option<&'b [String]> {
        self.reading.levels.iter().find(|(column, _)| column == name).map(|(_, levels)| levels.as_slice())
    }

    pub(super) fn is_factor(&self, name: &str) -> bool {
        let asked = self.reading.factors.iter().any(|f| f == name) || self.listed(name).is_some();
        asked || matches!(self.column(name), Values::Text(_))
    }

    pub(super) fn factor(&self, name: &str) -> Factor {
        Factor::of(self.column(name), self.listed(name))
    }

    /// Columns in order of use: predictors, groups, offset, weights, cluster, outcome; each once.
    fn used_columns(&self) -> Vec<&'b str> {
        let (parts, reading) = (&self.formula.parts, self.reading);
        let names = |e: &'b Expr| e.names().into_iter().map(|(name, _)| name);
        let mut out: Vec<&str> = parts.fixed.variables.iter().flat_map(names).collect();
        out.extend(parts.bars.iter().flat_map(|b| b.terms.variables.iter()).flat_map(names));
        out.extend(parts.bars.iter().flat_map(|b| b.group.parts.iter().map(|p| p.column.as_str())));
        out.extend(parts.offsets.iter().flat_map(names));
        out.extend(reading.cluster.iter().chain(&reading.weights).map(String::as_str));
        out.extend(names(&parts.response));
        let mut seen = Vec::new();
        out.retain(|name| {
            !seen.contains(name) && {
                seen.push(*name);
                true
            }
        });
        out
    }

    fn drop_missing(&self, keep: &mut Keep) {
        for name in self.used_columns() {
            match self.column(name) {
                Values::Number(numbers) => keep.drop_where("missing", name, |r| numbers[r].is_nan()),
                Values::Text(text) => keep.drop_where("missing", name, |r| text.codes[r] == MISSING),
            }
            if self.listed(name).is_some() {
                let factor = self.factor(name);
                keep.drop_where("not_in_levels", name, |r| factor.codes[r] == NOT_LISTED);
            }
        }
    }

    /// Numbers of a column that stands in arithmetic.
    fn numbers_at(&self, name: &str, at: &Expr) -> Result<&'b [f64], Fault> {
        match self.column(name) {
            Values::Number(numbers) => Ok(numbers),
            Values::Text(_) => Err(Fault::at(&at.at, format!("`{name}` is text, and here a number is needed"))),
        }
    }

    pub(super) fn evaluate(&self, expr: &Expr) -> Result<Vec<f64>, Fault> {
        evaluate(expr, self.frame.rows, &|name, at| self.numbers_at(name, at))
    }

    fn number_of(&self, name: &str) -> Result<&'b [f64], DesignError> {
        let wrong = |what: &str| DesignError::Data(format!("--weights: column `{name}` {what}"));
        match self.column(name) {
            Values::Text(_) => Err(wrong("is text")),
            Values::Number(w) if w.iter().any(|&w| w < 0.0) => Err(wrong("has values below 0")),
            Values::Number(w) => Ok(w),
        }
    }

    fn offset(&self) -> Result<Option<Vec<f64>>, Fault> {
        let mut sum: Option<Vec<f64>> = None;
        for expr in &self.formula.parts.offsets {
            let values = self.evaluate(expr)?;
            sum = Some(match sum {
                None => values,
                Some(sum) => sum.iter().zip(&values).map(|(a, b)| a + b).collect(),
            });
        }
        Ok(sum)
    }

    /// All numeric variables of the formula by their labels, in all rows; factors are only checked.
    fn numbers(&self) -> Result<Vec<(String, Vec<f64>)>, Fault> {
        let mut out: Vec<(String, Vec<f64>)> = Vec::new();
        for terms in self.all_terms() {
            for expr in &terms.variables {
                let label = expr.label();
                if self.factor_column(expr)?.is_none() && !out.iter().any(|(known, _)| *known == label) {
                    out.push((label, self.evaluate(expr)?));
                }
            }
        }
        Ok(out)
    }

    fn all_terms(&self) -> impl Iterator<Item = &'b Terms> {
        let parts = &self.formula.parts;
        std::iter::once(&parts.fixed).chain(parts.bars.iter().map(|b| &b.terms))
    }

    /// The column of a variable that is a factor.
    fn factor_column(&self, expr: &'b Expr) -> Result<Option<&'b str>, Fault> {
        match &expr.node {
            Node::Name(name) => Ok(self.is_factor(name).then_some(name.as_str())),
            Node::Call(function, arguments) if is_factor(function) => match arguments.as_slice() {
                [Expr { node: Node::Name(name), .. }] => Ok(Some(name)),
                _ => Err(Fault::at(&expr.at, "factor() takes a column")),
            },
            _ => Ok(None),
        }
    }

    fn group(&self, group: &Group, rows: &[u32]) -> Factor {
        let mut parts = group.parts.iter().map(|part| self.factor(&part.column).take(rows));
        let first = parts.next().expect("a group has a column");
        parts.fold(first, |a, b| a.cross(&b))
    }

    fn design(
        &self,
        mut rows: Vec<u32>,
        outcome: &Outcome,
        offset: Option<Vec<f64>>,
        numbers: &[(String, Vec<f64>)],
        weights: Option<&[f64]>,
        dropped: Vec<Dropped>,
    ) -> Result<FormulaDesign, DesignError> {
        let bars = &self.formula.parts.bars;
        let mut groups: Vec<(&Group, Factor)> = Vec::new();
        for bar in bars {
            if !groups.iter().any(|(g, _)| g.label == bar.group.label) {
                groups.push((&bar.group, self.group(&bar.group, &rows)));
            }
        }
        let clusters = self.reading.cluster.as_ref().map(|name| (name, self.factor(name).take(&rows)));
        // Codes so far stand by position in `rows`; keys go by row of the table.
        let spread = |codes: &[u32]| {
            let mut out = vec![0; self.frame.rows];
            rows.iter().zip(codes).for_each(|(&row, &code)| out[row as usize] = code);
            out
        };
        let mut factors: Vec<(Vec<u32>, usize)> =
            groups.iter().map(|(_, f)| (spread(&f.codes), f.levels.len())).collect();
        factors.extend(clusters.iter().map(|(_, f)| (spread(&f.codes), f.levels.len())));
        let keys = self.keys(&factors);
        let first = factors.first().map(|(codes, n)| (codes.as_slice(), *n));
        rows = sorted(&rows, first, &[keys.of_cells.as_slice(), &keys.of_rows].concat());
        let starts = self.starts(&rows, first.map(|f| f.0), &keys.of_cells);
        let heads: Vec<u32> = starts[..starts.len() - 1].iter().map(|&s| rows[s]).collect();
        let take =
            |values: &[f64]| -> Array1<f64> { rows.par_iter().map(|&r| values[r as usize]).collect::<Vec<_>>().into() };
        let codes_of = |k: usize| heads.iter().map(|&row| factors[k].0[row as usize]).collect::<Vec<u32>>();
        let (y, trials) = self.y(outcome, &rows, take)?;
        let weights = weights.map(take);
        self.check_shares(&y, trials.as_ref(), weights.as_ref())?;
        let (x, x_names) = self.matrix(&self.formula.parts.fixed, &heads, numbers)?;
        let n_groups = groups.len();
        let levels: Vec<Levels> = groups
            .into_iter()
            .map(|(g, f)| (&g.label, f))
            .chain(clusters)
            .enumerate()
            .map(|(k, (name, factor))| Levels { name: name.clone(), codes: codes_of(k), names: factor.levels })
            .collect();
        let (group_levels, rest) = levels.split_at(n_groups);
        let (terms, blocks) = self.terms(bars, group_levels, &heads, numbers)?;
        let offset = offset.map(|o| heads.iter().map(|&row| o[row as usize]).collect());
        let cluster = rest.first().cloned();
        let notes = self.notes();
        Ok(FormulaDesign { x, x_names, terms, blocks, starts, y, trials, weights, offset, cluster, dropped, notes })
    }

    /// What rows are sorted by; `factors` are groups and cluster.
    fn keys<'k>(&self, factors: &'k [(Vec<u32>, usize)]) -> Keys<'k>
    where
        'b: 'k,
    {
        let parts = &self.formula.parts;
        let names = |e: &'b Expr| e.names().into_iter().map(|(name, _)| name);
        let variables = self.all_terms().flat_map(|t| t.variables.iter());
        let mut predictors: Vec<&str> = variables.chain(&parts.offsets).flat_map(names).collect();
        let mut seen = Vec::new();
        predictors.retain(|name| {
            !seen.contains(name) && {
                seen.push(*name);
                true
            }
        });
        let key = |name: &str| match self.column(name) {
            Values::Number(numbers) => Key::Number(numbers),
            Values::Text(text) => Key::Code(&text.codes),
        };
        let others = factors.iter().skip(1).map(|(codes, _)| Key::Code(codes));
        let of_cells = others.chain(predictors.into_iter().map(key)).collect();
        let of_rows = self.reading.weights.iter().map(String::as_str).chain(names(&parts.response)).map(key).collect();
        Keys { of_cells, of_rows }
    }

    /// Where cells start.
    fn starts(&self, rows: &[u32], first: Option<&[u32]>, keys: &[Key<'_>]) -> Vec<usize> {
        if self.reading.outcome == OutcomeKind::Number {
            return (0..=rows.len()).collect();
        }
        let differ = |a: u32, b: u32| {
            first.is_some_and(|codes| codes[a as usize] != codes[b as usize])
                || keys.iter().any(|key| key.compare(a, b).is_ne())
        };
        let inner = (1..rows.len()).filter(|&at| differ(rows[at - 1], rows[at]));
        std::iter::once(0).chain(inner).chain([rows.len()]).collect()
    }

    fn variables(&self, terms: &Terms, heads: &[u32], numbers: &[(String, Vec<f64>)]) -> Result<Vec<Variable>, Fault> {
        let one = |expr: &Expr| {
            let label = expr.label();
            match numbers.iter().find(|(known, _)| *known == label) {
                Some((_, values)) => Variable::Number(heads.par_iter().map(|&r| values[r as usize]).collect()),
                None => Variable::Factor(self.factor(&first_name(expr)).take(heads)),
            }
        };
        Ok(terms.variables.iter().map(one).collect())
    }

    fn matrix(
        &self,
        terms: &Terms,
        heads: &[u32],
        numbers: &[(String, Vec<f64>)],
    ) -> Result<(Array2<f64>, Vec<String>), DesignError> {
        let place = |fault: Fault| DesignError::Formula(fault.of(&self.formula.text));
        let owned = self.variables(terms, heads, numbers).map_err(place)?;
        let variables: Vec<&Variable> = owned.iter().collect();
        let columns = columns(terms, &variables).map_err(|at| {
            let expr = &terms.variables[at];
            place(Fault::at(&expr.at, format!("`{}` has only one level in the rows that are used", expr.label())))
        })?;
        if columns.len() > MOST_COLUMNS || columns.len().saturating_mul(heads.len()) > MOST_NUMBERS {
            let widest = variables.iter().zip(&terms.variables).max_by_key(|(v, _)| v.n_levels());
            let name = widest.map_or(String::new(), |(_, expr)| expr.label());
            let (p, n) = (columns.len(), heads.len());
            let message =
                format!("{p} columns for {n} rows are too many; `{name}` has the most levels: is it a factor?");
            return Err(DesignError::Data(message));
        }
        let x = fill(&columns, &variables, heads.len());
        Ok((x, columns.into_iter().map(|c| c.name).collect()))
    }

    /// Terms, one per grouping factor, and the blocks in lme4's order.
    fn terms(
        &self,
        bars: &'b [Bar],
        groups: &[Levels],
        heads: &[u32],
        numbers: &[(String, Vec<f64>)],
    ) -> Result<TermsInOrder, DesignError> {
        let group_of = |bar: &Bar| groups.iter().position(|g| g.name == bar.group.label).expect("a group of the bars");
        let sizes: Vec<usize> = bars.iter().map(|bar| groups[group_of(bar)].names.len()).collect();
        let mut out: Vec<Blocks> = Vec::new();
        let mut order = Vec::new();
        for at in lme4_order(&sizes) {
            let group = group_of(&bars[at]);
            let (z, names) = self.matrix(&bars[at].terms, heads, numbers)?;
            let term = out.iter().position(|(g, ..)| *g == group).unwrap_or_else(|| {
                out.push((group, Vec::new(), Vec::new()));
                out.len() - 1
            });
            let block = out[term].1.len();
            if out[term].2.iter().flatten().any(|known| names.contains(known)) {
                let message = format!("a column stands twice among the random effects of `{}`", groups[group].name);
                return Err(DesignError::Formula(Fault::at(&bars[at].at, message).of(&self.formula.text)));
            }
            out[term].1.push(z);
            out[term].2.push(names);
            order.push((term, block));
        }
        let joined = |(group, z, blocks): (usize, Vec<Array2<f64>>, _)| {
            let z = match <[Array2<f64>; 1]>::try_from(z) {
                Ok([z]) => z,
                Err(z) => {
                    let views: Vec<_> = z.iter().map(Array2::view).collect();
                    ndarray::concatenate(ndarray::Axis(1), &views).expect("blocks have the same rows")
                }
            };
            TermDesign { group: groups[group].clone(), z: z.as_standard_layout().into_owned(), blocks }
        };
        Ok((out.into_iter().map(joined).collect(), order))
    }

    /// Levels that were listed and do not occur.
    fn notes(&self) -> Vec<String> {
        let mut out = self.frame.notes.clone();
        for (name, levels) in &self.reading.levels {
            let plain = Factor::of(self.column(name), None);
            let number = |l: &str| l.parse::<f64>().ok();
            let is_known =
                |l: &str| plain.levels.iter().any(|k| k == l || (number(l).is_some() && number(k) == number(l)));
            for level in levels.iter().filter(|l| !is_known(l)) {
                out.push(format!("level `{level}` of --levels {name} does not occur in the data"));
            }
        }
        out
    }
}

/// Sort keys: those by which cells differ (groups but the first, predictors), then those of rows in a cell.
struct Keys<'k> {
    of_cells: Vec<Key<'k>>,
    of_rows: Vec<Key<'k>>,
}

fn first_name(expr: &Expr) -> String {
    expr.names().first().map(|(name, _)| name.to_string()).expect("a factor has a column")
}

/// Order of the random terms by their numbers of levels, as `mkReTrms` of lme4 does it: `rev(order(n))` where not
/// decreasing already, which turns ties around.
fn lme4_order(levels: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..levels.len()).collect();
    if levels.windows(2).any(|w| w[1] > w[0]) {
        order.sort_by_key(|&at| levels[at]);
        order.reverse();
    }
    order
}
