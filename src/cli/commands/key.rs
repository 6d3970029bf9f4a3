//! `lob key`. Of a key only its id is printed.

use std::path::Path;

use crate::cli::args::{Key, KeyAction};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::ingest::{ProjectKey, is_project};

pub(in crate::cli) fn execute(command: &Key, screen: &Screen) -> Result<Exit, Failure> {
    match &command.action {
        KeyAction::New { file, project } => new(file, project, screen),
        KeyAction::Id { file } => {
            screen.print(ProjectKey::read(file)?.id());
            Ok(Exit::Success)
        }
        KeyAction::Rotate { file } => rotate(file, screen),
        KeyAction::Destroy { file, yes } => destroy(file, *yes, screen),
    }
}

fn new(file: &Path, project: &str, screen: &Screen) -> Result<Exit, Failure> {
    if !is_project(project) {
        return Err(Failure::usage("--project takes letters, digits, - _ and . only"));
    }
    let key = ProjectKey::create(file, project)?;
    screen.print(&format!("Key {} of project {project} is in {}", key.id(), file.display()));
    screen.say("Only you can read it. Keep it apart from the data, with a copy in a safe place:");
    screen.say("without it no new delivery can be linked to an old one, and it can't be made again.");
    Ok(Exit::Success)
}

fn rotate(file: &Path, screen: &Screen) -> Result<Exit, Failure> {
    let rotated = ProjectKey::rotate(file)?;
    screen.print(&format!(
        "Key {} takes the place of {}, which is kept in {}",
        rotated.new,
        rotated.old,
        rotated.kept.display()
    ));
    screen.say("Pseudonyms of the two keys never match: pseudonymise all files again with the new one.");
    screen.say("Destroy the old one when nothing has to be reproduced with it any more.");
    Ok(Exit::Success)
}

fn destroy(file: &Path, yes: bool, screen: &Screen) -> Result<Exit, Failure> {
    if !yes {
        let id = ProjectKey::read(file)?.id().to_string();
        return Err(Failure::usage(format!(
            "this would destroy key {id} for good; no delivery can be linked to earlier ones after it. Say --yes"
        )));
    }
    let id = ProjectKey::destroy(file)?;
    screen.print(&format!("Key {id} was overwritten and removed."));
    screen.say("What this does not mean:");
    screen
        .say("- Pseudonymised data are not anonymous now: who knows enough about a pupil can still recognise the row.");
    screen
        .say("- Copies and backups of the key are still there, and a solid-state disk may keep what was overwritten.");
    for kept in ProjectKey::kept(file) {
        screen.say(&format!("- An earlier key is still in {}", kept.display()));
    }
    Ok(Exit::Success)
}
