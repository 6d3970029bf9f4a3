//! Up to which day a pupil's later education is known (`formats.md` §14, rule 9): who is in no supplied register on a count date and
//! on no list of dropouts may be at an institution that delivered nothing, which is unknown and never dropout.

use std::collections::BTreeMap;

use super::diplomas::Diploma;
use super::dropout::{Label, Listed, label};
use super::periods::Period;
use crate::vocab::Day;

/// What is known of a pupil's later education.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// Nothing on the first count date: not linked.
    Nothing,
    /// Everything up to this day, which is before the last count date.
    Until(i32),
    /// Everything.
    All,
}

/// A pupil's rows.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// Enrolments.
    pub periods: Vec<Period>,
    /// Diplomas.
    pub diplomas: Vec<Diploma>,
    /// Rows of lists of dropouts.
    pub dropout: Vec<Listed>,
    /// Rows of start populations.
    pub start: Vec<Listed>,
}

impl Own {
    /// The rows of each pupil.
    pub fn by_pupil(
        periods: &[Period],
        diplomas: &[Diploma],
        dropout: &[Listed],
        start: &[Listed],
    ) -> BTreeMap<String, Own> {
        let mut all: BTreeMap<String, Own> = BTreeMap::new();
        for p in periods {
            all.entry(p.pupil.clone()).or_default().periods.push(p.clone());
        }
        for d in diplomas {
            all.entry(d.pupil.clone()).or_default().diplomas.push(d.clone());
        }
        for l in dropout {
            all.entry(l.pupil.clone()).or_default().dropout.push(l.clone());
        }
        for l in start {
            all.entry(l.pupil.clone()).or_default().start.push(l.clone());
        }
        all
    }

    /// What is known of a pupil with this landmark, who left the school on `left`, on the count dates up to `until`.
    ///
    /// A count date is known when the pupil is enrolled on it in a candidate period, or begins one within a year after it (a late
    /// start), or has a diploma above entree since the landmark, or is on a list of dropouts and in its start population, of that
    /// year or one before it since the pupil left. The first date that is not ends what is known.
    pub fn known(&self, landmark: i32, left: Option<i32>, until: i32) -> Known {
        let dates = (0..).map_while(|k| Day(landmark).first_october(k));
        let mut dates = dates.filter(|on| on.0 >= landmark);
        let Some(first) = dates.next() else { return Known::Nothing };
        if !self.accounts(first, first, landmark, left) {
            return Known::Nothing;
        }
        let gap = dates.take_while(|on| on.0 <= until).find(|on| !self.accounts(*on, first, landmark, left));
        gap.map_or(Known::All, |on| Known::Until(on.0 - 1))
    }

    fn accounts(&self, on: Day, first: Day, landmark: i32, left: Option<i32>) -> bool {
        let Some(next) = on.first_october(1) else { return false };
        let candidates = || self.periods.iter().filter(|p| p.is_candidate());
        let is_there = candidates().any(|p| p.is_on(on) || (on.0 < p.start && p.start < next.0));
        // Entree is no end of education: who is gone after it may be anywhere.
        let has_diploma = self.diplomas.iter().any(|d| landmark <= d.date && d.date <= on.0 && d.level != Some(1));
        let since = left.map_or(first.0, |day| day.min(first.0));
        let counts = |l: &&Listed| Day::ymd(l.year, 10, 1).is_some_and(|day| since <= day.0 && day.0 <= on.0);
        let is_out = |l: &Listed| label(&self.dropout, &self.start, &self.periods, l.year) == Label::Yes;
        is_there || has_diploma || self.dropout.iter().filter(counts).any(is_out)
    }
}
