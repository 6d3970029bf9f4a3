//! Columns as factors: codes and levels in order.

use crate::ingest::frame::{Coded, MISSING, Values};

/// A value that `--levels` does not list.
pub(super) const NOT_LISTED: u32 = u32::MAX - 1;

/// A categorical variable: codes of its levels, the first of which is the reference.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Factor {
    /// Per row; [`MISSING`] and [`NOT_LISTED`] only before rows have been dropped.
    pub(super) codes: Vec<u32>,
    pub(super) levels: Vec<String>,
}

impl Factor {
    /// A column as a factor: levels sorted (numbers by value, texts by their bytes), or as listed.
    pub(super) fn of(values: &Values, listed: Option<&[String]>) -> Self {
        let coded = match values {
            Values::Text(coded) => coded.clone(),
            Values::Number(numbers) => coded_numbers(numbers),
        };
        let Coded { codes, levels } = coded;
        let Some(listed) = listed else { return Self { codes, levels } };
        let is_number = matches!(values, Values::Number(_));
        let same = |a: &str, b: &str| {
            let numbers = || a.parse::<f64>().is_ok_and(|a| b.parse::<f64>() == Ok(a));
            a == b || (is_number && numbers())
        };
        let place = |level: &String| listed.iter().position(|l| same(l, level));
        let recode: Vec<u32> = levels.iter().map(|l| place(l).map_or(NOT_LISTED, index)).collect();
        let of = |code: u32| if code == MISSING { MISSING } else { recode[code as usize] };
        Self { codes: codes.into_iter().map(of).collect(), levels: listed.to_vec() }
    }

    /// The factor of `rows`, with only the levels that occur in them.
    pub(super) fn take(&self, rows: &[u32]) -> Self {
        let codes: Vec<u32> = rows.iter().map(|&row| self.codes[row as usize]).collect();
        Self { codes, levels: self.levels.clone() }.used()
    }

    /// Without levels that no row has.
    pub(super) fn used(mut self) -> Self {
        let mut rank = vec![MISSING; self.levels.len()];
        self.codes.iter().for_each(|&code| rank[code as usize] = 0);
        let mut next = 0;
        for slot in rank.iter_mut().filter(|r| **r == 0) {
            *slot = next;
            next += 1;
        }
        if next as usize == rank.len() {
            return self;
        }
        self.codes.iter_mut().for_each(|code| *code = rank[*code as usize]);
        let mut used = rank.iter().map(|&r| r != MISSING);
        self.levels.retain(|_| used.next() == Some(true));
        self
    }

    /// The combinations of two factors that occur, the first one's level leading: level "a:b".
    pub(super) fn cross(&self, other: &Factor) -> Self {
        let width = other.levels.len() as u64;
        let pair = |(&a, &b): (&u32, &u32)| u64::from(a) * width + u64::from(b);
        let pairs: Vec<u64> = self.codes.iter().zip(&other.codes).map(pair).collect();
        let cells = self.levels.len() as u64 * width;
        let mut seen: Vec<u64> = if cells <= 8 * pairs.len() as u64 + 1024 {
            let mut table = vec![false; usize::try_from(cells).expect("cells are at most 8 rows each")];
            pairs.iter().for_each(|&p| table[p as usize] = true);
            (0..cells).filter(|&p| table[p as usize]).collect()
        } else {
            let mut sorted = pairs.clone();
            sorted.sort_unstable();
            sorted.dedup();
            sorted
        };
        seen.shrink_to_fit();
        let codes = pairs.iter().map(|p| index(seen.binary_search(p).expect("a pair that was seen"))).collect();
        let name = |&p: &u64| format!("{}:{}", self.levels[(p / width) as usize], other.levels[(p % width) as usize]);
        Self { codes, levels: seen.iter().map(name).collect() }
    }
}

pub(super) fn index(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than 2³² levels and rows")
}

/// Numbers as codes of their sorted values.
fn coded_numbers(numbers: &[f64]) -> Coded {
    let present = || numbers.iter().copied().filter(|x| !x.is_nan()).map(|x| x + 0.0);
    let (low, high) = present().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    let is_dense = present().all(|x| x.fract() == 0.0) && high - low <= 8.0 * numbers.len() as f64;
    let code = |x: f64, rank: &dyn Fn(f64) -> usize| if x.is_nan() { MISSING } else { index(rank(x + 0.0)) };
    if is_dense && low <= high {
        // Codes of whole numbers from a table, not from a search.
        let mut table = vec![usize::MAX; (high - low) as usize + 1];
        present().for_each(|x| table[(x - low) as usize] = 0);
        let mut levels = Vec::new();
        for (at, slot) in table.iter_mut().enumerate().filter(|(_, s)| **s == 0) {
            *slot = levels.len();
            levels.push((low + at as f64).to_string());
        }
        let codes = numbers.iter().map(|&x| code(x, &|x| table[(x - low) as usize])).collect();
        return Coded { codes, levels };
    }
    let mut values: Vec<f64> = present().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let rank = |x: f64| values.binary_search_by(|v| v.total_cmp(&x)).expect("a value that was seen");
    let codes = numbers.iter().map(|&x| code(x, &rank)).collect();
    Coded { codes, levels: values.iter().map(f64::to_string).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_sorted_by_value() {
        let f = Factor::of(&Values::Number(vec![10.0, 9.0, f64::NAN, 100.0, 9.0]), None);
        assert_eq!(f.levels, ["9", "10", "100"]);
        assert_eq!(f.codes, [1, 0, MISSING, 2, 0]);
        let f = Factor::of(&Values::Number(vec![0.5, -1e12, -0.0, 0.0]), None);
        assert_eq!(f.levels, ["-1000000000000", "0", "0.5"]);
        assert_eq!(f.codes, [2, 0, 1, 1]);
    }

    #[test]
    fn listed_levels_stand_in_their_order() {
        let values = Values::Text(Coded::of([Some("a"), Some("b"), Some("c"), None]));
        let f = Factor::of(&values, Some(&["c".to_string(), "a".to_string()]));
        assert_eq!(f.codes, [1, NOT_LISTED, 0, MISSING]);
        let f = Factor::of(&Values::Number(vec![1.0, 2.0]), Some(&["2.0".to_string(), "1".to_string()]));
        assert_eq!(f.codes, [1, 0]);
    }

    #[test]
    fn unused_levels_go() {
        let f = Factor { codes: vec![2, 0, 2, 1], levels: ["a", "b", "c"].map(String::from).to_vec() };
        let taken = f.take(&[0, 1]);
        assert_eq!((taken.codes, taken.levels), (vec![1, 0], vec!["a".to_string(), "c".to_string()]));
    }

    #[test]
    fn combinations_are_those_that_occur() {
        let a = Factor { codes: vec![0, 1, 1, 0], levels: vec!["s2".into(), "s1".into()] };
        let b = Factor { codes: vec![1, 0, 0, 1], levels: vec!["y".into(), "x".into()] };
        let c = a.cross(&b);
        assert_eq!((c.codes, c.levels), (vec![0, 1, 1, 0], vec!["s2:x".to_string(), "s1:y".to_string()]));
    }
}
