//! Identities of the random-effects model, and values of metafor 3.8-1 run to convergence.

use super::*;
use ndarray::array;

const METHODS: [Tau2Method; 5] = [
    Tau2Method::DerSimonianLaird,
    Tau2Method::PauleMandel,
    Tau2Method::Reml,
    Tau2Method::Ml,
    Tau2Method::EmpiricalBayes,
];

/// Log risk ratios of the 13 BCG trials and their variances, with latitude (metadat's dat.bcg).
const BCG: [[f64; 3]; 13] = [
    [-0.8893113339202, 0.325584765004, 44.0],
    [-1.585388657201, 0.1945811213981, 55.0],
    [-1.3480731483, 0.415367965368, 42.0],
    [-1.441551190021, 0.02001003190225, 52.0],
    [-0.2175473222113, 0.05121017216963, 13.0],
    [-0.7861155858189, 0.006905618455909, 44.0],
    [-1.620898223598, 0.2230172475723, 19.0],
    [0.01195233352384, 0.003961579297818, 13.0],
    [-0.4694176487381, 0.05643421046325, 27.0],
    [-1.371344803473, 0.07302479361303, 42.0],
    [-0.3393588283384, 0.01241221397156, 18.0],
    [0.4459134005714, 0.5325058452002, 33.0],
    [-0.01731394821688, 0.07140465968399, 33.0],
];

struct Data {
    y: Array1<f64>,
    v: Array1<f64>,
    x: Array2<f64>,
}

impl Data {
    fn bcg(moderator: bool) -> Self {
        let x = Array2::from_shape_fn((13, 1 + usize::from(moderator)), |(i, k)| if k == 0 { 1.0 } else { BCG[i][2] });
        Self { y: BCG.iter().map(|r| r[0]).collect(), v: BCG.iter().map(|r| r[1]).collect(), x }
    }

    fn fit(&self, method: Tau2Method) -> Result<MetaFit, StatsError> {
        let data = MetaData { y: self.y.view(), v: self.v.view(), x: self.x.view() };
        fit_meta(&data, &MetaOptions { method, level: 0.95 })
    }
}

fn near(ours: f64, reference: f64, relative: f64) {
    assert!((ours - reference).abs() <= relative * (1e-3 + reference.abs()), "{ours} against {reference}");
}

// metafor 3.8-1 with threshold 1e-15 (its default of 1e-5 stops earlier), rma(yi, vi).
#[test]
fn converged_values_of_metafor() {
    let expected = [
        (Tau2Method::Reml, 0.31324325813648, -0.71453234215814, 0.17978151610521),
        (Tau2Method::DerSimonianLaird, 0.30876026286238, -0.71411722207323, 0.1787420895354),
        (Tau2Method::PauleMandel, 0.31806845220502, -0.71496815349344, 0.18089219153762),
        (Tau2Method::EmpiricalBayes, 0.31806845220502, -0.71496815349344, 0.18089219153762),
        (Tau2Method::Ml, 0.28002813726864, -0.71119913547418, 0.17189680877689),
    ];
    for (method, tau2, beta, se) in expected {
        let fit = Data::bcg(false).fit(method).unwrap();
        // The data are printed with 13 digits.
        near(fit.tau2, tau2, 1e-10);
        near(fit.beta[0], beta, 1e-10);
        near(fit.vcov[[0, 0]].sqrt(), se, 1e-10);
    }
    let fit = Data::bcg(false).fit(Tau2Method::Reml).unwrap();
    near(fit.log_lik, -12.2023714155, 1e-10);
    near(fit.q_p_value, 1.99676459085e-26, 1e-6);
    // confint(): its root is found to about 1e-4 of the quantile.
    near(fit.tau2_ci.lower, 0.119718361141, 1e-5);
    near(fit.tau2_ci.upper, 1.11147908406, 1e-5);
    near(Data::bcg(false).fit(Tau2Method::Ml).unwrap().log_lik, -12.6650763483, 1e-10);
}

// rma(yi, vi, mods = ~ ablat) as above; predict(newmods = 30); the first and the last of blup().
#[test]
fn a_moderator_as_metafor_has_it() {
    let fit = Data::bcg(true).fit(Tau2Method::Reml).unwrap();
    near(fit.tau2, 0.0763479639552, 1e-9);
    near(fit.beta[0], 0.251468210007, 1e-9);
    near(fit.beta[1], -0.0291017250116, 1e-9);
    near(fit.vcov[[0, 0]].sqrt(), 0.249095396617, 1e-9);
    near(fit.vcov[[1, 1]].sqrt(), 0.0071953272209, 1e-9);
    near(fit.i2, 0.683912248382, 1e-9);
    near(fit.q, 30.7330900107, 1e-9);
    near((fit.vcov[[1, 1]] * fit.knha_scale).sqrt(), 0.00820141741104, 1e-9);
    let at = fit.predict(array![1.0, 30.0].view());
    near(at.mean, -0.621583540342, 1e-9);
    near(at.se, 0.106924050516, 1e-9);
    near(at.pi.lower, -1.20227795896, 1e-9);
    near(at.pi.upper, -0.0408891217223, 1e-8);
    let at = fit.predict_knha(array![1.0, 30.0].view());
    near(at.pi.lower, -1.28627165994, 1e-8);
    near(at.pi.upper, 0.0431045792538, 1e-7);
    near(fit.blup[0], -1.00247207489, 1e-9);
    near(fit.blup_se[0], 0.273449950853, 1e-9);
    near(fit.blup[12], -0.351532452625, 1e-9);
    near(fit.blup_se[12], 0.198951943257, 1e-9);
    let others = [(Tau2Method::PauleMandel, 0.142131941473), (Tau2Method::Ml, 0.0343514424812)];
    for (method, tau2) in others {
        near(Data::bcg(true).fit(method).unwrap().tau2, tau2, 1e-9);
    }
}

