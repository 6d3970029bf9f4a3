//! What the columns of canonical tables mean: labels in Dutch and English, and what their values are bound to.

use serde_json::{Value, json};

use super::cells::{ColumnDef, Kind};
use crate::study::file::STAY;

/// Labels and constraint of a column.
struct Entry {
    name: &'static str,
    nl: &'static str,
    en: &'static str,
    /// Values, separated by `|`; or a pattern after `~`; or nothing.
    bound: &'static str,
}

const fn entry(name: &'static str, nl: &'static str, en: &'static str, bound: &'static str) -> Entry {
    Entry { name, nl, en, bound }
}

const COLUMNS: &[Entry] = &[
    entry("pupil_key", "leerling (pseudoniem)", "pupil (pseudonym)", ""),
    entry("school", "school (BRIN en vestiging), nu", "school (BRIN and location), now", ""),
    entry("school_then", "school zoals in de lijst", "school as in the list", ""),
    entry("school_name", "naam van de school", "name of the school", ""),
    entry("cohort", "examenjaar", "exam year", ""),
    entry("track", "leerweg (vmbo) of leertraject (mbo)", "track", ""),
    entry("clock_start", "begin van de klok: 1 oktober van leerjaar 3", "start of the clock: 1 October of year 3", ""),
    entry("clock_end", "laatste dag van de klok", "last day of the clock", ""),
    entry("landmark", "peildag: de dosis telt tot deze dag", "landmark: the dose counts up to this day", ""),
    entry("enrolled_from", "eerste dag op de school", "first day at the school", ""),
    entry("enrolled_to", "laatste dag op de school", "last day at the school", ""),
    entry("link_status", "gevonden in het vervolgonderwijs", "found in later education", "linked|not_found|no_number"),
    entry(
        "known_until",
        "tot deze dag is het vervolgonderwijs bekend; leeg: helemaal",
        "later education is known up to this day; empty: all of it",
        "",
    ),
    entry("brin", "instelling (BRIN)", "institution (BRIN)", ""),
    entry("enrol_no", "inschrijvingsnummer", "number of the enrolment", ""),
    entry("period_start", "begin van de periode", "first day of the period", ""),
    entry(
        "period_end",
        "laatste dag van de periode; leeg: loopt nog",
        "last day of the period; empty: still running",
        "",
    ),
    entry("enrol_start", "begin van de inschrijving", "first day of the enrolment", ""),
    entry("enrol_planned_end", "geplande laatste dag", "planned last day", ""),
    entry("enrol_end", "laatste dag van de inschrijving", "last day of the enrolment", ""),
    entry("end_reason", "reden van uitschrijving", "reason of leaving", "~^[0-9]{2}$"),
    entry("crebo", "opleiding (crebo)", "programme (crebo)", ""),
    entry("level", "mbo-niveau", "mbo level", "1|2|3|4"),
    entry("dossier", "kwalificatiedossier", "qualification file", ""),
    entry("domain", "domein", "domain", ""),
    entry("route_phase", "fase van de leerroute", "phase of the route", ""),
    entry("provider", "onderwijsaanbieder (RIO)", "provider (RIO)", ""),
    entry("location", "onderwijslocatie (RIO)", "location (RIO)", ""),
    entry("funded", "bekostigd", "funded", ""),
    entry("sector", "soort onderwijs", "type of education", ""),
    entry("diploma_date", "datum van het diploma van deze periode", "day of this period's diploma", ""),
    entry("source", "bron in de studie", "source in the study", ""),
    entry("result_no", "resultaatnummer", "number of the result", ""),
    entry("date", "datum", "day", ""),
    entry("school_year", "schooljaar", "school year", "~^[0-9]{4}-[0-9]{4}$"),
    entry(
        "status",
        "maandrapport (wanneer en waarom), voorlopig of definitief",
        "monthly report (when and why), provisional or definitive",
        "monthly|provisional|definitive",
    ),
    entry(
        "since_month",
        "vanaf welke maand weg (jjjjmm)",
        "month since which the person is gone (yyyymm)",
        "~^[0-9]{6}$",
    ),
    entry("reason", "reden van uitstroom", "code of the reason", "~^[0-9]{2}$"),
    entry("kind", "soort activiteit", "type of activity", ""),
    entry("minutes", "duur in minuten", "minutes", ""),
    entry("system", "systeem van registratie", "system of registration", ""),
    entry("entered", "dag van invoer", "day on which it was entered", ""),
    entry("valid_from", "nummer geldig vanaf", "number valid from", ""),
    entry("valid_to", "nummer geldig tot en met", "number valid up to", ""),
    entry("successor", "nummer waaronder de school verdergaat", "number under which the school goes on", ""),
];

/// A column as a field of a Table Schema (frictionless). Columns that only a study knows have their name as label.
pub fn field(column: &ColumnDef) -> Value {
    let known = COLUMNS.iter().find(|e| e.name == column.name);
    let (nl, en) = known.map_or((column.name.as_str(), column.name.as_str()), |e| (e.nl, e.en));
    let kind = match column.kind {
        Kind::Text => "string",
        Kind::Number => "number",
        Kind::Int => "integer",
        Kind::Day => "date",
        Kind::Flag => "boolean",
    };
    let mut constraints = serde_json::Map::new();
    if column.required {
        constraints.insert("required".into(), true.into());
    }
    // In lists of persons the level may be a part of vo, in words.
    let is_word = column.name == "level" && column.kind == Kind::Text;
    match known.filter(|_| !is_word).map_or("", |e| e.bound) {
        "" => {}
        bound if bound.starts_with('~') => {
            constraints.insert("pattern".into(), bound[1..].into());
        }
        bound => {
            let values = bound.split('|').map(|v| match (column.kind, v.parse::<i32>()) {
                (Kind::Int, Ok(n)) => json!(n),
                _ => json!(v),
            });
            constraints.insert("enum".into(), values.collect());
        }
    }
    json!({"name": column.name, "type": kind, "title": nl, "labels": {"nl": nl, "en": en}, "constraints": constraints})
}

/// Columns of a table that together name a row; none where rows may repeat.
pub fn primary_key(table: &str) -> &'static [&'static str] {
    match table {
        "pupil" => &["pupil_key"],
        STAY => &["pupil_key", "enrolled_from"],
        "enrolment" => &["pupil_key", "brin", "enrol_no", "period_start"],
        "school" => &["school"],
        "dropout" | "start_pop" => &["pupil_key", "brin", "school_year", "status"],
        _ => &[],
    }
}

/// Title of a table in Dutch and English.
pub fn title(table: &str) -> (&str, &str) {
    match table {
        "pupil" => ("leerlingen", "pupils"),
        STAY => ("scholen van leerlingen die wisselen", "schools of pupils who move"),
        "enrolment" => ("inschrijvingen na het vmbo, per periode", "enrolments after vmbo, by period"),
        "diploma" => ("diploma's", "diplomas"),
        "dropout" => ("lijsten van voortijdig schoolverlaters", "lists of dropouts"),
        "start_pop" => ("startpopulaties", "start populations"),
        "activity" => ("geregistreerde LOB-activiteiten", "registered career guidance activities"),
        "school" => ("scholen", "schools"),
        other => (other, other),
    }
}
