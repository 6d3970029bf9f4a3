//! Each list that the engine is extended by: entries are unique, complete, and have what they must come with.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use lob_effect::models::MODELS;
use lob_effect::report::sections::SECTIONS;
use lob_effect::study::Study;
use lob_effect::study::template::TEMPLATE;
use lob_effect::vocab::codes::CODES;
use lob_effect::vocab::outcomes::outcome;
use lob_effect::vocab::{ACTIVITIES, Lang, OUTCOMES, OutcomeRule, RefusalReason, activities};

fn assert_unique<T: Ord + Debug>(what: &str, ids: impl IntoIterator<Item = T>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        assert!(!seen.contains(&id), "{what}: {id:?} stands there twice");
        seen.insert(id);
    }
}

/// The studies in this repository: the template and the fixtures.
fn studies() -> Vec<(String, Study)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/studies");
    let mut texts = vec![("template.toml".to_string(), TEMPLATE.to_string())];
    for entry in fs::read_dir(folder).expect("fixtures/studies") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "toml") {
            texts.push((path.display().to_string(), fs::read_to_string(&path).expect("a study")));
        }
    }
    let parse = |(name, text): (String, String)| match Study::parse(&text, &lob_effect::models::kinds()) {
        Ok(study) => (name, study),
        Err(errors) => panic!("{name}: {}", errors[0]),
    };
    texts.into_iter().map(parse).collect()
}

#[test]
fn outcomes_are_unique_and_complete() {
    assert_unique("OUTCOMES", OUTCOMES.iter().map(|o| o.id));
    assert_unique("labels of OUTCOMES", OUTCOMES.iter().map(|o| o.nl));
    for o in OUTCOMES {
        assert!(!o.version.is_empty() && !o.source.is_empty(), "{}: a definition has a version and a source", o.id);
        assert!(!o.label(Lang::Nl).is_empty() && !o.label(Lang::En).is_empty(), "{}: no label", o.id);
        assert_eq!(outcome(o.id).map(|found| found.id), Some(o.id));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/vocab/outcomes/{}.rs", o.id));
        assert!(file.is_file(), "{} is not defined in a file of its own", o.id);
    }
}

#[test]
fn every_outcome_has_a_model_that_takes_it_and_a_study_that_uses_it() {
    let studies = studies();
    for o in OUTCOMES {
        assert!(MODELS.iter().any(|m| (m.kind().takes)(o.rule)), "no model takes {}", o.id);
        let used = studies.iter().any(|(_, s)| s.outcomes.iter().any(|own| s.definition(own).id == o.id));
        assert!(used, "no study in this repository uses {}", o.id);
    }
}

#[test]
fn models_are_unique_and_have_an_equation_and_a_study() {
    assert_unique("MODELS", MODELS.iter().map(|m| m.kind().id));
    let studies = studies();
    let rules: Vec<OutcomeRule> = OUTCOMES.iter().map(|o| o.rule).collect();
    for model in MODELS {
        let kind = model.kind();
        assert!(model.equation().contains('='), "{}: no equation", kind.id);
        assert!(!kind.takes_words.is_empty());
        let takes = rules.iter().filter(|rule| (kind.takes)(**rule)).count();
        assert!(takes > 0 && takes < rules.len(), "{} takes {takes} of {} kinds of outcomes", kind.id, rules.len());
        let used = studies.iter().any(|(_, s)| s.models.iter().any(|m| m.kind == kind.id));
        assert!(used, "no study in this repository fits a {} model", kind.id);
    }
}

/// Every format has an adapter, and every column of its tables labels in both languages; a source of it can be written
/// in a study file.
#[test]
fn input_formats_are_unique_and_complete() {
    use lob_effect::ingest::adapters::{Kind, SOURCES, adapter};
    assert_unique("SOURCES", SOURCES.iter().map(|a| a.format()));
    let schema = lob_effect::study::schema().to_string();
    for source in SOURCES {
        let word = source.format().word();
        assert!(schema.contains(&format!("\"const\":\"{word}\"")), "{word}: not in the schema of a study");
        assert_eq!(adapter(source.format()).map(|a| a.format()), Some(source.format()));
        assert_unique("tables", source.tables().iter().map(|t| t.name));
        for table in source.tables() {
            assert_unique(table.name, table.columns.iter().map(|c| c.name));
            for c in table.columns {
                let at = format!("{word}.{}.{}", table.name, c.name);
                assert!(!c.label_nl.is_empty() && !c.label_en.is_empty(), "{at}: no label");
                let is_name = c.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                assert!(is_name, "{at}: not a name");
            }
            let is_person = table.columns.iter().any(|c| matches!(c.kind, Kind::Id(_)));
            let is_aggregate = ["outcome", "school", "successor"].contains(&table.name);
            assert!(is_person != is_aggregate, "{word}.{}: persons have an id, aggregates have none", table.name);
        }
    }
    // Each format is read from a file in its real layout, and named there.
    let tests = ["tests/duo.rs", "tests/faults_a.rs", "tests/faults_b.rs", "tests/faults.rs"];
    let text: String = tests.iter().map(|f| read_source(f)).collect();
    for source in SOURCES {
        let name = format!("{:?}", source.format());
        let file = name.trim_start_matches("Duo").to_lowercase();
        assert!(text.to_lowercase().contains(&file), "{name}: no test reads it");
    }
}

