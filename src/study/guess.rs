//! What a stranger's columns and words may mean: proposals for a person to check, never used by themselves.

use crate::vocab::leerwegen::EXPECTED_LEVELS;
use crate::vocab::{ACTIVITIES, ActivityType};

/// What a column may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Names the pupil.
    Pupil,
    /// Names the school.
    School,
    /// The school's name.
    SchoolName,
    /// The cohort or school year.
    Cohort,
    /// A day on which something happened.
    Date,
    /// First day of an enrolment.
    From,
    /// Last day of an enrolment.
    To,
    /// Type of activity.
    Activity,
    /// Minutes, hours or days.
    Amount,
    /// Sector or type of education.
    Sector,
    /// Programme (crebo).
    Programme,
    /// Day on which the dose is frozen.
    Landmark,
    /// Day on which an activity was entered.
    Entered,
    /// System in which it was registered.
    System,
    /// Leerweg.
    Leerweg,
    /// How many of the pupils had an event.
    Events,
    /// Number of pupils.
    Number,
    /// Personal data that the study does not need.
    Personal,
}

/// Parts of column names, in the order in which they are tried; a part that begins with `=` is a whole name.
const NAMES: &[(&str, Role)] = &[
    ("achternaam", Role::Personal),
    ("voornaam", Role::Personal),
    ("roepnaam", Role::Personal),
    ("tussenv", Role::Personal),
    ("voorletter", Role::Personal),
    ("e-mail", Role::Personal),
    ("email", Role::Personal),
    ("telefoon", Role::Personal),
    ("adres", Role::Personal),
    ("straat", Role::Personal),
    ("geboorte", Role::Personal),
    ("opmerking", Role::Personal),
    ("toelichting", Role::Personal),
    ("notitie", Role::Personal),
    ("naam leerling", Role::Personal),
    ("leerlingnaam", Role::Personal),
    ("schoolnaam", Role::SchoolName),
    ("naam school", Role::SchoolName),
    ("instellingsnaam", Role::SchoolName),
    ("pseudo", Role::Pupil),
    ("leerlingn", Role::Pupil),
    ("leerling n", Role::Pupil),
    ("leerling_n", Role::Pupil),
    ("leerling-n", Role::Pupil),
    ("stamn", Role::Pupil),
    ("llnr", Role::Pupil),
    ("=bsn", Role::Pupil),
    ("burgerservice", Role::Pupil),
    ("persoonsgebonden", Role::Pupil),
    ("=pgn", Role::Pupil),
    ("eckid", Role::Pupil),
    ("eck id", Role::Pupil),
    ("pupil", Role::Pupil),
    ("student", Role::Pupil),
    ("=id", Role::Pupil),
    ("=leerling", Role::Pupil),
    ("brin", Role::School),
    ("vestiging", Role::School),
    ("=school", Role::School),
    ("schoolcode", Role::School),
    ("school_id", Role::School),
    ("leerweg", Role::Leerweg),
    ("onderwijstype", Role::Leerweg),
    ("cohort", Role::Cohort),
    ("schooljaar", Role::Cohort),
    ("examenjaar", Role::Cohort),
    ("landmark", Role::Landmark),
    ("peildatum", Role::Landmark),
    ("ingevoerd", Role::Entered),
    ("invoer", Role::Entered),
    ("systeem", Role::System),
    ("inschrijf", Role::From),
    ("uitschrijf", Role::To),
    ("datumbegin", Role::From),
    ("datum_begin", Role::From),
    ("begin", Role::From),
    ("start", Role::From),
    ("van", Role::From),
    ("datuminschrijving", Role::From),
    ("einde", Role::To),
    ("eind", Role::To),
    ("=tot", Role::To),
    ("uitschrijving", Role::To),
    ("datum", Role::Date),
    ("date", Role::Date),
    ("wanneer", Role::Date),
    ("=dag", Role::Date),
    ("sector", Role::Sector),
    ("crebo", Role::Programme),
    ("opleiding", Role::Programme),
    ("=studie", Role::Programme),
    ("activiteit", Role::Activity),
    ("soort", Role::Activity),
    ("type", Role::Activity),
    ("onderdeel", Role::Activity),
    ("categorie", Role::Activity),
    ("=code", Role::Activity),
    ("minuten", Role::Amount),
    ("duur", Role::Amount),
    ("=tijd", Role::Amount),
    ("uren", Role::Amount),
    ("uitval", Role::Events),
    ("vsv", Role::Events),
    ("vsv ", Role::Events),
    ("niet in onderwijs", Role::Events),
    ("geslaagd", Role::Events),
    ("switch", Role::Events),
    ("gestopt", Role::Events),
    ("leerlingen", Role::Number),
    ("deelnemers", Role::Number),
    ("kandidaten", Role::Number),
    ("aantal", Role::Number),
    ("count", Role::Number),
];

/// The role that a column's name speaks of.
///
/// ```
/// use lob_effect::study::guess::{Role, role};
/// assert_eq!(role("Leerlingnummer"), Some(Role::Pupil));
/// assert_eq!(role("Datum activiteit"), Some(Role::Date));
/// assert_eq!(role("kleur"), None);
/// ```
pub fn role(name: &str) -> Option<Role> {
    let name = name.trim().trim_start_matches('#').to_lowercase();
    let fits = |part: &str| match part.strip_prefix('=') {
        Some(whole) => name == whole,
        // Three letters are found inside many words: those must begin the name.
        None if part.len() <= 3 => name.starts_with(part),
        None => name.contains(part),
    };
    NAMES.iter().find(|(part, _)| fits(part)).map(|(_, role)| *role)
}

