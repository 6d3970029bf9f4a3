//! Do we get the group-time effects of the reference programs on mpdta (county teen employment)? Reference values, their
//! program and version: the README beside them.

#[allow(dead_code, reason = "not every table function is asked for")]
mod common;

use std::collections::BTreeMap;

use common::{Table, reference_dir};
use lob_effect::stats::{Aggregation, DidControls, DidData, DidEstimator, DidFit, DidOptions, fit_did};
use ndarray::Array2;
use serde_json::Value;

/// Counties by years.
struct Counties {
    y: Array2<f64>,
    x: Array2<f64>,
    first: Vec<Option<f64>>,
    periods: Vec<f64>,
}

impl Counties {
    fn read(dir: &std::path::Path) -> Self {
        let table = Table::read(&dir.join("mpdta.csv"));
        let [years, counties, employment, population, first] =
            ["year", "countyreal", "lemp", "lpop", "first_treat"].map(|c| table.numbers(c));
        let mut periods = years.clone();
        periods.sort_by(f64::total_cmp);
        periods.dedup();
        let mut places: BTreeMap<u64, usize> = BTreeMap::new();
        for county in &counties {
            let next = places.len();
            places.entry(*county as u64).or_insert(next);
        }
        let n = places.len();
        let mut out = Self {
            y: Array2::from_elem((n, periods.len()), f64::NAN),
            x: Array2::zeros((n, 1)),
            first: vec![None; n],
            periods,
        };
        for row in 0..table.len() {
            let i = places[&(counties[row] as u64)];
            let t = out.periods.iter().position(|p| *p == years[row]).expect("a year of the table");
            out.y[[i, t]] = employment[row];
            out.x[[i, 0]] = population[row];
            out.first[i] = (first[row] > 0.0).then_some(first[row]);
        }
        out
    }

    fn fit(&self, covariate: bool, opt: &DidOptions) -> DidFit {
        let data = DidData {
            y: self.y.view(),
            periods: &self.periods,
            first: &self.first,
            x: covariate.then(|| self.x.view()),
            weights: None,
            clusters: None,
        };
        fit_did(&data, opt).expect("the reference case can be estimated")
    }
}

fn numbers(json: &Value) -> Vec<f64> {
    json.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

/// All ours against all theirs, relative to the size of the largest.
fn check(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() <= tolerance * size, "{what}: {ours:?} against {theirs:?}");
    }
}

#[test]
fn effects_and_averages_are_those_of_the_reference() {
    let Some(dir) = reference_dir() else {
        return;
    };
    let text = std::fs::read_to_string(dir.join("did_mpdta.json")).expect("a reference case has its JSON");
    let json: Value = serde_json::from_str(&text).expect("reference JSON parses");
    let counties = Counties::read(&dir);
    let fits = json["fits"].as_object().expect("fits");
    assert_eq!(fits.len(), 12);
    for (name, reference) in fits {
        let parts: Vec<&str> = name.split('|').collect();
        let estimator = match parts[1] {
            "reg" => DidEstimator::Regression,
            "ipw" => DidEstimator::Weighting,
            _ => DidEstimator::DoublyRobust,
        };
        let controls = if parts[2] == "nevertreated" { DidControls::Never } else { DidControls::NotYet };
        let fit = counties.fit(parts[0] == "~lpop", &DidOptions { controls, estimator });
        let of = |f: fn(&lob_effect::stats::AttCell) -> f64| fit.cells.iter().map(f).collect::<Vec<f64>>();
        assert_eq!(of(|c| c.group), numbers(&reference["g"]), "{name}");
        assert_eq!(of(|c| c.time), numbers(&reference["t"]), "{name}");
        // The logit of the reference ends at about 1e-8.
        check(&format!("{name} att"), &of(|c| c.estimate), &numbers(&reference["att"]), 1e-7);
        check(&format!("{name} se"), &of(|c| c.std_error), &numbers(&reference["se"]), 1e-6);
        for (key, by) in [
            ("simple", Aggregation::Simple),
            ("dynamic", Aggregation::Dynamic),
            ("group", Aggregation::Group),
            ("calendar", Aggregation::Calendar),
        ] {
            let (ours, theirs) = (fit.aggregate(by).expect("cells"), &reference[key]);
            let one = |field: &str| vec![theirs[field].as_f64().expect("a number")];
            check(&format!("{name} {key}"), &[ours.overall], &one("overall"), 1e-7);
            check(&format!("{name} {key} se"), &[ours.std_error], &one("se"), 1e-6);
            if by != Aggregation::Simple {
                assert_eq!(ours.at, numbers(&theirs["egt"]), "{name} {key}");
                check(&format!("{name} {key} parts"), &ours.estimates, &numbers(&theirs["att"]), 1e-7);
                check(&format!("{name} {key} parts' se"), &ours.std_errors, &numbers(&theirs["se_egt"]), 1e-6);
            }
        }
    }
}

#[test]
fn the_pre_test_is_that_of_the_r_package() {
    let Some(dir) = reference_dir() else {
        return;
    };
    // README of the R package did: "P-value for pre-test of parallel trends assumption: 0.16812", no covariates.
    let opt = DidOptions { controls: DidControls::Never, estimator: DidEstimator::DoublyRobust };
    let test = Counties::read(&dir).fit(false, &opt).pre_trends().expect("periods before treatment");
    assert_eq!(test.df, 5);
    assert!((test.p_value - 0.16812).abs() < 5e-6, "{test:?}");
}
