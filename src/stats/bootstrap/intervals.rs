//! From replicates of a number to its standard error and interval.

/// Standard deviation of the replicates, divisor R − 1.
pub fn std_error(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}

/// [Q(α/2), Q(1−α/2)] of the replicates, α = 1 − `level`. Values that are not numbers are left out.
///
/// Q(a) lies between the order statistics around (R+1)a, by a straight line (Hyndman & Fan's type 6), and at the
/// outermost of them where there are too few replicates for the level.
pub fn percentile_interval(values: &[f64], level: f64) -> [f64; 2] {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    [0.5 - 0.5 * level, 0.5 + 0.5 * level].map(|share| quantile(&sorted, share))
}

/// [2t − Q(1−α/2), 2t − Q(α/2)] around the `estimate` t: what the replicates miss the estimate by, the estimate is taken
/// to miss the truth by.
pub fn basic_interval(estimate: f64, values: &[f64], level: f64) -> [f64; 2] {
    let [low, high] = percentile_interval(values, level);
    [2.0 * estimate - high, 2.0 * estimate - low]
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = ((sorted.len() as f64 + 1.0) * share - 1.0).clamp(0.0, last as f64);
    let below = place.floor();
    let (k, part) = (below as usize, place - below);
    sorted[k] + part * (sorted[(k + 1).min(last)] - sorted[k])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_type_6() {
        // R: quantile(c(1, 2, 4, 8, 16, 32, 64), c(.1, .9), type = 6) is 0.8 of the way below 1 → 1, and 64.
        let values = [64.0, 1.0, 4.0, 2.0, 8.0, f64::NAN, 32.0, 16.0];
        assert_eq!(percentile_interval(&values, 0.8), [1.0, 64.0]);
        // type 6 at 0.25 and 0.75: the 2nd and 6th of seven.
        assert_eq!(percentile_interval(&values, 0.5), [2.0, 32.0]);
        // At 0.3 and 0.7: places 2.4 and 5.6.
        let [low, high] = percentile_interval(&values, 0.4);
        assert!((low - 2.8).abs() < 1e-12 && (high - 25.6).abs() < 1e-12, "{low} {high}");
        assert_eq!(basic_interval(10.0, &values, 0.5), [-12.0, 18.0]);
    }

    #[test]
    fn a_standard_error_is_a_standard_deviation() {
        assert!((std_error(&[1.0, 2.0, 3.0, 4.0]) - (5.0f64 / 3.0).sqrt()).abs() < 1e-15);
    }
}
