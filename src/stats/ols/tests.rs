use super::*;
use ndarray::{Axis, array};

// Data and certified values: NIST Statistical Reference Datasets, linear regression (public domain). The certified values
// were confirmed with exact rational arithmetic.

/// Digits in common: −log₁₀ of the relative error.
fn digits(computed: f64, certified: f64) -> f64 {
    -(computed / certified - 1.0).abs().max(1e-17).log10()
}

fn assert_digits(computed: impl IntoIterator<Item = f64>, certified: &[f64], least: f64) {
    for (k, (c, e)) in computed.into_iter().zip(certified).enumerate() {
        assert!(digits(c, *e) >= least, "{k}: {c:e} {e:e} {}", digits(c, *e));
    }
}

fn polynomial(x: &[f64], degree: usize) -> Array2<f64> {
    Array2::from_shape_fn((x.len(), degree + 1), |(i, k)| x[i].powi(k as i32))
}

fn fit(x: &Array2<f64>, y: &[f64], tolerance: f64) -> Result<OlsFit, StatsError> {
    let data = OlsData { y: ArrayView1::from(y), x: x.view(), weights: None, offset: None };
    fit_ols(&data, &OlsOptions { tolerance })
}

fn from_products(x: &Array2<f64>, y: &[f64]) -> Result<OlsFit, StatsError> {
    let y = ArrayView1::from(y);
    let (xx, xy) = (x.t().dot(x), x.t().dot(&y));
    let n = y.len() as f64;
    fit_ols_products(&OlsProducts { xx: xx.view(), xy: xy.view(), yy: y.dot(&y), n, log_weights: 0.0 })
}

fn longley_x() -> Array2<f64> {
    array![
        [1.0, 83.0, 234_289.0, 2356.0, 1590.0, 107_608.0, 1947.0],
        [1.0, 88.5, 259_426.0, 2325.0, 1456.0, 108_632.0, 1948.0],
        [1.0, 88.2, 258_054.0, 3682.0, 1616.0, 109_773.0, 1949.0],
        [1.0, 89.5, 284_599.0, 3351.0, 1650.0, 110_929.0, 1950.0],
        [1.0, 96.2, 328_975.0, 2099.0, 3099.0, 112_075.0, 1951.0],
        [1.0, 98.1, 346_999.0, 1932.0, 3594.0, 113_270.0, 1952.0],
        [1.0, 99.0, 365_385.0, 1870.0, 3547.0, 115_094.0, 1953.0],
        [1.0, 100.0, 363_112.0, 3578.0, 3350.0, 116_219.0, 1954.0],
        [1.0, 101.2, 397_469.0, 2904.0, 3048.0, 117_388.0, 1955.0],
        [1.0, 104.6, 419_180.0, 2822.0, 2857.0, 118_734.0, 1956.0],
        [1.0, 108.4, 442_769.0, 2936.0, 2798.0, 120_445.0, 1957.0],
        [1.0, 110.8, 444_546.0, 4681.0, 2637.0, 121_950.0, 1958.0],
        [1.0, 112.6, 482_704.0, 3813.0, 2552.0, 123_366.0, 1959.0],
        [1.0, 114.2, 502_601.0, 3931.0, 2514.0, 125_368.0, 1960.0],
        [1.0, 115.7, 518_173.0, 4806.0, 2572.0, 127_852.0, 1961.0],
        [1.0, 116.9, 554_894.0, 4007.0, 2827.0, 130_081.0, 1962.0],
    ]
}
const LONGLEY_Y: [f64; 16] = [
    60323.0, 61122.0, 60171.0, 61187.0, 63221.0, 63639.0, 64989.0, 63761.0, 66019.0, 67857.0, 68169.0, 66513.0,
    68655.0, 69564.0, 69331.0, 70551.0,
];
const LONGLEY_BETA: [f64; 7] = [
    -3482258.63459582,
    15.0618722713733,
    -0.0358191792925910,
    -2.02022980381683,
    -1.03322686717359,
    -0.0511041056535807,
    1829.15146461355,
];

