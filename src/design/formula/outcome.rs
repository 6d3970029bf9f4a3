//! What the left side of a formula is in the rows of a table.

use ndarray::Array1;

use super::error::Fault;
use super::factor::Factor;
use super::parse::{Expr, Node};
use super::rows::Builder;
use super::terms::is_factor;
use super::{DesignError, OutcomeKind};

/// The outcome in all rows of the table.
pub(super) enum Outcome {
    Number(Vec<f64>),
    /// Successes and failures of `cbind`.
    Counts(Vec<f64>, Vec<f64>),
    /// The second of two levels is a success.
    Levels(Factor),
}

impl Outcome {
    pub(super) fn values(&self) -> Vec<&[f64]> {
        match self {
            Outcome::Number(y) => vec![y],
            Outcome::Counts(a, b) => vec![a, b],
            Outcome::Levels(_) => Vec::new(),
        }
    }
}

impl Builder<'_> {
    pub(super) fn outcome(&self) -> Result<Outcome, Fault> {
        let response = &self.formula.parts.response;
        let is_binary = self.reading.outcome == OutcomeKind::Binary;
        if self.formula.is_cbind() {
            let Node::Call(_, arguments) = &response.node else { unreachable!("cbind is a call") };
            return match arguments.as_slice() {
                [a, b] if is_binary => Ok(Outcome::Counts(self.evaluate(a)?, self.evaluate(b)?)),
                [_, _] => Err(Fault::at(&response.at, "cbind(successes, failures) needs --family binomial")),
                _ => Err(Fault::at(&response.at, "cbind() takes two columns: successes and failures")),
            };
        }
        let column = match &response.node {
            Node::Name(name) if self.is_factor(name) => Some(name),
            Node::Call(function, arguments) if is_factor(function) => match arguments.as_slice() {
                [Expr { node: Node::Name(name), .. }] => Some(name),
                _ => return Err(Fault::at(&response.at, "factor() takes a column")),
            },
            _ => None,
        };
        match column {
            Some(name) if is_binary => Ok(Outcome::Levels(self.factor(name))),
            Some(name) => {
                Err(Fault::at(&response.at, format!("`{name}` is a factor; --family binomial takes two levels")))
            }
            None => Ok(Outcome::Number(self.evaluate(response)?)),
        }
    }

    /// Outcome and trials of each row.
    pub(super) fn y(
        &self,
        outcome: &Outcome,
        rows: &[u32],
        take: impl Fn(&[f64]) -> Array1<f64>,
    ) -> Result<(Array1<f64>, Option<Array1<f64>>), DesignError> {
        let wrong =
            |what: &str| DesignError::Data(format!("the outcome `{}` {what}", self.formula.parts.response.label()));
        let (y, trials) = match outcome {
            Outcome::Number(y) => (take(y), None),
            Outcome::Counts(a, b) => {
                let (a, b) = (take(a), take(b));
                if a.iter().chain(&b).any(|&v| v < 0.0) {
                    return Err(wrong("has fewer than 0 successes or failures"));
                }
                let trials = &a + &b;
                (a, Some(trials))
            }
            Outcome::Levels(factor) => {
                let factor = factor.take(rows);
                if factor.levels.len() != 2 {
                    return Err(wrong(&format!("has {} levels; it must have 2", factor.levels.len())));
                }
                (factor.codes.iter().map(|&code| f64::from(code)).collect(), None)
            }
        };
        match self.reading.outcome {
            OutcomeKind::Number => Ok((y, None)),
            OutcomeKind::Count if y.iter().any(|&v| v < 0.0 || v.fract() != 0.0) => {
                Err(wrong("must be a count: 0, 1, 2, …"))
            }
            OutcomeKind::Count => Ok((y, None)),
            OutcomeKind::Binary => {
                let trials = trials.unwrap_or_else(|| Array1::ones(y.len()));
                Ok((y, Some(trials)))
            }
        }
    }

    pub(super) fn check_shares(
        &self,
        y: &Array1<f64>,
        trials: Option<&Array1<f64>>,
        weights: Option<&Array1<f64>>,
    ) -> Result<(), DesignError> {
        if trials.is_none() || self.formula.is_cbind() {
            return Ok(());
        }
        let label = self.formula.parts.response.label();
        if y.iter().any(|v| !(0.0..=1.0).contains(v)) {
            return Err(DesignError::Data(format!(
                "the outcome `{label}` must be 0 or 1, a share of --weights trials, two levels, or cbind(successes, failures)"
            )));
        }
        let is_whole = |v: f64| (v - v.round()).abs() <= 1e-3;
        let is_share = match weights {
            None => y.iter().all(|&v| v == 0.0 || v == 1.0),
            Some(w) => y.iter().zip(w).all(|(y, w)| is_whole(y * w)),
        };
        if is_share {
            return Ok(());
        }
        Err(DesignError::Data(format!(
            "the outcome `{label}` has shares that are no whole number of successes; give the trials with --weights"
        )))
    }
}
