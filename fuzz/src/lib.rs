//! What the targets share: bytes go into a file, and the file through the reader that a study would use. Whatever the
//! bytes are, the answer is a table or an error in words: never a panic, an endless loop or a leap in memory.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lob_effect::ingest::{Silence, find_files, profile};
use lob_effect::study::file::{Format, Names, Source};
use tempfile::TempDir;

/// A folder in memory where the system has one, so that disks are spared.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let make = || {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.expect("a temporary folder")
    };
    FOLDER.get_or_init(make).path()
}

/// Reads `bytes` as a file called `name` of this format, every cell of every column.
pub fn read(bytes: &[u8], name: &str, format: Format, table: Option<&str>) {
    let path: PathBuf = folder().join(name);
    std::fs::write(&path, bytes).expect("the folder takes it");
    let source = Source {
        files: Names(vec![name.to_string()]),
        format: Some(format),
        table: table.map(String::from),
        ..Source::default()
    };
    let Ok(files) = find_files(folder(), "fuzz", &source) else { return };
    for file in files {
        // Both answers are right; a panic is not.
        let _ = profile(&file, &source, &Silence);
    }
}
