//! Arithmetic of columns: what stands in `I()`, `log()`, `offset()` and `cbind()`.

use super::error::Fault;
use super::parse::{Expr, Node};

/// Functions of one number; R's names.
/// A name and what it does.
type NamedFunction = (&'static str, fn(f64) -> f64);

const FUNCTIONS: &[NamedFunction] = &[
    ("I", |x| x),
    ("log", f64::ln),
    ("log2", f64::log2),
    ("log10", f64::log10),
    ("log1p", f64::ln_1p),
    ("exp", f64::exp),
    ("expm1", f64::exp_m1),
    ("sqrt", f64::sqrt),
    ("abs", f64::abs),
];

/// A number per row, or one for all.
enum Value {
    Rows(Vec<f64>),
    One(f64),
}

/// Values of `expr` in all `rows`; `column` gives a column's numbers, or says why it has none.
pub(super) fn evaluate<'f>(
    expr: &Expr,
    rows: usize,
    column: &impl Fn(&str, &Expr) -> Result<&'f [f64], Fault>,
) -> Result<Vec<f64>, Fault> {
    Ok(match value(expr, column)? {
        Value::Rows(values) => values,
        Value::One(number) => vec![number; rows],
    })
}

fn value<'f>(expr: &Expr, column: &impl Fn(&str, &Expr) -> Result<&'f [f64], Fault>) -> Result<Value, Fault> {
    match &expr.node {
        Node::Number(number) => Ok(Value::One(*number)),
        Node::Name(name) => Ok(Value::Rows(column(name, expr)?.to_vec())),
        Node::Paren(inner) => value(inner, column),
        Node::Unary(sign, inner) => {
            let flip = *sign == "-";
            Ok(value(inner, column)?.map(|x| if flip { -x } else { x }))
        }
        Node::Binary(sign, a, b) => {
            let operation: fn(f64, f64) -> f64 = match *sign {
                "+" => |a, b| a + b,
                "-" => |a, b| a - b,
                "*" => |a, b| a * b,
                "/" => |a, b| a / b,
                "^" => power,
                _ => return Err(Fault::at(&expr.at, format!("`{sign}` is no arithmetic; here stand + - * / ^"))),
            };
            Ok(value(a, column)?.with(value(b, column)?, operation))
        }
        Node::Call(name, arguments) => {
            let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| known == name) else {
                return Err(Fault::at(&expr.at, unknown_function(name)));
            };
            let [argument] = arguments.as_slice() else {
                return Err(Fault::at(&expr.at, format!("{name}() takes one column or expression")));
            };
            Ok(value(argument, column)?.map(function))
        }
    }
}

/// The square of a number is one rounding, as in R.
fn power(base: f64, exponent: f64) -> f64 {
    if exponent == 2.0 { base * base } else { base.powf(exponent) }
}

fn unknown_function(name: &str) -> String {
    let known: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
    format!("the function {name}() is not known here; known are {}, factor, offset and cbind", known.join(", "))
}

impl Value {
    fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        match &mut self {
            Value::One(x) => *x = f(*x),
            Value::Rows(rows) => rows.iter_mut().for_each(|x| *x = f(*x)),
        }
        self
    }

    fn with(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        match (self, other) {
            (Value::One(a), Value::One(b)) => Value::One(f(a, b)),
            (Value::One(a), b) => b.map(|b| f(a, b)),
            (a, Value::One(b)) => a.map(|a| f(a, b)),
            (Value::Rows(mut a), Value::Rows(b)) => {
                a.iter_mut().zip(b).for_each(|(a, b)| *a = f(*a, b));
                Value::Rows(a)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn of(text: &str) -> Result<Vec<f64>, Fault> {
        let expr = parse(&format!("y ~ {text}")).expect("a formula").right;
        let (x, z) = ([1.0, -4.0], [2.0, 0.5]);
        evaluate(&expr, 2, &|name, at| match name {
            "x" => Ok(x.as_slice()),
            "z" => Ok(z.as_slice()),
            _ => Err(Fault::at(&at.at, "no such column")),
        })
    }

    #[test]
    fn arithmetic_is_that_of_r() {
        assert_eq!(of("I(x^2 - 2*z)").expect("numbers"), [-3.0, 15.0]);
        assert_eq!(of("-x^2").expect("numbers"), [-1.0, -16.0]);
        assert_eq!(of("(x + 1)/z").expect("numbers"), [1.0, -6.0]);
        assert_eq!(of("log(2^3)").expect("a number"), [8f64.ln(), 8f64.ln()]);
        assert!(of("sqrt(x)").expect("numbers")[1].is_nan());
    }

    #[test]
    fn unknown_functions_and_columns_are_shown() {
        let fault = of("I(x + sin(z))").expect_err("no sine");
        assert_eq!(fault.at, Some(10..16));
        assert!(fault.message.contains("sin()") && fault.message.contains("log1p"));
        assert_eq!(of("log(w)").expect_err("no w").at, Some(8..9));
    }
}
