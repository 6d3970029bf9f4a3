//! National average marginal effect of a binary model (`statistics.md` §5.4, E1): over all pupils of the
//! analysis set, the change of the risk with one step more of the dose ([`super::risk`]), random effects integrated out.
//!
//! The linear predictor of a row is `x'β + z'b` with `b ~ N(0, Σ)`, Σ = ΛΛ', so that `z'b ~ N(0, v)` with
//! `v = z'Σz` and one integral in one dimension is enough:
//! `P(x, z) = E[g⁻¹(x'β + √v·t)], t ~ N(0, 1)`, by Gauss–Hermite quadrature with 31 nodes (15 leave an error in the
//! sixth digit where the schools differ much). Gradients: `∂P/∂β = E[g⁻¹'] x`, `∂P/∂v = E[g⁻¹'·t] / 2√v`,
//! `∂v/∂Λ_ab = 2 z_a (Λ'z)_b`.

use ndarray::{Array1, Array2, ArrayView1};

use super::risk::{Change, Risks, Side};
use super::{Point, school_df};
use crate::design::{BinaryDesign, Design};
use crate::models::{AcceptedFit, Fit};
use crate::stats::{Link, gauss_hermite};
use crate::vocab::{DosePart, Unit};

const NODES: usize = 31;

/// The national effect of a part of the dose; `None` when the model has no such part.
pub(super) fn nation(fit: &AcceptedFit<'_>, part: DosePart) -> Option<Point> {
    nation_with(fit, part, fit.link())
}

/// As [`nation`], of a fit with another link than its entry names.
pub(super) fn nation_with(fit: &AcceptedFit<'_>, part: DosePart, link: Link) -> Option<Point> {
    let Design::Binary(design) = fit.design() else { return None };
    let column = design.head.column(part)?;
    let parameters = Parameters::of(fit.fit())?;
    let contrast = contrast(design, &parameters, link, column, part);
    let variance =
        parameters.vcovs.iter().map(|v| contrast.gradient.dot(&v.dot(&contrast.gradient))).fold(0.0, f64::max);
    Some(Point { value: contrast.value, variance, df: school_df(&design.head), unit: Unit::PercentagePoint })
}

/// β, Λ and the covariance matrices of (β, θ); the larger variance counts (`statistics.md` §5.5).
struct Parameters<'f> {
    beta: &'f Array1<f64>,
    lambda: Array2<f64>,
    vcovs: Vec<&'f Array2<f64>>,
}

impl<'f> Parameters<'f> {
    fn of(fit: &'f Fit) -> Option<Self> {
        match fit {
            Fit::Pooled(f) => {
                let robust = f.robust.iter().map(|robust| &robust.vcov);
                Some(Self {
                    beta: &f.glm.beta,
                    lambda: Array2::zeros((0, 0)),
                    vcovs: std::iter::once(&f.glm.vcov).chain(robust).collect(),
                })
            }
            Fit::Mixed(mixed) => {
                let f = &mixed.ml;
                let vcovs = [Some(&f.vcov), f.vcov_sandwich.as_ref()].into_iter().flatten().collect();
                Some(Self { beta: &f.beta, lambda: f.terms[0].lambda.clone(), vcovs })
            }
            Fit::Linear(_) => None,
        }
    }
}

fn contrast(d: &BinaryDesign, p: &Parameters<'_>, link: Link, column: usize, part: DosePart) -> Change {
    let q = p.lambda.nrows();
    let rule = Rule::new(link);
    let mut risks = Risks::new(p.beta.len() + q * (q + 1) / 2);
    for i in 0..d.x.nrows() {
        let (x, period, rows) = (d.x.row(i), d.period[i], d.trials[i]);
        let mut z = d.z.row(i).to_owned();
        let eta = x.dot(p.beta);
        rule.add(&mut risks, Side::AsIs, period, rows, eta, x, z.view(), &p.lambda);
        let mut moved = x.to_owned();
        moved[column] += d.head.step;
        if d.head.slope == Some(part) && q == 2 {
            z[1] += d.head.step;
        }
        let eta = eta + d.head.step * p.beta[column];
        rule.add(&mut risks, Side::Moved, period, rows, eta, moved.view(), z.view(), &p.lambda);
    }
    risks.change()
}

/// Quadrature for a standard normal.
struct Rule {
    link: Link,
    nodes: Vec<(f64, f64)>,
}

