//! The keys of pupils, found once per activity row. Where rows of a pupil do not stand together, the panel spends most of its time
//! here, waiting for memory. So a key is made a few machine words that stand in the slots of a flat table, where most keys are found
//! with one look, and the keys of a batch are found in a loop that does little else.

use std::hash::BuildHasher;
use std::ops::Range;

use arrow::array::Array;
use hashbrown::DefaultHashBuilder;
use rayon::prelude::*;

use crate::ingest::{Batch, Run, Text};
use crate::vocab::PupilIx;
use crate::vocab::ids::Ix;

/// What became of the key of a row.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Found {
    /// A part of the key is missing, or the key is empty.
    NoKey,
    /// No pupil has this key.
    Unknown,
    /// The pupil.
    Pupil(PupilIx),
}

impl Found {
    /// The pupil, if there is one.
    pub(super) fn pupil(self) -> Option<PupilIx> {
        match self {
            Found::Pupil(p) => Some(p),
            Found::NoKey | Found::Unknown => None,
        }
    }
}

/// Keys beside each other, in the order in which they were read.
#[derive(Default)]
pub(super) struct KeyList {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl KeyList {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    /// Makes room for the keys of all parts.
    pub(super) fn reserve<'k>(&mut self, parts: impl Iterator<Item = &'k KeyList> + Clone) {
        self.bytes.reserve_exact(parts.clone().map(|part| part.bytes.len()).sum());
        self.ends.reserve_exact(parts.map(KeyList::len).sum());
    }

    /// Adds all keys of another list behind its own.
    pub(super) fn append(&mut self, other: &KeyList) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| before + end));
    }

    fn get(&self, place: usize) -> &[u8] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.bytes[start..self.ends[place]]
    }

    /// The places of the keys in the order of the keys, of equal ones in the order in which they were read.
    fn order(&self) -> Vec<u32> {
        // The first bytes decide nearly always, and they stand beside each other.
        let first = |i: u32| {
            let key = self.get(i as usize);
            let mut bytes = [0; 8];
            let n = key.len().min(8);
            bytes[..n].copy_from_slice(&key[..n]);
            u64::from_be_bytes(bytes)
        };
        let places = 0..u32::try_from(self.len()).expect("fewer than 4 294 967 296 pupils");
        let mut order: Vec<(u64, u32)> = places.into_par_iter().map(|i| (first(i), i)).collect();
        order.par_sort_unstable_by(|a, b| {
            let whole = || self.get(a.1 as usize).cmp(self.get(b.1 as usize)).then(a.1.cmp(&b.1));
            a.0.cmp(&b.0).then_with(whole)
        });
        order.into_iter().map(|(_, i)| i).collect()
    }
}

/// The keys of pupils, found through their words.
///
/// They stay in the order in which the pupils were read: other tables have their pupils in the same order more often than not,
/// and then the next key stands behind the one before.
#[derive(Default)]
pub(super) struct Keys {
    list: KeyList,
    /// The pupil of each place.
    pupils: Vec<PupilIx>,
    /// The first place of each pupil.
    places: Vec<u32>,
    /// Open addressing, at most half full; its length is a power of two, or 0 without pupils.
    slots: Vec<Slot>,
    /// By chance, so that no file can be made whose keys all meet in one slot.
    seeds: [u64; 2],
    hasher: DefaultHashBuilder,
}

/// A word and the pupil whose key it is; flat, so that it takes 24 bytes and not 32.
#[derive(Clone, Copy)]
struct Slot {
    bits: [u64; 2],
    kind: u32,
    pupil: u32,
}

const FREE: Slot = Slot { bits: [0; 2], kind: 0, pupil: u32::MAX };

impl Slot {
    fn of(word: Word, pupil: PupilIx) -> Self {
        let pupil = u32::try_from(pupil.at()).expect("a pupil index has 32 bits");
        Self { bits: word.bits, kind: word.kind, pupil }
    }

    fn word(&self) -> Word {
        Word { bits: self.bits, kind: self.kind }
    }
}

/// A key in three machine words, so that it is compared where it is found. Equal words of another kind than [`HASHED`] are equal
/// keys.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word {
    bits: [u64; 2],
    /// How the bits are to be read, and of how many characters.
    kind: u32,
}

/// A whole number, whether it was read as a text or as a number.
const NUMBER: u32 = 1 << 8;
/// A text of at most 16 bytes.
const TEXT: u32 = 2 << 8;
/// At most 32 digits of a hexadecimal number, as pseudonyms are.
const HEXADECIMAL: u32 = 3 << 8;
/// A longer text, of which this is a hash: the keys themselves must be compared.
const HASHED: u32 = 4 << 8;

/// Words whose slots are looked at before they are needed.
const AHEAD: usize = 64;

