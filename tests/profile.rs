//! Do we get lme4's profile intervals? Reference values, their program and version: the README beside them.
//!
//! lme4 finds limits by splines through points of the profile, and its searches end at about 1e-6: its limits are right to
//! about 1e-4 relative. Bound: 1e-3 of the interval's width.

#[allow(dead_code, reason = "not every table function is asked for")]
mod common;

use common::{Table, reference_dir};
use lob_effect::stats::{
    Cells, Family, GlmmOptions, Link, LmmData, LmmOptions, RandomTerm, fit_glmm, fit_lmm, profile_glmm, profile_lmm,
};
use ndarray::{Array1, Array2};
use serde_json::Value;

/// Limits in lme4's order against its own.
fn check(name: &str, ours: &[Option<[f64; 2]>], reference: &Value) {
    let list = |key: &str| reference[name][key].as_array().expect("a list").clone();
    let (names, low, high) = (list("names"), list("lo"), list("hi"));
    assert_eq!(names.len(), ours.len());
    for (k, ours) in ours.iter().enumerate() {
        let ours = ours.unwrap_or_else(|| panic!("{name} {}: no limits", names[k]));
        let theirs = [&low[k], &high[k]].map(|v| v.as_f64().expect("a number"));
        for side in 0..2 {
            let off = (ours[side] - theirs[side]).abs();
            assert!(off < 1e-3 * (theirs[1] - theirs[0]), "{name} {}: {ours:?} against {theirs:?}", names[k]);
        }
    }
}

fn reference(dir: &std::path::Path) -> Value {
    let text = std::fs::read_to_string(dir.join("profile_ci.json")).expect("profile_ci.json");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn sleepstudy_by_maximum_likelihood_and_by_reml() {
    let Some(dir) = reference_dir() else { return };
    let table = Table::read(&dir.join("sleepstudy.csv"));
    let (y, days) = (Array1::from(table.numbers("Reaction")), table.numbers("Days"));
    let x = Array2::from_shape_fn((table.len(), 2), |(i, k)| if k == 0 { 1.0 } else { days[i] });
    let subject = table.codes("Subject");
    let terms = [RandomTerm { z: x.view().into(), level: &subject.codes, n_levels: subject.count, blocks: &[2] }];
    let data = LmmData { y: y.view(), x: x.view().into(), terms: &terms, weights: None, offset: None };
    for reml in [false, true] {
        let fit = fit_lmm(&data, &LmmOptions { reml, ..LmmOptions::default() }).expect("a fit");
        let found = profile_lmm(&data, &fit, 0.95).expect("profiles");
        let term = &found.terms[0];
        let ours = [term.sd[0], term.cor[0].limits, term.sd[1], found.sigma, found.beta[0], found.beta[1]];
        check("sleepstudy", &ours, &reference(&dir));
    }
}

#[test]
fn cbpp_by_laplace() {
    let Some(dir) = reference_dir() else { return };
    let table = Table::read(&dir.join("cbpp.csv"));
    let periods: Vec<Vec<f64>> = ["2", "3", "4"].iter().map(|p| table.dummy("period", p)).collect();
    let x = Array2::from_shape_fn((table.len(), 4), |(i, k)| if k == 0 { 1.0 } else { periods[k - 1][i] });
    let (z, herd) = (Array2::ones((table.len(), 1)), table.codes("herd"));
    let (trials, successes) = (Array1::from(table.numbers("size")), Array1::from(table.numbers("incidence")));
    let cells = Cells { x: x.view().into(), trials: trials.view(), successes: successes.view(), offset: None };
    let terms = [RandomTerm { z: z.view().into(), level: &herd.codes, n_levels: herd.count, blocks: &[1] }];
    let (family, options) = (Family::Binomial(Link::Logit), GlmmOptions::default());
    let fit = fit_glmm(&cells, &terms, family, &options).expect("a fit");
    let found = profile_glmm(&cells, &terms, family, &options, &fit, 0.95).expect("profiles");
    let ours: Vec<_> = found.terms[0].sd.iter().chain(&found.beta).copied().collect();
    check("cbpp", &ours, &reference(&dir));
}
