//! Records of a register delivery → persons, enrolments with their periods, diplomas; every reference and control
//! total is checked.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::build::Cell;
use super::super::faults::Faults;
use super::super::held::{Held, Holding};
use super::super::{Options, Reader, TableSpec};
use super::register::{CREBOS, FUNDED, GRAND_TOTAL, Layout};
use super::values::{Date, date, is_brin, is_pgn, level, padded, pc4, person, whole_number};
use crate::ingest::csv::{Form, TextFile};
use crate::ingest::files::InputFile;
use crate::ingest::records::Records;
use crate::ingest::{Control, Dialect, Fault, InputError};
use crate::study::file::IdKind;
use crate::vocab::Day;

/// A record of any kind with its fields, counted from 1.
struct Record<'r> {
    cells: &'r Records,
    row: u64,
}

impl<'r> Record<'r> {
    /// Field `at`; empty where the format lacks it.
    fn field(&self, at: usize) -> &'r str {
        if at == 0 { "" } else { self.cells.cell(at - 1).trim() }
    }
}

struct Person {
    row: u64,
    birth: Option<Date>,
    age: Option<f64>,
    sex: String,
    pc4: String,
}

struct Enrolment {
    row: u64,
    start: Option<Day>,
    planned: Option<Day>,
    end: Option<Day>,
    reason: String,
    periods: Vec<Period>,
}

struct Period {
    row: u64,
    start: Day,
    end: Option<Day>,
    crebo: String,
    track: String,
    level: String,
    funded: &'static str,
    provider: String,
    location: String,
    phase: String,
}

struct Diploma {
    row: u64,
    crebo: String,
    date: Day,
    funded: &'static str,
    enrolment: String,
    level: String,
}

/// Person number, then enrolment or result number.
type Key = (String, String);

#[derive(Default)]
struct Delivery {
    brin: String,
    created: Option<Day>,
    until: Option<Day>,
    persons: BTreeMap<String, Person>,
    enrolments: BTreeMap<Key, Enrolment>,
    periods: Vec<(Key, Period)>,
    diplomas: BTreeMap<Key, Diploma>,
    levels: HashMap<Key, String>,
    /// Rows of ISE, BPV: they need an enrolment and are dropped.
    followers: Vec<(Key, u64, &'static str)>,
    counts: BTreeMap<&'static str, u64>,
    stated: Option<BTreeMap<&'static str, u64>>,
    /// Sum of the programmes of ISP, BPV and DIP.
    crebos: u64,
    /// Records ISP and DIP that are funded.
    funded: u64,
}

struct Parser<'p> {
    layout: &'static Layout,
    options: &'p Options,
    faults: Faults,
    seen: Delivery,
    masked: HashSet<String>,
}

/// Parses a file and keeps the rows of one table.
pub(super) fn parse(
    layout: &'static Layout,
    spec: &'static TableSpec,
    file: &InputFile,
    options: &Options,
) -> Result<Held, InputError> {
    let form = Form { format: layout.format, quoting: false, totals: false };
    let text = TextFile::open(file, options, form)?;
    text.survey.assert_can_be_held(file)?;
    let mut records = text.records()?;
    let mut parser =
        Parser { layout, options, faults: Faults::of(file), seen: Delivery::default(), masked: HashSet::new() };
    while records.next().map_err(|e| text.corrupt(&e))? {
        parser.record(&Record { cells: &records, row: records.row() });
    }
    parser.join();
    let dialect = parser.close(Reader::dialect(&text));
    parser.faults.end()?;
    parser.rows(Holding::new(file, spec), spec, dialect)
}