/// The leerweg of the study that a word of a table of numbers may mean: `VMBO BB` is `BB`.
pub fn leerweg(word: &str) -> Option<&'static str> {
    let last = word.split(|c: char| !c.is_alphanumeric()).rfind(|w| !w.is_empty())?.to_uppercase();
    let codes = EXPECTED_LEVELS.iter().map(|(code, _)| *code);
    // DUO writes BL and KL for the leerwegen.
    let short = [("BL", "BB"), ("KL", "KB")];
    let whole = |code: &&str| **code == last;
    codes.clone().find(whole).or_else(|| short.iter().find(|(code, _)| *code == last).map(|(_, code)| *code))
}

/// The form of dates (strftime) that a masked shape speaks of. `99-99-9999` is day-month-year, as Dutch files write it.
pub fn date_format(shape: &str) -> Option<&'static str> {
    match shape {
        "9999-99-99" => Some("%Y-%m-%d"),
        "99-99-9999" | "9-9-9999" | "9-99-9999" | "99-9-9999" => Some("%d-%m-%Y"),
        "99/99/9999" | "9/9/9999" | "9/99/9999" | "99/9/9999" => Some("%d/%m/%Y"),
        "99.99.9999" => Some("%d.%m.%Y"),
        "99999999" => Some("%Y%m%d"),
        _ => None,
    }
}

/// Words that people use for the activity types, beside the labels of the types themselves.
const ACTIVITY_WORDS: &[(&str, &str)] = &[
    ("driehoek", "DRIEH"),
    ("gesprek", "GESPR"),
    ("bliksem", "STAGE_B"),
    ("interne stage", "INTSTG"),
    ("stage", "STAGE"),
    ("open dag", "OPEND"),
    ("opendag", "OPEND"),
    ("meeloop", "MEEL"),
    ("proefstuder", "MEEL"),
    ("bedrijf", "BEDR"),
    ("gastles", "GAST"),
    ("beurs", "BEURS"),
    ("markt", "BEURS"),
    ("reflecti", "REFL"),
    ("verslag", "REFL"),
    ("portfolio", "DDD"),
    ("dossier", "DDD"),
    ("profielkeuze", "KEUZE"),
    ("studiekeuze", "KEUZE"),
    ("project", "PROJ"),
    ("opdracht", "PROJ"),
    ("test", "TEST"),
    ("les", "LES"),
];

/// The activity type that a word of a dossier may mean: the nearest label, else a word that people use.
pub fn activity(word: &str) -> Option<&'static ActivityType> {
    let low = word.trim().to_lowercase();
    let near = |label: &str| strsim::normalized_damerau_levenshtein(&low, &label.to_lowercase());
    let score = |a: &ActivityType| near(a.code).max(near(a.nl)).max(near(a.en));
    let best = ACTIVITIES.iter().max_by(|a, b| score(a).total_cmp(&score(b)))?;
    if score(best) >= 0.7 {
        return Some(best);
    }
    let code = ACTIVITY_WORDS.iter().find(|(part, _)| low.contains(part))?.1;
    ACTIVITIES.iter().find(|a| a.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_real_exports_are_understood() {
        let cases = [
            ("Stamnr_str", Role::Pupil),
            ("#BURGERSERVICENUMMER", Role::Pupil),
            ("leerlingnummer", Role::Pupil),
            ("BRIN_NR", Role::School),
            ("DatumBegin", Role::From),
            ("Einddatum", Role::To),
            ("Soort activiteit", Role::Activity),
            ("Duur (min)", Role::Amount),
            ("Achternaam", Role::Personal),
            ("AANTAL VSV ERS", Role::Events),
            ("Aantal leerlingen", Role::Number),
            ("LEERWEG", Role::Leerweg),
            ("geboortedatum", Role::Personal),
        ];
        for (name, expected) in cases {
            assert_eq!(role(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn words_of_a_dossier_are_mapped_to_known_types_only() {
        for a in ACTIVITIES {
            assert_eq!(activity(a.code).map(|f| f.code), Some(a.code));
            assert_eq!(activity(a.nl).map(|f| f.code), Some(a.code), "{}", a.nl);
        }
        assert!(activity("xyzzy").is_none());
        for (_, code) in ACTIVITY_WORDS {
            assert!(ACTIVITIES.iter().any(|a| a.code == *code), "{code} is no activity type");
        }
    }

    #[test]
    fn leerwegen_of_tables() {
        assert_eq!([leerweg("VMBO BB"), leerweg("vmbo-kl"), leerweg("TL")], [Some("BB"), Some("KB"), Some("TL")]);
        assert_eq!([leerweg("VMBO BOVENBOUW"), leerweg("")], [None, None]);
    }

    #[test]
    fn forms_of_dates() {
        assert_eq!(date_format("9-10-2024"), None, "a value is no shape");
        assert_eq!(date_format("99-99-9999"), Some("%d-%m-%Y"));
        assert_eq!(date_format("9999-99-99"), Some("%Y-%m-%d"));
        assert_eq!(date_format("aaaa"), None);
    }
}
