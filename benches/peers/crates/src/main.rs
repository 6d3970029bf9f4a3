//! One model of benches/models.rs by another crate: model-peers TOOL CASE FILE FORMULA FAMILY
//!
//! TOOL: glmm; mixeff-rs (for counts its default, which profiles the fixed effects out); mixeff-rs-joint (Laplace's
//! approximation over all parameters, as lme4). FAMILY: gaussian (by REML) or binomial. Prints a line of JSON; the time is
//! from columns in memory to the fit, design matrices included. Leaves with status 3 for what a crate has no model for, with
//! 1 and its words where a fit fails.

use std::process::ExitCode;
use std::time::Instant;

use serde_json::json;

/// Columns that are factors.
const GROUPS: [&str; 5] = ["pupil", "school", "student", "lecturer", "department"];

enum Column {
    Numbers(Vec<f64>),
    Labels(Vec<String>),
}

type Columns = Vec<(String, Column)>;
type Failed = Box<dyn std::error::Error>;

struct Fitted {
    /// −2 log L or the REML criterion.
    deviance: f64,
    evaluations: i64,
    note: String,
}

fn read(path: &str) -> Result<Columns, Failed> {
    let mut reader = csv::Reader::from_path(path)?;
    let column = |name: &str| match GROUPS.contains(&name) {
        true => Column::Labels(Vec::new()),
        false => Column::Numbers(Vec::new()),
    };
    let mut columns: Columns = reader.headers()?.iter().map(|name| (name.to_string(), column(name))).collect();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        for ((_, column), cell) in columns.iter_mut().zip(&record) {
            match column {
                Column::Numbers(to) => to.push(cell.parse()?),
                Column::Labels(to) => to.push(cell.to_string()),
            }
        }
    }
    Ok(columns)
}

fn by_glmm(columns: Columns, formula: &str, binomial: bool) -> Result<Fitted, Failed> {
    use glmm::formula::{Column as Of, Table, fit};
    let convert = |column| match column {
        Column::Numbers(values) => Of::Numeric(values),
        Column::Labels(labels) => Of::factor_from_labels(&labels),
    };
    let columns: Vec<_> = columns.into_iter().map(|(name, column)| (name, convert(column))).collect();
    let n = match &columns[0].1 {
        Of::Numeric(values) => values.len(),
        Of::Factor { codes, .. } => codes.len(),
    };
    let family = match binomial {
        true => glmm::Family::Binomial { link: glmm::BinomialLink::Logit },
        false => glmm::Family::Gaussian,
    };
    let mut options = glmm::FitOptions::default();
    options.parallel_inner = true;
    let model = fit(formula, &Table { columns, n }, family, &options)?;
    let fit = model.fit();
    Ok(Fitted {
        deviance: -2.0 * fit.loglik(),
        evaluations: fit.n_eval() as i64,
        note: if fit.converged() { String::new() } else { "not converged".into() },
    })
}

fn by_mixeff(columns: Columns, formula: &str, binomial: bool, joint: bool) -> Result<Fitted, Failed> {
    use mixeff_rs::formula::parse_formula;
    use mixeff_rs::model::{
        DataFrame, Family, FitOptions, GeneralizedLinearMixedModelBuilder, GlmmFitOptions, LinearMixedModelBuilder,
        MixedModelFit,
    };
    let mut frame = DataFrame::new();
    for (name, column) in columns {
        match column {
            Column::Numbers(values) => frame.add_numeric(&name, values)?,
            Column::Labels(labels) => frame.add_categorical(&name, labels)?,
        };
    }
    let formula = parse_formula(formula)?;
    let of = |fit: &dyn MixedModelFit, deviance: f64| Fitted {
        deviance,
        evaluations: fit.opt_summary().feval as i64,
        note: if fit.converged() { String::new() } else { format!("{:?}", fit.convergence_status()) },
    };
    if !binomial {
        let fit = LinearMixedModelBuilder::new(formula, &frame).fit(FitOptions::reml())?;
        return Ok(of(&fit, fit.objective()));
    }
    let options = if joint { GlmmFitOptions::joint_laplace() } else { GlmmFitOptions::fast_laplace() };
    let fit =
        GeneralizedLinearMixedModelBuilder::new(formula, &frame, Family::Bernoulli).fit_with_glmm_options(options)?;
    Ok(of(&fit, -2.0 * fit.loglikelihood()))
}

/// Seconds on a processor so far, in hundredths.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Largest resident memory so far, in MB of 10⁶ bytes.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok()).map_or(0.0, |kib| kib * 1024.0 / 1e6)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tool, case, file, formula, family] = &arguments[..] else {
        eprintln!("model-peers TOOL CASE FILE FORMULA FAMILY");
        return ExitCode::from(2);
    };
    let columns = match read(file) {
        Ok(columns) => columns,
        Err(error) => {
            eprintln!("{file}: {error}");
            return ExitCode::from(1);
        }
    };
    let binomial = family == "binomial";
    let (start, used) = (Instant::now(), processor());
    let (fitted, version) = match tool.as_str() {
        "glmm" => (by_glmm(columns, formula, binomial), "0.8.0"),
        "mixeff-rs" => (by_mixeff(columns, formula, binomial, false), "1.0.0-rc.5"),
        "mixeff-rs-joint" if binomial => (by_mixeff(columns, formula, binomial, true), "1.0.0-rc.5"),
        _ => return ExitCode::from(3),
    };
    match fitted {
        Ok(Fitted { deviance, evaluations, note }) => {
            let (seconds, cpu) = (start.elapsed().as_secs_f64(), processor() - used);
            println!(
                "{}",
                json!({
                    "case": case, "tool": tool, "version": version, "seconds": seconds, "cpu": cpu,
                    "deviance": deviance, "evaluations": evaluations, "mb": peak(), "note": note,
                })
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(1)
        }
    }
}
