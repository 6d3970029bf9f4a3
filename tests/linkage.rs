//! The linkage rules of `formats.md` §14 and the traps of §16 that belong to them, each by its number.

use std::collections::{BTreeMap, BTreeSet};

use lob_effect::ingest::canonical::diplomas::{Diploma, diplomas_of};
use lob_effect::ingest::canonical::dropout::{
    Label, Listed, Status, contradictions, label, rates, replace_provisional,
};
use lob_effect::ingest::canonical::join::{Link, link, shares};
use lob_effect::ingest::canonical::known::{Known, Own};
use lob_effect::ingest::canonical::periods::{
    Delivery, Period, Programme, Register, RepeatedStart, end_periods, level_of, long_overlaps, merge_equal,
    newest_deliveries, set_levels,
};
use lob_effect::ingest::canonical::successors::{ChainError, Successors, Transition};
use lob_effect::vocab::Day;
use proptest::prelude::*;

fn day(text: &str) -> i32 {
    Day::parse(text).expect("a date").0
}

/// A period of pupil `p` at 99ZA in enrolment C1, from `start`, of an enrolment that ends on `end`.
fn period(start: &str, crebo: &str, end: Option<&str>) -> Period {
    Period {
        pupil: "p".into(),
        brin: "99ZA".into(),
        number: "C1".into(),
        start: day(start),
        enrol_end: end.map(day),
        crebo: Some(crebo.into()),
        track: Some("BOL".into()),
        sector: "mbo".into(),
        ..Period::default()
    }
}

/// The same with its end set by the rule.
fn ended(start: &str, crebo: &str, end: Option<&str>) -> Period {
    let period = period(start, crebo, end);
    Period { end: period.enrol_end, ..period }
}

fn register() -> Register {
    let programme = |level, dossier: &str, domain: &str| Programme {
        level: Some(level),
        dossier: Some(dossier.into()),
        domain: Some(domain.into()),
    };
    BTreeMap::from([
        ("25001".into(), programme(2, "23001", "Afbouw")),
        ("25002".into(), programme(3, "23001", "Afbouw")),
        ("25003".into(), programme(3, "23002", "Afbouw")),
        ("25004".into(), programme(4, "23003", "Zorg")),
        ("25257".into(), Programme { level: Some(1), dossier: Some("23110".into()), domain: None }),
    ])
}

// --- Rule 3 of RO (§3): where a period ends -----------------------------------------------------------------------

#[test]
fn a_period_ends_on_the_day_before_the_next_one_of_its_enrolment_else_with_the_enrolment_else_not() {
    let other = Period { number: "C2".into(), ..period("2024-11-01", "25003", None) };
    let mut periods = vec![
        period("2024-08-01", "25001", Some("2025-06-20")),
        other,
        period("2025-02-01", "25002", Some("2025-06-20")),
    ];
    assert_eq!(end_periods(&mut periods), Ok(0));
    let ends: Vec<Option<i32>> = periods.iter().map(|p| p.end).collect();
    assert_eq!(ends, [Some(day("2025-01-31")), Some(day("2025-06-20")), None]);
}

#[test]
fn one_number_at_two_institutions_or_of_two_pupils_are_different_enrolments() {
    // §16 trap 8 and 12: numbers are unique per pupil and institution only.
    let elsewhere = Period { brin: "99ZB".into(), ..period("2025-02-01", "25001", None) };
    let someone = Period { pupil: "q".into(), ..period("2025-03-01", "25001", None) };
    let lettered = Period { number: "A1".into(), ..period("2025-04-01", "25001", None) };
    let mut periods = vec![period("2024-08-01", "25001", None), elsewhere, someone, lettered];
    assert_eq!(end_periods(&mut periods), Ok(0));
    assert!(periods.iter().all(|p| p.end.is_none()));
    assert_eq!(merge_equal(&mut periods), 0);
}