#[test]
fn equal_variances_have_a_closed_form() {
    let y = array![0.3, 1.9, -0.8, 2.4, 0.1, 1.2];
    let (k, v) = (6.0, 0.4);
    let mean = y.sum() / k;
    let squares = y.mapv(|y| (y - mean) * (y - mean)).sum();
    let data = Data { v: Array1::from_elem(6, v), x: Array2::ones((6, 1)), y };
    for method in METHODS {
        let fit = data.fit(method).unwrap();
        let divisor = if method == Tau2Method::Ml { k } else { k - 1.0 };
        let tau2 = squares / divisor - v;
        assert!((fit.tau2 - tau2).abs() < 1e-12, "{method:?}: {} {tau2}", fit.tau2);
        assert!((fit.beta[0] - mean).abs() < 1e-14);
        assert!((fit.vcov[[0, 0]] - (tau2 + v) / k).abs() < 1e-12);
        assert!((fit.i2 - tau2 / (tau2 + v)).abs() < 1e-12);
        // Knapp & Hartung: the t-interval of a plain mean.
        let half = t_quantile(0.975, k - 1.0) * (squares / (k - 1.0) / k).sqrt();
        assert!((fit.knha_ci[0].upper - mean - half).abs() < 1e-12);
    }
}

#[test]
fn homogeneous_estimates_give_the_fixed_effect_answer() {
    let data = Data { y: array![0.31, 0.28, 0.35, 0.30], v: array![0.04, 0.10, 0.02, 0.07], x: Array2::ones((4, 1)) };
    let w = data.v.mapv(|v| 1.0 / v);
    for method in METHODS {
        let fit = data.fit(method).unwrap();
        assert_eq!(fit.tau2, 0.0, "{method:?}");
        assert_eq!(fit.tau2_ci.lower, 0.0);
        assert!((fit.beta[0] - w.dot(&data.y) / w.sum()).abs() < 1e-15);
        assert!((fit.vcov[[0, 0]] - 1.0 / w.sum()).abs() < 1e-16);
        assert!(fit.blup.iter().all(|b| (b - fit.beta[0]).abs() < 1e-15));
        assert_eq!(fit.i2, 0.0);
        // Everything shrunk to the mean: its standard error is the mean's.
        assert!(fit.blup_se.iter().all(|s| (s - fit.vcov[[0, 0]].sqrt()).abs() < 1e-15));
    }
}

#[test]
fn the_slope_is_that_of_the_log_likelihood() {
    let data = Data::bcg(true);
    let meta = MetaData { y: data.y.view(), v: data.v.view(), x: data.x.view() };
    for tau2 in [0.01, 0.1, 0.7] {
        let h = 1e-4 * tau2;
        let (up, down, at) = (meta.at(tau2 + h).unwrap(), meta.at(tau2 - h).unwrap(), meta.at(tau2).unwrap());
        near((up.log_lik - down.log_lik) / h, at.slope, 1e-7);
        near((up.log_lik_restricted - down.log_lik_restricted) / h, at.slope_restricted, 1e-7);
    }
}

#[test]
fn units_scale_and_order_do_not_matter() {
    let data = Data::bcg(true);
    let order: Vec<usize> = (0..13).rev().collect();
    let turned = Data {
        y: data.y.select(ndarray::Axis(0), &order) * 100.0,
        v: data.v.select(ndarray::Axis(0), &order) * 1e4,
        x: data.x.select(ndarray::Axis(0), &order),
    };
    for method in METHODS {
        let (a, b) = (data.fit(method).unwrap(), turned.fit(method).unwrap());
        near(b.tau2 / 1e4, a.tau2, 1e-11);
        near(b.beta[1] / 100.0, a.beta[1], 1e-11);
        near(b.blup[0] / 100.0, a.blup[12], 1e-11);
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let mut data = Data::bcg(true);
    data.v[3] = 0.0;
    assert_eq!(data.fit(Tau2Method::Reml).unwrap_err(), StatsError::NotPositive { array: "v", row: 3 });
    let mut data = Data::bcg(true);
    data.y[5] = f64::NAN;
    assert_eq!(data.fit(Tau2Method::Reml).unwrap_err(), StatsError::NotFinite { array: "y", row: 5 });
    let mut data = Data::bcg(true);
    data.x.column_mut(1).fill(2.0);
    assert_eq!(data.fit(Tau2Method::Reml).unwrap_err(), StatsError::RankDeficient { column: 1 });
    let one = Data { y: array![1.0], v: array![1.0], x: array![[1.0]] };
    assert!(matches!(one.fit(Tau2Method::Reml), Err(StatsError::Shape(_))));
}
