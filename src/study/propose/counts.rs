//! `[counts]` for a table of numbers per school and cohort.

use std::fmt::Write;

use super::{SeenColumn, SeenFile, line, quoted};
use crate::study::guess::{Role, leerweg};

/// What is known of DUO's own files: rows to keep, and the keys of `[counts]`.
struct Known {
    format: &'static str,
    keep: &'static str,
    keys: &'static [(&'static str, &'static str)],
}

const KNOWN: [Known; 2] = [
    Known {
        format: "duo-examens",
        keep: "filter = [{ column = \"sex\", is = \"T\" }]   # the totals of boys and girls\n",
        keys: &[
            ("school", "school_key"),
            ("leerweg", "leerweg"),
            ("cohort", "school_year"),
            ("n", "count_lo"),
            ("n_hi", "count_hi"),
            ("events", "passed_lo"),
            ("events_hi", "passed_hi"),
        ],
    },
    Known {
        format: "duo-vsv",
        keep: "filter = [{ column = \"group\", is = \"VMBO BOVENBOUW\" }]   # FILL IN: which rows are the pupils of the study\n",
        keys: &[("school", "brin"), ("cohort", "year"), ("n", "count"), ("events", "dropouts")],
    },
];

fn known(file: &SeenFile) -> Option<&'static Known> {
    KNOWN.iter().find(|k| file.format.as_deref() == Some(k.format))
}

/// Whether the file holds numbers per school, with an outcome among them.
pub(super) fn is_counts(file: &SeenFile) -> bool {
    known(file).is_some() || [Role::School, Role::Number, Role::Events].iter().all(|role| file.has(*role))
}

/// A line of the source: which rows of DUO's file are to be kept.
pub(super) fn keep(file: &SeenFile) -> &'static str {
    known(file).map_or("", |k| k.keep)
}

/// Writes `[counts]`. Where [ingest] makes the pupils' table, a cohort is its exam year, and the leerweg has its covariate.
pub(super) fn counts(out: &mut String, file: &SeenFile, of_deliveries: bool) {
    *out += "# Counts per school, leerweg and cohort (`lob counts`): their school, leerweg and cohort are met by those of [pupils].\n\
             [counts]\nsource = \"aantallen\"\nlabel = \"…\"   # FILL IN: what the events are, as reports say it\n\
             exposure = \"lob\"\n";
    if let Some(known) = known(file) {
        for (key, column) in known.keys {
            let _ = writeln!(out, "{key} = {column:?}");
        }
        *out += "sum = true   # rows of one cell are added up\n";
    } else {
        line(out, "school", file.column(Role::School), "the column with the school, written as in [pupils]");
        match file.column(Role::Leerweg) {
            Some(c) => {
                let _ =
                    writeln!(out, "leerweg = {}   # GUESS; leave it out to take leerwegen together", quoted(&c.name));
            }
            None => *out += "# leerweg = \"…\"   # FILL IN, if the file has it\n",
        }
        line(out, "cohort", file.column(Role::Cohort), "the column with the school year or cohort");
        line(out, "n", file.column(Role::Number), "the column with the number of pupils");
        line(out, "events", file.column(Role::Events), "the column with how many of them had the event");
    }
    recode(out, file, of_deliveries);
    out.push('\n');
    if of_deliveries {
        return;
    }
    *out += "# A leerweg needs a covariate with its levels:\n# [[covariates]]\n# id = \"leerweg\"\n\
             # levels = [\"TL\", \"GL\", \"KB\", \"BB\"]   # FILL IN: as the pupils' file writes them; the first is the reference\n\n";
}

/// Words of the file and what the study may call them.
fn recode(out: &mut String, file: &SeenFile, of_deliveries: bool) {
    let words = |role: Role| file.column(role).into_iter().flat_map(|c: &SeenColumn| c.words.keys());
    let (leerwegen, cohorts): (Vec<&String>, Vec<&String>) =
        (words(Role::Leerweg).collect(), words(Role::Cohort).collect());
    if leerwegen.is_empty() && cohorts.is_empty() {
        return;
    }
    *out += "\n[counts.recode]   # words of the file = what the pupils' file calls them\n";
    for word in leerwegen {
        let _ = match leerweg(word) {
            Some(code) => writeln!(out, "{} = {code:?}   # GUESS", quoted(word)),
            None => writeln!(out, "# {} = \"…\"   # FILL IN, or it is left out", quoted(word)),
        };
    }
    for word in cohorts {
        if let Some(year) = word.split(['-', '/']).nth(1).filter(|y| of_deliveries && is_year(y)) {
            let _ = writeln!(out, "{} = {year:?}   # GUESS: the exam year", quoted(word));
            continue;
        }
        let _ = writeln!(out, "# {} = \"…\"   # FILL IN, where [pupils] writes this cohort otherwise", quoted(word));
    }
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit())
}
