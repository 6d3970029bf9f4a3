//! Several tests at once: adjusted p-values.

/// Holm's step-down adjustment (1979): controls the chance of any false rejection whatever hangs together. In sorted order
/// `p̃_k = max_{j≤k} min(1, (m − j + 1) p_j)`; returned in the order given. NaN stays NaN and does not count.
pub fn holm(p: &[f64]) -> Vec<f64> {
    adjust(p, |sorted, m| {
        let mut highest = 0.0_f64;
        let step = |(j, p): (usize, &f64)| {
            highest = highest.max(((m - j) as f64 * p).min(1.0));
            highest
        };
        sorted.iter().enumerate().map(step).collect()
    })
}

/// Benjamini and Hochberg's step-up adjustment (1995): rejecting where it is at most q keeps the expected share of false
/// rejections at most q for independent or positively dependent tests. In sorted order
/// `q_k = min_{j≥k} min(1, m p_j / j)`; returned in the order given. NaN stays NaN and does not count.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    adjust(p, |sorted, m| {
        let mut lowest = 1.0_f64;
        let step = |(j, p): (usize, &f64)| {
            lowest = lowest.min(m as f64 * p / (j + 1) as f64);
            lowest
        };
        let mut adjusted: Vec<f64> = sorted.iter().enumerate().rev().map(step).collect();
        adjusted.reverse();
        adjusted
    })
}

fn adjust(p: &[f64], rule: impl FnOnce(&[f64], usize) -> Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let sorted: Vec<f64> = order.iter().map(|&i| p[i]).collect();
    let mut adjusted = vec![f64::NAN; p.len()];
    for (&i, value) in order.iter().zip(rule(&sorted, sorted.len())) {
        adjusted[i] = value;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(ours: &[f64], expected: &[f64]) {
        assert_eq!(ours.len(), expected.len());
        assert!(ours.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{ours:?} {expected:?}");
    }

    // R: p.adjust(c(.01, .04, .03, .005), "holm") and "BH".
    #[test]
    fn equals_r() {
        let p = [0.01, 0.04, 0.03, 0.005];
        near(&holm(&p), &[0.03, 0.06, 0.06, 0.02]);
        near(&benjamini_hochberg(&p), &[0.02, 0.04, 0.04, 0.02]);
    }

    #[test]
    fn what_is_not_there_does_not_count() {
        let with = holm(&[0.02, f64::NAN, 0.03]);
        assert!(with[1].is_nan());
        near(&[with[0], with[2]], &holm(&[0.02, 0.03]));
        assert!(benjamini_hochberg(&[]).is_empty());
    }

    #[test]
    fn never_below_the_p_value_nor_above_one() {
        let p = [0.5, 0.9, 0.2, 0.7, 0.999];
        for adjusted in [holm(&p), benjamini_hochberg(&p)] {
            assert!(p.iter().zip(&adjusted).all(|(p, q)| q >= p && *q <= 1.0));
        }
    }
}
