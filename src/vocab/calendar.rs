//! Days and periods. A `Day` is either a calendar date (days since 1970-01-01) or, on the axis `days`,
//! the number of days from a pupil's own start. Date only: no clock, no time zone, no daylight saving.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days since 1970-01-01, or days from the pupil's own start on the axis `days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The calendar date of this day; `None` outside the years −9999…9999.
    pub fn date(self) -> Option<Date> {
        jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(self.0).ok()?).ok()
    }

    /// The day of a calendar date.
    pub fn from_date(date: Date) -> Self {
        let epoch = jiff::civil::date(1970, 1, 1);
        Day(date.since(epoch).map_or(0, |span| span.get_days()))
    }

    /// The day of `year-month-day`; `None` when there is no such date (31 February).
    pub fn ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self::from_date)
    }

    /// The day that `text` writes as `2024-12-31`.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::from_date)
    }

    /// 1 October of the calendar year of this day, shifted by `years`: DUO's count date (teldatum).
    pub fn first_october(self, years: i16) -> Option<Self> {
        Self::ymd(self.date()?.year() + years, 10, 1)
    }

    /// The school year of this day by its first calendar year: 1 August 2021 to 31 July 2022 is 2021.
    pub fn school_year(self) -> Option<i32> {
        let date = self.date()?;
        Some(i32::from(date.year()) - i32::from(date.month() < 8))
    }

    /// Adds calendar months; the day of the month is kept where the month has it, else its last day
    /// (31 January + 1 month = 28 or 29 February), as SQL's `+ INTERVAL n MONTH`.
    pub fn plus_months(self, months: i32) -> Option<Self> {
        let span = jiff::Span::new().try_months(months).ok()?;
        self.date()?.checked_add(span).ok().map(Self::from_date)
    }
}

/// How long a period of the panel, or the window of a dose, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodLength {
    /// A number of days.
    Days(u16),
    /// A number of calendar months: 6 is a half-year, 12 a school year.
    Months(u16),
}

impl PeriodLength {
    /// First day of period `k` (0 is the first) for a pupil whose time starts at `origin`.
    ///
    /// ```
    /// use lob_effect::vocab::{Day, PeriodLength};
    /// let origin = Day::ymd(2021, 10, 1).unwrap();
    /// assert_eq!(PeriodLength::Months(6).start(origin, 1), Day::ymd(2022, 4, 1));
    /// assert_eq!(PeriodLength::Days(30).start(Day(0), 8), Some(Day(240)));
    /// ```
    pub fn start(self, origin: Day, k: u16) -> Option<Day> {
        match self {
            PeriodLength::Days(n) => origin.0.checked_add(i32::from(n) * i32::from(k)).map(Day),
            PeriodLength::Months(n) => origin.plus_months(i32::from(n) * i32::from(k)),
        }
    }

    /// First day of the window that ends before `day`.
    ///
    /// ```
    /// use lob_effect::vocab::{Day, PeriodLength};
    /// assert_eq!(PeriodLength::Months(6).before(Day::ymd(2022, 8, 31).unwrap()), Day::ymd(2022, 2, 28));
    /// assert_eq!(PeriodLength::Days(30).before(Day(40)), Some(Day(10)));
    /// ```
    pub fn before(self, day: Day) -> Option<Day> {
        match self {
            PeriodLength::Days(n) => day.0.checked_sub(i32::from(n)).map(Day),
            PeriodLength::Months(n) => day.plus_months(-i32::from(n)),
        }
    }

    /// Whether it lasts no time at all.
    pub fn is_empty(self) -> bool {
        matches!(self, PeriodLength::Days(0) | PeriodLength::Months(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse_over_leap_years() {
        for n in -40_000..40_000 {
            let day = Day(n);
            assert_eq!(Day::from_date(day.date().unwrap()), day);
        }
    }

    #[test]
    fn a_school_year_starts_in_august() {
        let years = [(2021, 7, 31), (2021, 8, 1), (2022, 7, 31)].map(|(y, m, d)| Day::ymd(y, m, d)?.school_year());
        assert_eq!(years, [Some(2020), Some(2021), Some(2021)]);
    }

    #[test]
    fn months_clamp_to_the_last_day() {
        let jan31 = Day::ymd(2024, 1, 31).unwrap();
        assert_eq!(jan31.plus_months(1), Day::ymd(2024, 2, 29));
        assert_eq!(Day::ymd(2023, 8, 1).unwrap().first_october(1), Day::ymd(2024, 10, 1));
    }
}
