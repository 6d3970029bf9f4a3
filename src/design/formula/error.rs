//! What is wrong with a formula, and where.

use std::ops::Range;

/// A formula that can't be used, with the place in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaError {
    /// What is wrong, and what would be right.
    pub message: String,
    /// The formula.
    pub text: String,
    /// Bytes of `text` that are meant; `None` where the formula as a whole is.
    pub at: Option<Range<usize>>,
}

impl std::fmt::Display for FormulaError {
    /// The message, then the formula with carets under the place.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.message)?;
        let Some(at) = &self.at else { return Ok(()) };
        let before = self.text[..at.start].chars().count();
        let carets = self.text[at.clone()].chars().count().max(1);
        write!(f, "\n  {}\n  {}{}", self.text, " ".repeat(before), "^".repeat(carets))
    }
}

impl std::error::Error for FormulaError {}

/// An error before it knows the formula's text.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) at: Option<Range<usize>>,
}

impl Fault {
    pub(super) fn at(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), at: Some(span.clone()) }
    }

    pub(super) fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), at: None }
    }

    pub(super) fn of(self, text: &str) -> FormulaError {
        FormulaError { message: self.message, text: text.to_string(), at: self.at }
    }
}
