//! All schools together: E1 (one step more of each part of the dose), E2 (third against first quartile of the dose) and E6
//! (cumulative incidence at half, once and twice the median dose).

use std::borrow::Cow;

use ndarray::{Array1, Array2};

use super::integrated::{Curve, Quadrature, quadrature_step};
use super::lever::{Lever, main_part};
use super::reference::Doses;
use super::risk::{Errors, Graded, Risks};
use super::schools::Point;
use crate::design::{BinaryDesign, Design, LinearDesign};
use crate::models::{AcceptedFit, Fit};
use crate::stats::{Link, Matrix};
use crate::vocab::{DosePart, Unit};

/// Multiples of the median dose at which incidence is computed (`statistics.md` §5.4, E6).
pub(super) const MULTIPLES: [f64; 3] = [0.5, 1.0, 2.0];

/// The national quantities of a fit, before they are findings.
pub(super) struct National<'f> {
    /// E1 per part.
    pub(super) parts: Vec<(DosePart, Graded)>,
    /// E2.
    pub(super) quartiles: Option<Graded>,
    /// E6 as (multiple of the median dose, period, incidence); empty in models without periods.
    pub(super) incidence: Vec<(f64, u16, Graded)>,
    /// Coefficients, for tests of the parts.
    pub(super) beta: Cow<'f, Array1<f64>>,
    /// Of φ = (β, …).
    pub(super) errors: Errors<'f>,
    /// What quadrature would change, in models with random effects.
    pub(super) quadrature: Option<Quadrature>,
    /// What the quantities count.
    pub(super) unit: Unit,
    clusters: Clusters<'f>,
}

impl<'f> National<'f> {
    pub(super) fn of(fit: &AcceptedFit<'f>, doses: &Doses) -> Option<Self> {
        match (fit.design(), fit.fit()) {
            (Design::Binary(design), _) => Self::binary(fit, design, doses),
            (Design::Linear(design), Fit::Linear(linear)) => {
                let lmm = &linear.ml;
                let head = &design.head;
                let along = |part, by: f64| {
                    let column = head.column(part)?;
                    let mut gradient = Array1::zeros(lmm.beta.len());
                    gradient[column] = by;
                    Some(Graded { value: by * lmm.beta[column], gradient })
                };
                let part = |(part, _): &(DosePart, usize)| Some((*part, along(*part, head.step)?));
                Some(Self {
                    parts: head.doses.iter().filter_map(part).collect(),
                    quartiles: along(main_part(head), doses.quartile_range),
                    incidence: Vec::new(),
                    beta: Cow::Borrowed(&lmm.beta),
                    errors: Errors::of_model(&lmm.vcov_beta),
                    quadrature: None,
                    unit: Unit::ScorePoint,
                    clusters: Clusters::linear(design),
                })
            }
            (Design::Linear(_), _) => None,
        }
    }

    fn binary(fit: &AcceptedFit<'f>, design: &'f BinaryDesign, doses: &Doses) -> Option<Self> {
        let (head, q) = (&design.head, design.z().ncols());
        let lever = Lever::of(head, main_part(head), q)?;
        let mut curve = Curve::national(fit, design, None)?;
        let step_more =
            |curve: &Curve<'_>, as_is: &Graded, lever| curve.everybody(lever, |_| head.step).total().minus(as_is);
        let mut as_is = curve.everybody(lever, |_| 0.0).total();
        let mut main = step_more(&curve, &as_is, lever);
        let quadrature = quadrature_step(fit).map(|step| Quadrature::of(&main, step));
        if quadrature.is_some_and(|q| q.is_used) {
            curve = Curve::national(fit, design, quadrature)?;
            as_is = curve.everybody(lever, |_| 0.0).total();
            main = step_more(&curve, &as_is, lever);
        }
        let part = |(part, _): &(DosePart, usize)| {
            let is_main = *part == main_part(head);
            let moved = if is_main { main.clone() } else { step_more(&curve, &as_is, Lever::of(head, *part, q)?) };
            Some((*part, moved))
        };
        let at = |level: &(dyn Fn(u16) -> f64 + Sync)| -> Risks {
            curve.everybody(lever, |i| level(design.period[i]) - design.dose[i])
        };
        let quartile = |which| at(&|t| doses.quartile(which, t)).total();
        let mut incidence = Vec::new();
        if design.period.iter().any(|t| *t > 0) {
            for multiple in MULTIPLES {
                let risks = at(&|t| multiple * doses.quartile(1, t));
                incidence.extend(risks.periods().into_iter().map(|t| (multiple, t, risks.until(t))));
            }
        }
        Some(Self {
            parts: head.doses.iter().filter_map(part).collect(),
            quartiles: Some(quartile(2).minus(&quartile(0))),
            incidence,
            clusters: Clusters::binary(design, &curve.beta, fit.link()),
            quadrature,
            beta: curve.beta.clone(),
            errors: curve.errors.clone(),
            unit: Unit::PercentagePoint,
        })
    }

