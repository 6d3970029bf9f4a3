//! R7: quadrature in place of Laplace's approximation, and other links.

use super::{Check, Estimated, Obstacle, Specification, Subject, Verdict, rows};
use crate::design::{BinaryDesign, Design};
use crate::effects::national;
use crate::models::{Fit, Fitted, MixedFit};
use crate::stats::{Cells, Family, GlmmOptions, Link, RandomTerm, fit_glmm, t_quantile};

pub(super) const CHECK: Check = Check {
    id: "R7",
    nl: "Blijft het zo met een andere rekenwijze?",
    en: "Does it stay with another way of computing?",
    rule_nl: "De schatting verandert minder dan 0,1 procentpunt.",
    rule_en: "The estimate changes by less than 0.1 percentage points.",
    run,
};

/// In percentage points.
const TOLERANCE: f64 = 0.1;
/// Nodes per dimension.
const NODES: usize = 7;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let ways = [
        (
            "quadrature",
            "Zeven knopen per dimensie in plaats van Laplace.",
            "Seven nodes per dimension instead of Laplace.",
            Link::Logit,
            NODES,
        ),
        ("probit", "Met een probit-model.", "With a probit model.", Link::Probit, 1),
        ("cloglog", "Met een cloglog-model.", "With a cloglog model.", Link::Cloglog, 1),
    ];
    let one = |(code, nl, en, link, nodes): (&str, &str, &str, Link, usize)| {
        Specification::new("R7", code, nl, en).with(refitted(subject, link, nodes))
    };
    ways.into_iter().map(one).collect()
}

fn refitted(subject: &Subject<'_>, link: Link, nodes: usize) -> Result<(Estimated, Verdict), Obstacle> {
    let (_, primary) = subject.ready()?;
    let Design::Binary(design) = &subject.fitted.design else { return Err(Obstacle::NotLandmark) };
    let fitted = refit(subject.fitted, design, design.successes.view(), link, nodes)?;
    let found = nation(&fitted, subject, link)?;
    Ok((found, Verdict::of((found.value - primary.value).abs() < TOLERANCE)))
}

/// The model once more: with other outcomes, another link or other nodes. Maximum likelihood only, which is what national
/// numbers rest on.
pub(super) fn refit(
    fitted: &Fitted,
    design: &BinaryDesign,
    successes: ndarray::ArrayView1<'_, f64>,
    link: Link,
    nodes: usize,
) -> Result<Fitted, Obstacle> {
    let q = design.z.ncols();
    if q == 0 {
        return Err(Obstacle::OutOfRange);
    }
    let blocks = [q];
    let cells = Cells { x: design.x.view(), trials: design.trials.view(), successes: successes.view(), offset: None };
    let schools =
        RandomTerm { z: design.z.view(), level: &design.group, n_levels: design.head.groups.len(), blocks: &blocks };
    let ones = ndarray::Array2::ones((design.x.nrows(), 1));
    let cohorts = design.cohorts.as_ref().map(|c| RandomTerm {
        z: ones.view(),
        level: &c.code,
        n_levels: c.n_levels,
        blocks: &[1],
    });
    // Quadrature in each dimension is for one grouping factor.
    if cohorts.is_some() && nodes > 1 {
        return Err(Obstacle::OutOfRange);
    }
    let terms: Vec<RandomTerm<'_>> = std::iter::once(schools).chain(cohorts).collect();
    let options = GlmmOptions { nodes, ..GlmmOptions::default() };
    let ml = fit_glmm(&cells, &terms, Family::Binomial(link), &options).map_err(rows::obstacle)?;
    let fit = Fit::Mixed(Box::new(MixedFit { schools: ml.clone(), ml }));
    Ok(Fitted { entry: fitted.entry.clone(), design: Design::Binary(design.clone()), fit: Ok(fit) })
}

/// The national number of a refit, in percentage points per step.
pub(super) fn nation(fitted: &Fitted, subject: &Subject<'_>, link: Link) -> Result<Estimated, Obstacle> {
    let accepted = fitted.accept().map_err(Obstacle::Fit)?;
    let (point, df) = national::of_refit(&accepted, subject.part, link).ok_or(Obstacle::NoPrimary)?;
    let (value, half) = (100.0 * point.value, 100.0 * t_quantile(0.975, df) * point.variance.sqrt());
    Ok(Estimated { value, lo: Some(value - half), hi: Some(value + half) })
}
