//! What people see: a progress bar on a terminal (never in a log), plain lines, errors in red where colour is
//! wanted (`NO_COLOR` and pipes get none). A closed pipe ends the output, not the program.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

use crate::ingest::Progress;

/// The terminal or log that a command talks to.
pub(super) struct Screen {
    quiet: bool,
    colour: bool,
    terminal: bool,
}

impl Screen {
    pub(super) fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Self { quiet, colour: terminal && !plain, terminal }
    }

    /// The same screen for work whose lines nobody asked for.
    pub(super) fn quietly(&self) -> Self {
        Self { quiet: true, ..*self }
    }

    /// A line on standard output, unless `--quiet`.
    pub(super) fn say(&self, line: &str) {
        if !self.quiet {
            self.print(line);
        }
    }

    /// A result on standard output: also with `--quiet`.
    pub(super) fn print(&self, text: &str) {
        // Nobody listens any more (`| head`): that is not an error.
        let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// An error on standard error. Control characters that came in with a file name do not reach the terminal.
    pub(super) fn error(&self, message: &str) {
        let clean: String = message.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        let (on, off) = if self.colour { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        let _ = writeln!(std::io::stderr().lock(), "{on}error:{off} {clean}");
    }

    /// A bar that counts rows; hidden in logs and with `--quiet`.
    pub(super) fn rows(&self, what: &str) -> Rows {
        let bar = if self.quiet || !self.terminal { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {human_pos} rows, {per_sec}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_string());
        Rows(bar)
    }
}

/// Progress in rows.
pub(super) struct Rows(ProgressBar);

impl Rows {
    pub(super) fn finish(self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Rows {
    fn rows(&self, rows: u64) {
        self.0.inc(rows);
    }

    fn step(&self, what: &str) {
        self.0.set_message(what.to_string());
        self.0.tick();
    }
}

/// 12345 → "12 345".
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}
