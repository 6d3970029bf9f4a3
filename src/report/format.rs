//! Numbers as people read them: decimal comma in Dutch, a true minus sign, no −0,0, percent against percentage
//! point, one pupil or two.

use crate::disclosure::page::{Bound, Share};
use crate::vocab::Lang;

/// `x` with a fixed number of decimals, rounded half away from zero; never "−0".
///
/// ```
/// use lob_effect::report::format::number;
/// use lob_effect::vocab::Lang;
/// assert_eq!(number(-1234.56, 1, Lang::Nl), "−1.234,6");
/// assert_eq!(number(-0.04, 1, Lang::En), "0.0");
/// ```
pub fn number(x: f64, decimals: usize, lang: Lang) -> String {
    let scale = 10f64.powi(i32::try_from(decimals).unwrap_or(0));
    let rounded = (x * scale).round() / scale;
    let digits = format!("{:.decimals$}", rounded.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut text = String::new();
    if rounded < 0.0 {
        text.push('−');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push_str(lang.pick(".", ","));
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push_str(lang.pick(",", "."));
        text.push_str(fraction);
    }
    text
}

/// A number with as many decimals as it needs, at most two: a dose step (5, 2.5).
pub fn plain(x: f64, lang: Lang) -> String {
    let decimals = (0..2).find(|&d| {
        let scaled = x * 10f64.powi(d);
        (scaled - scaled.round()).abs() < 1e-9
    });
    number(x, decimals.map_or(2, |d| d as usize), lang)
}

/// A count.
pub fn count(n: u64, lang: Lang) -> String {
    number(n as f64, 0, lang)
}

/// A count of pupils: "1 leerling", "2 leerlingen".
pub fn pupils(n: u64, lang: Lang) -> String {
    let word = match lang {
        Lang::Nl => plural(n, "leerling", "leerlingen"),
        Lang::En => plural(n, "pupil", "pupils"),
    };
    format!("{} {word}", count(n, lang))
}

/// A count of schools: "1 school", "2 scholen".
pub fn schools(n: u64, lang: Lang) -> String {
    let word = match lang {
        Lang::Nl => plural(n, "school", "scholen"),
        Lang::En => plural(n, "school", "schools"),
    };
    format!("{} {word}", count(n, lang))
}

fn plural<'a>(n: u64, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

/// A percentage: whole below a hundred pupils, else one decimal, and 0 and 100 always whole.
pub fn percent(x: f64, n: u64, lang: Lang) -> String {
    format!("{}%", percent_number(x, n, lang))
}

fn percent_number(x: f64, n: u64, lang: Lang) -> String {
    let tenth = (x * 10.0).round();
    let whole = n < 100 || tenth == 0.0 || tenth == 1000.0;
    number(x, usize::from(!whole), lang)
}

/// A share: "12%", or a code "minder dan 6%".
pub fn share(s: &Share, lang: Lang) -> String {
    let p = percent(s.percent, decimals_from(s), lang);
    match s.bound {
        Bound::Exact => p,
        Bound::LessThan => format!("{} {p}", lang.pick("minder dan", "less than")),
        Bound::MoreThan => format!("{} {p}", lang.pick("meer dan", "more than")),
    }
}

/// The pupils that decide the decimals; a code is a whole percent whatever stands behind it.
fn decimals_from(s: &Share) -> u64 {
    if s.bound == Bound::Exact { s.n } else { 0 }
}

/// The range of a share: "7 tot 20%".
pub fn share_range(s: &Share, lang: Lang) -> String {
    let lo = percent_number(s.interval.lo, decimals_from(s), lang);
    let hi = percent(s.interval.hi, decimals_from(s), lang);
    format!("{lo} {} {hi}", lang.pick("tot", "to"))
}

/// A percentage as a whole number out of a hundred.
pub fn of_hundred(percent: f64) -> u64 {
    percent.round().clamp(0.0, 100.0) as u64
}

/// A school year as `2023-2024`; a label in any other form is left as it is.
pub fn school_year(label: &str) -> String {
    let parts: Vec<&str> = label.split(['-', '/', '–']).map(str::trim).collect();
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    match parts[..] {
        [from, to] if digits(from, 4) && digits(to, 4) => format!("{from}-{to}"),
        [from, to] if digits(from, 4) && digits(to, 2) && follows(from, to) => {
            format!("{from}-{}{to}", &from[..2])
        }
        _ => label.to_owned(),
    }
}

/// True when the two-digit `to` is the year after `from` in the same century (2023/24, not 2023-07).
fn follows(from: &str, to: &str) -> bool {
    matches!((from[2..].parse::<u8>(), to.parse::<u8>()), (Ok(a), Ok(b)) if b == a + 1)
}

/// Text from data without control characters and without the marks that turn the reading direction around.
pub fn clean(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|&c| !c.is_control() && !turns(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::{Interval, IntervalMethod, Level};

    #[test]
    fn numbers_in_both_languages() {
        for (x, decimals, nl, en) in [
            (0.0, 1, "0,0", "0.0"),
            (-0.0, 1, "0,0", "0.0"),
            (-0.04, 1, "0,0", "0.0"),
            (-0.05, 1, "−0,1", "−0.1"),
            (99.95, 1, "100,0", "100.0"),
            (2.25, 1, "2,3", "2.3"),
            (999.5, 0, "1.000", "1,000"),
            (1234567.0, 0, "1.234.567", "1,234,567"),
            (-1234.5, 1, "−1.234,5", "−1,234.5"),
        ] {
            assert_eq!(number(x, decimals, Lang::Nl), nl, "{x}");
            assert_eq!(number(x, decimals, Lang::En), en, "{x}");
        }
    }

    #[test]
    fn percentages_have_the_decimals_their_pupils_carry() {
        for (x, n, text) in [
            (12.0, 91, "12%"),
            (12.34, 91, "12%"),
            (12.34, 250, "12,3%"),
            (12.0, 250, "12,0%"),
            (99.95, 250, "100%"),
            (99.94, 250, "99,9%"),
            (0.04, 250, "0%"),
        ] {
            assert_eq!(percent(x, n, Lang::Nl), text, "{x} of {n}");
        }
    }

    #[test]
    fn shares_say_what_they_are() {
        let interval = Interval { lo: 0.0, hi: 9.0, level: Level::P95, method: IntervalMethod::Wilson };
        let mut s = Share { percent: 6.0, interval, n: 90, bound: Bound::Exact };
        assert_eq!(share(&s, Lang::Nl), "6%");
        assert_eq!(share_range(&s, Lang::Nl), "0 tot 9%");
        s.bound = Bound::LessThan;
        s.n = 250;
        assert_eq!(share(&s, Lang::Nl), "minder dan 6%");
        assert_eq!(share_range(&s, Lang::Nl), "0 tot 9%");
        s.bound = Bound::MoreThan;
        assert_eq!(share(&s, Lang::En), "more than 6%");
    }

    #[test]
    fn one_pupil_two_pupils() {
        for (n, nl, en) in [
            (0, "0 leerlingen", "0 pupils"),
            (1, "1 leerling", "1 pupil"),
            (2, "2 leerlingen", "2 pupils"),
            (1200, "1.200 leerlingen", "1,200 pupils"),
        ] {
            assert_eq!(pupils(n, Lang::Nl), nl);
            assert_eq!(pupils(n, Lang::En), en);
        }
        assert_eq!(schools(1, Lang::Nl), "1 school");
        assert_eq!(schools(3, Lang::Nl), "3 scholen");
    }

    #[test]
    fn steps_have_no_needless_decimals() {
        for (x, text) in [(5.0, "5"), (2.5, "2,5"), (0.25, "0,25"), (1.0 / 3.0, "0,33")] {
            assert_eq!(plain(x, Lang::Nl), text);
        }
    }

    #[test]
    fn school_years_are_written_in_full() {
        for (label, text) in [
            ("2023-2024", "2023-2024"),
            ("2023/2024", "2023-2024"),
            ("2023–2024", "2023-2024"),
            ("2023/24", "2023-2024"),
            ("2023-07", "2023-07"),
            ("2023", "2023"),
            ("lichting A", "lichting A"),
        ] {
            assert_eq!(school_year(label), text);
        }
    }

    #[test]
    fn the_reading_direction_can_not_be_turned() {
        assert_eq!(clean("a\u{202e}b\u{2066}c\nd\u{0}"), "abcd");
        assert_eq!(clean("Café ’t Hoekje 🏫"), "Café ’t Hoekje 🏫");
    }
}
