//! Several tests at once: which p-values are adjusted together (`statistics.md` §5.5).
//!
//! The main effect (E1 of the part within school and cohort, or of the dose as it is) of the first model of each of four
//! outcomes is confirmatory: Holm over that family. Everything else over all schools is exploratory: Benjamini and
//! Hochberg. E2 asks the question of the main effect again, on another step, and has its test. A model without an estimate
//! is no test.

use std::collections::BTreeSet;

use super::{Finding, ModelFindings};
use crate::stats::{benjamini_hochberg, holm, t_two_sided};

/// Definitions of the confirmatory outcomes.
pub const CONFIRMATORY: [&str; 4] = ["doorstroom_mbo", "uitval_jr1", "gestart_en_gebleven", "startkwalificatie"];

/// p-value of a finding, and its adjustment over its family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// Name of the family: `confirmatory` or `exploratory`.
    pub family: &'static str,
    /// Two-sided p-value of no difference; NaN without an estimate.
    pub p_value: f64,
    /// Adjusted over the family.
    pub p_adjusted: f64,
}

/// The tests of one model.
#[derive(Clone, Debug)]
pub struct ModelTests {
    /// E1 of each part, in order.
    pub parts: Vec<Tested>,
    /// E2: the test of the first part.
    pub quartiles: Tested,
}

/// Two-sided p-value of no difference.
pub fn p_value(finding: &Finding) -> f64 {
    match finding {
        Finding::Estimate(e) if e.std_error > 0.0 => t_two_sided(e.quantity.value / e.std_error, e.df),
        _ => f64::NAN,
    }
}

/// The tests of all models of a study, each given with the definition of its outcome.
pub fn adjusted(models: &[(&ModelFindings, &str)]) -> Vec<ModelTests> {
    let mut seen = BTreeSet::new();
    let is_first: Vec<bool> =
        models.iter().map(|(_, definition)| CONFIRMATORY.contains(definition) && seen.insert(*definition)).collect();
    let mut confirmatory = Vec::new();
    let mut exploratory = Vec::new();
    for ((found, _), is_first) in models.iter().zip(&is_first) {
        for (k, part) in found.parts.iter().enumerate() {
            let family = if k == 0 && *is_first { &mut confirmatory } else { &mut exploratory };
            family.push(p_value(part));
        }
    }
    let mut holms = confirmatory.iter().copied().zip(holm(&confirmatory));
    let mut others = exploratory.iter().copied().zip(benjamini_hochberg(&exploratory));
    let mut next = |is_confirmatory: bool| {
        let (family, pair) =
            if is_confirmatory { ("confirmatory", holms.next()) } else { ("exploratory", others.next()) };
        let (p_value, p_adjusted) = pair.unwrap_or((f64::NAN, f64::NAN));
        Tested { family, p_value, p_adjusted }
    };
    let none = Tested { family: "exploratory", p_value: f64::NAN, p_adjusted: f64::NAN };
    let tests = |((found, _), is_first): (&(&ModelFindings, &str), &bool)| {
        let parts: Vec<Tested> = (0..found.parts.len()).map(|k| next(k == 0 && *is_first)).collect();
        ModelTests { quartiles: parts.first().copied().unwrap_or(none), parts }
    };
    models.iter().zip(&is_first).map(tests).collect()
}
