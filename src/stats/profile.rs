//! Profile likelihood intervals: what linear mixed models and those for counts have in common.
//!
//! ```text
//! rise(v) = 2 [min over the rest of −log L with the parameter at v  −  min of −log L]
//! limits: where √rise = z, z² the quantile of χ² with one degree of freedom
//! ```
//!
//! √rise is nearly a straight line in v, so a limit takes a handful of minimisations, each from where the last one
//! ended. A standard deviation has no smaller value than 0 and a correlation none beyond ±1: where the rise stays below
//! the cut up to there, that is the limit.
//!
//! Each parameter is brought to the front: with effect i first among its block's columns its standard deviation is Λ₁₁,
//! with j second their correlation ρ is in the second row, Λ₂₁ = ρr and Λ₂₂ = √(1−ρ²)r with r² = Λ₂₁² + Λ₂₂².

use ndarray::{Array1, Array2, Axis};

use super::dist::normal_quantile;
use super::error::StatsError;
use super::lambda::{block_positions, canonical, from_blocks, n_theta};
use super::optimize::{Start, ValueGrad, ZERO_SD, descend};
use super::search::root;
use super::terms::{RandomTerm, diagonal_theta, theta_ranges};

/// Limits of every parameter of a mixed model, lower and upper; `None` where none could be found, or where there is no
/// parameter (a correlation with an effect that has no variance).
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileIntervals {
    /// Fixed effects (p).
    pub beta: Vec<Option<[f64; 2]>>,
    /// Residual standard deviation; `None` for counts.
    pub sigma: Option<[f64; 2]>,
    /// The terms, in the caller's order.
    pub terms: Vec<TermProfile>,
}

/// Limits for one random-effects term with q columns.
#[derive(Clone, Debug, PartialEq)]
pub struct TermProfile {
    /// Standard deviations of the effects (q), in units of the outcome or of η per unit of their column.
    pub sd: Vec<Option<[f64; 2]>>,
    /// Correlations of the effects of each block, block after block, by first effect and then by second.
    pub cor: Vec<CorrelationProfile>,
}

/// Limits for the correlation of two effects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorrelationProfile {
    /// Column of the first effect.
    pub first: usize,
    /// Column of the second effect, above `first`.
    pub second: usize,
    /// Limits between −1 and 1.
    pub limits: Option<[f64; 2]>,
}

impl ProfileIntervals {
    /// Nothing found yet.
    pub(super) fn none(p: usize, terms: &[RandomTerm]) -> Self {
        let term = |term: &RandomTerm| TermProfile { sd: vec![None; term.q()], cor: Vec::new() };
        Self { beta: vec![None; p], sigma: None, terms: terms.iter().map(term).collect() }
    }
}

/// z with χ²₁(z²) = `level`.
pub(super) fn cut(level: f64) -> Result<f64, StatsError> {
    if level > 0.0 && level < 1.0 {
        Ok(normal_quantile(0.5 + 0.5 * level))
    } else {
        Err(StatsError::Shape("the level of an interval lies between 0 and 1"))
    }
}

/// The columns of a term in an order in which the parameters asked for come first in their block.
#[derive(Clone, Debug)]
pub(super) struct Arrangement {
    pub term: usize,
    /// Columns of the term, in the new order.
    pub columns: Vec<usize>,
    /// Place of the block's Λ₁₁ in θ of all terms.
    pub start: usize,
    /// Effects of the block.
    pub size: usize,
    /// Column that is now first.
    pub first: usize,
    /// Whether its standard deviation is asked for.
    pub sd: bool,
    /// Column that is now second, if its correlation with `first` is asked for.
    pub second: Option<usize>,
}

