//! The project key: 256 bits of chance in a file of its own, which only its owner reads. Pseudonyms are made with it
//! (`pseudonym.rs`); whoever has it can make them again, so it is never an argument, never printed and never copied
//! into a run. What is printed and written is its *id*.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::parquet::Footer;
use super::{InputError, find_files};
use crate::study::Study;
use crate::study::file::Format;

/// First line of a key file.
const HEAD: &str = "lob-key-v1";
/// Bytes of a key.
const BYTES: usize = 32;
/// A key file is about 130 bytes; nothing longer is read.
const LONGEST: u64 = 1024;

/// Why there is no usable key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Ids must be replaced, and no key is named.
    #[error(
        "LOB-E0701 sources.{source_name}: column `{column}` holds personal ids, and no key is named to replace them: \
         make one with `lob key new FILE --project {project}` and name it in [privacy] key_file or in LOB_KEY_FILE"
    )]
    NotNamed {
        /// Source in the study.
        source_name: String,
        /// The column.
        column: String,
        /// The study's project.
        project: String,
    },
    /// The file can't be opened or read.
    #[error("LOB-E0702 key file {file}: {reason}")]
    Io {
        /// File name.
        file: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// Others than the owner may read or write it.
    #[error(
        "LOB-E0703 key file {file}: others than its owner may read or change it (mode {mode:03o}); it is as good as \
         public. Make it private (chmod 600), and make a new key if others may have read it"
    )]
    Open {
        /// File name.
        file: String,
        /// Permission bits.
        mode: u32,
    },
    /// Not a key file: a password, a shortened key, another file.
    #[error("LOB-E0704 key file {file}: {what}; keys are made by `lob key new`, not written by hand")]
    NoKey {
        /// File name.
        file: String,
        /// What was found, without any of it.
        what: &'static str,
    },
    /// The key of another project.
    #[error(
        "LOB-E0705 key file {file}: is the key of project `{found}`, and this is project `{wanted}`; one key for two \
         projects would let their pupils be linked. Use each project's own key"
    )]
    OtherProject {
        /// File name.
        file: String,
        /// Project in the key file.
        found: String,
        /// Project of the study.
        wanted: String,
    },
    /// Another key than the one by which the data or earlier results were made.
    #[error(
        "LOB-E0706 {place}: its pseudonyms were made with key {recorded}, and the key at hand is {found}; they would \
         not match. Use the key {recorded}, or make all deliveries again with one key"
    )]
    OtherKey {
        /// Where the other id is recorded.
        place: String,
        /// The id recorded there.
        recorded: String,
        /// The id of the key at hand.
        found: String,
    },
    /// A file of this name is there already.
    #[error("LOB-E0707 {file}: exists already; a key is never overwritten")]
    Exists {
        /// File name.
        file: String,
    },
    /// The system gave no random bytes.
    #[error("LOB-E0708 the system gave no random bytes, so no key was made")]
    NoChance,
}

/// A key and the project it belongs to. Its secret has no way out but [`ProjectKey::mac`].
#[derive(Clone)]
pub struct ProjectKey {
    project: String,
    secret: [u8; BYTES],
    id: String,
}

impl fmt::Debug for ProjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectKey").field("project", &self.project).field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Id of the key that was in use.
    pub old: String,
    /// Id of the new key.
    pub new: String,
    /// Where the old key is kept.
    pub kept: PathBuf,
}

impl ProjectKey {
    /// A key from its parts, for test vectors.
    pub fn new(project: &str, secret: [u8; BYTES]) -> Self {
        let hash = Sha256::new().chain_update("lob-key-id v1\x1f").chain_update(project).chain_update([0x1f]);
        let hash = hash.chain_update(secret).finalize();
        Self { project: project.to_string(), secret, id: hex(&hash[..8]) }
    }

    /// Makes a key of 256 bits from the system's source of chance and writes it to a new file that only its owner
    /// reads.
    ///
    /// # Errors
    /// [`KeyError::Exists`], [`KeyError::Io`], [`KeyError::NoChance`].
    pub fn create(path: &Path, project: &str) -> Result<Self, KeyError> {
        let mut secret = [0; BYTES];
        getrandom::fill(&mut secret).map_err(|_| KeyError::NoChance)?;
        let key = Self::new(project, secret);
        key.write_new(path)?;
        Ok(key)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// A file that can't be read, that others may read, or that is no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let file = name_of(path);
        let failed = |reason| KeyError::Io { file: file.clone(), reason };
        let mut handle = File::open(path).map_err(failed)?;
        let meta = handle.metadata().map_err(failed)?;
        if !meta.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        assert_private(&file, &meta)?;
        let mut bytes = Vec::new();
        (&mut handle).take(LONGEST).read_to_end(&mut bytes).map_err(failed)?;
        Self::parse(&bytes).map_err(|what| KeyError::NoKey { file, what })
    }

    fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let no_key = "holds no key but something else, such as a password";
        let text = std::str::from_utf8(bytes).map_err(|_| no_key)?;
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            return Err(no_key);
        }
        let field = |line: Option<&'_ str>, name: &str| -> Option<String> {
            Some(line?.strip_prefix(name)?.strip_prefix(": ")?.trim_end().to_string())
        };
        let project = field(lines.next(), "project").filter(|p| is_project(p)).ok_or("names no project")?;
        let digits = field(lines.next(), "key").ok_or("holds no key")?;
        let secret = unhex(&digits).ok_or("holds text in the place of the key")?;
        let secret: [u8; BYTES] = secret.try_into().map_err(|_| "holds a key that is not 256 bits long")?;
        if !is_random(&secret) {
            return Err("holds a key that was not made by chance");
        }
        Ok(Self::new(&project, secret))
    }

    /// The project whose pupils it hides.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// What may be printed and written: the first 64 bits of a hash of project and key, in hexadecimal. Nothing about
    /// the key follows from it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Fails when another key is `recorded` at `place`: its pseudonyms would match nobody.
    ///
    /// # Errors
    /// [`KeyError::OtherKey`].
    pub fn assert_id(&self, recorded: &str, place: &str) -> Result<(), KeyError> {
        if recorded == self.id {
            return Ok(());
        }
        let (recorded, found) = (recorded.to_string(), self.id.clone());
        Err(KeyError::OtherKey { place: place.to_string(), recorded, found })
    }

    /// HMAC-SHA-256 of `message`.
    pub(super) fn mac(&self, message: &[&[u8]]) -> [u8; BYTES] {
        use hmac::{KeyInit, Mac};
        let mut mac = hmac::Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        message.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    /// Whether `bytes` hold the key: as it is, or as its file writes it. For the search through what is published.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let written = hex(&self.secret);
        let upper = written.to_uppercase();
        [&self.secret[..], written.as_bytes(), upper.as_bytes()]
            .iter()
            .any(|secret| bytes.windows(secret.len()).any(|window| window == *secret))
    }

    /// Puts a new key in the place of the one in `path`, which is kept beside it as `NAME.<id>.old`: results that were
    /// made with it can still be reproduced.
    ///
    /// # Errors
    /// As [`ProjectKey::read`] and [`ProjectKey::create`].
    pub fn rotate(path: &Path) -> Result<Rotated, KeyError> {
        let old = Self::read(path)?;
        let kept = path.with_file_name(format!("{}.{}.old", name_of(path), old.id));
        let fresh = path.with_file_name(format!("{}.new", name_of(path)));
        if kept.exists() {
            return Err(KeyError::Exists { file: name_of(&kept) });
        }
        let new = Self::create(&fresh, &old.project)?;
        let moved = |reason| KeyError::Io { file: name_of(path), reason };
        fs::rename(path, &kept).map_err(moved)?;
        fs::rename(&fresh, path).map_err(moved)?;
        sync_folder(path);
        Ok(Rotated { old: old.id, new: new.id, kept })
    }

    /// Overwrites the key in `path` and removes the file. Returns the id of the key that was in it.
    ///
    /// # Errors
    /// As [`ProjectKey::read`]: what is no key is left alone.
    pub fn destroy(path: &Path) -> Result<String, KeyError> {
        let key = Self::read(path)?;
        let failed = |reason| KeyError::Io { file: name_of(path), reason };
        let mut file = File::options().write(true).open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        for filling in [0xff, 0x00] {
            file.rewind().map_err(failed)?;
            io::copy(&mut io::repeat(filling).take(length), &mut file).map_err(failed)?;
            file.sync_all().map_err(failed)?;
        }
        drop(file);
        fs::remove_file(path).map_err(failed)?;
        sync_folder(path);
        Ok(key.id)
    }

    /// Keys that rotations of `path` have kept.
    pub fn kept(path: &Path) -> Vec<PathBuf> {
        let start = format!("{}.", name_of(path));
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_old = |p: &PathBuf| {
            let name = name_of(p);
            name.starts_with(&start) && name.ends_with(".old")
        };
        let mut found: Vec<PathBuf> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).filter(is_old).collect();
        found.sort();
        found
    }

    fn write_new(&self, path: &Path) -> Result<(), KeyError> {
        let failed = |reason: io::Error| match reason.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists { file: name_of(path) },
            _ => KeyError::Io { file: name_of(path), reason },
        };
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        // The mode above is cut by the umask; here it is what it must be.
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
        let text = format!("{HEAD}\nproject: {}\nkey: {}\n", self.project, hex(&self.secret));
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        sync_folder(path);
        Ok(())
    }
}

