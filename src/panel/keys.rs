//! The keys of pupils, found once per activity row: the panel spends most of its time here, waiting for
//! memory. So a key is looked for by one word of 64 bits in a flat table, and the keys of a batch are found
//! in a loop that does nothing else, which lets the processor wait for many of them at once.

use std::hash::BuildHasher;
use std::ops::Range;

use arrow::array::{Array, Int64Array};
use hashbrown::DefaultHashBuilder;
use rayon::prelude::*;

use crate::ingest::{Batch, Text};
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

/// Keys in one arena, by position; found through their words.
pub(super) struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Open addressing, at most half full; its length is a power of two.
    slots: Vec<Slot>,
    hasher: DefaultHashBuilder,
}

#[derive(Clone, Copy)]
struct Slot {
    word: u64,
    position: u32,
}

const FREE: Slot = Slot { word: 0, position: u32::MAX };

/// Set in the word of a key that is a whole number: there the word is the key. In other words it is not set
/// and they are a hash, so that the key itself must be compared.
const EXACT: u64 = 1 << 63;

impl Keys {
    /// Room for about so many keys; more may come.
    pub(super) fn with_capacity(keys: usize) -> Self {
        Self {
            bytes: Vec::new(),
            ends: Vec::with_capacity(keys),
            slots: vec![FREE; (2 * keys).next_power_of_two().max(1024)],
            hasher: DefaultHashBuilder::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The key at a position.
    pub(super) fn get(&self, position: usize) -> &[u8] {
        let start = if position == 0 { 0 } else { self.ends[position - 1] };
        &self.bytes[start..self.ends[position]]
    }

    /// The position of a key.
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        self.find_word(self.word(key), key)
    }

    /// Adds a key that is not there yet.
    pub(super) fn push(&mut self, key: &[u8]) {
        let position = u32::try_from(self.len()).expect("fewer than 4 294 967 296 pupils");
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        if 2 * self.len() > self.slots.len() {
            let room = vec![FREE; 2 * self.slots.len()];
            let old = std::mem::replace(&mut self.slots, room);
            for slot in old.into_iter().filter(|s| s.position != FREE.position) {
                self.insert(slot);
            }
        }
        self.insert(Slot { word: self.word(key), position });
    }

    /// Positions in the order of their keys.
    pub(super) fn order(&self) -> Vec<u32> {
        // The first bytes decide nearly always, and they stand beside each other.
        let first = |i: u32| {
            let key = self.get(i as usize);
            let mut bytes = [0; 8];
            let n = key.len().min(8);
            bytes[..n].copy_from_slice(&key[..n]);
            u64::from_be_bytes(bytes)
        };
        let positions = 0..u32::try_from(self.len()).expect("as many as were pushed");
        let mut order: Vec<(u64, u32)> = positions.map(|i| (first(i), i)).collect();
        order.par_sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| self.get(a.1 as usize).cmp(self.get(b.1 as usize)))
        });
        order.into_iter().map(|(_, i)| i).collect()
    }

    /// The same keys at the positions that `order` gives them.
    pub(super) fn reordered(mut self, order: &[u32]) -> Self {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut ends = Vec::with_capacity(order.len());
        let mut new = vec![0; order.len()];
        for (position, &old) in order.iter().enumerate() {
            bytes.extend_from_slice(self.get(old as usize));
            ends.push(bytes.len());
            new[old as usize] = u32::try_from(position).expect("as many as before");
        }
        for slot in self.slots.iter_mut().filter(|s| s.position != FREE.position) {
            slot.position = new[slot.position as usize];
        }
        Self { bytes, ends, ..self }
    }

    /// The pupils of all rows of a batch by their key `columns`.
    pub(super) fn find_all(&self, batch: &Batch, columns: Range<usize>) -> Vec<Found> {
        let of_key = |key: Option<&[u8]>| match key {
            Some(key) if !key.is_empty() => as_found(self.find(key)),
            _ => Found::NoKey,
        };
        match (columns.len(), batch.columns[columns.start].text()) {
            (1, Text::Int(numbers)) => self.find_numbers(numbers),
            (1, text) => text.each(of_key),
            _ => {
                let mut key = Vec::new();
                let one = |row: usize| of_key(batch.key(columns.clone(), row, &mut key).then_some(&key));
                (0..batch.rows).map(one).collect()
            }
        }
    }

    fn find_numbers(&self, numbers: &Int64Array) -> Vec<Found> {
        let one = |row: usize| {
            if numbers.is_null(row) {
                return Found::NoKey;
            }
            let number = numbers.value(row);
            match word_of_number(number) {
                Some(word) => as_found(self.find_word(word, &[])),
                None => as_found(self.find(number.to_string().as_bytes())),
            }
        };
        (0..numbers.len()).map(one).collect()
    }

    fn word(&self, key: &[u8]) -> u64 {
        number(key).and_then(word_of_number).unwrap_or_else(|| self.hasher.hash_one(key) & !EXACT)
    }

    fn find_word(&self, word: u64, key: &[u8]) -> Option<usize> {
        let mut at = self.first_slot(word);
        loop {
            let slot = self.slots[at];
            if slot.position == FREE.position {
                return None;
            }
            if slot.word == word && (word & EXACT != 0 || self.get(slot.position as usize) == key) {
                return Some(slot.position as usize);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn insert(&mut self, slot: Slot) {
        let mut at = self.first_slot(slot.word);
        while self.slots[at].position != FREE.position {
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

fn as_found(position: Option<usize>) -> Found {
    position.map_or(Found::Unknown, |p| Found::Pupil(PupilIx::from_position(p)))
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

    #[test]
    fn a_number_of_nineteen_digits_is_found_as_number_and_as_text() {
        let numbers = [7_i64, 999_999_999_999_999_999, 1_000_000_000_000_000_000, i64::MAX, -5];
        let mut keys = Keys::with_capacity(0);
        numbers.iter().for_each(|n| keys.push(n.to_string().as_bytes()));
        let found = keys.find_numbers(&Int64Array::from(numbers.to_vec()));
        for (i, (n, f)) in numbers.iter().zip(&found).enumerate() {
            assert!(matches!(f, Found::Pupil(p) if p.at() == i), "{n} as a number");
            assert!(keys.find(n.to_string().as_bytes()) == Some(i), "{n} as a text");
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
    fn every_key_is_found_after_sorting_and_no_other() {
        let mut keys = Keys::with_capacity(0);
        let texts: Vec<String> =
            (0..5_000).map(|i| if i % 2 == 0 { format!("{}", i * 7) } else { format!("leerling {}", i * 7) }).collect();
        for text in &texts {
            assert!(keys.find(text.as_bytes()).is_none());
            keys.push(text.as_bytes());
        }
        let order = keys.order();
        let keys = keys.reordered(&order);
        let mut sorted = texts.clone();
        sorted.sort();
        for (i, text) in sorted.iter().enumerate() {
            assert_eq!(keys.find(text.as_bytes()), Some(i));
            assert_eq!(keys.get(i), text.as_bytes());
        }
        assert_eq!(keys.find(b"1"), None);
        assert_eq!(keys.find(b"leerling 2"), None);
    }
}