/// All that is needed for every standard deviation and correlation; in the first, nothing has moved.
pub(super) fn arrangements(terms: &[RandomTerm]) -> Vec<Arrangement> {
    let mut out = Vec::new();
    let mut start = 0;
    for (t, term) in terms.iter().enumerate() {
        let mut begin = 0;
        for &size in term.blocks {
            for i in 0..size {
                let partners = (i + 1..size).map(Some).chain((i + 1 == size).then_some(None));
                for (k, j) in partners.enumerate() {
                    let rest = (0..size).filter(|&c| c != i && Some(c) != j);
                    let block = std::iter::once(i).chain(j).chain(rest).map(|c| begin + c);
                    let columns = (0..begin).chain(block).chain(begin + size..term.q()).collect();
                    let second = j.map(|j| begin + j);
                    out.push(Arrangement { term: t, columns, start, size, first: begin + i, sd: k == 0, second });
                }
            }
            begin += size;
            start += n_theta(size);
        }
    }
    out
}

impl Arrangement {
    /// The term's columns in their new order.
    pub fn z(&self, terms: &[RandomTerm]) -> Array2<f64> {
        terms[self.term].z.to_held().select(Axis(1), &self.columns)
    }

    /// The terms with that z in place of their own.
    pub fn terms<'s>(&self, terms: &'s [RandomTerm], z: &'s Array2<f64>) -> Vec<RandomTerm<'s>> {
        let mut out: Vec<RandomTerm> = terms.iter().map(RandomTerm::reborrow).collect();
        out[self.term].z = z.view().into();
        out
    }

    /// θ of all terms with the same covariances of the effects.
    pub fn theta(&self, terms: &[RandomTerm], theta: &Array1<f64>) -> Array1<f64> {
        let (blocks, range) = (terms[self.term].blocks, theta_ranges(terms)[self.term].clone());
        let lambda = from_blocks(blocks, &theta.to_vec()[range.clone()]);
        let moved = canonical(lambda.select(Axis(0), &self.columns).view(), 0.0).lambda;
        let mut out = theta.clone();
        range.zip(block_positions(blocks)).for_each(|(k, at)| out[k] = moved[at]);
        out
    }
}

/// One parameter held at a value, and so taken out of a vector of parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constraint {
    /// Place of Λ₁₁.
    first: usize,
    /// Place of Λ₂₂ where a correlation is held.
    second: Option<usize>,
}

impl Constraint {
    /// Holds the parameter at `place`.
    pub fn parameter(place: usize) -> Self {
        Self { first: place, second: None }
    }

    /// Holds the correlation of the first two effects of a block of `size` whose Λ₁₁ stands at `place`.
    pub fn correlation(place: usize, size: usize) -> Self {
        Self { first: place, second: Some(place + size) }
    }

    fn removed(&self) -> usize {
        self.first + usize::from(self.second.is_some())
    }

    /// Value of the parameter; `None` for the correlation of an effect without variance.
    pub fn value(&self, all: &Array1<f64>) -> Option<f64> {
        let Some(second) = self.second else { return Some(all[self.first]) };
        let r = all[second].hypot(all[self.removed()]);
        let known = all[self.first].abs() > ZERO_SD && r > ZERO_SD;
        known.then(|| (all[self.removed()] / r * all[self.first].signum()).clamp(-1.0, 1.0))
    }

    /// The others, with r in the place of Λ₂₂.
    pub fn others(&self, all: &Array1<f64>) -> Array1<f64> {
        let mut all = all.clone();
        if let Some(second) = self.second {
            all[second] = all[second].hypot(all[self.removed()]);
        }
        self.without(&all)
    }

    /// The vector without the element that is held.
    pub fn without<T: Copy>(&self, all: &Array1<T>) -> Array1<T> {
        all.iter().enumerate().filter(|(k, _)| *k != self.removed()).map(|(_, v)| *v).collect()
    }