/// The environment variable that names the key file where the study does not.
pub const KEY_FILE_VARIABLE: &str = "LOB_KEY_FILE";

/// The project of a study: whose pupils have the same pseudonyms.
pub fn project_of(study: &Study) -> &str {
    study.privacy.project.as_ref().unwrap_or(&study.study.id)
}

/// The key that the study names, or `LOB_KEY_FILE`; `None` when neither names one.
///
/// # Errors
/// A file that is no key, or the key of another project, or another key than `privacy.key_id` asks for.
pub fn key_of(study: &Study, base: &Path) -> Result<Option<ProjectKey>, KeyError> {
    let named = study.privacy.key_file.as_ref().map(|file| base.join(file));
    let path = named.or_else(|| std::env::var_os(KEY_FILE_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from));
    let Some(path) = path else { return Ok(None) };
    let key = ProjectKey::read(&path)?;
    let wanted = project_of(study);
    if key.project() != wanted {
        let (found, wanted) = (key.project().to_string(), wanted.to_string());
        return Err(KeyError::OtherProject { file: name_of(&path), found, wanted });
    }
    if let Some(recorded) = &study.privacy.key_id {
        key.assert_id(recorded, "privacy.key_id")?;
    }
    Ok(Some(key))
}

/// The key ids that the files of a study record, each with the file's name.
///
/// # Errors
/// Files that can't be opened.
pub fn recorded_keys(study: &Study, base: &Path) -> Result<Vec<(String, String)>, InputError> {
    let mut found = Vec::new();
    let made = study.canonical_tables();
    // Canonical tables that `lob ingest` will make are not there yet.
    for (name, source) in study.sources.iter().filter(|(name, _)| !made.contains(&name.as_str())) {
        for file in find_files(base, name, source)? {
            // Only Parquet has a place for it; no other format is opened for this.
            if source.format.unwrap_or_else(|| Format::of_name(&file.name)) == Format::Parquet {
                let id = Footer::read(&file)?.key_id();
                found.extend(id.map(|id| (file.name.clone(), id)));
            }
        }
    }
    Ok(found)
}

/// Fails when the files of a study were pseudonymised with different keys, or with another one than `key`: then nobody
/// would match, and it would look as if nobody had come through.
///
/// # Errors
/// [`KeyError::OtherKey`], or files that can't be opened.
pub fn assert_one_key(study: &Study, base: &Path, key: Option<&ProjectKey>) -> Result<(), InputError> {
    let recorded = recorded_keys(study, base)?;
    let wanted = key.map(ProjectKey::id).or(recorded.first().map(|(_, id)| id.as_str()));
    match recorded.iter().find(|(_, id)| Some(id.as_str()) != wanted) {
        None => Ok(()),
        Some((file, id)) => Err(KeyError::OtherKey {
            place: file.clone(),
            recorded: id.clone(),
            found: wanted.unwrap_or_default().to_string(),
        }
        .into()),
    }
}

/// Letters, digits, `-`, `_` and `.`: what may name a project.
pub fn is_project(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 100 && name.bytes().all(is_plain)
}

/// False for what no source of chance gives: fewer than 8 different bytes among 32 (one in 10¹⁶), or only printable
/// characters (one in 10¹³), which is a sentence somebody typed.
fn is_random(secret: &[u8; BYTES]) -> bool {
    let different: std::collections::BTreeSet<u8> = secret.iter().copied().collect();
    different.len() >= 8 && !secret.iter().all(|b| (b' '..=b'~').contains(b))
}