#[test]
fn copies_of_a_period_go_and_two_different_ones_on_a_day_are_refused_by_count() {
    let mut copies = vec![period("2024-08-01", "25001", None), period("2024-08-01", "25001", None)];
    assert_eq!(end_periods(&mut copies), Ok(1));
    assert_eq!(copies.len(), 1);
    let mut conflict = vec![period("2024-08-01", "25001", None), period("2024-08-01", "25002", None)];
    assert_eq!(end_periods(&mut conflict), Err(RepeatedStart { rows: 1 }));
}

#[test]
fn periods_that_differ_in_funding_or_place_are_one_and_a_gap_keeps_them_apart() {
    let unfunded =
        Period { funded: Some(false), location: Some("999X002".into()), ..period("2025-01-01", "25001", None) };
    let mut periods = vec![period("2024-08-01", "25001", None), unfunded, period("2025-03-01", "25002", None)];
    end_periods(&mut periods).expect("no conflict");
    assert_eq!(merge_equal(&mut periods), 1);
    let seen: Vec<(i32, Option<i32>)> = periods.iter().map(|p| (p.start, p.end)).collect();
    assert_eq!(seen, [(day("2024-08-01"), Some(day("2025-02-28"))), (day("2025-03-01"), None)]);
    let mut gap = vec![
        Period { end: Some(day("2024-12-31")), ..period("2024-08-01", "25001", None) },
        period("2025-03-01", "25001", None),
    ];
    end_periods(&mut gap).expect("no conflict");
    assert_eq!(merge_equal(&mut gap), 0);
}

proptest! {
    /// On every day the merged periods say of an enrolment what the periods before merging said: nothing is lost or invented.
    #[test]
    fn merging_changes_no_day(starts in proptest::collection::btree_set(0i32..400, 1..8), codes in proptest::collection::vec(0u8..3, 8)) {
        let mut periods: Vec<Period> = starts
            .iter()
            .zip(&codes)
            .map(|(s, c)| Period { crebo: Some(c.to_string()), start: *s, enrol_end: Some(500), ..period("2024-08-01", "", None) })
            .collect();
        end_periods(&mut periods).expect("different days");
        let on = |periods: &[Period], day: i32| -> Vec<Option<String>> {
            periods.iter().filter(|p| p.is_on(Day(day))).map(|p| p.crebo.clone()).collect()
        };
        let before: Vec<_> = (-1..=501).map(|d| on(&periods, d)).collect();
        merge_equal(&mut periods);
        let after: Vec<_> = (-1..=501).map(|d| on(&periods, d)).collect();
        prop_assert_eq!(before, after);
        prop_assert!(periods.windows(2).all(|w| w[0].crebo != w[1].crebo));
    }
}

// --- Rule 5: successors -------------------------------------------------------------------------------------------

fn transition(from: &str, to: &str, date: &str, whole: bool) -> Transition {
    Transition { from: from.into(), to: to.into(), date: day(date), whole }
}

#[test]
fn whole_organisations_are_followed_to_the_newest_number_and_locations_with_them() {
    let chain = [transition("97VB", "98VA", "2023-08-01", true), transition("98VA", "99ZA", "2025-08-01", true)];
    let successors = Successors::of(&chain).expect("a chain");
    assert_eq!(successors.newest("97VB", day("2022-10-01")), "99ZA");
    assert_eq!(successors.newest("97VB02", day("2022-10-01")), "99ZA02");
    assert_eq!(successors.newest("98VA", day("2024-10-01")), "99ZA");
    assert_eq!(successors.newest("97XX00", day("2022-10-01")), "97XX00");
    // A second transition on the day of the first.
    let same_day = [transition("97VB", "98VA", "2023-08-01", true), transition("98VA", "99ZA", "2023-08-01", true)];
    assert_eq!(Successors::of(&same_day).expect("a chain").newest("97VB", day("2022-10-01")), "99ZA");
    // Under the old number after the transition: another organisation may have it by then.
    assert_eq!(successors.newest("97VB", day("2023-10-01")), "97VB");
    let middle = &successors.schools()["98VA"];
    assert_eq!((middle.from, middle.to), (Some(day("2023-08-01")), Some(day("2025-07-31"))));
    assert_eq!(middle.successor.as_deref(), Some("99ZA"));
}

