//! Zones: where a file of a run may lie and who may read it (`conventions.md` §1). A writer needs an
//! [`Output`], and an output can't be made without its zone: not labelled is not saved.

use std::marker::PhantomData;

/// One zone of a run's folder.
pub trait Zone {
    /// Folder under `runs/<run_id>/`; empty for the run's own folder.
    const DIR: &'static str;
    /// Unix permissions of the folder.
    const DIR_MODE: u32;
    /// Unix permissions of a file in it.
    const FILE_MODE: u32;
}

/// A zone whose files are not divided by school.
pub trait SharedZone: Zone {}

macro_rules! zone {
    ($(#[$doc:meta])* $name:ident, $dir:literal, $dir_mode:literal, $file_mode:literal $(, $shared:ident)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;
        impl Zone for $name {
            const DIR: &'static str = $dir;
            const DIR_MODE: u32 = $dir_mode;
            const FILE_MODE: u32 = $file_mode;
        }
        $(impl $shared for $name {})?
    };
}

zone!(/// Pupil tables and rejects: the data steward only.
    Restricted, "restricted", 0o700, 0o600, SharedZone);
zone!(/// One school's report and tables: that school only.
    School, "school", 0o700, 0o600);
zone!(/// Full precision for output checking: the researcher inside a trusted environment.
    Research, "research", 0o750, 0o640, SharedZone);
zone!(/// Controlled tables and figures: may leave.
    Release, "release", 0o755, 0o644, SharedZone);
zone!(/// Manifest and results of the run: everybody; no pupil values.
    Meta, "", 0o755, 0o644, SharedZone);

/// Why a path was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is no path inside a zone: write it as folder/file with letters, digits, `.`, `_` and `-` only")]
pub struct BadPath {
    /// The path as given.
    pub path: String,
}

/// A file to be written into zone `Z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output<Z: Zone> {
    path: String,
    bytes: Vec<u8>,
    zone: PhantomData<Z>,
}

impl<Z: SharedZone> Output<Z> {
    /// A file at `path` (relative to the zone, `/` between folders).
    ///
    /// # Errors
    /// [`BadPath`] when the path is empty or absolute, climbs (`..`), or holds other characters than letters,
    /// digits, `.`, `_`, `-` and `/`.
    ///
    /// ```
    /// use lob_effect::disclosure::zone::{Output, Research};
    /// let out = Output::<Research>::new("tidy.parquet", vec![1, 2]).unwrap();
    /// assert_eq!(out.path(), "research/tidy.parquet");
    /// assert!(Output::<Research>::new("../escape", vec![]).is_err());
    /// ```
    pub fn new(path: &str, bytes: Vec<u8>) -> Result<Self, BadPath> {
        Self::checked(path.to_owned(), bytes)
    }
}

impl Output<School> {
    /// A file in one school's folder.
    ///
    /// # Errors
    /// [`BadPath`] when `file` is no plain path, as in [`Output::new`].
    pub fn of_school(folder: &SchoolFolder, file: &str, bytes: Vec<u8>) -> Result<Self, BadPath> {
        Self::checked(format!("{}/{file}", folder.as_str()), bytes)
    }
}

impl<Z: Zone> Output<Z> {
    fn checked(path: String, bytes: Vec<u8>) -> Result<Self, BadPath> {
        if path.split('/').all(is_plain) { Ok(Self { path, bytes, zone: PhantomData }) } else { Err(BadPath { path }) }
    }

    /// Path relative to the run's folder, with the zone's own folder in front.
    pub fn path(&self) -> String {
        if Z::DIR.is_empty() { self.path.clone() } else { format!("{}/{}", Z::DIR, self.path) }
    }

    /// The content.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn is_plain(part: &str) -> bool {
    !part.is_empty()
        && part.chars().any(|c| c != '.')
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// A folder name made from a school key, safe on every file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchoolFolder(String);

/// Longest folder name: leaves room below Windows' 260 characters for the path around it.
const LONGEST: usize = 60;

impl SchoolFolder {
    /// The folder of `key`. Letters, digits, `_` and `-` are kept (a `-` not in front), anything else becomes `_`.
    /// When that changes the key, or the key is empty, long or a name that Windows reserves, eight hexadecimal
    /// digits of the key's BLAKE3 hash follow, so that two keys don't meet in one folder.
    ///
    /// ```
    /// use lob_effect::disclosure::zone::SchoolFolder;
    /// assert_eq!(SchoolFolder::new("12AB00").as_str(), "12AB00");
    /// assert_ne!(SchoolFolder::new("a/b").as_str(), SchoolFolder::new("a:b").as_str());
    /// ```
    pub fn new(key: &str) -> Self {
        let kept = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let mut name: String = key.chars().take(LONGEST).map(|c| if kept(c) { c } else { '_' }).collect();
        if name.starts_with('-') {
            name.replace_range(..1, "_");
        }
        if name.is_empty() {
            name.push_str("school");
        }
        if name != key || is_reserved(&name) {
            let hash = blake3::hash(key.as_bytes()).to_hex();
            name.push('-');
            name.push_str(&hash[..8]);
        }
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Device names that Windows reserves in every folder.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let numbered =
        |device: &str| name.strip_prefix(device).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit());
    matches!(name.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ordinary_keys_stay_themselves() {
        for key in ["12AB00", "school_7", "01-02", "COMENIUS", "console", "COM12"] {
            assert_eq!(SchoolFolder::new(key).as_str(), key);
        }
    }

    #[test]
    fn hostile_keys_become_different_harmless_names() {
        let long = "x".repeat(300);
        let longer = "x".repeat(301);
        let keys = [
            "",
            " ",
            ".",
            "..",
            "../../etc/x",
            "C:\\x",
            "C:/x",
            "CON",
            "con",
            "nul",
            "Com1",
            "LPT9",
            "🏫",
            "school\u{202e}lmth",
            "a b",
            "a_b",
            "a\0b",
            "-rf",
            "é",
            &long,
            &longer,
        ];
        let names: BTreeSet<String> = keys.iter().map(|k| SchoolFolder::new(k).as_str().to_owned()).collect();
        assert_eq!(names.len(), keys.len(), "{names:?}");
        for name in &names {
            assert!(!name.is_empty() && name.len() <= LONGEST + 9, "{name}");
            assert!(is_plain(name) && !name.contains('.') && !name.starts_with('-'), "{name}");
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn an_output_stays_inside_its_zone() {
        for bad in ["", "/etc/x", "a//b", "../x", "a/../b", "a\\b", "C:x", "a/./b", "naam met spatie"] {
            assert!(Output::<Release>::new(bad, vec![]).is_err(), "{bad}");
        }
        let meta = Output::<Meta>::new("manifest.json", b"{}".to_vec()).unwrap();
        assert_eq!((meta.path().as_str(), meta.bytes()), ("manifest.json", b"{}".as_slice()));
        let folder = SchoolFolder::new("../x");
        let page = Output::of_school(&folder, "rapport.html", vec![]).unwrap();
        assert!(page.path().starts_with("school/___x-") && page.path().ends_with("/rapport.html"));
    }

    #[test]
    fn only_the_owner_reads_pupils_and_schools() {
        assert_eq!((Restricted::DIR_MODE, Restricted::FILE_MODE), (0o700, 0o600));
        assert_eq!((School::DIR_MODE, School::FILE_MODE), (0o700, 0o600));
    }
}
