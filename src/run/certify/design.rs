//! A simulated landmark set as the design that the engine would make of its tables: the same columns in the same order,
//! without files in between.

use ndarray::{Array1, Array2, Axis};

use crate::design::contrast::{Factor, is_out, without_contrast};
use crate::design::{BinaryDesign, Counts, Head, ModelColumns};
use crate::effects::robustness::Rows;
use crate::panel::Flow;
use crate::simulate::{LandmarkPupil, LandmarkSet};
use crate::vocab::ids::Ix;
use crate::vocab::{DosePart, IdVec, SchoolIx};

/// The step of the dose, as in the template.
pub(super) const STEP: f64 = 5.0;

/// The dose of each pupil in its three parts.
struct Parts {
    within: Vec<f64>,
    cohort: Vec<f64>,
    school: Vec<f64>,
}

fn parts(pupils: &[LandmarkPupil]) -> Parts {
    let cohorts = pupils.iter().map(|p| p.cohort as usize + 1).max().unwrap_or(1);
    let schools = pupils.iter().map(|p| p.school as usize + 1).max().unwrap_or(1);
    let cell = |p: &LandmarkPupil| p.school as usize * cohorts + p.cohort as usize;
    let (mut by_cell, mut by_school) = (vec![(0.0, 0.0); schools * cohorts], vec![(0.0, 0.0); schools]);
    for p in pupils {
        for sum in [&mut by_cell[cell(p)], &mut by_school[p.school as usize]] {
            sum.0 += p.dose;
            sum.1 += 1.0;
        }
    }
    let all = pupils.iter().map(|p| p.dose).sum::<f64>() / pupils.len() as f64;
    let mean = |(sum, n): (f64, f64)| sum / n;
    Parts {
        within: pupils.iter().map(|p| p.dose - mean(by_cell[cell(p)])).collect(),
        cohort: pupils.iter().map(|p| mean(by_cell[cell(p)]) - mean(by_school[p.school as usize])).collect(),
        school: pupils.iter().map(|p| mean(by_school[p.school as usize]) - all).collect(),
    }
}

const COVARIATES: [&str; 7] = ["leerwegKB", "leerwegGL", "leerwegTL", "vrouw", "leeftijd", "ses_woa", "lwoo"];

fn covariate(p: &LandmarkPupil, c: usize) -> f64 {
    let flag = |is: bool| f64::from(u8::from(is));
    match c {
        0..3 => flag(p.leerweg[c]),
        3 => flag(p.girl),
        4 => p.age,
        5 => p.ses,
        _ => flag(p.lwoo),
    }
}

/// The set without pupils of levels that have no contrast, as the engine leaves them out.
pub(super) fn compared(set: &LandmarkSet) -> LandmarkSet {
    let pupils = &set.pupils;
    let leerweg = |i: usize| pupils[i].leerweg.iter().position(|is| *is).map_or(0, |at| at + 1);
    let cohorts = pupils.iter().map(|p| p.cohort as usize + 1).max().unwrap_or(1);
    let factors = [
        Factor { levels: cohorts, of: Box::new(|i| pupils[i].cohort as usize) },
        Factor { levels: 4, of: Box::new(leerweg) },
        Factor { levels: 2, of: Box::new(|i| usize::from(pupils[i].girl)) },
        Factor { levels: 2, of: Box::new(|i| usize::from(pupils[i].lwoo)) },
    ];
    let out = without_contrast(pupils.len(), &factors, |i| pupils[i].uitval, |_| 1.0);
    let kept = (0..pupils.len()).filter(|&i| !is_out(&out, &factors, i)).map(|i| pupils[i]).collect();
    LandmarkSet { pupils: kept, ..set.clone() }
}

