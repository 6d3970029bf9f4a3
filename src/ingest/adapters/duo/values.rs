//! Cells as DUO writes them (`formats.md` §1): dates in four forms, person numbers in two columns, codes that are
//! text, levels in words.

use crate::ingest::eleven_test;
use crate::ingest::pseudonym::MASKED;
use crate::vocab::Day;

/// A date of which day, or day and month, may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Date {
    pub(in super::super) year: i16,
    pub(in super::super) month: Option<i8>,
    pub(in super::super) day: Option<i8>,
}

impl Date {
    /// The day, when it is known.
    pub(in super::super) fn full(self) -> Option<Day> {
        Day::ymd(self.year, self.month?, self.day?)
    }

    /// Year and month, or the year alone.
    pub(in super::super) fn year_month(self) -> String {
        self.month.map_or_else(|| format!("{:04}", self.year), |m| format!("{:04}-{m:02}", self.year))
    }
}

/// A date as `ccyy-mm-dd`, `ccyymmdd`, `d-m-ccyy` or `dd-mm-ccyy`; the form is decided per value. Zeros stand for an
/// unknown day or day and month. `None` for anything else: an impossible date, a year outside 1900–2100, `99991231`.
pub(in super::super) fn date(cell: &str) -> Option<Date> {
    let parts: Vec<&str> = cell.split('-').collect();
    let (year, month, day) = match parts.as_slice() {
        [all] if all.len() == 8 && all.is_ascii() => (&all[..4], &all[4..6], &all[6..]),
        [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2 => (*year, *month, *day),
        [day, month, year] if year.len() == 4 && short(day) && short(month) => (*year, *month, *day),
        _ => return None,
    };
    let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i16>().ok()).flatten();
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    if !(1900..=2100).contains(&year) || month > 12 || day > 31 || (month == 0 && day != 0) {
        return None;
    }
    let known = |part: i16| i8::try_from(part).ok().filter(|p| *p > 0);
    let date = Date { year, month: known(month), day: known(day) };
    if date.day.is_some() { date.full().map(|_| date) } else { Some(date) }
}

fn short(part: &str) -> bool {
    matches!(part.len(), 1 | 2)
}

/// A date that must be whole; `Ok(None)` when the cell is empty.
pub(in super::super) fn day(cell: &str) -> Result<Option<Day>, ()> {
    if cell.is_empty() {
        return Ok(None);
    }
    date(cell).and_then(Date::full).map(Some).ok_or(())
}

/// The person number in the columns BSN and onderwijsnummer, of which `0` and nothing mean "none".
pub(in super::super) fn person<'c>(bsn: &'c str, onr: &'c str) -> Option<&'c str> {
    let some = |cell: &'c str| (!cell.is_empty() && !cell.bytes().all(|b| b == b'0')).then_some(cell);
    some(bsn).or(some(onr))
}

/// True for `pgn`; false for masked numbers (`1`, `BSN1`, `100000000` and on), which meet no other source.
pub(in super::super) fn is_pgn(number: &str) -> bool {
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    digits && matches!(number.len(), 8 | 9) && (!number.starts_with("100000") || eleven_test(number.as_bytes()))
}

/// The number as it becomes a pseudonym: nine digits, or what was masked behind a word that no number has.
pub(in super::super) fn whole_number(number: &str) -> String {
    match is_pgn(number) {
        true => padded(number, 9),
        false => format!("{MASKED}{number}"),
    }
}

/// BRIN: two digits and two letters.
pub(in super::super) fn is_brin(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    bytes.len() == 4 && bytes[..2].iter().all(u8::is_ascii_digit) && bytes[2..].iter().all(u8::is_ascii_uppercase)
}

/// A code of digits with the zeros that a spreadsheet dropped put back; other codes stay.
pub(in super::super) fn padded(cell: &str, width: usize) -> String {
    let is_short = !cell.is_empty() && cell.len() < width && cell.bytes().all(|b| b.is_ascii_digit());
    if is_short { format!("{cell:0>width$}") } else { cell.to_string() }
}

