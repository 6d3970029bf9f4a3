//! Expressions → terms, as R's `terms.formula` and lme4's `findbars` expand them.

use std::ops::Range;

use super::error::Fault;
use super::parse::{Expr, Node, Sides, parse};

/// Variables of a term, as bits of their positions.
pub(super) type Bits = u128;

/// A sum of terms over variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    /// In order of appearance, each once.
    pub(super) variables: Vec<Expr>,
    /// By number of variables, else in order of appearance.
    pub(super) terms: Vec<Bits>,
    pub(super) intercept: bool,
}

/// What `(terms | group)` says, after `||` and `/` are written out.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) terms: Terms,
    pub(super) group: Group,
    pub(super) at: Range<usize>,
}

/// A grouping factor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// As lme4 names it: `school`, `class:school`.
    pub(super) label: String,
    /// Columns whose levels are combined.
    pub(super) parts: Vec<GroupPart>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct GroupPart {
    pub(super) column: String,
    pub(super) at: Range<usize>,
}

/// A formula, taken apart. No column of it has been looked at yet.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) response: Expr,
    pub(super) fixed: Terms,
    pub(super) bars: Vec<Bar>,
    pub(super) offsets: Vec<Expr>,
}

pub(super) fn parts(text: &str) -> Result<Parts, Fault> {
    let Sides { left, right } = parse(text)?;
    let mut expander = Expander::new(true);
    let terms = expander.expand(&right)?;
    let fixed = expander.finish(terms);
    Ok(Parts { response: left, fixed, bars: expander.bars, offsets: expander.offsets })
}

struct Expander {
    variables: Vec<Expr>,
    intercept: bool,
    /// The right side of a formula may have random effects and offsets; the left side of a bar may not.
    outermost: bool,
    bars: Vec<Bar>,
    offsets: Vec<Expr>,
}

impl Expander {
    fn new(outermost: bool) -> Self {
        Self { variables: Vec::new(), intercept: true, outermost, bars: Vec::new(), offsets: Vec::new() }
    }

    fn finish(&mut self, mut terms: Vec<Bits>) -> Terms {
        // R sorts by order and keeps the rest as it is.
        terms.sort_by_key(|t| t.count_ones());
        Terms { variables: std::mem::take(&mut self.variables), terms, intercept: self.intercept }
    }

    fn expand(&mut self, expr: &Expr) -> Result<Vec<Bits>, Fault> {
        match &expr.node {
            Node::Paren(inner) => match &inner.node {
                Node::Binary(sign @ ("|" | "||"), left, right) => {
                    self.bar(*sign == "||", left, right, &expr.at)?;
                    Ok(Vec::new())
                }
                _ => self.expand(inner),
            },
            Node::Number(_) => {
                self.intercept = one_or_zero(expr)?;
                Ok(Vec::new())
            }
            Node::Unary("-", inner) => {
                self.removed(inner)?;
                Ok(Vec::new())
            }
            Node::Unary(_, inner) => self.expand(inner),
            Node::Binary(sign, left, right) => self.combined(sign, left, right, expr),
            Node::Call(function, arguments) if function == "offset" => self.offset(arguments, expr),
            Node::Name(name) if name == "." => {
                Err(Fault::at(&expr.at, "`.` (all other columns) is not known here; name the columns"))
            }
            Node::Name(_) | Node::Call(..) => self.variable(expr).map(|bit| vec![bit]),
        }
    }

    fn combined(&mut self, sign: &str, left: &Expr, right: &Expr, expr: &Expr) -> Result<Vec<Bits>, Fault> {
        if matches!(sign, "|" | "||") {
            return Err(Fault::at(&expr.at, "random effects stand in brackets, as in (1 | school)"));
        }
        if sign == "^" {
            return self.powers(left, right);
        }
        let left = self.expand(left)?;
        if sign == "-" {
            let removed = self.removed(right)?;
            return Ok(left.into_iter().filter(|t| !removed.contains(t)).collect());
        }
        let right = self.expand(right)?;
        let products = || left.iter().flat_map(|l| right.iter().map(move |r| l | r));
        let all = left.iter().fold(0, |a, b| a | b);
        Ok(match sign {
            "+" => unique(left.iter().chain(&right).copied()),
            "*" => unique(left.iter().chain(&right).copied().chain(products())),
            ":" => unique(products()),
            // a/b = a + a:b
            _ => unique(left.iter().copied().chain(right.iter().map(|r| all | r))),
        })
    }

