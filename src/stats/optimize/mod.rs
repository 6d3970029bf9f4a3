//! Minimising −log L or the deviance over parameters that end in blocks of θ: BFGS with exact gradients to the
//! neighbourhood, then Newton steps with a Hessian differenced from the gradient, which also gives the covariance.

mod bfgs;

use ndarray::{Array1, Array2};

use super::error::StatsError;
use super::lambda::{ThetaLayout, canonical, from_theta, to_theta};
use super::linalg::{Cholesky, max_abs};
use bfgs::bfgs;

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The parameters were given; nothing was searched.
    Given,
    /// At an optimum inside the parameter space.
    Interior,
    /// At an optimum where directions of the random effects have no variance.
    Boundary {
        /// Elements of θ that are zero (whole columns of Λ).
        zero: Vec<usize>,
    },
    /// The evaluations ran out, or no further descent was possible, before the gradient was small enough.
    Budget {
        /// Evaluations spent.
        evaluations: u32,
    },
}

/// Value and gradient at a point.
#[derive(Clone, Debug)]
pub struct ValueGrad {
    /// Objective.
    pub value: f64,
    /// Its gradient.
    pub grad: Array1<f64>,
}

/// Where a minimisation ended.
#[derive(Clone, Debug)]
pub struct Optimum {
    /// Parameters, θ blocks canonical.
    pub x: Array1<f64>,
    /// Largest absolute component of the gradient at `x`.
    pub grad_max: f64,
    /// Inverse Hessian over the parameters that are not held at zero; zero rows and columns for those.
    pub inverse_hessian: Array2<f64>,
    /// How it ended; positions count within θ.
    pub stop: Stop,
    /// Evaluations of value and gradient.
    pub evaluations: u32,
}

/// A column of Λ with a smaller diagonal than this has no variance. Callers scale the columns of Z to root mean
/// square 1, so this is a standard deviation of 1e-4 on the scale of the linear predictor (relative to σ in a linear
/// model): far below what any number of groups can show.
pub const ZERO_SD: f64 = 1e-4;

/// Newton ends when gᵀH⁻¹g is below this: 1e-8 standard errors.
const NEWTON_DECREMENT: f64 = 1e-16;
/// What is accepted when rounding of the objective stops progress earlier: 1e-6 standard errors.
const ROUNDING_DECREMENT: f64 = 1e-12;
/// A Newton step of more than this decrement (1e-5 standard errors) calls for a new Hessian.
const MOVED_FAR: f64 = 1e-10;
/// Standard deviations tried for a direction that came out at zero, in case zero was only a saddle.
const PROBES: [f64; 3] = [0.03, 0.1, 0.4];
/// Where a pivot of the Hessian is a smaller share of its diagonal than this, parameters nearly depend on each other: the
/// Hessian is differenced once more in coordinates in which it is about the identity.
const DEPENDENT: f64 = 1e-4;
/// Step of these differences, in standard errors; they are of fourth order, with a truncation of about 1e-8.
const REFINED_STEP: f64 = 0.02;
/// Step of the Hessian's forward differences. The gradient is exact to about 1e-13 of its terms and parameters are scaled,
/// so truncation (1e-6) and rounding (1e-7) both stay far below what a standard error is read to.
const HESSIAN_STEP: f64 = 1e-6;

/// An objective that counts its evaluations and keeps to a budget.
struct Counted<F> {
    f: F,
    evaluations: u32,
    budget: u32,
}

impl<F: FnMut(&Array1<f64>) -> Option<ValueGrad>> Counted<F> {
    /// `None` where the objective is not finite.
    fn at(&mut self, x: &Array1<f64>) -> Option<ValueGrad> {
        self.evaluations += 1;
        (self.f)(x).filter(|point| point.value.is_finite() && point.grad.iter().all(|g| g.is_finite()))
    }

    fn spent(&self) -> bool {
        self.evaluations >= self.budget
    }
}

/// Where a search may begin.
#[derive(Clone, Debug)]
pub struct Start {
    /// Parameters.
    pub x: Array1<f64>,
    /// First guess of the inverse Hessian there.
    pub inverse_hessian: Array2<f64>,
}

/// A point of the search.
#[derive(Clone)]
struct Point {
    x: Array1<f64>,
    value: f64,
    grad: Array1<f64>,
}

impl Point {
    fn new(x: Array1<f64>, at: ValueGrad) -> Self {
        Self { x, value: at.value, grad: at.grad }
    }
}