fn read_source(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a source file")
}

#[test]
fn activities_are_unique_and_labelled() {
    assert_unique("ACTIVITIES", ACTIVITIES.iter().map(|a| a.code));
    assert_unique("Dutch labels of ACTIVITIES", ACTIVITIES.iter().map(|a| a.nl));
    assert_unique("English labels of ACTIVITIES", ACTIVITIES.iter().map(|a| a.en));
    for a in ACTIVITIES {
        assert!(a.code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{}: not a code", a.code);
        assert_eq!(activities::activity(a.code).map(|found| found.nl), Some(a.nl));
    }
    // The template counts types that exist.
    for exposure in &Study::parse(TEMPLATE, &lob_effect::models::kinds()).expect("the template").exposures {
        for code in exposure.types.iter().flat_map(|names| &names.0) {
            assert!(activities::activity(code).is_some(), "the template counts the unknown type {code}");
        }
    }
}

#[test]
fn every_section_of_the_report_has_its_three_snapshots() {
    assert_unique("SECTIONS", SECTIONS.iter().map(|s| s.id));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    for section in SECTIONS {
        for case in ["estimate", "refusal", "suppressed"] {
            let name = format!("reports__section__{}__{case}.snap", section.id);
            assert!(folder.join(&name).is_file(), "no snapshot {name}");
        }
    }
}

#[test]
fn codes_of_refusals_and_flow_steps_are_unique_words() {
    use RefusalReason::{NoDose, NoOwnSlope, NoPupils, NoVariation, NotConverged, OneSchool, RankDeficient, Separated};
    use lob_effect::panel::Step;
    let reasons = [NotConverged, Separated, NoVariation, NoPupils, OneSchool, NoDose, NoOwnSlope, RankDeficient];
    assert_unique("refusals", reasons.map(RefusalReason::code));
    assert_unique("codes of steps", Step::ALL.map(Step::code));
    assert_unique("Dutch labels of steps", Step::ALL.map(|s| s.label().0));
    assert_unique("English labels of steps", Step::ALL.map(|s| s.label().1));
}

/// Codes of errors (`LOB-E0101`) stand in scripts and manuals: each has one meaning.
#[test]
fn error_codes_are_unique() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut codes = Vec::new();
    for file in ["ingest/error.rs", "ingest/issue.rs", "run/error.rs"] {
        let text = fs::read_to_string(src.join(file)).expect("a source file");
        let found = text.match_indices("LOB-E").map(|(at, word)| text[at..at + word.len() + 4].to_string());
        codes.extend(found);
    }
    assert!(codes.len() > 10);
    assert_unique("codes of errors", codes);
}

/// Every code that the source names is explained.
#[test]
fn every_error_code_is_explained() {
    fn below(dir: &Path, text: &mut String) {
        for entry in fs::read_dir(dir).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, text);
            } else if !path.ends_with("vocab/codes.rs") {
                text.push_str(&fs::read_to_string(&path).expect("a source file"));
            }
        }
    }
    let mut text = String::new();
    below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    let is_code = |word: &&str| word.len() == 9 && word[5..].bytes().all(|b| b.is_ascii_digit());
    let named: BTreeSet<&str> =
        text.match_indices("LOB-E").filter_map(|(at, _)| text.get(at..at + 9)).filter(is_code).collect();
    let explained: BTreeSet<&str> = CODES.iter().map(|c| c.id).collect();
    let missing: Vec<_> = named.difference(&explained).collect();
    assert!(missing.is_empty(), "without an entry in src/vocab/codes.rs: {missing:?}");
    assert!(named.len() > 40);
}