/// Whole numbers of at most 18 digits are numbers; a longer one is a text, as [`number`] has it.
const MOST: i64 = 999_999_999_999_999_999;

impl Word {
    fn of_number(number: i64) -> Option<Self> {
        let bits = u64::try_from(number).ok().filter(|_| number <= MOST)?;
        Some(Self { bits: [bits, 0], kind: NUMBER })
    }

    /// At most 16 bytes.
    fn of_bytes(bytes: &[u8], kind: u32) -> Self {
        let mut both = [0; 16];
        both[..bytes.len()].copy_from_slice(bytes);
        let (halves, _) = both.as_chunks();
        Self { bits: [u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1])], kind }
    }

    /// At most 32 characters, if they are digits.
    fn of_digits(digits: &[u8]) -> Option<Self> {
        let mut bytes = [0; 16];
        for (i, digit) in digits.iter().enumerate() {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            bytes[i / 2] |= value << (4 * (i % 2));
        }
        Some(Self::of_bytes(&bytes, HEXADECIMAL | digits.len() as u32))
    }
}

/// The number that a key writes, when it is written as numbers are: `12`, not `012` or `+12`.
fn number(key: &[u8]) -> Option<i64> {
    let is_plain = !key.is_empty() && key.len() <= 18 && (key[0] != b'0' || key.len() == 1);
    (is_plain && key.iter().all(u8::is_ascii_digit))
        .then(|| key.iter().fold(0, |n, digit| 10 * n + i64::from(digit - b'0')))
}

impl Keys {
    /// Numbers the pupils of a list in the order of their keys.
    pub(super) fn of(list: KeyList) -> Self {
        let mut pupils = vec![PupilIx::from_position(0); list.len()];
        let mut places: Vec<u32> = Vec::with_capacity(list.len());
        for place in list.order() {
            let is_new = places.last().is_none_or(|last| list.get(*last as usize) != list.get(place as usize));
            if is_new {
                places.push(place);
            }
            pupils[place as usize] = PupilIx::from_position(places.len() - 1);
        }
        let hasher = DefaultHashBuilder::default();
        let seeds = [hasher.hash_one(0), hasher.hash_one(1)];
        let mut keys = Self { list, pupils, places, slots: Vec::new(), seeds, hasher };
        keys.slots = vec![FREE; (2 * keys.places.len()).next_power_of_two().max(1024)];
        // In the order of the places, as they are then read one after another.
        let words: Vec<Word> =
            (0..keys.list.len()).into_par_iter().map(|place| keys.word(keys.list.get(place))).collect();
        for (place, word) in words.into_iter().enumerate() {
            let pupil = keys.pupils[place];
            if keys.places[pupil.at()] as usize == place {
                keys.insert(Slot::of(word, pupil));
            }
        }
        keys
    }

    /// Number of pupils.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The pupil of each place of the list.
    pub(super) fn pupils(&self) -> &[PupilIx] {
        &self.pupils
    }

    /// The first place of each pupil in the list.
    pub(super) fn places(&self) -> &[u32] {
        &self.places
    }

    /// The key of a pupil.
    pub(super) fn get(&self, p: PupilIx) -> &[u8] {
        self.list.get(self.places[p.at()] as usize)
    }

    /// The pupil with this key.
    pub(super) fn find(&self, key: &[u8]) -> Option<PupilIx> {
        self.find_word(self.word(key), key)
    }

    /// Lets the keys go that came again, when nobody asks for their places any more.
    pub(super) fn forget_repeats(&mut self) {
        if self.places.len() == self.list.len() {
            return;
        }
        let (list, pupils) = (std::mem::take(&mut self.list), std::mem::take(&mut self.pupils));
        for (place, pupil) in pupils.into_iter().enumerate() {
            if self.places[pupil.at()] as usize == place {
                // No later place is compared with it: places only become smaller.
                self.places[pupil.at()] = u32::try_from(self.list.len()).expect("a place has 32 bits");
                self.list.push(list.get(place));
                self.pupils.push(pupil);
            }
        }
    }

    /// The pupils of a batch by their key `columns`; rows of one pupil that follow each other are one run.
    pub(super) fn find_runs(&self, batch: &Batch, columns: Range<usize>) -> Vec<Run<Found>> {
        let mut key = Vec::new();
        let mut word = |row: usize| {
            let is_there = batch.key(columns.clone(), row, &mut key) && !key.is_empty();
            is_there.then(|| self.word(&key))
        };
        let words = match (columns.len(), batch.columns[columns.start].text()) {
            (1, text @ Text::Int(numbers)) => {
                text.runs(|row| numbers.is_valid(row).then(|| self.word_of_number(numbers.value(row))))
            }
            (1, text) => text.runs(word),
            _ => (0..batch.rows).map(|row| Run { value: word(row), end: row + 1 }).collect(),
        };
        let (mut guess, mut start) = (Guess::first(), 0);
        let mut all = Vec::with_capacity(words.len());
        for some in words.chunks(AHEAD) {
            let guesses = guess.is_worth_it();
            if !guesses {
                self.touch(some);
            }
            for run in some {
                let row = std::mem::replace(&mut start, run.end);
                let mut pupil = |word: Word| {
                    if guesses || word.kind == HASHED {
                        batch.key(columns.clone(), row, &mut key);
                    }
                    if guesses { self.find_near(word, &key, &mut guess) } else { self.find_word(word, &key) }
                };
                let found = |word: Word| pupil(word).map_or(Found::Unknown, Found::Pupil);
                all.push(Run { value: run.value.map_or(Found::NoKey, found), end: run.end });
            }
        }
        all
    }

