use super::super::glm::{GlmOptions, fit_glm};
use super::super::link::Link;
use super::super::ols::{OlsData, OlsOptions, fit_ols};
use super::*;
use ndarray::{Axis, array};

const N: usize = 72;

fn wave(i: usize, k: usize) -> f64 {
    ((i * k) % 101) as f64 / 50.0 - 1.0
}

/// Eight uneven clusters whose rows lie scattered.
fn clusters() -> Vec<u32> {
    (0..N).map(|i| [0, 0, 1, 2, 2, 2, 3, 4, 5, 5, 6, 7][(i * 5) % 12]).collect()
}

fn x() -> Array2<f64> {
    let even = |i: usize| f64::from(u8::from(clusters()[i].is_multiple_of(2)));
    Array2::from_shape_fn((N, 3), |(i, c)| [1.0, wave(i, 37), even(i) + 0.3 * wave(i, 11)][c])
}

/// Two columns and a dummy for each cluster: every cluster has a direction alone.
fn x_with_dummies() -> Array2<f64> {
    let clusters = clusters();
    Array2::from_shape_fn((N, 10), |(i, c)| match c {
        0 => wave(i, 37),
        1 => wave(i, 23),
        _ => f64::from(u8::from(clusters[i] as usize == c - 2)),
    })
}

fn y() -> Array1<f64> {
    let clusters = clusters();
    Array1::from_shape_fn(N, |i| wave(i, 59) + 0.5 * wave(i, 37) + 0.4 * wave(i, 7) * (f64::from(clusters[i]) - 3.0))
}

fn ols(x: &Array2<f64>, weights: Option<&Array1<f64>>, kind: CrType) -> ClusterVcov {
    let y = y();
    let weights = weights.map(|w| w.view());
    let data = OlsData { y: y.view(), x: x.view(), weights, offset: None };
    let fit = fit_ols(&data, &OlsOptions::default()).unwrap();
    ols_cluster_vcov(x.view(), data.residuals(fit.beta.view()).view(), weights, &clusters(), 8, kind).unwrap()
}

fn glm(x: &Array2<f64>, family: Family, kind: CrType) -> ClusterVcov {
    let (ones, successes, offset) = match family {
        Family::Binomial(_) => (Array1::ones(N), Array1::from_shape_fn(N, |i| u8::from((i * 7 + i * i) % 5 < 2)), None),
        Family::Poisson => {
            let counts = Array1::from_shape_fn(N, |i| ((i * i + i) % 5) as u8 + u8::from(i.is_multiple_of(7)));
            let offset = (x.ncols() == 3).then(|| Array1::from_shape_fn(N, |i| 0.1 * (i % 5) as f64));
            (Array1::ones(N), counts, offset)
        }
    };
    let successes = successes.mapv(f64::from);
    let offset = offset.as_ref().map(|o| o.view());
    let cells = Cells { x: x.view().into(), trials: ones.view(), successes: successes.view(), offset };
    let fit = fit_glm(&cells, family, &GlmOptions::default()).unwrap();
    glm_cluster_vcov(&cells, family, &fit, &clusters(), 8, kind).unwrap()
}

fn case(name: &str, kind: CrType) -> ClusterVcov {
    let weights = Array1::from_shape_fn(N, |i| 1.0 + (i % 4) as f64);
    let binomial = |link| Family::Binomial(link);
    match name {
        "ols" => ols(&x(), None, kind),
        "weighted" => ols(&x(), Some(&weights), kind),
        "dummies" => ols(&x_with_dummies(), None, kind),
        "logit" => glm(&x(), binomial(Link::Logit), kind),
        "probit" => glm(&x(), binomial(Link::Probit), kind),
        "cloglog" => glm(&x(), binomial(Link::Cloglog), kind),
        "poisson" => glm(&x(), Family::Poisson, kind),
        "logitdummies" => glm(&x_with_dummies(), binomial(Link::Logit), kind),
        "poissondummies" => glm(&x_with_dummies(), Family::Poisson, kind),
        other => panic!("no case {other}"),
    }
}

