//! Do we get clubSandwich's cluster-robust errors and degrees of freedom? Values, data and versions: `robust.json` in the
//! folder of reference cases.

#[allow(dead_code, reason = "not every table function is asked for")]
mod common;

use common::{Codes, Table, reference_dir};
use lob_effect::stats::{
    Cells, ClusterVcov, CrType, Family, GlmOptions, Link, OlsData, OlsOptions, TwoWayData, fit_glm, fit_ols,
    fit_two_way, glm_cluster_vcov, ols_cluster_vcov, two_way_cluster_vcov,
};
use ndarray::{Array1, Array2, ArrayView1};
use serde_json::Value;

const KINDS: [(&str, CrType); 5] =
    [("CR0", CrType::Cr0), ("CR1", CrType::Cr1), ("CR1S", CrType::Cr1s), ("CR2", CrType::Cr2), ("CR3", CrType::Cr3)];

/// The reference holds 13 digits; R's glm stops within 1e-9 of the optimum.
const RELATIVE: f64 = 1e-8;

fn reference(case: &str) -> Option<(Value, std::path::PathBuf)> {
    let dir = reference_dir()?;
    let text = std::fs::read_to_string(dir.join("robust.json")).expect("the reference has its JSON");
    let json: Value = serde_json::from_str(&text).expect("reference JSON parses");
    Some((json[case].clone(), dir))
}

fn check(case: &Value, terms: &[&str], beta: ArrayView1<f64>, robust: impl Fn(CrType) -> ClusterVcov) {
    for (name, kind) in KINDS {
        let (found, expected) = (robust(kind), &case["CR"][name]);
        let df = found.df();
        for (k, term) in terms.iter().enumerate() {
            let near = |what: &str, ours: f64| {
                let theirs = expected[what][term].as_f64().expect("a number");
                assert!((ours / theirs - 1.0).abs() < RELATIVE, "{name} {what} {term}: {ours} {theirs}");
            };
            near("beta", beta[k]);
            near("se", found.vcov[[k, k]].sqrt());
            near("df", df[k]);
        }
    }
}

#[test]
fn exam_by_least_squares() {
    let Some((case, dir)) = reference("ols_exam") else { return };
    let table = Table::read(&dir.join("exam.csv"));
    let (lrt, average, male) = (table.numbers("standLRT"), table.numbers("schavg"), table.dummy("sex", "M"));
    let x = Array2::from_shape_fn((table.len(), 4), |(i, c)| [1.0, lrt[i], male[i], average[i]][c]);
    let y = Array1::from(table.numbers("normexam"));
    let data = OlsData { y: y.view(), x: x.view(), weights: None, offset: None };
    let fit = fit_ols(&data, &OlsOptions::default()).expect("the reference model can be fitted");
    let residuals = data.residuals(fit.beta.view());
    let Codes { codes, count, .. } = table.codes("school");
    let robust = |kind| ols_cluster_vcov(x.view(), residuals.view(), None, &codes, count, kind).expect("65 schools");
    check(&case, &["(Intercept)", "standLRT", "sexM", "schavg"], fit.beta.view(), robust);
}

#[test]
fn contraception_by_logistic_regression() {
    let Some((case, dir)) = reference("logit_contraception") else { return };
    let table = Table::read(&dir.join("contraception.csv"));
    let (age, urban) = (table.numbers("age"), table.dummy("urban", "Y"));
    let children = ["1", "2", "3+"].map(|n| table.dummy("livch", n));
    let value = |i: usize| [1.0, age[i], age[i] * age[i], urban[i], children[0][i], children[1][i], children[2][i]];
    let x = Array2::from_shape_fn((table.len(), 7), |(i, c)| value(i)[c]);
    let (ones, events) = (Array1::ones(table.len()), Array1::from(table.dummy("use", "Y")));
    let cells = Cells { x: x.view().into(), trials: ones.view(), successes: events.view(), offset: None };
    let family = Family::Binomial(Link::Logit);
    let fit = fit_glm(&cells, family, &GlmOptions::default()).expect("the reference model can be fitted");
    assert!((fit.log_lik - case["loglik"].as_f64().expect("a number")).abs() < 1e-9);
    let Codes { codes, count, .. } = table.codes("district");
    let robust = |kind| glm_cluster_vcov(&cells, family, &fit, &codes, count, kind).expect("60 districts");
    let terms = ["(Intercept)", "age", "I(age^2)", "urbanY", "livch1", "livch2", "livch3+"];
    check(&case, &terms, fit.beta.view(), robust);
}

/// clubSandwich 0.5.8 in R 4.2.2 on the columns of hsb82.csv and contraception.csv; 13 digits.
fn assert_robust(found: &ClusterVcov, se: &[f64], df: &[f64]) {
    let ours = found.df();
    for k in 0..se.len() {
        let (s, d) = (found.vcov[[k, k]].sqrt() / se[k], ours[k] / df[k]);
        assert!((s - 1.0).abs() < RELATIVE && (d - 1.0).abs() < RELATIVE, "{k}: {s} {d}");
    }
}

