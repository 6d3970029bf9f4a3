//! Publishing: a reader sees the whole old run or the whole new one (`conventions.md` §4). Results are written to
//! a staging folder, flushed, and renamed; then the pointer file `CURRENT` is replaced.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::RunError;
use super::egress::Gate;
use super::manifest::FileEntry;
use crate::disclosure::zone::{Meta, Output, Zone};
use crate::ingest::ProjectKey;

/// File of an output folder with the id of the key behind its pseudonyms.
const KEY_ID: &str = "KEY_ID";

/// An output folder, locked for this run. The lock is the system's and dies with the process.
pub(super) struct Store {
    out: PathBuf,
    _lock: File,
}

impl Store {
    /// Opens and locks `out`, and removes what a killed run left in staging.
    pub(super) fn open(out: &Path) -> Result<Self, RunError> {
        for dir in [out, &out.join("runs")] {
            create_dir(dir).map_err(|e| failed("the output folder", e))?;
        }
        let path = out.join(".lock");
        let lock =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| failed(".lock", e))?;
        // Somebody else's lock file is theirs to open or not.
        let _ = set_mode(&path, 0o644);
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RunError::Busy),
            Err(TryLockError::Error(e)) => return Err(failed(".lock", e)),
        }
        for entry in fs::read_dir(out).map_err(|e| failed("the output folder", e))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(".staging-") {
                fs::remove_dir_all(entry.path()).map_err(|e| failed("an old staging folder", e))?;
            }
        }
        super::engine::sweep(out)?;
        Ok(Self { out: out.to_path_buf(), _lock: lock })
    }

    /// The output folder.
    pub(super) fn folder(&self) -> &Path {
        &self.out
    }

    /// Fails when the runs of this folder were made with another key: pupils of two keys never match, so that comparing
    /// such runs would say that all pupils are new. The first run with a key notes its id.
    pub(super) fn assert_key(&self, key: Option<&ProjectKey>) -> Result<(), RunError> {
        let Some(key) = key else { return Ok(()) };
        let path = self.out.join(KEY_ID);
        match fs::read_to_string(&path) {
            Ok(recorded) => Ok(key.assert_id(recorded.trim(), "the output folder")?),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                write_file(&path, format!("{}\n", key.id()).as_bytes(), 0o644).map_err(|e| failed(KEY_ID, e))
            }
            Err(e) => Err(failed(KEY_ID, e)),
        }
    }

    /// Makes `CURRENT` name this run, unless it does already.
    fn point_to(&self, run_id: &str) -> Result<(), RunError> {
        let (current, pointer) = (self.out.join("CURRENT"), self.out.join("CURRENT.tmp"));
        let line = format!("{run_id}\n");
        if fs::read(&current).is_ok_and(|there| there == line.as_bytes()) {
            return Ok(());
        }
        write_file(&pointer, line.as_bytes(), 0o644).map_err(|e| failed("CURRENT", e))?;
        with_patience(|| fs::rename(&pointer, &current)).map_err(|e| failed("CURRENT", e))?;
        sync_dir(&self.out).map_err(|e| failed("the output folder", e))
    }

    /// A fresh staging folder.
    pub(super) fn stage<'s>(&'s self, run_id: &str, gate: &'s Gate) -> Result<Staging<'s>, RunError> {
        let dir = self.out.join(format!(".staging-{run_id}"));
        fs::create_dir(&dir).map_err(|e| failed("staging", e))?;
        set_mode(&dir, Meta::DIR_MODE).map_err(|e| failed("staging", e))?;
        Ok(Staging { store: self, gate, dir, run_id: run_id.to_string(), files: Vec::new(), published: false })
    }
}

/// A run being written. Dropped without [`Staging::publish`], it leaves nothing behind.
pub(super) struct Staging<'s> {
    store: &'s Store,
    gate: &'s Gate,
    dir: PathBuf,
    run_id: String,
    files: Vec<FileEntry>,
    published: bool,
}

