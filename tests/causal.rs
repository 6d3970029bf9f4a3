//! Do we get the published answers of the weighted and doubly robust estimators? Values, data and formulas:
//! `causal_lalonde.json` in the folder of reference cases (MatchIt's lalonde, base R).

#[allow(dead_code, reason = "not every table function is asked for")]
mod common;

use common::{Table, reference_dir};
use lob_effect::stats::causal::{
    Folds, Learner, Target, TreatedRows, Truncation, aipw, balance, effective_size, fit_propensity, g_computation, ipw,
    marginal_effect,
};
use lob_effect::stats::{Cells, Family, GlmOptions, Link, fit_glm};
use ndarray::{Array1, Array2};
use serde_json::Value;

struct Lalonde {
    json: Value,
    y: Array1<f64>,
    employed: Array1<f64>,
    treated: Array1<f64>,
    /// age, educ, hispan, white, married, nodegree, re74, re75
    x: Array2<f64>,
}

const TERMS: [&str; 8] = ["age", "educ", "racehispan", "racewhite", "married", "nodegree", "re74", "re75"];

fn lalonde() -> Option<Lalonde> {
    let dir = reference_dir()?;
    let text = std::fs::read_to_string(dir.join("causal_lalonde.json")).expect("the reference has its JSON");
    let json: Value = serde_json::from_str(&text).expect("reference JSON parses");
    let table = Table::read(&dir.join("lalonde.csv"));
    let columns = [
        table.numbers("age"),
        table.numbers("educ"),
        table.dummy("race", "hispan"),
        table.dummy("race", "white"),
        table.numbers("married"),
        table.numbers("nodegree"),
        table.numbers("re74"),
        table.numbers("re75"),
    ];
    Some(Lalonde {
        json,
        y: Array1::from(table.numbers("re78")),
        employed: Array1::from(table.numbers("emp")),
        treated: Array1::from(table.numbers("treat")),
        x: Array2::from_shape_fn((table.len(), 8), |(i, j)| columns[j][i]),
    })
}

impl Lalonde {
    fn rows(&self) -> TreatedRows<'_> {
        TreatedRows { y: self.y.view(), treated: self.treated.view(), x: self.x.view() }
    }

    fn near(&self, path: &[&str], ours: f64, relative: f64) {
        let value = path.iter().fold(&self.json, |at, key| &at[*key]).as_f64().expect("a number");
        assert!((ours / value - 1.0).abs() < relative, "{path:?}: {ours} {value}");
    }
}

#[test]
fn propensity_scores_and_weights() {
    let Some(l) = lalonde() else { return };
    let rows = l.rows();
    let fit = fit_propensity(&rows, Truncation::NONE).expect("overlap");
    l.near(&["ps", "coef", "(Intercept)"], fit.model.beta[0], 1e-8);
    for (term, beta) in TERMS.iter().zip(fit.model.beta.iter().skip(1)) {
        l.near(&["ps", "coef", term], *beta, 1e-7);
    }
    let range = &l.json["ps"]["range"];
    assert!((fit.range.0 / range[0].as_f64().expect("a number") - 1.0).abs() < 1e-8);
    assert!((fit.range.1 / range[1].as_f64().expect("a number") - 1.0).abs() < 1e-8);
    assert_eq!(fit.truncated, 0);
    let all = ipw(&rows, &fit, Target::All).expect("weights");
    l.near(&["ate_ipw_hajek"], all.effect.value, 1e-8);
    l.near(&["att_ipw"], ipw(&rows, &fit, Target::Treated).expect("weights").effect.value, 1e-8);
    let size = |arm: f64| effective_size(all.weights.view(), |i| l.treated[i] == arm);
    l.near(&["ess", "treated"], size(1.0), 1e-8);
    l.near(&["ess", "control"], size(0.0), 1e-8);
    let (raw, weighted) = (balance(&rows, None), balance(&rows, Some(all.weights.view())));
    for (k, term) in TERMS.iter().enumerate().filter(|(_, term)| !term.starts_with("race")) {
        l.near(&["smd_raw", term], raw[k].difference, 1e-8);
        l.near(&["smd_ipw", term], weighted[k].difference, 1e-7);
    }
}

#[test]
fn g_computation_and_augmented_weights() {
    let Some(l) = lalonde() else { return };
    let (rows, folds) = (l.rows(), Folds::none(l.y.len()));
    let g = |target| g_computation(&rows, Learner::Linear, &folds, target).expect("models of both arms");
    l.near(&["ate_gcomp_linear_by_arm"], g(Target::All), 1e-8);
    l.near(&["att_gcomp"], g(Target::Treated), 1e-8);
    let fit = |target| aipw(&rows, Learner::Linear, &folds, Truncation::NONE, target).expect("models");
    let all = fit(Target::All);
    // linfa's search stops where the mean score is below 1e-7 of a standardised column.
    l.near(&["ate_aipw"], all.effect.value, 1e-5);
    l.near(&["ate_aipw_se_if"], all.effect.std_error(), 1e-5);
    // `statistics.md` §6, from R.
    let treated = fit(Target::Treated).effect.value;
    assert!((treated / 1226.543744 - 1.0).abs() < 1e-5, "{treated}");
    let truncated = aipw(&rows, Learner::Linear, &folds, Truncation { lo: 0.1, hi: 0.9 }, Target::All).expect("models");
    assert!(truncated.truncated > 50 && truncated.score.iter().all(|e| (0.1..=0.9).contains(e)));
}

#[test]
fn average_marginal_effect_of_a_logistic_model() {
    let Some(l) = lalonde() else { return };
    let columns = |treat: &dyn Fn(usize) -> f64| {
        Array2::from_shape_fn((l.y.len(), 10), |(i, j)| match j {
            0 => 1.0,
            1 => treat(i),
            _ => l.x[[i, j - 2]],
        })
    };
    let x = columns(&|i| l.treated[i]);
    let ones = Array1::ones(l.y.len());
    let cells = Cells { x: x.view().into(), trials: ones.view(), successes: l.employed.view(), offset: None };
    let fit = fit_glm(&cells, Family::Binomial(Link::Logit), &GlmOptions::default()).expect("a fit");
    let (with, without) = (columns(&|_| 1.0), columns(&|_| 0.0));
    let effect = marginal_effect(Link::Logit, &fit.beta, fit.vcov.view(), with.view(), without.view());
    l.near(&["employed_ame", "ame"], effect.value, 1e-7);
    l.near(&["employed_ame", "se_delta"], effect.std_error, 1e-6);
}
