//! Hand-written pages: one with estimates, one with refusals, one with everything suppressed.

use lob_effect::disclosure::page::{
    Bound, CheckRow, ChecksOfModel, EffectEstimate, EffectRow, Finding, FlowRow, LevelEstimate, Measure, OutcomeRow,
    ReachRow, Refusal, RefusalReason, SchoolPage, Share, Shown, SmallCell, Verdict,
};
use lob_effect::effects::robustness::Obstacle;
use lob_effect::vocab::outcomes::{doorstroom_mbo, gestart_en_gebleven, uitval_jr1};
use lob_effect::vocab::{
    Contrast, Direction, DosePart, Estimand, Interval, IntervalMethod, Lang, Level, OutcomeDef, Population, Quantity,
    Reading, Unit,
};

pub fn interval(lo: f64, hi: f64) -> Interval {
    Interval { lo, hi, level: Level::P95, method: IntervalMethod::Wald }
}

fn share(percent: f64, lo: f64, hi: f64, n: u64) -> Shown<Share> {
    Shown::Value(Share { percent, interval: interval(lo, hi), n, bound: Bound::Exact })
}

pub fn estimand(outcome: &str, part: DosePart, population: Population) -> Estimand {
    Estimand {
        outcome: outcome.into(),
        exposure: "lob".into(),
        contrast: Contrast { part, step: 5.0 },
        population,
        reading: Reading::Association,
    }
}

pub fn estimate(of: Estimand, value: f64, lo: f64, hi: f64, n_pupils: u64) -> Finding {
    Finding::Estimate(EffectEstimate {
        quantity: Quantity { value, unit: Unit::PercentagePoint, per: of.contrast.step },
        estimand: of,
        interval: interval(lo, hi),
        std_error: (hi - lo) / 3.92,
        df: f64::INFINITY,
        n_pupils,
        n_events: n_pupils / 10,
    })
}

/// What `gap` more activities than the middle school go with.
fn contribution(outcome: &str, gap: f64, value: f64, lo: f64, hi: f64) -> Finding {
    let mut of = estimand(outcome, DosePart::Within, Population::School);
    of.contrast.step = gap;
    estimate(of, value, lo, hi, 145)
}

fn reach(code: &str, nl: &str, en: &str, own: f64, all: f64, means: (f64, f64)) -> ReachRow {
    ReachRow {
        code: code.into(),
        nl: nl.into(),
        en: en.into(),
        own: share(own, own - 8.0, own + 7.0, 145),
        nation: share(all, all - 0.6, all + 0.6, 21_450),
        own_mean: Shown::Value(means.0),
        nation_mean: Shown::Value(means.1),
    }
}

fn outcome(def: &'static OutcomeDef, own: Shown<Share>, nation: Shown<Share>) -> OutcomeRow {
    OutcomeRow { def, nl: def.nl.into(), en: def.en.into(), own, nation }
}

fn step(nl: &str, en: &str, is_total: bool, n: Shown<u64>) -> FlowRow {
    FlowRow { nl: nl.into(), en: en.into(), is_total, n }
}

fn effect(id: &str, labels: (&str, &str), direction: Direction, own: Finding, nation: Finding) -> EffectRow {
    EffectRow {
        model: id.into(),
        outcome_nl: labels.0.into(),
        outcome_en: labels.1.into(),
        direction,
        exposure_nl: "LOB-activiteiten".into(),
        exposure_en: "LOB activities".into(),
        contribution: Finding::Refused(Refusal {
            estimand: estimand(id, DosePart::Within, Population::School),
            reason: RefusalReason::NoPupils,
            n_pupils: 0,
        }),
        adjusted: own.clone(),
        expected: None,
        deviation: own.clone(),
        is_reliable: true,
        own,
        nation,
        parts: Vec::new(),
        smallest_visible: None,
        failed_checks: Vec::new(),
        leaves_out_levels: false,
        compared: None,
    }
}

fn check(id: &str, question: (&str, &str), verdict: Verdict, value: Option<(f64, f64, f64)>) -> CheckRow {
    let reason = match verdict {
        Verdict::NotPossible(o) => Some((o.words(Lang::Nl), o.words(Lang::En))),
        _ => None,
    };
    CheckRow {
        check: id.into(),
        question: (question.0.into(), question.1.into()),
        specification: ("Zo gedaan.".into(), "Done like this.".into()),
        value: value.map(|v| v.0),
        lo: value.map(|v| v.1),
        hi: value.map(|v| v.2),
        measure: Measure::PointsPerStep,
        verdict,
        reason,
    }
}