impl Rule {
    fn new(link: Link) -> Self {
        let gh = gauss_hermite(NODES);
        let scale = std::f64::consts::PI.sqrt();
        let nodes = gh.nodes.iter().zip(&gh.weights).map(|(t, w)| (t * std::f64::consts::SQRT_2, w / scale)).collect();
        Self { link, nodes }
    }

    /// Adds `rows` rows with risk `P(x, z)` and its gradient.
    #[allow(clippy::too_many_arguments, reason = "one row of a design is this many things")]
    fn add(
        &self,
        risks: &mut Risks,
        side: Side,
        period: u16,
        rows: f64,
        eta: f64,
        x: ArrayView1<'_, f64>,
        z: ArrayView1<'_, f64>,
        lambda: &Array2<f64>,
    ) {
        let spread = if lambda.is_empty() { Array1::zeros(0) } else { lambda.t().dot(&z) };
        let sd = spread.dot(&spread).sqrt();
        let (mut mean, mut d1, mut by_sd) = (0.0, 0.0, 0.0);
        for (t, w) in &self.nodes {
            let at = eta + sd * t;
            mean += w * self.link.mean(at);
            d1 += w * self.link.mean_d1(at);
            by_sd += w * self.link.mean_d1(at) * t;
        }
        // ∂P/∂v · 2 with v = sd²: (∂P/∂sd) / sd, whose limit at sd = 0 is E[g⁻¹''] by the heat equation.
        let by_v = if sd > 1e-6 { by_sd / sd } else { self.link.mean_d2(eta) };
        risks.add(side, period, rows, mean, |gradient| {
            for (g, x) in gradient.iter_mut().zip(x) {
                *g += rows * d1 * x;
            }
            let mut at = x.len();
            for b in 0..lambda.ncols() {
                for a in b..lambda.nrows() {
                    // ∂P/∂v · ∂v/∂Λ_ab
                    gradient[at] += rows * by_v * z[a] * spread[b];
                    at += 1;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::Head;
    use crate::vocab::IdVec;
    use ndarray::{arr1, arr2};

    fn design() -> BinaryDesign {
        let head = Head {
            terms: vec!["(Intercept)".into(), "dose".into()],
            doses: vec![(DosePart::Total, 1)],
            slope: Some(DosePart::Total),
            groups: Vec::new(),
            counts: IdVec::from(Vec::new()),
            flow: crate::panel::Flow::default(),
            step: 1.5,
        };
        let x = arr2(&[[1.0, -0.5], [1.0, 0.25], [1.0, 2.0]]);
        BinaryDesign {
            head,
            z: x.clone(),
            x,
            trials: arr1(&[3.0, 1.0, 2.0]),
            successes: arr1(&[1.0, 0.0, 2.0]),
            group: vec![0; 3],
            period: vec![0, 0, 1],
        }
    }

    fn value(d: &BinaryDesign, phi: &[f64], link: Link) -> Change {
        let beta = arr1(&phi[..2]);
        let lambda = arr2(&[[phi[2], 0.0], [phi[3], phi[4]]]);
        contrast(d, &Parameters { beta: &beta, lambda, vcovs: Vec::new() }, link, 1, DosePart::Total)
    }

    #[test]
    fn gradient_equals_central_differences() {
        let d = design();
        let phi = [-1.2, -0.4, 0.6, 0.1, 0.3];
        for link in [Link::Logit, Link::Cloglog] {
            let exact = value(&d, &phi, link).gradient;
            for k in 0..phi.len() {
                let h = 1e-5;
                let (mut up, mut down) = (phi, phi);
                up[k] += h;
                down[k] -= h;
                let difference = (value(&d, &up, link).value - value(&d, &down, link).value) / (2.0 * h);
                assert!((exact[k] - difference).abs() < 1e-8, "{link:?} {k}: {} {difference}", exact[k]);
            }
        }
    }

    #[test]
    fn without_spread_the_effect_is_the_plain_difference() {
        let d = design();
        let at = value(&d, &[-1.2, -0.4, 0.0, 0.0, 0.0], Link::Logit);
        let p = |x: f64| 1.0 / (1.0 + (-(-1.2 - 0.4 * x)).exp());
        let stay = |first: f64, second: f64, last: f64| (1.0 - (3.0 * p(first) + p(second)) / 4.0) * (1.0 - p(last));
        let plain = stay(-0.5, 0.25, 2.0) - stay(1.0, 1.75, 3.5);
        assert!((at.value - plain).abs() < 1e-14);
    }
}
