//! A fitted formula as text, in the order of lme4's `summary()`.

use crate::models::formula::{FixedRow, FormulaFit, Glance, RanPar, TidyRow};

pub(super) fn of(fit: &FormulaFit, data: &str) -> String {
    let g = &fit.glance;
    let mut out = vec![title(fit), format!("Formula: {}", g.formula), format!("   Data: {data}"), String::new()];
    out.extend(criteria(g));
    out.push(String::new());
    if !fit.groups.is_empty() {
        out.push("Random effects:".into());
        out.extend(table(&random_effects(fit), 3));
        out.extend(table(&intervals(fit), 2));
    }
    out.push(counts(fit));
    out.extend([String::new(), "Fixed effects:".into()]);
    out.extend(table(&fixed_effects(fit), 1));
    out.extend(degrees_of_freedom(fit));
    let notes = notes(fit);
    if !notes.is_empty() {
        out.push(String::new());
        out.extend(notes);
    }
    let lines: Vec<&str> = out.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

fn title(fit: &FormulaFit) -> String {
    let g = &fit.glance;
    let kind = match g.method.as_str() {
        "ML" => "Linear mixed model fit by maximum likelihood".into(),
        "REML" => "Linear mixed model fit by REML".into(),
        "OLS" => "Linear model fit by least squares".into(),
        "GLM" => "Generalised linear model fit by maximum likelihood".into(),
        "Laplace" => "Generalised linear mixed model fit by maximum likelihood (Laplace approximation)".into(),
        method => format!("Generalised linear mixed model fit by maximum likelihood ({method})"),
    };
    let robust = if g.vcov == "model" { String::new() } else { format!("\nStandard errors: {}", g.vcov) };
    format!("{kind}\n Family: {} ({}){robust}", g.family, g.link)
}

fn criteria(g: &Glance) -> Vec<String> {
    let one = |x: f64| format!("{x:.1}");
    let mut rows = vec![
        ("AIC", one(g.aic)),
        ("BIC", one(g.bic)),
        ("logLik", one(g.log_lik)),
        ("df.resid", format!("{}", g.df_residual)),
    ];
    if let Some(deviance) = g.deviance {
        rows.insert(3, ("deviance", one(deviance)));
    }
    if let Some(criterion) = g.reml_criterion {
        rows.insert(3, ("REML", one(criterion)));
    }
    let columns = [rows.iter().map(|(n, _)| n.to_string()).collect(), rows.into_iter().map(|(_, v)| v).collect()];
    table(&columns, 0)
}

fn counts(fit: &FormulaFit) -> String {
    let groups: Vec<String> = fit.groups.iter().map(|g| format!("{}, {}", g.group, g.levels)).collect();
    let list = if groups.is_empty() { String::new() } else { format!(", groups:  {}", groups.join("; ")) };
    format!("Number of obs: {}{list}", fit.glance.nobs)
}

/// Where t and its probabilities come from.
fn degrees_of_freedom(fit: &FormulaFit) -> Option<String> {
    let name = match fit.glance.df_method? {
        "satterthwaite" => "Satterthwaite's",
        "kenward-roger" => "Kenward and Roger's",
        "bell-mccaffrey" => "Bell and McCaffrey's",
        _ => return None,
    };
    Some(format!("Degrees of freedom of t: {name}."))
}

/// Groups, Name, Variance, Std.Dev., Corr.
fn random_effects(fit: &FormulaFit) -> Vec<Vec<String>> {
    let pars = ran_pars(fit);
    let mut rows = vec![["Groups", "Name", "Variance", "Std.Dev.", "Corr"].map(String::from).to_vec()];
    let mut last = String::new();
    for par in pars.iter().filter(|p| p.term.starts_with("sd__")) {
        let name = &par.term["sd__".len()..];
        let sd = par.estimate.unwrap_or(f64::NAN);
        let group = if par.group == last { String::new() } else { par.group.clone() };
        let is_residual = par.group == "Residual";
        let mut row = vec![group, if is_residual { String::new() } else { name.into() }, figure(sd * sd), figure(sd)];
        // Correlations with the columns before this one.
        let ending = format!(".{name}");
        for cor in pars.iter().filter(|p| p.group == par.group && p.term.starts_with("cor__")) {
            if cor.term.ends_with(&ending) {
                row.push(cor.estimate.map_or("NaN".into(), |r| format!("{r:.2}")));
            }
        }
        last.clone_from(&par.group);
        rows.push(row);
    }
    rows
}

fn ran_pars(fit: &FormulaFit) -> Vec<&RanPar> {
    fit.tidy.iter().filter_map(|row| if let TidyRow::RanPar(par) = row { Some(par) } else { None }).collect()
}

/// Intervals of standard deviations and correlations, where there are any.
fn intervals(fit: &FormulaFit) -> Vec<Vec<String>> {
    let with: Vec<&RanPar> =
        ran_pars(fit).into_iter().filter(|p| p.conf_low.is_some() || p.std_error.is_some()).collect();
    if with.is_empty() {
        return Vec::new();
    }
    let has_error = with.iter().any(|p| p.std_error.is_some());
    let mut head: Vec<String> = ["Groups", "Parameter", "Estimate"].map(String::from).to_vec();
    head.extend(has_error.then(|| "Std. Error".into()));
    let level = with.iter().find_map(|p| p.conf_level);
    head.extend(level.into_iter().flat_map(|l| [percent((1.0 - l) / 2.0), percent((1.0 + l) / 2.0)]));
    let mut rows = vec![head];
    let (mut last, cell) = (String::new(), |v: Option<f64>| v.map_or(String::new(), figure));
    for par in with {
        let group = if par.group == last { String::new() } else { par.group.clone() };
        let mut row = vec![group, par.term.clone(), cell(par.estimate)];
        row.extend(has_error.then(|| cell(par.std_error)));
        row.extend(level.into_iter().flat_map(|_| [cell(par.conf_low), cell(par.conf_high)]));
        last.clone_from(&par.group);
        rows.push(row);
    }
    rows
}

fn fixed_effects(fit: &FormulaFit) -> Vec<Vec<String>> {
    let fixed: Vec<&FixedRow> =
        fit.tidy.iter().filter_map(|row| if let TidyRow::Fixed(row) = row { Some(row) } else { None }).collect();
    let has_df = fixed.iter().any(|r| r.df.is_some());
    let has_p = fixed.iter().any(|r| r.p_value.is_some());
    let letter = if has_df || (fit.glance.sigma.is_some() && !has_p) { "t" } else { "z" };
    let mut head = vec![String::new(), "Estimate".into(), "Std. Error".into()];
    head.extend(has_df.then(|| "df".into()));
    head.push(format!("{letter} value"));
    head.extend(has_p.then(|| format!("Pr(>|{letter}|)")));
    let level = fixed.first().map_or(0.95, |r| r.conf_level);
    head.extend([percent((1.0 - level) / 2.0), percent((1.0 + level) / 2.0)]);
    let mut rows = vec![head];
    for r in fixed {
        let mut row = vec![r.term.clone(), figure(r.estimate), figure(r.std_error)];
        row.extend(has_df.then(|| r.df.map_or(String::new(), |df| format!("{df:.1}"))));
        row.push(format!("{:.3}", r.statistic));
        row.extend(has_p.then(|| r.p_value.map_or(String::new(), probability)));
        row.extend([figure(r.conf_low), figure(r.conf_high)]);
        rows.push(row);
    }
    rows
}

/// 0.025 → "2.5 %".
fn percent(share: f64) -> String {
    let text = format!("{:.3}", 100.0 * share);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn notes(fit: &FormulaFit) -> Vec<String> {
    let mut out = Vec::new();
    for drop in &fit.drops {
        let column = &drop.column;
        let rows = match drop.rows {
            None => {
                out.push(format!("Column {column} is a combination of columns before it and was left out."));
                continue;
            }
            Some(1) => "1 row was".to_string(),
            Some(rows) => format!("{rows} rows were"),
        };
        let why = match drop.reason {
            "missing" => format!("{column} is missing"),
            "not_in_levels" => format!("{column} is none of the levels asked for"),
            "zero_weight" => format!("the weight {column} is 0"),
            "no_trials" => format!("{column} has no trials"),
            _ => format!("{column} is not a finite number"),
        };
        out.push(format!("{rows} dropped: {why}."));
    }
    out.extend(fit.notes.iter().map(|note| format!("Note: {note}.")));
    if !fit.glance.converged {
        out.push("The search ended without an optimum.".into());
    }
    out
}

/// Five significant digits, without an exponent where it can be helped.
fn figure(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let magnitude = x.abs().log10().floor();
    if !(-5.0..9.0).contains(&magnitude) {
        return format!("{x:.4e}");
    }
    let decimals = (4.0 - magnitude).clamp(0.0, 9.0) as usize;
    format!("{x:.decimals$}")
}

fn probability(p: f64) -> String {
    match p {
        _ if p < 2e-16 => "<2e-16".into(),
        _ if p < 1e-4 => format!("{p:.2e}"),
        _ => format!("{p:.4}"),
    }
}

/// Rows with columns as wide as they need; the first `left` columns start at the left.
fn table(rows: &[Vec<String>], left: usize) -> Vec<String> {
    let n = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |k: usize| rows.iter().filter_map(|r| r.get(k)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..n).map(width).collect();
    let cell = |(k, text): (usize, &String)| {
        let pad = " ".repeat(widths[k] - text.chars().count());
        if k < left { format!("{text}{pad}") } else { format!("{pad}{text}") }
    };
    rows.iter().map(|row| format!(" {}", row.iter().enumerate().map(cell).collect::<Vec<_>>().join(" "))).collect()
}
