//! `lob explain`: the words behind an error code.

use crate::cli::args::{Args, Explain};
use crate::cli::exit::{Exit, Failure};
use crate::cli::messages::Screen;
use crate::study::nearest;
use crate::vocab::Lang;
use crate::vocab::codes::{CODES, Code, code};

pub(in crate::cli) fn execute(command: &Explain, args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    let asked = args.lang.map(Lang::from);
    let Some(wanted) = &command.code else {
        for c in CODES {
            screen.print(&format!("{}  {}", c.id, c.explanation(asked.unwrap_or_default()).what));
        }
        return Ok(Exit::Success);
    };
    let found = code(wanted).ok_or_else(|| {
        let known: Vec<String> = CODES.iter().map(|c| c.id.to_string()).collect();
        let help = nearest(wanted, &known).unwrap_or_default();
        Failure::usage(format!("there is no code `{wanted}`; {help}"))
    })?;
    screen.print(&format!("{}  (exit code {})", found.id, found.exit));
    for lang in [Lang::Nl, Lang::En].into_iter().filter(|l| asked.is_none_or(|a| a == *l)) {
        screen.print(&format!("\n{}", in_words(found, lang)));
    }
    Ok(Exit::Success)
}

fn in_words(code: &Code, lang: Lang) -> String {
    let words = code.explanation(lang);
    let (why, todo) = (lang.pick("Waarom: ", "Why: "), lang.pick("Wat te doen: ", "What to do: "));
    format!("{}\n{why}{}\n{todo}{}", words.what, words.why, words.todo)
}