#[test]
fn a_location_with_a_transition_of_its_own_goes_there() {
    let rows = [transition("97VB01", "96AA03", "2023-08-01", true), transition("97VB", "98VA", "2023-08-01", true)];
    let successors = Successors::of(&rows).expect("a chain");
    assert_eq!(successors.newest("97VB01", day("2022-10-01")), "96AA03");
    assert_eq!(successors.newest("97VB00", day("2022-10-01")), "98VA00");
}

#[test]
fn a_split_is_not_followed_and_is_told() {
    let rows = [transition("97VB", "98VA", "2023-08-01", false), transition("97VB", "98VB", "2023-08-01", false)];
    let successors = Successors::of(&rows).expect("no chain");
    assert_eq!(successors.newest("97VB", day("2022-10-01")), "97VB");
    assert!(successors.split.contains("97VB"));
}

#[test]
fn cycles_and_double_successors_are_refused() {
    let cycle = [transition("A", "B", "2023-08-01", true), transition("B", "A", "2024-08-01", true)];
    assert!(matches!(Successors::of(&cycle), Err(ChainError::Cycle { .. })));
    let itself = [transition("A", "A", "2023-08-01", true)];
    assert!(matches!(Successors::of(&itself), Err(ChainError::Cycle { .. })));
    let two = [transition("A", "B", "2023-08-01", true), transition("A", "C", "2024-08-01", true)];
    assert_eq!(Successors::of(&two), Err(ChainError::Two { number: "A".into() }));
    let copy = [transition("A", "B", "2023-08-01", true), transition("A", "B", "2023-08-01", true)];
    assert!(Successors::of(&copy).is_ok(), "the same row twice is one");
}

// --- Rule 6: levels -----------------------------------------------------------------------------------------------

#[test]
fn levels_are_trusted_in_order_and_never_guessed() {
    let of = |crebo: &str, level| Period { level, ..ended("2024-08-01", crebo, None) };
    let mut periods =
        [of("25001", None), of("25002", Some(4)), of("25003", Some(3)), of("29999", None), of("23076", Some(4))];
    let funding = BTreeMap::from([("25001".to_string(), 1), ("25002".to_string(), 2)]);
    let found = set_levels(&mut periods, &funding, &register());
    let levels: Vec<Option<u8>> = periods.iter().map(|p| p.level).collect();
    assert_eq!(levels, [Some(1), Some(2), Some(3), None, Some(4)]);
    assert_eq!((found.funding, found.own, found.register, found.unknown), (2, 2, 0, 1));
    assert_eq!(found.conflicts, 2, "25001: 1 or 2; 25002: 2, 4 or 3");
}

#[test]
fn levels_are_read_in_every_spelling_and_nothing_else_is_one() {
    for text in ["MBO-3", "Mbo3 opleidingen", "Mbo3 opleidinge", "Mbo niveau 3", "3", " mbo-3 "] {
        assert_eq!(level_of(text), Some(3), "{text}");
    }
    // §16 trap 3: a crebo, a provider or a funding flag is no level.
    for text in ["25001", "999A003", "0", "MBO-5", "VMBO bovenbouw", "", "J", "Mbo"] {
        assert_eq!(level_of(text), None, "{text}");
    }
}

// --- Rule 8: diplomas -------------------------------- ----------------------------------------------------------

fn diploma(enrolment: Option<&str>, crebo: &str, date: &str) -> Diploma {
    Diploma {
        pupil: "p".into(),
        brin: "99ZA".into(),
        number: "700001".into(),
        enrolment: enrolment.map(str::to_string),
        crebo: Some(crebo.into()),
        level: None,
        date: day(date),
    }
}

