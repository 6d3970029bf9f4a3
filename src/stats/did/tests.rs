use ndarray::{Array1, Array2, s};

use super::*;

fn spread(k: usize) -> f64 {
    let x = (k as f64 + 1.0).sin() * 43_758.545_3;
    x - x.floor() - 0.5
}

const PERIODS: [f64; 5] = [2019.0, 2020.0, 2021.0, 2022.0, 2023.0];

/// 90 units; thirds begin in 2021, in 2022 and never; an effect of 2 a period since the beginning.
struct Panel {
    y: Array2<f64>,
    x: Array2<f64>,
    first: Vec<Option<f64>>,
}

impl Panel {
    fn new(noise: f64) -> Self {
        let first: Vec<Option<f64>> = (0..90).map(|i| [Some(2021.0), Some(2022.0), None][i % 3]).collect();
        let x = Array2::from_shape_fn((90, 1), |(i, _)| 2.0 * spread(i) + 0.3 * (i % 3) as f64);
        let y = Array2::from_shape_fn((90, 5), |(i, t)| {
            let since = first[i].map_or(0.0, |g| (PERIODS[t] - g + 1.0).max(0.0));
            // The covariate moves the trend.
            5.0 * spread(i + 300) + t as f64 * (0.5 + x[[i, 0]]) + 2.0 * since + noise * spread(1000 + 5 * i + t)
        });
        Self { y, x, first }
    }

    fn data(&self) -> DidData<'_> {
        let (y, x) = (self.y.view(), Some(self.x.view()));
        DidData { y, periods: &PERIODS, first: &self.first, x, weights: None, clusters: None }
    }
}

const ALL: [DidEstimator; 3] = [DidEstimator::Regression, DidEstimator::Weighting, DidEstimator::DoublyRobust];

fn options(controls: DidControls, estimator: DidEstimator) -> DidOptions {
    DidOptions { controls, estimator }
}

#[test]
fn a_planted_effect_is_found_exactly_where_nothing_else_moves() {
    for controls in [DidControls::Never, DidControls::NotYet] {
        for estimator in [DidEstimator::Regression, DidEstimator::DoublyRobust] {
            let panel = Panel::new(0.0);
            let fit = fit_did(&panel.data(), &options(controls, estimator)).unwrap();
            assert_eq!(fit.cells.len(), 8);
            for cell in &fit.cells {
                let truth = 2.0 * (cell.time - cell.group + 1.0).max(0.0);
                assert!((cell.estimate - truth).abs() < 1e-9, "{cell:?}");
            }
        }
    }
}

#[test]
fn errors_are_those_of_leaving_units_out() {
    // The jackknife and the influence function agree to first order: 90 units, so within some per cent.
    let panel = Panel::new(4.0);
    for estimator in ALL {
        let opt = options(DidControls::NotYet, estimator);
        let fit = fit_did(&panel.data(), &opt).unwrap();
        let whole = fit.aggregate(Aggregation::Dynamic).unwrap();
        let without = |i: usize| {
            let keep: Vec<usize> = (0..90).filter(|&k| k != i).collect();
            let (y, x) = (panel.y.select(ndarray::Axis(0), &keep), panel.x.select(ndarray::Axis(0), &keep));
            let first: Vec<Option<f64>> = keep.iter().map(|&k| panel.first[k]).collect();
            let data = DidData { y: y.view(), x: Some(x.view()), first: &first, ..panel.data() };
            let fit = fit_did(&data, &opt).unwrap();
            let cells: Array1<f64> = fit.cells.iter().map(|c| c.estimate).collect();
            (cells, fit.aggregate(Aggregation::Dynamic).unwrap().overall)
        };
        let all: Vec<(Array1<f64>, f64)> = (0..90).map(without).collect();
        let jackknife = |values: Vec<f64>| {
            let mean = values.iter().sum::<f64>() / 90.0;
            (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() * 89.0 / 90.0).sqrt()
        };
        let ratio = jackknife(all.iter().map(|(_, overall)| *overall).collect()) / whole.std_error;
        assert!((ratio - 1.0).abs() < 0.1, "{estimator:?} overall: {ratio}");
        for (k, cell) in fit.cells.iter().enumerate() {
            let ratio = jackknife(all.iter().map(|(cells, _)| cells[k]).collect()) / cell.std_error;
            assert!((ratio - 1.0).abs() < 0.12, "{estimator:?} {cell:?}: {ratio}");
        }
    }
}

