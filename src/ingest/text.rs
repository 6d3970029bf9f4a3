//! Text files as UTF-8, whatever they were written in.
//!
//! One pass over the bytes ([`survey`]) decides the encoding on all of them: a byte order mark tells it; without one
//! the bytes are UTF-8 when all of them are, else Windows-1252 when none of them is UTF-8 beyond ASCII, else the
//! file is a mixture and refused. Nothing is ever replaced.

use std::io::{self, Read};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::InputError;
use super::files::InputFile;
use super::packing;
use crate::study::file::Encoding;

/// What one pass over a text file showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// Unpacked bytes.
    pub(super) bytes: u64,
    pub(super) encoding: Encoding,
    /// Bytes of byte order marks at the start.
    pub(super) marks: usize,
    /// Letters like `Ã©`, that come from a wrong decoding long ago.
    pub(super) mojibake: u64,
    /// Replacement characters.
    pub(super) replaced: u64,
    /// Decoded beginning, at most [`HEAD`] bytes, whole lines where there are any.
    pub(super) head: String,
}

/// Bytes of a file that a decision about its form may look at.
const HEAD: usize = 1 << 16;

/// Unpacked bytes of a file of a format that is held whole while it is read: about a tenth of the memory of a small machine, as what
/// is held takes a few times the file.
const MOST_HELD: u64 = 512 << 20;

impl Survey {
    /// Refuses a file that is too large for a format whose records refer to each other.
    pub(super) fn assert_can_be_held(&self, file: &InputFile) -> Result<(), InputError> {
        if self.bytes <= MOST_HELD {
            return Ok(());
        }
        let (has, most) = (self.bytes >> 20, MOST_HELD >> 20);
        let detail =
            format!("it has {has} MB, and files of this format are held in memory (at most {most} MB); split it");
        Err(InputError::TooLarge { file: file.name.clone(), detail })
    }
}

/// Looks at all bytes of a text file.
///
/// # Errors
/// Bytes that are in no encoding, or in two; zero bytes; damaged archives.
pub(super) fn survey(file: &InputFile, declared: Option<Encoding>) -> Result<Survey, InputError> {
    let mut reader = packing::content(file)?;
    let mut scan = Scan::default();
    let mut head = Vec::new();
    let mut buffer = vec![0; 1 << 17];
    let mut start = Vec::new();
    loop {
        let n = reader.read(&mut buffer).map_err(|e| broken(file, &e))?;
        if n == 0 {
            break;
        }
        if start.len() < 8 {
            start.extend_from_slice(&buffer[..n.min(8)]);
        }
        if head.len() < HEAD {
            head.extend_from_slice(&buffer[..n.min(HEAD - head.len())]);
        }
        scan.push(&buffer[..n]);
    }
    scan.end();
    if scan.bytes == 0 {
        return Err(InputError::Empty { file: file.name.clone() });
    }
    let (encoding, marks) = decide(file, &start, &scan, declared)?;
    let (bytes, mojibake, replaced) = (scan.bytes, scan.mojibake, scan.replaced);
    let mut survey = Survey { bytes, encoding, marks, mojibake, replaced, head: String::new() };
    survey.head = decoded_head(&survey, &head);
    Ok(survey)
}

fn decide(
    file: &InputFile,
    start: &[u8],
    scan: &Scan,
    declared: Option<Encoding>,
) -> Result<(Encoding, usize), InputError> {
    let error = |detail: String| InputError::Encoding { file: file.name.clone(), detail };
    let (marked, marks) = marks(start);
    let (is_wide, zero) = (matches!(marked, Some(Encoding::Utf16le | Encoding::Utf16be)), scan.first_zero);
    let encoding = match (declared, marked) {
        (Some(d), Some(m)) if d != m => {
            return Err(error(format!("the study says {d:?}, the byte order mark says {m:?}; leave `encoding` out")));
        }
        (Some(d), _) => d,
        (None, Some(m)) => m,
        (None, None) if scan.first_bad.is_none() => Encoding::Utf8,
        (None, None) => Encoding::Windows1252,
    };
    let is_wide = is_wide || matches!(encoding, Encoding::Utf16le | Encoding::Utf16be);
    if let (false, Some(at)) = (is_wide, zero) {
        return Err(error(format!(
            "a zero byte (NUL) stands at byte {at}: the file is damaged, or UTF-16 without its mark (then add encoding = \
             \"utf-16le\", or save it as CSV UTF-8)"
        )));
    }
    match (encoding, scan.first_bad) {
        (Encoding::Utf8, Some(at)) => Err(error(format!(
            "byte {at} is not UTF-8, though the {} says so; save it as CSV UTF-8",
            if marked.is_some() { "byte order mark" } else { "study" }
        ))),
        (Encoding::Windows1252, Some(at)) if declared.is_none() && scan.wide > 0 => Err(error(format!(
            "a mixture of encodings: {} letters are UTF-8, byte {at} is not; save it as CSV UTF-8, or say encoding = \
             \"windows-1252\" if that is what it is",
            scan.wide
        ))),
        (Encoding::Windows1252, _) if scan.undefined.is_some() => {
            let at = scan.undefined.unwrap_or_default();
            Err(error(format!("byte {at} is neither UTF-8 nor Windows-1252; save it as CSV UTF-8")))
        }
        _ => Ok((encoding, marks)),
    }
}

