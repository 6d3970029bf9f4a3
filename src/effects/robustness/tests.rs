use std::collections::BTreeSet;

use ndarray::{Array1, Array2};

use super::*;
use crate::vocab::RefusalReason;

/// Numbers that look random, uniform on (0, 1).
fn noise(seed: u64, n: usize) -> Vec<f64> {
    (0..n as u64)
        .map(|i| {
            let mut z = (seed << 32 | i).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        })
        .collect()
}

/// 30 schools, 3 cohorts, 40 pupils in each; `risk` from the dose within school and cohort.
fn rows(risk: impl Fn(f64) -> f64) -> Rows {
    let (schools, cohorts, pupils) = (30, 3, 40);
    let n = schools * cohorts * pupils;
    let (u, v, w) = (noise(1, n), noise(2, n), noise(3, schools * cohorts));
    let cell = |i: usize| i / pupils;
    let raw: Vec<f64> = u.iter().map(|u| 10.0 * (u - 0.5)).collect();
    let mean = |c: usize| raw[c * pupils..(c + 1) * pupils].iter().sum::<f64>() / pupils as f64;
    let within = Array1::from_shape_fn(n, |i| raw[i] - mean(cell(i)));
    let school_of = |c: usize| c / cohorts;
    let school_mean = |s: usize| (0..cohorts).map(|k| 8.0 * w[s * cohorts + k]).sum::<f64>() / cohorts as f64;
    Rows {
        y: Array1::from_shape_fn(n, |i| f64::from(u8::from(v[i] < risk(within[i])))),
        cohort_mean: Array1::from_shape_fn(n, |i| 8.0 * w[cell(i)]),
        school_mean: Array1::from_shape_fn(n, |i| school_mean(school_of(cell(i)))),
        within,
        x: Array2::from_shape_fn((n, 1), |(i, _)| (i % 7) as f64),
        terms: vec!["x".into()],
        school: (0..n).map(|i| school_of(cell(i)) as u32).collect(),
        schools,
        cohort: (0..n).map(|i| (cell(i) % cohorts) as u32).collect(),
        cohorts,
        step: 1.0,
    }
}

#[test]
fn a_control_without_the_dose_passes_and_one_with_it_fails() {
    let nothing = control_within(&rows(|_| 0.5)).expect("a fit");
    assert!(nothing.0.covers(0.0) && nothing.1 != Verdict::Failed, "{nothing:?}");
    let tied = control_within(&rows(|d| 0.5 + 0.03 * d)).expect("a fit");
    assert_eq!(tied.1, Verdict::Failed);
    assert!((tied.0.value - 3.0).abs() < 1.0, "{tied:?}");
}

#[test]
fn a_control_between_schools_sees_the_schools_dose() {
    let mut tied = rows(|_| 0.5);
    let u = noise(5, tied.len());
    tied.y = Array1::from_shape_fn(tied.len(), |i| f64::from(u8::from(u[i] < 0.2 + 0.05 * tied.school_mean[i])));
    let (found, verdict) = control_between(&tied).expect("a fit");
    assert_eq!(verdict, Verdict::Failed);
    assert!((found.value - 5.0).abs() < 1.5, "{found:?}");
}

#[test]
fn the_next_cohorts_dose_is_seen_when_outcomes_follow_it() {
    let plain = rows(|_| 0.4);
    assert_eq!(next_cohort(&plain).expect("three cohorts").1, Verdict::Passed);
    let mut ahead = plain.clone();
    let u = noise(9, ahead.len());
    // The dose of the cohort after: 40 rows further on in the same school.
    let next = |i: usize| ahead.cohort_mean[(i + 40).min(ahead.len() - 1)];
    ahead.y = Array1::from_shape_fn(plain.len(), |i| f64::from(u8::from(u[i] < 0.1 + 0.1 * next(i))));
    let (found, verdict) = next_cohort(&ahead).expect("three cohorts");
    assert_eq!(verdict, Verdict::Failed, "{found:?}");
    let two = plain.filter(|i| plain.cohort[i] < 2);
    assert_eq!(next_cohort(&two).map(|f| f.1), Err(Obstacle::FewCohorts(3)));
}

