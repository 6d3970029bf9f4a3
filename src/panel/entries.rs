//! The enrolments that count, per pupil and probe: read once, in any order of rows.

use std::cmp::Ordering;

use hashbrown::HashMap;

use super::enrolled::count_date;
use super::flow::{Ended, Step};
use super::pupils::{NO_DAY, Pupils, day_at, number_at};
use super::question::{Probe, Question, position_or_push};
use crate::ingest::{As, Batch, Want};
use crate::study::file::Enrolments;
use crate::vocab::ids::Ix;
use crate::vocab::{DiplomaKind, PupilIx, Trait, leerwegen};

/// Answer to a probe that found nothing.
pub(super) const INACTIVE: u32 = u32::MAX;

/// What is read of the enrolment table, and where each thing stands.
pub(super) struct Columns {
    pub(super) wants: Vec<Want>,
    keys: usize,
    from: usize,
    to: usize,
    sector: usize,
    programme: Option<usize>,
    domain: Option<usize>,
    institution: Option<usize>,
    track: Option<usize>,
    level: Option<usize>,
    diploma: Option<usize>,
}

impl Columns {
    pub(super) fn new(e: &Enrolments) -> Self {
        let mut wants: Vec<Want> = e.key.0.iter().map(|n| Want::new(n, As::Text)).collect();
        let keys = wants.len();
        let mut push = |name: &str, as_: As| {
            wants.push(Want::new(name, as_));
            wants.len() - 1
        };
        let (from, to, sector) = (push(&e.from, As::Day), push(&e.to, As::Day), push(&e.sector, As::Text));
        let mut maybe = |name: &Option<String>, as_: As| name.as_ref().map(|n| push(n, as_));
        let programme = maybe(&e.programme, As::Text);
        let domain = maybe(&e.domain, As::Text);
        let institution = maybe(&e.institution, As::Text);
        let track = maybe(&e.track, As::Text);
        let level = maybe(&e.level, As::Number);
        let diploma = maybe(&e.diploma, As::Day);
        Self { wants, keys, from, to, sector, programme, domain, institution, track, level, diploma }
    }
}

/// One enrolment, its texts as codes of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    order: u8,
    programme: u32,
    domain: u32,
    institution: u32,
    pub(super) track: u32,
    /// 0 when there is none.
    level: u8,
    pub(super) sector: u32,
}

impl Entry {
    pub(super) fn text(&self, by: Trait) -> u32 {
        match by {
            Trait::Programme => self.programme,
            Trait::Domain => self.domain,
            Trait::Institution => self.institution,
        }
    }

    pub(super) fn level(&self) -> Option<u8> {
        Some(self.level).filter(|level| *level > 0)
    }
}

/// The first day of a diploma of a kind, and of one that may be of that kind.
#[derive(Clone, Copy)]
pub(super) struct DiplomaDays {
    pub(super) day: i32,
    /// Mbo without a level, where the level matters.
    pub(super) unclear: i32,
}

/// Codes of the words of a batch, by row.
struct Words {
    sector: Option<Vec<u32>>,
    programme: Option<Vec<u32>>,
    domain: Option<Vec<u32>>,
    institution: Option<Vec<u32>>,
    track: Option<Vec<u32>>,
    /// Code of no word.
    blank: u32,
}

impl Words {
    fn of(entries: &mut Entries<'_>, batch: &Batch, columns: &Columns) -> Self {
        let mut codes = |column: Option<usize>| {
            let text = batch.columns[column?].text();
            Some(text.each(|word| entries.word_code(word.unwrap_or_default())))
        };
        Self {
            sector: codes(Some(columns.sector)),
            programme: codes(columns.programme),
            domain: codes(columns.domain),
            institution: codes(columns.institution),
            track: codes(columns.track),
            blank: entries.word_code(b""),
        }
    }
}

/// What was found.
pub(super) struct Entries<'p> {
    pupils: &'p Pupils,
    probes: Vec<Probe>,
    /// Pupils × probes: position in `entries`, or `INACTIVE`.
    answers: Vec<u32>,
    kinds: Vec<DiplomaKind>,
    /// Pupils × kinds.
    diplomas: Vec<DiplomaDays>,
    entries: Vec<Entry>,
    index: HashMap<Entry, u32>,
    words: Vec<String>,
    word_codes: HashMap<Vec<u8>, u32>,
    dates: HashMap<(i32, u8), i32>,
}

