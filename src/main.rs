//! The `lob` command: parse, run, map to an exit code.

use std::process::ExitCode;

use clap::Parser;
use lob_effect::cli::{Args, Exit, execute};

fn main() -> ExitCode {
    // A panic message may hold a value from the data: only the place in our code is printed.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        eprintln!("internal error{place} (lob {}); please report this line", env!("CARGO_PKG_VERSION"));
    }));
    let args = Args::parse();
    let exit = std::panic::catch_unwind(|| execute(&args)).unwrap_or(Exit::Internal);
    ExitCode::from(exit.code())
}
