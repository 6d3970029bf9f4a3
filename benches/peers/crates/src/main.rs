//! One model of `benches/models.rs` by another crate: `peers TOOL CASE FILE FORMULA FAMILY`.
//!
//! TOOL: `glmm` or `mixeff`, with `mixeff-fast` for its default approximation of binary models. Prints a line of JSON;
//! the time is that of the fit, the files are read and the tables made before.

use std::error::Error;
use std::time::Instant;

const GROUPS: [&str; 5] = ["pupil", "school", "student", "lecturer", "department"];

struct Table {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
}

fn read(path: &str) -> Result<Table, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let names: Vec<String> = lines.next().ok_or("empty")?.split(',').map(|n| n.trim_matches('"').to_string()).collect();
    let mut columns = vec![Vec::new(); names.len()];
    for line in lines {
        for (column, field) in columns.iter_mut().zip(line.split(',')) {
            column.push(field.trim_matches('"').parse()?);
        }
    }
    Ok(Table { names, columns })
}

/// What is printed of a fit.
struct Found {
    seconds: f64,
    deviance: f64,
    note: String,
}

fn by_glmm(table: Table, formula: &str, binary: bool) -> Result<Found, Box<dyn Error>> {
    use glmm::formula::{Column, Table as Frame, fit};
    let n = table.columns[0].len();
    let column = |(name, values): (String, Vec<f64>)| {
        let column = if GROUPS.contains(&name.as_str()) {
            Column::factor_from_labels(&values.iter().map(|v| format!("{v:07}")).collect::<Vec<_>>())
        } else {
            Column::Numeric(values)
        };
        (name, column)
    };
    let frame = Frame { columns: table.names.into_iter().zip(table.columns).map(column).collect(), n };
    let family =
        if binary { glmm::Family::Binomial { link: glmm::BinomialLink::Logit } } else { glmm::Family::Gaussian };
    let mut options = glmm::FitOptions::default();
    options.parallel_inner = true;
    let start = Instant::now();
    let found = fit(formula, &frame, family, &options).map_err(|e| format!("{e:?}"))?;
    let seconds = start.elapsed().as_secs_f64();
    let fit = found.fit();
    Ok(Found {
        seconds,
        deviance: -2.0 * fit.loglik(),
        note: if fit.converged() { String::new() } else { "not converged".into() },
    })
}

fn by_mixeff(table: Table, formula: &str, binary: bool, joint: bool) -> Result<Found, Box<dyn Error>> {
    use mixeff_rs::formula::parse_formula;
    use mixeff_rs::model::{
        DataFrame, Family, FitOptions, GeneralizedLinearMixedModel, GlmmFitOptions, LinearMixedModelBuilder, LinkFunction,
        MixedModelFit,
    };
    let mut frame = DataFrame::new();
    for (name, values) in table.names.iter().zip(table.columns) {
        if GROUPS.contains(&name.as_str()) {
            frame.add_categorical(name, values.iter().map(|v| format!("{v:07}")).collect())?;
        } else {
            frame.add_numeric(name, values)?;
        }
    }
    let formula = parse_formula(formula)?;
    let start = Instant::now();
    let note = |ok: bool| if ok { String::new() } else { "not converged".to_string() };
    if binary {
        let mut model = GeneralizedLinearMixedModel::new(formula, &frame, Family::Bernoulli, Some(LinkFunction::Logit))?;
        let options = if joint { GlmmFitOptions::joint_laplace() } else { GlmmFitOptions::fast_laplace() };
        model.fit_with_glmm_options(options)?;
        let (seconds, ok) = (start.elapsed().as_secs_f64(), model.converged());
        return Ok(Found { seconds, deviance: -2.0 * model.loglikelihood(), note: note(ok) });
    }
    let model = LinearMixedModelBuilder::new(formula, &frame).fit(FitOptions::reml())?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Found { seconds, deviance: model.objective(), note: note(model.converged()) })
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tool, case, file, formula, family] = arguments.as_slice() else { return Err("TOOL CASE FILE FORMULA FAMILY".into()) };
    let (table, binary) = (read(file)?, family == "binomial");
    let found = match tool.as_str() {
        "glmm" => by_glmm(table, formula, binary)?,
        "mixeff" => by_mixeff(table, formula, binary, true)?,
        "mixeff-fast" => by_mixeff(table, formula, binary, false)?,
        other => return Err(format!("no tool {other}").into()),
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0 kB").trim().trim_end_matches(" kB");
    let mb = peak.parse::<f64>().unwrap_or(f64::NAN) * 1024.0 / 1e6;
    let Found { seconds, deviance, note } = found;
    println!(
        r#"{{"case":"{case}","tool":"{tool}","seconds":{seconds:.4},"deviance":{deviance:.6},"mb":{mb:.0},"note":"{note}"}}"#
    );
    Ok(())
}