/// clubSandwich 0.5.8 in R 4.2.2: standard errors and Satterthwaite df of the (first) coefficients.
#[rustfmt::skip]
const CLUB_SANDWICH: &[(&str, CrType, &[f64], &[f64])] = &[
    ("ols", CrType::Cr0, &[0.235141297969637, 0.0839417045242559, 0.280505179441197], &[3.22899171956059, 5.72466244180636, 5.57004627651235]),
    ("ols", CrType::Cr1, &[0.251376621281058, 0.0897374567975936, 0.299872650481287], &[3.22899171956059, 5.72466244180636, 5.57004627651235]),
    ("ols", CrType::Cr1s, &[0.254993736967541, 0.0910287095839245, 0.30418758662163], &[3.22899171956059, 5.72466244180636, 5.57004627651235]),
    ("ols", CrType::Cr2, &[0.270727255289229, 0.0920950374797609, 0.330857166491344], &[2.9984148641369, 5.33178839007309, 5.20419378275048]),
    ("ols", CrType::Cr3, &[0.312816746955895, 0.101846140202519, 0.394536744009006], &[2.74929501830061, 4.91739753095298, 4.77269969587278]),
    ("weighted", CrType::Cr0, &[0.281438249834621, 0.101819685944973, 0.337886281653831], &[3.0325198407428, 5.64135790972952, 5.35361558261742]),
    ("weighted", CrType::Cr1, &[0.300870144689839, 0.108849822867146, 0.361215629039896], &[3.03251984074281, 5.64135790972953, 5.35361558261742]),
    ("weighted", CrType::Cr1s, &[0.305199434002448, 0.11041608785932, 0.366413243326158], &[3.0325198407428, 5.64135790972952, 5.35361558261742]),
    ("weighted", CrType::Cr2, &[0.336307447842482, 0.110775921953541, 0.40594470524016], &[2.76829414261529, 5.24682944201914, 4.90115909473533]),
    ("weighted", CrType::Cr3, &[0.387806758570218, 0.122939959806307, 0.474849705160008], &[2.79476206230112, 5.03854498154122, 4.74453667377323]),
    ("dummies", CrType::Cr0, &[0.0815650593310863, 0.122490927303878], &[5.29592063965544, 5.34244673845494]),
    ("dummies", CrType::Cr1, &[0.0871967162139469, 0.130948309416956], &[5.29592063965544, 5.34244673845493]),
    ("dummies", CrType::Cr1s, &[0.0933111323107587, 0.14013067872757], &[5.29592063965544, 5.34244673845493]),
    ("dummies", CrType::Cr2, &[0.0882551681118054, 0.131757176326488], &[4.69856309034528, 4.86758850674725]),
    ("logit", CrType::Cr0, &[0.176089998535226, 0.393869522629676, 0.228976602833211], &[3.25750201409824, 5.65441924145318, 5.55373412184347]),
    ("logit", CrType::Cr1, &[0.188248126787526, 0.421064231077844, 0.244786284968367], &[3.25750201409824, 5.65441924145318, 5.55373412184347]),
    ("logit", CrType::Cr1s, &[0.190956872131003, 0.427123020584548, 0.248308570798619], &[3.25750201409824, 5.65441924145318, 5.55373412184347]),
    ("logit", CrType::Cr2, &[0.195968994755876, 0.433053895533999, 0.252516923321888], &[3.0247403899807, 5.23573515506826, 5.19976783536739]),
    ("logit", CrType::Cr3, &[0.218846138792653, 0.477890420039033, 0.280556795633156], &[2.77535101204939, 4.79661970360207, 4.78060013687101]),
    ("probit", CrType::Cr0, &[0.108799216157866, 0.243530736936053, 0.142020603442304], &[3.24409248897108, 5.68447551213508, 5.56078897684959]),
    ("probit", CrType::Cr1, &[0.116311254517798, 0.260345308789509, 0.151826411412568], &[3.24409248897107, 5.68447551213508, 5.56078897684959]),
    ("probit", CrType::Cr1s, &[0.117984883756216, 0.264091476971441, 0.154011076364878], &[3.24409248897107, 5.68447551213508, 5.56078897684959]),
    ("probit", CrType::Cr2, &[0.121054234454189, 0.267511426739611, 0.156720625914994], &[3.01232676295475, 5.27667437607149, 5.20159066581217]),
    ("probit", CrType::Cr3, &[0.135157477590399, 0.294846289884054, 0.174299503115462], &[2.76316446005408, 4.84789565149395, 4.77713319487321]),
    ("cloglog", CrType::Cr0, &[0.138537638652586, 0.304096608868874, 0.177460052550258], &[3.32649369514906, 5.49369095178837, 5.5122704951646]),
    ("cloglog", CrType::Cr1, &[0.148102965431619, 0.325092949390608, 0.189712776137705], &[3.32649369514906, 5.49369095178837, 5.5122704951646]),
    ("cloglog", CrType::Cr1s, &[0.15023405286826, 0.329770786179141, 0.192442596655606], &[3.32649369514906, 5.49369095178837, 5.5122704951646]),
    ("cloglog", CrType::Cr2, &[0.154170731823114, 0.336014483457248, 0.194975971155443], &[3.08983456142222, 5.01983717078138, 5.18582385799426]),
    ("cloglog", CrType::Cr3, &[0.172167683502415, 0.373271615804996, 0.215433004135147], &[2.83903765157363, 4.5291758635989, 4.79070837679261]),
    ("poisson", CrType::Cr0, &[0.052835394520812, 0.230906800782803, 0.0778198147969356], &[3.2351060613931, 5.64145514631941, 5.50555023160907]),
    ("poisson", CrType::Cr1, &[0.0564834126262604, 0.246849753372947, 0.0831928813920953], &[3.2351060613931, 5.64145514631941, 5.50555023160907]),
    ("poisson", CrType::Cr1s, &[0.0572961653667314, 0.25040173092193, 0.0843899627863536], &[3.2351060613931, 5.64145514631941, 5.50555023160907]),
    ("poisson", CrType::Cr2, &[0.0633337626339597, 0.258241558167815, 0.0989444737616545], &[2.95838191716785, 5.18688042958653, 5.08683579365748]),
    ("poisson", CrType::Cr3, &[0.0728330371618639, 0.290968317273169, 0.129919403748711], &[2.65663636830074, 4.70512922431739, 4.60709610956502]),
    ("logitdummies", CrType::Cr0, &[0.463144087961466, 0.579064996077893], &[5.13695332106101, 5.24074756321357]),
    ("logitdummies", CrType::Cr1, &[0.495121856531915, 0.619046519999164], &[5.13695332106101, 5.24074756321357]),
    ("logitdummies", CrType::Cr1s, &[0.529840836568205, 0.662455356603412], &[5.13695332106101, 5.24074756321357]),
    ("logitdummies", CrType::Cr2, &[0.537835981279521, 0.662087567561781], &[4.47906311872198, 4.7295767072862]),
    ("poissondummies", CrType::Cr0, &[0.216054911092365, 0.0839308883085451], &[5.29512959111118, 5.40929767482329]),
    ("poissondummies", CrType::Cr1, &[0.230972415439296, 0.089725893776619], &[5.29512959111118, 5.40929767482329]),
    ("poissondummies", CrType::Cr1s, &[0.247168684246213, 0.0960176610934349], &[5.29512959111118, 5.40929767482329]),
    ("poissondummies", CrType::Cr2, &[0.241784310351152, 0.0880625153523969], &[4.5330381332601, 4.76439354522721]),
];