    fn powers(&mut self, left: &Expr, right: &Expr) -> Result<Vec<Bits>, Fault> {
        let Node::Number(power) = right.bare().node else {
            return Err(Fault::at(&right.at, "the power of terms must be a whole number; a square of x is I(x^2)"));
        };
        if power.fract() != 0.0 || !(1.0..=16.0).contains(&power) {
            return Err(Fault::at(&right.at, "the power of terms must be a whole number from 1 to 16"));
        }
        let base = self.expand(left)?;
        let mut all = base.clone();
        for _ in 1..power as usize {
            let longer: Vec<Bits> = all.iter().flat_map(|a| base.iter().map(move |b| a | b)).collect();
            all = unique(all.into_iter().chain(longer));
        }
        Ok(all)
    }

    /// The terms behind a minus; `-1` takes the intercept away and `-0` brings it back.
    fn removed(&mut self, expr: &Expr) -> Result<Vec<Bits>, Fault> {
        if let Node::Number(_) = expr.bare().node {
            self.intercept = !one_or_zero(expr.bare())?;
            return Ok(Vec::new());
        }
        self.expand(expr)
    }

    fn offset(&mut self, arguments: &[Expr], expr: &Expr) -> Result<Vec<Bits>, Fault> {
        match arguments {
            [inner] if self.outermost => {
                self.offsets.push(inner.clone());
                Ok(Vec::new())
            }
            [_] => Err(Fault::at(&expr.at, "an offset stands outside the random effects")),
            _ => Err(Fault::at(&expr.at, "offset() takes one column or expression")),
        }
    }

    fn variable(&mut self, expr: &Expr) -> Result<Bits, Fault> {
        let label = expr.label();
        let known = self.variables.iter().position(|v| v.label() == label);
        let at = known.unwrap_or(self.variables.len());
        if at >= Bits::BITS as usize {
            return Err(Fault::at(&expr.at, "a formula may have 128 variables"));
        }
        if known.is_none() {
            self.variables.push(expr.clone());
        }
        Ok(1 << at)
    }

    fn bar(&mut self, double: bool, left: &Expr, right: &Expr, at: &Range<usize>) -> Result<(), Fault> {
        if !self.outermost {
            return Err(Fault::at(at, "random effects can't stand inside random effects"));
        }
        let mut inside = Expander::new(false);
        let terms = inside.expand(left)?;
        let terms = inside.finish(terms);
        if terms.terms.is_empty() && !terms.intercept {
            return Err(Fault::at(at, "these random effects have no column; (1 | g) has an intercept"));
        }
        let groups = groups(right)?;
        for terms in if double { terms.apart() } else { vec![terms] } {
            for group in &groups {
                self.bars.push(Bar { terms: terms.clone(), group: group.clone(), at: at.clone() });
            }
        }
        Ok(())
    }
}

impl Terms {
    /// The terms of `(x || g)`: each for itself.
    fn apart(&self) -> Vec<Terms> {
        let one = |terms, intercept| Terms { variables: self.variables.clone(), terms, intercept };
        let constant = self.intercept.then(|| one(Vec::new(), true));
        constant.into_iter().chain(self.terms.iter().map(|t| one(vec![*t], false))).collect()
    }
}

fn one_or_zero(expr: &Expr) -> Result<bool, Fault> {
    match expr.node {
        Node::Number(1.0) => Ok(true),
        Node::Number(0.0) => Ok(false),
        _ => Err(Fault::at(&expr.at, "as a term only 1 (intercept) and 0 (no intercept) are numbers")),
    }
}

fn unique(terms: impl Iterator<Item = Bits>) -> Vec<Bits> {
    let mut out = Vec::new();
    for term in terms {
        if !out.contains(&term) {
            out.push(term);
        }
    }
    out
}

/// `a/b/c` → `c:(b:a)`, `b:a`, `a`, as lme4 writes them out.
fn groups(expr: &Expr) -> Result<Vec<Group>, Fault> {
    let mut nested: Vec<Group> = Vec::new();
    for step in slashed(expr) {
        let parts = group_parts(step)?;
        let group = match nested.first() {
            None => Group { label: step.bare().label(), parts },
            Some(outer) => {
                let inside = if outer.parts.len() > 1 { format!("({})", outer.label) } else { outer.label.clone() };
                let label = format!("{}:{inside}", step.label());
                Group { label, parts: parts.into_iter().chain(outer.parts.iter().cloned()).collect() }
            }
        };
        nested.insert(0, group);
    }
    Ok(nested)
}

fn slashed(expr: &Expr) -> Vec<&Expr> {
    match &expr.node {
        Node::Binary("/", left, right) => slashed(left).into_iter().chain(slashed(right)).collect(),
        Node::Paren(inner) if matches!(inner.node, Node::Binary("/", ..)) => slashed(inner),
        _ => vec![expr],
    }
}

