//! Every mixed model of the reference cases, from nothing but its formula and the factors' levels.
//!
//! Tolerances are those of the cases' README: objective at the optimum no worse than the reference by more than 1e-6 and
//! at its parameters equal to 1e-8 relative; fixed effects 1e-5 relative, standard errors 1e-4, variance parameters 1e-3.
//! lme4's optimiser stops a little early for binomial models: where its objective is worse than ours, its estimates are
//! away from the optimum by about the square root of the difference in standard errors, which is allowed for.

#[allow(dead_code, reason = "this file uses only the path of the reference cases")]
mod common;

use std::fs;
use std::path::Path;

use common::reference_dir;
use lob_effect::ingest::{FrameFile, Silence};
use lob_effect::models::formula::{
    DfName, FamilyName, FixedRow, Formula, FormulaFit, Integration, IntervalKind, RanPar, Reading, RobustName, TidyRow,
    Wanted, design, fit,
};
use serde_json::Value;

/// The levels that the case lists for columns of the formula.
fn levels(case: &Value, formula: &str) -> Vec<(String, Vec<String>)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '.' || c == '_';
    let words: Vec<&str> = formula.split(|c: char| !is_part(c)).collect();
    let listed = case["levels"].as_object().expect("levels").iter();
    let text = |v: &Value| v.as_str().expect("a level").to_string();
    let list = |v: &Value| v.as_array().expect("a list of levels").iter().map(text).collect();
    listed.filter(|(name, _)| words.contains(&name.as_str())).map(|(name, v)| (name.clone(), list(v))).collect()
}

struct Case<'c> {
    name: String,
    reference: &'c Value,
    formula: Formula,
    reading: Reading,
    wanted: Wanted,
}

impl<'c> Case<'c> {
    fn new(file: &str, case: &Value, reference: &'c Value) -> Self {
        let text = reference["formula"].as_str().expect("a formula");
        let family = match (reference["family"].as_str(), reference["link"].as_str()) {
            (None, _) => FamilyName::Gaussian,
            (Some("binomial"), Some("logit")) => FamilyName::Logit,
            other => panic!("{file}: {other:?}"),
        };
        let nodes = reference["nAGQ"].as_u64().unwrap_or(1) as usize;
        let method = reference["method"].as_str().unwrap_or("ML");
        Self {
            name: format!("{file}: {text} ({method}, {nodes})"),
            reference,
            formula: Formula::parse(text).unwrap_or_else(|e| panic!("{e}")),
            reading: Reading {
                outcome: family.outcome(),
                weights: None,
                cluster: None,
                factors: Vec::new(),
                levels: levels(case, text),
            },
            wanted: Wanted {
                family,
                reml: method == "REML",
                integration: Integration::Nodes(nodes),
                theta: None,
                robust: None,
                intervals: IntervalKind::Wald,
                bootstrap: None,
                df: DfName::Satterthwaite,
                level: 0.95,
            },
        }
    }