/// Minimises `f` from the best of `starts`.
///
/// `f` returns `None` where it cannot be evaluated; the search then shortens its step. It must be even in every
/// column of Λ, as all likelihoods here are. `budget` bounds the evaluations of the search proper; the last Hessian
/// is completed even if that takes a few more.
///
/// # Errors
/// [`StatsError::NotConverged`] if no start can be evaluated, or the Hessian where the search ended is not positive
/// definite, so that there is no covariance.
pub fn minimise(
    f: impl FnMut(&Array1<f64>) -> Option<ValueGrad>,
    starts: &[Start],
    layout: &ThetaLayout,
    budget: u32,
) -> Result<Optimum, StatsError> {
    let mut f = Counted { f, evaluations: 0, budget };
    let Best { point: mut best, inverse_hessian } = best_start(&mut f, starts)?;
    let mut zero = Vec::new();
    // One restart for each direction that might sit on a saddle at zero.
    for _ in 0..=layout.sizes.iter().sum::<usize>() {
        let found = bfgs(&mut f, best, &mut inverse_hessian.clone(), layout.offset);
        let canonical = canonical_point(&found.x, layout);
        zero = canonical.zero;
        // Also where it was canonical: modes of counts start from where they were left, and only a second evaluation at one
        // point has the digits from which a Hessian can be differenced.
        best = match f.at(&canonical.x) {
            Some(at) => Point::new(canonical.x, at),
            None => {
                zero.clear();
                found
            }
        };
        match escape_from_zero(&mut f, &best, &zero, layout) {
            Some(better) if !f.spent() => best = better,
            _ => break,
        }
    }
    polish(&mut f, best, &zero, layout)
}

/// Where a descent ended.
pub(super) struct Descent {
    pub x: Array1<f64>,
    pub value: f64,
    /// What BFGS learnt of it.
    pub inverse_hessian: Array2<f64>,
}

/// BFGS alone, for profiles: the value is right to about 1e-12, and nothing is asked of the Hessian, so that directions
/// without variance are no obstacle. θ starts at `offset`. `None` where `start` can't be evaluated, or the budget ran out.
pub(super) fn descend(
    f: impl FnMut(&Array1<f64>) -> Option<ValueGrad>,
    start: Start,
    offset: usize,
    budget: u32,
) -> Option<Descent> {
    let mut f = Counted { f, evaluations: 0, budget };
    let at = f.at(&start.x)?;
    let mut inverse_hessian = start.inverse_hessian;
    let found = bfgs(&mut f, Point::new(start.x, at), &mut inverse_hessian, offset);
    (!f.spent()).then_some(Descent { x: found.x, value: found.value, inverse_hessian })
}

/// The start with the lowest value.
struct Best {
    point: Point,
    inverse_hessian: Array2<f64>,
}

fn best_start<F: FnMut(&Array1<f64>) -> Option<ValueGrad>>(
    f: &mut Counted<F>,
    starts: &[Start],
) -> Result<Best, StatsError> {
    let mut best: Option<Best> = None;
    for start in starts {
        if let Some(at) = f.at(&start.x)
            && best.as_ref().is_none_or(|b| at.value < b.point.value)
        {
            let point = Point::new(start.x.clone(), at);
            best = Some(Best { point, inverse_hessian: start.inverse_hessian.clone() });
        }
    }
    best.ok_or(StatsError::NotConverged { evaluations: f.evaluations, grad_max: f64::INFINITY })
}

struct CanonicalPoint {
    x: Array1<f64>,
    /// Positions in `x` that are held at zero.
    zero: Vec<usize>,
}

fn canonical_point(x: &Array1<f64>, layout: &ThetaLayout) -> CanonicalPoint {
    let mut out = CanonicalPoint { x: x.clone(), zero: Vec::new() };
    for (start, q) in layout.blocks() {
        let theta: Vec<f64> = x.iter().skip(start).take(super::lambda::n_theta(q)).copied().collect();
        let form = canonical(from_theta(q, &theta).view(), ZERO_SD);
        for (k, value) in to_theta(form.lambda.view()).into_iter().enumerate() {
            out.x[start + k] = value;
        }
        for (k, (_, column)) in super::lambda::positions(q).enumerate() {
            if form.zero_columns.contains(&column) {
                out.zero.push(start + k);
            }
        }
    }
    out
}

