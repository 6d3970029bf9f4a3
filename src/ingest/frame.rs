//! Whole columns of one table, as a formula names them: numbers, or texts as codes of sorted levels.

use std::collections::BTreeMap;

use super::BsnWatch;

/// Code of a missing text.
pub const MISSING: u32 = u32::MAX;

/// Columns of one table.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Rows of the table.
    pub rows: usize,
    /// Columns by name, each with `rows` values.
    pub columns: BTreeMap<String, Values>,
    /// What a reader of these columns should know, in sentences.
    pub notes: Vec<String>,
}

/// Values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Numbers; NaN where one is missing.
    Number(Vec<f64>),
    /// Texts.
    Text(Coded),
}

/// Texts as codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Coded {
    /// Position of each row's text in `levels`; [`MISSING`] where it is missing.
    pub codes: Vec<u32>,
    /// Texts that occur, in the order of their bytes.
    pub levels: Vec<String>,
}

impl Coded {
    /// Codes of texts; `None` is missing.
    pub fn of<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> Self {
        let mut coder = Coder::default();
        texts.into_iter().for_each(|text| coder.push(text));
        coder.finish()
    }
}

/// Texts on their way to codes, in order of appearance until [`Coder::finish`] sorts them.
#[derive(Default)]
pub(super) struct Coder {
    known: hashbrown::HashMap<String, u32>,
    codes: Vec<u32>,
}

impl Coder {
    pub(super) fn push(&mut self, text: Option<&str>) {
        let code = text.map_or(MISSING, |text| self.code(text));
        self.codes.push(code);
    }

    /// Code of a text in order of appearance.
    pub(super) fn code(&mut self, text: &str) -> u32 {
        let next = u32::try_from(self.known.len()).expect("fewer than 2³² texts");
        *self.known.entry_ref(text).or_insert(next)
    }

    /// Appends rows by their codes.
    pub(super) fn extend(&mut self, codes: impl Iterator<Item = u32>) {
        self.codes.extend(codes);
    }

    pub(super) fn finish(self) -> Coded {
        let mut sorted: Vec<(String, u32)> = self.known.into_iter().collect();
        sorted.sort_unstable();
        let mut rank = vec![0; sorted.len()];
        for (at, (_, code)) in sorted.iter().enumerate() {
            rank[*code as usize] = u32::try_from(at).expect("fewer than 2³² texts");
        }
        let of = |code: u32| if code == MISSING { MISSING } else { rank[code as usize] };
        Coded { codes: self.codes.into_iter().map(of).collect(), levels: sorted.into_iter().map(|(t, _)| t).collect() }
    }
}

impl Frame {
    /// The first column that holds person numbers, with the percentage that passes the 11-test: its levels would be
    /// named in results.
    pub fn person_numbers(&self) -> Option<(&str, u64)> {
        let real = |values: &Values| {
            let mut watch = BsnWatch::default();
            match values {
                Values::Number(numbers) => numbers.iter().for_each(|x| watch.see_float(*x)),
                Values::Text(coded) => coded.levels.iter().for_each(|level| watch.see(level.as_bytes())),
            }
            watch.real()
        };
        self.columns.iter().find_map(|(name, values)| Some((name.as_str(), real(values)?)))
    }

    /// A frame of columns in memory.
    ///
    /// # Panics
    /// When the columns differ in length.
    pub fn new(columns: impl IntoIterator<Item = (String, Values)>) -> Self {
        let columns: BTreeMap<String, Values> = columns.into_iter().collect();
        let rows = columns.values().next().map_or(0, Values::len);
        assert!(columns.values().all(|c| c.len() == rows), "columns of one table have one length");
        Self { rows, columns, notes: Vec::new() }
    }
}

impl Values {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Values::Number(n) => n.len(),
            Values::Text(t) => t.codes.len(),
        }
    }

    /// True for a column of an empty table.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_sorted_and_missing_is_no_level() {
        let coded = Coded::of([Some("b"), None, Some("a"), Some("b")]);
        assert_eq!(coded.levels, ["a", "b"]);
        assert_eq!(coded.codes, [1, MISSING, 0, 1]);
    }
}
