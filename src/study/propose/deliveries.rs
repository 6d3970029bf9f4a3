//! The study of files as schools have them: [ingest] makes tables of pupils, activities and enrolments, with the days that no
//! pupil list has.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Part, SeenColumn, SeenFile, id_kind, quoted, recode, source};
use crate::study::guess::Role;

/// Whether these files are to be made tables first: a list of pupils of a school year has no day on which the dose is frozen;
/// the calendar has it.
pub(super) fn are_deliveries(pupils: Option<&SeenFile>) -> bool {
    pupils.is_some_and(|file| file.has(Role::Cohort) && !file.has(Role::Landmark))
}

/// Files of the same columns.
type Group<'f> = Vec<&'f SeenFile>;

fn groups<'f>(files: &[&'f SeenFile]) -> Vec<Group<'f>> {
    let mut groups: Vec<Group<'f>> = Vec::new();
    let names = |file: &SeenFile| file.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    for file in files {
        match groups.iter_mut().find(|group| names(group[0]) == names(file) && group[0].format == file.format) {
            Some(group) => group.push(file),
            None => groups.push(vec![file]),
        }
    }
    groups
}

/// Writes the sources and `[ingest]`; true when ids must be replaced.
pub(super) fn sources(out: &mut String, parts: &BTreeMap<Part, Vec<&SeenFile>>, all: &[SeenFile]) -> bool {
    let key = key(parts);
    let mut made: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut needs_key = false;
    for (part, files) in parts {
        let table = match part {
            Part::Pupils => "pupil",
            Part::Activities => "activity",
            Part::Enrolments => "enrolment",
            Part::Crosswalk => "crosswalk",
            Part::Schools => "school",
            Part::Counts | Part::Unknown => {
                needs_key |= source(out, *part, part.source(), files, None);
                continue;
            }
        };
        for (at, group) in groups(files).iter().enumerate() {
            let own = part.source();
            let name = if at == 0 { own.to_string() } else { format!("{own}_{}", at + 1) };
            let rename = rename(*part, group[0], &key);
            needs_key |= source(out, *part, &name, group, Some(&rename));
            made.entry(table).or_default().push(quoted(&name));
        }
    }
    for file in all {
        if let (Some(table @ ("enrolment" | "diploma" | "dropout" | "start_pop")), Some(format)) =
            (file.table.as_deref(), file.format.as_deref())
        {
            let names = made.entry(table).or_default();
            let name = quoted(&format!("{format}_{table}"));
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let _ = writeln!(
        out,
        "# Makes tables of the sources; `lob check` says what they lack.\n[ingest]\nkey = {}   # in every source of pupils, by rename or, where its numbers are \
         others, by a lookup in a crosswalk",
        quoted(&key)
    );
    if let Some(first) = made.get("crosswalk").and_then(|names| names.first()) {
        let _ = writeln!(out, "crosswalk = {first}   # GUESS: a register by another number needs `lookup` in it");
    }
    for table in ["pupil", "activity", "enrolment", "diploma", "dropout", "start_pop", "school"] {
        if let Some(names) = made.get(table) {
            let _ = writeln!(out, "{table} = [{}]", names.join(", "));
        }
    }
    out.push('\n');
    needs_key
}

/// What the study calls the pupils' number: the kind that their own list has.
fn key(parts: &BTreeMap<Part, Vec<&SeenFile>>) -> String {
    let pupils = parts.get(&Part::Pupils).into_iter().flatten();
    let kind = pupils.filter_map(|f| f.column(Role::Pupil)).find_map(id_kind);
    kind.unwrap_or("pseudoniem").to_string()
}

/// The names of the canonical table for columns of the file.
fn rename(part: Part, file: &SeenFile, key: &str) -> Vec<(String, String)> {
    let is_cohort = |c: &SeenColumn| ["cohort", "examenjaar"].iter().any(|w| c.name.to_lowercase().contains(w));
    let year = file.column(Role::Cohort).map_or("school_year", |c| if is_cohort(c) { "cohort" } else { "school_year" });
    let track = track_column(file).map_or("study", |(_, name)| name);
    let roles: Vec<(&str, Option<&SeenColumn>)> = match part {
        Part::Pupils => vec![
            (key, file.column(Role::Pupil)),
            ("school", file.column(Role::School)),
            (year, file.column(Role::Cohort)),
            (track, track_column(file).map(|(column, _)| column)),
            ("enrolled_from", file.column(Role::From)),
            ("enrolled_to", file.column(Role::To)),
        ],
        Part::Activities => vec![
            (key, file.column(Role::Pupil)),
            ("date", file.column(Role::Date)),
            ("kind", file.column(Role::Activity)),
            ("minutes", file.column(Role::Amount)),
            ("entered", file.column(Role::Entered)),
            ("system", file.column(Role::System)),
        ],
        Part::Crosswalk => Vec::new(),
        Part::Schools => vec![("school", file.column(Role::School)), ("school_name", file.column(Role::SchoolName))],
        _ => vec![
            (key, file.column(Role::Pupil)),
            ("period_start", file.column(Role::From)),
            ("period_end", file.column(Role::To)),
            ("crebo", file.column(Role::Programme)),
            ("sector", file.column(Role::Sector)),
            ("brin", file.column(Role::School)),
        ],
    };
    let other_name = |(to, column): (&str, Option<&SeenColumn>)| {
        column.filter(|c| c.name != to).map(|c| (to.to_string(), c.name.clone()))
    };
    roles.into_iter().filter_map(other_name).collect()
}

/// The column of the leerweg and what the table calls it: `study` where it says `vmbo-kb 4`, of which the table takes KB.
fn track_column(file: &SeenFile) -> Option<(&SeenColumn, &'static str)> {
    let is_vmbo = |c: &SeenColumn| c.words.keys().all(|w| w.to_lowercase().starts_with("vmbo"));
    if let Some(c) = file.column(Role::Leerweg) {
        return Some((c, if is_vmbo(c) && !c.words.is_empty() { "study" } else { "track" }));
    }
    file.column(Role::Programme).map(|c| (c, "study"))
}

/// Writes what the study says of the tables.
pub(super) fn tables<'f>(out: &mut String, first: &dyn Fn(Part) -> Option<&'f SeenFile>) {
    let has = |part: Part, role: Role| first(part).is_some_and(|f| f.has(role));
    *out += "# --- What follows names columns of the tables that [ingest] makes.\n\
             [pupils]\nsource = \"pupil\"\nkey = \"pupil_key\"\nschool = \"school\"\ncohort = \"cohort\"   # the exam year\n\
             origin = \"clock_start\"   # 1 October of leerjaar 3\nend = \"clock_end\"\nlandmark = \"landmark\"   # activities count up to this day: 1 August after the exam\n";
    if has(Part::Pupils, Role::From) {
        *out += "enrolled_from = \"enrolled_from\"\n";
    }
    if has(Part::Pupils, Role::To) {
        *out += "enrolled_to = \"enrolled_to\"\n";
    }
    if first(Part::Enrolments).is_some() {
        *out += "linked = { column = \"link_status\", is = \"linked\" }   # not linked = unknown, never dropout\n";
    }
    out.push('\n');
    match first(Part::Activities) {
        None => {
            *out +=
                "# FILL IN: no file with one row per activity was recognised ([activities] needs a key and a date)\n\n"
        }
        Some(file) => {
            *out += "[activities]\nsource = \"activity\"\nkey = \"pupil_key\"\ndate = \"date\"\n";
            for (role, line) in [
                (Role::Activity, "type = \"kind\"\n"),
                (Role::Entered, "entered = \"entered\"\n"),
                (Role::System, "system = \"system\"\n"),
            ] {
                if file.has(role) {
                    *out += line;
                }
            }
            *out +=
                "silent = \"exclude\"   # a school and cohort without any registration is \"not measured\", not zero\n";
            recode(out, file);
            super::exposure(out);
        }
    }
    if let Some((column, name)) = first(Part::Pupils).and_then(track_column) {
        let words: Vec<String> = column.words.keys().map(|w| quoted(w)).collect();
        let levels = if name == "track" && words.len() >= 2 {
            words.join(", ")
        } else {
            "\"TL\", \"GL\", \"KB\", \"BB\"".into()
        };
        let _ = writeln!(
            out,
            "[[covariates]]\nid = \"leerweg\"\ncolumn = \"track\"\nlevels = [{levels}]   # GUESS; the first is the reference\n"
        );
    }
    if first(Part::Enrolments).is_some() {
        *out += "[enrolments]\nsource = \"enrolment\"\nkey = \"pupil_key\"\nfrom = \"period_start\"\nto = \"period_end\"\nsector = \"sector\"\n";
        if has(Part::Enrolments, Role::Programme) {
            *out += "programme = \"crebo\"\n";
        }
        *out += "known_until = \"2024-12-31\"   # FILL IN: the day up to which the file is complete\n\n";
    }
}
