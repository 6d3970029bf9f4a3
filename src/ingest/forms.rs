//! Forms of dates and decimals in columns that people typed: one form per column and file, found out from the cells.
//!
//! A date column has the form that most of its cells have; a cell of another form is a reject with its row. `01/02/2023`
//! may be a day and month or a month and day: then the file is read on until a cell tells, and refused when none does.
//! A decimal sign is proven by any number that can be read one way only; `1.234` proves nothing.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;

use super::InputError;
use super::adapters::Reader;
use super::files::InputFile;
use crate::study::file::Decimal;

/// Cells of a column that are looked at; more only while nothing is decided.
const ENOUGH: usize = 20_000;

const DATES: [&str; 11] = [
    "%Y-%m-%d",
    "%d-%m-%Y",
    "%Y%m%d",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    DAY_FIRST,
    MONTH_FIRST,
];
const DAY_FIRST: &str = "%d/%m/%Y";
const MONTH_FIRST: &str = "%m/%d/%Y";

/// How numbers are written in a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum NumberForm {
    /// No cell needs a decision.
    #[default]
    Open,
    Sign(Decimal),
}

/// What was found out about a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Forms {
    /// strftime by column of the file.
    pub(super) dates: BTreeMap<String, String>,
    pub(super) numbers: BTreeMap<String, NumberForm>,
}

/// The date that `cell` writes by `form`; years outside 1900–2200 but 9999 (how registers write "no end") are no dates.
pub(super) fn parse_date(form: &str, cell: &str) -> Option<jiff::civil::Date> {
    let date = match in_full(form, cell.as_bytes()) {
        Some((year, month, day)) => jiff::civil::Date::new(year, month, day).ok()?,
        None => jiff::civil::Date::strptime(form, cell).ok()?,
    };
    // `07-10-24` read as `%d-%m-%Y` is the year 24.
    ((1900..=2200).contains(&date.year()) || date.year() == 9999).then_some(date)
}

/// Year, month and day of a cell in one of the two commonest forms with all its digits: this runs once per activity,
/// and a general parser takes most of the time of reading.
fn in_full(form: &str, cell: &[u8]) -> Option<(i16, i8, i8)> {
    let letters = match (cell, form) {
        ([a, b, c, d, b'-', e, f, b'-', g, h], "%Y-%m-%d") | ([g, h, b'-', e, f, b'-', a, b, c, d], "%d-%m-%Y") => {
            [*a, *b, *c, *d, *e, *f, *g, *h]
        }
        _ => return None,
    };
    let digits = letters.map(|byte| byte.wrapping_sub(b'0'));
    if digits.iter().any(|digit| *digit > 9) {
        return None;
    }
    let [a, b, c, d, e, f, g, h] = digits.map(i16::from);
    let two = |tens: i16, ones: i16| i8::try_from(10 * tens + ones).ok();
    Some((1000 * a + 100 * b + 10 * c + d, two(e, f)?, two(g, h)?))
}

/// The number that `cell` writes; `Err(true)` when it can be read in two ways and nothing tells which.
pub(super) fn parse_number(form: NumberForm, cell: &str) -> Result<f64, bool> {
    if let NumberForm::Sign(sign) = form
        && let Some(number) = plain_number(sign, cell.as_bytes())
    {
        return Ok(number);
    }
    let proof = proof(cell);
    match (form, proof) {
        (NumberForm::Open, Proof::Both) => Err(true),
        (_, Proof::None) => cell.parse().map_err(|_| false),
        (NumberForm::Sign(Decimal::Comma), Proof::Both | Proof::Comma) => {
            cell.replace('.', "").replace(',', ".").parse().map_err(|_| false)
        }
        (NumberForm::Sign(Decimal::Point), Proof::Both | Proof::Point) => {
            cell.replace(',', "").parse().map_err(|_| false)
        }
        (NumberForm::Open | NumberForm::Sign(_), _) => Err(false),
    }
}

/// A number of digits with decimals behind the column's own sign and nothing else: the usual cell, read without copies.
fn plain_number(sign: Decimal, cell: &[u8]) -> Option<f64> {
    let sign = if sign == Decimal::Comma { b',' } else { b'.' };
    let mut digits = [0; 24];
    let digits = digits.get_mut(..cell.len())?;
    digits.copy_from_slice(cell);
    let at = cell.iter().position(|b| *b == sign)?;
    digits[at] = b'.';
    let whole = digits[..at].strip_prefix(b"-").unwrap_or(&digits[..at]);
    let all = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if !all(whole) || !all(&digits[at + 1..]) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What a cell says about the decimal sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    None,
    Point,
    Comma,
    Both,
}