#[test]
fn doses_within_school_and_cohort_have_mean_zero_there() {
    let r = rows(|_| 0.5);
    let w = r.within_cells(r.total().view());
    let of_cell = |s, c| (0..r.len()).filter(|&i| (r.school[i], r.cohort[i]) == (s, c)).map(|i| w[i]).sum::<f64>();
    assert!(of_cell(3, 1).abs() < 1e-9 && of_cell(29, 2).abs() < 1e-9);
    assert!(w.iter().zip(&r.within).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn a_covariate_that_school_effects_determine_falls_out() {
    let mut r = rows(|d| 0.5 + 0.02 * d);
    r.x = Array2::from_shape_fn((r.len(), 2), |(i, j)| if j == 0 { f64::from(r.school[i]) } else { r.x[[i, 0]] });
    let fit = rows::lpm(&r, r.y.view(), &[r.within.view()]).expect("a fit");
    assert!((fit.slope[0] - 0.02).abs() < 0.01);
    let constant = Array1::ones(r.len());
    let refused = rows::lpm(&r, r.y.view(), &[constant.view()]).err();
    assert_eq!(refused, Some(Obstacle::Fit(RefusalReason::RankDeficient)));
}

#[test]
fn checks_have_unique_numbers_and_words_in_both_languages() {
    let ids: BTreeSet<&str> = CHECKS.iter().map(|c| c.id).collect();
    assert_eq!(ids.len(), CHECKS.len());
    for c in CHECKS {
        for text in [c.nl, c.en] {
            assert!(text.ends_with('?') && text.split_whitespace().count() <= 20, "{text}");
        }
        assert!(!c.rule_nl.is_empty() && !c.rule_en.is_empty());
        assert_eq!(check(c.id).map(|found| found.nl), Some(c.nl));
    }
    assert!(check("R9").is_none());
}

#[test]
fn a_margin_that_holds_all_of_the_other_and_zero_can_not_disagree() {
    let margin = |lo: f64, hi: f64| Estimated { value: (lo + hi) / 2.0, lo: Some(lo), hi: Some(hi) };
    assert!(margin(-2.0, 2.8).cannot_disagree_with(&margin(0.4, 1.5)));
    // Narrower than the other around zero: the two do agree.
    assert!(!margin(-0.2, 0.3).cannot_disagree_with(&margin(-0.3, 0.5)));
    assert!(!margin(0.1, 2.8).cannot_disagree_with(&margin(0.4, 1.5)));
    assert!(!margin(-2.0, 1.0).cannot_disagree_with(&margin(0.4, 1.5)));
}

#[test]
fn a_failed_check_lowers_what_may_be_said_and_is_named() {
    let spec = |id, verdict| Specification { verdict, ..Specification::new(id, "x", "nl", "en") };
    let of = |specifications| Robustness { specifications, programme: Err(Obstacle::NotLandmark) }.evidence();
    let standing = of(vec![
        spec("R1", Verdict::Passed),
        spec("F1", Verdict::Undecided),
        spec("R3", Verdict::NotPossible(Obstacle::NoHistory)),
    ]);
    assert_eq!(standing, Evidence::Standing);
    let lowered = of(vec![spec("F1", Verdict::Failed), spec("F1", Verdict::Failed), spec("F2", Verdict::Failed)]);
    assert_eq!(lowered, Evidence::Lowered(vec!["F1", "F2"]));
}

#[test]
fn obstacles_have_their_own_codes_and_short_sentences() {
    use Obstacle::*;
    let all = [
        NotLandmark,
        NoPrimary,
        FewSchools(20),
        FewCohorts(3),
        NoControl,
        NoHistory,
        FewChanges(5),
        NoYearsBefore,
        NothingMissing,
        NoOtherDose,
        AllLinked,
        NoCovariate,
        OutOfRange,
    ];
    assert_eq!(all.iter().map(|o| o.code()).collect::<BTreeSet<_>>().len(), all.len());
    for o in all {
        for lang in [Lang::Nl, Lang::En] {
            let longest = o.words(lang).split(". ").map(|s| s.split_whitespace().count()).max();
            assert!(longest.is_some_and(|n| n <= 20), "{}", o.words(lang));
        }
    }
}

/// 30 schools of 60 pupils whose mean dose moves the outcome, with a level of each school that does not depend on it.
fn region(k: u64, slope: f64) -> (Rows, Vec<Vec<usize>>) {
    let (schools, pupils) = (30_usize, 60_usize);
    let n = schools * pupils;
    let (dose, level) = (noise(100 + k, schools), noise(200 + k, schools));
    let (u, x) = (noise(300 + k, n), noise(400 + k, n));
    let school = |i: usize| i / pupils;
    let centre = dose.iter().sum::<f64>() / schools as f64;
    let risk = |i: usize| 0.5 + slope * (dose[school(i)] - 0.5) + 0.3 * (level[school(i)] - 0.5);
    let rows = Rows {
        y: Array1::from_shape_fn(n, |i| f64::from(u8::from(u[i] < risk(i)))),
        within: Array1::from_shape_fn(n, |i| ((i * 7) % pupils) as f64 / pupils as f64 - 0.5),
        cohort_mean: Array1::from_shape_fn(n, |i| dose[school(i)] - centre),
        school_mean: Array1::from_shape_fn(n, |i| dose[school(i)] - centre),
        x: Array2::from_shape_fn((n, 1), |(i, _)| x[i]),
        terms: vec!["x".into()],
        school: (0..n).map(|i| school(i) as u32).collect(),
        schools,
        cohort: vec![0; n],
        cohorts: 1,
        step: 1.0,
    };
    (rows, (0..3).map(|t| (10 * t..10 * (t + 1)).collect()).collect())
}

/// What the doses of schools go with must not count as error: with outcomes shuffled in place of residuals the ratio was
/// 1.4 to 3.5 here. Of 40 regions 2 are outside the tolerance by its definition, more than 7 with probability 0.0007.
#[test]
fn shuffling_agrees_with_the_reported_error_whether_or_not_doses_matter() {
    for slope in [0.0, 0.6] {
        let found: Vec<_> = (0..40)
            .map(|k| {
                let (rows, strata) = region(k, slope);
                permutation::spread(&rows, &strata, 1, 199).expect("thirty schools")
            })
            .collect();
        let outside = found.iter().filter(|s| s.ratio.ln().abs() > s.tolerance).count();
        let mean = found.iter().map(|s| s.ratio.ln()).sum::<f64>() / 40.0;
        assert!(outside <= 7, "{slope}: {outside}");
        assert!(mean.abs() < 0.1, "{slope}: {mean}");
        let small = found.iter().filter(|s| s.p <= 0.05).count();
        assert!(if slope == 0.0 { small <= 7 } else { small >= 35 }, "{slope}: {small}");
    }
}