    /// Degrees of freedom of a quantity: effective schools − 1.
    pub(super) fn df(&self, of: &Graded) -> f64 {
        self.clusters.df(of, self.errors.model)
    }
}

/// E1 of one part of the dose, as a probability with its degrees of freedom, from a fit whose link may be another than the
/// one its entry names (R7). The fit is taken as it is, without a step towards quadrature.
pub(super) fn of_refit(fit: &AcceptedFit<'_>, part: DosePart, link: Link) -> Option<(Point, f64)> {
    let Design::Binary(design) = fit.design() else { return None };
    let head = &design.head;
    let lever = Lever::of(head, part, design.z().ncols())?;
    let curve = Curve::by_laplace(fit, design, link)?;
    let moved = curve.everybody(lever, |_| head.step).total().minus(&curve.everybody(lever, |_| 0.0).total());
    let df = Clusters::binary(design, &curve.beta, link).df(&moved, curve.errors.model);
    Some((Point { value: moved.value, variance: moved.variance(curve.errors.reported()) }, df))
}

/// What each school says about β: its rows with their weights.
///
/// The share of school j in the variance of c'β̂ is `a_j = c'V I_j V c`, I_j its information. With all a_j alike there are as
/// many schools as there are; with some far larger than others, fewer: `G* = (Σa)²/Σa²` (Carter, Schnepel & Steigerwald
/// 2017, Rev. Econ. Stat. 99:698). The t quantile has G* − 1 degrees of freedom, in the spirit of Bell and McCaffrey's: a
/// slope between schools that rests on a few of them gets few.
struct Clusters<'f> {
    group: &'f [u32],
    x: Matrix<'f>,
    information: Array1<f64>,
    groups: usize,
}

impl<'f> Clusters<'f> {
    fn binary(d: &'f BinaryDesign, beta: &Array1<f64>, link: Link) -> Self {
        let mut information = d.x().dot(beta);
        information.zip_mut_with(&d.trials, |eta, n| *eta = n * link.expected_weight(*eta));
        Self { group: &d.group, x: d.x(), information, groups: d.head.groups.len() }
    }

    fn linear(d: &'f LinearDesign) -> Self {
        Self {
            group: &d.group,
            x: d.columns.x(),
            information: Array1::ones(d.group.len()),
            groups: d.head.groups.len(),
        }
    }

    fn df(&self, of: &Graded, vcov: &Array2<f64>) -> f64 {
        let direction = vcov.dot(&of.gradient);
        let along = self.x.dot(&direction.slice(ndarray::s![..self.x.ncols()]).to_owned());
        let mut shares = vec![0.0; self.groups];
        for ((g, along), w) in self.group.iter().zip(&along).zip(&self.information) {
            shares[*g as usize] += w * along.powi(2);
        }
        let (sum, squares) = shares.iter().fold((0.0, 0.0), |(s, q), a| (s + a, q + a * a));
        let most = (self.groups as f64 - 1.0).max(1.0);
        if squares > 0.0 { (sum * sum / squares - 1.0).clamp(1.0, most) } else { most }
    }
}
