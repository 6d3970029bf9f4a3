//! Gzip and zip. Members are unpacked while they are read; what unpacks to more than it may is refused.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

use super::InputError;
use super::files::InputFile;

/// Bytes that unpack to more than this many times their number, and to more than [`FREE`], are a bomb.
const MOST_RATIO: u64 = 200;
/// Unpacked bytes that are always allowed.
const FREE: u64 = 256 << 20;
/// Members of one archive.
const MOST_MEMBERS: usize = 10_000;

/// How a file is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    /// One member of a zip archive.
    Zip(Member),
}

/// Where a member of a zip archive stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    start: u64,
    packed: u64,
    unpacked: u64,
    crc: u32,
    deflated: bool,
}

impl Packing {
    /// The word in a manifest.
    pub(super) fn word(&self) -> Option<&'static str> {
        match self {
            Packing::Plain => None,
            Packing::Gzip => Some("gzip"),
            Packing::Zip(_) => Some("zip"),
        }
    }
}

/// The content of a file, unpacked.
pub(super) fn content(file: &InputFile) -> Result<Box<dyn Read + Send>, InputError> {
    let raw = file.open()?;
    Ok(match &file.packing {
        Packing::Plain => Box::new(BufReader::with_capacity(1 << 17, raw)),
        Packing::Gzip => {
            let packed = BufReader::with_capacity(1 << 17, raw);
            Box::new(Limited { inner: MultiGzDecoder::new(packed), left: limit(file.bytes) })
        }
        Packing::Zip(member) => {
            member.content(raw).map_err(|reason| InputError::Io { file: file.name.clone(), reason })?
        }
    })
}

fn limit(packed: u64) -> u64 {
    FREE.max(packed.saturating_mul(MOST_RATIO))
}

/// Fails when more comes out than is allowed.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than 200 times its size (a bomb?)")
        })?;
        Ok(n)
    }
}

impl Member {
    fn content(&self, mut archive: File) -> io::Result<Box<dyn Read + Send>> {
        archive.seek(SeekFrom::Start(self.start))?;
        let packed = BufReader::with_capacity(1 << 17, archive).take(self.packed);
        let inner: Box<dyn Read + Send> =
            if self.deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Ok(Box::new(Checked { inner, left: self.unpacked, crc: Crc::new(), expected: self.crc }))
    }
}

/// Compares length and checksum of a member with what its archive says.
struct Checked {
    inner: Box<dyn Read + Send>,
    left: u64,
    crc: Crc,
    expected: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let damaged = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let n = self.inner.read(buffer)?;
        self.crc.update(&buffer[..n]);
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| damaged("it holds more than its archive says"))?;
        if n == 0 && !buffer.is_empty() && (self.left > 0 || self.crc.sum() != self.expected) {
            return Err(damaged("it is not what its archive says (cut off or changed)"));
        }
        Ok(n)
    }
}

/// The members of a zip archive that are files, as input files named `archive.zip/member`, in order of name.
pub(super) fn members(archive: &InputFile) -> Result<Vec<InputFile>, InputError> {
    let error = |detail: String| InputError::Packed { file: archive.name.clone(), detail };
    let damaged = |e: zip::result::ZipError| error(format!("damaged or not zip: {}", shown(&e)));
    let mut zip = zip::ZipArchive::new(BufReader::new(archive.open()?)).map_err(damaged)?;
    if zip.len() > MOST_MEMBERS {
        return Err(error(format!("it has {} members, at most {MOST_MEMBERS} are read", zip.len())));
    }
    let (mut found, mut total) = (Vec::new(), 0u64);
    for i in 0..zip.len() {
        let member = zip.by_index_raw(i).map_err(damaged)?;
        let path = member.name().map_err(damaged)?.into_owned();
        if path == "[Content_Types].xml" {
            // A workbook under another name.
            return Ok(vec![archive.clone()]);
        }
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default().to_string();
        if member.is_dir() || name.is_empty() || name.starts_with('.') || path.starts_with("__MACOSX/") {
            continue;
        }
        if member.encrypted() {
            return Err(error("it is protected with a password; unpack it first".into()));
        }
        let deflated = match member.compression() {
            zip::CompressionMethod::Stored => false,
            zip::CompressionMethod::Deflated => true,
            other => return Err(error(format!("method {other:?} is not supported; pack it with deflate"))),
        };
        total = total.saturating_add(member.size());
        if total > limit(archive.bytes) || member.size() > limit(member.compressed_size().min(archive.bytes)) {
            return Err(error("it claims to unpack to more than 200 times its size (a bomb?)".into()));
        }
        let start = member.data_start().ok_or_else(|| error("a member has no place in it".into()))?;
        let packing = Packing::Zip(Member {
            start,
            packed: member.compressed_size(),
            unpacked: member.size(),
            crc: member.crc32(),
            deflated,
        });
        found.push(archive.member(&name, packing));
    }
    if found.is_empty() {
        return Err(error("it holds no file".into()));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The error of the archive without names of its members: they may hold a person's.
fn shown(error: &zip::result::ZipError) -> &'static str {
    match error {
        zip::result::ZipError::Io(_) => "cut off",
        zip::result::ZipError::UnsupportedArchive(_) => "a kind of archive that is not supported",
        _ => "its table of contents is not right",
    }
}
