//! The faults of one file while it is read.

use super::super::files::InputFile;
use super::super::{Fault, InputError, Issue, Issues, masked};

/// Collects faults and names the file in each.
pub(super) struct Faults {
    file: String,
    issues: Issues,
}

impl Faults {
    pub(super) fn of(file: &InputFile) -> Self {
        Self { file: file.name.clone(), issues: Issues::default() }
    }

    /// Notes a fault; `found` is masked here, an empty one is left out.
    pub(super) fn add(&mut self, fault: Fault, row: u64, column: &str, found: &str, expected: impl Into<String>) {
        self.issues.add(Issue {
            fault,
            file: self.file.clone(),
            row: Some(row),
            column: Some(column.to_string()).filter(|c| !c.is_empty()),
            found: Some(masked(found)).filter(|f| !f.is_empty()),
            expected: expected.into(),
        });
    }

    /// Notes a fault of the whole file.
    pub(super) fn of_file(&mut self, fault: Fault, expected: impl Into<String>) {
        let (file, expected) = (self.file.clone(), expected.into());
        self.issues.add(Issue { fault, file, row: None, column: None, found: None, expected });
    }

    /// Nothing, or all that was found.
    pub(super) fn end(&mut self) -> Result<(), InputError> {
        if self.issues.is_empty() {
            return Ok(());
        }
        Err(InputError::Issues { file: self.file.clone(), issues: std::mem::take(&mut self.issues) })
    }
}