impl Parser<'_> {
    fn record(&mut self, r: &Record<'_>) {
        let word = r.field(1).trim_start_matches('#');
        let layout = self.layout;
        let known = layout.totals.iter().map(|t| t.0).chain(layout.ignored.iter().copied());
        let kind = known.chain(["VLP", layout.closing]).find(|k| *k == word);
        let Some(kind) = kind else {
            let expected = format!("a record begins with VLP, PER, ISG, ISP … {}", layout.closing);
            self.faults.add(Fault::UnknownRecord, r.row, "", word, expected);
            return;
        };
        if kind == layout.closing {
            let number = |at: usize| r.field(at).parse::<u64>().ok();
            let all = layout.totals.iter().chain(layout.sums);
            self.seen.stated = Some(all.filter_map(|&(k, at)| Some((k, number(at)?))).collect());
            return;
        }
        *self.seen.counts.entry(kind).or_default() += 1;
        self.add_up(r, kind);
        if kind == "VLP" {
            self.delivery(r);
            return;
        }
        let Some(person) = self.person_of(r) else { return };
        match kind {
            "PER" => self.person(r, person),
            "ISG" => self.enrolment(r, person),
            "ISP" => self.period(r, person),
            "DIP" => self.diploma(r, person),
            "BID" => {
                let level = self.level(r, "BID", layout.bid[1]);
                self.seen.levels.insert((person, r.field(layout.bid[0]).to_string()), level);
            }
            "ISE" | "BPV" => self.seen.followers.push(((person, r.field(4).to_string()), r.row, kind)),
            _ => {}
        }
    }

    /// What OBO's closing record adds up besides records: programmes, and what is funded.
    fn add_up(&mut self, r: &Record<'_>, kind: &str) {
        let layout = self.layout;
        let (crebo, funded) = match kind {
            "ISP" => (layout.isp[3], layout.isp[6]),
            "DIP" => (layout.dip[1], layout.dip[3]),
            "BPV" => (layout.bpv, 0),
            _ => return,
        };
        self.seen.crebos = self.seen.crebos.saturating_add(r.field(crebo).parse().unwrap_or(0));
        self.seen.funded += u64::from(r.field(funded) == "J");
    }

    /// What the file has of something that the closing record states.
    fn found(&self, what: &str) -> u64 {
        let count = |kind: &str| self.seen.counts.get(kind).copied().unwrap_or_default();
        match what {
            CREBOS => self.seen.crebos,
            FUNDED => self.seen.funded,
            GRAND_TOTAL => count("ISG") + count("DIP") + self.seen.crebos + self.seen.funded,
            kind => count(kind),
        }
    }

    fn delivery(&mut self, r: &Record<'_>) {
        let [brin, created, until] = self.layout.vlp;
        let code = r.field(brin).to_uppercase();
        if !is_brin(&code) {
            self.faults.add(Fault::UnknownCode, r.row, "VLP BRIN", &code, "it must be a BRIN like 99ZA");
        }
        if !self.seen.brin.is_empty() {
            self.faults.add(Fault::Repeated, r.row, "VLP", "", "a file is one delivery: one record VLP");
        }
        self.seen.brin = code;
        self.seen.created = self.day(r, "VLP created", created, false);
        self.seen.until = self.day(r, "VLP period to", until, false);
    }

    fn person_of(&mut self, r: &Record<'_>) -> Option<String> {
        if !self.layout.two_numbers {
            let number = r.field(2);
            if number.is_empty() {
                self.faults.add(Fault::PersonNumber, r.row, "field 2", "", "every record has a person number");
                return None;
            }
            return Some(number.to_string());
        }
        let (bsn, onr) = (r.field(2), r.field(3));
        let both = person(bsn, "").is_some() && person("", onr).is_some();
        match person(bsn, onr) {
            Some(number) if !both => {
                let whole = whole_number(number);
                if !is_pgn(number) {
                    self.masked.insert(whole.clone());
                }
                Some(whole)
            }
            _ => {
                let expected = "exactly one of BSN (field 2) and onderwijsnummer (field 3) is filled";
                self.faults.add(Fault::PersonNumber, r.row, "fields 2 and 3", "", expected);
                None
            }
        }
    }

    fn person(&mut self, r: &Record<'_>, key: String) {
        let [birth, age, sex, postcode] = self.layout.per;
        let cell = r.field(birth);
        let date = date(cell);
        if date.is_none() && !cell.is_empty() {
            self.faults.add(Fault::BadDate, r.row, "PER birth date", cell, "it must be a date; 00 for an unknown day");
        }
        let sex = r.field(sex);
        if !matches!(sex, "M" | "V" | "O" | "") {
            self.faults.add(Fault::UnknownCode, r.row, "PER sex", sex, "it must be M, V or O");
        }
        let person = Person {
            row: r.row,
            birth: date,
            age: r.field(age).parse().ok(),
            sex: sex.to_string(),
            pc4: pc4(r.field(postcode)).to_string(),
        };
        if self.seen.persons.insert(key, person).is_some() {
            self.faults.add(Fault::Repeated, r.row, "PER", "", "a person has one record PER");
        }
    }

    fn enrolment(&mut self, r: &Record<'_>, person: String) {
        let [number, start, planned, end, reason] = self.layout.isg;
        let enrolment = Enrolment {
            row: r.row,
            start: self.day(r, "ISG start", start, true),
            planned: self.day(r, "ISG planned end", planned, false),
            end: self.day(r, "ISG actual end", end, false),
            reason: padded(r.field(reason), 2),
            periods: Vec::new(),
        };
        if enrolment.start.zip(enrolment.end).is_some_and(|(start, end)| end < start) {
            self.faults.add(Fault::EndBeforeStart, r.row, "ISG actual end", "", "it must not lie before the start");
        }
        let number = self.required(r, "ISG enrolment number", number);
        if self.seen.enrolments.insert((person, number), enrolment).is_some() {
            let expected = "a person has one record ISG per enrolment number";
            self.faults.add(Fault::Repeated, r.row, "ISG", "", expected);
        }
    }

    fn period(&mut self, r: &Record<'_>, person: String) {
        let [number, start, end, crebo, track, level, funded, provider, location, phase] = self.layout.isp;
        let key = (person, self.required(r, "ISP enrolment number", number));
        let begin = self.day(r, "ISP start", start, true);
        let end = self.day(r, "ISP end", end, false);
        let (crebo, track) = (self.required(r, "ISP crebo", crebo), self.required(r, "ISP track", track));
        let (level, funded) = (self.level(r, "ISP", level), self.funded(r, "ISP funded", funded));
        let Some(start) = begin else { return };
        let text = |at: usize| r.field(at).to_string();
        let (provider, location, phase) = (text(provider), text(location), text(phase));
        let crebo = padded(&crebo, 5);
        let period = Period { row: r.row, start, end, crebo, track, level, funded, provider, location, phase };
        self.seen.periods.push((key, period));
    }

    fn diploma(&mut self, r: &Record<'_>, person: String) {
        let [result, crebo, date, funded, enrolment] = self.layout.dip;
        let key = (person, self.required(r, "DIP result number", result));
        let crebo = padded(&self.required(r, "DIP crebo", crebo), 5);
        let funded = self.funded(r, "DIP funded", funded);
        let Some(date) = self.day(r, "DIP date", date, true) else { return };
        let enrolment = r.field(enrolment).to_string();
        let diploma = Diploma { row: r.row, crebo, date, funded, enrolment, level: String::new() };
        if self.seen.diplomas.insert(key, diploma).is_some() {
            self.faults.add(Fault::Repeated, r.row, "DIP", "", "a person has one record DIP per result number");
        }
    }

    fn required(&mut self, r: &Record<'_>, what: &str, at: usize) -> String {
        let cell = r.field(at);
        if cell.is_empty() {
            self.faults.add(Fault::Required, r.row, what, "", "it must not be empty");
        } else if cell.contains('\t') {
            self.faults.add(Fault::UnknownCode, r.row, what, cell, "a tab stands in it");
        }
        cell.to_string()
    }

    fn day(&mut self, r: &Record<'_>, what: &str, at: usize, required: bool) -> Option<Day> {
        let cell = r.field(at);
        let day = date(cell).and_then(Date::full);
        if cell.is_empty() && required {
            self.faults.add(Fault::Required, r.row, what, "", "it must not be empty");
        } else if day.is_none() && !cell.is_empty() {
            let expected = "it must be a date that exists, of the years 1900 to 2100";
            self.faults.add(Fault::BadDate, r.row, what, cell, expected);
        }
        day
    }

    fn level(&mut self, r: &Record<'_>, what: &str, at: usize) -> String {
        let cell = r.field(at);
        level(cell).map_or_else(
            || {
                self.faults.add(Fault::UnknownCode, r.row, &format!("{what} level"), cell, "it must be MBO-1 to MBO-4");
                String::new()
            },
            String::from,
        )
    }

    fn funded(&mut self, r: &Record<'_>, what: &str, at: usize) -> &'static str {
        match r.field(at) {
            "J" | "1" => "J",
            "N" | "0" => "N",
            "" => "",
            other => {
                self.faults.add(Fault::UnknownCode, r.row, what, other, "it must be J or N (1 or 0)");
                ""
            }
        }
    }

    /// Brings records to the one that they belong to.
    fn join(&mut self) {
        let no_person = "no record PER has its person";
        for ((person, _), e) in &self.seen.enrolments {
            if !self.seen.persons.contains_key(person) {
                self.faults.add(Fault::NoParent, e.row, "ISG", "", no_person);
            }
        }
        for (key, period) in std::mem::take(&mut self.seen.periods) {
            match self.seen.enrolments.get_mut(&key) {
                Some(e) if e.periods.iter().any(|p| p.start == period.start) => {
                    let expected = "an enrolment has one record ISP per start";
                    self.faults.add(Fault::Repeated, period.row, "ISP", "", expected);
                }
                Some(e) => e.periods.push(period),
                None => self.faults.add(Fault::NoParent, period.row, "ISP", "", "no record ISG has its enrolment"),
            }
        }
        for (key, row, kind) in &self.seen.followers {
            if !self.seen.enrolments.contains_key(key) {
                self.faults.add(Fault::NoParent, *row, kind, "", "no record ISG has its enrolment");
            }
        }
        for (key, diploma) in &mut self.seen.diplomas {
            if let Some(level) = self.seen.levels.get(key) {
                diploma.level.clone_from(level);
            }
        }
        for enrolment in self.seen.enrolments.values_mut() {
            enrolment.end_periods();
        }
    }

    /// Control totals, and what a reader should know.
    fn close(&mut self, mut dialect: Dialect) -> Dialect {
        if self.seen.brin.is_empty() {
            self.faults
                .of_file(Fault::Required, "there is no record VLP with the BRIN: the file is cut off or changed");
        }
        let closing = self.layout.closing;
        match (&self.seen.stated, self.options.incomplete) {
            (None, false) => {
                let expected = format!("there is no record {closing} with the control totals: the file is cut off");
                self.faults.of_file(Fault::ControlTotal, expected);
            }
            (None, true) => dialect.notes.push(format!("there is no record {closing}: incomplete source")),
            (Some(stated), incomplete) => {
                for (kind, stated) in stated {
                    let found = self.found(kind);
                    dialect.control.insert((*kind).to_string(), Control { stated: *stated, found });
                    if found != *stated && !incomplete {
                        let expected = format!("{closing} counts {stated} {kind}, the file has {found}");
                        self.faults.of_file(Fault::ControlTotal, expected);
                    }
                }
            }
        }
        self.notes(&mut dialect);
        dialect
    }

    fn notes(&self, dialect: &mut Dialect) {
        let kept = ["VLP", "PER", "ISG", "ISP", "DIP"];
        for (kind, count) in self.seen.counts.iter().filter(|(k, _)| !kept.contains(*k)) {
            dialect.left_out.insert(format!("records {kind}"), *count);
        }
        let mut note = |count: usize, what: &str| {
            if count > 0 {
                dialect.notes.push(format!("{count} {what}"));
            }
        };
        note(
            self.masked.len(),
            "persons have a masked number, not a BSN or onderwijsnummer: they meet no other source",
        );
        let unknown = |(key, d): &(&Key, &Diploma)| {
            !d.enrolment.is_empty() && !self.seen.enrolments.contains_key(&(key.0.clone(), d.enrolment.clone()))
        };
        note(
            self.seen.diplomas.iter().filter(unknown).count(),
            "diplomas name an enrolment that is not in the file (it may lie outside its period)",
        );
        let outside = |e: &&Enrolment| {
            let is_outside =
                |p: &Period| e.start.is_some_and(|s| p.start < s) || e.end.is_some_and(|end| p.start > end);
            e.periods.iter().any(is_outside)
        };
        note(
            self.seen.enrolments.values().filter(outside).count(),
            "enrolments have a period that starts outside them",
        );
    }

    fn rows(&self, mut to: Holding, spec: &TableSpec, dialect: Dialect) -> Result<Held, InputError> {
        let source = self.layout.format.word();
        match spec.name {
            "pupil" => {
                for (key, p) in &self.seen.persons {
                    let birth = p.birth.map(Date::year_month);
                    let birth = birth.as_ref();
                    to.push(
                        p.row,
                        &[
                            key.into(),
                            self.id_kind(key).into(),
                            birth.into(),
                            p.age.into(),
                            (&p.sex).into(),
                            (&p.pc4).into(),
                            (&source).into(),
                            self.seen.created.into(),
                        ],
                    )?;
                }
            }
            "enrolment" => {
                for ((key, number), e) in &self.seen.enrolments {
                    for p in &e.periods {
                        to.push(p.row, &self.period_cells(key, number, e, p, &source))?;
                    }
                }
            }
            _ => {
                for ((key, result), d) in &self.seen.diplomas {
                    to.push(
                        d.row,
                        &[
                            key.into(),
                            self.id_kind(key).into(),
                            (&self.seen.brin).into(),
                            result.into(),
                            (&d.enrolment).into(),
                            (&d.crebo).into(),
                            (&d.level).into(),
                            d.date.into(),
                            d.funded.into(),
                            (&source).into(),
                            self.seen.created.into(),
                        ],
                    )?;
                }
            }
        }
        to.finish(dialect)
    }

    fn period_cells<'c>(
        &'c self,
        key: &'c String,
        number: &'c String,
        e: &'c Enrolment,
        p: &'c Period,
        source: &'c String,
    ) -> [Cell<'c>; 20] {
        [
            key.into(),
            self.id_kind(key).into(),
            (&self.seen.brin).into(),
            number.into(),
            p.start.into(),
            p.end.into(),
            e.start.into(),
            e.planned.into(),
            e.end.into(),
            (&e.reason).into(),
            (&p.crebo).into(),
            (&p.level).into(),
            (&p.track).into(),
            (&p.phase).into(),
            (&p.provider).into(),
            (&p.location).into(),
            p.funded.into(),
            source.into(),
            self.seen.created.into(),
            self.seen.until.into(),
        ]
    }

    fn id_kind(&self, key: &str) -> &'static str {
        match self.layout.id {
            IdKind::PgnIp => "pgn_ip",
            _ if self.masked.contains(key) => "pseudo",
            _ => "pgn",
        }
    }
}

impl Enrolment {
    /// A period without an end lasts until the day before the next one, else until the end of the enrolment.
    fn end_periods(&mut self) {
        self.periods.sort_by_key(|p| p.start);
        let next: Vec<Option<Day>> =
            self.periods.iter().skip(1).map(|p| Some(Day(p.start.0 - 1))).chain([self.end]).collect();
        for (period, next) in self.periods.iter_mut().zip(next) {
            period.end = period.end.or(next);
        }
    }
}
