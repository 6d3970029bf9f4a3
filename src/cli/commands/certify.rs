//! `lob certify`.

use std::fs;

use crate::cli::args::{Args, Certify, LevelArg};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::run::certify::{Level, batch, certify, html, settings};
use crate::run::write_table;
use crate::vocab::Lang;

pub(in crate::cli) fn execute(command: &Certify, args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    let level = match command.level {
        LevelArg::Quick => Level::Quick,
        LevelArg::Full => Level::Full,
    };
    let replicates = command.replicates.unwrap_or_else(|| level.replicates());
    let lang = args.lang.map_or(Lang::default(), Lang::from);
    screen.say(&format!("{replicates} regions of each of {} settings", settings().len()));
    let rows = certify(replicates, command.seed, &|setting| screen.say(&format!("  {}", setting.id)));
    let failed = |e: std::io::Error| Failure::write("the certificate's folder", &e);
    fs::create_dir_all(&command.to).map_err(failed)?;
    fs::write(command.to.join("guarantees.parquet"), write_table(&batch(&rows)?)?).map_err(failed)?;
    fs::write(command.to.join("guarantees.html"), html(&rows, replicates, command.seed, lang)).map_err(failed)?;
    let promised = rows.iter().filter(|r| r.kept.is_some()).count();
    let broken: Vec<_> = rows.iter().filter(|r| r.kept == Some(false)).collect();
    for r in &broken {
        let nominal = r.nominal.unwrap_or(0.0);
        screen.say(&format!(
            "Not kept: {} {} {}: {:.3} where {:.3} is promised (chance error {:.3})",
            r.setting,
            r.estimand,
            r.metric.code(),
            r.realised,
            nominal,
            r.mc_error
        ));
    }
    screen.say(&format!(
        "{} of {promised} promises kept: {}",
        promised - broken.len(),
        command.to.join("guarantees.html").display()
    ));
    Ok(if broken.is_empty() { Exit::Success } else { Exit::Findings })
}
