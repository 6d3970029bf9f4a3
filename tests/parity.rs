//! Do we get the numbers of trusted programs? Reference values, their programs and versions: the README beside them.
//!
//! Bounds (from that README): objective no worse than the reference by 1e-6, fixed effects 1e-5 relative, standard
//! errors 1e-4, variance parameters 1e-3. Where one is looser the reason stands beside it.

mod common;

use common::{Table, reference_dir};
use lob_effect::stats::{
    BinomialCells, GlmmFit, GlmmOptions, InnerLevel, Link, LmmData, LmmFit, LmmOptions, Stop, fit_glmm, fit_lmm,
    glmm_log_lik, lmm_deviance, std_errors,
};
use ndarray::{Array2, ArrayView1, s};
use serde_json::Value;

/// One model of a reference file.
struct Reference(Value);

impl Reference {
    /// The `index`-th fit of a data set; `None` (and a line on the terminal) where the reference files are not at hand.
    fn load(name: &str, index: usize) -> Option<(Table, Self)> {
        let dir = reference_dir()?;
        let text = std::fs::read_to_string(dir.join(format!("{name}.json"))).expect("a reference case has its JSON");
        let json: Value = serde_json::from_str(&text).expect("reference JSON parses");
        Some((Table::read(&dir.join(format!("{name}.csv"))), Self(json["fits"][index].clone())))
    }

    fn number(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap_or_else(|| panic!("reference has a number at {key}"))
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        // serde_json keeps objects sorted by key, so values are asked for by the file's own term order: see `term`.
        self.0[key].as_object().map_or_else(Vec::new, |o| o.values().filter_map(Value::as_f64).collect())
    }

    fn term(&self, key: &str, term: &str) -> f64 {
        self.0[key][term].as_f64().unwrap_or_else(|| panic!("reference has {key} of {term}"))
    }

    /// (Co)variance of one grouping factor.
    fn variance(&self, group: &str, row: &str, column: &str) -> f64 {
        let entries = self.0["varcorr"].as_array().expect("varcorr is a list");
        let second = |e: &Value| e["var2"].as_str().map_or_else(|| e["var1"].clone(), Value::from);
        let found = entries.iter().find(|e| {
            let pair = (e["var1"].as_str(), second(e));
            let same = pair == (Some(row), Value::from(column)) || pair == (Some(column), Value::from(row));
            e["grp"] == group && same
        });
        found.and_then(|e| e["vcov"].as_f64()).unwrap_or_else(|| panic!("no variance of {group} {row} {column}"))
    }

    fn check_fixed(&self, terms: &[&str], beta: ArrayView1<f64>, se: ArrayView1<f64>, bounds: Bounds) {
        assert_eq!(self.numbers("fixef").len(), terms.len());
        for (k, term) in terms.iter().enumerate() {
            let what = format!("{} {term}", self.0["formula"]);
            let se_reference = self.term("se", term);
            // A coefficient near zero is measured against its standard error.
            let reference = self.term("fixef", term);
            let scale = reference.abs().max(0.1 * se_reference);
            let bound = bounds.fixed * scale + bounds.early_stop * se_reference;
            assert_within(&what, beta[k], reference, bound);
            assert_within(&format!("{what} se"), se[k], se_reference, bounds.se * se_reference);
        }
    }

