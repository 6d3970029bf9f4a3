use super::super::link::Link;
use super::*;
use ndarray::array;

const FAMILIES: [Family; 4] =
    [Family::Binomial(Link::Logit), Family::Binomial(Link::Cloglog), Family::Binomial(Link::Probit), Family::Poisson];
const LOGIT: Family = Family::Binomial(Link::Logit);

struct Data {
    x: Array2<f64>,
    trials: Array1<f64>,
    successes: Array1<f64>,
    offset: Option<Array1<f64>>,
}

impl Data {
    fn new(x: Array2<f64>, trials: Array1<f64>, successes: Array1<f64>) -> Self {
        Self { x, trials, successes, offset: None }
    }

    fn fit(&self, family: Family) -> Result<GlmFit, StatsError> {
        let offset = self.offset.as_ref().map(|o| o.view());
        let cells =
            Cells { x: self.x.view().into(), trials: self.trials.view(), successes: self.successes.view(), offset };
        fit_glm(&cells, family, &GlmOptions::default())
    }
}

/// Two dummies: the model is saturated in them, so everything is known in closed form.
fn two_rates() -> Data {
    Data::new(
        array![[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]],
        array![30.0, 10.0, 25.0, 25.0],
        array![6.0, 4.0, 5.0, 15.0],
    )
}

#[test]
fn dummies_give_the_observed_rates() {
    for family in FAMILIES {
        let fit = two_rates().fit(family).unwrap();
        assert!((family.mean(fit.beta[0]) - 0.25).abs() < 1e-12);
        assert!((family.mean(fit.beta[1]) - 0.40).abs() < 1e-12);
        let expected = family.saturated(40.0, 10.0) + family.saturated(50.0, 20.0);
        assert!((fit.log_lik - expected).abs() < 1e-11);
        // 1/(Nw) with the expected information w of a row.
        let variance = 1.0 / (40.0 * family.expected_weight(fit.beta[0]));
        assert!((fit.vcov[[0, 0]] / variance - 1.0).abs() < 1e-12);
        assert!((fit.vcov_observed[[1, 1]] / fit.vcov[[1, 1]] - 1.0).abs() < 1e-12, "a saturated mean");
        assert!(fit.grad_max < 1e-10);
    }
}

#[test]
fn an_offset_moves_the_coefficient_it_equals() {
    for family in FAMILIES {
        let plain = two_rates().fit(family).unwrap();
        let shifted = Data { offset: Some(array![0.7, 0.7, -0.2, -0.2]), ..two_rates() }.fit(family).unwrap();
        assert!((shifted.beta[0] + 0.7 - plain.beta[0]).abs() < 1e-13);
        assert!((shifted.beta[1] - 0.2 - plain.beta[1]).abs() < 1e-13);
        assert!((shifted.deviance - plain.deviance).abs() < 1e-12);
    }
}

#[test]
fn weights_multiply_trials_and_successes() {
    for family in FAMILIES {
        let data = two_rates();
        let halved = Data { trials: &data.trials * 0.5, successes: &data.successes * 0.5, ..two_rates() };
        let (whole, half) = (data.fit(family).unwrap(), halved.fit(family).unwrap());
        assert!((&whole.beta - &half.beta).iter().all(|d| d.abs() < 1e-13));
        assert!((half.log_lik * 2.0 - whole.log_lik).abs() < 1e-12);
        assert!((half.vcov[[1, 1]] / 2.0 - whole.vcov[[1, 1]]).abs() < 1e-14);
    }
}

/// Regression with a slope on values of a formula, which R makes too.
fn formula() -> Data {
    let n = 60;
    let value = |i: usize| f64::from((i * 37 % 101) as u32) / 50.0 - 1.0;
    let x = Array2::from_shape_fn((n, 3), |(i, c)| [1.0, value(i), f64::from((i % 3 == 0) as u8)][c]);
    let trials = Array1::from_shape_fn(n, |i| (4 + i % 5) as f64);
    let successes = Array1::from_shape_fn(n, |i| ((i * 7 + i * i) % (4 + i % 5)) as f64);
    Data { offset: Some(Array1::from_shape_fn(n, |i| 0.1 * (i % 4) as f64)), ..Data::new(x, trials, successes) }
}

