//! xAPI statements (`formats.md` §11): one row per activity of an account on an allowed home page. Names, answers,
//! instructors and attachments are never handed on.
//!
//! A document is an array, one statement, `{"statements": […]}`, or one of these per line. A row's place is the number of
//! its statement. Statements refer to each other, so all of a file are held until its end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::super::files::InputFile;
use super::super::text;
use super::super::{Dialect, InputError};
use super::canonical::{SOURCE, may, must};
use super::held::Holding;
use super::{Adapter, ColumnSpec, Head, Kind, Options, Reader, TableSpec, table_of};
use crate::study::file::{Format, IdKind};
use crate::vocab::Day;

static EVENT: [ColumnSpec; 11] = [
    must("event_id", Kind::Text, "nummer van de gebeurtenis", "id of the event"),
    must("pupil_key", Kind::Id(IdKind::Xapi), "leerling (pseudoniem)", "pupil (pseudonym)"),
    must("at", Kind::Date, "datum", "date"),
    must("time", Kind::Text, "tijdstip (UTC)", "time (UTC)"),
    must("verb", Kind::Text, "werkwoord", "verb"),
    may("kind", Kind::Text, "soort activiteit", "kind of activity"),
    must("activity", Kind::Text, "activiteit", "activity"),
    may("done", Kind::Text, "afgerond (J/N)", "completed (J/N)"),
    may("minutes", Kind::Number, "duur in minuten", "minutes"),
    may("days", Kind::Number, "duur in dagen", "days"),
    SOURCE,
];
static TABLES: [TableSpec; 1] = [TableSpec { name: "lob_event", columns: &EVENT }];
const VOIDED: &str = "http://adlnet.gov/expapi/verbs/voided";

/// xAPI statements.
pub(super) struct Xapi;

impl Adapter for Xapi {
    fn format(&self) -> Format {
        Format::Xapi
    }

    fn tables(&self) -> &'static [TableSpec] {
        &TABLES
    }

    fn detect(&self, head: &Head) -> bool {
        let text = head.text.trim_start();
        text.starts_with(['[', '{']) && text.contains("\"actor\"") && text.contains("\"verb\"")
    }

    fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
        let spec = table_of(&TABLES, file, options)?;
        if options.homepages.is_empty() {
            let detail = "name the home pages whose accounts are pupils: homepages = [\"https://…\"]".to_string();
            return Err(InputError::NoTable { file: file.name.clone(), detail });
        }
        let survey = text::survey(file, options.encoding)?;
        survey.assert_can_be_held(file)?;
        let reader = BufReader::with_capacity(1 << 16, text::open(file, &survey)?);
        let mut all =
            Statements { homepages: options.homepages.iter().map(|h| page(h)).collect(), ..Statements::default() };
        for document in serde_json::Deserializer::from_reader(reader).into_iter::<Json>() {
            let document = document.map_err(|e| InputError::Corrupt {
                file: file.name.clone(),
                format: "JSON",
                detail: format!("line {}, column {}: it is cut off or not well formed", e.line(), e.column()),
            })?;
            all.document(document);
        }
        let mut to = Holding::new(file, spec);
        let left_out = all.rows(&mut to)?;
        Ok(Box::new(to.finish(Dialect {
            format: Some(Format::Xapi),
            table: Some(spec.name.into()),
            packed: file.packing.word(),
            encoding: Some(survey.encoding),
            byte_order_mark: survey.marks > 0,
            left_out,
            ..Dialect::default()
        })?))
    }
}

/// A home page without its last slash.
fn page(address: &str) -> String {
    address.trim_end_matches('/').to_lowercase()
}

struct Event {
    row: u64,
    pupil: String,
    at: Timestamp,
    /// The day where it happened.
    day: Day,
    verb: String,
    kind: String,
    activity: String,
    done: Option<bool>,
    duration: Option<(f64, f64)>,
}

/// Statements by id: a copy is dropped, two contents under one id are both refused.
#[derive(Default)]
struct Statements {
    homepages: BTreeSet<String>,
    count: u64,
    events: BTreeMap<String, Event>,
    contents: BTreeMap<String, blake3::Hash>,
    conflicts: BTreeSet<String>,
    voided: BTreeSet<String>,
    left_out: BTreeMap<String, u64>,
}

impl Statements {
    fn document(&mut self, document: Json) {
        match document {
            Json::Array(all) => all.into_iter().for_each(|s| self.document(s)),
            Json::Object(mut map) if map.contains_key("statements") => {
                if let Some(all) = map.remove("statements") {
                    self.document(all);
                }
            }
            statement => self.statement(&statement),
        }
    }

    fn leave(&mut self, reason: &str) {
        *self.left_out.entry(reason.to_string()).or_default() += 1;
    }

