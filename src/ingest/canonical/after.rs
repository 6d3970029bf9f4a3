//! What became of a vmbo leaver in mbo (`formats.md` §14, rules 7 and 8): arrived, late, still there, switched, diploma, gone.

use std::collections::BTreeSet;

use super::periods::{Period, Register};
use crate::vocab::Day;

/// Whether and when a leaver came to mbo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Enrolled on 1 October of the year of leaving.
    OnTime,
    /// First enrolment between 2 October and 30 September of the next year, on this day.
    Late(i32),
    /// Neither.
    None,
}

/// 1 October of `year`.
pub fn first_october(year: i16) -> Day {
    Day::ymd(year, 10, 1).expect("1 October exists in every year of the calendar")
}

fn mbo(own: &[Period]) -> impl Iterator<Item = &Period> {
    own.iter().filter(|p| p.sector == "mbo" && p.is_candidate())
}

/// The arrival of a pupil who left vmbo in `year`; `own` are the pupil's periods.
pub fn arrival(own: &[Period], year: i16) -> Arrival {
    let (on, next) = (first_october(year), first_october(year + 1));
    if mbo(own).any(|p| p.is_on(on)) {
        return Arrival::OnTime;
    }
    let late = mbo(own).map(|p| p.start).filter(|start| on.0 < *start && *start < next.0).min();
    late.map_or(Arrival::None, Arrival::Late)
}

/// How far apart two programmes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Switch {
    /// Same programme: another enrolment number is no switch.
    None,
    /// Another programme of the same dossier.
    SameDossier,
    /// Another dossier of the same domein.
    SameDomain,
    /// Another domein.
    Other,
    /// Another programme; the register does not know one of them.
    Unknown,
}

/// Compares two programmes by their crebo.
pub fn switch(from: Option<&str>, to: Option<&str>, register: &Register) -> Switch {
    let (Some(from), Some(to)) = (from, to) else { return Switch::Unknown };
    if from == to {
        return Switch::None;
    }
    let (Some(a), Some(b)) = (register.get(from), register.get(to)) else { return Switch::Unknown };
    let same = |x: &Option<String>, y: &Option<String>| x.is_some() && x == y;
    if same(&a.dossier, &b.dossier) {
        Switch::SameDossier
    } else if same(&a.domain, &b.domain) {
        Switch::SameDomain
    } else if a.domain.is_some() && b.domain.is_some() {
        Switch::Other
    } else {
        Switch::Unknown
    }
}

/// A diploma.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diploma {
    /// Pseudonym of the pupil.
    pub pupil: String,
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
    /// Day.
    pub date: i32,
}

/// The diploma of a period: the one that names its enrolment, or else the pupil's diploma of the same programme on the
/// enrolment's last day. Numbers of enrolments are unique per pupil and institution only, so all three must agree.
pub fn diploma_of<'d>(period: &Period, diplomas: &'d [Diploma]) -> Option<&'d Diploma> {
    let own = || diplomas.iter().filter(|d| d.pupil == period.pupil);
    let named = own().find(|d| d.brin == period.brin && d.enrolment.as_deref() == Some(&period.number));
    let by_date =
        || own().find(|d| d.enrolment.is_none() && d.crebo == period.crebo && Some(d.date) == period.enrol_end);
    named.or_else(by_date)
}

/// Where a pupil who arrived is a year later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AYearLater {
    /// In the same programme.
    Same {
        /// At another institution.
        elsewhere: bool,
    },
    /// In another programme.
    Switched {
        /// How far.
        how: Switch,
        /// At another institution.
        elsewhere: bool,
    },
    /// Gone with a diploma.
    Diploma,
    /// In no supplied institution, without a diploma.
    Gone,
}

/// Where a pupil who was in mbo on 1 October of `year` is on 1 October a year later; `None` who was not. With several enrolments
/// at once the outcome counts once, and the same programme goes before a switch.
pub fn a_year_later(own: &[Period], diplomas: &[Diploma], year: i16, register: &Register) -> Option<AYearLater> {
    let on = |day: Day| mbo(own).filter(move |p| p.is_on(day)).collect::<Vec<_>>();
    let (first, then) = (on(first_october(year)), on(first_october(year + 1)));
    if first.is_empty() {
        return None;
    }
    let brins: BTreeSet<&str> = first.iter().map(|p| p.brin.as_str()).collect();
    let pairs = first.iter().flat_map(|a| then.iter().map(move |b| (a, b)));
    let nearest = pairs
        .map(|(a, b)| (switch(a.crebo.as_deref(), b.crebo.as_deref(), register), !brins.contains(b.brin.as_str())))
        .min();
    Some(match nearest {
        Some((Switch::None, elsewhere)) => AYearLater::Same { elsewhere },
        Some((how, elsewhere)) => AYearLater::Switched { how, elsewhere },
        None if first.iter().any(|p| diploma_of(p, diplomas).is_some()) => AYearLater::Diploma,
        None => AYearLater::Gone,
    })
}
