//! What E1, E3, E4 and E5 truly are: their definitions at the planted coefficients, worked out without the engine's own
//! integrals.

use super::design::STEP;
use crate::simulate::truth::TruthRow;
use crate::simulate::{LandmarkPupil, LandmarkSet};
use crate::vocab::DosePart;

/// Points of the trapezoid rule over ±8 standard deviations, which for a normal density leaves nothing to see.
const POINTS: usize = 33;

/// The planted model of `uitval_jr1`.
pub(super) struct Planted<'s> {
    set: &'s LandmarkSet,
    /// β of each part of the dose.
    dose: [(DosePart, f64); 3],
    /// Σ of the schools' intercepts and slopes: variances and covariance.
    between: [f64; 3],
    /// Mean risk of all pupils at any school.
    anywhere: f64,
}

fn expit(eta: f64) -> f64 {
    1.0 / (1.0 + (-eta).exp())
}

fn mean<'p>(pupils: impl Iterator<Item = &'p LandmarkPupil>, of: impl Fn(&LandmarkPupil) -> f64) -> f64 {
    let (sum, n) = pupils.fold((0.0, 0.0), |(sum, n), p| (sum + of(p), n + 1.0));
    sum / n
}

impl<'s> Planted<'s> {
    pub(super) fn of(set: &'s LandmarkSet) -> Option<Self> {
        let parameter = |term: &str| {
            let is_it = |r: &&TruthRow| r.outcome == "uitval_jr1" && r.level == "parameter" && r.term == term;
            set.truth.iter().find(is_it).map(|r| r.value)
        };
        let [intercept, slope] = [parameter("sd_intercept")?, parameter("sd_slope")?];
        let between = [intercept * intercept, parameter("correlation")? * intercept * slope, slope * slope];
        let dose = [
            (DosePart::Within, parameter("dose_within")?),
            (DosePart::Cohort, parameter("dose_cohort")?),
            (DosePart::School, parameter("dose_school")?),
        ];
        let mut planted = Self { set, dose, between, anywhere: f64::NAN };
        planted.anywhere = mean(set.pupils.iter(), |p| planted.marginal(p, 0.0));
        Some(planted)
    }

    fn dose(&self, part: DosePart) -> f64 {
        self.dose.iter().find(|(of, _)| *of == part).map_or(f64::NAN, |(_, beta)| *beta)
    }

    /// Risk with `by` more dose along the slope of all schools, over all schools that there could be.
    fn marginal(&self, p: &LandmarkPupil, by: f64) -> f64 {
        self.over_schools(p.eta + self.dose(DosePart::Within) * by, p.within)
    }

    /// Risk at a linear predictor, over the intercepts and slopes that schools can have, at a dose within school and cohort.
    fn over_schools(&self, eta: f64, within: f64) -> f64 {
        let [v0, both, v1] = self.between;
        let sd = (v0 + 2.0 * within * both + within * within * v1).max(0.0).sqrt();
        let (mut sum, mut weights) = (0.0, 0.0);
        for k in 0..POINTS {
            let u = 16.0 * k as f64 / (POINTS - 1) as f64 - 8.0;
            let weight = (-0.5 * u * u).exp();
            sum += weight * expit(eta + sd * u);
            weights += weight;
        }
        sum / weights
    }

    /// E1 of a part, in percentage points: schools' own slopes are on the part within school and cohort, and move with it.
    pub(super) fn of_nation(&self, part: DosePart) -> f64 {
        let moved = if part == DosePart::Within { STEP } else { 0.0 };
        let by = STEP * self.dose(part);
        100.0 * (mean(self.set.pupils.iter(), |p| self.over_schools(p.eta + by, p.within + moved)) - self.anywhere)
    }

    /// E3, E4 and E5 of a school, in percentage points, where the pupils lack `to_reference` of dose to those it is compared with.
    pub(super) fn of_school(&self, school: usize, to_reference: f64) -> [f64; 3] {
        let [b0, b1] = self.set.ranef[school];
        let own = || self.set.pupils.iter().filter(|p| p.school as usize == school);
        let contribution = mean(own(), |p| self.marginal(p, 0.0) - self.marginal(p, to_reference));
        let here = |p: &LandmarkPupil| p.eta + b0 + b1 * p.within;
        let deviation = mean(own(), |p| {
            let along_all = here(p) + STEP * self.dose(DosePart::Within);
            expit(along_all + STEP * b1) - expit(along_all)
        });
        let adjusted = mean(self.set.pupils.iter(), |p| expit(here(p))) - self.anywhere;
        [contribution, deviation, adjusted].map(|v| 100.0 * v)
    }
}