    /// As [`Keys::find_word`], where the pupil is guessed first.
    fn find_near(&self, word: Word, key: &[u8], guess: &mut Guess) -> Option<PupilIx> {
        let is_right = guess.place < self.list.len() && self.list.get(guess.place) == key;
        guess.note(is_right);
        let pupil = if is_right { Some(self.pupils[guess.place]) } else { self.find_word(word, key) };
        if let Some(pupil) = pupil {
            guess.place = self.places[pupil.at()] as usize + 1;
        }
        pupil
    }

    /// Looks at the first slots of some words, so that the processor has them at hand: in a loop that does nothing else it waits
    /// for many of them at once.
    fn touch(&self, words: &[Run<Option<Word>>]) {
        if self.slots.is_empty() {
            return;
        }
        // Its first and its last word: a slot may stand across two lines of the cache.
        let ends = |word: Word| {
            let slot = &self.slots[self.first_slot(word)];
            slot.bits[0] ^ u64::from(slot.pupil)
        };
        std::hint::black_box(words.iter().filter_map(|run| run.value).map(ends).fold(0, u64::wrapping_add));
    }

    fn word_of_number(&self, number: i64) -> Word {
        Word::of_number(number).unwrap_or_else(|| self.word(number.to_string().as_bytes()))
    }

    fn word(&self, key: &[u8]) -> Word {
        if let Some(word) = number(key).and_then(Word::of_number) {
            return word;
        }
        let exact = match key.len() {
            0..=16 => Some(Word::of_bytes(key, TEXT | key.len() as u32)),
            17..=32 => Word::of_digits(key),
            _ => None,
        };
        exact.unwrap_or_else(|| Word { bits: [self.hasher.hash_one(key), 0], kind: HASHED })
    }

