//! `lob init`.

use std::fs::File;
use std::io::Write;

use crate::cli::args::Init;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::study::template::TEMPLATE;

pub(in crate::cli) fn execute(command: &Init, screen: &Screen) -> Result<Exit, Failure> {
    let name = command.file.display().to_string();
    // `create_new` fails on an existing file, so that nobody's study is overwritten.
    let mut file = File::create_new(&command.file).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::usage(format!("{name} exists already; it was left alone")),
        _ => Failure::write(&name, &e),
    })?;
    file.write_all(TEMPLATE.as_bytes()).map_err(|e| Failure::write(&name, &e))?;
    screen.say(&format!("Wrote {name}. Fill in your files and columns, then: lob check {name}"));
    Ok(Exit::Success)
}
