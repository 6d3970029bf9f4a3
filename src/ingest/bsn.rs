//! Recognises citizen service numbers (BSN) and onderwijsnummers by the 11-test, in columns, texts and file names.
//!
//! One random 9-digit number in eleven passes the test, so passing proves nothing about one number. Of a column the
//! share of *different* numbers that pass decides (`formats.md` §14.2).

use std::collections::BTreeMap;

/// 9a₁+8a₂+…+2a₈−a₉ ≡ 0 (mod 11), over nine ASCII digits; 000000000 and numbers that begin with 000 are no BSN
/// (`formats.md` §14.2).
///
/// ```
/// use lob_effect::ingest::eleven_test;
/// assert!(eleven_test(b"123456782"));
/// assert!(!eleven_test(b"123456783"));
/// ```
pub fn eleven_test(digits: &[u8]) -> bool {
    if digits.len() != 9 || !digits.iter().all(u8::is_ascii_digit) || digits.starts_with(b"000") {
        return false;
    }
    let weights = [9, 8, 7, 6, 5, 4, 3, 2, -1];
    let sum: i32 = digits.iter().zip(weights).map(|(d, weight)| i32::from(d - b'0') * weight).sum();
    sum % 11 == 0
}

/// The 9-digit numbers of a text that stand alone: no letter, digit or decimals touch them. Points and spaces inside
/// a number, as people write them (`1234.56.782`, `123 456 782`), are seen through. What stands before it hides none:
/// `klas 4 123456782` and `12,123456782,3` hold one. A comma between nine digits and others separates; only a point is
/// a decimal sign here, and `.0` after nine digits is how a whole number comes out of a column of decimals.
pub fn nine_digit_numbers(text: &[u8], mut found: impl FnMut([u8; 9])) {
    // Nearly every cell is shorter, or has fewer digits: nothing to do.
    if text.len() < 9 || text.iter().filter(|b| b.is_ascii_digit()).count() < 9 {
        return;
    }
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let number = Number::at(text, at);
        if number.stands_alone(text) {
            found(number.digits);
            at = number.end;
        } else {
            // The next group may begin a number of its own.
            at = number.first_end;
        }
    }
}

/// Digits of a text with the marks between them.
struct Number {
    start: usize,
    end: usize,
    /// End of the first group.
    first_end: usize,
    /// The first nine.
    digits: [u8; 9],
    /// Lengths of the groups between marks.
    groups: [usize; 4],
    marks: usize,
}

impl Number {
    /// The number that begins at `start`. A mark between two groups is one point or space.
    fn at(text: &[u8], start: usize) -> Self {
        let mut number = Self { start, end: start, first_end: start, digits: [0; 9], groups: [0; 4], marks: 0 };
        let (mut at, mut n) = (start, 0);
        while at < text.len() {
            match text[at] {
                digit if digit.is_ascii_digit() => {
                    if let Some(slot) = number.digits.get_mut(n) {
                        *slot = digit;
                    }
                    n += 1;
                    number.groups[number.marks.min(3)] += 1;
                    number.end = at + 1;
                    if number.marks == 0 {
                        number.first_end = at + 1;
                    }
                }
                b'.' | b' ' if n < 9 && text.get(at + 1).is_some_and(u8::is_ascii_digit) => number.marks += 1,
                _ => break,
            }
            at += 1;
        }
        number
    }

    fn stands_alone(&self, text: &[u8]) -> bool {
        let is_nine = match self.marks {
            0 => self.groups[0] == 9,
            // The ways in which people write them; 0.12345678 is a decimal number.
            2 => matches!(self.groups[..3], [4, 2, 3] | [3, 3, 3]),
            _ => false,
        };
        let byte = |i: Option<usize>| i.and_then(|i| text.get(i).copied());
        let is_word = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0x80);
        let is_decimal =
            |mark: Option<u8>, digit: Option<u8>| mark == Some(b'.') && digit.is_some_and(|d| d.is_ascii_digit());
        let before = (byte(self.start.checked_sub(1)), byte(self.start.checked_sub(2)));
        let after = (byte(Some(self.end)), byte(Some(self.end + 1)));
        // The space that does not break, in UTF-8.
        let hard_space = (Some(0xc2), Some(0xa0));
        let is_touched_before = is_word(before.0) && (before.1, before.0) != hard_space;
        let is_touched_after = is_word(after.0) && after != hard_space;
        is_nine
            && !is_touched_before
            && !is_touched_after
            && !is_decimal(before.0, before.1)
            && (!is_decimal(after.0, after.1) || self.has_only_zeros_behind(text))
    }

    /// Whether the decimals after it are zeros: a whole number that was kept as a decimal one.
    fn has_only_zeros_behind(&self, text: &[u8]) -> bool {
        let zeros = text[self.end + 1..].iter().take_while(|b| **b == b'0').count();
        zeros > 0 && !text.get(self.end + 1 + zeros).is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80)
    }
}