#[test]
fn longley() {
    let fitted = fit(&longley_x(), &LONGLEY_Y, DEPENDENT).unwrap();
    assert_digits(fitted.beta.iter().copied(), &LONGLEY_BETA, 14.0);
    let se = [
        890420.383607373,
        84.9149257747669,
        0.0334910077722432,
        0.488399681651699,
        0.214274163161675,
        0.226073200069370,
        455.478499142212,
    ];
    assert_digits(fitted.vcov.diag().iter().map(|v| v.sqrt()), &se, 11.0);
    assert_digits([fitted.sigma], &[304.854073561965], 14.0);
    // R 4.2.2: logLik(lm(...))
    assert_digits([fitted.log_lik], &[-109.617434808480], 13.0);
    // κ² of 2e9 leaves the cross-products six digits: they may still be used, and keep what they promise.
    let summed = from_products(&longley_x(), &LONGLEY_Y).unwrap();
    assert_digits(summed.beta.iter().copied(), &LONGLEY_BETA, 5.5);
}

const WAMPLER_3: [f64; 21] = [
    760.0, -2042.0, 2111.0, -1684.0, 3888.0, 1858.0, 11379.0, 17560.0, 39287.0, 64382.0, 113159.0, 175108.0, 273291.0,
    400186.0, 581243.0, 811568.0, 1121004.0, 1506550.0, 2002767.0, 2611612.0, 3369180.0,
];

#[test]
fn wampler() {
    let at: Vec<f64> = (0..21).map(f64::from).collect();
    let x = polynomial(&at, 5);
    let exact: Vec<f64> = x.rows().into_iter().map(|row| row.sum()).collect();
    let noise: Vec<f64> = WAMPLER_3.iter().zip(&exact).map(|(y, e)| y - e).collect();
    // Wampler 1 is exact; 3, 4 and 5 add the same noise once, 100 and 10,000 times.
    for factor in [0.0, 1.0, 100.0, 10_000.0] {
        let y: Vec<f64> = exact.iter().zip(&noise).map(|(e, n)| e + factor * n).collect();
        let fitted = fit(&x, &y, DEPENDENT).unwrap();
        assert_digits(fitted.beta.iter().copied(), &[1.0; 6], 14.0);
        if factor > 0.0 {
            let se = [
                2152.32624678170,
                2363.55173469681,
                779.343524331583,
                101.475507550350,
                5.64566512170752,
                0.112324854679312,
            ];
            assert_digits(fitted.vcov.diag().iter().map(|v| v.sqrt() / factor), &se, 12.0);
            assert_digits([fitted.sigma / factor], &[2360.14502379268], 14.0);
        }
    }
    // Wampler 2: 1, 0.1, …, 1e-5. Its y is not exact in binary, which costs the last digits.
    let beta = [1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5];
    let y: Vec<f64> = x.rows().into_iter().map(|row| row.iter().zip(&beta).map(|(x, b)| x * b).sum()).collect();
    assert_digits(fit(&x, &y, DEPENDENT).unwrap().beta.iter().copied(), &beta, 11.0);
}

