//! Do we get clubSandwich's cluster-robust errors and degrees of freedom? Values, data and versions: `robust.json` in the
//! folder of reference cases.

mod common;

use common::{Codes, Table, reference_dir};
use lob_effect::stats::{
    Cells, ClusterVcov, CrType, Family, GlmOptions, Link, OlsData, OlsOptions, fit_glm, fit_ols, glm_cluster_vcov,
    ols_cluster_vcov,
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
    let cells = Cells { x: x.view(), trials: ones.view(), successes: events.view(), offset: None };
    let family = Family::Binomial(Link::Logit);
    let fit = fit_glm(&cells, family, &GlmOptions::default()).expect("the reference model can be fitted");
    assert!((fit.log_lik - case["loglik"].as_f64().expect("a number")).abs() < 1e-9);
    let Codes { codes, count, .. } = table.codes("district");
    let robust = |kind| glm_cluster_vcov(&cells, family, &fit, &codes, count, kind).expect("60 districts");
    let terms = ["(Intercept)", "age", "I(age^2)", "urbanY", "livch1", "livch2", "livch3+"];
    check(&case, &terms, fit.beta.view(), robust);
}