    /// All parameters; Λ₁₁ and r count by their sizes, so that the sign of the correlation is that of `value`.
    pub fn all(&self, value: f64, others: &Array1<f64>) -> Array1<f64> {
        let removed = self.removed();
        let mut out: Array1<f64> = others.iter().take(removed).copied().collect();
        out.append(Axis(0), ndarray::aview1(&[value])).expect("one axis");
        out.append(Axis(0), others.slice(ndarray::s![removed..])).expect("one axis");
        if let Some(second) = self.second {
            let r = out[second].abs();
            out[self.first] = out[self.first].abs();
            out[removed] = value * r;
            out[second] = (1.0 - value * value).max(0.0).sqrt() * r;
        }
        out
    }

    /// From the gradient over all parameters to that over the others.
    pub fn gradient(&self, value: f64, others: &Array1<f64>, mut grad: Array1<f64>) -> Array1<f64> {
        if let Some(second) = self.second {
            let removed = self.removed();
            let across = value * grad[removed] + (1.0 - value * value).max(0.0).sqrt() * grad[second];
            // The place of Λ₂₂ is one lower where Λ₂₁ is gone.
            grad[second] = across * others[second - 1].signum();
            grad[self.first] *= others[self.first].signum();
        }
        self.without(&grad)
    }
}

/// Where a parameter was estimated and may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub estimate: f64,
    /// About a standard error.
    pub step: f64,
    pub lowest: f64,
    pub highest: f64,
}

impl Reach {
    /// A parameter without bounds.
    pub fn free(estimate: f64, step: f64) -> Self {
        Self { estimate, step, lowest: f64::NEG_INFINITY, highest: f64::INFINITY }
    }

    /// A standard deviation of effects with `levels` levels; `unit` is one that is neither large nor small.
    pub fn sd(estimate: f64, unit: f64, levels: usize) -> Self {
        let estimate = if estimate.abs() < ZERO_SD * unit { 0.0 } else { estimate.abs() };
        let step = if estimate > 0.0 { estimate / (levels as f64).sqrt() } else { 0.05 * unit };
        Self { lowest: 0.0, ..Self::free(estimate, step) }
    }

    /// A correlation of effects with `levels` levels.
    pub fn correlation(estimate: f64, levels: usize) -> Self {
        let step = (1.5 * (1.0 - estimate * estimate) / (levels as f64).sqrt()).max(0.02);
        Self { lowest: -1.0, highest: 1.0, ..Self::free(estimate, step) }
    }
}

/// −log L as a function of one parameter, the others to be minimised over.
pub(super) struct Curve<F> {
    /// −log L and its gradient over the others, with the parameter at a value.
    pub objective: F,
    /// Its minimum.
    pub best: f64,
    /// The others at the minimum, with a guess of the inverse Hessian.
    pub start: Start,
    /// Others that do not belong to θ; they come first.
    pub offset: usize,
    /// Which others are diagonal elements of Λ.
    pub diagonal: Array1<bool>,
}

/// Evaluations for one value of the parameter.
const BUDGET: u32 = 500;
/// Steps outwards until the cut is passed.
const STEPS: u32 = 20;
/// A limit is found to this part of its distance from the estimate.
const TOLERANCE: f64 = 1e-8;
/// 0 is stationary for a diagonal element of Λ, minimum or not: searches begin no closer to it.
const LEAST_DIAGONAL: f64 = 0.02;

impl<F: FnMut(f64, &Array1<f64>) -> Option<ValueGrad>> Curve<F> {
    /// Both limits.
    pub fn interval(&mut self, reach: &Reach, z: f64) -> Option<[f64; 2]> {
        Some([self.limit(reach, z, reach.lowest)?, self.limit(reach, z, reach.highest)?])
    }

