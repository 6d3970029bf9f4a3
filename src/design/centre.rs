//! The dose in three parts (three-way Mundlak decomposition, `statistics.md` §5.3):
//! `D = (D̄_s − D̄) + (M_sc − D̄_s) + (D − M_sc)`, school s, cohort c, within each period, with M_sc the mean of the school
//! and cohort.
//!
//! The mean of a few pupils is a noisy measure of what a school did in a year, and noise in it draws the slope between
//! cohorts to the one within. So M_sc of fewer than [`ENOUGH`] pupils is drawn towards D̄_s by its reliability
//! (regression calibration): `M_sc = D̄_s + λ_sc(D̄_sc − D̄_s)`, `λ_sc = τ²/(τ² + σ²_w/n_sc)`, with the variance within
//! school-cohorts σ²_w and the variance between cohorts τ² by analysis of variance (Searle, Casella & McCulloch 1992,
//! ch. 3). The parts still add up to the dose.

use std::collections::BTreeMap;

use super::compress::ordered_bits;
use crate::panel::Panel;
use crate::panel::sets::SetRow;
use crate::study::file::{CohortMean, DoseForm, ModelEntry};
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, DosePart, SchoolIx};

/// From how many pupils the mean of a school and cohort is taken as it is (`statistics.md` §5.3).
const ENOUGH: f64 = 30.0;

/// Means of the dose per period, school and cohort; empty when the dose is not split.
#[derive(Clone, Debug, Default)]
pub(super) struct Centred {
    split: bool,
    leave_out: bool,
    schools: usize,
    cohorts: usize,
    /// By period × school × cohort.
    cohort: Vec<Mean>,
    /// By period × school.
    school: Vec<f64>,
    /// By period.
    all: Vec<f64>,
}

/// M_sc with the sums it came from; without pupils, nothing asks for it.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: Sum,
    used: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    total: f64,
    n: f64,
}

impl Sum {
    fn add(&mut self, x: f64, n: f64) {
        self.total += x * n;
        self.n += n;
    }
    fn merge(&mut self, other: &Sum) {
        self.total += other.total;
        self.n += other.n;
    }
    fn mean(&self) -> f64 {
        self.total / self.n
    }
}

impl Centred {
    /// Means over the doses of schools, which come in order.
    pub(super) fn new(
        panel: &Panel<'_>,
        entry: &ModelEntry,
        doses: impl IntoIterator<Item = (SchoolIx, DosesOfSchool)>,
    ) -> Self {
        let mut cohort: BTreeMap<_, Sum> = BTreeMap::new();
        let mut school: BTreeMap<_, Sum> = BTreeMap::new();
        let mut all: BTreeMap<_, Sum> = BTreeMap::new();
        let mut squares: BTreeMap<u16, f64> = BTreeMap::new();
        for (s, own) in doses {
            for (&(k, c), sum) in &own.cohorts {
                cohort.insert((k, s, c), *sum);
                school.entry((k, s)).or_insert_with(Sum::default).merge(sum);
            }
            own.squares.iter().for_each(|(k, within)| *squares.entry(*k).or_default() += within);
        }
        school.iter().for_each(|(&(k, _), sum)| all.entry(k).or_insert_with(Sum::default).merge(sum));
        let spread: BTreeMap<u16, Spread> =
            squares.iter().map(|(k, within)| (*k, Spread::of(*k, *within, &cohort, &school))).collect();
        let used = |(k, s): (u16, SchoolIx), sum: &Sum| match entry.cohort_mean {
            CohortMean::Reliable if sum.n < ENOUGH => {
                let home = school[&(k, s)].mean();
                home + spread[&k].reliability(sum.n) * (sum.mean() - home)
            }
            _ => sum.mean(),
        };
        let periods = all.keys().last().map_or(0, |k| usize::from(*k) + 1);
        let (schools, cohorts) = (panel.pupils.schools.len(), panel.pupils.cohorts.len());
        let mut centred = Self {
            split: entry.dose == DoseForm::Split,
            leave_out: entry.cohort_mean == CohortMean::LeaveOneOut,
            schools,
            cohorts,
            cohort: vec![Mean::default(); periods * schools * cohorts],
            school: vec![f64::NAN; periods * schools],
            all: vec![f64::NAN; periods],
        };
        for (&(k, s, c), sum) in &cohort {
            let at = centred.school_at(k, s) * cohorts + c.at();
            centred.cohort[at] = Mean { sum: *sum, used: used((k, s), sum) };
        }
        for (&(k, s), sum) in &school {
            let at = centred.school_at(k, s);
            centred.school[at] = sum.mean();
        }
        all.iter().for_each(|(k, sum)| centred.all[usize::from(*k)] = sum.mean());
        centred
    }

    fn school_at(&self, period: u16, s: SchoolIx) -> usize {
        usize::from(period) * self.schools + s.at()
    }

    /// The parts this dose has.
    pub(super) fn parts(&self) -> &'static [DosePart] {
        if self.split { &[DosePart::Within, DosePart::Cohort, DosePart::School] } else { &[DosePart::Total] }
    }

    /// The value of a part for a dose in a period, school and cohort.
    pub(super) fn part(&self, part: DosePart, dose: f64, period: u16, s: SchoolIx, c: CohortIx) -> f64 {
        match part {
            DosePart::Total => dose,
            DosePart::Within => dose - self.of_cohort(dose, period, s, c),
            DosePart::Cohort => self.of_cohort(dose, period, s, c) - self.school[self.school_at(period, s)],
            DosePart::School => self.school[self.school_at(period, s)] - self.all[usize::from(period)],
        }
    }

    /// M_sc of a pupil with this dose.
    fn of_cohort(&self, dose: f64, period: u16, s: SchoolIx, c: CohortIx) -> f64 {
        let mean = &self.cohort[self.school_at(period, s) * self.cohorts + c.at()];
        match self.leave_out {
            false => mean.used,
            // Who has no mates is compared with the school.
            true if mean.sum.n < 2.0 => self.school[self.school_at(period, s)],
            true => (mean.sum.total - dose) / (mean.sum.n - 1.0),
        }
    }
}