#[test]
fn weights_are_copies_and_clusters_of_copies_are_units() {
    let panel = Panel::new(3.0);
    let opt = options(DidControls::Never, DidEstimator::DoublyRobust);
    let weights: Vec<f64> = (0..90).map(|i| 1.0 + (i % 4) as f64).collect();
    let weighted = fit_did(&DidData { weights: Some(&weights), ..panel.data() }, &opt).unwrap();
    let copies: Vec<usize> = (0..90).flat_map(|i| std::iter::repeat_n(i, 1 + i % 4)).collect();
    let axis = ndarray::Axis(0);
    let (y, x) = (panel.y.select(axis, &copies), panel.x.select(axis, &copies));
    let first: Vec<Option<f64>> = copies.iter().map(|&i| panel.first[i]).collect();
    let codes: Vec<u32> = copies.iter().map(|&i| i as u32).collect();
    let data = DidData { y: y.view(), x: Some(x.view()), first: &first, clusters: Some((&codes, 90)), ..panel.data() };
    let copied = fit_did(&data, &opt).unwrap();
    for (a, b) in weighted.cells.iter().zip(&copied.cells) {
        assert!((a.estimate - b.estimate).abs() < 1e-9 && (a.std_error - b.std_error).abs() < 1e-9, "{a:?} {b:?}");
    }
    for by in [Aggregation::Simple, Aggregation::Dynamic, Aggregation::Group, Aggregation::Calendar] {
        let (a, b) = (weighted.aggregate(by).unwrap(), copied.aggregate(by).unwrap());
        assert!((a.overall - b.overall).abs() < 1e-9 && (a.std_error - b.std_error).abs() < 1e-9, "{by:?}");
    }
}

#[test]
fn a_band_is_wider_than_an_interval_and_the_same_on_any_threads() {
    let panel = Panel::new(3.0);
    let fit = fit_did(&panel.data(), &options(DidControls::Never, DidEstimator::Regression)).unwrap();
    let dynamic = fit.aggregate(Aggregation::Dynamic).unwrap();
    let band = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit.band(dynamic.influence.view(), 0.95, 2000, 5).unwrap())
    };
    let (one, eight) = (band(1), band(8));
    assert_eq!((one.critical, &one.std_errors), (eight.critical, &eight.std_errors));
    // Between one estimate and Bonferroni's bound for six.
    assert!((1.96..2.75).contains(&one.critical), "{}", one.critical);
    for (boot, analytic) in one.std_errors.iter().zip(&dynamic.std_errors) {
        assert!((boot / analytic - 1.0).abs() < 0.12, "{boot} {analytic}");
    }
    // A single estimate needs the quantile of one.
    let single = fit.band(dynamic.influence.slice(s![.., ..1]), 0.95, 4000, 5).unwrap();
    assert!((single.critical - 1.96).abs() < 0.12, "{}", single.critical);
}

#[test]
fn trends_before_are_tested_and_seen() {
    let panel = Panel::new(3.0);
    let opt = options(DidControls::Never, DidEstimator::Regression);
    let test = fit_did(&panel.data(), &opt).unwrap().pre_trends().unwrap();
    assert_eq!(test.df, 3);
    assert!(test.p_value > 0.001, "{test:?}");
    // Without the covariate the groups differ in trend: those never treated have the higher one.
    let bare = fit_did(&DidData { x: None, ..panel.data() }, &opt).unwrap();
    let mut steep = Panel::new(1.0);
    steep.y.indexed_iter_mut().filter(|((i, _), _)| i % 3 == 0).for_each(|((_, t), y)| *y += 3.0 * t as f64);
    let seen = fit_did(&steep.data(), &opt).unwrap().pre_trends().unwrap();
    assert!(seen.p_value < 1e-6 && bare.pre_trends().is_some(), "{seen:?}");
}

#[test]
fn what_cannot_be_estimated_is_said() {
    let panel = Panel::new(1.0);
    let opt = options(DidControls::Never, DidEstimator::Regression);
    let nobody = vec![None; 90];
    assert!(matches!(
        fit_did(&DidData { first: &nobody, ..panel.data() }, &opt),
        Err(StatsError::TooFewGroups { groups: 0 })
    ));
    let between = vec![Some(2020.5); 90];
    assert!(matches!(fit_did(&DidData { first: &between, ..panel.data() }, &opt), Err(StatsError::Shape(_))));
    // Without units that are never treated the last group has nobody to compare with once it begins.
    let no_never: Vec<Option<f64>> = panel.first.iter().map(|g| Some(g.unwrap_or(2023.0))).collect();
    let data = DidData { first: &no_never, ..panel.data() };
    assert!(fit_did(&data, &opt).is_err());
    let fit = fit_did(&data, &options(DidControls::NotYet, DidEstimator::Regression)).unwrap();
    assert!(fit.skipped.iter().any(|s| s.group == 2023.0 && s.time == 2023.0));
    assert!(fit.cells.iter().all(|c| c.controls > 0));
    // Treated from the start: no time before.
    let mut early = panel.first.clone();
    early[0] = Some(2019.0);
    let fit = fit_did(&DidData { first: &early, ..panel.data() }, &opt).unwrap();
    assert_eq!((fit.always_treated, fit.n_units, fit.units[0]), (1, 89, 1));
}
