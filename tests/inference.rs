//! Inference on mixed models against lmerTest and clubSandwich: degrees of freedom, robust covariances.

#[allow(dead_code, reason = "not every table function is asked for")]
mod common;

use common::{Table, reference_dir};
use lob_effect::stats::{CrType, LmmData, LmmFit, LmmOptions, RandomTerm, fit_lmm, kenward_roger, lmm_cluster_vcov};
use ndarray::{Array1, Array2, Axis, array};
use serde_json::Value;

fn numbers(json: &Value, key: &str) -> Vec<f64> {
    let list = json[key].as_array().unwrap_or_else(|| panic!("reference has a list at {key}"));
    list.iter().map(|v| v.as_f64().expect("a number")).collect()
}

/// One outcome in groups, with columns by name.
struct Grouped {
    y: Array1<f64>,
    x: Array2<f64>,
    /// Columns of x that vary between the groups.
    z: Array2<f64>,
    level: Vec<u32>,
    n_levels: usize,
}

impl Grouped {
    fn new(table: &Table, group: &str, y: &str, columns: &[Vec<f64>], random: &[usize]) -> Self {
        let n = table.len();
        let x = Array2::from_shape_fn((n, columns.len()), |(i, k)| columns[k][i]);
        let codes = table.codes(group);
        let z = x.select(Axis(1), random);
        Self { y: table.numbers(y).into(), z, x, level: codes.codes, n_levels: codes.count }
    }

    fn sleepstudy(dir: &std::path::Path) -> Self {
        let table = Table::read(&dir.join("sleepstudy.csv"));
        let columns = [vec![1.0; table.len()], table.numbers("Days")];
        Self::new(&table, "Subject", "Reaction", &columns, &[0, 1])
    }

    fn hsb82(dir: &std::path::Path) -> Self {
        let table = Table::read(&dir.join("hsb82.csv"));
        let (mean, own, catholic) =
            (table.numbers("meanses"), table.numbers("cses"), table.dummy("sector", "Catholic"));
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f64>>();
        let (mean_own, own_catholic) = (product(&mean, &own), product(&own, &catholic));
        let columns = [vec![1.0; table.len()], mean, own, catholic, mean_own, own_catholic];
        Self::new(&table, "school", "mAch", &columns, &[0, 2])
    }

    fn exam(dir: &std::path::Path) -> Self {
        let table = Table::read(&dir.join("exam.csv"));
        let columns = [vec![1.0; table.len()], table.numbers("standLRT")];
        Self::new(&table, "school", "normexam", &columns, &[0])
    }

    fn with_data<T>(&self, f: impl FnOnce(&LmmData) -> T) -> T {
        let blocks = [self.z.ncols()];
        let term = RandomTerm { z: self.z.view().into(), level: &self.level, n_levels: self.n_levels, blocks: &blocks };
        f(&LmmData { y: self.y.view(), x: self.x.view().into(), terms: &[term], weights: None, offset: None })
    }

    fn fit(&self) -> LmmFit {
        self.with_data(|data| fit_lmm(data, &LmmOptions::default())).expect("the reference model can be fitted")
    }
}

#[test]
fn satterthwaite_degrees_of_freedom_are_those_of_lmertest() {
    let Some(dir) = reference_dir() else {
        return;
    };
    let text = std::fs::read_to_string(dir.join("satterthwaite.json")).expect("a reference case has its JSON");
    let json: Value = serde_json::from_str(&text).expect("reference JSON parses");
    for (name, data) in [("sleepstudy", Grouped::sleepstudy(&dir)), ("hsb82", Grouped::hsb82(&dir))] {
        let (fit, json) = (data.fit(), &json[name]);
        // lme4's search stops where the criterion is flat to 1e-8 or so, which leaves θ right to about 1e-4: estimates
        // show that in the fifth digit, degrees of freedom in the fourth.
        let bounds = [("est", 5e-5), ("se", 1e-4), ("df", 1e-3), ("t", 1e-4)];
        for (k, coefficient) in Array2::<f64>::eye(fit.beta.len()).rows().into_iter().enumerate() {
            let ours = fit.contrast(coefficient);
            let found = [ours.estimate, ours.std_error, ours.df, ours.statistic];
            for ((key, bound), found) in bounds.iter().zip(found) {
                let reference = numbers(json, key)[k];
                assert!((found / reference - 1.0).abs() < *bound, "{name} {key} {k}: {found} {reference}");
            }
            // The logarithm, as far tails turn 1e-4 of t into more of p.
            let reference = numbers(json, "p")[k];
            assert!((ours.p_value.ln() / reference.ln() - 1.0).abs() < 1e-3, "{name} p {k}: {}", ours.p_value);
        }
    }
}

// clubSandwich 0.5.8 with lme4 in R 4.2.2: vcovCR(lmer(..., REML = TRUE), type = ...), Reaction ~ Days + (Days | Subject)
// of sleepstudy and normexam ~ standLRT + (1 | school) of mlmRev::Exam.
#[test]
fn robust_covariances_are_those_of_clubsandwich() {
    let Some(dir) = reference_dir() else {
        return;
    };
    let sleep = array![[43.987095644995, -1.370479277751], [-1.370479277751, 2.256715350135]];
    let sleep_cr1 = array![[46.574571859406, -1.451095705854], [-1.451095705854, 2.389463311908]];
    let exam = array![[0.0016161965800027, 0.0002643947062187], [0.0002643947062187, 0.0003664305353587]];
    let cases = [
        (Grouped::sleepstudy(&dir), CrType::Cr0, sleep),
        (Grouped::sleepstudy(&dir), CrType::Cr1, sleep_cr1),
        (Grouped::exam(&dir), CrType::Cr0, exam),
    ];
    for (data, kind, reference) in &cases {
        let fit = data.fit();
        let found = data.with_data(|rows| lmm_cluster_vcov(rows, &fit, &data.level, data.n_levels, *kind));
        let found = found.expect("groups are independent");
        for (found, reference) in found.iter().zip(reference) {
            // θ of lme4 is right to about 1e-5.
            assert!((found / reference - 1.0).abs() < 2e-5, "{kind:?}: {found} {reference}");
        }
    }
}

// pbkrtest in R 4.2.2 with lme4: normexam ~ standLRT + sex + schgend + (standLRT | school) of mlmRev::Exam, REML.
#[test]
fn kenward_and_rogers_errors_are_those_of_pbkrtest() {
    let Some(dir) = reference_dir() else {
        return;
    };
    let table = Table::read(&dir.join("exam.csv"));
    let columns = [
        vec![1.0; table.len()],
        table.numbers("standLRT"),
        table.dummy("sex", "M"),
        table.dummy("schgend", "boys"),
        table.dummy("schgend", "girls"),
    ];
    let data = Grouped::new(&table, "school", "normexam", &columns, &[0, 1]);
    let fit = data.fit();
    let found = data.with_data(|rows| kenward_roger(rows, &fit)).expect("one grouping factor");
    let errors = [0.0535216, 0.0201622, 0.0338736, 0.1033721, 0.0821926];
    let df = [84.19, 60.64, 4032.67, 64.92, 66.04];
    for (k, coefficient) in Array2::<f64>::eye(5).rows().into_iter().enumerate() {
        assert!((found.vcov[[k, k]].sqrt() - errors[k]).abs() < 2e-6, "{k}: {}", found.vcov[[k, k]].sqrt());
        // lme4's θ is right to about 1e-4, and degrees of freedom show it in the fourth digit.
        assert!((found.df(coefficient) / df[k] - 1.0).abs() < 5e-4, "{k}: {}", found.df(coefficient));
    }
}