#[rustfmt::skip]
const FILIP_X: [f64; 82] = [
    -6.860120914, -4.324130045, -4.358625055, -4.358426747, -6.955852379, -6.661145254, -6.355462942,
    -6.118102026, -7.115148017, -6.815308569, -6.519993057, -6.204119983, -5.853871964, -6.109523091, -5.79832982,
    -5.482672118, -5.171791386, -4.851705903, -4.517126416, -4.143573228, -3.709075441, -3.499489089,
    -6.300769497, -5.953504836, -5.642065153, -5.031376979, -4.680685696, -4.329846955, -3.928486195, -8.56735134,
    -8.363211311, -8.107682739, -7.823908741, -7.522878745, -7.218819279, -6.920818754, -6.628932138,
    -6.323946875, -5.991399828, -8.781464495, -8.663140179, -8.473531488, -8.247337057, -7.971428747,
    -7.676129393, -7.352812702, -7.072065318, -6.774174009, -6.478861916, -6.159517513, -6.835647144, -6.53165267,
    -6.224098421, -5.910094889, -5.598599459, -5.290645224, -4.974284616, -4.64454848, -4.290560426, -3.885055584,
    -3.408378962, -3.13200249, -8.726767166, -8.66695597, -8.511026475, -8.165388579, -7.886056648, -7.588043762,
    -7.283412422, -6.995678626, -6.691862621, -6.392544977, -6.067374056, -6.684029655, -6.378719832,
    -6.065855188, -5.752272167, -5.132414673, -4.811352704, -4.098269308, -3.66174277, -3.2644011,
];
#[rustfmt::skip]
const FILIP_Y: [f64; 82] = [
    0.8116, 0.9072, 0.9052, 0.9039, 0.8053, 0.8377, 0.8667, 0.8809, 0.7975, 0.8162, 0.8515, 0.8766, 0.8885,
    0.8859, 0.8959, 0.8913, 0.8959, 0.8971, 0.9021, 0.909, 0.9139, 0.9199, 0.8692, 0.8872, 0.89, 0.891, 0.8977,
    0.9035, 0.9078, 0.7675, 0.7705, 0.7713, 0.7736, 0.7775, 0.7841, 0.7971, 0.8329, 0.8641, 0.8804, 0.7668,
    0.7633, 0.7678, 0.7697, 0.77, 0.7749, 0.7796, 0.7897, 0.8131, 0.8498, 0.8741, 0.8061, 0.846, 0.8751, 0.8856,
    0.8919, 0.8934, 0.894, 0.8957, 0.9047, 0.9129, 0.9209, 0.9219, 0.7739, 0.7681, 0.7665, 0.7703, 0.7702, 0.7761,
    0.7809, 0.7961, 0.8253, 0.8602, 0.8809, 0.8301, 0.8664, 0.8834, 0.8898, 0.8964, 0.8963, 0.9074, 0.9119, 0.9228,
];
const FILIP_BETA: [f64; 11] = [
    -1467.48961422980,
    -2772.17959193342,
    -2316.37108160893,
    -1127.97394098372,
    -354.478233703349,
    -75.1242017393757,
    -10.8753180355343,
    -1.06221498588947,
    -0.0670191154593408,
    -0.00246781078275479,
    -0.402962525080404e-4,
];

#[test]
fn filip() {
    let x = polynomial(&FILIP_X, 10);
    // R's tolerance calls a column dependent; whoever knows better gets the fit.
    assert!(matches!(fit(&x, &FILIP_Y, DEPENDENT), Err(StatsError::RankDeficient { .. })));
    let fitted = fit(&x, &FILIP_Y, 1e-14).unwrap();
    // The powers are rounded to doubles, which alone costs κε ≈ 1e-7: six digits are what can be asked.
    assert_digits(fitted.beta.iter().copied(), &FILIP_BETA, 6.0);
    let se = [
        298.084530995537,
        559.779865474950,
        466.477572127796,
        227.204274477751,
        71.6478660875927,
        15.2897178747400,
        2.23691159816033,
        0.221624321934227,
        0.0142363763154724,
        0.535617408889821e-3,
        0.896632837373868e-5,
    ];
    assert_digits(fitted.vcov.diag().iter().map(|v| v.sqrt()), &se, 6.0);
    assert_digits([fitted.sigma], &[0.334801051324544e-2], 8.0);
    // Cross-products have nothing left of it.
    assert!(matches!(from_products(&x, &FILIP_Y), Err(StatsError::IllConditioned { .. })));
}

