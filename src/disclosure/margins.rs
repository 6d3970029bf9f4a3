//! All schools together beside each of them: a number of all less the others would be the one that a school hides. So all together
//! are the sum of what the schools show, and hidden where one of them hides. That tells nothing that the schools' own numbers do
//! not tell, whatever they are; rounded counts are added up as they are shown, up to 2 from the truth for each school.

use super::page::{FlowRow, Shown};

/// Makes `all`, the road of all schools together, of what `schools` show. `min` pupils is what a hidden number is under.
pub fn over_schools(all: &mut [FlowRow], schools: &[&[FlowRow]], min: u64) {
    for row in all {
        let of_schools = schools.iter().filter_map(|school| school.iter().find(|r| r.nl == row.nl));
        let sum = of_schools.map(|r| if let Shown::Value(n) = r.n { Some(n) } else { None }).sum::<Option<u64>>();
        row.n = sum.map_or(Shown::Suppressed { min }, Shown::Value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::suppress::{FlowCount, Profile, flow};

    fn road(counts: &[(&str, bool, u64)], profile: &Profile) -> Vec<FlowRow> {
        let count = |(name, is_total, n): &(&str, bool, u64)| FlowCount {
            nl: (*name).into(),
            en: (*name).into(),
            is_total: *is_total,
            n: *n,
        };
        flow(counts.iter().map(count).collect(), profile)
    }

    fn of(unlinked: u64, other: u64) -> [(&'static str, bool, u64); 4] {
        let used = 60 - unlinked - other;
        [("read", true, 60), ("unlinked", false, unlinked), ("other", false, other), ("used", true, used)]
    }

    fn margin(schools: &[[(&str, bool, u64); 4]], profile: &Profile) -> Vec<Option<u64>> {
        let roads: Vec<Vec<FlowRow>> = schools.iter().map(|s| road(s, profile)).collect();
        let sum = |i: usize| (schools[0][i].0, schools[0][i].1, schools.iter().map(|s| s[i].2).sum::<u64>());
        let mut all = road(&[sum(0), sum(1), sum(2), sum(3)], profile);
        over_schools(&mut all, &roads.iter().map(Vec::as_slice).collect::<Vec<_>>(), profile.min_pupils);
        all.iter().map(|r| if let Shown::Value(n) = r.n { Some(n) } else { None }).collect()
    }

    #[test]
    fn what_a_school_hides_is_hidden_for_all() {
        for profile in [Profile::SCHOOL_INTERN, Profile::SCHOOL_EXTERN] {
            let used = margin(&[of(3, 16), of(14, 18), of(12, 15)], &profile);
            assert_eq!(used[1..3], [None, None], "the other reason is hidden at that school");
            assert!(used[0].is_some() && used[3].is_some());
        }
    }

    #[test]
    fn what_all_show_is_added_up_as_it_is_shown() {
        let schools = [of(31, 16), of(14, 17)];
        assert_eq!(margin(&schools, &Profile::SCHOOL_INTERN), [Some(120), Some(45), Some(33), Some(42)]);
        assert_eq!(margin(&schools, &Profile::SCHOOL_EXTERN), [Some(120), Some(45), Some(30), Some(45)]);
    }
}
