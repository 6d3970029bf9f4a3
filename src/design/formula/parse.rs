//! Tokens → expressions, with R's precedence: `^`, sign, `:`, `* /`, `+ -`, `| ||`, `~`.

use std::ops::Range;

use super::error::Fault;
use super::lex::{Placed, Token, tokens, written};

/// An expression and the bytes it stands on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expr {
    pub(super) node: Node,
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Number(f64),
    Name(String),
    /// A function and its arguments.
    Call(String, Vec<Expr>),
    /// A sign before an expression.
    Unary(&'static str, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Paren(Box<Expr>),
}

/// The two sides of `~`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sides {
    pub(super) left: Expr,
    pub(super) right: Expr,
}

/// Brackets and signs in each other beyond which a formula is refused: every level takes room on the stack.
const MOST_NESTED: usize = 100;
/// Names, numbers and signs beyond which it is refused: a chain of operators is as deep as it is long.
const MOST_TOKENS: usize = 4000;

/// Operators from the weakest to the strongest; `^` and signs are handled apart.
const LEVELS: &[&[&str]] = &[&["|", "||"], &["+", "-"], &["*", "/"], &[":"]];

pub(super) fn parse(text: &str) -> Result<Sides, Fault> {
    let tokens = tokens(text)?;
    if let Some(beyond) = tokens.get(MOST_TOKENS) {
        return Err(Fault::at(&beyond.at, format!("the formula has more than {MOST_TOKENS} names, numbers and signs")));
    }
    let mut parser = Parser { tokens: &tokens, next: 0, end: text.len(), depth: 0 };
    let left = parser.binary(1)?;
    if !parser.takes("~") {
        return Err(parser.unexpected("expected `~` between the outcome and its predictors"));
    }
    let right = parser.binary(0)?;
    if parser.next < tokens.len() {
        return Err(parser.unexpected("the formula should have ended here"));
    }
    Ok(Sides { left, right })
}

struct Parser<'t> {
    tokens: &'t [Placed],
    next: usize,
    end: usize,
    /// Brackets and signs that are open.
    depth: usize,
}

