//! How schools and DUO write things down: separated lines with CRLF, Dutch and ISO days, decimal commas, Windows-1252.

use crate::vocab::Day;

/// A text file that grows line by line.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    text: String,
    rows: u64,
}

impl Lines {
    /// Appends the fields with `separator` between them, as they are: nothing in them may need a quote.
    pub fn plain(&mut self, separator: char, fields: &[&str]) {
        for (k, field) in fields.iter().enumerate() {
            debug_assert!(!field.contains([separator, '"', '\n', '\r']), "a field that needs a quote");
            if k > 0 {
                self.text.push(separator);
            }
            self.text.push_str(field);
        }
        self.end();
    }

    /// Appends the fields with a semicolon between them, each in quotes.
    pub fn quoted(&mut self, fields: &[&str]) {
        for (k, field) in fields.iter().enumerate() {
            self.text.push_str(if k > 0 { ";\"" } else { "\"" });
            self.text.push_str(&field.replace('"', "\"\""));
            self.text.push('"');
        }
        self.end();
    }

    fn end(&mut self) {
        self.text.push_str("\r\n");
        self.rows += 1;
    }

    /// Lines so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes in UTF-8.
    pub fn utf8(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// The bytes in UTF-8 after a byte order mark.
    pub fn utf8_bom(self) -> Vec<u8> {
        [b"\xef\xbb\xbf".as_slice(), self.text.as_bytes()].concat()
    }

    /// The bytes in Windows-1252.
    pub fn windows_1252(self) -> Vec<u8> {
        let (bytes, _, lost) = encoding_rs::WINDOWS_1252.encode(&self.text);
        debug_assert!(!lost, "a character that Windows-1252 does not have");
        bytes.into_owned()
    }
}

/// Year, month and day of a day number.
pub(super) fn parts(day: i32) -> (i16, i8, i8) {
    let date = Day(day).date().expect("days of a region lie in the calendar");
    (date.year(), date.month(), date.day())
}

/// `2024-10-07`.
pub(super) fn iso(day: i32) -> String {
    let (y, m, d) = parts(day);
    format!("{y:04}-{m:02}-{d:02}")
}

/// `07-10-2024`.
pub(super) fn dutch(day: i32) -> String {
    let (y, m, d) = parts(day);
    format!("{d:02}-{m:02}-{y:04}")
}

/// `20241007`.
pub(super) fn compact(day: i32) -> String {
    let (y, m, d) = parts(day);
    format!("{y:04}{m:02}{d:02}")
}

/// The shortest text that reads back as `value`, with a decimal comma.
pub(super) fn comma(value: f64) -> String {
    value.to_string().replace('.', ",")
}

/// The school year that holds the first half-year before `year`'s summer: `2023-2024` for 2024.
pub(super) fn school_year(end: i16) -> String {
    format!("{}-{end}", end - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_numbers_and_letters_are_written_the_dutch_way() {
        let day = Day::ymd(2024, 10, 7).expect("a date").0;
        assert_eq!([iso(day), dutch(day), compact(day)], ["2024-10-07", "07-10-2024", "20241007"]);
        assert_eq!([comma(15.42), comma(45.0), comma(-0.1)], ["15,42", "45", "-0,1"]);
        assert_eq!(school_year(2024), "2023-2024");
        let mut lines = Lines::default();
        lines.plain(';', &["é", ""]);
        lines.quoted(&["a\"b", "c"]);
        assert_eq!(lines.rows(), 2);
        assert_eq!(lines.windows_1252(), b"\xe9;\r\n\"a\"\"b\";\"c\"\r\n");
    }
}
