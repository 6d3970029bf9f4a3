//! Schools that go on under another number (`formats.md` §14, rule 5): from the number at a school year to the newest one.

use std::collections::{BTreeMap, BTreeSet};

/// One transition of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transition {
    /// Number before.
    pub from: String,
    /// Number after.
    pub to: String,
    /// First day under the new number.
    pub date: i32,
    /// The whole organisation moved (IND_VOLLEDIG `J`); else it was split.
    pub whole: bool,
}

/// A number with the days on which it is valid and the number it goes on under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// First day; `None` when no transition made it.
    pub from: Option<i32>,
    /// Last day; `None` while it is in use.
    pub to: Option<i32>,
    /// Number it goes on under, when all of it does.
    pub successor: Option<String>,
}

/// Chains of transitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Successors {
    next: BTreeMap<String, (i32, String)>,
    /// Numbers that were split: they are not followed, their pupils stay a group of their own.
    pub split: BTreeSet<String>,
    schools: BTreeMap<String, Validity>,
}

/// Why transitions make no chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// Following the transitions leads back.
    Cycle {
        /// A number on the cycle. Numbers of schools are public.
        number: String,
    },
    /// One number goes over as a whole to two others.
    Two {
        /// The number.
        number: String,
    },
}

impl Successors {
    /// Chains whole transitions; notes splits.
    ///
    /// # Errors
    /// A cycle, or two whole transitions from one number.
    pub fn of(transitions: &[Transition]) -> Result<Self, ChainError> {
        let mut all = Self::default();
        let unique: BTreeSet<&Transition> = transitions.iter().collect();
        for t in unique {
            if !t.whole {
                all.split.insert(t.from.clone());
                continue;
            }
            if all.next.insert(t.from.clone(), (t.date, t.to.clone())).is_some() {
                return Err(ChainError::Two { number: t.from.clone() });
            }
            let from = all.schools.entry(t.from.clone()).or_default();
            (from.to, from.successor) = (Some(t.date - 1), Some(t.to.clone()));
            let to = all.schools.entry(t.to.clone()).or_default();
            to.from = Some(to.from.map_or(t.date, |day| day.min(t.date)));
        }
        let numbers: Vec<String> = all.next.keys().cloned().collect();
        for number in numbers {
            let mut seen = BTreeSet::from([number.clone()]);
            let mut at = &number;
            while let Some((_, next)) = all.next.get(at) {
                if !seen.insert(next.clone()) {
                    return Err(ChainError::Cycle { number });
                }
                at = next;
            }
        }
        Ok(all)
    }

    /// The newest number of a school that had `key` on `day`: a transition counts when it came after that day, as the key would
    /// be another one otherwise; a second one may be on the day of the first. A location's transition goes before its institution's; of the latter the location keeps its two
    /// digits.
    pub fn newest(&self, key: &str, day: i32) -> String {
        let mut at = key.to_string();
        let mut since = day.saturating_add(1);
        while let Some((date, next)) = self.step(&at, since) {
            (since, at) = (date, next);
        }
        at
    }

    fn step(&self, at: &str, since: i32) -> Option<(i32, String)> {
        let later = |(date, to): &(i32, String)| (*date >= since).then(|| (*date, to.clone()));
        if let Some(own) = self.next.get(at) {
            return later(own);
        }
        let (brin, location) = at.split_at_checked(4).filter(|(_, location)| !location.is_empty())?;
        let (date, to) = self.next.get(brin).and_then(later)?;
        Some((date, format!("{to}{location}")))
    }

    /// Every number that takes part in a whole transition, with its days.
    pub fn schools(&self) -> &BTreeMap<String, Validity> {
        &self.schools
    }
}
