//! The `lob` command: parse, run, map to an exit code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use lob_effect::cli::{Args, Exit, execute, say_only_the_place};
use mimalloc::MiMalloc;

/// The system's keeps what a stage of a national run has let go, half a gigabyte of it.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    say_only_the_place();
    let args = Args::parse();
    let exit = std::panic::catch_unwind(|| execute(&args)).unwrap_or(Exit::Internal);
    ExitCode::from(exit.code())
}
