//! Small numbers: from raw counts to what may be shown (`conventions.md` §5, `domain.md` §4.2; the stricter rule wins).
//!
//! * **Primary**: a group of fewer than `min_pupils` pupils is not shown; a share is not shown either when its
//!   numerator or its complement is smaller than `min_cell`.
//! * **Top and bottom coding**: with `min_pupils_extreme` pupils or more such a share is shown as "less than
//!   x %" or "more than x %", where x comes from `min_cell` and the number of pupils alone; 0, 1 … `min_cell` − 1
//!   look the same. Its interval is the one of the largest count that the code can stand for.
//! * **Rounding**: counts to multiples of `round_to`; shares to whole percents below a hundred pupils and to one
//!   decimal from there. What is rounded here is all that a page, a chart or a file gets to see.
//! * **Secondary**: see [`flow`].

use super::page::{Bound, FlowRow, Share, Shown};
use crate::effects::{EffectEstimate, Finding, LevelEstimate, Refusal, RefusalReason, SmallCell};
use crate::vocab::{Estimand, Interval, IntervalMethod, Level, Population, Unit};

/// Below how many pupils a share is printed in whole percents (`reports.md`, wording rules).
const WHOLE_PERCENT_BELOW: u64 = 100;
/// The code of an extreme share in a small group of the profile `school-intern` (`conventions.md` §5).
const EXTREME_CODE_PERCENT: f64 = 5.0;

/// The thresholds of one audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name in files and logs.
    pub id: &'static str,
    /// Fewest pupils of a group that is shown.
    pub min_pupils: u64,
    /// Smallest numerator and smallest complement of a share; 0 switches the rule off.
    pub min_cell: u64,
    /// Fewest pupils with which a share near 0 or 100 % is shown, and then coded.
    pub min_pupils_extreme: u64,
    /// Fewest pupils behind an effect.
    pub min_pupils_effect: u64,
    /// Fewest events, and fewest non-events, behind an effect in percentage points.
    pub min_events_effect: u64,
    /// Counts are rounded to multiples of this; 1 leaves them alone.
    pub round_to: u64,
    /// Fewest schools behind a comparison with all schools.
    pub min_schools: u64,
}

impl Profile {
    /// For the website, the participation council and parents; the default.
    pub const SCHOOL_EXTERN: Profile = Profile {
        id: "school-extern",
        min_pupils: 10,
        min_cell: 10,
        min_pupils_extreme: 30,
        min_pupils_effect: 30,
        min_events_effect: 10,
        round_to: 5,
        min_schools: 10,
    };
    /// For the school's own team, where its data protection officer agrees: groups from 5 pupils, counts as they
    /// are, and 0 or 100 % of fewer than 20 pupils shown as "less than 5 %" or "more than 95 %".
    pub const SCHOOL_INTERN: Profile = Profile {
        id: "school-intern",
        min_pupils: 5,
        min_cell: 0,
        min_pupils_extreme: 20,
        round_to: 1,
        ..Profile::SCHOOL_EXTERN
    };

    fn round(&self, n: u64) -> u64 {
        let base = self.round_to.max(1);
        (n + base / 2) / base * base
    }
}

impl Default for Profile {
    fn default() -> Self {
        Profile::SCHOOL_EXTERN
    }
}

/// Wilson's 95 % interval of the share `k / n`, in percent.
///
/// With p = k/n and z = 1.96 (the normal quantile), the ends are
/// `(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)`.
/// It stays inside 0…100 and holds its level for small n (Wilson 1927; Newcombe 1998, method 3).
///
/// # Panics
/// When `n` is 0 or `k > n`: there is no such share.
pub fn wilson(k: u64, n: u64) -> Interval {
    assert!(n > 0 && k <= n, "a share needs 0 ≤ k ≤ n and n > 0, got {k} of {n}");
    const Z: f64 = 1.959_963_984_540_054;
    let (k, n) = (k as f64, n as f64);
    let p = k / n;
    let z2n = Z * Z / n;
    let centre = p + z2n / 2.0;
    let half = Z * (p * (1.0 - p) / n + z2n / (4.0 * n)).sqrt();
    let end = |x: f64| (100.0 * x / (1.0 + z2n)).clamp(0.0, 100.0);
    Interval { lo: end(centre - half), hi: end(centre + half), level: Level::P95, method: IntervalMethod::Wilson }
}

