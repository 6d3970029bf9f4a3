//! `lob schema`.

use crate::cli::args::Schema;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::models::MODELS;
use crate::study;
use crate::vocab::{ACTIVITIES, OUTCOMES};

pub(in crate::cli) fn execute(command: &Schema, screen: &Screen) -> Result<Exit, Failure> {
    if !command.list {
        screen.print(&format!("{:#}", study::schema()));
        return Ok(Exit::Success);
    }
    screen.print("Outcome definitions");
    for o in OUTCOMES {
        screen.print(&format!("  {:<20} {} / {} (version {}; {})", o.id, o.nl, o.en, o.version, o.source));
    }
    screen.print("\nKinds of models");
    for m in MODELS {
        screen.print(&format!("  {:<20} takes {}\n  {:<20} {}", m.kind().id, m.kind().takes_words, "", m.equation()));
    }
    screen.print("\nActivity types");
    for a in ACTIVITIES {
        let part = a.part().map_or(String::new(), |part| format!("; {} of a triple", part.word()));
        screen.print(&format!("  {:<20} {} / {} ({}{part})", a.code, a.nl, a.en, a.competence.code()));
    }
    Ok(Exit::Success)
}
