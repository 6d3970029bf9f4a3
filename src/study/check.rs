//! Meaning of a study file: names that exist, keys that fit each other, and doses that are known before
//! the outcome. All errors are collected; each finds its line through the path of its key.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Place, StudyError, nearest};
use super::file::{
    Axis, DoseForm, Exposure, Format, KnownBy, Measure, ModelEntry, Names, Outcome, Random, Source, StudyFile,
    Transform,
};
use super::shape;
use crate::vocab::outcomes::outcome;
use crate::vocab::{Competence, Day, Need, OUTCOMES, OutcomeDef, OutcomeRule, PeriodLength};

/// The panel marks the exposures that an activity counts for in one word of 64 bits.
const MOST_EXPOSURES: usize = 64;
/// Of which this many have dates that are kept until all rows are read.
const MOST_DATED: usize = 32;
/// A diploma that comes later than this many years after vmbo is no outcome of it.
const MOST_YEARS: u8 = 10;

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
    let tables: Vec<String> = file.ingest.iter().flat_map(|i| i.tables()).map(str::to_string).collect();
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
        self.activities();
        self.enrolments();
        self.exposures();
        self.covariates();
        self.outcomes();
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
            (_, PeriodLength::Days(0) | PeriodLength::Months(0)) => {
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
        self.key("enrolments.key", &e.key.0);
    }

    fn exposures(&mut self) {
        self.unique("exposures", self.file.exposures.iter().map(|e| &e.id));
        let bits = self.file.exposures.iter().map(|e| match e.measure {
            _ if e.column.is_some() => 0,
            Measure::Triples => 3,
            _ => 1,
        });
        if bits.sum::<usize>() > MOST_EXPOSURES {
            let message = format!("a study counts at most {MOST_EXPOSURES} doses; triples count as three");
            self.error("exposures", message);
        }
        let is_dated = |e: &&Exposure| e.column.is_none() && matches!(e.measure, Measure::Days | Measure::Triples);
        let dated = self.file.exposures.iter().filter(is_dated);
        let slots: usize = dated.map(|e| if e.measure == Measure::Triples { 3 } else { 1 }).sum();
        if slots > MOST_DATED {
            let message = format!("a study has at most {MOST_DATED} exposures of days; triples count as three");
            self.error("exposures", message);
        }
        for (i, e) in self.file.exposures.iter().enumerate() {
            let at = format!("exposures[{i}]");
            self.exposure(&at, e);
            self.exposure_scale(&at, e);
        }
    }

    fn exposure(&mut self, at: &str, e: &Exposure) {
        let activities = self.file.activities.as_ref();
        if e.step <= 0.0 || !e.step.is_finite() {
            self.error(&format!("{at}.step"), "the step must be more than 0");
        }
        if e.column.is_some() {
            if e.types.is_some() || e.competence.is_some() || e.measure != Measure::Count || e.per_year {
                self.error(
                    at,
                    "a `column` of the pupils has no `types`, no `competence`, no `measure` and no `per_year`",
                );
            }
        } else if activities.is_none() {
            self.error(at, "counts activities, but there is no [activities]; or give a `column` of the pupils");
        }
        if e.column.is_none() && e.known_by != KnownBy::Origin {
            self.error(
                &format!("{at}.known_by"),
                "belongs to a `column` of the pupils; activities have their own dates",
            );
        }
        let needs_types = e.types.is_some() || e.competence.is_some() || e.measure == Measure::Triples;
        if needs_types && activities.is_some_and(|a| a.kind.is_none()) {
            self.error(&format!("{at}.types"), "activities have no `type` column");
        }
        if e.types.is_some() && e.competence.is_some() {
            self.error(&format!("{at}.competence"), "give either `types` or `competence`");
        }
        let known: Vec<String> = Competence::ALL.iter().map(|c| c.code().to_string()).collect();
        for name in e.competence.iter().flat_map(|n| &n.0) {
            self.known(&format!("{at}.competence"), "loopbaancompetentie", name, &known);
        }
        if e.measure == Measure::Amount && activities.is_some_and(|a| a.amount.is_none()) {
            self.error(&format!("{at}.measure"), "activities have no `amount` column");
        }
        self.triple(at, e);
    }

    fn triple(&mut self, at: &str, e: &Exposure) {
        if e.measure != Measure::Triples {
            if e.triple.is_some() {
                self.error(&format!("{at}.triple"), "belongs to measure = \"triples\"");
            }
            return;
        }
        if e.types.is_some() || e.competence.is_some() {
            self.error(at, "triples have their types in `triple`: experience, conversation, reflection");
        }
        let Some(triple) = &e.triple else { return };
        let mut seen = BTreeSet::new();
        let lists = [&triple.experience, &triple.conversation, &triple.reflection];
        for name in lists.into_iter().flatten().flat_map(|names| &names.0) {
            if !seen.insert(name) {
                self.error(&format!("{at}.triple"), format!("`{name}` can't be two parts of a triple"));
            }
        }
        if triple.within_days > 366 {
            self.error(&format!("{at}.triple.within_days"), "a triple lasts at most 366 days");
        }
    }

    fn exposure_scale(&mut self, at: &str, e: &Exposure) {
        if e.cap.is_some_and(|q| !(q > 0.0 && q < 1.0)) {
            self.error(&format!("{at}.cap"), "the quantile must lie between 0 and 1, such as 0.99");
        }
        if e.transform == Transform::Log1p && !e.unit_sd {
            let message = "on a log scale a step of activities has no meaning: add unit_sd = true";
            self.error(&format!("{at}.transform"), message);
        }
        let is_per_year = e.per_year || e.measure == Measure::Intensity;
        if is_per_year && (self.file.time.axis == Axis::Days || self.file.pupils.enrolled_from.is_none()) {
            let message = "per school year needs `pupils.enrolled_from` and the axis `calendar`";
            self.error(&format!("{at}.{}", if e.per_year { "per_year" } else { "measure" }), message);
        }
    }

    /// Covariates and outcomes are columns of one table, beside those that every panel has.
    fn column_names(&mut self) {
        let covariates = self.file.covariates.iter().enumerate().map(|(i, c)| (format!("covariates[{i}].id"), &c.id));
        let outcomes = self.file.outcomes.iter().enumerate().map(|(i, o)| (format!("outcomes[{i}].id"), &o.id));
        let mut seen: BTreeSet<String> = ["pupil", "school", "cohort", "period"].map(String::from).into();
        seen.extend(self.file.exposures.iter().map(|e| format!("dose_{}", e.id)));
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

    fn outcomes(&mut self) {
        self.unique("outcomes", self.file.outcomes.iter().map(|o| &o.id));
        let known: Vec<String> = OUTCOMES.iter().map(|d| d.id.to_string()).collect();
        for (i, o) in self.file.outcomes.iter().enumerate() {
            let at = format!("outcomes[{i}]");
            let name = o.definition.as_ref().unwrap_or(&o.id);
            let key = if o.definition.is_some() { "definition" } else { "id" };
            if self.known(&format!("{at}.{key}"), "outcome definition", name, &known) {
                let def = outcome(name).expect("just found");
                self.outcome(&at, o, def.rule);
            }
        }
        if let Some(names) = &self.file.report.outcomes {
            let ids: Vec<String> = self.file.outcomes.iter().map(|o| o.id.clone()).collect();
            for name in &names.0 {
                self.known("report.outcomes", "outcome", name, &ids);
            }
        }
    }

    fn outcome(&mut self, at: &str, o: &Outcome, rule: OutcomeRule) {
        let file = self.file;
        if o.source.is_some() && !matches!(rule, OutcomeRule::Event | OutcomeRule::Score) {
            self.error(&format!("{at}.source"), "only an `event` or a `score` has a source of its own");
        }
        if let Some(source) = &o.source {
            self.known(&format!("{at}.source"), "source", source, &self.source_names());
            self.key(&format!("{at}.key"), &o.key.0);
        }
        if o.negative_control && rule != OutcomeRule::Column {
            self.error(&format!("{at}.negative_control"), "only a `value` of the pupil can be fixed beforehand");
        }
        let by_period = matches!(rule, OutcomeRule::Event | OutcomeRule::Score);
        let no_clock = file.time.axis == Axis::Calendar && file.pupils.origin.is_none();
        let missing = match rule {
            _ if by_period && no_clock => Some("`pupils.origin`: the day on which the pupil's clock starts"),
            OutcomeRule::Event => o.date.is_none().then_some("`date`: the column with the day of the event"),
            OutcomeRule::Column => o.column.is_none().then_some("`column`: the pupils' column with the value"),
            OutcomeRule::Score => (o.source.is_none() || o.date.is_none() || o.column.is_none())
                .then_some("`source`, `key`, `date` and `column`: the table of dated scores"),
            _ => self.missing_for_enrolments(rule),
        };
        if o.years.is_some_and(|years| !(1..=MOST_YEARS).contains(&years)) {
            self.error(&format!("{at}.years"), format!("the number of years must be 1 to {MOST_YEARS}"));
        } else if o.years.is_some() && !matches!(rule, OutcomeRule::Diploma { .. }) {
            self.error(&format!("{at}.years"), "only a diploma is counted by a year of your choice");
        }
        if let Some(missing) = missing {
            self.error(at, format!("outcome `{}` needs {missing}", o.id));
        }
    }

    /// What an outcome that rests on enrolments misses.
    fn missing_for_enrolments(&self, rule: OutcomeRule) -> Option<&'static str> {
        let file = self.file;
        let Some(e) = &file.enrolments else { return Some("a table [enrolments]") };
        if file.pupils.landmark.is_none() || file.time.axis != Axis::Calendar {
            return Some("`pupils.landmark`, a date: its year says which 1 October counts");
        }
        if file.pupils.linked.is_none() {
            return Some(
                "`pupils.linked`: which pupils were found in later education; without it a failed link is a dropout",
            );
        }
        let p = &file.pupils;
        let is_there = |need: &Need| match need {
            Need::Programme => e.programme.is_some(),
            Need::Domain => e.domain.is_some(),
            Need::Institution => e.institution.is_some(),
            Need::Level => e.level.is_some(),
            Need::Track => e.track.is_some(),
            Need::Diploma => e.diploma.is_some(),
            Need::Related => !e.related.is_empty(),
            Need::Leerweg => p.leerweg.is_some(),
            Need::Sector => p.sector.is_some(),
            Need::Age => p.birth.is_some() || (p.age.is_some() && p.origin.is_some()),
        };
        rule.needs().into_iter().find(|need| !is_there(need)).map(|need| match need {
            Need::Programme => "`enrolments.programme`",
            Need::Domain => "`enrolments.domain`",
            Need::Institution => "`enrolments.institution`",
            Need::Level => "`enrolments.level`, the level of mbo from 1 to 4",
            Need::Track => "`enrolments.track`: BOL or BBL",
            Need::Diploma => "`enrolments.diploma`, the day of the diploma",
            Need::Related => "`enrolments.related`: which domains belong to which vmbo sectors",
            Need::Leerweg => "`pupils.leerweg`, from which the expected level follows",
            Need::Sector => "`pupils.sector`, the vmbo sector",
            Need::Age => "`pupils.birth`, or `pupils.age` on the day of `pupils.origin`",
        })
    }

    fn models(&mut self) {
        self.unique("models", self.file.models.iter().map(|m| &m.id));
        if self.file.models.is_empty() {
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