/// The share of `k` among `n` pupils, as far as it may be shown.
///
/// # Panics
/// When `k > n`.
///
/// ```
/// use lob_effect::disclosure::page::{Bound, Shown};
/// use lob_effect::disclosure::suppress::{Profile, share};
/// let p = Profile::SCHOOL_EXTERN;
/// assert_eq!(share(3, 9, &p), Shown::Suppressed { min: 10 });
/// assert_eq!(share(3, 20, &p), Shown::Suppressed { min: 10 });
/// let Shown::Value(s) = share(3, 60, &p) else { panic!("coded, not suppressed") };
/// assert_eq!((s.bound, s.percent), (Bound::LessThan, 17.0));
/// ```
pub fn share(k: u64, n: u64, profile: &Profile) -> Shown<Share> {
    assert!(k <= n, "a share can't count {k} of {n} pupils");
    if n == 0 {
        return Shown::Missing;
    }
    if n < profile.min_pupils {
        return Shown::Suppressed { min: profile.min_pupils };
    }
    let smallest = k.min(n - k);
    if smallest < profile.min_cell {
        if n < profile.min_pupils_extreme {
            return Shown::Suppressed { min: profile.min_cell };
        }
        // Of the rounded n: the code itself must not give n away.
        let code = (100.0 * profile.min_cell as f64 / profile.round(n) as f64).ceil();
        return Shown::Value(coded(code, k == smallest, n, profile));
    }
    if smallest == 0 && n < profile.min_pupils_extreme {
        return Shown::Value(coded(EXTREME_CODE_PERCENT, k == 0, n, profile));
    }
    Shown::Value(of_rounded(k, n, profile))
}

/// A share made of rounded counts only. A percentage of the exact counts with one decimal, or its interval, would give
/// them back together with the rounded n, and differences between tables of a page would then be single pupils.
fn of_rounded(k: u64, n: u64, profile: &Profile) -> Share {
    let (k, n) = (profile.round(k), profile.round(n));
    let scale = if n < WHOLE_PERCENT_BELOW { 1.0 } else { 10.0 };
    let round = |x: f64| (x * scale).round() / scale;
    let interval = wilson(k, n);
    Share {
        percent: round(100.0 * k as f64 / n as f64),
        interval: Interval { lo: round(interval.lo), hi: round(interval.hi), ..interval },
        n,
        bound: Bound::Exact,
    }
}

/// "Less than `code` %" of `n` pupils (or, from the top, "more than 100 − `code` %"). The interval is Wilson's for
/// the largest count below the code, so it is the same for every count behind the code.
fn coded(code: f64, bottom: bool, n: u64, profile: &Profile) -> Share {
    let n = profile.round(n);
    let most = ((code * n as f64 / 100.0).ceil() as u64).saturating_sub(1).min(n);
    let far = wilson(most, n).hi.ceil();
    let (percent, lo, hi, bound) =
        if bottom { (code, 0.0, far, Bound::LessThan) } else { (100.0 - code, 100.0 - far, 100.0, Bound::MoreThan) };
    let interval = Interval { lo, hi, level: Level::P95, method: IntervalMethod::Wilson };
    Share { percent, interval, n, bound }
}

/// A number of pupils, as far as it may be shown. Nobody (0) is shown: no person stands behind it.
pub fn count(n: u64, profile: &Profile) -> Shown<u64> {
    if 0 < n && n < profile.min_pupils {
        Shown::Suppressed { min: profile.min_pupils }
    } else {
        Shown::Value(profile.round(n))
    }
}

/// The mean of `sum` over `n` pupils, to one decimal, as far as it may be shown.
pub fn mean(sum: f64, n: u64, profile: &Profile) -> Shown<f64> {
    match n {
        0 => Shown::Missing,
        n if n < profile.min_pupils => Shown::Suppressed { min: profile.min_pupils },
        n => Shown::Value((10.0 * sum / n as f64).round() / 10.0),
    }
}

/// A value over all schools, for one school's page: withheld when it stands on too few schools, or when one school
/// holds more than half of the pupils, because own and all together would then tell about somebody else.
pub fn benchmark<T>(value: Shown<T>, n_schools: u64, largest_school: f64, profile: &Profile) -> Shown<T> {
    if alone(n_schools, largest_school, profile) { Shown::FewSchools { min: profile.min_schools } } else { value }
}

fn alone(n_schools: u64, largest_school: f64, profile: &Profile) -> bool {
    n_schools < profile.min_schools || largest_school > 0.5
}

