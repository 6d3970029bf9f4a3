//! Meaning of a study file: names that exist, keys that fit each other, and doses that are known before
//! the outcome. All errors are collected; each finds its line through the path of its key.

mod counts;
mod exposures;
mod outcomes;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Place, StudyError, nearest};
use super::file::{Axis, DoseForm, Format, KnownBy, ModelEntry, Names, Outcome, Random, Source, StudyFile};
use super::shape;
use crate::vocab::outcomes::outcome;
use crate::vocab::{Day, OutcomeDef, OutcomeRule, PeriodLength};

/// What a study needs to know of a kind of model; the registry of `models` hands it over.
#[derive(Clone, Copy, Debug)]
pub struct ModelKind {
    /// Name in the study file.
    pub id: &'static str,
    /// Whether it can take an outcome with this rule.
    pub takes: fn(OutcomeRule) -> bool,
    /// What it takes, in words.
    pub takes_words: &'static str,
    /// Whether the dose may be split in parts.
    pub may_split: bool,
}

/// A checked study: the only way to get one is [`Study::parse`].
#[derive(Clone, Debug)]
pub struct Study(StudyFile);

impl std::ops::Deref for Study {
    type Target = StudyFile;
    fn deref(&self) -> &StudyFile {
        &self.0
    }
}

impl Study {
    /// The study with one more source, for a table that was made of its others.
    pub fn with_source(&self, name: &str, source: Source) -> Study {
        let mut study = self.clone();
        study.0.sources.insert(name.to_string(), source);
        study
    }

    /// The study with one source in the place of its own.
    pub fn on_source(&self, name: &str, source: Source) -> Study {
        let mut study = self.clone();
        study.0.sources = BTreeMap::from([(name.to_string(), source)]);
        study
    }

    /// Reads and checks a study file.
    ///
    /// # Errors
    /// Every unknown key, wrong type, missing key, unknown name and impossible combination, in file order.
    pub fn parse(text: &str, kinds: &[ModelKind]) -> Result<Study, Vec<StudyError>> {
        let table = DeTable::parse(text).map_err(|e| vec![syntax(text, &e)])?;
        let schema = super::schema();
        let errors = shape::check(&table, &schema, text);
        if !errors.is_empty() {
            return Err(sorted(errors));
        }
        let mut file: StudyFile = toml::from_str(text).map_err(|e| vec![syntax(text, &e)])?;
        let taken = add_canonical(&mut file);
        let mut check = Check { text, table: &table, file: &file, kinds, errors: Vec::new() };
        check.ingest(&taken);
        check.all();
        let errors = check.errors;
        if errors.is_empty() { Ok(Study(file)) } else { Err(sorted(errors)) }
    }

    /// The definition of an outcome of this study.
    ///
    /// # Panics
    /// Never for an outcome of a checked study: the check has seen its definition.
    pub fn definition(&self, o: &Outcome) -> &'static OutcomeDef {
        outcome(o.definition.as_deref().unwrap_or(&o.id)).expect("a checked outcome has a definition")
    }
}

/// Makes the canonical tables of `[ingest]` sources of the study. Returns those whose name a source of files has already.
fn add_canonical(file: &mut StudyFile) -> Vec<String> {
    let tables: Vec<String> = file.canonical_tables().into_iter().map(str::to_string).collect();
    let mut taken = Vec::new();
    for table in tables {
        let source = Source { files: Names(vec![format!("{table}.parquet")]), ..Source::default() };
        match file.sources.entry(table) {
            Entry::Occupied(entry) => taken.push(entry.key().clone()),
            Entry::Vacant(entry) => {
                entry.insert(source);
            }
        }
    }
    taken
}

fn sorted(mut errors: Vec<StudyError>) -> Vec<StudyError> {
    errors.sort_by_key(|e| e.place);
    errors
}

