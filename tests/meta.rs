//! Do we get metafor's numbers? Reference values, their program and version: the README beside them.
//!
//! Bounds (from that README): coefficients 1e-5 relative, standard errors 1e-4, variance parameters 1e-3. metafor's
//! searches for τ² stop at 1e-5 (REML, ML, EB) or 1e-4 (PM), so its τ² is right to about 1e-4 relative; the unit tests
//! of `stats` compare with searches that were run on.

#[allow(dead_code, reason = "this case has no table")]
mod common;

use common::reference_dir;
use lob_effect::stats::{Limits, MetaData, MetaOptions, Tau2Method, fit_meta};
use ndarray::{Array1, Array2, array};
use serde_json::Value;

fn numbers(json: &Value, key: &str) -> Vec<f64> {
    let list = json[key].as_array().unwrap_or_else(|| panic!("reference has a list at {key}"));
    list.iter().map(|v| v.as_f64().expect("a number")).collect()
}

fn assert_within(what: &str, ours: f64, reference: f64, bound: f64) {
    assert!((ours - reference).abs() <= bound, "{what}: {ours} against {reference}, off by {:e}", ours - reference);
}

struct Case {
    name: String,
    json: Value,
}

impl Case {
    fn number(&self, key: &str) -> f64 {
        self.json[key].as_f64().unwrap_or_else(|| panic!("reference has a number at {key}"))
    }

    fn check(&self, key: &str, ours: f64, relative: f64) {
        let reference = self.number(key);
        assert_within(&format!("{} {key}", self.name), ours, reference, relative * reference.abs());
    }

    fn check_limits(&self, key: &str, ours: Limits, bound: f64) {
        let reference = numbers(&self.json, key);
        assert_within(&format!("{} {key} lower", self.name), ours.lower, reference[0], bound);
        assert_within(&format!("{} {key} upper", self.name), ours.upper, reference[1], bound);
    }

    fn check_units(&self, key: &str, ours: &Array1<f64>, bound: f64) {
        let reference = numbers(&self.json, key);
        assert_eq!(ours.len(), reference.len());
        for (i, (ours, reference)) in ours.iter().zip(reference).enumerate() {
            assert_within(&format!("{} {key} {i}", self.name), *ours, reference, bound);
        }
    }
}

fn method(name: &str) -> Tau2Method {
    match name {
        "DL" => Tau2Method::DerSimonianLaird,
        "PM" => Tau2Method::PauleMandel,
        "REML" => Tau2Method::Reml,
        "ML" => Tau2Method::Ml,
        "EB" => Tau2Method::EmpiricalBayes,
        other => panic!("no estimator is called {other}"),
    }
}

#[test]
fn bcg_trials() {
    let Some(dir) = reference_dir() else {
        return;
    };
    let text = std::fs::read_to_string(dir.join("meta.json")).expect("a reference case has its JSON");
    let json: Value = serde_json::from_str(&text).expect("reference JSON parses");
    let (y, v) = (Array1::from_vec(numbers(&json, "yi")), Array1::from_vec(numbers(&json, "vi")));
    let x = Array2::ones((y.len(), 1));
    let fits = json["fits"].as_array().expect("a list of fits");
    assert_eq!(fits.len(), 5);
    for json in fits {
        let name = json["method"].as_str().expect("a method").to_string();
        let data = MetaData { y: y.view(), v: v.view(), x: x.view() };
        let opt = MetaOptions { method: method(&name), level: 0.95 };
        let fit = fit_meta(&data, &opt).expect("the reference model can be fitted");
        let case = Case { name, json: json.clone() };
        let se = fit.vcov[[0, 0]].sqrt();
        case.check("tau2", fit.tau2, 1e-3);
        case.check("beta", fit.beta[0], 1e-5);
        case.check("se", se, 1e-4);
        case.check("I2", 100.0 * fit.i2, 1e-3);
        case.check("Q", fit.q, 1e-10);
        case.check("knha_se", (fit.knha_scale * fit.vcov[[0, 0]]).sqrt(), 1e-4);
        // An end of an interval is off by as many standard errors as its quantile, and by what the centre is off.
        let bound = 2.2 * 1e-4 * se + 1e-5 * fit.beta[0].abs();
        case.check_limits("ci", fit.ci[0], bound);
        case.check_limits("knha_ci", fit.knha_ci[0], bound);
        let expected = fit.predict(array![1.0].view());
        // The prediction's variance is mostly τ², so its length is off by half of what τ² is.
        case.check_limits("pi", expected.pi, bound + 0.5e-3 * (expected.pi.upper - expected.mean));
        // ∂λ/∂τ² ≤ 1/(4τ²): a prediction moves by a quarter of τ²'s relative error times its distance to the mean, < 1.
        case.check_units("blup", &fit.blup, 0.25e-3);
        case.check_units("blup_se", &fit.blup_se, 0.5e-4);
    }
}