/// A finding that is made of other schools' pupils, under the rule of [`benchmark`].
pub fn compared(finding: Finding, n_schools: u64, largest_school: f64, profile: &Profile) -> Finding {
    match finding {
        Finding::Estimate(e) if alone(n_schools, largest_school, profile) => Finding::Suppressed(SmallCell {
            estimand: e.estimand,
            min_pupils: 0,
            min_events: 0,
            min_schools: profile.min_schools,
        }),
        other => other,
    }
}

/// What a school's dose goes with beside its mean dose: withheld where that mean is, and where the school in the middle
/// has few pupils, whose mean would be the difference of the two.
pub fn beside_mean(finding: Finding, mean_is_shown: bool, reference_pupils: u64, profile: &Profile) -> Finding {
    match finding {
        Finding::Estimate(e) if !mean_is_shown || reference_pupils < profile.min_pupils => {
            small(e.estimand, false, profile)
        }
        other => other,
    }
}

/// A finding, as far as it may be shown.
///
/// An estimate on fewer than `min_pupils_effect` pupils, or in percentage points on fewer than `min_events_effect`
/// events or non-events, becomes [`Finding::Suppressed`]. So does a school's refusal because nobody or everybody
/// had the outcome: that sentence would be the 0 or 100 % that [`share`] does not show. Counts are rounded, and a
/// refusal's count below `min_pupils` is dropped.
pub fn effect(finding: Finding, profile: &Profile) -> Finding {
    match finding {
        Finding::Estimate(e) if too_small(&e, profile) => {
            small(e.estimand, e.quantity.unit == Unit::PercentagePoint, profile)
        }
        Finding::Estimate(e) => Finding::Estimate(EffectEstimate {
            n_pupils: profile.round(e.n_pupils),
            n_events: profile.round(e.n_events),
            ..e
        }),
        Finding::Refused(r)
            if r.reason == RefusalReason::NoVariation && r.estimand.population == Population::School =>
        {
            small(r.estimand, true, profile)
        }
        Finding::Refused(r) => {
            let enough = r.n_pupils >= profile.min_pupils;
            let n_pupils = if enough { profile.round(r.n_pupils) } else { 0 };
            Finding::Refused(Refusal { n_pupils, ..r })
        }
        Finding::Suppressed(s) => Finding::Suppressed(s),
    }
}

/// What a school's dose goes with, as far as it may be shown. It is made of the association over all schools and the
/// doses of this one, not of its outcomes, so it needs pupils but no events.
pub fn contribution(finding: Finding, profile: &Profile) -> Finding {
    match finding {
        Finding::Estimate(e) if e.n_pupils < profile.min_pupils_effect => small(e.estimand, false, profile),
        Finding::Estimate(e) => Finding::Estimate(EffectEstimate {
            n_pupils: profile.round(e.n_pupils),
            n_events: profile.round(e.n_events),
            ..e
        }),
        other => effect(other, profile),
    }
}

/// The share that is expected of a school's pupils, rounded as [`share`] rounds; `None` below the threshold of effects.
pub fn expected(level: LevelEstimate, n_pupils: u64, profile: &Profile) -> Option<LevelEstimate> {
    let scale = if n_pupils < WHOLE_PERCENT_BELOW { 1.0 } else { 10.0 };
    let round = |x: f64| (x * scale).round() / scale;
    let ends =
        Interval { lo: round(level.interval.lo.max(0.0)), hi: round(level.interval.hi.min(100.0)), ..level.interval };
    let enough = n_pupils >= profile.min_pupils_effect;
    enough.then(|| LevelEstimate { value: round(level.value), std_error: level.std_error, interval: ends })
}

fn too_small(e: &EffectEstimate, profile: &Profile) -> bool {
    let few_events = e.quantity.unit == Unit::PercentagePoint
        && e.n_events.min(e.n_pupils.saturating_sub(e.n_events)) < profile.min_events_effect;
    e.n_pupils < profile.min_pupils_effect || few_events
}

/// `has_events` is false for a score, which then names no threshold for events.
fn small(estimand: Estimand, has_events: bool, profile: &Profile) -> Finding {
    Finding::Suppressed(SmallCell {
        estimand,
        min_pupils: profile.min_pupils_effect,
        min_events: if has_events { profile.min_events_effect } else { 0 },
        min_schools: 0,
    })
}