/// Columns and outcome of a formula, which R makes too.
fn formula(n: usize) -> (Array2<f64>, Array1<f64>, Array1<f64>, Array1<f64>) {
    let v = |i: usize, k: usize| ((i * k) % 101) as f64 / 50.0 - 1.0;
    let x = Array2::from_shape_fn((n, 3), |(i, c)| [1.0, v(i, 37), f64::from(u8::from(i % 3 == 0))][c]);
    let y = Array1::from_shape_fn(n, |i| v(i, 59) + 0.5 * v(i, 37));
    let weights = Array1::from_shape_fn(n, |i| 1.0 + (i % 4) as f64);
    let offset = Array1::from_shape_fn(n, |i| 0.1 * (i % 5) as f64);
    (x, y, weights, offset)
}

#[test]
fn weights_and_offset_as_in_r() {
    let (x, y, weights, offset) = formula(60);
    let (weights, offset) = (Some(weights.view()), Some(offset.view()));
    let data = OlsData { y: y.view(), x: x.view(), weights, offset };
    let fitted = fit_ols(&data, &OlsOptions::default()).unwrap();
    // R 4.2.2: lm(y ~ x1 + x2 + offset(o), weights = w)
    assert_digits(fitted.beta.iter().copied(), &[-0.2406948892627351, 0.4331837247369974, 0.100779557050941], 13.0);
    let se = [0.09502557488751756, 0.1333764492376589, 0.1646650928248328];
    assert_digits(fitted.vcov.diag().iter().map(|v| v.sqrt()), &se, 13.0);
    assert_digits([fitted.sigma, fitted.log_lik], &[0.9501545029351823, -56.69426905649297], 13.0);
    // A weight of k is k rows for β, and the same rows summed give the same fit.
    let repeated: Vec<usize> = (0..60).flat_map(|i| std::iter::repeat_n(i, 1 + i % 4)).collect();
    let residual_outcome = &y - &data.offset.expect("given above");
    let (xr, yr) = (x.select(Axis(0), &repeated), residual_outcome.select(Axis(0), &repeated));
    let rows = fit(&xr, yr.as_slice().expect("standard layout"), DEPENDENT).unwrap();
    let summed = from_products(&xr, yr.as_slice().expect("standard layout")).unwrap();
    assert_digits(rows.beta.iter().copied(), fitted.beta.as_slice().expect("standard layout"), 13.0);
    assert_digits(summed.beta.iter().copied(), rows.beta.as_slice().expect("standard layout"), 12.0);
    assert_digits([summed.rss, summed.log_lik], &[rows.rss, rows.log_lik], 12.0);
}

#[test]
fn threads_leave_no_trace() {
    let (x, y, weights, _) = formula(10_000);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let data = OlsData { y: y.view(), x: x.view(), weights: Some(weights.view()), offset: None };
        pool.install(|| fit_ols(&data, &OlsOptions::default()).unwrap())
    };
    let (one, three) = (with(1), with(3));
    assert_eq!(one.beta, three.beta);
    assert_eq!(one.vcov, three.vcov);
}

#[test]
fn bad_input_is_refused() {
    let (x, y, mut weights, _) = formula(20);
    weights[3] = 0.0;
    let data = OlsData { y: y.view(), x: x.view(), weights: Some(weights.view()), offset: None };
    let refused = |data: &OlsData| fit_ols(data, &OlsOptions::default()).unwrap_err();
    assert_eq!(refused(&data), StatsError::Weight { row: 3 });
    let few = OlsData { y: y.slice(s![..3]), x: x.slice(s![..3, ..]), weights: None, offset: None };
    assert!(matches!(refused(&few), StatsError::Shape(_)));
    let mut twins = x.clone();
    twins.column_mut(2).assign(&x.column(1));
    let data = OlsData { y: y.view(), x: twins.view(), weights: None, offset: None };
    assert_eq!(refused(&data), StatsError::RankDeficient { column: 2 });
    assert!(matches!(from_products(&twins, y.as_slice().unwrap()), Err(StatsError::IllConditioned { .. })));
}