    fn check_covariance(&self, group: &str, terms: &[&str], covariance: &Array2<f64>, bounds: Bounds) {
        for (i, row) in terms.iter().enumerate() {
            for (j, column) in terms.iter().enumerate() {
                let scale = (covariance[[i, i]] * covariance[[j, j]]).sqrt();
                let what = format!("{} {group} {row} {column}", self.0["formula"]);
                assert_within(&what, covariance[[i, j]], self.variance(group, row, column), bounds.variance * scale);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Bounds {
    fixed: f64,
    se: f64,
    variance: f64,
    /// Distance, in standard errors, at which the reference may have stopped from its own optimum.
    early_stop: f64,
}

const BOUNDS: Bounds = Bounds { fixed: 1e-5, se: 1e-4, variance: 1e-3, early_stop: 0.0 };

impl Bounds {
    /// A reference whose log-likelihood is lower than ours by Δ stopped √(2Δ) standard errors short of the optimum,
    /// because the log-likelihood falls by half the squared distance. (That the two compute the same log-likelihood is
    /// checked apart, at the reference's own parameters.)
    fn for_early_stop(ours: f64, reference: f64) -> Self {
        Self { early_stop: (2.0 * (ours - reference).max(0.0)).sqrt(), ..BOUNDS }
    }
}

fn assert_within(what: &str, ours: f64, reference: f64, bound: f64) {
    assert!((ours - reference).abs() <= bound, "{what}: {ours} against {reference}, off by {:e}", ours - reference);
}

/// No worse than the reference, and not better by more than an early stop explains (0.014 in deviance at most).
fn assert_log_lik(what: &str, ours: f64, reference: f64) {
    assert!(ours > reference - 1e-6, "{what}: {ours} is worse than {reference}");
    assert!(ours < reference + 0.007, "{what}: {ours} is too much better than {reference}");
}

fn columns(table: &Table, columns: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_fn((table.len(), columns.len()), |(i, k)| columns[k][i])
}

// Binomial mixed models

/// The fit, and the log-likelihood at the reference's parameters.
struct Contraception {
    fit: GlmmFit,
    at_reference: f64,
}

fn contraception(table: &Table, x: &Array2<f64>, q: usize, reference: &Reference) -> Contraception {
    let z = columns(table, &[vec![1.0; table.len()], table.dummy("urban", "Y")]);
    let groups = table.codes("district");
    let (ones, used) = (vec![1.0; table.len()], table.dummy("use", "Y"));
    let cells = BinomialCells {
        x: x.view(),
        z: z.slice(s![.., ..q]),
        trials: ArrayView1::from(&ones),
        successes: ArrayView1::from(&used),
        group: &groups.codes,
        n_groups: groups.count,
    };
    let theta = ["district.(Intercept)", "district.urbanY.(Intercept)", "district.urbanY"];
    let theta: Vec<f64> = theta[..q * (q + 1) / 2].iter().map(|t| reference.term("theta", t)).collect();
    let beta: Vec<f64> = CONTRACEPTION_TERMS.iter().map(|t| reference.term("fixef", t)).collect();
    let at_reference = glmm_log_lik(&cells, Link::Logit, ArrayView1::from(&beta), ArrayView1::from(&theta));
    Contraception {
        fit: fit_glmm(&cells, Link::Logit, &GlmmOptions::default()).expect("the reference model can be fitted"),
        at_reference: at_reference.expect("the reference's parameters are not extreme"),
    }
}

const CONTRACEPTION_TERMS: [&str; 7] = ["(Intercept)", "age", "I(age^2)", "urbanY", "livch1", "livch2", "livch3+"];

fn contraception_case(index: usize, q: usize) {
    let Some((table, reference)) = Reference::load("contraception", index) else {
        return;
    };
    let table = table.sorted_by(&["district"]);
    let age = table.numbers("age");
    let x = columns(
        &table,
        &[
            vec![1.0; table.len()],
            age.clone(),
            age.iter().map(|a| a * a).collect(),
            table.dummy("urban", "Y"),
            table.dummy("livch", "1"),
            table.dummy("livch", "2"),
            table.dummy("livch", "3+"),
        ],
    );
    let Contraception { fit, at_reference } = contraception(&table, &x, q, &reference);
    assert_eq!(fit.stop, Stop::Interior);
    let log_lik = reference.number("loglik");
    assert_within("contraception at lme4's parameters", at_reference, log_lik, 1e-8 * log_lik.abs());
    assert_log_lik("contraception", fit.log_lik, reference.number("loglik"));
    let bounds = Bounds::for_early_stop(fit.log_lik, reference.number("loglik"));
    reference.check_fixed(&CONTRACEPTION_TERMS, fit.beta.view(), std_errors(fit.vcov.view()).view(), bounds);
    let covariance = fit.lambda.dot(&fit.lambda.t());
    reference.check_covariance("district", &["(Intercept)", "urbanY"][..q], &covariance, bounds);
}

#[test]
fn contraception_intercepts() {
    contraception_case(0, 1);
}

#[test]
fn contraception_slopes() {
    contraception_case(2, 2);
}

#[test]
fn cbpp_grouped() {
    let Some((table, reference)) = Reference::load("cbpp", 0) else {
        return;
    };
    let table = table.sorted_by(&["herd"]);
    let ones = vec![1.0; table.len()];
    let period = |level: &str| table.dummy("period", level);
    let x = columns(&table, &[ones.clone(), period("2"), period("3"), period("4")]);
    let z = columns(&table, &[ones]);
    let (size, incidence) = (table.numbers("size"), table.numbers("incidence"));
    let herds = table.codes("herd");
    let cells = BinomialCells {
        x: x.view(),
        z: z.view(),
        trials: ArrayView1::from(&size),
        successes: ArrayView1::from(&incidence),
        group: &herds.codes,
        n_groups: herds.count,
    };
    let fit = fit_glmm(&cells, Link::Logit, &GlmmOptions::default()).expect("the reference model can be fitted");
    // lme4's log-likelihood of a Laplace fit counts binomial outcomes: Σ log C(m, y) on top of ours.
    let log_choose = |m: f64, y: f64| (1..=y as u32).map(|k| ((m - y + f64::from(k)) / f64::from(k)).ln()).sum::<f64>();
    let constant: f64 = size.iter().zip(&incidence).map(|(&m, &y)| log_choose(m, y)).sum();
    assert_log_lik("cbpp", fit.log_lik + constant, reference.number("loglik"));
    // MixedModels.jl, optimised further than lme4: −2ℓ = 184.05256375.
    assert_within("cbpp deviance", -2.0 * (fit.log_lik + constant), 184.052_563_75, 1e-6);
    let terms = ["(Intercept)", "period2", "period3", "period4"];
    reference.check_fixed(&terms, fit.beta.view(), std_errors(fit.vcov.view()).view(), BOUNDS);
    reference.check_covariance("herd", &["(Intercept)"], &fit.lambda.dot(&fit.lambda.t()), BOUNDS);
    let modes = reference.0["ranef_first"]["herd"].as_array().expect("modes are listed");
    for (j, entry) in modes.iter().enumerate() {
        let level = entry["level"].as_str().expect("a level has a name");
        assert_eq!(herds.levels[j], level);
        assert_within(level, fit.modes[[j, 0]], entry["mode"].as_f64().expect("a number"), 1e-4);
        let sd = fit.cond_var[j][[0, 0]].sqrt();
        assert_within(level, sd, entry["cond_sd"].as_f64().expect("a number"), 1e-4);
    }
}

// Linear mixed models

struct Linear<'a> {
    table: &'a Table,
    y: &'a str,
    x: Array2<f64>,
    z: Array2<f64>,
    group: &'a str,
    unit: Option<&'a str>,
}

impl Linear<'_> {
    fn fit(&self, reml: bool) -> LmmFit {
        let outer = self.table.codes(self.group);
        let unit = self.unit.map(|name| self.table.codes(name));
        let y = self.table.numbers(self.y);
        let data = LmmData {
            y: ArrayView1::from(&y),
            x: self.x.view(),
            z_outer: self.z.view(),
            outer: &outer.codes,
            n_outer: outer.count,
            inner: unit.as_ref().map(|u| InnerLevel { z: self.z.view(), unit: &u.codes }),
        };
        let fit =
            fit_lmm(&data, &LmmOptions { reml, ..LmmOptions::default() }).expect("the reference model can be fitted");
        assert_eq!(fit.stop, Stop::Interior);
        fit
    }
}

fn check_linear(reference: &Reference, fit: &LmmFit, terms: &[&str], random: &[&str], levels: &[&str], bounds: Bounds) {
    let deviance = reference.number("deviance_or_reml");
    assert!(fit.deviance < deviance + 1e-6, "{} is worse than {deviance}", fit.deviance);
    assert!(fit.deviance > deviance - 0.014, "{} is too much better than {deviance}", fit.deviance);
    reference.check_fixed(terms, fit.beta.view(), std_errors(fit.vcov_beta.view()).view(), bounds);
    assert_within("sigma", fit.sigma, reference.number("sigma"), bounds.variance * fit.sigma);
    for (level, lambda) in levels.iter().zip([&fit.lambda_outer, &fit.lambda_inner]) {
        let covariance = lambda.dot(&lambda.t()) * fit.sigma.powi(2);
        reference.check_covariance(level, random, &covariance, bounds);
    }
}

#[test]
fn sleepstudy() {
    if let Some((table, _)) = Reference::load("sleepstudy", 0) {
        // MixedModels.jl's test suite: the objective at θ = (1, 0, 1).
        let (y, codes) = (table.numbers("Reaction"), table.codes("Subject"));
        let z = columns(&table, &[vec![1.0; table.len()], table.numbers("Days")]);
        let y = ArrayView1::from(&y);
        let data =
            LmmData { y, x: z.view(), z_outer: z.view(), outer: &codes.codes, n_outer: codes.count, inner: None };
        let theta = ArrayView1::from(&[1.0, 0.0, 1.0]);
        let deviance = lmm_deviance(&data, false, theta).expect("the data can be fitted");
        assert_within("sleepstudy at θ = (1, 0, 1)", deviance, 1_784.642_296_192_436, 1e-8);
    }
    for (index, reml) in [(0, false), (1, true)] {
        let Some((table, reference)) = Reference::load("sleepstudy", index) else {
            return;
        };
        let z = columns(&table, &[vec![1.0; table.len()], table.numbers("Days")]);
        let model = Linear { table: &table, y: "Reaction", x: z.clone(), z, group: "Subject", unit: None };
        let terms = ["(Intercept)", "Days"];
        check_linear(&reference, &model.fit(reml), &terms, &terms, &["Subject"], BOUNDS);
    }
}

#[test]
fn exam() {
    let Some((table, intercepts)) = Reference::load("exam", 0) else {
        return;
    };
    let Some((_, slopes)) = Reference::load("exam", 1) else {
        return;
    };
    let Some((_, context)) = Reference::load("exam", 2) else {
        return;
    };
    let table = table.sorted_by(&["school"]);
    let x = columns(&table, &[vec![1.0; table.len()], table.numbers("standLRT")]);
    let one = x.slice(s![.., ..1]).to_owned();
    let terms = ["(Intercept)", "standLRT"];
    let model = Linear { table: &table, y: "normexam", x: x.clone(), z: one, group: "school", unit: None };
    check_linear(&intercepts, &model.fit(false), &terms, &terms[..1], &["school"], BOUNDS);
    let model = Linear { x: x.clone(), z: x.clone(), ..model };
    check_linear(&slopes, &model.fit(false), &terms, &terms, &["school"], BOUNDS);
    let x = columns(
        &table,
        &[
            vec![1.0; table.len()],
            table.numbers("standLRT"),
            table.dummy("sex", "M"),
            table.dummy("schgend", "boys"),
            table.dummy("schgend", "girls"),
            table.numbers("schavg"),
        ],
    );
    let more = ["(Intercept)", "standLRT", "sexM", "schgendboys", "schgendgirls", "schavg"];
    let model = Linear { x: x.clone(), ..model };
    check_linear(&context, &model.fit(false), &more, &terms, &["school"], BOUNDS);
    // REML without schavg: the criterion in statistics.md §6, lme4 1.1-31.
    let model = Linear { x: x.slice(s![.., ..5]).to_owned(), ..model };
    assert_within("exam REML", model.fit(true).deviance, 9_303.088_619_565, 1e-6);
}

#[test]
fn hsb82() {
    for (index, reml) in [(0, true), (1, false)] {
        let Some((table, reference)) = Reference::load("hsb82", index) else {
            return;
        };
        let table = table.sorted_by(&["school"]);
        let (cses, meanses) = (table.numbers("cses"), table.numbers("meanses"));
        let catholic = table.dummy("sector", "Catholic");
        let times = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f64>>();
        let ones = vec![1.0; table.len()];
        let x = columns(
            &table,
            &[
                ones.clone(),
                meanses.clone(),
                cses.clone(),
                catholic.clone(),
                times(&meanses, &cses),
                times(&cses, &catholic),
            ],
        );
        let z = columns(&table, &[ones, cses]);
        let model = Linear { table: &table, y: "mAch", x, z, group: "school", unit: None };
        let terms = ["(Intercept)", "meanses", "cses", "sectorCatholic", "meanses:cses", "cses:sectorCatholic"];
        check_linear(&reference, &model.fit(reml), &terms, &["(Intercept)", "cses"], &["school"], BOUNDS);
    }
}

#[test]
fn egsingle_growth_of_pupils_in_schools() {
    let Some((table, growth)) = Reference::load("egsingle", 0) else {
        return;
    };
    let Some((_, context)) = Reference::load("egsingle", 1) else {
        return;
    };
    let table = table.sorted_by(&["schoolid", "childid"]);
    let (year, lowinc) = (table.numbers("year"), table.numbers("lowinc"));
    let ones = vec![1.0; table.len()];
    let z = columns(&table, &[ones.clone(), year.clone()]);
    let random = ["(Intercept)", "year"];
    let levels = ["schoolid", "childid"];
    let model = Linear { table: &table, y: "math", x: z.clone(), z, group: "schoolid", unit: Some("childid") };
    check_linear(&growth, &model.fit(false), &random, &random, &levels, BOUNDS);
    let x = columns(
        &table,
        &[
            ones,
            year.clone(),
            lowinc.clone(),
            table.dummy("female", "Male"),
            table.dummy("black", "1"),
            table.dummy("hispanic", "1"),
            year.iter().zip(&lowinc).map(|(a, b)| a * b).collect(),
        ],
    );
    let terms = ["(Intercept)", "year", "lowinc", "femaleMale", "black1", "hispanic1", "year:lowinc"];
    let model = Linear { x, ..model };
    check_linear(&context, &model.fit(false), &terms, &random, &levels, BOUNDS);
}
