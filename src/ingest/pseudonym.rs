//! Personal ids become pseudonyms here, before anything else sees them.
//!
//! ```text
//! pseudonym = first 128 bits of HMAC-SHA-256(key, project ␟ id kind ␟ "v1" ␟ [school ␟] canonical id), in hexadecimal
//! ```
//!
//! with ␟ the unit separator, which no part holds. One key and one project give one pseudonym per id, so that files of
//! different origin meet; another kind of id, another school (for numbers that schools give themselves) or another
//! project gives another one. A plain hash would not do: there are only about 9·10⁷ BSNs, which are all tried in a
//! second (`conventions.md` §6).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::key::{ProjectKey, hex};
use crate::study::file::IdKind;

/// Version of the recipe: part of every message, so that another recipe never gives the same pseudonyms.
const RECIPE: &str = "v1";
const SEPARATOR: u8 = 0x1f;
/// Stands before a person number that others masked (`BSN1`): it gets a pseudonym that no real number has.
pub(super) const MASKED: &str = "masked:";
/// The half of the hash that is the pseudonym.
const HALF: usize = 16;
/// Parts of the ledger, each with its own lock.
const SHELVES: usize = 64;

impl IdKind {
    /// Its word in the message under the hash and in the study file.
    pub fn word(self) -> &'static str {
        match self {
            IdKind::Pgn => "pgn",
            IdKind::PgnIp => "pgn-ip",
            IdKind::Leerlingnummer => "leerlingnummer",
            IdKind::Eckid => "eckid",
            IdKind::Xapi => "xapi",
            IdKind::Pseudonym => "pseudonym",
        }
    }

    /// Whether ids of this kind must be replaced.
    pub fn is_personal(self) -> bool {
        self != IdKind::Pseudonym
    }

    /// Whether the same id means another pupil at another school.
    pub fn is_of_a_school(self) -> bool {
        self == IdKind::Leerlingnummer
    }

    /// The one way in which an id of this kind is written; `Err` when it is none. Empty texts and, for numbers of
    /// DUO, `0` are no id at all.
    ///
    /// * `pgn`: digits, or what stands behind [`MASKED`]; the points or spaces of `1234.56.782` and `123 456 782` are left out, and the `.0` with which
    ///   files keep whole numbers as decimals; seven and eight digits get zeros in front (spreadsheets drop them).
    /// * `leerlingnummer`, `xapi`, `pgn-ip`: without spaces around it, otherwise as it is.
    /// * `eckid`: lower case.
    pub fn canonical(self, raw: &str) -> Result<Option<String>, IdError> {
        let text = raw.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > 300 || text.chars().any(char::is_control) {
            return Err(IdError::NotAnId);
        }
        match self {
            IdKind::Pgn => person_number(text),
            IdKind::Eckid => Ok(Some(text.to_lowercase())),
            IdKind::PgnIp if text.bytes().all(|b| b == b'0') => Ok(None),
            IdKind::PgnIp | IdKind::Leerlingnummer | IdKind::Xapi | IdKind::Pseudonym => Ok(Some(text.to_string())),
        }
    }
}

/// Why an id gets no pseudonym.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdError {
    /// The text is no id of its kind.
    NotAnId,
    /// Another id has the same pseudonym. With 10⁹ pupils that happens once in 10²⁰ projects, but two pupils must not
    /// pass for one in silence.
    Collision,
}

fn person_number(text: &str) -> Result<Option<String>, IdError> {
    if text.strip_prefix(MASKED).is_some_and(|rest| !rest.is_empty()) {
        return Ok(Some(text.to_string()));
    }
    let text = text.strip_suffix(".0").unwrap_or(text);
    let groups: Vec<usize> = text.split(['.', ' ']).map(str::len).collect();
    // Other points are decimals or thousands: leaving them out makes another number.
    if !matches!(groups[..], [_] | [4, 2, 3] | [3, 3, 3]) {
        return Err(IdError::NotAnId);
    }
    let digits: String = text.chars().filter(|c| *c != '.' && *c != ' ').collect();
    let is_number = !digits.is_empty() && digits.len() <= 9 && digits.bytes().all(|b| b.is_ascii_digit());
    match is_number {
        false => Err(IdError::NotAnId),
        true if digits.bytes().all(|b| b == b'0') => Ok(None),
        // A number of fewer than seven digits is no number with its zeros lost: those begin with three zeros at most.
        true if digits.len() < 7 => Err(IdError::NotAnId),
        true => Ok(Some(format!("{digits:0>9}"))),
    }
}

