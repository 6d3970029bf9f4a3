//! Why a run stopped, and with which exit code.

use std::io;

use crate::disclosure::zone::BadPath;
use crate::ingest::InputError;

/// A run that could not be finished. Earlier runs are as they were.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Input that can't be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The output folder can't be written.
    #[error("LOB-E0401 {what}: {reason}")]
    Write {
        /// What was being written, without folders.
        what: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// Another run is writing to the same folder.
    #[error("LOB-E0402 another run is busy in this output folder; try again when it has finished")]
    Busy,
    /// Another engine did not make the cells.
    #[error("LOB-E0404 {engine}: {what}")]
    Engine {
        /// Its name.
        engine: &'static str,
        /// What became of it, with the end of its log; without values.
        what: String,
    },
    /// A result holds what may not leave; nothing was published.
    #[error("LOB-E0601 {file}: holds {what}; nothing was published")]
    Egress {
        /// The output.
        file: String,
        /// What was found, in words.
        what: String,
    },
    /// A path that no zone allows.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// A table could not be encoded.
    #[error("LOB-E0403 {table}: can't be encoded: {reason}")]
    Encode {
        /// Table.
        table: String,
        /// Reason.
        reason: String,
    },
}

impl From<crate::ingest::KeyError> for RunError {
    fn from(error: crate::ingest::KeyError) -> Self {
        RunError::Input(error.into())
    }
}

impl RunError {
    /// Exit code (`conventions.md` §2).
    pub fn exit_code(&self) -> u8 {
        match self {
            RunError::Input(e) if e.is_environment() => 4,
            RunError::Input(e) if e.is_study() => 2,
            RunError::Input(_) => 3,
            RunError::Write { .. } | RunError::Busy | RunError::Engine { .. } => 4,
            RunError::Egress { .. } => 6,
            RunError::Path(_) | RunError::Encode { .. } => 70,
        }
    }
}
