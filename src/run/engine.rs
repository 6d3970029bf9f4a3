//! Another engine makes the cells: the plan is printed in its dialect, the engine runs as a child process, and what it wrote is
//! read back and compared with what it says it wrote.
//!
//! The child lives in a process group of its own, under a shell that holds the other end of a pipe: whatever ends this
//! program, a signal that nothing can catch included, closes the pipe, and then the whole group is stopped. Its folder lies in
//! the output folder as `.engine-*`; what a killed run leaves there the next run sweeps.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::RunError;
use super::files::{create_private, create_private_folder};
use crate::ingest::{Progress, Silence};
use crate::panel::patterns::{Tally, read};
use crate::panel::sql::{Dialect, Script, assert_readable, script};
use crate::panel::{Panel, Plan};

/// Folders of engines begin with this.
pub(super) const FOLDER: &str = ".engine-";

/// An engine and how it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Its dialect.
    pub dialect: Dialect,
    /// A line for the shell, in which `{sql}` is the script and `{out}` the folder that it writes to.
    pub command: String,
    /// Folder through which cells come back, where it is not the output folder: one that the engine's workers reach.
    pub exchange: Option<PathBuf>,
}

impl Engine {
    /// DuckDB of the Python that `LOB_PYTHON` names (default `python3`).
    pub fn duckdb() -> Self {
        let run = "import sys, duckdb; duckdb.connect().execute(open(sys.argv[1], encoding=\"utf-8\").read())";
        Self::new(Dialect::DuckDb, &format!("exec \"${{LOB_PYTHON:-python3}}\" -c '{run}' {{sql}}"))
    }

    /// Spark's `spark-sql`: that of the PySpark of `LOB_PYTHON`, else the one on the path. It runs on this machine; other masters
    /// are named in a command of one's own. It may take 4 GB: with the gigabyte that is Spark's own default, a country is too much.
    pub fn spark() -> Self {
        let find = "spark=spark-sql; home=$(\"${LOB_PYTHON:-python3}\" -c \
                    'import os, pyspark; print(os.path.dirname(pyspark.__file__))' 2>/dev/null) && \
                    spark=$home/bin/spark-sql && export SPARK_HOME=\"$home\"";
        Self::new(
            Dialect::Spark,
            &format!(
                "{find}; exec \"$spark\" --driver-memory 4g --conf spark.sql.catalogImplementation=in-memory -f {{sql}}"
            ),
        )
    }

    /// An engine with a command of one's own.
    pub fn new(dialect: Dialect, command: &str) -> Self {
        Self { dialect, command: command.to_string(), exchange: None }
    }

    fn name(&self) -> &'static str {
        match self.dialect {
            Dialect::DuckDb => "duckdb",
            Dialect::Spark => "spark",
        }
    }
}

/// Cells that an engine made; its folder goes with them.
pub(super) struct Made<'p> {
    pub(super) panel: Panel<'p>,
    folder: Folder,
}

impl Made<'_> {
    /// The folder that goes.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.own
    }
}

/// The cells of a plan, made by `engine`; `home` is the folder in which the engine gets one of its own.
///
/// # Errors
/// Sources that SQL can't read, an engine that fails, cells that are not what it says it wrote.
pub(super) fn cells<'p>(
    plan: &Plan<'p>,
    engine: &Engine,
    base: &Path,
    home: &Path,
    progress: &dyn Progress,
) -> Result<Made<'p>, RunError> {
    let fail = |what: String| RunError::Engine { engine: engine.name(), what };
    assert_readable(plan).map_err(fail)?;
    let folder = Folder::make(home, engine)?;
    let base = fs::canonicalize(if base.as_os_str().is_empty() { Path::new(".") } else { base })
        .map_err(|reason| RunError::Write { what: "the study's folder".into(), reason })?;
    let to = engine.dialect.place(&folder.out.to_string_lossy());
    let script = script(plan, engine.dialect, &base, &to);
    execute(engine, &script, &folder, home, progress)?;
    let panel = read_back(plan.clone(), &script, &folder)?;
    Ok(Made { panel, folder })
}

