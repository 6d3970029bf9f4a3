//! `lob report`: only the pages.

use super::load_tables;
use crate::cli::args::{Args, Report};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::run::{self, Job};
use crate::study::nearest;
use crate::vocab::Lang;

pub(in crate::cli) fn execute(command: &Report, args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = load_tables(&command.study)?;
    let lang = args.lang.map_or(loaded.study.report.lang, Lang::from);
    let job = Job {
        study: &loaded.study,
        text: &loaded.text,
        base: &loaded.base,
        out: &command.to,
        lang,
        robustness: None,
        memory: None,
    };
    let bar = screen.rows("reading");
    let made = run::pages_only(&job, &bar);
    bar.finish();
    let mut pages = made?;
    if let Some(school) = &command.school {
        let known: Vec<String> = pages.iter().map(|p| p.school.clone()).collect();
        pages.retain(|p| p.school == *school);
        if pages.is_empty() {
            let help = nearest(school, &known).unwrap_or_default();
            return Err(Failure::usage(format!("the study has no school `{school}`; {help}")));
        }
    }
    let failed = |e: std::io::Error| Failure::write("the reports folder", &e);
    run::create_private_folder(&command.to).map_err(failed)?;
    for page in &pages {
        let path = run::write_page(page, &command.to)?;
        screen.say(&path.display().to_string());
    }
    Ok(Exit::Success)
}
