//! One school, in a linear model: the same quantities as of a binary one ([`super::schools`]), in score points.
//!
//! The dose has one slope for all in growth models, whose schools have slopes of their own on time; there E4 and the own
//! association do not exist. Errors of b̂ are Henderson's, with what the variances are unsure of.

use ndarray::{Array1, Axis};

use super::lever::{Lever, main_part};
use super::reference::Doses;
use super::schools::{Deviation, Pair, Point, SchoolPoints, covariance};
use crate::design::{Design, LinearDesign};
use crate::models::{AcceptedFit, Fit};
use crate::stats::LmmFit;

/// The school of group `g`.
pub(super) fn school(fit: &AcceptedFit<'_>, g: usize, doses: &Doses) -> Option<SchoolPoints> {
    let (Design::Linear(design), Fit::Linear(f)) = (fit.design(), fit.fit()) else { return None };
    let head = &design.head;
    let of_schools = f.of_schools();
    let schools = &of_schools.terms[0];
    // In a growth model the slope is on time, and the second term holds the pupils.
    let q = if f.terms.len() == 1 { schools.modes.ncols() } else { 1 };
    let lever = Lever::of(head, main_part(head), q)?;
    let c = lever.column;
    let (beta, variance) = (f.beta[c], f.vcov_beta[[c, c]]);
    let along = |by: f64| Point { value: by * beta, variance: by * by * variance };
    let effect = |k: usize| Point { value: schools.modes[[g, k]], variance: schools.mode_mse[[g, k, k]] };
    let step = head.step;
    let mut points = SchoolPoints {
        own: None,
        contribution: Some(along(doses.gap(g))),
        deviation: None,
        adjusted: (schools.modes.ncols() > 0).then(|| effect(0)),
        expected: Some(expected(design, f, g)),
    };
    if lever.slope {
        let own = effect(1);
        let both = of_schools.vcov_beta[[c, c]] + own.variance + 2.0 * schools.cov_beta_mode[[g, c, 1]];
        points.own = Some(Point { value: (of_schools.beta[c] + own.value) * step, variance: both * step * step });
        let conditional = Pair::of(schools.cond_var.index_axis(Axis(0), g));
        let variance_of = |f: &LmmFit| covariance(&f.terms[0].lambda) * (f.sigma * f.sigma);
        points.deviation = Some(Deviation {
            point: Point { value: own.value * step, variance: own.variance * step * step },
            parameters: (own.variance - conditional.slope).max(0.0) * step * step,
            effects: [effect(0).value, own.value],
            conditional,
            between: Pair::of(variance_of(of_schools).view()),
            between_ml: variance_of(f)[[1, 1]],
            scale: step,
        });
    }
    Some(points)
}

/// Mean of x'β over the rows of a school.
fn expected(design: &LinearDesign, f: &LmmFit, g: usize) -> Point {
    let below = |limit: usize| design.group.partition_point(|h| (*h as usize) < limit);
    let rows = below(g)..below(g + 1);
    let mut mean = Array1::zeros(f.beta.len());
    let x = design.columns.x().piece(rows.clone());
    x.rows().into_iter().for_each(|x| mean.scaled_add(1.0 / rows.len() as f64, &x));
    Point { value: mean.dot(&f.beta), variance: mean.dot(&f.vcov_beta.dot(&mean)) }
}