/// Positions of the periods that have a diploma.
fn given(periods: &[Period], diplomas: &[Diploma]) -> Vec<(usize, i32)> {
    diplomas_of(periods, diplomas).into_iter().map(|(k, d)| (k, d.date)).collect()
}

#[test]
fn a_diploma_is_of_its_enrolment_or_of_the_programme_that_ends_that_day() {
    let p = [ended("2023-08-01", "25001", Some("2025-06-20"))];
    let has = |d: Diploma| !given(&p, &[d]).is_empty();
    assert!(has(diploma(Some("C1"), "25001", "2025-06-20")));
    assert!(has(diploma(None, "25001", "2025-06-20")));
    assert!(!has(diploma(None, "25001", "2025-06-21")), "another day");
    assert!(!has(diploma(None, "25002", "2025-06-20")), "another programme");
    assert!(!has(diploma(Some("C2"), "25001", "2025-06-20")), "it names another enrolment");
    let elsewhere = Diploma { brin: "99ZB".into(), ..diploma(Some("C1"), "25001", "2025-06-20") };
    assert!(!has(elsewhere), "C1 of another institution");
}

#[test]
fn two_diplomas_of_one_enrolment_go_to_the_period_of_their_programme_and_never_to_another_level() {
    let of = |start, crebo, level, end: Option<&str>| Period {
        end: end.map(day),
        level: Some(level),
        ..period(start, crebo, Some("2026-06-20"))
    };
    let periods = [of("2023-08-01", "25257", 1, Some("2024-07-31")), of("2024-08-01", "25003", 3, Some("2026-06-20"))];
    let entree = Diploma { level: Some(1), ..diploma(Some("C1"), "25257", "2024-08-15") };
    let second = Diploma { level: Some(3), ..diploma(Some("C1"), "25003", "2026-06-20") };
    let both = [(0, day("2024-08-15")), (1, day("2026-06-20"))];
    assert_eq!(given(&periods, &[second.clone(), entree.clone()]), both);
    assert_eq!(given(&periods, &[entree.clone(), second]), both, "in any order");
    let odd = Diploma { crebo: Some("25999".into()), ..entree.clone() };
    assert_eq!(given(&periods, &[odd]), [], "in force is niveau 3, and the diploma is of entree");
    let unnamed = Diploma { crebo: None, level: None, ..entree };
    assert_eq!(given(&periods, &[unnamed]), [(1, day("2024-08-15"))], "one period, the one in force");
}

// --- Rule 9: dropout ----------------------------------------------------------------------------------------------

fn listed(pupil: &str, status: Status) -> Listed {
    Listed { pupil: pupil.into(), brin: "99ZA".into(), year: 2025, status, ..Listed::default() }
}

#[test]
fn definitive_lists_replace_provisional_ones_even_when_they_are_empty() {
    use Status::{Definitive, Monthly, Provisional};
    let rows = vec![listed("p", Provisional), listed("q", Provisional), listed("p", Definitive), listed("r", Monthly)];
    let left = replace_provisional(rows, &BTreeSet::new());
    assert_eq!((left.rows, left.replaced), (vec![listed("p", Definitive), listed("r", Monthly)], 2));
    let at = |location: &str| Listed { location: location.into(), ..listed("p", Provisional) };
    let one = BTreeSet::from([("99ZA".to_string(), "02".to_string(), 2025)]);
    let left = replace_provisional(vec![at("01"), at("02"), listed("r", Monthly)], &one);
    assert_eq!((left.rows.len(), left.replaced), (2, 1), "the definitive list of one location");
    let has = BTreeSet::from([("99ZA".to_string(), String::new(), 2025)]);
    assert_eq!(replace_provisional(vec![listed("p", Provisional)], &has).rows, []);
    let other = Listed { year: 2024, ..listed("p", Provisional) };
    assert_eq!(replace_provisional(vec![other.clone()], &has).rows, [other], "another year keeps its provisional list");
}

