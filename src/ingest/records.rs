//! Records of separated text, each with the line at which it begins.

use std::io::{self, Read};

use csv_core::{ReadRecordResult, Reader as Core, ReaderBuilder};

/// A record above this is no record: a quote was opened and not closed.
const MOST_BYTES: usize = 16 << 20;

/// Streams records of UTF-8 text. Blank lines are skipped and counted; line ends are LF, CRLF or CR.
pub(super) struct Records {
    inner: Box<dyn Read + Send>,
    block: Vec<u8>,
    at: usize,
    filled: usize,
    core: Core,
    text: Vec<u8>,
    ends: Vec<usize>,
    cells: usize,
    bytes: usize,
    /// Line at which the next byte stands.
    line: u64,
    /// The byte before the next one.
    last: u8,
    /// Line at which the record began.
    row: u64,
    /// Blank lines so far.
    pub(super) blank: u64,
    ended: bool,
}

impl Records {
    /// Records of `inner`; `"` is a quote only where `quoting`.
    pub(super) fn new(inner: Box<dyn Read + Send>, delimiter: u8, quoting: bool) -> Self {
        let core = ReaderBuilder::new().delimiter(delimiter).quoting(quoting).build();
        let inner: Box<dyn Read + Send> =
            if quoting { Box::new(Quotes { inner, delimiter, at: At::FieldStart }) } else { inner };
        Self {
            inner,
            block: vec![0; 1 << 17],
            at: 0,
            filled: 0,
            core,
            text: vec![0; 1 << 12],
            ends: vec![0; 64],
            cells: 0,
            bytes: 0,
            line: 1,
            last: 0,
            row: 0,
            blank: 0,
            ended: false,
        }
    }

    /// Reads the next record; false at the end.
    ///
    /// # Errors
    /// Reading, an unclosed quote, text that is not UTF-8; the line is in the message.
    pub(super) fn next(&mut self) -> io::Result<bool> {
        self.skip_line_ends()?;
        self.row = self.line;
        (self.bytes, self.cells) = (0, 0);
        loop {
            let input = &self.block[self.at..self.filled];
            let (result, read, written, ended) =
                self.core.read_record(input, &mut self.text[self.bytes..], &mut self.ends[self.cells..]);
            (self.line, self.last) =
                (self.line + lines(&input[..read], self.last), input[..read].last().copied().unwrap_or(self.last));
            self.at += read;
            self.bytes += written;
            self.cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {
                    let row = self.row;
                    self.fill().map_err(|e| io::Error::new(e.kind(), format!("in the row at line {row}: {e}")))?;
                }
                ReadRecordResult::OutputFull if self.text.len() >= MOST_BYTES => {
                    let what =
                        format!("the row at line {} is over 16 MB; is a quote (\") never closed there?", self.row);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => return self.checked(),
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    fn checked(&self) -> io::Result<bool> {
        match std::str::from_utf8(&self.text[..self.bytes]) {
            Ok(_) => Ok(true),
            Err(_) => {
                let what = format!("the row at line {} is not UTF-8", self.row);
                Err(io::Error::new(io::ErrorKind::InvalidData, what))
            }
        }
    }

    /// Line at which the record began, counted from 1.
    pub(super) fn row(&self) -> u64 {
        self.row
    }

    /// Number of cells.
    pub(super) fn len(&self) -> usize {
        self.cells
    }

    /// Cell `i`; empty when the record has no such cell.
    pub(super) fn cell(&self, i: usize) -> &str {
        if i >= self.cells {
            return "";
        }
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        // `checked` has seen the text, and a separator stands between letters.
        std::str::from_utf8(&self.text[start..self.ends[i]]).unwrap_or_default()
    }

    /// All cells.
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.cells).map(|i| self.cell(i))
    }

    fn fill(&mut self) -> io::Result<()> {
        self.at = 0;
        self.filled = 0;
        while self.filled == 0 && !self.ended {
            match self.inner.read(&mut self.block) {
                Ok(0) => self.ended = true,
                Ok(n) => self.filled = n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Passes the rest of a line end, and blank lines.
    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            if self.at == self.filled {
                if self.ended {
                    return Ok(());
                }
                self.fill()?;
                continue;
            }
            let byte = self.block[self.at];
            match byte {
                b'\n' if self.last == b'\r' => {}
                b'\n' | b'\r' => {
                    self.line += 1;
                    self.blank += 1;
                }
                _ => return Ok(()),
            }
            self.last = byte;
            self.at += 1;
        }
    }
}

/// Line ends in `bytes`; CRLF is one, also when `before` was its CR.
fn lines(bytes: &[u8], before: u8) -> u64 {
    let of = |wanted: u8| bytes.iter().filter(|b| **b == wanted).count() as u64;
    let returns = of(b'\r');
    if returns == 0 {
        return of(b'\n') - u64::from(before == b'\r' && bytes.first() == Some(&b'\n'));
    }
    let mut before = before;
    let mut found = 0;
    for &byte in bytes {
        found += u64::from(byte == b'\r' || byte == b'\n' && before != b'\r');
        before = byte;
    }
    found
}

/// Passes bytes on and fails at the end of a file in which a quote was opened and never closed: the parser takes
/// all rows after it for one field, and they would be lost without a word.
struct Quotes {
    inner: Box<dyn Read + Send>,
    delimiter: u8,
    at: At,
}

/// Where in a record the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote inside quotes: the end of the field, or the first half of a doubled quote.
    Quote,
}

impl Quotes {
    fn next(&self, byte: u8) -> At {
        match (self.at, byte) {
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) | (At::FieldStart | At::Quote, b'"') => At::Quoted,
            (_, b'\n' | b'\r') => At::FieldStart,
            (_, b) if b == self.delimiter => At::FieldStart,
            _ => At::Plain,
        }
    }
}

impl Read for Quotes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let new = &buffer[..n];
        // Most files hold no quote at all; then only the last byte tells where we are.
        let all_plain = self.at != At::Quoted && !new.contains(&b'"');
        for &byte in if all_plain { &new[n.saturating_sub(1)..] } else { new } {
            self.at = self.next(byte);
        }
        if n == 0 && !buffer.is_empty() && self.at == At::Quoted {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a quote (\") is opened and never closed"));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record's line and cells.
    type Record = (u64, Vec<String>);

    fn read(text: &str, quoting: bool) -> io::Result<(Vec<Record>, u64)> {
        let mut records = Records::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())), b';', quoting);
        let mut found = Vec::new();
        while records.next()? {
            found.push((records.row(), records.cells().map(String::from).collect()));
        }
        Ok((found, records.blank))
    }

    #[test]
    fn rows_are_the_lines_at_which_records_begin() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a;b", "1;\"x", "y\"", "", "2;z"].join(end);
            let (rows, blank) = read(&text, true).expect("reads");
            let lines: Vec<u64> = rows.iter().map(|r| r.0).collect();
            assert_eq!((lines, blank), (vec![1, 2, 5], 1), "{end:?}");
            assert_eq!(rows[1].1, ["1".to_string(), format!("x{end}y")]);
        }
    }

    #[test]
    fn a_quote_is_a_letter_where_files_have_none() {
        let (rows, _) = read("1;\"x\n2;y\"\n", false).expect("reads");
        assert_eq!(rows[0].1, ["1", "\"x"]);
        let said = read("a;b\n1;\"x\n2;y\n", true).expect_err("it never closes").to_string();
        assert!(said.contains("line 2") && said.contains("never closed"), "{said}");
    }
}
