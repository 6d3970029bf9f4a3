//! Risks with their gradients.
//!
//! Per period t, `h_t` is the mean risk of those at risk. Over all periods the risk is `R = 1 − Π_t(1 − h_t)`; a landmark
//! outcome has one period, where this is the mean risk. Gradient: `∂R = Π(1 − h_t) · Σ_t ∂h_t / (1 − h_t)`. Every estimand
//! of a binary model is a difference of such risks ([`Graded::minus`]).

use std::borrow::Cow;

use ndarray::{Array1, Array2, ArrayView1};

use crate::models::PooledFit;
use crate::stats::GlmmFit;

/// A quantity and its gradient over the parameters.
#[derive(Clone, Debug)]
pub(super) struct Graded {
    pub(super) value: f64,
    pub(super) gradient: Array1<f64>,
}

impl Graded {
    /// The difference of two quantities of the same parameters.
    pub(super) fn minus(&self, other: &Graded) -> Graded {
        Graded { value: self.value - other.value, gradient: &self.gradient - &other.gradient }
    }

    /// `g'Vg`, the delta method.
    pub(super) fn variance(&self, vcov: &Array2<f64>) -> f64 {
        quadratic(vcov, self.gradient.view())
    }
}

/// Covariances of parameters φ.
///
/// What is reported is the one robust to schools with the factor G/(G − 1), where there is one: with a t quantile of
/// effective schools − 1 degrees of freedom its intervals hold what they promise in the settings of `lob certify`, also where cohorts of a
/// school differ by more than the model says. The larger of the two, which stood here before, was too wide: the larger of two
/// estimates of one error is an overestimate.
#[derive(Clone)]
pub(super) struct Errors<'f> {
    /// By the model.
    pub(super) model: &'f Array2<f64>,
    robust: Option<Cow<'f, Array2<f64>>>,
}

impl<'f> Errors<'f> {
    pub(super) fn of_model(model: &'f Array2<f64>) -> Self {
        Self { model, robust: None }
    }

    pub(super) fn of_pooled(fit: &'f PooledFit) -> Self {
        Self { model: &fit.glm.vcov, robust: fit.robust.as_ref().map(|robust| Cow::Borrowed(&robust.vcov)) }
    }

    pub(super) fn of_mixed(fit: &'f GlmmFit) -> Self {
        let groups = fit.terms[0].n_levels as f64;
        let scaled = |sandwich: &Array2<f64>| Cow::Owned(sandwich * (groups / (groups - 1.0)));
        Self { model: &fit.vcov, robust: fit.vcov_sandwich.as_ref().map(scaled) }
    }

    /// The one that is reported.
    pub(super) fn reported(&self) -> &Array2<f64> {
        self.robust.as_deref().unwrap_or(self.model)
    }
}

/// `g'Vg`.
pub(super) fn quadratic(v: &Array2<f64>, g: ArrayView1<'_, f64>) -> f64 {
    g.dot(&v.dot(&g))
}

/// Sums of risks and gradients over k parameters, per period.
#[derive(Clone, Debug)]
pub(super) struct Risks {
    parameters: usize,
    periods: Vec<Period>,
}

#[derive(Clone, Debug)]
struct Period {
    rows: f64,
    risk: f64,
    gradient: Vec<f64>,
}

impl Risks {
    pub(super) fn new(parameters: usize) -> Self {
        Self { parameters, periods: Vec::new() }
    }

    fn period(&mut self, period: u16) -> &mut Period {
        let (at, k) = (usize::from(period), self.parameters);
        while self.periods.len() <= at {
            self.periods.push(Period { rows: 0.0, risk: 0.0, gradient: vec![0.0; k] });
        }
        &mut self.periods[at]
    }

    /// Adds `rows` rows with this risk; to the sum of gradients that is returned, `rows · ∂risk` is to be added.
    pub(super) fn add(&mut self, period: u16, rows: f64, risk: f64) -> &mut [f64] {
        let period = self.period(period);
        period.rows += rows;
        period.risk += rows * risk;
        &mut period.gradient
    }

    /// Adds the sums of other rows.
    pub(super) fn merge(&mut self, other: &Risks) {
        for (t, from) in other.periods.iter().enumerate() {
            let to = self.period(t as u16);
            to.rows += from.rows;
            to.risk += from.risk;
            to.gradient.iter_mut().zip(&from.gradient).for_each(|(a, b)| *a += b);
        }
    }

    /// Periods that have rows.
    pub(super) fn periods(&self) -> Vec<u16> {
        (0..self.periods.len()).filter(|&t| self.periods[t].rows > 0.0).map(|t| t as u16).collect()
    }

    /// R over all periods.
    pub(super) fn total(&self) -> Graded {
        self.until(u16::MAX)
    }

    /// R over the periods up to and with `last`: the cumulative incidence.
    pub(super) fn until(&self, last: u16) -> Graded {
        let mut stay = 1.0;
        let mut gradient = Array1::zeros(self.parameters);
        for period in self.periods.iter().take(usize::from(last) + 1).filter(|p| p.rows > 0.0) {
            let still = 1.0 - period.risk / period.rows;
            stay *= still;
            gradient.scaled_add(1.0 / (period.rows * still), &ArrayView1::from(&period.gradient));
        }
        Graded { value: 1.0 - stay, gradient: gradient * stay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two periods with risks that are linear in two parameters.
    fn risks(phi: [f64; 2]) -> Risks {
        let mut risks = Risks::new(2);
        for (period, rows, x) in [(0, 3.0, [0.1, 0.2]), (0, 1.0, [0.3, -0.1]), (2, 2.0, [0.05, 0.1])] {
            let gradient = risks.add(period, rows, x[0] * phi[0] + x[1] * phi[1]);
            gradient[0] += rows * x[0];
            gradient[1] += rows * x[1];
        }
        risks
    }

    #[test]
    fn the_gradient_over_periods_equals_central_differences() {
        let phi = [0.7, 0.4];
        assert_eq!(risks(phi).periods(), [0, 2]);
        for last in [0, 2] {
            let exact = risks(phi).until(last);
            for k in 0..2 {
                let h = 1e-6;
                let (mut up, mut down) = (phi, phi);
                up[k] += h;
                down[k] -= h;
                let difference = (risks(up).until(last).value - risks(down).until(last).value) / (2.0 * h);
                assert!((exact.gradient[k] - difference).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn sums_of_parts_are_the_sum() {
        let (whole, mut parts) = (risks([0.7, 0.4]), risks([0.7, 0.4]));
        parts.merge(&whole);
        assert!((parts.total().value - whole.total().value).abs() < 1e-15, "every row twice has the same means");
        assert!((&parts.total().gradient - &whole.total().gradient).iter().all(|d| d.abs() < 1e-15));
    }
}
