//! Files → typed columns, with every row that falls out counted. The only room that reads data files.
//!
//! [`Table::open`] resolves files, columns, filters and look-ups of one source; [`Table::fold`] streams its
//! batches through any number of threads, [`Table::for_each`] in file order. [`FrameFile`] reads columns of one file whole,
//! for a formula.

#![allow(clippy::disallowed_methods, reason = "the door through which data comes in")]

pub mod adapters;
mod batch;
pub mod canonical;
mod csv;
mod dialect;
mod error;
mod files;
mod forms;
pub mod frame;
mod frame_file;
mod issue;
mod lookup;
mod packing;
mod parquet;
mod records;
mod reject;
mod table;
mod text;

pub use adapters::describe;
pub use batch::{As, Batch, Column, KEY_SEPARATOR, Text, Want};
pub use dialect::{Control, Dialect};
pub use error::InputError;
pub use files::{InputFile, find_files, hash_file};
pub use frame_file::FrameFile;
pub use issue::{Fault, Issue, Issues};
pub use reject::{Problem, RejectEntry, Rejects, masked};
pub use table::{Progress, Silence, Table};