#[cfg(unix)]
fn assert_private(file: &str, meta: &fs::Metadata) -> Result<(), KeyError> {
    let mode = std::os::unix::fs::MetadataExt::mode(meta) & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::Open { file: file.to_string(), mode }) }
}

#[cfg(not(unix))]
fn assert_private(_: &str, _: &fs::Metadata) -> Result<(), KeyError> {
    Ok(())
}

/// A folder that can't be flushed is no reason to fail: the file itself was.
fn sync_folder(path: &Path) {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let _ = File::open(folder).and_then(|f| f.sync_all());
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        for half in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(half), 16).expect("less than 16"));
        }
        out
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|d| d.len().is_multiple_of(2))?;
    digits.chunks(2).map(|pair| u8::try_from(16 * pair[0] + pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    fn refusal(text: &str) -> &'static str {
        ProjectKey::parse(text.as_bytes()).expect_err("no key")
    }

    #[test]
    fn a_new_key_is_read_back_and_never_overwritten() {
        let dir = folder();
        let path = dir.path().join("project.key");
        let made = ProjectKey::create(&path, "regio").expect("a key");
        let read = ProjectKey::read(&path).expect("the same key");
        assert_eq!((made.id(), made.secret), (read.id(), read.secret));
        assert_eq!(read.project(), "regio");
        assert!(matches!(ProjectKey::create(&path, "regio"), Err(KeyError::Exists { .. })));
        let other = ProjectKey::create(&dir.path().join("other.key"), "regio").expect("a key");
        assert_ne!(made.id(), other.id());
        assert!(!format!("{made:?}").contains(&hex(&made.secret)), "the secret was printed");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let good = "lob-key-v1\nproject: regio\nkey: ";
        let digits = hex(&std::array::from_fn::<u8, 32, _>(|i| 7u8.wrapping_mul(i as u8).wrapping_add(200)));
        assert!(ProjectKey::parse(format!("{good}{digits}\n").as_bytes()).is_ok());
        assert!(refusal("geheim").contains("password"));
        assert!(refusal(&format!("{good}{}", &digits[..62])).contains("256 bits"));
        assert!(refusal(&format!("{good}een lang wachtwoord dat niemand raadt")).contains("text"));
        assert!(refusal(&format!("{good}{}", "00".repeat(32))).contains("chance"));
        assert!(refusal(&format!("{good}{}", hex(b"een lang wachtwoord als 32 bytes"))).contains("chance"));
        assert!(refusal(&format!("lob-key-v1\nproject: a b\nkey: {digits}")).contains("project"));
        assert!(refusal("lob-key-v1\nproject: a\n").contains("no key"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = folder();
        let path = dir.path().join("k");
        ProjectKey::create(&path, "regio").expect("a key");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602] {
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("sets");
            assert!(matches!(ProjectKey::read(&path), Err(KeyError::Open { mode: m, .. }) if m == mode), "{mode:o}");
        }
        fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).expect("sets");
        assert!(ProjectKey::read(&path).is_ok());
    }

    #[test]
    fn rotation_keeps_the_old_key_and_destruction_leaves_none() {
        let dir = folder();
        let path = dir.path().join("k");
        let first = ProjectKey::create(&path, "regio").expect("a key");
        let rotated = ProjectKey::rotate(&path).expect("rotates");
        assert_eq!(rotated.old, first.id());
        assert_eq!(ProjectKey::read(&path).expect("new").id(), rotated.new);
        assert_eq!(ProjectKey::read(&rotated.kept).expect("old").secret, first.secret);
        assert_eq!(ProjectKey::kept(&path), vec![rotated.kept.clone()]);
        assert_eq!(ProjectKey::destroy(&path).expect("gone"), rotated.new);
        assert!(!path.exists() && rotated.kept.exists());
        fs::write(&path, "geen sleutel").expect("writes");
        assert!(ProjectKey::destroy(&path).is_err() && path.exists(), "what is no key is left alone");
    }

    #[test]
    fn the_key_is_found_in_bytes() {
        let key = ProjectKey::new("p", std::array::from_fn(|i| 31 * i as u8));
        assert!(key.is_in(format!("x{}y", hex(&key.secret)).as_bytes()));
        assert!(key.is_in(hex(&key.secret).to_uppercase().as_bytes()));
        assert!(key.is_in(&[b"ab", &key.secret[..], b"c"].concat()));
        assert!(!key.is_in(key.id().as_bytes()));
    }
}
