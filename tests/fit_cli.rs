//! `lob fit` as people meet it: names, contrasts, numbers, errors with carets, drops, exit codes. Figures beside
//! formulas come from R 4.2.2 (lme4 1.1-31, stats) on the same table, which a formula makes.

mod small;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;
use small::{Ran, lob};
use tempfile::TempDir;

const HEADER: &str = "g,h,x,size,sex,period,y,yes,n,out";

/// The rows of a small table.
fn rows() -> Vec<String> {
    let row = |i: i32| {
        let (h, sex) = (["u", "v", "w"][(i / 8 % 3) as usize], ["m", "f"][(i / 3 % 2) as usize]);
        let (x, size, n) = (f64::from(i * 7 % 11) / 4.0 - 1.0, 5 + i % 4, i * 5 % 7);
        let effects = if h == "v" { 0.4 } else { 0.0 } - if sex == "m" { 0.3 } else { 0.0 };
        let y = 1.0 + 0.5 * x + f64::from(i % 8) / 3.0 + f64::from(i * 13 % 17) / 8.0 + effects;
        let (yes, out) = (n.min(size), if n > 3 { "yes" } else { "no" });
        format!("g{},{h},{x},{size},{sex},{},{y},{yes},{n},{out}", i % 8, 1 + i / 24)
    };
    (0..96).map(row).collect()
}

fn table(rows: &[String]) -> String {
    rows.iter().fold(format!("{HEADER}\n"), |mut text, row| {
        let _ = writeln!(text, "{row}");
        text
    })
}

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self::with(&table(&rows()))
    }

    fn with(text: &str) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        fs::write(dir.path().join("t.csv"), text).expect("a table");
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, formula: &str, flags: &[&str]) -> Ran {
        let mut args = vec!["fit", "--data", "t.csv", "--formula", formula, "--json", "f.json"];
        args.extend(flags);
        lob(self.path(), &args)
    }

    /// The JSON of a fit that must end with 0.
    fn fit(&self, formula: &str, flags: &[&str]) -> Value {
        let ran = self.run(formula, flags);
        assert_eq!(ran.code, 0, "{formula}: {}{}", ran.out, ran.err);
        self.json()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path().join("f.json")).expect("f.json")).expect("JSON")
    }
}

fn rows_of<'j>(fit: &'j Value, effect: &str) -> Vec<&'j Value> {
    fit["tidy"].as_array().expect("tidy").iter().filter(|r| r["effect"] == effect).collect()
}

fn terms(fit: &Value) -> Vec<&str> {
    rows_of(fit, "fixed").iter().map(|r| r["term"].as_str().expect("a term")).collect()
}

fn near(what: &str, ours: &Value, theirs: f64, tolerance: f64) {
    let ours = ours.as_f64().unwrap_or_else(|| panic!("{what} is {ours}"));
    assert!((ours - theirs).abs() <= tolerance * theirs.abs(), "{what}: {ours} is not {theirs}");
}

/// Fixed effects and standard errors in order, then fields of glance.
fn assert_r(fit: &Value, fixed: &[(f64, f64)], glance: &[(&str, f64)], tolerance: f64) {
    let rows = rows_of(fit, "fixed");
    assert_eq!(rows.len(), fixed.len(), "{:?}", terms(fit));
    for (row, (estimate, se)) in rows.iter().zip(fixed) {
        near(&row["term"].to_string(), &row["estimate"], *estimate, tolerance);
        near(&row["term"].to_string(), &row["std_error"], *se, 10.0 * tolerance);
    }
    for (field, value) in glance {
        near(field, &fit["glance"][field], *value, tolerance);
    }
}

