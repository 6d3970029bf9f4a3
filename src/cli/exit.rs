//! Exit codes (`conventions.md` §2), and failures on their way to one.

use crate::run::RunError;

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done. Suppressed and not estimable schools are results.
    Success,
    /// 1: done, but some models have no result because their search did not end.
    Findings,
    /// 2: the study file or the flags are wrong.
    Usage,
    /// 3: the input was rejected.
    Input,
    /// 4: disk, permission, another run busy; trying again may help.
    Environment,
    /// 5: no model could be fitted.
    Numerical,
    /// 6: a result holds what may not leave; nothing was published.
    Privacy,
    /// 70: our mistake.
    Internal,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Input => 3,
            Exit::Environment => 4,
            Exit::Numerical => 5,
            Exit::Privacy => 6,
            Exit::Internal => 70,
        }
    }
}

/// A command that could not be finished.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    pub(super) fn write(what: &str, reason: &std::io::Error) -> Self {
        Self { exit: Exit::Environment, message: format!("{what}: {reason}") }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let exit = match error.exit_code() {
            2 => Exit::Usage,
            3 => Exit::Input,
            4 => Exit::Environment,
            6 => Exit::Privacy,
            _ => Exit::Internal,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<crate::ingest::KeyError> for Failure {
    fn from(error: crate::ingest::KeyError) -> Self {
        crate::ingest::InputError::from(error).into()
    }
}

impl From<crate::ingest::InputError> for Failure {
    fn from(error: crate::ingest::InputError) -> Self {
        RunError::from(error).into()
    }
}