/// The design of `uitval_jr1` with an intercept and a slope per school. Columns that do not vary are left out.
pub(super) fn design(set: &LandmarkSet) -> BinaryDesign {
    let pupils = &set.pupils;
    let parts = parts(pupils);
    let n = pupils.len();
    let cohorts = pupils.iter().map(|p| p.cohort).max().unwrap_or(0);
    let mut columns: Vec<(String, Vec<f64>)> = vec![("(Intercept)".into(), vec![1.0; n])];
    for cohort in 1..=cohorts {
        let own = pupils.iter().map(|p| f64::from(u8::from(p.cohort == cohort))).collect();
        columns.push((format!("cohort{cohort}"), own));
    }
    let doses = [(DosePart::Within, parts.within), (DosePart::Cohort, parts.cohort), (DosePart::School, parts.school)];
    for (part, values) in &doses {
        columns.push((format!("dose{}", part.suffix()), values.clone()));
    }
    for (c, name) in COVARIATES.iter().enumerate() {
        columns.push(((*name).into(), pupils.iter().map(|p| covariate(p, c)).collect()));
    }
    columns.retain(|(name, v)| name == "(Intercept)" || v.iter().any(|x| (x - v[0]).abs() > 1e-12));
    let position = |part: DosePart| columns.iter().position(|(name, _)| *name == format!("dose{}", part.suffix()));
    let dose_columns = doses.iter().filter_map(|(part, _)| position(*part).map(|c| (*part, c))).collect();
    let x = Array2::from_shape_fn((n, columns.len()), |(i, j)| columns[j].1[i]);
    let within = Array1::from(doses[0].1.clone());
    let z = ndarray::stack![Axis(1), Array1::ones(n), within];
    let (groups, group) = groups(pupils);
    BinaryDesign {
        head: Head {
            terms: columns.into_iter().map(|(name, _)| name).collect(),
            doses: dose_columns,
            slope: Some(DosePart::Within),
            slope_on_cohort: false,
            groups,
            counts: counts(set),
            flow: Flow::default(),
            step: STEP,
            notes: Vec::new(),
        },
        columns: ModelColumns::of(x.view(), z.view()),
        cells: n,
        trials: Array1::ones(n),
        successes: pupils.iter().map(|p| f64::from(u8::from(p.uitval))).collect(),
        group,
        period: vec![0; n],
        dose: pupils.iter().map(|p| p.dose).collect(),
        cohorts: None,
    }
}

/// Schools that have pupils, and the group code of each pupil.
fn groups(pupils: &[LandmarkPupil]) -> (Vec<SchoolIx>, Vec<u32>) {
    let mut present: Vec<u32> = pupils.iter().map(|p| p.school).collect();
    present.dedup();
    let code = |p: &LandmarkPupil| present.partition_point(|s| *s < p.school) as u32;
    let codes = pupils.iter().map(code).collect();
    (present.iter().map(|s| SchoolIx::from_position(*s as usize)).collect(), codes)
}

fn counts(set: &LandmarkSet) -> IdVec<SchoolIx, Counts> {
    let mut counts: IdVec<SchoolIx, Counts> = vec![Counts::default(); set.schools.len()].into();
    for p in &set.pupils {
        let c = &mut counts[SchoolIx::from_position(p.school as usize)];
        c.pupils += 1;
        c.events += u64::from(p.uitval);
    }
    counts
}

/// The rows on which falsification checks work, with `y` as outcome.
pub(super) fn rows(set: &LandmarkSet, y: impl Fn(&LandmarkPupil) -> f64) -> Rows {
    let pupils = &set.pupils;
    let parts = parts(pupils);
    let (groups, school) = groups(pupils);
    let school_mean = Array1::from(parts.school);
    Rows {
        y: pupils.iter().map(y).collect(),
        within: parts.within.into(),
        cohort_mean: Array1::from(parts.cohort) + &school_mean,
        school_mean,
        x: Array2::from_shape_fn((pupils.len(), COVARIATES.len()), |(i, c)| covariate(&pupils[i], c)),
        terms: COVARIATES.map(String::from).to_vec(),
        school,
        schools: groups.len(),
        cohort: pupils.iter().map(|p| p.cohort).collect(),
        cohorts: pupils.iter().map(|p| p.cohort as usize + 1).max().unwrap_or(1),
        step: STEP,
    }
}
