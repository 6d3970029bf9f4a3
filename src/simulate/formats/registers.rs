//! Registers that go with the lists: programmes with their niveau and domein, and the schools.

use std::collections::BTreeSet;

use super::File;
use super::text::{Lines, dutch};
use crate::simulate::after::Programme;
use crate::simulate::school::School;

/// The register of programmes, with the columns of the law's list; crebo's of invented programmes.
pub(super) fn programmes() -> File {
    let mut lines = Lines::default();
    lines.plain(
        ';',
        &["crebo", "kwalificatie", "niveau", "soort", "leerweg", "dossier_crebo", "dossier", "domein_crebo", "domein"],
    );
    let rows: BTreeSet<(String, i32, usize, &str)> =
        Programme::all().map(|p| (p.crebo(), p.niveau, p.domein_number(), p.domein())).collect();
    for (crebo, niveau, number, domein) in rows {
        // A comma in a name is no separator here.
        let (dossier, code) = (format!("{}0", &crebo[..4]), format!("79{number:02}0"));
        let name = format!("Verzonnen opleiding {crebo}");
        lines.plain(';', &[&crebo, &name, &niveau.to_string(), "", "BOL/BBL", &dossier, "", &code, domein]);
    }
    let rows = lines.rows() - 1;
    File { name: "duo/crebo_register.csv".into(), rows, bytes: lines.utf8() }
}

/// Starts the list of schools.
pub(super) fn schools_start() -> Lines {
    let mut lines = Lines::default();
    lines.plain(';', &["VESTIGINGSCODE", "VESTIGINGSNAAM", "GEMEENTENAAM", "REGISTRATIE SINDS"]);
    lines
}

/// Adds a school.
pub(super) fn school(lines: &mut Lines, school: &School) {
    let region = format!("Regio {:02}", school.region);
    lines.plain(';', &[&school.key, &school.name, &region, &dutch(school.registers_since)]);
}
