//! The words of the check's page, in both languages.

use crate::vocab::Lang;

/// What the page must be able to say.
#[derive(Debug)]
#[allow(missing_docs, reason = "each name is the thing it says")]
pub struct ValidationWords {
    pub kicker: &'static str,
    pub study: &'static str,
    pub key: &'static str,
    pub errors: &'static str,
    pub warnings: &'static str,
    pub all_well: &'static str,
    pub only_warnings: &'static str,
    pub has_errors: &'static str,
    pub issues: &'static str,
    pub no_issues: &'static str,
    pub what: &'static str,
    pub place: &'static str,
    pub todo: &'static str,
    pub error: &'static str,
    pub warning: &'static str,
    pub found: &'static str,
    pub files: &'static str,
    pub files_intro: &'static str,
    pub file: &'static str,
    pub written: &'static str,
    pub rows: &'static str,
    pub columns: &'static str,
    pub flow: &'static str,
    pub flow_intro: &'static str,
    pub step: &'static str,
    pub number: &'static str,
    pub hidden: &'static str,
    pub not_reached: &'static str,
    pub coverage: &'static str,
    pub coverage_intro: &'static str,
    pub school: &'static str,
    pub cohort: &'static str,
    pub share: &'static str,
    pub entry: &'static str,
    pub late: &'static str,
    pub busiest: &'static str,
    pub switched: &'static str,
    pub drift: &'static str,
    pub drift_intro: &'static str,
    pub no_drift: &'static str,
    pub before: &'static str,
    pub now: &'static str,
}

/// The words of a language.
pub fn words(lang: Lang) -> &'static ValidationWords {
    match lang {
        Lang::Nl => &NL,
        Lang::En => &EN,
    }
}

const NL: ValidationWords = ValidationWords {
    kicker: "LOB-controle",
    study: "Onderzoek",
    key: "Sleutel",
    errors: "Fouten",
    warnings: "Waarschuwingen",
    all_well: "Alle bestanden zijn gelezen. Er is niets bijzonders gevonden.",
    only_warnings: "Alle bestanden zijn gelezen. Er zijn punten om na te kijken.",
    has_errors: "De gegevens kunnen zo niet worden gebruikt. Los eerst de fouten op.",
    issues: "Wat er is gevonden",
    no_issues: "Er zijn geen fouten en geen waarschuwingen.",
    what: "Bevinding",
    place: "Plaats",
    todo: "Wat u kunt doen",
    error: "Fout",
    warning: "Let op",
    found: "gevonden vorm",
    files: "Gelezen bestanden",
    files_intro: "Van elk bestand staat hier hoe het is gelezen. Kolommen die de studie niet noemt, worden niet gebruikt.",
    file: "Bestand",
    written: "Gelezen als",
    rows: "Rijen",
    columns: "Kolommen gebruikt",
    flow: "Van ingelezen naar geanalyseerd",
    flow_intro: "Per tabel en per model staat hier hoeveel rijen of leerlingen afvallen, en waarom. Kleine aantallen worden niet getoond.",
    step: "Stap of reden",
    number: "Aantal",
    hidden: "niet getoond",
    not_reached: "Dit kan pas worden bepaald als alle bestanden goed zijn.",
    coverage: "Registraties per school en cohort",
    coverage_intro: "Hoeveel leerlingen hebben minstens één registratie? Een laag deel kan betekenen dat niet alles is vastgelegd.",
    school: "School",
    cohort: "Cohort",
    share: "Met registratie",
    entry: "Invoer",
    late: "na 30 dagen ingevoerd:",
    busiest: "op de drukste dag ingevoerd:",
    switched: "ander systeem dan het vorige cohort",
    drift: "Veranderd sinds de vorige controle",
    drift_intro: "Deze dingen zijn anders dan de vorige keer. Vraag na of dat klopt.",
    no_drift: "Er is niets opvallends veranderd, of er was geen eerdere controle.",
    before: "Vorige keer",
    now: "Nu",
};

const EN: ValidationWords = ValidationWords {
    kicker: "LOB check",
    study: "Study",
    key: "Key",
    errors: "Errors",
    warnings: "Warnings",
    all_well: "All files were read. Nothing remarkable was found.",
    only_warnings: "All files were read. There are points to look at.",
    has_errors: "The data can't be used like this. Solve the errors first.",
    issues: "What was found",
    no_issues: "There are no errors and no warnings.",
    what: "Finding",
    place: "Place",
    todo: "What you can do",
    error: "Error",
    warning: "Note",
    found: "form found",
    files: "Files that were read",
    files_intro: "How each file was read. Columns that the study does not name are not used.",
    file: "File",
    written: "Read as",
    rows: "Rows",
    columns: "Columns used",
    flow: "From read to analysed",
    flow_intro: "How many rows or pupils fall out of each table and model, and why. Small numbers are not shown.",
    step: "Step or reason",
    number: "Number",
    hidden: "not shown",
    not_reached: "This can only be known when all files are right.",
    coverage: "Registrations per school and cohort",
    coverage_intro: "How many pupils have at least one registration? A small share may mean that not all is registered.",
    school: "School",
    cohort: "Cohort",
    share: "With a registration",
    entry: "Entry",
    late: "entered after 30 days:",
    busiest: "entered on the busiest day:",
    switched: "another system than the cohort before",
    drift: "Changed since the last check",
    drift_intro: "These things differ from last time. Ask whether that is right.",
    no_drift: "Nothing remarkable changed, or there was no earlier check.",
    before: "Last time",
    now: "Now",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_short() {
        for w in [&NL, &EN] {
            for text in [
                w.all_well,
                w.only_warnings,
                w.has_errors,
                w.files_intro,
                w.flow_intro,
                w.coverage_intro,
                w.drift_intro,
            ] {
                for sentence in text.split_inclusive(['.', '?']) {
                    assert!(sentence.split_whitespace().count() <= 20, "{sentence}");
                }
            }
        }
    }
}
