//! Estimates → rows.

use ndarray::s;

use super::core::{LaplaceVerdict, Stop, normal_quantile, t_quantile, t_two_sided};
use super::result::{Drop, FixedRow, FormulaFit, Glance, GroupSize, RanPar, RanVal, TidyRow};
use super::routes::{Columns, Estimates, core_order, theta_names};
use super::{FamilyName, Wanted};
use crate::design::formula::{Formula, FormulaDesign};

/// A standard deviation in units of the residual below which a direction counts as without variance (lme4's
/// `isSingular`).
const SINGULAR: f64 = 1e-4;

pub(super) fn report(
    formula: &Formula,
    design: &FormulaDesign,
    columns: &Columns,
    wanted: &Wanted,
    estimates: &Estimates,
) -> FormulaFit {
    let mut tidy: Vec<TidyRow> = fixed(columns, wanted, estimates).map(TidyRow::Fixed).collect();
    tidy.extend(ran_pars(design, estimates).into_iter().map(TidyRow::RanPar));
    let groups =
        design.terms.iter().map(|t| GroupSize { group: t.group.name.clone(), levels: t.group.names.len() as u64 });
    let rows = design.dropped.iter().map(|d| Drop { reason: d.reason, column: d.column.clone(), rows: d.rows });
    let lost = columns.dropped.iter().map(|c| Drop { reason: "rank_deficient", column: c.clone(), rows: None });
    FormulaFit {
        glance: glance(formula, design, wanted, estimates),
        tidy,
        ran_vals: ran_vals(design, estimates),
        groups: groups.collect(),
        drops: rows.chain(lost).collect(),
        notes: notes(design, columns, wanted, estimates),
    }
}

/// What is said where a profile was asked for and there is none.
fn without_profile(columns: &Columns, wanted: &Wanted, e: &Estimates) -> Option<String> {
    let without = columns.names.iter().zip(&e.profile).filter(|(_, limits)| limits.is_none());
    let names: Vec<&str> = without.map(|(name, _)| name.as_str()).collect();
    let is_exact = wanted.family == FamilyName::Gaussian && e.terms.is_empty();
    let note = format!("no profile interval was found for {}; Wald's is given", names.join(", "));
    (wanted.profile && !is_exact && !names.is_empty()).then_some(note)
}

fn glance(formula: &Formula, design: &FormulaDesign, wanted: &Wanted, e: &Estimates) -> Glance {
    let theta: Vec<f64> = core_order(design).into_iter().map(|at| e.theta[at]).collect();
    let (n, parameters) = (design.n_rows() as f64, e.n_parameters as f64);
    let minus_two_log_lik = -2.0 * e.log_lik;
    Glance {
        formula: formula.text().to_string(),
        family: wanted.family.family(),
        link: wanted.family.link(),
        method: e.method.clone(),
        vcov: match (wanted.robust, &design.cluster) {
            (Some(kind), Some(cluster)) => format!("{} by {}", kind.label(), cluster.name),
            _ => "model".into(),
        },
        nobs: design.n_rows() as u64,
        log_lik: e.log_lik,
        minus_two_log_lik,
        deviance: e.deviance,
        reml_criterion: e.reml_criterion,
        aic: minus_two_log_lik + 2.0 * parameters,
        bic: minus_two_log_lik + n.ln() * parameters,
        sigma: e.sigma,
        df_residual: e.df_residual,
        converged: !matches!(e.stop, Stop::Budget { .. }),
        singular: is_singular(design, e),
        laplace_check: e.laplace.and_then(|check| verdict(check.verdict)),
        laplace_shift: e.laplace.map(|check| check.shift).filter(|shift| shift.is_finite()),
        theta,
        theta_names: theta_names(design),
        evaluations: e.evaluations,
        grad_max: e.grad_max.filter(|g| g.is_finite()),
        seconds: None,
        software_version: env!("CARGO_PKG_VERSION"),
    }
}

/// The verdict in a word.
fn verdict(verdict: LaplaceVerdict) -> Option<&'static str> {
    match verdict {
        LaplaceVerdict::Quadrature => Some("quadrature"),
        LaplaceVerdict::Enough => Some("enough"),
        LaplaceVerdict::NotEnough => Some("not_enough"),
        LaplaceVerdict::Unchecked => Some("unchecked"),
        LaplaceVerdict::Doubtful => Some("doubtful"),
        LaplaceVerdict::NotFitted => None,
    }
}

