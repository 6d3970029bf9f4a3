//! Terms → columns with R's names and treatment contrasts (`model.matrix`).

use ndarray::Array2;
use rayon::prelude::*;

use super::factor::Factor;
use super::terms::{Bits, Terms};

/// A variable of the model, in the rows that are used.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Variable {
    Number(Vec<f64>),
    Factor(Factor),
}

impl Variable {
    /// Levels of a factor; 0 for numbers.
    pub(super) fn n_levels(&self) -> usize {
        match self {
            Variable::Number(_) => 0,
            Variable::Factor(factor) => factor.levels.len(),
        }
    }
}

/// One column: a product of parts; the intercept has none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// The values of a variable.
    Number(usize),
    /// 1 where a factor has a level.
    Level(usize, u32),
}

/// The columns of `terms`; `variables` are its variables with their values, in order.
///
/// A factor has contrasts where the rest of its term stands before it (the empty rest is the intercept), else a column
/// per level (Chambers & Hastie 1992, §2.4; `TermCode` in R's modelframe.c). Without an intercept the first factor
/// has all its levels.
///
/// `Err` is the position of a variable that needs contrasts and has one level.
pub(super) fn columns(terms: &Terms, variables: &[&Variable]) -> Result<Vec<Column>, usize> {
    let mut out = Vec::new();
    if terms.intercept {
        out.push(Column { name: "(Intercept)".into(), parts: Vec::new() });
    }
    let mut all_levels = (!terms.intercept).then(|| first_factor(terms, variables)).flatten();
    for (at, &term) in terms.terms.iter().enumerate() {
        let mut products = vec![Column { name: String::new(), parts: Vec::new() }];
        for variable in bits(term) {
            let rest = term & !(1 << variable);
            let is_first = all_levels == Some((at, variable));
            let has_contrasts = !is_first && (rest == 0 || terms.terms[..at].iter().any(|t| rest & !t == 0));
            let label = terms.variables[variable].label();
            let own = coded(&label, variable, variables[variable], has_contrasts)?;
            // The first variable of a term runs fastest.
            products = own.iter().flat_map(|own| products.iter().map(|p| p.times(own))).collect();
        }
        if all_levels.is_some_and(|(first, _)| first == at) {
            all_levels = None;
        }
        out.extend(products);
    }
    Ok(out)
}

/// Term and variable of the first factor.
fn first_factor(terms: &Terms, variables: &[&Variable]) -> Option<(usize, usize)> {
    let places = terms.terms.iter().enumerate().flat_map(|(at, &term)| bits(term).map(move |v| (at, v)));
    places.into_iter().find(|&(_, v)| matches!(variables[v], Variable::Factor(_)))
}

pub(super) fn bits(term: Bits) -> impl Iterator<Item = usize> {
    (0..Bits::BITS as usize).filter(move |k| term >> k & 1 == 1)
}

fn coded(label: &str, at: usize, variable: &Variable, contrasts: bool) -> Result<Vec<Column>, usize> {
    match variable {
        Variable::Number(_) => Ok(vec![Column { name: label.into(), parts: vec![Part::Number(at)] }]),
        Variable::Factor(factor) => {
            if contrasts && factor.levels.len() < 2 {
                return Err(at);
            }
            let levels = factor.levels.iter().zip(0..).skip(usize::from(contrasts));
            Ok(levels.map(|(l, k)| Column { name: format!("{label}{l}"), parts: vec![Part::Level(at, k)] }).collect())
        }
    }
}

impl Column {
    fn times(&self, other: &Column) -> Column {
        let colon = if self.name.is_empty() { "" } else { ":" };
        let name = format!("{}{colon}{}", self.name, other.name);
        Column { name, parts: self.parts.iter().chain(&other.parts).cloned().collect() }
    }
}

/// Rows that are filled at a time: what a block of columns needs stays in the cache.
const BLOCK: usize = 2048;