/// The folder of one engine run; it goes with this value.
struct Folder {
    /// Script and log.
    own: PathBuf,
    /// What the engine writes.
    out: PathBuf,
}

impl Folder {
    fn make(home: &Path, engine: &Engine) -> Result<Self, RunError> {
        let failed = |reason: io::Error| RunError::Write { what: "the engine's folder".into(), reason };
        sweep(home)?;
        let name = format!("{FOLDER}{}", std::process::id());
        let own = home.join(&name);
        create_private_folder(&own).map_err(failed)?;
        let own = fs::canonicalize(own).map_err(failed)?;
        let out = match &engine.exchange {
            None => own.join("out"),
            Some(exchange) => {
                sweep(exchange)?;
                fs::canonicalize(exchange).map_err(failed)?.join(&name)
            }
        };
        create_private_folder(&out).map_err(failed)?;
        Ok(Self { own, out })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be removed now, the next run sweeps.
        let _ = fs::remove_dir_all(&self.own);
        let _ = fs::remove_dir_all(&self.out);
    }
}

/// Removes folders of engines whose program is gone.
pub(super) fn sweep(home: &Path) -> Result<(), RunError> {
    let failed = |reason: io::Error| RunError::Write { what: "an old folder of an engine".into(), reason };
    for entry in fs::read_dir(home).map_err(failed)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(FOLDER) && entry.path().is_dir() {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Runs the script and waits for its end.
fn execute(
    engine: &Engine,
    script: &Script,
    folder: &Folder,
    home: &Path,
    progress: &dyn Progress,
) -> Result<(), RunError> {
    let failed = |what: &str, reason: io::Error| RunError::Write { what: what.into(), reason };
    // An older run's log would be taken for this one's.
    let _ = fs::remove_file(home.join("engine.log"));
    let (sql, log) = (folder.own.join("cells.sql"), folder.own.join("engine.log"));
    super::files::write_private(&sql, script.text().as_bytes()).map_err(|e| failed("cells.sql", e))?;
    let command = engine.command.replace("{sql}", &quoted(&sql)).replace("{out}", &quoted(&folder.out));
    let mut child = start(&command, &folder.own, &log).map_err(|e| failed("the engine", e))?;
    let total = script.cells.len();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| failed("the engine", e))? {
            break status;
        }
        let done = script.cells.iter().filter(|file| is_done(&folder.out.join(file))).count();
        progress.step(&format!("{}: {done} of {total} tables", engine.name()));
        std::thread::sleep(Duration::from_millis(100));
    };
    if status.success() && folder.out.join(&script.check).exists() {
        return Ok(());
    }
    // It may hold values of the data, so it is for the owner's eyes; the message has its end without them.
    let kept = home.join("engine.log");
    let saved = create_private(&kept).and_then(|mut to| io::copy(&mut File::open(&log)?, &mut to));
    let tail = tail(&log).unwrap_or_default();
    let place = if saved.is_ok() { "; all of it is in engine.log in the output folder" } else { "" };
    Err(RunError::Engine {
        engine: engine.name(),
        what: format!("{}{place}. The end of its log, without values:\n{tail}", ended(status)),
    })
}

/// DuckDB's file has a footer only when it is complete, and Spark marks a folder.
fn is_done(path: &Path) -> bool {
    path.is_file() || path.join("_SUCCESS").is_file()
}

fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(0) => "ended without writing its tables".into(),
        Some(127) => "could not be found".into(),
        Some(code) => format!("ended with exit code {code}"),
        None => "was stopped".into(),
    }
}

/// Waits for the job; when the pipe on standard input closes first, stops the process group: kindly, and after five seconds
/// not any more.
const GUARD: &str = r#"
exec 3<&0
sh -c "$1" </dev/null 3<&- & job=$!
(trap '' TERM; cat <&3 >/dev/null; kill -TERM -$$ 2>/dev/null; sleep 5; kill -KILL -$$ 2>/dev/null) & guard=$!
wait $job; code=$?
kill -KILL $guard 2>/dev/null
exit $code
"#;

