//! Diplomas and the period that each belongs to (`formats.md` §14, rule 8).

use std::collections::BTreeMap;

use super::periods::Period;

/// A diploma.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diploma {
    /// Pseudonym of the pupil.
    pub pupil: String,
    /// Day.
    pub date: i32,
    /// Institution.
    pub brin: String,
    /// Number of the result.
    pub number: String,
    /// Number of the enrolment it belongs to, where the source says so.
    pub enrolment: Option<String>,
    /// Programme.
    pub crebo: Option<String>,
    /// Level 1 to 4.
    pub level: Option<u8>,
}

/// The diploma of each period, by the period's position: the earliest where several fit, and no diploma has two periods. Of the
/// enrolment that a diploma names it belongs to the period of its programme, or else to the one in force on its day; a diploma
/// that names none belongs to the period of its programme in an enrolment that ended on its day. Numbers of enrolments are
/// unique per pupil and institution only, so all three must agree. A diploma never goes to a period of another level.
pub fn diplomas_of<'d>(periods: &[Period], diplomas: &'d [Diploma]) -> BTreeMap<usize, &'d Diploma> {
    let mut at: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (k, p) in periods.iter().enumerate() {
        at.entry(&p.pupil).or_default().push(k);
    }
    let mut ordered: Vec<&Diploma> = diplomas.iter().collect();
    ordered.sort_unstable();
    ordered.dedup();
    let mut found: BTreeMap<usize, &Diploma> = BTreeMap::new();
    for d in ordered {
        let own = at.get(d.pupil.as_str()).into_iter().flatten().map(|k| (*k, &periods[*k]));
        let fits = own.filter(|(k, p)| !found.contains_key(k) && is_of(d, p));
        // Of the same programme, in force on the day, begun last.
        let rank = |(k, p): &(usize, &Period)| (is_same_programme(d, p), is_in_force(d, p), p.start, *k);
        if let Some((k, _)) = fits.max_by_key(rank) {
            found.insert(k, d);
        }
    }
    found
}

fn is_of(d: &Diploma, p: &Period) -> bool {
    let is_named = match &d.enrolment {
        Some(number) => {
            d.brin == p.brin
                && *number == p.number
                && (is_same_programme(d, p) || is_in_force(d, p) || d.crebo.is_none() && p.start <= d.date)
        }
        None => d.crebo == p.crebo && Some(d.date) == p.enrol_end,
    };
    is_named && d.level.is_none_or(|level| p.level.is_none_or(|own| own == level))
}

fn is_same_programme(d: &Diploma, p: &Period) -> bool {
    d.crebo.is_some() && d.crebo == p.crebo
}

fn is_in_force(d: &Diploma, p: &Period) -> bool {
    p.is_on(crate::vocab::Day(d.date))
}