impl Staging<'_> {
    /// Writes one output with the permissions of its zone, if it may leave.
    pub(super) fn write<Z: Zone>(&mut self, output: &Output<Z>) -> Result<(), RunError> {
        let entry = self.put(output)?;
        self.files.push(entry);
        Ok(())
    }

    /// Makes an output of each item and writes it, side by side; listed in the order of the items. Returns the paths.
    pub(super) fn write_each<T: Sync, Z: Zone>(
        &mut self,
        items: &[T],
        make: impl Fn(&T) -> Result<Output<Z>, RunError> + Sync,
    ) -> Result<Vec<String>, RunError> {
        let done: Vec<Result<FileEntry, RunError>> = items.par_iter().map(|item| self.put(&make(item)?)).collect();
        let entries = done.into_iter().collect::<Result<Vec<FileEntry>, RunError>>()?;
        let paths = entries.iter().map(|entry| entry.path.clone()).collect();
        self.files.extend(entries);
        Ok(paths)
    }

    fn put<Z: Zone>(&self, output: &Output<Z>) -> Result<FileEntry, RunError> {
        let path = self.dir.join(output.path());
        let name = output.path();
        self.gate.pass(&name, output.bytes())?;
        let parent = path.parent().unwrap_or(&self.dir).to_path_buf();
        create_dirs(&self.dir, &parent, Z::DIR_MODE).map_err(|e| failed(&name, e))?;
        write_file(&path, output.bytes(), Z::FILE_MODE).map_err(|e| failed(&name, e))?;
        Ok(FileEntry::of(output))
    }

    /// Files written so far.
    pub(super) fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// Writes the manifest last, renames staging into place and points `CURRENT` to it. Returns the folder, and
    /// whether a run with the same manifest was there already.
    pub(super) fn publish(mut self, manifest: Vec<u8>, info: Vec<u8>) -> Result<(PathBuf, bool), RunError> {
        let info = Output::<Meta>::new("run_info.json", info)?;
        self.gate.pass("run_info.json", info.bytes())?;
        self.gate.pass("manifest.json", &manifest)?;
        write_file(&self.dir.join("run_info.json"), info.bytes(), Meta::FILE_MODE)
            .map_err(|e| failed("run_info.json", e))?;
        write_file(&self.dir.join("manifest.json"), &manifest, Meta::FILE_MODE)
            .map_err(|e| failed("manifest.json", e))?;
        sync_dirs(&self.dir).map_err(|e| failed("staging", e))?;
        let runs = self.store.out.join("runs");
        let target = runs.join(&self.run_id);
        let old = Old::of(&target, &manifest);
        if old == Old::Other {
            // The id is a hash of all that decides the content, so this can't be; but an intact run is never removed.
            let reason = io::Error::new(io::ErrorKind::AlreadyExists, "an intact run of this id has other content");
            return Err(failed("runs", reason));
        }
        let unchanged = old == Old::Same;
        if !unchanged {
            // A folder of this id that does not verify was damaged from outside; the new one takes its place.
            // It is moved aside first, so that there is never no run of this id; the next run sweeps what is left.
            let aside = self.store.out.join(format!(".staging-old-{}", self.run_id));
            if old == Old::Damaged {
                fs::rename(&target, &aside).map_err(|e| failed("a damaged run of the same id", e))?;
            }
            with_patience(|| fs::rename(&self.dir, &target)).map_err(|e| failed("runs", e))?;
            self.published = true;
            if old == Old::Damaged {
                fs::remove_dir_all(&aside).map_err(|e| failed("a damaged run of the same id", e))?;
            }
            sync_dir(&runs).map_err(|e| failed("runs", e))?;
        }
        self.store.point_to(&self.run_id)?;
        Ok((target, unchanged))
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.published {
            // Nothing more can be done about an error here; the next run sweeps what is left.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn failed(what: &str, reason: io::Error) -> RunError {
    RunError::Write { what: what.to_string(), reason }
}

/// What stands in the place of a new run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Old {
    Nothing,
    /// The same run, all files as listed.
    Same,
    /// Another run, all files as listed.
    Other,
    /// A run whose files are not as its manifest lists them.
    Damaged,
}

impl Old {
    fn of(dir: &Path, manifest: &[u8]) -> Self {
        if !dir.exists() {
            return Old::Nothing;
        }
        let Ok(old) = fs::read(dir.join("manifest.json")) else { return Old::Damaged };
        let Ok(listed) = serde_json::from_slice::<super::manifest::Listed>(&old) else { return Old::Damaged };
        let intact = |f: &FileEntry| fs::read(dir.join(&f.path)).is_ok_and(|bytes| f.matches(&bytes));
        match (listed.files.iter().all(intact), old == manifest) {
            (false, _) => Old::Damaged,
            (true, true) => Old::Same,
            (true, false) => Old::Other,
        }
    }
}

/// Antivirus and sync programs on Windows hold files for a moment: try again for up to half a second.
fn with_patience(mut action: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    for pause in [10, 40, 150, 300] {
        match action() {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                std::thread::sleep(std::time::Duration::from_millis(pause));
            }
            done => return done,
        }
    }
    action()
}

/// A folder that others may not write into, whatever the umask says, when it is not there yet.
fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir)?;
    set_mode(dir, Meta::DIR_MODE)
}

fn create_dirs(root: &Path, dir: &Path, mode: u32) -> io::Result<()> {
    let Ok(below) = dir.strip_prefix(root) else { return Ok(()) };
    let mut path = root.to_path_buf();
    for part in below {
        path.push(part);
        match fs::create_dir(&path) {
            Ok(()) => set_mode(&path, mode)?,
            // By another thread, perhaps.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    set_mode(path, mode)?;
    file.sync_all()
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

fn sync_dirs(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_dirs(&path)?;
        }
    }
    sync_dir(dir)
}

#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}