#[test]
fn r_gives_the_same() {
    // R 4.2.2, glm(epsilon = 1e-14): coefficients, standard errors, deviance, log-likelihood with its constant.
    let reference = [
        (
            Link::Logit,
            [-0.717102215749567, -0.233444159284944, -0.410905507830391],
            [0.134770476904589, 0.193909251082623, 0.245400712673823],
            131.229275888418,
            -111.530439149105,
        ),
        (
            Link::Cloglog,
            [-0.948371984807404, -0.191113534793814, -0.343340710775643],
            [0.10817530708921, 0.158232610479784, 0.205405038718391],
            130.228049214881,
            -111.029825812336,
        ),
        (
            Link::Probit,
            [-0.505847630520254, -0.14750657450558, -0.250898300921085],
            [0.0830715502944729, 0.118373325812445, 0.148192284876529],
            128.436987169756,
            -110.134294789774,
        ),
    ];
    let data = formula();
    let check = |family: Family, beta: [f64; 3], se: [f64; 3], deviance: f64, log_lik: f64, constant: f64| {
        let fit = data.fit(family).unwrap();
        for k in 0..3 {
            // R stops when the deviance changes by 1e-14 of itself, so at about 1e-7 in β; its covariance is one
            // iteration older still.
            assert!((fit.beta[k] / beta[k] - 1.0).abs() < 1e-7, "{family:?} {k}");
            assert!((fit.vcov[[k, k]].sqrt() / se[k] - 1.0).abs() < 1e-7, "{family:?} {k}");
        }
        assert!((fit.deviance / deviance - 1.0).abs() < 1e-13);
        assert!(((fit.log_lik + constant) / log_lik - 1.0).abs() < 1e-13);
    };
    let binomial = super::super::cells::binomial_constant(data.trials.view(), data.successes.view());
    for (link, beta, se, deviance, log_lik) in reference {
        check(Family::Binomial(link), beta, se, deviance, log_lik, binomial);
    }
    // R's rows are the cells with offset log m: y log m more.
    let rows = data.successes.iter().zip(&data.trials).map(|(y, m)| y * m.ln()).sum::<f64>();
    let poisson = super::super::cells::poisson_constant(data.successes.view()) + rows;
    check(
        Family::Poisson,
        [-1.17373597865622, -0.156212865721871, -0.278474286774067],
        [0.107438551898647, 0.157225766579784, 0.204454048395332],
        93.9066974292831,
        -106.926100966145,
        poisson,
    );
}

#[test]
fn separation_is_found_for_every_family() {
    let dummy = |successes: Array1<f64>| Data { successes, ..two_rates() };
    for family in FAMILIES {
        let none = dummy(array![6.0, 4.0, 0.0, 0.0]);
        assert_eq!(none.fit(family).unwrap_err(), StatsError::Separated { column: 1 }, "{family:?}");
        let all = dummy(array![6.0, 4.0, 25.0, 25.0]);
        if family == Family::Poisson {
            assert!(all.fit(family).is_ok());
        } else {
            assert_eq!(all.fit(family).unwrap_err(), StatsError::Separated { column: 1 }, "{family:?}");
        }
    }
}

#[test]
fn a_threshold_that_splits_the_outcome_is_separated() {
    let x = array![[1.0, -2.0], [1.0, -0.1], [1.0, 0.2], [1.0, 3.0]];
    let complete = Data::new(x.clone(), Array1::ones(4), array![0.0, 0.0, 1.0, 1.0]);
    let overlapping = Data::new(x, Array1::ones(4), array![0.0, 1.0, 0.0, 1.0]);
    for link in [Link::Logit, Link::Cloglog, Link::Probit] {
        let family = Family::Binomial(link);
        assert_eq!(complete.fit(family).unwrap_err(), StatsError::Separated { column: 1 });
        assert!(overlapping.fit(family).is_ok());
    }
}

/// As in Heinze & Schemper 2002 (Statistics in Medicine 21:2409): 79 women, two continuous columns that overlap, and a
/// dummy that all 13 of its bearers share with the event, while among the others both outcomes occur.
fn endometrial_like() -> Data {
    let n = 79;
    let bearer = |i: usize| i.is_multiple_of(6) && i < 78;
    let x = Array2::from_shape_fn((n, 4), |(i, c)| {
        [1.0, f64::from(bearer(i) as u8), (i * 29 % 49) as f64, 0.3 + (i * 17 % 33) as f64 / 10.0][c]
    });
    let events = Array1::from_shape_fn(n, |i| f64::from((bearer(i) || (i * 31 + i * i) % 5 < 2) as u8));
    Data::new(x, Array1::ones(n), events)
}