#[test]
fn of_monthly_reports_the_newest_stays_and_says_nothing_of_whether() {
    let report = |pupil: &str, report: &str| Listed { report: report.into(), ..listed(pupil, Status::Monthly) };
    let rows = vec![report("p", "2025-01"), report("q", "2025-01"), report("q", "2025-02"), report("q", "2025-02")];
    let left = replace_provisional(rows, &BTreeSet::new());
    // p came back.
    assert_eq!((left.rows.clone(), left.older, left.copies), (vec![report("q", "2025-02")], 2, 1));
    let start = [listed("q", Status::Definitive)];
    assert_eq!(label(&left.rows, &start, &[], 2025), Label::No, "a monthly report is no list of dropouts");
    assert_eq!(rates(&left.rows, &left.rows), BTreeMap::new());
}

#[test]
fn a_rate_has_one_year_and_one_status_and_leaves_unmatched_dropouts_out() {
    use Status::{Definitive, Provisional};
    let start = [listed("p", Definitive), listed("q", Definitive), listed("r", Definitive), listed("s", Definitive)];
    let out = [listed("p", Definitive), listed("x", Definitive), listed("q", Provisional)];
    let rates = rates(&out, &start);
    let rate = rates[&("99ZA".to_string(), 2025)];
    assert_eq!((rate.dropouts, rate.start, rate.unmatched, rate.status), (1, 4, 1, Definitive));
}

#[test]
fn unknown_is_never_dropout() {
    use Status::Definitive;
    let (p, start) = ([listed("p", Definitive)], [listed("p", Definitive)]);
    assert_eq!(label(&p, &start, &[], 2025), Label::Yes);
    assert_eq!(label(&[], &start, &[], 2025), Label::No);
    assert_eq!(label(&[], &[], &[], 2025), Label::Unknown);
    assert_eq!(label(&p, &[], &[], 2025), Label::Unknown, "on the list, not in its start population");
    assert_eq!(label(&p, &start, &[], 2024), Label::Unknown, "another year");
    let goes_on = [ended("2024-08-01", "25001", None)];
    assert_eq!(label(&p, &start, &goes_on, 2025), Label::No);
    assert_eq!(contradictions(&p, &goes_on), 1);
    assert_eq!(contradictions(&p, &[ended("2024-08-01", "25001", Some("2025-03-01"))]), 0);
}

#[test]
fn who_is_gone_from_all_registers_without_a_list_is_unknown_from_then_on() {
    let known = |periods: &[Period], diplomas: &[Diploma], out: &[Listed], start: &[Listed]| {
        let all = Own::by_pupil(periods, diplomas, out, start);
        all.get("p").map_or(Known::Nothing, |own| own.known(day("2024-08-01"), None, day("2026-12-31")))
    };
    let on = |start: &str, end: Option<&str>| [ended(start, "25001", end)];
    assert_eq!(known(&on("2024-08-01", None), &[], &[], &[]), Known::All);
    let moved = on("2024-08-01", Some("2025-06-20"));
    assert_eq!(
        known(&moved, &[], &[], &[]),
        Known::Until(day("2025-09-30")),
        "to an institution that delivered nothing?"
    );
    let list = [listed("p", Status::Definitive)];
    assert_eq!(known(&moved, &[], &list, &list), Known::All, "a dropout");
    assert_eq!(known(&moved, &[], &list, &[]), Known::Until(day("2025-09-30")), "in no start population");
    let own = |level| [Diploma { level, ..diploma(Some("C1"), "25001", "2025-06-20") }];
    assert_eq!(known(&moved, &own(Some(2)), &[], &[]), Known::All);
    assert_eq!(known(&moved, &own(Some(1)), &[], &[]), Known::Until(day("2025-09-30")), "entree");
    // Before the first count date, in vmbo, or without a diploma as the aim: nothing is known.
    assert_eq!(known(&on("2023-08-01", Some("2024-09-30")), &[], &[], &[]), Known::Nothing);
    let vo = [Period { phase: Some("VO".into()), ..ended("2024-08-01", "25001", None) }];
    assert_eq!(known(&vo, &[], &[], &[]), Known::Nothing);
    let ex = [Period { track: Some("EX".into()), ..ended("2024-08-01", "25001", None) }];
    assert_eq!(known(&ex, &[], &[], &[]), Known::Nothing);
    // A late start is one; a first enrolment a year later may be a move back.
    assert_eq!(known(&on("2025-02-01", None), &[], &[], &[]), Known::All);
    assert_eq!(known(&on("2025-10-01", None), &[], &[], &[]), Known::Nothing);
    let back = [
        ended("2024-08-01", "25001", Some("2025-06-20")),
        Period { brin: "99ZB".into(), ..ended("2026-10-01", "25001", None) },
    ];
    assert_eq!(known(&back, &[], &[], &[]), Known::Until(day("2025-09-30")), "a year nobody accounts for");
}

