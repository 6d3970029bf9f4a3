//! `lob ingest`: files as they come → canonical tables with a codebook, and a study that runs on them.

use std::path::Path;

use super::{Loaded, load};
use crate::cli::args::Ingest;
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::{Screen, grouped};
use crate::ingest::canonical::{Fate, Ledger};
use crate::run::{self, Ingested};
use crate::study::file::Ingest as Sources;

pub(in crate::cli) fn execute(command: &Ingest, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = load(&command.study)?;
    let done = ingest(&loaded, &command.out, screen)?;
    screen.say(&format!("Codebook {}", command.out.join("datapackage.json").display()));
    screen.say(&format!("Run it with: lob run {}", done.study.display()));
    Ok(Exit::Success)
}

/// Makes the tables and says what became of the rows.
fn ingest(loaded: &Loaded, out: &Path, screen: &Screen) -> Result<Ingested, Failure> {
    let Some(ingest) = &loaded.study.ingest else {
        return Err(Failure::usage("the study has no [ingest]: its sources are tables already; run it with `lob run`"));
    };
    let bar = screen.rows("reading");
    let done = run::ingest(&loaded.study, ingest, &loaded.text, &loaded.base, out, &bar);
    bar.finish();
    let done = done?;
    print(&done, ingest, screen);
    Ok(done)
}

/// The study itself, or with `[ingest]` the one that runs on its canonical tables, which are made in `out/tables`.
pub(super) fn prepared(loaded: Loaded, out: &Path, screen: &Screen) -> Result<Loaded, Failure> {
    if loaded.study.ingest.is_none() {
        return Ok(loaded);
    }
    let done = ingest(&loaded, &out.join("tables"), screen)?;
    load(&done.study)
}

fn print(done: &Ingested, ingest: &Sources, screen: &Screen) {
    let tables: Vec<String> = done.tables.iter().map(|(name, rows)| format!("{} {name}", grouped(*rows))).collect();
    screen.say(&format!("Tables   {}", tables.join(", ")));
    for line in left_out(&done.ledger) {
        screen.say(&line);
    }
    // Beside counts nobody is looked for.
    if [&ingest.enrolment, &ingest.diploma, &ingest.dropout].iter().any(|sources| !sources.0.is_empty()) {
        let (pupils, linked) = done.ledger.linked.values().fold((0, 0), |t, s| (t.0 + s.pupils, t.1 + s.linked));
        screen.say(&format!(
            "Linked   {} of {} pupils were found in later education or on a list",
            grouped(linked),
            grouped(pupils)
        ));
    }
    for note in &done.ledger.notes {
        screen.say(&format!("Note: {note}."));
    }
}

/// Rows that are in no table, by table and reason.
fn left_out(ledger: &Ledger) -> Vec<String> {
    let words = |fate| match fate {
        Fate::Read | Fate::Kept => None,
        Fate::Copy => Some("copies of another row"),
        Fate::NoKey => Some("without a key, or not in the crosswalk"),
        Fate::UnknownPupil => Some("of pupils who are in no pupil list"),
        Fate::Incomplete => Some("without a day or another value that the table needs"),
        Fate::MergedPeriod => Some("periods that go on from the one before"),
        Fate::OlderDelivery => Some("of older deliveries"),
        Fate::ReplacedByDefinitive => Some("of provisional lists that a definitive one replaced"),
        Fate::OlderReport => Some("of monthly reports that a newer one replaced"),
        Fate::EarlierYear => Some("of pupils who are in the list of a later school year"),
        Fate::OtherEnrolment => Some("of pupils who count for another school of their last year"),
        Fate::NotCurrent => Some("that a later record replaced"),
        Fate::ReplacedByLater => Some("of which a later row has the same number"),
    };
    let line = |((table, source, fate), n): (&(String, String, Fate), &u64)| {
        words(*fate).map(|why| format!("         {} rows of {source} not in {table}: {why}", grouped(*n)))
    };
    ledger.rows.iter().filter_map(line).collect()
}
