//! Estimates → rows.

use ndarray::s;

use super::core::{LaplaceVerdict, Stop, normal_quantile, t_quantile, t_two_sided};
use super::result::{Drop, FixedRow, FormulaFit, Glance, GroupSize, RanPar, RanVal, TidyRow};
use super::routes::{Columns, Estimates, core_order, theta_names};
use super::spread::Spread;
use super::{FamilyName, IntervalKind, Wanted};
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
    tidy.extend(ran_pars(design, wanted, estimates).into_iter().map(TidyRow::RanPar));
    let notes = notes(design, &tidy, wanted, estimates);
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
        bootstrap: estimates.bootstrap.clone(),
        notes,
    }
}

/// What is said where an interval was asked for and there is none.
fn without_profile(rows: &[TidyRow], wanted: &Wanted, e: &Estimates) -> Option<String> {
    let is_exact = wanted.family == FamilyName::Gaussian && e.terms.is_empty();
    if wanted.intervals != IntervalKind::Profile || is_exact {
        return None;
    }
    let without = rows.iter().filter_map(|row| match row {
        TidyRow::Fixed(row) if row.conf_method == "wald" => Some((row.term.clone(), "; Wald's is given")),
        TidyRow::RanPar(row) if row.conf_low.is_none() => Some((format!("{} {}", row.group, row.term), "")),
        _ => None,
    });
    let (names, wald): (Vec<String>, Vec<&str>) = without.unzip();
    let note = format!("no profile interval was found for {}{}", names.join(", "), wald.first().unwrap_or(&""));
    (!names.is_empty()).then_some(note)
}

/// What a reader of a bootstrap must know.
fn of_bootstrap(e: &Estimates) -> Vec<String> {
    let Some(boot) = &e.bootstrap else { return Vec::new() };
    let mut out = Vec::new();
    if boot.failed > 0 {
        let (failed, all) = (boot.failed, boot.replicates);
        out.push(format!("{failed} of {all} replicates could not be fitted and are left out: errors may be too small"));
    }
    if boot.singular > 0 {
        out.push(format!("{} of {} replicates are singular", boot.singular, boot.replicates));
    }
    out
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
            _ => match &e.bootstrap {
                Some(boot) => format!("{} bootstrap, {} replicates, seed {}", boot.kind, boot.replicates, boot.seed),
                None if e.df_method == Some("kenward-roger") => "kenward-roger".into(),
                None => "model".into(),
            },
        },
        df_method: e.df_method,
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

fn notes(design: &FormulaDesign, rows: &[TidyRow], wanted: &Wanted, e: &Estimates) -> Vec<String> {
    let mut out = design.notes.clone();
    out.extend(without_profile(rows, wanted, e));
    out.extend(of_bootstrap(e));
    if is_singular(design, e) {
        out.push(
            "the fit is singular: some direction of the random effects has no variance, and a smaller random part would \
             say the same"
                .into(),
        );
    }
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
        let limits = e.spreads.as_ref().and_then(|s| s.around(estimate, s.beta[k]));
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
            conf_low: limits.map_or(estimate - reach, |limits| limits[0]),
            conf_high: limits.map_or(estimate + reach, |limits| limits[1]),
            conf_level: wanted.level,
            conf_method: match &e.spreads {
                Some(spreads) if limits.is_some() => spreads.method,
                _ => "wald",
            },
        }
    })
}

/// Standard deviations and correlations as `broom.mixed::tidy(effects = "ran_pars")` lists them: each column's, then
/// its correlations with later ones.
fn ran_pars(design: &FormulaDesign, wanted: &Wanted, e: &Estimates) -> Vec<RanPar> {
    let mut out = Vec::new();
    let row = |group: &str, term: String, estimate: f64, spread: Option<Spread>| {
        let limits = e.spreads.as_ref().and_then(|s| s.around(estimate, spread?)).filter(|l| l[0].is_finite());
        RanPar {
            effect: "ran_pars",
            group: group.to_string(),
            term,
            estimate: estimate.is_finite().then_some(estimate),
            std_error: spread.and_then(|s| s.std_error),
            conf_low: limits.map(|l| l[0]),
            conf_high: limits.map(|l| l[1]),
            conf_level: limits.map(|_| wanted.level),
            conf_method: limits.and(e.spreads.as_ref().map(|s| s.method)),
        }
    };
    let spreads = |t: usize| e.spreads.as_ref().and_then(|s| s.terms.get(t));
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
            let spread = spreads(t).map(|s| s.sd[first + i]);
            out.push(row(&group, format!("sd__{name}"), cov[[i, i]].sqrt(), spread));
            for (j, other) in names.iter().enumerate().skip(i + 1) {
                let correlation = cov[[i, j]] / (cov[[i, i]] * cov[[j, j]]).sqrt();
                let pair = [first + i, first + j];
                let spread = spreads(t).and_then(|s| s.cor.iter().find(|(at, _)| *at == pair)).map(|(_, s)| *s);
                out.push(row(&group, format!("cor__{name}.{other}"), correlation, spread));
            }
        }
    }
    if let (Some(sigma), false) = (e.sigma, design.terms.is_empty()) {
        out.push(row("Residual", "sd__Observation".into(), sigma, e.spreads.as_ref().map(|s| s.sigma)));
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
