//! The three outcomes after the landmark, drawn together from one uniform number per pupil so that each
//! follows its own mixed logit exactly.
//!
//! Let p_U, p_S, p_G be the probabilities of `uitval_jr1`, `doorstroom_mbo` and `gestart_en_gebleven`, and f
//! the share of p_U that never started. With V uniform on (0, 1):
//!
//! ```text
//! 0 ────── f·p_U ────── p_U ────────── p_U + p_G ───────── p_S + f·p_U ───── 1
//!  not started  started    started and     started and         not started
//!  and out      and out    stayed (G)      switched            and not out: havo
//! ```
//!
//! P(out) = p_U; P(started) = p_S; P(G) = p_G as long as p_G ≤ p_S − (1 − f)·p_U. Beyond that p_G is cut, and counted.

use rand::Rng;

use super::activity::{Event, dose_before};
use super::calendar::CohortDates;
use super::dose::{Member, split};
use super::model::{Models, Ranef, expit};
use super::pupil::{Link, Pupil};
use super::truth::AmeSum;

/// What a pupil did after vmbo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Not in mbo on the first count date, in no education on the second.
    NeverStarted,
    /// In mbo on the first count date, in no education on the second.
    LeftMbo,
    /// In the same mbo programme on both.
    Stayed,
    /// In mbo on both, in another programme on the second.
    Switched,
    /// In havo on both.
    Havo,
}

/// The three probabilities of a pupil.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probabilities {
    pub uitval: f64,
    pub doorstroom: f64,
    pub gebleven: f64,
}

impl Probabilities {
    /// f: share of the pupils out of education who never started. At most 0.4, and no more than fit beside p_S.
    fn never_started(&self) -> f64 {
        ((1.0 - self.doorstroom) / self.uitval).min(0.4)
    }

    /// True when p_G doesn't fit between the other two and is cut.
    pub fn is_cut(&self) -> bool {
        self.gebleven > self.doorstroom - (1.0 - self.never_started()) * self.uitval
    }

    /// The path that belongs to V = `v`.
    pub fn path(&self, v: f64) -> Path {
        let never = self.never_started() * self.uitval;
        let havo_from = self.doorstroom + never;
        if v < never {
            Path::NeverStarted
        } else if v < self.uitval {
            Path::LeftMbo
        } else if v >= havo_from {
            Path::Havo
        } else if v < self.uitval + self.gebleven {
            Path::Stayed
        } else {
            Path::Switched
        }
    }
}

/// The outcomes of a school.
pub(super) struct Landmark {
    /// Path per pupil; `None` for those not in the landmark set (dropped out, or not linked).
    pub path: Vec<Option<Path>>,
    /// Of `uitval_jr1` per pupil of the set: the linear predictor without the school's own terms, and the dose within school and cohort.
    pub fixed: Vec<[f64; 2]>,
    /// True effects of `uitval_jr1`, `doorstroom_mbo`, `gestart_en_gebleven`.
    pub ame: [AmeSum; 3],
    /// Pupils whose p_G was cut.
    pub cut: u64,
}

/// Draws the paths of a school's pupils; `ranef` in the order of the three outcomes.
pub(super) fn draw(
    rng: &mut impl Rng,
    models: &Models,
    ranef: [Ranef; 3],
    cohorts: &[CohortDates],
    pupils: &[Pupil],
    events: &[Vec<Event>],
    dropout: &[Option<i32>],
) -> Landmark {
    let members: Vec<Member> = (0..pupils.len())
        .filter(|&i| dropout[i].is_none() && pupils[i].link == Link::Linked)
        .map(|i| {
            let cohort = pupils[i].cohort;
            Member { pupil: i, cohort, dose: dose_before(&events[i], cohorts[cohort].landmark) }
        })
        .collect();
    let logits = [&models.uitval, &models.doorstroom, &models.gebleven];
    let mut all = Landmark {
        path: vec![None; pupils.len()],
        fixed: vec![[f64::NAN; 2]; pupils.len()],
        ame: Default::default(),
        cut: 0,
    };
    for (member, parts) in members.iter().zip(split(&members, cohorts.len(), models.landmark_centre)) {
        let eta: [f64; 3] =
            std::array::from_fn(|j| logits[j].eta(member.cohort, &pupils[member.pupil], parts, ranef[j]));
        for j in 0..3 {
            all.ame[j].add(0, eta[j], logits[j].slopes(ranef[j]));
        }
        let own = ranef[0].intercept + ranef[0].slope * parts.within;
        all.fixed[member.pupil] = [eta[0] - own, parts.within];
        let [uitval, doorstroom, gebleven] = eta.map(expit);
        let p = Probabilities { uitval, doorstroom, gebleven };
        all.cut += u64::from(p.is_cut());
        all.path[member.pupil] = Some(p.path(rng.random()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares over a fine grid of V equal the three probabilities to the width of a grid cell.
    #[test]
    fn marginals_of_the_joint_draw_are_exact() {
        let n = 1_000_000;
        for (uitval, doorstroom, gebleven) in
            [(0.12, 0.92, 0.72), (0.40, 0.85, 0.50), (0.02, 0.97, 0.90), (0.15, 0.99, 0.80), (0.3, 0.75, 0.4)]
        {
            let p = Probabilities { uitval, doorstroom, gebleven };
            assert!(!p.is_cut());
            let share = |paths: &[Path]| {
                let hits = (0..n).filter(|i| paths.contains(&p.path((f64::from(*i) + 0.5) / f64::from(n)))).count();
                hits as f64 / f64::from(n)
            };
            assert!((share(&[Path::NeverStarted, Path::LeftMbo]) - uitval).abs() < 3e-6);
            assert!((share(&[Path::LeftMbo, Path::Stayed, Path::Switched]) - doorstroom).abs() < 3e-6);
            assert!((share(&[Path::Stayed]) - gebleven).abs() < 3e-6);
        }
    }

    #[test]
    fn a_probability_that_does_not_fit_is_cut_and_the_others_hold() {
        let p = Probabilities { uitval: 0.3, doorstroom: 0.75, gebleven: 0.7 };
        assert!(p.is_cut());
        let paths: Vec<Path> = (0..1000).map(|i| p.path((f64::from(i) + 0.5) / 1000.0)).collect();
        let count = |path| paths.iter().filter(|&&q| q == path).count();
        assert_eq!(count(Path::NeverStarted) + count(Path::LeftMbo), 300);
        assert_eq!(count(Path::Switched), 0);
        assert_eq!(count(Path::Stayed) + count(Path::LeftMbo), 750);
    }
}