#[test]
fn agrees_with_club_sandwich() {
    for (name, kind, se, df) in CLUB_SANDWICH {
        let found = case(name, *kind);
        for k in 0..se.len() {
            // R's glm stops up to 1e-8 away from the optimum for the links that are not canonical.
            let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-7, "{name} {kind:?} {k}: {a} {b}");
            near(found.vcov[[k, k]].sqrt(), se[k]);
            near(found.df()[k], df[k]);
        }
    }
}

#[test]
fn hc1_is_cr1s() {
    // sandwich 3.0: vcovCL(type = "HC1")
    let expected = [0.254993736967541, 0.0910287095839245, 0.30418758662163];
    let found = case("ols", CrType::Cr1s);
    assert!((0..3).all(|k| (found.vcov[[k, k]].sqrt() / expected[k] - 1.0).abs() < 1e-12));
    assert_eq!(found.n_clusters, 8);
}

#[test]
fn a_contrast_has_its_own_df() {
    // clubSandwich::Wald_test(test = "HTZ") of β₁ = β₂: F and denominator df.
    let found = case("ols", CrType::Cr2);
    let contrast = array![0.0, 1.0, -1.0];
    assert!((found.df_for(contrast.view()) / 5.9740678426952 - 1.0).abs() < 1e-12);
    let (data_x, data_y) = (x(), y());
    let data = OlsData { y: data_y.view(), x: data_x.view(), weights: None, offset: None };
    let beta = fit_ols(&data, &OlsOptions::default()).unwrap().beta;
    let f = contrast.dot(&beta).powi(2) / contrast.dot(&found.vcov.dot(&contrast));
    assert!((f / 0.53016570142271 - 1.0).abs() < 1e-11);
    // Shorter contrasts go on with zeros.
    assert_eq!(found.df_for(array![0.0, 1.0].view()), found.df()[1]);
}