/// θ = 0 is stationary by symmetry, minimum or not. Tries a few standard deviations for each zero diagonal and
/// returns the best point that is lower than `at`.
fn escape_from_zero<F: FnMut(&Array1<f64>) -> Option<ValueGrad>>(
    f: &mut Counted<F>,
    at: &Point,
    zero: &[usize],
    layout: &ThetaLayout,
) -> Option<Point> {
    let mut best: Option<Point> = None;
    for &position in zero.iter().filter(|&&k| layout.is_diagonal(k)) {
        for sd in PROBES {
            let mut x = at.x.clone();
            x[position] = sd;
            let Some(found) = f.at(&x) else { continue };
            let floor = best.as_ref().map_or(at.value - 1e-9 * (1.0 + at.value.abs()), |b| b.value);
            if found.value < floor {
                best = Some(Point::new(x, found));
            }
        }
    }
    best
}

/// Newton steps over the parameters that are not held at zero, until the gradient is at rounding level.
fn polish<F: FnMut(&Array1<f64>) -> Option<ValueGrad>>(
    f: &mut Counted<F>,
    start: Point,
    zero: &[usize],
    layout: &ThetaLayout,
) -> Result<Optimum, StatsError> {
    let free: Vec<usize> = (0..start.x.len()).filter(|k| !zero.contains(k)).collect();
    let mut at = start;
    let mut decrement = f64::INFINITY;
    let mut hessian = factored_hessian(f, &at, &free)?;
    for _ in 0..20 {
        let step = embed(&hessian.solve(pick(&at.grad, &free).view()), &free, at.x.len());
        let before = decrement;
        decrement = step.dot(&at.grad);
        let at_rounding = decrement < ROUNDING_DECREMENT && decrement > 0.25 * before;
        if decrement < NEWTON_DECREMENT || at_rounding || f.spent() {
            break;
        }
        match f.at(&(&at.x - &step)) {
            Some(found) if found.value <= at.value + 1e-11 * (1.0 + at.value.abs()) => {
                at = Point::new(&at.x - &step, found);
            }
            _ => break,
        }
        if decrement > MOVED_FAR {
            hessian = factored_hessian(f, &at, &free)?;
            decrement = f64::INFINITY;
        }
    }
    let accepted = decrement < ROUNDING_DECREMENT;
    let in_theta: Vec<usize> = zero.iter().map(|k| k - layout.offset).collect();
    let stop = match (accepted, in_theta.is_empty()) {
        (false, _) => Stop::Budget { evaluations: f.evaluations },
        (true, true) => Stop::Interior,
        (true, false) => Stop::Boundary { zero: in_theta },
    };
    Ok(Optimum {
        grad_max: max_abs(&at.grad),
        inverse_hessian: embed_matrix(&hessian.inverse(), &free, at.x.len()),
        x: at.x,
        stop,
        evaluations: f.evaluations,
    })
}

/// Hessian over `free` by forward differences of the gradient, factored.
fn factored_hessian<F: FnMut(&Array1<f64>) -> Option<ValueGrad>>(
    f: &mut Counted<F>,
    at: &Point,
    free: &[usize],
) -> Result<Cholesky, StatsError> {
    let mut hessian = Array2::zeros((free.len(), free.len()));
    for (column, &k) in free.iter().enumerate() {
        let mut x = at.x.clone();
        x[k] += HESSIAN_STEP;
        let Some(moved) = f.at(&x) else {
            return Err(StatsError::NotConverged { evaluations: f.evaluations, grad_max: max_abs(&at.grad) });
        };
        let slope = (&moved.grad - &at.grad) / (x[k] - at.x[k]);
        hessian.column_mut(column).assign(&pick(&slope, free));
    }
    let hessian = super::linalg::symmetrised(&hessian);
    let lost = |f: &Counted<F>| StatsError::NotConverged { evaluations: f.evaluations, grad_max: max_abs(&at.grad) };
    match Cholesky::factor(hessian.view()) {
        Ok(factor) if (0..free.len()).all(|k| factor.lower()[[k, k]].powi(2) > DEPENDENT * hessian[[k, k]]) => {
            Ok(factor)
        }
        Ok(factor) => refined(f, at, free, factor).ok_or_else(|| lost(f)),
        Err(_) => Err(lost(f)),
    }
}

/// The Hessian by central differences along the columns of L⁻ᵀ, where LLᵀ is a first idea of it:
/// H = L{L⁻¹ ∂g/∂(L⁻ᵀ)}Lᵀ, and what stands in braces is about the identity, so that no direction is lost beside others.
fn refined<F: FnMut(&Array1<f64>) -> Option<ValueGrad>>(
    f: &mut Counted<F>,
    at: &Point,
    free: &[usize],
    first: Cholesky,
) -> Option<Cholesky> {
    let n = free.len();
    let directions = first.backward_columns(Array2::eye(n).view());
    let mut inner = Array2::zeros((n, n));
    for (k, direction) in directions.columns().into_iter().enumerate() {
        let mut moved = |by: f64| {
            let step = embed(&(&direction * by), free, at.x.len());
            f.at(&(&at.x + &step)).map(|found| pick(&found.grad, free))
        };
        let near = moved(REFINED_STEP)? - moved(-REFINED_STEP)?;
        let far = moved(2.0 * REFINED_STEP)? - moved(-2.0 * REFINED_STEP)?;
        let slope = (near * 8.0 - far) / (12.0 * REFINED_STEP);
        inner.column_mut(k).assign(&first.forward(slope.view()));
    }
    Some(first.times(&Cholesky::factor(super::linalg::symmetrised(&inner).view()).ok()?))
}

