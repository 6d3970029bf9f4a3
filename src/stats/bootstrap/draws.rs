//! What replicates draw: normal numbers, counts, groups; and cross-products with normal errors, without the rows.

use ndarray::{Array1, Array2, ArrayView2};
use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, ChiSquared, Distribution, Poisson, StandardNormal};

use super::super::chunks::ROWS;
use super::super::error::StatsError;
use super::super::family::Family;

/// What a stream is for.
#[derive(Clone, Copy)]
pub(in super::super) enum Part {
    /// Which groups are drawn.
    Groups,
    /// Errors of a piece of the rows, or of a group.
    Errors,
    /// Random effects of a level of a term.
    Effects(usize),
}

/// The stream of replicate `r` and piece `k` of a part.
pub(in super::super) fn stream(seed: u64, part: Part, r: u32, k: usize) -> ChaCha8Rng {
    let tag = match part {
        Part::Groups => 0,
        Part::Errors => 1,
        Part::Effects(term) => 2 + term as u64,
    };
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&tag.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(u64::from(r) << 32 | k as u64);
    rng
}

/// `n` standard normal numbers.
pub(in super::super) fn normals(rng: &mut ChaCha8Rng, n: usize) -> Array1<f64> {
    (0..n).map(|_| StandardNormal.sample(rng)).collect()
}

/// How often each of the groups that are `present` is drawn, when as many are drawn as are present.
pub(in super::super) fn copies(seed: u64, r: u32, present: &[bool]) -> Vec<f64> {
    let there: Vec<usize> = (0..present.len()).filter(|&j| present[j]).collect();
    let mut rng = stream(seed, Part::Groups, r, 0);
    let mut out = vec![0.0; present.len()];
    for _ in 0..there.len() {
        out[there[rng.random_range(0..there.len())]] += 1.0;
    }
    out
}

/// Rows of drawn groups, each copy of a group behind the others: (row, number of the copy among all copies).
pub(in super::super) fn repeated(group: &[u32], copies: &[f64]) -> Vec<(usize, u32)> {
    let mut first = Vec::with_capacity(copies.len());
    let mut next = 0;
    for &times in copies {
        first.push(next);
        next += times as u32;
    }
    let times = |g: u32| copies[g as usize] as u32;
    let of_row = |(row, &g): (usize, &u32)| (0..times(g)).map(move |c| (row, c)).collect::<Vec<_>>();
    let rows = group.iter().enumerate().flat_map(of_row);
    rows.map(|(row, c)| (row, first[group[row] as usize] + c)).collect()
}

/// Outcomes of cells with linear predictors `eta`: Binomial(m, μ), or Poisson(mμ).
///
/// # Errors
/// [`StatsError::Shape`] where trials are not whole numbers, as with prior weights: there is no distribution to draw from.
pub(in super::super) fn counts(
    family: Family,
    eta: &Array1<f64>,
    trials: &Array1<f64>,
    seed: u64,
    r: u32,
) -> Result<Array1<f64>, StatsError> {
    const NO_COUNTS: StatsError = StatsError::Shape(
        "a parametric bootstrap of counts needs whole numbers of trials: prior weights are not drawn",
    );
    let mut out = Array1::zeros(eta.len());
    for first in (0..eta.len()).step_by(ROWS) {
        let mut rng = stream(seed, Part::Errors, r, first / ROWS);
        for i in first..eta.len().min(first + ROWS) {
            let (m, mean) = (trials[i], family.mean(eta[i]));
            if m.fract() != 0.0 {
                return Err(NO_COUNTS);
            }
            out[i] = match family {
                Family::Binomial(_) if m == 1.0 => f64::from(u8::from(rng.random::<f64>() < mean)),
                Family::Binomial(_) => {
                    let law = Binomial::new(m as u64, mean.clamp(0.0, 1.0)).map_err(|_| NO_COUNTS)?;
                    law.sample(&mut rng) as f64
                }
                Family::Poisson if m * mean == 0.0 => 0.0,
                Family::Poisson => Poisson::new(m * mean).map_err(|_| NO_COUNTS)?.sample(&mut rng),
            };
        }
    }
    Ok(out)
}

/// Cross-products of a matrix A (n×k) with errors ε ~ N(0, I) of its rows, drawn from AᵀA alone.
///
/// With AᵀA = LLᵀ of rank r, A = QLᵀ for some Q with orthonormal columns; v = Qᵀε ~ N(0, I_r) and what of ε is at right
/// angles to Q has a squared length that is χ² with n − r degrees of freedom, independent of v. So
///
/// ```text
/// Aᵀε = Lv        εᵀε = ‖v‖² + χ²_{n−r}
/// ```
///
/// are exact in distribution, jointly.
pub(in super::super) struct Gram {
    /// Columns without a pivot are zero (k×k).
    lower: Array2<f64>,
    pivots: Vec<bool>,
    rest: usize,
}

/// Aᵀε and εᵀε.
pub(in super::super) struct Drawn {
    pub products: Array1<f64>,
    pub squares: f64,
}