/// With independent outcomes of variance 1, Φ = I is right and E(V) = Var(β̂).
#[test]
fn cr2_is_unbiased_under_its_working_model() {
    let x = x();
    for weights in [None, Some(Array1::from_shape_fn(N, |i| 1.0 + (i % 4) as f64))] {
        let view = weights.as_ref().map(|w| w.view());
        let w = weights.clone().unwrap_or_else(|| Array1::ones(N));
        let wx = w.insert_axis(Axis(1)) * &x;
        let bread = super::super::linalg::Cholesky::factor(x.t().dot(&wx).view()).unwrap().inverse();
        let truth = bread.dot(&wx.t().dot(&wx)).dot(&bread);
        // E over y ~ (0, I) of a quadratic form is its sum over unit vectors y.
        let mut mean = Array2::<f64>::zeros((3, 3));
        for i in 0..N {
            let mut y = Array1::zeros(N);
            y[i] = 1.0;
            let residuals = &y - &x.dot(&bread.dot(&wx.t().dot(&y)));
            mean += &ols_cluster_vcov(x.view(), residuals.view(), view, &clusters(), 8, CrType::Cr2).unwrap().vcov;
        }
        assert!((&mean - &truth).iter().all(|d| d.abs() < 1e-13));
    }
}

#[test]
fn grouped_rows_count_as_separate_ones() {
    // Four clusters of six rows, in which a column takes three values.
    let rows = Array2::from_shape_fn((24, 2), |(i, c)| [1.0, (i % 3) as f64 + (i / 6) as f64][c]);
    let events = Array1::from_shape_fn(24, |i| f64::from(u8::from((i * i + i) % 7 < 3)));
    let ones = Array1::ones(24);
    let codes: Vec<u32> = (0..24).map(|i| i / 6).collect();
    let separate = Cells { x: rows.view().into(), trials: ones.view(), successes: events.view(), offset: None };
    // Rows i and i + 3 are equal.
    let first: Vec<usize> = (0..24).filter(|i| i % 6 < 3).collect();
    let x = rows.select(Axis(0), &first);
    let twos = Array1::from_elem(12, 2.0);
    let sums = Array1::from_iter(first.iter().map(|&i| events[i] + events[i + 3]));
    let grouped_codes: Vec<u32> = first.iter().map(|&i| codes[i]).collect();
    let grouped = Cells { x: x.view().into(), trials: twos.view(), successes: sums.view(), offset: None };
    for kind in [CrType::Cr0, CrType::Cr1s, CrType::Cr2, CrType::Cr3] {
        for link in [Link::Logit, Link::Probit] {
            let of = |cells: &Cells, codes: &[u32]| {
                let family = Family::Binomial(link);
                let fit = fit_glm(cells, family, &GlmOptions::default()).unwrap();
                glm_cluster_vcov(cells, family, &fit, codes, 4, kind).unwrap()
            };
            let (one, two) = (of(&separate, &codes), of(&grouped, &grouped_codes));
            assert!((&one.vcov / &two.vcov - 1.0).iter().all(|d| d.abs() < 1e-11), "{kind:?} {link:?}");
            assert!((&one.df() / &two.df() - 1.0).iter().all(|d| d.abs() < 1e-11), "{kind:?} {link:?}");
        }
    }
}

#[test]
fn order_of_rows_and_empty_clusters_leave_no_trace() {
    let x = x();
    let residuals = y();
    let relabelled: Vec<u32> = clusters().iter().map(|c| c * 3 + 1).collect();
    let one = ols_cluster_vcov(x.view(), residuals.view(), None, &clusters(), 8, CrType::Cr2).unwrap();
    let two = ols_cluster_vcov(x.view(), residuals.view(), None, &relabelled, 30, CrType::Cr2).unwrap();
    assert_eq!(one.vcov, two.vcov);
    assert_eq!(one.df(), two.df());
    let single = ols_cluster_vcov(x.view(), residuals.view(), None, &[0; N], 2, CrType::Cr0).unwrap_err();
    assert_eq!(single, StatsError::TooFewGroups { groups: 1 });
}