fn syntax(text: &str, e: &toml::de::Error) -> StudyError {
    let place = Place::of(text, e.span().map_or(0, |s| s.start));
    StudyError { place, path: String::new(), message: e.message().to_string(), help: None }
}

struct Check<'a> {
    text: &'a str,
    table: &'a Spanned<DeTable<'a>>,
    file: &'a StudyFile,
    kinds: &'a [ModelKind],
    errors: Vec<StudyError>,
}

impl Check<'_> {
    /// `[ingest]`: `taken` are canonical tables whose name a source of files has.
    fn ingest(&mut self, taken: &[String]) {
        for table in taken {
            self.error(
                &format!("sources.{table}"),
                format!("`{table}` is a table that [ingest] makes; name the files otherwise"),
            );
        }
        let Some(ingest) = &self.file.ingest else { return };
        let known: Vec<String> = self.file.sources.keys().cloned().collect();
        for (key, name) in ingest.sources() {
            self.known(&format!("ingest.{key}"), "source", name, &known);
        }
        if ingest.key.0.is_empty() {
            self.error("ingest.key", "name the columns that together name a pupil");
        }
        if self.file.time.axis != Axis::Calendar {
            self.error("ingest", "canonical tables have dates: time.axis must be \"calendar\"");
        }
    }

    fn all(&mut self) {
        self.id("study.id", &self.file.study.id);
        for (name, source) in &self.file.sources {
            self.source(name, source);
        }
        self.lookup_cycles();
        self.time();
        self.pupils();
        self.stays();
        self.activities();
        self.enrolments();
        self.exposures();
        self.covariates();
        self.outcomes();
        self.counts();
        self.column_names();
        self.models();
        self.privacy();
    }

    fn error(&mut self, path: &str, message: impl Into<String>) {
        self.error_help(path, message, None);
    }

    fn error_help(&mut self, path: &str, message: impl Into<String>, help: Option<String>) {
        let place = Place::of(self.text, offset_of(self.table, path));
        self.errors.push(StudyError { place, path: path.to_string(), message: message.into(), help });
    }

    fn known(&mut self, path: &str, what: &str, name: &str, known: &[String]) -> bool {
        let ok = known.iter().any(|k| k == name);
        if !ok {
            self.error_help(path, format!("there is no {what} `{name}`"), nearest(name, known));
        }
        ok
    }

    fn id(&mut self, path: &str, id: &str) {
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            self.error(path, format!("`{id}` can't be an id: use letters, digits, - and _"));
        }
    }

    fn privacy(&mut self) {
        let privacy = &self.file.privacy;
        if let Some(project) = &privacy.project {
            self.id("privacy.project", project);
        }
        if let Some(file) = &privacy.key_file
            && (file.is_empty() || file.contains("://"))
        {
            self.error("privacy.key_file", "is no path; only a file on this machine can hold the key");
        }
        let is_id = |id: &String| id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if privacy.key_id.as_ref().is_some_and(|id| !is_id(id)) {
            self.error("privacy.key_id", "is no key id: 16 digits 0-9 a-f, as `lob key id` prints them");
        }
    }

    fn unique<'i>(&mut self, list: &str, ids: impl Iterator<Item = &'i String>) {
        let mut seen = BTreeSet::new();
        for (i, id) in ids.enumerate() {
            let path = format!("{list}[{i}].id");
            self.id(&path, id);
            if !seen.insert(id) {
                self.error(&path, format!("`{id}` is used twice in {list}"));
            }
        }
    }

    fn source_names(&self) -> Vec<String> {
        self.file.sources.keys().cloned().collect()
    }

    fn source(&mut self, name: &str, source: &Source) {
        let at = format!("sources.{name}");
        if source.files.0.is_empty() {
            self.error(&format!("{at}.files"), "names no file");
        }
        for file in &source.files.0 {
            if file.contains("://") {
                let message = format!("`{file}` is an address; only files on this machine are read");
                self.error(&format!("{at}.files"), message);
            }
        }
        if source.delimiter.as_ref().is_some_and(|d| d.len() != 1) {
            self.error(&format!("{at}.delimiter"), "a delimiter is one character: `,` `;` `|` or a tab `\\t`");
        }
        let has_tables = !matches!(
            source.format,
            Some(Format::Csv | Format::Parquet | Format::Xlsx | Format::Las | Format::Dossier | Format::Ceda)
        );
        if source.table.is_some() && !has_tables {
            self.error(&format!("{at}.table"), "this format has no tables to choose from; leave `table` out");
        }
        if source.format.is_some_and(|f| f != Format::Xapi) && !source.homepages.0.is_empty() {
            self.error(&format!("{at}.homepages"), "only xapi has home pages");
        }
        for (i, filter) in source.filter.iter().enumerate() {
            if filter.is.is_some() == filter.is_not.is_some() {
                self.error(&format!("{at}.filter[{i}]"), "give either `is` or `is_not`");
            }
        }
        for (i, lookup) in source.lookup.iter().enumerate() {
            let path = format!("{at}.lookup[{i}]");
            self.known(&format!("{path}.table"), "source", &lookup.table, &self.source_names());
            if lookup.on.0.is_empty() || lookup.take.0.is_empty() {
                self.error(&path, "a look-up needs columns in `on` and in `take`");
            }
        }
    }

    fn lookup_cycles(&mut self) {
        fn reaches(sources: &BTreeMap<String, Source>, from: &str, goal: &str, left: usize) -> bool {
            left > 0
                && sources.get(from).is_some_and(|s| {
                    s.lookup.iter().any(|l| l.table == goal || reaches(sources, &l.table, goal, left - 1))
                })
        }
        for name in self.source_names() {
            if reaches(&self.file.sources, &name, &name, self.file.sources.len()) {
                self.error(&format!("sources.{name}"), "looks itself up, through its look-ups");
            }
        }
    }

    fn time(&mut self) {
        let time = &self.file.time;
        if !(1..=240).contains(&time.periods) {
            self.error("time.periods", "the number of periods must be 1 to 240");
        }
        match (time.axis, time.period) {
            (Axis::Days, PeriodLength::Months(_)) => {
                self.error("time.period", "on the axis `days` a period is a number of days: { days = 30 }");
            }
            (_, period) if period.is_empty() => {
                self.error("time.period", "a period lasts at least one day or month");
            }
            _ => {}
        }
        if time.axis == Axis::Days && self.file.pupils.origin.is_some() {
            self.error("pupils.origin", "on the axis `days` every pupil starts on day 0; leave `origin` out");
        }
        if time.axis == Axis::Calendar && self.file.pupils.origin.is_none() && self.file.activities.is_some() {
            self.error("pupils", "on the axis `calendar` the pupils need an `origin`: the day their clock starts");
        }
    }

    fn pupils(&mut self) {
        let pupils = &self.file.pupils;
        self.known("pupils.source", "source", &pupils.source, &self.source_names());
        if pupils.end.is_some() && pupils.length.is_some() {
            self.error("pupils.length", "give either `end` (a day) or `length` (a number of days)");
        }
        if pupils.school.0.is_empty() {
            self.error("pupils.school", "names no column");
        }
        if pupils.birth.is_some() && pupils.age.is_some() {
            self.error("pupils.age", "give either `birth` (a day) or `age` (years on the day of `origin`)");
        }
    }

    fn key(&mut self, path: &str, key: &[String]) {
        let n = self.file.pupils.key.0.len();
        if n == 0 {
            self.error(path, "joins pupils, but `pupils.key` names no column");
        } else if key.len() != n {
            let want = self.file.pupils.key.0.join(", ");
            self.error(path, format!("names {} columns, `pupils.key` has {n} ({want})", key.len()));
        }
    }

    fn stays(&mut self) {
        let Some(s) = &self.file.stays else { return };
        self.known("stays.source", "source", &s.source, &self.source_names());
        self.key("stays.key", &s.key.0);
        if self.file.time.axis == Axis::Calendar && self.file.pupils.origin.is_none() {
            self.error("stays", "need `pupils.origin`: a pupil is counted at the school of that day");
        }
        let n = self.file.pupils.school.0.len();
        if s.school.0.len() != n {
            let want = self.file.pupils.school.0.join(", ");
            let message = format!("names {} columns, `pupils.school` has {n} ({want})", s.school.0.len());
            self.error("stays.school", message);
        }
    }

    fn activities(&mut self) {
        let Some(a) = &self.file.activities else { return };
        self.known("activities.source", "source", &a.source, &self.source_names());
        self.key("activities.key", &a.key.0);
        if a.amount.is_some() != a.unit.is_some() {
            self.error("activities", "`amount` and `unit` belong together: minutes, hours, days or points");
        }
        if a.kind.is_none() && !a.recode.is_empty() {
            self.error("activities.recode", "there is no `type` column to recode");
        }
    }

    fn enrolments(&mut self) {
        let Some(e) = &self.file.enrolments else { return };
        self.known("enrolments.source", "source", &e.source, &self.source_names());
        if Day::parse(&e.known_until).is_none() {
            self.error("enrolments.known_until", format!("`{}` is not a date like 2024-12-31", e.known_until));
        }
        if let Some(day) = &e.definitive_until {
            match (Day::parse(day), Day::parse(&e.known_until)) {
                (None, _) => {
                    self.error("enrolments.definitive_until", format!("`{day}` is not a date like 2024-12-31"));
                }
                (Some(definitive), Some(known)) if definitive > known => {
                    self.error("enrolments.definitive_until", "lies after `known_until`");
                }
                _ => {}
            }
        }
        self.key("enrolments.key", &e.key.0);
    }

    /// Covariates and outcomes are columns of one table, beside those that every panel has.
    fn column_names(&mut self) {
        let covariates = self.file.covariates.iter().enumerate().map(|(i, c)| (format!("covariates[{i}].id"), &c.id));
        let outcomes = self.file.outcomes.iter().enumerate().map(|(i, o)| (format!("outcomes[{i}].id"), &o.id));
        let mut seen: BTreeSet<String> = ["pupil", "school", "cohort", "period"].map(String::from).into();
        seen.extend(self.file.exposures.iter().map(|e| format!("dose_{}", e.id)));
        let with_causes = self.file.outcomes.iter().filter(|o| o.causes.is_some());
        seen.extend(with_causes.map(|o| format!("{}_exit", o.id)));
        for (path, id) in covariates.chain(outcomes) {
            if !seen.insert(id.clone()) {
                self.error(&path, format!("`{id}` is the name of another column of the panel"));
            }
        }
    }

    fn covariates(&mut self) {
        self.unique("covariates", self.file.covariates.iter().map(|c| &c.id));
        for (i, c) in self.file.covariates.iter().enumerate() {
            let at = format!("covariates[{i}]");
            if !c.recode.is_empty() && !c.levels.is_empty() {
                self.error(&at, "give either `recode` (a number) or `levels` (categories)");
            }
            if c.levels.len() == 1 {
                self.error(&format!("{at}.levels"), "a category needs at least two levels");
            }
            if c.min.zip(c.max).is_some_and(|(lo, hi)| lo > hi) {
                self.error(&format!("{at}.min"), "min is above max");
            }
        }
    }

    fn models(&mut self) {
        self.unique("models", self.file.models.iter().map(|m| &m.id));
        if self.file.models.is_empty() && self.file.counts.is_none() {
            self.error("models", "a study needs at least one [[models]]");
        }
        for (i, m) in self.file.models.iter().enumerate() {
            self.model(&format!("models[{i}]"), m);
        }
    }

    fn model(&mut self, at: &str, m: &ModelEntry) {
        let file = self.file;
        let kinds: Vec<String> = self.kinds.iter().map(|k| k.id.to_string()).collect();
        let outcomes: Vec<String> = file.outcomes.iter().map(|o| o.id.clone()).collect();
        let exposures: Vec<String> = file.exposures.iter().map(|e| e.id.clone()).collect();
        let covariates: Vec<String> = file.covariates.iter().map(|c| c.id.clone()).collect();
        let kind_ok = self.known(&format!("{at}.kind"), "kind of model", &m.kind, &kinds);
        let outcome_ok = self.known(&format!("{at}.outcome"), "outcome", &m.outcome, &outcomes);
        let exposure_ok = self.known(&format!("{at}.exposure"), "exposure", &m.exposure, &exposures);
        for name in m.covariates.iter().flat_map(|n| &n.0) {
            self.known(&format!("{at}.covariates"), "covariate", name, &covariates);
        }
        let (Some(kind), true) = (self.kinds.iter().find(|k| k.id == m.kind).copied(), kind_ok && outcome_ok) else {
            return;
        };
        let o = file.outcomes.iter().find(|o| o.id == m.outcome).expect("just found");
        let Some(def) = outcome(o.definition.as_ref().unwrap_or(&o.id)) else { return };
        if !(kind.takes)(def.rule) {
            let message = format!("a {} model takes {}, and `{}` is not", m.kind, kind.takes_words, o.id);
            self.error(&format!("{at}.outcome"), message);
        }
        if m.dose == DoseForm::Split && !kind.may_split {
            self.error(at, format!("a {} model takes the dose as it is: add dose = \"total\"", m.kind));
        }
        if m.cohort_intercept && (m.random == Random::None || !matches!(m.kind.as_str(), "hazard" | "landmark")) {
            let message = "is for hazard and landmark models with `random` = `intercept` or `slope`";
            self.error(&format!("{at}.cohort_intercept"), message);
        }
        if m.random == Random::None && matches!(m.kind.as_str(), "growth" | "linear") {
            self.error(&format!("{at}.random"), format!("a {} model needs `intercept` or `slope`", m.kind));
        }
        let counts = file.exposures.iter().any(|e| e.id == m.exposure && e.column.is_none());
        if exposure_ok && counts && matches!(m.kind.as_str(), "landmark" | "linear") && file.pupils.landmark.is_none() {
            let message = "counts activities without `pupils.landmark`: a dose that goes on after the outcome would \
                           make leavers look less guided (immortal time); name the day on which the dose is frozen";
            self.error(&format!("{at}.exposure"), message);
        }
        let is_late = file.exposures.iter().any(|e| e.id == m.exposure && e.known_by == KnownBy::Landmark);
        if is_late && matches!(m.kind.as_str(), "hazard" | "growth") {
            let message = format!(
                "`{}` is known only at the landmark, and a {} model starts before it: who leaves early can't have the \
                 dose, so that leavers would look less guided (immortal time); take a landmark model, or activities \
                 with their dates",
                m.exposure, m.kind
            );
            self.error(&format!("{at}.exposure"), message);
        }
    }
}

/// Byte offset of the deepest part of `path` (`models[2].outcome`) that stands in the file.
fn offset_of(table: &Spanned<DeTable<'_>>, path: &str) -> usize {
    let mut at = table.span().start;
    let mut here: Option<&DeTable<'_>> = Some(table.get_ref());
    for part in path.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        let Some((key, value)) = here.and_then(|t| t.iter().find(|(k, _)| k.get_ref() == name)) else {
            return at;
        };
        at = key.span().start;
        let mut value = value;
        if let (Some(i), DeValue::Array(items)) = (index, value.get_ref())
            && let Some(item) = items.get(i)
        {
            value = item;
            at = item.span().start;
        }
        here = match value.get_ref() {
            DeValue::Table(t) => Some(t),
            _ => None,
        };
    }
    at
}