impl Gram {
    /// From AᵀA (k×k) of `n` rows. A pivot below 1e-12 of its diagonal is rounding: the column depends on others.
    pub fn new(gram: ArrayView2<f64>, n: usize) -> Self {
        let k = gram.nrows();
        let mut lower = Array2::<f64>::zeros((k, k));
        let mut pivots = vec![false; k];
        for j in 0..k {
            let explained: f64 = (0..j).map(|l| lower[[j, l]] * lower[[j, l]]).sum();
            let pivot = gram[[j, j]] - explained;
            if pivot <= 1e-12 * gram[[j, j]] {
                continue;
            }
            pivots[j] = true;
            lower[[j, j]] = pivot.sqrt();
            for i in j + 1..k {
                let explained: f64 = (0..j).map(|l| lower[[i, l]] * lower[[j, l]]).sum();
                lower[[i, j]] = (gram[[i, j]] - explained) / lower[[j, j]];
            }
        }
        let rank = pivots.iter().filter(|p| **p).count();
        Self { lower, pivots, rest: n.saturating_sub(rank) }
    }

    /// One draw.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Drawn {
        let number = |on: &bool| if *on { StandardNormal.sample(rng) } else { 0.0 };
        let v: Array1<f64> = self.pivots.iter().map(number).collect();
        let beyond = match self.rest {
            0 => 0.0,
            n => ChiSquared::new(n as f64).expect("degrees of freedom are above 0").sample(rng),
        };
        Drawn { products: self.lower.dot(&v), squares: v.dot(&v) + beyond }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::link::Link;
    use super::*;
    use ndarray::array;

    #[test]
    fn streams_differ_by_every_number_and_by_nothing_else() {
        let first = |seed, part, r, k| stream(seed, part, r, k).random::<u64>();
        let one = first(7, Part::Errors, 3, 5);
        assert_eq!(one, first(7, Part::Errors, 3, 5));
        let others = [
            first(8, Part::Errors, 3, 5),
            first(7, Part::Groups, 3, 5),
            first(7, Part::Effects(0), 3, 5),
            first(7, Part::Errors, 5, 3),
            first(7, Part::Errors, 3, 6),
        ];
        assert!(others.iter().all(|&o| o != one));
    }

    #[test]
    fn as_many_groups_are_drawn_as_are_there() {
        let present = [true, false, true, true, true];
        let mut sums = [0.0; 5];
        for r in 0..2000 {
            let times = copies(1, r, &present);
            assert_eq!(times.iter().sum::<f64>(), 4.0);
            sums.iter_mut().zip(&times).for_each(|(s, t)| *s += t);
        }
        assert_eq!(sums[1], 0.0);
        // Each is drawn 2000 times on average, with standard deviation √(2000·4·(1/4)(3/4)) = 39.
        assert!([0, 2, 3, 4].iter().all(|&j| (sums[j] - 2000.0).abs() < 160.0), "{sums:?}");
    }

    #[test]
    fn copies_of_a_group_are_groups_of_their_own() {
        let rows = repeated(&[0, 2, 1, 2], &[1.0, 0.0, 2.0]);
        assert_eq!(rows, vec![(0, 0), (1, 1), (1, 2), (3, 1), (3, 2)]);
    }

    #[test]
    fn products_have_the_moments_of_rows() {
        // Three columns, the third the sum of the others, five rows.
        let a = array![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 4.0], [1.0, -1.0]];
        let sum = &a.column(0) + &a.column(1);
        let a = ndarray::concatenate![ndarray::Axis(1), a, sum.insert_axis(ndarray::Axis(1))];
        let gram = a.t().dot(&a);
        let from = Gram::new(gram.view(), 5);
        assert_eq!((from.pivots.clone(), from.rest), (vec![true, true, false], 3));
        let draws = 40_000;
        let (mut second, mut squares, mut squares2) = (Array2::<f64>::zeros((3, 3)), 0.0, 0.0);
        for r in 0..draws {
            let drawn = from.draw(&mut stream(2, Part::Errors, r, 0));
            crate::stats::glm::add_outer(&mut second, 1.0 / f64::from(draws), drawn.products.view());
            squares += drawn.squares / f64::from(draws);
            squares2 += drawn.squares.powi(2) / f64::from(draws);
        }
        // E Aᵀεεᵀ A = AᵀA; εᵀε is χ²₅ with mean 5 and variance 10. Monte-Carlo errors: 1/√40000·√2 of an element.
        for (found, gram) in second.iter().zip(&gram) {
            assert!((found - gram).abs() < 4.0 * 0.0071 * gram.abs().max(10.0), "{found} {gram}");
        }
        assert!((squares - 5.0).abs() < 4.0 * (10.0f64 / 40_000.0).sqrt());
        assert!((squares2 - squares * squares - 10.0).abs() < 0.4);
    }

    #[test]
    fn counts_have_their_means_and_refuse_what_has_no_law() {
        let eta = Array1::from_elem(10_000, 0.4);
        let trials = Array1::from_elem(10_000, 3.0);
        let logit = Family::Binomial(Link::Logit);
        let drawn = counts(logit, &eta, &trials, 1, 0).unwrap();
        let mean = logit.mean(0.4);
        assert!((drawn.sum() / 30_000.0 - mean).abs() < 4.0 * (mean * (1.0 - mean) / 30_000.0).sqrt());
        let drawn = counts(Family::Poisson, &eta, &trials, 1, 0).unwrap();
        let rate = 0.4f64.exp();
        assert!((drawn.sum() / 30_000.0 - rate).abs() < 4.0 * (rate / 30_000.0).sqrt());
        let refused = counts(logit, &eta, &Array1::from_elem(10_000, 0.5), 1, 0);
        assert!(matches!(refused, Err(StatsError::Shape(_))));
    }
}