fn proof(cell: &str) -> Proof {
    let digits = cell.trim_start_matches(['-', '+']);
    if !digits.contains(['.', ',']) || digits.contains(['e', 'E']) {
        return Proof::None;
    }
    match (is_number(digits, ',', '.'), is_number(digits, '.', ',')) {
        (true, true) => Proof::Both,
        (true, false) => Proof::Comma,
        (false, true) => Proof::Point,
        (false, false) => Proof::None,
    }
}

/// Digits, or groups of three of them with `thousands` between, and perhaps `sign` and decimals.
fn is_number(text: &str, sign: char, thousands: char) -> bool {
    let (whole, decimals) = text.split_once(sign).map_or((text, None), |(w, d)| (w, Some(d)));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if decimals.is_some_and(|d| d.is_empty() || !digits(d)) {
        return false;
    }
    let groups: Vec<&str> = whole.split(thousands).collect();
    match groups.as_slice() {
        [one] => (!one.is_empty() || decimals.is_some()) && digits(one),
        // A thousands group never begins with a zero: `0.125` has decimals.
        [first, rest @ ..] => {
            (1..=3).contains(&first.len())
                && !first.starts_with('0')
                && digits(first)
                && rest.iter().all(|g| g.len() == 3 && digits(g))
        }
        [] => false,
    }
}

/// Counts for one column.
enum Look {
    Date { seen: usize, fits: [usize; DATES.len()] },
    Number { seen: usize, point: usize, comma: usize, both: usize },
}

impl Look {
    fn cell(&mut self, cell: &str) {
        match self {
            Look::Date { seen, fits } => {
                *seen += 1;
                for (fit, form) in fits.iter_mut().zip(DATES) {
                    *fit += usize::from(parse_date(form, cell).is_some());
                }
            }
            Look::Number { seen, point, comma, both } => {
                *seen += 1;
                match proof(cell) {
                    Proof::None => {}
                    Proof::Point => *point += 1,
                    Proof::Comma => *comma += 1,
                    Proof::Both => *both += 1,
                }
            }
        }
    }

    fn is_open(&self) -> bool {
        match self {
            Look::Date { seen, fits } => *seen < ENOUGH || self.best().is_none() && fits.iter().any(|f| *f > 0),
            Look::Number { seen, point, comma, both } => *seen < ENOUGH || *both > 0 && point + comma == 0,
        }
    }

    /// The form that fits most cells; none where day and month can't be told apart.
    fn best(&self) -> Option<&'static str> {
        let Look::Date { fits, .. } = self else { return None };
        let most = fits.iter().copied().max().filter(|m| *m > 0)?;
        let best: Vec<&'static str> = DATES.iter().zip(fits).filter(|(_, f)| **f == most).map(|(d, _)| *d).collect();
        if best.contains(&DAY_FIRST) && best.contains(&MONTH_FIRST) { None } else { best.first().copied() }
    }
}

/// Which columns of a text file to look at.
pub(super) struct Wanted {
    /// Place in the header.
    pub(super) column: usize,
    /// A date, else a number.
    pub(super) is_date: bool,
}

/// Finds out forms.
///
/// # Errors
/// Damage; dates whose day and month nobody can tell apart.
pub(super) fn find(file: &InputFile, reader: &dyn Reader, wanted: &[Wanted]) -> Result<Forms, InputError> {
    let mut looks: BTreeMap<usize, (bool, Look)> = BTreeMap::new();
    for w in wanted {
        let look = if w.is_date {
            Look::Date { seen: 0, fits: [0; DATES.len()] }
        } else {
            Look::Number { seen: 0, point: 0, comma: 0, both: 0 }
        };
        looks.insert(w.column, (w.is_date, look));
    }
    let columns: Vec<usize> = looks.keys().copied().collect();
    'file: for part in 0..reader.parts() {
        for raw in reader.read(part, &columns)? {
            // A fault of the file is said, with all others, when the file is read.
            let Ok(raw) = raw else { break 'file };
            for (array, (_, look)) in raw.batch.columns().iter().zip(looks.values_mut()) {
                if *array.data_type() == DataType::Utf8 && look.is_open() {
                    let cells = array.as_string::<i32>().iter().flatten().map(str::trim).filter(|c| !c.is_empty());
                    cells.for_each(|cell| look.cell(cell));
                }
            }
            if looks.values().all(|(_, look)| !look.is_open()) {
                break 'file;
            }
        }
    }
    let mut forms = Forms::default();
    for (column, (_, look)) in looks {
        let name = reader.header()[column].clone();
        match &look {
            Look::Date { fits, .. } => match look.best() {
                Some(best) => {
                    forms.dates.insert(name, best.to_string());
                }
                None if fits.iter().any(|f| *f > 0) => {
                    return Err(InputError::Ambiguous { file: file.name.clone(), column: name });
                }
                None => {}
            },
            Look::Number { point, comma, .. } => {
                let form = match point.cmp(comma) {
                    std::cmp::Ordering::Greater => NumberForm::Sign(Decimal::Point),
                    std::cmp::Ordering::Less => NumberForm::Sign(Decimal::Comma),
                    std::cmp::Ordering::Equal => NumberForm::Open,
                };
                forms.numbers.insert(name, form);
            }
        }
    }
    Ok(forms)
}