#[cfg(unix)]
fn start(command: &str, folder: &Path, log: &Path) -> io::Result<Guarded> {
    use std::os::unix::process::CommandExt;
    let out = create_private(log)?;
    let child = Command::new("sh")
        .args(["-c", GUARD, "sh", command])
        .current_dir(folder)
        .process_group(0)
        .stdin(Stdio::piped())
        .stderr(out.try_clone()?)
        .stdout(out)
        .spawn()?;
    Ok(Guarded(child))
}

#[cfg(not(unix))]
fn start(_: &str, _: &Path, _: &Path) -> io::Result<Guarded> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "engines are started on Unix only; use `lob run --from`"))
}

/// A child whose group is stopped when this value goes.
struct Guarded(Child);

impl Guarded {
    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Nothing is left to do where it is gone already.
        let _ = self.0.wait();
    }
}

/// A path as one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "'\\''"))
}

/// Reads the cells that a script wrote and compares them with its check.
fn read_back<'p>(plan: Plan<'p>, script: &Script, folder: &Folder) -> Result<Panel<'p>, RunError> {
    let parts = |name: &str| if name.ends_with(".parquet") { name.to_string() } else { format!("{name}/*.parquet") };
    let expected = Tally::written(plan.study, &[parts(&script.check)], &folder.out)?;
    let files: Vec<String> = script.cells.iter().map(|name| parts(name)).collect();
    Ok(read(plan, &files, &folder.out, Some(expected), &Silence)?)
}

/// Lines of the log's end that say something, without what may be values.
fn tail(log: &Path) -> io::Result<String> {
    const BYTES: u64 = 64 * 1024;
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(told(&String::from_utf8_lossy(&bytes)))
}

/// The last lines that name an error, or else the last lines; without stacks and values.
fn told(log: &str) -> String {
    const LINES: usize = 6;
    let is_stack = |l: &&str| l.trim_start().starts_with("at ") || l.trim_start().starts_with("File \"");
    let lines: Vec<&str> = log.lines().filter(|l| !l.trim().is_empty()).filter(|l| !is_stack(l)).collect();
    let names_error = |l: &&&str| {
        let low = l.to_lowercase();
        ["error", "exception", "not found", "no module"].iter().any(|word| low.contains(word))
    };
    let errors: Vec<&str> = lines.iter().filter(names_error).copied().collect();
    let chosen = if errors.is_empty() { lines } else { errors };
    let last = chosen[chosen.len().saturating_sub(LINES)..].iter().map(|l| format!("  {}", without_values(l)));
    last.collect::<Vec<_>>().join("\n")
}

/// What stands in quotes, and numbers of three digits or more, may come from the data.
fn without_values(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if matches!(c, '\'' | '"' | '`') {
            out.push(c);
            if chars.by_ref().any(|next| next == c) {
                out.push('…');
                out.push(c);
            } else {
                out.push('…');
            }
        } else if c.is_ascii_digit() {
            let mut digits = String::from(c);
            while let Some(next) = chars.peek().filter(|next| next.is_ascii_digit()) {
                digits.push(*next);
                chars.next();
            }
            out += if digits.len() < 3 { &digits } else { "…" };
        } else {
            out.push(c);
        }
    }
    out.chars().take(240).collect()
}

#[cfg(test)]
mod tests {
    use super::{told, without_values};

    #[test]
    fn the_end_of_a_log_holds_no_value() {
        let log = "starting\nConversion Error: Could not convert string 'Jansen' to INT32 when casting 123456782\n  at x.y(Z.java:10)\n";
        assert_eq!(told(log), "  Conversion Error: Could not convert string '…' to INT32 when casting …");
        assert_eq!(without_values("it's open"), "it'…");
    }
}