/// Whether a text, such as a file name, holds a number that passes the test.
pub fn holds_bsn(text: &str) -> bool {
    let mut any = false;
    nine_digit_numbers(text.as_bytes(), |digits| any |= eleven_test(&digits));
    any
}

/// How many different numbers decide.
const SAMPLE: usize = 1000;
/// Share of passing numbers from which on they are real (`formats.md` §14.2).
const REAL_SHARE: f64 = 0.20;
/// Share of numbers that must pass where they are said to be real.
const DECLARED_SHARE: f64 = 0.99;
/// Chance of passing.
const CHANCE: f64 = 1.0 / 11.0;
/// A column is called real where chance gives such a share less than once in ten thousand columns.
const LOG_RARE: f64 = 9.21;
/// Fewest numbers that can contradict a declaration.
const FEWEST_DECLARED: usize = 20;

/// Watches the different 9-digit numbers of one column.
///
/// Kept are the [`SAMPLE`] numbers with the smallest hashes: a sample of the different numbers that depends neither on
/// their order nor on how often each of them stands there nor on threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BsnWatch {
    smallest: BTreeMap<u64, bool>,
    /// Cells in which a passing number was seen, repeated ones too.
    passing_cells: u64,
}

impl BsnWatch {
    /// Looks at a cell.
    pub fn see(&mut self, cell: &[u8]) {
        let mut passes = false;
        nine_digit_numbers(cell, |digits| {
            let pass = eleven_test(&digits);
            passes |= pass;
            self.note(digits.iter().fold(0, |n, d| 10 * n + u64::from(d - b'0')), pass);
        });
        self.passing_cells += u64::from(passes);
    }

    /// Looks at a decimal number that may be a whole one: files keep person numbers as `123456782.0`.
    pub fn see_float(&mut self, number: f64) {
        if number.fract() == 0.0 && number.abs() < 1e9 {
            self.see_number(number as i64);
        }
    }

    /// Looks at a whole number; eight digits are nine of which a spreadsheet took the zero only when others have nine,
    /// so that dates written as `20241007` say nothing.
    pub fn see_number(&mut self, number: i64) {
        if (100_000_000..=999_999_999).contains(&number) {
            self.see(number.to_string().as_bytes());
        }
    }

    fn note(&mut self, number: u64, pass: bool) {
        let hash = mixed(number);
        if self.smallest.len() < SAMPLE {
            self.smallest.insert(hash, pass);
        } else if self.smallest.last_key_value().is_some_and(|(largest, _)| hash < *largest)
            && self.smallest.insert(hash, pass).is_none()
        {
            self.smallest.pop_last();
        }
    }

    /// Adds what another watch saw of the same column; the order does not matter.
    pub fn merge(&mut self, other: &BsnWatch) {
        self.smallest.extend(&other.smallest);
        while self.smallest.len() > SAMPLE {
            self.smallest.pop_last();
        }
        self.passing_cells += other.passing_cells;
    }

    fn passing(&self) -> usize {
        self.smallest.values().filter(|pass| **pass).count()
    }

    /// The percentage that passes, where the column holds real numbers: more than 20 % pass, and chance does not give
    /// that. With p̂ of n passing and p = 1/11, chance gives it with probability at most exp(−n·KL(p̂‖p)) (Chernoff).
    pub fn real(&self) -> Option<u64> {
        let n = self.smallest.len() as f64;
        let share = self.passing() as f64 / n;
        (n > 0.0 && share > REAL_SHARE && n * divergence(share) > LOG_RARE).then(|| percent(share))
    }

    /// The percentage that passes, where a column that is declared to hold real numbers holds others.
    pub fn contradicts(&self) -> Option<u64> {
        let share = self.passing() as f64 / self.smallest.len() as f64;
        (self.smallest.len() >= FEWEST_DECLARED && share < DECLARED_SHARE).then(|| percent(share))
    }

