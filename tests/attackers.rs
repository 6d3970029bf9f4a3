//! Somebody who sees a page and knows the rules tries to work back a hidden number (F62): by the margin, by the complement, by the
//! percentage and the number of pupils, and over schools. Every number that stays possible is tried; one must never be left alone.

mod small;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use lob_effect::disclosure::margins::over_schools;
use lob_effect::disclosure::page::{FlowRow, Share, Shown};
use lob_effect::disclosure::suppress::{FlowCount, Profile, count, flow, share};
use small::{Folder, Study};

const PROFILES: [Profile; 2] = [Profile::SCHOOL_EXTERN, Profile::SCHOOL_INTERN];

/// What a reader sees of a share.
fn seen(shown: &Shown<Share>) -> String {
    format!("{shown:?}")
}

/// The attacker knows n exactly. Where the numerator or its complement is below `min_cell`, what is shown may stand for as many
/// counts as the threshold names.
#[test]
fn f62_a_share_and_the_exact_number_of_pupils_do_not_give_the_count() {
    let p = Profile::SCHOOL_EXTERN;
    for n in 1..=220_u64 {
        let mut behind: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for k in 0..=n {
            behind.entry(seen(&share(k, n, &p))).or_default().push(k);
        }
        for k in (0..=n).filter(|k| (*k).min(n - *k) < p.min_cell) {
            let alike = &behind[&seen(&share(k, n, &p))];
            let fewest = p.min_cell.min(n + 1) as usize;
            assert!(alike.len() >= fewest, "{k} of {n}: only {alike:?} look so");
        }
    }
}

/// With exact counts 0 and all are coded, so that "nobody" and "everybody" are not said of a small group.
#[test]
fn f62_nobody_and_everybody_of_a_small_group_are_not_said() {
    let p = Profile::SCHOOL_INTERN;
    for n in p.min_pupils..p.min_pupils_extreme {
        let said = |k: u64| seen(&share(k, n, &p));
        for (extreme, other) in [(0, 1), (n, n - 1)] {
            let Shown::Value(s) = share(extreme, n, &p) else { panic!("{extreme} of {n} is coded") };
            assert_ne!(format!("{:?}", s.bound), "Exact", "{extreme} of {n}");
            assert_ne!(said(extreme), said(other));
        }
    }
}

fn road(counts: &[u64; 4]) -> Vec<FlowCount> {
    let row = |(i, n): (usize, &u64)| FlowCount {
        nl: format!("stap {i}"),
        en: format!("step {i}"),
        is_total: i == 0 || i == 3,
        n: *n,
    };
    counts.iter().enumerate().map(row).collect()
}

fn shown(rows: &[FlowRow]) -> String {
    rows.iter().map(|r| format!("{:?};", r.n)).collect()
}

/// A road of two reasons: all roads that look like it are tried. Who is hidden must have two numbers left.
#[test]
fn f62_the_margin_and_the_complement_of_a_road_do_not_give_a_hidden_number() {
    for p in PROFILES {
        let mut behind: BTreeMap<String, Vec<[u64; 4]>> = BTreeMap::new();
        let mut hidden = 0;
        for read in 18..=42_u64 {
            for a in 0..=17_u64.min(read) {
                for b in 0..=17.min(read - a) {
                    let counts = [read, a, b, read - a - b];
                    behind.entry(shown(&flow(road(&counts), &p))).or_default().push(counts);
                }
            }
        }
        for alike in behind.values() {
            // The edge of what was tried is no knowledge.
            if alike.iter().any(|c| c[0] < 23 || c[0] > 37 || c[1] > 12 || c[2] > 12) {
                continue;
            }
            let rows = flow(road(&alike[0]), &p);
            for at in (0..rows.len()).filter(|&i| matches!(rows[i].n, Shown::Suppressed { .. })) {
                let left: BTreeSet<u64> = alike.iter().map(|c| c[at]).collect();
                assert!(left.len() >= 2, "{}: step {at} of {} is {left:?}", p.id, shown(&rows));
                hidden += 1;
            }
        }
        assert!(hidden > 10, "{}: nothing was attacked", p.id);
    }
}