    /// The pupil of a key by its word; the key itself is asked for only where the word is a hash.
    fn find_word(&self, word: Word, key: &[u8]) -> Option<PupilIx> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.first_slot(word);
        loop {
            let slot = &self.slots[at];
            if slot.pupil == FREE.pupil {
                return None;
            }
            let pupil = PupilIx::from_position(slot.pupil as usize);
            if slot.word() == word && (word.kind != HASHED || self.get(pupil) == key) {
                return Some(pupil);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn insert(&mut self, slot: Slot) {
        let mut at = self.first_slot(slot.word());
        while self.slots[at].pupil != FREE.pupil {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = slot;
    }

    /// Both halves times each other, folded, as in wyhash; the upper bits are the slot.
    fn first_slot(&self, word: Word) -> usize {
        let [a, b] = [word.bits[0] ^ self.seeds[0], word.bits[1] ^ self.seeds[1] ^ u64::from(word.kind)];
        let product = u128::from(a) * u128::from(b);
        let bits = self.slots.len().trailing_zeros();
        ((product as u64 ^ (product >> 64) as u64) >> (64 - bits)) as usize
    }
}

/// Guesses that the next rows are of the next pupil, until that is wrong too often in a batch.
struct Guess {
    place: usize,
    credit: u8,
}

impl Guess {
    const MOST: u8 = 32;

    fn first() -> Self {
        Self { place: 0, credit: Self::MOST / 4 }
    }

    fn is_worth_it(&self) -> bool {
        self.credit > 0
    }

    fn note(&mut self, is_right: bool) {
        self.credit = if is_right { (self.credit + 4).min(Self::MOST) } else { self.credit.saturating_sub(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Column;
    use arrow::array::Int64Array;

    fn keys_of<'k>(texts: impl IntoIterator<Item = &'k str>) -> Keys {
        let mut list = KeyList::default();
        texts.into_iter().for_each(|text| list.push(text.as_bytes()));
        Keys::of(list)
    }

    fn batch(keys: Text, rows: usize) -> Batch {
        Batch { rows, columns: vec![Column::Text(keys)] }
    }

    /// Keys of every kind: numbers, short and long texts, hexadecimal ones, and those that begin alike.
    fn texts() -> Vec<String> {
        let one = |i: u64| match i % 6 {
            0 => format!("{}", i * 7),
            1 => format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            2 => format!("{:032x}", u128::from(i) << 64 | u128::from(i)),
            3 => format!("leerling {}", i * 7),
            4 => format!("een leerling met een lange naam {}", i * 7),
            _ => format!("0{i}"),
        };
        (0..6_000).map(one).collect()
    }

    #[test]
    fn a_number_of_nineteen_digits_is_found_as_number_and_as_text() {
        let numbers = [7_i64, 999_999_999_999_999_999, 1_000_000_000_000_000_000, i64::MAX, -5];
        let texts = numbers.map(|n| n.to_string());
        let keys = keys_of(texts.iter().map(String::as_str));
        let batch = batch(Text::Int(Int64Array::from(numbers.to_vec())), numbers.len());
        for (i, (n, run)) in numbers.iter().zip(keys.find_runs(&batch, 0..1)).enumerate() {
            let pupil = run.value.pupil();
            assert!(pupil.is_some_and(|p| keys.places()[p.at()] as usize == i), "{n} as a number");
            assert!(keys.find(n.to_string().as_bytes()) == pupil, "{n} as a text");
        }
    }

    #[test]
    fn numbers_are_only_those_that_print_as_the_key() {
        assert_eq!(number(b"12"), Some(12));
        assert_eq!(number(b"0"), Some(0));
        for other in [&b"012"[..], b"+12", b"-1", b"", b"1a", b"9223372036854775808"] {
            assert_eq!(number(other), None);
        }
    }

    #[test]
    fn every_key_is_found_and_no_other() {
        let texts = texts();
        let keys = keys_of(texts.iter().map(String::as_str));
        let mut sorted = texts.clone();
        sorted.sort();
        for (i, text) in sorted.iter().enumerate() {
            let p = PupilIx::from_position(i);
            assert!(keys.find(text.as_bytes()) == Some(p) && keys.get(p) == text.as_bytes());
        }
        let strangers =
            ["1", "leerling 2", "een leerling met een lange naam 1", "00", "0000000000000000", &"f".repeat(32)];
        for other in strangers {
            assert!(keys.find(other.as_bytes()).is_none(), "{other}");
        }
        assert!(Keys::default().find(b"1").is_none());
    }

    #[test]
    fn words_of_different_keys_differ_unless_they_are_hashed() {
        let keys = Keys::default();
        let zeros = [17, 18, 32].map(|n| "0".repeat(n));
        let texts = ["7", "07", "7a", "a7", "7a00", "", "\0", "\0\0", "00", "000", "0000000000000000"];
        let all: Vec<&str> = texts.into_iter().chain(zeros.iter().map(String::as_str)).collect();
        for a in &all {
            for b in &all {
                let (one, other) = (keys.word(a.as_bytes()), keys.word(b.as_bytes()));
                assert!((one == other) == (a == b), "{a:?} and {b:?}");
                assert!(one.kind != HASHED);
            }
        }
        assert!(keys.word(&[b'x'; 17]).kind == HASHED);
    }

    #[test]
    fn a_key_that_came_twice_is_one_pupil_and_rows_are_found_in_any_order() {
        let texts: Vec<String> = texts().into_iter().take(60).collect();
        let twice = texts.iter().chain(&texts[10..20]);
        let keys = keys_of(twice.map(String::as_str));
        assert_eq!((keys.len(), keys.pupils().len()), (60, 70));
        assert!((0..10).all(|i| keys.pupils()[10 + i] == keys.pupils()[60 + i]));
        let again = keys_of(["b", "a", "b", "c"]);
        assert_eq!(again.places(), [1, 0, 3]);
        let mut keys = keys;
        keys.forget_repeats();
        assert_eq!((keys.len(), keys.pupils().len(), keys.list.len()), (60, 60, 60));
        // In the order of the pupils, so that the guess is right; backwards, so that it is wrong; with gaps, repeats and strangers.
        let forwards: Vec<&str> = texts.iter().map(String::as_str).collect();
        let backwards: Vec<&str> = forwards.iter().rev().copied().collect();
        let mixed: Vec<&str> = (0..400).map(|i| if i % 7 == 0 { "niemand" } else { forwards[i * i % 60] }).collect();
        let repeated: Vec<&str> = forwards.iter().flat_map(|text| [*text; 3]).collect();
        for rows in [forwards, backwards, mixed, repeated] {
            let batch = batch(Text::Plain(rows.iter().copied().map(Some).collect()), rows.len());
            let mut start = 0;
            for run in keys.find_runs(&batch, 0..1) {
                for text in &rows[start..run.end] {
                    assert!(run.value.pupil() == keys.find(text.as_bytes()), "{text}");
                }
                start = run.end;
            }
            assert_eq!(start, rows.len());
        }
    }
}
