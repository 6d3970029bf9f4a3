//! `lob demo`: a small region of invented pupils, from data to reports.

use super::{load, run, simulate};
use crate::cli::args::{Args, Demo};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::simulate::RegionSpec;

pub(in crate::cli) fn execute(command: &Demo, args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    screen.say("A region of invented pupils: 12 schools, 4 cohorts, about 4 000 pupils.");
    let spec = RegionSpec { seed: command.seed, ..RegionSpec::default() };
    let data = command.out.join("data");
    simulate::write(&spec, &data, screen)?;
    let loaded = load(&data.join("study.toml"))?;
    run::run_study(&loaded, &command.out, args, screen)
}
