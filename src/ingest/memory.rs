//! How much memory a run may take, and where it puts what does not fit.
//!
//! What is large and looked at piece by piece, dated activities and the columns of models, is written to a file that has no name:
//! it is gone with the process, however that ends.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Something larger than this share of the limit is put aside.
const SHARE: u64 = 8;

/// A number of bytes, as people write it: `512MB`, `2 GB`, `1.5GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySize(pub u64);

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let unit = match text[at..].trim().to_ascii_lowercase().as_str() {
            "mb" | "m" => 1e6,
            "gb" | "g" => 1e9,
            "mib" => f64::from(1 << 20),
            "gib" => f64::from(1 << 30),
            _ => return Err("a number with MB, GB, MiB or GiB, such as 512MB".into()),
        };
        let bytes = text[..at].parse::<f64>().map_err(|_| "a number with a unit, such as 512MB".to_string())? * unit;
        if bytes < 64e6 { Err("at least 64MB".into()) } else { Ok(Self(bytes as u64)) }
    }
}

/// The memory of a run.
#[derive(Clone, Debug, Default)]
pub struct Memory(Option<Limit>);

#[derive(Clone, Debug)]
struct Limit {
    bytes: u64,
    folder: PathBuf,
    /// Why something could not be put aside.
    failure: Arc<OnceLock<io::Error>>,
}

impl Memory {
    /// As much as it takes.
    pub fn unlimited() -> Self {
        Self(None)
    }

    /// About `bytes`; what does not fit goes to a file in `folder`.
    pub fn limited(bytes: MemorySize, folder: &Path) -> Self {
        Self(Some(Limit { bytes: bytes.0, folder: folder.to_path_buf(), failure: Arc::default() }))
    }

    /// The limit, in bytes.
    pub fn limit(&self) -> Option<u64> {
        self.0.as_ref().map(|limit| limit.bytes)
    }

    /// Does two things side by side; one after the other where what both hold at once counts.
    pub fn join<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        if self.limit().is_some() { (a(), b()) } else { rayon::join(a, b) }
    }

    /// A place for something of about so many bytes, where it is too much to be held.
    pub fn aside(&self, bytes: u64) -> Option<Arc<Aside>> {
        let limit = self.0.as_ref().filter(|limit| bytes > limit.bytes / SHARE)?;
        match tempfile::tempfile_in(&limit.folder) {
            Ok(file) => Some(Arc::new(Aside { file, end: AtomicU64::new(0), failure: limit.failure.clone() })),
            Err(e) => {
                let _ = limit.failure.set(e);
                None
            }
        }
    }

    /// Fails when something had no room and was held in memory instead.
    ///
    /// # Errors
    /// Why it had no room.
    pub fn assert_room(&self) -> Result<(), &io::Error> {
        self.0.as_ref().and_then(|limit| limit.failure.get()).map_or(Ok(()), Err)
    }
}

/// A file without a name.
pub struct Aside {
    file: File,
    end: AtomicU64,
    failure: Arc<OnceLock<io::Error>>,
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aside({} bytes)", self.end.load(Ordering::Relaxed))
    }
}

impl Aside {
    /// Puts bytes down and says where; `None` where there is no room for them, which the memory's
    /// [`Memory::assert_room`] then tells.
    pub fn put(&self, bytes: &[u8]) -> Option<u64> {
        if self.failure.get().is_some() {
            return None;
        }
        let at = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        match write_all_at(&self.file, bytes, at) {
            Ok(()) => Some(at),
            Err(e) => {
                let _ = self.failure.set(e);
                None
            }
        }
    }

    /// The bytes at a place where some were put.
    ///
    /// # Panics
    /// If they can't be read any more: no result can be computed then, and none is written.
    pub fn get(&self, at: u64, bytes: &mut [u8]) {
        read_exact_at(&self.file, bytes, at).expect("what was put aside can be read again");
    }
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, at)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => (bytes, at) = (&bytes[n..], at + n as u64),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => (bytes, at) = (&mut bytes[n..], at + n as u64),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let size = |text: &str| text.parse::<MemorySize>().map(|s| s.0);
        assert_eq!(size("512MB"), Ok(512_000_000));
        assert_eq!(size(" 1.5 gib"), Ok(3 << 29));
        assert_eq!(size("2g"), Ok(2_000_000_000));
        for wrong in ["512", "MB", "1.2.3GB", "-1GB", "1TB", "10MB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_put_aside_comes_back_and_leaves_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::limited(MemorySize(80), folder.path());
        assert!(memory.aside(10).is_none(), "it fits");
        let aside = memory.aside(11).expect("a place");
        let (a, b) = (aside.put(b"een").expect("room"), aside.put(b"twee").expect("room"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "the file has no name");
        let mut bytes = [0; 4];
        aside.get(b, &mut bytes);
        assert_eq!((a, &bytes), (0, b"twee"));
        assert!(memory.assert_room().is_ok());
        assert!(Memory::unlimited().aside(u64::MAX).is_none());
    }

    /// The device on which every write fails for lack of room.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_and_nothing_is_lost() {
        let memory = Memory::limited(MemorySize(80), Path::new("/"));
        let failure = memory.0.as_ref().expect("a limit").failure.clone();
        let file = File::options().write(true).open("/dev/full").expect("a device");
        let aside = Aside { file, end: AtomicU64::new(0), failure };
        assert!(aside.put(b"een").is_none() && aside.put(b"twee").is_none());
        assert_eq!(memory.assert_room().unwrap_err().kind(), io::ErrorKind::StorageFull);
        let nowhere = Memory::limited(MemorySize(80), Path::new("/nowhere"));
        assert!(nowhere.aside(1_000).is_none() && nowhere.assert_room().is_err());
    }
}
