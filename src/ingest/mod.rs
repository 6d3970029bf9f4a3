//! Files → typed columns, with every row that falls out counted. The only room that reads data files.
//!
//! [`Table::open`] resolves files, columns, filters and look-ups of one source; [`Table::fold`] streams its
//! batches through any number of threads, [`Table::for_each`] in file order. [`FrameFile`] reads columns of one file whole,
//! for a formula.

#![allow(clippy::disallowed_methods, reason = "the door through which data comes in")]

pub mod adapters;
mod batch;
mod bsn;
pub mod canonical;
mod counts;
mod csv;
mod dialect;
mod door;
mod error;
mod files;
mod forms;
pub mod frame;
mod frame_file;
mod issue;
mod key;
mod lookup;
mod memory;
mod packing;
mod parquet;
mod pseudonym;
mod records;
mod reject;
mod sizes;
mod table;
mod text;
mod validate;

pub(crate) use adapters::count;
pub use adapters::{Bounds, describe, may_be_named};
pub use batch::{As, Batch, Column, KEY_SEPARATOR, Run, Text, Want};
pub use bsn::{BsnWatch, eleven_test, holds_bsn, nine_digit_numbers};
pub use counts::count_wants;
pub use dialect::{Control, Dialect};
pub use error::InputError;
pub use files::{InputFile, find_files, hash_file};
pub use frame_file::FrameFile;
pub use issue::{Fault, Issue, Issues};
pub use key::{
    KEY_FILE_VARIABLE, KeyError, ProjectKey, Rotated, assert_one_key, is_project, key_of, project_of, recorded_keys,
};
pub use memory::{Aside, Memory, MemorySize};
pub use parquet::{KEY_ID, footer_entry};
pub use pseudonym::{IdError, Pseudonyms};
pub use reject::{Problem, RejectEntry, Rejects, masked};
pub use sizes::{Range, Sizes};
pub use table::{Progress, Silence, Table};
pub use validate::{ColumnProfile, FileProfile, header, profile, recognise, shown_name};