fn pick(a: &Array1<f64>, free: &[usize]) -> Array1<f64> {
    free.iter().map(|&k| a[k]).collect()
}

fn embed(a: &Array1<f64>, free: &[usize], n: usize) -> Array1<f64> {
    let mut out = Array1::zeros(n);
    free.iter().zip(a).for_each(|(&k, v)| out[k] = *v);
    out
}

fn embed_matrix(a: &Array2<f64>, free: &[usize], n: usize) -> Array2<f64> {
    let mut out = Array2::zeros((n, n));
    for (i, &row) in free.iter().enumerate() {
        for (j, &column) in free.iter().enumerate() {
            out[[row, column]] = a[[i, j]];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn no_theta() -> ThetaLayout {
        ThetaLayout { offset: 2, sizes: vec![] }
    }

    fn from(x: Array1<f64>) -> [Start; 1] {
        [Start { inverse_hessian: Array2::eye(x.len()), x }]
    }

    fn rosenbrock(x: &Array1<f64>) -> Option<ValueGrad> {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        Some(ValueGrad { value: a * a + 100.0 * b * b, grad: array![-2.0 * a - 400.0 * x[0] * b, 200.0 * b] })
    }

    #[test]
    fn rosenbrock_is_solved_with_its_inverse_hessian() {
        let found = minimise(rosenbrock, &from(array![-1.2, 1.0]), &no_theta(), 500).unwrap();
        assert_eq!(found.stop, Stop::Interior);
        assert!((found.x[0] - 1.0).abs() < 1e-8 && (found.x[1] - 1.0).abs() < 1e-8);
        // Hessian at (1,1) is [[802, −400], [−400, 200]] with determinant 400.
        let exact = array![[0.5, 1.0], [1.0, 2.005]];
        // Forward differences: the third derivative of 2400 leaves 1e-3 of 802, and 1e-2 of an inverse this ill-conditioned.
        assert!((&found.inverse_hessian - &exact).iter().all(|d| d.abs() < 1e-2));
    }

    #[test]
    fn a_small_budget_is_reported() {
        let found = minimise(rosenbrock, &from(array![0.8, 0.6]), &no_theta(), 5);
        match found {
            Ok(optimum) => assert!(matches!(optimum.stop, Stop::Budget { .. })),
            Err(error) => assert!(matches!(error, StatsError::NotConverged { .. })),
        }
    }

    /// Even in θ: a saddle at 0 with minima at ±√(1/2) if `sign` is −1; a minimum at 0 if it is +1.
    fn even(sign: f64) -> impl FnMut(&Array1<f64>) -> Option<ValueGrad> {
        move |x| {
            let s = x[1] * x[1];
            Some(ValueGrad {
                value: x[0] * x[0] + sign * s + s * s,
                grad: array![2.0 * x[0], 2.0 * sign * x[1] + 4.0 * s * x[1]],
            })
        }
    }

    #[test]
    fn a_saddle_at_zero_is_left_and_the_sign_made_positive() {
        let layout = ThetaLayout { offset: 1, sizes: vec![1] };
        for start in [0.0, -0.4] {
            let found = minimise(even(-1.0), &from(array![1.0, start]), &layout, 500).unwrap();
            assert_eq!(found.stop, Stop::Interior);
            assert!((found.x[1] - 0.5f64.sqrt()).abs() < 1e-8);
        }
    }

    #[test]
    fn a_minimum_at_zero_is_a_boundary() {
        let layout = ThetaLayout { offset: 1, sizes: vec![1] };
        let found = minimise(even(1.0), &from(array![1.0, 0.7]), &layout, 500).unwrap();
        assert_eq!(found.stop, Stop::Boundary { zero: vec![0] });
        assert_eq!(found.x[1], 0.0);
        assert_eq!(found.inverse_hessian.row(1).to_vec(), vec![0.0, 0.0]);
        assert!((found.inverse_hessian[[0, 0]] - 0.5).abs() < 1e-6);
    }
}
