//! The dose in three parts (three-way Mundlak decomposition, `statistics.md` §5.3):
//! `D = (D̄_s − D̄) + (D̄_sc − D̄_s) + (D − D̄_sc)`, school s, cohort c, within each period.

use std::collections::BTreeMap;

use crate::panel::Panel;
use crate::panel::sets::SetRow;
use crate::study::file::DoseForm;
use crate::vocab::ids::Ix;
use crate::vocab::{CohortIx, DosePart, SchoolIx};

/// Means of the dose per period, school and cohort; empty when the dose is not split.
#[derive(Clone, Debug)]
pub(super) struct Centred {
    split: bool,
    cohort: BTreeMap<(u16, SchoolIx, CohortIx), f64>,
    school: BTreeMap<(u16, SchoolIx), f64>,
    all: BTreeMap<u16, f64>,
}

#[derive(Default)]
struct Sum {
    total: f64,
    n: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        self.total += x;
        self.n += 1.0;
    }
    fn mean(&self) -> f64 {
        self.total / self.n
    }
}

impl Centred {
    /// Means over the rows of an analysis set that have a dose.
    pub(super) fn new(panel: &Panel<'_>, form: DoseForm, rows: &[SetRow]) -> Self {
        let mut cohort: BTreeMap<_, Sum> = BTreeMap::new();
        let mut school: BTreeMap<_, Sum> = BTreeMap::new();
        let mut all: BTreeMap<_, Sum> = BTreeMap::new();
        let split = form == DoseForm::Split;
        for r in rows.iter().filter(|r| split && !r.dose.is_nan()) {
            let (s, c) = (panel.pupils.school[r.pupil], panel.pupils.cohort[r.pupil]);
            cohort.entry((r.period, s, c)).or_default().add(r.dose);
            school.entry((r.period, s)).or_default().add(r.dose);
            all.entry(r.period).or_default().add(r.dose);
        }
        Self {
            split,
            cohort: cohort.into_iter().map(|(k, s)| (k, s.mean())).collect(),
            school: school.into_iter().map(|(k, s)| (k, s.mean())).collect(),
            all: all.into_iter().map(|(k, s)| (k, s.mean())).collect(),
        }
    }

    /// The parts this dose has.
    pub(super) fn parts(&self) -> &'static [DosePart] {
        if self.split { &[DosePart::Within, DosePart::Cohort, DosePart::School] } else { &[DosePart::Total] }
    }

    /// The value of a part for a dose in a period, school and cohort.
    pub(super) fn part(&self, part: DosePart, dose: f64, period: u16, s: SchoolIx, c: CohortIx) -> f64 {
        match part {
            DosePart::Total => dose,
            DosePart::Within => dose - self.cohort[&(period, s, c)],
            DosePart::Cohort => self.cohort[&(period, s, c)] - self.school[&(period, s)],
            DosePart::School => self.school[&(period, s)] - self.all[&period],
        }
    }
}

/// Position of a cohort as a sortable number, for keys.
pub(super) fn cohort_code(c: CohortIx) -> u32 {
    u32::try_from(c.at()).expect("a cohort index has 32 bits")
}