fn checks() -> ChecksOfModel {
    let same = ("Blijft het zo met een eenvoudiger model?", "Does it stay with a simpler model?");
    let nothing =
        ("Zien we niets bij iets dat al vooraf vaststond?", "Do we see nothing for what was fixed beforehand?");
    let history = ("Weegt mee wat tussentijds verandert?", "Does it account for what changes meanwhile?");
    ChecksOfModel {
        outcome_nl: UITVAL.0.into(),
        outcome_en: UITVAL.1.into(),
        rows: vec![
            check("R1", same, Verdict::Passed, Some((-1.21, -1.93, -0.49))),
            check("R3", history, Verdict::NotPossible(Obstacle::NoHistory), None),
            check("F1", nothing, Verdict::Failed, Some((2.5, 1.25, 3.75))),
            CheckRow {
                measure: Measure::RiskRatio,
                lo: None,
                hi: None,
                ..check("U1", same, Verdict::Reported, Some((1.39, 0.0, 0.0)))
            },
        ],
    }
}

const UITVAL: (&str, &str) = ("uitval", "dropout");
const DOORSTROOM: (&str, &str) = ("doorstroom naar het mbo", "progression to mbo");
const SCORE: (&str, &str) = ("loopbaancompetenties", "career competences");

/// An ordinary school: estimates with all degrees of certainty, a coded share, a hidden step in the flow.
pub fn with_estimates() -> SchoolPage {
    use DosePart::{Cohort, School, Within};
    use Population::{Nation, School as Own};
    let uitval = |part, population| estimand("uitval", part, population);
    let door = |part, population| estimand("doorstroom", part, population);
    let mut first = effect(
        "uitval-landmark",
        UITVAL,
        Direction::LowerIsBetter,
        estimate(uitval(Within, Own), -1.6, -3.4, 0.3, 145),
        estimate(uitval(Within, Nation), -1.4, -1.9, -0.9, 21_450),
    );
    first.parts = vec![
        estimate(uitval(Cohort, Nation), -0.8, -2.3, 0.7, 21_450),
        estimate(uitval(School, Nation), -2.6, -4.1, -1.1, 21_450),
    ];
    first.smallest_visible = Some(7.8);
    first.is_reliable = false;
    first.contribution = contribution("uitval", 2.3, -0.7, -0.9, -0.4);
    first.adjusted = estimate(uitval(Within, Own), -1.2, -3.1, 0.7, 145);
    first.expected = Some(LevelEstimate { value: 7.4, std_error: 0.3, interval: interval(6.9, 7.9) });
    let second = effect(
        "doorstroom-landmark",
        DOORSTROOM,
        Direction::HigherIsBetter,
        estimate(door(Within, Own), 2.1, 0.2, 4.0, 145),
        estimate(door(Within, Nation), 0.5, 0.1, 0.9, 21_450),
    );
    let mut second = second;
    second.compared = Some((
        "Zij lijken op: leerweg KB, lwoo, aantal leerlingen. Zij verschillen op: leeftijd.".into(),
        "They are close on: leerweg KB, lwoo, number of pupils. They differ on: age.".into(),
    ));
    second.contribution = contribution("doorstroom", -4.0, -1.6, -2.4, -0.8);
    second.adjusted = estimate(door(Within, Own), -2.5, -4.4, -0.6, 145);
    second.expected = Some(LevelEstimate { value: 90.1, std_error: 0.3, interval: interval(89.5, 90.7) });
    let mut third = effect(
        "competenties-groei",
        SCORE,
        Direction::HigherIsBetter,
        estimate(estimand("score", DosePart::Total, Own), 0.04, -0.06, 0.14, 120),
        estimate(estimand("score", DosePart::Total, Nation), 0.08, 0.05, 0.11, 18_300),
    );
    third.smallest_visible = Some(0.15);
    third.contribution = contribution("score", 1.0, 0.02, 0.01, 0.03);
    for finding in
        [&mut third.own, &mut third.nation, &mut third.contribution, &mut third.adjusted, &mut third.deviation]
    {
        if let Finding::Estimate(e) = finding {
            e.quantity.unit = Unit::ScorePoint;
        }
    }
    let coded = Share { percent: 4.0, interval: interval(0.0, 7.0), n: 145, bound: Bound::LessThan };
    SchoolPage {
        school: "12AB00".into(),
        school_name: Some("Vmbo De Linde".into()),
        study: "LOB in de regio 2021-2024".into(),
        run_id: "3f9a1c0b7d42".into(),
        engine_version: "0.1.0".into(),
        cohorts: vec!["2021/2022".into(), "2022/2023".into(), "2023/2024".into()],
        n_pupils: Shown::Value(145),
        n_schools: 48,
        reach: vec![
            reach("GESPR", "loopbaangesprek", "career conversation", 86.2, 79.4, (2.8, 2.3)),
            reach("STAGE", "beroepsoriënterende stage", "work placement", 91.0, 88.1, (1.2, 1.1)),
            reach("MEEL", "meeloopdag mbo", "mbo taster day", 34.5, 41.7, (0.5, 0.6)),
            ReachRow {
                own: Shown::Suppressed { min: 5 },
                own_mean: Shown::Suppressed { min: 5 },
                ..reach("REFL", "reflectieverslag", "written reflection", 50.0, 55.3, (1.0, 1.4))
            },
        ],
        outcomes: vec![
            outcome(&doorstroom_mbo::DEF, share(87.6, 81.2, 92.0, 145), share(90.3, 89.9, 90.7, 21_450)),
            outcome(&uitval_jr1::DEF, share(8.3, 4.8, 13.9, 145), share(6.4, 6.1, 6.7, 21_450)),
            outcome(&gestart_en_gebleven::DEF, Shown::Value(coded), share(71.9, 71.3, 72.5, 21_450)),
        ],
        effects: vec![first, second, third],
        checks: vec![checks()],
        flow: vec![
            step("gelezen", "read", true, Shown::Value(160)),
            step("dubbel", "duplicate", false, Shown::Value(0)),
            step("geen toestemming", "no consent", false, Shown::Suppressed { min: 10 }),
            step("niet gekoppeld aan het mbo", "not linked to mbo", false, Shown::Suppressed { min: 10 }),
            step("geanalyseerd", "analysed", true, Shown::Value(145)),
        ],
        pupils_move: true,
        adjusted_for: vec![
            ("leerweg".into(), "track".into()),
            ("geslacht".into(), "sex".into()),
            ("schooladvies".into(), "primary school advice".into()),
            ("verzuim in leerjaar 2".into(), "absence in year 2".into()),
        ],
    }
}