#[test]
fn a_mixed_model_has_the_numbers_and_names_of_lme4() {
    let fit = Bench::new().fit("y ~ x*h + sex + (x | g)", &["--method", "ml"]);
    assert_eq!(terms(&fit), ["(Intercept)", "x", "hv", "hw", "sexm", "x:hv", "x:hw"]);
    // lme4 stops at a gradient of about 1e-5.
    assert_r(
        &fit,
        &[
            (3.1902296521765, 0.302390303128),
            (0.3479254418296, 0.157514026757),
            (0.3420677894490, 0.157945132731),
            (-0.0606085320836, 0.157369294954),
            (-0.2981211855021, 0.130886233180),
            (0.3202863308524, 0.189094718307),
            (0.2523077717819, 0.188239148313),
        ],
        &[
            ("log_lik", -100.294446136),
            ("minus_two_log_lik", 200.588892273),
            ("deviance", 200.588892273),
            ("aic", 222.588892273),
            ("bic", 250.796722379),
            ("sigma", 0.588950239412),
            ("df_residual", 85.0),
            ("nobs", 96.0),
        ],
        1e-5,
    );
    let pars: Vec<(&str, &str)> = rows_of(&fit, "ran_pars")
        .iter()
        .map(|r| (r["group"].as_str().expect("a group"), r["term"].as_str().expect("a term")))
        .collect();
    assert_eq!(
        pars,
        [("g", "sd__(Intercept)"), ("g", "cor__(Intercept).x"), ("g", "sd__x"), ("Residual", "sd__Observation")]
    );
    for (row, value) in rows_of(&fit, "ran_pars").iter().zip([0.7633026745476, 0.5167483882810, 0.2337736045814]) {
        near(&row["term"].to_string(), &row["estimate"], value, 1e-3);
    }
    let first = &fit["ran_vals"][0];
    assert_eq!((&first["group"], &first["level"], &first["term"]), (&"g".into(), &"g0".into(), &"(Intercept)".into()));
    assert!(first["std_error_full"].as_f64() > first["std_error"].as_f64());
    assert_eq!(fit["ran_vals"].as_array().map(Vec::len), Some(16));
}

#[test]
fn weighted_least_squares_drop_what_r_drops() {
    let fit = Bench::new().fit("y ~ x + I(x^2) + log(size) + factor(period):sex", &["--weights", "size"]);
    assert_r(
        &fit,
        &[
            (-1.6700188988672, 1.154060301809),
            (0.5763456466533, 0.159034160916),
            (-0.0465987469151, 0.182083964615),
            (2.5263626285263, 0.598398957029),
            (0.2567697357552, 0.406566355879),
            (0.3112275117552, 0.406062849667),
            (0.2064955162002, 0.406006509229),
            (0.3760261761478, 0.406402874187),
            (0.0504833258986, 0.410264101082),
            (0.0700026429237, 0.409965423553),
            (-0.1481118942057, 0.411372048077),
        ],
        &[("log_lik", -130.222727952), ("aic", 284.445455904), ("sigma", 2.52619777815), ("deviance", 542.442393219)],
        1e-9,
    );
    assert_eq!(terms(&fit)[4..6], ["factor(period)1:sexf", "factor(period)2:sexf"]);
    let drops = fit["drops"].as_array().expect("drops");
    assert_eq!(drops.len(), 1);
    assert_eq!((&drops[0]["reason"], &drops[0]["column"]), (&"rank_deficient".into(), &"factor(period)4:sexm".into()));
    near("p", &rows_of(&fit, "fixed")[1]["p_value"], 4.93002743941e-4, 1e-8);
}

#[test]
fn counted_outcomes_have_the_likelihood_of_r() {
    let bench = Bench::new();
    let family = |name: &'static str, link: &'static str| ["--family", name, "--link", link];
    let fit = bench.fit("cbind(yes, size - yes) ~ x + h + offset(log(size)/10)", &family("binomial", "probit"));
    let fixed = [
        (-0.3576287106721, 0.0887334875853),
        (-0.0514260579809, 0.0635971996571),
        (0.0638741103671, 0.1235438726364),
        (0.1449394545306, 0.1233217237392),
    ];
    let glance = [("log_lik", -235.150907486), ("deviance", 316.318783939), ("bic", 488.559207737), ("nobs", 96.0)];
    // R's glm stops when the deviance changes by less than 1e-8 of itself.
    assert_r(&fit, &fixed, &glance, 1e-6);
    let fit = bench.fit("out ~ x*sex", &family("binomial", "cloglog"));
    let fixed = [
        (-0.500030260632, 0.225057383079),
        (-0.248686378116, 0.282120577857),
        (-0.137384622068, 0.330261763604),
        (0.318791323153, 0.401519700537),
    ];
    assert_r(&fit, &fixed, &[("log_lik", -65.0761963433), ("deviance", 130.152392687), ("df_residual", 92.0)], 1e-4);
    let fit = bench.fit("n ~ x + offset(log(size))", &family("poisson", "log"));
    let fixed = [(-0.7597218578176, 0.0612893816927), (-0.0552221825313, 0.0744043837733)];
    assert_r(&fit, &fixed, &[("log_lik", -211.638715625), ("deviance", 177.026734859)], 1e-6);
    assert!(fit["glance"]["sigma"].is_null() && fit["glance"]["reml_criterion"].is_null());
    let fit = bench.fit("n ~ x + (1 | g) + offset(log(size))", &["--family", "poisson"]);
    let fixed = [(-0.7560625568720, 0.0756527140185), (-0.0513296130023, 0.0745505314864)];
    assert_r(&fit, &fixed, &[("log_lik", -211.193965272), ("aic", 428.387930544), ("deviance", 169.709266546)], 1e-4);
}