/// Sums of the doses of a school; empty when the dose is not split.
pub(super) struct DosesOfSchool {
    /// By period and cohort.
    cohorts: BTreeMap<(u16, CohortIx), Sum>,
    /// Squares around the means of cohorts, by period.
    squares: BTreeMap<u16, f64>,
}

impl DosesOfSchool {
    /// Equal doses count as one, in order of period, cohort and dose: sums then depend neither on the order of pupils nor on
    /// whether they stand in cells.
    pub(super) fn of(panel: &Panel<'_>, entry: &ModelEntry, rows: &[SetRow]) -> Self {
        let mut out = Self { cohorts: BTreeMap::new(), squares: BTreeMap::new() };
        if entry.dose != DoseForm::Split {
            return out;
        }
        let at = |r: &SetRow| (r.period, panel.pupils.cohort[r.pupil]);
        let known = rows.iter().filter(|r| !r.dose.is_nan());
        let mut keyed: Vec<_> = known.map(|r| (at(r), ordered_bits(r.dose), r.dose, r.n)).collect();
        keyed.sort_by_key(|equal| (equal.0, equal.1));
        for of_cohort in keyed.chunk_by(|a, b| a.0 == b.0) {
            let equal = || {
                let doses = of_cohort.chunk_by(|a, b| a.1 == b.1);
                doses.map(|equal| (equal[0].2, equal.iter().map(|e| e.3).sum::<f64>()))
            };
            let mut sum = Sum::default();
            equal().for_each(|(dose, n)| sum.add(dose, n));
            let within = out.squares.entry(of_cohort[0].0.0).or_default();
            equal().for_each(|(dose, n)| *within += n * (dose - sum.mean()).powi(2));
            out.cohorts.insert(of_cohort[0].0, sum);
        }
        out
    }
}

/// How doses spread in one period.
#[derive(Clone, Copy, Debug)]
struct Spread {
    /// σ²_w.
    within: f64,
    /// τ².
    cohorts: f64,
}

impl Spread {
    /// From the sum of squares within school-cohorts: the mean squares of a nested analysis of variance.
    fn of(
        period: u16,
        squares: f64,
        cohort: &BTreeMap<(u16, SchoolIx, CohortIx), Sum>,
        school: &BTreeMap<(u16, SchoolIx), Sum>,
    ) -> Self {
        let (mut n, mut cells, mut between, mut unequal) = (0.0, 0.0, 0.0, 0.0);
        for (&(_, s, _), sum) in cohort.iter().filter(|((k, ..), _)| *k == period) {
            let home = &school[&(period, s)];
            n += sum.n;
            cells += 1.0;
            between += sum.n * (sum.mean() - home.mean()).powi(2);
            unequal += sum.n * sum.n / home.n;
        }
        let schools = school.keys().filter(|(k, _)| *k == period).count() as f64;
        let within = if n > cells { squares / (n - cells) } else { 0.0 };
        let (excess, size) = (between - (cells - schools) * within, n - unequal);
        Self { within, cohorts: if size > 0.0 { (excess / size).max(0.0) } else { 0.0 } }
    }

    /// λ of a mean of `n` pupils; 1 where doses are alike within school-cohorts.
    fn reliability(&self, n: f64) -> f64 {
        let noise = self.within / n;
        if noise == 0.0 { 1.0 } else { self.cohorts / (self.cohorts + noise) }
    }
}

/// Position of a cohort as a sortable number, for keys.
pub(super) fn cohort_code(c: CohortIx) -> u32 {
    u32::try_from(c.at()).expect("a cohort index has 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ix<I: Ix>(i: usize) -> I {
        I::from_position(i)
    }

    /// 40 schools with 3 cohorts of 12 pupils; the doses have known variances within and between cohorts.
    #[test]
    fn variances_are_found_and_weigh_small_means() {
        let (within, between) = (4.0_f64, 1.0_f64);
        let (mut cohort, mut school) = (BTreeMap::new(), BTreeMap::new());
        let mut squares = 0.0;
        for s in 0..40 {
            for c in 0..3 {
                // ±1 around the school, and ±2 around the cohort: variances as planted, up to finite samples.
                let mean = 10.0 + [-1.0, 0.0, 1.0][c] * (between * 1.5).sqrt();
                let mut sum = Sum::default();
                for i in 0..12 {
                    let x = mean + if i % 2 == 0 { 1.0 } else { -1.0 } * (within * 11.0 / 12.0).sqrt();
                    sum.add(x, 1.0);
                    squares += (x - mean).powi(2);
                    school.entry((0, ix::<SchoolIx>(s))).or_insert_with(Sum::default).add(x, 1.0);
                }
                cohort.insert((0, ix::<SchoolIx>(s), ix::<CohortIx>(c)), sum);
            }
        }
        let spread = Spread::of(0, squares, &cohort, &school);
        assert!((spread.within - within).abs() < 1e-12, "{spread:?}");
        // E of the mean square is nτ² + σ²; the planted means have variance 1.5 around the school with 2 df.
        assert!((spread.cohorts - (1.5 - within / 12.0)).abs() < 1e-12, "{spread:?}");
        let expected = spread.cohorts / (spread.cohorts + within / 12.0);
        assert!((spread.reliability(12.0) - expected).abs() < 1e-15);
        assert!(spread.reliability(29.0) > spread.reliability(5.0));
    }
}
