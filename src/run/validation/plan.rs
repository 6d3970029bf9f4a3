//! `--fix-plan`: a mapping that may be meant, as TOML to paste into the study after reading it. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::ingest::{FileProfile, Want, shown_name};
use crate::study::file::Source;
use crate::study::guess;
use crate::study::{Study, near};

/// A word of the data is proposed only when so many rows have it: a name of one pupil is none.
const FEWEST: u64 = 10;

/// Proposals for columns that are not there and for activity names that no exposure counts.
pub(super) fn of(study: &Study, wanted: &BTreeMap<String, Vec<Want>>, profiles: &[(String, FileProfile)]) -> String {
    let mut text = String::new();
    for (name, source) in &study.sources {
        let wants = wanted.get(name).map_or(&[][..], Vec::as_slice);
        let files: Vec<&FileProfile> = profiles.iter().filter(|(s, _)| s == name).map(|(_, p)| p).collect();
        columns(&mut text, name, source, wants, &files);
    }
    activities(&mut text, study, profiles);
    text
}

fn columns(text: &mut String, name: &str, source: &Source, wants: &[Want], files: &[&FileProfile]) {
    let header: BTreeSet<String> = files.iter().flat_map(|p| &p.columns).map(|c| c.name.clone()).collect();
    if header.is_empty() {
        return;
    }
    let free: Vec<String> = header.iter().filter(|h| !wants.iter().any(|w| w.name == **h)).cloned().collect();
    let names: BTreeSet<&str> = wants.iter().map(|w| w.name.as_str()).collect();
    let (mut lines, mut unknown) = (Vec::new(), Vec::new());
    for want in names {
        if header.contains(source.rename.get(want).map_or(want, String::as_str)) {
            continue;
        }
        let by_role = guess::role(want).and_then(|role| free.iter().find(|h| guess::role(h) == Some(role)));
        match by_role.or_else(|| near(want, &free)) {
            Some(found) => lines.push(format!("{want:?} = {:?}", shown_name(found))),
            None => unknown.push(want.to_string()),
        }
    }
    if !lines.is_empty() {
        let _ = writeln!(text, "# in [sources.{name}]\nrename = {{ {} }}", lines.join(", "));
    }
    if !unknown.is_empty() {
        let _ = writeln!(text, "# sources.{name}: nothing like it was found for {}", unknown.join(", "));
    }
}

fn activities(text: &mut String, study: &Study, profiles: &[(String, FileProfile)]) {
    let Some(a) = &study.activities else { return };
    let Some(kind) = &a.kind else { return };
    let column = study.sources.get(&a.source).and_then(|s| s.rename.get(kind)).unwrap_or(kind);
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    let of_source = profiles.iter().filter(|(s, _)| *s == a.source);
    for c in of_source.flat_map(|(_, p)| &p.columns).filter(|c| c.name == *column) {
        for (word, n) in c.categories(FEWEST) {
            *words.entry(word.to_string()).or_default() += n;
        }
    }
    let counted: BTreeSet<&str> =
        study.exposures.iter().filter_map(|e| e.types.as_ref()).flat_map(|t| &t.0).map(String::as_str).collect();
    let is_known = |word: &str| counted.contains(word) || crate::vocab::activities::activity(word).is_some();
    let (mut lines, mut unknown) = (Vec::new(), Vec::new());
    for (word, n) in words.iter().filter(|(w, _)| !a.recode.contains_key(*w) && !is_known(w)) {
        match guess::activity(word) {
            Some(found) => lines.push(format!("{word:?} = {:?}  # {n} rows; {}", found.code, found.nl)),
            None => unknown.push(format!("# {word:?} = \"…\"  # {n} rows; no activity type is like it")),
        }
    }
    if !lines.is_empty() || !unknown.is_empty() {
        let _ = writeln!(text, "[activities.recode]\n{}", [lines, unknown].concat().join("\n"));
    }
}