    /// Goes outwards until √rise passes z or the bound is met, then back to z by Brent's method.
    fn limit(&mut self, reach: &Reach, z: f64, bound: f64) -> Option<f64> {
        let estimate = reach.estimate;
        let side = if bound > estimate { 1.0 } else { -1.0 };
        let within = |v: f64| if side * (bound - v) < 0.0 { bound } else { v };
        if estimate == bound {
            return Some(bound);
        }
        let mut walk = Walk::new(self, estimate);
        let (mut near, mut at_near) = (estimate, 0.0);
        let mut far = within(estimate + side * z * reach.step);
        for _ in 0..STEPS {
            let Some(at_far) = walk.root_of_rise(far) else {
                far = 0.5 * (near + far);
                continue;
            };
            if at_far >= z {
                return walk.between(z, near, at_near, far, at_far, TOLERANCE * (far - estimate).abs());
            }
            if far == bound {
                return Some(bound);
            }
            let slope = (at_far - at_near) / (far - near).abs();
            let more = if slope > 0.0 { 1.05 * (z - at_far) / slope } else { f64::INFINITY };
            let so_far = (far - estimate).abs();
            (near, at_near) = (far, at_far);
            far = within(far + side * more.clamp(0.1 * so_far, 3.0 * so_far));
        }
        None
    }
}

/// The others along a curve.
struct Walk<'c, F> {
    curve: &'c mut Curve<F>,
    last: Visited,
    before: Option<Visited>,
    inverse_hessian: Array2<f64>,
}

#[derive(Clone)]
struct Visited {
    value: f64,
    others: Array1<f64>,
}

impl<'c, F: FnMut(f64, &Array1<f64>) -> Option<ValueGrad>> Walk<'c, F> {
    fn new(curve: &'c mut Curve<F>, estimate: f64) -> Self {
        let last = Visited { value: estimate, others: curve.start.x.clone() };
        Self { inverse_hessian: curve.start.inverse_hessian.clone(), last, before: None, curve }
    }

    /// √rise with the parameter at `value`.
    fn root_of_rise(&mut self, value: f64) -> Option<f64> {
        let ahead = self.ahead(value).and_then(|from| self.minimum(value, from));
        let found = ahead.or_else(|| self.minimum(value, self.last.others.clone()))?;
        self.before = Some(std::mem::replace(&mut self.last, Visited { value, others: found.others }));
        Some((2.0 * (found.minimum - self.curve.best)).max(0.0).sqrt())
    }

    /// The others on the line through the last two points.
    fn ahead(&self, value: f64) -> Option<Array1<f64>> {
        let before = self.before.as_ref()?;
        let part = (value - self.last.value) / (self.last.value - before.value);
        let line = &self.last.others + &((&self.last.others - &before.others) * part);
        (part.abs() <= 3.0).then_some(line)
    }

    fn minimum(&mut self, value: f64, mut from: Array1<f64>) -> Option<Minimum> {
        for (x, _) in from.iter_mut().zip(&self.curve.diagonal).filter(|(_, diagonal)| **diagonal) {
            if x.abs() < LEAST_DIAGONAL {
                *x = LEAST_DIAGONAL.copysign(*x);
            }
        }
        let start = Start { x: from, inverse_hessian: self.inverse_hessian.clone() };
        let found = descend(|x| (self.curve.objective)(value, x), start, self.curve.offset, BUDGET)?;
        self.inverse_hessian = found.inverse_hessian;
        Some(Minimum { minimum: found.value, others: found.x })
    }

    /// Where √rise is z.
    fn between(&mut self, z: f64, near: f64, at_near: f64, far: f64, at_far: f64, tolerance: f64) -> Option<f64> {
        let mut lost = false;
        let beyond = |value: f64| match value {
            v if v == near => at_near - z,
            v if v == far => at_far - z,
            v => self.root_of_rise(v).map_or_else(
                || {
                    lost = true;
                    0.0
                },
                |rise| rise - z,
            ),
        };
        let found = root(beyond, near, far, tolerance);
        (!lost && found.is_finite()).then_some(found)
    }
}

struct Minimum {
    minimum: f64,
    others: Array1<f64>,
}