/// One step of the flow before suppression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowCount {
    /// Step or reason in Dutch.
    pub nl: String,
    /// Step or reason in English.
    pub en: String,
    /// True for a subtotal, false for pupils who fell out.
    pub is_total: bool,
    /// Pupils.
    pub n: u64,
}

/// The flow with primary and complementary suppression.
///
/// Between two subtotals the reasons add up to a known number, so a single suppressed reason could be derived.
/// Then a second one is hidden with it: the smallest that is not zero, else a zero. Where counts are not rounded, and where the
/// subtotal behind them is suppressed, all of them are hidden. This is simple complementary suppression along one margin; it
/// makes no promise about several tables taken together.
pub fn flow(rows: Vec<FlowCount>, profile: &Profile) -> Vec<FlowRow> {
    let mut shown: Vec<Shown<u64>> = rows.iter().map(|r| count(r.n, profile)).collect();
    let totals: Vec<usize> = (0..rows.len()).filter(|&i| rows[i].is_total).collect();
    for ends in totals.windows(2) {
        let (open, close) = (ends[0], ends[1]);
        let hidden = |i: usize| matches!(shown[i], Shown::Suppressed { .. });
        let reasons = open + 1..close;
        // Unrounded counts of the analysed pupils stand elsewhere on the page too: there nothing but the sum is shown. A subtotal that
        // is hidden is what the reasons leave over, and which of them was hidden with it would say how large they are.
        if hidden(close) || profile.round_to <= 1 && reasons.clone().any(hidden) {
            let alone = reasons.len() == 1;
            for i in reasons.chain(alone.then_some(close)) {
                shown[i] = Shown::Suppressed { min: profile.min_pupils };
            }
            continue;
        }
        let derivable = !hidden(open) && reasons.clone().filter(|&i| hidden(i)).count() == 1;
        if !derivable {
            continue;
        }
        if let Some(i) = reasons.filter(|&i| !hidden(i)).min_by_key(|&i| (rows[i].n == 0, rows[i].n)) {
            shown[i] = Shown::Suppressed { min: profile.min_pupils };
        }
    }
    rows.into_iter().zip(shown).map(|(r, n)| FlowRow { nl: r.nl, en: r.en, is_total: r.is_total, n }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::{Contrast, DosePart, Quantity, Reading};

    const OUT: Profile = Profile::SCHOOL_EXTERN;
    const IN: Profile = Profile::SCHOOL_INTERN;

    #[test]
    fn wilson_gives_newcombes_printed_values() {
        // Newcombe (1998), Statistics in Medicine 17: 857-872, table I, method 3.
        for (k, n, lo, hi) in
            [(81, 263, 25.53, 36.62), (15, 148, 6.24, 16.05), (0, 20, 0.0, 16.11), (1, 29, 0.61, 17.18)]
        {
            let i = wilson(k, n);
            assert!((i.lo - lo).abs() < 0.005 && (i.hi - hi).abs() < 0.005, "{k}/{n}: {i:?}");
        }
    }

    #[test]
    fn no_small_cell_is_ever_shown_exactly() {
        for n in 0..200 {
            for k in 0..=n {
                let small = n < 10 || k < 10 || n - k < 10;
                match share(k, n, &OUT) {
                    Shown::Value(s) if s.bound == Bound::Exact => assert!(!small, "{k} of {n}"),
                    Shown::Value(_) => assert!(small && n >= 30, "{k} of {n}"),
                    Shown::Suppressed { .. } => assert!(small && n < 30, "{k} of {n}"),
                    Shown::Missing => assert_eq!(n, 0),
                    Shown::FewSchools { .. } => panic!("{k} of {n} is no comparison"),
                }
            }
        }
    }

    #[test]
    fn nobody_can_count_back_from_a_shown_share() {
        // All counts that look the same on the page: at least three numerators and three denominators each, so that no
        // difference between two tables is a number of pupils.
        let mut alike: Vec<(Share, Vec<(u64, u64)>)> = Vec::new();
        for n in 10..=182 {
            for k in 0..=n {
                if let Shown::Value(s) = share(k, n, &OUT) {
                    match alike.iter_mut().find(|(t, _)| *t == s) {
                        Some((_, counts)) => counts.push((k, n)),
                        None => alike.push((s, vec![(k, n)])),
                    }
                }
            }
        }
        for (s, counts) in alike {
            let distinct =
                |of: fn(&(u64, u64)) -> u64| counts.iter().map(of).collect::<std::collections::BTreeSet<_>>();
            assert!(distinct(|c| c.0).len() >= 3 && distinct(|c| c.1).len() >= 3, "{s:?} can only be {counts:?}");
        }
    }

    #[test]
    fn a_code_tells_nothing_but_that_the_cell_is_small() {
        for n in [30, 91, 250] {
            for k in 1..10 {
                assert_eq!(share(k, n, &OUT), share(0, n, &OUT));
                assert_eq!(share(n - k, n, &OUT), share(n, n, &OUT));
            }
            let Shown::Value(s) = share(9, n, &OUT) else { panic!("coded") };
            assert!(100.0 * 9.0 / (n as f64) < s.percent && s.interval.hi >= wilson(9, n).hi);
        }
    }

    #[test]
    fn the_intern_profile_codes_extremes_of_small_groups_only() {
        let code = |k, n| match share(k, n, &IN) {
            Shown::Value(s) => (s.bound, s.percent),
            other => panic!("{other:?}"),
        };
        assert_eq!(code(0, 12), (Bound::LessThan, 5.0));
        assert_eq!(code(12, 12), (Bound::MoreThan, 95.0));
        assert_eq!(code(0, 20), (Bound::Exact, 0.0));
        assert_eq!(code(1, 12), (Bound::Exact, 8.0));
        assert_eq!(share(2, 4, &IN), Shown::Suppressed { min: 5 });
    }

    #[test]
    fn counts_are_rounded_and_small_ones_hidden() {
        assert_eq!(count(0, &OUT), Shown::Value(0));
        assert_eq!(count(9, &OUT), Shown::Suppressed { min: 10 });
        assert_eq!(count(142, &OUT), Shown::Value(140));
        assert_eq!(count(143, &OUT), Shown::Value(145));
        assert_eq!(count(143, &IN), Shown::Value(143));
        assert_eq!(mean(31.0, 10, &OUT), Shown::Value(3.1));
        assert_eq!(mean(31.0, 9, &OUT), Shown::Suppressed { min: 10 });
    }

    #[test]
    fn all_schools_are_shown_only_when_they_hide_each_of_them() {
        assert_eq!(benchmark(Shown::Value(1), 12, 0.2, &OUT), Shown::Value(1));
        assert_eq!(benchmark(Shown::Value(1), 9, 0.2, &OUT), Shown::FewSchools { min: 10 });
        assert_eq!(benchmark(Shown::Value(1), 12, 0.6, &OUT), Shown::FewSchools { min: 10 });
    }

    fn estimand(population: Population) -> Estimand {
        Estimand {
            outcome: "uitval".into(),
            exposure: "lob".into(),
            contrast: Contrast { part: DosePart::Total, step: 5.0 },
            population,
            reading: Reading::Association,
        }
    }

    fn estimate(n_pupils: u64, n_events: u64, unit: Unit) -> Finding {
        Finding::Estimate(EffectEstimate {
            estimand: estimand(Population::School),
            quantity: Quantity { value: -1.0, unit, per: 5.0 },
            interval: Interval { lo: -3.0, hi: 1.0, level: Level::P95, method: IntervalMethod::Wald },
            std_error: 1.0,
            df: f64::INFINITY,
            n_pupils,
            n_events,
        })
    }

    #[test]
    fn an_effect_needs_pupils_events_and_non_events() {
        let hidden = |f| matches!(effect(f, &OUT), Finding::Suppressed(_));
        assert!(hidden(estimate(29, 14, Unit::PercentagePoint)));
        assert!(hidden(estimate(91, 9, Unit::PercentagePoint)));
        assert!(hidden(estimate(91, 82, Unit::PercentagePoint)));
        assert!(!hidden(estimate(91, 10, Unit::PercentagePoint)));
        assert!(!hidden(estimate(91, 81, Unit::PercentagePoint)));
        assert!(hidden(estimate(29, 0, Unit::ScorePoint)));
        assert!(!hidden(estimate(30, 0, Unit::ScorePoint)), "a score has no events");
    }

    #[test]
    fn what_a_dose_goes_with_needs_pupils_but_no_events() {
        let hidden = |f| matches!(contribution(f, &OUT), Finding::Suppressed(SmallCell { min_events: 0, .. }));
        assert!(hidden(estimate(29, 14, Unit::PercentagePoint)));
        assert!(!hidden(estimate(91, 0, Unit::PercentagePoint)));
        let Finding::Estimate(e) = contribution(estimate(91, 13, Unit::PercentagePoint), &OUT) else { panic!("shown") };
        assert_eq!((e.n_pupils, e.n_events), (90, 15), "counts are rounded");
    }

    #[test]
    fn an_expected_share_is_rounded_as_shares_are() {
        let interval = Interval { lo: -0.2, hi: 12.26, level: Level::P95, method: IntervalMethod::Wald };
        let level = LevelEstimate { value: 7.44, std_error: 1.0, interval };
        let shown = |n| expected(level, n, &OUT).map(|l| (l.interval.lo, l.value, l.interval.hi));
        assert_eq!(shown(29), None);
        assert_eq!(shown(91), Some((0.0, 7.0, 12.0)));
        assert_eq!(shown(145), Some((0.0, 7.4, 12.3)));
    }

    #[test]
    fn a_refusal_gives_no_zero_and_no_small_count_away() {
        let refused = |reason, population| {
            let refusal = Refusal { estimand: estimand(population), reason, n_pupils: 7 };
            effect(Finding::Refused(refusal), &OUT)
        };
        let own = refused(RefusalReason::NoVariation, Population::School);
        assert!(matches!(own, Finding::Suppressed(_)));
        let nation = refused(RefusalReason::NoVariation, Population::Nation);
        assert!(matches!(nation, Finding::Refused(Refusal { n_pupils: 0, .. })));
    }

    fn step(is_total: bool, n: u64) -> FlowCount {
        FlowCount { nl: "stap".into(), en: "step".into(), is_total, n }
    }

    fn numbers(rows: Vec<FlowCount>, profile: &Profile) -> Vec<Option<u64>> {
        flow(rows, profile).into_iter().map(|r| if let Shown::Value(n) = r.n { Some(n) } else { None }).collect()
    }

    #[test]
    fn one_hidden_reason_takes_a_second_with_it() {
        let rows = vec![step(true, 150), step(false, 3), step(false, 30), step(false, 12), step(true, 105)];
        assert_eq!(numbers(rows, &OUT), [Some(150), None, Some(30), None, Some(105)]);
        let with_zero = vec![step(true, 150), step(false, 0), step(false, 3), step(true, 147)];
        assert_eq!(numbers(with_zero, &OUT), [Some(150), None, None, Some(145)]);
        let alone = vec![step(true, 150), step(false, 3), step(true, 147)];
        assert_eq!(numbers(alone.clone(), &IN), [Some(150), None, None]);
        assert_eq!(numbers(alone, &OUT), [Some(150), None, Some(145)], "rounding protects it");
        let three = vec![step(true, 171), step(false, 12), step(false, 5), step(false, 1), step(true, 153)];
        assert_eq!(numbers(three, &IN), [Some(171), None, None, None, Some(153)]);
    }

    /// Of two schools each knows its own numbers, so a number over both tells about the other.
    #[test]
    fn what_is_made_of_other_schools_needs_enough_of_them() {
        let is_shown =
            |n, most| matches!(compared(estimate(100, 40, Unit::PercentagePoint), n, most, &OUT), Finding::Estimate(_));
        assert!(!is_shown(2, 0.5) && !is_shown(OUT.min_schools - 1, 0.2) && !is_shown(40, 0.51));
        assert!(is_shown(OUT.min_schools, 0.5));
        let Finding::Suppressed(cell) = compared(estimate(100, 40, Unit::PercentagePoint), 2, 0.5, &OUT) else {
            panic!("shown")
        };
        assert_eq!(cell.min_schools, OUT.min_schools);
    }

    /// The mean of a school is the gap and the mean of the school in the middle.
    #[test]
    fn a_gap_in_dose_tells_no_mean_that_is_withheld() {
        let is_shown = |mean, n| {
            matches!(beside_mean(estimate(100, 40, Unit::PercentagePoint), mean, n, &OUT), Finding::Estimate(_))
        };
        assert!(is_shown(true, OUT.min_pupils));
        assert!(!is_shown(false, 500) && !is_shown(true, OUT.min_pupils - 1));
    }

    #[test]
    fn a_flow_without_small_reasons_is_left_alone() {
        let rows = vec![step(true, 150), step(false, 0), step(false, 30), step(true, 120)];
        assert_eq!(numbers(rows, &OUT), [Some(150), Some(0), Some(30), Some(120)]);
        let two = vec![step(true, 150), step(false, 2), step(false, 4), step(false, 44), step(true, 100)];
        assert_eq!(numbers(two, &OUT), [Some(150), None, None, Some(45), Some(100)]);
    }
}