/// Encoding by byte order marks, and their bytes; some programs write the mark twice.
fn marks(start: &[u8]) -> (Option<Encoding>, usize) {
    const UTF8: &[u8] = &[0xef, 0xbb, 0xbf];
    if let Some(rest) = start.strip_prefix(UTF8) {
        return (Some(Encoding::Utf8), if rest.starts_with(UTF8) { 6 } else { 3 });
    }
    match start {
        [0xff, 0xfe, ..] => (Some(Encoding::Utf16le), 2),
        [0xfe, 0xff, ..] => (Some(Encoding::Utf16be), 2),
        _ => (None, 0),
    }
}

/// The state of a pass over bytes.
#[derive(Default)]
struct Scan {
    bytes: u64,
    /// The end of the last block: an unfinished letter.
    carry: Vec<u8>,
    first_bad: Option<u64>,
    first_zero: Option<u64>,
    /// First byte that Windows-1252 does not define.
    undefined: Option<u64>,
    /// Whole UTF-8 letters beyond ASCII.
    wide: u64,
    mojibake: u64,
    replaced: u64,
}

impl Scan {
    fn push(&mut self, block: &[u8]) {
        let joined;
        let (bytes, offset) = if self.carry.is_empty() {
            (block, self.bytes)
        } else {
            joined = [&self.carry, block].concat();
            (joined.as_slice(), self.bytes - self.carry.len() as u64)
        };
        self.bytes += block.len() as u64;
        let keep = self.look(bytes, offset);
        self.carry = bytes[bytes.len() - keep..].to_vec();
    }

    fn end(&mut self) {
        if !self.carry.is_empty() {
            let at = self.bytes - self.carry.len() as u64;
            self.first_bad.get_or_insert(at);
            let rest = std::mem::take(&mut self.carry);
            self.undefined_in(&rest, at);
        }
    }

    /// Looks at a block that begins at `offset`; returns how many bytes at its end are an unfinished letter.
    fn look(&mut self, bytes: &[u8], offset: u64) -> usize {
        if bytes.is_ascii() {
            self.zero_in(bytes, offset);
            return 0;
        }
        self.zero_in(bytes, offset);
        let mut from = 0;
        loop {
            match std::str::from_utf8(&bytes[from..]) {
                Ok(text) => {
                    self.letters(text);
                    return 0;
                }
                Err(e) => {
                    let good = &bytes[from..from + e.valid_up_to()];
                    self.letters(std::str::from_utf8(good).unwrap_or_default());
                    let at = from + e.valid_up_to();
                    let Some(skip) = e.error_len() else { return bytes.len() - at };
                    self.first_bad.get_or_insert(offset + at as u64);
                    self.undefined_in(&bytes[at..at + skip], offset + at as u64);
                    from = at + skip;
                }
            }
        }
    }

    fn zero_in(&mut self, bytes: &[u8], offset: u64) {
        if self.first_zero.is_none() && bytes.contains(&0) {
            self.first_zero = bytes.iter().position(|b| *b == 0).map(|at| offset + at as u64);
        }
    }

    fn undefined_in(&mut self, bytes: &[u8], offset: u64) {
        let is_undefined = |b: &u8| matches!(b, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d);
        if self.undefined.is_none() {
            self.undefined = bytes.iter().position(is_undefined).map(|at| offset + at as u64);
        }
    }

