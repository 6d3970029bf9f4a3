//! The dates of one exam cohort (`domain.md` §2.5), in days since 1970-01-01.

use crate::vocab::{Day, PeriodLength};

/// Half-year periods of the vmbo clock.
pub(super) const PERIODS: usize = 4;

/// Dates of the cohort with its exam in May of `exam_year`.
#[derive(Clone, Copy, Debug)]
pub(super) struct CohortDates {
    pub exam_year: i16,
    /// 1 October of leerjaar 3: origin of the hazard clock.
    pub origin: i32,
    /// First day of each half-year period.
    pub period: [i32; PERIODS],
    /// 1 August after the exam: the landmark, and the end of the last period.
    pub landmark: i32,
    /// First day of enrolment in leerjaar 1.
    pub enrolled: i32,
    /// The two count dates after the landmark: 1 October of the exam year and a year later.
    pub count: [i32; 2],
}

impl CohortDates {
    pub fn new(exam_year: i16) -> Self {
        let origin = day(exam_year - 2, 10, 1);
        let period = std::array::from_fn(|k| {
            let start = PeriodLength::Months(6).start(Day(origin), k as u16);
            start.expect("half-years from an existing 1 October exist").0
        });
        Self {
            exam_year,
            origin,
            period,
            landmark: day(exam_year, 8, 1),
            enrolled: day(exam_year - 4, 8, 1),
            count: [day(exam_year, 10, 1), day(exam_year + 1, 10, 1)],
        }
    }

    /// First day after period `k`; the last one ends at the landmark, after four months.
    pub fn period_end(&self, k: usize) -> i32 {
        self.period.get(k + 1).copied().unwrap_or(self.landmark)
    }
}

/// Day number of a date that exists in every year.
pub(super) fn day(year: i16, month: i8, day_of_month: i8) -> i32 {
    Day::ymd(year, month, day_of_month).expect("a day of month up to 30 in years -9999 to 9999").0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_the_half_years_before_the_landmark() {
        let dates = CohortDates::new(2020);
        let expected = [(2018, 10), (2019, 4), (2019, 10), (2020, 4)];
        assert_eq!(dates.period, expected.map(|(y, m)| day(y, m, 1)));
        assert_eq!(dates.period_end(0), dates.period[1]);
        assert_eq!(dates.period_end(3), day(2020, 8, 1));
    }
}