    /// Cells with a passing number: in a text column each may be a person.
    pub fn passing_cells(&self) -> u64 {
        self.passing_cells
    }
}

fn percent(share: f64) -> u64 {
    (100.0 * share) as u64
}

/// Kullback–Leibler divergence of a coin with `share` from one with [`CHANCE`], in nats.
fn divergence(share: f64) -> f64 {
    let part = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    part(share, CHANCE) + part(1.0 - share, 1.0 - CHANCE)
}

/// splitmix64: a fixed scrambling that maps different numbers to different ones.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing() -> impl Iterator<Item = u64> {
        (100_000_000..).filter(|n: &u64| eleven_test(n.to_string().as_bytes()))
    }

    fn watch(numbers: impl Iterator<Item = u64>) -> BsnWatch {
        let mut watch = BsnWatch::default();
        numbers.for_each(|n| watch.see(n.to_string().as_bytes()));
        watch
    }

    fn numbers_in(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        nine_digit_numbers(text.as_bytes(), |d| found.push(String::from_utf8_lossy(&d).into_owned()));
        found
    }

    #[test]
    fn the_eleven_test_knows_the_published_example() {
        assert!(eleven_test(b"123456782"));
        for wrong in ["123456783", "000000000", "000000012", "12345678", "1234567820", "12345678a"] {
            assert!(!eleven_test(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_found_where_they_stand_alone() {
        for text in [
            "123456782",
            " 123456782 ",
            "BSN: 123456782.",
            "(123456782)",
            "1234.56.782",
            "a-123456782-b",
            "123 456 782",
            "klas 4 123456782",
            "2024 123456782",
            "07.10.2024 123456782",
            "12,123456782,3",
            "4 123 456 782",
            "123456782,5",
            "123456782.0",
            "BSN\u{a0}123456782\u{a0}",
        ] {
            assert_eq!(numbers_in(text), ["123456782"], "{text}");
        }
        assert_eq!(numbers_in("123456782;999999990"), ["123456782", "999999990"]);
        for text in [
            "1234567820",
            "a123456782",
            "123456782x",
            "12345678",
            "0612345678",
            "2024-10-07",
            "é123456782",
            "0.123456782",
            "0.12345678",
            "123456782.5",
            "123456782.05",
            "7.123.456.782",
            "12.34.56.782",
        ] {
            assert!(numbers_in(text).is_empty(), "{text}");
        }
        assert!(holds_bsn("klas_4b 123456782.csv") && !holds_bsn("RO_99ZC_20230801_20240731.csv"));
    }

    #[test]
    fn real_numbers_are_told_from_random_ones() {
        assert_eq!(watch(passing().take(320)).real(), Some(100));
        assert_eq!(watch(passing().take(5)).real(), Some(100));
        assert_eq!(watch(passing().take(3)).real(), None, "three may be chance");
        let random = |seed: u64, n: u64| watch((0..n).map(move |i| 100_000_000 + mixed(seed + i) % 900_000_000));
        let alarms = (0..2000).filter(|seed| random(seed * 7919, 20 + seed % 200).real().is_some()).count();
        assert!(alarms <= 1, "{alarms} false alarms in 2000 columns");
        let mixed_in = watch(passing().take(60).chain((0..140).map(|i| 100_000_001 + 11 * i)));
        assert!(mixed_in.real().is_some(), "30 % of real numbers among others");
    }

    #[test]
    fn repetition_order_and_parts_do_not_matter() {
        let numbers: Vec<u64> = (0..5000).map(|i| 100_000_000 + mixed(i) % 900_000_000).collect();
        let whole = watch(numbers.iter().copied());
        let mut parts = watch(numbers[2500..].iter().rev().copied());
        parts.merge(&watch(numbers[..2500].iter().copied()));
        assert_eq!(whole.smallest, parts.smallest);
        // One passing number that stands there often is one number.
        assert_eq!(watch(std::iter::repeat_n(123_456_782, 1000)).real(), None);
        assert_eq!(watch(std::iter::repeat_n(123_456_782, 7)).passing_cells(), 7);
    }

    #[test]
    fn numbers_declared_real_must_pass() {
        assert_eq!(watch(passing().take(100)).contradicts(), None);
        assert!(watch((100_000_000..100_000_100).map(|n| n * 7 % 899_999_999 + 100_000_000)).contradicts().is_some());
        assert_eq!(watch(100_000_000..100_000_010).contradicts(), None, "ten are too few to say");
    }
}
