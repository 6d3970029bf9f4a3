//! Numbers and names under which the invented pupils stand in the files: a person number that no one has, a pupil number
//! of the school, a class. The numbers follow from the pupil's place in the region and from nothing else.

use std::collections::BTreeMap;

use crate::simulate::pupil::{Link, Pupil};
use crate::simulate::region::SimulatedSchool;

/// Pupils of a class.
const CLASS: usize = 25;
/// First pupil number of every school; numbers repeat across schools, as they do in practice.
const FIRST_NUMBER: usize = 10_001;
/// Pupil numbers from here on are in no pupil list.
const UNLISTED: u64 = 90_000;
/// Coprime with the number of test numbers, so that neighbours in a school are no neighbours in number.
const STRIDE: usize = 37_337;
/// One pupil in this many has no BSN and is known by an onderwijsnummer.
const NO_BSN: usize = 97;

/// A pupil as the files know one.
#[derive(Clone)]
pub(super) struct Person<'a> {
    pub school: &'a SimulatedSchool,
    /// Position in the school.
    pub at: usize,
    pub pupil: &'a Pupil,
    /// Nine digits from the test range 999…, that pass the 11-test.
    pub pgn: String,
    /// `pgn` is an onderwijsnummer, not a BSN.
    pub is_onr: bool,
    /// Pupil number of the school.
    pub number: String,
    /// Class of the exam year.
    pub class: String,
}

impl Person<'_> {
    /// BSN and onderwijsnummer, one of them empty.
    pub fn bsn_onr(&self) -> (&str, &str) {
        if self.is_onr { ("", &self.pgn) } else { (&self.pgn, "") }
    }

    /// Exam year of the pupil's cohort.
    pub fn exam_year(&self) -> i16 {
        self.dates().exam_year
    }

    pub fn dates(&self) -> &crate::simulate::calendar::CohortDates {
        &self.school.cohorts[self.pupil.cohort]
    }

    /// Day of dropout from vmbo.
    pub fn left_vmbo(&self) -> Option<i32> {
        self.school.left_vmbo[self.at]
    }

    /// A birth date that fits the age on 1 October of leerjaar 3.
    pub fn birth(&self) -> i32 {
        self.dates().origin - (self.pupil.age * 365.25).round() as i32
    }

    pub fn sex(&self) -> &'static str {
        if self.pupil.girl { "V" } else { "M" }
    }

    /// Whether the school knows the person number that later education uses.
    pub fn in_crosswalk(&self) -> bool {
        self.pupil.link != Link::NotFound
    }
}

/// The test numbers: 999000000 up to 999999999 where the 11-test passes.
#[derive(Clone, Debug)]
pub(super) struct Numbers(Vec<u32>);

impl Numbers {
    pub fn new() -> Self {
        Self((0..100_000).filter_map(eleven).collect())
    }

    /// How many persons there can be.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The number of the person at place `k` of the region.
    pub fn get(&self, k: usize) -> String {
        self.0[k * STRIDE % self.0.len()].to_string()
    }
}

/// `999ddddd` and the last digit that makes 9a₁+8a₂+…+2a₈−a₉ a multiple of 11, if one does.
fn eleven(middle: u32) -> Option<u32> {
    let first = 99_900_000 + middle;
    let digits = (0..8).map(|k| first / 10_u32.pow(7 - k) % 10);
    let last = digits.zip((2..=9).rev()).map(|(digit, weight)| digit * weight).sum::<u32>() % 11;
    (last < 10).then_some(first * 10 + last)
}

/// The pupils of a school; `before` is the number of pupils of the schools before it.
pub(super) fn of_school<'a>(school: &'a SimulatedSchool, before: usize, numbers: &Numbers) -> Vec<Person<'a>> {
    let mut in_group: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    let person = |(at, pupil): (usize, &'a Pupil)| {
        let n = in_group.entry((pupil.cohort, pupil.leerweg.code())).or_default();
        *n += 1;
        Person {
            school,
            at,
            pupil,
            pgn: numbers.get(before + at),
            is_onr: (before + at) % NO_BSN == NO_BSN - 1,
            number: (FIRST_NUMBER + at).to_string(),
            class: format!("4{}{}", pupil.leerweg.code().to_lowercase(), (*n - 1) / CLASS + 1),
        }
    };
    school.pupils.iter().enumerate().map(person).collect()
}

/// The pupil number of a registration whose pupil is in no list.
pub(super) fn unlisted(key: u64) -> String {
    (UNLISTED + key % 10_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_numbers_pass_the_eleven_test_and_are_all_different() {
        let numbers = Numbers::new();
        assert!(numbers.len() > 90_000 && !numbers.len().is_multiple_of(STRIDE));
        let all: std::collections::BTreeSet<String> = (0..numbers.len()).map(|k| numbers.get(k)).collect();
        assert_eq!(all.len(), numbers.len());
        for number in &all {
            let digits: Vec<i32> = number.bytes().map(|b| i32::from(b - b'0')).collect();
            let sum: i32 = digits[..8].iter().zip((2..=9).rev()).map(|(d, w)| d * w).sum::<i32>() - digits[8];
            assert!(number.len() == 9 && number.starts_with("999") && sum % 11 == 0, "the 11-test");
        }
    }
}