/// Which elements of a vector of `offset` parameters and then θ are diagonal elements of Λ.
pub(super) fn diagonals(terms: &[RandomTerm], offset: usize) -> Array1<bool> {
    std::iter::repeat_n(false, offset).chain(diagonal_theta(terms, 1.0).into_iter().map(|v| v > 0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn arrangements_bring_every_effect_and_pair_to_the_front() {
        let z = Array2::ones((3, 4));
        let level = [0, 1, 1];
        let terms = [RandomTerm { z: z.view().into(), level: &level, n_levels: 2, blocks: &[1, 3] }];
        let all = arrangements(&terms);
        let seen: Vec<_> = all.iter().map(|a| (a.columns.clone(), a.start, a.sd, a.second)).collect();
        let expected = vec![
            (vec![0, 1, 2, 3], 0, true, None),
            (vec![0, 1, 2, 3], 1, true, Some(2)),
            (vec![0, 1, 3, 2], 1, false, Some(3)),
            (vec![0, 2, 3, 1], 1, true, Some(3)),
            (vec![0, 3, 1, 2], 1, true, None),
        ];
        assert_eq!(seen, expected);
        let theta = array![0.7, 0.5, 0.2, -0.1, 0.4, 0.3, 0.6];
        let moved = all[3].theta(&terms, &theta);
        let (before, after) = (from_blocks(&[1, 3], &theta.to_vec()), from_blocks(&[1, 3], &moved.to_vec()));
        let (before, after) = (before.dot(&before.t()), after.dot(&after.t()));
        for i in 0..4 {
            for j in 0..4 {
                let same = before[[all[3].columns[i], all[3].columns[j]]];
                assert!((after[[i, j]] - same).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn a_constraint_takes_one_parameter_out_and_back() {
        let all = array![9.0, 0.5, 0.3, 0.2, 0.4, 0.1, 0.7];
        for held in [Constraint::parameter(2), Constraint::correlation(1, 3)] {
            let value = held.value(&all).unwrap();
            let others = held.others(&all);
            assert!((held.all(value, &others) - &all).iter().all(|d| d.abs() < 1e-15));
            // The gradient of f = Σ k·x_k², against central differences over the others.
            let f = |x: &Array1<f64>| x.iter().enumerate().map(|(k, x)| k as f64 * x * x).sum::<f64>();
            let grad = all.iter().enumerate().map(|(k, x)| 2.0 * k as f64 * x).collect();
            let grad = held.gradient(value, &others, grad);
            for k in 0..others.len() {
                let moved = |by: f64| {
                    let mut x = others.clone();
                    x[k] += by;
                    f(&held.all(value, &x))
                };
                assert!((grad[k] - (moved(1e-5) - moved(-1e-5)) / 2e-5).abs() < 1e-8);
            }
        }
        assert_eq!(Constraint::correlation(1, 3).value(&array![9.0, 0.0, 0.3, 0.2, 0.4]), None);
    }

    /// ½v²/a + ½(x − v)²: the limits are ±z√a.
    #[test]
    fn a_parabola_has_the_limits_of_wald() {
        let objective = |v: f64, x: &Array1<f64>| {
            let d = x[0] - v;
            Some(ValueGrad { value: 0.5 * v * v / 4.0 + 0.5 * d * d, grad: array![d] })
        };
        let start = Start { x: array![0.0], inverse_hessian: array![[1.0]] };
        let mut curve = Curve { objective, best: 0.0, start, offset: 1, diagonal: array![false] };
        for step in [0.01, 2.0, 300.0] {
            let [low, high] = curve.interval(&Reach::free(0.0, step), 1.96).unwrap();
            assert!((low + 3.92).abs() < 1e-6 && (high - 3.92).abs() < 1e-6, "{low} {high}");
        }
        let bounded = Reach { lowest: -1.0, ..Reach::free(0.0, 0.5) };
        assert_eq!(curve.interval(&bounded, 1.96).unwrap()[0], -1.0);
    }

    #[test]
    fn a_level_is_a_probability() {
        assert!((cut(0.95).unwrap() - 1.959_963_984_540_054).abs() < 1e-12);
        assert!(cut(1.0).is_err() && cut(f64::NAN).is_err());
    }
}
