//! Pupils with several keys: who changes school gets a number from each, and the crosswalk has both under one person number.

use std::collections::BTreeMap;

use super::ledger::Ledger;
use super::source::{Reading, Wanted};
use crate::ingest::{As, InputError};

/// Keys and the key that stands for each of them, the smallest of the same pupil's.
#[derive(Clone, Debug, Default)]
pub(super) struct Aliases(BTreeMap<String, String>);

impl Aliases {
    /// The key of the pupil whose key this is.
    pub fn of(&self, key: String) -> String {
        self.0.get(&key).cloned().unwrap_or(key)
    }

    /// Reads the crosswalk for each set of columns by which sources look keys up in it. `reading` has no aliases yet.
    pub fn read(reading: &Reading<'_>, ledger: &mut Ledger) -> Result<Self, InputError> {
        let Some(crosswalk) = &reading.ingest.crosswalk else { return Ok(Self::default()) };
        let lookups = reading.study.sources.values().flat_map(|source| &source.lookup);
        let keyed =
            lookups.filter(|l| l.table == *crosswalk && l.take.0.iter().all(|t| reading.ingest.key.0.contains(t)));
        let mut by: Vec<&Vec<String>> = keyed.map(|l| &l.on.0).collect();
        by.sort();
        by.dedup();
        let mut own: BTreeMap<String, String> = BTreeMap::new();
        for on in by {
            let wanted: Vec<Wanted> = on.iter().map(|name| Wanted::must(name, As::Text)).collect();
            let mut first: BTreeMap<Vec<String>, String> = BTreeMap::new();
            let mut pairs = Vec::new();
            // What is read here is counted when the crosswalk itself is read.
            reading.rows("crosswalk", crosswalk, true, &wanted, &mut Ledger::default(), |row, _| {
                let person: Option<Vec<String>> = (0..wanted.len()).map(|k| row.text(k)).collect();
                if let Some((key, person)) = row.key().zip(person) {
                    let known = first.entry(person).or_insert_with(|| key.clone()).clone();
                    pairs.push((known, key));
                }
            })?;
            pairs.into_iter().filter(|(a, b)| a != b).for_each(|(a, b)| join(&mut own, &a, &b));
        }
        let keys: Vec<String> = own.keys().cloned().collect();
        let all: BTreeMap<String, String> = keys.into_iter().map(|k| (k.clone(), root(&own, &k).to_string())).collect();
        ledger.note(
            all.len() as u64,
            "numbers in the crosswalk are a pupil's second one, of another school; both are one pupil",
        );
        Ok(Self(all))
    }
}

/// The smallest key of a pupil.
fn root<'k>(own: &'k BTreeMap<String, String>, key: &'k str) -> &'k str {
    let mut at = key;
    while let Some(next) = own.get(at) {
        at = next;
    }
    at
}

fn join(own: &mut BTreeMap<String, String>, a: &str, b: &str) {
    let (a, b) = (root(own, a).to_string(), root(own, b).to_string());
    if a != b {
        let (small, large) = if a < b { (a, b) } else { (b, a) };
        own.insert(large, small);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_pupil_have_the_smallest_in_any_order() {
        for order in [[("c", "b"), ("b", "a"), ("x", "y")], [("b", "a"), ("x", "y"), ("c", "b")]] {
            let mut own = BTreeMap::new();
            order.iter().for_each(|(a, b)| join(&mut own, a, b));
            let found: Vec<&str> = ["a", "b", "c", "x", "y", "z"].map(|k| root(&own, k)).to_vec();
            assert_eq!(found, ["a", "a", "a", "x", "x", "z"]);
        }
    }
}
