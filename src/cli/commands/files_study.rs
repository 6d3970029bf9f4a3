//! The study file that goes with a region written as files of schools and institutions: the template with an `[ingest]` part, or
//! with counts in place of registers a study of `[counts]`.

use std::ops::RangeInclusive;

use crate::simulate::formats::Form;
use crate::study::template::TEMPLATE;

/// Sources and `[ingest]`, in place of the template's sources.
const FILES: &str = include_str!("files_study.toml");

/// The study of pupil lists, a dossier and counts.
const COUNTS: &str = include_str!("counts_study.toml");

/// Names of the simulator's own tables and columns, and what they are called in the canonical ones.
const NAMES: &[(&str, &str)] = &[
    ("\"leerling\"", "\"pupil\""),
    ("\"pseudo_id\"", "\"pupil_key\""),
    ("\"naam\"", "\"school_name\""),
    ("\"begin_lj3\"", "\"clock_start\""),
    ("\"einde\"", "\"clock_end\""),
    ("\"ingeschreven_van\"", "\"enrolled_from\""),
    ("\"ingeschreven_tot\"", "\"enrolled_to\""),
    ("\"koppelstatus\"", "\"link_status\""),
    ("\"gekoppeld\"", "\"linked\""),
    ("\"activiteit\"", "\"activity\""),
    ("\"code\"", "\"kind\""),
    ("\"inschrijving\"", "\"enrolment\""),
    ("\"begin\"", "\"period_start\""),
    ("\"eind\"", "\"period_end\""),
    ("\"datum\"", "\"date\""),
    ("\"domein\"", "\"domain\""),
    ("\"niveau\"", "\"level\""),
    ("\"instelling\"", "\"brin\""),
    ("\"diploma_datum\"", "\"diploma_date\""),
    ("\"leerweg_mbo\"", "\"track\""),
    ("\"duur_min\"", "\"minutes\""),
    ("\"bron_systeem\"", "\"system\""),
    ("\"invoer_datum\"", "\"entered\""),
    ("id = \"leerweg\"\n", "id = \"leerweg\"\ncolumn = \"track\"\n"),
    ("{ M = 0, V = 1 }", "{ M = 0, V = 1, Man = 0, Vrouw = 1 }"),
    ("{ true = 1, false = 0 }", "{ J = 1, N = 0 }"),
];

/// The study of these forms, with enrolments known up to `known_until` and cohorts of these exam years; `None` when a part of it is
/// missing: it takes a pupil list, a dossier, and registers or counts.
pub(super) fn of(forms: &[Form], known_until: &str, exam_years: RangeInclusive<i64>) -> Option<String> {
    let has = |form| forms.contains(&form);
    let dossier = match (has(Form::DossierCsv), has(Form::DossierXlsx)) {
        (true, _) => "files = \"dossier/dossier_*.csv\"",
        (false, true) => "files = \"dossier/dossier_*.xlsx\"\nsheets = \"*\"\nskip_rows = 1",
        _ => return None,
    };
    if has(Form::Las) && has(Form::Counts) && !has(Form::Duo) {
        let cohort = |year: i64| format!("\"{}-{year}\" = \"{year}\"\n", year - 1);
        let cohorts: String = exam_years.map(cohort).collect();
        let text = COUNTS.replace("files = \"DOSSIER\"", dossier).replace("RECODE\n", &recode());
        return Some(text.replace("COHORTS\n", &cohorts));
    }
    if !has(Form::Las) || !has(Form::Duo) {
        return None;
    }
    let (head, rest) = TEMPLATE.split_once("# --- Files")?;
    let (_, rest) = rest.split_once("# --- Time")?;
    let rest = NAMES.iter().fold(rest.to_string(), |text, (from, to)| text.replace(from, to));
    let rest =
        rest.replace("# recode = { \"Gesprek mentor\" = \"GESPR\" }\n", &recode()).replace("2024-12-31", known_until);
    // `[privacy]` stands near the end of the template; the key belongs to it.
    let rest = rest.replace("[privacy]\n", "[privacy]\nkey_file = \"sleutel.key\"\nsynthetic = true                  # invented pupils: person numbers of the test range\n");
    Some(format!("{head}{}\n# --- Time{rest}", FILES.replace("files = \"DOSSIER\"", dossier)))
}

/// The codes of the names that the export has.
fn recode() -> String {
    let pairs = crate::simulate::formats::ACTIVITY_NAMES.iter().map(|(code, name)| format!("\"{name}\" = \"{code}\""));
    format!("recode = {{ {} }}\n", pairs.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;
    use crate::study::Study;

    #[test]
    fn the_study_of_files_is_right_and_asks_for_all_its_parts() {
        for forms in [[Form::Duo, Form::Las, Form::DossierCsv], [Form::Duo, Form::Las, Form::DossierXlsx]] {
            let text = of(&forms, "2024-12-31", 2020..=2021).expect("all parts are there");
            let study = Study::parse(&text, &models::kinds()).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
            assert!(study.ingest.is_some() && study.sources.contains_key("enrolment"));
            assert!(!text.contains("pseudo_id") && !text.contains("inschrijving\""));
        }
        assert!(of(&[Form::Duo, Form::Las], "2024-12-31", 2020..=2021).is_none());
        assert!(of(&[Form::Las, Form::DossierCsv], "2024-12-31", 2020..=2021).is_none());
    }
}
