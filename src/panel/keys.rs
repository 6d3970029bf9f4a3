//! The keys of pupils, found once per activity row. Where rows of a pupil do not stand together, the panel spends most of its time
//! here, waiting for memory. So a key is looked for by one word of 64 bits in a flat table, and the keys of a batch are found
//! in a loop that does nothing else, which lets the processor wait for many of them at once.

use std::hash::BuildHasher;
use std::ops::Range;

use arrow::array::{Array, Int64Array};
use hashbrown::DefaultHashBuilder;
use rayon::prelude::*;

use crate::ingest::{Batch, Run, Text, runs};
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
    hasher: DefaultHashBuilder,
}

#[derive(Clone, Copy)]
struct Slot {
    word: u64,
    place: u32,
}

const FREE: Slot = Slot { word: 0, place: u32::MAX };

/// Set in the word of a key that is a whole number: there the word is the key. In other words it is not set
/// and they are a hash, so that the key itself must be compared.
const EXACT: u64 = 1 << 63;

/// Row before the first, from which a batch starts.
const NOWHERE: usize = usize::MAX;

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
        let mut keys = Self { list, pupils, places, slots: Vec::new(), hasher: DefaultHashBuilder::default() };
        keys.slots = vec![FREE; (2 * keys.places.len()).next_power_of_two().max(1024)];
        // In the order of the places, as they are then read one after another.
        let words: Vec<u64> =
            (0..keys.list.len()).into_par_iter().map(|place| keys.word(keys.list.get(place))).collect();
        for (place, word) in (0..).zip(words) {
            if keys.places[keys.pupils[place as usize].at()] == place {
                keys.insert(Slot { word, place });
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
        Some(self.pupils[self.find_word(self.word(key), key)?])
    }

    /// The pupil of a row, as [`Keys::find`], who is often that of the row before, whose place `near` is, or the next one.
    fn find_near(&self, key: &[u8], near: &mut usize) -> Option<PupilIx> {
        let is_at = |place: usize| place < self.list.len() && self.list.get(place) == key;
        let next = near.wrapping_add(1);
        if is_at(next) {
            *near = next;
        } else if !is_at(*near) {
            *near = self.find_word(self.word(key), key)?;
        }
        Some(self.pupils[*near])
    }

    /// The pupils of a batch by their key `columns`; rows of one pupil that follow each other are one run.
    pub(super) fn find_runs(&self, batch: &Batch, columns: Range<usize>) -> Vec<Run<Found>> {
        let mut near = NOWHERE;
        let mut of_key = |key: Option<&[u8]>| match key {
            Some(key) if !key.is_empty() => self.find_near(key, &mut near).map_or(Found::Unknown, Found::Pupil),
            _ => Found::NoKey,
        };
        match (columns.len(), batch.columns[columns.start].text()) {
            (1, Text::Int(numbers)) => self.find_numbers(numbers),
            (1, text) => text.runs(of_key),
            _ => {
                let mut key = Vec::new();
                let mut one = |row: usize| of_key(batch.key(columns.clone(), row, &mut key).then_some(&key));
                (0..batch.rows).map(|row| Run { value: one(row), end: row + 1 }).collect()
            }
        }
    }

    fn find_numbers(&self, numbers: &Int64Array) -> Vec<Run<Found>> {
        let get = |row: usize| numbers.is_valid(row).then(|| numbers.value(row));
        let found = |number: i64| {
            let pupil = match word_of_number(number) {
                Some(word) => self.find_word(word, &[]).map(|place| self.pupils[place]),
                None => self.find(number.to_string().as_bytes()),
            };
            pupil.map_or(Found::Unknown, Found::Pupil)
        };
        runs(numbers.len(), |row| get(row) == get(row - 1), |row| get(row).map_or(Found::NoKey, found))
    }

    fn word(&self, key: &[u8]) -> u64 {
        number(key).and_then(word_of_number).unwrap_or_else(|| self.hasher.hash_one(key) & !EXACT)
    }

    /// The place of a key by its word.
    fn find_word(&self, word: u64, key: &[u8]) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.first_slot(word);
        loop {
            let slot = self.slots[at];
            if slot.place == FREE.place {
                return None;
            }
            if slot.word == word && (word & EXACT != 0 || self.list.get(slot.place as usize) == key) {
                return Some(slot.place as usize);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn insert(&mut self, slot: Slot) {
        let mut at = self.first_slot(slot.word);
        while self.slots[at].place != FREE.place {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = slot;
    }

    /// Multiplicative hashing (Knuth, TAOCP 6.4): the upper bits of the word times 2⁶⁴ / golden ratio.
    fn first_slot(&self, word: u64) -> usize {
        let bits = self.slots.len().trailing_zeros();
        (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - bits)) as usize
    }
}

/// Whole numbers of at most 18 digits are their own word; the text of a longer one is hashed, as [`number`] has it.
const MOST: i64 = 999_999_999_999_999_999;

/// The word of a whole number that fits.
fn word_of_number(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|_| number <= MOST).map(|n| n | EXACT)
}

/// The number that a key writes, when it is written as numbers are: `12`, not `012` or `+12`.
fn number(key: &[u8]) -> Option<i64> {
    let is_plain = !key.is_empty() && key.len() <= 18 && (key[0] != b'0' || key.len() == 1);
    (is_plain && key.iter().all(u8::is_ascii_digit))
        .then(|| key.iter().fold(0, |n, digit| 10 * n + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of<'k>(texts: impl IntoIterator<Item = &'k str>) -> Keys {
        let mut list = KeyList::default();
        texts.into_iter().for_each(|text| list.push(text.as_bytes()));
        Keys::of(list)
    }

    #[test]
    fn a_number_of_nineteen_digits_is_found_as_number_and_as_text() {
        let numbers = [7_i64, 999_999_999_999_999_999, 1_000_000_000_000_000_000, i64::MAX, -5];
        let texts = numbers.map(|n| n.to_string());
        let keys = keys_of(texts.iter().map(String::as_str));
        let found = keys.find_numbers(&Int64Array::from(numbers.to_vec()));
        for (i, (n, run)) in numbers.iter().zip(&found).enumerate() {
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
        let texts: Vec<String> =
            (0..5_000).map(|i| if i % 2 == 0 { format!("{}", i * 7) } else { format!("leerling {}", i * 7) }).collect();
        let keys = keys_of(texts.iter().map(String::as_str));
        let mut sorted = texts.clone();
        sorted.sort();
        for (i, text) in sorted.iter().enumerate() {
            let p = PupilIx::from_position(i);
            assert!(keys.find(text.as_bytes()) == Some(p) && keys.get(p) == text.as_bytes());
        }
        assert!(keys.find(b"1").is_none() && keys.find(b"leerling 2").is_none());
        assert!(Keys::default().find(b"1").is_none());
    }

    #[test]
    fn a_key_that_came_twice_is_one_pupil_and_rows_are_found_in_any_order() {
        let keys = keys_of(["b", "a", "b", "c", "a"]);
        assert_eq!((keys.len(), keys.places()), (3, &[1, 0, 3][..]));
        assert!(keys.pupils().iter().map(|p| p.at()).eq([1, 0, 1, 2, 0]));
        // Each after each, so that every guess from the row before is tried, right and wrong.
        for first in ["a", "b", "c", "x"] {
            for second in ["a", "b", "c", "x"] {
                let mut near = NOWHERE;
                for text in [first, second] {
                    assert!(
                        keys.find_near(text.as_bytes(), &mut near) == keys.find(text.as_bytes()),
                        "{first}{second}"
                    );
                }
            }
        }
    }
}
