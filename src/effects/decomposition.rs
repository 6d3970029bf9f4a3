//! Are the parts of the dose alike? The Wald test of β_B = β_C = β_W, and the pooled effect where it may be shown
//! (`statistics.md` §5.3).
//!
//! The parts have different confounders: what schools do differs with their pupils and policy, what a school does from
//! year to year with other changes, what pupils of one year do with who they are. One number for all three is shown only
//! where the test does not reject and the parts between and within cohorts differ by less than one percentage point.

use ndarray::{Array1, Array2, s};

use super::national::National;
use super::risk::Graded;
use crate::stats::f_survival;
use crate::stats::linalg::Cholesky;
use crate::vocab::{DosePart, Unit};

/// Below this level the parts count as different.
const LEVEL: f64 = 0.05;
/// From how many percentage points the parts between and within cohorts count as different.
const APART: f64 = 1.0;

/// F test that the coefficients of all parts are equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartsTest {
    /// F.
    pub statistic: f64,
    /// Parts less one.
    pub df1: f64,
    /// Degrees of freedom of the denominator, from the schools that carry the comparison.
    pub df2: f64,
    /// Its p-value.
    pub p_value: f64,
}

/// How the parts compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The test; `None` where the model has one part.
    pub test: Option<PartsTest>,
    /// Effect between cohorts less effect within school and cohort, in the unit of the effects.
    pub cohort_less_within: Option<f64>,
    /// Whether a pooled effect may be shown.
    pub may_pool: bool,
}

/// A pooled effect before it is a finding.
pub(super) struct Compared {
    pub(super) comparison: Comparison,
    pub(super) pooled: Option<Graded>,
}

pub(super) fn compare(national: &National<'_>, columns: &[(DosePart, usize)]) -> Compared {
    let df = national.parts.iter().map(|(_, g)| national.df(g)).fold(f64::INFINITY, f64::min);
    let test = equality(&national.beta, national.errors.reported(), columns, df);
    let effect = |part| national.parts.iter().find(|(p, _)| *p == part).map(|(_, g)| g.value);
    let scale = if national.unit == Unit::PercentagePoint { 100.0 } else { 1.0 };
    let cohort_less_within =
        effect(DosePart::Cohort).zip(effect(DosePart::Within)).map(|(cohort, within)| scale * (cohort - within));
    let close = national.unit == Unit::PercentagePoint && cohort_less_within.is_some_and(|d| d.abs() < APART);
    let may_pool = close && test.is_some_and(|t| t.p_value > LEVEL);
    let pooled = may_pool.then(|| pool(national)).flatten();
    Compared { comparison: Comparison { test, cohort_less_within, may_pool: pooled.is_some() }, pooled }
}

/// Hotelling's form of the Wald test, with k contrasts and ν degrees of freedom: `F = (ν − k + 1)/(νk) · d'(CVC')⁻¹d`.
fn equality(beta: &Array1<f64>, vcov: &Array2<f64>, columns: &[(DosePart, usize)], df: f64) -> Option<PartsTest> {
    let k = columns.len().checked_sub(1).filter(|k| *k > 0)?;
    let first = columns[0].1;
    let mut contrasts = Array2::zeros((k, vcov.nrows()));
    for (row, (_, column)) in columns[1..].iter().enumerate() {
        contrasts[[row, *column]] = 1.0;
        contrasts[[row, first]] = -1.0;
    }
    let difference = contrasts.slice(s![.., ..beta.len()]).dot(beta);
    let covariance = contrasts.dot(vcov).dot(&contrasts.t());
    let solved = Cholesky::factor(covariance.view()).ok()?.solve(difference.view());
    let (df1, df2) = (k as f64, df - k as f64 + 1.0);
    if df2 < 1.0 {
        return None;
    }
    let statistic = df2 / (df * df1) * difference.dot(&solved);
    Some(PartsTest { statistic, df1, df2, p_value: f_survival(statistic, df1, df2) })
}

/// The parts' effects weighted by generalised least squares: weights `C⁻¹1 / 1'C⁻¹1`, C their covariance by the model.
fn pool(national: &National<'_>) -> Option<Graded> {
    let gradients: Vec<&Array1<f64>> = national.parts.iter().map(|(_, g)| &g.gradient).collect();
    let n = gradients.len();
    let covariance = Array2::from_shape_fn((n, n), |(a, b)| gradients[a].dot(&national.errors.model.dot(gradients[b])));
    let raw = Cholesky::factor(covariance.view()).ok()?.solve(Array1::ones(n).view());
    let weights = &raw / raw.sum();
    let mut pooled = Graded { value: 0.0, gradient: Array1::zeros(gradients[0].len()) };
    for (w, (_, part)) in weights.iter().zip(&national.parts) {
        pooled.value += w * part.value;
        pooled.gradient.scaled_add(*w, &part.gradient);
    }
    Some(pooled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    /// With independent coefficients the statistic is the weighted sum of squares around their weighted mean.
    #[test]
    fn the_test_is_the_weighted_spread_around_the_mean() {
        let beta = arr1(&[9.0, -0.3, -0.1, 0.2]);
        let variances = [0.01, 0.04, 0.09];
        let mut vcov = Array2::zeros((4, 4));
        vcov[[0, 0]] = 5.0;
        variances.iter().enumerate().for_each(|(i, v)| vcov[[i + 1, i + 1]] = *v);
        let columns = [(DosePart::Within, 1), (DosePart::Cohort, 2), (DosePart::School, 3)];
        let test = equality(&beta, &vcov, &columns, 1e9).unwrap();
        let weights = variances.map(|v| 1.0 / v);
        let total: f64 = weights.iter().sum();
        let mean = (0..3).map(|i| weights[i] * beta[i + 1]).sum::<f64>() / total;
        let wald: f64 = (0..3).map(|i| weights[i] * (beta[i + 1] - mean).powi(2)).sum();
        assert!((test.statistic - wald / 2.0).abs() < 1e-6, "{test:?}");
        // With endless degrees of freedom 2F is χ² with 2, whose upper tail is e^{−x/2}.
        assert!((test.p_value - (-wald / 2.0).exp()).abs() < 1e-6, "{test:?}");
        assert!(equality(&beta, &vcov, &columns[..1], 10.0).is_none(), "one part has nothing to be compared with");
        assert!(equality(&beta, &arr2(&[[0.0; 4]; 4]), &columns, 10.0).is_none(), "nor have parts without variance");
    }
}
