//! Replicates → guarantees: what was promised, what happened, and with which Monte-Carlo error.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;

use super::Setting;
use super::replicate::{Answer, PARTS, Replicate};
use crate::effects::robustness::Verdict;
use crate::report::certificate::{CertificatePage, CertificateRow};
use crate::run::RunError;
use crate::simulate::Scenario;

/// What a guarantee is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Share of 95 % intervals that hold the truth.
    Coverage,
    /// Mean error in percentage points per step.
    Bias,
    /// Share of tests at 5 % that reject a true null.
    TypeOne,
    /// Share of tests at 5 % that reject a false null.
    Power,
    /// Share of schools that are flagged although nothing is there.
    FalseFlags,
    /// Share of numbers that were refused.
    Refused,
    /// Share of regions in which a falsification check fails.
    CheckFails,
}

impl Metric {
    /// Stable code in files.
    pub fn code(self) -> &'static str {
        match self {
            Metric::Coverage => "coverage",
            Metric::Bias => "bias",
            Metric::TypeOne => "type_1_error",
            Metric::Power => "power",
            Metric::FalseFlags => "false_flags",
            Metric::Refused => "refused",
            Metric::CheckFails => "check_fails",
        }
    }

    /// In Dutch and English.
    fn label(self) -> (&'static str, &'static str) {
        match self {
            Metric::Coverage => ("marges die de waarheid bevatten", "margins that hold the truth"),
            Metric::Bias => ("gemiddelde fout (procentpunt)", "mean error (percentage points)"),
            Metric::TypeOne => ("ten onrechte een verband", "an association where there is none"),
            Metric::Power => ("een bestaand verband gezien", "an existing association seen"),
            Metric::FalseFlags => ("scholen ten onrechte gemarkeerd", "schools flagged without reason"),
            Metric::Refused => ("geen getal", "no number"),
            Metric::CheckFails => ("controle mislukt", "check fails"),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Guarantee {
    /// The setting.
    pub setting: String,
    /// The truth.
    pub scenario: Scenario,
    /// Size of the regions: code, Dutch, English.
    pub size: (&'static str, &'static str, &'static str),
    /// What is estimated: `E1_within`, `E1_cohort`, `E1_school`, `school_within`, `E3`, `E4`, `E5`, or a check `F1_within`, …
    pub estimand: &'static str,
    /// What is measured of it.
    pub metric: Metric,
    /// What is promised, where something is.
    pub nominal: Option<f64>,
    /// What happened.
    pub realised: f64,
    /// Monte-Carlo standard error of `realised`.
    pub mc_error: f64,
    /// Regions behind it.
    pub replicates: u64,
    /// Whether the promise is kept, within two Monte-Carlo errors; `None` where nothing is promised.
    pub kept: Option<bool>,
}

/// Bounds between which coverage should lie, in shares.
const COVERAGE: (f64, f64) = (0.94, 0.96);
/// Most rejections and flags under the null.
const AT_MOST: f64 = 0.05;
/// Largest bias as a share of the planted effects, which are about a percentage point, in percentage points.
const BIAS: f64 = 0.1;

pub(super) fn guarantees(setting: &Setting, all: &[Replicate]) -> Vec<Guarantee> {
    let mut rows = Vec::new();
    for (i, (_, name)) in PARTS.iter().enumerate() {
        let estimand = ["E1_within", "E1_cohort", "E1_school"][i];
        debug_assert!(estimand.ends_with(name));
        let answers: Vec<Vec<Answer>> = all.iter().map(|r| r.nation[i].into_iter().collect()).collect();
        rows.extend(of_answers(setting, estimand, &answers));
        let refused = Ratio::of(all, |r| (f64::from(u8::from(r.nation[i].is_none())), 1.0));
        rows.push(line(setting, estimand, Metric::Refused, None, &refused, None));
    }
    let schools: Vec<Vec<Answer>> = all.iter().map(|r| r.schools.clone()).collect();
    rows.extend(of_answers(setting, "school_within", &schools));
    for (i, estimand) in ["E3", "E4", "E5"].into_iter().enumerate() {
        let answers: Vec<Vec<Answer>> = all.iter().map(|r| r.by_school[i].clone()).collect();
        let lines = of_answers(setting, estimand, &answers);
        // Schools differ in E5 also where the dose goes with nothing: leaving 0 out is then no error.
        rows.extend(lines.into_iter().filter(|l| !(estimand == "E5" && l.metric == Metric::TypeOne)));
    }
    let refused = Ratio::of(all, |r| (r.schools_refused as f64, (r.schools_refused as usize + r.schools.len()) as f64));
    rows.push(line(setting, "school_within", Metric::Refused, None, &refused, None));
    if setting.scenario == Scenario::Null {
        let flags = Ratio::of(all, |r| (r.flagged as f64, r.schools.len() as f64));
        let kept = flags.value - 2.0 * flags.error_under(AT_MOST) <= AT_MOST;
        rows.push(line(setting, "school_within", Metric::FalseFlags, Some(AT_MOST), &flags, Some(kept)));
    }
    for (i, check) in ["F1_within", "F1_school", "F2_next_cohort"].into_iter().enumerate() {
        let possible = Ratio::of(all, |r| match r.checks[i] {
            Some(verdict) => (f64::from(u8::from(verdict == Verdict::Failed)), 1.0),
            None => (0.0, 0.0),
        });
        if possible.of > 0.0 {
            let promise = setting.scenario.is_clean();
            let kept = promise.then_some(possible.value - 2.0 * possible.error_under(AT_MOST) <= AT_MOST);
            let nominal = promise.then_some(AT_MOST);
            rows.push(line(setting, check, Metric::CheckFails, nominal, &possible, kept));
        }
    }
    rows
}

/// Coverage, bias, and what tests do, of one estimand. Promises are made only where nothing is hidden.
fn of_answers(setting: &Setting, estimand: &'static str, answers: &[Vec<Answer>]) -> Vec<Guarantee> {
    let ratio = |f: &dyn Fn(&Answer) -> f64| {
        Ratio::of(answers, |own: &Vec<Answer>| (own.iter().map(f).sum::<f64>(), own.len() as f64))
    };
    let share = |f: &dyn Fn(&Answer) -> bool| ratio(&|a| f64::from(u8::from(f(a))));
    let (coverage, bias, clear) = (share(&|a| a.covers), ratio(&|a| a.error), share(&|a| a.clear));
    if coverage.of == 0.0 {
        return Vec::new();
    }
    let clean = setting.scenario.is_clean();
    let error = coverage.error_under(0.95);
    let within = coverage.value + 2.0 * error >= COVERAGE.0 && coverage.value - 2.0 * error <= COVERAGE.1;
    let small = bias.value.abs() - 2.0 * bias.error <= BIAS;
    let mut rows = vec![
        line(setting, estimand, Metric::Coverage, clean.then_some(0.95), &coverage, clean.then_some(within)),
        line(setting, estimand, Metric::Bias, clean.then_some(0.0), &bias, clean.then_some(small)),
    ];
    rows.push(if setting.scenario == Scenario::Null {
        let kept = clear.value - 2.0 * clear.error_under(AT_MOST) <= AT_MOST;
        line(setting, estimand, Metric::TypeOne, Some(AT_MOST), &clear, Some(kept))
    } else {
        line(setting, estimand, Metric::Power, None, &clear, None)
    });
    rows
}

fn line(
    setting: &Setting,
    estimand: &'static str,
    metric: Metric,
    nominal: Option<f64>,
    ratio: &Ratio,
    kept: Option<bool>,
) -> Guarantee {
    Guarantee {
        setting: setting.id.clone(),
        scenario: setting.scenario,
        size: (setting.size.code, setting.size.nl, setting.size.en),
        estimand,
        metric,
        nominal,
        realised: ratio.value,
        mc_error: ratio.error,
        replicates: ratio.replicates,
        kept,
    }
}

/// A ratio of sums over replicates, `Σa/Σb`, with the error of linearisation: `√(R/(R−1) Σ(a − ratio·b)²)/Σb`. Numbers of
/// one replicate hang together, so replicates are its units.
struct Ratio {
    value: f64,
    error: f64,
    of: f64,
    replicates: u64,
}

impl Ratio {
    /// The error of a share, and at least the one that it would have if `share` were true: a share of exactly 0 or 1 has
    /// none of its own.
    fn error_under(&self, share: f64) -> f64 {
        self.error.max((share * (1.0 - share) / self.of).sqrt())
    }

    fn of<T>(all: &[T], parts: impl Fn(&T) -> (f64, f64)) -> Self {
        let parts: Vec<(f64, f64)> = all.iter().map(parts).collect();
        let (a, b) = parts.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
        let replicates = parts.iter().filter(|p| p.1 > 0.0).count() as u64;
        let (value, r) = (a / b, replicates as f64);
        let squares: f64 = parts.iter().map(|p| (p.0 - value * p.1).powi(2)).sum();
        Self { value, error: (r / (r - 1.0) * squares).sqrt() / b, of: b, replicates }
    }
}

/// The table as Arrow batch.
///
/// # Errors
/// Columns of unequal length: a mistake in our code.
pub fn batch(rows: &[Guarantee]) -> Result<RecordBatch, RunError> {
    let text =
        |f: &dyn Fn(&Guarantee) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(f))) };
    let number = |f: &dyn Fn(&Guarantee) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(|r| f(r).filter(|v| v.is_finite())).collect::<Float64Array>())
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("setting", text(&|r| r.setting.clone())),
        ("scenario", text(&|r| r.scenario.code().into())),
        ("size", text(&|r| r.size.0.into())),
        ("estimand", text(&|r| r.estimand.into())),
        ("metric", text(&|r| r.metric.code().into())),
        ("unit", text(&|r| if r.metric == Metric::Bias { "per100" } else { "share" }.into())),
        ("nominal", number(&|r| r.nominal)),
        ("realised", number(&|r| Some(r.realised))),
        ("mc_error", number(&|r| Some(r.mc_error))),
        ("replicates", Arc::new(rows.iter().map(|r| i64::try_from(r.replicates).ok()).collect::<Int64Array>())),
        ("kept", Arc::new(rows.iter().map(|r| r.kept).collect::<BooleanArray>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
        .map_err(|e| RunError::Encode { table: "guarantees".into(), reason: e.to_string() })
}

/// The table as the content of a page.
pub(super) fn page(rows: &[Guarantee], replicates: u32, seed: u64) -> CertificatePage {
    let row = |r: &Guarantee| {
        let (nl, en) = r.metric.label();
        CertificateRow {
            scenario: r.scenario.code().into(),
            size_nl: r.size.1.into(),
            size_en: r.size.2.into(),
            estimand: r.estimand.into(),
            metric_nl: nl.into(),
            metric_en: en.into(),
            is_share: r.metric != Metric::Bias,
            nominal: r.nominal,
            realised: r.realised,
            mc_error: r.mc_error,
            kept: r.kept,
        }
    };
    CertificatePage {
        engine_version: crate::run::VERSION.into(),
        replicates,
        seed,
        rows: rows.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_of_one_number_each_has_the_error_of_a_mean() {
        let values = [1.0, 0.0, 1.0, 1.0];
        let ratio = Ratio::of(&values, |v| (*v, 1.0));
        assert_eq!((ratio.value, ratio.replicates), (0.75, 4));
        let sd = (values.iter().map(|v| (v - 0.75_f64).powi(2)).sum::<f64>() / 3.0).sqrt();
        assert!((ratio.error - sd / 2.0).abs() < 1e-15);
    }

    #[test]
    fn promises_are_made_only_where_nothing_is_hidden() {
        let size = super::super::settings()[0].size;
        let setting = |scenario| Setting { id: "x".into(), scenario, size };
        let answer = |covers| Answer { error: 0.01, covers, clear: !covers };
        let one = |covers| Replicate {
            nation: [Some(answer(covers)); 3],
            schools: vec![answer(covers)],
            ..Replicate::default()
        };
        let all: Vec<Replicate> = (0..100).map(|k| one(k % 2 == 0)).collect();
        let found = guarantees(&setting(Scenario::Null), &all);
        let of = |rows: &[Guarantee], metric| rows.iter().find(|r| r.metric == metric).map(|r| (r.realised, r.kept));
        assert_eq!(of(&found, Metric::Coverage), Some((0.5, Some(false))));
        assert_eq!(of(&found, Metric::TypeOne), Some((0.5, Some(false))));
        assert_eq!(of(&found, Metric::Bias).and_then(|b| b.1), Some(true));
        assert_eq!(of(&found, Metric::FalseFlags), Some((0.0, Some(true))));
        let hidden = guarantees(&setting(Scenario::ConfoundedMotivation), &all);
        assert!(hidden.iter().all(|r| r.kept.is_none()));
        assert_eq!(of(&hidden, Metric::Power), Some((0.5, None)));
    }
}