/// The road of a school, or of all together, with one reason.
fn one_reason(read: u64, gone: u64, p: &Profile) -> Vec<FlowRow> {
    let step = |name: &str, is_total: bool, n: u64| FlowCount { nl: name.into(), en: name.into(), is_total, n };
    flow(vec![step("read", true, read), step("gone", false, gone), step("used", true, read - gone)], p)
}

/// What a reader of numbers sees: each, or none.
fn numbers(rows: &[FlowRow]) -> Vec<Option<u64>> {
    rows.iter().map(|r| if let Shown::Value(n) = r.n { Some(n) } else { None }).collect()
}

/// Three schools with all numbers of pupils that look like theirs, and who is gone from them: how many hidden numbers were attacked,
/// and how many of them the page alone gives away.
fn attack_schools(p: &Profile) -> (usize, usize) {
    let mut roads: BTreeMap<(u64, u64), Vec<FlowRow>> = BTreeMap::new();
    let mut behind: BTreeMap<Vec<Vec<Option<u64>>>, Vec<[u64; 3]>> = BTreeMap::new();
    // Whole classes of rounding: 38 to 42 are 40.
    for i in 0..125_u64 {
        let pupils = [38 + i % 5, 48 + i / 5 % 5, 63 + i / 25];
        for k in 0..2197_u64 {
            let gone = [k % 13, k / 13 % 13, k / 169];
            let own: Vec<Vec<FlowRow>> = pupils
                .iter()
                .zip(gone)
                .map(|(n, g)| roads.entry((*n, g)).or_insert_with(|| one_reason(*n, g, p)).clone())
                .collect();
            let total = (pupils.iter().sum(), gone.iter().sum());
            let mut all = roads.entry(total).or_insert_with(|| one_reason(total.0, total.1, p)).clone();
            over_schools(&mut all, &own.iter().map(Vec::as_slice).collect::<Vec<_>>(), p.min_pupils);
            let seen = std::iter::once(&all).chain(&own).map(|rows| numbers(rows)).collect();
            behind.entry(seen).or_default().push(gone);
        }
    }
    let (mut attacked, mut given_away) = (0, 0);
    // The edge of what was tried is no knowledge.
    for alike in behind.values().filter(|alike| alike.iter().flatten().all(|g| *g < 12)) {
        for at in (0..3).filter(|at| matches!(count(alike[0][*at], p), Shown::Suppressed { .. })) {
            attacked += 1;
            given_away += usize::from(alike.iter().all(|c| c[at] == alike[0][at]));
        }
    }
    (attacked, given_away)
}

#[test]
fn f62_the_margin_over_schools_does_not_give_a_hidden_number() {
    for profile in [Profile::SCHOOL_INTERN, Profile::SCHOOL_EXTERN] {
        let (attacked, given_away) = attack_schools(&profile);
        assert!(attacked > 100 && given_away == 0, "{given_away} of {attacked}");
    }
}

/// Two schools of which one hides: the whole page of a check is the same for at least two of its numbers.
#[test]
fn f62_the_page_of_a_check_is_the_same_for_neighbouring_small_numbers() {
    let page = |unlinked: usize| {
        let mut study = Study::small();
        (0..unlinked).for_each(|row| study.leerling.set(row, "koppeling", "nee"));
        let folder = Folder::with(&study);
        let ran = folder.lob(&["check", "study.toml"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        fs::read_to_string(folder.path().join("check/validatie.html")).expect("a page")
    };
    let pages: Vec<String> = (1..=9).map(page).collect();
    for (k, own) in pages.iter().enumerate() {
        let alike = pages.iter().filter(|other| *other == own).count();
        assert!(alike >= 2, "{} unlinked pupils make a page of their own", k + 1);
    }
}
