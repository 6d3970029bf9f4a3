//! Records of separated text, each with the line at which it begins.

use std::io::{self, Read};

use csv_core::{ReadRecordResult, Reader as Core, ReaderBuilder};

/// A record above this is no record: a quote was opened and not closed.
const MOST_BYTES: usize = 16 << 20;

/// Streams records of UTF-8 text. Blank lines are skipped and counted; line ends are LF, CRLF or CR.
pub(super) struct Records {
    inner: Box<dyn Read + Send>,
    /// The separator, where `"` is a quote.
    quotes: Option<u8>,
    /// The bytes of a record that goes on behind the end of a block.
    raw: Vec<u8>,
    block: Vec<u8>,
    at: usize,
    filled: usize,
    /// What ends a cell, a record, or the quick way through one.
    marks: [bool; 256],
    delimiter: u8,
    /// Where the record stands in the block, when it was cut the quick way.
    cut_at: Option<usize>,
    core: Core,
    text: Vec<u8>,
    /// Ends of cells: in the block counted from the record's start, with separators; else in `text`, without them.
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
        let mut marks = [false; 256];
        for mark in [delimiter, b'\n', b'\r'] {
            marks[usize::from(mark)] = true;
        }
        marks[usize::from(b'"')] |= quoting;
        Self {
            inner,
            quotes: quoting.then_some(delimiter),
            raw: Vec::new(),
            block: vec![0; 1 << 17],
            at: 0,
            filled: 0,
            marks,
            delimiter,
            cut_at: None,
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
        let is_first = self.row == 0;
        self.row = self.line;
        // The parser sees the first record, as it knows byte order marks.
        if !is_first && self.cut() {
            return self.checked();
        }
        (self.bytes, self.cells, self.cut_at) = (0, 0, None);
        self.raw.clear();
        let mut start = self.at;
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
                    self.raw.extend_from_slice(&self.block[start..self.filled]);
                    start = 0;
                    self.fill().map_err(|e| io::Error::new(e.kind(), format!("in the row at line {row}: {e}")))?;
                }
                ReadRecordResult::OutputFull if self.text.len() >= MOST_BYTES => {
                    let what =
                        format!("the row at line {} is over 16 MB; is a quote (\") never closed there?", self.row);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    // Only the last record of a file can end without the end of its line, so with an open quote.
                    let is_last = self.ended && self.filled == 0;
                    if is_last && self.quotes.is_some_and(|delimiter| has_open_quote(&self.raw, delimiter)) {
                        let what = format!("in the row at line {}: a quote (\") is opened and never closed", self.row);
                        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                    }
                    return self.checked();
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// Cuts a record that lies whole in the block and has no quote, as nearly all do: the parser's table of states would take
    /// most of the time of reading. False when the record is another one; then nothing has happened.
    fn cut(&mut self) -> bool {
        let start = self.at;
        self.cells = 0;
        for (length, &byte) in self.block[start..self.filled].iter().enumerate() {
            if !self.marks[usize::from(byte)] {
                continue;
            }
            if byte == b'"' {
                return false;
            }
            if self.cells == self.ends.len() {
                self.ends.resize(self.ends.len() * 2, 0);
            }
            self.ends[self.cells] = length;
            self.cells += 1;
            if byte != self.delimiter {
                (self.at, self.bytes, self.cut_at) = (start + length + 1, length, Some(start));
                (self.line, self.last) = (self.line + 1, byte);
                return true;
            }
        }
        false
    }

    fn checked(&self) -> io::Result<bool> {
        let record = self.cut_at.map_or(&self.text[..], |start| &self.block[start..]);
        match std::str::from_utf8(&record[..self.bytes]) {
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
        let before = if i == 0 { 0 } else { self.ends[i - 1] };
        // `checked` has seen the text, and a separator stands between letters.
        let cell = match self.cut_at {
            Some(start) => &self.block[start + before + usize::from(i > 0)..start + self.ends[i]],
            None => &self.text[before..self.ends[i]],
        };
        std::str::from_utf8(cell).unwrap_or_default()
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

/// True when a quote of this record is opened and never closed: the parser would take all rows after it for one
/// field, and they would be lost without a word.
fn has_open_quote(record: &[u8], delimiter: u8) -> bool {
    let mut at = At::FieldStart;
    for &byte in record {
        at = match (at, byte) {
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) | (At::FieldStart | At::Quote, b'"') => At::Quoted,
            (_, b'\n' | b'\r') => At::FieldStart,
            (_, b) if b == delimiter => At::FieldStart,
            _ => At::Plain,
        };
    }
    at == At::Quoted
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

    /// Records of text in blocks of any size: cut the quick way or parsed, they are the same.
    #[test]
    fn the_quick_way_cuts_as_the_parser_does() {
        struct Crumbs(io::Cursor<Vec<u8>>, usize);
        impl Read for Crumbs {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let most = buffer.len().min(self.1);
                self.0.read(&mut buffer[..most])
            }
        }
        let wide = ["x"; 200].join(";");
        let text = format!("a;b\n1;\r\n;;\r\r\n2;\"x;\n\"\"y\";z\n\u{feff}3;é\r;\n{wide}\n4;5\"6\n\n\n7");
        let all = |most: usize| {
            let mut records =
                Records::new(Box::new(Crumbs(io::Cursor::new(text.clone().into_bytes()), most)), b';', true);
            let mut found: Vec<Record> = Vec::new();
            while records.next().expect("reads") {
                found.push((records.row(), records.cells().map(String::from).collect()));
            }
            (found, records.blank)
        };
        // One byte at a time, no record lies whole in a block.
        let parsed = all(1);
        assert_eq!(parsed.0.len(), 9);
        for most in [2, 3, 5, 7, 11, 64, 1000] {
            assert_eq!(all(most), parsed, "{most}");
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
