//! The `lob` command: parse, run, map to an exit code.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use lob_effect::cli::{Args, Exit, execute};

fn main() -> ExitCode {
    // A panic message may hold a value from the data: only the place in our code is printed.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        let version = env!("CARGO_PKG_VERSION");
        // `eprintln!` would panic again where nobody listens to standard error.
        let _ = writeln!(std::io::stderr(), "internal error{place} (lob {version}); please report this line");
    }));
    let args = Args::parse();
    let exit = std::panic::catch_unwind(|| execute(&args)).unwrap_or(Exit::Internal);
    ExitCode::from(exit.code())
}
