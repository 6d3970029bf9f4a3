//! `lob fit`: one table, one formula, one model.

use std::time::Instant;

use crate::cli::args::{BootstrapArg, CiArg, DfArg, FamilyArg, Fit, LinkArg, MethodArg, VcovArg};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::cli::summary;
use crate::ingest::FrameFile;
use crate::models::formula::{
    self, Bootstrap, BootstrapName, DesignError, DfName, FamilyName, Formula, FormulaError, FormulaFitError,
    IntervalKind, Reading, RobustName, Wanted,
};
use crate::run::write_json;

pub(in crate::cli) fn execute(command: &Fit, screen: &Screen) -> Result<Exit, Failure> {
    let wanted = wanted(command)?;
    let reading = reading(command, wanted.family)?;
    let formula = Formula::parse(&command.formula)?;
    let file = FrameFile::open(&command.data)?;
    let columns = formula.columns(&reading, file.header())?;
    let bar = screen.rows("reading");
    let frame = file.read(&columns, &bar);
    bar.finish();
    let frame = frame?;
    if let Some((column, share)) = frame.person_numbers() {
        let message = format!(
            "LOB-E0110 column `{column}` holds BSN or onderwijsnummers ({share} % pass the 11-test), and results name the \
             levels of columns; replace them by pseudonyms first (`lob ingest`)"
        );
        return Err(Failure { exit: Exit::Input, message });
    }
    let started = Instant::now();
    let design = formula::design(&formula, &frame, &reading)?;
    let mut fit = formula::fit(&formula, &design, &wanted)?;
    fit.glance.seconds = Some(started.elapsed().as_secs_f64());
    if let Some(path) = &command.json {
        write_json(&fit, path)?;
    }
    let data = command.data.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    screen.say(&summary::of(&fit, &data));
    if fit.glance.converged {
        return Ok(Exit::Success);
    }
    screen.error("the search ended without an optimum; the numbers are those where it stopped");
    Ok(Exit::Numerical)
}

fn wanted(command: &Fit) -> Result<Wanted, Failure> {
    let family = family(command)?;
    if family != FamilyName::Gaussian && (command.method == Some(MethodArg::Reml) || command.reml) {
        return Err(Failure::usage("REML is for --family gaussian"));
    }
    if !(command.level > 0.0 && command.level < 1.0) {
        return Err(Failure::usage("--level must lie between 0 and 1"));
    }
    let robust = command.vcov.map(|kind| match kind {
        VcovArg::Cr0 => RobustName::Cr0,
        VcovArg::Cr1 => RobustName::Cr1,
        VcovArg::Cr1s => RobustName::Cr1s,
        VcovArg::Cr2 => RobustName::Cr2,
        VcovArg::Cr3 => RobustName::Cr3,
    });
    Ok(Wanted {
        family,
        reml: command.method != Some(MethodArg::Ml),
        integration: command.nagq.0,
        theta: command.theta.clone(),
        robust,
        intervals: match (command.ci, command.bootstrap) {
            (None, Some(_)) | (Some(CiArg::Percentile), _) => IntervalKind::Percentile,
            (None, None) | (Some(CiArg::Wald), _) => IntervalKind::Wald,
            (Some(CiArg::Profile), _) => IntervalKind::Profile,
            (Some(CiArg::Basic), _) => IntervalKind::Basic,
        },
        bootstrap: bootstrap(command)?,
        df: match command.df {
            DfArg::Satterthwaite => DfName::Satterthwaite,
            DfArg::KenwardRoger => DfName::KenwardRoger,
        },
        level: command.level,
    })
}

fn bootstrap(command: &Fit) -> Result<Option<Bootstrap>, Failure> {
    let by_cluster = command.bootstrap == Some(BootstrapArg::Cluster);
    if command.cluster.is_some() && command.vcov.is_none() && !by_cluster {
        return Err(Failure::usage("--cluster goes with --vcov or --bootstrap cluster"));
    }
    let kind = |kind| match kind {
        BootstrapArg::Parametric => BootstrapName::Parametric,
        BootstrapArg::Cluster => BootstrapName::Cluster,
    };
    let of = |name| Bootstrap { kind: kind(name), replicates: command.replicates, seed: command.seed };
    Ok(command.bootstrap.map(of))
}

fn family(command: &Fit) -> Result<FamilyName, Failure> {
    let no_link = |name: &str, known: &str| Err(Failure::usage(format!("--family {name} has the links {known}")));
    match (command.family, command.link) {
        (FamilyArg::Gaussian, None | Some(LinkArg::Identity)) => Ok(FamilyName::Gaussian),
        (FamilyArg::Binomial, None | Some(LinkArg::Logit)) => Ok(FamilyName::Logit),
        (FamilyArg::Binomial, Some(LinkArg::Probit)) => Ok(FamilyName::Probit),
        (FamilyArg::Binomial, Some(LinkArg::Cloglog)) => Ok(FamilyName::Cloglog),
        (FamilyArg::Poisson, None | Some(LinkArg::Log)) => Ok(FamilyName::Poisson),
        (FamilyArg::Gaussian, Some(_)) => no_link("gaussian", "identity"),
        (FamilyArg::Binomial, Some(_)) => no_link("binomial", "logit, probit and cloglog"),
        (FamilyArg::Poisson, Some(_)) => no_link("poisson", "log"),
    }
}

fn reading(command: &Fit, family: FamilyName) -> Result<Reading, Failure> {
    let levels = |text: &String| {
        let parts = text.split_once('=').filter(|(column, list)| !column.is_empty() && !list.is_empty());
        let (column, list) = parts.ok_or_else(|| Failure::usage("--levels is written as COLUMN=A,B,…"))?;
        let levels: Vec<String> = list.split(',').map(|l| l.trim().to_string()).collect();
        match levels.iter().enumerate().find(|(k, level)| levels[..*k].contains(level)) {
            Some((_, twice)) => Err(Failure::usage(format!("--levels {column}: `{twice}` stands there twice"))),
            None => Ok((column.trim().to_string(), levels)),
        }
    };
    Ok(Reading {
        outcome: family.outcome(),
        weights: command.weights.clone(),
        cluster: command.cluster.clone(),
        factors: command.factor.clone(),
        levels: command.levels.iter().map(levels).collect::<Result<_, _>>()?,
    })
}

impl From<FormulaError> for Failure {
    fn from(error: FormulaError) -> Self {
        Failure::usage(error.to_string())
    }
}

impl From<DesignError> for Failure {
    fn from(error: DesignError) -> Self {
        match error {
            DesignError::Formula(error) => error.into(),
            DesignError::Data(message) => Self { exit: Exit::Input, message },
        }
    }
}

impl From<FormulaFitError> for Failure {
    fn from(error: FormulaFitError) -> Self {
        let exit = match error {
            FormulaFitError::Wanted(_) => Exit::Usage,
            FormulaFitError::Data(_) => Exit::Input,
            FormulaFitError::Numerical(_) => Exit::Numerical,
        };
        Self { exit, message: error.to_string() }
    }
}