/// The same school in a study whose models gave no answer, with nothing registered.
pub fn with_refusals() -> SchoolPage {
    let refused = |part, population, reason| {
        Finding::Refused(Refusal { estimand: estimand("uitval", part, population), reason, n_pupils: 145 })
    };
    let mut row = effect(
        "uitval-landmark",
        UITVAL,
        Direction::LowerIsBetter,
        refused(DosePart::Within, Population::School, RefusalReason::NoDose),
        refused(DosePart::Within, Population::Nation, RefusalReason::NotConverged),
    );
    row.contribution = refused(DosePart::Within, Population::School, RefusalReason::NoDose);
    row.is_reliable = false;
    row.parts = vec![refused(DosePart::School, Population::Nation, RefusalReason::OneSchool)];
    let page = with_estimates();
    SchoolPage {
        school_name: None,
        cohorts: vec!["2023-2024".into()],
        n_schools: 1,
        reach: Vec::new(),
        outcomes: vec![outcome(&doorstroom_mbo::DEF, Shown::Missing, Shown::FewSchools { min: 10 })],
        effects: vec![row],
        checks: Vec::new(),
        flow: Vec::new(),
        pupils_move: false,
        adjusted_for: Vec::new(),
        ..page
    }
}

/// A school too small for any number of its own.
pub fn suppressed() -> SchoolPage {
    let mut page = with_estimates();
    page.n_pupils = Shown::Suppressed { min: 10 };
    page.cohorts = vec!["2022/23".into(), "2023/24".into()];
    for row in &mut page.reach {
        row.own = Shown::Suppressed { min: 10 };
        row.own_mean = Shown::Suppressed { min: 10 };
    }
    for row in &mut page.outcomes {
        row.own = Shown::Suppressed { min: 10 };
    }
    page.effects.truncate(1);
    for row in &mut page.effects {
        let small = |min_events| {
            let estimand = estimand("uitval", DosePart::Within, Population::School);
            Finding::Suppressed(SmallCell { estimand, min_pupils: 30, min_events, min_schools: 0 })
        };
        (row.own, row.deviation, row.adjusted) = (small(10), small(10), small(10));
        (row.contribution, row.expected, row.smallest_visible) = (small(0), None, None);
    }
    for row in &mut page.flow {
        row.n = Shown::Suppressed { min: 10 };
    }
    page
}
