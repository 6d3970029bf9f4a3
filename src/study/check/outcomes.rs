//! Outcomes: definitions that exist, and what each of them needs of the tables.

use std::collections::BTreeSet;

use super::Check;
use crate::study::file::{Axis, Outcome};
use crate::vocab::outcomes::outcome;
use crate::vocab::{ExitKind, Need, OUTCOMES, OutcomeRule};

/// A diploma that comes later than this many years after vmbo is no outcome of it.
const MOST_YEARS: u8 = 10;

impl Check<'_> {
    pub(super) fn outcomes(&mut self) {
        self.unique("outcomes", self.file.outcomes.iter().map(|o| &o.id));
        let known: Vec<String> = OUTCOMES.iter().map(|d| d.id.to_string()).collect();
        for (i, o) in self.file.outcomes.iter().enumerate() {
            let at = format!("outcomes[{i}]");
            let name = o.definition.as_ref().unwrap_or(&o.id);
            let key = if o.definition.is_some() { "definition" } else { "id" };
            if self.known(&format!("{at}.{key}"), "outcome definition", name, &known) {
                let def = outcome(name).expect("just found");
                self.outcome(&at, o, def.rule);
                self.causes(&at, o, def.rule);
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

    /// Competing exits: a column, its texts, and the way out that is the event.
    fn causes(&mut self, at: &str, o: &Outcome, rule: OutcomeRule) {
        if o.cause.is_some() != o.causes.is_some() {
            self.error(at, "`cause` (a column) and `causes` (what its texts mean) belong together");
        }
        let Some(causes) = &o.causes else {
            if o.event != ExitKind::default() {
                self.error(&format!("{at}.event"), "says which of the `causes` is the event, and there are none");
            }
            return;
        };
        if rule != OutcomeRule::Event {
            self.error(&format!("{at}.causes"), "only an `event` has causes");
        }
        if causes.texts(o.event).is_empty() {
            let message = format!("no text means `{}`, which is the event of this outcome", o.event.code());
            self.error(&format!("{at}.causes"), message);
        }
        let mut seen = BTreeSet::new();
        for text in ExitKind::ALL.into_iter().flat_map(|exit| causes.texts(exit)) {
            if !seen.insert(text) {
                self.error(&format!("{at}.causes"), format!("`{text}` can't be two ways out"));
            }
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
}
