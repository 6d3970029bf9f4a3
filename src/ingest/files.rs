//! Finding files, and the hash and size by which a run knows them again.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::packing::{Packing, members};
use super::{InputError, holds_bsn};
use crate::study::file::{Format, Source};

/// One input file, as it was when it was found.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Name without folders, for messages.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    pub(super) packing: Packing,
    modified: Option<SystemTime>,
}

impl InputFile {
    pub(super) fn new(path: PathBuf) -> Result<Self, InputError> {
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let meta = fs::metadata(&path).map_err(|reason| InputError::Io { file: name.clone(), reason })?;
        if !meta.is_file() {
            let reason = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
            return Err(InputError::Io { file: name, reason });
        }
        if meta.len() == 0 {
            return Err(InputError::Empty { file: name });
        }
        let (bytes, modified) = (meta.len(), meta.modified().ok());
        let is_gzip = name.to_lowercase().ends_with(".gz");
        let packing = if is_gzip { Packing::Gzip } else { Packing::Plain };
        let mut file = Self { path, name, bytes, packing, modified };
        if !is_gzip && file.start()?.starts_with(&[0x1f, 0x8b]) {
            file.packing = Packing::Gzip;
        }
        Ok(file)
    }

    /// The file, or the members of the archive that it is.
    fn all(path: PathBuf) -> Result<Vec<Self>, InputError> {
        let file = Self::new(path)?;
        let is_workbook = Format::of_name(&file.name) == Format::Xlsx;
        let is_archive = file.name.to_lowercase().ends_with(".zip") || file.start()?.starts_with(b"PK\x03\x04");
        if is_archive && !is_workbook { members(&file) } else { Ok(vec![file]) }
    }

    /// A member of this archive.
    pub(super) fn member(&self, name: &str, packing: Packing) -> Self {
        Self { name: format!("{}/{name}", self.name), packing, ..self.clone() }
    }

    /// The first bytes.
    fn start(&self) -> Result<Vec<u8>, InputError> {
        let mut start = Vec::new();
        let io = |reason| InputError::Io { file: self.name.clone(), reason };
        self.open()?.take(4).read_to_end(&mut start).map_err(io)?;
        Ok(start)
    }

    pub(super) fn open(&self) -> Result<fs::File, InputError> {
        fs::File::open(&self.path).map_err(|reason| InputError::Io { file: self.name.clone(), reason })
    }

    /// Fails when the file is not the one that was found: still being written, or replaced.
    pub(crate) fn assert_unchanged(&self) -> Result<(), InputError> {
        let same = fs::metadata(&self.path).is_ok_and(|m| m.len() == self.bytes && m.modified().ok() == self.modified);
        if same { Ok(()) } else { Err(InputError::Changed { file: self.name.clone() }) }
    }
}

/// The files of a source, sorted by path.
///
/// # Errors
/// A path or glob without a file, an empty file, a folder.
pub fn find_files(base: &Path, name: &str, source: &Source) -> Result<Vec<InputFile>, InputError> {
    let mut found = Vec::new();
    for pattern in &source.files.0 {
        let none = || InputError::NoFile { source_name: name.to_string(), pattern: pattern.clone() };
        let literal = base.join(pattern);
        let mut paths = Vec::new();
        if literal.exists() {
            paths.push(literal);
        } else {
            // Only the pattern is a pattern: a folder of the study may be called `[2024]`.
            let folder = glob::Pattern::escape(&base.to_string_lossy());
            let full = Path::new(&folder).join(pattern).to_string_lossy().into_owned();
            for path in glob::glob(&full).map_err(|_| none())? {
                paths.push(path.map_err(|e| InputError::Io { file: pattern.clone(), reason: e.into() })?);
            }
        }
        if paths.is_empty() {
            return Err(none());
        }
        found.extend(paths);
    }
    // One file may be named twice, as `a.parquet` and by `*.parquet`: it is read once.
    found.sort_by_cached_key(|p| fs::canonicalize(p).unwrap_or_else(|_| p.clone()));
    found.dedup_by_key(|p| fs::canonicalize(&*p).unwrap_or_else(|_| p.clone()));
    let files: Result<Vec<Vec<InputFile>>, InputError> = found.into_iter().map(InputFile::all).collect();
    let files = files?.concat();
    // Before the name gets into a message.
    if files.iter().any(|f| holds_bsn(&f.name)) {
        return Err(InputError::BsnInName { source_name: name.to_string() });
    }
    Ok(files)
}

/// BLAKE3 hash of a file's bytes, in hexadecimal.
///
/// # Errors
/// When the file can't be read.
pub fn hash_file(file: &InputFile) -> Result<String, InputError> {
    let io = |reason| InputError::Io { file: file.name.clone(), reason };
    let mut hasher = blake3::Hasher::new();
    let mut reader = file.open()?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer).map_err(io)? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        };
    }
    Ok(hasher.finalize().to_hex().to_string())
}