/// A school's key as its numbers are told apart: upper case, and the number of the vestiging with two digits, which
/// spreadsheets cut to one.
fn school_key(raw: &str) -> String {
    let key = raw.trim().to_uppercase();
    match key.as_bytes() {
        [a, b, c, d, vestiging]
            if [a, b, vestiging].iter().all(|x| x.is_ascii_digit())
                && [c, d].iter().all(|x| x.is_ascii_uppercase()) =>
        {
            format!("{}0{}", &key[..4], &key[4..])
        }
        _ => key,
    }
}

/// Makes pseudonyms with one key, and sees to it that no two ids get the same one.
#[derive(Debug)]
pub struct Pseudonyms {
    key: ProjectKey,
    /// By the half that is the pseudonym: the other half of the hash. Equal here and different there is a collision.
    ledger: Vec<Mutex<HashMap<u128, u128>>>,
}

impl Pseudonyms {
    /// With this key.
    pub fn new(key: ProjectKey) -> Arc<Self> {
        Arc::new(Self { key, ledger: (0..SHELVES).map(|_| Mutex::default()).collect() })
    }

    /// The key's id.
    pub fn key_id(&self) -> &str {
        self.key.id()
    }

    /// The pseudonym of `raw`; `None` when there is no id. `school` is the school's key for ids that schools give
    /// themselves, empty otherwise.
    ///
    /// # Errors
    /// A text that is no id of this kind, or a collision.
    pub fn of(&self, kind: IdKind, school: &str, raw: &str) -> Result<Option<String>, IdError> {
        let Some(id) = kind.canonical(raw)? else { return Ok(None) };
        if !kind.is_personal() {
            return Ok(Some(id));
        }
        let school = school_key(school);
        let separator: &[u8] = &[SEPARATOR];
        let mut message: Vec<&[u8]> = vec![
            self.key.project().as_bytes(),
            separator,
            kind.word().as_bytes(),
            separator,
            RECIPE.as_bytes(),
            separator,
        ];
        if kind.is_of_a_school() {
            message.extend([school.as_bytes(), separator]);
        }
        message.push(id.as_bytes());
        let hash = self.key.mac(&message);
        let half = |from: usize| {
            u128::from_be_bytes(hash[from..from + HALF].try_into().expect("a hash has two halves of 16 bytes"))
        };
        if !self.is_new_or_same(half(0), half(HALF)) {
            return Err(IdError::Collision);
        }
        Ok(Some(hex(&hash[..HALF])))
    }

    fn is_new_or_same(&self, pseudonym: u128, rest: u128) -> bool {
        let shelf = &self.ledger[(pseudonym % SHELVES as u128) as usize];
        // A thread that panicked with the lock in hand has not left a half entry.
        let mut shelf = shelf.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *shelf.entry(pseudonym).or_insert(rest) == rest
    }

