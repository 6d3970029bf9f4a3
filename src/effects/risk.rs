//! The change of a risk, with its gradient.
//!
//! Per period t, `h_t` is the mean risk of those at risk. Over all periods the risk is `R = 1 − Π_t(1 − h_t)`, and the
//! effect is `R(D + step) − R(D)` = `Π(1 − h_t(D)) − Π(1 − h_t(D + step))`. A landmark outcome has one period, where
//! this is the plain difference of the mean risks. Gradient: `∂Π(1 − h_t) = −Π(1 − h_t) · Σ_t ∂h_t / (1 − h_t)`.

use std::collections::BTreeMap;

use ndarray::Array1;

/// Which of the two situations that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The dose as it is.
    AsIs,
    /// One step more.
    Moved,
}

/// Sums per period and side.
pub(super) struct Risks {
    parameters: usize,
    periods: BTreeMap<u16, Period>,
}

struct Period {
    rows: f64,
    as_is: Sum,
    moved: Sum,
}

struct Sum {
    risk: f64,
    gradient: Array1<f64>,
}

/// The effect and its gradient over the parameters.
pub(super) struct Change {
    pub(super) value: f64,
    pub(super) gradient: Array1<f64>,
}

impl Risks {
    pub(super) fn new(parameters: usize) -> Self {
        Self { parameters, periods: BTreeMap::new() }
    }

    /// Adds `rows` rows with this risk; `add_gradient` adds `rows · ∂risk` to the gradient it is given.
    pub(super) fn add(
        &mut self,
        side: Side,
        period: u16,
        rows: f64,
        risk: f64,
        add_gradient: impl FnOnce(&mut Array1<f64>),
    ) {
        let zero = || Sum { risk: 0.0, gradient: Array1::zeros(self.parameters) };
        let period = self.periods.entry(period).or_insert_with(|| Period { rows: 0.0, as_is: zero(), moved: zero() });
        let sum = match side {
            Side::AsIs => {
                period.rows += rows;
                &mut period.as_is
            }
            Side::Moved => &mut period.moved,
        };
        sum.risk += rows * risk;
        add_gradient(&mut sum.gradient);
    }

    pub(super) fn change(&self) -> Change {
        let as_is = self.survival(|p| &p.as_is);
        let moved = self.survival(|p| &p.moved);
        Change { value: as_is.value - moved.value, gradient: as_is.gradient - moved.gradient }
    }

    /// `Π(1 − h_t)` and its gradient.
    fn survival(&self, side: impl Fn(&Period) -> &Sum) -> Change {
        let mut value = 1.0;
        let mut gradient = Array1::zeros(self.parameters);
        for period in self.periods.values() {
            let sum = side(period);
            let stay = 1.0 - sum.risk / period.rows;
            value *= stay;
            gradient.scaled_add(-1.0 / (period.rows * stay), &sum.gradient);
        }
        Change { value, gradient: gradient * value }
    }
}
