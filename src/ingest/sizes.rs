//! How large the numbers of a column are, so coarsely that nobody's number is told: from and up to which of 1, 2, 5, 10, 20, 50 …
//! nearly all of them lie. A change of unit (hours for minutes, percentages for shares) moves it.

use std::collections::BTreeMap;

/// Fewest numbers of which a range is told.
const FEWEST: u64 = 50;

/// Numbers counted by size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes(BTreeMap<i32, u64>);

/// From and up to where the middle 80 % of numbers lie, as places in the sequence … −1, 0, … 1, 2, 5, 10 ….
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Range {
    /// Size of the number below which a tenth lies.
    pub lo: i32,
    /// Size of the number below which nine tenths lie.
    pub hi: i32,
}

/// Smallest decimal exponent that is told from zero.
const SMALLEST: i32 = -12;
const PER_DECADE: i32 = 3;

impl Sizes {
    /// Counts a number.
    pub fn see(&mut self, x: f64) {
        if x.is_finite() {
            *self.0.entry(size(x)).or_default() += 1;
        }
    }

    /// Where nearly all numbers lie; none of few numbers.
    pub fn range(&self) -> Option<Range> {
        let n: u64 = self.0.values().sum();
        let at = |tenths: u64| {
            let mut seen = 0;
            let reaches = |(_, count): &(&i32, &u64)| {
                seen += **count;
                10 * seen >= tenths * n
            };
            self.0.iter().find(reaches).map(|(size, _)| *size)
        };
        if n < FEWEST { None } else { Some(Range { lo: at(1)?, hi: at(9)? }) }
    }
}

/// Place of a number in the sequence: 0 for zero, from 1 on for what is larger, below for what is smaller.
fn size(x: f64) -> i32 {
    let magnitude = x.abs();
    let exponent = magnitude.log10().floor();
    if magnitude == 0.0 || exponent < f64::from(SMALLEST) {
        return 0;
    }
    let mantissa = magnitude / 10f64.powf(exponent);
    let step = i32::from(mantissa >= 2.0) + i32::from(mantissa >= 5.0);
    let place = 1 + PER_DECADE * (exponent as i32 - SMALLEST) + step;
    if x < 0.0 { -place } else { place }
}

/// The number at which a size begins, `20` or `0.5`.
fn edge(size: i32) -> String {
    let place = size.abs() - 1;
    if size == 0 {
        return "0".into();
    }
    let (exponent, step) = (place.div_euclid(PER_DECADE) + SMALLEST, place.rem_euclid(PER_DECADE));
    let number = [1.0, 2.0, 5.0][step as usize] * 10f64.powi(exponent);
    let decimals = usize::try_from(-exponent).unwrap_or(0);
    format!("{}{number:.decimals$}", if size < 0 { "-" } else { "" })
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let above = if self.hi == 0 { 0 } else { self.hi + 1 };
        write!(f, "mostly {} to {}", edge(self.lo), edge(above))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(numbers: impl Iterator<Item = f64>) -> Option<Range> {
        let mut sizes = Sizes::default();
        numbers.for_each(|x| sizes.see(x));
        sizes.range()
    }

    #[test]
    fn ranges_are_coarse_and_in_order() {
        let minutes = range((0..100).map(|i| f64::from(10 + i % 50))).expect("enough");
        assert_eq!(minutes.to_string(), "mostly 10 to 100");
        let hours = range((0..100).map(|i| f64::from(10 + i % 50) / 60.0)).expect("enough");
        assert_eq!(hours.to_string(), "mostly 0.2 to 1");
        assert!(hours.hi + 2 <= minutes.hi);
        assert_eq!(range((0..49).map(f64::from)), None, "few numbers are somebody's");
        assert_eq!(range((0..60).map(|_| 0.0)).map(|r| r.to_string()).as_deref(), Some("mostly 0 to 0"));
        let sizes: Vec<i32> = [-50.0, -0.1, 0.0, 1e-9, 0.5, 1.0, 1.9, 2.0, 5.0, 10.0].map(size).to_vec();
        assert!(sizes.is_sorted(), "{sizes:?}");
    }
}