/// Values of `columns` in all rows (n × columns).
pub(super) fn fill(columns: &[Column], variables: &[&Variable], rows: usize) -> Array2<f64> {
    let p = columns.len();
    let mut out = vec![1.0; rows * p];
    if p > 0 {
        out.par_chunks_mut(BLOCK * p).enumerate().for_each(|(block, chunk)| {
            let first = block * BLOCK;
            for (k, column) in columns.iter().enumerate() {
                for part in &column.parts {
                    let cells = chunk[k..].iter_mut().step_by(p);
                    match (part, part.of(variables)) {
                        (Part::Number(_), Variable::Number(x)) => cells.zip(&x[first..]).for_each(|(c, x)| *c *= x),
                        (Part::Level(_, level), Variable::Factor(f)) => {
                            let hits = f.codes[first..].iter().map(|code| f64::from(u8::from(code == level)));
                            cells.zip(hits).for_each(|(c, hit)| *c *= hit);
                        }
                        _ => unreachable!("a part is of its variable's kind"),
                    }
                }
            }
        });
    }
    Array2::from_shape_vec((rows, p), out).expect("rows times columns values")
}

impl Part {
    fn of<'v>(&self, variables: &[&'v Variable]) -> &'v Variable {
        match self {
            Part::Number(at) | Part::Level(at, _) => variables[*at],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::terms::parts;
    use super::*;

    fn factor(codes: &[u32], levels: &[&str]) -> Variable {
        Variable::Factor(Factor { codes: codes.to_vec(), levels: levels.iter().map(|l| l.to_string()).collect() })
    }

    fn of(name: &str) -> Variable {
        match name {
            "x" => Variable::Number(vec![0.5, 1.0, 2.0, -1.0, 3.0, 0.0]),
            "a" => factor(&[0, 1, 2, 0, 1, 2], &["p", "q", "r"]),
            "b" => factor(&[0, 0, 0, 1, 1, 1], &["u", "v"]),
            "c" => factor(&[0, 1, 0, 1, 1, 0], &["k", "l"]),
            other => panic!("{other}"),
        }
    }

    fn matrix(text: &str) -> (Vec<String>, Array2<f64>) {
        let fixed = parts(&format!("y ~ {text}")).expect("a formula").fixed;
        let owned: Vec<Variable> = fixed.variables.iter().map(|v| of(&v.label())).collect();
        let variables: Vec<&Variable> = owned.iter().collect();
        let columns = columns(&fixed, &variables).expect("columns");
        let x = fill(&columns, &variables, 6);
        (columns.into_iter().map(|c| c.name).collect(), x)
    }

    fn names(text: &str) -> String {
        matrix(text).0.join(" ")
    }

    #[test]
    fn names_and_contrasts_are_those_of_r() {
        // colnames(model.matrix(~ …)), R 4.2.2, the same factors.
        assert_eq!(names("a*b"), "(Intercept) aq ar bv aq:bv ar:bv");
        assert_eq!(names("a:b"), "(Intercept) ap:bu aq:bu ar:bu ap:bv aq:bv ar:bv");
        assert_eq!(names("0 + a*b"), "ap aq ar bv aq:bv ar:bv");
        assert_eq!(names("a + a:b"), "(Intercept) aq ar ap:bv aq:bv ar:bv");
        assert_eq!(names("x:a"), "(Intercept) x:ap x:aq x:ar");
        assert_eq!(names("x + x:a"), "(Intercept) x x:aq x:ar");
        assert_eq!(names("0 + x + a + b"), "x ap aq ar bv");
        assert_eq!(names("a/x"), "(Intercept) aq ar ap:x aq:x ar:x");
        assert_eq!(names("0 + a:x + a:b"), "ap:x aq:x ar:x ap:bv aq:bv ar:bv");
        assert_eq!(names("a*b*c - a:b:c"), "(Intercept) aq ar bv cl aq:bv ar:bv aq:cl ar:cl bv:cl");
        assert_eq!(names("b:a:x"), "(Intercept) bu:ap:x bv:ap:x bu:aq:x bv:aq:x bu:ar:x bv:ar:x");
        assert_eq!(names("0 + b:a + a"), "ap aq ar bv:ap bv:aq bv:ar");
    }

    #[test]
    fn values_are_products() {
        let (_, x) = matrix("x*a");
        // model.matrix(~ x*a)[5, ] of R: x = 3, a = q.
        assert_eq!(x.row(4).to_vec(), [1.0, 3.0, 1.0, 0.0, 3.0, 0.0]);
        assert_eq!(x.row(2).to_vec(), [1.0, 2.0, 0.0, 1.0, 0.0, 2.0]);
    }

    #[test]
    fn one_level_has_no_contrast() {
        let fixed = parts("y ~ f").expect("a formula").fixed;
        let f = factor(&[0, 0], &["only"]);
        assert_eq!(columns(&fixed, &[&f]), Err(0));
    }
}