    fn statement(&mut self, s: &Json) {
        self.count += 1;
        let text = |path: &str| s.pointer(path).and_then(Json::as_str).unwrap_or_default().to_string();
        if text("/verb/id") == VOIDED {
            if text("/object/objectType") == "StatementRef" {
                self.voided.insert(text("/object/id"));
                self.leave("statements that void another");
            } else {
                self.leave("statements that void nothing");
            }
            return;
        }
        let id = text("/id").to_lowercase();
        if id.is_empty() {
            self.leave("statements without an id");
            return;
        }
        let content = blake3::hash(s.to_string().as_bytes());
        match self.contents.insert(id.clone(), content) {
            Some(known) if known == content => self.leave("copies of a statement"),
            Some(_) => {
                self.conflicts.insert(id);
                self.leave("statements with the id of another and other content");
            }
            None => match self.event(s) {
                Ok(event) => {
                    self.events.insert(id, event);
                }
                Err(reason) => self.leave(reason),
            },
        }
    }

    fn event(&self, s: &Json) -> Result<Event, &'static str> {
        let text = |path: &str| s.pointer(path).and_then(Json::as_str).unwrap_or_default();
        if text("/actor/objectType") == "Group" || s.pointer("/actor/member").is_some() {
            return Err("statements of a group");
        }
        let other = ["/actor/mbox", "/actor/mbox_sha1sum", "/actor/openid"];
        if other.iter().any(|path| s.pointer(path).is_some()) {
            return Err("statements of a person by e-mail or OpenID");
        }
        let pupil = text("/actor/account/name");
        if pupil.is_empty() || !self.homepages.contains(&page(text("/actor/account/homePage"))) {
            return Err("statements of another home page");
        }
        let time = if text("/timestamp").is_empty() { text("/stored") } else { text("/timestamp") };
        let (at, day) = moment(time).ok_or("statements without a time with its offset")?;
        let activity = text("/object/id");
        if activity.is_empty() || !matches!(text("/object/objectType"), "" | "Activity") {
            return Err("statements about something else than an activity");
        }
        Ok(Event {
            row: self.count,
            pupil: pupil.to_string(),
            at,
            day,
            verb: text("/verb/id").to_string(),
            kind: text("/object/definition/type").to_string(),
            activity: activity.to_string(),
            done: s.pointer("/result/completion").and_then(Json::as_bool),
            duration: duration(text("/result/duration")),
        })
    }

    fn rows(mut self, to: &mut Holding) -> Result<BTreeMap<String, u64>, InputError> {
        let source = Format::Xapi.word();
        for (id, e) in &self.events {
            let reason = if self.conflicts.contains(id) {
                Some("statements with the id of another and other content")
            } else {
                self.voided.contains(id).then_some("statements that were voided")
            };
            if let Some(reason) = reason {
                *self.left_out.entry(reason.to_string()).or_default() += 1;
                continue;
            }
            let done = e.done.map(|d| if d { "J" } else { "N" });
            let time = e.at.to_string();
            to.push(
                e.row,
                &[
                    id.into(),
                    (&e.pupil).into(),
                    e.day.into(),
                    (&time).into(),
                    (&e.verb).into(),
                    (&e.kind).into(),
                    (&e.activity).into(),
                    done.into(),
                    e.duration.map(|d| d.0).into(),
                    e.duration.map(|d| d.1).into(),
                    (&source).into(),
                ],
            )?;
        }
        Ok(self.left_out)
    }
}

/// The moment, and the day on the clock where it happened; `None` without an offset.
fn moment(text: &str) -> Option<(Timestamp, Day)> {
    let at: Timestamp = text.parse().ok()?;
    let day = text.get(..10).and_then(Day::parse)?;
    Some((at, day))
}

/// Minutes and days of an ISO 8601 duration such as `PT25M` or `P5D`; weeks count seven days.
fn duration(text: &str) -> Option<(f64, f64)> {
    let (mut minutes, mut days, mut number, mut in_time) = (0.0, 0.0, String::new(), false);
    for c in text.strip_prefix('P')?.chars() {
        if c.is_ascii_digit() || c == '.' {
            number.push(c);
            continue;
        }
        if c == 'T' {
            in_time = true;
            continue;
        }
        let n: f64 = std::mem::take(&mut number).parse().ok()?;
        match (c, in_time) {
            ('W', false) => days += 7.0 * n,
            ('D', false) => days += n,
            ('H', true) => minutes += 60.0 * n,
            ('M', true) => minutes += n,
            ('S', true) => minutes += n / 60.0,
            // Months and years have no length.
            _ => return None,
        }
    }
    number.is_empty().then_some((minutes, days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_moments() {
        assert_eq!(duration("PT25M"), Some((25.0, 0.0)));
        assert_eq!(duration("P5D"), Some((0.0, 5.0)));
        assert_eq!(duration("P1DT1H30M"), Some((90.0, 1.0)));
        assert_eq!((duration(""), duration("P1M"), duration("PT5"), duration("25")), (None, None, None, None));
        assert!(moment("2022-10-11T10:30:00").is_none(), "no offset");
        // Half past midnight in summer is the day before in UTC, and the day itself for the pupil.
        assert_eq!(moment("2022-07-01T00:30:00+02:00").map(|m| m.1), Day::ymd(2022, 7, 1));
    }
}