    /// Different ids so far.
    pub fn count(&self) -> u64 {
        let of = |shelf: &Mutex<HashMap<u128, u128>>| {
            shelf.lock().unwrap_or_else(std::sync::PoisonError::into_inner).len() as u64
        };
        self.ledger.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms(project: &str) -> Arc<Pseudonyms> {
        Pseudonyms::new(ProjectKey::new(project, std::array::from_fn(|i| 31u8.wrapping_mul(i as u8))))
    }

    fn of(kind: IdKind, school: &str, raw: &str) -> String {
        pseudonyms("regio").of(kind, school, raw).expect("an id").expect("not empty")
    }

    /// Computed with Python's hmac and hashlib from the recipe in the module's documentation.
    #[test]
    fn test_vectors() {
        assert_eq!(of(IdKind::Pgn, "", "123456782"), "c0b5a7b21499bec8f16b7d2d3123a202");
        assert_eq!(of(IdKind::Leerlingnummer, "90AA00", "12001"), "262bf93f4605a7aed3486d13898dccb5");
        assert_eq!(of(IdKind::Eckid, "", "https://ketenid.nl/201703/AB"), "baf0113171428139455fdd6eb18e6055");
        assert_eq!(of(IdKind::Xapi, "", "12001"), "d1778189400ab08e51e6eb87530ad534");
        let other = pseudonyms("ander").of(IdKind::Pgn, "", "123456782").expect("an id").expect("not empty");
        assert_eq!(other, "7cdb68dccccfc93b9904c39cdc58cec9");
        assert_eq!(pseudonyms("regio").key_id(), "4ebb32141b53f1c9");
    }

    #[test]
    fn kinds_schools_and_projects_are_apart() {
        let all = [
            of(IdKind::Pgn, "", "123456782"),
            of(IdKind::PgnIp, "", "123456782"),
            of(IdKind::Xapi, "", "123456782"),
            of(IdKind::Leerlingnummer, "90AA00", "123456782"),
            of(IdKind::Leerlingnummer, "90AB00", "123456782"),
            pseudonyms("ander").of(IdKind::Pgn, "", "123456782").expect("an id").expect("not empty"),
        ];
        let different: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert!(all.iter().all(|p| p.len() == 32 && !p.contains("123456782")));
    }

    #[test]
    fn one_id_written_in_several_ways_is_one_pseudonym() {
        let pgn = of(IdKind::Pgn, "", "012345672");
        for written in ["12345672", " 012345672 ", "0123.45.672", "0123 45 672", "12345672.0", "012 345 672"] {
            assert_eq!(of(IdKind::Pgn, "", written), pgn, "{written}");
        }
        assert_eq!(of(IdKind::Leerlingnummer, " 90aa00 ", "12001 "), of(IdKind::Leerlingnummer, "90AA00", "12001"));
        assert_eq!(of(IdKind::Leerlingnummer, "90AA0", "12001"), of(IdKind::Leerlingnummer, "90AA00", "12001"));
        assert_eq!(of(IdKind::Pseudonym, "", " abc "), "abc");
        assert_ne!(of(IdKind::Pgn, "", "masked:100000001"), of(IdKind::Pgn, "", "100000001"));
    }

    #[test]
    fn no_id_and_what_is_no_id() {
        let p = pseudonyms("regio");
        for none in ["", "  ", "0", "000000000"] {
            assert_eq!(p.of(IdKind::Pgn, "", none), Ok(None), "{none:?}");
        }
        for wrong in [
            "12345",
            "1234567890",
            "12345678a",
            "1,23E+08",
            "-12345678",
            "12345678.00",
            "1234567.80",
            "1234567.8",
            "12345678,0",
            "12.345.678",
            "1 23456782",
            "BSN1",
            "masked:",
        ] {
            assert_eq!(p.of(IdKind::Pgn, "", wrong), Err(IdError::NotAnId), "{wrong:?}");
        }
        assert_eq!(p.of(IdKind::Leerlingnummer, "90AA00", "12\u{1f}001"), Err(IdError::NotAnId));
        assert_eq!(p.count(), 0);
    }

    #[test]
    fn a_collision_is_noticed() {
        let p = pseudonyms("regio");
        assert!(p.is_new_or_same(7, 1) && p.is_new_or_same(7, 1) && p.is_new_or_same(8, 1));
        assert!(!p.is_new_or_same(7, 2));
        assert_eq!(p.count(), 2);
    }

    #[test]
    fn different_ids_are_counted_once() {
        let p = pseudonyms("regio");
        for n in (0..2000).chain(0..2000) {
            p.of(IdKind::Leerlingnummer, "90AA00", &n.to_string()).expect("an id");
        }
        assert_eq!(p.count(), 2000);
    }
}