#[test]
fn shares_with_trials_are_counts() {
    // glm(n/6 ~ x, binomial, weights = six), and the same as cbind.
    let six: Vec<String> = rows().iter().map(|row| format!("{row},6")).collect();
    let bench = Bench::with(&table(&six).replacen(HEADER, &format!("{HEADER},six"), 1));
    let glance = [("log_lik", -236.357234859), ("deviance", 331.32240109), ("aic", 476.714469717)];
    let fixed = [(0.0233164172129, 0.0876126388321), (-0.0913613871362, 0.1053155879965)];
    let shares = bench.fit("I(n/6) ~ x", &["--family", "binomial", "--weights", "six"]);
    assert_r(&shares, &fixed, &glance, 1e-6);
    let counts = bench.fit("cbind(n, six - n) ~ x", &["--family", "binomial"]);
    assert_r(&counts, &fixed, &glance, 1e-6);
    let wrong = bench.run("I(n/6) ~ x", &["--family", "binomial"]);
    assert_eq!(wrong.code, 3);
    assert!(wrong.err.contains("--weights"), "{}", wrong.err);
}

#[test]
fn factors_are_asked_for_and_ordered() {
    let bench = Bench::new();
    assert_eq!(terms(&bench.fit("y ~ period", &[])), ["(Intercept)", "period"]);
    let numbered = ["(Intercept)", "period2", "period3", "period4"];
    assert_eq!(terms(&bench.fit("y ~ period", &["--factor", "period"])), numbered);
    let reordered = bench.fit("y ~ h + period", &["--levels", "h=w,u,v", "--levels", "period=4,3,2,1"]);
    assert_eq!(terms(&reordered), ["(Intercept)", "hu", "hv", "period3", "period2", "period1"]);
    let fewer = bench.fit("y ~ h", &["--levels", "h=w,u,nobody"]);
    assert_eq!(fewer["glance"]["nobs"], 64);
    let drop = &fewer["drops"][0];
    assert_eq!((&drop["reason"], &drop["column"], &drop["rows"]), (&"not_in_levels".into(), &"h".into(), &32.into()));
    assert!(fewer["notes"][0].as_str().expect("a note").contains("`nobody`"));
    // The second level is the success: the other order turns the signs around.
    let estimate = |fit: &Value| rows_of(fit, "fixed")[1]["estimate"].as_f64().expect("an estimate");
    let plain = estimate(&bench.fit("out ~ x", &["--family", "binomial"]));
    let turned = estimate(&bench.fit("out ~ x", &["--family", "binomial", "--levels", "out=yes,no"]));
    assert!((plain + turned).abs() < 1e-9 && plain != 0.0);
}