    fn fit(&self, data: &Path, theta: Option<Vec<f64>>) -> FormulaFit {
        let file = FrameFile::open(data).unwrap_or_else(|e| panic!("{e}"));
        let columns = self.formula.columns(&self.reading, file.header()).unwrap_or_else(|e| panic!("{e}"));
        let frame = file.read(&columns, &Silence).unwrap_or_else(|e| panic!("{e}"));
        let design = design(&self.formula, &frame, &self.reading).unwrap_or_else(|e| panic!("{e}"));
        let wanted = Wanted { theta, ..self.wanted.clone() };
        fit(&self.formula, &design, &wanted).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// −2 log L or REML criterion of the reference.
    fn objective(&self) -> f64 {
        let found = self.reference["deviance_or_reml"].as_f64();
        found.unwrap_or_else(|| -2.0 * self.reference["loglik"].as_f64().expect("loglik"))
    }

    /// θ in the order of `names`; JSON objects have none.
    fn theta(&self, names: &[String]) -> Vec<f64> {
        assert_eq!(self.reference["theta"].as_object().map(|o| o.len()), Some(names.len()), "{}", self.name);
        names.iter().map(|name| self.reference["theta"][name].as_f64().unwrap_or_else(|| panic!("no {name}"))).collect()
    }
}

fn numbers(object: &Value) -> Vec<(String, f64)> {
    let map = object.as_object().expect("an object of numbers");
    map.iter().map(|(name, v)| (name.clone(), v.as_f64().expect("a number"))).collect()
}

fn fixed(fit: &FormulaFit) -> Vec<&FixedRow> {
    fit.tidy.iter().filter_map(|r| if let TidyRow::Fixed(row) = r { Some(row) } else { None }).collect()
}

fn ran_pars(fit: &FormulaFit) -> Vec<&RanPar> {
    fit.tidy.iter().filter_map(|r| if let TidyRow::RanPar(row) = r { Some(row) } else { None }).collect()
}

fn near(what: &str, ours: f64, theirs: f64, tolerance: f64) {
    let scale = theirs.abs().max(1e-3);
    assert!((ours - theirs).abs() <= tolerance * scale, "{what}: {ours} is not {theirs} (to {tolerance:e})");
}

fn compare(case: &Case<'_>, fit: &FormulaFit, objective: f64) {
    let name = &case.name;
    let ours = fit.glance.minus_two_log_lik;
    assert!(fit.glance.converged, "{name}");
    assert!(ours <= objective + 1e-6, "{name}: objective {ours} is worse than {objective}");
    assert_eq!(Some(fit.glance.nobs), case.reference["nobs"].as_u64(), "{name}");
    // lme4 stopped `early` above the optimum: about √early standard errors away from it.
    let early = (objective - ours).max(0.0);
    assert!(early < 0.02, "{name}: objective {ours}, and the reference has {objective}");
    let away = (2.0 * early).sqrt();
    let reference = case.reference;
    let terms = numbers(&reference["fixef"]);
    let rows = fixed(fit);
    assert_eq!(rows.len(), terms.len(), "{name}");
    for (term, estimate) in &terms {
        let row = rows.iter().find(|r| r.term == *term).unwrap_or_else(|| panic!("{name}: no {term}"));
        let se = reference["se"][term].as_f64().expect("a standard error");
        let bound = 1e-5 * estimate.abs() + 1e-6 * se + away * se;
        assert!((row.estimate - estimate).abs() <= bound, "{name} {term}: {} is not {estimate}", row.estimate);
        near(&format!("{name} se {term}"), row.std_error, se, 1e-4 + away);
    }
    compare_variances(case, fit, away);
    compare_modes(case, fit, away);
}

fn compare_variances(case: &Case<'_>, fit: &FormulaFit, away: f64) {
    let pars = ran_pars(fit);
    let rows = case.reference["varcorr"].as_array().expect("varcorr");
    for row in rows {
        let text = |key: &str| row[key].as_str();
        let term = match (text("var1"), text("var2")) {
            (None, _) => "sd__Observation".to_string(),
            (Some(a), None) => format!("sd__{a}"),
            (Some(a), Some(b)) => format!("cor__{a}.{b}"),
        };
        let group = text("grp").expect("a group");
        let par = pars.iter().find(|p| p.group == group && p.term == term);
        let par = par.unwrap_or_else(|| panic!("{}: no {term} of {group}", case.name));
        let ours = par.estimate.expect("an estimate");
        near(&format!("{} {group} {term}", case.name), ours, row["sdcor"].as_f64().expect("sdcor"), 1e-3 + away);
    }
    assert_eq!(pars.len(), rows.len(), "{}: as many parameters", case.name);
}

fn compare_modes(case: &Case<'_>, fit: &FormulaFit, away: f64) {
    let groups = case.reference["ranef_first"].as_object().expect("ranef_first");
    for (group, levels) in groups {
        for level in levels.as_array().expect("levels") {
            let name = level["level"].as_str().expect("a level");
            let ours: Vec<_> = fit.ran_vals.iter().filter(|r| r.group == *group && r.level == name).collect();
            let list = |v: &Value| match v {
                Value::Array(list) => list.iter().map(|v| v.as_f64().expect("a number")).collect(),
                one => vec![one.as_f64().expect("a number")],
            };
            let (modes, sds): (Vec<f64>, Vec<f64>) = (list(&level["mode"]), list(&level["cond_sd"]));
            assert_eq!(ours.len(), modes.len(), "{} {group} {name}", case.name);
            for ((row, mode), sd) in ours.iter().zip(modes).zip(sds) {
                let what = format!("{} {group} {name} {}", case.name, row.term);
                // Modes move with the variances: the same bound, in conditional standard deviations.
                let moved = (row.estimate - mode).abs();
                assert!(moved <= (1e-3 + away) * sd, "{what}: {} is not {mode}", row.estimate);
                near(&format!("{what} sd"), row.std_error, sd, 1e-3 + away);
            }
        }
    }
}

#[test]
fn reference_fits_come_from_their_formulas() {
    let Some(dir) = reference_dir() else { return };
    let names = ["bdf", "cbpp", "contraception", "egsingle", "exam", "hsb82", "pastes", "penicillin", "sleepstudy"];
    let mut count = 0;
    for name in names {
        let text = fs::read(dir.join(format!("{name}.json"))).expect("a reference case");
        let json: Value = serde_json::from_slice(&text).expect("JSON");
        let data = dir.join(format!("{name}.csv"));
        for reference in json["fits"].as_array().expect("fits") {
            let case = Case::new(name, &json, reference);
            let found = case.fit(&data, None);
            let theta = case.theta(&found.glance.theta_names);
            let at = case.fit(&data, Some(theta.clone()));
            // With nAGQ > 1 lme4 leaves out the likelihood of the saturated model.
            let shift =
                if matches!(case.wanted.integration, Integration::Nodes(2..)) { saturated(&case, &data) } else { 0.0 };
            let objective = case.objective() + shift;
            compare(&case, &found, objective);
            if case.wanted.family == FamilyName::Gaussian {
                near(&format!("{} at theta", case.name), at.glance.minus_two_log_lik, objective, 1e-8);
            } else {
                // With β profiled: not above the reference's objective, and hardly below it.
                let beta = fixed(&found).into_iter().map(|r| reference["fixef"][&r.term].as_f64().expect("a number"));
                assert!(at.glance.minus_two_log_lik <= objective + 1e-6, "{} at theta", case.name);
                let at = case.fit(&data, Some(theta.into_iter().chain(beta).collect()));
                // lme4's objective holds the error of its inner iterations, about 1e-7.
                near(&format!("{} at theta and beta", case.name), at.glance.minus_two_log_lik, objective, 1e-8);
            }
            count += 1;
        }
    }
    assert_eq!(count, 21, "fits of the reference cases");
}

#[test]
fn robust_errors_are_those_of_clubsandwich() {
    let Some(dir) = reference_dir() else { return };
    let json: Value = serde_json::from_slice(&fs::read(dir.join("robust.json")).expect("robust")).expect("JSON");
    let kinds = [RobustName::Cr0, RobustName::Cr1, RobustName::Cr1s, RobustName::Cr2, RobustName::Cr3];
    for (key, data, family) in
        [("ols_exam", "exam", FamilyName::Gaussian), ("logit_contraception", "contraception", FamilyName::Logit)]
    {
        let reference = &json[key];
        let mut case = Case::new(key, &serde_json::json!({"levels": {}}), reference);
        case.reading.outcome = family.outcome();
        case.reading.cluster = reference["cluster"].as_str().map(String::from);
        for kind in kinds {
            case.wanted = Wanted { family, robust: Some(kind), reml: false, ..case.wanted };
            let found = case.fit(&dir.join(format!("{data}.csv")), None);
            for row in fixed(&found) {
                let value = |what: &str| reference["CR"][kind.label()][what][&row.term].as_f64().expect("a number");
                let what = format!("{key} {} {}", kind.label(), row.term);
                // R's glm stops when the deviance changes by less than 1e-8 of itself.
                assert!((row.std_error / value("se") - 1.0).abs() < 1e-6, "{what} se {}", row.std_error);
                near(&what, row.df.expect("degrees of freedom"), value("df"), 1e-6);
                near(&what, row.p_value.expect("a p value"), value("p"), 1e-4);
            }
        }
    }
}

#[test]
fn profile_intervals_and_degrees_of_freedom_are_those_of_r() {
    let Some(dir) = reference_dir() else { return };
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(dir.join(format!("{name}.json"))).expect("a case")).expect("JSON")
    };
    let limits = read("profile_ci");
    for (name, at) in [("sleepstudy", 0), ("cbpp", 0)] {
        let json = read(name);
        let mut case = Case::new(name, &json, &json["fits"][at]);
        case.wanted.intervals = IntervalKind::Profile;
        let found = case.fit(&dir.join(format!("{name}.csv")), None);
        let names: Vec<&str> =
            limits[name]["names"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
        for row in fixed(&found) {
            let k = names.iter().position(|n| *n == row.term).expect("a profiled term");
            for (ours, key) in [(row.conf_low, "lo"), (row.conf_high, "hi")] {
                let theirs = limits[name][key][k].as_f64().expect("a number");
                // lme4 interpolates between the points of its profile, and starts it from an optimum that is a little off.
                assert!((ours - theirs).abs() < 1e-3 * row.std_error, "{name} {} {key}: {ours} {theirs}", row.term);
            }
        }
        // lme4: sd_(Intercept)|Subject, cor_Days.(Intercept)|Subject, sigma.
        for row in ran_pars(&found) {
            let theirs = match row.term.split("__").collect::<Vec<_>>()[..] {
                ["sd", "Observation"] => "sigma".to_string(),
                ["cor", "(Intercept).Days"] => format!("cor_Days.(Intercept)|{}", row.group),
                _ => format!("{}|{}", row.term.replace("__", "_"), row.group),
            };
            let k = names.iter().position(|n| *n == theirs).unwrap_or_else(|| panic!("no {theirs}"));
            let [low, high] = ["lo", "hi"].map(|key| limits[name][key][k].as_f64().expect("a number"));
            let ours = [row.conf_low.expect("a limit"), row.conf_high.expect("a limit")];
            let near = (ours[0] - low).abs().max((ours[1] - high).abs()) < 1e-3 * (high - low);
            assert!(near, "{name} {theirs}: {ours:?} against {low} {high}");
            assert_eq!(row.conf_method, Some("profile"));
        }
    }
    let tests = read("satterthwaite");
    for (name, at) in [("sleepstudy", 1), ("hsb82", 0)] {
        let json = read(name);
        let found = Case::new(name, &json, &json["fits"][at]).fit(&dir.join(format!("{name}.csv")), None);
        for (k, row) in fixed(&found).iter().enumerate() {
            let value = |key: &str| tests[name][key][k].as_f64().expect("a number");
            // lmerTest differentiates numerically at an optimum that is a little off.
            near(&format!("{name} df {}", row.term), row.df.expect("df"), value("df"), 1e-2);
            near(&format!("{name} t {}", row.term), row.statistic, value("t"), 1e-3);
        }
    }
}

/// −2 log-likelihood of the saturated model of the rows: Σ log C(m,y) + y log(y/m) + (m−y) log((m−y)/m).
fn saturated(case: &Case<'_>, data: &Path) -> f64 {
    let file = FrameFile::open(data).expect("the data");
    let columns = case.formula.columns(&case.reading, file.header()).expect("columns");
    let frame = file.read(&columns, &Silence).expect("a frame");
    let design = design(&case.formula, &frame, &case.reading).expect("a design");
    let trials = design.trials.as_ref().expect("trials");
    let log_factorial = |n: f64| (1..=n as u64).map(|k| (k as f64).ln()).sum::<f64>();
    let part = |count: f64, m: f64| if count == 0.0 { 0.0 } else { count * (count / m).ln() };
    let row = |(&m, &y): (&f64, &f64)| {
        log_factorial(m) - log_factorial(y) - log_factorial(m - y) + part(y, m) + part(m - y, m)
    };
    -2.0 * trials.iter().zip(&design.y).map(row).sum::<f64>()
}