#[test]
fn quasi_complete_separation_names_its_dummy() {
    for link in [Link::Logit, Link::Cloglog, Link::Probit] {
        let family = Family::Binomial(link);
        let refused = endometrial_like().fit(family).unwrap_err();
        assert_eq!(refused, StatsError::Separated { column: 1 }, "{link:?}");
        // One bearer without the event, and the estimate exists.
        let mut overlapping = endometrial_like();
        overlapping.successes[0] = 0.0;
        assert!(overlapping.fit(family).is_ok(), "{link:?}");
    }
}

#[test]
fn rare_is_not_separated() {
    // Two events among 10,000 rows of a dummy, one in the rest; and a slope that makes the rest almost certain.
    for family in FAMILIES {
        let rare = Data::new(
            array![[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]],
            array![50_000.0, 9_998.0, 2.0],
            array![1.0, 0.0, 2.0],
        );
        let fit = rare.fit(family).unwrap();
        assert!((family.mean(fit.beta[0] + fit.beta[1]) / 2e-4 - 1.0).abs() < 1e-9);
    }
    let steep = Data::new(
        array![[1.0, -40.0], [1.0, -1.0], [1.0, -0.5], [1.0, 0.5], [1.0, 1.0], [1.0, 40.0]],
        array![1000.0, 50.0, 50.0, 50.0, 50.0, 1000.0],
        array![0.0, 0.0, 1.0, 49.0, 50.0, 1000.0],
    );
    for link in [Link::Logit, Link::Cloglog, Link::Probit] {
        assert!(steep.fit(Family::Binomial(link)).is_ok(), "{link:?}");
    }
}

#[test]
fn threads_leave_no_trace() {
    let n = 20_000;
    let x = Array2::from_shape_fn((n, 2), |(i, c)| if c == 0 { 1.0 } else { (i * 7919 % n) as f64 / n as f64 });
    let data = Data::new(x, Array1::ones(n), Array1::from_shape_fn(n, |i| f64::from((i * i % 7 < 2) as u8)));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| data.fit(LOGIT).unwrap())
    };
    let (one, three) = (with(1), with(3));
    assert_eq!(one.beta, three.beta);
    assert_eq!(one.vcov, three.vcov);
}

#[test]
fn bad_input_is_refused() {
    let mut constant = two_rates();
    constant.successes.fill(0.0);
    for family in FAMILIES {
        assert_eq!(constant.fit(family).unwrap_err(), StatsError::NoVariation);
    }
    let mut twins = two_rates();
    twins.x.column_mut(1).fill(2.0);
    twins.x.column_mut(0).fill(1.0);
    assert_eq!(twins.fit(LOGIT).unwrap_err(), StatsError::RankDeficient { column: 1 });
    let mut impossible = two_rates();
    impossible.successes[1] = 11.0;
    assert!(matches!(impossible.fit(LOGIT), Err(StatsError::Counts { row: 1, .. })));
    let mut missing = two_rates();
    missing.x[[2, 1]] = f64::NAN;
    assert_eq!(missing.fit(LOGIT).unwrap_err(), StatsError::NotFinite { array: "x", row: 2 });
}

#[test]
fn many_rows_begin_with_few_and_end_where_their_cells_end() {
    const N: usize = 260_000;
    let value = |i: usize| ((i * 7) % 10) as f64 / 10.0;
    // About a quarter to a half have the event, by a fixed rule that has no period in common with x.
    let event = |i: usize| f64::from(u8::from((i as f64 * 0.754_877_666).fract() < 0.25 + 0.25 * value(i)));
    let x = Array2::from_shape_fn((N, 2), |(i, k)| if k == 0 { 1.0 } else { value(i) });
    let rows = Data::new(x, Array1::ones(N), (0..N).map(event).collect());
    let (mut trials, mut successes) = (Array1::zeros(10), Array1::zeros(10));
    for i in 0..N {
        trials[(i * 7) % 10] += 1.0;
        successes[(i * 7) % 10] += event(i);
    }
    let x = Array2::from_shape_fn((10, 2), |(i, k)| if k == 0 { 1.0 } else { i as f64 / 10.0 });
    let cells = Data::new(x, trials, successes);
    for family in FAMILIES {
        let (many, few) = (rows.fit(family).unwrap(), cells.fit(family).unwrap());
        assert!((&many.beta - &few.beta).iter().all(|d| d.abs() < 1e-11), "{family:?}");
        assert!((many.log_lik / few.log_lik - 1.0).abs() < 1e-12);
        assert!((&many.vcov - &few.vcov).iter().zip(&few.vcov).all(|(d, v)| d.abs() < 1e-9 * v.abs()));
    }
}
