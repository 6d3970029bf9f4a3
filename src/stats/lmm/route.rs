//! What a linear mixed model asks of the algebra behind it: at θ, log|M| and the cross-products of [X y] that are left
//! when the random effects are out; from them everything follows in one way, whatever the algebra.
//!
//! ```text
//! RRᵀ = [X y]ᵀV⁻¹[X y]    A = XᵀV⁻¹X    β̂ = A⁻¹XᵀV⁻¹y    r² = yᵀV⁻¹y − β̂ᵀAβ̂
//! ML:   d = log|M| + n(1 + log(2πr²/n))
//! REML: n becomes n−p, and log|A| is added
//! ```
//!
//! Profile likelihoods hold a direction of β, or σ, at a value; β̃ is then the best that has aᵀβ̃ = v, and r² grows by
//! (v − aᵀβ̂)²/(aᵀA⁻¹a).

use std::f64::consts::PI;

use ndarray::{Array1, Array2, Array3, s};

use super::super::linalg::Cholesky;
use super::super::optimize::ValueGrad;

/// Algebra for one structure of grouping factors; θ in the order of the terms, columns of Z and X scaled.
pub(super) trait Route: Sync {
    /// What is kept of one θ.
    type At<'s>: Sync
    where
        Self: 's;

    /// `None` where something is not finite or not positive.
    fn at(&self, theta: &[f64]) -> Option<Eliminated<Self::At<'_>>>;

    /// ½{∂log|M| + `precision`·∂r² + \[`restricted`\] ∂log|A|}/∂θ at β̃.
    fn gradient(&self, at: &Self::At<'_>, fixed: &FixedPart, precision: f64, restricted: bool) -> Vec<f64>;

    /// b̂ of every term (J×q), in the order of the terms.
    fn modes(&self, at: &Self::At<'_>, gamma: &Array1<f64>) -> Vec<Array2<f64>>;

    /// Predictions of every term with what their errors are made of.
    fn predictions(&self, at: &Self::At<'_>, gamma: &Array1<f64>) -> Vec<Predictions>;
}

/// The random effects taken out.
pub(super) struct Eliminated<At> {
    pub log_det: f64,
    /// [X y]ᵀV⁻¹[X y] (p+1 × p+1).
    pub products: Array2<f64>,
    pub at: At,
}

/// Predicted effects of a term with J levels and q columns, in scaled coordinates, per unit of σ².
pub(super) struct Predictions {
    /// b̂ (J×q).
    pub modes: Array2<f64>,
    /// Blocks of P = Λ M⁻¹Λᵀ on the diagonal (J×q×q).
    pub p: Array3<f64>,
    /// Rows of PZᵀX (J×q×p).
    pub pzx: Array3<f64>,
}

/// aᵀγ = v.
pub(super) struct Held {
    pub direction: Array1<f64>,
    pub value: f64,
}

/// Fixed effects at θ.
pub(super) struct FixedPart {
    /// β̃ in the coordinates of the route.
    pub gamma: Array1<f64>,
    /// A, factored.
    pub a: Cholesky,
    /// Squared residual norm.
    pub r2: f64,
}

impl FixedPart {
    fn new(products: &Array2<f64>, held: Option<&Held>) -> Option<Self> {
        let p = products.nrows() - 1;
        let all = Cholesky::factor(products.view()).ok()?;
        let mut r2 = all.lower()[[p, p]].powi(2);
        let a = Cholesky::factor(products.slice(s![..p, ..p])).ok()?;
        let mut gamma = a.solve(products.slice(s![..p, p]));
        if let Some(held) = held {
            let towards = a.solve(held.direction.view());
            let (short, spread) = (held.value - held.direction.dot(&gamma), held.direction.dot(&towards));
            gamma.scaled_add(short / spread, &towards);
            r2 += short * short / spread;
        }
        Some(Self { gamma, a, r2 })
    }
}

/// A route with what the criterion needs beside it.
pub(super) struct Problem<R> {
    pub route: R,
    /// Rows.
    pub n: f64,
    /// Fixed effects.
    pub p: usize,
    /// Restricted likelihood?
    pub reml: bool,
}

/// Everything that one θ determines.
pub(super) struct Solved<At> {
    pub fixed: FixedPart,
    /// d, in the coordinates of the route.
    pub deviance: f64,
    pub at: At,
}

impl<R: Route> Problem<R> {
    /// n, or n − p for REML.
    pub fn dof(&self) -> f64 {
        if self.reml { self.n - self.p as f64 } else { self.n }
    }

    /// Solves for β and σ at θ.
    pub fn solve(&self, theta: &[f64], held: Option<&Held>) -> Option<Solved<R::At<'_>>> {
        let out = self.route.at(theta)?;
        let fixed = FixedPart::new(&out.products, held)?;
        let dof = self.dof();
        let restricted = if self.reml { fixed.a.log_det() } else { 0.0 };
        let deviance = out.log_det + restricted + dof * (1.0 + (2.0 * PI * fixed.r2 / dof).ln());
        Some(Solved { fixed, deviance, at: out.at })
    }

    /// ½(log|M| + r²) and its gradient: −log L for σ = 1, but for constants.
    pub fn evaluate_unit_variance(&self, theta: &Array1<f64>) -> Option<ValueGrad> {
        let theta = theta.as_standard_layout();
        let out = self.route.at(theta.as_slice()?)?;
        let fixed = FixedPart::new(&out.products, None)?;
        let grad = self.route.gradient(&out.at, &fixed, 1.0, false);
        Some(ValueGrad { value: 0.5 * (out.log_det + fixed.r2), grad: Array1::from_vec(grad) })
    }

    /// d/2 and its gradient in θ; σ and all of β but what is `held` are profiled out, so by the envelope theorem only
    /// the explicit dependence on θ counts. Half, so that its curvature is that of the log-likelihood.
    pub fn evaluate(&self, theta: &Array1<f64>, held: Option<&Held>) -> Option<ValueGrad> {
        let theta = theta.as_standard_layout();
        let solved = self.solve(theta.as_slice()?, held)?;
        let grad = self.route.gradient(&solved.at, &solved.fixed, self.dof() / solved.fixed.r2, self.reml);
        Some(ValueGrad { value: 0.5 * solved.deviance, grad: Array1::from_vec(grad) })
    }
}