/// True for `1,23E+08`, `3-mei` and `mei-03`: what a spreadsheet makes of a long number and of a code such as `3MEI`.
pub(super) fn is_spreadsheet_damage(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    match bytes {
        [first, b',' | b'.', ..] if first.is_ascii_digit() => {
            let exponent = cell.rsplit_once("E+").map(|(_, e)| e);
            exponent.is_some_and(|e| !e.is_empty() && e.bytes().all(|b| b.is_ascii_digit()))
        }
        _ if bytes.len() <= 6 && bytes.contains(&b'-') => {
            let (a, b) = cell.split_once('-').unwrap_or_default();
            let month = |m: &str| {
                const MONTHS: [&str; 15] = [
                    "jan", "feb", "mrt", "mar", "apr", "mei", "may", "jun", "jul", "aug", "sep", "okt", "oct", "nov",
                    "dec",
                ];
                MONTHS.contains(&m.to_lowercase().as_str())
            };
            let number = |d: &str| matches!(d.len(), 1 | 2) && d.bytes().all(|b| b.is_ascii_digit());
            month(a) && number(b) || number(a) && month(b)
        }
        _ => false,
    }
}

/// True for a whole number of five digits in the range of Excel's days of 1954 to 2064.
pub(super) fn is_serial_day(cell: &str) -> bool {
    cell.len() == 5 && cell.parse::<u32>().is_ok_and(|n| (20_000..60_000).contains(&n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_can_be_read_in_one_way_prove_the_sign() {
        for (cell, expected) in [
            ("12", Proof::None),
            ("1.234", Proof::Both),
            ("1,234", Proof::Both),
            ("1.234,5", Proof::Comma),
            ("0,5", Proof::Comma),
            ("1,234.5", Proof::Point),
            ("14.5", Proof::Point),
            ("0.125", Proof::Point),
            ("1.234.567", Proof::Comma),
            ("-3,25", Proof::Comma),
            ("1e-3", Proof::None),
            ("a,b", Proof::None),
        ] {
            assert_eq!(proof(cell), expected, "{cell}");
        }
        let comma = NumberForm::Sign(Decimal::Comma);
        assert_eq!(parse_number(comma, "1.234,5"), Ok(1234.5));
        assert_eq!(parse_number(comma, "1.234"), Ok(1234.0));
        assert_eq!(parse_number(comma, "14.5"), Err(false));
        assert_eq!(parse_number(NumberForm::Sign(Decimal::Point), "1.234"), Ok(1.234));
        assert_eq!(parse_number(NumberForm::Open, "1.234"), Err(true));
        assert_eq!(parse_number(NumberForm::Open, "12"), Ok(12.0));
        for cell in ["-3,25", "0,5", ",5", "5,", "+1,5", "1,5,2", "--1,5", "1,e5", "123456789012345678901234,5"] {
            let general =
                cell.replace('.', "").replace(',', ".").parse::<f64>().ok().filter(|_| proof(cell) != Proof::None);
            assert_eq!(parse_number(comma, cell).ok(), general, "{cell}");
        }
    }

    #[test]
    fn the_quick_way_reads_dates_as_the_general_one_does() {
        for form in ["%Y-%m-%d", "%d-%m-%Y"] {
            for cell in [
                "2024-02-29",
                "2023-02-29",
                "29-02-2024",
                "31-04-2024",
                "01-01-1899",
                "9999-12-31",
                "2024-00-01",
                "2024-1-1",
                "1-1-2024",
                "a024-01-01",
                "2024-13-01",
                "12-13-2024",
                " 2024-01-01",
                "2024-01-011",
            ] {
                let general = jiff::civil::Date::strptime(form, cell).ok();
                let general = general.filter(|d| (1900..=2200).contains(&d.year()) || d.year() == 9999);
                assert_eq!(parse_date(form, cell), general, "{cell} by {form}");
            }
        }
    }

    #[test]
    fn what_a_spreadsheet_did_is_seen() {
        for cell in ["1,23E+08", "9.99E+8", "3-mei", "mei-03", "12-OKT"] {
            assert!(is_spreadsheet_damage(cell), "{cell}");
        }
        for cell in ["1.204", "99AB00", "3-4", "vmbo-kb", "1E03", "a-1", "2024-25", ""] {
            assert!(!is_spreadsheet_damage(cell), "{cell}");
        }
        assert!(is_serial_day("45291") && !is_serial_day("12345") && !is_serial_day("2024"));
    }
}
