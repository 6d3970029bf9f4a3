//! Who was found in later education is counted per school (F27).

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;

/// How many of a school's pupils were found in later education.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Pupils of the school.
    pub pupils: u64,
    /// Whose later education is known on the first count date.
    pub linked: u64,
    /// Known to the crosswalk, not found on the first count date.
    pub not_found: u64,
    /// Not in the crosswalk.
    pub no_number: u64,
}

/// Why a pupil has an outcome or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// Known on the first count date: enrolled, or on a list of dropouts and in its start population.
    Linked,
    /// In the crosswalk, and nothing is known on the first count date: unknown, never a dropout.
    NotFound,
    /// Not in the crosswalk: unknown.
    NoNumber,
}

impl Link {
    /// The word in the table `pupil`.
    pub fn word(self) -> &'static str {
        match self {
            Link::Linked => "linked",
            Link::NotFound => "not_found",
            Link::NoNumber => "no_number",
        }
    }
}

/// The link of a pupil.
pub fn link(pupil: &str, crosswalk: Option<&BTreeSet<String>>, known: Known) -> Link {
    match (known != Known::Nothing, crosswalk.is_none_or(|known| known.contains(pupil))) {
        (true, _) => Link::Linked,
        (false, true) => Link::NotFound,
        (false, false) => Link::NoNumber,
    }
}

/// Shares per school; `links` are pairs of school and link.
pub fn shares<'a>(links: impl IntoIterator<Item = (&'a str, Link)>) -> BTreeMap<String, Share> {
    let mut all: BTreeMap<String, Share> = BTreeMap::new();
    for (school, link) in links {
        let share = all.entry(school.to_string()).or_default();
        share.pupils += 1;
        match link {
            Link::Linked => share.linked += 1,
            Link::NotFound => share.not_found += 1,
            Link::NoNumber => share.no_number += 1,
        }
    }
    all
}