impl<'p> Entries<'p> {
    pub(super) fn new<'q>(pupils: &'p Pupils, questions: impl Iterator<Item = &'q Question>) -> Self {
        let (mut probes, mut kinds) = (Vec::new(), Vec::new());
        for question in questions {
            for probe in &question.probes {
                position_or_push(&mut probes, *probe);
            }
            for diploma in &question.diplomas {
                position_or_push(&mut kinds, diploma.of);
            }
        }
        Self {
            pupils,
            answers: vec![INACTIVE; pupils.len() * probes.len()],
            probes,
            diplomas: vec![DiplomaDays { day: NO_DAY, unclear: NO_DAY }; pupils.len() * kinds.len()],
            kinds,
            entries: Vec::new(),
            index: HashMap::new(),
            words: Vec::new(),
            word_codes: HashMap::new(),
            dates: HashMap::new(),
        }
    }

    /// Position of a probe that was asked.
    pub(super) fn position(&self, probe: Probe) -> usize {
        self.probes.iter().position(|q| *q == probe).expect("every probe was asked")
    }

    /// Code of the entry that answers the probe at a position.
    pub(super) fn answer(&self, p: PupilIx, probe: usize) -> u32 {
        self.answers[p.at() * self.probes.len() + probe]
    }

    /// The entry of an answer.
    pub(super) fn entry(&self, code: u32) -> Option<&Entry> {
        if code == INACTIVE { None } else { Some(&self.entries[code as usize]) }
    }

    pub(super) fn word(&self, code: u32) -> &str {
        &self.words[code as usize]
    }

    pub(super) fn is_blank(&self, code: u32) -> bool {
        self.word(code).is_empty()
    }

    /// Days of a kind of diploma that was asked.
    pub(super) fn diploma(&self, p: PupilIx, of: DiplomaKind) -> DiplomaDays {
        let kind = self.kinds.iter().position(|k| *k == of).expect("every kind was asked");
        self.diplomas[p.at() * self.kinds.len() + kind]
    }

    pub(super) fn batch(&mut self, batch: &Batch, columns: &Columns, ended: &mut Ended) {
        let pupils = self.pupils;
        let words = Words::of(self, batch, columns);
        for (row, found) in pupils.find_all(batch, 0..columns.keys).into_iter().enumerate() {
            let Some(p) = found.pupil() else {
                ended.add(None, Step::UnknownPupil);
                continue;
            };
            let from = day_at(batch, columns.from, row);
            ended.add(Some(pupils.school[p]), if from == NO_DAY { Step::NoDate } else { Step::Used });
            if from == NO_DAY || !pupils.days[p].has_landmark() {
                continue;
            }
            let level = columns.level.map_or(0.0, |c| number_at(batch, c, row));
            let entry = self.read(&words, row, level);
            self.note(p, entry, from, day_at(batch, columns.to, row));
            if let Some(column) = columns.diploma {
                self.note_diploma(p, entry, day_at(batch, column, row));
            }
        }
    }

    fn read(&self, words: &Words, row: usize, level: f64) -> Entry {
        let word = |of: &Option<Vec<u32>>| of.as_ref().map_or(words.blank, |codes| codes[row]);
        let (sector, track) = (word(&words.sector), word(&words.track));
        let level = [1, 2, 3, 4].into_iter().find(|l| f64::from(*l) == level).unwrap_or(0);
        let order = leerwegen::order(self.word(sector), self.word(track));
        let [programme, domain, institution] = [&words.programme, &words.domain, &words.institution].map(word);
        Entry { order, programme, domain, institution, track, level, sector }
    }

    /// Notes an enrolment for every probe that it answers.
    fn note(&mut self, p: PupilIx, entry: Entry, from: i32, to: i32) {
        let landmark = self.pupils.days[p].landmark;
        for i in 0..self.probes.len() {
            let probe = self.probes[i];
            let on = *self.dates.entry((landmark, probe.k)).or_insert_with(|| count_date(landmark, probe.k));
            let is_active = from <= on && (to == NO_DAY || on <= to);
            if is_active && probe.sector.is_none_or(|s| self.word(entry.sector) == s) {
                let at = p.at() * self.probes.len() + i;
                let before = self.entry(self.answers[at]);
                if before.is_none_or(|before| self.goes_before(&entry, before)) {
                    self.answers[at] = self.code(entry);
                }
            }
        }
    }

    fn note_diploma(&mut self, p: PupilIx, entry: Entry, day: i32) {
        if day == NO_DAY {
            return;
        }
        let sector = self.word(entry.sector);
        let (is_mbo, is_above) = (sector == leerwegen::MBO, leerwegen::ABOVE_MBO.contains(&sector));
        for (i, kind) in self.kinds.iter().enumerate() {
            let days = &mut self.diplomas[p.at() * self.kinds.len() + i];
            let counts = match kind {
                DiplomaKind::Mbo => Some(is_mbo),
                DiplomaKind::Startkwalificatie if is_mbo => entry.level().map(|level| level >= 2),
                DiplomaKind::Startkwalificatie => Some(is_above),
            };
            let earlier = |noted: i32| if noted == NO_DAY { day } else { noted.min(day) };
            match counts {
                Some(true) => days.day = earlier(days.day),
                Some(false) => {}
                None => days.unclear = earlier(days.unclear),
            }
        }
    }

    /// The order in which one of two enrolments counts, so that a pupil with two at once counts once and the order of rows
    /// does not matter.
    fn goes_before(&self, a: &Entry, b: &Entry) -> bool {
        let by_word = |x: u32, y: u32| if x == y { Ordering::Equal } else { self.word(x).cmp(self.word(y)) };
        let order = a
            .order
            .cmp(&b.order)
            .then_with(|| by_word(a.programme, b.programme))
            .then_with(|| by_word(a.domain, b.domain))
            .then_with(|| by_word(a.institution, b.institution))
            .then_with(|| by_word(a.track, b.track))
            .then_with(|| a.level.cmp(&b.level))
            .then_with(|| by_word(a.sector, b.sector));
        order == Ordering::Less
    }

    fn code(&mut self, entry: Entry) -> u32 {
        let next = u32::try_from(self.entries.len()).expect("fewer kinds of enrolment than enrolments");
        let code = *self.index.entry(entry).or_insert(next);
        if code == next {
            self.entries.push(entry);
        }
        code
    }

    fn word_code(&mut self, text: &[u8]) -> u32 {
        if let Some(&code) = self.word_codes.get(text) {
            return code;
        }
        let code = u32::try_from(self.words.len()).expect("fewer words than enrolments");
        self.word_codes.insert(text.to_vec(), code);
        self.words.push(String::from_utf8_lossy(text).into_owned());
        code
    }
}