impl Parser<'_> {
    fn peek_sign(&self) -> Option<&'static str> {
        match self.tokens.get(self.next)?.token {
            Token::Sign(sign) => Some(sign),
            _ => None,
        }
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = self.peek_sign() == Some(sign);
        self.next += usize::from(found);
        found
    }

    fn unexpected(&self, message: &str) -> Fault {
        match self.tokens.get(self.next) {
            Some(token) => Fault::at(&token.at, message),
            None => Fault::at(&(self.end..self.end), format!("{message}, but the formula ends")),
        }
    }

    fn binary(&mut self, level: usize) -> Result<Expr, Fault> {
        let Some(operators) = LEVELS.get(level) else { return self.signed() };
        let mut left = self.binary(level + 1)?;
        while let Some(sign) = self.peek_sign().filter(|s| operators.contains(s)) {
            self.next += 1;
            let right = self.binary(level + 1)?;
            let at = left.at.start..right.at.end;
            left = Expr { node: Node::Binary(sign, Box::new(left), Box::new(right)), at };
        }
        Ok(left)
    }

    /// Reads something inside a bracket or behind a sign.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<Expr, Fault>) -> Result<Expr, Fault> {
        if self.depth == MOST_NESTED {
            return Err(
                self.unexpected(&format!("more than {MOST_NESTED} brackets and signs stand in each other here"))
            );
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn signed(&mut self) -> Result<Expr, Fault> {
        match self.peek_sign() {
            Some(sign @ ("+" | "-")) => {
                let start = self.tokens[self.next].at.start;
                self.next += 1;
                let inner = self.deeper(Self::signed)?;
                let at = start..inner.at.end;
                Ok(Expr { node: Node::Unary(sign, Box::new(inner)), at })
            }
            _ => self.power(),
        }
    }

    fn power(&mut self) -> Result<Expr, Fault> {
        let base = self.atom()?;
        if !self.takes("^") {
            return Ok(base);
        }
        // Right to left, and a sign may follow: 2^-1.
        let exponent = self.deeper(Self::signed)?;
        let at = base.at.start..exponent.at.end;
        Ok(Expr { node: Node::Binary("^", Box::new(base), Box::new(exponent)), at })
    }

    fn atom(&mut self) -> Result<Expr, Fault> {
        let Some(Placed { token, at }) = self.tokens.get(self.next).cloned() else {
            return Err(self.unexpected("expected a column, a number or `(`"));
        };
        self.next += 1;
        match token {
            Token::Number(number) => Ok(Expr { node: Node::Number(number), at }),
            Token::Name(name) if self.takes("(") => {
                let arguments = self.arguments()?;
                let end = self.closed(&at)?;
                Ok(Expr { node: Node::Call(name, arguments), at: at.start..end })
            }
            Token::Name(name) => Ok(Expr { node: Node::Name(name), at }),
            Token::Sign("(") => {
                let inner = self.deeper(|p| p.binary(0))?;
                let end = self.closed(&at)?;
                Ok(Expr { node: Node::Paren(Box::new(inner)), at: at.start..end })
            }
            Token::Sign(_) => {
                self.next -= 1;
                Err(self.unexpected("expected a column, a number or `(`"))
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, Fault> {
        let mut out = vec![self.deeper(|p| p.binary(0))?];
        while self.takes(",") {
            out.push(self.deeper(|p| p.binary(0))?);
        }
        Ok(out)
    }

    /// End of the bracket that was opened at `open`.
    fn closed(&mut self, open: &Range<usize>) -> Result<usize, Fault> {
        let here = self.tokens.get(self.next).map(|t| t.at.end);
        match here {
            Some(end) if self.takes(")") => Ok(end),
            Some(_) => Err(self.unexpected("expected `)`")),
            None => Err(Fault::at(open, "the bracket that is opened here is never closed")),
        }
    }
}

impl Expr {
    /// The expression in R's spelling: `I(x * y)`, `I(x^2)`, `a:b`.
    pub(super) fn label(&self) -> String {
        match &self.node {
            Node::Number(number) => number.to_string(),
            Node::Name(name) => written(name),
            Node::Call(function, arguments) => {
                let list: Vec<String> = arguments.iter().map(Expr::label).collect();
                format!("{function}({})", list.join(", "))
            }
            Node::Unary(sign, inner) => format!("{sign}{}", inner.label()),
            Node::Binary(sign @ ("^" | ":" | "/"), a, b) => format!("{}{sign}{}", a.label(), b.label()),
            Node::Binary(sign, a, b) => format!("{} {sign} {}", a.label(), b.label()),
            Node::Paren(inner) => format!("({})", inner.label()),
        }
    }

    /// Without the brackets around it.
    pub(super) fn bare(&self) -> &Expr {
        match &self.node {
            Node::Paren(inner) => inner.bare(),
            _ => self,
        }
    }

    /// The columns that the expression names, with their places, in order.
    pub(super) fn names(&self) -> Vec<(&str, &Range<usize>)> {
        match &self.node {
            Node::Number(_) => Vec::new(),
            Node::Name(name) => vec![(name, &self.at)],
            Node::Call(_, arguments) => arguments.iter().flat_map(Expr::names).collect(),
            Node::Unary(_, inner) | Node::Paren(inner) => inner.names(),
            Node::Binary(_, a, b) => a.names().into_iter().chain(b.names()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> String {
        parse(&format!("y ~ {text}")).expect("a formula").right.label()
    }

    #[test]
    fn expressions_are_spelled_as_r_does() {
        // deparse(quote(…)) of R 4.2.2.
        assert_eq!(label("I( x^2 )+I(x *y)"), "I(x^2) + I(x * y)");
        assert_eq!(label("log(x/ 10)+a :b"), "log(x/10) + a:b");
        assert_eq!(label("-x^2"), "-x^2");
        assert_eq!(label("( 1|g )"), "(1 | g)");
    }

    #[test]
    fn the_strongest_operator_binds_first() {
        let right = parse("y ~ a + b*c:d^2").expect("a formula").right;
        let Node::Binary("+", _, b) = right.node else { panic!("{right:?}") };
        let Node::Binary("*", _, b) = b.node else { panic!("{b:?}") };
        let Node::Binary(":", _, b) = b.node else { panic!("{b:?}") };
        assert!(matches!(b.node, Node::Binary("^", ..)));
        let bar = parse("y ~ (0 + x | g)").expect("a formula").right;
        assert!(matches!(&bar.bare().node, Node::Binary("|", ..)));
    }

    #[test]
    fn faults_have_places() {
        let at = |text: &str| parse(text).expect_err("a fault").at.expect("a place");
        assert_eq!(at("y ~ x + * z"), 8..9);
        assert_eq!(at("y ~ (x | g"), 4..5);
        assert_eq!(at("y x"), 2..3);
        assert_eq!(at("y ~ x )"), 6..7);
        assert_eq!(at("y ~"), 3..3);
        assert_eq!(at("y ~ log(x"), 4..7);
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |n: usize, open: &str, close: &str| format!("y ~ {}x{}", open.repeat(n), close.repeat(n));
        assert!(parse(&nested(90, "(", ")")).is_ok());
        for (open, close) in [("(", ")"), ("log(", ")"), ("-", ""), ("2^", "")] {
            let fault = parse(&nested(200_000 / (open.len() * 100), open, close)).expect_err("too deep");
            assert!(fault.at.is_some(), "{open}");
        }
        let chain = |n: usize| format!("y ~ {}", vec!["x"; n].join(" + "));
        assert!(parse(&chain(1900)).is_ok());
        assert!(parse(&chain(100_000)).expect_err("too long").at.is_some());
    }
}