// --- Rules 10 and 11: several institutions, snapshots -------------------------------------------------------------

#[test]
fn two_institutions_at_once_are_kept_and_counted_beyond_31_days() {
    let at = |brin: &str, start: &str, end: Option<&str>| Period { brin: brin.into(), ..ended(start, "25001", end) };
    let month = [at("99ZA", "2024-08-01", Some("2024-10-31")), at("99ZB", "2024-10-01", None)];
    assert_eq!(long_overlaps(&month), 0, "31 days");
    let longer = [at("99ZA", "2024-08-01", Some("2024-11-01")), at("99ZB", "2024-10-01", None)];
    assert_eq!(long_overlaps(&longer), 1, "32 days");
    let open = [at("99ZA", "2024-08-01", None), at("99ZB", "2024-10-01", None)];
    assert_eq!(long_overlaps(&open), 1);
    assert_eq!(long_overlaps(&[at("99ZA", "2024-08-01", None), at("99ZA", "2024-10-01", None)]), 0, "one institution");
}

#[test]
fn the_newest_delivery_counts_and_an_older_one_fills_enrolments_that_are_missing() {
    let made = |created: &str| Delivery { created: day(created), from: day("2024-08-01"), to: day("2025-07-31") };
    let gone = Period { number: "C9".into(), ..period("2024-09-01", "25003", None) };
    let rows = vec![
        (made("2025-01-10"), period("2024-08-01", "25001", None)),
        (made("2025-01-10"), gone.clone()),
        (made("2025-08-04"), period("2024-08-01", "25001", Some("2025-06-20"))),
    ];
    let again = |source: &str| Period { source: source.into(), ..period("2024-08-01", "25001", None) };
    assert_eq!(end_periods(&mut vec![again("a"), again("b")]), Ok(1), "one period in two sources");
    let (mut kept, filled) = newest_deliveries(rows);
    kept.sort();
    assert_eq!((kept, filled), (vec![period("2024-08-01", "25001", Some("2025-06-20")), gone], 1));
}

// --- Joins (F26, F27) ---------------------------------------------------------------------------------------------

#[test]
fn f27_who_is_found_nowhere_is_counted_per_school() {
    let crosswalk = BTreeSet::from(["p".to_string(), "q".to_string()]);
    let known = |pupil: &str| if pupil == "p" { Known::Until(day("2025-09-30")) } else { Known::Nothing };
    let of = |pupil: &str| link(pupil, Some(&crosswalk), known(pupil));
    assert_eq!([of("p"), of("q"), of("r")], [Link::Linked, Link::NotFound, Link::NoNumber]);
    let shares = shares([("98VA00", of("p")), ("98VA00", of("q")), ("98VA01", of("r"))]);
    let first = shares["98VA00"];
    assert_eq!((first.pupils, first.linked, first.not_found, first.no_number), (2, 1, 1, 0));
    assert_eq!(shares["98VA01"].no_number, 1);
}
