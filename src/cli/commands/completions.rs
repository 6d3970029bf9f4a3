//! `lob completions`.

use clap::CommandFactory;

use crate::cli::args::{Args, Completions};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;

pub(in crate::cli) fn execute(command: &Completions, screen: &Screen) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(command.shell, &mut Args::command(), "lob", &mut text);
    screen.print(&String::from_utf8_lossy(&text));
    Ok(Exit::Success)
}