#[test]
fn groups_are_named_as_lme4_names_them() {
    let bench = Bench::new();
    let fit = bench.fit("y ~ x + (1 | h/g) + (0 + sex | period)", &["--method", "ml"]);
    let groups: Vec<(&str, u64)> = fit["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|g| (g["group"].as_str().expect("a name"), g["levels"].as_u64().expect("a number")))
        .collect();
    assert_eq!(groups, [("g:h", 24), ("period", 4), ("h", 3)]);
    assert_eq!(fit["ran_vals"][1]["level"], "g0:v");
    let fit = bench.fit("y ~ x + (x || g)", &["--method", "ml"]);
    let named: Vec<&str> = rows_of(&fit, "ran_pars").iter().map(|r| r["group"].as_str().expect("a group")).collect();
    assert_eq!(named, ["g", "g.1", "Residual"]);
    let values: Vec<&Value> = fit["ran_vals"].as_array().expect("ran_vals").iter().collect();
    assert!(values.iter().all(|v| v["group"] == "g") && values.len() == 16);
}

#[test]
fn missing_values_are_dropped_and_counted() {
    let mut rows = rows();
    for (row, column, cell) in [(3, 2, "NA"), (4, 2, ""), (7, 0, ""), (7, 2, "NaN"), (9, 4, "NA"), (11, 9, "NA")] {
        let mut cells: Vec<&str> = rows[row].split(',').collect();
        cells[column] = cell;
        rows[row] = cells.join(",");
    }
    let bench = Bench::with(&table(&rows));
    let ran = bench.run("y ~ x + sex + (1 | g)", &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let fit = bench.json();
    let drops: Vec<(&str, u64)> = fit["drops"]
        .as_array()
        .expect("drops")
        .iter()
        .map(|d| (d["column"].as_str().expect("a column"), d["rows"].as_u64().expect("rows")))
        .collect();
    // A row that lacks several counts once; a column that is not used does not matter.
    assert_eq!(drops, [("x", 3), ("sex", 1)]);
    assert_eq!(fit["glance"]["nobs"], 92);
    assert!(ran.out.contains("3 rows were dropped: x is missing."), "{}", ran.out);
    let fit = bench.fit("y ~ log(x)", &[]);
    let last = fit["drops"].as_array().and_then(|d| d.last()).expect("a drop");
    assert_eq!((&last["reason"], &last["column"]), (&"not_finite".into(), &"log(x)".into()));
}

#[test]
fn the_order_of_rows_does_not_matter_to_the_last_bit() {
    let formulas: [(&str, &[&str]); 4] = [
        ("y ~ x*h + sex + (x | g) + (1 | h:sex)", &[]),
        ("y ~ x*h + log(size)", &["--weights", "size"]),
        ("out ~ x + (1 | g)", &["--family", "binomial", "--nagq", "5"]),
        ("n ~ h + x + offset(log(size))", &["--family", "poisson"]),
    ];
    let without_seconds = |mut fit: Value| {
        fit["glance"]["seconds"] = Value::Null;
        fit.to_string()
    };
    let straight = Bench::new();
    let mut mixed = rows();
    mixed.reverse();
    mixed.rotate_left(37);
    let shuffled = Bench::with(&table(&mixed));
    for (formula, flags) in formulas {
        let one = without_seconds(straight.fit(formula, flags));
        assert_eq!(one, without_seconds(shuffled.fit(formula, flags)), "{formula}");
        let threads: Vec<&str> = flags.iter().copied().chain(["--threads", "1"]).collect();
        assert_eq!(one, without_seconds(straight.fit(formula, &threads)), "{formula}");
    }
}

#[test]
fn bad_formulas_are_shown_with_a_caret() {
    let bench = Bench::new();
    let shown = |formula: &str, flags: &[&str]| {
        let ran = bench.run(formula, flags);
        assert_eq!(ran.code, 2, "{formula}: {}", ran.err);
        ran.err
    };
    assert_eq!(
        shown("y ~ x + sax + (1 | g)", &[]),
        "error: the data have no column `sax`; did you mean `sex`?\n  y ~ x + sax + (1 | g)\n          ^^^\n"
    );
    assert_eq!(
        shown("y ~ x + (1 | g", &[]),
        "error: the bracket that is opened here is never closed\n  y ~ x + (1 | g\n          ^\n"
    );
    assert!(shown("y ~ x + log(sex)", &[]).contains("`sex` is text"));
    assert!(shown("h ~ x", &[]).contains("`h` is a factor"));
    assert!(shown("y ~ sin(x)", &[]).contains("sin() is not known"));
    assert!(shown("cbind(yes, n) ~ x", &[]).contains("--family binomial"));
    assert!(shown("y ~ 1 | g", &[]).contains("brackets"));
    assert!(shown("y ~ 0 + (1 | g)", &[]).contains("no fixed effect"));
    assert!(shown("y ~ x + (x | g) + (1 | g)", &[]).contains("stands twice"));
    assert!(shown("y ~ x", &["--factor", "perid"]).contains("no column `perid`"));
    assert!(shown("y ~ x", &["--weights", "sise"]).contains("did you mean `size`?"));
    assert!(shown("y ~ x", &["--levels", "h"]).contains("COLUMN=A,B"));
    assert!(shown("y ~ x", &["--link", "logit"]).contains("gaussian"));
    assert!(shown("out ~ x", &["--family", "binomial", "--reml"]).contains("REML"));
    assert!(shown("y ~ x + (1 | g)", &["--nagq", "5"]).contains("no quadrature"));
    assert!(shown("y ~ x + (1 | g)", &["--vcov", "cr2", "--cluster", "g"]).contains("without random effects"));
    assert!(shown("y ~ x", &["--vcov", "cr2"]).contains("--cluster"));
    let theta = shown("y ~ x + (x | g)", &["--theta", "1,2"]);
    assert!(theta.contains("g.(Intercept), g.x.(Intercept), g.x"), "{theta}");
}

#[test]
fn bad_data_end_with_3_and_no_value_is_printed() {
    let bench = Bench::new();
    let refused = |formula: &str, flags: &[&str]| {
        let ran = bench.run(formula, flags);
        assert_eq!(ran.code, 3, "{formula}: {}{}", ran.out, ran.err);
        ran.err
    };
    assert!(refused("h ~ x", &["--family", "binomial"]).contains("3 levels"));
    assert!(refused("y ~ x", &["--family", "binomial"]).contains("must be 0 or 1"));
    assert!(refused("x ~ size", &["--family", "poisson"]).contains("count"));
    assert!(refused("y ~ x", &["--weights", "x"]).contains("below 0"));
    let nobody = lob(bench.path(), &["fit", "--data", "no.csv", "--formula", "y ~ x"]);
    assert_eq!((nobody.code, nobody.out.as_str()), (3, ""));
    fs::write(bench.path().join("bad.csv"), "y,x\n1,2\n3\n").expect("a file");
    assert_eq!(lob(bench.path(), &["fit", "--data", "bad.csv", "--formula", "y ~ x"]).code, 3);
    fs::write(bench.path().join("empty.csv"), "y,x\nNA,2\n").expect("a file");
    assert_eq!(lob(bench.path(), &["fit", "--data", "empty.csv", "--formula", "y ~ x"]).code, 3);
    let mut separated = String::from("y,x\n");
    (0..20).for_each(|i| writeln!(separated, "{},{i}", i / 10).expect("text"));
    fs::write(bench.path().join("sep.csv"), separated).expect("a file");
    let ran = lob(bench.path(), &["fit", "--data", "sep.csv", "--formula", "y ~ x", "--family", "binomial"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("separates"), "{}", ran.err);
}

#[test]
fn given_parameters_are_evaluated() {
    let bench = Bench::new();
    let found = bench.fit("y ~ x + (x | g)", &["--method", "ml"]);
    let theta: Vec<String> =
        found["glance"]["theta"].as_array().expect("theta").iter().map(ToString::to_string).collect();
    let given = bench.fit("y ~ x + (x | g)", &["--method", "ml", "--theta", &theta.join(",")]);
    near(
        "objective",
        &given["glance"]["minus_two_log_lik"],
        found["glance"]["minus_two_log_lik"].as_f64().expect("a number"),
        1e-12,
    );
    let ones = bench.fit("y ~ x + (x | g)", &["--method", "ml", "--theta", "1,-0.5,1"]);
    assert!(ones["glance"]["minus_two_log_lik"].as_f64() > found["glance"]["minus_two_log_lik"].as_f64());
}

#[test]
fn the_summary_has_the_order_of_lme4_and_no_colour() {
    let ran = Bench::new().run("y ~ x + (x | g)", &["--method", "ml"]);
    let places: Vec<usize> = [
        "Linear mixed model fit by maximum likelihood",
        "Formula: y ~ x + (x | g)",
        "AIC",
        "Random effects:",
        "Groups   Name        Variance Std.Dev. Corr",
        "Residual",
        "Number of obs: 96, groups:  g, 8",
        "Fixed effects:",
        "Std. Error",
    ]
    .iter()
    .map(|text| ran.out.find(text).unwrap_or_else(|| panic!("no `{text}` in\n{}", ran.out)))
    .collect();
    assert!(places.is_sorted(), "{}", ran.out);
    assert!(!ran.out.contains('\x1b') && !ran.err.contains('\x1b'));
    let singular = Bench::new().run("y ~ x + h + (1 | h)", &["--method", "ml"]);
    assert_eq!(singular.code, 0);
    assert!(singular.out.contains("the fit is singular"), "{}", singular.out);
    let quiet = Bench::new().run("y ~ x", &["--quiet"]);
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (0, "", ""));
}

#[test]
fn help_teaches_formulas() {
    let help = lob(Path::new("."), &["fit", "--help"]);
    for word in ["(1 | school/class)", "cbind(yes, n - yes)", "--levels sector=Public,Catholic", "Exit codes"] {
        assert!(help.out.contains(word), "{word}");
    }
}

#[test]
fn parquet_and_other_separators_are_read() {
    let bench = Bench::with(&table(&rows()).replace(',', ";"));
    assert_eq!(terms(&bench.fit("y ~ x + h", &[])), ["(Intercept)", "x", "hv", "hw"]);
}

#[test]
fn profiles_are_of_every_parameter_also_without_columns() {
    let bench = Bench::new();
    let fit = bench.fit("y ~ x + (x | g)", &["--ci", "profile"]);
    for row in rows_of(&fit, "ran_pars") {
        let value = |key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{key} of {row}"));
        assert!(value("conf_low") <= value("estimate") && value("estimate") <= value("conf_high"), "{row}");
        assert_eq!((row["conf_method"].as_str(), value("conf_level")), (Some("profile"), 0.95));
    }
    for (formula, flags) in [
        ("y ~ 1 + (1 | g)", vec![]),
        ("out ~ 1 + (1 | h)", vec!["--family", "binomial"]),
        ("n ~ 1", vec!["--family", "poisson"]),
    ] {
        let fit = bench.fit(formula, &[flags, vec!["--ci", "profile"]].concat());
        let row = rows_of(&fit, "fixed")[0];
        assert_eq!(row["conf_method"], "profile", "{formula}: {}", fit["notes"]);
        let [low, at, high] = ["conf_low", "estimate", "conf_high"].map(|k| row[k].as_f64().expect("a number"));
        assert!(low < at && at < high, "{formula}");
    }
    // Without an interval asked for the columns are there and empty.
    let plain = bench.fit("y ~ x + (1 | g)", &[]);
    assert!(rows_of(&plain, "ran_pars").iter().all(|r| r["conf_low"].is_null() && r["std_error"].is_null()));
}

#[test]
fn bootstraps_say_what_they_are_and_depend_on_the_seed_alone() {
    let bench = Bench::new();
    let flags = ["--bootstrap", "parametric", "--replicates", "60"];
    let fit = bench.fit("y ~ x + (1 | g)", &flags);
    assert_eq!(fit["glance"]["vcov"], "parametric bootstrap, 60 replicates, seed 1");
    assert_eq!((&fit["bootstrap"]["replicates"], &fit["bootstrap"]["failed"]), (&60.into(), &0.into()));
    for row in fit["tidy"].as_array().expect("tidy") {
        assert_eq!(row["conf_method"], "percentile", "{row}");
        assert!(row["std_error"].as_f64().is_some_and(|se| se > 0.0), "{row}");
    }
    let plain = bench.fit("y ~ x + (1 | g)", &[]);
    for (row, known) in rows_of(&fit, "fixed").iter().zip(rows_of(&plain, "fixed")) {
        assert_eq!(row["estimate"], known["estimate"]);
        // 60 replicates: a standard error of 9 %.
        near("std_error", &row["std_error"], known["std_error"].as_f64().expect("a number"), 0.4);
    }
    let one = |flags: &[&str], threads: &str| bench.fit("y ~ x + (1 | g)", &[flags, &["--threads", threads]].concat());
    assert_eq!(one(&flags, "1")["tidy"], one(&flags, "3")["tidy"]);
    let other = [&flags[..], &["--seed", "2"]].concat();
    assert_ne!(one(&other, "1")["tidy"], fit["tidy"]);
    let basic = bench.fit("y ~ x + (1 | g)", &[&flags[..], &["--ci", "basic"]].concat());
    for (basic, percentile) in rows_of(&basic, "fixed").iter().zip(rows_of(&fit, "fixed")) {
        let [low, at] = [&basic["conf_low"], &basic["estimate"]].map(|v| v.as_f64().expect("a number"));
        near("mirrored", &percentile["conf_high"], 2.0 * at - low, 1e-12);
    }
    for (formula, more) in [
        ("y ~ x + (x | g)", vec![]),
        ("y ~ x", vec!["--cluster", "g"]),
        ("out ~ x", vec!["--cluster", "g", "--family", "binomial"]),
        ("n ~ x + (1 | g)", vec!["--family", "poisson"]),
    ] {
        let flags = [vec!["--bootstrap", "cluster", "--replicates", "20"], more].concat();
        assert_eq!(bench.fit(formula, &flags)["bootstrap"]["kind"], "cluster", "{formula}");
    }
}

#[test]
fn what_bootstraps_and_degrees_of_freedom_cannot_do_is_refused() {
    let bench = Bench::new();
    for (formula, flags, word) in [
        ("y ~ x", vec!["--bootstrap", "cluster"], "--cluster"),
        ("y ~ x", vec!["--cluster", "g"], "--bootstrap cluster"),
        ("y ~ x + (1 | g)", vec!["--ci", "percentile"], "--bootstrap"),
        ("y ~ x + (1 | g)", vec!["--bootstrap", "cluster", "--cluster", "h"], "outermost"),
        ("y ~ x + (1 | g)", vec!["--bootstrap", "parametric", "--ci", "profile"], "profile"),
        ("y ~ x + (1 | g)", vec!["--bootstrap", "parametric", "--theta", "1"], "--theta"),
        ("y ~ x + (1 | g)", vec!["--df", "kenward-roger", "--method", "ml"], "REML"),
        ("y ~ x", vec!["--df", "kenward-roger"], "mixed"),
    ] {
        let ran = bench.run(formula, &flags);
        assert!(ran.code == 2 && ran.err.contains(word), "{formula} {flags:?}: {} {}", ran.code, ran.err);
    }
    for (formula, flags, word) in [
        ("y ~ x + (1 | g) + (1 | h)", vec!["--bootstrap", "cluster", "--replicates", "5"], "crossed"),
        ("y ~ x + (1 | g) + (1 | h)", vec!["--df", "kenward-roger"], "one grouping factor"),
        ("out ~ x + (1 | g)", vec!["--bootstrap", "parametric", "--weights", "size", "--family", "binomial"], "whole"),
    ] {
        let ran = bench.run(formula, &flags);
        let is_said = ran.code == 3 && ran.err.contains(word);
        // Whole weights are trials, and can be drawn.
        assert!(is_said || (word == "whole" && ran.code == 0), "{formula} {flags:?}: {} {}", ran.code, ran.err);
    }
}

#[test]
fn degrees_of_freedom_are_named() {
    let bench = Bench::new();
    let named = |flags: &[&str], word: &str, field: &str| {
        let ran = bench.run("y ~ x + h + (x | g)", flags);
        assert!(ran.code == 0 && ran.out.contains(word), "{}{}", ran.out, ran.err);
        assert_eq!(bench.json()["glance"]["df_method"], field);
    };
    named(&[], "Satterthwaite", "satterthwaite");
    named(&["--df", "kenward-roger"], "Kenward and Roger", "kenward-roger");
    // Corrected errors are larger.
    let [plain, corrected] = [vec![], vec!["--df", "kenward-roger"]].map(|f| bench.fit("y ~ x + h + (x | g)", &f));
    for (a, b) in rows_of(&plain, "fixed").iter().zip(rows_of(&corrected, "fixed")) {
        let [a, b] = [a, b].map(|row| row["std_error"].as_f64().expect("a number"));
        assert!(b >= a && b < 1.2 * a, "{a} {b}");
    }
    assert_eq!(corrected["glance"]["vcov"], "kenward-roger");
    let singular = bench.fit("y ~ x + h + (1 | h)", &["--method", "ml"]);
    assert!(singular["notes"].to_string().contains("singular"), "{}", singular["notes"]);
}

#[test]
fn infinite_numbers_are_dropped_and_counted() {
    let mut all = rows();
    let fields: Vec<&str> = all[5].split(',').collect();
    let changed = [&fields[..2], &["Inf"], &fields[3..]].concat().join(",");
    all[5] = changed;
    let fit = Bench::with(&table(&all)).fit("y ~ x", &[]);
    assert_eq!(fit["glance"]["nobs"], 95);
    assert_eq!((&fit["drops"][0]["reason"], &fit["drops"][0]["column"]), (&"not_finite".into(), &"x".into()));
}

#[test]
fn a_formula_that_is_too_deep_is_answered_with_its_place() {
    let deep = format!("y ~ {}x{}", "(".repeat(50_000), ")".repeat(50_000));
    let ran = Bench::new().run(&deep, &[]);
    assert!(ran.code == 2 && ran.err.contains('^'), "{}", ran.code);
}
