//! `lob batch`: many studies on the threads of one pool. A study that fails, even by a mistake of ours, stops no other.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Loaded, ingest, load, run::exit};
use crate::cli::args::{Args, Batch};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::ingest::{MemorySize, Silence};
use crate::run::{self, Job, Summary};
use crate::vocab::Lang;

/// Threads that one study can keep busy on average: reading and fitting share them, but models wait for each other.
const THREADS_PER_STUDY: usize = 4;

/// A study with its output folder, or why it can't run.
type Ready = Result<(Loaded, PathBuf), Failure>;

/// What became of a study.
struct Done {
    exit: Exit,
    line: String,
}

pub(in crate::cli) fn execute(command: &Batch, args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    let at_once = command.at_once.map_or_else(|| rayon::current_num_threads().div_ceil(THREADS_PER_STUDY), usize::from);
    let at_once = at_once.max(1).min(command.studies.len());
    let memory = command.memory.map(|all| MemorySize(all.0 / at_once as u64));
    let loaded: Vec<(&PathBuf, Ready)> =
        command.studies.iter().map(|path| (path, load(path).map(|l| with_folder(l, command)))).collect();
    assert_apart(&loaded)?;
    // Studies begin in the order of the command line; the lines come in it too.
    let next = Mutex::new(loaded.into_iter().enumerate());
    let done: Mutex<Vec<(usize, PathBuf, Done)>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let taken = next.lock().ok().and_then(|mut rest| rest.next());
            let Some((place, (path, loaded))) = taken else { return };
            let outcome = one(loaded, memory, args, screen);
            if let Ok(mut all) = done.lock() {
                all.push((place, path.clone(), outcome));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(work);
        }
    });
    let mut all = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    all.sort_by_key(|(place, ..)| *place);
    Ok(summary(&all, screen))
}

fn with_folder(loaded: Loaded, command: &Batch) -> (Loaded, PathBuf) {
    let out = command.out.as_ref().unwrap_or(&loaded.base).join(&loaded.study.study.id);
    (loaded, out)
}

/// Two studies in one output folder would wait for each other and point to each other's runs.
fn assert_apart(loaded: &[(&PathBuf, Ready)]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for (path, (_, out)) in loaded.iter().filter_map(|(path, l)| Some((path, l.as_ref().ok()?))) {
        if !seen.insert(out) {
            return Err(Failure::usage(format!(
                "{}: another study has the same output folder; give the studies ids of their own",
                path.display()
            )));
        }
    }
    Ok(())
}

fn one(loaded: Ready, memory: Option<MemorySize>, args: &Args, screen: &Screen) -> Done {
    // What panicked leaves nothing behind that another study sees: each has its own panel and folder.
    let tried = catch_unwind(AssertUnwindSafe(|| {
        let (loaded, out) = loaded?;
        study(loaded, &out, memory, args, screen)
    }));
    match tried {
        Ok(Ok(summary)) => Done { exit: exit(&summary), line: told(&summary) },
        Ok(Err(failure)) => {
            let first = failure.message.lines().next().unwrap_or_default().to_string();
            Done { exit: failure.exit, line: first }
        }
        Err(_) => Done { exit: Exit::Internal, line: "internal error".into() },
    }
}

fn study(
    loaded: Loaded,
    out: &Path,
    memory: Option<MemorySize>,
    args: &Args,
    screen: &Screen,
) -> Result<Summary, Failure> {
    let loaded = ingest::prepared(loaded, out, &screen.quietly())?;
    let Loaded { study, text, base } = &loaded;
    let lang = args.lang.map_or(study.report.lang, Lang::from);
    Ok(run::run(&Job { study, text, base, out, lang, robustness: None, memory }, &Silence)?)
}

fn told(summary: &Summary) -> String {
    let refused = summary.models.iter().filter(|m| m.refused.is_some()).count();
    let unchanged = if summary.unchanged { ", unchanged" } else { "" };
    format!(
        "{} models, {refused} without an estimate, {} reports, run {}{unchanged}",
        summary.models.len(),
        summary.reports.len(),
        summary.run_id
    )
}

/// One line per study; the exit code is the worst one, where a failure is worse than a result without some models.
fn summary(all: &[(usize, PathBuf, Done)], screen: &Screen) -> Exit {
    for (_, path, done) in all {
        let line = format!("{}: {}", path.display(), done.line);
        match done.exit {
            Exit::Success | Exit::Findings => screen.say(&line),
            _ => screen.error(&line),
        }
    }
    let of = |exit: Exit| all.iter().filter(|(.., done)| done.exit == exit).count();
    let (fine, some) = (of(Exit::Success), of(Exit::Findings));
    screen.say(&format!(
        "{} studies: {fine} done, {some} done with models that did not converge, {} failed",
        all.len(),
        all.len() - fine - some
    ));
    all.iter().map(|(.., done)| done.exit).max_by_key(|exit| exit.code()).unwrap_or(Exit::Success)
}
