//! Joins say beforehand how many rows may meet (F26), and who was not met is counted per school (F27).

use std::collections::{BTreeMap, BTreeSet};

/// More rows have a key than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUnique {
    /// Rows whose key another row before them had.
    pub rows: u64,
    /// Rows of the table.
    pub of: u64,
    /// Rows that a join on this key would give for one row on the other side, at most.
    pub most: u64,
}

/// Every key stands once.
///
/// # Errors
/// Counts of what is repeated; never a key.
pub fn assert_unique<K: Ord>(keys: impl IntoIterator<Item = K>) -> Result<(), NotUnique> {
    let mut times: BTreeMap<K, u64> = BTreeMap::new();
    for key in keys {
        *times.entry(key).or_default() += 1;
    }
    let of = times.values().sum();
    let rows = of - times.len() as u64;
    let most = times.values().copied().max().unwrap_or(0);
    if rows == 0 { Ok(()) } else { Err(NotUnique { rows, of, most }) }
}

/// How many of a school's pupils were found in later education.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Pupils of the school.
    pub pupils: u64,
    /// With a record in a register or on a list of dropouts.
    pub linked: u64,
    /// Known to the crosswalk, found nowhere.
    pub not_found: u64,
    /// Not in the crosswalk.
    pub no_number: u64,
}

/// Why a pupil has an outcome or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// In a register, or on a definitive or provisional list of dropouts.
    Linked,
    /// In the crosswalk, in no register and on no list: unknown, never a dropout.
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
pub fn link(pupil: &str, crosswalk: Option<&BTreeSet<String>>, found: &BTreeSet<String>) -> Link {
    match (found.contains(pupil), crosswalk.is_none_or(|known| known.contains(pupil))) {
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