fn notes(design: &FormulaDesign, columns: &Columns, wanted: &Wanted, e: &Estimates) -> Vec<String> {
    let mut out = design.notes.clone();
    out.extend(without_profile(columns, wanted, e));
    if e.stop == Stop::Given {
        out.push("evaluated at the given parameters, nothing was optimised: errors take the variances as known".into());
    }
    let Some(check) = e.laplace else { return out };
    match check.verdict {
        LaplaceVerdict::NotEnough => out.push(format!(
            "Laplace's approximation is not enough here: quadrature would move a parameter by {:.2} standard errors; \
             use --nagq 25, or --nagq auto",
            check.shift
        )),
        LaplaceVerdict::Doubtful => out.push(
            "Laplace's approximation could not be checked with these random effects, and a grouping factor has fewer \
             than 10 rows per level: its variance is probably estimated too small"
                .into(),
        ),
        _ => {}
    }
    out
}

/// A direction of the random effects has no variance: as the search found it, or, at given parameters, as lme4's
/// `isSingular` has it.
fn is_singular(design: &FormulaDesign, e: &Estimates) -> bool {
    let small = |t: usize| e.terms[t].lambda.diag().iter().any(|d| d.abs() < SINGULAR);
    match e.stop {
        Stop::Boundary { .. } => true,
        Stop::Given => (0..design.terms.len()).any(small),
        Stop::Interior | Stop::Budget { .. } => false,
    }
}

fn fixed<'e>(columns: &'e Columns, wanted: &'e Wanted, e: &'e Estimates) -> impl Iterator<Item = FixedRow> + 'e {
    columns.names.iter().enumerate().map(|(k, name)| {
        let (estimate, std_error, df) = (e.beta[k], e.vcov[[k, k]].sqrt(), e.df[k]);
        let statistic = estimate / std_error;
        let profile = e.profile.get(k).copied().flatten();
        let tail = 0.5 + wanted.level / 2.0;
        let reach = std_error * df.map_or_else(|| normal_quantile(tail), |df| t_quantile(tail, df));
        let p_value = match (df, e.is_t) {
            (Some(df), _) => Some(t_two_sided(statistic, df)),
            (None, false) => Some(t_two_sided(statistic, f64::INFINITY)),
            // A t without degrees of freedom.
            (None, true) => None,
        };
        FixedRow {
            effect: "fixed",
            term: name.clone(),
            estimate,
            std_error,
            statistic,
            df,
            p_value,
            conf_low: profile.map_or(estimate - reach, |limits| limits[0]),
            conf_high: profile.map_or(estimate + reach, |limits| limits[1]),
            conf_level: wanted.level,
            conf_method: if profile.is_some() { "profile" } else { "wald" },
        }
    })
}

/// Standard deviations and correlations as `broom.mixed::tidy(effects = "ran_pars")` lists them: each column's, then
/// its correlations with later ones.
fn ran_pars(design: &FormulaDesign, e: &Estimates) -> Vec<RanPar> {
    let mut out = Vec::new();
    let row = |group: &str, term: String, estimate: f64| RanPar {
        effect: "ran_pars",
        group: group.to_string(),
        term,
        estimate: estimate.is_finite().then_some(estimate),
    };
    let mut seen = vec![0usize; design.terms.len()];
    for &(t, block) in &design.blocks {
        let term = &design.terms[t];
        let first: usize = term.blocks[..block].iter().map(Vec::len).sum();
        let names = &term.blocks[block];
        let rows = first..first + names.len();
        let lambda = e.terms[t].lambda.slice(s![rows.clone(), rows]).to_owned() * e.sigma.unwrap_or(1.0);
        let cov = lambda.dot(&lambda.t());
        // Repeated names as R's make.unique() makes them.
        let group = if seen[t] == 0 { term.group.name.clone() } else { format!("{}.{}", term.group.name, seen[t]) };
        seen[t] += 1;
        for (i, name) in names.iter().enumerate() {
            out.push(row(&group, format!("sd__{name}"), cov[[i, i]].sqrt()));
            for (j, other) in names.iter().enumerate().skip(i + 1) {
                let correlation = cov[[i, j]] / (cov[[i, i]] * cov[[j, j]]).sqrt();
                out.push(row(&group, format!("cor__{name}.{other}"), correlation));
            }
        }
    }
    if let (Some(sigma), false) = (e.sigma, design.terms.is_empty()) {
        out.push(row("Residual", "sd__Observation".into(), sigma));
    }
    out
}

fn ran_vals(design: &FormulaDesign, e: &Estimates) -> Vec<RanVal> {
    let mut out = Vec::new();
    for (term, fit) in design.terms.iter().zip(&e.terms) {
        for (k, name) in term.blocks.iter().flatten().enumerate() {
            for (j, level) in term.group.names.iter().enumerate() {
                out.push(RanVal {
                    group: term.group.name.clone(),
                    level: level.clone(),
                    term: name.clone(),
                    estimate: fit.modes[[j, k]],
                    std_error: fit.cond_var[[j, k, k]].sqrt(),
                    std_error_full: fit.mode_mse[[j, k, k]].sqrt(),
                });
            }
        }
    }
    out
}
