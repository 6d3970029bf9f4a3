//! A limit of memory changes where things are put, and nothing else.

mod small;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lob_effect::ingest::{MemorySize, Silence};
use lob_effect::models;
use lob_effect::run::{Job, RunError, Summary, run};
use lob_effect::simulate::{RegionSpec, simulate, write_region};
use lob_effect::study::Study;
use lob_effect::study::template::TEMPLATE;
use lob_effect::vocab::Lang;
use small::{Folder, Study as Small, lob};
use tempfile::TempDir;

/// With so little, everything that can be put aside is.
const NOTHING: MemorySize = MemorySize(1_000);

fn region() -> TempDir {
    let dir = TempDir::new().expect("a temporary folder");
    let spec = RegionSpec { schools: 8, cohorts: 2, pupils: 1_200, seed: 5, ..RegionSpec::default() };
    write_region(&simulate(&spec), dir.path()).expect("the region is written");
    dir
}

/// The template's study, which has triples, shares, a hazard and growth.
fn ran(base: &Path, out: &Path, memory: Option<MemorySize>) -> Result<Summary, RunError> {
    let study = Study::parse(TEMPLATE, &models::kinds()).expect("the template is a study");
    let job = Job { study: &study, text: TEMPLATE, base, out, lang: Lang::Nl, robustness: None, memory };
    run(&job, &Silence)
}

/// The files of a run but for the one that says when and how.
fn published(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![run.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("run_info.json") => {}
                false => {
                    let name = path.strip_prefix(run).expect("a file of the run").to_path_buf();
                    found.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
    }
    found
}

#[test]
fn a_run_that_puts_everything_aside_gives_the_same_bytes_and_leaves_no_file() {
    let dir = region();
    let (held, aside) = (dir.path().join("held"), dir.path().join("aside"));
    let all = ran(dir.path(), &held, None).expect("a run");
    let little = ran(dir.path(), &aside, Some(NOTHING)).expect("a run");
    let (expected, found) = (published(&all.dir), published(&little.dir));
    assert!(expected.len() > 15 && expected.keys().eq(found.keys()));
    for (path, bytes) in &expected {
        assert!(bytes == &found[path], "{} differs", path.display());
    }
    let left: Vec<String> = fs::read_dir(&aside)
        .expect("a folder")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|name| [".lock", "CURRENT", "runs"].contains(&name.as_str())), "{left:?}");
    if cfg!(target_os = "linux") {
        assert!(little.notes.iter().any(|n| n.contains("more than the 1 MB asked for")), "{:?}", little.notes);
    }
}

/// A file system that takes no files of ours: nothing is lost, and whoever runs it is told.
#[cfg(target_os = "linux")]
#[test]
fn what_has_no_room_aside_is_held_and_told() {
    use lob_effect::ingest::Memory;
    let dir = region();
    let study = Study::parse(TEMPLATE, &models::kinds()).expect("the template is a study");
    let memory = Memory::limited(NOTHING, Path::new("/proc"));
    let plan = lob_effect::panel::Plan::of(&study).within(memory.clone());
    let panel = lob_effect::panel::build(plan, dir.path(), &Silence).expect("a panel, held in memory");
    assert!(memory.assert_room().is_err(), "but it is told");
    assert!(panel.doses.is_some());
}

#[test]
fn sizes_that_make_no_sense_are_refused_and_a_batch_shares_its_memory() {
    let folder = Folder::with(&Small::small());
    let path = folder.path();
    let refused = lob(path, &["run", "study.toml", "--memory", "512"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("such as 512MB"), "{}", refused.err);
    let ran = lob(path, &["batch", "study.toml", "--memory", "256MB", "--out", "uit"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}