/// Level in words → `1`…`4`, or the category of a vo pupil. `None` for other words, `Some("")` for an empty cell.
pub(in super::super) fn level(cell: &str) -> Option<&'static str> {
    let folded = cell.trim().to_lowercase();
    let digit = |text: &str| match text {
        "1" => Some("1"),
        "2" => Some("2"),
        "3" => Some("3"),
        "4" => Some("4"),
        _ => None,
    };
    if folded.is_empty() {
        return Some("");
    }
    if let Some(rest) = folded.strip_prefix("mbo-").or_else(|| folded.strip_prefix("mbo niveau ")) {
        return digit(rest);
    }
    if let Some(rest) = folded.strip_prefix("mbo") {
        // Real A-files cut the words off: `Mbo3 opleidinge`.
        let (number, words) = rest.split_once(' ').unwrap_or((rest, "opleidingen"));
        return digit(number).filter(|_| "opleidingen".starts_with(words.trim()));
    }
    ["vmbo bovenbouw", "havo/vwo bovenbouw", "vmbo onderbouw", "onderbouw", "vavo"]
        .into_iter()
        .zip(["vmbo-bovenbouw", "havo-vwo-bovenbouw", "onderbouw", "onderbouw", "vavo"])
        .find(|(word, _)| *word == folded || (folded.len() >= 15 && word.starts_with(&folded)))
        .map(|(_, name)| name)
}

/// Track and, where it stands behind it, the level: `BOL` → `BOL`; `Bol4` → `BOL` and `4`.
pub(in super::super) fn track(cell: &str) -> (String, Option<char>) {
    let upper = cell.trim().to_uppercase();
    match upper.chars().last() {
        Some(level) if level.is_ascii_digit() && upper.len() > 1 => (upper[..upper.len() - 1].to_string(), Some(level)),
        _ => (upper, None),
    }
}

/// Number of the region: `REGIO 28` or `28`.
pub(in super::super) fn region(cell: &str) -> &str {
    cell.trim().trim_start_matches(|c: char| !c.is_ascii_digit())
}

/// The four digits of a postcode.
pub(in super::super) fn pc4(cell: &str) -> &str {
    cell.get(..4).filter(|four| four.bytes().all(|b| b.is_ascii_digit())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_four_forms_and_no_others() {
        for cell in ["2024-08-01", "20240801", "1-8-2024", "01-08-2024"] {
            assert_eq!(date(cell).and_then(Date::full), Day::ymd(2024, 8, 1), "{cell}");
        }
        let unknown = date("2007-00-00").expect("a year");
        assert_eq!((unknown.full(), unknown.year_month()), (None, "2007".to_string()));
        assert_eq!(date("20070300").expect("a month").year_month(), "2007-03");
        for cell in [
            "99991231",
            "2024-02-31",
            "31-02-2024",
            "1-8-24",
            "2024-8-1",
            "2024-00-05",
            "45291",
            "1800-01-01",
            "a-b-2024",
        ] {
            assert_eq!(date(cell), None, "{cell}");
        }
    }

    #[test]
    fn persons_are_found_in_either_column() {
        assert_eq!(person("999990020", "0"), Some("999990020"));
        assert_eq!(person("0", "999990081"), Some("999990081"));
        assert_eq!(person("", "999990081"), Some("999990081"));
        assert_eq!(person("0", ""), None);
        assert!(is_pgn("999990081") && !is_pgn("BSN1") && !is_pgn("1") && !is_pgn("100000000"));
    }

    #[test]
    fn words_become_codes() {
        for (words, code) in [
            ("Mbo4 opleidingen", "4"),
            ("Mbo3 opleidinge", "3"),
            ("Mbo niveau 1", "1"),
            ("MBO-2", "2"),
            ("VMBO bovenbouw", "vmbo-bovenbouw"),
            ("HAVO/VWO bovenb", "havo-vwo-bovenbouw"),
            ("", ""),
        ] {
            assert_eq!(level(words), Some(code), "{words}");
        }
        assert_eq!((level("Mbo5 opleidingen"), level("hbo"), level("1")), (None, None, None));
        assert_eq!(track("Bol4"), ("BOL".to_string(), Some('4')));
        assert_eq!(track("BBL"), ("BBL".to_string(), None));
        assert_eq!((region("REGIO 28"), region("28"), region("")), ("28", "28", ""));
        assert_eq!((padded("4", 2), padded("K1", 5), padded("", 2)), ("04".into(), "K1".into(), String::new()));
        assert_eq!((pc4("2692BE"), pc4("26"), pc4("9999")), ("2692", "", "9999"));
    }
}