    fn letters(&mut self, text: &str) {
        if text.is_ascii() {
            return;
        }
        let mut before = ' ';
        for c in text.chars() {
            if !c.is_ascii() {
                self.wide += 1;
                self.replaced += u64::from(c == '\u{fffd}');
                // UTF-8 read as Windows-1252: its lead bytes are Ã and Â, its second bytes these signs.
                self.mojibake +=
                    u64::from(matches!(before, 'Ã' | 'Â') && matches!(c, '\u{80}'..='\u{bf}' | '€' | '™' | 'œ'));
            }
            before = c;
        }
    }
}

fn decoded_head(survey: &Survey, head: &[u8]) -> String {
    let mut text = String::new();
    let reader = Decoding::new(survey, Box::new(io::Cursor::new(head.to_vec())));
    let mut bytes = Vec::new();
    // The cut may have split a letter; what came before it is whole.
    let _ = reader.and_then(|mut r| r.read_to_end(&mut bytes));
    match std::str::from_utf8(&bytes) {
        Ok(all) => text.push_str(all),
        Err(e) => text.push_str(std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default()),
    }
    if head.len() == HEAD {
        text.truncate(text.rfind('\n').map_or(text.len(), |at| at + 1));
    }
    text
}

/// A surveyed file as UTF-8 without marks.
pub(super) fn open(file: &InputFile, survey: &Survey) -> Result<Box<dyn Read + Send>, InputError> {
    let bytes = packing::content(file)?;
    Decoding::new(survey, bytes).map_err(|e| broken(file, &e))
}

/// Decodes while reading.
struct Decoding {
    inner: Box<dyn Read + Send>,
    decoder: Decoder,
    /// Bytes that were read and not decoded yet.
    raw: Vec<u8>,
    /// Decoded bytes that were not handed out yet.
    ready: Vec<u8>,
    given: usize,
    ended: bool,
}

impl Decoding {
    #[allow(clippy::new_ret_no_self, reason = "UTF-8 needs no decoder")]
    fn new(survey: &Survey, mut inner: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let mut mark = vec![0; survey.marks];
        inner.read_exact(&mut mark)?;
        let encoding = match survey.encoding {
            Encoding::Utf8 => return Ok(inner),
            Encoding::Windows1252 => WINDOWS_1252,
            Encoding::Utf16le => UTF_16LE,
            Encoding::Utf16be => UTF_16BE,
        };
        let decoder = encoding.new_decoder_without_bom_handling();
        Ok(Box::new(Self { inner, decoder, raw: Vec::new(), ready: Vec::new(), given: 0, ended: false }))
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut block = vec![0; 1 << 16];
        let n = self.inner.read(&mut block)?;
        self.ended = n == 0;
        self.raw.extend_from_slice(&block[..n]);
        let room = self.decoder.max_utf8_buffer_length_without_replacement(self.raw.len()).unwrap_or(1 << 19);
        self.ready.resize(room, 0);
        self.given = 0;
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(&self.raw, &mut self.ready, self.ended);
        self.raw.drain(..read);
        self.ready.truncate(written);
        match result {
            encoding_rs::DecoderResult::Malformed(..) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "a letter that its encoding does not have"))
            }
            _ => Ok(()),
        }
    }
}

impl Read for Decoding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && !self.ended {
            self.refill()?;
        }
        let n = buffer.len().min(self.ready.len() - self.given);
        buffer[..n].copy_from_slice(&self.ready[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

fn broken(file: &InputFile, reason: &io::Error) -> InputError {
    match (file.packing.word(), reason.kind()) {
        (None, kind) if kind != io::ErrorKind::InvalidData && kind != io::ErrorKind::UnexpectedEof => {
            InputError::Io { file: file.name.clone(), reason: io::Error::new(reason.kind(), reason.to_string()) }
        }
        (packed, _) => InputError::Corrupt {
            file: file.name.clone(),
            format: packed.unwrap_or("text"),
            detail: reason.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_whole_has_a_largest_size() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("a.csv"), "VLP|99ZA\n").expect("writes");
        let file = InputFile::new(dir.path().join("a.csv")).expect("a file");
        let small = survey(&file, None).expect("text");
        assert_eq!(small.bytes, 9);
        assert!(small.assert_can_be_held(&file).is_ok());
        let large = Survey { bytes: MOST_HELD + (1 << 20), ..small };
        let said = large.assert_can_be_held(&file).expect_err("too large").to_string();
        assert!(said.starts_with("LOB-E0125") && said.contains("513 MB") && said.contains("512 MB"), "{said}");
    }
}
