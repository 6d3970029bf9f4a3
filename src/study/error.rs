//! Errors of a study file: where, what was found, what would be right.

use std::fmt;

/// A place in a text, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl Place {
    /// The place of byte `offset` in `text`.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// One thing that is wrong in a study file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyError {
    /// Where it stands.
    pub place: Place,
    /// The key, as `models[2].outcome`.
    pub path: String,
    /// What was found.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl fmt::Display for StudyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.place.line, self.place.column)?;
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// The nearest of `known`, when one is near.
pub fn near<'k>(name: &str, known: &'k [String]) -> Option<&'k String> {
    let scores = known.iter().map(|k| (strsim::normalized_damerau_levenshtein(name, k), k));
    scores.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score >= 0.5).map(|(_, k)| k)
}

/// "did you mean `x`?" for the nearest of `known`, or the whole list when none is near. For names of the study
/// only: what a file calls its columns may be data (see `ingest`).
pub fn nearest(name: &str, known: &[String]) -> Option<String> {
    match near(name, known) {
        Some(k) => Some(format!("did you mean `{k}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known are {}", known.join(", "))),
    }
}