/// lm(mAch ~ cses * meanses + sector), without weights and with 1, 2, 3, 1, 2, 3, … as weights.
#[test]
fn high_school_and_beyond_with_weights() {
    let Some(dir) = reference_dir() else { return };
    let table = Table::read(&dir.join("hsb82.csv"));
    let (own, mean, catholic) = (table.numbers("cses"), table.numbers("meanses"), table.dummy("sector", "Catholic"));
    let value = |i: usize| [1.0, own[i], mean[i], catholic[i], own[i] * mean[i]];
    let x = Array2::from_shape_fn((table.len(), 5), |(i, c)| value(i)[c]);
    let y = Array1::from(table.numbers("mAch"));
    let weights = Array1::from_shape_fn(table.len(), |i| 1.0 + (i % 3) as f64);
    let Codes { codes, count, .. } = table.codes("school");
    let robust = |weights: Option<&Array1<f64>>, kind| {
        let (y, weights) = (y.clone(), weights.map(|w| w.view()));
        let data = OlsData { y: y.view(), x: x.view(), weights, offset: None };
        let residuals = data.residuals(fit_ols(&data, &OlsOptions::default()).expect("a fit").beta.view());
        ols_cluster_vcov(x.view(), residuals.view(), weights, &codes, count, kind).expect("160 schools")
    };
    assert_robust(
        &robust(None, CrType::Cr2),
        &[0.171427104065, 0.1263472321538, 0.3388114936694, 0.3021962476919, 0.3640297401682],
        &[81.40321175756, 140.0593163586, 53.32313177627, 95.16870388919, 63.42820563882],
    );
    assert_robust(
        &robust(Some(&weights), CrType::Cr2),
        &[0.1801720388188, 0.1301177200015, 0.3466097672301, 0.3131837969348, 0.3758669274834],
        &[81.47222808111, 137.1872920067, 53.33507624481, 95.26256029886, 60.53152765835],
    );
    assert_robust(
        &robust(Some(&weights), CrType::Cr3),
        &[0.1818131033887, 0.1311283029704, 0.3514990110298, 0.3164045774645, 0.3808284793133],
        &[81.42407498765, 136.9465214144, 52.20694588384, 93.65552411397, 59.4979876863],
    );
}

/// lm(mAch ~ ses + minrty + factor(school)): clustered by the fixed effects themselves.
#[test]
fn high_school_and_beyond_with_a_dummy_for_each_school() {
    let Some(dir) = reference_dir() else { return };
    let table = Table::read(&dir.join("hsb82.csv"));
    let (ses, minority) = (table.numbers("ses"), table.dummy("minrty", "Yes"));
    let x = Array2::from_shape_fn((table.len(), 2), |(i, c)| [ses[i], minority[i]][c]);
    let y = Array1::from(table.numbers("mAch"));
    let Codes { codes, count, .. } = table.codes("school");
    let one = vec![0; table.len()];
    let (first, second) = (codes.as_slice(), one.as_slice());
    let data = TwoWayData { y: y.view(), x: x.view(), weights: None, first, n_first: count, second, n_second: 1 };
    let fit = fit_two_way(&data).expect("a fit");
    let robust = |kind| two_way_cluster_vcov(&data, &fit, &codes, count, kind).expect("160 schools");
    assert_robust(&robust(CrType::Cr2), &[0.1213278096625], &[141.1538799636]);
    assert_robust(&robust(CrType::Cr1s), &[0.1226353462703], &[141.3695047954]);
}

/// glm(use ~ age + urban, binomial("probit")).
#[test]
fn contraception_by_probit() {
    let Some(dir) = reference_dir() else { return };
    let table = Table::read(&dir.join("contraception.csv"));
    let (age, urban) = (table.numbers("age"), table.dummy("urban", "Y"));
    let x = Array2::from_shape_fn((table.len(), 3), |(i, c)| [1.0, age[i], urban[i]][c]);
    let (ones, events) = (Array1::ones(table.len()), Array1::from(table.dummy("use", "Y")));
    let cells = Cells { x: x.view().into(), trials: ones.view(), successes: events.view(), offset: None };
    let family = Family::Binomial(Link::Probit);
    let fit = fit_glm(&cells, family, &GlmOptions::default()).expect("a fit");
    let Codes { codes, count, .. } = table.codes("district");
    let robust = |kind| glm_cluster_vcov(&cells, family, &fit, &codes, count, kind).expect("60 districts");
    assert_robust(
        &robust(CrType::Cr2),
        &[0.06278522200279, 0.003381043757262, 0.1159912213784],
        &[42.2848546372, 40.18881781462, 23.59930578863],
    );
    assert_robust(
        &robust(CrType::Cr3),
        &[0.06372864671187, 0.003427321601154, 0.1228832133423],
        &[41.75395022716, 39.51243611583, 20.86526153435],
    );
}
