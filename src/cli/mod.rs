//! Flags → commands, messages, exit codes. The front of the house: everything a person sees on a terminal.

#![allow(clippy::disallowed_methods, reason = "the front door: study files, pages, terminal")]

mod args;
mod commands;
mod exit;
mod messages;
mod panic;
mod summary;

pub use args::Args;
pub use exit::Exit;
pub use panic::say_only_the_place;

use args::Command;

/// Runs the command of `args`; errors are printed to standard error.
pub fn execute(args: &Args) -> Exit {
    let screen = messages::Screen::new(args.quiet);
    if let Some(threads) = args.threads {
        // Fails only when a pool exists already, and then the first choice stands.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
    }
    let done = match &args.command {
        Command::Demo(c) => commands::demo::execute(c, args, &screen),
        Command::Init(c) => commands::init::execute(c, &screen),
        Command::Check(c) => commands::check::execute(c, args, &screen),
        Command::Ingest(c) => commands::ingest::execute(c, &screen),
        Command::Run(c) => commands::run::execute(c, args, &screen),
        Command::Counts(c) => commands::counts::execute(c, args, &screen),
        Command::Batch(c) => commands::batch::execute(c, args, &screen),
        Command::Cells(c) => commands::cells::execute(c, &screen),
        Command::Panel(c) => commands::panel::execute(c, &screen),
        Command::Report(c) => commands::report::execute(c, args, &screen),
        Command::Certify(c) => commands::certify::execute(c, args, &screen),
        Command::Simulate(c) => commands::simulate::execute(c, &screen),
        Command::Fit(c) => commands::fit::execute(c, &screen),
        Command::Key(c) => commands::key::execute(c, &screen),
        Command::Explain(c) => commands::explain::execute(c, args, &screen),
        Command::Schema(c) => commands::schema::execute(c, &screen),
        Command::Completions(c) => commands::completions::execute(c, &screen),
    };
    done.unwrap_or_else(|failure| {
        screen.error(&failure.message);
        failure.exit
    })
}