fn group_parts(expr: &Expr) -> Result<Vec<GroupPart>, Fault> {
    match &expr.node {
        Node::Name(column) => Ok(vec![GroupPart { column: column.clone(), at: expr.at.clone() }]),
        Node::Paren(inner) => group_parts(inner),
        Node::Binary(":", a, b) => Ok(group_parts(a)?.into_iter().chain(group_parts(b)?).collect()),
        Node::Call(function, arguments) if is_factor(function) && arguments.len() == 1 => group_parts(&arguments[0]),
        _ => Err(Fault::at(&expr.at, "a grouping factor is a column, or columns combined: g, a:b, a/b")),
    }
}

pub(super) fn is_factor(function: &str) -> bool {
    matches!(function, "factor" | "as.factor")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels as R's `attr(terms(f), "term.labels")`.
    fn labels(text: &str) -> Vec<String> {
        let fixed = parts(&format!("y ~ {text}")).expect("a formula").fixed;
        let label = |t: &Bits| {
            let bits = (0..128).filter(|k| t >> k & 1 == 1);
            bits.map(|k| fixed.variables[k].label()).collect::<Vec<_>>().join(":")
        };
        std::iter::once(u8::from(fixed.intercept).to_string()).chain(fixed.terms.iter().map(label)).collect()
    }

    #[test]
    fn terms_are_those_of_r() {
        // attr(terms(y ~ …), c("intercept", "term.labels")), R 4.2.2.
        assert_eq!(
            labels("meanses*cses + sector*cses"),
            ["1", "meanses", "cses", "sector", "meanses:cses", "cses:sector"]
        );
        assert_eq!(labels("a:b + c"), ["1", "c", "a:b"]);
        assert_eq!(labels("(a + b + c)^2 - b:c"), ["1", "a", "b", "c", "a:b", "a:c"]);
        assert_eq!(labels("0 + a + b:a"), ["0", "a", "a:b"]);
        assert_eq!(labels("a*b*c - a:b:c - 1"), ["0", "a", "b", "c", "a:b", "a:c", "b:c"]);
        assert_eq!(labels("a + I(a^2) + log(b) + offset(log(d)) + a"), ["1", "a", "I(a^2)", "log(b)"]);
        assert_eq!(labels("(a + b)/c"), ["1", "a", "b", "a:b:c"]);
        assert_eq!(labels("1"), ["1"]);
        assert_eq!(labels("-1 + a"), ["0", "a"]);
    }

    /// Group and columns of each bar.
    fn bars(text: &str) -> Vec<(String, String)> {
        let parts = parts(&format!("y ~ {text}")).expect("a formula");
        let columns = |terms: &Terms| {
            let names = |t: &Bits| -> Vec<String> {
                (0..128).filter(|k| t >> k & 1 == 1).map(|k| terms.variables[k].label()).collect()
            };
            let own = terms.terms.iter().map(|t| names(t).join(":"));
            let all: Vec<String> = terms.intercept.then(|| "1".to_string()).into_iter().chain(own).collect();
            all.join("+")
        };
        parts.bars.iter().map(|b| (b.group.label.clone(), columns(&b.terms))).collect()
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
    }

    #[test]
    fn random_effects_are_written_out_as_lme4_does() {
        // names(lFormula(…)$reTrms$cnms), lme4 1.1-31.
        assert_eq!(bars("x + (1 | a/b/c)"), pairs(&[("c:(b:a)", "1"), ("b:a", "1"), ("a", "1")]));
        assert_eq!(bars("(1 | a:b) + (0 + x | g)"), pairs(&[("a:b", "1"), ("g", "x")]));
        assert_eq!(bars("(x + f || g)"), pairs(&[("g", "1"), ("g", "x"), ("g", "f")]));
        assert_eq!(bars("(x*z | g)"), pairs(&[("g", "1+x+z+x:z")]));
        assert_eq!(bars("(1 | factor(g))"), pairs(&[("factor(g)", "1")]));
    }

    #[test]
    fn what_cannot_be_is_shown() {
        let at = |text: &str| parts(text).expect_err("a fault").at.expect("a place");
        assert_eq!(at("y ~ x + 1 | g"), 4..13);
        assert_eq!(at("y ~ x + 3"), 8..9);
        assert_eq!(at("y ~ (0 | g)"), 4..11);
        assert_eq!(at("y ~ (x | g + h)"), 9..14);
        assert_eq!(at("y ~ x^z"), 6..7);
        assert_eq!(at("y ~ ."), 4..5);
        assert_eq!(at("y ~ (offset(x) | g)"), 5..14);
    }
}
