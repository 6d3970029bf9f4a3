//! Secondary suppression over schools: a number that few schools hide is that of all schools together less the others. Then the
//! number of all together is hidden too, with the other reasons of its stretch.
//!
//! The rule looks at which numbers are hidden, never at how large they are: a rule that did would tell. Where counts are exact it
//! leaves every hidden number two values or more. Where they are rounded, sums of roundings at their ends can still leave one:
//! `tests/attackers.rs` tries all and counts them.

use super::page::{FlowRow, Shown};
use super::suppress::Profile;

/// Schools that hide a rounded number with which the number of all together is hidden too. With three each may be any of many.
const FEW: usize = 2;

/// Hides in `all`, the road of all schools together, what would give away a number that one of `schools` hides.
pub fn over_schools(all: &mut [FlowRow], schools: &[&[FlowRow]], profile: &Profile) {
    let is_marked = |row: &FlowRow| {
        let hides = |school: &&&[FlowRow]| school.iter().any(|r| r.nl == row.nl && is_hidden(r));
        match schools.iter().filter(hides).count() {
            0 => false,
            few => profile.round_to <= 1 || few <= FEW,
        }
    };
    let marked: Vec<bool> = all.iter().map(is_marked).collect();
    let ends: Vec<usize> = (0..all.len()).filter(|&i| all[i].is_total).collect();
    let mut hide: Vec<bool> = marked.clone();
    for w in ends.windows(2) {
        let (open, close) = (w[0], w[1]);
        if marked[open..=close].iter().any(|m| *m) {
            hide[open + 1..close].fill(true);
            // Of one reason alone the subtotal behind it tells all.
            hide[close] |= close == open + 2;
        }
    }
    for (row, _) in all.iter_mut().zip(hide).filter(|(_, hide)| *hide) {
        row.n = Shown::Suppressed { min: profile.min_pupils };
    }
}

fn is_hidden(row: &FlowRow) -> bool {
    matches!(row.n, Shown::Suppressed { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::suppress::{FlowCount, flow};

    fn road(counts: &[(&str, bool, u64)], profile: &Profile) -> Vec<FlowRow> {
        let count = |(name, is_total, n): &(&str, bool, u64)| FlowCount {
            nl: (*name).into(),
            en: (*name).into(),
            is_total: *is_total,
            n: *n,
        };
        flow(counts.iter().map(count).collect(), profile)
    }

    fn hidden(rows: &[FlowRow]) -> Vec<&str> {
        rows.iter().filter(|r| is_hidden(r)).map(|r| r.nl.as_str()).collect()
    }

    fn of(unlinked: u64, other: u64) -> [(&'static str, bool, u64); 4] {
        let used = 60 - unlinked - other;
        [("read", true, 60), ("unlinked", false, unlinked), ("other", false, other), ("used", true, used)]
    }

    fn margin(schools: &[[(&str, bool, u64); 4]], profile: &Profile) -> Vec<FlowRow> {
        let roads: Vec<Vec<FlowRow>> = schools.iter().map(|s| road(s, profile)).collect();
        let sum = |i: usize| (schools[0][i].0, schools[0][i].1, schools.iter().map(|s| s[i].2).sum::<u64>());
        let mut all = road(&[sum(0), sum(1), sum(2), sum(3)], profile);
        over_schools(&mut all, &roads.iter().map(Vec::as_slice).collect::<Vec<_>>(), profile);
        all
    }

    #[test]
    fn few_hidden_schools_hide_the_margin() {
        let (intern, outside) = (Profile::SCHOOL_INTERN, Profile::SCHOOL_EXTERN);
        let two = [of(3, 16), of(4, 18), of(12, 15), of(13, 15)];
        assert_eq!(hidden(&margin(&two, &outside)), ["unlinked", "other"]);
        assert_eq!(hidden(&margin(&two, &intern)), ["unlinked", "other"]);
        let four = [of(3, 16), of(4, 18), of(2, 15), of(3, 15)];
        assert!(hidden(&margin(&four, &outside)).is_empty(), "each may be any of many");
        assert_eq!(hidden(&margin(&four, &intern)), ["unlinked", "other"], "an exact sum says more");
        assert!(hidden(&margin(&[of(30, 16), of(14, 18)], &intern)).is_empty());
    }

    #[test]
    fn a_hidden_subtotal_hides_what_stands_beside_it() {
        let small = [of(30, 27), of(20, 20), of(20, 20)];
        for profile in [Profile::SCHOOL_INTERN, Profile::SCHOOL_EXTERN] {
            assert_eq!(hidden(&margin(&small, &profile)), ["unlinked", "other", "used"]);
        }
        let p = Profile::SCHOOL_INTERN;
        let one = |gone: u64| road(&[("read", true, 40), ("gone", false, gone), ("used", true, 40 - gone)], &p);
        let mut all = road(&[("read", true, 80), ("gone", false, 23), ("used", true, 57)], &p);
        over_schools(&mut all, &[&one(3), &one(20)], &p);
        assert_eq!(hidden(&all), ["gone", "used"]);
    }
}
